/* k_sparse.c - the k-sparse autoencoder: exactly k units of the code are kept, the largest, and the others become 0.
 * (With a rectified code, a kept unit may be 0 itself.)
 *
 * Makhzani and Frey, ICLR 2014, equations 1 to 3. The derivative goes through the units that are kept; the selection
 * itself has no derivative. Of equal units, those with the lower index are kept. */
#include "palindrome.h"

static pal_var encode(pal_model *m, pal_var x)
{
    const int64_t k = pal_option_int(m, "k"), units = pal_option_int(m, "hidden");
    if (k > units)
        return pal_tape_refuse(
            x.tape, "k %lld is more than the %lld units of the code: choose a smaller --k or a larger --hidden",
            (long long)k, (long long)units);
    const pal_var h = pal_encode_layers(m, x);
    pal_block_begin(x.tape, "top k", "h = top_k(h)");
    const pal_var largest = pal_arg_top_k(h, 1, k);
    const pal_var kept = pal_gather_add(pal_gather(h, largest, 1), largest, 1, units);
    pal_block_end(x.tape);
    return kept;
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, encode(m, b->inputs)), b->inputs);
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "1000", 1, 1000000, NULL, "units of the code"},
    {"k", PAL_OPTION_INT, "25", 1, 1000000, NULL, "units of the code that are kept for each sample, the largest"},
    {"activation", PAL_OPTION_ENUM, "linear", 0, 0, pal_activation_choices,
     "activation of every layer except the output"},
    {0}};

const pal_variant pal_k_sparse = {
    .struct_size = sizeof(pal_variant),
    .name = "k-sparse",
    .alias = "ksae",
    .summary = "a linear code that keeps its k largest units and sets the others to 0",
    .formula = "h = top_k(x W + b);  a = h W' + c;  loss = -log p(x | a)",
    .source = "Makhzani and Frey, ICLR 2014",
    .options = options,
    .encode = encode,
    .decode = pal_decode_layers,
    .loss = loss,
};
