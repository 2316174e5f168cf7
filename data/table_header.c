/* table_header.c - decides whether the first line of a text table names its columns, from the whole line against the
 * columns below it.
 *
 * A text above numbers, dates or truths is a name. A number above numbers, a date above dates, a truth above truths, or
 * a text that occurs again in its column is a cell. Where all columns are texts, the first line has the names if none
 * of its texts occurs again below, although texts repeat below. If the signs contradict each other, or there is none,
 * the table is refused: a row that is lost, or one that is invented, would not be seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table_parts.h"

typedef enum sort { MISSING, NUMBER, DATE, TRUTH, ODD, TEXT, MIXED, SORTS } sort; /* MIXED: none prevails in a column */

static const sort sorts[PALT__KIND_COUNT] = {
    [PALT__NUMBER] = NUMBER,   [PALT__RANGE] = NUMBER, [PALT__EMPTY] = MISSING, [PALT__MISSING] = MISSING,
    [PALT__INFINITE] = NUMBER, [PALT__TRUTH] = TRUTH,  [PALT__GROUPS] = NUMBER, [PALT__COMMA] = NUMBER,
    [PALT__DATE] = DATE,       [PALT__SIGN] = NUMBER,  [PALT__ODD] = ODD,       [PALT__TEXT] = TEXT,
    [PALT__WORDS] = TEXT,      [PALT__NUL] = TEXT,     [PALT__OPEN] = TEXT,
};

typedef struct finder { /* what the functions here share */
    const palt__sample *sample;
    const palt__csv_line *records;
    size_t n;
    palt__table_layout *out;
    uint64_t *hashes; /* [columns, n]: of the texts of a column; 0: no text */
} finder;

typedef struct evidence { /* numbers of columns */
    int64_t names;        /* text above something else */
    int64_t cells;        /* something else above its like */
    int64_t counted;      /* of these: names 0, 1, 2, ... */
    int64_t nameable;     /* of these: whole numbers that are unlike those below, so that they may be names */
    int64_t again;        /* a text that occurs again below */
    int64_t fresh;        /* a text that does not, where texts repeat below */
    int64_t lone;         /* a text that does not, where no text repeats */
    int64_t bare;         /* a text above missing cells, or some of each kind */
    int64_t unlike;       /* something else above another kind */
    int64_t name, number; /* columns of the first text and of the first cell, from 1 */
} evidence;

static sort sort_of(const finder *f, palt__csv_field field)
{
    return sorts[palt__csv_classify(field, f->sample->plain)];
}

static bool read_number(const finder *f, palt__csv_field field, double *value)
{
    return palt__csv_value(field, '.', f->sample->plain, value) || palt__csv_value(field, ',', f->sample->plain, value);
}

/* ---- An index -------------------------------------------------------------------------------------------------------
 */

static bool is_nameless(palt__csv_field field)
{
    static const char by_pandas[] = "Unnamed: 0"; /* a table that was read with its index and written again */
    const size_t size = (size_t)(field.end - field.begin);
    return !size || (size >= strlen(by_pandas) && !memcmp(field.begin, by_pandas, strlen(by_pandas)));
}

/* Whether column 1 counts from record 1 on. *zero: from 0, or in quotes. */
static bool counts(const finder *f, bool *zero)
{
    double first = 0, value;
    for (size_t i = 1; i < f->n; i++) {
        palt__csv_field field;
        if (!palt__csv_nth(f->out->style, f->records[i], 1, &field) ||
            !palt__csv_value(field, '.', f->sample->plain, &value))
            return false;
        if (i == 1) first = value, *zero = value == 0 || field.quoted;
        if (value != first + (double)(i - 1)) return false;
    }
    return f->n > 1 && first == floor(first) && first >= 0;
}

/* A header with numbers among its names, above an index: its first field is empty, the others are no fractions, and the
 * column below the empty one counts from 0, or in quotes, or from any number below the names 0, 1, 2, ... */
static bool names_index(const finder *f)
{
    palt__csv_field field;
    double value;
    int64_t n = 0;
    bool by_count = true, zero = false;
    for (const char *at = f->records[0].text; palt__csv_take(f->out->style, &at, f->records[0].end, &field); n++) {
        const bool number = palt__csv_value(field, '.', f->sample->plain, &value);
        if (n == 0 ? !is_nameless(field) : number && value != floor(value)) return false;
        by_count &= n == 0 || (number && value == (double)(n - 1));
    }
    return n >= 2 && counts(f, &zero) && (by_count || zero);
}

