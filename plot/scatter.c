/* scatter.c - points coloured by class.
 *
 * The points are drawn in the order given, not class after class, so that no class hides another. Colours alone are not
 * relied on: each class has its number at the median of its points. */
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Distinct for colour-blind readers (after Paul Tol's muted scheme, with black). */
static const char *const colours[PAL_POINTS_CLASSES] = {
    "#332288", "#cc6677", "#117733", "#ddaa33", "#88ccee", "#882255", "#44aa99", "#777722", "#aa4499", "#222222",
};

static bool drawable(const pal_points *points, size_t i) { return isfinite(points->x[i]) && isfinite(points->y[i]); }

static int class_of(const pal_points *points, size_t i) { return points->classes == NULL ? -1 : points->classes[i]; }

static size_t points_of(const pal_points *points, int class)
{
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++) count += drawable(points, i) && class_of(points, i) == class;
    return count;
}

static pal_status check(const pal_points *points, const char *path, pal_error *error)
{
    size_t drawn = 0;
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "points: no path to write to");
    if (points->struct_size != sizeof *points)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: struct_size is %zu, not %zu", path, points->struct_size,
                             sizeof *points);
    if (points->count > 0 && (points->x == NULL || points->y == NULL))
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no coordinates", path);
    if (points->classes != NULL && (points->class_count == 0 || points->class_count > PAL_POINTS_CLASSES))
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %zu classes, and there are %d colours", path,
                             points->class_count, PAL_POINTS_CLASSES);
    for (size_t i = 0; i < points->count; i++) {
        drawn += drawable(points, i);
        if (points->classes != NULL && points->classes[i] >= points->class_count)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: point %zu is of class %d of %zu", path, i,
                                 points->classes[i], points->class_count);
    }
    if (drawn == 0) return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no finite point to draw", path);
    return PAL_OK;
}

static const char *label_or(const char *label, const char *otherwise) { return label == NULL ? otherwise : label; }

static void write_data(FILE *stream, const void *user)
{
    const pal_points *points = user;
    fputs("# ", stream);
    pal__gnuplot_heading(stream, label_or(points->x_label, "x"));
    putc(' ', stream);
    pal__gnuplot_heading(stream, label_or(points->y_label, "y"));
    fputs(" class\n", stream);
    for (size_t i = 0; i < points->count; i++) {
        pal__gnuplot_number(stream, points->x[i], ' ');
        pal__gnuplot_number(stream, points->y[i], ' ');
        fprintf(stream, "%d\n", class_of(points, i));
    }
}

static int ascending(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* Of one coordinate of a class that has points; room holds as many as there are points in all. */
static double median(const pal_points *points, const double *coordinate, int class, double *room)
{
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++)
        if (drawable(points, i) && class_of(points, i) == class) room[count++] = coordinate[i];
    qsort(room, count, sizeof *room, ascending);
    return room[count / 2];
}

static void write_legend(FILE *stream, const pal_points *points, double *room)
{
    fputs("set style textbox opaque noborder fillcolor rgb '#ffffff' margins 0.6, 0.4\n", stream);
    for (int k = 0; k < (int)points->class_count; k++) {
        if (points_of(points, k) == 0) continue;
        fprintf(stream, "set label '%d' at %.17g, %.17g center front boxed textcolor rgb '%s' font ',20'\n", k,
                median(points, points->x, k, room), median(points, points->y, k, room), colours[k]);
    }
}

static void write_script(FILE *stream, const void *user, const char *data)
{
    const pal_points *points = user;
    const double size = points->count > 3000 ? 0.35 : points->count > 500 ? 0.6 : 1;
    double *room = malloc(points->count * sizeof *room);
    pal__gnuplot_head(stream, points->title, label_or(points->x_label, "x"), label_or(points->y_label, "y"));
    fputs("set key outside right top Left reverse noenhanced samplen 1 spacing 1.25\n", stream);
    if (points->classes != NULL && room != NULL) write_legend(stream, points, room); /* without memory: no numbers */
    free(room);
    if (points->classes == NULL) {
        pal__gnuplot_setting(stream, "plot ", data, "");
        fprintf(stream, " using 1:2 with points pt 7 ps %g lc rgb '%s' notitle\n", size, colours[0]);
        return;
    }
    for (size_t k = 0; k < points->class_count; k++)
        fprintf(stream, "set linetype %zu lc rgb '%s' pt 7\n", k + 1, colours[k]);
    pal__gnuplot_setting(stream, "plot ", data, "");
    fprintf(stream, " using 1:2:($3 + 1) with points pt 7 ps %g lc variable notitle", size);
    for (size_t k = 0; k < points->class_count; k++) {
        if (points_of(points, (int)k) == 0) continue;
        char number[24], name[160];
        snprintf(number, sizeof number, "%zu", k);
        if (points->names == NULL)
            snprintf(name, sizeof name, "%s", number);
        else
            snprintf(name, sizeof name, "%s  %s", number, points->names[k]);
        fprintf(stream, ", \\\n     NaN with points pt 7 ps 1.4 lc rgb '%s' title ", colours[k]);
        pal__gnuplot_quote(stream, name);
    }
    putc('\n', stream);
}

pal_status pal_points_write(const pal_points *points, const char *path, bool *drawn, pal_error *error)
{
    if (drawn != NULL) *drawn = false;
    pal_status status = check(points, path, error);
    if (status != PAL_OK) return status;
    return pal__gnuplot_write(path, write_data, write_script, points, drawn, error);
}
