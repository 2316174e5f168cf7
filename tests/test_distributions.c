/* Samples, log-densities, entropies and divergences against each other: what one says of a distribution, the others
 * must confirm. Averages over seeded draws are held to 4.5 of their standard errors. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MANY = 40000, POINTS = 20001 };
#define ERRORS  4.5
#define PI      3.14159265358979323846
#define LN_2_PI 1.83787706640934548356

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

/* The elements of v, to be freed. */
static double *values(pal_var v)
{
    double *out = calloc((size_t)pal_shape_count(pal_shape_of(v)) + 1, sizeof *out);
    pal_var wide = pal_cast(v, PAL_F64);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_eval(wide, out), PAL_OK);
    return out;
}

static double value(pal_var v)
{
    double *all = values(v), first = all[0];
    free(all);
    return first;
}

static void near(double a, double b, double tolerance)
{
    ck_assert_msg(a == b || fabs(a - b) <= tolerance, "%.17g, not %.17g", a, b);
}

static pal_var number(double x) { return pal_constant(t, x); }
static pal_var repeated(double x) { return pal_fill(t, PAL_F64, PAL_SHAPE(MANY), x); }

static pal_var gradient(pal_var y, pal_var x)
{
    pal_var g;
    ck_assert_int_eq(pal_grad(y, &x, 1, &g), PAL_OK);
    return g;
}

/* ---- Averages ------------------------------------------------------------------------------------------------------
 */

static void mean_and_error(const double *x, double *mean, double *error)
{
    double square = 0;
    *mean = 0;
    for (size_t i = 0; i < MANY; i++) *mean += x[i] / MANY;
    for (size_t i = 0; i < MANY; i++) square += (x[i] - *mean) * (x[i] - *mean);
    *error = sqrt(square / MANY / MANY);
}

static void averages(const char *what, const double *x, double expected)
{
    double mean, error;
    mean_and_error(x, &mean, &error);
    ck_assert_msg(fabs(mean - expected) <= ERRORS * error + 1e-12, "%s: %g, not %g, with error %g", what, mean,
                  expected, error);
}

static void happens(const char *what, double count, double probability)
{
    double error = sqrt(probability * (1 - probability) / MANY);
    ck_assert_msg(fabs(count / MANY - probability) <= ERRORS * error, "%s: %g, not %g", what, count / MANY,
                  probability);
}

/* Mean, variance and distribution function of draws. */
static void distributed(const char *what, const double *x, double mean, double variance, double (*below)(double),
                        double from, double to)
{
    static double square[MANY];
    averages(what, x, mean);
    for (size_t i = 0; i < MANY; i++) square[i] = (x[i] - mean) * (x[i] - mean);
    averages(what, square, variance);
    for (int k = 0; k <= 8; k++) {
        double at = from + (to - from) * k / 8, count = 0;
        for (size_t i = 0; i < MANY; i++) count += x[i] < at;
        happens(what, count, below(at));
    }
}

static double below_exponential(double x) { return -expm1(-x); }
static double below_gumbel(double x) { return exp(-exp(-x)); }
static double below_normal(double x) { return erfc(-x / sqrt(2)) / 2; }
static double below_laplace(double x) { return x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2; }
static double below_logistic(double x) { return 1 / (1 + exp(-x)); }

