/* outer.c - rewrites of outer products: a product of two values that are both smaller than it takes its reader along.
 *
 * In: a reader of a * b, where a and b are broadcast along different axes. Out: the same value without the large
 * product: (a b)^2 = a^2 b^2;  (a b) c = (a c) b if a c is still small;  sum(a b) = sum(a) sum(b), each over the axes
 * that it alone has;  (a b) C = a (b C) for matrices, if a is a column and b a row. A product of matrices over a single
 * term is such a product: zeros.c writes it as one. So the squared norm of an outer product is two sums, and the
 * product of three matrices of rank 1 never fills a matrix.
 *
 * With PAL_PASS_ROUNDING only. Squares and sums of the factors can leave the range of their type where those of the
 * product would not: this takes factors beyond 1e19 or below 1e-19 in float32.
 *
 * Why only if both are smaller: then each rewrite computes less, also where the product has other readers. To take a
 * constant factor out of any sum would also save a pass, but would move where means overflow. */
#include "autograd/wiring.h"
#include "ops/axes.h"

#include <string.h>

typedef struct outer {
    pal_var a, b;
    pal_shape shape;            /* of the product */
    const pal_op *mul, *square; /* elementwise.c has them, and is on top of this file */
} outer;

static pal_var none(void) { return (pal_var){0}; }

static int64_t count(pal_var v) { return pal_shape_count(pal_shape_of(v)); }

static int64_t length_along(pal_shape shape, int axis_from_last)
{
    return axis_from_last < shape.rank ? shape.dim[shape.rank - 1 - axis_from_last] : 1;
}

static pal_var mul(const outer *o, pal_var a, pal_var b)
{
    return pal_record(a.tape, o->mul, (pal_var[]){a, b}, 2, NULL);
}

static pal_var square(const outer *o, pal_var a) { return pal_record(a.tape, o->square, &a, 1, NULL); }

static bool is_outer(pal_var v, const pal_op *square_op, outer *o)
{
    *o = (outer){pal_operand(v, 0), pal_operand(v, 1), pal_shape_of(v), pal_op_of(v), square_op};
    return count(o->a) < pal_shape_count(o->shape) && count(o->b) < pal_shape_count(o->shape);
}

/* ---- Elementwise readers -------------------------------------------------------------------------------------- */

static pal_var through_square(const pal_rule *c, size_t k, outer o)
{
    (void)c, (void)k;
    return mul(&o, square(&o, o.a), square(&o, o.b));
}

/* The elements of the product of two values; the largest number if they do not fit. */
static int64_t joint(pal_var x, pal_var y)
{
    pal_shape shape;
    return pal_shape_broadcast(pal_shape_of(x), pal_shape_of(y), &shape) ? pal_shape_count(shape) : INT64_MAX;
}

static pal_var through_product(const pal_rule *c, size_t k, outer o)
{
    pal_var other = c->in[1 - k];
    const int64_t all = pal_shape_count(o.shape);
    pal_shape shape;
    if (other.id == c->in[k].id) return through_square(c, k, o);
    if (!pal_shape_broadcast(pal_shape_of(other), o.shape, &shape) || !pal_shape_equal(shape, o.shape)) return none();
    if (pal_op_of(other)->op_class == PAL_CLASS_CONSTANT)
        other = pal_fill(c->tape, pal_dtype_of(other), PAL_SCALAR, pal_params_of(other)->r[0]);
    if (count(other) >= all) return none();
    const int64_t with_a = joint(o.a, other) - count(o.a), with_b = joint(o.b, other) - count(o.b);
    if (with_a <= with_b) return joint(o.a, other) < all ? mul(&o, mul(&o, o.a, other), o.b) : none();
    return joint(o.b, other) < all ? mul(&o, o.a, mul(&o, o.b, other)) : none();
}

/* ---- Sums ----------------------------------------------------------------------------------------------------- */

/* The sum of x over the axes that are summed and that `other` does not have. */
static pal_var sum_alone(pal_var x, pal_var other, pal_shape product, pal_shape to)
{
    pal_shape shape = pal_shape_of(x), theirs = pal_shape_of(other);
    for (int a = 0; a < shape.rank; a++)
        if (length_along(to, a) != length_along(product, a) && length_along(theirs, a) == 1)
            shape.dim[shape.rank - 1 - a] = 1;
    return pal_shape_equal(shape, pal_shape_of(x)) ? x : pal_sum_to(x, shape);
}

static pal_var through_sum(const pal_rule *c, size_t k, outer o)
{
    (void)k;
    pal_shape to = {.rank = (int32_t)c->params->i[0]};
    memcpy(to.dim, c->params->i + 1, (size_t)to.rank * sizeof *to.dim);
    const pal_var a = sum_alone(o.a, o.b, o.shape, to), b = sum_alone(o.b, o.a, o.shape, to);
    if (a.id == o.a.id && b.id == o.b.id) return none();
    const pal_var product = mul(&o, a, b);
    if (count(product) == pal_shape_count(to)) return pal_reshape(product, to);
    return pal_sum_to(product, to);
}

/* ---- Products of matrices ------------------------------------------------------------------------------------- */

/* v with its last two axes exchanged, one of which has length 1. */
static pal_var turned(pal_var v)
{
    pal_shape s = pal_shape_of(v);
    const int64_t last = s.dim[s.rank - 1];
    s.dim[s.rank - 1] = s.dim[s.rank - 2];
    s.dim[s.rank - 2] = last;
    return pal_reshape(v, s);
}

static bool is_matrix(pal_var v, int64_t at, int64_t other)
{
    const pal_shape s = pal_shape_of(v);
    return s.rank >= 2 && length_along(s, (int)at) == 1 && length_along(s, (int)other) != 1;
}

/* Of the operand k, `free` is the axis that the result has, `summed` the other one: of the last two, from the last. */
static pal_var through_matmul(const pal_rule *c, size_t k, outer o)
{
    const int64_t free = (k == 0) != (c->params->i[k] != 0), summed = 1 - free;
    const bool first = is_matrix(o.a, summed, free) && is_matrix(o.b, free, summed);
    if (!first && !(is_matrix(o.b, summed, free) && is_matrix(o.a, free, summed))) return none();
    pal_var scale = first ? o.a : o.b, in[] = {c->in[0], c->in[1]};
    in[k] = first ? o.b : o.a;
    /* The result has A's free axis as its rows, and B's as its columns. */
    if ((free == 1) != (k == 0)) scale = turned(scale);
    const pal_var product = pal_record(c->tape, c->op, in, 2, c->params);
    return k == 0 ? mul(&o, scale, product) : mul(&o, product, scale);
}

static pal_var carry(const pal_rule *c, size_t k, outer o)
{
    if (c->op == o.square) return through_square(c, k, o);
    if (c->op == o.mul) return through_product(c, k, o);
    if (c->op == &pal__op_sum_to) return through_sum(c, k, o);
    return c->op == &pal__op_matmul ? through_matmul(c, k, o) : none();
}

pal_var pal__carry_outer(const pal_rule *c, size_t k, bool rounding, const pal_op *square_op)
{
    outer o;
    return rounding && is_outer(c->in[k], square_op, &o) ? carry(c, k, o) : none();
}
