/* check_train.c - trains a variant on a small data set: twice for a few steps, and once until it should have learned.
 *
 * The data are the first samples of the default data set, if it is installed, or else drawn images of bars. The model
 * has the defaults of its options and of its training, so that a failure concerns what a user gets. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/source.h"

enum { SAMPLES = 1000, SIDE = 12, STEPS = 300 };
static const double most_seconds = 60;

/* Images of one bright row or column each; the class is its place. */
static pal_dataset *draw(pal_context *context)
{
    pal_dataset *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    *d = (pal_dataset){
        .sample = PAL_SHAPE(SIDE, SIDE), .count = SAMPLES, .features = SIDE * SIDE, .classes = SIDE, .scale = 1};
    snprintf(d->name, sizeof d->name, "bars");
    d->inputs = pal_tensor_new(context, PAL_F32, PAL_SHAPE(SAMPLES, SIDE, SIDE));
    d->labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(SAMPLES));
    if (!d->inputs || !d->labels) {
        pal_dataset_free(d);
        return NULL;
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        const size_t at = i / 2 % SIDE;
        pal_tensor_set(d->labels, i, (double)at);
        for (size_t k = 0; k < SIDE * SIDE; k++)
            pal_tensor_set(d->inputs, i * SIDE * SIDE + k,
                           (i % 2 ? k / SIDE : k % SIDE) == at ? 0.6 + 0.4 * (double)(i % 7) / 6 : 0);
    }
    return d;
}

/* NULL: see err. A default data set that is there, but cannot be read, is an error: the figures would be of others. */
static pal_dataset *open_data(pal_context *context, pal_error *err)
{
    pal_dataset *d;
    if (access(PAL_DATA_DEFAULT, F_OK) && errno == ENOENT) {
        d = draw(context);
        if (!d) pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
        return d;
    }
    d = pal_dataset_open(context, NULL, PAL_SPLIT_TRAIN, err);
    if (d && !pal_dataset_limit(d, SAMPLES)) return d;
    if (d) pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    pal_dataset_free(d);
    return NULL;
}

/* A bar that is erased afterwards: it is never full. */
static int report(const pal_progress *p, void *bar)
{
    const int64_t done = p->minimises ? p->epoch : (p->epoch - 1) * p->steps + p->step;
    const int64_t all = p->minimises ? p->epochs : p->epochs * p->steps;
    return done < all && pal_cli_progress_count(bar, p->minimises ? "iterations" : "steps", done, all);
}

/* Trains a new model for about so many steps. NULL: failed, see err. */
static pal_model *train(const pal_cli_checking *c, const pal_dataset *data, int64_t steps, pal_error *err)
{
    pal_train_settings settings;
    pal_train_defaults d;
    if (pal_train_settings_of(c->variant, data, NULL, 0, &settings, err)) return NULL;
    pal_model *m = pal_model_new_for(c->context, c->variant, settings.list, settings.n, data->schema, data->sample,
                                     PAL_F32, c->seed, err);
    if (!m || pal_train_defaults_of(m, data, NULL, 0, &d, err)) {
        pal_model_free(m);
        return NULL;
    }
    const int64_t each = data->count / d.batch, epochs = (steps + each - 1) / each;
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = d.optimizer, .clip_norm = d.clip};
    const pal_schedule schedule = {.name = "constant", .learning_rate = d.learning_rate};
    pal_cli_progress bar;
    pal_cli_progress_start(&bar, false, pal_cli_flag(c->args, "json"));
    const pal_train_options o = {.struct_size = sizeof o,
                                 .epochs = epochs > 0 ? epochs : 1,
                                 .batch = d.batch,
                                 .seed = c->seed,
                                 .optimizer = &optimizer,
                                 .schedule = &schedule,
                                 .time_limit = most_seconds,
                                 .progress = report,
                                 .user = &bar};
    pal_train_result result;
    const pal_status status = pal_train(m, data, &o, &result, err);
    pal_cli_progress_erase(&bar);
    if (!status) return m;
    pal_model_free(m);
    return NULL;
}

static bool same_weights(const pal_model *a, const pal_model *b, const char **name)
{
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) {
        const pal_tensor *v = pal_model_parameter(a, i, name), *w = pal_model_parameter(b, i, name);
        if (memcmp(v->data, w->data, pal_tensor_count(v) * sizeof(float)) != 0) return false;
    }
    return true;
}

