/* csv_field.c - the fields of a line of text: where they are, what they are, and what to do about one that is not a
 * number. */
#include "data/csv.h"

#include <string.h>
#include <strings.h>

/* ---- Where the fields are --------------------------------------------------------------------------------------- */

const char *palt__csv_separator(palt__csv_style style)
{
    static const char marks[] = {',', ';', '\t', '|', ' '};
    static const char *const names[] = {"commas", "semicolons", "tabs", "vertical bars", "blanks"};
    return names[(const char *)memchr(marks, style.separator, sizeof marks) - marks];
}

static bool is_blank(palt__csv_style style, char c) { return c == ' ' || c == style.padding; }

/* The separator at or after `at`, or end. */
static const char *find_separator(palt__csv_style style, const char *at, const char *end)
{
    if (style.separator != ' ') {
        const char *found = memchr(at, style.separator, (size_t)(end - at));
        return found ? found : end;
    }
    while (at < end && !is_blank(style, *at)) at++;
    return at;
}

/* The quote that closes the one before `at`; two quotes in a row are one that belongs to the text. NULL: none. */
static const char *find_quote(const char *at, const char *end)
{
    while ((at = memchr(at, '"', (size_t)(end - at))) && at + 1 < end && at[1] == '"') at += 2;
    return at;
}

bool palt__csv_take(palt__csv_style style, const char **at, const char *end, palt__csv_field *field)
{
    if (!*at) return false;
    const char *begin = palt__csv_skip(style, *at), *stop = begin;
    *field = (palt__csv_field){.begin = begin};
    if (begin < end && *begin == '"') {
        const char *quote = find_quote(begin + 1, end);
        field->open = !quote;
        field->quoted = quote && palt__csv_end(style, quote + 1, end);
        stop = quote ? quote + 1 : end;
    }
    field->end = field->quoted ? stop - 1 : find_separator(style, stop, end);
    stop = field->quoted ? palt__csv_end(style, stop, end) : palt__csv_end(style, field->end, end);
    if (field->quoted) field->begin++;
    field->left = field->begin;
    field->right = field->end;
    while (field->begin < field->end && is_blank(style, *field->begin)) field->begin++;
    while (field->end > field->begin && is_blank(style, field->end[-1])) field->end--;
    *at = stop == end ? NULL : stop + 1;
    return true;
}

bool palt__csv_nth(palt__csv_style style, palt__csv_line line, int64_t column, palt__csv_field *field)
{
    const char *at = line.text;
    bool more = true;
    for (int64_t i = 0; i < column && more; i++) more = palt__csv_take(style, &at, line.end, field);
    return more;
}

int64_t palt__csv_count(palt__csv_style style, palt__csv_line line)
{
    palt__csv_field field;
    int64_t count = 0;
    for (const char *at = line.text; palt__csv_take(style, &at, line.end, &field);) count++;
    return count;
}

/* ---- What they are ---------------------------------------------------------------------------------------------- */

bool palt__csv_value(palt__csv_field field, char point, locale_t plain, double *value)
{
    return palt__number_parse(field.begin, point, plain, value) == field.end && field.end > field.begin;
}

/* Whether the field is one of these words; case does not matter. The list ends with NULL. */
static bool is_word(palt__csv_field field, const char *const *words)
{
    const size_t size = (size_t)(field.end - field.begin);
    for (; *words; words++)
        if (strlen(*words) == size && strncasecmp(*words, field.begin, size) == 0) return true;
    return false;
}

