/* detect_rows.c - rows of text from standard input for `palindrome detect`, as they come.
 *
 * A line is a row of cells that are separated by commas, semicolons, tabs or blanks. For a model without columns the
 * cells are its features. For a model of a table they are as in its training data: numbers in their units, words, empty
 * cells, in quotes or not; then they are scaled and spread as the model's schema says. A first line may name the
 * columns, in any order and with others among them; without it there are as many cells as columns, in the order of
 * training.
 *
 * Rows are taken as long as more input waits, so that a batch is full where rows come fast, and a row is answered at
 * once where they come slowly. The reader of tables reads files as a whole, so it does not serve here. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/detect.h"

struct pal_cli_stream {
    const pal_schema *schema; /* NULL: the cells are the features */
    size_t columns, features; /* of the model; without a schema they are equal */
    size_t used, size, at;    /* text[at..used) was read and not taken */
    char *text;
    int64_t line;
    char separator; /* 0: not known yet; ' ': blanks or tabs */
    bool ended, warned;
    int64_t *place; /* [cells]: the column of each cell of a line, -1: none; NULL: no line has named the columns */
    size_t cells;   /* with place: of a line */
    double *row;    /* [columns] */
};

pal_cli_stream *pal_cli_stream_new(const pal_schema *schema, size_t features)
{
    pal_cli_stream *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->schema = schema;
    s->features = features;
    s->columns = schema ? (size_t)schema->n_columns : features;
    s->row = malloc(s->columns * sizeof *s->row);
    if (s->row) return s;
    free(s);
    return NULL;
}

void pal_cli_stream_free(pal_cli_stream *s)
{
    if (!s) return;
    free(s->text);
    free(s->place);
    free(s->row);
    free(s);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------ */

/* Reads what is there, at least a byte. */
static int fill(pal_cli_stream *s)
{
    if (s->at) memmove(s->text, s->text + s->at, s->used - s->at);
    s->used -= s->at;
    s->at = 0;
    if (s->size - s->used < 4096) {
        const size_t size = s->size ? 2 * s->size : 1 << 16;
        char *text = realloc(s->text, size);
        if (!text) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
        s->text = text;
        s->size = size;
    }
    ssize_t n;
    do n = read(STDIN_FILENO, s->text + s->used, s->size - s->used - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0) return pal_cli_say(PAL_CLI_FAILED, "standard input: %s", strerror(errno));
    s->ended = n == 0;
    s->used += (size_t)n;
    s->text[s->used] = 0;
    return PAL_CLI_GO_ON;
}

/* The next line, with a zero in place of its end. NULL: it is not there yet. */
static char *take_line(pal_cli_stream *s)
{
    if (s->at == s->used) return NULL;
    char *line = s->text + s->at, *end = memchr(line, '\n', s->used - s->at);
    if (!end && !s->ended) return NULL;
    s->at = end ? (size_t)(end - s->text) + 1 : s->used;
    if (!end) end = s->text + s->used;
    *end = 0;
    if (end > line && end[-1] == '\r') end[-1] = 0;
    s->line++;
    return line;
}

/* ---- Cells ------------------------------------------------------------------------------------------------------ */

static bool is_blank(const char *text) { return !text[strspn(text, " \t")]; }

static char *skip(const pal_cli_stream *s, char *at) { return at + strspn(at, s->separator == '\t' ? " " : " \t"); }

/* What separates the cells: what is first in this list and not in quotes. A comma beside semicolons is a decimal one.
 */
static char find_separator(const char *line)
{
    static const char list[] = ";,\t|";
    size_t found = sizeof list - 1;
    bool quoted = false;
    for (const char *c = line; *c; c++) {
        const char *at = strchr(list, *c);
        if (*c == '"') quoted = !quoted;
        if (!quoted && at && (size_t)(at - list) < found) found = (size_t)(at - list);
    }
    return found < sizeof list - 1 ? list[found] : ' ';
}

typedef struct cell {
    char *text; /* ends in a zero */
    bool letter;
} cell;

/* Takes the cell at *at, which becomes that of the next cell; NULL: there is none. Writes into the line. */
static cell take_cell(const pal_cli_stream *s, char **at)
{
    char *begin = skip(s, *at), *to = begin, *from = begin, *end = begin;
    if (*begin == '"') {
        for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
            if (*from == '"') from++;
            *to++ = *from;
        }
        from += *from == '"';
        end = to;
    }
    char *next = s->separator == ' ' ? from + strcspn(from, " \t") : strchr(from, s->separator);
    if (!next) next = from + strlen(from);
    if (from == begin) {
        end = next;
        while (end > begin && (end[-1] == ' ' || end[-1] == '\t')) end--;
    }
    char *after = skip(s, next);
    *at = !*after ? NULL : s->separator == ' ' ? after : after + 1;
    *end = 0;
    cell c = {.text = begin};
    for (const char *k = begin; *k; k++) c.letter |= isalpha((unsigned char)*k) != 0;
    return c;
}

