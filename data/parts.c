/* parts.c - a data set of some rows of what was read: copied as they are, copied as the features of a schema, or left
 * in the file that is mapped. */
#include "data/open.h"
#include "data/store.h"

#include <stdlib.h>
#include <string.h>

static int64_t rows_in(const palt__raw *raw) { return raw->values->shape.dim[0]; }

static pal_shape sample_of(const palt__raw *raw)
{
    pal_shape s = raw->values->shape, out = {.rank = s.rank - 1};
    for (int32_t axis = 1; axis < s.rank; axis++) out.dim[axis - 1] = s.dim[axis];
    return raw->schema && raw->schema->features != pal_shape_count(out) ? PAL_SHAPE(raw->schema->features) : out;
}

/* Copies rows, as they are or as features. rows NULL: all. */
static bool fill_memory(pal_dataset *d, const palt__raw *raw, const uint32_t *rows, bool keeps_rows)
{
    pal_context *context = raw->values->context;
    const pal_schema *s = raw->schema;
    const size_t wide = pal_tensor_count(raw->values) / (size_t)rows_in(raw), n = (size_t)d->count,
                 f = (size_t)d->features;
    pal_shape shape = {.rank = d->sample.rank + 1, .dim = {d->count}};
    for (int32_t axis = 0; axis < d->sample.rank; axis++) shape.dim[axis + 1] = d->sample.dim[axis];
    d->inputs = pal_tensor_new(context, s ? PAL_F32 : raw->values->dtype, shape);
    if (!d->inputs) return false;
    if (!s) {
        const size_t bytes = wide * pal_dtype_size(raw->values->dtype);
        for (size_t i = 0; i < n; i++)
            memcpy((char *)d->inputs->data + i * bytes, (const char *)raw->values->data + (rows ? rows[i] : i) * bytes,
                   bytes);
        return true;
    }
    double *row = malloc(wide * sizeof *row);
    float *known = malloc(f * sizeof *known);
    if (keeps_rows) d->rows = pal_tensor_new(context, PAL_F64, PAL_SHAPE(d->count, (int64_t)wide));
    bool good = row && known && (d->rows || !keeps_rows);
    for (size_t i = 0; i < n && good; i++) {
        const size_t at = (rows ? rows[i] : i) * wide;
        for (size_t j = 0; j < wide; j++) row[j] = pal_tensor_get(raw->values, at + j);
        if (d->rows) memcpy((double *)d->rows->data + i * wide, row, wide * sizeof *row);
        const int64_t missing = pal_schema_apply(s, row, 1, (float *)d->inputs->data + i * f, known);
        if (missing && !d->known) {
            d->known = pal_tensor_new(context, PAL_U8, PAL_SHAPE(d->count, d->features));
            good = d->known != NULL;
            if (good) memset(d->known->data, 1, n * f);
        }
        for (size_t j = 0; j < f && missing && good; j++) ((uint8_t *)d->known->data)[i * f + j] = known[j] > 0;
    }
    free(row);
    free(known);
    return good;
}

static bool fill_labels(pal_dataset *d, const palt__raw *raw, const uint32_t *rows)
{
    const int64_t all = rows_in(raw);
    const uint8_t *label = raw->labels ? raw->labels->data : NULL;
    const char *const *names = raw->classes  ? (const char *const *)raw->classes
                               : raw->schema ? raw->schema->classes
                                             : NULL;
    bool good = true;
    if (label) {
        for (int64_t i = 0; i < all; i++)
            if (label[i] >= d->classes) d->classes = label[i] + 1;
        if (names && !raw->classes && raw->schema->n_classes > d->classes) d->classes = (int)raw->schema->n_classes;
        d->labels = pal_tensor_new(raw->values->context, PAL_U8, PAL_SHAPE(d->count));
        good = d->labels != NULL;
        for (int64_t i = 0; i < d->count && good; i++)
            ((uint8_t *)d->labels->data)[i] = label[d->store ? palt__row_of(d, (uint64_t)i)
                                                    : rows   ? rows[i]
                                                             : (uint64_t)i];
        d->classes_of = names && good ? calloc((size_t)d->classes + 1, sizeof *d->classes_of) : NULL;
        for (int k = 0; d->classes_of && k < d->classes; k++) good &= (d->classes_of[k] = strdup(names[k])) != NULL;
        good &= d->classes_of || !names;
    }
    d->ids = raw->ids && !d->store ? calloc((size_t)d->count + 1, sizeof *d->ids) : NULL;
    for (int64_t i = 0; d->ids && i < d->count; i++) good &= (d->ids[i] = strdup(raw->ids[rows ? rows[i] : i])) != NULL;
    return good && (d->ids || !raw->ids || d->store);
}

pal_dataset *palt__part_make(const palt__part *part)
{
    const palt__raw *raw = part->raw;
    pal_dataset *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->count = part->n;
    d->sample = sample_of(raw);
    d->features = pal_shape_count(d->sample);
    d->scale = raw->values->dtype == PAL_U8 && !raw->schema ? 1.0 / 255.0 : 1.0;
    d->schema = raw->schema ? pal_schema_new(raw->schema, NULL) : NULL;
    bool good = d->schema || !raw->schema;
    if (part->store) {
        d->store = part->store;
        d->store->users++;
        d->inputs = raw->values;
        d->index = part->rows;
        d->first = part->first;
    } else if (good) {
        good = fill_memory(d, raw, part->rows, part->keeps_rows);
    }
    if (good) good = fill_labels(d, raw, part->rows);
    if (good) return d;
    if (part->store) d->index = NULL; /* the caller frees it */
    pal_dataset_free(d);
    return NULL;
}
