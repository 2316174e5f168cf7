/* models.h - autoencoders: variants, their options, parameters by name, recording, saving and inference.
 *
 * A variant is one short file that defines how to encode, how to decode, and the loss. It requests each parameter by
 * name where it uses it. The first request creates and initialises the parameter; later requests return the same one,
 * so requesting a name twice ties the weights. The model owns the parameters. Each program is recorded on a new tape,
 * on which the parameters are leaves.
 *
 * A decoder returns the natural parameter (the pre-activation). The output recipe computes likelihood and mean from it.
 * A loss is the mean over samples of the sum over features. Samples are rows: x is [n, features]. */
#ifndef PAL_MODELS_H
#define PAL_MODELS_H

#include "autograd/autograd.h"
#include "autograd/file.h"
#include "models/schema.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_model pal_model;

/* ---- Options -------------------------------------------------------------------------------------------------- */

typedef enum pal_option_type {
    PAL_OPTION_INT,
    PAL_OPTION_REAL,
    PAL_OPTION_BOOL,
    PAL_OPTION_ENUM,
    PAL_OPTION_SIZES, /* whole numbers separated by commas; the list may be empty */
    PAL_OPTION_REALS, /* numbers separated by commas; the list may be empty */
    PAL_OPTION_NONE,  /* in a variant's table: the variant does not have the shared option of this name */
} pal_option_type;

/* A row of a table of options. The table ends with a row {0}: without it, what lies behind the table would be read. */
typedef struct pal_option {
    const char *name; /* "hidden", as on the command line without the dashes */
    pal_option_type type;
    const char *value;   /* the default, as text: "0.1"; BOOL: "yes" or "no" */
    double low, high;    /* INT, REAL, each element of SIZES and REALS: the range, ends included */
    const char *choices; /* ENUM: "sigmoid|relu|linear" */
    const char *help;
} pal_option;

typedef struct pal_setting { /* an option and its value as text: "hidden", "256"; BOOL: "yes" or "no" */
    const char *name, *value;
} pal_setting;

/* ---- Variants ------------------------------------------------------------------------------------------------- */

typedef enum pal_mode { PAL_TRAIN, PAL_EVALUATE } pal_mode; /* a step of training; all else: figures, codes, pictures */

typedef struct pal_phase pal_phase;

/* Where the samples of a step come from: all samples and the labelled ones, or only one of the two. (The streams of
 * random numbers are something else.) */
typedef enum pal_stream { PAL_STREAM_BOTH, PAL_STREAM_ALL, PAL_STREAM_LABELLED } pal_stream;

typedef struct pal_batch {
    pal_var inputs;         /* [n, features] */
    pal_var labels;         /* [n, classes] one-hot, or id 0 */
    pal_var known;          /* [n, features], 1 for a known feature and 0 for a missing one; id 0: all are known */
    const pal_phase *phase; /* the phase of training; NULL: the model as a whole */
    /* With two streams, rows before this index come from all samples and have labels 0; rows from this index on come
     * from the labelled samples. 0: there is one stream, and every row has its label. */
    int64_t labelled_from;
} pal_batch;

/* The option has an effect only if the setting `of` is `value`, or one of "a|b". value NULL: only if `of` is not empty.
 * If several rows name the same option, all of them must be true. */
typedef struct pal_need {
    const char *option, *of, *value;
} pal_need;

/* Training is a list of phases that run one after the other. A field that is 0 or NULL has the default given beside it.
 * Each phase starts with a new optimiser state and a new schedule. The step that keys the noise and the number of the
 * epoch continue from one phase to the next. */
struct pal_phase {
    char name[32]; /* "head"; "" if training has only one phase */
    size_t part;   /* for the variant's own functions, such as the number of the layer that is trained */
    pal_var (*loss)(pal_model *m, const pal_batch *b); /* NULL: the variant's loss */
    /* Whether the parameter is trained in this phase; NULL: every parameter is. */
    bool (*moves)(const pal_model *m, const pal_phase *phase, const char *parameter);
    int64_t epochs;        /* 0: the epochs of the run */
    const char *optimizer; /* a name; it has its default options. NULL: the optimiser of the run */
    double learning_rate;  /* 0: the rate of the run; with an optimizer of its own, that of pal_train_defaults_of */
    pal_stream stream;     /* which samples a step takes, if training takes labels */
    /* Called before the first step of the phase; it may change parameters. A run that is resumed at this point calls it
     * again. NULL: nothing is done. */
    void (*start)(pal_model *m, const pal_phase *phase);
};

/* A distribution of k numbers for each row of parameters. The functions on it are below. */
typedef struct pal_distribution_kind pal_distribution_kind;
typedef struct pal_distribution {
    const pal_distribution_kind *kind;
    int64_t k;
    pal_var parameters; /* [n, outputs] */
} pal_distribution;

/* A variant must have struct_size, a name, a summary, encode, decode and loss. Every other field may be left out: the
 * designated initialisers of C make it 0 or NULL. docs/variants.md builds up to one with all of its parts. */
