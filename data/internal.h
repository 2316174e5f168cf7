/* internal.h - what the files of data/ share: reading bytes, lines and numbers, writing whole files. */
#ifndef PAL_DATA_INTERNAL_H
#define PAL_DATA_INTERNAL_H

#include <locale.h>
#include <stdio.h>
#include <zlib.h>

#include "data/data.h"

/* The path as messages show it: its tail, so that a long one leaves room for what is wrong. */
const char *pal__shown_path(const char *path);
/* size bytes of a damaged file as a short printable text, written into buf; returns buf. */
enum { PAL__SHOWN_SIZE = 40 };
const char *pal__shown_text(const char *text, size_t size, char buf[PAL__SHOWN_SIZE]);
/* Whether text ends so. */
bool pal__has_ending(const char *text, const char *ending);

/* ---- source.c: a file being read, compressed or not ----------------------------------------------------------- */

typedef struct pal__source {
    gzFile file;
    const char *path; /* borrowed, for messages */
    int64_t length;   /* bytes in all, where known before reading (a plain file that is not compressed), else -1 */
    uint64_t used;    /* bytes read so far */
} pal__source;

pal_status pal__source_open(pal__source *source, const char *path, pal_error *err);
void pal__source_close(pal__source *source);
/* Up to size bytes; fewer only at the end of the file. */
pal_status pal__source_read(pal__source *source, void *out, size_t size, size_t *got, pal_error *err);
/* Exactly size bytes; what says in a message which part they are. */
pal_status pal__source_exact(pal__source *source, void *out, size_t size, const char *what, pal_error *err);
/* All the rest of the file, which must be exactly the elements of such a tensor. */
pal_tensor *pal__source_tensor(pal__source *source, pal_context *context, pal_dtype dtype, pal_shape shape,
                               pal_error *err);

/* ---- lines.c -------------------------------------------------------------------------------------------------- */

typedef struct pal__lines {
    pal__source *source;
    char *buffer;
    size_t capacity, start, end; /* start .. end: read and not yet given out; one byte beyond end is ours */
    int64_t number;              /* of the line given out last, from 1 */
    bool finished;
} pal__lines;

void pal__lines_free(pal__lines *lines);
/* The next line without its end, with a NUL in its place; *line is NULL after the last. Valid until the next call. */
pal_status pal__lines_next(pal__lines *lines, char **line, size_t *length, pal_error *err);

/* ---- number.c ------------------------------------------------------------------------------------------------- */

/* The decimal number at the start of a text that ends with NUL, correctly rounded; returns its end, NULL if there is
 * none. plain is the "C" locale. */
const char *pal__number_parse(const char *text, locale_t plain, double *value);

/* ---- npy_header.c --------------------------------------------------------------------------------------------- */

typedef struct pal__npy_header {
    pal_dtype dtype;
    pal_shape shape;
} pal__npy_header;

/* The dictionary of a .npy file. path is for messages. */
pal_status pal__npy_parse(const char *text, size_t size, const char *path, pal__npy_header *out, pal_error *err);
/* The same back as text, without padding; the type is one of those that can be read. Returns its length. */
size_t pal__npy_print(pal__npy_header header, char *buf, size_t size);
bool pal__npy_knows(pal_dtype dtype);

/* ---- sink.c: a file that appears whole or not at all ---------------------------------------------------------- */

typedef struct pal__sink {
    FILE *file;
    const char *path; /* borrowed */
    char *temporary;  /* the name until it is whole; NULL: written in place */
    int error;        /* errno of the first write that failed */
} pal__sink;

pal_status pal__sink_open(pal__sink *sink, const char *path, pal_error *err);
void pal__sink_write(pal__sink *sink, const void *data, size_t size); /* pal__sink_close tells whether it worked */
pal_status pal__sink_close(pal__sink *sink, pal_error *err);

#endif
