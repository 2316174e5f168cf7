/* reconstruct.c - palindrome reconstruct: samples and their reconstructions as a picture. */
#include <math.h>

#include "cli/cli.h"

static const pal_cli_row rows[] = {
    PAL_CLI_OUTPUT("the picture (default: RUN/reconstruct.png)"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    {{"samples", PAL_OPTION_INT, "16", 1, 256, NULL, "how many"}, "N", NULL, 0},
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_FORMAT,
    {{.name = NULL}, NULL, NULL, 0},
};
static const pal_cli_spec spec = {
    "RUN [IN OUT]",
    "A picture of samples, what the model is shown of them, and what it makes of it. --masking and its like corrupt "
    "the input of any model. With IN "
    "and OUT no picture: arrays in files, as `encode` and `decode` take them.",
    rows,
    1,
    3,
    "say which run: its folder, such as runs/denoising-001",
    true};

static int draw(const pal_cli_args *args, pal_cli_run *run)
{
    char title[600], caption[1400], epochs[64] = "", file[4096];
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *path = pal_cli_given(args, "out");
    if (!path) path = pal_rundir_file(run->dir, "reconstruct.png", file, sizeof file);
    int64_t n = pal_cli_int(args, "samples", 16);
    snprintf(title, sizeof title, "%s on %s", pal_model_variant(run->model)->name, run->data->name);
    if (info->result.epochs > 0) /* unknown of a run that goes on or was killed */
        snprintf(epochs, sizeof epochs, "%lld epoch%s; ", (long long)info->result.epochs,
                 info->result.epochs == 1 ? "" : "s");
    snprintf(caption, sizeof caption, "%s. %sthe first %lld samples%s", run->described, epochs,
             (long long)(n < run->data->count ? n : run->data->count), run->given);
    pal_reconstruct_options o = {.struct_size = sizeof o,
                                 .samples = n,
                                 .seed = (uint64_t)pal_cli_int(args, "seed", info->seed),
                                 .corruptor = run->corruptor,
                                 .title = title,
                                 .caption = caption};
    pal_error err = {0};
    if (pal_reconstruct_write(run->model, run->data, &o, path, &err)) return pal_cli_say_error(&err);
    puts(path);
    return PAL_CLI_DONE;
}

int pal_cli_reconstruct(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&args);
    if (status != PAL_CLI_GO_ON) return status;
    if (args.n_words == 3) return pal_cli_convert(PAL_CLI_RECONSTRUCT, &args);
    if (args.n_words == 2) return pal_cli_say(PAL_CLI_WRONG, "say where to write, too: RUN IN OUT");
    pal_cli_run run;
    status = pal_cli_open(&args, 0, &run);
    if (status == PAL_CLI_GO_ON) status = pal_cli_open_data(&args, &run);
    if (status == PAL_CLI_GO_ON) status = draw(&args, &run);
    pal_cli_close(&run);
    return status;
}
