/* vecmath.h - elementary functions that a compiler can vectorise.
 *
 * Each is a branch-free expression: both sides of every choice are computed and one is selected, so that a plain loop
 * over an array becomes vector code for whatever instruction set the including file is compiled for. A result depends
 * on the argument alone, not on its place in an array. Between instruction sets it may differ in the last place: fused
 * multiply-add is used inside polynomials where the target has it. Infinities, NaNs, zeros, subnormals, overflow and
 * underflow behave as in the C library; errno and the exception flags are not kept. Include from files that are
 * compiled with -ffp-contract=off -fno-math-errno -fno-trapping-math; rounding is to nearest.
 *
 * Not vectorised, but the C library's: sin, cos, erf and pow of doubles, and the doubles of every function in the last
 * two sections, where floats go through doubles.
 *
 * Out of range the polynomials run on garbage and the result is selected at the end. Clamping the argument first would
 * be as correct, but compilers then propagate the constant bounds through the expression and give up the vectorising.
 *
 * The coefficients are minimax fits made for this file: a Remez exchange in 160-bit arithmetic, rounding to the type,
 * then a search among neighbouring values for the smallest greatest error, which each comment gives as a power of two,
 * relative to the function. docs/vecmath.md has the measured errors and speeds.
 */
#ifndef PAL_VECMATH_H
#define PAL_VECMATH_H

#include <math.h>
#include <stdint.h>

/* ---- Bits -------------------------------------------------------------------------------------------------------- */

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

/* a * b + c, fused only where that is one instruction: a call to the library's fma would undo the vectorising. */
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

/* Adding this, 1.5 times the least power of two with a unit in the last place of 1, rounds a small number to an integer
 * and leaves the integer in the low bits. */
#define PAL__ROUND_F32 0x1.8p23f
#define PAL__ROUND_F64 0x1.8p52

/* ln 2 in two parts, the first so short that its product with any exponent is exact. */
#define PAL__LN2_HI_F32 0x1.62e4p-1f
#define PAL__LN2_LO_F32 0x1.7f7d1cp-20f
#define PAL__LN2_HI_F64 0x1.62e42fefa2p-1
#define PAL__LN2_LO_F64 0x1.9ef35793c7673p-41

/* Bits of the square root of one half, the lower end of the significands that logarithms are expanded in. */
#define PAL__HALF_ROOT_F32 UINT32_C(0x3f3504f3)
#define PAL__HALF_ROOT_F64 UINT64_C(0x3fe6a09e667f3bcd)

/* ---- exp --------------------------------------------------------------------------------------------------------- */

/* e^r, |r| <= ln(2)/2: 2^-28.2. */
static inline float pal__exp_poly_f32(float r)
{
    float p = 0x1.6a270ap-10f;
    p = pal__fma_f32(p, r, 0x1.1239cep-7f);
    p = pal__fma_f32(p, r, 0x1.5558dp-5f);
    p = pal__fma_f32(p, r, 0x1.555492p-3f);
    p = pal__fma_f32(p, r, 0x1.fffffcp-2f);
    return 1.0f + pal__fma_f32(r * r, p, r);
}

/* The same: 2^-57.5. */
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

/* The result's exponent is set by an integer addition, 65 (513) binades off on the safe side, and put right by one
 * multiplication, which rounds a subnormal and overflows as it should. */
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

/* ---- expm1 ------------------------------------------------------------------------------------------------------- */

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1) with r in two parts: where n is 1 and r near -ln(2)/2 half the sum cancels, and
 * one rounding of r would show. The polynomial: (e^r - 1 - r) / r^2, 2^-30.1. */
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
    /* Near overflow 2^n is halved, and the result doubled. */
    float last = x > 80.0f ? 2.0f : 1.0f;
    float scale = pal__real_f32((pal__bits_f32(shifted) << 23) + (x > 80.0f ? 126u << 23 : 127u << 23));
    float y = pal__fma_f32(scale, p, pal__fma_f32(scale, high, scale - 1.0f)) * last;
    y = x > 88.9f ? INFINITY : y;
    y = x < -20.0f ? -1.0f : y;
    /* The sign too: x may be -0. */
    return pal__real_f32(pal__bits_f32(y) | (pal__bits_f32(x) & 0x80000000u));
}

