/* csv.c - reads a text table of numbers: the lines before the first row, all rows, and what is said about them. */
#include "data/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef palt__csv_reading reading;
enum { ROOM_LEAST = 1 << 24 /* bytes of a file whose table may not fit */ };

static pal_status fail(const reading *r, pal_status status, const char *problem)
{
    return pal_error_set(r->err, status, "%s: %s", palt__shown_path(r->source.path), problem);
}

/* ---- The first lines -------------------------------------------------------------------------------------------- */

/* Takes the next line with content. line->text is NULL after the last one. Empty lines are accepted only at the end. */
static pal_status next_line(reading *r, palt__csv_line *line)
{
    for (;;) {
        const pal_status status = palt__csv_next(&r->lines, r->source.path, line, r->err);
        if (status != PAL_OK || !line->text) return status;
        if (palt__csv_is_empty(*line, r->layout.style.separator)) {
            if (!r->empties++) r->empty = line->number;
            r->unfilled += line->text[strspn(line->text, " \t")] != '\0';
            continue;
        }
        if (!r->empties) return PAL_OK;
        if (r->unfilled && !r->kept)
            return pal_error_set(r->err, PAL_ERR_FORMAT,
                                 "%s: line %lld has separators and nothing between them: name the columns there, or "
                                 "remove the line",
                                 palt__shown_path(r->source.path), (long long)r->empty);
        return pal_error_set(r->err, PAL_ERR_FORMAT,
                             "%s: line %lld is empty, expected a row of numbers: remove the line",
                             palt__shown_path(r->source.path), (long long)r->empty);
    }
}

/* Takes the first line that is neither a comment nor the line sep=; in which a workbook states the separator. */
static pal_status first_line(reading *r, palt__csv_line *line)
{
    for (;;) {
        const pal_status status = next_line(r, line);
        if (status != PAL_OK || !line->text) return status;
        if (!palt__csv_is_lead(*line, &r->separator, &r->comments)) return PAL_OK;
    }
}

/* Whether the table fits, before all of it is read: the size of the file, and of its first row, tell about how many
 * numbers there are. Values and tensor are in memory at the same time. */
static pal_status check_room(const reading *r, palt__csv_line row)
{
    const double bytes = (double)(row.end - row.text) + 1, size = (double)r->source.length;
    if (!row.text || size < ROOM_LEAST) return PAL_OK;
    const double values = size / bytes * (double)r->layout.columns;
    return palt__check_room(r->context, 2 * sizeof(float) * values, r->source.path, r->err);
}

/* Reads the first two lines, finds out what they are, and takes those that are rows. */
static pal_status read_first(reading *r)
{
    palt__csv_line line;
    pal_status status = first_line(r, &line);
    if (status != PAL_OK || !line.text) return status;
    const size_t size = (size_t)(line.end - line.text);
    r->kept = malloc(size + 1);
    if (!r->kept) return fail(r, PAL_ERR_MEMORY, "no memory to read it");
    memcpy(r->kept, line.text, size + 1);
    r->first = (palt__csv_line){r->kept, r->kept + size, line.number};

    status = next_line(r, &line);
    if (status != PAL_OK) return status;
    status = palt__csv_find_layout(r->first, line, r->separator, r->source.path, r->plain, &r->layout, r->err);
    if (status != PAL_OK) return status;
    status = check_room(r, line);
    if (status != PAL_OK) return status;
    r->doubt = palt__csv_doubts(&r->layout);
    if (!r->layout.header) status = palt__csv_row(r, r->first);
    return status == PAL_OK && line.text ? palt__csv_row(r, line) : status;
}

static pal_status read_lines(reading *r)
{
    palt__csv_line line = {0};
    pal_status status = read_first(r);
    while (status == PAL_OK && r->rows) {
        status = next_line(r, &line);
        if (status != PAL_OK || !line.text) break;
        status = palt__csv_row(r, line);
    }
    if (status != PAL_OK || r->rows) return status;
    return fail(r, PAL_ERR_FORMAT, "has no rows, expected at least one line of numbers");
}