typedef struct pal_variant {
    size_t struct_size;                     /* sizeof(pal_variant) */
    const char *name, *alias;               /* "denoising", "dae": words of a-z, 0-9 and - */
    const char *summary, *formula, *source; /* for the lists and pages that people read; one line each */
    const pal_option *options;   /* its own; one with the name of a shared option replaces it. Ends with name NULL */
    const pal_setting *training; /* its defaults of options of `train`, such as "optimizer". Ends with name NULL */
    const pal_need *needs;       /* when its own options have an effect; ends with option NULL. NULL: always */

    /* They record, and compute nothing. The number of samples n is that of x: it differs from tape to tape. */
    pal_var (*encode)(pal_model *m, pal_var x);        /* samples [n, features] -> code [n, k] */
    pal_var (*decode)(pal_model *m, pal_var h);        /* code [n, k] -> natural parameter [n, pal_output_numbers] */
    pal_var (*loss)(pal_model *m, const pal_batch *b); /* a scalar: the mean over the samples */
    pal_var (*corrupt)(pal_model *m, pal_var x);       /* how the loss corrupts its inputs; NULL: not at all */

    /* For a term of the loss that is a function of a mean over samples; NULL: there is none. pooled returns logarithms
     * [n, k]. of_pooled turns log mean_i exp(pooled_i) [k] into the scalar term. The mean is over the batch in training
     * and over the whole data set in an evaluation. pooled may return id 0 if the options switch the term off. */
    pal_var (*pooled)(pal_model *m, const pal_batch *b);
    pal_var (*of_pooled)(pal_model *m, pal_var log_mean);

    /* Fills *phase, which is zero, with phase i of training, as the model's options require. False: there are no more
     * phases. NULL: training has one phase. A phase with its own loss does not have the pooled term. epochs: the epochs
     * of the run. */
    bool (*phase)(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase);

    /* For a variant whose loss takes labels and that has the option `classes`: a score for each class [n, classes],
     * greater for a likelier class. x is the same as for encode. NULL: the variant does not classify. */
    pal_var (*classify)(pal_model *m, pal_var x);

    /* q(z | x), if the code z is drawn from one distribution. decode takes draws of it, and encode returns its mean.
     * NULL: the code is deterministic, or it is not drawn from a single distribution. */
    pal_distribution (*posterior)(pal_model *m, pal_var x);

    /* Weights of penalties whose default is meant for images, and is smaller where the samples lie closer together
     * (pal_train_settings_of). Ends with NULL; NULL: there are none. */
    const char *const *of_variance;
} pal_variant;

/* ---- Registering a variant ------------------------------------------------------------------------------------ */

/* Adds a variant to the list. The variant must stay valid until the process ends. Names have at most 63 letters.
 * PAL_ERR_ARGUMENT: a part is missing or invalid. PAL_ERR_EXISTS: the name or the alias is taken. May be called from
 * any thread. The list only grows. */
pal_status pal_variant_register(const pal_variant *variant, pal_error *err);
/* Ends the file of a variant that the program compiles (`palindrome train ./mine.c`) or loads (--load): it defines the
 * function that the program calls, which registers `variant`, a const pal_variant. A file with several variants defines
 * that function itself, and registers each. */
#define PAL_VARIANT_FILE(variant)                                                                                      \
    __attribute__((visibility("default"))) pal_status palindrome_register(pal_error *err);                             \
    pal_status palindrome_register(pal_error *err) { return pal_variant_register(&(variant), err); }

/* ---- Host: the list of variants ------------------------------------------------------------------------------- */

const pal_variant *pal_variant_at(size_t i);           /* NULL: no more */
const pal_variant *pal_variant_find(const char *name); /* by name or alias; NULL: not found */
/* Option i of a variant: first the shared options, then its own. NULL: no more. It counts from the first option on. */
const pal_option *pal_variant_option(const pal_variant *variant, size_t i);
/* The option after this one, which pal_variant_option or this function returned; option NULL: the first. NULL: no more.
 * To walk through all of many options takes time in proportion to their number. */
const pal_option *pal_variant_option_next(const pal_variant *variant, const pal_option *option);
const pal_option *pal_variant_option_find(const pal_variant *variant, const char *name); /* NULL: not found */
/* Whether text is one of the choices "a|b|c". */
bool pal_choices_have(const char *choices, const char *text);
/* Checks that text is a valid value of the option. If it is not, err contains the range or the choices. */
pal_status pal_option_check(const pal_option *option, const char *text, pal_error *err);
/* Whether two valid values of the option are the same value, such as "0.1" and "1e-1". */
bool pal_option_equal(const pal_option *option, const char *a, const char *b);

/* ---- A model's options ---------------------------------------------------------------------------------------- */

/* The value of an option of this type: of one in the variant's table, or of a shared one. An option that the variant
 * does not have, or that has another type, is a failure on the tape. */
int64_t pal_option_int(const pal_model *m, const char *name);
double pal_option_real(const pal_model *m, const char *name);
bool pal_option_bool(const pal_model *m, const char *name);
const char *pal_option_enum(const pal_model *m, const char *name);
bool pal_option_is(const pal_model *m, const char *name, const char *choice); /* for an ENUM */
enum { PAL_OPTION_LIST = 64 };                                                /* most numbers in a list */
/* The next two functions return how many numbers the list has. */
size_t pal_option_sizes(const pal_model *m, const char *name, int64_t out[PAL_OPTION_LIST]);
size_t pal_option_reals(const pal_model *m, const char *name, double out[PAL_OPTION_LIST]);
int64_t pal_model_features(const pal_model *m); /* numbers in a sample */
pal_mode pal_model_mode(const pal_model *m);    /* PAL_TRAIN or PAL_EVALUATE: whether what is recorded is trained */

/* ---- Parameters ----------------------------------------------------------------------------------------------- */

/* How initial values are drawn. `in` and `out` are the numbers of inputs and outputs of a weight [in, out]. For a
 * filter [out, in, height, width], both are multiplied by height * width (models/init.c). */
