/* filters_draw.c - the picture of filters: the values of the cells, the caption, and the sections side by side. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/filters.h"

enum { WHAT = 256, TEXT = 640 };

/* Inputs of norm 1 share one scale: mid-grey is 0, and black and white are at 4 times the root mean square. */
static bool one_scale(const palt__filters *f) { return f->kind == PALT__UNIT_WEIGHTS || f->kind == PALT__MAXIMA; }

static int64_t shown(const pal_filters_options *o, const palt__filters *f)
{
    const int64_t limit = o->units ? o->units : PALT__FILTER_UNITS;
    return limit < f->count ? limit : f->count;
}

/* The value that is drawn black or white. */
static double extent(const palt__filters *f, size_t first, int64_t pixels)
{
    double largest = 0;
    if (one_scale(f)) return 4 / sqrt((double)pixels);
    for (int64_t i = 0; i < pixels; i++) largest = fmax(largest, fabs(pal_tensor_get(f->images, first + (size_t)i)));
    return largest > 0 ? largest : 1;
}

static pal_status arrange(palt__filters *f, const palt__ranked *order, int64_t n, pal_error *err)
{
    const int64_t pixels = f->planes * f->height * f->width;
    f->cells = pal_tensor_new(f->images->context, PAL_F32, PAL_SHAPE(n, pixels));
    if (!f->cells) return palt__no_memory(err);
    for (int64_t at = 0; at < n; at++) {
        const size_t from = (size_t)(order[at].index * pixels), to = (size_t)(at * pixels);
        const double most = extent(f, from, pixels);
        for (size_t i = 0; i < (size_t)pixels; i++)
            pal_tensor_set(f->cells, to + i, 0.5 + 0.5 * pal_tensor_get(f->images, from + i) / most);
    }
    return PAL_OK;
}

/* ---- The caption ---------------------------------------------------------------------------------------------- */

static void write_what(const palt__filters *f, char out[WHAT])
{
    const bool maps = f->layer.plane > 1, cut = f->height * f->width < palt__features(f->model) / f->planes;
    const bool components = f->by == PALT__BY_NUMBER;
    const char *unit = components ? "principal component" : maps ? "channel" : "unit";
    char sees[128] = "";
    if (f->kind == PALT__PROTOTYPES)
        snprintf(out, WHAT, "What each %s%s adds to the output", unit, components ? "" : " of the last decoder layer");
    else if (f->kind == PALT__WEIGHTS)
        snprintf(out, WHAT, "The weights into each %s%s", unit, components ? "" : " of the first layer");
    else if (f->kind == PALT__KERNELS)
        snprintf(out, WHAT, "The kernels of the first layer, %lld x %lld, one per channel", (long long)f->height,
                 (long long)f->width);
    else if (f->kind == PALT__UNIT_WEIGHTS)
        snprintf(out, WHAT, "The input of norm 1 that excites each %s most, w / ||w||", unit);
    else {
        if (cut)
            snprintf(sees, sizeof sees, ", cut to the %lld x %lld that it sees", (long long)f->height,
                     (long long)f->width);
        snprintf(out, WHAT,
                 "The input of norm 1 that excites each %s of layer %lld of %lld most, by gradient ascent%s%s", unit,
                 (long long)f->layer.layer, (long long)f->layer.layers, maps ? " at the middle of its plane" : "",
                 sees);
    }
}

static void write_caption(const palt__filters *f, int64_t n, bool shared, char out[TEXT])
{
    static const char *const by[] = {"By descending", "By descending share of the explained variance",
                                     "The first component first"};
    char what[WHAT], count[64] = "", open[64] = "", explained[96] = "";
    double sum = 0;
    write_what(f, what);
    for (int64_t i = 0; f->share && i < f->count; i++) sum += f->share[i];
    if (f->share && isfinite(sum))
        snprintf(explained, sizeof explained, " All %lld together explain %.1f %% of the variance.",
                 (long long)f->units, 100 * sum);
    if (n < f->units) snprintf(count, sizeof count, ", %lld of %lld", (long long)n, (long long)f->units);
    if (f->open) snprintf(open, sizeof open, " %lld did not converge.", (long long)f->open);
    snprintf(out, TEXT, "%s; %s, mid-grey is 0%s. %s%s%s%s.%s%s", what,
             one_scale(f) ? "all on one scale" : "each on its own scale",
             one_scale(f) ? ", clipped at 4 times the root mean square" : "", by[f->by],
             f->by != PALT__BY_SIZE    ? ""
             : f->kind == PALT__MAXIMA ? " activation"
                                       : " norm",
             shared ? " in the last model, each unit in the same place in all" : "", count, explained, open);
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

/* Picture pixels per pixel of a cell: small images, such as kernels, are enlarged until they are about TILE wide or the
 * picture is full. 0: as the grid chooses. */
static int32_t scale_of(const palt__filters *all, size_t n, const pal_filters_options *o)
{
    enum { TILE = 112, FULL = 1400, USUAL = 8, MOST = 64 };
    int64_t side = 1, across = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t width = all[i].planes == 3 ? all[i].width : all[i].planes * (all[i].width + 1);
        const int64_t columns = (int64_t)ceil(sqrt((double)shown(o, &all[i])));
        if (all[i].height > side) side = all[i].height;
        if (width > side) side = width;
        across += columns * (width + 1);
    }
    int64_t scale = TILE / side < FULL / across ? TILE / side : FULL / across;
    if (scale > MOST) scale = MOST;
    return scale > USUAL ? (int32_t)scale : 0;
}

pal_status palt__filters_draw(const pal_filters_options *o, palt__filters *all, const char *path, pal_error *err)
{
    const palt__filters *last = &all[o->count - 1];
    pal_grid_section *sections = calloc(o->count, sizeof *sections);
    pal_grid_row *rows = calloc(o->count, sizeof *rows);
    pal_status status = sections && rows ? PAL_OK : palt__no_memory(err);
    bool shared = o->count > 1;
    for (size_t i = 0; i < o->count; i++) shared &= all[i].count == last->count && all[i].by == PALT__BY_SIZE;
    for (size_t i = 0; !status && i < o->count; i++) {
        palt__filters *f = &all[i];
        status = arrange(f, shared ? last->order : f->order, shown(o, f), err);
        rows[i] = (pal_grid_row){.cells = f->cells, .mapping = PAL_MAP_UNIT};
        sections[i] = (pal_grid_section){.title = o->titles ? o->titles[i] : NULL,
                                         .rows = &rows[i],
                                         .count = 1,
                                         .cell_planes = f->planes,
                                         .cell_height = f->height,
                                         .cell_width = f->width};
    }
    if (!status) {
        char text[TEXT];
        write_caption(last, shown(o, last), shared, text);
        pal_grid grid = {.struct_size = sizeof grid,
                         .title = o->title,
                         .caption = text,
                         .sections = sections,
                         .count = o->count,
                         .scale = scale_of(all, o->count, o)};
        status = pal_grid_write(&grid, path, err);
    }
    free(rows);
    free(sections);
    return status;
}
