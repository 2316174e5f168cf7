/* layout.c - computes the position of every part of a grid.
 *
 * From top to bottom: margin, title, section titles, column labels, cells, caption, margin. A part that is absent takes
 * no space. From left to right: for each section its row labels and its cells. The text size grows with the picture,
 * because a wide picture is usually shown smaller. Counts and sizes are bounded before they are multiplied, so nothing
 * here can overflow.
 */
#include "plot/internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    GOOD_SIDE = 1400,  /* pixels; width and height that the cells of a grid should fill */
    SMALL_CELL = 40,   /* pixels; cells are not made smaller than this only to fit GOOD_SIDE */
    LARGEST_SCALE = 8, /* largest scale chosen automatically */
    STRIP_HEIGHT = 24, /* pixels; height of cells that are one line of pixels, and their largest scale */
    SMALL_LABEL = 11,  /* pixels; range of the text size */
    LARGE_LABEL = 30,
    SCALE_LIMIT = 64, /* largest scale that a caller may set */
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
    for (size_t s = 0; layout->sections != NULL && s < layout->count; s++) free(layout->sections[s].rows);
    free(layout->sections);
    *layout = (palt__layout){0};
}

/* ---- Reading the grid ----------------------------------------------------------------------------------------- */

/* Chooses as many columns as fit into GOOD_SIDE with cells of at least SMALL_CELL, and makes the bands about equally
 * long. */
static void choose_bands(palt__section_layout *to, int64_t longest)
{
    const int64_t width = to->rows[0].width, side = max64(width, to->rows[0].height);
    const int64_t scale = (SMALL_CELL + side - 1) / side;
    const int64_t columns = max64(1, (GOOD_SIDE + 4) / (width * scale + 4));
    to->bands = (longest + columns - 1) / columns;
    to->columns = (longest + to->bands - 1) / to->bands;
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
        to->matte |= section->rows[r].mapping == PAL_MAP_DIVERGING;
    }
    to->matte |= to->rows[0].height == 1;
    to->columns = section->count == 1 ? (int64_t)ceil(sqrt((double)longest)) : longest;
    if (section->columns > 0) to->columns = (int64_t)(section->columns < CELLS_LIMIT ? section->columns : CELLS_LIMIT);
    to->columns = min64(to->columns, longest);
    to->bands = 1;
    if (section->count > 1 && section->columns == 0 && section->column_label_count == 0) choose_bands(to, longest);
    return PAL_OK;
}

