/* internal.h - declarations that the files of models/ share. */
#ifndef PAL_MODELS_INTERNAL_H
#define PAL_MODELS_INTERNAL_H

#include "autograd/machine/internal.h"
#include "models/models.h"
#include "ops/ops.h"
#include "optim/optim.h"

/* ---- Options -------------------------------------------------------------------------------------------------- */

typedef struct pal__value { /* an option and its value in a model */
    const pal_option *option;
    char *text;    /* BOOL: "yes" or "no" */
    double number; /* INT, REAL; BOOL: 0 or 1 */
    bool given;    /* by the caller; false: the default */
} pal__value;

extern const pal_option pal__shared_options[]; /* ends with name NULL */
extern const pal_need pal__shared_needs[];     /* ends with option NULL */
/* The choices of shared options. Each is defined in the file of the table that implements the choices. */
extern const char pal__output_choices[], pal__binarize_choices[];

/* Checks and parses the text of a value; number may be NULL. */
pal_status pal__option_parse(const pal_option *option, const char *text, double *number, pal_error *err);
/* Parses a list that was checked before; returns how many numbers it has. */
size_t pal__list_parse(const char *text, double out[PAL_OPTION_LIST]);
/* The need that the model does not meet, so that the option has no effect; NULL: the option has an effect. */
const pal_need *pal__unmet(const pal_model *m, const char *option);
void pal__values_free(pal__value *values, size_t n);
pal__value *pal__value_find(pal__value *values, size_t n, const char *name); /* NULL: not found */
pal_status pal__value_set(pal__value *v, const char *text, pal_error *err);
pal_status pal__sizes_settle(pal__value *values, size_t n, pal_error *err); /* makes `hidden` and `layers` agree */
/* The need of an option that belongs to one corruption alone; NULL: the option belongs to none. */
const pal_need *pal__corruption_need(const char *option);
/* Selects the corruption from its own option: if only `sigma` is given, the corruption is gaussian, and so on. */
pal_status pal__corruption_settle(pal__value *values, size_t n, pal_error *err);

extern const char *const pal__contraction_of_variance[]; /* the option `lambda` of a contractive penalty */

/* ---- Outputs and codes that are distributions: output.c, distribution.c --------------------------------------- */

/* Choices of --output that are recipes of output.c; the others are distributions. */
#define PAL__RECIPES "bernoulli|squared|gaussian|categorical|mixed"

/* The distribution with rows of parameters q from the decoder. Its scales are at least `least`. */
pal_distribution pal__output_distribution(const pal_distribution_kind *kind, int64_t k, pal_var q, double least);
/* pal_log_likelihood, and what it is a convex function of, if the recipe has such a value: see pal_model_match. */
pal_var pal__log_likelihood_of(pal_model *m, pal_var decoded, pal_var x, pal_var *z);
pal_var pal__output_known(pal_distribution q, pal_var x, pal_var known); /* ln p of the known features; known [k] */
pal_var pal__output_each(pal_distribution q, pal_var x);                 /* -ln p by feature: see pal_nll_of_features */
int64_t pal__output_parameters(const pal_distribution_kind *kind, int64_t features, pal_error *err); /* 0: too many */
/* How many numbers the recipe has for each feature. If it has numbers that belong to several features: 0, and a failure
 * on the tape. In a row, a distribution has the first number of every feature, then the second; other recipes have the
 * numbers of a feature side by side. */
int64_t pal__output_maps(const pal_model *m, bool *side_by_side);

/* The activation of the output, and how many numbers pal_output_seen has for each feature. */
const char *pal__output_activation(const pal_model *m, int64_t feature, int64_t *each, int64_t *choices);
bool pal__has_output_bias(const pal_model *m); /* whether a parameter was requested with PAL_INIT_OUTPUT or _MAPS */
/* Call before the layer that computes the output is recorded: its bias has n numbers and this start. */
void pal__output_bias(pal_model *m, const char *layer, int64_t n, pal_init init);

