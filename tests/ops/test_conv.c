/* test_conv.c - convolutions compared with plain loops for many options, adjoint identities, error messages. */
#include "tests/ops/images.h"

typedef struct setting {
    pal_conv2d_options o;
    pal_shape x, w, y;
} setting;

static int64_t at4(pal_shape s, int64_t a, int64_t b, int64_t i, int64_t j)
{
    return ((a * s.dim[1] + b) * s.dim[2] + i) * s.dim[3] + j;
}

/* Plain loops over all products that the three operations sum. `into` is the array to compute: x, w or y. */
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

/* Compares the three operations with the loops; checks <conv(x,w), y> = <x, to_input(y,w)> = <w, to_weights(x,y)>. */
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
                        /* All settings of rows and columns differ. */
                        setting s = {.o = CONV(.stride = {stride, 1 + stride % 3},
                                               .padding = {padding, (padding + 1) % 3},
                                               .dilation = {dilation, 3 - dilation}, .groups = groups[g])};
                        if (set_up(&s, 3, 4, 8, 6, 5, kernel, 1 + kernel % 3)) check_setting(&s, number);
                        s.o = CONV(.stride = {stride, stride}, .padding = {padding, padding},
                                   .dilation = {dilation, dilation}, .groups = groups[g]);
                        if (set_up(&s, 2, 4, 4, 7, 7, kernel, kernel)) check_setting(&s, number);
                        /* enough channels a group for conv_direct.c, in all three operations */
                        const int64_t g8 = 8 * groups[g];
                        if (g < 2 && set_up(&s, 2, g8, g8, 7, 5, kernel, kernel)) check_setting(&s, number);
                        s.o = CONV(.stride = {stride, 1 + stride % 3}, .padding = {padding, (padding + 1) % 3},
                                   .dilation = {dilation, 3 - dilation}, .groups = groups[g]);
                        if (g < 2 && set_up(&s, 2, g8, g8, 6, 5, kernel, 1 + kernel % 3)) check_setting(&s, number);
                        number++;
                    }
    ck_assert_uint_eq(number, 162);
}
END_TEST

/* Sizes that split the work in different ways: many small images in one product, one plane in several products, one row
 * in several, many output channels, few images with many channels, and planes that need no copy into columns. */
