/* test_ops.c - values of the operations: compared with plain loops, at extreme arguments, at kinks, in both types. */
#include "autograd/wiring.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

START_TEST(registry_is_well_formed)
{
    size_t n = 0;
    for (; pal_op_at(n); n++) {
        const pal_op *op = pal_op_at(n);
        ck_assert_ptr_eq(pal_op_find(op->name), op); /* true only if names are unique */
        ck_assert_uint_eq(op->struct_size, sizeof *op);
        ck_assert_msg(op->formula && *op->formula && op->summary && *op->summary, "%s", op->name);
        ck_assert_msg((op->infer != NULL) != (op->op_class == PAL_CLASS_COMPOSITE), "%s", op->name);
        ck_assert_msg(op->op_class == PAL_CLASS_LEAF || op->op_class == PAL_CLASS_EFFECT ||
                          op == &pal__op_stop_gradient || op == &pal__op_all_max || pal_gradcheck_op_cases(op) > 0,
                      "%s has no test case", op->name);
    }
    ck_assert_uint_gt(n, 40);
    ck_assert_ptr_null(pal_op_find("no such operation"));
    ck_assert_ptr_null(pal_op_find(NULL));
}
END_TEST

/* float32 agrees with float64 over the sampled domain of every elementwise operation, on every instruction set. */
START_TEST(float32_agrees_with_float64)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        pal_context *k = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .isa = isas[i]});
        if (!k) continue; /* the processor has no such instructions */
        for (size_t o = 0; pal_op_at(o); o++) {
            const pal_op *op = pal_op_at(o);
            if (op->op_class != PAL_CLASS_ELEMENTWISE || op->arity < 1 || op->arity > 2 ||
                !op->tile[PAL_ISA_BASELINE][PAL_F32] || op->low[0] >= op->high[0])
                continue;
            pal_tape *tape = pal_tape_new(k, PAL_F64);
            pal_tensor *a = random_tensor(k, PAL_F32, PAL_SHAPE(999), op->low[0], op->high[0], "a"),
                       *b = random_tensor(k, PAL_F32, PAL_SHAPE(999), op->low[0], op->high[0], "b");
            pal_var in[] = {pal_leaf(tape, a, "a"), pal_leaf(tape, b, "b")},
                    wide[] = {pal_cast(in[0], PAL_F64), pal_cast(in[1], PAL_F64)};
            pal_var out[] = {pal_cast(pal_record(tape, op, in, (size_t)op->arity, op->sample), PAL_F64),
                             pal_cast(pal_record(tape, op, wide, (size_t)op->arity, op->sample), PAL_F64)};
            pal_program *p = pal_compile(tape, out, 2, NULL);
            ck_assert_msg(p != NULL, "%s: %s", op->name, pal_tape_error(tape));
            ck_assert_int_eq(pal_run(p), PAL_OK);
            for (size_t e = 0; e < 999; e++) {
                double x = pal_tensor_get(pal_output(p, 0), e), y = pal_tensor_get(pal_output(p, 1), e);
                ck_assert_msg(fabs(x - y) <= 1e-6 * fmax(1, fabs(y)), "%s on %s: %.9g, not %.9g", op->name, isas[i], x,
                              y);
            }
            pal_program_free(p);
            pal_tape_free(tape);
            pal_tensor_free(a);
            pal_tensor_free(b);
        }
        pal_context_free(k);
    }
}
END_TEST

static double at(pal_var (*f)(pal_var), double x, pal_dtype dtype)
{
    pal_tape *tape = pal_tape_new(c, dtype);
    pal_tensor *one = pal_tensor_new(c, dtype, PAL_SCALAR);
    pal_tensor_set(one, 0, x);
    double out;
    ck_assert_int_eq(pal_eval(pal_cast(f(pal_leaf(tape, one, "x")), PAL_F64), &out), PAL_OK);
    pal_tape_free(tape);
    pal_tensor_free(one);
    return out;
}

static double slope(pal_var (*f)(pal_var), double x)
{
    pal_tape *tape = pal_tape_new(c, PAL_F64);
    pal_tensor *one = pal_tensor_new(c, PAL_F64, PAL_SCALAR);
    pal_tensor_set(one, 0, x);
    pal_var v = pal_leaf(tape, one, "x"), g;
    double out;
    ck_assert_int_eq(pal_grad(f(v), &v, 1, &g) | pal_eval(g, &out), PAL_OK);
    pal_tape_free(tape);
    pal_tensor_free(one);
    return out;
}

static void near(double a, double b) { ck_assert_msg(a == b || fabs(a - b) <= 1e-6 * fabs(b), "%.9g, not %.9g", a, b); }

static pal_var surely(pal_var logit) { return pal_bernoulli_cross_entropy(logit, pal_like(logit, 1)); }

