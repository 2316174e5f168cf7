/* test_gradcheck_steps.c - the steps that the gradient checker chooses. Functions of any scale, near the edges of their
 * domains, pass with right derivatives and fail with slightly wrong ones. Kinks and what cannot be decided are named.
 */
#include "tests/autograd/checks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Functions ------------------------------------------------------------------------------------------------ */

static pal_var sin_100(pal_var x) { return pal_sin(pal_scale(x, 100)); }
static pal_var cos_100(pal_var x) { return pal_cos(pal_scale(x, 100)); }
static pal_var exp_20(pal_var x) { return pal_exp(pal_scale(x, 20)); }
static pal_var tenth(pal_var x) { return pal_exp(pal_scale(pal_log(x), 0.1)); } /* x^0.1 */
static pal_var log_and_root(pal_var x) { return pal_add(pal_log(x), pal_sqrt(x)); }
static pal_var wide(pal_var x) { return pal_div(pal_square(x), pal_shift(pal_abs(x), 1)); }

enum { POINTS = 5 };
typedef struct example {
    const char *name;
    pal_var (*right)(pal_var x);
    pal_var (*neighbour)(pal_var x); /* another function, whose derivative is easily mistaken for the right one */
    size_t n;
    double at[POINTS];
} example;

/* clang-format off */
static const example examples[] = {
    {"log",               pal_log,        pal_log1p,      5, {0.01, 0.003, 1e-6, 1e-12, 0.5}},
    {"log, huge",         pal_log,        pal_sqrt,       3, {1e6, 1e12, 1e100}},
    {"1/x",               pal_reciprocal, pal_rsqrt,      4, {0.001, 0.002, 1e-6, 0.7}},
    {"1/x, negative",     pal_reciprocal, pal_square,     2, {-0.001, -1e-5}},
    {"1/x, huge",         pal_reciprocal, pal_rsqrt,      2, {1e5, 1e8}},
    {"sin 100 x",         sin_100,        cos_100,        5, {0.3, 1, -2, 0.01, 3.3}},
    {"exp 20 x",          exp_20,         pal_exp,        4, {0.5, 1, -0.5, 2}},
    {"sqrt near 0",       pal_sqrt,       pal_cbrt,       4, {1e-3, 1e-5, 1e-8, 1e-15}},
    {"x^0.1 near 0",      tenth,          pal_sqrt,       4, {1e-2, 1e-4, 1e-7, 1e-10}},
    {"log + sqrt, mixed", log_and_root,   pal_log,        5, {1e-6, 1e-3, 1, 1e3, 1e6}},
    {"square, mixed",     pal_square,     pal_abs,        5, {1e-6, -1e-3, 1, -1e3, 1e6}},
    {"atanh near 1",      pal_atanh,      pal_tanh,       4, {0.99, 0.9999, -0.999999, 0.5}},
    {"acosh near 1",      pal_acosh,      pal_asinh,      3, {1.001, 1.00001, 2}},
    {"sin, tiny",         pal_sin,        pal_sinh,       1, {0.2}},
    {"expm1, tiny",       pal_expm1,      pal_square,        3, {1e-12, -1e-7, 0.5}},
    {"square, tiny",      pal_square,     pal_neg,        2, {1e-12, -1e-9}},
    {"sin, huge",         pal_sin,        pal_cos,        3, {1e3, 1e5, -1e6}},
    {"sqrt, huge",        pal_sqrt,       pal_log,        3, {1e6, 1e10, 1e14}},
    {"x^2/(1+|x|), wide", wide,           pal_square,        4, {-1e6, 1e-4, 2, 1e5}},
};
/* clang-format on */
enum { EXAMPLES = sizeof examples / sizeof *examples };

/* ---- Damaged derivatives -------------------------------------------------------------------------------------- */

typedef struct damage {
    const char *name;
    double factor;        /* of the derivative */
    bool neighbour, lost; /* the derivative of the neighbour; x is used twice, and one use is lost */
} damage;
static const damage right = {"right", 1, false, false};
static const damage damages[] = {
    {"flipped sign", -1, false, false},    {"factor 1.001", 1.001, false, false},
    {"factor 0.999", 0.999, false, false}, {"off by 1e-5", 1 + 1e-5, false, false},
    {"neighbour", 1, true, false},         {"lost use", 1, false, true},
};
enum { DAMAGES = sizeof damages / sizeof *damages };

