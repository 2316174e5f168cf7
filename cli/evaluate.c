/* evaluate.c - palindrome evaluate: figures of a run. */
#include <math.h>

#include "cli/cli.h"

static const pal_cli_row rows[] = {
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    {{"limit", PAL_OPTION_INT, "", 1, 4294967295, NULL, "only the first N samples"}, "N", NULL, 0},
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_JSON,
    {{.name = NULL}, NULL, NULL, 0},
};
static const pal_cli_spec spec = {
    "RUN",
    "Figures of a run on the test samples. Options of the model that do not change its weights are taken in place of "
    "those it was trained with; --masking and its like corrupt the input of any model.",
    rows,
    1,
    1,
    "say which run: its folder, such as runs/denoising-001",
    true};

static void print_json(const pal_cli_run *run, const pal_figures *f)
{
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "run", pal_rundir_path(run->dir), "model",
                  pal_model_variant(run->model)->name, "data", run->data->name, "samples", (json_int_t)f->samples,
                  "loss", pal_cli_number(f->loss), "squared_error", pal_cli_number(f->squared_error));
    if (isfinite(f->squared_error_corrupted))
        json_object_set_new(out, "squared_error_corrupted", pal_cli_number(f->squared_error_corrupted));
    pal_cli_print_json(out);
}

static void print_table(const pal_cli_run *run, const pal_figures *f)
{
    char text[512], count[64];
    printf("%s on %s samples of %s", pal_cli_describe(run->model, text, sizeof text),
           pal_cli_count((double)f->samples, count, sizeof count), run->data->name);
    if (run->corruptor) printf(", corrupted by %s", run->corruption);
    printf("\n\n  loss            %10.4f\n  squared error   %10.4f\n", f->loss, f->squared_error);
    if (isfinite(f->squared_error_corrupted)) printf("    of corrupted  %10.4f\n", f->squared_error_corrupted);
    puts("\n  means over samples of sums over features");
}

int pal_cli_evaluate(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_run run;
    status = pal_cli_open(&args, 0, &run);
    if (status == PAL_CLI_GO_ON) status = pal_cli_open_data(&args, &run);
    if (status == PAL_CLI_GO_ON) {
        const pal_run_info *info = pal_rundir_info(run.dir);
        pal_evaluate_options o = {.struct_size = sizeof o,
                                  .batch = info->batch > 0 ? info->batch : 0,
                                  .seed = (uint64_t)pal_cli_int(&args, "seed", info->seed),
                                  .lanes = info->lanes > 0 ? (unsigned)info->lanes : 0,
                                  .corruptor = run.corruptor};
        pal_figures figures;
        pal_error err = {0};
        if (pal_evaluate(run.model, run.data, &o, &figures, &err))
            status = pal_cli_say_error(&err);
        else
            (pal_cli_flag(&args, "json") ? print_json : print_table)(&run, &figures);
    }
    pal_cli_close(&run);
    return status == PAL_CLI_GO_ON ? PAL_CLI_DONE : status;
}
