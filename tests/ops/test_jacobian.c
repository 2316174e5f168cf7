/* test_jacobian.c - Jacobians, Hessians and products with them: compared with each other, with differences and with
 * closed forms; inside regions; wrong arguments. */
#include "tests/ops/encoders.h"

#include <string.h>

START_TEST(wrong_arguments_are_tape_errors)
{
    pal_tensor *xt = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3), -1, 1, "x"),
               *big = random_tensor(c, PAL_F64, PAL_SHAPE(1, 2, 1, 2), -1, 1, "big");
    pal_var none = {0}, bad = {.tape = t}, x = pal_leaf(t, xt, "x");
    pal_hvp(none, none, none); /* no tape to report the error to: must not crash */
    pal_jacobian(none, none);
    pal_hessian(none, none);
    pal_jacobian_norm2_rows(none, none);
    pal_jacobian_norm2_layers(none, none);
    pal_jacobian_norm2_hutchinson(none, none, "s");
    ck_assert_tape_ok(t);
    ck_assert(!pal_ok(pal_jacobian(bad, x)));
    says("jacobian: operand 1 is a bad handle");
    bad = (pal_var){.tape = t}, x = pal_leaf(t, xt, "x");
    pal_hessian(pal_sum_all(x), none);
    says("hessian: operand 2 is a bad handle");
    x = pal_leaf(t, xt, "x");
    pal_hvp(x, x, x);
    says("hvp: y is [2,3], not a scalar");
    x = pal_leaf(t, xt, "x");
    pal_hvp(pal_sum_all(x), x, pal_constant(t, 1));
    says("hvp: the direction is [], x is [2,3]");
    x = pal_leaf(t, xt, "x"), bad = (pal_var){.tape = t};
    pal_hvp(pal_sum_all(x), x, bad);
    says("hvp: direction: operand 2 is a bad handle");
    x = pal_leaf(t, xt, "x");
    pal_hessian(x, x);
    says("hessian: y is [2,3], not a scalar");
    x = pal_leaf(t, big, "x");
    pal_hessian(pal_sum_all(x), x);
    says("hessian: y [1,2,1,2] and x [1,2,1,2] have more than 6 axes in all");
    x = pal_leaf(t, big, "x");
    pal_jacobian(x, x);
    says("jacobian: y [1,2,1,2] and x [1,2,1,2] have more than 6 axes in all");
    x = pal_leaf(t, xt, "x");
    pal_jacobian(x, pal_cast(x, PAL_I32));
    says("jacobian: the operands must be real, not f64 and i32");
    x = pal_leaf(t, xt, "x");
    pal_jacobian_norm2_rows(pal_sum_all(x), x);
    says("jacobian_norm2_rows: needs a code [n,k] and inputs [n,...], not [] and [2,3]");
    x = pal_leaf(t, xt, "x");
    pal_jacobian_norm2_hutchinson(x, x, "");
    says("normal: the stream needs a name");
    pal_tape *other = pal_tape_new(c, PAL_F64);
    pal_jacobian(pal_leaf(t, xt, "x"), pal_leaf(other, xt, "x"));
    says("jacobian: the operands belong to two tapes");
    pal_tape_free(other);
    pal_tensor_free(xt);
    pal_tensor_free(big);
}
END_TEST

/* ---- Jacobians and Hessians ----------------------------------------------------------------------------------- */

static void equal(pal_var a, pal_var b, double tolerance)
{
    double p[512], q[512];
    ck_assert_tape_ok(t);
    char s[96], u[96];
    ck_assert_str_eq(pal_shape_text(pal_shape_of(a), s, sizeof s), pal_shape_text(pal_shape_of(b), u, sizeof u));
    ck_assert_int_eq(pal_eval(a, p) | pal_eval(b, q), PAL_OK);
    for (int64_t i = 0; i < pal_shape_count(pal_shape_of(a)); i++)
        ck_assert_msg(fabs(p[i] - q[i]) <= tolerance, "[%d]: %.17g, not %.17g", (int)i, p[i], q[i]);
}

/* A function R^d -> R^k. The tests choose k so that the Jacobian has fewer rows, or fewer columns. */
static pal_var function(pal_var x, pal_var w) { return pal_tanh(pal_matmul(pal_sin(x), w)); }

