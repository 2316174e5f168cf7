// assertions.c - a right and a wrong derivative, asserted in the framework that the compiler's command line chooses:
// WITH_CHECK, WITH_CMOCKA, WITH_TAP, or none. C11 and C++17.
#if defined WITH_CHECK
#include <check.h>
#elif defined WITH_CMOCKA
#include <cmocka.h>
#endif
#include "autograd/gradcheck_macros.h"

static int square(const pal_function_call *c)
{
    const double *x = (const double *)c->in[0];
    for (int i = 0; i < 4; i++) ((double *)c->out[0])[i] = x[i] * x[i];
    return 0;
}
static int square_back(const pal_function_call *c)
{
    const double *x = (const double *)c->in[0], *s = (const double *)c->seed[0];
    for (int i = 0; i < 4; i++) ((double *)c->gradient[0])[i] = (c->user ? -2 : 2) * x[i] * s[i];
    return 0;
}

static pal_function function(const char *name, bool wrong)
{
    static pal_array x;
    x.name = "x";
    x.shape = PAL_SHAPE(4);
    pal_function f;
    memset(&f, 0, sizeof f);
    f.struct_size = sizeof f;
    f.name = name;
    f.source = "the \"file\".c";
    f.dtype = PAL_F64;
    f.in = f.out = &x;
    f.n_in = f.n_out = 1;
    f.forward = square;
    f.backward = square_back;
    f.user = wrong ? name : NULL;
    return f;
}

static pal_function right, wrong;

#if defined WITH_CHECK
START_TEST(holds) { PAL_ASSERT_GRADIENT(&right); }
END_TEST
START_TEST(fails) { PAL_ASSERT_GRADIENT(&wrong); }
END_TEST
static int run(void)
{
    Suite *suite = suite_create("assertions");
    TCase *both = tcase_create("both");
    tcase_add_test(both, holds);
    tcase_add_test(both, fails);
    suite_add_tcase(suite, both);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed;
}
#elif defined WITH_TAP
static int run(void)
{
    const pal_function *const all[] = {&right, &wrong};
    return pal_tap_run(all, 2, NULL);
}
#else
static int run(void)
{
    pal_function_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.points = 1;
    PAL_ASSERT_GRADIENT_WITH(&right, &options);
    puts("the right one holds");
    fflush(stdout);
    PAL_ASSERT_GRADIENT(&wrong);
    puts("the wrong one holds");
    return 0;
}
#endif

int main(void)
{
    right = function("square", false);
    wrong = function("square # \"wrong\"", true);
    return run();
}
