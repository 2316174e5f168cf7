/* record.c - records a model on a tape: begin and end, scopes, loss, encoder, decoder and the other parts.
 *
 * begin makes every parameter a leaf before any scope is open, since a leaf's name starts with the path of the open
 * scopes. The corruption is recorded outside the scope "loss", and only once per input. Its stream therefore has the
 * same name on every tape, so a picture of corrupted inputs shows exactly the noise of the loss. */
#include "autograd/internal.h"
#include "models/internal.h"

#include <math.h>
#include <string.h>

void pal_model_begin(pal_model *m, pal_tape *tape, pal_mode mode)
{
    if (m->tape) pal_tape_fail(tape, PAL_ERR_ARGUMENT, "model: already recording on a tape");
    if (pal_tape_real(tape) != m->dtype)
        pal_tape_fail(tape, PAL_ERR_TYPE, "model: it is %s, but the tape's default type is %s",
                      pal_dtype_name(m->dtype), pal_dtype_name(pal_tape_real(tape)));
    m->tape = tape;
    m->mode = mode;
    m->scope = NULL;
    m->n_notes = m->n_noted = 0;
    m->n_dropped = m->n_matched = 0;
    m->n_likelihoods = 0;
    memset(m->bound, 0, sizeof m->bound);
    memset(&m->layer, 0, sizeof m->layer);
    m->known = (pal_var){0};
    m->binarized = m->corrupted = m->encoded = (pal__shared){0};
    if (m->discovering) return;
    for (size_t i = 0; i < m->n_parameters; i++)
        m->parameters[i].leaf = pal_leaf(tape, m->parameters[i].tensor, m->parameters[i].name);
}

void pal_model_end(pal_model *m)
{
    m->tape = NULL;
    m->known = (pal_var){0};
    m->scope = NULL;
    m->binarized = m->corrupted = m->encoded = (pal__shared){0};
    for (size_t i = 0; i < m->n_parameters; i++) m->parameters[i].leaf = (pal_var){0};
}

/* An evaluation has its own noise streams, in the scope "evaluate". */
static pal__entered enter_noise(pal_model *m)
{
    return m->mode == PAL_EVALUATE ? pal__enter(m, "evaluate") : (pal__entered){0};
}

/* Whether the model is recording and x are rows of its features; if not, a failure on the tape. */
static bool accepts(const pal_model *m, const char *what, pal_var x)
{
    char shape[96];
    pal_shape s = pal_shape_of(x);
    if (!m->tape)
        pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "%s: outside of begin and end", what);
    else if (!pal_ok(x))
        pal_tape_fail(m->tape, PAL_ERR_TAPE, "%s: the inputs are a bad handle", what);
    else if (s.rank == 2 && s.dim[0] > 0 && s.dim[1] == pal_model_features(m))
        return true;
    else
        pal_tape_fail(m->tape, PAL_ERR_SHAPE, "%s: inputs are %s, but the model takes rows of %lld", what,
                      pal_shape_text(s, shape, sizeof shape), (long long)pal_model_features(m));
    return false;
}

/* The log of the mean over all shards of a batch, from that over one. */
static pal_var over_shards(pal_var log_mean)
{
    if (!pal_ok(log_mean) || pal_tape_shards(log_mean.tape) == 1) return log_mean;
    const pal_var top = pal_stop_gradient(pal_all_max(log_mean));
    return pal_add(top, pal_log(pal_all_mean(pal_exp(pal_sub(log_mean, top)))));
}

/* The pooled term of a batch: the mean is over the samples of the batch, those of all shards. */
static pal_var pooled_term(pal_model *m, const pal_batch *batch)
{
    pal_var pooled = m->variant->pooled(m, batch);
    if (!pooled.id) return (pal_var){0};
    pal_block_begin(m->tape, "pooled", "log of the mean over samples");
    pal_var mean = over_shards(pal_shift(pal_logsumexp(pooled, 1, false), -log((double)pal_shape_of(pooled).dim[0])));
    pal_block_end(m->tape);
    return m->variant->of_pooled(m, mean);
}

