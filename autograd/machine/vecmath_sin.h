/* vecmath_sin.h - part of vecmath.h: sine and cosine. */
#ifndef PAL_VECMATH_SIN_H
#define PAL_VECMATH_SIN_H

#include "autograd/machine/vecmath_bits.h"

/* For |r| <= pi/4. The polynomials are (sin(r) - r) / r^3, error 2^-27.8, and (cos(r) - 1 + r^2/2) / r^4, error 2^-33.
 * low is the rounding error of r as a float: up to half a unit in the last place of r, which near pi/6 is a whole unit
 * of the sine. */
static inline float pal__sin_poly_f32(float r, float low)
{
    float z = r * r, p = -0x1.9943b2p-13f;
    p = pal__fma_f32(p, z, 0x1.11071ap-7f);
    p = pal__fma_f32(p, z, -0x1.555544p-3f);
    return r + pal__fma_f32(r * z, p, low);
}

static inline float pal__cos_poly_f32(float r)
{
    float z = r * r, p = 0x1.99eb9cp-16f;
    p = pal__fma_f32(p, z, -0x1.6c0c3p-10f);
    p = pal__fma_f32(p, z, 0x1.55554ap-5f);
    return 1.0f + pal__fma_f32(z * z, p, -0.5f * z);
}

/* The same for doubles. Errors 2^-57.5 and 2^-62.3. */
static inline double pal__sin_poly_f64(double r)
{
    double z = r * r, p = 0x1.5d8fa3cef74e9p-33;
    p = pal__fma_f64(p, z, -0x1.ae5e59f850aecp-26);
    p = pal__fma_f64(p, z, 0x1.71de35671664p-19);
    p = pal__fma_f64(p, z, -0x1.a01a019bfd1ebp-13);
    p = pal__fma_f64(p, z, 0x1.111111110f7bep-7);
    p = pal__fma_f64(p, z, -0x1.5555555555548p-3);
    return pal__fma_f64(r * z, p, r);
}

static inline double pal__cos_poly_f64(double r)
{
    double z = r * r, p = -0x1.8fa4662ebb04ep-37;
    p = pal__fma_f64(p, z, 0x1.1ee9d7530fa91p-29);
    p = pal__fma_f64(p, z, -0x1.27e4f7ea38553p-22);
    p = pal__fma_f64(p, z, 0x1.a01a019c838e6p-16);
    p = pal__fma_f64(p, z, -0x1.6c16c16c14f9bp-10);
    p = pal__fma_f64(p, z, 0x1.555555555554bp-5);
    return 1.0 + pal__fma_f64(z * z, p, -0.5 * z);
}

/* For any finite a >= 0, with a = (4 m + n) pi/2 + r: returns r and sets n, correct modulo 4. For an infinity or a NaN,
 * r is NaN, and n is 0 modulo 4: no conversion of a double to an integer is needed, which C does not define for them.
 *
 * 2/pi is represented by three doubles: two of 29 bits, whose products with a float are exact, and a rest. Multiples of
 * 4 are removed from each exact product at once. Bits of 2/pi that contribute only multiples of 4 are left out, so
 * there are four sets of constants, for ranges of 26 binades each. In each range the product with the rest is below
 * 2^-6 and its rounding error below 2^-59. This is enough: no float is nearer to a multiple of pi/2 than about 2^-30 of
 * a quarter turn. */
static inline double pal__quarter_turns_f32(double a, uint32_t *n)
{
    double c0 = 0x1.45f306cp-1, c1 = 0x1.c9c882ap-29, c2 = 0x1.4fe13abe8fa9ap-59;
    c0 = a < 0x1p52 ? c0 : 0x1.c9c882ap-29;
    c1 = a < 0x1p52 ? c1 : 0x1.4fe13a8p-59;
    c2 = a < 0x1p52 ? c2 : 0x1.f47d4d377036ep-86;
    c0 = a < 0x1p78 ? c0 : 0x1.4a7f09dp-54;
    c1 = a < 0x1p78 ? c1 : 0x1.7d1f534p-84;
    c2 = a < 0x1p78 ? c2 : 0x1.bb81b6c52b328p-113;
    c0 = a < 0x1p104 ? c0 : 0x1.57d1f53p-80;
    c1 = a < 0x1p104 ? c1 : 0x1.377036cp-110;
    c2 = a < 0x1p104 ? c2 : 0x1.8a5664f10e41p-138;
    double p0 = a * c0, p1 = a * c1, p2 = a * c2;
    p0 -= (p0 + 0x1.8p54) - 0x1.8p54;
    p1 -= (p1 + 0x1.8p54) - 0x1.8p54;
    double shifted = (p0 + p1) + PAL__ROUND_F64, turns = shifted - PAL__ROUND_F64; /* turns is in -4 .. 4 */
    *n = (uint32_t)pal__bits_f64(shifted);
    return (((p0 - turns) + p1) + p2) * 0x1.921fb54442d18p+0;
}

/* The sine of the angle that is n quarter turns plus r. */
static inline float pal__sin_quarter_f32(double r, uint32_t n)
{
    float near = (float)r, low = (float)(r - (double)near);
    float y = n & 1 ? pal__cos_poly_f32(near) : pal__sin_poly_f32(near, low);
    return pal__real_f32(pal__bits_f32(y) ^ ((n & 2) << 30));
}

static inline float pal__sin_f32(float x)
{
    uint32_t n;
    double r = pal__quarter_turns_f32((double)fabsf(x), &n);
    float y = pal__sin_quarter_f32(r, n);
    return pal__real_f32(pal__bits_f32(y) ^ (pal__bits_f32(x) & 0x80000000u));
}

static inline float pal__cos_f32(float x)
{
    uint32_t n;
    double r = pal__quarter_turns_f32((double)fabsf(x), &n);
    return pal__sin_quarter_f32(r, n + 1);
}

/* Calls the C library for one element at a time: reducing any double needs more than a thousand bits of 2/pi. */
static inline double pal__sin_f64(double x) { return sin(x); }
static inline double pal__cos_f64(double x) { return cos(x); }

#endif
