/* factor_type.h - the kernels of factor.c for one real type T, with BLAS's routines TRSM and SYRK; matrices are
 * row-major. */

/* The lower factor in place of the lower triangle, n at most LEAF: column by column, each taken out of what remains.
 * Returns the order of the leading minor that is not positive; 0: all are. */
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

/* [L11 0; L21 L22] of [A11 .; A21 A22]: L21 = A21 L11^-T, L22 the factor of A22 - L21 L21^T. */
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

/* Substitution, forward or, by L^T, backward: what BLAS takes longer to prepare than to do. */
static void FN(substitute)(const solve_job *j, const T *l, T *x, int64_t width)
{
    int64_t n = j->n;
    for (int64_t step = 0; step < n; step++) {
        int64_t i = j->transposed ? n - 1 - step : step, first = j->transposed ? 0 : i + 1, end = j->transposed ? i : n;
        T *row = x + i * j->k, pivot = l[i * n + i];
        for (int64_t c = 0; c < width; c++) row[c] /= pivot;
        for (int64_t r = first; r < end; r++) {
            T factor = j->transposed ? l[i * n + r] : l[r * n + i];
            for (int64_t c = 0; c < width; c++) x[r * j->k + c] -= factor * row[c];
        }
    }
}

/* Columns first .. first + width - 1 of one system. */
static void FN(solve)(const solve_job *j, const void *l, const void *b, void *x, int64_t first, int64_t width)
{
    const T *from = (const T *)b + first;
    T *to = (T *)x + first;
    for (int64_t i = 0; i < j->n; i++) memcpy(to + i * j->k, from + i * j->k, (size_t)width * sizeof(T));
    if (j->small) {
        FN(substitute)(j, l, to, width);
        return;
    }
    pal_blas_begin(j->call->context);
    TRSM(CblasRowMajor, CblasLeft, CblasLower, j->transposed ? CblasTrans : CblasNoTrans, CblasNonUnit, (int)j->n,
         (int)width, 1, l, (int)j->n, to, (int)j->k);
    pal_blas_end(j->call->context);
}

/* Row i of a matrix. A weight of 0 gives 0 whatever it weighs. */
static void FN(lower_row)(const void *in, void *out, int64_t i, int64_t columns, const double *weight)
{
    const T *x = in, below = (T)weight[0], on = (T)weight[1];
    T *y = out;
    int64_t end = i < columns ? i : columns, k = 0;
    if (below != 0)
        for (; k < end; k++) y[k] = below * x[k];
    for (; k < end; k++) y[k] = 0;
    if (k < columns) y[k] = on != 0 ? on * x[k] : 0;
    for (k++; k < columns; k++) y[k] = 0;
}
