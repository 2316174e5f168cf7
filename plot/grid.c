/* grid.c - draws a grid as layout.c has laid it out. */
#include "plot/internal.h"

/* Lines of text, each centred between left and left + width. */
static void centred(pal_image *image, int64_t left, int64_t width, int64_t y, const char *text, pal_text_style style,
                    int64_t wrap)
{
    while (text != NULL && text[0] != '\0') {
        const char *line = text;
        size_t bytes = pal__text_wrap(line, style, wrap, &text);
        pal__text_draw(image, left + (width - pal__text_measure(line, bytes, style)) / 2, y, line, bytes, style);
        y += pal_text_leading(style);
    }
}

static void draw_row(pal_image *image, const pal__layout *layout, const pal__section_layout *section,
                     const pal_grid_row *row, const pal__cells *cells, int64_t y)
{
    for (int64_t i = 0; i < cells->count; i++) {
        int64_t cell_x = section->cells_x + i % section->columns * (section->cell_width + layout->gap);
        int64_t cell_y = y + i / section->columns * (section->cell_height + layout->gap);
        if (section->matte) /* an edge that shows where a near-white cell ends */
            pal_image_rect(image, cell_x - layout->gap, cell_y - layout->gap, section->cell_width + 2 * layout->gap,
                           section->cell_height + 2 * layout->gap, (pal_colour){205, 205, 205});
    }
    for (int64_t i = 0; i < cells->count; i++)
        pal__cells_draw(cells, i, row->mapping, image,
                        section->cells_x + i % section->columns * (section->cell_width + layout->gap),
                        y + i / section->columns * (section->cell_height + layout->gap), layout->scale);
}

static void draw_section(pal_image *image, const pal__layout *layout, const pal__section_layout *section,
                         const pal_grid_section *from)
{
    int64_t y = layout->cells_y, pitch = section->cell_height + layout->gap;
    /* layout.c left room for a title that is wider than the cells: never wrapped */
    centred(image, section->cells_x, section->cells_width, layout->section_title_y, from->title, layout->section_title,
            INT64_MAX);
    for (size_t c = 0; c < from->column_label_count && c < (size_t)section->columns; c++)
        centred(image, section->cells_x + (int64_t)c * (section->cell_width + layout->gap), section->cell_width,
                layout->column_label_y, from->column_labels[c], layout->column_label, INT64_MAX);
    for (size_t r = 0; r < section->row_count; r++) {
        int64_t height = pal__layout_lines(section, r) * pitch - layout->gap;
        int64_t label = pal_text_width(from->rows[r].label, layout->label);
        pal_image_text(image, section->cells_x - layout->label.height - label, y + (height - layout->label.height) / 2,
                       from->rows[r].label, layout->label);
        draw_row(image, layout, section, &from->rows[r], &section->rows[r], y);
        y += height + section->row_gap;
    }
}

pal_image *pal_grid_draw(const pal_grid *grid, pal_error *error)
{
    pal__layout layout;
    if (pal__layout_make(&layout, grid, error) != PAL_OK) return NULL;
    pal_image *image = pal_image_new(layout.width, layout.height, error);
    if (image != NULL) {
        centred(image, layout.margin, layout.content, layout.title_y, grid->title, layout.title, layout.content);
        for (size_t s = 0; s < layout.count; s++) draw_section(image, &layout, &layout.sections[s], &grid->sections[s]);
        centred(image, layout.margin, layout.content, layout.caption_y, grid->caption, layout.caption, layout.content);
    }
    pal__layout_clear(&layout);
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
