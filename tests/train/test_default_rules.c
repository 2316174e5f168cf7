/* test_default_rules.c - the rules of train/defaults.c, where their answer is known: what is given wins, each mark has
 * its factor, and the edges of the data. tests/train/defaults.c tests whether models learn by them. */
#include <math.h>

#include "tests/data/rows_file.h"
#include "train/train.h"

Suite *default_rules_suite(void);

static pal_dataset *filled(int64_t rows, int64_t columns, double low, double high, const char *name)
{
    pal_error err = {0};
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(rows, columns));
    for (size_t i = 0; i < pal_tensor_count(x); i++) pal_tensor_set(x, i, i / (size_t)columns % 2 ? high : low);
    const char *path = path_of(name);
    ck_assert_int_eq(pal_npy_write(x, path, &err), PAL_OK);
    pal_tensor_free(x);
    pal_dataset *data = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

static pal_train_defaults defaults_of(const pal_dataset *data, const char *variant, const pal_setting *settings,
                                      size_t n, const char *optimizer, int64_t batch)
{
    pal_error err = {0};
    pal_train_defaults d = {0};
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, data->sample, PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    ck_assert_int_eq(pal_train_defaults_of(m, data, optimizer, batch, &d, &err), PAL_OK);
    pal_model_free(m);
    return d;
}

