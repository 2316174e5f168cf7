/* sort.c - the order of a row, as indices: arg_sort for the whole row, arg_top_k for its first k elements. sort and
 * top_k gather the elements at these indices. The kernels work on the last axis. */
#include "ops/sort.h"

#include <string.h>

bool pal__infer_order(pal_infer *r)
{
    r->dtype = PAL_I32;
    r->shape = r->shapes[0];
    if (!pal_dtype_real(r->dtypes[0])) return pal_infer_fail(r, "the operand must be real");
    if (r->shape.rank < 1) return pal_infer_fail(r, "a scalar has no axis");
    return r->shape.dim[r->shape.rank - 1] <= INT32_MAX || pal_infer_fail(r, "the axis is too long for i32 indices");
}

/* [rows, i, j] is true if element j, or an element that equals it, is at position i of the order. */
pal_var pal__decide_order(const pal_rule *r)
{
    pal_shape s = pal_shape_of(r->in[0]);
    int64_t n = (int64_t)pal__last(s), rows = (int64_t)pal__rows(s), places = 1;
    if (!pal_shape_count(s)) return (pal_var){0};
    if (pal_shape_of(r->out).rank == s.rank) places = (int64_t)pal__last(pal_shape_of(r->out));
    pal_var x = pal_reshape(r->in[0], PAL_SHAPE(rows, n)), at = pal_reshape(r->out, PAL_SHAPE(rows, places));
    return pal_equal(pal_reshape(pal_gather(x, at, 1), PAL_SHAPE(rows, places, 1)),
                     pal_reshape(x, PAL_SHAPE(rows, 1, n)));
}

#define T        float
#define FN(name) name##_f32
#define KEY      uint32_t
#define ITEM     uint64_t
#define TOP      UINT32_C(0x80000000)
#include "ops/sort_type.h"
#undef T
#undef FN
#undef KEY
#undef ITEM
#undef TOP
#define T        double
#define FN(name) name##_f64
#define KEY      uint64_t
#define ITEM     unsigned __int128
#define TOP      UINT64_C(0x8000000000000000)
#include "ops/sort_type.h"

static size_t item_size(const pal_call *c) { return c->in_dtype[0] == PAL_F32 ? 8 : 16; }

/* ---- arg_sort ------------------------------------------------------------------------------------------------- */

static size_t work(const pal_call *c) { return 16 * (size_t)pal_shape_count(c->in_shape[0]); }

static size_t sort_scratch_of_each(const pal_call *c) { return 2 * pal__last(c->in_shape[0]) * item_size(c); }

static size_t sort_scratch(const pal_call *c)
{
    return pal__row_tasks(pal__rows(c->in_shape[0]), work(c)) * sort_scratch_of_each(c);
}

static void sort_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    size_t n = pal__last(c->shape);
    bool descending = c->params->i[0];
    for (size_t row = first; row < end; row++) {
        int32_t *out = (int32_t *)c->out + row * n;
        if (c->in_dtype[0] == PAL_F32)
            sort_row_f32((const float *)c->in[0] + row * n, n, descending, out, scratch);
        else
            sort_row_f64((const double *)c->in[0] + row * n, n, descending, out, scratch);
    }
}

static pal_status run_sort(const pal_call *c)
{
    pal__each_row(c, pal__rows(c->shape), work(c), sort_scratch_of_each(c), sort_rows);
    return PAL_OK;
}

typedef struct by { /* the arguments of a test case */
    int axis, option;
} by;

static pal_var case_arg_sort(pal_tape *t, const pal_var *in, const void *user)
{
    const by *o = user;
    (void)t;
    return pal_square(pal_gather(in[0], pal_arg_sort(in[0], o->axis, o->option), o->axis));
}

