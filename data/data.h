/* data.h - arrays from files, data sets, the sample order of an epoch, and batches.
 *
 * Conventions of every function here:
 *   - Files may be plain or compressed with gzip, whatever their names end in; "-" is standard input or output. As in
 *     gzip, whatever follows the end of the compressed data in a file is ignored.
 *   - The content of a file is never trusted. If a file is missing, truncated, too long or inconsistent, pal_error gets
 *     one line with the file, what was found and what was expected. Memory use grows with the data that a file really
 *     contains, never with the size that its header claims.
 *   - Tensors are created with pal_tensor_new in the given context and belong to the caller (pal_tensor_free).
 *   - Writers write to a temporary name in the same folder and then rename, so a reader sees either the old file or the
 *     complete new one. An existing path that is not a regular file (a device, a pipe, a symbolic link) is written in
 *     place.
 *   - Nothing depends on the locale of the process. No function keeps state between calls.
 */
#ifndef PAL_DATA_H
#define PAL_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "autograd/autograd.h"
#include "models/models.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Arrays in files ------------------------------------------------------------------------------------------ */

/* Reads an IDX file (the format of MNIST) of unsigned bytes with 1 to 4 axes. Label files (magic number 0x801) give
 * u8 [n], image files (0x803) give u8 [n,rows,columns]. Every axis must have a length of at least 1. Returns NULL on
 * failure: PAL_ERR_IO, PAL_ERR_FORMAT or PAL_ERR_MEMORY. */
pal_tensor *pal_idx_read(pal_context *context, const char *path, pal_error *err);

/* Reads a NumPy file of format version 1.0, 2.0 or 3.0, in either byte order and in C or Fortran order, with up to
 * PAL_MAX_RANK axes. The result is in C order. Its type holds every value of the file:
 *   float32, float64, uint8                      f32, f64, u8
 *   float16, bool (0 and 1), int8, int16, uint16 f32
 *   int32, uint32, int64, uint64                 f64; PAL_ERR_FORMAT if a number is beyond 2^53
 * Only u8 is scaled by a data set (pal_dataset). Other types, such as complex numbers, texts, dates, objects and
 * structures, are PAL_ERR_FORMAT; the message says what to save in their place. Returns NULL on failure. */
pal_tensor *pal_npy_read(pal_context *context, const char *path, pal_error *err);

/* Writes a NumPy file of format version 1.0. PAL_ERR_TYPE if the type is not f32, f64 or u8. */
pal_status pal_npy_write(const pal_tensor *tensor, const char *path, pal_error *err);

/* Reads a text table of numbers, one row per line, as f32 [rows,columns].
 *   Lines      end with LF, CR LF or CR. A byte order mark is skipped; so are lines before the first row that begin
 * with
 *              #, and lines at the end that have no values.
 *   Separator  a comma, semicolon, tab, | or blanks: the one that makes the most numbers of the first two lines. Every
 *              row must then have as many fields as the first. A separator at the end of every line is ignored. The
 * line sep=; that workbooks write decides it, too. Numbers    decimal, perhaps in quotes or surrounded by blanks. If
 * semicolons separate, all may have decimal commas. Each is read as a correctly rounded double and then rounded to f32.
 *   Header     the first line names the columns if none of its fields is a number and at least one has a letter. A
 * first line of numbers is a row: a header of numbers (2019,2020) cannot be told from it. A first line with numbers and
 * letters is refused. Index      a first column without a name, as pandas and R write it, must count (0, 1, 2, ...); it
 * is left out. Refused with PAL_ERR_FORMAT, in one line with line, column and remedy: a field that is not a finite
 * number in the range of f32 (empty, NA, inf, text, date, 1,234), a row of another length, an empty line between rows,
 * a table in which all numbers may be read in two ways (1,234.5 as two columns), and a file without rows. Returns NULL
 * on failure. */
pal_tensor *pal_csv_read(pal_context *context, const char *path, pal_error *err);

/* Writes the first axis as rows and all other axes as columns, without a header line. Each number has enough digits to
 * be read back as the same value. In the first row, a whole number that could be the thousands of the next number, as
 * in 1,234.5, is written as 1.0. Values that are not finite are written as nan, inf and -inf, which pal_csv_read
 * refuses. */
pal_status pal_csv_write(const pal_tensor *tensor, const char *path, pal_error *err);

