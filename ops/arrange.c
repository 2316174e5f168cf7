/* arrange.c - operations that join, split, reverse and repeat values. concat and stack have a kernel and flip is a
 * view; the others are composed of the operations in movement.c. */
#include "ops/axes.h"

#include <string.h>

static pal_var bad(pal_var x) { return (pal_var){.tape = x.tape}; }

/* ---- concat and stack -----------------------------------------------------------------------------------------
 *
 * params i[0]: the axis. i[1]: 1 if the axis is new (stack), and each operand is one step along it; else 0. */

static bool infer_concat(pal_infer *r)
{
    int64_t axis = r->params->i[0], stack = r->params->i[1];
    if (!r->n) return pal_infer_fail(r, "needs at least one operand");
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    if (stack != 0 && stack != 1) return pal_infer_fail(r, "the flag for a new axis must be 0 or 1");
    if (axis < 0 || axis >= r->shape.rank + stack) return pal_infer_fail(r, "the axis is out of range");
    int64_t length = 0;
    for (size_t i = 0; i < r->n; i++) {
        const pal_shape *s = &r->shapes[i];
        if (r->dtypes[i] != r->dtype) return pal_infer_fail(r, "the operands must have one type");
        if (s->rank != r->shape.rank) return pal_infer_fail(r, "the operands must have the same number of axes");
        for (int a = 0; a < s->rank; a++)
            if (s->dim[a] != r->shape.dim[a] && (stack || a != axis))
                return pal_infer_fail(r, stack ? "the operands must have one shape"
                                               : "the operands must have one shape, except along the axis");
        if (__builtin_add_overflow(length, stack ? 1 : s->dim[axis], &length)) return pal_infer_fail(r, "too large");
    }
    if (stack) {
        if (r->shape.rank == PAL_MAX_RANK) return pal_infer_fail(r, "the result has more than 6 axes");
        for (int a = r->shape.rank++; a > axis; a--) r->shape.dim[a] = r->shape.dim[a - 1];
    }
    r->shape.dim[axis] = length;
    return true;
}

static pal_var vjp_concat(const pal_rule *r, size_t k)
{
    int axis = (int)r->params->i[0];
    bool stack = r->params->i[1];
    pal_shape in = pal_shape_of(r->in[k]), size = pal_shape_of(r->seed);
    int64_t start[PAL_MAX_RANK] = {0};
    const int64_t step[PAL_MAX_RANK] = {1, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < k; i++) start[axis] += stack ? 1 : pal_shape_of(r->in[i]).dim[axis];
    size.dim[axis] = stack ? 1 : in.dim[axis];
    pal_var part = pal_slice(r->seed, start, size.dim, step);
    return stack ? pal_reshape(part, in) : part;
}

static pal_status run_concat(const pal_call *c)
{
    int axis = (int)c->params->i[0];
    size_t outer = 1, inner = pal_dtype_size(c->dtype);
    for (int a = 0; a < axis; a++) outer *= (size_t)c->shape.dim[a];
    for (int a = axis + 1; a < c->shape.rank; a++) inner *= (size_t)c->shape.dim[a];
    size_t whole = (size_t)c->shape.dim[axis] * inner;
    char *out = c->out;
    for (size_t i = 0; i < c->n; i++) {
        size_t part = (c->params->i[1] ? 1 : (size_t)c->in_shape[i].dim[axis]) * inner;
        if (part)
            for (size_t o = 0; o < outer; o++) memcpy(out + o * whole, (const char *)c->in[i] + o * part, part);
        out += part;
    }
    return PAL_OK;
}

static pal_var join(const char *name, const pal_op *op, const pal_var *x, size_t n, int axis, bool stack)
{
    pal_tape *t = NULL;
    for (size_t i = 0; i < n && x && !t; i++) t = x[i].tape;
    if (!x || !n) return (pal_var){0}; /* no tape that could keep an error */
    int rank = pal_shape_of(x[0]).rank + stack;
    if (pal_ok(x[0]) && !pal__axis_of(name, x[0], rank, &axis)) return (pal_var){.tape = t};
    pal_params p = {.i = {axis, stack}};
    return pal_record(t, op, x, n, &p);
}

static pal_var case_concat(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_square(pal_concat(in, 3, *(const int *)user));
}

