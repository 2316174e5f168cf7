/* internal.h - what the files of plot/ share and nobody else sees. */
#ifndef PAL_PLOT_INTERNAL_H
#define PAL_PLOT_INTERNAL_H

#include "plot/plot.h"

#include <stdio.h>

/* image.c: the limits keep every position in an image far from overflow, and hostile sizes from the allocator. */
#define PALT__IMAGE_SIDE   65535
#define PALT__IMAGE_PIXELS (INT64_C(1) << 28)

uint8_t *palt__pixel(const pal_image *image, int64_t x, int64_t y); /* inside the image */

/* font.c: a letter is lines drawn with a round pen; the notation is explained there. */
typedef struct palt__glyph {
    int32_t advance;
    const char *strokes;
} palt__glyph;

#define PALT__FONT_CAPITAL  28 /* units from the baseline to the top of a capital letter */
#define PALT__FONT_BASELINE 7  /* units from the bottom of the grid to the baseline */
#define PALT__FONT_SIDE     36 /* coordinates are 0 to PALT__FONT_SIDE - 1 */

const palt__glyph *palt__glyph_of(unsigned char byte); /* never NULL: a box for what the font lacks */

/* letters.c: how many bytes of text make the first line of at most width pixels, broken at a space where there is one;
 * *next is where the following line begins (at the terminating zero: there is none). */
size_t palt__text_wrap(const char *text, pal_text_style style, int64_t width, const char **next);
/* Draws the first `bytes` bytes of text. */
void palt__text_draw(pal_image *image, int64_t x, int64_t y, const char *text, size_t bytes, pal_text_style style);
int64_t palt__text_measure(const char *text, size_t bytes, pal_text_style style);

/* cells.c: a tensor seen as n images of `planes` planes of height x plane_width, drawn as height x width. Element e of
 * cell i is at i * cell_step + e * step. */
typedef struct palt__cells {
    const pal_tensor *tensor;
    int64_t count, height, width, cell_step, step;
    int64_t planes, plane_width;
    bool colour; /* three planes on each other; else side by side with a pixel between */
} palt__cells;

pal_status palt__cells_open(palt__cells *cells, const pal_grid_row *row, const pal_grid_section *section,
                            pal_error *error);
/* A pixel of the cell becomes scale x down pixels. */
void palt__cells_draw(const palt__cells *cells, int64_t i, pal_mapping mapping, pal_image *image, int64_t x, int64_t y,
                      int64_t scale, int64_t down);

/* layout.c: where everything of a grid goes, before anything is drawn. */
typedef struct palt__section_layout {
    palt__cells *rows;
    size_t row_count;
    int64_t columns;                 /* cells on a line */
    int64_t bands;                   /* more than 1: all rows, a line each, so many times */
    int64_t labels;                  /* the width of the row labels and the space after them */
    int64_t cells_x;                 /* the left edge of the first cell */
    int64_t cell_width, cell_height; /* one cell as drawn */
    int64_t cells_width, cells_height;
    int64_t band;          /* from one band to the next */
    int64_t line, row_gap; /* from one line of a row to its next; between its last and the next row's first */
    bool labelled;
    bool matte; /* some cells are nearly white at zero, or strips with white ends, and need an edge */
} palt__section_layout;

typedef struct palt__layout {
    palt__section_layout *sections;
    size_t count;
    int64_t scale, down, gap, width, height, margin, content; /* content: the width inside the margins */
    int64_t title_y, section_title_y, column_label_y, cells_y, caption_y;
    pal_text_style title, section_title, label, column_label, caption;
} palt__layout;

pal_status palt__layout_make(palt__layout *layout, const pal_grid *grid, pal_error *error); /* on failure: empty */
void palt__layout_clear(palt__layout *layout);
int64_t palt__layout_lines(const palt__section_layout *section, size_t row); /* lines of cells in that row */

/* file.c: a file that appears whole or not at all. */
typedef struct palt__file {
    FILE *stream;
    char *path, *temporary; /* temporary NULL: path is a device or a pipe, written in place */
} palt__file;

pal_status palt__file_begin(palt__file *file, const char *path, pal_error *error);
/* Closes the file, and renames it if status is PAL_OK and all was written; else removes it. Returns the outcome. */
pal_status palt__file_end(palt__file *file, pal_status status, pal_error *error);
/* A new string, from NULL-terminated parts; NULL: no memory. */
char *palt__join(const char *first, ...) __attribute__((sentinel));

/* The name after the last slash. */
const char *palt__last_part(const char *path);

/* gnuplot.c: a picture that gnuplot draws. data writes NAME.dat; script writes the plot command and what belongs to it,
 * where `data` is the name of that file. drawn may be NULL. */
typedef void (*palt__gnuplot_data_fn)(FILE *stream, const void *user);
typedef void (*palt__gnuplot_script_fn)(FILE *stream, const void *user, const char *data);
enum { PALT__PICTURE_WIDTH = 1280, PALT__PICTURE_HEIGHT = 800 }; /* in pixels; of whatever has no size of its own */
pal_status palt__gnuplot_write(const char *path, int width, int height, palt__gnuplot_data_fn data,
                               palt__gnuplot_script_fn script, const void *user, bool *drawn, pal_error *error);
/* before, then a title wrapped to so many pixels, with its font; and how many lines that is. */
void palt__gnuplot_title(FILE *stream, const char *before, const char *title, int width);
int palt__gnuplot_title_lines(const char *title, int width);
/* Title (may be NULL), labels, border and grid, as all pictures have them. */
void palt__gnuplot_head(FILE *stream, const char *title, const char *x_label, const char *y_label);
void palt__gnuplot_setting(FILE *stream, const char *before, const char *text,
                           const char *after); /* before 'text' after */
void palt__gnuplot_heading(FILE *stream, const char *text);
void palt__gnuplot_number(FILE *stream, double value, char end);
/* scatter.c: of each class, PAL_POINTS_CLASSES of them. */
extern const char *const palt__class_colours[];
/* ellipse.c: a polygon and an empty line: x, y and the class. */
bool palt__ellipse_drawable(const pal_ellipse *ellipse);
void palt__ellipse_write(FILE *stream, const pal_ellipse *ellipse, double deviations);
/* Writes text as one single-quoted gnuplot string, in which nothing has a meaning. */
void palt__gnuplot_quote(FILE *stream, const char *text);

#endif
