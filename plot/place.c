/* place.c - the positions of the parts of a grid, and the sizes of its texts.
 *
 * From top to bottom: margin, title, section titles, column labels, cells, caption, margin. A part that is absent takes
 * no space. From left to right: for each section its row labels, its axis, and its cells. The text size grows with the
 * picture, because a wide picture is usually shown smaller. No text is wider than its room: titles are wrapped, labels
 * are wrapped and cut, and column labels that are too wide are turned.
 */
#include "plot/internal.h"

enum {
    LARGEST_LABEL = 30, /* pixels */
    TITLE_LINE = 26,    /* in heights of a label: narrow pictures are widened for their title, up to this width */
    SECTION_LINE = 16,  /* the same for the title of a section, which has up to SECTION_LINES lines */
    SECTION_LINES = 3,
    LABEL_LINE = 16, /* and the largest width of a row label */
    TURNED = 14,     /* and of a turned column label */
};

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

int32_t palt__label_size(int64_t cells_width)
{
    return (int32_t)max64(PALT__SMALLEST_LABEL, min64(cells_width / 90, LARGEST_LABEL));
}

/* ---- Texts ---------------------------------------------------------------------------------------------------- */

palt__block palt__title_block(const palt__layout *layout, const char *text, pal_text_style style)
{
    return (palt__block){text, style, max64(layout->content, TITLE_LINE * (int64_t)layout->label.height), INT64_MAX};
}

palt__block palt__section_title_block(const palt__layout *layout, size_t section, const char *text)
{
    const int64_t least = SECTION_LINE * (int64_t)layout->label.height;
    return (palt__block){text, layout->section_title, max64(layout->sections[section].cells_width, least),
                         SECTION_LINES};
}

palt__block palt__row_label_block(const palt__layout *layout, const char *text, int64_t height)
{
    const int64_t more =
        height > layout->label.height ? (height - layout->label.height) / pal_text_leading(layout->label) : 0;
    return (palt__block){text, layout->label, LABEL_LINE * (int64_t)layout->label.height, 1 + more};
}

static void choose_styles(palt__layout *layout, int64_t cells_width)
{
    const pal_colour black = {20, 20, 20}, grey = {85, 85, 85};
    const int32_t size = palt__label_size(cells_width);
    layout->label = (pal_text_style){size, false, black};
    layout->column_label = layout->label;
    layout->caption = (pal_text_style){(int32_t)max64(size * 9 / 10, PALT__SMALLEST_TEXT), false, grey};
    layout->section_title = (pal_text_style){size * 11 / 10, true, black};
    layout->title = (pal_text_style){size * 13 / 10, true, black};
    layout->margin = 2 * (int64_t)size;
}

/* Returns the widest column label, and sets *spare to the least room beside one, which is negative if one is too wide.
 */
static int64_t widest_label(const palt__layout *layout, const pal_grid *grid, int64_t *spare)
{
    int64_t widest = 0;
    *spare = INT64_MAX;
    for (size_t s = 0; s < grid->count; s++)
        for (size_t c = 0; c < grid->sections[s].column_label_count; c++) {
            const int64_t width = pal_text_width(grid->sections[s].column_labels[c], layout->column_label);
            widest = max64(widest, width);
            *spare = min64(*spare, layout->sections[s].cell_width - width);
        }
    return widest;
}

/* Column labels become smaller until they fit above their columns, down to the smallest legible size. If that does not
 * suffice, they are turned, and as large as the narrowest columns allow. */
static void fit_column_labels(palt__layout *layout, const pal_grid *grid)
{
    int64_t spare, pitch = INT64_MAX, *const by = &layout->turned_by;
    int32_t *const height = &layout->column_label.height;
    for (size_t s = 0; s < grid->count; s++)
        if (grid->sections[s].column_label_count > 0)
            pitch = min64(pitch, layout->sections[s].cell_width + layout->sections[s].gap);
    while (widest_label(layout, grid, &spare), spare < 0 && *height > PALT__SMALLEST_TEXT) --*height;
    layout->turned = spare < 0;
    if (layout->turned) *height = (int32_t)max64(*height, min64(layout->label.height, pitch * 2 / 3));
    *by = min64(widest_label(layout, grid, &spare), TURNED * (int64_t)*height);
}

