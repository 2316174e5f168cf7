/* test_grad.c - derivatives compared with closed forms: reuse, broadcasting, higher orders, jvp, canonical order. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), 0.5, 2, "x");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_context_free(c);
}

START_TEST(several_uses_are_summed)
{
    pal_var x = pal_leaf(t, xs, "x"), g;
    double out[12];
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_add(pal_mul(x, x), pal_add(x, x))), &x, 1, &g), PAL_OK);
    ck_assert_int_eq(pal_eval(g, out), PAL_OK);
    for (size_t i = 0; i < 12; i++) ck_assert_double_eq_tol(out[i], 2 * pal_tensor_get(xs, i) + 2, 1e-15);
}
END_TEST

START_TEST(tenth_derivative_of_exp)
{
    pal_tensor *one = random_tensor(c, PAL_F64, PAL_SCALAR, 0.3, 0.4, "s");
    pal_var x = pal_leaf(t, one, "s"), y = pal_exp(pal_scale(x, 2));
    for (int order = 0; order < 10; order++) ck_assert_int_eq(pal_grad(y, &x, 1, &y), PAL_OK);
    double out;
    ck_assert_int_eq(pal_eval(y, &out), PAL_OK);
    double expected = 1024 * exp(2 * pal_tensor_get(one, 0));
    ck_assert_double_eq_tol(out, expected, 1e-12 * expected);
    pal_tensor_free(one);
}
END_TEST

/* The gradient of a broadcast operand is summed over the broadcast axes. */
START_TEST(broadcast_operands_get_their_own_shape)
{
    pal_tensor *row = random_tensor(c, PAL_F64, PAL_SHAPE(4), 1, 2, "row"),
               *column = random_tensor(c, PAL_F64, PAL_SHAPE(3, 1), 1, 2, "col");
    pal_var v[] = {pal_leaf(t, xs, "x"), pal_leaf(t, row, "row"), pal_leaf(t, column, "col")}, g[3];
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_mul(v[0], pal_mul(v[1], v[2]))), v, 3, g), PAL_OK);
    for (int i = 0; i < 3; i++) ck_assert(pal_shape_equal(pal_shape_of(g[i]), pal_shape_of(v[i])));
    double out[4];
    ck_assert_int_eq(pal_eval(g[1], out), PAL_OK);
    for (size_t j = 0; j < 4; j++) {
        double sum = 0;
        for (size_t i = 0; i < 3; i++) sum += pal_tensor_get(xs, 4 * i + j) * pal_tensor_get(column, i);
        ck_assert_double_eq_tol(out[j], sum, 1e-14);
    }
    pal_tensor_free(row);
    pal_tensor_free(column);
}
END_TEST

/* The gradient is zero by a leaf that y does not depend on, and by one that it reads only through stop_gradient. */
START_TEST(unreached_is_zeros)
{
    pal_tensor *other = random_tensor(c, PAL_F64, PAL_SHAPE(5), 1, 2, "o");
    pal_var x = pal_leaf(t, xs, "x"), o = pal_leaf(t, other, "o"), v[] = {o, x}, g[2];
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_mul(pal_stop_gradient(x), pal_stop_gradient(x))), v, 2, g), PAL_OK);
    double out[12] = {1};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_eval(g[i], out), PAL_OK);
        for (size_t k = 0; k < pal_tensor_count(i ? xs : other); k++) ck_assert_double_eq(out[k], 0);
    }
    pal_tensor_free(other);
}
END_TEST

START_TEST(wrt_may_be_an_intermediate)
{
    pal_var x = pal_leaf(t, xs, "x"), h = pal_square(x), v[] = {h, x}, g[2];
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_square(h)), v, 2, g), PAL_OK);
    double gh[12], gx[12];
    ck_assert_int_eq(pal_eval(g[0], gh) | pal_eval(g[1], gx), PAL_OK);
    for (size_t i = 0; i < 12; i++) {
        double xi = pal_tensor_get(xs, i);
        ck_assert_double_eq_tol(gh[i], 2 * xi * xi, 1e-14);
        ck_assert_double_eq_tol(gx[i], 4 * xi * xi * xi, 1e-13);
    }
}
END_TEST

START_TEST(jvp_is_the_directional_derivative)
{
    pal_tensor *d = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), -1, 1, "d"),
               *s = random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "s");
    pal_var x = pal_leaf(t, xs, "x"), u = pal_leaf(t, d, "d"), v = pal_leaf(t, s, "s"), w;
    pal_var y = pal_matmul(pal_tanh(x), pal_transpose(pal_square(x)));
    pal_var jvp = pal_jvp(y, x, u);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_vjp(y, v, &x, 1, &w), PAL_OK);
    /* The jvp is adjoint to the vjp: <v, J u> = <J' v, u>. */
    double left, right;
    ck_assert_int_eq(pal_eval(pal_sum_all(pal_mul(jvp, v)), &left), PAL_OK);
    ck_assert_int_eq(pal_eval(pal_sum_all(pal_mul(w, u)), &right), PAL_OK);
    ck_assert_double_eq_tol(left, right, 1e-13 * fabs(left));
    ck_assert_double_ne(left, 0);
    pal_tensor_free(d);
    pal_tensor_free(s);
}
END_TEST

