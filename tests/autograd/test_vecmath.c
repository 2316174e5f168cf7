/* test_vecmath.c - accuracy and special values of autograd/machine/vecmath.h, for the instruction set of this build.
 * slow_vecmath.c tests every float. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "autograd/machine/vecmath.h"

Suite *vecmath_suite(void);

#define BLOCK 512

/* Functions of one argument, with their limits in units in the last place: X(function, float limit, double limit). */
#define FUNCTIONS(X)                                                                                                   \
    X(exp, 1.5, 2.0)                                                                                                   \
    X(expm1, 1.5, 2.0)                                                                                                 \
    X(log, 1.5, 2.0)                                                                                                   \
    X(log1p, 1.5, 2.0)                                                                                                 \
    X(sin, 1.5, 1.0)                                                                                                   \
    X(cos, 1.5, 1.0)                                                                                                   \
    X(tanh, 1.5, 2.0)                                                                                                  \
    X(erf, 1.5, 2.0)                                                                                                   \
    X(exp2, 0.75, 2.0)                                                                                                 \
    X(log2, 0.75, 2.0)                                                                                                 \
    X(log10, 0.75, 3.0)                                                                                                \
    X(cbrt, 0.75, 5.0)                                                                                                 \
    X(tan, 0.75, 1.5)                                                                                                  \
    X(asin, 0.75, 1.5)                                                                                                 \
    X(acos, 0.75, 1.5)                                                                                                 \
    X(atan, 0.75, 1.5)                                                                                                 \
    X(sinh, 0.75, 3.0)                                                                                                 \
    X(cosh, 0.75, 3.0)                                                                                                 \
    X(asinh, 0.75, 3.0)                                                                                                \
    X(acosh, 0.75, 3.0)                                                                                                \
    X(atanh, 0.75, 3.0)                                                                                                \
    X(erfc, 0.75, 6.0)                                                                                                 \
    X(normal_cdf, 0.75, 8.0)                                                                                           \
    X(rint, 0, 0)                                                                                                      \
    X(floor, 0, 0)                                                                                                     \
    X(ceil, 0, 0)                                                                                                      \
    X(trunc, 0, 0)

static double normal_cdf(double x) { return 0.5 * erfc(x * -M_SQRT1_2); }
static long double normal_cdfl(long double x) { return 0.5L * erfcl(x * -0.707106781186547524400844362104849039L); }

#define ROW(f, limit32, limit64)                                                                                       \
    static void f##_f32(size_t n, const float *x, float *y)                                                            \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) y[i] = pal__##f##_f32(x[i]);                                                    \
    }                                                                                                                  \
    static void f##_f64(size_t n, const double *x, double *y)                                                          \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) y[i] = pal__##f##_f64(x[i]);                                                    \
    }
FUNCTIONS(ROW)
#undef ROW

static const struct function {
    const char *name;
    void (*f32)(size_t n, const float *x, float *y);
    void (*f64)(size_t n, const double *x, double *y);
    double (*reference32)(double x);
    long double (*reference64)(long double x);
    double limit32, limit64;
} functions[] = {
#define ROW(f, limit32, limit64) {#f, f##_f32, f##_f64, f, f##l, limit32, limit64},
    FUNCTIONS(ROW)
#undef ROW
};
#define N_FUNCTIONS (sizeof functions / sizeof *functions)

