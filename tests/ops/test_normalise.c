/* test_normalise.c - softmax, layer and batch normalisation, dropout, layers with weights. */
#include "autograd/communicator.h"
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

/* The elements of v as doubles. The caller frees them. */
static double *values(pal_var v)
{
    size_t n = (size_t)pal_shape_count(pal_shape_of(v));
    double *out = calloc(n + 1, sizeof *out);
    ck_assert_int_eq(pal_eval(pal_cast(v, PAL_F64), out), PAL_OK);
    return out;
}

static void near(double a, double b, double tolerance)
{
    ck_assert_msg(a == b || fabs(a - b) <= tolerance, "%.17g, not %.17g", a, b);
}

static pal_var gradient(pal_var y, pal_var x)
{
    pal_var g;
    ck_assert_int_eq(pal_grad(y, &x, 1, &g), PAL_OK);
    return g;
}

/* ---- Softmax -------------------------------------------------------------------------------------------------- */

START_TEST(softmax_sums_to_one_and_ignores_shifts)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3, 4), -4, 4, "x");
    pal_var v = pal_leaf(t, x, "x");
    for (int axis = -3; axis < 3; axis++) {
        unsigned axes = 1u << (axis < 0 ? axis + 3 : axis);
        double *sum = values(pal_sum(pal_softmax(v, axis), axes, false)), *p = values(pal_softmax(v, axis)),
               *moved = values(pal_softmax(pal_shift(v, 3), axis)), *log = values(pal_log_softmax(v, axis));
        for (int i = 0; i < 24 >> (axes == 1 ? 1 : 2); i++) near(axes == 2 && i >= 8 ? 1 : sum[i], 1, 1e-15);
        for (int i = 0; i < 24; i++) {
            near(moved[i], p[i], 1e-15);
            near(log[i], log1p(p[i] - 1), 1e-14);
        }
        free(sum), free(p), free(moved), free(log);
    }
    pal_tensor_free(x);
}
END_TEST

/* d p_i / d x_j = p_i ((i == j) - p_j), and for the logarithm (i == j) - p_j. */
START_TEST(softmax_has_its_jacobian)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(4), -2, 2, "x");
    pal_var v = pal_leaf(t, x, "x");
    double *p = values(pal_softmax(v, 0));
    for (int64_t i = 0; i < 4; i++) {
        pal_var one = pal_slice(pal_softmax(v, 0), &i, (int64_t[]){1}, (int64_t[]){1});
        pal_var log_one = pal_slice(pal_log_softmax(v, 0), &i, (int64_t[]){1}, (int64_t[]){1});
        double *row = values(gradient(pal_sum_all(one), v)), *log_row = values(gradient(pal_sum_all(log_one), v));
        for (int64_t j = 0; j < 4; j++) {
            near(row[j], p[i] * ((i == j) - p[j]), 1e-15);
            near(log_row[j], (i == j) - p[j], 1e-15);
        }
        free(row), free(log_row);
    }
    free(p);
    pal_tensor_free(x);
}
END_TEST

/* Computes softmax p and log-softmax l of one row in this type, and the slope of sum_i (i + 1) p_i. */
static void softmax_row(pal_dtype dtype, const double *x, size_t n, double *p, double *l, double *slope)
{
    pal_tape *tape = pal_tape_new(c, dtype);
    pal_tensor *row = pal_tensor_new(c, dtype, PAL_SHAPE((int64_t)n)), *w = pal_tensor_new(c, dtype, row->shape);
    for (size_t i = 0; i < n; i++) pal_tensor_set(row, i, x[i]), pal_tensor_set(w, i, (double)i + 1);
    pal_var v = pal_leaf(tape, row, "x"), s = pal_softmax(v, -1),
            g = gradient(pal_sum_all(pal_mul(s, pal_leaf(tape, w, "w"))), v);
    ck_assert_int_eq(pal_eval(pal_cast(s, PAL_F64), p) | pal_eval(pal_cast(g, PAL_F64), slope) |
                         pal_eval(pal_cast(pal_log_softmax(v, -1), PAL_F64), l),
                     PAL_OK);
    pal_tape_free(tape);
    pal_tensor_free(row);
    pal_tensor_free(w);
}

