/* test_gradcheck_taylor.c - how the gradient checker judges Taylor remainders: the rates at which they fall, functions
 * for which no rate can be measured, and correct functions that look wrong. */
#include "tests/autograd/checks.h"

#include <math.h>

static pal_var cubic(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_matmul(pal_matmul(in[0], in[1]), in[0]);
}

/* The remainder after the first-order term falls as step^2, after the second-order term as step^3. */
START_TEST(remainders_fall_at_their_orders)
{
    static const char *const smooth[] = {"exp", "sin", "tanh", "sigmoid", "log", "div"};
    for (int i = 0; i < 6; i++) {
        pal_gradcheck_report r = check_at(smooth[i], NULL, 2);
        ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
        ck_assert_msg(fabs(r.slope1 - 2) <= 0.1 && fabs(r.slope2 - 3) <= 0.1, "%s: %g, %g", r.name, r.slope1, r.slope2);
        r = check_at(smooth[i], NULL, 1);
        ck_assert_double_eq_tol(r.slope1, 2, 0.1);
        ck_assert(isnan(r.slope2) && isnan(r.symmetry));
    }
    pal_gradcheck_report r = check_at("matmul", NULL, 2); /* a polynomial of degree 2: no third-order term */
    ck_assert_double_eq_tol(r.slope1, 2, 0.1);
    ck_assert(isnan(r.slope2));
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "a"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "b")};
    pal_gradcheck_options o = order(2);
    ck_assert_int_eq(pal_gradcheck(c, "a b a", cubic, NULL, in, 2, &o, &r), PAL_OK);
    ck_assert_double_eq_tol(r.slope1, 2, 0.1);
    ck_assert_double_eq_tol(r.slope2, 3, 0.1);
    pal_tensor_free(in[0]);
    pal_tensor_free(in[1]);
}
END_TEST

/* If the remainder is zero up to rounding, no rate is reported. */
START_TEST(linear_functions_are_too_exact_to_tell)
{
    static const char *const linear[] = {"neg", "add", "sub", "copy"};
    for (int i = 0; i < 4; i++)
        for (int n = 1; n <= 2; n++) {
            if (!pal_op_find(linear[i])) continue;
            pal_gradcheck_report r = check_at(linear[i], NULL, n);
            ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
            ck_assert_msg(isnan(r.slope1) && isnan(r.slope2), "%s: %g, %g", r.name, r.slope1, r.slope2);
        }
    pal_gradcheck_report r = check_at("square", NULL, 2);
    ck_assert_double_eq_tol(r.slope1, 2, 0.1);
    ck_assert(isnan(r.slope2));
}
END_TEST

/* At 0 an even or odd function lacks the next Taylor term. The remainder falls faster than required, in every
 * direction. This must pass. */
START_TEST(a_missing_term_is_no_fault)
{
    pal_tensor *zeros = pal_tensor_new(c, PAL_F64, PAL_SHAPE(4));
    pal_gradcheck_options o = order(2);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, "sin", build_op, pal_op_find("sin"), &zeros, 1, &o, &r), PAL_OK);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    ck_assert_double_eq_tol(r.slope1, 3, 0.1);
    ck_assert_double_eq_tol(r.slope2, 3, 0.1);
    ck_assert_int_eq(pal_gradcheck(c, "cos", build_op, pal_op_find("cos"), &zeros, 1, &o, &r), PAL_OK);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    ck_assert_double_eq_tol(r.slope1, 2, 0.1);
    ck_assert_double_eq_tol(r.slope2, 4, 0.1);
    pal_tensor_free(zeros);
}
END_TEST

static pal_var bent(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_mul(pal_relu(in[0]), pal_exp(in[0]));
}

/* On a kink no slope is reported. Near a kink the slope is measured from the steps that do not reach it. */
START_TEST(slopes_stop_at_kinks)
{
    double x[] = {0, 0, 0, 0, 0, 0, 0, 0};
    pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(8), x);
    pal_gradcheck_options o = order(2);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, "bent", bent, NULL, &in, 1, &o, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_KINK);
    ck_assert(isnan(r.slope1) && isnan(r.slope2));
    for (int i = 0; i < 8; i++) x[i] = i % 2 ? 0.004 : -0.004;
    ck_assert_int_eq(pal_gradcheck(c, "bent", bent, NULL, &in, 1, &o, &r), PAL_OK);
    ck_assert_double_eq_tol(r.slope1, 2, 0.1);
    ck_assert_double_eq_tol(r.slope2, 3, 0.1);
    pal_tensor_free(in);
}
END_TEST

/* A smooth function. `user` is NULL, or an operation with a wrong second derivative, added with a factor 1e-3. */
static pal_var bends(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    pal_var y = pal_tanh(pal_softplus(pal_tanh(in[0])));
    return pal_sum_all(user ? pal_add(y, pal_scale(pal_record(NULL, user, &in[0], 1, NULL), 1e-3)) : y);
}

/* Near a zero of the third derivative, two Taylor terms cancel at some step of the sweep. The correct function must
 * pass there, and a wrong second derivative must still be detected. */
START_TEST(a_remainder_that_has_not_settled_is_no_fault)
{
    double x;
    pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(1, 1), &x);
    pal_op op = *pal_op_find("exp");
    crooked = halved(PAL_HAS_RULE);
    op.vjp = wrong_when_differentiated;
    int seen = 0;
    for (int i = 0; i < 600; i++) {
        pal_gradcheck_options o = order(2);
        pal_gradcheck_report r;
        x = (i % 2 ? 0.5 : -0.6) + (i / 2 - 150) * 5e-4;
        o.seed = (uint64_t)i;
        o.step = i % 4 < 2 ? 0x1p-8 : 0x1p-5;
        ck_assert_int_eq(pal_gradcheck(c, "bends", bends, NULL, &in, 1, &o, &r), PAL_OK);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%g: %s", x, r.message);
        ck_assert_int_eq(pal_gradcheck(c, "bends", bends, &op, &in, 1, &o, &r), PAL_OK);
        ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
        seen += r.slope2 < 3 - PAL_CHECK_SLOPE;
    }
    ck_assert_int_ge(seen, 590);
    pal_tensor_free(in);
}
END_TEST

Suite *gradcheck_taylor_suite(void)
{
    Suite *s = suite_create("gradcheck_taylor");
    add_case(s, "remainders", setup, teardown,
             TESTS(remainders_fall_at_their_orders, linear_functions_are_too_exact_to_tell, a_missing_term_is_no_fault,
                   slopes_stop_at_kinks, a_remainder_that_has_not_settled_is_no_fault));
    return s;
}
