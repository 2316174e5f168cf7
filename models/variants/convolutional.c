/* The convolutional autoencoder: strided convolutions to the code and, mirrored, their transposes back.
 *
 * Masci, Meier, Ciresan and Schmidhuber, ICANN 2011; strides in the place of pooling as in Springenberg, Dosovitskiy,
 * Brox and Riedmiller, ICLR 2015. Affine layers make the code of the last maps; with --hidden 0 they are the code.
 */
#include "models/internal.h"

static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_conv(m, pal_encode_conv(m, b->inputs)), b->inputs);
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "30", 0, 1000000, NULL, "units of the code; 0: the last maps, without affine layers"},
    {"layers", PAL_OPTION_SIZES, "512,30", 1, 1000000, NULL,
     "units of each affine layer after the convolutions; the last is the code"},
    {"channels", PAL_OPTION_SIZES, "32,32", 1, 100000, NULL, "maps of each convolution"},
    {"kernel", PAL_OPTION_INT, "5", 1, 1000, NULL, "side of the filters"},
    {"stride", PAL_OPTION_INT, "2", 1, 1000, NULL, "pixels from window to window"},
    {"tied", PAL_OPTION_BOOL, "no", 0, 0, NULL, "the decoder uses the encoder's weights and filters, transposed"},
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, pal__activation_choices, "of every layer but code and output"},
    {"code-activation", PAL_OPTION_ENUM, "linear", 0, 0, pal__code_activation_choices, "of the code"},
    {"init", PAL_OPTION_ENUM, "he", 0, 0, pal__init_choices, "distribution of the initial weights"},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    {0}};

const pal_variant pal_convolutional = {
    .struct_size = sizeof(pal_variant),
    .name = "convolutional",
    .alias = "conv",
    .summary = "strided convolutions to the code, and their transposes back",
    .formula = "h_k = s(W_k * h_{k-1} + b_k), h_0 = x;  back by V_k *';  loss = -log p(x | a)",
    .source = "Masci, Meier, Ciresan and Schmidhuber, ICANN 2011",
    .options = options,
    .training = pal__adam_training,
    .encode = pal_encode_conv,
    .decode = pal_decode_conv,
    .loss = loss,
};
