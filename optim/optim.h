/* optim.h - update rules, learning-rate schedules, and L-BFGS for small problems.
 *
 * An update rule is recorded as tape operations that end in assigns. An optimiser owns one slab per kind of state
 * (momentum, second moment, ...), with one state tensor per parameter in it. It also owns its scalars (learning rate,
 * bias corrections): leaves that the host computes in double before each run. */
#ifndef PAL_OPTIM_H
#define PAL_OPTIM_H

#include "autograd/autograd.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Slabs ---------------------------------------------------------------------------------------------------- */

/* Many tensors in one aligned block. Each part starts at the next multiple of 64 bytes. The gaps stay zero, so a sum
 * over the block equals the sum over its parts. */
typedef struct pal_slab { /* read-only for callers */
    pal_tensor *all;      /* the whole block, with one axis */
    pal_tensor **part;
    size_t n;
} pal_slab;
/* Filled with zeros. NULL: out of memory. */
pal_slab *pal_slab_new(pal_context *context, pal_dtype dtype, const pal_shape *shapes, size_t n);
void pal_slab_free(pal_slab *slab);

/* ---- Update rules --------------------------------------------------------------------------------------------- */

typedef struct pal_optimizer pal_optimizer;

/* The name is "gd" (plain gradient descent, the default; also "sgd"), "momentum", "nesterov", "rmsprop", "adam",
 * "adamw", "adagrad", "amsgrad", "radam", "lion", "schedule-free", "muon", "soap" or "kfac". A number that is 0 selects
 * the default given below; -1 selects a true 0. */
typedef struct pal_optimizer_options {
    size_t struct_size;
    const char *name;
    double momentum;     /* momentum, nesterov: 0.9; muon: 0.95 */
    double alpha;        /* rmsprop: 0.99 */
    double beta1, beta2; /* adam and all after it but adagrad: 0.9, 0.999; lion: 0.9, 0.99; soap: 0.95, 0.95 */
    double epsilon;      /* of every rule with a square root: 1e-8 */
    double weight_decay; /* decoupled; adamw, muon, soap: 0.01, others: 0 */
    double clip_norm;    /* limit for the global norm of all gradients; default 0: no clipping; kfac has none */
    /* momentum, nesterov. "constant" (NULL), or "sutskever": at step t the momentum is the smaller of `momentum` and
     * 1 - 1 / (2 (floor(t / 250) + 1)) (Sutskever, Martens, Dahl and Hinton, ICML 2013, equation 5). nesterov then
     * looks ahead with the momentum of step t + 1, so that its weights are the points at which their equation 3 takes
     * the gradient. */
    const char *momentum_schedule;
    bool spare_biases; /* no weight decay of biases: parameters named b, or with fewer than two axes */
    /* Factors of the learning rate, as "PREFIX=FACTOR,...": for the parameters whose name is the prefix, or begins with
     * it and a slash. Of several prefixes the longest counts; 0 keeps the parameters as they are. NULL: none. Weight
     * decay, whose step is the rate times the decay, has the factor, too. */
    const char *rates;
    /* An average of the weights over the steps, which is then what is evaluated and saved: see pal_optimizer_swap.
     * "none" (NULL), "exponential", or "equal" (stochastic weight averaging); average.c has the formulas and the
     * papers. */
    const char *average;
    double average_decay;                  /* exponential: 0.999 */
    uint64_t average_start, average_every; /* equal: the first step that counts, and the steps to the next; both 1 */
    /* muon, soap. They update parameters as matrices: the first axis is that of the rows, all others are columns.
     * Biases (named b, or with fewer than two axes) are updated element by element, by AdamW. So are the parameters
     * whose name is one of "PREFIX,...", or begins with one and a slash. NULL: none. */
    const char *elementwise;
    uint64_t precondition_every; /* soap: the steps from one refresh of the bases to the next; 10 */
    int64_t max_dimension;       /* soap: a side that is longer has no basis; 10000 */
    double damping;              /* kfac: what lambda starts as, 0.01; training changes it */
} pal_optimizer_options;

/* The number of update rules, and the name and one-line formula of the i-th. */
size_t pal_optimizer_kinds(void);
const char *pal_optimizer_name(size_t i);
const char *pal_optimizer_formula(size_t i);

/* Checks the options, and that every prefix of `rates` and `elementwise` is that of one of these names.
 * pal_optimizer_new does not ask for the latter, because it may be given a part of a model. PAL_ERR_ARGUMENT. */
