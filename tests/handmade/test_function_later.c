/* test_function_later.c - functions in float32 that were written after the checker, without a change of it for them:
 * right ones at hard places, of which none is accused, and mistakes, which are found at most seeds. With PAL_ZOO=1 in
 * the environment, each verdict is printed. */
#include "autograd/gradcheck_function.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>

#define CALL const pal_function_call *c
#define X    ((const float *)c->in[0])
#define Y    ((float *)c->out[0])
#define S    ((const float *)c->seed[0])
#define G    ((float *)c->gradient[0])
#define BUG  (c->user != NULL)

enum { N = 24, ROWS = 4, ROW = 6 };

/* y = value(x), with its derivative and a wrong one */
#define EACH(name, value, derivative, wrong)                                                                           \
    static int name(CALL)                                                                                              \
    {                                                                                                                  \
        for (int i = 0; i < N; i++) {                                                                                  \
            const float x = X[i];                                                                                      \
            Y[i] = (value);                                                                                            \
        }                                                                                                              \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int name##_back(CALL)                                                                                       \
    {                                                                                                                  \
        for (int i = 0; i < N; i++) {                                                                                  \
            const float x = X[i];                                                                                      \
            G[i] = S[i] * (BUG ? (wrong) : (derivative));                                                              \
        }                                                                                                              \
        return 0;                                                                                                      \
    }

/* clang-format off */
EACH(sinc, sinf(x) / x, (x * cosf(x) - sinf(x)) / (x * x), (x * cosf(x) - sinf(x)) / x)
EACH(log_cosh, logf(coshf(x)), tanhf(x), 1 / coshf(x))
EACH(decay, 1 - expf(-x), expf(-x), -expf(-x))
EACH(arc_minus_chord, x - sinf(x), 1 - cosf(x), 1 + cosf(x))
EACH(root_minus_one, sqrtf(1 + x) - 1, 0.5F / sqrtf(1 + x), 0.5F / (1 + x))
EACH(log_sigmoid, logf(1 / (1 + expf(-x))), 1 / (1 + expf(x)), 1 / (1 + expf(-x)))
EACH(binary_entropy, -x * logf(x) - (1 - x) * logf(1 - x), logf(1 - x) - logf(x), logf(x) - logf(1 - x))
EACH(chebyshev_8, (((128 * x * x - 256) * x * x + 160) * x * x - 32) * x * x + 1,
     (((1024 * x * x - 1536) * x * x + 640) * x * x - 64) * x, (((1024 * x * x - 1536) * x * x + 640) * x * x - 32) * x)
EACH(fast_sigmoid, x / (1 + fabsf(x)), 1 / ((1 + fabsf(x)) * (1 + fabsf(x))), 1 / (1 + fabsf(x)))
EACH(gelu_erf, 0.5F * x * (1 + erff(x * 0.70710678F)),
     0.5F * (1 + erff(x * 0.70710678F)) + 0.39894228F * x * expf(-x * x / 2), 0.5F * (1 + erff(x * 0.70710678F)))
EACH(gaussian, expf(-x * x / 2), -x * expf(-x * x / 2), x * expf(-x * x / 2))
EACH(far_root, sqrtf(x * x - 1), x / sqrtf(x * x - 1), 1 / sqrtf(x * x - 1))
/* clang-format on */

static int prefix_products(CALL)
{
    float product = 1;
    for (int i = 0; i < N; i++) Y[i] = product *= X[i];
    return 0;
}

static int prefix_products_back(CALL)
{
    float product[N], so_far = 1, carried = 0;
    for (int i = 0; i < N; i++) product[i] = so_far *= X[i];
    for (int i = N - 1; i >= 0; i--) {
        carried += S[i] * product[i];
        G[i] = (BUG ? S[i] * product[i] : carried) / X[i];
    }
    return 0;
}

static int unit_row(CALL)
{
    for (int r = 0; r < ROWS; r++) {
        float squares = 0;
        for (int j = 0; j < ROW; j++) squares += X[r * ROW + j] * X[r * ROW + j];
        for (int j = 0; j < ROW; j++) Y[r * ROW + j] = X[r * ROW + j] / sqrtf(squares);
    }
    return 0;
}

static int unit_row_back(CALL)
{
    for (int r = 0; r < ROWS; r++) {
        const float *x = X + r * ROW, *s = S + r * ROW;
        float squares = 0, along = 0;
        for (int j = 0; j < ROW; j++) squares += x[j] * x[j], along += x[j] * s[j];
        for (int j = 0; j < ROW; j++) G[r * ROW + j] = (s[j] - (BUG ? 0 : x[j] * along / squares)) / sqrtf(squares);
    }
    return 0;
}

static const float temperature = 0.02F;
static void softmax(const float *x, float *p)
{
    float most = x[0], sum = 0;
    for (int j = 1; j < ROW; j++) most = fmaxf(most, x[j]);
    for (int j = 0; j < ROW; j++) sum += p[j] = expf((x[j] - most) / temperature);
    for (int j = 0; j < ROW; j++) p[j] /= sum;
}

static int cold_softmax(CALL)
{
    for (int r = 0; r < ROWS; r++) softmax(X + r * ROW, Y + r * ROW);
    return 0;
}

static int cold_softmax_back(CALL)
{
    for (int r = 0; r < ROWS; r++) {
        float p[ROW], mean = 0;
        softmax(X + r * ROW, p);
        for (int j = 0; j < ROW; j++) mean += p[j] * S[r * ROW + j];
        for (int j = 0; j < ROW; j++) G[r * ROW + j] = p[j] * (S[r * ROW + j] - mean) / (BUG ? 1 : temperature);
    }
    return 0;
}

/* The mean of x, and the mean of squares without the mean: Welford's way, one after another. */
static int welford(CALL)
{
    float mean = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        const float apart = X[i] - mean;
        mean += apart / (float)(i + 1);
        squares += apart * (X[i] - mean);
    }
    Y[0] = mean;
    Y[1] = squares / N;
    return 0;
}

