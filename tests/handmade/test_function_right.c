/* test_function_right.c - right hand-written functions at hard places, in float32 and float64: none is accused. Where
 * rounding hides the derivative, the verdict is "not decided"; that must be rare. With PAL_ZOO=1 in the environment,
 * the table is printed. */
#include "autograd/gradcheck_function.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>

typedef struct place {
    double a;
    int n;
} place;

#define R       float
#define F(name) name##_f32
#define M(name) name##f
#include "tests/handmade/right_kernels.h"
#undef R
#undef F
#undef M
#define R       double
#define F(name) name##_f64
#define M(name) name
#include "tests/handmade/right_kernels.h"

enum { EACH, ONE, ROWS, EIGHT, PAIRS }; /* numbers of results */
typedef struct right {
    const char *name;
    pal_function_fn forward[2], backward[2];
    int results;
    double a;
    int n;
    double low, high;
    int types; /* 1: float32, 2: float64, 3: both */
    pal_constraint constraint;
} right;
#define G(f) #f, {f##_f32, f##_f64}, {f##_back_f32, f##_back_f64}
/* clang-format off */
static const right rights[] = {
    {G(reciprocal), EACH, 1, 20, 0.1, 2, 3, 0}, {G(reciprocal), EACH, 1, 20, 1e-3, 2e-3, 3, 0}, {G(reciprocal), EACH, 1, 20, 1e-6, 1, 3, 0}, {G(reciprocal), EACH, 1, 20, -1e-10, -1e-11, 3, 0},
    {G(reciprocal), EACH, 1e-6, 20, 1e-15, 1e-14, 3, 0}, {G(reciprocal), EACH, 1, 20, 1e8, 1e10, 3, 0}, {G(reciprocal), EACH, 1, 20, 1e-100, 1e-99, 2, 0}, {G(reciprocal), EACH, 1, 20, 1e99, 1e100, 2, 0},
    {G(logarithm), EACH, 1, 20, 1e-3, 1, 3, 0}, {G(logarithm), EACH, 1, 20, 1e-20, 1e-19, 3, 0}, {G(logarithm), EACH, 1, 20, 1e20, 1e21, 3, 0}, {G(logarithm), EACH, 1, 20, 0.999, 1.001, 3, 0}, {G(logarithm), EACH, 1e20, 20, 0.5, 2, 3, 0}, {G(logarithm), EACH, 1e-20, 20, 0.5, 2, 3, 0}, {G(logarithm), EACH, 1, 2000, 0, 1, 3, 0},
    {G(root), EACH, 1, 20, 0, 1, 3, 0}, {G(root), EACH, 1, 20, 1e-12, 1e-10, 3, 0}, {G(root), EACH, 1, 20, 1e20, 1e22, 3, 0}, {G(root), EACH, 1, 1000, 0, 1e-6, 3, 0},
    {G(squares), EACH, 1, 20, -1, 1, 3, 0}, {G(squares), EACH, 1, 20, 1e15, 2e15, 3, 0}, {G(squares), EACH, 1, 20, 1e-15, 2e-15, 3, 0}, {G(squares), EACH, 1e20, 20, -1, 1, 3, 0}, {G(squares), EACH, 1e-20, 20, -1, 1, 3, 0}, {G(squares), EACH, 1, 20, 1e-100, 1e-99, 2, 0}, {G(squares), EACH, 1, 20, 1e100, 1e101, 2, 0}, {G(squares), EACH, 1e-30, 20, -1, 1, 3, 0},
    {G(exponent), EACH, 1, 20, -1, 1, 3, 0}, {G(exponent), EACH, 20, 20, -1, 1, 3, 0}, {G(exponent), EACH, -1, 20, 20, 30, 3, 0}, {G(exponent), EACH, 1, 20, 70, 80, 3, 0}, {G(exponent), EACH, 1, 20, -80, -70, 3, 0}, {G(exponent), EACH, 1, 20, -90, 5, 3, 0}, {G(exponent), EACH, 1, 20, 600, 700, 2, 0}, {G(exponent), EACH, 1e-4, 20, -1, 1, 3, 0},
    {G(sine), EACH, 1, 20, -3, 3, 3, 0}, {G(sine), EACH, 10, 20, -3, 3, 3, 0}, {G(sine), EACH, 100, 20, -3, 3, 3, 0}, {G(sine), EACH, 1000, 20, -1, 1, 3, 0}, {G(sine), EACH, 1e5, 20, -1, 1, 2, 0}, {G(sine), EACH, 1, 20, 1e4, 1.1e4, 2, 0}, {G(sine), EACH, 1, 20, 100, 110, 3, 0}, {G(sine), EACH, 1e-5, 20, -1, 1, 3, 0},
    {G(power), EACH, 0.1, 20, 0, 1, 3, 0}, {G(power), EACH, 0.5, 20, 1e-8, 1e-6, 3, 0}, {G(power), EACH, 3, 20, 0.1, 3, 3, 0}, {G(power), EACH, 20, 20, 0.1, 2, 3, 0}, {G(power), EACH, -2, 20, 0.01, 1, 3, 0}, {G(power), EACH, -5, 20, 0.1, 1, 3, 0}, {G(power), EACH, 1.0001, 20, 0.1, 1, 3, 0},
    {G(small_wave), EACH, 1e-2, 20, -3, 3, 3, 0}, {G(small_wave), EACH, 1e-4, 20, -3, 3, 3, 0}, {G(small_wave), EACH, 1e-6, 20, -3, 3, 3, 0}, {G(small_wave), EACH, 1e-8, 20, -3, 3, 3, 0}, {G(small_wave), EACH, 1e-12, 20, -3, 3, 3, 0}, {G(small_wave), EACH, 1e-18, 20, -3, 3, 3, 0},
    {G(softplus), EACH, 1, 20, -5, 5, 3, 0}, {G(softplus), EACH, 1, 20, 70, 80, 3, 0}, {G(softplus), EACH, 1, 20, -80, -70, 3, 0}, {G(softplus), EACH, 1, 20, -80, 80, 3, 0}, {G(softplus), EACH, 1, 20, -16, -14, 3, 0}, {G(softplus), EACH, 1, 20, 15, 17, 3, 0}, {G(softplus), EACH, 1, 2000, -30, 30, 3, 0},
    {G(sigmoid), EACH, 1, 20, -5, 5, 3, 0}, {G(sigmoid), EACH, 1, 20, 10, 20, 3, 0}, {G(sigmoid), EACH, 1, 20, -20, -10, 3, 0}, {G(sigmoid), EACH, 1, 20, -80, 80, 3, 0}, {G(sigmoid), EACH, 1, 20, -80, -60, 3, 0}, {G(sigmoid), EACH, 1, 20, 16, 18, 3, 0}, {G(sigmoid), EACH, 1, 20, 30, 40, 3, 0}, {G(sigmoid), EACH, 1, 20, 60, 80, 3, 0},
    {G(tanh_own), EACH, 1, 20, -2, 2, 3, 0}, {G(tanh_own), EACH, 1, 20, 4, 6, 3, 0}, {G(tanh_own), EACH, 1, 20, 7, 9, 3, 0}, {G(tanh_own), EACH, 1, 20, 15, 25, 3, 0}, {G(tanh_own), EACH, 1, 20, -1e-6, 1e-6, 3, 0}, {G(tanh_own), EACH, 1, 20, -30, 30, 3, 0},
    {G(silu), EACH, 1, 20, -5, 5, 3, 0}, {G(silu), EACH, 1, 20, -80, 80, 3, 0}, {G(silu), EACH, 1, 20, -20, -15, 3, 0}, {G(silu), EACH, 1, 20, -1.3, -1.25, 3, 0},
    {G(erf_own), EACH, 1, 20, -2, 2, 3, 0}, {G(erf_own), EACH, 1, 20, 3, 5, 3, 0}, {G(erf_own), EACH, 1, 20, -10, 10, 3, 0}, {G(erf_own), EACH, 1, 20, 1e-8, 1e-7, 3, 0},
    {G(smooth_abs), EACH, 1e-2, 20, -1, 1, 3, 0}, {G(smooth_abs), EACH, 1e-6, 20, -1, 1, 3, 0}, {G(smooth_abs), EACH, 1e-12, 20, -1, 1, 3, 0}, {G(smooth_abs), EACH, 1e-6, 20, -1e-3, 1e-3, 3, 0}, {G(smooth_abs), EACH, 1e-20, 200, -1, 1, 3, 0},
    {G(log1p_own), EACH, 1, 20, -0.9, 3, 3, 0}, {G(log1p_own), EACH, 1, 20, 1e-10, 1e-9, 3, 0}, {G(log1p_own), EACH, 1, 20, -0.9999, -0.999, 3, 0}, {G(log1p_own), EACH, 1, 20, 1e10, 1e11, 3, 0},
    {G(expm1_own), EACH, 1, 20, -1, 1, 3, 0}, {G(expm1_own), EACH, 1, 20, 1e-10, 1e-9, 3, 0}, {G(expm1_own), EACH, 1, 20, -20, -15, 3, 0}, {G(expm1_own), EACH, 1, 20, -40, -38, 3, 0},
    {G(hinge), EACH, 0, 20, -1, 1, 3, 0}, {G(hinge), EACH, 0.5, 50, -1, 1, 3, 0}, {G(hinge), EACH, 0.99, 20, -1, 1, 3, 0}, {G(hinge), EACH, 0, 2000, -1, 1, 3, 0}, {G(hinge), EACH, 0, 500, -100, 100, 3, 0}, {G(hinge), EACH, 2, 20, -1, 1, 3, 0},
    {G(clip), EACH, 0.5, 20, -1, 1, 3, 0}, {G(clip), EACH, 0.01, 20, -1, 1, 3, 0}, {G(clip), EACH, 5, 20, -1, 1, 3, 0}, {G(clip), EACH, 1, 500, -3, 3, 3, 0},
    {G(huber), EACH, 0.5, 20, -1, 1, 3, 0}, {G(huber), EACH, 0.01, 20, -1, 1, 3, 0}, {G(huber), EACH, 10, 20, -100, 100, 3, 0}, {G(huber), EACH, 1, 500, -3, 3, 3, 0},
    {G(seventh), EACH, 0, 8, 0.5, 1.5, 3, 0}, {G(seventh), EACH, 0, 8, 0.9, 1.1, 3, 0}, {G(seventh), EACH, 0, 8, 0.99, 1.01, 3, 0}, {G(seventh), EACH, 0, 8, 2, 3, 3, 0},
    {G(resonance), EACH, 1, 20, 0, 2, 3, 0}, {G(resonance), EACH, 1e-2, 20, 0, 2, 3, 0}, {G(resonance), EACH, 1e-4, 20, 0, 2, 3, 0}, {G(resonance), EACH, 1e-6, 20, 0.99, 1.01, 3, 0}, {G(resonance), EACH, 1e-6, 20, 0, 2, 3, 0},
    {G(far_offset), EACH, 100, 20, -1, 1, 3, 0}, {G(far_offset), EACH, 1e4, 20, -1, 1, 3, 0}, {G(far_offset), EACH, 1e6, 20, -1, 1, 3, 0}, {G(far_offset), EACH, 1e8, 20, -1, 1, 2, 0}, {G(far_offset), EACH, -1, 20, 0.999, 1.001, 3, 0},
    {G(tangent), EACH, 0, 20, -1.5, 1.5, 3, 0}, {G(tangent), EACH, 0, 20, 1.56, 1.57, 3, 0}, {G(arctangent), EACH, 1, 20, -5, 5, 3, 0}, {G(arctangent), EACH, 1e3, 20, -1, 1, 3, 0}, {G(arctangent), EACH, 1e6, 20, -1, 1, 3, 0},
    {G(sum_of), ONE, 0, 10, -1, 1, 3, 0}, {G(sum_of), ONE, 0, 100000, -1, 1, 1, 0}, {G(sum_of), ONE, 0, 20000, 0, 1, 3, 0}, {G(sum_of), ONE, 0, 1000, 1e10, 1.1e10, 3, 0},
    {G(sum_of_squares), ONE, 0, 10, -1, 1, 3, 0}, {G(sum_of_squares), ONE, 0, 20000, -1, 1, 3, 0}, {G(sum_of_squares), ONE, 0, 1000, 100, 101, 3, 0},
    {G(mean_of_waves), ONE, 1, 100, -3, 3, 3, 0}, {G(mean_of_waves), ONE, 10, 1000, -3, 3, 3, 0}, {G(mean_of_waves), ONE, 1, 5000, -3, 3, 3, 0},
    {G(sum_far), ONE, 10, 100, -1, 1, 3, 0}, {G(sum_far), ONE, 1000, 100, -1, 1, 3, 0}, {G(sum_far), ONE, 1e5, 100, -1, 1, 3, 0}, {G(sum_far), ONE, 1e8, 10, -1, 1, 2, 0},
    {G(sum_alternating), ONE, 1, 100, -1, 1, 3, 0}, {G(sum_alternating), ONE, 1e4, 1000, -1, 1, 3, 0}, {G(sum_alternating), ONE, 1e8, 101, -1, 1, 3, 0},
    {G(logsumexp), ONE, 0, 10, -1, 1, 3, 0}, {G(logsumexp), ONE, 0, 10, -80, 80, 3, 0}, {G(logsumexp), ONE, 0, 10, 1000, 1001, 3, 0}, {G(logsumexp), ONE, 0, 1000, -10, 10, 3, 0}, {G(logsumexp), ONE, 0, 10, -1e5, -0.9e5, 3, 0},
    {G(length), ONE, 0, 10, -1, 1, 3, 0}, {G(length), ONE, 0, 10, -1e-10, 1e-10, 3, 0}, {G(length), ONE, 0, 10, 1e15, 1e16, 3, 0}, {G(length), ONE, 0, 5000, -1, 1, 3, 0},
    {G(variance), ONE, 0, 20, -1, 1, 3, 0}, {G(variance), ONE, 0, 20, 10, 11, 3, 0}, {G(variance), ONE, 0, 20, 100, 101, 3, 0}, {G(variance), ONE, 0, 20, 1000, 1001, 3, 0}, {G(variance), ONE, 0, 1000, 3, 4, 3, 0}, {G(variance), ONE, 0, 20, 1e6, 1.000001e6, 2, 0},
    {G(row_norm), EACH, 1e-5, 40, -1, 1, 3, 0}, {G(row_norm), EACH, 1e-5, 40, 0.99, 1.01, 3, 0}, {G(row_norm), EACH, 1e-5, 40, 0.999, 1.001, 3, 0}, {G(row_norm), EACH, 1e-5, 40, 0.9999, 1.0001, 3, 0}, {G(row_norm), EACH, 1e-12, 40, 0.999, 1.001, 3, 0}, {G(row_norm), EACH, 1e-5, 40, 100, 100.1, 3, 0}, {G(row_norm), EACH, 1e-5, 40, -1e5, 1e5, 3, 0}, {G(row_norm), EACH, 1e-5, 40, -1e-8, 1e-8, 3, 0}, {G(row_norm), EACH, 1e-5, 800, -1, 1, 3, 0},
    {G(row_softmax), EACH, 0, 40, -1, 1, 3, 0}, {G(row_softmax), EACH, 0, 40, -10, 10, 3, 0}, {G(row_softmax), EACH, 0, 40, -80, 80, 3, 0}, {G(row_softmax), EACH, 0, 40, 1e4, 1.0001e4, 3, 0}, {G(row_softmax), EACH, 0, 400, -30, 30, 3, 0},
    {G(row_entropy), ONE, 0, 40, -1, 1, 3, 0}, {G(row_entropy), ONE, 0, 40, -80, 80, 3, 0}, {G(row_entropy), ONE, 0, 40, -1e3, 1e3, 3, 0}, {G(row_entropy), ONE, 0, 8, -80, 80, 3, 0}, {G(row_entropy), ONE, 0, 800, -20, 20, 3, 0}, {G(row_entropy), ONE, 0, 40, 1e6, 1.00001e6, 2, 0},
    {G(row_max), ROWS, 0, 40, -1, 1, 3, 0}, {G(row_max), ROWS, 0, 400, -1, 1, 3, 0}, {G(row_max), ROWS, 0, 40, 1, 1.001, 3, 0}, {G(row_max), ROWS, 0, 2000, -100, 100, 3, 0},
    {G(inner_relu), EIGHT, 0, 10, -1, 1, 3, 0}, {G(inner_relu), EIGHT, 0, 200, -1, 1, 3, 0}, {G(inner_relu), EIGHT, 0, 2000, -1, 1, 3, 0}, {G(inner_relu), EIGHT, 0, 10, -100, 100, 3, 0},
    {G(logistic), EACH, 3, 10, 0, 1, 3, 0}, {G(logistic), EACH, 8, 10, 0, 1, 3, 0}, {G(logistic), EACH, 15, 10, 0, 1, 3, 0}, {G(logistic), EACH, 20, 10, 0, 1, 2, 0},
    {G(solve), PAIRS, 2, 10, -0.5, 0.5, 3, 0}, {G(solve), PAIRS, 2, 10, 0.9, 0.99, 3, 0}, {G(solve), PAIRS, 2, 10, 0.9999, 0.99999, 3, 0}, {G(solve), PAIRS, 1, 10, 0.999, 0.9999, 3, 0}, {G(solve), PAIRS, 2, 10, 0.999999, 0.9999999, 2, 0},
    {G(product), ONE, 1, 10, 0.5, 2, 3, 0}, {G(product), ONE, 1e10, 20, 0.1, 1, 3, 0}, {G(product), ONE, 1, 30, 0.01, 1, 3, 0}, {G(product), ONE, 1, 200, 0.9, 1.1, 3, 0},
    {G(matrix), EACH, 1, 256, -0.2, 0.2, 3, 0}, {G(matrix), EACH, 1, 256, -1, 1, 3, 0}, {G(matrix), EACH, 1e6, 256, -0.5, 0.5, 3, 0}, {G(matrix), EACH, 1, 256, -5, 5, 3, 0}, {G(matrix), EACH, 1, 256, -0.5, 0.5, 3, PAL_SYMMETRIC},
    {G(row_information), ROWS, 0, 40, 0, 0, 3, PAL_SIMPLEX}, {G(row_information), ROWS, 0, 400, 0, 0, 3, PAL_SIMPLEX},
    {G(row_softmax), EACH, 0, 40, -1, 1, 3, PAL_UNIT_ROWS}, {G(row_norm), EACH, 1e-5, 40, -1, 1, 3, PAL_UNIT_ROWS}, {G(row_norm), EACH, 1e-5, 40, -1, 1, 3, PAL_ROW_SUM}, {G(row_softmax), EACH, 0, 40, -8, 8, 3, PAL_ROW_SUM},
};
/* clang-format on */
enum { RIGHTS = sizeof rights / sizeof *rights };

