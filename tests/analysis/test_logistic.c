/* test_logistic.c - tests logistic regression: the conditions at its minimum, and that held-out samples have no
 * influence. */
#include <math.h>

#include "tests/testing.h"
#include "analysis/internal.h"

Suite *logistic_suite(void);

enum { N = 40, D = 5, K = 3 };

static pal_context *context;

static void set_up(void) { context = context_with(2); }
static void tear_down(void) { pal_context_free(context); }

typedef struct problem {
    pal_tensor *x, *y;
    double weights[N], solution[K * D + K];
    palt__logistic *classifier;
} problem;

static problem make(void)
{
    pal_error err = {0};
    problem p = {.x = random_tensor(context, PAL_F64, PAL_SHAPE(N, D), -1, 1, "x"),
                 .y = pal_tensor_new(context, PAL_F64, PAL_SHAPE(N, K))};
    for (size_t i = 0; i < N; i++) {
        pal_tensor_set(p.y, i * K + (pal_tensor_get(p.x, i * D) > 0.2 ? 2 : i % K), 1);
        p.weights[i] = i % 5 ? 1 / (N * 0.8) : 0;
    }
    p.classifier = palt__logistic_new(p.x, p.y, 0, &err);
    ck_assert_msg(p.classifier != NULL, "%s", err.text);
    ck_assert_uint_eq(palt__logistic_size(p.classifier), K * D + K);
    return p;
}

static void drop(problem *p)
{
    palt__logistic_free(p->classifier);
    pal_tensor_free(p->x);
    pal_tensor_free(p->y);
}

static palt__fit fit(problem *p, double strength)
{
    pal_error err = {0};
    palt__fit f = {.strength = strength, .gradient = 1e-10, .weights = p->weights, .solution = p->solution};
    ck_assert_msg(!palt__logistic_fit(p->classifier, &f, &err), "%s", err.text);
    ck_assert(f.minimum.converged);
    return f;
}

static void probabilities(const problem *p, size_t i, double out[K])
{
    double sum = 0;
    for (size_t k = 0; k < K; k++) {
        double a = p->solution[K * D + k];
        for (size_t d = 0; d < D; d++) a += p->solution[k * D + d] * pal_tensor_get(p->x, i * D + d);
        out[k] = exp(a);
        sum += out[k];
    }
    for (size_t k = 0; k < K; k++) out[k] /= sum;
}

/* At the minimum, sum_i w_i (p_ik - y_ik) x_i + strength W_k = 0. Without x_i, the same holds for the biases: the
 * expected counts are those of the labels. It follows that the W_k add up to 0. */
START_TEST(the_gradient_is_zero_at_the_minimum)
{
    problem p = make();
    for (double strength = 1; strength > 1e-4; strength /= 10) {
        palt__fit f = fit(&p, strength);
        double value = 0, surprise = 0;
        int64_t wrong[2] = {0};
        double g[K][D + 1] = {{0}};
        for (size_t i = 0; i < N; i++) {
            double q[K];
            size_t best = 0, label = 0;
            probabilities(&p, i, q);
            for (size_t k = 0; k < K; k++) {
                double e = p.weights[i] * (q[k] - pal_tensor_get(p.y, i * K + k));
                for (size_t d = 0; d < D; d++) g[k][d] += e * pal_tensor_get(p.x, i * D + d);
                g[k][D] += e;
                if (q[k] > q[best]) best = k;
                if (pal_tensor_get(p.y, i * K + k) > 0) label = k;
            }
            value -= p.weights[i] * log(q[label]);
            surprise -= p.weights[i] > 0 ? 0 : log(q[label]);
            wrong[p.weights[i] > 0] += best != label;
        }
        for (size_t d = 0; d < D; d++) {
            double sum = 0;
            for (size_t k = 0; k < K; k++) {
                double w = p.solution[k * D + d];
                ck_assert_double_eq_tol(g[k][d] + strength * w, 0, 2e-10);
                value += strength / 2 * w * w;
                sum += w;
            }
            ck_assert_double_eq_tol(sum, 0, 1e-8 / strength);
        }
        for (size_t k = 0; k < K; k++) ck_assert_double_eq_tol(g[k][D], 0, 2e-10);
        ck_assert_double_eq_tol(f.minimum.value, value, 1e-12);
        ck_assert_double_eq_tol(f.surprise, surprise, 1e-9);
        ck_assert_int_eq(f.wrong[0], wrong[0]);
        ck_assert_int_eq(f.wrong[1], wrong[1]);
    }
    drop(&p);
}
END_TEST

/* Samples with weight 0 are held out. Changing them must not change the solution. */
START_TEST(what_is_held_out_has_no_say)
{
    problem p = make();
    fit(&p, 0.01);
    double before[K * D + K];
    memcpy(before, p.solution, sizeof before);
    for (size_t i = 0; i < N; i += 5)
        for (size_t d = 0; d < D; d++) pal_tensor_set(p.x, i * D + d, 9);
    memset(p.solution, 0, sizeof p.solution);
    fit(&p, 0.01);
    for (size_t i = 0; i < K * D + K; i++) ck_assert_double_eq_tol(before[i], p.solution[i], 1e-7);
    drop(&p);
}
END_TEST

Suite *logistic_suite(void)
{
    Suite *suite = suite_create("logistic");
    add_case(suite, "minimum", set_up, tear_down,
             TESTS(the_gradient_is_zero_at_the_minimum, what_is_held_out_has_no_say));
    return suite;
}
