/* evaluate_report.c - the figures of a run as JSON and as a table: a column for each data set, then what the words
 * mean. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/evaluate.h"

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

/* n -1: not defined, null in JSON. */
static json_t *count(int64_t n) { return n < 0 ? json_null() : json_integer(n); }

static json_t *json_of_code(const pal_code_figures *c, const double *unit_divergence)
{
    json_t *out = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "units", (json_int_t)c->units, "mean_activation",
        pal_cli_number(c->mean), "unit_mean_quartiles", pal_cli_numbers(c->quartiles, 5), "active_units",
        count(c->active), "dead_units", count(c->dead), "saturated", pal_cli_number(c->saturated), "zeros",
        pal_cli_number(c->zeros), "jacobian_samples", (json_int_t)c->jacobian_samples, "jacobian_norm",
        pal_cli_number(c->jacobian_norm), "jacobian_norm2", pal_cli_number(c->jacobian_norm2));
    if (c->random) {
        json_object_set_new(out, "divergence", pal_cli_number(c->divergence));
        if (isfinite(c->information)) json_object_set_new(out, "information", pal_cli_number(c->information));
        json_object_set_new(out, "collapsed", json_boolean(c->collapsed));
    }
    if (unit_divergence) json_object_set_new(out, "unit_divergence", pal_cli_numbers(unit_divergence, c->units));
    if (isnan(c->rho)) return out;
    json_object_set_new(out, "rho", pal_cli_number(c->rho));
    json_object_set_new(out, "units_near_rho", pal_cli_number(c->near_rho));
    return out;
}

/* Whether the loss has a term with a factor, or not at all: not as the variant noted it. float32 rounds a factor 1. */
static bool is_apart(const pal_term *t) { return fabs(t->noted - t->value) > 1e-6 * fabs(t->noted); }

static void fill_json(json_t *out, const pal__column *c)
{
    const pal_figures *f = &c->figures;
    json_t *terms = json_object(), *noted = json_object();
    for (size_t i = 0; i < f->n_terms; i++) {
        json_object_set_new(terms, f->terms[i].name, pal_cli_number(f->terms[i].value));
        if (is_apart(&f->terms[i])) json_object_set_new(noted, f->terms[i].name, pal_cli_number(f->terms[i].noted));
    }
    json_object_set_new(out, "data", pal_cli_text(c->data));
    json_object_set_new(out, "samples", json_integer(f->samples));
    json_object_set_new(out, "loss", pal_cli_number(f->loss));
    json_object_set_new(out, "terms", terms);
    if (json_object_size(noted)) json_object_set(out, "noted", noted);
    json_decref(noted);
    json_object_set_new(out, "squared_error", pal_cli_number(f->squared_error));
    if (isfinite(f->squared_error_corrupted))
        json_object_set_new(out, "squared_error_corrupted", pal_cli_number(f->squared_error_corrupted));
    json_object_set_new(out, "baseline", pal_cli_number(f->baseline));
    json_object_set_new(out, "explained", pal_cli_number(f->explained));
    if (isfinite(f->error)) json_object_set_new(out, "error", pal_cli_number(f->error));
    if (isfinite(f->bound.value))
        json_object_set_new(out, "bound",
                            json_pack("{s:o, s:o, s:o}", c->density ? "evidence_lower_bound" : "bound",
                                      pal_cli_number(f->bound.value), "reconstruction",
                                      pal_cli_number(f->bound.reconstruction), "divergence",
                                      pal_cli_number(f->bound.divergence)));
    if (c->importance.draws)
        json_object_set_new(out, "importance",
                            json_pack("{s:I, s:o, s:o, s:o}", "draws", (json_int_t)c->importance.draws,
                                      "log_likelihood", pal_cli_number(c->importance.log_likelihood), "standard_error",
                                      pal_cli_number(c->importance.standard_error), "effective_draws",
                                      pal_cli_number(c->importance.effective)));
    json_object_set_new(out, "code", json_of_code(&f->code, c->unit_divergence));
}