typedef struct subject {
    pal_var (*of)(const pal_var *in, const void *user);
    const void *user;
    const damage *damage;
} subject;

/* The value of y with the derivative of d. */
static pal_var with_derivative_of(pal_var y, pal_var d)
{
    return pal_add(pal_stop_gradient(y), pal_sub(d, pal_stop_gradient(d)));
}

static pal_var example_at(const pal_var *in, const void *user) { return ((const example *)user)->right(in[0]); }

static pal_var op_at(const pal_var *in, const void *user)
{
    const pal_op *op = user;
    return pal_record(NULL, op, in, (size_t)op->arity, op->sample);
}

static pal_var damaged(pal_tape *t, const pal_var *in, const void *user)
{
    const subject *s = user;
    (void)t;
    pal_var y = s->of(in, s->user);
    if (s->damage->lost) return pal_add(y, pal_stop_gradient(y));
    if (s->damage->neighbour) return with_derivative_of(y, ((const example *)s->user)->neighbour(in[0]));
    return s->damage->factor == 1 ? y : with_derivative_of(y, pal_scale(y, s->damage->factor));
}

/* The value and the derivative of y, and a second derivative with the factor of the damage. The factor x - x hides the
 * derivative F = y' from the value; F and this product both add F' to the second derivative. */
static pal_var damaged_twice(pal_tape *t, const pal_var *in, const void *user)
{
    const subject *s = user;
    (void)t;
    pal_var y = s->of(in, s->user), f;
    if (s->damage->factor == 1) return y;
    pal_grad(pal_sum_all(y), in, 1, &f);
    pal_var half = with_derivative_of(f, pal_scale(f, 0.5 * s->damage->factor));
    return pal_add(pal_stop_gradient(y), pal_mul(pal_sub(in[0], pal_stop_gradient(in[0])), half));
}

static pal_gradcheck_report check(const subject *s, pal_tensor *const *in, size_t n, int order)
{
    pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 5};
    pal_gradcheck_report r;
    pal_gradcheck(c, s->damage->name, order == 1 ? damaged : damaged_twice, s, in, n, &o, &r);
    return r;
}

static void expect(const example *e, const damage *d, int order, pal_verdict verdict)
{
    double x[POINTS];
    memcpy(x, e->at, sizeof x);
    pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE((int64_t)e->n), x);
    const subject s = {example_at, e, d};
    pal_gradcheck_report r = check(&s, &in, 1, order);
    ck_assert_msg(r.verdict == verdict, "%s, %s, order %d: %s, %s; error %g, bar %g, step %g in [%g, %g]", e->name,
                  d->name, order, pal_verdict_text(r.verdict), r.message, r.error, r.bar, r.step, r.low, r.high);
    ck_assert_mem_eq(x, e->at, sizeof x);
    pal_tensor_free(in);
}

/* ---- Tests ---------------------------------------------------------------------------------------------------- */

START_TEST(right_derivatives_of_any_scale_pass)
{
    for (size_t i = 0; i < EXAMPLES; i++) expect(&examples[i], &right, _i, PAL_CHECK_PASS);
}
END_TEST

/* All points together, and each point alone. */
START_TEST(wrong_derivatives_of_any_scale_fail)
{
    for (size_t i = 0; i < EXAMPLES; i++)
        for (size_t k = 0; k < DAMAGES; k++) {
            expect(&examples[i], &damages[k], 1, PAL_CHECK_FAIL);
            for (size_t p = 0; p < examples[i].n; p++) {
                example one = examples[i];
                one.n = 1;
                one.at[0] = one.at[p];
                expect(&one, &right, 1, PAL_CHECK_PASS);
                expect(&one, &damages[k], 1, PAL_CHECK_FAIL);
            }
        }
}
END_TEST

