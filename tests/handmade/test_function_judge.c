/* test_function_judge.c - the judgement of hand-written gradients that lie between right and wrong: staircases,
 * gradients that are nothing but rounding, gradients that are rounded too coarsely, and small errors. The same code
 * runs at many seeds, because each of these was once right at some seeds only. */
#include "tests/handmade/judge.h"

#include <math.h>

/* ---- Staircases -------------------------------------------------------------------------------------------------- */

/* A sigmoid from a table of 4096 entries. */
static double table(double x) { return 1 / (1 + exp(-(-15 + 30 * floor((x + 15) / 30 * 4096) / 4096))); }

static double weighted(const double *x, int i)
{
    double sum = 0;
    for (int j = 0; j < ROW; j++) sum += sin(i * ROW + j) * table(x[j]);
    return sum;
}

static int two_tables(CALL)
{
    for (int i = 0; i < 3; i++) OUT(double, 0)[i] = table(weighted(IN(double, 0), i));
    return 0;
}

static int two_tables_back(CALL)
{
    const double sign = c->user ? -1 : 1;
    for (int j = 0; j < ROW; j++) GRAD(double, 0)[j] = 0;
    for (int i = 0; i < 3; i++) {
        const double y = table(weighted(IN(double, 0), i));
        for (int j = 0; j < ROW; j++) {
            const double h = table(IN(double, 0)[j]);
            GRAD(double, 0)[j] += sign * SEED(double, 0)[i] * y * (1 - y) * sin(i * ROW + j) * h * (1 - h);
        }
    }
    return 0;
}

static const pal_array wide_row = {.name = "x", .shape = {1, {ROW}}, .low = -3, .high = 3};
static const pal_array row = {.name = "x", .shape = {1, {ROW}}}, row_y = {.name = "y", .shape = {1, {ROW}}};
static const pal_array three_y = {.name = "y", .shape = {1, {3}}}, one_y = {.name = "y", .shape = {0}};

START_TEST(a_table_is_a_staircase)
{
    const tally t =
        judge((pal_function[]){one_of(PAL_F64, &wide_row, &three_y, two_tables, two_tables_back)}, MOST_SEEDS);
    ck_assert_int_eq(t.of[PAL_CHECK_UNDECIDED], MOST_SEEDS);
    SAYS(t, "the function is a staircase");
}
END_TEST

/* What is written for a staircase must at least be its rise. */
START_TEST(a_wrong_slope_of_a_table_is_found)
{
    pal_function f = one_of(PAL_F64, &wide_row, &three_y, two_tables, two_tables_back);
    f.user = &f; /* the sign is flipped */
    ck_assert_int_eq(judge(&f, 3).of[PAL_CHECK_FAIL], 3);
}
END_TEST

/* ---- Rounding ---------------------------------------------------------------------------------------------------- */

/* The sum of a softmax is 1; its gradient is zero but for rounding. */
static int sum_of_softmax(CALL)
{
    float total = 0, sum = 0;
    for (int i = 0; i < ROW; i++) total += expf(IN(float, 0)[i]);
    for (int i = 0; i < ROW; i++) sum += expf(IN(float, 0)[i]) / total;
    *OUT(float, 0) = sum;
    return 0;
}

static int sum_of_softmax_back(CALL)
{
    float total = 0, mean = 0;
    const float s = *SEED(float, 0);
    for (int i = 0; i < ROW; i++) total += expf(IN(float, 0)[i]);
    for (int i = 0; i < ROW; i++) mean += s * expf(IN(float, 0)[i]) / total;
    for (int i = 0; i < ROW; i++) GRAD(float, 0)[i] = expf(IN(float, 0)[i]) / total * (s - mean);
    return 0;
}

START_TEST(a_gradient_of_rounding_passes_where_there_is_none)
{
    const tally t =
        judge((pal_function[]){one_of(PAL_F32, &row, &one_y, sum_of_softmax, sum_of_softmax_back)}, MOST_SEEDS);
    ck_assert_int_eq(t.of[PAL_CHECK_PASS], MOST_SEEDS);
}
END_TEST

static int waves(CALL)
{
    for (int i = 0; i < ROW; i++) OUT(double, 0)[i] = sin(3 * IN(double, 0)[i]);
    return 0;
}

/* Cut to three digits behind the point. */
static int cut_waves_back(CALL)
{
    for (int i = 0; i < ROW; i++)
        GRAD(double, 0)[i] = trunc(3e3 * cos(3 * IN(double, 0)[i]) * SEED(double, 0)[i]) / 1e3;
    return 0;
}

