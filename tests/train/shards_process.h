/* shards_process.h - a process that trains into a folder together with others, and may be told to stop, to spoil
 * something or to die. */
#ifndef PAL_TESTS_SHARDS_PROCESS_H
#define PAL_TESTS_SHARDS_PROCESS_H

#include <limits.h>
#include <time.h>

#include "tests/processes.h"
#include "tests/train/runs.h"

enum { PROCESSES = 4, SHARDS = 4, BATCH = 8, EPOCHS = 5 };

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
typedef enum deed { NOTHING, STOPS, SPOILS_CHECKPOINT, SPOILS_END, SPOILS_DATA, DIES } deed;

typedef struct process {
    const kind *of;
    int64_t shards;
    bool resume, apart; /* apart: its folder is opened by one alone */
    double seconds;     /* time_limit */
    uint64_t seed, weights;
    char folder[PATH_ROOM], data[PATH_ROOM], test[PATH_ROOM];
    deed does;
    int64_t epoch, step; /* when; step 0: at the end of the epoch */
    long left;           /* so many requests of memory succeed in pal_train; 0: all */
    meter memory;
    int64_t pause; /* in each report, nanoseconds */
    pal_communicator *communicator, outer;
    bool dead;
    pal_dataset *train;
    int64_t steps;  /* of an epoch */
    int64_t epochs; /* that its handle of the folder has */
    pal_status status;
    pal_train_result result;
    pal_error err;
} process;

/* A folder is where the file is to be. */
static inline void spoil(process *p, const char *name)
{
    char path[2 * PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    unlink(path);
    mkdir(path, 0777);
}

static inline int watch(const pal_progress *at, void *user)
{
    process *p = user;
    if (p->pause) nanosleep(&(struct timespec){.tv_nsec = p->pause}, NULL);
    /* Reports come at most every 0.1 s: wait, so that every step is reported. */
    if (p->step && at->epoch >= p->epoch - 1 && at->epoch <= p->epoch)
        nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
    if (at->epoch != p->epoch || (p->step ? at->step != p->step : !at->finished)) return 0;
    if (p->does == SPOILS_CHECKPOINT) spoil(p, "checkpoint.safetensors");
    if (p->does == SPOILS_END) spoil(p, "run.json");
    if (p->does == SPOILS_DATA) p->train->count = 1;
    if (p->does == DIES) p->dead = true;
    return p->does == STOPS;
}

/* A communicator that ends when its process is to die. */
static inline bool ends(process *p)
{
    if (p->dead && p->communicator) pal_communicator_close(p->communicator, true);
    if (p->dead) p->communicator = NULL;
    return p->dead;
}
static inline int start(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    process *p = self;
    return ends(p) ? -1 : p->communicator->start(p->communicator->self, to, out, from, in, bytes, tag);
}
static inline int test(void *self, int ticket)
{
    process *p = self;
    return ends(p) ? -1 : p->communicator->test(p->communicator->self, ticket);
}
static const char *why(void *self)
{
    process *p = self;
    return ends(p) ? "this process has ended" : p->communicator->why(p->communicator->self);
}
static inline void leave(pal_communicator *c, bool failed)
{
    process *p = c->self;
    if (p->communicator) pal_communicator_close(p->communicator, failed);
}

static inline pal_rundir *folder_of(process *p, const pal_variant *v, pal_context *c, const pal_communicator *all)
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
    if (p->apart) return pal_rundir_new(p->folder, &info, &p->err);
    return p->resume ? pal_rundir_extend_together(p->folder, all, &p->err)
                     : pal_rundir_new_together(p->folder, &info, all, &p->err);
}

static inline void *train(void *user)
{
    process *p = user;
    const kind *k = p->of;
    const bool minimises = pal_train_minimises(k->optimizer);
    pal_communicator *all = p->communicator ? &p->outer : NULL;
    if (all)
        p->outer =
            (pal_communicator){sizeof *all, p->communicator->rank, p->communicator->size, p, start, test, why, leave};
    p->memory.left = LONG_MAX;
    pal_context *c = metered_context(&p->memory);
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
    if (p->left) p->memory.left = p->left;
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
static inline void prepare(int n, const kind *k, const char *name, process *out)
{
    pal_communicator *c[PROCESSES];
    set_up_phased();
    pal_dataset_free(data_of(SAMPLES, "data"));
    pal_dataset_free(data_of(30, "test"));
    connect_processes(n, c);
    for (int i = 0; i < n; i++) {
        out[i] = (process){.of = k, .shards = SHARDS, .seed = 3, .weights = 7, .communicator = c[i]};
        snprintf(out[i].folder, PATH_ROOM, "%s", path_of(name));
        snprintf(out[i].data, PATH_ROOM, "%s", path_of("data.npy"));
        snprintf(out[i].test, PATH_ROOM, "%s", path_of("test.npy"));
    }
}

static inline void run(int n, process *p) { run_processes(n, train, p, sizeof *p); }

/* All have ended alike. */
static inline void all_say(int n, const process *p, pal_status status, const char *saying)
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

#endif
