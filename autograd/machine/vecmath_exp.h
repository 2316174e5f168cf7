/* vecmath_exp.h - part of vecmath.h: exponentials and logarithms, and functions that use them: tanh, erf, pow. */
#ifndef PAL_VECMATH_EXP_H
#define PAL_VECMATH_EXP_H

#include "autograd/machine/vecmath_bits.h"

/* ---- exp ------------------------------------------------------------------------------------------------------ */

/* e^r for |r| <= ln(2)/2. Error 2^-28.2. */
static inline float pal__exp_poly_f32(float r)
{
    float p = 0x1.6a270ap-10f;
    p = pal__fma_f32(p, r, 0x1.1239cep-7f);
    p = pal__fma_f32(p, r, 0x1.5558dp-5f);
    p = pal__fma_f32(p, r, 0x1.555492p-3f);
    p = pal__fma_f32(p, r, 0x1.fffffcp-2f);
    return 1.0f + pal__fma_f32(r * r, p, r);
}

/* The same for doubles. Error 2^-57.5. */
static inline double pal__exp_poly_f64(double r)
{
    double p = 0x1.ad7f6c6330105p-26;
    p = pal__fma_f64(p, r, 0x1.28ad72cc494e6p-22);
    p = pal__fma_f64(p, r, 0x1.71df2553cefbep-19);
    p = pal__fma_f64(p, r, 0x1.a0199a0c6907ap-16);
    p = pal__fma_f64(p, r, 0x1.a01a012a5702dp-13);
    p = pal__fma_f64(p, r, 0x1.6c16c18429fadp-10);
    p = pal__fma_f64(p, r, 0x1.1111111127b67p-7);
    p = pal__fma_f64(p, r, 0x1.555555555083fp-5);
    p = pal__fma_f64(p, r, 0x1.55555555554fbp-3);
    p = pal__fma_f64(p, r, 0x1.000000000000ap-1);
    return 1.0 + pal__fma_f64(r * r, p, r);
}

/* An integer addition sets the exponent of the result, shifted by 65 (513 for doubles) binades away from the end of the
 * range. One multiplication then corrects it. This multiplication rounds subnormal results and overflows correctly. */
static inline float pal__exp_f32(float x)
{
    float shifted = pal__fma_f32(x, 0x1.715476p+0f, PAL__ROUND_F32), n = shifted - PAL__ROUND_F32;
    float r = pal__fma_f32(-PAL__LN2_LO_F32, n, pal__fma_f32(-PAL__LN2_HI_F32, n, x));
    uint32_t down = (uint32_t)((int32_t)pal__bits_f32(x) >> 31) & 65u << 23; /* x < 0 */
    uint32_t scaled = pal__bits_f32(pal__exp_poly_f32(r)) + (pal__bits_f32(shifted) << 23) + down - (1u << 23);
    float y = pal__real_f32(scaled) * pal__real_f32((128u << 23) - down);
    y = x < -104.0f ? 0.0f : y;
    return x <= 88.9f ? y : x + INFINITY; /* or NaN */
}

static inline double pal__exp_f64(double x)
{
    double shifted = pal__fma_f64(x, 0x1.71547652b82fep+0, PAL__ROUND_F64), n = shifted - PAL__ROUND_F64;
    double r = pal__fma_f64(-PAL__LN2_LO_F64, n, pal__fma_f64(-PAL__LN2_HI_F64, n, x));
    uint64_t down = (0 - (pal__bits_f64(x) >> 63)) & UINT64_C(513) << 52;
    uint64_t scaled = pal__bits_f64(pal__exp_poly_f64(r)) + (pal__bits_f64(shifted) << 52) + down - (UINT64_C(1) << 52);
    double y = pal__real_f64(scaled) * pal__real_f64((UINT64_C(1024) << 52) - down);
    y = x < -746.0 ? 0.0 : y;
    return x <= 710.0 ? y : x + (double)INFINITY;
}

/* ---- expm1 ---------------------------------------------------------------------------------------------------- */

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1) with r in two parts: if n is 1 and r is near -ln(2)/2, half of the sum cancels,
 * and the rounding of r in one part would be visible. The polynomial is (e^r - 1 - r) / r^2. Error 2^-30.1. */
