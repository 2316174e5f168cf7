/* regularise.c - penalties on weights, only in the training loss: l1 sum |w| and l2 sum w^2. There is no factor 1/2 and
 * no learning rate; decoupled weight decay is part of the optimiser.
 *
 * A bias is a parameter named b, or one with a constant initial value, such as a scale. Biases are penalised only with
 * --regularize-biases. Tied weights are one parameter and count once. */
#include "models/internal.h"

#include <string.h>

static bool is_bias(const pal__parameter *p)
{
    const char *slash = strrchr(p->name, '/');
    return p->init == PAL_INIT_ZERO || !strcmp(slash ? slash + 1 : p->name, "b");
}

static pal_var sum_absolute(pal_var w) { return pal_sum_all(pal_abs(w)); }

static const struct {
    const char *option;
    pal_var (*measure)(pal_var w);
    bool convex; /* with a second derivative that is not 0 */
} penalties[] = {{"l1", sum_absolute, false}, {"l2", pal_sum_squares, true}};

pal_var pal__penalty(pal_model *m)
{
    pal_var total = {0};
    const bool biases = pal_option_bool(m, "regularize-biases");
    for (size_t k = 0; k < sizeof penalties / sizeof *penalties; k++) {
        const double weight = pal_option_real(m, penalties[k].option);
        pal_var sum = {0};
        pal_block_begin(m->tape, penalties[k].option, penalties[k].convex ? "λ Σ W²" : "λ Σ |W|");
        for (size_t i = 0; i < m->n_parameters && weight > 0; i++) {
            const pal__parameter *p = &m->parameters[i];
            if (p->fixed || (is_bias(p) && !biases)) continue;
            pal_var w = pal_parameter(m, p->name, p->shape, p->init), term = penalties[k].measure(w);
            if (penalties[k].convex) pal_model_match(m, w, term);
            sum = sum.tape ? pal_add(sum, term) : term;
        }
        pal_var term = sum.tape ? pal_scale(sum, weight) : sum;
        pal_block_end(m->tape);
        if (!sum.tape) continue;
        pal_model_note(m, penalties[k].option, term);
        total = total.tape ? pal_add(total, term) : term;
    }
    return total;
}
