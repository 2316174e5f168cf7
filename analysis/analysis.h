/* analysis.h - what is asked of a trained model: pictures, figures, codes, classifiers, scores, geometry.
 *
 * Conventions of every function here:
 *   - The library never prints or exits. A function that can fail takes a pal_error, which may be NULL, sets it on
 *     failure and leaves it alone on success.
 *   - Option structs begin with struct_size and are written with designated initialisers.
 *   - What is given (model, data, texts) is borrowed for the call.
 *   - A path of NULL makes no picture. A picture shows the first `samples` samples; figures are of all. A caption of
 * the caller's is followed by the figures.
 *   - A figure is the mean over samples of the sum over features. One that is not known is NAN.
 */
#ifndef PAL_ANALYSIS_H
#define PAL_ANALYSIS_H

#include "data/data.h"
#include "models/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Not zero: stop (PAL_ERR_STOPPED). done goes from 0 to 1. */
typedef int (*pal_done_fn)(double done, void *user);

/* ---- Pictures ------------------------------------------------------------------------------------------------- */

typedef struct pal_reconstruct_options {
    size_t struct_size;
    int64_t samples;      /* the first ones of the data; 0: 16 */
    uint64_t seed;        /* of the corruption, as in pal_evaluate */
    pal_model *corruptor; /* as in pal_evaluate */
    const char *title, *caption;
} pal_reconstruct_options;

/* Rows: the original, the corrupted input (where something corrupts), the reconstruction of it. PNG. */
pal_status pal_reconstruct_write(pal_model *model, const pal_dataset *data, const pal_reconstruct_options *options,
                                 const char *path, pal_error *err);

typedef struct pal_filters_options {
    size_t struct_size;
    pal_model *const *models;  /* side by side, a section each */
    const char *const *titles; /* of the sections; may be NULL */
    size_t count;
    int64_t units; /* at most so many of each; 0: 256 */
    bool maximal;  /* of the first layer too the input of norm 1 that excites the unit most, w / ||w|| */
    const char *title;
    int64_t layer;   /* of the encoder: 1 is the first; 0: the last */
    bool prototypes; /* instead: the weights of the decoder's last layer */
} pal_filters_options;

/* What each unit of a layer of the encoder looks for, an image a unit. The first layer's weights (of a convolution the
 * kernels), each on its own scale, by descending norm; of deeper layers the input of norm 1 that excites the unit most,
 * by gradient ascent, all on one scale, by descending activation. Several models with as many units share the order of
 * the last one, so that unit j is at the same place in all. PNG; the caption says what is seen. */
pal_status pal_filters_write(const pal_filters_options *options, const char *path, pal_error *err);
/* That input of one unit [features], and the pre-activation it gives (may be NULL). layer as above. */
pal_status pal_filter_maximal(pal_model *model, int64_t layer, int64_t unit, float *out, double *value, pal_error *err);

typedef struct pal_scatter_options {
    size_t struct_size;
    int64_t samples; /* the first ones of the data; 0: all */
    const char *title;
    int64_t ellipses;  /* of so many samples of each class the posterior; refused where pal_scatter_ellipses is not */
    double deviations; /* that an ellipse reaches to; 0: 1 */
} pal_scatter_options;

typedef struct pal_scatter {
    int64_t samples, code; /* points; numbers in a sample's code */
    double share[2];       /* of the code's variance, along the two axes */
    bool drawn;            /* false: there is no gnuplot, and only its script and the data were written */
    int64_t ellipses;      /* in all */
} pal_scatter;

/* Whether the model's code is random and normal, so that ellipses tell its posterior. */
bool pal_scatter_ellipses(const pal_model *model);

/* Samples as points, coloured by class: a code of two numbers as it is, of a longer one its two leading principal
 * components, onto which covariances are projected likewise. Writes NAME.dat and NAME.gnuplot beside path, NAME.png or
 * NAME.svg (pal_points_write). */
pal_status pal_scatter_write(pal_model *model, const pal_dataset *data, const pal_scatter_options *options,
                             const char *path, pal_scatter *result, pal_error *err);

/* ---- Geometry ------------------------------------------------------------------------------------------------- */

typedef struct pal_geometry_options { /* 0: the default */
    size_t struct_size;
    int64_t samples;                                        /* the first ones of the data; 100 */
    int64_t neighbours;                                     /* of each in the training data; 10 */
    int64_t directions;                                     /* across, at each sample; 10 */
    int64_t images;                                         /* samples whose tangents are kept; 6 */
    int64_t tangents;                                       /* of each; 8 */
    uint64_t seed;                                          /* of the directions across */
    int (*progress)(int64_t done, int64_t all, void *user); /* not zero: stop (PAL_ERR_STOPPED); NULL: none */
    void *user;
} pal_geometry_options;

