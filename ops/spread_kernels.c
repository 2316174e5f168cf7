/* spread_kernels.c - sums and differences for the mean and the variance of a row. This file is built once per
 * instruction set, with PAL_ISA_NAME as the suffix of its functions. */
#include "ops/axes.h"

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)

#define TOTAL(x)  ((x)*factor)
#define SQUARE(x) (((x)*factor - shift) * ((x)*factor - shift))

#define T     float
#define FN    JOIN(row_total, f32, PAL_ISA_NAME)
#define BLOCK JOIN(row_total_block, f32, PAL_ISA_NAME)
#define TERM  TOTAL
#include "ops/tree_type.h"
#undef FN
#undef BLOCK
#undef TERM
#define FN    JOIN(row_spread, f32, PAL_ISA_NAME)
#define BLOCK JOIN(row_spread_block, f32, PAL_ISA_NAME)
#define TERM  SQUARE
#include "ops/tree_type.h"
#undef T
#undef FN
#undef BLOCK
#undef TERM

#define T     double
#define FN    JOIN(row_total, f64, PAL_ISA_NAME)
#define BLOCK JOIN(row_total_block, f64, PAL_ISA_NAME)
#define TERM  TOTAL
#include "ops/tree_type.h"
#undef FN
#undef BLOCK
#undef TERM
#define FN    JOIN(row_spread, f64, PAL_ISA_NAME)
#define BLOCK JOIN(row_spread_block, f64, PAL_ISA_NAME)
#define TERM  SQUARE
#include "ops/tree_type.h"
#undef T

#define AFFINE(T, type)                                                                                                \
    void JOIN(row_affine, type, PAL_ISA_NAME)(const T *x, size_t n, T factor, T shift, T scale, T *out)                \
    {                                                                                                                  \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++) out[i] = (x[i] * factor - shift) * scale;                   \
    }
AFFINE(float, f32)
AFFINE(double, f64)
