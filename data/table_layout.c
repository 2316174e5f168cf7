/* table_layout.c - what the first rows of a text table say of it: which separator, how many columns, and whether the
 * first line names them (table_header.c).
 *
 * The separator is the one with which all rows have the same number of columns, more than one; then the one that makes
 * the most numbers. Commas are tried after the others, since only a comma may also be a part of a number: of 1,5;2,5.
 * Blanks are last where there are no numbers, since texts contain blanks. */
#include <string.h>

#include "data/table_parts.h"

/* ---- The first rows -----------------------------------------------------------------------------------------------
 */

/* Whether the quote that is open at the end of a text closes in `part`; two quotes in a row do not close it. */
static bool closes(const char *part, const char *end)
{
    bool odd = false;
    while (part < end && (part = memchr(part, '"', (size_t)(end - part)))) odd = !odd, part++;
    return odd;
}

/* Extends a line until its open quote closes. *open: the file ends before. */
static pal_status extend(palt__lines *lines, palt__csv_line *line, bool *open, pal_error *err)
{
    const size_t skipped = (size_t)(line->text - (lines->buffer + lines->begin)); /* a byte order mark */
    size_t length = (size_t)(line->end - line->text) + skipped;
    for (;;) {
        const size_t before = length;
        bool grew;
        char *text;
        const pal_status status = palt__lines_more(lines, &text, &length, &grew, err);
        if (status == PAL_ERR_FORMAT && lines->end == lines->capacity) /* no line is so long */
            return pal_error_set(err, status, "%s: line %lld opens a quote that does not close: remove the quote",
                                 palt__shown_path(lines->source->path), (long long)line->number);
        if (status != PAL_OK) return status;
        line->text = text + skipped;
        line->end = text + length;
        *open = !grew;
        if (!grew || closes(text + before, line->end)) return PAL_OK;
    }
}

pal_status palt__table_field(palt__lines *lines, palt__csv_line *line, palt__csv_style style, const char **at,
                             palt__csv_field *field, bool *more, pal_error *err)
{
    const size_t from = *at ? (size_t)(*at - line->text) : 0;
    *more = palt__csv_take(style, at, line->end, field);
    if (!*more || !field->open) return PAL_OK;
    bool open;
    const pal_status status = extend(lines, line, &open, err);
    if (status != PAL_OK) return status;
    *at = line->text + from;
    palt__csv_take(style, at, line->end, field);
    return PAL_OK;
}

/* Extends a line by the lines that its quotes contain. open: the sample ends in quotes. */
static bool complete(palt__lines *lines, palt__csv_line *line, palt__csv_style style)
{
    palt__csv_field field = {0};
    bool more = true, open = false;
    for (const char *at = line->text; more; open |= field.open)
        if (palt__table_field(lines, line, style, &at, &field, &more, NULL) != PAL_OK) return false;
    return !open;
}

size_t palt__sample_read(const palt__sample *sample, palt__csv_style style, palt__csv_line records[PALT__SAMPLE_ROWS],
                         char *separator)
{
    size_t n = 0;
    memcpy(sample->copy, sample->text, sample->size + 1);
    palt__lines lines = palt__lines_of(sample->copy, sample->size);
    while (n < PALT__SAMPLE_ROWS) {
        char *text;
        size_t length;
        int64_t comments = 0;
        if (palt__lines_next(&lines, &text, &length, NULL) != PAL_OK || !text) break;
        palt__csv_line line = {text, text + length, lines.number};
        if (palt__csv_is_empty(line, style.separator)) continue;
        if (!n && palt__csv_is_lead(line, separator, &comments)) continue;
        if (!complete(&lines, &line, style) && !sample->whole) break;
        records[n++] = line;
    }
    return n;
}

/* ---- The separator --------------------------------------------------------------------------------------------------
 */

/* A comma that does not separate may be decimal, if digits surround it. */
static bool may_be_number(const palt__sample *sample, palt__csv_style style, palt__csv_field field)
{
    double value;
    if (palt__csv_value(field, '.', sample->plain, &value)) return true;
    return style.separator != ',' && palt__csv_value(field, ',', sample->plain, &value) && *field.begin != ',' &&
           field.end[-1] != ',';
}

static const struct {
    const char *name;
    palt__csv_style style;
} styles[] = {{"semicolon", {';', '\t'}},
              {"tab", {'\t', ' '}},
              {"bar", {'|', '\t'}},
              {"blank", {' ', '\t'}},
              {"comma", {',', '\t'}}};
enum { STYLES = sizeof styles / sizeof *styles, BLANK = 3, COMMA = 4 };

typedef struct merit {
    int even;        /* 2: all rows have the same number of columns; 1: the first line has another; 0: not even that */
    int64_t numbers; /* in all rows */
    bool absent;     /* there is only one column */
} merit;

