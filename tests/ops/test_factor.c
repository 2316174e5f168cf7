/* test_factor.c - Cholesky factors, triangular solves and determinants satisfy their definitions. Also: errors while
 * running and while recording, and equal bits on any number of threads. */
#include "tests/ops/matrices.h"

#include <string.h>

/* A copy of x with NaN above the diagonal, which must not be read. */
static pal_var spoiled(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    size_t n = (size_t)s.dim[s.rank - 1];
    pal_tensor *copy = pal_tensor_new(c, pal_dtype_of(x), s);
    double *v = eval(x);
    for (size_t i = 0; i < pal_tensor_count(copy); i++) pal_tensor_set(copy, i, i % n > i / n % n ? (double)NAN : v[i]);
    free(v);
    return keep(copy);
}

static const int64_t sizes[] = {0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 100, 130, 257};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(factor_times_its_transpose_is_the_matrix)
{
    for (int s = 0; s < SIZES; s++)
        for (int single = 0; single < 2; single++) {
            int64_t n = sizes[s];
            pal_shape shape = n < 40 ? PAL_SHAPE(3, 2, n, n) : PAL_SHAPE(n, n);
            pal_var a = definite(numbers(single ? PAL_F32 : PAL_F64, shape, "x")), l = pal_cholesky(spoiled(a));
            near(pal_matmul_t(l, l, false, true), a, single ? 2e-6 : 1e-14);
            double *v = eval(l);
            for (int64_t i = 0; i < pal_shape_count(shape); i++) {
                if (i % n > i / n % n) ck_assert(v[i] == 0 && !signbit(v[i]));
                if (i % n == i / n % n) ck_assert_double_gt(v[i], 0);
            }
            free(v);
            release();
        }
}
END_TEST

START_TEST(solves_leave_no_residual)
{
    static const int64_t sides[] = {0, 1, 5, 70};
    for (int s = 0; s < SIZES; s++)
        for (int k = 0; k < 4; k++)
            for (int single = 0; single < 2; single++) {
                int64_t n = sizes[s];
                pal_dtype dtype = single ? PAL_F32 : PAL_F64;
                pal_var l = pal_cholesky(definite(numbers(dtype, PAL_SHAPE(n, n), "x"))),
                        b = numbers(dtype, PAL_SHAPE(n, sides[k]), "b"), any = spoiled(l);
                double tolerance = single ? 5e-6 : 1e-14;
                near(pal_matmul(l, pal_triangular_solve(any, b, false)), b, tolerance);
                near(pal_matmul_t(l, pal_triangular_solve(any, b, true), true, false), b, tolerance);
                pal_var a = pal_matmul_t(l, l, false, true);
                near(pal_matmul(a, pal_cholesky_solve(any, b)), b, 5 * tolerance);
                near(pal_matmul(a, pal_cholesky_inverse(any)), pal_cast(identity(n), dtype), 5 * tolerance);
                release();
            }
}
END_TEST

static pal_var item(pal_var x, int64_t i) { return pal_take(x, pal_fill(t, PAL_I32, PAL_SCALAR, (double)i)); }

START_TEST(batches_broadcast)
{
    pal_var l = pal_cholesky(definite(numbers(PAL_F64, PAL_SHAPE(2, 1, 3, 3), "x"))),
            b = numbers(PAL_F64, PAL_SHAPE(4, 3, 2), "b");
    for (int turned = 0; turned < 2; turned++) {
        pal_var x = pal_triangular_solve(l, b, turned);
        ck_assert(pal_shape_equal(pal_shape_of(x), PAL_SHAPE(2, 4, 3, 2)));
        for (int64_t i = 0; i < 2; i++)
            for (int64_t j = 0; j < 4; j++)
                near(item(item(x, i), j), pal_triangular_solve(item(item(l, i), 0), item(b, j), turned), 0);
    }
    pal_var one = item(item(l, 0), 0);
    near(item(pal_triangular_solve(one, b, false), 3), pal_triangular_solve(one, item(b, 3), false), 0);
    near(item(pal_triangular_solve(item(l, 1), item(b, 0), true), 0),
         pal_triangular_solve(item(item(l, 1), 0), item(b, 0), true), 0);
    ck_assert(pal_shape_equal(pal_shape_of(pal_cholesky_log_det(l)), PAL_SHAPE(2, 1)));
    ck_assert(pal_shape_equal(pal_shape_of(pal_cholesky_inverse(l)), PAL_SHAPE(2, 1, 3, 3)));
    near(item(pal_cholesky_log_det(l), 1), pal_reshape(pal_cholesky_log_det(item(item(l, 1), 0)), PAL_SHAPE(1)), 0);
    /* A batch may have no matrices. */
    pal_var none = numbers(PAL_F64, PAL_SHAPE(0, 3, 3), "none");
    ck_assert(pal_shape_equal(pal_shape_of(pal_cholesky(none)), PAL_SHAPE(0, 3, 3)));
    free(eval(pal_cholesky(none)));
    free(eval(pal_triangular_solve(none, item(b, 0), false)));
    release();
}
END_TEST

