/* scale.c - learns from training rows how numbers are scaled and which levels a category has.
 *
 *   none      x
 *   standard  (x - mean) / deviation; the deviation is that of the population, with the divisor n
 *   minmax    (x - least) / (greatest - least)
 *   robust    (x - median) / (quartile 3 - quartile 1), quartiles between two values by linear interpolation
 *
 * These are the formulas of scikit-learn's scalers. A column in which all numbers are equal has the scale 1. Missing
 * cells count nowhere.
 *
 * Of more than 2^20 rows, as many at equal distances are looked at, and of very long rows fewer. So the time is
 * bounded, also for a file that is mapped; it is read from its beginning to its end, some columns at a time. */
#include "data/open.h"
#include "data/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MOST = 1 << 20,
    ROOM = 1 << 24, /* numbers that are held at a time, of several columns; of images more, since all are one column */
    IMAGES_MOST = 1 << 26,
    NUMBERS_MOST = 1 << 28,
    RUN = 1024 /* rows next to each other, where there are very many: a disk reads them at once */
};

typedef struct numbers { /* the known numbers of a column */
    double *x;
    size_t n;
} numbers;

/* ---- The formulas ----------------------------------------------------------------------------------------------- */

static void none(numbers a, double *offset, double *scale)
{
    (void)a;
    *offset = 0;
    *scale = 1;
}

static void standard(numbers a, double *offset, double *scale)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < a.n; i++) sum += a.x[i] / (double)a.n;
    for (size_t i = 0; i < a.n; i++) squares += (a.x[i] - sum) * ((a.x[i] - sum) / (double)a.n);
    *offset = sum;
    *scale = sqrt(squares);
}

static void minmax(numbers a, double *offset, double *scale)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < a.n; i++) {
        low = fmin(low, a.x[i]);
        high = fmax(high, a.x[i]);
    }
    *offset = low;
    *scale = high - low;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(numbers a, double q)
{
    const double at = q * (double)(a.n - 1), below = floor(at);
    const size_t i = (size_t)below, next = i + 1 < a.n ? i + 1 : i;
    return a.x[i] + (at - below) * (a.x[next] - a.x[i]);
}

static void robust(numbers a, double *offset, double *scale)
{
    qsort(a.x, a.n, sizeof *a.x, by_value);
    *offset = quantile(a, 0.5);
    *scale = quantile(a, 0.75) - quantile(a, 0.25);
}

static const struct {
    const char *name;
    void (*learn)(numbers a, double *offset, double *scale);
} scalings[] = {{"none", none}, {"standard", standard}, {"minmax", minmax}, {"robust", robust}};

/* ---- Rows ------------------------------------------------------------------------------------------------------- */

static int64_t columns_of(const pal_tensor *values)
{
    return (int64_t)(pal_tensor_count(values) / (size_t)(values->shape.dim[0] ? values->shape.dim[0] : 1));
}

size_t palt__scale_rows(size_t n, size_t columns, bool images)
{
    const size_t most = (images ? IMAGES_MOST : NUMBERS_MOST) / columns;
    const size_t rows = most < RUN ? RUN : most < ROWS_MOST ? most : ROWS_MOST;
    return n < rows ? n : rows;
}

size_t palt__scale_row(size_t i, size_t seen, size_t n)
{
    if (seen == n) return i;
    if (n <= PALT__LISTED_MOST) return (size_t)((double)i * ((double)n / (double)seen));
    const size_t runs = (seen + RUN - 1) / RUN;
    return (size_t)((double)(i / RUN) * ((double)n / (double)runs)) + i % RUN;
}

