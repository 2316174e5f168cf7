/* test_stopping.c - tests patience and the best model: where training ends, which model is kept, and that neither
 * depends on interruptions. The losses of a run without patience tell where one with patience must end. */
#include "tests/train/stops.h"

Suite *stopping_suite(void);

enum { LONG = 20 };

static const struct {
    const char *variant, *optimizer, *average, *schedule;
    int64_t accumulate;
} kinds[] = {{"basic", "adam", NULL, "constant", 1},
             {"basic", "gd", "exponential", "plateau", 2},
             {"basic", "schedule-free", NULL, "constant", 1},
             {"basic", "lbfgs", NULL, "constant", 1},
             {"stacked", "adam", NULL, "constant", 1}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static stops plan_of(int kind, const char *name)
{
    return (stops){.folder = name,
                   .variant = kinds[kind].variant,
                   .optimizer = kinds[kind].optimizer,
                   .average = kinds[kind].average,
                   .schedule = kinds[kind].schedule,
                   .accumulate = kinds[kind].accumulate,
                   .epochs = LONG};
}

static pal_rundir *open_run(const char *name)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(path_of(name), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    return dir;
}

/* The epoch after which the first phase ends, and its best one, from the lines of a run without patience; 0: it does
 * not end early. */
static int64_t expected(const pal_rundir *dir, int64_t every, int64_t patience, double least, int64_t *best)
{
    double good = NAN, lowest = NAN;
    int64_t poor = 0;
    *best = 0;
    for (size_t i = 0; i < pal_rundir_epoch_count(dir); i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        if (strcmp(e->phase, pal_rundir_epoch(dir, 0)->phase)) break;
        if (isnan(e->test_loss)) continue;
        if (!(e->test_loss >= lowest)) lowest = e->test_loss, *best = e->epoch;
        if (e->epoch % every) continue;
        const bool better = isnan(good) || e->test_loss < good - least * fabs(good);
        if (better) good = e->test_loss;
        poor = better ? 0 : poor + 1;
        if (poor >= patience) return e->epoch;
    }
    return 0;
}

/* ---- Where training ends -------------------------------------------------------------------------------------- */

START_TEST(patience_ends_where_the_losses_say)
{
    static const struct {
        int64_t every, patience;
        double least;
    } cases[] = {{1, 1, 0}, {1, 2, 0}, {1, 3, 0.002}, {3, 1, 0}, {1, 2, 0.3}, {2, 2, 0.01}};
    int ended = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[2][32];
        int64_t best;
        for (int k = 0; k < 2; k++) snprintf(name[k], sizeof *name, "run-%zu-%d", i, k);
        stops s = plan_of(_i, name[0]);
        s.every = cases[i].every;
        trained(&s);
        pal_rundir *dir = open_run(name[0]);
        const int64_t end = expected(dir, s.every, cases[i].patience, cases[i].least, &best);
        ck_assert(!pal_rundir_has_best(dir));
        pal_rundir_free(dir);
        s.folder = name[1];
        s.patience = cases[i].patience;
        s.least = cases[i].least;
        const pal_train_result r = trained(&s);
        dir = open_run(name[1]);
        for (int64_t e = 1; end && e <= end; e++) /* its first phase, or all of it */
            ck_assert_int_eq(pal_rundir_epoch(dir, (size_t)e - 1)->stopped, e == end);
        if (end && strcmp(kinds[_i].variant, "stacked")) {
            ck_assert_int_eq(r.epochs, end);
            ck_assert_int_eq(r.planned, end);
            ck_assert_int_eq(r.best_epoch, best);
            ck_assert_str_eq(r.ended, "patience");
            ck_assert_str_eq(pal_rundir_info(dir)->status, "done");
            ck_assert_str_eq(pal_rundir_info(dir)->result.ended, "patience");
            ck_assert_int_eq(pal_rundir_info(dir)->result.best_epoch, best);
        }
        if (end && !strcmp(kinds[_i].variant, "stacked"))
            ck_assert_str_ne(pal_rundir_epoch(dir, (size_t)end)->phase, pal_rundir_epoch(dir, 0)->phase);
        ended += end != 0;
        pal_rundir_free(dir);
    }
    ck_assert_int_gt(ended, 0);
}
END_TEST