/* With more matrices than tasks, each matrix is still factored and solved once, with or without BLAS. */
START_TEST(many_small_matrices)
{
    for (int64_t k = 1; k <= 600; k += 599) {
        pal_var x = numbers(PAL_F64, PAL_SHAPE(700, 2, 2), "x"), b = numbers(PAL_F64, PAL_SHAPE(700, 2, k), "b"),
                a = definite(x), l = pal_cholesky(a);
        near(pal_matmul_t(l, l, false, true), a, 1e-15);
        near(pal_matmul(l, pal_triangular_solve(l, b, false)), b, 1e-14);
        near(pal_matmul_t(l, pal_triangular_solve(l, b, true), true, false), b, 1e-14);
        release();
    }
    double *bad = malloc(4 * 20000 * sizeof *bad);
    for (int i = 0; i < 20000; i++) memcpy(bad + 4 * i, (double[]){1, 0, 0, i < 15000 ? 1 : -1}, 4 * sizeof *bad);
    double none;
    ck_assert_int_eq(pal_eval(pal_sum_all(pal_cholesky(values(PAL_SHAPE(20000, 2, 2), bad))), &none), PAL_ERR_NUMERIC);
    ck_assert_str_eq(pal_tape_error(t), "cholesky: not positive definite: leading minor 2 of matrix 15000");
    free(bad);
    release();
}
END_TEST

START_TEST(known_factors)
{
    double a[] = {4, 0, 0, 12, 37, 0, -16, -43, 98}, l[] = {2, 0, 0, 6, 1, 0, -8, 5, 3}, *got, det;
    pal_var f = pal_cholesky(values(PAL_SHAPE(3, 3), a));
    got = eval(f);
    for (int i = 0; i < 9; i++) ck_assert_double_eq(got[i], l[i]);
    free(got);
    ck_assert_int_eq(pal_eval(pal_cholesky_log_det(f), &det), PAL_OK);
    ck_assert_double_eq_tol(det, log(36), 1e-15);
    /* Elements of extreme size do not overflow or underflow in unnecessary squares. */
    double wide[] = {1e300, 0, 1e-10, 1e-300}, tiny[] = {5e-324}, huge[] = {(double)INFINITY, 0, 3, 4};
    got = eval(pal_cholesky(values(PAL_SHAPE(2, 2), wide)));
    ck_assert_double_eq_tol(got[0] / 1e150, 1, 1e-15);
    ck_assert_double_eq_tol(got[3] / 1e-150, 1, 1e-15);
    free(got);
    got = eval(pal_cholesky(values(PAL_SHAPE(1, 1), tiny)));
    ck_assert_double_gt(got[0], 0);
    free(got);
    got = eval(pal_cholesky(values(PAL_SHAPE(2, 2), huge)));
    ck_assert(isinf(got[0]) && got[2] == 0 && got[3] == 2);
    free(got);
    release();
}
END_TEST

/* The matrix is Q diag(e) Q with the reflection Q = I - 2 v v^T / v^T v, so its eigenvalues are e. */
START_TEST(determinant_is_the_product_of_the_eigenvalues)
{
    enum { N = 40 };
    double a[N * N], v[N], norm = 0, expected = 0, got;
    for (int i = 0; i < N; i++) {
        v[i] = sin(i + 1);
        norm += v[i] * v[i];
    }
    for (int i = 0; i < N; i++) {
        expected += log(pow(1.3, i - 10));
        for (int j = 0; j < N; j++) {
            a[i * N + j] = 0;
            for (int k = 0; k < N; k++)
                a[i * N + j] +=
                    ((i == k) - 2 * v[i] * v[k] / norm) * pow(1.3, k - 10) * ((k == j) - 2 * v[k] * v[j] / norm);
        }
    }
    pal_var log_det = pal_cholesky_log_det(pal_cholesky(values(PAL_SHAPE(N, N), a)));
    ck_assert_int_eq(pal_eval(log_det, &got), PAL_OK);
    ck_assert_double_eq_tol(got, expected, 1e-10);
    double two[] = {2, 0.5, 0.5, 3};
    ck_assert_int_eq(pal_eval(pal_cholesky_log_det(pal_cholesky(values(PAL_SHAPE(2, 2), two))), &got), PAL_OK);
    ck_assert_double_eq_tol(got, log(5.75), 1e-15);
    ck_assert_int_eq(pal_eval(pal_cholesky_log_det(values(PAL_SHAPE(0, 0), NULL)), &got), PAL_OK);
    ck_assert_double_eq(got, 0);
    release();
}
END_TEST

