/* train_report.c - what `palindrome train` prints at the end. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

void pal_cli_train_json(const pal_rundir *dir, const pal_train_result *r)
{
    const pal_run_info *info = pal_rundir_info(dir);
    json_t *out = json_pack("{s:s, s:s, s:s, s:I, s:I}", "run", pal_rundir_path(dir), "model", info->model, "status",
                            info->status, "epochs", (json_int_t)r->epochs, "steps", (json_int_t)r->steps);
    const struct {
        const char *name;
        double value;
    } figures[] = {{"train_loss", r->train_loss},
                   {"test_loss", r->test_loss},
                   {"squared_error", r->squared_error},
                   {"squared_error_corrupted", r->squared_error_corrupted},
                   {"error", r->error},
                   {"seconds", r->seconds},
                   {"samples_per_second", r->samples_per_second}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if ((strcmp(figures[i].name, "squared_error_corrupted") && strcmp(figures[i].name, "error")) ||
            isfinite(figures[i].value))
            json_object_set_new(out, figures[i].name, pal_cli_number(figures[i].value));
    pal_cli_print_json(out);
}

void pal_cli_train_table(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                         const pal_train_result *r)
{
    char count[64], rate[64], describe[512], weights[64];
    const char *run = pal_rundir_path(dir);
    printf("\n  %s on %s\n", pal_cli_describe(model, describe, sizeof describe), data->name);
    printf("  %s weights, %s samples, %lld epoch%s in %.1f s, %s samples/s\n\n",
           pal_cli_count((double)pal_model_weights(model), weights, sizeof weights),
           pal_cli_count((double)data->count, count, sizeof count), (long long)r->epochs, r->epochs == 1 ? "" : "s",
           r->seconds, pal_cli_count(r->samples_per_second, rate, sizeof rate));
    if (isfinite(r->train_loss)) printf("  train loss      %10.4f\n", r->train_loss);
    const bool held = pal_rundir_info(dir)->hold_out > 0;
    if (isfinite(r->test_loss)) printf("  %s %10.4f\n", held ? "held-out loss  " : "test loss      ", r->test_loss);
    if (isfinite(r->squared_error)) printf("  squared error   %10.4f\n", r->squared_error);
    if (isfinite(r->squared_error_corrupted)) printf("    corrupted     %10.4f\n", r->squared_error_corrupted);
    if (isfinite(r->error)) printf("  classified wrongly  %5.2f%%\n", 100 * r->error);
    printf("\n  saved in %s\n", run);
    const char *first = pal_model_classes(model) ? "classify" : pal_model_code(model) ? "sample" : "filters";
    printf("  next:    palindrome reconstruct %s\n           palindrome %s %s\n", run, first, run);
}