START_TEST(large_convolutions_match_plain_loops)
{
    static const struct {
        int64_t n, channels, k, h, w, kernel, stride, padding, groups;
    } rows[] = {{37, 2, 3, 5, 4, 3, 1, 1, 1},
                {2, 3, 2, 70, 80, 3, 1, 1, 1},
                {1, 1, 2, 3, 900, 2, 1, 0, 1},
                {50, 1, 16, 14, 14, 3, 2, 1, 1},
                {1, 64, 130, 6, 6, 3, 1, 1, 1},
                {2, 8, 5, 20, 20, 1, 1, 0, 1},
                {2, 64, 64, 3, 3, 3, 1, 1, 64},
                {3, 40, 8, 40, 30, 1, 1, 0, 2},
                {60, 300, 2, 2, 1, 2, 1, 1, 1},
                /* by our own kernels: several images a block, parts of a plane, parts of a row, groups, 1 x 1 */
                {61, 16, 24, 9, 9, 3, 2, 1, 1},
                {2, 8, 16, 70, 80, 3, 1, 1, 1},
                {1, 16, 16, 3, 900, 2, 1, 1, 1},
                {21, 32, 32, 6, 7, 3, 1, 1, 2},
                {9, 24, 16, 5, 5, 1, 1, 0, 1},
                {3, 16, 16, 40, 30, 1, 1, 0, 1}};
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

/* ---- By our own kernels (conv_direct.c) ------------------------------------------------------------------------- */

static double fused(double sum, double a, double b, pal_dtype dtype)
{
    return dtype == PAL_F32 ? (double)fmaf((float)a, (float)b, (float)sum) : fma(a, b, sum);
}

/* The same sums as chains of fused multiply-adds. The order in which the loops reach the terms of an element is that of
 * the chains: for conv2d_to_input the elements of the kernel are outside the positions, else inside. */
static void chains(const setting *s, pal_dtype dtype, double *x, double *w, double *y, double *into)
{
    const pal_conv2d_options *o = &s->o;
    const int64_t per = s->w.dim[1], rows = s->w.dim[0] / o->groups, kh = s->w.dim[2], kw = s->w.dim[3];
    for (int64_t n = 0; n < s->x.dim[0]; n++)
        for (int64_t k = 0; k < s->w.dim[0]; k++)
            for (int64_t turn = 0; turn < per * kh * kw * s->y.dim[2] * s->y.dim[3]; turn++) {
                int64_t rest = turn, position, element;
                const int64_t positions = s->y.dim[2] * s->y.dim[3];
                if (into == x)
                    position = rest % positions, element = rest / positions;
                else
                    element = rest % (per * kh * kw), position = rest / (per * kh * kw);
                const int64_t i = position / s->y.dim[3], j = position % s->y.dim[3], ci = element / (kh * kw),
                              u = element / kw % kh, v = element % kw;
                const int64_t p = i * o->stride[0] + u * o->dilation[0] - o->padding[0],
                              q = j * o->stride[1] + v * o->dilation[1] - o->padding[1];
                if (p < 0 || q < 0 || p >= s->x.dim[2] || q >= s->x.dim[3]) continue;
                double *px = x + at4(s->x, n, k / rows * per + ci, p, q), *pw = w + at4(s->w, k, ci, u, v),
                       *py = y + at4(s->y, n, k, i, j);
                double *to = into == x ? px : into == w ? pw : py;
                *to = into == x   ? fused(*px, *py, *pw, dtype)
                      : into == w ? fused(*pw, *px, *py, dtype)
                                  : fused(*py, *px, *pw, dtype);
            }
}

static void check_chains(pal_context *context, const setting *s, pal_dtype dtype, size_t number)
{
    pal_tape *tape = pal_tape_new(context, dtype);
    const pal_shape shapes[] = {s->x, s->w, s->y};
    pal_tensor *in[3];
    double *data[3];
    for (int i = 0; i < 3; i++) {
        in[i] = random_tensor(context, dtype, shapes[i], -1, 1, (const char *[]){"x", "w", "y"}[i]);
        data[i] = zeros(shapes[i]);
        for (size_t e = 0; e < pal_tensor_count(in[i]); e++) data[i][e] = pal_tensor_get(in[i], e);
    }
    const pal_var x = pal_leaf(tape, in[0], "x"), w = pal_leaf(tape, in[1], "w"), y = pal_leaf(tape, in[2], "y");
    const pal_var out[] = {pal_conv2d_to_input(y, w, s->x.dim[2], s->x.dim[3], &s->o),
                           pal_conv2d_to_weights(x, y, s->w.dim[2], s->w.dim[3], &s->o), pal_conv2d(x, w, &s->o)};
    pal_program *program =
        pal_compile(tape, out, 3, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = 1});
    ck_assert_msg(program != NULL, "%s", pal_tape_error(tape));
    ck_assert_int_eq(pal_run(program), PAL_OK);
    for (int i = 0; i < 3; i++) {
        double *expected = zeros(shapes[i]), *arrays[] = {data[0], data[1], data[2]};
        arrays[i] = expected;
        chains(s, dtype, arrays[0], arrays[1], arrays[2], expected);
        for (size_t e = 0; e < pal_tensor_count(in[i]); e++)
            ck_assert_msg(pal_tensor_get(pal_output(program, (size_t)i), e) == expected[e],
                          "%s, output %d of setting %zu, element %zu: %.17g, not %.17g", pal_context_isa(context), i,
                          number, e, pal_tensor_get(pal_output(program, (size_t)i), e), expected[e]);
        free(expected);
    }
    pal_program_free(program);
    for (int i = 0; i < 3; i++) {
        pal_tensor_free(in[i]);
        free(data[i]);
    }
    pal_tape_free(tape);
}

