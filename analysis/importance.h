/* importance.h - ln p(x) of a model with a random code. The conventions are train.h's, which includes this file.
 *
 * By importance sampling from the posterior (Burda, Grosse and Salakhutdinov, ICLR 2016): ln (1/N) sum over N draws of
 * p(x | z) p(z) / q(z | x), too low in expectation, and the less so the more draws. */
#ifndef PAL_TRAIN_IMPORTANCE_H
#define PAL_TRAIN_IMPORTANCE_H

#include "data/data.h"
#include "models/models.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_importance_options {
    size_t struct_size;
    int64_t draws;  /* N, of each sample */
    int64_t chunk;  /* draws that are computed at once, at most; 0: what a processor's cache holds */
    uint64_t seed;  /* draw s of sample i depends on seed, i and s alone; binary inputs are those of pal_evaluate */
    unsigned lanes; /* 0: the context's threads */
    double *each;   /* room for ln p(x) of each sample; NULL: not wanted */
    int (*progress)(int64_t done, int64_t all,
                    void *user); /* samples, after each chunk; not zero: stop (PAL_ERR_STOPPED) */
    void *user;
} pal_importance_options;

typedef struct pal_importance_result {
    int64_t samples, draws;
    double log_likelihood; /* mean over samples of ln p(x), nats */
    double standard_error; /* of this mean, over samples; NAN: a single one */
    double effective;      /* mean over samples of (sum w)^2 / sum w^2, draws that count: at most all of them */
} pal_importance_result;

/* Memory does not grow with the draws. PAL_ERR_ARGUMENT: what pal_importance_check says. */
pal_status pal_importance(pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                          pal_importance_result *result, pal_error *err);
/* Whether p(x | z) is a density of these data, so that there is an ln p(x) at all: the squared error is none, nor is
 * Bernoulli unless each number is 0 or 1, or binarised. PAL_ERR_ARGUMENT: err says why not, and what to choose. */
pal_status pal_density_check(const pal_model *model, const pal_dataset *data, pal_error *err);
/* Whether there is such an estimate: the code is random, there are draws, and pal_density_check. */
pal_status pal_importance_check(const pal_model *model, const pal_dataset *data, const pal_importance_options *options,
                                pal_error *err);

#ifdef __cplusplus
}
#endif
#endif
