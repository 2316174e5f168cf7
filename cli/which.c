/* which.c - which model of a run is opened: the one after the last epoch, or the one after the best. */
#include <string.h>

#include "cli/cli.h"

bool pal_cli_has_option(const pal_cli_spec *spec, const char *name)
{
    for (const pal_cli_row *r = spec->rows; r && r->option.name; r++)
        if (!strcmp(r->option.name, name)) return true;
    return false;
}

pal_model *pal_cli_which(const pal_rundir *dir, pal_context *context, const char *which, bool *best, pal_error *err)
{
    const bool has = pal_rundir_has_best(dir), asked = which && !strcmp(which, "best");
    *best = asked || (!which && has && pal_rundir_info(dir)->patience > 0);
    if (asked && !has)
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "%s has no best.safetensors, which --patience or --keep-best makes once an epoch is measured: "
                      "give --which last",
                      pal_rundir_path(dir));
    if (asked && !has) return NULL;
    return *best ? pal_rundir_model_best(dir, context, NULL, NULL, err) : pal_rundir_model(dir, context, err);
}

pal_model *pal_cli_which_of(const pal_cli_args *args, const pal_rundir *dir, pal_context *context, bool *best,
                            pal_error *err)
{
    const char *given = pal_cli_given(args, "which");
    pal_model *model = pal_cli_which(dir, context, pal_cli_has_option(args->spec, "which") ? given : "last", best, err);
    if (model && *best && !given)
        pal_cli_say(PAL_CLI_GO_ON, "%s: this is the model of its best epoch; --which last takes that of the last one",
                    pal_rundir_path(dir));
    return model;
}