/* pal_decode_layer with the encoder's weights, also if the decoder has its own. */
pal_var pal__decode_layer_transposed(pal_model *m, pal_var h, size_t k);
/* "encoder" if there is a single layer, "encoder/K" if there are several. */
char *pal__layer_name(const char *side, size_t k, size_t layers, char out[256]);

/* ---- Rows of option tables that several variants share. A macro is a list of rows without the last comma. ----- */

/* clang-format off */

/* For a variant that contains one of the simple autoencoders: simple.c. */
#define PAL__SIMPLE_OPTIONS                                                                                            \
    {"autoencoder", PAL_OPTION_ENUM, "denoising", 0, 0, "basic|denoising|contractive",                                 \
     "kind of autoencoder that is trained"},                                                                           \
    {"lambda", PAL_OPTION_REAL, "0.1", 0, 1e6, NULL, "weight of the contractive penalty ||dh/dx||^2"},                 \
    PAL_CORRUPTION_OPTIONS("corruption of the inputs in training, for a denoising autoencoder")
#define PAL__SIMPLE_NEEDS                                                                                              \
    {"lambda", "autoencoder", "contractive"},                                                                          \
    {"corruption", "autoencoder", "denoising"}

/* For a variant with a classifier on its code: head.c. */
#define PAL__HEAD_OPTIONS                                                                                              \
    {"classes", PAL_OPTION_INT, "10", 2, 256, NULL,                                                                    \
     "number of classes; train takes it from the labels of the data"},                                                 \
    {"labels", PAL_OPTION_INT, "0", 0, 4294967295, NULL,                                                               \
     "number of training samples whose labels are used, a stratified draw; 0: all"}

/* clang-format on */

/* ---- Parts of variants: head.c, simple.c, bound.c ------------------------------------------------------------- */

/* The scores of the classifier on the code of x: [n, classes], greater for a likelier class. */
pal_var pal__head(pal_model *m, pal_var x);
/* The mean of -log p(y | h) over samples, with the name "classification". labels: one-hot. */
pal_var pal__head_loss(pal_model *m, pal_var x, pal_var labels);

bool pal__simple_is(const pal_model *m, const char *kind);
pal_var pal__simple_corrupt(pal_model *m, pal_var x); /* x itself if the kind is not denoising */
/* The loss of the simple autoencoder, times the weight: nll, the negative log-likelihood of its reconstruction, plus
 * the penalty of the kind under its own name. h is the code of `seen`. */
pal_var pal__simple_loss(pal_model *m, pal_var nll, pal_var h, pal_var seen, double weight);

/* ln [p(x | z) p(z) / q(z | x)] for that many draws per row, [n, draws]. Discrete kinds are drawn exactly. */
pal_var pal__log_weights(pal_model *m, pal_distribution q, pal_var x, int64_t draws);

/* ---- Models --------------------------------------------------------------------------------------------------- */

typedef struct pal__likelihood_kind pal__likelihood_kind;

typedef struct pal__parameter {
    char *name;
    pal_shape shape;
    pal_init init;
    double value;       /* with PAL_INIT_ZERO: the initial value */
    double gain;        /* with PAL_INIT_SPARSE and PAL_INIT_ORTHOGONAL: a factor; 0: 1 */
    size_t depth;       /* how many parameters were requested before it */
    bool fixed;         /* a statistic, which is not trained */
    bool owned;         /* the tensor belongs to this parameter, not to the slab or to a file */
    pal_tensor *tensor; /* during discovery: a temporary, or the file's; then a part of the slab, or an own tensor */
    pal_var leaf;       /* while recording */
} pal__parameter;

/* A value that is recorded only once per operand between begin and end, so that its noise stream has one name. */
typedef struct pal__shared {
    pal_var of, value;
} pal__shared;
static inline bool pal__is_shared(const pal__shared *s, pal_var x)
{
    return s->of.tape == x.tape && s->of.id == x.id && s->of.generation == x.generation;
}

/* A dropout that was recorded between begin and end: the innermost scope, whether it is that of the input, and what it
 * made of a value. */
enum { PAL__NAME = 256 };
typedef struct pal__dropped {
    char scope[PAL__NAME];
    bool input;
    pal__shared mask;
} pal__dropped;