/* NAN: it is no number. */
static double number_of(const pal_cli_stream *s, char *text)
{
    char *comma = s->separator == ',' || strchr(text, '.') ? NULL : strchr(text, ','), *end;
    if (comma) *comma = '.';
    const double x = strtod(text, &end);
    return end == text || *end ? (double)NAN : x;
}

static bool is_missing(const char *text)
{
    static const char *const words[] = {"",     "NA",   "N/A",  "n/a", "<NA>", "NaN", "nan",
                                        "NULL", "null", "None", "?",   "-",    "\\N", "#N/A"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(text, words[i])) return true;
    return false;
}

/* ---- The line with the names ------------------------------------------------------------------------------------ */

static int64_t column_of(const pal_cli_stream *s, const char *name)
{
    for (int64_t j = 0; s->schema && j < s->schema->n_columns; j++)
        if (s->schema->columns[j].name && !strcmp(s->schema->columns[j].name, name)) return j;
    return -1;
}

/* Whether no cell is a number and each has a letter. */
static bool is_words(const pal_cli_stream *s, char *line)
{
    for (char *at = line; at;) {
        const cell c = take_cell(s, &at);
        if (!c.letter || !isnan(number_of(s, c.text))) return false;
    }
    return true;
}

static bool has_numbers(const pal_schema *schema)
{
    for (int64_t j = 0; schema && j < schema->n_columns; j++)
        if (schema->columns[j].kind == PAL_COLUMN_NUMBER) return true;
    return !schema;
}

/* Reads the first line, which may name the columns: *names. It is read from a copy, since cells are taken in place. */
static int take_names(pal_cli_stream *s, const char *line, bool *names)
{
    char *copy = strdup(line), *again = strdup(line);
    int64_t *place = malloc((strlen(line) + 1) * sizeof *place);
    bool *seen = calloc(s->columns, sizeof *seen);
    int status = copy && again && place && seen ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_FAILED, "out of memory");
    size_t cells = 0, found = 0, missing = 0;
    for (char *at = status == PAL_CLI_GO_ON ? copy : NULL; at; cells++) {
        const int64_t j = column_of(s, take_cell(s, &at).text);
        place[cells] = j < 0 || seen[j] ? -1 : j;
        if (place[cells] >= 0) seen[j] = true, found++;
    }
    while (seen && missing < s->columns && seen[missing]) missing++;
    *names = found > 0 || (status == PAL_CLI_GO_ON && has_numbers(s->schema) && is_words(s, again));
    if (found && missing < s->columns) {
        status = pal_cli_say(PAL_CLI_FAILED,
                             "standard input: line %lld names no column %.80s, but the model was trained on it: add it",
                             (long long)s->line, s->schema->columns[missing].name);
    } else if (found) {
        s->place = place;
        s->cells = cells;
        place = NULL;
    }
    free(copy);
    free(again);
    free(place);
    free(seen);
    return status;
}

/* ---- A row ------------------------------------------------------------------------------------------------------ */

/* The level of a word; NAN: training did not have it. */
static double level_of(const pal_column *c, const char *text)
{
    int64_t k = 0;
    while (k < c->n_levels && strcmp(c->levels[k], text) != 0) k++;
    return k < c->n_levels ? (double)k : (double)NAN;
}

