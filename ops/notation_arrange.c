/* notation_arrange.c - makes formulas easier to read, by equalities of real numbers.
 *
 * In: one entry with its operands, already arranged. Out: something that is equal and closer to what one would write;
 * or a bad handle. pal_explain repeats this until nothing changes, so each rule does one step and moves in one
 * direction:
 *   - reshapes outwards, past what works element by element; where a reader broadcasts them anyway, they go
 *   - broadcasts away, where the reader broadcasts by itself
 *   - constant factors and signs outwards and into one: 0.5 (2 a) is a, a 0.125 is a / 8, (-a) + b is b - a
 * notation_parts.c has the rules for slices.
 *
 * A factor moves out of a product or a sum only where nobody else reads the scaled value: else that value keeps its
 * line, and the reader its name. These are no rewrites of descriptors, because they change the rounding and save no
 * work. */
#include "ops/notation_arrange.h"

#include <math.h>
#include <string.h>

#include "autograd/wiring.h"
#include "ops/internal.h"

static bool is(pal_var v, const char *op) { return pal_op_of(v) && !strcmp(pal_op_of(v)->name, op); }
static bool constant(pal_var v) { return pal_op_of(v) && pal_op_of(v)->op_class == PAL_CLASS_CONSTANT; }
static double value_of(pal_var v) { return pal_params_of(v)->r[0]; }
static pal_shape params_shape(const pal_params *p) /* the parameters of sum_to and reshape */
{
    pal_shape s = {.rank = (int32_t)p->i[0]};
    for (int a = 0; a < s.rank; a++) s.dim[a] = p->i[1 + a];
    return s;
}
static bool same_shape(pal_var a, pal_var b) { return pal_shape_equal(pal_shape_of(a), pal_shape_of(b)); }
static pal_var again(const pal_rule *r, const pal_var *in) { return pal_record(r->tape, r->op, in, r->n, r->params); }

bool pal__notation_of_one(const pal_rule *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (pal_shape_count(pal_shape_of(r->in[i])) == 1) return true;
    return false;
}

bool pal__notation_of_transposed(const pal_rule *r)
{
    const int rank = pal_shape_of(r->in[0]).rank;
    for (int a = 0; a < rank - 2; a++)
        if (r->params->i[a] != a) return false;
    return rank >= 2 && r->params->i[rank - 1] == rank - 2 && r->params->i[rank - 2] == rank - 1;
}

pal_var pal__arrange_same(const pal_rule *r, unsigned alone)
{
    (void)alone;
    return r->in[0];
}

/* ---- Constant factors ----------------------------------------------------------------------------------------- */

/* Takes the constant factors off a value: v is *factor times what is returned. */
static pal_var peel(pal_var v, double *factor)
{
    for (;;) {
        const pal_var a = pal_operand(v, 0), b = pal_operand(v, 1);
        if (is(v, "neg")) {
            *factor = -*factor;
            v = a;
        } else if (is(v, "div") && constant(b) && same_shape(v, a) && value_of(b) != 0) {
            *factor /= value_of(b);
            v = a;
        } else if (is(v, "mul") && constant(a) && same_shape(v, b)) {
            *factor *= value_of(a);
            v = b;
        } else {
            return v;
        }
    }
}

/* The whole number of which a factor is the reciprocal in this type; 0: none. */
static double whole(double factor, pal_dtype dtype)
{
    const double k = rint(1 / factor);
    if (!(k >= 2 && k < 1e9)) return 0;
    if (dtype == PAL_F32) return (float)(1 / k) == (float)factor ? k : 0;
    return fabs(1 / factor - k) <= 4e-16 * k ? k : 0;
}

static pal_var scaled(pal_var v, double factor)
{
    if (factor < 0) return pal_neg(scaled(v, -factor));
    const double k = whole(factor, pal_dtype_of(v));
    if (k > 0) return pal_div(v, pal_like(v, k));
    return factor == 1 ? v : pal_mul(pal_like(v, factor), v);
}