START_TEST(a_gradient_that_is_cut_is_wrong)
{
    const tally t = judge((pal_function[]){one_of(PAL_F64, &row, &row_y, waves, cut_waves_back)}, MOST_SEEDS);
    ck_assert_int_eq(t.of[PAL_CHECK_FAIL], MOST_SEEDS);
}
END_TEST

/* x -> 3.9 x (1 - x), 15 times: each time, the rounding grows with the derivative. */
static int chaos(CALL)
{
    for (int i = 0; i < ROW; i++) {
        float x = IN(float, 0)[i];
        for (int k = 0; k < 15; k++) x = 3.9F * x * (1 - x);
        OUT(float, 0)[i] = x;
    }
    return 0;
}

static int chaos_back(CALL)
{
    for (int i = 0; i < ROW; i++) {
        float x = IN(float, 0)[i], d = 1;
        for (int k = 0; k < 15; k++) {
            d *= 3.9F * (1 - 2 * x);
            x = 3.9F * x * (1 - x);
        }
        GRAD(float, 0)[i] = SEED(float, 0)[i] * d;
    }
    return 0;
}

START_TEST(the_gradient_s_own_rounding_is_named)
{
    const pal_array x = {.name = "x", .shape = {1, {ROW}}, .low = 0, .high = 1};
    bool named = false;
    for (int seeds = 1; seeds <= 5; seeds++) {
        const tally t = judge((pal_function[]){one_of(PAL_F32, &x, &row_y, chaos, chaos_back)}, seeds);
        ck_assert_int_eq(t.of[PAL_CHECK_FAIL], 0);
        named |= strstr(t.last.message, "the rounding of the hand-written derivative hides its error") != NULL;
    }
    ck_assert(named);
}
END_TEST

/* The largest of each of many rows, of which one has two. */
enum { MANY = 250 };
static int row_maxima(CALL)
{
    for (int r = 0; r < MANY; r++) {
        double most = IN(double, 0)[r * ROW];
        for (int j = 1; j < ROW; j++) most = fmax(most, IN(double, 0)[r * ROW + j]);
        OUT(double, 0)[r] = most;
    }
    return 0;
}

static int row_maxima_back(CALL)
{
    for (int r = 0; r < MANY; r++) {
        int at = 0;
        for (int j = 0; j < ROW; j++) {
            GRAD(double, 0)[r * ROW + j] = 0;
            if (IN(double, 0)[r * ROW + j] > IN(double, 0)[r * ROW + at]) at = j;
        }
        GRAD(double, 0)[r * ROW + at] = SEED(double, 0)[r];
    }
    return 0;
}

START_TEST(a_tie_among_many_is_a_kink)
{
    double values[MANY * ROW];
    for (int i = 0; i < MANY * ROW; i++) values[i] = 90 * sin(i * i);
    values[44] = values[45] = 98;
    const pal_array y = {.name = "y", .shape = {1, {MANY}}};
    const pal_array x = {.name = "x", .shape = {1, {MANY * ROW}}, .low = -100, .high = 100, .values = values};
    const tally t = judge((pal_function[]){one_of(PAL_F64, &x, &y, row_maxima, row_maxima_back)}, 4);
    ck_assert_int_eq(t.of[PAL_CHECK_FAIL], 0);
}
END_TEST

/* Drawn numbers are no ties, not even near the ends of their domain, where they are kept away from the end. */
START_TEST(what_is_drawn_has_no_ties)
{
    const pal_array y = {.name = "y", .shape = {1, {MANY}}};
    const pal_array x = {.name = "x", .shape = {1, {MANY * ROW}}, .low = -100, .high = 100};
    const tally t = judge((pal_function[]){one_of(PAL_F64, &x, &y, row_maxima, row_maxima_back)}, 4);
    ck_assert_int_eq(t.of[PAL_CHECK_PASS], 4);
}
END_TEST

/* ---- Small errors ------------------------------------------------------------------------------------------------ */

enum { SAMPLES = 128, CHANNELS = 3 };

static void moments(const float *x, float *mean, float *deviation)
{
    float sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++) sum += x[i * CHANNELS];
    *mean = sum / SAMPLES;
    for (int i = 0; i < SAMPLES; i++) squares += (x[i * CHANNELS] - *mean) * (x[i * CHANNELS] - *mean);
    *deviation = sqrtf(squares / (SAMPLES - 1));
}

static int batch_norm(CALL)
{
    for (int k = 0; k < CHANNELS; k++) {
        float mean, deviation;
        moments(IN(float, 0) + k, &mean, &deviation);
        for (int i = k; i < SAMPLES * CHANNELS; i += CHANNELS) OUT(float, 0)[i] = (IN(float, 0)[i] - mean) / deviation;
    }
    return 0;
}

