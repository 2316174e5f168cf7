/* target_npz.c - .npz archives, without and with labels. What is accepted has a sample for each label, and a class for
 * each different label. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/internal.h"
#include "tests/fuzz/fuzz.h"

static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

static void check(const palt__raw *raw)
{
    const size_t n = (size_t)raw->values->shape.dim[0];
    fuzz_require(n && pal_tensor_count(raw->values), "no samples");
    if (!raw->labels) return;
    bool used[256] = {false};
    fuzz_require((size_t)raw->labels->shape.dim[0] == n && raw->n_classes <= 256, "labels of another number");
    for (size_t i = 0; i < n; i++) {
        const uint8_t label = ((const uint8_t *)raw->labels->data)[i];
        fuzz_require(label < raw->n_classes, "a label without a class");
        used[label] = true;
    }
    for (size_t i = 0; i < raw->n_classes; i++) {
        fuzz_require(used[i], "a class without a sample");
        fuzz_require(raw->classes[i][0], "a class without a name");
        for (size_t k = 0; k < i; k++) fuzz_require(strcmp(raw->classes[i], raw->classes[k]), "two classes alike");
    }
}

static void run(const uint8_t *data, size_t size)
{
    static const pal_setting label = {.name = "label", .value = "y"};
    const char *path = fuzz_put("in.npz", data, size);
    for (size_t labels = 0; labels < 2; labels++) {
        const pal_data_options options = {.given = &label, .n = labels};
        pal_error err = {0};
        palt__raw raw;
        const pal_status status = palt__raw_array(&raw, context, path, &options, NULL, &err);
        fuzz_require((status == PAL_OK) == (raw.values != NULL), "a status that is not that of the result");
        fuzz_outcome(status == PAL_OK, &err);
        if (status == PAL_OK) check(&raw);
        palt__raw_free(&raw);
    }
}

/* ---- Making archives -------------------------------------------------------------------------------------------- */

static size_t put(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) out[i] = i < 8 ? (uint8_t)(value >> 8 * i) : 0;
    return size;
}

/* The packed bytes of an entry; 0: there is no room. */
static size_t pack(const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
    z_stream z = {
        .next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)room};
    fuzz_require(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, 0) == Z_OK, "deflate does not begin");
    const bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    deflateEnd(&z);
    return done ? z.total_out : 0;
}

typedef struct entry {
    const char *name;
    uint8_t data[2048];
    size_t size;
} entry;

/* What the local header of an entry and the list at the end have in common. */
static size_t put_common(uint8_t *out, const entry *e, int method, uint32_t sum, size_t packed)
{
    size_t at = put(out, 20, 2);
    at += put(out + at, 0, 2);
    at += put(out + at, (uint64_t)method, 2);
    at += put(out + at, 0, 4);
    at += put(out + at, sum, 4);
    at += put(out + at, packed, 4);
    at += put(out + at, e->size, 4);
    at += put(out + at, strlen(e->name), 2);
    return at + put(out + at, 0, 2);
}

static size_t archive(const entry *entries, size_t n, uint8_t *out, size_t room, uint64_t *rng)
{
    uint8_t list[512], packed[4096];
    size_t at = 0, listed = 0;
    for (size_t i = 0; i < n; i++) {
        const entry *e = &entries[i];
        const bool deflated = fuzz_chance(rng, 2);
        const size_t size = deflated ? pack(e->data, e->size, packed, sizeof packed) : e->size,
                     length = strlen(e->name);
        const uint32_t sum = (uint32_t)crc32(0, e->data, (uInt)e->size) + fuzz_chance(rng, 30);
        const int method = fuzz_chance(rng, 50) ? (int)fuzz_below(rng, 100) : deflated ? 8 : 0;
        if (at + size + 200 + sizeof list > room) break;
        listed += put(list + listed, 0x02014b50, 4) + put(list + listed + 4, 20, 2);
        listed += put_common(list + listed, e, method, sum, size);
        listed += put(list + listed, 0, 10);
        listed += put(list + listed, at, 4);
        memcpy(list + listed, e->name, length);
        listed += length;
        at += put(out + at, 0x04034b50, 4);
        at += put_common(out + at, e, method, sum, size);
        memcpy(out + at, e->name, length);
        at += length;
        memcpy(out + at, deflated ? packed : e->data, size);
        at += size;
    }
    const size_t begin = at;
    memcpy(out + at, list, listed);
    at += listed;
    at += put(out + at, 0x06054b50, 4) + put(out + at + 4, 0, 4);
    at += put(out + at, n, 2) + put(out + at + 2, n, 2);
    at += put(out + at, listed, 4) + put(out + at + 4, begin, 4);
    return at + put(out + at, 0, 2);
}