START_TEST(softmax_at_extreme_arguments)
{
    const double inf = (double)INFINITY;
    for (int d = 0; d < 2; d++) {
        pal_dtype dtype = d ? PAL_F64 : PAL_F32;
        double p[3], l[3], g[3], tolerance = d ? 1e-15 : 1e-6;
        softmax_row(dtype, (double[]){1000, 1000, -1000}, 3, p, l, g);
        for (int i = 0; i < 2; i++) near(p[i], 0.5, 0), near(l[i], -log(2), tolerance);
        near(p[2], 0, 0), near(l[2], -2000 - log(2), 1e-3);
        near(g[0], -0.25, tolerance), near(g[1], 0.25, tolerance), near(g[2], 0, 0);
        /* A class masked by -inf has probability 0, and no derivative flows from or to it. */
        softmax_row(dtype, (double[]){1, -inf, 1}, 3, p, l, g);
        near(p[0], 0.5, 0), near(p[1], 0, 0), near(p[2], 0.5, 0), near(l[0], -log(2), tolerance);
        ck_assert(l[1] == -inf);
        near(g[0], -0.5, tolerance), near(g[1], 0, 0), near(g[2], 0.5, tolerance);
        softmax_row(dtype, (double[]){-1000}, 1, p, l, g);
        near(p[0], 1, 0), near(l[0], 0, 0), near(g[0], 0, 0);
        softmax_row(dtype, (double[]){-inf, -inf}, 2, p, l, g);
        ck_assert(isnan(p[0]) && isnan(l[1]));
        softmax_row(dtype, (double[]){0, (double)NAN, 0}, 3, p, l, g);
        for (int i = 0; i < 3; i++) ck_assert(isnan(p[i]) && isnan(l[i]));
    }
}
END_TEST

/* log_softmax is accurate where the logarithm of a softmax in float32 is not. */
START_TEST(log_softmax_of_close_large_arguments)
{
    double p[2], l[2], g[2];
    softmax_row(PAL_F32, (double[]){1000, 1000.125}, 2, p, l, g);
    near(l[0], -log1p(exp(0.125)), 1e-7);
    near(l[1], -log1p(exp(-0.125)), 1e-7);
}
END_TEST

/* Row k through softmax, layer normalisation and dropout; recorded in a region and differentiated twice. */
static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    const pal_var none = {.tape = tape};
    pal_var row = pal_take(*(const pal_var *)user, k), p = pal_softmax(row, 0);
    return pal_sum_all(pal_mul(p, pal_dropout("mask", pal_layer_norm(row, 1, none, none, 0.1), 0.3)));
}

START_TEST(inside_regions)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3), -1, 1, "x");
    pal_var v = pal_leaf(t, x, "x");
    pal_var y = pal_map_sum(t, 4, body, &v), g = gradient(y, v), h = gradient(pal_sum_squares(g), v);
    double *second = values(h);
    for (size_t i = 0; i < 12; i++) { /* compare with a central difference of the gradient's squared norm */
        double old = pal_tensor_get(x, i), side[2];
        for (int s = 0; s < 2; s++) {
            pal_tensor_set(x, i, old + (s ? 1e-5 : -1e-5));
            ck_assert_int_eq(pal_eval(pal_sum_squares(g), &side[s]), PAL_OK);
        }
        pal_tensor_set(x, i, old);
        near(second[i], (side[1] - side[0]) / 2e-5, 1e-8);
    }
    free(second);
    pal_tensor_free(x);
}
END_TEST

/* ---- Layer normalisation -------------------------------------------------------------------------------------- */

