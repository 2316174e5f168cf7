/* curve.c - writes the data and gnuplot commands of training curves; gnuplot.c writes the files and runs gnuplot. */
#include "plot/internal.h"

#include <math.h>
#include <string.h>

/* One line style and one mark per series, used in turn. Colour-blind readers can distinguish them, and they are dark
 * enough in print. */
static const char *const styles[] = {
    "lc rgb '#0f5fa8' pt 7",       "lc rgb '#d1495b' pt 5",       "lc rgb '#2e8b57' pt 9",
    "lc rgb '#e09f3e' pt 11",      "lc rgb '#6a4c93' pt 13",      "lc rgb '#444444' pt 6",
    "lc rgb '#56b4e9' pt 4 dt 2",  "lc rgb '#cc79a7' pt 8 dt 2",  "lc rgb '#8a5a2b' pt 10 dt 2",
    "lc rgb '#999933' pt 12 dt 2", "lc rgb '#000000' pt 14 dt 2",
};
enum { STYLES = sizeof styles / sizeof styles[0], MARKED_POINTS = 40, KEY_INSIDE = 6, SERIES_LIMIT = 1000 };

static bool drawable(const pal_curves *curves, size_t i, size_t series)
{
    return isfinite(curves->x[i]) && isfinite(curves->series[series].y[i]);
}

static size_t points_of(const pal_curves *curves, size_t series)
{
    size_t points = 0;
    for (size_t i = 0; i < curves->count; i++) points += drawable(curves, i, series);
    return points;
}

static pal_status check(const pal_curves *curves, const char *path, pal_error *error)
{
    size_t points = 0;
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "curves: no path to write to");
    if (pal_options_read(NULL, curves, sizeof *curves, sizeof *curves, path, error)) return PAL_ERR_ARGUMENT;
    if (curves->series == NULL || curves->series_count == 0 || curves->series_count > SERIES_LIMIT)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %zu curves: give 1 to %d", path, curves->series_count,
                             SERIES_LIMIT);
    for (size_t s = 0; s < curves->series_count; s++) {
        const pal_series *series = &curves->series[s];
        if (series->name == NULL || (curves->count > 0 && (curves->x == NULL || series->y == NULL)))
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: curve %zu has no name or no values", path, s);
        if (curves->classes != NULL && curves->classes[s] >= PAL_POINTS_CLASSES)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: class %d has no colour: give -1 to %d", path,
                                 curves->classes[s], PAL_POINTS_CLASSES - 1);
        points += points_of(curves, s);
        for (size_t i = 0; curves->log_y && i < curves->count; i++)
            if (drawable(curves, i, s) && series->y[i] <= 0)
                return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %s is %g, which has no logarithm", path,
                                     series->name, series->y[i]);
    }
    if (points == 0) return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no finite point to draw", path);
    return PAL_OK;
}

/* ---- The data ------------------------------------------------------------------------------------------------- */

static void write_data(FILE *stream, const void *user)
{
    const pal_curves *curves = user;
    fputs("# ", stream);
    palt__gnuplot_heading(stream, curves->x_label == NULL ? "epoch" : curves->x_label);
    for (size_t s = 0; s < curves->series_count; s++) {
        putc(' ', stream);
        palt__gnuplot_heading(stream, curves->series[s].name);
    }
    putc('\n', stream);
    for (size_t i = 0; i < curves->count; i++) {
        palt__gnuplot_number(stream, curves->x[i], ' ');
        for (size_t s = 0; s < curves->series_count; s++)
            palt__gnuplot_number(stream, curves->series[s].y[i], s + 1 < curves->series_count ? ' ' : '\n');
    }
}

/* ---- The script ----------------------------------------------------------------------------------------------- */

typedef struct extent {
    double low, high;
    bool whole; /* all values are whole numbers */
} extent;

static void take(extent *e, double value)
{
    e->low = fmin(e->low, value);
    e->high = fmax(e->high, value);
    e->whole &= value == floor(value);
}

