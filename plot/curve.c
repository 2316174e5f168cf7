/* curve.c - training curves as data, a gnuplot script, and (where gnuplot is) the picture.
 *
 * NAME.dat and NAME.gnuplot always appear beside NAME.png. The script names both without a path and draws the picture
 * again when it is run by hand in its folder.
 */
#include "plot/internal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One line and one mark a series, in turn: distinct for colour-blind readers too, and dark enough in print. */
static const char *const styles[] = {
    "lc rgb '#0f5fa8' pt 7",  "lc rgb '#d1495b' pt 5",  "lc rgb '#2e8b57' pt 9",
    "lc rgb '#e09f3e' pt 11", "lc rgb '#6a4c93' pt 13", "lc rgb '#444444' pt 6",
};
enum { STYLES = sizeof styles / sizeof styles[0], MARKED_POINTS = 40, SERIES_LIMIT = 1000 };

typedef struct names { /* of the files, beside each other */
    char *data, *script;
} names;

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
    if (curves->struct_size != sizeof *curves)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: struct_size is %zu, not %zu", path, curves->struct_size,
                             sizeof *curves);
    if (curves->series == NULL || curves->series_count == 0 || curves->series_count > SERIES_LIMIT)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %zu curves", path, curves->series_count);
    for (size_t s = 0; s < curves->series_count; s++) {
        const pal_series *series = &curves->series[s];
        if (series->name == NULL || (curves->count > 0 && (curves->x == NULL || series->y == NULL)))
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: curve %zu has no name or no values", path, s);
        points += points_of(curves, s);
        for (size_t i = 0; curves->log_y && i < curves->count; i++)
            if (drawable(curves, i, s) && series->y[i] <= 0)
                return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: %s is %g, which has no logarithm", path,
                                     series->name, series->y[i]);
    }
    if (points == 0) return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: no finite point to draw", path);
    return PAL_OK;
}

/* ---- The data ---------------------------------------------------------------------------------------------------- */

/* A heading is one word. */
static void write_heading(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) putc((unsigned char)*text <= 32 ? '_' : *text, stream);
}

/* Every digit that the number has; anything not finite is gnuplot's missing value. */
static void write_number(FILE *stream, double value, char end)
{
    if (isfinite(value))
        fprintf(stream, "%.17g%c", value, end);
    else
        fprintf(stream, "nan%c", end);
}

static void write_data(FILE *stream, const pal_curves *curves)
{
    fputs("# ", stream);
    write_heading(stream, curves->x_label == NULL ? "epoch" : curves->x_label);
    for (size_t s = 0; s < curves->series_count; s++) {
        putc(' ', stream);
        write_heading(stream, curves->series[s].name);
    }
    putc('\n', stream);
    for (size_t i = 0; i < curves->count; i++) {
        write_number(stream, curves->x[i], ' ');
        for (size_t s = 0; s < curves->series_count; s++)
            write_number(stream, curves->series[s].y[i], s + 1 < curves->series_count ? ' ' : '\n');
    }
}

/* ---- The script -------------------------------------------------------------------------------------------------- */

/* "before 'text' after" */
static void write_setting(FILE *stream, const char *before, const char *text, const char *after)
{
    fputs(before, stream);
    pal__gnuplot_quote(stream, text);
    fputs(after, stream);
}

typedef struct extent {
    double low, high;
    bool whole; /* all are whole numbers */
} extent;

static void take(extent *e, double value)
{
    e->low = fmin(e->low, value);
    e->high = fmax(e->high, value);
    e->whole &= value == floor(value);
}

/* A few epochs have no tics between them, and a single one stands in the middle. */
static void write_x_axis(FILE *stream, extent x)
{
    fputs("set autoscale xfix\n", stream);
    if (x.low == x.high) fprintf(stream, "set xrange [%.17g:%.17g]\n", x.low - 1, x.high + 1);
    if (x.whole && x.high - x.low < 10) fputs("set xtics 1\n", stream);
}

