/* mean.c - the mean of samples, and their squared distance from a point. Sums are in double and in the order of the
 * samples, so that the results depend only on the data. Missing features count nowhere. */
#include "data/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, AHEAD = 4096 /* a multiple: rows of a mapped file that are asked for at a time */ };

/* known: of each feature; NULL: all are known. */
typedef void (*row_fn)(const double *row, const uint8_t *known, size_t features, void *user);

/* Calls fn for each of n samples, converted to the type `as`. rows NULL: the first n samples. */
static pal_status each_row(const pal_dataset *data, const uint32_t *rows, size_t n, pal_dtype as, row_fn fn, void *user,
                           pal_error *err)
{
    const size_t d = (size_t)data->features;
    pal_tensor *x = pal_tensor_new(data->inputs->context, as, PAL_SHAPE(BLOCK, data->features)),
               *row = pal_tensor_new(data->inputs->context, PAL_F64, PAL_SHAPE(data->features));
    pal_status status = x && row ? PAL_OK : pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    for (size_t at = 0; at < n && !status; at += BLOCK) {
        const size_t m = n - at < BLOCK ? n - at : BLOCK;
        uint32_t block[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) {
            const size_t k = at + (i < m ? i : 0);
            block[i] = rows ? rows[k] : (uint32_t)k;
        }
        if (rows && at % AHEAD == 0) pal_dataset_want(data, rows + at, n - at < AHEAD ? n - at : AHEAD);
        status = pal_dataset_gather(data, block, BLOCK, x, err);
        for (size_t i = 0; i < m && !status; i++) {
            double *values = as == PAL_F64 ? (double *)x->data + i * d : row->data;
            for (size_t j = 0; j < d && as != PAL_F64; j++) values[j] = (double)((const float *)x->data)[i * d + j];
            fn(values, data->known ? (const uint8_t *)data->known->data + block[i] * d : NULL, d, user);
        }
    }
    pal_tensor_free(row);
    pal_tensor_free(x);
    return status;
}

typedef struct mean {
    double *sum, *count; /* [features] */
} mean;

static void add_row(const double *row, const uint8_t *known, size_t features, void *user)
{
    mean *m = user;
    for (size_t j = 0; j < features; j++) {
        if (known && !known[j]) continue;
        m->sum[j] += row[j];
        m->count[j]++;
    }
}

pal_status pal_dataset_mean_of(const pal_dataset *data, const uint32_t *rows, size_t n, pal_dtype as, double *out,
                               pal_error *err)
{
    const size_t d = (size_t)data->features;
    if (!n) return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: the mean of no samples", data->name);
    mean m = {out, calloc(d, sizeof *m.count)};
    if (!m.count) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    memset(out, 0, d * sizeof *out);
    const pal_status status = each_row(data, rows, n, as, add_row, &m, err);
    for (size_t j = 0; j < d; j++) out[j] /= fmax(m.count[j], 1);
    free(m.count);
    return status;
}

pal_status pal_dataset_mean(const pal_dataset *data, pal_dtype as, double *out, pal_error *err)
{
    return pal_dataset_mean_of(data, NULL, (size_t)data->count, as, out, err);
}

typedef struct spread {
    const double *point;
    double sum;
} spread;

static void add_distance(const double *row, const uint8_t *known, size_t features, void *user)
{
    enum { SUMS = 4 }; /* independent sums, so that an addition need not wait for the one before it */
    spread *s = user;
    double sum[SUMS] = {0};
    for (size_t j = 0; j < features; j++)
        if (!known || known[j]) sum[j % SUMS] += (row[j] - s->point[j]) * (row[j] - s->point[j]);
    s->sum += (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

pal_status pal_dataset_spread(const pal_dataset *data, const uint32_t *rows, size_t n, const double *point,
                              double *squared, pal_error *err)
{
    spread s = {.point = point};
    if (!n) return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: the spread of no samples", data->name);
    const pal_status status = each_row(data, rows, n, PAL_F64, add_distance, &s, err);
    if (!status) *squared = s.sum / (double)n;
    return status;
}
