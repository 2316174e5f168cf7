/* scatter.c - scatter plots: points coloured by class.
 *
 * The points are drawn in the order given, not class after class, so that no class hides another. Colour is not the
 * only sign of a class: its number is drawn at the median of its points, and is moved if it would hide another number.
 * Ellipses are drawn over the points, which then have paler colours. */
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Colours that colour-blind readers can distinguish (based on the muted scheme of Paul Tol, with black). */
const pal_colour palt__class_colours[PAL_POINTS_CLASSES] = {
    {51, 34, 136}, {204, 102, 119}, {17, 119, 51},  {221, 170, 51}, {136, 204, 238},
    {136, 34, 85}, {68, 170, 153},  {119, 119, 34}, {170, 68, 153}, {34, 34, 34},
};

static bool drawable(const pal_points *points, size_t i) { return isfinite(points->x[i]) && isfinite(points->y[i]); }

static int class_of(const pal_points *points, size_t i) { return points->classes == NULL ? -1 : points->classes[i]; }

static size_t points_of(const pal_points *points, int class)
{
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++) count += drawable(points, i) && class_of(points, i) == class;
    return count;
}

static size_t ellipses_of(const pal_points *points)
{
    size_t count = 0;
    for (size_t i = 0; i < points->ellipse_count; i++) count += palt__ellipse_drawable(&points->ellipses[i]);
    return count;
}

/* Copies the struct of the caller, which may be an older version of it, and checks it. */
static pal_status check(const pal_points *given, pal_points *points, const char *path, pal_error *error)
{
    size_t drawn = 0;
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "points: no path to write to");
    if (pal_options_read(points, given, sizeof *points, offsetof(pal_points, csv), path, error))
        return PAL_ERR_ARGUMENT;
    if (points->count > 0 && (points->x == NULL || points->y == NULL))
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no coordinates", path);
    if (points->classes != NULL && (points->class_count == 0 || points->class_count > PAL_POINTS_CLASSES))
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %zu classes: give 1 to %d, one per colour", path,
                             points->class_count, PAL_POINTS_CLASSES);
    for (size_t i = 0; i < points->count; i++) {
        drawn += drawable(points, i);
        if (points->classes != NULL && points->classes[i] >= points->class_count)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: point %zu has class %d of %zu", path, i,
                                 points->classes[i], points->class_count);
    }
    if ((points->ellipse_count > 0 && points->ellipses == NULL) || !(points->deviations >= 0))
        return pal_error_set(error, PAL_ERR_ARGUMENT,
                             "%s: ellipses missing, or a size of %g deviations: give 0 or more", path,
                             points->deviations);
    for (size_t i = 0; i < points->ellipse_count; i++)
        if (points->ellipses[i].of_class >= (points->classes == NULL ? 0 : (int)points->class_count))
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: ellipse %zu has class %d of %zu", path, i,
                                 points->ellipses[i].of_class, points->class_count);
    if (drawn == 0) return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no finite point to draw", path);
    return PAL_OK;
}

static const char *label_or(const char *label, const char *otherwise) { return label == NULL ? otherwise : label; }

static double deviations_of(const pal_points *points) { return points->deviations > 0 ? points->deviations : 1; }

typedef struct plot {
    pal_points panels[PALT__PANELS];
    size_t count;      /* 1: the plot is the whole picture */
    const char *title; /* above several panels */
    double *room;      /* for the medians */
} plot;

/* ---- The numbers ---------------------------------------------------------------------------------------------- */

static size_t all_ellipses(const plot *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) count += ellipses_of(&p->panels[i]);
    return count;
}