START_TEST(layer_norm_has_mean_0_and_variance_1)
{
    static const unsigned some[] = {1, 2, 4, 6, 5, 7};
    const pal_var none = {.tape = t};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4, 5), -1, 7, "x"),
               *w = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4, 5), -1, 1, "w");
    pal_var v = pal_leaf(t, x, "x"), weights = pal_leaf(t, w, "w");
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        pal_var y = pal_layer_norm(v, some[i], none, none, 0), mean = pal_mean(y, some[i], false),
                square = pal_mean(pal_square(y), some[i], false), g = gradient(pal_sum_all(pal_mul(y, weights)), v);
        /* Shifting or scaling x does not change y, so the gradient by x is orthogonal to a constant and to y. */
        pal_var along_constant = pal_sum(g, some[i], false), along_y = pal_sum(pal_mul(g, y), some[i], false);
        double *m = values(mean), *s = values(square), *a = values(along_constant), *b = values(along_y);
        for (size_t k = 0; k < (size_t)pal_shape_count(pal_shape_of(mean)); k++) {
            near(m[k], 0, 1e-14);
            near(s[k], 1, 1e-14);
            near(a[k], 0, 1e-13);
            near(b[k], 0, 1e-13);
        }
        free(m), free(s), free(a), free(b);
    }
    pal_tensor_free(x);
    pal_tensor_free(w);
}
END_TEST

START_TEST(layer_norm_scales_and_shifts)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), -1, 7, "x"),
               *gain = random_tensor(c, PAL_F64, PAL_SHAPE(4), 0.5, 2, "gain"),
               *shift = random_tensor(c, PAL_F64, PAL_SHAPE(3, 1), -1, 1, "shift");
    double *y =
        values(pal_layer_norm(pal_leaf(t, x, "x"), 2, pal_leaf(t, gain, "gain"), pal_leaf(t, shift, "shift"), 0.25));
    for (size_t i = 0; i < 3; i++) {
        double mean = 0, variance = 0;
        for (size_t j = 0; j < 4; j++) mean += pal_tensor_get(x, 4 * i + j) / 4;
        for (size_t j = 0; j < 4; j++) variance += pow(pal_tensor_get(x, 4 * i + j) - mean, 2) / 4;
        for (size_t j = 0; j < 4; j++)
            near(y[4 * i + j],
                 (pal_tensor_get(x, 4 * i + j) - mean) / sqrt(variance + 0.25) * pal_tensor_get(gain, j) +
                     pal_tensor_get(shift, i),
                 1e-14);
    }
    free(y);
    pal_tensor_free(x);
    pal_tensor_free(gain);
    pal_tensor_free(shift);
}
END_TEST

/* ---- Batch normalisation -------------------------------------------------------------------------------------- */

enum { N = 4, C = 3, H = 2, W = 5, PLANE = H * W };

/* Mean and biased variance of one channel of x, which is [N,C] or [N,C,H,W]. */
static void statistics(const pal_tensor *x, size_t channel, double *mean, double *variance)
{
    size_t plane = x->shape.rank == 4 ? PLANE : 1;
    *mean = *variance = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t n = 0; n < N; n++)
            for (size_t e = 0; e < plane; e++) {
                double v = pal_tensor_get(x, (n * C + channel) * plane + e);
                *(pass ? variance : mean) += (pass ? pow(v - *mean, 2) : v) / (double)(N * plane);
            }
}