/* `user`: divides by the number of samples, where the forward pass divides by one less. */
static int batch_norm_back(CALL)
{
    const float by = c->user ? SAMPLES : SAMPLES - 1;
    for (int k = 0; k < CHANNELS; k++) {
        float mean, deviation, sum = 0, along = 0;
        const float *x = IN(float, 0), *s = SEED(float, 0);
        moments(x + k, &mean, &deviation);
        for (int i = k; i < SAMPLES * CHANNELS; i += CHANNELS) {
            sum += s[i];
            along += s[i] * (x[i] - mean) / deviation;
        }
        for (int i = k; i < SAMPLES * CHANNELS; i += CHANNELS)
            GRAD(float, 0)[i] = (s[i] - sum / SAMPLES - (x[i] - mean) / deviation * along / by) / deviation;
    }
    return 0;
}

START_TEST(a_batch_norm_with_another_divisor_is_found)
{
    const pal_array x = {.name = "x", .shape = {2, {SAMPLES, CHANNELS}}}, y = x;
    pal_function f = one_of(PAL_F32, &x, &y, batch_norm, batch_norm_back);
    const tally right = judge(&f, 5);
    f.user = &f;
    const tally wrong = judge(&f, MOST_SEEDS);
    ck_assert_int_eq(right.of[PAL_CHECK_PASS], 5);
    ck_assert_int_eq(wrong.of[PAL_CHECK_FAIL], MOST_SEEDS);
    ck_assert_double_ge(right.last.detectable, 1e-3);
    ck_assert_double_le(right.last.detectable, 3e-3);
}
END_TEST

/* `user`: the factor of each element of the gradient. */
static int scaled_waves_back(CALL)
{
    const double *by = c->user;
    for (int i = 0; i < ROW; i++) GRAD(double, 0)[i] = 3 * cos(3 * IN(double, 0)[i]) * SEED(double, 0)[i] * by[i];
    return 0;
}

static tally scaled(const double *by)
{
    pal_function f = one_of(PAL_F64, &row, &row_y, waves, scaled_waves_back);
    f.user = by;
    const tally t = judge(&f, 1);
    ck_assert_int_eq(t.of[PAL_CHECK_FAIL], 1);
    return t;
}

START_TEST(a_factor_is_named_if_it_is_one)
{
    const double all[ROW] = {1.004, 1.004, 1.004, 1.004, 1.004, 1.004, 1.004, 1.004};
    const double several[ROW] = {1.000002, 1.000003, 0.999997, 1.000001, 0.999999, 1.000004, 0.999998, 1.000001};
    const double one[ROW] = {1, 1, 1.03, 1, 1, 1, 1, 1};
    tally t = scaled(all);
    SAYS(t, "it is 1.004 times the derivative");
    ck_assert_double_eq_tol(t.last.factor, 1.004, 1e-6);
    t = scaled(several);
    ck_assert_int_eq(t.last.mistake, PAL_MISTAKE_OTHER);
    SAYS(t, "it differs by 0.000");
    t = scaled(one);
    SAYS(t, "it differs by 2.9 %: at [2]");
}
END_TEST

/* A factor error is seen if it is larger than what the report says, and only then. */
START_TEST(the_detectable_error_is_told)
{
    double by[ROW];
    pal_function f = one_of(PAL_F64, &row, &row_y, waves, scaled_waves_back);
    f.user = by;
    for (int i = 0; i < ROW; i++) by[i] = 1;
    const double least = judge(&f, 1).last.detectable;
    ck_assert(least >= 1e-7 && least < 2e-7);
    for (int i = 0; i < ROW; i++) by[i] = 1 + 1.1 * least;
    ck_assert_int_eq(judge(&f, 5).of[PAL_CHECK_FAIL], 5);
    for (int i = 0; i < ROW; i++) by[i] = 1 + 0.5 * least;
    ck_assert_int_eq(judge(&f, 5).of[PAL_CHECK_PASS], 5);
}
END_TEST

Suite *function_judge_suite(void)
{
    Suite *s = suite_create("function_judge");
    TCase *t = tcase_create("judge");
    tcase_add_test(t, a_table_is_a_staircase);
    tcase_add_test(t, a_wrong_slope_of_a_table_is_found);
    tcase_add_test(t, a_gradient_of_rounding_passes_where_there_is_none);
    tcase_add_test(t, a_gradient_that_is_cut_is_wrong);
    tcase_add_test(t, the_gradient_s_own_rounding_is_named);
    tcase_add_test(t, a_tie_among_many_is_a_kink);
    tcase_add_test(t, what_is_drawn_has_no_ties);
    tcase_add_test(t, a_batch_norm_with_another_divisor_is_found);
    tcase_add_test(t, a_factor_is_named_if_it_is_one);
    tcase_add_test(t, the_detectable_error_is_told);
    suite_add_tcase(s, t);
    return s;
}
