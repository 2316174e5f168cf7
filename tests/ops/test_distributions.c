/* test_distributions.c - densities, entropies and divergences: closed forms, equal or nearly equal p and q, extreme
 * arguments, both types; the full-covariance normal; errors. test_samples.c compares them with averages of draws. */
#include "tests/ops/distributions.h"

#define LN_2_PI 1.83787706640934548356

/* ---- Divergences ---------------------------------------------------------------------------------------------- */

/* The divergence of two distributions with n parameters each; `two` takes one parameter each, `four` takes two. */
typedef struct divergence {
    const char *name;
    size_t n;
    double tolerance; /* for the value 0 at p = q, and for negative values */
    pal_var (*two)(pal_var, pal_var);
    pal_var (*four)(pal_var, pal_var, pal_var, pal_var);
} divergence;

static const divergence divergences[] = {
    {"bernoulli_kl", 1, 1e-15, pal_bernoulli_kl, NULL}, {"categorical_kl", 1, 1e-15, pal_categorical_kl, NULL},
    {"poisson_kl", 1, 1e-15, pal_poisson_kl, NULL},     {"normal_kl", 2, 1e-15, NULL, pal_normal_kl},
    {"laplace_kl", 2, 1e-15, NULL, pal_laplace_kl},
};
enum { DIVERGENCES = sizeof divergences / sizeof *divergences };

static pal_var diverge(const divergence *d, const pal_var *v)
{
    return d->two ? d->two(v[0], v[1]) : d->four(v[0], v[1], v[2], v[3]);
}

START_TEST(divergences_vanish_where_both_are_equal)
{
    const divergence *d = &divergences[_i];
    pal_tensor *x[4];
    pal_var v[4];
    for (size_t i = 0; i < 2 * d->n; i++) {
        x[i] = random_tensor(c, PAL_F64, PAL_SHAPE(9, 4), -3, 3, i % d->n ? "b" : "a");
        v[i] = pal_leaf(t, x[i], NULL);
    }
    pal_var kl = diverge(d, v);
    double *at = values(kl);
    for (int64_t i = 0; i < pal_shape_count(pal_shape_of(kl)); i++) near(at[i], 0, d->tolerance);
    free(at);
    for (size_t i = 0; i < 2 * d->n; i++) {
        double *g = values(gradient(pal_sum_all(kl), v[i]));
        for (int k = 0; k < 36; k++) near(g[k], 0, 1e-14);
        free(g);
    }
    for (size_t i = 0; i < 2 * d->n; i++) pal_tensor_free(x[i]);
}
END_TEST

START_TEST(divergences_are_not_negative)
{
    static const char *const streams[] = {"a", "b", "c", "d"};
    const divergence *d = &divergences[_i];
    pal_tensor *x[4];
    pal_var v[4];
    for (size_t i = 0; i < 2 * d->n; i++) {
        x[i] = random_tensor(c, PAL_F64, PAL_SHAPE(500, 4), -3, 3, streams[i]);
        v[i] = pal_leaf(t, x[i], NULL);
    }
    for (int near_by = 0; near_by < 2; near_by++) {
        /* In the second pass q differs from p by only a ten-thousandth of the difference. */
        if (near_by)
            for (size_t i = 0; i < d->n; i++) v[d->n + i] = pal_lerp(v[i], v[d->n + i], 1e-4);
        pal_var kl = diverge(d, v);
        double *at = values(kl);
        for (int64_t i = 0; i < pal_shape_count(pal_shape_of(kl)); i++)
            ck_assert_msg(at[i] >= (near_by ? -d->tolerance : 0) && isfinite(at[i]), "%s: %g", d->name, at[i]);
        free(at);
    }
    for (size_t i = 0; i < 2 * d->n; i++) pal_tensor_free(x[i]);
}
END_TEST