/* ---- Failures ------------------------------------------------------------------------------------------------- */

/* Checks that the run fails with this text and does not change the leaf that the program assigns. */
static void fails(pal_var v, const char *text)
{
    pal_tensor *w = random_tensor(c, PAL_F64, PAL_SHAPE(5), -1, 1, "w");
    double before[5];
    memcpy(before, w->data, sizeof before);
    pal_var leaf = keep(w);
    /* The assign does not depend on v, and it is the first output. Still it must not be carried out. */
    pal_var wanted[] = {pal_assign(leaf, pal_scale(leaf, 2)), v};
    pal_program *p = pal_compile(t, wanted, 2, NULL);
    ck_assert_msg(p != NULL, "%s", pal_tape_error(t));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_run(p), PAL_ERR_NUMERIC);
        ck_assert_str_eq(pal_program_error(p), text);
        ck_assert_mem_eq(before, w->data, sizeof before);
    }
    pal_program_free(p);
    release();
}

START_TEST(what_has_no_factor_fails)
{
    double nan = (double)NAN, indefinite[] = {1, 2, 2, 1}, singular[] = {1, 1, 1, 1}, zero[] = {0}, below[] = {-0.0},
           bad[] = {1, 0, nan, 1}, late[] = {1, 0, 0, 1, 1, 0, 0, nan, 1, 0, 0, -1},
           inf[] = {1, 0, (double)INFINITY, 1};
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), indefinite)),
          "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), singular)),
          "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(1, 1), zero)), "cholesky: not positive definite: leading minor 1 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(1, 1), below)), "cholesky: not positive definite: leading minor 1 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), bad)), "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(2, 2), inf)), "cholesky: not positive definite: leading minor 2 of matrix 0");
    fails(pal_cholesky(values(PAL_SHAPE(3, 2, 2), late)),
          "cholesky: not positive definite: leading minor 2 of matrix 1");
    pal_scope_begin(t, "model/prior");
    pal_var v = pal_cholesky(values(PAL_SHAPE(2, 2), indefinite));
    pal_scope_end(t);
    fails(v, "cholesky in model/prior: not positive definite: leading minor 2 of matrix 0");
    /* In a large matrix, which is factored recursively, the minor is numbered within the whole matrix. */
    double *large = calloc(100 * 100, sizeof *large);
    for (int i = 0; i < 100; i++) large[i * 101] = i == 77 ? -1 : 1;
    fails(pal_cholesky(values(PAL_SHAPE(100, 100), large)),
          "cholesky: not positive definite: leading minor 78 of matrix 0");
    large[77 * 101] = 1;
    large[88 * 100 + 3] = nan;
    fails(pal_cholesky(values(PAL_SHAPE(100, 100), large)),
          "cholesky: not positive definite: leading minor 89 of matrix 0");
    free(large);
}
END_TEST

START_TEST(singular_triangles_fail)
{
    double zero[] = {1, 0, 5, 0}, nan[] = {1, 0, 0, 1, (double)NAN, 0, 0, 1}, b[] = {1, 2};
    fails(pal_triangular_solve(values(PAL_SHAPE(2, 2), zero), values(PAL_SHAPE(2, 1), b), false),
          "triangular_solve: singular: 0 on the diagonal, row 1 of matrix 0");
    fails(pal_triangular_solve(values(PAL_SHAPE(2, 2, 2), nan), values(PAL_SHAPE(2, 1), b), true),
          "triangular_solve: singular: NaN on the diagonal, row 0 of matrix 1");
    /* NaN below the diagonal is not an error: it spreads to the results that depend on it. */
    double below[] = {1, 0, 0, 0, 1, 0, (double)NAN, 0, 1}, sides[] = {1, 1, 1}, *x;
    x = eval(pal_triangular_solve(values(PAL_SHAPE(3, 3), below), values(PAL_SHAPE(3, 1), sides), false));
    ck_assert(x[0] == 1 && x[1] == 1 && isnan(x[2]));
    free(x);
    release();
}
END_TEST

