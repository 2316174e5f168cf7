/* grid.c - draws a grid at the positions that layout.c has computed. */
#include "plot/internal.h"

/* Draws wrapped lines of text, each centred between left and left + width. */
static void centred(pal_image *image, int64_t left, int64_t width, int64_t y, const char *text, pal_text_style style,
                    int64_t wrap)
{
    while (text != NULL && text[0] != '\0') {
        const char *line = text;
        size_t bytes = palt__text_wrap(line, style, wrap, &text);
        palt__text_draw(image, left + (width - palt__text_measure(line, bytes, style)) / 2, y, line, bytes, style);
        y += pal_text_leading(style);
    }
}

/* Draws the cells from `first` up to but not including `end`; `first` is at the top left. */
static void draw_row(pal_image *image, const palt__layout *layout, const palt__section_layout *section,
                     const pal_grid_row *row, const palt__cells *cells, int64_t first, int64_t end, int64_t y)
{
    const int64_t pitch = section->cell_width + layout->gap, columns = section->columns, gap = layout->gap;
    for (int64_t i = 0; section->matte && i < end - first; i++) /* a grey edge around cells that may be near-white */
        pal_image_rect(image, section->cells_x + i % columns * pitch - gap, y + i / columns * section->line - gap,
                       section->cell_width + 2 * gap, section->cell_height + 2 * gap, (pal_colour){205, 205, 205});
    for (int64_t i = 0; i < end - first; i++)
        palt__cells_draw(cells, first + i, row->mapping, image, section->cells_x + i % columns * pitch,
                         y + i / columns * section->line, layout->scale, layout->down);
}

static void draw_rows(pal_image *image, const palt__layout *layout, const palt__section_layout *section,
                      const pal_grid_section *from, int64_t band)
{
    int64_t y = layout->cells_y + band * section->band;
    for (size_t r = 0; r < section->row_count; r++) {
        const palt__cells *cells = &section->rows[r];
        const int64_t height = palt__layout_lines(section, r) * section->line - layout->gap;
        const int64_t first = section->bands > 1 ? band * section->columns : 0;
        const int64_t end =
            section->bands > 1 && cells->count > first + section->columns ? first + section->columns : cells->count;
        const int64_t label = pal_text_width(from->rows[r].label, layout->label);
        if (end > first)
            pal_image_text(image, section->cells_x - layout->label.height - label,
                           y + (height - layout->label.height) / 2, from->rows[r].label, layout->label);
        draw_row(image, layout, section, &from->rows[r], cells, first, end, y);
        y += height + section->row_gap;
    }
}

static void draw_section(pal_image *image, const palt__layout *layout, const palt__section_layout *section,
                         const pal_grid_section *from)
{
    /* never wrapped: layout.c has left room for a title that is wider than the cells */
    centred(image, section->cells_x, section->cells_width, layout->section_title_y, from->title, layout->section_title,
            INT64_MAX);
    for (size_t c = 0; c < from->column_label_count && c < (size_t)section->columns; c++)
        centred(image, section->cells_x + (int64_t)c * (section->cell_width + layout->gap), section->cell_width,
                layout->column_label_y, from->column_labels[c], layout->column_label, INT64_MAX);
    for (int64_t band = 0; band < section->bands; band++) draw_rows(image, layout, section, from, band);
}

pal_image *pal_grid_draw(const pal_grid *grid, pal_error *error)
{
    palt__layout layout;
    if (palt__layout_make(&layout, grid, error) != PAL_OK) return NULL;
    pal_image *image = pal_image_new(layout.width, layout.height, error);
    if (image != NULL) {
        centred(image, layout.margin, layout.content, layout.title_y, grid->title, layout.title, layout.content);
        for (size_t s = 0; s < layout.count; s++) draw_section(image, &layout, &layout.sections[s], &grid->sections[s]);
        centred(image, layout.margin, layout.content, layout.caption_y, grid->caption, layout.caption, layout.content);
    }
    palt__layout_clear(&layout);
    return image;
}

pal_status pal_grid_write(const pal_grid *grid, const char *path, pal_error *error)
{
    pal_error why = {PAL_OK, ""};
    pal_image *image = pal_grid_draw(grid, &why);
    if (image == NULL) return pal_error_set(error, why.status, "%s: %s", path == NULL ? "(no path)" : path, why.text);
    pal_status status = pal_image_write(image, path, error);
    pal_image_free(image);
    return status;
}