static int welford_back(CALL)
{
    float mean = 0;
    for (int i = 0; i < N; i++) mean += (X[i] - mean) / (float)(i + 1);
    for (int i = 0; i < N; i++) G[i] = S[0] / N + S[1] * 2 * (X[i] - (BUG ? 0 : mean)) / N;
    return 0;
}

/* Distances of 8 points in space from a centre. */
static const float centre[] = {0.5F, -0.25F, 2};
static int distances(CALL)
{
    for (int p = 0; p < N / 3; p++) {
        float squares = 0;
        for (int j = 0; j < 3; j++) squares += (X[3 * p + j] - centre[j]) * (X[3 * p + j] - centre[j]);
        Y[p] = sqrtf(squares);
    }
    return 0;
}

static int distances_back(CALL)
{
    for (int p = 0; p < N / 3; p++) {
        float squares = 0;
        for (int j = 0; j < 3; j++) squares += (X[3 * p + j] - centre[j]) * (X[3 * p + j] - centre[j]);
        for (int j = 0; j < 3; j++)
            G[3 * p + j] = S[p] * (X[3 * p + j] - centre[BUG && j == 2 ? 1 : j]) / sqrtf(squares);
    }
    return 0;
}

static float cofactor(const float *m, int i, int j)
{
    const int a = (i + 1) % 3, b = (i + 2) % 3, k = (j + 1) % 3, l = (j + 2) % 3;
    return m[3 * a + k] * m[3 * b + l] - m[3 * a + l] * m[3 * b + k];
}

static int determinant(CALL)
{
    *Y = 0;
    for (int j = 0; j < 3; j++) *Y += X[j] * cofactor(X, 0, j);
    return 0;
}

static int determinant_back(CALL)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) G[3 * i + j] = *S * cofactor(X, i, j) * (BUG && (i + j) % 2 ? -1 : 1);
    return 0;
}

static int sum_of_exp(CALL)
{
    float most = X[0], sum = 0;
    for (int i = 1; i < N; i++) most = fmaxf(most, X[i]);
    for (int i = 0; i < N; i++) sum += expf(X[i] - most);
    *Y = most + logf(sum);
    return 0;
}

static int sum_of_exp_back(CALL)
{
    float most = X[0], sum = 0;
    for (int i = 1; i < N; i++) most = fmaxf(most, X[i]);
    for (int i = 0; i < N; i++) sum += expf(X[i] - most);
    for (int i = 0; i < N; i++) G[i] = *S * expf(X[i] - most) / (BUG ? N : sum);
    return 0;
}

/* Values between the points of a grid, at fixed places. */
static int interpolate(CALL)
{
    for (int i = 0; i < N; i++) {
        const float at = 0.37F * (float)i, part = at - floorf(at);
        Y[i] = (1 - part) * X[(int)at] + part * X[(int)at + 1];
    }
    return 0;
}

static int interpolate_back(CALL)
{
    for (int i = 0; i < N; i++) G[i] = 0;
    for (int i = 0; i < N; i++) {
        const float at = 0.37F * (float)i, part = at - floorf(at), right = BUG ? 1 - part : part;
        G[(int)at] += (1 - right) * S[i];
        G[(int)at + 1] += right * S[i];
    }
    return 0;
}

