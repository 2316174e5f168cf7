/* conv_kernels.c - patches of images to columns and back. Built once for each instruction set: PAL_ISA_NAME is its
 * suffix. */
#include "ops/conv_internal.h"

#include <string.h>

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)

typedef struct span {
    int64_t begin, end;
} span;

/* The positions from .. to-1 at which offset + position * stride lies in 0 .. size-1. */
static inline span inside(int64_t from, int64_t to, int64_t offset, int64_t stride, int64_t size)
{
    int64_t begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t end = offset < size ? (size - 1 - offset) / stride + 1 : 0;
    span s = {begin > from ? begin : from, end < to ? end : to};
    if (s.begin > to) s.begin = to;
    if (s.end < s.begin) s.end = s.begin;
    return s;
}

#define T        float
#define FN(name) JOIN(name, f32, PAL_ISA_NAME)
#define LOAD     load_f32
#define ADD      add_f32
#define CLEAR    clear_f32
#include "ops/conv_kernels_type.h"
#undef T
#undef FN
#undef LOAD
#undef ADD
#undef CLEAR

#define T        double
#define FN(name) JOIN(name, f64, PAL_ISA_NAME)
#define LOAD     load_f64
#define ADD      add_f64
#define CLEAR    clear_f64
#include "ops/conv_kernels_type.h"