/* A few epochs get no tics between whole numbers. A single epoch is centred. */
static void write_x_axis(FILE *stream, extent x)
{
    fputs("set autoscale xfix\n", stream);
    if (x.low == x.high) fprintf(stream, "set xrange [%.17g:%.17g]\n", x.low - 1, x.high + 1);
    if (x.whole && x.high - x.low < 10) fputs("set xtics 1\n", stream);
    if (x.whole && x.high - x.low >= 10) /* start at the first value, not before it (such as at rank 0), and label it */
        fprintf(stream, "set offsets 0, graph 0.02, graph 0.05, graph 0.05\nset xtics add (%.17g)\n", x.low);
}

/* Logarithmic tics are at powers of ten. A narrow range may contain none; it gets round numbers at equal distances. */
static void write_log_axis(FILE *stream, extent y)
{
    double span = y.high - y.low, step = pow(10, floor(log10(span / 4)));
    fputs("set logscale y\nset autoscale yfix\n", stream);
    if (y.high / y.low >= 20 || !isfinite(span) || span <= y.low * 1e-9) {
        fputs("set mytics 10\nset grid mytics\nset format y '%g'\n", stream);
        return;
    }
    if (span / step > 20) step *= 5;
    if (span / step > 8) step *= 2;
    fputs("set ytics (", stream);
    for (double k = floor(y.low / step); k <= ceil(y.high / step); k++)
        fprintf(stream, "%s%.10g", k > floor(y.low / step) ? ", " : "", fmax(k, 0.1) * step);
    fputs(")\n", stream);
}

static void write_axes(FILE *stream, const pal_curves *curves)
{
    extent x = {INFINITY, -INFINITY, true}, y = x;
    for (size_t s = 0; s < curves->series_count; s++)
        for (size_t i = 0; i < curves->count; i++) {
            if (!drawable(curves, i, s)) continue;
            take(&x, curves->x[i]);
            take(&y, curves->series[s].y[i]);
        }
    write_x_axis(stream, x);
    if (curves->log_y) write_log_axis(stream, y);
}

static void write_style(FILE *stream, const pal_curves *curves, size_t s, bool marked)
{
    const int class = curves->classes == NULL ? -1 : curves->classes[s];
    const char *lines = marked ? "linespoints" : "lines";
    if (curves->classes == NULL)
        fprintf(stream, "%s %s lw 1.4", lines, styles[s % STYLES]);
    else if (class < 0)
        fprintf(stream, "lines lc rgb '#000000' lw 3.5");
    else
        fprintf(stream, "%s lc rgb '%s' pt %d lw 1.2", lines, palt__class_colours[class], 4 + class);
}

static void write_script(FILE *stream, const void *user, const char *data)
{
    const pal_curves *curves = user;
    palt__gnuplot_head(stream, curves->title, curves->x_label == NULL ? "epoch" : curves->x_label,
                       curves->y_label == NULL ? "loss" : curves->y_label);
    /* A long legend would hide the curves, so it goes outside. */
    fputs(curves->series_count > KEY_INSIDE
              ? "set key outside right top Left reverse noenhanced samplen 4 spacing 1.25\n"
              : "set key top right Left reverse opaque noenhanced samplen 2.5 spacing "
                "1.25 box lc rgb '#dddddd' height 0.4\nset rmargin 4\n",
          stream);
    fputs("set pointsize 0.9\n", stream);
    write_axes(stream, curves);
    const char *separator = "plot ";
    for (size_t s = 0; s < curves->series_count; s++) {
        size_t points = points_of(curves, s);
        if (points == 0) continue; /* gnuplot reports an error for a column without a number */
        palt__gnuplot_setting(stream, separator, data, "");
        fprintf(stream, " using 1:%zu with ", s + 2);
        write_style(stream, curves, s, points <= MARKED_POINTS);
        fputs(" title ", stream);
        palt__gnuplot_quote(stream, curves->series[s].name);
        separator = ", \\\n     ";
    }
    putc('\n', stream);
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

pal_status pal_curves_write(const pal_curves *curves, const char *path, bool *drawn, pal_error *error)
{
    if (drawn != NULL) *drawn = false;
    pal_status status = check(curves, path, error);
    if (status != PAL_OK) return status;
    return palt__gnuplot_write(path, PALT__PICTURE_WIDTH, PALT__PICTURE_HEIGHT, write_data, write_script, curves, drawn,
                               error);
}
