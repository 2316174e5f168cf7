/* profile.c - cells that are a few numbers instead of an image, such as a line of a table: bars from a line at 0, or a
 * curve if there are many. All profiles of a section have one scale, so that originals and reconstructions compare. */
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    HEIGHT = 96,   /* pixels; of a cell */
    WIDTH = 168,   /* the bars of a cell fill this width, if their distance is between CLOSE and APART */
    CLOSE = 6,     /* bars are visible at half the size */
    NAMED = 18,    /* least distance between bars that have names below */
    APART = 30,    /* largest distance */
    NAMES = 24,    /* most features whose names are shown */
    NARROW = 60,   /* least width of a cell */
    CURVE = 480,   /* largest width of a curve */
    LONGEST = 120, /* largest width of a name below a cell */
    SPACE = 8,     /* between the numbers of the axis and the cells, and between the cells and the names */
    DIGITS = 32,
};

static const pal_colour ground = {244, 244, 244}, bars = {25, 110, 203}, zero = {120, 120, 120}, text = {85, 85, 85};

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

/* Where a value is drawn: the distance from the top of the cell. */
static double place(const palt__profile *p, double value)
{
    const double share = (value / 2 - p->low / 2) / (p->high / 2 - p->low / 2); /* halves do not overflow */
    return (1 - share) * (double)p->height;
}

static double value_of(const palt__profile *p, const palt__cells *cells, int64_t i, int64_t feature)
{
    const double value = palt__cells_value(cells, i, feature);
    return p->scales == NULL ? value : value / p->scales[feature];
}

static void take_scales(palt__profile *p, const palt__cells *rows, size_t count)
{
    for (int64_t k = 0; k < p->features; k++) {
        for (size_t r = 0; r < count; r++)
            for (int64_t i = 0; i < rows[r].count; i++) {
                const double value = fabs(palt__cells_value(&rows[r], i, k));
                if (isfinite(value)) p->scales[k] = fmax(p->scales[k], value);
            }
        if (p->scales[k] == 0) p->scales[k] = 1;
    }
}

static void take_extremes(palt__profile *p, const palt__cells *rows, size_t count)
{
    for (size_t r = 0; r < count; r++)
        for (int64_t i = 0; i < rows[r].count; i++)
            for (int64_t k = 0; k < p->features; k++) {
                const double value = value_of(p, &rows[r], i, k);
                if (!isfinite(value)) continue;
                p->low = fmin(p->low, value);
                p->high = fmax(p->high, value);
            }
    if (p->low == p->high) p->high = 1; /* all values are 0 */
}

typedef struct mark { /* a number of the axis */
    char text[DIGITS];
    double at;
} mark;

/* Fills in the numbers of the axis: 0, and the ends that are not 0. A number too close to 0 is moved away. */
static int marks_of(const palt__profile *p, mark out[3])
{
    const double values[] = {0, p->low, p->high}, apart = 1.3 * p->style.height;
    int count = 0;
    for (int i = 0; i < 3; i++) {
        if (i > 0 && values[i] == 0) continue;
        mark *m = &out[count++];
        snprintf(m->text, sizeof m->text, "%.3g%s", (p->scales == NULL ? 1 : 100) * values[i],
                 p->scales == NULL || values[i] == 0 ? "" : "%");
        m->at = place(p, values[i]);
    }
    for (int i = 1; i < count; i++)
        if (fabs(out[i].at - out[0].at) < apart) out[i].at = out[0].at + (out[i].at < out[0].at ? -apart : apart);
    return count;
}

static const char *name_of(const palt__profile *p, int64_t feature, char room[DIGITS])
{
    if (p->names_shown) return p->names[feature];
    snprintf(room, DIGITS, "%lld", (long long)feature);
    return room;
}

/* Names are turned if the widest does not fit below its bar; numbers that are too wide are left out. */
static void size_names(palt__profile *p)
{
    char room[DIGITS];
    int64_t widest = 0;
    for (int64_t k = p->names_shown ? 0 : p->features - 1; k < p->features; k++) {
        const int64_t width = pal_text_width(name_of(p, k, room), p->style);
        widest = width > widest ? width : widest;
    }
    const double pitch = (double)p->width / (double)p->features;
    p->turned = p->names_shown && (double)widest + 4 > pitch;
    p->step = p->names_shown ? 1 : (int64_t)ceil(((double)widest + 6) / pitch);
    const int64_t least = p->step;
    for (int64_t round = 1, m = 1; (p->step = m * round) < least; m = m == 5 ? 1 : m == 2 ? 5 : 2)
        if (m == 5) round *= 10;                      /* 1, 2, 5, 10, 20, ... */
    if (p->names == NULL && p->features == 1) return; /* there is nothing to tell apart */
    p->below = SPACE + (p->turned ? (widest < LONGEST ? widest : LONGEST) : p->style.height);
}

pal_status palt__profile_make(palt__profile *p, const palt__cells *rows, const pal_grid_section *section,
                              pal_error *error)
{
    *p = (palt__profile){.features = rows[0].width, .height = HEIGHT, .names = section->feature_names};
    p->style = (pal_text_style){PALT__SMALLEST_LABEL, false, text};
    p->curve = p->features > PAL_PROFILE_BARS;
    p->names_shown = p->names != NULL && p->features <= NAMES;
    if (section->feature_scales) {
        p->scales = calloc((size_t)p->features, sizeof *p->scales);
        if (p->scales == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "grid: no memory");
        take_scales(p, rows, section->count);
    }
    take_extremes(p, rows, section->count);
    const double least = p->names_shown ? NAMED : CLOSE, n = (double)p->features;
    const double pitch = fmin(fmax(WIDTH / n, least), APART);
    p->width = (int64_t)(p->curve ? fmin(fmax(n, 2 * WIDTH), CURVE) : fmax(ceil(pitch * n), NARROW));
    size_names(p);
    mark marks[3];
    for (int i = marks_of(p, marks); i-- > 0;) {
        const int64_t width = pal_text_width(marks[i].text, p->style) + SPACE;
        p->axis = width > p->axis ? width : p->axis;
    }
    return PAL_OK;
}

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

