/* open.h - shared by the files that make data sets of what the readers return: open.c, split.c, scale.c, match.c. */
#ifndef PAL_DATA_OPEN_H
#define PAL_DATA_OPEN_H

#include "data/internal.h"

/* ---- sources.c -------------------------------------------------------------------------------------------------- */

enum { PALT__TRAINING, PALT__TESTING };

typedef struct palt__pool { /* what a path has */
    palt__raw train, test;
    bool has_test; /* it has test samples of its own; else all are in train */
    bool pictures;
} palt__pool;

typedef struct palt__request {
    pal_context *context;
    const char *path;
    const pal_data_options *options;
    void (*progress)(int64_t done, int64_t all, void *user);
    void *user;
    pal_note *note;
    bool stream, npy; /* "-" is read, as a .npy file or as a text table */
} palt__request;

/* Reads a path by its kind. wanted: a bit for training, one for testing; a source without its own test samples is read
 * whole. On failure the pool has what was read so far. */
pal_status palt__pool_read(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err);

/* array.c: whether the end of a path is that of a file that is read; PAL_ERR_ARGUMENT: it is not. */
pal_status palt__array_check(const char *path, pal_error *err);

/* ---- table_raw.c ------------------------------------------------------------------------------------------------ */

/* A text table as samples: options label, id and those of palt__table_read. */
pal_status palt__raw_table(palt__raw *raw, pal_context *context, const char *path, const pal_data_options *options,
                           pal_note *note, pal_error *err);

/* ---- split.c ---------------------------------------------------------------------------------------------------- */

/* Reads an option such as test: a share of all samples (0 < share < 1, rounded, at least one) or a number of them.
 * false: it is neither, so it is a path. */
bool palt__split_count(const char *text, int64_t all, int64_t *count);
/* Draws `n` of the rows [*left], stratified if there are labels, and takes them out of rows. Both lists stay in the
 * order of the file. stream names the draw. PAL_ERR_ARGUMENT: none would remain. */
pal_status palt__split_draw(uint32_t *rows, size_t *left, const pal_tensor *labels, int64_t n, uint64_t seed,
                            const char *stream, const char *path, uint32_t **drawn, pal_error *err);

/* Keeps of the rows those whose label is in a list "a,b", by name or number. PAL_ERR_ARGUMENT: no labels, or none is
 * left. */
pal_status palt__split_only(uint32_t *rows, size_t *n, const palt__raw *raw, const pal_data_options *options,
                            const char *path, pal_error *err);

/* ---- scale.c ---------------------------------------------------------------------------------------------------- */

/* Learns from these rows of raw->values: the levels that occur, and offset and scale of the numbers by `scaling` (none,
 * standard, minmax or robust). Replaces raw->schema; a cell with a level that these rows do not have becomes NAN. An
 * array without a schema gets one if it must be scaled: a column per number for rows [n, d], and one scaling for all
 * numbers of images. cut: the features of minmax are cut to 0 .. 1. */
pal_status palt__scale_learn(palt__raw *raw, const char *scaling, bool cut, const uint32_t *rows, size_t n,
                             const char *path, pal_note *note, pal_error *err);
/* How many of n rows are looked at, and which is number i of them. */
size_t palt__scale_rows(size_t n, size_t columns, bool images);
size_t palt__scale_row(size_t i, size_t seen, size_t n);
/* What `scaling` is if nobody chooses: "none" where all numbers are from 0 to 1 or stored as bytes, else "minmax" for
 * an output that needs this range, else "standard". output: as given to the model; NULL: not given. */
const char *palt__scale_default(const palt__raw *raw, const char *output);
/* Whether an output has no other values than those from 0 to 1. */
bool palt__scale_cuts(const char *output);

/* ---- match.c ---------------------------------------------------------------------------------------------------- */

/* Brings what was read to the columns, levels and classes of a schema: columns by name in any order, or by place if
 * there are no names. raw->values become rows of it, and raw->schema a copy. PAL_ERR_FORMAT: a column is missing or has
 * another kind. */
pal_status palt__match(palt__raw *raw, const pal_schema *schema, const char *path, pal_note *note, pal_error *err);

/* ---- parts.c ---------------------------------------------------------------------------------------------------- */

typedef struct palt__part {
    const palt__raw *raw;
    struct palt__store *store; /* of raw, if it is mapped and stays so; else NULL */
    uint32_t *rows;            /* [n]; with a store the data set takes them over; NULL: all, or those from `first` on */
    int64_t n;
    uint64_t first;
    bool keeps_rows; /* pal_data_source.rows */
} palt__part;

/* NULL: out of memory; nothing is taken over then. */
pal_dataset *palt__part_make(const palt__part *part);

#endif