typedef struct pal_geometry { /* of the encoder's Jacobian J [code, features] at samples */
    pal_shape sample;
    int64_t samples, code, features;
    double norm, norm2; /* means of ||J||_F and of its square */
    int64_t length;     /* singular values: the smaller of code and features */
    double *spectrum;   /* [length]: the mean of each singular value by rank */
    int classes;        /* 0: no labels */
    int64_t *class_samples;
    double *class_spectrum; /* [classes, length]; zeros for a class without samples */
    int64_t neighbours;
    double along;  /* mean ||J d||, d the unit vectors to the nearest neighbours; NAN without training data */
    double across; /* mean ||J z||, z random unit vectors orthogonal to all d at that sample; NAN: there are none */
    int64_t images, tangents;
    pal_tensor *image;   /* [images, features] */
    pal_tensor *tangent; /* [images * tangents, features]: right singular vectors, by descending singular value */
} pal_geometry;

/* Exact, sample by sample. train: where the neighbours are looked for; NULL: nowhere. NULL: err says why. */
pal_geometry *pal_geometry_new(pal_model *model, const pal_dataset *data, const pal_dataset *train,
                               const pal_geometry_options *options, pal_error *err);
void pal_geometry_free(pal_geometry *geometry);

typedef struct pal_geometry_picture {
    const pal_geometry *const *geometries; /* of several models at the same samples */
    const char *const *names;              /* of the models; may be NULL */
    size_t count;
    const pal_dataset *data; /* for the names of the classes; may be NULL */
    const char *title;
} pal_geometry_picture;

/* Singular values on a logarithmic axis: of one model overall and by class, of several overall (pal_curves_write). */
pal_status pal_geometry_spectra_write(const pal_geometry_picture *picture, const char *path, bool *drawn,
                                      pal_error *err);
/* The samples, and beside each its leading tangents. PNG. */
pal_status pal_geometry_tangents_write(const pal_geometry_picture *picture, const char *path, pal_error *err);

/* ---- Denoising ------------------------------------------------------------------------------------------------ */

typedef struct pal_denoise_options {
    size_t struct_size;
    int64_t samples; /* of the picture; 0: 16 */
    int64_t batch;   /* batch, seed, lanes, corruptor: as in pal_evaluate */
    uint64_t seed;
    unsigned lanes;
    pal_model *corruptor;
    const char *title, *caption;
} pal_denoise_options;

typedef struct pal_denoise_figures {
    int64_t samples;
    double noisy, denoised; /* squared error of the noisy samples, and of their reconstructions, from the clean ones */
} pal_denoise_figures;

/* Rows of the picture: clean, noisy, denoised. PAL_ERR_ARGUMENT where nothing corrupts. */
pal_status pal_denoise(pal_model *model, const pal_dataset *data, const pal_denoise_options *options,
                       pal_denoise_figures *figures, const char *path, pal_error *err);

/* ---- Filling in what is missing ------------------------------------------------------------------------------- */

typedef enum pal_infill_method {
    PAL_INFILL_ONCE,  /* one reconstruction of the filled sample */
    PAL_INFILL_CLAMP, /* reconstructed again and again, the known pixels put back each time */
    PAL_INFILL_CODE,  /* the code that gives the known pixels the greatest likelihood, by Adam from the filled sample's
                       */
    PAL_INFILL_METHODS
} pal_infill_method;

const char *pal_infill_name(pal_infill_method method); /* "once", "clamp", "code"; NULL past the end */

typedef struct pal_infill_options {
    size_t struct_size;
    pal_infill_method method;
    const float *fill;    /* [features]: what missing pixels hold to begin with; NULL: zeros */
    int64_t steps;        /* clamp: 0 is 50; code: 0 is 200; once takes one */
    double learning_rate; /* code: to begin with, falling to 0 along half a cosine; 0: 0.02 */
    float *means;         /* [n, features]: gets what the decoder says of every pixel, known or not; NULL: unwanted */
    int64_t batch;        /* 0: 128 */
    unsigned lanes;       /* 0: the context's threads */
    pal_done_fn progress; /* NULL: none */
    void *user;
} pal_infill_options;

/* Rows x [n, features] with the pixels missing where missing [features] is not 0; what x has there is not read. out,
 * which may be x, has the bits of x where it is known. A code stays in the range of the encoder's last activation. On
 * failure out is as it was, or spoilt. */
pal_status pal_infill(pal_model *model, const float *x, const uint8_t *missing, size_t n,
                      const pal_infill_options *options, float *out, pal_error *err);

/* A rectangle is missing, in every plane of the sample's last two axes of more than one element. A sample of one axis
 * counts as an image as square as can be. PAL_ERR_ARGUMENT: it is not inside, or leaves nothing known. */
