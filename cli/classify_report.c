/* classify_report.c - the output of `palindrome classify`: tables, JSON, and the picture of the confusion matrices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/classify.h"
#include "plot/plot.h"

typedef pal_cli_classify_job job;

enum { WIDTH = 200 };

/* The mean error over the draws, and its standard error, which is NAN for one draw. */
static double mean_error(const pal_cli_answers *a, double *standard_error)
{
    double mean = 0, squares = 0, n = (double)a->draws;
    for (int64_t i = 0; i < a->draws; i++) mean += a->result[i].error / n;
    for (int64_t i = 0; i < a->draws; i++) squares += pow(a->result[i].error - mean, 2);
    *standard_error = a->draws > 1 ? sqrt(squares / (n - 1) / n) : (double)NAN;
    return mean;
}

/* ---- Figures of each class ------------------------------------------------------------------------------------ */

typedef struct figures {
    int64_t samples;  /* test samples with the label of the class */
    double recall;    /* NAN: no sample has this label */
    double precision; /* NAN: the classifier never answers with this class */
} figures;

static figures figures_of(const job *j, const pal_cli_answers *a, int64_t class)
{
    int64_t labelled = 0, told = 0;
    for (int64_t k = 0; k < j->classes; k++) {
        labelled += a->confusion[class * j->classes + k];
        told += a->confusion[k * j->classes + class];
    }
    const double right = (double)a->confusion[class * j->classes + class];
    return (figures){.samples = labelled / a->draws,
                     .recall = labelled ? right / (double)labelled : (double)NAN,
                     .precision = told ? right / (double)told : (double)NAN};
}

/* "0", "0 T-shirt/top" */
static const char *class_text(const job *j, int64_t class, char out[WIDTH])
{
    const char *name = pal_dataset_class_name(j->run.data, (int)class);
    snprintf(out, WIDTH, name ? "%lld %s" : "%lld", (long long)class, name);
    return out;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static json_t *json_of_draws(const pal_cli_answers *a)
{
    json_t *draws = json_array();
    for (int64_t i = 0; i < a->draws; i++) {
        const pal_classification *r = &a->result[i];
        json_array_append_new(draws, json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o}", "error",
                                               pal_cli_number(r->error), "train_error", pal_cli_number(r->train_error),
                                               "held_out_error", pal_cli_number(r->held_out_error), "strength",
                                               pal_cli_number(r->strength), "gradient", pal_cli_number(r->gradient),
                                               "evaluations", (json_int_t)r->evaluations, "converged", r->converged,
                                               "seconds", pal_cli_number(r->seconds)));
    }
    return draws;
}

static json_t *json_of(const job *j, int f)
{
    const pal_cli_answers *a = &j->answers[f];
    double standard_error, mean = mean_error(a, &standard_error);
    json_t *table = json_array(), *classes = json_array();
    for (int64_t i = 0; i < j->classes; i++) {
        json_t *row = json_array();
        for (int64_t k = 0; k < j->classes; k++)
            json_array_append_new(row, json_integer(a->confusion[i * j->classes + k]));
        json_array_append_new(table, row);
        const figures of = figures_of(j, a, i);
        const char *name = pal_dataset_class_name(j->run.data, (int)i);
        json_array_append_new(classes, json_pack("{s:I, s:s?, s:I, s:o, s:o}", "class", (json_int_t)i, "name", name,
                                                 "samples", (json_int_t)of.samples, "recall", pal_cli_number(of.recall),
                                                 "precision", pal_cli_number(of.precision)));
    }
    json_t *out = json_pack("{s:I, s:o}", "features", (json_int_t)a->result[0].features, "error", pal_cli_number(mean));
    if (f == PAL_CLI_HEAD) {
        json_object_set_new(out, "seconds", pal_cli_number(a->result[0].seconds));
    } else {
        json_object_set_new(out, "standard_error", pal_cli_number(standard_error));
        json_object_set_new(out, "draws", json_of_draws(a));
    }
    json_object_set_new(out, "per_class", classes);
    json_object_set_new(out, "confusion", table);
    return out;
}

static void print_json(const job *j, const char *picture, const char *csv)
{
    json_t *out = json_pack("{s:o, s:s, s:o}", "run", pal_cli_text(pal_rundir_path(j->run.dir)), "model",
                            pal_model_variant(j->run.model)->name, "data", pal_cli_text(j->run.data->name));
    if (j->trains) json_object_set_new(out, "labels", json_integer(j->labels));
    json_object_set_new(out, "test_samples", json_integer(j->run.data->count));
    json_object_set_new(out, "classes", json_integer(j->classes));
    if (j->trains) json_object_set_new(out, "seed", json_integer(j->seed));
    for (int f = 0; f < PAL_CLI_FEATURES; f++)
        if (j->answers[f].wanted) json_object_set_new(out, pal_cli_features_names[f], json_of(j, f));
    json_object_set_new(out, "picture", pal_cli_text(picture));
    json_object_set_new(out, "csv", pal_cli_text(csv));
    pal_cli_print_json(out);
}

