/* detect.c - scores of samples by a trained model, and what each feature contributes to them.
 *
 * A program over a batch of fixed size computes the reconstruction, the likelihood by feature, or the code. The last
 * batch is filled up with its last sample, so that one program serves rows that arrive in any number. The sums over
 * features are in double on the host, from parts as the program returns them; so the parts add up to the score.
 *
 * Where targets are binarised at random, the likelihood is that of the grey values: a Bernoulli likelihood is linear in
 * the target, so this is its mean over the draws. Features that are not known have no part in the score; the encoder
 * sees what a batch has in their place. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/detect.h"
#include "ops/ops.h"

enum { BATCH = 128, DRAWS = 100 };

/* ---- The scores ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *parts;
} scores[PAL_SCORES] = {
    [PAL_SCORE_OWN] = {"own", NULL},
    [PAL_SCORE_SQUARED_ERROR] = {"squared-error", "the squared error of each feature"},
    [PAL_SCORE_LIKELIHOOD] = {"likelihood", "-ln p of each feature"},
    [PAL_SCORE_BOUND] = {"bound", "the squared error of each feature, since the bound has no parts"},
    [PAL_SCORE_LATENT] = {"latent", "half the derivative of the score by each feature, times its distance from the "
                                    "mean"},
};

const char *pal_score_name(pal_score score) { return (unsigned)score < PAL_SCORES ? scores[score].name : NULL; }

pal_score pal_score_find(const char *name)
{
    int i = 0;
    while (i < PAL_SCORES && (!name || strcmp(scores[i].name, name) != 0)) i++;
    return (pal_score)i;
}

const char *pal_score_parts(pal_score score) { return (unsigned)score < PAL_SCORES ? scores[score].parts : NULL; }

static bool setting_is(const pal_model *model, const char *name, const char *value)
{
    const char *is = pal_model_setting(model, name);
    return is && !strcmp(is, value);
}

/* The numbers of the code, by the options; 0: they do not say it. */
static int64_t code_of(const pal_model *model)
{
    const char *layers = pal_model_setting(model, "layers"), *hidden = pal_model_setting(model, "hidden");
    const char *last = layers ? strrchr(layers, ',') : NULL;
    const char *text = last ? last + 1 : layers && *layers ? layers : hidden;
    return text ? strtoll(text, NULL, 10) : 0;
}

/* A code with as many units as there are features may keep an odd sample as it is, so that its error says nothing. */
pal_score pal_score_of(const pal_model *model)
{
    if (pal_model_has_posterior(model) && !setting_is(model, "output", "squared")) return PAL_SCORE_LIKELIHOOD;
    return code_of(model) >= palt__features(model) ? PAL_SCORE_LATENT : PAL_SCORE_SQUARED_ERROR;
}

static pal_status check(const pal_model *model, const pal_detect_options *o, pal_error *err)
{
    if ((unsigned)o->score >= PAL_SCORES)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "detect: there is no score number %d", (int)o->score);
    if (o->score == PAL_SCORE_LIKELIHOOD && setting_is(model, "output", "squared"))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "likelihood: output squared is half the squared error: choose the score squared-error, or "
                             "a model with --output gaussian");
    if (o->score == PAL_SCORE_BOUND && !pal_model_has_posterior(model))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "bound: the code of %s is not random: choose the score squared-error, likelihood or "
                             "latent",
                             pal_model_variant(model)->name);
    if (o->score == PAL_SCORE_LATENT && !o->train)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "latent: needs the training samples");
    if (!(o->shrink >= 0 && o->shrink <= 1))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "latent: a shrinkage of %g: choose 0 to 1", o->shrink);
    if (o->draws < 0 || o->batch < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "detect: %lld draws, batches of %lld: choose 1 or more",
                             (long long)o->draws, (long long)o->batch);
    return PAL_OK;
}

/* ---- The programs --------------------------------------------------------------------------------------------- */

struct pal_detector {
    pal_model *model;
    pal_detect_options o;
    size_t features;
    pal_tensor *x, *pull; /* [batch, features]; for LATENT: S^-1 (h - m), [batch, code] */
    pal_program *program; /* the reconstruction, the parts, or the code */
    pal_program *back;    /* for LATENT: `pull` pulled back to the features */
    palt__codes *codes;   /* for LATENT */
    double *row;          /* for LATENT: the codes of a batch */
};

