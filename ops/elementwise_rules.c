/* elementwise_rules.c - factors of the adjoints in elementwise.def.
 *
 * All are composed of operations, so they have derivatives of every order. All are finite wherever the derivative has a
 * finite limit. Values that a pal_where does not choose are finite there too. */
#include "ops/elementwise.h"

#include <math.h>

static pal_var is_zero(pal_var x) { return pal_equal(x, pal_like(x, 0)); }

pal_var pal__within(pal_var x, double low, double high)
{
    return pal_logical_and(pal_greater(x, pal_like(x, low)), pal_less(x, pal_like(x, high)));
}

pal_var pal__where_within(pal_var x, double low, double high, pal_var inside, pal_var outside)
{
    return pal_where(pal__within(x, low, high), inside, outside);
}

/* Whether an integer is odd: for a function with jumps of one, the boolean changes at every jump. */
pal_var pal__odd(pal_var whole) { return pal_not_equal(pal_scale(pal_floor(pal_scale(whole, 0.5)), 2), whole); }

/* The adjoint of operand `taken` of max (of min, if the operands are swapped): g if it is the larger, half of g on a
 * tie, else 0. */
pal_var pal__extreme_adjoint(pal_var g, pal_var taken, pal_var other)
{
    pal_var tie = pal_where(pal_equal(taken, other), pal_scale(g, 0.5), pal_like(g, 0));
    return pal_where(pal_greater(taken, other), g, tie);
}

/* 1 - x^2, accurate near -1 and 1 too. At these ends the derivative of a product would contain 0 times an infinite
 * seed, so there it is 2 (1 - |x|), which has the same value and slope. */
pal_var pal__circle(pal_var x)
{
    pal_var size = pal_abs(x), end = pal_equal(size, pal_like(x, 1)), inner = pal_where(end, pal_like(x, 0), x);
    return pal_where(end, pal_scale(pal_one_minus(size), 2), pal_mul(pal_one_minus(inner), pal_shift(inner, 1)));
}

/* factor e^(-rate x^2), rate >= 1/2. For |x| > 40 it is 0 in any type. Because of the clip its derivatives are 0 there,
 * not 0 times infinity. */
pal_var pal__gauss(pal_var x, double rate, double factor)
{
    return pal_scale(pal_exp(pal_scale(pal_square(pal_clip(x, -40, 40)), -rate)), factor);
}

/* x s sigmoid(-x) with s = sigmoid(x). For |x| > 800 it is 0 in any type. */
pal_var pal__damped(pal_var x, pal_var s)
{
    return pal_mul(pal_clip(x, -800, 800), pal_mul(s, pal_sigmoid(pal_neg(x))));
}

/* t + x (1 - t^2) sigmoid(x) with t = tanh(softplus(x)). */
pal_var pal__mish_slope(pal_var x)
{
    pal_var t = pal_tanh(pal_softplus(x)), rise = pal_mul(pal_one_minus(pal_square(t)), pal_sigmoid(x));
    return pal_add(t, pal_mul(pal_clip(x, -800, 800), rise));
}

/* x > 0 ? right : left e^(x / width). The argument of the exponential is never positive. */
pal_var pal__elu_slope(pal_var x, double right, double left, double width)
{
    pal_var positive = pal_greater(x, pal_like(x, 0)), down = pal_where(positive, pal_like(x, 0), x);
    return pal_where(positive, pal_like(x, right), pal_scale(pal_exp(pal_div(down, pal_like(x, width))), left));
}

/* b a^(b-1). Where b is 0 and a is so small that 1/a is infinite, the exponent is 0, not -1. That gives 0 times 1. */
pal_var pal__pow_slope(pal_var a, pal_var b)
{
    pal_var pole = pal_logical_and(is_zero(b), pal_logical_not(pal_is_finite(pal_reciprocal(a))));
    return pal_mul(b, pal_pow(a, pal_where(pole, pal_like(b, 0), pal_shift(b, -1))));
}

/* a^b ln a. It is 0 where the power is 0, which is the limit, and where both operands are 0. */
pal_var pal__pow_growth(pal_var a, pal_var b, pal_var power)
{
    pal_var nothing = pal_logical_or(is_zero(power), pal_logical_and(is_zero(a), is_zero(b)));
    return pal_mul(power, pal_log(pal_where(nothing, pal_like(a, 1), a)));
}

/* n / length, where length = hypot(n, other). At the origin it is 0, and so are its derivatives, as those of a norm
 * are. At infinity it has its limits: the sign of n if n is infinite, 0 if only the other is. */
pal_var pal__direction(pal_var n, pal_var length)
{
    pal_var end = pal_logical_or(pal_is_inf(length), is_zero(length)), zero = pal_like(n, 0);
    pal_var sides = pal_where(pal_is_inf(n), pal_sign(n), pal_where(end, zero, n));
    return pal_div(sides, pal_where(end, pal_like(n, 1), length));
}

/* n / (n^2 + other^2), the derivative of an angle, without overflow. At the origin it is 0, and so are its
 * derivatives. */
pal_var pal__turn(pal_var n, pal_var other)
{
    pal_var length = pal_hypot(n, other);
    return pal_div(pal__direction(n, length), pal_where(is_zero(length), pal_like(n, 1), length));
}

/* The derivative of a remainder y by b: -floor(a / b). An infinite b gives y = a, or y = b if the signs differ. */
pal_var pal__quotient(pal_var a, pal_var b, pal_var y)
{
    pal_var far = pal_is_inf(y), rest = pal_where(far, pal_like(y, 0), y);
    return pal_where(far, pal_like(y, 1), pal_round(pal_div(pal_sub(rest, a), b)));
}

/* b, but `harmless` where a is 0 and b is at most `limit`. There the factor a = 0 takes precedence over the pole of the
 * logarithm. */
pal_var pal__unless_void(pal_var a, pal_var b, double limit, double harmless)
{
    pal_var nothing = pal_logical_and(is_zero(a), pal_less_equal(b, pal_like(b, limit)));
    return pal_where(nothing, pal_like(b, harmless), b);
}
