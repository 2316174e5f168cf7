/* Convolutions, pooling and resizing: against plain loops over a table of options, adjoint identities, conventions at
 * ties, bits over threads, texts of errors, float32 against float64. */
#include "testing.h"

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

#define CONV(...) ((pal_conv2d_options){.struct_size = sizeof(pal_conv2d_options), __VA_ARGS__})
#define POOL(...) (&(pal_pool2d_options){.struct_size = sizeof(pal_pool2d_options), __VA_ARGS__})

/* ---- Plain loops --------------------------------------------------------------------------------------------------
 */

typedef struct setting {
    pal_conv2d_options o;
    pal_shape x, w, y;
} setting;

static int64_t at4(pal_shape s, int64_t a, int64_t b, int64_t i, int64_t j)
{
    return ((a * s.dim[1] + b) * s.dim[2] + i) * s.dim[3] + j;
}

/* Every product that the three operations sum: results, weights, images. The two that are given, and the one that is
 * added to. */
static void trilinear(const setting *s, double *x, double *w, double *y, double *into)
{
    const pal_conv2d_options *o = &s->o;
    int64_t per = s->w.dim[1], rows = s->w.dim[0] / o->groups;
    for (int64_t n = 0; n < s->x.dim[0]; n++)
        for (int64_t k = 0; k < s->w.dim[0]; k++)
            for (int64_t ci = 0; ci < per; ci++)
                for (int64_t i = 0; i < s->y.dim[2]; i++)
                    for (int64_t j = 0; j < s->y.dim[3]; j++)
                        for (int64_t u = 0; u < s->w.dim[2]; u++)
                            for (int64_t v = 0; v < s->w.dim[3]; v++) {
                                int64_t p = i * o->stride[0] + u * o->dilation[0] - o->padding[0],
                                        q = j * o->stride[1] + v * o->dilation[1] - o->padding[1];
                                if (p < 0 || q < 0 || p >= s->x.dim[2] || q >= s->x.dim[3]) continue;
                                double *px = x + at4(s->x, n, k / rows * per + ci, p, q),
                                       *pw = w + at4(s->w, k, ci, u, v), *py = y + at4(s->y, n, k, i, j);
                                if (into == y)
                                    *py += *pw * *px;
                                else if (into == x)
                                    *px += *pw * *py;
                                else
                                    *pw += *px * *py;
                            }
}

static double *zeros(pal_shape s) { return calloc((size_t)pal_shape_count(s) + 1, sizeof(double)); }

static void compare(const double *got, const double *expected, pal_shape s, const char *what, size_t number)
{
    for (int64_t i = 0; i < pal_shape_count(s); i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= 1e-12 * fmax(1, fabs(expected[i])),
                      "%s, setting %zu, element %lld: %.17g, not %.17g", what, number, (long long)i, got[i],
                      expected[i]);
}

static double dot(const double *a, const double *b, pal_shape s)
{
    long double sum = 0;
    for (int64_t i = 0; i < pal_shape_count(s); i++) sum += (long double)a[i] * (long double)b[i];
    return (double)sum;
}

/* The three operations on one setting: against the loops, and <conv(x,w), y> = <x, to_input(y,w)> = <w, to_weights>. */
static void check_setting(const setting *s, size_t number)
{
    pal_mark mark = pal_tape_mark(t);
    pal_tensor *x = random_tensor(c, PAL_F64, s->x, -1, 1, "x"), *w = random_tensor(c, PAL_F64, s->w, -1, 1, "w"),
               *y = random_tensor(c, PAL_F64, s->y, -1, 1, "y");
    pal_var vx = pal_leaf(t, x, "x"), vw = pal_leaf(t, w, "w"), vy = pal_leaf(t, y, "y");
    pal_var out[] = {pal_conv2d_to_input(vy, vw, s->x.dim[2], s->x.dim[3], &s->o),
                     pal_conv2d_to_weights(vx, vy, s->w.dim[2], s->w.dim[3], &s->o), pal_conv2d(vx, vw, &s->o)};
    ck_assert_tape_ok(t);
    pal_shape shapes[] = {s->x, s->w, s->y};
    static const char *const names[] = {"to_input", "to_weights", "conv2d"};
    double product[3], *data[] = {x->data, w->data, y->data};
    for (int i = 0; i < 3; i++) {
        ck_assert(pal_shape_equal(pal_shape_of(out[i]), shapes[i]));
        double *got = zeros(shapes[i]), *expected = zeros(shapes[i]), *in[] = {data[0], data[1], data[2]};
        in[i] = expected;
        trilinear(s, in[0], in[1], in[2], expected);
        ck_assert_int_eq(pal_eval(out[i], got), PAL_OK);
        compare(got, expected, shapes[i], names[i], number);
        product[i] = dot(got, data[i], shapes[i]);
        free(got);
        free(expected);
    }
    ck_assert_double_eq_tol(product[0], product[1], 1e-12 * fmax(1, fabs(product[0])));
    ck_assert_double_eq_tol(product[0], product[2], 1e-12 * fmax(1, fabs(product[0])));
    pal_tape_rewind(t, mark);
    pal_tensor_free(x);
    pal_tensor_free(w);
    pal_tensor_free(y);
}

