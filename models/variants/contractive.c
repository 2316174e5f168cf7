/* contractive.c - the contractive autoencoder: a penalty keeps the code from changing when the input changes a little.
 * The reconstruction works against it, so that the code changes only along directions that reconstruction needs.
 *
 * Rifai, Vincent, Muller, Glorot and Bengio, ICML 2011. The penalty is the squared Frobenius norm of the encoder's
 * Jacobian. For one sigmoid layer it is ||dh/dx||^2 = sum_j (h_j (1 - h_j))^2 ||W_j||^2. Option `jacobian` selects how
 * it is computed. exact propagates the Jacobian through an encoder of any depth. rows differentiates each unit of the
 * code separately. hutchinson estimates the norm with one random projection per sample. (Differentiating the sum of the
 * units is no substitute: it gives ||J' 1||^2, where the units cancel each other, and this is not a norm of J.) */
#include "palindrome.h"

#include <string.h>

static pal_var norm2(pal_model *m, pal_var h, pal_var x)
{
    const char *method = pal_option_enum(m, "jacobian");
    if (!strcmp(method, "hutchinson")) return pal_jacobian_norm2_hutchinson(h, x, "probe");
    return strcmp(method, "rows") ? pal_jacobian_norm2_layers(h, x) : pal_jacobian_norm2_rows(h, x);
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var x = b->inputs, h = pal_encode_layers(m, x);
    pal_var nll = pal_nll(m, pal_decode_layers(m, h), x);
    pal_block_begin(x.tape, "contraction", "λ ‖∂h/∂x‖²");
    pal_var penalty = pal_scale(norm2(m, h, x), pal_option_real(m, "lambda"));
    pal_block_end(x.tape);
    return pal_add(nll, pal_model_note(m, "contraction", penalty));
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "1000", 1, 1000000, NULL, "units of the code"},
    {"lambda", PAL_OPTION_REAL, "1", 0, 1e6, NULL,
     "weight of the penalty ||dh/dx||^2, the squared norm of the Jacobian"},
    {"jacobian", PAL_OPTION_ENUM, "exact", 0, 0, "exact|rows|hutchinson",
     "how ||dh/dx||^2 is computed: layer by layer, unit by unit, or estimated by a random projection"},
    {0}};

/* The penalty means more where the samples lie closer together: its default is for images. */
static const char *const of_variance[] = {"lambda", NULL};
static const pal_setting training[] = {{"optimizer", "gd"}, {NULL, NULL}};

const pal_variant pal_contractive = {
    .struct_size = sizeof(pal_variant),
    .name = "contractive",
    .alias = "cae",
    .summary = "a penalty makes the code insensitive to small changes of the input",
    .formula = "h = s(x W + b);  a = h W' + c;  loss = -log p(x | a) + lambda ||dh/dx||^2",
    .source = "Rifai, Vincent, Muller, Glorot and Bengio, ICML 2011",
    .options = options,
    .training = training,
    .encode = pal_encode_layers,
    .decode = pal_decode_layers,
    .loss = loss,
    .of_variance = of_variance,
};
