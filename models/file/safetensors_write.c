/* safetensors_write.c - writes a safetensors file completely or not at all (pal_file_replace). */
#include "models/file/json.h"
#include "models/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 }; /* the data start at a multiple of it */

/* ---- What is written ------------------------------------------------------------------------------------------ */

/* Returns what is wrong with tensor t, or NULL. */
static const char *add_tensor(pal__header *h, const pal_named_tensor *t)
{
    if (!t->name || !*t->name || !t->tensor) return "has no name or no data";
    if (!pal__safetensors_dtype(t->tensor->dtype)) return "has a type that the format does not support";
    if (!strcmp(t->name, "__metadata__")) return "has a name that is taken";
    const uint64_t begin = h->n ? h->slots[h->n - 1].end : 0;
    h->slots[h->n++] = (pal__slot){.name = t->name,
                                   .dtype = t->tensor->dtype,
                                   .shape = t->tensor->shape,
                                   .begin = begin,
                                   .end = begin + pal_tensor_bytes(t->tensor),
                                   .tensor = t->tensor};
    return NULL;
}

static uint64_t checksum_of(const pal__header *h)
{
    uint64_t hash = pal__checksum_metadata(h);
    for (size_t i = 0; i < h->n; i++) {
        const size_t size = pal_tensor_bytes(h->slots[i].tensor);
        hash = pal__checksum_slot(hash, &h->slots[i]);
        for (size_t at = 0; at < size; at += PAL__BLOCK)
            hash = pal_hash(hash, (const char *)h->slots[i].tensor->data + at,
                            size - at < PAL__BLOCK ? size - at : PAL__BLOCK);
    }
    return hash;
}

/* Fills a header without text. checksum: room for its text. */
static pal_status describe(pal__header *h, const char *path, const pal_named_tensor *tensors, size_t n,
                           const pal_setting *metadata, size_t n_metadata, char checksum[24], pal_error *err)
{
    const char *wrong = NULL, *which = "the metadata", *twice;
    h->slots = calloc(n + 1, sizeof *h->slots);
    h->metadata = calloc(n_metadata + 1, sizeof *h->metadata);
    if (!h->slots || !h->metadata) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
    for (size_t i = 0; i < n_metadata && !wrong; i++) {
        if (!metadata[i].name || !metadata[i].value) wrong = "are not complete";
        h->metadata[h->n_metadata++] = metadata[i];
    }
    for (size_t i = 0; i < n && !wrong; i++)
        if ((wrong = add_tensor(h, &tensors[i]))) which = tensors[i].name ? tensors[i].name : "(unnamed)";
    h->metadata[h->n_metadata++] = (pal_setting){PAL__CHECKSUM, checksum};
    const pal_status status = wrong ? PAL_OK : pal__header_check_names(h, &twice);
    if (status == PAL_ERR_MEMORY) return pal_error_set(err, status, "%s: out of memory", path);
    if (status) {
        which = twice;
        wrong = "has a name that is taken";
    }
    if (wrong) return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %.100s %s", path, which, wrong);
    pal__header_sort(h);
    pal__checksum_text(checksum_of(h), checksum);
    return PAL_OK;
}

/* ---- The text of the header ----------------------------------------------------------------------------------- */

static void put_slot(pal__out *out, const pal__slot *s)
{
    pal__out_add(out, ",", 1);
    pal__out_string(out, s->name);
    pal__out_format(out, ":{\"dtype\":\"%s\",\"shape\":[", pal__safetensors_dtype(s->dtype));
    for (int a = 0; a < s->shape.rank; a++) pal__out_format(out, "%s%lld", a ? "," : "", (long long)s->shape.dim[a]);
    pal__out_format(out, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)s->begin, (unsigned long long)s->end);
}

