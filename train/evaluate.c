/* evaluate.c - measures a model on a data set: the loss with its terms, and squared errors.
 *
 * Every sample counts exactly once, and sample i is corrupted the same way in every epoch and in any batch. A term of
 * the loss that is not separable over samples is computed once, from logarithms that are pooled over the batches. The
 * program computes their log-sum-exp over a batch; the sum over batches is in double. Processes divide the batches
 * (pass.c), and all of them add up those of all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/internal.h"

/* Outputs of the program of a batch. After FIXED come the named terms, their parts of the
 * loss, then the pool. */
enum { LOSS, CLEAN, CORRUPTED, WRONG, FIT, DIVERGENCE, FIXED };

struct palt__evaluator {
    pal_model *model;
    const pal_phase *phase;
    uint64_t seed;
    int64_t samples;
    palt__pass *pass;
    const pal_communicator *communicator;
    bool corrupts, classifies, bounds;
    size_t notes;                       /* named terms of the loss of a batch */
    const char *names[PAL_MODEL_NOTES]; /* those of the batches, then those of the pooled term */
    size_t pooled_notes;
    int64_t pool;         /* pooled logarithms per sample; 0: no pooled term */
    double *peak, *total; /* [pool]: sum over samples so far of exp(logarithm - peak) */
    pal_tensor *log_mean;
    pal_program *term; /* the pooled term, from log_mean */
    double sum[FIXED + 2 * PAL_MODEL_NOTES];
};

/* Sum over the batch of the squared error of the known features, reconstructed from `from`. */
static pal_var squared_error(pal_model *model, const palt__inputs *in, pal_var from)
{
    const pal_var error = pal_sub(in->x, pal_model_reconstruct(model, from));
    return pal_sum_squares(in->known.id ? pal_mul(error, in->known) : error);
}

/* Number of samples in the batch for which another class scores higher than their own. */
static pal_var wrong(pal_model *model, const palt__inputs *in)
{
    pal_var scores = pal_model_classify(model, in->x);
    pal_var own = pal_sum(pal_mul(scores, in->labels), 1u << 1, false), top = pal_reduce_max(scores, 1u << 1, false);
    return pal_sum_all(pal_where(pal_greater(top, own), pal_like(own, 1), pal_like(own, 0)));
}

/* The named terms, then their parts of the loss. */
static size_t take_notes(pal_model *model, pal_var loss, const char **names, pal_var *out)
{
    size_t n = pal_model_note_count(model);
    for (size_t i = 0; i < n; i++) out[i] = pal_model_note_at(model, i, &names[i]);
    for (size_t i = 0; i < n; i++) out[n + i] = pal_model_note_share(model, loss, i);
    return n;
}

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    palt__evaluator *e = user;
    const pal_batch batch = {.inputs = in->x, .labels = in->labels, .known = in->known, .phase = e->phase};
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[LOSS] = pal_model_loss(model, &batch);
    e->notes = take_notes(model, outputs[LOSS], e->names, outputs + FIXED);
    e->bounds = pal_model_bound(model, &outputs[FIT], &outputs[DIVERGENCE]);
    outputs[CLEAN] = squared_error(model, in, in->x);
    if (!e->bounds) outputs[FIT] = outputs[DIVERGENCE] = outputs[CLEAN];
    pal_var corrupted = palt__corrupted(model, in), pooled = pal_model_pooled(model, &batch);
    e->corrupts = corrupted.id != 0;
    outputs[CORRUPTED] = corrupted.id ? squared_error(model, in, corrupted) : outputs[CLEAN];
    e->classifies = in->labels.id && pal_model_variant(model)->classify;
    outputs[WRONG] = e->classifies ? wrong(model, in) : outputs[CLEAN];
    size_t n = FIXED + 2 * e->notes;
    e->pool = pooled.id ? pal_shape_of(pooled).dim[1] : 0;
    if (pooled.id) outputs[n++] = pal_logsumexp(pooled, 1, false);
    pal_model_end(model);
    return pal_tape_status(in->tape) ? 0 : n;
}

