/* internal.h - what the files of models/ share. */
#ifndef PAL_MODELS_INTERNAL_H
#define PAL_MODELS_INTERNAL_H

#include <jansson.h>

#include "models/models.h"
#include "ops/ops.h"
#include "optim/optim.h"

/* ---- Options -------------------------------------------------------------------------------------------------- */

typedef struct pal__value { /* an option with its value */
    const pal_option *option;
    char *text;    /* BOOL: "yes" or "no" */
    double number; /* INT, REAL; BOOL: 0 or 1 */
    bool given;
} pal__value;

extern const pal_option pal__shared_options[]; /* ends with name NULL */
extern const pal_need pal__shared_needs[];     /* ends with option NULL */
/* The choices of shared options, each beside the table that it names. */
extern const char pal__output_choices[], pal__binarize_choices[], pal__activation_choices[],
    pal__code_activation_choices[], pal__init_choices[];

/* Checks and parses; number may be NULL. */
pal_status pal__option_parse(const pal_option *option, const char *text, double *number, pal_error *err);
/* The numbers of a list, where each was checked before; as many as there are. */
size_t pal__list_parse(const char *text, double out[PAL_OPTION_LIST]);
/* What says that the option has no effect beside the model's others; NULL: it has one. */
const pal_need *pal__unmet(const pal_model *m, const char *option);
void pal__values_free(pal__value *values, size_t n);
pal__value *pal__value_find(pal__value *values, size_t n, const char *name); /* NULL: none */
pal_status pal__value_set(pal__value *v, const char *text, pal_error *err);
pal_status pal__sizes_settle(pal__value *values, size_t n, pal_error *err);
/* `sigma` alone says that the corruption is gaussian, and so on. */
pal_status pal__corruption_settle(pal__value *values, size_t n, pal_error *err);

/* Defaults of training that several variants have; each ends with name NULL. */
extern const pal_setting pal__plain_training[]; /* plain gradient descent */
extern const pal_setting pal__adam_training[];  /* Adam, 1e-3 */
extern const pal_setting pal__bound_training[]; /* the same, as the figures for variational ones are told: 10 epochs */

/* ---- Outputs and codes that are distributions: output.c, distribution.c --------------------------------------- */

extern const char pal__code_choices[];

/* What --output may be besides distributions: the rows of output.c. */
#define PAL__RECIPES "bernoulli|squared|gaussian|categorical"

/* As the decoder parametrises it, by rows q of that many numbers: its scales are no less than `least`. */
pal_distribution pal__output_distribution(const pal_distribution_kind *kind, int64_t k, pal_var q, double least);
pal_var pal__output_known(pal_distribution q, pal_var x, pal_var known); /* ln p of the known features [k], [n] */
int64_t pal__output_parameters(const pal_distribution_kind *kind, int64_t features, pal_error *err); /* 0: too many */
/* Numbers of the recipe a feature: 0, and a failure on the tape, where they are not of one feature each. A distribution
 * has the first of all features, then the second; other recipes have those of a feature side by side. */
int64_t pal__output_maps(const pal_model *m, bool *side_by_side);

/* "encoder" of a single layer, "encoder/K" of several. */
char *pal__layer_name(const char *side, size_t k, size_t layers, char out[256]);

/* ---- Rows of option tables that several variants have: each is a list of rows, without the comma behind ------- */

/* clang-format off */

/* Of a variant that corrupts its inputs: corrupt.c. */
#define PAL__CORRUPTION_OPTIONS(help)                                                                                  \
    {"corruption", PAL_OPTION_ENUM, "masking", 0, 0, "masking|gaussian|salt-and-pepper|blocks", help},                 \
    {"masking", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "nu, the probability that an element becomes 0"},                 \
    {"sigma", PAL_OPTION_REAL, "0.5", 0, 1000, NULL, "standard deviation of the gaussian corruption"},                 \
    {"salt", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "share of the elements that salt-and-pepper sets to 0 or 1"},        \
    {"block-size", PAL_OPTION_INT, "10", 1, 100000, NULL, "side of the square that blocks sets to 0, in pixels"}
#define PAL__CORRUPTION_NEEDS                                                                                          \
    {"masking", "corruption", "masking"},                                                                              \
    {"sigma", "corruption", "gaussian"},                                                                               \
    {"salt", "corruption", "salt-and-pepper"},                                                                         \
    {"block-size", "corruption", "blocks"}

/* Of a variant with one of the simple autoencoders in it: simple.c. */
#define PAL__SIMPLE_OPTIONS                                                                                            \
    {"autoencoder", PAL_OPTION_ENUM, "denoising", 0, 0, "basic|denoising|contractive", "whose loss it is"},            \
    {"lambda", PAL_OPTION_REAL, "0.1", 0, 1e6, NULL, "weight of the contraction"},                                     \
    PAL__CORRUPTION_OPTIONS("of the inputs of the denoising autoencoder while training")