/* The output uses the statistics of the batch. The running ones are updated only by a program with effects. */
START_TEST(batch_norm_in_training)
{
    bool images = _i;
    size_t plane = images ? PLANE : 1;
    pal_shape shape = images ? PAL_SHAPE(N, C, H, W) : PAL_SHAPE(N, C);
    pal_tensor *x = random_tensor(c, PAL_F64, shape, -1, 5, "x"),
               *gain = random_tensor(c, PAL_F64, PAL_SHAPE(C), 0.5, 2, "gain"),
               *shift = random_tensor(c, PAL_F64, PAL_SHAPE(C), -1, 1, "shift"),
               *mean = random_tensor(c, PAL_F64, PAL_SHAPE(C), -1, 1, "mean"),
               *variance = random_tensor(c, PAL_F64, PAL_SHAPE(C), 1, 2, "variance");
    const pal_batch_norm_options o = {.struct_size = sizeof o, .momentum = 0.25, .epsilon = 0.5};
    pal_var out = pal_batch_norm(pal_leaf(t, x, "x"), pal_leaf(t, gain, "g"), pal_leaf(t, shift, "s"),
                                 pal_leaf(t, mean, "m"), pal_leaf(t, variance, "v"), &o);
    ck_assert_tape_ok(t);
    double m[C], v[C], expected_mean[C], expected_variance[C], terms = (double)(N * plane);
    for (size_t k = 0; k < C; k++) {
        statistics(x, k, &m[k], &v[k]);
        expected_mean[k] = pal_tensor_get(mean, k);
        expected_variance[k] = pal_tensor_get(variance, k);
    }
    double *y = values(out); /* evaluates without effects: the statistics stay unchanged */
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        size_t k = i / plane % C;
        near(y[i],
             (pal_tensor_get(x, i) - m[k]) / sqrt(v[k] + 0.5) * pal_tensor_get(gain, k) + pal_tensor_get(shift, k),
             1e-14);
    }
    free(y);
    for (int effects = 0; effects < 2; effects++) {
        pal_program *p = pal_compile(
            t, &out, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = effects});
        ck_assert_ptr_nonnull(p);
        for (int run = 0; run < 4; run++) {
            ck_assert_int_eq(pal_run(p), PAL_OK);
            for (size_t k = 0; k < C; k++) {
                expected_mean[k] += effects * 0.25 * (m[k] - expected_mean[k]);
                expected_variance[k] += effects * 0.25 * (v[k] * terms / (terms - 1) - expected_variance[k]);
                near(pal_tensor_get(mean, k), expected_mean[k], 1e-14);
                near(pal_tensor_get(variance, k), expected_variance[k], 1e-14);
            }
        }
        pal_program_free(p);
    }
    pal_tensor_free(x);
    pal_tensor_free(gain);
    pal_tensor_free(shift);
    pal_tensor_free(mean);
    pal_tensor_free(variance);
}
END_TEST

/* The output has mean 0 and variance 1 per channel. The gradient passes through the statistics, so it is orthogonal to
 * a constant and to y. */
START_TEST(batch_norm_normalises_and_differentiates_its_statistics)
{
    bool images = _i;
    unsigned axes = images ? 13 : 1;
    const pal_var none = {.tape = t};
    pal_shape shape = images ? PAL_SHAPE(N, C, H, W) : PAL_SHAPE(N, C);
    pal_tensor *x = random_tensor(c, PAL_F64, shape, -100, 500, "x"), *w = random_tensor(c, PAL_F64, shape, -1, 1, "w"),
               *mean = pal_tensor_new(c, PAL_F64, PAL_SHAPE(C)), *variance = pal_tensor_new(c, PAL_F64, PAL_SHAPE(C));
    pal_var v = pal_leaf(t, x, "x"),
            y = pal_batch_norm(
                v, none, none, pal_leaf(t, mean, "m"), pal_leaf(t, variance, "v"),
                &(pal_batch_norm_options){.struct_size = sizeof(pal_batch_norm_options), .epsilon = 1e-12});
    pal_var g = gradient(pal_sum_all(pal_mul(y, pal_leaf(t, w, "w"))), v);
    double *m = values(pal_mean(y, axes, false)), *s = values(pal_mean(pal_square(y), axes, false)),
           *a = values(pal_sum(g, axes, false)), *b = values(pal_sum(pal_mul(g, y), axes, false));
    for (int k = 0; k < C; k++) near(m[k], 0, 1e-14), near(s[k], 1, 1e-14), near(a[k], 0, 1e-14), near(b[k], 0, 1e-14);
    free(m), free(s), free(a), free(b);
    pal_tensor_free(x);
    pal_tensor_free(w);
    pal_tensor_free(mean);
    pal_tensor_free(variance);
}
END_TEST

/* A batch that is cut into shards has the statistics of the whole batch, and the first shard the values and the
 * gradient of its rows. */