/* Makes the program of the pooled term. */
static pal_status prepare_term(palt__evaluator *e, unsigned lanes, pal_error *err)
{
    pal_context *context = pal_model_context(e->model);
    pal_var outputs[1 + 2 * PAL_MODEL_NOTES];
    e->peak = malloc((size_t)e->pool * sizeof *e->peak);
    e->total = malloc((size_t)e->pool * sizeof *e->total);
    e->log_mean = pal_tensor_new(context, pal_model_dtype(e->model), PAL_SHAPE(e->pool));
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(e->model));
    if (e->peak && e->total && e->log_mean && tape) {
        pal_model_begin(e->model, tape, PAL_EVALUATE);
        outputs[0] = pal_model_of_pooled(e->model, pal_leaf(tape, e->log_mean, "log mean"));
        e->pooled_notes = take_notes(e->model, outputs[0], e->names + e->notes, outputs + 1);
        pal_model_end(e->model);
        pal_compile_options options = {.struct_size = sizeof options, .lanes = lanes};
        if (!pal_tape_status(tape)) e->term = pal_compile(tape, outputs, 1 + 2 * e->pooled_notes, &options);
    }
    const char *why = tape ? pal_tape_error(tape) : NULL;
    pal_status status =
        e->term ? PAL_OK
                : pal_error_set(err, why ? pal_tape_status(tape) : PAL_ERR_MEMORY, "%s", why ? why : "out of memory");
    pal_tape_free(tape);
    return status;
}

static pal_status prepare(palt__evaluator *e, const pal_dataset *data, const pal_evaluate_options *o, pal_error *err)
{
    palt__stage_options options = {.rows = o->batch ? o->batch : 128,
                                   .lanes = o->lanes,
                                   .corruptor = o->corruptor,
                                   .labels = data->labels && pal_model_classes(e->model),
                                   .record = record,
                                   .user = e};
    pal_error own = {0};
    e->pass = palt__pass_new(e->model, data, data->count, &options, &own);
    if (e->pass && e->pool) prepare_term(e, o->lanes, &own);
    if (!own.status && e->notes + e->pooled_notes > PAL_MODEL_NOTES)
        pal_error_set(&own, PAL_ERR_ARGUMENT, "a loss can name at most %d terms", PAL_MODEL_NOTES);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

static palt__evaluator *make(pal_model *model, const pal_phase *phase, const pal_dataset *data,
                             const pal_evaluate_options *o, pal_error *err)
{
    if (pal_data_check(model, data, err)) return NULL;
    if (o->batch < 0) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "a batch of %lld samples: choose 1 or more", (long long)o->batch);
        return NULL;
    }
    palt__evaluator *e = calloc(1, sizeof *e);
    if (!e) {
        palt__no_memory(err);
        return NULL;
    }
    e->model = model;
    e->phase = phase;
    e->samples = data->count;
    e->seed = o->seed;
    e->communicator = o->communicator;
    if (!prepare(e, data, o, err)) return e;
    palt__evaluator_free(e);
    return NULL;
}

palt__evaluator *palt__evaluator_new(pal_model *model, const pal_phase *phase, const pal_dataset *data,
                                     const pal_evaluate_options *given, pal_error *err)
{
    pal_evaluate_options o = {0};
    pal_error own = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_evaluate_options, train), "evaluate", err)) return NULL;
    palt__evaluator *e = make(model, phase, data, &o, &own);
    const pal_status status = pal_communicator_agree(o.communicator, own.status, &own);
    if (!status) return e;
    pal_error_set(err, status, "%s", own.text);
    palt__evaluator_free(e);
    return NULL;
}

void palt__evaluator_free(palt__evaluator *e)
{
    if (!e) return;
    pal_program_free(e->term);
    pal_tensor_free(e->log_mean);
    palt__pass_free(e->pass);
    free(e->total);
    free(e->peak);
    free(e);
}

/* Adds exp(value) to total * exp(peak); peak is kept at the maximum, so that nothing overflows. */
static void pool(double *peak, double *total, double value)
{
    if (value > *peak) {
        *total = *total * exp(*peak - value) + 1;
        *peak = value;
    } else if (value > -INFINITY) {
        *total += exp(value - *peak);
    } else if (isnan(value)) {
        *total = value;
    }
}

/* The outputs of the program. */
static void give(const palt__stage *stage, double *numbers, void *user)
{
    const palt__evaluator *e = user;
    const size_t n = FIXED + 2 * e->notes;
    for (size_t k = 0; k < n; k++) numbers[k] = pal_tensor_get(pal_output(stage->program, k), 0);
    for (size_t j = 0; j < (size_t)e->pool; j++) numbers[n + j] = pal_tensor_get(pal_output(stage->program, n), j);
}

/* Losses and their terms are means over the batch; squared errors and misclassified samples are sums. */
static void add(const double *numbers, int64_t rows, void *user)
{
    palt__evaluator *e = user;
    const size_t n = FIXED + 2 * e->notes;
    for (size_t k = 0; k < n; k++)
        e->sum[k] += k == CLEAN || k == CORRUPTED || k == WRONG ? numbers[k] : numbers[k] * (double)rows;
    for (int64_t j = 0; j < e->pool; j++) pool(&e->peak[j], &e->total[j], numbers[n + (size_t)j]);
}

