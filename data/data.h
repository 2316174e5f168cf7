/* data.h - arrays from files, data sets, the order of an epoch, and batches.
 *
 * Conventions of every function here:
 *   - Files are read as they are or compressed by gzip, whatever they are called; "-" is standard input or output. What
 *     follows the end of the compressed data inside a .gz file is ignored, as gzip ignores it.
 *   - A file is material to judge: one that is missing, cut short, too long, or says impossible things gets one line in
 *     pal_error that tells the file, what was found and what was expected. Memory grows with what a file holds, never
 *     with what its header claims.
 *   - Tensors are made with pal_tensor_new in the given context and belong to the caller (pal_tensor_free).
 *   - Writers write to another name in the same folder and rename: a reader sees the old file or the new one. A path
 *     that is there and is no plain file (a device, a pipe, a symbolic link) is written in place.
 *   - Nothing depends on the process's locale; nothing here is kept between calls.
 */
#ifndef PAL_DATA_H
#define PAL_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "autograd/autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Arrays in files ------------------------------------------------------------------------------------------ */

/* An IDX file (the format of MNIST) of unsigned bytes with 1 to 4 axes: labels (0x801) give u8 [n], images (0x803)
 * u8 [n,rows,columns]. NULL on failure: PAL_ERR_IO, PAL_ERR_FORMAT or PAL_ERR_MEMORY. An axis of length 0 is
 * refused. */
pal_tensor *pal_idx_read(pal_context *context, const char *path, pal_error *err);

/* A NumPy file, format version 1.0, 2.0 or 3.0, of float32, float64 or uint8, little endian, in C order, up to
 * PAL_MAX_RANK axes; gives f32, f64 or u8. Other types and Fortran order are PAL_ERR_FORMAT. NULL on failure. */
pal_tensor *pal_npy_read(pal_context *context, const char *path, pal_error *err);

/* The same, written as version 1.0. PAL_ERR_TYPE for another type than f32, f64, u8. */
pal_status pal_npy_write(const pal_tensor *tensor, const char *path, pal_error *err);

/* Numbers with commas between them, a row a line, as f32 [rows,columns]. A first line whose first field is not a number
 * is a header and is skipped; blanks around a number, a byte order mark, CR LF and empty lines at the end are
 * accepted. Refused (PAL_ERR_FORMAT), with line and column: fields that are not finite decimal numbers within the
 * range of f32, and rows of another length than the first line; also a file without rows. Each number is read as a
 * correctly rounded double, then rounded to f32. NULL on failure. */
pal_tensor *pal_csv_read(pal_context *context, const char *path, pal_error *err);

/* The first axis as rows, all others as columns, with as many digits as it takes to read the same value again. No
 * header line. Values that are not finite are written as nan, inf and -inf (which pal_csv_read refuses). */
pal_status pal_csv_write(const pal_tensor *tensor, const char *path, pal_error *err);

/* One of the above by the end of the path: .npy, .csv (for reading also .npy.gz, .csv.gz), and .npy for "-".
 * PAL_ERR_ARGUMENT for another ending. */
pal_tensor *pal_array_read(pal_context *context, const char *path, pal_error *err);
pal_status pal_array_write(const pal_tensor *tensor, const char *path, pal_error *err);

/* ---- Data sets ------------------------------------------------------------------------------------------------ */

#define PAL_DATA_DEFAULT "/usr/share/datasets/fashion-mnist"

typedef enum pal_split { PAL_SPLIT_TRAIN, PAL_SPLIT_TEST } pal_split;

typedef struct pal_dataset { /* fields are for reading */
    pal_tensor *inputs;      /* as stored (u8, f32 or f64): [count, sample...] */
    pal_tensor *labels;      /* u8 [count], or NULL */
    pal_shape sample;        /* of one sample, such as [28,28] */
    int64_t count, features; /* samples; elements of one sample */
    int classes;             /* 1 + the largest label of this split's file; 0 without labels */
    double scale;            /* of a stored value in a batch: 1/255 for u8, else 1 */
    char name[64];           /* the last part of the path, without its ending */
} pal_dataset;