pal_status pal_missing_rectangle(pal_shape sample, int64_t top, int64_t left, int64_t height, int64_t width,
                                 uint8_t *missing, pal_error *err);
/* Height and width of such a plane. */
void pal_sample_plane(pal_shape sample, int64_t *height, int64_t *width);
typedef struct pal_infill_picture {
    size_t struct_size;
    pal_infill_options infill; /* of all methods; its method, steps of once and means are not read */
    unsigned methods;          /* bits 1 << PAL_INFILL_...; 0: all */
    const float *mean;         /* [features]: the reference is to fill with it */
    int64_t samples;           /* of the picture; 0: 16 */
    const char *title, *caption;
} pal_infill_picture;

typedef struct pal_infill_figures {           /* squared errors, sums over pixels of a kind, means over samples */
    int64_t samples, missing;                 /* samples; missing pixels of each */
    double reference;                         /* of the missing pixels, filled with the mean */
    double squared_error[PAL_INFILL_METHODS]; /* of the missing pixels; NAN where the method was not asked for */
    double known_error[PAL_INFILL_METHODS];   /* of the decoder's value of the known ones, which the result keeps */
} pal_infill_figures;

/* Rows: original, masked, and one for each method. */
pal_status pal_infill_write(pal_model *model, const pal_dataset *data, const uint8_t *missing,
                            const pal_infill_picture *picture, pal_infill_figures *figures, const char *path,
                            pal_error *err);

/* ---- Blending through the code -------------------------------------------------------------------------------- */

/* Corners [2 or 4, features]. Of two, out [steps, features] is decode((1 - t) h0 + t h1), t = i / (steps - 1); of four
 * (top left, top right, bottom left, bottom right), out [steps, steps, features], rows from the top. Its ends are the
 * reconstructions of the corners. At least 2 steps. On failure pal_workspace_error may know more. */
pal_status pal_interpolate(const pal_model *model, pal_workspace *workspace, const float *corners, size_t count,
                           size_t steps, float *out);
/* The same of any vectors, [2 or 4, width]: what pal_interpolate does to codes. */
void pal_blend(const float *corners, size_t count, size_t steps, size_t width, float *out);

typedef struct pal_interpolate_options {
    size_t struct_size;
    const int64_t *corners; /* numbers of samples: from, to, from, to, ...; or four corners of a grid */
    size_t count;
    bool grid;     /* count is 4 */
    int64_t steps; /* 0: 9; at least 2 */
    bool pixels;   /* beside them, the blends of the samples themselves */
    unsigned lanes;
    const char *title, *caption;
} pal_interpolate_options;

typedef struct pal_interpolate_figures { /* of a pair; Euclidean lengths */
    double code;                         /* between the two codes */
    double straight, path;               /* between the two reconstructions: straight, and along the blends */
} pal_interpolate_figures;

/* figures: count / 2 of them for pairs; a grid has none; may be NULL. */
pal_status pal_interpolate_write(const pal_model *model, const pal_dataset *data,
                                 const pal_interpolate_options *options, pal_interpolate_figures *figures,
                                 const char *path, pal_error *err);

/* ---- Drawing from the prior ----------------------------------------------------------------------------------- */

/* Of a model whose code is random (pal_model_code). codes [n, k], draws of the prior; the same for the same seed. */
pal_status pal_prior_draw(const pal_model *model, int64_t n, uint64_t seed, float *codes, pal_error *err);
/* codes [steps, steps, 2], of two continuous numbers: the quantiles (i + 1/2) / steps of the prior, the first number
 * from left to right, the second from the bottom, which is the last row, to the top. */
pal_status pal_prior_plane(const pal_model *model, int64_t steps, float *codes, pal_error *err);

typedef struct pal_sample_options {
    size_t struct_size;
    int64_t samples; /* drawn; 0: 64, if there is no grid */
    int64_t steps;   /* of the grid; 0: 20, if the code is of two continuous numbers and no samples are asked for */
    uint64_t seed;
    unsigned lanes;
    const char *title, *caption;
} pal_sample_options;

bool pal_sample_is_grid(const pal_model *model, const pal_sample_options *options);
/* The means of x given such codes, as images. */
pal_status pal_sample_write(const pal_model *model, const pal_sample_options *options, const char *path,
                            pal_error *err);

/* ---- Classifying ---------------------------------------------------------------------------------------------- */

/* ---- Logistic regression ------------------------------------------------------------------------------------------
 *
 * Multinomial logistic regression with an L2 penalty, strength/2 ||W||^2 (biases are free), trained to convergence on
 * some labelled training samples, by L-BFGS in float64. Features are centred by their mean over these samples and
 * divided by one number, so that the mean of their squared norms is 1; no feature gets a scale of its own. The strength
 * is the one of 1e-2, 1e-2/5, 1e-2/25, ..., 1e-2/5^8 with the lowest error on held-out fifths of the labelled samples
 * (each in turn where there are at most 2000, else one), the strongest first; the search ends when it got worse twice.
 * The classifier is then trained on all labelled samples. */

