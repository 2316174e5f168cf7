/* fold.c - reductions of the last axis that have kernels: [.., n] -> [.., 1]. Rows lie side by side; reduction.c brings
 * any set of axes there. row_shift and row_scale are constants to derivatives: what logsumexp and norm take out of
 * their argument and put back, so that neither overflows. */
#include "ops/axes.h"

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
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "only reals are reduced");
    if (r->shape.rank < 1) return pal_infer_fail(r, "there is no axis to reduce");
    r->shape.dim[r->shape.rank - 1] = 1;
    return true;
}

static bool infer_some(pal_infer *r)
{
    return infer_rows(r) &&
           (r->shapes[0].dim[r->shape.rank - 1] > 0 || pal_infer_fail(r, "there are no elements to reduce"));
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

static pal_status run_rows(const pal_call *c, pal__rows_fn fn)
{
    pal__each_row(c, pal__rows(c->in_shape[0]), (size_t)pal_shape_count(c->in_shape[0]), 0, fn);
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

/* ---- reduce_max and reduce_min ------------------------------------------------------------------------------------
 */

static void max_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    fold_rows(c, &pal__fold_max, from, end);
}

static void min_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    fold_rows(c, &pal__fold_min, from, end);
}

static pal_status run_max(const pal_call *c) { return run_rows(c, max_rows); }
static pal_status run_min(const pal_call *c) { return run_rows(c, min_rows); }

/* In equal shares to all that attain it. Where it is NaN none does. */
static pal_var vjp_extreme(const pal_rule *r, size_t k)
{
    pal_var x = r->in[k], attains = pal_equal(x, r->out);
    pal_var shares = pal_sum(pal_cast(attains, pal_dtype_of(x)), 1u << (pal_shape_of(x).rank - 1), true);
    return pal_where(attains, pal_div(r->seed, shares), pal_like(x, 0));
}

static pal_var decide_extreme(const pal_rule *r) { return pal_equal(r->in[0], r->out); }

/* Second derivatives of a maximum alone vanish. */
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

#define EXTREME_CASES(reduce, square)                                                                                  \
    {.label = "last axis", .n = 1, .in = {{{2, {2, 3}}, -9, 9}}, PAL__OVER(reduce, 2, true)},                          \
        {.label = "first axis", .n = 1, .in = {{{2, {2, 3}}, -9, 9}}, PAL__OVER(reduce, 1, false)},                    \
        {.label = "both ends", .n = 1, .in = {{{3, {2, 2, 2}}, -9, 9}}, PAL__OVER(reduce, 5, false)},                  \
        {.label = "all", .n = 1, .in = {{{3, {1, 2, 2}}, -9, 9}}, PAL__OVER(reduce, 7, false)},                        \
        {.label = "of one", .n = 1, .in = {{{0, {0}}, -9, 9}}, PAL__OVER(reduce, 0, true)},                            \
        {.label = "no rows", .n = 1, .in = {{{2, {0, 3}}, -9, 9}}, PAL__OVER(reduce, 2, true)},                        \
    {                                                                                                                  \
        .label = "squared", .n = 2, .in = {{{2, {2, 3}}, -4, 4}, {{1, {3}}, 1, 2}}, .build = square                    \
    }

static const pal_case cases_max[] = {EXTREME_CASES(pal_reduce_max, case_max_square)};
static const pal_case cases_min[] = {EXTREME_CASES(pal_reduce_min, case_min_square)};

const pal_op pal__op_reduce_max = {
    PAL_OP_HEAD("reduce_max", "max over axes of x", "largest; ties share the derivative equally; NaN wins"),
    .op_class = PAL_CLASS_REDUCTION,
    .arity = 1,
    .infer = infer_some,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_extreme,
    .decision = decide_extreme,
    .run = run_max,
    .cases = cases_max,
    .n_cases = PAL_COUNT(cases_max)};

const pal_op pal__op_reduce_min = {
    PAL_OP_HEAD("reduce_min", "min over axes of x", "smallest; ties share the derivative equally; NaN wins"),
    .op_class = PAL_CLASS_REDUCTION,
    .arity = 1,
    .infer = infer_some,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_extreme,
    .decision = decide_extreme,
    .run = run_min,
    .cases = cases_min,
    .n_cases = PAL_COUNT(cases_min)};

/* ---- row_shift and row_scale --------------------------------------------------------------------------------------
 */

static void shift_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    size_t n = pal__last(c->in_shape[0]);
    double most = c->dtype == PAL_F32 ? (double)FLT_MAX : DBL_MAX;
    (void)scratch;
    if (n) fold_rows(c, &pal__fold_max, from, end);
    for (size_t i = from; i < end; i++) {
        double m = n ? read(c, c->out, i) : 0;
        write(c, i, m > most ? most : m < -most ? -most : m);
    }
}

/* Squares of what was divided neither overflow nor vanish, whatever finite number it was; where neither threatens the
 * scale is 1 and changes no bit. */
