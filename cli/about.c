/* about.c - the frame of a verb that works on one run: parse, check, open the run and its data, act, close. */
#include "cli/cli.h"

int pal_cli_about(const pal_cli_about_run *verb, int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(verb->spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON && verb->check) status = verb->check(&args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_run run;
    const char *out = pal_cli_given(&args, "out");
    pal_cli_signals_end(out ? out : args.words[0]);
    status = pal_cli_open(&args, 0, &run);
    if (status == PAL_CLI_GO_ON && verb->data) status = pal_cli_open_data(&args, &run);
    if (status == PAL_CLI_GO_ON) status = verb->act(&args, &run);
    pal_cli_close(&run);
    return status;
}