static void labels(entry *e, uint64_t *rng)
{
    static const char *const types[] = {"|S1", "|S4", "<U1", ">U2", "|b1", "|i1", "<i2", "<f4", "<f8", "|u1"};
    const char *type = types[fuzz_below(rng, 10)];
    const size_t width = (size_t)(type[2] - '0') * (type[1] == 'U' ? 4 : 1), n = 1 + fuzz_below(rng, 6);
    char text[128];
    const int length =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,), }\n", type, n);
    memcpy(e->data, "\x93NUMPY\1\0", 8);
    put(e->data + 8, (uint64_t)length, 2);
    memcpy(e->data + 10, text, (size_t)length);
    e->size = 10 + (size_t)length;
    const bool few = !fuzz_chance(rng, 3);
    for (size_t i = 0; i < n * width; i++)
        e->data[e->size++] = (uint8_t)(few ? (i % width ? 0 : 'a' + fuzz_below(rng, 3)) : fuzz_random(rng));
}

static size_t random_archive(uint8_t *out, size_t room, uint64_t *rng)
{
    static const char *const names[] = {"X.npy", "y.npy", "z.npy", "readme.txt", ".npy", "a/b.npy"};
    static entry entries[4];
    const size_t n = fuzz_below(rng, 4) + !fuzz_chance(rng, 8);
    for (size_t i = 0; i < n && i < 4; i++) {
        fuzz_bytes b = {.data = entries[i].data, .room = sizeof entries[i].data};
        entries[i].name = names[fuzz_chance(rng, 3) ? fuzz_below(rng, 6) : i % 3];
        entries[i].size = 0;
        while (!entries[i].size) {
            target_npy.change(&b, rng);
            entries[i].size = b.size;
        }
        if (i == 1 && !fuzz_chance(rng, 6)) labels(&entries[i], rng);
    }
    return archive(entries, n < 4 ? n : 4, out, room, rng);
}

static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t whole[8192];
    if (fuzz_chance(rng, 2)) {
        fuzz_change_bytes(b, NULL, rng);
        return;
    }
    const size_t size = random_archive(whole, b->room < sizeof whole ? b->room : sizeof whole, rng);
    fuzz_splice(b, 0, b->size, whole, size);
}

static void seeds(fuzz_seeds *to)
{
    uint8_t whole[8192];
    uint64_t rng = 5;
    for (int i = 0; i < 64; i++) fuzz_seed(to, whole, random_archive(whole, sizeof whole, &rng));
}

/* clang-format off */
static const char *const words[] = {
    "PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "PK\7\10", "X.npy", "y.npy", "\x93NUMPY", "'<U4'", "'|S3'", NULL,
};
/* clang-format on */

const fuzz_target target_npz = {.name = "npz",
                                .summary = ".npz archives",
                                .words = words,
                                .most = 8192,
                                .base = 4 << 20,
                                .factor = 4 * 1032, /* as for gzip */
                                .open = open_context,
                                .close = close_context,
                                .seeds = seeds,
                                .run = run,
                                .change = change};
