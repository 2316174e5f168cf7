/* safetensors_header.c - parses and checks the JSON header of a safetensors file; the file is not trusted.
 *
 * {"__metadata__": {text: text}, NAME: {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...}. A header is
 * accepted only if each tensor has the size of its shape, and the tensors fill the data without gaps, overlaps or rest.
 * Code that reads slots may therefore rely on every number in them. */
#include "models/file/json.h"
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

/* ---- One tensor ----------------------------------------------------------------------------------------------- */

static bool read_dtype(pal__json *j, pal_dtype *dtype)
{
    const char *name = pal__json_peek(j) == '"' ? pal__json_text(j) : NULL;
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(dtypes[i].name, name) != 0) continue;
        *dtype = dtypes[i].dtype;
        return true;
    }
    return false;
}

/* A list of at most `most` whole numbers that are not negative. */
static bool read_list(pal__json *j, int64_t *out, int most, int *n)
{
    *n = 0;
    if (pal__json_peek(j) != '[' || !pal__json_enter(j, '[')) return false;
    while (pal__json_next(j, ']')) {
        pal__json_number number;
        if (*n == most || pal__json_peek(j) != '0' || !pal__json_number_read(j, &number)) return false;
        if (!number.whole || number.integer < 0) return false;
        out[(*n)++] = number.integer;
    }
    return !j->wrong;
}

static bool read_shape(pal__json *j, pal_shape *shape)
{
    *shape = PAL_SCALAR;
    return read_list(j, shape->dim, PAL_MAX_RANK, &shape->rank) && pal_shape_count(*shape) >= 0;
}

static bool read_offsets(pal__json *j, pal__slot *slot)
{
    int64_t at[2];
    int n;
    if (!read_list(j, at, 2, &n) || n != 2 || at[1] < at[0]) return false;
    slot->begin = (uint64_t)at[0];
    slot->end = (uint64_t)at[1];
    return true;
}

