/* block.c - text in lines: wrapped at a width, and cut with dots after the last line that there is room for. */
#include "plot/internal.h"

#include <string.h>

static const char dots[] = "...";

/* Returns the number of bytes in the next line and moves *text on. *cut: the line is the last one, and dots follow. */
static size_t take_line(const palt__block *b, const char **text, int64_t number, bool *cut)
{
    const char *line = *text;
    size_t bytes = palt__text_wrap(line, b->style, b->width, text);
    *cut = number + 1 >= b->lines && **text != '\0';
    if (!*cut) return bytes;
    *text += strlen(*text);
    const int64_t room = b->width - pal_text_width(dots, b->style);
    while (line[bytes] != '\0' && line[bytes] != '\n' && palt__text_measure(line, bytes + 1, b->style) <= room) bytes++;
    while (bytes > 1 && palt__text_measure(line, bytes, b->style) > room) bytes--;
    while (bytes > 1 && (palt__continues(line[bytes]) || line[bytes - 1] == ' ')) bytes--;
    return bytes;
}

static int64_t width_of(const palt__block *b, const char *line, size_t bytes, bool cut)
{
    return palt__text_measure(line, bytes, b->style) + (cut ? pal_text_width(dots, b->style) : 0);
}

int64_t palt__block_lines(const palt__block *b, int64_t *widest)
{
    int64_t lines = 0;
    bool cut;
    for (const char *text = b->text; text != NULL && *text != '\0'; lines++) {
        const char *line = text;
        const size_t bytes = take_line(b, &text, lines, &cut);
        const int64_t width = width_of(b, line, bytes, cut);
        if (width > *widest) *widest = width;
    }
    return lines;
}

int64_t palt__block_height(const palt__block *b)
{
    int64_t widest = 0;
    const int64_t lines = palt__block_lines(b, &widest);
    return lines == 0 ? 0 : (lines - 1) * pal_text_leading(b->style) + b->style.height;
}

/* Draws one line and the dots after it. Its start is at `at`. */
static void draw_line(palt__canvas *canvas, const palt__block *b, palt__point at, const char *line, size_t bytes,
                      bool cut, bool turned)
{
    palt__letters letters = palt__letters_of(b->style);
    letters.turned = turned;
    palt__canvas_text(canvas, at, line, bytes, letters);
    *(turned ? &at.y : &at.x) += (turned ? -1.0 : 1.0) * (double)palt__text_measure(line, bytes, b->style);
    if (cut) palt__canvas_text(canvas, at, dots, strlen(dots), letters);
}

void palt__block_draw(palt__canvas *canvas, const palt__block *b, double anchor, int64_t x, int64_t y)
{
    bool cut;
    int64_t number = 0;
    for (const char *text = b->text; text != NULL && *text != '\0'; number++) {
        const char *line = text;
        const size_t bytes = take_line(b, &text, number, &cut);
        const int64_t left = x - (int64_t)(anchor * (double)width_of(b, line, bytes, cut));
        const double middle = (double)(y + number * pal_text_leading(b->style)) + b->style.height / 2.0;
        draw_line(canvas, b, (palt__point){(double)left, middle}, line, bytes, cut, false);
    }
}

void palt__block_draw_upwards(palt__canvas *canvas, const palt__block *b, double anchor, int64_t x, int64_t y)
{
    bool cut;
    if (b->text == NULL || b->text[0] == '\0') return;
    const char *text = b->text;
    const size_t bytes = take_line(b, &text, 0, &cut);
    const int64_t start = y + (int64_t)(anchor * (double)width_of(b, b->text, bytes, cut));
    draw_line(canvas, b, (palt__point){(double)x, (double)start}, b->text, bytes, cut, true);
}
