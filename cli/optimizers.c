/* optimizers.c - palindrome optimizers: what `train --optimizer` can be, with formulas and papers. */
#include <string.h>

#include "cli/cli.h"
#include "optim/minimise.h"

static const pal_cli_row rows[] = {PAL_CLI_JSON, PAL_CLI_END};
const pal_cli_spec pal_cli_optimizers_spec = {
    .words = "[NAME]",
    .summary = "List the optimisers with their formulas: w the weights, g the gradient, rate the learning rate, t the "
               "step from 1. With NAME, describe one of them.",
    .rows = rows,
    .most = 1,
};

static const struct kind {
    const char *name, *title;
    size_t (*count)(void);
    const char *(*name_of)(size_t i), *(*formula_of)(size_t i);
} kinds[] = {
    {"update rule", "Update rules: a step takes a batch", pal_optimizer_kinds, pal_optimizer_name,
     pal_optimizer_formula},
    {"minimiser", "Minimisers: an iteration takes all samples", pal_minimise_kinds, pal_minimise_name,
     pal_minimise_formula},
};
enum { KINDS = sizeof kinds / sizeof *kinds, COLUMN = 18 };

bool pal_cli_finds_its_step(const char *optimizer)
{
    return optimizer && (pal_train_minimises(optimizer) || !strcmp(optimizer, "kfac"));
}

/* The name alone is chosen, or all are. */
static bool chosen(const char *name, const char *only) { return !only || !strcmp(name, only); }

static void print(const char *only)
{
    char head[32];
    for (size_t k = 0; k < KINDS; k++) {
        if (!only) pal_cli_print("%s%s\n", k ? "\n" : "", kinds[k].title);
        for (size_t i = 0; i < kinds[k].count(); i++) {
            if (!chosen(kinds[k].name_of(i), only)) continue;
            snprintf(head, sizeof head, "  %s", kinds[k].name_of(i));
            pal_cli_hang(head, COLUMN, pal_cli_width(), kinds[k].formula_of(i));
        }
    }
}

static void print_json(const char *only)
{
    json_t *list = json_array();
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < kinds[k].count(); i++)
            if (chosen(kinds[k].name_of(i), only))
                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", kinds[k].name_of(i), "kind",
                                                      kinds[k].name, "formula", kinds[k].formula_of(i)));
    pal_cli_print_json(list);
}

int pal_cli_optimizers(int argc, char **argv)
{
    pal_cli_args args;
    const int status = pal_cli_parse(&pal_cli_optimizers_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    const char *only = args.n_words ? args.words[0] : NULL;
    bool known = !only;
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; !known && i < kinds[k].count(); i++) known = !strcmp(kinds[k].name_of(i), only);
    if (!known) return pal_cli_say(PAL_CLI_WRONG, "unknown optimizer %s: `palindrome optimizers` lists them", only);
    pal_cli_flag(&args, "json") ? print_json(only) : print(only);
    return PAL_CLI_DONE;
}
