/* frame.c - title, axes and legend of curves and scatter plots.
 *
 * The legend is to the right of the data, so it never hides any. Everything is placed by the size of its text. */
#include "plot/internal.h"

#include <math.h>
#include <string.h>

enum {
    MARGIN = 28,
    LABEL = 15, /* heights of letters */
    TICK = 14,
    ROW = 28,    /* distance between two rows of the legend */
    SAMPLE = 34, /* width of the line or marker of a row */
    NAMES = 250, /* largest width of the names in the legend */
};

/* ---- Markers -------------------------------------------------------------------------------------------------- */

/* Regular polygons: 1 is a dot. Above 6, the same shapes are drawn as outlines. */
static const struct {
    int corners;
    double turn, size; /* turn: angle of the first corner in degrees; size: makes all shapes look equally large */
} shapes[] = {{24, 0, 1}, {4, 45, 1.15}, {3, -90, 1.3}, {3, 90, 1.3}, {4, 0, 1.2}, {5, -90, 1.1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

void palt__marker(palt__canvas *canvas, palt__point at, palt__look look)
{
    if (look.marker == 0) return;
    if (look.marker == 1) {
        palt__canvas_dot(canvas, at, look.size, look.pen.colour);
        return;
    }
    const int shape = (look.marker - 1) % SHAPES, corners = shapes[shape].corners;
    palt__point p[24];
    for (int i = 0; i < corners; i++) {
        const double angle = (shapes[shape].turn + 360.0 * i / corners) * M_PI / 180;
        p[i] = (palt__point){at.x + look.size * shapes[shape].size * cos(angle),
                             at.y + look.size * shapes[shape].size * sin(angle)};
    }
    const bool hollow = look.marker > SHAPES;
    palt__canvas_polygon(canvas, p, corners);
    palt__canvas_fill(canvas, hollow ? PALT__WHITE : look.pen.colour);
    if (!hollow) return;
    palt__canvas_polygon(canvas, p, corners);
    palt__canvas_stroke(canvas, (palt__pen){.colour = look.pen.colour, .width = 1.6});
}

/* ---- Layout --------------------------------------------------------------------------------------------------- */

static double width_of(const char *text, double height) { return palt__letters_width(text, strlen(text), height); }

double palt__legend_width(const palt__entry *legend, size_t entries, double height)
{
    double names = entries > (size_t)(height / ROW) ? width_of("and 1000 more", LABEL) : 0;
    for (size_t i = 0; i < entries; i++) names = fmax(names, width_of(legend[i].text, LABEL));
    return entries == 0 ? 0 : 20 + SAMPLE + 10 + fmin(names, NAMES);
}

/* How far the last number of the axis reaches beyond its end. */
static double overhang(const palt__axis *a)
{
    double most = 0;
    for (int i = 0; i < a->count; i++)
        most = fmax(most, width_of(a->ticks[i].label, TICK) / 2 - (1 - a->ticks[i].at) * a->pixels);
    return most;
}

void palt__frame_make(palt__frame *f)
{
    if (!(f->width > 0)) f->width = PALT__PICTURE_WIDTH, f->height = PALT__PICTURE_HEIGHT;
    const double title = palt__title_height(f->title, f->width - 4 * MARGIN);
    f->top = f->y + MARGIN + (title > 0 ? title + 6 : 0);
    f->bottom = f->y + f->height - MARGIN - LABEL - 18 - TICK - 14;
    f->right = f->x + f->width - MARGIN - 4 - palt__legend_width(f->legend, f->entries, f->bottom - f->top);
    palt__axis_make(&f->up, f->y_extent, f->log_y, false, f->bottom - f->top);
    double labels = 0;
    for (int i = 0; i < f->up.count; i++) labels = fmax(labels, width_of(f->up.ticks[i].label, TICK));
    f->left = f->x + MARGIN + LABEL + 18 + labels + 14;
    palt__axis_make(&f->across, f->x_extent, f->log_x, true, f->right - f->left);
    const double over = overhang(&f->across) - (f->x + f->width - MARGIN - f->right);
    if (over <= 0) return;
    f->right -= over; /* the last number is centred below the end of the axis */
    palt__axis_make(&f->across, f->x_extent, f->log_x, true, f->right - f->left);
}

palt__point palt__frame_at(const palt__frame *f, double x, double y)
{
    return (palt__point){f->left + palt__axis_share(&f->across, x) * (f->right - f->left),
                         f->bottom - palt__axis_share(&f->up, y) * (f->bottom - f->top)};
}

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

static void line(palt__canvas *canvas, palt__point from, palt__point to, pal_colour colour, double width)
{
    palt__canvas_move(canvas, from);
    palt__canvas_line(canvas, to);
    palt__canvas_stroke(canvas, (palt__pen){.colour = colour, .width = width});
}

static double sharp(double at) { return floor(at) + 0.5; } /* a line of one pixel covers one row of pixels */

static void draw_grid(palt__canvas *canvas, const palt__frame *f)
{
    const pal_colour major = {218, 218, 218}, minor = {238, 238, 238};
    for (int i = 0; i < f->up.minor_count; i++) {
        const double y = sharp(f->bottom - f->up.minor[i] * (f->bottom - f->top));
        line(canvas, (palt__point){f->left, y}, (palt__point){f->right, y}, minor, 1);
    }
    for (int i = 0; i < f->across.minor_count; i++) {
        const double x = sharp(f->left + f->across.minor[i] * (f->right - f->left));
        line(canvas, (palt__point){x, f->top}, (palt__point){x, f->bottom}, minor, 1);
    }
    for (int i = 0; i < f->up.count; i++) {
        const double y = sharp(f->bottom - f->up.ticks[i].at * (f->bottom - f->top));
        line(canvas, (palt__point){f->left, y}, (palt__point){f->right, y}, major, 1);
        line(canvas, (palt__point){f->left - 6, y}, (palt__point){f->left, y}, PALT__INK, 1.5);
    }
    for (int i = 0; i < f->across.count; i++) {
        const double x = sharp(f->left + f->across.ticks[i].at * (f->right - f->left));
        line(canvas, (palt__point){x, f->top}, (palt__point){x, f->bottom}, major, 1);
        line(canvas, (palt__point){x, f->bottom}, (palt__point){x, f->bottom + 6}, PALT__INK, 1.5);
    }
    line(canvas, (palt__point){f->left, f->top}, (palt__point){f->left, f->bottom}, PALT__INK, 1.5);
    line(canvas, (palt__point){f->left, f->bottom}, (palt__point){f->right, f->bottom}, PALT__INK, 1.5);
}

/* The middle of the label of an axis: that of the axis, or as near as the label, which may be longer, can be to it. */
static double middle_of(const char *label, double middle, double low, double high)
{
    const double half = fmin(width_of(label, LABEL), high - low) / 2;
    return fmin(fmax(middle, low + half), high - half);
}

static void draw_labels(palt__canvas *canvas, const palt__frame *f)
{
    const double high = f->bottom - f->top, wide = f->right - f->left;
    palt__letters tick = {.height = TICK, .colour = PALT__INK, .anchor = 1},
                  label = {.height = LABEL, .colour = PALT__INK, .anchor = 0.5};
    for (int i = 0; i < f->up.count; i++)
        palt__canvas_fit(canvas, (palt__point){f->left - 12, f->bottom - f->up.ticks[i].at * high},
                         f->up.ticks[i].label, f->width, tick);
    tick.anchor = 0.5;
    for (int i = 0; i < f->across.count; i++)
        palt__canvas_fit(canvas, (palt__point){f->left + f->across.ticks[i].at * wide, f->bottom + 13 + TICK / 2.0},
                         f->across.ticks[i].label, f->width, tick);
    const double end = f->bottom + 13 + TICK; /* above the label of the other axis */
    const double x = middle_of(f->x_label, f->left + wide / 2, f->x + MARGIN, f->x + f->width - MARGIN),
                 y = middle_of(f->y_label, f->top + high / 2, f->y + MARGIN, end);
    palt__canvas_fit(canvas, (palt__point){x, f->y + f->height - MARGIN - LABEL / 2.0}, f->x_label,
                     f->width - 2 * MARGIN, label);
    label.turned = true;
    palt__canvas_fit(canvas, (palt__point){f->x + MARGIN + LABEL / 2.0, y}, f->y_label, end - f->y - MARGIN, label);
}

static void draw_entry(palt__canvas *canvas, double x, double y, const palt__entry *e)
{
    if (e->look.pen.width > 0) {
        palt__canvas_move(canvas, (palt__point){x, y});
        palt__canvas_line(canvas, (palt__point){x + SAMPLE, y});
        palt__canvas_stroke(canvas, e->look.pen);
    }
    palt__marker(canvas, (palt__point){x + SAMPLE / 2.0, y}, e->look);
    palt__canvas_fit(canvas, (palt__point){x + SAMPLE + 10, y}, e->text, NAMES,
                     (palt__letters){.height = LABEL, .colour = PALT__INK});
}

/* If the legend is too long, its last row says how many entries are missing. */
void palt__legend_draw(palt__canvas *canvas, const palt__entry *legend, size_t entries, double x, double top,
                       double bottom)
{
    const size_t rows = (size_t)((bottom - top) / ROW), shown = entries > rows ? rows - 1 : entries;
    double y = top + ROW / 2.0;
    for (size_t i = 0; i < shown; i++, y += ROW) draw_entry(canvas, x, y, &legend[i]);
    if (shown == entries) return;
    palt__entry more = {0};
    snprintf(more.text, sizeof more.text, "and %zu more", entries - shown);
    draw_entry(canvas, x, y, &more);
}

void palt__frame_draw(palt__canvas *canvas, const palt__frame *f)
{
    palt__title_draw(canvas, f->title, f->x + f->width / 2, f->y + MARGIN, f->width - 4 * MARGIN);
    draw_grid(canvas, f);
    draw_labels(canvas, f);
    palt__legend_draw(canvas, f->legend, f->entries, f->right + 20, f->top, f->bottom);
}

/* ---- Panels --------------------------------------------------------------------------------------------------- */

palt__panels palt__panels_of(size_t count, const char *title)
{
    const size_t columns = count < 4 ? count : count == 4 ? 2 : count < 7 ? 3 : 4;
    const double width = (double)columns * PALT__PANEL_WIDTH, height = palt__title_height(title, width - 2 * MARGIN);
    return (palt__panels){columns, (count + columns - 1) / columns, width, height > 0 ? MARGIN + height : 0};
}

palt__frame palt__panel_frame(const palt__panels *panels, size_t i)
{
    return (palt__frame){.x = (double)(i % panels->columns) * PALT__PANEL_WIDTH,
                         .y = panels->top + (double)(i / panels->columns) * PALT__PANEL_HEIGHT,
                         .width = PALT__PANEL_WIDTH,
                         .height = PALT__PANEL_HEIGHT};
}
