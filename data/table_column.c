/* table_column.c - makes the columns of a table of what was read: truths, sorted levels, and the index, which is left
 * out. Texts that are numbers or dates in disguise, or that name the rows, are refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/table_parts.h"

enum { UNIQUE_LEAST = 20 /* rows: as many texts in fewer rows may be categories */ };

static pal_status no_memory(const palt__reading *r)
{
    return pal_error_set(r->err, PAL_ERR_MEMORY, "%s: no memory for its %lld rows", palt__shown_path(r->source.path),
                         (long long)r->rows);
}

static palt__csv_field word_at(const palt__words *words, size_t i)
{
    const char *text = words->bytes + words->word[i].at;
    return (palt__csv_field){.begin = text, .end = text + words->word[i].size};
}

/* ---- The index ----------------------------------------------------------------------------------------------------
 */

static bool is_nameless(const char *name)
{
    static const char by_pandas[] = "Unnamed: 0"; /* a table that was read with its index and written again */
    return !name || !*name || !strncmp(name, by_pandas, strlen(by_pandas));
}

static bool counts(const palt__building *b, int64_t rows)
{
    if (b->state != PALT__STATE_NUMBERS || b->missing) return false;
    bool all = b->value[0] >= 0 && b->value[0] == floor(b->value[0]);
    for (int64_t i = 1; i < rows && all; i++) all = b->value[i] == b->value[0] + (double)i;
    return all;
}

/* Column 1 of a table with a header, if it has no name and no option names it: left out if it counts or names each row,
 * else refused. */
static pal_status find_index(palt__reading *r)
{
    palt__building *b = r->columns;
    if (!r->layout.header || !is_nameless(b->name) || b->role != PALT__ROLE_NONE) return PAL_OK;
    if (r->layout.columns == 1)
        return pal_error_set(r->err, PAL_ERR_FORMAT,
                             "%s: its one column has no name in line %lld, so it is an index: name it if it is a "
                             "feature",
                             palt__shown_path(r->source.path), (long long)r->first_line);
    r->index = counts(b, r->rows);
    r->named = !r->index && b->state == PALT__STATE_WORDS && (int64_t)b->words.n == r->rows;
    if (r->index || r->named) return PAL_OK;
    return pal_error_set(r->err, PAL_ERR_FORMAT,
                         "%s: column 1 has no name in line %lld, and it does not count: name it if it is a feature, "
                         "else say --ignore 1, or --id 1 if it names the rows",
                         palt__shown_path(r->source.path), (long long)r->first_line);
}

/* ---- Texts --------------------------------------------------------------------------------------------------------
 */

