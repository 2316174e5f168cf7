/* target_npy.c - .npy files. What is accepted has the same type, shape and bits after writing and reading it again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "tests/fuzz/fuzz.h"

static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

static void run(const uint8_t *data, size_t size) { fuzz_round_trip(context, data, size, pal_npy_read, pal_npy_write); }

/* clang-format off */
static const char *const types[] = {
    "<f4", "<f8", "|u1", "<f2", ">f4", ">f8", "|i1", "<i2", ">i2", "<u2", "<i4", "<u4", ">i4", "<i8", "<u8", ">u8",
    "|b1", "=f4", "<c8", "|O", "<U3", "<M8[ns]", "f4", ">u1", "<f16",
};
static const char *const words[] = {
    "{'descr': '", "'fortran_order': ", "'shape': (", "True", "False", "), }", "L, ", ",", "(", ")", "'", "\"",
    "<f4", "<f8", "|u1", "<f2", ">f4", "|b1", "<i8", ">u8", "[('a', '<f4')]", "9223372036854775807", "0, ", "\x93NUMPY",
    "PK\3\4", NULL,
};
/* clang-format on */

/* Whole files of random type, order and shape; one in two has something wrong. */
static size_t file(uint8_t *out, size_t room, uint64_t *rng)
{
    char text[512], shape[160] = "";
    const char *type = types[fuzz_below(rng, sizeof types / sizeof *types)];
    const size_t rank = fuzz_below(rng, 7), width = (size_t)strtoul(type + strcspn(type, "0123456789"), NULL, 10);
    const int version = fuzz_chance(rng, 4) ? 1 + (int)fuzz_below(rng, 4) : 1;
    size_t count = width, at = 0;
    for (size_t axis = 0; axis < rank; axis++) {
        const size_t dim = fuzz_chance(rng, 12) ? 0 : 1 + fuzz_below(rng, 5);
        const bool odd = fuzz_chance(rng, 24);
        const char *number = fuzz_number(rng);
        at += (size_t)snprintf(shape + at, sizeof shape - at, axis ? " " : "%s", "");
        at += odd ? (size_t)snprintf(shape + at, sizeof shape - at, "%s,", number)
                  : (size_t)snprintf(shape + at, sizeof shape - at, "%zu,", dim);
        count *= dim;
    }
    size_t length = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", type,
                                     fuzz_chance(rng, 3) ? "True" : "False", shape);
    const size_t prefix = version == 1 ? 10 : 12;
    while ((prefix + length + 1) % 64) text[length++] = ' ';
    text[length++] = '\n';
    memcpy(out, "\x93NUMPY", 6);
    memcpy(out + 6, (uint8_t[]){(uint8_t)version, 0, (uint8_t)length, (uint8_t)(length >> 8), 0, 0}, 6);
    memcpy(out + prefix, text, length);
    at = prefix + length;
    if (fuzz_chance(rng, 6)) count += fuzz_below(rng, 5) - 2;
    const bool small = fuzz_chance(rng, 2); /* so that 64-bit integers fit into a double, and bool are 0 and 1 */
    for (size_t i = 0; i < count && at < room; i++)
        out[at++] = (uint8_t)(small ? (width && i % width == (*type == '>' ? width - 1 : 0)) : fuzz_random(rng));
    return at;
}

/* A new file; or a change of the header's text, after which its length is right. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t whole[4096];
    if (fuzz_chance(rng, 2) || b->size < 12 || b->data[6] != 1) {
        const size_t size = file(whole, b->room < sizeof whole ? b->room : sizeof whole, rng);
        fuzz_splice(b, 0, b->size, whole, size);
        return;
    }
    const size_t length = (size_t)b->data[8] | (size_t)b->data[9] << 8;
    if (10 + length > b->size || length > 1024) return;
    fuzz_bytes header = {.data = whole, .size = length, .room = 2048};
    memcpy(whole, b->data + 10, length);
    fuzz_change_bytes(&header, words, rng);
    fuzz_splice(b, 10, length, whole, header.size);
    if (b->size < 10 + header.size) return;
    b->data[8] = (uint8_t)header.size;
    b->data[9] = (uint8_t)(header.size >> 8);
}

static void seeds(fuzz_seeds *to)
{
    uint8_t whole[4096];
    char path[FUZZ_PATH];
    uint64_t rng = 3;
    for (int i = 0; i < 48; i++) fuzz_seed(to, whole, file(whole, sizeof whole, &rng));
    static const pal_dtype written[] = {PAL_F32, PAL_F64, PAL_U8};
    for (int i = 0; i < 6; i++) {
        pal_tensor *t = pal_tensor_new(context, written[i % 3], i < 3 ? PAL_SHAPE(3, 4) : PAL_SHAPE(5));
        for (size_t k = 0; k < pal_tensor_count(t); k++) pal_tensor_set(t, k, (double)k);
        fuzz_require(pal_npy_write(t, fuzz_path("seed.npy", path), NULL) == PAL_OK, "no seed");
        fuzz_seed_file(to, path);
        pal_tensor_free(t);
    }
}

const fuzz_target target_npy = {.name = "npy",
                                .summary = ".npy files",
                                .words = words,
                                .most = 4096,
                                .base = 2 << 20,
                                .factor = 4 * 1032, /* as for gzip */
                                .open = open_context,
                                .close = close_context,
                                .seeds = seeds,
                                .run = run,
                                .change = change};
