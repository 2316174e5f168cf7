/* elementwise_functions.h - functions that the rows of elementwise.def use, for one real type T; included by
 * elementwise_type.h. They are built from the functions of vecmath.h. Exponentials and logarithms are computed outside
 * of conditional expressions, so that the compiler can vectorise them. NaN in gives NaN out. */

/* With e = e^-|x|, which never overflows: 1/(1+e) for x >= 0, e/(1+e) for x < 0. */
static inline T MATH(sigmoid)(T x)
{
    T e = EXP(-ABS(x)), numerator = x < 0 ? e : 1;
    return numerator / (1 + e);
}

static inline T MATH(softplus)(T x)
{
    T l = MATH(log1p_unit)(EXP(-ABS(x))), linear = x < 0 ? 0 : x;
    return linear + l;
}

/* softplus(a) - b a. The linear parts are one product: for a = 20, b = 1 the result is 2e-9, not the rounding error of
 * 20. An infinite logit that is right costs 0. */
static inline T MATH(cross_entropy)(T a, T b)
{
    T wrong = a < 0 ? -b : 1 - b;
    return (wrong == 0 ? 0 : wrong * a) + MATH(log1p_unit)(EXP(-ABS(a)));
}

/* a / (a^2 + b^2). 0 at the origin, as the limit along the axis of b is, and at infinity. */
static inline T MATH(turn)(T a, T b)
{
    T size = ABS(a) > ABS(b) ? ABS(a) : ABS(b), m = size > 0 ? size : 1, u = a / m, v = b / m;
    T y = u / (u * u + v * v) / m, far = a != a ? a : 0;
    return size == (T)INFINITY ? far : size == 0 ? 0 : y;
}

/* The larger operand plus ln(1 + e^-d), where d is the difference. For equal infinities d is 0. */
static inline T MATH(logaddexp)(T a, T b)
{
    T larger = a > b ? a : b, apart = a == b ? 0 : ABS(a - b);
    return larger + MATH(log1p_unit)(EXP(-apart));
}

/* At minus infinity, where the product would be NaN, the result is -0. The same holds for gelu and mish. */
static inline T MATH(silu)(T x)
{
    T y = x * MATH(sigmoid)(x);
    return x == (T)-INFINITY ? (T)-0.0 : y;
}

static inline T MATH(gelu)(T x)
{
    T y = x * MATH(normal_cdf)(x);
    return x == (T)-INFINITY ? (T)-0.0 : y;
}

/* tanh(ln(1 + e^x)) = n / (n + 2) with n = e^2x + 2 e^x; for x >= 0 both are divided by e^2x. */
static inline T MATH(mish)(T x)
{
    T e = EXP(-ABS(x)), numerator = x < 0 ? e * (e + 2) : 1 + 2 * e, rest = x < 0 ? 2 : 2 * (e * e);
    T y = x * (numerator / (numerator + rest));
    return x == (T)-INFINITY ? (T)-0.0 : y;
}

static inline T MATH(softsign)(T x)
{
    T y = x / (1 + ABS(x)), end = COPYSIGN((T)1, x);
    return ABS(x) == (T)INFINITY ? end : y;
}

/* ln(-expm1(-x)) for x < ln 2, else log1p(-e^-x) (Maechler 2012, "Accurately computing log(1 - exp(-|a|))"). */
static inline T MATH(log1mexp)(T x)
{
    T near = LOG(-EXPM1(-x)), far = LOG1P(-EXP(-x));
    return x < (T)0.6931471805599453 ? near : far;
}

/* ln(x / (1-x)) = log1p((2x-1) / (1-x)); from x = 1/4 on, 2x-1 and 1-x are exact. */
static inline T MATH(logit)(T x)
{
    T low = LOG(x / (1 - x)), high = LOG1P((x + x - 1) / (1 - x));
    return x < (T)0.25 ? low : high;
}

/* The remainder of the quotient rounded down. It has the sign of b, also if it is zero. */
static inline T MATH(remainder)(T a, T b)
{
    T r = FMOD(a, b), other = r + b;
    r = r != 0 && (r < 0) != (b < 0) ? other : r;
    return r == 0 ? COPYSIGN((T)0, b) : r;
}

static inline T MATH(lgamma)(T x) { return (T)pal__lgamma((double)x); }
static inline T MATH(digamma)(T x) { return (T)pal__digamma((double)x); }
static inline T MATH(polygamma)(T order, T x) { return (T)pal__polygamma((double)order, (double)x); }
