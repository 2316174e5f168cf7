/* test_convex.c - the minimisers on a quadratic of condition 1e6 and on logistic regression to a gradient of 1e-10. */
#include <math.h>
#include <stdio.h>

#include "optim/minimise.h"
#include "tests/testing.h"

Suite *convex_suite(void);

static pal_context *c;

static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

/* ---- A quadratic: sum_i l_i (x_i - 1)^2 / 2, l_i from 1 to 1e6 in equal ratios -------------------------------- */

enum { N = 20 };

static double eigenvalue(size_t i) { return pow(10, 6 * (double)i / (N - 1)); }

static pal_status quadratic(double *value, pal_slab *gradient, void *user)
{
    const pal_slab *x = user;
    *value = 0;
    for (size_t i = 0; i < N; i++) {
        const double e = pal_tensor_get(x->part[0], i) - 1;
        *value += eigenvalue(i) * e * e / 2;
        if (gradient) pal_tensor_set(gradient->part[0], i, eigenvalue(i) * e);
    }
    return PAL_OK;
}

static pal_status quadratic_product(const pal_slab *v, pal_slab *out, void *user)
{
    for (size_t i = 0; i < N; i++) pal_tensor_set(out->part[0], i, eigenvalue(i) * pal_tensor_get(v->part[0], i));
    return PAL_OK;
}

static pal_objective quadratic_objective(pal_slab *x)
{
    pal_tensor *at = x->part[0];
    for (size_t i = 0; i < N; i++) pal_tensor_set(at, i, 0);
    return (pal_objective){.struct_size = sizeof(pal_objective),
                           .x = x,
                           .evaluate = quadratic,
                           .hessian = quadratic_product,
                           .gauss_newton = quadratic_product,
                           .user = x};
}

