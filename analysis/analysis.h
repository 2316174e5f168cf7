/* analysis.h - results from a trained model: pictures, figures, codes, classifiers, scores, geometry.
 *
 * Conventions for every function here:
 *   - The library never prints or exits. A function that can fail takes a pal_error, which may be NULL. It sets the
 *     error on failure and leaves it unchanged on success.
 *   - Option structs begin with struct_size and are written with designated initialisers.
 *   - Arguments (model, data, texts) are borrowed for the call.
 *   - If path is NULL, no picture is made. A picture shows the first `samples` samples; figures cover all samples. The
 *     figures are appended to the caption of the caller.
 *   - A figure is a measured value: the sum over features, averaged over samples. An unknown figure is NAN.
 */
#ifndef PAL_ANALYSIS_H
#define PAL_ANALYSIS_H

#include "data/data.h"
#include "models/models.h"
#include "train/train.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Progress callback: done goes from 0 to 1. Returns nonzero to stop (PAL_ERR_STOPPED). */
typedef int (*pal_done_fn)(double done, void *user);

/* ---- How samples are drawn ------------------------------------------------------------------------------------
 *
 * As images of height x width pixels; three planes are red, green and blue, other planes are side by side. Or, with one
 * plane of height 1, as profiles: bars from a line at 0, or a curve (PAL_MAP_PROFILE). */
typedef struct pal_view {
    int64_t planes, height, width;
} pal_view;
/* The view that option structs choose if theirs is zero. Axes of length 1 do not count. A sample with two axes or more
 * is an image: the last two axes are height and width, those before them are planes. A sample with one axis is a line
 * of a table: a profile. But a square number of at least 64 is a square image, as in a table of the pixels of digits.
 */
pal_view pal_view_of(pal_shape sample);

/* ---- Pictures ------------------------------------------------------------------------------------------------- */

typedef struct pal_reconstruct_options {
    size_t struct_size;
    int64_t samples;      /* the first ones of the data; 0: 16 */
    uint64_t seed;        /* for the corruption, as in pal_evaluate */
    pal_model *corruptor; /* as in pal_evaluate */
    const char *title, *caption;
    pal_view view; /* zero: by the shape of a sample, as in all structs here */
} pal_reconstruct_options;

/* A picture, NAME.png, NAME.svg or NAME.pdf as all here, with these rows: the originals, the corrupted inputs (if
 * something corrupts them), and their reconstructions. */
pal_status pal_reconstruct_write(pal_model *model, const pal_dataset *data, const pal_reconstruct_options *options,
                                 const char *path, pal_error *err);

typedef struct pal_shown { /* one of several models in a picture */
    pal_model *model;
    pal_model *corruptor; /* as in pal_evaluate, where inputs are corrupted */
    const char *name;
} pal_shown;

/* The same for several models: the originals, then a row with the name of each model. The corrupted inputs are one row
 * for all models that get the same ones. options->corruptor is not read. */
pal_status pal_reconstruct_all_write(const pal_shown *models, size_t count, const pal_dataset *data,
                                     const pal_reconstruct_options *options, const char *path, pal_error *err);

typedef struct pal_filters_options {
    size_t struct_size;
    pal_model *const *models;  /* side by side, one section per model */
    const char *const *titles; /* of the sections; may be NULL */
    size_t count;
    int64_t units; /* maximum number of units per model; 0: 256 */
    bool maximal;  /* for the first layer, too, draw the input of norm 1 that excites each unit most, w / ||w|| */
    const char *title;
    int64_t layer;               /* of the encoder, from 1; 0: the last */
    bool prototypes;             /* draw the weights of the last decoder layer instead */
    const double *const *shares; /* of each model, those of pal_shares; entries may be NULL; NULL: all unknown */
    pal_view view;               /* of inputs; kernels and cut inputs have their own */
} pal_filters_options;

/* A picture with one image per unit of an encoder layer: what the unit responds to. For the first layer this is the
 * weights (of a convolution, the kernels), each image on its own scale, by descending norm. For deeper layers it is the
 * input of norm 1 that excites the unit most, found by gradient ascent; all images share one scale, by descending
 * activation. Of a unit of a convolution, taken at the middle of its plane, only the part that it sees is drawn. The
 * units of a linear model in closed form are principal components, the first one first. Those of another linear model
 * are ordered by the share of the variance that they explain, if it is given. Other models with equal numbers of units
 * share the order of the last one, so that unit j has the same place in each. The caption explains the images. */
pal_status pal_filters_write(const pal_filters_options *options, const char *path, pal_error *err);
/* Computes that input for one unit, out [features], and its pre-activation value (may be NULL). layer as above. */
pal_status pal_filter_maximal(pal_model *model, int64_t layer, int64_t unit, float *out, double *value, pal_error *err);

