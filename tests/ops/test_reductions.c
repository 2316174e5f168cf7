/* test_reductions.c - reductions: values compared with plain loops over every set of axes, extreme arguments, the
 * kernels of every instruction set, errors. */
#include "tests/ops/reductions.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

/* ---- Reductions against plain loops --------------------------------------------------------------------------- */

enum { SUM, MEAN, PROD, MAX, MIN, LOGSUMEXP, LOGMEANEXP, NORM, VARIANCE, STD, UNBIASED, UNBIASED_STD, REDUCTIONS };

static pal_var variance(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 0); }
static pal_var unbiased(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 1); }
static pal_var std0(pal_var x, unsigned axes, bool keep) { return pal_std(x, axes, keep, 0); }
static pal_var std1(pal_var x, unsigned axes, bool keep) { return pal_std(x, axes, keep, 1); }
static pal_var (*const reductions[REDUCTIONS])(pal_var, unsigned, bool) = {
    pal_sum,        pal_mean, pal_prod, pal_reduce_max, pal_reduce_min, pal_logsumexp,
    pal_logmeanexp, pal_norm, variance, std0,           unbiased,       std1};

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
    const double all[REDUCTIONS] = {sum,        sum / m, prod,  high,        low,         log(e),
                                    log(e / m), sqrt(q), v / m, sqrt(v / m), v / (m - 1), sqrt(v / (m - 1))};
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
                if (terms == 1) n -= 4; /* one term has neither unbiased estimate */
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

/* Without elements, a sum is 0, a product 1, a mean NaN, log-sum-exp -inf. Extremes and variances are errors. */
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
        } else if (k >= VARIANCE) {
            ck_assert_msg(strstr(pal_tape_error(t), ": the correction must be at least 0 and less than the 0 terms"),
                          "%s", pal_tape_error(t));
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
    for (int j = 0; j < 3; j++) { /* the gradient is the softmax */
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

/* The mean is subtracted before squaring, so a large common offset loses no accuracy. */
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

/* In rows that are summed in several blocks, norms and variances have the bits that the sums of their terms have, and
 * no element is left out. */
START_TEST(long_rows_are_summed_in_the_same_order)
{
    static const int64_t lengths[] = {511, 512, 513, 1023, 1024, 1025, 1537, 2048, 2049, 5000};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (int f32 = 0; f32 < 2; f32++) {
            const int64_t n = lengths[l];
            const pal_dtype type = f32 ? PAL_F32 : PAL_F64;
            pal_tensor *x = random_tensor(c, type, PAL_SHAPE(2, n), 0.5, 1.5, "x");
            pal_var v = pal_leaf(t, x, "x"), mean = pal_mean(v, 2, true);
            const pal_var pairs[][2] = {
                {pal_norm(v, 2, false), pal_sqrt(pal_sum(pal_square(v), 2, false))},
                {pal_variance(v, 2, false, 0), pal_mean(pal_square(pal_sub(v, mean)), 2, false)}};
            for (size_t k = 0; k < 2; k++) {
                double one[2], other[2];
                eval(pal_cast(pairs[k][0], PAL_F64), one);
                eval(pal_cast(pairs[k][1], PAL_F64), other);
                for (int row = 0; row < 2; row++) near(one[row], other[row], !k ? 0 : f32 ? 1e-6 : 1e-14);
            }
            for (int64_t at = n; at < 2 * n; at += at + 1 < 2 * n ? n - 1 : n) { /* the ends of the second row */
                const double saved = pal_tensor_get(x, (size_t)at);
                double norm[2], variance[2];
                pal_tensor_set(x, (size_t)at, nan_);
                eval(pal_cast(pairs[0][0], PAL_F64), norm);
                eval(pal_cast(pairs[1][0], PAL_F64), variance);
                ck_assert(!isnan(norm[0]) && isnan(norm[1]) && !isnan(variance[0]) && isnan(variance[1]));
                pal_tensor_set(x, (size_t)at, saved);
            }
            pal_tensor_free(x);
            fresh_tape();
        }
}
END_TEST

/* In rows of any length, a NaN at any place makes the result NaN. All instruction sets give the same bits. */
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

/* Reducing columns, which has kernels of its own, agrees with reducing the rows of the transpose. */
START_TEST(columns_agree_with_rows)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    static const pal_shape shapes[] = {{2, {1, 600}},   {2, {40, 17}}, {2, {70, 256}}, {2, {5, 1025}},
                                       {3, {3, 4, 70}}, {2, {9, 1}},   {2, {4, 0}}};
    pal_context *chosen = c;
    for (int i = 0; i < 6; i++) {
        c = pal_context_new(&(pal_context_options){
            .struct_size = sizeof(pal_context_options), .threads = 1 + (unsigned)i % 2, .isa = isas[i / 2]});
        if (!c) continue; /* the processor has no such instructions */
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int f32 = 0; f32 < 2; f32++) {
                pal_tape *tape = pal_tape_new(c, PAL_F64);
                pal_tensor *x = random_tensor(c, f32 ? PAL_F32 : PAL_F64, shapes[s], -1, 1, "x");
                size_t n = pal_tensor_count(x);
                if (n > 20) {
                    pal_tensor_set(x, 0, nan_);
                    pal_tensor_set(x, n - 2, nan_);
                    pal_tensor_set(x, n / 2, -inf);
                    pal_tensor_set(x, n / 3, inf);
                }
                pal_var v = pal_leaf(tape, x, "x"), turned, out[6];
                int64_t columns = shapes[s].dim[shapes[s].rank - 1];
                unsigned front = (1u << (shapes[s].rank - 1)) - 1;
                turned = pal_transpose(pal_reshape(v, PAL_SHAPE(front == 1 ? shapes[s].dim[0] : 12, columns)));
                for (int k = 0; k < 2; k++) {
                    pal_var u = k ? turned : v;
                    unsigned axes = k ? 2 : front;
                    out[k] = pal_cast(pal_reduce_max(u, axes, false), PAL_F64);
                    out[2 + k] = pal_cast(pal_reduce_min(u, axes, false), PAL_F64);
                    out[4 + k] = pal_cast(pal_logsumexp(u, axes, false), PAL_F64);
                }
                pal_program *p = pal_compile(tape, out, 6, NULL);
                ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
                ck_assert_int_eq(pal_run(p), PAL_OK);
                for (size_t k = 0; k < 6; k += 2)
                    for (size_t e = 0; e < (size_t)columns; e++)
                        near(pal_tensor_get(pal_output(p, k), e), pal_tensor_get(pal_output(p, k + 1), e),
                             k < 4 ? 0 : 1e-6);
                pal_program_free(p);
                pal_tape_free(tape);
                pal_tensor_free(x);
            }
        pal_context_free(c);
    }
    c = chosen;
}
END_TEST

