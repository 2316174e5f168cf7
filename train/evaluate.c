/* evaluate.c - the figures of a model on a data set.
 *
 * Full batches go through one program, the remainder through another, so that every sample counts exactly once. The
 * noise's row is the sample's number: sample i is corrupted the same way in every epoch and in any batch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/internal.h"

enum { LOSS, CLEAN, CORRUPTED, STAGES = 2 };

struct pal__evaluator {
    const pal_dataset *data;
    uint64_t seed;
    size_t outputs;            /* of each program: CORRUPTED is there or not */
    uint32_t *rows;            /* 0, 1, 2, ... */
    pal__stage *stage[STAGES]; /* full batches, the remainder; NULL where there are none */
};

/* Sum over the batch of the squared error of x reconstructed from `from`. */
static pal_var squared_error(pal_model *model, pal_var x, pal_var from)
{
    return pal_sum_squares(pal_sub(x, pal_model_reconstruct(model, from)));
}

static size_t record(pal_model *model, const pal__inputs *in, pal_var *outputs, void *user)
{
    (void)user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[LOSS] = pal_model_loss(model, &(pal_batch){.inputs = in->x});
    outputs[CLEAN] = squared_error(model, in->x, in->x);
    pal_var corrupted = pal__corrupted(model, in);
    if (corrupted.id) outputs[CORRUPTED] = squared_error(model, in->x, corrupted);
    pal_model_end(model);
    return corrupted.id ? CORRUPTED + 1 : CORRUPTED;
}

pal__evaluator *pal__evaluator_new(pal_model *model, const pal_dataset *data, const pal_evaluate_options *given,
                                   pal_error *err)
{
    pal_evaluate_options o = {0};
    PAL__OPTIONS(o, given);
    if (pal__fits(model, data, err)) return NULL;
    if (o.batch < 0) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "a batch of %lld samples", (long long)o.batch);
        return NULL;
    }
    int64_t batch = o.batch ? o.batch : 128;
    pal__evaluator *e = calloc(1, sizeof *e);
    if (e) e->rows = malloc((size_t)data->count * sizeof *e->rows);
    if (!e || !e->rows) {
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
        pal__evaluator_free(e);
        return NULL;
    }
    for (int64_t i = 0; i < data->count; i++) e->rows[i] = (uint32_t)i;
    e->data = data;
    e->seed = o.seed;
    e->outputs = o.corruptor || pal_model_variant(model)->corrupt ? CORRUPTED + 1 : CORRUPTED;
    const int64_t sizes[STAGES] = {data->count >= batch ? batch : 0, data->count % batch};
    for (int i = 0; i < STAGES; i++) {
        pal__stage_options options = {.rows = sizes[i], .lanes = o.lanes, .corruptor = o.corruptor, .record = record};
        if (!sizes[i] || (e->stage[i] = pal__stage_new(model, &options, err))) continue;
        pal__evaluator_free(e);
        return NULL;
    }
    return e;
}

void pal__evaluator_free(pal__evaluator *e)
{
    if (!e) return;
    for (int i = 0; i < STAGES; i++) pal__stage_free(e->stage[i]);
    free(e->rows);
    free(e);
}

pal_status pal__evaluator_run(pal__evaluator *e, pal_figures *figures, pal_error *err)
{
    double sum[CORRUPTED + 1] = {0};
    int64_t done = 0;
    for (int i = 0; i < STAGES; i++) {
        pal__stage *stage = e->stage[i];
        for (; stage && done + stage->rows <= e->data->count; done += stage->rows) {
            pal_noise noise = {.seed = e->seed, .row = (uint64_t)done};
            pal_status status = pal__stage_run(stage, e->data, e->rows + done, noise, err);
            if (status) return status;
            for (size_t k = 0; k < e->outputs; k++) {
                double value = pal_tensor_get(pal_output(stage->program, k), 0);
                sum[k] += k == LOSS ? value * (double)stage->rows : value;
            }
        }
    }
    double n = (double)done;
    *figures = (pal_figures){.samples = done,
                             .loss = sum[LOSS] / n,
                             .squared_error = sum[CLEAN] / n,
                             .squared_error_corrupted = e->outputs > CORRUPTED ? sum[CORRUPTED] / n : (double)NAN};
    return PAL_OK;
}

pal_status pal_evaluate(pal_model *model, const pal_dataset *data, const pal_evaluate_options *options,
                        pal_figures *figures, pal_error *err)
{
    pal_error own = {0};
    pal__evaluator *e = pal__evaluator_new(model, data, options, &own);
    if (e) pal__evaluator_run(e, figures, &own);
    pal__evaluator_free(e);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