START_TEST(standard_noise_has_its_moments)
{
    for (int d = 0; d < 2; d++) { /* noise is of the tape's type */
        pal_tape_free(t);
        t = pal_tape_new(c, d ? PAL_F64 : PAL_F32);
        pal_var zero = pal_fill(t, d ? PAL_F64 : PAL_F32, PAL_SHAPE(MANY), 0);
        double *e = values(pal_exponential(t, "e", PAL_SHAPE(MANY))), *g = values(pal_gumbel(t, "g", PAL_SHAPE(MANY))),
               *n = values(pal_sample_normal("n", zero, zero)), *l = values(pal_sample_laplace("l", zero, zero)),
               *s = values(pal_sample_logistic("s", zero, zero));
        distributed("exponential", e, 1, 1, below_exponential, 0.1, 4);
        distributed("Gumbel", g, 0.57721566490153286, PI * PI / 6, below_gumbel, -1.5, 5);
        distributed("normal", n, 0, 1, below_normal, -2.5, 2.5);
        distributed("Laplace", l, 0, 2, below_laplace, -4, 4);
        distributed("logistic", s, 0, PI * PI / 3, below_logistic, -5, 5);
        for (size_t i = 0; i < MANY; i++) ck_assert(e[i] > 0);
        free(e), free(g), free(n), free(l), free(s);
    }
}
END_TEST

/* docs/noise.md promises what these are of the uniform. */
START_TEST(noise_is_the_promised_function_of_the_uniform)
{
    pal_var zero = repeated(0);
    pal_var out[] = {pal_exponential(t, "e", PAL_SHAPE(MANY)), pal_gumbel(t, "g", PAL_SHAPE(MANY)),
                     pal_sample_laplace("l", zero, zero), pal_sample_logistic("s", zero, zero)};
    static const char *const streams[] = {"e", "g", "l", "s"};
    const pal_noise noise = {.seed = 5, .clock = 6};
    pal_program *p = pal_compile(t, out, 4, NULL);
    pal_program_set_noise(p, noise);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    static double u[MANY];
    for (size_t k = 0; k < 4; k++) {
        pal_noise_uniform(noise, streams[k], 0, MANY, u);
        for (size_t i = 0; i < MANY; i++) {
            double expected = k == 0   ? -log1p(-u[i])
                              : k == 1 ? -log(-log1p(-u[i]))
                              : k == 2 ? (u[i] < 0.5 ? log(2 * u[i]) : -log(2 * (1 - u[i])))
                                       : log(u[i]) - log1p(-u[i]);
            near(pal_tensor_get(pal_output(p, k), i), expected, 1e-14 * fmax(1, fabs(expected)));
        }
    }
    pal_program_free(p);
}
END_TEST

/* The first element is one whose word makes the uniform 0, the second 1 - 2^-24. */
START_TEST(noise_is_finite_at_both_ends)
{
    static const uint64_t ends[] = {1781946, 28341490};
    static const double expected[2][4] = {{2.98e-8, 17.3287, -16.6355, -17.3287},
                                          {16.6355, -2.81154, 15.9424, 16.6355}};
    for (int k = 0; k < 2; k++) {
        const pal_noise noise = {.seed = 1, .row = ends[k]};
        uint32_t word;
        pal_noise_words(noise, "end", 0, 1, &word);
        ck_assert_uint_eq(word >> 8, k ? 0xffffff : 0);
        for (int f = 0; f < 4; f++) {
            pal_tape *tape = pal_tape_new(c, PAL_F32);
            pal_var zero = pal_fill(tape, PAL_F32, PAL_SHAPE(1), 0),
                    x = f == 0   ? pal_exponential(tape, "end", PAL_SHAPE(1))
                        : f == 1 ? pal_gumbel(tape, "end", PAL_SHAPE(1))
                        : f == 2 ? pal_sample_laplace("end", zero, zero)
                                 : pal_sample_logistic("end", zero, zero);
            pal_program *p = pal_compile(tape, &x, 1, NULL);
            pal_program_set_noise(p, noise);
            ck_assert_int_eq(pal_run(p), PAL_OK);
            near(pal_tensor_get(pal_output(p, 0), 0), expected[k][f], 1e-5 * fabs(expected[k][f]) + 1e-10);
            pal_program_free(p);
            pal_tape_free(tape);
        }
    }
}
END_TEST

