/* test_gradcheck.c - the gradient checker. It passes the whole registry at both orders, each of its checks rejects the
 * mistake that it exists for, and it recognises kinks. Taylor remainders: test_gradcheck_taylor.c. */
#include "tests/autograd/checks.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

START_TEST(every_operation_passes)
{
    pal_gradcheck_options o = order(_i);
    for (size_t i = 0; pal_op_at(i); i++)
        for (size_t k = 0; k < pal_gradcheck_op_cases(pal_op_at(i)); k++) {
            pal_gradcheck_report r;
            pal_gradcheck_op(c, pal_op_at(i), k, &o, &r);
            ck_assert_msg(r.verdict == PAL_CHECK_PASS,
                          "%s, %s, order %d: %s, error %g at input %zu element %zu: %g, numeric %g %s", r.name, r.label,
                          _i, pal_verdict_text(r.verdict), r.error, r.input, r.element, r.analytic, r.numeric,
                          r.message);
            ck_assert_double_le(r.error, _i == 1 ? 1e-7 : 1e-6);
        }
}
END_TEST

/* A whole tied autoencoder: W, b and c are checked; the data is a separate leaf, which is not. */
static pal_var autoencoder(pal_tape *t, const pal_var *in, const void *user)
{
    pal_tensor *const *data = user;
    pal_var x = pal_leaf(t, *data, "data"), h = pal_sigmoid(pal_affine(x, in[0], in[1]));
    return pal_mean_over_samples(pal_bernoulli_cross_entropy(pal_affine(h, pal_transpose(in[0]), in[2]), x));
}

START_TEST(an_autoencoder_passes)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(4, 6), 0, 1, "x");
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(6, 3), -0.5, 0.5, "w"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(3), -0.5, 0.5, "b"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(6), -0.5, 0.5, "c")};
    pal_gradcheck_options o = order(_i);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, "autoencoder", autoencoder, &x, in, 3, &o, &r), PAL_OK);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS && r.error <= 1e-8, "%s, error %g", pal_verdict_text(r.verdict), r.error);
    ck_assert_uint_ge(r.checked, 27);
    for (int i = 0; i < 3; i++) pal_tensor_free(in[i]);
    pal_tensor_free(x);
}
END_TEST

/* ---- Wrong rules of a user: each is a copy of a correct descriptor with one small mistake --------------------- */

static pal_var flipped_sign(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_neg(pal_mul(r->seed, r->out));
}

static pal_var missing_factor(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(r->seed, r->in[0]); /* the rule of square without its factor 2 */
}

/* The rule of A B with the adjoint of A transposed. A is square, so the shape still fits. */
static pal_var transposed(const pal_rule *r, size_t k)
{
    pal_var right =
        k == 0 ? pal_matmul_t(r->seed, r->in[1], false, true) : pal_matmul_t(r->in[0], r->seed, true, false);
    return k == 0 ? pal_transpose(right) : right;
}

static pal_var slightly_off(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_scale(pal_mul(r->seed, r->out), 1 + 1e-6);
}

static pal_var not_linear(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(pal_shift(r->seed, 1e-9), r->out);
}

static pal_gradcheck_report check_wrong(const char *name, pal_var (*vjp)(const pal_rule *, size_t))
{
    pal_op wrong = *pal_op_find(name);
    wrong.vjp = vjp;
    wrong.name = "wrong";
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), 0.5, 1, "a"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), 0.5, 1, "b")};
    pal_gradcheck_options o = order(1);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, wrong.name, build_op, &wrong, in, (size_t)wrong.arity, &o, &r), PAL_OK);
    pal_tensor_free(in[0]);
    pal_tensor_free(in[1]);
    return r;
}

