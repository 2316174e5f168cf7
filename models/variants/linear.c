/* linear.c - the linear autoencoder: h = (x - mu) W + b, x^ = mu + h V + c, and half the squared error. mu is the
 * training mean, so that b and c are 0 at the minimum.
 *
 * Baldi and Hornik, Neural Networks 1989: at the minimum the decoder spans the principal subspace. --solve svd uses the
 * closed form (Eckart and Young 1936). Let U S^2 U' be the covariance of the centred inputs, as a mean over samples
 * (the factor 1/T of the lecture). Then W = U S^-1 and V = S U', so that the code has variance 1. */
#include "palindrome.h"

static pal_var mean(pal_model *m) { return pal_statistic(m, "input/mean", PAL_SHAPE(pal_model_features(m))); }
static pal_var encode(pal_model *m, pal_var x)
{
    pal_block_begin(x.tape, "centre", "x − μ");
    const pal_var centred = pal_sub(x, mean(m));
    pal_block_end(x.tape);
    return pal_encode_layers(m, centred);
}
static pal_var decode(pal_model *m, pal_var h)
{
    const pal_var a = pal_decode_layers(m, h);
    pal_block_again(a, "decoder", "a = @ + μ");
    const pal_var moved = pal_add(a, mean(m));
    pal_block_end(a.tape);
    return moved;
}
static pal_var loss(pal_model *m, const pal_batch *b) { return pal_nll(m, decode(m, encode(m, b->inputs)), b->inputs); }

/* clang-format off */
static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "30", 1, 1000000, NULL, "units of the code: the number of principal directions"},
    {"tied", PAL_OPTION_BOOL, "no", 0, 0, NULL, "the decoder uses the encoder's weights, transposed"},
    {"activation", PAL_OPTION_ENUM, "linear", 0, 0, "linear", "activation of the code"},
    {"output", PAL_OPTION_ENUM, "squared", 0, 0, "squared", "half the squared error of a linear output"},
    {"solve", PAL_OPTION_ENUM, "descent", 0, 0, "descent|svd", "how to train: by gradient descent, or in closed form"},
    {.name = "layers", .type = PAL_OPTION_NONE},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    {.name = "code-activation", .type = PAL_OPTION_NONE},
    {.name = "output-activation", .type = PAL_OPTION_NONE},
    {.name = "output-bias", .type = PAL_OPTION_NONE},
    {.name = "output-sigma", .type = PAL_OPTION_NONE},
    {.name = "sigma-of", .type = PAL_OPTION_NONE},
    {.name = "sigma-min", .type = PAL_OPTION_NONE},
    {.name = "bins", .type = PAL_OPTION_NONE},
    {.name = "binarize", .type = PAL_OPTION_NONE},
    {0}};

/* The closed form has no steps and no initial weights. */
static const pal_need needs[] = {{"init", "solve", "descent"},
                                 {"dropout", "solve", "descent"},
                                 {"l1", "solve", "descent"},
                                 {"l2", "solve", "descent"},
                                 {"regularize-biases", "solve", "descent"},
                                 {0}};
static const pal_setting training[] = {{"schedule", "cosine"}, {"final-rate", "1e-5"}, {NULL, NULL}};
/* clang-format on */

const pal_variant pal_linear = {
    .struct_size = sizeof(pal_variant),
    .name = "linear",
    .alias = "pca",
    .summary = "a linear encoder and decoder: finds the principal subspace",
    .formula = "h = (x - mu) W + b;  a = mu + h V + c;  loss = 1/2 ||x - a||^2",
    .source = "Baldi and Hornik 1989; Bourlard and Kamp 1988",
    .options = options,
    .training = training,
    .needs = needs,
    .encode = encode,
    .decode = decode,
    .loss = loss,
};
