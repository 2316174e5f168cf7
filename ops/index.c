/* index.c - operations that read or write at computed indices: take and its adjoint scatter_add, and one_hot. Indices
 * are i32. slice_at.c has those for one slice. If an index is out of range, pal_run fails before anything is written.
 */
#include "autograd/wiring.h"
#include "ops/internal.h"

#include <stdio.h>
#include <string.h>

/* Elements per row: the product of the axes after the first. */
static size_t row_size(pal_shape s)
{
    size_t n = 1;
    for (int a = 1; a < s.rank; a++) n *= (size_t)s.dim[a];
    return n;
}

static pal_status check(const pal_call *c, const int32_t *indices, size_t n, int64_t rows)
{
    for (size_t i = 0; i < n; i++)
        if (indices[i] < 0 || indices[i] >= rows) {
            snprintf(c->why, 120, "index %d at position %zu is not in 0 .. %lld", indices[i], i, (long long)rows - 1);
            return PAL_ERR_ARGUMENT;
        }
    return PAL_OK;
}

/* Sets the result to the axes of the indices, followed by the axes of `tail` from its second on. */
static bool joined(pal_infer *r, const pal_shape *indices, const pal_shape *tail)
{
    r->shape = *indices;
    for (int a = 1; a < tail->rank; a++) {
        if (r->shape.rank == PAL_MAX_RANK) return pal_infer_fail(r, "the result has more than 6 axes");
        r->shape.dim[r->shape.rank++] = tail->dim[a];
    }
    return true;
}

/* ---- take ----------------------------------------------------------------------------------------------------- */

static bool infer_take(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    if (r->dtypes[1] != PAL_I32) return pal_infer_fail(r, "the indices must be i32");
    if (r->shapes[0].rank < 1) return pal_infer_fail(r, "a scalar has no rows");
    return joined(r, &r->shapes[1], &r->shapes[0]);
}

static pal_var vjp_take(const pal_rule *r, size_t k)
{
    return pal_scatter_add(r->seed, r->in[1], pal_shape_of(r->in[k]).dim[0]);
}

static pal_status run_take(const pal_call *c)
{
    const int32_t *indices = c->in[1];
    size_t n = (size_t)pal_shape_count(c->in_shape[1]), bytes = row_size(c->in_shape[0]) * pal_dtype_size(c->dtype);
    pal_status status = check(c, indices, n, c->in_shape[0].dim[0]);
    for (size_t i = 0; i < n && status == PAL_OK; i++)
        memcpy((char *)c->out + i * bytes, (const char *)c->in[0] + (size_t)indices[i] * bytes, bytes);
    return status;
}

/* The test cases take their indices from the index of a region. */
static pal_var body_take(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_square(pal_take(*(const pal_var *)user, k));
}

static pal_var case_take(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var x = in[0];
    (void)user;
    return pal_map_sum(t, pal_shape_of(x).dim[0], body_take, &x);
}

static pal_var case_take_cast(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    pal_var twice = pal_cast(pal_fill(t, PAL_F64, PAL_SHAPE(2, 2), 1), PAL_I32);
    return pal_take(in[0], twice);
}

static const pal_case cases_take[] = {
    {.label = "rows in a region", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_take},
    {.label = "one row four times", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_take_cast},
};

/* clang-format off */
static const pal_op op_take = {
    PAL_OP_HEAD("take", "y[i,...] = x[indices[i],...]", "gathers rows"),
    .op_class = PAL_CLASS_INDEX, .arity = 2, .capabilities = PAL_CAN_FAIL,
    .infer = infer_take, .derivative = {PAL_HAS_RULE, PAL_ZERO_DERIVATIVE}, .vjp = vjp_take, .run = run_take,
    .cases = cases_take, .n_cases = PAL_COUNT(cases_take)};
/* clang-format on */

pal_var pal_take(pal_var x, pal_var indices) { return pal_record(NULL, &op_take, (pal_var[]){x, indices}, 2, NULL); }

/* ---- scatter_add ---------------------------------------------------------------------------------------------- */

static bool infer_scatter(pal_infer *r)
{
    const pal_shape *x = &r->shapes[0], *indices = &r->shapes[1];
    r->dtype = r->dtypes[0];
    if (r->dtypes[1] != PAL_I32) return pal_infer_fail(r, "the indices must be i32");
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the values must be real");
    if (indices->rank > x->rank) return false;
    for (int a = 0; a < indices->rank; a++)
        if (x->dim[a] != indices->dim[a]) return false;
    r->shape.rank = 1;
    r->shape.dim[0] = r->params->i[0];
    for (int a = indices->rank; a < x->rank; a++) {
        if (r->shape.rank == PAL_MAX_RANK) return pal_infer_fail(r, "the result has more than 6 axes");
        r->shape.dim[r->shape.rank++] = x->dim[a];
    }
    return r->shape.dim[0] >= 0;
}

static pal_var vjp_scatter(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_take(r->seed, r->in[1]);
}

