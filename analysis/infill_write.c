/* infill_write.c - measures the infilling of missing pixels on a data set, and draws the picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "analysis/internal.h"

enum { ORIGINAL, MASKED, FIRST_METHOD, ROWS = FIRST_METHOD + PAL_INFILL_METHODS, CHUNK = 1024 };

/* ---- What is missing ------------------------------------------------------------------------------------------ */

pal_status pal_missing_rectangle(pal_view view, int64_t top, int64_t left, int64_t height, int64_t width,
                                 uint8_t *missing, pal_error *err)
{
    const int64_t h = view.height, w = view.width;
    const char *what = palt__is_profile(view) ? "a line" : "an image";
    if (view.planes * h * w == 1)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a sample is a single number: without it, nothing is known");
    if (top < 0 || left < 0 || height < 1 || width < 1 || top >= h || left >= w || height > h - top || width > w - left)
        return pal_error_set(
            err, PAL_ERR_ARGUMENT,
            "the rectangle %lld,%lld,%lld,%lld (top, left, height, width) is not inside %s of %lld x %lld",
            (long long)top, (long long)left, (long long)height, (long long)width, what, (long long)h, (long long)w);
    if (height == h && width == w)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "the rectangle covers the whole %s of %lld x %lld: choose a smaller one",
                             strchr(what, ' ') + 1, (long long)h, (long long)w);
    for (int64_t i = 0; i < view.planes * h * w; i++) {
        const int64_t y = i / w % h, x = i % w;
        missing[i] = y >= top && y < top + height && x >= left && x < left + width;
    }
    return PAL_OK;
}

/* ---- Samples -------------------------------------------------------------------------------------------------- */

pal_tensor *palt__gather(const pal_dataset *data, int64_t first, int64_t n, pal_error *err)
{
    pal_tensor *x = pal_tensor_new(data->inputs->context, PAL_F32, PAL_SHAPE(n, data->features));
    uint32_t *rows = malloc((size_t)n * sizeof *rows);
    for (int64_t i = 0; rows && i < n; i++) rows[i] = (uint32_t)(first + i);
    pal_status status = x && rows ? pal_dataset_gather(data, rows, (size_t)n, x, err) : palt__no_memory(err);
    free(rows);
    if (!status) return x;
    pal_tensor_free(x);
    return NULL;
}

