/* graph_record.h - a model, recorded with a small batch: what `graph` draws and `explain` writes as mathematics. */
#ifndef PAL_CLI_GRAPH_RECORD_H
#define PAL_CLI_GRAPH_RECORD_H

#include "cli/cli.h"

typedef struct pal_cli_recording {
    const char *verb; /* for messages */
    pal_context *context;
    pal_model *model;
    pal_tensor *batch, *classes; /* x; and y, if the loss takes labels */
    pal_tape *tape;
    pal_var corrupted;         /* x as the loss sees it; a bad handle if it is not corrupted */
    pal_var loss, squares;     /* squares: |gradient|^2, at order 2 alone; else a bad handle */
    pal_var *leaves, *outputs; /* outputs: the loss, if it is drawn, and the gradient of each leaf */
    char (*labels)[128];
    const char **names;
    size_t n, n_outputs;
    pal_program *times; /* the program that --time has run, else NULL */
    double seconds;     /* the time of one run */
} pal_cli_recording;

/* Makes the model of the variant, and records it with so many samples and derivatives up to this order. most:
 * bytes, 0: no limit. dry: values take no memory, and nothing can be run. Says what is wrong and returns the exit
 * status, or PAL_CLI_GO_ON. Close the recording in either case. */
int pal_cli_recording_open(pal_cli_recording *recording, const char *verb, const pal_cli_args *args,
                           const pal_variant *variant, int64_t samples, int64_t order, size_t most, bool dry);
void pal_cli_recording_close(pal_cli_recording *recording);
int pal_cli_recording_say(const pal_cli_recording *recording); /* the tape's error; returns PAL_CLI_FAILED */

#endif
