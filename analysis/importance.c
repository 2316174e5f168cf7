/* importance.c - ln p(x) of a model with a random code, by importance sampling from its posterior.
 *
 * There are two programs. One computes the posterior of a sample and runs once per sample. The other computes the log
 * weights of a chunk of draws and runs once per chunk: the sample is one row that is broadcast, and the draws are the
 * rows of the decoder's matrix products. The host accumulates the chunks in double, as sums of weights relative to the
 * largest so far. The clock of the noise is the index of the sample, and its row is the index of the chunk. So draw s
 * of sample i does not depend on the chunk size or on the number of draws. The last chunk is computed in full, and its
 * surplus draws are ignored. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

enum {
    CHUNK_BYTES = 2 << 20, /* size of the decoder's widest layer for a chunk; it and its results fit into a cache */
    CHUNK_LEAST = 32,
    CHUNK_MOST = 4096,
    SCANNED = 256, /* rows per batch when scanning the data */
};

/* ---- Whether ln p(x) is defined ------------------------------------------------------------------------------- */

/* Sets *found to the first number of the data that is neither 0 nor 1; NAN: none. */
static pal_status find_grey(pal_context *context, const pal_dataset *data, double *found, pal_error *err)
{
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(SCANNED, data->features));
    if (!x) return palt__no_memory(err);
    pal_status status = PAL_OK;
    *found = NAN;
    for (int64_t at = 0; at < data->count && isnan(*found) && !status; at += SCANNED) {
        uint32_t rows[SCANNED];
        for (int64_t i = 0; i < SCANNED; i++) rows[i] = (uint32_t)(at + i < data->count ? at + i : at);
        status = pal_dataset_batch(data, rows, SCANNED, x);
        const float *values = x->data;
        for (int64_t i = 0; i < SCANNED * data->features && isnan(*found) && !status; i++)
            if (values[i] != 0 && values[i] != 1) *found = (double)values[i];
    }
    pal_tensor_free(x);
    return status ? pal_error_set(err, status, "%s: a batch could not be gathered", data->name) : PAL_OK;
}

static pal_status check_bernoulli(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    double grey;
    const char *binarize = pal_model_setting(model, "binarize");
    if (binarize && strcmp(binarize, "none") != 0) return PAL_OK;
    pal_status status = find_grey(pal_model_context(model), data, &grey, err);
    if (status || isnan(grey)) return status;
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "output bernoulli is a density of 0 and 1 only, but %s has grey levels, such as "
                         "%.4g: choose a run with --binarize dynamic, or with --output gaussian or categorical",
                         data->name, grey);
}

static pal_status check_known(const pal_dataset *data, pal_error *err)
{
    if (!data->known) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: has missing cells: fill them in (infill), or remove those samples",
                         data->name);
}

static pal_status check_squared(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    (void)model, (void)data;
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "output squared is not a normalised density: choose a run with --output gaussian");
}

/* The outputs that are not a density for every data set; all others are. */
static const struct {
    const char *output;
    pal_status (*check)(const pal_model *model, const pal_dataset *data, pal_error *err);
} recipes[] = {{"bernoulli", check_bernoulli}, {"squared", check_squared}};

pal_status pal_density_check(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    const char *output = pal_model_setting(model, "output");
    pal_status status = pal_data_check(model, data, err);
    if (!status) status = check_known(data, err);
    for (size_t i = 0; output && !status && i < sizeof recipes / sizeof *recipes; i++)
        if (!strcmp(output, recipes[i].output)) status = recipes[i].check(model, data, err);
    return status;
}

