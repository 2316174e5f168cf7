/* slow_ppca.c - checks that the linear variational autoencoder reaches the maximum likelihood of probabilistic PCA.
 *
 *     slow_ppca
 *
 * The samples have 8 numbers, x = z W + b + sigma noise, where z has 3. The maximum of the mean of ln p(x) over all W,
 * b and sigma is known (Tipping and Bishop, J. R. Stat. Soc. B 1999). It depends on the eigenvalues of the covariance;
 * those after the third are replaced by their mean, which is sigma^2. A trained bound cannot exceed this maximum. It
 * reaches it, because the posterior of a linear model is linear and normal. For one of the equivalent W the posterior's
 * covariance is diagonal, so `normal` is as good as `normal-full`. The program trains in float64 and measures on the
 * training data. It compares the bound in closed form with the estimate that `pal_evaluate` draws. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

enum { FEATURES = 8, CODE = 3, SAMPLES = 4000, MOST_OUTPUTS = CODE + CODE * (CODE + 1) / 2 };
#define LN_2_PI 1.83787706640934548356

/* The rows of the generator's W have random directions and lengths of about 2, 1 and 1/2. */
static void generate(pal_tensor *x)
{
    double w[CODE * FEATURES], b[FEATURES], z[SAMPLES * CODE], noise[SAMPLES * FEATURES];
    const pal_noise seed = {.seed = 17};
    pal_noise_normal(seed, "w", 0, CODE * FEATURES, w);
    pal_noise_normal(seed, "b", 0, FEATURES, b);
    pal_noise_normal(seed, "z", 0, SAMPLES * CODE, z);
    pal_noise_normal(seed, "noise", 0, SAMPLES * FEATURES, noise);
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t d = 0; d < FEATURES; d++) {
            double at = b[d] + 0.4 * noise[i * FEATURES + d];
            for (size_t k = 0; k < CODE; k++) at += ldexp(0.7, -(int)k) * z[i * CODE + k] * w[k * FEATURES + d];
            pal_tensor_set(x, i * FEATURES + d, at);
        }
}

/* The minimum of the mean of -ln p(x), and sigma at the minimum. */
static pal_status least(pal_context *context, const pal_tensor *x, double *nll, double *sigma, pal_error *err)
{
    double mean[FEATURES] = {0}, covariance[FEATURES * FEATURES] = {0}, eigenvalue[FEATURES];
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) mean[i % FEATURES] += pal_tensor_get(x, i) / SAMPLES;
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t e = 0; e < FEATURES * FEATURES; e++) {
            const size_t d = e / FEATURES, f = e % FEATURES;
            covariance[e] += (pal_tensor_get(x, i * FEATURES + d) - mean[d]) *
                             (pal_tensor_get(x, i * FEATURES + f) - mean[f]) / SAMPLES;
        }
    const pal_status status = palt__svd(context, FEATURES, FEATURES, covariance, eigenvalue, NULL, err);
    double variance = 0, sum = FEATURES * (LN_2_PI + 1);
    for (size_t d = CODE; d < FEATURES && !status; d++) variance += eigenvalue[d] / (FEATURES - CODE);
    for (size_t d = 0; d < CODE && !status; d++) sum += log(eigenvalue[d]);
    *nll = (sum + (FEATURES - CODE) * log(variance)) / 2;
    *sigma = sqrt(variance);
    return status;
}

/* ---- The bound in closed form --------------------------------------------------------------------------------- */

/* l [CODE,CODE]: the factor L from one row of parameters of either kind (models/distribution.c). */
static void factor(const double *q, bool full, double *l)
{
    const size_t t = CODE * (CODE + 1) / 2;
    memset(l, 0, CODE * CODE * sizeof *l);
    for (size_t i = 0; i < CODE; i++) {
        for (size_t j = 0; full && j <= i; j++) {
            const size_t e = i * CODE + j, rest = t - CODE;
            l[e] = q[CODE + (e < rest ? CODE + e : t - 1 - (e - rest))];
        }
        l[i * CODE + i] = exp(full ? l[i * CODE + i] : q[CODE + i]);
    }
}

/* -E ln p(x | z) + KL(q || N(0, 1)), z ~ q = N(mu, L L'), for a decoder z W + b with the deviation sigma. The expected
 * square of x - z W - b is its value at mu plus |L' W|^2. */
static double minus_bound(const double *x, const double *q, bool full, const double *w, const double *b, double sigma)
{
    double l[CODE * CODE], squares = 0, divergence = 0;
    factor(q, full, l);
    for (size_t d = 0; d < FEATURES; d++) {
        double residual = x[d] - b[d];
        for (size_t k = 0; k < CODE; k++) residual -= q[k] * w[k * FEATURES + d];
        squares += residual * residual;
        for (size_t j = 0; j < CODE; j++) {
            double spread = 0;
            for (size_t k = j; k < CODE; k++) spread += l[k * CODE + j] * w[k * FEATURES + d];
            squares += spread * spread;
        }
    }
    for (size_t k = 0; k < CODE; k++) {
        divergence += q[k] * q[k] - 1 - 2 * log(l[k * CODE + k]);
        for (size_t j = 0; j <= k; j++) divergence += l[k * CODE + j] * l[k * CODE + j];
    }
    return (squares / (sigma * sigma) + FEATURES * (LN_2_PI + 2 * log(sigma)) + divergence) / 2;
}

