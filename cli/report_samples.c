/* report_samples.c - single samples and features in a report: reconstructions as a table, the error of each feature,
 * and the samples with the greatest errors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"
#include "plot/plot.h"

enum { TEXT = 128, NARROW = 16 /* features that fit into a table */ };

static void head(pal_html *h, const char *scope, const char *text)
{
    pal_html_open_class(h, "th", !strcmp(scope, "col") ? "number" : NULL);
    pal_html_attribute(h, "scope", "%s", scope);
    pal_html_text(h, "%s", text);
    pal_html_close(h);
}

/* ---- Reconstructions as a table ------------------------------------------------------------------------------- */

/* "12", or with its label "12 (setosa)" */
static const char *name_of(const pal__reported *of, uint32_t sample, char *out, size_t size)
{
    char label[TEXT];
    if (pal__report_label(of, sample, label, sizeof label))
        snprintf(out, size, "%u (%s)", (unsigned)sample, label);
    else
        snprintf(out, size, "%u", (unsigned)sample);
    return out;
}

static void write_lines(pal__report *r, const pal__reported *of, const uint32_t *rows, size_t n, const double *x,
                        const double *out)
{
    static const char *const kinds[] = {"original", "reconstruction", "error"};
    pal_html *h = &r->html;
    const int64_t features = of->data->features;
    char name[2 * TEXT];
    for (size_t i = 0; i < n; i++)
        for (int kind = 0; kind < 3; kind++) {
            pal_html_open_class(h, "tr", kind ? "idle" : "group");
            head(h, "row", kind ? "" : name_of(of, rows[i], name, sizeof name));
            pal_html_element(h, "td", NULL, "%s", kinds[kind]);
            for (int64_t j = 0; j < features; j++) {
                const double a = pal__report_unit(of, j, x[(int64_t)i * features + j]),
                             b = pal__report_unit(of, j, out[(int64_t)i * features + j]);
                pal_html_element(h, "td", "number", kind == 2 ? "%+.3g" : "%.4g",
                                 kind == 0   ? a
                                 : kind == 1 ? b
                                             : b - a);
            }
            if (kind == 2)
                pal_html_element(h, "td", "number", "%.4g", of->of_sample[rows[i]]);
            else
                pal_html_element(h, "td", NULL, "%s", "");
            pal_html_close(h);
        }
}

int pal__report_rows(pal__report *r, const pal__reported *of, const uint32_t *rows, size_t n)
{
    pal_html *h = &r->html;
    pal_error err = {0};
    char name[TEXT];
    const int64_t features = of->data->features;
    double *x = malloc(2 * n * (size_t)features * sizeof *x);
    if (!x) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    double *out = x + n * (size_t)features;
    if (!pal_reconstructions(of->run->model, of->data, rows, n, x, out, &err)) {
        pal_html_open_class(h, "div", "wide");
        pal_html_open(h, "table");
        pal_html_element(h, "caption", NULL,
                         "Each sample as it is, as the model reconstructs it, and the difference; at the end of the "
                         "third line the squared error of the sample%s. Samples are numbered from 0.",
                         pal_model_schema(of->run->model) ? ", which is that of the scaled numbers" : "");
        pal_html_open(h, "tr");
        pal_html_element(h, "th", NULL, "sample");
        pal_html_element(h, "th", NULL, "%s", "");
        for (int64_t j = 0; j < features; j++) head(h, "col", pal__report_feature(of, j, name, sizeof name));
        head(h, "col", "squared error");
        pal_html_close(h);
        write_lines(r, of, rows, n, x, out);
        pal_html_close(h);
        pal_html_close(h);
    }
    free(x);
    return err.status ? pal__report_refused(r, "the reconstructions", &err) : PAL_CLI_GO_ON;
}

/* ---- Features ------------------------------------------------------------------------------------------------- */

typedef struct share {
    int64_t feature;
    double error, mean; /* of the model; of the mean sample */
} share;

static int by_error(const void *a, const void *b)
{
    const share *x = a, *y = b;
    if (x->error != y->error) return x->error > y->error ? -1 : 1;
    return x->feature < y->feature ? -1 : 1;
}

/* The squared error of each feature if every answer is the mean training sample; without training samples, the mean of
 * those that are measured. */
