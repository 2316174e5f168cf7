/* elementwise_oracles.h - expected values and slopes for elementwise.def: the C library and plain formulas. */
#ifndef PAL_TEST_ELEMENTWISE_ORACLES_H
#define PAL_TEST_ELEMENTWISE_ORACLES_H

#include <check.h>
#include <math.h>
#include <string.h>

#include "ops/ops.h"

#define UNSAID 0x1.badp+900 /* mathematically undefined: any result is accepted */

static double sign_of(double x) { return isnan(x) ? x : (x > 0) - (x < 0); }
static double logistic(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double plus(double x) { return x < 0 ? 0 : x; }
static double soft_plus(double x) { return plus(x) + log1p(exp(-fabs(x))); }
/* erfc magnifies the rounding error of x / sqrt(2) in the tail; the last factor corrects for it. */
static double gauss_area(double x)
{
    double a = -x * M_SQRT1_2, lost = fma(-x, M_SQRT1_2, -a) + x * 0x1.bdd3413b26456p-55;
    return 0.5 * erfc(a) * (a > 1 && a < 40 ? exp(-2 * a * lost) : 1);
}
static double gauss(double x) { return exp(-0.5 * x * x) * 0.5 * M_SQRT1_2 * M_2_SQRTPI; }
static double between(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
/* factor * x, but 0 if the factor is 0, even for infinite x. */
static double vanishing(double factor, double x) { return factor == 0 ? copysign(0, x) : factor * x; }

static double mish_slope(double x)
{
    double t = tanh(soft_plus(x));
    return t + vanishing((1 - t * t) * logistic(x), x);
}

static double lgamma_of(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* Polygamma of order n = 0, 1 or 2: plain recurrence up to x = 40, then the asymptotic series. */
static double naive_polygamma(int n, double x)
{
    double below = 0;
    if (isnan(x) || x == -(double)INFINITY) return n == 1 && x < 0 ? (double)INFINITY : (double)NAN;
    if (x == 0) return n == 1 ? (double)INFINITY : copysign(INFINITY, -x);
    if (x < 0 && x == floor(x)) return n == 1 ? (double)INFINITY : (double)NAN;
    if (x == (double)INFINITY) return n == 0 ? x : 0;
    for (; x < 40; x += 1) below += n == 0 ? 1 / x : n == 1 ? 1 / (x * x) : 2 / (x * x * x);
    double u = 1 / x, z = u * u;
    if (n == 0) return log(x) - u / 2 - z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z / 240))) - below;
    if (n == 1) return u + z / 2 + u * z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z / 30))) + below;
    return -z - u * z - z * z * (0.5 - z * (1.0 / 6 - z * (1.0 / 6 - z * 0.3))) - below;
}

