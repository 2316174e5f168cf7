/* reduction.c - reductions over any set of axes. Sums use sum_to (autograd/wiring.c). Other reductions with a kernel
 * are in fold.c. The rest are composed of both. */
#include "autograd/wiring.h"
#include "ops/axes.h"

#include <math.h>

static pal_var bad(pal_var x) { return (pal_var){.tape = x.tape}; }

static pal_var sum(pal_var x, unsigned axes, bool keep)
{
    pal_shape kept = pal_shape_of(x);
    for (int a = 0; a < kept.rank; a++)
        if (axes >> a & 1) kept.dim[a] = 1;
    return pal__drop_axes(pal_sum_to(x, kept), axes, keep);
}

pal_var pal_sum(pal_var x, unsigned axes, bool keep)
{
    return pal__reducible("sum", x, axes) ? sum(x, axes, keep) : bad(x);
}

pal_var pal_mean(pal_var x, unsigned axes, bool keep)
{
    if (!pal__reducible("mean", x, axes)) return bad(x);
    return pal_scale(sum(x, axes, keep), 1.0 / (double)pal__terms(pal_shape_of(x), axes));
}

pal_var pal_sum_all(pal_var x) { return pal_sum_to(x, PAL_SCALAR); }

pal_var pal_all_mean(pal_var x)
{
    const int64_t n = pal_tape_shards(x.tape);
    return pal_ok(x) && n == 1 ? x : pal_scale(pal_all_sum(x), 1 / (double)n);
}

/* The loss is divided, and not each gradient, which would be one more pass over as many numbers as there are weights.
 */
pal_status pal_all_mean_grad(pal_var loss, const pal_var *wrt, size_t n, pal_var *grad)
{
    const int64_t shards = pal_tape_shards(loss.tape);
    const bool cut = pal_ok(loss) && shards != 1;
    const pal_status status = pal_grad(cut ? pal_scale(loss, 1 / (double)shards) : loss, wrt, n, grad);
    for (size_t i = 0; !status && cut && i < n; i++) grad[i] = pal_all_sum(grad[i]);
    return status ? status : pal_tape_status(loss.tape);
}

pal_var pal_mean_all(pal_var x) { return pal_mean(x, (1u << pal_shape_of(x).rank) - 1, false); }
pal_var pal_sum_squares(pal_var x) { return pal_sum_all(pal_square(x)); }

pal_var pal_mean_over_samples(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    return pal_scale(pal_sum_all(x), s.rank && s.dim[0] ? 1.0 / (double)s.dim[0] : 1.0);
}

pal_var pal_prod(pal_var x, unsigned axes, bool keep)
{
    return pal__reducible("prod", x, axes) ? pal__reduce(&pal__op_prod, x, axes, keep) : bad(x);
}

pal_var pal_reduce_max(pal_var x, unsigned axes, bool keep)
{
    return pal__reducible("reduce_max", x, axes) ? pal__reduce(&pal__op_reduce_max, x, axes, keep) : bad(x);
}

pal_var pal_reduce_min(pal_var x, unsigned axes, bool keep)
{
    return pal__reducible("reduce_min", x, axes) ? pal__reduce(&pal__op_reduce_min, x, axes, keep) : bad(x);
}

/* Where the largest element is +inf, its difference from the shift is 0, so that equal infinities share the derivative
 * as equal operands of logaddexp do. The shift is never -inf. So the sum is 0 only if there are no elements or all are
 * -inf. The logarithm is not taken there, so that a row that is masked completely has the derivative 0, not NaN. The
 * sum is divided by `terms` before the logarithm is taken, so that equal elements have exactly their value as mean. The
 * result for one element is that element. */
static pal_var logsumexp(pal_var x, unsigned axes, bool keep, double terms)
{
    if (pal__terms(pal_shape_of(x), axes) == 1) return pal__drop_axes(x, axes, keep);
    pal_var shift = pal__reduce(&pal__op_row_shift, x, axes, true);
    pal_var total = sum(pal_exp(pal_difference(x, shift)), axes, true);
    pal_var none = pal_equal(total, pal_like(total, 0)), some = pal_where(none, pal_like(total, 1), total);
    pal_var logarithm = pal_add(pal_log(pal_div(some, pal_like(some, terms))), shift);
    return pal__drop_axes(pal_where(none, pal_like(total, terms > 0 ? -(double)INFINITY : (double)NAN), logarithm),
                          axes, keep);
}

pal_var pal_logsumexp(pal_var x, unsigned axes, bool keep)
{
    return pal__reducible("logsumexp", x, axes) ? logsumexp(x, axes, keep, 1) : bad(x);
}

pal_var pal_logmeanexp(pal_var x, unsigned axes, bool keep)
{
    if (!pal__reducible("logmeanexp", x, axes)) return bad(x);
    return logsumexp(x, axes, keep, (double)pal__terms(pal_shape_of(x), axes));
}

pal_var pal_norm(pal_var x, unsigned axes, bool keep)
{
    return pal__reducible("norm", x, axes) ? pal__reduce(&pal__op_row_norm, x, axes, keep) : bad(x);
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

static pal_var variance0(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 0); }
static pal_var variance1(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 1); }
static pal_var std0(pal_var x, unsigned axes, bool keep) { return pal_std(x, axes, keep, 0); }
static pal_var std1(pal_var x, unsigned axes, bool keep) { return pal_std(x, axes, keep, 1); }