START_TEST(batch_norm_of_shards)
{
    enum { CUT = 4, ALL = 12, EACH = ALL / CUT };
    const bool images = _i;
    const size_t plane = images ? PLANE : 1, rows = EACH * C * plane;
    const pal_shape shape = images ? PAL_SHAPE(ALL, C, H, W) : PAL_SHAPE(ALL, C);
    const pal_batch_norm_options o = {.struct_size = sizeof o, .momentum = 0.25, .epsilon = 0.5};
    pal_tensor *x = random_tensor(c, PAL_F64, shape, 100, 105, "x"), *w = random_tensor(c, PAL_F64, shape, -1, 1, "w"),
               *gain = random_tensor(c, PAL_F64, PAL_SHAPE(C), 0.5, 2, "gain"), *mean[2], *variance[2];
    pal_program *p[2];
    for (int cut = 0; cut < 2; cut++) {
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        mean[cut] = random_tensor(c, PAL_F64, PAL_SHAPE(C), -1, 1, "mean");
        variance[cut] = random_tensor(c, PAL_F64, PAL_SHAPE(C), 1, 2, "variance");
        pal_tape_share(
            tape, &(pal_shards){.struct_size = sizeof(pal_shards), .count = cut ? CUT : 1, .rows = cut ? EACH : ALL});
        const pal_var none = {.tape = tape}, in = pal_leaf_rows(tape, x, "x"), factor = pal_leaf(tape, gain, "g");
        pal_var out[4] = {
            pal_batch_norm(in, factor, none, pal_leaf(tape, mean[cut], "m"), pal_leaf(tape, variance[cut], "v"), &o)};
        const pal_var sum = pal_sum_all(pal_mul(pal_square(out[0]), pal_leaf_rows(tape, w, "w")));
        pal_grad(sum, (pal_var[]){in, factor}, 2, out + 1);
        out[2] = pal_all_sum(out[2]);
        out[3] = pal_all_sum(sum);
        p[cut] = pal_compile(tape, out, 4,
                             &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
        ck_assert_tape_ok(tape);
        ck_assert_int_eq(pal_run(p[cut]), PAL_OK);
        pal_tape_free(tape);
    }
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < (k < 2 ? rows : k == 2 ? C : 1); i++)
            near(pal_tensor_get(pal_output(p[1], k), i), pal_tensor_get(pal_output(p[0], k), i), 1e-11);
    for (size_t k = 0; k < C; k++) {
        near(pal_tensor_get(mean[1], k), pal_tensor_get(mean[0], k), 1e-13);
        near(pal_tensor_get(variance[1], k), pal_tensor_get(variance[0], k), 1e-11);
    }
    for (int cut = 0; cut < 2; cut++) {
        pal_program_free(p[cut]);
        pal_tensor_free(mean[cut]);
        pal_tensor_free(variance[cut]);
    }
    pal_tensor_free(gain);
    pal_tensor_free(w);
    pal_tensor_free(x);
}
END_TEST

/* In evaluation the running statistics are used and stay unchanged. */
START_TEST(batch_norm_evaluated)
{
    const pal_var none = {.tape = t};
    const pal_batch_norm_options o = {.struct_size = sizeof o, .evaluate = true};
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(1, C, H, W), -1, 5, "x"),
               *mean = random_tensor(c, PAL_F32, PAL_SHAPE(C), -1, 1, "mean"),
               *variance = random_tensor(c, PAL_F32, PAL_SHAPE(C), 1, 2, "variance");
    double m0 = pal_tensor_get(mean, 0), v0 = pal_tensor_get(variance, 0);
    pal_var out =
        pal_batch_norm(pal_leaf(t, x, "x"), none, none, pal_leaf(t, mean, "m"), pal_leaf(t, variance, "v"), &o);
    pal_program *p =
        pal_compile(t, &out, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_ptr_nonnull(p);
    for (int run = 0; run < 3; run++) ck_assert_int_eq(pal_run(p), PAL_OK);
    ck_assert(pal_tensor_get(mean, 0) == m0 && pal_tensor_get(variance, 0) == v0);
    for (size_t i = 0; i < pal_tensor_count(x); i++)
        near(pal_tensor_get(pal_output(p, 0), i),
             (pal_tensor_get(x, i) - pal_tensor_get(mean, i / PLANE)) /
                 sqrt(pal_tensor_get(variance, i / PLANE) + 1e-5),
             1e-5);
    pal_program_free(p);
    pal_tensor_free(x);
    pal_tensor_free(mean);
    pal_tensor_free(variance);
}
END_TEST

