/* safetensors.c - the parts of a safetensors file. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/safetensors.h"

json_t *fuzz_header_of(const fuzz_bytes *b, size_t *data)
{
    uint64_t length;
    if (b->size < sizeof length) return NULL;
    memcpy(&length, b->data, sizeof length);
    if (length > b->size - sizeof length) return NULL;
    *data = sizeof length + (size_t)length;
    return json_loadb((char *)b->data + sizeof length, (size_t)length, 0, NULL);
}

void fuzz_header_put(fuzz_bytes *b, size_t data, const json_t *header)
{
    char *text = fuzz_json_text(header, JSON_COMPACT, b->room);
    const uint64_t length = text ? strlen(text) : 0;
    if (text && b->size - data + 8 + length <= b->room) {
        fuzz_splice(b, 8, data - 8, text, (size_t)length);
        memcpy(b->data, &length, sizeof length);
    }
    free(text);
}

static size_t width(const char *dtype)
{
    static const struct {
        const char *name;
        size_t width;
    } rows[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"U8", 1}, {"BOOL", 1}, {"BF16", 2}};
    for (size_t i = 0; dtype && i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, dtype)) return rows[i].width;
    return 0;
}

void fuzz_header_place(fuzz_bytes *b, size_t data, json_t *header)
{
    const char *name;
    json_t *entry;
    size_t at = 0;
    json_object_foreach(header, name, entry)
    {
        const json_t *shape = json_object_get(entry, "shape");
        double size = (double)width(json_string_value(json_object_get(entry, "dtype")));
        if (!json_is_array(shape) || size == 0) continue;
        for (size_t i = 0; i < json_array_size(shape); i++) size *= json_number_value(json_array_get(shape, i));
        if (!(size >= 0) || size > (double)(b->room - data)) continue;
        json_object_set_new(entry, "data_offsets",
                            json_pack("[I, I]", (json_int_t)at, (json_int_t)at + (json_int_t)size));
        at += (size_t)size;
    }
    if (data + at > b->room) return;
    if (data + at > b->size) memset(b->data + b->size, 1, data + at - b->size);
    b->size = data + at;
}
