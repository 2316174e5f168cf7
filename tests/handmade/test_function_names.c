/* test_function_names.c - which mistake a wrong gradient is said to have where more than one hypothesis explains it. */
#include "tests/handmade/judge.h"

#include <math.h>

enum { SIGNAL = 12, TAPS = 3 };

static int correlate(CALL)
{
    for (int i = 0; i < SIGNAL - TAPS + 1; i++) {
        float sum = 0;
        for (int k = 0; k < TAPS; k++) sum += IN(float, 0)[k] * sinf((float)(i + k) * (float)(i + k));
        OUT(float, 0)[i] = sum;
    }
    return 0;
}

static int reversed_back(CALL)
{
    for (int k = 0; k < TAPS; k++) {
        float sum = 0;
        for (int i = 0; i < SIGNAL - TAPS + 1; i++) {
            const float at = (float)(i + TAPS - 1 - k);
            sum += SEED(float, 0)[i] * sinf(at * at);
        }
        GRAD(float, 0)[k] = sum;
    }
    return 0;
}

START_TEST(three_taps_in_the_opposite_order_are_reversed)
{
    const pal_array w = {.name = "w", .shape = {1, {TAPS}}}, y = {.name = "y", .shape = {1, {SIGNAL - TAPS + 1}}};
    const tally t = judge((pal_function[]){one_of(PAL_F32, &w, &y, correlate, reversed_back)}, 1);
    ck_assert_int_eq(t.last.mistake, PAL_MISTAKE_REVERSED);
}
END_TEST

/* The gradient is s (1, 2; -1, -2): with the rows in the opposite order it has the opposite sign. */
static int difference(CALL)
{
    const double *x = IN(double, 0);
    *OUT(double, 0) = x[0] + 2 * x[1] - x[2] - 2 * x[3];
    return 0;
}

static int difference_back(CALL)
{
    static const double g[] = {-1, -2, 1, 2};
    for (int i = 0; i < 4; i++) GRAD(double, 0)[i] = *SEED(double, 0) * g[i];
    return 0;
}

START_TEST(two_explanations_are_both_named)
{
    const pal_array x = {.name = "x", .shape = {2, {2, 2}}}, y = {.name = "y", .shape = {0}};
    const tally t = judge((pal_function[]){one_of(PAL_F64, &x, &y, difference, difference_back)}, 1);
    ck_assert_int_eq(t.last.mistake, PAL_MISTAKE_SIGN);
    SAYS(t, "the sign is flipped, or an axis is reversed: ");
}
END_TEST

Suite *function_names_suite(void)
{
    Suite *s = suite_create("function_names");
    TCase *t = tcase_create("names");
    tcase_add_test(t, three_taps_in_the_opposite_order_are_reversed);
    tcase_add_test(t, two_explanations_are_both_named);
    suite_add_tcase(s, t);
    return s;
}