static bool set_up(setting *s, int64_t n, int64_t channels, int64_t k, int64_t h, int64_t w, int64_t kh, int64_t kw)
{
    const pal_conv2d_options *o = &s->o;
    s->x = PAL_SHAPE(n, channels, h, w);
    s->w = PAL_SHAPE(k, channels / o->groups, kh, kw);
    s->y = PAL_SHAPE(n, k, 0, 0);
    for (int a = 0; a < 2; a++) {
        int64_t room = s->x.dim[2 + a] + 2 * o->padding[a] - o->dilation[a] * (s->w.dim[2 + a] - 1) - 1;
        if (room < 0) return false;
        s->y.dim[2 + a] = room / o->stride[a] + 1;
    }
    return true;
}

START_TEST(convolutions_match_plain_loops)
{
    size_t number = 0;
    static const int64_t groups[] = {1, 2, 4};
    for (int64_t stride = 1; stride <= 3; stride++)
        for (int64_t padding = 0; padding <= 2; padding++)
            for (int64_t dilation = 1; dilation <= 2; dilation++)
                for (int g = 0; g < 3; g++)
                    for (int64_t kernel = 1; kernel <= 3; kernel++) {
                        /* Rows and columns differ in everything. */
                        setting s = {.o = CONV(.stride = {stride, 1 + stride % 3},
                                               .padding = {padding, (padding + 1) % 3},
                                               .dilation = {dilation, 3 - dilation}, .groups = groups[g])};
                        if (set_up(&s, 3, 4, 8, 6, 5, kernel, 1 + kernel % 3)) check_setting(&s, number);
                        s.o = CONV(.stride = {stride, stride}, .padding = {padding, padding},
                                   .dilation = {dilation, dilation}, .groups = groups[g]);
                        if (set_up(&s, 2, 4, 4, 7, 7, kernel, kernel)) check_setting(&s, number);
                        number++;
                    }
    ck_assert_uint_eq(number, 162);
}
END_TEST

/* Sizes at which the work is cut: many small images in one product, a plane in several, a row in several, many units,
 * few images with many channels, and planes that are their own columns. */
