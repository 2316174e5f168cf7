/* bound.c - shared by the variants with a stochastic code: the posterior q(z | x), and the estimates of ln p(x).
 *
 * Let z_s be S draws from q, w_s = p(x | z_s) p(z_s) / q(z_s | x), and let <> be a mean over the draws. The loss is the
 * mean over samples of minus one of these estimates:
 *     bound        <ln p(x | z)> - beta KL(q || p), at beta 1 the evidence lower bound, which is E <ln w>
 *     importance   ln <w>, a bound that is tighter for larger S (Burda, Grosse and Salakhutdinov, ICLR 2016)
 *     predictive   ln <p(x | z)>, the cost of x if q is known. It is not a bound on ln p(x): the cost of z is missing
 * In expectation, bound <= importance <= ln p(x) at beta 1.
 *
 * In training, a discrete code is relaxed, but its KL, q(z | x) and p(z) remain those of the discrete distributions, as
 * in Jang, Gu and Poole (ICLR 2017). The training loss is then not a bound itself; it approaches the bound as the
 * temperature approaches 0. Maddison, Mnih and Teh (ICLR 2017) use the density of the concrete distribution instead;
 * that is a bound for another model, whose code is continuous. An evaluation draws exactly, so it reports a bound for
 * the discrete model. The divergence has two forms that are equal in expectation: KL in closed form, or
 * -<ln p(z)> - H(q). */
#include "models/likelihood.h"

#include <string.h>

pal_distribution pal_code_posterior(pal_model *m, pal_var x)
{
    pal_error err = {0};
    pal_distribution q = {.kind = pal_distribution_find(pal_option_enum(m, "code")), .k = pal_option_int(m, "hidden")};
    const int64_t outputs = pal_distribution_outputs(q.kind, q.k, &err);
    q.parameters = outputs ? pal_encode_layers_to(m, x, outputs) : pal_tape_refuse(m->tape, "%s", err.text);
    return q;
}

pal_var pal_code_mean(pal_model *m, pal_var x) { return pal_distribution_mean(pal_code_posterior(m, x)); }

/* Repeats each row of x once per draw. A single row is returned unchanged, because it broadcasts. */
static pal_var for_each_draw(pal_var x, int64_t draws)
{
    const pal_shape s = pal_shape_of(x);
    if (s.dim[0] == 1) return x;
    pal_var again = pal_broadcast_to(pal_expand(x, 1), PAL_SHAPE(s.dim[0], draws, s.dim[1]));
    return pal_reshape(again, PAL_SHAPE(s.dim[0] * draws, s.dim[1]));
}

/* Draws z [n, S, k] -> ln p(x | z) [n, S], a function of `output`. */
static pal_var log_likelihood(pal_model *m, pal_var z, pal_var x, pal_var *output)
{
    const pal_shape s = pal_shape_of(z);
    *output = z;
    if (!pal_ok(z)) return z;
    pal_var decoded = m->variant->decode(m, pal_reshape(z, PAL_SHAPE(s.dim[0] * s.dim[1], s.dim[2])));
    pal_var log_p = pal__log_likelihood_of(m, decoded, for_each_draw(x, s.dim[1]), output);
    pal_block_again(log_p, "reconstruction", "@");
    log_p = pal_reshape(log_p, PAL_SHAPE(s.dim[0], s.dim[1]));
    pal_block_end(m->tape);
    return log_p;
}

pal_var pal__log_weights(pal_model *m, pal_distribution q, pal_var x, int64_t draws)
{
    pal_var z = pal_distribution_sample(q, "posterior", draws, 0);
    pal_var log_ratio = pal_sub(pal_distribution_log_prior(q, z), pal_distribution_log_density(q, z));
    pal_var output;
    return pal_add(log_likelihood(m, z, x, &output), log_ratio);
}

/* beta. In training step k of the first N steps, where N is option `beta-warm-up`, it is beta k / N. The model counts
 * the steps in a statistic under every estimate, so that a trained model has the same tensors under another estimate.
 */
static pal_var weight(pal_model *m)
{
    const double beta = pal_option_real(m, "beta"), steps = (double)pal_option_int(m, "beta-warm-up");
    if (m->mode == PAL_EVALUATE || steps == 0) return pal_constant(m->tape, beta);
    pal_var taken = pal_statistic(m, "warm-up/steps", PAL_SCALAR), step = pal_assign(taken, pal_shift(taken, 1));
    return pal_scale(pal_min(pal_scale(step, 1 / steps), pal_like(step, 1)), beta);
}