/* Whether a line is the name of one column, such as "channel 1", and not several fields. */
static bool is_text(const palt__sample *sample, palt__csv_line line)
{
    return palt__csv_classify((palt__csv_field){.begin = line.text, .end = line.end}, sample->plain) == PALT__TEXT;
}

static merit weigh(const palt__sample *sample, palt__csv_style style, const palt__csv_line *records, size_t n)
{
    const int64_t first = palt__csv_count(style, records[0]),
                  usual = n > 1 ? palt__csv_count(style, records[1]) : first;
    int64_t numbers = 0, first_numbers = 0;
    size_t same = 0;
    for (size_t i = 0; i < n; i++) {
        palt__csv_field field;
        int64_t count = 0;
        for (const char *at = records[i].text; palt__csv_take(style, &at, records[i].end, &field); count++)
            numbers += may_be_number(sample, style, field);
        same += i > 0 && count == usual;
        if (!i) first_numbers = numbers;
    }
    const bool text = is_text(sample, records[0]);
    const bool rows = 10 * (same + 1) >= 9 * n; /* a row or two may be wrong */
    const int even = !rows ? 0 : first == usual ? 2 : 1;
    return (merit){even, numbers, usual == 1 && (first == 1 || !first_numbers || text)};
}

static palt__csv_style find_style(const palt__sample *sample, palt__csv_line *records)
{
    merit best = {0};
    size_t chosen = STYLES;
    for (size_t i = 0; i < STYLES; i++) {
        char separator = 0;
        const size_t n = palt__sample_read(sample, styles[i].style, records, &separator);
        for (size_t k = 0; k < STYLES; k++)
            if (separator && styles[k].style.separator == separator) return styles[k].style;
        if (!n) break;
        const merit m = weigh(sample, styles[i].style, records, n);
        if (m.absent) continue;
        const bool weak = chosen == BLANK && !best.numbers && !m.numbers;
        if (chosen < STYLES && (m.even != best.even ? m.even < best.even : m.numbers <= best.numbers && !weak))
            continue;
        best = m;
        chosen = i;
    }
    return styles[chosen < STYLES ? chosen : COMMA].style;
}

/* ---- The columns ----------------------------------------------------------------------------------------------------
 */

static bool ends_empty(palt__csv_style style, palt__csv_line line)
{
    const int64_t n = palt__csv_count(style, line);
    palt__csv_field field;
    return n > 1 && palt__csv_nth(style, line, n, &field) && field.begin == field.end && !field.quoted;
}

/* A header may lack the name of the index, as R writes it. If commas separate, the additional field may also come from
 * a comma inside a number, so the index must then be in quotes. */
static bool lacks_name(palt__csv_style style, palt__csv_line row)
{
    palt__csv_field field;
    palt__csv_nth(style, row, 1, &field);
    return style.separator != ',' || field.quoted;
}

static void find_columns(const palt__csv_line *records, size_t n, palt__table_layout *out)
{
    const palt__csv_style style = out->style;
    const int64_t first = palt__csv_count(style, records[0]),
                  second = n > 1 ? palt__csv_count(style, records[1]) : first;
    const bool first_ends = ends_empty(style, records[0]);
    bool all_end = n > 1 || first_ends, alike = true;
    for (size_t i = 1; i < n; i++) {
        all_end = all_end && ends_empty(style, records[i]);
        alike = alike && palt__csv_count(style, records[i]) == second;
    }
    out->trailing = all_end && (second == first + 1 || (second == first && first_ends));
    const int64_t names = first - (out->trailing && second == first);
    out->fewer = n > 1 && alike && !out->trailing && second == first + 1 && lacks_name(style, records[1]) &&
                 (!out->told || out->header);
    out->columns = names + out->fewer;
}

pal_status palt__table_find_layout(const palt__sample *sample, palt__table_layout *out)
{
    const char *header = palt__data_option(sample->options, "header"),
               *separator = palt__data_option(sample->options, "separator");
    palt__csv_line records[PALT__SAMPLE_ROWS];
    char stated = 0;
    *out = (palt__table_layout){.told = header != NULL, .header = header && !strcmp(header, "yes")};
    out->style = styles[COMMA].style;
    for (size_t i = 0; separator && i < STYLES; i++)
        if (!strcmp(separator, styles[i].name)) out->style = styles[i].style;
    if (!separator) out->style = find_style(sample, records);
    const size_t n = palt__sample_read(sample, out->style, records, &stated);
    if (!n)
        return pal_error_set(sample->err, PAL_ERR_FORMAT, "%s: has no rows, expected at least one line with cells",
                             palt__shown_path(sample->path));
    find_columns(records, n, out);
    return out->told ? PAL_OK : palt__table_find_header(sample, records, n, out);
}
