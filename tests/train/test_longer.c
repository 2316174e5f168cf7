/* test_longer.c - tests runs that are trained longer than planned. Where the rate of a step does not depend on the
 * number of epochs, such a run must have the bits of a run that had the greater number from the start. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tests/train/runs.h"

Suite *longer_suite(void);

enum { BATCH = 10, STEPS = 4, SETTINGS = 4 };

typedef struct kind {
    const char *variant, *optimizer, *schedule;
    pal_setting settings[SETTINGS];
    int64_t before; /* epochs of the phases that have a number of their own */
} kind;

static const kind kinds[] = {
    {"basic", "gd", "constant", {{"hidden", "5"}}, 0},
    {"denoising", "adam", "step", {{"hidden", "5"}}, 0},
    {"phased", "rmsprop", "constant", {{"masking", "0.2"}}, 3},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct job { /* one call of pal_train */
    const kind *kind;
    const char *folder, *extend; /* extend: as in pal_train_options */
    int64_t epochs;
    bool resume;
    int64_t stop_epoch, stop_step; /* 0: not stopped; step 0: at the end of the epoch */
    const char *copy;              /* copy the folder there instead of stopping */
    int64_t test_every;
} job;

static int watch(const pal_progress *p, void *user)
{
    const job *j = user;
    const bool there = p->epoch == j->stop_epoch && (j->stop_step ? p->step == j->stop_step : p->finished);
    if (there && j->copy) copy_run(j->folder, j->copy);
    if (j->stop_step && p->epoch >= j->stop_epoch - 1 && p->epoch <= j->stop_epoch)
        nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL); /* so that every step is reported */
    return there && !j->copy;
}

static size_t settings_of(const kind *k)
{
    size_t n = 0;
    while (n < SETTINGS && k->settings[n].name) n++;
    return n;
}

static pal_status run(const job *j, pal_train_result *result, pal_error *err)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    const pal_variant *variant = pal_variant_find(j->kind->variant);
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = j->kind->optimizer};
    const pal_schedule schedule = {
        .name = j->kind->schedule, .learning_rate = 0.02, .factor = 0.5, .every = 5, .warmup = 6};
    pal_run_info info = {.version = "1",
                         .command = "first",
                         .model = variant->name,
                         .data = "d",
                         .epochs = j->epochs,
                         .schedule = schedule,
                         .isa = pal_context_isa(context),
                         .blas = pal_context_blas(context),
                         .subnormals = "flushed"};
    info.schedule.total = (uint64_t)(j->epochs * STEPS);
    pal_rundir *dir = j->extend   ? pal_rundir_extend(path_of(j->folder), err)
                      : j->resume ? pal_rundir_resume(path_of(j->folder), err)
                                  : pal_rundir_new(path_of(j->folder), &info, err);
    ck_assert_msg(dir != NULL, "%s", err->text);
    pal_model *model = pal_model_new(context, variant, j->kind->settings, settings_of(j->kind), PAL_SHAPE(FEATURES),
                                     PAL_F32, j->resume ? 99 : 7, err);
    ck_assert_msg(model != NULL, "%s", err->text);
    pal_train_options o = {.struct_size = sizeof o,
                           .test = test,
                           .epochs = j->epochs,
                           .batch = BATCH,
                           .seed = 3,
                           .lanes = 2,
                           .optimizer = &optimizer,
                           .schedule = &schedule,
                           .folder = dir,
                           .progress = watch,
                           .user = (void *)(uintptr_t)j,
                           .resume = j->resume,
                           .test_every = j->test_every,
                           .extend = j->extend};
    pal_status status = pal_train_check(model, data, &o, err);
    if (!status) status = pal_train(model, data, &o, result, err);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return status;
}

