/* distribution.c - distributions whose parameters a layer computes, one row per kind. A stochastic code is drawn from
 * one of them.
 *
 * A distribution of k numbers has outputs(k) parameters, one row of them per sample. They are the unchanged output of
 * the last layer, so scales are given by their logarithms and probabilities by logits. Parameters that are all 0 give
 * the prior: N(0, I), fair coins, equally likely classes. Draws z are [n, S, k], S for each row. A discrete kind is
 * drawn exactly at temperature 0, and relaxed at a higher temperature (Maddison, Mnih and Teh, and Jang, Gu and Poole,
 * ICLR 2017). For a relaxed z, log_density is still the formula of the discrete distribution, which is linear in z. It
 * is a density only where z is in {0,1}; it is not the density of the relaxed z (bound.c explains this choice).
 *
 * To add a distribution, write its functions, add a row, and add its name to the list of choices below. All test suites
 * and `palindrome gradcheck` then include it. If it can describe the values of the data, it may also be an output of
 * the decoder: add a row to `outputs` and its name to the second list. A recipe of output.c with the same name takes
 * precedence. */
#include "models/distribution.h"

#include <math.h>
#include <string.h>

const char pal_code_choices[] = "normal|normal-full|bernoulli|categorical";
const char pal__output_choices[] = PAL__RECIPES "|normal|normal-full";

#define LN_2    0.69314718055994530942
#define LN_2_PI 1.83787706640934548356

enum { MOST = PAL__DISTRIBUTION_MOST, MOST_FULL = 500, LAST = 1 << 1, LAST_OF_DRAWS = 1 << 2 };

/* A value per row, shaped to broadcast over the draws of the row. */
static pal_var of_row(pal_var x) { return pal_expand(x, 1); }
static pal_var for_each_draw(pal_var x, int64_t samples)
{
    const pal_shape s = pal_shape_of(x);
    return pal_broadcast_to(of_row(x), PAL_SHAPE(s.dim[0], samples, s.dim[1]));
}
static pal_var total(pal_var x) { return pal_sum(x, LAST, false); }
static pal_var total_of_draw(pal_var x) { return pal_sum(x, LAST_OF_DRAWS, false); }
static pal_var columns(pal_var x, int64_t from, int64_t count)
{
    return pal_slice(x, (int64_t[]){0, from}, (int64_t[]){pal_shape_of(x).dim[0], count}, (int64_t[]){1, 1});
}
/* One number for each draw. */
static pal_var constant_of_draws(pal_var z, double value)
{
    return pal_fill(z.tape, pal_dtype_of(z), PAL_SHAPE(pal_shape_of(z).dim[0], pal_shape_of(z).dim[1]), value);
}

/* ---- Normal, independent: mean and ln sigma ------------------------------------------------------------------- */

static int64_t twice(int64_t k) { return 2 * k; }
static pal_var normal_mean(pal_var q, int64_t k) { return columns(q, 0, k); }
static pal_var log_variance(pal_var q, int64_t k) { return pal_scale(columns(q, k, k), 2); }

static pal_var normal_sample(const char *stream, pal_var q, int64_t k, int64_t samples, double temperature)
{
    (void)temperature;
    return pal_sample_normal(stream, for_each_draw(normal_mean(q, k), samples), of_row(log_variance(q, k)));
}

static pal_var normal_log_density(pal_var z, pal_var q, int64_t k)
{
    return total_of_draw(pal_normal_log_density(z, of_row(normal_mean(q, k)), of_row(log_variance(q, k))));
}

static pal_var normal_log_prior(pal_var z, int64_t k)
{
    return pal_scale(pal_shift(total_of_draw(pal_square(z)), (double)k * LN_2_PI), -0.5);
}

static pal_var normal_entropy(pal_var q, int64_t k) { return total(pal_normal_entropy(log_variance(q, k))); }

static pal_var normal_kl(pal_var q, pal_var p, int64_t k)
{
    return total(pal_normal_kl(normal_mean(q, k), log_variance(q, k), normal_mean(p, k), log_variance(p, k)));
}

