/* test_resume.c - tests training in phases, and runs that continue after an interruption at any point. A resumed run
 * must have the same bits as an uninterrupted one. A copy of the run's folder, made during training, stands for what a
 * killed process leaves. */
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/train/runs.h"

Suite *resume_suite(void);

enum { BATCH = 10, EPOCHS = 4 };

/* ---- Runs ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *variant, *optimizer, *schedule, *average;
    int64_t accumulate;
} kinds[] = {
    {"basic", "gd", "constant", NULL, 1},           {"denoising", "adam", "cosine", NULL, 1},
    {"phased", "rmsprop", "step", NULL, 1},         {"phased", "schedule-free", "constant", NULL, 1},
    {"basic", "lion", "plateau", "exponential", 2}, {"phased", "amsgrad", "one-cycle", "equal", 5},
    {"phased", "muon", "constant", NULL, 2},        {"phased", "soap", "cosine", "exponential", 1},
    {"denoising", "kfac", "constant", NULL, 1},     {"basic", "kfac", "cosine", "exponential", 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool is_phased(size_t kind) { return !strcmp(kinds[kind].variant, "phased"); }
static int64_t epochs_of(size_t kind) { return is_phased(kind) ? 2 + 1 + EPOCHS : EPOCHS; }

typedef struct plan { /* what happens during training */
    const char *folder;
    int64_t stop_epoch, stop_step; /* step 0: at the end of the epoch */
    const char *copy;              /* copy the folder to this name instead of stopping; NULL: stop */
    char phases[160];              /* in the order of their first report */
    bool in_order;
    int64_t epoch;
} plan;

static int watch(const pal_progress *p, void *user)
{
    plan *w = user;
    if (*p->phase && !strstr(w->phases, p->phase)) strcat(strcat(w->phases, " "), p->phase);
    w->in_order &= p->epoch == w->epoch + 1; /* in the middle of an epoch too: a slow machine reports there */
    w->epoch += p->finished;
    const bool there = p->epoch == w->stop_epoch && (w->stop_step ? p->step == w->stop_step : p->finished);
    if (there && w->copy) copy_run(w->folder, w->copy);
    if (there) return !w->copy;
    /* Reports come at most every 0.1 s: wait, so that every step is reported. */
    if (w->stop_step && p->epoch >= w->stop_epoch - 1 && p->epoch <= w->stop_epoch)
        nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
    return 0;
}

static pal_status train(size_t kind, plan *w, bool resume, pal_train_result *result, pal_error *err)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    const pal_variant *variant = pal_variant_find(kinds[kind].variant);
    const bool all = kinds[kind].average != NULL; /* with all else that has a state, or changes one */
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer,
                                             .name = kinds[kind].optimizer,
                                             .average = kinds[kind].average,
                                             .rates = all ? "encoder=0.5" : NULL};
    const pal_schedule schedule = {
        .name = kinds[kind].schedule, .learning_rate = 0.02, .factor = 0.5, .every = 5, .warmup = 6, .patience = 1};
    const pal_setting hidden = {"hidden", "5"};
    const pal_run_info info = {.version = "1",
                               .command = "c",
                               .model = variant->name,
                               .data = "d",
                               .epochs = EPOCHS,
                               .isa = pal_context_isa(context),
                               .blas = pal_context_blas(context),
                               .subnormals = "flushed"};
    pal_rundir *dir =
        resume ? pal_rundir_resume(path_of(w->folder), err) : pal_rundir_new(path_of(w->folder), &info, err);
    ck_assert_msg(dir != NULL, "%s", err->text);
    /* A resumed run starts from other weights; the checkpoint must replace them. */
    pal_model *model = pal_model_new(context, variant, &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, resume ? 99 : 7, err);
    ck_assert_msg(model != NULL, "%s", err->text);
    w->in_order = true;
    w->epoch = resume ? w->epoch : 0;
    pal_train_options o = {.struct_size = sizeof o,
                           .test = test,
                           .epochs = EPOCHS,
                           .batch = BATCH / kinds[kind].accumulate,
                           .accumulate = kinds[kind].accumulate,
                           .seed = 3,
                           .lanes = 2,
                           .optimizer = &optimizer,
                           .schedule = &schedule,
                           .gradient_sizes = all,
                           .folder = dir,
                           .progress = watch,
                           .user = w,
                           .resume = resume};
    pal_status status = pal_train(model, data, &o, result, err);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return status;
}

