/* geometry_draw.c - pictures of the encoder's Jacobian: its spectra, and its leading tangents next to the samples. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "analysis/internal.h"

enum { CLASSES = 10, NAME = 64 };

static const double smallest = 1e-5;

/* Copies a spectrum without values so small that they are only rounding of float32. Sets *cut if any were removed. */
static void take(double *to, int64_t count, const double *spectrum, int64_t length, bool *cut)
{
    for (int64_t i = 0; i < count; i++) {
        to[i] = i < length && spectrum[i] > smallest * spectrum[0] ? spectrum[i] : NAN;
        *cut |= i < length && isnan(to[i]);
    }
}

static const char *class_name(const pal_dataset *data, int class, char *out)
{
    const char *name = data ? pal_dataset_class_name(data, class) : NULL;
    snprintf(out, NAME, "%d%s%s", class, name ? "  " : "", name ? name : "");
    return out;
}

pal_status pal_geometry_spectra_write(const pal_geometry_picture *p, const char *path, pal_error *err)
{
    if (!p->count) return pal_error_set(err, PAL_ERR_ARGUMENT, "spectra: no geometry is given");
    const pal_geometry *first = p->geometries[0];
    int classes = p->count == 1 && first->classes <= CLASSES ? first->classes : 0;
    size_t most = p->count + (size_t)classes, n = 0;
    int64_t count = 0;
    for (size_t i = 0; i < p->count; i++) count = p->geometries[i]->length > count ? p->geometries[i]->length : count;
    double *x = malloc((size_t)count * sizeof *x), *y = malloc(most * (size_t)count * sizeof *y);
    pal_series *series = calloc(most, sizeof *series);
    char(*names)[NAME] = calloc(most, sizeof *names);
    int *classes_of = calloc(most, sizeof *classes_of);
    bool cut = false;
    char label[96];
    pal_status status = x && y && series && names && classes_of ? PAL_OK : palt__no_memory(err);
    if (!status) {
        for (int64_t i = 0; i < count; i++) x[i] = (double)i + 1;
        for (size_t i = 0; i < p->count; i++, n++) {
            take(y + n * (size_t)count, count, p->geometries[i]->spectrum, p->geometries[i]->length, &cut);
            classes_of[n] = -1;
            series[n] = (pal_series){p->count > 1 && p->names ? p->names[i] : "all", y + n * (size_t)count};
        }
        for (int c = 0; c < classes; c++) {
            if (!first->class_samples[c]) continue;
            take(y + n * (size_t)count, count, first->class_spectrum + c * first->length, first->length, &cut);
            classes_of[n] = c;
            series[n] = (pal_series){class_name(p->data, c, names[n]), y + n * (size_t)count};
            n++;
        }
        snprintf(label, sizeof label, "singular value, mean over samples%s", cut ? " (above 1e-5 of the first)" : "");
        pal_curves curves = {.struct_size = sizeof curves,
                             .title = p->title,
                             .x_label = "rank",
                             .y_label = label,
                             .x = x,
                             .count = (size_t)count,
                             .series = series,
                             .series_count = n,
                             .log_y = true,
                             .classes = classes ? classes_of : NULL,
                             .csv = p->csv};
        status = pal_curves_write(&curves, path, err);
    }
    free(classes_of);
    free(names);
    free(series);
    free(y);
    free(x);
    return status;
}

/* A view of row i, which has `each` cells. */
static pal_tensor *row_of(const pal_tensor *cells, int64_t i, int64_t each)
{
    int64_t features = cells->shape.dim[1];
    return pal_tensor_wrap(cells->context, PAL_F32, PAL_SHAPE(each, features),
                           (float *)cells->data + i * each * features);
}

typedef struct page { /* one section of images, then one of tangents per geometry */
    pal_grid_section *sections;
    pal_grid_row *rows; /* [sections, images] */
    pal_tensor **cells; /* [sections, images] */
    size_t count;
} page;

static pal_status fill(page *g, const pal_geometry_picture *p, const char *const *ranks, pal_error *err)
{
    const pal_geometry *first = p->geometries[0];
    size_t images = (size_t)first->images;
    pal_view view = p->view;
    pal_status status = palt__view_choose(&view, first->sample, err);
    if (status) return status;
    const bool profile = palt__is_profile(view);
    for (size_t s = 0; s < g->count; s++) {
        const pal_geometry *geometry = p->geometries[s ? s - 1 : 0];
        pal_grid_section *section = &g->sections[s];
        section->title = !s                         ? (profile ? "sample" : "image")
                         : p->count > 1 && p->names ? p->names[s - 1]
                                                    : "leading tangents";
        section->rows = g->rows + s * images;
        section->count = images;
        section->columns = s ? (size_t)geometry->tangents : 1;
        section->column_labels = s ? ranks : NULL;
        section->column_label_count = s ? (size_t)geometry->tangents : 0;
        palt__view_section(section, view);
        for (size_t i = 0; i < images; i++) {
            pal_tensor *cells =
                s ? row_of(geometry->tangent, (int64_t)i, geometry->tangents) : row_of(geometry->image, (int64_t)i, 1);
            if (!cells) return palt__no_memory(err);
            g->cells[s * images + i] = cells;
            g->rows[s * images + i] = (pal_grid_row){
                .cells = cells, .mapping = s && !profile ? PAL_MAP_DIVERGING : palt__mapping(view, first->image)};
        }
    }
    return PAL_OK;
}

pal_status pal_geometry_tangents_write(const pal_geometry_picture *p, const char *path, pal_error *err)
{
#define TANGENTS                                                                                                       \
    "Right singular vectors of the encoder's Jacobian at each sample, by descending singular value: the changes of "   \
    "the input to which the code is most sensitive."
    static const char of_profiles[] = TANGENTS,
                      of_images[] = TANGENTS " Red and blue are opposite signs, white is 0; each on its own scale.";
    static const char *const ranks[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};
    if (!p->count) return pal_error_set(err, PAL_ERR_ARGUMENT, "tangents: no geometry is given");
    for (size_t i = 0; i < p->count; i++)
        if (p->geometries[i]->tangents > (int64_t)(sizeof ranks / sizeof *ranks) ||
            p->geometries[i]->images != p->geometries[0]->images ||
            p->geometries[i]->features != p->geometries[0]->features)
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "tangents: at most %zu per sample, and the same samples for all models",
                                 sizeof ranks / sizeof *ranks);
    size_t images = (size_t)p->geometries[0]->images;
    page g = {.count = p->count + 1};
    g.sections = calloc(g.count, sizeof *g.sections);
    g.rows = calloc(g.count * images, sizeof *g.rows);
    g.cells = calloc(g.count * images, sizeof *g.cells);
    pal_status status = g.sections && g.rows && g.cells ? fill(&g, p, ranks, err) : palt__no_memory(err);
    if (!status) {
        pal_grid grid = {.struct_size = sizeof grid,
                         .title = p->title,
                         .caption = g.rows[0].mapping == PAL_MAP_PROFILE ? of_profiles : of_images,
                         .sections = g.sections,
                         .count = g.count};
        status = pal_grid_write(&grid, path, err);
    }
    for (size_t i = 0; g.cells && i < g.count * images; i++) pal_tensor_free(g.cells[i]);
    free(g.cells);
    free(g.rows);
    free(g.sections);
    return status;
}
