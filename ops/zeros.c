/* zeros.c - rewrites that carry known zeros: embed_at takes its readers along, slice_at asks for less of its operand.
 *
 * In: a reader of embed_at(x, index), or a slice_at of a value. Out: the same value from x alone, or from slices alone.
 *     f(embed(x)) = embed(f(x)) if f(0) = 0;  embed(x) * y = embed(x * slice(y));  A embed(x) = slice(A) x if the axis
 *     is summed, else embed(A x);  slice(f(y, z)) = f(slice(y), slice(z)).
 * So a row of a Jacobian, which begins with a unit vector, costs one row and not the whole matrix, without a rule that
 * knows Jacobians.
 *
 * Relies on: axes are counted from the last, as shapes are broadcast. Leaves alone: sums with values that are not zero,
 * and indices of several terms (batch.c comes after this).
 *
 * With PAL_PASS_ROUNDING only: a sum without its zeros is added in another order, 0 times infinity becomes 0, and a
 * zero may lose its sign. slice_at goes only into values of its own region: others are there anyway. */
#include "autograd/wiring.h"
#include "ops/axes.h"

#include <string.h>

/* The values that a slice has gone through in this pass, each once: a value may be read on many ways. Where there is no
 * more room, the next pass goes on. */
typedef struct trail {
    struct {
        uint32_t id;
        int64_t axis;
        pal_var sliced; /* id 0: not yet */
    } of[64];
    size_t n;
} trail;

typedef struct slot { /* where the axis of an embed_at or slice_at is */
    pal_var index;
    int64_t axis, length; /* the axis is counted from the last */
    trail *seen;          /* by the slices with this index */
} slot;

static pal_var none(void) { return (pal_var){0}; }

static bool is_embed(pal_var v) { return pal_op_of(v) == &pal__op_embed_at; }

static slot slot_of(pal_var embed, trail *seen)
{
    const pal_params *p = pal_params_of(embed);
    return (slot){.index = pal_operand(embed, 1), .axis = p->i[0], .length = p->i[1], .seen = seen};
}

static bool same_slot(slot a, slot b) { return a.index.id == b.index.id && a.axis == b.axis && a.length == b.length; }

/* The length of the slot's axis in this shape: 1 if the shape is broadcast along it. */
static int64_t length_along(pal_shape shape, int64_t axis)
{
    return axis < shape.rank ? shape.dim[shape.rank - 1 - axis] : 1;
}

static pal_shape with_length(pal_shape shape, int64_t axis, int64_t length)
{
    if (axis < shape.rank) shape.dim[shape.rank - 1 - axis] = length;
    return shape;
}

static pal_var embed(pal_var x, slot s)
{
    return pal_embed_at(x, s.index, pal_shape_of(x).rank - 1 - (int)s.axis, s.length);
}

static slot at_axis(slot s, int64_t axis) { return (slot){s.index, axis, s.length, s.seen}; }

static pal_var slice_earlier(pal_var y, slot s);

static pal_var slice(pal_var x, slot s)
{
    const pal_shape shape = pal_shape_of(x);
    trail *w = s.seen;
    size_t at = 0;
    if (length_along(shape, s.axis) == 1) return x;
    if (is_embed(x) && same_slot(slot_of(x, NULL), s)) return pal_operand(x, 0);
    while (at < w->n && (w->of[at].id != x.id || w->of[at].axis != s.axis)) at++;
    if (at < w->n) return w->of[at].sliced;
    if (at == PAL_COUNT(w->of)) return pal_slice_at(x, s.index, shape.rank - 1 - (int)s.axis);
    w->of[w->n].id = x.id;
    w->of[w->n++].axis = s.axis;
    const pal_var less = slice_earlier(x, s);
    return w->of[at].sliced = less.id ? less : pal_slice_at(x, s.index, shape.rank - 1 - (int)s.axis);
}

/* The axis, from the last, that a reshape makes of this one; -1: it does not stay whole. */
static int64_t reshaped_axis(pal_shape from, pal_shape to, int64_t axis)
{
    int64_t behind = 1, at = 1;
    for (int64_t a = 0; a < axis; a++) behind *= length_along(from, a);
    for (int64_t a = 0; a < to.rank; at *= length_along(to, a), a++)
        if (at == behind && length_along(to, a) == length_along(from, axis)) return a;
    return -1;
}