START_TEST(seed_and_clock_decide)
{
    pal_var x = pal_sample_concrete("s", pal_fill(t, PAL_F64, PAL_SHAPE(7, 3), 0.5), 0.7);
    pal_program *p = pal_compile(t, &x, 1, NULL);
    double draws[4][21];
    static const pal_noise noises[] = {
        {.seed = 1, .clock = 1}, {.seed = 1, .clock = 1}, {.seed = 1, .clock = 2}, {.seed = 2, .clock = 1}};
    for (int k = 0; k < 4; k++) {
        pal_program_set_noise(p, noises[k]);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        memcpy(draws[k], pal_output(p, 0)->data, sizeof draws[k]);
    }
    ck_assert_mem_eq(draws[0], draws[1], sizeof draws[0]);
    ck_assert(memcmp(draws[0], draws[2], sizeof draws[0]) && memcmp(draws[0], draws[3], sizeof draws[0]));
    pal_program_free(p);
    ck_assert(!pal_ok(pal_sample_normal("s", x, x)));
    ck_assert_str_eq(pal_tape_error(t), "normal: stream s is drawn from already: share its value");
}
END_TEST

/* ---- Families of two parameters ------------------------------------------------------------------------------------
 */

typedef struct family {
    const char *name;
    pal_var (*sample)(const char *, pal_var, pal_var);
    pal_var (*density)(pal_var, pal_var, pal_var);
    pal_var (*entropy)(pal_var);
    pal_var (*kl)(pal_var, pal_var, pal_var, pal_var);
    double factor;           /* the scale is e^(factor times the parameter) */
    double variance, fourth; /* central moments at scale 1 */
} family;

static const family families[] = {
    {"normal", pal_sample_normal, pal_normal_log_density, pal_normal_entropy, pal_normal_kl, 0.5, 1, 3},
    {"laplace", pal_sample_laplace, pal_laplace_log_density, pal_laplace_entropy, pal_laplace_kl, 1, 2, 24},
    {"logistic", pal_sample_logistic, pal_logistic_log_density, NULL, NULL, 1, PI *PI / 3, 7 * PI *PI *PI *PI / 15},
};
enum { FAMILIES = sizeof families / sizeof *families };

START_TEST(densities_integrate_to_one)
{
    /* Points from -50 to 50, one of them at the location, where Laplace's has its kink. */
    double step = 100.0 / (POINTS - 1);
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(POINTS));
    for (size_t i = 0; i < POINTS; i++) pal_tensor_set(x, i, -50 + step * (double)i);
    for (int s = -1; s <= 1; s++) {
        double *p = values(pal_exp(families[_i].density(pal_leaf(t, x, "x"), number(0.5), number(s)))), sum = 0;
        for (size_t i = 0; i < POINTS; i++) sum += p[i] * step;
        near(sum, 1, 1e-4);
        free(p);
    }
    pal_tensor_free(x);
}
END_TEST

START_TEST(entropies_and_divergences_are_averages)
{
    const family *f = &families[_i];
    static const double p[] = {0.7, -0.4}, q[] = {-0.2, 0.5};
    pal_var x = f->sample("x", repeated(p[0]), number(p[1])), log_p = f->density(x, number(p[0]), number(p[1])),
            log_q = f->density(x, number(q[0]), number(q[1]));
    double *entropy = values(pal_neg(log_p)), *ratio = values(pal_sub(log_p, log_q)), *draws = values(x),
           scale = exp(f->factor * p[1]);
    averages(f->name, draws, p[0]);
    for (size_t i = 0; i < MANY; i++) draws[i] = pow(draws[i] - p[0], 2);
    averages(f->name, draws, f->variance * scale * scale);
    averages(f->name, entropy, f->entropy ? value(f->entropy(number(p[1]))) : p[1] + 2);
    if (f->kl) averages(f->name, ratio, value(f->kl(number(p[0]), number(p[1]), number(q[0]), number(q[1]))));
    free(entropy), free(ratio), free(draws);
}
END_TEST

