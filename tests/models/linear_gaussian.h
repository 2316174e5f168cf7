/* linear_gaussian.h - a variational model with six inputs and a code of two units for which ln p(x) is known:
 * probabilistic PCA, x = z W + b + 0.6 noise. */
#ifndef PAL_TESTS_LINEAR_GAUSSIAN_H
#define PAL_TESTS_LINEAR_GAUSSIAN_H

#include "tests/models/recorded.h"

#define SIGMA 0.6
enum { FEATURES = 6 };
static const pal_shape sample = {.rank = 2, .dim = {2, 3}};

/* The posterior has a full covariance. It is arbitrary until make_exact is called. The list `more` ends with a NULL
 * name. */
static inline pal_model *linear_gaussian(const pal_setting *more)
{
    pal_setting settings[16] = {
        {"hidden", "2"}, {"layers", "2"}, {"output", "gaussian"}, {"output-sigma", "0.6"}, {"code", "normal-full"}};
    for (size_t n = 5; more && more->name; more++) settings[n++] = *more;
    pal_model *m = model_of("variational", settings, sample);
    fill_parameters(m, 0.8);
    return m;
}

/* ln N(x; mean, covariance), by Cholesky factorisation and forward substitution. */
static inline double log_normal(const double *x, const double *mean, const double covariance[FEATURES][FEATURES])
{
    double l[FEATURES][FEATURES] = {{0}}, z[FEATURES], sum = FEATURES * log(2 * M_PI);
    for (size_t i = 0; i < FEATURES; i++) {
        for (size_t j = 0; j <= i; j++) {
            double s = covariance[i][j];
            for (size_t k = 0; k < j; k++) s -= l[i][k] * l[j][k];
            l[i][j] = i == j ? sqrt(s) : s / l[j][j];
        }
        z[i] = x[i] - mean[i];
        for (size_t k = 0; k < i; k++) z[i] -= l[i][k] * z[k];
        z[i] /= l[i][i];
        sum += z[i] * z[i] + 2 * log(l[i][i]);
    }
    return -sum / 2;
}

/* out[n] = ln p(x) of row n. */
static inline void log_densities(const pal_model *m, const pal_tensor *x, double *out)
{
    const double *w = pal_model_parameter_find(m, "decoder/W")->data,
                 *b = pal_model_parameter_find(m, "decoder/b")->data;
    double covariance[FEATURES][FEATURES];
    for (size_t i = 0; i < FEATURES; i++)
        for (size_t j = 0; j < FEATURES; j++)
            covariance[i][j] = w[i] * w[j] + w[FEATURES + i] * w[FEATURES + j] + (i == j ? SIGMA * SIGMA : 0);
    for (int64_t n = 0; n < x->shape.dim[0]; n++)
        out[n] = log_normal((const double *)x->data + n * FEATURES, b, covariance);
}

/* Sets the encoder to the exact posterior: mean (x - b) W' S / 0.36, covariance S = (1 + W W' / 0.36)^-1. Returns the
 * trace of W' S W / (2 0.36). */
static inline double make_exact(pal_model *m)
{
    const double *w = pal_model_parameter_find(m, "decoder/W")->data,
                 *b = pal_model_parameter_find(m, "decoder/b")->data;
    pal_tensor *we = pal_model_parameter_find(m, "encoder/W"), *be = pal_model_parameter_find(m, "encoder/b");
    pal_tensor *scales = pal_model_parameter_find(m, "encoder/scale/W"),
               *triangle = pal_model_parameter_find(m, "encoder/scale/b");
    ck_assert(we->shape.dim[1] == 2 && triangle->shape.dim[0] == 3);
    memset(scales->data, 0, pal_tensor_bytes(scales)); /* the covariance is the same for all x */
    double p[2][2] = {{1, 0}, {0, 1}}, trace = 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            for (size_t d = 0; d < FEATURES; d++)
                p[i][j] += w[i * FEATURES + d] * w[j * FEATURES + d] / (SIGMA * SIGMA);
    const double det = p[0][0] * p[1][1] - p[0][1] * p[1][0];
    const double s[2][2] = {{p[1][1] / det, -p[0][1] / det}, {-p[1][0] / det, p[0][0] / det}};
    for (size_t j = 0; j < 2; j++) pal_tensor_set(be, j, 0);
    for (size_t d = 0; d < FEATURES; d++)
        for (size_t j = 0; j < 2; j++) {
            double at = 0;
            for (size_t k = 0; k < 2; k++) at += w[k * FEATURES + d] * s[k][j] / (SIGMA * SIGMA);
            pal_tensor_set(we, d * 2 + j, at);
            pal_tensor_set(be, j, pal_tensor_get(be, j) - b[d] * at);
            trace += at * w[j * FEATURES + d] / 2;
        }
    const double l00 = sqrt(s[0][0]), l10 = s[1][0] / l00, l11 = sqrt(s[1][1] - l10 * l10);
    const double at[] = {log(l11), l10, log(l00)};
    for (size_t j = 0; j < 3; j++) pal_tensor_set(triangle, j, at[j]);
    return trace;
}

/* ln p(x) of each row, summed over all values of a discrete code of two units. Each value has the prior probability 1/2
 * (categorical) or 1/4 (bernoulli). */
static inline pal_var enumerated(pal_model *m, pal_var x)
{
    const bool coins = !strcmp(pal_option_enum(m, "code"), "bernoulli");
    const int64_t count = coins ? 4 : 2, n = pal_shape_of(x).dim[0];
    pal_var all[4];
    for (int64_t i = 0; i < count; i++) {
        pal_var bit[] = {pal_fill(x.tape, PAL_F64, PAL_SHAPE(n, 1), (double)(i & 1)),
                         pal_fill(x.tape, PAL_F64, PAL_SHAPE(n, 1), (double)(coins ? i >> 1 : !i))};
        all[i] = pal_log_likelihood(m, pal_decode_layers(m, pal_concat(bit, 2, 1)), x);
    }
    return pal_logmeanexp(pal_stack(all, (size_t)count, 0), 1, false);
}

#endif