/* The axis, from the last, where a permute puts this one. */
static int64_t permuted_axis(const pal_params *p, int rank, int64_t axis)
{
    for (int a = 0; a < rank; a++)
        if (p->i[a] == rank - 1 - axis) return rank - 1 - a;
    return -1;
}

/* The shape and the type of what the reader computes. */
static pal_shape result_of(const pal_rule *c, pal_dtype *dtype)
{
    pal_shape shapes[3];
    pal_dtype dtypes[3];
    pal_infer r = {.n = c->n, .shapes = shapes, .dtypes = dtypes, .params = c->params};
    for (size_t i = 0; i < c->n && i < 3; i++) {
        shapes[i] = pal_shape_of(c->in[i]);
        dtypes[i] = pal_dtype_of(c->in[i]);
    }
    if (!c->op->infer(&r)) r.shape = (pal_shape){0};
    if (dtype) *dtype = r.dtype;
    return r.shape;
}

/* ---- Zeros that go on to the reader --------------------------------------------------------------------------- */

/* Whether zeros give zero, asked of the kernel itself. */
static bool is_zero_at_zero(const pal_rule *c)
{
    _Alignas(64) double zeros[PAL_TILE_PAD] = {0}, out[PAL_TILE_PAD];
    const void *in[] = {zeros, zeros, zeros};
    const pal_tile_fn fn = c->op->tile[PAL_ISA_BASELINE][pal_dtype_of(c->in[c->n - 1])];
    pal_dtype dtype;
    result_of(c, &dtype);
    if (!fn || !pal_dtype_real(dtype)) return false;
    fn(1, out, in, &(pal_tile){.params = c->params});
    float narrow;
    memcpy(&narrow, out, sizeof narrow);
    return dtype == PAL_F32 ? narrow == 0 : out[0] == 0;
}

/* Operations that are zero wherever this operand is. */
static const struct {
    const pal_op *const *op;
    size_t operand;
} annihilates[] = {{&pal__mul, 0}, {&pal__mul, 1}, {&pal__div, 0}};

static bool is_annihilated(const pal_op *op, size_t k)
{
    for (size_t i = 0; i < PAL_COUNT(annihilates); i++)
        if (*annihilates[i].op == op && annihilates[i].operand == k) return true;
    return false;
}

static pal_var through_elementwise(const pal_rule *c, size_t k, slot s)
{
    pal_var in[3];
    bool all = true;
    for (size_t i = 0; i < c->n; i++) all &= is_embed(c->in[i]) && same_slot(slot_of(c->in[i], NULL), s);
    if (!(all ? is_zero_at_zero(c) : is_annihilated(c->op, k))) return none();
    for (size_t i = 0; i < c->n; i++) in[i] = slice(c->in[i], s);
    return embed(pal_record(c->tape, c->op, in, c->n, c->params), s);
}

static pal_var through_broadcast(const pal_rule *c, size_t k, slot s)
{
    return embed(pal_broadcast_to(pal_operand(c->in[k], 0), with_length(result_of(c, NULL), s.axis, 1)), s);
}

static pal_var through_sum(const pal_rule *c, size_t k, slot s)
{
    const pal_shape shape = result_of(c, NULL);
    const pal_var sum = pal_sum_to(pal_operand(c->in[k], 0), with_length(shape, s.axis, 1));
    return length_along(shape, s.axis) == 1 ? sum : embed(sum, s);
}

static pal_var through_reshape(const pal_rule *c, size_t k, slot s)
{
    const pal_shape shape = result_of(c, NULL);
    const int64_t axis = reshaped_axis(pal_shape_of(c->in[k]), shape, s.axis);
    if (axis < 0) return none();
    const pal_var x = pal_reshape(pal_operand(c->in[k], 0), with_length(shape, axis, 1));
    return embed(x, at_axis(s, axis));
}

static pal_var through_permute(const pal_rule *c, size_t k, slot s)
{
    pal_var x = pal_operand(c->in[k], 0);
    const slot to = at_axis(s, permuted_axis(c->params, pal_shape_of(x).rank, s.axis));
    return embed(pal_record(c->tape, c->op, &x, 1, c->params), to);
}

