/* elementwise.c - generates descriptors and functions from the rows of elementwise.def. where and cast have files of
 * their own, because their operands and results differ in type. */
#include "autograd/wiring.h"
#include "ops/elementwise.h"

#include <math.h>

/* ---- Helpers for the rows ------------------------------------------------------------------------------------- */

pal_var pal_like(pal_var x, double value) { return pal_fill(x.tape, pal_dtype_of(x), PAL_SCALAR, value); }
pal_var pal_scale(pal_var x, double factor) { return pal_mul(x, pal_like(x, factor)); }
pal_var pal_shift(pal_var x, double addend) { return pal_add(x, pal_like(x, addend)); }
pal_var pal_one_minus(pal_var x) { return pal_sub(pal_like(x, 1), x); }
pal_var pal_lerp(pal_var a, pal_var b, double t) { return pal_add(a, pal_scale(pal_sub(b, a), t)); }

/* ---- Exact rewrites: neutral operands, an involution applied twice -------------------------------------------- */

#define ROW(name) static const pal_op op_##name;
#include "ops/elementwise.def"

/* x + 0 is not in the table: -0 + 0 is +0, so the rewrite would change the sign. */
static const struct {
    const pal_op *op;
    size_t operand;
    double neutral;
} neutral[] = {{&op_mul, 0, 1}, {&op_mul, 1, 1}, {&op_div, 1, 1}, {&op_sub, 1, 0}};

static pal_var rewrite_neutral(const pal_rule *r, bool rounding)
{
    (void)rounding;
    for (size_t i = 0; i < PAL_COUNT(neutral); i++) {
        if (neutral[i].op != r->op || !pal_is_fill(r->in[neutral[i].operand], neutral[i].neutral)) continue;
        pal_var other = r->in[1 - neutral[i].operand];
        pal_shape shape;
        if (!pal_shape_broadcast(pal_shape_of(r->in[0]), pal_shape_of(r->in[1]), &shape)) break;
        return pal_shape_equal(shape, pal_shape_of(other)) ? other : pal_broadcast_to(other, shape);
    }
    return (pal_var){0};
}

/* The negation of a negation has the original bits. */
static pal_var rewrite_unary(const pal_rule *r, bool rounding)
{
    (void)rounding;
    if ((r->op == &op_neg || r->op == &op_logical_not) && pal_op_of(r->in[0]) == r->op) return pal_operand(r->in[0], 0);
    return (pal_var){0};
}

const pal_op *const pal__mul = &op_mul, *const pal__div = &op_div;

static pal_var absorb_product(const pal_rule *c, size_t k, bool rounding)
{
    return pal_op_of(c->in[k]) == &op_mul ? pal__carry_outer(c, k, rounding, &op_square) : (pal_var){0};
}

/* ---- Shared by the kinds of rows ------------------------------------------------------------------------------ */

static bool infer_to_boolean(pal_infer *r)
{
    if (!pal_infer_same(r)) return false;
    r->dtype = PAL_BOOL;
    return true;
}

static bool infer_logical(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = PAL_BOOL;
    for (size_t i = 0; i < r->n; i++) {
        if (r->dtypes[i] != PAL_BOOL) return pal_infer_fail(r, "the operands must be boolean");
        if (!pal_shape_broadcast(r->shape, r->shapes[i], &r->shape)) return false;
    }
    return true;
}

/* A boolean has no derivative that could be checked, so the case uses the values that it selects. */
static pal_var selected(pal_var condition, const pal_var *in)
{
    return pal_where(condition, pal_mul(in[0], in[1]), pal_sub(in[0], in[1]));
}

static pal_var case_real(pal_tape *t, const pal_var *in, const void *user)
{
    const pal_op *const *op = user;
    return selected(pal_record(t, *op, in, (size_t)(*op)->arity, NULL), in);
}

static pal_var case_logical(pal_tape *t, const pal_var *in, const void *user)
{
    const pal_op *const *op = user;
    pal_var c[] = {pal_greater(in[0], pal_like(in[0], 0)), pal_greater(in[1], pal_like(in[1], 0.5))};
    return selected(pal_record(t, *op, c, (size_t)(*op)->arity, NULL), in);
}

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

#define DECLARE_BOOL_TILE(name, isa)                                                                                   \
    void pal__##name##_boolean_##isa(size_t n, void *out, const void *const *in, const pal_tile *tile);
/* clang-format off */
#define BOOL_TILES(name, isa) {[PAL_BOOL] = pal__##name##_boolean_##isa}
/* clang-format on */

#define ROW(name)          PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, name)
#define NOT(name, ...)     PAL_DECLARE_EACH_ISA(DECLARE_BOOL_TILE, name)
#define LOGICAL(name, ...) PAL_DECLARE_EACH_ISA(DECLARE_BOOL_TILE, name)
#include "ops/elementwise.def"

