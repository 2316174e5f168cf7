/* parse_internal.h - what parse.c (recording) and parse_line.c (letters) share. */
#ifndef PAL_AUTOGRAD_PARSE_INTERNAL_H
#define PAL_AUTOGRAD_PARSE_INTERNAL_H

#include "autograd/text/graph_internal.h"

enum { PAL__DEEPEST = 64, PAL__NAME = 512, PAL__NUMBERS = PAL_PARAM_INTS + 2 };

typedef struct pal__known { /* ascending by number */
    uint32_t number, id;
} pal__known;

typedef struct pal__line {
    uint32_t number, body, index; /* body, index: ids; 0: none */
    const pal_op *op;
    pal_dtype dtype;
    pal_shape shape;
    pal_params params;
    bool named;
    char name[PAL__NAME], scope[256];
    size_t n_numbers;
    char numbers[PAL__NUMBERS][32];
} pal__line;

typedef struct pal__parser {
    pal_tape *tape;
    pal_parse_options o;
    pal_error *err;
    locale_t c; /* numbers have a point, whatever the program's locale */
    const char *at, *end;
    size_t row;
    pal__known *known;
    pal_var *in; /* operands, or outputs, of the line */
    size_t n_known, cap_known, n_in, cap_in;
    uint32_t open[PAL__DEEPEST]; /* indices of the regions around the line */
    size_t depth;
    pal__line l;
} pal__parser;

/* Sets the error "line N: ..." and returns false. */
bool pal__parse_fail(pal__parser *p, pal_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline bool pal__parse_wrong(pal__parser *p, const char *what)
{
    return pal__parse_fail(p, PAL_ERR_FORMAT, "%s", what);
}
static inline bool pal__parse_no_memory(pal__parser *p) { return pal__parse_fail(p, PAL_ERR_MEMORY, "out of memory"); }
bool pal__parse_skip(pal__parser *p, const char *text); /* if that stands here, behind it */
bool pal__parse_ids(pal__parser *p);                    /* "%1, %2" into p->in, behind what is there */
bool pal__parse_line(pal__parser *p); /* all of an operation's line into p->l, p->in and the tape's order */

#endif