START_TEST(wrong_rules_are_rejected)
{
    pal_gradcheck_report r = check_wrong("exp", flipped_sign);
    ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
    ck_assert_double_eq_tol(r.analytic, -r.numeric, 1e-6 * fabs(r.numeric));
    ck_assert_double_eq_tol(r.slope1, 1, 0.05);
    char index[32], start[64];
    snprintf(index, sizeof index, "[%zu,%zu]", r.element / 3, r.element % 3);
    ck_assert_str_eq(r.index, index);
    snprintf(start, sizeof start, "input 1 at %s: derivative ", index);
    ck_assert_msg(!strncmp(r.message, start, strlen(start)), "%s", r.message);
    ck_assert_ptr_nonnull(strstr(r.message, "; the first-order Taylor remainder falls at rate 1.0"));
    ck_assert_int_eq(check_wrong("square", missing_factor).verdict, PAL_CHECK_FAIL);
    r = check_wrong("matmul", transposed);
    ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
    ck_assert_uint_eq(r.input, 0);
    ck_assert_int_eq(check_wrong("exp", slightly_off).verdict, PAL_CHECK_FAIL);
    r = check_wrong("exp", not_linear);
    ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
    ck_assert_double_gt(r.linearity, 1e-11);
    ck_assert_ptr_nonnull(strstr(r.message, "the rule is not linear in its seed: off by "));
}
END_TEST

/* Rules whose first derivative is right. Only one of the checks can see what is wrong with them. */
static pal_op without; /* an operation without a derivative; the test that uses it sets it */

static pal_var not_its_own_adjoint(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(pal_neg(pal_record(NULL, &crooked, &r->seed, 1, NULL)), r->out);
}

static pal_var not_differentiable_again(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(pal_neg(pal_record(NULL, &without, &r->seed, 1, NULL)), r->out);
}

/* The rule of a b. The adjoint of b hides from differentiation that it depends on a. */
static pal_var forgets_one(const pal_rule *r, size_t k)
{
    return pal_mul(r->seed, k == 0 ? r->in[1] : pal_stop_gradient(r->in[0]));
}

/* Order 1 passes, and order 2 reports the wrong second derivative and the slow fall of the Taylor remainder. */
START_TEST(a_wrong_second_derivative_alone_is_rejected)
{
    crooked = halved(PAL_HAS_RULE);
    pal_gradcheck_report r = check_at("exp", wrong_when_differentiated, 1);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    ck_assert_double_eq_tol(r.slope1, 2, 0.05);
    r = check_at("exp", wrong_when_differentiated, 2);
    ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
    ck_assert_double_eq_tol(r.analytic, 0.5 * r.numeric, 1e-6 * fabs(r.numeric));
    ck_assert_double_eq_tol(r.slope1, 2, 0.05);
    ck_assert_double_eq_tol(r.slope2, 2, 0.05);
    ck_assert_ptr_nonnull(strstr(r.message, "the second-order Taylor remainder falls at rate 2.0"));
    ck_assert_double_le(r.symmetry, PAL_CHECK_IDENTITY);
}
END_TEST

/* Order 1 passes, and order 2 reports the asymmetry. */
START_TEST(an_asymmetric_hessian_is_rejected)
{
    pal_gradcheck_report r = check_at("mul", forgets_one, 1);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    r = check_at("mul", forgets_one, 2);
    ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
    ck_assert_double_gt(r.symmetry, 1e-3);
    ck_assert_ptr_nonnull(strstr(r.message, "the Hessian is not symmetric: <u,Hv> and <v,Hu> are off by "));
    ck_assert_double_le(check_at("mul", NULL, 2).symmetry, PAL_CHECK_IDENTITY);
}
END_TEST

/* Only the derivative through the seed is wrong. Differences and second derivatives by the inputs cannot see it, so
 * the checker must compare <s,Jv> with <J's,v>. */
