/* elementwise.c - makes descriptors and functions of the rows of elementwise.def, and the few elementwise operations
 * whose operands differ in type: where and cast. */
#include "ops/internal.h"

#include <math.h>
#include <string.h>

/* ---- Helpers that rows are written with ---------------------------------------------------------------------------
 */

pal_var pal_like(pal_var x, double value) { return pal_fill(x.tape, pal_dtype_of(x), PAL_SCALAR, value); }
pal_var pal_scale(pal_var x, double factor) { return pal_mul(x, pal_like(x, factor)); }
pal_var pal_shift(pal_var x, double addend) { return pal_add(x, pal_like(x, addend)); }
pal_var pal_one_minus(pal_var x) { return pal_sub(pal_like(x, 1), x); }
pal_var pal_lerp(pal_var a, pal_var b, double t) { return pal_add(a, pal_scale(pal_sub(b, a), t)); }

/* The adjoint of the operand that max (or, swapped, min) took: all of it, half of it on a tie, or nothing. */
static pal_var pal__extreme_adjoint(pal_var g, pal_var taken, pal_var other)
{
    pal_var tie = pal_where(pal_equal(taken, other), pal_scale(g, 0.5), pal_like(g, 0));
    return pal_where(pal_greater(taken, other), g, tie);
}

/* ---- Rewrites, exact: neutral operands ----------------------------------------------------------------------------
 */

#define UNARY(name, ...)   static const pal_op op_##name;
#define STEP(name, ...)    static const pal_op op_##name;
#define BINARY(name, ...)  static const pal_op op_##name;
#define COMPARE(name, ...) static const pal_op op_##name;
#include "ops/elementwise.def"
#undef UNARY
#undef STEP
#undef BINARY
#undef COMPARE

/* x + 0 is not here: it would lose the sign of -0. */
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

/* Twice the negative, bit for bit. */
static pal_var rewrite_unary(const pal_rule *r, bool rounding)
{
    (void)rounding;
    if (r->op == &op_neg && pal_op_of(r->in[0]) == &op_neg) return pal_operand(r->in[0], 0);
    return (pal_var){0};
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------
 */

#define SMOOTH                                                                                                         \
    (pal_var) { 0 }

#define UNARY(name, ...)   PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, name)
#define STEP(name, ...)    PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, name)
#define BINARY(name, ...)  PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, name)
#define COMPARE(name, ...) PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, name)
#include "ops/elementwise.def"
#undef UNARY
#undef STEP
#undef BINARY
#undef COMPARE

static bool infer_compare(pal_infer *r)
{
    if (!pal_infer_same(r)) return false;
    r->dtype = PAL_BOOL;
    return true;
}

/* A comparison has no derivative to check by itself: what it selects has. */
static pal_var case_compare(pal_tape *t, const pal_var *in, const void *user)
{
    const pal_op *const *op = user;
    return pal_where(pal_record(t, *op, in, 2, NULL), pal_mul(in[0], in[1]), pal_sub(in[0], in[1]));
}

#define RULE(name, adjoint)                                                                                            \
    static pal_var vjp_##name(const pal_rule *r, size_t k)                                                             \
    {                                                                                                                  \
        pal_var x = r->in[0], a = x, b = r->in[r->n - 1], y = r->out, g = r->seed;                                     \
        (void)x, (void)a, (void)b, (void)y, (void)g, (void)k;                                                          \
        return adjoint;                                                                                                \
    }
#define KINK(name, kink)                                                                                               \
    static pal_var kink_##name(const pal_rule *r)                                                                      \
    {                                                                                                                  \
        pal_var x = r->in[0], a = x, b = r->in[r->n - 1];                                                              \
        (void)x, (void)a, (void)b;                                                                                     \
        return kink;                                                                                                   \
    }
#define COMMON(NAME, FORMULA, SUMMARY)                                                                                 \
    PAL_OP_HEAD(#NAME, FORMULA, SUMMARY), .op_class = PAL_CLASS_ELEMENTWISE, .tile = PAL_EACH_ISA(PAL_REAL_TILES, NAME)

#define UNARY(name, formula_, value, adjoint, low_, high_, kink, summary_)                                             \
    RULE(name, adjoint)                                                                                                \
    KINK(name, kink)                                                                                                   \
    static const pal_op op_##name = {COMMON(name, formula_, summary_), .arity = 1,        .infer = pal_infer_same,     \
                                     .derivative = {PAL_HAS_RULE},     .vjp = vjp_##name, .decision = kink_##name,     \
                                     .rewrite = rewrite_unary,         .low = {low_},     .high = {high_}};            \
    pal_var pal_##name(pal_var x) { return pal_record(NULL, &op_##name, &x, 1, NULL); }
#define STEP(name, formula_, value, low_, high_, kink, summary_)                                                       \
    KINK(name, kink)                                                                                                   \
    static const pal_op op_##name = {                                                                                  \
        COMMON(name, formula_, summary_), .arity = 1,    .infer = pal_infer_same, .derivative = {PAL_ZERO_DERIVATIVE}, \
        .decision = kink_##name,          .low = {low_}, .high = {high_}};                                             \
    pal_var pal_##name(pal_var x) { return pal_record(NULL, &op_##name, &x, 1, NULL); }
#define BINARY(name, formula_, value, adjoint_a, adjoint_b, low_, high_, kink, summary_)                               \
    RULE(name, k == 0 ? adjoint_a : adjoint_b)                                                                         \
    KINK(name, kink)                                                                                                   \
    static const pal_op op_##name = {COMMON(name, formula_, summary_),                                                 \
                                     .arity = 2,                                                                       \
                                     .infer = pal_infer_same,                                                          \
                                     .derivative = {PAL_HAS_RULE, PAL_HAS_RULE},                                       \
                                     .vjp = vjp_##name,                                                                \
                                     .decision = kink_##name,                                                          \
                                     .rewrite = rewrite_neutral,                                                       \
                                     .low = {low_, low_},                                                              \
                                     .high = {high_, high_}};                                                          \
    pal_var pal_##name(pal_var a, pal_var b) { return pal_record(NULL, &op_##name, (pal_var[]){a, b}, 2, NULL); }