typedef enum pal_init {
    PAL_INIT_ZERO,
    PAL_INIT_GLOROT,  /* uniform +-sqrt(6/(in+out)), Glorot & Bengio 2010 */
    PAL_INIT_HE,      /* normal, variance 2/in, He et al. 2015 */
    PAL_INIT_LECUN,   /* normal, variance 1/in, LeCun et al. 1998 */
    PAL_INIT_NORMAL,  /* normal, standard deviation 0.01, Hinton 2010 */
    PAL_INIT_UNIFORM, /* uniform +-1/sqrt(in), the common heuristic in Glorot & Bengio 2010, equation 1 */
    /* For the bias of the layer that computes the output: 0, until pal_output_start sets it from the data. The first is
     * for rows [pal_output_numbers]. The second is for maps [numbers per feature, channels], as of pal_conv_back. */
    PAL_INIT_OUTPUT,
    PAL_INIT_OUTPUT_MAPS,
    /* Each unit has 15 inputs that are drawn, with weights from N(0, 1); the others are 0 (Martens 2010, section 5). */
    PAL_INIT_SPARSE,
    /* Orthonormal columns, or rows if there are fewer inputs than outputs (Saxe, McClelland and Ganguli 2014). */
    PAL_INIT_ORTHOGONAL,
} pal_init;
pal_init pal_model_init(const pal_model *m); /* option `init` */
/* Gets or creates a parameter. The same name with another shape is an error on the tape. */
pal_var pal_parameter(pal_model *m, const char *name, pal_shape shape, pal_init init);
/* The same, but every element starts at `value`. To give a layer's bias an initial value other than 0, call this
 * before the layer is recorded. */
pal_var pal_parameter_filled(pal_model *m, const char *name, pal_shape shape, double value);
/* Gets or creates a tensor that is saved with the model but not trained, such as "input/mean". It is 0 until code that
 * has the data fills it (train/statistics.c). */
pal_var pal_statistic(pal_model *m, const char *name, pal_shape shape);
/* ---- Layers --------------------------------------------------------------------------------------------------- */

/* Says which activation follows the layer NAME, whose weight NAME/W has this shape. PAL_INIT_SPARSE and
 * PAL_INIT_ORTHOGONAL scale the weight by it, and sparse tanh units have a bias NAME/b [units] that starts at 0.5
 * (layers.c has the table). Call this before the layer is recorded; without it the scale is 1 and the bias 0. weight
 * NULL: the weight is that of another layer. */
void pal_layer_start(pal_model *m, const char *name, const pal_shape *weight, int64_t units, const char *activation);
/* x [n,d] -> [n,units]: x W + b with parameters NAME/W [d,units] and NAME/b [units]. */
pal_var pal_dense(pal_model *m, const char *name, pal_var x, int64_t units);
/* h [n,k] -> [n,d]: h W' + b, where W is the parameter TO/W [d,k] of another layer, and b is its own NAME/b [d]. */
pal_var pal_dense_tied(pal_model *m, const char *name, pal_var h, const char *to);
/* "sigmoid", "tanh", "relu", "linear", "softplus" */
pal_var pal_activate(pal_model *m, pal_var a, const char *activation);

/* ---- The encoder and the decoder of the shared options -------------------------------------------------------- */

/* The encoder and the decoder that the shared options define. The encoder has the layers of option `layers`, or one
 * layer of `hidden` units: h_k = s(h_{k-1} W_k + b_k), h_0 = x. s is option `activation`, or `code-activation` for the
 * code. The decoder has the matrices V_k (W_k' if tied), and its last layer has no activation. The parameters of a
 * single layer are encoder/W, encoder/b, decoder/W, decoder/b. Several layers have encoder/K/W and so on, where
 * decoder/K mirrors encoder/K. Dropout (Srivastava et al. 2014) is applied in TRAIN only. If a loss encodes several
 * inputs, each has a mask of its own. */
pal_var pal_encode_layers(pal_model *m, pal_var x);
pal_var pal_encode_layers_linear(pal_model *m, pal_var x); /* the same, without the activation of the code */
/* The same, with further columns on the right that a layer encoder/scale computes: `units` columns together, the
 * parameters of a distribution. */
pal_var pal_encode_layers_to(pal_model *m, pal_var x, int64_t units);
pal_var pal_code_activate(pal_model *m, pal_var a);  /* linear encoder output -> output of pal_encode_layers */
pal_var pal_decode_layers(pal_model *m, pal_var h);  /* the decoder: [n,code] -> [n,pal_output_numbers] */
const char *pal_code_activation(const pal_model *m); /* code-activation, with "same" resolved */
void pal_code_bias_from(pal_model *m, double value); /* initial value of the code's bias; call before encoding */

/* The number of layers of the encoder. pal_encode_layer applies layer k alone, k from 1: s(h W_k + b_k), without
 * dropout. pal_decode_layer applies layer k of the mirrored decoder: h V_k + c_k, without an activation. */
size_t pal_encoder_layers(const pal_model *m);
pal_var pal_encode_layer(pal_model *m, pal_var h, size_t k);
pal_var pal_decode_layer(pal_model *m, pal_var h, size_t k);

/* ---- Images --------------------------------------------------------------------------------------------------- */

typedef struct pal_image_size {
    int64_t channels, height, width;
} pal_image_size;
/* The size of a sample [h,w] or [channels,h,w] as an image. If a sample is not an image: false, and a failure on the
 * tape, in which `what` names the part that requires images. */
