/* plot.h - pictures: image grids of tensors, training curves, scatter plots, confusion matrices, as PNG, SVG or PDF
 * files by the ending of the name. Equal data gives equal bytes.
 *
 * One constant struct describes a picture and one call makes it; there is no other configuration. A size that is 0 is
 * chosen automatically. Texts are ASCII with some letters of formulas, in UTF-8
 * (font.c lists them), and NULL means no text unless a comment says otherwise. Any other character is drawn as one box.
 * Files appear complete or not at all: they are written under a temporary name in the same folder and then renamed. The
 * library never prints or exits; a pal_error names the file or the part that failed.
 */
#ifndef PAL_PLOT_H
#define PAL_PLOT_H

#include "autograd/autograd.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Images --------------------------------------------------------------------------------------------------- */

typedef struct pal_colour {
    uint8_t red, green, blue;
} pal_colour;

typedef struct pal_image { /* row-major, three bytes per pixel, no padding; callers may change the pixels */
    uint8_t *pixels;
    int32_t width, height;
} pal_image;

pal_image *pal_image_new(int64_t width, int64_t height, pal_error *error); /* all white */
void pal_image_free(pal_image *image);
void pal_image_fill(pal_image *image, pal_colour colour);
/* This and every other drawing function ignores what is outside the image. */
void pal_image_rect(pal_image *image, int64_t x, int64_t y, int64_t width, int64_t height, pal_colour colour);
void pal_image_blit(pal_image *to, const pal_image *from, int64_t x, int64_t y); /* from and to must be different */
pal_colour pal_image_get(const pal_image *image, int64_t x, int64_t y);          /* black outside the image */

pal_status pal_image_write(const pal_image *image, const char *path, pal_error *error); /* PNG, 8 bits, RGB */
pal_image *pal_image_read(const char *path, pal_error *error); /* any PNG; transparent parts become white */

/* ---- Text ----------------------------------------------------------------------------------------------------- */

typedef struct pal_text_style {
    int32_t height; /* height of a capital letter in pixels, 5 to 256 */
    bool bold;
    pal_colour colour;
} pal_text_style;

int64_t pal_text_width(const char *text, pal_text_style style); /* in pixels */
int64_t pal_text_leading(pal_text_style style);                 /* distance between two baselines, in pixels */
/* Draws one line of text. Its left edge is at x and the tops of its capital letters are at y. */
void pal_image_text(pal_image *image, int64_t x, int64_t y, const char *text, pal_text_style style);

/* ---- Colours -------------------------------------------------------------------------------------------------- */

/* How the values of one cell become colours. A u8 value counts as value / 255. A value that is not finite is drawn in
 * PAL_COLOUR_NONFINITE and is ignored when the minimum and maximum of the cell are computed. */
typedef enum pal_mapping {
    PAL_MAP_UNIT,      /* 0 black, 1 white, clamped */
    PAL_MAP_RANGE,     /* per cell: minimum black, maximum white; a constant cell is mid-grey */
    PAL_MAP_SYMMETRIC, /* per cell: -m black, 0 mid-grey, +m white, where m is the largest |value| of the cell */
    PAL_MAP_DIVERGING, /* per cell: -m blue, 0 near white, +m red */
    PAL_MAP_PROFILE,   /* the cell is no image but n numbers, such as a line of a table: see pal_grid_row */
    PAL_MAPPING_COUNT
} pal_mapping;

#define PAL_COLOUR_NONFINITE ((pal_colour){0, 200, 90}) /* a green that no mapping produces */

pal_colour pal_colour_grey(double t);      /* t from 0 to 1, clamped */
pal_colour pal_colour_shade(double t);     /* t from 0, blue, over green to 1, red; dark enough for lines on white */
pal_colour pal_colour_diverging(double t); /* t from -1 to 1, clamped; equal steps look equal */

/* ---- Grids of images ------------------------------------------------------------------------------------------ */

/* Images of one kind, placed from left to right. A new line starts after the number of columns of the section.
 *
 * With PAL_MAP_PROFILE, cells are profiles instead of images: each is n numbers, drawn as bars from a line at 0, or as
 * a curve if n is above PAL_PROFILE_BARS. The cells are [N,n], or [N,...] with n values each, or [n,N] if transposed;
 * sizes and planes of the section are ignored, and so is the scale of the grid. Either all rows of a section are
 * profiles or none is. All profiles of a section have one scale, from the smallest to the largest finite value of the
 * cells that are drawn, with 0 between them; it is written to the left of each line. A value that is not finite is a
 * line in PAL_COLOUR_NONFINITE, and a gap in a curve. */
#define PAL_PROFILE_BARS 64
typedef struct pal_grid_row {
    const pal_tensor *cells; /* f32, f64, u8 or bool: [n,h*w], [n,h,w], [n,1,h,w] or [n,h,w,1] */
    const char *label;       /* drawn to the left of the row */
    pal_mapping mapping;
    size_t limit;    /* largest number of cells to draw; 0: all */
    bool transposed; /* the cells are the columns of a [h*w,n] matrix, like the filters of a dense layer */
    const char *const *cell_labels; /* one for each cell that is drawn, below it; entries may be NULL. NULL: none */
} pal_grid_row;

