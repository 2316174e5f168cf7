/* Reductions, scans, sorting and picking: values against plain loops over every set of axes, extreme arguments,
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

/* ---- Running sums -------------------------------------------------------------------------------------------------
 */

START_TEST(running_sums)
{
    static const int64_t dims[] = {3, 4, 2};
    for (int f32 = 0; f32 < 2; f32++)
        for (int axis = -3; axis < 3; axis++)
            for (int flags = 0; flags < 4; flags++) {
                bool exclusive = flags & 1, reverse = flags >> 1;
                int a = axis < 0 ? axis + 3 : axis, n = (int)dims[a], stride = a == 0 ? 8 : a == 1 ? 2 : 1;
                pal_tensor *x = random_tensor(c, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(3, 4, 2), -1, 1, "x");
                double out[24];
                eval(pal_cast(pal_cumsum(pal_leaf(t, x, "x"), axis, exclusive, reverse), PAL_F64), out);
                for (int i = 0; i < 24; i++) {
                    int at = i / stride % n, first = i - at * stride;
                    double sum = 0;
                    for (int j = 0; j < n; j++)
                        if (j == at ? !exclusive : (j < at) != reverse)
                            sum += pal_tensor_get(x, (size_t)(first + j * stride));
                    near(out[i], sum, f32 ? 1e-7 : 1e-15);
                }
                pal_tensor_free(x);
                fresh_tape();
            }
    /* float32 adds in double: the last of many is right to its last bit or so. */
    enum { N = 100000 };
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(N), 0, 1, "x");
    float *out = malloc(N * sizeof *out);
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += pal_tensor_get(x, i);
    eval(pal_cumsum(pal_leaf(t, x, "x"), 0, false, false), out);
    ck_assert_float_eq(out[N - 1], (float)sum);
    free(out);
    pal_tensor_free(x);
}
END_TEST

/* ---- Order --------------------------------------------------------------------------------------------------------
 */

START_TEST(first_of_equals_and_nan)
{
    static const double in[][5] = {{1, 3, 3, 0, 0},        {0, -0.0, 0, -0.0, 0},
                                   {2, nan_, 9, nan_, -9}, {-inf, -inf, -inf, -inf, -inf},
                                   {nan_, nan_, 1, 2, 3},  {inf, 5, inf, -inf, -inf}};
    static const int32_t high[] = {1, 0, 1, 0, 0, 0}, low[] = {3, 0, 1, 0, 0, 3};
    static const int32_t up[][5] = {{3, 4, 0, 1, 2}, {0, 1, 2, 3, 4}, {4, 0, 2, 1, 3},
                                    {0, 1, 2, 3, 4}, {2, 3, 4, 0, 1}, {3, 4, 1, 0, 2}};
    static const int32_t down[][5] = {{1, 2, 0, 3, 4}, {0, 1, 2, 3, 4}, {2, 0, 4, 1, 3},
                                      {0, 1, 2, 3, 4}, {4, 3, 2, 0, 1}, {0, 2, 1, 3, 4}};
    for (int f32 = 0; f32 < 2; f32++) {
        pal_tensor *x;
        pal_var v = values(&x, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(6, 5), &in[0][0]), w = pal_transpose(v);
        int32_t out[6], order[6][5];
        eval(pal_arg_max(v, 1), out);
        ck_assert_mem_eq(out, high, sizeof out);
        eval(pal_arg_max(w, 0), out);
        ck_assert_mem_eq(out, high, sizeof out);
        eval(pal_arg_min(v, -1), out);
        ck_assert_mem_eq(out, low, sizeof out);
        eval(pal_arg_sort(v, 1, false), order);
        ck_assert_mem_eq(order, up, sizeof order);
        eval(pal_arg_sort(v, 1, true), order);
        ck_assert_mem_eq(order, down, sizeof order);
        eval(pal_transpose(pal_arg_sort(w, 0, true)), order);
        ck_assert_mem_eq(order, down, sizeof order);
        for (int k = 0; k <= 5; k++) {
            int32_t top[6][5];
            eval(pal_arg_top_k(v, -1, k), top);
            for (int i = 0; i < 6; i++)
                for (int j = 0; j < k; j++) ck_assert_int_eq((&top[0][0])[i * k + j], down[i][j]);
        }
        pal_tensor_free(x);
        fresh_tape();
    }
}
END_TEST

