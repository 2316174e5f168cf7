/* compare.h - what the files of `palindrome compare` share. Each part is a JSON value, which --json prints as it is and
 * compare_report.c prints for people:
 *   - facts   (compare_facts.c): what the run.json of each run says about how it was trained. Any number of runs.
 *   - results (compare_results.c): the metrics and the weights of one run against those of the first.
 *   - why     (compare_why.c): one sentence on the causes, from the facts. */
#ifndef PAL_CLI_COMPARE_H
#define PAL_CLI_COMPARE_H

#include "cli/cli.h"

/* What a fact has to do with the bits of a result. */
typedef enum pal_cli_bearing {
    COMPARE_ASKED,   /* what was trained, how, and on which data */
    COMPARE_MACHINE, /* what the rounding depends on: the kernels, the lanes, the program */
    COMPARE_NONE,    /* nothing, at equal other facts: the number of threads, the place of the data */
} pal_cli_bearing;

/* The facts: a list of {"name", "of", "about", "equal", "values": one per run}. of: the group that it belongs to, such
 * as "settings" for an option of the model, or null. about: the name of the bearing. NULL: out of memory. */
json_t *pal_cli_compare_facts(pal_rundir *const *runs, size_t n);
/* The values of a fact; NULL: the facts have none of this name, or its values are equal. */
const json_t *pal_cli_compare_differing(const json_t *facts, const char *name);
const char *pal_cli_compare_about(pal_cli_bearing bearing); /* "asked", "machine", "nothing" */
/* The value as a word: "yes", "0.5", "none" for null and for an empty text. Returns out. */
const char *pal_cli_compare_text(const json_t *value, char *out, size_t size);

/* {"equal", "metrics": {...}, "weights": {...}} of this run against the first one. NULL: a file cannot be read,
 * or out of memory; err says why. */
json_t *pal_cli_compare_results(const pal_rundir *first, const pal_rundir *other, pal_context *context, pal_error *err);

/* One sentence that says why the results differ, as far as the facts tell it. Returns out. */
const char *pal_cli_compare_why(const json_t *facts, const json_t *results, char *out, size_t size);

/* Prints all of it for people. */
void pal_cli_compare_print(const char *const *runs, size_t n, const json_t *facts, const json_t *results,
                           const char *why);

#endif
