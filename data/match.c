/* match.c - brings samples of another file to the columns, the levels and the classes that a model was trained on.
 *
 * In: what was read, and the schema of the model. Out: rows of that schema. Columns are found by their names, in any
 * order; where the model or the file has no names, by their places. Further columns are left out, and said. A level
 * that the model does not know is missing, and said. What cannot be meant is refused: a column that is not there, or
 * words where the model has numbers. */
#include "data/open.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct matching {
    palt__raw *raw;
    const pal_schema *want;
    const char *path;
    pal_note *note;
    pal_error *err;
    double *to; /* [n, want->n_columns] */
    size_t n;
} matching;

static int64_t width_of(const pal_tensor *v)
{
    return v->shape.dim[0] ? (int64_t)(pal_tensor_count(v) / (size_t)v->shape.dim[0]) : 0;
}

static bool has_names(const pal_schema *s) { return s && s->columns[0].name; }

static pal_status refuse(const matching *m, int64_t column, const char *wrong)
{
    char name[96];
    return pal_error_set(m->err, PAL_ERR_ARGUMENT, "%s: %s %s", palt__shown_path(m->path),
                         pal_schema_name(m->want, column, name, sizeof name), wrong);
}

/* The column of the file for column j of the model; -1: refused. */
static int64_t source_of(const matching *m, int64_t j)
{
    if (!has_names(m->want) || !has_names(m->raw->schema)) return j;
    const int64_t i = pal_schema_find(m->raw->schema, m->want->columns[j].name);
    if (i < 0) refuse(m, j, "is missing, but the model was trained on this column: add it, or give another file");
    return i;
}

static int64_t level_in(const pal_column *c, const char *level)
{
    int64_t k = 0;
    while (k < c->n_levels && strcmp(c->levels[k], level) != 0) k++;
    return k < c->n_levels ? k : -1;
}

/* Translates the cells of a column of the file. */
static pal_status translate(const matching *m, int64_t j, int64_t i)
{
    const pal_column *want = &m->want->columns[j];
    static const pal_column number = {.kind = PAL_COLUMN_NUMBER};
    const pal_column *have = m->raw->schema ? &m->raw->schema->columns[i] : &number;
    const size_t from = (size_t)width_of(m->raw->values), to = (size_t)m->want->n_columns;
    const bool by_level = want->n_levels && have->n_levels;
    bool any = false;
    int64_t unseen = 0;
    for (size_t k = 0; k < m->n; k++) {
        double x = pal_tensor_get(m->raw->values, k * from + (size_t)i);
        any |= !isnan(x);
        if (by_level && !isnan(x)) {
            const int64_t level = level_in(want, have->levels[(size_t)x]);
            unseen += level < 0;
            x = level < 0 ? (double)NAN : (double)level;
        }
        m->to[k * to + (size_t)j] = x;
    }
    if (any && have->n_levels && !want->n_levels)
        return refuse(m, j, "has words here, but the model was trained on numbers: give the file it belongs to");
    if (any && !have->n_levels && want->n_levels && m->raw->schema)
        return refuse(m, j, "has numbers here, but the model was trained on categories: give it to --category");
    if (unseen)
        palt__note_add(m->note, "%lld cell%s of %s with words that training did not have: read as missing",
                       (long long)unseen, unseen == 1 ? "" : "s", want->name ? want->name : "a column");
    return PAL_OK;
}

static void free_classes(palt__raw *raw)
{
    for (size_t k = 0; k < raw->n_classes; k++) free(raw->classes[k]);
    free(raw->classes);
    raw->classes = NULL;
    raw->n_classes = 0;
}

static pal_status drop_labels(palt__raw *raw)
{
    free_classes(raw);
    pal_tensor_free(raw->labels);
    raw->labels = NULL;
    return PAL_OK;
}

/* Gives the labels the numbers that the classes have in the model. */
static pal_status match_labels(const matching *m)
{
    palt__raw *raw = m->raw;
    uint8_t to[256];
    if (!raw->labels || !raw->classes || !m->want->n_classes) return PAL_OK;
    for (size_t k = 0; k < raw->n_classes; k++) {
        int64_t class = 0;
        while (class < m->want->n_classes && strcmp(m->want->classes[class], raw->classes[k]) != 0) class ++;
        if (class == m->want->n_classes && raw->labels_former) {
            palt__note_add(m->note, "label \"%.40s\" does not occur in the training data: read without labels",
                           raw->classes[k]);
            return drop_labels(raw);
        }
        if (class == m->want->n_classes)
            return pal_error_set(
                m->err, PAL_ERR_ARGUMENT,
                "%s: label \"%.40s\" does not occur in the training data: remove its samples, or leave "
                "out --label",
                palt__shown_path(m->path), raw->classes[k]);
        to[k] = (uint8_t) class;
    }
    uint8_t *label = raw->labels->data;
    for (size_t i = 0; i < m->n; i++) label[i] = to[label[i]];
    free_classes(raw); /* the schema has them */
    return PAL_OK;
}

static pal_status check_width(const matching *m)
{
    const int64_t have = width_of(m->raw->values), want = m->want->n_columns;
    if (have == want || (has_names(m->want) && has_names(m->raw->schema))) return PAL_OK;
    return pal_error_set(m->err, PAL_ERR_ARGUMENT,
                         "%s: has %lld columns, but the model was trained on %lld: give as many%s",
                         palt__shown_path(m->path), (long long)have, (long long)want,
                         has_names(m->want) ? ", or a first line with their names" : "");
}

pal_status palt__match(palt__raw *raw, const pal_schema *schema, const char *path, pal_note *note, pal_error *err)
{
    const pal_shape shape = raw->values->shape;
    matching m = {.raw = raw, .want = schema, .path = path, .note = note, .err = err, .n = (size_t)shape.dim[0]};
    pal_status status = check_width(&m);
    if (status) return status;
    if (!raw->schema && raw->map) { /* numbers at their places: they stay in the file */
        raw->schema = pal_schema_new(schema, err);
        return raw->schema ? match_labels(&m) : err->status;
    }
    pal_shape rows = PAL_SHAPE(shape.dim[0], schema->n_columns);
    if (width_of(raw->values) == schema->n_columns && shape.rank > 2) rows = shape;
    pal_tensor *to = pal_tensor_new(raw->values->context, PAL_F64, rows);
    pal_schema *copy = pal_schema_new(schema, err);
    if (!to || !copy) {
        pal_tensor_free(to);
        pal_schema_free(copy);
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory for its samples", palt__shown_path(path));
    }
    m.to = to->data;
    for (int64_t j = 0; j < schema->n_columns && !status; j++) {
        const int64_t i = source_of(&m, j);
        status = i < 0 ? err->status : translate(&m, j, i);
    }
    const int64_t further = width_of(raw->values) - schema->n_columns;
    if (!status && further > 0)
        palt__note_add(note, "%lld further column%s left out", (long long)further, further == 1 ? "" : "s");
    if (!status) status = match_labels(&m);
    if (status) {
        pal_tensor_free(to);
        pal_schema_free(copy);
        return status;
    }
    pal_tensor_free(raw->values);
    pal_schema_free(raw->schema);
    raw->values = to;
    raw->schema = copy;
    return PAL_OK;
}
