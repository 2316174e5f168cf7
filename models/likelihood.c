/* likelihood.c - the Fisher information of a loss, from the likelihoods that it takes.
 *
 * In: the values -ln p(x_r | a_r) that pal_nll and its like computed while the loss was recorded. Nothing is declared
 * in a variant: the weight w_r of each of them in the loss is the derivative of the loss by it. Out, for second-order
 * training:
 *
 *   sampled      sum_r sqrt(w_r) (-ln p(x~_r | a_r)), with targets x~ drawn from p(. | a), which count as numbers. The
 *                mean of its gradient is 0, and its covariance is the Fisher matrix F = sum_r w_r J_r' F_r J_r: rows
 * are drawn independently, so that no product of two rows is left in the mean. (With the true targets it would be the
 * empirical Fisher matrix, which is another one: Martens, JMLR 2020, section 11.) divergences  sum_r w_r KL(p(. | a0_r)
 * || p(. | a_r)) of each likelihood, a0 being the value of a as a number. Their Hessian by a is diag(w_r F_r), exactly
 * and without noise.
 *
 * The divergence of a random code q(z | x) counts like a likelihood of z, drawn from q: F is then that of the joint
 * distribution of code and output, with the weight of the divergence for the code. Its curvature is that of the
 * divergence where q is the prior, and more where q is narrower. What else a loss has (penalties) is not in F.
 *
 * Shards of a batch. The loss on the tape is the mean over the rows of one shard, and that of the batch is the mean
 * over the shards, so that w_r is the derivative over their number. The sums here are those over the rows of one shard:
 * the sum over the shards is the Fisher matrix of the batch. */
#include "models/likelihood.h"

#include <stdio.h>

static void add(pal_model *m, struct pal__likelihood l)
{
    if (m->n_likelihoods < PAL_MODEL_LIKELIHOODS) m->likelihoods[m->n_likelihoods] = l;
    m->n_likelihoods++;
}

pal_var pal__take_likelihood(pal_model *m, const pal__likelihood_kind *kind, pal_var a, pal_var x)
{
    const pal_var nll = kind->nll(m, a, x);
    if (pal_ok(nll)) add(m, (struct pal__likelihood){kind, a, nll, {0}});
    return nll;
}

void pal__take_divergence(pal_model *m, const pal__likelihood_kind *kind, pal_var a, pal_var weight)
{
    if (pal_ok(a) && pal_ok(weight)) add(m, (struct pal__likelihood){kind, a, {0}, weight});
}

/* ---- Kinds that are no recipe --------------------------------------------------------------------------------- */

static pal_var cross_entropy(pal_model *m, pal_var a, pal_var x)
{
    (void)m;
    return pal_bernoulli_cross_entropy(a, x);
}

static pal_var draw_bits(pal_model *m, const char *stream, pal_var a)
{
    (void)m;
    return pal_sample_bernoulli(stream, a);
}

static pal_var bits_apart(pal_model *m, pal_var from, pal_var to)
{
    (void)m;
    return pal_bernoulli_kl(from, to);
}

static pal_var half_square(pal_model *m, pal_var a, pal_var x)
{
    (void)m;
    return pal_scale(pal_square(pal_sub(a, x)), 0.5);
}

static pal_var draw_unit(pal_model *m, const char *stream, pal_var a)
{
    (void)m;
    return pal_sample_normal(stream, a, pal_like(a, 0));
}

static pal_var class_nll(pal_model *m, pal_var a, pal_var x)
{
    (void)m;
    return pal_neg(pal_mul(x, pal_log_softmax(a, 1)));
}

static pal_var draw_class(pal_model *m, const char *stream, pal_var a)
{
    return pal_one_hot(pal_sample_categorical(stream, a), pal_shape_of(a).dim[1], m->dtype);
}

static pal_var classes_apart(pal_model *m, pal_var from, pal_var to)
{
    (void)m;
    return pal_mul(pal_softmax(from, 1), pal_sub(pal_log_softmax(from, 1), pal_log_softmax(to, 1)));
}

const pal__likelihood_kind pal__bernoulli_likelihood = {cross_entropy, draw_bits, bits_apart};
const pal__likelihood_kind pal__unit_likelihood = {half_square, draw_unit, half_square};
const pal__likelihood_kind pal__class_likelihood = {class_nll, draw_class, classes_apart};

/* ---- The Fisher information ----------------------------------------------------------------------------------- */

/* The weight of a row in a mean over samples. */
static pal_var a_row(const struct pal__likelihood *l)
{
    return pal_scale(l->weight, 1 / (double)pal_shape_of(l->a).dim[0]);
}

/* What one likelihood adds, given its weights in the loss on the tape. */
static pal_var take_part(pal_model *m, size_t i, pal_var weight, pal_var *z, pal_var *divergence)
{
    const struct pal__likelihood *l = &m->likelihoods[i];
    const int64_t shards = pal_tape_shards(m->tape);
    char stream[32];
    if (shards > 1) weight = pal_scale(weight, 1 / (double)shards);
    snprintf(stream, sizeof stream, "targets/%zu", i + 1);
    const pal_var w = pal_stop_gradient(pal_max(weight, pal_like(weight, 0)));
    const pal_var drawn = pal_stop_gradient(l->kind->draw(m, stream, l->a));
    *z = l->a;
    *divergence = pal_sum_all(pal_mul(w, l->kind->divergence(m, pal_stop_gradient(l->a), l->a)));
    return pal_sum_all(pal_mul(pal_sqrt(w), l->kind->nll(m, l->a, drawn)));
}

pal_var pal_model_fisher(pal_model *m, pal_var loss, size_t *n, pal_var *z, pal_var *divergence)
{
    pal_var parts[PAL_MODEL_LIKELIHOODS], weight[PAL_MODEL_LIKELIHOODS], sum = {.tape = loss.tape};
    *n = 0;
    if (!m->tape) return pal_tape_fail(loss.tape, PAL_ERR_ARGUMENT, "fisher: outside of begin and end");
    if (!m->n_likelihoods)
        return pal_tape_refuse(m->tape,
                               "%s: its loss takes no likelihood of this library, so that its Fisher matrix is not "
                               "known: choose another --optimizer, or let the loss call pal_nll",
                               m->variant->name);
    if (m->n_likelihoods > PAL_MODEL_LIKELIHOODS)
        return pal_tape_refuse(m->tape, "%s: its loss takes %zu likelihoods: the Fisher matrix is known for up to %d",
                               m->variant->name, m->n_likelihoods, PAL_MODEL_LIKELIHOODS);
    size_t found = 0;
    for (size_t i = 0; i < m->n_likelihoods; i++)
        if (m->likelihoods[i].nll.id) parts[found++] = m->likelihoods[i].nll;
    if (pal_grad(loss, parts, found, weight)) return sum;
    for (size_t i = m->n_likelihoods; i-- > 0;) /* each to its own place, from the back */
        weight[i] = m->likelihoods[i].nll.id ? weight[--found] : a_row(&m->likelihoods[i]);
    pal_scope_begin(m->tape, "fisher");
    for (size_t i = 0; i < m->n_likelihoods; i++) {
        const pal_var part = take_part(m, i, weight[i], &z[i], &divergence[i]);
        sum = i ? pal_add(sum, part) : part;
    }
    pal_scope_end(m->tape);
    *n = m->n_likelihoods;
    return sum;
}
