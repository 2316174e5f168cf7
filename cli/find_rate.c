/* find_rate.c - palindrome find-rate: which learning rate to train a model with, by a range test.
 *
 * It takes the options of train, as far as they have an effect on a step, and so trains what train would train. */
#include <stdlib.h>
#include <string.h>

#include "cli/train.h"
#include "plot/plot.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture of the losses, .png, .svg or .pdf (default: find-rate-MODEL.png)"),
    PAL_CLI_INT("steps", "200", 10, 1000000, "N", "training steps, each with a greater rate than the one before"),
    PAL_CLI_REAL("lowest", "1e-7", 1e-30, 1e6, "X", "learning rate of the first step"),
    PAL_CLI_REAL("highest", "10", 1e-30, 1e6, "X", "learning rate of the last step"),
    PAL_CLI_CSV,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_find_rate_spec = {
    .data = true,
    .trains = true,
    .words = "MODEL",
    .summary = "Search for a learning rate: train the model for some steps with rates that grow from step to step, and "
               "draw the loss against the rate. It suggests a rate at which the loss falls fast and is still far from "
               "running away. Nothing is saved but the picture. The other options are those of train.",
    .rows = rows,
    .more = pal_cli_train_rows,
    .without =
        "resume|like|config|profile|shards|gradient-sizes|epochs|test-every|learning-rate|schedule|warmup|final-rate|"
        "decay-factor|"
        "decay-every|power|"
        "rise|plateau-patience|patience|min-improvement|keep-best|time|average|average-decay|average-start|"
        "check-nan|quiet|gradient-tolerance|"
        "pairs|restart|products|curvature-samples|fixed-batch|fixed-for|damping|noise",
    .needs = pal_cli_train_needs,
    .least = 1,
    .most = 1,
    .missing = "no model given: `palindrome models` lists them",
    .variants = true,
    .late = true,
};

static int progress(int64_t done, int64_t all, void *user) { return pal_cli_progress_count(user, "steps", done, all); }

static int search(pal_cli_job *j, pal_rate_curve *curve)
{
    pal_cli_progress p;
    pal_error err = {0};
    const char *lowest = pal_cli_given(&j->args, "lowest"), *highest = pal_cli_given(&j->args, "highest");
    const pal_find_rate_options o = {.struct_size = sizeof o,
                                     .batch = j->info.batch,
                                     .accumulate = j->info.accumulate,
                                     .seed = (uint64_t)j->info.seed,
                                     .lanes = (unsigned)j->info.lanes,
                                     .optimizer = &j->info.optimizer,
                                     .from = lowest ? strtod(lowest, NULL) : 0,
                                     .to = highest ? strtod(highest, NULL) : 0,
                                     .steps = pal_cli_int(&j->args, "steps", 0),
                                     .progress = progress,
                                     .user = &p};
    pal_cli_progress_start(&p, false, true);
    pal_cli_signals_catch();
    pal_find_rate(j->model, j->train, &o, curve, &err);
    pal_cli_progress_erase(&p);
    pal_cli_signals_release();
    if (err.status == PAL_ERR_STOPPED) return pal_cli_say(PAL_CLI_SIGNAL + pal_cli_signal(), "%s", err.text);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

static int draw(const pal_cli_job *j, const pal_rate_curve *c, const char *path)
{
    char title[512];
    pal_error err = {0};
    snprintf(title, sizeof title, "%s with %s: %.2g is suggested", j->variant->name, j->info.optimizer.name,
             c->suggested);
    const pal_series series[] = {{.name = "batch", .y = c->loss}, {.name = "smoothed", .y = c->smooth}};
    const pal_curves curves = {.struct_size = sizeof curves,
                               .title = title,
                               .x_label = "learning rate",
                               .y_label = "loss",
                               .x = c->rate,
                               .count = (size_t)c->steps,
                               .series = series,
                               .series_count = 2,
                               .csv = pal_cli_flag(&j->args, "csv"),
                               .log_x = true};
    return pal_curves_write(&curves, path, &err) ? pal_cli_say_error(&err) : PAL_CLI_DONE;
}

static void print(const pal_cli_job *j, const pal_rate_curve *c, const char *path, const char *csv)
{
    char describe[512];
    if (pal_cli_flag(&j->args, "json")) {
        pal_cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model",
                                     j->variant->name, "optimizer", j->info.optimizer.name, "batch",
                                     (json_int_t)j->info.batch, "steps", (json_int_t)c->steps, "ran_away", c->ran_away,
                                     "suggested", pal_cli_number(c->suggested), "steepest", pal_cli_number(c->steepest),
                                     "lowest", pal_cli_number(c->lowest), "rates", pal_cli_numbers(c->rate, c->steps),
                                     "losses", pal_cli_numbers(c->loss, c->steps), "smoothed",
                                     pal_cli_numbers(c->smooth, c->steps), "picture", pal_cli_text(path)));
        return;
    }
    pal_cli_paragraph(2, "%s on %s, %s, batches of %lld", pal_cli_describe(j->model, describe, sizeof describe),
                      j->train->name, j->info.optimizer.name, (long long)j->info.batch);
    printf("\n  suggested learning rate  %8.2g\n", c->suggested);
    printf("    loss falls fastest at  %8.2g\n", c->steepest);
    printf("    loss is lowest at      %8.2g\n", c->lowest);
    if (c->ran_away) printf("    loss runs away at      %8.2g\n", c->rate[c->steps - 1]);
    pal_cli_print("\n  drawn in %s\n", path);
    if (csv) pal_cli_print("  numbers in %s\n", csv);
}

static int run(pal_cli_job *j)
{
    pal_rate_curve curve = {0};
    char path[PAL_CLI_PATH], room[PAL_CLI_PATH];
    const char *given = pal_cli_given(&j->args, "out");
    int status = search(j, &curve);
    snprintf(path, sizeof path, "find-rate-%s.png", j->variant->name);
    if (given) snprintf(path, sizeof path, "%s", given);
    if (status == PAL_CLI_GO_ON) status = draw(j, &curve, path);
    if (status == PAL_CLI_DONE) print(j, &curve, path, pal_cli_numbers_of(&j->args, path, room, sizeof room));
    pal_rate_curve_free(&curve);
    return status;
}

int pal_cli_find_rate(int argc, char **argv)
{
    pal_cli_job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = pal_cli_parse(&pal_cli_find_rate_spec, argc, argv, &j->args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&j->args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_job_prepare(j);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_numbers(&j->args, j->data);
    if (status == PAL_CLI_GO_ON) status = run(j);
    pal_cli_job_free(j);
    return status;
}