START_TEST(direct_convolutions_are_chains)
{
    static const char *const isas[] = {"avx2", "avx512"};
    static const struct {
        int64_t n, channels, k, h, w, kh, kw, stride, padding, dilation, groups;
    } rows[] = {{11, 8, 8, 7, 7, 3, 3, 2, 1, 1, 1},  {3, 9, 17, 14, 14, 3, 3, 2, 1, 1, 1},
                {2, 16, 50, 6, 5, 2, 3, 3, 2, 2, 1}, {1, 8, 8, 40, 20, 5, 5, 1, 2, 1, 1},
                {5, 24, 16, 9, 4, 4, 1, 2, 0, 1, 2}, {1, 100, 40, 3, 3, 3, 3, 1, 1, 1, 1},
                {7, 8, 50, 4, 4, 4, 4, 2, 1, 1, 1},  {2, 12, 8, 1, 60, 1, 7, 2, 3, 3, 1},
                {1, 8, 8, 2, 2, 3, 3, 3, 3, 1, 1},   {260, 8, 8, 2, 3, 2, 2, 1, 0, 1, 1},
                {9, 24, 16, 5, 5, 1, 1, 1, 0, 1, 1}, {1, 40, 8, 160, 12, 3, 3, 2, 1, 1, 1},
                {1, 16, 110, 4, 4, 3, 3, 1, 1, 1, 1}};
    for (unsigned i = 0; i < 4; i++) {
        pal_context *context = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1 + i, .isa = isas[i / 2]});
        if (!context) continue; /* the processor has no such instructions */
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            setting s = {.o = CONV(.stride = {rows[r].stride, rows[r].stride},
                                   .padding = {rows[r].padding, rows[r].padding},
                                   .dilation = {rows[r].dilation, rows[r].dilation}, .groups = rows[r].groups)};
            ck_assert(set_up(&s, rows[r].n, rows[r].channels, rows[r].k, rows[r].h, rows[r].w, rows[r].kh, rows[r].kw));
            check_chains(context, &s, PAL_F32, r);
            check_chains(context, &s, PAL_F64, r);
        }
        pal_context_free(context);
    }
}
END_TEST

/* A transposed convolution inserts zeros between the pixels and then convolves with the flipped kernels. */
/* Enough channels for the direct kernels, which refuse these: numbers that wrap, a product for each of many phases. */
START_TEST(far_strides_match_plain_loops)
{
    const int64_t huge = (int64_t)1 << 60, two32 = (int64_t)1 << 32;
    const struct {
        int64_t image, kernel, stride, padding, dilation;
    } rows[] = {{8, 2, 16, two32 / 2, two32 - 1},
                {8, 3, huge, 0, 1},
                {8, 3, huge / 8, 1, 1},
                {8, 3, 16000, 0, 1},
                {40, 20, 20, 0, 1},
                {9, 2, 3, two32, 2 * two32 + 1},
                {8, 1, 1, 0, huge},
                {3, 2, 1, huge / 2, huge - 5},
                {20, 3, 9, 4, 2}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        setting s = {.o =
                         CONV(.stride = {rows[r].stride, rows[r].stride}, .padding = {rows[r].padding, rows[r].padding},
                              .dilation = {rows[r].dilation, rows[r].dilation}, .groups = 1)};
        ck_assert(set_up(&s, 2, 8, 8, rows[r].image, rows[r].image, rows[r].kernel, rows[r].kernel));
        if (pal_shape_count(s.y) > 100000) ck_abort_msg("setting %zu is too large", r);
        check_setting(&s, r);
    }
}
END_TEST

