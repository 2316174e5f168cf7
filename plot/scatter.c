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
const char *const palt__class_colours[PAL_POINTS_CLASSES] = {
    "#332288", "#cc6677", "#117733", "#ddaa33", "#88ccee", "#882255", "#44aa99", "#777722", "#aa4499", "#222222",
};

enum { PALE = PAL_POINTS_CLASSES + 1 }; /* number of the first of the paler linetypes */

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

static pal_status check(const pal_points *points, const char *path, pal_error *error)
{
    size_t drawn = 0;
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "points: no path to write to");
    if (pal_options_read(NULL, points, sizeof *points, sizeof *points, path, error)) return PAL_ERR_ARGUMENT;
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

static void write_data(FILE *stream, const void *user)
{
    const pal_points *points = user;
    fputs("# ", stream);
    palt__gnuplot_heading(stream, label_or(points->x_label, "x"));
    putc(' ', stream);
    palt__gnuplot_heading(stream, label_or(points->y_label, "y"));
    fputs(" class\n", stream);
    for (size_t i = 0; i < points->count; i++) {
        palt__gnuplot_number(stream, points->x[i], ' ');
        palt__gnuplot_number(stream, points->y[i], ' ');
        fprintf(stream, "%d\n", class_of(points, i));
    }
    if (ellipses_of(points) > 0) fputs("\n\n# ellipses\n", stream);
    for (size_t i = 0; i < points->ellipse_count; i++)
        if (palt__ellipse_drawable(&points->ellipses[i]))
            palt__ellipse_write(stream, &points->ellipses[i], points->deviations > 0 ? points->deviations : 1);
}

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

/* ---- Positions of the class numbers --------------------------------------------------------------------------- */

/* Size of the box of a class number, as fractions of the extent of the points. A number with the space around it takes
 * 40 of about 800 by 600 pixels. The fractions are a little larger, because the axes show more than the extent. */
static const double box[2] = {0.055, 0.072};

typedef struct mark {
    int class;
    double at[2]; /* from 0 to 1 of the extent of the points */
} mark;

/* Moves two overlapping boxes apart, each by half the distance, along the axis on which less movement is needed.
 * At equal coordinates the lower class, a, moves left or down. */
static bool push_apart(mark *a, mark *b)
{
    double lack[2];
    for (int k = 0; k < 2; k++) lack[k] = box[k] - fabs(a->at[k] - b->at[k]);
    if (lack[0] < 1e-9 || lack[1] < 1e-9) return false;
    const int k = lack[0] / box[0] > lack[1] / box[1];
    const double step = (lack[k] / 2 + 1e-6) * (a->at[k] > b->at[k] ? 1 : -1);
    a->at[k] += step;
    b->at[k] -= step;
    return true;
}

static void spread(mark *numbers, int count)
{
    bool moved = true;
    for (int round = 0; moved && round < 1000; round++) {
        moved = false;
        for (int i = 0; i < count; i++)
            for (int j = 0; j < i; j++) moved |= push_apart(&numbers[j], &numbers[i]);
    }
}

static void extent_of(const pal_points *points, const double *coordinate, double *low, double *span)
{
    double high = -INFINITY;
    *low = INFINITY;
    for (size_t i = 0; i < points->count; i++) {
        if (!drawable(points, i)) continue;
        *low = fmin(*low, coordinate[i]);
        high = fmax(high, coordinate[i]);
    }
    *span = high > *low && isfinite(high - *low) ? high - *low : 1;
}

static void write_numbers(FILE *stream, const pal_points *points, double *room)
{
    const double *const coordinates[2] = {points->x, points->y};
    double low[2], span[2];
    mark numbers[PAL_POINTS_CLASSES];
    int count = 0;
    for (int k = 0; k < 2; k++) extent_of(points, coordinates[k], &low[k], &span[k]);
    for (int class = 0; class < (int)points->class_count; class ++) {
        if (points_of(points, class) == 0) continue;
        numbers[count].class = class;
        for (int k = 0; k < 2; k++)
            numbers[count].at[k] = (median(points, coordinates[k], class, room) - low[k]) / span[k];
        count++;
    }
    spread(numbers, count);
    fputs("set style textbox opaque noborder fillcolor rgb '#ffffff' margins 0.6, 0.4\n", stream);
    for (int i = 0; i < count; i++)
        fprintf(stream, "set label '%d' at %.17g, %.17g center front boxed textcolor rgb '%s' font ',20'\n",
                numbers[i].class, low[0] + numbers[i].at[0] * span[0], low[1] + numbers[i].at[1] * span[1],
                palt__class_colours[numbers[i].class]);
}

