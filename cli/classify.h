/* classify.h - the data that the two files of `palindrome classify` share: the request and the results. */
#ifndef PAL_CLI_CLASSIFY_H
#define PAL_CLI_CLASSIFY_H

#include "cli/cli.h"

typedef enum pal_cli_features { PAL_CLI_HEAD, PAL_CLI_CODES, PAL_CLI_INPUTS, PAL_CLI_FEATURES } pal_cli_features;

extern const char *const pal_cli_features_names[PAL_CLI_FEATURES];

typedef struct pal_cli_answers { /* results on the test samples, with one set of features */
    bool wanted;
    int64_t draws;              /* 1 for the head */
    pal_classification *result; /* [draws] */
    int64_t *confusion;         /* [classes, classes]: label, answer; the sum over all draws */
} pal_cli_answers;

typedef struct pal_cli_classify_job {
    pal_cli_args args;
    pal_cli_run run; /* data: the test samples */
    pal_dataset *train;
    int64_t labels, draws, seed;
    bool trains; /* codes or pixels are wanted, which need a classifier to be trained */
    int64_t classes;
    pal_cli_answers answers[PAL_CLI_FEATURES];
} pal_cli_classify_job;

/* Prints the table or the JSON document and draws the picture at path. Returns the exit status. */
int pal_cli_classify_report(const pal_cli_classify_job *job, const char *path);

#endif
