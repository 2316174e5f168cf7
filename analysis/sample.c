/* sample.c - decodes the prior of a model with a random code: random draws, or a grid of quantiles of two numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "analysis/internal.h"

enum { SAMPLES = 64, STEPS = 20, STEPS_MOST = 100, SAMPLES_MOST = STEPS_MOST * STEPS_MOST };

static const pal_distribution_kind *prior_of(const pal_model *model, pal_error *err)
{
    const pal_distribution_kind *kind = pal_model_code(model);
    if (!kind)
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "%s has no prior to draw from, since its code is not random: choose a run of variational or "
                      "importance-weighted",
                      pal_model_variant(model)->name);
    return kind;
}

static bool is_plane(const pal_model *model)
{
    const pal_distribution_kind *kind = pal_model_code(model);
    return kind && pal_option_int(model, "hidden") == 2 && !isnan(pal_distribution_quantile(kind, 0.5));
}

pal_status pal_prior_draw(const pal_model *model, int64_t n, uint64_t seed, float *codes, pal_error *err)
{
    const pal_distribution_kind *kind = prior_of(model, err);
    if (!kind) return PAL_ERR_ARGUMENT;
    if (n < 1 || n > SAMPLES_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose from 1 to %d", (long long)n, SAMPLES_MOST);
    const int64_t k = pal_option_int(model, "hidden");
    pal_tape *tape = pal_tape_new(pal_model_context(model), PAL_F32);
    if (!tape) return palt__no_memory(err);
    const pal_shape row = {.rank = 2, .dim = {1, pal_distribution_outputs(kind, k, NULL)}};
    const pal_distribution prior = {kind, k, pal_fill(tape, PAL_F32, row, 0)};
    pal_var z = pal_distribution_sample(prior, "prior", n, 0);
    pal_program *program = pal_compile(tape, &z, 1, NULL);
    if (program) pal_program_set_noise(program, (pal_noise){.seed = seed});
    pal_status status = program ? pal_run(program) : pal_tape_status(tape);
    const float *drawn = status ? NULL : pal_output(program, 0)->data;
    for (int64_t i = 0; drawn && i < n * k; i++) codes[i] = drawn[i];
    if (status) pal_error_set(err, status, "%s", program ? pal_program_error(program) : pal_tape_error(tape));
    pal_program_free(program);
    pal_tape_free(tape);
    return status;
}

pal_status pal_prior_plane(const pal_model *model, int64_t steps, float *codes, pal_error *err)
{
    if (!prior_of(model, err)) return PAL_ERR_ARGUMENT;
    if (!is_plane(model))
        return pal_error_set(
            err, PAL_ERR_ARGUMENT,
            "a grid needs a code of two continuous numbers, but this one is %s of size %lld: give --samples",
            pal_model_setting(model, "code"), (long long)pal_option_int(model, "hidden"));
    if (steps < 2 || steps > STEPS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld steps: choose from 2 to %d", (long long)steps, STEPS_MOST);
    for (int64_t i = 0; i < steps * steps; i++) {
        const double across = (double)(i % steps) + 0.5, up = (double)(steps - 1 - i / steps) + 0.5;
        codes[2 * i] = (float)pal_distribution_quantile(pal_model_code(model), across / (double)steps);
        codes[2 * i + 1] = (float)pal_distribution_quantile(pal_model_code(model), up / (double)steps);
    }
    return PAL_OK;
}

bool pal_sample_is_grid(const pal_model *model, const pal_sample_options *o)
{
    return o->steps || (!o->samples && is_plane(model));
}

static pal_status draw(const pal_model *model, const pal_sample_options *o, pal_tensor *cells, const char *path,
                       pal_error *err)
{
    pal_grid_row row = {.cells = cells, .mapping = palt__mapping(cells)};
    pal_grid_section section = {
        .rows = &row, .count = 1, .columns = pal_sample_is_grid(model, o) ? (size_t)o->steps : 0};
    palt__cell_size(pal_model_sample(model), &section.cell_height, &section.cell_width);
    pal_grid grid = {
        .struct_size = sizeof grid, .title = o->title, .caption = o->caption, .sections = &section, .count = 1};
    return pal_grid_write(&grid, path, err);
}

pal_status pal_sample_write(const pal_model *model, const pal_sample_options *given, const char *path, pal_error *err)
{
    pal_sample_options o = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "sample", err)) return PAL_ERR_ARGUMENT;
    if (!prior_of(model, err)) return PAL_ERR_ARGUMENT;
    if (o.samples && o.steps)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "--steps makes a grid, but --samples makes random draws: choose one");
    const bool grid = pal_sample_is_grid(model, &o);
    if (grid && !o.steps) o.steps = STEPS;
    if (!grid && !o.samples) o.samples = SAMPLES;
    if (o.steps < 0 || o.steps > STEPS_MOST || o.samples < 0 || o.samples > SAMPLES_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "choose at most %d steps, or at most %d samples", STEPS_MOST,
                             SAMPLES_MOST);
    const int64_t n = grid ? o.steps * o.steps : o.samples;
    pal_workspace *w = pal_workspace_new(
        model, &(pal_workspace_options){.struct_size = sizeof(pal_workspace_options), .lanes = o.lanes}, err);
    if (!w) return PAL_ERR_MEMORY;
    float *codes = calloc((size_t)(n * pal_workspace_code(w)), sizeof *codes);
    pal_tensor *cells = pal_tensor_new(pal_model_context(model), PAL_F32, PAL_SHAPE(n, pal_model_features(model)));
    pal_status status = codes && cells ? PAL_OK : palt__no_memory(err);
    if (!status)
        status = grid ? pal_prior_plane(model, o.steps, codes, err) : pal_prior_draw(model, n, o.seed, codes, err);
    if (!status && (status = pal_decode(model, w, codes, (size_t)n, cells->data)))
        pal_error_set(err, status, "%s", pal_workspace_error(w) ? pal_workspace_error(w) : "out of memory");
    if (!status) status = draw(model, &o, cells, path, err);
    free(codes);
    pal_tensor_free(cells);
    pal_workspace_free(w);
    return status;
}
