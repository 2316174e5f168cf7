/* internal.h - shared by the files of data/: reading bytes, lines and numbers, writing complete files. */
#ifndef PAL_DATA_INTERNAL_H
#define PAL_DATA_INTERNAL_H

#include <locale.h>
#include <stdio.h>

#include "autograd/file.h"
#include "data/data.h"

/* Returns the path as messages show it: only the end of a long path, so that the message has room for the problem. */
const char *palt__shown_path(const char *path);
/* Writes size bytes of a damaged file into buf as a short printable text; returns buf. */
enum { PALT__SHOWN_SIZE = 40 };
const char *palt__shown_text(const char *text, size_t size, char buf[PALT__SHOWN_SIZE]);
/* Returns whether text ends in `ending`. */
bool palt__has_ending(const char *text, const char *ending);

/* ---- array.c: how a file was read ----------------------------------------------------------------------------- */

/* The length of the name of an array file without its ending, such as .csv.gz. */
size_t palt__array_stem(const char *name, size_t length);
/* PAL_ERR_MEMORY if the context would not give so many bytes, which are known before the file is read. */
pal_status palt__check_room(const pal_context *context, double bytes, const char *path, pal_error *err);
/* Appends a clause. note NULL: does nothing. */
void palt__note_add(pal_note *note, const char *format, ...) __attribute__((format(printf, 2, 3)));
pal_tensor *palt__csv_read(pal_context *context, const char *path, pal_note *note, pal_error *err);
pal_tensor *palt__npy_read(pal_context *context, const char *path, pal_note *note, pal_error *err);

/* ---- options.c --------------------------------------------------------------------------------------------------- */

/* The value of an option; NULL: it is not given. options may be NULL. */
const char *palt__data_option(const pal_data_options *options, const char *name);
/* Whether the columns that the option names need not be there. */
bool palt__data_option_former(const pal_data_options *options, const char *name);
/* Whether a list "a,b" has this name, or this number of a column from 1. */
bool palt__data_option_lists(const pal_data_options *options, const char *name, const char *column, int64_t number);

/* ---- What the readers return: samples as their file has them ----------------------------------------------------- */

typedef struct palt__raw {
    pal_tensor *values; /* u8, f32 or f64 [n, sample...]; for a table f64 [n, columns], the rows of its schema */
    void *map;          /* values lie in this file that is mapped; NULL: they lie in memory */
    size_t map_bytes;
    bool tells;         /* the kernel tells which pages of the map are in memory */
    pal_tensor *labels; /* u8 [n]; NULL: none */
    bool labels_former; /* option label is that of a training: labels which do not fit are left out */
    char **classes;     /* names of the labels 0, 1, ...; NULL: they have no names */
    size_t n_classes;
    char **ids;         /* names of the samples [n]; NULL: none */
    pal_schema *schema; /* of a table, without scaling yet; NULL: no table */
} palt__raw;

void palt__raw_free(palt__raw *raw); /* what is in it */

/* A .npy or .npz file (FILE.npz:ARRAY names an array); options layout, dtype, label. Arrays of 1 MiB and more whose
 * numbers can be used as they lie in the file are mapped: they must not be written to, and a program that cuts the file
 * short meanwhile ends this one (SIGBUS). On failure raw is empty; so it is for the other two. */
pal_status palt__raw_array(palt__raw *raw, pal_context *context, const char *path, const pal_data_options *options,
                           pal_note *note, pal_error *err);
/* Whether a path is one of palt__raw_array: ends in .npy, .npy.gz or .npz, or has .npz:NAME at its end. */
bool palt__raw_is_array(const char *path);
/* Asks for the samples of a coming batch, which the kernel then reads from the disk beside other work. Does nothing if
 * they are in memory; in a map, if some of them that are looked at are. Rows out of bounds are left out. */
void palt__raw_want(const palt__raw *raw, const uint32_t *rows, size_t n);
/* Whether samples are used in the order of the file (the kernel reads ahead) or in any. At first: in order. */
void palt__raw_in_order(const palt__raw *raw, bool in_order);

