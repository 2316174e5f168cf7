/* impute.c - palindrome infill for tables: completes a table, or removes cells to measure how well it would.
 *
 * A table is read as the model's schema has it, its missing cells are filled in, and it is written with the columns of
 * the schema. Known cells are written as they were read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data.h"

#define METHOD PAL_INFILL_ONCE /* of a table: docs/data.md has the figures */

/* ---- What is asked for ---------------------------------------------------------------------------------------- */

pal_cli_infill_kind pal_cli_infill_kind_of(const pal_cli_args *args)
{
    return args->n_words > 1 ? PAL_CLI_CELLS : pal_cli_given(args, "remove") ? PAL_CLI_REMOVAL : PAL_CLI_PIXELS;
}

static bool ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && !strcmp(text + n - m, end);
}

static int check_words(const pal_cli_args *args)
{
    if (args->n_words == 2)
        return pal_cli_say(PAL_CLI_WRONG, "no OUT given: name the completed table, as in infill %s %s completed.csv",
                           args->words[0], args->words[1]);
    const char *in = args->words[1], *out = args->words[2], *method = pal_cli_given(args, "method");
    const bool pipes = !strcmp(in, "-") || !strcmp(out, "-");
    if (strcmp(out, "-") != 0 && !ends_in(out, ".csv") && !ends_in(out, ".npy"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: not an array file: choose a name ending in .csv or .npy, or - for standard output",
                           out);
    if (pal_cli_is_folder(in)) return pal_cli_say(PAL_CLI_WRONG, "%s is a folder: give a table as IN", in);
    if (pal_cli_is_folder(out)) return pal_cli_say(PAL_CLI_WRONG, "%s is a folder: choose a file as OUT", out);
    if (pal_cli_is_same(in, out))
        return pal_cli_say(PAL_CLI_WRONG, "%s is the input and would be overwritten: choose another OUT", out);
    if (method && !strcmp(method, "all"))
        return pal_cli_say(PAL_CLI_WRONG, "--method all: OUT has one value per cell: choose once, clamp or code");
    if (pal_cli_given(args, "rate") && (!method || strcmp(method, "code") != 0))
        return pal_cli_say(PAL_CLI_WRONG, "--rate has an effect only with --method code: leave it out");
    if (!strcmp(out, "-") && pal_cli_flag(args, "json"))
        return pal_cli_say(PAL_CLI_WRONG, "--json and OUT - both use standard output: give a file as OUT");
    if (pal_cli_given(args, "format") && !pipes)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--format is for standard input and output, but IN and OUT are files, whose names tell "
                           "their format: leave it out, or give - for one of them");
    return PAL_CLI_GO_ON;
}

int pal_cli_impute_check(const pal_cli_args *args)
{
    static const struct {
        const char *option;
        unsigned kinds; /* in which it has an effect: bits 1 << PAL_CLI_... */
    } rows[] = {{"out", 1 << PAL_CLI_PIXELS},      {"as", 1 << PAL_CLI_PIXELS},      {"rectangle", 1 << PAL_CLI_PIXELS},
                {"half", 1 << PAL_CLI_PIXELS},     {"mask", 1 << PAL_CLI_PIXELS},    {"samples", 1 << PAL_CLI_PIXELS},
                {"format", 1 << PAL_CLI_CELLS},    {"remove", 1 << PAL_CLI_REMOVAL}, {"data", ~(1U << PAL_CLI_CELLS)},
                {"split", ~(1U << PAL_CLI_CELLS)}, {"limit", ~(1U << PAL_CLI_CELLS)}};
    const pal_cli_infill_kind kind = pal_cli_infill_kind_of(args);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (pal_cli_given(args, rows[i].option) && !(rows[i].kinds >> kind & 1U))
            return pal_cli_say(PAL_CLI_WRONG, "--%s has %s: leave it out", rows[i].option,
                               kind == PAL_CLI_PIXELS  ? "an effect only with IN and OUT"
                               : kind == PAL_CLI_CELLS ? "no effect with IN and OUT"
                                                       : "no effect with --remove");
    return kind == PAL_CLI_CELLS ? check_words(args) : PAL_CLI_GO_ON;
}

/* The methods that --method asks for: bits 1 << PAL_INFILL_...; 0: all. */
static unsigned methods_of(const pal_cli_args *args)
{
    const char *name = pal_cli_given(args, "method");
    for (int k = 0; name && k < PAL_INFILL_METHODS; k++)
        if (!strcmp(name, pal_infill_name((pal_infill_method)k))) return 1U << k;
    return 0;
}

static int say_failure(const pal_error *err)
{
    if (err->status != PAL_ERR_STOPPED) return pal_cli_say_error(err);
    return pal_cli_say(PAL_CLI_SIGNAL + pal_cli_signal(), "infill: %s, nothing is written", err->text);
}

/* ---- A table -------------------------------------------------------------------------------------------------- */

typedef struct table {
    const pal_cli_args *args;
    const pal_cli_run *run;
    const pal_dataset *data;
    size_t n, d;
    double *rows;                         /* [n, d] */
    int64_t missing, with_missing, empty; /* cells; rows with such cells; rows without any other cell */
} table;

