/* importance_weighted.c - the importance-weighted autoencoder: a variational autoencoder that maximises ln of the mean
 * weight of several draws. This bound on ln p(x) becomes tighter with more draws.
 *
 * Burda, Grosse and Salakhutdinov, ICLR 2016, equation 8. */
#include "palindrome.h"

static const pal_option options[] = {PAL_CODE_OPTIONS, PAL_ESTIMATE_OPTIONS("5", "importance"), {0}};

static const pal_need needs[] = {PAL_CODE_NEEDS, {0}};

static const pal_setting training[] = {{"epochs", "10"}, {NULL, NULL}};

const pal_variant pal_importance_weighted = {
    .struct_size = sizeof(pal_variant),
    .name = "importance-weighted",
    .alias = "iwae",
    .summary = "a variational autoencoder, trained on a tighter bound from several draws",
    .formula = "z_s ~ q(z | x);  loss = -E log (1/S) sum_s p(x | z_s) p(z_s) / q(z_s | x)",
    .source = "Burda, Grosse and Salakhutdinov, ICLR 2016",
    .options = options,
    .needs = needs,
    .training = training,
    .encode = pal_code_mean,
    .decode = pal_decode_layers,
    .loss = pal_code_estimate,
    .posterior = pal_code_posterior,
};