/* Whether the model is of the variant linear. */
bool pal_is_linear(const pal_model *model);
/* The share of the variance of the data that each unit of a linear model explains, share [units], summed over features.
 * The shares add up to 1 - E||x - x^ - m||^2 / Var(x) with m the mean of x - x^. In closed form, share j is eigenvalue
 * j of the covariance over their sum; the units of a model trained by descent may overlap, and a share may be negative.
 * NAN: the data do not vary. PAL_ERR_ARGUMENT: the model is not linear, or pal_data_check refuses the data. */
pal_status pal_shares(pal_model *model, const pal_dataset *data, double *share, pal_error *err);

typedef struct pal_shares_picture {
    const double *const *shares; /* of each model, [units] */
    const int64_t *units;
    const char *const *names; /* of the models; may be NULL */
    size_t count;
    const char *title;
    bool csv; /* also write the numbers, next to the picture */
} pal_shares_picture;
/* Plots the share of the first k units together, k = 0, 1, ..., in percent, and for one model also the share of each
 * (pal_curves_write). The units of each model are taken by descending share. */
pal_status pal_shares_write(const pal_shares_picture *picture, const char *path, pal_error *err);

typedef struct pal_scatter_options {
    size_t struct_size;
    int64_t samples; /* the first ones of the data; 0: all */
    const char *title;
    int64_t ellipses;  /* samples per class whose posterior is drawn; refused unless pal_scatter_ellipses */
    double deviations; /* radius of an ellipse, in standard deviations; 0: 1 */
    bool csv;          /* also write the numbers, next to the picture */
} pal_scatter_options;

typedef struct pal_scatter {
    int64_t samples, code; /* number of points; numbers in the code of a sample */
    double share[2];       /* of the variance of the code, along the two axes */
    int64_t ellipses;      /* ellipses of all classes together */
} pal_scatter;

/* Whether the code of the model is random and normal, so that ellipses describe its posterior. */
bool pal_scatter_ellipses(const pal_model *model);

/* Draws samples as points, coloured by class. A code of two numbers is drawn directly. A longer code is projected onto
 * its two leading principal components, and so are the covariances of the posteriors. The picture is NAME.png, NAME.svg
 * or NAME.pdf; with csv, its numbers are in NAME.csv (pal_points_write). */
pal_status pal_scatter_write(pal_model *model, const pal_dataset *data, const pal_scatter_options *options,
                             const char *path, pal_scatter *result, pal_error *err);
/* The same samples in the codes of several models, up to 16, each in a panel with its name. options->ellipses counts
 * for the models with a normal random code, if there is one. results [count] may be NULL. */
pal_status pal_scatter_all_write(const pal_shown *models, size_t count, const pal_dataset *data,
                                 const pal_scatter_options *options, const char *path, pal_scatter *results,
                                 pal_error *err);

/* ---- Geometry ------------------------------------------------------------------------------------------------- */

typedef struct pal_geometry_options { /* 0 selects the default */
    size_t struct_size;
    int64_t samples;    /* the first ones of the data; default 100 */
    int64_t neighbours; /* of each sample, in the training data; default 10 */
    int64_t directions; /* random directions across the data, at each sample; default 10 */
    int64_t images;     /* samples whose tangents are kept; default 6 */
    int64_t tangents;   /* kept per sample; default 8 */
    uint64_t seed;      /* for the random directions */
    int (*progress)(int64_t done, int64_t all, void *user); /* nonzero: stop (PAL_ERR_STOPPED); NULL: not called */
    void *user;
} pal_geometry_options;

typedef struct pal_geometry { /* of the Jacobian J [code, features] of the encoder at the samples */
    pal_shape sample;
    int64_t samples, code, features;
    double norm, norm2; /* means of ||J||_F and of its square */
    int64_t length;     /* number of singular values: the smaller of code and features */
    double *spectrum;   /* [length]: the k-th largest singular value, averaged over samples */
    int classes;        /* 0: no labels */
    int64_t *class_samples;
    double *class_spectrum; /* [classes, length]; zeros for a class without samples */
    int64_t neighbours;
    double along;  /* mean ||J d|| for the unit vectors d to the nearest neighbours; NAN without training data */
    double across; /* mean ||J z|| for random unit vectors z, orthogonal to all d; NAN: the d span everything */
    int64_t images, tangents;
    pal_tensor *image;   /* [images, features] */
    pal_tensor *tangent; /* [images * tangents, features]: right singular vectors, by descending singular value */
} pal_geometry;