bool pal_model_image(pal_model *m, const char *what, pal_image_size *image);
/* x [n,c,h,w] -> [n,units,h',w']: a convolution with square windows of side `kernel`, one every `stride` pixels, and
 * (kernel - 1) / 2 zeros of padding at each edge. h' = pal_convolved(h, kernel, stride). The filters are NAME/W
 * [units,c,kernel,kernel], the biases NAME/b [units]. */
pal_var pal_conv(pal_model *m, const char *name, pal_var x, int64_t units, int64_t kernel, int64_t stride);
/* The transposed convolution, from such maps back to images of the given size, odd or even. The filters are those of
 * the convolution TO, or its own NAME/W [channels,units,kernel,kernel] if TO is NULL. The biases are NAME/b
 * [channels]. */
pal_var pal_conv_back(pal_model *m, const char *name, pal_var y, pal_image_size image, int64_t kernel, int64_t stride,
                      const char *to);
/* As pal_encode_layers and pal_decode_layers, but the encoder starts with convolutions (options `channels`, `kernel`,
 * `stride`). The affine layers of option `layers` follow; if `hidden` is 0, there are no affine layers. Codes are rows.
 * Parameters are encoder/K/W, encoder/K/b, decoder/K/W, decoder/K/b; decoder/K mirrors encoder/K. */
pal_var pal_encode_conv(pal_model *m, pal_var x);
pal_var pal_decode_conv(pal_model *m, pal_var h);
int64_t pal_convolved(int64_t size, int64_t kernel, int64_t stride); /* size of a map; 0: the window does not fit */

/* ---- Corruption and binarisation ------------------------------------------------------------------------------ */

/* x with the corruption that option `corruption` selects (the table in corrupt.c). */
pal_var pal_corrupt(pal_model *m, pal_var x);
/* x as the loss sees it: binarised, then corrupted. If the variant does not corrupt, x itself. */
pal_var pal_model_corrupt(pal_model *model, pal_var x);
/* x as the target of the loss: binarised by option `binarize`. */
pal_var pal_model_target(pal_model *m, pal_var x);

/* ---- Sparse codes --------------------------------------------------------------------------------------------- */

/* pal_encode_layers with a code of sigmoid units; other codes are refused. The bias of the code starts at the value
 * that gives the activation rho, ln(rho / (1 - rho)). */
pal_var pal_encode_sparse(pal_model *m, pal_var x, double rho);
/* For sigmoid units h with pre-activations a [n,k]: ln h and ln(1 - h) side by side [n,2k]. The second function takes
 * their log-mean-exp over samples [2k] and returns sum_j KL(rho || rho_j). Both serve a variant's pooled term. */
pal_var pal_activation_logs(pal_var a);
pal_var pal_activation_divergence(pal_var log_mean, double rho);

/* ---- Outputs -------------------------------------------------------------------------------------------------- */

/* Output recipe (option `output`): the negative log-likelihood of x given the decoder's value, mean over samples. */
pal_var pal_nll(pal_model *m, pal_var decoded, pal_var x);
/* The same for the known features only. known is [features] or [n, features], 1 for known and 0 for unknown; the
 * unknown features are integrated out. In a loss that is recorded for a batch with missing features (pal_batch),
 * pal_nll and pal_log_likelihood do the same of themselves. */
pal_var pal_nll_of_known(pal_model *m, pal_var decoded, pal_var x, pal_var known);
/* -ln p(x | decoded) of each sample by feature, [n, features]; the sum over the features is that of the sample. A joint
 * distribution of all features is split by 1/2 r_j (P r)_j, with r = x - mu and the precision P, and equal shares of
 * the rest. */
pal_var pal_nll_of_features(pal_model *m, pal_var decoded, pal_var x);
pal_var pal_log_likelihood(pal_model *m, pal_var decoded, pal_var x); /* ln p(x | decoded) of each sample, [n] */
pal_var pal_output_mean(pal_model *m, pal_var decoded);               /* in the space of x */
/* How many numbers the decoder must return per sample. It is a multiple of the features, except for a joint
 * distribution of all features. */
int64_t pal_output_numbers(const pal_model *m);

/* ---- Host: the start of the output's bias --------------------------------------------------------------------- */

/* The bias of the output before the first step of training. With option `output-bias` mean it starts where a code that
 * says nothing gives the mean of the data, so that no step is spent on what all samples have in common (models/start.c
 * has the formulas and the reason). pal_train does it; a training loop of your own may do it by these three calls. Only
 * a bias with PAL_INIT_OUTPUT or PAL_INIT_OUTPUT_MAPS that is still 0 throughout is changed: weights that were loaded,
 * copied or trained stay.
 *
 * Whether there is such a bias. */
bool pal_output_starts(const pal_model *m);
/* What the start depends on, for targets x of the loss [n,features] -> [n,features * c]: x itself (c is 1), or for
 * output categorical the level of each feature, one-hot (c is the number of levels). Between begin and end. */
pal_var pal_output_seen(pal_model *m, pal_var x);
/* Sets the bias. mean [features * c] is the mean of pal_output_seen over n samples. PAL_ERR_SHAPE: a bias does not have
 * as many numbers as its PAL_INIT says; no bias is changed. */
pal_status pal_output_start(pal_model *m, const double *mean, int64_t n, pal_error *err);

/* ---- Distributions -------------------------------------------------------------------------------------------- */

