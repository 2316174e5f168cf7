/* denoise.c - palindrome denoise: clean samples, noisy ones, and their reconstructions. */
#include <string.h>

#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/denoise.png)"),
    PAL_CLI_AS,
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "16", 1, 256, "N", "samples in the picture"),
    PAL_CLI_INT("limit", "", 1, 4294967295, "N", "measure only the first N samples"),
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_denoise_spec = {
    .data = true,
    .words = "RUN",
    .summary = "Draw clean samples, noisy samples, and the reconstructions of the noisy ones, and print their squared "
               "errors. The noise is that of training. Options such as --masking or --sigma choose another noise, for "
               "any model.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = PAL_CLI_NO_RUN,
    .variants = true,
    .effect = PAL_CLI_IMAGES,
};

static void print_json(const pal_cli_run *run, const pal_denoise_figures *f, const char *path)
{
    json_t *out = json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:o}", "run", pal_cli_text(pal_rundir_path(run->dir)),
                            "model", pal_model_variant(run->model)->name, "data", pal_cli_text(run->data->name),
                            "samples", (json_int_t)f->samples, "squared_error_noisy", pal_cli_number(f->noisy),
                            "squared_error_denoised", pal_cli_number(f->denoised), "picture", pal_cli_text(path));
    if (*run->corruption) json_object_set_new(out, "corruption", json_string(run->corruption));
    pal_cli_print_json(out);
}

static void print_table(const pal_cli_run *run, const pal_denoise_figures *f, const char *path)
{
    char count[64];
    pal_cli_paragraph(0, "%s on %s samples of %s%s\n", run->described,
                      pal_cli_count((double)f->samples, count, sizeof count), run->data->name, run->given);
    pal_cli_paragraph(2, "squared error, compared with the clean samples");
    pal_cli_print("    noisy         %10.4f\n    denoised      %10.4f\n\n%s\n", f->noisy, f->denoised, path);
}

static int denoise(const pal_cli_args *args, pal_cli_run *run)
{
    const int status = pal_cli_check_seed(args, run, 1);
    if (status != PAL_CLI_GO_ON) return status;
    char title[600], caption[2000], trained[256], file[4096];
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *path = pal_cli_given(args, "out");
    if (!path) path = pal_rundir_file(run->dir, "denoise.png", file, sizeof file);
    snprintf(title, sizeof title, "%s on %s", pal_model_variant(run->model)->name, run->data->name);
    snprintf(caption, sizeof caption, "%s, %s%s.", run->described, pal_cli_trained(run, 1, trained, sizeof trained),
             run->given);
    pal_denoise_options o = {.struct_size = sizeof o,
                             .samples = pal_cli_int(args, "samples", 16),
                             .batch = info->batch > 0 ? info->batch : 0,
                             .seed = (uint64_t)pal_cli_int(args, "seed", info->seed),
                             .lanes = info->lanes > 0 ? (unsigned)info->lanes : 0,
                             .corruptor = run->corruptor,
                             .title = title,
                             .caption = caption};
    const int viewed = pal_cli_view(args, run->model, &o.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    pal_denoise_figures figures;
    pal_error err = {0};
    if (pal_denoise(run->model, run->data, &o, &figures, path, &err)) return pal_cli_say_error(&err);
    if (!run->corruptor) pal_cli_warn_idle_corruption(run->model);
    (pal_cli_flag(args, "json") ? print_json : print_table)(run, &figures, path);
    return PAL_CLI_DONE;
}

int pal_cli_denoise(int argc, char **argv)
{
    return pal_cli_about(&(pal_cli_about_run){&pal_cli_denoise_spec, pal_cli_check_picture, true, denoise}, argc, argv);
}
