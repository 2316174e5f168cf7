/* elementwise.h - shared by the files of the elementwise family. */
#ifndef PAL_OPS_ELEMENTWISE_H
#define PAL_OPS_ELEMENTWISE_H

#include "ops/internal.h"

#define PAL__SELU_SCALE 1.0507009873554804934
#define PAL__SELU_ALPHA 1.6732632423543772848

extern const pal_op pal__op_where, pal__op_cast;
extern const pal_super
    *const pal__supers[]; /* super.c: up to NULL; longer ones come before those that are a part of them */

/* elementwise_rules.c: factors of adjoints, and expressions for kinks. */
pal_var pal__from_above(pal_var x);                      /* x, but +0 for -0 */
pal_var pal__within(pal_var x, double low, double high); /* whether low < x < high */
pal_var pal__where_within(pal_var x, double low, double high, pal_var inside, pal_var outside);
pal_var pal__odd(pal_var whole);
pal_var pal__extreme_adjoint(pal_var g, pal_var taken, pal_var other);
pal_var pal__circle(pal_var x);
pal_var pal__gauss(pal_var x, double rate, double factor);
pal_var pal__damped(pal_var x, pal_var s);
pal_var pal__mish_slope(pal_var x);
pal_var pal__elu_slope(pal_var x, double right, double left, double width);
pal_var pal__pow_slope(pal_var a, pal_var b);
pal_var pal__pow_growth(pal_var a, pal_var b, pal_var power);
pal_var pal__direction(pal_var n, pal_var length);
pal_var pal__turn_slope(pal_var g, pal_var turn, pal_var other);
pal_var pal__quotient(pal_var a, pal_var b, pal_var y);
pal_var pal__unless_void(pal_var a, pal_var b, double limit, pal_var x, double harmless);

#endif
