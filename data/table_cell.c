/* table_cell.c - reads one field of a table into its column: a number, a date, a text, or a missing cell.
 *
 * A column is of numbers or of texts, and the first cell that is not missing decides; a cell of the other kind is
 * refused. Some words are missing cells among numbers and words among words, such as "none": they wait until another
 * cell decides. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table_parts.h"
#include "models/file/json.h"

/* Of cells that are no numbers in a column that has numbers, or only such cells: what they are, and the remedy. */
/* clang-format off */
static const struct {
    const char *what, *remedy;
} odd[PALT__KIND_COUNT] = {
    [PALT__TRUTH]  = {"is a truth value", "write 1 for true and 0 for false"},
    [PALT__GROUPS] = {"has marks between its digits", "write only a decimal point, as in 1234.5"},
    [PALT__COMMA]  = {"has a decimal comma", "write a decimal point"},
    [PALT__DATE]   = {"is a date or a time", "write a number"},
    [PALT__SIGN]   = {"has a sign that is no part of a number", "remove the sign"},
    [PALT__ODD]    = {"is not a decimal number", "write one, as in -1.5e3"},
};
/* clang-format on */

static pal_status no_memory(const palt__reading *r)
{
    return pal_error_set(r->err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(r->source.path));
}

static const char *show(const palt__csv_field *field, char shown[PALT__SHOWN_SIZE])
{
    return palt__shown_text(field->begin, (size_t)(field->end - field->begin), shown);
}

static pal_status refuse(const palt__reading *r, int64_t line, int64_t column, const char *text, const char *problem)
{
    char called[PALT__CALLED_SIZE];
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: line %lld, %s: \"%s\" %s", palt__shown_path(r->source.path),
                         (long long)line, palt__called(r, column, called), text, problem);
}

/* Refuses a column with numbers and texts, at the text. */
static pal_status refuse_both(const palt__reading *r, int64_t text_line, const char *text, size_t size, int64_t column,
                              int64_t number_line, double number)
{
    char shown[PALT__SHOWN_SIZE], problem[400], name[PALT__CALLED_SIZE];
    const palt__csv_field field = {.begin = text, .end = text + size};
    const palt__csv_kind kind = palt__csv_classify(field, r->plain);
    palt__by_name(r, column, name);
    snprintf(problem, sizeof problem,
             "%s, but line %lld has the number %.10g: %s, or say --category %s (its cells are words) or --ignore %s",
             odd[kind].what ? odd[kind].what : "is text", (long long)number_line, number,
             odd[kind].what ? odd[kind].remedy : "mend the cell", name, name);
    return refuse(r, text_line, column, palt__shown_text(text, size, shown), problem);
}

/* ---- Missing cells ------------------------------------------------------------------------------------------------
 */

/* Words that mean a missing cell in any column, as they are spelled. */
static bool is_missing(const char *text, size_t size)
{
    static const char *const words[] = {"NA",      "N/A",     "n/a",    "<NA>",    "NaN",      "nan",   "-NaN",
                                        "-nan",    "NaT",     "NULL",   "null",    "None",     "?",     "-",
                                        "\\N",     "1.#QNAN", "1.#IND", "-1.#IND", "-1.#QNAN", "#N/A",  "#NA",
                                        "#VALUE!", "#DIV/0!", "#REF!",  "#NAME?",  "#NUM!",    "#NULL!"};
    enum { LONGEST = 8 };
    if (size == 0) return true;
    for (size_t i = 0; i < sizeof words / sizeof *words && size <= LONGEST; i++)
        if (strlen(words[i]) == size && !memcmp(words[i], text, size)) return true;
    return false;
}

static pal_status take_missing(palt__reading *r, palt__building *b)
{
    r->row[b - r->columns] = NAN;
    b->missing++;
    return PAL_OK;
}

/* ---- Texts --------------------------------------------------------------------------------------------------------
 */

