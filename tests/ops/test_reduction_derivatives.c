/* test_reduction_derivatives.c - derivatives of reductions: conventions at ties, at zeros and at the ends of the number
 * range; equal bits for all passes and numbers of threads; regions. */
#include "tests/ops/reductions.h"

#include <string.h>

/* The norm of (3u, -4u) and its gradient are right even if u^2 overflows or underflows. */
START_TEST(norms_neither_overflow_nor_vanish)
{
    static const double unit[] = {1,       1e200,    1e-200, 1e307, 5e-324 * 1e10, 1e130,  1e-130,
                                  0x1p400, 0x1p-400, 1e-13,  3e-14, 2e19,          1e-136, 1.5e154};
    for (size_t k = 0; k < sizeof unit / sizeof *unit; k++)
        for (int f32 = 0; f32 < 2; f32++) {
            double u = f32 ? (double)(float)fmin(fmax(unit[k], 1e-40), 1e37) : unit[k], out, slope[2];
            pal_tensor *x;
            pal_var v = values(&x, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(2), (double[]){3 * u, -4 * u}), g;
            pal_var y = pal_norm(v, 1, false);
            ck_assert_int_eq(pal_grad(y, &v, 1, &g), PAL_OK);
            eval(pal_cast(y, PAL_F64), &out);
            eval(pal_cast(g, PAL_F64), slope);
            double tolerance = f32 ? 1e-5 : 1e-12;
            near(out / u, 5, tolerance);
            near(slope[0], 0.6, tolerance);
            near(slope[1], -0.8, tolerance);
            pal_tensor_free(x);
            fresh_tape();
        }
    /* The norm of (3, 4) is exactly 5. Infinity gives infinity, but NaN gives NaN, even with infinity. At 0 the
     * value, the gradient and the Hessian are 0. */
    static const double rows[][2] = {{3, 4}, {-inf, 4}, {nan_, 1}, {inf, nan_}, {0, -0.0}};
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(5, 2), &rows[0][0]), y = pal_norm(v, 2, false), g, h;
    double out[5], first[10], second[10];
    ck_assert_int_eq(pal_vjp(y, pal_fill(t, PAL_F64, PAL_SHAPE(5), 1), &v, 1, &g), PAL_OK);
    ck_assert_int_eq(pal_vjp(g, pal_fill(t, PAL_F64, PAL_SHAPE(5, 2), 1), &v, 1, &h), PAL_OK);
    eval(y, out);
    eval(g, first);
    eval(h, second);
    ck_assert_double_eq(out[0], 5);
    ck_assert_double_eq(out[1], inf);
    ck_assert_double_nan(out[2]);
    ck_assert_double_nan(out[3]);
    ck_assert_double_eq(out[4], 0);
    for (int i = 8; i < 10; i++) ck_assert_double_eq(fabs(first[i]) + fabs(second[i]), 0);
    pal_tensor_free(x);
}
END_TEST

/* Equal extremes share the derivative equally. If an element is NaN, the result is NaN and the derivative 0. */
START_TEST(ties_share_the_derivative)
{
    static const double in[][4] = {{1, 3, 3, 3}, {2, 2, 2, 2}, {-inf, -inf, 0, -1}, {inf, inf, 0, 1}, {nan_, 1, 5, 2}};
    static const double high[][4] = {
        {0, 1, 1, 1}, {0.75, 0.75, 0.75, 0.75}, {0, 0, 3, 0}, {1.5, 1.5, 0, 0}, {0, 0, 0, 0}};
    static const double low[][4] = {
        {3, 0, 0, 0}, {0.75, 0.75, 0.75, 0.75}, {1.5, 1.5, 0, 0}, {0, 0, 3, 0}, {0, 0, 0, 0}};
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(5, 4), &in[0][0]), g[2], seed = pal_fill(t, PAL_F64, PAL_SHAPE(5), 3);
    double out[2][5][4], top[5], bottom[5];
    ck_assert_int_eq(pal_vjp(pal_reduce_max(v, 2, false), seed, &v, 1, g), PAL_OK);
    ck_assert_int_eq(pal_vjp(pal_reduce_min(v, 2, false), seed, &v, 1, g + 1), PAL_OK);
    eval(g[0], out[0]);
    eval(g[1], out[1]);
    eval(pal_reduce_max(v, 2, false), top);
    eval(pal_reduce_min(v, 2, false), bottom);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++) {
            ck_assert_double_eq(out[0][i][j], high[i][j]);
            ck_assert_double_eq(out[1][i][j], low[i][j]);
        }
    ck_assert_double_nan(top[4]);
    ck_assert_double_nan(bottom[4]);
    ck_assert_double_eq(top[3], inf);
    ck_assert_double_eq(bottom[2], -inf);
    pal_tensor_free(x);
}
END_TEST

