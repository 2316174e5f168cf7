/* test_subnormals.c - subnormal numbers count as zeros while a program runs, unless the context keeps them: on the
 * caller and on the workers, when running and when constants are folded. The caller's own arithmetic is as before
 * afterwards. */
#include "tests/testing.h"

#include <float.h>
#include <string.h>

enum { N = 40000 }; /* more than one task per worker */

/* x * 2^-20 twice, and back: for x = 2^-110 the middle is subnormal in float32. */
static pal_var down_and_up(pal_var x) { return pal_scale(pal_scale(x, 0x1p-20), 0x1p20); }

static void run(pal_context *c, unsigned passes, double want)
{
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_tensor *xs = pal_tensor_new(c, PAL_F32, PAL_SHAPE(N));
    for (size_t i = 0; i < N; i++) pal_tensor_set(xs, i, 0x1p-110);
    pal_var y = down_and_up(pal_leaf(t, xs, "x"));
    pal_program *p =
        pal_compile(t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = passes});
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (size_t i = 0; i < N; i++) ck_assert_double_eq(pal_tensor_get(pal_output(p, 0), i), want);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(xs);
}

START_TEST(programs_flush_unless_the_context_keeps)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        pal_context *flushed = context_with(threads), *kept = context_with_subnormals(threads);
        ck_assert(!pal_context_subnormals(flushed) && pal_context_subnormals(kept));
        run(flushed, PAL_PASS_ALL, 0);
        run(flushed, PAL_PASS_NONE, 0);
        run(kept, PAL_PASS_ALL, 0x1p-110);
        run(kept, PAL_PASS_NONE, 0x1p-110);
        run(flushed, PAL_PASS_ALL, 0);
        pal_context_free(flushed);
        pal_context_free(kept);
    }
}
END_TEST

/* The same bits, whether an operation of constants is computed while compiling or while running. */
START_TEST(constants_fold_as_they_run)
{
    for (int keep = 0; keep < 2; keep++) {
        pal_context *c = keep ? context_with_subnormals(1) : context_with(1);
        for (unsigned passes = PAL_PASS_NONE; passes; passes = passes == PAL_PASS_NONE ? PAL_PASS_ALL : 0) {
            pal_tape *t = pal_tape_new(c, PAL_F32);
            pal_var y = down_and_up(pal_constant(t, 0x1p-110));
            pal_program *p = pal_compile(
                t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = passes});
            ck_assert_tape_ok(t);
            ck_assert_int_eq(pal_run(p), PAL_OK);
            ck_assert_double_eq(pal_tensor_get(pal_output(p, 0), 0), keep ? 0x1p-110 : 0);
            pal_program_free(p);
            pal_tape_free(t);
        }
        pal_context_free(c);
    }
}
END_TEST

static bool keeps(void)
{
    volatile float small = FLT_MIN;
    return small / 2 > 0;
}

START_TEST(the_caller_is_as_before)
{
    pal_context *c = context_with(2);
    ck_assert(keeps());
    run(c, PAL_PASS_ALL, 0);
    ck_assert(keeps());
    /* A run that fails restores it too. */
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *ms = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2, 2)); /* zeros: not positive definite */
    pal_var y = pal_cholesky(pal_leaf(t, ms, "m"));
    pal_program *p = pal_compile(t, &y, 1, NULL);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_run(p), PAL_ERR_NUMERIC);
    ck_assert(keeps());
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(ms);
    pal_context_free(c);
}
END_TEST

Suite *subnormals_suite(void)
{
    Suite *s = suite_create("subnormals");
    add_case(s, "subnormals", NULL, NULL,
             TESTS(programs_flush_unless_the_context_keeps, constants_fold_as_they_run, the_caller_is_as_before));
    return s;
}