/* Each row agrees with a vjp, each column with differences, whether the Jacobian has fewer rows or fewer columns. */
START_TEST(a_jacobian_is_its_rows_its_columns_and_its_differences)
{
    for (int wide = 0; wide < 2; wide++) {
        int64_t k = wide ? 5 : 2;
        pal_var x = leaf(PAL_SHAPE(2, 3), -1, 1, "x"), w = leaf(PAL_SHAPE(3, k), -1, 1, "w"), y = function(x, w);
        pal_tensor *xt = pal_leaf_tensor(x);
        pal_var j = pal_jacobian(y, x);
        char s[96];
        ck_assert_str_eq(pal_shape_text(pal_shape_of(j), s, sizeof s), wide ? "[2,5,2,3]" : "[2,2,2,3]");
        double got[60], row[6], above[10], below[10];
        ck_assert_int_eq(pal_eval(j, got), PAL_OK);
        pal_var seed = leaf(PAL_SHAPE(2, k), 0, 0, "seed"), out;
        ck_assert_int_eq(pal_vjp(y, seed, &x, 1, &out), PAL_OK);
        for (int i = 0; i < 2 * k; i++) {
            for (int o = 0; o < 2 * k; o++) pal_tensor_set(pal_leaf_tensor(seed), (size_t)o, o == i);
            ck_assert_int_eq(pal_eval(out, row), PAL_OK);
            for (int e = 0; e < 6; e++) ck_assert_double_eq_tol(got[i * 6 + e], row[e], 1e-14);
        }
        for (size_t e = 0; e < 6; e++) {
            double keep = pal_tensor_get(xt, e), h = 1e-5;
            pal_tensor_set(xt, e, keep + h);
            ck_assert_int_eq(pal_eval(y, above), PAL_OK);
            pal_tensor_set(xt, e, keep - h);
            ck_assert_int_eq(pal_eval(y, below), PAL_OK);
            pal_tensor_set(xt, e, keep);
            for (int i = 0; i < 2 * k; i++)
                ck_assert_double_eq_tol(got[i * 6 + (int)e], (above[i] - below[i]) / (2 * h), 1e-9);
        }
        drop();
    }
}
END_TEST

/* Scalars on either side, independent values and empty values. */
START_TEST(jacobians_of_scalars_and_of_nothing)
{
    pal_var x = leaf(PAL_SHAPE(2, 3), -1, 1, "x"), s = leaf(PAL_SCALAR, 0.5, 1, "s"),
            e = leaf(PAL_SHAPE(0, 2), 0, 1, "e");
    equal(pal_jacobian(pal_sum_all(pal_sin(x)), x), pal_cos(x), 1e-15);
    equal(pal_jacobian(pal_sin(pal_mul(x, s)), s), pal_mul(x, pal_cos(pal_mul(x, s))), 1e-15);
    equal(pal_jacobian(pal_exp(s), s), pal_exp(s), 1e-15);
    equal(pal_jacobian(x, s), pal_fill(t, PAL_F64, PAL_SHAPE(2, 3), 0), 0);
    equal(pal_hessian(pal_sum_all(x), x), pal_fill(t, PAL_F64, PAL_SHAPE(2, 3, 2, 3), 0), 0);
    equal(pal_jacobian(e, x), pal_fill(t, PAL_F64, PAL_SHAPE(0, 2, 2, 3), 0), 0);
    equal(pal_hessian(pal_sin(s), s), pal_neg(pal_sin(s)), 1e-15);
    /* If y has another type than x, the Jacobian has the type of y. */
    pal_var j = pal_jacobian(pal_cast(pal_square(x), PAL_F32), x);
    ck_assert_int_eq(pal_dtype_of(j), PAL_F32);
    j = pal_jacobian(pal_cast(pal_square(s), PAL_F32), s);
    ck_assert_int_eq(pal_dtype_of(j), PAL_F32);
    drop();
}
END_TEST

/* x^T A x has the Hessian A + A^T. Each element is one addition, so the bits must agree. */
START_TEST(hessian_of_a_quadratic)
{
    pal_var x = leaf(PAL_SHAPE(5, 1), -1, 1, "x"), a = leaf(PAL_SHAPE(5, 5), -1, 1, "a");
    pal_var y = pal_matmul(pal_transpose(x), pal_matmul(a, x));
    equal(pal_reshape(pal_hessian(y, x), PAL_SHAPE(5, 5)), pal_add(a, pal_transpose(a)), 0);
    drop();
}
END_TEST

static pal_var deep(const parts *p) { return pal_sum_squares(plain(p, pal_tanh)); }

