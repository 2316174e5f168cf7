/* importance_weighted.c - the importance-weighted autoencoder: a variational autoencoder that maximises ln of the mean
 * weight of several draws. This bound on ln p(x) becomes tighter with more draws.
 *
 * Burda, Grosse and Salakhutdinov, ICLR 2016, equation 8. */
#include "models/internal.h"

static const pal_option options[] = {PAL__CODE_OPTIONS, PAL__ESTIMATE_OPTIONS("5", "importance"), {0}};

static const pal_need needs[] = {PAL__CODE_NEEDS, {0}};

const pal_variant pal_importance_weighted = {
    .struct_size = sizeof(pal_variant),
    .name = "importance-weighted",
    .alias = "iwae",
    .summary = "a variational autoencoder, trained on a tighter bound from several draws",
    .formula = "z_s ~ q(z | x);  loss = -E log (1/S) sum_s p(x | z_s) p(z_s) / q(z_s | x)",
    .source = "Burda, Grosse and Salakhutdinov, ICLR 2016",
    .options = options,
    .needs = needs,
    .training = pal__bound_training,
    .encode = pal__posterior_mean,
    .decode = pal_decode_layers,
    .loss = pal__estimate,
    .posterior = pal__posterior,
};
