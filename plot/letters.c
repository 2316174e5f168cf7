/* letters.c - measures, wraps and draws lines of text in the font of font.c: its strokes as paths, so that a text looks
 * the same on every machine and in every format, and needs no installed font.
 *
 * In a pal_text_style, every letter starts on a whole pixel, so that equal letters look equal and the width of a text
 * is the sum of the widths of its letters. Its heights are clamped to 5..256 pixels, so that all numbers stay small.
 */
#include "plot/internal.h"

#include <math.h>
#include <string.h>

static double advance_of(const char *at, palt__letters l)
{
    const int32_t wide = palt__continues(*at) ? 0 : palt__glyph_at(at)->advance;
    /* The pen of a bold letter is wider, so the next letter starts further to the right. */
    const double units = wide + (l.bold && l.whole ? 1.5 : 0.0);
    const double advance = units * l.height / PALT__FONT_CAPITAL;
    return !wide ? 0 : l.whole ? (double)lround(advance) : advance;
}

static double width_of(const char *text, size_t bytes, palt__letters l)
{
    double width = 0;
    for (size_t i = 0; i < bytes; i++) width += advance_of(text + i, l);
    return width;
}

palt__letters palt__letters_of(pal_text_style style)
{
    const int32_t height = style.height < 5 ? 5 : style.height > 256 ? 256 : style.height;
    return (palt__letters){.height = height, .colour = style.colour, .bold = style.bold, .whole = true};
}

double palt__letters_width(const char *text, size_t bytes, double height)
{
    return width_of(text, bytes, (palt__letters){.height = height});
}

int64_t palt__text_measure(const char *text, size_t bytes, pal_text_style style)
{
    return (int64_t)width_of(text, bytes, palt__letters_of(style));
}

int64_t pal_text_width(const char *text, pal_text_style style)
{
    return text == NULL ? 0 : palt__text_measure(text, strlen(text), style);
}

int64_t pal_text_leading(pal_text_style style) { return lround(palt__letters_of(style).height * 1.75); }

size_t palt__text_wrap(const char *text, pal_text_style style, int64_t width, const char **next)
{
    size_t end = 0, space = 0;
    double used = 0;
    const palt__letters l = palt__letters_of(style);
    for (; text[end] != '\0' && text[end] != '\n'; end++) {
        if (text[end] == ' ') space = end;
        used += advance_of(text + end, l);
        if (used > (double)width && end > 0 && text[end] != ' ') break;
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

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

void palt__canvas_text(palt__canvas *canvas, palt__point at, const char *text, size_t bytes, palt__letters l)
{
    const double unit = l.height / PALT__FONT_CAPITAL, pen = unit * (l.bold ? PALT__FONT_BOLD : PALT__FONT_PEN);
    const double middle = PALT__FONT_BASELINE + PALT__FONT_CAPITAL / 2.0;
    double from = -l.anchor * width_of(text, bytes, l);
    if (l.whole) from = floor(from);
    palt__point p[PALT__STROKE];
    for (size_t i = 0; i < bytes; i++) {
        if (palt__continues(text[i])) continue;
        const palt__glyph *glyph = palt__glyph_at(text + i);
        const char *strokes = glyph->strokes;
        const double start = from - (glyph->advance ? 0 : PALT__FONT_BACK * unit);
        for (int count; (count = palt__stroke_next(&strokes, p)) > 0;) {
            for (int k = 0; k < count; k++) {
                const double x = start + unit * p[k].x, y = unit * (middle - p[k].y);
                p[k] = l.turned ? (palt__point){at.x + y, at.y - x} : (palt__point){at.x + x, at.y + y};
            }
            palt__canvas_pen_stroke(canvas, p, count, pen);
        }
        from += advance_of(text + i, l);
    }
    palt__canvas_stroke(canvas, (palt__pen){.colour = l.colour, .width = 2 * pen});
}

void palt__canvas_fit(palt__canvas *canvas, palt__point at, const char *text, double room, palt__letters l)
{
    static const char dots[] = "...";
    size_t bytes = strlen(text);
    char cut[256];
    const double width = palt__letters_width(text, bytes, l.height);
    if (width > room) l.height = fmax(l.height * room / width, fmin(l.height, PALT__SMALLEST_TEXT));
    if (palt__letters_width(text, bytes, l.height) > room * 1.0001) {
        const double after = palt__letters_width(dots, strlen(dots), l.height);
        if (bytes > sizeof cut - sizeof dots) bytes = sizeof cut - sizeof dots;
        while (bytes > 1 && palt__letters_width(text, bytes, l.height) + after > room) bytes--;
        while (bytes > 1 && (palt__continues(text[bytes]) || text[bytes - 1] == ' ')) bytes--;
        memcpy(cut, text, bytes);
        memcpy(cut + bytes, dots, sizeof dots);
        text = cut;
        bytes += strlen(dots);
    }
    palt__canvas_text(canvas, at, text, bytes, l);
}

typedef struct line { /* of text in an image */
    palt__point at;
    const char *text;
    palt__letters letters;
} line;

static void draw_line(palt__canvas *canvas, const void *user)
{
    const line *l = user;
    palt__canvas_text(canvas, l->at, l->text, strlen(l->text), l->letters);
}

/* Cuts the numbers from `low` to `high` down to those from 0 to `limit`. */
static int64_t clip(double low, double high, int64_t limit, int64_t *length)
{
    const double from = fmin(fmax(low, 0), (double)limit), to = fmin(fmax(high, from), (double)limit);
    *length = (int64_t)(to - from);
    return (int64_t)from;
}

void pal_image_text(pal_image *image, int64_t x, int64_t y, const char *text, pal_text_style style)
{
    if (text == NULL) return;
    const line l = {{(double)x, (double)y + palt__letters_of(style).height / 2}, text, palt__letters_of(style)};
    const double around = l.letters.height, width = width_of(text, strlen(text), l.letters);
    palt__box box; /* what the letters can touch */
    box.x = clip((double)x - around, (double)x + width + around, image->width, &box.width);
    box.y = clip((double)y - around, (double)y + 3 * around, image->height, &box.height);
    palt__image_draw(image, box, draw_line, &l, NULL);
}