static uint64_t next(uint64_t *state) /* SplitMix64 */
{
    uint64_t x = *state += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* The error of got in units in the last place. The type has `digits` binary digits, and its smallest normal number is
 * 2^(least - 1). The error is huge if a special value or a sign is wrong. Values above 2^overflow count as that. */
static double ulps(long double got, long double want, int digits, int least, int overflow)
{
    long double top = ldexpl(1.0L, overflow);
    if (isnan(want)) return isnan(got) ? 0 : 1e9;
    if (isnan(got) || !signbit(got) != !signbit(want)) return 1e9;
    if (want == 0) return got == 0 ? 0 : 1e9;
    if (isinf(want)) return isinf(got) ? 0 : 1e9;
    int e;
    long double value = fabsl(got) > top ? top : fabsl(got), exact = fabsl(want) > top ? top : fabsl(want);
    frexpl(exact, &e);
    if (exact == top) e = overflow;
    return (double)(fabsl(value - exact) / ldexpl(1.0L, (e < least ? least : e) - digits));
}

static double ulps_f32(float got, double want) { return ulps(got, want, 24, -125, 128); }
static double ulps_f64(double got, long double want) { return ulps(got, want, 53, -1021, 1024); }

START_TEST(floats_over_the_whole_range)
{
    const struct function *f = &functions[_i];
    static float x[BLOCK], y[BLOCK];
    double worst = 0, where = 0;
    uint32_t bits = 0;
    for (int block = 0; block < 2048; block++) {
        for (int i = 0; i < BLOCK; i++) x[i] = pal__real_f32(bits += 4099u); /* odd, so that no bit pattern repeats */
        f->f32(BLOCK, x, y);
        for (int i = 0; i < BLOCK; i++) {
            double error = ulps_f32(y[i], f->reference32(x[i]));
            if (error > worst) worst = error, where = x[i];
        }
    }
    ck_assert_msg(worst <= f->limit32, "%s: %g ULP at %a", f->name, worst, where);
}
END_TEST

START_TEST(doubles_at_random)
{
    /* One third of the arguments are random bit patterns. The others are in the ranges where the functions vary. */
    const struct function *f = &functions[_i];
    static double x[BLOCK], y[BLOCK];
    double worst = 0, where = 0;
    uint64_t state = 20;
    for (int block = 0; block < 400; block++) {
        for (int i = 0; i < BLOCK; i++) {
            uint64_t r = next(&state);
            double u = (double)(next(&state) >> 11) * 0x1p-52 - 1.0; /* -1 .. 1 */
            x[i] = i % 3 == 0 ? pal__real_f64(r) : i % 3 == 1 ? u * 3 : u * (r % 2 ? 760 : 40);
        }
        f->f64(BLOCK, x, y);
        for (int i = 0; i < BLOCK; i++) {
            double error = ulps_f64(y[i], f->reference64(x[i]));
            if (error > worst) worst = error, where = x[i];
        }
    }
    ck_assert_msg(worst <= f->limit64, "%s: %g ULP at %a", f->name, worst, where);
    if (getenv("PAL_TEST_VERBOSE")) printf("%-6s f64 %.3f ULP at %a\n", f->name, worst, where);
}
END_TEST

/* clang-format off */
static const double special[] = {
    0.0, -0.0, INFINITY, -(double)INFINITY, NAN, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 88.0, 88.72283, 88.73,
    -87.5, -103.97, -103.98, -104.5, 709.78, 709.79, -745.13, -745.14, -708.5, 0x1p-149, -0x1p-149, 0x1p-126,
    -0x1p-126, FLT_MAX, -FLT_MAX, 0x1p-1074, -0x1p-1074, DBL_MIN, -DBL_MIN, DBL_MAX, -DBL_MAX, 0x1p52, 0x1p78,
    0x1p104, -0x1p127, 0.55, 0.9, 4.0, 10.0, -20.0, -40.0, 700.0, 0x1.fffffep-1, 0x1.fffffffffffffp-1,
    -0x1.fffffep-1, -0x1.fffffffffffffp-1, 0x1.921fb6p+0, 0x1.921fb54442d18p+1, 1e10, 1e-10, -1e-10, 1e300,
};
/* clang-format on */
#define N_SPECIAL (sizeof special / sizeof *special)

START_TEST(special_values)
{
    const struct function *f = &functions[_i];
    for (size_t i = 0; i < N_SPECIAL; i++) {
        float x = (float)special[i], y;
        f->f32(1, &x, &y);
        double error = ulps_f32(y, f->reference32(x));
        ck_assert_msg(error <= f->limit32, "%s of the float %a is %a: %g ULP", f->name, (double)x, (double)y, error);
        double z;
        f->f64(1, &special[i], &z);
        error = ulps_f64(z, f->reference64(special[i]));
        ck_assert_msg(error <= f->limit64, "%s of %a is %a: %g ULP", f->name, special[i], z, error);
    }
}
END_TEST

/* A result does not depend on its place in the array: vector and remainder code agree bit for bit. */
START_TEST(place_in_the_array_does_not_matter)
{
    const struct function *f = &functions[_i];
    static float x[BLOCK], y[BLOCK], one;
    static double a[BLOCK], b[BLOCK], single;
    uint64_t state = 7;
    for (int i = 0; i < BLOCK; i++) a[i] = ((double)(next(&state) >> 11) * 0x1p-53 - 0.25) * 20, x[i] = (float)a[i];
    f->f32(BLOCK, x, y);
    f->f64(BLOCK, a, b);
    for (size_t i = 0; i < BLOCK; i++) {
        f->f32(1, x + i, &one);
        f->f64(1, a + i, &single);
        ck_assert(pal__bits_f32(one) == pal__bits_f32(y[i]) || (isnan(one) && isnan(y[i])));
        ck_assert(pal__bits_f64(single) == pal__bits_f64(b[i]) || (isnan(single) && isnan(b[i])));
    }
}
END_TEST

/* log1p restricted to [0, 1], at every 97th float and at random doubles. */
START_TEST(log1p_of_the_unit_interval)
{
    double worst32 = 0, worst64 = 0;
    uint64_t state = 5;
    for (uint32_t bits = 0; bits <= 0x3f800000u; bits += 97) {
        float x = pal__real_f32(bits);
        worst32 = fmax(worst32, ulps_f32(pal__log1p_unit_f32(x), log1p((double)x)));
    }
    for (int i = 0; i < 1000000; i++) {
        double x = (double)(next(&state) >> 11) * 0x1p-53;
        if (i % 2) x = ldexp(x, -(i % 60));
        worst64 = fmax(worst64, ulps_f64(pal__log1p_unit_f64(x), log1pl((long double)x)));
    }
    /* Without fused multiply-add the polynomial rounds twice per term, so the limit is 2.5. */
    ck_assert_msg(worst32 <= 2.5 && worst64 <= 2.5, "floats %g, doubles %g", worst32, worst64);
    ck_assert(pal__log1p_unit_f32(1) == logf(2) && isnan(pal__log1p_unit_f32(NAN)) &&
              isnan(pal__log1p_unit_f64((double)NAN)));
}
END_TEST

START_TEST(power)
{
    for (size_t i = 0; i < N_SPECIAL; i++)
        for (size_t j = 0; j < N_SPECIAL; j++) {
            float x = (float)special[i], y = (float)special[j], got = pal__pow_f32(x, y);
            /* Where pow overflows a double, powf gives the right float result. */
            double want = pow((double)x, (double)y), error = ulps_f32(got, isinf(want) ? (double)powf(x, y) : want);
            ck_assert_msg(error <= 1.0, "pow(%a, %a) is %a: %g ULP", (double)x, (double)y, (double)got, error);
        }
    uint64_t state = 3;
    for (int i = 0; i < 200000; i++) {
        float x = pal__real_f32((uint32_t)next(&state) & 0x7fffffffu);
        float y = (float)((double)(next(&state) >> 11) * 0x1p-52 - 1.0) * (i % 2 ? 3.0f : 120.0f);
        double error = ulps_f32(pal__pow_f32(x, y), pow((double)x, (double)y));
        ck_assert_msg(error <= 1.0, "pow(%a, %a): %g ULP", (double)x, (double)y, error);
    }
}
END_TEST

/* Functions of two floats, at random arguments of every size and at all pairs of special values. */
START_TEST(two_floats)
{
    static const struct {
        const char *name;
        float (*f)(float, float);
        double (*reference)(double, double);
    } pairs[] = {{"atan2", pal__atan2_f32, atan2}, {"hypot", pal__hypot_f32, hypot}};
    uint64_t state = 9;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < N_SPECIAL; i++)
            for (size_t j = 0; j < N_SPECIAL; j++) {
                float x = (float)special[i], y = (float)special[j], got = pairs[k].f(x, y);
                double error = ulps_f32(got, pairs[k].reference((double)x, (double)y));
                ck_assert_msg(error <= 0.75, "%s(%a, %a) is %a: %g ULP", pairs[k].name, (double)x, (double)y,
                              (double)got, error);
            }
        for (int i = 0; i < 500000; i++) {
            float x = pal__real_f32((uint32_t)next(&state)), y = pal__real_f32((uint32_t)next(&state));
            if (i % 2) y = x * (float)((double)(next(&state) >> 11) * 0x1p-51 - 2.0);
            double error = ulps_f32(pairs[k].f(x, y), pairs[k].reference((double)x, (double)y));
            ck_assert_msg(error <= 0.75, "%s(%a, %a): %g ULP", pairs[k].name, (double)x, (double)y, error);
        }
    }
}
END_TEST

Suite *vecmath_suite(void)
{
    Suite *suite = suite_create("vecmath");
    TCase *tests = tcase_create("vecmath");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, floats_over_the_whole_range, 0, N_FUNCTIONS);
    tcase_add_loop_test(tests, doubles_at_random, 0, N_FUNCTIONS);
    tcase_add_loop_test(tests, special_values, 0, N_FUNCTIONS);
    tcase_add_loop_test(tests, place_in_the_array_does_not_matter, 0, N_FUNCTIONS);
    tcase_add_test(tests, power);
    tcase_add_test(tests, two_floats);
    tcase_add_test(tests, log1p_of_the_unit_interval);
    suite_add_tcase(suite, tests);
    return suite;
}