/* Computes J exactly, one sample at a time. Neighbours are searched in train; NULL: no neighbours. NULL: failed, see
 * err. */
pal_geometry *pal_geometry_new(pal_model *model, const pal_dataset *data, const pal_dataset *train,
                               const pal_geometry_options *options, pal_error *err);
void pal_geometry_free(pal_geometry *geometry);

typedef struct pal_geometry_picture {
    const pal_geometry *const *geometries; /* of several models at the same samples */
    const char *const *names;              /* of the models; may be NULL */
    size_t count;
    const pal_dataset *data; /* for the names of the classes; may be NULL */
    const char *title;
    bool csv; /* also write the spectra as NAME.csv, next to their picture */
    pal_view view;
} pal_geometry_picture;

/* Plots singular values on a logarithmic axis (pal_curves_write): for one model overall and by class, for several
 * models overall only. */
pal_status pal_geometry_spectra_write(const pal_geometry_picture *picture, const char *path, pal_error *err);
/* A picture with the samples, and next to each sample its leading tangents. */
pal_status pal_geometry_tangents_write(const pal_geometry_picture *picture, const char *path, pal_error *err);

/* ---- The curvature of the loss at the weights of a model -------------------------------------------------------- */

typedef struct pal_eigenvalue {
    double value; /* NAN: not found */
    double error; /* the greatest distance to an eigenvalue of the matrix: the bound of pal_lanczos, plus the rounding
                   * of a number as large as the largest eigenvalue */
} pal_eigenvalue;

typedef struct pal_curvature_options {
    size_t struct_size;
    size_t eigenvalues; /* at each end of the spectrum; 0: 8; fewer if there are fewer weights */
    size_t steps;   /* products with each matrix, at least as many as eigenvalues; 0: 40, or twice the eigenvalues */
    uint64_t seed;  /* of the noise of the loss, which is frozen, and of the start vector */
    unsigned lanes; /* 0: the context's threads */
    /* Called before each product with the number that is done. Returns nonzero to stop: PAL_ERR_STOPPED. NULL: never.
     */
    int (*progress)(int64_t done, int64_t all, void *user);
    void *user;
} pal_curvature_options;

typedef struct pal_curvature {
    int64_t samples, parameters;
    double loss, gradient; /* the training loss, as a mean over the samples, and the norm of its gradient */
    size_t steps, eigenvalues;
    /* [eigenvalues] each, the outermost first: of the Hessian, and of the Gauss-Newton matrix (pal_model_match), or
     * NULL if the loss has none. An eigenvalue that occurs several times is found once. */
    pal_eigenvalue *largest[2], *smallest[2];
} pal_curvature;

/* The loss is that of all samples of the data (pal_data_objective). Memory: `steps` + 4 times the weights. NULL:
 * failed, see err. */
pal_curvature *pal_curvature_new(pal_model *model, const pal_dataset *data, const pal_curvature_options *options,
                                 pal_error *err);
void pal_curvature_free(pal_curvature *curvature);
/* A picture of the eigenvalues by rank, on a logarithmic axis: those whose error is below their size. n models, up to
 * 16, side by side. Files and status are as for pal_curves_write. */
pal_status pal_curvature_write(const pal_curvature *const *of, const char *const *names, size_t n, const char *title,
                               bool csv, const char *path, pal_error *err);

/* ---- The sizes of the gradients of a training ------------------------------------------------------------------- */

/* Of the weights of each layer, in order of depth, at the end of each epoch: pal_epoch.gradients of the parameters
 * named NAME/W. PAL_ERR_ARGUMENT: the run was trained without them. The folder must have been opened with its epochs.
 */
typedef struct pal_gradients pal_gradients;
pal_gradients *pal_gradients_of(const pal_rundir *run, pal_error *err);
void pal_gradients_free(pal_gradients *gradients);
size_t pal_gradients_layers(const pal_gradients *gradients);
size_t pal_gradients_epochs(const pal_gradients *gradients);
const char *pal_gradients_name(const pal_gradients *gradients, size_t layer); /* "encoder/1"; NULL: no more */
/* One per epoch; NAN where the phase does not train the layer. NULL: no such layer. */
const double *pal_gradients_sizes(const pal_gradients *gradients, size_t layer);
/* A picture with a curve for each layer, on a logarithmic axis; 0 is not drawn. n runs, up to 16, side by side under
 * their names; they must have the same layers (PAL_ERR_ARGUMENT). Files and status are as for pal_curves_write. */
pal_status pal_gradients_write(const pal_gradients *const *runs, const char *const *names, size_t n, const char *title,
                               bool csv, const char *path, pal_error *err);

/* ---- Denoising ------------------------------------------------------------------------------------------------ */

