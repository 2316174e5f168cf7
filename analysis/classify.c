/* classify.c - measures a linear classifier on codes or inputs, trained on a given number of labels.
 *
 * Only the features of the labelled samples are kept in memory, in float64. Test samples are processed in batches. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { BATCH = 256, FOLDS = 5, FOLDED = 2000, STRENGTHS = 9, WORSE = 2 };
#define SELECTING 1e-5 /* gradient at which a fit ends: when comparing strengths, and the final fit */
#define FINAL     1e-6

typedef struct job {
    pal_context *context;
    const pal_model *model;
    const pal_dataset *train, *test;
    pal_classify_options o;
    pal_classification *result;
    int64_t n, d, classes;
    uint32_t *rows; /* indices of the labelled training samples */
    uint8_t *fold;  /* fold of each labelled sample */
    pal_workspace *workspace;
    pal_tensor *batch;     /* f32 [BATCH, features] */
    float *codes;          /* [BATCH, d] */
    double *centre, scale; /* [d] */
    pal_tensor *inputs, *targets;
    palt__logistic *classifier;
    double *weights;   /* [n] */
    double *solutions; /* one per fold, then the final one */
} job;

/* ---- Which samples are labelled ------------------------------------------------------------------------------- */

static int64_t classes_of(const pal_dataset *train, const pal_dataset *test)
{
    return train->classes > test->classes ? train->classes : test->classes;
}

/* Counts the samples of each class. */
static void count_classes(const pal_dataset *data, int64_t count[256])
{
    const uint8_t *labels = data->labels->data;
    memset(count, 0, 256 * sizeof *count);
    for (int64_t i = 0; i < data->count; i++) count[labels[i]]++;
}

pal_status pal_classify_check(const pal_dataset *train, const pal_dataset *test, int64_t labels, pal_error *err)
{
    const pal_dataset *without = !train->labels ? train : !test->labels ? test : NULL;
    if (without)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s has no labels: name them by --label, or give other data",
                             without->name);
    if (train->features != test->features)
        return pal_error_set(err, PAL_ERR_SHAPE, "samples of %s and %s differ in size", train->name, test->name);
    int64_t count[256], classes = 0;
    count_classes(train, count);
    for (int k = 0; k < 256; k++) classes += count[k] > 0;
    if (labels > train->count)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%lld labels, but %s has %lld training samples: give --labels %lld or less",
                             (long long)labels, train->name, (long long)train->count, (long long)train->count);
    if (labels < 0 || (labels && labels < classes))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%lld labels, but %s has %lld classes: give --labels %lld or more, one for each",
                             (long long)labels, train->name, (long long)classes, (long long)classes);
    return PAL_OK;
}

/* ---- Features ------------------------------------------------------------------------------------------------- */

/* The features of n rows, at most BATCH, as float32 [n,d]. */
static pal_status gather(job *j, const pal_dataset *data, const uint32_t *rows, int64_t n, const float **out,
                         pal_error *err)
{
    pal_tensor *part = pal_tensor_wrap(j->context, PAL_F32, PAL_SHAPE(n, data->features), j->batch->data);
    pal_status status = part ? pal_dataset_gather(data, rows, (size_t)n, part, err) : palt__no_memory(err);
    pal_tensor_free(part);
    if (status) return status;
    *out = j->batch->data;
    if (!j->model) return PAL_OK;
    *out = j->codes;
    status = pal_encode(j->model, j->workspace, j->batch->data, (size_t)n, j->codes);
    return status ? pal_error_set(err, status, "%s", pal_workspace_error(j->workspace)) : PAL_OK;
}

static void place(const job *j, const float *from, int64_t n, double *to)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < j->d; k++) to[i * j->d + k] = ((double)from[i * j->d + k] - j->centre[k]) * j->scale;
}

static pal_status load(job *j, pal_error *err)
{
    double *x = j->inputs->data, squares = 0;
    j->scale = 1;
    for (int64_t i = 0, n; i < j->n; i += n) {
        const float *from;
        n = j->n - i < BATCH ? j->n - i : BATCH;
        pal_status status = gather(j, j->train, j->rows + i, n, &from, err);
        if (status) return status;
        place(j, from, n, x + i * j->d);
    }
    for (int64_t i = 0; i < j->n; i++)
        for (int64_t k = 0; k < j->d; k++) j->centre[k] += x[i * j->d + k] / (double)j->n;
    for (int64_t i = 0; i < j->n; i++)
        for (int64_t k = 0; k < j->d; k++) {
            double *at = &x[i * j->d + k];
            *at -= j->centre[k];
            squares += *at * *at;
        }
    if (squares > 0) j->scale = sqrt((double)j->n / squares);
    for (int64_t i = 0; i < j->n * j->d; i++) x[i] *= j->scale;
    pal_status status = pal_dataset_one_hot(j->train, j->rows, (size_t)j->n, j->targets);
    return status ? pal_error_set(err, status, "%s: the labels could not be gathered", j->train->name) : PAL_OK;
}

