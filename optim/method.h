/* method.h - shared by the minimisers: what a method is, its vectors and numbers, the line search. */
#ifndef PAL_OPTIM_METHOD_H
#define PAL_OPTIM_METHOD_H

#include "optim/minimise.h"
#include "optim/vectors.h"

/* ---- The line search (wolfe.c) -------------------------------------------------------------------------------- */

typedef struct pal__point { /* on the search line: step, value minus value at 0, slope */
    double a, f, d;
} pal__point;

typedef struct pal__wolfe_options {
    double sufficient, curvature, width; /* width: ends where the interval is this share of its upper end */
    int64_t trials;
    double slack; /* a difference of values up to this is rounding */
} pal__wolfe_options;

typedef enum pal__wolfe_state {
    PAL__TRY,  /* evaluate at step */
    PAL__FULL, /* step fulfils both conditions */
    PAL__WEAK, /* only the first: step decreases the value enough, but no better one was found */
    PAL__STUCK /* no step decreases the value enough */
} pal__wolfe_state;

typedef struct pal__wolfe {
    pal__wolfe_options o;
    double slope, step;   /* at 0; what to evaluate next, or the result */
    pal__point low, high; /* the best point so far, and the other end of the interval if it is bracketed */
    double width[2], least, most, wall;
    int64_t tried;
    bool bracketed, first, met_not_finite;
} pal__wolfe;

/* Gives the first step to try. slope < 0 is that at 0. */
void pal__wolfe_begin(pal__wolfe *w, const pal__wolfe_options *options, double slope, double first);
/* change: value at w->step minus value at 0. In every state but PAL__TRY the step may be an earlier one. */
pal__wolfe_state pal__wolfe_next(pal__wolfe *w, double change, double slope);

/* ---- Methods -------------------------------------------------------------------------------------------------- */

/* Numbers of the state, by name in minimise.c. */
typedef enum pal__number {
    PAL__STARTED,   /* 1: value and gradient are those at x */
    PAL__VALUE,     /* at x */
    PAL__EARLIER,   /* the value one step earlier */
    PAL__ITERATION, /* steps that moved or changed the state */
    PAL__EVALUATIONS,
    PAL__PRODUCTS,
    PAL__SINCE,  /* steps since the last restart */
    PAL__PAIRS,  /* lbfgs: how many are stored */
    PAL__NEXT,   /* lbfgs: where the next one goes */
    PAL__SCALE,  /* lbfgs: s'y / y'y of the newest pair */
    PAL__DAMPED, /* hessian-free: the damping */
    PAL__STEP,
    PAL__NUMBERS
} pal__number;

/* Vectors that every method has. From PAL__OWN on come those of the method: first its states, then its scratch. */
typedef enum pal__vector { PAL__GRADIENT, PAL__BEGIN, PAL__TRIAL, PAL__OWN } pal__vector;

typedef struct pal__method pal__method;
struct pal_minimiser {
    pal_objective f;
    pal_minimise_options o; /* defaults filled in */
    const pal__method *method;
    pal__space space;
    pal_slab **v;
    size_t n_vectors, n_states; /* all vectors; those of the method that are states */
    pal_tensor *number;         /* [PAL__NUMBERS], float64 */
    pal_tensor *numbers[PAL__NUMBERS];
    pal_tensor *rho;           /* lbfgs: 1 / s'y for each pair [memory]; NULL: another method */
    double kept[PAL__NUMBERS]; /* the numbers to which a failed step returns */
    double *history;           /* hessian-free: the model after each product [products + 1] */
    char **names;
    pal_minimise_report report;
};

typedef enum pal__need { PAL__GRADIENTS, PAL__HESSIAN, PAL__GAUSS_NEWTON } pal__need;

struct pal__method {
    const char *name, *formula;
    pal__need need;
    double sufficient, curvature, width; /* of the line search */
    const char *states[2];               /* vectors that are states; NULL: no more */
    bool pairs;                          /* a state is `memory` vectors */
    size_t scratch;                      /* vectors that are not */
    /* One iteration from x, where value and gradient are known. On success x, PAL__VALUE and the gradient are those of
     * the new point. *flat: no step could be found. */
    pal_status (*step)(pal_minimiser *m, bool *flat);
    double (*beta)(double gg, double gy, double dy, double old); /* cg: conjugate.c */
    double orthogonal;                                           /* cg: as in the options */
};
extern const pal__method pal__lbfgs_method, pal__newton_method, pal__hessian_free_method, pal__conjugate_methods[3];

static inline double *pal__number_of(pal_minimiser *m, pal__number which) { return (double *)m->number->data + which; }

/* minimise.c: copies an objective and checks its x; a slab of zeros of x's layout, NULL: out of memory. */
pal_status pal__objective(pal_objective *f, const pal_objective *given, pal_error *err);
pal_slab *pal__slab_like(const pal_slab *x);

/* trial.c: each asks whether to stop, counts, and returns the failure of the objective. */
pal_status pal__evaluate(pal_minimiser *m, double *value, pal_slab *gradient);
pal_status pal__product(pal_minimiser *m, const pal_slab *v, pal_slab *out);
/* Notes an event of this iteration. */
void pal__met(pal_minimiser *m, pal_met event);
/* What was computed so far in this step is kept if the rest of it fails. */
void pal__commit(pal_minimiser *m);

/* Searches along p from x. slope: p'g < 0. If *state is PAL__FULL or PAL__WEAK, x is the new point, its value and
 * gradient are in *value and PAL__TRIAL, its slope in *slope, and w->step is the length; otherwise x is unchanged. */
pal_status pal__search(pal_minimiser *m, const pal_slab *p, double first, double *slope, double *value,
                       pal__wolfe_state *state);
/* The point of a search is the new one: its gradient, value and step become those of the state. */
void pal__accept(pal_minimiser *m, double value);
/* The first step of a search after one that decreased the value by as much as the last (Nocedal and Wright 2006, 3.60).
 */
double pal__first_step(pal_minimiser *m, double slope, double norm);

#endif