static pal_var case_concat_itself(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_square(pal_concat((pal_var[]){in[0], pal_neg(in[0]), in[0]}, 3, *(const int *)user));
}

static pal_var case_stack(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_square(pal_stack(in, 2, *(const int *)user));
}

static const int zero = 0, one = 1, two = 2, minus_one = -1;
/* clang-format off */
static const pal_case cases_concat[] = {
    {.label = "rows", .n = 3, .in = {{{2, {2, 3}}, -2, 2}, {{2, {1, 3}}, -2, 2}, {{2, {3, 3}}, -2, 2}},
     .build = case_concat, .user = &zero},
    {.label = "one part empty", .n = 3, .in = {{{2, {2, 3}}, -2, 2}, {{2, {2, 0}}, -2, 2}, {{2, {2, 1}}, -2, 2}},
     .build = case_concat, .user = &minus_one},
    {.label = "middle axis", .n = 3, .in = {{{3, {2, 1, 2}}, -2, 2}, {{3, {2, 2, 2}}, -2, 2}, {{3, {2, 1, 2}}, -2, 2}},
     .build = case_concat, .user = &one},
    {.label = "one operand twice", .n = 1, .in = {{{1, {4}}, -2, 2}}, .build = case_concat_itself, .user = &zero},
};
/* clang-format on */
static const pal_case cases_stack[] = {
    {.label = "first", .n = 2, .in = {{{2, {2, 3}}, -2, 2}, {{2, {2, 3}}, -2, 2}}, .build = case_stack, .user = &zero},
    {.label = "last", .n = 2, .in = {{{2, {2, 3}}, -2, 2}, {{2, {2, 3}}, -2, 2}}, .build = case_stack, .user = &two},
    {.label = "scalars", .n = 2, .in = {{{0, {0}}, -2, 2}, {{0, {0}}, -2, 2}}, .build = case_stack, .user = &minus_one},
};

/* clang-format off */
static const pal_op op_concat = {
    PAL_OP_HEAD("concat", "x1, x2, ... one after another", "joins values along an axis"),
    .op_class = PAL_CLASS_INDEX, .arity = -1, .n_ints = 1,
    .infer = infer_concat, .derivative = {PAL_HAS_RULE}, .vjp = vjp_concat, .run = run_concat,
    .cases = cases_concat, .n_cases = PAL_COUNT(cases_concat)};

static const pal_op op_stack = {
    PAL_OP_HEAD("stack", "y[k,...] = xk[...]", "joins values along a new axis"),
    .op_class = PAL_CLASS_INDEX, .arity = -1, .n_ints = 2,
    .infer = infer_concat, .derivative = {PAL_HAS_RULE}, .vjp = vjp_concat, .run = run_concat,
    .cases = cases_stack, .n_cases = PAL_COUNT(cases_stack)};
/* clang-format on */

pal_var pal_concat(const pal_var *x, size_t n, int axis) { return join("concat", &op_concat, x, n, axis, false); }
pal_var pal_stack(const pal_var *x, size_t n, int axis) { return join("stack", &op_stack, x, n, axis, true); }

/* ---- split_axis ----------------------------------------------------------------------------------------------- */

static bool splits(pal_var x, int *axis, const int64_t *sizes, size_t n)
{
    int64_t left;
    if (!pal__given("split_axis", x) || !pal__axis_of("split_axis", x, pal_shape_of(x).rank, axis)) return false;
    if (n && !sizes)
        return pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "split_axis: sizes is NULL: give %zu numbers", n).id;
    left = pal_shape_of(x).dim[*axis];
    bool fits = true;
    for (size_t i = 0; i < n && fits; i++) {
        fits = sizes[i] >= 0 && sizes[i] <= left;
        left -= fits ? sizes[i] : 0;
    }
    if (!fits || left)
        pal_tape_fail(x.tape, PAL_ERR_SHAPE, "split_axis: the sizes do not add up to %lld, the length of axis %d",
                      (long long)pal_shape_of(x).dim[*axis], *axis);
    return fits && !left;
}