/* The text of a field: with its blanks if it is in quotes, and with one quote for two. */
static pal_status find_text(palt__reading *r, const palt__csv_field *field, const char **text, size_t *size)
{
    *text = field->begin == field->end ? field->begin : field->left;
    *size = field->begin == field->end ? 0 : (size_t)(field->right - field->left);
    if (!field->quoted || !memchr(*text, '"', *size)) return PAL_OK;
    if (r->scratch_size < *size + 1) {
        char *scratch = realloc(r->scratch, *size + 1);
        if (!scratch) return no_memory(r);
        r->scratch = scratch;
        r->scratch_size = *size + 1;
    }
    char *to = r->scratch;
    for (const char *at = field->left; at < field->right; at++) {
        *to++ = *at;
        if (*at == '"' && at + 1 < field->right && at[1] == '"') at++;
    }
    *to = '\0';
    *text = r->scratch;
    *size = (size_t)(to - r->scratch);
    return PAL_OK;
}

static pal_status take_word(palt__reading *r, int64_t line, int64_t column, const char *text, size_t size)
{
    palt__building *b = r->columns + column - 1;
    const size_t before = b->words.n;
    const int64_t word = palt__words_take(&b->words, text, size, line);
    char shown[PALT__SHOWN_SIZE];
    if (word < 0) return no_memory(r);
    r->row[column - 1] = (double)word;
    if (b->words.n == before) return PAL_OK;
    if (memchr(text, 0, size))
        return refuse(r, line, column, palt__shown_text(text, size, shown), palt__csv_remedy(PALT__NUL));
    for (size_t at = 0, n; at < size; at += n) {
        n = pal__utf8(text + at, text + size);
        if (!n) return refuse(r, line, column, palt__shown_text(text, size, shown), palt__csv_remedy(PALT__NOT_UTF8));
    }
    return PAL_OK;
}

/* ---- Numbers ------------------------------------------------------------------------------------------------------
 */

/* Whether a word may be a missing cell, if numbers come. */
static bool is_vague(const palt__reading *r, const palt__word *word, const palt__words *words)
{
    const char *text = words->bytes + word->at;
    return palt__csv_classify((palt__csv_field){.begin = text, .end = text + word->size}, r->plain) == PALT__MISSING;
}

static pal_status refuse_range(const palt__reading *r, int64_t line, int64_t column, double value)
{
    char shown[PALT__SHOWN_SIZE];
    snprintf(shown, sizeof shown, "%g", value);
    return refuse(r, line, column, shown,
                  "is outside the range of numbers, which ends at 1.8e308: scale the column, or "
                  "remove the row");
}

pal_status palt__table_number(palt__reading *r, int64_t line, int64_t column, double value)
{
    palt__building *b = r->columns + column - 1;
    if (!isfinite(value)) return refuse_range(r, line, column, value);
    r->row[column - 1] = value;
    if (b->state == PALT__STATE_NUMBERS) return PAL_OK;
    if (b->state == PALT__STATE_WORDS) {
        const palt__word *word = b->words.word;
        while (word + 1 < b->words.word + b->words.n && is_vague(r, word, &b->words)) word++;
        return refuse_both(r, word->line, b->words.bytes + word->at, word->size, column, line, value);
    }
    if (b->state == PALT__STATE_VAGUE) { /* all that came is missing */
        palt__table_flush(r);
        for (int64_t i = 0; i < r->rows; i++) b->value[i] = NAN;
        b->missing = r->rows;
        palt__words_free(&b->words);
    }
    b->state = PALT__STATE_NUMBERS;
    b->number_line = line;
    b->number = value;
    return PAL_OK;
}

static pal_status refuse_point(const palt__reading *r, int64_t line, int64_t column, const palt__csv_field *field)
{
    char shown[PALT__SHOWN_SIZE], problem[160];
    snprintf(problem, sizeof problem, "has a decimal %s, but line %lld has decimal %s: write all numbers alike",
             r->point == ',' ? "point" : "comma", (long long)r->point_line, r->point == ',' ? "commas" : "points");
    return refuse(r, line, column, show(field, shown), problem);
}

/* Reads a field with the decimal mark of the table, which the first number that has one decides. Only where something
 * else than commas separates, that may be a comma. Of a number such as 1,234 it is certain only between semicolons. */