static double pattern(int which, size_t i, size_t n)
{
    double u;
    pal_noise_uniform((pal_noise){.seed = 5}, "pattern", i, 1, &u);
    switch (which) {
    case 0:
        return u - 0.5;
    case 1:
        return (double)i;
    case 2:
        return (double)(n - i);
    case 3:
        return 7;
    case 4:
        return floor(10 * u) - 5;
    case 5:
        return u < 0.3 ? nan_ : u < 0.5 ? -inf : u - 0.6;
    default:
        return i % 2 ? (double)i : -(double)i;
    }
}

/* Whether element i stands before j in the descending order. */
static bool before(double x, size_t i, double y, size_t j)
{
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? i < j : isnan(y);
    return x > y || (x == y && i < j);
}

START_TEST(long_rows_are_ordered)
{
    static const size_t lengths[] = {1, 15, 16, 17, 33, 100, 257, 1000};
    for (int which = 0; which < 7; which++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (int f32 = 0; f32 < 2; f32++) {
                size_t n = lengths[l];
                pal_tensor *x = pal_tensor_new(c, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(2, (int64_t)n));
                for (size_t i = 0; i < 2 * n; i++) pal_tensor_set(x, i, pattern(which, i, 2 * n));
                pal_var v = pal_leaf(t, x, "x");
                int32_t *order = malloc(2 * n * sizeof *order), *top = malloc(2 * n * sizeof *top);
                eval(pal_arg_sort(v, 1, true), order);
                for (size_t row = 0; row < 2; row++) {
                    const int32_t *o = order + row * n;
                    for (size_t i = 0; i + 1 < n; i++)
                        ck_assert(before(pal_tensor_get(x, row * n + (size_t)o[i]), (size_t)o[i],
                                         pal_tensor_get(x, row * n + (size_t)o[i + 1]), (size_t)o[i + 1]));
                }
                for (size_t k = 1; k <= n; k = k * 3 + 1) {
                    eval(pal_arg_top_k(v, 1, (int64_t)k), top);
                    for (size_t row = 0; row < 2; row++)
                        ck_assert_mem_eq(top + row * k, order + row * n, k * sizeof *top);
                }
                free(order);
                free(top);
                pal_tensor_free(x);
                fresh_tape();
            }
}
END_TEST

START_TEST(derivatives_go_to_where_values_came_from)
{
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 4), (double[]){3, 1, 4, 1, -5, 9, 2, 6}), g[3];
    pal_var four = pal_reshape(pal_cumsum(pal_fill(t, PAL_F64, PAL_SHAPE(4), 1), 0, false, false), PAL_SHAPE(1, 4));
    pal_var seed = pal_broadcast_to(four, PAL_SHAPE(2, 4)); /* 1 2 3 4 */
    pal_var y[] = {pal_sort(v, 1, false), pal_sort(v, 1, true), pal_top_k(v, 1, 2)};
    static const double sorted[][8] = {{1, 1, 3, 4, -5, 2, 6, 9}, {4, 3, 1, 1, 9, 6, 2, -5}, {4, 3, 9, 6}};
    static const double slopes[][8] = {{3, 1, 4, 2, 1, 4, 2, 3}, {2, 3, 1, 4, 4, 1, 3, 2}, {2, 0, 1, 0, 0, 1, 0, 2}};
    for (int k = 0; k < 3; k++) {
        double out[8] = {0}, slope[8];
        pal_var s =
            k < 2 ? seed : pal_slice(seed, (const int64_t[]){0, 0}, (const int64_t[]){2, 2}, (const int64_t[]){1, 1});
        ck_assert_int_eq(pal_vjp(y[k], s, &v, 1, &g[k]), PAL_OK);
        eval(y[k], out);
        eval(g[k], slope);
        ck_assert_mem_eq(out, sorted[k], (k < 2 ? 8 : 4) * sizeof *out);
        ck_assert_mem_eq(slope, slopes[k], sizeof slope);
    }
    pal_tensor_free(x);
}
END_TEST

