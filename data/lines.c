/* lines.c - reads a file line by line, in a buffer that grows to the longest line. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST = 1 << 18, LINE_MAX_BYTES = 1 << 26 };

void palt__lines_free(palt__lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Moves the unread bytes to the front of the buffer and reads more after them. */
static pal_status refill(palt__lines *lines, pal_error *err)
{
    const char *name = palt__shown_path(lines->source->path);
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
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
    const size_t room = lines->capacity - lines->end;
    const pal_status status = palt__source_read(lines->source, lines->buffer + lines->end, room, &got, err);
    lines->end += got;
    lines->finished = got < room;
    return status;
}

pal_status palt__lines_next(palt__lines *lines, char **line, size_t *length, pal_error *err)
{
    size_t searched = 0;
    char *newline = NULL;
    *line = NULL;
    *length = 0;
    for (;;) {
        const size_t left = lines->end - lines->start;
        if (left > searched) newline = memchr(lines->buffer + lines->start + searched, '\n', left - searched);
        if (newline || lines->finished) break;
        searched = left;
        const pal_status status = refill(lines, err);
        if (status != PAL_OK) return status;
    }
    if (lines->start == lines->end) return PAL_OK;
    char *begin = lines->buffer + lines->start, *end = newline ? newline : lines->buffer + lines->end;
    lines->start = (size_t)(end - lines->buffer) + (newline ? 1 : 0);
    lines->number++;
    if (end > begin && end[-1] == '\r') end--;
    *end = '\0';
    *line = begin;
    *length = (size_t)(end - begin);
    return PAL_OK;
}
