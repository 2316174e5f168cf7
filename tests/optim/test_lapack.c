/* test_lapack.c - the factors of optim/lapack.c by their defining equations, in both types; what is refused; and each
 * allocation fails in turn. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "optim/lapack.h"
#include "tests/failing.h"
#include "tests/testing.h"

Suite *lapack_suite(void);

enum { MOST = 70 };

static pal_context *c;

static void setup(void) { c = context_with(2); }
static void teardown(void) { pal_context_free(c); }

/* Row r of the product of a' (or a) and b. */
static double product(const pal_tensor *a, bool turned, size_t r, const pal_tensor *b, bool b_turned, size_t at,
                      size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum +=
            pal_tensor_get(a, turned ? k * n + r : r * n + k) * pal_tensor_get(b, b_turned ? at * n + k : k * n + at);
    return sum;
}

/* x x' / n + shift I, for random x [n, wide]. */
static pal_tensor *positive(pal_dtype dtype, size_t n, size_t wide, double shift)
{
    pal_tensor *x = random_tensor(c, dtype, PAL_SHAPE((int64_t)n, (int64_t)wide), -1, 1, "x");
    pal_tensor *a = pal_tensor_new(c, dtype, PAL_SHAPE((int64_t)n, (int64_t)n));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < wide; k++) sum += pal_tensor_get(x, i * wide + k) * pal_tensor_get(x, j * wide + k);
            pal_tensor_set(a, i * n + j, sum / (double)n + (i == j ? shift : 0));
        }
    pal_tensor_free(x);
    return a;
}

static pal_tensor *copy_of(const pal_tensor *a)
{
    pal_tensor *b = pal_tensor_new(c, a->dtype, a->shape);
    memcpy(b->data, a->data, pal_tensor_bytes(a));
    return b;
}

static double tolerance(pal_dtype dtype, size_t n)
{
    return (dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON) * 8 * (double)n;
}

static const size_t sizes[] = {1, 2, 3, 26, 64, MOST};
static const pal_dtype types[] = {PAL_F32, PAL_F64};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void orthonormal(const pal_tensor *q, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            ck_assert_double_eq_tol(product(q, false, i, q, true, j, n), i == j, tolerance(q->dtype, n));
}

/* E is orthonormal, the values ascend, and E A = diag(values) E; also for a matrix of low rank. */
START_TEST(eigenvectors_diagonalise)
{
    for (size_t t = 0; t < 2; t++)
        for (size_t s = 0; s < SIZES; s++)
            for (int low = 0; low < 2; low++) {
                const size_t n = sizes[s];
                pal_tensor *a = positive(types[t], n, low ? 1 : n + 1, 0), *e = copy_of(a),
                           *values = pal_tensor_new(c, types[t], PAL_SHAPE((int64_t)n));
                ck_assert_int_eq(pal__eigenvectors(c, types[t], n, e->data, values->data, NULL), PAL_OK);
                orthonormal(e, n);
                for (size_t i = 0; i < n; i++) {
                    if (i) ck_assert(pal_tensor_get(values, i - 1) <= pal_tensor_get(values, i));
                    for (size_t j = 0; j < n; j++)
                        ck_assert_double_eq_tol(product(e, false, i, a, false, j, n),
                                                pal_tensor_get(values, i) * pal_tensor_get(e, i * n + j),
                                                tolerance(types[t], n));
                }
                pal_tensor_free(a);
                pal_tensor_free(e);
                pal_tensor_free(values);
            }
}
END_TEST

/* Q has orthonormal rows, also of a matrix of zeros, and A Q' is lower triangular. */
START_TEST(rows_become_orthonormal)
{
    for (size_t t = 0; t < 2; t++)
        for (size_t s = 0; s < SIZES; s++)
            for (int zero = 0; zero < 2; zero++) {
                const size_t n = sizes[s];
                pal_tensor *a = random_tensor(c, types[t], PAL_SHAPE((int64_t)n, (int64_t)n), -1, 1, "a");
                if (zero) memset(a->data, 0, pal_tensor_bytes(a));
                pal_tensor *q = copy_of(a);
                ck_assert_int_eq(pal__orthonormal_rows(c, types[t], n, q->data, NULL), PAL_OK);
                orthonormal(q, n);
                for (size_t i = 0; i < n; i++)
                    for (size_t j = i + 1; j < n; j++)
                        ck_assert_double_eq_tol(product(a, false, i, q, true, j, n), 0, tolerance(types[t], n));
                pal_tensor_free(a);
                pal_tensor_free(q);
            }
}
END_TEST

/* L L' = A with zeros above the diagonal, and A^-1 A = 1. What is above the diagonal of A is not read. */
START_TEST(positive_matrices_have_a_factor_and_an_inverse)
{
    for (size_t t = 0; t < 2; t++)
        for (size_t s = 0; s < SIZES; s++) {
            const size_t n = sizes[s];
            pal_tensor *a = positive(types[t], n, n, 0.5), *l = copy_of(a), *inverse = copy_of(a);
            for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++) {
                    pal_tensor_set(l, i * n + j, (double)NAN);
                    pal_tensor_set(inverse, i * n + j, (double)INFINITY);
                }
            ck_assert_int_eq(pal__cholesky(c, types[t], n, l->data, NULL), PAL_OK);
            ck_assert_int_eq(pal__inverse(c, types[t], n, inverse->data, NULL), PAL_OK);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                    ck_assert_double_eq_tol(product(l, false, i, l, true, j, n), pal_tensor_get(a, i * n + j),
                                            tolerance(types[t], n));
                    if (j > i) ck_assert(pal_tensor_get(l, i * n + j) == 0);
                    ck_assert_double_eq_tol(product(inverse, false, i, a, false, j, n), i == j,
                                            8 * tolerance(types[t], n));
                    ck_assert(pal_tensor_get(inverse, i * n + j) == pal_tensor_get(inverse, j * n + i));
                }
            pal_tensor_free(a);
            pal_tensor_free(l);
            pal_tensor_free(inverse);
        }
}
END_TEST

