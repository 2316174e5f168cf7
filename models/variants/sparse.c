/* sparse.c - the sparse autoencoder: many units, only a few of which are active at a time.
 *
 * The penalty kl is beta sum_j KL(rho || rho_j), where rho_j is the mean activation of unit j. It is not separable over
 * samples (Lee, Ekanadham and Ng, NIPS 2007; Ng's CS294A notes, section 3; sparsity.c). The penalty l1 is
 * lambda mean ||h||_1 (Olshausen and Field 1996). */
#include "palindrome.h"

#include <string.h>

static bool by_divergence(const pal_model *m) { return pal_option_is(m, "sparsity", "kl"); }

static pal_var encode(pal_model *m, pal_var x)
{
    return by_divergence(m) ? pal_encode_sparse(m, x, pal_option_real(m, "rho")) : pal_encode_layers(m, x);
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = encode(m, b->inputs), nll = pal_nll(m, pal_decode_layers(m, h), b->inputs);
    if (by_divergence(m)) return nll;
    pal_block_begin(h.tape, "sparsity", "λ mean ‖h‖₁");
    pal_var l1 = pal_scale(pal_mean_over_samples(pal_abs(h)), pal_option_real(m, "lambda"));
    pal_block_end(h.tape);
    return pal_add(nll, pal_model_note(m, "sparsity", l1));
}

static pal_var logs(pal_model *m, const pal_batch *b)
{
    return by_divergence(m) ? pal_activation_logs(pal_encode_layers_linear(m, b->inputs)) : (pal_var){0};
}

static pal_var divergence(pal_model *m, pal_var log_mean)
{
    pal_block_again(log_mean, "sparsity", "β Σ KL(ρ ‖ mean h)");
    pal_var sum = pal_scale(pal_activation_divergence(log_mean, pal_option_real(m, "rho")), pal_option_real(m, "beta"));
    pal_block_end(sum.tape);
    return pal_model_note(m, "sparsity", sum);
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "1000", 1, 1000000, NULL, "units of the code"},
    {"sparsity", PAL_OPTION_ENUM, "kl", 0, 0, "kl|l1",
     "penalty on the mean activation of each unit (kl) or on the code's L1 norm (l1)"},
    {"rho", PAL_OPTION_REAL, "0.05", 1e-6, 0.999999, NULL,
     "target of the mean activation of each unit, for --sparsity kl"},
    {"beta", PAL_OPTION_REAL, "3", 0, 1e6, NULL, "weight of the penalty, for --sparsity kl"},
    {"lambda", PAL_OPTION_REAL, "0.1", 0, 1e6, NULL, "weight of the penalty, for --sparsity l1"},
    {0}};

static const pal_need needs[] = {
    {"rho", "sparsity", "kl"}, {"beta", "sparsity", "kl"}, {"lambda", "sparsity", "l1"}, {0}};

const pal_variant pal_sparse = {
    .struct_size = sizeof(pal_variant),
    .name = "sparse",
    .alias = "sae",
    .summary = "many units, only a few of them active at a time",
    .formula = "h = s(x W + b);  loss = -log p(x | a) + beta sum_j KL(rho || mean h_j), or + lambda ||h||_1",
    .source = "Lee, Ekanadham and Ng, NIPS 2007; Olshausen and Field, Nature 1996",
    .options = options,
    .needs = needs,
    .encode = encode,
    .decode = pal_decode_layers,
    .loss = loss,
    .pooled = logs,
    .of_pooled = divergence,
};
