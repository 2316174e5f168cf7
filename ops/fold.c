/* fold.c - reductions of the last axis that have kernels: [.., n] -> [.., 1].
 *
 * Rows are contiguous; pal__reduce (axes.c) moves any set of axes to the end. With the parameter i[0] = 1, some of the
 * operations reduce the first axis of a matrix instead: [m, n] -> [1, n]. row_shift counts as a constant for
 * derivatives: logsumexp subtracts it from its argument and adds it to the result, so that it does not overflow. */
#include "ops/axes.h"
#include "ops/elementwise.h"

#include <float.h>
#include <math.h>

#define F32(name, isa) pal__##name##_f32_##isa
#define F64(name, isa) pal__##name##_f64_##isa
const pal__fold pal__fold_max = {PAL_EACH_ISA(F32, row_max), PAL_EACH_ISA(F64, row_max)};
const pal__fold pal__fold_min = {PAL_EACH_ISA(F32, row_min), PAL_EACH_ISA(F64, row_min)};
static const pal__fold fold_prod = {PAL_EACH_ISA(F32, row_prod), PAL_EACH_ISA(F64, row_prod)};

static bool infer_rows(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    if (r->shape.rank < 1) return pal_infer_fail(r, "a scalar has no axis to reduce");
    r->shape.dim[r->shape.rank - 1] = 1;
    return true;
}

static bool infer_either(pal_infer *r)
{
    if (r->params->i[0] == 0) return infer_rows(r);
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    if (r->params->i[0] != 1 || r->shape.rank != 2)
        return pal_infer_fail(r, "columns need a matrix and the parameter 1");
    r->shape.dim[0] = 1;
    return true;
}

static bool infer_some(pal_infer *r)
{
    if (!infer_either(r)) return false;
    int64_t terms = r->shapes[0].dim[r->params->i[0] ? 0 : r->shape.rank - 1];
    return terms > 0 || pal_infer_fail(r, "there are no elements to reduce");
}

static void fold_rows(const pal_call *c, const pal__fold *f, size_t first, size_t end)
{
    size_t n = pal__last(c->in_shape[0]);
    pal_isa isa = pal_kernel_isa(c->context);
    for (size_t i = first; i < end; i++)
        if (c->dtype == PAL_F32)
            ((float *)c->out)[i] = f->f32[isa]((const float *)c->in[0] + i * n, n);
        else
            ((double *)c->out)[i] = f->f64[isa]((const double *)c->in[0] + i * n, n);
}

typedef struct columns_fold {
    void (*f32[PAL_ISA_COUNT])(const float *, size_t, size_t, size_t, float *);
    void (*f64[PAL_ISA_COUNT])(const double *, size_t, size_t, size_t, double *);
} columns_fold;
static const columns_fold columns_max = {PAL_EACH_ISA(F32, column_max), PAL_EACH_ISA(F64, column_max)};
static const columns_fold columns_min = {PAL_EACH_ISA(F32, column_min), PAL_EACH_ISA(F64, column_min)};

enum { COLUMNS = 256 }; /* minimum of columns per task: enough cache lines of each row for prefetching */

/* Reduces groups first .. end-1, of COLUMNS columns each. */
static void fold_columns(const pal_call *c, const columns_fold *f, size_t first, size_t end)
{
    size_t m = (size_t)c->in_shape[0].dim[0], n = (size_t)c->in_shape[0].dim[1], last = end * COLUMNS;
    pal_isa isa = pal_kernel_isa(c->context);
    if (last > n) last = n;
    for (size_t at = first * COLUMNS; at < last; at += COLUMNS) {
        size_t width = last - at < COLUMNS ? last - at : COLUMNS;
        if (c->dtype == PAL_F32)
            f->f32[isa]((const float *)c->in[0] + at, m, n, width, (float *)c->out + at);
        else
            f->f64[isa]((const double *)c->in[0] + at, m, n, width, (double *)c->out + at);
    }
}

static pal_status run_rows(const pal_call *c, pal__rows_fn fn)
{
    size_t rows = pal__rows(c->in_shape[0]), groups = (pal__last(c->in_shape[0]) + COLUMNS - 1) / COLUMNS;
    pal__each_row(c, c->params->i[0] ? groups : rows, (size_t)pal_shape_count(c->in_shape[0]), 0, fn);
    return PAL_OK;
}

static double read(const pal_call *c, const void *x, size_t i)
{
    return c->dtype == PAL_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void write(const pal_call *c, size_t i, double value)
{
    if (c->dtype == PAL_F32)
        ((float *)c->out)[i] = (float)value;
    else
        ((double *)c->out)[i] = value;
}

/* ---- reduce_max and reduce_min -------------------------------------------------------------------------------- */

static void max_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    if (c->params->i[0])
        fold_columns(c, &columns_max, from, end);
    else
        fold_rows(c, &pal__fold_max, from, end);
}

