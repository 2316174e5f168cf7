/* interpolate.c - blends samples through the code.
 *
 * Points on straight lines between codes are decoded. They are drawn as one row per pair of samples, or as a grid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "analysis/internal.h"

enum { STEPS = 9, PROFILE_STEPS = 5, STEPS_MOST = 256, PAIRS_MOST = 256, LABEL = 320 };

/* ---- On buffers ----------------------------------------------------------------------------------------------- */

/* (1 - t) a + t b, which is exactly a and b at the ends. */
static float mix(float a, float b, double t) { return (float)((1 - t) * (double)a + t * (double)b); }

static double at(size_t i, size_t steps) { return (double)i / (double)(steps - 1); }

void pal_blend(const float *corners, size_t count, size_t steps, size_t width, float *out)
{
    const size_t rows = count == 4 ? steps : 1;
    for (size_t r = 0; r < rows; r++)
        for (size_t s = 0; s < steps; s++)
            for (size_t i = 0; i < width; i++) {
                const float *c = corners + i;
                const double down = count == 4 ? at(r, steps) : 0;
                const float left = count == 4 ? mix(c[0], c[2 * width], down) : c[0];
                const float right = count == 4 ? mix(c[width], c[3 * width], down) : c[width];
                *out++ = mix(left, right, at(s, steps));
            }
}

pal_status pal_interpolate(const pal_model *model, pal_workspace *workspace, const float *corners, size_t count,
                           size_t steps, float *out)
{
    if (!workspace || !corners || !out || (count != 2 && count != 4) || steps < 2) return PAL_ERR_ARGUMENT;
    const size_t code = (size_t)pal_workspace_code(workspace), n = count == 4 ? steps * steps : steps;
    float *h = malloc((count + n) * code * sizeof *h);
    if (!h) return PAL_ERR_MEMORY;
    pal_status status = pal_encode(model, workspace, corners, count, h);
    pal_blend(h, status ? 0 : count, status ? 0 : steps, code, h + count * code);
    if (!status) status = pal_decode(model, workspace, h + count * code, n, out);
    free(h);
    return status;
}

/* ---- Figures -------------------------------------------------------------------------------------------------- */

static double distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