/* ---- The classifier ------------------------------------------------------------------------------------------- */

static double strength_at(int i) { return 0.01 * pow(5, -i); }

static double *solution_of(const job *j, int fold)
{
    return j->solutions + (size_t)fold * palt__logistic_size(j->classifier);
}

/* Sets weight 0 for the samples of the fold (-1: none), and 1/n for the n others. Returns the size of the fold. */
static int64_t hold_out(job *j, int fold)
{
    int64_t held = 0;
    for (int64_t i = 0; i < j->n; i++) held += j->fold[i] == fold;
    for (int64_t i = 0; i < j->n; i++) j->weights[i] = j->fold[i] == fold ? 0 : 1 / (double)(j->n - held);
    return held;
}

/* Each fold is trained for one strength after the other, from strong to weak, and starts from its previous solution.
 * Among strengths of equal error, the one with the lowest -log p of the held-out labels is chosen. The final fit starts
 * from the solution of the last fold. */
static pal_status choose_strength(job *j, pal_error *err)
{
    pal_classification *r = j->result;
    const int folds = j->n <= FOLDED ? FOLDS : 1;
    double least = INFINITY;
    r->strength = strength_at(STRENGTHS / 2);
    r->held_out_error = NAN;
    int64_t lowest = INT64_MAX;
    for (int s = 0, worse = 0; s < STRENGTHS && worse < WORSE; s++) {
        int64_t wrong = 0, held = 0;
        double surprise = 0;
        for (int fold = FOLDS - folds; fold < FOLDS; fold++) {
            int64_t count = hold_out(j, fold);
            palt__fit fit = {.strength = strength_at(s),
                             .gradient = SELECTING,
                             .weights = j->weights,
                             .solution = solution_of(j, fold)};
            if (!count || count == j->n) continue;
            pal_status status = palt__logistic_fit(j->classifier, &fit, err);
            if (status) return status;
            held += count;
            r->evaluations += fit.minimum.evaluations;
            wrong += fit.wrong[0];
            surprise += fit.surprise;
        }
        if (!held) return PAL_OK;
        worse = wrong < lowest ? 0 : worse + 1;
        if (wrong > lowest || (wrong == lowest && surprise >= least)) continue;
        lowest = wrong;
        least = surprise;
        r->strength = strength_at(s);
        r->held_out_error = (double)wrong / (double)held;
        memcpy(solution_of(j, FOLDS), solution_of(j, FOLDS - 1), palt__logistic_size(j->classifier) * sizeof(double));
    }
    return PAL_OK;
}

static pal_status train(job *j, pal_error *err)
{
    pal_classification *r = j->result;
    palt__fit fit = {.gradient = FINAL, .weights = j->weights, .solution = solution_of(j, FOLDS)};
    pal_status status = choose_strength(j, err);
    if (status) return status;
    hold_out(j, -1);
    fit.strength = r->strength;
    status = palt__logistic_fit(j->classifier, &fit, err);
    if (status) return status;
    r->train_error = (double)fit.wrong[1] / (double)j->n;
    r->gradient = fit.minimum.gradient;
    r->converged = fit.minimum.converged;
    r->evaluations += fit.minimum.evaluations;
    return PAL_OK;
}

/* The class that the final solution predicts for features x [d]. */
static int64_t answer(const job *j, const double *x, double *logits)
{
    const double *w = solution_of(j, FOLDS);
    int64_t best = 0;
    memcpy(logits, w + j->d * j->classes, (size_t)j->classes * sizeof *logits);
    for (int64_t k = 0; k < j->classes; k++)
        for (int64_t i = 0; i < j->d; i++) logits[k] += x[i] * w[k * j->d + i];
    for (int64_t k = 1; k < j->classes; k++)
        if (logits[k] > logits[best]) best = k;
    return best;
}