/* ---- Dropout -------------------------------------------------------------------------------------------------- */

enum { MANY = 40000 };

START_TEST(dropout_drops_a_share)
{
    static const double rates[] = {0.1, 0.5, 0.9};
    pal_var ones = pal_fill(t, PAL_F64, PAL_SHAPE(MANY), 1), masks[3];
    for (int r = 0; r < 3; r++) masks[r] = pal_dropout((const char *const[]){"a", "b", "c"}[r], ones, rates[r]);
    pal_program *p = pal_compile(t, masks, 3, NULL);
    ck_assert_ptr_nonnull(p);
    static double kept[2][MANY];
    for (uint64_t run = 0; run < 3; run++) { /* twice at the same clock, then at another */
        pal_program_set_noise(p, (pal_noise){.seed = 3, .clock = run == 2 ? 8 : 7});
        ck_assert_int_eq(pal_run(p), PAL_OK);
        for (int r = 0; r < 3; r++) {
            double dropped = 0;
            for (size_t i = 0; i < MANY; i++) {
                double v = pal_tensor_get(pal_output(p, (size_t)r), i);
                ck_assert(v == 0 || fabs(v - 1 / (1 - rates[r])) < 1e-15);
                dropped += v == 0;
            }
            near(dropped / MANY, rates[r], 4 * sqrt(rates[r] * (1 - rates[r]) / MANY));
        }
        size_t bytes = sizeof kept[0];
        if (run == 0) memcpy(kept[0], pal_output(p, 1)->data, bytes);
        if (run == 1) ck_assert_mem_eq(kept[0], pal_output(p, 1)->data, bytes);
        if (run == 2) ck_assert(memcmp(kept[0], pal_output(p, 1)->data, bytes) != 0);
    }
    pal_program_free(p);
}
END_TEST

START_TEST(dropout_of_rate_0_is_the_identity)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5), -1, 1, "x");
    pal_var v = pal_leaf(t, x, "x"), y = pal_dropout("s", v, 0);
    ck_assert_uint_eq(y.id, v.id);
    ck_assert(pal_ok(pal_uniform(t, "s", PAL_SHAPE(2)))); /* the stream is still unused */
    /* Dropped elements are 0 even if the input is infinite, and have derivative 0. The others have derivative 2. */
    pal_var z = pal_dropout("mask", pal_mul(v, pal_like(v, (double)INFINITY)), 0.5), w = pal_dropout("other", v, 0.5);
    double *a = values(z), *b = values(w), *g = values(gradient(pal_sum_all(w), v));
    for (int i = 0; i < 5; i++) {
        ck_assert(a[i] == 0 || isinf(a[i]));
        ck_assert_double_eq(g[i], b[i] == 0 ? 0 : 2);
    }
    free(a), free(b), free(g);
    pal_tensor_free(x);
}
END_TEST

/* ---- Layers with weights -------------------------------------------------------------------------------------- */

