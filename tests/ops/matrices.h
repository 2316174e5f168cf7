/* matrices.h - helpers shared by the suites of Einstein sums and of matrix factors: tensors that a test keeps until it
 * releases them, values as doubles, comparisons. */
#ifndef PAL_MATRICES_H
#define PAL_MATRICES_H

#include "tests/ops/fixture.h"

#include <math.h>

/* The tensors of a test; release() frees them. */
static pal_tensor *kept[64];
static size_t n_kept;

static inline pal_var keep(pal_tensor *tensor)
{
    ck_assert_uint_lt(n_kept, 64);
    return pal_leaf(t, kept[n_kept++] = tensor, NULL);
}

static inline void release(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    while (n_kept) pal_tensor_free(kept[--n_kept]);
}

static inline pal_var numbers(pal_dtype dtype, pal_shape shape, const char *stream)
{
    return keep(random_tensor(c, dtype, shape, -1, 1, stream));
}

static inline pal_var values(pal_shape shape, const double *x)
{
    pal_tensor *v = pal_tensor_new(c, PAL_F64, shape);
    for (size_t i = 0; i < pal_tensor_count(v); i++) pal_tensor_set(v, i, x[i]);
    return keep(v);
}

/* The elements of x as doubles. The caller frees them. */
static inline double *eval(pal_var x)
{
    double *out = malloc(((size_t)pal_shape_count(pal_shape_of(x)) + 1) * sizeof *out);
    pal_var wide = pal_cast(x, PAL_F64);
    ck_assert_tape_ok(t);
    ck_assert_msg(pal_eval(wide, out) == PAL_OK, "%s", pal_tape_error(t));
    return out;
}

static inline void near(pal_var x, pal_var y, double tolerance)
{
    ck_assert_tape_ok(t);
    ck_assert(pal_shape_equal(pal_shape_of(x), pal_shape_of(y)));
    double *a = eval(x), *b = eval(y), largest = 0;
    size_t n = (size_t)pal_shape_count(pal_shape_of(x));
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(b[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= tolerance * largest, "element %zu: %.17g, not %.17g", i, a[i], b[i]);
    free(a);
    free(b);
}

static inline void refused(pal_var v, const char *text)
{
    ck_assert(!pal_ok(v));
    ck_assert_ptr_nonnull(pal_tape_error(t));
    ck_assert_str_eq(pal_tape_error(t), text);
    release();
}

static inline pal_var identity(int64_t n)
{
    pal_tensor *e = pal_tensor_new(c, PAL_F64, PAL_SHAPE(n, n));
    for (int64_t i = 0; i < n; i++) pal_tensor_set(e, (size_t)(i * n + i), 1);
    return keep(e);
}

/* A positive definite matrix: x x^T / n + I. */
static inline pal_var definite(pal_var x)
{
    int64_t n = pal_shape_of(x).dim[pal_shape_of(x).rank - 1];
    pal_var product = pal_scale(pal_matmul_t(x, x, false, true), 1 / fmax(1, (double)n));
    return pal_add(product, pal_cast(identity(n), pal_dtype_of(x)));
}

#endif
