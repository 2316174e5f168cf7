/* elementwise_kernels.c - the vector kernels of the elementwise and random operations.
 *
 * This file is built once per instruction set, with PAL_ISA_NAME as the suffix of its functions. The compiler
 * vectorises the plain expressions, except those that call the C library or special.c. */
#include "ops/elementwise.h"

#include "autograd/machine/noise_kernels.h"
#include "autograd/machine/vecmath.h"
#include "ops/special.h"

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)
#define HEAD(name)     void FN(name)(size_t n, void *out, const void *const *in, const pal_tile *tile)
#define LOOP(loops)                                                                                                    \
    n = (n + PAL_TILE_PAD - 1) / PAL_TILE_PAD * PAL_TILE_PAD;                                                          \
    VECTORISED_##loops for (size_t i = 0; i < n; i++)
#define VECTORISED_BOTH _Pragma("omp simd")
#define VECTORISED_NEITHER

#define EXP(x)   MATH(exp)(x)
#define EXPM1(x) MATH(expm1)(x)
#define LOG(x)   MATH(log)(x)
#define LOG1P(x) MATH(log1p)(x)
#define SIN(x)   MATH(sin)(x)
#define COS(x)   MATH(cos)(x)
#define TANH(x)  MATH(tanh)(x)

#define SIGMOID(x)          MATH(sigmoid)(x)
#define SOFTPLUS(x)         MATH(softplus)(x)
#define CROSS_ENTROPY(a, b) MATH(cross_entropy)(a, b)

#define T                 float
#define FN(name)          JOIN(name, f32, PAL_ISA_NAME)
#define MATH(f)           pal__##f##_f32
#define ABS(x)            __builtin_fabsf(x)
#define SQRT(x)           __builtin_sqrtf(x)
#define COPYSIGN(x, s)    pal__sign_of_f32(x, s)
#define FMOD(a, b)        fmodf(a, b)
#define VECTORISED_FLOATS _Pragma("omp simd")
#include "ops/elementwise_type.h"
#undef T
#undef FN
#undef MATH
#undef ABS
#undef SQRT
#undef COPYSIGN
#undef FMOD
#undef VECTORISED_FLOATS

#define T              double
#define FN(name)       JOIN(name, f64, PAL_ISA_NAME)
#define MATH(f)        pal__##f##_f64
#define ABS(x)         __builtin_fabs(x)
#define SQRT(x)        __builtin_sqrt(x)
#define COPYSIGN(x, s) pal__sign_of_f64(x, s)
#define FMOD(a, b)     fmod(a, b)
#define VECTORISED_FLOATS
#include "ops/elementwise_type.h"
#undef FN

/* A boolean is one byte, 0 or 1. */
#define FN(name) JOIN(name, boolean, PAL_ISA_NAME)
#define NOT(name, formula, value, ...)                                                                                 \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        uint8_t *y = out;                                                                                              \
        const uint8_t *px = in[0];                                                                                     \
        LOOP(BOTH)                                                                                                     \
        {                                                                                                              \
            uint8_t x = px[i];                                                                                         \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
#define LOGICAL(name, formula, value, ...)                                                                             \
    HEAD(name)                                                                                                         \
    {                                                                                                                  \
        (void)tile;                                                                                                    \
        uint8_t *y = out;                                                                                              \
        const uint8_t *pa = in[0], *pb = in[1];                                                                        \
        LOOP(BOTH)                                                                                                     \
        {                                                                                                              \
            uint8_t a = pa[i], b = pb[i];                                                                              \
            y[i] = value;                                                                                              \
        }                                                                                                              \
    }
#include "ops/elementwise.def"