static pal_status find_number(palt__reading *r, int64_t line, int64_t column, const palt__csv_field *field,
                              palt__csv_kind kind, bool *found, double *value)
{
    const bool words = r->columns[column - 1].state == PALT__STATE_WORDS;
    const char separator = r->layout.style.separator, point = r->point ? r->point : '.';
    *found = palt__csv_value(*field, point, r->plain, value);
    if (*found) {
        const bool has = !r->point && !words && memchr(field->begin, '.', (size_t)(field->end - field->begin));
        if (has) r->point = '.', r->point_line = line;
        return PAL_OK;
    }
    if (words || separator == ',' || !palt__csv_value(*field, point == '.' ? ',' : '.', r->plain, value)) return PAL_OK;
    if (r->point) return refuse_point(r, line, column, field);
    *found = separator == ';' || kind == PALT__COMMA;
    if (*found) r->point = ',', r->point_line = line;
    return PAL_OK;
}

static pal_status take_date(palt__reading *r, int64_t line, int64_t column, const palt__csv_field *field)
{
    char shown[PALT__SHOWN_SIZE];
    double days;
    if (palt__date_parse(field->begin, field->end, &days)) return palt__table_number(r, line, column, days);
    return refuse(r, line, column, show(field, shown),
                  "is not a date: write it as 2020-01-31, or with a time as 2020-01-31T12:30:59");
}

/* ---- Any cell -----------------------------------------------------------------------------------------------------
 */

/* A column without a role: numbers or texts. */
static pal_status take_any(palt__reading *r, int64_t line, int64_t column, const palt__csv_field *field,
                           const char *text, size_t size)
{
    palt__building *b = r->columns + column - 1;
    const palt__csv_kind kind = palt__csv_classify(*field, r->plain);
    char shown[PALT__SHOWN_SIZE];
    bool number = false;
    double value;
    if (kind == PALT__NUL) return refuse(r, line, column, show(field, shown), palt__csv_remedy(kind));
    if (kind == PALT__MISSING && b->state == PALT__STATE_NUMBERS) return take_missing(r, b);
    if (kind == PALT__MISSING) {
        if (b->state == PALT__STATE_EMPTY) b->state = PALT__STATE_VAGUE;
        return take_word(r, line, column, text, size);
    }
    const pal_status status = find_number(r, line, column, field, kind, &number, &value);
    if (status != PAL_OK) return status;
    if (number) return palt__table_number(r, line, column, value);
    if (kind == PALT__INFINITE && b->state != PALT__STATE_WORDS) {
        char problem[200], name[PALT__CALLED_SIZE];
        snprintf(problem, sizeof problem,
                 "is not a finite number: cap it, leave the cell empty if it is not known, or remove the row (or say "
                 "--ignore %s)",
                 palt__by_name(r, column, name));
        return refuse(r, line, column, show(field, shown), problem);
    }
    if (b->state == PALT__STATE_NUMBERS) return refuse_both(r, line, text, size, column, b->number_line, b->number);
    b->state = PALT__STATE_WORDS;
    return take_word(r, line, column, text, size);
}

pal_status palt__table_cell(palt__reading *r, int64_t line, int64_t column, const palt__csv_field *field)
{
    palt__building *b = r->columns + column - 1;
    char shown[PALT__SHOWN_SIZE];
    const char *text;
    size_t size;
    if (field->open)
        return refuse(r, line, column, show(field, shown),
                      "opens a quote that does not close: remove the quote, or "
                      "write one at the end of the text");
    if (!field->quoted && field->begin < field->end && *field->begin == '"')
        return refuse(r, line, column, show(field, shown), palt__csv_remedy(PALT__CLOSED));
    if (b->role == PALT__ROLE_IGNORE) return PAL_OK;
    const bool words = b->role == PALT__ROLE_CATEGORY || b->role == PALT__ROLE_LABEL || b->role == PALT__ROLE_ID;
    const pal_status status = find_text(r, field, &text, &size);
    if (status != PAL_OK) return status;
    if (words || b->state == PALT__STATE_WORDS) {
        const int64_t known = palt__words_find(&b->words, text, size);
        r->row[column - 1] = (double)known;
        if (known >= 0) return PAL_OK;
    }
    if (is_missing(text, size)) return take_missing(r, b);
    if (words) {
        b->state = PALT__STATE_WORDS;
        return take_word(r, line, column, text, size);
    }
    if (b->role != PALT__ROLE_DATE) return take_any(r, line, column, field, text, size);
    return palt__csv_classify(*field, r->plain) == PALT__MISSING ? take_missing(r, b)
                                                                 : take_date(r, line, column, field);
}