/* One line per point. If there are ellipses, one line follows for each; only these lines have a covariance. */
static void write_rows(FILE *stream, const plot *p, const pal_points *points)
{
    const char *panel = p->count > 1 ? points->title : NULL;
    for (size_t i = 0; i < points->count; i++) {
        if (panel) palt__csv_text(stream, panel, ',');
        palt__csv_number(stream, points->x[i], ',');
        palt__csv_number(stream, points->y[i], ',');
        fprintf(stream, all_ellipses(p) > 0 ? "%d,,,\n" : "%d\n", class_of(points, i));
    }
    for (size_t i = 0; i < points->ellipse_count; i++) {
        const pal_ellipse *e = &points->ellipses[i];
        if (!palt__ellipse_drawable(e)) continue;
        if (panel) palt__csv_text(stream, panel, ',');
        palt__csv_number(stream, e->x, ',');
        palt__csv_number(stream, e->y, ',');
        fprintf(stream, "%d,", e->of_class);
        palt__csv_number(stream, e->xx, ',');
        palt__csv_number(stream, e->xy, ',');
        palt__csv_number(stream, e->yy, '\n');
    }
}

static void write_table(FILE *stream, const void *user)
{
    const plot *p = user;
    const pal_points *first = &p->panels[0];
    if (p->count > 1) {
        fputs("panel,x,y,", stream);
    } else {
        palt__csv_text(stream, label_or(first->x_label, "x"), ',');
        palt__csv_text(stream, label_or(first->y_label, "y"), ',');
    }
    fputs(all_ellipses(p) > 0 ? "class,xx,xy,yy\n" : "class\n", stream);
    for (size_t i = 0; i < p->count; i++) write_rows(stream, p, &p->panels[i]);
}

/* ---- Positions of the class numbers --------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* Returns the median of one coordinate of a class, which must have points; room has space for all points. */
static double median(const pal_points *points, const double *coordinate, int class, double *room)
{
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++)
        if (drawable(points, i) && class_of(points, i) == class) room[count++] = coordinate[i];
    qsort(room, count, sizeof *room, ascending);
    return room[count / 2];
}

/* Width and height of the box of a class number, with the space around it, in pixels. */
static const double box[2] = {36, 38};
enum { NUMBER = 20 }; /* height of a digit */

typedef struct mark {
    int class;
    double at[2];
} mark;

/* Moves two overlapping boxes apart, each by half the distance, along the axis on which less movement is needed.
 * At equal coordinates the lower class, a, moves left or up. */
static bool push_apart(mark *a, mark *b)
{
    double lack[2];
    for (int k = 0; k < 2; k++) lack[k] = box[k] - fabs(a->at[k] - b->at[k]);
    if (lack[0] < 1e-6 || lack[1] < 1e-6) return false;
    const int k = lack[0] / box[0] > lack[1] / box[1];
    const double step = (lack[k] / 2 + 1e-3) * (a->at[k] > b->at[k] ? 1 : -1);
    a->at[k] += step;
    b->at[k] -= step;
    return true;
}

static void keep_inside(const palt__frame *f, mark *m)
{
    m->at[0] = fmin(fmax(m->at[0], f->left + box[0] / 2), f->right - box[0] / 2);
    m->at[1] = fmin(fmax(m->at[1], f->top + box[1] / 2), f->bottom - box[1] / 2);
}

static void spread(const palt__frame *f, mark *numbers, int count)
{
    bool moved = true;
    for (int round = 0; moved && round < 1000; round++) {
        moved = false;
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < i; j++) moved |= push_apart(&numbers[j], &numbers[i]);
            keep_inside(f, &numbers[i]);
        }
    }
}

