/* json.h - a strict reader and a writer of JSON. Neither can lose a letter if memory runs out: the reader allocates
 * nothing, and the writer remembers that it failed.
 *
 * The reader is a cursor over a text that it may change. A string is decoded in place and ends with a zero byte, so it
 * stays valid as long as the text. Each call reads one thing; after a mistake in the text every call fails, and `wrong`
 * says what it was. */
#ifndef PAL_MODELS_FILE_JSON_H
#define PAL_MODELS_FILE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pal__json {
    char *at, *end;    /* what is left of the text */
    int line;          /* of `at`, from 1 */
    bool first;        /* a bracket was opened, and nothing inside was read */
    const char *wrong; /* NULL: nothing so far */
} pal__json;

typedef struct pal__json_number {
    bool whole; /* the value is `integer`; else it is `real` */
    int64_t integer;
    double real;
} pal__json_number;

pal__json pal__json_start(char *text, size_t size);
/* What comes next: '{', '[', '"', '0' (a number), 't', 'f', 'n', or 0: nothing valid. */
char pal__json_peek(pal__json *j);
/* {"a": 1}: enter, then while next, key and the value; the last next reads the closing bracket. [1, 2]: without key. */
bool pal__json_enter(pal__json *j, char bracket);
bool pal__json_next(pal__json *j, char closing);
char *pal__json_key(pal__json *j);  /* NULL: a mistake */
char *pal__json_text(pal__json *j); /* UTF-8, without a zero inside; NULL: a mistake */
bool pal__json_number_read(pal__json *j, pal__json_number *number);
bool pal__json_word(pal__json *j, const char *word); /* true, false or null */
bool pal__json_end(pal__json *j);                    /* nothing but space is left, and there was no mistake */

/* ---- Writing: a text that grows ------------------------------------------------------------------------------- */

typedef struct pal__out {
    char *text; /* the caller frees it; it is not ended by a zero */
    size_t size, room;
    bool no_memory; /* once true, it stays true */
    bool not_utf8;
} pal__out;

void pal__out_add(pal__out *out, const char *text, size_t size);
void pal__out_format(pal__out *out, const char *format, ...) __attribute__((format(printf, 2, 3))); /* 99 letters */
void pal__out_string(pal__out *out, const char *text); /* in quotes, with escapes */
/* The letters of one character of UTF-8, 1 to 4; 0: it is not valid. */
size_t pal__utf8(const char *text, const char *end);

#endif
