/* svg.h - reads the shapes of an SVG file that the plotting library wrote: filled and stroked paths, their colours and
 * points. Texts are paths too; they are found by comparing the ends of their strokes with those of the font. */
#ifndef PAL_TESTS_SVG_H
#define PAL_TESTS_SVG_H

#include <math.h>

#include "plot/internal.h"
#include "tests/files.h"

typedef struct svg_shape {
    bool filled; /* otherwise: a line of this width */
    double width;
    pal_colour colour;
    const char *d; /* the path */
} svg_shape;

enum { SVG_BYTES = 16 << 20, SVG_SHAPES = 1 << 17, SVG_ENDS = 4096 };

static char svg[SVG_BYTES];
static svg_shape svg_shapes[SVG_SHAPES];
static int svg_count;

/* The first text in [at, end); NULL: none. (strstr under a sanitizer reads to the end of the file at each call.) */
static inline const char *svg_search(const char *at, const char *end, const char *text)
{
    const size_t n = strlen(text);
    for (; at + n <= end; at++)
        if (*at == *text && memcmp(at, text, n) == 0) return at;
    return NULL;
}

/* The value of a property in an element, written as name:VALUE or name="VALUE"; NULL: none, or not this prefix. */
static inline const char *svg_property(const char *element, const char *name, const char *prefix)
{
    const char *end = element;
    while (*end != '>' && *end != '\0') end++;
    const size_t n = strlen(name);
    for (const char *at = element; (at = svg_search(at, end, name)) != NULL; at += n) {
        if (at[-1] != ' ' && at[-1] != ';' && at[-1] != '"') continue;
        const char *value = at[n] == ':' ? at + n + 1 : at[n] == '=' ? at + n + 2 : NULL;
        if (value != NULL && strncmp(value, prefix, strlen(prefix)) == 0) return value;
    }
    return NULL;
}

static inline void svg_read(const char *path)
{
    const size_t size = read_file(path, svg, sizeof svg - 1);
    ck_assert_uint_lt(size, sizeof svg - 1);
    svg[size] = '\0';
    ck_assert(strstr(svg, "<svg") && strstr(svg, "</svg>"));
    svg_count = 0;
    for (const char *at = svg, *last = svg + size; (at = svg_search(at, last, "<path")) != NULL; at++) {
        uint8_t level[3];
        const char *fill = svg_property(at, "fill", "rgb("), *stroke = fill ? NULL : svg_property(at, "stroke", "rgb(");
        const char *width = fill ? NULL : svg_property(at, "stroke-width", ""), *d = svg_property(at, "d", "");
        const char *colour = fill ? fill : stroke;
        ck_assert(d != NULL && colour != NULL && svg_count < SVG_SHAPES);
        colour += strlen("rgb("); /* three percentages */
        for (int k = 0; k < 3; k++) {
            char *end;
            level[k] = (uint8_t)lround(strtod(colour, &end) * 2.55);
            ck_assert_int_eq(*end, '%');
            colour = end + 2 + (end[2] == ' ');
        }
        svg_shapes[svg_count++] =
            (svg_shape){fill != NULL, width ? strtod(width, NULL) : 0, {level[0], level[1], level[2]}, d};
    }
    ck_assert_int_gt(svg_count, 0);
}

/* Reads the points of a path; control points of curves too if `all`, else only the first and last of each part. Returns
 * their number. */
static inline int svg_points(const char *d, bool all, palt__point *out)
{
    int n = 0;
    palt__point last = {0};
    bool inside = false;
    for (; *d != '"'; d++) {
        if (*d == 'M' || *d == '<') {
            if (inside && !all) out[n++] = last;
            inside = true;
        }
        if (*d != 'M' && *d != 'L' && *d != 'C') continue;
        const bool begins = *d == 'M';
        for (char *end;; d = end - 1) {
            const double x = strtod(d + 1, &end);
            if (end == d + 1) break;
            last = (palt__point){x, strtod(end, &end)};
            ck_assert_int_lt(n + 2, SVG_ENDS);
            if (all || begins) out[n++] = last;
        }
    }
    if (inside && !all) out[n++] = last;
    return n;
}

/* The distance between two letters, in units of the font. Letters that start on whole pixels are `unit` pixels large.
 */
static inline double svg_advance(char byte, double unit, bool bold, bool whole)
{
    const double advance = palt__glyph_of((unsigned char)byte)->advance + (bold && whole ? 1.5 : 0);
    return whole ? floor(advance * unit + 0.5001) / unit : advance; /* the unit has few digits in the file */
}

