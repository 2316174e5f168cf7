/* ellipses.c - the posteriors of some samples, as ellipses in the plane in which the codes are drawn.
 *
 * The program computes, for a batch of samples, the covariance of the code along the two axes of the plane. If the
 * numbers of the code are independent, no covariance matrix of the size of the code is made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

enum { BATCH = 32 };

/* Chooses `each` samples of each class among the first n, evenly spaced among the samples of that class. */
static size_t choose(const uint8_t *labels, int64_t n, int64_t each, uint32_t *rows)
{
    int64_t of[256] = {0}, seen[256] = {0}, taken[256] = {0};
    size_t count = 0;
    for (int64_t i = 0; i < n; i++) of[labels ? labels[i] : 0]++;
    for (int64_t i = 0; i < n; i++) {
        const int k = labels ? labels[i] : 0;
        const int64_t wanted = each < of[k] ? each : of[k];
        const double place = ((double)taken[k] + 0.5) * (double)of[k] / (double)wanted;
        if (taken[k] == wanted || (double)seen[k]++ < floor(place)) continue;
        taken[k]++;
        rows[count++] = (uint32_t)i;
    }
    return count;
}

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[0] = pal_distribution_covariance(pal_model_posterior(model, in->x), pal_leaf(in->tape, user, "axes"));
    pal_model_end(model);
    return pal_tape_status(in->tape) ? 0 : 1;
}

static pal_status measure(palt__stage *stage, const pal_dataset *data, const uint32_t *rows, size_t count,
                          pal_ellipse *out, pal_error *err)
{
    for (size_t at = 0; at < count; at += BATCH) {
        uint32_t batch[BATCH];
        for (size_t i = 0; i < BATCH; i++) batch[i] = rows[at + i < count ? at + i : at];
        pal_status status = palt__stage_run(stage, data, batch, (pal_noise){0}, err);
        if (status) return status;
        const pal_tensor *covariance = pal_output(stage->program, 0);
        for (size_t i = 0; i < BATCH && at + i < count; i++) {
            out[at + i].xx = pal_tensor_get(covariance, 4 * i);
            out[at + i].xy = pal_tensor_get(covariance, 4 * i + 1);
            out[at + i].yy = pal_tensor_get(covariance, 4 * i + 3);
        }
    }
    return PAL_OK;
}

pal_status palt__ellipses(pal_model *model, const pal_dataset *data, const palt__plane *plane, int64_t each,
                          pal_ellipse **ellipses, size_t *count, pal_error *err)
{
    pal_tensor *axes = pal_tensor_new(pal_model_context(model), pal_model_dtype(model), PAL_SHAPE(2, plane->code));
    uint32_t *rows = malloc((size_t)plane->samples * sizeof *rows);
    pal_status status = axes && rows ? PAL_OK : palt__no_memory(err);
    if (!status) {
        for (int64_t i = 0; i < 2 * plane->code; i++) pal_tensor_set(axes, (size_t)i, plane->axes[i]);
        *count = choose(plane->classes, plane->samples, each, rows);
        *ellipses = calloc(*count + 1, sizeof **ellipses);
        if (!*ellipses) status = palt__no_memory(err);
    }
    if (!status) {
        pal_error own = {0};
        palt__stage *stage =
            palt__stage_new(model, &(palt__stage_options){.rows = BATCH, .record = record, .user = axes}, &own);
        if (stage) measure(stage, data, rows, *count, *ellipses, &own);
        palt__stage_free(stage);
        if (own.status) status = pal_error_set(err, own.status, "%s", own.text);
    }
    for (size_t i = 0; !status && i < *count; i++) {
        pal_ellipse *e = &(*ellipses)[i];
        e->x = plane->points[rows[i]];
        e->y = plane->points[plane->samples + rows[i]];
        e->of_class = plane->classes ? plane->classes[rows[i]] : -1;
    }
    free(rows);
    pal_tensor_free(axes);
    return status;
}