static pal_status measure(const pal_model *model, pal_workspace *w, const float *ends, const float *blends,
                          size_t steps, size_t d, pal_interpolate_figures *f)
{
    const size_t code = (size_t)pal_workspace_code(w);
    float *h = malloc(2 * code * sizeof *h);
    if (!h) return PAL_ERR_MEMORY;
    pal_status status = pal_encode(model, w, ends, 2, h);
    *f = (pal_interpolate_figures){.code = distance(h, h + code, code),
                                   .straight = distance(blends, blends + (steps - 1) * d, d)};
    for (size_t i = 0; i + 1 < steps; i++) f->path += distance(blends + i * d, blends + (i + 1) * d, d);
    free(h);
    return status;
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

typedef struct blending {
    const pal_shown *models;
    size_t count;
    const pal_dataset *data;
    pal_interpolate_options o;
    size_t steps, features, groups, per; /* number of groups; corners per group */
    pal_tensor *ends;                    /* [corners, features] */
    /* Of each group, by each model and then by the pixels: [groups, count + 1]. */
    pal_tensor **cells;
    char (*labels)[LABEL];            /* of the rows, and of the columns */
    pal_interpolate_figures *figures; /* [count, groups] */
} blending;

static pal_status check(blending *b, pal_error *err)
{
    const pal_interpolate_options *o = &b->o;
    if (!b->count) return pal_error_set(err, PAL_ERR_ARGUMENT, "interpolate: no model to draw");
    for (size_t i = 0; i < b->count; i++)
        if (pal_data_check(b->models[i].model, b->data, err)) return err->status;
    if (palt__view_choose(&b->o.view, pal_model_sample(b->models[0].model), err)) return err->status;
    if (!o->corners || !o->count || o->count > 2 * PAIRS_MOST || (o->grid ? o->count != 4 : o->count % 2))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%zu samples cannot form %s", o->count,
                             o->grid ? "a grid: choose four corners" : "pairs to blend");
    if (o->steps < 0 || o->steps == 1 || o->steps > STEPS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld steps: choose from 2 to %d", (long long)o->steps, STEPS_MOST);
    for (size_t i = 0; i < o->count; i++)
        if (o->corners[i] < 0 || o->corners[i] >= b->data->count)
            return pal_error_set(err, PAL_ERR_ARGUMENT, "sample %lld does not exist: %s has samples 0 to %lld",
                                 (long long)o->corners[i], b->data->name, (long long)b->data->count - 1);
    return PAL_OK;
}

static size_t rows_of(const blending *b) { return b->groups * (b->count + 1); }

static pal_status gather(blending *b, pal_error *err)
{
    uint32_t rows[2 * PAIRS_MOST];
    for (size_t i = 0; i < b->o.count; i++) rows[i] = (uint32_t)b->o.corners[i];
    b->ends = pal_tensor_new(b->data->inputs->context, PAL_F32, PAL_SHAPE((int64_t)b->o.count, b->data->features));
    b->cells = calloc(rows_of(b), sizeof *b->cells);
    b->labels = calloc(rows_of(b) + b->steps, sizeof *b->labels);
    b->figures = calloc(b->count * b->groups, sizeof *b->figures);
    if (!b->ends || !b->cells || !b->labels || !b->figures) return palt__no_memory(err);
    return pal_dataset_gather(b->data, rows, b->o.count, b->ends, err);
}

/* Makes the cells of a group, blended by model i through its code, or through the pixels if i is the number of models.
 * A pair has its samples at the two ends. */
static pal_status fill(blending *b, size_t group, size_t i, pal_workspace *w, pal_error *err)
{
    const size_t d = b->features, n = b->o.grid ? b->steps * b->steps : b->steps, edge = b->o.grid ? 0 : 1;
    const float *ends = (const float *)b->ends->data + group * b->per * d;
    pal_tensor *cells = pal_tensor_new(b->ends->context, PAL_F32, PAL_SHAPE((int64_t)(n + 2 * edge), (int64_t)d));
    if (!cells) return palt__no_memory(err);
    b->cells[group * (b->count + 1) + i] = cells;
    float *blends = (float *)cells->data + edge * d;
    const pal_model *model = i < b->count ? b->models[i].model : NULL;
    pal_status status = PAL_OK;
    if (!model)
        pal_blend(ends, b->per, b->steps, d, blends);
    else
        status = pal_interpolate(model, w, ends, b->per, b->steps, blends);
    if (!status && edge && model)
        status = measure(model, w, ends, blends, b->steps, d, &b->figures[i * b->groups + group]);
    if (edge) {
        memcpy(cells->data, ends, d * sizeof *ends);
        memcpy(blends + n * d, ends + d, d * sizeof *ends);
    }
    const char *why = pal_workspace_error(w);
    return status ? pal_error_set(err, status, "%s", why ? why : "out of memory") : PAL_OK;
}

static const char *title_of(const blending *b, size_t section)
{
    if (!section) return "samples";
    if (section > b->count) return palt__is_profile(b->o.view) ? "through the numbers" : "through the pixels";
    return b->models[section - 1].name ? b->models[section - 1].name : "through the code";
}

/* Draws the four samples, then the grid blended through each code, then the grid blended through the pixels. */
static pal_status draw_grid(const blending *b, const char *path, pal_error *err)
{
    const size_t n = 1 + b->count + b->o.pixels;
    pal_grid_row *rows = calloc(n, sizeof *rows);
    pal_grid_section *sections = calloc(n, sizeof *sections);
    pal_status status = rows && sections ? PAL_OK : palt__no_memory(err);
    for (size_t k = 0; !status && k < n; k++) {
        rows[k] = (pal_grid_row){.cells = k ? b->cells[k - 1] : b->ends, .mapping = palt__mapping(b->o.view, b->ends)};
        sections[k] =
            (pal_grid_section){.title = title_of(b, k), .rows = &rows[k], .count = 1, .columns = k ? b->steps : 2};
        palt__view_section(&sections[k], b->o.view);
    }
    if (!status)
        status = palt__view_write(b->models[0].model, b->o.view, b->o.title, b->o.caption, sections, n, path, err);
    free(sections);
    free(rows);
    return status;
}

/* "0 to 1", with what it is blended through if there are several rows of a pair. */
static void write_label(const blending *b, size_t row)
{
    const size_t group = row / (b->count + 1), i = row % (b->count + 1);
    const long long from = (long long)b->o.corners[2 * group], to = (long long)b->o.corners[2 * group + 1];
    if (i == b->count)
        snprintf(b->labels[row], LABEL, "%s", palt__view_numbers(b->o.view));
    else if (i)
        snprintf(b->labels[row], LABEL, "%s", b->models[i].name);
    else if (b->models[i].name)
        snprintf(b->labels[row], LABEL, "%lld to %lld: %s", from, to, b->models[i].name);
    else
        snprintf(b->labels[row], LABEL, "%lld to %lld%s", from, to, b->o.pixels ? ", code" : "");
}

static pal_status draw_pairs(const blending *b, const char *path, pal_error *err)
{
    const size_t all = rows_of(b);
    pal_grid_row *rows = calloc(all, sizeof *rows);
    const char **columns = calloc(b->steps + 2, sizeof *columns);
    pal_status status = rows && columns ? PAL_OK : palt__no_memory(err);
    size_t n = 0;
    for (size_t i = 0; !status && i < all; i++) {
        if (!b->cells[i]) continue;
        write_label(b, i);
        rows[n++] =
            (pal_grid_row){.cells = b->cells[i], .label = b->labels[i], .mapping = palt__mapping(b->o.view, b->ends)};
    }
    for (size_t i = 0; !status && i < b->steps; i++) {
        char *label = b->labels[all + i];
        snprintf(label, LABEL, i ? "%.3g" : "t = %.3g", at(i, b->steps));
        columns[i + 1] = label;
    }
    if (!status) {
        columns[0] = columns[b->steps + 1] = "sample";
        pal_grid_section section = {
            .rows = rows, .count = n, .column_labels = columns, .column_label_count = b->steps + 2};
        section.columns = b->steps + 2;
        palt__view_section(&section, b->o.view);
        status = palt__view_write(b->models[0].model, b->o.view, b->o.title, b->o.caption, &section, 1, path, err);
    }
    free(rows);
    free(columns);
    return status;
}

static pal_status blend_all(blending *b, pal_error *err)
{
    pal_status status = check(b, err);
    if (status) return status;
    const size_t usual = palt__is_profile(b->o.view) && !b->o.grid ? PROFILE_STEPS : STEPS;
    b->steps = b->o.steps ? (size_t)b->o.steps : usual;
    b->features = (size_t)b->data->features;
    b->per = b->o.grid ? 4 : 2;
    b->groups = b->o.count / b->per;
    status = gather(b, err);
    for (size_t i = 0; i < b->count && !status; i++) {
        const pal_workspace_options o = {.struct_size = sizeof o, .lanes = b->o.lanes, .features = true};
        pal_workspace *w = pal_workspace_new(b->models[i].model, &o, err);
        if (!w) return err->status;
        for (size_t group = 0; group < b->groups && !status; group++) status = fill(b, group, i, w, err);
        pal_workspace_free(w);
    }
    for (size_t group = 0; b->o.pixels && group < b->groups && !status; group++)
        status = fill(b, group, b->count, NULL, err);
    return status;
}

pal_status pal_interpolate_all_write(const pal_shown *models, size_t count, const pal_dataset *data,
                                     const pal_interpolate_options *given, pal_interpolate_figures *figures,
                                     const char *path, pal_error *err)
{
    blending b = {.models = models, .count = count, .data = data};
    pal_error own = {0};
    if (pal_options_read(&b.o, given, sizeof b.o, offsetof(pal_interpolate_options, view), "interpolate", err))
        return PAL_ERR_ARGUMENT;
    pal_status status = blend_all(&b, &own);
    if (!status && path) status = (b.o.grid ? draw_grid : draw_pairs)(&b, path, &own);
    if (!status && figures && !b.o.grid) memcpy(figures, b.figures, count * b.groups * sizeof *figures);
    for (size_t i = 0; b.cells && i < rows_of(&b); i++) pal_tensor_free(b.cells[i]);
    free(b.cells);
    free(b.labels);
    free(b.figures);
    pal_tensor_free(b.ends);
    return status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

pal_status pal_interpolate_write(const pal_model *model, const pal_dataset *data,
                                 const pal_interpolate_options *options, pal_interpolate_figures *figures,
                                 const char *path, pal_error *err)
{
    const pal_shown one = {.model = (pal_model *)(uintptr_t)model};
    return pal_interpolate_all_write(&one, 1, data, options, figures, path, err);
}
