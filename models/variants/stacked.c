/* stacked.c - the stacked autoencoder: each layer is pretrained as an autoencoder of the code below it, then the whole
 * is fine-tuned.
 *
 * Bengio, Lamblin, Popovici and Larochelle, NIPS 2006; Vincent et al., JMLR 11 (2010), section 3. Greedy pretraining
 * trains layer k on the clean, fixed code of layer k - 1; if the autoencoder is denoising, it corrupts that code.
 * End-to-end pretraining trains the whole mirrored autoencoder at once. Sigmoid codes are reconstructed by
 * cross-entropy, other codes by 1/2 ||s(a) - h||^2, and the input by the output recipe. Fine-tuning continues with the
 * unrolled autoencoder, or replaces the decoder by a softmax layer on the code, the head. Fine-tuning 1 trains only the
 * head; fine-tuning 2 trains the encoder too.
 *
 * Hinton and Salakhutdinov, Science 313 (2006), pretrain with tied weights, and unroll: the decoder starts with the
 * transposed weights of the encoder and has its own from then on. That is --tied no --pretrain-tied yes. */
#include "models/likelihood.h"

#include <stdio.h>
#include <string.h>

static pal_var classification(pal_model *m, const pal_batch *b) { return pal__head_loss(m, b->inputs, b->labels); }

