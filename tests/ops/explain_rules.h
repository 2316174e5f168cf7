/* explain_rules.h - what the files of the reader share: explain_compute.c computes with values, explain_formulas.c
 * reads a formula, explain_reader.c reads a page. After a failure (r->why) they return whatever they have. */
#ifndef PAL_TESTS_EXPLAIN_RULES_H
#define PAL_TESTS_EXPLAIN_RULES_H

#include "tests/ops/explain_reader.h"

typedef double (*binary)(double, double);

/* Sets `why`, unless it is set, and returns nothing. */
read_value rd_fail(explain_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
read_value rd_make(explain_reader *r, pal_shape shape, pal_dtype dtype); /* zeros */
size_t rd_count(read_value v);
size_t rd_index(pal_shape shape, pal_shape whole, size_t i); /* of an operand, for element i of the result */
bool rd_next(explain_reader *r, const char *word);           /* it comes next, after spaces */
bool rd_take(explain_reader *r, const char *word);           /* the same, and moves past it */
void rd_need(explain_reader *r, const char *word);
read_value rd_combine(explain_reader *r, read_value a, read_value b, binary f, bool truth); /* element by element */
read_value rd_multiply(explain_reader *r, read_value a, read_value b);
read_value rd_transposed(explain_reader *r, read_value a);
/* Sums over the axes of the two sets of bits; those of `kept` stay as axes of 1. */
read_value rd_sum(explain_reader *r, read_value a, unsigned gone, unsigned kept);
read_value rd_shaped(explain_reader *r, read_value a, pal_shape s); /* the same elements in a shape, or one repeated */

typedef struct range {
    int64_t from, to, step;
} range;
/* Copies a part out of a value, or a value into a part of zeros in the shape `whole`. */
read_value rd_part(explain_reader *r, read_value a, const range *part, pal_shape whole, bool out_of);

read_value rd_formula(explain_reader *r);
size_t rd_name(const char *s, char *name, size_t size); /* the name at s; returns its length */
pal_shape rd_shape(explain_reader *r);                  /* "4×784" */

#endif