/* ---- The columns ----------------------------------------------------------------------------------------------------
 */

typedef struct below { /* a column without its first line */
    size_t n[SORTS];
    double least, most;
    bool fractions;
} below;

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The sort of at least four fifths of the cells. */
static sort prevailing(const below *b)
{
    size_t all = 0;
    for (size_t s = NUMBER; s < SORTS; s++) all += b->n[s];
    for (size_t s = NUMBER; s < SORTS; s++)
        if (all && 5 * b->n[s] >= 4 * all) return (sort)s;
    return all ? MIXED : MISSING;
}

static void weigh_text(const finder *f, uint64_t *column, uint64_t first, evidence *e)
{
    qsort(column, f->n - 1, sizeof *column, compare_hashes);
    bool again = false, repeat = false;
    for (size_t i = 0; i + 1 < f->n; i++) {
        again |= column[i] == first;
        repeat |= i && column[i] && column[i] == column[i - 1];
    }
    e->again += again;
    e->fresh += !again && repeat;
    e->lone += !again && !repeat;
}

/* A number may be a name if it is whole, and no number below is like it. */
static bool may_be_name(const below *b, double value)
{
    return value == floor(value) && value >= 0 && (b->fractions || value < b->least || value > b->most);
}

static void weigh_column(const finder *f, int64_t column, palt__csv_field field, const below *b, evidence *e)
{
    const sort above = sort_of(f, field), rest = prevailing(b);
    double value;
    if (above == MISSING || (rest == MIXED && above != TEXT)) return;
    if (above == TEXT && !e->name) e->name = column;
    if (above != TEXT && !e->number) e->number = column;
    if (above == TEXT && rest == TEXT) {
        const size_t size = (size_t)(field.end - field.begin);
        weigh_text(f, f->hashes + (size_t)(column - 1) * (f->n - 1), palt__words_hash(field.begin, size) | 1, e);
    } else if (above == TEXT) {
        e->names += rest != MISSING && rest != MIXED;
        e->bare += rest == MISSING || rest == MIXED;
    } else if (above == rest) {
        e->cells++;
        const bool number = above == NUMBER && read_number(f, field, &value);
        e->counted += number && value == (double)(column - 1);
        e->nameable += number && may_be_name(b, value);
    } else {
        e->unlike += rest != MISSING;
    }
}

/* Looks at each row once. */
static void look_below(const finder *f, below *columns)
{
    for (size_t i = 1; i < f->n; i++) {
        palt__csv_field field;
        int64_t column = 0;
        for (const char *at = f->records[i].text;
             column < f->out->columns && palt__csv_take(f->out->style, &at, f->records[i].end, &field); column++) {
            const sort s = sort_of(f, field);
            below *b = columns + column;
            double value;
            b->n[s]++;
            if (s == TEXT)
                f->hashes[(size_t)column * (f->n - 1) + i - 1] =
                    palt__words_hash(field.begin, (size_t)(field.end - field.begin)) | 1;
            if (s != NUMBER || !read_number(f, field, &value)) continue;
            b->least = fmin(b->least, value);
            b->most = fmax(b->most, value);
            b->fractions |= value != floor(value);
        }
    }
}

/* ---- The decision ---------------------------------------------------------------------------------------------------
 */

static pal_status refuse(const finder *f, const evidence *e)
{
    char a[PALT__SHOWN_SIZE] = "", b[PALT__SHOWN_SIZE] = "", what[3 * PALT__SHOWN_SIZE + 64];
    palt__csv_field field;
    if (e->name && palt__csv_nth(f->out->style, f->records[0], e->name, &field))
        palt__shown_text(field.begin, (size_t)(field.end - field.begin), a);
    if (e->number && palt__csv_nth(f->out->style, f->records[0], e->number, &field))
        palt__shown_text(field.begin, (size_t)(field.end - field.begin), b);
    if (e->name && e->number)
        snprintf(what, sizeof what, "\"%s\" in column %lld may be a name, \"%s\" in column %lld a cell", a,
                 (long long)e->name, b, (long long)e->number);
    else
        snprintf(what, sizeof what, "\"%s\" in column %lld may be a name or a cell", e->name ? a : b,
                 (long long)(e->name ? e->name : e->number));
    return pal_error_set(
        f->sample->err, PAL_ERR_FORMAT,
        "%s: line %lld: whether it names the columns is not clear (%s): say --header yes or --header no",
        palt__shown_path(f->sample->path), (long long)f->records[0].number, what);
}