typedef struct pal_denoise_options {
    size_t struct_size;
    int64_t samples; /* in the picture; 0: 16 */
    int64_t batch;   /* batch, seed, lanes, corruptor: as in pal_evaluate */
    uint64_t seed;
    unsigned lanes;
    pal_model *corruptor;
    const char *title, *caption;
    pal_view view;
} pal_denoise_options;

typedef struct pal_denoise_figures {
    int64_t samples;
    double noisy, denoised; /* squared distance of the noisy samples, and of their reconstructions, to the clean ones */
} pal_denoise_figures;

/* Measures, and draws the rows clean, noisy, denoised. PAL_ERR_ARGUMENT: nothing corrupts the samples. */
pal_status pal_denoise(pal_model *model, const pal_dataset *data, const pal_denoise_options *options,
                       pal_denoise_figures *figures, const char *path, pal_error *err);

/* ---- Infilling missing pixels --------------------------------------------------------------------------------- */

typedef enum pal_infill_method {
    PAL_INFILL_ONCE,  /* reconstruct the filled sample once */
    PAL_INFILL_CLAMP, /* reconstruct repeatedly, and put the known pixels back each time */
    PAL_INFILL_CODE,  /* find the code that maximises the likelihood of the known pixels, by Adam */
    PAL_INFILL_METHODS
} pal_infill_method;

const char *pal_infill_name(pal_infill_method method); /* "once", "clamp", "code"; NULL past the end */

typedef struct pal_infill_options {
    size_t struct_size;
    pal_infill_method method;
    const float *fill;    /* [features]: initial values of missing pixels; NULL: zeros */
    int64_t steps;        /* clamp: 0 means 50; code: 0 means 200; once always takes one */
    double learning_rate; /* code: initial rate, which falls to 0 along half a cosine; 0: 0.02 */
    float *means;         /* [n, features]: receives the decoder's value of every pixel, known or not; may be NULL */
    int64_t batch;        /* samples per batch; 0: 128 */
    unsigned lanes;       /* 0: the context's threads */
    pal_done_fn progress; /* NULL: not called */
    void *user;
} pal_infill_options;

/* Fills in the pixels of the rows x [n, features] that are missing, which are those where missing [features] is not 0.
 * Missing pixels of x are not read. out may be x; its known pixels have the bits of x. Method code starts at the code
 * of the filled sample, and the code stays in the range of the encoder's last activation. On failure the contents of
 * out are unspecified. */
pal_status pal_infill(pal_model *model, const float *x, const uint8_t *missing, size_t n,
                      const pal_infill_options *options, float *out, pal_error *err);

/* Marks a rectangle as missing in every plane of a sample, missing [planes * height * width]. A profile has one line.
 * PAL_ERR_ARGUMENT: the rectangle is not inside the plane, or nothing would remain known. */
pal_status pal_missing_rectangle(pal_view view, int64_t top, int64_t left, int64_t height, int64_t width,
                                 uint8_t *missing, pal_error *err);
typedef struct pal_infill_picture {
    size_t struct_size;
    pal_infill_options infill; /* settings for all methods; method, means, and for once steps, are ignored */
    unsigned methods;          /* bits 1 << PAL_INFILL_...; 0: all */
    const float *mean;         /* [features]: the reference fills missing pixels with it; NULL: no reference */
    int64_t samples;           /* in the picture; 0: 16 */
    const char *title, *caption;
    pal_view view;
} pal_infill_picture;

typedef struct pal_infill_figures { /* squared errors: summed over missing or known pixels, mean over samples */
    int64_t samples, missing;       /* number of samples; missing pixels of each */
    double reference;               /* of the missing pixels, filled with the mean sample */
    double squared_error[PAL_INFILL_METHODS]; /* of the missing pixels; NAN if the method was not requested */
    double known_error[PAL_INFILL_METHODS];   /* of the decoder's values for the known pixels (the result keeps x) */
} pal_infill_figures;

/* Measures, and draws the rows original, masked, and one per method. */
pal_status pal_infill_write(pal_model *model, const pal_dataset *data, const uint8_t *missing,
                            const pal_infill_picture *picture, pal_infill_figures *figures, const char *path,
                            pal_error *err);

/* ---- Imputing missing cells of tables -------------------------------------------------------------------------- */

/* Fills in the missing cells (NAN) of rows [n, columns] of the model's schema; of a model without one, a row is the
 * features. A missing number is the model's mean in its own unit, a missing category the likeliest level. Known cells
 * keep their bits. options: as for pal_infill, with fill and means of features; fill NULL: zeros, which is what
 * training puts into missing features. In a row without any known cell, all are filled. out may be rows. filled: how
 * many cells were; may be NULL. On failure the contents of out are unspecified. */
