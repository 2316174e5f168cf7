/* movement.c - operations that move elements: reshape, permute, slice and its adjoint pad. Except for pad, which has a
 * kernel, the results are views wherever strides can express them. */
#include "autograd/wiring.h"
#include "ops/axes.h"

#include <string.h>

/* ---- reshape -------------------------------------------------------------------------------------------------- */

static bool infer_reshape(pal_infer *r)
{
    int wild = -1;
    int64_t known = 1, count = pal_shape_count(r->shapes[0]);
    r->dtype = r->dtypes[0];
    r->shape.rank = (int32_t)r->params->i[0];
    if (r->shape.rank < 0 || r->shape.rank > PAL_MAX_RANK) return pal_infer_fail(r, "the rank must be 0 to 6");
    for (int a = 0; a < r->shape.rank; a++) {
        r->shape.dim[a] = r->params->i[1 + a];
        if (r->shape.dim[a] == -1 && wild < 0)
            wild = a;
        else if (r->shape.dim[a] < 0)
            return pal_infer_fail(r, "a dimension is negative");
        else if (__builtin_mul_overflow(known, r->shape.dim[a], &known))
            return pal_infer_fail(r, "too large");
    }
    if (wild >= 0 && known) r->shape.dim[wild] = count / known;
    return pal_shape_count(r->shape) == count || pal_infer_fail(r, "the number of elements changes");
}

static pal_var vjp_reshape(const pal_rule *r, size_t k) { return pal_reshape(r->seed, pal_shape_of(r->in[k])); }

static bool view_reshape(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                         int64_t *out_stride, int64_t *offset)
{
    (void)p;
    int64_t step = 1;
    *offset = 0;
    for (int a = in->rank - 1; a >= 0; a--) { /* any other shape is a view only if the elements are contiguous */
        if (in->dim[a] != 1 && in_stride[a] != step) return false;
        step *= in->dim[a];
    }
    step = 1;
    for (int a = out->rank - 1; a >= 0; a--) {
        out_stride[a] = step;
        step *= out->dim[a];
    }
    return true;
}

/* Simplifies a reshape to the same shape, of another reshape, and of a constant. */
static pal_var rewrite_reshape(const pal_rule *r, bool rounding)
{
    (void)rounding;
    const pal_params *p = r->params;
    const pal_shape shape = pal_shape_of(r->in[0]);
    const pal_dtype dtype = pal_dtype_of(r->in[0]);
    pal_infer to = {.n = 1, .shapes = &shape, .dtypes = &dtype, .params = p};
    if (!infer_reshape(&to)) return (pal_var){0};
    if (pal_shape_equal(to.shape, to.shapes[0])) return r->in[0];
    if (pal_op_of(r->in[0]) == r->op) return pal_reshape(pal_operand(r->in[0], 0), to.shape);
    if (pal_op_of(r->in[0])->op_class == PAL_CLASS_CONSTANT)
        return pal_fill(r->tape, to.dtype, to.shape, pal_params_of(r->in[0])->r[0]);
    return (pal_var){0};
}

static pal_var batch_reshape(const pal_rule *r, unsigned which, pal_shape term, pal_shape all)
{
    (void)which, (void)term;
    return pal_reshape(r->in[0], all);
}

static pal_var case_reshape(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_reshape(in[0], PAL_SHAPE(2, -1));
}

static const pal_case cases_reshape[] = {
    {.label = "inferred", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_reshape},
    {.label = "vector", .n = 1, .in = {{{1, {6}}, -2, 2}}, .build = case_reshape},
};

/* clang-format off */
const pal_op pal__op_reshape = {
    PAL_OP_HEAD("reshape", "the same elements in another shape", "changes the shape, keeps the order of the elements"),
    .op_class = PAL_CLASS_MOVEMENT, .capabilities = PAL_PLUMBING, .arity = 1, .n_ints = 7,
    .infer = infer_reshape, .derivative = {PAL_HAS_RULE}, .vjp = vjp_reshape,
    .rewrite = rewrite_reshape, .batch = batch_reshape, .view = view_reshape,
    .cases = cases_reshape, .n_cases = PAL_COUNT(cases_reshape)};
