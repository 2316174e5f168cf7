/* test_elementwise.c - the elementwise operations.
 *
 * Every row of elementwise.def and its first derivative are compared with the C library at extreme arguments, in both
 * types, on every instruction set. Also: known values of special functions, conventions at kinks, bad parameters. */
#include "tests/ops/elementwise_oracles.h"
#include "tests/testing.h"

#include <float.h>
#include <math.h>
#include <string.h>

static bool is_row(const pal_op *op)
{
    return op->op_class == PAL_CLASS_ELEMENTWISE && op->source && strstr(op->source, "elementwise.def");
}

/* ---- At extreme arguments ------------------------------------------------------------------------------------- */

enum { ARGUMENTS = 31, PAIRS = ARGUMENTS * ARGUMENTS };

/* The i-th argument. The tiny ones depend on the type, and all are rounded to it. */
static double argument(size_t i, pal_dtype dtype)
{
    static const double x[] = {0, -0.0, 0, 0,  0.25, -0.25, 0.5, -0.5, 0.75, 1,    -1,    1.5,  -1.5,  2, -2.5, 2.5,
                               3, -3,   6, -6, 10.5, -10.5, 30,  -30,  -60,  1000, -1000, 1e30, -1e30, 0, 0};
    double tiny = dtype == PAL_F32 ? 1e-30 : 1e-300;
    double v = i == 2 ? tiny : i == 3 ? -tiny : i == 29 ? (double)INFINITY : i == 30 ? -(double)INFINITY : x[i];
    return dtype == PAL_F32 ? (double)(float)v : v;
}

typedef struct answers { /* value, slopes, second derivatives (twice by the same operand) */
    double at[5][PAIRS + 1];
} answers;

/* The operands of pair number e. The number after the last pair gives NaN and 1. */
static void operands(const pal_op *op, size_t e, pal_dtype dtype, double *a, double *b)
{
    size_t n = op->arity == 1 ? ARGUMENTS : PAIRS;
    *a = e == n ? (double)NAN : argument(op->arity == 1 ? e : e / ARGUMENTS, dtype);
    *b = e == n || op->arity == 1 ? 1 : argument(e % ARGUMENTS, dtype);
    if (!op->tile[PAL_ISA_BASELINE][dtype]) *a = !(*a > 0), *b = *b > 1; /* booleans */
}

static size_t evaluate(pal_context *c, const pal_op *op, pal_dtype dtype, answers *out)
{
    size_t n = (op->arity == 1 ? ARGUMENTS : PAIRS) + 1, arity = (size_t)op->arity, found = 1;
    pal_tape *t = pal_tape_new(c, dtype);
    pal_tensor *tensor[2];
    pal_var in[2], x[2], y, g[2], h[2], outputs[5];
    for (size_t k = 0; k < 2; k++) tensor[k] = pal_tensor_new(c, dtype, PAL_SHAPE((int64_t)n));
    for (size_t e = 0; e < n; e++) {
        double a, b;
        operands(op, e, dtype, &a, &b);
        pal_tensor_set(tensor[0], e, a);
        pal_tensor_set(tensor[1], e, b);
    }
    for (size_t k = 0; k < 2; k++) {
        x[k] = pal_leaf(t, tensor[k], k ? "b" : "a");
        in[k] = op->tile[PAL_ISA_BASELINE][dtype] ? x[k] : pal_cast(x[k], PAL_BOOL);
    }
    outputs[0] = y = pal_record(t, op, in, arity, op->sample);
    if (op->derivative[0] == PAL_HAS_RULE) {
        pal_var ones = pal_fill(t, dtype, PAL_SHAPE((int64_t)n), 1);
        ck_assert_int_eq(pal_vjp(y, ones, x, arity, g), PAL_OK);
        for (size_t k = 0; k < arity; k++) {
            ck_assert_int_eq(pal_vjp(g[k], ones, &x[k], 1, &h[k]), PAL_OK);
            outputs[1 + k] = g[k];
            outputs[1 + arity + k] = h[k];
        }
        found = 1 + 2 * arity;
    }
    for (size_t i = 0; i < found; i++) outputs[i] = pal_cast(outputs[i], PAL_F64);
    pal_program *p = pal_compile(t, outputs, found, NULL);
    ck_assert_msg(p != NULL, "%s: %s", op->name, pal_tape_error(t));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (size_t i = 0; i < found; i++) memcpy(out->at[i], pal_output(p, i)->data, n * sizeof(double));
    pal_program_free(p);
    pal_tape_free(t);
    for (size_t k = 0; k < 2; k++) pal_tensor_free(tensor[k]);
    return found;
}

