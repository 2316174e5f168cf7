/* plot.h - pictures: image grids of tensors, curves of training, scatter plots, confusion matrices.
 *
 * A picture is described by one constant struct and made by one call; nothing is configured anywhere else. Sizes that
 * are left 0 are chosen for a good picture. All text is ASCII (a byte that is not printable is drawn as a box, once a
 * character) and may be NULL for none. Paths are written whole or not at all: under a temporary name in the same
 * folder, then renamed. The library never prints or exits; a pal_error names the file or the part that failed.
 */
#ifndef PAL_PLOT_H
#define PAL_PLOT_H

#include "autograd/autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Images --------------------------------------------------------------------------------------------------- */

typedef struct pal_colour {
    uint8_t red, green, blue;
} pal_colour;

typedef struct pal_image { /* row-major, three bytes a pixel, no padding; change pixels freely */
    uint8_t *pixels;
    int32_t width, height;
} pal_image;

pal_image *pal_image_new(int64_t width, int64_t height, pal_error *error); /* white */
void pal_image_free(pal_image *image);
void pal_image_fill(pal_image *image, pal_colour colour);
/* What falls outside the image is cut off, here and in every function that draws. */
void pal_image_rect(pal_image *image, int64_t x, int64_t y, int64_t width, int64_t height, pal_colour colour);
void pal_image_blit(pal_image *to, const pal_image *from, int64_t x, int64_t y); /* from and to may not be the same */
pal_colour pal_image_get(const pal_image *image, int64_t x, int64_t y);          /* black outside */

pal_status pal_image_write(const pal_image *image, const char *path, pal_error *error); /* PNG, 8 bits, RGB */
pal_image *pal_image_read(const char *path, pal_error *error); /* any PNG; transparent parts come out white */

/* ---- Text ----------------------------------------------------------------------------------------------------- */

typedef struct pal_text_style {
    int32_t height; /* of a capital letter, in pixels, 5 to 256; a line takes pal_text_leading of it */
    bool bold;
    pal_colour colour;
} pal_text_style;

int64_t pal_text_width(const char *text, pal_text_style style); /* in pixels */
int64_t pal_text_leading(pal_text_style style);                 /* from one baseline to the next, in pixels */
/* One line, with the left edge at x and the tops of capital letters at y. */
void pal_image_text(pal_image *image, int64_t x, int64_t y, const char *text, pal_text_style style);

/* ---- Colours -------------------------------------------------------------------------------------------------- */

/* How the values of one cell become colours. u8 counts as value / 255. A value that is not finite is drawn in
 * PAL_COLOUR_NONFINITE and takes no part in a cell's extremes. */
typedef enum pal_mapping {
    PAL_MAP_UNIT,      /* 0 black, 1 white, clamped */
    PAL_MAP_RANGE,     /* each cell: its minimum black, its maximum white; a constant cell is mid-grey */
    PAL_MAP_SYMMETRIC, /* each cell: -m black, 0 mid-grey, +m white, where m is its max |value| */
    PAL_MAP_DIVERGING, /* each cell: -m blue, 0 near white, +m red */
    PAL_MAPPING_COUNT
} pal_mapping;

#define PAL_COLOUR_NONFINITE ((pal_colour){0, 200, 90}) /* a green that no mapping yields */

pal_colour pal_colour_grey(double t);      /* 0 to 1, clamped */
pal_colour pal_colour_diverging(double t); /* -1 to 1, clamped; equal steps look equal */

/* ---- Grids of images ------------------------------------------------------------------------------------------ */

/* Images of one kind, laid from left to right and wrapped at the section's columns. */
typedef struct pal_grid_row {
    const pal_tensor *cells; /* f32, f64, u8 or bool: [n,h*w], [n,h,w], [n,1,h,w] or [n,h,w,1] */
    const char *label;       /* to the left */
    pal_mapping mapping;
    size_t limit;    /* at most so many cells; 0: all */
    bool transposed; /* cells are the columns of a [h*w,n] matrix, as the filters of a dense layer are */
} pal_grid_row;

/* Rows under each other. All cells of a section have one size. */
typedef struct pal_grid_section {
    const char *title;
    const pal_grid_row *rows;
    size_t count;
    /* 0: one row is laid as square as can be; several rows, where they are too wide for a picture and have no column
     * labels, are cut into bands: all rows' first cells under each other, below them all rows' next cells, ... */
    size_t columns;
    const char *const *column_labels; /* above the first columns */
    size_t column_label_count;
    int64_t cell_height, cell_width; /* for cells that come as h*w; 0: square */
    /* Of cells that come as planes*h*w; 0: 1. Three are red, green and blue where the mapping is one to greys that are
     * not signed (UNIT, RANGE); others lie side by side. */
    int64_t cell_planes;
} pal_grid_section;

