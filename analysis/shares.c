/* shares.c - how much of the variance of the data each unit of a linear model explains.
 *
 * The model is h = (x - mu) W + b, x^ = mu + h V + c; v_j is row j of V. By the variance of x - x^,
 *     Var(x) - Var(x - x^) = Cov(2 x - x^, x^), summed over features, and x^ = sum over j of h_j v_j, up to constants.
 * So unit j explains Cov(2 x - x^, h_j v_j), and the shares add up to 1 - Var(x - x^) / Var(x). For the closed form, or
 * any code whose units span orthogonal directions, it is Cov(x, h_j v_j): the eigenvalue j of the covariance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { BATCH = 1024, PRODUCTS = 0, CODES, REST, SQUARES, OUTPUTS };

typedef struct sums { /* over samples; x, and so 2 x - x^, is measured from the mean of the data */
    int64_t units, features;
    pal_tensor *mean;                        /* [features] */
    double *products, *codes, *rest, square; /* h (2 x - x^)' [units, features]; h; 2 x - x^; ||x||^2 */
} sums;

bool pal_is_linear(const pal_model *model) { return pal_model_setting(model, "solve") != NULL; }

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    const sums *s = user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    pal_var mean = pal_leaf(in->tape, s->mean, "shares/mean"), x = pal_sub(in->x, mean);
    pal_var h = pal_model_encode(model, in->x),
            rest = pal_sub(pal_scale(x, 2), pal_sub(pal_model_decode(model, h), mean));
    pal_model_end(model);
    outputs[PRODUCTS] = pal_matmul_t(h, rest, true, false);
    outputs[CODES] = pal_sum(h, 1, false);
    outputs[REST] = pal_sum(rest, 1, false);
    outputs[SQUARES] = pal_sum_squares(x);
    return OUTPUTS;
}

static void add(double *to, const pal_tensor *from)
{
    for (size_t i = 0; i < pal_tensor_count(from); i++) to[i] += pal_tensor_get(from, i);
}

static void after(const palt__stage *stage, void *user)
{
    sums *s = user;
    add(s->products, pal_output(stage->program, PRODUCTS));
    add(s->codes, pal_output(stage->program, CODES));
    add(s->rest, pal_output(stage->program, REST));
    add(&s->square, pal_output(stage->program, SQUARES));
}

static void finish(const sums *s, const pal_model *model, double n, double *share)
{
    const pal_tensor *v = pal_model_parameter_find(model, "decoder/W"),
                     *w = pal_model_parameter_find(model, "encoder/W");
    for (int64_t j = 0; j < s->units; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->features; i++) {
            const double weight =
                v ? pal_tensor_get(v, (size_t)(j * s->features + i)) : pal_tensor_get(w, (size_t)(i * s->units + j));
            sum += weight * (s->products[j * s->features + i] - s->codes[j] * s->rest[i] / n);
        }
        share[j] = s->square > 0 ? sum / s->square : NAN;
    }
}

static pal_status measure_mean(sums *s, const pal_dataset *data, pal_error *err)
{
    double *mean = malloc((size_t)s->features * sizeof *mean);
    pal_status status = mean ? pal_dataset_mean(data, PAL_F64, mean, err) : palt__no_memory(err);
    for (int64_t i = 0; !status && i < s->features; i++) pal_tensor_set(s->mean, (size_t)i, mean[i]);
    free(mean);
    return status;
}

static pal_status measure(sums *s, pal_model *model, const pal_dataset *data, pal_error *err)
{
    const size_t units = (size_t)s->units, features = (size_t)s->features;
    s->mean = pal_tensor_new(pal_model_context(model), pal_model_dtype(model), PAL_SHAPE(s->features));
    s->products = calloc(units * features, sizeof *s->products);
    s->codes = calloc(units, sizeof *s->codes);
    s->rest = calloc(features, sizeof *s->rest);
    pal_status status =
        s->mean && s->products && s->codes && s->rest ? measure_mean(s, data, err) : palt__no_memory(err);
    if (status) return status;
    palt__stage_options o = {.rows = BATCH, .record = record, .user = s};
    palt__pass *pass = palt__pass_new(model, data, data->count, &o, err);
    status = pass ? palt__pass_run(pass, 1, after, s, err) : err->status;
    palt__pass_free(pass);
    return status;
}

pal_status pal_shares(pal_model *model, const pal_dataset *data, double *share, pal_error *err)
{
    const pal_tensor *w = pal_model_parameter_find(model, "encoder/W");
    if (!pal_is_linear(model) || !w || w->shape.rank != 2)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s is not linear: its units explain no shares of the variance",
                             pal_model_variant(model)->name);
    pal_error own = {0};
    sums s = {.units = w->shape.dim[1], .features = w->shape.dim[0]};
    if (!pal_data_check(model, data, &own) && !measure(&s, model, data, &own))
        finish(&s, model, (double)data->count, share);
    pal_tensor_free(s.mean);
    free(s.products);
    free(s.codes);
    free(s.rest);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

static int descending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* each receives the shares in percent, descending, and sum those up to each; both begin with k = 0. */
static void accumulate(const double *share, int64_t units, int64_t count, double *each, double *sum)
{
    memcpy(each + 1, share, (size_t)units * sizeof *each);
    qsort(each + 1, (size_t)units, sizeof *each, descending);
    each[0] = NAN;
    sum[0] = 0;
    for (int64_t k = 1; k < count; k++) {
        each[k] = k <= units ? 100 * each[k] : NAN;
        sum[k] = k <= units ? sum[k - 1] + each[k] : NAN;
    }
}

pal_status pal_shares_write(const pal_shares_picture *p, const char *path, pal_error *err)
{
    int64_t count = 1;
    if (!p->count) return pal_error_set(err, PAL_ERR_ARGUMENT, "explained variance: no model is given");
    for (size_t i = 0; i < p->count; i++) count = p->units[i] + 1 > count ? p->units[i] + 1 : count;
    const size_t n = (size_t)count;
    double *x = malloc(n * sizeof *x), *y = malloc(2 * p->count * n * sizeof *y);
    pal_series *series = calloc(p->count + 1, sizeof *series);
    pal_status status = x && y && series ? PAL_OK : palt__no_memory(err);
    for (size_t k = 0; !status && k < n; k++) x[k] = (double)k;
    for (size_t i = 0; !status && i < p->count; i++) {
        accumulate(p->shares[i], p->units[i], count, y + (2 * i + 1) * n, y + 2 * i * n);
        series[i] = (pal_series){p->count > 1 && p->names ? p->names[i] : "the first units together", y + 2 * i * n};
    }
    if (!status) {
        if (p->count == 1) series[1] = (pal_series){"each unit", y + n};
        pal_curves curves = {.struct_size = sizeof curves,
                             .title = p->title,
                             .x_label = "units, by descending share",
                             .y_label = "explained variance [%]",
                             .x = x,
                             .count = n,
                             .series = series,
                             .series_count = p->count + (p->count == 1),
                             .csv = p->csv};
        status = pal_curves_write(&curves, path, err);
    }
    free(series);
    free(y);
    free(x);
    return status;
}
