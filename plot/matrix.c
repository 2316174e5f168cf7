/* matrix.c - confusion matrices side by side: counts in tiles, names at two sides, recall and precision at the others.
 *
 * The colour of a tile shows the square root of its share of the samples of the label; with the root, rare errors are
 * visible next to shares near 1. Correct answers are blue and wrong answers are red, so that a dark diagonal does not
 * hide the errors. Both scales start at white and are equally dark for the same share. */
#include "plot/internal.h"

#include <math.h>
#include <string.h>

enum {
    CLASSES = 256,
    PANELS = 16,
    MARGIN = 24,
    NUMBERED = 26, /* up to this number of classes, counts are written in the tiles */
    TILE = 48,     /* largest height of a tile */
    NARROW = 66,   /* smallest width of a tile with a number in it */
    WIDE = 104,    /* largest width of a tile if there is one matrix */
    SEVERAL = 70,  /* largest width of a tile if there are several matrices */
    SIDE = 900,    /* side of a matrix with more classes than NUMBERED */
    BESIDE = 78,   /* width of the recall column, to the right of a matrix */
    BETWEEN = 24,  /* space between two matrices */
    TEXT = 15,     /* font sizes, in the units of palt__gnuplot_title */
    SMALL = 13,
    DARK = 55, /* hundredths of the colour scale above which text is white */
};

typedef struct layout { /* in pixels */
    const pal_matrix *matrix;
    int classes, step;       /* step: every step-th class is named */
    double tile, height;     /* of a tile: width, height */
    double names, above;     /* space for the row names, and for the column names */
    double left;             /* left edge of the first matrix */
    int digits, title_lines; /* digits: font size of the counts */
    int width, whole;        /* width and height of the picture */
    bool turned;             /* column names are rotated by 90 degrees */
} layout;

static int64_t count_at(const pal_matrix *m, size_t panel, int label, int answer)
{
    return m->panels[panel].counts[(size_t)label * m->classes + (size_t)answer];
}

static int64_t row_of(const pal_matrix *m, size_t panel, int label)
{
    int64_t sum = 0;
    for (int k = 0; k < (int)m->classes; k++) sum += count_at(m, panel, label, k);
    return sum;
}

static int64_t column_of(const pal_matrix *m, size_t panel, int answer)
{
    int64_t sum = 0;
    for (int k = 0; k < (int)m->classes; k++) sum += count_at(m, panel, k, answer);
    return sum;
}

static pal_status check(const pal_matrix *m, const char *path, pal_error *error)
{
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "matrix: no path to write to");
    if (pal_options_read(NULL, m, sizeof *m, sizeof *m, path, error)) return PAL_ERR_ARGUMENT;
    if (m->classes == 0 || m->classes > CLASSES || m->panels == NULL || m->panel_count == 0 || m->panel_count > PANELS)
        return pal_error_set(error, PAL_ERR_ARGUMENT,
                             "%s: %zu matrices of %zu classes: give 1 to %d matrices of 1 to %d classes", path,
                             m->panel_count, m->classes, PANELS, CLASSES);
    for (size_t p = 0; p < m->panel_count; p++) {
        if (m->panels[p].counts == NULL)
            return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: matrix %zu has no counts", path, p);
        for (size_t i = 0; i < m->classes * m->classes; i++)
            if (m->panels[p].counts[i] < 0)
                return pal_error_set(error, PAL_ERR_ARGUMENT, "%s: a count is %lld: give 0 or more", path,
                                     (long long)m->panels[p].counts[i]);
    }
    return PAL_OK;
}

/* ---- Layout --------------------------------------------------------------------------------------------------- */

static const char *name_of(const pal_matrix *m, int class, char room[24])
{
    if (m->names != NULL) return m->names[class];
    snprintf(room, 24, "%d", class);
    return room;
}

static double width_of(const char *text, int size)
{
    return (double)pal_text_width(text, (pal_text_style){.height = size});
}

