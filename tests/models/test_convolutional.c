/* test_convolutional.c - tests the convolutional autoencoder: one layer against sums computed by hand, images of any
 * size, initial values, derivatives, and errors. */
#include <math.h>

#include "tests/models/recorded.h"

Suite *convolutional_suite(void);

static double parameter(const pal_model *m, const char *name, int64_t i)
{
    const pal_tensor *p = pal_model_parameter_find(m, name);
    ck_assert_msg(p != NULL, "%s", name);
    return ((const double *)p->data)[i];
}

static void has_shape(const pal_model *m, const char *name, pal_shape shape)
{
    const pal_tensor *p = pal_model_parameter_find(m, name);
    char text[96];
    ck_assert_msg(p && pal_shape_equal(p->shape, shape), "%s: %s", name,
                  p ? pal_shape_text(p->shape, text, sizeof text) : "none");
}

/* ---- One layer, encoded and decoded by hand ------------------------------------------------------------------- */

enum { CHANNELS = 2, MAPS = 3, HEIGHT = 5, WIDTH = 6, KERNEL = 3, STRIDE = 2, DOWN = 3, ACROSS = 3 };
static const pal_shape sample = {.rank = 3, .dim = {CHANNELS, HEIGHT, WIDTH}};

/* Called for every window position (place), every pixel under the window, and the filter element (tap) between them. */
typedef void (*touching)(int map, int place, int channel, int pixel, int tap, const pal_model *m, double *in,
                         double *out);

static void walk(touching f, const pal_model *m, double *in, double *out)
{
    for (int map = 0; map < MAPS; map++)
        for (int place = 0; place < DOWN * ACROSS; place++)
            for (int channel = 0; channel < CHANNELS; channel++)
                for (int tap = 0; tap < KERNEL * KERNEL; tap++) {
                    const int y = place / ACROSS * STRIDE + tap / KERNEL - 1,
                              x = place % ACROSS * STRIDE + tap % KERNEL - 1;
                    if (y >= 0 && y < HEIGHT && x >= 0 && x < WIDTH)
                        f(map, place, channel, y * WIDTH + x, tap, m, in, out);
                }
}

static void there(int map, int place, int channel, int pixel, int tap, const pal_model *m, double *in, double *out)
{
    out[map * DOWN * ACROSS + place] += in[channel * HEIGHT * WIDTH + pixel] *
                                        parameter(m, "encoder/1/W", (map * CHANNELS + channel) * KERNEL * KERNEL + tap);
}

static void back(int map, int place, int channel, int pixel, int tap, const pal_model *m, double *in, double *out)
{
    out[channel * HEIGHT * WIDTH + pixel] +=
        in[map * DOWN * ACROSS + place] * parameter(m, "decoder/1/W", (channel * MAPS + map) * KERNEL * KERNEL + tap);
}

static void back_tied(int map, int place, int channel, int pixel, int tap, const pal_model *m, double *in, double *out)
{
    out[channel * HEIGHT * WIDTH + pixel] +=
        in[map * DOWN * ACROSS + place] *
        parameter(m, "encoder/1/W", (map * CHANNELS + channel) * KERNEL * KERNEL + tap);
}

START_TEST(one_layer_is_its_sums)
{
    static const char *const tied[] = {"no", "yes"};
    for (int k = 0; k < 2; k++) {
        const pal_setting settings[] = {{"channels", "3"},
                                        {"kernel", "3"},
                                        {"hidden", "0"},
                                        {"output", "squared"},
                                        {"tied", tied[k]},
                                        {"code-activation", "tanh"},
                                        {0}};
        pal_model *m = model_of("convolutional", settings, sample);
        fill_parameters(m, 1);
        pal_tensor *x = batch_of(m, 1);
        values h = run(m, x, PAL_EVALUATE, pal_model_encode), y = run(m, x, PAL_EVALUATE, pal_model_reconstruct);
        double code[MAPS * DOWN * ACROSS] = {0}, image[CHANNELS * HEIGHT * WIDTH] = {0};
        ck_assert_uint_eq(pal_tensor_count(h.value[0]), MAPS * DOWN * ACROSS);
        walk(there, m, x->data, code);
        for (int i = 0; i < MAPS * DOWN * ACROSS; i++) {
            code[i] = tanh(code[i] + parameter(m, "encoder/1/b", i / (DOWN * ACROSS)));
            ck_assert_double_eq_tol(pal_tensor_get(h.value[0], i), code[i], 1e-12);
        }
        walk(k ? back_tied : back, m, code, image);
        for (int i = 0; i < CHANNELS * HEIGHT * WIDTH; i++)
            ck_assert_double_eq_tol(pal_tensor_get(y.value[0], i),
                                    image[i] + parameter(m, "decoder/1/b", i / (HEIGHT * WIDTH)), 1e-12);
        free_values(&h);
        free_values(&y);
        pal_tensor_free(x);
        pal_model_free(m);
    }
}
END_TEST

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