struct pal_model {
    pal_context *context;
    const pal_variant *variant;
    pal_shape sample;
    pal_schema *schema; /* NULL: a row is the features themselves */
    pal_dtype dtype;
    uint64_t seed;
    pal__value *values;
    size_t n_values;

    pal__parameter *parameters; /* after discovery: the trained ones, then the others, each group sorted by name */
    size_t n_parameters, cap_parameters, n_fixed;
    pal_slab *slab;

    /* During discovery, parameters may be created. Their values come from the file, if it is not NULL. */
    bool discovering;
    const pal_safetensors *file;

    /* Between begin and end. */
    pal_tape *tape;
    pal_mode mode;
    pal_var known; /* [n, features]: 1 where a feature is known, while a loss of such samples is recorded; else id 0 */
    const char *scope; /* the innermost scope that was entered; NULL: the root */
    pal__shared binarized, corrupted, encoded;
    struct {
        pal_var value;
        char symbol[16];
        long k;
        bool decodes;
    } layer; /* the last affine layer or convolution, and the symbol of its activation: blocks.c */
    pal__dropped *dropped;
    size_t n_dropped, cap_dropped;

    /* The terms that the loss named. They are kept until the next begin. */
    struct pal__note {
        const char *name;
        pal_var term;
    } notes[PAL_MODEL_NOTES];
    size_t n_notes;
    struct pal__noted {
        size_t note;
        pal_var term;
    } * noted; /* each call of pal_model_note: a name that is used again has several */
    size_t n_noted, cap_noted;
    struct pal__matched {
        pal_var z, term;
    } * matched; /* the matching losses; kept as long */
    size_t n_matched, cap_matched;
    /* The likelihoods that the loss takes: likelihood.c. More than there is room for are only counted. */
    struct pal__likelihood {
        const pal__likelihood_kind *kind;
        pal_var a, nll, weight; /* weight: of a row; id 0: the derivative of the loss by nll */
    } likelihoods[PAL_MODEL_LIKELIHOODS];
    size_t n_likelihoods;
    pal_var bound[2]; /* reconstruction and divergence of a random code, if the loss was recorded in EVALUATE */
};

/* pal_model_new, but the initial values come from a file if `file` is not NULL. */
pal_model *pal__model_make(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                           size_t n_settings, const pal_schema *schema, pal_shape sample, pal_dtype dtype,
                           uint64_t seed, const pal_safetensors *file, pal_error *err);
/* Lists the parameters by recording the model on temporary tapes. Does not create the slab. */
pal_status pal__model_discover(pal_model *m, pal_error *err);
bool pal__parameter_initialise(const pal_model *m, pal__parameter *p); /* init.c; false: out of memory */
/* init_matrix.c: p->gain times a matrix that is drawn as a whole. false: out of memory. */
void pal__init_sparse(const pal_model *m, const pal__parameter *p);
bool pal__init_orthogonal(const pal_model *m, const pal__parameter *p);
/* As pal_parameter, with a gain for a new one. */
pal_var pal__parameter_scaled(pal_model *m, const char *name, pal_shape shape, pal_init init, double gain);
pal__parameter *pal__parameter_find(const pal_model *m, const char *name); /* linear search; NULL: not found */
void pal__parameters_drop(pal_model *m); /* frees their memory, but keeps their names and shapes */

/* Writes the name of a parameter, LAYER/PART ("encoder/1/W"). If it is too long: false, and a failure on the tape. */
bool pal__parameter_name(const pal_model *m, const char *layer, const char *part, char out[PAL__NAME]);

/* The units a of a layer on h, followed by `more` units of the layer `name` on h: the parameters of a distribution
 * other than its mean. The weights of that layer start small, so that the initial logarithms of scales are small even
 * for large inputs. */
pal_var pal__with_scales(pal_model *m, const char *name, pal_var a, pal_var h, int64_t more);

/* Applies option `dropout` to h: the output of encoder layer k, or the decoder's reconstruction of it. k 0: the
 * input. Another h at the same place has a mask of its own. */
pal_var pal__drop(pal_model *m, pal_var h, size_t k, size_t layers);