/* The polynomial: (e^r - 1 - r - r^2/2) / r^3, 2^-60.7. */
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

/* ---- log and log1p ----------------------------------------------------------------------------------------------- */

/* log(2^k (1 + f)), 1 + f in [sqrt(1/2), sqrt(2)]. The polynomial: (log(1 + f) - f + f^2/2) / f^3, 2^-27.3. */
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

/* The same with s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R)), since 2s = f - s f and
 * s f = f^2/2 - s f^2/2, where R = 2 atanh(s) / s - 2 is a series in s^2, 2^-59.5 of 2. The few bits that the quotient
 * loses then count for little. */
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

/* k + 1023 as a double: 64-bit integers convert to doubles in no instruction before AVX-512, small ones by their bits.
 */
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
    /* One comparison of integers for 0 < x < infinity. */
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

/* k comes from 1 + x rounded, but f = 2^-k (1 + x) - 1 from x itself, as 2^-k x + (2^-k - 1): one rounding, none for
 * k = 0, and where the second term rounds k is so large that it does not matter. 4 f, because 2^-128 is subnormal. */
static inline float pal__log1p_f32(float x)
{
    int32_t k = (int32_t)(pal__bits_f32(1.0f + x) - PAL__HALF_ROOT_F32) >> 23;
    float scale = pal__real_f32((uint32_t)(129 - k) << 23);
    float r = pal__log_poly_f32(0.25f * (x * scale + (scale - 4.0f)), (float)k);
    r = pal__real_f32(pal__bits_f32(r) | (pal__bits_f32(x) & 0x80000000u)); /* -0 stays */
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

/* log1p for 0 <= x <= 1 alone, as softplus needs it: x times the minimax polynomial of log1p(x)/x (Remez), relative
 * error 2^-27.7 and 2^-61.8 before rounding, its leading 1 kept apart; no division, no exponent to take apart. NaN
 * passes. */
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

/* ---- tanh -------------------------------------------------------------------------------------------------------- */

/* Below 0.55 an odd polynomial, (tanh(a) - a) / a^3, 2^-29.1; above, 1 - 2 / (e^2a + 1), where the quotient is less
 * than half and its error halves. */
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

/* With e = expm1(2a): q = e / (e + 2) for small a, 1 - 2 / (e + 2) above. What the sum lost, divided by it, corrects q;
 * the reciprocal of the sum is (1 - q) / 2. */
static inline double pal__tanh_f64(double x)
{
    double a = fabs(x), e = pal__expm1_f64(2.0 * a), sum = e + 2.0, lost = e - (sum - 2.0);
    double q = (a < 0.55 ? e : 2.0) / sum;
    double y = a < 0.55 ? q - 0.5 * lost * (1.0 - q) * q : 1.0 - q;
    return pal__real_f64(pal__bits_f64(y) | (pal__bits_f64(x) & (UINT64_C(1) << 63)));
}

/* ---- sin and cos ------------------------------------------------------------------------------------------------- */

/* |r| <= pi/4: (sin(r) - r) / r^3, 2^-27.8, and (cos(r) - 1 + r^2/2) / r^4, 2^-33. low is what rounding r to a float
 * lost: up to half a unit of r, which near pi/6 is a whole one of the sine. */
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

/* The same: 2^-57.5 and 2^-62.3. */
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

/* a = (4 m + n) pi/2 + r for any finite a >= 0: returns r and sets n, an integer in -4 .. 4, right modulo 4.
 *
 * 2/pi is taken as three doubles: two of 29 bits, whose products with a float are exact, and a rest. Of each exact
 * product the multiples of 4 go at once. The bits of 2/pi that contribute only multiples of 4 are left out: four sets
 * of constants serve ranges of 26 binades each, in each of which the rest's product is below 2^-6 and rounds below
 * 2^-59; no float is nearer to a multiple of pi/2 than about 2^-30 of a quarter turn. */
static inline double pal__quarter_turns_f32(double a, double *n)
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
    *n = ((p0 + p1) + PAL__ROUND_F64) - PAL__ROUND_F64;
    return (((p0 - *n) + p1) + p2) * 0x1.921fb54442d18p+0;
}