static pal_slab *vector(int64_t n)
{
    const pal_shape shape = PAL_SHAPE(n);
    pal_slab *x = pal_slab_new(c, PAL_F64, &shape, 1);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* Conjugate gradients with an exact search, L-BFGS with more pairs than dimensions. (With their own settings neither is
 * there after 3000 iterations, nor are SciPy's.) */
START_TEST(condition_1e6)
{
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        pal_slab *x = vector(N);
        const pal_objective f = quadratic_objective(x);
        pal_minimise_options o = {
            .struct_size = sizeof o, .method = pal_minimise_name(i), .gradient = 1e-8, .memory = 2 * N};
        if (!strncmp(o.method, "cg", 2)) o.curvature = 1e-8, o.sufficient = 1e-9;
        pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
        pal_minimise_end end;
        pal_minimise_report r;
        ck_assert_int_eq(pal_minimise(m, 3000, &end, &r, NULL), PAL_OK);
        if (getenv("PAL_TABLE"))
            printf("condition 1e6   %-12s %5ld iterations %5ld evaluations %5ld products  value %.3g gradient %.3g end "
                   "%d\n",
                   o.method, (long)r.iterations, (long)r.evaluations, (long)r.products, r.value, r.gradient, end);
        ck_assert_msg(end == PAL_MINIMISE_CONVERGED, "%s: gradient %g", o.method, r.gradient);

        for (size_t k = 0; k < N; k++) ck_assert_double_eq_tol(pal_tensor_get(x->part[0], k), 1, 1e-8);
        pal_minimiser_free(m);
        pal_slab_free(x);
    }
}
END_TEST

/* With an exact search the three formulas of conjugate gradients are the linear method, whose values a few lines give,
 * until rounding has made directions lose conjugacy. */
START_TEST(an_exact_search_makes_it_linear)
{
    enum { STEPS = 9 };
    double x[N] = {0}, g[N], p[N], values[STEPS], gg = 0;
    for (size_t i = 0; i < N; i++) {
        g[i] = -eigenvalue(i);
        p[i] = -g[i];
        gg += g[i] * g[i];
    }
    for (int k = 0; k < STEPS; k++) {
        double curvature = 0, next = 0;
        for (size_t i = 0; i < N; i++) curvature += eigenvalue(i) * p[i] * p[i];
        values[k] = 0;
        for (size_t i = 0; i < N; i++) {
            x[i] += gg / curvature * p[i];
            g[i] = eigenvalue(i) * (x[i] - 1);
            values[k] += g[i] * (x[i] - 1) / 2;
            next += g[i] * g[i];
        }
        for (size_t i = 0; i < N; i++) p[i] = next / gg * p[i] - g[i];
        gg = next;
    }
    const char *const methods[] = {"cg-pr", "cg-hs", "cg-dy"};
    for (size_t i = 0; i < 3; i++) {
        pal_slab *at = vector(N);
        const pal_objective f = quadratic_objective(at);
        const pal_minimise_options o = {
            .struct_size = sizeof o, .method = methods[i], .sufficient = 1e-12, .curvature = 1e-11, .gradient = 1e-12};
        pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
        for (int k = 0; k < STEPS; k++) {
            pal_minimise_report r;
            ck_assert_int_eq(pal_minimiser_step(m, NULL, &r, NULL), PAL_OK);
            ck_assert_msg(fabs(r.value - values[k]) <= 1e-6 * values[k], "%s, step %d: %.12g, not %.12g", methods[i],
                          k + 1, r.value, values[k]);
        }
        pal_minimiser_free(m);
        pal_slab_free(at);
    }
}
END_TEST

/* A restart that is asked for, after each step: steepest descent, and each step tells it. */
START_TEST(restarts_that_are_asked_for)
{
    double values[2][6];
    for (int by = 0; by < 2; by++) {
        pal_slab *x = vector(N);
        const pal_objective f = quadratic_objective(x);
        pal_minimise_options o = {.struct_size = sizeof o, .method = "cg-hs", .curvature = 1e-9, .sufficient = 1e-10};
        if (by)
            o.orthogonal = 1e-300; /* Powell's test, with a bound that rounding always exceeds */
        else
            o.restart = 1;
        pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
        for (int k = 0; k < 6; k++) {
            pal_minimise_report r;
            ck_assert_int_eq(pal_minimiser_step(m, NULL, &r, NULL), PAL_OK);
            ck_assert(r.events >> PAL_MET_RESTART & 1);
            values[by][k] = r.value;
        }
        pal_minimiser_free(m);
        pal_slab_free(x);
    }
    ck_assert_mem_eq(values[0], values[1], sizeof values[0]);
    ck_assert(values[0][5] > 1); /* conjugate gradients are at 0.24 there */
}
END_TEST

/* ---- The rules of Hessian-free --------------------------------------------------------------------------------- */

static pal_status rising(pal_slab *out, void *user)
{
    for (size_t i = 0; i < N; i++) pal_tensor_set(out->part[0], i, (double)i * 1e5);
    return PAL_OK;
}

/* The model of a quadratic is exact: the ratio is 1, and the damping shrinks by 2/3 in each step. With one product the
 * step is along the gradient, divided by (D + damping)^(3/4). */
START_TEST(damping_and_preconditioner)
{
    const double damping = 7;
    pal_slab *x = vector(N);
    pal_objective f = quadratic_objective(x);
    f.diagonal = rising;
    const pal_minimise_options o = {
        .struct_size = sizeof o, .method = "hessian-free", .damping = damping, .products = 1};
    pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
    for (int k = 1; k <= 5; k++) {
        pal_minimise_report r;
        ck_assert_int_eq(pal_minimiser_step(m, NULL, &r, NULL), PAL_OK);
        ck_assert_double_eq_tol(r.ratio, 1, 1e-9);
        ck_assert_double_eq_tol(r.damping, damping * pow(2.0 / 3, k), 1e-12);
        ck_assert_int_eq(r.inner, k == 1 ? 1 : 2); /* the warm start takes one */
        const double *at = x->part[0]->data, unit = at[0] * pow(damping, 0.75) / eigenvalue(0);
        for (size_t i = 0; i < N && k == 1; i++)
            ck_assert_double_eq_tol(at[i] * pow((double)i * 1e5 + damping, 0.75) / eigenvalue(i) / unit, 1, 1e-10);
    }
    pal_minimiser_free(m);
    pal_slab_free(x);
}
END_TEST

/* ---- Logistic regression with weight decay -------------------------------------------------------------------- */

enum { SAMPLES = 200, FEATURES = 8 };
#define DECAY 1e-3

typedef struct logistic {
    pal_slab *x;
    pal_tensor *inputs, *targets, *v;
    pal_program *gradient, *gauss_newton;
} logistic;

static pal_status logistic_value(double *value, pal_slab *gradient, void *user)
{
    logistic *l = user;
    if (pal_run(l->gradient)) return PAL_ERR_NUMERIC;
    *value = pal_tensor_get(pal_output(l->gradient, 0), 0);
    if (gradient) memcpy(gradient->part[0]->data, pal_output(l->gradient, 1)->data, FEATURES * sizeof(double));
    return PAL_OK;
}

/* The likelihood's own product, and the decay's. The outputs are linear in x, so that it is the Hessian, too. */
static pal_status logistic_product(const pal_slab *v, pal_slab *out, void *user)
{
    logistic *l = user;
    memcpy(l->v->data, v->part[0]->data, FEATURES * sizeof(double));
    if (pal_run(l->gauss_newton)) return PAL_ERR_NUMERIC;
    const double *product = pal_output(l->gauss_newton, 0)->data, *direction = v->part[0]->data;
    for (size_t i = 0; i < FEATURES; i++) ((double *)out->part[0]->data)[i] = product[i] + DECAY * direction[i];
    return PAL_OK;
}

/* Sum over the samples of squared derivatives. */
static pal_status logistic_diagonal(pal_slab *out, void *user)
{
    const logistic *l = user;
    const double *x = l->inputs->data, *w = l->x->part[0]->data, *y = l->targets->data;
    for (size_t k = 0; k < FEATURES; k++) {
        double sum = 0;
        for (size_t i = 0; i < SAMPLES; i++) {
            double z = 0;
            for (size_t j = 0; j < FEATURES; j++) z += x[i * FEATURES + j] * w[j];
            const double g = (1 / (1 + exp(-z)) - y[i]) * x[i * FEATURES + k] / SAMPLES;
            sum += g * g;
        }
        ((double *)out->part[0]->data)[k] = sum;
    }
    return PAL_OK;
}

static void open_logistic(logistic *l)
{
    *l = (logistic){.x = vector(FEATURES),
                    .inputs = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), -1, 1, "inputs"),
                    .targets = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, 1), 0, 1, "targets"),
                    .v = pal_tensor_new(c, PAL_F64, PAL_SHAPE(FEATURES))};
    double *x = l->inputs->data, *y = l->targets->data;
    for (size_t i = 0; i < SAMPLES; i++) {
        x[i * FEATURES] *= 30; /* features of unlike scale */
        x[i * FEATURES + 1] *= 0.05;
        y[i] = y[i] < 1 / (1 + exp(-x[i * FEATURES] / 10 - 3 * x[i * FEATURES + 2]));
    }
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var w = pal_leaf(t, l->x->part[0], "w"), v = pal_leaf(t, l->v, "v"), out[2], product;
    pal_var z = pal_matmul(pal_leaf(t, l->inputs, "x"), pal_reshape(w, PAL_SHAPE(FEATURES, 1)));
    pal_var fit = pal_mean_over_samples(pal_bernoulli_cross_entropy(z, pal_leaf(t, l->targets, "y")));
    out[0] = pal_add(fit, pal_scale(pal_sum_squares(w), DECAY / 2));
    pal_grad(out[0], &w, 1, out + 1);
    pal_gauss_newton_product(fit, z, &w, &v, 1, &product);
    ck_assert_msg(!pal_tape_status(t), "%s", pal_tape_error(t));
    l->gradient = pal_compile(t, out, 2, NULL);
    l->gauss_newton = pal_compile(t, &product, 1, NULL);
    pal_tape_free(t);
}