/* E x^2 = location^2 + scale^2 variance, by both parameters, against the derivative through the samples. */
START_TEST(derivatives_go_through_samples)
{
    const family *f = &families[_i];
    const double m = 0.8, l = -0.3, b = exp(f->factor * l), v = b * b * f->variance;
    pal_tensor *location = pal_tensor_new(c, PAL_F64, PAL_SHAPE(MANY)),
               *scale = pal_tensor_new(c, PAL_F64, PAL_SHAPE(MANY));
    for (size_t i = 0; i < MANY; i++) pal_tensor_set(location, i, m), pal_tensor_set(scale, i, l);
    pal_var vm = pal_leaf(t, location, "m"), vl = pal_leaf(t, scale, "l"), x = f->sample("x", vm, vl),
            y = pal_sum_all(pal_square(x));
    double *by_m = values(gradient(y, vm)), *by_l = values(gradient(y, vl)),
           *second = values(gradient(pal_sum_all(gradient(y, vm)), vm));
    averages(f->name, by_m, 2 * m);
    averages(f->name, by_l, 2 * f->factor * v);
    for (size_t i = 0; i < MANY; i++) near(second[i], 2, 1e-14);
    free(by_m), free(by_l), free(second);
    pal_tensor_free(location);
    pal_tensor_free(scale);
}
END_TEST

/* ---- Divergences ---------------------------------------------------------------------------------------------------
 */

/* Divergences of two distributions with n parameters each, as functions of leaves. */
typedef struct divergence {
    const char *name;
    size_t n;
    double tolerance; /* of 0 where p = q, and of the sign */
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
        /* The second time q is p and a ten-thousandth. */
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
    /* KL(N(1, 4) || N(0, 9)), and from the standard normal's side. */
    near(value(pal_normal_kl(number(1), number(log(4)), number(0), number(log(9)))),
         log(3.0 / 2) + (4 + 1) / 18.0 - 0.5, 1e-15);
    near(value(pal_normal_kl_standard(number(1), number(log(4)))),
         value(pal_normal_kl(number(1), number(log(4)), number(0), number(0))), 1e-15);
    near(value(pal_bernoulli_kl(number(0), number(log(3)))), 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25), 1e-15);
    near(value(pal_laplace_kl(number(2), number(log(0.5)), number(-1), number(log(3)))),
         log(6) + (0.5 * exp(-6) + 3) / 3 - 1, 1e-15);
    /* Of Poisson's, and its normalisation, by the sum over counts. */
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

/* The second derivative of KL(p || q) by q at p = q is the Fisher information: 1 / b^2 for Laplace's location, though
 * the formula has an absolute value there. */
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

/* Small divergences keep their places where e^r - 1 - r is made of expm1. */
START_TEST(small_divergences)
{
    const double r = 1e-5;
    near(value(pal_normal_kl_standard(number(0), number(r))), r * r / 4 * (1 + r / 3), 1e-5 * r * r);
    near(value(pal_poisson_kl(number(0), number(r))), r * r / 2 * (1 + r / 3), 1e-5 * r * r);
    near(value(pal_laplace_kl(number(0), number(0), number(0), number(-r))), r * r / 2 * (1 + r / 3), 1e-5 * r * r);
}
END_TEST

/* ---- Discrete ------------------------------------------------------------------------------------------------------
 */

