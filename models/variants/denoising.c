/* denoising.c - the denoising autoencoder: reconstructs x from a corrupted x~ ~ q(x~ | x), so that the code must
 * capture what the inputs have in common.
 *
 * Vincent, Larochelle, Bengio and Manzagol, ICML 2008, and JMLR 11 (2010) section 3. The corruptions q are a table in
 * corrupt.c; masking, for example, sets each element to 0 with probability nu. The target is always clean. Outside the
 * loss, encode and reconstruct take clean inputs too. The encoder has affine layers; with --channels it starts with
 * convolutions. */
#include "palindrome.h"

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
    PAL_CORRUPTION_OPTIONS("corruption of the inputs in training"),
    {"channels", PAL_OPTION_SIZES, "", 1, 100000, NULL,
     "output maps of each convolution; not given: affine layers only"},
    {"kernel", PAL_OPTION_INT, "5", 1, 1000, NULL, "side of the square filters, in pixels"},
    {"stride", PAL_OPTION_INT, "2", 1, 1000, NULL, "step between windows, in pixels"},
    {0}};

static const pal_need needs[] = {{"kernel", "channels", NULL}, {"stride", "channels", NULL}, {0}};

static const pal_setting training[] = {{"optimizer", "gd"}, {NULL, NULL}};

const pal_variant pal_denoising = {
    .struct_size = sizeof(pal_variant),
    .name = "denoising",
    .alias = "dae",
    .summary = "reconstructs the clean input from a corrupted copy",
    .formula = "h = s(x~ W + b), x~ ~ q(x~ | x);  a = h W' + c;  loss = -log p(x | a)",
    .source = "Vincent, Larochelle, Bengio and Manzagol, ICML 2008; JMLR 2010",
    .options = options,
    .needs = needs,
    .training = training,
    .encode = encode,
    .decode = decode,
    .loss = loss,
    .corrupt = pal_corrupt,
};
