/* layout.c - the parts of a grid: reads them, chooses how many cells are in a line, and how large a cell is. Counts and
 * sizes are bounded before they are multiplied, so nothing here can overflow. */
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    GOOD_SIDE = 1400,  /* pixels; width and height that the cells of a grid should fill */
    SMALL_CELL = 40,   /* pixels; cells are not made smaller than this only to fit GOOD_SIDE */
    LARGEST_SCALE = 8, /* largest scale chosen automatically */
    STRIP_HEIGHT = 24, /* pixels; height of cells that are one line of pixels, and their largest scale */
    PROFILE_GAP = 24,  /* pixels; between two profiles: room for the numbers of an axis */
    SCALE_LIMIT = 64,  /* largest scale that a caller may set */
    CELLS_LIMIT = 1 << 20,
    SECTIONS_LIMIT = 256,
    ROWS_LIMIT = 4096,
};

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t clamp(int64_t x, int64_t low, int64_t high) { return max64(low, min64(x, high)); }
static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

int64_t palt__layout_lines(const palt__section_layout *section, size_t row)
{
    return section->bands > 1 ? 1 : (section->rows[row].count + section->columns - 1) / section->columns;
}

void palt__layout_clear(palt__layout *layout)
{
    for (size_t s = 0; layout->sections != NULL && s < layout->count; s++) {
        free(layout->sections[s].profile.scales);
        free(layout->sections[s].rows);
    }
    free(layout->sections);
    *layout = (palt__layout){0};
}

/* ---- Reading the grid ----------------------------------------------------------------------------------------- */

/* Chooses as many columns as fit into GOOD_SIDE with cells of at least SMALL_CELL, and makes the bands about equally
 * long. */
static void choose_bands(palt__section_layout *to, int64_t longest)
{
    const int64_t side = max64(to->rows[0].width, to->rows[0].height);
    const int64_t scale = (SMALL_CELL + side - 1) / side;
    const int64_t pitch = to->profiled ? to->profile.width + PROFILE_GAP : to->rows[0].width * scale + 4;
    const int64_t columns = max64(1, (GOOD_SIDE + 4) / pitch);
    to->bands = (longest + columns - 1) / columns;
    to->columns = (longest + to->bands - 1) / to->bands;
}

static bool is_strip(const palt__section_layout *section) { return !section->profiled && section->rows[0].height == 1; }

/* The columns of one row that is arranged as a square: of cells, or of pixels if the cells are profiles. */
static int64_t square(const palt__section_layout *to, int64_t count)
{
    const palt__profile *p = &to->profile;
    const double shape =
        to->profiled ? (double)(p->height + PROFILE_GAP) / (double)(p->width + PROFILE_GAP) : 1; /* height by width */
    return (int64_t)ceil(sqrt(shape * (double)count));
}

static pal_status open_rows(palt__section_layout *to, const pal_grid_section *section, size_t number, pal_error *error)
{
    pal_error why = {PAL_OK, ""};
    int64_t longest = 0;
    to->row_count = section->count;
    to->rows = calloc(section->count, sizeof *to->rows);
    if (to->rows == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "grid: no memory");
    for (size_t r = 0; r < section->count; r++) {
        palt__cells *cells = &to->rows[r];
        pal_status status = palt__cells_open(cells, &section->rows[r], section, &why);
        if (status != PAL_OK)
            return pal_error_set(error, status, "grid: section %zu, row %zu: %s", number, r, why.text);
        if ((section->rows[r].mapping == PAL_MAP_PROFILE) != (section->rows[0].mapping == PAL_MAP_PROFILE))
            return pal_error_set(error, PAL_ERR_ARGUMENT,
                                 "grid: section %zu, row %zu: make all rows of a section profiles, or none", number, r);
        if (cells->height != to->rows[0].height || cells->width != to->rows[0].width)
            return pal_error_set(error, PAL_ERR_SHAPE,
                                 "grid: section %zu, row %zu: cells are %lld x %lld, expected %lld x %lld as in row 0",
                                 number, r, (long long)cells->height, (long long)cells->width,
                                 (long long)to->rows[0].height, (long long)to->rows[0].width);
        if (cells->count > CELLS_LIMIT)
            return pal_error_set(error, PAL_ERR_SHAPE,
                                 "grid: section %zu, row %zu: %lld cells are too many: give at most %d", number, r,
                                 (long long)cells->count, CELLS_LIMIT);
        longest = max64(longest, cells->count);
        to->labelled |= given(section->rows[r].label);
        to->captioned |= section->rows[r].cell_labels != NULL;
        to->matte |= section->rows[r].mapping == PAL_MAP_DIVERGING;
    }
    to->profiled = section->rows[0].mapping == PAL_MAP_PROFILE;
    if (to->profiled && palt__profile_make(&to->profile, to->rows, section, error) != PAL_OK) return PAL_ERR_MEMORY;
    to->matte |= is_strip(to);
    to->columns = section->count == 1 ? square(to, longest) : longest;
    if (section->columns > 0) to->columns = (int64_t)(section->columns < CELLS_LIMIT ? section->columns : CELLS_LIMIT);
    to->columns = min64(to->columns, longest);
    to->bands = 1;
    if (section->count > 1 && section->columns == 0 && section->column_label_count == 0) choose_bands(to, longest);
    return PAL_OK;
}

