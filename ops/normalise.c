/* normalise.c - softmax and log_softmax, layer normalisation and batch normalisation. */
#include "ops/axes.h"

#include <float.h>
#include <string.h>

/* ---- Softmax -------------------------------------------------------------------------------------------------- */

/* x minus its maximum along the axis, so that the largest exponential is 1. Equal elements +inf share the probability.
 * The shift does not change the result, so it counts as a constant for derivatives. */
static pal_var shifted(const char *name, pal_var x, int axis, unsigned *axes)
{
    pal_shape s;
    if (!pal__operands(name, &x, 1, &s)) return (pal_var){.tape = x.tape};
    if (!pal__axis_of(name, x, s.rank, &axis)) return (pal_var){.tape = x.tape};
    *axes = 1u << axis;
    if (!s.dim[axis]) return x;
    if (s.dim[axis] == 1) return pal_difference(x, x); /* 0, also for infinities; NaN for NaN */
    pal_var least = pal_like(x, pal_dtype_of(x) == PAL_F32 ? -(double)FLT_MAX : -DBL_MAX);
    return pal_difference(x, pal_max(pal_stop_gradient(pal_reduce_max(x, *axes, true)), least));
}

pal_var pal_softmax(pal_var x, int axis)
{
    unsigned axes = 0;
    pal_var z = shifted("softmax", x, axis, &axes);
    if (!pal_ok(z)) return z;
    pal_var e = pal_exp(z);
    return pal_div(e, pal_sum(e, axes, true));
}

pal_var pal_log_softmax(pal_var x, int axis)
{
    unsigned axes = 0;
    pal_var z = shifted("log_softmax", x, axis, &axes);
    return pal_ok(z) ? pal_sub(z, pal_log(pal_sum(pal_exp(z), axes, true))) : z;
}

static pal_var case_softmax(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_softmax(in[0], *(const int *)user);
}

static pal_var case_log_softmax(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_log_softmax(in[0], *(const int *)user);
}