START_TEST(divergences_in_closed_form)
{
    /* KL(N(1, 4) || N(0, 9)), and KL(N(1, 4) || N(0, 1)). */
    near(value(pal_normal_kl(number(1), number(log(4)), number(0), number(log(9)))),
         log(3.0 / 2) + (4 + 1) / 18.0 - 0.5, 1e-15);
    near(value(pal_normal_kl_standard(number(1), number(log(4)))),
         value(pal_normal_kl(number(1), number(log(4)), number(0), number(0))), 1e-15);
    near(value(pal_bernoulli_kl(number(0), number(log(3)))), 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25), 1e-15);
    near(value(pal_laplace_kl(number(2), number(log(0.5)), number(-1), number(log(3)))),
         log(6) + (0.5 * exp(-6) + 3) / 3 - 1, 1e-15);
    /* For the Poisson distribution, the normalisation and the divergence are sums over counts. */
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(120));
    for (size_t i = 0; i < 120; i++) pal_tensor_set(x, i, (double)i);
    pal_var v = pal_leaf(t, x, "x"), p = pal_poisson_log_density(v, number(1.2)),
            q = pal_poisson_log_density(v, number(2));
    near(value(pal_sum_all(pal_exp(p))), 1, 1e-14);
    near(value(pal_poisson_kl(number(1.2), number(2))), value(pal_sum_all(pal_mul(pal_exp(p), pal_sub(p, q)))), 1e-13);
    near(value(pal_poisson_kl(number(2), number(1.2))), value(pal_sum_all(pal_mul(pal_exp(q), pal_sub(q, p)))), 1e-13);
    pal_tensor_free(x);
}
END_TEST

/* At p = q the second derivative of KL(p || q) by q is the Fisher information. For the location of a Laplace
 * distribution it is 1 / b^2, although the formula has an absolute value there. */
START_TEST(laplace_divergence_keeps_its_curvature)
{
    pal_tensor *p = pal_tensor_new(c, PAL_F64, PAL_SCALAR), *q = pal_tensor_new(c, PAL_F64, PAL_SCALAR);
    pal_var vp = pal_leaf(t, p, "p"), vq = pal_leaf(t, q, "q");
    pal_var kl = pal_laplace_kl(vp, number(log(0.5)), vq, number(log(0.5)));
    near(value(gradient(gradient(kl, vq), vq)), 4, 1e-14);
    near(value(gradient(gradient(kl, vp), vp)), 4, 1e-14);
    pal_tensor_free(p);
    pal_tensor_free(q);
}
END_TEST

START_TEST(laplace_density_has_derivative_0_at_its_location)
{
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SCALAR);
    pal_var v = pal_leaf(t, x, "x");
    near(value(gradient(pal_laplace_log_density(v, number(0), number(0)), v)), 0, 0);
    near(value(gradient(pal_laplace_log_density(v, number(1), number(0)), v)), 1, 1e-15);
    pal_tensor_free(x);
}
END_TEST

/* Small divergences are accurate, because e^r - 1 - r is computed with expm1. */
START_TEST(small_divergences)
{
    const double r = 1e-5;
    near(value(pal_normal_kl_standard(number(0), number(r))), r * r / 4 * (1 + r / 3), 1e-5 * r * r);
    near(value(pal_poisson_kl(number(0), number(r))), r * r / 2 * (1 + r / 3), 1e-5 * r * r);
    near(value(pal_laplace_kl(number(0), number(0), number(0), number(-r))), r * r / 2 * (1 + r / 3), 1e-5 * r * r);
}
END_TEST

/* ---- Extremes, types ------------------------------------------------------------------------------------------ */

