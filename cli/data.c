/* data.c - the options about data (data/options.def): as rows of a verb's table, and as they were given.
 *
 * A training keeps what it was given in run.json. A verb that works on a run reads data with these options, and what it
 * is given itself takes precedence: a file of another separator can be evaluated. */
#include <string.h>

#include "cli/data.h"

#define DATA_OPTION(name, choices, argument, help) PAL_CLI_ENUM(name, "", choices, argument, help),
const pal_cli_row pal_cli_data_rows[] = {
#include "data/options.def"
    PAL_CLI_END,
};
#undef DATA_OPTION

/* What only training decides: a trained model has its scaling, and its run has its split. */
const char pal_cli_data_training[] = "scale|test|validation|split-seed|only";

static void put(pal_cli_data *d, const char *name, const char *value)
{
    if (d->options.n == PAL_CLI_DATA_OPTIONS) return;
    d->list[d->options.n++] = (pal_setting){name, value};
    d->options.given = d->list;
}

void pal_cli_data_take(pal_cli_data *d, const pal_cli_args *args)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (pal_data_option_find(args->given[i].name)) put(d, args->given[i].name, args->given[i].value);
}

void pal_cli_data_of_run(pal_cli_data *d, const pal_run_info *info, const pal_model *model, bool own)
{
    for (size_t i = 0; i < info->n_data_options; i++) {
        const char *name = info->data_options[i].name;
        if (own || !pal_choices_have(pal_cli_data_training, name)) put(d, name, info->data_options[i].value);
    }
    if (model && !pal_model_schema(model)) put(d, "scale", "none"); /* it was trained on numbers as they are */
}
