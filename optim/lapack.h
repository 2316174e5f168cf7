/* lapack.h - factors of dense symmetric matrices by LAPACK, for rules that precondition: eigenvectors, an orthonormal
 * basis, Cholesky's factor, an inverse; and the products that go with them.
 *
 * All arrays are row-major and of one real type, float32 or float64. The work is done on the calling thread alone and
 * on one thread of BLAS, so that the bits do not depend on the number of threads. Errors: PAL_ERR_NUMERIC if an input
 * or a result is not finite, or the method finds no result; PAL_ERR_SHAPE if n is more than PAL__LAPACK_MOST;
 * PAL_ERR_MEMORY. After an error the arrays hold nothing of use: to keep an old factor, compute into a copy. n = 0 is
 * done at once. */
#ifndef PAL_OPTIM_LAPACK_H
#define PAL_OPTIM_LAPACK_H

#include "autograd/autograd.h"

enum { PAL__LAPACK_MOST = 32000 }; /* the workspace of n^2 numbers is counted in 32 bits */

/* A [n, n], symmetric, becomes E, whose row i is the eigenvector of values[i]: A = E' diag(values) E. The values [n]
 * ascend. Only the triangle below the diagonal of A is read. The divide and conquer method (LAPACK syevd). */
pal_status pal__eigenvectors(const pal_context *context, pal_dtype dtype, size_t n, void *a, void *values,
                             pal_error *err);

/* A [n, n] becomes Q with orthonormal rows, of which the first k span what the first k rows of A span: A = L Q with L
 * lower triangular. This is Q' of the factorisation A' = Q' L' (LAPACK geqrf and orgqr), with the signs that
 * Householder reflections give. Rows that depend on each other, zeros too, still give an orthonormal Q. */
pal_status pal__orthonormal_rows(const pal_context *context, pal_dtype dtype, size_t n, void *a, pal_error *err);

/* A [n, n], symmetric and positive definite, becomes L, lower triangular with zeros above the diagonal: A = L L'
 * (LAPACK potrf). Only the triangle below the diagonal of A is read. Not positive definite: PAL_ERR_NUMERIC. */
pal_status pal__cholesky(const pal_context *context, pal_dtype dtype, size_t n, void *a, pal_error *err);

/* A [n, n], symmetric and positive definite, becomes its inverse, both triangles of it, by Cholesky's factor (LAPACK
 * potrf and potri). Only the triangle below the diagonal of A is read. Not positive definite: PAL_ERR_NUMERIC. */
pal_status pal__inverse(const pal_context *context, pal_dtype dtype, size_t n, void *a, pal_error *err);

/* out = A B, all [n, n]. */
pal_status pal__square_product(const pal_context *context, pal_dtype dtype, size_t n, const void *a, const void *b,
                               void *out, pal_error *err);

/* The bytes that any of these takes while it runs, beside its arguments. */
size_t pal__lapack_room(pal_dtype dtype, size_t n);

#endif
