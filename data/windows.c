/* windows.c - rows as a series: each sample becomes so many consecutive rows.
 *
 * Windows beside each other in a mapped file stay in the file. Windows that overlap are copied. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct plan {
    int64_t rows, window, stride, count; /* count: windows */
    int64_t features;                    /* of a row */
} plan;

static pal_status read_number(const char *name, const char *text, int64_t *out, pal_error *err)
{
    char *end = NULL;
    const long long n = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
    *out = n;
    if (end && !*end && n >= 1 && n < 1LL << 40) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "--%s %s: expected a number of rows from 1 on", name, text);
}

static pal_status make_plan(const palt__raw *raw, const pal_data_options *options, plan *p, pal_error *err)
{
    const char *window = palt__data_option(options, "window"), *stride = palt__data_option(options, "window-stride");
    const pal_shape shape = raw->values->shape;
    *p = (plan){0};
    if (!window && stride) return pal_error_set(err, PAL_ERR_ARGUMENT, "--window-stride %s needs --window N", stride);
    if (!window) return PAL_OK;
    pal_status status = read_number("window", window, &p->window, err);
    p->stride = p->window;
    if (status == PAL_OK && stride) status = read_number("window-stride", stride, &p->stride, err);
    if (status != PAL_OK) return status;
    p->rows = shape.dim[0];
    if (p->window > p->rows)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "--window %s: there are only %lld rows, expected at most that many",
                             window, (long long)p->rows);
    if (shape.rank + 1 > PAL_MAX_RANK)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "--window %s: the array has %d axes, expected at most %d", window,
                             (int)shape.rank, PAL_MAX_RANK - 1);
    p->count = (p->rows - p->window) / p->stride + 1;
    p->features = pal_shape_count(shape) / p->rows;
    return PAL_OK;
}

static pal_shape shape_of(const palt__raw *raw, const plan *p)
{
    pal_shape shape = raw->values->shape, out = PAL_SHAPE(p->count, p->window);
    if (p->features == 1) return out;
    for (int32_t axis = 1; axis < shape.rank; axis++) out.dim[out.rank++] = shape.dim[axis];
    return out;
}

static pal_status no_memory(pal_error *err)
{
    return pal_error_set(err, PAL_ERR_MEMORY,
                         "no memory for the windows: give a larger --window-stride, or fewer rows");
}

/* ---- The parts of the samples ----------------------------------------------------------------------------------- */

static pal_status make_values(const palt__raw *raw, const plan *p, pal_tensor **out, pal_error *err)
{
    const pal_tensor *from = raw->values;
    const pal_shape shape = shape_of(raw, p);
    const size_t row = pal_tensor_bytes(from) / (size_t)p->rows, window = (size_t)p->window * row;
    if (raw->map && p->stride == p->window) {
        *out = pal_tensor_wrap(from->context, from->dtype, shape, from->data);
        return *out ? PAL_OK : no_memory(err);
    }
    const double bytes = (double)p->count * (double)window;
    if (bytes > (double)pal_context_room(from->context))
        return pal_error_set(
            err, PAL_ERR_MEMORY,
            "%lld windows of %lld rows need about %.1f GB of memory, which is more than there is: give a "
            "larger --window-stride, or fewer rows",
            (long long)p->count, (long long)p->window, bytes / 0x1p30);
    *out = pal_tensor_new(from->context, from->dtype, shape);
    if (!*out) return no_memory(err);
    for (size_t i = 0; i < (size_t)p->count; i++)
        memcpy((char *)(*out)->data + i * window, (const char *)from->data + i * (size_t)p->stride * row, window);
    return PAL_OK;
}

static size_t last_row(const plan *p, size_t i) { return i * (size_t)p->stride + (size_t)p->window - 1; }