static void finish(size_t kind, const char *name, int64_t epoch)
{
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = name, .epoch = epoch};
    ck_assert_msg(!train(kind, &w, true, &result, &err), "%s", err.text);
    ck_assert(w.in_order);
    ck_assert_int_eq(result.epochs, epochs_of(kind));
    ck_assert_int_eq(result.steps, epochs_of(kind) * (SAMPLES * 5 / 6 / BATCH));
    same_runs("whole", name);
}

static void whole(size_t kind)
{
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = "whole"};
    ck_assert_msg(!train(kind, &w, false, &result, &err), "%s", err.text);
    ck_assert_str_eq(w.phases, is_phased(kind) ? " encoder decoder all" : "");
    ck_assert(w.in_order);
}

/* ---- Tests ---------------------------------------------------------------------------------------------------- */

/* A run is stopped after an epoch or in the middle of one, in each of the three phases. It then continues. */
START_TEST(a_run_that_was_stopped_goes_on)
{
    static const struct {
        int64_t epoch, step;
    } places[] = {{1, 0}, {2, 1}, {2, 0}, {3, 2}, {3, 0}, {4, 3}};
    const size_t kind = (size_t)_i;
    whole(kind);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[32];
        pal_error err = {0};
        pal_train_result result;
        snprintf(name, sizeof name, "stopped-%zu", i);
        plan w = {.folder = name, .stop_epoch = places[i].epoch, .stop_step = places[i].step};
        ck_assert_int_eq(train(kind, &w, false, &result, &err), PAL_ERR_STOPPED);
        ck_assert_int_eq(result.epochs, places[i].epoch - (places[i].step > 0));
        finish(kind, name, result.epochs);
    }
}
END_TEST

/* A run may be stopped and resumed several times. */
START_TEST(a_run_that_is_stopped_again_goes_on)
{
    static const int64_t stops[] = {3, 1, 2}; /* in the second, third and fourth epoch */
    const size_t kind = (size_t)_i;
    whole(kind);
    plan w = {.folder = "often"};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        pal_error err = {0};
        pal_train_result result;
        w.stop_epoch = 2 + (int64_t)i;
        w.stop_step = stops[i];
        ck_assert_int_eq(train(kind, &w, i > 0, &result, &err), PAL_ERR_STOPPED);
    }
    finish(kind, "often", 3);
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(path_of("often"), &err);
    ck_assert_int_eq(pal_rundir_info(dir)->resumed, 3);
    ck_assert_ptr_null(pal_rundir_info(dir)->changed);
    pal_rundir_free(dir);
}
END_TEST

/* A copy of the folder is what a killed process leaves: in the middle of an epoch, after one, or after the last one. */
START_TEST(a_run_that_was_killed_goes_on)
{
    static const struct {
        int64_t epoch, step;
    } places[] = {{1, 0}, {2, 2}, {3, 0}, {4, 2}};
    const size_t kind = (size_t)_i;
    whole(kind);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[32], copy[32], file[64];
        pal_error err = {0};
        pal_train_result result;
        snprintf(name, sizeof name, "run-%zu", i);
        snprintf(copy, sizeof copy, "killed-%zu", i);
        plan w = {.folder = name, .stop_epoch = places[i].epoch, .stop_step = places[i].step, .copy = copy};
        ck_assert_int_eq(train(kind, &w, false, &result, &err), PAL_OK);
        snprintf(file, sizeof file, "%s/run.json.Ab12yZ.part", copy); /* a file that was not finished */
        write_text(file, "{");
        finish(kind, copy, places[i].epoch - (places[i].step > 0));
        ck_assert(access(path_of(file), F_OK) != 0);
    }
    copy_run("whole", "never"); /* everything is written except the final status */
    static char text[ROOM];
    const size_t size = read_file(path_of("never/run.json"), text, sizeof text);
    char *done = strstr(text, "\"done\"");
    ck_assert_ptr_nonnull(done);
    memmove(done + 9, done + 6, size - (size_t)(done + 6 - text));
    memcpy(done, "\"running\"", 9);
    write_file("never/run.json", text, size + 3);
    finish(kind, "never", epochs_of(kind));
}
END_TEST

