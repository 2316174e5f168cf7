/* test_factor_derivatives.c - derivatives of Cholesky factors, solves and determinants. They are compared with closed
 * forms up to third order, and the gradient checker checks compositions. */
#include "tests/ops/matrices.h"

/* ---- Derivatives in closed form ------------------------------------------------------------------------------- */

static pal_var symmetric(pal_var x) { return pal_scale(pal_add(x, pal_transpose(x)), 0.5); }
static pal_var between(pal_var i, pal_var x) { return pal_matmul(pal_matmul(i, x), i); }

/* The gradient of ln det A is A^-1. Its derivative along D is -A^-1 D A^-1, and the derivative of that along E is
 * A^-1 D A^-1 E A^-1 + A^-1 E A^-1 D A^-1. Only the symmetric parts of D and E count. */
START_TEST(derivatives_of_the_determinant)
{
    pal_shape shapes[] = {PAL_SHAPE(1, 1), PAL_SHAPE(4, 4), PAL_SHAPE(2, 3, 3), PAL_SHAPE(50, 50)};
    for (int s = 0; s < 4; s++) {
        double *v = eval(definite(numbers(PAL_F64, shapes[s], "x")));
        pal_var a = values(shapes[s], v), d = numbers(PAL_F64, shapes[s], "d"), e = numbers(PAL_F64, shapes[s], "e"),
                l = pal_cholesky(a), g, h, third;
        ck_assert_int_eq(pal_grad(pal_sum_all(pal_cholesky_log_det(l)), &a, 1, &g), PAL_OK);
        pal_var inverse = pal_cholesky_inverse(l), sd = symmetric(d), se = symmetric(e);
        near(g, inverse, 1e-13);
        near(g, pal_transpose(g), 0); /* symmetric bit for bit */
        ck_assert_int_eq(pal_vjp(g, d, &a, 1, &h), PAL_OK);
        near(h, pal_neg(between(inverse, sd)), 1e-12);
        ck_assert_int_eq(pal_vjp(h, e, &a, 1, &third), PAL_OK);
        pal_var one = pal_matmul(between(inverse, sd), pal_matmul(se, inverse));
        near(third, pal_add(one, pal_transpose(one)), 1e-11);
        /* pal_cholesky_inverse, differentiated directly, has the same derivative. */
        ck_assert_int_eq(pal_vjp(inverse, d, &a, 1, &h), PAL_OK);
        near(h, pal_neg(between(inverse, sd)), 1e-12);
        free(v);
        release();
    }
}
END_TEST

/* Only the lower triangle is read, but the derivative is symmetric: it is shared equally with the upper triangle. */
START_TEST(derivative_is_symmetric)
{
    double a[] = {4, 0, 2, 5}, seed[] = {0, 7, 1, 0}, *got; /* L = [2 0; 1 2]: L10 = A10 / sqrt A00 */
    pal_var x = values(PAL_SHAPE(2, 2), a), g;
    ck_assert_int_eq(pal_vjp(pal_cholesky(x), values(PAL_SHAPE(2, 2), seed), &x, 1, &g), PAL_OK);
    got = eval(g);
    ck_assert_double_eq_tol(got[0], -0.125, 1e-15);
    ck_assert_double_eq_tol(got[1], 0.25, 1e-15);
    ck_assert_double_eq_tol(got[2], 0.25, 1e-15);
    ck_assert_double_eq_tol(got[3], 0, 1e-15);
    free(got);
    /* For a triangular factor the derivative above the diagonal is 0. */
    double l[] = {2, 9, 1, 3}, b[] = {2, 4};
    pal_var f = values(PAL_SHAPE(2, 2), l), y = pal_triangular_solve(f, values(PAL_SHAPE(2, 1), b), false);
    ck_assert_int_eq(pal_grad(pal_sum_all(y), &f, 1, &g), PAL_OK);
    got = eval(g); /* x = [1 1]: adjoint of b [1/3 1/3], minus its lower outer product with x */
    ck_assert_double_eq_tol(got[0], -1. / 3, 1e-15);
    ck_assert_double_eq(got[1], 0);
    ck_assert_double_eq_tol(got[2], -1. / 3, 1e-15);
    ck_assert_double_eq_tol(got[3], -1. / 3, 1e-15);
    free(got);
    release();
}
END_TEST

/* ---- The gradient checker on compositions --------------------------------------------------------------------- */

static void passes(pal_build build, pal_tensor *const *inputs, size_t n)
{
    for (int order = 1; order <= 2; order++) {
        pal_gradcheck_report r;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 5};
        ck_assert_int_eq(pal_gradcheck(c, "composition", build, NULL, inputs, n, &o, &r), PAL_OK);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "order %d: %s, error %g %s", order, pal_verdict_text(r.verdict),
                      r.error, r.message);
    }
}

static pal_var definite_on(pal_tape *tape, pal_var x)
{
    int64_t n = pal_shape_of(x).dim[pal_shape_of(x).rank - 1];
    pal_var ones = pal_fill(tape, PAL_F64, PAL_SHAPE(n, n), 1), i = pal_triangular_solve(ones, ones, false);
    /* Solving the lower triangle of ones for ones gives a first row of ones and zeros below. Its product i^T i is the
     * matrix of ones. Added to x x^T, it helps to keep the sum definite. */
    return pal_add(pal_matmul_t(x, x, false, true), pal_matmul_t(i, i, true, false));
}

/* The parts of a Gaussian log density, computed from the Cholesky factor of the covariance. */
static pal_var gaussian(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var l = pal_cholesky(definite_on(tape, in[0])), z = pal_triangular_solve(l, in[1], false);
    return pal_add(pal_sum(pal_square(z), 6, false), pal_cholesky_log_det(l));
}

/* The gradient by x of log det plus the squared norm of a solve. Order 2 of the checker checks third derivatives. */
static pal_var gradient(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var l = pal_cholesky(definite_on(tape, in[0])), g = {.tape = tape};
    pal_var y = pal_add(pal_sum_all(pal_cholesky_log_det(l)), pal_sum_squares(pal_cholesky_solve(l, in[0])));
    pal_grad(y, in, 1, &g);
    return g;
}

static pal_var term(pal_tape *tape, pal_var k, void *user)
{
    pal_var l = pal_cholesky(definite_on(tape, pal_take(((pal_var *)user)[0], k)));
    return pal_einsum("ij,kj->ik", pal_cholesky_solve(l, ((pal_var *)user)[1]), l);
}

static pal_var in_region(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    pal_var both[] = {in[0], in[1]};
    return pal_map_sum(tape, pal_shape_of(in[0]).dim[0], term, both);
}

START_TEST(compositions_pass_the_checker)
{
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(2, 3, 3), 0.3, 1.5, "x"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(2, 3, 1), -1, 1, "b"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "w")};
    for (size_t i = 0; i < 18; i++) /* add 3 to the diagonals, to avoid singular matrices */
        if (i % 9 % 4 == 0) pal_tensor_set(in[0], i, pal_tensor_get(in[0], i) + 3);
    passes(gaussian, in, 2);
    passes(gradient, in, 1);
    passes(in_region, (pal_tensor *[]){in[0], in[2]}, 2);
    for (int i = 0; i < 3; i++) pal_tensor_free(in[i]);
}
END_TEST

Suite *factor_derivatives_suite(void)
{
    Suite *suite = suite_create("factor_derivatives");
    add_case(suite, "derivatives", setup, teardown,
             TESTS(derivatives_of_the_determinant, derivative_is_symmetric, compositions_pass_the_checker));
    return suite;
}