typedef struct pal_classify_options {
    size_t struct_size;
    int64_t labels;      /* so many labelled samples, stratified: by class as in all of the data; 0: all */
    uint64_t seed, draw; /* which samples: draws of one seed differ, and are the same for codes and inputs */
    unsigned lanes;      /* 0: the context's threads */
    int64_t *confusion;  /* room for classes x classes counts of test samples, by label and answer; NULL: none */
} pal_classify_options;

typedef struct pal_classification {
    int64_t labels, features, test_samples;
    int classes;               /* the most of both data sets */
    double error, train_error; /* shares of the test samples, and of the labelled ones, that are told wrongly */
    double held_out_error;     /* at the strength that was chosen; NAN where no class has two labels */
    double strength;
    double gradient;     /* of the final fit: the largest of its absolute values */
    bool converged;      /* it is at most 1e-6 */
    int64_t evaluations; /* of loss and gradient, in all */
    double seconds;
} pal_classification;

/* On codes of clean inputs; model NULL: on the inputs themselves. PAL_ERR_ARGUMENT: no labels in the data, more asked
 * for than there are, or fewer than classes. */
pal_status pal_classify(const pal_model *model, const pal_dataset *train, const pal_dataset *test,
                        const pal_classify_options *options, pal_classification *result, pal_error *err);
/* Whether pal_classify would refuse so many labels. */
pal_status pal_classify_check(const pal_dataset *train, const pal_dataset *test, int64_t labels, pal_error *err);

/* ---- Heads ---------------------------------------------------------------------------------------------------- */

/* Whether the model tells classes by itself. */
bool pal_has_head(const pal_model *model);
/* The answers of such a model to clean inputs: nothing is trained, of the options only lanes and confusion are read,
 * and what the result says of training is 0 or NAN. confusion is of the model's classes. PAL_ERR_ARGUMENT: no head, no
 * labels in the data, or more classes than the head's. */
pal_status pal_classify_head(pal_model *model, const pal_dataset *data, const pal_classify_options *options,
                             pal_classification *result, pal_error *err);

/* ---- ln p(x) of a model with a random code
 * ---------------------------------------------------------------------------
 *
 * By importance sampling from the posterior (Burda, Grosse and Salakhutdinov, ICLR 2016): ln (1/N) sum over N draws of
 * p(x | z) p(z) / q(z | x), too low in expectation, and the less so the more draws. */

typedef struct pal_importance_options {
    size_t struct_size;
    int64_t draws;  /* N, of each sample */
    int64_t chunk;  /* draws that are computed at once, at most; 0: what a processor's cache holds */
    uint64_t seed;  /* draw s of sample i depends on seed, i and s alone; binary inputs are those of pal_evaluate */
    unsigned lanes; /* 0: the context's threads */
    double *each;   /* room for ln p(x) of each sample; NULL: not wanted */
    int (*progress)(int64_t done, int64_t all,
                    void *user); /* samples, after each chunk; not zero: stop (PAL_ERR_STOPPED) */
    void *user;
} pal_importance_options;

typedef struct pal_importance_result {
    int64_t samples, draws;
    double log_likelihood; /* mean over samples of ln p(x), nats */
    double standard_error; /* of this mean, over samples; NAN: a single one */
    double effective;      /* mean over samples of (sum w)^2 / sum w^2, draws that count: at most all of them */
} pal_importance_result;

/* Memory does not grow with the draws. PAL_ERR_ARGUMENT: what pal_importance_check says. */
pal_status pal_importance(pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                          pal_importance_result *result, pal_error *err);
/* Whether p(x | z) is a density of these data, so that there is an ln p(x) at all: the squared error is none, nor is
 * Bernoulli unless each number is 0 or 1, or binarised. PAL_ERR_ARGUMENT: err says why not, and what to choose. */
pal_status pal_density_check(const pal_model *model, const pal_dataset *data, pal_error *err);
/* Whether there is such an estimate: the code is random, there are draws, and pal_density_check. */
pal_status pal_importance_check(const pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                                pal_error *err);

/* ---- Scores --------------------------------------------------------------------------------------------------- */

/* The area under the ROC curve: the probability that one of the positive scores is greater than one of the negative
 * ones, a tie counting half; exact, by ranks. Both are sorted in place. NAN: there is no score of one kind, or one is
 * not a number. */
double pal_auc(double *negative, size_t n, double *positive, size_t m);

#ifdef __cplusplus
}
#endif
#endif
