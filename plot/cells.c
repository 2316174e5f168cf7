/* cells.c - views a tensor as images and maps the values of one image to colours.
 *
 * Invariant of an opened view: count, height and width are at least 1, height and width are at most PALT__IMAGE_SIDE
 * (except for the width of a profile), and every element of every cell is inside the tensor.
 */
#include "plot/internal.h"

#include <math.h>

/* ---- The mappings --------------------------------------------------------------------------------------------- */

double palt__cells_value(const palt__cells *cells, int64_t i, int64_t element)
{
    double value = pal_tensor_get(cells->tensor, (size_t)(i * cells->cell_step + element * cells->step));
    return cells->tensor->dtype == PAL_U8 ? value / 255 : value;
}

typedef struct extremes { /* of the finite values of a cell; both 0 if no value is finite */
    double low, high;
} extremes;

static extremes extremes_of(const palt__cells *cells, int64_t i)
{
    extremes e = {INFINITY, -INFINITY};
    for (int64_t k = 0; k < cells->planes * cells->height * cells->plane_width; k++) {
        double value = palt__cells_value(cells, i, k);
        if (!isfinite(value)) continue;
        e.low = fmin(e.low, value);
        e.high = fmax(e.high, value);
    }
    return isfinite(e.low) ? e : (extremes){0, 0};
}

/* Each takes a finite value and the extremes of its cell, and returns the position on the colour map. */
static double unit(double value, extremes e)
{
    (void)e;
    return value;
}

static double range(double value, extremes e)
{
    double span = e.high - e.low;
    if (!isfinite(span)) return (value / 2 - e.low / 2) / (e.high / 2 - e.low / 2);
    return span > 0 ? (value - e.low) / span : 0.5;
}

static double diverging(double value, extremes e)
{
    double largest = fmax(fabs(e.low), fabs(e.high));
    return largest > 0 ? value / largest : 0;
}

static double symmetric(double value, extremes e) { return (diverging(value, e) + 1) / 2; }

static const struct {
    double (*place)(double value, extremes e);
    pal_colour (*colour)(double t);
    bool colours; /* three planes can be drawn as red, green and blue */
} mappings[PAL_MAPPING_COUNT] = {
    [PAL_MAP_UNIT] = {unit, pal_colour_grey, true},
    [PAL_MAP_RANGE] = {range, pal_colour_grey, true},
    [PAL_MAP_SYMMETRIC] = {symmetric, pal_colour_grey, false},
    [PAL_MAP_DIVERGING] = {diverging, pal_colour_diverging, false},
    /* PAL_MAP_PROFILE has no colours: see profile.c */
};

/* ---- The view ------------------------------------------------------------------------------------------------- */

/* A cell that is a profile is one row of values, whatever the shape of a sample is. */
static pal_status fit_profile(palt__cells *cells, const pal_grid_row *row, pal_error *error)
{
    const pal_shape shape = row->cells->shape;
    char text[128];
    pal_shape_text(shape, text, sizeof text);
    if (shape.rank < 2 || (row->transposed && shape.rank != 2))
        return pal_error_set(error, PAL_ERR_SHAPE, "cells are %s, not %s", text, row->transposed ? "[n,N]" : "[N,n]");
    const int64_t count = shape.dim[row->transposed ? 1 : 0], size = pal_shape_count(shape) / count;
    *cells = (palt__cells){.tensor = row->cells,
                           .count = count,
                           .height = 1,
                           .width = size,
                           .planes = 1,
                           .plane_width = size,
                           .cell_step = row->transposed ? 1 : size,
                           .step = row->transposed ? count : 1};
    return PAL_OK;
}

/* Derives the number of cells and their size from the shape. An axis of length 1 before or after the image axes is a
 * channel. */
static pal_status fit(palt__cells *cells, const pal_grid_row *row, const pal_grid_section *section, pal_error *error)
{
    int64_t height = section->cell_height, width = section->cell_width;
    const int64_t planes = section->cell_planes ? section->cell_planes : 1;
    pal_shape shape = row->cells->shape;
    char text[128];
    pal_shape_text(shape, text, sizeof text);
    if (shape.rank == 4 && !row->transposed && (shape.dim[1] == 1 || shape.dim[3] == 1)) {
        int first = shape.dim[1] == 1 ? 2 : 1;
        shape = PAL_SHAPE(shape.dim[0], shape.dim[first], shape.dim[first + 1]);
    }
    if (shape.rank == 3 && !row->transposed) {
        *cells = (palt__cells){row->cells, shape.dim[0], shape.dim[1], shape.dim[2], shape.dim[1] * shape.dim[2], 1,
                               1,          shape.dim[2], false};
        if (planes != 1 || (height != 0 && height != cells->height) || (width != 0 && width != cells->width))
            return pal_error_set(error, PAL_ERR_SHAPE, "cells are %s, not images of %lld x %lld", text,
                                 (long long)height, (long long)width);
        return PAL_OK;
    }
    if (shape.rank != 2)
        return pal_error_set(error, PAL_ERR_SHAPE, "cells are %s, not %s", text,
                             row->transposed ? "[h*w,n]" : "[n,h*w], [n,h,w], [n,1,h,w] or [n,h,w,1]");
    int64_t size = shape.dim[row->transposed ? 0 : 1], count = shape.dim[row->transposed ? 1 : 0];
    if (planes < 1 || size % planes != 0)
        return pal_error_set(error, PAL_ERR_SHAPE, "cells are %s: %lld elements are not %lld planes", text,
                             (long long)size, (long long)planes);
    size /= planes;
    if (height == 0 && width == 0) height = width = llround(sqrt((double)size));
    if (height == 0 && width > 0) height = size / width;
    if (width == 0 && height > 0) width = size / height;
    if (height < 0 || width < 0 || height > PALT__IMAGE_SIDE || width > PALT__IMAGE_SIDE || height * width != size)
        return pal_error_set(error, PAL_ERR_SHAPE, "cells are %s: %lld elements are not an image of %lld x %lld", text,
                             (long long)size, (long long)height, (long long)width);
    *cells = (palt__cells){.tensor = row->cells,
                           .count = count,
                           .height = height,
                           .width = width,
                           .planes = planes,
                           .plane_width = width,
                           .colour = planes == 3 && mappings[row->mapping].colours,
                           .cell_step = row->transposed ? 1 : planes * size,
                           .step = row->transposed ? count : 1};
    if (planes > 1 && !cells->colour) cells->width = planes > PALT__IMAGE_SIDE ? INT32_MAX : planes * (width + 1) - 1;
    return PAL_OK;
}

