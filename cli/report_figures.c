/* report_figures.c - the figures of a report: the chief ones as tiles, all of them as a table, and those of several
 * runs side by side with the best marked. They are those that `palindrome evaluate` prints. */
#include <math.h>
#include <string.h>

#include "cli/report.h"

enum { TEXT = 128 };

/* ---- Which figures -------------------------------------------------------------------------------------------- */

typedef struct figure {
    const char *name, *id; /* id: as in evaluate --json */
    ptrdiff_t offset;      /* in pal_figures */
    int digits;
    enum { NEITHER, LOW, HIGH } better;
    bool share, loss; /* share: in per cent. loss: means something else for another model */
    const char *meaning;
} figure;

/* clang-format off */
#define AT(field) (ptrdiff_t)offsetof(pal_figures, field)
static const figure figures[] = {
    {"loss",                    "loss",           AT(loss),              4, LOW, false, true,
     "what training makes small, here without noise that only training has"},
    {"squared error",           "squared_error",  AT(squared_error),     4, LOW, false, false,
     "of a sample and its reconstruction, summed over the features, mean over the samples"},
    {"of the mean sample",      "baseline",       AT(baseline),          4, NEITHER, false, false,
     "the same if every answer is the mean training sample: what a model must fall below"},
    {"explained",               "explained",      AT(explained),         2, HIGH, true, false,
     "the share of that error which the model removes: 100 % is perfect, 0 % is as good as the mean sample"},
    {"of corrupted inputs",     "squared_error_corrupted", AT(squared_error_corrupted), 4, LOW, false, false,
     "squared error if the input is corrupted as in training, against the clean sample"},
    {"classified wrongly",      "error",          AT(error),             2, LOW, true, false,
     "the share of samples whose label the model does not find"},
    {"bound of ln p(x)",        "bound",          AT(bound.value),       4, HIGH, false, true,
     "evidence lower bound in nats, if the output is a density; higher is better"},
    {"divergence of the code",  "divergence",     AT(code.divergence),   4, NEITHER, false, false,
     "KL(q‖p) in nats: how much the code of a sample says; near 0 it says nothing"},
    {"mean activation",         "mean_activation", AT(code.mean),        4, NEITHER, false, false,
     "of the units of the code, over all samples"},
    {"saturated",               "saturated",      AT(code.saturated),    2, NEITHER, true, false,
     "activations below 0.05 or above 0.95, of a code from 0 to 1"},
    {"zeros",                   "zeros",          AT(code.zeros),        2, NEITHER, true, false,
     "activations that are exactly 0"},
};
#undef AT
/* clang-format on */
enum { FIGURES = sizeof figures / sizeof *figures };

static double value_of(const pal__reported *of, const figure *f)
{
    return of->data ? *(const double *)(const void *)((const char *)&of->column.figures + f->offset) : (double)NAN;
}

/* A share is written in per cent, with the digits of --json for programs. */
static void cell(pal__report *r, const figure *f, double value, bool best, bool named)
{
    pal_html *h = &r->html;
    if (!f->share || !isfinite(value)) {
        pal__report_number(r, named ? f->id : NULL, value, f->digits, best);
        return;
    }
    pal_html_open_class(h, "td", best ? "number best" : "number");
    pal_html_open(h, "data");
    if (named) pal_html_attribute(h, "id", "%s", f->id);
    pal_html_attribute(h, "value", "%.10g", value);
    pal_html_text(h, fabs(value) < 10 ? "%.*f %%" : "%.*g %%", f->digits, 100 * value);
    pal_html_close(h);
    if (best) pal_html_element(h, "span", "mark", " best");
    pal_html_close(h);
}

static void row_head(pal__report *r, const char *name)
{
    pal_html_open(&r->html, "th");
    pal_html_attribute(&r->html, "scope", "row");
    pal_html_text(&r->html, "%s", name);
    pal_html_close(&r->html);
}

/* ---- One run -------------------------------------------------------------------------------------------------- */

