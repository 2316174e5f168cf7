/* test_wolfe.c - the line search on functions of one number: those of Moré and Thuente (1994, section 5), walls,
 * rounding. */
#include <float.h>
#include <math.h>

#include "optim/method.h"
#include "tests/testing.h"

Suite *wolfe_suite(void);

typedef double function(double a, double *slope);

/* (5.1) with beta = 2 */
static double first(double a, double *slope)
{
    const double q = a * a + 2;
    *slope = (a * a - 2) / (q * q);
    return -a / q;
}

/* (5.2) with beta = 0.004 */
static double second(double a, double *slope)
{
    const double b = a + 0.004;
    *slope = 5 * pow(b, 4) - 8 * pow(b, 3);
    return pow(b, 5) - 2 * pow(b, 4);
}

/* (5.3) with beta = 0.01, l = 39 */
static double third(double a, double *slope)
{
    const double beta = 0.01, l = 39, wave = 2 * (1 - beta) / (l * M_PI);
    double base, by;
    if (a <= 1 - beta)
        base = 1 - a, by = -1;
    else if (a >= 1 + beta)
        base = a - 1, by = 1;
    else
        base = (a - 1) * (a - 1) / (2 * beta) + beta / 2, by = (a - 1) / beta;
    *slope = by + wave * l * M_PI / 2 * cos(l * M_PI / 2 * a);
    return base + wave * sin(l * M_PI / 2 * a);
}

/* (5.4): two slopes that the parameters bend near 0 and near 1. */
static double bent(double a, double *slope, double b1, double b2)
{
    const double g1 = sqrt(1 + b1 * b1) - b1, g2 = sqrt(1 + b2 * b2) - b2;
    const double r1 = sqrt((1 - a) * (1 - a) + b2 * b2), r2 = sqrt(a * a + b1 * b1);
    *slope = g1 * (a - 1) / r1 + g2 * a / r2;
    return g1 * r1 + g2 * r2;
}
static double fourth(double a, double *slope) { return bent(a, slope, 0.001, 0.001); }
static double fifth(double a, double *slope) { return bent(a, slope, 0.01, 0.001); }
static double sixth(double a, double *slope) { return bent(a, slope, 0.001, 0.01); }

typedef struct outcome {
    pal__wolfe_state state;
    double step, change, slope, slope0;
    int64_t evaluations;
    bool met_not_finite;
} outcome;

static outcome search(function *f, double sufficient, double curvature, double start, double slack)
{
    pal__wolfe w;
    outcome o = {.state = PAL__TRY};
    const double value = f(0, &o.slope0);
    const pal__wolfe_options options = {
        .sufficient = sufficient, .curvature = curvature, .width = 1e-14, .trials = 40, .slack = slack};
    pal__wolfe_begin(&w, &options, o.slope0, start);
    while (o.state == PAL__TRY) {
        double slope;
        const double at = f(w.step, &slope);
        o.evaluations++;
        ck_assert_int_le(o.evaluations, 40);
        o.state = pal__wolfe_next(&w, at - value, slope);
    }
    o.step = w.step;
    o.met_not_finite = w.met_not_finite;
    o.change = f(o.step, &o.slope) - value;
    return o;
}

/* Tables I to VI of the paper: the steps that it finds, to the digits that it prints, from four starts. */
START_TEST(the_tables_of_the_paper)
{
    const struct {
        function *f;
        double sufficient, curvature, steps[4];
    } rows[] = {{first, 1e-3, 1e-1, {1.4, 1.4, 10, 37}},
                {second, 1e-1, 1e-1, {1.6, 1.6, 1.6, 1.6}},
                {third, 1e-1, 1e-1, {1, 1, 1, 1}},
                {fourth, 1e-3, 1e-3, {0.085, 0.10, 0.34, 0.83}},
                {fifth, 1e-3, 1e-3, {0.075, 0.078, 0.073, 0.076}},
                {sixth, 1e-3, 1e-3, {0.93, 0.93, 0.92, 0.92}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < 4; k++) {
            const outcome o = search(rows[i].f, rows[i].sufficient, rows[i].curvature, pow(10, -3 + 2 * k), 0);
            ck_assert_int_eq(o.state, PAL__FULL);
            ck_assert(o.change <= rows[i].sufficient * o.step * o.slope0);
            ck_assert(fabs(o.slope) <= rows[i].curvature * -o.slope0);
            ck_assert_int_le(o.evaluations, 13);
            ck_assert_msg(fabs(o.step - rows[i].steps[k]) < 0.06 * rows[i].steps[k], "function %zu from 1e%d: %g",
                          i + 1, -3 + 2 * k, o.step);
        }
}
END_TEST

/* ---- Walls, falls, rounding ----------------------------------------------------------------------------------- */

static double barrier(double a, double *slope) /* NaN from 0.01 on; its minimum is 0.009 */
{
    const double left = 0.01 - a;
    *slope = -1 + 0.001 / left;
    return left > 0 ? -a - 0.001 * log(left) : NAN;
}

static double cliff(double a, double *slope) /* falls up to a = 0.5, then infinite */
{
    *slope = -1;
    return a < 0.5 ? -a : INFINITY;
}

static double fall(double a, double *slope)
{
    *slope = -1;
    return -a;
}

static double uphill(double a, double *slope) /* the slope at 0 is wrong */
{
    *slope = -1;
    return a;
}

static double nothing(double a, double *slope)
{
    *slope = a == 0 ? -1 : NAN;
    return a == 0 ? 0 : NAN;
}

static double huge(double a, double *slope)
{
    *slope = a == 0 ? -1 : 1e300;
    return a == 0 ? 0 : 1e300;
}

/* A parabola of depth 1e-13 on a value of 1: the differences are lost, the slopes are not. */
static double shallow(double a, double *slope)
{
    *slope = 2e-16 * (a - 3);
    return 1 + (double)(float)(1e-16 * (a - 3) * (a - 3));
}

START_TEST(it_always_ends)
{
    outcome o = search(barrier, 1e-4, 0.1, 1, 0);
    ck_assert_msg(o.state == PAL__FULL && o.met_not_finite && fabs(o.step - 0.009) < 2e-4, "%d %d %.17g %ld", o.state,
                  o.met_not_finite, o.step, (long)o.evaluations);
    o = search(cliff, 1e-4, 0.1, 1, 0);
    ck_assert(o.state == PAL__WEAK && o.met_not_finite && o.step < 0.5 && o.step > 0.45 && o.evaluations < 16);
    o = search(fall, 1e-4, 0.1, 1, 0);
    ck_assert(o.state == PAL__WEAK && o.step > 1e18);
    o = search(uphill, 1e-4, 0.1, 1, 0);
    ck_assert(o.state == PAL__STUCK && o.step == 0);
    o = search(nothing, 1e-4, 0.1, 1, 0);
    ck_assert(o.state == PAL__STUCK && o.met_not_finite);
    o = search(huge, 1e-4, 0.1, 1, 0);
    ck_assert(o.state == PAL__STUCK);
    o = search(shallow, 1e-4, 0.1, 1, 4 * DBL_EPSILON);
    ck_assert(o.state == PAL__FULL && fabs(o.step - 3) < 0.31);
}
END_TEST

Suite *wolfe_suite(void)
{
    Suite *suite = suite_create("wolfe");
    add_case(suite, "wolfe", NULL, NULL, TESTS(the_tables_of_the_paper, it_always_ends));
    return suite;
}