/* Defines linetype 1 + k in the colour of class k, and linetype PALE + k in a paler shade of it. */
static void write_linetypes(FILE *stream, size_t classes, bool pale)
{
    for (size_t k = 0; k < classes; k++)
        fprintf(stream, "set linetype %zu lc rgb '%s' pt 7\n", k + 1, palt__class_colours[k]);
    for (size_t k = 0; pale && k < classes; k++) {
        const unsigned long full = strtoul(palt__class_colours[k] + 1, NULL, 16);
        unsigned long mixed = 0;
        for (int shift = 0; shift < 24; shift += 8) mixed |= (255 - (255 - (full >> shift & 255)) * 2 / 5) << shift;
        fprintf(stream, "set linetype %zu lc rgb '#%06lx' pt 7\n", k + PALE, mixed);
    }
}

/* Writes the legend. */
static void write_class_names(FILE *stream, const pal_points *points)
{
    for (size_t k = 0; k < points->class_count; k++) {
        if (points_of(points, (int)k) == 0) continue;
        char number[24], name[160];
        snprintf(number, sizeof number, "%zu", k);
        if (points->names == NULL)
            snprintf(name, sizeof name, "%s", number);
        else
            snprintf(name, sizeof name, "%s  %s", number, points->names[k]);
        fprintf(stream, ", \\\n     NaN with points pt 7 ps 1.4 lc rgb '%s' title ", palt__class_colours[k]);
        palt__gnuplot_quote(stream, name);
    }
}

static void write_ellipses(FILE *stream, const pal_points *points, const char *data)
{
    palt__gnuplot_setting(stream, ", \\\n     ", data, " index 1");
    if (points->classes == NULL)
        fprintf(stream, " using 1:2 with lines lw 0.8 lc rgb '%s' notitle", palt__class_colours[0]);
    else
        fputs(" using 1:2:($3 + 1) with lines lw 0.8 lc variable notitle", stream);
}

static void write_script(FILE *stream, const void *user, const char *data)
{
    const pal_points *points = user;
    const double size = points->count > 3000 ? 0.35 : points->count > 500 ? 0.6 : 1;
    double *room = malloc(points->count * sizeof *room);
    palt__gnuplot_head(stream, points->title, label_or(points->x_label, "x"), label_or(points->y_label, "y"));
    fputs("set key outside right top Left reverse noenhanced samplen 1 spacing 1.25\n", stream);
    if (points->classes != NULL && room != NULL) write_numbers(stream, points, room); /* no memory: no numbers */
    free(room);
    const bool pale = ellipses_of(points) > 0;
    if (points->classes != NULL) write_linetypes(stream, points->class_count, pale);
    palt__gnuplot_setting(stream, "plot ", data, pale ? " index 0" : "");
    if (points->classes == NULL)
        fprintf(stream, " using 1:2 with points pt 7 ps %g lc rgb '%s' notitle", size,
                pale ? "#b9b7d2" : palt__class_colours[0]);
    else
        fprintf(stream, " using 1:2:($3 + %d) with points pt 7 ps %g lc variable notitle", pale ? PALE : 1, size);
    if (pale) write_ellipses(stream, points, data);
    if (points->classes != NULL) write_class_names(stream, points);
    if (pale && points->ellipse_name != NULL) {
        fputs(", \\\n     NaN with lines lw 0.8 lc rgb '#333333' title ", stream);
        palt__gnuplot_quote(stream, points->ellipse_name);
    }
    putc('\n', stream);
}

pal_status pal_points_write(const pal_points *points, const char *path, bool *drawn, pal_error *error)
{
    if (drawn != NULL) *drawn = false;
    pal_status status = check(points, path, error);
    if (status != PAL_OK) return status;
    return palt__gnuplot_write(path, PALT__PICTURE_WIDTH, PALT__PICTURE_HEIGHT, write_data, write_script, points, drawn,
                               error);
}