static inline float pal__expm1_f32(float x)
{
    float shifted = pal__fma_f32(x, 0x1.715476p+0f, PAL__ROUND_F32), n = shifted - PAL__ROUND_F32;
    float high = pal__fma_f32(-PAL__LN2_HI_F32, n, x), low = -PAL__LN2_LO_F32 * n, r = high + low;
    float p = 0x1.a1517p-13f;
    p = pal__fma_f32(p, r, 0x1.6d7564p-10f);
    p = pal__fma_f32(p, r, 0x1.11107ep-7f);
    p = pal__fma_f32(p, r, 0x1.5554cep-5f);
    p = pal__fma_f32(p, r, 0x1.555556p-3f);
    p = pal__fma_f32(p, r, 0.5f);
    p = pal__fma_f32(r * r, p, low);
    /* Near overflow, 2^n is halved and the result is doubled. */
    float last = x > 80.0f ? 2.0f : 1.0f;
    float scale = pal__real_f32((pal__bits_f32(shifted) << 23) + (x > 80.0f ? 126u << 23 : 127u << 23));
    float y = pal__fma_f32(scale, p, pal__fma_f32(scale, high, scale - 1.0f)) * last;
    y = x > 88.9f ? INFINITY : y;
    y = x < -20.0f ? -1.0f : y;
    /* Copies the sign, because x may be -0. */
    return pal__real_f32(pal__bits_f32(y) | (pal__bits_f32(x) & 0x80000000u));
}

/* The same for doubles. The polynomial is (e^r - 1 - r - r^2/2) / r^3. Error 2^-60.7. */
static inline double pal__expm1_f64(double x)
{
    double shifted = pal__fma_f64(x, 0x1.71547652b82fep+0, PAL__ROUND_F64), n = shifted - PAL__ROUND_F64;
    double high = pal__fma_f64(-PAL__LN2_HI_F64, n, x), low = -PAL__LN2_LO_F64 * n, r = high + low;
    double p = 0x1.1ef51f9f86798p-29;
    p = pal__fma_f64(p, r, 0x1.af5d2cd15ebbap-26);
    p = pal__fma_f64(p, r, 0x1.27e52b33f07d3p-22);
    p = pal__fma_f64(p, r, 0x1.71ddf94d553b4p-19);
    p = pal__fma_f64(p, r, 0x1.a01a0183004e7p-16);
    p = pal__fma_f64(p, r, 0x1.a01a01af77cd4p-13);
    p = pal__fma_f64(p, r, 0x1.6c16c16c1ccap-10);
    p = pal__fma_f64(p, r, 0x1.111111110f7aep-7);
    p = pal__fma_f64(p, r, 0x1.5555555555549p-5);
    p = pal__fma_f64(p, r, 0x1.5555555555559p-3);
    p = pal__fma_f64(p, r, 0.5);
    p = pal__fma_f64(r * r, p, low);
    double last = x > 700.0 ? 2.0 : 1.0;
    double scale =
        pal__real_f64((pal__bits_f64(shifted) << 52) + (x > 700.0 ? UINT64_C(1022) << 52 : UINT64_C(1023) << 52));
    double y = pal__fma_f64(scale, p, pal__fma_f64(scale, high, scale - 1.0)) * last;
    y = x > 710.0 ? (double)INFINITY : y;
    y = x < -40.0 ? -1.0 : y;
    return pal__real_f64(pal__bits_f64(y) | (pal__bits_f64(x) & (UINT64_C(1) << 63)));
}

/* ---- log and log1p -------------------------------------------------------------------------------------------- */

/* log(2^k (1 + f)) for 1 + f in [sqrt(1/2), sqrt(2)]. The polynomial is (log(1 + f) - f + f^2/2) / f^3.
 * Error 2^-27.3. */
static inline float pal__log_poly_f32(float f, float k)
{
    float z = f * f;
    float p = -0x1.38b76cp-4f;
    p = pal__fma_f32(p, f, 0x1.055c34p-3f);
    p = pal__fma_f32(p, f, -0x1.0d856ep-3f);
    p = pal__fma_f32(p, f, 0x1.22da4p-3f);
    p = pal__fma_f32(p, f, -0x1.54726p-3f);
    p = pal__fma_f32(p, f, 0x1.99a00cp-3f);
    p = pal__fma_f32(p, f, -0x1.000226p-2f);
    p = pal__fma_f32(p, f, 0x1.555554p-2f);
    float low = pal__fma_f32(z * f, p, pal__fma_f32(k, PAL__LN2_LO_F32, -0.5f * z));
    return k * PAL__LN2_HI_F32 + (f + low);
}

/* The same for doubles, with s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R)), because
 * 2s = f - s f and s f = f^2/2 - s f^2/2. R = 2 atanh(s) / s - 2 is a series in s^2. Its error is 2^-59.5 of 2. The
 * few bits that the quotient s loses then have little effect. */
