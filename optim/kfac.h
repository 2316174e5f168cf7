/* kfac.h - shared by the files of K-FAC, Kronecker-factored approximate curvature (Martens and Grosse, ICML 2015; for
 * convolutions Grosse and Martens, ICML 2016).
 *
 * Data flow of a step. The loss, its gradient and the sampled loss (pal_fisher) are on the tape.
 *   kfac_layers.c   finds on the tape, for each parameter, the products that use it: the activations, the
 * pre-activation s, the bias. From these it makes blocks: matrices with one Kronecker-factored curvature each.
 *   kfac_factors.c  records the second moments of the activations and of the gradients of the sampled loss by s, and
 *                   their decayed means. Those are states.
 *   kfac_record.c   records the direction D = -(A + damping)^-1 gradient (G + damping)^-1 with the inverses, which are
 *                   states that the host computes, too; then the step a D + m (last step), where a and m minimise the
 *                   quadratic model with the exact Fisher matrix. Other parameters take Adam's step.
 *   kfac.c          the states; and what the host does between two runs: inverses, the scalars of a step, and the
 *                   damping, which follows how well the model predicted the loss (Levenberg-Marquardt). */
#ifndef PAL_OPTIM_KFAC_H
#define PAL_OPTIM_KFAC_H

#include "optim/internal.h"

#define PAL__NO_PARAMETER SIZE_MAX

/* ---- What was found on a tape (kfac_layers.c) ----------------------------------------------------------------- */

typedef enum pal__use_kind {
    PAL__AFFINE,      /* s = x W, or x W' */
    PAL__FILTER,      /* s = conv2d(x, W) */
    PAL__FILTER_BACK, /* s = conv2d_to_input(x, W), a transposed convolution */
    PAL__SHIFT,       /* s = something + b: an affine layer with the activation 1 and the weight b */
} pal__use_kind;

/* One place where a parameter is used. The matrix of a weight [r,c] has its activations along one side, the gradients
 * by s along the other. */
typedef struct pal__use {
    pal__use_kind kind;
    size_t weight, bias; /* parameters; bias PAL__NO_PARAMETER: none */
    pal_var in, s;       /* the activations; the pre-activation, with the bias */
    pal_var product;     /* the convolution, for its options */
    int side;            /* of the activations: 0: rows, 1: columns */
} pal__use;

/* A matrix [r,c], with a row or a column more if it has a bias: the homogeneous coordinate. */
typedef struct pal__block {
    size_t weight, bias;
    int64_t size[2]; /* with the homogeneous coordinate */
    bool turned;     /* the first two axes of the filters are exchanged */
    int side;        /* of the activations, and of the homogeneous coordinate; -1: both, a tied weight */
    size_t uses;     /* how many of the uses are its own */
} pal__block;

typedef struct pal__layers {
    pal__use *use; /* in the order of the tape */
    pal__block *block;
    size_t n_uses, cap_uses, n_blocks;
    const char **left; /* of each parameter: NULL: it is in a block; else why it is not, a constant text */
    bool *turned;      /* of each parameter: how its uses turn it */
    pal_tape *tape;
} pal__layers;

/* Walks over what `sampled` depends on. The caller frees the layers, after a failure too, which is on the tape. */
pal_status pal__layers_find(pal_var sampled, const pal_var *parameters, size_t n, pal__layers *out);
void pal__layers_free(pal__layers *layers);
/* Whether use u is one of block b. */
bool pal__uses(const pal__layers *layers, size_t u, const pal__block *b);

/* ---- Factors (kfac_factors.c) --------------------------------------------------------------------------------- */

/* The second moments of block b for this batch: sides[0] [r,r], sides[1] [c,c]. gradients: of the sampled loss by the s
 * of each use. */
void pal__factors(const pal__layers *layers, const pal__block *b, const pal_var *gradients, pal_var sides[2]);

/* ---- The rule ------------------------------------------------------------------------------------------------- */

typedef struct pal__kfac pal__kfac;
typedef enum pal__kfac_scalar {
    PAL__KFAC_KEEP,
    PAL__KFAC_DAMPING,
    PAL__KFAC_RATE,
    PAL__KFAC_EPSILON,
    PAL__KFAC_SCALARS
} pal__kfac_scalar;
/* What each parameter keeps. */
typedef enum pal__moment { PAL__KFAC_STEP, PAL__KFAC_MEAN, PAL__KFAC_SQUARE, PAL__KFAC_MOMENTS } pal__moment;

typedef struct pal__kfac_block {
    pal__block of;
    pal_tensor *factor[2], *inverse[2];
} pal__kfac_block;

typedef enum pal__kfac_number {
    PAL__KFAC_LAMBDA, /* the damping */
    PAL__KFAC_MODEL,  /* the change of the loss that the last step promised; the program writes it */
    PAL__KFAC_NUMBERS
} pal__kfac_number;

typedef struct pal__kfac_state {
    pal_tensor *tensor;
    char *name;
} pal__kfac_state;

struct pal__kfac {
    pal_context *context;
    pal_optimizer_options options;
    pal_dtype dtype;
    size_t n;
    char **names; /* of the parameters */
    pal_tensor *scalar[PAL__KFAC_SCALARS];
    pal_tensor *number[PAL__KFAC_NUMBERS]; /* float64 scalars */
    bool made;                             /* the blocks are known, from the first recording */
    pal__kfac_block *block;
    size_t n_blocks;
    pal_tensor *(*moment)[PAL__KFAC_MOMENTS]; /* of each parameter; NULL: it has not this one */
    pal__kfac_state *state;                   /* all of the above but the scalars, by name */
    size_t n_states, cap_states;
};

pal__kfac *pal__kfac_new(pal_context *context, const pal_optimizer_options *options, pal_tensor *const *parameters,
                         const char *const *names, size_t n); /* NULL: out of memory */
void pal__kfac_free(pal__kfac *k);
/* Makes the states at the first recording, and compares with them at a later one. */
pal_status pal__kfac_make(pal__kfac *k, pal_tape *tape, const pal__layers *layers, const pal_var *parameters);
/* Records the step of every parameter, before its learning rate. */
pal_status pal__kfac_record(pal__kfac *k, pal_tape *tape, const pal_var *parameters, const pal_var *gradients,
                            pal_var rate, const pal_fisher *curvature, pal_var *steps);
pal_status pal__kfac_prepare(pal__kfac *k, uint64_t step, pal_error *err);
/* false: the step is to be taken back. */
bool pal__kfac_compare(pal__kfac *k, uint64_t step, double before, double after);

#endif