/* Rows below each other. All cells of a section have the same size. */
typedef struct pal_grid_section {
    const char *title;
    const pal_grid_row *rows;
    size_t count;
    /* Cells per line. 0: a single row is arranged as nearly square as possible. Several rows are drawn as one line
     * each; if they are too wide and there are no column labels, they are split into bands. The first band has the
     * first cells of all rows below each other, the next band has the next cells of all rows, and so on. */
    size_t columns;
    const char *const *column_labels; /* drawn above the first columns */
    size_t column_label_count;
    int64_t cell_height, cell_width; /* for cells given as h*w; 0: square */
    /* Planes per cell, for cells given as planes*h*w; 0: 1. Three planes are drawn as red, green and blue if the
     * mapping is PAL_MAP_UNIT or PAL_MAP_RANGE. Otherwise the planes are drawn side by side. */
    int64_t cell_planes;
    /* For profiles: the names of the n features, drawn below the cells of the last line where there is room. NULL:
     * their numbers, from 0. */
    const char *const *feature_names;
    /* For profiles: every feature is drawn as a share of its own largest absolute value in the section, for features in
     * unlike units. The axis is in per cent. Originals and reconstructions still compare. */
    bool feature_scales;
} pal_grid_section;

/* Sections side by side, with a title above and a caption below. A long title or caption is wrapped. */
typedef struct pal_grid {
    size_t struct_size;
    const char *title, *caption;
    const pal_grid_section *sections;
    size_t count;
    int32_t scale; /* picture pixels per cell pixel, up to 64; 0: chosen automatically */
    bool csv;      /* also write the numbers, next to the picture */
} pal_grid;

pal_image *pal_grid_draw(const pal_grid *grid, pal_error *error); /* the PNG, in memory; the caller frees it */
/* Writes the picture. A cell pixel is never blurred, also not in an SVG or PDF that is enlarged. NAME.csv has one line
 * per cell that is drawn: the section (its title, or its number from 0), the row (its label or number), the number of
 * the cell in the row, and the values of the cell in the order of the tensor, under the names or numbers of the
 * features. A value that is not finite is empty, as are the fields of a cell that has fewer values than another. Files
 * and status are as for pal_curves_write. */
pal_status pal_grid_write(const pal_grid *grid, const char *path, pal_error *error);

/* ---- Curves --------------------------------------------------------------------------------------------------- */

typedef struct pal_series {
    const char *name; /* such as "train_loss": the entry in the legend, and the heading of the column in NAME.csv */
    const double *y;  /* pal_curves.count values; a value that is not finite is not drawn */
} pal_series;

typedef struct pal_curves {
    size_t struct_size;
    const char *title, *x_label, *y_label; /* labels NULL: "epoch", "loss" */
    const double *x;
    size_t count; /* points per series */
    const pal_series *series;
    size_t series_count;
    bool log_y; /* logarithmic y axis; every finite y must be positive */
    /* The class of each series, below PAL_POINTS_CLASSES; it is drawn in the colour that pal_points_write gives to this
     * class. -1: the series is for all classes together and is drawn as a thicker line. NULL: series have no classes.
     */
    const int *classes;
    bool csv;   /* also write the numbers, next to the picture */
    bool log_x; /* logarithmic x axis; every finite x must be positive */
    /* For series with points of their own, such as runs of unequal length: the x values of each series, and their
     * number. x and count are then not used. NULL: all series have x and count. */
    const double *const *own_x;
    const size_t *own_count;
    /* A number from 0 to 1 for each series, where the series have an order, such as layers by depth: their colours go
     * from blue over green to red. Not together with classes. NULL: colours that are easy to tell apart. */
    const double *shades;
    bool gaps; /* a line is interrupted where a value is missing; otherwise it goes on to the next one */
    /* For each series the number of a point that gets a large marker; a number that no point has: none. NULL: none. */
    const size_t *marked;
} pal_curves;

/* Writes a picture. path is NAME.png, NAME.svg or NAME.pdf; another ending is refused (PAL_ERR_ARGUMENT). With csv, the
 * numbers are in NAME.csv: a line of headings, then x and all series as columns; a value that is not finite is empty.
 * If the series have their own x, each point has a line instead: the name of its series, x, y.
 * An error names the file: PAL_ERR_IO if it cannot be written, PAL_ERR_MEMORY if there is no memory. */
pal_status pal_curves_write(const pal_curves *curves, const char *path, pal_error *error);
/* Several plots in one picture, up to 16: side by side in rows, with a title above all and one legend. All have the
 * same axes, so that they can be compared, and series of the same names in the same order (PAL_ERR_ARGUMENT). The
 * numbers are written if the first one asks for them: NAME.csv then begins with the column panel, the title of the
 * plot. */
pal_status pal_curves_panels_write(const pal_curves *const *panels, size_t count, const char *title, const char *path,
                                   pal_error *error);