/* Whether got agrees with want. scale: magnitude of the terms that are summed, for errors relative to them. */
static bool agrees(double got, double want, pal_dtype dtype, double tolerance, double scale)
{
    if (want == UNSAID) return true;
    double least = dtype == PAL_F32 ? (double)FLT_MIN : DBL_MIN;
    if (dtype == PAL_F32) want = (double)(float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= tolerance * fmax(fabs(want), scale) + least;
}

/* Whether the slope is accurate only relative to 1: tanh, sigmoid and mish compute it from 1 minus a number, and
 * digamma has zeros. */
static bool beside_one(const pal_op *op)
{
    static const char *const names[] = {"tanh", "sigmoid", "mish", "digamma"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(op->name, names[i])) return true;
    return false;
}

static void check_at(const pal_op *op, const char *isa, pal_dtype dtype, size_t found, const answers *got, size_t e)
{
    const struct oracle *o = oracle_of(op);
    double a, b, p = op->sample ? op->sample->r[0] : 0, q = op->sample ? op->sample->r[1] : 0;
    operands(op, e, dtype, &a, &b);
    if (dtype == PAL_F32) p = (double)(float)p, q = (double)(float)q;
    bool single = dtype == PAL_F32;
    double scale = op->arity == 2 ? fmin(1, fmax(fabs(a), fabs(b))) : !strcmp(op->name, "digamma");
    double want = o->value(a, b, p, q), value = got->at[0][e];
    ck_assert_msg(agrees(value, want, dtype, single ? 1e-6 : 2e-14, scale), "%s of %g, %g on %s, %s: %.17g, not %.17g",
                  op->name, a, b, isa, pal_dtype_name(dtype), value, want);
    if (want == 0 && value == 0)
        ck_assert_msg(!signbit(want) == !signbit(value), "%s of %g, %g on %s: the sign of 0", op->name, a, b, isa);
    for (int k = 0; found > 1 && k < op->arity && !isnan(want); k++) {
        double slope = o->slope[k](a, b, p, q), is = got->at[1 + k][e];
        ck_assert_msg(agrees(is, slope, dtype, single ? 1e-5 : 1e-12, fmax(scale, beside_one(op))),
                      "derivative %d of %s at %g, %g on %s, %s: %.17g, not %.17g", k + 1, op->name, a, b, isa,
                      pal_dtype_name(dtype), is, slope);
        /* If argument, value and slope are finite, the second derivative is not NaN. */
        if (op->arity == 1 && isfinite(a) && isfinite(is) && a != 0 && isfinite(got->at[0][e]))
            ck_assert_msg(!isnan(got->at[1 + op->arity + k][e]), "second derivative of %s at %g on %s, %s", op->name, a,
                          isa, pal_dtype_name(dtype));
    }
}

START_TEST(rows_at_extreme_arguments)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    static const pal_dtype dtypes[] = {PAL_F32, PAL_F64};
    static answers got;
    pal_context *c = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .isa = isas[_i / 2]});
    if (!c) return; /* the processor lacks these instructions */
    size_t rows = 0;
    for (size_t i = 0; pal_op_at(i); i++) {
        const pal_op *op = pal_op_at(i);
        if (!is_row(op)) continue;
        const struct oracle *o = oracle_of(op);
        ck_assert(!o || o->arity == op->arity);
        size_t found = evaluate(c, op, dtypes[_i % 2], &got), n = op->arity == 1 ? ARGUMENTS : PAIRS;
        for (size_t e = 0; e < n && o; e++) check_at(op, isas[_i / 2], dtypes[_i % 2], found, &got, e);
        if (op->infer != pal_op_find("less")->infer && op->tile[PAL_ISA_BASELINE][PAL_F32] && op->arity == 1)
            ck_assert_msg(isnan(got.at[0][n]), "%s of NaN is %g", op->name, got.at[0][n]);
        rows += o != NULL;
    }
    ck_assert_uint_eq(rows, sizeof oracles / sizeof *oracles);
    pal_context_free(c);
}
END_TEST

