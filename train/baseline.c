/* baseline.c - the squared error of the mean training sample, next to which the squared error of a model is read.
 *
 * Of a large data set it takes a sample: one row of each of PAL_BASELINE_ROWS equal parts, so that the rows are
 * distinct and in order. */
#include <math.h>
#include <stdlib.h>

#include "train/internal.h"

uint32_t *palt__sample_rows(const pal_dataset *data, uint64_t seed, size_t *n, pal_error *err)
{
    *n = (size_t)data->count;
    if (*n <= PAL_BASELINE_ROWS) return NULL;
    *n = PAL_BASELINE_ROWS;
    uint32_t *rows = malloc(*n * sizeof *rows);
    if (!rows) {
        palt__no_memory(err);
        return NULL;
    }
    pal_noise_words((pal_noise){.seed = seed}, "baseline", 0, *n, rows);
    for (size_t k = 0; k < *n; k++) {
        const uint64_t begin = k * (uint64_t)data->count / *n, end = (k + 1) * (uint64_t)data->count / *n;
        rows[k] = (uint32_t)(begin + (((end - begin) * rows[k]) >> 32));
    }
    return rows;
}

pal_status pal_baseline(const pal_dataset *train, const pal_dataset *data, uint64_t seed, double *squared_error,
                        pal_error *err)
{
    if (train->features != data->features)
        return pal_error_set(err, PAL_ERR_SHAPE, "a sample of %s has %lld features, but one of %s has %lld", data->name,
                             (long long)data->features, train->name, (long long)train->features);
    pal_error own = {0};
    size_t n, m;
    double *mean = malloc((size_t)train->features * sizeof *mean);
    uint32_t *of_train = palt__sample_rows(train, seed, &n, &own), *of_data = palt__sample_rows(data, seed, &m, &own);
    if (!mean) palt__no_memory(&own);
    if (!own.status) pal_dataset_mean_of(train, of_train, n, PAL_F32, mean, &own);
    if (!own.status) pal_dataset_spread(data, of_data, m, mean, squared_error, &own);
    free(of_data);
    free(of_train);
    free(mean);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

double pal_explained(double squared_error, double baseline)
{
    return baseline > 0 ? 1 - squared_error / baseline : (double)NAN;
}