static pal_status test(job *j, pal_error *err)
{
    const uint8_t *labels = j->test->labels->data;
    double *x = malloc((size_t)(BATCH * j->d + j->classes) * sizeof *x);
    pal_status status = x ? PAL_OK : palt__no_memory(err);
    int64_t wrong = 0;
    uint32_t rows[BATCH];
    if (j->o.confusion) memset(j->o.confusion, 0, (size_t)(j->classes * j->classes) * sizeof *j->o.confusion);
    for (int64_t i = 0, n; !status && i < j->test->count; i += n) {
        const float *from;
        n = j->test->count - i < BATCH ? j->test->count - i : BATCH;
        for (int64_t k = 0; k < n; k++) rows[k] = (uint32_t)(i + k);
        status = gather(j, j->test, rows, n, &from, err);
        if (!status) place(j, from, n, x);
        for (int64_t k = 0; !status && k < n; k++) {
            int64_t said = answer(j, x + k * j->d, x + BATCH * j->d);
            wrong += said != labels[i + k];
            if (j->o.confusion) j->o.confusion[labels[i + k] * j->classes + said]++;
        }
    }
    free(x);
    j->result->error = (double)wrong / (double)j->test->count;
    return status;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */

static pal_status prepare(job *j, pal_error *err)
{
    j->d = j->train->features;
    if (j->model) {
        const pal_context_options own = {.struct_size = sizeof own,
                                         .threads = pal_context_threads(j->context),
                                         .unpinned = true,
                                         .isa = pal_context_isa(j->context),
                                         .subnormals = pal_context_subnormals(j->context),
                                         .lanes = pal_context_lanes(j->context)};
        pal_workspace_options o = {
            .struct_size = sizeof o, .batch = BATCH, .lanes = j->o.lanes, .context = &own, .features = true};
        j->workspace = pal_workspace_new(j->model, &o, err);
        if (!j->workspace) return PAL_ERR_ARGUMENT;
        j->d = pal_workspace_code(j->workspace);
    }
    j->rows = malloc((size_t)j->n * sizeof *j->rows);
    j->fold = malloc((size_t)j->n);
    j->weights = malloc((size_t)j->n * sizeof *j->weights);
    j->codes = malloc((size_t)(BATCH * j->d) * sizeof *j->codes);
    j->centre = calloc((size_t)j->d, sizeof *j->centre);
    j->batch = pal_tensor_new(j->context, PAL_F32, PAL_SHAPE(BATCH, j->train->features));
    j->inputs = pal_tensor_new(j->context, PAL_F64, PAL_SHAPE(j->n, j->d));
    j->targets = pal_tensor_new(j->context, PAL_F64, PAL_SHAPE(j->n, j->classes));
    if (!j->rows || !j->fold || !j->weights || !j->codes || !j->centre || !j->batch || !j->inputs || !j->targets)
        return pal_error_set(err, PAL_ERR_MEMORY, "out of memory for %lld samples of %lld features", (long long)j->n,
                             (long long)j->d);
    j->classifier = palt__logistic_new(j->inputs, j->targets, j->o.lanes, err);
    if (!j->classifier) return PAL_ERR_MEMORY;
    j->solutions = calloc((FOLDS + 1) * palt__logistic_size(j->classifier), sizeof *j->solutions);
    return j->solutions ? PAL_OK : palt__no_memory(err);
}

static void release(job *j)
{
    palt__logistic_free(j->classifier);
    pal_tensor_free(j->targets);
    pal_tensor_free(j->inputs);
    pal_tensor_free(j->batch);
    pal_workspace_free(j->workspace);
    free(j->solutions);
    free(j->weights);
    free(j->centre);
    free(j->codes);
    free(j->fold);
    free(j->rows);
}

pal_status pal_classify(const pal_model *model, const pal_dataset *training, const pal_dataset *testing,
                        const pal_classify_options *options, pal_classification *result, pal_error *err)
{
    double started = palt__seconds();
    job j = {
        .context = training->inputs->context, .model = model, .train = training, .test = testing, .result = result};
    if (pal_options_read(&j.o, options, sizeof j.o, sizeof j.o, "classify", err)) return PAL_ERR_ARGUMENT;
    pal_error own = {0};
    if (!pal_classify_check(training, testing, j.o.labels, &own) && model && !pal_data_check(model, training, &own))
        pal_data_check(model, testing, &own);
    if (!own.status) {
        j.n = j.o.labels ? j.o.labels : training->count;
        j.classes = classes_of(training, testing);
        *result = (pal_classification){.labels = j.n, .test_samples = testing->count, .classes = (int)j.classes};
        if (!prepare(&j, &own) && !pal_stratify(training, j.n, j.o.seed, j.o.draw, FOLDS, j.rows, j.fold, &own) &&
            !load(&j, &own) && !train(&j, &own))
            test(&j, &own);
        result->features = j.d;
        result->seconds = palt__seconds() - started;
        release(&j);
    }
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
