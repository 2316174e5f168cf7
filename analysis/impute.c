/* impute.c - fills in the missing cells of the rows of a table, and measures how well.
 *
 * A row becomes features by the model's schema. The features of missing cells are filled in by a method of infill.c,
 * whose mask here has a row for each sample, and become cells again. Only missing cells are taken from there: known
 * ones never pass through float32. Rows without missing cells are not computed.
 *
 * To measure, known cells are removed at random, and what is put there is compared with what was there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

typedef struct imputation {
    const pal_schema *s; /* NULL: a cell is a feature */
    size_t d, f;         /* columns, features */
    float *x, *known;    /* [m, f]: of the rows with missing cells */
    uint8_t *missing;    /* [m, f] */
    double *features;    /* [f] */
    double *cells;       /* [d] */
    size_t *which, m;    /* the rows with missing cells */
} imputation;

static size_t first_of(const pal_schema *s, size_t column) { return s ? (size_t)s->first[column] : column; }

static pal_status make(imputation *p, pal_model *model, size_t n, pal_error *err)
{
    p->s = pal_model_schema(model);
    p->f = (size_t)palt__features(model);
    p->d = p->s ? (size_t)p->s->n_columns : p->f;
    p->x = calloc(n * p->f + 1, sizeof *p->x);
    p->known = calloc(p->f, sizeof *p->known);
    p->missing = calloc(n * p->f + 1, sizeof *p->missing);
    p->features = calloc(p->f, sizeof *p->features);
    p->cells = calloc(p->d, sizeof *p->cells);
    p->which = calloc(n + 1, sizeof *p->which);
    return p->x && p->known && p->missing && p->features && p->cells && p->which ? PAL_OK : palt__no_memory(err);
}

static void clear(imputation *p)
{
    free(p->x);
    free(p->known);
    free(p->missing);
    free(p->features);
    free(p->cells);
    free(p->which);
}

/* Returns how many cells are missing. */
static int64_t apply(const imputation *p, const double *row, float *x)
{
    int64_t missing = 0;
    if (p->s) return pal_schema_apply(p->s, row, 1, x, p->known);
    for (size_t j = 0; j < p->f; j++) {
        const bool known = isfinite(row[j]);
        p->known[j] = known;
        x[j] = known ? (float)row[j] : 0;
        missing += !known;
    }
    return missing;
}

/* Finds the rows with missing cells, and their features. Returns how many cells are missing. */
static int64_t gather(imputation *p, const double *rows, size_t n)
{
    int64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t missing = apply(p, rows + i * p->d, p->x + p->m * p->f);
        for (size_t j = 0; j < p->f; j++) p->missing[p->m * p->f + j] = (uint8_t) !(p->known[j] > 0);
        all += missing;
        if (missing) p->which[p->m++] = i;
    }
    return all;
}

/* Takes the missing cells of a row from its features. */
static void take(const imputation *p, size_t at, double *row)
{
    for (size_t j = 0; j < p->f; j++) p->features[j] = (double)p->x[at * p->f + j];
    if (p->s) pal_schema_undo(p->s, p->features, 1, p->cells);
    for (size_t c = 0; c < p->d; c++)
        if (p->missing[at * p->f + first_of(p->s, c)]) row[c] = p->s ? p->cells[c] : p->features[c];
}

pal_status pal_impute(pal_model *model, const double *rows, size_t n, const pal_infill_options *given, double *out,
                      int64_t *filled, pal_error *err)
{
    pal_infill_options o = {0};
    imputation p = {0};
    pal_error own = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "impute", err)) return PAL_ERR_ARGUMENT;
    if (n && (!rows || !out)) return pal_error_set(err, PAL_ERR_ARGUMENT, "impute: a buffer is NULL");
    o.struct_size = sizeof o;
    o.means = NULL;
    pal_status status = make(&p, model, n, &own);
    if (!status) {
        const int64_t missing = gather(&p, rows, n);
        status = palt__infill(model, p.x, p.missing, true, p.m, &o, p.x, &own);
        if (!status && n) memmove(out, rows, n * p.d * sizeof *out);
        for (size_t i = 0; i < p.m && !status; i++) take(&p, i, out + p.which[i] * p.d);
        if (!status && filled) *filled = missing;
    }
    clear(&p);
    return status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

