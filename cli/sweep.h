/* sweep.h - the data that the two files of `palindrome sweep` share. */
#ifndef PAL_CLI_SWEEP_H
#define PAL_CLI_SWEEP_H

#include "cli/cli.h"

enum { SWEEP_PATH = 4096, SWEEP_VALUES = 64, SWEEP_NAME = 256, SWEEP_LIST = 1024, SWEEP_FIGURES = 16 };

typedef struct pal_cli_sweep_job {
    pal_cli_args args;
    const pal_variant *variant;
    pal_context *context;
    pal_dataset *test, *train; /* train: for the first pass */
    char lists[PAL_SWEEP_AXES][SWEEP_LIST], out[SWEEP_PATH];
    const char *values[PAL_SWEEP_AXES][SWEEP_VALUES];
    pal_sweep_axis axes[PAL_SWEEP_AXES];
    size_t n_axes;
    int64_t seeds, first;
    bool quiet, json, terminal;
    int status; /* exit status of the run that ended the sweep */
} pal_cli_sweep_job;

/* sweep_report.c: the figures that are compared, their names, and their values for one run. */
extern const size_t pal_cli_sweep_figures;
const char *pal_cli_sweep_figure(size_t i, bool heading);
void pal_cli_sweep_take(const pal_figures *found, double *figures);

/* Writes "lambda 0.1, hidden 64", or for a folder "lambda-0.1-hidden-64". */
void pal_cli_sweep_describe(const pal_setting *settings, size_t n, bool folder, char *out);
void pal_cli_sweep_folder(const pal_cli_sweep_job *job, const pal_setting *settings, uint64_t seed, char *out);
/* Prints the table, and writes it and the picture of the filters. ended: why the sweep ended early. Returns the exit
 * status. */
int pal_cli_sweep_report(pal_cli_sweep_job *job, const pal_sweep *sweep, const pal_error *ended);

#endif
