/* slice_at.c - a slice of length 1 at a computed index, and its adjoint embed_at.
 *
 * embed_at says where zeros are: everywhere but in one slice. Rows of a Jacobian begin with such a value. zeros.c has
 * the rewrites that carry this knowledge through other operations.
 *
 * params: i[0] is the axis, counted from the last one (0), so that it stays the same where shapes are broadcast. Of
 * embed_at, i[1] is the length of the axis. The index is an i32 scalar, or one index for each element of the first
 * axis: this is what many terms of a region at once need (autograd/compile/batch.c). An index out of range makes
 * pal_run fail before anything is written. */
#include "ops/axes.h"

#include <stdio.h>
#include <string.h>

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

static bool agree(pal_infer *r)
{
    const pal_shape *x = &r->shapes[0], *index = &r->shapes[1];
    const int64_t axis = r->params->i[0];
    r->dtype = r->dtypes[0];
    r->shape = *x;
    if (r->dtypes[1] != PAL_I32) return pal_infer_fail(r, "the index must be i32");
    if (axis < 0 || axis >= x->rank) return pal_infer_fail(r, "there is no such axis");
    return index->rank == 0 || (index->rank == 1 && axis != x->rank - 1 && index->dim[0] == x->dim[0]) ||
           pal_infer_fail(r, "there must be one index, or one for each element of the first axis");
}

static bool infer_slice(pal_infer *r)
{
    if (!agree(r)) return false;
    r->shape.dim[r->shape.rank - 1 - r->params->i[0]] = 1;
    return true;
}

static bool infer_embed(pal_infer *r)
{
    if (!agree(r)) return false;
    int64_t *length = &r->shape.dim[r->shape.rank - 1 - r->params->i[0]];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    if (*length != 1 || r->params->i[1] < 1 || r->params->i[1] > INT32_MAX)
        return pal_infer_fail(r, "the axis must have length 1, and become 1 to 2147483647 long");
    *length = r->params->i[1];
    return pal_shape_count(r->shape) >= 0 || pal_infer_fail(r, "too large");
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

typedef struct layout {                /* both values as [outer, length or 1, inner] */
    size_t outer, length, inner, each; /* each: outer elements with one index */
} layout;

static layout lay_out(const pal_call *c, pal_shape longer)
{
    const int axis = longer.rank - 1 - (int)c->params->i[0];
    layout l = {1, (size_t)longer.dim[axis], 1, 1};
    for (int a = 0; a < axis; a++) l.outer *= (size_t)longer.dim[a];
    for (int a = axis + 1; a < longer.rank; a++) l.inner *= (size_t)longer.dim[a];
    const size_t indices = (size_t)pal_shape_count(c->in_shape[1]);
    l.each = indices && l.outer ? l.outer / indices : 1;
    return l;
}

static pal_status check(const pal_call *c, size_t length)
{
    const int32_t *index = c->in[1];
    const size_t n = (size_t)pal_shape_count(c->in_shape[1]);
    for (size_t i = 0; i < n; i++)
        if (index[i] < 0 || (size_t)index[i] >= length) {
            snprintf(c->why, 120, "index %d at position %zu is not in 0 .. %lld", index[i], i, (long long)length - 1);
            return PAL_ERR_ARGUMENT;
        }
    return PAL_OK;
}

static void slice_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    const layout l = lay_out(c, c->in_shape[0]);
    const size_t size = pal_dtype_size(c->dtype), bytes = l.inner * size;
    const int32_t *index = c->in[1];
    (void)scratch;
    if (bytes == sizeof(float)) {
        float *y = c->out;
        const float *x = c->in[0];
        for (size_t i = first; i < end; i++) y[i] = x[i * l.length + (size_t)index[i / l.each]];
        return;
    }
    for (size_t i = first; i < end; i++)
        memcpy((char *)c->out + i * bytes, (const char *)c->in[0] + (i * l.length + (size_t)index[i / l.each]) * bytes,
               bytes);
}

static void embed_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    const layout l = lay_out(c, c->shape);
    const size_t bytes = l.inner * pal_dtype_size(c->dtype);
    const int32_t *index = c->in[1];
    (void)scratch;
    memset((char *)c->out + first * l.length * bytes, 0, (end - first) * l.length * bytes);
    for (size_t i = first; i < end; i++)
        memcpy((char *)c->out + (i * l.length + (size_t)index[i / l.each]) * bytes, (const char *)c->in[0] + i * bytes,
               bytes);
}

