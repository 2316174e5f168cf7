/* elementwise_type.h - the vector kernels of elementwise.def's rows for one real type T; included by
 * elementwise_kernels.c for each. Buffers are padded, so there are no tails; out may be an operand. */
#include "ops/elementwise_functions.h"

#define ONE(name, PARAMETERS, R, value)                                                                                \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        PARAMETERS                                                                                                     \
        R *y = out;                                                                                                    \
        const T *px = in[0];                                                                                           \
        LOOP                                                                                                           \
        {                                                                                                              \
            T x = px[i];                                                                                               \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
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
#define PARAMETER(P, i)   const T P = (T)tile->params->r[i];
#define PARAMETERS2(P, Q) PARAMETER(P, 0) PARAMETER(Q, 1)

#define UNARY(name, formula, value, ...)                         ONE(name, , T, value)
#define UNARY_P(name, P, sample, valid, formula, value, ...)     ONE(name, PARAMETER(P, 0), T, value)
#define UNARY_PQ(name, P, Q, sp, sq, valid, formula, value, ...) ONE(name, PARAMETERS2(P, Q), T, value)
#define STEP(name, formula, value, ...)                          ONE(name, , T, value)
#define PREDICATE(name, formula, value, ...)                     ONE(name, , uint8_t, value)
#define BINARY(name, formula, value, ...)                        PAIR(name, T, value)
#define COMPARE(name, formula, value, ...)                       PAIR(name, uint8_t, value)
#include "ops/elementwise.def"
#undef ONE
#undef PAIR
#undef PARAMETER
#undef PARAMETERS2

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