/* Sections side by side, a title above, a caption below; both are wrapped where they are long. */
typedef struct pal_grid {
    size_t struct_size;
    const char *title, *caption;
    const pal_grid_section *sections;
    size_t count;
    int32_t scale; /* pixels of the picture a pixel of a cell, up to 64; 0: choose */
} pal_grid;

pal_image *pal_grid_draw(const pal_grid *grid, pal_error *error);
pal_status pal_grid_write(const pal_grid *grid, const char *path, pal_error *error); /* drawn and written as PNG */

/* ---- Curves --------------------------------------------------------------------------------------------------- */

typedef struct pal_series {
    const char *name; /* "train_loss": the column's heading, and the key of the plot */
    const double *y;  /* pal_curves.count values; one that is not finite is left out */
} pal_series;

typedef struct pal_curves {
    size_t struct_size;
    const char *title, *x_label, *y_label; /* labels NULL: "epoch", "loss" */
    const double *x;
    size_t count; /* points of each series */
    const pal_series *series;
    size_t series_count;
    bool log_y; /* every finite y must be positive */
    /* Of each series, the class below PAL_POINTS_CLASSES that it is of, whose colour it has as in pal_points_write, or
     * -1: of all, drawn heavier. NULL: none is of a class. */
    const int *classes;
} pal_curves;

/* Writes NAME.dat (a heading, then x and the series in columns) and NAME.gnuplot beside path, which is NAME.png or
 * NAME.svg, and has gnuplot draw the picture. Without gnuplot on the search path the two files are still there, *drawn
 * is false and the status PAL_OK: say so to the user. drawn may be NULL. */
pal_status pal_curves_write(const pal_curves *curves, const char *path, bool *drawn, pal_error *error);

/* ---- Points --------------------------------------------------------------------------------------------------- */

#define PAL_POINTS_CLASSES 10 /* as many colours can be told apart, by colour-blind readers too */

typedef struct pal_ellipse { /* of a distribution in the plane: its mean, and its covariance */
    double x, y, xx, xy, yy;
    int of_class; /* below class_count; -1: none */
} pal_ellipse;

/* Semi-axes at one standard deviation, the longer first, and the angle of that one to the x axis, from -pi/2 to pi/2.
 */
void pal_ellipse_axes(const pal_ellipse *ellipse, double radii[2], double *angle);

typedef struct pal_points {
    size_t struct_size;
    const char *title, *x_label, *y_label; /* labels NULL: "x", "y" */
    const double *x, *y;                   /* a point with a coordinate that is not finite is left out */
    size_t count;
    const uint8_t *classes;   /* of each point, below class_count; NULL: one colour and no legend */
    const char *const *names; /* of the classes, for the legend; NULL: their numbers */
    size_t class_count;
    const pal_ellipse *ellipses; /* drawn over the points, which are paler then; what is not finite is left out */
    size_t ellipse_count;
    const char *ellipse_name; /* for the legend; may be NULL */
    double deviations;        /* standard deviations that an ellipse reaches to; 0: 1 */
} pal_points;

/* A scatter plot. NAME.dat has a line a point, in the order given: x, y and the class (-1 where there is none); the
 * number of each class stands at its median, or beside it where another number is. Ellipses follow after two empty
 * lines, as closed polygons with an empty line after each. Files, *drawn and status are those of pal_curves_write. */
pal_status pal_points_write(const pal_points *points, const char *path, bool *drawn, pal_error *error);

/* ---- Confusion matrices --------------------------------------------------------------------------------------- */

typedef struct pal_matrix_panel {
    const char *title;
    const int64_t *counts; /* [classes, classes], by label and answer */
} pal_matrix_panel;

typedef struct pal_matrix {
    size_t struct_size;
    const char *title;
    const char *row_label, *column_label; /* NULL: "label", "answer" */
    const pal_matrix_panel *panels;       /* side by side, up to 16 */
    size_t panel_count, classes;          /* up to 256; counts are written up to 26 */
    const char *const *names;             /* of the classes; NULL: their numbers */
} pal_matrix;

/* Tiles with the counts in them, the darker the greater the share of the label's samples: blue what is right, red what
 * is wrong; right of it recall, below it precision, and in the corner the share of all that is right. NAME.dat has a
 * line a tile: label, answer, count, share; two empty lines between panels. Files, *drawn and status are those of
 * pal_curves_write. */
pal_status pal_matrix_write(const pal_matrix *matrix, const char *path, bool *drawn, pal_error *error);

#ifdef __cplusplus
}
#endif
#endif