/* Says it once, since a stream may have such words for ever. */
static void warn_of_word(pal_cli_stream *s, int64_t column, const char *text)
{
    char name[96];
    if (!s->warned)
        pal_cli_say(PAL_CLI_GO_ON,
                    "warning: standard input: line %lld, %s: '%.40s' is a word that training did not have: such cells "
                    "are read as missing",
                    (long long)s->line, pal_schema_name(s->schema, column, name, sizeof name), text);
    s->warned = true;
}

static int refuse_number(const pal_cli_stream *s, size_t n, int64_t column, const char *text)
{
    char name[96];
    if (s->schema && s->schema->columns[column].name)
        return pal_cli_say(PAL_CLI_FAILED,
                           "standard input: line %lld, %s: '%.40s' is not a finite number: give a number",
                           (long long)s->line, pal_schema_name(s->schema, column, name, sizeof name), text);
    return pal_cli_say(PAL_CLI_FAILED,
                       "standard input: line %lld, column %zu: '%.40s' is not a finite number: give numbers alone",
                       (long long)s->line, n + 1, text);
}

static int refuse_count(const pal_cli_stream *s, size_t n)
{
    if (s->place)
        return pal_cli_say(PAL_CLI_FAILED, "standard input: line %lld has %zu cells, but line 1 names %zu columns",
                           (long long)s->line, n, s->cells);
    if (s->schema && s->schema->columns[0].name)
        return pal_cli_say(PAL_CLI_FAILED,
                           "standard input: line %lld has %zu columns, but the run takes %zu: give those, or a first "
                           "line that names them",
                           (long long)s->line, n, s->columns);
    return pal_cli_say(PAL_CLI_FAILED, "standard input: line %lld has %zu columns, but the run takes %zu features",
                       (long long)s->line, n, s->columns);
}

/* A line as a row x [features]. A wrong number of cells explains more than the first cell that is not a number. */
static int take_row(pal_cli_stream *s, char *line, float *x, float *known)
{
    const size_t cells = s->place ? s->cells : s->columns;
    size_t n = 0, bad = 0;
    int64_t bad_column = -1, new_column = -1;
    const char *bad_text = "", *new_text = "";
    for (char *at = line; at; n++) {
        const cell c = take_cell(s, &at);
        const int64_t j = n >= cells ? -1 : s->place ? s->place[n] : (int64_t)n;
        if (j < 0) continue;
        const bool missing = s->schema && is_missing(c.text),
                   number = !s->schema || s->schema->columns[j].kind == PAL_COLUMN_NUMBER;
        s->row[j] = missing ? (double)NAN : number ? number_of(s, c.text) : level_of(&s->schema->columns[j], c.text);
        if (missing || isfinite((float)s->row[j])) continue;
        if (number && bad_column < 0) {
            bad = n;
            bad_column = j;
            bad_text = c.text;
        } else if (!number) {
            new_column = j;
            new_text = c.text;
        }
    }
    if (n != cells) return refuse_count(s, n);
    if (bad_column >= 0) return refuse_number(s, bad, bad_column, bad_text);
    if (new_column >= 0) warn_of_word(s, new_column, new_text);
    if (s->schema) {
        pal_schema_apply(s->schema, s->row, 1, x, known);
        return PAL_CLI_GO_ON;
    }
    for (size_t j = 0; j < s->features; j++) {
        x[j] = (float)s->row[j];
        known[j] = 1;
    }
    return PAL_CLI_GO_ON;
}

static bool waits(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) > 0;
}

int pal_cli_stream_take(pal_cli_stream *s, size_t most, float *x, float *known, size_t *n)
{
    int status = PAL_CLI_GO_ON;
    for (*n = 0; *n < most && status == PAL_CLI_GO_ON;) {
        char *line = take_line(s);
        if (!line && (s->ended || (*n && !waits()))) break;
        if (!line) {
            status = fill(s);
            continue;
        }
        if (is_blank(line)) continue;
        if (!s->separator) {
            bool names;
            if (!strncmp(line, "\357\273\277", 3)) line += 3; /* the mark of UTF-8 */
            s->separator = find_separator(line);
            status = take_names(s, line, &names);
            if (names || status != PAL_CLI_GO_ON) continue;
        }
        status = take_row(s, line, x + *n * s->features, known + *n * s->features);
        if (status == PAL_CLI_GO_ON) ++*n;
    }
    return status;
}
