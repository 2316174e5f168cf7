/* test_find_rate.c - the range test of the learning rate: the rates grow as they should, the losses are those of
 * training, the suggestion trains, a run that runs away ends; and what is refused. */
#include <math.h>

#include "tests/train/runs.h"

Suite *find_rate_suite(void);

static pal_model *model_for(const char *variant, const pal_setting *settings, size_t n)
{
    pal_error err = {0};
    pal_model *m =
        pal_model_new(context, pal_variant_find(variant), settings, n, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* The training loss of the last of 20 epochs at this rate; infinity: it was not finite. */
static double trained(const pal_dataset *data, const pal_optimizer_options *optimizer, double rate)
{
    pal_train_result result;
    pal_model *m = model_for("basic", NULL, 0);
    const pal_schedule schedule = {.name = "constant", .learning_rate = rate};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .epochs = 20,
                                 .batch = 10,
                                 .seed = 3,
                                 .lanes = 1,
                                 .optimizer = optimizer,
                                 .schedule = &schedule};
    const pal_status status = pal_train(m, data, &o, &result, NULL);
    pal_model_free(m);
    return status ? (double)INFINITY : result.train_loss;
}

START_TEST(a_suggested_rate_trains)
{
    static const char *const rules[] = {"gd", "momentum", "adam", "schedule-free"};
    pal_dataset *data = data_of(SAMPLES, "data");
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = rules[_i]};
    pal_find_rate_options o = {.struct_size = sizeof o,
                               .batch = 10,
                               .seed = 3,
                               .lanes = 1,
                               .optimizer = &optimizer,
                               .from = 1e-5,
                               .to = 1e4,
                               .steps = 150};
    pal_rate_curve first, again;
    pal_error err = {0};
    for (int i = 0; i < 2; i++) {
        pal_model *m = model_for("basic", NULL, 0);
        ck_assert_msg(!pal_find_rate(m, data, &o, i ? &again : &first, &err), "%s", err.text);
        pal_model_free(m);
    }
    ck_assert(first.ran_away && first.steps < 150 && first.steps > 10);
    ck_assert_int_eq(first.steps, again.steps);
    for (int64_t i = 0; i < first.steps; i++) {
        ck_assert_double_eq_tol(first.rate[i] / (1e-5 * pow(1e9, (double)i / 149)), 1, 1e-12);
        ck_assert(first.loss[i] == again.loss[i] || isnan(first.loss[i]));
    }
    ck_assert(first.steepest <= first.lowest && first.lowest < first.rate[first.steps - 1]);
    ck_assert(first.suggested >= first.steepest && first.suggested <= first.lowest);
    const double suggested = trained(data, &optimizer, first.suggested);
    ck_assert_double_lt(suggested, trained(data, &optimizer, first.suggested / 300));
    ck_assert_double_lt(suggested, trained(data, &optimizer, 1e4));
    pal_rate_curve_free(&first);
    pal_rate_curve_free(&again);
    pal_rate_curve_free(NULL);
    pal_dataset_free(data);
}
END_TEST

static int stop_at(int64_t done, int64_t all, void *user)
{
    ck_assert_int_eq(all, 40);
    return done == *(const int64_t *)user;
}

/* The smoothed loss is the mean with the weights 0.9^k; the loss is that of one batch, or the mean of several. */
START_TEST(the_curve_is_that_of_training)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    for (int64_t parts = 1; parts <= 2; parts++) {
        pal_train_result result;
        pal_rate_curve c;
        pal_error err = {0};
        pal_model *m = model_for("denoising", NULL, 0), *other = model_for("denoising", NULL, 0);
        const pal_schedule tiny = {.name = "constant", .learning_rate = 1e-12};
        const pal_train_options t = {.struct_size = sizeof t,
                                     .epochs = 1,
                                     .batch = 20 / parts,
                                     .accumulate = parts,
                                     .seed = 3,
                                     .lanes = 1,
                                     .schedule = &tiny};
        ck_assert_msg(!pal_train(other, data, &t, &result, &err), "%s", err.text);
        int64_t stop = 5;
        const pal_find_rate_options o = {.struct_size = sizeof o,
                                         .batch = 20 / parts,
                                         .accumulate = parts,
                                         .seed = 3,
                                         .lanes = 1,
                                         .from = 1e-12,
                                         .to = 1,
                                         .steps = 40,
                                         .progress = stop_at,
                                         .user = &stop};
        ck_assert_int_eq(pal_find_rate(m, data, &o, &c, &err), PAL_ERR_STOPPED);
        ck_assert_int_eq(c.steps, 5);
        double sum = 0;
        for (int64_t i = 0; i < result.steps; i++) sum += c.loss[i];
        ck_assert_double_eq_tol(sum / (double)result.steps, result.train_loss, 1e-5 * fabs(result.train_loss));
        double top = 0, weights = 0;
        for (int64_t i = 0; i < 5; i++) {
            top += pow(0.9, (double)(4 - i)) * c.loss[i];
            weights += pow(0.9, (double)(4 - i));
        }
        ck_assert_double_eq_tol(c.smooth[4], top / weights, 1e-12 * fabs(c.smooth[4]));
        pal_rate_curve_free(&c);
        pal_model_free(m);
        pal_model_free(other);
    }
    pal_dataset_free(data);
}
END_TEST

