/* sweep_report.c - the output of a sweep: the table, its CSV file, JSON, and the picture of the filters.
 *
 * The parts of the loss are columns, too. The columns are fixed before the first run, so their names are asked of the
 * models that the check of all settings makes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sweep.h"
#include "ops/ops.h"

enum { PATH = SWEEP_PATH, NAME = SWEEP_NAME, DRAWN = 16 };
typedef pal_cli_sweep_job job;

static double loss(const pal_figures *f) { return f->loss; }
static double squared_error(const pal_figures *f) { return f->squared_error; }
static double squared_error_corrupted(const pal_figures *f) { return f->squared_error_corrupted; }
static double error(const pal_figures *f) { return f->error; }
static double jacobian_norm2(const pal_figures *f) { return f->code.units ? f->code.jacobian_norm2 : (double)NAN; }
static double activation(const pal_figures *f) { return f->code.units ? f->code.mean : (double)NAN; }

/* The figures that are compared. */
static const struct {
    const char *name, *heading;
    double (*of)(const pal_figures *figures);
} figures[] = {
    {"loss", "test loss", loss},
    {"squared_error", "squared error", squared_error},
    {"squared_error_corrupted", "squared error from corrupted input", squared_error_corrupted},
    {"error", "share classified wrongly", error},
    {"jacobian_norm2", "||J||^2 of the encoder", jacobian_norm2},
    {"activation", "mean activation of the code", activation},
};
enum { FIGURES = sizeof figures / sizeof *figures };

_Static_assert((int)FIGURES + PAL_TERMS <= (int)SWEEP_FIGURES, "SWEEP_FIGURES is too small");
size_t pal_cli_sweep_figures(const job *j) { return FIGURES + j->n_terms; }

const char *pal_cli_sweep_figure(const job *j, size_t i)
{
    return i < FIGURES ? figures[i].name : j->terms[i - FIGURES];
}

const char *pal_cli_sweep_heading(const job *j, size_t i, char *out, size_t size)
{
    if (i < FIGURES)
        snprintf(out, size, "%s", figures[i].heading);
    else
        snprintf(out, size, "%s, a part of the test loss", j->terms[i - FIGURES]);
    return out;
}

void pal_cli_sweep_take(const job *j, const pal_figures *found, double *out)
{
    for (size_t f = 0; f < FIGURES; f++) out[f] = figures[f].of(found);
    for (size_t k = 0; k < j->n_terms; k++) {
        out[FIGURES + k] = NAN;
        for (size_t i = 0; i < found->n_terms; i++)
            if (!strcmp(found->terms[i].name, j->terms[k])) out[FIGURES + k] = found->terms[i].value;
    }
}

static void add_term(job *j, const char *name)
{
    char text[sizeof j->terms[0]];
    snprintf(text, sizeof text, "%s", name);
    for (size_t k = 0; k < j->n_terms; k++)
        if (!strcmp(j->terms[k], text)) return;
    if (j->n_terms < PAL_TERMS) strcpy(j->terms[j->n_terms++], text);
}

static void add_noted(job *j, const pal_model *model)
{
    const size_t n = pal_model_note_count(model);
    for (size_t i = 0; i < n; i++) {
        const char *name;
        pal_model_note_at(model, i, &name);
        add_term(j, "reconstruction");
        add_term(j, name);
    }
}

void pal_cli_sweep_find_terms(job *j, pal_model *model)
{
    enum { ROWS = 2 };
    pal_tape *tape = pal_tape_new(j->context, pal_model_dtype(model));
    pal_tensor *rows = pal_tensor_new(j->context, PAL_F32, PAL_SHAPE(ROWS, pal_model_features(model)));
    if (tape && rows) {
        pal_model_begin(model, tape, PAL_EVALUATE);
        const pal_batch batch = {.inputs = pal_leaf(tape, rows, "x"), .labels = pal_model_labels(model, ROWS)};
        pal_model_loss(model, &batch);
        const pal_var pooled = pal_model_pooled(model, &batch);
        if (pooled.id) pal_model_of_pooled(model, pal_mean(pooled, 1u << 0, false));
        pal_model_end(model);
        add_noted(j, model);
    }
    pal_tape_free(tape);
    pal_tensor_free(rows);
}

void pal_cli_sweep_describe(const pal_setting *settings, size_t n, bool folder, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < n && length < NAME; i++)
        length += (size_t)snprintf(out + length, NAME - length, "%s%s%s%s",
                                   !i       ? ""
                                   : folder ? "-"
                                            : ", ",
                                   settings[i].name, folder ? "-" : " ", settings[i].value);
    for (char *c = out; folder && *c; c++)
        if (*c == '/' || *c == ' ') *c = '_';
}