static const char *const errors[] = {"#n/a", "#na", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!", NULL};

bool palt__csv_is_error(const char *text)
{
    for (size_t i = 0; errors[i]; i++)
        if (strncasecmp(text, errors[i], strlen(errors[i])) == 0) return true;
    return false;
}

/* Takes `least` to `most` digits. NULL: there are fewer, or at is NULL. */
static const char *digits(const char *at, const char *end, int least, int most)
{
    int n = 0;
    while (at && at < end && n < most && *at >= '0' && *at <= '9') at++, n++;
    return n >= least ? at : NULL;
}

/* 2020-01-31, 31.1.2020, 1/31/20, 12:30; a time may follow a date. */
static bool is_date(palt__csv_field field)
{
    const char *at = digits(field.begin, field.end, 1, 4);
    if (!at || at == field.end || !strchr("-/.:", *at)) return false;
    const char mark = *at;
    at = digits(at + 1, field.end, 1, 2);
    if (mark == ':') return at != NULL;
    return at && at < field.end && *at == mark && digits(at + 1, field.end, 2, 4);
}

/* 1,5: digits, a comma, digits; but not three digits after at most three, which may also be 1,234 = 1234. */
static bool is_comma_number(palt__csv_field field)
{
    const char *begin = field.begin + (field.begin < field.end && (*field.begin == '-' || *field.begin == '+'));
    const char *comma = digits(begin, field.end, 1, 400);
    const char *stop = comma && comma < field.end && *comma == ',' ? digits(comma + 1, field.end, 1, 400) : NULL;
    return stop == field.end && !(stop - comma == 4 && comma - begin <= 3 && *begin != '0');
}

static const char *const currencies[] = {
    "$", "%", "\xc2\xa3" /* pound */, "\xc2\xa5" /* yen */, "\xe2\x82\xac" /* euro */, "\xe2\x80\xb0" /* per mille */};
static const char *const marks[] = {",", ".", "'", "_", " ", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89"}; /* spaces */
enum { CURRENCIES = sizeof currencies / sizeof *currencies, MARKS = sizeof marks / sizeof *marks };

/* The size of the one of these texts that `at` begins with, or 0. */
static size_t starts_with(const char *at, const char *end, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t size = strlen(texts[i]);
        if ((size_t)(end - at) >= size && memcmp(at, texts[i], size) == 0) return size;
    }
    return 0;
}

/* Bytes of other alphabets count as letters. */
static bool is_letter(unsigned char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80; }

/* By the characters that the field contains. */
static palt__csv_kind by_characters(palt__csv_field field)
{
    static const char *const minus[] = {"\xe2\x88\x92"}; /* the minus sign of typography */
    bool some_digits = false, sign = false, mark = false, other = false;
    for (const char *at = field.begin; at < field.end;) {
        const size_t sign_size = starts_with(at, field.end, currencies, CURRENCIES),
                     mark_size = starts_with(at, field.end, marks, MARKS),
                     minus_size = starts_with(at, field.end, minus, 1);
        const unsigned char c = (unsigned char)*at;
        if (!sign_size && !mark_size && !minus_size && is_letter(c)) return PALT__TEXT;
        some_digits |= c >= '0' && c <= '9';
        sign |= sign_size > 0;
        mark |= mark_size > 0;
        other |= !sign_size && !mark_size && !(c >= '0' && c <= '9') && !(at == field.begin && (c == '-' || c == '+'));
        at += sign_size + mark_size + minus_size ? sign_size + mark_size + minus_size : 1;
    }
    if (!some_digits) return PALT__TEXT;
    return sign ? PALT__SIGN : mark && !other ? PALT__GROUPS : PALT__ODD;
}

palt__csv_kind palt__csv_classify(palt__csv_field field, locale_t plain)
{
    static const char *const missing[] = {"na",      "n/a",  "n.a.",    "<na>",   "nan",     "-nan", "+nan", "nat",
                                          "null",    "none", "nil",     "?",      "-",       "--",   ".",    "*",
                                          "missing", "\\n",  "1.#qnan", "1.#ind", "-1.#ind", NULL};
    static const char *const infinite[] = {"inf",       "+inf",   "-inf",    "infinity", "+infinity",
                                           "-infinity", "1.#inf", "-1.#inf", NULL};
    static const char *const truths[] = {"true", "false", NULL};
    const size_t size = (size_t)(field.end - field.begin);
    const bool sodium = size == 2 && memcmp(field.begin, "Na", 2) == 0; /* the name of an element */
    double value;
    if (field.open) return PALT__OPEN;
    if (size == 0) return PALT__EMPTY;
    if (memchr(field.begin, 0, size)) return PALT__NUL;
    if (palt__csv_value(field, '.', plain, &value))
        return __builtin_isfinite((float)value) ? PALT__NUMBER : PALT__RANGE;
    if ((is_word(field, missing) && !sodium) || is_word(field, errors)) return PALT__MISSING;
    if (is_word(field, infinite)) return PALT__INFINITE;
    if (is_word(field, truths)) return PALT__TRUTH;
    if (is_date(field)) return PALT__DATE;
    return is_comma_number(field) ? PALT__COMMA : by_characters(field);
}

/* ---- Why one is refused ----------------------------------------------------------------------------------------- */

static const char *const remedies[PALT__KIND_COUNT] = {
    [PALT__NUMBER] = "is a number",
    [PALT__RANGE] = "is outside the range of f32, which ends at 3.4e38: scale the column or remove the row",
    [PALT__EMPTY] = "is empty: fill it in or remove the row",
    [PALT__MISSING] = "is a missing value: fill it in or remove the row",
    [PALT__INFINITE] = "is not a finite number: cap it, at the greatest value that is meant, or remove the row",
    [PALT__TRUTH] = "is a truth value: write 1 for true and 0 for false",
    [PALT__GROUPS] = "has marks between its digits: write only a decimal point, as in 1234.5",
    [PALT__COMMA] = "has a decimal comma, which is read only where semicolons separate: write a decimal point",
    [PALT__DATE] = "is a date or a time: write a number, such as days or seconds, or remove the column",
    [PALT__SIGN] = "has a sign that is no part of a number: remove the sign",
    [PALT__ODD] = "is not a decimal number: write one, as in -1.5e3",
    [PALT__TEXT] = "is text, and only numbers are read: remove the column, or write numbers for its words",
    [PALT__WORDS] = "is text in a line without numbers: remove the line",
    [PALT__NUL] = "has a NUL byte: if the file is text in UTF-16, convert it with iconv -f UTF-16LE -t UTF-8 OLD > NEW",
    [PALT__OPEN] = "opens a quote that does not close in this line: remove the quote, or the line break inside it",
    [PALT__NOT_UTF8] = "is not UTF-8: convert the file with iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
    [PALT__CLOSED] = "goes on after its closing quote: write two quotes for one that belongs to the text",
};

const char *palt__csv_remedy(palt__csv_kind kind) { return remedies[kind]; }

pal_status palt__csv_refuse(const char *path, int64_t line, int64_t column, palt__csv_field field, palt__csv_kind kind,
                            const char *more, pal_error *err)
{
    char shown[PALT__SHOWN_SIZE];
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: line %lld, column %lld: \"%s\" %s%s", palt__shown_path(path),
                         (long long)line, (long long)column,
                         palt__shown_text(field.begin, (size_t)(field.end - field.begin), shown), remedies[kind], more);
}