/* How a file was read, in words: what was decided or left out, and what may be meant otherwise. Such as "line 1 names
 * the columns; separator ;; decimal comma". */
typedef struct pal_note {
    char text[480];
} pal_note;

/* Choose one of the formats above by the end of the path: .npy or .csv. For reading also text ending in .tsv, .txt,
 * .dat or .data, all in any case and with or without .gz. "-" is .npy. PAL_ERR_ARGUMENT for any other ending. note: how
 * the file was read; unchanged on failure; may be NULL. */
pal_tensor *pal_array_read(pal_context *context, const char *path, pal_error *err);
pal_tensor *pal_array_read_noted(pal_context *context, const char *path, pal_note *note, pal_error *err);
pal_status pal_array_write(const pal_tensor *tensor, const char *path, pal_error *err);

/* Writes rows [n, columns] of a schema as a text table: a line with the names of the columns, if they have names;
 * numbers with the fewest digits that give the same double, categories and truths as their words, and NAN as an empty
 * cell. ids [n]: a first column "id"; NULL: none. path: also "-". */
pal_status pal_table_write(const char *path, const pal_schema *schema, const double *rows, size_t n,
                           const char *const *ids, pal_error *err);
/* The same with another name for the column of the ids; NULL: "id". */
pal_status pal_table_write_named(const char *path, const pal_schema *schema, const double *rows, size_t n,
                                 const char *const *ids, const char *name, pal_error *err);

/* ---- What a user says about data ------------------------------------------------------------------------------- */

/* An option of data/options.def, such as "label". i counts from 0; NULL: no more. */
typedef struct pal_data_option {
    const char *name, *choices, *argument, *help; /* choices "a|b"; NULL: any text */
} pal_data_option;
const pal_data_option *pal_data_option_at(size_t i);
const pal_data_option *pal_data_option_find(const char *name);

typedef struct pal_data_options {
    const pal_setting *given; /* names and values; the last of two with the same name counts */
    size_t n;
    size_t former; /* the first so many are those of a training: a column that they name need not be in this file */
} pal_data_options;

/* ---- Data sets ------------------------------------------------------------------------------------------------ */

#define PAL_DATA_DEFAULT "/usr/share/datasets/fashion-mnist"

typedef enum pal_split { PAL_SPLIT_TRAIN, PAL_SPLIT_TEST, PAL_SPLIT_VALIDATION, PAL_SPLITS } pal_split;

typedef struct pal_dataset { /* read the fields, do not change them */
    /* Samples: as stored (u8, f32 or f64), or the features of a table (f32): [count, sample...]. If store is not NULL,
     * those of a whole file that is mapped, of which this data set has some rows in some order. */
    pal_tensor *inputs;
    pal_tensor *labels;      /* u8 [count], or of the whole file; NULL: no labels */
    pal_shape sample;        /* shape of one sample, such as [28,28] */
    int64_t count, features; /* number of samples; number of elements per sample */
    int classes;             /* 1 + the largest label in the file of this split; 0 without labels */
    double scale;            /* factor from a stored value to a value in a batch: 1/255 for u8, else 1 */
    char name[64];           /* last part of the path, without its ending */
    pal_note note;           /* how the file was read; "" for a folder of IDX files */
    pal_note unlike;         /* what is not as in training: words and columns that a model does not know; "": nothing */
    pal_schema *schema;      /* of a table or of scaled numbers; NULL: none */
    pal_tensor *known;       /* u8 [count, features]: 0 where a cell was missing; NULL: all are known */
    char **classes_of;       /* names of the labels [classes]; NULL: they have no names */
    char **ids;              /* names of the samples [count]; NULL: they have none */
    pal_tensor
        *rows; /* f64 [count, columns] of the schema, as they were read; NULL: pal_data_source.rows did not ask */
    struct palt__store *store;
    uint32_t *index; /* with a store: its rows; NULL: those of its order from `first` on */
    uint64_t first;
} pal_dataset;