/* ---- The result ------------------------------------------------------------------------------------------------- */

/* Whether the first row may be the names of columns: it counts (2019, 2020), or is whole above a row of fractions, and
 * no name stands twice in a row. */
static bool may_be_names(const reading *r)
{
    const float *x = r->values;
    const int64_t n = r->layout.columns;
    bool counts = n > 1, above = r->rows > 1;
    for (int64_t i = 0; i < n && !r->layout.header; i++) {
        if (x[i] != floorf(x[i])) return false;
        counts &= i == 0 || x[i] == x[i - 1] + 1;
        above = above && x[n + i] != floorf(x[n + i]) && (i == 0 || x[i] != x[i - 1]);
    }
    return !r->layout.header && (counts || above);
}

enum { COUNTED = 4 }; /* fewer rows may count by chance */

static void write_note(const reading *r, pal_note *note)
{
    const palt__csv_layout *l = &r->layout;
    if (r->comments)
        palt__note_add(note, "%lld comment line%s left out", (long long)r->comments, r->comments == 1 ? "" : "s");
    if (l->header)
        palt__note_add(note, "line %lld names the columns", (long long)r->first.number);
    else
        palt__note_add(note, "no header line");
    if (l->style.separator != ',') palt__note_add(note, "%s separate", palt__csv_separator(l->style));
    if (r->point == ',') palt__note_add(note, "decimal commas");
    if (l->index) palt__note_add(note, "column 1 left out: it has no name and counts, so it is an index");
    if (r->counting && r->rows >= COUNTED) palt__note_add(note, "column 1 counts: if it is an index, remove it");
    if (l->trailing) palt__note_add(note, "the separator at the end of each line left out");
    if (r->unfilled)
        palt__note_add(note, "%lld line%s without values at the end left out", (long long)r->unfilled,
                       r->unfilled == 1 ? "" : "s");
    if (r->rounded)
        palt__note_add(note,
                       "%lld whole number%s beyond 2^24, which float32 rounds, so that different ones may become equal "
                       "(%s in line %lld): subtract an offset, or divide",
                       (long long)r->rounded, r->rounded == 1 ? "" : "s", r->large, (long long)r->large_line);
    if (r->doubt.halves)
        palt__note_add(note, "\"%s\" in line %lld is read as two columns: if it is a decimal comma, write a point",
                       r->doubt.shown, (long long)r->doubt.line);
    if (may_be_names(r))
        palt__note_add(note, "line %lld is read as a sample: if it names the columns, remove it",
                       (long long)r->first.number);
}

static pal_tensor *make_tensor(const reading *r, pal_context *context)
{
    pal_tensor *tensor = pal_tensor_new(context, PAL_F32, PAL_SHAPE(r->rows, r->layout.columns - r->layout.index));
    if (tensor) {
        memcpy(tensor->data, r->values, r->count * sizeof *r->values);
    } else {
        pal_error_set(r->err, PAL_ERR_MEMORY, "%s: no memory for its %lld rows", palt__shown_path(r->source.path),
                      (long long)r->rows);
    }
    return tensor;
}

pal_tensor *palt__csv_read(pal_context *context, const char *path, pal_note *note, pal_error *err)
{
    reading r = {.err = err, .context = context, .plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    pal_tensor *tensor = NULL;
    if (!r.plain) {
        pal_error_set(err, PAL_ERR_MEMORY, "no memory to read a file");
        return NULL;
    }
    if (palt__source_open(&r.source, path, err) == PAL_OK) {
        r.lines.source = &r.source;
        if (read_lines(&r) == PAL_OK && palt__csv_check_doubt(&r.doubt, r.source.path, err) == PAL_OK)
            tensor = make_tensor(&r, context);
    }
    if (tensor && note) write_note(&r, note);
    palt__lines_free(&r.lines);
    palt__source_close(&r.source);
    free(r.kept);
    free(r.values);
    freelocale(r.plain);
    return tensor;
}

pal_tensor *pal_csv_read(pal_context *context, const char *path, pal_error *err)
{
    return palt__csv_read(context, path, NULL, err);
}
