/* table_names.c - the names of the columns, and what the options say of each: a name or a number of a column may stand
 * in label, id, ignore, category and date. One that no column has is refused, with the names that are most like it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/table_parts.h"
#include "models/file/json.h"

/* Options that name columns. The first that names a column decides its role. */
static const struct {
    const char *option;
    palt__role role;
    bool list;
} asked[] = {{"ignore", PALT__ROLE_IGNORE, true},
             {"label", PALT__ROLE_LABEL, false},
             {"id", PALT__ROLE_ID, false},
             {"category", PALT__ROLE_CATEGORY, true},
             {"date", PALT__ROLE_DATE, true}};
enum { ASKED = sizeof asked / sizeof *asked };

/* Takes the next name of an option. false: there is none. */
static bool next_name(size_t option, const char **at, size_t *size)
{
    if (!*at || !**at) return false;
    *size = asked[option].list ? strcspn(*at, ",") : strlen(*at);
    return true;
}

static void skip_name(const char **at, size_t size) { *at += size + ((*at)[size] == ','); }

static bool is_number(const char *text, size_t size)
{
    return size > 0 && size < 10 && strspn(text, "0123456789") >= size && *text != '0';
}

bool palt__options_name(const pal_data_options *options, const char *text, size_t size)
{
    for (size_t i = 0; i < ASKED && size; i++) {
        size_t length;
        for (const char *at = palt__data_option(options, asked[i].option); next_name(i, &at, &length);
             skip_name(&at, length))
            if (length == size && !memcmp(at, text, size) && !is_number(text, size)) return true;
    }
    return false;
}

/* ---- What a column is called ----------------------------------------------------------------------------------------
 */

const char *palt__called(const palt__reading *r, int64_t column, char out[PALT__CALLED_SIZE])
{
    char shown[PALT__SHOWN_SIZE];
    const char *name = r->columns[column - 1].name;
    if (name && *name)
        snprintf(out, PALT__CALLED_SIZE, "column %lld (%s)", (long long)column,
                 palt__shown_text(name, strlen(name), shown));
    else
        snprintf(out, PALT__CALLED_SIZE, "column %lld", (long long)column);
    return out;
}

/* The name must work in a shell. */
const char *palt__by_name(const palt__reading *r, int64_t column, char out[PALT__CALLED_SIZE])
{
    const char *name = r->columns[column - 1].name;
    const size_t size = name ? strlen(name) : 0;
    static const char easy[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const bool usable = size && size < PALT__CALLED_SIZE && strspn(name, easy) == size && *name != '-';
    if (usable)
        snprintf(out, PALT__CALLED_SIZE, "%s", name);
    else
        snprintf(out, PALT__CALLED_SIZE, "%lld", (long long)column);
    return out;
}

/* ---- Names that no column has ---------------------------------------------------------------------------------------
 */

enum { FAR = 64 /* bytes of a name that are compared */ };

/* How many letters must be changed, put in or left out; case does not count. */
static size_t distance(const char *a, size_t n, const char *b)
{
    size_t row[FAR + 1], m = strlen(b);
    if (n > FAR) n = FAR;
    if (m > FAR) m = FAR;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t before = row[0]++;
        for (size_t j = 1; j <= m; j++) {
            const size_t change = before + (strncasecmp(a + i - 1, b + j - 1, 1) != 0);
            before = row[j];
            row[j] = before + 1 < row[j - 1] + 1 ? before + 1 : row[j - 1] + 1;
            if (change < row[j]) row[j] = change;
        }
    }
    return row[m];
}

/* Writes the names of up to three columns that are most like a text. */
static void write_nearest(const palt__reading *r, const char *text, size_t size, char *out, size_t room)
{
    enum { NEAREST = 3, LOOKED_AT = 10000 };
    int64_t best[NEAREST];
    size_t far[NEAREST], n = 0, used = 0;
    for (int64_t i = 0; i < r->layout.columns && i < LOOKED_AT; i++) {
        if (!r->columns[i].name || !*r->columns[i].name) continue;
        const size_t d = distance(text, size, r->columns[i].name);
        size_t at = n < NEAREST ? n++ : NEAREST;
        for (; at > 0 && far[at - 1] > d; at--)
            if (at < NEAREST) far[at] = far[at - 1], best[at] = best[at - 1];
        if (at < NEAREST) far[at] = d, best[at] = i;
    }
    for (size_t i = 0; i < n; i++) {
        char shown[PALT__SHOWN_SIZE];
        const char *name = r->columns[best[i]].name;
        used += (size_t)snprintf(out + used, room - used, "%s%s", i ? ", " : "",
                                 palt__shown_text(name, strlen(name), shown));
    }
}

static pal_status refuse_name(const palt__reading *r, size_t option, const char *text, size_t size)
{
    char shown[PALT__SHOWN_SIZE], near[3 * PALT__SHOWN_SIZE + 8] = "";
    palt__shown_text(text, size, shown);
    write_nearest(r, text, size, near, sizeof near);
    if (!r->layout.header && !is_number(text, size))
        return pal_error_set(r->err, PAL_ERR_ARGUMENT,
                             "%s: --%s %s: the table has no line with names: give the number of the column, from 1 to "
                             "%lld, or say --header yes",
                             palt__shown_path(r->source.path), asked[option].option, shown,
                             (long long)r->layout.columns);
    return pal_error_set(r->err, PAL_ERR_ARGUMENT, "%s: --%s %s: there is no such column among %lld: %s%s%s",
                         palt__shown_path(r->source.path), asked[option].option, shown, (long long)r->layout.columns,
                         *near ? "the names most like it are " : "give a number from 1 to that", near,
                         *near ? "; or give the number of the column" : "");
}