/* The sine of the angle n quarter turns and r. */
static inline float pal__sin_quarter_f32(double r, int32_t n)
{
    float near = (float)r, low = (float)(r - (double)near);
    float y = n & 1 ? pal__cos_poly_f32(near) : pal__sin_poly_f32(near, low);
    return pal__real_f32(pal__bits_f32(y) ^ ((uint32_t)(n & 2) << 30));
}

static inline float pal__sin_f32(float x)
{
    double n, r = pal__quarter_turns_f32((double)fabsf(x), &n);
    float y = pal__sin_quarter_f32(r, (int32_t)n);
    return pal__real_f32(pal__bits_f32(y) ^ (pal__bits_f32(x) & 0x80000000u));
}

static inline float pal__cos_f32(float x)
{
    double n, r = pal__quarter_turns_f32((double)fabsf(x), &n);
    return pal__sin_quarter_f32(r, (int32_t)n + 1);
}

/* The C library's, an element at a time: reducing any double needs more than a thousand bits of 2/pi. */
static inline double pal__sin_f64(double x) { return sin(x); }
static inline double pal__cos_f64(double x) { return cos(x); }

/* ---- erf --------------------------------------------------------------------------------------------------------- */

/* Below 0.9 an odd polynomial, erf(a) / a - 1, 2^-30.1; above, 1 - e^q where q approximates log(erfc(a)), 2^-28.8
 * of erf. */
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

/* The C library's, an element at a time. */
static inline double pal__erf_f64(double x) { return erf(x); }

/* ---- pow --------------------------------------------------------------------------------------------------------- */

/* e^(y log |x|) in doubles, which have bits to spare, with the special cases of IEEE 754. */
static inline float pal__pow_f32(float x, float y)
{
    double a = fabs((double)x), b = (double)y;
    float power = (float)pal__exp_f64(b * pal__log_f64(a));
    /* Beyond 2^30 every y is an even integer. */
    double size = fabs(b), half = 0.5 * size;
    int whole = (size > 0x1p30) | ((size + PAL__ROUND_F64) - PAL__ROUND_F64 == size);
    int even = (size > 0x1p30) | ((half + PAL__ROUND_F64) - PAL__ROUND_F64 == half);
    uint32_t sign = pal__bits_f32(x) & ((whole & !even) ? 0x80000000u : 0u);
    float r = ((x < 0) & !whole & (a < (double)INFINITY)) ? NAN : pal__real_f32(pal__bits_f32(power) | sign);
    r = ((a == 1) & (fabs(b) == (double)INFINITY)) ? 1.0f : r;
    return ((x == 1) | (y == 0)) ? 1.0f : r;
}

/* The C library's, an element at a time. */
static inline double pal__pow_f64(double x, double y) { return pow(x, y); }

/* ---- Rounding to integers ---------------------------------------------------------------------------------------- */

/* Adding 2^23 (2^52) to the magnitude rounds it, halves to even; the sign is the argument's, of a zero too. Not the
 * builtins: they are calls where the instruction is missing. */
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

/* ---- Inverse tangent and error function in doubles, for floats -----------------------------------------------------
 */

/* atan for 0 <= z <= 1: z times the minimax polynomial of atan(z)/z in z^2, 2^-34. */
static inline double pal__atan_unit(double z)
{
    double s = z * z, p = -0x1.6706d2090bc51p-11;
    p = pal__fma_f64(p, s, 0x1.3de8d7b899ba9p-8);
    p = pal__fma_f64(p, s, -0x1.07f917701a195p-6);
    p = pal__fma_f64(p, s, 0x1.183e9bb8d2ae0p-5);
    p = pal__fma_f64(p, s, -0x1.bca7682c26efep-5);
    p = pal__fma_f64(p, s, 0x1.28c8d243f2b5cp-4);
    p = pal__fma_f64(p, s, -0x1.6fd49d321b6e7p-4);
    p = pal__fma_f64(p, s, 0x1.c6610f7dd3ea2p-4);
    p = pal__fma_f64(p, s, -0x1.248932567d6a4p-3);
    p = pal__fma_f64(p, s, 0x1.9999238c61188p-3);
    p = pal__fma_f64(p, s, -0x1.555554269143dp-2);
    return z * pal__fma_f64(p, s, 0x1.ffffffff7ecd3p-1);
}

