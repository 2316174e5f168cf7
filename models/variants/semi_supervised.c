/* semi_supervised.c - an autoencoder with a classifier, the head, on its code. Few samples have labels; all samples are
 * reconstructed.
 *
 * l_Y is the mean over labelled samples of -log p(y | h), in nats, with p = softmax(h U + d). l_X is the mean over all
 * samples of an autoencoder's loss (simple.c). Option `training` selects one of four ways to train: sequential (the
 * autoencoder, then the head on its fixed code), joint (the sum l_Y + alpha l_X), alternate (both in turn, one epoch
 * each), or head (the head alone, for example on the encoder of another run). All of them use the same encoder. */
#include "models/internal.h"

#include <stdio.h>
#include <string.h>

/* The rows of one of the two streams; all rows if there is only one stream. */
static pal_var stream(const pal_batch *b, pal_var x, bool labelled)
{
    const int64_t cut = b->labelled_from;
    if (!cut) return x;
    const pal_shape s = pal_shape_of(x);
    return pal_slice(x, (const int64_t[]){labelled ? cut : 0, 0},
                     (const int64_t[]){labelled ? s.dim[0] - cut : cut, s.dim[1]}, (const int64_t[]){1, 1});
}

static pal_var weighted(pal_model *m, const pal_batch *b, double weight)
{
    pal_var x = stream(b, b->inputs, false), seen = stream(b, pal_model_corrupt(m, b->inputs), false);
    pal_var h = pal_encode_layers(m, seen);
    const pal_var known = m->known; /* of the rows of both streams */
    if (known.id) m->known = stream(b, known, false);
    pal_var nll = pal_nll(m, pal_decode_layers(m, h), x);
    m->known = known;
    return pal__simple_loss(m, nll, h, seen, weight);
}

static pal_var unsupervised(pal_model *m, const pal_batch *b) { return weighted(m, b, 1); }

static pal_var of_labels(pal_model *m, const pal_batch *b)
{
    if (!b->labels.id) return pal__head_loss(m, b->inputs, b->labels);
    return pal__head_loss(m, stream(b, b->inputs, true), stream(b, b->labels, true));
}

/* The loss without a phase: l_Y, or l_Y + alpha l_X in joint training. Without labels it is the term in l_X alone. */
static pal_var loss(pal_model *m, const pal_batch *b)
{
    const double alpha = pal_option_is(m, "training", "joint") ? pal_option_real(m, "alpha") : 0;
    pal_var l_x = alpha > 0 || !b->labels.id ? weighted(m, b, alpha > 0 ? alpha : 1) : (pal_var){0};
    if (!b->labels.id) return l_x;
    return l_x.id ? pal_add(of_labels(m, b), l_x) : of_labels(m, b);
}

/* ---- Phases --------------------------------------------------------------------------------------------------- */

enum { AUTOENCODER, HEAD, HEAD_AND_ENCODER };

static bool moves(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    (void)m;
    if (phase->part == AUTOENCODER) return strncmp(parameter, "head/", 5) != 0;
    return !strncmp(parameter, "head/", 5) || (phase->part == HEAD_AND_ENCODER && !strncmp(parameter, "encoder", 7));
}

static bool phase(const pal_model *m, size_t i, int64_t epochs, pal_phase *p)
{
    if (pal_option_is(m, "training", "joint")) return !i;
    const bool turns = pal_option_is(m, "training", "alternate"), alone = pal_option_is(m, "training", "head"),
               second = alone || i % 2;
    if (i >= (turns ? 2 * (size_t)epochs : alone ? 1 : 2)) return false;
    snprintf(p->name, sizeof p->name, "%s", second ? "head" : "autoencoder");
    p->part = !second ? AUTOENCODER : turns ? HEAD_AND_ENCODER : HEAD;
    p->loss = second ? of_labels : unsupervised;
    p->moves = moves;
    p->stream = second ? PAL_STREAM_LABELLED : PAL_STREAM_ALL;
    p->epochs = turns ? 1 : second && !alone ? pal_option_int(m, "head-epochs") : 0;
    return true;
}

static const pal_option options[] = {
    {"hidden", PAL_OPTION_INT, "1000", 1, 1000000, NULL, "units of the code"},
    PAL__HEAD_OPTIONS,
    {"labelled-batch", PAL_OPTION_INT, "0", 0, 1048576, NULL, "labelled samples per step; 0: as --batch"},
    {"training", PAL_OPTION_ENUM, "joint", 0, 0, "sequential|joint|alternate|head",
     "what is trained when; sequential: the autoencoder, then the head on its fixed code; joint: both at once; "
     "alternate: an epoch each in turn, the head's also trains the encoder; head: only the head, on a random encoder "
     "or "
     "that of --from RUN"},
    {"alpha", PAL_OPTION_REAL, "0.01", 0, 1e6, NULL, "weight of the autoencoder's loss when training is joint"},
    {"head-epochs", PAL_OPTION_INT, "0", 0, 1000000, NULL,
     "epochs of the head when training is sequential; 0: as --epochs"},
    PAL__SIMPLE_OPTIONS,
    {0}};

static const pal_need needs[] = {
    {"alpha", "training", "joint"}, {"head-epochs", "training", "sequential"}, PAL__SIMPLE_NEEDS, {0}};

const pal_variant pal_semi_supervised = {
    .struct_size = sizeof(pal_variant),
    .name = "semi-supervised",
    .alias = "ssae",
    .summary = "an autoencoder and a classifier on its code, which needs few labels",
    .formula = "p(y | x) = softmax(h U + d);  loss = -log p(y | x) + alpha l_X, l_X the loss of the autoencoder",
    .source = "Weston, Ratle and Collobert, ICML 2008; Rifai et al., ICML 2011",
    .options = options,
    .needs = needs,
    .encode = pal_encode_layers,
    .decode = pal_decode_layers,
    .loss = loss,
    .corrupt = pal__simple_corrupt,
    .phase = phase,
    .classify = pal__head,
    .of_variance = pal__contraction_of_variance,
};