/* ---- The best model ------------------------------------------------------------------------------------------- */

/* The best model is that of a run with as many epochs, also where an average of the weights is measured. */
START_TEST(the_best_model_is_that_of_its_epoch)
{
    pal_error err = {0};
    pal_train_result result;
    pal_model *end;
    stops s = plan_of(_i, "best");
    s.patience = 2;
    s.least = 0.02;
    const pal_train_result r = trained(&s);
    ck_assert_str_eq(r.ended, "patience");
    s.folder = NULL;
    s.patience = 0;
    s.epochs = r.best_epoch;
    ck_assert_msg(!train_of(&s, &result, &end, &err), "%s", err.text);
    pal_rundir *dir = open_run("best");
    int64_t epoch;
    double loss;
    pal_model *best = pal_rundir_model_best(dir, context, &epoch, &loss, &err);
    ck_assert_msg(best != NULL, "%s", err.text);
    ck_assert_int_eq(epoch, r.best_epoch);
    ck_assert_double_eq(loss, r.best_loss);
    ck_assert_double_eq(loss, pal_rundir_epoch(dir, (size_t)epoch - 1)->test_loss);
    const char *name;
    for (size_t i = 0; i < pal_model_parameter_count(end); i++) {
        const pal_tensor *a = pal_model_parameter(end, i, &name), *b = pal_model_parameter_find(best, name);
        ck_assert_mem_eq(a->data, b->data, pal_tensor_bytes(a));
    }
    pal_model_free(end);
    pal_model_free(best);
    pal_rundir_free(dir);
}
END_TEST

/* --keep-best alone: training goes on to the end. Without a folder, only the result tells. */
START_TEST(the_best_model_can_be_kept_without_patience)
{
    pal_error err = {0};
    stops s = plan_of(0, "kept");
    s.keep = true;
    const pal_train_result r = trained(&s);
    ck_assert(r.epochs == LONG && !r.ended && r.best_epoch > 0 && r.best_epoch <= LONG);
    pal_rundir *dir = open_run("kept");
    pal_model *best = pal_rundir_model_best(dir, context, NULL, NULL, &err);
    ck_assert_msg(best != NULL, "%s", err.text);
    pal_model_free(best);
    ck_assert(!unlink(path_of("kept/best.safetensors")));
    ck_assert_ptr_null(pal_rundir_model_best(dir, context, NULL, NULL, &err));
    ck_assert_msg(err.status == PAL_ERR_IO && strstr(err.text, "has no best.safetensors"), "%s", err.text);
    write_text("kept/best.safetensors", "{");
    err = (pal_error){0};
    ck_assert_ptr_null(pal_rundir_model_best(dir, context, NULL, NULL, &err));
    ck_assert_msg(err.status == PAL_ERR_FORMAT && strstr(err.text, "best.safetensors"), "%s", err.text);
    pal_rundir_free(dir);
    s.folder = NULL;
    s.keep = false;
    const pal_train_result other = trained(&s);
    ck_assert(other.best_epoch == r.best_epoch && other.best_loss == r.best_loss);
}
END_TEST

/* ---- Interruptions -------------------------------------------------------------------------------------------- */

/* Stopped after each of its epochs, one after the other, so also right after the best one and the last one. */
START_TEST(a_run_that_is_stopped_ends_at_the_same_epoch)
{
    stops whole = plan_of(_i, "whole");
    whole.patience = 2;
    whole.least = 0.02;
    whole.every = _i == 1 ? 2 : 1;
    const pal_train_result r = trained(&whole);
    stops s = whole;
    s.folder = "often";
    int stopped = 0;
    for (int64_t epoch = 1; epoch < r.epochs; epoch++, s.resume = true) {
        pal_error err = {0};
        pal_train_result part;
        s.stop_epoch = epoch;
        const pal_status status = train_of(&s, &part, NULL, &err);
        ck_assert_msg(status == PAL_ERR_STOPPED, "%s", err.text);
        ck_assert_ptr_null(part.ended);
        stopped++;
    }
    ck_assert_int_gt(stopped, 1);
    s.stop_epoch = 0;
    trained(&s);
    same_runs("whole", "often");
}
END_TEST