static void min_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    if (c->params->i[0])
        fold_columns(c, &columns_min, from, end);
    else
        fold_rows(c, &pal__fold_min, from, end);
}

static pal_status run_max(const pal_call *c) { return run_rows(c, max_rows); }
static pal_status run_min(const pal_call *c) { return run_rows(c, min_rows); }

/* All elements that equal the extreme get an equal share. If the extreme is NaN, no element does. */
static pal_var vjp_extreme(const pal_rule *r, size_t k)
{
    pal_var x = r->in[k], attains = pal_equal(x, r->out);
    unsigned axes = r->params->i[0] ? 1 : 1u << (pal_shape_of(x).rank - 1);
    pal_var shares = pal_sum(pal_cast(attains, pal_dtype_of(x)), axes, true);
    return pal_where(attains, pal_div(r->seed, shares), pal_like(x, 0));
}

static pal_var decide_extreme(const pal_rule *r) { return pal_equal(r->in[0], r->out); }

/* The second derivatives of a maximum are 0, so the cases square it. */
static pal_var case_max_square(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_square(pal_reduce_max(pal_mul(in[0], in[1]), 2, false));
}

static pal_var case_min_square(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_square(pal_reduce_min(pal_mul(in[0], in[1]), 2, false));
}

/* clang-format off */
#define EXTREME_CASES(reduce, square) \
    {.label = "last axis",  .n = 1, .in = {{{2, {2, 3}}, -9, 9}},    PAL__OVER(reduce, 2, true)}, \
    {.label = "first axis", .n = 1, .in = {{{2, {2, 3}}, -9, 9}},    PAL__OVER(reduce, 1, false)}, \
    {.label = "both ends",  .n = 1, .in = {{{3, {2, 2, 2}}, -9, 9}}, PAL__OVER(reduce, 5, false)}, \
    {.label = "all",        .n = 1, .in = {{{3, {1, 2, 2}}, -9, 9}}, PAL__OVER(reduce, 7, false)}, \
    {.label = "size 1",     .n = 1, .in = {{{0, {0}}, -9, 9}},       PAL__OVER(reduce, 0, true)}, \
    {.label = "no rows",    .n = 1, .in = {{{2, {0, 3}}, -9, 9}},    PAL__OVER(reduce, 2, true)}, \
    {.label = "squared",    .n = 2, .in = {{{2, {2, 3}}, -4, 4}, {{1, {3}}, 1, 2}}, .build = square}
/* clang-format on */

static const pal_case cases_max[] = {EXTREME_CASES(pal_reduce_max, case_max_square)};
static const pal_case cases_min[] = {EXTREME_CASES(pal_reduce_min, case_min_square)};

/* clang-format off */
const pal_op pal__op_reduce_max = {
    PAL_OP_HEAD("reduce_max", "max over axes of x",
                "largest element; ties share the derivative equally; NaN if any element is NaN"),
    .op_class = PAL_CLASS_REDUCTION, .arity = 1, .n_ints = 1,
    .infer = infer_some, .derivative = {PAL_HAS_RULE}, .vjp = vjp_extreme, .decision = decide_extreme, .run = run_max,
    .cases = cases_max, .n_cases = PAL_COUNT(cases_max)};

const pal_op pal__op_reduce_min = {
    PAL_OP_HEAD("reduce_min", "min over axes of x",
                "smallest element; ties share the derivative equally; NaN if any element is NaN"),
    .op_class = PAL_CLASS_REDUCTION, .arity = 1, .n_ints = 1,
    .infer = infer_some, .derivative = {PAL_HAS_RULE}, .vjp = vjp_extreme, .decision = decide_extreme, .run = run_min,
    .cases = cases_min, .n_cases = PAL_COUNT(cases_min)};
/* clang-format on */

/* ---- row_shift ------------------------------------------------------------------------------------------------ */

static void shift_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    size_t n = pal__last(c->in_shape[0]);
    double least = c->dtype == PAL_F32 ? -(double)FLT_MAX : -DBL_MAX;
    (void)scratch;
    if (c->params->i[0]) {
        fold_columns(c, &columns_max, from, end);
        size_t last = end * COLUMNS;
        from *= COLUMNS;
        end = last < n ? last : n;
        n = (size_t)c->in_shape[0].dim[0];
    } else if (n) {
        fold_rows(c, &pal__fold_max, from, end);
    }
    for (size_t i = from; i < end; i++) {
        double m = n ? read(c, c->out, i) : 0;
        write(c, i, m < least ? least : m);
    }
}

static pal_status run_shift(const pal_call *c) { return run_rows(c, shift_rows); }

