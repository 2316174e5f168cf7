/* elementwise_type.h - the vector kernels of elementwise.def's rows for one real type T; included by
 * elementwise_kernels.c for each. Buffers are padded, so there are no tails; out may be an operand. */

/* Both of e = e^-|x|, which never overflows: 1/(1+e) on the right, e/(1+e) on the left. The exponential stands outside
 * the choice, so that the compiler can vectorise it. */
static inline T MATH(sigmoid)(T x)
{
    T e = EXP(-ABS(x)), numerator = x < 0 ? e : 1;
    return numerator / (1 + e);
}

static inline T MATH(softplus)(T x)
{
    T l = MATH(log1p_unit)(EXP(-ABS(x))), linear = x < 0 ? 0 : x;
    return linear + l;
}

#define HEAD(name) void FN(name)(size_t n, void *out, const void *const *in, const pal_tile *tile)
#define LOOP                                                                                                           \
    n = (n + PAL_TILE_PAD - 1) / PAL_TILE_PAD * PAL_TILE_PAD;                                                          \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)

#define UNARY(name, formula, value, ...)                                                                               \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        T *y = out;                                                                                                    \
        const T *px = in[0];                                                                                           \
        LOOP                                                                                                           \
        {                                                                                                              \
            T x = px[i];                                                                                               \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
#define STEP UNARY
#define PAIR(name, R, value)                                                                                           \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        R *y = out;                                                                                                    \
        const T *pa = in[0], *pb = in[1];                                                                              \
        LOOP                                                                                                           \
        {                                                                                                              \
            T a = pa[i], b = pb[i];                                                                                    \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
#define BINARY(name, formula, value, ...)  PAIR(name, T, value)
#define COMPARE(name, formula, value, ...) PAIR(name, uint8_t, value)
#include "ops/elementwise.def"
#undef UNARY
#undef STEP
#undef PAIR
#undef BINARY
#undef COMPARE

HEAD(where)
{
    (void)tile;
    T *y = out;
    const uint8_t *c = in[0];
    const T *a = in[1], *b = in[2];
    LOOP y[i] = c[i] ? a[i] : b[i];
}

HEAD(uniform)
{
    (void)in;
    MATH(uniform)(tile->key, tile->clock, tile->index, n, out);
}

HEAD(normal)
{
    (void)in;
    MATH(normal)(tile->key, tile->clock, tile->index, n, out);
}
#undef HEAD
#undef LOOP
