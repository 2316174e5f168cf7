/* residuals.c - the squared errors of single samples and of single features, and reconstructions as numbers.
 *
 * Clean inputs are reconstructed, as for the squared error of pal_evaluate: the mean over samples of the first is the
 * sum over features of the second, and both are that figure. */
#include <stdlib.h>

#include "analysis/internal.h"

enum { BATCH = 128 };

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    (void)user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[0] = pal_model_reconstruct(model, in->x);
    pal_model_end(model);
    return 1;
}

typedef struct sums {
    int64_t at, features; /* at: samples that are done */
    double *of_sample, *of_feature;
    double *x, *out; /* all values, or NULL */
} sums;

static void take(const palt__stage *stage, void *user)
{
    sums *s = user;
    const pal_tensor *out = pal_output(stage->program, 0);
    for (int64_t i = 0; i < stage->rows; i++, s->at++) {
        double sum = 0;
        for (int64_t j = 0; j < s->features; j++) {
            const size_t e = (size_t)(i * s->features + j), to = (size_t)(s->at * s->features + j);
            const double x = pal_tensor_get(stage->input, e), y = pal_tensor_get(out, e);
            sum += (x - y) * (x - y);
            if (s->of_feature) s->of_feature[j] += (x - y) * (x - y);
            if (s->x) s->x[to] = x;
            if (s->out) s->out[to] = y;
        }
        if (s->of_sample) s->of_sample[s->at] = sum;
    }
}

static pal_status pass(pal_model *model, const pal_dataset *data, const uint32_t *rows, int64_t n, sums *s,
                       pal_error *err)
{
    const pal_status status = pal_data_check(model, data, err);
    if (status) return status;
    const palt__stage_options options = {.rows = n < BATCH ? n : BATCH, .record = record, .which = rows};
    palt__pass *p = palt__pass_new(model, data, n, &options, err);
    if (!p) return err ? err->status : PAL_ERR_ARGUMENT;
    const pal_status ran = palt__pass_run(p, 0, take, s, err);
    palt__pass_free(p);
    return ran;
}

pal_status pal_residuals(pal_model *model, const pal_dataset *data, double *of_sample, double *of_feature,
                         pal_error *err)
{
    sums s = {.features = data->features, .of_sample = of_sample, .of_feature = of_feature};
    for (int64_t j = 0; of_feature && j < data->features; j++) of_feature[j] = 0;
    const pal_status status = pass(model, data, NULL, data->count, &s, err);
    for (int64_t j = 0; of_feature && j < data->features; j++) of_feature[j] /= (double)data->count;
    return status;
}

pal_status pal_reconstructions(pal_model *model, const pal_dataset *data, const uint32_t *rows, size_t n, double *x,
                               double *out, pal_error *err)
{
    sums s = {.features = data->features, .x = x, .out = out};
    if (!n) return pal_error_set(err, PAL_ERR_ARGUMENT, "reconstructions: no samples");
    for (size_t i = 0; i < n; i++)
        if ((int64_t)rows[i] >= data->count)
            return pal_error_set(err, PAL_ERR_ARGUMENT, "sample %u: the data have %lld", (unsigned)rows[i],
                                 (long long)data->count);
    return pass(model, data, rows, (int64_t)n, &s, err);
}
