/* pictures.h - what a trained model makes of inputs that are noisy, incomplete, or two at once: on buffers, as figures
 * over a data set, and as pictures. The conventions are train.h's, which includes this file.
 *
 * A path of NULL makes no picture. A picture shows the first `samples` samples; figures are of all. A caption of the
 * caller's is followed by the figures. */
#ifndef PAL_TRAIN_PICTURES_H
#define PAL_TRAIN_PICTURES_H

#include "data/data.h"
#include "models/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Not zero: stop (PAL_ERR_STOPPED). done goes from 0 to 1. */
typedef int (*pal_done_fn)(double done, void *user);

/* ---- Denoising --------------------------------------------------------------------------------------------------- */

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

/* ---- Filling in what is missing ---------------------------------------------------------------------------------- */

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
/* The mean of all samples, [features]. */
pal_status pal_dataset_mean(const pal_dataset *data, float *mean, pal_error *err);

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

/* ---- Blending through the code ----------------------------------------------------------------------------------- */

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

/* ---- Drawing from the prior -------------------------------------------------------------------------------------- */

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

#ifdef __cplusplus
}
#endif
#endif