/* ---- Measuring ------------------------------------------------------------------------------------------------ */

typedef struct measuring {
    const pal_schema *s;
    size_t n, d, f;
    pal_tensor *x, *out; /* [n, f] */
    uint8_t *missing;    /* [n, f] */
    double *mean;        /* [f], of the training samples */
    uint64_t *cells;     /* the known cells, i d + column */
    uint32_t *order;     /* the first `removed` are removed */
    size_t known, removed;
    pal_impute_error *columns; /* [d] */
} measuring;

static pal_status find_cells(measuring *m, const pal_dataset *data, const pal_impute_options *o, pal_error *err)
{
    const uint8_t *known = data->known ? data->known->data : NULL;
    for (size_t i = 0; i < m->n; i++)
        for (size_t c = 0; c < m->d; c++) {
            const size_t at = i * m->f + first_of(m->s, c);
            if (!known || known[at]) m->cells[m->known++] = i * m->d + c;
        }
    m->removed = (size_t)round(o->remove * (double)m->known);
    if (!m->removed) m->removed = 1;
    if (m->known < 2 || m->removed >= m->known || m->known > UINT32_MAX)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "of %zu known cells, %zu are to be removed: %s", m->known,
                             m->removed, m->known > UINT32_MAX ? "take fewer samples" : "at least one must remain");
    m->order = malloc(m->known * sizeof *m->order);
    if (!m->order) return palt__no_memory(err);
    for (size_t i = 0; known && i < m->n * m->f; i++) m->missing[i] = known[i] ? 0 : 1;
    const pal_status status = pal_epoch_order(o->seed, "remove", 0, m->order, m->known);
    if (status) return pal_error_set(err, status, "%s", pal_status_text(status));
    for (size_t k = 0; k < m->removed; k++) {
        const size_t cell = (size_t)m->cells[m->order[k]], row = cell / m->d, c = cell % m->d;
        for (size_t j = first_of(m->s, c); j < first_of(m->s, c + 1); j++) m->missing[row * m->f + j] = 1;
    }
    return PAL_OK;
}

static size_t likeliest(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t j = 1; j < n; j++)
        if (x[j] > x[best]) best = j;
    return best;
}

static double error_of(const pal_column *c, const float *x, const float *y)
{
    const double e = (double)*x - (double)*y;
    if (!c || c->kind == PAL_COLUMN_NUMBER) return e * e;
    if (c->kind == PAL_COLUMN_TRUTH) return (*x >= 0.5F) != (*y >= 0.5F);
    return likeliest(x, (size_t)c->n_levels) != likeliest(y, (size_t)c->n_levels);
}

static const pal_column *column_of(const measuring *m, size_t c) { return m->s ? &m->s->columns[c] : NULL; }

/* Adds the errors of the removed cells to those that `into` returns of each column. step 0: one y for all samples. */
static void add_errors(const measuring *m, const float *y, size_t step, double *(*into)(pal_impute_error *e, int at),
                       int at)
{
    const float *x = m->x->data;
    for (size_t c = 0; c < m->d; c++) *into(&m->columns[c], at) = 0;
    for (size_t k = 0; k < m->removed; k++) {
        const size_t cell = (size_t)m->cells[m->order[k]], row = cell / m->d, c = cell % m->d;
        const size_t first = first_of(m->s, c);
        *into(&m->columns[c], at) += error_of(column_of(m, c), x + row * m->f + first, y + row * step + first);
    }
}

static double *reference_of(pal_impute_error *e, int at) { return (void)at, &e->reference; }
static double *method_of(pal_impute_error *e, int at) { return &e->method[at]; }

