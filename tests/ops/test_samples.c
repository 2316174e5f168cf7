/* test_samples.c - samples have the known properties of their distributions: moments, distribution functions,
 * densities, entropies and divergences as averages of samples, derivatives of expectations. */
#include <stdio.h>

#include "tests/ops/distributions.h"

enum { POINTS = 20001 };
#define PI 3.14159265358979323846

/* ---- Noise ---------------------------------------------------------------------------------------------------- */

/* Checks mean, variance and, at 9 points, the distribution function of the draws x. */
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
    for (int d = 0; d < 2; d++) { /* noise has the type of the tape */
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

/* docs/noise.md defines each of these draws as a function of the uniform with the same stream. */
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

/* The row in ends[0] has a word that makes the uniform 0; the one in ends[1] makes it 1 - 2^-24. */
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
    ck_assert_str_eq(pal_tape_error(t), "normal: stream s is already in use: share its value");
}
END_TEST

/* ---- Families of two parameters ------------------------------------------------------------------------------- */

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
    /* The points run from -50 to 50. One is the location, where the Laplace density has its kink. */
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

/* Averages of samples agree with mean and variance, and averages of log densities with entropy and divergence. */
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

/* E x^2 = location^2 + scale^2 variance. Its derivatives by both parameters equal the averages of the derivatives
 * through the samples. */
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

/* ---- Discrete ------------------------------------------------------------------------------------------------- */

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

/* Classes drawn from logits with one masked by -inf: density, entropy and divergence agree with the draws. */
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
    /* A relaxed sample is a point of the simplex, and its largest element follows the class probabilities. */
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
    /* Derivatives are finite, and 0 for the masked class. */
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
    /* If q gives a class that is masked in p, KL(q || p) is infinite. */
    ck_assert(value(pal_categorical_kl(q, p)) == (double)INFINITY);
    ck_assert(value(pal_categorical_log_density(pal_one_hot(pal_fill(t, PAL_I32, PAL_SHAPE(1), 1), 4, PAL_F64), p)) ==
              -(double)INFINITY);
    pal_tensor_free(a);
    pal_tensor_free(b);
    free(probability);
}
END_TEST

Suite *samples_suite(void)
{
    Suite *suite = suite_create("samples");
    add_case(suite, "noise", setup, teardown,
             TESTS(standard_noise_has_its_moments, noise_is_the_promised_function_of_the_uniform,
                   noise_is_finite_at_both_ends, seed_and_clock_decide));
    TCase *each = add_case(suite, "families", setup, teardown, TESTS(NULL));
    tcase_add_loop_test(each, densities_integrate_to_one, 0, FAMILIES);
    tcase_add_loop_test(each, entropies_and_divergences_are_averages, 0, FAMILIES);
    tcase_add_loop_test(each, derivatives_go_through_samples, 0, FAMILIES);
    add_case(suite, "discrete", setup, teardown, TESTS(bernoulli_is_consistent, categorical_is_consistent));
    return suite;
}
