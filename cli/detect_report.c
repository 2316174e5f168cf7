/* detect_report.c - the output of `palindrome detect`: the worst samples as a table, the figures, JSON, the picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/detect.h"

typedef pal_cli_detect_job job;

static char **ids_of(const job *j) { return j->run.data ? j->run.data->ids : NULL; }
static const char *name_of_data(const job *j) { return j->run.data ? j->run.data->name : "standard input"; }

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static json_t *json_of_feature(const job *j, uint32_t feature, double part)
{
    char name[PAL_CLI_FEATURE];
    json_t *out = json_pack("{s:I, s:o}", "feature", (json_int_t)feature, "contribution", pal_cli_number(part));
    if (pal_cli_detect_names(j))
        json_object_set_new(out, "name", pal_cli_text(pal_cli_detect_feature(j, feature, name, sizeof name)));
    return out;
}

static json_t *json_of_worst(const job *j)
{
    json_t *worst = json_array();
    for (size_t i = 0; i < j->n_worst; i++) {
        const pal_cli_odd *w = &j->worst[i];
        json_t *features = json_array();
        for (size_t k = 0; k < j->guilty; k++)
            json_array_append_new(features, json_of_feature(j, w->which[k], w->part[k]));
        json_t *row = json_pack("{s:I, s:o, s:b, s:o}", "sample", (json_int_t)w->sample, "score",
                                pal_cli_number(w->score), "flag", w->score > j->threshold, "features", features);
        if (j->odd) json_object_set_new(row, "odd", json_boolean(j->odd[w->sample]));
        if (ids_of(j)) json_object_set_new(row, "id", pal_cli_text(ids_of(j)[w->sample]));
        json_array_append_new(worst, row);
    }
    return worst;
}

static json_t *json_of_figures(const job *j)
{
    const pal_detection *f = &j->figures;
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "labels", j->odd_how, "odd", (json_int_t)f->odd,
                     "hits", (json_int_t)f->hits, "auroc", pal_cli_number(f->auroc), "average_precision",
                     pal_cli_number(f->average_precision), "precision", pal_cli_number(f->precision), "recall",
                     pal_cli_number(f->recall), "f1", pal_cli_number(f->f1));
}

static void print_json(const job *j, const char *picture, const char *csv)
{
    json_t *out = json_pack("{s:o, s:s, s:o, s:I, s:s, s:s, s:o, s:s, s:I}", "run",
                            pal_cli_text(pal_rundir_path(j->run.dir)), "model", pal_model_variant(j->run.model)->name,
                            "data", pal_cli_text(name_of_data(j)), "samples", (json_int_t)j->samples, "score",
                            pal_score_name(j->score), "parts", pal_score_parts(j->score), "threshold",
                            pal_cli_number(j->threshold), "threshold_from", j->how, "flagged", (json_int_t)j->flagged);
    if (j->score == PAL_SCORE_LATENT)
        json_object_set_new(out, "ridge", pal_cli_number(pal_detector_ridge(j->detector)));
    if (j->odd) json_object_set_new(out, "figures", json_of_figures(j));
    json_object_set_new(out, "worst", json_of_worst(j));
    json_object_set_new(out, "out", pal_cli_text(j->out));
    json_object_set_new(out, "picture", pal_cli_text(picture));
    json_object_set_new(out, "csv", pal_cli_text(csv));
    pal_cli_print_json(out);
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

static void print_figure(const char *name, double value, int digits)
{
    char text[64];
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -17, 2, name);
    pal_cli_cell(&line, 12, 1, isnan(value) ? "-" : pal_cli_figure(value, digits, text, sizeof text));
    pal_cli_end_line(&line);
}

static void print_figures(const job *j)
{
    const pal_detection *f = &j->figures;
    pal_cli_paragraph(2, "\n%s: %lld of %lld samples, %lld of them flagged", j->odd_how, (long long)f->odd,
                      (long long)f->samples, (long long)f->hits);
    print_figure("AUROC", f->auroc, 4);
    print_figure("average precision", f->average_precision, 4);
    print_figure("precision", f->precision, 4);
    print_figure("recall", f->recall, 4);
    print_figure("F1", f->f1, 4);
}

static void print_worst(const job *j)
{
    pal_cli_line head = {.width = pal_cli_width()};
    if (!j->n_worst) return;
    putchar('\n');
    pal_cli_cell(&head, 9, 2, "sample");
    pal_cli_cell(&head, 12, 1, "score");
    if (ids_of(j)) pal_cli_cell(&head, -10, 2, "id");
    pal_cli_cell(&head, -7, 2, "flag");
    if (j->odd) pal_cli_cell(&head, -6, 2, "label");
    if (j->guilty) pal_cli_cell(&head, -8, 2, "features: what they contribute");
    pal_cli_end_line(&head);
    for (size_t i = 0; i < j->n_worst; i++) {
        const pal_cli_odd *w = &j->worst[i];
        char score[64], part[64], name[PAL_CLI_FEATURE];
        pal_cli_line line = {.width = pal_cli_width()};
        pal_cli_print_cell(&line, 9, 2, "%lld", (long long)w->sample);
        pal_cli_cell(&line, 12, 1, pal_cli_figure(w->score, 4, score, sizeof score));
        if (ids_of(j)) pal_cli_print_cell(&line, -10, 2, "%.40s", ids_of(j)[w->sample]);
        pal_cli_cell(&line, -7, 2, w->score > j->threshold ? "flagged" : "");
        if (j->odd) pal_cli_cell(&line, -6, 2, j->odd[w->sample] ? "odd" : "normal");
        for (size_t k = 0; k < j->guilty; k++)
            pal_cli_print_cell(&line, -16, 2, "%.100s: %s", pal_cli_detect_feature(j, w->which[k], name, sizeof name),
                               pal_cli_figure(w->part[k], 4, part, sizeof part));
        pal_cli_end_line(&line);
    }
}

static void print_table(const job *j)
{
    char text[512], samples[64], threshold[64];
    pal_cli_paragraph(0, "%s: %s of %s samples of %s", pal_cli_describe(j->run.model, text, sizeof text),
                      pal_score_name(j->score), pal_cli_count((double)j->samples, samples, sizeof samples),
                      name_of_data(j));
    pal_cli_paragraph(0, "%lld flagged above %s, %s", (long long)j->flagged,
                      pal_cli_figure(j->threshold, 4, threshold, sizeof threshold), j->how);
    if (j->odd)
        print_figures(j);
    else if (j->run.data && j->run.data->labels)
        pal_cli_paragraph(2, "\nno figures by label: %s", j->odd_how);
    print_worst(j);
    if (j->n_worst && j->guilty)
        pal_cli_paragraph(2, "\nfeatures %scontribute %s", pal_cli_detect_names(j) ? "" : "are numbered from 0; they ",
                          pal_score_parts(j->score));
    if (j->score == PAL_SCORE_LATENT && pal_detector_ridge(j->detector) > 0)
        pal_cli_paragraph(2,
                          "the covariance of the codes is singular: %g of its mean diagonal was added to the diagonal",
                          pal_detector_ridge(j->detector));
}

/* ---- All ------------------------------------------------------------------------------------------------------ */