static int errors_of_mean(const pal__reported *of, share *list)
{
    enum { PART = 256 };
    pal_error err = {0};
    const int64_t features = of->data->features;
    double *mean = malloc((size_t)features * sizeof *mean);
    pal_tensor *x = pal_tensor_new(of->run->context, PAL_F64, PAL_SHAPE(PART, features));
    pal_status status =
        mean && x ? pal_dataset_mean(of->train ? of->train : of->data, PAL_F64, mean, &err) : PAL_ERR_MEMORY;
    for (int64_t at = 0; at < of->data->count && !status; at += PART) {
        uint32_t rows[PART];
        const int64_t n = of->data->count - at < PART ? of->data->count - at : PART;
        for (int64_t i = 0; i < PART; i++) rows[i] = (uint32_t)(at + (i < n ? i : 0));
        status = pal_dataset_batch(of->data, rows, PART, x);
        for (int64_t e = 0; e < n * features && !status; e++) {
            const double apart = pal_tensor_get(x, (size_t)e) - mean[e % features];
            list[e % features].mean += apart * apart / (double)of->data->count;
        }
    }
    free(mean);
    pal_tensor_free(x);
    return status ? pal_cli_say(PAL_CLI_FAILED, "report: %s", err.status ? err.text : "out of memory") : PAL_CLI_GO_ON;
}

int pal__report_features(pal__report *r, const pal__reported *of)
{
    enum { MOST = 30 };
    pal_html *h = &r->html;
    char name[TEXT];
    if (!of->data) {
        pal__report_without(r, "there are no samples: %s", of->why_no_data);
        return PAL_CLI_GO_ON;
    }
    const int64_t n = of->data->features;
    share *list = calloc((size_t)n, sizeof *list);
    if (!list) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (int64_t j = 0; j < n; j++) list[j] = (share){j, of->of_feature[j], 0};
    const int status = errors_of_mean(of, list);
    if (status == PAL_CLI_GO_ON) {
        qsort(list, (size_t)n, sizeof *list, by_error);
        pal__report_table(r,
                          "The squared error of each feature, the greatest first, beside that of the mean sample. "
                          "What is explained is the share of it that the model removes; below 0 % the mean would be "
                          "the better answer.",
                          "wide compact", "feature", "#squared error", "#of the mean sample", "#explained", "", NULL);
        for (int64_t j = 0; j < n && j < MOST; j++) {
            const double explained = list[j].mean > 0 ? 1 - list[j].error / list[j].mean : (double)NAN;
            pal_html_open(h, "tr");
            head(h, "row", pal__report_feature(of, list[j].feature, name, sizeof name));
            pal_html_element(h, "td", "number", "%.4g", list[j].error);
            pal_html_element(h, "td", "number", "%.4g", list[j].mean);
            pal_html_element(h, "td", "number", isfinite(explained) ? "%.1f %%" : "–", 100 * explained);
            pal_html_open(h, "td");
            if (isfinite(explained)) pal__report_bar(r, explained);
            pal_html_close(h);
            pal_html_close(h);
        }
        pal_html_close(h);
        pal_html_close(h);
        if (n > MOST) pal_html_element(h, "p", NULL, "These are the %d greatest of %lld.", MOST, (long long)n);
    }
    free(list);
    return status;
}

/* ---- The worst samples ---------------------------------------------------------------------------------------- */

/* Numbers of the n samples with the greatest errors, the greatest first; of equal ones the first. */
static void find_worst(const double *error, int64_t count, uint32_t *rows, size_t n)
{
    size_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        size_t at = found;
        while (at && !(error[rows[at - 1]] >= error[i])) at--;
        if (at == n) continue;
        if (found < n) found++;
        memmove(rows + at + 1, rows + at, (found - at - 1) * sizeof *rows);
        rows[at] = (uint32_t)i;
    }
}

static void list_worst(pal__report *r, const pal__reported *of, const uint32_t *rows, size_t n)
{
    pal_html *h = &r->html;
    char label[TEXT];
    const bool labels = of->data->labels != NULL;
    const double mean = of->column.figures.squared_error;
    pal__report_table(r, "Numbers count from 0, in the order of the measured samples.", "wide compact", "#sample",
                      "#squared error", "#times the mean", labels ? "label" : NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        pal_html_open_class(h, "tr", "worst");
        pal_html_element(h, "td", "number", "%u", (unsigned)rows[i]);
        pal__report_number(r, NULL, of->of_sample[rows[i]], 4, false);
        pal_html_element(h, "td", "number", mean > 0 ? "%.1f" : "–", of->of_sample[rows[i]] / mean);
        if (labels) pal_html_element(h, "td", NULL, "%s", pal__report_label(of, rows[i], label, sizeof label));
        pal_html_close(h);
    }
    pal_html_close(h);
    pal_html_close(h);
}