/* Logarithmic tics are powers of ten, of which a narrow range may have none: there, round numbers at even distances. */
static void write_log_axis(FILE *stream, extent y)
{
    double span = y.high - y.low, step = pow(10, floor(log10(span / 4)));
    fputs("set logscale y\nset autoscale yfix\n", stream);
    if (y.high / y.low >= 20 || !isfinite(span) || span <= y.low * 1e-9) {
        fputs("set mytics 10\nset grid mytics\n", stream);
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

static void write_script(FILE *stream, const pal_curves *curves, const char *picture, const char *data)
{
    fputs("# Draws the picture from the data beside it: run gnuplot on this file in its folder.\n", stream);
    write_setting(stream, "if (!exists('output')) output = ", picture, "\n");
    fputs("if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
          "    set terminal pngcairo size 1280,800 font 'Sans,17' linewidth 2 noenhanced background '#ffffff'\n"
          "} else {\n"
          "    set terminal png size 1280,800 large linewidth 2 noenhanced\n"
          "}\n"
          "set output output\n"
          "set encoding utf8\n"
          "set datafile missing 'nan'\n",
          stream);
    if (curves->title != NULL) write_setting(stream, "set title ", curves->title, " noenhanced font ',20'\n");
    write_setting(stream, "set xlabel ", curves->x_label == NULL ? "epoch" : curves->x_label, " noenhanced\n");
    write_setting(stream, "set ylabel ", curves->y_label == NULL ? "loss" : curves->y_label, " noenhanced\n");
    fputs("set border 3 lc rgb '#333333'\n"
          "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
          "set grid xtics ytics lc rgb '#dddddd' lt 1 lw 0.5\n"
          "set key top right Left reverse opaque noenhanced samplen 2.5 spacing 1.25 box lc rgb '#dddddd' height 0.4\n"
          "set rmargin 4\n"
          "set offsets graph 0.02, graph 0.02, graph 0.05, graph 0.05\n"
          "set pointsize 0.9\n",
          stream);
    write_axes(stream, curves);
    const char *separator = "plot ";
    for (size_t s = 0; s < curves->series_count; s++) {
        size_t points = points_of(curves, s);
        if (points == 0) continue; /* gnuplot takes a column without a number for an error */
        write_setting(stream, separator, data, "");
        fprintf(stream, " using 1:%zu with %s %s lw 1.4 title ", s + 2,
                points <= MARKED_POINTS ? "linespoints" : "lines", styles[s % STYLES]);
        pal__gnuplot_quote(stream, curves->series[s].name);
        separator = ", \\\n     ";
    }
    putc('\n', stream);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static pal_status write_files(const pal_curves *curves, const char *path, names beside, pal_error *error)
{
    pal__file file;
    pal_status status = pal__file_begin(&file, beside.data, error);
    if (status != PAL_OK) return status;
    write_data(file.stream, curves);
    status = pal__file_end(&file, PAL_OK, error);
    if (status == PAL_OK) status = pal__file_begin(&file, beside.script, error);
    if (status != PAL_OK) return status;
    write_script(file.stream, curves, pal__last_part(path), pal__last_part(beside.data));
    return pal__file_end(&file, PAL_OK, error);
}

/* Numbers have a decimal point whatever the host's language; the locale of this thread alone is changed meanwhile. */
static pal_status write_plainly(const pal_curves *curves, const char *path, names beside, pal_error *error)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    locale_t before = uselocale(plain);
    pal_status status = write_files(curves, path, beside, error);
    uselocale(before);
    freelocale(plain);
    return status;
}

pal_status pal_curves_write(const pal_curves *curves, const char *path, bool *drawn, pal_error *error)
{
    bool done = false;
    pal_status status = check(curves, path, error);
    if (drawn != NULL) *drawn = false;
    if (status != PAL_OK) return status;
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".png") == 0) length -= 4;
    char *stem = strndup(path, length);
    names beside = {NULL, NULL};
    if (stem != NULL)
        beside = (names){pal__join(stem, ".dat", (char *)NULL), pal__join(stem, ".gnuplot", (char *)NULL)};
    if (beside.data == NULL || beside.script == NULL)
        status = pal_error_set(error, PAL_ERR_MEMORY, "%s: no memory", path);
    else
        status = write_plainly(curves, path, beside, error);
    if (status == PAL_OK) status = pal__gnuplot_run(beside.script, path, &done, error);
    free(stem);
    free(beside.data);
    free(beside.script);
    if (drawn != NULL) *drawn = done;
    return status;
}