/* Distributions whose parameters a layer computes; the kinds are in models/distribution.c. A distribution of k numbers
 * has a row of `outputs` parameters per sample. Parameters that are all 0 give the prior. Draws are [n,S,k]: S draws
 * for each of the n rows. A discrete kind is drawn exactly at temperature 0, and relaxed at a higher temperature.
 * Samples of continuous and relaxed kinds are differentiable. Logarithms are natural: the unit is nats. */
const pal_distribution_kind *pal_distribution_at(size_t i);           /* NULL: no more */
const pal_distribution_kind *pal_distribution_find(const char *name); /* "normal"; NULL: not found */
const char *pal_distribution_name(const pal_distribution_kind *kind); /* "normal" */
/* How the k numbers are drawn: independently of each other, jointly, or as one choice out of k. A single number of a
 * choice has no meaning without the others. */
typedef enum pal_units { PAL_UNITS_INDEPENDENT, PAL_UNITS_DEPENDENT, PAL_UNITS_ONE_CHOICE } pal_units;
pal_units pal_distribution_units(const pal_distribution_kind *kind);
/* Parameters per sample. 0 if k is less than 1 or too large; err then contains what to choose instead. */
int64_t pal_distribution_outputs(const pal_distribution_kind *kind, int64_t k, pal_error *err);
/* A layer on h [n,d] that computes the parameters: NAME/W and NAME/b give the first k, the means or logits;
 * NAME/scale/W and NAME/scale/b give the others, which start near 0. Drawn from, it is a stochastic layer, which may
 * be anywhere in a network (examples/variants/7_hierarchical.c). */
pal_distribution pal_distribution_layer(pal_model *m, const char *name, pal_var h, const pal_distribution_kind *kind,
                                        int64_t k);
pal_var pal_distribution_mean(pal_distribution q); /* [n,k]; for discrete kinds: probabilities */
/* Draws [n,S,k] from a named stream; the temperature matters for a discrete kind alone. */
pal_var pal_distribution_sample(pal_distribution q, const char *stream, int64_t samples, double temperature);
pal_var pal_distribution_log_density(pal_distribution q, pal_var z); /* [n,S]; z [1,S,k] serves every row */
pal_var pal_distribution_log_prior(pal_distribution q, pal_var z);   /* [n,S], under the prior of q's kind */
pal_var pal_distribution_entropy(pal_distribution q);                /* [n] */
pal_var pal_distribution_kl(pal_distribution q, pal_distribution p); /* KL(q || p), [n]; both of the same kind */
pal_var pal_distribution_kl_prior(pal_distribution q);               /* [n] */
/* The covariance of A z for axes A [a,k]: A Sigma A' [n,a,a]. The unit matrix gives Sigma itself. For discrete kinds it
 * is the covariance of exact draws. */
pal_var pal_distribution_covariance(pal_distribution q, pal_var axes);

/* The quantile of one number under the prior, u in (0,1). NAN: the kind is discrete. */
double pal_distribution_quantile(const pal_distribution_kind *kind, double u);
/* The kind of distribution from which the code is drawn (option `code`). NULL: the code is not random. */
const pal_distribution_kind *pal_model_code(const pal_model *m);

/* The choices of shared options, and what --help says about `init`, for a variant that gives one another default. Each
 * is defined in the file of the table that implements the choices. */
extern const char pal_activation_choices[], pal_code_activation_choices[], pal_init_choices[], pal_init_help[],
    pal_corruption_choices[], pal_code_choices[];

/* Rows of option tables. A macro is a list of rows without the last comma. */
/* clang-format off */

/* For a variant that corrupts its inputs: pal_corrupt. */
#define PAL_CORRUPTION_OPTIONS(help)                                                                                   \
    {"corruption", PAL_OPTION_ENUM, "masking", 0, 0, pal_corruption_choices, help},                                    \
    {"masking", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "nu, the probability that masking sets an element to 0"},         \
    {"sigma", PAL_OPTION_REAL, "0.5", 0, 1000, NULL, "standard deviation of the gaussian corruption"},                 \
    {"salt", PAL_OPTION_REAL, "0.25", 0, 1, NULL, "probability that salt-and-pepper sets an element to 0 or 1"},       \
    {"block-size", PAL_OPTION_INT, "10", 1, 100000, NULL, "side of the square that blocks sets to 0, in pixels"}

/* For a variant whose code is drawn: pal_code_posterior. */
#define PAL_CODE_OPTIONS                                                                                               \
    {"hidden", PAL_OPTION_INT, "20", 1, 1000000, NULL, "units of the code"},                                           \
    {"layers", PAL_OPTION_SIZES, "400,20", 1, 1000000, NULL,                                                           \
     "units of each layer of the encoder; the last is the code"},                                                      \
    {"activation", PAL_OPTION_ENUM, "relu", 0, 0, pal_activation_choices, "activation of the hidden layers"},          \
    {"init", PAL_OPTION_ENUM, "uniform", 0, 0, pal_init_choices, pal_init_help},                                       \
    {.name = "code-activation", .type = PAL_OPTION_NONE},                                                              \
    {.name = "tied", .type = PAL_OPTION_NONE},                                                                         \
    {"code", PAL_OPTION_ENUM, "normal", 0, 0, pal_code_choices,                                                        \
     "distribution of the code: normal, normal with full covariance, units of 0 or 1, one of --hidden classes"},       \
    {"temperature", PAL_OPTION_REAL, "0.5", 1e-3, 1000, NULL,                                                          \
     "temperature at which a discrete code is relaxed in training"},                                                   \
    {"beta", PAL_OPTION_REAL, "1", 0, 1e6, NULL, "weight of the divergence; 0: no divergence"},                        \
    {"beta-warm-up", PAL_OPTION_INT, "0", 0, 1e12, NULL,                                                               \
     "training steps over which beta grows from 0 to its value; 0: no warm-up"},                                       \
    {"divergence", PAL_OPTION_ENUM, "closed", 0, 0, "closed|sampled",                                                  \
     "of the bound; closed: KL(q || p) by its formula; sampled: ln p(z) averaged over the draws, H(q) by its formula"}
