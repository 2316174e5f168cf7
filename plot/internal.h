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
/* UTF-8 continuation bytes are skipped: the first byte of the character draws one box for all. */
bool palt__continues(char byte);

typedef struct palt__point {
    double x, y;
} palt__point;
/* Reads the next stroke of a glyph into p, which has space for PALT__STROKE points, in units of the grid, y upwards.
 * Returns the number of points; 0: there is no stroke left. */
enum { PALT__STROKE = 24 };
int palt__stroke_next(const char **strokes, palt__point *p);
#define PALT__FONT_PEN  1.6 /* radius of the pen, in units */
#define PALT__FONT_BOLD 2.45

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

/* ---- Plots: curves, points and matrices, as PNG, SVG or PDF -----------------------------------------------------
 * Positions are in pixels from the top left corner. PDF pages have half a point per pixel. */

enum { PALT__PICTURE_WIDTH = 1280, PALT__PICTURE_HEIGHT = 800 }; /* of curves and scatter plots */

#define PALT__INK   ((pal_colour){34, 34, 34})
#define PALT__GREY  ((pal_colour){85, 85, 85})
#define PALT__WHITE ((pal_colour){255, 255, 255})

/* canvas.c: the picture that is being drawn. Drawing never fails; palt__canvas_close reports what went wrong. */
typedef struct palt__canvas palt__canvas;

typedef struct palt__pen {
    pal_colour colour;
    double width, dash; /* dash: length of a dash and of the gap after it; 0: a solid line */
} palt__pen;

typedef struct palt__letters {
    double height; /* of a capital letter */
    pal_colour colour;
    double anchor; /* the share of the text that is before its position: 0: all is after it, 0.5: centred, 1 */
    bool turned;   /* the text is read upwards */
    bool bold;
} palt__letters;

/* A white picture. The ending of path, .png, .svg or .pdf, chooses the format; another one is refused. */
pal_status palt__canvas_open(palt__canvas **canvas, const char *path, double width, double height, pal_error *error);
/* Writes the file if status is PAL_OK, and frees the canvas. Returns the final status. */
pal_status palt__canvas_close(palt__canvas *canvas, const char *path, pal_status status, pal_error *error);

/* These add a shape to the path; fill and stroke draw the path and clear it. */
void palt__canvas_move(palt__canvas *canvas, palt__point to);
void palt__canvas_line(palt__canvas *canvas, palt__point to);
void palt__canvas_polygon(palt__canvas *canvas, const palt__point *corners, int count);
void palt__canvas_rectangle(palt__canvas *canvas, double x, double y, double width, double height);
void palt__canvas_fill(palt__canvas *canvas, pal_colour colour);
void palt__canvas_stroke(palt__canvas *canvas, palt__pen pen);
void palt__canvas_dot(palt__canvas *canvas, palt__point at, double radius, pal_colour colour);
/* Draws the first `bytes` bytes of text on one line; the middle of its capital letters is at the height of `at`. */
void palt__canvas_text(palt__canvas *canvas, palt__point at, const char *text, size_t bytes, palt__letters letters);
double palt__letters_width(const char *text, size_t bytes, double height);
/* Draws the text in at most `room` pixels: with smaller letters if needed, and cut if these do not suffice. */
void palt__canvas_fit(palt__canvas *canvas, palt__point at, const char *text, double room, palt__letters letters);

/* picture.c: writes a plot, and its numbers as NAME.csv if table is not NULL. Checks the path first. */
typedef struct palt__picture {
    double width, height;
    void (*draw)(palt__canvas *canvas, const void *user);
    void (*table)(FILE *stream, const void *user);
    const void *user;
} palt__picture;
pal_status palt__picture_write(const palt__picture *picture, const char *path, pal_error *error);
/* One field of a .csv file, and the character after it. A number has all its digits; one that is not finite is empty.
 */
void palt__csv_text(FILE *stream, const char *text, char end);
void palt__csv_number(FILE *stream, double value, char end);

/* title.c: the title above a plot, wrapped and centred. A title of more than two lines gets smaller letters. */
double palt__title_height(const char *title, double width);
void palt__title_draw(palt__canvas *canvas, const char *title, double x, double y, double width);

/* axis.c: the range of an axis and its ticks at round numbers. */
typedef struct palt__extent {
    double low, high;
    bool whole; /* all values are whole numbers */
} palt__extent;
#define PALT__NOTHING ((palt__extent){INFINITY, -INFINITY, true})
void palt__extent_take(palt__extent *extent, double value);

enum { PALT__TICKS = 64 };
typedef struct palt__axis {
    bool log, across;
    double pixels;    /* its length */
    double low, high; /* at its ends; of the logarithm to base 10 if log */
    struct {
        double at; /* the share of the axis before it */
        char label[32];
    } ticks[PALT__TICKS];
    int count;
    double minor[PALT__TICKS]; /* lines without a label, on a logarithmic axis */
    int minor_count;
} palt__axis;
void palt__axis_make(palt__axis *axis, palt__extent extent, bool log, bool across, double pixels);
double palt__axis_share(const palt__axis *axis, double value); /* 0 at its start, 1 at its end */

/* frame.c: title, axes and legend, around the area in which data is drawn. */
typedef struct palt__look { /* of a curve or of points */
    palt__pen pen;          /* width 0: no line */
    int marker;             /* 0: none; 1: a dot; above: see palt__marker */
    double size;            /* radius of the marker */
} palt__look;
typedef struct palt__entry { /* of a legend */
    char text[160];
    palt__look look;
} palt__entry;
typedef struct palt__frame {
    const char *title, *x_label, *y_label;
    const palt__entry *legend;
    size_t entries;
    palt__extent x_extent, y_extent;
    bool log_y;
    double x, y, width, height;      /* its place in the picture; width 0: the whole of it */
    double left, top, right, bottom; /* the area; computed, as the axes are */
    palt__axis across, up;
} palt__frame;
void palt__frame_make(palt__frame *frame);
void palt__frame_draw(palt__canvas *canvas, const palt__frame *frame);
/* Width of the legend with the space before it; 0 without entries. Its left edge is x. */
double palt__legend_width(const palt__entry *legend, size_t entries);
void palt__legend_draw(palt__canvas *canvas, const palt__entry *legend, size_t entries, double x, double top,
                       double bottom);
palt__point palt__frame_at(const palt__frame *frame, double x, double y);
void palt__marker(palt__canvas *canvas, palt__point at, palt__look look);

/* scatter.c: the colour of each class, PAL_POINTS_CLASSES entries. */
extern const pal_colour palt__class_colours[];
/* ellipse.c: the corners of a polygon, in the coordinates of the data. */
enum { PALT__ELLIPSE_CORNERS = 72 };
bool palt__ellipse_drawable(const pal_ellipse *ellipse);
void palt__ellipse_corners(const pal_ellipse *ellipse, double deviations, palt__point out[PALT__ELLIPSE_CORNERS]);

#endif