/* A signal of one row: memory does not grow with the number of threads. */
START_TEST(a_long_row_needs_no_row_for_each_thread)
{
    pal_context *context =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 32, .dry = true});
    ck_assert_ptr_nonnull(context);
    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(1, 8, 1, 200000)),
               *w = pal_tensor_new(context, PAL_F32, PAL_SHAPE(16, 8, 1, 9));
    pal_var in[] = {pal_leaf(tape, x, "x"), pal_leaf(tape, w, "w")}, out[3];
    out[0] =
        pal_conv2d(in[0], in[1], &(pal_conv2d_options){.struct_size = sizeof(pal_conv2d_options), .padding = {0, 4}});
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_square(out[0])), in, 2, out + 1), PAL_OK);
    const size_t before = pal_context_memory(context, NULL), y = sizeof(float) * 16 * 200000;
    for (int i = 0; i < 3; i++) {
        pal_program *p = pal_compile(tape, &out[i], 1, NULL);
        ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
        ck_assert_uint_lt(pal_context_memory(context, NULL) - before, 6 * y);
        pal_program_free(p);
    }
    pal_tape_free(tape);
    pal_tensor_free(x);
    pal_tensor_free(w);
    pal_context_free(context);
}
END_TEST

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

START_TEST(wrong_convolutions_are_refused)
{
    pal_tensor *xs = random_tensor(c, PAL_F64, PAL_SHAPE(2, 4, 5, 6), -1, 1, "x"),
               *ws = random_tensor(c, PAL_F64, PAL_SHAPE(6, 4, 3, 3), -1, 1, "w"),
               *ys = random_tensor(c, PAL_F64, PAL_SHAPE(2, 6, 3, 4), -1, 1, "y"),
               *fs = random_tensor(c, PAL_F32, PAL_SHAPE(6, 4, 3, 3), -1, 1, "f");
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), y = pal_leaf(t, ys, "y"), f = pal_leaf(t, fs, "f"),
            none = {.tape = t};
    pal_conv2d_options o = {0};