/* First and second derivatives of a product are right with any number of zeros: the rules cannot divide by elements. */
START_TEST(products_with_zeros)
{
    static const double in[][4] = {{2, 3, 5, 7}, {2, 0, 5, 7}, {0, 3, 0, 7}, {0, 0, 0, 7}, {0, 0, 0, 0}};
    for (int k = 0; k < 5; k++) {
        pal_tensor *x;
        pal_var v = values(&x, PAL_F64, PAL_SHAPE(4), in[k]), y = pal_prod(v, 1, false), g;
        double value, first[4], second[4][4];
        ck_assert_int_eq(pal_grad(y, &v, 1, &g), PAL_OK);
        eval(y, &value);
        eval(g, first);
        ck_assert_double_eq(value, in[k][0] * in[k][1] * in[k][2] * in[k][3]);
        for (int i = 0; i < 4; i++) {
            pal_var h, unit = pal_one_hot(pal_fill(t, PAL_I32, PAL_SCALAR, i), 4, PAL_F64);
            ck_assert_int_eq(pal_vjp(g, unit, &v, 1, &h), PAL_OK);
            eval(h, second[i]);
            double others = 1;
            for (int j = 0; j < 4; j++) {
                if (j != i) others *= in[k][j];
                double rest = 1;
                for (int l = 0; l < 4; l++)
                    if (l != i && l != j) rest *= in[k][l];
                ck_assert_double_eq(second[i][j], i == j ? 0 : rest);
            }
            ck_assert_double_eq(first[i], others);
        }
        pal_tensor_free(x);
        fresh_tape();
    }
    /* x0 x1 x2 x3 differentiated by one variable after another, at 0: the third derivative is 0, the fourth 1. */
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(4), in[4]), d = pal_prod(v, 1, false);
    for (int order = 1; order <= 4; order++) {
        double out[4];
        ck_assert_int_eq(pal_grad(d, &v, 1, &d), PAL_OK);
        eval(d, out);
        for (int i = 0; i < 4; i++) ck_assert_double_eq(out[i], order == 4 && i == 3);
        d = pal_sum_all(pal_mul(d, pal_one_hot(pal_fill(t, PAL_I32, PAL_SCALAR, order - 1), 4, PAL_F64)));
    }
    pal_tensor_free(x);
}
END_TEST

/* A norm of zeros is +0, so that 1 / norm is +inf: for rows shorter and longer than the kernels' blocks, on every
 * instruction set. Likewise the standard deviation of equal numbers, for which the derivatives are 0. */
START_TEST(norms_of_zeros_are_positive)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    for (int i = 0; i < 6; i++) {
        pal_context *k = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .isa = isas[i / 2]});
        if (!k) continue; /* the processor lacks these instructions */
        for (int64_t n = 0; n < 80; n++) {
            pal_dtype type = i % 2 ? PAL_F32 : PAL_F64;
            pal_tape *tape = pal_tape_new(k, type);
            pal_tensor *x = pal_tensor_new(k, type, PAL_SHAPE(n));
            for (size_t e = 0; e < (size_t)n; e++) pal_tensor_set(x, e, e % 3 ? -0.0 : 0.0);
            pal_var v = pal_leaf(tape, x, "x"), out[4] = {pal_norm(v, 1, false)}, y;
            out[1] = pal_reciprocal(out[0]);
            y = n ? pal_std(pal_shift(v, 3), 1, false, 0) : pal_norm(v, 1, false);
            ck_assert_int_eq(pal_grad(y, &v, 1, &out[2]), PAL_OK);
            out[3] = pal_reciprocal(y);
            pal_program *p = pal_compile(tape, out, 4, NULL);
            ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
            ck_assert_int_eq(pal_run(p), PAL_OK);
            ck_assert(pal_tensor_get(pal_output(p, 0), 0) == 0 && !signbit(pal_tensor_get(pal_output(p, 0), 0)));
            ck_assert_double_eq(pal_tensor_get(pal_output(p, 1), 0), inf);
            for (size_t e = 0; e < (size_t)n; e++) ck_assert_double_eq(pal_tensor_get(pal_output(p, 2), e), 0);
            ck_assert_double_eq(pal_tensor_get(pal_output(p, 3), 0), inf);
            pal_program_free(p);
            pal_tape_free(tape);
            pal_tensor_free(x);
        }
        pal_context_free(k);
    }
}
END_TEST

