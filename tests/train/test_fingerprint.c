/* test_fingerprint.c - tests whether a run notices that its data have changed. */
#include "tests/train/rundir.h"

Suite *fingerprint_suite(void);

static pal_dataset *rows_of(const pal_dataset *from, int64_t n)
{
    pal_error err = {0};
    uint32_t rows[SAMPLES];
    for (uint32_t i = 0; i < SAMPLES; i++) rows[i] = i;
    pal_dataset *out = pal_dataset_select(from, rows, (size_t)n, &err);
    ck_assert_msg(out != NULL, "%s", err.text);
    return out;
}

/* Every value, the shape and the number of samples count; the path does not. More samples than the run took are no
 * change, as their first ones are its own. */
START_TEST(a_fingerprint_sees_every_change)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *same = rows_of(data, data->count);
    pal_dataset *fewer = rows_of(data, 40), *test = data_of(30, "test");
    pal_fingerprint print, of_fewer;
    pal_run_info info = plain;
    ck_assert(!pal_run_has_fingerprint(&info));
    ck_assert_ptr_null(pal_run_data_changed(&info, data, test));
    pal_fingerprint_of(fewer, test, &of_fewer);
    pal_fingerprint_of(data, test, &print);
    ck_assert_str_ne(print.text[0], of_fewer.text[0]);
    ck_assert(*print.text[2] && !*print.text[1] && !*print.text[3]);
    for (int i = 0; i < PAL_FINGERPRINT; i += 2) info.fingerprint[i] = print.text[i];
    info.train_samples = data->count;
    info.test_samples = test->count;
    ck_assert(pal_run_has_fingerprint(&info));
    ck_assert_ptr_null(pal_run_data_changed(&info, same, test));
    ck_assert_ptr_null(pal_run_data_changed(&info, NULL, test));
    ck_assert_ptr_null(pal_run_data_changed(&info, same, NULL));
    ck_assert_str_eq(pal_run_data_changed(&info, fewer, test), "training samples");
    ck_assert_str_eq(pal_run_data_changed(&info, same, fewer), "test samples");
    float *value = same->inputs->data;
    for (int64_t i = 0; i < same->count * FEATURES; i++) {
        const float before = value[i];
        value[i] = nextafterf(before, 2);
        ck_assert_str_eq(pal_run_data_changed(&info, same, test), "training samples");
        value[i] = before;
    }
    ck_assert_ptr_null(pal_run_data_changed(&info, same, test));
    same->inputs->shape = PAL_SHAPE(same->count, 3, FEATURES / 3);
    ck_assert_str_eq(pal_run_data_changed(&info, same, test), "training samples");
    same->inputs->shape = PAL_SHAPE(same->count, FEATURES);
    same->labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(same->count));
    ck_assert_str_eq(pal_run_data_changed(&info, same, test), "training labels");
    info.train_samples = fewer->count;
    info.fingerprint[0] = of_fewer.text[0];
    ck_assert_ptr_null(pal_run_data_changed(&info, data, test));
    info.train_samples = 0; /* a damaged run.json */
    ck_assert_str_eq(pal_run_data_changed(&info, data, test), "training samples");
    info.fingerprint[0] = "md5:0"; /* of a version to come */
    ck_assert(!pal_run_has_fingerprint(&info));
    ck_assert_ptr_null(pal_run_data_changed(&info, fewer, test));
    pal_dataset_free(data);
    pal_dataset_free(same);
    pal_dataset_free(fewer);
    pal_dataset_free(test);
}
END_TEST

/* A run with a fingerprint goes on with its own data only, which may be at another path. */
START_TEST(a_run_goes_on_with_its_own_data)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data"), *other = data_of(SAMPLES, "other");
    pal_fingerprint print;
    pal_fingerprint_of(data, NULL, &print);
    pal_run_info info = plain;
    info.fingerprint[0] = print.text[0];
    info.train_samples = data->count;
    pal_rundir *dir = pal_rundir_new(path_of("run"), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->fingerprint[0], print.text[0]);
    pal_model *model = model_of();
    pal_train_result result;
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 4, .batch = 10, .seed = 3, .folder = dir, .resume = true};
    ck_assert_int_eq(pal_train(model, other, &o, &result, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "d: its training samples are not those that the run started with: restore"));
    ck_assert_str_eq(pal_rundir_info(dir)->status, "interrupted");
    ck_assert(!pal_rundir_set_data(dir, "nowhere", &err) && !pal_rundir_set_data(dir, "new\xe9", &err));
    ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
    pal_rundir_free(dir);
    dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_str_eq(pal_rundir_info(dir)->data, "new\xe9");
    ck_assert_str_eq(pal_rundir_info(dir)->fingerprint[0], print.text[0]);
    ck_assert_ptr_null(pal_rundir_info(dir)->fingerprint[2]);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(data);
    pal_dataset_free(other);
}
END_TEST

Suite *fingerprint_suite(void)
{
    Suite *suite = suite_create("fingerprint");
    in_own_folder(add_case(suite, "data", set_up, tear_down,
                           TESTS(a_fingerprint_sees_every_change, a_run_goes_on_with_its_own_data)));
    return suite;
}
