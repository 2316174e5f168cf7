/* internal.h - what the files of optim/ share: the table of update rules. */
#ifndef PAL_OPTIM_INTERNAL_H
#define PAL_OPTIM_INTERNAL_H

#include "optim/optim.h"

enum { PAL__STATES = 2, PAL__SCALARS = 3 };

/* Numbers that change from step to step: computed in double on the host, read by the tape as leaves without axes. */
typedef enum pal__scalar { PAL__RATE, PAL__EPSILON, PAL__DECAY } pal__scalar;

/* One parameter's update. rule->update reads w, g, the states and the scalars, and puts the new states into next. */
typedef struct pal__update {
    const pal_optimizer_options *options; /* defaults filled in */
    pal_var w, g, state[PAL__STATES], next[PAL__STATES];
    pal_var scalar[PAL__SCALARS];
} pal__update;

typedef struct pal__update_rule {
    const char *name, *alias, *formula;
    const char *states[PAL__STATES];   /* "m", "v"; NULL: no more */
    double weight_decay;               /* the default */
    pal_var (*update)(pal__update *u); /* the new parameter, decay apart */
    bool debias;                       /* rate and epsilon carry Adam's bias corrections */
} pal__update_rule;

const pal__update_rule *pal__update_rule_at(size_t i);           /* NULL: no more */
const pal__update_rule *pal__update_rule_find(const char *name); /* by name or alias; NULL: none */

/* Copies what the caller gave over the defaults and checks the ranges. */
pal_status pal__optimizer_options(const pal_optimizer_options *given, pal_optimizer_options *out,
                                  const pal__update_rule **rule, pal_error *err);

/* The scalars of one step. */
void pal__scalars(const pal__update_rule *rule, const pal_optimizer_options *o, uint64_t step, double rate,
                  double out[PAL__SCALARS]);

#endif
