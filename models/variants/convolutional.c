/* convolutional.c - the convolutional autoencoder: the encoder has strided convolutions, and the decoder mirrors it
 * with transposed convolutions.
 *
 * Masci, Meier, Ciresan and Schmidhuber, ICANN 2011. Strides replace pooling, as in Springenberg, Dosovitskiy, Brox and
 * Riedmiller, ICLR 2015. Affine layers compute the code from the last maps. With --hidden 0 the last maps are the code.
 */
#include "palindrome.h"

static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_conv(m, pal_encode_conv(m, b->inputs)), b->inputs);
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "30", 0, 1000000, NULL,
     "units of the code; 0: no affine layers, the last maps are the code"},
    {"layers", PAL_OPTION_SIZES, "512,30", 1, 1000000, NULL,
     "units of each affine layer after the convolutions; the last is the code"},
    {"channels", PAL_OPTION_SIZES, "32,32", 1, 100000, NULL, "output maps of each convolution"},
    {"kernel", PAL_OPTION_INT, "5", 1, 1000, NULL, "side of the square filters, in pixels"},
    {"stride", PAL_OPTION_INT, "2", 1, 1000, NULL, "step between windows, in pixels"},
    {"tied", PAL_OPTION_BOOL, "no", 0, 0, NULL, "the decoder uses the encoder's weights and filters, transposed"},
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, pal_activation_choices,
     "activation of every layer except the code and the output"},
    {"code-activation", PAL_OPTION_ENUM, "linear", 0, 0, pal_code_activation_choices,
     "activation of the code; same: as --activation"},
    {"init", PAL_OPTION_ENUM, "he", 0, 0, pal_init_choices, pal_init_help},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    {0}};

const pal_variant pal_convolutional = {
    .struct_size = sizeof(pal_variant),
    .name = "convolutional",
    .alias = "conv",
    .summary = "strided convolutions in the encoder, transposed convolutions in the decoder",
    .formula = "h_k = s(W_k * h_{k-1} + b_k), h_0 = x;  a: mirrored decoder of h, with V_k *';  loss = -log p(x | a)",
    .source = "Masci, Meier, Ciresan and Schmidhuber, ICANN 2011",
    .options = options,
    .encode = pal_encode_conv,
    .decode = pal_decode_conv,
    .loss = loss,
};
