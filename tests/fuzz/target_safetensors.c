/* target_safetensors.c - safetensors files. What is accepted has the same tensors and metadata after writing and
 * reading it again. */
#include <stdlib.h>
#include <string.h>

#include "models/models.h"
#include "tests/fuzz/safetensors.h"

enum { TENSORS = 4096 };
static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

static void round_trip(const pal_safetensors *f)
{
    static pal_named_tensor all[TENSORS];
    char path[FUZZ_PATH];
    const char *text = pal_safetensors_metadata(f, "note");
    size_t n = 0;
    pal_error err = {0};
    for (; n < TENSORS && (all[n].tensor = pal_safetensors_at(f, n, &all[n].name)); n++) {
        fuzz_require(pal_safetensors_find(f, all[n].name) == all[n].tensor, "%s is not found", all[n].name);
        if (!all[n].name[0]) return; /* the writer refuses a tensor without a name */
    }
    const pal_status status = pal_safetensors_write(fuzz_path("out.safetensors", path), all, n,
                                                    &(pal_setting){"note", text}, text != NULL, &err);
    fuzz_require(status == PAL_OK, "not written: %s", err.text);
    pal_safetensors *again = pal_safetensors_open(context, path, &err);
    fuzz_require(again, "not read again: %s", err.text);
    for (size_t i = 0; i < n; i++) fuzz_same_tensor(all[i].tensor, pal_safetensors_find(again, all[i].name));
    const char *same = pal_safetensors_metadata(again, "note");
    fuzz_require(!text == !same && (!text || !strcmp(text, same)), "the metadata differ");
    pal_safetensors_free(again);
}

static void run(const uint8_t *data, size_t size)
{
    pal_error err = {0};
    pal_safetensors *f = pal_safetensors_open(context, fuzz_put("in", data, size), &err);
    fuzz_outcome(f, &err);
    if (f) round_trip(f);
    pal_safetensors_free(f);
}

/* clang-format off */
static const char *const names[] = {
    "dtype", "shape", "data_offsets", "__metadata__", "a", "b", "encoder/W", "", "note", "\xc3\xa9", NULL,
};
static const char *const values[] = {
    "F32", "F64", "I32", "U8", "BOOL", "BF16", "F16", "I64", "", "text", NULL,
};
static const char *const words[] = {
    "\"dtype\":\"F32\"", "\"shape\":[", "\"data_offsets\":[0,", "\"__metadata__\":{", "{", "}", "[", "]", ",", ":", "\"",
    "\\u0000", "\\ud800", "\\u00e9", "null", "true", "1e3", "F64", "BF16", "BOOL", "U8", "0]", "{}", "[]", NULL,
};
/* clang-format on */

static json_t *header(uint64_t *rng)
{
    static const char *const dtypes[] = {"F32", "F64", "I32", "U8", "BOOL", "BF16"};
    json_t *all = json_object();
    if (fuzz_chance(rng, 2))
        json_object_set_new(all, "__metadata__", json_pack("{s: s, s: s}", "note", fuzz_number(rng), "format", "pt"));
    for (size_t n = fuzz_below(rng, 5); n; n--) {
        char name[8];
        json_t *shape = json_array();
        snprintf(name, sizeof name, "t%zu", fuzz_below(rng, 1000));
        for (size_t rank = fuzz_below(rng, 7); rank; rank--)
            json_array_append_new(shape, json_integer((json_int_t)fuzz_below(rng, fuzz_chance(rng, 8) ? 2 : 4)));
        json_object_set_new(all, name,
                            json_pack("{s: s, s: o, s: [i, i]}", "dtype", dtypes[fuzz_below(rng, 6)], "shape", shape,
                                      "data_offsets", 0, 0));
    }
    return all;
}

/* A new file; or a change of the header, after which its length is right, and in two of three cases the places too. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    size_t data = 8;
    json_t *h = fuzz_chance(rng, 3) ? NULL : fuzz_header_of(b, &data);
    const bool made = !json_is_object(h);
    if (made) {
        json_decref(h);
        h = header(rng);
        data = b->size = 8;
    }
    if (!made || fuzz_chance(rng, 3)) fuzz_json_change(h, names, values, rng);
    if (!fuzz_chance(rng, 3)) fuzz_header_place(b, data, h);
    if (!made && fuzz_chance(rng, 6)) fuzz_json_change(h, names, values, rng);
    fuzz_header_put(b, data, h);
    json_decref(h);
}

static void seeds(fuzz_seeds *to)
{
    static uint8_t room[1 << 14];
    char path[FUZZ_PATH];
    uint64_t rng = 6;
    for (int i = 0; i < 24; i++) {
        fuzz_bytes b = {.data = room, .room = sizeof room};
        change(&b, &rng);
        fuzz_seed(to, b.data, b.size);
    }
    pal_tensor *a = pal_tensor_new(context, PAL_F32, PAL_SHAPE(3, 4)),
               *b = pal_tensor_new(context, PAL_F64, PAL_SCALAR);
    pal_safetensors_write(fuzz_path("seed", path), (pal_named_tensor[]){{"a", a}, {"b", b}}, 2,
                          &(pal_setting){"note", "two"}, 1, NULL);
    fuzz_seed_file(to, path);
    pal_tensor_free(a);
    pal_tensor_free(b);
    fuzz_seed(to, "\2\0\0\0\0\0\0\0{}", 10);
}

const fuzz_target target_safetensors = {.name = "safetensors",
                                        .summary = "safetensors files",
                                        .words = words,
                                        .most = 4096,
                                        .base = 1 << 16,
                                        .factor = 64,
                                        .open = open_context,
                                        .close = close_context,
                                        .seeds = seeds,
                                        .run = run,
                                        .change = change};