/* Inputs that the loss cuts into 0 and 1 by a threshold are cut here, too. */
static pal_var record_parts(pal_model *model, pal_var x)
{
    if (setting_is(model, "binarize", "threshold")) x = pal_model_target(model, x);
    const pal_var a = pal_model_variant(model)->decode(model, pal_model_encode(model, x));
    return pal_nll_of_features(model, a, x);
}

static pal_program *compile(const pal_detector *d, pal_tape *tape, pal_var out, pal_error *err)
{
    const pal_compile_options options = {.struct_size = sizeof options, .lanes = d->o.lanes};
    pal_program *program = pal_tape_status(tape) ? NULL : pal_compile(tape, &out, 1, &options);
    const char *why = pal_tape_error(tape);
    if (!program)
        pal_error_set(err, why ? pal_tape_status(tape) : PAL_ERR_MEMORY, "%s: %s", pal_model_variant(d->model)->name,
                      why ? why : "out of memory");
    return program;
}

static pal_status record(pal_detector *d, pal_error *err)
{
    pal_tape *tape = pal_tape_new(pal_model_context(d->model), pal_model_dtype(d->model));
    if (!tape) return palt__no_memory(err);
    pal_model_begin(d->model, tape, PAL_EVALUATE);
    const pal_var x = pal_leaf(tape, d->x, "inputs");
    const pal_var out = d->o.score == PAL_SCORE_LIKELIHOOD ? record_parts(d->model, x)
                        : d->o.score == PAL_SCORE_LATENT   ? pal_model_encode(d->model, x)
                                                           : pal_model_reconstruct(d->model, x);
    pal_model_end(d->model);
    d->program = compile(d, tape, out, err);
    pal_tape_free(tape);
    return d->program ? PAL_OK : PAL_ERR_ARGUMENT;
}

/* The derivative of sum h * pull by x. */
static pal_status record_back(pal_detector *d, pal_error *err)
{
    pal_context *context = pal_model_context(d->model);
    d->pull = pal_tensor_new(context, pal_model_dtype(d->model), pal_output(d->program, 0)->shape);
    pal_tape *tape = d->pull ? pal_tape_new(context, pal_model_dtype(d->model)) : NULL;
    if (!tape) return palt__no_memory(err);
    pal_model_begin(d->model, tape, PAL_EVALUATE);
    pal_var x = pal_leaf(tape, d->x, "inputs"), back;
    pal_var sum = pal_sum_all(pal_mul(pal_model_encode(d->model, x), pal_leaf(tape, d->pull, "pull")));
    pal_grad(sum, &x, 1, &back);
    pal_model_end(d->model);
    d->back = compile(d, tape, back, err);
    pal_tape_free(tape);
    return d->back ? PAL_OK : PAL_ERR_ARGUMENT;
}

/* ---- A batch -------------------------------------------------------------------------------------------------- */

/* Copies n rows into the batch, and the last of them into its remaining rows; runs the program. */
static pal_status run(pal_detector *d, const float *x, size_t n, pal_error *err)
{
    const size_t rows = (size_t)d->o.batch, f = d->features;
    for (size_t i = 0; i < rows; i++) {
        const float *from = x + (i < n ? i : n - 1) * f;
        if (d->x->dtype == PAL_F32)
            memcpy((float *)d->x->data + i * f, from, f * sizeof *from);
        else
            for (size_t k = 0; k < f; k++) ((double *)d->x->data)[i * f + k] = (double)from[k];
    }
    const pal_status status = pal_run(d->program);
    return status ? pal_error_set(err, status, "%s", pal_program_error(d->program)) : PAL_OK;
}

static inline double at(const pal_tensor *t, size_t i)
{
    return t->dtype == PAL_F32 ? (double)((const float *)t->data)[i] : ((const double *)t->data)[i];
}

