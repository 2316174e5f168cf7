/* gradcheck_internal.h - what the files of the gradient checker share. The data flow: gradcheck_record.c makes the
 * programs; gradcheck_differences.c, gradcheck_taylor.c and gradcheck_identities.c run them and fill in the report;
 * gradcheck.c chooses and judges. */
#ifndef PAL_GRADCHECK_INTERNAL_H
#define PAL_GRADCHECK_INTERNAL_H

#include "autograd/gradcheck.h"
#include "autograd/internal.h"

typedef struct pal__check {
    pal_context *context;
    pal_gradcheck_options o;
    pal_gradcheck_report *r;
    pal_tensor *const *inputs;
    size_t n, total; /* inputs; their elements in all */
    pal_tape *tape;
    pal_tensor **owned; /* the seed s, then a direction for each input */
    size_t n_owned;
    pal_var *at; /* n each: the inputs, their gradients, derivatives of those, parts; then outputs and decisions */
    pal_program *function; /* what is differenced (y, or every gradient), y again at second order, every decision */
    pal_program *gradient; /* its analytic derivative: the gradients, or the derivatives of <gradient, direction> */
    pal_program *tangent;  /* first order: J times the directions; NULL: cannot be had */
    size_t n_outputs;      /* of function, before the decisions */
    size_t value;          /* which of them is y */
    size_t n_decisions;
    double *scratch; /* total x 8 */
    double *value0;  /* y's elements at x */
    uint8_t *below;  /* decisions to compare with */
} pal__check;

/* gradcheck_record.c */
bool pal__check_prepare(pal__check *c);
bool pal__check_record(pal__check *c, pal_build build, const void *user);
void pal__check_free(pal__check *c);
bool pal__check_fail(pal__check *c, const char *text); /* an ERROR with this message (NULL: out of memory); false */

/* gradcheck_differences.c: by elements, and what the others need of it */
bool pal__check_first_order(pal__check *c);
bool pal__check_second_order(pal__check *c);
bool pal__check_run(pal__check *c, pal_program *program);
/* Copies the first n outputs, one after another. */
void pal__check_outputs(const pal_program *program, size_t n, double *out);
void pal__check_save(const pal__check *c, double *saved); /* the inputs */
void pal__check_move(pal__check *c, const double *saved, double step);
/* Standard normal directions from streams of this name. */
void pal__check_direct(pal__check *c, const char *name, int number);
/* keep: remembers the decisions of function's last run; else whether they are as remembered. */
bool pal__check_decisions(pal__check *c, bool keep);
double pal__check_largest(const double *x, size_t n);

/* gradcheck_taylor.c */
bool pal__check_taylor(pal__check *c);

/* gradcheck_identities.c */
bool pal__check_linearity(pal__check *c);
bool pal__check_duality(pal__check *c);
bool pal__check_symmetry(pal__check *c);

typedef struct pal__sum { /* of products, and of their magnitudes */
    long double sum, magnitude;
} pal__sum;
pal__sum pal__check_dot(const double *a, const double *b, size_t n);
/* With the directions, one vector after another. */
pal__sum pal__check_along(const pal__check *c, const double *a);

#endif
