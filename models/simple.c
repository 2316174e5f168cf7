/* simple.c - the autoencoders that are parts of other variants: basic, denoising or contractive, selected by option
 * `autoencoder`. Each is described in its own file in variants/. */
#include "models/internal.h"

#include <string.h>

/* ||dh/dx||^2 has the unit of 1 / squared distance. */
const char *const pal__contraction_of_variance[] = {"lambda", NULL};

bool pal__simple_is(const pal_model *m, const char *kind) { return pal_option_is(m, "autoencoder", kind); }

pal_var pal__simple_corrupt(pal_model *m, pal_var x) { return pal__simple_is(m, "denoising") ? pal_corrupt(m, x) : x; }

pal_var pal__simple_loss(pal_model *m, pal_var nll, pal_var h, pal_var seen, double weight)
{
    pal_block_again(nll, "reconstruction", "α · @");
    pal_var loss = weight == 1 ? nll : pal_scale(nll, weight);
    pal_block_end(m->tape);
    if (!pal__simple_is(m, "contractive")) return loss;
    pal_block_begin(m->tape, "contraction", "λ ‖∂h/∂x‖²");
    pal_var penalty = pal_scale(pal_jacobian_norm2_layers(h, seen), weight * pal_option_real(m, "lambda"));
    pal_block_end(m->tape);
    return pal_add(loss, pal_model_note(m, "contraction", penalty));
}