void pal_cli_sweep_folder(const job *j, const pal_setting *settings, uint64_t seed, char *out)
{
    char name[NAME];
    pal_cli_sweep_describe(settings, j->n_axes, true, name);
    snprintf(out, PATH, "%.3600s/%s-seed-%llu", j->out, name, (unsigned long long)seed);
}

static bool known(const pal_sweep *s, size_t figure)
{
    for (size_t row = 0; row < pal_sweep_rows(s); row++)
        if (pal_sweep_of(s, row, figure).seeds) return true;
    return false;
}

static void name_row(const job *j, const pal_sweep *s, size_t row, bool folder, char *out)
{
    pal_setting settings[PAL_SWEEP_AXES];
    for (size_t a = 0; a < j->n_axes; a++) settings[a] = (pal_setting){j->axes[a].name, pal_sweep_setting(s, row, a)};
    pal_cli_sweep_describe(settings, j->n_axes, folder, out);
}

static void print_pair(pal_cli_line *line, double mean, double error, bool sign)
{
    pal_cli_print_cell(line, 12, 2, sign ? "%+.5g" : "%.6g", mean);
    if (isfinite(error))
        pal_cli_print_cell(line, -13, 1, "+- %.2g", error);
    else
        pal_cli_cell(line, -13, 1, "");
}

static void print_table(const job *j, const pal_sweep *s)
{
    char name[NAME], first[NAME], over[64], heading[NAME];
    int width = 0;
    name_row(j, s, 0, false, first);
    for (size_t row = 0; row < pal_sweep_rows(s); row++) {
        name_row(j, s, row, false, name);
        if ((int)strlen(name) > width) width = (int)strlen(name);
    }
    const size_t seeds = pal_sweep_seeds(s);
    const bool whole = pal_sweep_done(s) == pal_sweep_rows(s) * seeds;
    for (size_t f = 0; f < pal_cli_sweep_figures(j); f++) {
        if (!known(s, f)) continue;
        snprintf(over, sizeof over, whole ? "%zu seed%s" : "the finished ones of %zu seed%s,", seeds,
                 seeds == 1 ? "" : "s");
        pal_cli_paragraph(2, "\n%s: mean over %s +- standard error; then the difference from %s, seed by seed\n",
                          pal_cli_sweep_heading(j, f, heading, sizeof heading), over, first);
        for (size_t row = 0; row < pal_sweep_rows(s); row++) {
            pal_cli_line line = {.width = pal_cli_width()};
            pal_sweep_summary m = pal_sweep_of(s, row, f);
            name_row(j, s, row, false, name);
            pal_cli_cell(&line, -width, 4, name);
            if (!whole) pal_cli_print_cell(&line, -10, 2, "%4lld seed%s", (long long)m.seeds, m.seeds == 1 ? "" : "s");
            if (m.seeds) print_pair(&line, m.mean, m.error, false);
            if (row && isfinite(m.difference)) print_pair(&line, m.difference, m.difference_error, true);
            pal_cli_end_line(&line);
        }
    }
    putchar('\n');
}

static json_t *row_json(const job *j, const pal_sweep *s, size_t row)
{
    json_t *settings = json_object(), *means = json_object(), *runs = json_array();
    pal_setting chosen[PAL_SWEEP_AXES];
    for (size_t a = 0; a < j->n_axes; a++) {
        chosen[a] = (pal_setting){j->axes[a].name, pal_sweep_setting(s, row, a)};
        json_object_set_new(settings, chosen[a].name, json_string(chosen[a].value));
    }
    for (size_t f = 0; f < pal_cli_sweep_figures(j); f++) {
        pal_sweep_summary m = pal_sweep_of(s, row, f);
        if (known(s, f))
            json_object_set_new(means, pal_cli_sweep_figure(j, f),
                                json_pack("{s:o, s:o, s:o, s:o}", "mean", pal_cli_number(m.mean), "standard_error",
                                          pal_cli_number(m.error), "difference", pal_cli_number(m.difference),
                                          "difference_standard_error", pal_cli_number(m.difference_error)));
    }
    for (size_t k = 0; k < pal_sweep_seeds(s); k++) {
        char folder[PATH];
        uint64_t seed = (uint64_t)j->first + k;
        if (!isfinite(pal_sweep_found(s, row, k, 0))) continue;
        pal_cli_sweep_folder(j, chosen, seed, folder);
        json_t *run = json_pack("{s:I, s:o}", "seed", (json_int_t)seed, "run", pal_cli_text(folder));
        for (size_t f = 0; f < pal_cli_sweep_figures(j); f++)
            if (known(s, f))
                json_object_set_new(run, pal_cli_sweep_figure(j, f), pal_cli_number(pal_sweep_found(s, row, k, f)));
        json_array_append_new(runs, run);
    }
    return json_pack("{s:o, s:o, s:o}", "settings", settings, "figures", means, "runs", runs);
}