/* The mean of minus_bound over the samples, and the model's sigma. Returns NAN if the encoder could not run. */
static double mean_minus_bound(pal_model *m, pal_tensor *x, bool full, double *sigma)
{
    double *q = calloc(SAMPLES * MOST_OUTPUTS, sizeof *q), sum = 0;
    pal_tape *t = pal_tape_new(pal_model_context(m), PAL_F64);
    const int64_t outputs = full ? MOST_OUTPUTS : 2 * CODE;
    pal_model_begin(m, t, PAL_EVALUATE);
    const bool good = q && !pal_eval(pal_encode_layers_to(m, pal_leaf(t, x, "x"), outputs), q);
    pal_model_end(m);
    pal_tape_free(t);
    const double *w = pal_model_parameter_find(m, "decoder/W")->data,
                 *b = pal_model_parameter_find(m, "decoder/b")->data;
    *sigma = exp(pal_tensor_get(pal_model_parameter_find(m, "output/log_sigma"), 0));
    for (size_t i = 0; i < SAMPLES && good; i++)
        sum += minus_bound((const double *)x->data + i * FEATURES, q + i * (size_t)outputs, full, w, b, *sigma);
    free(q);
    return good ? sum / SAMPLES : (double)NAN;
}

/* ---- Training ------------------------------------------------------------------------------------------------- */

/* The loss that `evaluate` reports with 1000 draws of each code. */
static double drawn_loss(const pal_model *m, const pal_dataset *data, pal_error *err)
{
    pal_figures figures = {.loss = (double)NAN};
    pal_model *many = pal_model_override(m, (pal_setting[]){{"samples", "1000"}}, 1, err);
    const pal_evaluate_options o = {.struct_size = sizeof o, .batch = 50};
    if (many) pal_evaluate(many, data, &o, &figures, err);
    pal_model_free(many);
    return figures.loss;
}

static bool check(const pal_dataset *data, pal_context *context, const char *code, double want, double *found,
                  pal_error *err)
{
    const bool full = !strcmp(code, "normal-full");
    const pal_setting settings[] = {{"hidden", "3"},        {"layers", "3"},     {"code", code},
                                    {"output", "gaussian"}, {"sigma-of", "one"}, {"samples", "4"}};
    pal_model *model = pal_model_new(context, pal_variant_find("variational"), settings,
                                     sizeof settings / sizeof *settings, data->sample, PAL_F64, 1, err);
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "cosine", .learning_rate = 1e-2, .final_rate = 1e-5};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .epochs = 400,
                                 .batch = 200,
                                 .seed = 1,
                                 .lanes = 1,
                                 .optimizer = &adam,
                                 .schedule = &schedule};
    pal_train_result result = {0};
    bool good = model && !pal_train(model, data, &o, &result, err);
    if (good) {
        double sigma;
        *found = mean_minus_bound(model, data->inputs, full, &sigma);
        const double drawn = drawn_loss(model, data, err);
        good = *found >= want - 1e-9 && *found <= want + 1e-2 && fabs(drawn - *found) <= 2e-3;
        printf("%-12s loss %.5f (wanted %.5f, and at most 0.01 more), drawn %.5f (+- 0.002), sigma %.4f, %.1f s: %s\n",
               code, *found, want, drawn, sigma, result.seconds, good ? "pass" : "FAIL");
    }
    pal_model_free(model);
    return good;
}

int main(void)
{
    pal_error err = {0};
    pal_context *context = pal_context_new(NULL);
    pal_tensor *x = context ? pal_tensor_new(context, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES)) : NULL;
    bool good = x != NULL;
    double want, sigma, diagonal = NAN, full = NAN;
    if (good) {
        const pal_dataset data = {.inputs = x,
                                  .sample = PAL_SHAPE(FEATURES),
                                  .count = SAMPLES,
                                  .features = FEATURES,
                                  .scale = 1,
                                  .name = "linear-gaussian"};
        generate(x);
        good = !least(context, x, &want, &sigma, &err);
        if (good) printf("%-12s loss %.5f, sigma %.4f\n", "closed form", want, sigma);
        good = good && check(&data, context, "normal", want, &diagonal, &err);
        good = good & check(&data, context, "normal-full", want, &full, &err);
        const bool ordered = full <= diagonal + 1e-2;
        printf("full covariance over diagonal: %.5f (at most 0.01): %s\n", full - diagonal, ordered ? "pass" : "FAIL");
        good = good && ordered;
    }
    if (err.status) fprintf(stderr, "%s\n", err.text);
    pal_tensor_free(x);
    pal_context_free(context);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
