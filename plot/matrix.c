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
    LARGE = 130,   /* largest width of a tile for the sake of a large number */
    BESIDE = 78,   /* width of the recall column, to the right of a matrix */
    BETWEEN = 24,  /* space between two matrices */
    NAMES = 240,   /* largest width of the name of a row, and of a column */
    ABOVE = 180,
    TEXT = 15, /* heights of letters */
    SMALL = 13,
    HEADING = 17,
    DARK = 55, /* hundredths of the colour scale above which text is white */
};

typedef struct layout { /* in pixels */
    const pal_matrix *matrix;
    int classes, step;   /* step: every step-th class is named */
    double tile, height; /* of a tile: width, height */
    double names, above; /* space for the row names, and for the column names */
    double left;         /* left edge of the first matrix */
    double top;          /* top edge of the matrices */
    double digits;       /* height of the counts */
    double width, whole; /* width and height of the picture */
    bool turned;         /* column names are rotated by 90 degrees */
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

/* Copies the struct of the caller, which may be an older version of it, and checks it. */
static pal_status check(const pal_matrix *given, pal_matrix *m, const char *path, pal_error *error)
{
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "matrix: no path to write to");
    if (pal_options_read(m, given, sizeof *m, offsetof(pal_matrix, csv), path, error)) return PAL_ERR_ARGUMENT;
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

static double width_of(const char *text, double height) { return palt__letters_width(text, strlen(text), height); }

static int64_t largest_count(const pal_matrix *m)
{
    int64_t most = 0;
    for (size_t p = 0; p < m->panel_count; p++)
        for (size_t i = 0; i < m->classes * m->classes; i++)
            most = m->panels[p].counts[i] > most ? m->panels[p].counts[i] : most;
    return most;
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
    l.names = fmin(l.names, NAMES);
    column_names = fmin(column_names, ABOVE);
    const bool few = m->classes <= NUMBERED;
    l.tile = few ? fmin(fmax(column_names + 12, NARROW), widest) : SIDE / n;
    l.height = few ? fmin(TILE, 1.2 * SIDE / n) : SIDE / n;
    if (few && m->classes > 12) l.tile = fmin(l.tile, NARROW);
    snprintf(room, sizeof room, "%lld", (long long)largest_count(m));
    if (few) l.tile = fmax(l.tile, fmin(width_of(room, PALT__SMALLEST_TEXT) / 0.82, LARGE));
    l.digits = fmin(TEXT, TEXT * 0.82 * l.tile / width_of(room, TEXT));
    l.step = (int)ceil(20 / l.height);
    l.turned = column_names + 6 > l.tile * l.step;
    l.above = l.turned ? column_names + 8 : 20;
    l.width = ceil(2 * MARGIN + 30 + l.names + 12 + (double)m->panel_count * (n * l.tile + BESIDE + BETWEEN));
    l.left = MARGIN + 30 + l.names + 12;
    if (l.width < 700) {
        l.left += (700 - l.width) / 2;
        l.width = 700;
    }
    const double title = palt__title_height(m->title, l.width - 4 * MARGIN);
    l.top = MARGIN + (title > 0 ? title + 10 : 0) + 66 + l.above;
    l.whole = ceil(l.top + n * l.height + 44 + MARGIN);
    return l;
}

/* ---- The numbers ---------------------------------------------------------------------------------------------- */

static double share_of(const pal_matrix *m, size_t panel, int label, int answer)
{
    const int64_t all = row_of(m, panel, label);
    return all > 0 ? (double)count_at(m, panel, label, answer) / (double)all : 0;
}

static void write_table(FILE *stream, const void *user)
{
    const pal_matrix *m = ((const layout *)user)->matrix;
    fputs("matrix,label,answer,count,share_of_label\n", stream);
    for (size_t p = 0; p < m->panel_count; p++)
        for (int i = 0; i < (int)m->classes; i++)
            for (int k = 0; k < (int)m->classes; k++) {
                palt__csv_text(stream, m->panels[p].title == NULL ? "" : m->panels[p].title, ',');
                fprintf(stream, "%d,%d,%lld,", i, k, (long long)count_at(m, p, i, k));
                palt__csv_number(stream, share_of(m, p, i, k), '\n');
            }
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

typedef struct panel { /* one matrix that is being drawn */
    palt__canvas *canvas;
    const layout *l;
    size_t index;
    double left;
} panel;

/* The middle of the tile in this row and column. */
static palt__point middle(const panel *p, double row, double column)
{
    return (palt__point){p->left + (column + 0.5) * p->l->tile, p->l->top + (row + 0.5) * p->l->height};
}

static void write_text(const panel *p, const char *text, double x, double y, palt__letters letters)
{
    palt__canvas_text(p->canvas, (palt__point){x, y}, text, strlen(text), letters);
}

static void write_percent(const panel *p, int64_t of, int64_t all, double x, double y, pal_colour colour)
{
    char text[32] = "-";
    if (all > 0) snprintf(text, sizeof text, "%.1f%%", 100 * (double)of / (double)all);
    write_text(p, text, x, y, (palt__letters){.height = SMALL, .colour = colour, .anchor = 0.5});
}

static void draw_tile(const panel *p, int label, int answer)
{
    const layout *l = p->l;
    const bool few = l->classes <= NUMBERED;
    const int64_t count = count_at(l->matrix, p->index, label, answer);
    const double tone = sqrt(share_of(l->matrix, p->index, label, answer)), gap = few ? 1 : 0;
    const palt__point at = middle(p, label, answer);
    palt__canvas_rectangle(p->canvas, at.x - l->tile / 2 + gap, at.y - l->height / 2 + gap, l->tile - 2 * gap,
                           l->height - 2 * gap);
    palt__canvas_fill(p->canvas, pal_colour_diverging(label == answer ? -tone : tone));
    if (!few || count == 0) return;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)count);
    write_text(
        p, text, at.x, at.y,
        (palt__letters){.height = l->digits, .colour = tone > DARK / 100.0 ? PALT__WHITE : PALT__INK, .anchor = 0.5});
}

