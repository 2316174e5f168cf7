/* basic.c - the basic autoencoder: h = s(x W + b), a = h W' + c, and the negative log-likelihood of x given a.
 *
 * Rumelhart, Hinton and Williams 1986 (an encoder learnt by back-propagation); Bourlard and Kamp, Biological
 * Cybernetics 1988 (linear units: principal components). Read this variant first. */
#include "palindrome.h"

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var x = b->inputs;
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, x)), x);
}

static const pal_setting training[] = {{"optimizer", "gd"}, {NULL, NULL}};

const pal_variant pal_basic = {
    .struct_size = sizeof(pal_variant),
    .name = "basic",
    .alias = "ae",
    .summary = "one hidden layer, trained to reconstruct its input",
    .formula = "h = s(x W + b);  a = h W' + c;  loss = -log p(x | a)",
    .source = "Rumelhart, Hinton and Williams 1986; Bourlard and Kamp 1988",
    .training = training,
    .encode = pal_encode_layers,
    .decode = pal_decode_layers,
    .loss = loss,
};