/* Called now and then by the thread that reads, and at the end with done == all. */
typedef struct palt__progress {
    void (*step)(int64_t done, int64_t all, void *user); /* NULL: not called */
    void *user;
} palt__progress;

/* A folder of PNG and JPEG files, or of folders of them, which are then the classes; options size, fit, color,
 * skip-bad. Values u8: grey [n, height, width], colours [n, 3, height, width]. progress: may be NULL. */
pal_status palt__raw_pictures(palt__raw *raw, pal_context *context, const char *path, const pal_data_options *options,
                              const palt__progress *progress, pal_note *note, pal_error *err);
/* Options window and stride: turns values [n, d...] into windows [k, window, d...], or [k, window] if d is 1. A window
 * has the label and the id of its last row. A table must have numbers only; its schema then has a column for each row
 * of a window: "load[1]" is the first. Without the option window raw stays as it is. On failure raw is unchanged. */
pal_status palt__raw_windows(palt__raw *raw, const pal_data_options *options, pal_note *note, pal_error *err);

/* ---- bytes.c: the bytes of a file, unpacked -------------------------------------------------------------------- */

typedef struct palt__bytes palt__bytes;
enum { PALT__BYTES_DAMAGED = -1, PALT__BYTES_CUT = -2 }; /* gzip data; beside errno values */

/* Takes over the descriptor, unless it fails. NULL: *why is an errno. */
palt__bytes *palt__bytes_open(int descriptor, int *why);
void palt__bytes_close(palt__bytes *bytes);
bool palt__bytes_are_packed(const palt__bytes *bytes);
int palt__bytes_descriptor(const palt__bytes *bytes);
/* Reads up to size bytes. *got is 0 only at the end. Returns 0, or what is wrong; then *got is 0. */
int palt__bytes_read(palt__bytes *bytes, void *out, size_t size, size_t *got);

/* ---- source.c: reading a file, compressed or not -------------------------------------------------------------- */

typedef struct palt__source {
    palt__bytes *bytes;
    const char *path; /* borrowed, for messages */
    int64_t length;   /* size in bytes if known before reading (a regular, uncompressed file), else -1 */
    uint64_t used;    /* bytes read so far */
    /* Not NULL: the bytes come from here, and `bytes` is NULL. Reads up to size bytes; 0: the end, -1: damaged. */
    int64_t (*take)(void *user, void *out, size_t size);
    void *user;
} palt__source;

pal_status palt__source_open(palt__source *source, const char *path, pal_error *err);
void palt__source_close(palt__source *source);
/* Reads up to size bytes. *got is less than size only at the end of the file. */
pal_status palt__source_read(palt__source *source, void *out, size_t size, size_t *got, pal_error *err);
/* Reads exactly size bytes; `what` names this part of the file in an error message. */
pal_status palt__source_exact(palt__source *source, void *out, size_t size, const char *what, pal_error *err);
/* Reads the rest of the file, which must contain exactly the elements of a tensor of this type and shape. `type`: what
 * messages call the type. */
pal_tensor *palt__source_tensor(palt__source *source, pal_context *context, pal_dtype dtype, const char *type,
                                pal_shape shape, pal_error *err);

/* ---- lines.c -------------------------------------------------------------------------------------------------- */

typedef struct palt__lines {
    palt__source *source;
    char *buffer;
    size_t capacity, start, end; /* start .. end: read, not yet returned; the buffer has a byte more */
    size_t next[2];              /* where the next LF and the next CR are; `end`: not in the buffer */
    int64_t number;              /* number of the last returned line, from 1 */
    bool finished;
    size_t begin; /* where the last returned line begins */
    char mark;    /* the byte that its NUL replaces */
} palt__lines;

void palt__lines_free(palt__lines *lines);
/* Returns the next line; a NUL replaces its line end. *line is NULL after the last line. Valid until the next call. */
pal_status palt__lines_next(palt__lines *lines, char **line, size_t *length, pal_error *err);
/* Appends to the line that was returned last its line end and the next line. *grew: there was a next line. *line is
 * where the line is now, grown or not, unless this fails. */
