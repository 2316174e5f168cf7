/* test_corrupt.c - tests corruption and binarisation: distributions, which noise belongs to which sample and step, and
 * clean targets. */
#include <math.h>

#include "tests/models/recorded.h"

Suite *corrupt_suite(void);

enum { SAMPLES = 500, CHANNELS = 2, HEIGHT = 5, WIDTH = 7, PIXELS = HEIGHT * WIDTH, FEATURES = CHANNELS * PIXELS };
static const pal_shape sample = {.rank = 3, .dim = {CHANNELS, HEIGHT, WIDTH}};

/* The images that `corrupted` corrupts. No element is 0 or 1, so that a corrupted element can be recognised. */
static pal_tensor *x;

static values corrupted(const pal_setting *settings, pal_mode mode, pal_noise noise)
{
    pal_model *m = model_of("denoising", settings, sample);
    x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), 0.2, 0.8, "x");
    values v = run_at(m, x, mode, pal_model_corrupt, false, noise);
    pal_model_free(m);
    return v;
}

static void done(values *v)
{
    free_values(v);
    pal_tensor_free(x);
}

/* The share of elements that equal `value`. Every element must be 0, 1 or unchanged. */
static double share_of(const values *v, double value)
{
    size_t count = 0;
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
        const double y = pal_tensor_get(v->value[0], i);
        ck_assert(y == 0 || y == 1 || y == pal_tensor_get(x, i));
        count += y == value;
    }
    return (double)count / (SAMPLES * FEATURES);
}

START_TEST(masking_sets_a_share_to_zero)
{
    values v = corrupted((pal_setting[]){{"masking", "0.3"}, {0}}, PAL_TRAIN, (pal_noise){.seed = 2});
    ck_assert_double_eq_tol(share_of(&v, 0), 0.3, 0.01);
    ck_assert_double_eq(share_of(&v, 1), 0);
    done(&v);
}
END_TEST

START_TEST(salt_and_pepper_are_halves_of_a_share)
{
    const pal_setting settings[] = {{"corruption", "salt-and-pepper"}, {"salt", "0.4"}, {0}};
    values v = corrupted(settings, PAL_TRAIN, (pal_noise){.seed = 2});
    ck_assert_double_eq_tol(share_of(&v, 0), 0.2, 0.01);
    ck_assert_double_eq_tol(share_of(&v, 1), 0.2, 0.01);
    done(&v);
}
END_TEST

START_TEST(gaussian_adds_noise_of_its_deviation)
{
    const pal_setting settings[] = {{"corruption", "gaussian"}, {"sigma", "0.3"}, {0}};
    values v = corrupted(settings, PAL_TRAIN, (pal_noise){.seed = 2});
    double sum = 0, squares = 0;
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
        const double z = pal_tensor_get(v.value[0], i) - pal_tensor_get(x, i);
        sum += z / (SAMPLES * FEATURES);
        squares += z * z / (SAMPLES * FEATURES);
    }
    ck_assert_double_eq_tol(sum, 0, 0.006);
    ck_assert_double_eq_tol(sqrt(squares), 0.3, 0.004);
    done(&v);
}
END_TEST

/* Each sample has one whole square of 3 by 3 zeros, at the same place in both channels. All 3 by 5 places are equally
 * frequent. */
START_TEST(blocks_are_squares_anywhere)
{
    enum { SIDE = 3, DOWN = HEIGHT - SIDE + 1, ACROSS = WIDTH - SIDE + 1 };
    const pal_setting settings[] = {{"corruption", "blocks"}, {"block-size", "3"}, {0}};
    values v = corrupted(settings, PAL_TRAIN, (pal_noise){.seed = 2});
    int places[DOWN][ACROSS] = {0};
    share_of(&v, 0);
    for (size_t s = 0; s < SAMPLES; s++) {
        const double *y = (const double *)v.value[0]->data + s * FEATURES;
        int top = HEIGHT, left = WIDTH, count = 0;
        for (int i = 0; i < PIXELS; i++) {
            ck_assert_int_eq(y[i] == 0, y[i + PIXELS] == 0);
            if (y[i] != 0) continue;
            if (i / WIDTH < top) top = i / WIDTH;
            if (i % WIDTH < left) left = i % WIDTH;
            count++;
        }
        ck_assert_int_eq(count, SIDE * SIDE);
        for (int i = 0; i < SIDE * SIDE; i++) ck_assert(y[(top + i / SIDE) * WIDTH + left + i % SIDE] == 0);
        places[top][left]++;
    }
    for (int i = 0; i < DOWN * ACROSS; i++) /* four standard deviations of a binomial around 500 / 15 */
        ck_assert_double_eq_tol(places[i / ACROSS][i % ACROSS], (double)SAMPLES / (DOWN * ACROSS), 23);
    done(&v);
}
END_TEST