START_TEST(extreme_arguments)
{
    pal_var high = number(1000), low = number(-1000), zero = number(0), one = number(1), nan = number((double)NAN);
    near(value(pal_bernoulli_log_density(one, high)), 0, 0);
    near(value(pal_bernoulli_log_density(zero, high)), -1000, 0);
    near(value(pal_bernoulli_log_density(one, low)), -1000, 0);
    near(value(pal_bernoulli_log_density(one, number(40))) / exp(-40), -1, 1e-12);
    near(value(pal_bernoulli_entropy(high)), 0, 0);
    near(value(pal_bernoulli_entropy(low)), 0, 0);
    near(value(pal_bernoulli_entropy(number(40))) / exp(-40), 41, 1e-10);
    near(value(pal_bernoulli_kl(high, low)), 1000, 0);
    near(value(pal_bernoulli_kl(low, high)), 1000, 0);
    near(value(pal_bernoulli_kl(high, high)), 0, 0);
    near(value(pal_bernoulli_kl(zero, high)), 500 - log(2), 1e-12);
    near(value(pal_logistic_log_density(high, zero, zero)), -1000, 0);
    near(value(pal_logistic_log_density(low, zero, zero)), -1000, 0);
    near(value(pal_normal_log_density(one, one, low)), 500 - LN_2_PI / 2, 1e-12);
    near(value(pal_normal_log_density(zero, one, high)), -500 - LN_2_PI / 2, 1e-12);
    near(value(pal_normal_kl(zero, low, zero, zero)), 499.5, 1e-12);
    near(value(pal_normal_kl(zero, zero, one, high)), 499.5, 1e-12);
    near(value(pal_laplace_kl(one, low, zero, zero)), 1000, 1e-12);
    near(value(pal_poisson_kl(low, zero)), 1, 1e-15);
    near(value(pal_poisson_kl(zero, low)), 999, 1e-12);
    near(value(pal_poisson_log_density(zero, number(-(double)INFINITY))), 0, 0);
    near(value(pal_poisson_log_density(zero, number(2))), -exp(2), 1e-14);
    ck_assert(value(pal_poisson_log_density(one, number(-(double)INFINITY))) == -(double)INFINITY);
    for (int i = 0; i < 3; i++) { /* NaN in any argument gives NaN */
        pal_var a = i == 0 ? nan : one, b = i == 1 ? nan : one, s = i == 2 ? nan : one;
        pal_var three[] = {pal_normal_log_density(a, b, s), pal_laplace_log_density(a, b, s),
                           pal_logistic_log_density(a, b, s), pal_normal_kl(a, b, s, one),
                           pal_laplace_kl(a, b, s, one)};
        for (size_t k = 0; k < sizeof three / sizeof *three; k++) ck_assert_double_nan(value(three[k]));
        pal_var two[] = {pal_bernoulli_log_density(a, b), pal_poisson_log_density(a, b), pal_bernoulli_kl(a, b),
                         pal_poisson_kl(a, b), pal_normal_kl_standard(a, b)};
        for (size_t k = 0; k < sizeof two / sizeof *two && i < 2; k++) ck_assert_double_nan(value(two[k]));
    }
    ck_assert_double_nan(value(pal_bernoulli_entropy(nan)));
    /* Derivatives do not overflow either. */
    pal_tensor *a = pal_tensor_new(c, PAL_F64, PAL_SCALAR), *b = pal_tensor_new(c, PAL_F64, PAL_SCALAR);
    for (int i = 0; i < 4; i++) {
        pal_tensor_set(a, 0, i & 1 ? 1000 : -1000);
        pal_tensor_set(b, 0, i & 2 ? 1000 : -1000);
        pal_var p = pal_leaf(t, a, "a"), q = pal_leaf(t, b, "b"), kl = pal_bernoulli_kl(p, q);
        ck_assert(isfinite(value(gradient(kl, p))) && isfinite(value(gradient(kl, q))));
        ck_assert(isfinite(value(gradient(pal_bernoulli_entropy(p), p))));
        near(value(gradient(pal_bernoulli_log_density(one, p), p)), i & 1 ? 0 : 1, 0);
        if (!(i & 1)) ck_assert(isfinite(value(gradient(pal_poisson_kl(p, pal_scale(q, 1e-3)), p))));
    }
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

/* All elementwise functions agree in both types, at ordinary and at large arguments. */
START_TEST(float32_agrees_with_float64)
{
    static pal_var (*const two[])(pal_var,
                                  pal_var) = {pal_bernoulli_log_density,  pal_bernoulli_kl,       pal_poisson_kl,
                                              pal_poisson_log_density,    pal_normal_kl_standard, pal_categorical_kl,
                                              pal_categorical_log_density};
    static pal_var (*const four[])(pal_var, pal_var, pal_var, pal_var) = {pal_normal_kl, pal_laplace_kl};
    static pal_var (*const three[])(pal_var, pal_var, pal_var) = {pal_normal_log_density, pal_laplace_log_density,
                                                                  pal_logistic_log_density};
    for (int wide = 0; wide < 2; wide++) {
        double reach = wide ? 12 : 3;
        pal_tape_free(t);
        t = pal_tape_new(c, PAL_F64);
        pal_tensor *x[4];
        pal_var v[2][4];
        for (size_t i = 0; i < 4; i++) {
            static const char *const streams[] = {"a", "b", "c", "d"};
            x[i] = random_tensor(c, PAL_F32, PAL_SHAPE(200, 3), i ? -reach : 0, i ? reach : 1, streams[i]);
            v[0][i] = pal_leaf(t, x[i], NULL);
            v[1][i] = pal_cast(v[0][i], PAL_F64);
        }
        for (size_t f = 0; f < 12; f++) {
            double *out[2];
            pal_var y = {0};
            for (int d = 0; d < 2; d++) {
                const pal_var *a = v[d];
                y = f < 7   ? two[f](a[0], a[1])
                    : f < 9 ? four[f - 7](a[0], a[1], a[2], a[3])
                            : three[f - 9](a[0], a[1], a[2]);
                out[d] = values(y);
            }
            for (int64_t i = 0; i < pal_shape_count(pal_shape_of(y)); i++)
                ck_assert_msg(fabs(out[0][i] - out[1][i]) <= 2e-6 * fmax(reach, fabs(out[1][i])), "%zu: %g, not %g", f,
                              out[0][i], out[1][i]);
            free(out[0]), free(out[1]);
        }
        for (size_t i = 0; i < 4; i++) pal_tensor_free(x[i]);
    }
}
END_TEST

/* ---- The full-covariance normal ------------------------------------------------------------------------------- */

static pal_tensor *tensor(pal_shape shape, const double *x)
{
    pal_tensor *out = pal_tensor_new(c, PAL_F64, shape);
    for (size_t i = 0; i < pal_tensor_count(out); i++) pal_tensor_set(out, i, x[i]);
    return out;
}

/* The numbers above the diagonal must not be read. */
static const double factor_p[] = {1.5, 99, -0.7, 0.8}, mean_p[] = {0.5, -1}, factor_q[] = {0.9, 77, 0.4, 1.3},
                    mean_q[] = {-0.2, 0.3};

/* For two dimensions, density and entropy agree with the formulas for a 2 x 2 covariance. */
START_TEST(full_normal_of_two)
{
    static const double at[] = {1, 2};
    pal_tensor *l = tensor(PAL_SHAPE(2, 2), factor_p), *m = tensor(PAL_SHAPE(2), mean_p), *x = tensor(PAL_SHAPE(2), at);
    double a = 1.5 * 1.5, b = 1.5 * -0.7, d = 0.7 * 0.7 + 0.8 * 0.8, det = a * d - b * b, u = 1 - 0.5, v = 2 + 1;
    double form = (d * u * u - 2 * b * u * v + a * v * v) / det;
    pal_var vl = pal_leaf(t, l, "l"), vm = pal_leaf(t, m, "m");
    near(value(pal_normal_full_log_density(pal_leaf(t, x, "x"), vm, vl)), -(form + log(det)) / 2 - LN_2_PI, 1e-13);
    near(value(pal_normal_full_entropy(vl)), log(det) / 2 + 1 + LN_2_PI, 1e-14);
    pal_tensor_free(l);
    pal_tensor_free(m);
    pal_tensor_free(x);
}
END_TEST

/* With a diagonal factor, the full-covariance normal agrees with independent normals. */
START_TEST(full_normal_with_diagonal_factor)
{
    enum { D = 3 };
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, D), -2, 2, "x"),
               *s[] = {random_tensor(c, PAL_F64, PAL_SHAPE(5, D), -1, 1, "s"),
                       random_tensor(c, PAL_F64, PAL_SHAPE(5, D), -1, 1, "r")},
               *m[] = {random_tensor(c, PAL_F64, PAL_SHAPE(D), -1, 1, "m"),
                       random_tensor(c, PAL_F64, PAL_SHAPE(5, D), -1, 1, "n")};
    pal_var v = pal_leaf(t, x, "x"), log_variance[2], mean[2], factor[2];
    for (int i = 0; i < 2; i++) {
        log_variance[i] = pal_leaf(t, s[i], i ? "s1" : "s0");
        mean[i] = pal_leaf(t, m[i], i ? "m1" : "m0");
        factor[i] = pal_diagonal_matrix(pal_exp(pal_scale(log_variance[i], 0.5)));
    }
    double *full[] = {values(pal_normal_full_log_density(v, mean[0], factor[0])),
                      values(pal_normal_full_entropy(factor[0])),
                      values(pal_normal_full_kl(mean[0], factor[0], mean[1], factor[1]))},
           *plain[] = {values(pal_sum(pal_normal_log_density(v, mean[0], log_variance[0]), 2, false)),
                       values(pal_sum(pal_normal_entropy(log_variance[0]), 2, false)),
                       values(pal_sum(pal_normal_kl(mean[0], log_variance[0], mean[1], log_variance[1]), 2, false))};
    for (int f = 0; f < 3; f++) {
        for (int i = 0; i < 5; i++) near(full[f][i], plain[f][i], 1e-13);
        free(full[f]), free(plain[f]);
    }
    /* The same stream name on two tapes gives the same noise. */
    double *a = values(pal_sample_normal_full("z", mean[0], factor[0]));
    pal_tape *other = pal_tape_new(c, PAL_F64);
    double b[5 * D];
    ck_assert_int_eq(pal_eval(pal_sample_normal("z", pal_leaf(other, m[0], "m"), pal_leaf(other, s[0], "s")), b),
                     PAL_OK);
    for (int i = 0; i < 5 * D; i++) near(a[i], b[i], 1e-14);
    free(a);
    pal_tape_free(other);
    for (int i = 0; i < 2; i++) pal_tensor_free(s[i]), pal_tensor_free(m[i]);
    pal_tensor_free(x);
}
END_TEST