START_TEST(extreme_arguments)
{
    for (int i = 0; i < 2; i++) {
        pal_dtype d = i ? PAL_F64 : PAL_F32;
        near(at(surely, 20, d), log1p(exp(-20))); /* must not be rounded away next to 20 */
        near(at(surely, -20, d), 20 + log1p(exp(-20)));
        near(at(pal_softplus, 1000, d), 1000);
        near(at(pal_softplus, -1000, d), 0);
        near(at(pal_softplus, -30, d), exp(-30));
        near(at(pal_log_sigmoid, -1000, d), -1000);
        near(at(pal_log_sigmoid, 30, d), -exp(-30));
        near(at(pal_sigmoid, -80, d), exp(-80));
        near(at(pal_sigmoid, 1000, d), 1);
        near(at(pal_sigmoid, -1000, d), 0);
        near(at(pal_expm1, 1e-7, d), 1e-7);
        near(at(pal_log1p, 1e-7, d), 1e-7);
        near(at(pal_tanh, 1e-7, d), 1e-7);
        near(at(pal_tanh, 100, d), 1);
        ck_assert_double_infinite(at(pal_exp, 1000, d));
        near(at(pal_exp, -1000, d), 0);
        ck_assert_double_infinite(at(pal_log, 0, d));
        ck_assert_double_nan(at(pal_log, -1, d));
        ck_assert_double_nan(at(pal_sqrt, -1, d));
        ck_assert_double_infinite(at(pal_reciprocal, 0, d));
    }
    near(slope(pal_softplus, -1000), 0);
    near(slope(pal_softplus, 1000), 1);
    near(slope(pal_log_sigmoid, -1000), 1);
}
END_TEST

START_TEST(nan_passes_through)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    static pal_var (*const all[])(pal_var) = {
        pal_neg, pal_abs, pal_square, pal_sqrt,    pal_reciprocal, pal_exp,         pal_expm1, pal_log, pal_log1p,
        pal_sin, pal_cos, pal_tanh,   pal_sigmoid, pal_softplus,   pal_log_sigmoid, pal_relu,  pal_sign};
    pal_context *chosen = c;
    for (int isa = 0; isa < 3; isa++) {
        c = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .isa = isas[isa]});
        if (!c) continue; /* the processor has no such instructions */
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            for (int d = 0; d < 2; d++)
                ck_assert_msg(isnan(at(all[i], (double)NAN, d ? PAL_F64 : PAL_F32)), "function %zu on %s, %s", i,
                              isas[isa], d ? "f64" : "f32");
        pal_context_free(c);
    }
    c = chosen;
    double out[4];
    pal_var n = pal_constant(t, (double)NAN), one = pal_constant(t, 1);
    ck_assert_int_eq(pal_eval(pal_max(n, one), out) | pal_eval(pal_max(one, n), out + 1) |
                         pal_eval(pal_min(n, one), out + 2) | pal_eval(pal_min(one, n), out + 3),
                     PAL_OK);
    for (int i = 0; i < 4; i++) ck_assert_double_nan(out[i]);
}
END_TEST

static pal_var max_with_self(pal_var x) { return pal_max(x, pal_mul(x, pal_like(x, 1))); }

START_TEST(conventions_at_kinks)
{
    ck_assert_double_eq(slope(pal_relu, 0), 0);
    ck_assert_double_eq(slope(pal_abs, 0), 0);
    ck_assert_double_eq(slope(pal_sign, 0.5), 0);
    ck_assert_double_eq(slope(pal_relu, 1), 1);
    ck_assert_double_eq(slope(max_with_self, 3), 1); /* each of two equal operands gets half */
}
END_TEST