START_TEST(large_convolutions_match_plain_loops)
{
    static const struct {
        int64_t n, channels, k, h, w, kernel, stride, padding, groups;
    } rows[] = {{37, 2, 3, 5, 4, 3, 1, 1, 1},    {2, 3, 2, 70, 80, 3, 1, 1, 1},  {1, 1, 2, 3, 900, 2, 1, 0, 1},
                {50, 1, 16, 14, 14, 3, 2, 1, 1}, {1, 64, 130, 6, 6, 3, 1, 1, 1}, {2, 8, 5, 20, 20, 1, 1, 0, 1},
                {2, 64, 64, 3, 3, 3, 1, 1, 64},  {3, 40, 8, 40, 30, 1, 1, 0, 2}, {60, 300, 2, 2, 1, 2, 1, 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setting s = {.o =
                         CONV(.stride = {rows[i].stride, rows[i].stride}, .padding = {rows[i].padding, rows[i].padding},
                              .dilation = {1, 1}, .groups = rows[i].groups)};
        ck_assert(
            set_up(&s, rows[i].n, rows[i].channels, rows[i].k, rows[i].h, rows[i].w, rows[i].kernel, rows[i].kernel));
        check_setting(&s, i);
    }
}
END_TEST

/* A transposed convolution is a convolution of the images with zeros put between pixels by the flipped kernels. */
START_TEST(transposed_convolution_is_zero_insertion)
{
    for (int64_t stride = 1; stride <= 3; stride++)
        for (int64_t padding = 0; padding <= 1; padding++)
            for (int64_t extra = 0; extra < stride; extra++)
                for (int64_t dilation = 1; dilation <= 2; dilation++) {
                    pal_tape *tape = pal_tape_new(c, PAL_F64);
                    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3, 4, 5), -1, 1, "x"),
                               *w = random_tensor(c, PAL_F64, PAL_SHAPE(3, 2, 3, 2), -1, 1, "w");
                    pal_conv2d_options o = CONV(.stride = {stride, 1}, .padding = {padding, 0},
                                                .dilation = {1, dilation}, .output_padding = {extra, 0});
                    pal_var y = pal_conv_transpose2d(pal_leaf(tape, x, "x"), pal_leaf(tape, w, "w"), &o);
                    int64_t h = 3 * stride - 2 * padding + 2 + extra + 1, width = 4 + dilation + 1;
                    ck_assert_tape_ok(tape);
                    ck_assert(pal_shape_equal(pal_shape_of(y), PAL_SHAPE(2, 2, h, width)));
                    double *got = zeros(pal_shape_of(y));
                    ck_assert_int_eq(pal_eval(y, got), PAL_OK);
                    for (int64_t n = 0; n < 2; n++)
                        for (int64_t ci = 0; ci < 2; ci++)
                            for (int64_t i = 0; i < h; i++)
                                for (int64_t j = 0; j < width; j++) {
                                    double sum = 0;
                                    for (int64_t k = 0; k < 3; k++)
                                        for (int64_t u = 0; u < 3; u++)
                                            for (int64_t v = 0; v < 2; v++) {
                                                int64_t p = i + padding - u, q = j - v * dilation;
                                                if (p < 0 || p % stride || p / stride >= 4 || q < 0 || q >= 5) continue;
                                                sum += pal_tensor_get(x, (size_t)at4(x->shape, n, k, p / stride, q)) *
                                                       pal_tensor_get(w, (size_t)at4(w->shape, k, ci, u, v));
                                            }
                                    ck_assert_double_eq_tol(got[at4(pal_shape_of(y), n, ci, i, j)], sum, 1e-13);
                                }
                    free(got);
                    pal_tape_free(tape);
                    pal_tensor_free(x);
                    pal_tensor_free(w);
                }
}
END_TEST

START_TEST(pools_match_plain_loops)
{
    pal_shape s = PAL_SHAPE(2, 3, 7, 6);
    pal_tensor *x = random_tensor(c, PAL_F64, s, -1, 1, "x");
    pal_var v = pal_leaf(t, x, "x");
    for (int64_t window = 1; window <= 3; window++)
        for (int64_t stride = 0; stride <= 3; stride++)
            for (int64_t padding = 0; padding <= window / 2; padding++) {
                int64_t step[] = {stride ? stride : window, 2}, wide[] = {window, 4 - window}, pad[] = {padding, 0};
                const pal_pool2d_options *o =
                    POOL(.window = {wide[0], wide[1]}, .stride = {stride, 2}, .padding = {padding, 0});
                pal_var max = pal_max_pool2d(v, o), places = pal_arg_pool2d(v, o), mean = pal_average_pool2d(v, o);
                ck_assert_tape_ok(t);
                pal_shape out = pal_shape_of(max);
                double *a = zeros(out), *b = zeros(out);
                int32_t *at = calloc((size_t)pal_shape_count(out), sizeof *at);
                ck_assert_int_eq(pal_eval(max, a) | pal_eval(mean, b) | pal_eval(places, at), PAL_OK);
                ck_assert_int_eq(out.dim[2], (7 + 2 * pad[0] - wide[0]) / step[0] + 1);
                ck_assert_int_eq(out.dim[3], (6 - wide[1]) / step[1] + 1);
                for (int64_t e = 0; e < pal_shape_count(out); e++) {
                    int64_t j = e % out.dim[3], i = e / out.dim[3] % out.dim[2], plane = e / out.dim[3] / out.dim[2];
                    double sum = 0, best = -INFINITY, terms = 0;
                    for (int64_t p = i * step[0] - pad[0]; p < i * step[0] - pad[0] + wide[0]; p++)
                        for (int64_t q = j * step[1]; q < j * step[1] + wide[1]; q++) {
                            if (p < 0 || p >= 7 || q >= 6) continue;
                            double value = pal_tensor_get(x, (size_t)((plane * 7 + p) * 6 + q));
                            best = fmax(best, value);
                            sum += value;
                            terms++;
                        }
                    ck_assert_double_eq(a[e], best);
                    ck_assert_double_eq_tol(b[e], sum / terms, 1e-15);
                    ck_assert_double_eq(pal_tensor_get(x, (size_t)(plane * 42 + at[e])), best);
                }
                free(a);
                free(b);
                free(at);
            }
    pal_tensor_free(x);
}
END_TEST

