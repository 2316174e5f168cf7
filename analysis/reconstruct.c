/* reconstruct.c - a picture of samples and their reconstructions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "plot/plot.h"
#include "analysis/internal.h"

enum { RECONSTRUCTED, CORRUPTED, ROWS };

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    (void)user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    pal_var corrupted = palt__corrupted(model, in);
    outputs[RECONSTRUCTED] = pal_model_reconstruct(model, corrupted.id ? corrupted : in->x);
    outputs[CORRUPTED] = corrupted;
    pal_model_end(model);
    return corrupted.id ? ROWS : CORRUPTED;
}

enum { LABEL = 300, PER_MODEL = 2 }; /* rows of a model: what it gets, and what it makes of that */

typedef struct picture {
    const pal_shown *models;
    size_t count;
    palt__stage **stages; /* [count] */
    pal_grid_row *rows;
    char (*labels)[LABEL];
    size_t n;
    pal_mapping mapping; /* of all rows */
} picture;

static const pal_tensor *corrupted_by(const picture *p, size_t i)
{
    const pal_shown *m = &p->models[i];
    const bool corrupts = m->corruptor || pal_model_variant(m->model)->corrupt;
    return corrupts ? pal_output(p->stages[i]->program, CORRUPTED) : NULL;
}

static bool equal(const pal_tensor *a, const pal_tensor *b)
{
    if (!a || !b) return a == b;
    return pal_tensor_bytes(a) == pal_tensor_bytes(b) && !memcmp(a->data, b->data, pal_tensor_bytes(a));
}

static void add(picture *p, const pal_tensor *cells, const char *name, const char *note)
{
    snprintf(p->labels[p->n], LABEL, "%s%s", name, note);
    p->rows[p->n] = (pal_grid_row){.cells = cells, .label = p->labels[p->n], .mapping = p->mapping};
    p->n++;
}

/* Where models get different inputs, each is below its own; a model that gets the original says so. */
static pal_status draw(picture *p, const pal_reconstruct_options *o, const char *path, pal_error *err)
{
    const pal_tensor *first = corrupted_by(p, 0), *before = NULL;
    bool same = true;
    for (size_t i = 1; i < p->count; i++) same &= equal(first, corrupted_by(p, i));
    p->mapping = palt__mapping(o->view, p->stages[0]->input);
    add(p, p->stages[0]->input, "original", "");
    for (size_t i = 0; i < p->count; i++) {
        const pal_tensor *corrupted = corrupted_by(p, i);
        const char *name = p->models[i].name;
        if (corrupted && !equal(corrupted, before)) add(p, corrupted, "corrupted", "");
        add(p, pal_output(p->stages[i]->program, RECONSTRUCTED), name ? name : "reconstruction",
            same || corrupted ? "" : ", of the original");
        before = corrupted;
    }
    pal_grid_section section = {.rows = p->rows, .count = p->n};
    palt__view_section(&section, o->view);
    return palt__view_write(p->models[0].model, o->view, o->title, o->caption, &section, 1, path, err);
}

static pal_status run(picture *p, const pal_dataset *data, const pal_reconstruct_options *o, int64_t n, pal_error *err)
{
    uint32_t *rows = malloc((size_t)n * sizeof *rows);
    pal_status status = rows ? PAL_OK : palt__no_memory(err);
    for (int64_t i = 0; rows && i < n; i++) rows[i] = (uint32_t)i;
    for (size_t i = 0; !status && i < p->count; i++) {
        const pal_shown *m = &p->models[i];
        const palt__stage_options options = {.rows = n, .corruptor = m->corruptor, .record = record};
        status = pal_data_check(m->model, data, err);
        if (status) break;
        p->stages[i] = palt__stage_new(m->model, &options, err);
        status = p->stages[i] ? palt__stage_run(p->stages[i], data, rows, (pal_noise){.seed = o->seed}, err)
                              : PAL_ERR_ARGUMENT;
    }
    free(rows);
    return status;
}

pal_status pal_reconstruct_all_write(const pal_shown *models, size_t count, const pal_dataset *data,
                                     const pal_reconstruct_options *given, const char *path, pal_error *err)
{
    pal_reconstruct_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_reconstruct_options, view), "reconstruct", err))
        return PAL_ERR_ARGUMENT;
    if (!count) return pal_error_set(err, PAL_ERR_ARGUMENT, "reconstruct: no model to draw");
    pal_status status = palt__view_choose(&o.view, pal_model_sample(models[0].model), err);
    if (status) return status;
    if (o.samples < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose 0 or more", (long long)o.samples);
    const int64_t n = o.samples ? o.samples : 16;
    pal_error own = {0};
    picture p = {.models = models,
                 .count = count,
                 .stages = calloc(count, sizeof *p.stages),
                 .rows = calloc(1 + PER_MODEL * count, sizeof *p.rows),
                 .labels = calloc(1 + PER_MODEL * count, sizeof *p.labels)};
    if (!p.stages || !p.rows || !p.labels)
        palt__no_memory(&own);
    else if (!run(&p, data, &o, n < data->count ? n : data->count, &own))
        draw(&p, &o, path, &own);
    for (size_t i = 0; p.stages && i < count; i++) palt__stage_free(p.stages[i]);
    free(p.stages);
    free(p.rows);
    free(p.labels);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

pal_status pal_reconstruct_write(pal_model *model, const pal_dataset *data, const pal_reconstruct_options *given,
                                 const char *path, pal_error *err)
{
    pal_reconstruct_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_reconstruct_options, view), "reconstruct", err))
        return PAL_ERR_ARGUMENT;
    return pal_reconstruct_all_write(&(pal_shown){model, o.corruptor, NULL}, 1, data, &o, path, err);
}