static layout lay_out(const pal_matrix *m)
{
    char room[24];
    layout l = {.matrix = m, .classes = (int)m->classes};
    const double n = (double)m->classes, widest = m->panel_count > 1 ? SEVERAL : WIDE;
    double column_names = 0;
    l.names = width_of("precision", SMALL);
    for (int k = 0; k < l.classes; k++) {
        l.names = fmax(l.names, width_of(name_of(m, k, room), TEXT));
        column_names = fmax(column_names, width_of(name_of(m, k, room), SMALL));
    }
    const bool few = m->classes <= NUMBERED;
    l.tile = few ? fmin(fmax(column_names + 12, NARROW), widest) : SIDE / n;
    l.height = few ? fmin(TILE, 1.2 * SIDE / n) : SIDE / n;
    if (few && m->classes > 12) l.tile = fmin(l.tile, NARROW);
    l.step = (int)ceil(20 / l.height);
    l.turned = column_names + 6 > l.tile * l.step;
    l.above = l.turned ? column_names + 8 : 20;
    l.width = (int)(2 * MARGIN + 30 + l.names + 12 + (double)m->panel_count * (n * l.tile + BESIDE + BETWEEN));
    l.left = MARGIN + 30 + l.names + 12;
    if (l.width < 700) {
        l.left += (700 - l.width) / 2;
        l.width = 700;
    }
    int64_t most = 0;
    for (size_t i = 0; i < m->panel_count * m->classes * m->classes; i++) {
        const int64_t *counts = m->panels[i / (m->classes * m->classes)].counts;
        most = counts[i % (m->classes * m->classes)] > most ? counts[i % (m->classes * m->classes)] : most;
    }
    snprintf(room, sizeof room, "%lld", (long long)most);
    l.digits = (int)fmin(TEXT, floor(TEXT * 0.82 * l.tile / width_of(room, TEXT)));
    l.title_lines = m->title == NULL ? 0 : palt__gnuplot_title_lines(m->title, l.width - 4 * MARGIN);
    l.whole = (int)(2 * MARGIN + 36 * l.title_lines + 62 + l.above + n * l.height + 44);
    return l;
}

/* ---- The data ------------------------------------------------------------------------------------------------- */

static void write_data(FILE *stream, const void *user)
{
    const pal_matrix *m = ((const layout *)user)->matrix;
    for (size_t p = 0; p < m->panel_count; p++) {
        fputs(p > 0 ? "\n\n# label answer count share_of_label" : "# label answer count share_of_label", stream);
        if (m->panels[p].title != NULL) {
            fputs(": ", stream);
            palt__gnuplot_heading(stream, m->panels[p].title);
        }
        putc('\n', stream);
        for (int i = 0; i < (int)m->classes; i++) {
            const int64_t all = row_of(m, p, i);
            for (int k = 0; k < (int)m->classes; k++) {
                const int64_t count = count_at(m, p, i, k);
                fprintf(stream, "%d %d %lld ", i, k, (long long)count);
                palt__gnuplot_number(stream, all > 0 ? (double)count / (double)all : 0, '\n');
            }
        }
    }
}

/* ---- The script ----------------------------------------------------------------------------------------------- */

/* The palette has the same steps as the map in colour.c, so that colours between two steps are mixed the same way. */
static void write_palette(FILE *stream)
{
    const char *separator = "set palette defined (";
    for (int i = -8; i <= 8; i++) {
        const pal_colour c = pal_colour_diverging(i / 8.0);
        fprintf(stream, "%s%d '#%02x%02x%02x'", separator, i, c.red, c.green, c.blue);
        separator = i % 4 ? ", " : ", \\\n    ";
    }
    fputs(")\nset cbrange [-1:1]\nunset colorbox\n", stream);
}

/* Writes a text at column x and row y; whole numbers are the middle of a tile. more: gnuplot options of the label. */
static void write_text(FILE *stream, const char *text, double x, double y, const char *more, int size,
                       const char *colour)
{
    palt__gnuplot_setting(stream, "set label ", text, " at ");
    fprintf(stream, "%.4f, %.4f %s noenhanced font ',%d' textcolor rgb '%s'\n", x, y, more, size, colour);
}

static void write_percent(FILE *stream, int64_t of, int64_t all, double x, double y, bool bold)
{
    char text[32] = "-";
    if (all > 0) snprintf(text, sizeof text, "%.1f%%", 100 * (double)of / (double)all);
    write_text(stream, text, x, y, "center", SMALL, bold ? "#000000" : "#555555");
}

