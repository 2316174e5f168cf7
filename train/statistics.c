/* statistics.c - tensors of a model that are not trained but measured, a row each: filled before the first step.
 *
 * Sums are in double and in the order of the samples, so the values depend on the data alone. */
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

enum { BLOCK = 256 };

pal_status pal__mean_of(pal_context *context, const pal_dataset *data, double *mean, pal_error *err)
{
    const size_t d = (size_t)data->features;
    pal_tensor *x = pal_tensor_new(context, PAL_F64, PAL_SHAPE(BLOCK, data->features));
    if (!x) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    memset(mean, 0, d * sizeof *mean);
    pal_status status = PAL_OK;
    for (int64_t at = 0; at < data->count && !status; at += BLOCK) {
        const size_t n = (size_t)(data->count - at < BLOCK ? data->count - at : BLOCK);
        uint32_t rows[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) rows[i] = (uint32_t)at + (uint32_t)(i < n ? i : 0);
        status = pal_dataset_batch(data, rows, BLOCK, x);
        const double *values = x->data;
        for (size_t i = 0; i < n && !status; i++)
            for (size_t j = 0; j < d; j++) mean[j] += values[i * d + j];
    }
    for (size_t j = 0; j < d; j++) mean[j] /= (double)data->count;
    pal_tensor_free(x);
    return status ? pal_error_set(err, status, "%s: a batch could not be gathered", data->name) : PAL_OK;
}

static pal_status input_mean(pal_context *context, const pal_dataset *data, pal_tensor *out, pal_error *err)
{
    double *mean = calloc((size_t)data->features, sizeof *mean);
    if (!mean) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    pal_status status = pal__mean_of(context, data, mean, err);
    for (size_t j = 0; j < (size_t)data->features && !status; j++) pal_tensor_set(out, j, mean[j]);
    free(mean);
    return status;
}

static const struct {
    const char *name;
    pal_status (*measure)(pal_context *context, const pal_dataset *data, pal_tensor *out, pal_error *err);
} statistics[] = {{"input/mean", input_mean}};

pal_status pal__measure_statistics(pal_model *model, const pal_dataset *data, pal_error *err)
{
    pal_status status = PAL_OK;
    for (size_t i = 0; i < sizeof statistics / sizeof *statistics && !status; i++) {
        pal_tensor *out = pal_model_parameter_find(model, statistics[i].name);
        if (out && (int64_t)pal_tensor_count(out) == data->features)
            status = statistics[i].measure(pal_model_context(model), data, out, err);
    }
    return status;
}
