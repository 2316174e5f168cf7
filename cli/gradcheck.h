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

enum { PAL_CLI_FARTHEST = 1000 }; /* the greatest number that is tried as the end of a range */

typedef struct pal__checks {
    pal_context *context;
    int first, last; /* orders */
    uint64_t seed;
    pal__result *results;
    size_t n, capacity, refused; /* refused: combinations of settings that the models do not accept */
    char not_accepted[512];      /* the first of them: "linear (layers 5), ..."; it ends with ... if there are more */
    bool ends; /* also check the least and the greatest value, within 1000, of the variant's own numbers */
    bool no_memory;
    char why[512];              /* with no_memory */
    pal_cli_progress *progress; /* NULL: silent */
    int64_t done, all;          /* settings of a variant */
} pal__checks;

/* Adds the checks of a variant: at its defaults, and with each choice of each option. */
void pal_cli_gradcheck_variant(pal__checks *c, const pal_variant *variant);
/* ---- gradcheck_small.c ------------------------------------------------------------------------------------------ */

enum { PAL_CLI_TINY = 24, PAL_CLI_TINY_HEIGHT = 5, PAL_CLI_TINY_WIDTH = 6 };
/* Settings that make a model for images of this size small, as far as it takes them; returns how many. */
size_t pal_cli_tiny_settings(pal_context *context, const pal_variant *variant, pal_setting settings[PAL_CLI_TINY]);

/* ---- gradcheck_functions.c, gradcheck_tap.c, gradcheck_report.c ------------------------------------------------- */

/* A registered function by its name; or NULL. */
const pal_function *pal_cli_gradcheck_find(const char *name);
/* Checks its gradient (order 1), or its Hessian's product (order 2). Fills the row. */
pal_status pal_cli_gradcheck_function(const pal__checks *c, const pal_function *function, int order, pal__result *r);

void pal_cli_gradcheck_tap(const pal__checks *c);
typedef enum pal__form { PAL__TABLE, PAL__JSON, PAL__TAP } pal__form;
/* Prints the results; a table and JSON sort them, worst first. Returns whether any check failed or was not decided. */
bool pal_cli_gradcheck_report(pal__checks *c, pal__form form);

#endif
