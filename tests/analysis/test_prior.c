/* test_prior.c - tests codes drawn from the prior, the plane of a normal code by quantiles, and the pictures of
 * both. */
#include <math.h>

#include "tests/files.h"
#include "plot/plot.h"
#include "tests/models/small_models.h"
#include "analysis/analysis.h"
#include "train/train.h"

Suite *prior_suite(void);

enum { MANY = 4000, STEPS = 4, FEATURES = 6 };

static pal_model *of_code(const char *code, const char *units)
{
    const pal_setting settings[] = {{"hidden", units}, {"code", code}};
    return make(pal_variant_find("variational"), settings, 2, PAL_F32, 5);
}

/* The draws have the moments of the prior, and the seed decides them. */
START_TEST(draws_are_of_the_prior)
{
    for (size_t k = 0; pal_distribution_at(k); k++) {
        const bool discrete = isnan(pal_distribution_quantile(pal_distribution_at(k), 0.5));
        pal_model *m = of_code(pal_distribution_name(pal_distribution_at(k)), "3");
        static float z[3 * MANY], again[3 * MANY], other[3 * MANY];
        pal_error err = {0};
        ck_assert_msg(!pal_prior_draw(m, MANY, 7, z, &err), "%s", err.text);
        ck_assert_int_eq(pal_prior_draw(m, MANY, 7, again, NULL), PAL_OK);
        ck_assert_int_eq(pal_prior_draw(m, MANY, 8, other, NULL), PAL_OK);
        ck_assert_mem_eq(z, again, sizeof z);
        ck_assert(memcmp(z, other, sizeof z));
        double sum = 0, square = 0;
        for (size_t i = 0; i < 3 * MANY; i++) {
            sum += z[i], square += z[i] * z[i];
            ck_assert(!discrete || z[i] == 0 || z[i] == 1);
        }
        const double count = 3 * MANY, mean = sum / count;
        if (discrete)
            ck_assert_double_eq_tol(mean, !strcmp(pal_model_setting(m, "code"), "bernoulli") ? 0.5 : 1 / 3.0, 0.02);
        else
            ck_assert(fabs(mean) < 0.04 && fabs(square / count - 1) < 0.06);
        pal_model_free(m);
    }
}
END_TEST

/* The plane's steps are at equal quantiles of the prior. */
START_TEST(the_plane_goes_by_quantiles)
{
    const pal_distribution_kind *normal = pal_distribution_find("normal");
    ck_assert_double_eq_tol(pal_distribution_quantile(normal, 0.5), 0, 1e-15);
    ck_assert_double_eq_tol(pal_distribution_quantile(normal, 0.975), 1.959963984540054, 1e-14);
    ck_assert_double_eq_tol(pal_distribution_quantile(normal, 1e-10), -6.361340902404056, 1e-13);
    ck_assert_double_nan(pal_distribution_quantile(normal, 0));
    ck_assert_double_nan(pal_distribution_quantile(NULL, 0.5));
    pal_model *m = of_code("normal", "2");
    float z[2 * STEPS * STEPS];
    ck_assert_int_eq(pal_prior_plane(m, STEPS, z, NULL), PAL_OK);
    const float edge = (float)pal_distribution_quantile(normal, 0.125);
    ck_assert(z[0] == edge && z[1] == -edge); /* the upper left corner */
    ck_assert(z[2 * STEPS * STEPS - 2] == -edge && z[2 * STEPS * STEPS - 1] == edge);
    for (size_t i = 0; i < STEPS * STEPS; i++) {
        ck_assert(i % STEPS == 0 || z[2 * i] > z[2 * i - 2]);
        ck_assert(i < STEPS || z[2 * i + 1] < z[2 * (i - STEPS) + 1]);
    }
    pal_model_free(m);
}
END_TEST

/* A normal code of two units gives a plane, others give draws. --samples asks for draws. */
START_TEST(a_picture_of_either)
{
    pal_model *plane = of_code("normal", "2"), *draws = of_code("bernoulli", "2");
    const char *path = path_of("sample.png");
    pal_sample_options o = {.struct_size = sizeof o};
    ck_assert_int_eq(pal_sample_kind_of(plane, &o), PAL_SAMPLE_PLANE);
    ck_assert_int_eq(pal_sample_kind_of(draws, &o), PAL_SAMPLE_EACH);
    for (int i = 0; i < 3; i++) {
        pal_error err = {0};
        o.samples = i == 2 ? 5 : 0;
        ck_assert_msg(!pal_sample_write(i == 1 ? draws : plane, &o, path, &err), "%s", err.text);
        pal_image *image = pal_image_read(path, &err);
        ck_assert_ptr_nonnull(image);
        pal_image_free(image);
        remove(path);
    }
    pal_model_free(plane);
    pal_model_free(draws);
}
END_TEST

static void refused(const char *variant, const char *code, pal_sample_options o, const char *says)
{
    pal_error err = {0};
    pal_model *m = code ? of_code(code, "2") : make_named(variant, PAL_F32);
    o.struct_size = sizeof o;
    ck_assert_int_eq(pal_sample_write(m, &o, path_of("refused.png"), &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, says) && !strchr(err.text, '\n'), "%s", err.text);
    pal_image *image = pal_image_read(path_of("refused.png"), NULL);
    ck_assert_ptr_null(image);
    pal_model_free(m);
}

START_TEST(what_has_no_prior_is_refused)
{
    refused("basic", NULL, (pal_sample_options){0}, "basic has no prior to draw from");
    refused(NULL, "bernoulli", (pal_sample_options){.steps = 4}, "this one is bernoulli of size 2: give --samples");
    refused(NULL, "normal", (pal_sample_options){.steps = 4, .samples = 4}, "choose one");
    refused(NULL, "normal", (pal_sample_options){.steps = 1}, "1 steps: choose from 2");
    refused(NULL, "normal", (pal_sample_options){.samples = -1}, "at most");
    refused(NULL, "normal", (pal_sample_options){.samples = 100000}, "at most");
    ck_assert_ptr_null(pal_model_code(NULL));
}
END_TEST

Suite *prior_suite(void)
{
    Suite *suite = suite_create("prior");
    TCase *group = add_case(
        suite, "prior", set_up, tear_down,
        TESTS(draws_are_of_the_prior, the_plane_goes_by_quantiles, a_picture_of_either, what_has_no_prior_is_refused));
    in_own_folder(group);
    return suite;
}
