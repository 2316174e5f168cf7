/* optimizer.h - what an optimiser has, for the files that make it, record its update and set its steps. */
#ifndef PAL_OPTIM_OPTIMIZER_H
#define PAL_OPTIM_OPTIMIZER_H

#include "optim/kfac.h"

struct pal_optimizer {
    pal_optimizer_options options;
    const pal__update_rule *rule;
    size_t n, own, kinds;    /* parameters; kinds of state of the rule; with that of an average */
    size_t listed, *list;    /* states that exist: kind * n + parameter */
    pal_tensor **parameters; /* borrowed */
    pal_slab *state[PAL__STATES + 1];
    char **names; /* names of the states, kind by kind, each in the order of the parameters; NULL: it does not exist */
    pal__groups groups;
    pal_tensor *(*scalar)[PAL__SCALARS]; /* of each group */
    size_t *group;                       /* of each parameter */
    bool *spared, *matrix;               /* of each parameter: it has no weight decay; pal__is_matrix */
    pal_slab *apart;    /* a slab of state, with the weights of evaluation; NULL: they are those of training */
    pal_tensor *memory; /* of the host; NULL: the rule has none */
    char *memory_name;
    pal_tensor *reserve; /* of a dry context: what the host takes between two runs */
    const pal_context *context;
    pal_error error;                   /* of the last set_step */
    pal__kfac *kfac;                   /* NULL: the rule is not curved */
    pal_slab *before, *average_before; /* of a step that may be taken back; NULL: none is, there is no average */
    bool dry;                          /* of a dry context: the memory of the weights is not touched */
};

/* back.c: room for the weights before a step, and for their average; the copy; and the step taken back. */
bool pal__back_make(pal_optimizer *o, pal_context *context, pal_dtype dtype); /* false: out of memory */
void pal__back_keep(pal_optimizer *o);
void pal__back_take(pal_optimizer *o);

#endif