static void check_bits(pal_cli_checking *c, const pal_dataset *data, const pal_model *first)
{
    pal_error err = {0};
    const char *name;
    pal_model *second = train(c, data, 1, &err);
    if (!second)
        pal_cli_find(c, "same bits", PAL_CLI_FAIL, "%s", err.text);
    else if (!same_weights(first, second, &name))
        pal_cli_find(c, "same bits", PAL_CLI_FAIL,
                     "two trainings with one seed differ in %s: the file keeps a value between them: look for a static "
                     "variable, or rand() in place of pal_normal",
                     name);
    else
        pal_cli_find(c, "same bits", PAL_CLI_PASS, "two trainings with one seed give the same weights");
    pal_model_free(second);
}

/* Runs the reconstruction of some samples into out, which the caller frees. */
static float *reconstruct(pal_model *m, const pal_dataset *data, size_t *n)
{
    enum { ROWS = 8 };
    pal_context *context = pal_model_context(m);
    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(ROWS, data->features));
    float *out = NULL;
    const uint32_t rows[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7};
    *n = ROWS * (size_t)data->features;
    if (tape && x && !pal_dataset_batch(data, rows, ROWS, x)) {
        pal_model_begin(m, tape, PAL_EVALUATE);
        const pal_var r = pal_model_reconstruct(m, pal_leaf(tape, x, "x"));
        pal_model_end(m);
        pal_program *p = pal_compile(tape, &r, 1, NULL);
        if (p && !pal_run(p) && pal_tensor_count(pal_output(p, 0)) == *n) out = malloc(*n * sizeof *out);
        if (out) memcpy(out, pal_output(p, 0)->data, *n * sizeof *out);
        pal_program_free(p);
    }
    pal_tensor_free(x);
    pal_tape_free(tape);
    return out;
}

static void check_saved(pal_cli_checking *c, const pal_dataset *data, pal_model *m)
{
    pal_error err = {0};
    const char *base = getenv("TMPDIR");
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.3900s/palindrome-check-XXXXXX", base && *base == '/' ? base : "/tmp");
    if (!mkdtemp(folder)) {
        pal_cli_find(c, "save and open", PAL_CLI_FAIL, "cannot write to %s: set TMPDIR", folder);
        return;
    }
    char file[PATH_MAX + 32];
    size_t n = 0;
    snprintf(file, sizeof file, "%s/model.safetensors", folder);
    pal_model *again = pal_model_save(m, file, NULL, 0, &err) ? NULL : pal_model_open(c->context, file, &err);
    float *a = again ? reconstruct(m, data, &n) : NULL, *b = a ? reconstruct(again, data, &n) : NULL;
    if (!again)
        pal_cli_find(c, "save and open", PAL_CLI_FAIL, "%s", err.text);
    else if (!b || memcmp(a, b, n * sizeof *a) != 0)
        pal_cli_find(c, "save and open", PAL_CLI_FAIL,
                     "the model that is opened again reconstructs otherwise: look for a value that is no pal_parameter "
                     "or pal_statistic, or for noise in .encode or .decode");
    else
        pal_cli_find(c, "save and open", PAL_CLI_PASS, "the opened model reconstructs with the same bits");
    free(a);
    free(b);
    pal_model_free(again);
    unlink(file);
    rmdir(folder);
}

static void check_learns(pal_cli_checking *c, const pal_dataset *data)
{
    pal_error err = {0};
    pal_figures f;
    pal_model *m = train(c, data, STEPS, &err);
    const pal_evaluate_options o = {.struct_size = sizeof o, .seed = c->seed, .train = data};
    if (!m || pal_evaluate(m, data, &o, &f, &err))
        pal_cli_find(c, "learns", PAL_CLI_FAIL, "%s", err.text);
    else if (f.explained > PAL_CLI_LEARNED)
        pal_cli_find(c, "learns", PAL_CLI_PASS, "explains %.0f %% of the variance of %lld samples of %s",
                     100 * f.explained, (long long)data->count, data->name);
    else
        pal_cli_find(
            c, "learns", PAL_CLI_FAIL,
            "squared error %.4g on %lld samples of %s, but the mean sample has %.4g: look at the weight and the "
            "sign of each penalty, and at the learning rate (`palindrome find-rate %s`)",
            f.squared_error, (long long)data->count, data->name, f.baseline, c->word);
    pal_model_free(m);
}

void pal_cli_check_training(pal_cli_checking *c)
{
    pal_error err = {0};
    pal_dataset *data = open_data(c->context, &err);
    pal_model *m = data ? train(c, data, 1, &err) : NULL;
    if (m) {
        check_bits(c, data, m);
        check_saved(c, data, m);
        check_learns(c, data);
    } else {
        pal_cli_find(c, "trains", PAL_CLI_FAIL, "%s", err.text);
    }
    pal_model_free(m);
    pal_dataset_free(data);
}
