/* internal.h - declarations shared by the files of the gradient checker.
 *
 * Data flow: gradcheck_record.c makes the programs. gradcheck_differences.c, gradcheck_taylor.c and
 * gradcheck_identities.c run them and fill in the report. gradcheck.c chooses the checks and gives the verdict. */
#ifndef PAL_GRADCHECK_INTERNAL_H
#define PAL_GRADCHECK_INTERNAL_H

#include "autograd/gradcheck.h"
#include "autograd/internal.h"

typedef struct pal__check {
    pal_context *context;
    pal_gradcheck_options o;
    pal_gradcheck_report *r;
    pal_tensor *const *inputs;
    size_t n, total; /* number of inputs; number of all their elements */
    pal_tape *tape;
    pal_tensor **owned; /* the seed s, then one direction per input */
    size_t n_owned;
    /* n each: inputs, gradients, derivatives of these, their parts, directions; then outputs and decisions. */
    pal_var *at;
    pal_program *function; /* outputs: y; at second order the gradients, then y; in both cases then the decisions */
    pal_program *gradient; /* the analytic derivative: the gradients, or the derivatives of <gradient, direction> */
    pal_program *tangent;  /* first order: J times the directions; NULL: not available */
    size_t n_outputs;      /* of function, without the decisions */
    size_t value;          /* index of y among them */
    size_t n_decisions;
    double *scratch; /* 8 * total numbers */
    double *value0;  /* the elements of y at x */
    uint8_t *below;  /* remembered outcomes of the decisions */
} pal__check;

/* gradcheck_record.c */
bool pal__check_prepare(pal__check *c);
bool pal__check_record(pal__check *c, pal_build build, const void *user);
void pal__check_free(pal__check *c);
bool pal__check_fail(pal__check *c, const char *text); /* reports ERROR with this text (NULL: out of memory); false */

/* gradcheck_differences.c: the checks by elements, and functions that the other checks use, too */
bool pal__check_first_order(pal__check *c);
bool pal__check_second_order(pal__check *c);
bool pal__check_run(pal__check *c, pal_program *program);
/* Copies the first n outputs, one after another. */
void pal__check_outputs(const pal_program *program, size_t n, double *out);
void pal__check_save(const pal__check *c, double *saved); /* the inputs */
void pal__check_move(pal__check *c, const double *saved, double step);
/* Fills the directions with standard normal noise from streams of this name and number. */
void pal__check_direct(pal__check *c, const char *name, int number);
/* keep: remembers the decisions of function's last run. Else returns whether they equal the remembered ones. */
bool pal__check_decisions(pal__check *c, bool keep);
double pal__check_largest(const double *x, size_t n);

/* gradcheck_taylor.c */
bool pal__check_taylor(pal__check *c);

/* gradcheck_identities.c */
bool pal__check_linearity(pal__check *c);
bool pal__check_duality(pal__check *c);
bool pal__check_symmetry(pal__check *c);

typedef struct pal__sum { /* the sum of some products, and the sum of their magnitudes */
    long double sum, magnitude;
} pal__sum;
pal__sum pal__check_dot(const double *a, const double *b, size_t n);
/* The product of a with the directions, one vector after another. */
pal__sum pal__check_along(const pal__check *c, const double *a);

#endif