/* A sum adds its terms in their order, in blocks: over any axes it has the bits of the sum of a row with these terms.
 */
START_TEST(sums_depend_on_the_order_of_terms_alone)
{
    static const pal_shape shapes[] = {{4, {9, 3, 14, 14}},  {4, {37, 3, 41, 2}},  {3, {5, 700, 3}},
                                       {4, {2, 7, 300, 11}}, {4, {3, 300, 2, 35}}, {4, {70, 1, 9, 9}},
                                       {3, {2, 0, 3}}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int f32 = 0; f32 < 2; f32++)
            for (unsigned axes = 1; axes < 1u << shapes[s].rank; axes++) {
                const int rank = shapes[s].rank;
                pal_tape *tape = pal_tape_new(c, PAL_F64);
                pal_tensor *x = random_tensor(c, f32 ? PAL_F32 : PAL_F64, shapes[s], -1, 1, "x");
                int order[PAL_MAX_RANK], n = 0;
                int64_t rows = 1, terms = 1;
                for (unsigned reduced = 0; reduced < 2; reduced++)
                    for (int a = 0; a < rank; a++)
                        if ((axes >> a & 1) == reduced) {
                            *(reduced ? &terms : &rows) *= shapes[s].dim[a];
                            order[n++] = a;
                        }
                pal_var v = pal_leaf(tape, x, "x");
                pal_var row = pal_reshape(pal_permute(v, order), PAL_SHAPE(rows, terms));
                pal_var out[] = {pal_sum(v, axes, false), pal_sum(row, 2, false)};
                pal_program *p = pal_compile(tape, out, 2, NULL);
                ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
                ck_assert_int_eq(pal_run(p), PAL_OK);
                for (size_t e = 0; e < (size_t)rows; e++)
                    ck_assert_double_eq(pal_tensor_get(pal_output(p, 0), e), pal_tensor_get(pal_output(p, 1), e));
                pal_program_free(p);
                pal_tape_free(tape);
                pal_tensor_free(x);
            }
}
END_TEST

START_TEST(wrong_uses_are_refused)
{
    pal_tensor *x, *y;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 3), (double[6]){0}),
            u = values(&y, PAL_I32, PAL_SHAPE(2, 3), (double[6]){0});
    pal_var none = {.tape = t}, nothing = {0};
    static const char *const names[REDUCTIONS] = {"sum",        "mean",      "prod",       "reduce_max",
                                                  "reduce_min", "logsumexp", "logmeanexp", "norm",
                                                  "variance",   "std",       "variance",   "std"};
    for (int k = 0; k < REDUCTIONS; k++) {
        char text[80];
        snprintf(text, sizeof text, "%s: an axis is out of range for rank 2", names[k]);
        ck_assert_refused_saying(t, reductions[k](v, 4, false), text);
        ck_assert_refused_saying(t, reductions[k](v, 1u << 31, true), text);
        snprintf(text, sizeof text, "%s: the operand must be real, not i32", names[k]);
        ck_assert_refused_saying(t, reductions[k](u, 1, false), text);
        snprintf(text, sizeof text, "%s: the operand is a bad handle", names[k]);
        ck_assert_refused_saying(t, reductions[k](none, 0, false), text);
        ck_assert(!reductions[k](nothing, 1, false).id);
    }
    ck_assert_refused_saying(t, pal_variance(v, 1, false, 2),
                             "variance: the correction must be at least 0 and less than the 2 terms, not 2");
    ck_assert_refused_saying(t, pal_variance(v, 1, false, -1),
                             "variance: the correction must be at least 0 and less than the 2 terms, not -1");
    ck_assert_refused_saying(t, pal_std(v, 1, false, 2),
                             "std: the correction must be at least 0 and less than the 2 terms, not 2");
    pal_tensor_free(x);
    pal_tensor_free(y);
}
END_TEST

Suite *reductions_suite(void)
{
    Suite *s = suite_create("reductions");
    add_case(s, "reductions", setup, teardown,
             TESTS(reductions_match_plain_loops, of_no_elements, extreme_arguments, variance_takes_two_passes,
                   long_rows_are_summed_in_the_same_order, kernels_agree, columns_agree_with_rows,
                   sums_depend_on_the_order_of_terms_alone, wrong_uses_are_refused));
    return s;
}
