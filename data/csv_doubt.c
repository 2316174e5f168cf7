/* csv_doubt.c - commas that may be part of a number. Where commas separate, 1,234.5 may be two columns or one number,
 * and so may 1,5. A doubt ends with the first line that can only be read in one way. */
#include "data/csv.h"

#include <string.h>

enum { GROUPS_MOST = 60, HALVES_MOST = 16 }; /* the first columns only; no more columns than a person would type */

static bool is_digits(const char *begin, const char *end)
{
    const char *at = begin;
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at == end && at > begin;
}

/* The first part of a number such as 1,234: one to three digits, the first of them not 0. */
static bool may_lead(palt__csv_field field)
{
    const char *begin = field.begin + (field.begin < field.end && *field.begin == '-');
    return is_digits(begin, field.end) && field.end - begin <= 3 && *begin != '0' && !field.quoted;
}

/* A later part: three digits, and perhaps decimals. */
static bool may_follow(palt__csv_field field)
{
    return field.end - field.begin >= 3 && is_digits(field.begin, field.begin + 3) && !field.quoted &&
           (field.end == field.begin + 3 || field.begin[3] == '.');
}

/* Keeps the text of a column and the next one. */
static void show(palt__csv_doubt *doubt, palt__csv_style style, palt__csv_line row, int64_t column)
{
    palt__csv_field a = {0}, b = {0};
    palt__csv_nth(style, row, column, &a);
    palt__csv_nth(style, row, column + 1, &b);
    palt__shown_text(a.begin, (size_t)(b.end - a.begin), doubt->shown);
    doubt->line = row.number;
}

void palt__csv_weigh(palt__csv_doubt *doubt, const palt__csv_layout *layout, palt__csv_line row)
{
    if (!doubt->groups && !doubt->halves) return;
    const uint64_t before = doubt->groups;
    palt__csv_field field, last = {0};
    uint64_t groups = 0;
    const char *at = row.text;
    for (int64_t column = 1; palt__csv_take(layout->style, &at, row.end, &field); column++) {
        if (column > 1 && column <= GROUPS_MOST && may_lead(last) && may_follow(field))
            groups |= UINT64_C(1) << (column - 2);
        const char *begin = field.begin + (column % 2 == 1 && field.begin < field.end && *field.begin == '-');
        doubt->halves &= is_digits(begin, field.end) && !field.quoted;
        last = field;
    }
    doubt->groups &= groups;
    if (doubt->groups && doubt->groups != before) show(doubt, layout->style, row, 1 + __builtin_ctzll(doubt->groups));
    if (doubt->halves && !doubt->line) show(doubt, layout->style, row, 1);
}

palt__csv_doubt palt__csv_doubts(const palt__csv_layout *layout)
{
    const bool any = layout->style.separator == ',' && !layout->header;
    return (palt__csv_doubt){.groups = any ? UINT64_MAX : 0,
                             .halves =
                                 any && !layout->header && layout->columns % 2 == 0 && layout->columns <= HALVES_MOST};
}

pal_status palt__csv_check_doubt(const palt__csv_doubt *doubt, const char *path, pal_error *err)
{
    if (!doubt->groups) return PAL_OK;
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: line %lld, column %d: \"%s\" may be two columns or, as in every line, one number with a "
                         "thousands separator: write it without, as in 1234.5, or add a first line that names the "
                         "columns",
                         palt__shown_path(path), (long long)doubt->line, 1 + __builtin_ctzll(doubt->groups),
                         doubt->shown);
}