static pal_var all_of(pal_var x)
{
    pal_var y = pal_sum_all(pal_logsumexp(x, 2, false));
    y = pal_add(y, pal_sum_all(pal_mul(pal_cumsum(x, 0, false, true), pal_sort(x, 1, true))));
    y = pal_add(y, pal_sum_all(pal_prod(pal_flip(x, 3), 1, false)));
    y = pal_add(y, pal_sum_all(pal_mul(pal_reduce_max(x, 1, true), pal_norm(x, 2, true))));
    y = pal_add(y, pal_sum_all(pal_square(pal_top_k(pal_transpose(x), 0, 3))));
    y = pal_add(y, pal_sum_all(pal_variance(pal_concat((pal_var[]){x, pal_neg(x)}, 2, 1), 2, false, 1)));
    y = pal_add(y, pal_sum_all(pal_mul(pal_repeat(x, (const int64_t[]){1, 2}),
                                       pal_concat((pal_var[]){pal_square(x), x}, 2, 1))));
    y = pal_add(y, pal_sum_all(pal_mul(pal_std(x, 1, true, 0), pal_std(x, 2, true, 1))));
    pal_var product = pal_matmul(x, pal_transpose(x));
    y = pal_add(y, pal_sum_all(pal_mul(pal_diagonal(product), pal_sum(pal_lower_triangle(product, 1), 2, false))));
    return y;
}

/* Value, gradient and second derivative have the same bits with all passes and without, on one thread and on two. */
START_TEST(bits_depend_on_neither_passes_nor_threads)
{
    for (int f32 = 0; f32 < 2; f32++) {
        char *first[3] = {NULL};
        for (int run = 0; run < 4; run++) {
            pal_context *k = context_with(1 + (unsigned)run / 2);
            pal_dtype type = f32 ? PAL_F32 : PAL_F64;
            pal_tape *tape = pal_tape_new(k, type);
            pal_tensor *x = random_tensor(k, type, PAL_SHAPE(40, 70), -1, 1, "x");
            pal_var v = pal_leaf(tape, x, "x"), out[3] = {all_of(v)};
            ck_assert_int_eq(pal_grad(out[0], &v, 1, &out[1]), PAL_OK);
            ck_assert_int_eq(pal_grad(pal_sum_squares(out[1]), &v, 1, &out[2]), PAL_OK);
            pal_program *p = pal_compile(
                tape, out, 3,
                &(pal_compile_options){.struct_size = sizeof(pal_compile_options),
                                       .passes = run & 1 ? PAL_PASS_NONE
                                                         : PAL_PASS_SIMPLIFY | PAL_PASS_FUSE | PAL_PASS_INPLACE,
                                       .lanes = 2});
            ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
            ck_assert_int_eq(pal_run(p), PAL_OK);
            for (size_t i = 0; i < 3; i++) {
                size_t bytes = pal_tensor_bytes(pal_output(p, i));
                ck_assert(isfinite(pal_tensor_get(pal_output(p, i), 0)));
                if (!run) first[i] = memcpy(malloc(bytes), pal_output(p, i)->data, bytes);
                ck_assert_mem_eq(pal_output(p, i)->data, first[i], bytes);
            }
            pal_program_free(p);
            pal_tape_free(tape);
            pal_tensor_free(x);
            pal_context_free(k);
        }
        for (int i = 0; i < 3; i++) free(first[i]);
    }
}
END_TEST

static pal_var region_body(pal_tape *tape, pal_var k, void *user)
{
    pal_var row = pal_take(*(const pal_var *)user, k), three = pal_top_k(row, 0, 3);
    (void)tape;
    pal_var y = pal_mul(pal_logsumexp(pal_cumsum(row, 0, false, false), 1, false), pal_prod(three, 1, false));
    return pal_add(y, pal_sum_all(pal_mul(pal_concat((pal_var[]){three, row}, 2, 0),
                                          pal_concat((pal_var[]){pal_flip(row, 1), three}, 2, 0))));
}

static pal_var region_build(pal_tape *tape, const pal_var *in, const void *user)
{
    pal_var x = in[0];
    (void)user;
    return pal_map_sum(tape, 2, region_body, &x);
}

START_TEST(regions_differentiate_twice)
{
    for (int order = 1; order < 3; order++) {
        double x[] = {0.3,  -1.2, 0.8, 1.4,
                      -0.5, 0.9,  0.1, -0.8}; /* no near ties, because the checker cannot see kinks in a region */
        pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2, 4), x);
        pal_gradcheck_report r;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 2};
        ck_assert_int_eq(pal_gradcheck(c, "region", region_build, NULL, &in, 1, &o, &r), PAL_OK);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "order %d: error %g %s", order, r.error, r.message);
        pal_tensor_free(in);
    }
}
END_TEST

Suite *reduction_derivatives_suite(void)
{
    Suite *s = suite_create("reduction_derivatives");
    add_case(s, "derivatives", setup, teardown,
             TESTS(norms_neither_overflow_nor_vanish, norms_of_zeros_are_positive, ties_share_the_derivative,
                   products_with_zeros, bits_depend_on_neither_passes_nor_threads, regions_differentiate_twice));
    return s;
}