static const char *const pairs[][2] = {{"false", "true"}, {"no", "yes"}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* Which word of a pair a text is, in any case. -1: none. */
static int which(const char *const pair[2], palt__csv_field f)
{
    for (int i = 0; i < 2; i++)
        if (strlen(pair[i]) == (size_t)(f.end - f.begin) && !strncasecmp(pair[i], f.begin, strlen(pair[i]))) return i;
    return -1;
}

/* The pair that all words are of. NULL: none. */
static const char *const *find_pair(const palt__words *words)
{
    for (size_t p = 0; p < PAIRS; p++) {
        size_t i = 0;
        while (i < words->n && which(pairs[p], word_at(words, i)) >= 0) i++;
        if (i == words->n) return pairs[p];
    }
    return NULL;
}

/* A word of a pair, spelled like the other one: NO beside YES. */
static char *spell_like(const char *word, const char *other)
{
    char *out = strdup(word);
    const bool first = other[0] >= 'A' && other[0] <= 'Z', rest = other[1] >= 'A' && other[1] <= 'Z';
    for (char *at = out; at && *at; at++)
        if (at == out ? first : rest) *at = (char)(*at - 'a' + 'A');
    return out;
}

static pal_status make_truth(const palt__reading *r, palt__building *b, const char *const pair[2],
                             palt__table_column *out)
{
    const char *spelled[2] = {NULL, NULL};
    for (size_t i = b->words.n; i-- > 0;) {
        const palt__csv_field word = word_at(&b->words, i);
        spelled[which(pair, word)] = word.begin;
    }
    out->kind = PALT__CELLS_TRUTH;
    out->levels = calloc(2, sizeof *out->levels);
    if (!out->levels) return no_memory(r);
    out->n_levels = 2;
    for (int i = 0; i < 2; i++) {
        out->levels[i] = spelled[i] ? strdup(spelled[i]) : spell_like(pair[i], spelled[1 - i]);
        if (!out->levels[i]) return no_memory(r);
    }
    for (int64_t i = 0; i < r->rows; i++)
        if (!isnan(b->value[i])) b->value[i] = which(pair, word_at(&b->words, (size_t)b->value[i]));
    return PAL_OK;
}

typedef struct level {
    char *text;
    double value; /* if all levels are numbers */
    size_t word;
} level;

static int compare_levels(const void *a, const void *b)
{
    const level *x = a, *y = b;
    if (x->value != y->value) return (x->value > y->value) - (x->value < y->value);
    return strcmp(x->text, y->text);
}

/* Sorts the words. map[word]: its level. */
static void sort_levels(const palt__reading *r, const palt__words *words, level *levels, uint32_t *map)
{
    bool numbers = true;
    for (size_t i = 0; i < words->n && numbers; i++)
        numbers = palt__csv_value(word_at(words, i), r->point ? r->point : '.', r->plain, &levels[i].value);
    for (size_t i = 0; i < words->n; i++) {
        if (!numbers) levels[i].value = 0;
        levels[i].text = words->bytes + words->word[i].at;
        levels[i].word = i;
    }
    qsort(levels, words->n, sizeof *levels, compare_levels);
    for (size_t i = 0; i < words->n; i++) map[levels[i].word] = (uint32_t)i;
}

static pal_status make_levels(const palt__reading *r, palt__building *b, palt__table_column *out)
{
    const size_t n = b->words.n;
    level *levels = malloc((n + 1) * sizeof *levels);
    uint32_t *map = malloc((n + 1) * sizeof *map);
    out->kind = PALT__CELLS_TEXT;
    out->levels = calloc(n + 1, sizeof *out->levels);
    bool done = levels && map && out->levels;
    if (done) sort_levels(r, &b->words, levels, map);
    for (; done && out->n_levels < n; out->n_levels += done) {
        out->levels[out->n_levels] = strdup(levels[out->n_levels].text);
        done = out->levels[out->n_levels] != NULL;
    }
    for (int64_t i = 0; done && i < r->rows; i++)
        if (!isnan(b->value[i])) b->value[i] = map[(size_t)b->value[i]];
    free(levels);
    free(map);
    return done ? PAL_OK : no_memory(r);
}

/* ---- What is refused ----------------------------------------------------------------------------------------------
 */

/* Texts of these kinds alone are no categories. */
static const struct {
    palt__csv_kind kind;
    const char *text;
} disguises[] = {
    {PALT__DATE, "is a date or a time that is not read"},
    {PALT__COMMA, "has a decimal comma, which is not read where commas separate: write a decimal point"},
    {PALT__GROUPS, "has marks between its digits: write only a decimal point, as in 1234.5"},
    {PALT__SIGN, "has a sign that is no part of a number: remove the sign"},
};
enum { DISGUISES = sizeof disguises / sizeof *disguises };

static bool all_dates(const palt__words *words)
{
    double days;
    size_t i = 0;
    while (i < words->n && palt__date_parse(word_at(words, i).begin, word_at(words, i).end, &days)) i++;
    return i == words->n;
}

static pal_status refuse_disguise(const palt__reading *r, int64_t column, size_t disguise)
{
    const palt__words *words = &r->columns[column - 1].words;
    char called[PALT__CALLED_SIZE], name[PALT__CALLED_SIZE], shown[PALT__SHOWN_SIZE], date[PALT__CALLED_SIZE + 64] = "";
    palt__by_name(r, column, name);
    const bool dates = disguises[disguise].kind == PALT__DATE;
    if (dates && all_dates(words)) snprintf(date, sizeof date, "--date %s to read it as days, ", name);
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: line %lld, %s: \"%s\" %s%s %s--ignore %s, or --category %s",
                         palt__shown_path(r->source.path), (long long)words->word[0].line,
                         palt__called(r, column, called),
                         palt__shown_text(words->bytes + words->word[0].at, words->word[0].size, shown),
                         disguises[disguise].text, dates ? ": say" : ", or say", date, name, name);
}