/* Sums over every set of axes have a relative error of at most 1e-6 in float32, also with 100003 terms. */
START_TEST(sums_are_right_and_accurate)
{
    static const pal_shape shapes[] = {{3, {7, 600, 3}},    {2, {130, 700}}, {1, {100003}},
                                       {4, {3, 17, 5, 40}}, {2, {1, 1}},     {2, {600, 65}}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (unsigned axes = 0; axes < 1u << shapes[s].rank; axes++) {
            pal_tape *tape = pal_tape_new(c, PAL_F32);
            pal_tensor *x = random_tensor(c, PAL_F32, shapes[s], 0, 1, "x");
            pal_var y = pal_sum(pal_leaf(tape, x, "x"), axes, false);
            size_t n = (size_t)pal_shape_count(pal_shape_of(y)), count = pal_tensor_count(x);
            double *expected = calloc(n, sizeof *expected);
            float *got = malloc(n * sizeof *got);
            for (size_t i = 0; i < count; i++) {
                size_t rest = i, to = 0, step = 1;
                for (int a = shapes[s].rank - 1; a >= 0; a--) {
                    size_t index = rest % (size_t)shapes[s].dim[a];
                    rest /= (size_t)shapes[s].dim[a];
                    if (axes >> a & 1) continue;
                    to += index * step;
                    step *= (size_t)shapes[s].dim[a];
                }
                expected[to] += pal_tensor_get(x, i);
            }
            ck_assert_int_eq(pal_eval(y, got), PAL_OK);
            for (size_t i = 0; i < n; i++)
                ck_assert_msg(fabs((double)got[i] - expected[i]) <= 1e-6 * expected[i], "shape %zu axes %u: %g, not %g",
                              s, axes, (double)got[i], expected[i]);
            free(expected);
            free(got);
            pal_tape_free(tape);
            pal_tensor_free(x);
        }
}
END_TEST

START_TEST(products_match_plain_loops)
{
    for (int flags = 0; flags < 4; flags++)
        for (int m = 1; m < 40; m += 13) {
            int n = 50 - m, k = 1 + m / 2, ta = flags & 1, tb = flags >> 1;
            pal_tape *tape = pal_tape_new(c, PAL_F64);
            pal_tensor *a = random_tensor(c, PAL_F64, ta ? PAL_SHAPE(k, m) : PAL_SHAPE(m, k), -1, 1, "a");
            pal_tensor *b = random_tensor(c, PAL_F64, tb ? PAL_SHAPE(n, k) : PAL_SHAPE(k, n), -1, 1, "b");
            double out[2000];
            ck_assert_int_eq(pal_eval(pal_matmul_t(pal_leaf(tape, a, "a"), pal_leaf(tape, b, "b"), ta, tb), out),
                             PAL_OK);
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int q = 0; q < k; q++)
                        sum += pal_tensor_get(a, (size_t)(ta ? q * m + i : i * k + q)) *
                               pal_tensor_get(b, (size_t)(tb ? j * k + q : q * n + j));
                    ck_assert_double_eq_tol(out[i * n + j], sum, 1e-13);
                }
            pal_tape_free(tape);
            pal_tensor_free(a);
            pal_tensor_free(b);
        }
}
END_TEST

START_TEST(rows_are_taken_and_scattered)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3), 0, 1, "x"),
               *i = pal_tensor_new(c, PAL_I32, PAL_SHAPE(5));
    const int rows[] = {3, 0, 3, 1, 3};
    for (size_t k = 0; k < 5; k++) pal_tensor_set(i, k, rows[k]);
    pal_var v = pal_leaf(t, x, "x"), at_rows = pal_leaf(t, i, "i"), taken = pal_take(v, at_rows);
    double a[15], b[12], h[20];
    ck_assert_int_eq(pal_eval(taken, a) | pal_eval(pal_scatter_add(taken, at_rows, 4), b) |
                         pal_eval(pal_one_hot(at_rows, 4, PAL_F64), h),
                     PAL_OK);
    for (size_t k = 0; k < 5; k++)
        for (size_t j = 0; j < 3; j++) ck_assert_double_eq(a[3 * k + j], pal_tensor_get(x, (size_t)rows[k] * 3 + j));
    for (size_t j = 0; j < 3; j++) {
        ck_assert_double_eq(b[j], pal_tensor_get(x, j));
        ck_assert_double_eq(b[6 + j], 0);
        ck_assert_double_eq_tol(b[9 + j], 3 * pal_tensor_get(x, 9 + j), 1e-15);
    }
    for (size_t k = 0; k < 20; k++) ck_assert_double_eq(h[k], rows[k / 4] == (int)(k % 4));
    pal_tensor_free(x);
    pal_tensor_free(i);
}
END_TEST

/* Casts to integers truncate and saturate. NaN becomes 0 as an integer and true as a bool. */
START_TEST(casts_saturate)
{
    double in[] = {2.9, -2.9, 1e30, -1e30, (double)NAN, 300};
    pal_tensor *x = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(6), in);
    pal_var v = pal_leaf(t, x, "x");
    int32_t i[6];
    uint8_t u[6], b[6];
    ck_assert_int_eq(pal_eval(pal_cast(v, PAL_I32), i) | pal_eval(pal_cast(v, PAL_U8), u) |
                         pal_eval(pal_cast(v, PAL_BOOL), b),
                     PAL_OK);
    const int32_t ei[] = {2, -2, INT32_MAX, INT32_MIN, 0, 300};
    const uint8_t eu[] = {2, 0, 255, 0, 0, 255};
    ck_assert_mem_eq(i, ei, sizeof i);
    ck_assert_mem_eq(u, eu, sizeof u);
    for (int k = 0; k < 6; k++) ck_assert_uint_eq(b[k], 1);
    pal_tensor_free(x);
}
END_TEST