enum { RIGHT_ONLY, BOTH };
#define ROW_OF(f) #f, f, f##_back
static const struct later {
    const char *name;
    pal_function_fn forward, backward;
    int in, out;
    float low, high;
    int use;
} laters[] = {
    {ROW_OF(sinc), N, N, 0.5F, 6, BOTH},
    {ROW_OF(sinc), N, N, 1e-3F, 2e-2F, RIGHT_ONLY},
    {ROW_OF(log_cosh), N, N, -40, 40, BOTH},
    {ROW_OF(log_cosh), N, N, -1e-3F, 1e-3F, RIGHT_ONLY},
    {ROW_OF(decay), N, N, 1e-5F, 1e-4F, BOTH},
    {ROW_OF(arc_minus_chord), N, N, 0.01F, 0.1F, BOTH},
    {ROW_OF(root_minus_one), N, N, 1e-5F, 1e-3F, RIGHT_ONLY},
    {ROW_OF(log_sigmoid), N, N, -20, 20, BOTH},
    {ROW_OF(binary_entropy), N, N, 0.999F, 0.9999F, RIGHT_ONLY},
    {ROW_OF(chebyshev_8), N, N, -1, 1, BOTH},
    {ROW_OF(fast_sigmoid), N, N, -3, 3, BOTH},
    {ROW_OF(gelu_erf), N, N, -6, -3, RIGHT_ONLY},
    {ROW_OF(gaussian), N, N, 3, 8, BOTH},
    {ROW_OF(far_root), N, N, 1, 1.01F, RIGHT_ONLY},
    {ROW_OF(far_root), N, N, 1e3F, 1e4F, RIGHT_ONLY},
    {ROW_OF(prefix_products), N, N, 0.5F, 1.5F, BOTH},
    {ROW_OF(unit_row), N, N, 1e-12F, 1e-11F, BOTH},
    {ROW_OF(cold_softmax), N, N, -1, 1, BOTH},
    {ROW_OF(welford), N, 2, 1000, 1010, RIGHT_ONLY},
    {ROW_OF(welford), N, 2, -1, 1, BOTH},
    {ROW_OF(distances), N, N / 3, -0.1F, 0.1F, BOTH},
    {ROW_OF(determinant), 9, 1, 0.9F, 1.1F, RIGHT_ONLY},
    {ROW_OF(determinant), 9, 1, -1, 1, BOTH},
    {ROW_OF(sum_of_exp), N, 1, 5e3F, 5.01e3F, RIGHT_ONLY},
    {ROW_OF(sum_of_exp), N, 1, -8, 8, BOTH},
    {ROW_OF(interpolate), N, N, 0, 1e4F, BOTH},
};
enum { LATERS = sizeof laters / sizeof *laters, SEEDS = 10 };

/* The number of seeds with each verdict. */
static void check(const struct later *l, bool bug, int *of)
{
    pal_context *c = context_with(1);
    const pal_array x = {.name = "x", .shape = {1, {l->in}}, .low = (double)l->low, .high = (double)l->high};
    const pal_array y = {.name = "y", .shape = {1, {l->out}}};
    const pal_function f = {.struct_size = sizeof f,
                            .name = l->name,
                            .dtype = PAL_F32,
                            .in = &x,
                            .n_in = 1,
                            .out = &y,
                            .n_out = 1,
                            .forward = l->forward,
                            .backward = l->backward,
                            .user = bug ? &x : NULL};
    pal_function_report r;
    for (int seed = 0; seed < SEEDS; seed++) {
        const pal_function_options o = {.struct_size = sizeof o, .seed = (uint64_t)seed, .points = 1};
        ck_assert_int_eq(pal_gradcheck_function(c, &f, &o, &r), PAL_OK);
        of[r.verdict]++;
    }
    if (getenv("PAL_ZOO"))
        printf("%-16s %8g..%-8g %s: pass %d fail %d kink %d not decided %d %s\n", l->name, x.low, x.high,
               bug ? "mistake" : "right", of[PAL_CHECK_PASS], of[PAL_CHECK_FAIL], of[PAL_CHECK_KINK],
               of[PAL_CHECK_UNDECIDED], r.message);
    pal_context_free(c);
}

START_TEST(right_ones_are_not_accused)
{
    for (size_t i = 0; i < LATERS; i++) {
        int of[5] = {0};
        check(laters + i, false, of);
        ck_assert_msg(!of[PAL_CHECK_FAIL] && !of[PAL_CHECK_ERROR], "%s from %g", laters[i].name, (double)laters[i].low);
    }
}
END_TEST

START_TEST(mistakes_are_found)
{
    for (size_t i = 0; i < LATERS; i++) {
        int of[5] = {0};
        if (laters[i].use != BOTH) continue;
        check(laters + i, true, of);
        ck_assert_msg(of[PAL_CHECK_FAIL] >= SEEDS - 1 && !of[PAL_CHECK_PASS], "%s from %g: %d of %d", laters[i].name,
                      (double)laters[i].low, of[PAL_CHECK_FAIL], (int)SEEDS);
    }
}
END_TEST

Suite *function_later_suite(void)
{
    Suite *s = suite_create("function_later");
    TCase *t = tcase_create("later");
    tcase_add_test(t, right_ones_are_not_accused);
    tcase_add_test(t, mistakes_are_found);
    suite_add_tcase(s, t);
    return s;
}