/* For a >= 0, infinity included. */
static inline double pal__atan_positive(double a)
{
    double inverse = 1.0 / a, y = pal__atan_unit(a > 1 ? inverse : a), rest = 0x1.921fb54442d18p+0 - y;
    return a > 1 ? rest : y;
}

/* erfc(a) = e^(-a^2) p(t) / (a + 2) with t = (a - 2) / (a + 2), for 0 <= a <= 10.6, below which floats end: p is
 * minimax, 2^-32.4. The other half is 2 - erfc. */
static inline double pal__erfc_wide(double x)
{
    double a = fabs(x), q = 1.0 / (a + 2.0), t = (a - 2.0) * q;
    double p = -0x1.646feeb78a37dp-18;
    p = pal__fma_f64(p, t, 0x1.4edc19690ac7fp-16);
    p = pal__fma_f64(p, t, 0x1.f7ec7d366c1d2p-14);
    p = pal__fma_f64(p, t, 0x1.3dbf226ed3235p-15);
    p = pal__fma_f64(p, t, -0x1.546ad16d4fe6bp-11);
    p = pal__fma_f64(p, t, -0x1.b6be962538cccp-11);
    p = pal__fma_f64(p, t, 0x1.949b054cde38bp-9);
    p = pal__fma_f64(p, t, 0x1.a89a054d2b28ap-8);
    p = pal__fma_f64(p, t, -0x1.606c498478722p-6);
    p = pal__fma_f64(p, t, -0x1.2a88d6c5b127dp-5);
    p = pal__fma_f64(p, t, 0x1.1e2ded26f4cd5p-2);
    p = pal__fma_f64(p, t, -0x1.5fd3867a62373p-1);
    p = pal__fma_f64(p, t, 0x1.058671b5ecf23p+0);
    double y = pal__exp_f64(-(a * a)) * (p * q);
    y = a > 10.6 ? 0.0 : y;
    double other = 2.0 - y;
    return x < 0 ? other : y;
}

/* ---- Floats through doubles ----------------------------------------------------------------------------------------
 *
 * Each double result is within 2^-28 of the function, so that the float is within 0.6 units in the last place. */

static inline float pal__exp2_f32(float x) { return (float)pal__exp_f64((double)x * 0x1.62e42fefa39efp-1); }
static inline float pal__log2_f32(float x) { return (float)(pal__log_f64((double)x) * 0x1.71547652b82fep+0); }
static inline float pal__log10_f32(float x) { return (float)(pal__log_f64((double)x) * 0x1.bcb7b1526e50ep-2); }

/* The logarithm of 0 makes the exponential 0. */
static inline float pal__cbrt_f32(float x)
{
    double third = pal__log_f64(fabs((double)x)) * 0x1.5555555555555p-2;
    return pal__sign_of_f32((float)pal__exp_f64(third), x);
}

static inline float pal__tan_f32(float x)
{
    double n, r = pal__quarter_turns_f32((double)fabsf(x), &n);
    double s = pal__sin_poly_f64(r), c = pal__cos_poly_f64(r);
    int32_t odd = (int32_t)n & 1;
    double over = odd ? -c : s, under = odd ? s : c;
    float y = (float)(over / under);
    return pal__real_f32(pal__bits_f32(y) ^ (pal__bits_f32(x) & 0x80000000u));
}

static inline float pal__atan_f32(float x) { return pal__sign_of_f32((float)pal__atan_positive(fabs((double)x)), x); }

/* atan(x / sqrt(1 - x^2)): at 1 of infinity, beyond of NaN. */
static inline float pal__asin_f32(float x)
{
    double a = fabs((double)x);
    return pal__sign_of_f32((float)pal__atan_positive(a / sqrt((1.0 - a) * (1.0 + a))), x);
}

/* 2 atan(sqrt((1 - x) / (1 + x))) */
static inline float pal__acos_f32(float x)
{
    double wide = (double)x;
    return (float)(2.0 * pal__atan_positive(sqrt((1.0 - wide) / (1.0 + wide))));
}

