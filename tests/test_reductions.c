/* Reductions: values against plain loops over every set of axes, extreme arguments,
 * conventions at ties, derivatives at zeros. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
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

static void fresh_tape(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

static const double inf = (double)INFINITY, nan_ = (double)NAN;

static pal_var values(pal_tensor **keep, pal_dtype type, pal_shape shape, const double *x)
{
    *keep = pal_tensor_new(c, type, shape);
    ck_assert_ptr_nonnull(*keep);
    for (size_t i = 0; i < pal_tensor_count(*keep); i++) pal_tensor_set(*keep, i, x[i]);
    return pal_leaf(t, *keep, NULL);
}

static void near(double a, double b, double tolerance)
{
    ck_assert_msg(a == b || (a != a && b != b) || fabs(a - b) <= tolerance * fmax(1, fabs(b)), "%.17g, not %.17g", a,
                  b);
}

static void eval(pal_var v, void *out)
{
    pal_status status = pal_eval(v, out);
    ck_assert_msg(status == PAL_OK, "%s", pal_tape_error(t));
}

/* ---- Reductions against plain loops -------------------------------------------------------------------------------
 */

enum { SUM, MEAN, PROD, MAX, MIN, LOGSUMEXP, LOGMEANEXP, NORM, VARIANCE, UNBIASED, REDUCTIONS };

static pal_var variance(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 0); }
static pal_var unbiased(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 1); }
static pal_var (*const reductions[REDUCTIONS])(pal_var, unsigned, bool) = {
    pal_sum,       pal_mean,       pal_prod, pal_reduce_max, pal_reduce_min,
    pal_logsumexp, pal_logmeanexp, pal_norm, variance,       unbiased};

static double plain(int what, const double *x, size_t n)
{
    double sum = 0, prod = 1, high = -inf, low = inf, e = 0, q = 0, v = 0, m = (double)n;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        prod *= x[i];
        high = fmax(high, x[i]);
        low = fmin(low, x[i]);
        e += exp(x[i]);
        q += x[i] * x[i];
    }
    for (size_t i = 0; i < n; i++) v += (x[i] - sum / m) * (x[i] - sum / m);
    const double all[REDUCTIONS] = {sum, sum / m, prod, high, low, log(e), log(e / m), sqrt(q), v / m, v / (m - 1)};
    return all[what];
}

START_TEST(reductions_match_plain_loops)
{
    static const pal_shape shapes[] = {{3, {2, 3, 4}}, {3, {1, 5, 1}}, {3, {3, 1, 2}}, {3, {7, 2, 33}}};
    for (int f32 = 0; f32 < 2; f32++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (unsigned axes = 0; axes < 8; axes++) {
                pal_tensor *x = random_tensor(c, f32 ? PAL_F32 : PAL_F64, shapes[s], -1.5, 1.5, "x");
                pal_var v = pal_leaf(t, x, "x"), out[2 * REDUCTIONS];
                size_t count = pal_tensor_count(x), terms = 1, n = 2 * REDUCTIONS;
                pal_shape kept = shapes[s], dropped = {0};
                for (int a = 0; a < 3; a++)
                    if (axes >> a & 1)
                        terms *= (size_t)kept.dim[a], kept.dim[a] = 1;
                    else
                        dropped.dim[dropped.rank++] = kept.dim[a];
                if (terms == 1) n -= 2; /* no unbiased variance */
                for (size_t k = 0; k < n; k++) out[k] = pal_cast(reductions[k / 2](v, axes, k & 1), PAL_F64);
                ck_assert_tape_ok(t);
                pal_program *p = pal_compile(t, out, n, NULL);
                ck_assert_int_eq(pal_run(p), PAL_OK);
                double *row = malloc(terms * sizeof *row);
                for (size_t o = 0; o < count / terms; o++) {
                    size_t m = 0;
                    for (size_t i = 0; i < count; i++) {
                        size_t rest = i, to = 0, step = 1;
                        for (int a = 2; a >= 0; a--) {
                            size_t index = rest % (size_t)shapes[s].dim[a];
                            rest /= (size_t)shapes[s].dim[a];
                            if (axes >> a & 1) continue;
                            to += index * step;
                            step *= (size_t)shapes[s].dim[a];
                        }
                        if (to == o) row[m++] = pal_tensor_get(x, i);
                    }
                    ck_assert_uint_eq(m, terms);
                    for (size_t k = 0; k < n; k++)
                        near(pal_tensor_get(pal_output(p, k), o), plain((int)k / 2, row, m), f32 ? 3e-6 : 1e-14);
                }
                for (size_t k = 0; k < n; k++)
                    ck_assert(pal_shape_equal(pal_output(p, k)->shape, k & 1 ? kept : dropped));
                free(row);
                pal_program_free(p);
                pal_tensor_free(x);
                fresh_tape();
            }
}
END_TEST

START_TEST(of_no_elements)
{
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 0), NULL);
    const double expected[REDUCTIONS] = {0, nan_, 1, nan_, nan_, -inf, nan_, 0};
    for (int k = 0; k < REDUCTIONS; k++) {
        double out[2];
        pal_mark m = pal_tape_mark(t);
        pal_var y = reductions[k](v, 2, false);
        if (k == MAX || k == MIN) {
            ck_assert_msg(strstr(pal_tape_error(t), "reduce_m") && strstr(pal_tape_error(t), "no elements to reduce"),
                          "%s", pal_tape_error(t));
        } else if (k == VARIANCE || k == UNBIASED) {
            ck_assert_msg(strstr(pal_tape_error(t), "variance: 0 terms less a correction of"), "%s", pal_tape_error(t));
        } else {
            eval(y, out);
            for (int i = 0; i < 2; i++) near(out[i], expected[k], 0);
            ck_assert_int_eq(pal_shape_count(pal_shape_of(reductions[k](v, 1, false))), 0);
            eval(reductions[k](v, 1, true), out);
        }
        pal_tape_rewind(t, m);
    }
    pal_tensor_free(x);
}
END_TEST

