/* test_prior.c - tests codes drawn from the prior, the line and the plane of a normal code by quantiles, the list of
 * the codes of a discrete kind with their shares, and the pictures of all of them. */
#include <math.h>

#include "tests/data/tail.h"
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

/* The line has the quantiles of the plane, from the smallest to the largest. */
START_TEST(the_line_goes_by_quantiles)
{
    pal_model *m = of_code("normal", "1");
    float z[5];
    ck_assert_int_eq(pal_prior_line(m, 5, z, NULL), PAL_OK);
    for (int i = 0; i < 5; i++) ck_assert(z[i] == (float)pal_distribution_quantile(pal_model_code(m), (i + 0.5) / 5));
    pal_model_free(m);
}
END_TEST

/* Each code of a discrete kind comes once: every choice, every pattern of bits. Too many are no list. */
START_TEST(every_code_once)
{
    static const struct {
        const char *code, *units;
        int64_t count;
    } rows[] = {{"categorical", "1", 1},   {"categorical", "7", 7}, {"categorical", "400", 400},
                {"categorical", "401", 0}, {"bernoulli", "1", 2},   {"bernoulli", "3", 8},
                {"bernoulli", "6", 64},    {"bernoulli", "7", 0},   {"normal", "1", 0},
                {"normal-full", "3", 0}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        static float codes[400 * 400];
        pal_error err = {0};
        pal_model *m = of_code(rows[r].code, rows[r].units);
        const int64_t k = atoi(rows[r].units), n = pal_code_count(m);
        ck_assert_int_eq(n, rows[r].count);
        ck_assert_int_eq(pal_code_each(m, codes, &err), n ? PAL_OK : PAL_ERR_ARGUMENT);
        for (int64_t i = 0; i < n; i++) {
            int64_t ones = 0;
            uint64_t number = 0; /* wraps around for many classes, where it is not looked at */
            for (int64_t j = 0; j < k; j++) {
                ck_assert(codes[i * k + j] == 0 || codes[i * k + j] == 1);
                ones += codes[i * k + j] == 1;
                number = 2 * number + (codes[i * k + j] == 1);
                if (rows[r].code[0] == 'c') ck_assert_int_eq(codes[i * k + j] == 1, i == j);
            }
            if (rows[r].code[0] == 'c')
                ck_assert_int_eq(ones, 1);
            else
                ck_assert_uint_eq(number, (uint64_t)i); /* 000, 001, 010, ... */
        }
        pal_model_free(m);
    }
}
END_TEST

/* The share of a code is the mean of its probability under the posterior. The shares add up to 1. */
START_TEST(shares_are_mean_posteriors)
{
    static const char *const codes[] = {"categorical", "bernoulli"};
    pal_error err = {0};
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(700, 2, 3), 0, 1, "x");
    ck_assert_int_eq(pal_npy_write(x, path_of("x.npy"), &err), PAL_OK);
    pal_dataset *data = open_tail(c, path_of("x.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    const int64_t count = data->count;
    ck_assert_int_gt(count, 2 * 256); /* several batches, and a remainder */
    for (int k = 0; k < 2; k++) {
        double share[8], sum = 0, expected[8] = {0};
        static float q[700 * 3];
        pal_model *m = of_code(codes[k], "3");
        pal_workspace *w = pal_workspace_new(m, NULL, &err);
        ck_assert_msg(!pal_code_shares(m, data, share, &err), "%s", err.text);
        ck_assert_int_eq(pal_encode(m, w, x->data, (size_t)count, q), PAL_OK);
        for (int64_t s = 0; s < count; s++)
            for (int i = 0; i < (k ? 8 : 3); i++) {
                double p = 1;
                for (int j = 0; k && j < 3; j++)
                    p *= i >> (2 - j) & 1 ? (double)q[3 * s + j] : 1 - (double)q[3 * s + j];
                expected[i] += k ? p : (double)q[3 * s + i];
            }
        for (int i = 0; i < (k ? 8 : 3); i++) {
            ck_assert_double_eq_tol(share[i], expected[i] / (double)count, 1e-6);
            sum += share[i];
        }
        ck_assert_double_eq_tol(sum, 1, 1e-5);
        const pal_sample_options o = {.struct_size = sizeof o, .data = data};
        ck_assert_msg(!pal_sample_write(m, &o, path_of("each.png"), &err), "%s", err.text);
        pal_workspace_free(w);
        pal_model_free(m);
    }
    pal_model *normal = of_code("normal", "3");
    ck_assert_int_eq(pal_code_shares(normal, data, (double[1]){0}, &err), PAL_ERR_ARGUMENT);
    pal_model_free(normal);
    pal_dataset_free(data);
    pal_tensor_free(x);
}
END_TEST

/* What is drawn follows from the code; --samples asks for draws, --steps for a line or a plane. */
START_TEST(the_kind_follows_from_the_code)
{
    static const struct {
        const char *code, *units;
        int64_t samples, steps;
        pal_sample_kind kind;
    } rows[] = {{"normal", "1", 0, 0, PAL_SAMPLE_LINE},       {"normal", "2", 0, 0, PAL_SAMPLE_PLANE},
                {"normal", "3", 0, 0, PAL_SAMPLE_DRAWS},      {"normal", "1", 4, 0, PAL_SAMPLE_DRAWS},
                {"normal", "1", 0, 4, PAL_SAMPLE_LINE},       {"normal-full", "2", 0, 0, PAL_SAMPLE_PLANE},
                {"bernoulli", "6", 0, 0, PAL_SAMPLE_EACH},    {"bernoulli", "7", 0, 0, PAL_SAMPLE_DRAWS},
                {"categorical", "40", 0, 0, PAL_SAMPLE_EACH}, {"categorical", "40", 9, 0, PAL_SAMPLE_DRAWS}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        pal_error err = {0};
        pal_model *m = of_code(rows[r].code, rows[r].units);
        const pal_sample_options o = {.struct_size = sizeof o, .samples = rows[r].samples, .steps = rows[r].steps};
        ck_assert_int_eq(pal_sample_kind_of(m, &o), rows[r].kind);
        ck_assert_msg(!pal_sample_write(m, &o, path_of("kind.png"), &err), "%s", err.text);
        pal_model_free(m);
    }
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
    refused(NULL, "normal", (pal_sample_options){.samples = -1}, "-1 samples: choose from 1 to 10000");
    refused(NULL, "normal", (pal_sample_options){.samples = 100000}, "100000 samples: choose from 1");
    ck_assert_ptr_null(pal_model_code(NULL));
}
END_TEST

Suite *prior_suite(void)
{
    Suite *suite = suite_create("prior");
    TCase *group = add_case(suite, "prior", set_up, tear_down,
                            TESTS(draws_are_of_the_prior, the_plane_goes_by_quantiles, the_line_goes_by_quantiles,
                                  every_code_once, shares_are_mean_posteriors, the_kind_follows_from_the_code,
                                  a_picture_of_either, what_has_no_prior_is_refused));
    in_own_folder(group);
    return suite;
}