/* X(name, value, slope) as functions of x; p and q are the parameters of the operation's sample. */
/* clang-format off */
#define UNARY_ORACLES(X)                                                                                               \
    X(neg, -x, -1)                                                                                                     \
    X(abs, fabs(x), sign_of(x))                                                                                        \
    X(square, x * x, 2 * x)                                                                                            \
    X(sqrt, sqrt(x), 0.5 / sqrt(x))                                                                                    \
    X(rsqrt, 1 / sqrt(x), x == (double)INFINITY ? 0 : -0.5 / sqrt(x) / x)                                              \
    X(cbrt, cbrt(x), 1 / (3 * cbrt(x) * cbrt(x)))                                                                      \
    X(reciprocal, 1 / x, -1 / x / x)                                                                                   \
    X(exp, exp(x), exp(x))                                                                                             \
    X(exp2, exp2(x), M_LN2 * exp2(x))                                                                                  \
    X(expm1, expm1(x), exp(x))                                                                                         \
    X(log, log(x), 1 / x)                                                                                              \
    X(log2, log2(x), M_LOG2E / x)                                                                                      \
    X(log10, log10(x), M_LOG10E / x)                                                                                   \
    X(log1p, log1p(x), 1 / (1 + x))                                                                                    \
    X(log1mexp, x < 0.5 ? log(-expm1(-x)) : log1p(-exp(-x)), 1 / expm1(fabs(x)))                                       \
    X(logit, log(x) - log1p(-x), 1 / x / (1 - x))                                                                      \
    X(sin, sin(x), cos(x))                                                                                             \
    X(cos, cos(x), -sin(x))                                                                                            \
    X(tan, tan(x), 1 + tan(x) * tan(x))                                                                                \
    X(asin, asin(x), 1 / sqrt((1 - x) * (1 + x)))                                                                      \
    X(acos, acos(x), -1 / sqrt((1 - x) * (1 + x)))                                                                     \
    X(atan, atan(x), 1 / (1 + x * x))                                                                                  \
    X(sinh, sinh(x), cosh(x))                                                                                          \
    X(cosh, cosh(x), sinh(x))                                                                                          \
    X(tanh, tanh(x), 1 / cosh(x) / cosh(x))                                                                            \
    X(asinh, asinh(x), 1 / hypot(x, 1))                                                                                \
    X(acosh, acosh(x), 1 / sqrt(x - 1) / sqrt(x + 1))                                                                  \
    X(atanh, atanh(x), 1 / ((1 - x) * (1 + x)))                                                                        \
    X(erf, erf(x), M_2_SQRTPI * exp(-x * x))                                                                           \
    X(erfc, erfc(x), -M_2_SQRTPI * exp(-x * x))                                                                        \
    X(normal_cdf, gauss_area(x), gauss(x))                                                                             \
    X(lgamma, lgamma_of(x), naive_polygamma(0, x))                                                                     \
    X(digamma, naive_polygamma(0, x), naive_polygamma(1, x))                                                           \
    X(polygamma, naive_polygamma((int)p, x), naive_polygamma((int)p + 1, x))                                           \
    X(sigmoid, logistic(x), logistic(x) * logistic(-x))                                                                \
    X(softplus, soft_plus(x), logistic(x))                                                                             \
    X(log_sigmoid, -soft_plus(-x), logistic(-x))                                                                       \
    X(relu, plus(x), x > 0)                                                                                            \
    X(relu6, between(x, 0, 6), x > 0 && x < 6)                                                                         \
    X(hard_tanh, between(x, -1, 1), x > -1 && x < 1)                                                                   \
    X(hard_sigmoid, between(x + 3, 0, 6) / 6, x > -3 && x < 3 ? 1.0 / 6 : 0)                                           \
    X(hard_silu, x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6, x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5)                   \
    X(selu, 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x)),                                          \
      1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543772 * exp(x)))                                                  \
    X(gelu, vanishing(gauss_area(x), x), gauss_area(x) + vanishing(gauss(x), x))                                       \
    X(silu, vanishing(logistic(x), x), logistic(x) + vanishing(logistic(x) * logistic(-x), x))                         \
    X(mish, vanishing(tanh(soft_plus(x)), x), mish_slope(x))                                                           \
    X(softsign, isinf(x) ? sign_of(x) : x / (1 + fabs(x)), 1 / (1 + fabs(x)) / (1 + fabs(x)))                          \
    X(leaky_relu, x > 0 ? x : p * x, x > 0 ? 1 : p)                                                                    \
    X(elu, x > 0 ? x : p * expm1(x), x > 0 ? 1 : p * exp(x))                                                           \
    X(celu, x > 0 ? x : p * expm1(x / p), x > 0 ? 1 : exp(x / p))                                                      \
    X(soft_shrink, fabs(x) <= p ? 0 : x - sign_of(x) * p, fabs(x) > p)                                                 \
    X(clip, between(x, p, q), x >= p && x <= q)                                                                        \
    X(sign, sign_of(x), 0)                                                                                             \
    X(floor, floor(x), 0)                                                                                              \
    X(ceil, ceil(x), 0)                                                                                                \
    X(round, nearbyint(x), 0)                                                                                          \
    X(trunc, trunc(x), 0)                                                                                              \
    X(is_nan, isnan(x), 0)                                                                                             \
    X(is_finite, isfinite(x), 0)                                                                                       \
    X(is_inf, isinf(x) != 0, 0)                                                                                        \
    X(logical_not, !x, 0)

static double modulo(double a, double b)
{
    double r = fmod(a, b);
    if (r != 0 && (r < 0) != (b < 0)) r += b;
    return r == 0 ? copysign(0, b) : r;
}

static double pow_by_exponent(double a, double b)
{
    double y = pow(a, b);
    return signbit(a) ? UNSAID : y == 0 || (a == 0 && b == 0) ? 0 : y * log(a);
}

static double share(double n, double other)
{
    if (isnan(n) || isnan(other) || (isinf(n) && isinf(other))) return UNSAID;
    return isinf(n) ? sign_of(n) : isinf(other) || (n == 0 && other == 0) ? 0 : n / hypot(n, other);
}

static double turn(double n, double other)
{
    double h = hypot(n, other);
    return h == 0 || isinf(h) ? 0 : n / h / h;
}

/* ln(1 + e^a) - b a; an infinite logit that is right costs 0. */
static double cross_entropy(double a, double b)
{
    double wrong = a < 0 ? -b : 1 - b;
    return vanishing(wrong, a) + log1p(exp(-fabs(a)));
}

