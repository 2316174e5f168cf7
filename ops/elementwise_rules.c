/* elementwise_rules.c - factors of the adjoints in elementwise.def. All are made of operations, so they have
 * derivatives of every order; all stay finite wherever the derivative has a limit, and so do the parts that a choice
 * leaves out. */
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

/* Of a function that jumps by one, the boolean that every jump changes. */
pal_var pal__odd(pal_var whole) { return pal_not_equal(pal_scale(pal_floor(pal_scale(whole, 0.5)), 2), whole); }

/* The adjoint of the operand that max (or, swapped, min) took: all of it, half of it on a tie, or nothing. */
pal_var pal__extreme_adjoint(pal_var g, pal_var taken, pal_var other)
{
    pal_var tie = pal_where(pal_equal(taken, other), pal_scale(g, 0.5), pal_like(g, 0));
    return pal_where(pal_greater(taken, other), g, tie);
}

/* 1 / sqrt(1 - x^2), to the last places near -1 and 1 too. */
pal_var pal__rsqrt_circle(pal_var x) { return pal_rsqrt(pal_mul(pal_one_minus(x), pal_shift(x, 1))); }

/* factor e^(-rate x^2), rate >= 1/2. Beyond 40 it is 0 in any type; the clip lets its derivatives be 0 there instead of
 * 0 times infinity. */
pal_var pal__gauss(pal_var x, double rate, double factor)
{
    return pal_scale(pal_exp(pal_scale(pal_square(pal_clip(x, -40, 40)), -rate)), factor);
}

/* x s sigmoid(-x) with s = sigmoid(x). Beyond 800 it is 0 in any type. */
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

/* x > 0 ? right : left e^(x / width); the exponential never sees a positive argument. */
pal_var pal__elu_slope(pal_var x, double right, double left, double width)
{
    pal_var positive = pal_greater(x, pal_like(x, 0)), down = pal_where(positive, pal_like(x, 0), x);
    return pal_where(positive, pal_like(x, right), pal_scale(pal_exp(pal_div(down, pal_like(x, width))), left));
}

/* b a^(b-1). Where b is 0 and a so small that 1/a is infinite, the exponent is 0 instead of -1: 0 times 1. */
pal_var pal__pow_slope(pal_var a, pal_var b)
{
    pal_var pole = pal_logical_and(is_zero(b), pal_logical_not(pal_is_finite(pal_reciprocal(a))));
    return pal_mul(b, pal_pow(a, pal_where(pole, pal_like(b, 0), pal_shift(b, -1))));
}

/* a^b ln a, 0 where the power is 0, as the limit is, or where both operands are. */
pal_var pal__pow_growth(pal_var a, pal_var b, pal_var power)
{
    pal_var nothing = pal_logical_or(is_zero(power), pal_logical_and(is_zero(a), is_zero(b)));
    return pal_mul(power, pal_log(pal_where(nothing, pal_like(a, 1), a)));
}

/* n / length, where length = hypot(n, other): 0 at the origin, and the limits at infinity: the sign of an infinite n,
 * 0 where the other is. */
pal_var pal__direction(pal_var n, pal_var length)
{
    pal_var far = pal_is_inf(length), zero = pal_like(n, 0);
    pal_var sides = pal_where(pal_is_inf(n), pal_sign(n), pal_where(far, zero, n));
    return pal_div(sides, pal_where(pal_logical_or(far, is_zero(length)), pal_like(n, 1), length));
}

/* n / (n^2 + other^2), the derivative of an angle, without overflow; 0 at the origin. */
pal_var pal__turn(pal_var n, pal_var other)
{
    pal_var length = pal_hypot(n, other);
    return pal_div(pal__direction(n, length), pal_where(is_zero(length), pal_like(n, 1), length));
}

/* a - b, and 0 of equal infinities. */
pal_var pal__difference(pal_var a, pal_var b)
{
    pal_var same = pal_logical_and(pal_is_inf(a), pal_equal(a, b)), zero = pal_like(a, 0);
    return pal_sub(pal_where(same, zero, a), pal_where(same, zero, b));
}

/* b, but the harmless value where a is 0 and b at most the limit: a factor 0 wins over the logarithm's pole. */
pal_var pal__unless_void(pal_var a, pal_var b, double limit, double harmless)
{
    pal_var nothing = pal_logical_and(is_zero(a), pal_less_equal(b, pal_like(b, limit)));
    return pal_where(nothing, pal_like(b, harmless), b);
}
