/* output_bias.c - measures, before the first step, what the bias of the output starts from: the mean of what the loss
 * sees of the samples, binarised if it is. Of a large data set it takes the sample that the baseline takes. Processes
 * that train together divide it. */
#include <math.h>
#include <stdlib.h>

#include "ops/ops.h"
#include "train/internal.h"

typedef struct seen {
    double *sum, *count; /* [width]; missing features do not count */
    int64_t width;       /* numbers per sample */
} seen;

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    const pal_var x = pal_output_seen(model, pal_model_target(model, in->x));
    outputs[0] = pal_sum(x, 1 << 0, false);
    outputs[1] = in->known.id ? pal_sum(in->known, 1 << 0, false) : outputs[0];
    pal_model_end(model);
    if (pal_ok(x)) ((seen *)user)->width = pal_shape_of(x).dim[1];
    return 2;
}

static void give(const palt__stage *stage, double *numbers, void *user)
{
    const seen *s = user;
    const pal_tensor *sum = pal_output(stage->program, 0), *known = pal_output(stage->program, 1);
    const size_t each = (size_t)s->width / (stage->known ? pal_tensor_count(known) : 1);
    for (size_t i = 0; i < (size_t)s->width; i++) {
        numbers[i] = pal_tensor_get(sum, i);
        numbers[(size_t)s->width + i] = stage->known ? pal_tensor_get(known, i / each) : (double)stage->rows;
    }
}

static void add(const double *numbers, int64_t rows, void *user)
{
    (void)rows;
    const seen *s = user;
    for (int64_t i = 0; i < s->width; i++) {
        s->sum[i] += numbers[i];
        s->count[i] += numbers[s->width + i];
    }
}

pal_status palt__start_output(pal_model *model, const pal_dataset *data, const pal_train_options *options,
                              pal_error *err)
{
    seen s = {0};
    size_t n;
    pal_error own = {0};
    if (!pal_output_starts(model)) return PAL_OK;
    uint32_t *rows = palt__sample_rows(data, options->seed, &n, &own);
    const palt__stage_options o = {
        .rows = options->batch, .lanes = options->lanes, .record = record, .user = &s, .which = rows};
    palt__pass *pass = own.status ? NULL : palt__pass_new(model, data, (int64_t)n, &o, &own);
    if (pass && !(s.sum = calloc(2 * (size_t)s.width, sizeof *s.sum))) palt__no_memory(&own);
    s.count = s.sum ? s.sum + s.width : NULL;
    const palt__sum sum = {2 * (size_t)s.width, give, add};
    pal_communicator_agree(options->communicator, own.status, &own);
    if (!own.status) palt__pass_add(pass, options->seed, options->communicator, &sum, &s, &own);
    for (int64_t i = 0; i < s.width && s.sum; i++) s.sum[i] /= fmax(s.count[i], 1);
    if (!own.status) pal_output_start(model, s.sum, (int64_t)n, &own);
    free(s.sum);
    palt__pass_free(pass);
    free(rows);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
