/* test_images.c - pooling and resizing: values compared with plain loops for many options, conventions at ties, error
 * messages. Networks of these and of convolutions give the same bits on any number of threads, agree in float32 and
 * float64, and can be differentiated inside regions. */
#include "tests/ops/images.h"

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

/* The first of equal maxima gets the whole derivative. The first NaN wins over numbers. -inf is an ordinary value. */
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

/* A tie of maxima is a kink, and so is a difference that no step can resolve. A tie below the maximum of its window is
 * not. */
START_TEST(ties_are_kinks)
{
    double in[] = {1, 1, 0, 0.5, 3, 2, 0, 0, 3, 3 - 1e-14, 0, 0, 3, 2.99, 0, 0};
    pal_tensor *x = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(4, 1, 2, 2), in);
    pal_gradcheck_report r;
    ck_assert_int_eq(pal_gradcheck(c, "max_pool2d", pool_of, POOL(.window = {2, 2}), &x, 1, NULL, &r), PAL_OK);
    ck_assert_int_eq(r.verdict, PAL_CHECK_PASS);
    ck_assert_uint_eq(r.kinks, 4); /* the first two pixels of the first and of the third image */
    ck_assert_uint_eq(r.checked, 12);
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
    /* [0 1; 2 3] resized to 3 x 3 agrees with other libraries. An infinite neighbour must not change a copied pixel. */
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

/* ---- Threads, types, regions ---------------------------------------------------------------------------------- */

enum { OUTPUTS = 8 };

/* Computes values and gradients of a small network in this context and type. Writes all elements to out, as doubles,
 * and returns their number; 0 if the processor lacks the instruction set. */
static size_t network(unsigned threads, unsigned lanes, const char *isa, pal_dtype dtype, double *out)
{
    pal_context *k = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .isa = isa});
    if (!k) return 0; /* the processor lacks these instructions */
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
    /* float32 is close to float64 on every instruction set. */
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
    /* The checker cannot see decisions inside regions, so a small step is used to avoid kinks. */
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

/* A batch without images needs no large scratch memory, even if the image size is huge. */
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
    ck_assert_refused(t, pal_max_pool2d(x, NULL), "max_pool2d: the options are missing: set a window");
    ck_assert_refused(t, pal_average_pool2d(x, &(pal_pool2d_options){.window = {2, 2}}),
                      "average_pool2d: struct_size is 0, not 56: set it to sizeof of the struct");
    ck_assert_refused(t, pal_arg_pool2d(x, POOL(.window = {2, 0})),
                      "arg_pool2d: [2,1,3,4]: windows and strides must be at least 1, paddings at least 0");
    ck_assert_refused(t, pal_max_pool2d(x, POOL(.window = {2, 2}, .stride = {-1, 1})),
                      "max_pool2d: [2,1,3,4]: windows and strides must be at least 1, paddings at least 0");
    ck_assert_refused(t, pal_max_pool2d(x, POOL(.window = {3, 3}, .padding = {2, 0})),
                      "max_pool2d: [2,1,3,4]: the padding is more than half the window");
    ck_assert_refused(t, pal_max_pool2d(x, POOL(.window = {4, 2})),
                      "max_pool2d: [2,1,3,4]: the window is larger than the padded images");
    ck_assert_refused(t, pal_max_pool2d(x, POOL(.window = {INT64_MAX, 1})), "max_pool2d: [2,1,3,4]: too large");
    ck_assert_refused(t, pal_max_pool2d(pal_sum_all(x), POOL(.window = {2, 2})),
                      "max_pool2d: []: the images must have four axes");
    ck_assert_refused(t, pal_max_pool2d(i, POOL(.window = {2, 2})),
                      "max_pool2d: [2,1,3,4]: the images must have a real type");
    ck_assert_refused(t, pal_average_pool2d(empty, POOL(.window = {2, 2}, .padding = {1, 1})),
                      "average_pool2d: [2,1,0,4]: the images have no pixels");
    ck_assert_refused(t, pal_max_pool2d(none, POOL(.window = {2, 2})), "max_pool2d: operand 1 is a bad handle");
    ck_assert_refused(t, pal_resize_nearest(x, 0, 2), "resize_nearest: [2,1,3,4]: rows and columns must be at least 1");
    ck_assert_refused(t, pal_resize_bilinear(x, 2, -1),
                      "resize_bilinear: [2,1,3,4]: rows and columns must be at least 1");
    ck_assert_refused(t, pal_resize_bilinear(empty, 2, 2), "resize_bilinear: [2,1,0,4]: the images have no pixels");
    ck_assert_refused(t, pal_resize_nearest(i, 2, 2), "resize_nearest: [2,1,3,4]: the images must have a real type");
    ck_assert_refused(t, pal_resize_nearest(pal_sum_all(x), 2, 2),
                      "resize_nearest: []: the images must have four axes");
    ck_assert_refused(t, pal_resize_nearest(x, INT64_MAX, 1), "resize_nearest: [2,1,3,4]: too large");
    ck_assert(!pal_ok(pal_max_pool2d((pal_var){0}, POOL(.window = {2, 2}))));
    ck_assert(!pal_ok(pal_resize_nearest((pal_var){0}, 2, 2)));
    pal_tensor_free(xs);
    pal_tensor_free(es);
    pal_tensor_free(is);
}
END_TEST

Suite *images_suite(void)
{
    Suite *s = suite_create("images");
    add_case(s, "images", setup, teardown,
             TESTS(pools_match_plain_loops, maximum_at_ties_and_not_numbers, ties_are_kinks, resizes_match_plain_loops,
                   no_images_need_no_scratch, bits_do_not_depend_on_threads, regions_differentiate_twice,
                   wrong_pools_and_sizes_are_refused));
    return s;
}
