/* minimise.h - minimisers of a deterministic function, which the host drives step by step.
 *
 * The function is given by what it computes at a point: value and gradient, and products with its curvature where a
 * method needs them. How it computes them is its own affair: one program, or one program over many chunks of the data
 * whose values are added in a fixed order. A minimiser keeps vectors of the parameters' type and scalars of type
 * double. Its results do not depend on the number of threads. docs/design.md has the data flow. */
#ifndef PAL_MINIMISE_H
#define PAL_MINIMISE_H

#include "optim/optim.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- The function --------------------------------------------------------------------------------------------- */

/* Every function reads the point from x, and gets `user`. It returns PAL_OK, or a failure, which ends the step. A value
 * or gradient that is not finite is no failure: it means that the step was too long. */
typedef struct pal_objective {
    size_t struct_size;
    pal_slab *x; /* float32 or float64; borrowed. It holds the point: first the start, after each step the new point */
    /* The value, and the gradient in a slab of x's layout, which holds old numbers: overwrite its parts. The gaps
     * between parts must stay zero. gradient NULL: only the value is needed. */
    pal_status (*evaluate)(double *value, pal_slab *gradient, void *user);
    /* The product of the Hessian, and of a Gauss-Newton matrix (pal_gauss_newton_product), with v. NULL: there is none.
     */
    pal_status (*hessian)(const pal_slab *v, pal_slab *product, void *user);
    pal_status (*gauss_newton)(const pal_slab *v, pal_slab *product, void *user);
    /* hessian-free: a diagonal D >= 0 for the preconditioner (D + damping)^(3/4), such as the sum over the samples of
     * the squared elements of their gradients (Martens 2010, section 4.7). NULL: none. */
    pal_status (*diagonal)(pal_slab *diagonal, void *user);
    /* Asked before each evaluation and product. Nonzero: stop; the step ends with PAL_ERR_STOPPED. NULL: never. */
    int (*stop)(void *user);
    void *user;
} pal_objective;

/* ---- What a minimiser tells ----------------------------------------------------------------------------------- */

#define PAL_MET_MAP(X)                                                                                                 \
    X(RESTART, "restart along the gradient")                                                                           \
    X(NO_DESCENT, "the direction does not descend")                                                                    \
    X(NEGATIVE_CURVATURE, "negative curvature")                                                                        \
    X(NOT_FINITE, "a value or gradient is not finite: shorter step")                                                   \
    X(NO_STEP, "the line search cannot move")                                                                          \
    X(WEAK_STEP, "a step that decreases, but whose slope is still steep")                                              \
    X(BACKTRACK, "an earlier iterate of the inner iteration is better")                                                \
    X(REJECTED, "no iterate decreases: more damping")

typedef enum pal_met {
#define PAL_ROW(name, text) PAL_MET_##name,
    PAL_MET_MAP(PAL_ROW)
#undef PAL_ROW
        PAL_MET_COUNT
} pal_met;
const char *pal_met_text(pal_met event); /* "unknown event" for a number out of range */

typedef struct pal_minimise_report {
    int64_t iterations, evaluations, products; /* so far */
    int64_t inner;                             /* products of this iteration */
    double value;                              /* at x */
    double gradient, norm;                     /* the largest |dy/dx_i| and the Euclidean norm */
    double step;                               /* the length a of the last step x + a p; 0: x did not move */
    double damping, ratio;                     /* hessian-free: the damping, and the decrease in units of the model's */
    unsigned events;                           /* of this iteration: 1 << pal_met */
} pal_minimise_report;

typedef enum pal_minimise_end {
    PAL_MINIMISE_RUNNING,
    PAL_MINIMISE_CONVERGED, /* the gradient is small enough */
    PAL_MINIMISE_FLAT       /* no step along the gradient decreases the value: rounding hides any further decrease */
} pal_minimise_end;

/* ---- Minimisers ----------------------------------------------------------------------------------------------- */

