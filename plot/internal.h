/* internal.h - declarations shared by the files of plot/ only. */
#ifndef PAL_PLOT_INTERNAL_H
#define PAL_PLOT_INTERNAL_H

#include "autograd/file.h"
#include "plot/plot.h"

#include <stdio.h>

/* image.c: with these limits no position in an image can overflow, and no hostile size reaches the allocator. */
#define PALT__IMAGE_SIDE   65535
#define PALT__IMAGE_PIXELS (INT64_C(1) << 28)

pal_status palt__image_check(int64_t width, int64_t height, pal_error *error); /* PAL_ERR_ARGUMENT: too large */
uint8_t *palt__pixel(const pal_image *image, int64_t x, int64_t y);            /* inside the image */

/* font.c: a letter is a set of lines drawn with a round pen; font.c explains the notation. */
typedef struct palt__glyph {
    int32_t advance;
    const char *strokes;
} palt__glyph;

#define PALT__FONT_CAPITAL  28 /* units from the baseline to the top of a capital letter */
#define PALT__FONT_BASELINE 7  /* units from the bottom of the grid to the baseline */
#define PALT__FONT_SIDE     36 /* coordinates are 0 to PALT__FONT_SIDE - 1 */

const palt__glyph *palt__glyph_of(unsigned char byte); /* never NULL: a box if the font lacks it */
const palt__glyph *palt__glyph_at(const char *at);     /* of the character that begins there, in UTF-8 */
#define PALT__FONT_BACK 20                             /* units to go back for a letter without an advance */
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

/* tiles.c, vector.c: what draws a picture. */
typedef struct _cairo palt__canvas; /* cairo's context; canvas.c draws on it */
typedef void palt__draw(palt__canvas *canvas, const void *user);

typedef struct palt__box { /* in pixels */
    int64_t x, y, width, height;
} palt__box;
/* Draws on a part of the image, which must be inside it. draw is called once or more, and says the same each time. */
pal_status palt__image_draw(pal_image *image, palt__box box, palt__draw *draw, const void *user, pal_error *error);

/* letters.c: returns the number of bytes in the first line of text, which is at most width pixels wide and is broken at
 * a space if possible. *next is the start of the following line, or the terminating zero if this line is the last. */
size_t palt__text_wrap(const char *text, pal_text_style style, int64_t width, const char **next);
int64_t palt__text_measure(const char *text, size_t bytes, pal_text_style style);

/* block.c: text in lines of at most `width` pixels. If there are more than `lines`, the last one ends in dots. */
typedef struct palt__block {
    const char *text; /* NULL: no lines */
    pal_text_style style;
    int64_t width, lines;
} palt__block;
int64_t palt__block_lines(const palt__block *block, int64_t *widest); /* raises *widest to the widest line */
int64_t palt__block_height(const palt__block *block); /* from the top of capitals to the last baseline */
/* Each line has the share `anchor` of its width to the left of x. The top of the first line is at y. */
void palt__block_draw(palt__canvas *canvas, const palt__block *block, double anchor, int64_t x, int64_t y);
/* Draws one line that is read upwards: x is the middle of its letters; the share `anchor` of its width is below y. */
void palt__block_draw_upwards(palt__canvas *canvas, const palt__block *block, double anchor, int64_t x, int64_t y);

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
void palt__cells_draw(const palt__cells *cells, int64_t i, pal_mapping mapping, palt__canvas *canvas, int64_t x,
                      int64_t y, int64_t scale, int64_t down);

double palt__cells_value(const palt__cells *cells, int64_t i, int64_t element);

/* profile.c: how the cells of a section are drawn that are profiles: bars or curves, all on one scale. */
typedef struct palt__profile {
    int64_t features;
    const char *const *names;
    double low, high;        /* the values at the lower and the upper end of a cell; 0 is between them */
    double *scales;          /* [features]: values are divided by these; NULL: by 1 */
    int64_t width, height;   /* of a cell, in pixels */
    int64_t axis, below;     /* room for the numbers to the left of a line, and for the names below the cells */
    int64_t step;            /* every step-th feature is named */
    bool curve, names_shown; /* names_shown: false: features are numbered */
    bool turned;             /* names are read upwards */
    pal_text_style style;
} palt__profile;

