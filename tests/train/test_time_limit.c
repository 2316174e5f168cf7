/* test_time_limit.c - tests training that ends when its time is over: at the end of a step, with whole files, and the
 * same bits if it goes on. A time that is over before the first step ends training after each step. */
#include "tests/train/stops.h"

Suite *time_limit_suite(void);

enum { STEPS = (SAMPLES * 5 / 6) / 4 };

static void check_part(const char *name, int64_t steps)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(path_of(name), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_run_info *info = pal_rundir_info(dir);
    ck_assert_str_eq(info->status, "done");
    ck_assert_str_eq(info->result.ended, "time");
    ck_assert_int_eq(info->result.steps, steps);
    ck_assert_int_eq(info->result.epochs, steps / STEPS);
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), (size_t)(steps / STEPS));
    /* The figures are those of the saved weights, whatever part of an epoch they are from. */
    pal_model *model = pal_rundir_model(dir, context, &err);
    pal_dataset *test = data_of(30, "test");
    pal_figures figures;
    const pal_evaluate_options o = {.struct_size = sizeof o, .batch = 4, .seed = 3, .lanes = 2};
    ck_assert(!pal_evaluate(model, test, &o, &figures, &err));
    ck_assert_double_eq_tol(figures.loss, info->result.test_loss, 1e-9 * figures.loss);
    pal_dataset_free(test);
    pal_model_free(model);
    pal_rundir_free(dir);
}

/* One step at a time, to the end: the bits are those of a run that had all the time. */
START_TEST(a_run_goes_on_when_it_gets_more_time)
{
    static const char *const averages[] = {NULL, "exponential"};
    stops s = {.folder = "whole", .epochs = 2, .average = averages[_i], .every = 2, .keep = true, .schedule = "cosine"};
    trained(&s);
    s.folder = "timed";
    s.seconds = 1e-9;
    for (int64_t step = 1; step < 2 * STEPS; step++, s.resume = true) {
        pal_error err = {0};
        pal_train_result r;
        ck_assert_msg(!train_of(&s, &r, NULL, &err), "%s", err.text);
        ck_assert_str_eq(r.ended, "time");
        ck_assert_int_eq(r.steps, step);
        check_part("timed", step);
    }
    s.seconds = 1e6;
    const pal_train_result r = trained(&s);
    ck_assert(r.epochs == 2 && !r.ended);
    same_runs("whole", "timed");
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(path_of("timed"), &err);
    ck_assert_double_eq(pal_rundir_info(dir)->time_limit, 1e6);
    ck_assert_int_eq(pal_rundir_info(dir)->resumed, 0); /* it was never interrupted */
    pal_rundir_free(dir);
}
END_TEST

/* A minimiser ends after an iteration, and patience in a run with a limit counts on. */
START_TEST(a_minimiser_ends_after_an_iteration)
{
    stops s = {.folder = "whole", .optimizer = "lbfgs", .epochs = 5, .patience = 3};
    trained(&s);
    s.folder = "timed";
    s.seconds = 1e-9;
    for (int64_t epoch = 1; epoch < 5; epoch++, s.resume = true) {
        const pal_train_result r = trained(&s);
        ck_assert_str_eq(r.ended, "time");
        ck_assert_int_eq(r.epochs, epoch);
    }
    s.seconds = 0;
    trained(&s);
    same_runs("whole", "timed");
}
END_TEST

/* The clock goes on where an earlier part has ended, and a run that has ended is not one that was interrupted. */
START_TEST(the_time_of_all_parts_counts)
{
    pal_error err = {0};
    stops s = {.folder = "run", .epochs = 1000000, .seconds = 0.3};
    const pal_train_result first = trained(&s);
    ck_assert_double_ge(first.seconds, 0.3);
    s.resume = true;
    s.seconds = 0.5;
    const pal_train_result second = trained(&s);
    ck_assert_double_ge(second.seconds, 0.5);
    ck_assert_int_gt(second.steps, first.steps);
    pal_rundir *dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(!dir && strstr(err.text, "is done"), "%s", err.text);
}
END_TEST

Suite *time_limit_suite(void)
{
    Suite *suite = suite_create("time_limit");
    TCase *tests = in_own_folder(tcase_create("time_limit"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_run_goes_on_when_it_gets_more_time, 0, 2);
    tcase_add_test(tests, a_minimiser_ends_after_an_iteration);
    tcase_add_test(tests, the_time_of_all_parts_counts);
    suite_add_tcase(suite, tests);
    return suite;
}
