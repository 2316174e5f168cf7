/* elementwise_cast.c - cast: converts values to another element type. Integers saturate. */
#include "ops/elementwise.h"

static bool infer_cast(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = (pal_dtype)r->params->i[0];
    return (pal_dtype_size(r->dtype) && r->dtype != PAL_BF16) || pal_infer_fail(r, "cannot cast to that element type");
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

/* A number outside of the integer's range becomes the nearest limit, and NaN becomes 0. In C both are undefined. */
static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x == x ? x : 0; }

/* One loop per pair of types would be faster, but casts are rare, and loading the values dominates their cost. */
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

/* clang-format off */
const pal_op pal__op_cast = {
    PAL_OP_HEAD("cast", "x in another element type", "changes the element type"),
    .op_class = PAL_CLASS_ELEMENTWISE, .capabilities = PAL_PLUMBING, .arity = 1, .n_ints = 1,
    .infer = infer_cast, .derivative = {PAL_HAS_RULE}, .vjp = vjp_cast, .rewrite = rewrite_cast,
    .tile = {[PAL_ISA_BASELINE] = {[PAL_F32] = cast_F32, [PAL_F64] = cast_F64, [PAL_I32] = cast_I32,
                                   [PAL_U8] = cast_U8, [PAL_BOOL] = cast_BOOL}},
    .cases = cases_cast, .n_cases = 1};
/* clang-format on */

pal_var pal_cast(pal_var x, pal_dtype dtype)
{
    pal_params p = {.i[0] = (int64_t)dtype};
    return pal_record(x.tape, &pal__op_cast, &x, 1, &p);
}
