/* tree_type.h - a sum of terms over a row. fold_kernels.c and spread_kernels.c include it for each type T, with FN and
 * BLOCK, the names of the function and of its helper, and TERM(x), a term, which may use factor and shift. The order of
 * the additions is that of a sum (autograd/machine/sum.c): 16 partial sums in each block, and the blocks are joined
 * pairwise. */
static T BLOCK(const T *x, size_t n, T factor, T shift)
{
    T p[16] = {0};
    size_t i = 0;
    (void)shift;
    for (; i + 16 <= n; i += 16) {
#pragma omp simd
        for (size_t j = 0; j < 16; j++) p[j] += TERM(x[i + j]);
    }
    for (size_t j = 0; i + j < n; j++) p[j] += TERM(x[i + j]);
    for (size_t half = 8; half; half /= 2)
        for (size_t j = 0; j < half; j++) p[j] += p[j + half];
    return p[0];
}

T FN(const T *x, size_t n, T factor, T shift)
{
    size_t left = 512;
    if (n <= left) return BLOCK(x, n, factor, shift);
    while (2 * left < n) left *= 2;
    return FN(x, left, factor, shift) + FN(x + left, n - left, factor, shift);
}