static pal_var normal_kl_prior(pal_var q, int64_t k)
{
    return total(pal_normal_kl_standard(normal_mean(q, k), log_variance(q, k)));
}

/* The z at which the distribution function erfc(-z / sqrt 2) / 2 is u. Bisection is fast enough for pictures. */
static double normal_quantile(double u)
{
    double low = -40, high = 40;
    for (int i = 0; i < 64; i++) {
        const double z = (low + high) / 2;
        *(erfc(-z / sqrt(2)) / 2 < u ? &low : &high) = z;
    }
    return (low + high) / 2;
}

/* ---- Normal with full covariance L L^T: mean, and L with the logarithms of its diagonal ----------------------- */

static int64_t triangle(int64_t k) { return k * (k + 1) / 2; }
static int64_t with_triangle(int64_t k) { return k + triangle(k); }

/* Arranges the k (k + 1) / 2 numbers t as a k by k matrix whose lower triangle contains each of them once. The matrix
 * is filled row by row, first with t without its first k numbers (k (k - 1) / 2 numbers), then with t backwards. */
static pal_var square(pal_var q, int64_t k)
{
    pal_var t = columns(q, k, triangle(k));
    pal_var all[] = {columns(q, 2 * k, triangle(k) - k), pal_flip(t, LAST)};
    return pal_reshape(k > 1 ? pal_concat(all, 2, 1) : t, PAL_SHAPE(-1, k, k));
}
static pal_var log_diagonal(pal_var q, int64_t k) { return pal_diagonal(square(q, k)); }
static pal_var below(pal_var q, int64_t k) { return pal_lower_triangle(square(q, k), -1); }
static pal_var factor(pal_var q, int64_t k)
{
    return pal_add(below(q, k), pal_diagonal_matrix(pal_exp(log_diagonal(q, k))));
}

static pal_var full_sample(const char *stream, pal_var q, int64_t k, int64_t samples, double temperature)
{
    (void)temperature;
    pal_var zero = pal_fill(q.tape, pal_dtype_of(q), PAL_SHAPE(pal_shape_of(q).dim[0], samples, k), 0);
    pal_var noise = pal_sample_normal(stream, zero, pal_like(q, 0));
    return pal_add(of_row(normal_mean(q, k)), pal_matmul_t(noise, factor(q, k), false, true));
}

static pal_var full_log_density(pal_var z, pal_var q, int64_t k)
{
    pal_var columns_of = pal_transpose(pal_sub(z, of_row(normal_mean(q, k))));
    pal_var noise = pal_triangular_solve(factor(q, k), columns_of, false); /* [n, k, S] */
    pal_var form = pal_shift(pal_sum(pal_square(noise), 1 << 1, false), (double)k * LN_2_PI);
    return pal_sub(pal_scale(form, -0.5), pal_sum(log_diagonal(q, k), LAST, true));
}

static pal_var full_entropy(pal_var q, int64_t k)
{
    return pal_shift(total(log_diagonal(q, k)), 0.5 * (double)k * (1 + LN_2_PI));
}

static pal_var full_kl(pal_var q, pal_var p, int64_t k)
{
    return pal_normal_full_kl(normal_mean(q, k), factor(q, k), normal_mean(p, k), factor(p, k));
}

static pal_var full_kl_prior(pal_var q, int64_t k)
{
    pal_var scales = pal_normal_kl_standard(normal_mean(q, k), pal_scale(log_diagonal(q, k), 2));
    pal_var others = pal_sum(pal_square(below(q, k)), 1 << 1 | 1 << 2, false);
    return pal_add(total(scales), pal_scale(others, 0.5));
}

/* ---- Bernoulli, independent: logits --------------------------------------------------------------------------- */

static int64_t as_many(int64_t k) { return k; }

static pal_var bernoulli_mean(pal_var q, int64_t k)
{
    (void)k;
    return pal_sigmoid(q);
}

