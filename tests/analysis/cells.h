/* cells.h - whether a picture contains a sample, drawn at any size. */
#ifndef PAL_TESTS_CELLS_H
#define PAL_TESTS_CELLS_H

#include <math.h>
#include <stdlib.h>

#include "plot/plot.h"

static inline bool is_cell(const pal_image *image, int x0, int y0, int scale, const float *cell, int h, int w)
{
    for (int i = 0; i < h * w; i++) {
        const int level = pal_image_get(image, x0 + i % w * scale, y0 + i / w * scale).red;
        if (level != (int)lround(255 * (double)cell[i])) return false;
    }
    return true;
}

/* How often an image with values from 0 to 1 occurs in the picture, at the smallest scale at which it does. Places that
 * are less than a cell apart count once. */
static inline int count_cells(const pal_image *image, const float *cell, int h, int w)
{
    int count = 0, x[64], y[64];
    for (int scale = 1; scale <= 24 && !count; scale++)
        for (int y0 = 0; y0 + h * scale <= image->height; y0++)
            for (int x0 = 0; x0 + w * scale <= image->width && count < 64; x0++) {
                bool known = !is_cell(image, x0, y0, scale, cell, h, w);
                for (int i = 0; i < count && !known; i++)
                    known = abs(x0 - x[i]) < w * scale && abs(y0 - y[i]) < h * scale;
                if (known) continue;
                x[count] = x0;
                y[count++] = y0;
            }
    return count;
}

/* Returns true if an image with values from 0 to 1 occurs in the picture, at any scale. */
static inline bool has_cell(const pal_image *image, const float *cell, int h, int w)
{
    for (int scale = 1; scale <= 24; scale++)
        for (int y0 = 0; y0 + h * scale <= image->height; y0++)
            for (int x0 = 0; x0 + w * scale <= image->width; x0++)
                if (is_cell(image, x0, y0, scale, cell, h, w)) return true;
    return false;
}

#endif
