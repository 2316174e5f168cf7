/* canvas.c - shapes, and images of cells, on the canvas of a picture. A canvas is cairo's context: it remembers the
 * first error, and whoever opened it (tiles.c, vector.c) reports it. */
#include "plot/internal.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>

bool palt__canvas_has_room(void)
{
    enum { ROOM = 16 << 20 }; /* more than the longest path of a picture needs */
    void *volatile block = malloc(ROOM);
    const bool has = block != NULL;
    free(block);
    return has;
}

void palt__canvas_prepare(palt__canvas *canvas)
{
    cairo_set_line_cap(canvas, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(canvas, CAIRO_LINE_JOIN_ROUND);
}

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

void palt__canvas_move(palt__canvas *canvas, palt__point to) { cairo_move_to(canvas, to.x, to.y); }
void palt__canvas_line(palt__canvas *canvas, palt__point to) { cairo_line_to(canvas, to.x, to.y); }

void palt__canvas_scale(palt__canvas *canvas, double scale) { cairo_scale(canvas, scale, scale); }

void palt__canvas_curve(palt__canvas *canvas, palt__point first, palt__point second, palt__point to)
{
    cairo_curve_to(canvas, first.x, first.y, second.x, second.y, to.x, to.y);
}

void palt__canvas_polygon(palt__canvas *canvas, const palt__point *corners, int count)
{
    for (int i = 0; i < count; i++) (i == 0 ? palt__canvas_move : palt__canvas_line)(canvas, corners[i]);
    cairo_close_path(canvas);
}

void palt__canvas_rectangle(palt__canvas *canvas, double x, double y, double width, double height)
{
    cairo_rectangle(canvas, x, y, width, height);
}

static palt__point between(palt__point a, palt__point b, double share)
{
    return (palt__point){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
}

/* A quadratic curve from a to b, as the cubic one that is equal to it. */
static void add_curve(palt__canvas *canvas, palt__point a, palt__point control, palt__point b)
{
    const palt__point p = between(a, control, 2.0 / 3), q = between(b, control, 2.0 / 3);
    cairo_curve_to(canvas, p.x, p.y, q.x, q.y, b.x, b.y);
}

/* A dot is a small circle around the middle of the pen, so that it is a quarter wider than a line. */
void palt__canvas_pen_stroke(palt__canvas *canvas, const palt__point *p, int count, double pen)
{
    if (count == 1) {
        cairo_new_sub_path(canvas);
        cairo_arc(canvas, p[0].x, p[0].y, 0.25 * pen, 0, 2 * M_PI);
        return;
    }
    cairo_move_to(canvas, p[0].x, p[0].y);
    if (count == 2) cairo_line_to(canvas, p[1].x, p[1].y);
    for (int i = 1; i + 1 < count; i++)
        add_curve(canvas, i == 1 ? p[0] : between(p[i - 1], p[i], 0.5), p[i],
                  i + 2 == count ? p[i + 1] : between(p[i], p[i + 1], 0.5));
}

static void choose(palt__canvas *canvas, pal_colour colour)
{
    cairo_set_source_rgb(canvas, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0);
}

void palt__canvas_fill(palt__canvas *canvas, pal_colour colour)
{
    choose(canvas, colour);
    cairo_fill(canvas);
}

void palt__canvas_stroke(palt__canvas *canvas, palt__pen pen)
{
    const double dashes[] = {pen.dash, pen.dash};
    choose(canvas, pen.colour);
    cairo_set_line_width(canvas, pen.width);
    cairo_set_line_cap(canvas, pen.dash > 0 ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    cairo_set_dash(canvas, dashes, pen.dash > 0 ? 2 : 0, 0);
    cairo_stroke(canvas);
}

/* A line of no length with round ends: an exact circle in few bytes. */
void palt__canvas_dot(palt__canvas *canvas, palt__point at, double radius, pal_colour colour)
{
    palt__canvas_move(canvas, at);
    palt__canvas_line(canvas, at);
    palt__canvas_stroke(canvas, (palt__pen){.colour = colour, .width = 2 * radius});
}

/* ---- Images --------------------------------------------------------------------------------------------------- */

bool palt__canvas_sees(palt__canvas *canvas, double x, double y, double width, double height)
{
    double left, top, right, bottom;
    cairo_clip_extents(canvas, &left, &top, &right, &bottom);
    return x < right && y < bottom && x + width > left && y + height > top;
}

/* A part of a raster: its first column and row, and how many of each. */
typedef struct part {
    int64_t column, row, columns, rows;
} part;

/* The image has the pixels of the picture, not those of the cell: some readers of PDF blur an image that they enlarge,
 * though it says that they must not. */
static cairo_surface_t *image_of(const palt__raster *r, part p)
{
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)(p.columns * r->across), (int)(p.rows * r->down));
    unsigned char *bytes = cairo_image_surface_get_data(image); /* all 0: transparent */
    const int64_t stride = cairo_image_surface_get_stride(image);
    for (int64_t row = 0; bytes != NULL && row < p.rows; row++)
        for (int64_t column = 0; column < p.columns; column++) {
            pal_colour c;
            if (!r->at(r->user, p.column + column, p.row + row, &c)) continue;
            const uint32_t pixel = 0xff000000U | (uint32_t)c.red << 16 | (uint32_t)c.green << 8 | c.blue;
            for (int64_t k = 0; k < r->down; k++) {
                uint32_t *to = (uint32_t *)(void *)(bytes + (row * r->down + k) * stride) + column * r->across;
                for (int64_t i = 0; i < r->across; i++) to[i] = pixel;
            }
        }
    cairo_surface_mark_dirty(image);
    return image;
}

static void draw_part(palt__canvas *canvas, const palt__raster *r, part p, double x, double y)
{
    if (!palt__canvas_sees(canvas, x, y, (double)(p.columns * r->across), (double)(p.rows * r->down))) return;
    cairo_surface_t *image = image_of(r, p);
    cairo_set_source_surface(canvas, image, x, y); /* an image that failed is an error of the canvas */
    cairo_pattern_set_filter(cairo_get_source(canvas), CAIRO_FILTER_NEAREST);
    cairo_paint(canvas);
    cairo_surface_destroy(image);
}

/* cairo's images have at most 32767 pixels per side. */
void palt__canvas_raster(palt__canvas *canvas, const palt__raster *r, int64_t x, int64_t y)
{
    enum { SIDE = 4096 };
    const int64_t columns = SIDE / r->across, rows = SIDE / r->down;
    for (int64_t row = 0; row < r->height; row += rows)
        for (int64_t column = 0; column < r->width; column += columns) {
            const part p = {column, row, r->width - column < columns ? r->width - column : columns,
                            r->height - row < rows ? r->height - row : rows};
            draw_part(canvas, r, p, (double)(x + column * r->across), (double)(y + row * r->down));
        }
}