#define PAL_CODE_NEEDS                                                                                                 \
    {"temperature", "code", "bernoulli|categorical"},                                                                  \
    {"beta", "estimate", "bound|importance"},                                                                          \
    {"beta-warm-up", "estimate", "bound|importance"},                                                                  \
    {"divergence", "estimate", "bound"}

/* Further options for a variant whose loss is pal_code_estimate. The arguments are the defaults. */
#define PAL_ESTIMATE_OPTIONS(samples, estimate)                                                                        \
    {"samples", PAL_OPTION_INT, samples, 1, 100000, NULL, "draws of the code per sample"},                             \
    {"estimate", PAL_OPTION_ENUM, estimate, 0, 0, "bound|importance|predictive",                                       \
     "of ln p(x), maximised; bound: evidence lower bound; importance: ln mean weight; predictive: ln mean p(x|z)"}

/* clang-format on */

/* For a variant with PAL_CODE_OPTIONS and PAL_ESTIMATE_OPTIONS: the distribution of the code that the encoder's layers
 * compute, its mean [n,k], and the loss that option `estimate` selects (models/bound.c has the formulas). */
pal_distribution pal_code_posterior(pal_model *m, pal_var x);
pal_var pal_code_mean(pal_model *m, pal_var x);
pal_var pal_code_estimate(pal_model *m, const pal_batch *b);

/* ---- Terms of the loss ---------------------------------------------------------------------------------------- */

/* Gives a name to a term of the loss while the loss is recorded, and returns the term, a scalar:
 *     return pal_add(pal_nll(m, a, x), pal_model_note(m, "sparsity", pal_scale(penalty, beta)));
 * `evaluate` then prints two parts of the loss: "sparsity", and "reconstruction", which is the loss without all named
 * terms. So only penalties need names. The term may be noted before its weight is applied, too: the part of the loss is
 * the weight (the derivative of the loss by the term) times the term, and `evaluate` says so. A scalar that is no part
 * of the loss, such as a penalty with weight 0, is printed as such. The name is borrowed and must outlive the model. A
 * name that is used again adds to the same term. */
pal_var pal_model_note(pal_model *m, const char *name, pal_var term);

/* Tells, while the loss is recorded, that `term`, a scalar that the loss contains with any factor, is convex in z and
 * depends on the weights through z, and returns the term. Second-order methods then have the Gauss-Newton matrix J'HJ,
 * with J the Jacobian of z by the weights and H the Hessian of the term by z (Schraudolph 2002). pal_nll tells it of
 * itself, with the output before its link; so do the classifier, the divergence of a normal code, and l2. */
pal_var pal_model_match(pal_model *m, pal_var z, pal_var term);

/* ---- Host: second-order training ------------------------------------------------------------------------------ */

/* The Fisher information of the loss that was just recorded, for second-order training; likelihood.c has the formulas.
 * Returns a scalar with targets drawn from the model's own distribution: the mean of its gradient is 0, and the
 * covariance of its gradient is the Fisher matrix. Its noise is that of the streams "fisher/targets/K". For each of the
 * *n likelihoods that the loss takes, up to PAL_MODEL_LIKELIHOODS, z[i] is what its density takes, and the Hessian of
 * the scalar divergence[i] by z[i] is the Fisher matrix of that density. On a tape of a shard, the loss is that of the
 * shard, and what is returned is its part of a sum over the shards. Call it between begin and end. A failure on the
 * tape: the loss takes no likelihood of this library. */
enum { PAL_MODEL_LIKELIHOODS = 4 };
pal_var pal_model_fisher(pal_model *m, pal_var loss, size_t *n, pal_var *z, pal_var *divergence);

/* ---- Host: models --------------------------------------------------------------------------------------------- */

/* Creates a model and initialises every parameter. A setting that is unknown or out of range is an error. sample is the
 * shape of one sample, such as [28,28]. seed determines the initial values. The variant and the context are borrowed.
 * NULL: failure, described in err. */
pal_model *pal_model_new(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                         size_t n_settings, pal_shape sample, pal_dtype dtype, uint64_t seed, pal_error *err);
/* The same for samples that are rows of a table, whose schema the model keeps (a copy). sample has as many elements as
 * the schema has features, [features] as a rule. schema NULL: as pal_model_new. PAL_ERR_SHAPE: they do not agree. */
pal_model *pal_model_new_for(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                             size_t n_settings, const pal_schema *schema, pal_shape sample, pal_dtype dtype,
                             uint64_t seed, pal_error *err);
void pal_model_free(pal_model *model);
const pal_schema *pal_model_schema(const pal_model *model); /* NULL: it has none */
const pal_variant *pal_model_variant(const pal_model *model);
/* The value of an option as text, given or default. NULL: the variant does not have this option. */
const char *pal_model_setting(const pal_model *model, const char *name);
/* Copies every trained weight that exists in both models with equal name, shape and type. PAL_ERR_ARGUMENT, and nothing
 * is copied: a weight of the encoder has another shape in the other model, or the models have no matrix in common. */