pal_status palt__cells_open(palt__cells *cells, const pal_grid_row *row, const pal_grid_section *section,
                            pal_error *error)
{
    if (row->cells == NULL || row->cells->data == NULL) return pal_error_set(error, PAL_ERR_ARGUMENT, "no cells");
    pal_dtype dtype = row->cells->dtype;
    if (dtype != PAL_F32 && dtype != PAL_F64 && dtype != PAL_U8 && dtype != PAL_BOOL)
        return pal_error_set(error, PAL_ERR_TYPE, "cells are %s, not f32, f64, u8 or bool", pal_dtype_name(dtype));
    if ((unsigned)row->mapping >= PAL_MAPPING_COUNT)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "unknown mapping %d", (int)row->mapping);
    if (pal_shape_count(row->cells->shape) <= 0) return pal_error_set(error, PAL_ERR_SHAPE, "cells are empty");
    const bool profile = row->mapping == PAL_MAP_PROFILE;
    pal_status status = profile ? fit_profile(cells, row, error) : fit(cells, row, section, error);
    if (status != PAL_OK) return status;
    if (!profile && (cells->height > PALT__IMAGE_SIDE || cells->width > PALT__IMAGE_SIDE))
        return pal_error_set(error, PAL_ERR_SHAPE, "cells of %lld x %lld are too large", (long long)cells->height,
                             (long long)cells->width);
    if (row->limit > 0 && (uint64_t)cells->count > row->limit) cells->count = (int64_t)row->limit;
    return PAL_OK;
}

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

static pal_colour colour_at(const palt__cells *cells, int64_t i, pal_mapping mapping, extremes e, int64_t element)
{
    double value = palt__cells_value(cells, i, element);
    return isfinite(value) ? mappings[mapping].colour(mappings[mapping].place(value, e)) : PAL_COLOUR_NONFINITE;
}

/* The colour of one pixel with three planes; the mapping is a grey one. */
static pal_colour mixed_at(const palt__cells *cells, int64_t i, pal_mapping mapping, extremes e, int64_t element)
{
    uint8_t level[3];
    for (int64_t k = 0; k < 3; k++) {
        int64_t at = element + k * cells->height * cells->plane_width;
        if (!isfinite(palt__cells_value(cells, i, at))) return PAL_COLOUR_NONFINITE;
        level[k] = colour_at(cells, i, mapping, e, at).red;
    }
    return (pal_colour){level[0], level[1], level[2]};
}

typedef struct cell { /* that is being drawn */
    const palt__cells *cells;
    int64_t index;
    pal_mapping mapping;
    extremes extremes;
} cell;

/* False for the gap between two planes. */
static bool at(const void *user, int64_t column, int64_t row, pal_colour *colour)
{
    const cell *c = user;
    const palt__cells *cells = c->cells;
    const int64_t pitch = cells->plane_width + (cells->planes > 1);
    if (column % pitch == cells->plane_width) return false;
    const int64_t element = (column / pitch * cells->height + row) * cells->plane_width + column % pitch;
    *colour = (cells->colour ? mixed_at : colour_at)(cells, c->index, c->mapping, c->extremes, element);
    return true;
}

void palt__cells_draw(const palt__cells *cells, int64_t i, pal_mapping mapping, palt__canvas *canvas, int64_t x,
                      int64_t y, int64_t scale, int64_t down)
{
    if (!palt__canvas_sees(canvas, (double)x, (double)y, (double)(cells->width * scale),
                           (double)(cells->height * down)))
        return;
    const cell c = {cells, i, mapping, mapping == PAL_MAP_UNIT ? (extremes){0, 1} : extremes_of(cells, i)};
    palt__canvas_raster(canvas, &(palt__raster){cells->width, cells->height, scale, down, at, &c}, x, y);
}