/* Averages of samples agree with mean, covariance, entropy, divergence, and derivatives through the samples. */
START_TEST(full_normal_samples_confirm_the_rest)
{
    pal_tensor *l = tensor(PAL_SHAPE(2, 2), factor_p), *m = tensor(PAL_SHAPE(2), mean_p),
               *k = tensor(PAL_SHAPE(2, 2), factor_q), *n = tensor(PAL_SHAPE(2), mean_q);
    pal_var lp = pal_leaf(t, l, "lp"), mp = pal_leaf(t, m, "mp"), lq = pal_leaf(t, k, "lq"), mq = pal_leaf(t, n, "mq");
    pal_var x = pal_sample_normal_full("x", pal_broadcast_to(mp, PAL_SHAPE(MANY, 2)), lp);
    pal_var log_p = pal_normal_full_log_density(x, mp, lp), log_q = pal_normal_full_log_density(x, mq, lq);
    double *entropy = values(pal_neg(log_p)), *ratio = values(pal_sub(log_p, log_q)), *draws = values(x);
    averages("full normal entropy", entropy, value(pal_normal_full_entropy(lp)));
    averages("full normal divergence", ratio, value(pal_normal_full_kl(mp, lp, mq, lq)));
    static double part[MANY];
    const double covariance[] = {1.5 * 1.5, 1.5 * -0.7, 0.7 * 0.7 + 0.8 * 0.8};
    for (int i = 0; i < 2; i++) {
        for (size_t e = 0; e < MANY; e++) part[e] = draws[2 * e + (size_t)i];
        averages("full normal mean", part, mean_p[i]);
    }
    for (int i = 0; i < 3; i++) {
        for (size_t e = 0; e < MANY; e++)
            part[e] = (draws[2 * e + (i == 2)] - mean_p[i == 2]) * (draws[2 * e + (i > 0)] - mean_p[i > 0]);
        averages("full normal covariance", part, covariance[i]);
    }
    free(entropy), free(ratio), free(draws);
    near(value(pal_normal_full_kl(mp, lp, mp, lp)), 0, 1e-14);
    double *g = values(gradient(pal_normal_full_kl(mp, lp, mq, lq), lp)),
           *h = values(gradient(pal_mean_all(pal_square(x)), lp));
    near(g[1], 0, 0); /* not read, so the derivative is 0 */
    near(h[1], 0, 0);
    /* x has two elements, so the mean of its squares is E |x|^2 / 2 = (|m|^2 + |L|^2) / 2. */
    near(h[0], 1.5, 0.05), near(h[2], -0.7, 0.05), near(h[3], 0.8, 0.05);
    free(g), free(h);
    pal_tensor_free(l);
    pal_tensor_free(m);
    pal_tensor_free(k);
    pal_tensor_free(n);
}
END_TEST

