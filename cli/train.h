/* train.h - what the files of `palindrome train` share: one training, new or resumed, from the arguments to the end. */
#ifndef PAL_CLI_TRAIN_H
#define PAL_CLI_TRAIN_H

#include <limits.h>

#include "autograd/operation.h"
#include "cli/data.h"

/* Settings that train/defaults.c chooses if they are not given. */
enum { PAL_CLI_CHOSEN = 5, PAL_CLI_MEMORY_WORDS = 320, PAL_CLI_KEPT = 6 };

typedef struct pal_cli_job {
    pal_cli_args args;
    const pal_variant *variant;
    pal_context *context;
    pal_dataset *train, *test; /* test: what training is measured on, the validation samples if there are any */
    bool validated;
    char words[PAL_CLI_DATA_WORDS]; /* what was read */
    pal_cli_data options;
    pal_model *model;
    pal_rundir *dir;
    pal_run_info info;
    char data[PATH_MAX], from[PATH_MAX], command[8192];
    char memory[PAL_CLI_MEMORY_WORDS]; /* what it needs, in words; "": not known */
    double time_limit;                 /* as in pal_run_info */
    pal_error *why;                    /* receives the reason if training ends early; NULL: the reason is printed */
    const char *extend;                /* as in pal_train_options */
    pal_train_settings settings;
    pal_fingerprint fingerprint;
    char from_weights[PAL_HASH_TEXT];
    char chosen[PAL_CLI_CHOSEN][32];
    char libc[32];
    struct pal_cli_like *like;     /* what --like or --config has brought; NULL: neither was given */
    char kept[PAL_CLI_KEPT][4096]; /* the texts of the optimizer and the schedule, for a resumed run */
} pal_cli_job;

/* train.c: opens everything that the arguments of j name, checks all of them, and fills j->info. PAL_CLI_GO_ON, or the
 * exit status. */
int pal_cli_job_prepare(pal_cli_job *j);
/* train_run.c: makes the folder of a new run, trains, and prints what came of it. Returns the exit status. */
int pal_cli_job_run(pal_cli_job *j);
void pal_cli_job_free(pal_cli_job *j); /* which calloc has made */

/* train_open.c: the path from the root, or with a warning the path as it is. */
void pal_cli_full_path(const char *path, char out[PATH_MAX]);

/* train_open.c. Each returns PAL_CLI_GO_ON, or the exit status with the error printed. */
/* Fills train, test and data. resumed: by the options of j->info, else by those of the arguments. */
int pal_cli_job_data(pal_cli_job *j, const char *path, int64_t limit, bool resumed);
/* Copies the weights of the run `from` in place of the initial ones. from NULL: does nothing. */
int pal_cli_job_weights(pal_cli_job *j, const char *from);
int pal_cli_job_resume(pal_cli_job *j);                        /* opens the run of --resume, its data and its model */
bool pal_cli_is_solved(const pal_setting *settings, size_t n); /* whether the model is solved in closed form */

/* train.c: a pal_cli_value_fn; user: a pal_cli_job. */
const char *pal_cli_job_value(const char *name, const void *user);
/* like.c: takes the model, its settings and the options of training from the run of --like or the file of --config, if
 * one is given, where the command line does not give them. PAL_CLI_GO_ON, or the exit status. */
int pal_cli_like_take(pal_cli_job *j, int argc, char **argv);
/* How many of the settings of the model were given on the command line; the others were taken. */
size_t pal_cli_like_given(const pal_cli_job *j);
/* When the model is made: warns if the data or the first weights are no longer those of the run, says in one line what
 * was taken, and writes the command that does the same without the other run. */
void pal_cli_like_tell(pal_cli_job *j);
void pal_cli_like_free(pal_cli_job *j);

/* stopping.c: reads --time, and refuses a patience that ends training before a plateau schedule has an effect.
 * PAL_CLI_GO_ON, or the exit status. */
int pal_cli_check_stopping(const pal_cli_args *args, const pal_variant *variant, double *time_limit);
/* A time such as 90s, 10m, 1h30m or 45, as seconds. false: it is none. */
bool pal_cli_seconds(const char *text, double *out);
const char *pal_cli_duration(double seconds, char *out, size_t size); /* "1h30m"; returns out */

/* memory.c: writes what a training needs to `words`, "" if that is not known, and refuses what the limit does not
 * allow. PAL_CLI_GO_ON, or the exit status. */
typedef struct pal_cli_planned { /* a training that is planned */
    const pal_variant *variant;
    const pal_setting *settings;
    size_t n_settings;
    const pal_dataset *train;
    const pal_train_options *options;
} pal_cli_planned;
int pal_cli_check_memory(const pal_cli_args *args, const pal_cli_planned *planned, char words[PAL_CLI_MEMORY_WORDS]);
/* train_open.c: the same for a new training with the options of the command line. */
int pal_cli_check_new_memory(const pal_cli_args *args, const pal_variant *variant, const pal_setting *settings,
                             size_t n, const pal_dataset *train, const pal_dataset *test,
                             char words[PAL_CLI_MEMORY_WORDS]);
void pal_cli_say_memory(const pal_cli_job *j); /* prints j->memory, as wide as the bar of the progress */

/* ---- profile.c: where the time of a step goes ------------------------------------------------------------------ */

enum { PAL_CLI_PROFILE_NAME = 96, PAL_CLI_PROFILE_SCOPE = 160 };

typedef struct pal_cli_cost { /* the steps of a program that have one name and one scope */
    char name[PAL_CLI_PROFILE_NAME], scope[PAL_CLI_PROFILE_SCOPE];
    double calls, seconds, flops, bytes; /* of one training step */
} pal_cli_cost;

typedef struct pal_cli_phase_profile {
    char phase[32];
    int64_t steps;
    double seconds;    /* of a training step, with what is between two of them */
    double waited;     /* of these, for messages of other processes */
    size_t memory;     /* bytes that a step touches */
    uint64_t barriers; /* of a step */
    pal_speed speed;
    pal_cli_cost *costs; /* the slowest first */
    size_t n;
} pal_cli_phase_profile;

typedef struct pal_cli_profile {
    pal_context *context; /* which is measured, too */
    pal_cli_phase_profile *phases;
    size_t n;
    bool lost; /* there was no memory for a part of it */
} pal_cli_profile;

void pal_cli_profile_take(const pal_profile *profile, void *pal_cli_profile); /* a pal_profile_fn */
void pal_cli_profile_print(const pal_cli_profile *profile);
json_t *pal_cli_profile_json(const pal_cli_profile *profile);
void pal_cli_profile_free(pal_cli_profile *profile);

#endif
