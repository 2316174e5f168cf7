/* test_baseline.c - tests the mean sample as baseline: its squared error by hand and from a draw of the rows, where it
 * is shown, and what training says about a code that tells nothing. */
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/data/rows_file.h"

Suite *baseline_suite(void);

static pal_model *model_of(const char *variant, const char *name, const char *value)
{
    pal_error err = {0};
    const pal_setting chosen[] = {{"hidden", "5"}, {name, value}};
    pal_model *model =
        pal_model_new(context, pal_variant_find(variant), chosen, name ? 2 : 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    return model;
}

/* The mean of one data set as the reconstruction of another, in two plain loops. */
static double by_hand(const pal_dataset *train, const pal_dataset *data)
{
    double sum = 0;
    for (int64_t j = 0; j < data->features; j++) {
        double mean = 0;
        for (int64_t i = 0; i < train->count; i++)
            mean += pal_tensor_get(train->inputs, (size_t)(i * data->features + j)) / (double)train->count;
        for (int64_t i = 0; i < data->count; i++) {
            const double x = pal_tensor_get(data->inputs, (size_t)(i * data->features + j));
            sum += (x - mean) * (x - mean) / (double)data->count;
        }
    }
    return sum;
}

START_TEST(the_mean_is_that_of_the_training_samples)
{
    pal_error err = {0};
    pal_dataset *train = data_of(600, "train"), *test = data_of(SAMPLES, "test");
    double found = NAN;
    ck_assert_int_eq(pal_baseline(train, test, 1, &found, &err), PAL_OK);
    ck_assert_double_eq_tol(found, by_hand(train, test), 1e-6);
    ck_assert_double_ge(fabs(found - by_hand(test, test)), 1e-4); /* not the mean of the samples themselves */
    ck_assert_double_eq(pal_explained(found, found), 0);
    ck_assert_double_eq(pal_explained(0, found), 1);
    ck_assert(isnan(pal_explained(1, 0)) && isnan(pal_explained(1, NAN)) && isnan(pal_explained(NAN, 1)));
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

static pal_dataset *column_of(int64_t rows)
{
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, PAL_F32, PAL_SHAPE(rows, 1), -1, 1, "column");
    for (size_t i = 0; i < (size_t)rows; i++) /* sorted: samples from one part only would have another mean */
        pal_tensor_set(x, i, pal_tensor_get(x, i) + 10.0 * (double)i / (double)rows);
    ck_assert_int_eq(pal_npy_write(x, path_of("column.npy"), &err), PAL_OK);
    pal_tensor_free(x);
    pal_dataset *data = pal_dataset_open(context, path_of("column.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

/* Of many samples a part is drawn by the seed; the figure is near that of all, and the same for the same seed. */
START_TEST(many_samples_are_drawn_from)
{
    pal_error err = {0};
    pal_dataset *data = column_of(6 * PAL_BASELINE_ROWS);
    ck_assert_int_gt(data->count, 4 * PAL_BASELINE_ROWS);
    double a, b, other;
    ck_assert_int_eq(pal_baseline(data, data, 1, &a, &err), PAL_OK);
    ck_assert_int_eq(pal_baseline(data, data, 1, &b, &err), PAL_OK);
    ck_assert_int_eq(pal_baseline(data, data, 2, &other, &err), PAL_OK);
    ck_assert_double_eq(a, b);
    ck_assert_double_ne(a, other);
    ck_assert_double_eq_tol(a, by_hand(data, data), 0.05);
    pal_dataset_free(data);
}
END_TEST

START_TEST(bad_rows_are_refused)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data"), *narrow = column_of(20);
    const uint32_t beyond = 1000000;
    double mean[FEATURES], value;
    ck_assert_int_eq(pal_dataset_mean_of(data, &beyond, 1, PAL_F32, mean, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_mean_of(data, NULL, 0, PAL_F32, mean, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_spread(data, NULL, 0, mean, &value, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_baseline(data, narrow, 1, &value, &err), PAL_ERR_SHAPE);
    pal_dataset_free(narrow);
    pal_dataset_free(data);
}
END_TEST

/* Training, its folder and an evaluation show the same figure. */
START_TEST(every_training_has_its_baseline)
{
    pal_error err = {0};
    pal_dataset *train = data_of(600, "train"), *test = data_of(SAMPLES, "test");
    pal_model *model = model_of("basic", NULL, NULL);
    const pal_run_info info = {.model = "basic", .data = "train.npy"};
    pal_rundir *dir = pal_rundir_new(path_of("run"), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_train_options o = {.struct_size = sizeof o, .epochs = 2, .batch = 10, .test = test, .folder = dir, .seed = 3};
    pal_train_result result;
    ck_assert_msg(!pal_train(model, train, &o, &result, &err), "%s", err.text);
    pal_rundir_free(dir);
    ck_assert_double_eq_tol(result.baseline, by_hand(train, test), 1e-6);
    ck_assert_double_eq(result.explained, 1 - result.squared_error / result.baseline);

    pal_figures figures;
    pal_evaluate_options e = {.struct_size = sizeof e, .seed = 3};
    ck_assert_msg(!pal_evaluate(model, test, &e, &figures, &err), "%s", err.text);
    ck_assert(isnan(figures.baseline) && isnan(figures.explained));
    e.train = train;
    ck_assert_msg(!pal_evaluate(model, test, &e, &figures, &err), "%s", err.text);
    ck_assert_double_eq(figures.baseline, result.baseline);
    ck_assert_double_eq_tol(figures.explained, result.explained, 1e-6);

    dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_double_eq_tol(pal_rundir_info(dir)->result.baseline, result.baseline, 1e-8);
    ck_assert_double_eq_tol(pal_rundir_info(dir)->result.explained, result.explained, 1e-8);
    for (size_t i = 0; i < 2; i++) {
        const pal_epoch *epoch = pal_rundir_epoch(dir, i);
        ck_assert_double_eq_tol(epoch->baseline, result.baseline, 1e-8);
        ck_assert_double_eq_tol(epoch->explained, 1 - epoch->squared_error / epoch->baseline, 1e-8);
    }
    pal_rundir_free(dir);

    o.folder = NULL; /* without test samples, the baseline is that of the training samples */
    o.test = NULL;
    ck_assert_msg(!pal_train(model, train, &o, &result, &err), "%s", err.text);
    ck_assert_double_eq_tol(result.baseline, by_hand(train, train), 1e-6);
    pal_model_free(model);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

/* The run folder of an older version has no baseline; it opens, and its figures are unknown. */
START_TEST(an_older_folder_opens)
{
    pal_error err = {0};
    const pal_run_info info = {.model = "basic", .data = "train.npy"};
    pal_rundir_free(pal_rundir_new(path_of("run"), &info, &err));
    write_text("run/run.json", "{\"model\": \"basic\", \"status\": \"done\", \"result\": {\"squared_error\": 2}}\n");
    write_text("run/metrics.jsonl", "{\"epoch\":1,\"step\":4,\"train_loss\":3,\"squared_error\":2}\n");
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_train_result *r = &pal_rundir_info(dir)->result;
    ck_assert(r->squared_error == 2 && isnan(r->baseline) && isnan(r->explained) && !r->collapsed);
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), 1);
    ck_assert(isnan(pal_rundir_epoch(dir, 0)->baseline) && isnan(pal_rundir_epoch(dir, 0)->explained));
    pal_rundir_free(dir);
}
END_TEST

/* A great beta makes a random code collapse; beta 0 lets it tell all it can. */
START_TEST(a_collapsed_code_is_noticed)
{
    static const struct {
        const char *beta;
        bool collapsed;
    } cases[] = {{"1000", true}, {"0", false}};
    pal_error err = {0};
    pal_dataset *train = data_of(600, "train"), *test = data_of(SAMPLES, "test");
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "constant", .learning_rate = 0.01};
    for (size_t i = 0; i < 2; i++) {
        pal_model *model = model_of("variational", "beta", cases[i].beta);
        const pal_train_options o = {.struct_size = sizeof o,
                                     .epochs = 10,
                                     .batch = 10,
                                     .test = test,
                                     .optimizer = &adam,
                                     .schedule = &schedule};
        pal_train_result result;
        ck_assert_msg(!pal_train(model, train, &o, &result, &err), "%s", err.text);
        ck_assert(result.collapsed == cases[i].collapsed);
        pal_model_free(model);
    }
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

Suite *baseline_suite(void)
{
    Suite *suite = suite_create("baseline");
    TCase *tests = in_own_folder(tcase_create("baseline"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_mean_is_that_of_the_training_samples);
    tcase_add_test(tests, many_samples_are_drawn_from);
    tcase_add_test(tests, bad_rows_are_refused);
    tcase_add_test(tests, every_training_has_its_baseline);
    tcase_add_test(tests, an_older_folder_opens);
    tcase_add_test(tests, a_collapsed_code_is_noticed);
    suite_add_tcase(suite, tests);
    return suite;
}
