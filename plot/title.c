/* title.c - the title above a plot, centred. A title of more than two lines gets smaller letters; one that is longer
 * than a picture has room for is cut. */
#include "plot/internal.h"

static palt__block block_of(const char *title, double width)
{
    int64_t widest = 0;
    palt__block block = {title, {20, false, PALT__INK}, (int64_t)width, 3};
    if (palt__block_lines(&block, &widest) == 3) {
        block.style.height = 15;
        block.lines = 6;
    }
    return block;
}

double palt__title_height(const char *title, double width)
{
    const palt__block block = block_of(title, width);
    int64_t widest = 0;
    return (double)(palt__block_lines(&block, &widest) * pal_text_leading(block.style));
}

void palt__title_draw(palt__canvas *canvas, const char *title, double x, double y, double width)
{
    const palt__block block = block_of(title, width);
    palt__block_draw(canvas, &block, 0.5, (int64_t)x, (int64_t)y);
}