/* Fills *slot, except its name. Returns what is wrong with the entry, or NULL; a mistake in the JSON is in j->wrong. */
static const char *read_slot(pal__json *j, uint64_t size, pal__slot *slot)
{
    static const char *const fields[] = {"dtype", "shape", "data_offsets"},
                             needs[] = "needs dtype, shape and data_offsets";
    bool seen[3] = {false};
    if (pal__json_peek(j) != '{' || !pal__json_enter(j, '{')) return needs;
    while (pal__json_next(j, '}')) {
        const char *key = pal__json_key(j);
        size_t i = 0;
        while (key && i < 3 && strcmp(key, fields[i]) != 0) i++;
        if (!key || i == 3 || seen[i]) return needs;
        seen[i] = true;
        if (i == 0 && !read_dtype(j, &slot->dtype)) return "has an unknown dtype";
        if (i == 1 && !read_shape(j, &slot->shape)) return "has a bad shape";
        if (i == 2 && !read_offsets(j, slot)) return "has bad data_offsets";
    }
    if (!seen[0] || !seen[1] || !seen[2]) return needs;
    if (slot->end > size) return "ends beyond the end of the file";
    uint64_t count = (uint64_t)pal_shape_count(slot->shape), element = pal_dtype_size(slot->dtype);
    uint64_t bytes = slot->end - slot->begin;
    if (bytes / element != count || bytes % element) return "has a size that does not match its shape";
    return NULL;
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

/* Makes room for one more. False: out of memory. */
static bool grow(void *list, size_t n, size_t size)
{
    void **of = list;
    if (n & (n - 1)) return true; /* the room is the next power of two */
    void *more = realloc(*of, (n ? 2 * n : 1) * size);
    if (more) *of = more;
    return more != NULL;
}

static pal_status read_metadata(pal__header *h, pal__json *j, const char *path, pal_error *err)
{
    bool ok = pal__json_peek(j) == '{' && pal__json_enter(j, '{');
    while (ok && pal__json_next(j, '}')) {
        if (!grow(&h->metadata, h->n_metadata, sizeof *h->metadata))
            return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
        pal_setting *s = &h->metadata[h->n_metadata++];
        *s = (pal_setting){.name = pal__json_key(j)};
        if (s->name && pal__json_peek(j) == '"') s->value = pal__json_text(j);
        ok = s->value != NULL;
    }
    if (ok || j->wrong) return PAL_OK; /* the caller reports a mistake in the JSON */
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: the metadata is not an object of texts", path);
}

static pal_status read_entries(pal__header *h, pal__json *j, uint64_t size, const char *path, pal_error *err)
{
    bool described = false;
    pal__json_enter(j, '{');
    while (pal__json_next(j, '}')) {
        const char *name = pal__json_key(j), *wrong;
        if (!name) break;
        if (!strcmp(name, "__metadata__")) {
            const pal_status status = described ? PAL_OK : read_metadata(h, j, path, err);
            if (status) return status;
            if (described) j->wrong = "there are metadata twice";
            described = true;
            continue;
        }
        if (!grow(&h->slots, h->n, sizeof *h->slots))
            return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
        pal__slot *slot = &h->slots[h->n++];
        *slot = (pal__slot){.name = name};
        if ((wrong = read_slot(j, size, slot)) && !j->wrong)
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: tensor %.100s %s", path, name, wrong);
    }
    if (pal__json_end(j)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: the header is not JSON: %s", path, j->wrong);
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

pal_status pal__names_check(const char *const *first, size_t n, size_t size, const char **twice)
{
    const char **names = n ? malloc(n * sizeof *names) : NULL;
    if (n && !names) return PAL_ERR_MEMORY;
    for (size_t i = 0; i < n; i++) memcpy(&names[i], (const char *)first + i * size, sizeof *names);
    if (n) qsort(names, n, sizeof *names, by_name);
    *twice = NULL;
    for (size_t i = 1; i < n && !*twice; i++)
        if (!strcmp(names[i - 1], names[i])) *twice = names[i];
    free(names);
    return *twice ? PAL_ERR_EXISTS : PAL_OK;
}

pal_status pal__header_check_names(const pal__header *h, const char **twice)
{
    *twice = NULL;
    const pal_status status = h->n ? pal__names_check(&h->slots->name, h->n, sizeof *h->slots, twice) : PAL_OK;
    if (status || !h->n_metadata) return status;
    return pal__names_check(&h->metadata->name, h->n_metadata, sizeof *h->metadata, twice);
}

static int by_place(const void *a, const void *b)
{
    const pal__slot *p = a, *q = b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    if (p->end != q->end) return p->end < q->end ? -1 : 1;
    return strcmp(p->name, q->name);
}

static int by_key(const void *a, const void *b)
{
    const pal_setting *p = a, *q = b;
    return strcmp(p->name, q->name);
}

void pal__header_sort(pal__header *h)
{
    if (h->n) qsort(h->slots, h->n, sizeof *h->slots, by_place);
    if (h->n_metadata) qsort(h->metadata, h->n_metadata, sizeof *h->metadata, by_key);
}

static pal_status check_places(const pal__header *h, uint64_t size, const char *path, pal_error *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < h->n; at = h->slots[i++].end)
        if (h->slots[i].begin != at)
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: tensor %.100s %s", path, h->slots[i].name,
                                 h->slots[i].begin < at ? "overlaps another" : "comes after a gap");
    if (at != size)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: %llu bytes after the last tensor", path,
                             (unsigned long long)(size - at));
    return PAL_OK;
}

pal_status pal__header_parse(pal__header *h, char *text, size_t length, uint64_t size, const char *path, pal_error *err)
{
    const char *twice;
    *h = (pal__header){.text = text};
    path = pal__short_path(path);
    if (!length || text[0] != '{')
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: the header is not that of a safetensors file", path);
    pal__json j = pal__json_start(text, length);
    pal_status status = read_entries(h, &j, size, path, err);
    if (status) return status;
    status = pal__header_check_names(h, &twice);
    if (status == PAL_ERR_MEMORY) return pal_error_set(err, status, "%s: out of memory", path);
    if (status)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: the header is not JSON: %.100s is there twice", path, twice);
    pal__header_sort(h);
    return check_places(h, size, path, err);
}

void pal__header_free(pal__header *h)
{
    free(h->text);
    free(h->slots);
    free(h->metadata);
    *h = (pal__header){0};
}
