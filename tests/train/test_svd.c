/* test_svd.c - tests the singular value decomposition: known matrices, and the defining properties of wide and tall
 * ones. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "train/internal.h"

static pal_context *c;

static void setup(void) { c = context_with(1); }
static void teardown(void) { pal_context_free(c); }

/* Computes S and V' of a copy of a. vt: NULL: S only. */
static void svd(size_t rows, size_t columns, const double *a, double *s, double *vt)
{
    pal_error err = {0};
    double *copy = malloc(rows * columns * sizeof *copy);
    memcpy(copy, a, rows * columns * sizeof *copy);
    ck_assert_msg(!palt__svd(c, rows, columns, copy, s, vt, &err), "%s", err.text);
    free(copy);
}

START_TEST(known)
{
    double s[2], vt[4];
    svd(2, 2, (double[]){3, 0, 4, 5}, s, vt); /* A'A = [[25,20],[20,25]] */
    ck_assert_double_eq_tol(s[0], sqrt(45), 1e-14);
    ck_assert_double_eq_tol(s[1], sqrt(5), 1e-14);
    ck_assert_double_eq_tol(fabs(vt[0]), sqrt(0.5), 1e-14);
    ck_assert_double_eq_tol(vt[0], vt[1], 1e-14);
    ck_assert_double_eq_tol(vt[2], -vt[3], 1e-14);
    svd(2, 2, (double[]){2, 1, 1, 2}, s, vt); /* symmetric: eigenvalues 3 and 1 */
    ck_assert_double_eq_tol(s[0], 3, 1e-14);
    ck_assert_double_eq_tol(s[1], 1, 1e-14);
}
END_TEST

START_TEST(of_one)
{
    double s, v;
    svd(1, 1, (double[]){-2.5}, &s, &v);
    ck_assert_double_eq(s, 2.5);
    ck_assert_double_eq(fabs(v), 1);
}
END_TEST

/* A matrix of zeros has the singular values 0 and still has directions of length 1. */
START_TEST(zero)
{
    double a[12] = {0}, s[3], vt[12];
    svd(3, 4, a, s, vt);
    for (int i = 0; i < 3; i++) {
        double norm = 0;
        ck_assert_double_eq(s[i], 0);
        for (int k = 0; k < 4; k++) norm += vt[i * 4 + k] * vt[i * 4 + k];
        ck_assert_double_eq_tol(norm, 1, 1e-14);
    }
}
END_TEST

static double dot(const double *p, const double *q, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += p[i] * q[i];
    return sum;
}

static const size_t sizes[][2] = {{5, 5}, {4, 9}, {9, 4}, {1, 6}, {6, 1}, {40, 130}, {130, 40}};

/* V'V = I; the columns of A V are orthogonal and have the lengths s, so A = (A V S^-1) S V'; A V V' = A. */
START_TEST(defining)
{
    size_t m = sizes[_i][0], n = sizes[_i][1], r = m < n ? m : n;
    pal_tensor *t = random_tensor(c, PAL_F64, PAL_SHAPE((int64_t)m, (int64_t)n), -1, 1, "svd");
    const double *a = t->data;
    double *s = malloc(r * sizeof *s), *alone = malloc(r * sizeof *alone), *vt = malloc(r * n * sizeof *vt);
    double *us = malloc(r * m * sizeof *us); /* (A V)' */
    svd(m, n, a, s, vt);
    svd(m, n, a, alone, NULL);
    for (size_t i = 0; i < r; i++) {
        ck_assert_double_eq_tol(s[i], alone[i], 1e-12);
        if (i) ck_assert_double_le(s[i], s[i - 1]);
        for (size_t k = 0; k < m; k++) us[i * m + k] = dot(a + k * n, vt + i * n, n);
    }
    for (size_t i = 0; i < r; i++)
        for (size_t k = 0; k < r; k++) {
            ck_assert_double_eq_tol(dot(vt + i * n, vt + k * n, n), i == k, 1e-12);
            ck_assert_double_eq_tol(dot(us + i * m, us + k * m, m), i == k ? s[i] * s[i] : 0, 1e-11);
        }
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < n; k++) {
            double sum = 0;
            for (size_t j = 0; j < r; j++) sum += us[j * m + i] * vt[j * n + k];
            ck_assert_double_eq_tol(sum, a[i * n + k], 1e-12);
        }
    free(us);
    free(vt);
    free(alone);
    free(s);
    pal_tensor_free(t);
}
END_TEST

START_TEST(refused)
{
    double a[4] = {1, 2, NAN, 4}, s[2];
    pal_error err = {0};
    ck_assert_int_eq(palt__svd(c, 2, 2, a, s, NULL, &err), PAL_ERR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(err.text, "not finite"));
    ck_assert_int_eq(palt__svd(c, 0, 3, a, s, NULL, NULL), PAL_OK);
    ck_assert_int_eq(palt__svd(c, (size_t)1 << 40, 1, a, s, NULL, &err), PAL_ERR_SHAPE);
}
END_TEST

Suite *svd_suite(void)
{
    Suite *suite = suite_create("svd");
    TCase *group = add_case(suite, "svd", setup, teardown, TESTS(known, of_one, zero, refused));
    tcase_add_loop_test(group, defining, 0, sizeof sizes / sizeof *sizes);
    return suite;
}
