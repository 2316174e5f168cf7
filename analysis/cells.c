/* cells.c - how samples are drawn as the cells of a grid: as images or as profiles, and with which grey levels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

enum { UNLIKE = 30 }; /* a bar that is this much lower than the highest is hardly visible */
enum { SQUARE = 8 };  /* least side of an image that is only known from the number of its pixels */

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
const char *palt__view_numbers(pal_view view) { return palt__is_profile(view) ? "numbers" : "pixels"; }

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

/* The largest absolute value of a feature in the section. */
static double reach(const pal_grid_section *section, int64_t features, int64_t feature)
{
    double largest = 0;
    for (size_t r = 0; r < section->count; r++) {
        const pal_tensor *cells = section->rows[r].cells;
        for (size_t i = (size_t)feature; i < pal_tensor_count(cells); i += (size_t)features) {
            const double value = fabs(pal_tensor_get(cells, i));
            if (isfinite(value) && value > largest) largest = value;
        }
    }
    return largest;
}

static bool unlike(pal_view view, const pal_grid_section *section)
{
    double least = INFINITY, most = 0;
    if (!palt__is_profile(view) || view.width > PAL_PROFILE_BARS) return false;
    for (int64_t k = 0; k < view.width; k++) {
        const double reached = reach(section, view.width, k);
        if (reached > 0) least = fmin(least, reached); /* a feature that is always 0 needs no scale */
        most = fmax(most, reached);
    }
    return most > UNLIKE * least;
}

/* The names of the features of a profile, one after the other; NULL: there are none, or no memory. Free it. */
static const char **names_of(const pal_model *model, pal_view view)
{
    enum { NAME = 96 };
    const pal_schema *s = model ? pal_model_schema(model) : NULL;
    const size_t n = s ? (size_t)s->features : 0;
    if (!s || !s->columns[0].name || !palt__is_profile(view) || view.width != s->features || n > PAL_PROFILE_BARS)
        return NULL;
    const char **names = malloc(n * (sizeof *names + NAME));
    for (size_t k = 0; names && k < n; k++)
        names[k] = pal_schema_feature(s, (int64_t)k, (char *)(names + n) + k * NAME, NAME);
    return names;
}

pal_status palt__view_write(const pal_model *model, pal_view view, const char *title, const char *caption,
                            pal_grid_section *sections, size_t count, const char *path, pal_error *err)
{
    static const char scales[] = "Each number is drawn as a share of the largest in its place.";
    char text[4096];
    bool scaled = false;
    for (size_t s = 0; s < count; s++) scaled |= unlike(view, &sections[s]);
    const char **names = names_of(model, view);
    for (size_t s = 0; s < count; s++) {
        sections[s].feature_scales = scaled;
        sections[s].feature_names = names;
    }
    const size_t length = caption ? strlen(caption) : 0;
    const bool stops = !length || caption[length - 1] == '.';
    if (scaled)
        snprintf(text, sizeof text, "%s%s%s%s", caption ? caption : "", stops ? "" : ".", length ? " " : "", scales);
    const pal_grid grid = {.struct_size = sizeof grid,
                           .title = title,
                           .caption = scaled ? text : caption,
                           .sections = sections,
                           .count = count};
    const pal_status status = pal_grid_write(&grid, path, err);
    free(names);
    return status;
}
