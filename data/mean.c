/* mean.c - the mean of a data set. It sums in double and in the order of the samples, so that the result depends only
 * on the data. */
#include "data/internal.h"

#include <string.h>

enum { BLOCK = 256 };

pal_status pal_dataset_mean(const pal_dataset *data, pal_dtype as, double *mean, pal_error *err)
{
    const size_t d = (size_t)data->features;
    pal_tensor *x = pal_tensor_new(data->inputs->context, as, PAL_SHAPE(BLOCK, data->features));
    if (!x) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    memset(mean, 0, d * sizeof *mean);
    pal_status status = PAL_OK;
    for (int64_t at = 0; at < data->count && !status; at += BLOCK) {
        const size_t n = (size_t)(data->count - at < BLOCK ? data->count - at : BLOCK);
        uint32_t rows[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) rows[i] = (uint32_t)at + (uint32_t)(i < n ? i : 0);
        status = pal_dataset_batch(data, rows, BLOCK, x);
        for (size_t i = 0; i < n && !status; i++)
            for (size_t j = 0; j < d; j++)
                mean[j] +=
                    as == PAL_F64 ? ((const double *)x->data)[i * d + j] : (double)((const float *)x->data)[i * d + j];
    }
    for (size_t j = 0; j < d; j++) mean[j] /= (double)data->count;
    pal_tensor_free(x);
    return status ? pal_error_set(err, status, "%s: cannot gather a batch", data->name) : PAL_OK;
}