/* ---- Tables --------------------------------------------------------------------------------------------------- */

static void print_confusion(const job *j, int f)
{
    putchar('\n');
    pal_cli_paragraph(2, "%s: rows are labels, columns are answers of the classifier\n", pal_cli_features_names[f]);
    for (int64_t i = -1; i < j->classes; i++) { /* -1: the heading */
        pal_cli_line line = {.width = pal_cli_width()};
        if (i < 0)
            pal_cli_cell(&line, 2, 2, "");
        else
            pal_cli_print_cell(&line, 2, 2, "%lld", (long long)i);
        for (int64_t k = 0; k < j->classes; k++)
            pal_cli_print_cell(&line, 6, 1, "%lld",
                               (long long)(i < 0 ? k : j->answers[f].confusion[i * j->classes + k]));
        pal_cli_end_line(&line);
    }
}

/* The heading of the rows below. */
static void print_names(const job *j)
{
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -8, 2, "");
    pal_cli_cell(&line, 8, 1, "features");
    pal_cli_cell(&line, 8, 1, "error");
    if (j->draws > 1) pal_cli_cell(&line, 8, 1, "+- s.e.");
    if (j->trains) pal_cli_cell(&line, 11, 1, "train error");
    if (j->trains) pal_cli_cell(&line, 9, 1, "strength");
    pal_cli_cell(&line, 8, 1, "seconds");
    pal_cli_end_line(&line);
}

static void print_row(const job *j, int f)
{
    const pal_cli_answers *a = &j->answers[f];
    double standard_error, mean = mean_error(a, &standard_error), trained = 0, seconds = 0, strength = 0;
    for (int64_t i = 0; i < a->draws; i++) {
        trained += a->result[i].train_error / (double)a->draws;
        strength += log(a->result[i].strength) / (double)a->draws;
        seconds += a->result[i].seconds;
    }
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -8, 2, pal_cli_features_names[f]);
    pal_cli_print_cell(&line, 8, 1, "%lld", (long long)a->result[0].features);
    pal_cli_print_cell(&line, 8, 1, "%.2f%%", 100 * mean);
    if (a->draws > 1)
        pal_cli_print_cell(&line, 8, 1, "%.2f%%", 100 * standard_error);
    else if (j->draws > 1)
        pal_cli_cell(&line, 8, 1, "-");
    if (f != PAL_CLI_HEAD) {
        pal_cli_print_cell(&line, 11, 1, "%.2f%%", 100 * trained);
        pal_cli_print_cell(&line, 9, 1, "%.1e", exp(strength));
    } else if (j->trains) {
        pal_cli_cell(&line, 11, 1, "-");
        pal_cli_cell(&line, 9, 1, "-");
    }
    pal_cli_print_cell(&line, 8, 1, "%.1f", seconds);
    pal_cli_end_line(&line);
}

static void print_share(pal_cli_line *line, double share, int width)
{
    if (isnan(share))
        pal_cli_cell(line, width, 1, "-");
    else
        pal_cli_print_cell(line, width, 1, "%.1f%%", 100 * share);
}

static void print_classes(const job *j)
{
    char text[WIDTH];
    int width = 5, wanted = 0;
    for (int64_t i = 0; i < j->classes; i++) {
        const int length = (int)strlen(class_text(j, i, text));
        if (length > width) width = length;
    }
    for (int f = 0; f < PAL_CLI_FEATURES; f++) wanted += j->answers[f].wanted;
    putchar('\n');
    for (int64_t i = wanted > 1 ? -2 : -1; i < j->classes;
         i++) { /* -2: the names of the classifiers; -1: the heading */
        pal_cli_line line = {.width = pal_cli_width()};
        bool begun = false;
        for (int f = 0; f < PAL_CLI_FEATURES; f++) {
            if (!j->answers[f].wanted) continue;
            const figures of = i < 0 ? (figures){0} : figures_of(j, &j->answers[f], i);
            if (!begun) pal_cli_cell(&line, -width, 2, i == -2 ? "" : i < 0 ? "class" : class_text(j, i, text));
            if (!begun && i < 0) pal_cli_cell(&line, 8, 1, i == -2 ? "" : "samples");
            if (!begun && i >= 0) pal_cli_print_cell(&line, 8, 1, "%lld", (long long)of.samples);
            begun = true;
            if (i == -2) pal_cli_cell(&line, -18, 2, pal_cli_features_names[f]);
            if (i == -1) pal_cli_cell(&line, 8, 1, "recall");
            if (i == -1) pal_cli_cell(&line, 10, 1, "precision");
            if (i >= 0) print_share(&line, of.recall, 8);
            if (i >= 0) print_share(&line, of.precision, 10);
        }
        pal_cli_end_line(&line);
    }
}

