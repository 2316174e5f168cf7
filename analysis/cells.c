/* cells.c - how samples are drawn as the cells of a grid: as images or as profiles, and with which grey levels. */
#include <math.h>

#include "analysis/internal.h"

enum { SQUARE = 8 }; /* least side of an image that is only known from the number of its pixels */

pal_view pal_view_of(pal_shape sample)
{
    pal_view v = {1, 1, 1};
    for (int a = sample.rank - 1; a >= 0; a--) {
        if (sample.dim[a] == 1) continue;
        int64_t *side = v.width == 1 ? &v.width : v.height == 1 ? &v.height : &v.planes;
        *side *= sample.dim[a];
    }
    const int64_t side = llround(sqrt((double)v.width));
    return v.height == 1 && side >= SQUARE && side * side == v.width ? (pal_view){1, side, side} : v;
}

pal_status palt__view_choose(pal_view *view, pal_shape sample, pal_error *err)
{
    const pal_view v = *view;
    const int64_t features = pal_shape_count(sample);
    if (!v.planes && !v.height && !v.width) {
        *view = pal_view_of(sample);
        return PAL_OK;
    }
    if (v.planes < 1 || v.height < 1 || v.width < 1 || v.planes > features || v.height > features ||
        v.width != features / v.planes / v.height || v.planes * v.height * v.width != features)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "samples of %lld numbers cannot be drawn as %lld x %lld x %lld (planes, height, width)",
                             (long long)features, (long long)v.planes, (long long)v.height, (long long)v.width);
    return PAL_OK;
}

bool palt__is_profile(pal_view view) { return view.planes == 1 && view.height == 1; }

void palt__view_section(pal_grid_section *section, pal_view view)
{
    section->cell_planes = view.planes;
    section->cell_height = view.height;
    section->cell_width = view.width;
}

pal_mapping palt__mapping(pal_view view, const pal_tensor *x)
{
    if (palt__is_profile(view)) return PAL_MAP_PROFILE;
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        double value = pal_tensor_get(x, i);
        if (value < 0 || value > 1) return PAL_MAP_RANGE;
    }
    return PAL_MAP_UNIT;
}