static void draw_numbers(palt__canvas *canvas, const palt__frame *f, const pal_points *points, double *room)
{
    mark numbers[PAL_POINTS_CLASSES];
    int count = 0;
    for (int class = 0; class < (int)points->class_count; class ++) {
        if (points_of(points, class) == 0) continue;
        const double x = median(points, points->x, class, room), y = median(points, points->y, class, room);
        const palt__point at = palt__frame_at(f, x, y);
        numbers[count++] = (mark){class, {at.x, at.y}};
    }
    spread(f, numbers, count);
    for (int i = 0; i < count; i++) {
        const double x = numbers[i].at[0], y = numbers[i].at[1];
        const char digit[2] = {(char)('0' + numbers[i].class), '\0'};
        _Static_assert(PAL_POINTS_CLASSES <= 10, "a class has one digit");
        palt__canvas_rectangle(canvas, x - box[0] / 2 + 4, y - box[1] / 2 + 4, box[0] - 8, box[1] - 8);
        palt__canvas_fill(canvas, PALT__WHITE);
        palt__canvas_text(
            canvas, (palt__point){x, y}, digit, 1,
            (palt__letters){
                .height = NUMBER, .colour = palt__class_colours[numbers[i].class], .anchor = 0.5, .bold = true});
    }
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

static uint8_t paler(uint8_t level) { return (uint8_t)(255 - (255 - level) * 2 / 5); }

static pal_colour colour_of(int class, bool pale)
{
    const pal_colour full = palt__class_colours[class < 0 ? 0 : class];
    return pale ? (pal_colour){paler(full.red), paler(full.green), paler(full.blue)} : full;
}

/* All panels have the same classes. One without points is not named. */
static size_t name_classes(const plot *p, palt__entry *legend)
{
    size_t n = 0;
    const pal_points *first = &p->panels[0];
    for (size_t k = 0; first->classes != NULL && k < first->class_count; k++) {
        size_t points = 0;
        for (size_t i = 0; i < p->count; i++) points += points_of(&p->panels[i], (int)k);
        if (points == 0) continue;
        snprintf(legend[n].text, sizeof legend->text, first->names == NULL ? "%zu" : "%zu  %s", k,
                 first->names == NULL ? "" : first->names[k]);
        legend[n++].look = (palt__look){.pen = {.colour = palt__class_colours[k]}, .marker = 1, .size = 7};
    }
    if (all_ellipses(p) == 0 || first->ellipse_name == NULL) return n;
    snprintf(legend[n].text, sizeof legend->text, "%s", first->ellipse_name);
    legend[n].look = (palt__look){.pen = {.colour = PALT__INK, .width = 1.4}};
    return n + 1;
}

static void draw_ellipses(palt__canvas *canvas, const palt__frame *f, const pal_points *points)
{
    palt__point corners[PALT__ELLIPSE_CORNERS];
    for (size_t i = 0; i < points->ellipse_count; i++) {
        const pal_ellipse *e = &points->ellipses[i];
        if (!palt__ellipse_drawable(e)) continue;
        palt__ellipse_corners(e, deviations_of(points), corners);
        for (int k = 0; k < PALT__ELLIPSE_CORNERS; k++) corners[k] = palt__frame_at(f, corners[k].x, corners[k].y);
        palt__canvas_polygon(canvas, corners, PALT__ELLIPSE_CORNERS);
        palt__canvas_stroke(canvas, (palt__pen){colour_of(points->classes == NULL ? -1 : e->of_class, false), 1.4, 0});
    }
}

/* The axes show all points and all ellipses. */
static void take_extents(const pal_points *points, palt__frame *f)
{
    palt__point corners[PALT__ELLIPSE_CORNERS];
    f->x_extent = f->y_extent = PALT__NOTHING;
    for (size_t i = 0; i < points->count; i++) {
        if (!drawable(points, i)) continue;
        palt__extent_take(&f->x_extent, points->x[i]);
        palt__extent_take(&f->y_extent, points->y[i]);
    }
    for (size_t i = 0; i < points->ellipse_count; i++) {
        if (!palt__ellipse_drawable(&points->ellipses[i])) continue;
        palt__ellipse_corners(&points->ellipses[i], deviations_of(points), corners);
        for (int k = 0; k < PALT__ELLIPSE_CORNERS; k++) {
            palt__extent_take(&f->x_extent, corners[k].x);
            palt__extent_take(&f->y_extent, corners[k].y);
        }
    }
    f->x_extent.whole = f->y_extent.whole = false;
}

/* The frame has its place and its legend. */
static void draw_panel(palt__canvas *canvas, const plot *p, const pal_points *points, palt__frame *f)
{
    const double radius = points->count > 3000 ? 2 : points->count > 500 ? 3 : 5;
    const bool pale = ellipses_of(points) > 0;
    f->title = points->title;
    f->x_label = label_or(points->x_label, "x");
    f->y_label = label_or(points->y_label, "y");
    take_extents(points, f);
    palt__frame_make(f);
    palt__frame_draw(canvas, f);
    for (size_t i = 0; i < points->count; i++)
        if (drawable(points, i))
            palt__canvas_dot(canvas, palt__frame_at(f, points->x[i], points->y[i]), radius,
                             colour_of(class_of(points, i), pale));
    draw_ellipses(canvas, f, points);
    if (points->classes != NULL) draw_numbers(canvas, f, points, p->room);
}

static void draw_one(palt__canvas *canvas, const void *user)
{
    const plot *p = user;
    palt__entry legend[PAL_POINTS_CLASSES + 1] = {0};
    palt__frame f = {.legend = legend, .entries = name_classes(p, legend)};
    draw_panel(canvas, p, &p->panels[0], &f);
}

static void draw_all(palt__canvas *canvas, const void *user)
{
    const plot *p = user;
    const palt__panels at = palt__panels_of(p->count, p->title);
    palt__entry legend[PAL_POINTS_CLASSES + 1] = {0};
    double top = 0, bottom = 0;
    palt__title_draw(canvas, p->title, at.width / 2, PALT__MARGIN, at.width - 2 * PALT__MARGIN);
    for (size_t i = 0; i < p->count; i++) {
        palt__frame f = palt__panel_frame(&at, i);
        draw_panel(canvas, p, &p->panels[i], &f);
        if (i == 0) top = f.top;
        if (i == 0) bottom = f.bottom;
    }
    palt__legend_draw(canvas, legend, name_classes(p, legend), at.width, top, bottom);
}

static pal_status write(plot *p, const char *path, pal_error *error)
{
    size_t most = 0;
    for (size_t i = 0; i < p->count; i++) most = p->panels[i].count > most ? p->panels[i].count : most;
    p->room = malloc(most * sizeof *p->room);
    if (p->room == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    palt__picture picture = {.width = PALT__PICTURE_WIDTH, .height = PALT__PICTURE_HEIGHT, .draw = draw_one, .user = p};
    if (p->count > 1) {
        palt__entry legend[PAL_POINTS_CLASSES + 1] = {0};
        const palt__panels at = palt__panels_of(p->count, p->title);
        picture.width = ceil(at.width + palt__legend_width(legend, name_classes(p, legend), PALT__PANEL_HEIGHT / 2.0) +
                             PALT__MARGIN);
        picture.height = ceil(at.top + (double)at.rows * PALT__PANEL_HEIGHT);
        picture.draw = draw_all;
    }
    if (p->panels[0].csv) picture.table = write_table;
    const pal_status status = palt__picture_write(&picture, path, error);
    free(p->room);
    return status;
}

pal_status pal_points_write(const pal_points *given, const char *path, pal_error *error)
{
    plot p = {.count = 1};
    const pal_status status = check(given, &p.panels[0], path, error);
    return status == PAL_OK ? write(&p, path, error) : status;
}

pal_status pal_points_panels_write(const pal_points *const *given, size_t count, const char *title, const char *path,
                                   pal_error *error)
{
    plot p = {.count = count, .title = title};
    if (given == NULL || count < 1 || count > PALT__PANELS)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "points: %zu panels: give 1 to %d", given == NULL ? 0 : count,
                             PALT__PANELS);
    for (size_t i = 0; i < count; i++) {
        const pal_status status = check(given[i], &p.panels[i], path, error);
        if (status != PAL_OK) return status;
        if ((p.panels[i].classes == NULL) != (p.panels[0].classes == NULL) ||
            p.panels[i].class_count != p.panels[0].class_count)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: panel %zu has other classes than the first", path, i);
        if (count > 1 && p.panels[i].title == NULL) p.panels[i].title = "";
    }
    return write(&p, path, error);
}