/* The first of equals takes all of the derivative; NaN wins, the first of them; -inf is a value like any other. */
START_TEST(maximum_at_ties_and_not_numbers)
{
    double in[] = {1, 1, 0, 1, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 3, (double)NAN, INFINITY, (double)NAN};
    const double expected[] = {1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0};
    double y[3], slope[12];
    const int32_t places[] = {0, 0, 1};
    int32_t at[3];
    pal_tensor *x = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(3, 1, 2, 2), in);
    const pal_pool2d_options *o = POOL(.window = {2, 2});
    pal_var v = pal_leaf(t, x, "x"), max = pal_max_pool2d(v, o), g;
    ck_assert_int_eq(pal_grad(pal_sum_all(max), &v, 1, &g), PAL_OK);
    ck_assert_int_eq(pal_eval(max, y) | pal_eval(g, slope) | pal_eval(pal_arg_pool2d(v, o), at), PAL_OK);
    ck_assert_mem_eq(at, places, sizeof at);
    ck_assert_double_eq(y[0], 1);
    ck_assert(y[1] == -(double)INFINITY);
    ck_assert_double_nan(y[2]);
    for (int i = 0; i < 12; i++) ck_assert_double_eq(slope[i], expected[i]);
    pal_tensor_free(x);
}
END_TEST

static pal_var pool_of(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)tape;
    return pal_max_pool2d(in[0], user);
}

/* Only what decides a window is a kink: not a tie below the maximum. */
START_TEST(ties_are_kinks)
{
    double in[] = {1, 1, 0, 0.5, 3, 2, 0, 0, 3, 2.99, 0, 0};
    pal_tensor *x = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(3, 1, 2, 2), in);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, "max_pool2d", pool_of, POOL(.window = {2, 2}), &x, 1, NULL, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
    ck_assert_uint_eq(r.kinks, 4); /* the first two of the first plane and of the last */
    ck_assert_uint_eq(r.checked, 8);
    pal_tensor_free(x);
}
END_TEST

START_TEST(resizes_match_plain_loops)
{
    static const int64_t sizes[][2] = {{8, 10}, {2, 3}, {4, 5}, {7, 2}, {1, 1}, {3, 13}};
    pal_shape s = PAL_SHAPE(2, 2, 4, 5);
    pal_tensor *x = random_tensor(c, PAL_F64, s, -1, 1, "x");
    pal_var v = pal_leaf(t, x, "x");
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int64_t h = sizes[k][0], w = sizes[k][1];
        double *a = zeros(PAL_SHAPE(2, 2, h, w)), *b = zeros(PAL_SHAPE(2, 2, h, w));
        ck_assert_int_eq(pal_eval(pal_resize_nearest(v, h, w), a) | pal_eval(pal_resize_bilinear(v, h, w), b), PAL_OK);
        for (int64_t e = 0; e < 4 * h * w; e++) {
            int64_t j = e % w, i = e / w % h, plane = e / w / h;
            const double *p = (const double *)x->data + plane * 20;
            ck_assert_double_eq(a[e], p[i * 4 / h * 5 + j * 5 / w]);
            double y = fmax(((double)i + 0.5) * 4 / (double)h - 0.5, 0),
                   z = fmax(((double)j + 0.5) * 5 / (double)w - 0.5, 0);
            int64_t y0 = (int64_t)y, z0 = (int64_t)z, y1 = y0 < 3 ? y0 + 1 : 3, z1 = z0 < 4 ? z0 + 1 : 4;
            double dy = y - (double)y0, dz = z - (double)z0;
            double expected = (1 - dy) * ((1 - dz) * p[y0 * 5 + z0] + dz * p[y0 * 5 + z1]) +
                              dy * ((1 - dz) * p[y1 * 5 + z0] + dz * p[y1 * 5 + z1]);
            ck_assert_double_eq_tol(b[e], expected, 1e-14);
        }
        free(a);
        free(b);
    }
    /* Of [0 1; 2 3] to 3 x 3, as others have it; an infinite neighbour spoils no pixel that is copied. */
    double in[] = {0, 1, 2, 3}, big[9], same[4];
    const double expected[] = {0, 0.5, 1, 1, 1.5, 2, 2, 2.5, 3};
    pal_tensor *small = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(1, 1, 2, 2), in);
    pal_var u = pal_leaf(t, small, "small");
    ck_assert_int_eq(pal_eval(pal_resize_bilinear(u, 3, 3), big), PAL_OK);
    for (int i = 0; i < 9; i++) ck_assert_double_eq_tol(big[i], expected[i], 1e-15);
    in[1] = INFINITY;
    ck_assert_int_eq(pal_eval(pal_resize_bilinear(u, 2, 2), same), PAL_OK);
    ck_assert_mem_eq(same, in, sizeof same);
    pal_tensor_free(small);
    pal_tensor_free(x);
}
END_TEST