static pal_status open_sections(palt__layout *layout, const pal_grid *grid, pal_error *error)
{
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

static int32_t label_size(int64_t cells_width) { return (int32_t)clamp(cells_width / 90, SMALL_LABEL, LARGE_LABEL); }

static bool all_strips(const palt__layout *layout)
{
    bool strips = true;
    for (size_t s = 0; s < layout->count; s++) strips &= layout->sections[s].rows[0].height == 1;
    return strips;
}

/* Sets the sizes of all cells at a scale. Returns the total width of the cells of all sections; *height is the height
 * of the highest section. */
static int64_t size_cells(palt__layout *layout, int64_t scale, int64_t *height)
{
    int64_t width = 0;
    *height = 0;
    layout->scale = scale;
    layout->gap = clamp(scale, 1, 4);
    for (size_t s = 0; s < layout->count; s++) /* wider than the gap between two planes of a cell */
        if (layout->sections[s].rows[0].width > layout->sections[s].rows[0].plane_width) layout->gap = 2 * scale;
    const bool strips = all_strips(layout);
    if (strips) layout->gap *= 2;
    layout->down = strips ? max64(scale, STRIP_HEIGHT) : scale;
    for (size_t s = 0; s < layout->count; s++) {
        palt__section_layout *section = &layout->sections[s];
        section->cell_width = section->rows[0].width * scale;
        section->cell_height = section->rows[0].height * layout->down;
        section->cells_width = section->columns * (section->cell_width + layout->gap) - layout->gap;
        width += section->cells_width;
    }
    for (size_t s = 0; s < layout->count; s++) {
        palt__section_layout *section = &layout->sections[s];
        int64_t lines = 0, needed = section->labelled ? label_size(width) * 3 / 2 : 0;
        for (size_t r = 0; r < section->row_count; r++) lines += palt__layout_lines(section, r);
        bool wrapped = section->row_count > 1 && lines > (int64_t)section->row_count;
        section->line = section->cell_height + layout->gap;
        section->row_gap = wrapped ? 4 * layout->gap : layout->gap; /* marks the end of a row of several lines */
        if (section->cell_height + section->row_gap < needed) section->row_gap = needed - section->cell_height;
        int64_t band = lines * section->line - (int64_t)section->row_count * layout->gap +
                       (int64_t)(section->row_count - 1) * section->row_gap;
        section->band = band + max64(section->row_gap, label_size(width));
        section->cells_height = section->bands * section->band - (section->band - band);
        *height = max64(*height, section->cells_height);
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
        smallest = min64(smallest, max64(layout->sections[s].rows[0].width, layout->sections[s].rows[0].height));
    for (int64_t scale = strips ? STRIP_HEIGHT : LARGEST_SCALE; scale > 1; scale--) {
        int64_t side = GOOD_SIDE * (smallest * (scale - 1) < SMALL_CELL ? 2 : 1);
        if (size_cells(layout, scale, &height) <= side && height <= side) return scale;
    }
    return 1;
}

/* ---- Positions ------------------------------------------------------------------------------------------------ */

static void choose_styles(palt__layout *layout, int64_t cells_width)
{
    const pal_colour black = {20, 20, 20}, grey = {85, 85, 85};
    int32_t size = label_size(cells_width);
    layout->label = (pal_text_style){size, false, black};
    layout->column_label = layout->label;
    layout->caption = (pal_text_style){size * 9 / 10, false, grey};
    layout->section_title = (pal_text_style){size * 11 / 10, true, black};
    layout->title = (pal_text_style){size * 13 / 10, true, black};
    layout->margin = 2 * (int64_t)size;
}

/* Makes column labels smaller until they fit above their columns, down to the smallest readable size. */
static void fit_column_labels(palt__layout *layout, const pal_grid *grid)
{
    for (size_t s = 0; s < grid->count; s++)
        for (size_t c = 0; c < grid->sections[s].column_label_count; c++)
            while (layout->column_label.height > 7 &&
                   pal_text_width(grid->sections[s].column_labels[c], layout->column_label) >
                       layout->sections[s].cell_width)
                layout->column_label.height--;
}

static int64_t place_across(palt__layout *layout, const pal_grid *grid)
{
    int64_t x = 0, space = 3 * (int64_t)layout->label.height;
    for (size_t s = 0; s < layout->count; s++) {
        palt__section_layout *section = &layout->sections[s];
        for (size_t r = 0; r < section->row_count; r++)
            section->labels = max64(section->labels, pal_text_width(grid->sections[s].rows[r].label, layout->label));
        if (section->labels > 0) section->labels += layout->label.height;
        int64_t title = pal_text_width(grid->sections[s].title, layout->section_title);
        int64_t slack = max64(0, title - section->cells_width);
        section->cells_x = x + section->labels + slack / 2;
        x += section->labels + section->cells_width + slack + space;
    }
    return x - space;
}

/* Returns the number of lines of text when wrapped to `width`. Raises *widest to the width of the widest line. */
static int64_t wrapped_lines(const char *text, pal_text_style style, int64_t width, int64_t *widest)
{
    int64_t lines = 0;
    while (given(text)) {
        const char *line = text;
        *widest = max64(*widest, palt__text_measure(line, palt__text_wrap(line, style, width, &text), style));
        lines++;
    }
    return lines;
}

static void place_down(palt__layout *layout, const pal_grid *grid, int64_t cells_height)
{
    int64_t y = layout->margin, size = layout->label.height, widest = 0, lines;
    bool section_titles = false, column_labels = false;
    for (size_t s = 0; s < grid->count; s++) {
        section_titles |= given(grid->sections[s].title);
        column_labels |= grid->sections[s].column_label_count > 0;
    }
    /* A narrow picture is widened for its title and caption, up to a line of about thirty letters. */
    int64_t wrap = max64(layout->content, 26 * size);
    lines = wrapped_lines(grid->title, layout->title, wrap, &widest);
    layout->title_y = y;
    if (lines > 0) y += (lines - 1) * pal_text_leading(layout->title) + layout->title.height + size * 3 / 2;
    layout->section_title_y = y;
    if (section_titles) y += layout->section_title.height + size;
    layout->column_label_y = y;
    if (column_labels) y += layout->column_label.height + size * 2 / 3;
    layout->cells_y = y;
    y += cells_height;
    lines = wrapped_lines(grid->caption, layout->caption, wrap, &widest);
    layout->caption_y = y + size * 5 / 4;
    if (lines > 0) y = layout->caption_y + (lines - 1) * pal_text_leading(layout->caption) + layout->caption.height;
    layout->content = max64(layout->content, widest);
    layout->width = layout->content + 2 * layout->margin;
    layout->height = y + layout->margin;
}

static void make(palt__layout *layout, const pal_grid *grid)
{
    int64_t height, width = size_cells(layout, grid->scale > 0 ? grid->scale : choose_scale(layout), &height);
    choose_styles(layout, width);
    fit_column_labels(layout, grid);
    int64_t across = layout->content = place_across(layout, grid);
    place_down(layout, grid, height);
    for (size_t s = 0; s < layout->count; s++)
        layout->sections[s].cells_x += layout->margin + (layout->content - across) / 2;
}

pal_status palt__layout_make(palt__layout *layout, const pal_grid *grid, pal_error *error)
{
    *layout = (palt__layout){0};
    pal_status status = open_sections(layout, grid, error);
    if (status == PAL_OK)
        make(layout, grid);
    else
        palt__layout_clear(layout);
    return status;
}
