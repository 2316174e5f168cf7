/* elementwise_type.h - the vector kernels of the rows of elementwise.def for one real type T; elementwise_kernels.c
 * includes it for each type. Buffers are padded to whole vectors, so the loops need no remainder. out may be an
 * operand. */
#include "ops/elementwise_functions.h"

#define ONE(name, PARAMETERS, R, loops, value)                                                                         \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        PARAMETERS                                                                                                     \
        R *y = out;                                                                                                    \
        const T *px = in[0];                                                                                           \
        LOOP(loops)                                                                                                    \
        {                                                                                                              \
            T x = px[i];                                                                                               \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
#define PAIR(name, R, loops, value)                                                                                    \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        R *y = out;                                                                                                    \
        const T *pa = in[0], *pb = in[1];                                                                              \
        LOOP(loops)                                                                                                    \
        {                                                                                                              \
            T a = pa[i], b = pb[i];                                                                                    \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
#define PARAMETER(P, i)   const T P = (T)tile->params->r[i];
#define PARAMETERS2(P, Q) PARAMETER(P, 0) PARAMETER(Q, 1)

#define UNARY(name, formula, loops, value, ...)                         ONE(name, , T, loops, value)
#define UNARY_P(name, P, sample, valid, formula, loops, value, ...)     ONE(name, PARAMETER(P, 0), T, loops, value)
#define UNARY_PQ(name, P, Q, sp, sq, valid, formula, loops, value, ...) ONE(name, PARAMETERS2(P, Q), T, loops, value)
#define STEP(name, formula, value, ...)                                 ONE(name, , T, BOTH, value)
#define PREDICATE(name, formula, value, ...)                            ONE(name, , uint8_t, BOTH, value)
#define BINARY(name, formula, loops, value, ...)                        PAIR(name, T, loops, value)
#define COMPARE(name, formula, value, ...)                              PAIR(name, uint8_t, BOTH, value)
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
    LOOP(BOTH) y[i] = c[i] ? a[i] : b[i];
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

#include "ops/super_type.h"
