/* test_data_refusals.c - tests what is refused, and what the refusal says: data that a model cannot take, in every
 * function that takes data; and variants that fail. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "tests/data/rows_file.h"
#include "train/train.h"

Suite *data_refusals_suite(void);

/* A data set of 12 features with values from low to high, both of which occur. */
static pal_dataset *from_to(double low, double high, pal_dtype dtype)
{
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, dtype, PAL_SHAPE(SAMPLES, FEATURES), low, high, "wide");
    for (size_t i = 0; i < SAMPLES; i++) { /* in each sample, so that those of training have them, too */
        pal_tensor_set(x, i * FEATURES + 5, low);
        pal_tensor_set(x, i * FEATURES + 7, high);
    }
    ck_assert_int_eq(pal_npy_write(x, path_of("wide.npy"), &err), PAL_OK);
    pal_tensor_free(x);
    pal_dataset *data = pal_dataset_open(context, path_of("wide.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

static pal_model *model_with(const pal_setting *settings, size_t n)
{
    pal_error err = {0};
    pal_model *model =
        pal_model_new(context, pal_variant_find("basic"), settings, n, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    return model;
}

/* ---- Data ----------------------------------------------------------------------------------------------------- */

static pal_status train_with(pal_model *m, const pal_dataset *train, const pal_dataset *test, pal_error *err)
{
    const pal_train_options o = {.struct_size = sizeof o, .epochs = 1, .batch = 10, .test = test};
    pal_train_result result;
    const pal_status status = pal_train_check(m, train, &o, err), again = pal_train(m, train, &o, &result, err);
    ck_assert_int_eq(status, again);
    return status;
}

START_TEST(every_entry_refuses_a_range)
{
    pal_error err = {0};
    pal_dataset *good = data_of(SAMPLES, "good"), *bad = from_to(0, 16, PAL_F32);
    const pal_setting two[] = {{"hidden", "2"}};
    pal_model *m = model_with(two, 1);
    pal_figures figures;
    pal_denoise_figures denoised;
    pal_infill_figures filled;
    pal_scatter points;
    const uint8_t missing[FEATURES] = {1};
    const char *picture = path_of("picture.png");
#define SIZED(type)                                                                                                    \
    &(type) { .struct_size = sizeof(type) }
    const pal_status status[] = {
        pal_data_check(m, bad, &err),
        train_with(m, bad, good, &err),
        train_with(m, good, bad, &err),
        pal_evaluate(m, bad, SIZED(pal_evaluate_options), &figures, &err),
        pal_reconstruct_write(m, bad, SIZED(pal_reconstruct_options), picture, &err),
        pal_denoise(m, bad, SIZED(pal_denoise_options), &denoised, NULL, &err),
        pal_infill_write(m, bad, missing, SIZED(pal_infill_picture), &filled, NULL, &err),
        pal_interpolate_write(m, bad, SIZED(pal_interpolate_options), NULL, NULL, &err),
        pal_scatter_write(m, bad, SIZED(pal_scatter_options), picture, &points, &err),
    };
    for (size_t i = 0; i < sizeof status / sizeof *status; i++)
        ck_assert_msg(status[i] == PAL_ERR_ARGUMENT, "entry %zu: status %d", i, (int)status[i]);
    err = (pal_error){0};
    ck_assert_ptr_null(pal_geometry_new(m, bad, NULL, SIZED(pal_geometry_options), &err));
#undef SIZED
    ck_assert_str_eq(err.text, "wide: values from 0 to 16, but --output bernoulli needs 0 to 1: scale them, or use "
                               "--output squared");
    ck_assert_int_eq(pal_data_check(m, good, &err), PAL_OK);
    pal_model_free(m);
    pal_dataset_free(good);
    pal_dataset_free(bad);
}
END_TEST

/* Each setting takes what it can take, to the last bit. */
START_TEST(a_range_belongs_to_a_setting)
{
    static const struct {
        pal_setting setting, more;
        double low, high;
        const char *refused; /* part of the message; NULL: not refused */
    } cases[] = {
        {{"output", "bernoulli"}, {0}, 0, 1, NULL},
        {{"output", "bernoulli"}, {0}, -0.001, 1, "--output bernoulli"},
        {{"output", "bernoulli"}, {0}, 0, 1.0001, "--output bernoulli"},
        {{"output", "squared"}, {0}, -16, 16, NULL},
        {{"output", "gaussian"}, {0}, -16, 16, NULL},
        {{"output", "categorical"}, {"bins", "4"}, 0, 1, NULL},
        {{"output", "categorical"}, {"bins", "4"}, 0, 3, "--output categorical"},
        {{"output", "squared"}, {"binarize", "threshold"}, 0, 1, NULL},
        {{"output", "squared"}, {"binarize", "dynamic"}, 0, 2, "--binarize dynamic"},
        {{"output", "squared"}, {0}, -1e18, 1e18, NULL},
        {{"output", "squared"}, {0}, 0, 1e19, "values from 0 to 1e+19, whose squares do not fit into float32"},
        {{"output", "squared"}, {0}, -1e300, 0, "values from -1e+300 to 0, whose squares do not fit into float32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        const pal_setting settings[] = {{"tied", "no"}, cases[i].setting, cases[i].more};
        pal_model *m = model_with(settings, cases[i].more.name ? 3 : 2);
        pal_dataset *data = from_to(cases[i].low, cases[i].high, PAL_F64);
        const pal_status status = pal_data_check(m, data, &err);
        ck_assert_msg(status == (cases[i].refused ? PAL_ERR_ARGUMENT : PAL_OK), "case %zu: %s", i, err.text);
        if (cases[i].refused) ck_assert_msg(strstr(err.text, cases[i].refused) != NULL, "%s", err.text);
        pal_dataset_free(data);
        pal_model_free(m);
    }
}
END_TEST

/* A loss that is not finite is blamed on the data if they are not scaled, with their range. */
START_TEST(unscaled_data_are_named)
{
    static const struct {
        double high;
        const char *said;
    } cases[] = {{1e6, "scale the data (values from 0 to 1e+06), or lower --learning-rate (now 1e+06)"},
                 {1, "lower --learning-rate (now 1e+06)"}};
    for (size_t i = 0; i < 2; i++) {
        pal_error err = {0};
        const pal_setting squared[] = {{"output", "squared"}, {"activation", "linear"}};
        pal_model *m = model_with(squared, 2);
        pal_dataset *data = from_to(0, cases[i].high, PAL_F32);
        const pal_schedule fast = {.name = "constant", .learning_rate = 1e6};
        const pal_train_options o = {.struct_size = sizeof o, .epochs = 20, .batch = 10, .schedule = &fast};
        pal_train_result result;
        ck_assert_int_eq(pal_train(m, data, &o, &result, &err), PAL_ERR_NUMERIC);
        ck_assert_msg(strstr(err.text, cases[i].said) != NULL, "%s", err.text);
        ck_assert((strstr(err.text, "scale the data") != NULL) == (i == 0));
        pal_dataset_free(data);
        pal_model_free(m);
    }
}
END_TEST

/* ---- Variants that fail --------------------------------------------------------------------------------------- */

static pal_var nll(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

/* ln(x - 2) of inputs below 1 is a NaN. */
static pal_var nan_loss(pal_model *m, const pal_batch *b)
{
    return pal_add(nll(m, b), pal_mean_over_samples(pal_log(pal_sub(b->inputs, pal_like(b->inputs, 2)))));
}

static pal_var vector_loss(pal_model *m, const pal_batch *b)
{
    return pal_add(nll(m, b), pal_sum(b->inputs, 1u << 1, false));
}

/* It is made for two samples, which is what the library tries first. */
static pal_var pair_loss(pal_model *m, const pal_batch *b)
{
    if (pal_shape_of(b->inputs).dim[0] != 2)
        return pal_tape_fail(b->inputs.tape, PAL_ERR_SHAPE, "a batch of %lld samples is not a pair",
                             (long long)pal_shape_of(b->inputs).dim[0]);
    return nll(m, b);
}

#define FAILING(word, fn)                                                                                              \
    {                                                                                                                  \
        .struct_size = sizeof(pal_variant), .name = word, .summary = "fails", .encode = pal_encode_layers,             \
        .decode = pal_decode_layers, .loss = fn                                                                        \
    }
static const pal_variant nans = FAILING("nans", nan_loss), vectors = FAILING("vectors", vector_loss),
                         pairs = FAILING("pairs", pair_loss);

static pal_model *failing(const pal_variant *v, pal_error *err)
{
    const pal_setting few = {"hidden", "5"};
    return pal_model_new(context, v, &few, 1, PAL_SHAPE(FEATURES), PAL_F32, 7, err);
}

START_TEST(a_nan_is_traced_on_request)
{
    static const char *const said[] = {"the loss is not finite at epoch 1, step 1",
                                       "nans: log in loss: made a NaN at element [0,0] (epoch 1, step 1)"};
    pal_dataset *data = data_of(SAMPLES, "data");
    for (int i = 0; i < 2; i++) {
        pal_error err = {0};
        pal_model *m = failing(&nans, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        const pal_train_options o = {.struct_size = sizeof o, .epochs = 1, .batch = 10, .check_nan = i == 1};
        pal_train_result result;
        ck_assert_int_eq(pal_train(m, data, &o, &result, &err), PAL_ERR_NUMERIC);
        ck_assert_msg(!strncmp(err.text, said[i], strlen(said[i])), "%s", err.text);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

/* A loss that overflows is infinite first. The operation that makes the first NaN of it is named, too. */
START_TEST(an_overflow_is_traced_on_request)
{
    pal_error err = {0};
    const pal_setting squared[] = {{"output", "squared"}, {"activation", "linear"}};
    pal_model *m = model_with(squared, 2);
    pal_dataset *data = from_to(0, 1, PAL_F32);
    const pal_schedule fast = {.name = "constant", .learning_rate = 1e6};
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 20, .batch = 4, .schedule = &fast, .check_nan = true};
    pal_train_result result;
    ck_assert_int_eq(pal_train(m, data, &o, &result, &err), PAL_ERR_NUMERIC);
    ck_assert_msg(!strncmp(err.text, "basic: ", 7) && strstr(err.text, ": made a NaN at element ") &&
                      strstr(err.text, "(epoch 1, step "),
                  "%s", err.text);
    pal_dataset_free(data);
    pal_model_free(m);
}
END_TEST

START_TEST(a_loss_is_one_number)
{
    pal_error err = {0};
    ck_assert_ptr_null(failing(&vectors, &err));
    ck_assert_str_eq(err.text, "vectors: the loss is [2], not one number: take its mean over the samples");
}
END_TEST

/* What fails only with the batches of the run is found before the run has a folder. */
START_TEST(a_failing_variant_is_named_in_advance)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *m = failing(&pairs, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const pal_train_options o = {.struct_size = sizeof o, .epochs = 1, .batch = 10};
    pal_train_result result;
    ck_assert_int_eq(pal_train_check(m, data, &o, &err), PAL_ERR_SHAPE);
    ck_assert_str_eq(err.text, "pairs: a batch of 10 samples is not a pair in loss");
    err = (pal_error){0};
    ck_assert_int_eq(pal_train(m, data, &o, &result, &err), PAL_ERR_SHAPE);
    ck_assert_str_eq(err.text, "pairs: a batch of 10 samples is not a pair in loss");
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* A C program has no option --load. */
START_TEST(an_unknown_variant_is_not_told_about_options)
{
    pal_error err = {0};
    const pal_variant own = FAILING("own-one", nll);
    pal_model *m = failing(&own, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    ck_assert_int_eq(pal_model_save(m, path_of("own.safetensors"), NULL, 0, &err), PAL_OK);
    pal_model_free(m);
    ck_assert_ptr_null(pal_model_open(context, path_of("own.safetensors"), &err));
    ck_assert_msg(strstr(err.text, "unknown variant own-one: ") != NULL, "%s", err.text);
    ck_assert_msg(strstr(err.text, "--") == NULL, "%s", err.text);
}
END_TEST

Suite *data_refusals_suite(void)
{
    Suite *suite = suite_create("data_refusals");
    TCase *tests = in_own_folder(tcase_create("refusals"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_entry_refuses_a_range);
    tcase_add_test(tests, a_range_belongs_to_a_setting);
    tcase_add_test(tests, unscaled_data_are_named);
    tcase_add_test(tests, a_nan_is_traced_on_request);
    tcase_add_test(tests, an_overflow_is_traced_on_request);
    tcase_add_test(tests, a_loss_is_one_number);
    tcase_add_test(tests, a_failing_variant_is_named_in_advance);
    tcase_add_test(tests, an_unknown_variant_is_not_told_about_options);
    suite_add_tcase(suite, tests);
    return suite;
}
