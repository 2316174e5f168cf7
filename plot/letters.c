/* letters.c - draws and measures lines of text in the font of font.c.
 *
 * The coverage of a pixel depends on the distance from its centre to the nearest line of the letter. Edges are
 * therefore smooth, and overlapping strokes join without a seam. Every letter starts on a whole pixel, so equal letters
 * look equal and the width of a text is the sum of the widths of its letters. Heights are clamped to 5..256 pixels, so
 * that all numbers stay small.
 */
#include "plot/internal.h"

#include <math.h>
#include <string.h>

enum { CURVE_STEPS = 8, MAX_LINES = 256 };

typedef palt__point point;
typedef struct line {
    point a, b;
    double radius;
} line;
typedef struct outline { /* a letter as straight lines, in pixels; y counts down from the top of the grid */
    line lines[MAX_LINES];
    int count;
} outline;

static double unit_of(pal_text_style style)
{
    int32_t height = style.height < 5 ? 5 : style.height > 256 ? 256 : style.height;
    return (double)height / PALT__FONT_CAPITAL;
}

static double radius_of(pal_text_style style)
{
    return unit_of(style) * (style.bold ? PALT__FONT_BOLD : PALT__FONT_PEN);
}

/* The pen of a bold letter is wider, so the next letter starts further to the right. */
static int64_t advance_of(unsigned char byte, pal_text_style style)
{
    return lround(unit_of(style) * (palt__glyph_of(byte)->advance + (style.bold ? 1.5 : 0.0)));
}

int64_t palt__text_measure(const char *text, size_t bytes, pal_text_style style)
{
    int64_t width = 0;
    for (size_t i = 0; i < bytes; i++)
        if (!palt__continues(text[i])) width += advance_of((unsigned char)text[i], style);
    return width;
}

int64_t pal_text_width(const char *text, pal_text_style style)
{
    return text == NULL ? 0 : palt__text_measure(text, strlen(text), style);
}

int64_t pal_text_leading(pal_text_style style) { return lround(unit_of(style) * PALT__FONT_CAPITAL * 1.75); }

size_t palt__text_wrap(const char *text, pal_text_style style, int64_t width, const char **next)
{
    size_t end = 0, space = 0;
    int64_t used = 0;
    for (; text[end] != '\0' && text[end] != '\n'; end++) {
        if (text[end] == ' ') space = end;
        if (!palt__continues(text[end])) used += advance_of((unsigned char)text[end], style);
        if (used > width && end > 0 && text[end] != ' ') break;
    }
    bool whole = text[end] == '\0' || text[end] == '\n';
    if (!whole && space > 0) end = space;
    while (!whole && space == 0 && end > 1 && palt__continues(text[end])) end--; /* never cut inside a character */
    const char *rest = text + end;
    if (*rest == '\n') {
        rest++;
    } else {
        while (*rest == ' ') rest++;
    }
    *next = rest;
    return end;
}

static void add_line(outline *shape, point a, point b, double radius)
{
    if (shape->count < MAX_LINES) shape->lines[shape->count++] = (line){a, b, radius};
}

static point between(point a, point b) { return (point){(a.x + b.x) / 2, (a.y + b.y) / 2}; }

static void add_curve(outline *shape, point a, point control, point b, double radius)
{
    point last = a;
    for (int i = 1; i <= CURVE_STEPS; i++) {
        double t = (double)i / CURVE_STEPS, s = 1 - t;
        point p = {s * s * a.x + 2 * s * t * control.x + t * t * b.x,
                   s * s * a.y + 2 * s * t * control.y + t * t * b.y};
        add_line(shape, last, p, radius);
        last = p;
    }
}

static void add_stroke(outline *shape, const point *p, int count, double radius)
{
    if (count == 1) add_line(shape, p[0], p[0], radius * 1.25);
    if (count == 2) add_line(shape, p[0], p[1], radius);
    for (int i = 1; i + 1 < count; i++) {
        point from = i == 1 ? p[0] : between(p[i - 1], p[i]);
        point to = i + 2 == count ? p[i + 1] : between(p[i], p[i + 1]);
        add_curve(shape, from, p[i], to, radius);
    }
}

static void trace(outline *shape, const char *strokes, pal_text_style style)
{
    double unit = unit_of(style), radius = radius_of(style);
    point p[PALT__STROKE];
    shape->count = 0;
    for (int count; (count = palt__stroke_next(&strokes, p)) > 0;) {
        for (int i = 0; i < count; i++) p[i] = (point){unit * p[i].x, unit * (PALT__FONT_SIDE - 1 - p[i].y)};
        add_stroke(shape, p, count, radius);
    }
}

/* Returns the distance of the point from the edge of the pen; negative inside. */
static double distance(const line *l, double x, double y)
{
    double dx = l->b.x - l->a.x, dy = l->b.y - l->a.y, length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? ((x - l->a.x) * dx + (y - l->a.y) * dy) / length2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(x - l->a.x - t * dx, y - l->a.y - t * dy) - l->radius;
}

static uint8_t mix(uint8_t under, uint8_t over, double share)
{
    return (uint8_t)lround(under + share * ((double)over - under));
}

static void ink(const outline *shape, pal_image *image, int64_t x, int64_t y, int64_t dx, int64_t dy, pal_colour colour)
{
    double nearest = 1;
    if (x + dx < 0 || y + dy < 0 || x + dx >= image->width || y + dy >= image->height) return;
    for (int i = 0; i < shape->count; i++)
        nearest = fmin(nearest, distance(&shape->lines[i], (double)dx + 0.5, (double)dy + 0.5));
    double share = nearest < -0.5 ? 1 : 0.5 - nearest;
    if (share <= 0) return;
    uint8_t *pixel = palt__pixel(image, x + dx, y + dy);
    pixel[0] = mix(pixel[0], colour.red, share);
    pixel[1] = mix(pixel[1], colour.green, share);
    pixel[2] = mix(pixel[2], colour.blue, share);
}

void palt__text_draw(pal_image *image, int64_t x, int64_t y, const char *text, size_t bytes, pal_text_style style)
{
    outline shape;
    int64_t side = (int64_t)ceil(unit_of(style) * (PALT__FONT_SIDE + 4)), pad = (int64_t)ceil(radius_of(style)) + 1;
    const int64_t far = INT64_C(1) << 40; /* keeps the sums below from overflowing; no image is that large */
    if (y < -far || y > far || x < -far) return;
    for (size_t i = 0; i < bytes && x < image->width + pad; i++) {
        if (palt__continues(text[i])) continue;
        trace(&shape, palt__glyph_of((unsigned char)text[i])->strokes, style);
        for (int64_t dy = -pad; dy < side + pad && shape.count > 0; dy++)
            for (int64_t dx = -pad; dx < side + pad; dx++) ink(&shape, image, x, y, dx, dy, style.colour);
        x += advance_of((unsigned char)text[i], style);
    }
}

void pal_image_text(pal_image *image, int64_t x, int64_t y, const char *text, pal_text_style style)
{
    if (text != NULL) palt__text_draw(image, x, y, text, strlen(text), style);
}