static pal_var sort_build(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)tape;
    switch (*(const int *)user) {
    case 0:
        return pal_square(pal_sort(in[0], 0, false));
    case 1:
        return pal_square(pal_top_k(in[0], 0, 2));
    case 2:
        return pal_square(pal_reduce_max(in[0], 1, false));
    case 3:
        return pal_square(pal_reduce_min(pal_neg(in[0]), 1, false));
    default:
        return pal_square(pal_gather(in[0], pal_expand(pal_arg_max(in[0], 0), 0), 0));
    }
}

/* Two values nearer than the step change places; the checker calls that a kink, not a failure. */
START_TEST(near_ties_are_kinks)
{
    for (int k = 0; k < 5; k++) {
        double x[] = {1, 3, 3.01, -2};
        pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(4), x);
        for (int order = 1; order < 3; order++) {
            pal_gradcheck_report r;
            ck_assert_int_eq(pal_gradcheck(c, "near ties", sort_build, &k, &in, 1,
                                           &(pal_gradcheck_options){
                                               .struct_size = sizeof(pal_gradcheck_options), .order = order, .seed = 3},
                                           &r),
                             PAL_OK);
            ck_assert_msg(r.kinks > 0 && r.verdict != PAL_CHECK_FAIL, "function %d order %d: %zu kinks, error %g", k,
                          order, r.kinks, r.error);
        }
        pal_tensor_free(in);
    }
}
END_TEST

/* ---- Picking ------------------------------------------------------------------------------------------------------
 */

START_TEST(gather_picks_along_any_axis)
{
    static const pal_dtype types[] = {PAL_F32, PAL_F64, PAL_I32, PAL_U8, PAL_BOOL};
    static const int64_t dims[] = {3, 4, 2};
    for (size_t d = 0; d < 5; d++)
        for (int axis = -3; axis < 3; axis++) {
            int a = axis < 0 ? axis + 3 : axis;
            pal_shape s = PAL_SHAPE(3, 4, 2), k = s;
            k.dim[a] = 5;
            pal_tensor *x = pal_tensor_new(c, types[d], s), *at = pal_tensor_new(c, PAL_I32, k),
                       *y = random_tensor(c, PAL_F64, k, -1, 1, "y");
            for (size_t i = 0; i < 24; i++) pal_tensor_set(x, i, (double)(types[d] == PAL_BOOL ? i % 3 == 0 : i));
            for (size_t i = 0; i < pal_tensor_count(at); i++)
                pal_tensor_set(at, i, (double)(i * i * 7 % (size_t)dims[a]));
            pal_var v = pal_leaf(t, x, "x"), w = pal_leaf(t, y, "y"), indices = pal_leaf(t, at, "at");
            pal_var picked = pal_gather(v, indices, axis);
            ck_assert_int_eq(pal_dtype_of(picked), types[d]);
            double out[60], back[24];
            eval(pal_cast(picked, PAL_F64), out);
            eval(pal_gather_add(w, indices, axis, dims[a]), back);
            double left = 0, right = 0;
            for (int i = 0; i < (int)pal_tensor_count(at); i++) {
                int64_t index[3] = {i / (k.dim[1] * k.dim[2]), i / k.dim[2] % k.dim[1], i % k.dim[2]};
                index[a] = (int64_t)pal_tensor_get(at, (size_t)i);
                ck_assert_double_eq(out[i], pal_tensor_get(x, (size_t)((index[0] * 4 + index[1]) * 2 + index[2])));
                left += out[i] * pal_tensor_get(y, (size_t)i);
            }
            for (size_t i = 0; i < 24; i++) right += pal_tensor_get(x, i) * back[i];
            near(left, right, 1e-13); /* <gather(x), y> = <x, gather_add(y)> */
            pal_tensor_free(x);
            pal_tensor_free(y);
            pal_tensor_free(at);
            fresh_tape();
        }
}
END_TEST

