/* report_facts.c - what is known of the runs of a report: their data, figures, and the errors of samples and features.
 *
 * Data that are gone or no longer fit are no error: the page then says so where it would need them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

/* ---- Names ---------------------------------------------------------------------------------------------------- */

/* The column that a feature belongs to. */
static int64_t column_of(const pal_schema *schema, int64_t feature)
{
    int64_t column = 0;
    while (column + 1 < schema->n_columns && schema->first[column + 1] <= feature) column++;
    return column;
}

const char *pal__report_feature(const pal__reported *of, int64_t feature, char *out, size_t size)
{
    const pal_schema *schema = pal_model_schema(of->run->model);
    if (!schema) {
        snprintf(out, size, "feature %lld", (long long)feature + 1);
        return out;
    }
    const int64_t column = column_of(schema, feature), level = feature - schema->first[column];
    pal_schema_name(schema, column, out, size);
    const size_t used = strlen(out);
    if (schema->columns[column].kind == PAL_COLUMN_CATEGORY)
        snprintf(out + used, size - used, " = %s", schema->columns[column].levels[level]);
    return out;
}

double pal__report_unit(const pal__reported *of, int64_t feature, double value)
{
    const pal_schema *schema = pal_model_schema(of->run->model);
    if (!schema) return value;
    const pal_column *column = &schema->columns[column_of(schema, feature)];
    return column->kind == PAL_COLUMN_NUMBER ? column->offset + column->scale * value : value;
}

const char *pal__report_label(const pal__reported *of, uint32_t sample, char *out, size_t size)
{
    if (!of->data || !of->data->labels) return NULL;
    const int label = (int)pal_tensor_get(of->data->labels, sample);
    const char *name = pal_dataset_class_name(of->data, label);
    if (name)
        snprintf(out, size, "%s", name);
    else
        snprintf(out, size, "%d", label);
    return out;
}

bool pal__report_profile(const pal__reported *of)
{
    const pal_view view = pal_view_of(pal_model_sample(of->run->model));
    return view.planes == 1 && view.height == 1;
}

bool pal__report_random(const pal__reported *of) { return pal_model_code(of->run->model) != NULL; }

const pal_epoch *pal__report_best(const pal__reported *of)
{
    const size_t n = pal_rundir_epoch_count(of->dir);
    const pal_epoch *best = NULL;
    for (size_t i = 0; i < n; i++) {
        const pal_epoch *e = pal_rundir_epoch(of->dir, i);
        if (strcmp(e->phase, pal_rundir_epoch(of->dir, n - 1)->phase) != 0 || !isfinite(e->test_loss)) continue;
        if (!best || e->test_loss < best->test_loss) best = e;
    }
    return best;
}

/* ---- Data ----------------------------------------------------------------------------------------------------- */

static bool fits(const pal_cli_run *run, const pal_dataset *data)
{
    return data->features == pal_model_features(run->model);
}

/* The samples that the run is measured on: of --data, which must be there; or its own, which may be gone. */
static int open_data(const pal_cli_args *args, pal__reported *of)
{
    const char *word = pal_cli_given(args, "split");
    pal_error err = {0};
    if (pal_cli_given(args, "data")) {
        const int status = pal_cli_open_data(args, of->run);
        of->data = of->run->data;
        of->run->data = NULL;
        return status;
    }
    of->data = pal_cli_open_own(of->run, word && !strcmp(word, "train") ? PAL_SPLIT_TRAIN : PAL_SPLIT_TEST, &err);
    if (err.status == PAL_ERR_MEMORY) return pal_cli_say_error(&err);
    if (of->data && fits(of->run, of->data)) return PAL_CLI_GO_ON;
    snprintf(of->why_no_data, sizeof of->why_no_data, "%s", of->data ? "its samples have another size now" : err.text);
    pal_dataset_free(of->data);
    of->data = NULL;
    return pal_cli_say(PAL_CLI_GO_ON, "warning: %s: the page has no figures and no samples: %s",
                       pal_rundir_path(of->dir), of->why_no_data);
}

/* The training samples, for the mean sample and for the verdict. Without them the page has no comparison. */
static int open_train(pal__reported *of)
{
    const int status = of->data ? pal_cli_open_further(of->run, PAL_SPLIT_TRAIN, of->info->limit,
                                                       "the mean training sample", &of->train)
                                : PAL_CLI_GO_ON;
    if (of->train && !fits(of->run, of->train)) {
        pal_dataset_free(of->train);
        of->train = NULL;
    }
    return status;
}

/* ---- Figures -------------------------------------------------------------------------------------------------- */

