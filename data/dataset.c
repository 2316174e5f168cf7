/* dataset.c - a data set in memory, or some rows of a file that is mapped: freed, cut and selected. */
#include "data/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- Rows of a store -------------------------------------------------------------------------------------------- */

uint64_t palt__row_of(const pal_dataset *d, uint64_t k)
{
    if (!d->store) return k;
    if (d->index) return d->index[k];
    return d->store->order.n ? palt__permute(&d->store->order, d->first + k) : d->first + k;
}

void palt__store_release(struct palt__store *store)
{
    if (!store || --store->users > 0) return;
    palt__raw_free(&store->raw);
    free(store);
}

/* ---- Copies of rows --------------------------------------------------------------------------------------------- */

static pal_tensor *copy_rows(const pal_tensor *from, const uint32_t *rows, int64_t first, int64_t n)
{
    pal_shape shape = from->shape;
    const size_t row = pal_tensor_bytes(from) / (size_t)shape.dim[0];
    shape.dim[0] = n;
    pal_tensor *to = pal_tensor_new(from->context, from->dtype, shape);
    for (size_t i = 0; to && rows && i < (size_t)n; i++)
        memcpy((char *)to->data + i * row, (const char *)from->data + rows[i] * row, row);
    if (to && !rows) memcpy(to->data, (const char *)from->data + (size_t)first * row, (size_t)n * row);
    return to;
}

static char **copy_texts(char *const *from, const uint32_t *rows, int64_t first, int64_t n, bool *good)
{
    char **to = from ? calloc((size_t)n + 1, sizeof *to) : NULL;
    *good &= to || !from;
    for (size_t i = 0; to && *good && i < (size_t)n; i++) {
        to[i] = strdup(from[rows ? rows[i] : (size_t)first + i]);
        *good &= to[i] != NULL;
    }
    return to;
}

static void free_texts(char **texts, int64_t n)
{
    for (int64_t i = 0; texts && i < n; i++) free(texts[i]);
    free(texts);
}

void pal_dataset_free(pal_dataset *d)
{
    if (!d) return;
    if (!d->store) pal_tensor_free(d->inputs); /* a store frees its own */
    pal_tensor_free(d->labels);
    pal_tensor_free(d->known);
    pal_tensor_free(d->rows);
    free_texts(d->ids, d->count);
    free_texts(d->classes_of, d->classes);
    pal_schema_free(d->schema);
    palt__store_release(d->store);
    free(d->index);
    free(d);
}

/* The rows of a data set, or n of them from `first` on, as a data set of their own. NULL: out of memory. */
static pal_dataset *part_of(const pal_dataset *from, const uint32_t *rows, int64_t first, int64_t n)
{
    bool good = true;
    pal_dataset *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    *d = *from;
    d->count = n;
    d->inputs = d->store ? from->inputs : copy_rows(from->inputs, rows, first, n);
    d->labels = from->labels ? copy_rows(from->labels, rows, first, n) : NULL;
    d->known = from->known ? copy_rows(from->known, rows, first, n) : NULL;
    d->rows = from->rows ? copy_rows(from->rows, rows, first, n) : NULL;
    good &= d->inputs && (d->labels || !from->labels) && (d->known || !from->known) && (d->rows || !from->rows);
    d->ids = copy_texts(from->ids, rows, first, n, &good);
    d->classes_of = copy_texts(from->classes_of, NULL, 0, from->classes, &good);
    d->schema = from->schema ? pal_schema_new(from->schema, NULL) : NULL;
    good &= d->schema || !from->schema;
    d->index = NULL;
    if (d->store) {
        d->store->users++;
        d->first += rows ? 0 : (uint64_t)first;
        if (rows || from->index) {
            d->index = malloc((size_t)n * sizeof *d->index);
            good &= d->index != NULL;
            for (size_t i = 0; d->index && i < (size_t)n; i++)
                d->index[i] = (uint32_t)palt__row_of(from, rows ? rows[i] : (size_t)first + i);
            d->first = 0;
        }
    }
    if (good) return d;
    pal_dataset_free(d);
    return NULL;
}

/* Replaces a data set by a part of it. */
static pal_status keep(pal_dataset *d, int64_t first, int64_t n)
{
    pal_dataset *part = part_of(d, NULL, first, n), whole = *d;
    if (!part) return PAL_ERR_MEMORY;
    *d = *part;
    *part = whole;
    pal_dataset_free(part);
    return PAL_OK;
}

pal_status pal_dataset_limit(pal_dataset *d, int64_t n)
{
    if (!d || n < 1) return PAL_ERR_ARGUMENT;
    return n < d->count ? keep(d, 0, n) : PAL_OK;
}

pal_status pal_dataset_skip(pal_dataset *d, int64_t n)
{
    if (!d || n < 0 || n >= d->count) return PAL_ERR_ARGUMENT;
    return n ? keep(d, n, d->count - n) : PAL_OK;
}

pal_dataset *pal_dataset_select(const pal_dataset *d, const uint32_t *rows, size_t n, pal_error *err)
{
    if (!d || !rows || !n || n > INT64_MAX) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "a selection needs a data set and at least one sample");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (rows[i] >= d->count) {
            pal_error_set(err, PAL_ERR_ARGUMENT, "%s: has no sample %lu: give 0 to %lld", d->name,
                          (unsigned long)rows[i], (long long)d->count - 1);
            return NULL;
        }
    pal_dataset *part = part_of(d, rows, 0, (int64_t)n);
    if (!part) pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory for %zu of its samples", d->name, n);
    return part;
}
