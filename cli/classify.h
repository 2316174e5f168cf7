/* classify.h - what the two files of `palindrome classify` share: what was asked for, and what came out. */
#ifndef PAL_CLI_CLASSIFY_H
#define PAL_CLI_CLASSIFY_H

#include "cli/cli.h"

typedef enum pal_cli_features { PAL_CLI_HEAD, PAL_CLI_CODES, PAL_CLI_INPUTS, PAL_CLI_FEATURES } pal_cli_features;

extern const char *const pal_cli_features_names[PAL_CLI_FEATURES];

typedef struct pal_cli_answers { /* to the test samples, by one set of features */
    bool wanted;
    int64_t draws;              /* 1 of the head */
    pal_classification *result; /* [draws] */
    int64_t *confusion;         /* [classes, classes], all draws together */
} pal_cli_answers;

typedef struct pal_cli_classify_job {
    pal_cli_args args;
    pal_cli_run run; /* data: the test samples */
    pal_dataset *train;
    int64_t labels, draws, seed;
    bool trains; /* something else than the head is wanted */
    int64_t classes;
    pal_cli_answers answers[PAL_CLI_FEATURES];
} pal_cli_classify_job;

/* Table or JSON, and the picture; the status to exit with. */
int pal_cli_classify_report(const pal_cli_classify_job *job, const char *path);

#endif