START_TEST(wrong_searches_are_refused)
{
    static const pal_setting solved = {"solve", "svd"};
    const size_t size = sizeof(pal_find_rate_options);
    const struct {
        pal_find_rate_options o;
        bool svd;
        pal_status status;
        const char *says;
    } rows[] = {
        {{size, .batch = 10, .from = 1, .to = 0.1}, false, PAL_ERR_ARGUMENT, "rates from 1 to 0.1"},
        {{size, .batch = 10, .from = -1}, false, PAL_ERR_ARGUMENT, "rates from -1 to 10"},
        {{size, .batch = 10, .steps = 9}, false, PAL_ERR_ARGUMENT, "9 steps: choose 10 to 1000000"},
        {{size, .batch = 0}, false, PAL_ERR_ARGUMENT, "a batch of 0 samples"},
        {{size, .batch = 10}, true, PAL_ERR_ARGUMENT, "solved in closed form"},
        {{size, .batch = 10, .from = 1e-30, .to = 1e-29, .steps = 10},
         false,
         PAL_ERR_NUMERIC,
         "the loss falls at no learning rate from 1e-30 to 1e-29"},
    };
    pal_dataset *data = data_of(SAMPLES, "data");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        pal_rate_curve c;
        pal_model *m = model_for(rows[i].svd ? "linear" : "basic", &solved, rows[i].svd);
        pal_find_rate_options o = rows[i].o;
        if (o.steps == 10) o.batch = data->count; /* the same samples in each batch, so that only the rate counts */
        const pal_status status = pal_find_rate(m, data, &o, &c, &err);
        ck_assert_msg(status == rows[i].status && strstr(err.text, rows[i].says), "%zu: %s", i, err.text);
        pal_rate_curve_free(&c);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

static bool minimised_phase(const pal_model *m, size_t i, int64_t epochs, pal_phase *p)
{
    (void)m, (void)epochs;
    p->optimizer = "lbfgs";
    snprintf(p->name, sizeof p->name, "all");
    return i == 0;
}

/* Also one of a phase of its own; the optimiser of the search is another one. */
START_TEST(a_minimiser_has_no_rate)
{
    pal_variant mine = *pal_variant_find("basic");
    mine.name = "minimised";
    mine.alias = "mini";
    if (_i) mine.phase = minimised_phase;
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = _i ? "adam" : "lbfgs"};
    const pal_find_rate_options o = {.struct_size = sizeof o, .batch = 10, .optimizer = &optimizer};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_rate_curve c;
    pal_error err = {0};
    pal_model *m = pal_model_new(context, &mine, NULL, 0, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    ck_assert_int_eq(pal_find_rate(m, data, &o, &c, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "lbfgs has no learning rate"), "%s", err.text);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* One sample in a batch, and one of them the mean, with hardly a loss: the others are no loss that runs away. */
START_TEST(single_samples_may_differ)
{
    pal_error err = {0};
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(4, FEATURES));
    for (size_t i = 0; i < pal_tensor_count(x); i++) pal_tensor_set(x, i, 1 + 3 * (double)(i / FEATURES));
    ck_assert_int_eq(pal_npy_write(x, path_of("few.npy"), &err), PAL_OK);
    pal_dataset *data = pal_dataset_open(context, path_of("few.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    static const pal_setting squared = {"output", "squared"};
    for (uint64_t seed = 1; seed < 9; seed++) {
        const pal_find_rate_options o = {.struct_size = sizeof o, .batch = 1, .seed = seed, .lanes = 1, .steps = 150};
        pal_rate_curve c;
        pal_model *m = model_for("basic", &squared, 1);
        const pal_status status = pal_find_rate(m, data, &o, &c, &err); /* the first sample may look like the lowest */
        ck_assert_msg(!status || status == PAL_ERR_NUMERIC, "%s", err.text);
        ck_assert_msg(c.steps > 50, "seed %d: %d steps", (int)seed, (int)c.steps); /* up to a rate of 5e-5 */
        pal_rate_curve_free(&c);
        pal_model_free(m);
    }
    pal_dataset_free(data);
    pal_tensor_free(x);
}
END_TEST

Suite *find_rate_suite(void)
{
    Suite *suite = suite_create("find_rate");
    TCase *tests = in_own_folder(tcase_create("find_rate"));
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_suggested_rate_trains, 0, 4);
    tcase_add_test(tests, the_curve_is_that_of_training);
    tcase_add_test(tests, single_samples_may_differ);
    tcase_add_test(tests, wrong_searches_are_refused);
    tcase_add_loop_test(tests, a_minimiser_has_no_rate, 0, 2);
    suite_add_tcase(suite, tests);
    return suite;
}