static pal_var case_mean_over_samples(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_mean_over_samples(in[0]);
}

static pal_var case_sum_squares(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_sum_squares(in[0]);
}

#define CASES(name, low, high)                                                                                         \
    static const pal_case cases_##name[] = {                                                                           \
        {.label = "last axis", .n = 1, .in = {{{2, {3, 4}}, low, high}}, PAL__OVER(pal_##name, 2, true)},              \
        {.label = "first axis", .n = 1, .in = {{{2, {5, 3}}, low, high}}, PAL__OVER(pal_##name, 1, false)},            \
        {.label = "both ends", .n = 1, .in = {{{3, {2, 3, 2}}, low, high}}, PAL__OVER(pal_##name, 5, false)},          \
        {.label = "all, kept", .n = 1, .in = {{{3, {2, 1, 4}}, low, high}}, PAL__OVER(pal_##name, 7, true)},           \
        {.label = "none", .n = 1, .in = {{{1, {3}}, low, high}}, PAL__OVER(pal_##name, 0, false)},                     \
        {.label = "size 1", .n = 1, .in = {{{0, {0}}, low, high}}, PAL__OVER(pal_##name, 0, false)},                   \
        {.label = "size 0", .n = 1, .in = {{{2, {0, 3}}, low, high}}, PAL__OVER(pal_##name, 1, false)},                \
    };
CASES(sum, -2, 2)
CASES(mean, -2, 2)
CASES(logsumexp, -2, 2)
CASES(logmeanexp, -2, 2)
CASES(norm, 0.3, 2)
#undef CASES

#define SPREAD_CASES(name)                                                                                             \
    static const pal_case cases_##name[] = {                                                                           \
        {.label = "last axis", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, PAL__OVER(name##0, 2, true)},                     \
        {.label = "unbiased", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, PAL__OVER(name##1, 2, false)},                     \
        {.label = "both ends", .n = 1, .in = {{{3, {2, 3, 2}}, -2, 2}}, PAL__OVER(name##1, 5, true)},                  \
        {.label = "size 1", .n = 1, .in = {{{2, {3, 1}}, -2, 2}}, PAL__OVER(name##0, 2, true)},                        \
        {.label = "no rows", .n = 1, .in = {{{2, {0, 3}}, -2, 2}}, PAL__OVER(name##0, 2, true)},                       \
    };
SPREAD_CASES(variance)
SPREAD_CASES(std)
#undef SPREAD_CASES

static const pal_case cases_mean_over_samples[] = {
    {.label = "matrix", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_mean_over_samples},
    {.label = "scalar", .n = 1, .in = {{{0, {0}}, -2, 2}}, .build = case_mean_over_samples}};
static const pal_case cases_sum_squares[] = {
    {.label = "matrix", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_sum_squares}};

#define COMPOSITE(NAME, FORMULA, SUMMARY)                                                                              \
    static const pal_op op_##NAME = {PAL_OP_HEAD(#NAME, FORMULA, SUMMARY), .op_class = PAL_CLASS_COMPOSITE,            \
                                     .cases = cases_##NAME, .n_cases = PAL_COUNT(cases_##NAME)};
COMPOSITE(sum, "sum over axes of x", "sum; 0 if there are no elements")
COMPOSITE(mean, "sum over axes of x / terms", "mean; NaN if there are no elements")
COMPOSITE(mean_over_samples, "sum of x / n", "mean over the first axis of the sum over the others")
COMPOSITE(sum_squares, "sum of x^2", "sum of the squares of all elements")
COMPOSITE(logsumexp, "ln sum e^x",
          "logarithm of the sum of exponentials, without overflow; -inf if there are no elements")
COMPOSITE(logmeanexp, "ln (sum e^x / terms)", "logarithm of the mean of exponentials; NaN if there are no elements")
COMPOSITE(norm, "sqrt(sum x^2)", "Euclidean norm, without overflow; first and second derivative 0 at 0")
COMPOSITE(variance, "sum (x - mean)^2 / (terms - correction)", "variance, computed in two passes")
COMPOSITE(std, "sqrt(sum (x - mean)^2 / (terms - correction))",
          "standard deviation, without overflow; first and second derivative 0 at 0")

/* clang-format off */
static const pal_op *const ops[] = {
    &op_sum, &op_mean, &op_mean_over_samples, &pal__op_all_sum, &pal__op_all_max, &op_sum_squares, &pal__op_prod,
    &pal__op_exclusive_prod,
    &pal__op_reduce_max, &pal__op_reduce_min, &pal__op_row_shift, &pal__op_row_norm, &pal__op_centred, &pal__op_spread,
    &pal__op_deviation, &pal__op_deviation_rate, &pal__op_standardised,
    &op_logsumexp, &op_logmeanexp, &op_norm, &op_variance, &op_std};
/* clang-format on */
const pal__family pal__family_reduction = {ops, PAL_COUNT(ops)};
