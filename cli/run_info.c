/* run_info.c - palindrome run-info: shows how a run was made and how it went. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

static const pal_cli_row rows[] = {PAL_CLI_JSON, PAL_CLI_END};
static const pal_cli_spec spec = {
    .words = "RUN",
    .summary = "Show how a run was made and how it went: its command, settings, data and epochs.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = PAL_CLI_NO_RUN,
};

/* Prints the content of run.json, with the epochs of metrics.jsonl added. */
static int print_json(const pal_rundir *dir)
{
    char name[4096];
    json_error_t why;
    json_t *out = json_load_file(pal_rundir_file(dir, "run.json", name, sizeof name), 0, &why);
    if (!out) return pal_cli_say(PAL_CLI_FAILED, "%s: %s", name, why.text);
    json_t *epochs = json_array();
    for (size_t i = 0; i < pal_rundir_epoch_count(dir); i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        json_array_append_new(
            epochs, json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "epoch", (json_int_t)e->epoch,
                              "step", (json_int_t)e->step, "train_loss", pal_cli_number(e->train_loss), "test_loss",
                              pal_cli_number(e->test_loss), "squared_error", pal_cli_number(e->squared_error),
                              "squared_error_corrupted", pal_cli_number(e->squared_error_corrupted), "baseline",
                              pal_cli_number(e->baseline), "explained", pal_cli_number(e->explained), "learning_rate",
                              pal_cli_number(e->learning_rate), "seconds", pal_cli_number(e->seconds)));
    }
    json_object_set_new(out, "metrics", epochs);
    json_object_set_new(out, "run", json_string(pal_rundir_path(dir)));
    pal_cli_print_json(out);
    return PAL_CLI_DONE;
}

static void print_row(const char *name, const char *value)
{
    if (value) printf("  %-14s %s\n", name, value);
}

static void print_settings(const pal_run_info *info)
{
    char line[1024] = "";
    size_t length = 0;
    for (size_t i = 0; i < info->n_settings && length < sizeof line; i++)
        length += (size_t)snprintf(line + length, sizeof line - length, "%s--%s %s", i ? " " : "",
                                   info->settings[i].name, info->settings[i].value);
    print_row("settings", line);
}

static void print_figure(double value, double scale, int digits)
{
    if (isfinite(value))
        printf(" %12.*f", digits, scale * value);
    else
        printf(" %12s", "-");
}

static void print_epoch(const pal_epoch *e, bool phases, bool errors)
{
    if (phases) printf("  %-14s", e->phase);
    printf("  %5lld %10lld", (long long)e->epoch, (long long)e->step);
    const double figures[] = {e->train_loss, e->test_loss, e->squared_error, e->squared_error_corrupted};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) print_figure(figures[i], 1, 4);
    if (errors) print_figure(e->error, 100, 2);
    printf(" %9.1f\n", e->seconds);
}

/* Prints the first and the last epochs, and the last epoch of each phase. */
static void print_epochs(const pal_rundir *dir)
{
    enum { FIRST = 3, LAST = 7 };
    const size_t n = pal_rundir_epoch_count(dir);
    bool phases = false, errors = false, skipped = false;
    for (size_t i = 0; i < n; i++) {
        phases |= *pal_rundir_epoch(dir, i)->phase != 0;
        errors |= isfinite(pal_rundir_epoch(dir, i)->error);
    }
    if (!n) return;
    printf("\n%s  %5s %10s %12s %12s %12s %12s%s %9s\n", phases ? "  phase         " : "", "epoch", "step",
           "train loss", "test loss", "squared err", "corrupted", errors ? "      % wrong" : "", "seconds");
    for (size_t i = 0; i < n; i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        const bool ends = i + 1 < n && strcmp(e->phase, pal_rundir_epoch(dir, i + 1)->phase) != 0;
        const bool shown = n <= FIRST + LAST || i < FIRST || i >= n - LAST || ends;
        if (!shown && !skipped) puts("    ...");
        skipped = !shown;
        if (shown) print_epoch(e, phases, errors);
    }
}

static const char *setting(const pal_run_info *info, const char *name)
{
    for (size_t i = 0; i < info->n_settings; i++)
        if (!strcmp(info->settings[i].name, name)) return info->settings[i].value;
    return "";
}

/* Prints how the run was trained. If training still runs or was killed, run.json has no result; then the epochs in
 * metrics.jsonl are counted. */
static void print_training(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char text[512];
    if (!strcmp(setting(info, "solve"), "svd")) {
        print_row("training", "closed form, by singular value decomposition");
        return;
    }
    long long done = (long long)info->result.epochs;
    if (!strcmp(info->status, "running")) done = (long long)pal_rundir_epoch_count(dir);
    snprintf(text, sizeof text, "%lld of %lld epochs, batches of %lld, seed %lld", done,
             (long long)(info->result.planned ? info->result.planned : info->epochs), (long long)info->batch,
             (long long)info->seed);
    print_row("training", text);
    if (!info->optimizer.name || !info->schedule.name) return;
    snprintf(text, sizeof text, "%s, learning rate %g, %s", info->optimizer.name, info->schedule.learning_rate,
             info->schedule.name);
    print_row("optimizer", text);
}

static void print_table(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char text[512], a[64], b[64];
    printf("%s: %s, %s\n\n", pal_rundir_path(dir), info->model, info->status);
    print_row("error", info->error);
    print_row("command", info->command);
    print_settings(info);
    print_row("data", info->data);
    print_row("read as", info->data_note);
    snprintf(text, sizeof text, "%s to train, %s %s", pal_cli_count((double)info->train_samples, a, sizeof a),
             pal_cli_count((double)info->test_samples, b, sizeof b), info->hold_out ? "held out" : "to test");
    print_row("samples", text);
    print_row("weights from", info->from);
    print_training(dir);
    snprintf(text, sizeof text, "%s, %s, %lld threads, %lld lanes", info->isa ? info->isa : "?",
             info->blas ? info->blas : "?", (long long)info->threads, (long long)info->lanes);
    print_row("computed with", text);
    print_row("changed", info->changed);
    if (info->resumed) {
        snprintf(text, sizeof text, "%lld time%s", (long long)info->resumed, info->resumed == 1 ? "" : "s");
        print_row("resumed", text);
    }
    print_row("started", info->started);
    print_row("finished", info->finished);
    print_row("version", info->version);
    if (isfinite(info->result.explained)) {
        snprintf(text, sizeof text, "%.4f, the mean sample %.4f: %.1f%% of the variance explained",
                 info->result.squared_error, info->result.baseline, 100 * info->result.explained);
        print_row("squared error", text);
    }
    print_epochs(dir);
}

int pal_cli_run_info(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(args.words[0], &err);
    if (!dir) return pal_cli_say_error(&err);
    status = PAL_CLI_DONE;
    if (pal_cli_flag(&args, "json"))
        status = print_json(dir);
    else
        print_table(dir);
    pal_rundir_free(dir);
    return status;
}
