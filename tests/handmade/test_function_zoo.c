/* test_function_zoo.c - planted mistakes in hand-written backward passes, in float32 and float64: every one is found,
 * and named where it has a name. With PAL_ZOO=1 in the environment, the table is printed. */
#include "tests/handmade/families.h"
#include "tests/testing.h"

#include <stdio.h>

enum { ANY = -1 }; /* a mistake without a name of its own */
/* clang-format off */
static const struct planted { const char *family; int bug; int mistake; const char *what; } planted[] = {
    {"linear",    1, PAL_MISTAKE_SIGN,       "flipped sign"},
    {"linear",    2, PAL_MISTAKE_TRANSPOSED, "transposed, not square"},
    {"linear",    3, PAL_MISTAKE_EDGE,       "the loop ends one column early"},
    {"linear",    4, PAL_MISTAKE_SUMMED,     "= for += over the samples"},
    {"linear",    5, PAL_MISTAKE_SUMMED,     "bias of the last sample alone"},
    {"linear",    6, PAL_MISTAKE_FACTOR,     "mean for sum"},
    {"linear",    7, PAL_MISTAKE_EDGE,       "one corner is zero"},
    {"linear",    8, PAL_MISTAKE_SHIFTED,    "each bias gets that of its neighbour"},
    {"square",    1, ANY,                    "W for its transpose"},
    {"square",    2, PAL_MISTAKE_TRANSPOSED, "transposed, square"},
    {"square",    3, PAL_MISTAKE_REVERSED,   "rows in the opposite order"},
    {"square",    4, PAL_MISTAKE_SHIFTED,    "columns shifted by one"},
    {"norm",      1, ANY,                    "layer norm without the mean's term"},
    {"norm",      2, ANY,                    "layer norm without the variance's term"},
    {"norm",      3, ANY,                    "gain with x for the normalised x"},
    {"norm",      4, ANY,                    "the mean of the first row for all rows"},
    {"norm",      5, ANY,                    "eps forgotten in the saved deviation"},
    {"norm",      6, ANY,                    "1/(n-1) for 1/n"},
    {"norm",      7, ANY,                    "gain forgotten"},
    {"softmax",   1, ANY,                    "only the Jacobian's diagonal"},
    {"softmax",   2, ANY,                    "the first seed for all"},
    {"softmax",   3, PAL_MISTAKE_EDGE,       "the last class without its sum"},
    {"attention", 1, PAL_MISTAKE_FACTOR,     "scale missing"},
    {"attention", 2, ANY,                    "mask without the diagonal"},
    {"attention", 3, ANY,                    "softmax's sum missing"},
    {"attention", 4, ANY,                    "q and k swapped"},
    {"attention", 5, ANY,                    "p for its transpose"},
    {"conv",      1, ANY,                    "stride wrong along one axis"},
    {"conv",      2, ANY,                    "padding forgotten"},
    {"conv",      3, ANY,                    "kernel flipped"},
    {"conv",      4, PAL_MISTAKE_TRANSPOSED, "kernel transposed"},
    {"conv",      5, ANY,                    "the last row of the picture left out"},
    {"conv",      6, PAL_MISTAKE_FACTOR,     "mean for sum of the bias"},
    {"gelu",      1, ANY,                    "3 forgotten in the inner derivative"},
    {"gelu",      2, ANY,                    "inner derivative forgotten"},
    {"leaky",     1, PAL_MISTAKE_ZERO,       "zero on the negative side"},
    {"leaky",     2, PAL_MISTAKE_FACTOR,     "kink at the wrong place"},
    {"leaky",     3, PAL_MISTAKE_SIGN,       "sign of the negative slope"},
    {"powers",    1, ANY,                    "log for log1p"},
    {"powers",    2, PAL_MISTAKE_FACTOR,     "2 of x^2 forgotten"},
    {"powers",    3, PAL_MISTAKE_FACTOR,     "2 for 3 of x^3"},
    {"powers",    4, PAL_MISTAKE_SIGN,       "sign of -1/x^2"},
    {"powers",    5, PAL_MISTAKE_FACTOR,     "2 of the root forgotten"},
    {"powers",    6, ANY,                    "exp(x) for exp(-x)"},
    {"powers",    7, ANY,                    "sin for cos"},
    {"pool",      1, ANY,                    "gradient to the smaller one"},
    {"pool",      2, ANY,                    "gradient to both"},
    {"pool",      3, ANY,                    "gradient always to the first"},
    {"ties",      1, ANY,                    "gradient to each of the tied"},
    {"ties",      2, ANY,                    "gradient to one that is not the largest"},
    {"dropout",   1, ANY,                    "mask drawn anew"},
    {"dropout",   2, PAL_MISTAKE_FACTOR,     "scale of the kept forgotten"},
    {"entropy",   1, PAL_MISTAKE_FACTOR,     "sum for mean"},
    {"entropy",   2, ANY,                    "label's one forgotten"},
    {"entropy",   3, ANY,                    "the class after the label"},
    {"lookup",    1, ANY,                    "= for += where an id comes twice"},
    {"lookup",    2, PAL_MISTAKE_ADDS,       "gradient not set to zero"},
    {"recurrent", 1, ANY,                    "nothing carried back in time"},
    {"recurrent", 2, ANY,                    "1 - h for 1 - h^2"},
    {"recurrent", 3, ANY,                    "h of the step for that before"},
    {"recurrent", 4, ANY,                    "U for its transpose"},
    {"running",   1, ANY,                    "sum from the wrong end"},
    {"running",   2, ANY,                    "own seed left out"},
    {"spread",    1, ANY,                    "broadcast along the wrong axis"},
    {"spread",    2, ANY,                    "sum over the wrong axis"},
    {"spread",    3, PAL_MISTAKE_FACTOR,     "mean for sum over the broadcast axis"},
    {"spread",    4, PAL_MISTAKE_SUMMED,     "one sum too many"},
    {"quadratic", 1, PAL_MISTAKE_FACTOR,     "value and gradient in one: half of it"},
    {"quadratic", 2, PAL_MISTAKE_ADDS,       "value and gradient in one: adds"},
    {"chain",     1, ANY,                    "Hessian without a term on the diagonal"},
    {"chain",     2, ANY,                    "Hessian not symmetric"},
    {"chain",     3, PAL_MISTAKE_SIGN,       "Hessian with flipped sign"},
    {"cubes",     1, PAL_MISTAKE_STALE,      "saved in the first call alone"},
    {"cubes",     2, PAL_MISTAKE_STALE,      "saved one call late"},
    {"cubes",     3, ANY,                    "reads saved memory that nobody wrote"},
    {"cubes",     4, PAL_MISTAKE_CHANGES,    "writes beyond `saved`"},
    {"cubes",     5, PAL_MISTAKE_CHANGES,    "writes beyond its results"},
    {"cubes",     6, PAL_MISTAKE_CHANGES,    "changes its argument"},
    {"cubes",     7, PAL_MISTAKE_UNSTEADY,   "results differ from call to call"},
    {"cubes",     8, PAL_MISTAKE_UNWRITTEN,  "one element unwritten"},
    {"cubes",     9, PAL_MISTAKE_ADDS,       "adds where it should write"},
    {"cubes",    10, PAL_MISTAKE_CHANGES,    "writes before its gradient"},
    {"cubes",    11, PAL_MISTAKE_CHANGES,    "changes its seed"},
    {"cubes",    12, PAL_MISTAKE_UNSTEADY,   "gradient differs from call to call"},
    {"cubes",    14, ANY,                    "one element is NaN"},
};
/* clang-format on */
enum { PLANTED = sizeof planted / sizeof *planted, FAMILIES = sizeof families / sizeof *families };

