/* variational.c - the variational autoencoder: the code is drawn from a posterior q(z | x), and the loss penalises its
 * divergence from the prior p(z).
 *
 * Kingma and Welling, ICLR 2014; Rezende, Mohamed and Wierstra, ICML 2014. beta is that of Higgins et al., ICLR 2017;
 * beta 0 gives a stochastic autoencoder without divergence. The encoder's last layer computes the parameters of q, a
 * distribution of distribution.c. The estimates of ln p(x) are in bound.c. encode returns the mean of the posterior. */
#include "palindrome.h"

static const pal_option options[] = {PAL_CODE_OPTIONS, PAL_ESTIMATE_OPTIONS("1", "bound"), {0}};

static const pal_need needs[] = {PAL_CODE_NEEDS, {0}};

static const pal_setting training[] = {{"epochs", "10"}, {NULL, NULL}};

const pal_variant pal_variational = {
    .struct_size = sizeof(pal_variant),
    .name = "variational",
    .alias = "vae",
    .summary = "a random code, drawn from a posterior that the loss keeps near the prior",
    .formula = "z ~ q(z | x), parametrised by the encoder;  loss = -E log p(x | z) + beta KL(q(z | x) || p(z))",
    .source = "Kingma and Welling, ICLR 2014; Rezende, Mohamed and Wierstra, ICML 2014",
    .options = options,
    .needs = needs,
    .training = training,
    .encode = pal_code_mean,
    .decode = pal_decode_layers,
    .loss = pal_code_estimate,
    .posterior = pal_code_posterior,
};