#define PAL__SIMPLE_NEEDS                                                                                              \
    {"lambda", "autoencoder", "contractive"},                                                                          \
    {"corruption", "autoencoder", "denoising"},                                                                        \
    {"masking", "autoencoder", "denoising"},                                                                           \
    {"sigma", "autoencoder", "denoising"},                                                                             \
    {"salt", "autoencoder", "denoising"},                                                                              \
    {"block-size", "autoencoder", "denoising"},                                                                        \
    PAL__CORRUPTION_NEEDS

/* Of a variant with a classifier on its code: head.c. */
#define PAL__HEAD_OPTIONS                                                                                              \
    {"classes", PAL_OPTION_INT, "10", 2, 256, NULL, "of the labels; train takes them from the data"},                  \
    {"labels", PAL_OPTION_INT, "0", 0, 4294967295, NULL, "labelled training samples, a stratified draw; 0: all"}

/* Of a variant whose code is drawn: bound.c. */
#define PAL__CODE_OPTIONS                                                                                              \
    {"hidden", PAL_OPTION_INT, "20", 1, 1000000, NULL, "units of the code"},                                           \
    {"layers", PAL_OPTION_SIZES, "400,20", 1, 1000000, NULL,                                                           \
     "units of each layer of the encoder; the last is the code"},                                                      \
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, pal__activation_choices, "of the hidden layers"},                    \
    {"init", PAL_OPTION_ENUM, "uniform", 0, 0, pal__init_choices, "distribution of the initial weights"},              \
    {.name = "code-activation", .type = PAL_OPTION_NONE},                                                              \
    {.name = "tied", .type = PAL_OPTION_NONE},                                                                         \
    {"code", PAL_OPTION_ENUM, "normal", 0, 0, pal__code_choices,                                                       \
     "distribution of the code: normal, with full covariance, 0 or 1 each, one of so many classes"},                   \
    {"temperature", PAL_OPTION_REAL, "0.5", 1e-3, 1000, NULL, "of a discrete code's relaxation in training"},          \
    {"beta", PAL_OPTION_REAL, "1", 0, 1e6, NULL, "weight of the divergence; 0: none"},                                 \
    {"beta-warm-up", PAL_OPTION_INT, "0", 0, 1e12, NULL,                                                               \
     "training steps in which beta grows to its value; 0: at once"},                                                   \
    {"divergence", PAL_OPTION_ENUM, "closed", 0, 0, "closed|sampled",                                                  \
     "of the bound: KL(q || p) by its formula, or -E ln p(z) - H(q) with the mean over the draws"}
#define PAL__CODE_NEEDS                                                                                                \
    {"temperature", "code", "bernoulli|categorical"},                                                                  \
    {"beta", "estimate", "bound|importance"},                                                                          \
    {"beta-warm-up", "estimate", "bound|importance"},                                                                  \
    {"divergence", "estimate", "bound"}

/* And of one whose loss is pal__estimate, with its defaults. */
#define PAL__ESTIMATE_OPTIONS(samples, estimate)                                                                       \
    {"samples", PAL_OPTION_INT, samples, 1, 100000, NULL, "draws of the code for each sample"},                        \
    {"estimate", PAL_OPTION_ENUM, estimate, 0, 0, "bound|importance|predictive",                                       \
     "of ln p(x): the evidence lower bound, ln of the mean weight, ln of the mean p(x|z)"}

/* clang-format on */

/* ---- Parts of variants: head.c, simple.c, bound.c ------------------------------------------------------------- */

/* The classifier on the code of x: [n, classes], the greater the likelier. */
pal_var pal__head(pal_model *m, pal_var x);
/* The mean of -log p(y | h) over samples, noted as "classification"; labels one-hot. */
pal_var pal__head_loss(pal_model *m, pal_var x, pal_var labels);

bool pal__simple_is(const pal_model *m, const char *kind);
pal_var pal__simple_corrupt(pal_model *m, pal_var x); /* x itself where it is not denoising */
/* Its loss, times the weight: the negative log-likelihood of what it made of h, the code of `seen`, and what the kind
 * adds, under its name. */
pal_var pal__simple_loss(pal_model *m, pal_var nll, pal_var h, pal_var seen, double weight);

pal_distribution pal__posterior(pal_model *m, pal_var x);
pal_var pal__posterior_mean(pal_model *m, pal_var x);
/* ln p(x | z) p(z) / q(z | x) of as many draws of each row, exact ones of a discrete kind: [n, draws]. */
pal_var pal__log_weights(pal_model *m, pal_distribution q, pal_var x, int64_t draws);
/* The loss by option `estimate`. */
pal_var pal__estimate(pal_model *m, const pal_batch *b);