pal_status palt__lines_more(palt__lines *lines, char **line, size_t *length, bool *grew, pal_error *err);
/* The text that the next lines will have: at least `most` lines or about most_bytes, but a few lines in any case, or
 * all that there is (*whole). Before any line is taken; valid until then. */
pal_status palt__lines_peek(palt__lines *lines, int64_t most, size_t most_bytes, const char **text, size_t *size,
                            bool *whole, pal_error *err);
/* The lines of a text in memory, which has a byte more than size; they change it. Not to be freed. */
palt__lines palt__lines_of(char *text, size_t size);

/* ---- number.c ------------------------------------------------------------------------------------------------- */

/* Reads the decimal number at the start of a NUL-terminated text, correctly rounded. `point` is its decimal mark.
 * Returns the end of the number, or NULL if there is no number. `plain` is the "C" locale. */
const char *palt__number_parse(const char *text, char point, locale_t plain, double *value);

/* ---- npy.c ------------------------------------------------------------------------------------------------------ */

typedef struct palt__npy_header palt__npy_header;

/* Reads the header of a .npy file, whose first two fields are set. */
pal_status palt__npy_begin(palt__source *source, palt__npy_header *header, pal_error *err);
/* Reads the rest, numbers, as a tensor in C order of the type's dtype. */
pal_tensor *palt__npy_rest(palt__source *source, pal_context *context, const palt__npy_header *header, pal_error *err);

/* ---- npy_header.c --------------------------------------------------------------------------------------------- */

typedef struct palt__npy_type palt__npy_type;

struct palt__npy_header {
    bool bfloat16; /* set before parsing: two bytes without a type ('|V2', '<u2') are bfloat16, and all else is refused
                    */
    bool texts;    /* set before parsing: texts are accepted, too */
    const palt__npy_type *type; /* NULL: texts */
    size_t text;                /* bytes of a text */
    bool wide;                  /* a text is of UCS-4 characters */
    bool big;                   /* the bytes of an element begin with the most significant one */
    bool fortran;               /* the first index changes fastest */
    pal_shape shape;
};

/* Parses the dictionary in the header of a .npy file. path is for messages. */
pal_status palt__npy_parse(const char *text, size_t size, const char *path, palt__npy_header *out, pal_error *err);
/* Writes the header dictionary as text, without padding. Returns its length. */
size_t palt__npy_print(const char *descr, pal_shape shape, char *buf, size_t size);

/* ---- npy_type.c: the types of elements ------------------------------------------------------------------------ */

struct palt__npy_type {
    const char *code; /* without the byte order: "f4" */
    const char *name; /* as NumPy calls it */
    size_t size;      /* bytes */
    pal_dtype dtype;  /* what it is read as; it holds every value, except of int64 and uint64 */
    bool plain;       /* little-endian bytes are those of dtype */
    double (*value)(uint64_t bits);
    bool (*fits)(uint64_t bits); /* whether dtype holds this value; NULL: it holds all */
};

/* bfloat16, which NumPy writes as two bytes without a type. */
const palt__npy_type *palt__npy_bfloat16(void);
/* The type for a descr such as "<f4"; NULL: err says why the type is not read, with a remedy. */
const palt__npy_type *palt__npy_type_find(const char *descr, size_t size, const char *path, pal_error *err);
/* The descr with which a tensor of this type is written; NULL: it cannot be. */
const char *palt__npy_descr(pal_dtype dtype);
/* Converts the bytes of a file, in a tensor of the right shape, to C order and the type's dtype. NULL: see err. */
pal_tensor *palt__npy_convert(const pal_tensor *bytes, const palt__npy_header *header, const char *path,
                              pal_error *err);

/* ---- sink.c: where an array is written ------------------------------------------------------------------------ */

/* path: also "-", for standard output. The message begins with path. */
pal_status palt__sink(const char *path, pal_write_fn write, void *user, pal_error *err);

#endif