/* Recorded outside the scope "loss" and only once per input, like the corruption. */
static pal_var binarized(pal_model *m, pal_var x)
{
    const pal__shared again = {m->binarized.value, m->binarized.value};
    if (pal__is_shared(&again, x) || pal__is_shared(&m->binarized, x)) return m->binarized.value;
    pal__entered noise = enter_noise(m);
    pal_var y = pal__binarize(m, x);
    pal__leave(m, noise);
    return (m->binarized = (pal__shared){x, y}).value;
}

void pal_model_know(pal_model *m, pal_var known)
{
    if (!known.id || accepts(m, "known", known)) m->known = known;
}

pal_var pal_model_loss(pal_model *m, const pal_batch *batch)
{
    if (!accepts(m, "loss", batch->inputs) || (batch->known.id && !accepts(m, "known", batch->known)))
        return (pal_var){.tape = m->tape};
    pal_batch seen = *batch;
    seen.inputs = binarized(m, batch->inputs);
    pal_model_corrupt(m, seen.inputs);
    pal__entered noise = enter_noise(m), entered = pal__enter(m, "loss");
    const bool own = batch->phase && batch->phase->loss;
    const pal_var known = m->known;
    if (batch->known.id) m->known = batch->known;
    pal_var loss = own ? batch->phase->loss(m, &seen) : m->variant->loss(m, &seen);
    if (m->mode == PAL_TRAIN) {
        pal_var pooled = m->variant->pooled && !own ? pooled_term(m, &seen) : (pal_var){0}, penalty = pal__penalty(m);
        if (pooled.tape) loss = pal_add(loss, pooled);
        if (penalty.tape) loss = pal_add(loss, penalty);
    }
    m->known = known;
    pal__leave(m, entered);
    pal__leave(m, noise);
    return loss;
}

pal_var pal_model_pooled(pal_model *m, const pal_batch *batch)
{
    if (!m->variant->pooled || (batch->phase && batch->phase->loss)) return (pal_var){0};
    if (!accepts(m, "pooled", batch->inputs)) return (pal_var){.tape = m->tape};
    pal_batch seen = *batch;
    seen.inputs = binarized(m, batch->inputs);
    pal_model_corrupt(m, seen.inputs);
    pal__entered noise = enter_noise(m), entered = pal__enter(m, "loss");
    pal_var pooled = m->variant->pooled(m, &seen);
    pal__leave(m, entered);
    pal__leave(m, noise);
    return pooled;
}

pal_var pal_model_of_pooled(pal_model *m, pal_var log_mean)
{
    if (!m->tape) return pal_tape_fail(log_mean.tape, PAL_ERR_ARGUMENT, "pooled: outside of begin and end");
    if (!m->variant->of_pooled)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "pooled: the variant has no pooled term");
    pal__entered entered = pal__enter(m, "loss");
    pal_var term = m->variant->of_pooled(m, log_mean);
    pal__leave(m, entered);
    return term;
}

/* A code is a row of numbers for each sample; if it is not, a failure on the tape. */
static void check_code(const pal_model *m, pal_var h, int64_t n)
{
    char shape[96];
    const pal_shape s = pal_shape_of(h);
    if (!pal_ok(h))
        pal_tape_fail(m->tape, PAL_ERR_TAPE, "encode returns a bad handle: let it return a code");
    else if (s.rank != 2 || s.dim[0] != n)
        pal_tape_fail(m->tape, PAL_ERR_SHAPE, "encode returns %s for %lld samples: let it return [%lld,k]",
                      pal_shape_text(s, shape, sizeof shape), (long long)n, (long long)n);
}

pal_var pal_model_encode(pal_model *m, pal_var x)
{
    if (!accepts(m, "encode", x)) return (pal_var){.tape = m->tape};
    pal__entered entered = pal__enter(m, "encoder");
    pal_var h = m->variant->encode(m, x);
    check_code(m, h, pal_shape_of(x).dim[0]);
    pal__leave(m, entered);
    return h;
}

pal_var pal_model_decode(pal_model *m, pal_var h)
{
    if (!m->tape) return pal_tape_fail(h.tape, PAL_ERR_ARGUMENT, "decode: outside of begin and end");
    pal__entered entered = pal__enter(m, "decoder");
    pal_var mean = pal_output_mean(m, m->variant->decode(m, h));
    pal__leave(m, entered);
    return mean;
}

