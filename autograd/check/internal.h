/* internal.h - declarations shared by the files of the gradient checker.
 *
 * Data flow: gradcheck_record.c makes the programs. gradcheck_differences.c, gradcheck_taylor.c and
 * gradcheck_identities.c run them and fill in the report; gradcheck_steps.c finds numeric derivatives for the first
 * two. gradcheck.c chooses the checks and gives the verdict. */
#ifndef PAL_GRADCHECK_INTERNAL_H
#define PAL_GRADCHECK_INTERNAL_H

#include "autograd/gradcheck.h"
#include "autograd/internal.h"

#define PAL__CHECK_COLUMNS 6
#define PAL__CHECK_TINY    1e-6 /* of the size one order below: the least scale of a derivative */

typedef struct pal__estimate { /* a numeric derivative */
    double value, bar;         /* bar: the error is at most this; INFINITY: no step was usable */
    double step, rate;         /* as in the report */
    double size;               /* the magnitude of the terms one order below that depend on the line */
    bool kink;                 /* the one-sided differences disagree */
    bool moved;                /* the function did not stay the same at all steps */
    bool lost;                 /* a term of the function is NaN; the others made this estimate */
    /* of the ladder: its last row and length, the last three plain differences and bends, the rounding of the row */
    double row[PAL__CHECK_COLUMNS], plain[3], bend[3], noise;
    double least; /* the rounding at x of all terms that ever moved */
    size_t n;
    bool drowned; /* smaller steps only add rounding */
} pal__estimate;

typedef struct pal__check {
    pal_context *context;
    pal_gradcheck_options o;
    pal_gradcheck_report *r;
    pal_status status; /* of a check that was not possible */
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
    /* The elements of y, or the gradients: at x, at x - h and at x + h. */
    double *value0, *value_below, *value_above;
    double *noise, *fresh;    /* their rounding, which is measured; those of the last run */
    pal__estimate *estimates; /* total */
    uint8_t *open;            /* total: 1: not decided along the first of two directions */
    uint8_t *below;           /* remembered outcomes of the decisions */
    char undecided[384];      /* the first element that was not decided, in words */
} pal__check;

/* gradcheck_record.c */
bool pal__check_prepare(pal__check *c);
bool pal__check_record(pal__check *c, pal_build build, const void *user);
void pal__check_free(pal__check *c);
bool pal__check_fail(pal__check *c, const char *text); /* reports ERROR; NULL: out of memory. Returns false */

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

/* Multiplies the directions by |x|, where that is not zero. */
void pal__check_scale(pal__check *c, const double *saved);

/* gradcheck_steps.c */
typedef struct pal__line {
    double *x, at;        /* one element and its value; NULL: all inputs move along the directions from at_all */
    const double *at_all; /* the inputs at x */
    bool scalar;          /* the function is <s, y>, not the gradients */
    size_t m;             /* number of components of the function: 1 or total */
    /* Results: the largest usable step; whether a comparison changed its outcome at a step, or at all steps. */
    double reach;
    bool flips, blocked;
    double width;  /* of the last step */
    double hidden; /* of gradients: rounding that may be a staircase, silent at small steps */
    size_t finite; /* number of finite values of y at x */
} pal__line;
/* Measures the rounding of y (scalar) or of the gradients, before any ladder. */
bool pal__check_noise(pal__check *c, const double *saved, bool scalar);
/* Finds the derivatives of the components along the line, by ladders whose first begins at `step`. value0 must have the
 * values at x, and the last run of the function must have been at x. Leaves the inputs at x. Returns false if a run
 * failed. */
bool pal__check_ladder(pal__check *c, pal__line *line, double step, pal__estimate *out);

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