/* ---- Points --------------------------------------------------------------------------------------------------- */

#define PAL_POINTS_CLASSES 10 /* number of colours that readers, including colour-blind readers, can distinguish */

typedef struct pal_ellipse { /* mean and covariance of a distribution in the plane */
    double x, y, xx, xy, yy;
    int of_class; /* below class_count; -1: no class */
} pal_ellipse;

/* Computes the semi-axes at one standard deviation, the longer one first, and the angle between the longer one and the
 * x axis, from -pi/2 to pi/2. */
void pal_ellipse_axes(const pal_ellipse *ellipse, double radii[2], double *angle);

typedef struct pal_points {
    size_t struct_size;
    const char *title, *x_label, *y_label; /* labels NULL: "x", "y" */
    const double *x, *y;                   /* a point with a coordinate that is not finite is not drawn */
    size_t count;
    const uint8_t *classes;   /* class of each point, below class_count; NULL: one colour and no legend */
    const char *const *names; /* class names for the legend; NULL: class numbers */
    size_t class_count;
    const pal_ellipse *ellipses; /* drawn over the points, which then are paler; one that is not finite is not drawn */
    size_t ellipse_count;
    const char *ellipse_name; /* for the legend; NULL: no entry */
    double deviations;        /* size of the ellipses in standard deviations; 0: 1 */
    bool csv;                 /* also write the numbers, next to the picture */
} pal_points;

/* Writes a scatter plot. The number of each class is drawn at the median of its points, or next to it if another number
 * is there. NAME.csv has one line per point, in the order given: x, y and the class (-1: no class). If there are
 * ellipses, each has a line after these, and all lines have three more fields, the covariance xx, xy, yy; they are
 * empty for a point. Files and status are as for pal_curves_write. */
pal_status pal_points_write(const pal_points *points, const char *path, pal_error *error);
/* Several plots of one set of classes in one picture, up to 16: side by side in rows, with a title above all and one
 * legend, that of the first. Each has its own axes. The numbers are written if the first one asks for them: NAME.csv
 * then begins with the columns panel (the title of the plot), x, y. */
pal_status pal_points_panels_write(const pal_points *const *panels, size_t count, const char *title, const char *path,
                                   pal_error *error);

/* ---- Confusion matrices --------------------------------------------------------------------------------------- */

typedef struct pal_matrix_panel {
    const char *title;
    const int64_t *counts; /* [classes, classes], indexed by label, then answer */
} pal_matrix_panel;

typedef struct pal_matrix {
    size_t struct_size;
    const char *title;
    const char *row_label, *column_label; /* NULL: "label", "answer" */
    const pal_matrix_panel *panels;       /* drawn side by side, up to 16 */
    size_t panel_count, classes;          /* up to 256 classes; up to 26, the counts are written in the tiles */
    const char *const *names;             /* class names; NULL: class numbers */
    bool csv;                             /* also write the numbers, next to the picture */
} pal_matrix;

/* Writes confusion matrices. Each tile has its count. A tile is darker if it has a larger share of the samples of its
 * label; correct answers are blue and wrong answers red. Recall is at the right, precision below, and the share of all
 * correct answers in the corner. NAME.csv has one line per tile: title of the panel, label, answer, count, share. Files
 * and status are as for pal_curves_write. */
pal_status pal_matrix_write(const pal_matrix *matrix, const char *path, pal_error *error);

/* ---- Computation graphs --------------------------------------------------------------------------------------- */

/* Writes the drawing of a tape as a picture, without Graphviz: what pal_graph_text draws, at the places of
 * pal_graph_draw. Files and status are as for pal_curves_write; where the tape says why, so does the error. A title of
 * letters that plot has not shows boxes. pal_graph_write of autograd.h writes the other formats. */
pal_status pal_graph_picture_write(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options,
                                   const char *path, pal_error *error);

/* ---- Compiled programs ---------------------------------------------------------------------------------------- */

typedef struct pal_plan_drawing {
    size_t struct_size;
    const char *title;
    const struct pal_plan *plan; /* autograd/operation.h; as pal_trace gives it */
    const char *const *outputs;  /* names of the outputs, in the order of the program; an entry may be NULL */
    size_t output_count;         /* 0: none has a name */
    const double *seconds;       /* the time of each step, by which it gets its width. NULL: all are equally wide */
    bool no_legend;
} pal_plan_drawing;

/* Writes the picture of a compiled program. Time goes to the right: each step is a column, in the colour of its kind,
 * with its operations above it. Below is the arena: a value is a rectangle from the step that writes it to the last one
 * that reads it, at its offset and as high as it has bytes, in the colour of its order of derivative. A diamond is
 * where a value is written over its operand. Lines mark the size of the arena, and the most that is in use at one step.
 * Files and status are as for pal_curves_write; a plan that contradicts itself is PAL_ERR_ARGUMENT. */
pal_status pal_plan_write(const pal_plan_drawing *drawing, const char *path, pal_error *error);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
