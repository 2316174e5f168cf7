/* schema.h - the columns of a table, and how a row of them becomes the features of a sample and back.
 *
 * A row has one number per column. That of a category is the index of its level. NAN: the cell is missing. The features
 * are what the model sees:
 *   number    one feature, (x - offset) / scale
 *   truth     one feature, 0 or 1
 *   category  a feature for each level, 1 for the level of the cell and 0 for the others
 * A missing cell gives 0 in all its features and is not known.
 *
 * A schema is learnt from training data and is a part of the model: pal_model_save writes it, pal_model_open reads it,
 * and pal_encode, pal_decode and pal_reconstruct take and return rows, not features. So a program that embeds a model
 * cannot feed it numbers without their scaling. */
#ifndef PAL_MODELS_SCHEMA_H
#define PAL_MODELS_SCHEMA_H

#include "autograd/autograd.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef enum pal_column_kind {
    PAL_COLUMN_NUMBER,
    PAL_COLUMN_TRUTH,
    PAL_COLUMN_CATEGORY,
    PAL_COLUMN_KINDS
} pal_column_kind;

typedef struct pal_column {
    const char *name; /* NULL: it has none */
    pal_column_kind kind;
    double offset, scale;      /* number: finite, and scale > 0. Others: 0 and 1 */
    bool cut;                  /* number: its feature is cut to 0 .. 1, for an output that has no other values */
    const char *const *levels; /* truth: the words for 0 and 1; category: 1 to 65536 levels; number: NULL */
    int64_t n_levels;
} pal_column;

typedef struct pal_schema { /* read the fields, do not change them */
    const pal_column *columns;
    int64_t n_columns, features;
    const int64_t *first;       /* [n_columns + 1]: the first feature of each column; then `features` */
    const char *scaling;        /* in words: "standard", "none" */
    const char *label;          /* the column of the labels; NULL: none */
    const char *const *classes; /* the names of the labels 0, 1, ...; NULL: none */
    int64_t n_classes;
} pal_schema;

/* Copies what is given; first and features of `from` are not read. NULL: PAL_ERR_ARGUMENT (no column, a kind, a scale
 * or a number of levels out of range, a name that is not UTF-8) or PAL_ERR_MEMORY. */
pal_schema *pal_schema_new(const pal_schema *from, pal_error *err);
void pal_schema_free(pal_schema *schema);
bool pal_schema_equal(const pal_schema *a, const pal_schema *b);
/* The column of this name; or, for a schema or a column without names, its number from 1 as text. -1: none. */
int64_t pal_schema_find(const pal_schema *schema, const char *name);
/* The name of a column, or "column 3". Returns out. */
const char *pal_schema_name(const pal_schema *schema, int64_t column, char *out, size_t size);
/* The name of a feature: that of its column, and the level if there is one for each: "city=Rome". Returns out. */
const char *pal_schema_feature(const pal_schema *schema, int64_t feature, char *out, size_t size);

/* Rows [n, columns] to features [n, features], and to known [n, features]: 1, or 0 for the features of a missing cell.
 * known may be NULL. Rounds once, from double. A level that the schema does not have, or a truth that is neither 0 nor
 * 1, is missing. Returns how many cells were missing. */
int64_t pal_schema_apply(const pal_schema *schema, const double *rows, size_t n, float *features, float *known);
int64_t pal_schema_apply_f64(const pal_schema *schema, const double *rows, size_t n, double *features, double *known);
/* Features to rows: the number in its own unit; the likelier truth; the likeliest level. */
void pal_schema_undo(const pal_schema *schema, const double *features, size_t n, double *rows);

/* The schema as JSON, on one line; free() it. NULL: out of memory. The second reads it: PAL_ERR_FORMAT, `what` is named
 * in the message. */
char *pal_schema_text(const pal_schema *schema);
pal_schema *pal_schema_parse(const char *text, const char *what, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
