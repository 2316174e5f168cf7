/* run_info.c - palindrome run-info: shows how a run was made and how it went. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/train.h"
#include "train/json_text.h"

static const pal_cli_row rows[] = {PAL_CLI_JSON, PAL_CLI_END};
const pal_cli_spec pal_cli_run_info_spec = {
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
    const char *text = pal_rundir_text(dir), *wrong;
    json_t *out = palt__json_load(text, strlen(text), NULL, &wrong);
    if (!out) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
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
    int64_t evaluations, products;
    pal_cli_computed(dir, &evaluations, &products);
    if (evaluations) {
        json_object_set_new(out, "evaluations", json_integer((json_int_t)evaluations));
        json_object_set_new(out, "products", json_integer((json_int_t)products));
    }
    json_object_set_new(out, "metrics", epochs);
    json_object_set_new(out, "run", pal_cli_text(pal_rundir_path(dir)));
    pal_cli_print_json(out);
    return PAL_CLI_DONE;
}

enum { VALUES = 17 }; /* the column of the values */

static void print_row(const char *name, const char *value)
{
    char head[32];
    snprintf(head, sizeof head, "  %s", name);
    if (value) pal_cli_hang(head, VALUES, pal_cli_width(), value);
}

/* The command, as it can be pasted where the program was started. */
static void print_command(const char *command)
{
    char name[4096] = "", line[8192];
    if (!command) return;
    const size_t first = pal_cli_shell_word(command);
    const size_t own = pal_cli_shell_word(program_invocation_name);
    snprintf(name, sizeof name, "%.*s", (int)own, program_invocation_name);
    snprintf(line, sizeof line, "%s%s", name, command + first);
    printf("  %-14s ", "command");
    pal_cli_print_command(VALUES, VALUES, line);
}

/* The model of the run, which tells the settings that have an effect. NULL: nothing was saved yet, or the variant is
 * not known here, or it cannot be opened, which a warning says. Returns PAL_CLI_GO_ON or the exit status. */
static int open_model(const pal_rundir *dir, pal_context *context, pal_model **model)
{
    char path[PAL_CLI_PATH];
    pal_error err = {0};
    *model = NULL;
    if (!context) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (!pal_variant_find(pal_rundir_info(dir)->model)) return PAL_CLI_GO_ON;
    if (access(pal_rundir_file(dir, "checkpoint.safetensors", path, sizeof path), F_OK) && errno == ENOENT)
        return PAL_CLI_GO_ON;
    *model = pal_rundir_model(dir, context, &err);
    if (*model) return PAL_CLI_GO_ON;
    if (err.status == PAL_ERR_MEMORY) return pal_cli_say_error(&err);
    return pal_cli_say(PAL_CLI_GO_ON, "warning: settings without an effect are listed, too: %s", err.text);
}

/* Writes the settings as options of train. Those without effect are left out, because train refuses them; all that are
 * set are written if there is no model yet. Returns PAL_CLI_GO_ON or the exit status. */
static int find_settings(const pal_rundir *dir, char *line, size_t size)
{
    const pal_run_info *info = pal_rundir_info(dir);
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .unpinned = true});
    pal_model *model;
    char option[96];
    int status = open_model(dir, context, &model);
    *line = 0;
    for (size_t i = 0; i < info->n_settings && status == PAL_CLI_GO_ON; i++) {
        pal_error err = {0};
        const pal_setting *s = &info->settings[i];
        const bool idle = !*s->value || (model && pal_model_check_given(model, s, 1, &err));
        if (err.status == PAL_ERR_MEMORY) status = pal_cli_say_error(&err);
        if (idle) continue;
        snprintf(option, sizeof option, "--%s", s->name);
        pal_cli_quote(line, size, option);
        pal_cli_quote(line, size, s->value);
    }
    pal_model_free(model);
    pal_context_free(context);
    return status;
}

static void print_figure(pal_cli_line *line, double value, int digits)
{
    char text[64] = "-";
    if (isfinite(value)) pal_cli_figure(value, digits, text, sizeof text);
    pal_cli_cell(line, 12, 1, text);
}

static void print_epoch(const pal_epoch *e, bool phases, bool errors)
{
    pal_cli_line line = {.width = pal_cli_width()};
    char text[64];
    if (phases) pal_cli_cell(&line, -14, 2, e->phase);
    snprintf(text, sizeof text, "%lld", (long long)e->epoch);
    pal_cli_cell(&line, 5, 2, text);
    snprintf(text, sizeof text, "%lld", (long long)e->step);
    pal_cli_cell(&line, 10, 1, text);
    const double figures[] = {e->train_loss, e->test_loss, e->squared_error, e->squared_error_corrupted};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) print_figure(&line, figures[i], 4);
    if (errors) print_figure(&line, 100 * e->error, 2);
    snprintf(text, sizeof text, "%.1f", e->seconds);
    pal_cli_cell(&line, 9, 1, text);
    pal_cli_end_line(&line);
}

