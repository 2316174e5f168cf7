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
    const pal_curves *curves;
    palt__entry *legend;
} plot;

/* ---- The numbers ---------------------------------------------------------------------------------------------- */

static const char *x_label(const pal_curves *curves) { return curves->x_label == NULL ? "epoch" : curves->x_label; }
static const char *y_label(const pal_curves *curves) { return curves->y_label == NULL ? "loss" : curves->y_label; }

static void write_points(FILE *stream, const pal_curves *curves)
{
    palt__csv_text(stream, "series", ',');
    palt__csv_text(stream, x_label(curves), ',');
    palt__csv_text(stream, y_label(curves), '\n');
    for (size_t s = 0; s < curves->series_count; s++)
        for (size_t i = 0; i < count_of(curves, s); i++) {
            palt__csv_text(stream, curves->series[s].name, ',');
            palt__csv_number(stream, x_of(curves, s, i), ',');
            palt__csv_number(stream, curves->series[s].y[i], '\n');
        }
}

static void write_table(FILE *stream, const void *user)
{
    const pal_curves *curves = ((const plot *)user)->curves;
    if (curves->own_x != NULL) {
        write_points(stream, curves);
        return;
    }
    palt__csv_text(stream, x_label(curves), ',');
    for (size_t s = 0; s < curves->series_count; s++)
        palt__csv_text(stream, curves->series[s].name, s + 1 < curves->series_count ? ',' : '\n');
    for (size_t i = 0; i < curves->count; i++) {
        palt__csv_number(stream, curves->x[i], ',');
        for (size_t s = 0; s < curves->series_count; s++)
            palt__csv_number(stream, curves->series[s].y[i], s + 1 < curves->series_count ? ',' : '\n');
    }
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

static palt__look look_of(const pal_curves *curves, size_t s)
{
    const int class = curves->classes == NULL ? -1 : curves->classes[s];
    palt__look look = looks[s % LOOKS];
    if (curves->classes != NULL && class < 0) return (palt__look){.pen = {{0, 0, 0}, 5, 0}};
    if (class >= 0) look = (palt__look){{palt__class_colours[class], 2, 0}, 1 + class, 4.5};
    if (points_of(curves, s) > MARKED_POINTS) look.marker = 0;
    return look;
}

/* The line is not interrupted where a value is missing. */
static void draw_series(palt__canvas *canvas, const palt__frame *f, const pal_curves *curves, size_t s)
{
    const palt__look look = look_of(curves, s);
    bool begun = false;
    for (size_t i = 0; i < count_of(curves, s); i++) {
        if (!drawable(curves, s, i)) continue;
        (begun ? palt__canvas_line : palt__canvas_move)(canvas,
                                                        palt__frame_at(f, x_of(curves, s, i), curves->series[s].y[i]));
        begun = true;
    }
    palt__canvas_stroke(canvas, look.pen);
    for (size_t i = 0; i < count_of(curves, s); i++)
        if (drawable(curves, s, i))
            palt__marker(canvas, palt__frame_at(f, x_of(curves, s, i), curves->series[s].y[i]), look);
}

static void draw(palt__canvas *canvas, const void *user)
{
    const plot *p = user;
    const pal_curves *curves = p->curves;
    palt__frame f = {.title = curves->title,
                     .x_label = x_label(curves),
                     .y_label = y_label(curves),
                     .legend = p->legend,
                     .x_extent = PALT__NOTHING,
                     .y_extent = PALT__NOTHING,
                     .log_x = curves->log_x,
                     .log_y = curves->log_y};
    for (size_t s = 0; s < curves->series_count; s++) {
        if (points_of(curves, s) == 0) continue;
        palt__entry *entry = &p->legend[f.entries++];
        snprintf(entry->text, sizeof entry->text, "%s", curves->series[s].name);
        entry->look = look_of(curves, s);
        for (size_t i = 0; i < count_of(curves, s); i++) {
            if (!drawable(curves, s, i)) continue;
            palt__extent_take(&f.x_extent, x_of(curves, s, i));
            palt__extent_take(&f.y_extent, curves->series[s].y[i]);
        }
    }
    palt__frame_make(&f);
    palt__frame_draw(canvas, &f);
    for (size_t s = 0; s < curves->series_count; s++) draw_series(canvas, &f, curves, s);
}

pal_status pal_curves_write(const pal_curves *given, const char *path, pal_error *error)
{
    pal_curves curves = {0};
    pal_status status = check(given, &curves, path, error);
    if (status != PAL_OK) return status;
    plot p = {&curves, calloc(curves.series_count, sizeof *p.legend)};
    if (p.legend == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    const palt__picture picture = {PALT__PICTURE_WIDTH, PALT__PICTURE_HEIGHT, draw, curves.csv ? write_table : NULL,
                                   &p};
    status = palt__picture_write(&picture, path, error);
    free(p.legend);
    return status;
}