START_TEST(indices_out_of_range_fail_the_run)
{
    for (int k = 0; k < 4; k++) {
        pal_tensor *x, *at;
        pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 2), (double[]){1, 2, 3, 4});
        pal_var i = values(&at, PAL_I32, PAL_SHAPE(2, 2), (double[]){0, 1, k & 1 ? -1 : 2, 0});
        pal_var y = k < 2 ? pal_gather(v, i, 1) : pal_gather_add(v, i, 1, 2);
        pal_program *p = pal_compile(t, &y, 1, NULL);
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(pal_run(p), PAL_ERR_ARGUMENT);
        char text[80];
        snprintf(text, sizeof text, "%s: index %d at place 2 is not in 0 .. 1", k < 2 ? "gather" : "gather_add",
                 k & 1 ? -1 : 2);
        ck_assert_str_eq(pal_program_error(p), text);
        pal_program_free(p);
        pal_tensor_free(x);
        pal_tensor_free(at);
        fresh_tape();
    }
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
    pal_var scalar = pal_sum_all(v), none = {.tape = t}, nothing = {0};
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
    REFUSED(pal_cumsum(v, 2, false, false), "cumsum: axis 2 of rank 2");
    REFUSED(pal_cumsum(scalar, 0, false, false), "cumsum: axis 0 of rank 0");
    REFUSED(pal_cumsum(u, 0, false, false), "only reals are summed");
    REFUSED(pal_cumsum(none, 0, false, false), "cumsum: a bad handle");
    REFUSED(pal_arg_max(v, -3), "arg_max: axis -3 of rank 2");
    REFUSED(pal_arg_min(scalar, 0), "arg_min: axis 0 of rank 0");
    REFUSED(pal_arg_max(u, 0), "arg_max: [3,2]: only reals are ordered");
    REFUSED(pal_arg_min(pal_fill(t, PAL_F64, PAL_SHAPE(3, 0), 0), 1),
            "arg_min: [3,0]: there are no elements to choose");
    REFUSED(pal_arg_sort(v, 2, false), "arg_sort: axis 2 of rank 2");
    REFUSED(pal_sort(u, 0, false), "sort: only reals are ordered, not i32");
    REFUSED(pal_sort(none, 0, false), "sort: a bad handle");
    REFUSED(pal_top_k(v, 1, 4), "top_k: 4 of 3 elements");
    REFUSED(pal_arg_top_k(v, 1, -1), "arg_top_k: -1 of 3 elements");
    REFUSED(pal_top_k(v, 5, 1), "top_k: axis 5 of rank 2");
    REFUSED(pal_gather(v, v, 0), "the indices are to be i32");
    REFUSED(pal_gather(v, u, 2), "gather: axis 2 of rank 2");
    REFUSED(pal_gather(v, pal_transpose(u), 0), "equal but for the axis");
    REFUSED(pal_gather(v, pal_reshape(u, PAL_SHAPE(6)), 0), "equal but for the axis");
    REFUSED(pal_gather(v, none, 0), "gather: operand 2 is a bad handle");
    REFUSED(pal_gather_add(u, u, 0, 2), "gather_add: [3,2] x [3,2]: only reals are added");
    REFUSED(pal_gather_add(v, u, 0, -1), "a negative size");
    REFUSED(pal_gather_add(none, u, 0, 1), "gather_add: operand 1 is a bad handle");
    ck_assert(!pal_cumsum(nothing, 0, false, false).id && !pal_arg_max(nothing, 0).id &&
              !pal_sort(nothing, 0, true).id);
    ck_assert(!pal_top_k(nothing, 0, 1).id && !pal_gather(nothing, nothing, 0).id);
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
                   running_sums, first_of_equals_and_nan, long_rows_are_ordered,
                   derivatives_go_to_where_values_came_from, near_ties_are_kinks, gather_picks_along_any_axis,
                   indices_out_of_range_fail_the_run, bits_depend_on_neither_passes_nor_threads,
                   regions_differentiate_twice, wrong_uses_are_refused));
    return s;
}