static double scale_for(double magnitude, bool narrow)
{
    if (!isfinite(magnitude) || magnitude == 0) return 1;
    if (narrow) return magnitude > 0x1p50 ? 0x1p80 : magnitude < 0x1p-50 ? 0x1p-100 : 1;
    return magnitude > 0x1p400 ? 0x1p600 : magnitude < 0x1p-400 ? 0x1p-600 : 1;
}

static void scale_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    size_t n = pal__last(c->in_shape[0]);
    pal_isa isa = pal_kernel_isa(c->context);
    bool narrow = c->dtype == PAL_F32;
    (void)scratch;
    for (size_t i = from; i < end; i++) {
        double low = 0, high = 0;
        if (n && narrow) {
            const float *x = (const float *)c->in[0] + i * n;
            low = (double)pal__fold_min.f32[isa](x, n), high = (double)pal__fold_max.f32[isa](x, n);
        } else if (n) {
            const double *x = (const double *)c->in[0] + i * n;
            low = pal__fold_min.f64[isa](x, n), high = pal__fold_max.f64[isa](x, n);
        }
        write(c, i, scale_for(high > -low ? high : -low, narrow));
    }
}

static pal_status run_shift(const pal_call *c) { return run_rows(c, shift_rows); }
static pal_status run_scale(const pal_call *c) { return run_rows(c, scale_rows); }

/* By themselves they are no functions to differentiate: in use they are. */
static const pal_case cases_shift[] = {
    {.label = "logsumexp", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, PAL__OVER(pal_logsumexp, 2, true)}};
static const pal_case cases_scale[] = {
    {.label = "norm", .n = 1, .in = {{{2, {2, 3}}, 0.5, 2}}, PAL__OVER(pal_norm, 2, true)}};

const pal_op pal__op_row_shift = {PAL_OP_HEAD("row_shift", "max over the last axis, kept finite",
                                              "what logsumexp subtracts; constant to derivatives"),
                                  .op_class = PAL_CLASS_REDUCTION,
                                  .arity = 1,
                                  .infer = infer_rows,
                                  .derivative = {PAL_ZERO_DERIVATIVE},
                                  .run = run_shift,
                                  .cases = cases_shift,
                                  .n_cases = PAL_COUNT(cases_shift)};

const pal_op pal__op_row_scale = {
    PAL_OP_HEAD("row_scale", "a power of 2 by the size of max |x| over the last axis",
                "what norm divides by: 1 unless squares overflow or vanish; constant to derivatives"),
    .op_class = PAL_CLASS_REDUCTION,
    .arity = 1,
    .infer = infer_rows,
    .derivative = {PAL_ZERO_DERIVATIVE},
    .run = run_scale,
    .cases = cases_scale,
    .n_cases = PAL_COUNT(cases_scale)};

/* ---- prod and exclusive_prod --------------------------------------------------------------------------------------
 */

static void prod_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    fold_rows(c, &fold_prod, from, end);
}

static pal_status run_prod(const pal_call *c) { return run_rows(c, prod_rows); }

static pal_var exclusive_prod(pal_var x) { return pal_record(NULL, &pal__op_exclusive_prod, &x, 1, NULL); }

static pal_var vjp_prod(const pal_rule *r, size_t k) { return pal_mul(r->seed, exclusive_prod(r->in[k])); }

/* The product of those before in the result, times that of those behind. */
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

/* By x_k: the sum over i other than k of s_i times the product of all but i and k, which is the exclusive product of
 * x with x_k replaced by 1. Nothing is divided, so zeros are as good as any number; n^2 values a row. Rows are
 * flattened first: the rank does not grow with the order. */
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
    pal_var terms = pal_where(itself, pal_like(x, 0), pal_mul(seed, others));
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
    {.label = "of one", .n = 1, .in = {{{0, {0}}, -2, 2}}, PAL__OVER(pal_prod, 0, true)},
    {.label = "of none", .n = 1, .in = {{{2, {0, 2}}, -2, 2}}, PAL__OVER(pal_prod, 1, false)},
};

static const pal_case cases_exclusive[] = {
    {.label = "rows", .n = 1, .in = {{{2, {2, 4}}, -2, 2}}, .build = case_exclusive},
    {.label = "of one", .n = 1, .in = {{{2, {3, 1}}, -2, 2}}, .build = case_exclusive},
    {.label = "no rows", .n = 1, .in = {{{2, {0, 3}}, -2, 2}}, .build = case_exclusive},
};

const pal_op pal__op_prod = {
    PAL_OP_HEAD("prod", "product over axes of x", "product; of none 1; its derivatives divide by nothing"),
    .op_class = PAL_CLASS_REDUCTION,
    .arity = 1,
    .infer = infer_rows,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_prod,
    .run = run_prod,
    .cases = cases_prod,
    .n_cases = PAL_COUNT(cases_prod)};

const pal_op pal__op_exclusive_prod = {
    PAL_OP_HEAD("exclusive_prod", "y[i] = product of x[j], j != i", "product of all others along the last axis"),
    .op_class = PAL_CLASS_REDUCTION,
    .arity = 1,
    .infer = infer_exclusive,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_exclusive,
    .run = run_exclusive,
    .cases = cases_exclusive,
    .n_cases = PAL_COUNT(cases_exclusive)};
