/* samplers.c - samples from distributions whose parameters are values.
 *
 * Continuous samples are reparametrised: they are differentiable functions of the parameters and of noise that does not
 * depend on the parameters. So the derivative through the sample is exact. Noise is drawn in the type of the
 * parameters, one element per element of their broadcast shape. */
#include "ops/internal.h"

#define SAMPLE(name, formula, summary)                                                                                 \
    static const pal_op op_##name = {PAL_OP_HEAD(#name, formula, summary), .op_class = PAL_CLASS_COMPOSITE,            \
                                     .cases = cases_##name, .n_cases = PAL_COUNT(cases_##name)};

/* ---- Distributions with a location and a scale ---------------------------------------------------------------- */

typedef pal_var (*noise_fn)(pal_tape *, const char *, pal_shape, pal_dtype);

/* location + e^(factor log_scale) noise */
static pal_var moved(const char *name, const char *stream, pal_var location, pal_var log_scale, double factor,
                     noise_fn noise)
{
    pal_shape shape;
    const pal_var in[] = {location, log_scale};
    if (!pal__operands(name, in, 2, &shape)) return (pal_var){.tape = location.tape};
    pal_var z = noise(location.tape, stream, shape, pal_dtype_of(location));
    return pal_add(location, pal_mul(pal_exp(pal_scale(log_scale, factor)), z));
}

/* Uses the inverse distribution function: ln 2u for u < 1/2, else -ln 2(1-u); 1-u is exact there. */
static pal_var draw_laplace(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    pal_var u = pal__draw_open(tape, stream, shape, dtype);
    pal_var tail = pal_log(pal_scale(pal_min(u, pal_one_minus(u)), 2));
    return pal_where(pal_less(u, pal_like(u, 0.5)), tail, pal_neg(tail));
}

static pal_var draw_logistic(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    pal_var u = pal__draw_open(tape, stream, shape, dtype);
    return pal_sub(pal_log(u), pal_log1p(pal_neg(u)));
}

pal_var pal_sample_normal(const char *stream, pal_var mean, pal_var log_variance)
{
    return moved("sample_normal", stream, mean, log_variance, 0.5, pal__draw_normal);
}

pal_var pal_sample_laplace(const char *stream, pal_var location, pal_var log_scale)
{
    return moved("sample_laplace", stream, location, log_scale, 1, draw_laplace);
}

pal_var pal_sample_logistic(const char *stream, pal_var location, pal_var log_scale)
{
    return moved("sample_logistic", stream, location, log_scale, 1, draw_logistic);
}

static pal_var case_moved(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var (*const *sample)(const char *, pal_var, pal_var) = user;
    (void)t;
    return (*sample)("noise", in[0], in[1]);
}

static pal_var (*const normal_fn)(const char *, pal_var, pal_var) = pal_sample_normal;
static pal_var (*const laplace_fn)(const char *, pal_var, pal_var) = pal_sample_laplace;
static pal_var (*const logistic_fn)(const char *, pal_var, pal_var) = pal_sample_logistic;
#define CASES(name, fn)                                                                                                \
    static const pal_case cases_##name[] = {                                                                           \
        {"plain", 2, {{{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}}, case_moved, &(fn)},                                 \
        {"broadcast", 2, {{{2, {3, 1}}, -2, 2}, {{1, {5}}, -2, 2}}, case_moved, &(fn)},                                \
        {"scalar", 2, {{{0, {0}}, -2, 2}, {{0, {0}}, -2, 2}}, case_moved, &(fn)},                                      \
        {"empty", 2, {{{2, {0, 3}}, -2, 2}, {{1, {3}}, -2, 2}}, case_moved, &(fn)},                                    \
    };
CASES(sample_normal, normal_fn)
CASES(sample_laplace, laplace_fn)
CASES(sample_logistic, logistic_fn)
#undef CASES

SAMPLE(sample_normal, "mean + e^(log_variance / 2) z", "normal sample, reparametrised")
SAMPLE(sample_laplace, "location + e^log_scale sign(u - 1/2) (-ln(1 - |2u - 1|))", "Laplace sample, reparametrised")
SAMPLE(sample_logistic, "location + e^log_scale ln(u / (1 - u))", "logistic sample, reparametrised")

/* ---- Bernoulli ------------------------------------------------------------------------------------------------ */

pal_var pal_sample_bernoulli(const char *stream, pal_var logits)
{
    pal_shape shape;
    if (!pal__operands("sample_bernoulli", &logits, 1, &shape)) return (pal_var){.tape = logits.tape};
    pal_var p = pal_stop_gradient(pal_sigmoid(logits));
    pal_var u = pal__draw_uniform(logits.tape, stream, shape, pal_dtype_of(logits));
    /* Both u < p and u >= p are tested. For a NaN both are false, and the NaN is kept. */
    pal_var miss = pal_where(pal_greater_equal(u, p), pal_like(u, 0), p);
    return pal_where(pal_less(u, p), pal_like(u, 1), miss);
}

static pal_var case_bernoulli(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_mul(pal_square(in[0]), pal_sample_bernoulli("noise", in[1]));
}

static const pal_case cases_sample_bernoulli[] = {
    {"as a factor", 2, {{{2, {3, 4}}, -2, 2}, {{1, {4}}, -2, 2}}, case_bernoulli, NULL}};
SAMPLE(sample_bernoulli, "1 if u < sigmoid(logits), else 0", "Bernoulli sample from logits; derivative 0")

/* ---- Categorical and relaxed samples -------------------------------------------------------------------------- */

