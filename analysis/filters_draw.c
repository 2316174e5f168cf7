/* filters_draw.c - the picture of filters: the values of the cells, the caption, and the sections side by side. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/filters.h"

enum { WHAT = 256, TEXT = 768, TITLE = 320, LABEL = 32 };

/* Inputs of norm 1 share one scale: mid-grey is 0, and black and white are at 4 times the root mean square. */
static bool one_scale(const palt__filters *f) { return f->kind == PALT__UNIT_WEIGHTS || f->kind == PALT__MAXIMA; }

static int64_t shown(const pal_filters_options *o, const palt__filters *f)
{
    const int64_t limit = o->units ? o->units : PALT__FILTER_UNITS;
    return limit < f->count ? limit : f->count;
}

/* What the numbers of a unit are divided by: for images the value that is drawn white. A principal component is drawn
 * as a profile of norm 1, because the weights into the last ones are far larger. */
static double scale_of(const palt__filters *f, size_t first, int64_t pixels)
{
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < pixels; i++) {
        const double value = pal_tensor_get(f->images, first + (size_t)i);
        largest = fmax(largest, fabs(value));
        sum += value * value;
    }
    if (f->profile) return f->kind == PALT__WEIGHTS && f->by == PALT__BY_NUMBER && sum > 0 ? sqrt(sum) : 1;
    return one_scale(f) ? 4 / sqrt((double)pixels) : largest > 0 ? largest : 1;
}

static pal_status arrange(palt__filters *f, const palt__ranked *order, int64_t n, pal_error *err)
{
    const int64_t pixels = f->view.planes * f->view.height * f->view.width;
    f->cells = pal_tensor_new(f->images->context, PAL_F32, PAL_SHAPE(n, pixels));
    if (!f->cells) return palt__no_memory(err);
    for (int64_t at = 0; at < n; at++) {
        const size_t from = (size_t)(order[at].index * pixels), to = (size_t)(at * pixels);
        const double scale = scale_of(f, from, pixels);
        for (size_t i = 0; i < (size_t)pixels; i++) {
            const double value = pal_tensor_get(f->images, from + i) / scale;
            pal_tensor_set(f->cells, to + i, f->profile ? value : 0.5 + 0.5 * value);
        }
    }
    return PAL_OK;
}

/* ---- The caption ---------------------------------------------------------------------------------------------- */

typedef struct page { /* all models side by side */
    const pal_filters_options *o;
    palt__filters *all;
    const palt__filters *last;
    bool shared;     /* every model is drawn in the order of the last one */
    bool components; /* the units of every model are principal components */
    bool mixed;      /* those of some models only */
    pal_grid_section *sections;
    pal_grid_row *rows;
    char (*titles)[TITLE];
    char (*labels)[LABEL]; /* of the tiles of all models */
    const char **label;
} page;

static void write_what(const page *p, char out[WHAT])
{
    const palt__filters *f = p->last;
    const bool maps = f->layer.plane > 1;
    const char *unit = p->components ? "principal component" : maps ? "channel" : "unit";
    char sees[128] = "";
    if (f->kind == PALT__PROTOTYPES)
        snprintf(out, WHAT, "What each %s%s adds to the output", unit,
                 p->components ? "" : " of the last decoder layer");
    else if (f->kind == PALT__WEIGHTS && f->profile && p->components)
        snprintf(out, WHAT, "The direction of each %s, of norm 1", unit);
    else if (f->kind == PALT__WEIGHTS)
        snprintf(out, WHAT, "The weights into each %s%s", unit, p->components ? "" : " of the first layer");
    else if (f->kind == PALT__KERNELS)
        snprintf(out, WHAT, "The kernels of the first layer, %lld x %lld, one per channel", (long long)f->view.height,
                 (long long)f->view.width);
    else if (f->kind == PALT__UNIT_WEIGHTS)
        snprintf(out, WHAT, "The input of norm 1 that excites each %s most, w / ||w||", unit);
    else {
        if (f->cut)
            snprintf(sees, sizeof sees, ", cut to the %lld x %lld that it sees", (long long)f->view.height,
                     (long long)f->view.width);
        snprintf(out, WHAT,
                 "The input of norm 1 that excites each %s of layer %lld of %lld most, by gradient ascent%s%s", unit,
                 (long long)f->layer.layer, (long long)f->layer.layers, maps ? " at the middle of its plane" : "",
                 sees);
    }
}

static const char *scale_text(const palt__filters *f)
{
    if (f->profile) return "";
    return one_scale(f) ? "; all on one scale, mid-grey is 0, clipped at 4 times the root mean square"
                        : "; each on its own scale, mid-grey is 0";
}

static const char *order_text(const page *p)
{
    if (p->mixed)
        return "Principal components with the first one first, other units by descending share of the variance that "
               "they explain";
    if (p->last->by == PALT__BY_NUMBER) return "The first component first";
    if (p->last->by == PALT__BY_SHARE) return "By descending share of the variance that they explain";
    return p->last->kind == PALT__MAXIMA ? "By descending activation" : "By descending norm";
}

/* The share of the variance that all units explain together. NAN: unknown. */
static double together(const palt__filters *f)
{
    double sum = f->share ? 0 : NAN;
    for (int64_t i = 0; f->share && i < f->count; i++) sum += f->share[i];
    return sum;
}