static pal_status run(const pal_call *c, pal_shape longer, pal__rows_fn fn)
{
    const layout l = lay_out(c, longer);
    if (!pal_shape_count(c->shape)) return PAL_OK;
    const pal_status status = check(c, l.length);
    if (status == PAL_OK) pal__each_row(c, l.outer, (size_t)pal_shape_count(c->shape), 0, fn);
    return status;
}

static pal_status run_slice(const pal_call *c) { return run(c, c->in_shape[0], slice_rows); }
static pal_status run_embed(const pal_call *c) { return run(c, c->shape, embed_rows); }

/* ---- slice_at and embed_at ------------------------------------------------------------------------------------ */

static pal_var vjp_slice(const pal_rule *r, size_t k)
{
    const pal_shape x = pal_shape_of(r->in[k]);
    const int axis = x.rank - 1 - (int)r->params->i[0];
    return pal_embed_at(r->seed, r->in[1], axis, x.dim[axis]);
}

static pal_var vjp_embed(const pal_rule *r, size_t k)
{
    return pal_slice_at(r->seed, r->in[1], pal_shape_of(r->in[k]).rank - 1 - (int)r->params->i[0]);
}

static pal_var body_slice(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_square(pal_slice_at(*(const pal_var *)user, k, 1));
}

static pal_var case_slice(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var x = in[0];
    (void)user;
    return pal_map_sum(t, 2, body_slice, &x);
}

static pal_var body_embed(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_square(pal_embed_at(*(const pal_var *)user, k, -2, 3));
}

static pal_var case_embed(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var x = in[0];
    (void)user;
    return pal_map_sum(t, 2, body_embed, &x);
}

static pal_var case_each(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_square(pal_slice_at(pal_square(in[0]), pal_range(t, 3), 1));
}

static pal_var case_embed_each(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_square(pal_embed_at(in[0], pal_range(t, 3), 1, 4));
}

static const pal_case cases_slice[] = {
    {.label = "of each term", .n = 1, .in = {{{3, {2, 3, 2}}, -2, 2}}, .build = case_slice},
    {.label = "an index each", .n = 1, .in = {{{3, {3, 4, 2}}, -2, 2}}, .build = case_each},
};
static const pal_case cases_embed[] = {
    {.label = "of each term", .n = 1, .in = {{{2, {1, 4}}, -2, 2}}, .build = case_embed},
    {.label = "an index each", .n = 1, .in = {{{3, {3, 1, 2}}, -2, 2}}, .build = case_embed_each},
};

/* clang-format off */
const pal_op pal__op_slice_at = {
    PAL_OP_HEAD("slice_at", "y[..,0,..] = x[..,index,..]", "the slice of length 1 at an index"),
    .op_class = PAL_CLASS_INDEX, .arity = 2, .capabilities = PAL_CAN_FAIL, .n_ints = 1,
    .infer = infer_slice, .derivative = {PAL_HAS_RULE, PAL_ZERO_DERIVATIVE}, .vjp = vjp_slice, .run = run_slice,
    .rewrite = pal__slice_at_earlier, .batch = pal__slice_at_batch,
    .cases = cases_slice, .n_cases = PAL_COUNT(cases_slice)};

const pal_op pal__op_embed_at = {
    PAL_OP_HEAD("embed_at", "y[..,index,..] = x[..,0,..], else 0", "a slice among zeros: the adjoint of slice_at"),
    .op_class = PAL_CLASS_INDEX, .arity = 2, .capabilities = PAL_CAN_FAIL | PAL_ABSORBS_EACH, .n_ints = 2,
    .infer = infer_embed, .derivative = {PAL_HAS_RULE, PAL_ZERO_DERIVATIVE}, .vjp = vjp_embed, .run = run_embed,
    .absorb = pal__carry_zeros, .batch = pal__embed_at_batch,
    .cases = cases_embed, .n_cases = PAL_COUNT(cases_embed)};
/* clang-format on */

static pal_var record(const pal_op *op, pal_var x, pal_var index, int axis, int64_t length)
{
    const int rank = pal_shape_of(x).rank;
    if (pal_ok(x) && !pal__axis_of(op->name, x, rank, &axis)) return (pal_var){.tape = x.tape};
    return pal_record(NULL, op, (pal_var[]){x, index}, 2, &(pal_params){.i = {rank - 1 - axis, length}});
}

pal_var pal_slice_at(pal_var x, pal_var index, int axis) { return record(&pal__op_slice_at, x, index, axis, 0); }

pal_var pal_embed_at(pal_var x, pal_var index, int axis, int64_t length)
{
    return record(&pal__op_embed_at, x, index, axis, length);
}
