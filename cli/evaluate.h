/* evaluate.h - the figures of a run, which evaluate.c measures and evaluate_report.c prints. */
#ifndef PAL_CLI_EVALUATE_H
#define PAL_CLI_EVALUATE_H

#include "cli/cli.h"

enum { PAL__ASKED, PAL__TRAINED, PAL__COLUMNS };

typedef struct pal__column { /* the figures of one data set */
    const char *data;
    pal_figures figures;
    pal_importance_result importance; /* draws 0: not requested */
    double *unit_divergence;          /* of each unit, for a random code with independent units; else NULL */
    bool density;                     /* the output is a density of these data, and the bound one of ln p(x) */
} pal__column;

/* Measures, with the options of evaluate in args. train: the samples whose mean is the baseline, or NULL.
 * PAL_CLI_GO_ON, or the exit status. */
int pal__evaluate_measure(const pal_cli_args *args, pal_cli_run *run, const pal_dataset *data, const pal_dataset *train,
                          pal__column *out);

/* n: 1, or 2 with the data that the run was trained on. */
void pal__evaluate_json(const pal_cli_run *run, const pal__column *columns, size_t n);
void pal__evaluate_table(const pal_cli_run *run, const pal__column *columns, size_t n);

#endif
