/* svd.c - the singular value decomposition of a dense matrix, by the divide and conquer method of LAPACK.
 *
 * A [rows, columns] = U diag(s) V', with r = min(rows, columns). s [r] is descending, and V' [r, columns] has
 * orthonormal rows. The right singular vectors are directions in the space of a row. If the rows are centred samples,
 * they are the principal components. For a Jacobian [code, features], they are the tangents in the space of the input.
 * For a symmetric matrix without negative eigenvalues (a covariance), s and V' are eigenvalues and eigenvectors.
 *
 * LAPACK is part of OpenBLAS. It runs on one thread, so that the bits do not depend on the number of threads. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/operation.h"
#include "train/internal.h"

/* The Fortran interface: arguments by reference, matrices column-major, the length of the text last. */
void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
             const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info,
             size_t jobz_length);

/* Our rows are columns in Fortran, which therefore sees A' [columns, rows]. Its left singular vectors are our right
 * ones. `other` receives its right singular vectors, [r, rows]. They are not used, but LAPACK returns both or none. */
static int decompose(int rows, int columns, double *a, double *s, double *vt, double *other, double *work, int size,
                     int *integers)
{
    int least = rows < columns ? rows : columns, ldu = vt ? columns : 1, ldvt = vt ? least : 1, info = 0;
    dgesdd_(vt ? "S" : "N", &columns, &rows, a, &columns, s, vt, &ldu, other, &ldvt, work, &size, integers, &info, 1);
    return info;
}

pal_status palt__svd(pal_context *context, size_t rows, size_t columns, double *a, double *s, double *vt,
                     pal_error *err)
{
    if (!rows || !columns) return PAL_OK;
    if (rows > INT_MAX / 8 || columns > INT_MAX / 8)
        return pal_error_set(err, PAL_ERR_SHAPE, "svd: a matrix of %zu by %zu is too large", rows, columns);
    for (size_t i = 0; i < rows * columns; i++)
        if (!isfinite(a[i])) return pal_error_set(err, PAL_ERR_NUMERIC, "svd: the matrix is not finite");
    size_t least = rows < columns ? rows : columns;
    int m = (int)rows, n = (int)columns, info = 1;
    double wanted = 0, *work = NULL, *other = vt ? malloc(least * rows * sizeof *other) : NULL;
    int *integers = malloc(8 * least * sizeof *integers);
    bool enough = integers && (other || !vt);
    if (enough) { /* size -1: returns the required workspace size in `wanted` */
        info = decompose(m, n, a, s, vt, other, &wanted, -1, integers);
        work = info ? NULL : malloc((size_t)wanted * sizeof *work);
        enough = work != NULL;
    }
    if (enough) {
        int entered = pal_blas_enter(context);
        enough = entered >= 0;
        if (enough) info = decompose(m, n, a, s, vt, other, work, (int)wanted, integers);
        if (enough) pal_blas_leave(context, entered);
    }
    free(work);
    free(other);
    free(integers);
    if (!enough) return palt__no_memory(err);
    return info ? pal_error_set(err, PAL_ERR_NUMERIC, "svd: the singular values did not converge") : PAL_OK;
}
