/* curve.c - training curves and other series of numbers over one axis. */
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One line and one marker per series, used in turn. Colour-blind readers can distinguish them, and they are dark enough
 * in print. */
static const palt__look looks[] = {
    {{{15, 95, 168}, 2.4, 0}, 1, 5},   {{{209, 73, 91}, 2.4, 0}, 2, 5},   {{{46, 139, 87}, 2.4, 0}, 3, 5},
    {{{224, 159, 62}, 2.4, 0}, 4, 5},  {{{106, 76, 147}, 2.4, 0}, 5, 5},  {{{68, 68, 68}, 2.4, 0}, 7, 5},
    {{{86, 180, 233}, 2.4, 8}, 8, 5},  {{{204, 121, 167}, 2.4, 8}, 9, 5}, {{{138, 90, 43}, 2.4, 8}, 10, 5},
    {{{153, 153, 51}, 2.4, 8}, 11, 5}, {{{0, 0, 0}, 2.4, 8}, 12, 5},
};
enum { LOOKS = sizeof looks / sizeof looks[0], MARKED_POINTS = 40, SERIES_LIMIT = 1000 };

static size_t count_of(const pal_curves *curves, size_t series)
{
    return curves->own_x == NULL ? curves->count : curves->own_count[series];
}

static double x_of(const pal_curves *curves, size_t series, size_t i)
{
    return (curves->own_x == NULL ? curves->x : curves->own_x[series])[i];
}

static bool drawable(const pal_curves *curves, size_t series, size_t i)
{
    return isfinite(x_of(curves, series, i)) && isfinite(curves->series[series].y[i]);
}

static size_t points_of(const pal_curves *curves, size_t series)
{
    size_t points = 0;
    for (size_t i = 0; i < count_of(curves, series); i++) points += drawable(curves, series, i);
    return points;
}

static bool complete(const pal_curves *curves, size_t s)
{
    if (curves->series[s].name == NULL) return false;
    if (count_of(curves, s) == 0) return true;
    return curves->series[s].y != NULL && (curves->own_x == NULL ? curves->x : curves->own_x[s]) != NULL;
}

/* Whether all numbers of a logarithmic axis have a logarithm. */
static pal_status check_logarithms(const pal_curves *curves, size_t s, const char *path, pal_error *error)
{
    for (size_t i = 0; i < count_of(curves, s); i++) {
        const double x = x_of(curves, s, i), y = curves->series[s].y[i];
        if (!drawable(curves, s, i)) continue;
        if (curves->log_y && y <= 0)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %s is %g, which has no logarithm", path,
                                 curves->series[s].name, y);
        if (curves->log_x && x <= 0)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: a point of %s is at %g, which has no logarithm", path,
                                 curves->series[s].name, x);
    }
    return PAL_OK;
}

/* Copies the struct of the caller, which may be an older version of it, and checks it. */
static pal_status check(const pal_curves *given, pal_curves *curves, const char *path, pal_error *error)
{
    size_t points = 0;
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "curves: no path to write to");
    if (pal_options_read(curves, given, sizeof *curves, offsetof(pal_curves, csv), path, error))
        return PAL_ERR_ARGUMENT;
    if (curves->classes != NULL && curves->shades != NULL)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: classes and shades: give one of them", path);
    if (curves->series == NULL || curves->series_count == 0 || curves->series_count > SERIES_LIMIT)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %zu curves: give 1 to %d", path, curves->series_count,
                             SERIES_LIMIT);
    if (curves->own_x != NULL && curves->own_count == NULL)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: own_x without own_count", path);
    for (size_t s = 0; s < curves->series_count; s++) {
        if (!complete(curves, s))
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: curve %zu has no name or no values", path, s);
        if (curves->classes != NULL && curves->classes[s] >= PAL_POINTS_CLASSES)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: class %d has no colour: give -1 to %d", path,
                                 curves->classes[s], PAL_POINTS_CLASSES - 1);
        points += points_of(curves, s);
        if (check_logarithms(curves, s, path, error)) return PAL_ERR_ARGUMENT;
    }
    if (points == 0) return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no finite point to draw", path);
    return PAL_OK;
}

typedef struct plot {
    const pal_curves *panels;
    size_t count;
    const char *title; /* above all panels, if there are several */
    palt__entry *legend;
    size_t entries;
} plot;

/* ---- The numbers ---------------------------------------------------------------------------------------------- */