static void sum_up(const pal_detector *d, const float *x, const float *known, size_t n, bool squares, double *score,
                   double *parts)
{
    const pal_tensor *out = pal_output(d->program, 0);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = i * d->features; k < (i + 1) * d->features; k++) {
            const double off = squares ? (double)x[k] - at(out, k) : 0;
            const double part = known && known[k] <= 0 ? 0 : squares ? off * off : at(out, k);
            sum += part;
            if (parts) parts[k] = part;
        }
        if (score) score[i] = sum;
    }
}

static pal_status pull_back(pal_detector *d, const float *x, size_t n, double *parts, pal_error *err)
{
    const double *mean = palt__codes_inputs(d->codes);
    for (size_t i = 0; i < pal_tensor_count(d->pull); i++) pal_tensor_set(d->pull, i, d->row[i]);
    const pal_status status = pal_run(d->back);
    if (status) return pal_error_set(err, status, "%s", pal_program_error(d->back));
    const pal_tensor *back = pal_output(d->back, 0);
    for (size_t k = 0; k < n * d->features; k++) parts[k] = ((double)x[k] - mean[k % d->features]) * at(back, k);
    return PAL_OK;
}

static pal_status latent(pal_detector *d, const float *x, size_t n, double *score, double *parts, pal_error *err)
{
    const pal_tensor *code = pal_output(d->program, 0);
    const size_t k = pal_tensor_count(code) / (size_t)d->o.batch;
    for (size_t i = 0; i < pal_tensor_count(code); i++) d->row[i] = at(code, i);
    for (size_t i = 0; i < (size_t)d->o.batch; i++) {
        const double distance = palt__codes_distance(d->codes, d->row + i * k);
        if (i < n) score[i] = distance;
    }
    return parts ? pull_back(d, x, n, parts, err) : PAL_OK;
}

/* Importance sampling reads a data set, so the rows become one. */
static pal_status bound(pal_detector *d, const pal_detect_rows *rows, double *score, pal_error *err)
{
    const pal_shape sample = pal_model_sample(d->model);
    for (size_t k = 0; rows->known && k < rows->n * d->features; k++)
        if (rows->known[k] <= 0)
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "bound: sample %llu has a missing cell: fill it in, or choose the score likelihood",
                                 (unsigned long long)(rows->first + k / d->features));
    pal_dataset set = {.sample = sample, .count = (int64_t)rows->n, .features = (int64_t)d->features, .scale = 1};
    snprintf(set.name, sizeof set.name, "the samples");
    set.inputs = pal_tensor_new(pal_model_context(d->model), PAL_F32, PAL_SHAPE(set.count, set.features));
    if (!set.inputs) return palt__no_memory(err);
    memcpy(set.inputs->data, rows->x, rows->n * d->features * sizeof *rows->x);
    pal_importance_result result;
    const pal_importance_options o = {.struct_size = sizeof o,
                                      .draws = d->o.draws ? d->o.draws : DRAWS,
                                      .seed = d->o.seed,
                                      .lanes = d->o.lanes,
                                      .each = score,
                                      .first = rows->first};
    const pal_status status = pal_importance(d->model, &set, &o, &result, err);
    for (size_t i = 0; i < rows->n && !status; i++) score[i] = -score[i];
    pal_tensor_free(set.inputs);
    return status;
}

/* ---- The detector --------------------------------------------------------------------------------------------- */

static pal_status prepare(pal_detector *d, pal_error *err)
{
    pal_context *context = pal_model_context(d->model);
    d->features = (size_t)palt__features(d->model);
    d->x = pal_tensor_new(context, pal_model_dtype(d->model), PAL_SHAPE(d->o.batch, (int64_t)d->features));
    if (!d->x) return palt__no_memory(err);
    pal_status status = record(d, err);
    if (status || d->o.score != PAL_SCORE_LATENT) return status;
    d->row = malloc(pal_tensor_count(pal_output(d->program, 0)) * sizeof *d->row);
    if (!d->row) return palt__no_memory(err);
    status = record_back(d, err);
    if (!status) status = palt__codes_measure(d->program, d->x, d->o.train, d->o.shrink, context, &d->codes, err);
    return status;
}