static bool warm_enough(const char *name, pal_tape *tape, double temperature)
{
    if (temperature > 0) return true;
    pal_tape_fail(tape, PAL_ERR_ARGUMENT, "%s: the temperature must be above 0, not %g", name, temperature);
    return false;
}

pal_var pal_sample_categorical(const char *stream, pal_var logits)
{
    pal_shape shape;
    if (!pal__classes("sample_categorical", &logits, 1, &shape)) return (pal_var){.tape = logits.tape};
    return pal_arg_max(pal_add(logits, pal__draw_gumbel(logits.tape, stream, shape, pal_dtype_of(logits))), -1);
}

pal_var pal_sample_concrete(const char *stream, pal_var logits, double temperature)
{
    pal_shape shape;
    if (!pal__classes("sample_concrete", &logits, 1, &shape) ||
        !warm_enough("sample_concrete", logits.tape, temperature))
        return (pal_var){.tape = logits.tape};
    pal_var g = pal__draw_gumbel(logits.tape, stream, shape, pal_dtype_of(logits));
    return pal_softmax(pal_scale(pal_add(logits, g), 1 / temperature), -1);
}

pal_var pal_sample_binary_concrete(const char *stream, pal_var logits, double temperature)
{
    pal_shape shape;
    if (!pal__operands("sample_binary_concrete", &logits, 1, &shape) ||
        !warm_enough("sample_binary_concrete", logits.tape, temperature))
        return (pal_var){.tape = logits.tape};
    pal_var z = draw_logistic(logits.tape, stream, shape, pal_dtype_of(logits));
    return pal_sigmoid(pal_scale(pal_add(logits, z), 1 / temperature));
}

/* The logits are constant here, because the finite differences of the check must not change the class. */
static pal_var case_categorical(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    pal_var classes = pal_sample_categorical("noise", pal_fill(t, PAL_F64, PAL_SHAPE(4, 3), 0));
    return pal_mul(pal_square(in[0]), pal_one_hot(classes, 3, PAL_F64));
}

static pal_var case_concrete(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_sample_concrete("noise", in[0], *(const double *)user);
}

static pal_var case_binary_concrete(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_sample_binary_concrete("noise", in[0], *(const double *)user);
}

static const double warm = 1.5, cool = 0.8;
static const pal_case cases_sample_categorical[] = {{"as a factor", 1, {{{2, {4, 3}}, -2, 2}}, case_categorical, NULL}};
static const pal_case cases_sample_concrete[] = {
    {"warm", 1, {{{2, {4, 3}}, -1, 1}}, case_concrete, &warm},
    {"cool", 1, {{{1, {5}}, -1, 1}}, case_concrete, &cool},
    {"one class", 1, {{{2, {3, 1}}, -1, 1}}, case_concrete, &cool},
    {"empty", 1, {{{2, {0, 3}}, -1, 1}}, case_concrete, &cool},
};
static const pal_case cases_sample_binary_concrete[] = {
    {"warm", 1, {{{2, {4, 3}}, -1, 1}}, case_binary_concrete, &warm},
    {"cool", 1, {{{1, {5}}, -1, 1}}, case_binary_concrete, &cool},
    {"scalar", 1, {{{0, {0}}, -1, 1}}, case_binary_concrete, &warm},
    {"empty", 1, {{{2, {0, 3}}, -1, 1}}, case_binary_concrete, &cool},
};
SAMPLE(sample_categorical, "argmax(logits + Gumbel)", "class index from logits on the last axis; derivative 0")
SAMPLE(sample_concrete, "softmax((logits + Gumbel) / temperature)",
       "relaxed one-hot class on the last axis, reparametrised")
SAMPLE(sample_binary_concrete, "sigmoid((logits + logistic) / temperature)", "relaxed Bernoulli sample, reparametrised")

/* ---- Dropout -------------------------------------------------------------------------------------------------- */

pal_var pal_dropout(const char *stream, pal_var x, double rate)
{
    pal_shape shape;
    if (!pal__operands("dropout", &x, 1, &shape)) return (pal_var){.tape = x.tape};
    if (!(rate >= 0 && rate < 1))
        return pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "dropout: the rate must be at least 0 and less than 1, not %g",
                             rate);
    if (rate == 0) return x;
    pal_var u = pal__draw_uniform(x.tape, stream, shape, pal_dtype_of(x));
    return pal_where(pal_less(u, pal_like(u, rate)), pal_like(x, 0), pal_scale(x, 1 / (1 - rate)));
}

static pal_var case_dropout(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_square(pal_dropout("noise", in[0], *(const double *)user));
}

static const double half = 0.5, tenth = 0.1, none = 0;
static const pal_case cases_dropout[] = {
    {"half", 1, {{{2, {3, 4}}, -2, 2}}, case_dropout, &half},
    {"a tenth", 1, {{{1, {19}}, -2, 2}}, case_dropout, &tenth},
    {"none", 1, {{{1, {3}}, -2, 2}}, case_dropout, &none},
    {"empty", 1, {{{2, {0, 3}}, -2, 2}}, case_dropout, &half},
};
SAMPLE(dropout, "0 if u < rate, else x / (1 - rate)", "sets random elements to 0; the identity at rate 0")

static const pal_op *const ops[] = {
    &op_sample_normal,      &op_sample_laplace,  &op_sample_logistic,        &op_sample_bernoulli,
    &op_sample_categorical, &op_sample_concrete, &op_sample_binary_concrete, &op_dropout,
};
const pal__family pal__family_sample = {ops, PAL_COUNT(ops)};
