/* internal.h - shared by the files of optim/: the table of update rules. */
#ifndef PAL_OPTIM_INTERNAL_H
#define PAL_OPTIM_INTERNAL_H

#include "optim/optim.h"

enum { PAL__STATES = 2, PAL__SCALARS = 3 };

/* Numbers that change at every step. The host computes them in double; the tape reads them as leaves without axes. */
typedef enum pal__scalar { PAL__RATE, PAL__EPSILON, PAL__DECAY } pal__scalar;

/* The update of one parameter. rule->update reads w, g, state and scalar, and writes the new states to next. */
typedef struct pal__update {
    const pal_optimizer_options *options; /* defaults filled in */
    pal_var w, g, state[PAL__STATES], next[PAL__STATES];
    pal_var scalar[PAL__SCALARS];
} pal__update;

typedef struct pal__update_rule {
    const char *name, *alias, *formula;
    const char *states[PAL__STATES];   /* names, such as "m", "v"; NULL: no more */
    double weight_decay;               /* the default */
    pal_var (*update)(pal__update *u); /* returns the new parameter; u->w already includes weight decay */
    bool debias;                       /* rate and epsilon include Adam's bias corrections */
} pal__update_rule;

const pal__update_rule *pal__update_rule_at(size_t i);           /* NULL: no more */
const pal__update_rule *pal__update_rule_find(const char *name); /* by name or alias; NULL: unknown */

/* Fills in the defaults, checks the ranges, and finds the rule. */
pal_status pal__optimizer_options(const pal_optimizer_options *given, pal_optimizer_options *out,
                                  const pal__update_rule **rule, pal_error *err);

/* Computes the scalars of one step. */
void pal__scalars(const pal__update_rule *rule, const pal_optimizer_options *o, uint64_t step, double rate,
                  double out[PAL__SCALARS]);

#endif
