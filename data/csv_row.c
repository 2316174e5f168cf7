/* csv_row.c - reads one row of numbers. */
#include "data/csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pal_status append(palt__csv_reading *r, float value)
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

/* Refuses a row with another number of fields than the first line. Below a header, that may be wrong as well. */
static pal_status refuse_count(const palt__csv_reading *r, palt__csv_line line)
{
    const bool commas = r->layout.style.separator == ',';
    const int64_t found = palt__csv_count(r->layout.style, line), expected = r->layout.columns - r->layout.fewer;
    return pal_error_set(
        r->err, PAL_ERR_FORMAT, "%s: line %lld has %lld columns%s%s, expected %lld as in line %lld: %s%s",
        palt__shown_path(r->source.path), (long long)line.number, (long long)found, commas ? "" : " between ",
        commas ? "" : palt__csv_separator(r->layout.style), (long long)expected, (long long)r->first.number,
        r->layout.header && !r->rows ? "give each column one name there, or " : "",
        found < expected ? "fill in what is missing, or remove the row"
        : commas         ? "remove what is too much, such as a comma inside a number (write 1.5, not 1,5)"
                         : "remove what is too much");
}

/* Column 1 is checked: whether it counts, 0, 1, 2, ... or from any other number. An index must; it is not appended. */
static pal_status take_first(palt__csv_reading *r, palt__csv_line line, double value)
{
    const bool counts = r->rows ? value == r->last + 1 : value == floor(value) && value >= 0;
    const double last = r->last;
    char after[64] = "";
    r->last = value;
    r->counting = counts && !r->layout.index && (r->counting || !r->rows);
    if (!r->layout.index) return append(r, (float)value);
    if (counts) return PAL_OK;
    if (r->rows) snprintf(after, sizeof after, " follows %.10g", last);
    return pal_error_set(
        r->err, PAL_ERR_FORMAT,
        "%s: line %lld, column 1: %.10g%s in a column without a name in line %lld: name the column if it "
        "is a feature, remove it if it is an index",
        palt__shown_path(r->source.path), (long long)line.number, value, after, (long long)r->first.number);
}

/* Where semicolons separate, numbers may have decimal commas. All must then have them. */
static pal_status find_point(palt__csv_reading *r, palt__csv_line line)
{
    const size_t size = (size_t)(line.end - line.text);
    const bool comma = memchr(line.text, ',', size) != NULL, point = memchr(line.text, '.', size) != NULL;
    if (!comma && !point) return PAL_OK;
    if (!r->point) {
        r->point = comma ? ',' : '.';
        r->point_line = line.number;
    }
    const char other = r->point == ',' ? '.' : ',';
    if (!(other == ',' ? comma : point)) return PAL_OK;
    palt__csv_field field;
    int64_t column = 0;
    for (const char *at = line.text; palt__csv_take(r->layout.style, &at, line.end, &field);) {
        double value;
        column++;
        if (palt__csv_value(field, r->point, r->plain, &value)) continue;
        if (!palt__csv_value(field, other, r->plain, &value)) break; /* refused when the row is read */
        char shown[PALT__SHOWN_SIZE];
        return pal_error_set(r->err, PAL_ERR_FORMAT,
                             "%s: line %lld, column %lld: \"%s\" has a decimal %s, but line %lld has decimal %s: write "
                             "all numbers alike",
                             palt__shown_path(r->source.path), (long long)line.number, (long long)column,
                             palt__shown_text(field.begin, (size_t)(field.end - field.begin), shown),
                             other == ',' ? "comma" : "point", (long long)r->point_line,
                             r->point == ',' ? "commas" : "points");
    }
    return PAL_OK;
}

/* Whether a line has as many fields as it should. */
static bool matches(const palt__csv_reading *r, palt__csv_line line)
{
    const int64_t count = palt__csv_count(r->layout.style, line);
    return count == r->layout.columns || (r->layout.trailing && count == r->layout.columns + 1);
}

/* Whether a line has anything that looks like a number. */
static bool has_numbers(const palt__csv_reading *r, palt__csv_line line)
{
    palt__csv_field field;
    bool some = false;
    for (const char *at = line.text; !some && palt__csv_take(r->layout.style, &at, line.end, &field);) {
        const palt__csv_kind kind = palt__csv_classify(field, r->plain);
        some = kind < PALT__EMPTY || (kind > PALT__INFINITE && kind < PALT__TEXT);
    }
    return some;
}

/* Reads a field that is not a plain number: one in quotes. Everything else is refused. */
static pal_status read_field(const palt__csv_reading *r, palt__csv_line line, int64_t column, const char **at,
                             double *value)
{
    palt__csv_field field;
    if (column > r->layout.columns) return refuse_count(r, line);
    const char *next = *at;
    palt__csv_take(r->layout.style, &next, line.end, &field);
    *at = next ? next - 1 : line.end;
    if (field.quoted && palt__csv_value(field, r->point ? r->point : '.', r->plain, value)) return PAL_OK;
    palt__csv_kind kind = palt__csv_classify(field, r->plain);
    const char *more = "";
    if (kind == PALT__TEXT) {
        const bool words = !has_numbers(r, line);
        if (!matches(r, line) && (!words || (r->layout.header && !r->rows))) return refuse_count(r, line);
        if (words) kind = PALT__WORDS;
    }
    if (line.number == r->first.number && (kind == PALT__EMPTY || (kind >= PALT__TRUTH && kind <= PALT__ODD)))
        more = "; if this line names the columns, begin each name with a letter";
    return palt__csv_refuse(r->source.path, line.number, column, field, kind, more, r->err);
}

/* Counts the whole numbers that are beyond 2^24 and not one of those that float32 holds. */
static void count_rounded(palt__csv_reading *r, palt__csv_line line, double value)
{
    if (fabs(value) <= 0x1p24 || value != floor(value) || (double)(float)value == value || fabs(value) >= 0x1p63)
        return;
    if (r->rounded++) return;
    snprintf(r->large, sizeof r->large, "%.17g", value);
    r->large_line = line.number;
}

pal_status palt__csv_row(palt__csv_reading *r, palt__csv_line line)
{
    palt__csv_weigh(&r->doubt, &r->layout, line);
    const palt__csv_style style = r->layout.style;
    const char *at = line.text;
    if (style.separator == ';') {
        const pal_status status = find_point(r, line);
        if (status != PAL_OK) return status;
    }
    const char point = r->point ? r->point : '.';
    for (int64_t column = 1;; column++) {
        double value = 0;
        pal_status status = PAL_OK;
        const char *field = palt__csv_skip(style, at);
        at = palt__number_parse(field, point, r->plain, &value);
        if (at) at = palt__csv_end(style, at, line.end);
        if (!at) {
            at = field;
            status = read_field(r, line, column, &at, &value);
            if (status != PAL_OK) return status;
        }
        if (!isfinite((float)value)) {
            palt__csv_field whole;
            palt__csv_take(style, &field, line.end, &whole);
            return palt__csv_refuse(r->source.path, line.number, column, whole, PALT__RANGE, "", r->err);
        }
        if (column > 1 || !r->layout.index) count_rounded(r, line, value);
        status = column == 1 ? take_first(r, line, value) : append(r, (float)value);
        if (status != PAL_OK) return status;
        const bool last = column == r->layout.columns;
        if (at < line.end && !(last && r->layout.trailing && palt__csv_skip(style, at + 1) == line.end)) {
            at++;
            continue;
        }
        if (!last) return refuse_count(r, line);
        r->rows++;
        return PAL_OK;
    }
}