/* A process killed between two files of one save: the line of the epoch exists, but its checkpoint does not. */
START_TEST(a_run_killed_between_files_goes_on)
{
    const size_t kind = (size_t)_i;
    pal_error err = {0};
    pal_train_result result;
    whole(kind);
    plan w = {.folder = "second", .stop_epoch = 2, .copy = "earlier"};
    ck_assert_int_eq(train(kind, &w, false, &result, &err), PAL_OK);
    w = (plan){.folder = "third", .stop_epoch = 3, .copy = "between"};
    ck_assert_int_eq(train(kind, &w, false, &result, &err), PAL_OK);
    copy_file("earlier", "between", "checkpoint.safetensors");
    finish(kind, "between", 2);
}
END_TEST

/* Without a checkpoint, a run that has taken no step starts from the beginning. One that has is refused, because its
 * epochs would be lost, and is left as it is. */
START_TEST(without_a_checkpoint_no_epoch_is_lost)
{
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = "run", .stop_epoch = 1, .copy = "bare"};
    ck_assert_int_eq(train(0, &w, false, &result, &err), PAL_OK);
    static const char *const refused[] = {"run", "bare"}; /* done; killed after an epoch */
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/checkpoint.safetensors", refused[i]);
        ck_assert(!unlink(path_of(name)));
        ck_assert_ptr_null(pal_rundir_extend(path_of(refused[i]), &err));
        ck_assert_int_eq(err.status, PAL_ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "checkpoint.safetensors is missing, but the run has finished"));
        ck_assert_ptr_nonnull(strstr(err.text, i ? "1 epoch: restore" : "4 epochs: restore"));
    }
    ck_assert(!access(path_of("bare/metrics.jsonl"), F_OK));
    ck_assert(!unlink(path_of("bare/metrics.jsonl"))); /* now it is what a run leaves that ends before its first save */
    w = (plan){.folder = "bare"};
    ck_assert_msg(!train(0, &w, true, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.epochs, EPOCHS);
    pal_rundir *dir = pal_rundir_open(path_of("bare"), &err);
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), EPOCHS);
    pal_rundir_free(dir);
}
END_TEST

/* A finished run, a missing one, one that is already open, and one with an unusable checkpoint cannot be
 * resumed. */
START_TEST(what_cannot_go_on_is_refused)
{
    pal_error err = {0};
    pal_train_result result;
    whole(0);
    ck_assert_ptr_null(pal_rundir_resume(path_of("whole"), &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "done"));
    ck_assert_ptr_null(pal_rundir_resume(path_of("nowhere"), &err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);

    plan w = {.folder = "run", .stop_epoch = 2};
    ck_assert_int_eq(train(1, &w, false, &result, &err), PAL_ERR_STOPPED);
    pal_rundir *dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_ptr_nonnull(dir);
    ck_assert_ptr_null(pal_rundir_resume(path_of("run"), &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "another process"));
    pal_rundir_free(dir);

    /* A checkpoint that is cut off: the run's file does not change. */
    copy_run("run", "cut");
    static char before[2][ROOM];
    size_t size[2];
    size[0] = read_file(path_of("cut/run.json"), before[0], ROOM);
    write_text("cut/checkpoint.safetensors", "{");
    plan cut = {.folder = "cut", .epoch = 2};
    ck_assert_int_ne(train(1, &cut, true, &result, &err), PAL_OK);
    size[1] = read_file(path_of("cut/run.json"), before[1], ROOM);
    ck_assert(size[0] == size[1] && !memcmp(before[0], before[1], size[0]));

    /* The checkpoint of another model and optimizer does not fit. */
    plan other = {.folder = "run", .epoch = 2};
    copy_run("run", "kept");
    ck_assert_int_ne(train(2, &other, true, &result, &err), PAL_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "checkpoint.safetensors"));
}
END_TEST