#define COMPARE(name, formula_, value, summary_)                                                                       \
    KINK(name, pal_greater(a, b))                                                                                      \
    static const pal_op *const self_##name = &op_##name;                                                               \
    static const pal_case cases_##name[] = {{.label = "selects",                                                       \
                                             .n = 2,                                                                   \
                                             .in = {{{2, {3, 4}}, -3, 3}, {{1, {4}}, -3, 3}},                          \
                                             .build = case_compare,                                                    \
                                             .user = &self_##name}};                                                   \
    static const pal_op op_##name = {COMMON(name, formula_, summary_),                                                 \
                                     .arity = 2,                                                                       \
                                     .infer = infer_compare,                                                           \
                                     .derivative = {PAL_ZERO_DERIVATIVE},                                              \
                                     .decision = kink_##name,                                                          \
                                     .cases = cases_##name,                                                            \
                                     .n_cases = 1,                                                                     \
                                     .low = {-3, -3},                                                                  \
                                     .high = {3, 3}};                                                                  \
    pal_var pal_##name(pal_var a, pal_var b) { return pal_record(NULL, &op_##name, (pal_var[]){a, b}, 2, NULL); }
#include "ops/elementwise.def"
#undef UNARY
#undef STEP
#undef BINARY
#undef COMPARE

/* ---- where --------------------------------------------------------------------------------------------------------
 */

PAL_DECLARE_EACH_ISA(PAL_DECLARE_TILE, where)