/* pal_jvp differentiates a rule by a placeholder seed, which has no storage. The placeholder remains in the result if
 * the rule is not linear in its seed: this must be an error. */
static pal_var crooked_rule(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(r->seed, r->seed);
}

START_TEST(a_surviving_placeholder_is_refused)
{
    pal_op crooked = *pal_op_find("exp");
    crooked.name = "crooked";
    crooked.vjp = crooked_rule;
    pal_var x = pal_leaf(t, xs, "x"), y = pal_record(t, &crooked, &x, 1, NULL), jvp = pal_jvp(y, x, x);
    double out[12];
    ck_assert_int_ne(pal_eval(jvp, out), PAL_OK);
    ck_assert_str_eq(pal_tape_error(t), "compile: a placeholder was left in the program");
}
END_TEST

/* The tied autoencoder uses its weight twice: the gradient is the sum of the gradients of two untied copies. */
START_TEST(tied_weights_sum_both_uses)
{
    pal_tensor *w = random_tensor(c, PAL_F64, PAL_SHAPE(4, 2), -1, 1, "w"),
               *w2 = random_tensor(c, PAL_F64, PAL_SHAPE(4, 2), -1, 1, "w");
    pal_var x = pal_leaf(t, xs, "x"), a = pal_leaf(t, w, "w"), b = pal_leaf(t, w2, "w2"), none = {0}, tied, apart[2],
            both[] = {a, b};
    pal_var h = pal_sigmoid(pal_affine(x, a, none));
    ck_assert_int_eq(pal_grad(pal_sum_squares(pal_sub(pal_matmul(h, pal_transpose(a)), x)), &a, 1, &tied), PAL_OK);
    ck_assert_int_eq(pal_grad(pal_sum_squares(pal_sub(pal_matmul(h, pal_transpose(b)), x)), both, 2, apart), PAL_OK);
    double g[8], g1[8], g2[8];
    ck_assert_int_eq(pal_eval(tied, g) | pal_eval(apart[0], g1) | pal_eval(apart[1], g2), PAL_OK);
    for (int i = 0; i < 8; i++) {
        ck_assert_double_eq_tol(g[i], g1[i] + g2[i], 1e-14);
        ck_assert(fabs(g2[i]) > 1e-6 && fabs(g1[i]) > 1e-9);
    }
    pal_tensor_free(w);
    pal_tensor_free(w2);
}
END_TEST

/* For the cross-entropy from logits, the gradient by the logits is (x^ - x)/n for any batch size n. */
START_TEST(cross_entropy_gradient_is_exact)
{
    int64_t n = _i;
    pal_tensor *logits = random_tensor(c, PAL_F64, PAL_SHAPE(n, 5), -9, 9, "a"),
               *target = random_tensor(c, PAL_F64, PAL_SHAPE(n, 5), 0, 1, "t");
    pal_var a = pal_leaf(t, logits, "a"), y = pal_leaf(t, target, "t"), g;
    ck_assert_int_eq(pal_grad(pal_mean_over_samples(pal_bernoulli_cross_entropy(a, y)), &a, 1, &g), PAL_OK);
    double got[60], expected[60];
    ck_assert_int_eq(pal_eval(g, got) | pal_eval(pal_scale(pal_sub(pal_sigmoid(a), y), 1.0 / (double)n), expected),
                     PAL_OK);
    ck_assert_mem_eq(got, expected, (size_t)n * 5 * sizeof *got);
    pal_tensor_free(logits);
    pal_tensor_free(target);
}
END_TEST

/* The same computation recorded in two orders gives the same program, and so the same bits of the gradient. */
static pal_var recorded(pal_tape *tape, pal_tensor *x, int swapped)
{
    pal_var v = pal_leaf(tape, x, "x"), f, g, r;
    if (swapped)
        g = pal_tanh(pal_mul(v, v)), f = pal_exp(v);
    else
        f = pal_exp(v), g = pal_tanh(pal_mul(v, v));
    pal_grad(pal_sum_all(pal_add(pal_mul(f, g), pal_mul(v, pal_sigmoid(v)))), &v, 1, &r);
    return r;
}

START_TEST(order_of_recording_is_not_observable)
{
    pal_tape *other = pal_tape_new(c, PAL_F64);
    double a[12], b[12];
    ck_assert_int_eq(pal_eval(recorded(t, xs, 0), a) | pal_eval(recorded(other, xs, 1), b), PAL_OK);
    ck_assert_mem_eq(a, b, sizeof a);
    pal_tape_free(other);
}
END_TEST

Suite *grad_suite(void)
{
    Suite *s = suite_create("grad");
    TCase *k = tcase_create("grad");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_test(k, several_uses_are_summed);
    tcase_add_test(k, tenth_derivative_of_exp);
    tcase_add_test(k, broadcast_operands_get_their_own_shape);
    tcase_add_test(k, unreached_is_zeros);
    tcase_add_test(k, wrt_may_be_an_intermediate);
    tcase_add_test(k, jvp_is_the_directional_derivative);
    tcase_add_test(k, a_surviving_placeholder_is_refused);
    tcase_add_test(k, tied_weights_sum_both_uses);
    tcase_add_loop_test(k, cross_entropy_gradient_is_exact, 5, 12);
    tcase_add_test(k, order_of_recording_is_not_observable);
    suite_add_tcase(s, k);
    return s;
}
