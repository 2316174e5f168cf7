/* vecmath_bits.h - part of vecmath.h: access to the bits of numbers, shared constants, rounding to integers. */
#ifndef PAL_VECMATH_BITS_H
#define PAL_VECMATH_BITS_H

#include <math.h>
#include <stdint.h>

static inline uint32_t pal__bits_f32(float x)
{
    union {
        float real;
        uint32_t bits;
    } u = {.real = x};
    return u.bits;
}

static inline float pal__real_f32(uint32_t bits)
{
    union {
        uint32_t bits;
        float real;
    } u = {.bits = bits};
    return u.real;
}

static inline uint64_t pal__bits_f64(double x)
{
    union {
        double real;
        uint64_t bits;
    } u = {.real = x};
    return u.bits;
}

static inline double pal__real_f64(uint64_t bits)
{
    union {
        uint64_t bits;
        double real;
    } u = {.bits = bits};
    return u.real;
}

/* a * b + c, fused only if that is one instruction: a call of the C library's fma would prevent vectorisation. */
static inline float pal__fma_f32(float a, float b, float c)
{
#ifdef __FMA__
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

static inline double pal__fma_f64(double a, double b, double c)
{
#ifdef __FMA__
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* 1.5 times the least power of two whose unit in the last place is 1. Adding it to a small number rounds the number to
 * an integer and leaves the integer in the low bits. */
#define PAL__ROUND_F32 0x1.8p23f
#define PAL__ROUND_F64 0x1.8p52

/* ln 2 in two parts. The first part has so few bits that its product with any exponent is exact. */
#define PAL__LN2_HI_F32 0x1.62e4p-1f
#define PAL__LN2_LO_F32 0x1.7f7d1cp-20f
#define PAL__LN2_HI_F64 0x1.62e42fefa2p-1
#define PAL__LN2_LO_F64 0x1.9ef35793c7673p-41

/* The bits of sqrt(1/2), the lower end of the range of significands for which logarithms are expanded. */
#define PAL__HALF_ROOT_F32 UINT32_C(0x3f3504f3)
#define PAL__HALF_ROOT_F64 UINT64_C(0x3fe6a09e667f3bcd)

/* ---- Rounding to integers ------------------------------------------------------------------------------------- */

/* Adding 2^23 (2^52 for doubles) to the magnitude rounds it, halves to even. The result has the sign of the argument,
 * also if it is zero. The builtins are not used, since they are function calls if the target lacks the instruction. */
static inline float pal__sign_of_f32(float magnitude, float sign)
{
    return pal__real_f32((pal__bits_f32(magnitude) & 0x7fffffffu) | (pal__bits_f32(sign) & 0x80000000u));
}

static inline double pal__sign_of_f64(double magnitude, double sign)
{
    uint64_t top = UINT64_C(1) << 63;
    return pal__real_f64((pal__bits_f64(magnitude) & ~top) | (pal__bits_f64(sign) & top));
}

static inline float pal__rint_f32(float x)
{
    float a = fabsf(x), whole = (a + 0x1p23f) - 0x1p23f;
    return pal__sign_of_f32(a < 0x1p23f ? whole : x, x);
}

static inline double pal__rint_f64(double x)
{
    double a = fabs(x), whole = (a + 0x1p52) - 0x1p52;
    return pal__sign_of_f64(a < 0x1p52 ? whole : x, x);
}

static inline float pal__floor_f32(float x)
{
    float whole = pal__rint_f32(x), less = whole - 1.0f;
    return pal__sign_of_f32(whole > x ? less : whole, x);
}

static inline double pal__floor_f64(double x)
{
    double whole = pal__rint_f64(x), less = whole - 1.0;
    return pal__sign_of_f64(whole > x ? less : whole, x);
}

static inline float pal__ceil_f32(float x) { return -pal__floor_f32(-x); }
static inline double pal__ceil_f64(double x) { return -pal__floor_f64(-x); }
static inline float pal__trunc_f32(float x) { return pal__sign_of_f32(pal__floor_f32(fabsf(x)), x); }
static inline double pal__trunc_f64(double x) { return pal__sign_of_f64(pal__floor_f64(fabs(x)), x); }

#endif
