/* safetensors_write.c - writes a safetensors file completely or not at all (replace.c). */
#include "models/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

/* ---- The header ----------------------------------------------------------------------------------------------- */

static bool set_text(json_t *object, const char *key, const char *value)
{
    return key && value && json_object_set_new(object, key, json_string(value)) == 0;
}

/* Adds tensor t to the header. Returns what is wrong with it, or NULL. */
static const char *add_tensor(json_t *header, const pal_named_tensor *t, uint64_t *at)
{
    if (!t->name || !*t->name || !t->tensor) return "has no name or no data";
    const char *dtype = pal__safetensors_dtype(t->tensor->dtype);
    if (!dtype) return "has a type that the format does not support";
    if (!strcmp(t->name, "__metadata__") || json_object_get(header, t->name)) return "has a name that is taken";
    uint64_t end = *at + pal_tensor_bytes(t->tensor);
    json_t *shape = json_array();
    bool ok = shape != NULL;
    for (int a = 0; ok && a < t->tensor->shape.rank; a++)
        ok = json_array_append_new(shape, json_integer(t->tensor->shape.dim[a])) == 0;
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape, "data_offsets", (json_int_t)*at,
                              (json_int_t)end);
    ok = ok && entry && json_object_set(header, t->name, entry) == 0;
    json_decref(entry);
    *at = end;
    return ok ? NULL : "has a name that is not UTF-8, or memory ran out";
}

/* The text of the header, padded with spaces so that the data start at a multiple of 64. NULL: out of memory. */
static char *header_text(const json_t *header, size_t *length)
{
    size_t size = json_dumpb(header, NULL, 0, JSON_COMPACT);
    *length = (size + 8 + ALIGN - 1) / ALIGN * ALIGN - 8;
    char *text = size ? malloc(*length) : NULL;
    if (!text) return NULL;
    memset(text, ' ', *length);
    json_dumpb(header, text, size, JSON_COMPACT);
    return text;
}

static char *make_header(const char *path, const pal_named_tensor *tensors, size_t n, const pal_setting *metadata,
                         size_t n_metadata, size_t *length, pal_error *err)
{
    json_t *header = json_object(), *texts = json_object();
    const char *wrong = NULL, *which = "metadata";
    uint64_t at = 0;
    char *text = NULL;
    for (size_t i = 0; i < n_metadata && !wrong; i++)
        if (!set_text(texts, metadata[i].name, metadata[i].value)) wrong = "is not text in UTF-8";
    if (n_metadata && !wrong && json_object_set(header, "__metadata__", texts)) wrong = "did not fit into memory";
    for (size_t i = 0; i < n && !wrong; i++)
        if ((wrong = add_tensor(header, &tensors[i], &at))) which = tensors[i].name ? tensors[i].name : "(unnamed)";
    if (wrong)
        pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %.100s %s", pal__short_path(path), which, wrong);
    else if (!(text = header_text(header, length)))
        pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
    json_decref(texts);
    json_decref(header);
    return text;
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

typedef struct contents {
    const char *header;
    uint64_t length;
    const pal_named_tensor *tensors;
    size_t n;
} contents;

static int write_contents(int descriptor, void *user)
{
    const contents *c = user;
    int why = pal_write_all(descriptor, &c->length, sizeof c->length);
    if (!why) why = pal_write_all(descriptor, c->header, c->length);
    for (size_t i = 0; !why && i < c->n; i++)
        why = pal_write_all(descriptor, c->tensors[i].tensor->data, pal_tensor_bytes(c->tensors[i].tensor));
    return why;
}

pal_status pal__safetensors_write_at(int folder, const char *path, const pal_named_tensor *tensors, size_t n,
                                     const pal_setting *metadata, size_t n_metadata, pal_error *err)
{
    size_t length = 0;
    pal_error why_not;
    if (!path || !*path) return pal_error_set(err, PAL_ERR_ARGUMENT, "safetensors: needs a path to write to");
    char *header = make_header(path, tensors, n, metadata, n_metadata, &length, &why_not);
    if (!header) return pal_error_set(err, why_not.status, "%s", why_not.text);
    pal_status status = pal_file_replace(folder, path, write_contents, &(contents){header, length, tensors, n}, err);
    free(header);
    return status;
}

pal_status pal_safetensors_write(const char *path, const pal_named_tensor *tensors, size_t n,
                                 const pal_setting *metadata, size_t n_metadata, pal_error *err)
{
    return pal__safetensors_write_at(AT_FDCWD, path, tensors, n, metadata, n_metadata, err);
}