/* A column times a row, each perhaps stored transposed, is a product of elements. */
static pal_var column_times_row(pal_var a, pal_var b, const pal_params *p)
{
    const pal_var in[] = {a, b};
    pal_var stored[2];
    for (int k = 0; k < 2; k++) {
        pal_shape s = pal_shape_of(in[k]);
        if (s.rank < 2) return none(); /* there was no memory for it */
        const int64_t last = s.dim[s.rank - 1];
        if (p->i[k]) s.dim[s.rank - 1] = s.dim[s.rank - 2], s.dim[s.rank - 2] = last;
        stored[k] = pal_reshape(in[k], s);
    }
    return pal_mul(stored[0], stored[1]);
}

/* A B and C + A B. If the axis is summed, one slice of the other operand is enough. If not, of A B alone, it is an axis
 * of the result. */
static pal_var through_product(const pal_rule *c, size_t k, slot s)
{
    const size_t first = c->op == &pal__op_addmm;
    if (k < first || s.axis > 1) return none();
    const size_t other = first + (k == first);
    const bool left = k == first, transposed = c->params->i[k - first], other_transposed = c->params->i[other - first];
    const int64_t summed = left == transposed; /* of the last two axes: of A the last one, unless it is transposed */
    pal_var in[3];
    if (first && s.axis != summed) return none();
    memcpy(in, c->in, c->n * sizeof *in);
    in[k] = pal_operand(c->in[k], 0);
    if (s.axis != summed) return embed(pal_record(c->tape, c->op, in, c->n, c->params), at_axis(s, left));
    in[other] = slice(c->in[other], at_axis(s, left ? !other_transposed : other_transposed));
    const pal_var product = column_times_row(in[first], in[first + 1], c->params);
    return first && product.id ? pal_add(in[0], product) : product;
}

static pal_var through_slice(const pal_rule *c, size_t k, slot s)
{
    pal_var in[] = {pal_operand(c->in[k], 0), c->in[1]};
    if (pal_shape_of(c->in[1]).rank) return none(); /* as many indices as the first axis is long now */
    if (c->params->i[0] == s.axis) return c->in[1].id == s.index.id ? in[0] : none();
    return embed(pal_record(c->tape, c->op, in, 2, c->params), s);
}

static const struct {
    const pal_op *reader;
    pal_var (*carry)(const pal_rule *consumer, size_t k, slot s);
} readers[] = {{&pal__op_broadcast_to, through_broadcast}, {&pal__op_sum_to, through_sum},
               {&pal__op_reshape, through_reshape},        {&pal__op_permute, through_permute},
               {&pal__op_matmul, through_product},         {&pal__op_addmm, through_product},
               {&pal__op_slice_at, through_slice}};

/* The sum over all terms of x_k at index k: their slices side by side, and zeros for the indices beyond the last. */
static pal_var sum_of_terms(const pal_rule *c, size_t k)
{
    pal_var x = pal_operand(c->in[k], 0);
    const slot s = slot_of(c->in[k], NULL);
    const pal_shape from = pal_shape_of(x), to = result_of(c, NULL);
    const int axis = from.rank - 1 - (int)s.axis;
    int axes[PAL_MAX_RANK];
    if (pal_op_of(s.index) != &pal__op_range || from.dim[0] > s.length) return none();
    if (length_along(to, from.rank - 1) != 1) return none();
    for (int64_t a = 0; a < from.rank - 1; a++)
        if (length_along(to, a) != length_along(pal_shape_of(c->in[k]), a)) return none();
    for (int a = 0; a < from.rank; a++) axes[a] = a == axis ? 0 : a == 0 ? axis : a;
    x = pal_permute(x, axes);
    if (from.dim[0] < s.length) {
        static const int64_t start[PAL_MAX_RANK] = {0}, step[PAL_MAX_RANK] = {1, 1, 1, 1, 1, 1};
        x = pal_pad(x, with_length(pal_shape_of(x), s.axis, s.length), start, step);
    }
    return pal_reshape(x, to);
}

pal_var pal__carry_zeros(const pal_rule *c, size_t k, bool rounding)
{
    trail seen = {.n = 0};
    const slot s = slot_of(c->in[k], &seen);
    if (!rounding || s.length == 1) return none();
    if (pal_shape_of(s.index).rank) return c->op == &pal__op_sum_to ? sum_of_terms(c, k) : none();
    if (c->op == &pal__op_copy) return none(); /* the value of a region's body stays one */
    if (c->op->op_class == PAL_CLASS_ELEMENTWISE) return through_elementwise(c, k, s);
    for (size_t i = 0; i < PAL_COUNT(readers); i++)
        if (readers[i].reader == c->op) return readers[i].carry(c, k, s);
    return none();
}

