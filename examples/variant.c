/* variant.c - a user-defined variant outside the library: tanh units with an L1 penalty on their activations.
 *     palindrome train ./variant.c --lambda 0.01 --layers 400,100 */
#include <palindrome.h>

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = pal_encode_layers(m, b->inputs), nll = pal_nll(m, pal_decode_layers(m, h), b->inputs);
    pal_var penalty = pal_scale(pal_mean_over_samples(pal_abs(h)), pal_option_real(m, "lambda"));
    return pal_add(nll, pal_model_note(m, "penalty", penalty));
}

static const pal_option options[] = {
    /* name, type, default, least, greatest, choices, help; one that all variants have gets another default here */
    {"lambda", PAL_OPTION_REAL, "0.1", 0, 1e6, NULL, "weight of the penalty on the code"},
    {"activation", PAL_OPTION_ENUM, "tanh", 0, 0, "tanh|relu|softplus", "activation of every layer except the output"},
    {0}};

/* Defaults of train that this variant changes: the names are those of its options. */
static const pal_setting training[] = {{"optimizer", "adam"}, {0}};

static const pal_variant absolute = {.struct_size = sizeof(pal_variant),
                                     .name = "absolute",
                                     .summary = "an L1 penalty on a tanh code",
                                     .formula = "h = tanh(x W + b);  loss = -log p(x | h W' + c) + lambda ||h||_1",
                                     .options = options,
                                     .training = training,
                                     .encode = pal_encode_layers,
                                     .decode = pal_decode_layers,
                                     .loss = loss};

PAL_VARIANT_FILE(absolute)