static pal_status check_texts(const palt__reading *r, int64_t column)
{
    const palt__building *b = r->columns + column - 1;
    bool is[DISGUISES] = {true, true, true, true};
    for (size_t i = 0; i < b->words.n; i++) {
        const palt__csv_kind kind = palt__csv_classify(word_at(&b->words, i), r->plain);
        bool some = false;
        for (size_t d = 0; d < DISGUISES; d++) some |= is[d] = is[d] && kind == disguises[d].kind;
        if (!some) break;
    }
    for (size_t d = 0; d < DISGUISES; d++)
        if (is[d]) return refuse_disguise(r, column, d);
    if (r->rows <= UNIQUE_LEAST || (int64_t)b->words.n != r->rows - b->missing) return PAL_OK;
    char called[PALT__CALLED_SIZE], name[PALT__CALLED_SIZE];
    palt__by_name(r, column, name);
    return pal_error_set(r->err, PAL_ERR_FORMAT,
                         "%s: %s has another text in each of %lld rows, so it is no feature: say --id %s if it names "
                         "the rows, --ignore %s, or --category %s",
                         palt__shown_path(r->source.path), palt__called(r, column, called), (long long)r->rows, name,
                         name, name);
}

/* ---- The table ----------------------------------------------------------------------------------------------------
 */

static pal_status finish_column(palt__reading *r, int64_t column, palt__table_column *out)
{
    palt__building *b = r->columns + column - 1;
    const bool told = b->role == PALT__ROLE_CATEGORY || b->role == PALT__ROLE_LABEL || b->role == PALT__ROLE_ID;
    pal_status status = PAL_OK;
    out->number = column;
    out->missing = b->missing;
    if (b->state == PALT__STATE_VAGUE) b->state = PALT__STATE_WORDS;
    if (told || b->state == PALT__STATE_WORDS) {
        const char *const *pair = told ? NULL : find_pair(&b->words);
        if (!pair && !told) status = check_texts(r, column);
        if (status == PAL_OK) status = pair ? make_truth(r, b, pair, out) : make_levels(r, b, out);
        palt__words_free(&b->words);
    }
    out->value = realloc(b->value, (size_t)r->rows * sizeof *b->value); /* gives back what is too much */
    if (!out->value) out->value = b->value;
    out->name = b->name;
    b->value = NULL;
    b->name = NULL;
    return status;
}

pal_status palt__table_finish(palt__reading *r, palt__table *table)
{
    pal_status status = find_index(r);
    if (status != PAL_OK) return status;
    table->columns = calloc((size_t)r->layout.columns, sizeof *table->columns);
    if (!table->columns) return no_memory(r);
    table->rows = r->rows;
    table->header = r->layout.header;
    for (int64_t i = r->index || r->named; status == PAL_OK && i < r->layout.columns; i++)
        if (r->columns[i].role != PALT__ROLE_IGNORE)
            status = finish_column(r, i + 1, table->columns + table->n_columns++);
    if (status != PAL_OK || table->n_columns) return status;
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: all its columns are left out: give fewer to --ignore",
                         palt__shown_path(r->source.path));
}
