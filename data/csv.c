/* csv.c - reads comma-separated numbers. */
#include "data/internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading { /* state of reading one file */
    palt__source source;
    palt__lines lines;
    locale_t plain;
    float *values;
    size_t count, capacity;
    int64_t rows, columns; /* columns: those of the first line, header or not; 0 before it is read */
    pal_error *err;
} reading;

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

static pal_status fail_field(const reading *r, int64_t column, const char *at, const char *end, const char *expected)
{
    char shown[PALT__SHOWN_SIZE];
    const char *comma = memchr(at, ',', (size_t)(end - at));
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: line %lld, column %lld: \"%s\", expected %s",
                         palt__shown_path(r->source.path), (long long)r->lines.number, (long long)column,
                         palt__shown_text(at, (size_t)((comma ? comma : end) - at), shown), expected);
}

static pal_status append(reading *r, float value)
{
    if (r->count == r->capacity) {
        const size_t capacity = r->capacity ? r->capacity * 2 : 4096;
        float *values =
            capacity <= SIZE_MAX / 2 / sizeof *values ? realloc(r->values, capacity * sizeof *values) : NULL;
        if (!values)
            return pal_error_set(r->err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(r->source.path));
        r->values = values;
        r->capacity = capacity;
    }
    r->values[r->count++] = value;
    return PAL_OK;
}

/* The first line (header or row) sets the number of columns that every later line must have. */
static pal_status check_columns(reading *r, int64_t columns)
{
    if (r->columns == 0) r->columns = columns;
    if (columns == r->columns) return PAL_OK;
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: line %lld has %lld columns, expected %lld as in line 1",
                         palt__shown_path(r->source.path), (long long)r->lines.number, (long long)columns,
                         (long long)r->columns);
}

static pal_status read_row(reading *r, const char *line, const char *end)
{
    const char *at = line;
    for (int64_t column = 1;; column++) {
        double value = 0;
        const char *field = skip_blanks(at);
        at = palt__number_parse(field, r->plain, &value);
        if (at) at = skip_blanks(at);
        if (!at || (*at != ',' && at != end)) return fail_field(r, column, field, end, "a decimal number");
        if (!isfinite((float)value)) return fail_field(r, column, field, end, "a number in the range of f32");
        const pal_status status = append(r, (float)value);
        if (status != PAL_OK) return status;
        if (at == end) {
            r->rows++;
            return check_columns(r, column);
        }
        at++;
    }
}

/* A line is a header if its first field is not a number. nan and inf are numbers here: such a line is a bad row. */
static bool is_header(const reading *r, const char *line)
{
    char *at;
    line = skip_blanks(line);
    strtod_l(line, &at, r->plain);
    const char *next = skip_blanks(at);
    return at == line || (*next != ',' && *next != '\0');
}

static int64_t count_fields(const char *line, const char *end)
{
    int64_t fields = 1;
    bool quoted = false;
    for (; line < end; line++) {
        if (*line == '"') quoted = !quoted;
        if (*line == ',' && !quoted) fields++;
    }
    return fields;
}

static pal_status read_line(reading *r, const char *line, size_t length)
{
    const char *end = line + length;
    if (r->lines.number == 1) {
        if (length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) line += 3; /* a byte order mark */
        if (line < end && is_header(r, line)) return check_columns(r, count_fields(line, end));
    }
    return read_row(r, line, end);
}

static pal_status read_lines(reading *r)
{
    char *line;
    size_t length;
    int64_t empty = 0; /* number of the first of the last empty lines; accepted only at the end */
    for (;;) {
        pal_status status = palt__lines_next(&r->lines, &line, &length, r->err);
        if (status != PAL_OK) return status;
        if (!line) break;
        if (length == 0) {
            if (!empty) empty = r->lines.number;
            continue;
        }
        if (empty)
            return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: line %lld is empty, expected a row of numbers",
                                 palt__shown_path(r->source.path), (long long)empty);
        status = read_line(r, line, length);
        if (status != PAL_OK) return status;
    }
    if (r->rows > 0) return PAL_OK;
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: has no rows, expected at least one line of numbers",
                         palt__shown_path(r->source.path));
}

static pal_tensor *make_tensor(const reading *r, pal_context *context)
{
    pal_tensor *tensor = pal_tensor_new(context, PAL_F32, PAL_SHAPE(r->rows, r->columns));
    if (tensor) {
        memcpy(tensor->data, r->values, r->count * sizeof *r->values);
    } else {
        pal_error_set(r->err, PAL_ERR_MEMORY, "%s: no memory for its %lld rows", palt__shown_path(r->source.path),
                      (long long)r->rows);
    }
    return tensor;
}

pal_tensor *pal_csv_read(pal_context *context, const char *path, pal_error *err)
{
    reading r = {.err = err, .plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    pal_tensor *tensor = NULL;
    if (!r.plain) {
        pal_error_set(err, PAL_ERR_MEMORY, "no memory to read a file");
        return NULL;
    }
    if (palt__source_open(&r.source, path, err) == PAL_OK) {
        r.lines.source = &r.source;
        if (read_lines(&r) == PAL_OK) tensor = make_tensor(&r, context);
    }
    palt__lines_free(&r.lines);
    palt__source_close(&r.source);
    free(r.values);
    freelocale(r.plain);
    return tensor;
}