/* The known numbers of `some` columns of the rows, from `column` on; or those of all as one column, if wide > 1. */
static void gather(const pal_tensor *values, const uint32_t *rows, size_t n, int64_t column, size_t some, size_t wide,
                   double *room, numbers *out)
{
    const size_t d = (size_t)columns_of(values), seen = palt__scale_rows(n, d, wide > 1);
    for (size_t j = 0; j < some; j++) out[j] = (numbers){room + j * seen, 0};
    for (size_t i = 0; i < seen; i++) {
        const size_t at = rows[palt__scale_row(i, seen, n)] * d + (size_t)column;
        for (size_t j = 0; j < some * wide; j++) {
            const double x = pal_tensor_get(values, at + j);
            numbers *a = &out[wide > 1 ? 0 : j];
            if (isfinite(x)) a->x[a->n++] = x;
        }
    }
}

static bool all_equal(numbers a)
{
    size_t i = 1;
    while (i < a.n && !(a.x[i] < a.x[0]) && !(a.x[i] > a.x[0])) i++;
    return i >= a.n;
}

bool palt__scale_cuts(const char *output)
{
    return output && (!strcmp(output, "bernoulli") || !strcmp(output, "categorical"));
}

const char *palt__scale_default(const palt__raw *raw, const char *output)
{
    const pal_tensor *v = raw->values;
    const int64_t d = columns_of(v);
    if (v->dtype == PAL_U8 || (!raw->schema && v->shape.rank != 2)) return "none";
    bool unit = true;
    const size_t n = (size_t)v->shape.dim[0], seen = palt__scale_rows(n, (size_t)d, false);
    for (size_t i = 0; i < seen && unit; i++) {
        const size_t at = palt__scale_row(i, seen, n) * (size_t)d;
        for (int64_t j = 0; j < d && unit; j++) {
            if (raw->schema && raw->schema->columns[j].kind != PAL_COLUMN_NUMBER) continue;
            const double x = pal_tensor_get(v, at + (size_t)j);
            unit = !(x < 0) && !(x > 1);
        }
    }
    if (unit) return "none";
    return palt__scale_cuts(output) ? "minmax" : "standard";
}

/* ---- Learning --------------------------------------------------------------------------------------------------- */

/* The levels of a category that occur in the rows; cells with others become NAN. levels: room. */
static void learn_levels(palt__raw *raw, const uint32_t *rows, size_t n, int64_t j, pal_column *c, const char **levels,
                         int64_t *dropped)
{
    const size_t d = (size_t)columns_of(raw->values), all = (size_t)raw->values->shape.dim[0];
    double *x = raw->values->data, *to = calloc((size_t)c->n_levels, sizeof *to);
    int64_t kept = 0;
    if (!to) return; /* all levels stay, which is right as well */
    for (size_t i = 0; i < n; i++) {
        const double level = x[rows[i] * d + (size_t)j];
        if (!isnan(level)) to[(size_t)level] = 1;
    }
    for (int64_t k = 0; k < c->n_levels; k++) {
        const bool occurs = to[k] > 0;
        to[k] = occurs ? (double)kept : (double)NAN;
        if (occurs) levels[kept++] = c->levels[k];
    }
    if (kept) { /* a column without a known cell keeps its levels */
        for (size_t i = 0; i < all; i++) {
            double *cell = &x[i * d + (size_t)j];
            if (!isnan(*cell)) *cell = to[(size_t)*cell];
        }
        *dropped += c->n_levels - kept;
        c->levels = levels;
        c->n_levels = kept;
    }
    free(to);
}

static pal_status check_numbers(numbers a, const pal_column *c, int64_t j, const char *path, pal_error *err)
{
    for (size_t i = 0; i < a.n; i++) /* what no float32 holds, no scaling should hide */
        if (fabs(a.x[i]) > 1e300)
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: column %lld%s%s has the value %g: divide it",
                                 palt__shown_path(path), (long long)j + 1, c->name ? ", " : "", c->name ? c->name : "",
                                 a.x[i]);
    return PAL_OK;
}

