/* vectors_type.h - the passes over vectors, for one real type T; vectors_kernels.c includes it once per type.
 *
 * A pass is a row: how many sums it has, and what it does with element e. W elements are done at once, a cache line.
 * Scalars, products and sums are of type double. Sum k goes to lane e % W of sum[k]; the lanes are added by a fixed
 * tree. The order depends on the element's place alone, so bits do not depend on threads or instruction sets. n <=
 * PAL__SUM_BLOCK. */

enum { FN(W) = 64 / sizeof(T) };

#define PASS(name, sums, ...)                                                                                          \
    static void FN(name)(size_t n, void *const *v, const double *s, double *out)                                       \
    {                                                                                                                  \
        enum { SUMS = sums, W = FN(W) };                                                                               \
        double sum[SUMS + 1][W];                                                                                       \
        memset(sum, 0, sizeof sum);                                                                                    \
        (void)s;                                                                                                       \
        for (size_t i = 0; i < n; i += W) {                                                                            \
            _Pragma("omp simd") for (size_t l = 0; l < W; l++)                                                         \
            {                                                                                                          \
                const size_t e = i + l;                                                                                \
                __VA_ARGS__                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
        for (int k = 0; k < SUMS; k++) {                                                                               \
            for (size_t half = W / 2; half; half /= 2)                                                                 \
                for (size_t l = 0; l < half; l++) sum[k][l] += sum[k][l + half];                                       \
            out[k] = sum[k][0];                                                                                        \
        }                                                                                                              \
    }
#define IN(k)         ((double)((const T *)v[k])[e])
#define OUT(k, value) ((T *)v[k])[e] = (T)(value);
#define SUM(k, term)  sum[k][l] += (term);

/* clang-format off */
PASS(dot, 1, SUM(0, IN(0) * IN(1)))
PASS(step, 0, OUT(0, IN(1) + s[0] * IN(2)))
PASS(scaled, 0, OUT(0, s[0] * IN(1)))
PASS(add, 1, OUT(0, IN(0) + s[0] * IN(1)) SUM(0, IN(0) * IN(2)))
PASS(add_scaled, 1, OUT(0, s[1] * (IN(0) + s[0] * IN(1))) SUM(0, IN(0) * IN(2)))
PASS(pair, 2, OUT(0, IN(2) - IN(3)) OUT(1, IN(4) - IN(5)) SUM(0, IN(0) * IN(1)) SUM(1, IN(1) * IN(1)))
PASS(change, 3, SUM(0, IN(0) * IN(0)) SUM(1, IN(0) * (IN(0) - IN(1))) SUM(2, IN(0) * IN(1)))
PASS(conjugate, 1, OUT(0, s[0] * IN(0) - IN(1)) SUM(0, IN(0) * IN(1)))
PASS(inner, 5, OUT(0, IN(0) + s[0] * IN(2)) OUT(1, IN(1) - s[0] * IN(3))
     SUM(0, IN(1) * (IN(1) / IN(5))) SUM(1, fabs(IN(1))) SUM(2, IN(0) * (IN(1) - IN(4)))
     SUM(3, IN(0) * IN(0)) SUM(4, IN(0) * IN(4)))
PASS(inner_next, 0, OUT(0, IN(1) / IN(2) + s[0] * IN(0)))
PASS(damp, 2, OUT(0, IN(0) + s[0] * IN(1)) SUM(0, IN(0) * IN(1)) SUM(1, IN(1) * IN(1)))
PASS(residual, 0, OUT(0, -IN(1) - IN(2)))
PASS(precondition, 0, OUT(0, pow(IN(0) + s[0], s[1])))
/* clang-format on */

/* The third is no sum but the largest, which is NaN if any element is: a'a is NaN then, too. */
static void FN(size)(size_t n, void *const *v, const double *s, double *out)
{
    enum { W = FN(W) };
    double sum[2][W], most[W];
    memset(sum, 0, sizeof sum);
    memset(most, 0, sizeof most);
    (void)s;
    for (size_t i = 0; i < n; i += W) {
#pragma omp simd
        for (size_t l = 0; l < W; l++) {
            const double a = fabs((double)((const T *)v[0])[i + l]);
            sum[0][l] += a * a;
            sum[1][l] += a;
            most[l] = a > most[l] ? a : most[l];
        }
    }
    for (size_t half = W / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++) {
            sum[0][l] += sum[0][l + half];
            sum[1][l] += sum[1][l + half];
            most[l] = most[l + half] > most[l] ? most[l + half] : most[l];
        }
    out[0] = sum[0][0];
    out[1] = sum[1][0];
    out[2] = most[0];
}

#undef IN
#undef SUM
#undef PASS
#undef OUT
