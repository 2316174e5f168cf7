/* data_check.c - whether a model can take these samples: their number of features, and the range of their values.
 *
 * Every function that takes a model and a data set checks it here, before anything is computed. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

typedef struct range {
    double low, high; /* low > high: no values */
} range;

#define WIDEN(type)                                                                                                    \
    for (size_t i = 0; i < n; i++) {                                                                                   \
        const double v = (double)((const type *)values->data)[i];                                                      \
        if (!isfinite(v)) continue;                                                                                    \
        r.low = v < r.low ? v : r.low;                                                                                 \
        r.high = v > r.high ? v : r.high;                                                                              \
    }

static range range_of(const pal_tensor *values)
{
    range r = {INFINITY, -INFINITY};
    const size_t n = pal_tensor_count(values);
    if (values->dtype == PAL_F32) {
        WIDEN(float)
    } else if (values->dtype == PAL_F64) {
        WIDEN(double)
    } else if (values->dtype == PAL_U8) {
        WIDEN(uint8_t)
    } else {
        for (size_t i = 0; i < n; i++) {
            const double v = pal_tensor_get(values, i);
            r = (range){fmin(r.low, v), fmax(r.high, v)};
        }
    }
    return r;
}
#undef WIDEN

enum { LOOKED_AT = 16384 };

/* Of a file that is mapped, some samples at equal distances, as the model sees them: those that the fingerprint takes,
 * so that they are read from the disk once. A number that is not finite is found when its sample is used. */
static range range_of_data(const pal_dataset *data)
{
    if (!data->store) return range_of(data->inputs);
    range r = {INFINITY, -INFINITY};
    const int64_t n = data->count < LOOKED_AT ? data->count : LOOKED_AT;
    pal_tensor *x = pal_tensor_new(data->inputs->context, PAL_F32, PAL_SHAPE(1, data->features));
    uint32_t *rows = malloc((size_t)n * sizeof *rows);
    for (int64_t i = 0; rows && i < n; i++) rows[i] = (uint32_t)((double)i * ((double)data->count / (double)n));
    if (rows) pal_dataset_want(data, rows, (size_t)n);
    for (int64_t i = 0; x && rows && i < n; i++) {
        if (pal_dataset_batch(data, rows + i, 1, x)) continue;
        const range one = range_of(x);
        r = (range){fmin(r.low, one.low), fmax(r.high, one.high)};
    }
    free(rows);
    pal_tensor_free(x);
    return r;
}

void pal_data_range(const pal_dataset *data, double *low, double *high)
{
    const range r = range_of_data(data);
    const bool any = r.low <= r.high;
    const double scale = data->store ? 1 : data->scale;
    *low = any ? r.low * scale : 0;
    *high = any ? r.high * scale : 0;
}

/* The settings that need values from 0 to 1, and what takes other values. The cross-entropy has no minimum for others;
 * intensity levels would be cut off, and a probability as well. */
/* clang-format off */
static const struct {
    const char *option, *value, *otherwise;
} of_unit_range[] = {
    {"output",   "bernoulli",   "use --output squared"},
    {"output",   "categorical", "use --output squared"},
    {"binarize", "threshold",   "use --binarize none"},
    {"binarize", "dynamic",     "use --binarize none"},
};
/* clang-format on */

static pal_status check_unit_range(const pal_model *model, const range *r, const char *name, pal_error *err)
{
    if (!(r->low < 0) && !(r->high > 1)) return PAL_OK;
    for (size_t i = 0; i < sizeof of_unit_range / sizeof *of_unit_range; i++) {
        const char *value = pal_model_setting(model, of_unit_range[i].option);
        if (value && !strcmp(value, of_unit_range[i].value))
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "%s: values from %g to %g, but --%s %s needs 0 to 1: scale them, or %s", name, r->low,
                                 r->high, of_unit_range[i].option, value, of_unit_range[i].otherwise);
    }
    return PAL_OK;
}

/* The sum of the squares of a sample must be finite, or its squared error is not. */
static pal_status check_size(const pal_model *model, const range *r, const char *name, pal_error *err)
{
    const double most = pal_model_dtype(model) == PAL_F32 ? (double)FLT_MAX : DBL_MAX;
    const double size = fmax(fabs(r->low), fabs(r->high));
    if (!(r->low <= r->high) || size <= sqrt(most / (double)palt__features(model))) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "%s: values from %g to %g, whose squares do not fit into %s: scale them, such as to mean 0 "
                         "and standard deviation 1",
                         name, r->low, r->high, pal_model_dtype(model) == PAL_F32 ? "float32" : "float64");
}

pal_status pal_samples_check(const pal_model *model, const pal_tensor *samples, const char *name, pal_error *err)
{
    if (samples->dtype == PAL_U8) return PAL_OK;
    const range r = range_of(samples);
    const pal_status status = check_size(model, &r, name, err);
    return status ? status : check_unit_range(model, &r, name, err);
}

pal_status pal_data_check(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    if (data->features == palt__features(model)) {
        if (data->inputs->dtype == PAL_U8 && !data->store) return PAL_OK;
        const range r = range_of_data(data);
        const pal_status status = check_size(model, &r, data->name, err);
        return status ? status : check_unit_range(model, &r, data->name, err);
    }
    return pal_error_set(err, PAL_ERR_SHAPE, "a sample of %s has %lld features, but the model takes %lld", data->name,
                         (long long)data->features, (long long)palt__features(model));
}
