/* sample.c - palindrome sample: draws what a model with a random code decodes from its prior. */
#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file (default: RUN/sample.png)"),
    PAL_CLI_INT("samples", "", 1, 10000, "N", "codes to draw from the prior (default: 64)"),
    PAL_CLI_INT("steps", "", 2, 100, "N",
                "for a code of two numbers: draw N x N codes at quantiles of the prior (default: 20)"),
    PAL_CLI_INT("seed", "1", 0, 1e15, "N", "seed of the draws"),
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_sample_spec = {
    .words = "RUN",
    .summary =
        "Draw what a model with a random code decodes from its prior: the means of the decoder for codes drawn from "
        "the prior. For a code of two numbers, draw a grid over the whole plane; between neighbouring grid lines "
        "the prior has equal probability.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = "no run given: name its folder, such as runs/variational-001",
};

static int sample(const pal_cli_args *args, pal_cli_run *run)
{
    char model[512], data[64], title[600], caption[1200], file[4096];
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *path = pal_cli_given(args, "out"), *code = pal_model_setting(run->model, "code");
    pal_sample_options o = {.struct_size = sizeof o,
                            .samples = pal_cli_int(args, "samples", 0),
                            .steps = pal_cli_int(args, "steps", 0),
                            .seed = (uint64_t)pal_cli_int(args, "seed", 1),
                            .lanes = info->lanes > 0 ? (unsigned)info->lanes : 0,
                            .title = title,
                            .caption = caption};
    const bool grid = pal_sample_is_grid(run->model, &o);
    if (grid && pal_cli_given(args, "seed"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--seed has no effect on a grid, for which nothing is drawn: leave it out, or "
                           "give --samples");
    if (!path) path = pal_rundir_file(run->dir, "sample.png", file, sizeof file);
    snprintf(title, sizeof title, "%s, trained on %s: %s", pal_model_variant(run->model)->name,
             pal_dataset_name_of(info->data ? info->data : PAL_DATA_DEFAULT, data, sizeof data),
             grid ? "the plane of the code" : "samples from the prior");
    snprintf(caption, sizeof caption, "%s. %s", pal_cli_describe(run->model, model, sizeof model),
             grid ? "Mean of x given z: z1 from left to right and z2 upwards, by the quantiles of the prior."
                  : "Mean of x given z, for z drawn from the prior.");
    pal_error err = {0};
    if (pal_sample_write(run->model, &o, path, &err)) return pal_cli_say_error(&err);
    if (pal_cli_flag(args, "json"))
        pal_cli_print_json(json_pack("{s:s, s:s, s:s, s:b, s:s}", "run", pal_rundir_path(run->dir), "model",
                                     pal_model_variant(run->model)->name, "code", code ? code : "", "grid", grid,
                                     "picture", path));
    else
        puts(path);
    return PAL_CLI_DONE;
}

int pal_cli_sample(int argc, char **argv)
{
    return pal_cli_about(&(pal_cli_about_run){&pal_cli_sample_spec, pal_cli_check_picture, false, sample}, argc, argv);
}