/* Sums become root mean squares, or shares; those of columns are added up before. */
static void finish(const measuring *m, pal_impute_figures *all)
{
    pal_impute_error *const groups[] = {&all->numbers, &all->words};
    for (size_t g = 0; g < 2; g++) *groups[g] = (pal_impute_error){0};
    for (size_t c = 0; c < m->d + 2; c++) {
        pal_impute_error *e = c < m->d ? &m->columns[c] : groups[c - m->d];
        const pal_column *column = c < m->d ? column_of(m, c) : NULL;
        const bool number = c < m->d ? !column || column->kind == PAL_COLUMN_NUMBER : c == m->d;
        pal_impute_error *to = c < m->d ? groups[number ? 0 : 1] : NULL;
        if (to) to->cells += e->cells;
        for (int k = -1; k < PAL_INFILL_METHODS; k++) {
            double *sum = k < 0 ? &e->reference : &e->method[k];
            if (to) *(k < 0 ? &to->reference : &to->method[k]) += *sum;
            *sum = e->cells ? *sum / (double)e->cells : (double)NAN;
            if (number) *sum = sqrt(*sum);
        }
    }
}

static pal_status compare(measuring *m, pal_model *model, const pal_dataset *train, const pal_impute_options *o,
                          pal_error *err)
{
    float *mean = m->out->data;
    pal_status status = pal_dataset_mean(train, PAL_F64, m->mean, err);
    if (status) return status;
    for (size_t j = 0; j < m->f; j++) mean[j] = (float)m->mean[j];
    for (size_t k = 0; k < m->removed; k++) m->columns[m->cells[m->order[k]] % m->d].cells++;
    add_errors(m, mean, 0, reference_of, 0);
    for (int k = 0; k < PAL_INFILL_METHODS && !status; k++) {
        pal_infill_options infill = o->infill;
        infill.struct_size = sizeof infill;
        infill.method = (pal_infill_method)k;
        infill.means = NULL;
        for (size_t c = 0; c < m->d; c++) m->columns[c].method[k] = NAN;
        if (o->methods && !(o->methods >> k & 1U)) continue;
        status = palt__infill(model, m->x->data, m->missing, true, m->n, &infill, m->out->data, err);
        if (!status) add_errors(m, m->out->data, m->f, method_of, k);
    }
    return status;
}

static pal_status prepare(measuring *m, const pal_model *model, const pal_dataset *data, const pal_dataset *train,
                          const pal_impute_options *o, pal_error *err)
{
    if (!(o->remove > 0 && o->remove < 1))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%g of the known cells: choose a share between 0 and 1", o->remove);
    if (pal_data_check(model, data, err) || pal_data_check(model, train, err)) return err->status;
    m->s = pal_model_schema(model);
    m->f = (size_t)data->features;
    m->d = m->s ? (size_t)m->s->n_columns : m->f;
    m->n = (size_t)data->count;
    m->x = palt__gather(data, 0, data->count, err);
    if (!m->x) return err->status;
    m->out = pal_tensor_new(m->x->context, PAL_F32, m->x->shape);
    m->missing = calloc(m->n * m->f, sizeof *m->missing);
    m->mean = calloc(m->f, sizeof *m->mean);
    m->cells = malloc(m->n * m->d * sizeof *m->cells);
    m->columns = calloc(m->d, sizeof *m->columns);
    return m->out && m->missing && m->mean && m->cells && m->columns ? PAL_OK : palt__no_memory(err);
}

pal_status pal_impute_measure(pal_model *model, const pal_dataset *data, const pal_dataset *train,
                              const pal_impute_options *given, pal_impute_figures *figures, pal_impute_error *columns,
                              pal_error *err)
{
    pal_impute_options o = {0};
    measuring m = {0};
    pal_impute_figures all = {0};
    pal_error own = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "impute", err)) return PAL_ERR_ARGUMENT;
    pal_status status = prepare(&m, model, data, train, &o, &own);
    if (!status) status = find_cells(&m, data, &o, &own);
    if (!status) status = compare(&m, model, train, &o, &own);
    if (!status) {
        finish(&m, &all);
        all.samples = (int64_t)m.n;
        all.known = (int64_t)m.known;
        all.removed = (int64_t)m.removed;
        if (figures) *figures = all;
        if (columns) memcpy(columns, m.columns, m.d * sizeof *columns);
    }
    pal_tensor_free(m.x);
    pal_tensor_free(m.out);
    free(m.missing);
    free(m.mean);
    free(m.cells);
    free(m.order);
    free(m.columns);
    return status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