static void tile(pal__report *r, const char *name, const char *value, const char *note)
{
    pal_html *h = &r->html;
    pal_html_open(h, "div");
    pal_html_element(h, "dt", NULL, "%s", name);
    pal_html_open(h, "dd");
    pal_html_text(h, "%s", value);
    if (note && *note) pal_html_element(h, "small", NULL, "%s", note);
    pal_html_close(h);
}

void pal__report_tiles(pal__report *r, const pal__reported *of)
{
    const pal_figures *f = &of->column.figures;
    const pal_train_result *last = &of->info->result;
    const double explained = of->data ? f->explained : last->explained;
    const double error = of->data ? f->squared_error : last->squared_error;
    const double mean = of->data ? f->baseline : last->baseline;
    char a[TEXT], b[TEXT];
    pal_html *h = &r->html;
    pal_html_open_class(h, "dl", "tiles");
    if (isfinite(explained)) {
        snprintf(a, sizeof a, fabs(explained) < 10 ? "%.1f %%" : "%.3g %%", 100 * explained);
        tile(r, "explained", a, "of the error of the mean sample");
        pal__report_bar(r, explained);
        pal_html_close(h);
    }
    if (isfinite(error)) {
        snprintf(b, sizeof b, isfinite(mean) ? "the mean sample: %.5g" : "sum over features", mean);
        snprintf(a, sizeof a, "%.5g", error);
        tile(r, "squared error", a, b);
        pal_html_close(h);
    }
    if (of->data) {
        snprintf(a, sizeof a, "%lld", (long long)f->code.units);
        snprintf(b, sizeof b, "for %lld numbers of a sample", (long long)pal_model_features(of->run->model));
        tile(r, "numbers of the code", a, b);
        pal_html_close(h);
    }
    if (last->epochs > 0) {
        snprintf(b, sizeof b, "epochs in %s", pal_cli_time(last->seconds, a, sizeof a));
        snprintf(a, sizeof a, "%lld", (long long)last->epochs);
        tile(r, "trained for", a, b);
        pal_html_close(h);
    }
    pal_html_close(h);
    if (*of->verdict) pal_html_element(h, "p", of->learned ? "verdict" : "verdict nothing", "%s", of->verdict);
    if (strcmp(of->info->status, "done") != 0)
        pal_html_element(h, "p", "verdict nothing", "Training is not done: %s%s%s. This is its last checkpoint.",
                         of->info->status, of->info->error ? ", " : "", of->info->error ? of->info->error : "");
}

static void counted(pal__report *r, const char *name, const char *id, int64_t n, const char *meaning)
{
    if (n < 0) return;
    pal_html_open(&r->html, "tr");
    row_head(r, name);
    pal__report_number(r, id, (double)n, 0, false);
    pal_html_element(&r->html, "td", "soft", "%s", meaning);
    pal_html_close(&r->html);
}

int pal__report_figures(pal__report *r, const pal__reported *of)
{
    pal_html *h = &r->html;
    const pal_figures *f = &of->column.figures;
    char caption[512], count[TEXT], name[TEXT];
    if (!of->data) {
        pal__report_without(r, "there are no samples to measure: %s", of->why_no_data);
        return PAL_CLI_GO_ON;
    }
    snprintf(caption, sizeof caption, "Measured on %s samples of %s%s, every sample once.",
             pal_cli_count((double)f->samples, count, sizeof count), of->data->name,
             of->info->hold_out && !pal_cli_given(r->args, "data") ? ""
             : pal_cli_given(r->args, "split")                     ? ""
                                                                   : " that were not trained on");
    pal__report_table(r, caption, "wide", "figure", "#value", "meaning", NULL);
    for (size_t i = 0; i < FIGURES; i++) {
        if (!isfinite(value_of(of, &figures[i]))) continue;
        pal_html_open(h, "tr");
        row_head(r, figures[i].name);
        cell(r, &figures[i], value_of(of, &figures[i]), false, true);
        pal_html_element(h, "td", "soft", "%s", figures[i].meaning);
        pal_html_close(h);
        for (size_t t = 0; !i && t < f->n_terms && f->n_terms > 1; t++) { /* below the loss */
            snprintf(name, sizeof name, "– %s", f->terms[t].name);
            pal_html_open(h, "tr");
            row_head(r, name);
            pal__report_number(r, NULL, f->terms[t].value, 4, false);
            pal_html_element(h, "td", "soft", "a term of the loss");
            pal_html_close(h);
        }
    }
    counted(r, "units of the code", "units", f->code.units, "numbers that stand for a sample");
    counted(r, "active units", "active_units", f->code.active, "units that differ from sample to sample");
    counted(r, "dead units", "dead_units", f->code.dead, "units that are the same for every sample");
    pal_html_close(h);
    pal_html_close(h);
    return PAL_CLI_GO_ON;
}