pal_status pal_impute(pal_model *model, const double *rows, size_t n, const pal_infill_options *options, double *out,
                      int64_t *filled, pal_error *err);

typedef struct pal_impute_options {
    size_t struct_size;
    pal_infill_options infill; /* settings for all methods; method and means are ignored */
    unsigned methods;          /* bits 1 << PAL_INFILL_...; 0: all */
    double remove;             /* share of the known cells, rounded to a whole number of cells, at least one */
    uint64_t seed;             /* which cells */
} pal_impute_options;

/* The errors of the removed cells of a column. Of a number: the root mean squared error of its feature, which is scaled
 * as the model has it. Of a truth or a category: the share of wrong cells. NAN: no cell, or the method was not asked
 * for. reference: of the mean, or the most frequent level, of the training samples. */
typedef struct pal_impute_error {
    int64_t cells;
    double reference, method[PAL_INFILL_METHODS];
} pal_impute_error;

typedef struct pal_impute_figures {
    int64_t samples, known, removed; /* samples; their known cells, and how many of these were removed */
    pal_impute_error numbers, words; /* over the cells of all number columns; of all others */
} pal_impute_figures;

/* Removes a share of the known cells of the samples, imputes them, and compares. train: its mean is the reference.
 * columns [columns of the schema, or features]: receives the errors of each; may be NULL. */
pal_status pal_impute_measure(pal_model *model, const pal_dataset *data, const pal_dataset *train,
                              const pal_impute_options *options, pal_impute_figures *figures, pal_impute_error *columns,
                              pal_error *err);

/* ---- Interpolation between codes ------------------------------------------------------------------------------ */

/* Blends the codes of 2 or 4 corners [count, features] and decodes the blends. For two corners, out [steps, features]
 * is decode((1 - t) h0 + t h1) with t = i / (steps - 1). For four (top left, top right, bottom left, bottom right), out
 * is [steps, steps, features], with rows from the top. The ends of out are the reconstructions of the corners. steps is
 * at least 2. After a failure, pal_workspace_error may give the details. */
pal_status pal_interpolate(const pal_model *model, pal_workspace *workspace, const float *corners, size_t count,
                           size_t steps, float *out);
/* The same blend for any vectors [2 or 4, width]; pal_interpolate applies it to codes. */
void pal_blend(const float *corners, size_t count, size_t steps, size_t width, float *out);

typedef struct pal_interpolate_options {
    size_t struct_size;
    const int64_t *corners; /* indices of samples: from, to, from, to, ...; or the four corners of a grid */
    size_t count;
    bool grid;     /* count is 4 */
    int64_t steps; /* at least 2; 0: 9, of profiles 5 */
    bool pixels;   /* also draw the blends of the samples themselves */
    unsigned lanes;
    const char *title, *caption;
    pal_view view;
} pal_interpolate_options;

typedef struct pal_interpolate_figures { /* Euclidean lengths for one pair */
    double code;                         /* distance between the two codes */
    double straight, path;               /* distance between the two reconstructions; path length along the blends */
} pal_interpolate_figures;

/* figures receives count / 2 entries for pairs, none for a grid; may be NULL. */
pal_status pal_interpolate_write(const pal_model *model, const pal_dataset *data,
                                 const pal_interpolate_options *options, pal_interpolate_figures *figures,
                                 const char *path, pal_error *err);
/* The same through the codes of several models: a row per pair and model, or a grid per model. figures is
 * [count of models, options->count / 2]. */
pal_status pal_interpolate_all_write(const pal_shown *models, size_t count, const pal_dataset *data,
                                     const pal_interpolate_options *options, pal_interpolate_figures *figures,
                                     const char *path, pal_error *err);

/* ---- Sampling from the prior ---------------------------------------------------------------------------------- */

/* Draws codes [n, k] from the prior of a model with a random code (pal_model_code). Equal seeds give equal codes. */
pal_status pal_prior_draw(const pal_model *model, int64_t n, uint64_t seed, float *codes, pal_error *err);
/* Fills codes [steps, 1] for a code of one continuous number: the quantiles (i + 1/2) / steps of the prior. */
pal_status pal_prior_line(const pal_model *model, int64_t steps, float *codes, pal_error *err);
/* Fills codes [steps, steps, 2] for a code of two continuous numbers: the quantiles (i + 1/2) / steps of the prior. The
 * first number grows from left to right, the second from the bottom (the last row) to the top. */
pal_status pal_prior_plane(const pal_model *model, int64_t steps, float *codes, pal_error *err);

/* How many codes there are, if the code is discrete: k for one choice out of k up to 400, 2^k for k bits up to 6. 0:
 * the code is continuous, or the codes are more. */