pal_status pal_importance_check(const pal_model *model, const pal_dataset *data, const pal_importance_options *given,
                                pal_error *err)
{
    pal_importance_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_importance_options, first), "importance", err))
        return PAL_ERR_ARGUMENT;
    if (!pal_model_has_posterior(model))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "importance: the code of %s is not %s: choose a run of variational or importance-weighted",
                             pal_model_variant(model)->name,
                             pal_model_code(model) ? "drawn from one distribution"
                                                   : "random, so there is nothing to draw");
    if (o.draws == 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "importance: zero samples give no estimate: choose more, such as 5000");
    if (o.draws < 0 || o.chunk < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "importance: %lld samples in chunks of %lld: choose 1 or more",
                             (long long)o.draws, (long long)o.chunk);
    pal_error why = {0};
    pal_status status = pal_density_check(model, data, &why);
    return status ? pal_error_set(err, status, "importance: %s", why.text) : PAL_OK;
}

/* ---- The programs --------------------------------------------------------------------------------------------- */

enum { TARGET, POSTERIOR, OF_SAMPLE };

typedef struct job {
    pal_model *model;
    pal_importance_options o;
    int64_t chunk, chunks;
    palt__stage *sample;          /* outputs: the sample as the target of the loss, and the parameters of q */
    pal_distribution posterior;   /* only its kind and k are used */
    pal_tensor *given[OF_SAMPLE]; /* copies of these outputs, inputs of the program for the draws */
    pal_program *draws;           /* log weights [1, chunk] */
} job;

static size_t record_sample(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    job *j = user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[TARGET] = pal_model_target(model, in->x);
    j->posterior = palt__code_posterior(model, outputs[TARGET], pal_model_encode(model, in->x));
    outputs[POSTERIOR] = j->posterior.parameters;
    pal_model_end(model);
    return pal_tape_status(in->tape) ? 0 : OF_SAMPLE;
}

/* The width of the decoder's widest layer, in numbers per draw. */
static int64_t widest(const pal_model *model)
{
    const char *name;
    int64_t most = palt__features(model);
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const pal_tensor *t = pal_model_parameter(model, i, &name);
        for (int32_t a = 0; !strncmp(name, "decoder/", 8) && a < t->shape.rank; a++)
            if (t->shape.dim[a] > most) most = t->shape.dim[a];
    }
    return most;
}

/* Chooses chunks of about equal size. */
static void choose_chunk(job *j)
{
    const int64_t room = CHUNK_BYTES / (widest(j->model) * (int64_t)pal_dtype_size(pal_model_dtype(j->model)));
    int64_t most = room < CHUNK_LEAST ? CHUNK_LEAST : room > CHUNK_MOST ? CHUNK_MOST : room;
    if (j->o.chunk) most = j->o.chunk;
    j->chunks = (j->o.draws - 1) / most + 1;
    j->chunk = (j->o.draws - 1) / j->chunks + 1;
}

static pal_status record_draws(job *j, pal_tape *tape, pal_error *err)
{
    pal_model_begin(j->model, tape, PAL_EVALUATE);
    const pal_distribution q = {j->posterior.kind, j->posterior.k,
                                pal_leaf(tape, j->given[POSTERIOR], "posterior/parameters")};
    pal_var log_w = pal_model_log_weights(j->model, q, pal_leaf(tape, j->given[TARGET], "inputs"), j->chunk);
    pal_model_end(j->model);
    const pal_compile_options options = {.struct_size = sizeof options, .lanes = j->o.lanes};
    j->draws = pal_compile(tape, &log_w, 1, &options);
    if (j->draws) return PAL_OK;
    const char *why = pal_tape_error(tape);
    return pal_error_set(err, why ? pal_tape_status(tape) : PAL_ERR_MEMORY, "%s", why ? why : "out of memory");
}

static pal_status prepare(job *j, pal_error *err)
{
    pal_context *context = pal_model_context(j->model);
    const palt__stage_options options = {.rows = 1, .lanes = j->o.lanes, .record = record_sample, .user = j};
    choose_chunk(j);
    j->sample = palt__stage_new(j->model, &options, err);
    if (!j->sample) return PAL_ERR_ARGUMENT;
    bool room = true;
    for (size_t k = 0; k < OF_SAMPLE; k++) {
        const pal_tensor *from = pal_output(j->sample->program, k);
        j->given[k] = pal_tensor_new(context, from->dtype, from->shape);
        room &= j->given[k] != NULL;
    }
    pal_tape *tape = room ? pal_tape_new(context, pal_model_dtype(j->model)) : NULL;
    pal_status status = tape ? record_draws(j, tape, err) : palt__no_memory(err);
    pal_tape_free(tape);
    return status;
}

