/* test_residuals.c - tests the errors of single samples and features against the squared error of an evaluation, and
 * reconstructions of chosen samples. */
#include "tests/analysis/random_codes.h"

Suite *residuals_suite(void);

enum { MANY = 300 }; /* more than two batches, the last one not full */

static void with_many(void)
{
    set_up();
    data = open_samples(MANY, 0, 1, false);
}

static pal_model *model(void) { return model_of("basic", NULL, PAL_SHAPE(FEATURES)); }

START_TEST(they_add_up_to_the_squared_error)
{
    pal_error err = {0};
    pal_figures f;
    double of_sample[MANY], of_feature[FEATURES], samples = 0, features = 0;
    pal_model *m = model();
    const pal_evaluate_options o = {.struct_size = sizeof o, .jacobian_samples = -1};
    ck_assert_msg(!pal_evaluate(m, data, &o, &f, &err), "%s", err.text);
    ck_assert_msg(!pal_residuals(m, data, of_sample, of_feature, &err), "%s", err.text);
    for (int i = 0; i < MANY; i++) samples += of_sample[i] / MANY;
    for (int j = 0; j < FEATURES; j++) features += of_feature[j];
    ck_assert(f.squared_error > 0);
    ck_assert_double_eq_tol(samples, f.squared_error, 1e-6 * f.squared_error);
    ck_assert_double_eq_tol(features, samples, 1e-12 * samples);
    ck_assert(!pal_residuals(m, data, NULL, NULL, &err));
    pal_model_free(m);
}
END_TEST

START_TEST(chosen_samples_have_their_errors)
{
    pal_error err = {0};
    const uint32_t rows[] = {299, 7, 7, 0};
    double of_sample[MANY], x[4 * FEATURES], out[4 * FEATURES];
    pal_model *m = model();
    ck_assert(!pal_residuals(m, data, of_sample, NULL, &err));
    ck_assert_msg(!pal_reconstructions(m, data, rows, 4, x, out, &err), "%s", err.text);
    for (int i = 0; i < 4; i++) {
        double sum = 0;
        for (int j = 0; j < FEATURES; j++) {
            const int e = i * FEATURES + j;
            sum += (x[e] - out[e]) * (x[e] - out[e]);
        }
        ck_assert_double_eq_tol(sum, of_sample[rows[i]], 1e-6 * sum);
    }
    ck_assert(memcmp(x + FEATURES, x + 2 * FEATURES, FEATURES * sizeof *x) == 0);
    pal_model_free(m);
}
END_TEST

START_TEST(what_is_refused)
{
    pal_error err = {0};
    const uint32_t beyond[] = {0, MANY};
    double x[2 * FEATURES];
    pal_model *m = model(), *other = model_of("basic", NULL, PAL_SHAPE(FEATURES + 1));
    ck_assert_int_eq(pal_reconstructions(m, data, beyond, 2, x, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert(strstr(err.text, "sample 300"));
    ck_assert_int_eq(pal_reconstructions(m, data, beyond, 0, x, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_residuals(other, data, NULL, NULL, NULL), PAL_ERR_SHAPE);
    pal_model_free(m);
    pal_model_free(other);
}
END_TEST

Suite *residuals_suite(void)
{
    Suite *suite = suite_create("residuals");
    TCase *of_many = tcase_create("many samples");
    tcase_add_checked_fixture(of_many, with_many, without_data);
    in_own_folder(of_many);
    tcase_add_test(of_many, they_add_up_to_the_squared_error);
    tcase_add_test(of_many, chosen_samples_have_their_errors);
    tcase_add_test(of_many, what_is_refused);
    suite_add_tcase(suite, of_many);
    return suite;
}
