/* lines.c - reads a file line by line, in a buffer that grows to the longest line.
 *
 * A line ends with LF, CR LF or CR alone. CR CR LF is one end, too: programs that convert line ends twice write it. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST = 1 << 18, LINE_MAX_BYTES = 1 << 26 };
enum { LF, CR };

void palt__lines_free(palt__lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Finds the next LF or CR at or after `from`. Each place is kept until it is passed, so the whole buffer is searched
 * only once for each of the two marks, even if a file has only one of them. */
static void find(palt__lines *lines, size_t which, size_t from)
{
    static const char marks[] = {[LF] = '\n', [CR] = '\r'};
    const char *found = lines->end > from ? memchr(lines->buffer + from, marks[which], lines->end - from) : NULL;
    lines->next[which] = found ? (size_t)(found - lines->buffer) : lines->end;
}

/* Moves the unread bytes to the front of the buffer and reads more after them. */
static pal_status refill(palt__lines *lines, pal_error *err)
{
    const char *name = palt__shown_path(lines->source->path);
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        for (size_t i = LF; i <= CR; i++) lines->next[i] -= lines->start;
        lines->start = 0;
    }
    if (lines->end == lines->capacity) {
        if (lines->capacity >= LINE_MAX_BYTES)
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: line %lld has more than %d bytes, expected a text file",
                                 name, (long long)lines->number + 1, LINE_MAX_BYTES);
        const size_t capacity = lines->capacity ? lines->capacity * 2 : BUFFER_FIRST;
        char *buffer = realloc(lines->buffer, capacity + 1);
        if (!buffer) return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", name);
        lines->buffer = buffer;
        lines->capacity = capacity;
    }
    size_t got = 0;
    const size_t from = lines->end, room = lines->capacity - lines->end;
    const pal_status status = palt__source_read(lines->source, lines->buffer + lines->end, room, &got, err);
    lines->end += got;
    lines->finished = got < room;
    for (size_t i = LF; i <= CR; i++)
        if (lines->next[i] == from) find(lines, i, from);
    return status;
}

/* The number of bytes of the line end at `at`. 0: its next bytes are not in the buffer yet. */
static size_t end_size(const palt__lines *lines, size_t at)
{
    const char *mark = lines->buffer + at;
    const size_t known = lines->end - at;
    if (known == 0) return 0;
    if (*mark == '\n') return 1;
    if (known < 3 && !lines->finished) return 0;
    if (known > 1 && mark[1] == '\n') return 2;
    return known > 2 && mark[1] == '\r' && mark[2] == '\n' ? 3 : 1;
}

/* Finds the end of the line at `start`, of which the first `known` bytes are passed already. *line is NULL if nothing
 * follows them. */
static pal_status take_line(palt__lines *lines, size_t known, char **line, size_t *length, pal_error *err)
{
    size_t at, size;
    *line = NULL;
    for (;;) {
        at = lines->next[LF] < lines->next[CR] ? lines->next[LF] : lines->next[CR];
        size = lines->buffer ? end_size(lines, at) : 0;
        if (size || lines->finished) break;
        const pal_status status = refill(lines, err);
        if (status != PAL_OK) return status;
    }
    if (lines->start + known == lines->end) return PAL_OK;
    *line = lines->buffer + lines->start;
    *length = at - lines->start;
    lines->begin = lines->start;
    lines->mark = lines->buffer[at];
    lines->buffer[at] = '\0';
    lines->number++;
    lines->start = at + size;
    for (size_t i = LF; i <= CR; i++)
        if (lines->next[i] < lines->start) find(lines, i, lines->start);
    return PAL_OK;
}

pal_status palt__lines_next(palt__lines *lines, char **line, size_t *length, pal_error *err)
{
    *length = 0;
    return take_line(lines, 0, line, length, err);
}

pal_status palt__lines_more(palt__lines *lines, char **line, size_t *length, bool *grew, pal_error *err)
{
    const size_t known = lines->start - lines->begin, before = *length;
    char *longer;
    lines->buffer[lines->begin + before] = lines->mark;
    lines->start = lines->begin;
    const pal_status status = take_line(lines, known, &longer, length, err);
    *grew = longer != NULL;
    if (*grew) {
        *line = longer;
        return status;
    }
    lines->begin = lines->start; /* where it is after a refill */
    lines->start += known;
    lines->buffer[lines->begin + before] = '\0';
    *line = lines->buffer + lines->begin;
    return status;
}

pal_status palt__lines_peek(palt__lines *lines, int64_t most, size_t most_bytes, const char **text, size_t *size,
                            bool *whole, pal_error *err)
{
    enum { LEAST = 4 /* lines, however long they are */ };
    size_t seen = lines->start;
    int64_t n = 0;
    while (!lines->finished && n < most && (lines->end - lines->start < most_bytes || n < LEAST)) {
        const pal_status status = refill(lines, err);
        if (status != PAL_OK) return status;
        for (; seen < lines->end; seen++) n += lines->buffer[seen] == '\n' || lines->buffer[seen] == '\r';
    }
    *text = lines->buffer + lines->start;
    *size = lines->end - lines->start;
    *whole = lines->finished;
    return PAL_OK;
}

palt__lines palt__lines_of(char *text, size_t size)
{
    palt__lines lines = {.buffer = text, .capacity = size, .end = size, .finished = true};
    for (size_t i = LF; i <= CR; i++) find(&lines, i, 0);
    return lines;
}
