/* internal.h - shared by the files of optim/: the table of update rules. */
#ifndef PAL_OPTIM_INTERNAL_H
#define PAL_OPTIM_INTERNAL_H

#include "optim/optim.h"

/* Numbers that change at every step. The host computes them in double; the tape reads them as leaves without axes.
 * Every rule has the first three; a rule names those of the others that it uses. */
typedef enum pal__scalar {
    PAL__RATE,
    PAL__EPSILON,
    PAL__DECAY,
    PAL__PLAIN,  /* radam: the rate of the mean gradient without its divisor; muon: that of what is no matrix */
    PAL__WEIGHT, /* the weight of the newest point in a mean of points */
    PAL__KEEP,   /* of an average of the weights: 0 where it begins anew, else 1 */
    PAL__SHARE,  /* the part of the way to the new weights that an average goes */
    PAL__MOMENTUM,
    PAL__MOMENTUM_NEXT, /* of this step and of the next, where the momentum is scheduled */
    PAL__SCALARS,
} pal__scalar;
enum { PAL__STATES = 6 };

/* The update of one parameter. rule->update reads w, g, state and scalar, and writes the new states to next. A state
 * that the parameter does not have has the id 0. */
typedef struct pal__update {
    const pal_optimizer_options *options; /* defaults filled in */
    pal_var w, g, state[PAL__STATES], next[PAL__STATES];
    pal_var scalar[PAL__SCALARS];
    bool decays; /* this parameter has weight decay */
} pal__update;

/* A parameter between two runs. */
typedef struct pal__between {
    const pal_context *context;
    const pal_optimizer_options *options; /* defaults filled in */
    uint64_t step;                        /* the one that comes next */
    pal_shape shape;
    pal_tensor *state[PAL__STATES]; /* NULL: it does not have this one */
} pal__between;

typedef struct pal__update_rule {
    const char *name, *alias, *formula;
    const char *states[PAL__STATES];   /* names, such as "m", "v"; NULL: no more */
    double weight_decay;               /* the default */
    double momentum, beta1, beta2;     /* the defaults; 0: those of the other rules */
    pal_var (*update)(pal__update *u); /* returns the new parameter; u->w already includes weight decay */
    pal_var (*other)(pal__update *u);  /* of rules for matrices: the same for parameters that are none */
    /* From the options with defaults, the step and its rate to the scalars; all are 0, and DECAY is set, before. */
    void (*scalars)(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS]);
    unsigned uses;       /* scalars after the first three: a mask of 1 << scalar */
    unsigned scheduled;  /* the same, where the momentum is scheduled */
    unsigned from;       /* states that start as the weights instead of 0: a mask of 1 << state */
    const char *apart;   /* the state with the weights of evaluation, where they are not those of training; or NULL */
    bool decays_by_rule; /* u->w is without weight decay, which the rule itself adds */
    bool curved;         /* g is the step before its rate, which kfac_record.c records: pal_fisher */
    bool weighs;         /* WEIGHT is that of a mean with the squares of the rates as weights */
    /* Of rules for matrices: the shape of a state of a parameter; false: it has no such state. NULL: each parameter has
     * all states, in its own shape. */
    bool (*shape)(const pal_optimizer_options *o, pal_shape of, bool matrix, size_t state, pal_shape *out);
    /* What the host does to the states of a parameter before a step; NULL: nothing. After a failure they can be used.
     */
    pal_status (*between)(const pal__between *b, pal_error *err);
    size_t (*room)(const pal__between *b); /* the bytes that it takes meanwhile */
} pal__update_rule;

const pal__update_rule *pal__update_rule_at(size_t i);           /* NULL: no more */
const pal__update_rule *pal__update_rule_find(const char *name); /* by name or alias; NULL: unknown */

/* Fills in the defaults, checks the ranges, and finds the rule. */
pal_status pal__optimizer_options(const pal_optimizer_options *given, pal_optimizer_options *out,
                                  const pal__update_rule **rule, pal_error *err);

/* average.c: the scalars KEEP and SHARE of a step. */
void pal__average_scalars(const pal_optimizer_options *o, uint64_t step, double out[PAL__SCALARS]);
bool pal__averages(const pal_optimizer_options *o); /* there is an average; the options have their defaults */
/* The average after this step, from the one before it and the new weights. */
pal_var pal__average(const pal__update *u, pal_var average, pal_var weights);

/* Computes the scalars of one step, but for WEIGHT, which depends on the earlier rates. */
void pal__scalars(const pal__update_rule *rule, const pal_optimizer_options *o, uint64_t step, double rate,
                  double out[PAL__SCALARS]);

/* ---- groups.c: parameters that train differently -------------------------------------------------------------- */

enum { PAL__GROUPS_MOST = 65 };
typedef struct pal__group {
    char prefix[128];
    double factor; /* of the learning rate */
} pal__group;
typedef struct pal__groups { /* the first one, without a prefix, has all other parameters and the factor 1 */
    size_t n;
    pal__group group[PAL__GROUPS_MOST];
} pal__groups;
pal_status pal__groups_read(const char *text, pal__groups *out, pal_error *err); /* NULL, "": one group */
size_t pal__groups_find(const pal__groups *groups, const char *name);
/* ---- matrix.c, muon.c, ...: rules for matrices ----------------------------------------------------------------------
 */

bool pal__is_bias(const char *name, pal_shape shape); /* is named b, or has fewer than two axes */
/* Whether a rule for matrices updates it as one: it is no bias, and `elementwise` does not name it. */
bool pal__is_matrix(const pal_optimizer_options *o, const char *name, pal_shape shape);
bool pal__named(const char *prefixes, const char *name);               /* "PREFIX,...", NULL: none */
bool pal__begins(const char *name, const char *prefix, size_t length); /* is the prefix, or has a slash after it */
/* The rows and columns of a parameter with two axes or more: the first axis, and all others. */
void pal__sides(pal_shape shape, int64_t *rows, int64_t *columns);

/* x [rows, columns], orthogonalised by Newton and Schulz: about U V' where x = U S V'. */
pal_var pal__orthogonalised(pal_var x);
pal_var pal__muon(pal__update *u);
bool pal__muon_shape(const pal_optimizer_options *o, pal_shape of, bool matrix, size_t state, pal_shape *out);

/* soap.c, of which the part between two runs is soap_basis.c. The states, of which a side that is too long lacks its
 * own: factors and bases are [n, n], and row i of a basis is an eigenvector of the factor, the greatest first. */
enum { PAL__SOAP_M, PAL__SOAP_V, PAL__SOAP_LEFT, PAL__SOAP_RIGHT, PAL__SOAP_LEFT_BASIS, PAL__SOAP_RIGHT_BASIS };
pal_var pal__soap(pal__update *u);
bool pal__soap_shape(const pal_optimizer_options *o, pal_shape of, bool matrix, size_t state, pal_shape *out);
pal_status pal__soap_between(const pal__between *b, pal_error *err);
size_t pal__soap_room(const pal__between *b);

#endif