typedef struct drawn {
    pal_tensor *x, *out, *apart;
    char (*names)[TEXT];
    const char **labels;
} drawn;

static bool make(drawn *d, const pal__reported *of, const uint32_t *rows, size_t n, pal_error *err)
{
    const pal_shape shape = PAL_SHAPE((int64_t)n, of->data->features);
    d->x = pal_tensor_new(of->run->context, PAL_F64, shape);
    d->out = pal_tensor_new(of->run->context, PAL_F64, shape);
    d->apart = pal_tensor_new(of->run->context, PAL_F64, shape);
    d->names = calloc(n, sizeof *d->names);
    d->labels = calloc(n, sizeof *d->labels);
    if (!d->x || !d->out || !d->apart || !d->names || !d->labels) {
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
        return false;
    }
    if (pal_reconstructions(of->run->model, of->data, rows, n, d->x->data, d->out->data, err)) return false;
    for (size_t e = 0; e < pal_tensor_count(d->x); e++)
        pal_tensor_set(d->apart, e, pal_tensor_get(d->out, e) - pal_tensor_get(d->x, e));
    for (size_t i = 0; i < n; i++) {
        snprintf(d->names[i], sizeof d->names[i], "%u", (unsigned)rows[i]);
        d->labels[i] = d->names[i];
    }
    return true;
}

static void let_go(drawn *d)
{
    pal_tensor_free(d->x);
    pal_tensor_free(d->out);
    pal_tensor_free(d->apart);
    free(d->names);
    free((void *)d->labels);
}

static int draw_worst(pal__report *r, const pal__reported *of, const uint32_t *rows, size_t n)
{
    char path[128];
    pal_error err = {0};
    drawn d = {0};
    const bool profile = pal__report_profile(of);
    const pal_view view = pal_view_of(pal_model_sample(of->run->model));
    bool unit = true;
    if (make(&d, of, rows, n, &err)) {
        for (size_t e = 0; e < pal_tensor_count(d.x) && unit; e++)
            unit = pal_tensor_get(d.x, e) >= 0 && pal_tensor_get(d.x, e) <= 1;
        const pal_mapping mapping = profile ? PAL_MAP_PROFILE : unit ? PAL_MAP_UNIT : PAL_MAP_RANGE;
        const pal_grid_row lines[] = {{.cells = d.x, .label = "original", .mapping = mapping},
                                      {.cells = d.out, .label = "reconstruction", .mapping = mapping},
                                      {.cells = d.apart,
                                       .label = "difference",
                                       .mapping = profile ? mapping : PAL_MAP_DIVERGING,
                                       .cell_labels = d.labels}};
        const pal_grid_section section = {.rows = lines,
                                          .count = 3,
                                          .cell_planes = view.planes,
                                          .cell_height = view.height,
                                          .cell_width = view.width};
        const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
        pal_grid_write(&grid, pal__report_file(r, "picture.png", path, sizeof path), &err);
    }
    let_go(&d);
    if (err.status) return pal__report_refused(r, "their picture", &err);
    return pal__report_picture(
        r, "picture.png", "The samples with the greatest errors, their reconstructions, and the differences",
        profile ? "The samples with the greatest squared errors, their reconstructions, and the "
                  "differences, with the number of each sample."
                : "The samples with the greatest squared errors, with their numbers: the sample, "
                  "its reconstruction, and the difference, red where the reconstruction is "
                  "brighter and blue where it is darker.");
}

int pal__report_worst(pal__report *r, const pal__reported *of)
{
    if (!of->data) {
        pal__report_without(r, "there are no samples: %s", of->why_no_data);
        return PAL_CLI_GO_ON;
    }
    const int64_t asked = pal_cli_int(r->args, "samples", 10);
    const size_t n = (size_t)(asked < of->data->count ? asked : of->data->count);
    uint32_t *rows = malloc((n + 1) * sizeof *rows);
    if (!rows) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    find_worst(of->of_sample, of->data->count, rows, n);
    pal_html_element(&r->html, "p", NULL,
                     "What the model reconstructs worst: rare samples, wrong ones, or a kind that it has not learned. "
                     "Look at them before you trust a figure.");
    int status = PAL_CLI_GO_ON;
    if (pal__report_profile(of) && of->data->features <= NARROW)
        status = pal__report_rows(r, of, rows, n < 8 ? n : 8);
    else
        status = draw_worst(r, of, rows, n);
    if (status == PAL_CLI_GO_ON) list_worst(r, of, rows, n < 16 ? n : 16);
    free(rows);
    return status;
}
