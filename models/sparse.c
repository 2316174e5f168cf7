/* The sparse autoencoder: many units of which few are active at a time.
 *
 * kl: beta sum_j KL(rho || rho_j), rho_j the mean activation of unit j (Lee, Ekanadham and Ng, NIPS 2007; Ng's CS294A
 * notes, section 3). ln rho_j and ln(1 - rho_j) are log-means of log-sigmoids, so a dead unit costs much and not
 * infinity. It is not separable over samples. l1: lambda mean ||h||_1 (Olshausen and Field 1996). */
#include "models/internal.h"

#include <math.h>
#include <string.h>

static bool by_divergence(const pal_model *m) { return !strcmp(pal_option_enum(m, "sparsity"), "kl"); }

/* A unit begins at the mean activation that it is to have. */
static pal_var encode(pal_model *m, pal_var x)
{
    const double rho = pal_option_real(m, "rho");
    if (by_divergence(m) && strcmp(pal_code_activation(m), "sigmoid") != 0)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT,
                             "sparsity kl compares activations with rho and wants a code in (0,1), not %s: choose "
                             "--code-activation sigmoid, or --sparsity l1",
                             pal_code_activation(m));
    if (by_divergence(m)) pal_code_bias_from(m, log(rho) - log1p(-rho));
    return pal_encode_layers(m, x);
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var h = encode(m, b->inputs), nll = pal_nll(m, pal_decode_layers(m, h), b->inputs);
    if (by_divergence(m)) return nll;
    pal_var l1 = pal_mean_over_samples(pal_abs(h));
    return pal_add(nll, pal_model_note(m, "sparsity", pal_scale(l1, pal_option_real(m, "lambda"))));
}

/* ln h and ln(1 - h), side by side. */
static pal_var logs(pal_model *m, const pal_batch *b)
{
    if (!by_divergence(m)) return (pal_var){0};
    pal_var a = pal_encode_layers_linear(m, b->inputs);
    return pal_concat((pal_var[]){pal_log_sigmoid(a), pal_log_sigmoid(pal_neg(a))}, 2, 1);
}

static pal_var divergence(pal_model *m, pal_var log_mean)
{
    const double rho = pal_option_real(m, "rho"), k = (double)pal_option_int(m, "hidden");
    const double entropy = rho * log(rho) + (1 - rho) * log1p(-rho);
    pal_var part[2];
    pal_split_axis(log_mean, 0, (int64_t[]){(int64_t)k, (int64_t)k}, 2, part);
    pal_var cross = pal_add(pal_scale(pal_sum_all(part[0]), rho), pal_scale(pal_sum_all(part[1]), 1 - rho));
    pal_var sum = pal_shift(pal_neg(cross), k * entropy);
    return pal_model_note(m, "sparsity", pal_scale(sum, pal_option_real(m, "beta")));
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "1000", 1, 1000000, NULL, "units of the code"},
    {"sparsity", PAL_OPTION_ENUM, "kl", 0, 0, "kl|l1", "by the mean activation of each unit, or by the code's L1 norm"},
    {"rho", PAL_OPTION_REAL, "0.05", 1e-6, 0.999999, NULL, "kl: the mean activation that a unit is to have"},
    {"beta", PAL_OPTION_REAL, "3", 0, 1e6, NULL, "kl: weight of the divergence"},
    {"lambda", PAL_OPTION_REAL, "0.1", 0, 1e6, NULL, "l1: weight of the code's L1 norm"},
    {0}};

const pal_variant pal_sparse = {
    .struct_size = sizeof(pal_variant),
    .name = "sparse",
    .alias = "sae",
    .summary = "many units, few of them active at a time",
    .formula = "h = s(x W + b);  loss = -log p(x | a) + beta sum_j KL(rho || mean h_j), or + lambda ||h||_1",
    .source = "Lee, Ekanadham and Ng, NIPS 2007; Olshausen and Field, Nature 1996",
    .options = options,
    .training = pal__adam_training,
    .encode = encode,
    .decode = pal_decode_layers,
    .loss = loss,
    .pooled = logs,
    .of_pooled = divergence,
};
