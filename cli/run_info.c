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
    json_object_set_new(out, "left_out", json_integer((json_int_t)pal_cli_left_out(pal_rundir_info(dir))));
    json_object_set_new(out, "metrics", epochs);
    json_object_set_new(out, "run", json_string(pal_rundir_path(dir)));
    pal_cli_print_json(out);
    return PAL_CLI_DONE;
}

static void print_row(const char *name, const char *value)
{
    if (!value) return;
    printf("  %-14s ", name);
    pal_cli_print_text(stdout, value, 17, 17);
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

/* ---- The epochs ----------------------------------------------------------------------------------------------- */

enum { PHASE, EPOCH, STEP, TRAIN, TEST, SQUARED, CORRUPTED, WRONG, SECONDS, COLUMNS };

static const struct {
    const char *title;
    int width; /* with the space before it */
} columns[COLUMNS] = {{"phase", 16},       {"epoch", 7},      {"step", 11},    {"train loss", 13}, {"test loss", 13},
                      {"squared err", 13}, {"corrupted", 13}, {"% wrong", 13}, {"seconds", 10}};

/* Which columns are shown: all that say something, or on a narrow terminal those of them that fit. */
static void choose_columns(const pal_rundir *dir, bool shown[COLUMNS])
{
    static const int by_importance[COLUMNS] = {EPOCH, PHASE, TEST, TRAIN, WRONG, SQUARED, SECONDS, STEP, CORRUPTED};
    const int width = pal_cli_columns(stdout);
    int left = width ? width : 1000;
    for (int c = 0; c < COLUMNS; c++) shown[c] = c != PHASE && c != WRONG;
    for (size_t i = 0; i < pal_rundir_epoch_count(dir); i++) {
        shown[PHASE] |= *pal_rundir_epoch(dir, i)->phase != 0;
        shown[WRONG] |= isfinite(pal_rundir_epoch(dir, i)->error);
    }
    for (int i = 0; i < COLUMNS; i++) {
        const int c = by_importance[i];
        shown[c] = shown[c] && columns[c].width <= left;
        left -= shown[c] ? columns[c].width : 0;
    }
}

static void write_figure(double value, int digits, char *out, size_t size)
{
    if (isfinite(value))
        snprintf(out, size, "%.*f", digits, value);
    else
        snprintf(out, size, "-");
}

static void print_epoch(const pal_epoch *e, const bool shown[COLUMNS])
{
    char text[COLUMNS][64];
    snprintf(text[PHASE], sizeof *text, "%s", e->phase);
    snprintf(text[EPOCH], sizeof *text, "%lld", (long long)e->epoch);
    snprintf(text[STEP], sizeof *text, "%lld", (long long)e->step);
    write_figure(e->train_loss, 4, text[TRAIN], sizeof *text);
    write_figure(e->test_loss, 4, text[TEST], sizeof *text);
    write_figure(e->squared_error, 4, text[SQUARED], sizeof *text);
    write_figure(e->squared_error_corrupted, 4, text[CORRUPTED], sizeof *text);
    write_figure(100 * e->error, 2, text[WRONG], sizeof *text);
    snprintf(text[SECONDS], sizeof *text, "%.1f", e->seconds);
    for (int c = 0; c < COLUMNS; c++)
        if (shown[c]) printf(c == PHASE ? "  %-*s" : " %*s", columns[c].width - (c == PHASE ? 2 : 1), text[c]);
    putchar('\n');
}

/* Prints the first and the last epochs, and the last epoch of each phase. */
static void print_epochs(const pal_rundir *dir)
{
    enum { FIRST = 3, LAST = 7 };
    const size_t n = pal_rundir_epoch_count(dir);
    bool shown[COLUMNS], skipped = false;
    if (!n) return;
    choose_columns(dir, shown);
    putchar('\n');
    for (int c = 0; c < COLUMNS; c++)
        if (shown[c]) printf(c == PHASE ? "  %-*s" : " %*s", columns[c].width - (c == PHASE ? 2 : 1), columns[c].title);
    putchar('\n');
    for (size_t i = 0; i < n; i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        const bool ends = i + 1 < n && strcmp(e->phase, pal_rundir_epoch(dir, i + 1)->phase) != 0;
        const bool printed = n <= FIRST + LAST || i < FIRST || i >= n - LAST || ends;
        if (!printed && !skipped) puts("    ...");
        skipped = !printed;
        if (printed) print_epoch(e, shown);
    }
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

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
    const long long rest = (long long)pal_cli_left_out(info);
    int used = snprintf(text, sizeof text, "%lld of %lld epochs, batches of %lld, seed %lld", done,
                        (long long)(info->result.planned ? info->result.planned : info->epochs), (long long)info->batch,
                        (long long)info->seed);
    if (rest)
        snprintf(text + used, sizeof text - (size_t)used, "; each epoch leaves out %lld sample%s, others each time",
                 rest, rest == 1 ? "" : "s");
    print_row("training", text);
    for (size_t i = 0; i < info->n_extensions; i++) {
        const pal_extension *e = &info->extensions[i];
        snprintf(text, sizeof text, "after %lld epochs, from --epochs %lld to %lld, by %s", (long long)e->after,
                 (long long)e->from, (long long)e->to, e->command ? e->command : "an unknown command");
        print_row("extended", text);
    }
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
