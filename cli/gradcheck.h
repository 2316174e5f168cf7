/* gradcheck.h - what gradcheck.c and its report (gradcheck_report.c) share. */
#ifndef PAL_CLI_GRADCHECK_H
#define PAL_CLI_GRADCHECK_H

#include "autograd/gradcheck.h"
#include "cli/cli.h"

typedef struct pal__result {
    pal_gradcheck_report report;
    bool model;
    char where[200]; /* the element with the worst error */
} pal__result;

typedef struct pal__checks {
    pal_context *context;
    int first, last; /* orders */
    uint64_t seed;
    pal__result *results;
    size_t n, capacity, refused; /* refused: combinations of settings that the models do not accept */
    bool ends;                   /* also check the least and the greatest value of the variant's own numbers */
    bool no_memory;
    char why[512]; /* with no_memory */
} pal__checks;

/* Adds the checks of a variant: at its defaults, and with each choice of each option. */
void pal_cli_gradcheck_variant(pal__checks *c, const pal_variant *variant);
/* Settings that make a model small; returns how many, at most 8. */
size_t pal_cli_tiny_settings(const pal_variant *variant, pal_setting *settings);

/* Sorts the results, worst first, and prints them. Returns whether any check failed or was not decided. */
bool pal_cli_gradcheck_report(pal__checks *c, bool json);

#endif
