/* elementwise_where.c - where: selects one of two values by a condition. Its adjoint also selects; it never multiplies,
 * so an infinity that is not selected cannot become NaN. */
#include "ops/elementwise.h"

PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, where)

static bool infer_where(pal_infer *r)
{
    if (r->dtypes[0] != PAL_BOOL) return pal_infer_fail(r, "the condition must be boolean");
    if (r->dtypes[1] != r->dtypes[2] || !pal_dtype_real(r->dtypes[1]))
        return pal_infer_fail(r, "both values must have one real type");
    r->dtype = r->dtypes[1];
    return pal_shape_broadcast(r->shapes[0], r->shapes[1], &r->shape) &&
           pal_shape_broadcast(r->shape, r->shapes[2], &r->shape);
}

static pal_var vjp_where(const pal_rule *r, size_t k)
{
    pal_var zero = pal_like(r->seed, 0);
    return k == 1 ? pal_where(r->in[0], r->seed, zero) : pal_where(r->in[0], zero, r->seed);
}

static pal_var case_where(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_where(pal_greater(in[0], pal_like(in[0], 0)), in[1], in[2]);
}

/* clang-format off */
static const pal_case cases_where[] = {
    {.label = "equal shapes", .n = 3, .in = {{{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}},
     .build = case_where},
    {.label = "broadcast", .n = 3, .in = {{{2, {3, 1}}, -2, 2}, {{1, {4}}, -2, 2}, {{0, {0}}, -2, 2}},
     .build = case_where},
};

const pal_op pal__op_where = {
    PAL_OP_HEAD("where", "c ? a : b", "selects a or b by a boolean c; no derivative in c"),
    .op_class = PAL_CLASS_ELEMENTWISE, .arity = 3,
    .infer = infer_where, .derivative = {PAL_ZERO_DERIVATIVE, PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_where,
    .tile = PAL_EACH_ISA(PAL_REAL_TILES, where), .cases = cases_where, .n_cases = PAL_COUNT(cases_where)};
/* clang-format on */

pal_var pal_where(pal_var condition, pal_var a, pal_var b)
{
    return pal_record(NULL, &pal__op_where, (pal_var[]){condition, a, b}, 3, NULL);
}
