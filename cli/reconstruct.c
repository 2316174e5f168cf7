/* reconstruct.c - palindrome reconstruct: draws samples and their reconstructions. */
#include <math.h>

#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file (default: RUN/reconstruct.png)"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_INT("samples", "16", 1, 256, "N", "samples in the picture"),
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_FORMAT,
    PAL_CLI_END,
};
static const pal_need needs[] = {
    {"out", "IN", "!"}, {"data", "IN", "!"}, {"samples", "IN", "!"}, {"seed", "IN", "!"}, {"format", "IN", NULL}, {0},
};
/* clang-format on */
const pal_cli_spec pal_cli_reconstruct_spec = {
    .words = "RUN [IN OUT]",
    .summary =
        "Draw samples, the inputs that the model gets, and their reconstructions. Options such as --masking corrupt "
        "the inputs of any model. With IN and OUT, convert an array to its reconstructions instead; both are files "
        "as for `encode` and `decode`.",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = 3,
    .missing = PAL_CLI_NO_RUN,
    .variants = true,
    .effect = PAL_CLI_IMAGES,
};

static int draw(const pal_cli_args *args, pal_cli_run *run)
{
    char title[600], caption[1400], epochs[64] = "", file[4096];
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *path = pal_cli_given(args, "out");
    if (!path) path = pal_rundir_file(run->dir, "reconstruct.png", file, sizeof file);
    int64_t n = pal_cli_int(args, "samples", 16);
    snprintf(title, sizeof title, "%s on %s", pal_model_variant(run->model)->name, run->data->name);
    if (info->result.epochs > 0) /* 0: unknown, because training still runs or was killed */
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
    int status = pal_cli_parse(&pal_cli_reconstruct_spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&args);
    if (status != PAL_CLI_GO_ON) return status;
    if (args.n_words == 3) return pal_cli_convert(PAL_CLI_RECONSTRUCT, &args);
    if (args.n_words == 2) return pal_cli_say(PAL_CLI_WRONG, "no output given: the arguments are RUN IN OUT");
    pal_cli_run run;
    status = pal_cli_open(&args, 0, &run);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_seed(&args, &run);
    if (status == PAL_CLI_GO_ON) status = pal_cli_open_data(&args, &run);
    if (status == PAL_CLI_GO_ON) status = draw(&args, &run);
    pal_cli_close(&run);
    return status;
}