pal_status pal_optimizer_check(const pal_optimizer_options *options, const char *const *names, size_t n,
                               pal_error *err);

/* An optimiser for these parameters, which are borrowed and must have one real type. NULL: err contains the reason. */
pal_optimizer *pal_optimizer_new(pal_context *context, const pal_optimizer_options *options,
                                 pal_tensor *const *parameters, const char *const *names, size_t n, pal_error *err);
void pal_optimizer_free(pal_optimizer *optimizer);
/* Records the update of every parameter from its gradient (same order) in the scope "update". Each update ends in
 * assigns. The parameters must be leaves of the tensors that pal_optimizer_new received. On failure the tape's error is
 * set. */
pal_status pal_optimizer_record(pal_optimizer *optimizer, pal_tape *tape, const pal_var *parameters,
                                const pal_var *gradients, size_t n);
/* The curvature of the loss, for a rule that needs it ("kfac"). Its likelihoods and their Fisher matrix F are those of
 * pal_model_fisher: sampled is a scalar whose gradient has the mean 0 and the covariance F; z[i], of n, are what the
 * densities take; and F is the sum over i of J_i' H_i J_i, with J_i the Jacobian of z[i] by the parameters, and H_i the
 * Hessian of the scalar divergence[i] by z[i]. On a tape of a shard, sampled and divergence[i] are its part of a sum
 * over the shards; parameters get gradients of the whole batch (pal_all_mean_grad). */
typedef struct pal_fisher {
    size_t struct_size;
    pal_var sampled;
    const pal_var *z, *divergence;
    size_t n;
} pal_fisher;
/* Whether the rule needs the curvature; pal_optimizer_record then fails. */
bool pal_optimizer_is_curved(const pal_optimizer *optimizer);
/* The same as pal_optimizer_record, for every rule. A rule that needs the curvature finds the layers of the loss on the
 * tape when it is first recorded, and has its states only from then on. */
pal_status pal_optimizer_record_curved(pal_optimizer *optimizer, pal_tape *tape, const pal_var *parameters,
                                       const pal_var *gradients, size_t n, const pal_fisher *curvature);
/* Whether the rule asks for the loss of each batch before and after its step, with the same noise; and the answer,
 * after the run and before the next step is set. kfac adapts its damping, and takes a step back that raised the loss:
 * the weights are then, bit for bit, what they were when the step was set. */
bool pal_optimizer_compares(const pal_optimizer *optimizer);
void pal_optimizer_compare(pal_optimizer *optimizer, uint64_t step, double before, double after);
/* Call it before each run; step counts from 1. Until the first call the learning rate is 0 and nothing moves. Step 1
 * sets the states that start as the weights, to what the weights are then. soap refreshes its bases here, at steps 2,
 * 2 + precondition_every, ..., by LAPACK on the calling thread, once for a step. If that fails (a matrix that is not
 * finite: PAL_ERR_NUMERIC; PAL_ERR_MEMORY), the weight concerned keeps the basis that it had, and the next run is
 * possible. kfac inverts its factors here, after each of the first three steps and then every 20. */
pal_status pal_optimizer_set_step(pal_optimizer *optimizer, uint64_t step, double learning_rate);
const char *pal_optimizer_error(const pal_optimizer *optimizer); /* why the last set_step failed; "": it did not */
/* The state tensors, for checkpoints. The names look like "adam/m/encoder/W". */
size_t pal_optimizer_state_count(const pal_optimizer *optimizer);
pal_tensor *pal_optimizer_state(const pal_optimizer *optimizer, size_t i, const char **name);
/* An optimiser with an average has two sets of weights, and so has "schedule-free": it takes the gradient at one, and
 * evaluates the other. While training, the parameters are the first. This exchanges the two, in memory and bit for bit:
 * call it before the model is measured or saved, and again before the next run. A checkpoint that is written in between
 * has the weights of evaluation under the names of the parameters, and those of training as a state,
 * "schedule-free/training/encoder/W". To go on from it, read both and call this once. false: there is one set of
 * weights, and nothing was done. */
bool pal_optimizer_swap(pal_optimizer *optimizer);

/* ---- Accumulation --------------------------------------------------------------------------------------------- */

/* The gradient of a batch that is taken in parts of equal size, each in a run of its own: the mean of the gradients of
 * the parts. Clear it, run a program with pal_accumulator_add for all parts but the last, then one with
 * pal_accumulator_mean, whose result goes to pal_optimizer_record. */