/* The names of the classes beside and above the tiles; recall and precision of each class. */
static void draw_class(const panel *p, int k)
{
    const layout *l = p->l;
    const pal_matrix *m = l->matrix;
    const palt__point at = middle(p, k, k);
    const int64_t own = count_at(m, p->index, k, k);
    const double right = p->left + l->classes * l->tile + (BESIDE - 6) / 2.0,
                 below = l->top + l->classes * l->height + 20;
    char room[24];
    const char *name = name_of(m, k, room);
    if (p->index == 0)
        palt__canvas_fit(p->canvas, (palt__point){p->left - 8, at.y}, name, l->names,
                         (palt__letters){.height = TEXT, .colour = PALT__INK, .anchor = 1});
    palt__canvas_fit(
        p->canvas, (palt__point){at.x, l->top - (l->turned ? 8 : 16)}, name, ABOVE,
        (palt__letters){.height = SMALL, .colour = PALT__INK, .anchor = l->turned ? 0 : 0.5, .turned = l->turned});
    if (l->height >= 16) write_percent(p, own, row_of(m, p->index, k), right, at.y, PALT__GREY);
    if (l->tile >= NARROW) write_percent(p, own, column_of(m, p->index, k), at.x, below, PALT__GREY);
}

static void draw_headings(const panel *p)
{
    const layout *l = p->l;
    const pal_matrix *m = l->matrix;
    const double wide = l->classes * l->tile, high = l->classes * l->height,
                 right = p->left + wide + (BESIDE - 6) / 2.0, below = l->top + high + 20, across = p->left + wide / 2,
                 head = l->top - l->above - 20;
    const palt__letters text = {.height = TEXT, .colour = PALT__GREY, .anchor = 0.5};
    int64_t good = 0, all = 0;
    for (int k = 0; k < l->classes; k++) {
        good += count_at(m, p->index, k, k);
        all += row_of(m, p->index, k);
    }
    write_percent(p, good, all, right, below, (pal_colour){0, 0, 0});
    write_text(p, "recall", right, l->top - 16, (palt__letters){.height = SMALL, .colour = PALT__GREY, .anchor = 0.5});
    palt__canvas_fit(p->canvas, (palt__point){across, head}, m->column_label == NULL ? "answer" : m->column_label,
                     wide + BESIDE, text);
    if (m->panels[p->index].title != NULL)
        palt__canvas_fit(p->canvas, (palt__point){across, head - 32}, m->panels[p->index].title, wide + BESIDE,
                         (palt__letters){.height = HEADING, .colour = PALT__INK, .anchor = 0.5});
    if (p->index > 0) return;
    if (l->tile >= NARROW)
        write_text(p, "precision", p->left - 8, below,
                   (palt__letters){.height = SMALL, .colour = PALT__GREY, .anchor = 1});
    palt__canvas_fit(p->canvas, (palt__point){p->left - l->names - 28, l->top + high / 2},
                     m->row_label == NULL ? "label" : m->row_label, high,
                     (palt__letters){.height = TEXT, .colour = PALT__GREY, .anchor = 0.5, .turned = true});
}

static void draw(palt__canvas *canvas, const void *user)
{
    const layout *l = user;
    palt__title_draw(canvas, l->matrix->title, l->width / 2, MARGIN, l->width - 4 * MARGIN);
    for (size_t i = 0; i < l->matrix->panel_count; i++) {
        const panel p = {canvas, l, i, l->left + (double)i * (l->classes * l->tile + BESIDE + BETWEEN)};
        for (int label = 0; label < l->classes; label++)
            for (int answer = 0; answer < l->classes; answer++) draw_tile(&p, label, answer);
        for (int k = 0; k < l->classes; k += l->step) draw_class(&p, k);
        draw_headings(&p);
    }
}

pal_status pal_matrix_write(const pal_matrix *given, const char *path, pal_error *error)
{
    pal_matrix matrix = {0};
    pal_status status = check(given, &matrix, path, error);
    if (status != PAL_OK) return status;
    const layout l = lay_out(&matrix);
    const palt__picture picture = {l.width, l.whole, draw, matrix.csv ? write_table : NULL, &l};
    return palt__picture_write(&picture, path, error);
}
