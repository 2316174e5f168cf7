/* schema_apply.c - rows of a table to the features of samples, and back. All arithmetic is in double and is rounded
 * once, to the type of the features. */
#include "models/schema.h"

#include <math.h>
#include <string.h>

/* The index of the level of a cell, or -1: there is none. */
static int64_t level_of(const pal_column *c, double cell)
{
    return cell >= 0 && cell < (double)c->n_levels && cell == floor(cell) ? (int64_t)cell : -1;
}

static double number_of(const pal_column *c, double cell)
{
    const double x = (cell - c->offset) / c->scale;
    return !c->cut ? x : x < 0 ? 0 : x > 1 ? 1 : x;
}

/* One row. Returns how many cells were missing. Both types of features are written by the same lines, so that they
 * agree; known is of the same type. */
#define APPLY(name, type)                                                                                              \
    static int64_t name(const pal_schema *s, const double *row, type *x, type *known)                                  \
    {                                                                                                                  \
        int64_t missing = 0;                                                                                           \
        memset(x, 0, (size_t)s->features * sizeof *x);                                                                 \
        for (int64_t i = 0; i < s->n_columns; i++) {                                                                   \
            const pal_column *c = &s->columns[i];                                                                      \
            const int64_t at = s->first[i], level = c->n_levels ? level_of(c, row[i]) : 0;                             \
            const double number = c->n_levels ? 0 : number_of(c, row[i]);                                              \
            const bool has = level >= 0 && isfinite(number);                                                           \
            if (has && c->kind == PAL_COLUMN_CATEGORY) x[at + level] = 1;                                              \
            if (has && c->kind == PAL_COLUMN_TRUTH) x[at] = (type)level;                                               \
            if (has && c->kind == PAL_COLUMN_NUMBER) x[at] = (type)number;                                             \
            for (int64_t j = at; known && j < s->first[i + 1]; j++) known[j] = has;                                    \
            missing += !has;                                                                                           \
        }                                                                                                              \
        return missing;                                                                                                \
    }
APPLY(apply_f32, float)
APPLY(apply_f64, double)
#undef APPLY

int64_t pal_schema_apply(const pal_schema *s, const double *rows, size_t n, float *features, float *known)
{
    int64_t missing = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t at = i * (size_t)s->features;
        missing += apply_f32(s, rows + i * (size_t)s->n_columns, features + at, known ? known + at : NULL);
    }
    return missing;
}

int64_t pal_schema_apply_f64(const pal_schema *s, const double *rows, size_t n, double *features, double *known)
{
    int64_t missing = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t at = i * (size_t)s->features;
        missing += apply_f64(s, rows + i * (size_t)s->n_columns, features + at, known ? known + at : NULL);
    }
    return missing;
}

static double cell_of(const pal_column *c, const double *x)
{
    int64_t best = 0;
    if (c->kind == PAL_COLUMN_NUMBER) return *x * c->scale + c->offset;
    if (c->kind == PAL_COLUMN_TRUTH) return *x >= 0.5;
    for (int64_t j = 1; j < c->n_levels; j++)
        if (x[j] > x[best]) best = j;
    return (double)best;
}

void pal_schema_undo(const pal_schema *s, const double *features, size_t n, double *rows)
{
    for (size_t k = 0; k < n; k++)
        for (int64_t i = 0; i < s->n_columns; i++)
            rows[k * (size_t)s->n_columns + (size_t)i] =
                cell_of(&s->columns[i], features + k * (size_t)s->features + s->first[i]);
}