/* Both zero is a ratio of 0, both infinite one of 1. */
static inline float pal__atan2_f32(float y, float x)
{
    double a = fabs((double)y), b = fabs((double)x), low = a < b ? a : b, high = a < b ? b : a;
    double ratio = high == low ? (high > 0 ? 1.0 : 0.0) : low / high, at = pal__atan_unit(ratio);
    double upright = 0x1.921fb54442d18p+0 - at;
    at = a > b ? upright : at;
    double behind = 0x1.921fb54442d18p+1 - at;
    at = pal__bits_f32(x) >> 31 ? behind : at;
    return pal__sign_of_f32((float)at, y);
}

static inline float pal__sinh_f32(float x)
{
    double a = fabs((double)x), e = pal__expm1_f64(a), y = 0.5 * (e + e / (e + 1.0));
    return pal__sign_of_f32((float)(a > 100.0 ? (double)INFINITY : y), x);
}

static inline float pal__cosh_f32(float x)
{
    double e = pal__exp_f64(fabs((double)x));
    return (float)(0.5 * (e + 1.0 / e));
}

static inline float pal__asinh_f32(float x)
{
    double a = fabs((double)x), z = a * a, y = pal__log1p_f64(a + z / (1.0 + sqrt(z + 1.0)));
    return pal__sign_of_f32((float)(a == (double)INFINITY ? a : y), x);
}

static inline float pal__acosh_f32(float x)
{
    double t = (double)x - 1.0, y = pal__log1p_f64(t + sqrt(t * (t + 2.0)));
    return (float)(t < 0 ? (double)NAN : y);
}

static inline float pal__atanh_f32(float x)
{
    double a = fabs((double)x);
    return pal__sign_of_f32((float)(0.5 * pal__log1p_f64(2.0 * a / (1.0 - a))), x);
}

static inline float pal__erfc_f32(float x) { return (float)pal__erfc_wide((double)x); }

/* erfc(-x / sqrt 2) / 2 */
static inline float pal__normal_cdf_f32(float x)
{
    return (float)(0.5 * pal__erfc_wide((double)x * -0x1.6a09e667f3bcdp-1));
}

/* An infinite side wins over NaN, as IEEE 754 has it. */
static inline float pal__hypot_f32(float a, float b)
{
    double x = (double)a, y = (double)b;
    float h = (float)sqrt(x * x + y * y);
    return ((fabsf(a) == INFINITY) | (fabsf(b) == INFINITY)) ? INFINITY : h;
}

/* The C library's, an element at a time. */
static inline double pal__exp2_f64(double x) { return exp2(x); }
static inline double pal__log2_f64(double x) { return log2(x); }
static inline double pal__log10_f64(double x) { return log10(x); }
static inline double pal__cbrt_f64(double x) { return cbrt(x); }
static inline double pal__tan_f64(double x) { return tan(x); }
static inline double pal__atan_f64(double x) { return atan(x); }
static inline double pal__asin_f64(double x) { return asin(x); }
static inline double pal__acos_f64(double x) { return acos(x); }
static inline double pal__atan2_f64(double y, double x) { return atan2(y, x); }
static inline double pal__sinh_f64(double x) { return sinh(x); }
static inline double pal__cosh_f64(double x) { return cosh(x); }
static inline double pal__asinh_f64(double x) { return asinh(x); }
static inline double pal__acosh_f64(double x) { return acosh(x); }
static inline double pal__atanh_f64(double x) { return atanh(x); }
static inline double pal__erfc_f64(double x) { return erfc(x); }
static inline double pal__hypot_f64(double a, double b) { return hypot(a, b); }

/* What rounding the quotient loses is made good by erfc's slope: far out a unit of it is a thousand of the result. */
static inline double pal__normal_cdf_f64(double x)
{
    double a = x * -0x1.6a09e667f3bcdp-1, lost = fma(x, -0x1.6a09e667f3bcdp-1, -a) + x * 0x1.bdd3413b26456p-55;
    double y = 0.5 * (erfc(a) - lost * 0x1.20dd750429b6dp+0 * exp(-a * a));
    return fabs(a) < 30.0 ? y : 0.5 * erfc(a);
}

#endif
