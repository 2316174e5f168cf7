/* target_idx.c - IDX files. What is accepted is exactly the header of its shape and the values of the tensor. */
#include <string.h>

#include "data/data.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/idx.h"

static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

size_t fuzz_idx_of(const pal_tensor *t, uint8_t *out, size_t room)
{
    const size_t header = 4 + 4 * (size_t)t->shape.rank, size = header + pal_tensor_bytes(t);
    if (size > room) return size;
    memcpy(out, (uint8_t[]){0, 0, 8, (uint8_t)t->shape.rank}, 4);
    for (int32_t axis = 0; axis < t->shape.rank; axis++)
        for (int i = 0; i < 4; i++) out[4 + 4 * axis + i] = (uint8_t)(t->shape.dim[axis] >> (24 - 8 * i));
    memcpy(out + header, t->data, pal_tensor_bytes(t));
    return size;
}

static void run(const uint8_t *data, size_t size)
{
    static uint8_t again[FUZZ_MOST];
    pal_error err = {0};
    pal_tensor *t = pal_idx_read(context, fuzz_put("in", data, size), &err);
    fuzz_outcome(t, &err);
    if (t && !(size > 1 && data[0] == 0x1f && data[1] == 0x8b)) {
        fuzz_require(fuzz_idx_of(t, again, sizeof again) == size, "a file of another size was accepted");
        fuzz_require(!memcmp(again, data, size), "the values are not those of the file");
    }
    pal_tensor_free(t);
}

size_t fuzz_idx_random(uint8_t *out, size_t room, uint64_t *rng)
{
    const size_t rank = 1 + fuzz_below(rng, 4);
    size_t count = 1, at = 4;
    memcpy(out, (uint8_t[]){0, 0, 8, (uint8_t)rank}, 4);
    for (size_t axis = 0; axis < rank; axis++) {
        const size_t n = 1 + fuzz_below(rng, 6);
        memcpy(out + at, (uint8_t[]){0, 0, 0, (uint8_t)n}, 4);
        at += 4;
        count *= n;
    }
    for (size_t i = 0; i < count && at < room; i++) out[at++] = (uint8_t)fuzz_random(rng);
    return at;
}

/* A new file, or other sizes with the data that they need, or one byte less or more. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    if (fuzz_chance(rng, 3) || b->size < 8) {
        b->size = fuzz_idx_random(b->data, b->room, rng);
        return;
    }
    const size_t rank = b->data[3] % 5, header = 4 + 4 * rank;
    if (header > b->size || !rank) return;
    b->data[4 + 4 * fuzz_below(rng, rank) + 3] = (uint8_t)fuzz_below(rng, 12);
    size_t count = 1;
    for (size_t axis = 0; axis < rank; axis++) count *= b->data[4 + 4 * axis + 3];
    count += header + (fuzz_chance(rng, 4) ? fuzz_below(rng, 3) - 1 : 0);
    if (count > b->room) return;
    if (count > b->size) memset(b->data + b->size, 7, count - b->size);
    b->size = count;
}

static void seeds(fuzz_seeds *to)
{
    uint8_t one[4096];
    uint64_t rng = 1;
    for (int i = 0; i < 16; i++) fuzz_seed(to, one, fuzz_idx_random(one, sizeof one, &rng));
    static const char wide[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28};
    memset(one, 9, sizeof one);
    memcpy(one, wide, sizeof wide);
    fuzz_seed(to, one, sizeof wide + 2 * 28 * 28);
    fuzz_seed(to, "", 0);
}

const fuzz_target target_idx = {.name = "idx",
                                .summary = "IDX files",
                                .most = 4096,
                                .base = 2 << 20,
                                .factor = 1100, /* zlib packs by at most 1032, if the bytes happen to be gzip */
                                .open = open_context,
                                .close = close_context,
                                .seeds = seeds,
                                .run = run,
                                .change = change};
