/* The denoising autoencoder: reconstructs x from x~ ~ q(x~ | x), so that the code must hold what the inputs share.
 *
 * Vincent, Larochelle, Bengio and Manzagol, ICML 2008, and JMLR 11 (2010) section 3. The corruptions q are a table in
 * corrupt.c; masking sets each element to 0 with probability nu. The target is clean, and so is what an evaluation
 * encodes. */
#include "models/internal.h"

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, pal_model_corrupt(m, b->inputs));
    return pal_nll(m, pal_decode_layers(m, h), b->inputs);
}

const pal_variant pal_denoising = {
    .struct_size = sizeof(pal_variant),
    .name = "denoising",
    .alias = "dae",
    .summary = "reconstructs the clean input from a corrupted one",
    .formula = "h = s(x~ W + b), x~ ~ q(x~ | x);  a = h W' + c;  loss = -log p(x | a)",
    .source = "Vincent, Larochelle, Bengio and Manzagol, ICML 2008; JMLR 2010",
    .options = pal__corruption_options,
    .training = pal__plain_training,
    .encode = pal_encode_layers,
    .decode = pal_decode_layers,
    .loss = loss,
    .corrupt = pal_corrupt,
};
