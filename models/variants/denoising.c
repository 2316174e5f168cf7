/* The denoising autoencoder: reconstructs x from x~ ~ q(x~ | x), so that the code must hold what the inputs share.
 *
 * Vincent, Larochelle, Bengio and Manzagol, ICML 2008, and JMLR 11 (2010) section 3. The corruptions q are a table in
 * corrupt.c; masking sets each element to 0 with probability nu. The target is clean, and so is what an evaluation
 * encodes. The encoder is of affine layers, or of convolutions if --channels are given. */
#include "models/internal.h"

static bool convolves(const pal_model *m) { return *pal_model_setting(m, "channels") != 0; }
static pal_var encode(pal_model *m, pal_var x)
{
    return convolves(m) ? pal_encode_conv(m, x) : pal_encode_layers(m, x);
}
static pal_var decode(pal_model *m, pal_var h)
{
    return convolves(m) ? pal_decode_conv(m, h) : pal_decode_layers(m, h);
}
static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, decode(m, encode(m, pal_model_corrupt(m, b->inputs))), b->inputs);
}

static const pal_option options[] = {
    {"corruption", PAL_OPTION_ENUM, "masking", 0, 0, "masking|gaussian|salt-and-pepper|blocks",
     "of the inputs while training"},
    {"masking", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "nu, the probability that an element becomes 0"},
    {"sigma", PAL_OPTION_REAL, "0.5", 0, 1000, NULL, "standard deviation of the gaussian corruption"},
    {"salt", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "share of the elements that salt-and-pepper sets to 0 or 1"},
    {"block-size", PAL_OPTION_INT, "10", 1, 100000, NULL, "side of the square that blocks sets to 0, in pixels"},
    {"channels", PAL_OPTION_SIZES, "", 1, 100000, NULL, "maps of each convolution (none: affine layers alone)"},
    {"kernel", PAL_OPTION_INT, "5", 1, 1000, NULL, "side of the convolutions' filters"},
    {"stride", PAL_OPTION_INT, "2", 1, 1000, NULL, "pixels from window to window"},
    {0}};

static const pal_need needs[] = {{"masking", "corruption", "masking"},
                                 {"sigma", "corruption", "gaussian"},
                                 {"salt", "corruption", "salt-and-pepper"},
                                 {"block-size", "corruption", "blocks"},
                                 {"kernel", "channels", NULL},
                                 {"stride", "channels", NULL},
                                 {0}};

const pal_variant pal_denoising = {
    .struct_size = sizeof(pal_variant),
    .name = "denoising",
    .alias = "dae",
    .summary = "reconstructs the clean input from a corrupted one",
    .formula = "h = s(x~ W + b), x~ ~ q(x~ | x);  a = h W' + c;  loss = -log p(x | a)",
    .source = "Vincent, Larochelle, Bengio and Manzagol, ICML 2008; JMLR 2010",
    .options = options,
    .needs = needs,
    .training = pal__plain_training,
    .encode = encode,
    .decode = decode,
    .loss = loss,
    .corrupt = pal_corrupt,
};