static pal_var bernoulli_sample(const char *stream, pal_var q, int64_t k, int64_t samples, double temperature)
{
    (void)k;
    pal_var logits = for_each_draw(q, samples);
    return temperature > 0 ? pal_sample_binary_concrete(stream, logits, temperature)
                           : pal_sample_bernoulli(stream, logits);
}

static pal_var bernoulli_log_density(pal_var z, pal_var q, int64_t k)
{
    (void)k;
    return total_of_draw(pal_bernoulli_log_density(z, of_row(q)));
}

static pal_var bernoulli_log_prior(pal_var z, int64_t k) { return constant_of_draws(z, -(double)k * LN_2); }

static pal_var bernoulli_entropy(pal_var q, int64_t k)
{
    (void)k;
    return total(pal_bernoulli_entropy(q));
}

static pal_var bernoulli_kl(pal_var q, pal_var p, int64_t k)
{
    (void)k;
    return total(pal_bernoulli_kl(q, p));
}

static pal_var bernoulli_kl_prior(pal_var q, int64_t k) { return bernoulli_kl(q, pal_like(q, 0), k); }

/* ---- Categorical: one of k classes, drawn as a one-hot row; logits -------------------------------------------- */

static pal_var categorical_mean(pal_var q, int64_t k)
{
    (void)k;
    return pal_softmax(q, 1);
}

static pal_var categorical_sample(const char *stream, pal_var q, int64_t k, int64_t samples, double temperature)
{
    pal_var logits = for_each_draw(q, samples);
    return temperature > 0 ? pal_sample_concrete(stream, logits, temperature)
                           : pal_one_hot(pal_sample_categorical(stream, logits), k, pal_dtype_of(q));
}

static pal_var categorical_log_density(pal_var z, pal_var q, int64_t k)
{
    (void)k;
    return pal_categorical_log_density(z, of_row(q));
}

static pal_var categorical_log_prior(pal_var z, int64_t k) { return constant_of_draws(z, -log((double)k)); }

static pal_var categorical_entropy(pal_var q, int64_t k)
{
    (void)k;
    return pal_categorical_entropy(q);
}

static pal_var categorical_kl(pal_var q, pal_var p, int64_t k)
{
    (void)k;
    return pal_categorical_kl(q, p);
}

static pal_var categorical_kl_prior(pal_var q, int64_t k)
{
    return pal_categorical_kl(q, pal_fill(q.tape, pal_dtype_of(q), PAL_SHAPE(k), 0));
}

/* ---- Covariances ---------------------------------------------------------------------------------------------- */

/* axes D axes', where D is the diagonal matrix of a row's variances. */
static pal_var between(pal_var axes, pal_var variances)
{
    return pal_matmul_t(pal_mul(axes, of_row(variances)), axes, false, true);
}

static pal_var normal_covariance(pal_var q, int64_t k, pal_var axes)
{
    return between(axes, pal_exp(log_variance(q, k)));
}

static pal_var full_covariance(pal_var q, int64_t k, pal_var axes)
{
    pal_var turned = pal_matmul(axes, factor(q, k));
    return pal_matmul_t(turned, turned, false, true);
}

static pal_var bernoulli_covariance(pal_var q, int64_t k, pal_var axes)
{
    (void)k;
    return between(axes, pal_mul(pal_sigmoid(q), pal_sigmoid(pal_neg(q))));
}

static pal_var categorical_covariance(pal_var q, int64_t k, pal_var axes)
{
    pal_var p = categorical_mean(q, k), mean = pal_matmul_t(of_row(p), axes, false, true); /* [n, 1, a] */
    return pal_sub(between(axes, p), pal_matmul_t(mean, mean, true, false));
}

/* ---- The list ------------------------------------------------------------------------------------------------- */