int64_t pal_code_count(const pal_model *model);
/* Fills codes [count, k] with all of them: choice 0, 1, ...; or the patterns 00, 01, 10, 11 of bits. PAL_ERR_ARGUMENT:
 * there is no count. */
pal_status pal_code_each(const pal_model *model, float *codes, pal_error *err);
/* How often each code occurs, share [count]: the mean over the samples of its probability under the posterior. */
pal_status pal_code_shares(const pal_model *model, const pal_dataset *data, double *share, pal_error *err);

typedef enum pal_sample_kind {
    PAL_SAMPLE_DRAWS, /* random draws */
    PAL_SAMPLE_LINE,  /* of a code of one continuous number: by quantiles, labelled with the number */
    PAL_SAMPLE_PLANE, /* of a code of two continuous numbers: by quantiles */
    PAL_SAMPLE_EACH,  /* each code of pal_code_count once, labelled with its number from 1 or its bits, and its share */
} pal_sample_kind;

typedef struct pal_sample_options {
    size_t struct_size;
    int64_t samples; /* to draw; 0: 64, if nothing but draws can be made */
    int64_t steps;   /* along a line, or per side of a plane; 0: 15 or 20, of profiles in a plane 8 */
    uint64_t seed;
    unsigned lanes;
    const char *title, *caption;
    const pal_dataset *data; /* for the shares of a discrete code; NULL: no shares */
    pal_view view;
} pal_sample_options;

/* What pal_sample_write draws: draws if samples is not 0; else what fits the code. */
pal_sample_kind pal_sample_kind_of(const pal_model *model, const pal_sample_options *options);
/* Draws the means of x given such codes. */
pal_status pal_sample_write(const pal_model *model, const pal_sample_options *options, const char *path,
                            pal_error *err);
/* The same for several models, side by side below their names; each draws what fits its code. */
pal_status pal_sample_all_write(const pal_shown *models, size_t count, const pal_sample_options *options,
                                const char *path, pal_error *err);

/* ---- Classification: logistic regression ----------------------------------------------------------------------
 *
 * Multinomial logistic regression with an L2 penalty, strength/2 ||W||^2 (biases are not penalised). It is trained to
 * convergence on some labelled training samples, by L-BFGS in float64. The features are centred by their mean over
 * these samples. All of them are divided by one common number, so that the mean of the squared norms is 1.
 *
 * The strength is chosen among 1e-2, 1e-2/5, 1e-2/25, ..., 1e-2/5^8: the one with the lowest error on held-out fifths
 * of the labelled samples. Up to 2000 samples each fifth is held out in turn, above that only one. The search goes from
 * strong to weak and ends after two strengths in a row without a lower error. Then the classifier is trained on all
 * labelled samples. */

typedef struct pal_classify_options {
    size_t struct_size;
    int64_t labels;      /* number of labelled samples, with the class proportions of all of the data; 0: all */
    uint64_t seed, draw; /* select the samples: each draw of a seed differs; codes and inputs get the same samples */
    unsigned lanes;      /* 0: the context's threads */
    int64_t *confusion;  /* receives [classes, classes] counts of test samples, by label and answer; NULL: none */
} pal_classify_options;

typedef struct pal_classification {
    int64_t labels, features, test_samples;
    int classes;               /* the larger number of the two data sets */
    double error, train_error; /* misclassified share of the test samples, and of the labelled training samples */
    double held_out_error;     /* at the chosen strength; NAN if no class has two labelled samples */
    double strength;
    double gradient;     /* largest absolute element of the gradient of the final fit */
    bool converged;      /* gradient is at most 1e-6 */
    int64_t evaluations; /* of loss and gradient, in all fits together */
    double seconds;
} pal_classification;

/* Classifies codes of clean inputs; with model NULL, the inputs themselves. PAL_ERR_ARGUMENT: the data has no labels,
 * more labels were requested than it has, or fewer than there are classes. */
pal_status pal_classify(const pal_model *model, const pal_dataset *train, const pal_dataset *test,
                        const pal_classify_options *options, pal_classification *result, pal_error *err);
/* Fails if pal_classify would refuse this number of labels. */
pal_status pal_classify_check(const pal_dataset *train, const pal_dataset *test, int64_t labels, pal_error *err);

/* ---- Classification: heads ------------------------------------------------------------------------------------ */

/* Whether the model itself classifies. */
bool pal_has_head(const pal_model *model);
/* Measures the answers of such a model to clean inputs. Reads only lanes and confusion of the options; the result
 * fields about training are 0 or NAN. confusion has the number of classes of the model.
 * PAL_ERR_ARGUMENT: the model has no head, the data has no labels, or it has more classes than the head. */