void pal__evaluate_json(const pal_cli_run *run, const pal__column *columns, size_t n)
{
    json_t *out = json_pack("{s:o, s:s, s:I}", "run", pal_cli_text(pal_rundir_path(run->dir)), "model",
                            pal_model_variant(run->model)->name, "weights", (json_int_t)pal_model_weights(run->model));
    fill_json(out, &columns[PAL__ASKED]);
    if (n > 1) {
        json_t *trained = json_object();
        fill_json(trained, &columns[PAL__TRAINED]);
        json_object_set_new(out, "trained_on", trained);
    }
    pal_cli_print_json(out);
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

enum { HEAD = 24, FIELD = 14, CELL = 64 }; /* columns of a name and of a number; bytes of a text */

/* Prints a name and a text for each column. If they do not fit beside each other, the texts are on the next line. */
static void print_cells(const char *name, char (*texts)[CELL], size_t n)
{
    pal_cli_line line = {.width = pal_cli_width()};
    const bool fits = !line.width || 2 + HEAD + (int)n * (FIELD + 1) <= line.width;
    if (fits || *name) pal_cli_cell(&line, -HEAD, 2, name);
    if (!fits && *name) pal_cli_end_line(&line);
    if (!fits) line.owed = 1;
    for (size_t i = 0; i < n; i++) pal_cli_cell(&line, FIELD, 1, texts[i]);
    pal_cli_end_line(&line);
}

/* Prints one row. digits: digits after the point; -1: a whole number; -2: a share in percent. A row without any number
 * is left out. */
static void print_row(const char *name, const double *values, size_t n, int digits)
{
    char texts[PAL__COLUMNS][CELL];
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        any |= !isnan(values[i]);
        if (isnan(values[i]))
            snprintf(texts[i], CELL, "-");
        else if (digits == -1)
            pal_cli_count(values[i], texts[i], CELL);
        else if (digits == -2)
            snprintf(texts[i], CELL, "%.1f%%", 100 * values[i]);
        else
            pal_cli_figure(values[i], digits, texts[i], CELL);
    }
    if (any) print_cells(name, texts, n);
}

#define ROW(name, digits, expression)                                                                                  \
    do {                                                                                                               \
        double values[PAL__COLUMNS] = {0};                                                                             \
        for (size_t column_ = 0; column_ < n; column_++) {                                                             \
            const pal__column *at = &columns[column_];                                                                 \
            const pal_figures *f = &at->figures;                                                                       \
            (void)f;                                                                                                   \
            values[column_] = (double)(expression);                                                                    \
        }                                                                                                              \
        print_row(name, values, n, digits);                                                                            \
    } while (0)

/* Whether the loss is minus the evidence lower bound in closed form. Then its terms are those of the bound. */
static bool is_bound(const pal_model *model)
{
    const char *estimate = pal_model_setting(model, "estimate"), *beta = pal_model_setting(model, "beta"),
               *divergence = pal_model_setting(model, "divergence");
    return estimate && !strcmp(estimate, "bound") && beta && strtod(beta, NULL) == 1 && divergence &&
           !strcmp(divergence, "closed");
}

/* Terms that the variant noted without their weight: what they are by themselves, and what the loss makes of them. */
static void print_noted(const pal_figures *f)
{
    for (size_t i = 0; i < f->n_terms; i++) {
        const pal_term *t = &f->terms[i];
        if (!is_apart(t)) continue;
        if (t->value == 0)
            pal_cli_paragraph(2, "%s: noted as %.6g, which is not a part of the loss", t->name, t->noted);
        else
            pal_cli_paragraph(2, "%s: noted as %.6g; the loss has it with the weight %.6g, so its part is %.6g",
                              t->name, t->noted, t->value / t->noted, t->value);
    }
}

static void print_losses(const pal_cli_run *run, const pal__column *columns, size_t n)
{
    const pal_figures *first = &columns[PAL__ASKED].figures;
    ROW("loss", 4, f->loss);
    for (size_t i = 0; first->n_terms > 1 && i < first->n_terms; i++) {
        char name[64];
        snprintf(name, sizeof name, "  %s", first->terms[i].name);
        if (is_apart(&first->terms[i]) && first->terms[i].value == 0)
            ROW(name, 4, f->terms[i].noted);
        else
            ROW(name, 4, f->terms[i].value);
    }
    if (isfinite(first->bound.value) && !is_bound(run->model)) {
        ROW("bound", 4, f->bound.value);
        ROW("  reconstruction", 4, f->bound.reconstruction);
        ROW("  divergence", 4, f->bound.divergence);
    }
    if (columns[PAL__ASKED].importance.draws) {
        ROW("ln p(x)", 4, at->importance.log_likelihood);
        ROW("  standard error", 4, at->importance.standard_error);
        ROW("  effective draws", 1, at->importance.effective);
    }
    ROW("squared error", 4, f->squared_error);
    ROW("  from corrupted input", 4, f->squared_error_corrupted);
    ROW("  of the mean sample", 4, f->baseline);
    ROW("variance explained", -2, f->explained);
    ROW("classified wrongly", -2, f->error);
}

static void print_code(const pal__column *columns, size_t n)
{
    static const char *const quartiles[5] = {"  least of a unit", "  lower quartile", "  median", "  upper quartile",
                                             "  greatest of a unit"};
    ROW("units of the code", -1, f->code.units);
    ROW("  active", -1, f->code.active < 0 ? NAN : (double)f->code.active);
    ROW("  dead", -1, f->code.dead < 0 ? NAN : (double)f->code.dead);
    ROW("  divergence", 4, f->code.active < 0 ? f->code.divergence : NAN);
    ROW("  information", 4, f->code.information);
    ROW("mean activation", 4, f->code.mean);
    for (int i = 0; i < 5; i++) ROW(quartiles[i], 4, f->code.quartiles[i]);
    ROW("  within 20% of rho", -2, f->code.near_rho);
    ROW("saturated", -2, f->code.saturated);
    ROW("zeros", -2, f->code.zeros);
    ROW("mean ||J||", 4, f->code.jacobian_norm);
    ROW("mean ||J||^2", 4, f->code.jacobian_norm2);
}
#undef ROW