static void close_logistic(logistic *l)
{
    pal_program_free(l->gradient), pal_program_free(l->gauss_newton);
    pal_tensor_free(l->inputs), pal_tensor_free(l->targets), pal_tensor_free(l->v);
    pal_slab_free(l->x);
}

START_TEST(logistic_regression_to_1e_10)
{
    double found[8][FEATURES];
    for (size_t i = 0; i < pal_minimise_kinds() + 1; i++) {
        logistic l;
        open_logistic(&l);
        const bool preconditioned = i == pal_minimise_kinds();
        const pal_objective f = {.struct_size = sizeof f,
                                 .x = l.x,
                                 .evaluate = logistic_value,
                                 .hessian = logistic_product,
                                 .gauss_newton = logistic_product,
                                 .diagonal = preconditioned ? logistic_diagonal : NULL,
                                 .user = &l};
        const pal_minimise_options o = {.struct_size = sizeof o,
                                        .method = preconditioned ? "hessian-free" : pal_minimise_name(i),
                                        .gradient = 1e-11};
        pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
        pal_minimise_end end;
        pal_minimise_report r;
        ck_assert_int_eq(pal_minimise(m, 2000, &end, &r, NULL), PAL_OK);
        if (getenv("PAL_TABLE"))
            printf("logistic   %-12s %5ld iterations %5ld evaluations %5ld products  value %.15g norm %.3g end %d\n",
                   o.method, (long)r.iterations, (long)r.evaluations, (long)r.products, r.value, r.norm, end);
        ck_assert_msg(r.norm <= 1e-10, "%s: gradient %g", o.method, r.norm);
        memcpy(found[i], l.x->part[0]->data, sizeof found[i]);
        for (size_t k = 0; k < FEATURES; k++) ck_assert_double_eq_tol(found[i][k], found[0][k], 1e-6);
        pal_minimiser_free(m);
        close_logistic(&l);
    }
}
END_TEST

Suite *convex_suite(void)
{
    Suite *suite = suite_create("convex");
    add_case(
        suite, "quadratic", set_up, tear_down,
        TESTS(condition_1e6, an_exact_search_makes_it_linear, restarts_that_are_asked_for, damping_and_preconditioner));
    add_case(suite, "logistic", set_up, tear_down, TESTS(logistic_regression_to_1e_10));
    return suite;
}