#define O(...) (o = CONV(__VA_ARGS__), &o)
    ck_assert_refused(t, pal_conv2d(x, w, &(pal_conv2d_options){0}),
                      "conv2d: struct_size is 0, not 80: set it to sizeof of the struct");
    ck_assert_refused(t, pal_conv2d(none, w, NULL), "conv2d: operand 1 is a bad handle");
    ck_assert_refused(t, pal_conv_transpose2d(y, none, NULL), "conv_transpose2d: operand 2 is a bad handle");
    ck_assert_refused(t, pal_conv2d(pal_sum_all(x), w, NULL),
                      "conv2d: [] x [6,4,3,3]: images and weights must have four axes");
    ck_assert_refused(t, pal_conv2d(x, f, NULL), "conv2d: [2,4,5,6] x [6,4,3,3]: the operands must have one real type");
    ck_assert_refused(t, pal_conv2d(x, w, O(.stride = {-1, 1})),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: strides and dilations must be at least 1, paddings at least 0");
    ck_assert_refused(t, pal_conv2d(x, w, O(.padding = {0, -1})),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: strides and dilations must be at least 1, paddings at least 0");
    ck_assert_refused(t, pal_conv2d(x, w, O(.groups = -1)),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: the number of groups must be at least 1");
    ck_assert_refused(t, pal_conv2d(x, w, O(.groups = 3)),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: the number of groups does not divide the number of channels");
    ck_assert_refused(t, pal_conv2d(x, w, O(.groups = 2)),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: the weights have another number of channels");
    ck_assert_refused(t, pal_conv2d(x, w, O(.dilation = {3, 1})),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: the kernel is larger than the padded images");
    ck_assert_refused(t, pal_conv2d(x, w, O(.dilation = {INT64_MAX, 1})), "conv2d: [2,4,5,6] x [6,4,3,3]: too large");
    ck_assert_refused(t, pal_conv2d(x, w, O(.padding = {INT64_MAX / 2, 1})),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: too large");
    ck_assert_refused(t, pal_conv2d(x, w, O(.padding = {1 << 30, 1 << 30})),
                      "conv2d: [2,4,5,6] x [6,4,3,3]: an axis is too long for BLAS");
    ck_assert_refused(t, pal_conv2d(x, w, O(.output_padding = {1, 0})),
                      "conv2d: output_padding applies only to conv_transpose2d");
    ck_assert_refused(t, pal_conv2d_to_input(y, w, 6, 6, NULL),
                      "conv2d_to_input: [2,6,3,4] x [6,4,3,3]: images of that size do not give these results");
    ck_assert_refused(t, pal_conv2d_to_input(y, w, -5, 6, NULL),
                      "conv2d_to_input: [2,6,3,4] x [6,4,3,3]: the size of the images is negative");
    ck_assert_refused(t, pal_conv2d_to_input(x, w, 7, 8, NULL),
                      "conv2d_to_input: [2,4,5,6] x [6,4,3,3]: the weights have another number of output channels");
    ck_assert_refused(t, pal_conv2d_to_input(y, w, 5, 6, O(.groups = INT64_MAX)),
                      "conv2d_to_input: [2,6,3,4] x [6,4,3,3]: too large");
    ck_assert_refused(t, pal_conv2d_to_weights(x, y, 2, 3, NULL),
                      "conv2d_to_weights: [2,4,5,6] x [2,6,3,4]: kernels of that size do not give these results");
    ck_assert_refused(t, pal_conv2d_to_weights(x, y, 0, 3, NULL),
                      "conv2d_to_weights: [2,4,5,6] x [2,6,3,4]: the kernel is empty");
    ck_assert_refused(
        t,
        pal_conv2d_to_weights(
            x, pal_slice(y, (int64_t[]){0, 0, 0, 0}, (int64_t[]){1, 6, 3, 4}, (int64_t[]){1, 1, 1, 1}), 3, 3, NULL),
        "conv2d_to_weights: [2,4,5,6] x [1,6,3,4]: the numbers of images and results differ");
    ck_assert_refused(
        t, pal_conv_transpose2d(y, w, O(.stride = {2, 2}, .output_padding = {2, 0})),
        "conv_transpose2d: [2,6,3,4] x [6,4,3,3]: the output padding must be at least 0 and less than the stride");
    ck_assert_refused(t, pal_conv_transpose2d(y, w, O(.padding = {3, 0})),
                      "conv_transpose2d: [2,6,3,4] x [6,4,3,3]: the padding leaves no pixels of the images");
    ck_assert_refused(t, pal_conv_transpose2d(x, w, NULL),
                      "conv_transpose2d: [2,4,5,6] x [6,4,3,3]: the weights have another number of output channels");
    ck_assert_refused(
        t, pal_conv_transpose2d(y, w, O(.stride = {-2, 1})),
        "conv_transpose2d: [2,6,3,4] x [6,4,3,3]: strides and dilations must be at least 1, paddings at least 0");
    ck_assert(!pal_ok(pal_conv2d((pal_var){0}, (pal_var){0}, NULL)));
    ck_assert(!pal_ok(pal_conv_transpose2d((pal_var){0}, (pal_var){0}, NULL)));
    ck_assert_ptr_null(pal_tape_error(t));
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_tensor_free(ys);
    pal_tensor_free(fs);
}
END_TEST

Suite *conv_suite(void)
{
    Suite *s = suite_create("conv");
    add_case(s, "conv", setup, teardown,
             TESTS(convolutions_match_plain_loops, large_convolutions_match_plain_loops, direct_convolutions_are_chains,
                   far_strides_match_plain_loops, a_long_row_needs_no_row_for_each_thread,
                   transposed_convolution_is_zero_insertion, wrong_convolutions_are_refused));
    return s;
}