START_TEST(bernoulli_is_consistent)
{
    for (int i = -4; i <= 4; i++) {
        pal_var l = number(i * 2.5), m = number(0.7), one = number(1), zero = number(0);
        double p = 1 / (1 + exp(-i * 2.5)), log_1 = value(pal_bernoulli_log_density(one, l)),
               log_0 = value(pal_bernoulli_log_density(zero, l));
        near(exp(log_1) + exp(log_0), 1, 1e-15);
        near(log_1, log(p), 1e-13);
        near(value(pal_bernoulli_entropy(l)), -exp(log_1) * log_1 - exp(log_0) * log_0, 1e-15);
        near(value(pal_bernoulli_kl(l, m)),
             exp(log_1) * (log_1 - value(pal_bernoulli_log_density(one, m))) +
                 exp(log_0) * (log_0 - value(pal_bernoulli_log_density(zero, m))),
             1e-15);
        char stream[8];
        snprintf(stream, sizeof stream, "s%d", i);
        double *x = values(pal_sample_bernoulli(stream, repeated(i * 2.5))), count = 0;
        for (size_t k = 0; k < MANY; k++) {
            ck_assert(x[k] == 0 || x[k] == 1);
            count += x[k];
        }
        happens("Bernoulli", count, p);
        free(x);
    }
    near(value(pal_sample_bernoulli("never", number(-1000))), 0, 0);
    near(value(pal_sample_bernoulli("always", number(1000))), 1, 0);
    ck_assert_double_nan(value(pal_sample_bernoulli("nan", number((double)NAN))));
}
END_TEST

/* x one-hot by i32 classes, logits [n, 4] with a masked class. */
START_TEST(categorical_is_consistent)
{
    static const double logits[] = {0.3, -(double)INFINITY, 1.4, -0.6}, others[] = {-1, 0.2, 0.5, 0.1};
    pal_tensor *a = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, 4)), *b = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, 4));
    for (size_t k = 0; k < 4; k++) pal_tensor_set(a, k, logits[k]), pal_tensor_set(b, k, others[k]);
    pal_var p = pal_leaf(t, a, "p"), q = pal_leaf(t, b, "q"), many = pal_broadcast_to(p, PAL_SHAPE(MANY, 4));
    double *probability = values(pal_softmax(p, -1)), count[4] = {0};
    pal_var drawn = pal_sample_categorical("x", many), x = pal_one_hot(drawn, 4, PAL_F64);
    ck_assert_int_eq(pal_dtype_of(drawn), PAL_I32);
    pal_var log_p = pal_categorical_log_density(x, p), log_q = pal_categorical_log_density(x, q);
    double *classes = values(drawn), *entropy = values(pal_neg(log_p)), *ratio = values(pal_sub(log_p, log_q));
    for (size_t i = 0; i < MANY; i++) count[(size_t)classes[i]]++;
    for (size_t k = 0; k < 4; k++) happens("class", count[k], probability[k]);
    averages("categorical entropy", entropy, value(pal_categorical_entropy(p)));
    averages("categorical divergence", ratio, value(pal_categorical_kl(p, q)));
    free(classes), free(entropy), free(ratio);
    /* The relaxed class lies on the simplex, and its largest element is the class. */
    double *relaxed = values(pal_sample_concrete("y", many, 0.6));
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < MANY; i++) {
        double sum = 0;
        size_t largest = 0;
        for (size_t k = 0; k < 4; k++) {
            ck_assert(relaxed[4 * i + k] >= 0);
            sum += relaxed[4 * i + k];
            if (relaxed[4 * i + k] > relaxed[4 * i + largest]) largest = k;
        }
        near(sum, 1, 1e-15);
        count[largest]++;
    }
    for (size_t k = 0; k < 4; k++) happens("relaxed class", count[k], probability[k]);
    free(relaxed);
    double *toss = values(pal_sample_binary_concrete("z", repeated(0.8), 0.6)), ones = 0;
    for (size_t i = 0; i < MANY; i++) {
        ck_assert(toss[i] > 0 && toss[i] < 1);
        ones += toss[i] > 0.5;
    }
    happens("relaxed toss", ones, below_logistic(0.8));
    free(toss);
    /* Derivatives are finite, and 0 from and to the masked class. */
    pal_var functions[] = {
        pal_categorical_entropy(p), pal_categorical_kl(p, q), pal_categorical_kl(p, p),
        pal_sum_all(pal_categorical_log_density(pal_one_hot(pal_fill(t, PAL_I32, PAL_SHAPE(1), 2), 4, PAL_F64), p))};
    for (int f = 0; f < 4; f++) {
        double *g = values(gradient(pal_sum_all(functions[f]), p));
        ck_assert(isfinite(value(functions[f])));
        for (int k = 0; k < 4; k++) ck_assert(isfinite(g[k]));
        near(g[1], 0, 0);
        free(g);
    }
    near(value(functions[2]), 0, 1e-15);
    /* p has a class that q lacks. */
    ck_assert(value(pal_categorical_kl(q, p)) == (double)INFINITY);
    ck_assert(value(pal_categorical_log_density(pal_one_hot(pal_fill(t, PAL_I32, PAL_SHAPE(1), 1), 4, PAL_F64), p)) ==
              -(double)INFINITY);
    pal_tensor_free(a);
    pal_tensor_free(b);
    free(probability);
}
END_TEST