START_TEST(affine_and_bilinear_against_loops)
{
    enum { ROWS = 5, P = 4, Q = 3, K = 2 };
    pal_tensor *a = random_tensor(c, PAL_F64, PAL_SHAPE(ROWS, P), -1, 1, "a"),
               *b = random_tensor(c, PAL_F64, PAL_SHAPE(ROWS, Q), -1, 1, "b"),
               *w = random_tensor(c, PAL_F64, PAL_SHAPE(K, P, Q), -1, 1, "w"),
               *v = random_tensor(c, PAL_F64, PAL_SHAPE(P, K), -1, 1, "v"),
               *shift = random_tensor(c, PAL_F64, PAL_SHAPE(K), -1, 1, "shift");
    const pal_var none = {.tape = t};
    pal_var va = pal_leaf(t, a, "a"), vv = pal_leaf(t, v, "v");
    double *form = values(pal_bilinear(va, pal_leaf(t, w, "w"), pal_leaf(t, b, "b"))),
           *line = values(pal_affine(va, vv, pal_leaf(t, shift, "s"))), *plain = values(pal_affine(va, vv, none));
    for (size_t n = 0; n < ROWS; n++)
        for (size_t k = 0; k < K; k++) {
            double f = 0, l = 0;
            for (size_t i = 0; i < P; i++) {
                l += pal_tensor_get(a, n * P + i) * pal_tensor_get(v, i * K + k);
                for (size_t j = 0; j < Q; j++)
                    f += pal_tensor_get(a, n * P + i) * pal_tensor_get(w, (k * P + i) * Q + j) *
                         pal_tensor_get(b, n * Q + j);
            }
            near(form[n * K + k], f, 1e-14);
            near(plain[n * K + k], l, 1e-14);
            near(line[n * K + k], l + pal_tensor_get(shift, k), 1e-14);
        }
    free(form), free(line), free(plain);
    pal_tensor_free(a);
    pal_tensor_free(b);
    pal_tensor_free(w);
    pal_tensor_free(v);
    pal_tensor_free(shift);
}
END_TEST

/* ---- Errors --------------------------------------------------------------------------------------------------- */

static pal_var zeros(int64_t a, int64_t b) { return pal_fill(t, PAL_F64, PAL_SHAPE(a, b), 0); }