static bool good(double factor) { return isfinite(factor) && factor != 0; }

/* ---- Reshapes and broadcasts ---------------------------------------------------------------------------------- */

static pal_shape core(pal_shape s) /* without leading axes of 1 */
{
    pal_shape out = {0};
    int a = 0;
    while (a < s.rank && s.dim[a] == 1) a++;
    for (; a < s.rank; a++) out.dim[out.rank++] = s.dim[a];
    return out;
}

/* What an operand may become without a change of the result: the operand of a broadcast, the scalar of a constant, what
 * is reshaped by leading axes of 1 alone. */
static pal_var plainer(pal_var v)
{
    if (is(v, "broadcast_to")) return pal_operand(v, 0);
    if (constant(v) && pal_shape_of(v).rank) return pal_like(v, value_of(v));
    if (is(v, "reshape") && pal_shape_equal(core(pal_shape_of(v)), core(pal_shape_of(pal_operand(v, 0)))))
        return pal_operand(v, 0);
    return (pal_var){0};
}

static bool shape_of_all(const pal_var *in, size_t n, pal_shape *out)
{
    *out = (pal_shape){0};
    for (size_t i = 0; i < n; i++)
        if (!pal_shape_broadcast(*out, pal_shape_of(in[i]), out)) return false;
    return true;
}

static pal_var with_plainer(const pal_rule *r)
{
    pal_var in[3];
    pal_shape before, after;
    if (!shape_of_all(r->in, r->n, &before)) return (pal_var){0};
    for (size_t k = 0; k < r->n; k++) {
        memcpy(in, r->in, r->n * sizeof *in);
        in[k] = plainer(r->in[k]);
        if (!in[k].id || !shape_of_all(in, r->n, &after)) continue;
        if (pal_shape_equal(before, after)) return again(r, in);
        if (is(r->in[k], "broadcast_to") && pal_shape_count(before) > pal_shape_count(after) && pal_ok(again(r, in)))
            return pal_broadcast_to(again(r, in), before);
    }
    return (pal_var){0};
}

/* f(reshape a) is reshape f(a), if the other operands are scalars, are reshaped alike, or lose or gain axes of 1. */
static pal_var past_reshape(const pal_rule *r)
{
    pal_var in[3], inner = {0};
    pal_shape to = {0}, from = {0};
    for (size_t k = 0; k < r->n; k++)
        if (is(r->in[k], "reshape") && !inner.id) {
            inner = pal_operand(r->in[k], 0);
            to = pal_shape_of(r->in[k]);
            from = pal_shape_of(inner);
        }
    if (!inner.id) return inner;
    for (size_t k = 0; k < r->n; k++) {
        const pal_var v = r->in[k];
        if (is(v, "reshape") && pal_shape_equal(pal_shape_of(v), to) &&
            pal_shape_equal(pal_shape_of(pal_operand(v, 0)), from))
            in[k] = pal_operand(v, 0);
        else if (!pal_shape_of(v).rank)
            in[k] = v;
        else if (pal_shape_equal(pal_shape_of(v), to) && from.rank < to.rank)
            in[k] = pal_reshape(v, from);
        else
            return (pal_var){0};
    }
    return pal_reshape(again(r, in), to);
}

pal_var pal__arrange_elementwise(const pal_rule *r, unsigned alone)
{
    (void)alone;
    if (r->n > 3) return (pal_var){0};
    const pal_var v = with_plainer(r);
    return v.id ? v : past_reshape(r);
}

pal_var pal__arrange_reshape(const pal_rule *r, unsigned alone)
{
    (void)alone;
    const pal_var a = r->in[0];
    if (is(a, "reshape")) return pal_reshape(pal_operand(a, 0), params_shape(r->params));
    if (pal_shape_equal(pal_shape_of(a), params_shape(r->params))) return a;
    return (pal_var){0};
}

