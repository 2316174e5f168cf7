/* fold_type.h - one row folded to one value; included by fold_kernels.c for each type T, with FN, START and
 * FOLD(a, b), a the newer. Element i goes into partial i % 16 and the partials are joined by a fixed tree, so that the
 * bits are those of the definition on every instruction set. */
T FN(const T *x, size_t n)
{
    T p[16];
    size_t i = 0;
    for (size_t j = 0; j < 16; j++) p[j] = START;
    for (; i + 16 <= n; i += 16) {
#pragma omp simd
        for (size_t j = 0; j < 16; j++) p[j] = FOLD(x[i + j], p[j]);
    }
    for (size_t j = 0; i + j < n; j++) p[j] = FOLD(x[i + j], p[j]);
    for (size_t half = 8; half; half /= 2)
        for (size_t j = 0; j < half; j++) p[j] = FOLD(p[j + half], p[j]);
    return p[0];
}
