/* elementwise_kernels.c - the vector kernels of the elementwise and random operations. Built once for each instruction
 * set: PAL_ISA_NAME is its suffix. Plain expressions that the compiler vectorises. */
#include "ops/internal.h"

#include "autograd/noise_kernels.h"
#include "autograd/vecmath.h"

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)

#define EXP(x)   MATH(exp)(x)
#define EXPM1(x) MATH(expm1)(x)
#define LOG(x)   MATH(log)(x)
#define LOG1P(x) MATH(log1p)(x)
#define SIN(x)   MATH(sin)(x)
#define COS(x)   MATH(cos)(x)
#define TANH(x)  MATH(tanh)(x)

#define SIGMOID(x)  MATH(sigmoid)(x)
#define SOFTPLUS(x) MATH(softplus)(x)

#define T        float
#define FN(name) JOIN(name, f32, PAL_ISA_NAME)
#define MATH(f)  pal__##f##_f32
#define ABS(x)   __builtin_fabsf(x)
#define SQRT(x)  __builtin_sqrtf(x)
#include "ops/elementwise_type.h"
#undef T
#undef FN
#undef MATH
#undef ABS
#undef SQRT

#define T        double
#define FN(name) JOIN(name, f64, PAL_ISA_NAME)
#define MATH(f)  pal__##f##_f64
#define ABS(x)   __builtin_fabs(x)
#define SQRT(x)  __builtin_sqrt(x)
#include "ops/elementwise_type.h"
