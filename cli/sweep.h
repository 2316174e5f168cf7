/* sweep.h - the data that the two files of `palindrome sweep` share. */
#ifndef PAL_CLI_SWEEP_H
#define PAL_CLI_SWEEP_H

#include "cli/cli.h"

enum { SWEEP_PATH = 4096, SWEEP_VALUES = 64, SWEEP_NAME = 256, SWEEP_LIST = 1024, SWEEP_FIGURES = 24 };

typedef struct pal_cli_sweep_job {
    pal_cli_args args;
    const pal_variant *variant;
    pal_context *context;
    pal_dataset *test, *train; /* train: for the first pass */
    char lists[PAL_SWEEP_AXES][SWEEP_LIST], out[SWEEP_PATH];
    const char *values[PAL_SWEEP_AXES][SWEEP_VALUES];
    pal_sweep_axis axes[PAL_SWEEP_AXES];
    size_t n_axes;
    char terms[PAL_TERMS][32]; /* the parts of the loss that the variant names, as in pal_figures */
    size_t n_terms;
    int64_t seeds, first;
    bool quiet, json, terminal;
    int status;                        /* exit status of the run that ended the sweep */
    struct pal_cli_sweep_share *share; /* NULL: this process is alone */
} pal_cli_sweep_job;

/* ---- sweep_train.c: one training ------------------------------------------------------------------------------ */

bool pal_cli_sweep_is_axis(const pal_cli_sweep_job *job, const char *name);
/* The settings of the variant in one row: those that vary in the sweep, and those that are the same in all rows. */
size_t pal_cli_sweep_settings(const pal_cli_sweep_job *job, const pal_setting *chosen, size_t n, pal_setting *out);
/* Runs `palindrome train MODEL` with these settings, as if the user had typed it. */
int pal_cli_sweep_train(const pal_cli_sweep_job *job, const pal_sweep_run *run, const char *folder, pal_error *why);

/* ---- sweep_share.c: several processes ------------------------------------------------------------------------- */

typedef struct pal_cli_sweep_share pal_cli_sweep_share;
/* All processes call it together. NULL: this process is alone; or *status is the exit status, with the error printed.
 */
pal_cli_sweep_share *pal_cli_sweep_share_new(size_t runs, int *status);
void pal_cli_sweep_share_free(pal_cli_sweep_share *share);
/* A share that is NULL has one process. */
bool pal_cli_sweep_is_mine(const pal_cli_sweep_share *share, const pal_sweep_run *run);
bool pal_cli_sweep_is_over(pal_cli_sweep_share *share); /* process 0 has said that the sweep ends */
/* Sends the figures of a training, or why it ends the sweep, to process 0. Returns `status`, or that of sending. */
pal_status pal_cli_sweep_send(pal_cli_sweep_share *share, const pal_cli_sweep_job *job, const pal_sweep_run *run,
                              pal_status status, pal_error *err);
/* Process 0 waits for the figures of a training of another process; elsewhere it does nothing. */
pal_status pal_cli_sweep_receive(pal_cli_sweep_share *share, pal_cli_sweep_job *job, const pal_sweep_run *run,
                                 pal_error *err);
/* After the last training: all wait until all have ended. */
pal_status pal_cli_sweep_end(pal_cli_sweep_share *share, pal_error *err);

/* sweep_report.c: the figures that are compared, their names, and their values for one run. */
size_t pal_cli_sweep_figures(const pal_cli_sweep_job *job);
const char *pal_cli_sweep_figure(const pal_cli_sweep_job *job, size_t i);
const char *pal_cli_sweep_heading(const pal_cli_sweep_job *job, size_t i, char *out, size_t size);
void pal_cli_sweep_take(const pal_cli_sweep_job *job, const pal_figures *found, double *figures);
/* Adds the names of the parts of this model's loss. */
void pal_cli_sweep_find_terms(pal_cli_sweep_job *job, pal_model *model);

/* Writes "lambda 0.1, hidden 64", or for a folder "lambda-0.1-hidden-64". */
void pal_cli_sweep_describe(const pal_setting *settings, size_t n, bool folder, char *out);
void pal_cli_sweep_folder(const pal_cli_sweep_job *job, const pal_setting *settings, uint64_t seed, char *out);
/* Prints the table, and writes it and the picture of the filters. ended: why the sweep ended early. Returns the exit
 * status. */
int pal_cli_sweep_report(pal_cli_sweep_job *job, const pal_sweep *sweep, const pal_error *ended);

#endif