/* Reconstructions have the size of the image for any combination of height, width, kernel, stride and number of
 * layers. */
START_TEST(images_of_any_size_come_back)
{
    static const pal_setting stacks[][7] = {
        {{"channels", "2,3"}, {"kernel", "3"}},
        {{"channels", "2,3"}, {"kernel", "5"}, {"hidden", "0"}},
        {{"channels", "2"}, {"kernel", "4"}, {"tied", "yes"}},
        {{"channels", "2,2,2"}, {"kernel", "3"}, {"stride", "2"}, {"tied", "yes"}},
        {{"channels", "2"}, {"kernel", "3"}, {"stride", "3"}},
        {{"channels", "2"}, {"kernel", "1"}, {"stride", "3"}, {"hidden", "0"}},
        {{"channels", "3"}, {"kernel", "2"}, {"stride", "1"}, {"layers", ""}},
        {{"channels", "2"}, {"kernel", "3"}, {"layers", "6,5,4"}, {"tied", "yes"}},
        {{"channels", "2"}, {"kernel", "3"}, {"output", "categorical"}, {"bins", "3"}},
    };
    for (int64_t h = 3; h <= 8; h++)
        for (int64_t w = 4; w <= 7; w += 3)
            for (int64_t maps = 0; maps <= 3; maps += 3)
                for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
                    pal_model *m = model_of("conv", stacks[i], maps ? PAL_SHAPE(maps, h, w) : PAL_SHAPE(h, w));
                    encode_then_decode(m);
                    pal_model_free(m);
                }
}
END_TEST

/* An image without a channel axis has the parameters of an image with one channel. The decoder mirrors the encoder. */
START_TEST(a_grey_image_is_one_channel)
{
    const pal_setting settings[] = {{"channels", "2,3"}, {"kernel", "3"}, {"layers", "9,4"}, {0}};
    pal_model *m = model_of("conv", settings, PAL_SHAPE(28, 27)), *n = model_of("conv", settings, PAL_SHAPE(1, 28, 27));
    has_shape(m, "encoder/1/W", PAL_SHAPE(2, 1, 3, 3));
    has_shape(m, "encoder/1/b", PAL_SHAPE(2));
    has_shape(m, "encoder/2/W", PAL_SHAPE(3, 2, 3, 3));
    has_shape(m, "encoder/3/W", PAL_SHAPE(3 * 7 * 7, 9));
    has_shape(m, "encoder/4/W", PAL_SHAPE(9, 4));
    has_shape(m, "decoder/4/W", PAL_SHAPE(4, 9));
    has_shape(m, "decoder/3/W", PAL_SHAPE(9, 3 * 7 * 7));
    has_shape(m, "decoder/2/W", PAL_SHAPE(2, 3, 3, 3));
    has_shape(m, "decoder/1/W", PAL_SHAPE(1, 2, 3, 3));
    has_shape(m, "decoder/1/b", PAL_SHAPE(1));
    ck_assert_int_eq(pal_model_weights(m), pal_model_weights(n));
    pal_model_free(m);
    pal_model_free(n);
}
END_TEST

/* With a categorical output, each pixel of each channel has BINS numbers of its own. The biases are ordered by level,
 * then by channel; the test sets one level per channel. */
