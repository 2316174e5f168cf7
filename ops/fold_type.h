/* fold_type.h - reduces one row to one value. fold_kernels.c includes it for each type T, with FN, START and FOLD; the
 * first argument of FOLD is the newer value. Element i goes into partial i % 16, and a fixed tree joins the partials.
 * So the bits are the same on every instruction set. */
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