static void count(table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        size_t known = 0;
        for (size_t j = 0; j < t->d; j++) known += isfinite(t->rows[i * t->d + j]) != 0;
        t->missing += (int64_t)(t->d - known);
        t->with_missing += known < t->d;
        t->empty += !known;
    }
}

static bool is_text(const pal_cli_args *args, const char *path)
{
    const char *format = pal_cli_given(args, "format");
    return strcmp(path, "-") != 0 ? ends_in(path, ".csv") : !format || !strcmp(format, "csv");
}

/* As text, with the labels of IN in a last column. */
static pal_status write_text(const table *t, const char *path, pal_error *err)
{
    const pal_dataset *d = t->data;
    const bool labelled = d->labels && d->schema->label;
    const size_t wide = t->d + labelled;
    pal_column *columns = calloc(wide, sizeof *columns);
    double *rows = malloc(t->n * wide * sizeof *rows);
    pal_schema *s = NULL;
    pal_status status = columns && rows ? PAL_OK : pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    for (size_t j = 0; j < t->d && !status; j++) columns[j] = d->schema->columns[j];
    if (labelled && !status)
        columns[t->d] = d->classes_of ? (pal_column){.name = d->schema->label,
                                                     .kind = PAL_COLUMN_CATEGORY,
                                                     .scale = 1,
                                                     .levels = (const char *const *)d->classes_of,
                                                     .n_levels = d->classes}
                                      : (pal_column){.name = d->schema->label, .kind = PAL_COLUMN_NUMBER, .scale = 1};
    for (size_t i = 0; i < t->n && !status; i++) {
        memcpy(rows + i * wide, t->rows + i * t->d, t->d * sizeof *rows);
        if (labelled) rows[i * wide + t->d] = (double)((const uint8_t *)d->labels->data)[i];
    }
    if (!status && !(s = pal_schema_new(&(pal_schema){.columns = columns, .n_columns = (int64_t)wide}, err)))
        status = err->status;
    if (!status)
        status = pal_table_write_named(path, s, rows, t->n, (const char *const *)d->ids,
                                       pal_cli_data_id(t->args, pal_rundir_info(t->run->dir)), err);
    pal_schema_free(s);
    free(rows);
    free(columns);
    return status;
}

static pal_status write_array(const table *t, const char *path, pal_error *err)
{
    pal_tensor *rows = pal_tensor_new(t->data->inputs->context, PAL_F64, PAL_SHAPE((int64_t)t->n, (int64_t)t->d));
    if (!rows) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    memcpy(rows->data, t->rows, t->n * t->d * sizeof *t->rows);
    const pal_status status = pal_npy_write(rows, path, err);
    pal_tensor_free(rows);
    return status;
}

static void tell(const table *t, const char *method)
{
    const char *in = t->args->words[1], *out = t->args->words[2];
    char a[32], b[32], c[32];
    if (t->empty)
        pal_cli_say(PAL_CLI_GO_ON,
                    "warning: %s: %s row%s without any known cell: filled with what the model makes of nothing",
                    strcmp(in, "-") ? in : "standard input", pal_cli_count((double)t->empty, a, sizeof a),
                    t->empty == 1 ? "" : "s");
    if (!t->missing)
        pal_cli_say(PAL_CLI_GO_ON, "note: %s has no missing cell", strcmp(in, "-") ? in : "standard input");
    if (pal_cli_flag(t->args, "json")) {
        pal_cli_print_json(json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:s}", "run",
                                     pal_cli_text(t->args->words[0]), "in", pal_cli_text(in), "out", pal_cli_text(out),
                                     "rows", (json_int_t)t->n, "columns", (json_int_t)t->d, "missing_cells",
                                     (json_int_t)t->missing, "rows_with_missing", (json_int_t)t->with_missing,
                                     "rows_without_known", (json_int_t)t->empty, "method", method));
        return;
    }
    if (!strcmp(out, "-")) return;
    pal_cli_print("%s: %s of %s cells filled in by %s, in %s row%s\n", out,
                  pal_cli_count((double)t->missing, a, sizeof a),
                  pal_cli_count((double)t->n * (double)t->d, b, sizeof b), method,
                  pal_cli_count((double)t->with_missing, c, sizeof c), t->with_missing == 1 ? "" : "s");
}

int pal_cli_impute(const pal_cli_args *args, pal_cli_run *run, const pal_infill_options *options)
{
    const char *in = args->words[1], *out = args->words[2];
    pal_error err = {0};
    run->data = pal_cli_open_rows(run, in, !strcmp(in, "-") && !is_text(args, in), &err);
    if (!run->data) return pal_cli_say_error(&err);
    table t = {.args = args, .run = run, .data = run->data, .n = (size_t)run->data->count};
    t.rows = run->data->rows->data;
    t.d = pal_tensor_count(run->data->rows) / t.n;
    if (run->data->features != pal_model_features(run->model))
        return pal_cli_say(PAL_CLI_WRONG, "%s: has samples of %lld features, but %s takes %lld", in,
                           (long long)run->data->features, pal_rundir_path(run->dir),
                           (long long)pal_model_features(run->model));
    count(&t);
    pal_infill_options o = *options;
    o.method = METHOD;
    for (int k = 0; k < PAL_INFILL_METHODS; k++)
        if (methods_of(args) >> k & 1U) o.method = (pal_infill_method)k;
    if (pal_impute(run->model, t.rows, t.n, &o, t.rows, NULL, &err)) return say_failure(&err);
    const pal_status status = (is_text(args, out) ? write_text : write_array)(&t, out, &err);
    if (status) return pal_cli_say_error(&err);
    tell(&t, pal_infill_name(o.method));
    return PAL_CLI_DONE;
}