START_TEST(a_hessian_is_symmetric_and_its_columns_are_products)
{
    parts p = make(widths[0], 3, PAL_SHAPE(SAMPLES, 6));
    pal_var y = deep(&p), h = pal_reshape(pal_hessian(y, p.w[1]), PAL_SHAPE(15, 15));
    equal(h, pal_transpose(h), 1e-14);
    pal_var d = leaf(PAL_SHAPE(5, 3), -1, 1, "d"), product = pal_hvp(y, p.w[1], d), g;
    equal(pal_reshape(pal_matmul(h, pal_reshape(d, PAL_SHAPE(15, 1))), PAL_SHAPE(5, 3)), product, 1e-13);
    ck_assert_int_eq(pal_grad(y, &p.w[1], 1, &g), PAL_OK);
    equal(pal_jvp(g, p.w[1], d), product, 1e-13);
    /* compare with differences of the gradient along d */
    double at[15], above[15], below[15], step = 1e-5;
    pal_tensor *w = pal_leaf_tensor(p.w[1]), *along = pal_leaf_tensor(d);
    ck_assert_int_eq(pal_eval(product, at), PAL_OK);
    for (int side = 0; side < 3; side++) {
        for (size_t i = 0; i < 15; i++)
            pal_tensor_set(w, i, pal_tensor_get(w, i) + (side == 1 ? -2 : 1) * step * pal_tensor_get(along, i));
        if (side < 2) ck_assert_int_eq(pal_eval(g, side ? below : above), PAL_OK);
    }
    for (int i = 0; i < 15; i++) ck_assert_double_eq_tol(at[i], (above[i] - below[i]) / (2 * step), 1e-8);
    drop();
}
END_TEST

/* ---- In regions ----------------------------------------------------------------------------------------------- */

static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    const parts *p = user;
    (void)tape;
    pal_var scaled = pal_scale(p->x, 0.5), row = pal_reshape(pal_take(scaled, k), PAL_SHAPE(1, 6));
    pal_var h = pal_tanh(pal_affine(row, p->w[0], p->b[0]));
    pal_var norm = pal_add(pal_jacobian_norm2_rows(h, row), pal_jacobian_norm2_layers(h, row));
    pal_var more =
        pal_add(pal_sum_squares(pal_jacobian(h, row)), pal_sum_squares(pal_hessian(pal_sum_all(h), p->b[0])));
    return pal_add(pal_add(norm, more), pal_sum_squares(pal_hvp(pal_sum_all(h), p->b[0], p->b[0])));
}

START_TEST(all_of_it_works_inside_regions)
{
    parts p = make(widths[0], 1, PAL_SHAPE(SAMPLES, 6));
    pal_var by[16], inside = pal_map_sum(t, SAMPLES, body, &p), outside = {0};
    size_t n = all_of(&p, by);
    /* The same terms, recorded without a region. */
    for (int k = 0; k < SAMPLES; k++) {
        pal_var at = pal_cast(pal_constant(t, k), PAL_I32), term = body(t, at, &p);
        outside = k ? pal_add(outside, term) : term;
    }
    compare(inside, outside, by, n, "regions");
    drop();
}
END_TEST

static pal_var shared_body(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    return pal_sin(pal_mul(*(pal_var *)user, pal_add(pal_cast(k, PAL_F64), pal_constant(t, 1))));
}

/* The Jacobian of a map_sum, by rows and by columns. */
START_TEST(jacobians_of_regions)
{
    pal_var x = leaf(PAL_SHAPE(2), 0, 1, "x"), s = leaf(PAL_SCALAR, 0, 1, "s");
    pal_var plain_x = pal_add(pal_sin(x), pal_sin(pal_scale(x, 2)));
    equal(pal_jacobian(pal_map_sum(t, 2, shared_body, &x), x), pal_jacobian(plain_x, x), 1e-15);
    pal_var wide = pal_broadcast_to(s, PAL_SHAPE(3)); /* the Jacobian has three rows and one column */
    pal_var plain_s = pal_add(pal_sin(wide), pal_sin(pal_scale(wide, 2)));
    equal(pal_jacobian(pal_map_sum(t, 2, shared_body, &wide), s), pal_jacobian(plain_s, s), 1e-15);
    drop();
}
END_TEST

Suite *jacobian_suite(void)
{
    Suite *s = suite_create("jacobian");
    add_case(s, "derivatives", setup, teardown,
             TESTS(wrong_arguments_are_tape_errors, a_jacobian_is_its_rows_its_columns_and_its_differences,
                   jacobians_of_scalars_and_of_nothing, hessian_of_a_quadratic,
                   a_hessian_is_symmetric_and_its_columns_are_products, all_of_it_works_inside_regions,
                   jacobians_of_regions));
    return s;
}