static void done(const job *j)
{
    pal_train_result result;
    pal_error err = {0};
    ck_assert_msg(!run(j, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.planned, j->kind->before + j->epochs);
    ck_assert_int_eq(result.epochs, result.planned);
    ck_assert_int_eq(result.steps, result.epochs * STEPS);
}

static void stopped(const job *j)
{
    pal_train_result result;
    pal_error err = {0};
    ck_assert_int_eq(run(j, &result, &err), PAL_ERR_STOPPED);
}

static void refused(const job *j, const char *mentions)
{
    static char bytes[2][ROOM];
    char path[PATH_ROOM];
    pal_train_result result;
    pal_error err = {0};
    snprintf(path, sizeof path, "%s/run.json", j->folder);
    const size_t before = read_file(path_of(path), bytes[0], ROOM);
    ck_assert_int_eq(run(j, &result, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, mentions) != NULL, "%s: does not mention %s", err.text, mentions);
    ck_assert_uint_eq(read_file(path_of(path), bytes[1], ROOM), before);
    ck_assert_mem_eq(bytes[0], bytes[1], before);
}

/* A finished run, once or twice extended, is the run with the greater number; so is one that was stopped anywhere. */
START_TEST(it_is_the_run_with_more_epochs)
{
    const kind *k = &kinds[_i];
    done(&(job){.kind = k, .folder = "whole", .epochs = 5});
    done(&(job){.kind = k, .folder = "run", .epochs = 2});
    done(&(job){.kind = k, .folder = "run", .epochs = 5, .resume = true, .extend = "longer"});
    same_runs("whole", "run");
    done(&(job){.kind = k, .folder = "twice", .epochs = 1});
    done(&(job){.kind = k, .folder = "twice", .epochs = 3, .resume = true, .extend = "longer"});
    done(&(job){.kind = k, .folder = "twice", .epochs = 5, .resume = true, .extend = "still longer"});
    same_runs("whole", "twice");
    stopped(&(job){.kind = k, .folder = "between", .epochs = 2, .stop_epoch = 1});
    done(&(job){.kind = k, .folder = "between", .epochs = 5, .resume = true, .extend = "longer"});
    same_runs("whole", "between");
    stopped(&(job){.kind = k, .folder = "middle", .epochs = 2, .stop_epoch = 2, .stop_step = 3});
    done(&(job){.kind = k, .folder = "middle", .epochs = 5, .resume = true, .extend = "longer"});
    same_runs("whole", "middle");
    stopped(&(job){.kind = k, .folder = "shorter", .epochs = 9, .stop_epoch = k->before + 3, .stop_step = 2});
    done(&(job){.kind = k, .folder = "shorter", .epochs = 5, .resume = true, .extend = "fewer than planned"});
    same_runs("whole", "shorter");
}
END_TEST

/* A run that is killed after it was extended goes on to the greater number without being told again. */
START_TEST(killed_while_extended)
{
    const kind *k = &kinds[_i];
    done(&(job){.kind = k, .folder = "whole", .epochs = 5});
    static const int64_t places[][2] = {{4, 2}, {4, 0}, {5, 0}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[32], copy[32];
        snprintf(name, sizeof name, "run-%zu", i);
        snprintf(copy, sizeof copy, "killed-%zu", i);
        done(&(job){.kind = k, .folder = name, .epochs = 2});
        done(&(job){.kind = k,
                    .folder = name,
                    .epochs = 5,
                    .resume = true,
                    .extend = "longer",
                    .stop_epoch = k->before + places[i][0],
                    .stop_step = places[i][1],
                    .copy = copy});
        done(&(job){.kind = k, .folder = copy, .epochs = 5, .resume = true});
        same_runs("whole", copy);
    }
    /* Killed after run.json was written and before the first step. */
    done(&(job){.kind = k, .folder = "early", .epochs = 2});
    copy_run("early", "late");
    stopped(&(job){
        .kind = k, .folder = "late", .epochs = 5, .resume = true, .extend = "longer", .stop_epoch = k->before + 3});
    copy_file("late", "early", "run.json");
    done(&(job){.kind = k, .folder = "early", .epochs = 5, .resume = true});
    same_runs("whole", "early");
}
END_TEST

/* run.json keeps each command and the epochs before and after it. */
START_TEST(the_folder_keeps_the_history)
{
    const kind *k = &kinds[2];
    pal_error err = {0};
    stopped(&(job){.kind = k, .folder = "run", .epochs = 2, .stop_epoch = 1});
    done(&(job){.kind = k, .folder = "run", .epochs = 3, .resume = true, .extend = "to \"3\""});
    done(&(job){.kind = k, .folder = "run", .epochs = 4, .resume = true, .extend = "to 4"});
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_run_info *info = pal_rundir_info(dir);
    const pal_extension want[] = {{"to \"3\"", 1, 2, 3}, {"to 4", 6, 3, 4}};
    ck_assert_uint_eq(info->n_extensions, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(info->extensions[i].command, want[i].command);
        ck_assert_int_eq(info->extensions[i].after, want[i].after);
        ck_assert_int_eq(info->extensions[i].from, want[i].from);
        ck_assert_int_eq(info->extensions[i].to, want[i].to);
    }
    ck_assert_str_eq(info->command, "first");
    ck_assert_int_eq(info->epochs, 4);
    ck_assert_uint_eq(info->schedule.total, 4 * STEPS);
    ck_assert_int_eq(info->resumed, 1); /* the second extension found the run done */
    ck_assert_int_eq(info->result.planned, 7);
    pal_rundir_free(dir);
}
END_TEST

/* A cosine is planned anew: the new steps have the rates of the run with more epochs, and the earlier ones keep theirs.
 */
START_TEST(a_cosine_is_planned_anew)
{
    static const kind cosine = {"basic", "gd", "cosine", {{"hidden", "5"}}, 0};
    pal_error err = {0};
    done(&(job){.kind = &cosine, .folder = "few", .epochs = 3});
    done(&(job){.kind = &cosine, .folder = "many", .epochs = 6});
    done(&(job){.kind = &cosine, .folder = "run", .epochs = 3});
    done(&(job){.kind = &cosine, .folder = "run", .epochs = 6, .resume = true, .extend = "longer"});
    pal_rundir *few = pal_rundir_open(path_of("few"), &err), *many = pal_rundir_open(path_of("many"), &err),
               *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert(few && many && dir);
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_double_eq(pal_rundir_epoch(dir, i)->learning_rate,
                            pal_rundir_epoch(i < 3 ? few : many, i)->learning_rate);
    ck_assert_double_lt(pal_rundir_epoch(few, 2)->learning_rate, pal_rundir_epoch(many, 2)->learning_rate);
    pal_rundir_free(few);
    pal_rundir_free(many);
    pal_rundir_free(dir);
}
END_TEST

/* Phases that have ended keep their epochs: greedy layers of 2 epochs, then fine-tuning of 4. */
START_TEST(phases_that_have_ended_stay)
{
    static const kind stacked = {"stacked", "adam", "constant", {{"layers", "5,4"}}, 2 * 2},
                      told = {"stacked", "adam", "constant", {{"layers", "5,4"}, {"pretrain-epochs", "2"}}, 2 * 2};
    pal_error err = {0};
    pal_train_result result;
    ck_assert_int_eq(run(&(job){.kind = &stacked, .folder = "run", .epochs = 2}, &result, &err), PAL_OK);
    done(&(job){.kind = &stacked, .folder = "run", .epochs = 4, .resume = true, .extend = "longer"});
    done(&(job){.kind = &told, .folder = "whole", .epochs = 4});
    pal_rundir *dir[] = {pal_rundir_open(path_of("run"), &err), pal_rundir_open(path_of("whole"), &err)};
    pal_model *model[] = {pal_rundir_model(dir[0], context, &err), pal_rundir_model(dir[1], context, &err)};
    ck_assert_uint_eq(pal_rundir_epoch_count(dir[0]), 8);
    for (size_t i = 0; i < pal_model_parameter_count(model[0]); i++) {
        const char *name;
        const pal_tensor *a = pal_model_parameter(model[0], i, &name), *b = pal_model_parameter_find(model[1], name);
        ck_assert_mem_eq(a->data, b->data, pal_tensor_bytes(a));
    }
    for (int i = 0; i < 2; i++) {
        pal_model_free(model[i]);
        pal_rundir_free(dir[i]);
    }
    /* Stopped in the first of its phases, all of them get the new number. */
    stopped(&(job){.kind = &stacked, .folder = "early", .epochs = 2, .stop_epoch = 1});
    ck_assert_int_eq(run(&(job){.kind = &stacked, .folder = "early", .epochs = 3, .resume = true, .extend = "longer"},
                         &result, &err),
                     PAL_OK);
    ck_assert_int_eq(run(&(job){.kind = &stacked, .folder = "straight", .epochs = 3}, &result, &err), PAL_OK);
    ck_assert_int_eq(result.epochs, 9);
    same_runs("straight", "early");
}
END_TEST

/* The measured epochs may differ, the weights do not. */
START_TEST(the_last_epoch_before_was_measured)
{
    const kind *k = &kinds[1];
    static char bytes[2][ROOM];
    done(&(job){.kind = k, .folder = "whole", .epochs = 4, .test_every = 2});
    done(&(job){.kind = k, .folder = "run", .epochs = 3, .test_every = 2});
    done(&(job){.kind = k, .folder = "run", .epochs = 4, .test_every = 2, .resume = true, .extend = "longer"});
    const size_t size = read_file(path_of("whole/checkpoint.safetensors"), bytes[0], ROOM);
    ck_assert_uint_eq(read_file(path_of("run/checkpoint.safetensors"), bytes[1], ROOM), size);
    ck_assert_mem_eq(bytes[0], bytes[1], size);
}
END_TEST

/* A number that is not greater than what is done, and a run that epochs cannot lengthen, are refused; nothing changes.
 */
START_TEST(what_cannot_grow_is_refused)
{
    static const kind fixed = {
        "stacked", "adam", "constant", {{"layers", "5,4"}, {"pretrain-epochs", "2"}, {"fine-tuning", "none"}}, 0,
    };
    static const kind solved = {"linear", "adam", "constant", {{"hidden", "3"}, {"solve", "svd"}}, 0};
    pal_train_result result;
    pal_error err = {0};
    for (int i = 0; i < KINDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "run-%d", i);
        done(&(job){.kind = &kinds[i], .folder = name, .epochs = 3});
        for (int64_t epochs = 1; epochs <= 3; epochs++)
            refused(&(job){.kind = &kinds[i], .folder = name, .epochs = epochs, .resume = true, .extend = "longer"},
                    "give a greater number");
        refused(&(job){.kind = &kinds[i], .folder = name, .epochs = 0, .resume = true, .extend = "longer"},
                "1 or more");
    }
    ck_assert_int_eq(run(&(job){.kind = &fixed, .folder = "own", .epochs = 1}, &result, &err), PAL_OK);
    refused(&(job){.kind = &fixed, .folder = "own", .epochs = 9, .resume = true, .extend = "longer"},
            "layer 2, has a number of epochs of its own");
    ck_assert_int_eq(run(&(job){.kind = &solved, .folder = "solved", .epochs = 1}, &result, &err), PAL_OK);
    refused(&(job){.kind = &solved, .folder = "solved", .epochs = 9, .resume = true, .extend = "longer"},
            "closed form");
    ck_assert_int_eq(run(&(job){.kind = &kinds[0], .folder = "new", .epochs = 1, .extend = NULL}, &result, &err),
                     PAL_OK);
    refused(&(job){.kind = &kinds[0], .folder = "new", .epochs = 2, .extend = "longer"}, "resumed");
}
END_TEST

