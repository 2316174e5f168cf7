/* likelihood.h - what a loss says of the model's own distribution: the likelihoods that it takes, and for each how its
 * targets are drawn and how far two of its distributions are apart. */
#ifndef PAL_MODELS_LIKELIHOOD_H
#define PAL_MODELS_LIKELIHOOD_H

#include "models/internal.h"

/* p(x | a). The results of nll and divergence have one shape, whose first axis is that of the samples. */
struct pal__likelihood_kind {
    pal_var (*nll)(pal_model *m, pal_var a, pal_var x);            /* -ln p(x | a) */
    pal_var (*draw)(pal_model *m, const char *stream, pal_var a);  /* x from p(x | a), of the shape of x */
    pal_var (*divergence)(pal_model *m, pal_var from, pal_var to); /* KL(p(. | from) || p(. | to)) */
};

extern const pal__likelihood_kind pal__bernoulli_likelihood; /* logits a; 0 or 1 */
extern const pal__likelihood_kind pal__unit_likelihood;      /* mean a, variance 1, without its constant */
extern const pal__likelihood_kind pal__mixed_likelihood;     /* output_mixed.c; the model must have a schema */
extern const pal__likelihood_kind pal__class_likelihood;     /* scores a [n,classes]; a one-hot row */

/* The kind's nll of x, of which the model notes that its loss takes it. */
pal_var pal__take_likelihood(pal_model *m, const pal__likelihood_kind *kind, pal_var a, pal_var x);
pal_var pal__mixed_mean(pal_model *m, pal_var a);
/* The link of a feature, and of a category the number of its levels (else 1). */
const char *pal__mixed_activation(const pal_schema *schema, int64_t feature, int64_t *choices);
/* ln sigma^2 of outputs gaussian and mixed, [1] or [features]. */
pal_var pal__log_variance(pal_model *m);
/* A part of the loss that is a divergence of p(. | a), weighed by the scalar `weight`, as a mean over samples. The
 * model then counts its own draw from p as a part of what it outputs. */
void pal__take_divergence(pal_model *m, const pal__likelihood_kind *kind, pal_var a, pal_var weight);

#endif
