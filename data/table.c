/* table.c - reads a whole text table into columns: one pass over the lines of the file, after a look at the first ones.
 *
 * A plain number goes from the text to its column without being looked at twice; table_cell.c has all other cells. */
#include "data/table_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef palt__reading reading;
enum { ROOM_LEAST = 1 << 24 /* bytes of a file whose table may not fit */, SAMPLE_BYTES = 1 << 22 };

static pal_status fail(const reading *r, pal_status status, const char *problem)
{
    return pal_error_set(r->err, status, "%s: %s", palt__shown_path(r->source.path), problem);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------
 */

static pal_status grow(reading *r)
{
    const int64_t capacity = r->capacity ? r->capacity * 2 : r->expected + 4;
    if (capacity > PTRDIFF_MAX / 16) return fail(r, PAL_ERR_MEMORY, "no memory to read it");
    for (int64_t i = 0; i < r->layout.columns; i++) {
        if (r->columns[i].role == PALT__ROLE_IGNORE) continue;
        double *value = realloc(r->columns[i].value, (size_t)capacity * sizeof *value);
        if (!value) return fail(r, PAL_ERR_MEMORY, "no memory to read it");
        r->columns[i].value = value;
    }
    r->capacity = capacity;
    return PAL_OK;
}

void palt__table_flush(reading *r)
{
    const size_t columns = (size_t)r->layout.columns, n = (size_t)(r->row - r->block) / columns;
    const int64_t from = r->rows - (int64_t)n;
    for (size_t i = 0; i < columns && n; i++)
        for (size_t k = 0; k < n && r->columns[i].value; k++)
            r->columns[i].value[from + (int64_t)k] = r->block[k * columns + i];
    if (n) memcpy(r->block, r->row, columns * sizeof *r->row); /* of the row that is read */
    r->row = r->block;
}

/* The row that was read is complete. */
static void end_row(reading *r)
{
    r->rows++;
    r->row += r->layout.columns;
    if (r->row == r->block + PALT__BLOCK * r->layout.columns) palt__table_flush(r);
}

static pal_status refuse_count(const reading *r, palt__csv_line line)
{
    const palt__table_layout *l = &r->layout;
    const bool commas = l->style.separator == ',';
    const int64_t found = palt__csv_count(l->style, line), expected = l->columns - (l->fewer && !r->rows);
    return pal_error_set(
        r->err, PAL_ERR_FORMAT, "%s: line %lld has %lld columns%s%s, expected %lld as in line %lld: %s%s",
        palt__shown_path(r->source.path), (long long)line.number, (long long)found, commas ? "" : " between ",
        commas ? "" : palt__csv_separator(l->style), (long long)expected, (long long)r->first_line,
        l->header && !r->rows ? "give each column one name there, or " : "",
        found < expected ? "fill in what is missing, or remove the row"
        : commas ? "remove what is too much, such as a comma inside a number (write 1.5, not 1,5), or write the "
                   "text with it in quotes"
                 : "remove what is too much, or write the text with it in quotes");
}

/* Reads a plain number, perhaps in quotes, at the start of a field. Returns its end, at a separator or the end of the
 * line. NULL: it is something else. sure: it cannot be the first number with a decimal mark. */
static inline const char *take_number(const reading *r, const char *at, const char *end, bool sure, double *value)
{
    const palt__csv_style style = r->layout.style;
    const char *begin = palt__csv_skip(style, at);
    const bool quoted = *begin == '"';
    const char *stop = palt__number_parse(begin + quoted, r->point ? r->point : '.', r->plain, value);
    if (!stop || (quoted && *stop++ != '"') || !isfinite(*value)) return NULL;
    stop = palt__csv_end(style, stop, end);
    return stop && (sure || !memchr(begin, '.', (size_t)(stop - begin))) ? stop : NULL;
}

/* Reads the field at *at, which then is its end. */
static pal_status read_field(reading *r, palt__csv_line *line, int64_t column, const char **at)
{
    palt__csv_field field;
    bool more;
    const char *next = *at;
    pal_status status = palt__table_field(&r->lines, line, r->layout.style, &next, &field, &more, r->err);
    if (status != PAL_OK) return status;
    status = palt__table_cell(r, line->number, column, &field);
    *at = next ? next - 1 : line->end;
    if (status != PAL_ERR_FORMAT || field.open) return status;
    const int64_t count = palt__csv_count(r->layout.style, *line); /* what the row is comes before what is in it */
    return count == r->layout.columns || count == r->layout.columns + r->layout.trailing ? status
                                                                                         : refuse_count(r, *line);
}

/* Whether a separator at *at is the last of the line, as each line has it. */
static bool is_trailing(const reading *r, int64_t column, const char *at, const char *end)
{
    return column == r->layout.columns && r->layout.trailing && palt__csv_skip(r->layout.style, at + 1) == end;
}

static pal_status read_row(reading *r, palt__csv_line line)
{
    const char *at = line.text;
    bool sure = r->point || !memchr(line.text, '.', (size_t)(line.end - line.text));
    pal_status status = r->rows == r->capacity ? grow(r) : PAL_OK;
    for (int64_t column = 1; status == PAL_OK; column++) {
        if (column > r->layout.columns) return refuse_count(r, line);
        palt__building *b = r->columns + column - 1;
        double value;
        const bool plain = b->role == PALT__ROLE_NONE && b->state == PALT__STATE_NUMBERS;
        const char *stop = plain ? take_number(r, at, line.end, sure, &value) : NULL;
        if (stop) {
            r->row[column - 1] = value;
            at = stop;
        } else {
            status = read_field(r, &line, column, &at);
            sure = sure && r->lines.number == line.number; /* else it has grown */
        }
        if (at < line.end && !is_trailing(r, column, at, line.end)) {
            at++;
            continue;
        }
        if (status != PAL_OK) return status;
        if (column < r->layout.columns) return refuse_count(r, line);
        palt__csv_weigh(&r->doubt, &(palt__csv_layout){.style = r->layout.style}, line);
        end_row(r);
        return PAL_OK;
    }
    return status;
}

/* ---- Lines --------------------------------------------------------------------------------------------------------
 */

static pal_status refuse_empty(const reading *r)
{
    return pal_error_set(r->err, PAL_ERR_FORMAT, "%s: line %lld is empty, expected a row: remove the line",
                         palt__shown_path(r->source.path), (long long)r->empty);
}

/* Lines with separators and nothing between them were rows without any value, since a row follows them. */
static pal_status fill_in(reading *r)
{
    if (r->empties > r->unfilled || !r->columns) return refuse_empty(r);
    for (pal_status status = PAL_OK; r->unfilled; r->unfilled--, end_row(r)) {
        if (r->rows == r->capacity) status = grow(r);
        if (status != PAL_OK) return status;
        for (int64_t i = 0; i < r->layout.columns; i++) {
            if (r->columns[i].role == PALT__ROLE_IGNORE) continue;
            r->row[i] = NAN;
            r->columns[i].missing++;
        }
    }
    r->empties = 0;
    return PAL_OK;
}

/* Takes the next line with content. line->text is NULL after the last one. */
static pal_status next_line(reading *r, palt__csv_line *line)
{
    const palt__table_layout *l = &r->layout;
    for (;;) {
        const pal_status status = palt__csv_next(&r->lines, r->source.path, line, r->err);
        if (status != PAL_OK || !line->text) return status;
        if (!palt__csv_is_empty(*line, l->style.separator)) return r->empties ? fill_in(r) : PAL_OK;
        if (!r->empties++) r->empty = line->number;
        const int64_t fields = palt__csv_count(l->style, *line);
        r->unfilled += fields > 1 && (fields == l->columns || fields == l->columns + l->trailing);
    }
}

/* Takes the first line that is neither a comment nor sep=;. */
static pal_status first_line(reading *r, palt__csv_line *line)
{
    for (;;) {
        const pal_status status = next_line(r, line);
        if (status != PAL_OK || !line->text) return status;
        if (!palt__csv_is_lead(*line, &r->separator, &r->comments)) break;
    }
    r->first_line = line->number;
    return PAL_OK;
}

/* Whether the table fits, before all of it is read: the size of the file, and of its first row, tell about how many
 * rows there are. */
static pal_status check_room(reading *r, palt__csv_line row)
{
    const double bytes = (double)(row.end - row.text) + 1, size = (double)r->source.length;
    if (size <= 0) return PAL_OK;
    const double rows = 1.05 * size / fmax(bytes, (double)r->layout.columns); /* a cell has a byte */
    r->expected = (int64_t)rows;
    if (size < ROOM_LEAST) return PAL_OK;
    return palt__check_room(r->context, sizeof(double) * rows * (double)r->layout.columns, r->source.path, r->err);
}

/* Finds the end of the header line, which may have line ends in quotes. */
static pal_status complete_header(reading *r, palt__csv_line *line)
{
    palt__csv_field field;
    bool more = true;
    pal_status status = PAL_OK;
    for (const char *at = line->text; more && status == PAL_OK;)
        status = palt__table_field(&r->lines, line, r->layout.style, &at, &field, &more, r->err);
    return status;
}

static pal_status read_lines(reading *r)
{
    palt__csv_line line;
    pal_status status = first_line(r, &line);
    if (status == PAL_OK && line.text && r->layout.header) status = complete_header(r, &line);
    if (status != PAL_OK) return status;
    const double each = sizeof *r->columns + (PALT__BLOCK + 4) * sizeof(double);
    status = palt__check_room(r->context, each * (double)r->layout.columns, r->source.path, r->err);
    if (status != PAL_OK) return status;
    r->columns = calloc((size_t)r->layout.columns, sizeof *r->columns);
    r->row = r->block = calloc(PALT__BLOCK + 1, (size_t)r->layout.columns * sizeof *r->block);
    if (!r->columns || !r->block) return fail(r, PAL_ERR_MEMORY, "no memory to read it");
    status = palt__table_name_columns(r, line);
    if (status == PAL_OK && r->layout.header) status = next_line(r, &line);
    if (status == PAL_OK && line.text) status = check_room(r, line);
    r->doubt = palt__csv_doubts(
        &(palt__csv_layout){.style = r->layout.style, .header = r->layout.header, .columns = r->layout.columns});
    while (status == PAL_OK && line.text) {
        status = read_row(r, line);
        if (status == PAL_OK) status = next_line(r, &line);
    }
    palt__table_flush(r);
    if (status != PAL_OK || r->rows) return status;
    return fail(r, PAL_ERR_FORMAT, "has no rows, expected at least one line with cells");
}

/* ---- The file -----------------------------------------------------------------------------------------------------
 */

/* Looks at the first lines of the file, without taking them. */
static pal_status look(reading *r)
{
    palt__sample sample = {.path = r->source.path, .plain = r->plain, .options = r->options, .err = r->err};
    const char *text;
    pal_status status =
        palt__lines_peek(&r->lines, 2 * PALT__SAMPLE_ROWS, SAMPLE_BYTES, &text, &sample.size, &sample.whole, r->err);
    if (status != PAL_OK) return status;
    sample.text = malloc(sample.size + 1);
    sample.copy = malloc(sample.size + 1);
    if (sample.text && sample.copy) {
        memcpy(sample.text, text, sample.size);
        sample.text[sample.size] = '\0';
        palt__csv_line line = {sample.text, sample.text + sample.size, 1};
        status = palt__csv_begin(&line, r->source.path, r->err);
        if (!sample.whole) /* the last line is not complete */
            while (sample.size && sample.text[sample.size - 1] != '\n' && sample.text[sample.size - 1] != '\r')
                sample.size--;
        const size_t skipped = (size_t)(line.text - sample.text);
        memmove(sample.text, line.text, sample.size + 1 - skipped);
        sample.size -= skipped;
        if (status == PAL_OK) status = palt__table_find_layout(&sample, &r->layout);
    } else {
        status = fail(r, PAL_ERR_MEMORY, "no memory to read it");
    }
    free(sample.text);
    free(sample.copy);
    return status;
}

static void close_reading(reading *r)
{
    for (int64_t i = 0; r->columns && i < r->layout.columns; i++) {
        free(r->columns[i].name);
        free(r->columns[i].value);
        palt__words_free(&r->columns[i].words);
    }
    free(r->columns);
    free(r->block);
    free(r->scratch);
    palt__lines_free(&r->lines);
    palt__source_close(&r->source);
    freelocale(r->plain);
}

palt__table *palt__table_read(pal_context *context, const char *path, const pal_data_options *options, pal_note *note,
                              pal_error *err)
{
    reading r = {.err = err, .context = context, .options = options, .plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    palt__table *table = calloc(1, sizeof *table);
    bool done = false;
    if (!r.plain || !table) {
        pal_error_set(err, PAL_ERR_MEMORY, "no memory to read a file");
        free(table);
        if (r.plain) freelocale(r.plain);
        return NULL;
    }
    if (palt__source_open(&r.source, path, err) == PAL_OK) {
        r.lines.source = &r.source;
        done = look(&r) == PAL_OK && read_lines(&r) == PAL_OK &&
               palt__csv_check_doubt(&r.doubt, r.source.path, err) == PAL_OK && palt__table_finish(&r, table) == PAL_OK;
    }
    if (done && note) palt__table_note(&r, table, note);
    close_reading(&r);
    if (done) return table;
    palt__table_free(table);
    return NULL;
}

void palt__table_free(palt__table *table)
{
    if (!table) return;
    for (size_t i = 0; i < table->n_columns; i++) {
        palt__table_column *c = table->columns + i;
        for (size_t k = 0; k < c->n_levels; k++) free(c->levels[k]);
        free(c->levels);
        free(c->value);
        free(c->name);
    }
    free(table->columns);
    free(table);
}

int64_t palt__table_find(const palt__table *table, const char *column)
{
    char *end;
    for (size_t i = 0; i < table->n_columns; i++)
        if (table->columns[i].name && !strcmp(table->columns[i].name, column)) return (int64_t)i;
    const long long number = strtoll(column, &end, 10);
    for (size_t i = 0; i < table->n_columns && !*end; i++)
        if (table->columns[i].number == number) return (int64_t)i;
    return -1;
}
