/* deep.c - the deep autoencoder: an encoder of several layers, and a decoder that mirrors it.
 *
 * Hinton and Salakhutdinov, Science 313 (2006), with layers 1000-500-250-30 and a linear code. Their network needed
 * pre-training. This one does not: it has rectified units with the initial values of He, Zhang, Ren and Sun, ICCV 2015.
 */
#include "palindrome.h"

static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "30", 1, 1000000, NULL, "units of the code"},
    {"layers", PAL_OPTION_SIZES, "1000,500,250,30", 1, 1000000, NULL,
     "units of each layer of the encoder; the last is the code"},
    {"tied", PAL_OPTION_BOOL, "no", 0, 0, NULL, "the decoder uses the encoder's weights, transposed"},
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, pal_activation_choices, "activation of the hidden layers"},
    {"code-activation", PAL_OPTION_ENUM, "linear", 0, 0, pal_code_activation_choices,
     "activation of the code; same: as --activation"},
    {"init", PAL_OPTION_ENUM, "he", 0, 0, pal_init_choices, pal_init_help},
    {0}};

const pal_variant pal_deep = {
    .struct_size = sizeof(pal_variant),
    .name = "deep",
    .alias = "multilayer",
    .summary = "an encoder of several layers, and a decoder that mirrors it",
    .formula =
        "h_k = s(h_{k-1} W_k + b_k), h_0 = x;  a: mirrored decoder of h, with weights V_k;  loss = -log p(x | a)",
    .source = "Hinton and Salakhutdinov, Science 2006",
    .options = options,
    .encode = pal_encode_layers,
    .decode = pal_decode_layers,
    .loss = loss,
};