static pal_var divergence(pal_model *m, pal_distribution q, pal_var z)
{
    if (pal_option_is(m, "divergence", "closed")) {
        pal_var kl = pal_mean_all(pal_distribution_kl_prior(q));
        return pal_option_is(m, "code", "normal") ? pal_model_match(m, q.parameters, kl) : kl;
    }
    pal_var cross = pal_mean_all(pal_distribution_log_prior(q, z));
    return pal_neg(pal_add(cross, pal_mean_all(pal_distribution_entropy(q))));
}

static pal_var bound(pal_model *m, pal_distribution q, pal_var z, pal_var output, pal_var log_p, pal_var beta)
{
    pal_block_again(log_p, "reconstruction", "−E @");
    pal_var nll = pal_model_match(m, output, pal_neg(pal_mean_all(log_p)));
    pal_block_end(m->tape);
    if (pal_option_real(m, "beta") == 0) return nll;
    pal_block_begin(m->tape, "divergence",
                    pal_option_real(m, "beta") == 1 ? "KL(q(z | x) ‖ p(z))" : "β KL(q(z | x) ‖ p(z))");
    pal_var kl = pal_mul(beta, divergence(m, q, z));
    pal_block_end(m->tape);
    return pal_add(nll, pal_model_note(m, "divergence", kl));
}

static pal_var importance(pal_model *m, pal_distribution q, pal_var z, pal_var output, pal_var log_p, pal_var beta)
{
    (void)output;
    pal_block_begin(m->tape, "importance", "−E log mean w\nw = p(x | z) p(z) / q(z | x)");
    pal_var log_ratio = pal_sub(pal_distribution_log_prior(q, z), pal_distribution_log_density(q, z));
    pal_var log_w = pal_add(log_p, pal_mul(beta, log_ratio));
    pal_var loss = pal_neg(pal_mean_all(pal_logmeanexp(log_w, 1 << 1, false)));
    pal_block_end(m->tape);
    return loss;
}

static pal_var predictive(pal_model *m, pal_distribution q, pal_var z, pal_var output, pal_var log_p, pal_var beta)
{
    (void)q, (void)z, (void)output, (void)beta;
    pal_block_begin(m->tape, "predictive", "−E log mean p(x | z)");
    pal_var loss = pal_neg(pal_mean_all(pal_logmeanexp(log_p, 1 << 1, false)));
    pal_block_end(m->tape);
    return loss;
}

static const struct {
    const char *name;
    pal_var (*loss)(pal_model *m, pal_distribution q, pal_var z, pal_var output, pal_var log_p, pal_var beta);
} estimates[] = {{"bound", bound}, {"importance", importance}, {"predictive", predictive}};

/* The code as a part of what the model outputs: likelihood.c. Draws are [n, 1, k]. */
static pal_distribution code_of(const pal_model *m, pal_var a)
{
    const pal_distribution_kind *kind = pal_distribution_find(pal_option_enum(m, "code"));
    return (pal_distribution){kind, pal_option_int(m, "hidden"), a};
}

static pal_var code_nll(pal_model *m, pal_var a, pal_var z)
{
    return pal_neg(pal_distribution_log_density(code_of(m, a), z));
}

static pal_var draw_code(pal_model *m, const char *stream, pal_var a)
{
    return pal_distribution_sample(code_of(m, a), stream, 1, 0);
}

static pal_var codes_apart(pal_model *m, pal_var from, pal_var to)
{
    return pal_expand(pal_distribution_kl(code_of(m, from), code_of(m, to)), 1);
}

static const pal__likelihood_kind code_likelihood = {code_nll, draw_code, codes_apart};

pal_var pal_code_estimate(pal_model *m, const pal_batch *b)
{
    const char *name = pal_option_enum(m, "estimate");
    pal_distribution q = pal_code_posterior(m, b->inputs);
    const double temperature = m->mode == PAL_TRAIN ? pal_option_real(m, "temperature") : 0;
    pal_var z = pal_distribution_sample(q, "posterior", pal_option_int(m, "samples"), temperature);
    pal_var output, log_p = log_likelihood(m, z, b->inputs, &output), beta = weight(m);
    if (m->mode == PAL_EVALUATE) {
        m->bound[0] = pal_neg(pal_mean_all(log_p));
        m->bound[1] = pal_mean_all(pal_distribution_kl_prior(q));
    }
    if (strcmp(name, "predictive") != 0) pal__take_divergence(m, &code_likelihood, q.parameters, beta);
    for (size_t i = 0; i < sizeof estimates / sizeof *estimates; i++)
        if (!strcmp(estimates[i].name, name)) return estimates[i].loss(m, q, z, output, log_p, beta);
    return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "estimate: unknown value %s", name);
}