static void print_heading(bool phases, bool errors)
{
    static const char *const names[] = {"train loss", "test loss", "squared err", "corrupted", "% wrong"};
    pal_cli_line line = {.width = pal_cli_width()};
    if (phases) pal_cli_cell(&line, -14, 2, "phase");
    pal_cli_cell(&line, 5, 2, "epoch");
    pal_cli_cell(&line, 10, 1, "step");
    for (size_t i = 0; i < 4U + errors; i++) pal_cli_cell(&line, 12, 1, names[i]);
    pal_cli_cell(&line, 9, 1, "seconds");
    pal_cli_end_line(&line);
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
    putchar('\n');
    print_heading(phases, errors);
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

/* What a minimiser has computed so far. */
static void print_computed(const pal_rundir *dir)
{
    int64_t evaluations, products;
    const int64_t some = pal_rundir_info(dir)->minimise.curvature_samples;
    char text[160], a[64], b[64];
    pal_cli_computed(dir, &evaluations, &products);
    if (!evaluations) return;
    print_row("evaluations", pal_cli_count((double)evaluations, a, sizeof a));
    if (!products) return;
    snprintf(text, sizeof text, "%s%s%s%s", pal_cli_count((double)products, a, sizeof a), some ? ", of " : "",
             some ? pal_cli_count((double)some, b, sizeof b) : "", some ? " samples each" : "");
    print_row("products", text);
}

/* Prints how the run was trained. If training still runs or was killed, run.json has no result; then the epochs in
 * metrics.jsonl are counted. */
static void print_training(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char text[512], batches[64];
    if (!strcmp(setting(info, "solve"), "svd")) {
        print_row("training", "closed form, by singular value decomposition");
        return;
    }
    long long done = (long long)info->result.epochs;
    if (!strcmp(info->status, "running")) done = (long long)pal_rundir_epoch_count(dir);
    const long long rest = (long long)pal_cli_left_out(info);
    int used = snprintf(text, sizeof text, "%lld of %lld epochs, %s, seed %lld", done,
                        (long long)(info->result.planned ? info->result.planned : info->epochs),
                        pal_cli_batches(info, batches, sizeof batches), (long long)info->seed);
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
    if (pal_train_minimises(info->optimizer.name))
        snprintf(text, sizeof text, "%s%s", info->optimizer.name,
                 info->minimise.frozen_noise ? ", with frozen noise" : "");
    else
        snprintf(text, sizeof text, "%s, learning rate %g, %s", info->optimizer.name, info->schedule.learning_rate,
                 info->schedule.name);
    print_row("optimizer", text);
    print_computed(dir);
    print_row("average", info->optimizer.average);
    print_row("rates", info->optimizer.rates);
    print_row("elementwise", info->optimizer.elementwise);
}

/* What was to end training early, and what did. */
static void print_stopping(const pal_run_info *info)
{
    char text[512], limit[32];
    const pal_train_result *r = &info->result;
    const bool out = r->ended && !strcmp(r->ended, "patience"), over = r->ended && !strcmp(r->ended, "time");
    if (info->patience) {
        int used = snprintf(text, sizeof text, "%lld measurement%s", (long long)info->patience,
                            info->patience == 1 ? "" : "s");
        if (info->min_improvement > 0)
            used += snprintf(text + used, sizeof text - (size_t)used, " without an improvement of %g",
                             info->min_improvement);
        if (out)
            snprintf(text + used, sizeof text - (size_t)used, "; it has ended after epoch %lld", (long long)r->epochs);
        print_row("patience", text);
    }
    if (info->time_limit > 0) {
        snprintf(text, sizeof text, "%s%s", pal_cli_duration(info->time_limit, limit, sizeof limit),
                 over ? "; it is over" : "");
        print_row("time", text);
    }
    if (r->best_epoch) {
        snprintf(text, sizeof text, "%lld, measured loss %.10g%s", (long long)r->best_epoch, r->best_loss,
                 info->patience || info->keep_best ? ", kept in best.safetensors" : "");
        print_row("best epoch", text);
    }
}

/* Where the C file of the model came from. */
static void print_source(const pal_run_info *info)
{
    char text[PAL_CLI_PATH + 128];
    if (!info->source_hash) return;
    snprintf(text, sizeof text, "%.4000s, kept as variant.c", info->source ? info->source : "an unknown file");
    print_row("source", text);
    print_row("its SHA-256", info->source_hash);
}

static int print_table(const pal_rundir *dir)
{
    const pal_run_info *info = pal_rundir_info(dir);
    char text[512], settings[4096], a[64], b[64];
    const int status = find_settings(dir, settings, sizeof settings);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_paragraph(0, "%s: %s, %s\n", pal_rundir_path(dir), info->model, info->status);
    print_row("error", info->error);
    print_command(info->command);
    print_row("settings", settings);
    print_source(info);
    print_row("data", info->data);
    print_row("read as", info->data_note);
    snprintf(text, sizeof text, "%s to train, %s %s", pal_cli_count((double)info->train_samples, a, sizeof a),
             pal_cli_count((double)info->test_samples, b, sizeof b),
             info->hold_out             ? "held out"
             : info->validation_samples ? "for validation"
                                        : "to test");
    print_row("samples", text);
    print_row("weights from", info->from);
    print_training(dir);
    print_stopping(info);
    snprintf(text, sizeof text, "%s, %s, %lld threads, %lld lanes%s", info->isa ? info->isa : "?",
             info->blas ? info->blas : "?", (long long)info->threads, (long long)info->lanes,
             info->portable ? ", portable" : "");
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
        snprintf(text, sizeof text, "%s, the mean sample %s: %.1f%% of the variance explained",
                 pal_cli_figure(info->result.squared_error, 4, a, sizeof a),
                 pal_cli_figure(info->result.baseline, 4, b, sizeof b), 100 * info->result.explained);
        print_row("squared error", text);
    }
    print_epochs(dir);
    return PAL_CLI_DONE;
}

int pal_cli_run_info(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_run_info_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(args.words[0], &err);
    if (!dir) return pal_cli_say_error(&err);
    status = PAL_CLI_DONE;
    if (pal_cli_flag(&args, "json"))
        status = print_json(dir);
    else
        status = print_table(dir);
    pal_rundir_free(dir);
    return status;
}