/* ---- Threads, types, regions --------------------------------------------------------------------------------------
 */

enum { OUTPUTS = 8 };

/* Values and gradients of a small network, on a context and in a type; the elements one after another, as doubles. */
static size_t network(unsigned threads, unsigned lanes, const char *isa, pal_dtype dtype, double *out)
{
    pal_context *k = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .isa = isa});
    if (!k) return 0; /* the processor has no such instructions */
    pal_tape *tape = pal_tape_new(k, PAL_F64);
    pal_tensor *x = random_tensor(k, PAL_F32, PAL_SHAPE(24, 3, 14, 13), -1, 1, "x"),
               *w = random_tensor(k, PAL_F32, PAL_SHAPE(6, 3, 3, 3), -1, 1, "w"),
               *u = random_tensor(k, PAL_F32, PAL_SHAPE(6, 2, 3, 3), -1, 1, "u");
    pal_var in[] = {pal_cast(pal_leaf(tape, x, "x"), dtype), pal_cast(pal_leaf(tape, w, "w"), dtype),
                    pal_cast(pal_leaf(tape, u, "u"), dtype)};
    pal_conv2d_options two = CONV(.stride = {2, 2}, .padding = {1, 1});
    pal_var y = pal_conv2d(in[0], in[1], &two), z = pal_conv_transpose2d(pal_tanh(y), in[2], &two);
    pal_var m = pal_max_pool2d(z, POOL(.window = {2, 2})),
            a = pal_average_pool2d(z, POOL(.window = {3, 3}, .padding = {1, 1}));
    pal_var b = pal_resize_bilinear(pal_resize_nearest(a, 9, 7), 5, 6), g[3];
    pal_var loss = pal_add(pal_sum_squares(m), pal_sum_squares(b));
    ck_assert_int_eq(pal_grad(loss, in, 3, g), PAL_OK);
    pal_var outputs[OUTPUTS] = {y, z, m, a, b, g[0], g[1], g[2]};
    pal_program *p = pal_compile(tape, outputs, OUTPUTS,
                                 &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = lanes});
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    size_t n = 0;
    for (size_t i = 0; i < OUTPUTS; i++)
        for (size_t e = 0; e < pal_tensor_count(pal_output(p, i)); e++) out[n++] = pal_tensor_get(pal_output(p, i), e);
    pal_program_free(p);
    pal_tape_free(tape);
    pal_tensor_free(x);
    pal_tensor_free(w);
    pal_tensor_free(u);
    pal_context_free(k);
    return n;
}

START_TEST(bits_do_not_depend_on_threads)
{
    enum { ROOM = 100000 };
    double *one = malloc(ROOM * sizeof *one), *other = malloc(ROOM * sizeof *other);
    for (int d = 0; d < 2; d++)
        for (unsigned lanes = 1; lanes <= 5; lanes += 2) {
            size_t n = network(1, lanes, NULL, d ? PAL_F64 : PAL_F32, one);
            ck_assert_uint_lt(n, ROOM);
            for (unsigned threads = 2; threads <= 4; threads += 2) {
                ck_assert_uint_eq(network(threads, lanes, NULL, d ? PAL_F64 : PAL_F32, other), n);
                ck_assert_msg(!memcmp(one, other, n * sizeof *one), "%u threads, %u lanes", threads, lanes);
            }
        }
    /* And float32 is near float64, on every instruction set. */
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    network(2, 2, NULL, PAL_F64, other);
    for (size_t i = 0; i < 6; i++) {
        size_t n = network(2, 2, isas[i / 2], i % 2 ? PAL_F64 : PAL_F32, one);
        for (size_t e = 0; e < n; e++)
            ck_assert_double_eq_tol(one[e], other[e], (i % 2 ? 1e-13 : 2e-5) * fmax(1, fabs(other[e])));
    }
    free(one);
    free(other);
}
END_TEST

