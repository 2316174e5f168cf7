/* distribution.h - a kind of distribution, one row of distribution.c. Its functions do not check their arguments. */
#ifndef PAL_MODELS_DISTRIBUTION_H
#define PAL_MODELS_DISTRIBUTION_H

#include "models/internal.h"

enum { PAL__DISTRIBUTION_MOST = 1000000 };

struct pal_distribution_kind {
    const char *name;
    int64_t most;    /* largest k */
    pal_units units; /* INDEPENDENT: the parameters are a multiple of k, one group of k after the other */
    int64_t (*outputs)(int64_t k);
    pal_var (*mean)(pal_var q, int64_t k); /* q [n, outputs] -> [n, k] */
    pal_var (*sample)(const char *stream, pal_var q, int64_t k, int64_t samples, double temperature);
    pal_var (*log_density)(pal_var z, pal_var q, int64_t k); /* [n, S] */
    pal_var (*log_prior)(pal_var z, int64_t k);
    pal_var (*entropy)(pal_var q, int64_t k); /* [n] */
    pal_var (*kl)(pal_var q, pal_var p, int64_t k);
    pal_var (*kl_prior)(pal_var q, int64_t k);
    double (*quantile)(double u);                              /* of one number under the prior; NULL: discrete */
    pal_var (*covariance)(pal_var q, int64_t k, pal_var axes); /* of axes z; axes [a, k] -> [n, a, a] */
    const char *drawn;                                         /* for drawings: the formula of a sample */
};

#endif