/* A number that is 0 selects the default. */
typedef struct pal_minimise_options {
    size_t struct_size;
    const char *method; /* see pal_minimise_name; "lbfgs" */
    double gradient;    /* converged when the largest |dy/dx_i| is at most this; 0: 1e-6; -1: a true 0 */
    /* The line search: c1 and c2 of the strong Wolfe conditions, 0 < sufficient <= 0.5 and 0 < curvature < 1. 0: those of
     * the method. With sufficient < curvature some step always fulfils both. A very small `curvature` makes it an exact
     * search. */
    double sufficient, curvature;
    int64_t trials; /* most evaluations of one line search; 0: 40 */
    /* The relative rounding error of the value. A difference below it is judged by the slopes. 0: 4 epsilon of x's type
     */
    double noise;
    size_t memory;     /* lbfgs: pairs that are stored; 0: 10; at most 1000 */
    int64_t restart;   /* cg: a restart after this many iterations; 0: none but those that the formula asks for */
    double orthogonal; /* cg: a restart where |g'g_old| is at least this share of g'g (Powell 1977); 0: 0.2 for cg-dy,
                        * never for the others; -1: never */
    int64_t products;  /* newton-cg, hessian-free: most products of one iteration; 0: 20 n and at most 250 */
    double damping;    /* hessian-free: the first damping; 0: 1 */
    double warm;       /* hessian-free: the share of the last solution at which the next one starts; 0: 0.95; -1: 0 */
    double progress;   /* hessian-free: ends the inner iteration; 0: 5e-4 (Martens 2010, section 4.4) */
    void (*report)(const pal_minimise_report *report, void *user); /* called after each step; NULL: no calls */
    void *user;
} pal_minimise_options;

/* The number of methods; the name, and a line with formula and paper, of the i-th. NULL: no more. */
size_t pal_minimise_kinds(void);
const char *pal_minimise_name(size_t i);
const char *pal_minimise_formula(size_t i);

typedef struct pal_minimiser pal_minimiser;

/* The objective is copied; its x and user are borrowed. Evaluates nothing. NULL: err contains the reason, such as a
 * method whose products the objective lacks. */
pal_minimiser *pal_minimiser_new(const pal_objective *objective, const pal_minimise_options *options, pal_error *err);
void pal_minimiser_free(pal_minimiser *minimiser);

/* One iteration from the point in x, which it moves. The first call also evaluates the start. If the start or the last
 * point has converged, nothing moves. *end and *report may be NULL.
 * On failure x and the state are those before the step, or those after the last restart in it; the step can be taken
 * again. PAL_ERR_NUMERIC: value or gradient are not finite at the start. PAL_ERR_STOPPED: the objective asked to stop.
 */
pal_status pal_minimiser_step(pal_minimiser *minimiser, pal_minimise_end *end, pal_minimise_report *report,
                              pal_error *err);
/* Steps until the end or until `iterations` more were taken. */
pal_status pal_minimise(pal_minimiser *minimiser, int64_t iterations, pal_minimise_end *end,
                        pal_minimise_report *report, pal_error *err);

/* The function has become another one, such as the loss of other samples. The next step evaluates it at x and goes along
 * its gradient: what earlier steps learnt of the old function is forgotten. hessian-free keeps its damping, and where its
 * inner iteration starts. NULL-safe. */
void pal_minimiser_restart(pal_minimiser *minimiser);

/* The state, for checkpoints: the vectors [elements of x->all] of x's type, and the numbers as float64 scalars. The
 * names look like "lbfgs/gradient". Saved together with x between two steps, and copied into a new minimiser of the
 * same objective and options, it continues with the same bits. A tensor may be replaced by a step: ask again after
 * each. */
size_t pal_minimiser_state_count(const pal_minimiser *minimiser);
pal_tensor *pal_minimiser_state(const pal_minimiser *minimiser, size_t i, const char **name);

/* ---- Extremal eigenvalues ------------------------------------------------------------------------------------- */

typedef struct pal_lanczos_options {
    size_t struct_size;
    bool gauss_newton; /* of the Gauss-Newton matrix; otherwise of the Hessian */
    size_t steps;      /* products, and vectors that are stored; 0: 64; fewer if x has fewer elements */
    uint64_t seed;     /* of the start vector */
} pal_lanczos_options;

/* The eigenvalues of the curvature at x that lie furthest outside, by Lanczos' method with full reorthogonalisation
 * (Golub and Van Loan 2013, section 10.3). values [n] receives the n smallest, ascending, and values + n the n largest,
 * ascending. errors [2n], which may be NULL, receives for each a bound of the distance to an eigenvalue of the matrix
 * (10.1.16: |beta_k s_k|). An eigenvalue that occurs several times is found once. If the method ends after fewer than n
 * steps, because the start vector lies in a small invariant subspace, the rest are NaN. */
pal_status pal_lanczos(const pal_objective *objective, const pal_lanczos_options *options, size_t n, double *values,
                       double *errors, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
