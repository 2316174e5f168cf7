/* internal.h - what the files of analysis/ share. */
#ifndef PAL_ANALYSIS_INTERNAL_H
#define PAL_ANALYSIS_INTERNAL_H

#include "analysis/analysis.h"
#include "plot/plot.h"
#include "train/internal.h"

/* ---- logistic.c: multinomial logistic regression -------------------------------------------------------------- */

typedef struct palt__logistic palt__logistic;

typedef struct palt__fit {     /* one minimum, and what it says of the samples */
    double strength, gradient; /* of the penalty; how small the gradient is to be */
    const double *weights;     /* of the samples' terms, [n] */
    double *solution;          /* [palt__logistic_size]: where it starts, and then the minimum */
    pal_lbfgs_result minimum;
    int64_t wrong[2]; /* samples of weight 0, and the others, that are told wrongly */
    double surprise;  /* sum of -log p(label) over those of weight 0 */
} palt__fit;

/* inputs f64 [n,d], targets f64 [n,classes] one-hot: borrowed. */
palt__logistic *palt__logistic_new(pal_tensor *inputs, pal_tensor *targets, unsigned lanes, pal_error *err);
void palt__logistic_free(palt__logistic *l);
size_t palt__logistic_size(const palt__logistic *l); /* W [classes,d], then b [classes] */
pal_status palt__logistic_fit(palt__logistic *l, palt__fit *fit, pal_error *err);

/* ---- neighbours.c --------------------------------------------------------------------------------------------- */

/* For each of n points [n, features] the k nearest samples that are not the point itself, by ascending distance: found
 * and distance are [n, k], the distance infinite where there are fewer. */
pal_status palt__neighbours(pal_context *context, const float *points, size_t n, const pal_dataset *among, size_t k,
                            uint32_t *found, double *distance, pal_error *err);

/* ---- ascent.c: the input of norm 1 that activates a unit most ------------------------------------------------- */

typedef struct palt__layer { /* of an encoder */
    int64_t layers, layer;   /* how many it has; which one: 1 is the first */
    int64_t units;           /* of a convolution: its channels */
    int64_t plane, middle;   /* of a convolution: elements of a channel, and the one in the middle; else 1, 0 */
} palt__layer;

pal_status palt__layer_find(pal_model *model, int64_t layer, palt__layer *out, pal_error *err); /* 0: the last */
/* For each of n units the input [n, features] and the pre-activation it gives. Zeros for a unit that no input moves.
 * open: of how many the search had not converged. */
pal_status palt__ascend(pal_model *model, const palt__layer *layer, const int64_t *units, int64_t n, float *out,
                        double *value, int64_t *open, pal_error *err);

/* ---- ellipses.c: posteriors in the plane of a scatter plot ---------------------------------------------------- */

typedef struct palt__plane {
    int64_t samples, code;
    const double *axes;     /* [2, code]: a code's place is axes times the code, but for a shift */
    const double *points;   /* [2, samples]: of the first samples of the data */
    const uint8_t *classes; /* of the samples; NULL: none */
} palt__plane;

/* Of so many samples of each class, evenly. ellipses: malloc, for the caller, also after a failure. */
pal_status palt__ellipses(pal_model *model, const pal_dataset *data, const palt__plane *plane, int64_t each,
                          pal_ellipse **ellipses, size_t *count, pal_error *err);

/* ---- cells.c: how samples are drawn --------------------------------------------------------------------------- */

/* How a sample is drawn: planes of its last two axes of more than 1 element; one axis as square as can be. */
void palt__cell_size(pal_shape sample, int64_t *height, int64_t *width);
void palt__size_cells(pal_grid_section *section, pal_shape sample);
/* Black is 0 and white is 1 where the data say so; otherwise each image has its own black and white. */
pal_mapping palt__mapping(const pal_tensor *cells);

#endif