/* What is to be read, and how; a NULL or 0 is the default. */
typedef struct pal_data_source {
    size_t struct_size;
    const char *path; /* PAL_DATA_DEFAULT */
    const pal_data_options *options;
    /* A trained model's: columns and levels are matched to it, and its scaling is used. Default: it is learnt from the
     * training samples. */
    const pal_schema *schema;
    const char *output; /* of the model that is to be trained, which says what scaling is the default */
    /* As older versions split: the last sixth of a file is the test split; then the last hold_out training samples
     * are. */
    bool tail;
    int64_t hold_out;
    /* The samples of a single file are not split: all are test samples. For data that a trained model has not seen. */
    bool whole;
    /* The data sets keep the rows of a table as they were read, and a NAN in an array is a missing cell, too. Needs
     * `schema`. */
    bool rows;
    bool npy; /* path "-" is standard input, which only `whole` may be; it is a .npy file, or else a text table */
    void (*progress)(int64_t done, int64_t all, void *user); /* called while a folder of pictures is read */
    void *user;
} pal_data_source;

typedef struct pal_data { /* a part that was not asked for, or that there is not, is NULL */
    pal_dataset *part[PAL_SPLITS];
} pal_data;

/* Reads a data set once and splits it. The path is one of:
 *   - a folder with the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
 *     t10k-labels-idx1-ubyte. The names may have a dot before idx instead of the dash, and may end in .gz. If both a
 *     plain and a .gz file exist, the plain file is read.
 *   - a folder of pictures (PNG, JPEG), or of folders of them, which are the classes; or with such folders in the
 * folders train and test
 *   - an array: .npy, .npz, FILE.npz:NAME
 *   - a text table: .csv, .tsv, .txt, .dat, .data
 * data/options.def lists what the options say. Test samples are those that the source has, or that option `test` names,
 * or a sixth that is drawn; a draw is stratified where there are labels. There are validation samples only if option
 * `validation` asks for them; they are drawn from the training samples. The rest is for training. Levels of categories
 * and the scaling are learnt from the training samples, and used for all. The parts have at least one sample with at
 * least one element, and all values are finite; those of a .npy file of 128 MB or more, which stays in its file, are
 * looked at when they are used. wanted: one bit (1 << split) for each part that is returned.
 *
 * Errors: PAL_ERR_IO, PAL_ERR_FORMAT, PAL_ERR_MEMORY; PAL_ERR_ARGUMENT: an option without effect, or out of range. On
 * failure all parts are NULL. */
pal_status pal_data_open(pal_context *context, const pal_data_source *source, unsigned wanted, pal_data *out,
                         pal_error *err);
void pal_data_free(pal_data *data);

/* One part by pal_data_open without options, not scaled. path NULL: PAL_DATA_DEFAULT. */
pal_dataset *pal_dataset_open(pal_context *context, const char *path, pal_split split, pal_error *err);
void pal_dataset_free(pal_dataset *dataset);
/* Writes the name that a data set at this path has, whether or not the path exists: the last part of the path, without
 * slashes and known endings. Returns name, truncated to size bytes. */
const char *pal_dataset_name_of(const char *path, char *name, size_t size);

/* Keeps the first n samples, or all if there are fewer. Does not change `classes`. PAL_ERR_ARGUMENT if n < 1,
 * PAL_ERR_MEMORY; on failure the data set is unchanged. */
pal_status pal_dataset_limit(pal_dataset *dataset, int64_t n);
/* Removes the first n samples. Errors as for pal_dataset_limit, but n may be 0; PAL_ERR_ARGUMENT also if no sample
 * would remain. */
pal_status pal_dataset_skip(pal_dataset *dataset, int64_t n);

/* Returns a new, independent data set with copies of the samples whose numbers are in rows, in this order. A number may
 * occur more than once. `classes`, `scale`, `name` and `note` are those of the original. Returns NULL on failure:
 * PAL_ERR_ARGUMENT (no rows, a row out of bounds, a NULL argument) or PAL_ERR_MEMORY. */
pal_dataset *pal_dataset_select(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_error *err);

/* Copies the samples whose numbers are in rows into out, which is f32 or f64 of any shape with n * features elements.
 * A u8 value x becomes x / 255, correctly rounded, so values are from 0 to 1; floating-point values are converted. On
 * failure out is unchanged: PAL_ERR_ARGUMENT (a row out of bounds, a NULL argument), PAL_ERR_SHAPE, PAL_ERR_TYPE. But
 * after PAL_ERR_FORMAT it is undefined: a number of a mapped file is not finite, which pal_dataset_gather
 * names. */