static int draw(const job *j)
{
    char title[700], model[512];
    pal_error err = {0};
    if (!j->odd)
        return pal_cli_say(PAL_CLI_WRONG, "--plot needs labels that say which samples are odd: %s", j->odd_how);
    snprintf(title, sizeof title, "%s: %s of %s, %s", pal_cli_describe(j->run.model, model, sizeof model),
             pal_score_name(j->score), name_of_data(j), j->odd_how);
    const pal_detection_picture picture = {
        .struct_size = sizeof picture, .title = title, .csv = pal_cli_flag(&j->args, "csv")};
    if (pal_detection_write(j->all.score, j->odd, j->all.n, &picture, j->plot, &err)) return pal_cli_say_error(&err);
    return PAL_CLI_GO_ON;
}

int pal_cli_detect_report(job *j)
{
    char numbers[PAL_CLI_PATH];
    const int status = j->plot ? draw(j) : PAL_CLI_GO_ON;
    if (status != PAL_CLI_GO_ON) return status;
    const char *csv = j->plot ? pal_cli_numbers_of(&j->args, j->plot, numbers, sizeof numbers) : NULL;
    if (pal_cli_flag(&j->args, "json")) {
        print_json(j, j->plot, csv);
    } else if (!j->out || strcmp(j->out, "-") != 0) {
        print_table(j);
        if (j->out || j->plot) putchar('\n');
        if (j->out) pal_cli_print("%s\n", j->out);
        if (csv) pal_cli_print("%s\n", csv);
        if (j->plot) pal_cli_print("%s\n", j->plot);
    }
    return PAL_CLI_DONE;
}