/* The caller frees scales, also after an error: PAL_ERR_MEMORY. */
pal_status palt__profile_make(palt__profile *profile, const palt__cells *rows, const pal_grid_section *section,
                              pal_error *error);
void palt__profile_draw(const palt__profile *profile, palt__canvas *canvas, const palt__cells *cells, int64_t i,
                        int64_t x, int64_t y);
void palt__profile_axis(const palt__profile *profile, palt__canvas *canvas, int64_t x, int64_t y);
void palt__profile_names(const palt__profile *profile, palt__canvas *canvas, int64_t x, int64_t y);

/* layout.c: the parts of a grid and their sizes; place.c: their positions. Both are computed before drawing. */
typedef struct palt__section_layout {
    palt__cells *rows;
    size_t row_count;
    bool profiled; /* the cells are profiles */
    palt__profile profile;
    int64_t columns;                 /* cells per line */
    int64_t bands;                   /* more than 1: each band has one line of every row */
    int64_t labels;                  /* width of the row labels with the space after them */
    int64_t cells_x;                 /* left edge of the first cell */
    int64_t cell_width, cell_height; /* size of one cell in the picture */
    int64_t cells_width, cells_height;
    int64_t gap;           /* between two cells, and between two lines of a row */
    int64_t band;          /* distance between the tops of two bands */
    int64_t caption;       /* height of the room for a label below each cell */
    int64_t line, row_gap; /* distance between the tops of two lines of a row; space between two rows */
    bool labelled;         /* some row has a label */
    bool captioned;        /* some row has labels below its cells */
    bool matte;            /* cells get a grey edge, because their border may be white: diverging colours, or strips */
} palt__section_layout;

typedef struct palt__layout {
    palt__section_layout *sections;
    size_t count;
    int64_t scale, down, width, height, margin, content; /* content: width inside the margins */
    int64_t title_y, section_title_y, column_label_y, cells_y, caption_y;
    pal_text_style title, section_title, label, column_label, cell_label, caption;
    bool turned;       /* column labels are read upwards */
    int64_t turned_by; /* then: the height of the room for them */
} palt__layout;

pal_status palt__layout_make(palt__layout *layout, const pal_grid *grid, pal_error *error); /* empty on failure */
void palt__layout_clear(palt__layout *layout);
int64_t palt__layout_lines(const palt__section_layout *section, size_t row); /* lines of cells in this row */

/* place.c */
enum { PALT__SMALLEST_TEXT = 12, PALT__SMALLEST_LABEL = 13 }; /* pixels; legible at half the size */
void palt__layout_place(palt__layout *layout, const pal_grid *grid, int64_t cells_width, int64_t cells_height);
int32_t palt__label_size(int64_t cells_width);
palt__block palt__title_block(const palt__layout *layout, const char *text, pal_text_style style);
palt__block palt__section_title_block(const palt__layout *layout, size_t section, const char *text);
palt__block palt__row_label_block(const palt__layout *layout, const char *text, int64_t height);

/* ---- Plots: curves, points and matrices, as PNG, SVG or PDF -----------------------------------------------------
 * Positions are in pixels from the top left corner. PDF pages have half a point per pixel. */

enum { PALT__PICTURE_WIDTH = 1280, PALT__PICTURE_HEIGHT = 800 }; /* of curves and scatter plots */

#define PALT__INK   ((pal_colour){34, 34, 34})
#define PALT__GREY  ((pal_colour){85, 85, 85})
#define PALT__WHITE ((pal_colour){255, 255, 255})

/* canvas.c: the picture that is being drawn. Drawing never fails: a canvas remembers its first error. */
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
    bool whole; /* every letter starts on a whole pixel */
} palt__letters;
palt__letters palt__letters_of(pal_text_style style);

/* Whether there is memory to draw. Ask before: where an allocation of cairo fails, it may leave out shapes in silence,
 * or end the process. */
bool palt__canvas_has_room(void);
void palt__canvas_prepare(palt__canvas *canvas); /* a new one: sets how lines end and join */
bool palt__canvas_sees(palt__canvas *canvas, double x, double y, double width, double height); /* some of it */

/* An image, one colour per element, that is drawn enlarged and never blurred. at returns false for an element that is
 * not drawn. */