START_TEST(errors_say_what_is_wrong)
{
    pal_tensor *mean = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3)), *variance = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3));
    pal_var none = {.tape = t}, x = zeros(4, 3), scalar = pal_constant(t, 1), m = pal_leaf(t, mean, "m"),
            v = pal_leaf(t, variance, "v"), three = pal_fill(t, PAL_F64, PAL_SHAPE(3), 1),
            four = pal_fill(t, PAL_F64, PAL_SHAPE(4), 1), f32 = pal_fill(t, PAL_F32, PAL_SHAPE(3), 1),
            ints = pal_fill(t, PAL_I32, PAL_SHAPE(3), 1);
    ck_assert_refused(t, pal_softmax(x, 2), "softmax: axis 2 is out of range for rank 2");
    ck_assert_refused(t, pal_softmax(scalar, -1), "softmax: axis -1 is out of range for rank 0");
    ck_assert_refused(t, pal_log_softmax(x, -3), "log_softmax: axis -3 is out of range for rank 2");
    ck_assert_refused(t, pal_softmax(ints, 0), "softmax: the operands must have one real type");
    ck_assert_refused(t, pal_softmax(none, 0), "softmax: operand 1 is a bad handle");
    ck_assert_refused(t, pal_layer_norm(x, 4, none, none, 1e-5), "layer_norm: an axis is out of range for rank 2");
    ck_assert_refused(t, pal_layer_norm(x, 2, four, none, 1e-5), "layer_norm: [4] does not broadcast with [4,3]");
    ck_assert_refused(t, pal_layer_norm(three, 1, none, x, 1e-5), "layer_norm: shift [4,3] does not broadcast to [3]");
    ck_assert_refused(t, pal_layer_norm(x, 2, f32, none, 1e-5), "layer_norm: the operands must have one real type");
    ck_assert_refused(t, pal_layer_norm(x, 2, none, none, -1), "layer_norm: epsilon must be at least 0, not -1");
    ck_assert_refused(t, pal_batch_norm(x, none, none, m, v, &(pal_batch_norm_options){.evaluate = true}),
                      "batch_norm: struct_size is 0, not 32: set it to sizeof of the struct");
    const pal_batch_norm_options quick = {.struct_size = sizeof quick, .momentum = 2},
                                 negative = {.struct_size = sizeof negative, .epsilon = -1},
                                 evaluate = {.struct_size = sizeof evaluate, .evaluate = true};
    ck_assert_refused(t, pal_batch_norm(x, none, none, m, v, &quick),
                      "batch_norm: momentum must be above 0 and at most 1, not 2");
    ck_assert_refused(t, pal_batch_norm(x, none, none, m, v, &negative), "batch_norm: epsilon must be above 0, not -1");
    ck_assert_refused(t, pal_batch_norm(three, none, none, m, v, NULL),
                      "batch_norm: needs [n,c] or [n,c,h,w], not [3]");
    ck_assert_refused(t, pal_batch_norm(x, four, none, m, v, NULL), "batch_norm: the gain must be [3], not [4]");
    ck_assert_refused(t, pal_batch_norm(x, none, x, m, v, NULL), "batch_norm: the shift must be [3], not [4,3]");
    ck_assert_refused(t, pal_batch_norm(x, none, f32, m, v, NULL),
                      "batch_norm: the shift must be a value of x's tape and type");
    ck_assert_refused(t, pal_batch_norm(x, none, none, three, v, NULL), "batch_norm: the running mean must be a leaf");
    ck_assert_refused(t, pal_batch_norm(x, none, none, m, none, &evaluate),
                      "batch_norm: the running variance must be a value of x's tape and type");
    ck_assert_refused(t, pal_batch_norm(zeros(1, 3), none, none, m, v, NULL),
                      "batch_norm: training needs at least 2 values per channel, not 1");
    ck_assert(pal_ok(pal_batch_norm(zeros(1, 3), none, none, three, v, &evaluate)));
    ck_assert_refused(t, pal_dropout("s", x, 1), "dropout: the rate must be at least 0 and less than 1, not 1");
    ck_assert_refused(t, pal_dropout("s", x, (double)NAN),
                      "dropout: the rate must be at least 0 and less than 1, not nan");
    ck_assert_refused(t, pal_dropout("", x, 0.5), "uniform: the stream needs a name");
    ck_assert_refused(t, pal_bilinear(x, x, x), "bilinear: needs [n,p], [k,p,q], [n,q], not [4,3], [4,3], [4,3]");
    ck_assert(!pal_ok(pal_softmax((pal_var){0}, 0)));
    ck_assert(!pal_ok(pal_layer_norm((pal_var){0}, 1, none, none, 0)));
    ck_assert(!pal_ok(pal_batch_norm((pal_var){0}, none, none, none, none, NULL)));
    ck_assert(!pal_ok(pal_bilinear((pal_var){0}, (pal_var){0}, x)));
    ck_assert(!pal_ok(pal_dropout("s", (pal_var){0}, 0.5)));
    pal_tensor_free(mean);
    pal_tensor_free(variance);
}
END_TEST

Suite *normalise_suite(void)
{
    Suite *suite = suite_create("normalise");
    add_case(suite, "softmax", setup, teardown,
             TESTS(softmax_sums_to_one_and_ignores_shifts, softmax_has_its_jacobian, softmax_at_extreme_arguments,
                   log_softmax_of_close_large_arguments));
    add_case(suite, "layers", setup, teardown,
             TESTS(layer_norm_has_mean_0_and_variance_1, layer_norm_scales_and_shifts, batch_norm_evaluated,
                   affine_and_bilinear_against_loops, inside_regions, errors_say_what_is_wrong));
    TCase *batch = add_case(suite, "batches", setup, teardown, TESTS(NULL));
    tcase_add_loop_test(batch, batch_norm_in_training, 0, 2);
    tcase_add_loop_test(batch, batch_norm_of_shards, 0, 2);
    tcase_add_loop_test(batch, batch_norm_normalises_and_differentiates_its_statistics, 0, 2);
    add_case(suite, "dropout", setup, teardown, TESTS(dropout_drops_a_share, dropout_of_rate_0_is_the_identity));
    return suite;
}