/* x binarised by option `binarize`. Every call makes a new draw. */
pal_var pal__binarize(pal_model *m, pal_var x);

/* The penalties of options l1 and l2, named "l1" and "l2". A null handle: both are 0. */
pal_var pal__penalty(pal_model *m);

/* Enters a scope, unless it is the innermost scope already. Inside "encoder", the scope "encoder/1" is opened as "1".
 * The name is borrowed. Pass the result to pal__leave. */
/* blocks.c: a layer as a block, whose formula is written in x, W and b, such as "a = x W + b". An activation continues
 * the block of its layer. */
void pal__layer_begin(pal_model *m, pal_var x, const char *name, const char *formula);
pal_var pal__layer_end(pal_model *m, pal_var y); /* returns y */
void pal__activation_begin(pal_model *m, pal_var a, const char *activation);

typedef struct pal__entered {
    const char *before;
    bool opened;
} pal__entered;
pal__entered pal__enter(pal_model *m, const char *scope);
void pal__leave(pal_model *m, pal__entered entered);

/* ---- Files ---------------------------------------------------------------------------------------------------- */

enum { PAL__LENGTH_SIZE = 8 }; /* a file begins with the length of its header */

/* One tensor of a checked header: its shape and its place in the data. */
typedef struct pal__slot {
    const char *name; /* belongs to the header */
    pal_dtype dtype;
    pal_shape shape;
    uint64_t begin, end; /* in bytes, from the start of the data */
    pal_tensor *tensor;  /* the data, or where they go; NULL: nowhere */
    bool owned;          /* the tensor is freed with the file */
} pal__slot;

typedef struct pal__header {
    char *text;       /* owns the names and the metadata */
    pal__slot *slots; /* sorted by their place in the data, then by name */
    size_t n;
    pal_setting *metadata; /* sorted by name */
    size_t n_metadata;
} pal__header;

/* Takes ownership of the text, also after an error, and changes it. size: bytes of data after the header. path: for
 * messages only. */
pal_status pal__header_parse(pal__header *header, char *text, size_t length, uint64_t size, const char *path,
                             pal_error *err);
/* PAL_ERR_EXISTS: *twice is the name of two of n structs of this size. first: the name of the first. PAL_ERR_MEMORY. */
pal_status pal__names_check(const char *const *first, size_t n, size_t size, const char **twice);
/* PAL_ERR_EXISTS: a tensor or a key of the metadata has the name *twice of another. PAL_ERR_MEMORY. */
pal_status pal__header_check_names(const pal__header *header, const char **twice);
void pal__header_sort(pal__header *header);
void pal__header_free(pal__header *header);
/* The checksum of a file: first of the metadata without PAL__CHECKSUM, then of each slot, in their order, followed by
 * the blocks of its data. */
#define PAL__CHECKSUM "palindrome_checksum" /* the key in the metadata; other programs leave it alone */
enum { PAL__BLOCK = 1 << 20 };              /* bytes that are read and hashed at once; part of the format */
uint64_t pal__checksum_metadata(const pal__header *header);
uint64_t pal__checksum_slot(uint64_t before, const pal__slot *slot);
void pal__checksum_text(uint64_t checksum, char out[24]);
/* A file in two steps, so that its data can go straight to where they belong. The first reads and checks the header.
 * Then the caller gives tensors of the right type and shape to the slots of its choice, which it keeps. The second
 * reads the data once, in their order, and compares the checksum; it closes the file. NULL: failure, described in err.
 */
pal_safetensors *pal__safetensors_begin(pal_context *context, int folder, const char *path, pal_error *err);
pal_status pal__safetensors_read(pal_safetensors *file, const char *path, pal_error *err);
pal__slot *pal__safetensors_slot(const pal_safetensors *file, const char *name); /* NULL: not found */
const char *pal__safetensors_dtype(pal_dtype dtype);                             /* "F32"; NULL: no such type */

pal_status pal__safetensors_write_at(int folder, const char *path, const pal_named_tensor *tensors, size_t n,
                                     const pal_setting *metadata, size_t n_metadata, pal_error *err);
#endif
