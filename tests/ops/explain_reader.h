/* explain_reader.h - reads the text of pal_explain and computes what it says, in double: an evaluator that shares
 * nothing with the library but the grammar in autograd/text/explain.h. */
#ifndef PAL_TESTS_EXPLAIN_READER_H
#define PAL_TESTS_EXPLAIN_READER_H

#include "ops/ops.h"

typedef struct read_value {
    double *at;
    pal_shape shape;
    pal_dtype dtype;
} read_value;

typedef struct read_line {
    char name[200];
    long number; /* of the operation; 0: none */
    read_value value;
} read_line;

typedef struct explain_reader {
    pal_context *context;                                    /* for the operations of the list below */
    const pal_tensor *(*leaf)(const char *path, void *user); /* by full name */
    void *user;
    pal_noise noise;
    bool plain;           /* the page was written without notations: every operation is a call */
    read_line line[2000]; /* what was computed, in order; the last one of a name counts */
    size_t n;
    bool skipped;  /* the page has something that cannot be computed here; `why` says what */
    char why[400]; /* the first thing that is not understood; "": none */
    /* The rest is the reader's own. */
    char *text;
    const char *s;
    struct read_entry {
        char name[200], words[300];
        pal_shape shape;
    } entry[2000];
    size_t n_entries, calls;
    void *block[200000];
    size_t n_blocks;
} explain_reader;

/* Reads the page and computes each line. False: `why` says what is wrong. */
bool explain_read(explain_reader *reader, const char *page);
const read_line *explain_line(const explain_reader *reader, const char *name); /* NULL: there is none */
void explain_reader_free(explain_reader *reader);

#endif
