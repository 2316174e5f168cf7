/* sparsity.c - the divergence of the mean activations of sigmoid units from rho: sum_j KL(rho || rho_j), where rho_j is
 * the mean activation of unit j over samples.
 *
 * It is computed from the pre-activations a: ln rho_j and ln(1 - rho_j) are log-means of the log-sigmoids of a and -a.
 * The cost of a dead unit is therefore large, but not infinite. */
#include "models/internal.h"

#include <math.h>
#include <string.h>

pal_var pal_encode_sparse(pal_model *m, pal_var x, double rho)
{
    if (strcmp(pal_code_activation(m), "sigmoid") != 0)
        return pal_tape_refuse(m->tape,
                               "sparsity kl needs a code in (0,1), like rho, not %s: choose --code-activation "
                               "sigmoid, or --sparsity l1",
                               pal_code_activation(m));
    pal_code_bias_from(m, log(rho) - log1p(-rho));
    return pal_encode_layers(m, x);
}

pal_var pal_activation_logs(pal_var a)
{
    pal_block_begin(a.tape, "logs", "log h, log(1 − h)");
    const pal_var logs = pal_concat((pal_var[]){pal_log_sigmoid(a), pal_log_sigmoid(pal_neg(a))}, 2, 1);
    pal_block_end(a.tape);
    return logs;
}

pal_var pal_activation_divergence(pal_var log_mean, double rho)
{
    const int64_t k = pal_shape_of(log_mean).rank == 1 ? pal_shape_of(log_mean).dim[0] / 2 : 0;
    const double entropy = rho * log(rho) + (1 - rho) * log1p(-rho);
    pal_var part[2];
    pal_split_axis(log_mean, 0, (int64_t[]){k, k}, 2, part);
    pal_var cross = pal_add(pal_scale(pal_sum_all(part[0]), rho), pal_scale(pal_sum_all(part[1]), 1 - rho));
    return pal_shift(pal_neg(cross), (double)k * entropy);
}