/* ---- Arithmetic ----------------------------------------------------------------------------------------------- */

pal_var pal__arrange_neg(const pal_rule *r, unsigned alone)
{
    const pal_var a = r->in[0];
    if (is(a, "neg")) return pal_operand(a, 0);
    if (is(a, "sub") && alone & 1) return pal_sub(pal_operand(a, 1), pal_operand(a, 0));
    return pal__arrange_elementwise(r, alone);
}

static bool zero(pal_var v) { return constant(v) && value_of(v) == 0; }
static bool negative(pal_var v) { return constant(v) && value_of(v) < 0; }
static pal_var positive(pal_var v) { return pal_fill(v.tape, pal_dtype_of(v), pal_shape_of(v), -value_of(v)); }

pal_var pal__arrange_add(const pal_rule *r, unsigned alone)
{
    const pal_var a = r->in[0], b = r->in[1];
    pal_shape s;
    if (!shape_of_all(r->in, 2, &s)) return (pal_var){0};
    if (zero(b) && pal_shape_equal(s, pal_shape_of(a))) return a;
    if (zero(a) && pal_shape_equal(s, pal_shape_of(b))) return b;
    if (is(b, "neg")) return pal_sub(a, pal_operand(b, 0));
    if (is(a, "neg")) return pal_sub(b, pal_operand(a, 0));
    if (negative(b)) return pal_sub(a, positive(b));
    if (negative(a)) return pal_sub(b, positive(a));
    if (is(b, "sub") && alone & 2) return pal_sub(pal_add(a, pal_operand(b, 0)), pal_operand(b, 1));
    return pal__arrange_elementwise(r, alone);
}

pal_var pal__arrange_sub(const pal_rule *r, unsigned alone)
{
    const pal_var a = r->in[0], b = r->in[1];
    if (is(b, "neg")) return pal_add(a, pal_operand(b, 0));
    if (negative(b)) return pal_add(a, positive(b));
    if (is(a, "neg")) return pal_neg(pal_add(pal_operand(a, 0), b));
    return pal__arrange_elementwise(r, alone);
}

static bool factored(pal_var v) /* a value with a constant factor on the outside */
{
    double f = 1;
    return peel(v, &f).id != v.id && good(f);
}

pal_var pal__arrange_mul(const pal_rule *r, unsigned alone)
{
    pal_var a = r->in[0], b = r->in[1];
    pal_shape s;
    double f = 1;
    if (!shape_of_all(r->in, 2, &s)) return (pal_var){0};
    const bool first = constant(a), second = constant(b);
    if (first != second) { /* one is a constant */
        pal_var base = peel(first ? b : a, &f);
        f *= value_of(first ? a : b);
        const bool stays = first && base.id == b.id && f > 0 && f != 1 && whole(f, pal_dtype_of(b)) == 0;
        if (good(f) && pal_shape_count(s) > pal_shape_count(pal_shape_of(base)) && pal_shape_of(first ? a : b).rank)
            return pal_broadcast_to(scaled(base, f), s);
        if (good(f) && !stays && pal_shape_equal(s, pal_shape_of(base))) return scaled(base, f);
        if (stays && alone & 2 && (is(base, "add") || is(base, "sub"))) { /* c (a - 3) is c a - 3 c */
            const pal_var x = pal_operand(base, 0), y = pal_operand(base, 1);
            const bool add = is(base, "add");
            if (constant(x) != constant(y) && same_shape(base, constant(x) ? y : x)) {
                const pal_var left = constant(x) ? pal_like(x, f * value_of(x)) : scaled(x, f),
                              right = constant(y) ? pal_like(y, f * value_of(y)) : scaled(y, f);
                return add ? pal_add(left, right) : pal_sub(left, right);
            }
        }
    } else if (!first) {
        const bool sign_a = is(a, "neg"), sign_b = is(b, "neg");
        if ((factored(a) && (sign_a || alone & 1)) || (factored(b) && (sign_b || alone & 2))) {
            pal_var x = a, y = b;
            if (alone & 1)
                x = peel(a, &f);
            else if (sign_a)
                x = pal_operand(a, 0), f = -f;
            if (alone & 2)
                y = peel(b, &f);
            else if (sign_b)
                y = pal_operand(b, 0), f = -f;
            return scaled(pal_mul(x, y), f);
        }
        if (pal_shape_count(pal_shape_of(b)) == 1 && pal_shape_count(pal_shape_of(a)) != 1) return pal_mul(b, a);
    }
    return pal__arrange_elementwise(r, alone);
}