/* clang-format off */
#define SMOOTH (pal_var){0}
#define BRACED(...) {__VA_ARGS__}
/* clang-format on */
#define PARAMETER(P, i)                                                                                                \
    const double P = r->params->r[i];                                                                                  \
    (void)P;
#define PARAMETERS2(P, Q) PARAMETER(P, 0) PARAMETER(Q, 1)

#define RULE(name, PARAMETERS, adjoint)                                                                                \
    static pal_var vjp_##name(const pal_rule *r, size_t k)                                                             \
    {                                                                                                                  \
        PARAMETERS                                                                                                     \
        pal_var x = r->in[0], a = x, b = r->in[r->n - 1], y = r->out, g = r->seed;                                     \
        (void)x, (void)a, (void)b, (void)y, (void)g, (void)k;                                                          \
        return adjoint;                                                                                                \
    }
#define KINK(name, PARAMETERS, kink)                                                                                   \
    static pal_var kink_##name(const pal_rule *r)                                                                      \
    {                                                                                                                  \
        PARAMETERS                                                                                                     \
        pal_var x = r->in[0], a = x, b = r->in[r->n - 1], y = r->out;                                                  \
        (void)x, (void)a, (void)b, (void)y;                                                                            \
        return kink;                                                                                                   \
    }
#define INFER(name, PARAMETERS, valid, text)                                                                           \
    static bool infer_##name(pal_infer *r)                                                                             \
    {                                                                                                                  \
        PARAMETERS                                                                                                     \
        return (valid) ? pal_infer_same(r) : pal_infer_fail(r, "needs " text);                                         \
    }
#define COMMON(NAME, FORMULA, SUMMARY)                                                                                 \
    PAL_OP_HEAD(#NAME, FORMULA, SUMMARY), .op_class = PAL_CLASS_ELEMENTWISE,                                           \
                                          .tile = PAL_EACH_ISA(PAL_REAL_TILES, NAME), .super = pal__supers

#define OF_ONE(name, formula_, summary_, low_, high_)                                                                  \
    COMMON(name, formula_, summary_), .arity = 1, .derivative = {PAL_HAS_RULE}, .vjp = vjp_##name,                     \
                                      .decision = kink_##name, .low = {low_}, .high = {high_}

#define UNARY(...) OF_X(0, __VA_ARGS__)
#define SIGN(...)  OF_X(PAL_PLUMBING, __VA_ARGS__)
#define OF_X(can, name, formula_, loops, value, adjoint, low_, high_, kink, summary_)                                  \
    RULE(name, , adjoint)                                                                                              \
    KINK(name, , kink)                                                                                                 \
    static const pal_op op_##name = {OF_ONE(name, formula_, summary_, low_, high_), .infer = pal_infer_same,           \
                                     .rewrite = rewrite_unary, .capabilities = can};                                   \
    pal_var pal_##name(pal_var x) { return pal_record(NULL, &op_##name, &x, 1, NULL); }

#define PARAMETRIC(name, PARAMETERS, n_reals_, values, valid, text, formula_, adjoint, low_, high_, kink, summary_)    \
    RULE(name, PARAMETERS, adjoint)                                                                                    \
    KINK(name, PARAMETERS, kink)                                                                                       \
    INFER(name, PARAMETERS, valid, text)                                                                               \
    static const pal_params sample_##name = {.r = values};                                                             \
    static const pal_op op_##name = {OF_ONE(name, formula_, summary_, low_, high_), .infer = infer_##name,             \
                                     .n_reals = n_reals_, .sample = &sample_##name};