/* clang-format on */

pal_var pal_reshape(pal_var x, pal_shape shape)
{
    pal_params p = {.i[0] = shape.rank};
    for (int a = 0; a < shape.rank && a < PAL_MAX_RANK; a++) p.i[1 + a] = shape.dim[a];
    return pal_record(x.tape, &pal__op_reshape, &x, 1, &p);
}

/* ---- permute -------------------------------------------------------------------------------------------------- */

static bool infer_permute(pal_infer *r)
{
    unsigned seen = 0;
    r->dtype = r->dtypes[0];
    r->shape.rank = r->shapes[0].rank;
    for (int a = 0; a < r->shape.rank; a++) {
        int64_t from = r->params->i[a];
        if (from < 0 || from >= r->shape.rank || seen >> from & 1)
            return pal_infer_fail(r, "the axes are not a permutation");
        seen |= 1u << from;
        r->shape.dim[a] = r->shapes[0].dim[from];
    }
    return true;
}

static pal_var vjp_permute(const pal_rule *r, size_t k)
{
    int back[PAL_MAX_RANK] = {0};
    for (int a = 0; a < pal_shape_of(r->in[k]).rank; a++) back[r->params->i[a]] = a;
    return pal_permute(r->seed, back);
}

static bool view_permute(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                         int64_t *out_stride, int64_t *offset)
{
    (void)in;
    *offset = 0;
    for (int a = 0; a < out->rank; a++) out_stride[a] = in_stride[p->i[a]];
    return true;
}

/* Removes the identity, and combines two permutations into one. */
static pal_var rewrite_permute(const pal_rule *r, bool rounding)
{
    (void)rounding;
    int rank = pal_shape_of(r->in[0]).rank, axes[PAL_MAX_RANK] = {0};
    bool identity = true;
    for (int a = 0; a < rank; a++) identity &= r->params->i[a] == a;
    if (identity) return r->in[0];
    if (pal_op_of(r->in[0]) != r->op) return (pal_var){0};
    for (int a = 0; a < rank; a++) axes[a] = (int)pal_params_of(r->in[0])->i[r->params->i[a]];
    return pal_permute(pal_operand(r->in[0], 0), axes);
}

static pal_var batch_permute(const pal_rule *r, unsigned which, pal_shape term, pal_shape all)
{
    const int before = all.rank - term.rank;
    int axes[PAL_MAX_RANK] = {0};
    (void)which;
    for (int a = 0; a < all.rank; a++) axes[a] = a < before ? a : (int)r->params->i[a - before] + before;
    return pal_permute(r->in[0], axes);
}

static pal_var case_permute(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_permute(in[0], (const int[]){2, 0, 1});
}

static pal_var case_transpose(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_transpose(in[0]);
}

static const pal_case cases_permute[] = {
    {.label = "three axes", .n = 1, .in = {{{3, {2, 3, 4}}, -2, 2}}, .build = case_permute},
    {.label = "transpose", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_transpose},
};

/* clang-format off */
const pal_op pal__op_permute = {
    PAL_OP_HEAD("permute", "y[i...] = x[i permuted]", "reorders the axes"),
    .op_class = PAL_CLASS_MOVEMENT, .capabilities = PAL_PLUMBING, .arity = 1, .n_ints = 6,
    .infer = infer_permute, .derivative = {PAL_HAS_RULE}, .vjp = vjp_permute,
    .rewrite = rewrite_permute, .absorb = pal__absorb_transpose, .batch = batch_permute, .view = view_permute,
    .cases = cases_permute, .n_cases = PAL_COUNT(cases_permute)};
/* clang-format on */

pal_var pal_permute(pal_var x, const int *axes)
{
    pal_params p = {0};
    if (!pal__array("permute", "axes", x, axes)) return (pal_var){.tape = x.tape};
    for (int a = 0; a < pal_shape_of(x).rank; a++) p.i[a] = axes[a];
    return pal_record(x.tape, &pal__op_permute, &x, 1, &p);
}