/* Reports posterior collapse, if there is any. */
static void print_collapse(const pal_cli_run *run, const pal_figures *f)
{
    char remedy[256];
    const pal_code_figures *c = &f->code;
    const long long silent = c->active < 0 ? 0 : c->units - c->active;
    pal_cli_collapse_remedy(run->model, pal_rundir_info(run->dir), f->baseline, remedy, sizeof remedy);
    if (c->collapsed && !(f->explained >= PAL_CLI_LEARNED))
        pal_cli_paragraph(2, "\nposterior collapse: the code carries no information about the sample: %s", remedy);
    else if (silent)
        pal_cli_paragraph(2,
                          "\ncollapsed: %lld of %lld units carry no information about the sample (variance of the "
                          "posterior's mean at most 0.01)",
                          silent, (long long)c->units);
}

/* Explains the bound. It is a bound of ln p(x) only where the output is a density of the data. */
static void print_bound_note(const pal_cli_run *run, const pal__column *columns, size_t n)
{
    const bool own = is_bound(run->model);
    const char *output = pal_model_setting(run->model, "output"), *of = NULL;
    for (size_t i = n; i-- > 0;)
        if (!columns[i].density) of = columns[i].data;
    if (isnan(columns[PAL__ASKED].figures.bound.value)) return;
    if (of)
        pal_cli_paragraph(2, "%s reconstruction is a %s of %s, not -ln of a density: do not compare it with ln p(x)",
                          own ? "loss: its" : "bound: -(reconstruction + divergence), at beta 1; its",
                          output && !strcmp(output, "bernoulli") ? "cross-entropy" : "squared error", of);
    else if (!own)
        pal_cli_paragraph(2, "bound: evidence lower bound in nats, at beta 1: E ln p(x|z) - KL(q||p) = "
                             "-(reconstruction + divergence)");
}

void pal__evaluate_table(const pal_cli_run *run, const pal__column *columns, size_t n)
{
    char count[64];
    const pal_figures *f = &columns[PAL__ASKED].figures;
    char other[1024] = "";
    if (n > 1)
        snprintf(other, sizeof other, ", and for comparison on %s of %s, which it was trained on",
                 pal_cli_count((double)columns[PAL__TRAINED].figures.samples, count, sizeof count),
                 columns[PAL__TRAINED].data);
    pal_cli_paragraph(0, "%s on %s samples of %s%s%s\n", run->described,
                      pal_cli_count((double)f->samples, count, sizeof count), columns[PAL__ASKED].data, other,
                      run->given);
    char names[PAL__COLUMNS][CELL];
    for (size_t i = 0; i < n; i++) snprintf(names[i], CELL, "%.*s", FIELD, columns[i].data);
    if (n > 1) print_cells("", names, n);
    print_losses(run, columns, n);
    puts("");
    print_code(columns, n);
    if (f->code.random) print_collapse(run, f);
    pal_cli_paragraph(2, "\nloss and errors: sums over features, means over samples; in evaluation mode, without "
                         "penalties on weights");
    print_noted(f);
    print_bound_note(run, columns, n);
    if (f->code.active < 0)
        pal_cli_paragraph(2,
                          "divergence of the code: mean over the samples of KL(q||p), nats\n"
                          "information: H(mean q) - mean H(q), nats: what the code tells about the sample; below 0.01, "
                          "nothing\n"
                          "the code chooses one of its classes, so its units are not counted as active or dead");
    else
        pal_cli_paragraph(2, "active: %s above 0.01; dead: standard deviation below 0.0001",
                          f->code.random ? "variance of the posterior's mean over the samples"
                                         : "standard deviation over the samples");
    pal_cli_paragraph(2, "saturated: activations below 0.05 or above 0.95, for codes in [0,1]; zeros: activations of "
                         "exactly 0");
    if (columns[PAL__ASKED].importance.draws)
        pal_cli_paragraph(
            2,
            "ln p(x): in nats, from %s draws z per sample: ln of the mean weight w = p(x|z) p(z) / q(z|x)\n"
            "standard error: of the mean over the samples; effective draws: (sum w)^2 / sum w^2",
            pal_cli_count((double)columns[PAL__ASKED].importance.draws, count, sizeof count));
    if (f->code.jacobian_samples)
        pal_cli_paragraph(
            2, "J: exact Jacobian of the code by the clean input, at the first %s samples; ||J||: Frobenius norm",
            pal_cli_count((double)f->code.jacobian_samples, count, sizeof count));
}