/* ---- Models --------------------------------------------------------------------------------------------------- */

typedef struct pal__parameter {
    char *name;
    pal_shape shape;
    pal_init init;
    double value;       /* with PAL_INIT_ZERO: what to begin with */
    bool fixed;         /* a statistic: not trained */
    bool owned;         /* the tensor is not a part of something */
    pal_tensor *tensor; /* while discovering: a temporary or the opened file's; then a part of the slab, or its own */
    pal_var leaf;       /* while recording */
} pal__parameter;

/* A value that is recorded once for one operand between begin and end: its noise has one name. */
typedef struct pal__shared {
    pal_var of, value;
} pal__shared;
static inline bool pal__is_shared(const pal__shared *s, pal_var x)
{
    return s->of.tape == x.tape && s->of.id == x.id && s->of.generation == x.generation;
}

struct pal_model {
    pal_context *context;
    const pal_variant *variant;
    pal_shape sample;
    pal_dtype dtype;
    uint64_t seed;
    pal__value *values;
    size_t n_values;

    pal__parameter *parameters; /* once discovered: those that are trained, then the others, each in order of name */
    size_t n_parameters, cap_parameters, n_fixed;
    pal_slab *slab;

    /* While discovering: parameters may be created; from this file, if there is one. */
    bool discovering;
    const pal_safetensors *file;

    /* Between begin and end. */
    pal_tape *tape;
    pal_mode mode;
    const char *scope; /* the innermost that was entered, or NULL */
    pal__shared binarized, corrupted, encoded;

    /* What the loss named, until the next begin. */
    struct pal__note {
        const char *name;
        pal_var term;
    } notes[PAL_MODEL_NOTES];
    size_t n_notes;
    pal_var bound[2]; /* reconstruction and divergence of a random code, where the loss was recorded in EVALUATE */
};

/* pal_model_new, with initial values from a file instead of noise if there is one. */
pal_model *pal__model_make(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                           size_t n_settings, pal_shape sample, pal_dtype dtype, uint64_t seed,
                           const pal_safetensors *file, pal_error *err);
/* Finds out which parameters there are by recording on tapes that are thrown away. Leaves the slab to be made. */
pal_status pal__model_discover(pal_model *m, pal_error *err);
void pal__parameter_initialise(const pal_model *m, const pal__parameter *p); /* init.c */
pal__parameter *pal__parameter_find(const pal_model *m, const char *name);   /* by search from the front */
void pal__parameters_drop(pal_model *m); /* frees their memory, and leaves their names and shapes */

/* A parameter's name, LAYER/PART ("encoder/1/W"); false, and a failure on the tape, if it is too long. */
enum { PAL__NAME = 256 };
bool pal__parameter_name(const pal_model *m, const char *layer, const char *part, char out[PAL__NAME]);

/* Units a of a layer on h, and beside them more by the layer `name`: what a distribution has beyond a mean. Logarithms
 * of scales must not begin as wide as inputs may be. */
pal_var pal__with_scales(pal_model *m, const char *name, pal_var a, pal_var h, int64_t more);

/* h, the output of layer k of the encoder or what the decoder makes of it (0: the input), under option `dropout`. */
pal_var pal__drop(pal_model *m, pal_var h, size_t k, size_t layers);

/* x as option `binarize` has it; every call draws anew. */
pal_var pal__binarize(pal_model *m, pal_var x);

/* The terms of l1 and l2, noted by these names; a null handle: none. */
pal_var pal__penalty(pal_model *m);

/* Enters a scope unless it is the innermost one already ("encoder/1" in "encoder" is "1"); the name is borrowed; gives
 * what pal__leave wants. */
typedef struct pal__entered {
    const char *before;
    bool opened;
} pal__entered;
pal__entered pal__enter(pal_model *m, const char *scope);
void pal__leave(pal_model *m, pal__entered entered);

/* ---- Files ---------------------------------------------------------------------------------------------------- */

/* One tensor of a header, checked: its place in the data and its shape. */
typedef struct pal__slot {
    const char *name; /* belongs to the header */
    pal_dtype dtype;
    pal_shape shape;
    uint64_t begin, end;
} pal__slot;

typedef struct pal__header {
    json_t *json;
    pal__slot *slots; /* in order of their places */
    size_t n;
} pal__header;

/* size: bytes of data after the header. path is for messages. */
pal_status pal__header_parse(pal__header *header, const char *text, size_t length, uint64_t size, const char *path,
                             pal_error *err);
void pal__header_free(pal__header *header);
const char *pal__safetensors_dtype(pal_dtype dtype); /* "F32"; NULL: none */

/* The path in messages: the end of one that is too long. */
const char *pal__short_path(const char *path);

#endif
