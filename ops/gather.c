/* gather.c - picks elements along the last axis, and its adjoint. If an index is out of range, pal_run fails before
 * anything is written. */
#include "ops/axes.h"

#include <stdio.h>
#include <string.h>

/* Checks that x and the indices have equal axes, except the last. */
static bool agree(pal_infer *r)
{
    const pal_shape *x = &r->shapes[0], *indices = &r->shapes[1];
    r->dtype = r->dtypes[0];
    r->shape = *indices;
    if (r->dtypes[1] != PAL_I32) return pal_infer_fail(r, "the indices must be i32");
    if (x->rank < 1) return pal_infer_fail(r, "a scalar has no axis");
    bool same = x->rank == indices->rank;
    for (int a = 0; a < x->rank - 1 && same; a++) same = x->dim[a] == indices->dim[a];
    return same || pal_infer_fail(r, "the shapes must be equal, except along the axis");
}

static pal_status check(const pal_call *c, size_t size)
{
    const int32_t *indices = c->in[1];
    size_t n = (size_t)pal_shape_count(c->in_shape[1]);
    for (size_t i = 0; i < n; i++)
        if (indices[i] < 0 || (size_t)indices[i] >= size) {
            snprintf(c->why, 120, "index %d at position %zu is not in 0 .. %lld", indices[i], i, (long long)size - 1);
            return PAL_ERR_ARGUMENT;
        }
    return PAL_OK;
}

/* Constant indices 0, 1, 2, ... modulo `below`, from a running sum of ones. */
static pal_var steps(pal_tape *t, pal_shape shape, int64_t below)
{
    pal_var count = pal_cumsum(pal_fill(t, PAL_F64, PAL_SHAPE(pal_shape_count(shape)), 1), 0, true, false);
    pal_var turn = pal_cast(pal_cast(pal_scale(count, 1 / (double)below), PAL_I32), PAL_F64);
    return pal_cast(pal_reshape(pal_sub(count, pal_scale(turn, (double)below)), shape), PAL_I32);
}

/* ---- gather --------------------------------------------------------------------------------------------------- */

static void gather_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    size_t n = pal__last(c->in_shape[0]), k = pal__last(c->shape), size = pal_dtype_size(c->dtype);
    (void)scratch;
    for (size_t row = first; row < end; row++) {
        const int32_t *at = (const int32_t *)c->in[1] + row * k;
        const char *x = (const char *)c->in[0] + row * n * size;
        char *y = (char *)c->out + row * k * size;
        if (size == 8)
            for (size_t i = 0; i < k; i++) memcpy(y + 8 * i, x + 8 * (size_t)at[i], 8);
        else if (size == 4)
            for (size_t i = 0; i < k; i++) memcpy(y + 4 * i, x + 4 * (size_t)at[i], 4);
        else
            for (size_t i = 0; i < k; i++) y[i] = x[at[i]];
    }
}

static pal_status run_gather(const pal_call *c)
{
    pal_status status = check(c, pal__last(c->in_shape[0]));
    if (status == PAL_OK) pal__each_row(c, pal__rows(c->shape), (size_t)pal_shape_count(c->shape), 0, gather_rows);
    return status;
}

static pal_var vjp_gather(const pal_rule *r, size_t k)
{
    return pal_gather_add(r->seed, r->in[1], -1, (int64_t)pal__last(pal_shape_of(r->in[k])));
}

static pal_var case_gather(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    pal_var y = pal_gather(in[0], steps(t, PAL_SHAPE(2, 5), 3), 1);
    return pal_square(y);
}

static pal_var case_gather_first(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_square(pal_gather(in[0], steps(t, PAL_SHAPE(1, 2, 2), 2), 0));
}

static pal_var case_gather_none(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_gather(in[0], pal_fill(t, PAL_I32, PAL_SHAPE(2, 0), 0), -1);
}

static const pal_case cases_gather[] = {
    {.label = "last axis, with repeats", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, .build = case_gather},
    {.label = "first axis", .n = 1, .in = {{{3, {3, 2, 2}}, -2, 2}}, .build = case_gather_first},
    {.label = "nothing", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, .build = case_gather_none},
};