static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    const pal_var *in = user;
    pal_conv2d_options o = CONV(.padding = {1, 1});
    pal_var y = pal_tanh(pal_conv2d(pal_mul(in[0], pal_shift(pal_cast(k, PAL_F64), 1)), in[1], &o));
    (void)tape;
    return pal_resize_bilinear(
        pal_add(pal_max_pool2d(y, POOL(.window = {2, 2})), pal_average_pool2d(y, POOL(.window = {2, 2}))), 3, 3);
}

static pal_var region(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)user;
    return pal_map_sum(tape, 2, body, (void *)(uintptr_t)in);
}

START_TEST(regions_differentiate_twice)
{
    pal_tensor *in[] = {random_tensor(c, PAL_F64, PAL_SHAPE(1, 1, 4, 4), -2, 2, "x"),
                        random_tensor(c, PAL_F64, PAL_SHAPE(2, 1, 3, 3), -1, 1, "w")};
    /* Decisions inside regions cannot be looked at: a small step stays clear of kinks. */
    for (int n = 1; n <= 2; n++) {
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = n, .step = 0x1p-9};
        pal_gradcheck_report r;
        ck_assert_int_eq(pal_gradcheck(c, "region", region, NULL, in, 2, &o, &r), PAL_OK);
        ck_assert_msg(r.verdict == PAL_CHECK_PASS, "order %d: %s, error %g", n, pal_verdict_text(r.verdict), r.error);
    }
    pal_tensor_free(in[0]);
    pal_tensor_free(in[1]);
}
END_TEST

/* ---- Errors -------------------------------------------------------------------------------------------------------
 */

