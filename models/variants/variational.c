/* The variational autoencoder: the code is random, q(z | x), and pays for what it tells beyond the prior p(z).
 *
 * Kingma and Welling, ICLR 2014; Rezende, Mohamed and Wierstra, ICML 2014; beta as in Higgins et al., ICLR 2017: 0 is a
 * stochastic autoencoder without divergence. The encoder's last layer gives the parameters of q, a row of
 * distribution.c; the estimates of ln p(x) are those of bound.c. encode gives the posterior's mean. */
#include "models/internal.h"

static const pal_option options[] = {PAL__CODE_OPTIONS, PAL__ESTIMATE_OPTIONS("1", "bound"), {0}};

static const pal_need needs[] = {PAL__CODE_NEEDS, {0}};

const pal_variant pal_variational = {
    .struct_size = sizeof(pal_variant),
    .name = "variational",
    .alias = "vae",
    .summary = "a random code, drawn from a posterior that is kept near the prior",
    .formula = "z ~ q(z | x), its parameters the encoder's output;  loss = -E log p(x | z) + beta KL(q(z | x) || p(z))",
    .source = "Kingma and Welling, ICLR 2014; Rezende, Mohamed and Wierstra, ICML 2014",
    .options = options,
    .needs = needs,
    .training = pal__bound_training,
    .encode = pal__posterior_mean,
    .decode = pal_decode_layers,
    .loss = pal__estimate,
    .posterior = pal__posterior,
};