pal_detector *pal_detector_new(pal_model *model, const pal_detect_options *options, pal_error *err)
{
    pal_detect_options o = {0};
    if (pal_options_read(&o, options, sizeof o, sizeof o, "detect", err)) return NULL;
    if (o.score == PAL_SCORE_OWN) o.score = pal_score_of(model);
    if (check(model, &o, err) || (o.train && pal_data_check(model, o.train, err))) return NULL;
    if (!o.batch) o.batch = BATCH;
    pal_detector *d = calloc(1, sizeof *d);
    if (!d) {
        palt__no_memory(err);
        return NULL;
    }
    d->model = model;
    d->o = o;
    if (!prepare(d, err)) return d;
    pal_detector_free(d);
    return NULL;
}

void pal_detector_free(pal_detector *d)
{
    if (!d) return;
    palt__codes_free(d->codes);
    pal_program_free(d->program);
    pal_program_free(d->back);
    pal_tensor_free(d->x);
    pal_tensor_free(d->pull);
    free(d->row);
    free(d);
}

pal_score pal_detector_score(const pal_detector *d) { return d->o.score; }

double pal_detector_ridge(const pal_detector *d) { return d->codes ? palt__codes_ridge(d->codes) : 0; }

pal_status pal_detector_rows(pal_detector *d, const pal_detect_rows *rows, double *score, double *parts, pal_error *err)
{
    const bool weighs = d->o.score == PAL_SCORE_BOUND, squares = d->o.score != PAL_SCORE_LIKELIHOOD;
    const size_t batch = (size_t)d->o.batch;
    pal_status status = weighs && rows->n ? bound(d, rows, score, err) : PAL_OK;
    for (size_t i = 0; i < rows->n && !status && (!weighs || parts); i += batch) {
        const size_t n = rows->n - i < batch ? rows->n - i : batch;
        const float *x = rows->x + i * d->features;
        double *own = parts ? parts + i * d->features : NULL;
        status = run(d, x, n, err);
        if (!status && d->o.score == PAL_SCORE_LATENT)
            status = latent(d, x, n, score + i, own, err);
        else if (!status)
            sum_up(d, x, rows->known ? rows->known + i * d->features : NULL, n, squares, weighs ? NULL : score + i,
                   own);
    }
    for (size_t i = 0; i < rows->n && !status; i++)
        if (isnan(score[i])) score[i] = INFINITY;
    return status;
}

pal_status pal_detector_data(pal_detector *d, const pal_dataset *data, double *score, pal_done_fn done, void *user,
                             pal_error *err)
{
    enum { AT_ONCE = 1024 };
    uint32_t which[AT_ONCE];
    pal_status status = pal_data_check(d->model, data, err);
    float *x = malloc(AT_ONCE * d->features * sizeof *x);
    float *known = data->known ? malloc(AT_ONCE * d->features * sizeof *known) : NULL;
    if (!status && (!x || (data->known && !known))) status = palt__no_memory(err);
    for (int64_t i = 0; i < data->count && !status; i += AT_ONCE) {
        const int64_t left = data->count - i, n = left < AT_ONCE ? left : AT_ONCE;
        pal_tensor to = {.context = pal_model_context(d->model),
                         .dtype = PAL_F32,
                         .shape = PAL_SHAPE(n, (int64_t)d->features),
                         .data = x};
        for (int64_t k = 0; k < n; k++) which[k] = (uint32_t)(i + k);
        status = pal_dataset_gather(data, which, (size_t)n, &to, err);
        to.data = known;
        if (!status && known) status = pal_dataset_known(data, which, (size_t)n, &to);
        const pal_detect_rows rows = {.x = x, .known = known, .n = (size_t)n, .first = (uint64_t)i};
        if (!status) status = pal_detector_rows(d, &rows, score + i, NULL, err);
        if (!status && done && done((double)(i + n) / (double)data->count, user))
            status = pal_error_set(err, PAL_ERR_STOPPED, "detect: stopped");
    }
    free(x);
    free(known);
    return status;
}

void pal_guilty(const double *parts, size_t features, size_t k, uint32_t *which)
{
    size_t n = 0;
    for (size_t j = 0; j < features; j++) {
        size_t place = n;
        while (place && parts[j] > parts[which[place - 1]]) place--;
        if (place >= k) continue;
        if (n < k) n++;
        for (size_t i = n - 1; i > place; i--) which[i] = which[i - 1];
        which[place] = (uint32_t)j;
    }
}
