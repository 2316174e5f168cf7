/* train.h - what the files of `palindrome train` share: one training, new or resumed, from the arguments to the end. */
#ifndef PAL_CLI_TRAIN_H
#define PAL_CLI_TRAIN_H

#include <limits.h>

#include "autograd/operation.h"
#include "cli/data.h"

/* Settings that train/defaults.c chooses if they are not given. */
enum { PAL_CLI_CHOSEN = 5, PAL_CLI_MEMORY_WORDS = 256, PAL_CLI_KEPT = 6 };

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
    pal_error *why;                    /* receives the reason if training ends early; NULL: the reason is printed */
    const char *extend;                /* as in pal_train_options */
    pal_train_settings settings;
    pal_fingerprint fingerprint;
    char from_weights[PAL_HASH_TEXT];
    char chosen[PAL_CLI_CHOSEN][32];
    char libc[32];
    char kept[PAL_CLI_KEPT][4096]; /* the texts of the optimizer and the schedule, for a resumed run */
} pal_cli_job;

/* train.c: opens everything that the arguments of j name, checks all of them, and fills j->info. PAL_CLI_GO_ON, or the
 * exit status. */
int pal_cli_job_prepare(pal_cli_job *j);
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
/* The same for a new training with the options of the command line. */
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