/* Whether the user names a column as the first line has it. */
static bool is_named(const finder *f)
{
    palt__csv_field field;
    for (const char *at = f->records[0].text; palt__csv_take(f->out->style, &at, f->records[0].end, &field);)
        if (palt__options_name(f->sample->options, field.left, (size_t)(field.right - field.left))) return true;
    return false;
}

/* Nothing but numbers that may be names: whole, counting by one or unlike all below. */
static bool is_shaky(const finder *f, const evidence *e)
{
    palt__csv_field field;
    double value, last = 0;
    bool steps = f->out->columns > 1;
    int64_t column = 0;
    for (const char *at = f->records[0].text; palt__csv_take(f->out->style, &at, f->records[0].end, &field); column++) {
        if (!palt__csv_value(field, '.', f->sample->plain, &value)) return false;
        steps = steps && value == floor(value) && (!column || value == last + 1);
        last = value;
    }
    return steps || (f->n > 1 && e->nameable == f->out->columns);
}

enum { COUNTED_LEAST = 4 /* columns: 0, 1 may well be a row, and 0, 1, 2 as well be names */ };

/* Whether the second line counts by one, too, so that the first, 0, 1, 2, ..., may well be a row. */
static bool goes_on(const finder *f)
{
    palt__csv_field field;
    double value, last = 0;
    int64_t column = 0;
    for (const char *at = f->records[1].text; palt__csv_take(f->out->style, &at, f->records[1].end, &field); column++) {
        if (!palt__csv_value(field, '.', f->sample->plain, &value) || (column && value != last + 1)) return false;
        last = value;
    }
    return column > 1;
}

/* 1: names; 0: a row; -1: not clear. */
static int decide(const finder *f, const evidence *e)
{
    const int64_t texts = e->names + e->again + e->fresh + e->lone + e->bare;
    if (f->n == 1) return !e->number ? e->name > 0 : e->name ? -1 : 0;
    const bool counted = e->cells == e->counted && !e->again && !e->unlike && !goes_on(f);
    if (counted && e->counted >= COUNTED_LEAST) return 1;
    if (counted && e->counted == COUNTED_LEAST - 1) return -1;
    if (counted && e->counted && e->names) return 1;
    if (e->names) return e->cells || e->again ? -1 : 1;
    if (e->cells) return texts && !e->again && e->nameable == e->cells ? -1 : 0;
    if (e->again) return 0;
    if (e->unlike) return -1;
    if (e->fresh || (e->bare && !e->lone)) return 1;
    return e->lone ? -1 : 0;
}

static pal_status judge(const finder *f, below *columns)
{
    evidence e = {0};
    palt__csv_field field;
    int64_t column = 0;
    look_below(f, columns);
    for (const char *at = f->records[0].text;
         column < f->out->columns && palt__csv_take(f->out->style, &at, f->records[0].end, &field); column++) {
        if (f->n > 1) {
            weigh_column(f, column + 1, field, columns + column, &e);
            continue;
        }
        const sort s = sort_of(f, field);
        if (s == TEXT && !e.name) e.name = column + 1;
        if (s != TEXT && s != MISSING && !e.number) e.number = column + 1;
    }
    const int decision = decide(f, &e);
    if (decision < 0) return refuse(f, &e);
    f->out->header = decision;
    f->out->counted = decision && e.counted && e.counted == e.cells;
    f->out->shaky = !decision && is_shaky(f, &e);
    return PAL_OK;
}

pal_status palt__table_find_header(const palt__sample *sample, const palt__csv_line *records, size_t n,
                                   palt__table_layout *out)
{
    finder f = {sample, records, n, out, NULL};
    out->header = out->fewer || names_index(&f) || is_named(&f);
    if (out->header) return PAL_OK;
    const size_t columns = (size_t)out->columns, most = 2 + sample->size / columns; /* rows so long that there can be */
    if (f.n > most) f.n = n = most;
    below *all = calloc(columns, sizeof *all);
    f.hashes = calloc(columns * n, sizeof *f.hashes);
    pal_status status = PAL_ERR_MEMORY;
    for (size_t i = 0; all && i < columns; i++) all[i].least = INFINITY, all[i].most = -INFINITY;
    if (all && f.hashes)
        status = judge(&f, all);
    else
        pal_error_set(sample->err, status, "%s: no memory to read it", palt__shown_path(sample->path));
    free(all);
    free(f.hashes);
    return status;
}