static void write_margins(FILE *stream, const layout *l, size_t panel)
{
    const pal_matrix *m = l->matrix;
    const double n = l->classes, beside = n - 0.5 + (BESIDE - 6) / 2.0 / l->tile, below = n - 0.5 + 20 / l->height,
                 head = -0.5 - 8 / l->height;
    char room[24];
    int64_t right = 0, all = 0;
    for (int k = 0; k < l->classes; k++) {
        const int64_t own = count_at(m, panel, k, k), labelled = row_of(m, panel, k);
        right += own;
        all += labelled;
        if (k % l->step) continue;
        const char *name = name_of(m, k, room);
        if (panel == 0) write_text(stream, name, -0.5 - 8 / l->tile, k, "right", TEXT, "#000000");
        write_text(stream, name, k, l->turned ? head : head - 6 / l->height, l->turned ? "left rotate by 90" : "center",
                   SMALL, "#000000");
        if (l->height >= 16) write_percent(stream, own, labelled, beside, k, false);
        if (l->tile >= NARROW) write_percent(stream, own, column_of(m, panel, k), k, below, false);
    }
    write_percent(stream, right, all, beside, below, true);
    write_text(stream, "recall", beside, head - 6 / l->height, "center", SMALL, "#555555");
    if (panel == 0 && l->tile >= NARROW)
        write_text(stream, "precision", -0.5 - 8 / l->tile, below, "right", SMALL, "#555555");
    write_text(stream, m->column_label == NULL ? "answer" : m->column_label, (n - 1) / 2,
               head - (l->above + 12) / l->height, "center", TEXT, "#555555");
    if (m->panels[panel].title != NULL)
        write_text(stream, m->panels[panel].title, (n - 1) / 2, head - (l->above + 42) / l->height, "center", 17,
                   "#000000");
    if (panel == 0)
        write_text(stream, m->row_label == NULL ? "label" : m->row_label, -0.5 - (l->names + 28) / l->tile, (n - 1) / 2,
                   "center rotate by 90", TEXT, "#555555");
}

static void write_panel(FILE *stream, const layout *l, size_t panel, const char *data)
{
    const double n = l->classes, wide = n * l->tile, left = l->left + (double)panel * (wide + BESIDE + BETWEEN),
                 bottom = MARGIN + 44, half = l->classes <= NUMBERED ? 0.5 - 1 / l->height : 0.5;
    fputs("unset label\n", stream);
    fprintf(stream, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n", left / l->width,
            (left + wide) / l->width);
    fprintf(stream, "set bmargin at screen %.6f\nset tmargin at screen %.6f\n", bottom / l->whole,
            (bottom + n * l->height) / l->whole);
    write_margins(stream, l, panel);
    palt__gnuplot_setting(stream, "plot ", data, "");
    fprintf(stream, " index %zu using 2:1:(%.4f):(%.4f):(tone($1, $2, $4)) with boxxyerror fc palette notitle", panel,
            l->classes <= NUMBERED ? 0.5 - 1 / l->tile : 0.5, half);
    if (l->classes <= NUMBERED) {
        palt__gnuplot_setting(stream, ", \\\n     ", data, "");
        fprintf(stream,
                " index %zu using 2:1:($3 > 0 ? sprintf('%%d', $3) : ''):(ink($1, $2, $4)) with labels noenhanced "
                "font ',%d' tc rgb variable notitle",
                panel, l->digits);
    }
    putc('\n', stream);
}

static void write_script(FILE *stream, const void *user, const char *data)
{
    const layout *l = user;
    write_palette(stream);
    fprintf(stream,
            "tone(label, answer, share) = (label == answer ? -1 : 1) * sqrt(share)\n"
            "ink(label, answer, share) = abs(tone(label, answer, share)) > 0.%d ? 0xffffff : 0x222222\n"
            "set style fill solid 1 noborder\n"
            "unset border\nunset tics\nunset key\n"
            "set xrange [-0.5:%g]\nset yrange [%g:-0.5]\n",
            DARK, l->classes - 0.5, l->classes - 0.5);
    fputs("set multiplot", stream);
    if (l->matrix->title != NULL) palt__gnuplot_title(stream, " title ", l->matrix->title, l->width - 4 * MARGIN);
    putc('\n', stream);
    for (size_t p = 0; p < l->matrix->panel_count; p++) write_panel(stream, l, p, data);
    fputs("unset multiplot\n", stream);
}

pal_status pal_matrix_write(const pal_matrix *matrix, const char *path, bool *drawn, pal_error *error)
{
    if (drawn != NULL) *drawn = false;
    pal_status status = check(matrix, path, error);
    if (status != PAL_OK) return status;
    const layout l = lay_out(matrix);
    return palt__gnuplot_write(path, l.width, l.whole, write_data, write_script, &l, drawn, error);
}