static void print_table(const job *j)
{
    char text[512], labels[64], samples[64], trained[256] = "";
    const bool head = j->answers[PAL_CLI_HEAD].wanted;
    pal_cli_describe(j->run.model, text, sizeof text);
    pal_cli_count((double)j->run.data->count, samples, sizeof samples);
    if (j->trains)
        snprintf(trained, sizeof trained, "a classifier trained on %s labelled samples of %s, %lld draw%s",
                 pal_cli_count((double)j->labels, labels, sizeof labels), j->run.data->name, (long long)j->draws,
                 j->draws > 1 ? "s" : "");
    pal_cli_paragraph(0, "%s: %s%s, tested on %s samples%s%s\n", text,
                      head ? j->trains ? "the head, and " : "the head" : "", trained, samples, j->trains ? "" : " of ",
                      j->trains ? "" : j->run.data->name);
    print_names(j);
    for (int f = 0; f < PAL_CLI_FEATURES; f++)
        if (j->answers[f].wanted) print_row(j, f);
    print_classes(j);
    for (int f = 0; f < PAL_CLI_FEATURES; f++)
        if (j->answers[f].wanted && pal_cli_flag(&j->args, "confusion")) print_confusion(j, f);
    pal_cli_paragraph(2, "\nerror: share of the test samples that are classified wrongly%s",
                      j->trains ? "; strength: weight of the L2 penalty, chosen on held-out samples" : "");
    pal_cli_paragraph(2, "recall: share of a class's samples that are classified as this class\n"
                         "precision: share of the samples classified as this class that belong to it");
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

static pal_status draw(const job *j, const char *path, pal_error *err)
{
    char model[512], trained[256], title[1000], titles[PAL_CLI_FEATURES][WIDTH], samples[64], labels[64];
    const char *names[256] = {0}, *split = pal_cli_given(&j->args, "split");
    pal_matrix_panel panels[PAL_CLI_FEATURES];
    bool named = true;
    size_t n = 0;
    for (int64_t k = 0; k < j->classes; k++) named &= (names[k] = pal_dataset_class_name(j->run.data, (int)k)) != NULL;
    for (int f = 0; f < PAL_CLI_FEATURES; f++) {
        const pal_cli_answers *a = &j->answers[f];
        if (!a->wanted) continue;
        double standard_error, mean = mean_error(a, &standard_error);
        size_t at = (size_t)snprintf(titles[f], WIDTH, "%s", pal_cli_features_names[f]);
        if (f != PAL_CLI_HEAD)
            at += (size_t)snprintf(titles[f] + at, WIDTH - at, ", %s labels",
                                   pal_cli_count((double)j->labels, labels, sizeof labels));
        at += (size_t)snprintf(titles[f] + at, WIDTH - at, ": %.2f %% wrong", 100 * mean);
        if (a->draws > 1) snprintf(titles[f] + at, WIDTH - at, " in %lld draws", (long long)a->draws);
        panels[n++] = (pal_matrix_panel){.title = titles[f], .counts = a->confusion};
    }
    snprintf(title, sizeof title, "%s, %s: %s %s samples of %s", pal_cli_describe(j->run.model, model, sizeof model),
             pal_cli_trained(&j->run, 1, trained, sizeof trained),
             pal_cli_count((double)j->run.data->count, samples, sizeof samples), split ? split : "test",
             j->run.data->name);
    const pal_matrix matrix = {.struct_size = sizeof matrix,
                               .title = title,
                               .panels = panels,
                               .panel_count = n,
                               .classes = (size_t)j->classes,
                               .names = named ? names : NULL,
                               .csv = pal_cli_flag(&j->args, "csv")};
    return pal_matrix_write(&matrix, path, err);
}

int pal_cli_classify_report(const job *j, const char *path)
{
    char numbers[4096];
    pal_error err = {0};
    const bool drawn = draw(j, path, &err) == PAL_OK;
    const char *csv = drawn ? pal_cli_numbers_of(&j->args, path, numbers, sizeof numbers) : NULL;
    if (pal_cli_flag(&j->args, "json")) {
        print_json(j, drawn ? path : NULL, csv);
    } else {
        print_table(j);
        if (drawn) pal_cli_print("\n%s%s%s\n", csv ? csv : "", csv ? "\n" : "", path);
    }
    return drawn ? PAL_CLI_DONE : pal_cli_say_error(&err);
}