static void add_term(pal_figures *f, const char *name, double noted, double value)
{
    size_t i = 1;
    while (i < f->n_terms && strncmp(f->terms[i].name, name, sizeof f->terms[i].name - 1)) i++;
    if (i == f->n_terms) {
        snprintf(f->terms[i].name, sizeof f->terms[i].name, "%s", name);
        f->terms[i].value = f->terms[i].noted = 0;
        f->n_terms++;
    }
    f->terms[i].value += value;
    f->terms[i].noted += noted;
    f->terms[0].value -= value;
}

static pal_status add_pooled(palt__evaluator *e, pal_figures *f, pal_error *err)
{
    for (int64_t j = 0; j < e->pool; j++)
        pal_tensor_set(e->log_mean, (size_t)j, e->peak[j] + log(e->total[j] / (double)e->samples));
    pal_status status = pal_run(e->term);
    if (status) return pal_error_set(err, status, "%s", pal_program_error(e->term));
    double term = pal_tensor_get(pal_output(e->term, 0), 0);
    f->loss += term;
    f->terms[0].value += term;
    for (size_t i = 0; i < e->pooled_notes; i++)
        add_term(f, e->names[e->notes + i], pal_tensor_get(pal_output(e->term, 1 + i), 0),
                 pal_tensor_get(pal_output(e->term, 1 + e->pooled_notes + i), 0));
    return PAL_OK;
}

pal_status palt__evaluator_run(palt__evaluator *e, pal_figures *figures, pal_error *err)
{
    memset(e->sum, 0, sizeof e->sum);
    for (int64_t j = 0; j < e->pool; j++) e->peak[j] = -INFINITY, e->total[j] = 0;
    const palt__sum sum = {FIXED + 2 * e->notes + (size_t)e->pool, give, add};
    pal_status status = palt__pass_add(e->pass, e->seed, e->communicator, &sum, e, err);
    if (status) return status;
    double n = (double)e->samples;
    *figures = (pal_figures){.samples = e->samples,
                             .loss = e->sum[LOSS] / n,
                             .squared_error = e->sum[CLEAN] / n,
                             .squared_error_corrupted = e->corrupts ? e->sum[CORRUPTED] / n : (double)NAN,
                             .error = e->classifies ? e->sum[WRONG] / n : (double)NAN,
                             .bound = {.value = NAN},
                             .baseline = NAN,
                             .explained = NAN,
                             .n_terms = 1,
                             .terms = {{.name = "reconstruction", .value = e->sum[LOSS] / n}}};
    if (e->bounds)
        figures->bound = (pal_bound_figures){.value = -(e->sum[FIT] + e->sum[DIVERGENCE]) / n,
                                             .reconstruction = e->sum[FIT] / n,
                                             .divergence = e->sum[DIVERGENCE] / n};
    for (size_t i = 0; i < e->notes; i++)
        add_term(figures, e->names[i], e->sum[FIXED + i] / n, e->sum[FIXED + e->notes + i] / n);
    if (e->pool) {
        pal_error own = {0};
        add_pooled(e, figures, &own);
        status = pal_communicator_agree(e->communicator, own.status, &own);
        if (status) return pal_error_set(err, status, "%s", own.text);
    }
    figures->terms[0].noted = figures->terms[0].value;
    if (figures->n_terms > 1 && figures->terms[0].value == 0) /* every part of the loss has a name */
        memmove(figures->terms, figures->terms + 1, --figures->n_terms * sizeof *figures->terms);
    return PAL_OK;
}

/* Each process measures all of it. */
static pal_status measure_baseline(const pal_dataset *data, const pal_evaluate_options *o, pal_figures *figures,
                                   pal_error *err)
{
    pal_error own = {0};
    pal_baseline(o->train, data, o->seed, &figures->baseline, &own);
    const pal_status status = pal_communicator_agree(o->communicator, own.status, &own);
    return status ? pal_error_set(err, status, "%s", own.text) : PAL_OK;
}

pal_status pal_evaluate(pal_model *model, const pal_dataset *data, const pal_evaluate_options *options,
                        pal_figures *figures, pal_error *err)
{
    pal_error own = {0};
    pal_evaluate_options o = {0};
    if (pal_options_read(&o, options, sizeof o, offsetof(pal_evaluate_options, train), "evaluate", err))
        return PAL_ERR_ARGUMENT;
    palt__evaluator *e = palt__evaluator_new(model, NULL, data, options, &own);
    if (e) palt__evaluator_run(e, figures, &own);
    palt__evaluator_free(e);
    if (!own.status && o.train && !measure_baseline(data, &o, figures, &own))
        figures->explained = pal_explained(figures->squared_error, figures->baseline);
    if (!own.status && o.code) palt__code_figures(model, data, &o, &figures->code, &own);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
