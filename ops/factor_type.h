/* factor_type.h - the kernels of factor.c for one real type T, with the BLAS routines TRSM and SYRK. Matrices are
 * row-major. */

/* Overwrites the lower triangle with the lower factor, for n at most LEAF. It works column by column and subtracts each
 * column from the remaining triangle. Returns the order of the first leading minor that is not positive; 0: all are
 * positive. */
static int64_t FN(factor_leaf)(T *a, int64_t n, int64_t ld)
{
    T column[LEAF];
    for (int64_t j = 0; j < n; j++) {
        T pivot = a[j * ld + j];
        if (!(pivot > 0)) return j + 1; /* NaN too */
        pivot = FN(root)(pivot);
        a[j * ld + j] = pivot;
        for (int64_t i = j + 1; i < n; i++) column[i] = a[i * ld + j] /= pivot;
        for (int64_t i = j + 1; i < n; i++) {
            T *row = a + i * ld, factor = column[i];
            for (int64_t k = j + 1; k <= i; k++) row[k] -= factor * column[k];
        }
    }
    return 0;
}

/* The factor [L11 0; L21 L22] of [A11 .; A21 A22]: L11 is the factor of A11, L21 = A21 L11^-T, and L22 is the factor of
 * A22 - L21 L21^T. */
static int64_t FN(factor)(const pal_context *context, T *a, int64_t n, int64_t ld)
{
    if (n <= LEAF) return FN(factor_leaf)(a, n, ld);
    int64_t half = (n / 2 + LEAF - 1) / LEAF * LEAF;
    T *below = a + half * ld, *rest = below + half;
    int64_t failed = FN(factor)(context, a, half, ld);
    if (failed) return failed;
    pal_blas_begin(context);
    TRSM(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)(n - half), (int)half, 1, a, (int)ld,
         below, (int)ld);
    SYRK(CblasRowMajor, CblasLower, CblasNoTrans, (int)(n - half), (int)half, -1, below, (int)ld, 1, rest, (int)ld);
    pal_blas_end(context);
    failed = FN(factor)(context, rest, n - half, ld);
    return failed ? half + failed : 0;
}

static int64_t FN(cholesky)(const pal_context *context, const void *in, void *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        T *row = (T *)out + i * n;
        memcpy(row, (const T *)in + i * n, (size_t)(i + 1) * sizeof(T));
        for (int64_t k = i + 1; k < n; k++) row[k] = 0;
    }
    return FN(factor)(context, out, n, n);
}
