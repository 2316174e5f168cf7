/* fold_kernels.c - the largest and smallest element, the product, and the sum of squares of a row. This file is built
 * once per instruction set, with PAL_ISA_NAME as the suffix of its functions. The largest and the smallest element are
 * NaN if any element is. */
#include "ops/axes.h"

#include <math.h>

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)

#define LARGER(a, b)  ((a) > (b))
#define SMALLER(a, b) ((a) < (b))
#define PRODUCT(a, b) ((b) * (a))
#define TERM(x)       (((x)*factor) * ((x)*factor))

#define T       float
#define FN      JOIN(row_max, f32, PAL_ISA_NAME)
#define COLUMNS JOIN(column_max, f32, PAL_ISA_NAME)
#define START   -INFINITY
#define BEATS   LARGER
#include "ops/extreme_type.h"
#undef FN
#undef START
#undef BEATS
#undef COLUMNS
#define FN      JOIN(row_min, f32, PAL_ISA_NAME)
#define COLUMNS JOIN(column_min, f32, PAL_ISA_NAME)
#define START   INFINITY
#define BEATS   SMALLER
#include "ops/extreme_type.h"
#undef FN
#undef START
#undef BEATS
#undef COLUMNS
#define FN    JOIN(row_prod, f32, PAL_ISA_NAME)
#define START 1
#define FOLD  PRODUCT
#include "ops/fold_type.h"
#undef FN
#undef START
#undef FOLD
#define FN    JOIN(row_squares, f32, PAL_ISA_NAME)
#define BLOCK JOIN(row_squares_block, f32, PAL_ISA_NAME)
#include "ops/tree_type.h"
#undef T
#undef FN
#undef BLOCK

#define T       double
#define FN      JOIN(row_max, f64, PAL_ISA_NAME)
#define COLUMNS JOIN(column_max, f64, PAL_ISA_NAME)
#define START   -(double)INFINITY
#define BEATS   LARGER
#include "ops/extreme_type.h"
#undef FN
#undef START
#undef BEATS
#undef COLUMNS
#define FN      JOIN(row_min, f64, PAL_ISA_NAME)
#define COLUMNS JOIN(column_min, f64, PAL_ISA_NAME)
#define START   (double)INFINITY
#define BEATS   SMALLER
#include "ops/extreme_type.h"
#undef FN
#undef START
#undef BEATS
#undef COLUMNS
#define FN    JOIN(row_prod, f64, PAL_ISA_NAME)
#define START 1
#define FOLD  PRODUCT
#include "ops/fold_type.h"
#undef FN
#undef START
#undef FOLD
#define FN    JOIN(row_squares, f64, PAL_ISA_NAME)
#define BLOCK JOIN(row_squares_block, f64, PAL_ISA_NAME)
#include "ops/tree_type.h"