static void print_json(const job *j, const pal_sweep *s, const char *table, const char *picture)
{
    json_t *rows = json_array();
    for (size_t row = 0; row < pal_sweep_rows(s); row++) json_array_append_new(rows, row_json(j, s, row));
    pal_cli_print_json(json_pack("{s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "model", j->variant->name, "out",
                                 pal_cli_text(j->out), "data", pal_cli_text(j->test->name), "seeds",
                                 (json_int_t)j->seeds, "finished", (json_int_t)pal_sweep_done(s), "rows", rows, "table",
                                 pal_cli_text(table), "filters", pal_cli_text(picture)));
}

/* Draws the first layers of the models of the first seed, side by side. */
static bool draw(const job *j, const pal_sweep *s, const char *path, pal_error *err)
{
    size_t n = pal_sweep_rows(s) < DRAWN ? pal_sweep_rows(s) : DRAWN;
    pal_model *models[DRAWN] = {0};
    char names[DRAWN][NAME];
    const char *titles[DRAWN];
    for (size_t row = 0; row < n && !err->status; row++) {
        pal_setting settings[PAL_SWEEP_AXES];
        char folder[PATH];
        for (size_t a = 0; a < j->n_axes; a++)
            settings[a] = (pal_setting){j->axes[a].name, pal_sweep_setting(s, row, a)};
        pal_cli_sweep_folder(j, settings, (uint64_t)j->first, folder);
        pal_rundir *dir = pal_rundir_open_model(folder, err);
        bool best;
        models[row] = dir ? pal_cli_which(dir, j->context, NULL, &best, err) : NULL;
        pal_rundir_free(dir);
        name_row(j, s, row, false, names[row]);
        titles[row] = names[row];
    }
    char title[NAME];
    snprintf(title, sizeof title, "%s on %s: the first layer, seed %lld", j->variant->name, j->test->name,
             (long long)j->first);
    pal_filters_options o = {.struct_size = sizeof o,
                             .models = models,
                             .titles = titles,
                             .count = n,
                             .units = n > 4 ? 36 : 64,
                             .title = title,
                             .layer = 1};
    if (!err->status) pal_filters_write(&o, path, err);
    for (size_t row = 0; row < n; row++) pal_model_free(models[row]);
    return !err->status;
}

/* What can be done with the runs: the first one stands for all. */
static void print_next(const job *j, const pal_sweep *s)
{
    pal_setting settings[PAL_SWEEP_AXES];
    char folder[PATH], command[2 * PATH];
    for (size_t a = 0; a < j->n_axes; a++) settings[a] = (pal_setting){j->axes[a].name, pal_sweep_setting(s, 0, a)};
    pal_cli_sweep_folder(j, settings, (uint64_t)j->first, folder);
    printf("next:    ");
    pal_cli_print_command(9, 9, pal_cli_command(command, sizeof command, "evaluate", folder));
}

int pal_cli_sweep_report(job *j, const pal_sweep *s, const pal_error *ended)
{
    char table[PATH + 16], picture[PATH + 16];
    pal_error err = {0}, undrawn = {0};
    snprintf(table, sizeof table, "%s/sweep.csv", j->out);
    snprintf(picture, sizeof picture, "%s/filters.png", j->out);
    size_t done = pal_sweep_done(s), all = pal_sweep_rows(s) * pal_sweep_seeds(s);
    if (ended->status && !*ended->text) return j->status;
    if (!done) return pal_cli_say(j->status, "%s: none of %zu runs is finished", ended->text, all);
    if (pal_sweep_write(s, table, &err)) return pal_cli_say_error(&err);
    bool drawn = done >= pal_sweep_rows(s) && draw(j, s, picture, &undrawn);
    if (j->json)
        print_json(j, s, table, drawn ? picture : NULL);
    else if (!j->quiet)
        print_table(j, s);
    if (!j->json && !j->quiet) pal_cli_print("%s\n%s%s", table, drawn ? picture : "", drawn ? "\n" : "");
    if (!j->json && !j->quiet && !ended->status) print_next(j, s);
    if (ended->status)
        return pal_cli_say(j->status, "%s: %zu of %zu runs are finished and stay in %s", ended->text, done, all,
                           j->out);
    return drawn ? PAL_CLI_DONE : pal_cli_say(PAL_CLI_FAILED, "cannot draw the filters: %s", undrawn.text);
}