pal_status pal_classify_head(pal_model *model, const pal_dataset *data, const pal_classify_options *options,
                             pal_classification *result, pal_error *err);

/* ---- ln p(x) of a model with a random code --------------------------------------------------------------------
 *
 * Importance sampling from the posterior (Burda, Grosse and Salakhutdinov, ICLR 2016): ln (1/N) sum over N draws of
 * p(x | z) p(z) / q(z | x). The expectation of this estimate is too low; the error shrinks with the number of draws. */

typedef struct pal_importance_options {
    size_t struct_size;
    int64_t draws;  /* N, per sample */
    int64_t chunk;  /* maximum number of draws computed at once; 0: as many as fit into the processor's cache */
    uint64_t seed;  /* draw s of sample i depends only on seed, i and s; binary inputs are those of pal_evaluate */
    unsigned lanes; /* 0: the context's threads */
    double *each;   /* receives ln p(x) of each sample; NULL: not requested */
    int (*progress)(int64_t done, int64_t all, void *user); /* nonzero: stop (PAL_ERR_STOPPED); NULL: not called */
    void *user;
    uint64_t first; /* the number that the first sample has for the noise, where data comes in parts */
} pal_importance_options;

typedef struct pal_importance_result {
    int64_t samples, draws;
    double log_likelihood; /* mean over samples of ln p(x), in nats */
    double standard_error; /* of this mean, over samples; NAN for a single sample */
    double effective;      /* effective number of draws: mean over samples of (sum w)^2 / sum w^2, at most `draws` */
} pal_importance_result;

/* Memory does not grow with the number of draws. After each chunk, progress is called with the number of finished
 * samples and of all samples. PAL_ERR_ARGUMENT: pal_importance_check fails. */
pal_status pal_importance(pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                          pal_importance_result *result, pal_error *err);
/* Checks that p(x | z) is a density of these data; otherwise ln p(x) is not defined. The output `squared` is not a
 * density. `bernoulli` is one only if every number is 0 or 1, or is binarised. PAL_ERR_ARGUMENT: not a density; err
 * gives the reason and the options to choose. */
pal_status pal_density_check(const pal_model *model, const pal_dataset *data, pal_error *err);
/* Checks that the estimate exists: the code is random, the number of draws is positive, and pal_density_check. */
pal_status pal_importance_check(const pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                                pal_error *err);

/* ---- Errors of single samples --------------------------------------------------------------------------------- */

/* The squared error of each sample, of_sample [count], and of each feature as a mean over the samples, of_feature
 * [features]; either may be NULL. Clean inputs are reconstructed, as for the squared error of pal_evaluate. Both are
 * unspecified on failure: pal_data_check refuses the data, or PAL_ERR_MEMORY. */
pal_status pal_residuals(pal_model *model, const pal_dataset *data, double *of_sample, double *of_feature,
                         pal_error *err);
/* The samples whose numbers are in rows, and their reconstructions, x and out [n, features]; either may be NULL.
 * PAL_ERR_ARGUMENT: there are no rows, or one is out of bounds; and as above. */
pal_status pal_reconstructions(pal_model *model, const pal_dataset *data, const uint32_t *rows, size_t n, double *x,
                               double *out, pal_error *err);

/* ---- Scores --------------------------------------------------------------------------------------------------- */

/* The exact area under the ROC curve, computed by ranks: the probability that a positive score is greater than a
 * negative one, where a tie counts half. Both arrays are sorted in place. NAN: an array is empty, or a score is not a
 * number. */
double pal_auc(double *negative, size_t n, double *positive, size_t m);

/* ---- Detection: which samples are odd ----------------------------------------------------------------------------
 *
 * A score is greater the odder a sample is. docs/detect.md has the formulas, and which score is for what. */

typedef enum pal_score {
    PAL_SCORE_OWN,           /* what fits the model: pal_score_of */
    PAL_SCORE_SQUARED_ERROR, /* ||x - x^||^2, x^ the reconstruction */
    PAL_SCORE_LIKELIHOOD,    /* -ln p(x | h) by the model's own output, h the code of x, its mean if it is random */
    PAL_SCORE_BOUND,         /* minus the importance-weighted bound of ln p(x), of models with a random code */
    PAL_SCORE_LATENT,        /* (h - m)' S^-1 (h - m), m and S the mean and the covariance of the training codes */
    PAL_SCORES
} pal_score;
const char *pal_score_name(pal_score score);    /* "squared-error"; NULL: there is no such score */
pal_score pal_score_find(const char *name);     /* PAL_SCORES: there is none of this name */
pal_score pal_score_of(const pal_model *model); /* never PAL_SCORE_OWN */
const char *pal_score_parts(pal_score score);   /* in words: how a score is split by features */

