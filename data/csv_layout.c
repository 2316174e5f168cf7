/* csv_layout.c - what the first two lines of a text table say about it: which separator, and whether line 1 is a
 * header.
 *
 * Line 1 is a header if none of its fields is a number and at least one is a name (text with a letter). It is a sample
 * if none of its fields is a name; what is missing or odd among its numbers is refused as in any other line. A line
 * with names and numbers is refused. A header of numbers is known only above an index: if its first field is empty and
 * the column below it counts. */
#include "data/csv.h"

#include <math.h>
#include <string.h>

typedef struct finder { /* what the functions here share */
    palt__csv_line first, second;
    palt__csv_layout *out;
    const char *path;
    locale_t plain;
    pal_error *err;
} finder;

/* ---- The separator ---------------------------------------------------------------------------------------------- */

/* A comma that does not separate may be decimal, if digits surround it. */
static bool may_be_number(const finder *f, palt__csv_style style, palt__csv_field field)
{
    double value;
    if (palt__csv_value(field, '.', f->plain, &value)) return true;
    return style.separator != ',' && palt__csv_value(field, ',', f->plain, &value) && *field.begin != ',' &&
           field.end[-1] != ',';
}

/* How many fields of a line are numbers if this separates them. */
static int64_t count_numbers(const finder *f, palt__csv_style style, palt__csv_line line)
{
    palt__csv_field field;
    int64_t numbers = 0;
    for (const char *at = line.text; palt__csv_take(style, &at, line.end, &field);)
        numbers += may_be_number(f, style, field);
    return numbers;
}

/* Whether line 1 is the name of one column, such as "channel 1", and not several fields. */
static bool one_column(const finder *f)
{
    const palt__csv_field whole = {.begin = f->first.text, .end = f->first.end};
    return palt__csv_classify(whole, f->plain) == PALT__TEXT;
}

/* The separator that makes as many fields of the first line as of the second, and then the most numbers of both. It
 * must occur in the second line, or between numbers of the first. A comma is last, because only a comma may also be a
 * part of a number: of 1,5;2,5 or 1,5 2,5. */
static palt__csv_style find_style(const finder *f)
{
    static const palt__csv_style styles[] = {{';', '\t'}, {'\t', ' '}, {'|', '\t'}, {' ', '\t'}, {',', '\t'}};
    enum { STYLES = sizeof styles / sizeof *styles };
    const bool two = f->second.text != NULL;
    palt__csv_style best = styles[STYLES - 1];
    int64_t most = 0;
    bool even = false;
    for (size_t i = 0; i < STYLES; i++) {
        const int64_t first = palt__csv_count(styles[i], f->first),
                      second = two ? palt__csv_count(styles[i], f->second) : first,
                      above = count_numbers(f, styles[i], f->first),
                      below = two ? count_numbers(f, styles[i], f->second) : 0;
        const bool same = first == second, more = above + below > most;
        const bool absent = second == 1 && (first == 1 || !above);
        if ((absent && !(i == STYLES - 1 && one_column(f))) || above + below == 0) continue;
        if (even ? !same || !more : !same && !more) continue;
        best = styles[i];
        most = above + below;
        even = same;
    }
    return best;
}

/* ---- The header ------------------------------------------------------------------------------------------------- */

static bool is_nameless(palt__csv_field field)
{
    static const char by_pandas[] = "Unnamed: 0"; /* a table that was read with its index and written again */
    const size_t size = (size_t)(field.end - field.begin);
    return !size || (size >= strlen(by_pandas) && !memcmp(field.begin, by_pandas, strlen(by_pandas)));
}

static bool is_whole(const finder *f, palt__csv_line line, int64_t column, double *value)
{
    palt__csv_field field;
    return line.text && palt__csv_nth(f->out->style, line, column, &field) &&
           palt__csv_value(field, '.', f->plain, value) && *value == floor(*value) && *value >= 0;
}

/* A header with numbers among its names: the first field is empty, the others are no fractions, and the column below
 * the empty field begins like an index: with 0, or with a number in quotes, or with any number below the names 0, 1, 2,
 * ... Then that column must count. */
static bool names_index(const finder *f)
{
    palt__csv_field field;
    double value, start;
    int64_t n = 0;
    bool counts = true; /* 0, 1, 2, ... */
    for (const char *at = f->first.text; palt__csv_take(f->out->style, &at, f->first.end, &field); n++) {
        const bool number = palt__csv_value(field, '.', f->plain, &value);
        if (n == 0 ? !is_nameless(field) : number && value != floor(value)) return false;
        counts &= n == 0 || (number && value == (double)(n - 1));
    }
    if (n < 2 || !is_whole(f, f->second, 1, &start)) return false;
    palt__csv_nth(f->out->style, f->second, 1, &field);
    return counts || start == 0 || field.quoted;
}