void pal_split_axis(pal_var x, int axis, const int64_t *sizes, size_t n, pal_var *out)
{
    if (n && !out) {
        pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "split_axis: out is NULL: give room for %zu values", n);
        return;
    }
    bool ok = splits(x, &axis, sizes, n), all = ok;
    int64_t start[PAL_MAX_RANK] = {0};
    const int64_t step[PAL_MAX_RANK] = {1, 1, 1, 1, 1, 1};
    pal_shape size = pal_shape_of(x);
    for (size_t i = 0; i < n; i++) {
        if (ok) size.dim[axis] = sizes[i];
        out[i] = ok ? pal_slice(x, start, size.dim, step) : bad(x);
        if (ok) start[axis] += sizes[i];
        all &= out[i].id != 0;
    }
    for (size_t i = 0; i < n && !all; i++) out[i] = bad(x);
}

static pal_var case_split(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var part[3];
    (void)t;
    pal_split_axis(in[0], *(const int *)user, (const int64_t[]){2, 1, 2}, 3, part);
    return pal_mul(pal_mul(part[0], part[1]), part[2]);
}

static const pal_case cases_split[] = {
    {.label = "rows", .n = 1, .in = {{{2, {5, 2}}, -2, 2}}, .build = case_split, .user = &zero},
    {.label = "columns", .n = 1, .in = {{{2, {3, 5}}, -2, 2}}, .build = case_split, .user = &minus_one},
};

static const pal_op op_split_axis = {
    PAL_OP_HEAD("split_axis", "y1, y2, ... = x", "splits an axis into parts: the inverse of concat"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_split, .n_cases = PAL_COUNT(cases_split)};

/* ---- flip; params i[0]: the set of axes ----------------------------------------------------------------------- */

static bool infer_flip(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    return !((uint64_t)r->params->i[0] >> r->shape.rank) || pal_infer_fail(r, "an axis is out of range");
}

static pal_var vjp_flip(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_flip(r->seed, (unsigned)r->params->i[0]);
}

static bool view_flip(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                      int64_t *out_stride, int64_t *offset)
{
    bool empty = false;
    (void)in;
    *offset = 0;
    for (int a = 0; a < out->rank; a++) {
        bool flipped = p->i[0] >> a & 1;
        out_stride[a] = flipped ? -in_stride[a] : in_stride[a];
        *offset += flipped ? (out->dim[a] - 1) * in_stride[a] : 0;
        empty |= out->dim[a] == 0;
    }
    if (empty) *offset = 0; /* there is no last element to start from */
    return true;
}

static pal_var rewrite_flip(const pal_rule *r, bool rounding)
{
    unsigned axes = (unsigned)r->params->i[0];
    pal_var x = r->in[0];
    (void)rounding;
    if (pal_op_of(x) == r->op) {
        axes ^= (unsigned)pal_params_of(x)->i[0];
        return pal_flip(pal_operand(x, 0), axes);
    }
    return !axes || pal_op_of(x)->op_class == PAL_CLASS_CONSTANT ? x : (pal_var){0};
}

static pal_var case_flip(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_mul(pal_flip(in[0], *(const unsigned *)user), in[0]);
}

static const unsigned none = 0, last = 2, ends = 5;
static const pal_case cases_flip[] = {
    {.label = "last axis", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, .build = case_flip, .user = &last},
    {.label = "both ends", .n = 1, .in = {{{3, {2, 2, 3}}, -2, 2}}, .build = case_flip, .user = &ends},
    {.label = "size 0", .n = 1, .in = {{{2, {2, 0}}, -2, 2}}, .build = case_flip, .user = &last},
    {.label = "no axis", .n = 1, .in = {{{0, {0}}, -2, 2}}, .build = case_flip, .user = &none},
};

/* clang-format off */
static const pal_op op_flip = {
    PAL_OP_HEAD("flip", "y[i] = x[n - 1 - i]", "reverses the order along axes"),
    .op_class = PAL_CLASS_MOVEMENT, .arity = 1, .n_ints = 1,
    .infer = infer_flip, .derivative = {PAL_HAS_RULE}, .vjp = vjp_flip,
    .rewrite = rewrite_flip, .view = view_flip,
    .cases = cases_flip, .n_cases = PAL_COUNT(cases_flip)};
/* clang-format on */

pal_var pal_flip(pal_var x, unsigned axes)
{
    pal_params p = {.i[0] = axes};
    return pal_record(x.tape, &op_flip, &x, 1, &p);
}

/* ---- repeat and expand ---------------------------------------------------------------------------------------- */

/* One axis at a time, the last axis first: the early copies are the small ones. */
pal_var pal_repeat(pal_var x, const int64_t *repeats)
{
    pal_shape s = pal_shape_of(x), to = s;
    if (!pal__given("repeat", x) || !pal__array("repeat", "repeats", x, repeats)) return bad(x);
    for (int a = 0; a < s.rank; a++)
        if (repeats[a] < 0 || __builtin_mul_overflow(s.dim[a], repeats[a], &to.dim[a]))
            return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "repeat: cannot repeat axis %d %lld times", a,
                                 (long long)repeats[a]);
    if (pal_shape_count(to) < 0) return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "repeat: the result is too large");
    for (int a = s.rank - 1; a >= 0; a--) {
        if (repeats[a] == 1) continue;
        int64_t outer = 1, inner = 1;
        for (int b = 0; b < a; b++) outer *= s.dim[b];
        for (int b = a; b < s.rank; b++) inner *= s.dim[b];
        s.dim[a] = to.dim[a];
        x = pal_broadcast_to(pal_reshape(x, PAL_SHAPE(outer, 1, inner)), PAL_SHAPE(outer, repeats[a], inner));
        x = pal_reshape(x, s);
    }
    return x;
}