/* Killed after each epoch; between the line of an epoch and its checkpoint; between its best model and its line; and
 * after the last checkpoint, before run.json. */
START_TEST(a_run_that_is_killed_ends_at_the_same_epoch)
{
    stops whole = plan_of(_i, "whole");
    whole.patience = 2;
    whole.least = 0.02;
    const pal_train_result r = trained(&whole);
    for (int64_t epoch = 1; epoch <= r.epochs; epoch++) {
        char name[4][32];
        static const char *const kinds_of[] = {"run", "killed", "line", "best"};
        for (int k = 0; k < 4; k++) snprintf(name[k], sizeof *name, "%s-%lld", kinds_of[k], (long long)epoch);
        stops s = whole;
        s.folder = name[0];
        s.stop_epoch = epoch;
        s.copy = name[1];
        trained(&s);
        if (epoch > 1) { /* the files of the epoch before, with those of this one that are written earlier */
            char before[32];
            snprintf(before, sizeof before, "killed-%lld", (long long)epoch - 1);
            for (int k = 2; k < 4; k++) {
                copy_run(before, name[k]);
                copy_file(name[1], name[k], "best.safetensors");
            }
            copy_file(name[1], name[2], "metrics.jsonl");
        }
        for (int k = 1; k < (epoch > 1 ? 4 : 2); k++) {
            char kept[48];
            snprintf(kept, sizeof kept, "%s", name[k]);
            if (k == 1 && epoch < r.epochs) {
                snprintf(kept, sizeof kept, "again-%lld", (long long)epoch); /* the next epoch needs the copy */
                copy_run(name[k], kept);
            }
            stops go_on = whole;
            go_on.folder = kept;
            go_on.resume = true;
            trained(&go_on);
            same_runs("whole", kept);
        }
    }
}
END_TEST

/* A run that was planned shorter and is extended has the bits of one that was long from the start; one that patience
 * has ended is not extended. */
START_TEST(only_a_run_with_patience_left_is_extended)
{
    pal_error err = {0};
    pal_train_result result;
    stops s = plan_of(0, "whole");
    s.patience = 3;
    s.least = 0.02;
    s.every = 2;
    const pal_train_result r = trained(&s);
    ck_assert_str_eq(r.ended, "patience");
    s.folder = "short";
    s.epochs = r.epochs - 3; /* an odd number: its last epoch is measured out of turn */
    ck_assert_ptr_null(trained(&s).ended);
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    for (int i = 0; i < 2; i++) {
        pal_rundir *dir = pal_rundir_extend(path_of(i ? "whole" : "short"), &err);
        const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
        const pal_schedule constant = {.name = "constant", .learning_rate = 0.1};
        pal_model *model = pal_rundir_model(dir, context, &err);
        const pal_train_options o = {.struct_size = sizeof o,
                                     .test = test,
                                     .epochs = LONG + 5,
                                     .batch = 4,
                                     .seed = 3,
                                     .lanes = 2,
                                     .optimizer = &adam,
                                     .schedule = &constant,
                                     .folder = dir,
                                     .resume = true,
                                     .test_every = 2,
                                     .patience = 3,
                                     .min_improvement = 0.02,
                                     .extend = "longer"};
        const pal_status status = pal_train(model, data, &o, &result, &err);
        ck_assert_msg(status == (i ? PAL_ERR_ARGUMENT : PAL_OK), "%s", err.text);
        if (!i) ck_assert(result.epochs == r.epochs && !strcmp(result.ended, "patience"));
        pal_model_free(model);
        pal_rundir_free(dir);
    }
    ck_assert_ptr_nonnull(strstr(err.text, "3 measurements in a row were no improvement"));
    same_files("whole", "short", "checkpoint.safetensors");
    pal_dataset_free(test);
    pal_dataset_free(data);
}
END_TEST

/* ---- What is not finite, and what is refused ------------------------------------------------------------------- */

