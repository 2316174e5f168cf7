/* problems.h - functions to minimise, recorded on tapes: sums of squares of Moré, Garbow and Hillstrom (1981).
 *
 * The value is sum_i r_i^2. Each x_i is a part of the slab, a scalar leaf, so that the gaps between parts are tested,
 * too. */
#ifndef PAL_TESTS_PROBLEMS_H
#define PAL_TESTS_PROBLEMS_H

#include "optim/minimise.h"
#include "tests/testing.h"

enum { PROBLEM_MOST = 100 }; /* values and residuals */

typedef struct problem {
    const char *name;
    size_t n, m; /* values, residuals */
    const double *start;
    size_t starts; /* the start repeats these many numbers */
    void (*record)(pal_tape *t, const pal_var *x, pal_var *r);
} problem;
const problem *problem_at(size_t i); /* NULL: no more */
const problem *problem_named(const char *name);

typedef struct recorded {
    const problem *of;
    pal_slab *x;
    pal_tensor *v[PROBLEM_MOST];
    pal_program *gradient, *hessian, *gauss_newton;
    int64_t evaluations, products;
    int64_t fail_at, nan_from, nan_to, stop_at; /* evaluations at which it misbehaves; 0: never */
} recorded;
/* Records the problem in x's type; x is at the start. */
void problem_open(recorded *p, pal_context *c, const problem *of, pal_dtype dtype);
void problem_close(recorded *p);
pal_objective problem_objective(recorded *p);
void problem_restart(recorded *p);

/* A minimiser by the method of this number. */
static inline pal_minimiser *minimiser(const pal_objective *f, size_t method, pal_minimise_options o)
{
    pal_error err = {0};
    o.struct_size = sizeof o;
    o.method = pal_minimise_name(method);
    pal_minimiser *m = pal_minimiser_new(f, &o, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

#endif