START_TEST(a_block_may_be_the_whole_image)
{
    pal_model *m =
        model_of("dae", (pal_setting[]){{"corruption", "blocks"}, {"block-size", "4"}, {0}}, PAL_SHAPE(4, 4));
    pal_tensor *ones = batch_of(m, 3);
    values v = run(m, ones, PAL_TRAIN, pal_model_corrupt);
    for (size_t i = 0; i < 48; i++) ck_assert_double_eq(pal_tensor_get(v.value[0], i), 0);
    free_values(&v);
    pal_tensor_free(ones);
    pal_model_free(m);
}
END_TEST

/* The noise changes with each step. An evaluation has other noise than training. Equal steps give equal bits. */
START_TEST(noise_is_of_step_sample_and_mode)
{
    static const pal_setting settings[][3] = {{{"corruption", "masking"}, {0}},
                                              {{"corruption", "gaussian"}, {0}},
                                              {{"corruption", "salt-and-pepper"}, {0}},
                                              {{"corruption", "blocks"}, {"block-size", "2"}, {0}},
                                              {{"masking", "0"}, {"binarize", "dynamic"}, {0}}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        values a = corrupted(settings[i], PAL_TRAIN, (pal_noise){.seed = 2, .clock = 7});
        pal_tensor_free(x);
        values again = corrupted(settings[i], PAL_TRAIN, (pal_noise){.seed = 2, .clock = 7});
        pal_tensor_free(x);
        values later = corrupted(settings[i], PAL_TRAIN, (pal_noise){.seed = 2, .clock = 8});
        pal_tensor_free(x);
        values evaluated = corrupted(settings[i], PAL_EVALUATE, (pal_noise){.seed = 2, .clock = 7});
        const size_t bytes = pal_tensor_bytes(a.value[0]);
        ck_assert_mem_eq(a.value[0]->data, again.value[0]->data, bytes);
        ck_assert_mem_ne(a.value[0]->data, later.value[0]->data, bytes);
        ck_assert_mem_ne(a.value[0]->data, evaluated.value[0]->data, bytes);
        free_values(&a);
        free_values(&again);
        free_values(&later);
        done(&evaluated);
    }
}
END_TEST

/* ---- Binary inputs -------------------------------------------------------------------------------------------- */

/* `threshold` compares with 0.5. `dynamic` draws 0 or 1 with the pixel as the probability, so that the mean stays. */
START_TEST(threshold_and_dynamic)
{
    static const char *const how[] = {"threshold", "dynamic"};
    for (int k = 0; k < 2; k++) {
        values v =
            corrupted((pal_setting[]){{"masking", "0"}, {"binarize", how[k]}, {0}}, PAL_TRAIN, (pal_noise){.seed = 2});
        double difference = 0;
        for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
            const double y = pal_tensor_get(v.value[0], i), p = pal_tensor_get(x, i);
            ck_assert(y == 0 || y == 1);
            if (!k) ck_assert(y == (p >= 0.5));
            difference += (y - p) / (SAMPLES * FEATURES);
        }
        ck_assert_double_eq_tol(difference, 0, 0.01);
        done(&v);
    }
}
END_TEST