/* Wide data, so that no model is small; mean squared length 100. */
START_TEST(each_mark_has_its_factor)
{
    pal_dataset *data = filled(2400, 100, -1, 1, "wide.npy");
    static const struct {
        pal_setting settings[3];
        size_t n;
        const char *given, *optimizer;
        double rate, clip;
    } rows[] = {
        {{{NULL, NULL}}, 0, NULL, "gd", 0.1, 0},
        {{{NULL, NULL}}, 0, "adamw", "adamw", 0.001, 0},
        {{{NULL, NULL}}, 0, "momentum", "momentum", 0.1, 0},
        {{{NULL, NULL}}, 0, "adagrad", "adagrad", 0.01, 0},
        {{{NULL, NULL}}, 0, "amsgrad", "amsgrad", 0.001, 0},
        {{{NULL, NULL}}, 0, "radam", "radam", 0.003, 0},
        {{{NULL, NULL}}, 0, "lion", "lion", 0.0003, 0},
        {{{NULL, NULL}}, 0, "schedule-free", "schedule-free", 0.003, 0},
        {{{NULL, NULL}}, 0, "muon", "muon", 0.01, 0},
        {{{NULL, NULL}}, 0, "soap", "soap", 0.003, 0},
        {{{NULL, NULL}}, 0, "kfac", "kfac", 1, 0},
        {{{"layers", "20,10"}, {"activation", "relu"}, {"output", "gaussian"}}, 3, "kfac", "kfac", 1, 0},
        {{{"layers", "20,10"}, {"activation", "relu"}}, 2, "radam", "radam", 0.003, 100},
        {{{"activation", "tanh"}}, 1, NULL, "adam", 0.001, 0},
        {{{"activation", "tanh"}}, 1, "gd", "gd", 0.01, 0},
        {{{"code-activation", "linear"}}, 1, "gd", "gd", 0.01, 0},
        {{{"layers", "20,10"}}, 1, NULL, "adam", 0.001, 0},
        {{{"layers", "20,10"}}, 1, "gd", "gd", 0.1, 0},
        {{{"layers", "20,10"}, {"activation", "relu"}}, 2, "gd", "gd", 0.001, 100},
        {{{"layers", "20,10"}, {"activation", "relu"}}, 2, "adam", "adam", 0.001, 0},
        {{{"layers", "20,10"}, {"activation", "tanh"}}, 2, "momentum", "momentum", 0.01, 0},
        {{{"output", "squared"}}, 1, NULL, "adam", 0.001, 0},
        {{{"output", "squared"}}, 1, "nesterov", "nesterov", 0.01, 0},
        {{{"output", "squared"}, {"activation", "relu"}}, 2, "gd", "gd", 0.001, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_train_defaults d = defaults_of(data, "basic", rows[i].settings, rows[i].n, rows[i].given, 0);
        ck_assert_str_eq(d.optimizer, rows[i].optimizer);
        ck_assert_msg(fabs(d.learning_rate / rows[i].rate - 1) < 1e-12, "row %zu: %g, not %g", i, d.learning_rate,
                      rows[i].rate);
        ck_assert_msg(d.clip == rows[i].clip, "row %zu: the limit is %g", i, d.clip);
    }
    const pal_setting sigma[] = {{"output", "gaussian"}, {"sigma-of", "one"}};
    ck_assert(defaults_of(data, "basic", sigma, 2, NULL, 0).clip == 1);
    /* The chunks of a minimiser are the batches of the phases that have another optimiser. */
    const pal_setting pretrained = {"pretrain-optimizer", "adam"};
    ck_assert_int_eq(defaults_of(data, "stacked", NULL, 0, "lbfgs", 0).batch, data->count < 1000 ? data->count : 1000);
    ck_assert_int_eq(defaults_of(data, "stacked", &pretrained, 1, "lbfgs", 0).batch,
                     pal_train_default_batch(data->count, 0));
    /* K-FAC goes to the minimum of its batch: of few samples it takes all. */
    ck_assert_int_eq(defaults_of(data, "basic", NULL, 0, "kfac", 0).batch, data->count < 1024 ? data->count : 1024);
    pal_dataset_free(data);
}
END_TEST

/* Every training has at least 2000 steps, also with a given batch. */
START_TEST(epochs_follow_the_steps)
{
    static const int64_t rows[][4] = {{2400, 0, 128, 134}, {2400, 2000, 128, 2000}, {2400, 20, 128, 20},
                                      {120, 0, 8, 167},    {2, 0, 1, 2000},         {2, 2, 1, 2000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_dataset *data = filled(rows[i][0], 3, 0, 1, "rows.npy"); /* a sixth of them is the test set */
        const pal_train_defaults d = defaults_of(data, "basic", NULL, 0, NULL, rows[i][1]);
        const int64_t size = rows[i][1] ? rows[i][1] : d.batch, steps = data->count > size ? data->count / size : 1;
        ck_assert_int_eq(d.batch, rows[i][2]);
        ck_assert_int_eq(d.epochs, rows[i][3]);
        ck_assert(d.epochs * steps >= 2000 && (d.epochs == 15 || (d.epochs - 1) * steps < 2000));
        pal_dataset_free(data);
    }
}
END_TEST

/* A rate is a positive number for data of every size. */
START_TEST(rates_at_the_edges_of_the_data)
{
    static const double ends[][2] = {{0, 0}, {1, 1}, {-1e-30, 1e-30}, {-1e17, 1e17}, {0, 1e4}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        pal_dataset *data = filled(60, 3, ends[i][0], ends[i][1], "edge.npy");
        const pal_setting squared = {"output", "squared"};
        const double gd = defaults_of(data, "basic", &squared, 1, "gd", 0).learning_rate,
                     adam = defaults_of(data, "basic", &squared, 1, NULL, 0).learning_rate;
        ck_assert_msg(gd > 0 && gd < 0.0101, "row %zu: %g", i, gd);
        ck_assert(adam == 0.01); /* a small model */
        pal_dataset_free(data);
    }
}
END_TEST

/* lambda of a contraction is 1 at a variance of 50 or more, and in proportion below. What is given stays. */
START_TEST(a_contraction_follows_the_variance)
{
    pal_error err = {0};
    pal_train_settings s;
    const pal_variant *contractive = pal_variant_find("contractive");
    static const struct {
        double low, high;
        const char *lambda; /* variance of a column: ((high - low) / 2)^2, of four columns */
    } rows[] = {{0, 1, "0.02"}, {0, 0, "0"}, {-5, 5, NULL}, {-1e6, 1e6, NULL}, {-2.5, 2.5, "0.5"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_dataset *data = filled(120, 4, rows[i].low, rows[i].high, "columns.npy");
        ck_assert_int_eq(pal_train_settings_of(contractive, data, NULL, 0, &s, &err), PAL_OK);
        ck_assert_uint_eq(s.n, rows[i].lambda != NULL);
        if (s.n) ck_assert_str_eq(s.list[0].name, "lambda");
        if (s.n) ck_assert_str_eq(s.list[0].value, rows[i].lambda);
        const pal_setting given = {"lambda", "3"};
        ck_assert_int_eq(pal_train_settings_of(contractive, data, &given, 1, &s, &err), PAL_OK);
        ck_assert_uint_eq(s.n, 0);
        ck_assert_int_eq(pal_train_settings_of(pal_variant_find("sparse"), data, NULL, 0, &s, &err), PAL_OK);
        ck_assert_uint_eq(s.n, 0); /* its lambda is the weight of another penalty */
        pal_dataset_free(data);
    }
}
END_TEST

Suite *default_rules_suite(void)
{
    Suite *suite = suite_create("default_rules");
    TCase *tests = in_own_folder(tcase_create("default_rules"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_mark_has_its_factor);
    tcase_add_test(tests, epochs_follow_the_steps);
    tcase_add_test(tests, rates_at_the_edges_of_the_data);
    tcase_add_test(tests, a_contraction_follows_the_variance);
    suite_add_tcase(suite, tests);
    return suite;
}