/* Four rows drawn at row offset 4 equal rows 4..7 of the whole. So evaluation in chunks sees the same noise. */
START_TEST(noise_follows_the_row_offset)
{
    pal_var whole = pal_normal(t, "n", PAL_SHAPE(8, 5));
    pal_tape *tape = pal_tape_new(c, PAL_F64);
    pal_var half = pal_normal(tape, "n", PAL_SHAPE(4, 5));
    pal_program *p = pal_compile(t, &whole, 1, NULL), *q = pal_compile(tape, &half, 1, NULL);
    pal_program_set_noise(p, (pal_noise){.seed = 9, .clock = 2});
    pal_program_set_noise(q, (pal_noise){.seed = 9, .clock = 2, .row = 4});
    ck_assert_int_eq(pal_run(p) | pal_run(q), PAL_OK);
    ck_assert_mem_eq((const double *)pal_output(p, 0)->data + 20, pal_output(q, 0)->data, 20 * sizeof(double));
    /* The host function draws the same numbers. */
    double host[40];
    pal_noise_normal((pal_noise){.seed = 9, .clock = 2}, "n", 0, 40, host);
    for (size_t i = 0; i < 40; i++) ck_assert_double_eq_tol(host[i], pal_tensor_get(pal_output(p, 0), i), 1e-13);
    pal_program_free(p);
    pal_program_free(q);
    pal_tape_free(tape);
}
END_TEST

START_TEST(wrong_shapes_are_refused)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), 0, 1, "x");
    pal_var v = pal_leaf(t, x, "x");
    int twice[] = {0, 0};
    int64_t zero[] = {0, 0}, big[] = {4, 4}, one[] = {1, 1};
    ck_assert_refused_saying(t, pal_reshape(v, PAL_SHAPE(5, -1)), "");
    ck_assert_refused_saying(t, pal_reshape(v, PAL_SHAPE(-1, -1)), "");
    ck_assert_refused_saying(t, pal_reshape(v, PAL_SHAPE(-3, -4)), "");
    ck_assert_refused_saying(t, pal_permute(v, twice), "");
    ck_assert_refused_saying(t, pal_slice(v, zero, big, one), "");
    ck_assert_refused_saying(t, pal_slice(v, zero, one, zero), "");
    ck_assert_refused_saying(t, pal_sum(v, 4, false), "");
    ck_assert_refused_saying(t, pal_broadcast_to(v, PAL_SHAPE(4, 4)), "");
    ck_assert_refused_saying(t, pal_sum_to(v, PAL_SHAPE(2)), "");
    ck_assert_refused_saying(t, pal_matmul(v, v), "");
    ck_assert_refused_saying(t, pal_matmul(v, pal_sum_all(v)), "");
    ck_assert_refused_saying(t, pal_take(v, v), "");
    ck_assert_refused_saying(t, pal_one_hot(v, 3, PAL_F64), "");
    ck_assert_refused_saying(t, pal_where(v, v, v), "");
    ck_assert_refused_saying(t, pal_transpose(pal_sum_all(v)), "");
    ck_assert_refused_saying(t, pal_bernoulli(t, "b", PAL_SHAPE(2), 1.5), "");
    ck_assert_refused_saying(t, pal_uniform(t, "", PAL_SHAPE(2)), "");
    ck_assert_refused_saying(t, pal_uniform(t, "u", PAL_SHAPE(-2)), "");
    ck_assert_refused_saying(t, pal_fill(t, PAL_F64, PAL_SHAPE(-2), 1), "");
    ck_assert_refused_saying(t, pal_jacobian_norm2_rows(pal_sum_all(v), v), "");
    ck_assert_refused_saying(t, pal_jacobian_norm2_rows_each(pal_sum_all(v), v), "");
    ck_assert_refused_saying(t, pal_jacobian_norm2_layers_each(pal_sum_all(v), v), "");
    ck_assert_refused_saying(t, pal_cast(v, PAL_BF16), "");
    pal_tensor_free(x);
}
END_TEST

Suite *ops_suite(void)
{
    Suite *s = suite_create("ops");
    TCase *k = tcase_create("ops");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_test(k, registry_is_well_formed);
    tcase_add_test(k, float32_agrees_with_float64);
    tcase_add_test(k, extreme_arguments);
    tcase_add_test(k, nan_passes_through);
    tcase_add_test(k, conventions_at_kinks);
    tcase_add_test(k, sums_are_right_and_accurate);
    tcase_add_test(k, products_match_plain_loops);
    tcase_add_test(k, rows_are_taken_and_scattered);
    tcase_add_test(k, casts_saturate);
    tcase_add_test(k, noise_follows_the_row_offset);
    tcase_add_test(k, wrong_shapes_are_refused);
    tcase_set_timeout(k, 60);
    suite_add_tcase(s, k);
    return s;
}