pal_status pal_dataset_batch(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* Asks for these samples of a mapped file, so that they are in memory when they are used: the call does not wait.
 * Samples in memory, and rows out of bounds, are passed over. */
void pal_dataset_want(const pal_dataset *dataset, const uint32_t *rows, size_t n);
/* The same as pal_dataset_batch, and says what failed. */
pal_status pal_dataset_gather(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out,
                              pal_error *err);

/* Writes 1 for each known feature of these samples into out, f32 or f64 as for pal_dataset_batch, and 0 for a missing
 * one. */
pal_status pal_dataset_known(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* Copies the labels of these samples into out: n elements of u8, i32, f32 or f64. Errors as for pal_dataset_batch;
 * PAL_ERR_ARGUMENT also if the data set has no labels. */
pal_status pal_dataset_labels(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* Writes the labels of these samples as one-hot rows: out is f32 or f64 [n, width]. Errors as for pal_dataset_labels;
 * PAL_ERR_SHAPE also if width is less than the number of classes of the data set. */
pal_status pal_dataset_one_hot(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_tensor *out);

/* Returns the name of a class: as the data have it, or that of a data set that is recognised by its name
 * (fashion-mnist). NULL: no name is known; use the number of the class. */
const char *pal_dataset_class_name(const pal_dataset *dataset, int label);

/* ---- Order ---------------------------------------------------------------------------------------------------- */

/* Writes a permutation of 0 .. n-1 into order. All permutations are equally likely. The result depends only on seed,
 * stream, epoch and n: a Fisher-Yates shuffle driven by pal_noise_words at the clock `epoch`. PAL_ERR_ARGUMENT for NULL
 * or n > 2^32 - 1. */
pal_status pal_epoch_order(uint64_t seed, const char *stream, uint64_t epoch, uint32_t *order, size_t n);

/* The order of an epoch, of which a part is taken at a time. Of up to 2^24 samples it is that of pal_epoch_order. Of
 * more it needs no memory: a bijection of 0 .. n-1 is computed for each number that is taken. It also depends only on
 * seed, stream, epoch and n; neighbours are as if drawn, but not all permutations can occur. */
typedef struct pal_order pal_order;
/* NULL: PAL_ERR_ARGUMENT, n > 2^32 - 1; PAL_ERR_MEMORY. */
pal_order *pal_order_new(size_t n, pal_error *err);
void pal_order_free(pal_order *order);
/* PAL_ERR_ARGUMENT for NULL. */
pal_status pal_order_set(pal_order *order, uint64_t seed, const char *stream, uint64_t epoch);
/* Copies the numbers at the places first .. first+n-1 of the order. PAL_ERR_ARGUMENT: NULL, no such places, or
 * pal_order_set was not called; then rows is unchanged. */
pal_status pal_order_rows(const pal_order *order, size_t first, size_t n, uint32_t *rows);

/* Computes the mean of all samples, [features]. Each sample is first converted to the type `as` (f32 or f64). */
pal_status pal_dataset_mean(const pal_dataset *data, pal_dtype as, double *mean, pal_error *err);
/* The same over n samples, whose numbers are in rows; rows NULL: the first n. PAL_ERR_ARGUMENT: n is 0, or a row is out
 * of bounds. */
pal_status pal_dataset_mean_of(const pal_dataset *data, const uint32_t *rows, size_t n, pal_dtype as, double *mean,
                               pal_error *err);
/* Computes the squared distance of n samples from a point [features], sum_j (x_j - point_j)^2, averaged over the
 * samples. rows and errors as for pal_dataset_mean_of; on failure *squared is unchanged. */
pal_status pal_dataset_spread(const pal_dataset *data, const uint32_t *rows, size_t n, const double *point,
                              double *squared, pal_error *err);
/* Selects n samples of a data set with labels. The share of each class is that of the whole data set, rounded, and each
 * class has at least one sample. Within a class, the samples that come first in a random order are taken; this order is
 * draw number `draw` of the seed. rows [n] gets the sample numbers; fold [n] gets k mod folds for the k-th sample of a
 * class. PAL_ERR_ARGUMENT: no labels, n is less than the number of classes that occur or more than that of the samples,
 * or folds is not 1 to 256; PAL_ERR_MEMORY. */
pal_status pal_stratify(const pal_dataset *data, int64_t n, uint64_t seed, uint64_t draw, int folds, uint32_t *rows,
                        uint8_t *fold, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