START_TEST(a_vjp_that_is_not_the_adjoint_of_the_jvp_is_rejected)
{
    crooked = halved(PAL_HAS_RULE);
    pal_gradcheck_report r = check_at("exp", not_its_own_adjoint, 2);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    r = check_at("exp", not_its_own_adjoint, 1);
    ck_assert_int_eq(r.verdict, PAL_CHECK_FAIL);
    ck_assert_double_le(r.error, 1e-7);
    ck_assert_double_gt(r.duality, 1e-3);
    ck_assert(!strncmp(r.message, "jvp and vjp are not adjoint: <s,Jv> and <J's,v> are off by ", 58));
    /* Without a jvp, the first order can still be checked. */
    without = halved(PAL_NO_DERIVATIVE);
    r = check_at("exp", not_differentiable_again, 1);
    ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s", r.message);
    ck_assert(isnan(r.duality));
    r = check_at("exp", NULL, 1);
    ck_assert_double_le(r.duality, PAL_CHECK_IDENTITY);
}
END_TEST

/* A tied weight with two uses. stop_gradient removes one of them from the gradient: the check must fail. */
static pal_var forgetful(pal_tape *t, const pal_var *in, const void *user)
{
    const bool *forget = user;
    (void)t;
    pal_var again = *forget ? pal_stop_gradient(in[0]) : in[0];
    return pal_sum_squares(pal_matmul(pal_tanh(pal_matmul(in[1], in[0])), pal_transpose(again)));
}

START_TEST(a_forgotten_use_is_rejected)
{
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(5, 3), -1, 1, "w"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(4, 5), -1, 1, "x")};
    pal_gradcheck_report r;
    for (int forget = 0; forget < 2; forget++)
        for (int n = 1; n <= 2; n++) {
            pal_gradcheck_options o = order(n);
            bool f = forget;
            ck_assert_int_eq(pal_gradcheck(c, "tied", forgetful, &f, in, 2, &o, &r), PAL_OK);
            ck_assert_int_eq(r.verdict, forget ? PAL_CHECK_FAIL : PAL_CHECK_PASS);
        }
    pal_tensor_free(in[0]);
    pal_tensor_free(in[1]);
}
END_TEST

static pal_var relu_at(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_relu(in[0]);
}

/* Elements at kinks are counted, not checked. If there is no other element, the verdict is PAL_CHECK_KINK. */
START_TEST(kinks_are_neither_passed_nor_failed)
{
    double x[] = {-1, 0, 1, 0.01, 1e-14};
    pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(5), x);
    pal_gradcheck_options o = order(1);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, "relu", relu_at, NULL, &in, 1, &o, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
    ck_assert_uint_eq(r.kinks, 2); /* at 0, and so near to 0 that no step fits; at 0.01 a shorter step does */
    ck_assert_uint_eq(r.checked, 3);
    x[0] = x[2] = x[3] = 0;
    ck_assert_int_eq(pal_gradcheck(c, "relu", relu_at, NULL, &in, 1, &o, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_KINK);
    ck_assert_double_eq(x[4], 1e-14); /* the check leaves its inputs unchanged */
    pal_tensor_free(in);
}
END_TEST

START_TEST(what_cannot_be_checked_is_an_error)
{
    pal_tensor *f32 = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2)), *in = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2, 3));
    pal_gradcheck_report r;
    ck_assert_int_ne(pal_gradcheck(c, "x", relu_at, NULL, &f32, 1, NULL, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_ERROR);
    pal_op matmul = *pal_op_find("matmul");
    pal_tensor *both[] = {in, in};
    ck_assert_int_ne(pal_gradcheck(c, "x", build_op, &matmul, both, 2, NULL, &r), PAL_OK);
    ck_assert_str_eq(r.message, "matmul: [2,3] x [2,3]");
    pal_tensor_free(f32);
    pal_tensor_free(in);
}
END_TEST

static pal_var contractive(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var h = pal_tanh(pal_matmul(in[0], in[1]));
    (void)t, (void)user;
    return pal_add(pal_jacobian_norm2_layers(h, in[0]), pal_sum_squares(pal_jacobian(h, in[0])));
}