START_TEST(several_numbers_a_feature_are_its_own)
{
    enum { BINS = 3, PIXELS = 4 * 5 };
    const pal_setting settings[] = {{"channels", "2"}, {"kernel", "3"}, {"output", "categorical"}, {"bins", "3"}, {0}};
    pal_model *m = model_of("conv", settings, PAL_SHAPE(2, 4, 5));
    pal_tensor *x = batch_of(m, 1), *w = pal_model_parameter_find(m, "decoder/1/W"),
               *b = pal_model_parameter_find(m, "decoder/1/b");
    ck_assert_uint_eq(pal_tensor_count(b), 2 * BINS);
    for (size_t i = 0; i < pal_tensor_count(w); i++) pal_tensor_set(w, i, 0);
    for (size_t i = 0; i < 2 * BINS; i++) pal_tensor_set(b, i, i == 1 * 2 + 0 || i == 2 * 2 + 1 ? 50 : 0);
    values y = run(m, x, PAL_EVALUATE, pal_model_reconstruct); /* channel 0 has level 1, channel 1 has level 2 */
    for (size_t i = 0; i < 2 * PIXELS; i++)
        ck_assert_double_eq_tol(pal_tensor_get(y.value[0], i), i < PIXELS ? 0.5 : 1, 1e-12);
    free_values(&y);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* With `he`, weights have the variance 2 / fan-in, so that rectified units keep the variance of their inputs. The
 * fan-in of a filter is the number of its input channels times its area. */
START_TEST(initial_filters_have_their_fan_in)
{
    pal_model *m = model_of("conv", (pal_setting[]){{"channels", "64,64"}, {"kernel", "5"}, {"init", "he"}, {0}},
                            PAL_SHAPE(16, 16));
    static const struct {
        const char *name;
        double fan_in;
    } rows[] = {{"encoder/1/W", 25}, {"encoder/2/W", 64 * 25}, {"decoder/2/W", 64 * 25}, {"decoder/1/W", 64 * 25}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_tensor *w = pal_model_parameter_find(m, rows[i].name);
        const double n = (double)pal_tensor_count(w);
        double squares = 0;
        for (size_t k = 0; k < pal_tensor_count(w); k++) squares += pow(pal_tensor_get(w, k), 2) / n;
        ck_assert_double_eq_tol(squares * rows[i].fan_in / 2, 1, 5 / sqrt(n));
    }
    pal_model_free(m);
}
END_TEST

/* ---- Loss ----------------------------------------------------------------------------------------------------- */

START_TEST(derivatives_are_right)
{
    static const pal_setting stacks[][8] = {
        {{"channels", "2,3"}, {"kernel", "3"}, {"activation", "tanh"}},
        {{"channels", "2,3"}, {"kernel", "3"}, {"activation", "softplus"}, {"hidden", "0"}},
        {{"channels", "2"}, {"kernel", "4"}, {"activation", "sigmoid"}, {"tied", "yes"}},
        {{"channels", "2,2"}, {"kernel", "3"}, {"activation", "relu"}},
        {{"channels", "2"}, {"kernel", "3"}, {"activation", "tanh"}, {"dropout", "0.3"}, {"l1", "0.1"}, {"l2", "0.1"}},
        {{"channels", "2"}, {"kernel", "3"}, {"activation", "tanh"}, {"output", "categorical"}, {"bins", "3"}},
        {{"channels", "2"}, {"kernel", "3"}, {"output", "gaussian"}, {"sigma-of", "feature"}, {"binarize", "dynamic"}},
    };
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        pal_setting settings[9] = {{"hidden", "3"}};
        memcpy(settings + 1, stacks[i], sizeof stacks[i]);
        pal_model *m = model_of("conv", settings, PAL_SHAPE(2, 5, 4));
        fill_parameters(m, 0.4);
        check_gradients(settings[3].value, m);
        pal_model_free(m);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    refused("conv", NULL, PAL_SHAPE(784), "a convolution needs images, but a sample is [784]: choose data");
    refused("conv", NULL, PAL_SHAPE(2, 3, 4, 4), "a convolution needs images, but a sample is [2,3,4,4]");
    refused("conv", (pal_setting[]){{"channels", ""}, {0}}, PAL_SHAPE(8, 8), "choose the number of maps");
    refused("conv", (pal_setting[]){{"channels", "4,0"}, {0}}, PAL_SHAPE(8, 8), "channels: 4,0 is not in");
    refused("conv", (pal_setting[]){{"channels", "2,2,2,2"}, {"kernel", "4"}, {0}}, PAL_SHAPE(8, 8),
            "encoder/4: a window of 4 does not fit into maps of 1 by 1: choose fewer --channels");
    refused("conv", (pal_setting[]){{"layers", "5,0"}, {0}}, PAL_SHAPE(8, 8), "layers: 5,0 is not in");
    refused("conv", (pal_setting[]){{"layers", "5,4"}, {"hidden", "3"}, {0}}, PAL_SHAPE(8, 8),
            "give different sizes of the code");
    refused("conv", (pal_setting[]){{"decoder-layers", "5"}, {0}}, PAL_SHAPE(8, 8), "has no option decoder-layers");
    refused("conv", (pal_setting[]){{"tied", "yes"}, {"output", "categorical"}, {"bins", "4"}, {0}}, PAL_SHAPE(8, 8),
            "choose --tied no");
    refused("conv", (pal_setting[]){{"channels", "2,2"}, {"dropout", "0.1,0.2"}, {0}}, PAL_SHAPE(8, 8),
            "dropout: 2 rates");
}
END_TEST

Suite *convolutional_suite(void)
{
    Suite *suite = suite_create("convolutional");
    add_case(suite, "layers", set_up, tear_down,
             TESTS(one_layer_is_its_sums, images_of_any_size_come_back, a_grey_image_is_one_channel,
                   several_numbers_a_feature_are_its_own, initial_filters_have_their_fan_in));
    add_case(suite, "loss", set_up, tear_down, TESTS(derivatives_are_right, what_does_not_fit_is_refused));
    return suite;
}
