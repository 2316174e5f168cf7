/* report_curves.c - the curves of training in a report: the loss, and the squared error against the mean sample. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

enum { LINES = 2 * 16 + 2, BREAKS = 64 };

typedef struct plot {
    pal__line lines[LINES];
    char names[LINES][PAL_CLI_NAME + 32];
    size_t n;
    double breaks[BREAKS];
    size_t n_breaks;
} plot;

/* Adds the curve of a figure, if some epoch has it. */
static bool add(plot *p, const pal__reported *of, size_t offset, const char *name, int colour, bool dashed)
{
    const size_t epochs = pal_rundir_epoch_count(of->dir);
    pal__line *line = &p->lines[p->n];
    double *x = epochs ? malloc(2 * epochs * sizeof *x) : NULL;
    if (!x) return !epochs;
    *line = (pal__line){
        .name = p->names[p->n], .x = x, .y = x + epochs, .colour = colour, .dashed = dashed, .at = {NAN, NAN}};
    snprintf(p->names[p->n], sizeof p->names[p->n], "%s", name);
    for (size_t i = 0; i < epochs; i++) {
        const pal_epoch *e = pal_rundir_epoch(of->dir, i);
        const double y = *(const double *)(const void *)((const char *)e + offset);
        if (!isfinite(y)) continue;
        line->x[line->n] = (double)e->epoch;
        line->y[line->n++] = y;
    }
    if (line->n)
        p->n++;
    else
        free(x);
    return true;
}

static void mark_best(plot *p, const pal__reported *of)
{
    const pal_epoch *best = pal__report_best(of);
    pal__line *line = p->n ? &p->lines[p->n - 1] : NULL;
    if (!line || !best || line->n < 2) return;
    line->at[0] = (double)best->epoch;
    line->at[1] = best->test_loss;
    snprintf(line->mark, sizeof line->mark, "lowest: %.5g, epoch %lld", best->test_loss, (long long)best->epoch);
}

/* The ends of all phases but the last. */
static void add_breaks(plot *p, const pal__reported *of)
{
    for (size_t i = 1; i < pal_rundir_epoch_count(of->dir); i++) {
        const pal_epoch *e = pal_rundir_epoch(of->dir, i), *before = pal_rundir_epoch(of->dir, i - 1);
        if (strcmp(e->phase, before->phase) != 0 && p->n_breaks < BREAKS)
            p->breaks[p->n_breaks++] = (double)before->epoch + 0.5;
    }
}

static void write_chart(pal__report *r, plot *p, const char *label, const char *caption)
{
    pal_html *h = &r->html;
    char alt[512];
    size_t points = 0;
    for (size_t i = 0; i < p->n; i++) points = p->lines[i].n > points ? p->lines[i].n : points;
    snprintf(alt, sizeof alt, "Chart: %s by epoch, %zu line%s", label, p->n, p->n == 1 ? "" : "s");
    const pal__chart chart = {.alt = alt,
                              .x_label = "epoch",
                              .y_label = label,
                              .lines = p->lines,
                              .n = p->n,
                              .breaks = p->breaks,
                              .n_breaks = p->n_breaks};
    if (points) {
        pal_html_element(h, "h3", NULL, "%c%s by epoch", label[0] - 'a' + 'A', label + 1);
        pal_html_open(h, "figure");
        pal_html_open_class(h, "div", "plot");
        pal__report_chart(h, &chart);
        pal_html_close(h);
        pal_html_element(h, "figcaption", NULL, "%s%s", caption,
                         p->n_breaks ? " Dotted lines are the ends of phases; each phase has a loss of its own." : "");
        pal_html_close(h);
    }
    for (size_t i = 0; i < p->n; i++) free(p->lines[i].x);
    p->n = 0;
}

static int losses(pal__report *r, plot *p)
{
    bool good = true;
    char name[PAL_CLI_NAME + 32];
    for (size_t i = 0; i < r->n && good; i++) {
        const pal__reported *of = &r->of[i];
        const char *what = of->info->hold_out ? "held out" : of->info->validation_samples ? "validation" : "test";
        if (r->n == 1) {
            good = add(p, of, offsetof(pal_epoch, train_loss), "train loss", 0, false);
            snprintf(name, sizeof name, "%s loss", what);
            good = good && add(p, of, offsetof(pal_epoch, test_loss), name, 1, false);
            mark_best(p, of);
            add_breaks(p, of);
        } else {
            snprintf(name, sizeof name, "%s, train", of->name);
            good = add(p, of, offsetof(pal_epoch, train_loss), name, (int)i, true);
            snprintf(name, sizeof name, "%s, %s", of->name, what);
            good = good && add(p, of, offsetof(pal_epoch, test_loss), name, (int)i, false);
        }
    }
    write_chart(
        r, p, "loss",
        r->n == 1 ? "Lower is better. The train loss is the mean over the steps of an epoch; the other one is measured "
                    "after the epoch, on samples that were not trained on. Where it rises while the train loss falls, "
                    "the model learns its training samples by heart."
                  : "Lower is better. Losses of different models, or of different options of a loss, are different "
                    "quantities: compare the squared errors below instead.");
    return good ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_FAILED, "out of memory");
}

static int errors(pal__report *r, plot *p)
{
    bool good = true;
    double level = NAN;
    for (size_t i = 0; i < r->n && good; i++) {
        good = add(p, &r->of[i], offsetof(pal_epoch, squared_error),
                   r->n == 1 ? "squared error of a test sample" : r->of[i].name, r->n == 1 ? 1 : (int)i, false);
        if (!i) level = r->of[i].info->result.baseline;
        if (!(r->of[i].info->result.baseline == level)) level = NAN;
    }
    if (good && p->n && isfinite(level)) {
        double from = INFINITY, to = -INFINITY;
        for (size_t i = 0; i < p->n; i++) {
            from = fmin(from, p->lines[i].x[0]);
            to = fmax(to, p->lines[i].x[p->lines[i].n - 1]);
        }
        pal__line *line = &p->lines[p->n];
        double *x = malloc(4 * sizeof *x);
        good = x != NULL;
        if (x) {
            x[0] = from;
            x[1] = to;
            x[2] = x[3] = level;
            *line = (pal__line){.name = "the mean training sample",
                                .x = x,
                                .y = x + 2,
                                .n = 2,
                                .colour = 7,
                                .dashed = true,
                                .at = {NAN, NAN}};
            p->n++;
        }
    }
    write_chart(r, p, "squared error",
                "The squared distance of a sample and its reconstruction, summed over the features and averaged over "
                "the samples. The mean training sample is the same answer for every sample: a model has learned "
                "something as far as it is below that line.");
    return good ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_FAILED, "out of memory");
}

int pal__report_curves(pal__report *r, const pal__reported *unused)
{
    (void)unused;
    size_t epochs = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < pal_rundir_epoch_count(r->of[i].dir); k++)
            epochs += pal_rundir_epoch(r->of[i].dir, k)->step > 0 || pal_rundir_epoch(r->of[i].dir, k)->minimised;
    if (!epochs) {
        pal__report_without(r, "there are no curves, because no epoch was trained (a closed form has none)");
        return PAL_CLI_GO_ON;
    }
    plot *p = calloc(1, sizeof *p);
    if (!p) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = losses(r, p);
    p->n_breaks = 0;
    if (status == PAL_CLI_GO_ON) status = errors(r, p);
    free(p);
    return status;
}