static pal_var unrolled(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

static pal_var end_to_end(pal_model *m, const pal_batch *b)
{
    pal_var seen = pal_model_corrupt(m, b->inputs), h = pal_encode_layers(m, seen);
    return pal__simple_loss(m, pal_nll(m, pal_decode_layers(m, h), b->inputs), h, seen, 1);
}

/* -log p(h | a) of a code h, reconstructed by the layer above it. */
static pal_var code_nll(pal_model *m, pal_var a, pal_var h)
{
    const char *activation = pal_option_enum(m, "activation");
    const bool bits = !strcmp(activation, "sigmoid");
    const pal__likelihood_kind *kind = bits ? &pal__bernoulli_likelihood : &pal__unit_likelihood;
    const pal_var z = bits ? a : pal_activate(m, a, activation);
    return pal_model_match(m, z, pal_mean_over_samples(pal__take_likelihood(m, kind, z, h)));
}

static bool unties(const pal_model *m)
{
    return pal_option_bool(m, "pretrain-tied") && !pal_option_bool(m, "tied") && pal_option_is(m, "pretrain", "greedy");
}

static pal_var layer(pal_model *m, const pal_batch *b)
{
    const size_t k = b->phase->part;
    if (unties(m) && pal_output_numbers(m) != pal_model_features(m))
        return pal_tape_refuse(m->tape,
                               "pretrain-tied needs an output with one number for each feature, not %s: choose another "
                               "--output, or leave out --pretrain-tied",
                               pal_option_enum(m, "output"));
    if (k > 1 && pal__simple_is(m, "denoising") && pal_option_is(m, "corruption", "blocks"))
        return pal_tape_refuse(m->tape,
                               "corruption blocks needs images, but layer %zu corrupts a code: choose another "
                               "--corruption, or --pretrain end-to-end",
                               k);
    pal_var clean = b->inputs;
    for (size_t below = 1; below < k; below++) clean = pal_encode_layer(m, clean, below);
    clean = pal_stop_gradient(clean);
    pal_var seen = k > 1 ? pal__simple_corrupt(m, clean) : pal_model_corrupt(m, b->inputs);
    pal_var h = pal_encode_layer(m, seen, k),
            a = unties(m) ? pal__decode_layer_transposed(m, h, k) : pal_decode_layer(m, h, k);
    return pal__simple_loss(m, k > 1 ? code_nll(m, a, clean) : pal_nll(m, a, b->inputs), h, seen, 1);
}

static pal_var loss(pal_model *m, const pal_batch *b)
{
    if (pal_option_is(m, "pretrain", "none") && pal_option_is(m, "fine-tuning", "none"))
        return pal_tape_refuse(m->tape,
                               "pretrain none and fine-tuning none train nothing: choose another value of one of them");
    return b->labels.id && pal_model_classes(m) ? classification(m, b) : unrolled(m, b);
}

/* ---- Phases --------------------------------------------------------------------------------------------------- */

/* Whether the parameter belongs to this side, "encoder" or "decoder". If k is not 0: to layer k of it. */
static bool is_of(const pal_model *m, const char *parameter, const char *side, size_t k)
{
    char name[PAL__NAME];
    if (!k) return !strncmp(parameter, side, strlen(side));
    strcat(pal__layer_name(side, k, pal_encoder_layers(m), name), "/");
    return !strncmp(parameter, name, strlen(name));
}

static bool moves_layer(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    if (phase->part == 1 && !strncmp(parameter, "output/", 7)) return true;
    if (is_of(m, parameter, "encoder", phase->part)) return true;
    return is_of(m, parameter, "decoder", phase->part) && !(unties(m) && strrchr(parameter, '/')[1] == 'W');
}

/* Unrolls: the decoder's weights become those of the encoder, transposed. */
static void unroll(pal_model *m, const pal_phase *p)
{
    (void)p;
    const size_t layers = pal_encoder_layers(m);
    for (size_t k = 1; k <= layers; k++) {
        char from[PAL__NAME], to[PAL__NAME];
        strcat(pal__layer_name("encoder", k, layers, from), "/W");
        strcat(pal__layer_name("decoder", k, layers, to), "/W");
        const pal_tensor *w = pal_model_parameter_find(m, from);
        pal_tensor *v = pal_model_parameter_find(m, to);
        const size_t rows = (size_t)w->shape.dim[0], columns = (size_t)w->shape.dim[1];
        for (size_t i = 0; i < rows * columns; i++)
            pal_tensor_set(v, i % columns * rows + i / columns, pal_tensor_get(w, i));
    }
}

static bool moves_autoencoder(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    (void)m, (void)phase;
    return strncmp(parameter, "head/", 5) != 0;
}

static bool moves_head(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    (void)m, (void)phase;
    return !strncmp(parameter, "head/", 5);
}

static bool moves_classifier(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    return moves_head(m, phase, parameter) || is_of(m, parameter, "encoder", 0);
}

/* clang-format off */
static const struct fine_tuning {
    const char *name, *of; /* name of the phase, value of option fine-tuning */
    pal_var (*loss)(pal_model *m, const pal_batch *b);
    bool (*moves)(const pal_model *m, const pal_phase *phase, const char *parameter);
    pal_stream stream;
} fine_tunings[] = {
    {"unrolled",      "autoencoder", unrolled,       moves_autoencoder, PAL_STREAM_ALL},
    {"fine-tuning 1", "1",           classification, moves_head,        PAL_STREAM_LABELLED},
    {"fine-tuning 2", "2",           classification, moves_classifier,  PAL_STREAM_LABELLED}};
/* clang-format on */

static size_t pretrainings(const pal_model *m)
{
    return pal_option_is(m, "pretrain", "greedy") ? pal_encoder_layers(m) : pal_option_is(m, "pretrain", "end-to-end");
}

static void fill_pretraining(const pal_model *m, size_t i, pal_phase *p)
{
    const bool greedy = pal_option_is(m, "pretrain", "greedy");
    snprintf(p->name, sizeof p->name, greedy ? "layer %zu" : "end-to-end", i + 1);
    p->part = i + 1;
    p->loss = greedy ? layer : end_to_end;
    p->moves = greedy ? moves_layer : moves_autoencoder;
    p->epochs = pal_option_int(m, "pretrain-epochs");
    p->learning_rate = pal_option_real(m, "pretrain-rate");
    p->optimizer = pal_option_is(m, "pretrain-optimizer", "same") ? NULL : pal_option_enum(m, "pretrain-optimizer");
    p->stream = PAL_STREAM_ALL;
}

static bool phase(const pal_model *m, size_t i, int64_t epochs, pal_phase *p)
{
    (void)epochs;
    const size_t before = pretrainings(m);
    if (i < before) {
        fill_pretraining(m, i, p);
        return true;
    }
    i -= before;
    for (size_t row = 0; row < sizeof fine_tunings / sizeof *fine_tunings; row++) {
        const struct fine_tuning *f = &fine_tunings[row];
        if (!pal_option_is(m, "fine-tuning", f->of) &&
            !(pal_option_is(m, "fine-tuning", "both") && f->loss == classification))
            continue;
        if (i--) continue;
        snprintf(p->name, sizeof p->name, "%s", f->name);
        p->loss = f->loss;
        p->moves = f->moves;
        p->stream = f->stream;
        p->start = f->loss == unrolled && before && unties(m) ? unroll : NULL;
        return true;
    }
    return false;
}

static const pal_option options[] = {
    {"layers", PAL_OPTION_SIZES, "500,500,500", 1, 1000000, NULL,
     "units of each layer of the encoder; the last is the code"},
    {.name = "decoder-layers", .type = PAL_OPTION_NONE},
    PAL__SIMPLE_OPTIONS,
    {"pretrain", PAL_OPTION_ENUM, "greedy", 0, 0, "greedy|end-to-end|none",
     "pretraining: layer by layer, the mirrored autoencoder as a whole, or no pretraining"},
    {"pretrain-epochs", PAL_OPTION_INT, "0", 0, 1000000, NULL, "epochs of each phase of pretraining; 0: as --epochs"},
    {"pretrain-optimizer", PAL_OPTION_ENUM, "same", 0, 0,
     "same|gd|sgd|momentum|nesterov|rmsprop|adam|adamw|adagrad|amsgrad|radam|lion|schedule-free|muon|soap|kfac",
     "update rule of pretraining, with its default settings; same: as --optimizer"},
    {"pretrain-rate", PAL_OPTION_REAL, "0", 0, 1e6, NULL,
     "learning rate of pretraining; 0: as --learning-rate, or the default of --pretrain-optimizer"},
    {"pretrain-tied", PAL_OPTION_BOOL, "no", 0, 0, NULL,
     "layers are pretrained with tied weights, and the decoder begins fine-tuning with these"},
    {"fine-tuning", PAL_OPTION_ENUM, "autoencoder", 0, 0, "none|autoencoder|1|2|both",
     "what is trained after pretraining: nothing, the unrolled autoencoder, or a classifier: 1 its softmax layer only, "
     "2 the encoder too, both 1 and then 2"},
    PAL__HEAD_OPTIONS,
    {0}};

/* clang-format off */
static const pal_need needs[] = {
    PAL__SIMPLE_NEEDS,
    {"pretrain-epochs",    "pretrain",    "greedy|end-to-end"},
    {"pretrain-optimizer", "pretrain",    "greedy|end-to-end"},
    {"pretrain-rate",      "pretrain",    "greedy|end-to-end"},
    {"pretrain-tied",      "tied",        "no"},
    {"pretrain-tied",      "pretrain",    "greedy"},
    {"pretrain-tied",      "fine-tuning", "autoencoder"},
    {"classes",            "fine-tuning", "1|2|both"},
    {"labels",             "fine-tuning", "1|2|both"},
    {0}};
/* clang-format on */

const pal_variant pal_stacked = {
    .struct_size = sizeof(pal_variant),
    .name = "stacked",
    .alias = "sdae",
    .summary = "layers pretrained one by one as autoencoders, then fine-tuned, also as a classifier",
    .formula = "h_k = s(h_{k-1} W_k + b_k);  loss_k = -log p(h_{k-1} | h~_{k-1});  then -log p(x | h) or -log p(y | h)",
    .source = "Bengio et al., NIPS 2006; Vincent et al., JMLR 11 (2010); Hinton and Salakhutdinov, Science 2006",
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