/* ---- Single operations ---------------------------------------------------------------------------------------- */

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with_subnormals(1);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

static double value_at(pal_var (*f)(pal_var), double x)
{
    double out;
    ck_assert_int_eq(pal_eval(f(pal_constant(t, x)), &out), PAL_OK);
    return out;
}

/* The derivative of f at x of the given order. */
static double derivative(pal_var (*f)(pal_var), double x, int order)
{
    pal_tape *tape = pal_tape_new(c, PAL_F64);
    pal_tensor *one = pal_tensor_new(c, PAL_F64, PAL_SCALAR);
    pal_tensor_set(one, 0, x);
    pal_var v = pal_leaf(tape, one, "x"), y = f(v);
    double out;
    for (int i = 0; i < order; i++) ck_assert_int_eq(pal_grad(y, &v, 1, &y), PAL_OK);
    ck_assert_int_eq(pal_eval(y, &out), PAL_OK);
    pal_tape_free(tape);
    pal_tensor_free(one);
    return out;
}

#define NEAR(got, want, tolerance)                                                                                     \
    do {                                                                                                               \
        double got_ = got, want_ = want;                                                                               \
        ck_assert_msg(got_ == want_ || fabs(got_ - want_) <= (tolerance)*fmax(fabs(want_), 1e-300),                    \
                      #got ": %.17g, not %.17g", got_, want_);                                                         \
    } while (0)

static pal_var trigamma(pal_var x) { return pal_polygamma(x, 1); }
static pal_var tetragamma(pal_var x) { return pal_polygamma(x, 2); }
static pal_var pentagamma(pal_var x) { return pal_polygamma(x, 3); }
static pal_var zerogamma(pal_var x) { return pal_polygamma(x, 0); }

START_TEST(special_functions_known_values)
{
    const double euler = 0.57721566490153286061, zeta3 = 1.2020569031595942854, catalan = 0.91596559417721901505;
    NEAR(value_at(pal_digamma, 1), -euler, 1e-15);
    NEAR(value_at(pal_digamma, 0.5), -euler - 2 * M_LN2, 1e-15);
    NEAR(value_at(pal_digamma, 0.25), -euler - M_PI / 2 - 3 * M_LN2, 1e-15);
    NEAR(value_at(pal_digamma, -0.5), 0.03648997397857652056, 1e-13);
    NEAR(value_at(pal_digamma, 10), 2.2517525890667211076, 1e-15);
    NEAR(value_at(zerogamma, 2.5), value_at(pal_digamma, 2.5), 0);
    NEAR(value_at(trigamma, 1), M_PI * M_PI / 6, 1e-15);
    NEAR(value_at(trigamma, 0.5), M_PI * M_PI / 2, 1e-15);
    NEAR(value_at(trigamma, 0.25), M_PI * M_PI + 8 * catalan, 1e-15);
    NEAR(value_at(trigamma, -0.5), M_PI * M_PI / 2 + 4, 1e-15);
    NEAR(value_at(tetragamma, 1), -2 * zeta3, 2e-15);
    NEAR(value_at(tetragamma, 0.5), -14 * zeta3, 2e-15);
    NEAR(value_at(pentagamma, 1), pow(M_PI, 4) / 15, 2e-15);
    NEAR(value_at(pal_lgamma, 0.5), 0.5 * log(M_PI), 1e-15);
    NEAR(value_at(pal_lgamma, 5), log(24), 1e-15);
    NEAR(derivative(pal_lgamma, 1, 2), M_PI * M_PI / 6, 1e-15);
    NEAR(derivative(pal_lgamma, 1, 4), pow(M_PI, 4) / 15, 1e-14);
    NEAR(value_at(pal_erf, 1), 0.84270079294971486934, 1e-15);
    NEAR(value_at(pal_erfc, 10), 2.0884875837625447570e-45, 1e-14);
    NEAR(value_at(pal_normal_cdf, -10), 7.6198530241605260660e-24, 1e-14);
    NEAR(value_at(pal_normal_cdf, -37), 5.7255712225245768227e-300, 1e-14);
    NEAR(value_at(pal_normal_cdf, 1.96), 0.97500210485177960, 1e-15);
    NEAR(value_at(pal_gelu, 1), 0.84134474606854294859, 1e-15);
    NEAR(value_at(pal_mish, 1), 0.86509838826731034612, 1e-15);
    NEAR(derivative(pal_mish, 0, 1), 0.6, 1e-15);
    NEAR(derivative(pal_silu, 0, 1), 0.5, 0);
    NEAR(derivative(pal_gelu, 0, 2), M_2_SQRTPI * M_SQRT1_2, 1e-15);
    NEAR(value_at(pal_cbrt, -27), -3, 1e-15);
    NEAR(value_at(pal_log2, 1024), 10, 0);
    NEAR(value_at(pal_exp2, 10), 1024, 0);
}
END_TEST

/* Functions that are defined by differences of nearly equal numbers keep their relative accuracy. */
START_TEST(accurate_where_sums_would_cancel)
{
    for (double x = 1e-12; x < 0.4; x *= 7) {
        NEAR(value_at(pal_log1mexp, x), log(-expm1(-x)), 1e-14);
        NEAR(value_at(pal_log1mexp, -log(x)), log1p(-x), 1e-13);
        NEAR(value_at(pal_logit, 0.5 + x), 2 * atanh(2 * ((0.5 + x) - 0.5)), 1e-14);
        NEAR(value_at(pal_logit, x), log(x) - log1p(-x), 1e-14);
        NEAR(derivative(pal_asin, 1 - x, 1), 1 / sqrt((1 - (1 - x)) * (1 + (1 - x))), 1e-14);
        NEAR(derivative(pal_log1mexp, x, 1), 1 / expm1(x), 1e-13);
    }
    NEAR(derivative(pal_log1mexp, 700, 1), exp(-700), 1e-12);
    NEAR(derivative(pal_log1mexp, 700, 2), -exp(-700), 1e-12);
    NEAR(derivative(pal_silu, -30, 1), logistic(-30) * (1 - 30 * logistic(30)), 1e-12);
}
END_TEST

static pal_var leaky(pal_var x) { return pal_leaky_relu(x, 0.1); }
static pal_var leaky_upward(pal_var x) { return pal_leaky_relu(x, -2); }
static pal_var elu2(pal_var x) { return pal_elu(x, 2); }
static pal_var celu2(pal_var x) { return pal_celu(x, 2); }
static pal_var clip2(pal_var x) { return pal_clip(x, -1, 2); }
static pal_var clip_left(pal_var x) { return pal_clip(x, -(double)INFINITY, 2); }
static pal_var shrink(pal_var x) { return pal_soft_shrink(x, 1); }
static pal_var to_power(pal_var x) { return pal_pow(x, pal_like(x, 2)); }
static pal_var to_first(pal_var x) { return pal_pow(x, pal_like(x, 1)); }
static pal_var to_zeroth(pal_var x) { return pal_pow(x, pal_like(x, 0)); }
static pal_var of_zero(pal_var x) { return pal_pow(pal_like(x, 0), x); }
static pal_var over_origin(pal_var x) { return pal_hypot(x, pal_mul(x, pal_like(x, 0))); }
static pal_var angle_at_origin(pal_var x) { return pal_atan2(x, pal_mul(x, pal_like(x, 0))); }
static pal_var entropy(pal_var x) { return pal_xlogy(x, x); }
static pal_var with_sign(pal_var x) { return pal_copysign(x, pal_like(x, -1)); }
static pal_var max_self(pal_var x) { return pal_max(x, pal_like(x, 3)); }

START_TEST(conventions_at_kinks)
{
    static const struct {
        pal_var (*f)(pal_var);
        double x, slope;
    } table[] = {
        {pal_abs, 0, 0},
        {pal_relu, 0, 0},
        {pal_relu6, 0, 0},
        {pal_relu6, 6, 0},
        {pal_hard_tanh, -1, 0},
        {pal_hard_tanh, 1, 0},
        {pal_hard_sigmoid, -3, 0},
        {pal_hard_sigmoid, 3, 0},
        {pal_hard_silu, -3, 0},
        {pal_hard_silu, 3, 1},
        {pal_softsign, 0, 1},
        {leaky, 0, 0.1},
        {leaky_upward, 0, -2},
        {elu2, 0, 2},
        {celu2, 0, 1},
        {clip2, -1, 1},
        {clip2, 2, 1},
        {clip2, 2.1, 0},
        {clip_left, 2, 1},
        {clip_left, -1e30, 1},
        {shrink, 1, 0},
        {shrink, -1, 0},
        {shrink, 1.1, 1},
        {pal_floor, 1, 0},
        {pal_ceil, 1, 0},
        {pal_round, 0.5, 0},
        {pal_trunc, 1, 0},
        {pal_sign, 0, 0},
        {max_self, 3, 0.5},
        {to_power, 0, 0},
        {to_first, 0, 1},
        {to_zeroth, 0, 0},
        {of_zero, 0, 0},
        {of_zero, 2, 0},
        {over_origin, 0, 0},
        {angle_at_origin, 0, 0},
        {with_sign, 0, 0},
        {with_sign, 2, -1},
        {with_sign, -2, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        double got = derivative(table[i].f, table[i].x, 1);
        ck_assert_msg(got == table[i].slope, "row %zu: %g, not %g", i, got, table[i].slope);
    }
    NEAR(derivative(pal_selu, 0, 1), 1.0507009873554805 * 1.6732632423543772, 1e-15);
    /* Higher derivatives at 0 are right too, for powers and one-sided exponentials. */
    ck_assert_double_eq(derivative(to_power, 0, 2), 2);
    ck_assert_double_eq(derivative(to_power, 0, 3), 0);
    ck_assert_double_eq(derivative(to_first, 0, 2), 0);
    ck_assert_double_eq(derivative(elu2, 0, 2), 2);
    ck_assert_double_eq(derivative(elu2, 1000, 2), 0);
    ck_assert_double_eq(derivative(celu2, -2e30, 2), 0);
    ck_assert_double_eq(derivative(pal_softsign, 0, 2), 0);
    ck_assert_double_eq(value_at(entropy, 0), 0);
    ck_assert_double_eq(derivative(entropy, 2, 2), 0.5);
    const double halves[] = {0.5, 1.5, 2.5, -0.5, -1.5}, even[] = {0, 2, 2, 0, -2};
    for (size_t i = 0; i < 5; i++) ck_assert_double_eq(value_at(pal_round, halves[i]), even[i]);
}
END_TEST

START_TEST(bad_parameters_are_refused)
{
    pal_var x = pal_constant(t, 1);
    const double nan_ = (double)NAN, inf = (double)INFINITY;
    ck_assert_refused(t, pal_clip(x, 2, 1), "clip: []: needs low <= high");
    ck_assert_refused(t, pal_clip(x, nan_, 1), "clip: []: needs low <= high");
    ck_assert_refused(t, pal_clip(x, 0, nan_), "clip: []: needs low <= high");
    ck_assert_refused(t, pal_leaky_relu(x, nan_), "leaky_relu: []: needs isfinite(slope)");
    ck_assert_refused(t, pal_leaky_relu(x, inf), "leaky_relu: []: needs isfinite(slope)");
    ck_assert_refused(t, pal_elu(x, nan_), "elu: []: needs isfinite(alpha)");
    ck_assert_refused(t, pal_celu(x, 0), "celu: []: needs isfinite(alpha) && alpha > 0");
    ck_assert_refused(t, pal_soft_shrink(x, -1), "soft_shrink: []: needs isfinite(lambda) && lambda >= 0");
    const char *order = "polygamma: []: needs order >= 0 && order <= 1000 && order == floor(order)";
    ck_assert_refused(t, pal_polygamma(x, -1), order);
    ck_assert_refused(t, pal_polygamma(x, 1.5), order);
    ck_assert_refused(t, pal_polygamma(x, nan_), order);
    ck_assert_refused(t, pal_polygamma(x, inf), order);
    ck_assert_refused(t, pal_logical_and(x, x), "logical_and: [] x []: the operands must be boolean");
    ck_assert_refused(t, pal_logical_not(x), "logical_not: []: the operands must be boolean");
    pal_var yes = pal_greater(x, x);
    ck_assert_refused(t, pal_is_nan(yes), "is_nan: []: operands must be of one real type, not bool and bool");
    ck_assert_refused(t, pal_clip(yes, 0, 1), "clip: []: operands must be of one real type, not bool and bool");
    ck_assert(!pal_ok(pal_clip((pal_var){0}, 0, 1)) && !pal_ok(pal_logical_not((pal_var){0})));
}
END_TEST

/* Entries that differ only by their parameters are not merged as common subexpressions. */
START_TEST(parameters_tell_entries_apart)
{
    pal_var x = pal_constant(t, -3),
            y[] = {pal_leaky_relu(x, 0.5), pal_leaky_relu(x, 0.25), pal_clip(x, -1, 1), pal_clip(x, -2, 1)};
    const double want[] = {-1.5, -0.75, -1, -2};
    pal_program *p = pal_compile(t, y, 4, NULL);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (size_t i = 0; i < 4; i++) ck_assert_double_eq(pal_tensor_get(pal_output(p, i), 0), want[i]);
    pal_program_free(p);
}
END_TEST

/* A row of elementwise.def can be differentiated twice inside the body of a region. */
static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    (void)tape, (void)k;
    return pal_gelu(pal_elu(*(const pal_var *)user, 0.5));
}

START_TEST(derivatives_inside_regions)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5), -2, 2, "x");
    pal_var v = pal_leaf(t, x, "x"), ones = pal_fill(t, PAL_F64, PAL_SHAPE(5), 1), g[2];
    pal_var y[] = {pal_map_sum(t, 3, body, &v), pal_scale(body(t, v, &v), 3)};
    double out[2][5];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_vjp(y[i], ones, &v, 1, &g[i]) | pal_vjp(g[i], ones, &v, 1, &g[i]), PAL_OK);
        ck_assert_int_eq(pal_eval(g[i], out[i]), PAL_OK);
    }
    for (int i = 0; i < 5; i++) ck_assert_double_eq_tol(out[0][i], out[1][i], 1e-14);
    pal_tensor_free(x);
}
END_TEST

Suite *elementwise_suite(void)
{
    Suite *s = suite_create("elementwise");
    TCase *k = add_case(s, "by themselves", setup, teardown,
                        TESTS(special_functions_known_values, accurate_where_sums_would_cancel, conventions_at_kinks,
                              bad_parameters_are_refused, parameters_tell_entries_apart, derivatives_inside_regions));
    tcase_add_loop_test(k, rows_at_extreme_arguments, 0, 6); /* 3 instruction sets, 2 types */
    return s;
}