START_TEST(extreme_arguments)
{
    static const double rows[][3] = {{1000, 1000, 1000}, {-1000, -1000, -1000}, {1000, -1000, 0},
                                     {-inf, -inf, -inf}, {-inf, 2, -inf},       {inf, 1, -inf},
                                     {nan_, 1, inf},     {1, nan_, -inf},       {1e300, 1e300, -1e300}};
    const double sums[] = {1000 + log(3), -1000 + log(3), 1000, -inf, 2, inf, nan_, nan_, 1e300};
    enum { N = sizeof rows / sizeof *rows };
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(N, 3), &rows[0][0]), y = pal_logsumexp(v, 2, false), g;
    double out[N], slope[N][3];
    ck_assert_int_eq(pal_vjp(y, pal_fill(t, PAL_F64, PAL_SHAPE(N), 1), &v, 1, &g), PAL_OK);
    eval(y, out);
    eval(g, slope);
    for (int i = 0; i < N; i++) near(out[i], sums[i], 1e-15);
    for (int j = 0; j < 3; j++) { /* the softmax */
        near(slope[0][j], 1 / 3.0, 1e-15);
        near(slope[1][j], 1 / 3.0, 1e-15);
        near(slope[2][j], j == 0, 1e-15);
        near(slope[3][j], 0, 0);
        near(slope[4][j], j == 1, 1e-15);
        near(slope[8][j], j == 2 ? 0 : 0.5, 1e-15);
    }
    pal_tensor_free(x);
    fresh_tape();

    static const double narrow[][2] = {{100, 100}, {-200, -200}, {-(double)FLT_MAX, -inf}, {-inf, -inf}, {3e38, 3e38}};
    const double wanted[] = {100 + log(2), -200 + log(2), -(double)FLT_MAX, -inf, 3e38};
    float single[5];
    v = values(&x, PAL_F32, PAL_SHAPE(5, 2), &narrow[0][0]);
    eval(pal_logsumexp(v, 2, false), single);
    for (int i = 0; i < 5; i++) ck_assert_float_eq(single[i], (float)wanted[i]);
    pal_tensor_free(x);
}
END_TEST

START_TEST(norms_neither_overflow_nor_vanish)
{
    static const double unit[] = {1, 1e200, 1e-200, 1e307, 5e-324 * 1e10, 1e130, 1e-130, 0x1p400, 0x1p-400};
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
    /* 3, 4, 5 exactly; infinity; NaN; at 0 value, gradient and Hessian are 0 and finite. */
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

START_TEST(variance_takes_two_passes)
{
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(4), (double[]){1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 6});
    double out[3];
    eval(pal_variance(v, 1, false, 0), out);
    eval(pal_variance(v, 1, false, 1), out + 1);
    eval(pal_variance(pal_sum_all(v), 0, false, 0), out + 2);
    ck_assert_double_eq(out[0], 3.5);
    near(out[1], 14 / 3.0, 1e-15);
    ck_assert_double_eq(out[2], 0);
    pal_tensor_free(x);
}
END_TEST

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

