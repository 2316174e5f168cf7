/* triangular_type.h - the kernels of triangular.c for one real type T, with the BLAS routine TRSM. Matrices are
 * row-major. */

/* Forward substitution, or backward substitution with L^T. For small systems, where a call of BLAS costs more than the
 * work itself. */
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

/* Solves for columns first .. first + width - 1 of one system. */
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

/* Row i of a matrix. A weight of 0 gives 0, even for infinity and NaN. */
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