/* Padded with spaces, so that the data start at a multiple of 64. */
static void put_header(pal__out *out, const pal__header *h)
{
    static const char spaces[ALIGN] = {[0 ... ALIGN - 1] = ' '};
    for (size_t i = 0; i < h->n_metadata; i++) {
        pal__out_format(out, "%s", i ? "," : "{\"__metadata__\":{");
        pal__out_string(out, h->metadata[i].name);
        pal__out_add(out, ":", 1);
        pal__out_string(out, h->metadata[i].value);
    }
    pal__out_add(out, "}", 1);
    for (size_t i = 0; i < h->n; i++) put_slot(out, &h->slots[i]);
    pal__out_add(out, "}", 1);
    pal__out_add(out, spaces, (ALIGN - (out->size + PAL__LENGTH_SIZE) % ALIGN) % ALIGN);
}

static bool same(const pal__header *a, const pal__header *b)
{
    bool equal = a->n == b->n && a->n_metadata == b->n_metadata;
    for (size_t i = 0; equal && i < a->n_metadata; i++)
        equal =
            !strcmp(a->metadata[i].name, b->metadata[i].name) && !strcmp(a->metadata[i].value, b->metadata[i].value);
    for (size_t i = 0; equal && i < a->n; i++) {
        const pal__slot *s = &a->slots[i], *t = &b->slots[i];
        equal = !strcmp(s->name, t->name) && s->dtype == t->dtype && pal_shape_equal(s->shape, t->shape) &&
                s->begin == t->begin && s->end == t->end;
    }
    return equal;
}

/* Reads the text as a reader of the file would, and compares it with what was meant. */
static pal_status check_text(const pal__out *out, const pal__header *h, const char *path, pal_error *err)
{
    pal__header back = {0};
    char *copy = malloc(out->size + 1);
    if (!copy) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
    memcpy(copy, out->text, out->size);
    pal_status status = pal__header_parse(&back, copy, out->size, h->n ? h->slots[h->n - 1].end : 0, path, err);
    if (!status && !same(h, &back))
        status = pal_error_set(err, PAL_ERR_FORMAT, "%s: not written: the header reads back otherwise", path);
    pal__header_free(&back);
    return status;
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

typedef struct contents {
    const pal__out *text;
    const pal__header *header;
} contents;

static int write_contents(int descriptor, void *user)
{
    const contents *c = user;
    const uint64_t length = c->text->size;
    int why = pal_write_all(descriptor, &length, sizeof length);
    if (!why) why = pal_write_all(descriptor, c->text->text, length);
    for (size_t i = 0; !why && i < c->header->n; i++)
        why = pal_write_all(descriptor, c->header->slots[i].tensor->data, pal_tensor_bytes(c->header->slots[i].tensor));
    return why;
}

pal_status pal__safetensors_write_at(int folder, const char *path, const pal_named_tensor *tensors, size_t n,
                                     const pal_setting *metadata, size_t n_metadata, pal_error *err)
{
    char checksum[24];
    pal__out out = {0};
    pal__header header = {0};
    if (!path || !*path) return pal_error_set(err, PAL_ERR_ARGUMENT, "safetensors: needs a path to write to");
    const char *shown = pal__short_path(path);
    pal_status status = describe(&header, shown, tensors, n, metadata, n_metadata, checksum, err);
    if (!status) put_header(&out, &header);
    if (out.not_utf8)
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "%s: a name or a text of the metadata is not UTF-8", shown);
    else if (out.no_memory)
        status = pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", shown);
    if (!status) status = check_text(&out, &header, shown, err);
    if (!status) status = pal_file_replace(folder, path, write_contents, &(contents){&out, &header}, err);
    free(out.text);
    pal__header_free(&header);
    return status;
}

pal_status pal_safetensors_write(const char *path, const pal_named_tensor *tensors, size_t n,
                                 const pal_setting *metadata, size_t n_metadata, pal_error *err)
{
    return pal__safetensors_write_at(AT_FDCWD, path, tensors, n, metadata, n_metadata, err);
}
