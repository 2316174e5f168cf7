/* target_gzip.c - IDX files in gzip. What is accepted has the same values as the unpacked bytes, as zlib's inflate
 * gives them. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/data.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/idx.h"

enum { UNPACKED = 1 << 20 };
static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

/* Packs the bytes as one member of a gzip file. */
static size_t pack(const uint8_t *data, size_t size, uint8_t *out, size_t room, int level, int strategy)
{
    z_stream z = {
        .next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)room};
    fuzz_require(deflateInit2(&z, level, Z_DEFLATED, 31, 8, strategy) == Z_OK, "deflate does not begin");
    const bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    deflateEnd(&z);
    return done ? z.total_out : 0;
}

/* Unpacks all members, and passes over zeros behind each. Returns the size, or SIZE_MAX if the data are damaged or too
 * long. */
static size_t unpack(const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
    size_t used = 0, at = 0;
    while (size - at > 1 && data[at] == 0x1f && data[at + 1] == 0x8b) {
        z_stream z = {.next_in = (uint8_t *)(uintptr_t)data + at,
                      .avail_in = (uInt)(size - at),
                      .next_out = out + used,
                      .avail_out = (uInt)(room - used)};
        fuzz_require(inflateInit2(&z, 31) == Z_OK, "inflate does not begin");
        const int code = inflate(&z, Z_FINISH);
        inflateEnd(&z);
        if (code != Z_STREAM_END) return SIZE_MAX;
        used += z.total_out;
        at += z.total_in;
        while (at < size && !data[at]) at++;
    }
    return at ? used : SIZE_MAX;
}

static void run(const uint8_t *data, size_t size)
{
    static uint8_t plain[UNPACKED], again[UNPACKED];
    pal_error err = {0};
    pal_tensor *t = pal_idx_read(context, fuzz_put("in", data, size), &err);
    fuzz_outcome(t, &err);
    if (t && size > 1 && data[0] == 0x1f && data[1] == 0x8b) {
        const size_t is = fuzz_idx_of(t, again, sizeof again), should = unpack(data, size, plain, sizeof plain);
        if (is <= sizeof again) {
            fuzz_require(should == is, "%zu bytes were accepted, and there are %zu", is, should);
            fuzz_require(!memcmp(again, plain, is), "the values are not those that were packed");
        }
    }
    pal_tensor_free(t);
}

/* Unpacks, changes the bytes inside, and packs again, so that the checksum is right; or damages what is packed. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    static uint8_t plain[UNPACKED], packed[FUZZ_MOST];
    if (fuzz_chance(rng, 3)) {
        fuzz_change_bytes(b, NULL, rng);
        return;
    }
    fuzz_bytes inside = {.data = plain, .room = 1 << 14};
    inside.size = unpack(b->data, b->size, plain, 1 << 14);
    if (inside.size > inside.room || fuzz_chance(rng, 4)) inside.size = fuzz_idx_random(plain, 1 << 14, rng);
    if (!fuzz_chance(rng, 4)) target_idx.change(&inside, rng);
    size_t at = 0;
    for (size_t from = 0, n; from < inside.size || !from; from += n) { /* one member, or several */
        n = fuzz_chance(rng, 3) ? 1 + fuzz_below(rng, inside.size - from + 1) : inside.size - from;
        if (n > inside.size - from) n = inside.size - from;
        at += pack(plain + from, n, packed + at, sizeof packed - at, (int)fuzz_below(rng, 10), (int)fuzz_below(rng, 5));
        if (!inside.size) break;
    }
    if (fuzz_chance(rng, 5)) packed[at++] = (uint8_t)fuzz_random(rng); /* what follows is ignored */
    if (at <= b->room) fuzz_splice(b, 0, b->size, packed, at);
}

static void seeds(fuzz_seeds *to)
{
    static uint8_t plain[1 << 12], packed[1 << 13];
    uint64_t rng = 2;
    for (int i = 0; i < 20; i++) {
        const size_t n = fuzz_idx_random(plain, sizeof plain, &rng);
        fuzz_seed(to, packed, pack(plain, n, packed, sizeof packed, i % 10, i % 5));
    }
    memset(plain, 0, sizeof plain);
    memcpy(plain, (uint8_t[]){0, 0, 8, 1, 0, 0, 15, 248}, 8); /* 4088 zeros */
    fuzz_seed(to, packed, pack(plain, sizeof plain, packed, sizeof packed, 9, 0));
    fuzz_seed(to, packed, pack(plain, 0, packed, sizeof packed, 9, 0));
}

const fuzz_target target_gzip = {
    .name = "gzip",
    .summary = "IDX files in gzip",
    .most = 4096,
    .base = 2 << 20,
    .factor = 4 * 1032, /* zlib packs by at most 1032; the buffer doubles, the tensor is a copy */
    .open = open_context,
    .close = close_context,
    .seeds = seeds,
    .run = run,
    .change = change};