#define UNARY_P(name, P, sample, valid, formula, loops, value, adjoint, low, high, kink, summary)                      \
    PARAMETRIC(name, PARAMETER(P, 0), 1, BRACED(sample), valid, #valid, formula, adjoint, low, high, kink, summary)    \
    pal_var pal_##name(pal_var x, double P) { return pal_record(NULL, &op_##name, &x, 1, &(pal_params){.r = {P}}); }
#define UNARY_PQ(name, P, Q, sample_p, sample_q, valid, formula, loops, value, adjoint, low_, high_, kink, summary)    \
    PARAMETRIC(name, PARAMETERS2(P, Q), 2, BRACED(sample_p, sample_q), valid, #valid, formula, adjoint, low_, high_,   \
               kink, summary)                                                                                          \
    pal_var pal_##name(pal_var x, double P, double Q)                                                                  \
    {                                                                                                                  \
        return pal_record(NULL, &op_##name, &x, 1, &(pal_params){.r = {P, Q}});                                        \
    }

/* clang-format off */
#define STEP(name, formula_, value, low_, high_, kink, summary_)                                                       \
    KINK(name, , kink)                                                                                                 \
    static const pal_op op_##name = {                                                                                  \
        COMMON(name, formula_, summary_), .arity = 1, .infer = pal_infer_same, .derivative = {PAL_ZERO_DERIVATIVE},    \
        .decision = kink_##name, .low = {low_}, .high = {high_}};                                                      \
    pal_var pal_##name(pal_var x) { return pal_record(NULL, &op_##name, &x, 1, NULL); }
/* clang-format on */

/* clang-format off */
#define OF_TWO(name, formula_, capabilities_, adjoint_a, adjoint_b, low_, high_, kink, summary_)                       \
    RULE(name, , k == 0 ? adjoint_a : adjoint_b)                                                                       \
    KINK(name, , kink)                                                                                                 \
    static const pal_op op_##name = {                                                                                  \
        COMMON(name, formula_, summary_), .arity = 2, .capabilities = (capabilities_) | PAL_ABSORBS_EACH, .infer = pal_infer_same,          \
        .derivative = {PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_##name, .decision = kink_##name,                        \
        .rewrite = rewrite_neutral, .absorb = absorb_product, .low = {low_, low_}, .high = {high_, high_}};            \
    pal_var pal_##name(pal_var a, pal_var b) { return pal_record(NULL, &op_##name, (pal_var[]){a, b}, 2, NULL); }
#define BINARY(name, formula, loops, value, ...)    OF_TWO(name, formula, 0, __VA_ARGS__)
#define SYMMETRIC(name, formula, loops, value, ...) OF_TWO(name, formula, PAL_COMMUTATIVE, __VA_ARGS__)

#define BOOLEAN(name, build_)                                                                                          \
    static const pal_op *const self_##name = &op_##name;                                                               \
    static const pal_case cases_##name[] = {                                                                           \
        {.label = "selects", .n = 2, .in = {{{2, {3, 4}}, -3, 3}, {{1, {4}}, -3, 3}},                                  \
         .build = build_, .user = &self_##name}};
/* clang-format on */
#define TO_BOOLEAN(name)                                                                                               \
    .infer = infer_to_boolean, .derivative = {PAL_ZERO_DERIVATIVE}, .cases = cases_##name, .n_cases = 1,               \
    .low = {-3, -3}, .high = {3, 3}

#define PREDICATE(name, formula_, value, summary_)                                                                     \
    BOOLEAN(name, case_real)                                                                                           \
    static const pal_op op_##name = {COMMON(name, formula_, summary_), .arity = 1, TO_BOOLEAN(name)};                  \
    pal_var pal_##name(pal_var x) { return pal_record(NULL, &op_##name, &x, 1, NULL); }
#define COMPARE(name, formula_, value, summary_)                                                                       \
    KINK(name, , pal_greater(a, b))                                                                                    \
    BOOLEAN(name, case_real)                                                                                           \
    static const pal_op op_##name = {COMMON(name, formula_, summary_), .arity = 2, TO_BOOLEAN(name),                   \
                                     .decision = kink_##name};                                                         \
    pal_var pal_##name(pal_var a, pal_var b) { return pal_record(NULL, &op_##name, (pal_var[]){a, b}, 2, NULL); }

#define OF_BOOLEANS(name, formula_, summary_)                                                                          \
    PAL_OP_HEAD(#name, formula_, summary_), .op_class = PAL_CLASS_ELEMENTWISE, .tile = PAL_EACH_ISA(BOOL_TILES, name), \
                                            .infer = infer_logical, .derivative = {PAL_ZERO_DERIVATIVE},               \
                                            .cases = cases_##name, .n_cases = 1
#define NOT(name, formula_, value, summary_)                                                                           \
    BOOLEAN(name, case_logical)                                                                                        \
    static const pal_op op_##name = {OF_BOOLEANS(name, formula_, summary_), .arity = 1, .rewrite = rewrite_unary};     \
    pal_var pal_##name(pal_var x) { return pal_record(NULL, &op_##name, &x, 1, NULL); }
#define LOGICAL(name, formula_, value, summary_)                                                                       \
    BOOLEAN(name, case_logical)                                                                                        \
    static const pal_op op_##name = {OF_BOOLEANS(name, formula_, summary_), .arity = 2,                                \
                                     .capabilities = PAL_COMMUTATIVE};                                                 \
    pal_var pal_##name(pal_var a, pal_var b) { return pal_record(NULL, &op_##name, (pal_var[]){a, b}, 2, NULL); }
#include "ops/elementwise.def"

/* ---- The family ----------------------------------------------------------------------------------------------- */

#define ROW(name) &op_##name,
static const pal_op *const ops[] = {
    &pal__op_add,
    &pal__op_copy,
#include "ops/elementwise.def"
    &pal__op_where,
    &pal__op_cast,
};
const pal__family pal__family_elementwise = {ops, PAL_COUNT(ops)};