/* ---- Extremes, types -----------------------------------------------------------------------------------------------
 */

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
    for (int i = 0; i < 3; i++) { /* NaN in any place */
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
    /* Nothing overflows in derivatives either. */
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

/* Everything elementwise in both types, over plain and large arguments. */
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

/* ---- The full normal -----------------------------------------------------------------------------------------------
 */

static pal_tensor *tensor(pal_shape shape, const double *x)
{
    pal_tensor *out = pal_tensor_new(c, PAL_F64, shape);
    for (size_t i = 0; i < pal_tensor_count(out); i++) pal_tensor_set(out, i, x[i]);
    return out;
}

/* Above the diagonal stands what must not be read. */
static const double factor_p[] = {1.5, 99, -0.7, 0.8}, mean_p[] = {0.5, -1}, factor_q[] = {0.9, 77, 0.4, 1.3},
                    mean_q[] = {-0.2, 0.3};

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
    /* One stream, two tapes: the same noise. */
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
    near(g[1], 0, 0); /* above the diagonal: not read */
    near(h[1], 0, 0);
    /* E |x|^2 / 2 = (|m|^2 + |L|^2) / 2 */
    near(h[0], 1.5, 0.05), near(h[2], -0.7, 0.05), near(h[3], 0.8, 0.05);
    free(g), free(h);
    pal_tensor_free(l);
    pal_tensor_free(m);
    pal_tensor_free(k);
    pal_tensor_free(n);
}
END_TEST

/* ---- Errors --------------------------------------------------------------------------------------------------------
 */

#define REFUSED(call, text)                                                                                            \
    do {                                                                                                               \
        pal_mark mark_ = pal_tape_mark(t);                                                                             \
        ck_assert(!pal_ok(call));                                                                                      \
        ck_assert_msg(pal_tape_error(t) && !strcmp(pal_tape_error(t), text), "%s", pal_tape_error(t));                 \
        pal_tape_rewind(t, mark_);                                                                                     \
        ck_assert_tape_ok(t);                                                                                          \
    } while (0)