static void rectangle(palt__canvas *canvas, double x, double y, double width, double height, pal_colour colour)
{
    palt__canvas_rectangle(canvas, x, y, width, height);
    palt__canvas_fill(canvas, colour);
}

/* A bar begins and ends on whole pixels, so that its edges are sharp. */
static void draw_bar(const palt__profile *p, palt__canvas *canvas, double value, double left, double width, double y)
{
    if (!isfinite(value)) {
        rectangle(canvas, left, y, width, (double)p->height, PAL_COLOUR_NONFINITE);
        return;
    }
    const double from = round(place(p, fmax(value, 0))), to = round(place(p, fmin(value, 0)));
    rectangle(canvas, left, y + from, width, to - from, bars);
}

static void draw_bars(const palt__profile *p, palt__canvas *canvas, const palt__cells *cells, int64_t i, double x,
                      double y)
{
    const double pitch = (double)p->width / (double)p->features, width = fmin(floor(0.75 * pitch), 24);
    for (int64_t k = 0; k < p->features; k++)
        draw_bar(p, canvas, value_of(p, cells, i, k), floor(x + ((double)k + 0.5) * pitch - width / 2), width, y);
}

/* The smallest and the largest finite value of the features from `first` to before `end`, in their order. Returns how
 * many there are: 0, 1 or 2. */
static int ends_of(const palt__profile *p, const palt__cells *cells, int64_t i, int64_t first, int64_t end,
                   int64_t at[2])
{
    int64_t low = -1, high = -1;
    for (int64_t k = first; k < end; k++) {
        const double value = value_of(p, cells, i, k);
        if (!isfinite(value)) continue;
        if (low < 0 || value < value_of(p, cells, i, low)) low = k;
        if (high < 0 || value > value_of(p, cells, i, high)) high = k;
    }
    at[0] = low < high ? low : high;
    at[1] = low < high ? high : low;
    return low < 0 ? 0 : low == high ? 1 : 2;
}

/* Draws all features, or the extremes of each group if there are more than two per pixel. */
static void draw_curve(const palt__profile *p, palt__canvas *canvas, const palt__cells *cells, int64_t i, double x,
                       double y)
{
    const int64_t each = p->features > 2 * p->width ? (p->features + p->width - 1) / p->width : 1;
    const double pitch = (double)p->width / (double)p->features;
    bool drawing = false;
    for (int64_t k = 0; k < p->features; k++) {
        if (isfinite(value_of(p, cells, i, k))) continue;
        rectangle(canvas, x + (double)k * pitch, y, fmax(pitch, 1.5), (double)p->height, PAL_COLOUR_NONFINITE);
    }
    for (int64_t first = 0; first < p->features; first += each) {
        int64_t at[2];
        const int64_t end = first + each < p->features ? first + each : p->features;
        const int count = ends_of(p, cells, i, first, end, at);
        for (int k = 0; k < count; k++) {
            const palt__point to = {x + ((double)at[k] + 0.5) * pitch, y + place(p, value_of(p, cells, i, at[k]))};
            if (!drawing) palt__canvas_move(canvas, to);
            palt__canvas_line(canvas, to); /* a point between two gaps is a dot */
            drawing = true;
        }
        drawing &= count > 0;
    }
    palt__canvas_stroke(canvas, (palt__pen){.colour = bars, .width = 1.6});
}

void palt__profile_draw(const palt__profile *p, palt__canvas *canvas, const palt__cells *cells, int64_t i, int64_t x,
                        int64_t y)
{
    rectangle(canvas, (double)x, (double)y, (double)p->width, (double)p->height, ground);
    (p->curve ? draw_curve : draw_bars)(p, canvas, cells, i, (double)x, (double)y);
    rectangle(canvas, (double)x, (double)y + fmin(round(place(p, 0)), (double)p->height - 1), (double)p->width, 1,
              zero);
}

void palt__profile_axis(const palt__profile *p, palt__canvas *canvas, int64_t x, int64_t y)
{
    mark marks[3];
    for (int i = marks_of(p, marks); i-- > 0;) {
        const palt__block number = {marks[i].text, p->style, INT64_MAX, 1};
        palt__block_draw(canvas, &number, 1, x - SPACE, y + lround(marks[i].at) - p->style.height / 2);
    }
}

void palt__profile_names(const palt__profile *p, palt__canvas *canvas, int64_t x, int64_t y)
{
    char room[DIGITS];
    const double pitch = (double)p->width / (double)p->features;
    for (int64_t k = 0; p->below > 0 && k < p->features; k += p->step) {
        const int64_t middle = x + (int64_t)floor(((double)k + 0.5) * pitch);
        const palt__block name = {name_of(p, k, room), p->style, p->turned ? LONGEST : INT64_MAX, 1};
        if (p->turned)
            palt__block_draw_upwards(canvas, &name, 1, middle, y + SPACE);
        else
            palt__block_draw(canvas, &name, 0.5, middle, y + SPACE);
    }
}
