/* extreme_type.h - the largest or smallest element of a row, or of each of several neighbouring columns. fold_kernels.c
 * includes it for each type T, with FN, COLUMNS, START and BEATS(a, b).
 *
 * If an element is NaN, the result is NaN. When two equal values are compared, the current one is kept. NaNs are
 * collected separately from values until the end, so that each step of both chains is one instruction. Element i goes
 * into partial i % PARTIALS, and a fixed tree joins the partials; a row that is shorter than PARTIALS is computed in
 * order. So the bits are the same on every instruction set. */
#define PARTIALS      (128 / sizeof(T))
#define FURTHER(a, b) ((a) != (a) ? (a) : (b))
#define EXTREME(a, b) (BEATS(a, b) || (a) != (a) ? (a) : (b))
T FN(const T *x, size_t n)
{
    T p[PARTIALS], nan[PARTIALS];
    size_t i = 0;
    if (n < PARTIALS) {
        T y = START;
        for (; i < n; i++) y = EXTREME(x[i], y);
        return y;
    }
    for (size_t j = 0; j < PARTIALS; j++) {
        p[j] = START;
        nan[j] = 0;
    }
    for (; i + PARTIALS <= n; i += PARTIALS) {
#pragma omp simd
        for (size_t j = 0; j < PARTIALS; j++) {
            p[j] = BEATS(x[i + j], p[j]) ? x[i + j] : p[j];
            nan[j] = FURTHER(x[i + j], nan[j]);
        }
    }
    for (size_t j = 0; j < PARTIALS; j++) p[j] = FURTHER(nan[j], p[j]);
    for (size_t j = 0; i + j < n; j++) p[j] = EXTREME(x[i + j], p[j]);
    for (size_t half = PARTIALS / 2; half; half /= 2)
        for (size_t j = 0; j < half; j++) p[j] = EXTREME(p[j + half], p[j]);
    return p[0];
}

/* Rows are stride elements apart and are processed from the first to the last. */
void COLUMNS(const T *x, size_t rows, size_t stride, size_t columns, T *out)
{
    for (size_t c = 0; c < columns; c++) out[c] = START;
    for (size_t r = 0; r < rows; r++, x += stride) {
#pragma omp simd
        for (size_t c = 0; c < columns; c++) out[c] = EXTREME(x[c], out[c]);
    }
}
#undef PARTIALS
#undef FURTHER
#undef EXTREME
