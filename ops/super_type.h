/* super_type.h - the kernels of the superinstructions of super.def for one real type T; included by elementwise_type.h.
 * Each step is the expression of its row in elementwise.def, so that its bits are those of the operation. */

#define UNARY(name, formula, loops, value, ...)                                                                        \
    static inline T FN(only_##name)(T x) { return value; }
#define BINARY(name, formula, loops, value, ...)                                                                       \
    static inline T FN(only_##name)(T a, T b) { return value; }
#include "ops/elementwise.def"
static inline T FN(only_add)(T a, T b) { return a + b; }

#define IN(i)            const T v##i = ((const T *)in[i])[at];
#define ONE(k, op, a)    const T v##k = FN(only_##op)(v##a);
#define TWO(k, op, a, b) const T v##k = FN(only_##op)(v##a, v##b);
#define OUT(j, k)        ((T *)out[j])[at] = v##k;
#define SUPER(name, formula, n_in, ins, steps, n_out, outs)                                                            \
    void FN(super_##name)(size_t n, void *const *out, const void *const *in)                                           \
    {                                                                                                                  \
        n = (n + PAL_TILE_PAD - 1) / PAL_TILE_PAD * PAL_TILE_PAD;                                                      \
        _Pragma("omp simd") for (size_t at = 0; at < n; at++) { ins steps outs }                                       \
    }
#include "ops/super.def"