/* A NaN at any place of rows of any length wins on every instruction set, whose bits agree. */
START_TEST(kernels_agree)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    static double kept[300];
    pal_context *chosen = c;
    for (int i = 0; i < 3; i++)
        for (unsigned threads = 1; threads < 3; threads++) {
            c = pal_context_new(
                &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .isa = isas[i]});
            if (!c) continue; /* the processor has no such instructions */
            size_t at = 0;
            for (int n = 1; n < 100; n += 7)
                for (int f32 = 0; f32 < 2; f32++) {
                    pal_tape *tape = pal_tape_new(c, PAL_F64);
                    pal_dtype type = f32 ? PAL_F32 : PAL_F64;
                    pal_tensor *x = random_tensor(c, type, PAL_SHAPE(70, n), 0.5, 1.6, "x");
                    pal_var v = pal_leaf(tape, x, "x");
                    double out[4][70];
                    for (int nan = -1; nan < n; nan += nan < 0 ? 1 : 5) {
                        double saved = nan < 0 ? 0 : pal_tensor_get(x, (size_t)nan);
                        if (nan >= 0) pal_tensor_set(x, (size_t)nan, nan_);
                        eval(pal_cast(pal_reduce_max(v, 2, false), PAL_F64), out[0]);
                        eval(pal_cast(pal_reduce_min(v, 2, false), PAL_F64), out[1]);
                        eval(pal_cast(pal_prod(v, 2, false), PAL_F64), out[2]);
                        eval(pal_cast(pal_arg_max(v, 1), PAL_F64), out[3]);
                        if (nan >= 0) {
                            ck_assert(isnan(out[0][0]) && isnan(out[1][0]) && isnan(out[2][0]));
                            ck_assert_double_eq(out[3][0], nan);
                            pal_tensor_set(x, (size_t)nan, saved);
                            continue;
                        }
                        for (int k = 0; k < 4; k++) {
                            double sum = 0;
                            for (int row = 0; row < 70; row++) sum += (row + 1) * out[k][row];
                            if (i || threads > 1) ck_assert_double_eq(sum, kept[at]);
                            kept[at++] = sum;
                        }
                        for (int row = 0; row < 70; row++) {
                            double high = 0, low = 9;
                            for (int j = 0; j < n; j++) {
                                high = fmax(high, pal_tensor_get(x, (size_t)(row * n + j)));
                                low = fmin(low, pal_tensor_get(x, (size_t)(row * n + j)));
                            }
                            ck_assert_double_eq(out[0][row], high);
                            ck_assert_double_eq(out[1][row], low);
                        }
                    }
                    pal_tensor_free(x);
                    pal_tape_free(tape);
                }
            pal_context_free(c);
        }
    c = chosen;
}
END_TEST

/* ---- Products with zeros ------------------------------------------------------------------------------------------
 */

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
    /* The third and fourth derivative of x0 x1 x2 x3 by one after another, at 0: 0 and 1. */
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

/* ---- Programs -----------------------------------------------------------------------------------------------------
 */

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
    pal_var product = pal_matmul(x, pal_transpose(x));
    y = pal_add(y, pal_sum_all(pal_mul(pal_diagonal(product), pal_sum(pal_lower_triangle(product, 1), 2, false))));
    return y;
}

/* Value, gradient and second derivative have the same bits with every pass and none, on one thread and two. */
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
        double x[] = {0.3, -1.2, 0.8, 1.4, -0.5, 0.9, 0.1, -0.8}; /* no near ties: the region hides its kinks */
        pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2, 4), x);
        pal_gradcheck_report r;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 2};
        ck_assert_int_eq(pal_gradcheck(c, "region", region_build, NULL, &in, 1, &o, &r), PAL_OK);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "order %d: error %g %s", order, r.error, r.message);
        pal_tensor_free(in);
    }
}
END_TEST

START_TEST(wrong_uses_are_refused)
{
    pal_tensor *x, *y;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 3), (double[6]){0}),
            u = values(&y, PAL_I32, PAL_SHAPE(2, 3), (double[6]){0});
    pal_var none = {.tape = t}, nothing = {0};
    pal_mark m = pal_tape_mark(t);
#define REFUSED(call, text)                                                                                            \
    ck_assert_msg(!pal_ok(call), #call);                                                                               \
    ck_assert_msg(pal_tape_error(t) && strstr(pal_tape_error(t), text), "%s: %s", #call, pal_tape_error(t));           \
    pal_tape_rewind(t, m)
    static const char *const names[REDUCTIONS] = {"sum",       "mean",       "prod", "reduce_max", "reduce_min",
                                                  "logsumexp", "logmeanexp", "norm", "variance",   "variance"};
    for (int k = 0; k < REDUCTIONS; k++) {
        char text[80];
        snprintf(text, sizeof text, "%s: an axis beyond rank 2", names[k]);
        REFUSED(reductions[k](v, 4, false), text);
        REFUSED(reductions[k](v, 1u << 31, true), text);
        snprintf(text, sizeof text, "%s: only reals are reduced, not i32", names[k]);
        REFUSED(reductions[k](u, 1, false), text);
        snprintf(text, sizeof text, "%s: a bad handle", names[k]);
        REFUSED(reductions[k](none, 0, false), text);
        ck_assert(!reductions[k](nothing, 1, false).id);
    }
    REFUSED(pal_variance(v, 1, false, 2), "variance: 2 terms less a correction of 2");
    REFUSED(pal_variance(v, 1, false, -1), "variance: 2 terms less a correction of -1");
    pal_tensor_free(x);
    pal_tensor_free(y);
}
END_TEST

Suite *reductions_suite(void)
{
    Suite *s = suite_create("reductions");
    add_case(s, "reductions", setup, teardown,
             TESTS(reductions_match_plain_loops, of_no_elements, extreme_arguments, norms_neither_overflow_nor_vanish,
                   variance_takes_two_passes, ties_share_the_derivative, kernels_agree, products_with_zeros,
                   bits_depend_on_neither_passes_nor_threads, regions_differentiate_twice, wrong_uses_are_refused));
    return s;
}