START_TEST(wrong_second_derivatives_of_any_scale_fail)
{
    for (size_t i = 0; i < EXAMPLES; i++)
        for (size_t k = 0; k < DAMAGES; k++)
            if (damages[k].factor != 1) expect(&examples[i], &damages[k], 2, PAL_CHECK_FAIL);
}
END_TEST

/* Draws points of an operation's domain: half of them uniform, half of them near its two ends. */
static void draw_points(const pal_op *op, uint64_t seed, pal_tensor **in)
{
    for (int k = 0; k < op->arity; k++) {
        double *x = in[k]->data, u[POINTS], width = op->high[k] - op->low[k];
        char stream[16];
        snprintf(stream, sizeof stream, "sweep%d", k);
        pal_noise_uniform((pal_noise){.seed = seed}, stream, 0, POINTS, u);
        for (int i = 0; i < POINTS; i++) {
            double near = width * pow(u[i], 6);
            x[i] = i < 3 ? op->low[k] + width * u[i] : i == 3 ? op->low[k] + near : op->high[k] - near;
        }
    }
}

START_TEST(random_points_of_all_operations)
{
    enum { ROUNDS = 12 };
    size_t alarms = 0, missed = 0, judged = 0, kinks = 0;
    pal_tensor *in[3];
    for (int k = 0; k < 3; k++) in[k] = pal_tensor_new(c, PAL_F64, PAL_SHAPE(POINTS));
    for (size_t i = 0; pal_op_at(i); i++) {
        const pal_op *op = pal_op_at(i);
        if (op->op_class != PAL_CLASS_ELEMENTWISE || op->derivative[0] != PAL_HAS_RULE || !(op->low[0] < op->high[0]))
            continue;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            draw_points(op, round, in);
            for (size_t k = 0; k <= 4; k++) {
                const subject s = {op_at, op, k ? &damages[k - 1] : &right};
                pal_gradcheck_report r = check(&s, in, (size_t)op->arity, 1);
                const bool zero = r.error == 0 && r.analytic == 0; /* a damaged zero is right */
                const bool wrong = k ? r.verdict != PAL_CHECK_FAIL && !zero : r.verdict != PAL_CHECK_PASS;
                const bool kink = r.verdict == PAL_CHECK_KINK;
                kinks += kink;
                judged += !kink;
                alarms += !k && wrong && !kink;
                missed += k && wrong && !kink;
                if (wrong && !kink)
                    printf("%s, %s, round %d: %s, %s; error %g, bar %g, step %g\n", op->name, s.damage->name,
                           (int)round, pal_verdict_text(r.verdict), r.message, r.error, r.bar, r.step);
            }
        }
    }
    for (int k = 0; k < 3; k++) pal_tensor_free(in[k]);
    ck_assert_msg(alarms == 0 && missed == 0, "%zu false alarms, %zu missed faults", alarms, missed);
    ck_assert_uint_gt(judged, 3000);
    ck_assert_uint_lt(kinks, judged / 100);
}
END_TEST

/* A product of matrices whose elements differ by twelve decades, and the adjoint of its first factor transposed. */
static pal_var product(const pal_var *in, const void *user)
{
    const bool *transposed = user;
    pal_var y = pal_matmul(in[0], in[1]);
    return *transposed ? with_derivative_of(y, pal_matmul(pal_transpose(in[0]), in[1])) : y;
}

START_TEST(a_transposed_adjoint_of_mixed_scales_fails)
{
    double a[] = {1e-6, 2, 3e6, 0.5}, b[] = {1e3, -1e-3, 4, 1e-6};
    pal_tensor *in[] = {pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2, 2), a),
                        pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2, 2), b)};
    for (int k = 0; k < 2; k++) {
        const bool transposed = k;
        const subject s = {product, &transposed, &right};
        pal_gradcheck_report r = check(&s, in, 2, 1);
        ck_assert_msg(r.verdict == (k ? PAL_CHECK_FAIL : PAL_CHECK_PASS), "%d: %s", k, r.message);
    }
    pal_tensor_free(in[0]);
    pal_tensor_free(in[1]);
}
END_TEST