/* ---- Several runs --------------------------------------------------------------------------------------------- */

static bool alike(const pal__report *r)
{
    bool same = true;
    for (size_t i = 1; i < r->n; i++) same &= !strcmp(r->of[0].info->model, r->of[i].info->model);
    return same;
}

/* The best value of a figure; NAN: there is none, or it cannot be compared. */
static double best_of(const pal__report *r, const figure *f)
{
    double best = NAN;
    bool differ = false;
    if (!r->same_data || f->better == NEITHER || (f->loss && !alike(r))) return NAN;
    for (size_t i = 0; i < r->n; i++) {
        const double value = value_of(&r->of[i], f);
        if (!isfinite(value)) continue;
        differ |= isfinite(best) && value != best;
        if (!isfinite(best) || (f->better == LOW ? value < best : value > best)) best = value;
    }
    return differ ? best : (double)NAN;
}

static void heads(pal__report *r)
{
    pal_html *h = &r->html;
    pal_html_open_class(h, "div", "wide");
    pal_html_open(h, "table");
    pal_html_element(h, "caption", NULL, "%s",
                     r->same_data ? "All runs are measured on the same samples. The best of each line is marked, where "
                                    "one is better; losses only of one model."
                                  : "The runs are measured on different samples, or not all of them are there, so "
                                    "that no figure is the best.");
    pal_html_open(h, "tr");
    row_head(r, "");
    for (size_t i = 0; i < r->n; i++) {
        pal_html_open_class(h, "th", "number");
        pal_html_attribute(h, "scope", "col");
        pal_html_attribute(h, "style", "white-space:normal");
        pal_html_text(h, "%s", r->of[i].name);
        pal_html_close(h);
    }
    pal_html_close(h);
}

static void plain_row(pal__report *r, const char *name, double (*value)(const pal__reported *of), int digits)
{
    pal_html_open(&r->html, "tr");
    row_head(r, name);
    for (size_t i = 0; i < r->n; i++) pal__report_number(r, NULL, value(&r->of[i]), digits, false);
    pal_html_close(&r->html);
}

static double units(const pal__reported *of) { return of->data ? (double)of->column.figures.code.units : (double)NAN; }
static double weights(const pal__reported *of) { return (double)pal_model_weights(of->run->model); }
static double epochs(const pal__reported *of) { return (double)of->info->result.epochs; }
static double seconds(const pal__reported *of) { return of->info->result.seconds; }

int pal__report_side_by_side(pal__report *r, const pal__reported *unused)
{
    (void)unused;
    pal_html *h = &r->html;
    heads(r);
    for (size_t k = 0; k < FIGURES; k++) {
        const double best = best_of(r, &figures[k]);
        bool any = false;
        for (size_t i = 0; i < r->n; i++) any |= isfinite(value_of(&r->of[i], &figures[k]));
        if (!any) continue;
        pal_html_open(h, "tr");
        row_head(r, figures[k].name);
        for (size_t i = 0; i < r->n; i++) {
            const double value = value_of(&r->of[i], &figures[k]);
            cell(r, &figures[k], value, value == best, false);
        }
        pal_html_close(h);
    }
    plain_row(r, "units of the code", units, 0);
    plain_row(r, "weights", weights, 0);
    plain_row(r, "epochs", epochs, 0);
    plain_row(r, "seconds of training", seconds, 1);
    pal_html_close(h);
    pal_html_close(h);
    return PAL_CLI_GO_ON;
}
