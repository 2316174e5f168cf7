/* filters.h - what the files of filters share: what is drawn for one model. */
#ifndef PAL_ANALYSIS_FILTERS_H
#define PAL_ANALYSIS_FILTERS_H

#include "analysis/internal.h"

enum { PALT__FILTER_UNITS = 256 }; /* units drawn per model, unless the caller says otherwise */

typedef enum palt__filter_kind {
    PALT__WEIGHTS,
    PALT__UNIT_WEIGHTS, /* divided by their norm */
    PALT__KERNELS,
    PALT__MAXIMA, /* found by ascent.c */
    PALT__PROTOTYPES,
} palt__filter_kind;

typedef enum palt__filter_order {
    PALT__BY_SIZE,   /* the norm of weights, or the activation at a maximum, descending */
    PALT__BY_SHARE,  /* of the variance that the unit of a linear model explains, descending */
    PALT__BY_NUMBER, /* of the units: they are principal components, the first one first */
} palt__filter_order;

typedef struct palt__ranked {
    double size;
    int64_t index;
} palt__ranked;

typedef struct palt__filters { /* the section of one model */
    pal_model *model;
    const pal_tensor *w; /* the weights that are drawn, or those of the first layer; may be NULL */
    palt__filter_kind kind;
    palt__filter_order by;
    palt__layer layer;
    bool across;          /* the weights of a unit are a column of w */
    const double *share;  /* of the variance, by unit; NULL: unknown */
    int64_t units, count; /* units of the layer; units with an image */
    int64_t open;         /* units whose search did not converge */
    pal_view view;        /* of what is drawn for a unit */
    bool cut;             /* it is the part of a sample that the unit sees */
    bool profile;
    pal_tensor *images;  /* [count, pixels], in the order of the units */
    palt__ranked *order; /* [count] */
    pal_tensor *cells;   /* the images that are drawn, in the order of drawing */
} palt__filters;

/* filters.c: chooses what is drawn for a model, and computes images and order. */
pal_status palt__filters_fill(palt__filters *f, const pal_filters_options *o, size_t model, pal_error *err);

/* filters_draw.c: draws all models side by side. Makes the cells. */
pal_status palt__filters_draw(const pal_filters_options *o, palt__filters *filters, const char *path, pal_error *err);

#endif