/* It cannot be differentiated alone, so the case uses logsumexp. */
static const pal_case cases_shift[] = {
    {.label = "logsumexp", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, PAL__OVER(pal_logsumexp, 2, true)}};

/* clang-format off */
const pal_op pal__op_row_shift = {
    PAL_OP_HEAD("row_shift", "max over the last axis, at least -MAX",
                "what logsumexp subtracts; never -inf; a constant for derivatives"),
    .op_class = PAL_CLASS_REDUCTION, .arity = 1, .n_ints = 1,
    .infer = infer_either, .derivative = {PAL_ZERO_DERIVATIVE}, .run = run_shift,
    .cases = cases_shift, .n_cases = PAL_COUNT(cases_shift)};
/* clang-format on */

/* ---- row_norm ------------------------------------------------------------------------------------------------- */

static double squares(const pal_call *c, size_t row, size_t n, double factor)
{
    static float (*const f32[])(const float *, size_t, float, float) = PAL_EACH_ISA(F32, row_squares);
    static double (*const f64[])(const double *, size_t, double, double) = PAL_EACH_ISA(F64, row_squares);
    pal_isa isa = pal_kernel_isa(c->context);
    return c->dtype == PAL_F32 ? (double)f32[isa]((const float *)c->in[0] + row * n, n, (float)factor, 0)
                               : f64[isa]((const double *)c->in[0] + row * n, n, factor, 0);
}

static double magnitude(const pal_call *c, size_t row, size_t n)
{
    pal_isa isa = pal_kernel_isa(c->context);
    double low, high;
    if (c->dtype == PAL_F32) {
        const float *x = (const float *)c->in[0] + row * n;
        low = (double)pal__fold_min.f32[isa](x, n), high = (double)pal__fold_max.f32[isa](x, n);
    } else {
        const double *x = (const double *)c->in[0] + row * n;
        low = pal__fold_min.f64[isa](x, n), high = pal__fold_max.f64[isa](x, n);
    }
    return fabs(high > -low ? high : -low); /* NaN if an element is NaN; never -0 */
}

/* If the sum of squares overflows, or is so small that squares may have underflowed, it is computed again from elements
 * scaled by a power of 2. Within the limits, squares that underflow are too small to change the sum. */
static void norm_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    size_t n = pal__last(c->in_shape[0]);
    bool narrow = c->dtype == PAL_F32;
    double least = narrow ? 0x1p-90 : 0x1p-900, most = narrow ? (double)FLT_MAX : DBL_MAX;
    (void)scratch;
    for (size_t i = from; i < end; i++) {
        double sum = squares(c, i, n, 1), largest, factor;
        if (sum >= least && sum <= most) {
            write(c, i, sqrt(sum));
            continue;
        }
        largest = n ? magnitude(c, i, n) : 0;
        factor = narrow ? (largest > 1 ? 0x1p-80 : 0x1p100) : largest > 1 ? 0x1p-600 : 0x1p600;
        write(c, i, largest == 0 || !isfinite(largest) ? largest : sqrt(squares(c, i, n, factor)) / factor);
    }
}

static pal_status run_norm(const pal_call *c) { return run_rows(c, norm_rows); }

/* x / |x|: as for hypot, 0 at x = 0, where the derivative does not exist; the second derivative is 0 there too. */
static pal_var vjp_norm(const pal_rule *r, size_t k) { return pal_mul(r->seed, pal__direction(r->in[k], r->out)); }

static const pal_case cases_norm[] = {
    {.label = "norm", .n = 1, .in = {{{2, {2, 3}}, 0.5, 2}}, PAL__OVER(pal_norm, 2, true)}};

/* clang-format off */
const pal_op pal__op_row_norm = {
    PAL_OP_HEAD("row_norm", "sqrt(sum x^2) over the last axis", "kernel of norm; first and second derivative 0 at 0"),
    .op_class = PAL_CLASS_REDUCTION, .arity = 1,
    .infer = infer_rows, .derivative = {PAL_HAS_RULE}, .vjp = vjp_norm, .run = run_norm,
    .cases = cases_norm, .n_cases = PAL_COUNT(cases_norm)};
/* clang-format on */

/* ---- prod and exclusive_prod ---------------------------------------------------------------------------------- */

static void prod_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    fold_rows(c, &fold_prod, from, end);
}

static pal_status run_prod(const pal_call *c) { return run_rows(c, prod_rows); }

static pal_var exclusive_prod(pal_var x) { return pal_record(NULL, &pal__op_exclusive_prod, &x, 1, NULL); }

static pal_var vjp_prod(const pal_rule *r, size_t k) { return pal_mul(r->seed, exclusive_prod(r->in[k])); }

