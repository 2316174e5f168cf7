/* grid.c - draws a grid at the positions that layout.c and place.c have computed. */
#include "plot/internal.h"

#include <math.h>
#include <string.h>

typedef struct plot {
    const pal_grid *grid;
    palt__layout layout;
} plot;

/* Draws the label below a cell. A label that is still too wide at the size of all is made to fit. */
static void draw_label(palt__canvas *canvas, const palt__layout *layout, const palt__section_layout *section,
                       const char *text, int64_t x, int64_t y)
{
    palt__letters letters = palt__letters_of(layout->cell_label);
    letters.anchor = 0.5;
    const palt__point at = {(double)x + (double)section->cell_width / 2,
                            (double)(y + section->cell_height) + (double)section->caption / 2};
    if (text != NULL) palt__canvas_fit(canvas, at, text, (double)section->cell_width, letters);
}

/* Draws the cells from `first` up to but not including `end`; `first` is at the top left. */
static void draw_row(palt__canvas *canvas, const palt__layout *layout, const palt__section_layout *section,
                     const pal_grid_row *row, const palt__cells *cells, int64_t first, int64_t end, int64_t y)
{
    const int64_t pitch = section->cell_width + section->gap, columns = section->columns, gap = section->gap;
    for (int64_t i = 0; section->matte && i < end - first; i++) { /* a grey edge around cells that may be near-white */
        palt__canvas_rectangle(canvas, (double)(section->cells_x + i % columns * pitch - gap),
                               (double)(y + i / columns * section->line - gap), (double)(section->cell_width + 2 * gap),
                               (double)(section->cell_height + 2 * gap));
        palt__canvas_fill(canvas, (pal_colour){205, 205, 205});
    }
    for (int64_t i = 0; i < end - first; i++) {
        const int64_t x = section->cells_x + i % columns * pitch, top = y + i / columns * section->line;
        if (!section->profiled)
            palt__cells_draw(cells, first + i, row->mapping, canvas, x, top, layout->scale, layout->down);
        else if (palt__canvas_sees(canvas, (double)x, (double)top, (double)pitch, (double)section->line))
            palt__profile_draw(&section->profile, canvas, cells, first + i, x, top);
        if (section->profiled && i % columns == 0) palt__profile_axis(&section->profile, canvas, x, top);
        if (row->cell_labels != NULL) draw_label(canvas, layout, section, row->cell_labels[first + i], x, top);
    }
}

/* The names of the features, below the cells of the last line. */
static void draw_names(palt__canvas *canvas, const palt__section_layout *section, int64_t count, int64_t y)
{
    const int64_t last = count > 0 ? (count - 1) % section->columns + 1 : 0;
    for (int64_t i = 0; section->profiled && i < last; i++)
        palt__profile_names(&section->profile, canvas, section->cells_x + i * (section->cell_width + section->gap), y);
}

static void draw_rows(palt__canvas *canvas, const palt__layout *layout, const palt__section_layout *section,
                      const pal_grid_section *from, int64_t band)
{
    int64_t y = layout->cells_y + band * section->band;
    for (size_t r = 0; r < section->row_count; r++) {
        const palt__cells *cells = &section->rows[r];
        const int64_t height = palt__layout_lines(section, r) * section->line - section->gap;
        const int64_t first = section->bands > 1 ? band * section->columns : 0;
        const int64_t end =
            section->bands > 1 && cells->count > first + section->columns ? first + section->columns : cells->count;
        const palt__block label = palt__row_label_block(layout, from->rows[r].label, height);
        if (end > first)
            palt__block_draw(canvas, &label, 1, section->cells_x - section->profile.axis - layout->label.height,
                             y + (height - palt__block_height(&label)) / 2);
        draw_row(canvas, layout, section, &from->rows[r], cells, first, end, y);
        if (r + 1 == section->row_count) draw_names(canvas, section, end - first, y + height);
        y += height + section->row_gap;
    }
}

/* A turned label begins above the left edge of its column; if the columns are narrow, every n-th has one. */
static void draw_column_labels(palt__canvas *canvas, const palt__layout *layout, const palt__section_layout *section,
                               const pal_grid_section *from)
{
    const int64_t pitch = section->cell_width + section->gap, high = layout->column_label.height;
    const size_t step = layout->turned ? (size_t)((high * 3 / 2 + pitch - 1) / pitch) : 1;
    for (size_t c = 0; c < from->column_label_count && c < (size_t)section->columns; c += step) {
        const int64_t x = section->cells_x + (int64_t)c * pitch + section->cell_width / 2;
        const palt__block label = {from->column_labels[c], layout->column_label,
                                   layout->turned ? layout->turned_by : section->cell_width, 1};
        if (layout->turned)
            palt__block_draw_upwards(canvas, &label, 0, x, layout->cells_y - high * 2 / 3);
        else
            palt__block_draw(canvas, &label, 0.5, x, layout->column_label_y);
    }
}