static void judge(pal__reported *of)
{
    const pal_figures *f = &of->column.figures;
    const pal_train_result result = {.squared_error = f->squared_error,
                                     .baseline = f->baseline,
                                     .explained = f->explained,
                                     .collapsed = f->code.collapsed};
    const double share = 100 * f->explained;
    if (!isfinite(f->explained) && f->baseline != 0) return; /* nothing to compare with */
    pal_cli_train_verdict(of->dir, of->run->model, of->train ? of->train : of->data, &result, of->verdict,
                          sizeof of->verdict);
    of->learned = !*of->verdict;
    if (of->learned)
        snprintf(of->verdict, sizeof of->verdict,
                 "%s: of the squared error that the mean training sample leaves, the model removes %.1f %%.",
                 share >= 99   ? "Learned nearly everything"
                 : share >= 90 ? "Learned most of it"
                 : share >= 50 ? "Learned more than half"
                               : "Learned a part",
                 share);
    else if (*of->verdict == 'l')
        *of->verdict = 'L';
}

static int measure(const pal_cli_args *args, pal__reported *of)
{
    pal_cli_args plain = *args; /* the norm of the Jacobian takes long, and is not on the page */
    pal_error err = {0};
    if (plain.n_given < PAL_CLI_SETTINGS) plain.given[plain.n_given++] = (pal_setting){"jacobian-samples", "0"};
    const int status = pal__evaluate_measure(&plain, of->run, of->data, of->train, &of->column);
    if (status != PAL_CLI_GO_ON) return status;
    of->of_sample = malloc((size_t)of->data->count * sizeof *of->of_sample);
    of->of_feature = malloc((size_t)of->data->features * sizeof *of->of_feature);
    if (!of->of_sample || !of->of_feature) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (pal_residuals(of->run->model, of->data, of->of_sample, of->of_feature, &err)) return pal_cli_say_error(&err);
    judge(of);
    return PAL_CLI_GO_ON;
}

static int open_one(const pal_cli_args *args, pal__reported *of)
{
    pal_error err = {0};
    of->dir = pal_rundir_open(pal_rundir_path(of->run->dir), &err); /* with its epochs */
    if (!of->dir) return pal_cli_say_error(&err);
    of->info = pal_rundir_info(of->dir);
    int status = open_data(args, of);
    if (status == PAL_CLI_GO_ON) status = open_train(of);
    if (status == PAL_CLI_GO_ON && of->data) status = measure(args, of);
    return status;
}

/* Whether these samples have the same values and are the same number, so that figures of one stand for the other. */
static bool same_samples(const pal__reported *a, const pal__reported *b)
{
    pal_fingerprint of_a, of_b;
    if (!a->data || !b->data || a->data->count != b->data->count) return false;
    pal_fingerprint_of(NULL, a->data, &of_a);
    pal_fingerprint_of(NULL, b->data, &of_b);
    for (size_t i = 0; i < PAL_FINGERPRINT; i++)
        if (strcmp(of_a.text[i], of_b.text[i]) != 0) return false;
    return true;
}

/* Of equal samples, those of the first run are kept; of training samples, none are needed any more. */
static void share(pal__report *r, size_t i)
{
    pal__reported *of = &r->of[i];
    if (!i) {
        r->same_data = of->data != NULL;
        return;
    }
    of->shared = same_samples(&r->of[0], of);
    r->same_data &= of->shared;
    if (of->shared) pal_dataset_free(of->data);
    if (of->shared) of->data = r->of[0].data;
    pal_dataset_free(of->train);
    of->train = NULL;
}

int pal__report_open(const pal_cli_args *args, pal_cli_runs *runs, pal__report *r)
{
    *r = (pal__report){.args = args, .runs = runs, .title = pal_cli_given(args, "title"), .same_data = true};
    r->of = calloc(runs->n, sizeof *r->of);
    if (!r->of || !pal_html_begin(&r->html)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = PAL_CLI_GO_ON;
    for (size_t i = 0; i < runs->n && status == PAL_CLI_GO_ON; i++) {
        r->of[i].run = &runs->run[i];
        r->of[i].name = runs->name[i];
        r->n++;
        status = open_one(args, &r->of[i]);
        if (pal_cli_signal()) return PAL_CLI_SIGNAL + pal_cli_signal();
        if (status == PAL_CLI_GO_ON) share(r, i);
    }
    return status;
}

void pal__report_close(pal__report *r)
{
    size_t size;
    for (size_t i = 0; i < r->n; i++) {
        pal__reported *of = &r->of[i];
        free(of->column.unit_divergence);
        free(of->of_sample);
        free(of->of_feature);
        if (!of->shared) pal_dataset_free(of->data);
        pal_dataset_free(of->train);
        pal_rundir_free(of->dir);
    }
    free(r->of);
    if (r->html.to) free(pal_html_end(&r->html, &size));
    r->html.to = NULL;
}