START_TEST(errors_say_what_is_wrong)
{
    const pal_var none = {.tape = t}, x = pal_fill(t, PAL_F64, PAL_SHAPE(3, 2), 0),
                  y = pal_fill(t, PAL_F64, PAL_SHAPE(4), 0), s = number(0), f = pal_fill(t, PAL_F32, PAL_SHAPE(2), 0),
                  i = pal_fill(t, PAL_I32, PAL_SHAPE(2), 0);
    REFUSED(pal_normal_log_density(x, s, y), "normal_log_density: [4] does not fit [3,2]");
    REFUSED(pal_normal_log_density(x, f, s), "normal_log_density: operands are to be of one real type");
    REFUSED(pal_bernoulli_entropy(i), "bernoulli_entropy: operands are to be of one real type");
    REFUSED(pal_normal_kl(x, s, none, s), "normal_kl: operand 3 is a bad handle");
    REFUSED(pal_laplace_kl(x, s, y, s), "laplace_kl: [4] does not fit [3,2]");
    REFUSED(pal_poisson_kl(y, x), "poisson_kl: [3,2] does not fit [4]");
    REFUSED(pal_categorical_entropy(s),
            "categorical_entropy: wants one number of classes, at least 1, on the last axis");
    REFUSED(pal_categorical_kl(x, pal_fill(t, PAL_F64, PAL_SHAPE(1), 0)),
            "categorical_kl: wants one number of classes, at least 1, on the last axis");
    REFUSED(
        pal_categorical_log_density(pal_fill(t, PAL_F64, PAL_SHAPE(3, 0), 0), pal_fill(t, PAL_F64, PAL_SHAPE(0), 0)),
        "categorical_log_density: wants one number of classes, at least 1, on the last axis");
    REFUSED(pal_sample_normal("s", x, y), "sample_normal: [4] does not fit [3,2]");
    REFUSED(pal_sample_logistic("s", none, y), "sample_logistic: operand 1 is a bad handle");
    REFUSED(pal_sample_laplace(NULL, x, x), "uniform: the stream needs a name");
    REFUSED(pal_sample_categorical("s", s),
            "sample_categorical: wants one number of classes, at least 1, on the last axis");
    REFUSED(pal_sample_concrete("s", x, 0), "sample_concrete: the temperature is to be above 0, not 0");
    REFUSED(pal_sample_binary_concrete("s", x, -2), "sample_binary_concrete: the temperature is to be above 0, not -2");
    REFUSED(pal_bernoulli(t, "s", PAL_SHAPE(2), (double)NAN), "bernoulli: a probability is from 0 to 1, not nan");
    REFUSED(pal_gumbel(t, "", PAL_SHAPE(2)), "uniform: the stream needs a name");
    REFUSED(pal_exponential(t, "s", PAL_SHAPE(-2)), "uniform: not a shape");
    REFUSED(pal_sample_normal_full("s", y, x),
            "sample_normal_full: [3,2] among means [..,d] and factors [..,d,d] of one type");
    REFUSED(pal_normal_full_entropy(x),
            "normal_full_entropy: [3,2] among means [..,d] and factors [..,d,d] of one type");
    REFUSED(pal_normal_full_log_density(s, y, x),
            "normal_full_log_density: [] among means [..,d] and factors [..,d,d] of one type");
    REFUSED(pal_normal_full_kl(y, none, y, x), "normal_full_kl: operand 1 is a bad handle");
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

/* A factor that is not one: the run fails and says so. */
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
    add_case(suite, "noise", setup, teardown,
             TESTS(standard_noise_has_its_moments, noise_is_the_promised_function_of_the_uniform,
                   noise_is_finite_at_both_ends, seed_and_clock_decide));
    TCase *each = add_case(suite, "families", setup, teardown, TESTS(NULL));
    tcase_add_loop_test(each, densities_integrate_to_one, 0, FAMILIES);
    tcase_add_loop_test(each, entropies_and_divergences_are_averages, 0, FAMILIES);
    tcase_add_loop_test(each, derivatives_go_through_samples, 0, FAMILIES);
    TCase *kl = add_case(suite, "divergences", setup, teardown,
                         TESTS(divergences_in_closed_form, laplace_divergence_keeps_its_curvature, small_divergences));
    tcase_add_loop_test(kl, divergences_vanish_where_both_are_equal, 0, DIVERGENCES);
    tcase_add_loop_test(kl, divergences_are_not_negative, 0, DIVERGENCES);
    add_case(suite, "discrete", setup, teardown, TESTS(bernoulli_is_consistent, categorical_is_consistent));
    add_case(suite, "arguments", setup, teardown,
             TESTS(extreme_arguments, float32_agrees_with_float64, errors_say_what_is_wrong));
    add_case(suite, "full normal", setup, teardown,
             TESTS(full_normal_of_two, full_normal_with_diagonal_factor, full_normal_samples_confirm_the_rest,
                   a_singular_factor_fails_the_run));
    return suite;
}
