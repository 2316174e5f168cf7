/* classify.h - what a code is good for: classes told from few labels, and by models that tell them themselves. The
 * conventions are train.h's, which includes this file. */
#ifndef PAL_TRAIN_CLASSIFY_H
#define PAL_TRAIN_CLASSIFY_H

#include "data/data.h"
#include "models/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Logistic regression ------------------------------------------------------------------------------------------
 *
 * Multinomial logistic regression with an L2 penalty, strength/2 ||W||^2 (biases are free), trained to convergence on
 * some labelled training samples, by L-BFGS in float64. Features are centred by their mean over these samples and
 * divided by one number, so that the mean of their squared norms is 1; no feature gets a scale of its own. The strength
 * is the one of 1e-2, 1e-2/5, 1e-2/25, ..., 1e-2/5^8 with the lowest error on held-out fifths of the labelled samples
 * (each in turn where there are at most 2000, else one), the strongest first; the search ends when it got worse twice.
 * The classifier is then trained on all labelled samples. */

typedef struct pal_classify_options {
    size_t struct_size;
    int64_t labels;      /* so many labelled samples, stratified: by class as in all of the data; 0: all */
    uint64_t seed, draw; /* which samples: draws of one seed differ, and are the same for codes and inputs */
    unsigned lanes;      /* 0: the context's threads */
    int64_t *confusion;  /* room for classes x classes counts of test samples, by label and answer; NULL: none */
} pal_classify_options;

typedef struct pal_classification {
    int64_t labels, features, test_samples;
    int classes;               /* the most of both data sets */
    double error, train_error; /* shares of the test samples, and of the labelled ones, that are told wrongly */
    double held_out_error;     /* at the strength that was chosen; NAN where no class has two labels */
    double strength;
    double gradient;     /* of the final fit: the largest of its absolute values */
    bool converged;      /* it is at most 1e-6 */
    int64_t evaluations; /* of loss and gradient, in all */
    double seconds;
} pal_classification;

/* On codes of clean inputs; model NULL: on the inputs themselves. PAL_ERR_ARGUMENT: no labels in the data, more asked
 * for than there are, or fewer than classes. */
pal_status pal_classify(const pal_model *model, const pal_dataset *train, const pal_dataset *test,
                        const pal_classify_options *options, pal_classification *result, pal_error *err);
/* Whether pal_classify would refuse so many labels. */
pal_status pal_classify_check(const pal_dataset *train, const pal_dataset *test, int64_t labels, pal_error *err);

/* ---- Heads ------------------------------------------------------------------------------------------------------- */

/* Whether the model tells classes by itself. */
bool pal_has_head(const pal_model *model);
/* The answers of such a model to clean inputs: nothing is trained, of the options only lanes and confusion are read,
 * and what the result says of training is 0 or NAN. confusion is of the model's classes. PAL_ERR_ARGUMENT: no head, no
 * labels in the data, or more classes than the head's. */
pal_status pal_classify_head(pal_model *model, const pal_dataset *data, const pal_classify_options *options,
                             pal_classification *result, pal_error *err);

#ifdef __cplusplus
}
#endif
#endif
