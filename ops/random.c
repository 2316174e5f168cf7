/* random.c - noise as operations: each element is a function of seed, stream, clock and its index (docs/noise.md). */
#include "ops/internal.h"

PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, uniform)
PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, normal)

static bool infer_random(pal_infer *r)
{
    r->dtype = (pal_dtype)r->params->i[0];
    r->shape.rank = (int32_t)r->params->i[1];
    for (int a = 0; a < r->shape.rank && a < PAL_MAX_RANK; a++) r->shape.dim[a] = r->params->i[2 + a];
    return pal_dtype_real(r->dtype) || pal_infer_fail(r, "noise is real");
}

/* Nothing to differentiate by: what reads it is checked. */
static pal_var case_random(pal_tape *t, const pal_var *in, const void *user)
{
    pal_var (*const *noise)(pal_tape *, const char *, pal_shape) = user;
    return pal_square(pal_mul(in[0], (*noise)(t, "noise", PAL_SHAPE(3, 4))));
}

static pal_var (*const uniform_fn)(pal_tape *, const char *, pal_shape) = pal_uniform;
static pal_var (*const normal_fn)(pal_tape *, const char *, pal_shape) = pal_normal;
static const pal_case cases_uniform[] = {
    {.label = "as a factor", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_random, .user = &uniform_fn}};
static const pal_case cases_normal[] = {
    {.label = "as a factor", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_random, .user = &normal_fn}};

static const pal_op op_uniform = {PAL_OP_HEAD("uniform", "u ~ U[0,1)", "uniform noise from a named stream"),
                                  .op_class = PAL_CLASS_RANDOM,
                                  .arity = -1,
                                  .n_ints = 8,
                                  .infer = infer_random,
                                  .derivative = {PAL_ZERO_DERIVATIVE},
                                  .tile = PAL_EACH_ISA(PAL_REAL_TILES, uniform),
                                  .cases = cases_uniform,
                                  .n_cases = 1};

static const pal_op op_normal = {PAL_OP_HEAD("normal", "z ~ N(0,1)", "standard normal noise from a named stream"),
                                 .op_class = PAL_CLASS_RANDOM,
                                 .arity = -1,
                                 .n_ints = 8,
                                 .infer = infer_random,
                                 .derivative = {PAL_ZERO_DERIVATIVE},
                                 .tile = PAL_EACH_ISA(PAL_REAL_TILES, normal),
                                 .cases = cases_normal,
                                 .n_cases = 1};

pal_var pal_uniform(pal_tape *tape, const char *stream, pal_shape shape)
{
    return pal_record_random(tape, &op_uniform, stream, shape, pal_tape_real(tape));
}

pal_var pal_normal(pal_tape *tape, const char *stream, pal_shape shape)
{
    return pal_record_random(tape, &op_normal, stream, shape, pal_tape_real(tape));
}

pal_var pal_bernoulli(pal_tape *tape, const char *stream, pal_shape shape, double probability)
{
    if (!(probability >= 0 && probability <= 1))
        return pal_tape_fail(tape, PAL_ERR_ARGUMENT, "bernoulli: a probability is from 0 to 1, not %g", probability);
    pal_var u = pal_uniform(tape, stream, shape);
    return pal_where(pal_less(u, pal_like(u, probability)), pal_like(u, 1), pal_like(u, 0));
}

static const pal_op *const ops[] = {&op_uniform, &op_normal};
const pal__family pal__family_random = {ops, PAL_COUNT(ops)};
