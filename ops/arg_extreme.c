/* arg_extreme.c - the index of the largest and of the smallest element. A vector kernel finds the extreme value; then a
 * search finds the first element that equals it. */
#include "ops/sort.h"

static bool infer_arg(pal_infer *r)
{
    if (!pal__infer_order(r)) return false;
    if (r->shape.dim[r->shape.rank - 1] < 1) return pal_infer_fail(r, "the axis has no elements");
    r->shape.dim[--r->shape.rank] = 0;
    return true;
}

static void find_rows(const pal_call *c, const pal__fold *f, size_t first, size_t end)
{
    size_t n = pal__last(c->in_shape[0]);
    pal_isa isa = pal_kernel_isa(c->context);
    for (size_t row = first; row < end; row++) {
        size_t i = 0;
        if (c->in_dtype[0] == PAL_F32) {
            const float *x = (const float *)c->in[0] + row * n, m = f->f32[isa](x, n);
            while (i + 1 < n && x[i] != m && (m == m || x[i] == x[i])) i++;
        } else {
            const double *x = (const double *)c->in[0] + row * n, m = f->f64[isa](x, n);
            while (i + 1 < n && x[i] != m && (m == m || x[i] == x[i])) i++;
        }
        ((int32_t *)c->out)[row] = (int32_t)i;
    }
}

static void max_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    (void)scratch;
    find_rows(c, &pal__fold_max, first, end);
}

static void min_rows(const pal_call *c, size_t first, size_t end, void *scratch)
{
    (void)scratch;
    find_rows(c, &pal__fold_min, first, end);
}

static pal_status run_rows(const pal_call *c, pal__rows_fn fn)
{
    pal__each_row(c, pal__rows(c->in_shape[0]), (size_t)pal_shape_count(c->in_shape[0]), 0, fn);
    return PAL_OK;
}

static pal_status run_max(const pal_call *c) { return run_rows(c, max_rows); }
static pal_status run_min(const pal_call *c) { return run_rows(c, min_rows); }

/* An index has no derivative that could be checked, so the case uses the element that the index picks. */
static pal_var pick(pal_var x, pal_var at, int axis) { return pal_square(pal_gather(x, pal_expand(at, axis), axis)); }

static pal_var case_max(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pick(in[0], pal_arg_max(in[0], *(const int *)user), *(const int *)user);
}

static pal_var case_min(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pick(in[0], pal_arg_min(in[0], *(const int *)user), *(const int *)user);
}

static const int first_axis = 0, last_axis = 1;
/* clang-format off */
#define CASES(build_) \
    {.label = "last axis",  .n = 1, .in = {{{2, {2, 3}}, -9, 9}}, .build = build_, .user = &last_axis}, \
    {.label = "first axis", .n = 1, .in = {{{2, {3, 2}}, -9, 9}}, .build = build_, .user = &first_axis}, \
    {.label = "size 1",     .n = 1, .in = {{{2, {2, 1}}, -9, 9}}, .build = build_, .user = &last_axis}, \
    {.label = "no rows",    .n = 1, .in = {{{2, {0, 2}}, -9, 9}}, .build = build_, .user = &last_axis}
/* clang-format on */
static const pal_case cases_max[] = {CASES(case_max)};
static const pal_case cases_min[] = {CASES(case_min)};

/* clang-format off */
const pal_op pal__op_arg_max = {
    PAL_OP_HEAD("arg_max", "first i with x[i] = max over the axis",
                "index of the largest element, the first of equals; NaN counts as the largest"),
    .op_class = PAL_CLASS_INDEX, .arity = 1,
    .infer = infer_arg, .derivative = {PAL_ZERO_DERIVATIVE}, .decision = pal__decide_order, .run = run_max,
    .cases = cases_max, .n_cases = PAL_COUNT(cases_max)};

const pal_op pal__op_arg_min = {
    PAL_OP_HEAD("arg_min", "first i with x[i] = min over the axis",
                "index of the smallest element, the first of equals; NaN counts as the smallest"),
    .op_class = PAL_CLASS_INDEX, .arity = 1,
    .infer = infer_arg, .derivative = {PAL_ZERO_DERIVATIVE}, .decision = pal__decide_order, .run = run_min,
    .cases = cases_min, .n_cases = PAL_COUNT(cases_min)};
/* clang-format on */

static pal_var record(const pal_op *op, pal_var x, int axis)
{
    if (!pal__given(op->name, x) || !pal__axis_of(op->name, x, pal_shape_of(x).rank, &axis))
        return (pal_var){.tape = x.tape};
    x = pal__axis_to_end(x, axis);
    return pal_record(NULL, op, &x, 1, NULL);
}

pal_var pal_arg_max(pal_var x, int axis) { return record(&pal__op_arg_max, x, axis); }
pal_var pal_arg_min(pal_var x, int axis) { return record(&pal__op_arg_min, x, axis); }