static pal_gradcheck_report check_op_at(const pal_op *op, double x, const damage *d, int order)
{
    pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(1), &x);
    const subject s = {op_at, op, d};
    pal_gradcheck_report r = check(&s, &in, 1, order);
    pal_tensor_free(in);
    return r;
}

/* An operation that names no decision has kinks, jumps and cusps all the same. Beside them, wrong derivatives fail. */
START_TEST(a_kink_without_a_decision_is_a_kink)
{
    static const struct {
        const char *op;
        double x;
    } rows[] = {{"abs", 0}, {"relu", 0}, {"relu6", 6}, {"hard_tanh", 1}, {"hard_tanh", -1}, {"floor", 2}, {"sign", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_op op = *pal_op_find(rows[i].op);
        op.decision = NULL;
        pal_gradcheck_report r = check_op_at(&op, rows[i].x, &right, 1);
        ck_assert_msg(r.verdict == PAL_CHECK_KINK && r.kinks == 1, "%s at %g: %s, %s", rows[i].op, rows[i].x,
                      pal_verdict_text(r.verdict), r.message);
        if (op.derivative[0] != PAL_HAS_RULE) continue;
        r = check_op_at(&op, rows[i].x, &right, 2);
        ck_assert_msg(r.verdict == PAL_CHECK_KINK, "%s at %g: %s", rows[i].op, rows[i].x, pal_verdict_text(r.verdict));
        r = check_op_at(&op, rows[i].x + 0.01, &right, 1);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%s: %s", rows[i].op, r.message);
    }
    pal_op relu = *pal_op_find("relu");
    relu.decision = NULL;
    for (size_t k = 0; k < 4; k++) ck_assert_int_eq(check_op_at(&relu, 0.01, &damages[k], 1).verdict, PAL_CHECK_FAIL);
}
END_TEST

/* The rounding of a large constant hides the derivative. At the edge of the domain there is no central difference. */
static pal_var hidden(const pal_var *in, const void *user) { return pal_shift(pal_sin(in[0]), *(const double *)user); }

START_TEST(what_differences_cannot_tell_is_not_decided)
{
    static const double offset = 1e10;
    double x = 0.5;
    pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(1), &x);
    for (size_t k = 0; k <= 4; k++) {
        const subject s = {hidden, &offset, k ? &damages[k - 1] : &right};
        pal_gradcheck_report r = check(&s, &in, 1, 1);
        bool sure = k == 1; /* the other sign is seen even so */
        ck_assert_msg(r.verdict == (sure ? PAL_CHECK_FAIL : PAL_CHECK_UNDECIDED), "%s: %s", s.damage->name, r.message);
        if (sure) continue;
        ck_assert_uint_eq(r.undecided, 1);
        ck_assert_uint_eq(r.checked, 0);
        ck_assert_double_gt(r.bar, 1e-7 * fabs(r.numeric));
        if (!k) ck_assert_double_le(fabs(r.numeric - r.analytic), r.bar);
    }
    pal_tensor_free(in);
    pal_gradcheck_report r = check_op_at(pal_op_find("sqrt"), 0, &right, 1);
    ck_assert_int_eq(r.verdict, PAL_CHECK_UNDECIDED);
    ck_assert_msg(!strncmp(r.message, "not decided: input 1 at [0], x = 0, usable from 0 to 0: ", 54), "%s", r.message);
    ck_assert_str_eq(pal_verdict_text(PAL_CHECK_UNDECIDED), "not decided");
}
END_TEST

/* A saw inside a region, where no comparison is seen. Its teeth divide the large steps of the checker, whose
 * differences are all exactly 1. At x the slope is 1.5 or 0.5. */
typedef struct saw {
    double teeth;
    bool flat; /* with the wrong derivative 1 */
    pal_var x;
} saw;

static pal_var saw_body(pal_tape *tape, pal_var k, void *user)
{
    const saw *s = user;
    (void)tape, (void)k;
    pal_var whole = pal_scale(pal_round(pal_scale(s->x, s->teeth)), 1 / s->teeth);
    return pal_add(s->x, pal_scale(pal_abs(pal_sub(s->x, whole)), 0.5));
}