static inline double pal__log_poly_f64(double f, double k)
{
    double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    double p = 0x1.2f03bbcf948acp-3;
    p = pal__fma_f64(p, z, 0x1.39a1e8a858001p-3);
    p = pal__fma_f64(p, z, 0x1.74663cee5bc8cp-3);
    p = pal__fma_f64(p, z, 0x1.c71c52144e076p-3);
    p = pal__fma_f64(p, z, 0x1.24924941e1577p-2);
    p = pal__fma_f64(p, z, 0x1.999999997ff19p-2);
    p = pal__fma_f64(p, z, 0x1.5555555555592p-1);
    double low = pal__fma_f64(s, pal__fma_f64(z, p, half), k * PAL__LN2_LO_F64);
    return k * PAL__LN2_HI_F64 - ((half - low) - f);
}

/* The exponent k as a double, from k + 1023. Before AVX-512 no vector instruction converts 64-bit integers to doubles,
 * so this inserts the bits of the small integer into a double. */
static inline double pal__exponent_f64(uint64_t biased)
{
    return pal__real_f64(biased | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
}

/* For positive, finite, normal x only. */
static inline float pal__log_normal_f32(float x)
{
    uint32_t bits = pal__bits_f32(x) - PAL__HALF_ROOT_F32;
    return pal__log_poly_f32(pal__real_f32((bits & 0x7fffffu) + PAL__HALF_ROOT_F32) - 1.0f,
                             (float)((int32_t)bits >> 23));
}

static inline double pal__log_normal_f64(double x)
{
    uint64_t bits = pal__bits_f64(x) + (UINT64_C(0x3ff0000000000000) - PAL__HALF_ROOT_F64);
    double m = pal__real_f64((bits & UINT64_C(0xfffffffffffff)) + PAL__HALF_ROOT_F64);
    return pal__log_poly_f64(m - 1.0, pal__exponent_f64(bits >> 52));
}

static inline float pal__log_f32(float x)
{
    float y = x < 0x1p-126f ? x * 0x1p23f : x, start = x < 0x1p-126f ? 23.0f : 0.0f; /* subnormals */
    uint32_t bits = pal__bits_f32(y) - PAL__HALF_ROOT_F32;
    float k = (float)((int32_t)bits >> 23) - start;
    float r = pal__log_poly_f32(pal__real_f32((bits & 0x7fffffu) + PAL__HALF_ROOT_F32) - 1.0f, k);
    /* One comparison of integers tests 0 < x < infinity. */
    float other = x < 0 ? NAN : x;
    other = x == 0 ? -INFINITY : other;
    return pal__bits_f32(x) - 1u < 0x7f7fffffu ? r : other;
}

static inline double pal__log_f64(double x)
{
    double y = x < 0x1p-1022 ? x * 0x1p54 : x, start = x < 0x1p-1022 ? 54.0 : 0.0;
    uint64_t bits = pal__bits_f64(y) + (UINT64_C(0x3ff0000000000000) - PAL__HALF_ROOT_F64);
    double k = pal__exponent_f64(bits >> 52) - start;
    double m = pal__real_f64((bits & UINT64_C(0xfffffffffffff)) + PAL__HALF_ROOT_F64);
    double r = pal__log_poly_f64(m - 1.0, k);
    r = x < (double)INFINITY ? r : x;
    r = x > 0 ? r : (double)NAN;
    return x == 0 ? -(double)INFINITY : r;
}

/* k comes from the rounded 1 + x, but f = 2^-k (1 + x) - 1 comes from x itself, as 2^-k x + (2^-k - 1). This rounds
 * once, or not at all for k = 0; the second term is rounded only if k is so large that it does not matter. The code
 * computes 4 f first, because 2^-128 is subnormal. */
static inline float pal__log1p_f32(float x)
{
    int32_t k = (int32_t)(pal__bits_f32(1.0f + x) - PAL__HALF_ROOT_F32) >> 23;
    float scale = pal__real_f32((uint32_t)(129 - k) << 23);
    float r = pal__log_poly_f32(0.25f * (x * scale + (scale - 4.0f)), (float)k);
    r = pal__real_f32(pal__bits_f32(r) | (pal__bits_f32(x) & 0x80000000u)); /* keeps -0 */
    r = x < INFINITY ? r : x;
    r = x > -1.0f ? r : NAN;
    return x == -1.0f ? -INFINITY : r;
}

static inline double pal__log1p_f64(double x)
{
    uint64_t biased = (pal__bits_f64(1.0 + x) + (UINT64_C(0x3ff0000000000000) - PAL__HALF_ROOT_F64)) >> 52;
    double scale = pal__real_f64((2048u - biased) << 52);
    double r = pal__log_poly_f64(0.25 * (x * scale + (scale - 4.0)), pal__exponent_f64(biased));
    r = pal__real_f64(pal__bits_f64(r) | (pal__bits_f64(x) & (UINT64_C(1) << 63)));
    r = x < (double)INFINITY ? r : x;
    r = x > -1.0 ? r : (double)NAN;
    return x == -1.0 ? -(double)INFINITY : r;
}

/* log1p only for 0 <= x <= 1, as softplus needs it: x times the minimax polynomial of log1p(x)/x (Remez), whose leading
 * 1 is kept separate. Relative error before rounding 2^-27.7 and 2^-61.8. It needs no division and does not split off
 * an exponent. NaN gives NaN. */
static inline float pal__log1p_unit_f32(float x)
{
    float p = -0x1.a9349ep-9f;
    p = pal__fma_f32(p, x, 0x1.453f9ap-6f);
    p = pal__fma_f32(p, x, -0x1.d29d2ap-5f);
    p = pal__fma_f32(p, x, 0x1.b2537ap-4f);
    p = pal__fma_f32(p, x, -0x1.397562p-3f);
    p = pal__fma_f32(p, x, 0x1.92f694p-3f);
    p = pal__fma_f32(p, x, -0x1.ff0f86p-3f);
    p = pal__fma_f32(p, x, 0x1.554c8p-2f);
    p = pal__fma_f32(p, x, -0x1.ffffbep-2f);
    return pal__fma_f32(x * x, p, x);
}

static inline double pal__log1p_unit_f64(double x)
{
    double p = 0x1.69e692d4b9573p-17;
    p = pal__fma_f64(p, x, -0x1.1b561d3796fbbp-13);
    p = pal__fma_f64(p, x, 0x1.a69747d529022p-11);
    p = pal__fma_f64(p, x, -0x1.911c8eaf2fbb2p-9);
    p = pal__fma_f64(p, x, 0x1.11b14987c3a75p-7);
    p = pal__fma_f64(p, x, -0x1.205e679d49797p-6);
    p = pal__fma_f64(p, x, 0x1.edf153e319a48p-6);
    p = pal__fma_f64(p, x, -0x1.672b02ea64c05p-5);
    p = pal__fma_f64(p, x, 0x1.cdf37419c6062p-5);
    p = pal__fma_f64(p, x, -0x1.1131b5534a4d5p-4);
    p = pal__fma_f64(p, x, 0x1.33b3e2c382055p-4);
    p = pal__fma_f64(p, x, -0x1.5309ce0209772p-4);
    p = pal__fma_f64(p, x, 0x1.73c952430114fp-4);
    p = pal__fma_f64(p, x, -0x1.997bfcd55a6e4p-4);
    p = pal__fma_f64(p, x, 0x1.c717cc92c5b07p-4);
    p = pal__fma_f64(p, x, -0x1.ffff713fb8006p-4);
    p = pal__fma_f64(p, x, 0x1.249242c7deb00p-3);
    p = pal__fma_f64(p, x, -0x1.555554eddbdb9p-3);
    p = pal__fma_f64(p, x, 0x1.999999952dec4p-3);
    p = pal__fma_f64(p, x, -0x1.ffffffffe239cp-3);
    p = pal__fma_f64(p, x, 0x1.5555555555200p-2);
    p = pal__fma_f64(p, x, -0x1.ffffffffffffbp-2);
    return pal__fma_f64(x * x, p, x);
}

/* ---- tanh ----------------------------------------------------------------------------------------------------- */

/* Below 0.55 an odd polynomial, (tanh(a) - a) / a^3, error 2^-29.1. Above, 1 - 2 / (e^2a + 1): the quotient is less
 * than one half, so its error is halved. */
static inline float pal__tanh_f32(float x)
{
    float a = fabsf(x), z = a * a;
    float p = -0x1.9ab1dp-8f;
    p = pal__fma_f32(p, z, 0x1.5927f6p-6f);
    p = pal__fma_f32(p, z, -0x1.b9263p-5f);
    p = pal__fma_f32(p, z, 0x1.110d16p-3f);
    p = pal__fma_f32(p, z, -0x1.55554ap-2f);
    float small = pal__fma_f32(a * z, p, a);
    float twice = 2.0f * a;
    float shifted = pal__fma_f32(twice, 0x1.715476p+0f, PAL__ROUND_F32), n = shifted - PAL__ROUND_F32;
    float r = pal__fma_f32(-PAL__LN2_LO_F32, n, pal__fma_f32(-PAL__LN2_HI_F32, n, twice));
    float scale = pal__real_f32((pal__bits_f32(shifted) << 23) + (127u << 23));
    float large = 1.0f - 2.0f / (pal__exp_poly_f32(r) * scale + 1.0f);
    float y = a < 0.55f ? small : large;
    y = a > 10.0f ? 1.0f : y;
    return pal__real_f32(pal__bits_f32(y) | (pal__bits_f32(x) & 0x80000000u));
}

/* With e = expm1(2a): q = e / (e + 2) for small a, else 1 - 2 / (e + 2). For small a, the rounding error of the sum
 * e + 2, divided by the sum, corrects q; the reciprocal of the sum is (1 - q) / 2. */
static inline double pal__tanh_f64(double x)
{
    double a = fabs(x), e = pal__expm1_f64(2.0 * a), sum = e + 2.0, lost = e - (sum - 2.0);
    double q = (a < 0.55 ? e : 2.0) / sum;
    double y = a < 0.55 ? q - 0.5 * lost * (1.0 - q) * q : 1.0 - q;
    return pal__real_f64(pal__bits_f64(y) | (pal__bits_f64(x) & (UINT64_C(1) << 63)));
}

/* ---- erf ------------------------------------------------------------------------------------------------------ */

/* Below 0.9 an odd polynomial, erf(a) / a - 1, error 2^-30.1. Above, 1 - e^q, where q approximates log(erfc(a)), error
 * 2^-28.8 relative to erf. */
static inline float pal__erf_f32(float x)
{
    float a = fabsf(x), z = a * a;
    float p = 0x1.6510c6p-14f;
    p = pal__fma_f32(p, z, -0x1.aca394p-11f);
    p = pal__fma_f32(p, z, 0x1.550a46p-8f);
    p = pal__fma_f32(p, z, -0x1.b81524p-6f);
    p = pal__fma_f32(p, z, 0x1.ce2e54p-4f);
    p = pal__fma_f32(p, z, -0x1.812744p-2f);
    p = pal__fma_f32(p, z, 0x1.06eba8p-3f);
    float small = pal__fma_f32(a, p, a);
    float q = 0x1.9fb086p-13f;
    q = pal__fma_f32(q, a, -0x1.91cc0ep-9f);
    q = pal__fma_f32(q, a, 0x1.6d9c68p-6f);
    q = pal__fma_f32(q, a, -0x1.aa72f8p-4f);
    q = pal__fma_f32(q, a, -0x1.4621bcp-1f);
    q = pal__fma_f32(q, a, -0x1.20b752p+0f);
    q = pal__fma_f32(q, a, -0x1.5d17a2p-13f);
    float shifted = pal__fma_f32(q, 0x1.715476p+0f, PAL__ROUND_F32), n = shifted - PAL__ROUND_F32;
    float r = pal__fma_f32(-PAL__LN2_LO_F32, n, pal__fma_f32(-PAL__LN2_HI_F32, n, q));
    float scale = pal__real_f32((pal__bits_f32(shifted) << 23) + (127u << 23));
    float large = 1.0f - pal__exp_poly_f32(r) * scale;
    float y = a < 0.9f ? small : large;
    y = a > 4.0f ? 1.0f : y;
    return pal__real_f32(pal__bits_f32(y) | (pal__bits_f32(x) & 0x80000000u));
}

/* Calls the C library for one element at a time. */
static inline double pal__erf_f64(double x) { return erf(x); }

/* ---- pow ------------------------------------------------------------------------------------------------------ */

/* e^(y log |x|) in doubles, which have enough spare bits, with the special cases of IEEE 754. */
static inline float pal__pow_f32(float x, float y)
{
    double a = fabs((double)x), b = (double)y;
    float power = (float)pal__exp_f64(b * pal__log_f64(a));
    /* Above 2^30 every float y is an even integer. */
    double size = fabs(b), half = 0.5 * size;
    int whole = (size > 0x1p30) | ((size + PAL__ROUND_F64) - PAL__ROUND_F64 == size);
    int even = (size > 0x1p30) | ((half + PAL__ROUND_F64) - PAL__ROUND_F64 == half);
    uint32_t sign = pal__bits_f32(x) & ((whole & !even) ? 0x80000000u : 0u);
    float r = ((x < 0) & !whole & (a < (double)INFINITY)) ? NAN : pal__real_f32(pal__bits_f32(power) | sign);
    r = ((a == 1) & (fabs(b) == (double)INFINITY)) ? 1.0f : r;
    return ((x == 1) | (y == 0)) ? 1.0f : r;
}

/* Calls the C library for one element at a time. */
static inline double pal__pow_f64(double x, double y) { return pow(x, y); }

#endif