pal_status palt__scale_learn(palt__raw *raw, const char *scaling, bool cut, const uint32_t *rows, size_t n,
                             const char *path, pal_note *note, pal_error *err)
{
    const pal_tensor *v = raw->values;
    const int64_t d = columns_of(v), wide = raw->schema || v->shape.rank == 2 ? 1 : d;
    size_t s = 0, n_levels = 0;
    while (s < sizeof scalings / sizeof *scalings && strcmp(scalings[s].name, scaling) != 0) s++;
    if (s == sizeof scalings / sizeof *scalings)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "scale %.40s: choose none, standard, minmax or robust", scaling);
    if (!raw->schema && s == 0) return PAL_OK;
    const size_t seen = palt__scale_rows(n, (size_t)d, wide > 1);
    const size_t at_once = wide > 1 ? 1 : ROOM / (seen + 1) > 1 ? ROOM / (seen + 1) : 1;
    const size_t together = at_once < (size_t)d ? at_once : (size_t)d;
    for (int64_t j = 0; raw->schema && j < d; j++) n_levels += (size_t)raw->schema->columns[j].n_levels;
    pal_column *columns = calloc((size_t)d, sizeof *columns);
    double *room = malloc((seen * (size_t)wide * together + 1) * sizeof *room);
    numbers *of = calloc(together, sizeof *of);
    const char **levels = malloc((n_levels + 1) * sizeof *levels), **next = levels;
    pal_status status = columns && room && of && levels ? PAL_OK : PAL_ERR_MEMORY;
    int64_t constant = 0, dropped = 0;
    for (int64_t j = 0; j < d && !status; j++) {
        pal_column *c = &columns[j];
        *c = raw->schema ? raw->schema->columns[j] : (pal_column){.kind = PAL_COLUMN_NUMBER, .scale = 1};
        if (c->kind == PAL_COLUMN_CATEGORY) learn_levels(raw, rows, n, j, c, next, &dropped);
        next += raw->schema ? raw->schema->columns[j].n_levels : 0;
        if (wide == 1 && (size_t)j % together == 0) {
            const size_t left = (size_t)(d - j);
            gather(v, rows, n, j, left < together ? left : together, 1, room, of);
        }
        if (c->kind != PAL_COLUMN_NUMBER) continue;
        if (wide > 1 && j) {
            c->offset = columns[0].offset;
            c->scale = columns[0].scale;
            c->cut = columns[0].cut;
            continue;
        }
        if (wide > 1) gather(v, rows, n, 0, 1, (size_t)wide, room, of);
        const numbers a = of[wide > 1 ? 0 : (size_t)j % together];
        status = check_numbers(a, c, j, path, err);
        if (!a.n || status) continue;
        scalings[s].learn(a, &c->offset, &c->scale);
        if (s && all_equal(a)) { /* a rounded mean would leave a deviation that is not quite 0 */
            c->offset = a.x[0];
            c->scale = 0;
        }
        c->cut = cut && !strcmp(scaling, "minmax");
        if (c->scale > 0 && isfinite(c->scale)) continue;
        c->scale = 1;
        constant++;
    }
    pal_schema *learnt = NULL;
    if (!status) {
        pal_schema all = raw->schema ? *raw->schema
                                     : (pal_schema){.classes = (const char *const *)raw->classes,
                                                    .n_classes = (int64_t)raw->n_classes};
        all.columns = columns;
        all.n_columns = d;
        all.scaling = scalings[s].name;
        learnt = pal_schema_new(&all, err);
        status = learnt ? PAL_OK : err->status;
    } else if (status == PAL_ERR_MEMORY) {
        pal_error_set(err, status, "%s: no memory to learn its scaling", palt__shown_path(path));
    }
    if (learnt) {
        pal_schema_free(raw->schema);
        raw->schema = learnt;
        if (constant)
            palt__note_add(note, "%lld column%s of equal numbers", (long long)constant, constant == 1 ? "" : "s");
        if (dropped)
            palt__note_add(note, "%lld level%s only outside the training samples, read as missing", (long long)dropped,
                           dropped == 1 ? "" : "s");
    }
    free(levels);
    free(of);
    free(room);
    free(columns);
    return status;
}
