/* The denoising autoencoder: reconstructs x from x~ ~ q(x~ | x), so that the code must hold what the inputs share.
 *
 * Vincent, Larochelle, Bengio and Manzagol, ICML 2008, and JMLR 11 (2010) section 3. Masking sets each element to 0
 * with probability nu; gaussian adds N(0, sigma^2). The target is clean, and so is what an evaluation encodes. */
#include "models/internal.h"

#include <string.h>

static pal_var corrupt(pal_model *m, pal_var x)
{
    if (!strcmp(pal_option_enum(m, "corruption"), "masking"))
        return pal_mul(x, pal_bernoulli(x.tape, "corruption", pal_shape_of(x), 1 - pal_option_real(m, "masking")));
    return pal_add(x, pal_scale(pal_normal(x.tape, "corruption", pal_shape_of(x)), pal_option_real(m, "sigma")));
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, pal_model_corrupt(m, b->inputs));
    return pal_nll(m, pal_decode_layers(m, h), b->inputs);
}

static const pal_option options[] = {
    {"corruption", PAL_OPTION_ENUM, "masking", 0, 0, "masking|gaussian", "of the inputs while training"},
    {"masking", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "nu, the probability that an element becomes 0"},
    {"sigma", PAL_OPTION_REAL, "0.5", 0, 1000, NULL, "standard deviation of the gaussian corruption"},
    {0}};

const pal_variant pal_denoising = {
    .struct_size = sizeof(pal_variant),
    .name = "denoising",
    .alias = "dae",
    .summary = "reconstructs the clean input from a corrupted one",
    .formula = "h = s(x~ W + b), x~ ~ q(x~ | x);  a = h W' + c;  loss = -log p(x | a)",
    .source = "Vincent, Larochelle, Bengio and Manzagol, ICML 2008; JMLR 2010",
    .options = options,
    .training = pal__plain_training,
    .encode = pal_encode_layers,
    .decode = pal_decode_layers,
    .loss = loss,
    .corrupt = corrupt,
};
