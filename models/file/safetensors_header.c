/* safetensors_header.c - parses and checks the JSON header of a safetensors file; the file is not trusted.
 *
 * {"__metadata__": {text: text}, NAME: {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...}. A header is
 * accepted only if each tensor has the size of its shape, and the tensors fill the data without gaps, overlaps or rest.
 * Code that reads slots may therefore rely on every number in them. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    pal_dtype dtype;
} dtypes[] = {
    /* clang-format off */
    {"F32", PAL_F32}, {"F64",  PAL_F64},  {"I32",  PAL_I32},
    {"U8",  PAL_U8},  {"BOOL", PAL_BOOL}, {"BF16", PAL_BF16},
    /* clang-format on */
};

const char *pal__safetensors_dtype(pal_dtype dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].name;
    return NULL;
}

const char *pal__short_path(const char *path)
{
    enum { SHOWN = 200 };
    size_t length = path ? strlen(path) : 0;
    if (!length) return "(no path)";
    return length > SHOWN ? path + length - SHOWN : path;
}

static bool read_dtype(const json_t *text, pal_dtype *dtype)
{
    const char *name = json_string_value(text);
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(dtypes[i].name, name) != 0) continue;
        *dtype = dtypes[i].dtype;
        return true;
    }
    return false;
}

static bool read_shape(const json_t *list, pal_shape *shape)
{
    *shape = PAL_SCALAR;
    if (!json_is_array(list) || json_array_size(list) > PAL_MAX_RANK) return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *dim = json_array_get(list, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) return false;
        shape->dim[shape->rank++] = json_integer_value(dim);
    }
    return pal_shape_count(*shape) >= 0;
}

static bool read_offsets(const json_t *list, pal__slot *slot)
{
    const json_t *begin = json_array_get(list, 0), *end = json_array_get(list, 1);
    if (json_array_size(list) != 2 || !json_is_integer(begin) || !json_is_integer(end)) return false;
    if (json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin)) return false;
    slot->begin = (uint64_t)json_integer_value(begin);
    slot->end = (uint64_t)json_integer_value(end);
    return true;
}

/* Fills *slot. Returns what is wrong with the entry, or NULL. */
static const char *read_slot(const json_t *entry, uint64_t size, pal__slot *slot)
{
    if (!json_is_object(entry) || json_object_size(entry) != 3) return "needs dtype, shape and data_offsets";
    if (!read_dtype(json_object_get(entry, "dtype"), &slot->dtype)) return "has an unknown dtype";
    if (!read_shape(json_object_get(entry, "shape"), &slot->shape)) return "has a bad shape";
    if (!read_offsets(json_object_get(entry, "data_offsets"), slot)) return "has bad data_offsets";
    if (slot->end > size) return "ends beyond the end of the file";
    uint64_t count = (uint64_t)pal_shape_count(slot->shape), element = pal_dtype_size(slot->dtype);
    uint64_t bytes = slot->end - slot->begin;
    if (bytes / element != count || bytes % element) return "has a size that does not match its shape";
    return NULL;
}

static bool is_metadata(json_t *metadata)
{
    const char *key;
    json_t *value;
    bool ok = json_is_object(metadata);
    json_object_foreach(metadata, key, value) ok &= json_is_string(value);
    return ok;
}

static int by_place(const void *a, const void *b)
{
    const pal__slot *p = a, *q = b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    return p->end < q->end ? -1 : p->end > q->end;
}

static pal_status read_slots(pal__header *h, uint64_t size, const char *path, pal_error *err)
{
    const char *name, *wrong;
    json_t *entry;
    json_object_foreach(h->json, name, entry)
    {
        pal__slot *slot = &h->slots[h->n];
        *slot = (pal__slot){.name = name};
        if (!strcmp(name, "__metadata__")) {
            if (is_metadata(entry)) continue;
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: the metadata is not an object of texts", path);
        }
        if ((wrong = read_slot(entry, size, slot)))
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: tensor %.100s %s", path, name, wrong);
        h->n++;
    }
    uint64_t at = 0;
    if (h->n) qsort(h->slots, h->n, sizeof *h->slots, by_place);
    for (size_t i = 0; i < h->n; at = h->slots[i++].end)
        if (h->slots[i].begin != at)
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: tensor %.100s %s", path, h->slots[i].name,
                                 h->slots[i].begin < at ? "overlaps another" : "comes after a gap");
    if (at != size)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: %llu bytes after the last tensor", path,
                             (unsigned long long)(size - at));
    return PAL_OK;
}

pal_status pal__header_parse(pal__header *h, const char *text, size_t length, uint64_t size, const char *path,
                             pal_error *err)
{
    json_error_t why;
    *h = (pal__header){0};
    path = pal__short_path(path);
    if (!length || text[0] != '{')
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: the header is not that of a safetensors file", path);
    h->json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (!h->json) return pal_error_set(err, PAL_ERR_FORMAT, "%s: the header is not JSON: %s", path, why.text);
    h->slots = calloc(json_object_size(h->json) + 1, sizeof *h->slots);
    if (h->slots) return read_slots(h, size, path, err);
    return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
}

void pal__header_free(pal__header *h)
{
    json_decref(h->json);
    free(h->slots);
    *h = (pal__header){0};
}
