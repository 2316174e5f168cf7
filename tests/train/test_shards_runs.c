/* test_shards_runs.c - runs that several processes, which are threads here, train into one folder: written once,
 * stopped together, and resumed by another number of processes with the bits of a run that was never interrupted. */
#include <time.h>

#include "tests/train/shards.h"

Suite *shards_runs_suite(void);

enum { BATCH = 8, EPOCHS = 5 };

/* ---- Processes -------------------------------------------------------------------------------------------------- */

typedef struct kind { /* of a run */
    const char *variant, *optimizer, *schedule, *average;
    int64_t patience, accumulate;
} kind;

static const kind kinds[] = {
    {"basic", "adam", "cosine", NULL, 0, 1},      {"denoising", "lion", "plateau", "exponential", 0, 2},
    {"phased", "rmsprop", "step", NULL, 0, 1},    {"phased", "amsgrad", "one-cycle", "equal", 0, 2},
    {"basic", "adam", "constant", "equal", 2, 1}, {"phased", "schedule-free", "constant", NULL, 0, 1},
    {"basic", "lbfgs", "constant", NULL, 0, 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* What happens in the callback of one process. */
typedef enum deed { NOTHING, STOPS, SPOILS_FOLDER, SPOILS_DATA, DIES } deed;

typedef struct process {
    const kind *of;
    int64_t shards;
    bool resume;
    double seconds; /* time_limit */
    uint64_t seed, weights;
    char folder[PATH_ROOM], data[PATH_ROOM], test[PATH_ROOM];
    deed does;
    int64_t epoch, step; /* when; step 0: at the end of the epoch */
    int64_t pause;       /* in each report, nanoseconds */
    pal_communicator *communicator, outer;
    bool dead;
    pal_dataset *train;
    int64_t steps;  /* of an epoch */
    int64_t epochs; /* that its handle of the folder has */
    pal_status status;
    pal_train_result result;
    pal_error err;
} process;

static void spoil(process *p)
{
    char path[2 * PATH_ROOM];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", p->folder);
    unlink(path);
    mkdir(path, 0777);
}

static int watch(const pal_progress *at, void *user)
{
    process *p = user;
    if (p->pause) nanosleep(&(struct timespec){.tv_nsec = p->pause}, NULL);
    /* Reports come at most every 0.1 s: wait, so that every step is reported. */
    if (p->step && at->epoch >= p->epoch - 1 && at->epoch <= p->epoch)
        nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
    if (at->epoch != p->epoch || (p->step ? at->step != p->step : !at->finished)) return 0;
    if (p->does == SPOILS_FOLDER) spoil(p);
    if (p->does == SPOILS_DATA) p->train->count = 1;
    if (p->does == DIES) p->dead = true;
    return p->does == STOPS;
}

/* A communicator that ends when its process is to die. */
static bool ends(process *p)
{
    if (p->dead && p->communicator) pal_communicator_close(p->communicator, true);
    if (p->dead) p->communicator = NULL;
    return p->dead;
}
static int start(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    process *p = self;
    return ends(p) ? -1 : p->communicator->start(p->communicator->self, to, out, from, in, bytes, tag);
}
static int test(void *self, int ticket)
{
    process *p = self;
    return ends(p) ? -1 : p->communicator->test(p->communicator->self, ticket);
}
static const char *why(void *self)
{
    process *p = self;
    return ends(p) ? "this process has ended" : p->communicator->why(p->communicator->self);
}
static void leave(pal_communicator *c, bool failed)
{
    process *p = c->self;
    if (p->communicator) pal_communicator_close(p->communicator, failed);
}

static pal_rundir *folder_of(process *p, const pal_variant *v, pal_context *c, const pal_communicator *all)
{
    const pal_run_info info = {.version = "1",
                               .command = "c",
                               .model = v->name,
                               .data = "d",
                               .epochs = EPOCHS,
                               .batch = BATCH,
                               .seed = 3,
                               .isa = pal_context_isa(c),
                               .blas = pal_context_blas(c),
                               .subnormals = "flushed",
                               .shards = p->shards > 1 ? p->shards : 0};
    return p->resume ? pal_rundir_extend_together(p->folder, all, &p->err)
                     : pal_rundir_new_together(p->folder, &info, all, &p->err);
}

static void *train(void *user)
{
    process *p = user;
    const kind *k = p->of;
    const bool minimises = pal_train_minimises(k->optimizer);
    pal_communicator *all = p->communicator ? &p->outer : NULL;
    if (all)
        p->outer =
            (pal_communicator){sizeof *all, p->communicator->rank, p->communicator->size, p, start, test, why, leave};
    pal_context *c = context_with(1);
    const pal_variant *v = pal_variant_find(k->variant);
    const pal_setting hidden = {"hidden", "5"};
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer,
                                             .name = k->optimizer,
                                             .average = k->average,
                                             .rates = k->average ? "encoder=0.5" : NULL};
    const pal_schedule schedule = {.name = k->schedule,
                                   .learning_rate = k->patience ? 0.3 : 0.02,
                                   .factor = 0.5,
                                   .every = 5,
                                   .warmup = 6,
                                   .patience = 1};
    p->train = pal_dataset_open(c, p->data, PAL_SPLIT_TRAIN, &p->err);
    pal_dataset *measured = pal_dataset_open(c, p->test, PAL_SPLIT_TRAIN, &p->err);
    pal_model *model = pal_model_new(c, v, &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, p->weights, &p->err);
    pal_rundir *dir = folder_of(p, v, c, all);
    const pal_train_options o = {
        .struct_size = sizeof o,
        .test = measured,
        .epochs = EPOCHS,
        .batch = BATCH,
        .accumulate = k->accumulate,
        .seed = p->seed,
        .lanes = 1,
        .optimizer =
            minimises ? &(pal_optimizer_options){.struct_size = sizeof optimizer, .name = k->optimizer} : &optimizer,
        .schedule = &schedule,
        .folder = dir,
        .progress = watch,
        .user = p,
        .resume = p->resume,
        .gradient_sizes = true,
        .patience = k->patience,
        .keep_best = true,
        .time_limit = p->seconds,
        .shards = p->resume ? 0 : p->shards,
        .communicator = all};
    p->status = p->err.status;
    if (p->train) p->steps = p->train->count / BATCH / k->accumulate;
    if (dir && !p->status) p->status = pal_train(model, p->train, &o, &p->result, &p->err);
    if (dir) p->epochs = (int64_t)pal_rundir_epoch_count(dir);
    pal_communicator_close(all, p->status == PAL_ERR_PEER);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(measured);
    pal_dataset_free(p->train);
    pal_context_free(c);
    return NULL;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

/* Processes that do nothing but train. */
static void prepare(int n, const kind *k, const char *name, process *out)
{
    pal_communicator *c[PROCESSES];
    set_up_phased();
    pal_dataset_free(data_of(SAMPLES, "data"));
    pal_dataset_free(data_of(30, "test"));
    connect(n, c);
    for (int i = 0; i < n; i++) {
        out[i] = (process){.of = k, .shards = SHARDS, .seed = 3, .weights = 7, .communicator = c[i]};
        snprintf(out[i].folder, PATH_ROOM, "%s", path_of(name));
        snprintf(out[i].data, PATH_ROOM, "%s", path_of("data.npy"));
        snprintf(out[i].test, PATH_ROOM, "%s", path_of("test.npy"));
    }
}

static void run(int n, process *p) { in_threads(n, train, p, sizeof *p); }

/* All have ended alike. */
static void all_say(int n, const process *p, pal_status status, const char *saying)
{
    for (int i = 0; i < n; i++) {
        ck_assert_msg(p[i].status == status && strstr(p[i].err.text, saying), "process %d: %d %s, not %s", i,
                      (int)p[i].status, p[i].err.text, saying);
        ck_assert_int_eq(p[i].result.steps, p->result.steps);
        ck_assert_int_eq(p[i].epochs, p->epochs);
        ck_assert_mem_eq(&p[i].result.train_loss, &p->result.train_loss, sizeof(double));
        ck_assert_mem_eq(&p[i].result.test_loss, &p->result.test_loss, sizeof(double));
    }
}

static void whole(int n, const kind *k, const char *name)
{
    process p[PROCESSES];
    prepare(n, k, name, p);
    run(n, p);
    all_say(n, p, PAL_OK, "");
}

static void resume(int n, const kind *k, const char *name)
{
    process p[PROCESSES];
    prepare(n, k, name, p);
    for (int i = 0; i < n; i++) { /* other weights: the checkpoint replaces them */
        p[i].resume = true;
        p[i].weights = 99 + (uint64_t)i;
    }
    run(n, p);
    all_say(n, p, PAL_OK, "");
}

/* The last process does this at the end of epoch 2. */
static void one_does(int n, deed does, process *p)
{
    prepare(n, kinds, "run", p);
    const int who = does == SPOILS_FOLDER ? 0 : n - 1;
    p[who].does = does;
    p[who].epoch = 2;
    run(n, p);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

START_TEST(the_folder_is_the_same_for_any_number_of_processes)
{
    const kind *k = &kinds[_i];
    char name[16];
    whole(1, k, "alone");
    for (int n = 2; n <= PROCESSES; n++) {
        snprintf(name, sizeof name, "run-%d", n);
        whole(n, k, name);
        same_runs("alone", name);
    }
}
END_TEST

static const int numbers[][2] = {{4, 1}, {1, 2}, {2, 3}};

/* In the middle of an epoch, and later at the end of one. */
START_TEST(another_number_of_processes_goes_on)
{
    const kind *k = &kinds[_i];
    process p[PROCESSES];
    whole(1, k, "whole");
    for (size_t t = 0; t < sizeof numbers / sizeof *numbers; t++) {
        const int n = numbers[t][0];
        const bool minimises = pal_train_minimises(k->optimizer);
        char name[16];
        snprintf(name, sizeof name, "cut-%zu", t);
        prepare(n, k, name, p);
        p[n - 1].does = STOPS;
        p[n - 1].epoch = 2;
        p[n - 1].step = minimises ? 0 : 1;
        run(n, p);
        all_say(n, p, PAL_ERR_STOPPED, "stopped by the caller");
        const int64_t epoch = p->steps;
        ck_assert_int_gt(p->result.steps, epoch);
        ck_assert_int_lt(p->result.steps, EPOCHS * epoch);
        if (!minimises && k->accumulate == 1) ck_assert_int_eq(p->result.steps, epoch + 1 + (n > 1));
        prepare(numbers[t][1], k, name, p);
        for (int i = 0; i < numbers[t][1]; i++) p[i].resume = true;
        p->does = STOPS;
        p->epoch = 3;
        run(numbers[t][1], p);
        all_say(numbers[t][1], p, PAL_ERR_STOPPED, "stopped by the caller");
        ck_assert_int_eq(p->result.steps, 3 * epoch);
        resume(n, k, name);
        same_runs("whole", name);
    }
}
END_TEST

START_TEST(the_clock_of_the_first_process_counts)
{
    process p[PROCESSES];
    whole(1, kinds, "whole");
    prepare(3, kinds, "run", p);
    for (int i = 0; i < 3; i++) p[i].seconds = 0.2;
    p[1].pause = 70000000; /* after three epochs */
    run(3, p);
    all_say(3, p, PAL_OK, "");
    for (int i = 0; i < 3; i++) ck_assert_str_eq(p[i].result.ended, "time");
    ck_assert_int_lt(p->result.steps, EPOCHS * p->steps);
    resume(2, kinds, "run");
    same_runs("whole", "run");
}
END_TEST

START_TEST(a_failure_of_one_is_told_by_all)
{
    process p[PROCESSES];
    one_does(3, SPOILS_FOLDER, p);
    all_say(3, p, p->status, "process 0 of 3: ");
    all_say(3, p, p->status, "checkpoint.safetensors");
    ck_assert(p->status != PAL_OK);
}
END_TEST

START_TEST(a_batch_that_fails_in_one_process_fails_in_all)
{
    process p[PROCESSES];
    one_does(4, SPOILS_DATA, p);
    all_say(4, p, p->status, "process 3 of 4: ");
    all_say(4, p, p->status, "could not be gathered");
    ck_assert(p->status != PAL_OK);
    resume(2, kinds, "run"); /* from the end of epoch 2 */
    whole(1, kinds, "whole");
    same_runs("whole", "run");
}
END_TEST

START_TEST(the_end_of_a_process_ends_all)
{
    process p[PROCESSES];
    pal_error err = {0};
    one_does(4, DIES, p);
    for (int i = 0; i < 4; i++) ck_assert_msg(p[i].status == PAL_ERR_PEER, "%d %s", (int)p[i].status, p[i].err.text);
    for (int i = 0; i < 3; i++) ck_assert_msg(strstr(p[i].err.text, "process 3 of 4") != NULL, "%s", p[i].err.text);
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "failed");
    pal_rundir_free(dir);
    resume(3, kinds, "run");
    whole(1, kinds, "whole");
    same_runs("whole", "run");
}
END_TEST

START_TEST(unequal_processes_are_refused)
{
    process p[PROCESSES];
    prepare(3, kinds, "a", p);
    p[2].seed = 4;
    run(3, p);
    all_say(3, p, PAL_ERR_ARGUMENT, "process 2 of 3 has other settings");
    prepare(3, kinds, "b", p);
    snprintf(p[1].data, PATH_ROOM, "%s", p->test);
    run(3, p);
    all_say(3, p, PAL_ERR_ARGUMENT, "process 1 of 3 has other data");
    prepare(2, kinds, "c", p);
    p[1].weights = 8;
    run(2, p);
    all_say(2, p, PAL_ERR_ARGUMENT, "process 1 of 2 has other weights");
}
END_TEST

START_TEST(a_process_without_a_shard_is_refused)
{
    process p[PROCESSES];
    prepare(4, kinds, "run", p);
    for (int i = 0; i < 4; i++) p[i].shards = 2;
    run(4, p);
    all_say(4, p, PAL_ERR_ARGUMENT, "2 shards for 4 processes: give --shards 4 or more");
    prepare(2, kinds, "good", p);
    for (int i = 0; i < 2; i++) p[i].shards = 2;
    run(2, p);
    all_say(2, p, PAL_OK, "");
    prepare(3, kinds, "good", p);
    for (int i = 0; i < 3; i++) p[i].resume = true;
    run(3, p);
    all_say(3, p, PAL_ERR_ARGUMENT, "2 shards for 3 processes");
}
END_TEST

START_TEST(a_folder_that_one_process_cannot_make_is_refused_by_all)
{
    process p[PROCESSES];
    whole(2, kinds, "run");
    prepare(3, kinds, "run", p);
    run(3, p);
    all_say(3, p, PAL_ERR_EXISTS, "already exists");
    prepare(3, kinds, "nothing", p);
    for (int i = 0; i < 3; i++) p[i].resume = true;
    run(3, p);
    all_say(3, p, PAL_ERR_IO, "give the folder of a run");
}
END_TEST

START_TEST(the_shards_are_recorded_only_if_a_batch_is_cut)
{
    static char text[ROOM];
    process p[PROCESSES];
    whole(2, kinds, "cut");
    text[read_file(path_of("cut/run.json"), text, ROOM - 1)] = 0;
    ck_assert_ptr_nonnull(strstr(text, "\"shards\": 4"));
    prepare(1, kinds, "whole", p);
    p->shards = 1;
    run(1, p);
    text[read_file(path_of("whole/run.json"), text, ROOM - 1)] = 0;
    ck_assert_ptr_null(strstr(text, "shards"));
}
END_TEST

Suite *shards_runs_suite(void)
{
    Suite *suite = suite_create("shards_runs");
    TCase *tests = in_own_folder(tcase_create("shards_runs"));
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, the_folder_is_the_same_for_any_number_of_processes, 0, KINDS);
    tcase_add_loop_test(tests, another_number_of_processes_goes_on, 0, KINDS);
    tcase_add_test(tests, the_clock_of_the_first_process_counts);
    tcase_add_test(tests, a_failure_of_one_is_told_by_all);
    tcase_add_test(tests, a_batch_that_fails_in_one_process_fails_in_all);
    tcase_add_test(tests, the_end_of_a_process_ends_all);
    tcase_add_test(tests, unequal_processes_are_refused);
    tcase_add_test(tests, a_process_without_a_shard_is_refused);
    tcase_add_test(tests, a_folder_that_one_process_cannot_make_is_refused_by_all);
    tcase_add_test(tests, the_shards_are_recorded_only_if_a_batch_is_cut);
    suite_add_tcase(suite, tests);
    return suite;
}
