/* distributions.h - helpers shared by the suites of samples and of densities. An average over seeded draws may differ
 * from its expectation by at most 4.5 standard errors. */
#ifndef PAL_TESTS_DISTRIBUTIONS_H
#define PAL_TESTS_DISTRIBUTIONS_H

#include <math.h>
#include <string.h>

#include "tests/ops/fixture.h"

enum { MANY = 40000 };
#define ERRORS 4.5

/* The elements of v as doubles. The caller frees them. */
static inline double *values(pal_var v)
{
    double *out = calloc((size_t)pal_shape_count(pal_shape_of(v)) + 1, sizeof *out);
    pal_var wide = pal_cast(v, PAL_F64);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_eval(wide, out), PAL_OK);
    return out;
}

static inline double value(pal_var v)
{
    double *all = values(v), first = all[0];
    free(all);
    return first;
}

static inline void near(double a, double b, double tolerance)
{
    ck_assert_msg(a == b || fabs(a - b) <= tolerance, "%.17g, not %.17g", a, b);
}

static inline pal_var number(double x) { return pal_constant(t, x); }
static inline pal_var repeated(double x) { return pal_fill(t, PAL_F64, PAL_SHAPE(MANY), x); }

static inline pal_var gradient(pal_var y, pal_var x)
{
    pal_var g;
    ck_assert_int_eq(pal_grad(y, &x, 1, &g), PAL_OK);
    return g;
}

/* ---- Averages ------------------------------------------------------------------------------------------------- */

static inline void mean_and_error(const double *x, double *mean, double *error)
{
    double square = 0;
    *mean = 0;
    for (size_t i = 0; i < MANY; i++) *mean += x[i] / MANY;
    for (size_t i = 0; i < MANY; i++) square += (x[i] - *mean) * (x[i] - *mean);
    *error = sqrt(square / MANY / MANY);
}

/* Checks that the mean of x is `expected`, up to ERRORS standard errors. */
static inline void averages(const char *what, const double *x, double expected)
{
    double mean, error;
    mean_and_error(x, &mean, &error);
    ck_assert_msg(fabs(mean - expected) <= ERRORS * error + 1e-12, "%s: %g, not %g, with error %g", what, mean,
                  expected, error);
}

/* Checks that an event which occurred `count` times in MANY draws has this probability. */
static inline void happens(const char *what, double count, double probability)
{
    double error = sqrt(probability * (1 - probability) / MANY);
    ck_assert_msg(fabs(count / MANY - probability) <= ERRORS * error, "%s: %g, not %g", what, count / MANY,
                  probability);
}

#endif