typedef struct pal_accumulator pal_accumulator;
/* Parameters and names as for pal_optimizer_new; their shapes and names are copied. NULL: PAL_ERR_MEMORY. */
pal_accumulator *pal_accumulator_new(pal_context *context, pal_tensor *const *parameters, const char *const *names,
                                     size_t n, pal_error *err);
void pal_accumulator_free(pal_accumulator *accumulator);
void pal_accumulator_clear(pal_accumulator *accumulator);
/* Records that the gradients [n] are added to the sums. On failure the tape's error is set. */
pal_status pal_accumulator_add(pal_accumulator *accumulator, pal_tape *tape, const pal_var *gradients);
/* Records out [n], the mean over `parts` parts: the sums with these gradients of the last part, over parts. */
pal_status pal_accumulator_mean(pal_accumulator *accumulator, pal_tape *tape, const pal_var *gradients, int64_t parts,
                                pal_var *out);

/* ---- Schedules ------------------------------------------------------------------------------------------------ */

/* The rate rises linearly from 0 and reaches learning_rate at step f = max(warmup, 1). The schedule starts there. */
typedef struct pal_schedule {
    const char *name;     /* "constant", "step", "cosine", "polynomial", "one-cycle", "plateau" */
    double learning_rate; /* the full rate */
    double final_rate; /* cosine, polynomial, one-cycle: the rate at step `total` and after; plateau: the least rate */
    double factor;     /* step, plateau: multiplies the rate ... */
    uint64_t every;    /* ... step: each time this many steps have passed since f; 0: never */
    uint64_t warmup;   /* steps of the linear rise; 0 or 1: none */
    uint64_t total;    /* cosine, polynomial, one-cycle: steps in all */
    double power;      /* polynomial: the exponent of the share of the steps that is left; 0: 1 */
    double rise;       /* one-cycle: the share of the steps in which the rate rises; 0: 0.3 */
    uint64_t patience; /* plateau: losses in a row that may be no better before the rate falls; 0: 5 */
    uint64_t reductions; /* plateau: how often it has fallen (pal_plateau); its caller keeps the number here */
} pal_schedule;
/* step counts from 1; NaN: unknown name. One-cycle is that of Smith and Topin 2018, with the two half cosines of
 * PyTorch: from learning_rate / 25 to learning_rate, then to final_rate. */
double pal_schedule_rate(const pal_schedule *schedule, uint64_t step);
bool pal_schedule_known(const char *name);
bool pal_schedule_uses_total(const char *name); /* whether the rate of a step depends on the number of steps in all */

/* When the rate of a plateau falls: as soon as `patience` + 1 losses in a row are not below the best one by a ten
 * thousandth of it. It starts as {0}, and so does the next count after a fall. */
typedef struct pal_plateau {
    double best;         /* of the losses seen */
    uint64_t seen, poor; /* losses; those in a row that were no better */
    uint64_t reductions; /* how often the rate has fallen */
} pal_plateau;
/* Takes the loss of an epoch. true: the rate falls now. A NaN is no loss and changes nothing. */
bool pal_plateau_add(pal_plateau *plateau, const pal_schedule *schedule, double loss);

/* ---- L-BFGS --------------------------------------------------------------------------------------------------- */

/* Computes value and gradient at x. A value that is not finite means that the step was too long, and the search
 * shortens it. A failure status ends the search. */
typedef pal_status (*pal_lbfgs_fn)(const double *x, double *value, double *gradient, void *user);

typedef struct pal_lbfgs_options {
    size_t struct_size;
    size_t memory;      /* number of stored pairs; 0: 10 */
    int64_t iterations; /* maximum; 0: 1000 */
    double gradient;    /* converged when the largest |dy/dx_i| is at most this; 0: 1e-6 */
} pal_lbfgs_options;

typedef struct pal_lbfgs_result {
    double value, gradient; /* at the end; gradient: the largest |dy/dx_i| */
    int64_t iterations, evaluations;
    bool converged; /* false: the iterations were used up, or rounding hides any further decrease */
} pal_lbfgs_result;

/* Minimises over x [n], in place, starting at the given x. It is deterministic. Limited-memory BFGS with a line search
 * for the strong Wolfe conditions (Nocedal and Wright, "Numerical Optimization", algorithms 7.4, 7.5, 3.5, 3.6). */
pal_status pal_lbfgs(double *x, size_t n, pal_lbfgs_fn f, void *user, const pal_lbfgs_options *options,
                     pal_lbfgs_result *result, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