static pal_status make_labels(const palt__raw *raw, const plan *p, pal_tensor **out, pal_error *err)
{
    if (!raw->labels) return PAL_OK;
    *out = pal_tensor_new(raw->labels->context, PAL_U8, PAL_SHAPE(p->count));
    if (!*out) return no_memory(err);
    for (size_t i = 0; i < (size_t)p->count; i++)
        ((uint8_t *)(*out)->data)[i] = ((const uint8_t *)raw->labels->data)[last_row(p, i)];
    return PAL_OK;
}

/* The columns of a row, once for each row of a window. */
static pal_status make_schema(const palt__raw *raw, const plan *p, pal_schema **out, pal_error *err)
{
    enum { MOST_COLUMNS = 1 << 20 };
    const pal_schema *from = raw->schema;
    char name[300];
    if (!from) return PAL_OK;
    for (int64_t i = 0; i < from->n_columns; i++)
        if (from->columns[i].kind == PAL_COLUMN_CATEGORY)
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "--window: %s is a category, and a series is of numbers: give --ignore %s",
                                 pal_schema_name(from, i, name, sizeof name), name);
    if (p->window > MOST_COLUMNS / from->n_columns)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "--window %lld: %lld rows of %lld columns, expected at most %d numbers",
                             (long long)p->window, (long long)p->window, (long long)from->n_columns, MOST_COLUMNS);
    const size_t n = (size_t)(p->window * from->n_columns);
    pal_column *columns = calloc(n, sizeof *columns);
    char **names = calloc(n, sizeof *names);
    bool good = columns && names;
    for (size_t i = 0; good && i < n; i++) {
        columns[i] = from->columns[i % (size_t)from->n_columns];
        if (!columns[i].name) continue;
        good = asprintf(&names[i], "%s[%zu]", columns[i].name, i / (size_t)from->n_columns + 1) >= 0;
        if (!good) names[i] = NULL;
        columns[i].name = names[i];
    }
    if (good) {
        pal_schema whole = *from;
        whole.columns = columns;
        whole.n_columns = (int64_t)n;
        *out = pal_schema_new(&whole, err);
    }
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
    free(columns);
    return *out ? PAL_OK : good ? PAL_ERR_ARGUMENT : no_memory(err);
}

/* Keeps the names of the last rows. */
static void move_ids(palt__raw *raw, const plan *p)
{
    if (!raw->ids) return;
    size_t kept = 0;
    for (size_t row = 0; row < (size_t)p->rows; row++) {
        if (kept < (size_t)p->count && row == last_row(p, kept))
            raw->ids[kept++] = raw->ids[row];
        else
            free(raw->ids[row]);
        if (kept <= row) raw->ids[row] = NULL;
    }
}

pal_status palt__raw_windows(palt__raw *raw, const pal_data_options *options, pal_note *note, pal_error *err)
{
    plan p;
    pal_tensor *values = NULL, *labels = NULL;
    pal_schema *schema = NULL;
    pal_status status = make_plan(raw, options, &p, err);
    if (status != PAL_OK || !p.window) return status;
    status = make_schema(raw, &p, &schema, err);
    if (status == PAL_OK) status = make_values(raw, &p, &values, err);
    if (status == PAL_OK) status = make_labels(raw, &p, &labels, err);
    if (status != PAL_OK) {
        pal_schema_free(schema);
        pal_tensor_free(values);
        pal_tensor_free(labels);
        return status;
    }
    const int64_t used = (p.count - 1) * p.stride + p.window;
    palt__note_add(note, "%lld windows of %lld rows, each %lld rows after the one before", (long long)p.count,
                   (long long)p.window, (long long)p.stride);
    if (p.rows > used) palt__note_add(note, "the last %lld rows are left out", (long long)(p.rows - used));
    if (labels) palt__note_add(note, "a window has the label of its last row");
    move_ids(raw, &p);
    pal_schema_free(raw->schema);
    pal_tensor_free(raw->labels);
    pal_tensor_free(raw->values);
    raw->schema = schema;
    raw->labels = labels;
    raw->values = values;
    if (raw->map && values->owned) {
        munmap(raw->map, raw->map_bytes);
        raw->map = NULL;
        raw->map_bytes = 0;
    }
    return PAL_OK;
}
