/* test_lbfgs.c - L-BFGS on functions whose minimum is known. */
#include <math.h>
#include <string.h>

#include "optim/optim.h"
#include "tests/testing.h"

Suite *lbfgs_suite(void);

enum { MANY = 60 };

typedef struct counted {
    int64_t calls, fail_at;
    size_t n;
} counted;

static pal_status counts(counted *c) { return ++c->calls == c->fail_at ? PAL_ERR_STOPPED : PAL_OK; }

/* sum_i (1 + i^2) (x_i - i)^2 / 2: condition number 3600. */
static pal_status quadratic(const double *x, double *value, double *gradient, void *user)
{
    counted *c = user;
    *value = 0;
    for (size_t i = 0; i < c->n; i++) {
        double k = 1 + (double)(i * i), e = x[i] - (double)i;
        *value += k * e * e / 2;
        gradient[i] = k * e;
    }
    return counts(c);
}

/* The extended Rosenbrock function: its minimum is 0, where all x_i = 1. */
static pal_status rosenbrock(const double *x, double *value, double *gradient, void *user)
{
    counted *c = user;
    *value = 0;
    for (size_t i = 0; i < c->n; i += 2) {
        double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
        *value += a * a + 100 * b * b;
        gradient[i] = -2 * a - 400 * x[i] * b;
        gradient[i + 1] = 200 * b;
    }
    return counts(c);
}

/* sum_i x_i - ln x_i: NaN for negative x_i; its minimum is n, where all x_i = 1. */
static pal_status barrier(const double *x, double *value, double *gradient, void *user)
{
    counted *c = user;
    *value = 0;
    for (size_t i = 0; i < c->n; i++) {
        *value += x[i] - log(x[i]);
        gradient[i] = 1 - 1 / x[i];
    }
    return counts(c);
}

/* A linear function, which has no minimum. */
static pal_status slope(const double *x, double *value, double *gradient, void *user)
{
    *value = -x[0];
    gradient[0] = -1;
    return counts(user);
}

static pal_lbfgs_result minimise(double *x, size_t n, pal_lbfgs_fn f, pal_lbfgs_options o)
{
    pal_error err = {0};
    pal_lbfgs_result r;
    counted c = {.n = n};
    o.struct_size = sizeof o;
    ck_assert_msg(!pal_lbfgs(x, n, f, &c, &o, &r, &err), "%s", err.text);
    ck_assert_int_eq(r.evaluations, c.calls);
    double value, gradient[MANY], most = 0;
    f(x, &value, gradient, &c);
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(gradient[i]));
    ck_assert_double_eq(value, r.value);
    ck_assert_double_eq(most, r.gradient);
    return r;
}

START_TEST(minima_that_are_known)
{
    double x[MANY];
    for (size_t memory = 1; memory <= 20; memory += 19) {
        for (size_t i = 0; i < MANY; i++) x[i] = -3;
        pal_lbfgs_result r = minimise(x, MANY, quadratic, (pal_lbfgs_options){.memory = memory, .gradient = 1e-9});
        ck_assert(r.converged);
        for (size_t i = 0; i < MANY; i++) ck_assert_double_eq_tol(x[i], (double)i, 1e-9);
    }
    for (size_t n = 2; n <= MANY; n += 58) {
        for (size_t i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1.2;
        pal_lbfgs_result r = minimise(x, n, rosenbrock, (pal_lbfgs_options){.gradient = 1e-8});
        ck_assert(r.converged && r.iterations < 100 && r.evaluations < 150);
        for (size_t i = 0; i < n; i++) ck_assert_double_eq_tol(x[i], 1, 1e-7);
    }
    for (size_t i = 0; i < MANY; i++) x[i] = 0.01 + (double)i;
    pal_lbfgs_result r = minimise(x, MANY, barrier, (pal_lbfgs_options){.gradient = 1e-9});
    ck_assert(r.converged);
    for (size_t i = 0; i < MANY; i++) ck_assert_double_eq_tol(x[i], 1, 1e-8);
}
END_TEST

START_TEST(it_ends)
{
    double x[MANY];
    for (size_t i = 0; i < MANY; i++) x[i] = (double)i;
    pal_lbfgs_result r = minimise(x, MANY, quadratic, (pal_lbfgs_options){0}); /* starts at the minimum */
    ck_assert(r.converged && r.iterations == 0 && r.evaluations == 1);
    for (size_t i = 0; i < MANY; i++) x[i] = i % 2 ? 1 : -1.2;
    r = minimise(x, MANY, rosenbrock, (pal_lbfgs_options){.iterations = 5});
    ck_assert(!r.converged && r.iterations == 5);
    for (size_t i = 0; i < MANY; i++) x[i] = i % 2 ? 1 : -1.2;
    r = minimise(x, MANY, rosenbrock,
                 (pal_lbfgs_options){.gradient = 1e-300}); /* must end where rounding prevents progress */
    ck_assert(r.gradient < 1e-6 && r.evaluations < 2000);
    x[0] = 0;
    r = minimise(x, 1, slope, (pal_lbfgs_options){.iterations = 20});
    ck_assert(!r.converged && r.value < -1e9);
}
END_TEST

/* A failure of the function at any call stops the search and is returned. A NaN at the start is PAL_ERR_NUMERIC. */
START_TEST(failures_come_through)
{
    double x[2] = {-1.2, 1};
    for (int64_t at = 1; at < 10; at++) {
        pal_error err = {0};
        pal_lbfgs_result r;
        counted c = {.n = 2, .fail_at = at};
        ck_assert_int_eq(pal_lbfgs(x, 2, rosenbrock, &c, NULL, &r, &err), PAL_ERR_STOPPED);
        ck_assert_int_eq(err.status, PAL_ERR_STOPPED);
        ck_assert_int_eq(c.calls, at);
        ck_assert(isfinite(x[0]) && isfinite(x[1]));
    }
    pal_error err = {0};
    counted c = {.n = 1};
    x[0] = -1; /* the value is NaN */
    ck_assert_int_eq(pal_lbfgs(x, 1, barrier, &c, NULL, NULL, &err), PAL_ERR_NUMERIC);
    ck_assert_int_eq(pal_lbfgs(x, 0, barrier, &c, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_lbfgs(NULL, 1, barrier, &c, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
}
END_TEST

Suite *lbfgs_suite(void)
{
    Suite *suite = suite_create("lbfgs");
    add_case(suite, "lbfgs", NULL, NULL, TESTS(minima_that_are_known, it_ends, failures_come_through));
    return suite;
}