static void refuses(pal_status got, const pal_error *err, pal_status status, const char *says)
{
    ck_assert_int_eq(got, status);
    ck_assert_msg(strstr(err->text, says) != NULL, "%s", err->text);
}

START_TEST(wrong_matrices_are_refused)
{
    pal_error err = {0};
    double a[4] = {1, 2, 2, 1}, w[2], bad[] = {(double)NAN, (double)INFINITY};
    refuses(pal__cholesky(c, PAL_F64, 2, a, &err), &err, PAL_ERR_NUMERIC,
            "Cholesky factor: the matrix is not positive");
    double b[4] = {1, 2, 2, 1};
    refuses(pal__inverse(c, PAL_F64, 2, b, &err), &err, PAL_ERR_NUMERIC, "inverse: the matrix is not positive");
    double zero[1] = {0};
    refuses(pal__inverse(c, PAL_F64, 1, zero, &err), &err, PAL_ERR_NUMERIC, "not positive");
    for (int i = 0; i < 2; i++) {
        double x[4] = {1, 0, bad[i], 1};
        refuses(pal__eigenvectors(c, PAL_F64, 2, x, w, &err), &err, PAL_ERR_NUMERIC, "the matrix is not finite");
        refuses(pal__orthonormal_rows(c, PAL_F64, 2, x, &err), &err, PAL_ERR_NUMERIC, "the matrix is not finite");
        refuses(pal__cholesky(c, PAL_F64, 2, x, &err), &err, PAL_ERR_NUMERIC, "the matrix is not finite");
        refuses(pal__inverse(c, PAL_F64, 2, x, &err), &err, PAL_ERR_NUMERIC, "the matrix is not finite");
    }
    float small[1] = {1e-44f}; /* its inverse is more than a float has */
    refuses(pal__inverse(c, PAL_F32, 1, small, &err), &err, PAL_ERR_NUMERIC, "not finite");
    refuses(pal__eigenvectors(c, PAL_F64, PAL__LAPACK_MOST + 1, NULL, NULL, &err), &err, PAL_ERR_SHAPE, "too large");
    refuses(pal__inverse(c, PAL_I32, 2, a, &err), &err, PAL_ERR_TYPE, "only f32 and f64");
    ck_assert_int_eq(pal__eigenvectors(c, PAL_F64, 0, NULL, NULL, NULL), PAL_OK);
    ck_assert_int_eq(pal__orthonormal_rows(c, PAL_F32, 0, NULL, NULL), PAL_OK);
}
END_TEST

/* The same bits with one worker and with two. */
START_TEST(threads_do_not_change_the_bits)
{
    enum { N = MOST };
    pal_tensor *a = positive(PAL_F32, N, N, 0.1), *b = copy_of(a), *v = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2, N));
    pal_context *one = context_with(1);
    float *values = v->data;
    ck_assert_int_eq(pal__eigenvectors(c, PAL_F32, N, a->data, values, NULL), PAL_OK);
    ck_assert_int_eq(pal__eigenvectors(one, PAL_F32, N, b->data, values + N, NULL), PAL_OK);
    ck_assert_mem_eq(a->data, b->data, pal_tensor_bytes(a));
    ck_assert_mem_eq(values, values + N, N * sizeof *values);
    ck_assert_int_eq(pal__orthonormal_rows(c, PAL_F32, N, a->data, NULL), PAL_OK);
    ck_assert_int_eq(pal__orthonormal_rows(one, PAL_F32, N, b->data, NULL), PAL_OK);
    ck_assert_mem_eq(a->data, b->data, pal_tensor_bytes(a));
    pal_context_free(one);
    pal_tensor_free(a);
    pal_tensor_free(b);
    pal_tensor_free(v);
}
END_TEST

static bool factors(void *user)
{
    double a[4] = {2, 0, 0, 3}, w[2];
    pal_error err = {0};
    pal_status status = pal__eigenvectors(c, PAL_F64, 2, a, w, &err);
    if (!status) failing_require(w[0] == 2 && w[1] == 3);
    if (!status) status = pal__orthonormal_rows(c, PAL_F64, 2, a, &err);
    if (!status) failing_require(fabs(a[0]) == 1 && fabs(a[3]) == 1);
    if (status) failing_require(status == PAL_ERR_MEMORY && strstr(err.text, "out of memory for a matrix of 2 by 2"));
    (void)user;
    return !status;
}

START_TEST(missing_memory_is_reported) { ck_assert(failing_each(factors, NULL, false) >= 4 || !failing_can); }
END_TEST

Suite *lapack_suite(void)
{
    Suite *suite = suite_create("lapack");
    add_case(suite, "lapack", setup, teardown,
             TESTS(eigenvectors_diagonalise, rows_become_orthonormal, positive_matrices_have_a_factor_and_an_inverse,
                   wrong_matrices_are_refused, threads_do_not_change_the_bits, missing_memory_is_reported));
    return suite;
}