static void draw(palt__canvas *canvas, const void *user)
{
    const plot *p = user;
    const palt__layout *l = &p->layout;
    const int64_t middle = l->margin + l->content / 2;
    const palt__block title = palt__title_block(l, p->grid->title, l->title),
                      caption = palt__title_block(l, p->grid->caption, l->caption);
    palt__block_draw(canvas, &title, 0.5, middle, l->title_y);
    for (size_t s = 0; s < l->count; s++) {
        const palt__section_layout *section = &l->sections[s];
        const pal_grid_section *from = &p->grid->sections[s];
        const palt__block heading = palt__section_title_block(l, s, from->title);
        palt__block_draw(canvas, &heading, 0.5, section->cells_x + section->cells_width / 2, l->section_title_y);
        draw_column_labels(canvas, l, section, from);
        for (int64_t band = 0; band < section->bands; band++) draw_rows(canvas, l, section, from, band);
    }
    palt__block_draw(canvas, &caption, 0.5, middle, l->caption_y);
}

/* ---- The numbers ---------------------------------------------------------------------------------------------- */

static int64_t values_of(const palt__cells *cells) { return cells->planes * cells->height * cells->plane_width; }

/* The name of a section, row or feature; or its number, if it has no name. */
static void write_name(FILE *stream, const char *name, int64_t number, char end)
{
    if (name != NULL && name[0] != '\0')
        palt__csv_text(stream, name, end);
    else
        fprintf(stream, "%lld%c", (long long)number, end);
}

/* The names of the features are those of the first section with the most values. */
static void write_headings(FILE *stream, const plot *p, int64_t most)
{
    size_t s = 0;
    while (values_of(&p->layout.sections[s].rows[0]) < most) s++;
    const char *const *names = p->grid->sections[s].feature_names;
    fputs("section,row,cell,", stream);
    for (int64_t k = 0; k < most; k++)
        write_name(stream, names == NULL ? NULL : names[k], k, k + 1 < most ? ',' : '\n');
}

static void write_table(FILE *stream, const void *user)
{
    const plot *p = user;
    int64_t most = 0;
    for (size_t s = 0; s < p->layout.count; s++) {
        const int64_t values = values_of(&p->layout.sections[s].rows[0]);
        most = values > most ? values : most;
    }
    write_headings(stream, p, most);
    for (size_t s = 0; s < p->layout.count; s++)
        for (size_t r = 0; r < p->layout.sections[s].row_count; r++) {
            const palt__cells *cells = &p->layout.sections[s].rows[r];
            for (int64_t i = 0; i < cells->count; i++) {
                write_name(stream, p->grid->sections[s].title, (int64_t)s, ',');
                write_name(stream, p->grid->sections[s].rows[r].label, (int64_t)r, ',');
                fprintf(stream, "%lld,", (long long)i);
                for (int64_t k = 0; k < most; k++)
                    palt__csv_number(stream, k < values_of(cells) ? palt__cells_value(cells, i, k) : NAN,
                                     k + 1 < most ? ',' : '\n');
            }
        }
}

/* ---- The calls ------------------------------------------------------------------------------------------------ */

static palt__picture picture_of(const plot *p)
{
    return (palt__picture){(double)p->layout.width, (double)p->layout.height, draw, p->grid->csv ? write_table : NULL,
                           p};
}

pal_image *pal_grid_draw(const pal_grid *grid, pal_error *error)
{
    plot p = {.grid = grid};
    if (palt__layout_make(&p.layout, grid, error) != PAL_OK) return NULL;
    const palt__picture picture = picture_of(&p);
    pal_image *image = palt__picture_draw(&picture, error);
    palt__layout_clear(&p.layout);
    return image;
}

pal_status pal_grid_write(const pal_grid *grid, const char *path, pal_error *error)
{
    pal_error why = {PAL_OK, ""};
    plot p = {.grid = grid};
    if (path == NULL || path[0] == '\0' || path[strlen(path) - 1] == '/')
        return pal_error_set(error, PAL_ERR_ARGUMENT, "grid: no path to write to");
    if (palt__layout_make(&p.layout, grid, &why) != PAL_OK)
        return pal_error_set(error, why.status, "%s: %s", path, why.text);
    const palt__picture picture = picture_of(&p);
    const pal_status status = palt__picture_write(&picture, path, error);
    palt__layout_clear(&p.layout);
    return status;
}
