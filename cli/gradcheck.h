/* gradcheck.h - what gradcheck.c and its report (gradcheck_report.c) share. */
#ifndef PAL_CLI_GRADCHECK_H
#define PAL_CLI_GRADCHECK_H

#include "autograd/gradcheck.h"
#include "cli/cli.h"

typedef struct pal__result {
    pal_gradcheck_report report;
    bool model;
    char where[200]; /* the worst element */
} pal__result;

typedef struct pal__checks {
    pal_context *context;
    int first, last; /* orders */
    uint64_t seed;
    pal__result *results;
    size_t n, capacity, refused; /* refused: settings that do not go together */
    bool no_memory;
} pal__checks;

/* Orders the results, worst first, and tells them. Returns whether any failed. */
bool pal_cli_gradcheck_report(pal__checks *c, bool json);

#endif
