/* internal.h - what the files of analysis/ share. */
#ifndef PAL_ANALYSIS_INTERNAL_H
#define PAL_ANALYSIS_INTERNAL_H

#include "analysis/analysis.h"
#include "plot/plot.h"
#include "train/internal.h"

/* ---- logistic.c: multinomial logistic regression -------------------------------------------------------------- */

typedef struct palt__logistic palt__logistic;

typedef struct palt__fit {     /* one minimisation, and what it gives for the samples */
    double strength, gradient; /* of the penalty; the gradient at which the search ends */
    const double *weights;     /* of the samples' terms, [n] */
    double *solution;          /* [palt__logistic_size]: the start on input, the minimum on output */
    pal_lbfgs_result minimum;
    int64_t wrong[2]; /* misclassified samples: those of weight 0, and the others */
    double surprise;  /* sum of -log p(label) over the samples of weight 0 */
} palt__fit;

/* inputs f64 [n,d] and targets f64 [n,classes], one-hot, are borrowed. */
palt__logistic *palt__logistic_new(pal_tensor *inputs, pal_tensor *targets, unsigned lanes, pal_error *err);
void palt__logistic_free(palt__logistic *l);
size_t palt__logistic_size(const palt__logistic *l); /* W [classes,d], then b [classes] */
pal_status palt__logistic_fit(palt__logistic *l, palt__fit *fit, pal_error *err);

/* ---- neighbours.c --------------------------------------------------------------------------------------------- */

/* Finds the k nearest samples of each of n points [n, features], by ascending distance; a sample at distance 0 is
 * skipped. found and distance are [n, k]; where there are fewer than k samples, the distance is infinite. */
pal_status palt__neighbours(pal_context *context, const float *points, size_t n, const pal_dataset *among, size_t k,
                            uint32_t *found, double *distance, pal_error *err);

/* ---- layers.c: the layers of an encoder, and what a unit sees ------------------------------------------------- */

typedef struct palt__layer { /* of an encoder */
    int64_t layers, layer;   /* number of layers; number of this layer, from 1 */
    int64_t units;           /* of a convolution: its channels */
    int64_t plane, middle;   /* of a convolution: elements of a channel, and the index of its middle; else 1, 0 */
    /* The rectangle of each plane of a sample on which a unit depends (of a convolution: the middle of a channel). It
     * is the whole plane if the operations below are others than convolutions and elementwise ones. */
    int64_t top, left, height, width;
} palt__layer;

pal_status palt__layer_find(pal_model *model, int64_t layer, palt__layer *out, pal_error *err); /* layer 0: the last */
/* Records the encoder from x [n, features] on. Returns the pre-activation of a layer, [n, units] or [n, units, h, w]. A
 * bad handle: the tape says why. out may be NULL. */
pal_var palt__preactivation(pal_model *model, pal_tape *tape, pal_var x, int64_t layer, palt__layer *out);
pal_status palt__tell(const pal_tape *tape, pal_error *err); /* the error of a tape */

/* ---- ascent.c: the input of norm 1 that activates a unit most ------------------------------------------------- */

/* Computes for each of n units its input, out [n, features], and the pre-activation there, value [n]. A unit that does
 * not depend on its input gets zeros. open receives the number of units whose search did not converge. */
pal_status palt__ascend(pal_model *model, const palt__layer *layer, const int64_t *units, int64_t n, float *out,
                        double *value, int64_t *open, pal_error *err);

/* ---- ellipses.c: posteriors in the plane of a scatter plot ---------------------------------------------------- */

typedef struct palt__plane {
    int64_t samples, code;
    const double *axes;     /* [2, code]: the position of a code is axes times the code, up to a shift */
    const double *points;   /* [2, samples]: positions of the first samples of the data */
    const uint8_t *classes; /* of the samples; NULL: no classes */
} palt__plane;

/* Makes ellipses for `each` samples of each class, evenly spaced. The caller frees *ellipses, also after a failure. */
pal_status palt__ellipses(pal_model *model, const pal_dataset *data, const palt__plane *plane, int64_t each,
                          pal_ellipse **ellipses, size_t *count, pal_error *err);

/* ---- infill.c ------------------------------------------------------------------------------------------------- */

/* pal_infill; each: `missing` has a row for each sample, [n, features]. */
pal_status palt__infill(pal_model *model, const float *x, const uint8_t *missing, bool each, size_t n,
                        const pal_infill_options *options, float *out, pal_error *err);

/* infill_write.c: samples first .. first + n - 1, f32 [n, features], which the caller frees. NULL: failed, see err. */
pal_tensor *palt__gather(const pal_dataset *data, int64_t first, int64_t n, pal_error *err);

/* ---- cells.c: how samples are drawn --------------------------------------------------------------------------- */

/* Sets a view of zeros to pal_view_of the sample. PAL_ERR_ARGUMENT: the view has another number of elements. */
pal_status palt__view_choose(pal_view *view, pal_shape sample, pal_error *err);
bool palt__is_profile(pal_view view);
const char *palt__view_numbers(pal_view view);                     /* what a sample has: "pixels" or "numbers" */
void palt__view_section(pal_grid_section *section, pal_view view); /* sets the size of its cells */
/* Writes a grid of samples. If they are profiles whose features have unlike units (one is everywhere below 1/30 of what
 * another reaches), each feature has its own scale, and the caption says so. Profiles have the names of the
 * columns of the model, if its schema has names. Changes the sections. */
pal_status palt__view_write(const pal_model *model, pal_view view, const char *title, const char *caption,
                            pal_grid_section *sections, size_t count, const char *path, pal_error *err);
/* For images: black is 0 and white is 1 if all values are in [0,1]; otherwise each image gets its own black and white.
 */
pal_mapping palt__mapping(pal_view view, const pal_tensor *cells);

#endif