/* ---- Roles ------------------------------------------------------------------------------------------------------- */

/* The column of a name, or else of a number. 0: none. */
static int64_t find(const palt__reading *r, const palt__words *names, const int64_t *of, const char *text, size_t size)
{
    const int64_t word = palt__words_find(names, text, size);
    if (word >= 0) return of[word];
    const int64_t number = is_number(text, size) ? strtol(text, NULL, 10) : 0;
    return number <= r->layout.columns ? number : 0;
}

static pal_status take_roles(palt__reading *r, const palt__words *names, const int64_t *of)
{
    for (size_t i = 0; i < ASKED; i++) {
        size_t size;
        for (const char *at = palt__data_option(r->options, asked[i].option); next_name(i, &at, &size);
             skip_name(&at, size)) {
            if (!size) continue;
            const int64_t column = find(r, names, of, at, size);
            if (!column && palt__data_option_former(r->options, asked[i].option)) continue;
            if (!column) return refuse_name(r, i, at, size);
            palt__role *role = &r->columns[column - 1].role;
            if (*role == PALT__ROLE_NONE) *role = asked[i].role;
        }
    }
    return PAL_OK;
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

/* A copy of a name without doubled quotes; line ends and other control characters become blanks. */
static char *copy_name(palt__csv_field field)
{
    const size_t size = (size_t)(field.end - field.begin);
    char *name = malloc(size + 1), *to = name;
    for (const char *at = field.begin; name && at < field.end; at++) {
        *to++ = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
        if (*at == '"' && field.quoted && at + 1 < field.end && at[1] == '"') at++;
    }
    if (!name) return NULL;
    while (to > name && to[-1] == ' ') to--;
    *to = '\0';
    memmove(name, name + strspn(name, " "), strlen(name + strspn(name, " ")) + 1);
    return name;
}

static bool is_utf8(const char *text)
{
    const char *end = text + strlen(text);
    for (size_t n; text < end; text += n) {
        n = pal__utf8(text, end);
        if (!n) return false;
    }
    return true;
}

/* Numbers a name that another column has: "x.1". next[word]: the number to try. A column without a name gets its
 * number, "column 3"; the first one stays without, since it may be an index. */
static pal_status complete_name(palt__reading *r, palt__words *names, int64_t *next, int64_t column)
{
    char **name = &r->columns[column - 1].name;
    const size_t room = strlen(*name) + 32;
    if (!**name && column == 1) return PAL_OK;
    const int64_t word = **name ? palt__words_find(names, *name, strlen(*name)) : 0;
    if (word < 0) return PAL_OK;
    char *other = malloc(room);
    if (!other) return PAL_ERR_MEMORY;
    if (!**name) snprintf(other, room, "column %lld", (long long)column);
    r->renamed += **name != '\0';
    while (**name) {
        snprintf(other, room, "%s.%lld", *name, (long long)++next[word]);
        if (palt__words_find(names, other, strlen(other)) < 0) break;
    }
    free(*name);
    *name = other;
    return PAL_OK;
}

static pal_status take_names(palt__reading *r, palt__csv_line first, palt__words *names, int64_t *of, int64_t *next)
{
    const char *at = first.text;
    for (int64_t column = 1 + r->layout.fewer; column <= r->layout.columns; column++) {
        palt__csv_field field;
        if (!palt__csv_take(r->layout.style, &at, first.end, &field)) break;
        char **name = &r->columns[column - 1].name;
        if (memchr(field.begin, 0, (size_t)(field.end - field.begin)) || field.open)
            return palt__csv_refuse(r->source.path, first.number, column, field, field.open ? PALT__OPEN : PALT__NUL,
                                    "", r->err);
        *name = copy_name(field);
        if (!*name) return PAL_ERR_MEMORY;
        if (!is_utf8(*name))
            return palt__csv_refuse(r->source.path, first.number, column, field, PALT__NOT_UTF8, "", r->err);
        if (complete_name(r, names, next, column) != PAL_OK) return PAL_ERR_MEMORY;
        if (!**name) continue;
        const int64_t word = palt__words_take(names, *name, strlen(*name), first.number);
        if (word < 0) return PAL_ERR_MEMORY;
        of[word] = column;
    }
    return PAL_OK;
}

pal_status palt__table_name_columns(palt__reading *r, palt__csv_line first)
{
    palt__words names = {0};
    const size_t n = (size_t)r->layout.columns;
    int64_t *of = calloc(2 * n, sizeof *of); /* the column of each name; then the last number beside it */
    pal_status status = of ? PAL_OK : PAL_ERR_MEMORY;
    if (of && r->layout.header) status = take_names(r, first, &names, of, of + n);
    if (status == PAL_OK) status = take_roles(r, &names, of);
    palt__words_free(&names);
    free(of);
    if (status == PAL_ERR_MEMORY)
        pal_error_set(r->err, status, "%s: no memory to read it", palt__shown_path(r->source.path));
    return status;
}