/* The first loop stores the product of the elements before; the second multiplies it by the product of those after. */
static void exclusive_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    size_t n = pal__last(c->shape);
    (void)scratch;
    for (size_t row = from; row < end; row++) {
        double before = 1, behind = 1;
        for (size_t i = row * n; i < (row + 1) * n; i++) {
            write(c, i, before);
            before *= read(c, c->in[0], i);
        }
        for (size_t i = (row + 1) * n; i-- > row * n;) {
            write(c, i, read(c, c->out, i) * behind);
            behind *= read(c, c->in[0], i);
        }
    }
}

static pal_status run_exclusive(const pal_call *c) { return run_rows(c, exclusive_rows); }

static bool infer_exclusive(pal_infer *r)
{
    if (!infer_rows(r)) return false;
    r->shape = r->shapes[0];
    return true;
}

/* The derivative in x_k is the sum over i other than k of s_i times the product of all elements but i and k. That
 * product is element i of the exclusive product of x with x_k replaced by 1. There is no division, so zeros need no
 * special case. A product that is infinite is left out if its seed is 0: it belongs to another result. It takes n^2
 * values per row. The leading axes are flattened first, so that the rank does not grow with the order of the
 * derivative. */
static pal_var vjp_exclusive(const pal_rule *r, size_t k)
{
    pal_shape s = pal_shape_of(r->in[k]);
    int64_t n = s.dim[s.rank - 1];
    if (!pal_shape_count(s)) return pal_like(r->in[k], 0);
    pal_shape rows = PAL_SHAPE(pal_shape_count(s) / n, 1, n);
    pal_var x = pal_reshape(r->in[k], rows), seed = pal_reshape(r->seed, rows);
    pal_var ones = pal_fill(r->tape, pal_dtype_of(x), PAL_SHAPE(n), 1);
    pal_var itself = pal_cast(pal_diagonal_matrix(ones), PAL_BOOL);
    pal_var others = exclusive_prod(pal_where(itself, pal_like(x, 1), x));
    pal_var unused = pal_logical_and(pal_equal(seed, pal_like(seed, 0)), pal_logical_not(pal_is_finite(others)));
    pal_var left_out = pal_logical_or(itself, unused);
    pal_var terms = pal_where(left_out, pal_like(x, 0), pal_mul(seed, pal_where(left_out, pal_like(x, 0), others)));
    return pal_reshape(pal_sum(terms, 4, false), s);
}

static pal_var case_exclusive(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return exclusive_prod(in[0]);
}

static const pal_case cases_prod[] = {
    {.label = "last axis", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, PAL__OVER(pal_prod, 2, true)},
    {.label = "first axis", .n = 1, .in = {{{2, {4, 2}}, -2, 2}}, PAL__OVER(pal_prod, 1, false)},
    {.label = "both ends", .n = 1, .in = {{{3, {2, 3, 2}}, -2, 2}}, PAL__OVER(pal_prod, 5, true)},
    {.label = "all, near zero", .n = 1, .in = {{{3, {1, 2, 2}}, -0.01, 0.01}}, PAL__OVER(pal_prod, 7, false)},
    {.label = "size 1", .n = 1, .in = {{{0, {0}}, -2, 2}}, PAL__OVER(pal_prod, 0, true)},
    {.label = "size 0", .n = 1, .in = {{{2, {0, 2}}, -2, 2}}, PAL__OVER(pal_prod, 1, false)},
};

static const pal_case cases_exclusive[] = {
    {.label = "rows", .n = 1, .in = {{{2, {2, 4}}, -2, 2}}, .build = case_exclusive},
    {.label = "size 1", .n = 1, .in = {{{2, {3, 1}}, -2, 2}}, .build = case_exclusive},
    {.label = "no rows", .n = 1, .in = {{{2, {0, 3}}, -2, 2}}, .build = case_exclusive},
};

/* clang-format off */
const pal_op pal__op_prod = {
    PAL_OP_HEAD("prod", "product over axes of x",
                "product, 1 if there are no elements; its derivatives need no division"),
    .op_class = PAL_CLASS_REDUCTION, .arity = 1,
    .infer = infer_rows, .derivative = {PAL_HAS_RULE}, .vjp = vjp_prod, .run = run_prod,
    .cases = cases_prod, .n_cases = PAL_COUNT(cases_prod)};

const pal_op pal__op_exclusive_prod = {
    PAL_OP_HEAD("exclusive_prod", "y[i] = product of x[j], j != i",
                "product of all other elements along the last axis"),
    .op_class = PAL_CLASS_REDUCTION, .arity = 1,
    .infer = infer_exclusive, .derivative = {PAL_HAS_RULE}, .vjp = vjp_exclusive, .run = run_exclusive,
    .cases = cases_exclusive, .n_cases = PAL_COUNT(cases_exclusive)};
/* clang-format on */