pal_var pal_model_reconstruct(pal_model *m, pal_var x) { return pal_model_decode(m, pal_model_encode(m, x)); }

pal_var pal_model_classify(pal_model *m, pal_var x)
{
    if (!pal_model_classes(m)) return (pal_var){0};
    if (!accepts(m, "classify", x)) return (pal_var){.tape = m->tape};
    pal__entered entered = pal__enter(m, "classifier");
    pal_var scores = m->variant->classify(m, x);
    pal__leave(m, entered);
    return scores;
}

pal_var pal_model_labels(pal_model *m, int64_t n)
{
    const int64_t classes = pal_model_classes(m);
    return classes ? pal_fill(m->tape, m->dtype, PAL_SHAPE(n, classes), 1.0 / (double)classes) : (pal_var){0};
}

pal_var pal_model_corrupt(pal_model *m, pal_var x)
{
    if (!m->variant->corrupt) return x;
    if (!accepts(m, "corrupt", x)) return (pal_var){.tape = m->tape};
    x = binarized(m, x);
    if (pal__is_shared(&m->corrupted, x)) return m->corrupted.value;
    pal__entered noise = enter_noise(m);
    const uint32_t first = (uint32_t)m->tape->n_entries;
    const size_t blocks = m->tape->n_blocks;
    m->corrupted = (pal__shared){x, m->variant->corrupt(m, x)};
    pal__block_around(m->tape, first, blocks, "corruption", "x̃ ~ q(x̃ | x)");
    pal__leave(m, noise);
    return m->corrupted.value;
}

/* ---- Random codes --------------------------------------------------------------------------------------------- */

pal_var pal_model_target(pal_model *m, pal_var x)
{
    return accepts(m, "target", x) ? binarized(m, x) : (pal_var){.tape = m->tape};
}

bool pal_model_has_posterior(const pal_model *m) { return m->variant->posterior != NULL; }

/* Whether the model has a posterior; if not, a failure on the tape. */
static bool is_random(const pal_model *m, const char *what)
{
    if (pal_model_has_posterior(m)) return true;
    pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "%s: %s has no posterior", what, m->variant->name);
    return false;
}

pal_distribution pal_model_posterior(pal_model *m, pal_var x)
{
    if (!accepts(m, "posterior", x) || !is_random(m, "posterior"))
        return (pal_distribution){.parameters = {.tape = m->tape}};
    const pal_distribution q = m->variant->posterior(m, x);
    if (!q.kind || !pal_ok(q.parameters))
        pal_tape_fail(m->tape, PAL_ERR_TAPE,
                      "posterior returns no distribution: let it return one of pal_distribution_layer");
    return q;
}

pal_var pal_model_log_weights(pal_model *m, pal_distribution q, pal_var x, int64_t draws)
{
    if (!accepts(m, "log-weights", x) || !is_random(m, "log-weights")) return (pal_var){.tape = m->tape};
    if (!pal_ok(q.parameters))
        return pal_tape_fail(m->tape, PAL_ERR_TAPE, "log-weights: the posterior is a bad handle");
    if (pal_shape_of(q.parameters).dim[0] != pal_shape_of(x).dim[0])
        return pal_tape_fail(m->tape, PAL_ERR_SHAPE, "log-weights: %lld posteriors for %lld samples",
                             (long long)pal_shape_of(q.parameters).dim[0], (long long)pal_shape_of(x).dim[0]);
    pal__entered entered = pal__enter(m, "importance");
    pal_var log_w = pal__log_weights(m, q, x, draws);
    pal__leave(m, entered);
    return log_w;
}

bool pal_model_bound(const pal_model *m, pal_var *reconstruction, pal_var *divergence)
{
    *reconstruction = m->bound[0];
    *divergence = m->bound[1];
    return m->bound[0].id && m->bound[1].id;
}

pal_status pal_model_leaves(pal_model *m, pal_tape *tape, pal_var *leaves)
{
    for (size_t i = 0; i < pal_model_parameter_count(m); i++)
        leaves[i] = pal_leaf(tape, m->parameters[i].tensor, m->parameters[i].name);
    return pal_tape_status(tape);
}