#define REFUSED(call, text)                                                                                            \
    ck_assert_msg(!pal_ok(call), "%s", #call);                                                                         \
    ck_assert_str_eq(pal_tape_error(t), text);                                                                         \
    pal_tape_rewind(t, m)

START_TEST(wrong_convolutions_are_refused)
{
    pal_tensor *xs = random_tensor(c, PAL_F64, PAL_SHAPE(2, 4, 5, 6), -1, 1, "x"),
               *ws = random_tensor(c, PAL_F64, PAL_SHAPE(6, 4, 3, 3), -1, 1, "w"),
               *ys = random_tensor(c, PAL_F64, PAL_SHAPE(2, 6, 3, 4), -1, 1, "y"),
               *fs = random_tensor(c, PAL_F32, PAL_SHAPE(6, 4, 3, 3), -1, 1, "f");
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), y = pal_leaf(t, ys, "y"), f = pal_leaf(t, fs, "f"),
            none = {.tape = t};
    pal_mark m = pal_tape_mark(t);
    pal_conv2d_options o = {0};
#define O(...) (o = CONV(__VA_ARGS__), &o)
    REFUSED(pal_conv2d(x, w, &(pal_conv2d_options){0}), "conv2d: the options' struct_size is not set");
    REFUSED(pal_conv2d(none, w, NULL), "conv2d: operand 1 is a bad handle");
    REFUSED(pal_conv_transpose2d(y, none, NULL), "conv_transpose2d: operand 2 is a bad handle");
    REFUSED(pal_conv2d(pal_sum_all(x), w, NULL), "conv2d: [] x [6,4,3,3]: images and weights are to have four axes");
    REFUSED(pal_conv2d(x, f, NULL), "conv2d: [2,4,5,6] x [6,4,3,3]: operands are to be of one real type");
    REFUSED(pal_conv2d(x, w, O(.stride = {-1, 1})),
            "conv2d: [2,4,5,6] x [6,4,3,3]: strides and dilations are to be at least 1, paddings at least 0");
    REFUSED(pal_conv2d(x, w, O(.padding = {0, -1})),
            "conv2d: [2,4,5,6] x [6,4,3,3]: strides and dilations are to be at least 1, paddings at least 0");
    REFUSED(pal_conv2d(x, w, O(.groups = -1)), "conv2d: [2,4,5,6] x [6,4,3,3]: there is to be a group at least");
    REFUSED(pal_conv2d(x, w, O(.groups = 3)), "conv2d: [2,4,5,6] x [6,4,3,3]: the groups do not divide the channels");
    REFUSED(pal_conv2d(x, w, O(.groups = 2)),
            "conv2d: [2,4,5,6] x [6,4,3,3]: the weights are for another number of channels");
    REFUSED(pal_conv2d(x, w, O(.dilation = {3, 1})),
            "conv2d: [2,4,5,6] x [6,4,3,3]: the kernel is larger than the padded images");
    REFUSED(pal_conv2d(x, w, O(.dilation = {INT64_MAX, 1})), "conv2d: [2,4,5,6] x [6,4,3,3]: too large");
    REFUSED(pal_conv2d(x, w, O(.padding = {INT64_MAX / 2, 1})), "conv2d: [2,4,5,6] x [6,4,3,3]: too large");
    REFUSED(pal_conv2d(x, w, O(.padding = {1 << 30, 1 << 30})),
            "conv2d: [2,4,5,6] x [6,4,3,3]: an axis beyond BLAS's range");
    REFUSED(pal_conv2d(x, w, O(.output_padding = {1, 0})), "conv2d: output_padding belongs to conv_transpose2d");
    REFUSED(pal_conv2d_to_input(y, w, 6, 6, NULL),
            "conv2d_to_input: [2,6,3,4] x [6,4,3,3]: images of that size do not give these results");
    REFUSED(pal_conv2d_to_input(y, w, -5, 6, NULL),
            "conv2d_to_input: [2,6,3,4] x [6,4,3,3]: the images' size is negative");
    REFUSED(pal_conv2d_to_input(x, w, 7, 8, NULL),
            "conv2d_to_input: [2,4,5,6] x [6,4,3,3]: the weights are for another number of results");
    REFUSED(pal_conv2d_to_input(y, w, 5, 6, O(.groups = INT64_MAX)),
            "conv2d_to_input: [2,6,3,4] x [6,4,3,3]: too large");
    REFUSED(pal_conv2d_to_weights(x, y, 2, 3, NULL),
            "conv2d_to_weights: [2,4,5,6] x [2,6,3,4]: kernels of that size do not give these results");
    REFUSED(pal_conv2d_to_weights(x, y, 0, 3, NULL), "conv2d_to_weights: [2,4,5,6] x [2,6,3,4]: the kernel is empty");
    REFUSED(pal_conv2d_to_weights(
                x, pal_slice(y, (int64_t[]){0, 0, 0, 0}, (int64_t[]){1, 6, 3, 4}, (int64_t[]){1, 1, 1, 1}), 3, 3, NULL),
            "conv2d_to_weights: [2,4,5,6] x [1,6,3,4]: images and results are not as many");
    REFUSED(pal_conv_transpose2d(y, w, O(.stride = {2, 2}, .output_padding = {2, 0})),
            "conv_transpose2d: [2,6,3,4] x [6,4,3,3]: the output padding is to be at least 0 and below the stride");
    REFUSED(pal_conv_transpose2d(y, w, O(.padding = {3, 0})),
            "conv_transpose2d: [2,6,3,4] x [6,4,3,3]: the padding leaves nothing of the images");
    REFUSED(pal_conv_transpose2d(x, w, NULL),
            "conv_transpose2d: [2,4,5,6] x [6,4,3,3]: the weights are for another number of results");
    REFUSED(pal_conv_transpose2d(y, w, O(.stride = {-2, 1})),
            "conv_transpose2d: [2,6,3,4] x [6,4,3,3]: strides and dilations are to be at least 1, paddings at least 0");
    ck_assert(!pal_ok(pal_conv2d((pal_var){0}, (pal_var){0}, NULL)));
    ck_assert(!pal_ok(pal_conv_transpose2d((pal_var){0}, (pal_var){0}, NULL)));
    ck_assert_ptr_null(pal_tape_error(t));
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_tensor_free(ys);
    pal_tensor_free(fs);
}
END_TEST

START_TEST(no_images_need_no_scratch)
{
    static const char *const names[] = {"resize_nearest", "resize_bilinear", "resize_nearest_adjoint",
                                        "resize_bilinear_adjoint"};
    meter memory = {.left = INT64_MAX};
    pal_context *metered = metered_context(&memory);
    for (int i = 0; i < 4; i++) {
        pal_tape *tape = pal_tape_new(metered, PAL_F64);
        pal_params p = {.i = {i < 2 ? INT32_MAX : 2, 2}};
        pal_tensor *xs = pal_tensor_new(metered, PAL_F64, PAL_SHAPE(0, 2, i < 2 ? 2 : INT32_MAX, 2));
        pal_var x = pal_leaf(tape, xs, "x"), y = pal_record(tape, pal_op_find(names[i]), &x, 1, &p);
        double none;
        memory.largest = 0;
        ck_assert_msg(pal_eval(y, &none) == PAL_OK, "%s", pal_tape_error(tape));
        ck_assert_uint_lt(memory.largest, 1 << 20);
        pal_tape_free(tape);
        pal_tensor_free(xs);
    }
    pal_context_free(metered);
}
END_TEST