static double turn_slope(double n, double other)
{
    double a = turn(n, other), b = turn(other, n);
    return isnan(n) || isnan(other) ? UNSAID : (b - a) * (b + a);
}

/* X(name, value, slope by a, slope by b) */
/* clang-format off */
#define BINARY_ORACLES(X)                                                                                              \
    X(sub, a - b, 1, -1)                                                                                               \
    X(mul, a * b, b, a)                                                                                                \
    X(div, a / b, 1 / b, -a / b / b)                                                                                   \
    X(remainder, modulo(a, b), 1, isinf(b) ? UNSAID : (modulo(a, b) != a && a / b == 0) - floor(a / b))                \
    X(max, isnan(a) ? a : isnan(b) ? b : a > b ? a : b, a > b ? 1 : 0.5 * (a == b), b > a ? 1 : 0.5 * (a == b))        \
    X(min, isnan(a) ? a : isnan(b) ? b : a < b ? a : b, a < b ? 1 : 0.5 * (a == b), b < a ? 1 : 0.5 * (a == b))        \
    X(pow, pow(a, b), isinf(b) || isnan(a) || isnan(b) ? UNSAID : b == 0 ? 0 : b * pow(a, b - 1),                      \
      pow_by_exponent(a, b))                                                                                           \
    X(hypot, hypot(a, b), share(a, b), share(b, a))                                                                    \
    X(atan2, atan2(a, b), turn(b, a), -turn(a, b))                                                                     \
    X(turn, isnan(a) || isnan(b) ? UNSAID : turn(a, b), turn_slope(a, b), -2 * turn(a, b) * turn(b, a))                \
    X(copysign, isnan(b) ? UNSAID : copysign(a, b), sign_of(a) * copysign(1, b), 0)                                    \
    X(logaddexp, a == b ? a + M_LN2 : fmax(a, b) + log1p(exp(-fabs(a - b))), a == b ? 0.5 : logistic(a - b),           \
      a == b ? 0.5 : logistic(b - a))                                                                                  \
    X(xlogy, a == 0 && !isnan(b) ? 0 : a * log(b), a == 0 && b <= 0 ? 0 : log(b), a == 0 && b <= 0 ? 0 : a / b)        \
    X(xlog1py, a == 0 && !isnan(b) ? 0 : a * log1p(b), a == 0 && b <= -1 ? 0 : log1p(b),                               \
      a == 0 && b <= -1 ? 0 : a / (1 + b))                                                                             \
    X(bernoulli_cross_entropy, cross_entropy(a, b), logistic(a) - b, -a)                                              \
    X(less, a < b, 0, 0)                                                                                               \
    X(less_equal, a <= b, 0, 0)                                                                                        \
    X(greater, a > b, 0, 0)                                                                                            \
    X(greater_equal, a >= b, 0, 0)                                                                                     \
    X(equal, a == b, 0, 0)                                                                                             \
    X(not_equal, a != b, 0, 0)                                                                                         \
    X(logical_and, a && b, 0, 0)                                                                                       \
    X(logical_or, a || b, 0, 0)                                                                                        \
    X(logical_xor, a != b, 0, 0)
/* clang-format on */

typedef double (*oracle_fn)(double a, double b, double p, double q);
#define ORACLE(name, part, expression)                                                                                 \
    static double part##_##name(double a, double b, double p, double q)                                                \
    {                                                                                                                  \
        double x = a;                                                                                                  \
        (void)x, (void)a, (void)b, (void)p, (void)q;                                                                   \
        return expression;                                                                                             \
    }
#define X(name, v, s) ORACLE(name, value, v) ORACLE(name, by_a, s)
UNARY_ORACLES(X)
#undef X
#define X(name, v, s, r) ORACLE(name, value, v) ORACLE(name, by_a, s) ORACLE(name, by_b, r)
BINARY_ORACLES(X)
#undef X

static const struct oracle {
    const char *name;
    int arity;
    oracle_fn value, slope[2];
} oracles[] = {
#define X(name, ...) {#name, 1, value_##name, {by_a_##name, NULL}},
    UNARY_ORACLES(X)
#undef X
#define X(name, ...) {#name, 2, value_##name, {by_a_##name, by_b_##name}},
        BINARY_ORACLES(X)
#undef X
};

/* NULL: no oracle. A new row of elementwise.def needs none: the parity test and the gradient checker cover it. */
static const struct oracle *oracle_of(const pal_op *op)
{
    for (size_t i = 0; i < sizeof oracles / sizeof *oracles; i++)
        if (!strcmp(oracles[i].name, op->name)) return &oracles[i];
    return NULL;
}

#endif