/* Sum of (x - y)^2 over the missing (wanted) or known pixels, mean over samples. step 0: one y for all samples. */
static double squared_error(const float *x, const float *y, size_t step, const uint8_t *missing, bool wanted, size_t n,
                            size_t d)
{
    double sum = 0;
    for (size_t row = 0; row < n; row++)
        for (size_t i = 0; i < d; i++) {
            const double e = (double)x[row * d + i] - (double)y[row * step + i];
            if ((missing[i] != 0) == wanted) sum += e * e;
        }
    return sum / (double)n;
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

typedef struct drawing {
    const pal_dataset *data;
    const uint8_t *missing;
    pal_infill_picture p;
    pal_tensor *x, *out, *means; /* all samples */
    pal_grid_row rows[ROWS];
    pal_tensor *cells[ROWS];
    size_t n_rows;
} drawing;

/* Adds a row to the picture: the first samples of `from`. */
static pal_status add_row(drawing *g, const pal_tensor *from, const char *label, pal_error *err)
{
    pal_tensor *cells = pal_tensor_new(from->context, PAL_F32, PAL_SHAPE(g->p.samples, g->data->features));
    if (!cells) return palt__no_memory(err);
    memcpy(cells->data, from->data, pal_tensor_bytes(cells));
    g->cells[g->n_rows] = cells;
    g->rows[g->n_rows++] =
        (pal_grid_row){.cells = cells, .label = label, .mapping = palt__mapping(g->p.view, g->cells[ORIGINAL])};
    return PAL_OK;
}

/* Missing pixels are mid-grey. If each image has its own grey levels, they get the colour of NAN instead. */
static void mask(const drawing *g)
{
    float *cells = g->cells[MASKED]->data;
    const float shown = g->rows[MASKED].mapping == PAL_MAP_UNIT ? 0.5F : NAN;
    for (size_t i = 0; i < pal_tensor_count(g->cells[MASKED]); i++)
        if (g->missing[i % (size_t)g->data->features]) cells[i] = shown;
}

static pal_status draw(const drawing *g, const pal_model *model, const pal_infill_figures *f, const char *path,
                       pal_error *err)
{
    char caption[2048];
    size_t used = (size_t)snprintf(
        caption, sizeof caption,
        "%s%sSquared error of the %lld missing %s, mean over %lld samples: ", g->p.caption ? g->p.caption : "",
        g->p.caption ? " " : "", (long long)f->missing, palt__view_numbers(g->p.view), (long long)f->samples);
    for (int k = 0; k < PAL_INFILL_METHODS && used < sizeof caption; k++)
        if (isfinite(f->squared_error[k]))
            used += (size_t)snprintf(caption + used, sizeof caption - used, "%s %.2f, ",
                                     pal_infill_name((pal_infill_method)k), f->squared_error[k]);
    if (used < sizeof caption) snprintf(caption + used, sizeof caption - used, "the mean sample %.2f.", f->reference);
    pal_grid_section section = {.rows = g->rows, .count = g->n_rows};
    palt__view_section(&section, g->p.view);
    return palt__view_write(model, g->p.view, g->p.title, caption, &section, 1, path, err);
}

/* ---- Figures -------------------------------------------------------------------------------------------------- */

static pal_status by_method(drawing *g, pal_model *model, pal_infill_method method, pal_infill_figures *f,
                            pal_error *err)
{
    const size_t n = (size_t)g->data->count, d = (size_t)g->data->features;
    pal_infill_options o = g->p.infill;
    o.struct_size = sizeof o;
    o.method = method;
    o.means = g->means->data;
    pal_status status = pal_infill(model, g->x->data, g->missing, n, &o, g->out->data, err);
    if (status) return status;
    f->squared_error[method] = squared_error(g->x->data, g->out->data, d, g->missing, true, n, d);
    f->known_error[method] = squared_error(g->x->data, g->means->data, d, g->missing, false, n, d);
    return add_row(g, g->out, pal_infill_name(method), err);
}

static pal_status by_methods(drawing *g, pal_model *model, pal_infill_figures *f, pal_error *err)
{
    const size_t n = (size_t)g->data->count, d = (size_t)g->data->features;
    *f = (pal_infill_figures){.samples = g->data->count, .reference = NAN};
    for (size_t i = 0; i < d; i++) f->missing += g->missing[i] != 0;
    if (g->p.mean) f->reference = squared_error(g->x->data, g->p.mean, 0, g->missing, true, n, d);
    pal_status status = add_row(g, g->x, "original", err);
    if (!status) status = add_row(g, g->x, "masked", err);
    if (!status) mask(g);
    for (int k = 0; k < PAL_INFILL_METHODS && !status; k++) {
        f->squared_error[k] = f->known_error[k] = NAN;
        if (!g->p.methods || g->p.methods >> k & 1U) status = by_method(g, model, (pal_infill_method)k, f, err);
    }
    return status;
}

static pal_status prepare(drawing *g, const pal_model *model, pal_error *err)
{
    int64_t missing = 0;
    if (pal_data_check(model, g->data, err)) return err->status;
    if (palt__view_choose(&g->p.view, pal_model_sample(model), err)) return err->status;
    for (int64_t i = 0; i < g->data->features; i++) missing += g->missing[i] != 0;
    if (missing == 0 || missing == g->data->features)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "of %lld pixels, %lld are missing: choose at least one, but not all",
                             (long long)g->data->features, (long long)missing);
    if (g->p.samples < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose 0 or more", (long long)g->p.samples);
    if (!g->p.samples) g->p.samples = 16;
    if (g->p.samples > g->data->count) g->p.samples = g->data->count;
    g->x = palt__gather(g->data, 0, g->data->count, err);
    if (!g->x) return err->status;
    g->out = pal_tensor_new(g->x->context, PAL_F32, g->x->shape);
    g->means = pal_tensor_new(g->x->context, PAL_F32, g->x->shape);
    return g->out && g->means ? PAL_OK : palt__no_memory(err);
}

pal_status pal_infill_write(pal_model *model, const pal_dataset *data, const uint8_t *missing,
                            const pal_infill_picture *picture, pal_infill_figures *figures, const char *path,
                            pal_error *err)
{
    drawing g = {.data = data, .missing = missing};
    pal_infill_figures f;
    pal_error own = {0};
    if (pal_options_read(&g.p, picture, sizeof g.p, offsetof(pal_infill_picture, view), "infill", err))
        return PAL_ERR_ARGUMENT;
    pal_status status = prepare(&g, model, &own);
    if (!status) status = by_methods(&g, model, &f, &own);
    if (!status && path) status = draw(&g, model, &f, path, &own);
    if (!status && figures) *figures = f;
    for (size_t i = 0; i < g.n_rows; i++) pal_tensor_free(g.cells[i]);
    pal_tensor_free(g.x);
    pal_tensor_free(g.out);
    pal_tensor_free(g.means);
    return status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