static const pal_distribution_kind kinds[] = {
    {"normal", MOST, PAL_UNITS_INDEPENDENT, twice, normal_mean, normal_sample, normal_log_density, normal_log_prior,
     normal_entropy, normal_kl, normal_kl_prior, normal_quantile, normal_covariance, "z = μ + σ ε"},
    {"normal-full", MOST_FULL, PAL_UNITS_DEPENDENT, with_triangle, normal_mean, full_sample, full_log_density,
     normal_log_prior, full_entropy, full_kl, full_kl_prior, normal_quantile, full_covariance, "z = μ + L ε"},
    {"bernoulli", MOST, PAL_UNITS_INDEPENDENT, as_many, bernoulli_mean, bernoulli_sample, bernoulli_log_density,
     bernoulli_log_prior, bernoulli_entropy, bernoulli_kl, bernoulli_kl_prior, NULL, bernoulli_covariance,
     "z = [u < sigmoid(a)]"},
    {"categorical", MOST, PAL_UNITS_ONE_CHOICE, as_many, categorical_mean, categorical_sample, categorical_log_density,
     categorical_log_prior, categorical_entropy, categorical_kl, categorical_kl_prior, NULL, categorical_covariance,
     "z = argmax(a + g)"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const pal_distribution_kind *pal_distribution_at(size_t i) { return i < KINDS ? &kinds[i] : NULL; }

const pal_distribution_kind *pal_distribution_find(const char *name)
{
    for (size_t i = 0; name && i < KINDS; i++)
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

/* ---- As outputs ----------------------------------------------------------------------------------------------------
 *
 * For a feature that never changes, the likelihood grows without bound as ln sigma goes to minus infinity. Therefore a
 * scale e^s of a code becomes least + e^s in an output, and so do the elements on the diagonal of L. The density then
 * never exceeds that of k independent normals with sigma `least` at their mean. */

static pal_var at_least(pal_var log_scale, double least)
{
    return pal_shift(pal_softplus(pal_shift(log_scale, -log(least))), log(least));
}

static pal_var normal_at_least(pal_var q, int64_t k, double least)
{
    return pal_concat((pal_var[]){normal_mean(q, k), at_least(columns(q, k, k), least)}, 2, 1);
}

/* The matrix of `square` contains t_k, t_{k+1}, ..., and then t backwards. On its diagonal is every (k + 1)-th number
 * of both parts: counted from t_k in the first part, and from t_0 in the second. */
static pal_var full_at_least(pal_var q, int64_t k, double least)
{
    const int64_t first = (k * (k - 1) / 2 + k) / (k + 1), count[] = {k - first, first};
    pal_var on = pal_like(q, 0);
    for (int64_t i = 0; i < 2; i++) {
        if (!count[i]) continue;
        pal_var ones = pal_fill(q.tape, pal_dtype_of(q), PAL_SHAPE(1, count[i]), 1);
        on = pal_add(on,
                     pal_pad(ones, PAL_SHAPE(1, with_triangle(k)), (int64_t[]){0, (1 + i) * k}, (int64_t[]){1, k + 1}));
    }
    return pal_where(pal_greater(on, pal_like(q, 0)), at_least(q, least), q);
}

/* ln p of the known numbers only: x [n,k], known [k] or [n,k] with 1 for known and 0 for unknown -> [n]. */
static pal_var normal_known(pal_var x, pal_var q, int64_t k, pal_var known)
{
    return total(pal_mul(pal_normal_log_density(x, normal_mean(q, k), log_variance(q, k)), known));
}

/* The covariance of the known numbers is a submatrix of L L^T. The unknown numbers are replaced by independent ones of
 * variance 1 at their mean, whose contribution to ln p is then removed. In double precision, since the product
 * squares the ratio of the scales. */
static pal_var full_known(pal_var x, pal_var q, int64_t k, pal_var known)
{
    pal_var wide = pal_cast(q, PAL_F64), l = factor(wide, k);
    pal_var at = pal_cast(pal_shape_of(known).rank == 1 ? pal_expand(known, 0) : known, PAL_F64);
    pal_var others = pal_one_minus(at), pairs = pal_mul(pal_expand(at, 2), pal_expand(at, 1));
    pal_var covariance = pal_mul(pal_matmul_t(l, l, false, true), pairs);
    pal_var own = pal_cholesky(pal_add(covariance, pal_diagonal_matrix(others)));
    pal_var log_p =
        pal_normal_full_log_density(pal_mul(pal_cast(x, PAL_F64), at), pal_mul(normal_mean(wide, k), at), own);
    return pal_cast(pal_add(log_p, pal_scale(pal_sum(others, 2, false), LN_2_PI / 2)), pal_dtype_of(q));
}

/* -ln p of each number, [n,k]; the sum over the numbers is -ln p of all. */
static pal_var normal_each(pal_var x, pal_var q, int64_t k)
{
    return pal_neg(pal_normal_log_density(x, normal_mean(q, k), log_variance(q, k)));
}

/* With r = x - mu and the precision P, -ln p = 1/2 r'Pr + rest. Number j gets 1/2 r_j (Pr)_j, and each the same share
 * of the rest. Pr is the derivative of -ln p by mu, with its sign changed. */
static pal_var full_each(pal_var x, pal_var q, int64_t k)
{
    pal_var mu = normal_mean(q, k), pr;
    pal_var nll = pal_neg(pal_normal_full_log_density(x, mu, factor(q, k)));
    pal_grad(pal_sum_all(nll), &mu, 1, &pr);
    pal_var own = pal_scale(pal_mul(pal_sub(mu, x), pr), 0.5);
    pal_var rest = pal_scale(pal_sub(nll, pal_sum(own, 1u << 1, false)), 1 / (double)k);
    return pal_add(own, pal_expand(rest, 1));
}

static const struct {
    const char *name;
    pal_var (*at_least)(pal_var q, int64_t k, double least); /* NULL: it has no scales */
    pal_var (*known)(pal_var x, pal_var q, int64_t k, pal_var known);
    pal_var (*each)(pal_var x, pal_var q, int64_t k);
} outputs[] = {{"normal", normal_at_least, normal_known, normal_each},
               {"normal-full", full_at_least, full_known, full_each}};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

static size_t output_of(const pal_distribution_kind *kind)
{
    size_t i = 0;
    while (i < OUTPUTS && strcmp(outputs[i].name, kind->name) != 0) i++;
    return i;
}

pal_distribution pal__output_distribution(const pal_distribution_kind *kind, int64_t k, pal_var q, double least)
{
    const size_t i = output_of(kind);
    if (pal_ok(q) && i < OUTPUTS && outputs[i].at_least) q = outputs[i].at_least(q, k, least);
    return (pal_distribution){kind, k, q};
}

pal_var pal__output_known(pal_distribution q, pal_var x, pal_var known)
{
    const size_t i = output_of(q.kind);
    if (!pal_ok(q.parameters)) return (pal_var){.tape = q.parameters.tape};
    if (i == OUTPUTS)
        return pal_tape_fail(q.parameters.tape, PAL_ERR_ARGUMENT, "%s: not an output distribution", q.kind->name);
    return outputs[i].known(x, q.parameters, q.k, known);
}

pal_var pal__output_each(pal_distribution q, pal_var x)
{
    const size_t i = output_of(q.kind);
    if (!pal_ok(q.parameters)) return (pal_var){.tape = q.parameters.tape};
    if (i == OUTPUTS)
        return pal_tape_fail(q.parameters.tape, PAL_ERR_ARGUMENT, "%s: not an output distribution", q.kind->name);
    return outputs[i].each(x, q.parameters, q.k);
}

int64_t pal__output_parameters(const pal_distribution_kind *kind, int64_t features, pal_error *err)
{
    if (features <= kind->most) return kind->outputs(features);
    pal_error_set(err, PAL_ERR_ARGUMENT, "output %s is for up to %lld features, not %lld: choose --output %s",
                  kind->name, (long long)kind->most, (long long)features, kind->most < MOST ? "normal" : "gaussian");
    return 0;
}
