/* plain_blas_type.h - the product of plain_blas.c for one element type T, named GEMM. */
void GEMM(int order, int ta, int tb, int m, int n, int k, T alpha, const T *a, int lda, const T *b, int ldb, T beta,
          T *c, int ldc);

void GEMM(int order, int ta, int tb, int m, int n, int k, T alpha, const T *a, int lda, const T *b, int ldb, T beta,
          T *c, int ldc)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            T sum = 0, *to = c + at(order, ldc, i, j);
            for (int p = 0; p < k; p++)
                sum += a[ta == TRANSPOSED ? at(order, lda, p, i) : at(order, lda, i, p)] *
                       b[tb == TRANSPOSED ? at(order, ldb, j, p) : at(order, ldb, p, j)];
            *to = beta == 0 ? alpha * sum : alpha * sum + beta * *to;
        }
}