/* clang-format off */
#define CASE(build_, axis, option) .build = build_, .user = &(const by){axis, option}
/* clang-format on */
static const pal_case cases_arg_sort[] = {
    {.label = "ascending", .n = 1, .in = {{{2, {2, 4}}, -9, 9}}, CASE(case_arg_sort, 1, 0)},
    {.label = "size 0", .n = 1, .in = {{{2, {2, 0}}, -9, 9}}, CASE(case_arg_sort, 1, 0)},
};

/* clang-format off */
static const pal_op op_arg_sort = {
    PAL_OP_HEAD("arg_sort", "x[y[i]] in order", "indices that sort an axis, stable; NaN last in both directions"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = 1,
    .infer = pal__infer_order, .derivative = {PAL_ZERO_DERIVATIVE}, .decision = pal__decide_order,
    .run = run_sort, .scratch = sort_scratch,
    .cases = cases_arg_sort, .n_cases = PAL_COUNT(cases_arg_sort)};
/* clang-format on */

static const pal_op op_arg_top_k;

static pal_var places(const char *name, const pal_op *op, pal_var x, int axis, int64_t option)
{
    pal_params p = {.i[0] = option};
    if (!pal__given(name, x) || !pal__axis_of(name, x, pal_shape_of(x).rank, &axis)) return (pal_var){.tape = x.tape};
    if (!pal_dtype_real(pal_dtype_of(x)))
        return pal_tape_fail(x.tape, PAL_ERR_TYPE, "%s: the operand must be real, not %s", name,
                             pal_dtype_name(pal_dtype_of(x)));
    if (op == &op_arg_top_k && (option < 0 || option > pal_shape_of(x).dim[axis]))
        return pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "%s: k is %lld and must be 0 to %lld, the length of the axis",
                             name, (long long)option, (long long)pal_shape_of(x).dim[axis]);
    pal_var rows = pal__axis_to_end(x, axis);
    return pal__axis_from_end(pal_record(NULL, op, &rows, 1, &p), axis);
}

pal_var pal_arg_sort(pal_var x, int axis, bool descending)
{
    return places("arg_sort", &op_arg_sort, x, axis, descending);
}

/* ---- arg_top_k ------------------------------------------------------------------------------------------------ */

static bool infer_top(pal_infer *r)
{
    if (!pal__infer_order(r)) return false;
    int64_t *n = &r->shape.dim[r->shape.rank - 1], k = r->params->i[0];
    if (k < 0 || k > *n) return pal_infer_fail(r, "k must be 0 to the length of the axis");
    *n = k;
    return true;
}

/* The number of candidates that are kept at once: all, or a few times k. */
static size_t room(size_t n, size_t k)
{
    size_t most = 4 * k > 64 ? 4 * k : 64;
    return n < most ? n : most;
}

static size_t top_scratch_of_each(const pal_call *c)
{
    return 2 * room(pal__last(c->in_shape[0]), pal__last(c->shape)) * item_size(c);
}

static size_t top_work(const pal_call *c) { return 4 * (size_t)pal_shape_count(c->in_shape[0]); }

static size_t top_scratch(const pal_call *c)
{
    return pal__row_tasks(pal__rows(c->shape), top_work(c)) * top_scratch_of_each(c);
}

static void top_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    size_t n = pal__last(c->in_shape[0]), k = pal__last(c->shape);
    for (size_t row = first; row < end; row++) {
        int32_t *out = (int32_t *)c->out + row * k;
        if (c->in_dtype[0] == PAL_F32)
            top_row_f32((const float *)c->in[0] + row * n, n, k, room(n, k), out, scratch);
        else
            top_row_f64((const double *)c->in[0] + row * n, n, k, room(n, k), out, scratch);
    }
}

static pal_status run_top(const pal_call *c)
{
    pal__each_row(c, pal__rows(c->shape), top_work(c), top_scratch_of_each(c), top_rows);
    return PAL_OK;
}

static pal_var case_arg_top_k(pal_tape *t, const pal_var *in, const void *user)
{
    const by *o = user;
    (void)t;
    return pal_square(pal_gather(in[0], pal_arg_top_k(in[0], o->axis, o->option), o->axis));
}