static const family *family_of(const char *name)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (!strcmp(families[i].name, name)) return &families[i];
    abort();
}

static pal_function_report check(pal_context *c, const char *name, int bug, int is64)
{
    pal_array in[3];
    pal_function f = family_function(family_of(name), is64, &bug, in);
    pal_function_report r;
    ck_assert_int_eq(pal_gradcheck_function(c, &f, NULL, &r), PAL_OK);
    return r;
}

START_TEST(mistakes_are_found)
{
    pal_context *c = context_with(1);
    int missed = 0, misnamed = 0;
    for (size_t i = 0; i < PLANTED; i++)
        for (int is64 = 0; is64 < 2; is64++) {
            const struct planted *p = planted + i;
            const pal_function_report r = check(c, p->family, p->bug, is64);
            const bool found = r.verdict == PAL_CHECK_FAIL, named = p->mistake == ANY || (int)r.mistake == p->mistake;
            missed += !found;
            misnamed += found && !named;
            if (getenv("PAL_ZOO") || !found || !named)
                printf("%-4s %-7s %s %-10s %-40s %6zu calls: %s\n", is64 ? "f64" : "f32",
                       !found  ? "MISSED"
                       : named ? "found"
                               : "MISNAMED",
                       pal_verdict_text(r.verdict), p->family, p->what, r.calls, r.message);
        }
    if (getenv("PAL_ZOO")) printf("%d mistakes in two types: %d missed, %d misnamed\n", (int)PLANTED, missed, misnamed);
    fflush(stdout);
    ck_assert_int_eq(missed, 0);
    ck_assert_int_eq(misnamed, 0);
    pal_context_free(c);
}
END_TEST

START_TEST(right_ones_pass)
{
    pal_context *c = context_with(1);
    for (size_t i = 0; i < FAMILIES; i++)
        for (int is64 = 0; is64 < 2; is64++) {
            const pal_function_report r = check(c, families[i].name, 0, is64);
            const bool tied = !strcmp(families[i].name, "ties"); /* a kink in almost every direction */
            ck_assert_msg(r.verdict == (tied ? PAL_CHECK_KINK : PAL_CHECK_PASS), "%s f%d: %s %s", families[i].name,
                          is64 ? 64 : 32, pal_verdict_text(r.verdict), r.message);
        }
    pal_context_free(c);
}
END_TEST

START_TEST(a_failure_is_an_error)
{
    pal_context *c = context_with(1);
    const pal_function_report r = check(c, "cubes", 13, 1);
    ck_assert_int_eq(r.verdict, PAL_CHECK_ERROR);
    ck_assert_str_eq(r.message, "backward failed: it returned 7");
    pal_context_free(c);
}
END_TEST

Suite *function_zoo_suite(void)
{
    Suite *s = suite_create("function_zoo");
    TCase *t = tcase_create("zoo");
    tcase_add_test(t, mistakes_are_found);
    tcase_add_test(t, right_ones_pass);
    tcase_add_test(t, a_failure_is_an_error);
    suite_add_tcase(s, t);
    return s;
}
