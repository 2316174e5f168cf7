/* kernels_type.h - the engine's own inner loops for one real type T; kernels.c includes it once per type. sum_block and
 * sum_columns define a sum (see sum.c): everything that computes a sum must use them. */

void FN(add)(size_t n, void *out, const void *const *in, const pal_tile *tile)
{
    (void)tile;
    T *y = out;
    const T *a = in[0], *b = in[1];
    n = (n + PAL_TILE_PAD - 1) / PAL_TILE_PAD * PAL_TILE_PAD;
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

/* out may be a or b. */
void FN(plus)(size_t n, void *out, const void *a, const void *b)
{
    T *y = out;
    const T *u = a, *v = b;
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = u[i] + v[i];
}

/* One block of a sum: element i is added to partial sum i % 16; a fixed tree adds the 16. n <= PAL__SUM_BLOCK. */
T FN(sum_block)(const T *x, size_t n)
{
    T p[16] = {0};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
#pragma omp simd
        for (size_t j = 0; j < 16; j++) p[j] += x[i + j];
    }
    for (size_t j = 0; i + j < n; j++) p[j] += x[i + j];
    for (size_t half = 8; half; half /= 2)
        for (size_t j = 0; j < half; j++) p[j] += p[j + half];
    return p[0];
}

/* The same for `columns` neighbouring sums at once, at most PAL__SUM_COLUMNS. Row r begins at x + r * stride. */
void FN(sum_columns)(const T *x, int64_t stride, size_t rows, size_t columns, T *out)
{
    T p[16][PAL__SUM_COLUMNS];
    memset(p, 0, sizeof p);
    for (size_t r = 0; r < rows; r++) {
        const T *row = x + (int64_t)r * stride;
        T *to = p[r % 16];
#pragma omp simd
        for (size_t c = 0; c < columns; c++) to[c] += row[c];
    }
    for (size_t half = 8; half; half /= 2)
        for (size_t j = 0; j < half; j++) {
#pragma omp simd
            for (size_t c = 0; c < columns; c++) p[j][c] += p[j + half][c];
        }
    for (size_t c = 0; c < columns; c++) out[c] = p[0][c];
}