/* ---- The sum -------------------------------------------------------------------------------------------------- */

typedef struct weights { /* of one sample, relative to exp(peak) */
    double peak, sum, squares;
} weights;

static void add_weight(weights *w, double log_weight)
{
    if (log_weight > w->peak) {
        const double scale = exp(w->peak - log_weight);
        w->sum = w->sum * scale + 1;
        w->squares = w->squares * scale * scale + 1;
        w->peak = log_weight;
    } else if (log_weight > -INFINITY) {
        const double relative = exp(log_weight - w->peak);
        w->sum += relative;
        w->squares += relative * relative;
    } else if (isnan(log_weight)) {
        w->sum = log_weight;
    }
}

static pal_status draw_all(job *j, int64_t sample, int64_t samples, weights *w, pal_error *err)
{
    for (size_t k = 0; k < OF_SAMPLE; k++)
        memcpy(j->given[k]->data, pal_output(j->sample->program, k)->data, pal_tensor_bytes(j->given[k]));
    *w = (weights){.peak = -INFINITY};
    for (int64_t c = 0, left = j->o.draws; c < j->chunks; c++, left -= j->chunk) {
        const pal_noise noise = {.seed = j->o.seed, .clock = j->o.first + (uint64_t)sample, .row = (uint64_t)c};
        pal_program_set_noise(j->draws, noise);
        pal_status status = pal_run(j->draws);
        if (status) return pal_error_set(err, status, "%s", pal_program_error(j->draws));
        const pal_tensor *log_w = pal_output(j->draws, 0);
        for (int64_t s = 0; s < j->chunk && s < left; s++) add_weight(w, pal_tensor_get(log_w, (size_t)s));
        if (j->o.progress && j->o.progress(sample + (c + 1 == j->chunks), samples, j->o.user))
            return pal_error_set(err, PAL_ERR_STOPPED, "importance: stopped at sample %lld of %lld",
                                 (long long)sample + 1, (long long)samples);
    }
    return PAL_OK;
}

static pal_status estimate(job *j, const pal_dataset *data, pal_importance_result *r, pal_error *err)
{
    double mean = 0, spread = 0, effective = 0;
    for (int64_t i = 0; i < data->count; i++) {
        weights w;
        const uint32_t row = (uint32_t)i;
        const pal_noise noise = {.seed = j->o.seed, .row = j->o.first + row};
        pal_status status = palt__stage_run(j->sample, data, &row, noise, err);
        if (!status) status = draw_all(j, i, data->count, &w, err);
        if (status) return status;
        const double log_p = w.peak + log(w.sum / (double)j->o.draws), step = log_p - mean;
        if (j->o.each) j->o.each[i] = log_p;
        mean += step / (double)(i + 1);
        spread += step * (log_p - mean);
        effective += w.sum * w.sum / w.squares;
    }
    const double n = (double)data->count;
    *r = (pal_importance_result){.samples = data->count,
                                 .draws = j->o.draws,
                                 .log_likelihood = mean,
                                 .standard_error = n > 1 ? sqrt(spread / (n - 1) / n) : (double)NAN,
                                 .effective = effective / n};
    return PAL_OK;
}

pal_status pal_importance(pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                          pal_importance_result *result, pal_error *err)
{
    job j = {.model = model};
    if (pal_options_read(&j.o, options, sizeof j.o, offsetof(pal_importance_options, first), "importance", err))
        return PAL_ERR_ARGUMENT;
    pal_status status = pal_importance_check(model, data, options, err);
    if (!status) status = prepare(&j, err);
    if (!status) status = estimate(&j, data, result, err);
    pal_program_free(j.draws);
    for (size_t k = 0; k < OF_SAMPLE; k++) pal_tensor_free(j.given[k]);
    palt__stage_free(j.sample);
    return status;
}