typedef struct palt__raster {
    int64_t width, height, across, down; /* across, down: pixels per element, up to 1000 */
    bool (*at)(const void *user, int64_t column, int64_t row, pal_colour *colour);
    const void *user;
} palt__raster;
void palt__canvas_raster(palt__canvas *canvas, const palt__raster *raster, int64_t x, int64_t y);

/* These add a shape to the path; fill and stroke draw the path and clear it. */
void palt__canvas_move(palt__canvas *canvas, palt__point to);
void palt__canvas_line(palt__canvas *canvas, palt__point to);
void palt__canvas_scale(palt__canvas *canvas, double scale); /* all that is drawn from now on */
void palt__canvas_curve(palt__canvas *canvas, palt__point first, palt__point second, palt__point to); /* cubic */
void palt__canvas_polygon(palt__canvas *canvas, const palt__point *corners, int count);
void palt__canvas_rectangle(palt__canvas *canvas, double x, double y, double width, double height);
void palt__canvas_fill(palt__canvas *canvas, pal_colour colour);
void palt__canvas_stroke(palt__canvas *canvas, palt__pen pen);
void palt__canvas_pen_stroke(palt__canvas *canvas, const palt__point *p, int count, double pen); /* of a letter */
void palt__canvas_dot(palt__canvas *canvas, palt__point at, double radius, pal_colour colour);
/* Draws the first `bytes` bytes of text on one line; the middle of its capital letters is at the height of `at`. */
void palt__canvas_text(palt__canvas *canvas, palt__point at, const char *text, size_t bytes, palt__letters letters);
double palt__letters_width(const char *text, size_t bytes, double height);
/* Draws the text in at most `room` pixels: with smaller letters if needed, and cut if these do not suffice. */
void palt__canvas_fit(palt__canvas *canvas, palt__point at, const char *text, double room, palt__letters letters);

/* picture.c: writes a plot, and its numbers as NAME.csv if table is not NULL. Checks the path first. The ending of the
 * path chooses the format. */
typedef struct palt__picture {
    double width, height;
    palt__draw *draw;
    void (*table)(FILE *stream, const void *user);
    const void *user;
} palt__picture;
pal_status palt__picture_write(const palt__picture *picture, const char *path, pal_error *error);
pal_image *palt__picture_draw(const palt__picture *picture, pal_error *error);

typedef enum palt__format { PALT__PNG, PALT__SVG, PALT__PDF } palt__format;
bool palt__format_of(const char *path, palt__format *format); /* false: none of them */
/* vector.c */
pal_status palt__vector_write(const palt__picture *picture, palt__format format, const char *path, pal_error *error);

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
    bool log_x, log_y;
    double x, y, width, height;      /* its place in the picture; width 0: the whole of it */
    double left, top, right, bottom; /* the area; computed, as the axes are */
    palt__axis across, up;
} palt__frame;
void palt__frame_make(palt__frame *frame);
void palt__frame_draw(palt__canvas *canvas, const palt__frame *frame);
/* Width of the legend with the space before it; 0 without entries. Its left edge is x. */
double palt__legend_width(const palt__entry *legend, size_t entries, double height);
void palt__legend_draw(palt__canvas *canvas, const palt__entry *legend, size_t entries, double x, double top,
                       double bottom);
palt__point palt__frame_at(const palt__frame *frame, double x, double y);
void palt__marker(palt__canvas *canvas, palt__point at, palt__look look);

/* frame.c: where several plots of one picture are: in rows from the left, below the title. */
enum { PALT__PANELS = 16, PALT__PANEL_WIDTH = 580, PALT__PANEL_HEIGHT = 540, PALT__MARGIN = 28 };
typedef struct palt__panels {
    size_t columns, rows;
    double width, top; /* of all columns; of the first row */
} palt__panels;
palt__panels palt__panels_of(size_t count, const char *title);
palt__frame palt__panel_frame(const palt__panels *panels, size_t i); /* the place of the i-th; nothing else is set */

/* scatter.c: the colour of each class, PAL_POINTS_CLASSES entries. */
extern const pal_colour palt__class_colours[];
/* ellipse.c: the corners of a polygon, in the coordinates of the data. */
enum { PALT__ELLIPSE_CORNERS = 72 };
bool palt__ellipse_drawable(const pal_ellipse *ellipse);
void palt__ellipse_corners(const pal_ellipse *ellipse, double deviations, palt__point out[PALT__ELLIPSE_CORNERS]);

#endif