/* ---- Errors --------------------------------------------------------------------------------------------------- */

START_TEST(errors_say_what_is_wrong)
{
    const pal_var none = {.tape = t}, x = pal_fill(t, PAL_F64, PAL_SHAPE(3, 2), 0),
                  y = pal_fill(t, PAL_F64, PAL_SHAPE(4), 0), s = number(0), f = pal_fill(t, PAL_F32, PAL_SHAPE(2), 0),
                  i = pal_fill(t, PAL_I32, PAL_SHAPE(2), 0);
    ck_assert_refused(t, pal_normal_log_density(x, s, y), "normal_log_density: [4] does not broadcast with [3,2]");
    ck_assert_refused(t, pal_normal_log_density(x, f, s), "normal_log_density: the operands must have one real type");
    ck_assert_refused(t, pal_bernoulli_entropy(i), "bernoulli_entropy: the operands must have one real type");
    ck_assert_refused(t, pal_normal_kl(x, s, none, s), "normal_kl: operand 3 is a bad handle");
    ck_assert_refused(t, pal_laplace_kl(x, s, y, s), "laplace_kl: [4] does not broadcast with [3,2]");
    ck_assert_refused(t, pal_poisson_kl(y, x), "poisson_kl: [3,2] does not broadcast with [4]");
    ck_assert_refused(t, pal_categorical_entropy(s),
                      "categorical_entropy: the last axes must have one number of classes, at least 1");
    ck_assert_refused(t, pal_categorical_kl(x, pal_fill(t, PAL_F64, PAL_SHAPE(1), 0)),
                      "categorical_kl: the last axes must have one number of classes, at least 1");
    ck_assert_refused(
        t, pal_categorical_log_density(pal_fill(t, PAL_F64, PAL_SHAPE(3, 0), 0), pal_fill(t, PAL_F64, PAL_SHAPE(0), 0)),
        "categorical_log_density: the last axes must have one number of classes, at least 1");
    ck_assert_refused(t, pal_sample_normal("s", x, y), "sample_normal: [4] does not broadcast with [3,2]");
    ck_assert_refused(t, pal_sample_logistic("s", none, y), "sample_logistic: operand 1 is a bad handle");
    ck_assert_refused(t, pal_sample_laplace(NULL, x, x), "uniform: the stream needs a name");
    ck_assert_refused(t, pal_sample_categorical("s", s),
                      "sample_categorical: the last axes must have one number of classes, at least 1");
    ck_assert_refused(t, pal_sample_concrete("s", x, 0), "sample_concrete: the temperature must be above 0, not 0");
    ck_assert_refused(t, pal_sample_binary_concrete("s", x, -2),
                      "sample_binary_concrete: the temperature must be above 0, not -2");
    ck_assert_refused(t, pal_bernoulli(t, "s", PAL_SHAPE(2), (double)NAN),
                      "bernoulli: the probability must be 0 to 1, not nan");
    ck_assert_refused(t, pal_gumbel(t, "", PAL_SHAPE(2)), "uniform: the stream needs a name");
    ck_assert_refused(t, pal_exponential(t, "s", PAL_SHAPE(-2)), "uniform: not a shape");
    ck_assert_refused(t, pal_sample_normal_full("s", y, x),
                      "sample_normal_full: [3,2] does not fit: means must be [..,d] and factors [..,d,d], of one type");
    ck_assert_refused(
        t, pal_normal_full_entropy(x),
        "normal_full_entropy: [3,2] does not fit: means must be [..,d] and factors [..,d,d], of one type");
    ck_assert_refused(
        t, pal_normal_full_log_density(s, y, x),
        "normal_full_log_density: [] does not fit: means must be [..,d] and factors [..,d,d], of one type");
    ck_assert_refused(t, pal_normal_full_kl(y, none, y, x), "normal_full_kl: operand 2 is a bad handle");
    const pal_var nothing = {0};
    pal_var all[] = {pal_normal_kl(nothing, nothing, nothing, nothing),
                     pal_normal_full_entropy(nothing),
                     pal_normal_full_kl(nothing, nothing, nothing, nothing),
                     pal_sample_normal_full("s", nothing, nothing),
                     pal_sample_concrete("s", nothing, 1),
                     pal_categorical_entropy(nothing),
                     pal_gumbel(NULL, "s", PAL_SCALAR),
                     pal_exponential(NULL, "s", PAL_SCALAR),
                     pal_poisson_log_density(nothing, nothing),
                     pal_normal_full_log_density(nothing, x, x)};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) ck_assert(!pal_ok(all[k]));
}
END_TEST