pal_status pal_model_take(pal_model *model, const pal_model *from, pal_error *err);
/* Refuses a given setting that has no effect together with the model's other settings, such as `sigma` if the
 * corruption is masking. */
pal_status pal_model_check_given(const pal_model *model, const pal_setting *given, size_t n, pal_error *err);
pal_shape pal_model_sample(const pal_model *model);
pal_dtype pal_model_dtype(const pal_model *model);
pal_context *pal_model_context(const pal_model *model);

size_t pal_model_parameter_count(const pal_model *model); /* tensors that are trained */
size_t pal_model_statistic_count(const pal_model *model); /* tensors that are not trained */
/* Tensor i: first the trained tensors, then the others, each group sorted by name. NULL: no more. */
pal_tensor *pal_model_parameter(const pal_model *model, size_t i, const char **name);
/* The place of tensor i in the order in which the loss asks for them: of two layers, the one nearer to the input comes
 * first. Weights that a later layer shares have the place of their first use. */
size_t pal_model_parameter_depth(const pal_model *model, size_t i);
pal_tensor *pal_model_parameter_find(const pal_model *model, const char *name); /* trained or not; NULL: not found */
int64_t pal_model_weights(const pal_model *model);                              /* how many numbers are trained */
/* Phase i of training; every model has at least one. False: no more. */
bool pal_model_phase(const pal_model *model, size_t i, int64_t epochs, pal_phase *phase);
/* Classes of the labels that the loss takes (option `classes`). 0: the loss does not take labels. */
int64_t pal_model_classes(const pal_model *model);
/* Whether the parameter is trained in this phase. */
bool pal_phase_moves(const pal_model *model, const pal_phase *phase, const char *parameter);
const char *pal_corruption_of(const char *option); /* the one that an option such as `sigma` belongs to; or NULL */
/* Calls the function `start` of the phase, if it has one. In a dry context, whose weights are no memory, it does not.
 */
void pal_phase_start(pal_model *model, const pal_phase *phase);

/* Recording. Between begin and end, the calls below append to the tape. The tape's default type must be that of the
 * model. begin must be called at the root scope; it makes every parameter a leaf under its full name. In EVALUATE, the
 * noise of a loss comes from streams under "evaluate/". If the same x is corrupted twice between begin and end, the
 * result is the same value. */
void pal_model_begin(pal_model *model, pal_tape *tape, pal_mode mode);
void pal_model_end(pal_model *model);
/* The loss, a scalar, recorded in scope "loss": that of the batch's phase, or that of the variant. In TRAIN it includes
 * the l1 and l2 penalties and the variant's pooled term over the batch. In EVALUATE it has only the terms that are
 * separable over samples. */
pal_var pal_model_loss(pal_model *model, const pal_batch *batch);
/* For what is recorded from here to the end: 1 for known and 0 for missing features [n, features] of the samples, as in
 * pal_batch, where the likelihood is not taken by pal_model_loss. id 0: all are known. */
void pal_model_know(pal_model *model, pal_var known);
/* The variant's pooled values [n, k], or id 0 if it has no pooled term. The second function returns the term for their
 * log-mean-exp [k]. */
pal_var pal_model_pooled(pal_model *model, const pal_batch *batch);
pal_var pal_model_of_pooled(pal_model *model, pal_var log_mean);
pal_var pal_model_encode(pal_model *model, pal_var x);      /* [n, code] */
pal_var pal_model_decode(pal_model *model, pal_var h);      /* the mean, in the space of x */
pal_var pal_model_reconstruct(pal_model *model, pal_var x); /* decode(encode(x)), the mean */
/* A score for each class [n, classes], greatest for the likeliest class. A null handle if the model does not
 * classify. */
pal_var pal_model_classify(pal_model *model, pal_var x);
/* Labels for a recording without data: all classes are equally likely. A null handle if the loss does not take
 * labels. */
pal_var pal_model_labels(pal_model *model, int64_t n);
/* For a random code whose loss was recorded in EVALUATE: -E ln p(x | z), estimated with the loss's own draws, and
 * KL(q || p) in closed form. Their sum is minus the evidence lower bound, regardless of beta and of the estimate that
 * the loss uses. False: the loss did not record them. */
bool pal_model_bound(const pal_model *model, pal_var *reconstruction, pal_var *divergence);
/* For a model whose variant has a posterior: q(z | x) for rows x that pal_model_target returned. pal_model_log_weights
 * returns ln [p(x | z) p(z) / q(z | x)] for that many draws per row, [n, draws]; the mean weight estimates p(x). The
 * draws come from stream "posterior" in scope "importance". A single row x is broadcast to its draws, not copied. */
bool pal_model_has_posterior(const pal_model *m);
pal_distribution pal_model_posterior(pal_model *m, pal_var x);
pal_var pal_model_log_weights(pal_model *m, pal_distribution q, pal_var x, int64_t draws);
/* The terms that the loss named by pal_model_note. They are kept until the next begin; the handles are valid as long as
 * their tape. */
enum { PAL_MODEL_NOTES = 12 };
size_t pal_model_note_count(const pal_model *model);
pal_var pal_model_note_at(const pal_model *model, size_t i, const char **name);
/* Appends to the tape what term i contributes to the loss, a scalar: the term times d loss / d term, which is the term
 * itself if the loss adds it as it is, and 0 if the loss does not contain it. A null handle: there is no such term. */
