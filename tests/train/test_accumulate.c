/* test_accumulate.c - steps of several batches: they end where steps of one large batch end, with the same noise; and
 * what is refused. */
#include <math.h>

#include "tests/train/runs.h"

Suite *accumulate_suite(void);

enum { LARGE = 20, EPOCHS = 4 };

static const char *const variants[] = {"basic", "denoising", "variational", "contractive", "stacked"};
enum { VARIANTS = sizeof variants / sizeof *variants };

static pal_model *trained(const char *variant, const pal_dataset *data, const pal_dataset *test, int64_t parts,
                          pal_train_result *result)
{
    pal_error err = {0};
    static const pal_setting all[] = {{"dropout", "0.2"}, {"samples", "2"}}; /* draws share rows of the decoder */
    const pal_variant *v = pal_variant_find(variant);
    pal_setting settings[2];
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        if (pal_variant_option_find(v, all[i].name)) settings[n++] = all[i];
    pal_model *m = pal_model_new(context, v, settings, n, PAL_SHAPE(FEATURES), PAL_F64, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const pal_optimizer_options optimizer = {
        .struct_size = sizeof optimizer, .name = "adam", .clip_norm = 0.5, .average = "exponential"};
    const pal_schedule schedule = {.name = "cosine", .learning_rate = 0.02};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = test,
                                 .epochs = EPOCHS,
                                 .batch = LARGE / parts,
                                 .accumulate = parts,
                                 .seed = 3,
                                 .lanes = 1,
                                 .optimizer = &optimizer,
                                 .schedule = &schedule};
    ck_assert_msg(!pal_train(m, data, &o, result, &err), "%s", err.text);
    return m;
}

START_TEST(several_batches_are_one_large_batch)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    pal_train_result large, small;
    pal_model *m = trained(variants[_i], data, test, 1, &large);
    for (int64_t parts = 2; parts <= LARGE; parts += parts == 2 ? 3 : 15) {
        pal_model *other = trained(variants[_i], data, test, parts, &small);
        ck_assert_int_eq(small.steps, large.steps);
        ck_assert_int_eq(small.epochs, large.epochs);
        ck_assert_double_eq_tol(small.train_loss, large.train_loss, 1e-9 * fabs(large.train_loss));
        ck_assert_double_eq_tol(small.test_loss, large.test_loss, 1e-9 * fabs(large.test_loss));
        for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
            const char *name;
            const pal_tensor *a = pal_model_parameter(m, i, &name), *b = pal_model_parameter(other, i, NULL);
            for (size_t k = 0; k < pal_tensor_count(a); k++)
                ck_assert_msg(fabs(pal_tensor_get(a, k) - pal_tensor_get(b, k)) < 1e-8, "%s: %lld parts: %s",
                              variants[_i], (long long)parts, name);
        }
        pal_model_free(other);
    }
    pal_model_free(m);
    pal_dataset_free(test);
    pal_dataset_free(data);
}
END_TEST

static void take(const pal_profile *profile, void *user) { (void)profile, (void)user; }

START_TEST(wrong_numbers_are_refused)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_error made = {0};
    pal_model *m = pal_model_new(context, pal_variant_find("basic"), NULL, 0, PAL_SHAPE(FEATURES), PAL_F32, 7, &made);
    ck_assert_msg(m != NULL, "%s", made.text);
    const pal_train_options good = {.struct_size = sizeof good, .epochs = 1, .batch = 10};
    pal_train_options rows[] = {good, good, good, good};
    static const char *const says[] = {"a step of -1 batches: choose 1 to 1048576", "a step of 1048577 batches",
                                       "give --accumulate 4 or less", "has several programs"};
    rows[0].accumulate = -1;
    rows[1].accumulate = 1048577;
    rows[2].accumulate = data->count / 10 + 1;
    rows[3].accumulate = 2;
    rows[3].profile = take;
    ck_assert_int_eq(data->count / 10, 4);
    for (size_t i = 0; i < 4; i++) {
        pal_error err = {0};
        pal_train_result result;
        ck_assert_int_eq(pal_train_check(m, data, &rows[i], &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, says[i]) != NULL, "%s", err.text);
        ck_assert_int_eq(pal_train(m, data, &rows[i], &result, NULL), PAL_ERR_ARGUMENT);
    }
    pal_train_options most = good;
    most.accumulate = 4;
    pal_train_result result;
    pal_error err = {0};
    ck_assert_msg(!pal_train(m, data, &most, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.steps, 1);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

Suite *accumulate_suite(void)
{
    Suite *suite = suite_create("accumulate");
    TCase *tests = in_own_folder(tcase_create("accumulate"));
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, several_batches_are_one_large_batch, 0, VARIANTS);
    tcase_add_test(tests, wrong_numbers_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
