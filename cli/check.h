/* check.h - what `palindrome check` shares: check.c runs the checks and prints, check_model.c records, check_train.c
 * trains. */
#ifndef PAL_CLI_CHECK_H
#define PAL_CLI_CHECK_H

#include "cli/cli.h"

typedef enum pal_cli_verdict { PAL_CLI_PASS, PAL_CLI_NOTE, PAL_CLI_FAIL } pal_cli_verdict;

enum { PAL_CLI_FINDING = 600, PAL_CLI_FINDINGS = 32 };
typedef struct pal_cli_finding { /* one line of the output */
    const char *name;
    pal_cli_verdict verdict;
    char text[PAL_CLI_FINDING];
} pal_cli_finding;

typedef struct pal_cli_checking {
    const pal_cli_args *args;
    const pal_variant *variant;
    const char *word; /* the model as it was typed */
    pal_context *context;
    uint64_t seed;
    pal_cli_finding findings[PAL_CLI_FINDINGS];
    size_t n;
} pal_cli_checking;

/* Adds a line. */
void pal_cli_find(pal_cli_checking *c, const char *name, pal_cli_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* check_model.c: batches and inputs of several sizes, and the tape of two recordings. */
void pal_cli_check_shapes(pal_cli_checking *c);
void pal_cli_check_recording(pal_cli_checking *c);
/* check_train.c: the bits of two trainings, a saved model, and whether it learns. */
void pal_cli_check_training(pal_cli_checking *c);

#endif