pal_var pal_transpose(pal_var x)
{
    int axes[PAL_MAX_RANK] = {0, 1, 2, 3, 4, 5}, rank = pal_shape_of(x).rank;
    if (pal_ok(x) && rank < 2)
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "transpose: needs at least two axes, not %d", rank);
    if (rank >= 2) {
        axes[rank - 1] = rank - 2;
        axes[rank - 2] = rank - 1;
    }
    return pal_permute(x, axes);
}

/* ---- slice and pad ------------------------------------------------------------------------------------------------
 *
 * params i[0..5]: the start; i[6..11]: the step in the upper 32 bits, the size of the result in the lower 32. */

static bool infer_slice(pal_infer *r)
{
    const pal_shape *in = &r->shapes[0];
    r->dtype = r->dtypes[0];
    r->shape.rank = in->rank;
    for (int a = 0; a < in->rank; a++) {
        int64_t start = r->params->i[a], step = r->params->i[6 + a] >> 32, size = r->params->i[6 + a] & UINT32_MAX;
        if (step < 1 || start < 0 || start > in->dim[a] || (size && start + (size - 1) * step >= in->dim[a]))
            return pal_infer_fail(r, "the slice goes beyond the operand");
        r->shape.dim[a] = size;
    }
    return true;
}

static pal_var vjp_slice(const pal_rule *r, size_t k)
{
    int64_t step[PAL_MAX_RANK];
    for (int a = 0; a < PAL_MAX_RANK; a++) step[a] = r->params->i[6 + a] >> 32;
    return pal_pad(r->seed, pal_shape_of(r->in[k]), r->params->i, step);
}

static bool view_slice(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                       int64_t *out_stride, int64_t *offset)
{
    (void)in;
    *offset = 0;
    for (int a = 0; a < out->rank; a++) {
        *offset += p->i[a] * in_stride[a];
        out_stride[a] = in_stride[a] * (p->i[6 + a] >> 32);
    }
    return true;
}

static pal_var case_slice(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_slice(in[0], (const int64_t[]){1, 0}, (const int64_t[]){2, 3}, (const int64_t[]){1, 2});
}

static const pal_case cases_slice[] = {{.label = "steps", .n = 1, .in = {{{2, {4, 6}}, -2, 2}}, .build = case_slice}};

/* clang-format off */
static const pal_op op_slice = {
    PAL_OP_HEAD("slice", "y[i] = x[start + i step]", "a part of x, with steps"),
    .op_class = PAL_CLASS_MOVEMENT, .arity = 1, .n_ints = 12,
    .infer = infer_slice, .derivative = {PAL_HAS_RULE}, .vjp = vjp_slice, .view = view_slice,
    .cases = cases_slice, .n_cases = PAL_COUNT(cases_slice)};
/* clang-format on */

pal_var pal_slice(pal_var x, const int64_t *start, const int64_t *size, const int64_t *step)
{
    pal_params p = {0};
    if (!pal__array("slice", "start", x, start) || !pal__array("slice", "size", x, size) ||
        !pal__array("slice", "step", x, step))
        return (pal_var){.tape = x.tape};
    for (int a = 0; a < pal_shape_of(x).rank; a++) {
        if (size[a] < 0 || size[a] > INT32_MAX || step[a] < 1 || step[a] > INT32_MAX)
            return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "slice: sizes must be at least 0, steps at least 1");
        p.i[a] = start[a];
        p.i[6 + a] = step[a] << 32 | size[a];
    }
    return pal_record(x.tape, &op_slice, &x, 1, &p);
}

static bool infer_pad(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape.rank = r->shapes[0].rank;
    for (int a = 0; a < r->shape.rank; a++) {
        int64_t start = r->params->i[a], step = r->params->i[6 + a] >> 32, n = r->shapes[0].dim[a];
        r->shape.dim[a] = r->params->i[6 + a] & UINT32_MAX;
        if (step < 1 || start < 0 || start > r->shape.dim[a] || (n && start + (n - 1) * step >= r->shape.dim[a]))
            return pal_infer_fail(r, "the operand goes beyond the padded shape");
    }
    return true;
}