/* The measured loss overflows: without patience training fails, with it this is no improvement. */
START_TEST(a_loss_that_is_not_finite_is_no_improvement)
{
    pal_tensor *all = random_tensor(context, PAL_F32, PAL_SHAPE(30, FEATURES), 0, 1, "large");
    for (size_t i = 0; i < pal_tensor_count(all); i++) pal_tensor_set(all, i, 4e18);
    pal_error err = {0};
    ck_assert(!pal_npy_write(all, path_of("large.npy"), &err));
    pal_tensor_free(all);
    pal_dataset *data = data_of(SAMPLES, "data"),
                *test = pal_dataset_open(context, path_of("large.npy"), PAL_SPLIT_TRAIN, &err);
    const pal_setting settings[] = {{"hidden", "3"}, {"output", "squared"}};
    for (int64_t patience = 0; patience <= 2; patience += 2) {
        pal_model *model =
            pal_model_new(context, pal_variant_find("basic"), settings, 2, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
        ck_assert_msg(model != NULL, "%s", err.text);
        const pal_schedule constant = {.name = "constant", .learning_rate = 0.001};
        const pal_train_options o = {.struct_size = sizeof o,
                                     .test = test,
                                     .epochs = 9,
                                     .batch = 10,
                                     .seed = 3,
                                     .lanes = 2,
                                     .schedule = &constant,
                                     .patience = patience};
        pal_train_result r;
        const pal_status status = pal_train(model, data, &o, &r, &err);
        ck_assert_msg(status == (patience ? PAL_OK : PAL_ERR_NUMERIC), "%d: %s", status, err.text);
        if (patience) ck_assert(r.epochs == 2 && !r.best_epoch && isnan(r.best_loss) && !strcmp(r.ended, "patience"));
        pal_model_free(model);
    }
    pal_dataset_free(test);
    pal_dataset_free(data);
}
END_TEST

START_TEST(numbers_without_sense_are_refused)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    const pal_setting hidden = {"hidden", "3"};
    pal_error err = {0};
    pal_model *model =
        pal_model_new(context, pal_variant_find("basic"), &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    const struct {
        int64_t patience;
        double least, seconds;
        bool keep, measured;
        const char *saying;
    } cases[] = {{-1, 0, 0, false, true, "patience of -1"},  {1, -0.1, 0, false, true, "improvement of -0.1"},
                 {1, 1, 0, false, true, "improvement of 1"}, {1, NAN, 0, false, true, "improvement of nan"},
                 {0, 0, -1, false, true, "time of -1"},      {0, 0, NAN, false, true, "time of nan"},
                 {1, 0, 0, false, false, "there are none"},  {0, 0, 0, true, false, "there are none"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pal_train_options o = {.struct_size = sizeof o,
                                     .test = cases[i].measured ? test : NULL,
                                     .epochs = 2,
                                     .batch = 10,
                                     .patience = cases[i].patience,
                                     .min_improvement = cases[i].least,
                                     .time_limit = cases[i].seconds,
                                     .keep_best = cases[i].keep};
        err = (pal_error){0};
        ck_assert_int_eq(pal_train_check(model, data, &o, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].saying) != NULL, "%s", err.text);
    }
    /* An older program has a shorter struct; what follows it counts as 0. */
    const pal_train_options older = {
        .struct_size = offsetof(pal_train_options, patience), .test = test, .epochs = 2, .batch = 10, .patience = -1};
    ck_assert(!pal_train_check(model, data, &older, &err));
    pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
}
END_TEST

Suite *stopping_suite(void)
{
    Suite *suite = suite_create("stopping");
    TCase *tests = in_own_folder(tcase_create("stopping"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 240);
    tcase_add_loop_test(tests, patience_ends_where_the_losses_say, 0, KINDS);
    tcase_add_loop_test(tests, the_best_model_is_that_of_its_epoch, 0, 3);
    tcase_add_test(tests, the_best_model_can_be_kept_without_patience);
    tcase_add_loop_test(tests, a_run_that_is_stopped_ends_at_the_same_epoch, 0, KINDS);
    tcase_add_loop_test(tests, a_run_that_is_killed_ends_at_the_same_epoch, 0, KINDS);
    tcase_add_test(tests, only_a_run_with_patience_left_is_extended);
    tcase_add_test(tests, a_loss_that_is_not_finite_is_no_improvement);
    tcase_add_test(tests, numbers_without_sense_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