pal_var pal_expand(pal_var x, int axis)
{
    pal_shape s = pal_shape_of(x);
    if (!pal__given("expand", x) || !pal__axis_of("expand", x, s.rank + 1, &axis)) return bad(x);
    if (s.rank == PAL_MAX_RANK)
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "expand: the result has more than %d axes", PAL_MAX_RANK);
    for (int a = s.rank++; a > axis; a--) s.dim[a] = s.dim[a - 1];
    s.dim[axis] = 1;
    return pal_reshape(x, s);
}

static pal_var case_repeat(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var y = pal_repeat(in[0], user);
    pal_var weights =
        pal_reshape(pal_cumsum(pal_fill(t, PAL_F64, PAL_SHAPE(pal_shape_count(pal_shape_of(y))), 1), 0, false, false),
                    pal_shape_of(y));
    return pal_mul(pal_square(y), weights);
}

static pal_var case_expand(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_mul(pal_expand(in[0], *(const int *)user), in[0]);
}

static const int64_t times[] = {2, 1, 3}, times_none[] = {2, 0, 1};
static const pal_case cases_repeat[] = {
    {.label = "two axes", .n = 1, .in = {{{3, {2, 2, 1}}, -2, 2}}, .build = case_repeat, .user = times},
    {.label = "vector", .n = 1, .in = {{{1, {3}}, -2, 2}}, .build = case_repeat, .user = times},
    {.label = "no times", .n = 1, .in = {{{2, {2, 2}}, -2, 2}}, .build = case_repeat, .user = times_none},
    {.label = "scalar", .n = 1, .in = {{{0, {0}}, -2, 2}}, .build = case_repeat, .user = times},
};
static const pal_case cases_expand[] = {
    {.label = "first", .n = 1, .in = {{{2, {2, 2}}, -2, 2}}, .build = case_expand, .user = &zero},
    {.label = "middle", .n = 1, .in = {{{2, {2, 2}}, -2, 2}}, .build = case_expand, .user = &one},
    {.label = "last", .n = 1, .in = {{{2, {2, 2}}, -2, 2}}, .build = case_expand, .user = &minus_one},
};

/* clang-format off */
static const pal_op op_repeat = {
    PAL_OP_HEAD("repeat", "y[i + k n] = x[i]", "repeats the whole along each axis"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_repeat, .n_cases = PAL_COUNT(cases_repeat)};

static const pal_op op_expand = {
    PAL_OP_HEAD("expand", "y[..,0,..] = x[..]", "inserts an axis of length 1"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_expand, .n_cases = PAL_COUNT(cases_expand)};
/* clang-format on */

/* clang-format off */
static const pal_op *const ops[] = {
    &op_concat, &op_stack, &op_split_axis, &op_flip, &op_repeat, &op_expand,
    &pal__op_diagonal, &pal__op_diagonal_matrix, &pal__op_lower_triangle, &pal__op_upper_triangle};
/* clang-format on */
const pal__family pal__family_arrange = {ops, PAL_COUNT(ops)};