static pal_var vjp_pad(const pal_rule *r, size_t k)
{
    pal_shape in = pal_shape_of(r->in[k]);
    int64_t step[PAL_MAX_RANK];
    for (int a = 0; a < PAL_MAX_RANK; a++) step[a] = r->params->i[6 + a] >> 32;
    return pal_slice(r->seed, r->params->i, in.dim, step);
}

/* Rows of the operand, each to its place. */
static void pad_rows(const pal_call *c, size_t rows, const int64_t *stride, int64_t offset)
{
    const int last = c->in_shape[0].rank - 1;
    const size_t size = pal_dtype_size(c->dtype), n = pal__last(c->in_shape[0]);
    for (size_t row = 0; row < rows; row++) {
        int64_t at = offset;
        size_t rest = row;
        for (int a = last - 1; a >= 0; a--) {
            at += (int64_t)(rest % (size_t)c->in_shape[0].dim[a]) * stride[a];
            rest /= (size_t)c->in_shape[0].dim[a];
        }
        const char *x = (const char *)c->in[0] + row * n * size;
        char *y = (char *)c->out + at * (int64_t)size;
        if (last < 0 || stride[last] == 1)
            memcpy(y, x, n * size);
        else
            for (size_t i = 0; i < n; i++) memcpy(y + (int64_t)i * stride[last] * (int64_t)size, x + i * size, size);
    }
}

static pal_status run_pad(const pal_call *c)
{
    int64_t stride[PAL_MAX_RANK], step = 1, offset = 0;
    memset(c->out, 0, (size_t)pal_shape_count(c->shape) * pal_dtype_size(c->dtype));
    for (int a = c->shape.rank - 1; a >= 0; a--) {
        offset += c->params->i[a] * step;
        stride[a] = step * (c->params->i[6 + a] >> 32);
        step *= c->shape.dim[a];
    }
    if (pal_shape_count(c->in_shape[0])) pad_rows(c, pal__rows(c->in_shape[0]), stride, offset);
    return PAL_OK;
}

static pal_var case_pad(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_pad(in[0], PAL_SHAPE(4, 7), (const int64_t[]){1, 2}, (const int64_t[]){1, 2});
}

static const pal_case cases_pad[] = {{.label = "spread", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, .build = case_pad}};

/* clang-format off */
static const pal_op op_pad = {
    PAL_OP_HEAD("pad", "y[start + i step] = x[i], else 0", "places values in zeros: the adjoint of slice"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = 12,
    .infer = infer_pad, .derivative = {PAL_HAS_RULE}, .vjp = vjp_pad, .run = run_pad,
    .cases = cases_pad, .n_cases = PAL_COUNT(cases_pad)};
/* clang-format on */

pal_var pal_pad(pal_var x, pal_shape shape, const int64_t *start, const int64_t *step)
{
    pal_params p = {0};
    if (!pal__array("pad", "start", x, start) || !pal__array("pad", "step", x, step)) return (pal_var){.tape = x.tape};
    if (pal_ok(x) && (shape.rank != pal_shape_of(x).rank || pal_shape_count(shape) < 0))
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "pad: the padded shape must have the operand's number of axes");
    for (int a = 0; a < pal_shape_of(x).rank; a++) {
        if (shape.dim[a] > INT32_MAX || step[a] < 1 || step[a] > INT32_MAX)
            return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "pad: steps must be at least 1");
        p.i[a] = start[a];
        p.i[6 + a] = step[a] << 32 | shape.dim[a];
    }
    return pal_record(x.tape, &op_pad, &x, 1, &p);
}

/* clang-format off */
static const pal_op *const ops[] = {
    &pal__op_broadcast_to, &pal__op_sum_to, &pal__op_stop_gradient, &pal__op_reshape, &pal__op_permute,
    &op_slice, &op_pad};
/* clang-format on */
const pal__family pal__family_shape = {ops, PAL_COUNT(ops)};
