/* optim.h - update rules as tape operations that end in assigns, schedules of the learning rate, and L-BFGS for what is
 * small enough to be solved.
 *
 * An optimiser owns one state tensor a parameter and kind of state (momentum, second moment, ...) in one aligned slab,
 * and its scalars (learning rate, bias corrections) as leaves that the host computes in double before each run. */
#ifndef PAL_OPTIM_H
#define PAL_OPTIM_H

#include "autograd/autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Slabs ---------------------------------------------------------------------------------------------------- */

/* Many tensors in one aligned block: part i begins at the next multiple of 64 bytes, and the gaps stay zero, so that
 * sums over the whole are sums over the parts. */
typedef struct pal_slab { /* fields are for reading */
    pal_tensor *all;      /* the block, one axis */
    pal_tensor **part;
    size_t n;
} pal_slab;
pal_slab *pal_slab_new(pal_context *context, pal_dtype dtype, const pal_shape *shapes,
                       size_t n); /* zeros; NULL: no memory */
void pal_slab_free(pal_slab *slab);

/* ---- Update rules --------------------------------------------------------------------------------------------- */

typedef struct pal_optimizer pal_optimizer;

typedef struct pal_optimizer_options {
    size_t struct_size;
    const char
        *name;       /* "gd" (plain gradient descent; also "sgd"), "momentum", "nesterov", "rmsprop", "adam", "adamw" */
    double momentum; /* momentum, nesterov: 0.9 */
    double alpha;    /* rmsprop: 0.99 */
    double beta1, beta2; /* adam: 0.9, 0.999 */
    double epsilon;      /* rmsprop, adam: 1e-8 */
    double weight_decay; /* decoupled: adamw 0.01, others 0 */
    double clip_norm;    /* global norm of all gradients; 0: no clipping */
} pal_optimizer_options; /* a field of 0 (name: NULL) means its default; -1 asks for a true 0 */

/* How many there are, and the name and one-line formula of the i-th. */
size_t pal_optimizer_kinds(void);
const char *pal_optimizer_name(size_t i);
const char *pal_optimizer_formula(size_t i);

/* For these parameters (borrowed; one real type). NULL: err says why. */
pal_optimizer *pal_optimizer_new(pal_context *context, const pal_optimizer_options *options,
                                 pal_tensor *const *parameters, const char *const *names, size_t n, pal_error *err);
void pal_optimizer_free(pal_optimizer *optimizer);
/* Appends the update of every parameter given its gradient (same order), ending in assigns, under scope "update". The
 * parameters are leaves onto the tensors given to new. On failure the tape tells. */
pal_status pal_optimizer_record(pal_optimizer *optimizer, pal_tape *tape, const pal_var *parameters,
                                const pal_var *gradients, size_t n);
/* Before each run: step counts from 1. Without it nothing moves: the rate is 0. */
void pal_optimizer_set_step(pal_optimizer *optimizer, uint64_t step, double learning_rate);
/* The state, for checkpoints: names are "adam/m/encoder/W" and the like. */
size_t pal_optimizer_state_count(const pal_optimizer *optimizer);
pal_tensor *pal_optimizer_state(const pal_optimizer *optimizer, size_t i, const char **name);

/* ---- Schedules ------------------------------------------------------------------------------------------------ */

/* The full rate is reached at step f = max(warmup, 1). */
typedef struct pal_schedule {
    const char *name; /* "constant", "step", "cosine" */
    double learning_rate;
    double final_rate;      /* cosine: at step `total` and after, along half a period of the cosine */
    double factor;          /* step: multiplied by this ... */
    uint64_t every;         /* ... after every so many steps, counted from f */
    uint64_t warmup, total; /* linear from 0 over the first `warmup` steps; cosine needs the total */
} pal_schedule;
double pal_schedule_rate(const pal_schedule *schedule, uint64_t step); /* step from 1; NaN for a name unknown */
bool pal_schedule_known(const char *name);

/* ---- L-BFGS --------------------------------------------------------------------------------------------------- */

/* Value and gradient at x. A value that is not finite is a step too far; a failure ends the search. */
typedef pal_status (*pal_lbfgs_fn)(const double *x, double *value, double *gradient, void *user);

typedef struct pal_lbfgs_options {
    size_t struct_size;
    size_t memory;      /* pairs that are kept; 0: 10 */
    int64_t iterations; /* at most; 0: 1000 */
    double gradient;    /* small enough: the largest of |dy/dx_i|; 0: 1e-6 */
} pal_lbfgs_options;

typedef struct pal_lbfgs_result {
    double value, gradient; /* at the end; gradient as above */
    int64_t iterations, evaluations;
    bool converged; /* the gradient is small enough; if not: that was the last iteration, or rounding hides descent */
} pal_lbfgs_result;

/* Minimises over x [n] from where it is, deterministically: limited-memory BFGS with a line search for the strong Wolfe
 * conditions (Nocedal and Wright, "Numerical Optimization", algorithms 7.4, 7.5, 3.5, 3.6). */
pal_status pal_lbfgs(double *x, size_t n, pal_lbfgs_fn f, void *user, const pal_lbfgs_options *options,
                     pal_lbfgs_result *result, pal_error *err);

#ifdef __cplusplus
}
#endif
#endif