/* ---- Slices of less ------------------------------------------------------------------------------------------- */

static pal_var slice_elementwise(pal_var y, slot s)
{
    pal_var in[3];
    for (size_t i = 0; i < pal_operand_count(y); i++) in[i] = slice(pal_operand(y, i), s);
    return pal_record(y.tape, pal_op_of(y), in, pal_operand_count(y), pal_params_of(y));
}

static pal_var slice_broadcast(pal_var y, slot s)
{
    return pal_broadcast_to(slice(pal_operand(y, 0), s), with_length(pal_shape_of(y), s.axis, 1));
}

static pal_var slice_sum(pal_var y, slot s)
{
    return pal_sum_to(slice(pal_operand(y, 0), s), with_length(pal_shape_of(y), s.axis, 1));
}

static pal_var slice_permute(pal_var y, slot s)
{
    const int rank = pal_shape_of(y).rank;
    const int64_t from = rank - 1 - pal_params_of(y)->i[rank - 1 - s.axis];
    pal_var x = slice(pal_operand(y, 0), at_axis(s, from));
    return pal_record(y.tape, pal_op_of(y), &x, 1, pal_params_of(y));
}

static pal_var slice_product(pal_var y, slot s)
{
    const pal_params *p = pal_params_of(y);
    pal_var in[] = {pal_operand(y, 0), pal_operand(y, 1)};
    const size_t k = s.axis == 0; /* the rows of the result are A's, the columns are B's */
    if (s.axis > 1) return none();
    in[k] = slice(in[k], at_axis(s, k ? p->i[1] != 0 : p->i[0] == 0));
    return pal_record(y.tape, pal_op_of(y), in, 2, p);
}

/* A slice of y from slices of what y is computed from, or a bad handle. */
static pal_var slice_earlier(pal_var y, slot s)
{
    const pal_op *op = pal_op_of(y);
    if (op->op_class == PAL_CLASS_CONSTANT)
        return pal_fill(y.tape, pal_dtype_of(y), with_length(pal_shape_of(y), s.axis, 1), pal_params_of(y)->r[0]);
    if (!pal__of_this_region(y)) return none();
    if (op->op_class == PAL_CLASS_ELEMENTWISE) return slice_elementwise(y, s);
    if (op == &pal__op_broadcast_to) return slice_broadcast(y, s);
    if (op == &pal__op_sum_to) return slice_sum(y, s);
    if (op == &pal__op_permute) return slice_permute(y, s);
    return op == &pal__op_matmul ? slice_product(y, s) : none();
}

pal_var pal__slice_at_earlier(const pal_rule *r, bool rounding)
{
    const int64_t axis = r->params->i[0];
    trail seen = {.n = 0};
    const slot s = {r->in[1], axis, length_along(pal_shape_of(r->in[0]), axis), &seen};
    /* Along an axis of length 1 there is nothing to take less of, and what is summed there may be longer. */
    return rounding && s.length != 1 && !pal_shape_of(s.index).rank ? slice_earlier(r->in[0], s) : none();
}

/* ---- All terms of a region at once ---------------------------------------------------------------------------- */

/* Of one value, slices at 0, 1, 2, ... are the value with that axis in front. */
pal_var pal__slice_at_batch(const pal_rule *r, unsigned which, pal_shape term, pal_shape all)
{
    const pal_var x = r->in[0];
    const int rank = pal_shape_of(x).rank, axis = rank - 1 - (int)r->params->i[0];
    int axes[PAL_MAX_RANK];
    (void)term;
    if (which != 2 || pal_op_of(r->in[1]) != &pal__op_range ||
        pal_shape_of(r->in[1]).dim[0] != pal_shape_of(x).dim[axis])
        return none();
    axes[0] = axis;
    for (int a = 1; a < rank; a++) axes[a] = a <= axis ? a - 1 : a;
    return pal_reshape(pal_permute(x, axes), all);
}

pal_var pal__embed_at_batch(const pal_rule *r, unsigned which, pal_shape term, pal_shape all)
{
    (void)term, (void)all;
    const bool fits =
        which == 3 && pal_shape_of(r->in[1]).dim[0] <= r->params->i[1]; /* else the run fails, term by term */
    return fits ? pal_record(r->tape, r->op, r->in, 2, r->params) : none();
}
