/* density.c - log-densities and entropies.
 *
 * Scales are given by their logarithms, and probabilities by logits. So no intermediate value overflows before the
 * result does. Probabilities are never subtracted from 1, and their logarithms come from log_sigmoid and log_softmax.
 * The error is a few units in the last place of the largest term. For the Poisson density that term is x log_rate,
 * which may be much larger than the result. */
#include "ops/internal.h"

#include <math.h>

#define LN_2    0.69314718055994530942
#define LN_2_PI 1.83787706640934548356

#define DENSITY(name, formula, summary)                                                                                \
    static const pal_op op_##name = {PAL_OP_HEAD(#name, formula, summary), .op_class = PAL_CLASS_COMPOSITE,            \
                                     .cases = cases_##name, .n_cases = PAL_COUNT(cases_##name)};

/* Test cases call a function of one, two or three operands. */
static pal_var case_one(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return (*(pal_var(*const *)(pal_var))user)(in[0]);
}

static pal_var case_two(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return (*(pal_var(*const *)(pal_var, pal_var))user)(in[0], in[1]);
}

static pal_var case_three(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return (*(pal_var(*const *)(pal_var, pal_var, pal_var))user)(in[0], in[1], in[2]);
}

/* x is drawn from low to high; parameters are drawn from -2 to 2. */
#define CASES_ONE(name)                                                                                                \
    static pal_var (*const fn_##name)(pal_var) = pal_##name;                                                           \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 1, {{{2, {3, 4}}, -2, 2}}, case_one, &fn_##name},                                                    \
        {"scalar", 1, {{{0}, -2, 2}}, case_one, &fn_##name},                                                           \
        {"empty", 1, {{{2, {0, 3}}, -2, 2}}, case_one, &fn_##name},                                                    \
    };
#define CASES_TWO(name, low, high)                                                                                     \
    static pal_var (*const fn_##name)(pal_var, pal_var) = pal_##name;                                                  \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 2, {{{2, {3, 4}}, low, high}, {{2, {3, 4}}, -2, 2}}, case_two, &fn_##name},                          \
        {"broadcast", 2, {{{2, {3, 1}}, low, high}, {{1, {5}}, -2, 2}}, case_two, &fn_##name},                         \
        {"scalar", 2, {{{0}, low, high}, {{0}, -2, 2}}, case_two, &fn_##name},                                         \
        {"empty", 2, {{{2, {0, 3}}, low, high}, {{1, {3}}, -2, 2}}, case_two, &fn_##name},                             \
    };
/* clang-format off */
#define CASES_THREE(name, low, high)                                                                                   \
    static pal_var (*const fn_##name)(pal_var, pal_var, pal_var) = pal_##name;                                         \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 3, {{{2, {3, 4}}, low, high}, {{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}}, case_three, &fn_##name},  \
        {"broadcast", 3, {{{3, {2, 1, 3}}, low, high}, {{2, {4, 1}}, -2, 2}, {{1, {3}}, -2, 2}},                       \
         case_three, &fn_##name},                                                                                      \
        {"scalar", 3, {{{0}, low, high}, {{0}, -2, 2}, {{0}, -2, 2}}, case_three, &fn_##name},                         \
        {"empty", 3, {{{2, {0, 3}}, low, high}, {{1, {3}}, -2, 2}, {{0}, -2, 2}}, case_three, &fn_##name},             \
    };
/* clang-format on */
/* For functions of the last axis, which must have at least one class. */
#define CASES_CLASSES(name, low, high)                                                                                 \
    static pal_var (*const fn_##name)(pal_var, pal_var) = pal_##name;                                                  \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 2, {{{2, {3, 4}}, low, high}, {{2, {3, 4}}, -2, 2}}, case_two, &fn_##name},                          \
        {"shared logits", 2, {{{2, {3, 4}}, low, high}, {{1, {4}}, -2, 2}}, case_two, &fn_##name},                     \
        {"one class", 2, {{{2, {3, 1}}, low, high}, {{1, {1}}, -2, 2}}, case_two, &fn_##name},                         \
        {"no rows", 2, {{{2, {0, 3}}, low, high}, {{1, {3}}, -2, 2}}, case_two, &fn_##name},                           \
    };

/* ---- Log-densities -------------------------------------------------------------------------------------------- */

pal_var pal_normal_log_density(pal_var x, pal_var mean, pal_var log_variance)
{
    pal_shape shape;
    const pal_var in[] = {x, mean, log_variance};
    if (!pal__operands("normal_log_density", in, 3, &shape)) return (pal_var){.tape = x.tape};
    /* Squares the quotient: e^-log_variance itself would overflow at half of the range of log_variance. */
    pal_var z = pal_mul(pal_sub(x, mean), pal_exp(pal_scale(log_variance, -0.5)));
    return pal_scale(pal_add(pal_square(z), pal_shift(log_variance, LN_2_PI)), -0.5);
}

pal_var pal_bernoulli_log_density(pal_var x, pal_var logits)
{
    pal_shape shape;
    const pal_var in[] = {x, logits};
    if (!pal__operands("bernoulli_log_density", in, 2, &shape)) return (pal_var){.tape = x.tape};
    return pal_add(pal_mul(x, pal_log_sigmoid(logits)), pal_mul(pal_one_minus(x), pal_log_sigmoid(pal_neg(logits))));
}

/* w l, but 0 where w is 0 and l is -inf: no observation of an impossible class or rate. */
static pal_var weighted(pal_var w, pal_var l)
{
    pal_var nothing = pal_where(pal_equal(l, pal_like(l, -(double)INFINITY)), pal_like(l, 0), l);
    return pal_mul(w, pal_where(pal_equal(w, pal_like(w, 0)), nothing, l));
}

pal_var pal_categorical_log_density(pal_var x, pal_var logits)
{
    pal_shape shape;
    const pal_var in[] = {x, logits};
    if (!pal__classes("categorical_log_density", in, 2, &shape)) return (pal_var){.tape = x.tape};
    return pal_sum(weighted(x, pal_log_softmax(logits, -1)), 1u << (shape.rank - 1), false);
}

pal_var pal_laplace_log_density(pal_var x, pal_var location, pal_var log_scale)
{
    pal_shape shape;
    const pal_var in[] = {x, location, log_scale};
    if (!pal__operands("laplace_log_density", in, 3, &shape)) return (pal_var){.tape = x.tape};
    pal_var z = pal_mul(pal_abs(pal_sub(x, location)), pal_exp(pal_neg(log_scale)));
    return pal_neg(pal_add(z, pal_shift(log_scale, LN_2)));
}

pal_var pal_logistic_log_density(pal_var x, pal_var location, pal_var log_scale)
{
    pal_shape shape;
    const pal_var in[] = {x, location, log_scale};
    if (!pal__operands("logistic_log_density", in, 3, &shape)) return (pal_var){.tape = x.tape};
    pal_var z = pal_mul(pal_sub(x, location), pal_exp(pal_neg(log_scale)));
    return pal_sub(pal_add(pal_log_sigmoid(z), pal_log_sigmoid(pal_neg(z))), log_scale);
}

pal_var pal_poisson_log_density(pal_var x, pal_var log_rate)
{
    pal_shape shape;
    const pal_var in[] = {x, log_rate};
    if (!pal__operands("poisson_log_density", in, 2, &shape)) return (pal_var){.tape = x.tape};
    return pal_sub(pal_sub(weighted(x, log_rate), pal_exp(log_rate)), pal_lgamma(pal_shift(x, 1)));
}

CASES_THREE(normal_log_density, -3, 3)
CASES_TWO(bernoulli_log_density, 0.1, 0.9)
CASES_CLASSES(categorical_log_density, 0.1, 0.9)
CASES_THREE(laplace_log_density, 3, 6)
CASES_THREE(logistic_log_density, -3, 3)
CASES_TWO(poisson_log_density, 0.2, 6)

DENSITY(normal_log_density, "-(log_variance + (x - mean)^2 e^-log_variance + ln 2 pi) / 2", "normal log-density")
DENSITY(bernoulli_log_density, "x ln p + (1 - x) ln(1 - p), p = sigmoid(logits)", "Bernoulli log-density")
DENSITY(categorical_log_density, "sum x log_softmax(logits)",
        "categorical log-density; the product 0 (-inf) counts as 0")
DENSITY(laplace_log_density, "-|x - location| e^-log_scale - log_scale - ln 2",
        "Laplace log-density; the derivative in x is 0 at x = location")
DENSITY(logistic_log_density, "ln sigmoid(z) + ln sigmoid(-z) - log_scale, z = (x - location) e^-log_scale",
        "logistic log-density")
DENSITY(poisson_log_density, "x log_rate - e^log_rate - ln x!", "Poisson log-density; the product 0 (-inf) counts as 0")

/* ---- Entropies ------------------------------------------------------------------------------------------------ */

pal_var pal_normal_entropy(pal_var log_variance)
{
    pal_shape shape;
    if (!pal__operands("normal_entropy", &log_variance, 1, &shape)) return (pal_var){.tape = log_variance.tape};
    return pal_scale(pal_shift(log_variance, 1 + LN_2_PI), 0.5);
}

/* Both terms are positive, so nothing cancels. */
pal_var pal_bernoulli_entropy(pal_var logits)
{
    pal_shape shape;
    if (!pal__operands("bernoulli_entropy", &logits, 1, &shape)) return (pal_var){.tape = logits.tape};
    pal_var other = pal_neg(logits);
    return pal_add(pal_mul(pal_sigmoid(logits), pal_softplus(other)),
                   pal_mul(pal_sigmoid(other), pal_softplus(logits)));
}

pal_var pal_categorical_entropy(pal_var logits)
{
    pal_shape shape;
    if (!pal__classes("categorical_entropy", &logits, 1, &shape)) return (pal_var){.tape = logits.tape};
    pal_var l = pal_log_softmax(logits, -1);
    return pal_neg(pal_sum(weighted(pal_exp(l), l), 1u << (shape.rank - 1), false));
}

pal_var pal_laplace_entropy(pal_var log_scale)
{
    pal_shape shape;
    if (!pal__operands("laplace_entropy", &log_scale, 1, &shape)) return (pal_var){.tape = log_scale.tape};
    return pal_shift(log_scale, 1 + LN_2);
}

CASES_ONE(normal_entropy)
CASES_ONE(bernoulli_entropy)
CASES_ONE(laplace_entropy)
static pal_var (*const fn_categorical_entropy)(pal_var) = pal_categorical_entropy;
static const pal_case cases_categorical_entropy[] = {
    {"plain", 1, {{{2, {3, 4}}, -2, 2}}, case_one, &fn_categorical_entropy},
    {"one class", 1, {{{2, {3, 1}}, -2, 2}}, case_one, &fn_categorical_entropy},
    {"no rows", 1, {{{2, {0, 3}}, -2, 2}}, case_one, &fn_categorical_entropy},
};

DENSITY(normal_entropy, "(log_variance + 1 + ln 2 pi) / 2", "entropy of a normal distribution")
DENSITY(bernoulli_entropy, "p softplus(-logits) + (1 - p) softplus(logits)", "entropy of a Bernoulli distribution")
DENSITY(categorical_entropy, "-sum p ln p, p = softmax(logits)",
        "entropy of a categorical distribution; an impossible class counts as 0")
DENSITY(laplace_entropy, "log_scale + 1 + ln 2", "entropy of a Laplace distribution")

static const pal_op *const ops[] = {
    &op_normal_log_density,   &op_bernoulli_log_density, &op_categorical_log_density, &op_laplace_log_density,
    &op_logistic_log_density, &op_poisson_log_density,   &op_normal_entropy,          &op_bernoulli_entropy,
    &op_categorical_entropy,  &op_laplace_entropy,
};
const pal__family pal__family_density = {ops, PAL_COUNT(ops)};