static pal_status run_scatter(const pal_call *c)
{
    const int32_t *indices = c->in[1];
    size_t n = (size_t)pal_shape_count(c->in_shape[1]), row = row_size(c->shape);
    pal_status status = check(c, indices, n, c->shape.dim[0]);
    if (status != PAL_OK) return status;
    memset(c->out, 0, (size_t)pal_shape_count(c->shape) * pal_dtype_size(c->dtype));
    for (size_t i = 0; i < n; i++) {
        if (c->dtype == PAL_F32) {
            float *to = (float *)c->out + (size_t)indices[i] * row;
            const float *from = (const float *)c->in[0] + i * row;
            for (size_t j = 0; j < row; j++) to[j] += from[j];
        } else {
            double *to = (double *)c->out + (size_t)indices[i] * row;
            const double *from = (const double *)c->in[0] + i * row;
            for (size_t j = 0; j < row; j++) to[j] += from[j];
        }
    }
    return PAL_OK;
}

static pal_var body_scatter(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_scatter_add(pal_square(*(const pal_var *)user), k, 3);
}

static pal_var case_scatter(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var x = in[0];
    (void)user;
    return pal_map_sum(t, 3, body_scatter, &x);
}

static const pal_case cases_scatter[] = {
    {.label = "into each row", .n = 1, .in = {{{1, {4}}, -2, 2}}, .build = case_scatter}};

/* clang-format off */
static const pal_op op_scatter_add = {
    PAL_OP_HEAD("scatter_add", "y[indices[i],...] += x[i,...]", "adds rows into zeros, in order: the adjoint of take"),
    .op_class = PAL_CLASS_INDEX, .arity = 2, .capabilities = PAL_CAN_FAIL, .n_ints = 1,
    .infer = infer_scatter, .derivative = {PAL_HAS_RULE, PAL_ZERO_DERIVATIVE}, .vjp = vjp_scatter, .run = run_scatter,
    .cases = cases_scatter, .n_cases = PAL_COUNT(cases_scatter)};
/* clang-format on */

pal_var pal_scatter_add(pal_var x, pal_var indices, int64_t rows)
{
    pal_params p = {.i[0] = rows};
    return pal_record(NULL, &op_scatter_add, (pal_var[]){x, indices}, 2, &p);
}

/* ---- one_hot -------------------------------------------------------------------------------------------------- */

static bool infer_one_hot(pal_infer *r)
{
    if (r->dtypes[0] != PAL_I32) return pal_infer_fail(r, "the indices must be i32");
    r->dtype = (pal_dtype)r->params->i[1];
    if (!pal_dtype_real(r->dtype) || r->params->i[0] < 1)
        return pal_infer_fail(r, "needs a real type and at least one class");
    r->shape = r->shapes[0];
    if (r->shape.rank == PAL_MAX_RANK) return pal_infer_fail(r, "the result has more than 6 axes");
    r->shape.dim[r->shape.rank++] = r->params->i[0];
    return true;
}

static pal_status run_one_hot(const pal_call *c)
{
    const int32_t *indices = c->in[0];
    size_t n = (size_t)pal_shape_count(c->in_shape[0]), classes = (size_t)c->params->i[0],
           size = pal_dtype_size(c->dtype);
    pal_status status = check(c, indices, n, c->params->i[0]);
    if (status != PAL_OK) return status;
    memset(c->out, 0, n * classes * size);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * classes + (size_t)indices[i];
        if (c->dtype == PAL_F32)
            ((float *)c->out)[at] = 1;
        else
            ((double *)c->out)[at] = 1;
    }
    return PAL_OK;
}

/* A unit vector is a 1 among zeros, which zeros.c carries on. */
static pal_var rewrite_one_hot(const pal_rule *r, bool rounding)
{
    (void)rounding;
    if (pal_op_of(r->in[0]) != &pal__op_index) return (pal_var){0};
    pal_var one = pal_fill(r->tape, (pal_dtype)r->params->i[1], PAL_SHAPE(1), 1);
    return pal_embed_at(one, r->in[0], 0, r->params->i[0]);
}

static pal_var body_one_hot(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_mul(pal_square(*(const pal_var *)user), pal_one_hot(k, 3, PAL_F64));
}

static pal_var case_one_hot(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var x = in[0];
    (void)user;
    return pal_map_sum(t, 2, body_one_hot, &x);
}

static const pal_case cases_one_hot[] = {
    {.label = "selects", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, .build = case_one_hot}};

/* clang-format off */
static const pal_op op_one_hot = {
    PAL_OP_HEAD("one_hot", "y[i,c] = 1 if indices[i] = c, else 0", "converts indices to unit vectors"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .capabilities = PAL_CAN_FAIL, .n_ints = 2,
    .infer = infer_one_hot, .derivative = {PAL_ZERO_DERIVATIVE}, .rewrite = rewrite_one_hot, .run = run_one_hot,
    .cases = cases_one_hot, .n_cases = PAL_COUNT(cases_one_hot)};
/* clang-format on */

pal_var pal_one_hot(pal_var indices, int64_t classes, pal_dtype dtype)
{
    pal_params p = {.i = {classes, (int64_t)dtype}};
    return pal_record(indices.tape, &op_one_hot, &indices, 1, &p);
}

static const pal_op *const ops[] = {&op_take, &op_scatter_add, &op_one_hot, &pal__op_slice_at, &pal__op_embed_at};
const pal__family pal__family_index = {ops, PAL_COUNT(ops)};