/* A singular factor makes the run fail. */
START_TEST(a_singular_factor_fails_the_run)
{
    pal_var zero = pal_fill(t, PAL_F64, PAL_SHAPE(2, 2), 0), x = pal_fill(t, PAL_F64, PAL_SHAPE(2), 1);
    double out;
    ck_assert_int_ne(pal_eval(pal_normal_full_log_density(x, x, zero), &out), PAL_OK);
}
END_TEST

Suite *distributions_suite(void)
{
    Suite *suite = suite_create("distributions");
    TCase *kl = add_case(suite, "divergences", setup, teardown,
                         TESTS(divergences_in_closed_form, laplace_divergence_keeps_its_curvature, small_divergences,
                               laplace_density_has_derivative_0_at_its_location));
    tcase_add_loop_test(kl, divergences_vanish_where_both_are_equal, 0, DIVERGENCES);
    tcase_add_loop_test(kl, divergences_are_not_negative, 0, DIVERGENCES);
    add_case(suite, "arguments", setup, teardown,
             TESTS(extreme_arguments, float32_agrees_with_float64, errors_say_what_is_wrong));
    add_case(suite, "full normal", setup, teardown,
             TESTS(full_normal_of_two, full_normal_with_diagonal_factor, full_normal_samples_confirm_the_rest,
                   a_singular_factor_fails_the_run));
    return suite;
}
