/* elementwise_rules.c - factors of the adjoints in elementwise.def.
 *
 * All are composed of operations, so they have derivatives of every order. All are finite wherever the derivative has a
 * finite limit. Values that a pal_where does not choose are finite there too. */
#include "ops/elementwise.h"

#include <math.h>

static pal_var is_zero(pal_var x) { return pal_equal(x, pal_like(x, 0)); }

/* x, but +0 where x is -0, so that a quotient has its limit from above, also as a function of x. */
pal_var pal__from_above(pal_var x) { return pal_shift(x, 0); }

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

/* b a^(b-1), whose derivative in b is a^(b-1) (1 + b ln a).
 *
 * Where b is 0 and a is so small that 1/a is infinite, the exponent is 0, not -1. That gives 0 times 1. Where b is
 * infinite and the power vanishes, it is 0. At a = 0 the factor b is a constant, because the logarithm dominates the 1:
 * their sum would be the difference of two infinities. */
pal_var pal__pow_slope(pal_var a, pal_var b)
{
    pal_var one = pal_like(a, 1), zero = pal_like(b, 0);
    pal_var falls = pal_logical_xor(pal_greater(pal_abs(a), one), pal_greater(b, zero));
    pal_var vanished = pal_logical_and(pal_is_inf(b), falls);
    pal_var base = pal_where(vanished, one, a), exponent = pal_where(vanished, zero, b);
    pal_var pole = pal_logical_and(is_zero(exponent), pal_logical_not(pal_is_finite(pal_reciprocal(base))));
    pal_var factor = pal_where(is_zero(base), pal_stop_gradient(exponent), exponent);
    return pal_mul(factor, pal_pow(base, pal_where(pole, zero, pal_shift(exponent, -1))));
}

/* What takes the place of ln a in a^b ln a where a is 0 or inf: constants, whose products with the power and with the
 * power's derivatives have the right limits. They are infinite only where the power's derivative in a is not 0. */
static pal_var logarithm_at_end(pal_var a, pal_var b)
{
    pal_var one = pal_like(a, 1), zero = pal_like(a, 0), small = pal_less(b, one);
    pal_var at_zero = pal_where(pal_logical_and(small, pal_logical_not(is_zero(b))), pal_like(a, -1), zero);
    return pal_where(is_zero(a), at_zero, pal_where(small, one, pal_like(a, (double)INFINITY)));
}

/* a^b ln a. It is 0 where the power is 0, which is the limit, and where both operands are 0. At (inf, 0) it is a
 * constant infinity, so that the mixed derivative is 0 there. */
pal_var pal__pow_growth(pal_var a, pal_var b, pal_var power)
{
    pal_var one = pal_like(a, 1), whole = pal_like(a, (double)INFINITY), far = pal_equal(a, whole);
    pal_var gone = is_zero(power), corner = pal_logical_and(far, is_zero(b));
    pal_var end = pal_logical_or(is_zero(a), pal_logical_and(far, pal_logical_not(gone)));
    pal_var inner = pal_where(pal_logical_or(end, gone), one, a);
    pal_var logarithm = pal_where(end, logarithm_at_end(a, b), pal_log(inner));
    return pal_where(corner, whole, pal_mul(power, pal_where(corner, one, logarithm)));
}

/* n / length, where length = hypot(n, other). At the origin it is 0, and so are its derivatives, as those of a norm
 * are. At infinity it has its limits: the sign of n if n is infinite, 0 if only the other is. */
pal_var pal__direction(pal_var n, pal_var length)
{
    pal_var end = pal_logical_or(pal_is_inf(length), is_zero(length)), zero = pal_like(n, 0);
    pal_var sides = pal_where(pal_is_inf(n), pal_sign(n), pal_where(end, zero, n));
    return pal_div(sides, pal_where(end, pal_like(n, 1), length));
}

/* g (b^2 - a^2) / (a^2 + b^2)^2, where `turn` is a / (a^2 + b^2) and `other` is b / (a^2 + b^2). A difference of
 * squares would be one of infinities where both overflow. */
pal_var pal__turn_slope(pal_var g, pal_var turn, pal_var other)
{
    return pal_mul(pal_mul(g, pal_sub(other, turn)), pal_add(other, turn));
}

/* The derivative of a remainder y by b: -floor(a / b). An infinite b gives y = a, or y = b if the signs differ. */
pal_var pal__quotient(pal_var a, pal_var b, pal_var y)
{
    pal_var far = pal_is_inf(y), rest = pal_where(far, pal_like(y, 0), y);
    return pal_where(far, pal_like(y, 1), pal_round(pal_div(pal_sub(rest, a), b)));
}

/* x, but `harmless` where a is 0 and b is at most `limit`. There the factor a = 0 takes precedence over the pole of the
 * logarithm, and all derivatives are 0. */
pal_var pal__unless_void(pal_var a, pal_var b, double limit, pal_var x, double harmless)
{
    pal_var nothing = pal_logical_and(is_zero(a), pal_less_equal(b, pal_like(b, limit)));
    return pal_where(nothing, pal_like(x, harmless), x);
}
