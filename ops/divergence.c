/* divergence.c - Kullback-Leibler divergences KL(p || q) in closed form.
 *
 * If p and q are close, the divergence is of second order in their difference, so the terms of first order cancel.
 * Computing e^r - 1 - r with expm1 keeps the error small relative to r. The Bernoulli and categorical divergences, sums
 * of p (ln p - ln q), have an error of a few units in the last place of ln p, and may be negative by that amount. */
#include "ops/internal.h"

#define DIVERGENCE(name, formula, summary)                                                                             \
    static const pal_op op_##name = {PAL_OP_HEAD(#name, formula, summary), .op_class = PAL_CLASS_COMPOSITE,            \
                                     .cases = cases_##name, .n_cases = PAL_COUNT(cases_##name)};

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

static pal_var case_two(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return (*(pal_var(*const *)(pal_var, pal_var))user)(in[0], in[1]);
}

static pal_var case_four(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return (*(pal_var(*const *)(pal_var, pal_var, pal_var, pal_var))user)(in[0], in[1], in[2], in[3]);
}

#define CASES_TWO(name)                                                                                                \
    static pal_var (*const fn_##name)(pal_var, pal_var) = pal_##name;                                                  \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 2, {{{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}}, case_two, &fn_##name},                              \
        {"broadcast", 2, {{{3, {2, 1, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}}, case_two, &fn_##name},                       \
        {"size 1", 2, {{{2, {1, 1}}, -2, 2}, {{1, {1}}, -2, 2}}, case_two, &fn_##name},                                \
        {"empty", 2, {{{2, {0, 3}}, -2, 2}, {{1, {3}}, -2, 2}}, case_two, &fn_##name},                                 \
    };
/* clang-format off */
#define CASES_FOUR(name)                                                                                               \
    static pal_var (*const fn_##name)(pal_var, pal_var, pal_var, pal_var) = pal_##name;                                \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 4, {{{1, {5}}, -3, -0.5}, {{1, {5}}, -2, 2}, {{1, {5}}, 0.5, 3}, {{1, {5}}, -2, 2}},                 \
         case_four, &fn_##name},                                                                                       \
        {"broadcast", 4, {{{2, {3, 1}}, 0.5, 3}, {{1, {4}}, -2, 2}, {{2, {1, 4}}, -3, -0.5}, {{0}, -2, 2}},            \
         case_four, &fn_##name},                                                                                       \
        {"empty", 4, {{{2, {0, 3}}, -3, -0.5}, {{1, {3}}, -2, 2}, {{1, {3}}, 0.5, 3}, {{0}, -2, 2}},                   \
         case_four, &fn_##name},                                                                                       \
    };
/* clang-format on */

/* ---- Divergences ---------------------------------------------------------------------------------------------- */

/* e^r - 1 - r: the part of the divergence that comes from the scales; r is the logarithm of their ratio. */
static pal_var of_ratio(pal_var r) { return pal_sub(pal_expm1(r), r); }

pal_var pal_normal_kl(pal_var mean_p, pal_var log_variance_p, pal_var mean_q, pal_var log_variance_q)
{
    pal_shape shape;
    const pal_var in[] = {mean_p, log_variance_p, mean_q, log_variance_q};
    if (!pal__operands("normal_kl", in, 4, &shape)) return (pal_var){.tape = mean_p.tape};
    pal_var z = pal_mul(pal_sub(mean_p, mean_q), pal_exp(pal_scale(log_variance_q, -0.5)));
    return pal_scale(pal_add(of_ratio(pal_sub(log_variance_p, log_variance_q)), pal_square(z)), 0.5);
}

pal_var pal_normal_kl_standard(pal_var mean, pal_var log_variance)
{
    pal_shape shape;
    const pal_var in[] = {mean, log_variance};
    if (!pal__operands("normal_kl_standard", in, 2, &shape)) return (pal_var){.tape = mean.tape};
    return pal_scale(pal_add(of_ratio(log_variance), pal_square(mean)), 0.5);
}

pal_var pal_bernoulli_kl(pal_var logits_p, pal_var logits_q)
{
    pal_shape shape;
    const pal_var in[] = {logits_p, logits_q};
    if (!pal__operands("bernoulli_kl", in, 2, &shape)) return (pal_var){.tape = logits_p.tape};
    pal_var not_p = pal_neg(logits_p), not_q = pal_neg(logits_q);
    return pal_add(pal_mul(pal_sigmoid(logits_p), pal_sub(pal_log_sigmoid(logits_p), pal_log_sigmoid(logits_q))),
                   pal_mul(pal_sigmoid(not_p), pal_sub(pal_log_sigmoid(not_p), pal_log_sigmoid(not_q))));
}

pal_var pal_categorical_kl(pal_var logits_p, pal_var logits_q)
{
    pal_shape shape;
    const pal_var in[] = {logits_p, logits_q};
    if (!pal__classes("categorical_kl", in, 2, &shape)) return (pal_var){.tape = logits_p.tape};
    pal_var p = pal_log_softmax(logits_p, -1), q = pal_log_softmax(logits_q, -1), probability = pal_exp(p);
    /* A class with probability 0 under p counts as 0, whatever its probability under q. This avoids -inf - -inf. */
    pal_var none = pal_equal(probability, pal_like(p, 0)), zero = pal_like(p, 0);
    pal_var log_ratio = pal_sub(pal_where(none, zero, p), pal_where(none, zero, q));
    return pal_sum(pal_mul(probability, log_ratio), 1u << (shape.rank - 1), false);
}

/* With d = |location_p - location_q|, scales b_p and b_q, and r = ln(b_p / b_q):
 *     e^r - 1 - r + d / b_q + e^r (e^(-d / b_p) - 1)
 * It is twice differentiable at d = 0, where the kinks cancel. pal_abs, with derivative 0 there, would lose the second
 * derivative. So d is computed with pal_where, which has the derivative from the right at 0. */
pal_var pal_laplace_kl(pal_var location_p, pal_var log_scale_p, pal_var location_q, pal_var log_scale_q)
{
    pal_shape shape;
    const pal_var in[] = {location_p, log_scale_p, location_q, log_scale_q};
    if (!pal__operands("laplace_kl", in, 4, &shape)) return (pal_var){.tape = location_p.tape};
    pal_var difference = pal_sub(location_p, location_q), r = pal_sub(log_scale_p, log_scale_q);
    pal_var d = pal_where(pal_less(difference, pal_like(difference, 0)), pal_neg(difference), difference);
    pal_var in_p = pal_mul(d, pal_exp(pal_neg(log_scale_p))), in_q = pal_mul(d, pal_exp(pal_neg(log_scale_q)));
    pal_var locations = pal_add(in_q, pal_mul(pal_exp(r), pal_expm1(pal_neg(in_p))));
    return pal_add(of_ratio(r), locations);
}

/* rate_q - rate_p - rate_p r with r = ln(rate_q / rate_p). The difference of the rates is the larger rate times expm1
 * of a number that is not positive, so nothing overflows. Both branches compute the same function. */
pal_var pal_poisson_kl(pal_var log_rate_p, pal_var log_rate_q)
{
    pal_shape shape;
    const pal_var in[] = {log_rate_p, log_rate_q};
    if (!pal__operands("poisson_kl", in, 2, &shape)) return (pal_var){.tape = log_rate_p.tape};
    pal_var r = pal_sub(log_rate_q, log_rate_p), zero = pal_like(r, 0), q_less = pal_less(r, zero);
    pal_var rest = pal_expm1(pal_where(q_less, r, pal_neg(r)));
    pal_var difference =
        pal_mul(pal_exp(pal_where(q_less, log_rate_p, log_rate_q)), pal_where(q_less, rest, pal_neg(rest)));
    return pal_sub(difference, pal_mul(pal_exp(log_rate_p), r));
}

CASES_FOUR(normal_kl)
CASES_TWO(normal_kl_standard)
CASES_TWO(bernoulli_kl)
CASES_TWO(categorical_kl)
CASES_FOUR(laplace_kl)
CASES_TWO(poisson_kl)

DIVERGENCE(normal_kl, "(e^r - 1 - r + (mean_p - mean_q)^2 e^-log_variance_q) / 2, r = log_variance_p - log_variance_q",
           "divergence of two normal distributions")
DIVERGENCE(normal_kl_standard, "(e^log_variance - 1 - log_variance + mean^2) / 2",
           "divergence of a normal distribution from N(0,1)")
DIVERGENCE(bernoulli_kl, "p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)), p, q = sigmoid(logits)",
           "divergence of two Bernoulli distributions")
DIVERGENCE(categorical_kl, "sum p (ln p - ln q), ln p, ln q = log_softmax(logits)",
           "divergence of two categorical distributions; a class that is impossible under p counts as 0")
DIVERGENCE(laplace_kl,
           "e^r - 1 - r + d / b_q + e^r (e^(-d / b_p) - 1), d = |location_p - location_q|, r = ln(b_p / b_q)",
           "divergence of two Laplace distributions; twice differentiable, also at d = 0")
DIVERGENCE(poisson_kl, "rate_p (ln rate_p - ln rate_q) - rate_p + rate_q", "divergence of two Poisson distributions")

static const pal_op *const ops[] = {
    &op_normal_kl, &op_normal_kl_standard, &op_bernoulli_kl, &op_categorical_kl, &op_laplace_kl, &op_poisson_kl,
};
const pal__family pal__family_divergence = {ops, PAL_COUNT(ops)};