static pal_function_report check(pal_context *c, const right *r, int is64)
{
    const int n = r->n;
    const place at = {r->a, n};
    const int results[] = {n, 1, n / 8, 8, 2 * n};
    pal_array in = {.name = "x", .low = r->low, .high = r->high, .constraint = r->constraint};
    in.shape = n % 8 || n > 1000 ? (pal_shape){1, {n}} : (pal_shape){2, {n / 8, 8}};
    if (r->constraint == PAL_SYMMETRIC) in.shape = (pal_shape){2, {16, 16}};
    const pal_array out = {.name = "y", .shape = {1, {results[r->results]}}};
    const pal_function f = {.struct_size = sizeof f, .name = r->name, .dtype = is64 ? PAL_F64 : PAL_F32, .in = &in,
        .n_in = 1, .out = &out, .n_out = 1, .forward = r->forward[is64], .backward = r->backward[is64], .user = &at};
    const pal_function_options o = {.struct_size = sizeof o, .points = n > 500 ? 1 : 0};
    pal_function_report report;
    ck_assert_int_eq(pal_gradcheck_function(c, &f, &o, &report), PAL_OK);
    return report;
}

START_TEST(right_ones_are_not_accused)
{
    pal_context *c = context_with(1);
    int n = 0, accused = 0, undecided = 0, kinks = 0;
    for (size_t i = 0; i < RIGHTS; i++)
        for (int is64 = 0; is64 < 2; is64++) {
            const right *it = rights + i;
            if (!(it->types & (is64 ? 2 : 1))) continue;
            const pal_function_report r = check(c, it, is64);
            const bool bad = r.verdict == PAL_CHECK_FAIL || r.verdict == PAL_CHECK_ERROR;
            n++;
            accused += bad;
            undecided += r.verdict == PAL_CHECK_UNDECIDED;
            kinks += r.verdict == PAL_CHECK_KINK;
            if (getenv("PAL_ZOO") || bad)
                printf("%-4s %-11s %-16s a %-6g n %-6d %6g..%-6g %6zu calls %3zu/%zu open, noise %.1g: %s\n",
                       is64 ? "f64" : "f32", pal_verdict_text(r.verdict), it->name, it->a, it->n, it->low, it->high,
                       r.calls, r.undecided + r.kinks, r.directions, r.noise, r.message);
        }
    if (getenv("PAL_ZOO"))
        printf("%d checks of %d right functions: %d accused, %d not decided, %d at kinks\n", n, (int)RIGHTS, accused,
               undecided, kinks);
    fflush(stdout);
    ck_assert_int_eq(accused, 0);
    ck_assert_int_le(undecided + kinks, n / 20);
    pal_context_free(c);
}
END_TEST

Suite *function_right_suite(void)
{
    Suite *s = suite_create("function_right");
    TCase *t = tcase_create("right");
    tcase_add_test(t, right_ones_are_not_accused);
    suite_add_tcase(s, t);
    return s;
}