static const int first = 0, second = 1, last = -1;
#define CASES(name)                                                                                                    \
    static const pal_case cases_##name[] = {                                                                           \
        {"last axis", 1, {{{2, {3, 4}}, -3, 3}}, case_##name, &last},                                                  \
        {"first axis", 1, {{{2, {5, 2}}, -3, 3}}, case_##name, &first},                                                \
        {"middle axis", 1, {{{3, {2, 3, 2}}, -3, 3}}, case_##name, &second},                                           \
        {"large", 1, {{{1, {5}}, 900, 903}}, case_##name, &last},                                                      \
        {"one class", 1, {{{2, {3, 1}}, -3, 3}}, case_##name, &last},                                                  \
        {"no rows", 1, {{{2, {0, 3}}, -3, 3}}, case_##name, &last},                                                    \
        {"no classes", 1, {{{2, {3, 0}}, -3, 3}}, case_##name, &last},                                                 \
    };
CASES(softmax)
CASES(log_softmax)
#undef CASES

static const pal_op op_softmax = {
    PAL_OP_HEAD("softmax", "e^x / sum e^x",
                "probabilities from logits, without overflow; -inf gives 0, NaN if all of several are -inf"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_softmax, .n_cases = PAL_COUNT(cases_softmax)};
static const pal_op op_log_softmax = {
    PAL_OP_HEAD("log_softmax", "x - ln sum e^x",
                "log-probabilities from logits, without overflow; NaN if all of several are -inf"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_log_softmax, .n_cases = PAL_COUNT(cases_log_softmax)};

/* ---- Shared by both normalisations ---------------------------------------------------------------------------- */

/* x gain + shift; a gain or shift with id 0 is left out. */
static pal_var scaled(pal_var x, pal_var gain, pal_var shift)
{
    if (gain.id) x = pal_mul(x, gain);
    return shift.id ? pal_add(x, shift) : x;
}

/* ---- Layer normalisation -------------------------------------------------------------------------------------- */

pal_var pal_layer_norm(pal_var x, unsigned axes, pal_var gain, pal_var shift, double epsilon)
{
    const pal_var in[] = {x, gain, shift};
    const char *const names[] = {"x", "gain", "shift"};
    pal_shape s = pal_shape_of(x), joined;
    char a[96], b[96];
    if (!pal__handles("layer_norm", in, 3, 1u << 1 | 1u << 2)) return (pal_var){.tape = x.tape};
    for (int i = 0; i < 3; i++) {
        if (i && !in[i].id) continue;
        const pal_var pair[] = {x, in[i]};
        if (!pal__operands("layer_norm", pair, 2, &joined)) return (pal_var){.tape = x.tape};
        if (!pal_shape_equal(joined, s))
            return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "layer_norm: %s %s does not broadcast to %s", names[i],
                                 pal_shape_text(pal_shape_of(in[i]), a, sizeof a), pal_shape_text(s, b, sizeof b));
    }
    if (axes >> s.rank)
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "layer_norm: an axis is out of range for rank %d", s.rank);
    if (!(epsilon >= 0))
        return pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "layer_norm: epsilon must be at least 0, not %g", epsilon);
    return scaled(pal__standardised(x, axes, epsilon), gain, shift);
}

static pal_var case_layer_norm(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_layer_norm(in[0], *(const unsigned *)user, in[1], in[2], 1e-5);
}

static pal_var case_layer_norm_plain(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var none = {.tape = t};
    return pal_layer_norm(in[0], *(const unsigned *)user, none, none, 0.01);
}

static const unsigned last_two = 6, of_rank_two = 2, no_axes = 0;
static const pal_case cases_layer_norm[] = {
    {"last axis", 3, {{{2, {3, 5}}, -2, 2}, {{1, {5}}, 0.5, 2}, {{1, {5}}, -1, 1}}, case_layer_norm, &of_rank_two},
    {"two axes", 3, {{{3, {2, 2, 3}}, -2, 2}, {{2, {2, 1}}, 0.5, 2}, {{0}, -1, 1}}, case_layer_norm, &last_two},
    {"neither gain nor shift", 1, {{{2, {2, 6}}, -2, 2}}, case_layer_norm_plain, &of_rank_two},
    {"no axes", 1, {{{1, {3}}, -2, 2}}, case_layer_norm_plain, &no_axes},
    {"no rows", 3, {{{2, {0, 5}}, -2, 2}, {{1, {5}}, 0.5, 2}, {{1, {5}}, -1, 1}}, case_layer_norm, &of_rank_two},
};
static const pal_op op_layer_norm = {
    PAL_OP_HEAD("layer_norm", "(x - mean) / sqrt(variance + epsilon) gain + shift", "normalises over the given axes"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_layer_norm, .n_cases = PAL_COUNT(cases_layer_norm)};

/* ---- Batch normalisation -------------------------------------------------------------------------------------- */

static bool read_options(pal_tape *t, const pal_batch_norm_options *given, pal_batch_norm_options *o)
{
    *o = (pal_batch_norm_options){.struct_size = sizeof *o};
    if (!pal_tape_options(t, o, given, sizeof *o, sizeof *o, "batch_norm")) return false;
    if (o->momentum == 0) o->momentum = 0.1;
    if (o->epsilon == 0) o->epsilon = 1e-5;
    if (!(o->momentum > 0 && o->momentum <= 1))
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "batch_norm: momentum must be above 0 and at most 1, not %g", o->momentum);
    else if (!(o->epsilon > 0))
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "batch_norm: epsilon must be above 0, not %g", o->epsilon);
    else
        return true;
    return false;
}

/* Checks x and the four values [c]. Gain and shift may be missing. The running statistics must be leaves if they are
 * updated. */
static bool channels_fit(pal_var x, const pal_var *of_channels, bool evaluate)
{
    const char *const names[] = {"gain", "shift", "running mean", "running variance"};
    pal_shape s = pal_shape_of(x), own, joined;
    char text[96];
    const pal_var all[] = {x, of_channels[0], of_channels[1], of_channels[2], of_channels[3]};
    if (!pal__handles("batch_norm", all, 5, ~1u) || !pal__operands("batch_norm", &x, 1, &joined)) return false;
    if (s.rank != 2 && s.rank != 4) {
        pal_tape_fail(x.tape, PAL_ERR_SHAPE, "batch_norm: needs [n,c] or [n,c,h,w], not %s",
                      pal_shape_text(s, text, sizeof text));
        return false;
    }
    for (int i = 0; i < 4; i++) {
        if (i < 2 && !of_channels[i].id) continue;
        own = pal_shape_of(of_channels[i]);
        if (pal_dtype_of(of_channels[i]) != pal_dtype_of(x))
            pal_tape_fail(x.tape, PAL_ERR_TAPE, "batch_norm: the %s must be a value of x's tape and type", names[i]);
        else if (own.rank != 1 || own.dim[0] != s.dim[1])
            pal_tape_fail(x.tape, PAL_ERR_SHAPE, "batch_norm: the %s must be [%lld], not %s", names[i],
                          (long long)s.dim[1], pal_shape_text(own, text, sizeof text));
        else if (i >= 2 && !evaluate && !pal_leaf_tensor(of_channels[i]))
            pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "batch_norm: the %s must be a leaf", names[i]);
        else
            continue;
        return false;
    }
    return true;
}

typedef struct moments {
    pal_var mean, variance; /* [c] over the whole batch, of so many terms; the variance without bias */
    pal_var standardised;   /* x */
} moments;

/* The moments of a batch that is cut into shards are sums over all of them. The variance is that of the differences
 * from the mean of the batch: the difference of two moments would lose digits. */
static moments moments_of(pal_var x, unsigned axes, int64_t terms, double epsilon, pal_shape row)
{
    if (pal_tape_shards(x.tape) == 1)
        return (moments){pal_mean(x, axes, false), pal_variance(x, axes, false, 1),
                         pal__standardised(x, axes, epsilon)};
    const pal_var mean = pal_all_mean(pal_mean(x, axes, false)), centred = pal_sub(x, pal_reshape(mean, row));
    const pal_var variance = pal_all_mean(pal_mean(pal_square(centred), axes, false));
    const pal_var deviation = pal_sqrt(pal_shift(pal_reshape(variance, row), epsilon));
    return (moments){mean, pal_scale(variance, (double)terms / (double)(terms - 1)), pal_div(centred, deviation)};
}

pal_var pal_batch_norm(pal_var x, pal_var gain, pal_var shift, pal_var running_mean, pal_var running_variance,
                       const pal_batch_norm_options *options)
{
    const pal_var of_channels[] = {gain, shift, running_mean, running_variance};
    pal_batch_norm_options o;
    if (!read_options(x.tape, options, &o) || !channels_fit(x, of_channels, o.evaluate))
        return (pal_var){.tape = x.tape};
    pal_shape s = pal_shape_of(x);
    bool plane = s.rank == 4;
    pal_shape row = plane ? PAL_SHAPE(s.dim[1], 1, 1) : PAL_SHAPE(s.dim[1]);
    if (gain.id) gain = pal_reshape(gain, row);
    if (shift.id) shift = pal_reshape(shift, row);
    if (o.evaluate) {
        pal_var centred = pal_sub(x, pal_reshape(running_mean, row));
        pal_var deviation = pal_sqrt(pal_shift(pal_reshape(running_variance, row), o.epsilon));
        return scaled(pal_div(centred, deviation), gain, shift);
    }
    unsigned axes = plane ? 1u | 4u | 8u : 1u;
    const int64_t shards = pal_tape_shards(x.tape);
    int64_t terms = shards * s.dim[0] * (plane ? s.dim[2] * s.dim[3] : 1);
    if (terms < 2)
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE,
                             "batch_norm: training needs at least 2 values per channel, not %lld", (long long)terms);
    const moments of = moments_of(x, axes, terms, o.epsilon, row);
    pal_assign(running_mean, pal_lerp(running_mean, of.mean, o.momentum));
    pal_assign(running_variance, pal_lerp(running_variance, of.variance, o.momentum));
    return scaled(of.standardised, gain, shift);
}

/* The inputs are x, gain (or shift), running mean, running variance. */
static pal_var case_batch_norm(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var none = {.tape = t};
    const pal_batch_norm_options o = {.struct_size = sizeof o, .evaluate = user != NULL, .epsilon = 0.5};
    return pal_batch_norm(in[0], in[1], none, in[2], in[3], &o);
}

static pal_var case_batch_norm_shift(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var none = {.tape = t};
    const pal_batch_norm_options o = {.struct_size = sizeof o, .evaluate = user != NULL};
    return pal_batch_norm(in[0], none, in[1], in[2], in[3], &o);
}

/* clang-format off */
static const pal_case cases_batch_norm[] = {
    {"samples", 4, {{{2, {5, 3}}, -2, 2}, {{1, {3}}, 0.5, 2}, {{1, {3}}, -1, 1}, {{1, {3}}, 0.5, 2}},
     case_batch_norm, NULL},
    {"planes", 4, {{{4, {2, 2, 2, 3}}, -2, 2}, {{1, {2}}, 0.5, 2}, {{1, {2}}, -1, 1}, {{1, {2}}, 0.5, 2}},
     case_batch_norm_shift, NULL},
    {"one channel, two samples", 4, {{{2, {2, 1}}, -2, 2}, {{1, {1}}, 0.5, 2}, {{1, {1}}, -1, 1}, {{1, {1}}, 0.5, 2}},
     case_batch_norm, NULL},
    {"evaluated samples", 4, {{{2, {5, 3}}, -2, 2}, {{1, {3}}, 0.5, 2}, {{1, {3}}, -1, 1}, {{1, {3}}, 0.5, 2}},
     case_batch_norm_shift, ""},
    {"evaluated planes", 4, {{{4, {2, 2, 2, 3}}, -2, 2}, {{1, {2}}, 0.5, 2}, {{1, {2}}, -1, 1}, {{1, {2}}, 0.5, 2}},
     case_batch_norm, ""},
    {"evaluated nothing", 4, {{{2, {0, 3}}, -2, 2}, {{1, {3}}, 0.5, 2}, {{1, {3}}, -1, 1}, {{1, {3}}, 0.5, 2}},
     case_batch_norm, ""},
};
static const pal_op op_batch_norm = {
    PAL_OP_HEAD("batch_norm", "(x - mean) / sqrt(variance + epsilon) gain + shift",
                "normalises each channel over samples and plane, or by running statistics"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_batch_norm, .n_cases = PAL_COUNT(cases_batch_norm)};
/* clang-format on */

static const pal_op *const ops[] = {&op_softmax, &op_log_softmax, &op_layer_norm, &op_batch_norm};
const pal__family pal__family_normalise = {ops, PAL_COUNT(ops)};
