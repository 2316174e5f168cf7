/* gradcheck.h - what gradcheck.c, its part for functions (gradcheck_functions.c) and its output (gradcheck_report.c,
 * gradcheck_tap.c) share. */
#ifndef PAL_CLI_GRADCHECK_H
#define PAL_CLI_GRADCHECK_H

#include "autograd/gradcheck_function.h"
#include "cli/cli.h"

typedef enum pal__kind { PAL__OPERATION, PAL__MODEL, PAL__FUNCTION } pal__kind;

typedef struct pal__result {
    pal_gradcheck_report report;
    pal__kind kind;
    char where[200];         /* the element with the worst error */
    pal_function_report own; /* of a function; else zeros */
} pal__result;

typedef struct pal__checks {
    pal_context *context;
    int first, last; /* orders */
    uint64_t seed;
    pal__result *results;
    size_t n, capacity, refused; /* refused: combinations of settings that the models do not accept */
    char not_accepted[512];      /* the first of them: "linear (layers 5), ..."; it ends with ... if there are more */
    bool ends;                   /* also check the least and the greatest value of the variant's own numbers */
    bool no_memory;
    char why[512]; /* with no_memory */
} pal__checks;

/* Adds the checks of a variant: at its defaults, and with each choice of each option. */
void pal_cli_gradcheck_variant(pal__checks *c, const pal_variant *variant);
/* Settings that make a model small; returns how many, at most 8. */
size_t pal_cli_tiny_settings(const pal_variant *variant, pal_setting *settings);

/* A registered function by its name; or NULL. */
const pal_function *pal_cli_gradcheck_find(const char *name);
/* Checks its gradient (order 1), or its Hessian's product (order 2). Fills the row. */
pal_status pal_cli_gradcheck_function(const pal__checks *c, const pal_function *function, int order, pal__result *r);

void pal_cli_gradcheck_tap(const pal__checks *c);
typedef enum pal__form { PAL__TABLE, PAL__JSON, PAL__TAP } pal__form;
/* Prints the results; a table and JSON sort them, worst first. Returns whether any check failed or was not decided. */
bool pal_cli_gradcheck_report(pal__checks *c, pal__form form);

#endif