START_TEST(wrong_pools_and_sizes_are_refused)
{
    pal_tensor *xs = random_tensor(c, PAL_F64, PAL_SHAPE(2, 1, 3, 4), -1, 1, "x"),
               *es = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2, 1, 0, 4)),
               *is = pal_tensor_new(c, PAL_I32, PAL_SHAPE(2, 1, 3, 4));
    pal_var x = pal_leaf(t, xs, "x"), i = pal_leaf(t, is, "i"), none = {.tape = t};
    pal_var empty = pal_fill(t, PAL_F64, es->shape, 0);
    pal_mark m = pal_tape_mark(t);
    REFUSED(pal_max_pool2d(x, NULL), "max_pool2d: the options give no window");
    REFUSED(pal_average_pool2d(x, &(pal_pool2d_options){.window = {2, 2}}),
            "average_pool2d: the options' struct_size is not set");
    REFUSED(pal_arg_pool2d(x, POOL(.window = {2, 0})),
            "arg_pool2d: [2,1,3,4]: windows and strides are to be at least 1, paddings at least 0");
    REFUSED(pal_max_pool2d(x, POOL(.window = {2, 2}, .stride = {-1, 1})),
            "max_pool2d: [2,1,3,4]: windows and strides are to be at least 1, paddings at least 0");
    REFUSED(pal_max_pool2d(x, POOL(.window = {3, 3}, .padding = {2, 0})),
            "max_pool2d: [2,1,3,4]: the padding is over half the window");
    REFUSED(pal_max_pool2d(x, POOL(.window = {4, 2})),
            "max_pool2d: [2,1,3,4]: the window is larger than the padded images");
    REFUSED(pal_max_pool2d(x, POOL(.window = {INT64_MAX, 1})), "max_pool2d: [2,1,3,4]: too large");
    REFUSED(pal_max_pool2d(pal_sum_all(x), POOL(.window = {2, 2})), "max_pool2d: []: images are to have four axes");
    REFUSED(pal_max_pool2d(i, POOL(.window = {2, 2})), "max_pool2d: [2,1,3,4]: images are to be of a real type");
    REFUSED(pal_average_pool2d(empty, POOL(.window = {2, 2}, .padding = {1, 1})),
            "average_pool2d: [2,1,0,4]: there are no pixels");
    REFUSED(pal_max_pool2d(none, POOL(.window = {2, 2})), "max_pool2d: operand 1 is a bad handle");
    REFUSED(pal_resize_nearest(x, 0, 2), "resize_nearest: [2,1,3,4]: rows and columns are to be at least 1");
    REFUSED(pal_resize_bilinear(x, 2, -1), "resize_bilinear: [2,1,3,4]: rows and columns are to be at least 1");
    REFUSED(pal_resize_bilinear(empty, 2, 2), "resize_bilinear: [2,1,0,4]: there are no pixels");
    REFUSED(pal_resize_nearest(i, 2, 2), "resize_nearest: [2,1,3,4]: images are to be of a real type");
    REFUSED(pal_resize_nearest(pal_sum_all(x), 2, 2), "resize_nearest: []: images are to have four axes");
    REFUSED(pal_resize_nearest(x, INT64_MAX, 1), "resize_nearest: [2,1,3,4]: too large");
    ck_assert(!pal_ok(pal_max_pool2d((pal_var){0}, POOL(.window = {2, 2}))));
    ck_assert(!pal_ok(pal_resize_nearest((pal_var){0}, 2, 2)));
    pal_tensor_free(xs);
    pal_tensor_free(es);
    pal_tensor_free(is);
}
END_TEST

Suite *conv_suite(void)
{
    Suite *s = suite_create("conv");
    add_case(s, "conv", setup, teardown,
             TESTS(convolutions_match_plain_loops, large_convolutions_match_plain_loops,
                   transposed_convolution_is_zero_insertion, pools_match_plain_loops, maximum_at_ties_and_not_numbers,
                   ties_are_kinks, resizes_match_plain_loops, no_images_need_no_scratch, bits_do_not_depend_on_threads,
                   regions_differentiate_twice, wrong_convolutions_are_refused, wrong_pools_and_sizes_are_refused));
    return s;
}