/* clang-format off */
const pal_op pal__op_gather = {
    PAL_OP_HEAD("gather", "y[..,i,..] = x[..,indices[..,i,..],..]", "picks elements along an axis"),
    .op_class = PAL_CLASS_INDEX, .arity = 2, .capabilities = PAL_CAN_FAIL,
    .infer = agree, .derivative = {PAL_HAS_RULE, PAL_ZERO_DERIVATIVE}, .vjp = vjp_gather, .run = run_gather,
    .cases = cases_gather, .n_cases = PAL_COUNT(cases_gather)};
/* clang-format on */

static pal_var record(const pal_op *op, pal_var x, pal_var indices, int axis, const pal_params *p)
{
    int rank = pal_shape_of(x).rank;
    if (!pal_ok(x) || !pal_ok(indices)) return pal_record(NULL, op, (pal_var[]){x, indices}, 2, p);
    if (!pal__axis_of(op->name, x, rank, &axis)) return (pal_var){.tape = x.tape};
    if (pal_shape_of(indices).rank == rank) indices = pal__axis_to_end(indices, axis);
    return pal__axis_from_end(pal_record(NULL, op, (pal_var[]){pal__axis_to_end(x, axis), indices}, 2, p), axis);
}

pal_var pal_gather(pal_var x, pal_var indices, int axis) { return record(&pal__op_gather, x, indices, axis, NULL); }

/* ---- gather_add ----------------------------------------------------------------------------------------------- */

static bool infer_gather_add(pal_infer *r)
{
    if (!agree(r)) return false;
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the values must be real");
    if (!pal_shape_equal(r->shapes[0], r->shapes[1])) return pal_infer_fail(r, "each element must have one index");
    r->shape.dim[r->shape.rank - 1] = r->params->i[0];
    return r->params->i[0] >= 0 || pal_infer_fail(r, "the size is negative");
}

static void add_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    size_t k = pal__last(c->in_shape[0]), n = pal__last(c->shape), size = pal_dtype_size(c->dtype);
    (void)scratch;
    memset((char *)c->out + first * n * size, 0, (end - first) * n * size);
    for (size_t row = first; row < end; row++) {
        const int32_t *at = (const int32_t *)c->in[1] + row * k;
        if (c->dtype == PAL_F32) {
            const float *x = (const float *)c->in[0] + row * k;
            float *y = (float *)c->out + row * n;
            for (size_t i = 0; i < k; i++) y[at[i]] += x[i];
        } else {
            const double *x = (const double *)c->in[0] + row * k;
            double *y = (double *)c->out + row * n;
            for (size_t i = 0; i < k; i++) y[at[i]] += x[i];
        }
    }
}

static pal_status run_gather_add(const pal_call *c)
{
    size_t n = pal__last(c->shape);
    pal_status status = check(c, n);
    size_t work = (size_t)pal_shape_count(c->in_shape[0]) + (size_t)pal_shape_count(c->shape);
    if (status == PAL_OK && n) pal__each_row(c, pal__rows(c->shape), work, 0, add_rows);
    return status;
}

static pal_var vjp_gather_add(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_gather(r->seed, r->in[1], -1);
}

static pal_var case_add(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_square(pal_gather_add(in[0], steps(t, PAL_SHAPE(2, 5), 3), 1, 4));
}

static pal_var case_add_first(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_square(pal_gather_add(in[0], steps(t, PAL_SHAPE(3, 2), 2), 0, 2));
}

static const pal_case cases_add[] = {
    {.label = "last axis, with repeats", .n = 1, .in = {{{2, {2, 5}}, -2, 2}}, .build = case_add},
    {.label = "first axis", .n = 1, .in = {{{2, {3, 2}}, -2, 2}}, .build = case_add_first},
};

/* clang-format off */
const pal_op pal__op_gather_add = {
    PAL_OP_HEAD("gather_add", "y[..,indices[..,i,..],..] += x[..,i,..]",
                "adds elements into zeros along an axis, in order: the adjoint of gather"),
    .op_class = PAL_CLASS_INDEX, .arity = 2, .capabilities = PAL_CAN_FAIL, .n_ints = 1,
    .infer = infer_gather_add, .derivative = {PAL_HAS_RULE, PAL_ZERO_DERIVATIVE}, .vjp = vjp_gather_add,
    .run = run_gather_add, .cases = cases_add, .n_cases = PAL_COUNT(cases_add)};
/* clang-format on */

pal_var pal_gather_add(pal_var x, pal_var indices, int axis, int64_t size)
{
    return record(&pal__op_gather_add, x, indices, axis, &(pal_params){.i[0] = size});
}
