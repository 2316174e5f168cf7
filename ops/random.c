/* random.c - noise as operations. Each element is a function of seed, stream, clock and its index (docs/noise.md).
 * Uniform and normal noise have kernels. The others are computed from uniform noise, and are finite for every value of
 * it. */
#include "ops/internal.h"

PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, uniform)
PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, normal)

static bool infer_random(pal_infer *r)
{
    r->dtype = (pal_dtype)r->params->i[0];
    r->shape.rank = (int32_t)r->params->i[1];
    for (int a = 0; a < r->shape.rank && a < PAL_MAX_RANK; a++) r->shape.dim[a] = r->params->i[2 + a];
    return pal_dtype_real(r->dtype) || pal_infer_fail(r, "noise must have a real type");
}

/* ---- Cases: noise has no derivative, so they check an expression that reads it -------------------------------- */

typedef pal_var (*noise_fn)(pal_tape *, const char *, pal_shape);

static pal_var case_random(pal_tape *t, const pal_var *in, const void *user)
{
    const noise_fn *noise = user;
    return pal_square(pal_mul(in[0], (*noise)(t, "noise", pal_shape_of(in[0]))));
}

static pal_var coin(pal_tape *t, const char *stream, pal_shape shape) { return pal_bernoulli(t, stream, shape, 0.6); }

static const noise_fn uniform_fn = pal_uniform, normal_fn = pal_normal, bernoulli_fn = coin,
                      exponential_fn = pal_exponential, gumbel_fn = pal_gumbel;
#define CASES(name)                                                                                                    \
    static const pal_case cases_##name[] = {                                                                           \
        {.label = "as a factor", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_random, .user = &name##_fn}};
CASES(uniform)
CASES(normal)
CASES(bernoulli)
CASES(exponential)
CASES(gumbel)
#undef CASES

/* ---- Noise with a kernel -------------------------------------------------------------------------------------- */

/* clang-format off */
static const pal_op op_uniform = {
    PAL_OP_HEAD("uniform", "u ~ U[0,1)", "uniform noise from a named stream"),
    .op_class = PAL_CLASS_RANDOM, .arity = -1, .n_ints = 8,
    .infer = infer_random, .derivative = {PAL_ZERO_DERIVATIVE}, .tile = PAL_EACH_ISA(PAL_REAL_TILES, uniform),
    .cases = cases_uniform, .n_cases = 1};

static const pal_op op_normal = {
    PAL_OP_HEAD("normal", "ε ~ N(0,1)", "standard normal noise from a named stream"),
    .op_class = PAL_CLASS_RANDOM, .arity = -1, .n_ints = 8,
    .infer = infer_random, .derivative = {PAL_ZERO_DERIVATIVE}, .tile = PAL_EACH_ISA(PAL_REAL_TILES, normal),
    .cases = cases_normal, .n_cases = 1};
/* clang-format on */

pal_var pal__draw_uniform(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    return pal_record_random(tape, &op_uniform, stream, shape, dtype);
}

pal_var pal__draw_normal(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    return pal_record_random(tape, &op_normal, stream, shape, dtype);
}

pal_var pal_uniform(pal_tape *tape, const char *stream, pal_shape shape)
{
    return pal__draw_uniform(tape, stream, shape, pal_tape_real(tape));
}

pal_var pal_normal(pal_tape *tape, const char *stream, pal_shape shape)
{
    return pal__draw_normal(tape, stream, shape, pal_tape_real(tape));
}

/* ---- Noise computed from uniform noise ------------------------------------------------------------------------ */

/* Uniform noise takes multiples of a step, including 0 but not 1. 0 is replaced by half a step, the middle of the
 * interval that it represents. The others are unchanged: adding half a step to the largest one would round to 1. */
pal_var pal__draw_open(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    pal_var u = pal__draw_uniform(tape, stream, shape, dtype);
    return pal_max(u, pal_like(u, dtype == PAL_F32 ? 0x1p-25 : 0x1p-54));
}

static pal_var draw_exponential(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    return pal_neg(pal_log1p(pal_neg(pal__draw_open(tape, stream, shape, dtype))));
}

/* Small u give the large values. Small u have a fine resolution, and large values decide a maximum. */
pal_var pal__draw_gumbel(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype)
{
    return pal_neg(pal_log(draw_exponential(tape, stream, shape, dtype)));
}

static const pal_op op_bernoulli = {
    PAL_OP_HEAD("bernoulli", "1 if u < p, else 0", "1 with probability p, else 0, from a named stream"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_bernoulli, .n_cases = 1};

pal_var pal_bernoulli(pal_tape *tape, const char *stream, pal_shape shape, double probability)
{
    if (!(probability >= 0 && probability <= 1))
        return pal_tape_fail(tape, PAL_ERR_ARGUMENT, "bernoulli: the probability must be 0 to 1, not %g", probability);
    pal_var u = pal_uniform(tape, stream, shape);
    return pal_where(pal_less(u, pal_like(u, probability)), pal_like(u, 1), pal_like(u, 0));
}

static const pal_op op_exponential = {
    PAL_OP_HEAD("exponential", "-ln(1 - u)", "exponential noise of rate 1 from a named stream; above 0 and finite"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_exponential, .n_cases = 1};

pal_var pal_exponential(pal_tape *tape, const char *stream, pal_shape shape)
{
    return draw_exponential(tape, stream, shape, pal_tape_real(tape));
}

static const pal_op op_gumbel = {
    PAL_OP_HEAD("gumbel", "-ln(-ln(1 - u))", "standard Gumbel noise from a named stream; finite"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_gumbel, .n_cases = 1};

pal_var pal_gumbel(pal_tape *tape, const char *stream, pal_shape shape)
{
    return pal__draw_gumbel(tape, stream, shape, pal_tape_real(tape));
}

static const pal_op *const ops[] = {&op_uniform, &op_normal, &op_bernoulli, &op_exponential, &op_gumbel};
const pal__family pal__family_random = {ops, PAL_COUNT(ops)};