/* ---- Cells that are removed ----------------------------------------------------------------------------------- */

static json_t *json_of(const pal_impute_error *e, const char *key)
{
    json_t *methods = json_object();
    for (int k = 0; k < PAL_INFILL_METHODS; k++)
        if (isfinite(e->method[k]))
            json_object_set_new(methods, pal_infill_name((pal_infill_method)k), pal_cli_number(e->method[k]));
    return json_pack("{s:s, s:I, s:o, s:o}", "error", key, "cells", (json_int_t)e->cells, "column_means",
                     pal_cli_number(e->reference), "methods", methods);
}

static void print_json(const pal_cli_run *run, const pal_impute_figures *f, const pal_impute_error *columns)
{
    const pal_schema *s = pal_model_schema(run->model);
    const int64_t d = s ? s->n_columns : pal_model_features(run->model);
    json_t *all = json_array();
    for (int64_t c = 0; c < d; c++) {
        char name[96];
        const bool number = !s || s->columns[c].kind == PAL_COLUMN_NUMBER;
        json_t *one = json_of(&columns[c], number ? "root_mean_squared" : "share_wrong");
        if (s)
            pal_schema_name(s, c, name, sizeof name);
        else
            snprintf(name, sizeof name, "column %lld", (long long)c + 1);
        json_object_set_new(one, "column", pal_cli_text(name));
        json_array_append_new(all, one);
    }
    pal_cli_print_json(json_pack(
        "{s:o, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "run", pal_cli_text(pal_rundir_path(run->dir)), "model",
        pal_model_variant(run->model)->name, "data", pal_cli_text(run->data->name), "samples", (json_int_t)f->samples,
        "known_cells", (json_int_t)f->known, "removed_cells", (json_int_t)f->removed, "numbers",
        json_of(&f->numbers, "root_mean_squared"), "categories", json_of(&f->words, "share_wrong"), "columns", all));
}

static void print_row(const char *name, double number, double word)
{
    char a[32] = "-", b[32] = "-";
    if (isfinite(number)) snprintf(a, sizeof a, "%.4f", number);
    if (isfinite(word)) snprintf(b, sizeof b, "%.4f", word);
    pal_cli_print("    %-12s %9s %11s\n", name, a, b);
}

static void print_table(const pal_cli_run *run, const pal_impute_figures *f, const char *seed)
{
    char text[512], a[32], b[32], c[32];
    pal_cli_paragraph(0, "%s on %s samples of %s: %s of %s known cells removed by seed %s\n",
                      pal_cli_describe(run->model, text, sizeof text), pal_cli_count((double)f->samples, a, sizeof a),
                      run->data->name, pal_cli_count((double)f->removed, b, sizeof b),
                      pal_cli_count((double)f->known, c, sizeof c), seed);
    printf("  %-14s %9s %11s\n", "filled in by", "numbers", "categories");
    for (int k = 0; k < PAL_INFILL_METHODS; k++)
        if (isfinite(f->numbers.method[k]) || isfinite(f->words.method[k]))
            print_row(pal_infill_name((pal_infill_method)k), f->numbers.method[k], f->words.method[k]);
    print_row("column means", f->numbers.reference, f->words.reference);
    putchar('\n');
    pal_cli_paragraph(2, "numbers: root mean squared error, scaled as in training; categories: share of wrong cells; "
                         "column means: those of the training samples, and their most frequent category\n");
}

int pal_cli_impute_measure(const pal_cli_args *args, pal_cli_run *run, const pal_infill_options *options,
                           const pal_dataset *train)
{
    const pal_schema *s = pal_model_schema(run->model);
    const char *seed = pal_cli_given(args, "seed");
    const int64_t d = s ? s->n_columns : pal_model_features(run->model);
    pal_impute_error *columns = calloc((size_t)d, sizeof *columns);
    if (!columns) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    const pal_impute_options o = {.struct_size = sizeof o,
                                  .infill = *options,
                                  .methods = methods_of(args),
                                  .remove = strtod(pal_cli_given(args, "remove"), NULL),
                                  .seed = (uint64_t)pal_cli_int(args, "seed", 1)};
    pal_impute_figures figures;
    pal_error err = {0};
    int status = PAL_CLI_DONE;
    if (pal_impute_measure(run->model, run->data, train, &o, &figures, columns, &err))
        status = say_failure(&err);
    else if (pal_cli_flag(args, "json"))
        print_json(run, &figures, columns);
    else
        print_table(run, &figures, seed ? seed : "1");
    free(columns);
    return status;
}