typedef struct pal_detect_options {
    size_t struct_size;
    pal_score score;
    const pal_dataset *train; /* for LATENT: the samples whose codes give m and S, with their features */
    double shrink;            /* for LATENT: S is (1 - shrink) S + shrink (trace S / k) I; 0 to 1 */
    int64_t draws;            /* for BOUND, per sample; 0: 100 */
    uint64_t seed;            /* for BOUND */
    int64_t batch;            /* samples computed at once; 0: 128 */
    unsigned lanes;           /* 0: the context's threads */
} pal_detect_options;

typedef struct pal_detect_rows { /* samples in a row; a sample has the features that the model takes */
    const float *x;              /* [n, features] */
    const float
        *known; /* [n, features]: 0 for a missing feature, which has no part in the score; NULL: all are known */
    size_t n;
    uint64_t first; /* the number of the first of them, which keys the draws */
} pal_detect_rows;

typedef struct pal_detector pal_detector;
/* Borrows model and train. PAL_ERR_ARGUMENT: the score does not fit the model, or latent has no training samples;
 * PAL_ERR_NUMERIC: all training samples have the same code. */
pal_detector *pal_detector_new(pal_model *model, const pal_detect_options *options, pal_error *err);
void pal_detector_free(pal_detector *detector);
pal_score pal_detector_score(const pal_detector *detector);
/* What S got on its diagonal because it was singular, relative to its mean diagonal; 0: nothing. */
double pal_detector_ridge(const pal_detector *detector);
/* The scores [n] of these samples. parts [n, features]: what each feature contributes; NULL: not requested. For
 * SQUARED_ERROR and LIKELIHOOD the parts of a sample add up to its score. So do they for LATENT if the encoder is
 * linear; part j is then (x_j - mean_j) times half the derivative of the score by x_j. For BOUND they are those of
 * SQUARED_ERROR. A score that is not a number, of a reconstruction that overflows, becomes +inf. */
pal_status pal_detector_rows(pal_detector *detector, const pal_detect_rows *rows, double *score, double *parts,
                             pal_error *err);
/* The scores [count] of all samples. done may be NULL. */
pal_status pal_detector_data(pal_detector *detector, const pal_dataset *data, double *score, pal_done_fn done,
                             void *user, pal_error *err);
/* The k features with the largest parts [features], by descending part: their numbers in which [k]. Of equal parts the
 * first feature comes first. k is at most features. */
void pal_guilty(const double *parts, size_t features, size_t k, uint32_t *which);

/* A sample is flagged if its score is greater than a threshold.
 *
 * The quantile q of the scores, 0 to 1, with linear interpolation between two of them. Sorts the scores. NAN: none. */
double pal_score_quantile(double *score, size_t n, double q);

typedef struct pal_detection {           /* figures where it is known which samples are odd; NAN: not defined */
    int64_t samples, odd, flagged, hits; /* hits: flagged and odd */
    double auroc;                        /* pal_auc */
    double average_precision;            /* sum over thresholds of precision times the growth of recall */
    double precision, recall, f1;        /* at the threshold */
} pal_detection;
/* odd [n]: not 0 where a sample is odd. PAL_ERR_ARGUMENT: a score is not a number; PAL_ERR_MEMORY. */
pal_status pal_detection_of(const double *score, const uint8_t *odd, size_t n, double threshold, pal_detection *out,
                            pal_error *err);
/* The threshold with the greatest F1, the highest of several, between two scores. NAN in *threshold: no sample is odd.
 */
pal_status pal_best_f1(const double *score, const uint8_t *odd, size_t n, double *threshold, pal_error *err);

typedef struct pal_detection_curve {
    size_t points; /* one for each score that occurs, descending; before them one at which nothing is flagged */
    double *threshold, *recall, *false_rate, *precision; /* if all from this score on are flagged; precision[0] is 1 */
} pal_detection_curve;
/* The caller frees the curve. PAL_ERR_ARGUMENT: no sample is odd, or all are. */
pal_status pal_detection_curve_of(const double *score, const uint8_t *odd, size_t n, pal_detection_curve *out,
                                  pal_error *err);
void pal_detection_curve_free(pal_detection_curve *curve);

typedef struct pal_detection_picture {
    size_t struct_size;
    const char *title;
    bool csv; /* also write the numbers, next to the picture */
} pal_detection_picture;
/* Draws the two curves, ROC and precision over recall, side by side. */
pal_status pal_detection_write(const double *score, const uint8_t *odd, size_t n, const pal_detection_picture *options,
                               const char *path, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
