/* optim.h - update rules as tape operations that end in assigns, and schedules of the learning rate.
 *
 * An optimiser owns one state tensor a parameter and kind of state (momentum, second moment, ...) in one aligned slab,
 * and its scalars (learning rate, bias corrections) as leaves that the host computes in double before each run. */
#ifndef PAL_OPTIM_H
#define PAL_OPTIM_H

#include "autograd/autograd.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_optimizer pal_optimizer;

typedef struct pal_optimizer_options {
    size_t struct_size;
    const char *name;    /* "gd" (plain gradient descent; also "sgd"), "momentum", "nesterov", "rmsprop", "adam", "adamw" */
    double momentum;     /* momentum, nesterov: 0.9 */
    double alpha;        /* rmsprop: 0.99 */
    double beta1, beta2; /* adam: 0.9, 0.999 */
    double epsilon;      /* rmsprop, adam: 1e-8 */
    double weight_decay; /* decoupled: adamw 0.01, others 0 */
    double clip_norm;    /* global norm of all gradients; 0: no clipping */
} pal_optimizer_options; /* a field of 0 means its default; -1 asks for a true 0 */

/* How many there are, and the name and one-line formula of the i-th. */
size_t pal_optimizer_kinds(void);
const char *pal_optimizer_name(size_t i);
const char *pal_optimizer_formula(size_t i);

/* For these parameters (borrowed; one real type). NULL: err says why. */
pal_optimizer *pal_optimizer_new(pal_context *context, const pal_optimizer_options *options,
                                 pal_tensor *const *parameters, const char *const *names, size_t n, pal_error *err);
void pal_optimizer_free(pal_optimizer *optimizer);
/* Appends the update of every parameter given its gradient (same order), ending in assigns, under scope "update". */
pal_status pal_optimizer_record(pal_optimizer *optimizer, pal_tape *tape, const pal_var *parameters,
                                const pal_var *gradients, size_t n);
/* Before each run: step counts from 1. */
void pal_optimizer_set_step(pal_optimizer *optimizer, uint64_t step, double learning_rate);
/* The state, for checkpoints: names are "adam/m/encoder/W" and the like. */
size_t pal_optimizer_state_count(const pal_optimizer *optimizer);
pal_tensor *pal_optimizer_state(const pal_optimizer *optimizer, size_t i, const char **name);

typedef struct pal_schedule {
    const char *name; /* "constant", "step", "cosine" */
    double learning_rate;
    double final_rate;      /* cosine: where it ends */
    double factor;          /* step: multiplied by this ... */
    uint64_t every;         /* ... every so many steps */
    uint64_t warmup, total; /* linear from 0 over the first `warmup` steps; cosine needs the total */
} pal_schedule;
double pal_schedule_rate(const pal_schedule *schedule, uint64_t step); /* step from 1 */
bool pal_schedule_known(const char *name);

#ifdef __cplusplus
}
#endif
#endif
