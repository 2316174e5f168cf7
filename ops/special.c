/* special.c - lgamma, digamma and polygamma.
 *
 * An upward recurrence moves the argument to where the asymptotic series is accurate to the last place; negative
 * arguments use reflection (Abramowitz and Stegun 1964, 6.3 and 6.4; the Euler-Maclaurin formula for the Hurwitz zeta
 * function, NIST Digital Library of Mathematical Functions 25.11.5). */
#include "ops/special.h"

#include <math.h>
#include <stddef.h>

static const double pi = 0x1.921fb54442d18p+1;

/* lgamma_r, because the C library's lgamma writes a global variable. */
double pal__lgamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* For x >= 10: ln x - 1/(2x) - the sum of B_2j / (2j x^2j). */
static double digamma_series(double x)
{
    /* clang-format off */
    static const double c[] = { /* B_2j / 2j */
        1.0 / 12,  -1.0 / 120,       1.0 / 252, -1.0 / 240,
        1.0 / 132, -691.0 / 32760.0, 1.0 / 12,  -3617.0 / 8160};
    /* clang-format on */
    double z = 1 / (x * x), sum = 0;
    for (size_t j = sizeof c / sizeof *c; j-- > 0;) sum = (sum + c[j]) * z;
    return log(x) - 0.5 / x - sum;
}

/* For x > 0. */
static double digamma_positive(double x)
{
    double below = 0;
    for (; x < 10; x += 1) below += 1 / x;
    return digamma_series(x) - below;
}

double pal__digamma(double x)
{
    if (x > 0 || x != x) return isinf(x) ? x : digamma_positive(x);
    if (x == 0) return copysign(INFINITY, -x);
    double r = x - rint(x); /* exact; cot has period 1 */
    if (r == 0 || isinf(x)) return NAN;
    /* Near a pole 1 - x is rounded. That does not matter, because the term with r contains the pole. */
    return digamma_positive(1 - x) - pi / tan(pi * r);
}

/* n! zeta(n + 1, x) for x > 0. Each term n! / (x + k)^(n+1) is computed as a product of n + 1 ratios, so that neither
 * the factorial nor the power alone can overflow. */
static double zeta_positive(double n, double x)
{
    /* clang-format off */
    static const double c[] = { /* B_2j / (2j)! */
        1.0 / 12,                        -1.0 / 720,
        1.0 / 30240,                     -1.0 / 1209600,
        1.0 / 47900160,                  -691.0 / 1307674368000.0,
        1.0 / 74724249600.0,             -3617.0 / 10670622842880000.0,
        43867.0 / 5109094217170944000.0, -174611.0 / 802857662698291200000.0};
    /* clang-format on */
    double sum = 0, s = n + 1, term;
    for (;; x += 1) {
        double q = 1 / x;
        term = q;
        for (double j = 1; j <= n; j += 1) term *= j * q;
        if (x >= s + 10 || term == INFINITY) break;
        sum += term;
    }
    if (isinf(x) || term == INFINITY) return term;
    double tail = 0.5, rising = s / x; /* s (s+1) .. (s+2j-2) / x^(2j-1) */
    for (size_t j = 0; j < sizeof c / sizeof *c; j++) {
        tail += c[j] * rising;
        rising *= (s + 2 * (double)j + 1) / x * ((s + 2 * (double)j + 2) / x);
    }
    return sum + term * x / n + term * tail;
}

/* (-1)^(n+1) n! zeta(n + 1, x). For x < 0 it is the sum over all integers, which has period 1, minus the terms that do
 * not belong to the sum from x on: (-1)^(n+1) zeta(n + 1, 1 - x). */
double pal__polygamma(double order, double x)
{
    if (order == 0) return pal__digamma(x);
    double sign = fmod(order, 2) == 0 ? -1 : 1;
    if (x > 0 || x != x) return x != x ? x : sign * zeta_positive(order, x);
    double r = x - rint(x);
    if (x == 0 || r == 0 || isinf(x))
        return sign > 0 ? (double)INFINITY : x == 0 ? copysign(INFINITY, -x) : (double)NAN;
    double up = zeta_positive(order, r > 0 ? r : 1 + r), down = zeta_positive(order, r > 0 ? 1 - r : -r);
    return sign * (up + sign * (down - zeta_positive(order, 1 - x)));
}