/* With binarisation, the loss of grey inputs is the loss of their binary versions. Encoding uses the grey inputs. */
START_TEST(binarisation_belongs_to_the_loss)
{
    static const char *const variants[] = {"basic", "denoising", "contractive"};
    for (size_t v = 0; v < 3; v++) {
        const pal_setting plain[] = {{"hidden", "4"}, {0}},
                          binary[] = {{"hidden", "4"}, {"binarize", "threshold"}, {0}};
        pal_model *p = model_of(variants[v], plain, sample), *b = model_of(variants[v], binary, sample);
        pal_tensor *grey = batch_of(p, 4), *bits = batch_of(p, 4);
        for (size_t i = 0; i < pal_tensor_count(bits); i++) pal_tensor_set(bits, i, pal_tensor_get(grey, i) >= 0.5);
        ck_assert_double_eq(loss(b, grey), loss(p, bits));
        ck_assert_double_ne(loss(p, grey), loss(p, bits));
        values h = run(p, grey, PAL_TRAIN, pal_model_encode), k = run(b, grey, PAL_TRAIN, pal_model_encode);
        ck_assert_mem_eq(h.value[0]->data, k.value[0]->data, pal_tensor_bytes(h.value[0]));
        free_values(&h);
        free_values(&k);
        pal_tensor_free(grey);
        pal_tensor_free(bits);
        pal_model_free(p);
        pal_model_free(b);
    }
}
END_TEST

/* ---- The target ----------------------------------------------------------------------------------------------- */

static pal_var of_nothing(pal_model *m, pal_var clean)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, pal_scale(clean, 0))), clean);
}

/* With everything masked, the code is that of zeros. The loss still compares with the clean input. */
START_TEST(the_target_is_clean)
{
    pal_model *m = model_of("denoising", (pal_setting[]){{"masking", "1"}, {"hidden", "4"}, {0}}, sample);
    pal_tensor *clean = batch_of(m, 4);
    values v = run(m, clean, PAL_TRAIN, of_nothing);
    ck_assert_double_eq_tol(loss(m, clean), pal_tensor_get(v.value[0], 0), 1e-12);
    free_values(&v);
    pal_tensor_free(clean);
    pal_model_free(m);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    const pal_setting blocks[] = {{"corruption", "blocks"}, {0}};
    refused("denoising", blocks, PAL_SHAPE(784), "corruption blocks needs images, but a sample is [784]: choose");
    refused("denoising", blocks, PAL_SHAPE(28, 9), "images of 28 by 9: choose a smaller --block-size");
    refused("denoising", (pal_setting[]){{"salt", "1.5"}, {0}}, sample, "salt: 1.5 is not in 0 .. 1");
    refused("denoising", (pal_setting[]){{"corruption", "rain"}, {0}}, sample, "is not one of masking|");
}
END_TEST

/* An option that belongs to one corruption selects it. An explicit --corruption takes precedence, and options of two
 * corruptions without it are an error. */
START_TEST(an_option_of_a_corruption_says_which_it_is)
{
    const struct {
        pal_setting given[2];
        const char *corruption; /* NULL: refused */
    } rows[] = {{{{"sigma", "0.3"}}, "gaussian"},
                {{{"block-size", "2"}}, "blocks"},
                {{{"masking", "0.3"}}, "masking"},
                {{{"sigma", "0.3"}, {"corruption", "masking"}}, "masking"},
                {{{"sigma", "0.3"}, {"masking", "0.3"}}, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        pal_model *m = pal_model_new(c, pal_variant_find("denoising"), rows[i].given, rows[i].given[1].name ? 2 : 1,
                                     sample, PAL_F32, 1, &err);
        ck_assert(!m == !rows[i].corruption);
        if (m) ck_assert_str_eq(pal_model_setting(m, "corruption"), rows[i].corruption);
        if (!m) ck_assert_msg(strstr(err.text, "choose one by --corruption") != NULL, "%s", err.text);
        pal_model_free(m);
    }
}
END_TEST

Suite *corrupt_suite(void)
{
    Suite *suite = suite_create("corrupt");
    add_case(suite, "corruptions", set_up, tear_down,
             TESTS(masking_sets_a_share_to_zero, salt_and_pepper_are_halves_of_a_share,
                   gaussian_adds_noise_of_its_deviation, blocks_are_squares_anywhere, a_block_may_be_the_whole_image,
                   noise_is_of_step_sample_and_mode));
    add_case(suite, "use", set_up, tear_down,
             TESTS(threshold_and_dynamic, binarisation_belongs_to_the_loss, the_target_is_clean,
                   an_option_of_a_corruption_says_which_it_is, what_does_not_fit_is_refused));
    return suite;
}
