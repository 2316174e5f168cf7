/* internal.h - what the files of data/ share: reading bytes, lines and numbers, writing whole files. */
#ifndef PAL_DATA_INTERNAL_H
#define PAL_DATA_INTERNAL_H

#include <locale.h>
#include <stdio.h>
#include <zlib.h>

#include "data/data.h"

/* The path as messages show it: its tail, so that a long one leaves room for what is wrong. */
const char *palt__shown_path(const char *path);
/* size bytes of a damaged file as a short printable text, written into buf; returns buf. */
enum { PALT__SHOWN_SIZE = 40 };
const char *palt__shown_text(const char *text, size_t size, char buf[PALT__SHOWN_SIZE]);
/* Whether text ends so. */
bool palt__has_ending(const char *text, const char *ending);

/* ---- source.c: a file being read, compressed or not ----------------------------------------------------------- */

typedef struct palt__source {
    gzFile file;
    const char *path; /* borrowed, for messages */
    int64_t length;   /* bytes in all, where known before reading (a plain file that is not compressed), else -1 */
    uint64_t used;    /* bytes read so far */
} palt__source;

pal_status palt__source_open(palt__source *source, const char *path, pal_error *err);
void palt__source_close(palt__source *source);
/* Up to size bytes; fewer only at the end of the file. */
pal_status palt__source_read(palt__source *source, void *out, size_t size, size_t *got, pal_error *err);
/* Exactly size bytes; what says in a message which part they are. */
pal_status palt__source_exact(palt__source *source, void *out, size_t size, const char *what, pal_error *err);
/* All the rest of the file, which must be exactly the elements of such a tensor. */
pal_tensor *palt__source_tensor(palt__source *source, pal_context *context, pal_dtype dtype, pal_shape shape,
                                pal_error *err);

/* ---- lines.c -------------------------------------------------------------------------------------------------- */

typedef struct palt__lines {
    palt__source *source;
    char *buffer;
    size_t capacity, start, end; /* start .. end: read and not yet given out; one byte beyond end is ours */
    int64_t number;              /* of the line given out last, from 1 */
    bool finished;
} palt__lines;

void palt__lines_free(palt__lines *lines);
/* The next line without its end, with a NUL in its place; *line is NULL after the last. Valid until the next call. */
pal_status palt__lines_next(palt__lines *lines, char **line, size_t *length, pal_error *err);

/* ---- number.c ------------------------------------------------------------------------------------------------- */

/* The decimal number at the start of a text that ends with NUL, correctly rounded; returns its end, NULL if there is
 * none. plain is the "C" locale. */
const char *palt__number_parse(const char *text, locale_t plain, double *value);

/* ---- npy_header.c --------------------------------------------------------------------------------------------- */

typedef struct palt__npy_header {
    pal_dtype dtype;
    pal_shape shape;
} palt__npy_header;

/* The dictionary of a .npy file. path is for messages. */
pal_status palt__npy_parse(const char *text, size_t size, const char *path, palt__npy_header *out, pal_error *err);
/* The same back as text, without padding; the type is one of those that can be read. Returns its length. */
size_t palt__npy_print(palt__npy_header header, char *buf, size_t size);
bool palt__npy_knows(pal_dtype dtype);

/* ---- sink.c: a file that appears whole or not at all ---------------------------------------------------------- */

typedef struct palt__sink {
    FILE *file;
    const char *path; /* borrowed */
    char *temporary;  /* the name until it is whole; NULL: written in place */
    int error;        /* errno of the first write that failed */
} palt__sink;

pal_status palt__sink_open(palt__sink *sink, const char *path, pal_error *err);
void palt__sink_write(palt__sink *sink, const void *data, size_t size); /* palt__sink_close tells whether it worked */
pal_status palt__sink_close(palt__sink *sink, pal_error *err);

#endif