static pal_status open_sections(palt__layout *layout, const pal_grid *grid, pal_error *error)
{
    if (grid == NULL) return pal_error_set(error, PAL_ERR_ARGUMENT, "grid: none is given");
    if (pal_options_read(NULL, grid, sizeof *grid, sizeof *grid, "grid", error)) return PAL_ERR_ARGUMENT;
    if (grid->count == 0 || grid->count > SECTIONS_LIMIT || grid->sections == NULL)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "grid: %zu sections: give 1 to %d", grid->count, SECTIONS_LIMIT);
    if (grid->scale < 0 || grid->scale > SCALE_LIMIT)
        return pal_error_set(error, PAL_ERR_ARGUMENT, "grid: scale %d: give 0 to %d", (int)grid->scale, SCALE_LIMIT);
    layout->sections = calloc(grid->count, sizeof *layout->sections);
    if (layout->sections == NULL) return pal_error_set(error, PAL_ERR_MEMORY, "grid: no memory");
    layout->count = grid->count;
    for (size_t s = 0; s < grid->count; s++) {
        const pal_grid_section *section = &grid->sections[s];
        if (section->count == 0 || section->count > ROWS_LIMIT || section->rows == NULL ||
            (section->column_labels == NULL && section->column_label_count > 0))
            return pal_error_set(error, PAL_ERR_ARGUMENT,
                                 "grid: section %zu has no rows, too many rows, or no column labels", s);
        pal_status status = open_rows(&layout->sections[s], section, s, error);
        if (status != PAL_OK) return status;
    }
    return PAL_OK;
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

static bool all_strips(const palt__layout *layout)
{
    bool strips = true;
    for (size_t s = 0; s < layout->count; s++) strips &= is_strip(&layout->sections[s]);
    return strips;
}

static int64_t gap_of(const palt__layout *layout, int64_t scale)
{
    int64_t gap = clamp(scale, 1, 4);
    for (size_t s = 0; s < layout->count; s++) /* wider than the gap between two planes of a cell */
        if (layout->sections[s].rows[0].width > layout->sections[s].rows[0].plane_width) gap = 2 * scale;
    return all_strips(layout) ? 2 * gap : gap;
}

static void size_lines(palt__section_layout *section, int64_t label)
{
    int64_t lines = 0, needed = section->labelled ? label * 3 / 2 : 0;
    for (size_t r = 0; r < section->row_count; r++) lines += palt__layout_lines(section, r);
    const bool wrapped = section->row_count > 1 && lines > (int64_t)section->row_count;
    section->caption = section->captioned ? label * 7 / 4 : 0;
    section->line = section->cell_height + section->caption + section->gap;
    section->row_gap = wrapped ? 4 * section->gap : section->gap; /* marks the end of a row of several lines */
    if (section->cell_height + section->row_gap < needed) section->row_gap = needed - section->cell_height;
    const int64_t band = lines * section->line - (int64_t)section->row_count * section->gap +
                         (int64_t)(section->row_count - 1) * section->row_gap + section->profile.below;
    section->band = band + max64(section->row_gap, label) + (section->profiled ? PROFILE_GAP : 0);
    section->cells_height = section->bands * section->band - (section->band - band);
}

/* Sets the sizes of all cells at a scale. Returns the total width of the cells of all sections; *height is the height
 * of the highest section. */
static int64_t size_cells(palt__layout *layout, int64_t scale, int64_t *height)
{
    int64_t width = 0;
    const int64_t gap = gap_of(layout, scale);
    *height = 0;
    layout->scale = scale;
    layout->down = all_strips(layout) ? max64(scale, STRIP_HEIGHT) : scale;
    for (size_t s = 0; s < layout->count; s++) {
        palt__section_layout *section = &layout->sections[s];
        section->gap = section->profiled ? PROFILE_GAP : gap;
        section->cell_width = section->profiled ? section->profile.width : section->rows[0].width * scale;
        section->cell_height = section->profiled ? section->profile.height : section->rows[0].height * layout->down;
        section->cells_width = section->columns * (section->cell_width + section->gap) - section->gap;
        width += section->cells_width;
    }
    for (size_t s = 0; s < layout->count; s++) {
        size_lines(&layout->sections[s], palt__label_size(width));
        *height = max64(*height, layout->sections[s].cells_height);
    }
    return width;
}

/* Returns the largest scale at which the cells fit into GOOD_SIDE. Twice that size is allowed if cells
 * would be smaller than SMALL_CELL at the next smaller scale. */
static int64_t choose_scale(palt__layout *layout)
{
    int64_t smallest = PALT__IMAGE_SIDE, height;
    const bool strips = all_strips(layout);
    for (size_t s = 0; s < layout->count; s++)
        if (!layout->sections[s].profiled)
            smallest = min64(smallest, max64(layout->sections[s].rows[0].width, layout->sections[s].rows[0].height));
    for (int64_t scale = strips ? STRIP_HEIGHT : LARGEST_SCALE; scale > 1; scale--) {
        int64_t side = GOOD_SIDE * (smallest * (scale - 1) < SMALL_CELL ? 2 : 1);
        if (size_cells(layout, scale, &height) <= side && height <= side) return scale;
    }
    return 1;
}

pal_status palt__layout_make(palt__layout *layout, const pal_grid *grid, pal_error *error)
{
    *layout = (palt__layout){0};
    pal_status status = open_sections(layout, grid, error);
    if (status == PAL_OK) {
        int64_t height, width = size_cells(layout, grid->scale > 0 ? grid->scale : choose_scale(layout), &height);
        palt__layout_place(layout, grid, width, height);
    } else {
        palt__layout_clear(layout);
    }
    return status;
}