static bool infer_where(pal_infer *r)
{
    if (r->dtypes[0] != PAL_BOOL) return pal_infer_fail(r, "the condition is to be boolean");
    if (r->dtypes[1] != r->dtypes[2] || !pal_dtype_real(r->dtypes[1]))
        return pal_infer_fail(r, "both choices are to be of one real type");
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

static const pal_case cases_where[] = {
    {.label = "equal shapes",
     .n = 3,
     .in = {{{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}, {{2, {3, 4}}, -2, 2}},
     .build = case_where},
    {.label = "broadcast",
     .n = 3,
     .in = {{{2, {3, 1}}, -2, 2}, {{1, {4}}, -2, 2}, {{0, {0}}, -2, 2}},
     .build = case_where},
};

static const pal_op op_where = {COMMON(where, "c ? a : b", "one of two values by a boolean; none from the boolean"),
                                .arity = 3,
                                .infer = infer_where,
                                .derivative = {PAL_ZERO_DERIVATIVE, PAL_HAS_RULE, PAL_HAS_RULE},
                                .vjp = vjp_where,
                                .cases = cases_where,
                                .n_cases = PAL_COUNT(cases_where)};

pal_var pal_where(pal_var condition, pal_var a, pal_var b)
{
    return pal_record(NULL, &op_where, (pal_var[]){condition, a, b}, 3, NULL);
}

/* ---- cast ---------------------------------------------------------------------------------------------------------
 */

static bool infer_cast(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = (pal_dtype)r->params->i[0];
    return (pal_dtype_size(r->dtype) && r->dtype != PAL_BF16) || pal_infer_fail(r, "no such element type");
}

static pal_var vjp_cast(const pal_rule *r, size_t k) { return pal_cast(r->seed, pal_dtype_of(r->in[k])); }

static pal_var rewrite_cast(const pal_rule *r, bool rounding)
{
    (void)rounding;
    return pal_dtype_of(r->in[0]) == (pal_dtype)r->params->i[0] ? r->in[0] : (pal_var){0};
}

static double read_as_double(pal_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case PAL_F32:
        return (double)((const float *)data)[i];
    case PAL_F64:
        return ((const double *)data)[i];
    case PAL_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

/* Out of an integer's range gives its nearest end, and NaN gives 0: C leaves both undefined. */
static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x == x ? x : 0; }

/* One loop a pair of types would be faster; casts are rare and their cost is that of the loads. */
static void cast_tile(pal_dtype from, size_t n, void *out, const void *in, pal_dtype to)
{
    for (size_t i = 0; i < n; i++) {
        double x = read_as_double(from, in, i);
        switch (to) {
        case PAL_F32:
            ((float *)out)[i] = (float)x;
            break;
        case PAL_F64:
            ((double *)out)[i] = x;
            break;
        case PAL_I32:
            ((int32_t *)out)[i] = (int32_t)clamp(x, INT32_MIN, INT32_MAX);
            break;
        case PAL_U8:
            ((uint8_t *)out)[i] = (uint8_t)clamp(x, 0, UINT8_MAX);
            break;
        default:
            ((uint8_t *)out)[i] = x != 0;
            break;
        }
    }
}

#define CAST(FROM)                                                                                                     \
    static void cast_##FROM(size_t n, void *out, const void *const *in, const pal_tile *tile)                          \
    {                                                                                                                  \
        cast_tile(PAL_##FROM, n, out, in[0], (pal_dtype)tile->params->i[0]);                                           \
    }
CAST(F32)
CAST(F64)
CAST(I32)
CAST(U8)
CAST(BOOL)
#undef CAST

static pal_var case_cast(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cast(in[0], PAL_F64);
}

static const pal_case cases_cast[] = {
    {.label = "to its own type", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_cast}};

static const pal_op op_cast = {PAL_OP_HEAD("cast", "x in another element type", "changes the element type"),
                               .op_class = PAL_CLASS_ELEMENTWISE,
                               .arity = 1,
                               .n_ints = 1,
                               .infer = infer_cast,
                               .derivative = {PAL_HAS_RULE},
                               .vjp = vjp_cast,
                               .rewrite = rewrite_cast,
                               .tile = {[PAL_ISA_BASELINE] = {[PAL_F32] = cast_F32,
                                                              [PAL_F64] = cast_F64,
                                                              [PAL_I32] = cast_I32,
                                                              [PAL_U8] = cast_U8,
                                                              [PAL_BOOL] = cast_BOOL}},
                               .cases = cases_cast,
                               .n_cases = 1};

pal_var pal_cast(pal_var x, pal_dtype dtype)
{
    pal_params p = {.i[0] = (int64_t)dtype};
    return pal_record(x.tape, &op_cast, &x, 1, &p);
}

/* ---- The family ---------------------------------------------------------------------------------------------------
 */

static const pal_op *const ops[] = {
    &pal__op_add,
    &pal__op_copy,
#define UNARY(name, ...)   &op_##name,
#define STEP(name, ...)    &op_##name,
#define BINARY(name, ...)  &op_##name,
#define COMPARE(name, ...) &op_##name,
#include "ops/elementwise.def"
    &op_where,
    &op_cast,
};
const pal__family pal__family_elementwise = {ops, PAL_COUNT(ops)};
