/* reconstruct.c - a picture of samples and their reconstructions. */
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

static pal_status draw(const palt__stage *stage, bool corrupted, const pal_reconstruct_options *o, const char *path,
                       pal_error *err)
{
    pal_mapping mapping = palt__mapping(o->view, stage->input);
    pal_grid_row rows[ROWS + 1];
    size_t n = 0;
    rows[n++] = (pal_grid_row){.cells = stage->input, .label = "original", .mapping = mapping};
    if (corrupted)
        rows[n++] =
            (pal_grid_row){.cells = pal_output(stage->program, CORRUPTED), .label = "corrupted", .mapping = mapping};
    rows[n++] = (pal_grid_row){
        .cells = pal_output(stage->program, RECONSTRUCTED), .label = "reconstruction", .mapping = mapping};
    pal_grid_section section = {.rows = rows, .count = n};
    palt__view_section(&section, o->view);
    pal_grid grid = {
        .struct_size = sizeof grid, .title = o->title, .caption = o->caption, .sections = &section, .count = 1};
    return pal_grid_write(&grid, path, err);
}

pal_status pal_reconstruct_write(pal_model *model, const pal_dataset *data, const pal_reconstruct_options *given,
                                 const char *path, pal_error *err)
{
    pal_reconstruct_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_reconstruct_options, view), "reconstruct", err))
        return PAL_ERR_ARGUMENT;
    pal_status status = pal_data_check(model, data, err);
    if (!status) status = palt__view_choose(&o.view, pal_model_sample(model), err);
    if (status) return status;
    if (o.samples < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose 0 or more", (long long)o.samples);
    int64_t n = o.samples ? o.samples : 16;
    if (n > data->count) n = data->count;
    bool corrupts = o.corruptor || pal_model_variant(model)->corrupt;
    pal_error own = {0};
    palt__stage *stage =
        palt__stage_new(model, &(palt__stage_options){.rows = n, .corruptor = o.corruptor, .record = record}, &own);
    uint32_t *rows = malloc((size_t)n * sizeof *rows);
    if (stage && !rows) pal_error_set(&own, PAL_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; rows && i < n; i++) rows[i] = (uint32_t)i;
    if (!own.status && !palt__stage_run(stage, data, rows, (pal_noise){.seed = o.seed}, &own))
        draw(stage, corrupts, &o, path, &own);
    free(rows);
    palt__stage_free(stage);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
