/* title.c - the title above a plot, in one or more lines. */
#include "plot/internal.h"

#include <string.h>

enum { LARGE = 20, SMALLER = 15 };

/* Text is measured with letters of 56 pixels, in which every advance is a whole number of pixels. */
static const char *next_line(const char *title, double width, int size, size_t *bytes)
{
    const char *next;
    *bytes = palt__text_wrap(title, (pal_text_style){.height = 56}, (int64_t)(width * 56 / size), &next);
    return next;
}

static int lines_of(const char *title, double width, int size)
{
    int lines = 0;
    size_t bytes;
    for (; *title != '\0'; lines++) title = next_line(title, width, size, &bytes);
    return lines;
}

static int size_of(const char *title, double width) { return lines_of(title, width, LARGE) > 2 ? SMALLER : LARGE; }

double palt__title_height(const char *title, double width)
{
    const int size = title == NULL ? 0 : size_of(title, width);
    return title == NULL ? 0 : lines_of(title, width, size) * 1.75 * size;
}

void palt__title_draw(palt__canvas *canvas, const char *title, double x, double y, double width)
{
    if (title == NULL) return;
    const int size = size_of(title, width);
    for (y += size / 2.0; *title != '\0'; y += 1.75 * size) {
        size_t bytes;
        const char *next = next_line(title, width, size, &bytes);
        palt__canvas_text(canvas, (palt__point){x, y}, title, bytes,
                          (palt__letters){.height = size, .colour = PALT__INK, .anchor = 0.5});
        title = next;
    }
}
