/* cells.c - how samples are drawn as the cells of a grid: the size of their planes, and their grey levels. */
#include "analysis/internal.h"

void palt__cell_size(pal_shape sample, int64_t *height, int64_t *width)
{
    int64_t last[2] = {1, 1};
    for (int a = sample.rank - 1, k = 1; a >= 0 && k >= 0; a--)
        if (sample.dim[a] > 1) last[k--] = sample.dim[a];
    int64_t count = pal_shape_count(sample);
    *height = last[0];
    *width = last[1];
    if (last[0] > 1) return;
    for (int64_t h = 1; h * h <= count; h++)
        if (count % h == 0) *height = h;
    *width = count / *height;
}

void palt__size_cells(pal_grid_section *section, pal_shape sample)
{
    palt__cell_size(sample, &section->cell_height, &section->cell_width);
    const int64_t plane = section->cell_height * section->cell_width;
    section->cell_planes = plane > 0 ? pal_shape_count(sample) / plane : 1;
}

pal_mapping palt__mapping(const pal_tensor *x)
{
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        double value = pal_tensor_get(x, i);
        if (value < 0 || value > 1) return PAL_MAP_RANGE;
    }
    return PAL_MAP_UNIT;
}