pal_var pal__arrange_div(const pal_rule *r, unsigned alone)
{
    const pal_var a = r->in[0], b = r->in[1];
    double f = 1;
    if (constant(b) && !constant(a)) {
        const pal_var base = peel(a, &f);
        f /= value_of(b);
        const bool stays = base.id == a.id && whole(f, pal_dtype_of(a)) > 0;
        pal_shape s;
        if (good(f) && !stays && shape_of_all(r->in, 2, &s) && pal_shape_equal(s, pal_shape_of(base)))
            return scaled(base, f);
    } else if (!constant(b) && factored(a) && (alone & 1 || is(a, "neg"))) {
        const pal_var x = alone & 1 ? peel(a, &f) : (f = -1, pal_operand(a, 0));
        return scaled(pal_div(x, b), f);
    }
    return pal__arrange_elementwise(r, alone);
}

/* ---- Sums and products ---------------------------------------------------------------------------------------- */

pal_var pal__arrange_sum(const pal_rule *r, unsigned alone)
{
    const pal_var a = r->in[0];
    const pal_shape to = params_shape(r->params);
    double f = 1;
    if (pal_shape_count(to) == pal_shape_count(pal_shape_of(a))) return pal_reshape(a, to); /* axes of 1 alone */
    if (pal_shape_count(to) == 1 && to.rank) return pal_reshape(pal_sum_to(a, PAL_SCALAR), to);
    if (!to.rank && (is(a, "reshape") || is(a, "sum_to"))) return pal_sum_to(pal_operand(a, 0), to);
    if (factored(a) && (alone & 1 || is(a, "neg"))) {
        const pal_var base = alone & 1 ? peel(a, &f) : (f = -1, pal_operand(a, 0));
        return scaled(pal_sum_to(base, to), f);
    }
    return (pal_var){0};
}

/* Factors out of a product, if nobody else reads the scaled operand; signs always. */
pal_var pal__arrange_matmul(const pal_rule *r, unsigned alone)
{
    double f = 1;
    pal_var in[2] = {r->in[0], r->in[1]};
    for (unsigned k = 0; k < 2; k++)
        if (alone & 1u << k)
            in[k] = peel(in[k], &f);
        else if (is(in[k], "neg"))
            in[k] = pal_operand(in[k], 0), f = -f;
    if ((in[0].id == r->in[0].id && in[1].id == r->in[1].id) || !good(f)) return (pal_var){0};
    return scaled(again(r, in), f);
}

pal_var pal__arrange_addmm(const pal_rule *r, unsigned alone)
{
    (void)alone;
    const int64_t *i = r->params->i;
    return pal_add(r->in[0], pal_matmul_t(r->in[1], r->in[2], i[0] != 0, i[1] != 0));
}

pal_var pal__arrange_matmul_sum(const pal_rule *r, unsigned alone)
{
    (void)alone;
    pal_var sum = {0};
    for (size_t t = 0; t < r->n / 2; t++) {
        const pal_params p = pal__product_params(r->params, r->n / 2, t);
        const pal_var product = pal_matmul_t(r->in[2 * t], r->in[2 * t + 1], p.i[0] != 0, p.i[1] != 0);
        sum = t ? pal_add(sum, product) : product;
    }
    return sum;
}