START_TEST(wrong_operands_are_refused)
{
#define X   numbers(PAL_F64, PAL_SHAPE(2, 3), "x")
#define Q   numbers(PAL_F64, PAL_SHAPE(3, 3), "q")
#define Q32 numbers(PAL_F32, PAL_SHAPE(3, 3), "q")
    pal_var none = {0};
    refused(pal_cholesky(X), "cholesky: [2,3]: the last two axes must be equal");
    refused(pal_cholesky(pal_constant(t, 1)), "cholesky: []: the last two axes must be equal");
    refused(pal_cholesky(pal_cast(Q, PAL_I32)), "cholesky: [3,3]: the operand must be real");
    refused(pal_triangular_solve(X, Q, false),
            "triangular_solve: [2,3] x [3,3]: the last two axes of the factor must be equal");
    refused(pal_triangular_solve(Q, X, false),
            "triangular_solve: [3,3] x [2,3]: the factor and the right-hand sides have different numbers of rows");
    refused(pal_triangular_solve(Q, numbers(PAL_F64, PAL_SHAPE(3), "v"), false),
            "triangular_solve: [3,3] x [3]: the right-hand sides must be the columns of a matrix");
    refused(pal_triangular_solve(Q, Q32, true),
            "triangular_solve: [3,3] x [3,3]: the operands must have one real type");
    refused(pal_triangular_solve(numbers(PAL_F64, PAL_SHAPE(2, 3, 3), "q"), numbers(PAL_F64, PAL_SHAPE(4, 3, 1), "v"),
                                 true),
            "triangular_solve: [2,3,3] x [4,3,1]: the leading axes do not broadcast");
    refused(pal_cholesky_solve(X, Q), "cholesky_solve: [2,3] x [3,3]: the last two axes of the factor must be equal");
    refused(pal_cholesky_solve(Q, X),
            "cholesky_solve: [3,3] x [2,3]: the factor and the right-hand sides have different numbers of rows");
    refused(pal_cholesky_inverse(X), "cholesky_inverse: [2,3]: the last two axes must be equal");
    refused(pal_cholesky_log_det(pal_constant(t, 1)), "cholesky_log_det: []: the last two axes must be equal");
    refused(pal_cholesky((pal_var){.tape = t}), "cholesky: operand 1 is a bad handle");
    refused(pal_cholesky_solve(Q, none), "cholesky_solve: operand 2 is a bad handle");
    refused(pal_cholesky_solve(none, Q), "cholesky_solve: operand 1 is a bad handle");
    refused(pal_cholesky_log_det((pal_var){.tape = t}), "cholesky_log_det: operand 1 is a bad handle");
    refused(pal_cholesky_inverse((pal_var){.tape = t}), "cholesky_inverse: operand 1 is a bad handle");
    ck_assert(!pal_ok(pal_cholesky(none)) && !pal_ok(pal_triangular_solve(none, none, false)) &&
              !pal_ok(pal_cholesky_solve(none, none)) && !pal_ok(pal_cholesky_inverse(none)) &&
              !pal_ok(pal_cholesky_log_det(none)));
#undef X
#undef Q
#undef Q32
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------------------------- */

START_TEST(bits_do_not_depend_on_threads)
{
    enum { N = 90, K = 200, COUNT = 2 * N * (K + N) };
    double *first = malloc(COUNT * sizeof *first);
    for (unsigned threads = 1; threads <= 4; threads++) {
        pal_context *other = context_with(threads);
        pal_tape *tape = pal_tape_new(other, PAL_F64);
        pal_tensor *xs = random_tensor(other, PAL_F64, PAL_SHAPE(2, N, N), -1, 1, "x"),
                   *bs = random_tensor(other, PAL_F64, PAL_SHAPE(N, K), -1, 1, "b");
        for (size_t i = 0; i < 2 * N; i++) pal_tensor_set(xs, i * N + i % N, 9);
        pal_var x = pal_leaf(tape, xs, "x"), l = pal_cholesky(pal_matmul_t(x, x, false, true)),
                y = pal_cholesky_solve(l, pal_leaf(tape, bs, "b")), g;
        ck_assert_int_eq(pal_grad(pal_sum_squares(y), &x, 1, &g), PAL_OK);
        pal_program *p = pal_compile(tape, (pal_var[]){y, g}, 2,
                                     &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = 3});
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        double *got = malloc(COUNT * sizeof *got);
        memcpy(got, pal_output(p, 0)->data, 2 * N * K * sizeof *got);
        memcpy(got + 2 * N * K, pal_output(p, 1)->data, 2 * N * N * sizeof *got);
        if (threads == 1) memcpy(first, got, COUNT * sizeof *got);
        ck_assert_msg(!memcmp(first, got, COUNT * sizeof *got), "%u threads", threads);
        free(got);
        pal_program_free(p);
        pal_tape_free(tape);
        pal_tensor_free(xs);
        pal_tensor_free(bs);
        pal_context_free(other);
    }
    free(first);
}
END_TEST

Suite *factor_suite(void)
{
    Suite *suite = suite_create("factor");
    add_case(suite, "values", setup, teardown,
             TESTS(factor_times_its_transpose_is_the_matrix, solves_leave_no_residual, batches_broadcast,
                   many_small_matrices, known_factors, determinant_is_the_product_of_the_eigenvalues,
                   bits_do_not_depend_on_threads));
    add_case(suite, "failures", setup, teardown,
             TESTS(what_has_no_factor_fails, singular_triangles_fail, wrong_operands_are_refused));
    return suite;
}