static pal_var saw_at(const pal_var *in, const void *user)
{
    saw s = *(const saw *)user;
    s.x = in[0];
    pal_var y = pal_recompute(in[0].tape, saw_body, &s);
    return s.flat ? with_derivative_of(y, in[0]) : y;
}

START_TEST(dense_kinks_in_a_region_do_not_deceive)
{
    for (int teeth = 512; teeth <= 32768; teeth *= 4)
        for (int flat = 0; flat < 2; flat++) {
            double x[] = {0.3, -0.7, 0.1};
            const saw s = {.teeth = teeth, .flat = flat};
            const subject is = {saw_at, &s, &right};
            pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(3), x);
            pal_gradcheck_report r = check(&is, &in, 1, 1);
            ck_assert_msg(r.verdict == (flat ? PAL_CHECK_FAIL : PAL_CHECK_PASS),
                          "%d teeth, %d: %s, %s; %g is %g, step %g", teeth, flat, pal_verdict_text(r.verdict),
                          r.message, r.numeric, r.analytic, r.step);
            pal_tensor_free(in);
        }
}
END_TEST

/* Units of tanh that are nearly saturated, beside others: 1 - y^2 is a number of few digits, which is the same at all
 * points that are near enough and jumps between. */
static pal_var saturated(const pal_var *in, const void *user)
{
    (void)user;
    pal_var h = pal_tanh(pal_matmul(in[0], in[1]));
    return pal_square(pal_matmul(h, in[2]));
}

START_TEST(saturated_units_do_not_deceive)
{
    for (unsigned seed = 1; seed <= 40; seed++) {
        char stream[3][16];
        for (int k = 0; k < 3; k++) snprintf(stream[k], sizeof stream[k], "%u/%d", seed, k);
        pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(1, 6), -2, 2, stream[0]),
                            random_tensor(c, PAL_F64, PAL_SHAPE(6, 4), -4, 4, stream[1]),
                            random_tensor(c, PAL_F64, PAL_SHAPE(4, 2), -3, 3, stream[2])};
        const subject is = {saturated, NULL, &right};
        const pal_gradcheck_report r = check(&is, in, 3, 2);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "%u: %s %s; input %zu %s: %g is %g, bar %g, step %g", seed,
                      pal_verdict_text(r.verdict), r.message, r.input + 1, r.index, r.numeric, r.analytic, r.bar,
                      r.step);
        for (int k = 0; k < 3; k++) pal_tensor_free(in[k]);
    }
}
END_TEST

START_TEST(the_report_names_step_and_domain)
{
    pal_gradcheck_report r = check_op_at(pal_op_find("log"), 0.01, &right, 1);
    ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
    ck_assert(0 < r.low && r.low < 0.01 && 0.01 < r.high && r.high < 0.02);
    ck_assert(0 < r.step && r.step <= r.high - 0.01);
    ck_assert_double_le(r.bar, 1e-7 * fabs(r.numeric));
    r = check_op_at(pal_op_find("exp"), 0.5, &right, 1);
    ck_assert_double_eq(r.low, 0.5 - 0x1p-5);
    ck_assert_double_eq(r.high, 0.5 + 0x1p-5);
    r = check_op_at(pal_op_find("log"), 0.01, &right, 2);
    ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
    ck_assert(0 < r.low && r.low < 0.01 && 0.01 < r.high);
}
END_TEST

Suite *gradcheck_steps_suite(void)
{
    Suite *s = suite_create("gradcheck_steps");
    TCase *k = add_case(s, "steps", setup, teardown,
                        TESTS(wrong_derivatives_of_any_scale_fail, wrong_second_derivatives_of_any_scale_fail,
                              random_points_of_all_operations, a_transposed_adjoint_of_mixed_scales_fails,
                              a_kink_without_a_decision_is_a_kink, what_differences_cannot_tell_is_not_decided,
                              dense_kinks_in_a_region_do_not_deceive, saturated_units_do_not_deceive,
                              the_report_names_step_and_domain));
    tcase_add_loop_test(k, right_derivatives_of_any_scale_pass, 1, 3);
    return s;
}