static const char *x_label(const pal_curves *curves) { return curves->x_label == NULL ? "epoch" : curves->x_label; }
static const char *y_label(const pal_curves *curves) { return curves->y_label == NULL ? "loss" : curves->y_label; }

static void write_points(FILE *stream, const plot *p)
{
    if (p->count > 1) palt__csv_text(stream, "panel", ',');
    palt__csv_text(stream, "series", ',');
    palt__csv_text(stream, x_label(p->panels), ',');
    palt__csv_text(stream, y_label(p->panels), '\n');
    for (const pal_curves *c = p->panels; c < p->panels + p->count; c++)
        for (size_t s = 0; s < c->series_count; s++)
            for (size_t i = 0; i < count_of(c, s); i++) {
                if (p->count > 1) palt__csv_text(stream, c->title, ',');
                palt__csv_text(stream, c->series[s].name, ',');
                palt__csv_number(stream, x_of(c, s, i), ',');
                palt__csv_number(stream, c->series[s].y[i], '\n');
            }
}

static void write_table(FILE *stream, const void *user)
{
    const plot *p = user;
    const pal_curves *first = p->panels;
    if (first->own_x != NULL) {
        write_points(stream, p);
        return;
    }
    if (p->count > 1) palt__csv_text(stream, "panel", ',');
    palt__csv_text(stream, x_label(first), ',');
    for (size_t s = 0; s < first->series_count; s++)
        palt__csv_text(stream, first->series[s].name, s + 1 < first->series_count ? ',' : '\n');
    for (const pal_curves *c = first; c < first + p->count; c++)
        for (size_t i = 0; i < c->count; i++) {
            if (p->count > 1) palt__csv_text(stream, c->title, ',');
            palt__csv_number(stream, c->x[i], ',');
            for (size_t s = 0; s < c->series_count; s++)
                palt__csv_number(stream, c->series[s].y[i], s + 1 < c->series_count ? ',' : '\n');
        }
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

static palt__look look_of(const pal_curves *curves, size_t s)
{
    const int class = curves->classes == NULL ? -1 : curves->classes[s];
    palt__look look = looks[s % LOOKS];
    if (curves->classes != NULL && class < 0) return (palt__look){.pen = {{0, 0, 0}, 5, 0}};
    if (class >= 0) look = (palt__look){{palt__class_colours[class], 2, 0}, 1 + class, 4.5};
    if (curves->shades != NULL) look.pen.colour = pal_colour_shade(curves->shades[s]), look.pen.dash = 0;
    if (points_of(curves, s) > MARKED_POINTS) look.marker = 0;
    return look;
}

static void draw_series(palt__canvas *canvas, const palt__frame *f, const pal_curves *curves, size_t s)
{
    const palt__look look = look_of(curves, s);
    bool begun = false;
    for (size_t i = 0; i < count_of(curves, s); i++) {
        if (!drawable(curves, s, i) && curves->gaps) begun = false;
        if (!drawable(curves, s, i)) continue;
        (begun ? palt__canvas_line : palt__canvas_move)(canvas,
                                                        palt__frame_at(f, x_of(curves, s, i), curves->series[s].y[i]));
        begun = true;
    }
    palt__canvas_stroke(canvas, look.pen);
    for (size_t i = 0; i < count_of(curves, s); i++)
        if (drawable(curves, s, i))
            palt__marker(canvas, palt__frame_at(f, x_of(curves, s, i), curves->series[s].y[i]), look);
    const size_t at = curves->marked == NULL ? SIZE_MAX : curves->marked[s];
    if (at >= count_of(curves, s) || !drawable(curves, s, at)) return;
    palt__look large = look;
    large.marker = looks[s % LOOKS].marker;
    large.size *= 2;
    palt__marker(canvas, palt__frame_at(f, x_of(curves, s, at), curves->series[s].y[at]), large);
}

/* The entries of the legend are the series that some panel draws. */
static void name_series(plot *p)
{
    for (size_t s = 0; s < p->panels->series_count; s++) {
        size_t points = 0;
        for (size_t i = 0; i < p->count; i++) points += points_of(&p->panels[i], s);
        if (points == 0) continue;
        palt__entry *entry = &p->legend[p->entries++];
        snprintf(entry->text, sizeof entry->text, "%s", p->panels->series[s].name);
        entry->look = look_of(p->panels, s);
    }
}

static void take_extents(const plot *p, palt__frame *f)
{
    f->x_extent = f->y_extent = PALT__NOTHING;
    for (const pal_curves *c = p->panels; c < p->panels + p->count; c++)
        for (size_t s = 0; s < c->series_count; s++)
            for (size_t i = 0; i < count_of(c, s); i++) {
                if (!drawable(c, s, i)) continue;
                palt__extent_take(&f->x_extent, x_of(c, s, i));
                palt__extent_take(&f->y_extent, c->series[s].y[i]);
            }
}

/* The frame has its place and its legend. */
static void draw_panel(palt__canvas *canvas, const plot *p, const pal_curves *curves, palt__frame *f)
{
    f->title = curves->title;
    f->x_label = x_label(curves);
    f->y_label = y_label(curves);
    f->log_x = curves->log_x;
    f->log_y = curves->log_y;
    take_extents(p, f);
    palt__frame_make(f);
    palt__frame_draw(canvas, f);
    for (size_t s = 0; s < curves->series_count; s++) draw_series(canvas, f, curves, s);
}

static void draw_one(palt__canvas *canvas, const void *user)
{
    const plot *p = user;
    palt__frame f = {.legend = p->legend, .entries = p->entries};
    draw_panel(canvas, p, p->panels, &f);
}

static void draw_all(palt__canvas *canvas, const void *user)
{
    const plot *p = user;
    const palt__panels at = palt__panels_of(p->count, p->title);
    double top = 0, bottom = 0;
    palt__title_draw(canvas, p->title, at.width / 2, PALT__MARGIN, at.width - 2 * PALT__MARGIN);
    for (size_t i = 0; i < p->count; i++) {
        palt__frame f = palt__panel_frame(&at, i);
        draw_panel(canvas, p, &p->panels[i], &f);
        if (i == 0) top = f.top, bottom = f.bottom;
    }
    palt__legend_draw(canvas, p->legend, p->entries, at.width, top, bottom);
}

static pal_status write(plot *p, const char *path, pal_error *error)
{
    palt__picture picture = {PALT__PICTURE_WIDTH, PALT__PICTURE_HEIGHT, draw_one, p->panels->csv ? write_table : NULL,
                             p};
    p->legend = calloc(p->panels->series_count, sizeof *p->legend);
    if (p->legend == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    name_series(p);
    if (p->count > 1) {
        const palt__panels at = palt__panels_of(p->count, p->title);
        picture.width =
            ceil(at.width + palt__legend_width(p->legend, p->entries, PALT__PANEL_HEIGHT / 2.0) + PALT__MARGIN);
        picture.height = ceil(at.top + (double)at.rows * PALT__PANEL_HEIGHT);
        picture.draw = draw_all;
    }
    const pal_status status = palt__picture_write(&picture, path, error);
    free(p->legend);
    return status;
}

pal_status pal_curves_write(const pal_curves *given, const char *path, pal_error *error)
{
    pal_curves curves = {0};
    const pal_status status = check(given, &curves, path, error);
    return status == PAL_OK ? write(&(plot){.panels = &curves, .count = 1}, path, error) : status;
}

static bool same_series(const pal_curves *a, const pal_curves *b)
{
    bool same = a->series_count == b->series_count && (a->classes == NULL) == (b->classes == NULL) &&
                (a->shades == NULL) == (b->shades == NULL) && a->log_y == b->log_y && a->log_x == b->log_x &&
                (a->own_x == NULL) == (b->own_x == NULL);
    for (size_t s = 0; same && s < a->series_count; s++) same = !strcmp(a->series[s].name, b->series[s].name);
    return same;
}

pal_status pal_curves_panels_write(const pal_curves *const *given, size_t count, const char *title, const char *path,
                                   pal_error *error)
{
    pal_curves panels[PALT__PANELS] = {0};
    if (given == NULL || count < 1 || count > PALT__PANELS)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "curves: %zu panels: give 1 to %d", given == NULL ? 0 : count,
                             PALT__PANELS);
    for (size_t i = 0; i < count; i++) {
        const pal_status status = check(given[i], &panels[i], path, error);
        if (status != PAL_OK) return status;
        if (!same_series(&panels[0], &panels[i]))
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: panel %zu has other series than the first", path, i);
        if (count > 1 && panels[i].title == NULL) panels[i].title = "";
    }
    return write(&(plot){.panels = panels, .count = count, .title = title}, path, error);
}