/* At least eight steps an epoch, a power of two, at least 1, at most 128 or what is given. */
START_TEST(the_default_batch)
{
    static const int64_t cases[][3] = {
        {60000, 0, 128}, {1024, 0, 128},    {1023, 0, 64},     {512, 0, 64},   {511, 0, 32},   {150, 0, 16},
        {128, 0, 16},    {127, 0, 8},       {17, 0, 2},        {16, 0, 2},     {15, 0, 1},     {1, 0, 1},
        {0, 0, 1},       {60000, 512, 512}, {60000, 100, 100}, {799, 100, 64}, {800, 100, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(pal_train_default_batch(cases[i][0], cases[i][1]), cases[i][2]);
}
END_TEST

Suite *longer_suite(void)
{
    Suite *suite = suite_create("longer");
    TCase *tests = in_own_folder(tcase_create("longer"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_checked_fixture(tests, set_up_phased, NULL);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, it_is_the_run_with_more_epochs, 0, KINDS);
    tcase_add_loop_test(tests, killed_while_extended, 0, KINDS);
    tcase_add_test(tests, the_folder_keeps_the_history);
    tcase_add_test(tests, a_cosine_is_planned_anew);
    tcase_add_test(tests, phases_that_have_ended_stay);
    tcase_add_test(tests, the_last_epoch_before_was_measured);
    tcase_add_test(tests, what_cannot_grow_is_refused);
    tcase_add_test(tests, the_default_batch);
    suite_add_tcase(suite, tests);
    return suite;
}