/* The ends of the strokes of a text, in units of the font, y downwards. A dot is a circle that begins at its right,
 * also in a text that is turned. */
static inline int svg_strokes(const char *text, double pen, bool turned, double unit, bool whole, palt__point *out)
{
    int n = 0;
    double from = 0;
    palt__point p[PALT__STROKE];
    for (; *text != '\0'; text++) {
        const palt__glyph *glyph = palt__glyph_of((unsigned char)*text);
        const char *strokes = glyph->strokes;
        for (int count; (count = palt__stroke_next(&strokes, p)) > 0;)
            for (int end = 0; end < 2; end++) {
                const palt__point at = p[end ? count - 1 : 0];
                const double right = count == 1 ? 0.25 * pen : 0;
                out[n++] =
                    turned ? (palt__point){right - at.y, -from - at.x} : (palt__point){from + at.x + right, -at.y};
            }
        from += svg_advance(*text, unit, pen > PALT__FONT_PEN, whole);
    }
    return n;
}

/* Whether the shape is this text; then *at is the left end of its baseline. */
static inline bool svg_is_text(const svg_shape *shape, const char *text, bool bold, bool turned, bool whole,
                               palt__point *at)
{
    static palt__point found[SVG_ENDS], wanted[SVG_ENDS];
    const double pen = bold ? PALT__FONT_BOLD : PALT__FONT_PEN, unit = shape->width / (2 * pen);
    const int n = shape->filled ? 0 : svg_strokes(text, pen, turned, unit, whole, wanted);
    if (n == 0 || svg_points(shape->d, false, found) != n) return false;
    for (int i = 0; i < n; i++) {
        const palt__point origin = {found[i].x - unit * wanted[i].x, found[i].y - unit * wanted[i].y};
        if (i == 0) *at = origin;
        if (fabs(origin.x - at->x) > 0.02 || fabs(origin.y - at->y) > 0.02) return false;
    }
    at->y -= unit * PALT__FONT_BASELINE * !turned;
    return true;
}

/* Finds a text of any size. NULL: it is not drawn. at may be NULL. */
static inline const svg_shape *svg_text(const char *text, palt__point *at)
{
    palt__point room;
    for (int i = 0; i < svg_count; i++)
        for (int way = 0; way < 8; way++)
            if (svg_is_text(&svg_shapes[i], text, way & 1, way & 2, way & 4, at ? at : &room)) return &svg_shapes[i];
    return NULL;
}

static inline bool svg_says(const char *text) { return svg_text(text, NULL) != NULL; }

static inline bool svg_same(pal_colour a, pal_colour b)
{
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

static inline bool svg_is(const svg_shape *shape, bool filled, pal_colour colour, double width)
{
    return shape->filled == filled && svg_same(shape->colour, colour) &&
           (width == 0 || fabs(shape->width - width) < 1e-3);
}

/* The i-th shape of this kind, colour and line width (0: any); NULL: there are fewer. */
static inline const svg_shape *svg_find(bool filled, pal_colour colour, double width, int i)
{
    for (int k = 0; k < svg_count; k++)
        if (svg_is(&svg_shapes[k], filled, colour, width) && i-- == 0) return &svg_shapes[k];
    return NULL;
}

static inline int svg_number_of(bool filled, pal_colour colour, double width)
{
    int n = 0;
    for (int k = 0; k < svg_count; k++) n += svg_is(&svg_shapes[k], filled, colour, width);
    return n;
}

/* Nothing but the white ground touches the edge of the picture. */
static inline void svg_check_margins(double margin)
{
    static palt__point p[SVG_ENDS];
    double width, height;
    const char *box = strstr(svg, "viewBox=\"0 0 ");
    ck_assert(box != NULL && sscanf(box, "viewBox=\"0 0 %lf %lf\"", &width, &height) == 2);
    for (int i = 0; i < svg_count; i++) {
        const double side = margin + svg_shapes[i].width / 2;
        const int n = svg_points(svg_shapes[i].d, true, p);
        for (int k = 0; k < n; k++)
            ck_assert_msg(p[k].x >= side && p[k].y >= side && p[k].x <= width - side && p[k].y <= height - side,
                          "a shape is at %g, %g of %g x %g", p[k].x, p[k].y, width, height);
    }
}

/* The two files have the same bytes. */
static inline void assert_same_files(const char *a, const char *b)
{
    static char first[4 << 20], second[4 << 20];
    const size_t n = read_file(a, first, sizeof first), m = read_file(b, second, sizeof second);
    ck_assert(n > 100 && n < sizeof first);
    ck_assert_msg(n == m && memcmp(first, second, n) == 0, "%s and %s differ", a, b);
}

#endif