/* Labels below cells become smaller together until they fit below their cells, down to the smallest legible size. */
static void fit_cell_labels(palt__layout *layout, const pal_grid *grid)
{
    layout->cell_label = layout->caption;
    for (size_t s = 0; s < grid->count; s++)
        for (size_t r = 0; r < grid->sections[s].count; r++) {
            const char *const *labels = grid->sections[s].rows[r].cell_labels;
            for (int64_t i = 0; labels != NULL && i < layout->sections[s].rows[r].count; i++)
                while (layout->cell_label.height > PALT__SMALLEST_TEXT &&
                       pal_text_width(labels[i], layout->cell_label) > layout->sections[s].cell_width)
                    layout->cell_label.height--;
        }
}

/* ---- Positions ------------------------------------------------------------------------------------------------ */

static int64_t place_across(palt__layout *layout, const pal_grid *grid)
{
    int64_t x = 0, space = 3 * (int64_t)layout->label.height;
    for (size_t s = 0; s < layout->count; s++) {
        palt__section_layout *section = &layout->sections[s];
        const palt__block title = palt__section_title_block(layout, s, grid->sections[s].title);
        int64_t widest = 0;
        for (size_t r = 0; r < section->row_count; r++) {
            const int64_t height = palt__layout_lines(section, r) * section->line - section->gap;
            const palt__block label = palt__row_label_block(layout, grid->sections[s].rows[r].label, height);
            palt__block_lines(&label, &section->labels);
        }
        if (section->labels > 0) section->labels += layout->label.height;
        palt__block_lines(&title, &widest);
        const int64_t slack = max64(0, widest - section->cells_width), axis = section->profile.axis;
        section->cells_x = x + section->labels + axis + slack / 2;
        x += section->labels + axis + section->cells_width + slack + space;
    }
    return x - space;
}

static void place_down(palt__layout *layout, const pal_grid *grid, int64_t cells_height)
{
    int64_t y = layout->margin, size = layout->label.height, widest = 0, section_titles = 0;
    bool column_labels = false;
    for (size_t s = 0; s < grid->count; s++) {
        const palt__block title = palt__section_title_block(layout, s, grid->sections[s].title);
        section_titles = max64(section_titles, palt__block_height(&title));
        column_labels |= grid->sections[s].column_label_count > 0;
    }
    const palt__block title = palt__title_block(layout, grid->title, layout->title);
    layout->title_y = y;
    palt__block_lines(&title, &widest);
    if (given(grid->title)) y += palt__block_height(&title) + size * 3 / 2;
    layout->section_title_y = y;
    if (section_titles > 0) y += section_titles + size;
    layout->column_label_y = y;
    if (column_labels) y += (layout->turned ? layout->turned_by : layout->column_label.height) + size * 2 / 3;
    layout->cells_y = y;
    y += cells_height;
    const palt__block caption = palt__title_block(layout, grid->caption, layout->caption);
    layout->caption_y = y + size * 5 / 4;
    if (palt__block_lines(&caption, &widest) > 0) y = layout->caption_y + palt__block_height(&caption);
    layout->content = max64(layout->content, widest);
    layout->width = layout->content + 2 * layout->margin;
    layout->height = y + layout->margin;
}

void palt__layout_place(palt__layout *layout, const pal_grid *grid, int64_t cells_width, int64_t cells_height)
{
    choose_styles(layout, cells_width);
    fit_column_labels(layout, grid);
    fit_cell_labels(layout, grid);
    const int64_t across = layout->content = place_across(layout, grid);
    place_down(layout, grid, cells_height);
    for (size_t s = 0; s < layout->count; s++)
        layout->sections[s].cells_x += layout->margin + (layout->content - across) / 2;
}
