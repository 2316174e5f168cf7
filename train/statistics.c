/* statistics.c - tensors of a model that are measured, not trained; they are filled before the first step.
 *
 * Sums are in double and in the order of the samples, so the values depend only on the data. */
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

static pal_status input_mean(const pal_dataset *data, pal_tensor *out, pal_error *err)
{
    double *mean = calloc((size_t)data->features, sizeof *mean);
    if (!mean) return palt__no_memory(err);
    pal_status status = pal_dataset_mean(data, PAL_F64, mean, err);
    for (size_t j = 0; j < (size_t)data->features && !status; j++) pal_tensor_set(out, j, mean[j]);
    free(mean);
    return status;
}

static const struct {
    const char *name;
    pal_status (*measure)(const pal_dataset *data, pal_tensor *out, pal_error *err);
} statistics[] = {{"input/mean", input_mean}};

pal_status palt__measure_statistics(pal_model *model, const pal_dataset *data, pal_error *err)
{
    pal_status status = PAL_OK;
    for (size_t i = 0; i < sizeof statistics / sizeof *statistics && !status; i++) {
        pal_tensor *out = pal_model_parameter_find(model, statistics[i].name);
        if (out && (int64_t)pal_tensor_count(out) == data->features) status = statistics[i].measure(data, out, err);
    }
    return status;
}
