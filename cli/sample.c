/* sample.c - palindrome sample: draws what a model with a random code decodes from its prior. */
#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/sample.png)"),
    PAL_CLI_AS,
    PAL_CLI_INT("samples", "", 1, 10000, "N",
                "draw N codes from the prior (default: 64, if the code is of none of the kinds above)"),
    PAL_CLI_INT("steps", "", 2, 100, "N",
                "for a code of one number: N codes along a line (default: 15); of two: N x N in a plane (default: 20)"),
    PAL_CLI_INT("seed", "1", 0, 1e15, "N", "seed of the draws"),
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_sample_spec = {
    .words = "RUN",
    .summary =
        "Draw what a model with a random code decodes from its prior: the means of the decoder for codes drawn from "
        "the prior. For a code of one or two continuous numbers, draw codes along the whole line or over the whole "
        "plane; between neighbouring codes the prior has equal probability. For a categorical code, or one of up to 6 "
        "bits, draw each code once, with the share of the test samples that have it.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = "no run given: name its folder, such as runs/variational-001",
};

static const struct {
    const char *word, *title, *caption;
} kinds[] = {
    [PAL_SAMPLE_DRAWS] = {"draws", "samples from the prior", "Mean of x given z, for z drawn from the prior."},
    [PAL_SAMPLE_LINE] = {"line", "the line of the code", "Mean of x given z, at quantiles of the prior of z."},
    [PAL_SAMPLE_PLANE] = {"plane", "the plane of the code",
                          "Mean of x given z: z1 from left to right and z2 upwards, by the quantiles of the prior."},
    [PAL_SAMPLE_EACH] = {"each", "every code once", "Mean of x given each code."},
};

/* The data for the shares of a discrete code. NULL: not needed, or they cannot be read, which a warning says. */
static pal_dataset *open_data(const pal_cli_run *run, pal_sample_kind kind)
{
    pal_error err = {0};
    if (kind != PAL_SAMPLE_EACH || !pal_code_count(run->model)) return NULL;
    pal_dataset *data = pal_cli_open_own(run, PAL_SPLIT_TEST, &err);
    if (!data)
        pal_cli_say(PAL_CLI_DONE, "warning: %s: no shares of the codes, its test samples cannot be read: %s",
                    pal_rundir_path(run->dir), err.text);
    return data;
}

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
    const pal_sample_kind kind = pal_sample_kind_of(run->model, &o);
    const int viewed = pal_cli_view(args, run->model, &o.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    if (!path) path = pal_rundir_file(run->dir, "sample.png", file, sizeof file);
    pal_dataset *shares = open_data(run, kind);
    o.data = shares;
    snprintf(title, sizeof title, "%s, trained on %s: %s", pal_model_variant(run->model)->name,
             pal_dataset_name_of(info->data ? info->data : PAL_DATA_DEFAULT, data, sizeof data), kinds[kind].title);
    snprintf(caption, sizeof caption, "%s. %s%s", pal_cli_describe(run->model, model, sizeof model),
             kinds[kind].caption, shares ? " Below it: its share among the codes of the test samples." : "");
    pal_error err = {0};
    pal_sample_write(run->model, &o, path, &err);
    pal_dataset_free(shares);
    if (err.status) return pal_cli_say_error(&err);
    if (pal_cli_flag(args, "json"))
        pal_cli_print_json(json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "run", pal_rundir_path(run->dir), "model",
                                     pal_model_variant(run->model)->name, "code", code ? code : "", "grid",
                                     kind == PAL_SAMPLE_PLANE, "kind", kinds[kind].word, "picture", path));
    else
        puts(path);
    return PAL_CLI_DONE;
}

int pal_cli_sample(int argc, char **argv)
{
    return pal_cli_about(&(pal_cli_about_run){&pal_cli_sample_spec, pal_cli_check_picture, false, sample}, argc, argv);
}
