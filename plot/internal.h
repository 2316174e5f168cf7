/* internal.h - declarations shared by the files of plot/ only. */
#ifndef PAL_PLOT_INTERNAL_H
#define PAL_PLOT_INTERNAL_H

#include "plot/plot.h"

#include <stdio.h>

/* image.c: with these limits no position in an image can overflow, and no hostile size reaches the allocator. */
#define PALT__IMAGE_SIDE   65535
#define PALT__IMAGE_PIXELS (INT64_C(1) << 28)

uint8_t *palt__pixel(const pal_image *image, int64_t x, int64_t y); /* inside the image */

/* font.c: a letter is a set of lines drawn with a round pen; font.c explains the notation. */
typedef struct palt__glyph {
    int32_t advance;
    const char *strokes;
} palt__glyph;

#define PALT__FONT_CAPITAL  28 /* units from the baseline to the top of a capital letter */
#define PALT__FONT_BASELINE 7  /* units from the bottom of the grid to the baseline */
#define PALT__FONT_SIDE     36 /* coordinates are 0 to PALT__FONT_SIDE - 1 */

const palt__glyph *palt__glyph_of(unsigned char byte); /* never NULL: a box if the font lacks it */

/* letters.c: returns the number of bytes in the first line of text, which is at most width pixels wide and is broken at
 * a space if possible. *next is the start of the following line, or the terminating zero if this line is the last. */
size_t palt__text_wrap(const char *text, pal_text_style style, int64_t width, const char **next);
/* Draw and measure the first `bytes` bytes of text. */
void palt__text_draw(pal_image *image, int64_t x, int64_t y, const char *text, size_t bytes, pal_text_style style);
int64_t palt__text_measure(const char *text, size_t bytes, pal_text_style style);

/* cells.c: a view of a tensor as `count` images. Each has `planes` planes of height x plane_width and is drawn as
 * height x width. Element e of cell i is at i * cell_step + e * step. */
typedef struct palt__cells {
    const pal_tensor *tensor;
    int64_t count, height, width, cell_step, step;
    int64_t planes, plane_width;
    bool colour; /* true: three planes are red, green and blue; false: planes are side by side, one pixel apart */
} palt__cells;

pal_status palt__cells_open(palt__cells *cells, const pal_grid_row *row, const pal_grid_section *section,
                            pal_error *error);
/* Draws cell i at x, y. Each pixel of the cell becomes `scale` pixels wide and `down` pixels high. */
void palt__cells_draw(const palt__cells *cells, int64_t i, pal_mapping mapping, pal_image *image, int64_t x, int64_t y,
                      int64_t scale, int64_t down);

/* layout.c: the position of every part of a grid, computed before drawing. */
typedef struct palt__section_layout {
    palt__cells *rows;
    size_t row_count;
    int64_t columns;                 /* cells per line */
    int64_t bands;                   /* more than 1: each band has one line of every row */
    int64_t labels;                  /* width of the row labels with the space after them */
    int64_t cells_x;                 /* left edge of the first cell */
    int64_t cell_width, cell_height; /* size of one cell in the picture */
    int64_t cells_width, cells_height;
    int64_t band;          /* distance between the tops of two bands */
    int64_t line, row_gap; /* distance between the tops of two lines of a row; space between two rows */
    bool labelled;         /* some row has a label */
    bool matte;            /* cells get a grey edge, because their border may be white: diverging colours, or strips */
} palt__section_layout;

typedef struct palt__layout {
    palt__section_layout *sections;
    size_t count;
    int64_t scale, down, gap, width, height, margin, content; /* content: width inside the margins */
    int64_t title_y, section_title_y, column_label_y, cells_y, caption_y;
    pal_text_style title, section_title, label, column_label, caption;
} palt__layout;

pal_status palt__layout_make(palt__layout *layout, const pal_grid *grid, pal_error *error); /* empty on failure */
void palt__layout_clear(palt__layout *layout);
int64_t palt__layout_lines(const palt__section_layout *section, size_t row); /* lines of cells in this row */

/* file.c: writes a file that appears complete or not at all. */
typedef struct palt__file {
    FILE *stream;
    char *path, *temporary; /* temporary NULL: path is not a regular file and is written in place */
} palt__file;

pal_status palt__file_begin(palt__file *file, const char *path, pal_error *error);
/* Closes the file. Renames it if status is PAL_OK and every write succeeded, otherwise removes it. Returns the final
 * status. */
pal_status palt__file_end(palt__file *file, pal_status status, pal_error *error);
/* Returns a new string that joins the parts; the last argument is NULL. Returns NULL if there is no memory. */
char *palt__join(const char *first, ...) __attribute__((sentinel));

/* Returns the part of the path after the last slash. */
const char *palt__last_part(const char *path);

/* gnuplot.c: writes a picture with gnuplot. The callback data writes NAME.dat. The callback script writes the plot
 * command and its settings; its argument `data` is the name of that file. drawn may be NULL. */
typedef void (*palt__gnuplot_data_fn)(FILE *stream, const void *user);
typedef void (*palt__gnuplot_script_fn)(FILE *stream, const void *user, const char *data);
enum { PALT__PICTURE_WIDTH = 1280, PALT__PICTURE_HEIGHT = 800 }; /* default size in pixels */
pal_status palt__gnuplot_write(const char *path, int width, int height, palt__gnuplot_data_fn data,
                               palt__gnuplot_script_fn script, const void *user, bool *drawn, pal_error *error);
/* The first writes `before`, then the title wrapped to width pixels, with its font. The second counts its lines. */
void palt__gnuplot_title(FILE *stream, const char *before, const char *title, int width);
int palt__gnuplot_title_lines(const char *title, int width);
/* Writes the title (NULL: no title), labels, border and grid that curves and scatter plots have in common. */
void palt__gnuplot_head(FILE *stream, const char *title, const char *x_label, const char *y_label);
void palt__gnuplot_setting(FILE *stream, const char *before, const char *text,
                           const char *after); /* writes before 'text' after */
void palt__gnuplot_heading(FILE *stream, const char *text);
void palt__gnuplot_number(FILE *stream, double value, char end);
/* scatter.c: the colour of each class, PAL_POINTS_CLASSES entries. */
extern const char *const palt__class_colours[];
/* ellipse.c: writes a polygon, one corner per line (x, y, class), and an empty line. */
bool palt__ellipse_drawable(const pal_ellipse *ellipse);
void palt__ellipse_write(FILE *stream, const pal_ellipse *ellipse, double deviations);
/* Writes text as one single-quoted gnuplot string, in which no character is special. */
void palt__gnuplot_quote(FILE *stream, const char *text);

#endif