/* path (NULL: PAL_DATA_DEFAULT) is either
 *   - a folder with the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte,
 *     t10k-labels-idx1-ubyte; also with a dot before idx, also with .gz at the end (the plain file is preferred); or
 *   - a .npy or .csv file (not "-"), a sample for each index of the first axis, without labels. The test split is
 *     the last sixth of the samples, at least one; the training split is the rest.
 * There is at least one sample, with at least one element; reals are finite. NULL on failure. */
pal_dataset *pal_dataset_open(pal_context *context, const char *path, pal_split split, pal_error *err);
/* The same where the last n training samples are held out and stand for the test split: the training split is without
 * them, and the test split is they, with "(held out)" behind its name. n 0: pal_dataset_open. PAL_ERR_ARGUMENT: n is
 * below 0, or no training sample is left. */
pal_dataset *pal_dataset_open_held_out(pal_context *context, const char *path, pal_split split, int64_t n,
                                       pal_error *err);
void pal_dataset_free(pal_dataset *dataset);
/* The name of what lies there, whether it does or not: the last part of the path, without slashes and known endings.
 * Returns name, cut at size. */
const char *pal_dataset_name_of(const char *path, char *name, size_t size);

/* Keeps the first n samples (all, if there are fewer). classes stays. PAL_ERR_ARGUMENT if n < 1, PAL_ERR_MEMORY; then
 * nothing has changed. */
pal_status pal_dataset_limit(pal_dataset *dataset, int64_t n);
/* Leaves the first n samples out; the same errors, and PAL_ERR_ARGUMENT if none would be left. */
pal_status pal_dataset_skip(pal_dataset *dataset, int64_t n);

/* A data set of its own with copies of the samples with these numbers, in their order; a row may come again. classes,
 * scale and name are as they were. NULL: PAL_ERR_ARGUMENT (no rows, a row out of bounds, NULL), PAL_ERR_MEMORY. */
pal_dataset *pal_dataset_select(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_error *err);

/* Copies the samples with these numbers into out: f32 or f64, any shape of n * features elements. u8 becomes x / 255,
 * correctly rounded, so from 0 to 1; reals are converted. On failure out is as it was: PAL_ERR_ARGUMENT (a row out of
 * bounds, NULL), PAL_ERR_SHAPE, PAL_ERR_TYPE. */
pal_status pal_dataset_batch(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* The labels of these samples into out: n elements of u8, i32, f32 or f64. Errors as above; PAL_ERR_ARGUMENT also if
 * the data set has no labels. */
pal_status pal_dataset_labels(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* The same as rows of a 1 among zeros: out is f32 or f64 [n, width]. PAL_ERR_SHAPE if a class of the data set does not
 * fit into width. */
pal_status pal_dataset_one_hot(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* What a class is called, where the data set is known by its name (fashion-mnist); NULL: its number. */
const char *pal_dataset_class_name(const pal_dataset *dataset, int class);

/* ---- Order ---------------------------------------------------------------------------------------------------- */

/* A permutation of 0 .. n-1, each equally likely, that depends on seed, stream, epoch and n alone: Fisher-Yates, driven
 * by pal_noise_words at the clock `epoch`. PAL_ERR_ARGUMENT for NULL or n > 2^32 - 1. */
pal_status pal_epoch_order(uint64_t seed, const char *stream, uint64_t epoch, uint32_t *order, size_t n);

/* The mean of all samples, [features], each taken as f32 or f64. */
pal_status pal_dataset_mean(const pal_dataset *data, pal_dtype as, double *mean, pal_error *err);
/* n of its samples, which have labels: of each class as many as in all of the data (to one), at least one; the first in
 * a random order, draw `draw` of the seed. rows [n]; fold [n]: the k-th of a class is in fold k mod folds. */
pal_status pal_stratify(const pal_dataset *data, int64_t n, uint64_t seed, uint64_t draw, int folds, uint32_t *rows,
                        uint8_t *fold, pal_error *err);

#ifdef __cplusplus
}
#endif
#endif