START_TEST(every_allocation_of_a_check_may_fail)
{
    for (int n = 1; n <= 2; n++) {
        pal_gradcheck_report r = {.verdict = PAL_CHECK_ERROR};
        long i = 0;
        for (; r.verdict == PAL_CHECK_ERROR; i++) {
            meter m = {.left = LONG_MAX};
            pal_context *metered = metered_context(&m);
            pal_tensor *in[] = {random_tensor(metered, PAL_F64, PAL_SHAPE(1, 2), 0, 1, "x"),
                                random_tensor(metered, PAL_F64, PAL_SHAPE(2, 1), 0, 1, "w")};
            pal_gradcheck_options o = order(n);
            long held = m.held;
            m.left = i;
            pal_status status = pal_gradcheck(metered, "contractive", contractive, NULL, in, 2, &o, &r);
            ck_assert_int_eq(status == PAL_OK, r.verdict == PAL_CHECK_PASS);
            ck_assert_msg(status == PAL_OK || status == PAL_ERR_MEMORY, "failure %ld: %s", i, r.message);
            ck_assert_msg(m.held == held, "failure %ld left %ld blocks", i, m.held - held);
            pal_tensor_free(in[0]);
            pal_tensor_free(in[1]);
            pal_context_free(metered);
        }
        ck_assert_msg(r.verdict == PAL_CHECK_PASS && (n == 2 || !isnan(r.duality)), "%s", r.message);
        ck_assert_int_gt(i, 100);
    }
}
END_TEST

/* A missing part of a descriptor or of an options struct is an error. It is not ignored. */
START_TEST(incomplete_descriptors_and_options_are_refused)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(3), 0, 1, "x");
    pal_var v = pal_leaf(t, x, "x"), many[] = {v, v, v, v};
    pal_mark mark = pal_tape_mark(t);
    pal_op op = *pal_op_find("exp");
    op.arity = -1;
    pal_record(t, &op, many, 4, NULL);
    ck_assert_str_eq(pal_tape_error(t), "exp: an elementwise operation takes 1 to 3 operands, not 4");
    pal_tape_rewind(t, mark);
    op.infer = NULL;
    pal_record(t, &op, many, 1, NULL);
    ck_assert_str_eq(pal_tape_error(t), "exp: its descriptor has no infer");
    pal_tape_rewind(t, mark);
    ck_assert_ptr_null(pal_compile(t, &v, 1, &(pal_compile_options){.effects = true}));
    ck_assert_str_eq(pal_tape_error(t), "compile: struct_size is 0, not from 24 to 48: set it to sizeof of the struct");
    ck_assert_ptr_null(pal_context_new(&(pal_context_options){.threads = 1}));
    pal_gradcheck_report r;
    op = *pal_op_find("exp");
    op.n_reals = 1; /* the generated cases cannot choose a value for a parameter */
    ck_assert_uint_eq(pal_gradcheck_op_cases(&op), 0);
    ck_assert_int_ne(pal_gradcheck_op(c, &op, 0, NULL, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_ERROR);
    ck_assert_int_ne(pal_gradcheck(c, "x", relu_at, NULL, &x, 1, &(pal_gradcheck_options){.order = 2}, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_ERROR);
    pal_tape_free(t);
    pal_tensor_free(x);
}
END_TEST

Suite *gradcheck_suite(void)
{
    Suite *s = suite_create("gradcheck");
    TCase *k = tcase_create("gradcheck");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_loop_test(k, every_operation_passes, 1, 3);
    tcase_add_loop_test(k, an_autoencoder_passes, 1, 3);
    tcase_add_test(k, wrong_rules_are_rejected);
    tcase_add_test(k, a_wrong_second_derivative_alone_is_rejected);
    tcase_add_test(k, an_asymmetric_hessian_is_rejected);
    tcase_add_test(k, a_vjp_that_is_not_the_adjoint_of_the_jvp_is_rejected);
    tcase_add_test(k, a_forgotten_use_is_rejected);
    tcase_add_test(k, kinks_are_neither_passed_nor_failed);
    tcase_add_test(k, what_cannot_be_checked_is_an_error);
    tcase_add_test(k, every_allocation_of_a_check_may_fail);
    tcase_add_test(k, incomplete_descriptors_and_options_are_refused);
    tcase_set_timeout(k, 120);
    suite_add_tcase(s, k);
    return s;
}
