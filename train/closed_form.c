/* closed_form.c - the linear autoencoder solved in closed form, without training (option `solve` of variant linear).
 *
 * The covariance of the T samples is C = (1/T) sum (x - mu)(x - mu)' = U S^2 U'. By Eckart and Young 1936, no
 * reconstruction x^ of rank k has a smaller squared error than the projection onto the first k columns of U. Many W, V
 * satisfy W V = U_k U_k'. We use W = U_k S_k^-1, V = S_k U_k', for which the codes have variance 1; tied weights are
 * U_k. The weights are 0 for directions without variance, and for units beyond the number of features. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/internal.h"

enum { BLOCK = 1024 };

bool palt__has_closed_form(const pal_model *model)
{
    const char *solve = pal_model_setting(model, "solve");
    return solve && !strcmp(solve, "svd");
}

/* The program over a block computes the sum over its rows of (x - mu)(x - mu)'. */
static pal_program *scatter_program(pal_context *context, pal_tensor *x, pal_tensor *mean, pal_error *err)
{
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    if (!tape) {
        palt__no_memory(err);
        return NULL;
    }
    pal_var centred = pal_sub(pal_leaf(tape, x, "x"), pal_leaf(tape, mean, "mean"));
    pal_var scatter = pal_matmul_t(centred, centred, true, false);
    pal_program *program = pal_compile(tape, &scatter, 1, NULL);
    if (!program) pal_error_set(err, pal_tape_status(tape), "%s", pal_tape_error(tape));
    pal_tape_free(tape);
    return program;
}

/* Adds up the blocks. The last one is padded with the mean, which adds nothing. */
static pal_status add_blocks(const pal_dataset *data, pal_program *program, pal_tensor *x, const double *mean,
                             double *c, pal_error *err)
{
    const size_t d = (size_t)data->features;
    for (int64_t at = 0; at < data->count; at += BLOCK) {
        const size_t n = (size_t)(data->count - at < BLOCK ? data->count - at : BLOCK);
        uint32_t rows[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) rows[i] = (uint32_t)at + (uint32_t)(i < n ? i : 0);
        pal_status status = pal_dataset_gather(data, rows, BLOCK, x, err);
        if (status) return status;
        for (size_t i = n; i < BLOCK; i++) memcpy((double *)x->data + i * d, mean, d * sizeof *mean);
        if (pal_run(program)) return pal_error_set(err, PAL_ERR_NUMERIC, "%s", pal_program_error(program));
        const double *sum = pal_output(program, 0)->data;
        for (size_t i = 0; i < d * d; i++) c[i] += sum[i];
    }
    for (size_t i = 0; i < d * d; i++) c[i] /= (double)data->count;
    return PAL_OK;
}

/* The directions by the covariance [d,d]: for at least as many samples as features. */
static pal_status of_covariance(pal_context *context, const pal_dataset *data, pal_tensor *mean, double *variance,
                                double *directions, pal_error *err)
{
    const size_t d = (size_t)data->features;
    pal_tensor *x = pal_tensor_new(context, PAL_F64, PAL_SHAPE(BLOCK, data->features));
    double *c = calloc(d * d, sizeof *c);
    pal_program *program = NULL;
    pal_status status = x && c ? PAL_OK : palt__no_memory(err);
    if (!status && !(program = scatter_program(context, x, mean, err))) status = PAL_ERR_MEMORY;
    if (!status) status = add_blocks(data, program, x, mean->data, c, err);
    if (!status) status = palt__svd(context, d, d, c, variance, directions, err);
    pal_program_free(program);
    pal_tensor_free(x);
    free(c);
    return status;
}

/* The directions by the samples themselves, [T,d] with T < d: with X - mu = Q S U', the covariance is U (S^2 / T) U'.
 * It is never formed, which saves a decomposition of [d,d]. */
static pal_status of_samples(pal_context *context, const pal_dataset *data, pal_tensor *mean, double *variance,
                             double *directions, pal_error *err)
{
    const size_t n = (size_t)data->count, d = (size_t)data->features;
    pal_tensor *x = pal_tensor_new(context, PAL_F64, PAL_SHAPE(data->count, data->features));
    uint32_t *rows = malloc(n * sizeof *rows);
    pal_status status = x && rows ? PAL_OK : palt__no_memory(err);
    for (size_t i = 0; i < n && !status; i++) rows[i] = (uint32_t)i;
    if (!status) status = pal_dataset_gather(data, rows, n, x, err);
    for (size_t i = 0; i < n * d && !status; i++) ((double *)x->data)[i] -= ((const double *)mean->data)[i % d];
    if (!status) status = palt__svd(context, n, d, x->data, variance, directions, err);
    for (size_t k = 0; k < n && !status; k++) variance[k] *= variance[k] / (double)n;
    pal_tensor_free(x);
    free(rows);
    return status;
}

pal_status palt__principal_directions(pal_context *context, const pal_dataset *data, double *variance,
                                      double *directions, pal_error *err)
{
    pal_tensor *mean = pal_tensor_new(context, PAL_F64, PAL_SHAPE(data->features));
    pal_status status = mean ? PAL_OK : palt__no_memory(err);
    if (!status) status = pal_dataset_mean(data, PAL_F64, mean->data, err);
    if (!status)
        status =
            (data->count < data->features ? of_samples : of_covariance)(context, data, mean, variance, directions, err);
    pal_tensor_free(mean);
    return status;
}

/* Fills W [d,k] and V [k,d] (NULL if tied) from the variances [r] and the directions, the rows of [r,d]. */
static void fill(pal_tensor *w, pal_tensor *v, size_t r, const double *variance, const double *directions)
{
    const size_t d = (size_t)w->shape.dim[0], k = (size_t)w->shape.dim[1];
    for (size_t j = 0; j < k; j++) {
        const bool none = j >= r || !(variance[j] > variance[0] * 1e-15 * (double)d);
        const double s = none || !v ? 1 : sqrt(variance[j]);
        for (size_t i = 0; i < d; i++) {
            const double u = none ? 0 : directions[j * d + i];
            pal_tensor_set(w, i * k + j, u / s);
            if (v) pal_tensor_set(v, j * d + i, u * s);
        }
    }
}

pal_status palt__solve(pal_model *model, const pal_dataset *data, pal_error *err)
{
    const size_t d = (size_t)data->features;
    pal_tensor *w = pal_model_parameter_find(model, "encoder/W"), *v = pal_model_parameter_find(model, "decoder/W");
    if (!w || w->shape.rank != 2 || w->shape.dim[0] != data->features)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "solve svd: the model is not linear");
    const size_t r = (size_t)data->count < d ? (size_t)data->count : d;
    double *variance = malloc(r * sizeof *variance), *directions = malloc(r * d * sizeof *directions);
    pal_status status = variance && directions ? PAL_OK : palt__no_memory(err);
    if (!status) status = palt__principal_directions(pal_model_context(model), data, variance, directions, err);
    if (!status) fill(w, v, r, variance, directions);
    free(variance);
    free(directions);
    return status;
}