pal_var pal_model_note_share(pal_model *model, pal_var loss, size_t i);
/* The matching losses that the loss named by pal_model_match, kept as long as the terms; *z receives the value. */
size_t pal_model_match_count(const pal_model *model);
pal_var pal_model_match_at(const pal_model *model, size_t i, pal_var *z);
/* The trained parameters as leaves of the tape, sorted by name. */
pal_status pal_model_leaves(pal_model *model, pal_tape *tape, pal_var *leaves);

/* ---- Host: files ---------------------------------------------------------------------------------------------- */

/* Writes a safetensors file: the parameters, and as metadata the variant, the settings and the shape of a sample. The
 * file is replaced as a whole (pal_file_replace). more: further tensors, such as the state of the optimiser; may be
 * NULL. */
typedef struct pal_named_tensor {
    const char *name;
    pal_tensor *tensor;
} pal_named_tensor;
pal_status pal_model_save(const pal_model *model, const char *path, const pal_named_tensor *more, size_t n_more,
                          pal_error *err);
/* The same, to a name in the folder of an open descriptor (pal_file_replace). */
pal_status pal_model_save_at(const pal_model *model, int folder, const char *name, const pal_named_tensor *more,
                             size_t n_more, pal_error *err);
/* Opens a file that pal_model_save wrote, with the type of the saved model. NULL: failure, described in err.
 * PAL_ERR_FORMAT for a file that is malformed, or damaged: its checksum, which files of older versions lack, is not
 * that of its contents. PAL_ERR_NUMERIC: a weight is not finite; pal_safetensors_open opens such a file, to look at it.
 */
pal_model *pal_model_open(pal_context *context, const char *path, pal_error *err);
pal_model *pal_model_open_at(pal_context *context, int folder, const char *name, pal_error *err);

/* The file format: 8 bytes with the length of the header, a JSON header, the data. To the metadata a checksum over
 * everything else is added, palindrome_checksum, and a reader of this library compares it; a file without it is read as
 * it is. The header is read back and compared before the old file is replaced. */
pal_status pal_safetensors_write(const char *path, const pal_named_tensor *tensors, size_t n,
                                 const pal_setting *metadata, size_t n_metadata, pal_error *err);
typedef struct pal_safetensors pal_safetensors;
pal_safetensors *pal_safetensors_open(pal_context *context, const char *path, pal_error *err);
pal_safetensors *pal_safetensors_open_at(pal_context *context, int folder, const char *name, pal_error *err);
void pal_safetensors_free(pal_safetensors *file);
pal_tensor *pal_safetensors_find(const pal_safetensors *file, const char *name); /* borrowed; NULL: not found */
/* Tensor i, in the order of the data in the file. NULL: no more. */
pal_tensor *pal_safetensors_at(const pal_safetensors *file, size_t i, const char **name);
const char *pal_safetensors_metadata(const pal_safetensors *file, const char *key); /* NULL: not found */

/* A fast hash of these bytes that follow others, whose hash is `before` (0: none): it finds damage and mistakes, but it
 * does not protect against forgery. It is XXH3 of 64 bits with `before` as seed, so it depends on where the bytes are
 * cut. The same on every machine and in every version. */
uint64_t pal_hash(uint64_t before, const void *bytes, size_t size);

/* ---- Host: inference ------------------------------------------------------------------------------------------
 *
 * Input and output are buffers of float32 rows, regardless of the model's type. Many threads may use a model at the
 * same time, each with its own workspace, as long as no thread changes the model. The model and its variant must
 * outlive the workspaces. The same rows in batches of the same size give the same bits as a program recorded with
 * pal_model_encode, pal_model_decode or pal_model_reconstruct and run with the same number of lanes. */

typedef struct pal_workspace pal_workspace;

typedef struct pal_workspace_options {
    size_t struct_size;
    int64_t batch;                      /* rows computed at once; 0: 64 to 1024, about a million numbers */
    unsigned lanes;                     /* 0: the number of threads of the workspace's context */
    const pal_context_options *context; /* options of the context that it creates; NULL: one thread, not pinned */
    bool features;                      /* rows of samples are features, although the model has a schema */
} pal_workspace_options;

pal_workspace *pal_workspace_new(const pal_model *model, const pal_workspace_options *options, pal_error *err);
void pal_workspace_free(pal_workspace *workspace);
int64_t pal_workspace_code(const pal_workspace *workspace); /* numbers in the code of one sample */
/* Numbers in the row of one sample: the columns of the model's schema, or its features if it has none. */
int64_t pal_workspace_row(const pal_workspace *workspace);
const char *pal_workspace_error(const pal_workspace *workspace); /* error of the last call; NULL: no error */

/* Each processes n rows. pal_encode: samples [n, row] -> codes [n, code]. pal_decode: codes -> means of samples.
 * pal_reconstruct: samples -> means of their reconstructions. A sample is a row of its features; or, if the model has a
 * schema, a row of its table: numbers in their own units, the index of the level of a category, 0 or 1, NAN for a
 * missing cell. Such a row is scaled on the way in and out; a reconstruction has the likeliest level. in and out may
 * begin at the same address, also if the rows of one are longer. The batches of a call have `batch` rows, the last one
 * the remainder. A call compiles a program for each such size that is new to the workspace; other calls allocate
 * nothing. After a failure the contents of out are undefined. PAL_ERR_ARGUMENT: in and out overlap so that no order of
 * the batches keeps the inputs until they are read.
 */
pal_status pal_encode(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);
pal_status pal_decode(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);
pal_status pal_reconstruct(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