static void write_caption(const page *p, char out[TEXT])
{
    const palt__filters *f = p->last;
    const int64_t n = shown(p->o, f);
    char what[WHAT], count[64] = "", open[64] = "", explained[96] = "";
    write_what(p, what);
    if (p->o->count == 1 && isfinite(together(f)))
        snprintf(explained, sizeof explained, " All %lld together explain %.1f %% of the variance.",
                 (long long)f->units, 100 * together(f));
    if (n < f->units) snprintf(count, sizeof count, ", %lld of %lld", (long long)n, (long long)f->units);
    if (f->open) snprintf(open, sizeof open, " %lld did not converge.", (long long)f->open);
    snprintf(out, TEXT, "%s%s. %s%s%s.%s%s", what, scale_text(f), order_text(p),
             p->shared ? " in the last model, each unit in the same place in all" : "", count, explained, open);
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

/* Picture pixels per pixel of a cell: small images, such as kernels, are enlarged until they are about TILE wide or the
 * picture is full. 0: as the grid chooses. */
static int32_t enlarge(const page *p)
{
    enum { TILE = 112, FULL = 1400, USUAL = 8, MOST = 64 };
    int64_t side = 1, across = 0;
    for (size_t i = 0; i < p->o->count; i++) {
        const pal_view v = p->all[i].view;
        const int64_t width = v.planes == 3 ? v.width : v.planes * (v.width + 1);
        if (v.height > side) side = v.height;
        if (width > side) side = width;
        across += (int64_t)ceil(sqrt((double)shown(p->o, &p->all[i]))) * (width + 1);
    }
    int64_t scale = TILE / side < FULL / across ? TILE / side : FULL / across;
    if (scale > MOST) scale = MOST;
    return scale > USUAL ? (int32_t)scale : 0;
}

/* Units of a linear model have a label: their number from 1, and if there is room and it is known, the share of the
 * variance. */
static void label(const palt__filters *f, int64_t unit, bool room, char out[LABEL])
{
    if (room && f->share && isfinite(f->share[unit]))
        snprintf(out, LABEL, "%lld: %.1f %%", (long long)unit + 1, 100 * f->share[unit]);
    else
        snprintf(out, LABEL, "%lld", (long long)unit + 1);
}

static pal_status fill(page *p, size_t i, const char **labels, pal_error *err)
{
    palt__filters *f = &p->all[i];
    const palt__ranked *order = p->shared ? p->last->order : f->order;
    const char *title = p->o->titles ? p->o->titles[i] : NULL;
    pal_status status = arrange(f, order, shown(p->o, f), err);
    p->rows[i] = (pal_grid_row){.cells = f->cells, .mapping = f->profile ? PAL_MAP_PROFILE : PAL_MAP_UNIT};
    if (f->by != PALT__BY_SIZE) p->rows[i].cell_labels = labels;
    for (int64_t at = 0; at < shown(p->o, f); at++) {
        char *room = p->labels[labels - p->label + at];
        label(f, order[at].index, p->o->count == 1, room);
        labels[at] = room;
    }
    p->sections[i] = (pal_grid_section){.title = title, .rows = &p->rows[i], .count = 1};
    palt__view_section(&p->sections[i], f->view);
    if (title && isfinite(together(f))) {
        snprintf(p->titles[i], TITLE, "%s: %.1f %% of the variance", title, 100 * together(f));
        p->sections[i].title = p->titles[i];
    }
    return status;
}

static pal_status write_page(page *p, const char *path, pal_error *err)
{
    int64_t tiles = 0;
    const size_t n = p->o->count;
    for (size_t i = 0; i < n; i++) tiles += shown(p->o, &p->all[i]);
    p->sections = calloc(n, sizeof *p->sections);
    p->rows = calloc(n, sizeof *p->rows);
    p->titles = calloc(n, sizeof *p->titles);
    p->labels = calloc((size_t)tiles, sizeof *p->labels);
    p->label = calloc((size_t)tiles, sizeof *p->label);
    if (!p->sections || !p->rows || !p->titles || !p->labels || !p->label) return palt__no_memory(err);
    pal_status status = PAL_OK;
    const char **labels = p->label;
    for (size_t i = 0; !status && i < n; i++) {
        status = fill(p, i, labels, err);
        labels += shown(p->o, &p->all[i]);
    }
    if (status) return status;
    char text[TEXT];
    write_caption(p, text);
    pal_grid grid = {.struct_size = sizeof grid,
                     .title = p->o->title,
                     .caption = text,
                     .sections = p->sections,
                     .count = n,
                     .scale = enlarge(p)};
    return pal_grid_write(&grid, path, err);
}

pal_status palt__filters_draw(const pal_filters_options *o, palt__filters *all, const char *path, pal_error *err)
{
    page p = {.o = o, .all = all, .last = &all[o->count - 1], .shared = o->count > 1, .components = true};
    for (size_t i = 0; i < o->count; i++) {
        p.shared &= all[i].count == p.last->count && all[i].by == PALT__BY_SIZE;
        p.components &= all[i].by == PALT__BY_NUMBER;
        p.mixed |= all[i].by != p.last->by;
    }
    const pal_status status = write_page(&p, path, err);
    free(p.label);
    free(p.labels);
    free(p.titles);
    free(p.rows);
    free(p.sections);
    return status;
}
