/* denoise.c - compares clean samples, noisy samples, and their reconstructions.
 *
 * One pass over the data gives the figures and the picture: the rows of the picture are copied from the batches. As in
 * evaluate.c, the row of the noise is the index of the sample, so sample i gets the same noise in any batch. */
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "plot/plot.h"
#include "analysis/internal.h"

enum { NOISY_ERROR, DENOISED_ERROR, NOISY, DENOISED, OUTPUTS };
enum { CELLS_CLEAN, CELLS_NOISY, CELLS_DENOISED, ROWS };

typedef struct denoising {
    pal_model *model;
    const pal_dataset *data;
    pal_denoise_options o;
    int64_t done;
    double sum[2]; /* of the two errors */
    pal_tensor *cells[ROWS];
    uint32_t *numbers;
} denoising;

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    (void)user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    pal_var noisy = palt__corrupted(model, in), denoised = pal_model_reconstruct(model, noisy);
    outputs[NOISY_ERROR] = pal_sum_squares(pal_sub(in->x, noisy));
    outputs[DENOISED_ERROR] = pal_sum_squares(pal_sub(in->x, denoised));
    outputs[NOISY] = noisy;
    outputs[DENOISED] = denoised;
    pal_model_end(model);
    return OUTPUTS;
}

/* Copies the samples of this batch that are in the picture. */
static void keep(denoising *d, const palt__stage *stage)
{
    const pal_tensor *from[ROWS] = {[CELLS_CLEAN] = stage->input,
                                    [CELLS_NOISY] = pal_output(stage->program, NOISY),
                                    [CELLS_DENOISED] = pal_output(stage->program, DENOISED)};
    int64_t rows = d->o.samples - d->done;
    if (rows <= 0) return;
    if (rows > stage->rows) rows = stage->rows;
    const size_t row = (size_t)d->data->features * pal_dtype_size(pal_model_dtype(d->model));
    for (int k = 0; k < ROWS; k++)
        memcpy((char *)d->cells[k]->data + (size_t)d->done * row, from[k]->data, (size_t)rows * row);
}

/* Processes full batches of `rows` samples. */
static pal_status pass(denoising *d, int64_t rows, pal_error *err)
{
    if (!rows || d->data->count - d->done < rows) return PAL_OK;
    palt__stage *stage = palt__stage_new(
        d->model,
        &(palt__stage_options){.rows = rows, .lanes = d->o.lanes, .corruptor = d->o.corruptor, .record = record}, err);
    if (!stage) return err->status;
    pal_status status = PAL_OK;
    for (; !status && d->data->count - d->done >= rows; d->done += rows) {
        pal_noise noise = {.seed = d->o.seed, .row = (uint64_t)d->done};
        status = palt__stage_run(stage, d->data, d->numbers + d->done, noise, err);
        if (status) break;
        for (size_t k = 0; k < 2; k++) d->sum[k] += pal_tensor_get(pal_output(stage->program, k), 0);
        keep(d, stage);
    }
    palt__stage_free(stage);
    return status;
}

static pal_status draw(const denoising *d, const pal_denoise_figures *f, const char *path, pal_error *err)
{
    static const char *const labels[ROWS] = {"clean", "noisy", "denoised"};
    char caption[2048];
    pal_grid_row rows[ROWS];
    for (int k = 0; k < ROWS; k++)
        rows[k] = (pal_grid_row){
            .cells = d->cells[k], .label = labels[k], .mapping = palt__mapping(d->o.view, d->cells[CELLS_CLEAN])};
    snprintf(caption, sizeof caption,
             "%s%sSquared error against the clean samples, mean over all %lld: noisy %.2f, denoised %.2f.",
             d->o.caption ? d->o.caption : "", d->o.caption ? " " : "", (long long)f->samples, f->noisy, f->denoised);
    pal_grid_section section = {.rows = rows, .count = ROWS};
    palt__view_section(&section, d->o.view);
    return palt__view_write(d->model, d->o.view, d->o.title, caption, &section, 1, path, err);
}

static pal_status prepare(denoising *d, pal_error *err)
{
    if (pal_data_check(d->model, d->data, err)) return err->status;
    if (palt__view_choose(&d->o.view, pal_model_sample(d->model), err)) return err->status;
    if (!d->o.corruptor && !pal_model_variant(d->model)->corrupt)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "no noise: %s does not corrupt its input: choose a corruption, such as --masking 0.25",
                             pal_model_variant(d->model)->name);
    if (d->o.samples < 0 || d->o.batch < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples in batches of %lld: choose 0 or more",
                             (long long)d->o.samples, (long long)d->o.batch);
    if (!d->o.batch) d->o.batch = 128;
    if (!d->o.samples) d->o.samples = 16;
    if (d->o.samples > d->data->count) d->o.samples = d->data->count;
    d->numbers = malloc((size_t)d->data->count * sizeof *d->numbers);
    bool good = d->numbers != NULL;
    for (int64_t i = 0; good && i < d->data->count; i++) d->numbers[i] = (uint32_t)i;
    for (int k = 0; k < ROWS; k++) {
        d->cells[k] = pal_tensor_new(pal_model_context(d->model), pal_model_dtype(d->model),
                                     PAL_SHAPE(d->o.samples, d->data->features));
        good &= d->cells[k] != NULL;
    }
    return good ? PAL_OK : palt__no_memory(err);
}

pal_status pal_denoise(pal_model *model, const pal_dataset *data, const pal_denoise_options *given,
                       pal_denoise_figures *figures, const char *path, pal_error *err)
{
    denoising d = {.model = model, .data = data};
    if (pal_options_read(&d.o, given, sizeof d.o, offsetof(pal_denoise_options, view), "denoise", err))
        return PAL_ERR_ARGUMENT;
    pal_error own = {0};
    pal_status status = prepare(&d, &own);
    if (!status) status = pass(&d, d.o.batch, &own);
    if (!status) status = pass(&d, data->count - d.done, &own);
    if (!status) {
        const double n = (double)d.done;
        pal_denoise_figures f = {
            .samples = d.done, .noisy = d.sum[NOISY_ERROR] / n, .denoised = d.sum[DENOISED_ERROR] / n};
        if (figures) *figures = f;
        if (path) status = draw(&d, &f, path, &own);
    }
    for (int k = 0; k < ROWS; k++) pal_tensor_free(d.cells[k]);
    free(d.numbers);
    return status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