/* Refuses a first line with the name in column `name` and the number in column `number`. */
static pal_status refuse_mixed(const finder *f, int64_t name, int64_t number)
{
    palt__csv_field a, b;
    char shown_a[PALT__SHOWN_SIZE], shown_b[PALT__SHOWN_SIZE];
    if (f->second.text && palt__csv_nth(f->out->style, f->second, name, &a) &&
        palt__csv_classify(a, f->plain) == PALT__TEXT)
        return palt__csv_refuse(f->path, f->second.number, name, a, PALT__TEXT, "", f->err);
    palt__csv_nth(f->out->style, f->first, name, &a);
    palt__csv_nth(f->out->style, f->first, number, &b);
    return pal_error_set(
        f->err, PAL_ERR_FORMAT,
        "%s: line %lld, column %lld: the text \"%s\", but column %lld has the number \"%s\": if the line "
        "names the columns, begin each name with a letter; if it is a sample, write a number for the text",
        palt__shown_path(f->path), (long long)f->first.number, (long long)name,
        palt__shown_text(a.begin, (size_t)(a.end - a.begin), shown_a), (long long)number,
        palt__shown_text(b.begin, (size_t)(b.end - b.begin), shown_b));
}

static pal_status find_header(const finder *f)
{
    palt__csv_field field;
    int64_t column = 0, name = 0, number = 0;
    f->out->header = names_index(f);
    if (f->out->header) return PAL_OK;
    for (const char *at = f->first.text; palt__csv_take(f->out->style, &at, f->first.end, &field);) {
        const palt__csv_kind kind = palt__csv_classify(field, f->plain);
        column++;
        if (kind == PALT__NUL || kind == PALT__OPEN)
            return palt__csv_refuse(f->path, f->first.number, column, field, kind, "", f->err);
        if (kind == PALT__TEXT && !name) name = column;
        const bool unknown = kind == PALT__EMPTY || kind == PALT__MISSING || kind == PALT__INFINITE;
        if (kind != PALT__TEXT && !unknown && !number) number = column;
    }
    f->out->header = name && !number;
    return name && number ? refuse_mixed(f, name, number) : PAL_OK;
}

/* ---- The columns ------------------------------------------------------------------------------------------------ */

static bool ends_empty(const finder *f, palt__csv_line line)
{
    const int64_t n = palt__csv_count(f->out->style, line);
    palt__csv_field field;
    return n > 1 && palt__csv_nth(f->out->style, line, n, &field) && field.begin == field.end && !field.quoted;
}

/* Without a header: each line may end in a separator. */
static void find_columns(const finder *f)
{
    palt__csv_layout *out = f->out;
    out->trailing = ends_empty(f, f->first) && (!f->second.text || ends_empty(f, f->second));
    out->columns = palt__csv_count(out->style, f->first) - out->trailing;
}

/* A header may lack the name of the index, as R writes it. If commas separate, the additional field may also come from
 * a comma inside a number, so the index must then be in quotes. */
static bool lacks_name(const finder *f, int64_t names)
{
    palt__csv_field field;
    double value;
    if (names != f->out->columns - 1 || !is_whole(f, f->second, 1, &value)) return false;
    palt__csv_nth(f->out->style, f->second, 1, &field);
    return f->out->style.separator != ',' || field.quoted;
}

static pal_status match_columns(const finder *f)
{
    palt__csv_layout *out = f->out;
    palt__csv_field field;
    int64_t names = palt__csv_count(out->style, f->first);
    const bool ends = ends_empty(f, f->first);
    out->columns = names;
    if (f->second.text) {
        const int64_t columns = palt__csv_count(out->style, f->second);
        out->trailing = ends_empty(f, f->second) && (columns == names + 1 || (columns == names && ends));
        out->columns = columns - out->trailing;
        names -= out->trailing && ends && columns == names;
    }
    out->fewer = lacks_name(f, names);
    palt__csv_nth(out->style, f->first, 1, &field);
    out->index = out->fewer || (names == out->columns && is_nameless(field));
    if (!out->fewer) out->columns = names;
    if (out->columns > out->index) return PAL_OK;
    return pal_error_set(f->err, PAL_ERR_FORMAT,
                         "%s: its one column has no name in line %lld, so it is an index: name it if it is a feature",
                         palt__shown_path(f->path), (long long)f->first.number);
}

pal_status palt__csv_find_layout(palt__csv_line first, palt__csv_line second, char separator, const char *path,
                                 locale_t plain, palt__csv_layout *out, pal_error *err)
{
    const finder f = {first, second, out, path, plain, err};
    *out = (palt__csv_layout){.style = {separator, separator == '\t' ? ' ' : '\t'}};
    if (!separator) out->style = find_style(&f);
    const pal_status status = find_header(&f);
    if (status != PAL_OK) return status;
    if (out->header) return match_columns(&f);
    find_columns(&f);
    return PAL_OK;
}