static const pal_case cases_arg_top_k[] = {
    {.label = "two", .n = 1, .in = {{{2, {2, 4}}, -9, 9}}, CASE(case_arg_top_k, 1, 2)},
    {.label = "none", .n = 1, .in = {{{2, {2, 3}}, -9, 9}}, CASE(case_arg_top_k, 1, 0)},
};

/* clang-format off */
static const pal_op op_arg_top_k = {
    PAL_OP_HEAD("arg_top_k", "the first k of arg_sort, descending",
                "indices of the k largest elements, largest first, the first of equals first; NaN last"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = 1,
    .infer = infer_top, .derivative = {PAL_ZERO_DERIVATIVE}, .decision = pal__decide_order,
    .run = run_top, .scratch = top_scratch,
    .cases = cases_arg_top_k, .n_cases = PAL_COUNT(cases_arg_top_k)};
/* clang-format on */

pal_var pal_arg_top_k(pal_var x, int axis, int64_t k) { return places("arg_top_k", &op_arg_top_k, x, axis, k); }

/* ---- sort and top_k ------------------------------------------------------------------------------------------- */

static pal_var values(const char *name, const pal_op *op, pal_var x, int axis, int64_t option)
{
    pal_var at = places(name, op, x, axis, option);
    return at.id ? pal_gather(x, at, axis) : at;
}

pal_var pal_sort(pal_var x, int axis, bool descending) { return values("sort", &op_arg_sort, x, axis, descending); }
pal_var pal_top_k(pal_var x, int axis, int64_t k) { return values("top_k", &op_arg_top_k, x, axis, k); }

static pal_var case_sort(pal_tape *t, const pal_var *in, const void *user)
{
    const by *o = user;
    (void)t;
    return pal_square(pal_sort(in[0], o->axis, o->option));
}

static pal_var case_top_k(pal_tape *t, const pal_var *in, const void *user)
{
    const by *o = user;
    (void)t;
    return pal_square(pal_top_k(in[0], o->axis, o->option));
}

static const pal_case cases_sort[] = {
    {.label = "last axis", .n = 1, .in = {{{2, {2, 4}}, -9, 9}}, CASE(case_sort, -1, 0)},
    {.label = "first axis, descending", .n = 1, .in = {{{2, {3, 2}}, -9, 9}}, CASE(case_sort, 0, 1)},
    {.label = "middle axis", .n = 1, .in = {{{3, {1, 3, 2}}, -9, 9}}, CASE(case_sort, 1, 0)},
    {.label = "size 1", .n = 1, .in = {{{2, {2, 1}}, -9, 9}}, CASE(case_sort, 1, 1)},
};
static const pal_case cases_top_k[] = {
    {.label = "last axis", .n = 1, .in = {{{2, {2, 4}}, -9, 9}}, CASE(case_top_k, -1, 2)},
    {.label = "first axis", .n = 1, .in = {{{2, {4, 2}}, -9, 9}}, CASE(case_top_k, 0, 1)},
    {.label = "all", .n = 1, .in = {{{1, {4}}, -9, 9}}, CASE(case_top_k, 0, 4)},
};

static const pal_op op_sort = {
    PAL_OP_HEAD("sort", "gather(x, arg_sort(x))", "sorts an axis; the derivative goes back to each value's place in x"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_sort, .n_cases = PAL_COUNT(cases_sort)};

static const pal_op op_top_k = {
    PAL_OP_HEAD("top_k", "gather(x, arg_top_k(x))",
                "the k largest elements; the derivative goes back to each value's place in x"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_top_k, .n_cases = PAL_COUNT(cases_top_k)};

/* clang-format off */
static const pal_op *const ops[] = {
    &pal__op_arg_max, &pal__op_arg_min, &op_arg_sort, &op_arg_top_k,
    &pal__op_gather, &pal__op_gather_add, &op_sort, &op_top_k};
/* clang-format on */
const pal__family pal__family_order = {ops, PAL_COUNT(ops)};
