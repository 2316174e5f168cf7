/* vecmath_wide.h - part of vecmath.h: functions whose float versions compute in doubles, and whose double versions call
 * the C library. */
#ifndef PAL_VECMATH_WIDE_H
#define PAL_VECMATH_WIDE_H

#include "autograd/machine/vecmath_exp.h"
#include "autograd/machine/vecmath_sin.h"

/* ---- Inverse tangent and error function in doubles, for floats ------------------------------------------------ */

/* atan for 0 <= z <= 1: z times the minimax polynomial of atan(z)/z in z^2. Error 2^-34. */
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

/* For a >= 0, including infinity. */
static inline double pal__atan_positive(double a)
{
    double inverse = 1.0 / a, y = pal__atan_unit(a > 1 ? inverse : a), rest = 0x1.921fb54442d18p+0 - y;
    return a > 1 ? rest : y;
}

/* erfc(a) = e^(-a^2) p(t) / (a + 2) with t = (a - 2) / (a + 2), for 0 <= a <= 10.6; for larger a, erfc is 0 in floats.
 * p is minimax, error 2^-32.4. For negative arguments the result is 2 - erfc(a). */
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
 * Each double result is within 2^-28 of the function, so the float is within 0.6 units in the last place. */

static inline float pal__exp2_f32(float x) { return (float)pal__exp_f64((double)x * 0x1.62e42fefa39efp-1); }
static inline float pal__log2_f32(float x) { return (float)(pal__log_f64((double)x) * 0x1.71547652b82fep+0); }
static inline float pal__log10_f32(float x) { return (float)(pal__log_f64((double)x) * 0x1.bcb7b1526e50ep-2); }

/* For x = 0 the logarithm is -infinity, and the exponential is 0. */
static inline float pal__cbrt_f32(float x)
{
    double third = pal__log_f64(fabs((double)x)) * 0x1.5555555555555p-2;
    return pal__sign_of_f32((float)pal__exp_f64(third), x);
}

static inline float pal__tan_f32(float x)
{
    uint32_t n;
    double r = pal__quarter_turns_f32((double)fabsf(x), &n);
    double s = pal__sin_poly_f64(r), c = pal__cos_poly_f64(r);
    uint32_t odd = n & 1;
    double over = odd ? -c : s, under = odd ? s : c;
    float y = (float)(over / under);
    return pal__real_f32(pal__bits_f32(y) ^ (pal__bits_f32(x) & 0x80000000u));
}

static inline float pal__atan_f32(float x) { return pal__sign_of_f32((float)pal__atan_positive(fabs((double)x)), x); }

/* atan(x / sqrt(1 - x^2)). The quotient is infinite for |x| = 1 and NaN above. */
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

/* The ratio is 0 if both arguments are zero, and 1 if both are infinite. */
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

/* If one argument is infinite, the result is infinite, even if the other is NaN (IEEE 754). */
static inline float pal__hypot_f32(float a, float b)
{
    double x = (double)a, y = (double)b;
    float h = (float)sqrt(x * x + y * y);
    return ((fabsf(a) == INFINITY) | (fabsf(b) == INFINITY)) ? INFINITY : h;
}

/* Call the C library for one element at a time. */
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

/* The slope of erfc corrects the rounding error of the quotient a: for large a, one unit in the last place of a changes
 * the result by a thousand units. */
static inline double pal__normal_cdf_f64(double x)
{
    double a = x * -0x1.6a09e667f3bcdp-1, lost = fma(x, -0x1.6a09e667f3bcdp-1, -a) + x * 0x1.bdd3413b26456p-55;
    double y = 0.5 * (erfc(a) - lost * 0x1.20dd750429b6dp+0 * exp(-a * a));
    return fabs(a) < 30.0 ? y : 0.5 * erfc(a);
}

#endif