/* A process with other kernels may continue a run. The run records the change. */
START_TEST(a_change_of_kernels_is_told)
{
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = "run", .stop_epoch = 2};
    ck_assert_int_eq(train(0, &w, false, &result, &err), PAL_ERR_STOPPED);
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    pal_run_info info = *pal_rundir_info(dir);
    info.isa = "another";
    info.subnormals = "kept";
    pal_rundir *other = pal_rundir_new(path_of("other"), &info, &err);
    ck_assert(!pal_rundir_finish(other, "interrupted", NULL, &info.result, &err));
    pal_rundir_free(other);
    pal_rundir_free(dir);
    copy_file("run", "other", "metrics.jsonl");
    copy_file("run", "other", "checkpoint.safetensors");
    plan again = {.folder = "other", .epoch = 2};
    ck_assert_msg(!train(0, &again, true, &result, &err), "%s", err.text);
    dir = pal_rundir_open(path_of("other"), &err);
    ck_assert_ptr_nonnull(pal_rundir_info(dir)->changed);
    ck_assert_ptr_nonnull(
        strstr(pal_rundir_info(dir)->changed,
               "instead of another, subnormals flushed to zero instead of subnormals kept from step 9 on"));
    ck_assert_str_eq(pal_rundir_info(dir)->isa, "another");
    pal_rundir_free(dir);
}
END_TEST

static double sum_of(const pal_model *m, const char *name)
{
    double sum = 0;
    const pal_tensor *t = pal_model_parameter_find(m, name);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; i < pal_tensor_count(t); i++) sum += fabs(pal_tensor_get(t, i));
    return sum;
}

/* In each phase, exactly the parameters that the phase names change. */
START_TEST(a_phase_moves_what_it_says)
{
    static const char *const names[] = {"encoder/W", "first/W", "decoder/W"};
    static const bool moved[][3] = {{true, true, false}, {false, false, true}, {true, false, true}};
    static const int64_t ends[] = {2, 3, 7};
    static const char *const phases[] = {"encoder", "decoder", "all"};
    double before[3] = {0}, after[3];
    for (int k = 0; k < 4; k++) {
        char name[16];
        pal_error err = {0};
        pal_train_result result;
        snprintf(name, sizeof name, "run-%d", k);
        plan w = {.folder = name, .stop_epoch = k ? ends[k - 1] : 0};
        const pal_setting hidden = {"hidden", "5"};
        pal_model *model = NULL;
        pal_rundir *dir = NULL;
        if (k) {
            train(2, &w, false, &result, &err);
            dir = pal_rundir_open(path_of(name), &err);
            model = pal_rundir_model(dir, context, &err);
            ck_assert_str_eq(pal_rundir_epoch(dir, (size_t)ends[k - 1] - 1)->phase, phases[k - 1]);
        } else {
            model =
                pal_model_new(context, pal_variant_find("phased"), &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
        }
        ck_assert_msg(model != NULL, "%s", err.text);
        for (int i = 0; i < 3; i++) after[i] = sum_of(model, names[i]);
        for (int i = 0; i < 3 && k; i++) ck_assert_int_eq(after[i] != before[i], moved[k - 1][i]);
        memcpy(before, after, sizeof before);
        pal_model_free(model);
        pal_rundir_free(dir);
    }
}
END_TEST

Suite *resume_suite(void)
{
    Suite *suite = suite_create("resume");
    TCase *tests = in_own_folder(tcase_create("resume"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_checked_fixture(tests, set_up_phased, NULL);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_run_that_was_stopped_goes_on, 0, KINDS);
    tcase_add_loop_test(tests, a_run_that_is_stopped_again_goes_on, 0, KINDS);
    tcase_add_loop_test(tests, a_run_that_was_killed_goes_on, 0, KINDS);
    tcase_add_loop_test(tests, a_run_killed_between_files_goes_on, 0, KINDS);
    tcase_add_test(tests, without_a_checkpoint_no_epoch_is_lost);
    tcase_add_test(tests, what_cannot_go_on_is_refused);
    tcase_add_test(tests, a_change_of_kernels_is_told);
    tcase_add_test(tests, a_phase_moves_what_it_says);
    suite_add_tcase(suite, tests);
    return suite;
}
