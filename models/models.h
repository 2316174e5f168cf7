/* models.h - autoencoders: variants, their options, parameters by name, recording and saving.
 *
 * A variant is one short file that says how to encode, to decode, and what its loss is. Parameters are asked for by
 * name where they are used: the first ask creates and initialises, later asks find; asking twice is weight tying. A
 * model owns the parameters; each program is recorded on a fresh tape with leaves onto them.
 *
 * Decoders return the natural parameter (the pre-activation); the output recipe supplies likelihood and mean. A loss is
 * the mean over samples of the sum over features. Samples are rows: x is [n, features]. */
#ifndef PAL_MODELS_H
#define PAL_MODELS_H

#include "autograd/autograd.h"

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
    PAL_OPTION_SIZES, /* whole numbers with commas between them; may be none */
    PAL_OPTION_REALS, /* numbers, likewise */
    PAL_OPTION_NONE,  /* in a variant's table: the shared option of this name is not for it */
} pal_option_type;

typedef struct pal_option {
    const char *name; /* "hidden", as on the command line without the dashes */
    pal_option_type type;
    const char *value;   /* the default, as text */
    double low, high;    /* INT, REAL, each of SIZES and REALS: the range, both ends allowed */
    const char *choices; /* ENUM: "sigmoid|relu|linear" */
    const char *help;
} pal_option;

typedef struct pal_setting { /* an option's value as text: "hidden", "256"; BOOL: "yes", "no" */
    const char *name, *value;
} pal_setting;

/* ---- Variants ------------------------------------------------------------------------------------------------- */

typedef enum pal_mode { PAL_TRAIN, PAL_EVALUATE } pal_mode;

typedef struct pal_phase pal_phase;

/* Of a step: a batch of all samples and one of the labelled ones, or one of the two. */
typedef enum pal_stream { PAL_STREAM_BOTH, PAL_STREAM_ALL, PAL_STREAM_LABELLED } pal_stream;

typedef struct pal_batch {
    pal_var inputs;         /* [n, features] */
    pal_var labels;         /* [n, classes] one-hot, or id 0 */
    const pal_phase *phase; /* of training, or NULL: the model as a whole */
    /* Two streams: rows before this one are drawn from all samples and their labels are 0, those from here on are drawn
     * from the labelled ones. 0: one stream, and every row has its label. */
    int64_t labelled_from;
} pal_batch;

/* An option is for those models whose setting `of` is this value, or one of these "a|b" (NULL: is not empty); more than
 * one row for an option: all of them. */
typedef struct pal_need {
    const char *option, *of, *value;
} pal_need;

/* Training is a list of phases, one after the other: which loss, which parameters move, for how many epochs, by which
 * optimiser. What is 0 or NULL is as in a run of one phase: the variant's loss, every parameter, what the run says. The
 * optimiser's state and the schedule begin anew with each phase; the clock of the noise and the epochs count on. */
struct pal_phase {
    char name[32]; /* "head"; "" where training is one phase */
    size_t part;   /* for the variant's functions: which layer it is about, for example */
    pal_var (*loss)(pal_model *m, const pal_batch *b);
    bool (*moves)(const pal_model *m, const pal_phase *phase, const char *parameter);
    int64_t epochs;
    const char *optimizer; /* with its own defaults */
    double learning_rate;
    pal_stream stream; /* of samples, where training takes labels */
};

/* A distribution of k numbers, by rows of parameters: the functions below. */
typedef struct pal_distribution_kind pal_distribution_kind;
typedef struct pal_distribution {
    const pal_distribution_kind *kind;
    int64_t k;
    pal_var parameters; /* [n, outputs] */
} pal_distribution;

typedef struct pal_variant {
    size_t struct_size;
    const char *name, *alias; /* "denoising", "dae" */
    const char *summary, *formula, *source;
    const pal_option *options;   /* its own; a row with the name of a shared option replaces it. Ends with name NULL */
    const pal_setting *training; /* defaults: "optimizer", "learning-rate", "epochs", "batch". Ends with NULL */
    const pal_need *needs;       /* of its own options that not every setting uses; ends with option NULL; or NULL */
    pal_var (*encode)(pal_model *m, pal_var x);
    pal_var (*decode)(pal_model *m, pal_var h);
    pal_var (*loss)(pal_model *m, const pal_batch *b);
    pal_var (*corrupt)(pal_model *m, pal_var x); /* what the loss does to its inputs; NULL: nothing */

    /* A term that is not separable over samples, or NULL. pooled gives logarithms [n, k]; of_pooled makes the scalar
     * term of log mean_i exp(pooled_i) [k], the mean over the batch in training and over all of the data in an
     * evaluation. pooled may return id 0 where the options want no such term. */
    pal_var (*pooled)(pal_model *m, const pal_batch *b);
    pal_var (*of_pooled)(pal_model *m, pal_var log_mean);

    /* Phase i of training by the model's options, filled into *phase, which is zero; false: no more. NULL: one phase. A
     * phase with a loss of its own has no pooled term. epochs: the run's. */
    bool (*phase)(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase);

    /* Of a variant whose loss takes labels, as option `classes` says: [n, classes], the greater the likelier; from x as
     * encode has it. NULL: it tells no classes. */
    pal_var (*classify)(pal_model *m, pal_var x);

    /* q(z | x) of a code z that is drawn, of the kind and size that q says; decode takes such draws, encode gives q's
     * mean. NULL: the code is not drawn, or not from one distribution. */
    pal_distribution (*posterior)(pal_model *m, pal_var x);
} pal_variant;

/* Adds a variant to the list; it is borrowed for good. PAL_ERR_ARGUMENT: what it lacks, or that its name is taken. May
 * be called from any thread; the list only grows. */
pal_status pal_variant_register(const pal_variant *variant, pal_error *err);
const pal_variant *pal_variant_at(size_t i);           /* NULL: no more */
const pal_variant *pal_variant_find(const char *name); /* by name or alias; NULL: none */
/* Option i of a variant: the shared ones, then its own. NULL: no more. */
const pal_option *pal_variant_option(const pal_variant *variant, size_t i);
const pal_option *pal_variant_option_find(const pal_variant *variant, const char *name);
/* Whether text is one of the choices, "a|b|c". */
bool pal_choices_have(const char *choices, const char *text);
/* Whether text is a value of the option; err says the range or the choices. */
pal_status pal_option_check(const pal_option *option, const char *text, pal_error *err);

/* ---- For the files of variants -------------------------------------------------------------------------------- */

int64_t pal_option_int(const pal_model *m, const char *name);
double pal_option_real(const pal_model *m, const char *name);
bool pal_option_bool(const pal_model *m, const char *name);
const char *pal_option_enum(const pal_model *m, const char *name);
bool pal_option_is(const pal_model *m, const char *name, const char *choice); /* of an ENUM */
enum { PAL_OPTION_LIST = 64 };                                                /* numbers in a list, at most */
size_t pal_option_sizes(const pal_model *m, const char *name, int64_t out[PAL_OPTION_LIST]);
size_t pal_option_reals(const pal_model *m, const char *name, double out[PAL_OPTION_LIST]);
int64_t pal_model_features(const pal_model *m);
pal_mode pal_model_mode(const pal_model *m);

/* How initial values are drawn, from the numbers of inputs and outputs of a weight [in, out] or of a filter
 * [out, in, height, width], whose window counts in both (models/init.c). */
typedef enum pal_init {
    PAL_INIT_ZERO,
    PAL_INIT_GLOROT,  /* uniform +-sqrt(6/(in+out)), Glorot & Bengio 2010 */
    PAL_INIT_HE,      /* normal, variance 2/in, He et al. 2015 */
    PAL_INIT_LECUN,   /* normal, variance 1/in, LeCun et al. 1998 */
    PAL_INIT_NORMAL,  /* normal, standard deviation 0.01, Hinton 2010 */
    PAL_INIT_UNIFORM, /* uniform +-1/sqrt(in), the heuristic that Glorot & Bengio 2010 begin with, equation 1 */
} pal_init;
pal_init pal_model_init(const pal_model *m); /* option `init` */
/* Get or create; the same name with another shape is an error on the tape. */
pal_var pal_parameter(pal_model *m, const char *name, pal_shape shape, pal_init init);
/* The same, but the initial value is this number everywhere. To begin a layer's bias elsewhere than at 0, ask before
 * the layer does. */
pal_var pal_parameter_filled(pal_model *m, const char *name, pal_shape shape, double value);
/* Get or create a tensor that is saved with the model and not trained, such as "input/mean": 0 until somebody who has
 * the data fills it (train/statistics.c). */
pal_var pal_statistic(pal_model *m, const char *name, pal_shape shape);
/* x [n,d] -> [n,units]: x W + b with parameters NAME/W [d,units] and NAME/b [units]. */
pal_var pal_dense(pal_model *m, const char *name, pal_var x, int64_t units);
/* h [n,k] -> [n,d] by the transpose of TO/W [d,k]: h W' + b with its own NAME/b. */
pal_var pal_dense_tied(pal_model *m, const char *name, pal_var h, const char *to);
/* "sigmoid", "tanh", "relu", "linear", "softplus" */
pal_var pal_activate(pal_model *m, pal_var a, const char *activation);

/* The encoder and the decoder of the shared options: `layers`, or one of `hidden` units; activation s, of the code
 * code-activation. h_k = s(h_{k-1} W_k + b_k), h_0 = x, and back by V_k (W_k' if tied), the last layer without an
 * activation. Parameters encoder/W, encoder/b, decoder/W, decoder/b; of several layers encoder/K/W and so on, where
 * decoder/K undoes encoder/K. Dropout (Srivastava et al. 2014) while training. */
pal_var pal_encode_layers(pal_model *m, pal_var x);
pal_var pal_encode_layers_linear(pal_model *m, pal_var x); /* before the code's activation */
/* The same, then the outputs of a layer beside the code's, encoder/scale, units in all: what a distribution takes. */
pal_var pal_encode_layers_to(pal_model *m, pal_var x, int64_t units);
pal_var pal_code_activate(pal_model *m, pal_var a); /* the rest of pal_encode_layers */
pal_var pal_decode_layers(pal_model *m, pal_var h);
const char *pal_code_activation(const pal_model *m); /* what code-activation comes to */
void pal_code_bias_from(pal_model *m, double value); /* before the encoder is asked for: its last bias begins here */

/* How many layers the encoder has; and layer k of it, from 1, alone: s(h W_k + b_k) without dropout, and back by layer
 * k of the decoder that mirrors it, h V_k + c_k, before any activation. */
size_t pal_encoder_layers(const pal_model *m);
pal_var pal_encode_layer(pal_model *m, pal_var h, size_t k);
pal_var pal_decode_layer(pal_model *m, pal_var h, size_t k);

/* How a sample lies as an image: [h,w] or [channels,h,w]. False, and a failure on the tape that names what wants it, if
 * it is none. */
typedef struct pal_image_size {
    int64_t channels, height, width;
} pal_image_size;
bool pal_model_image(pal_model *m, const char *what, pal_image_size *image);
/* x [n,c,h,w] -> [n,units,h',w'] by windows of kernel pixels, one every stride, with (kernel - 1) / 2 zeros at each
 * edge: h' = pal_convolved(h, kernel, stride). Filters NAME/W [units,c,kernel,kernel] and biases NAME/b [units]. */
pal_var pal_conv(pal_model *m, const char *name, pal_var x, int64_t units, int64_t kernel, int64_t stride);
/* Back from such maps to images of the given size, odd or even: filters NAME/W [channels,units,kernel,kernel], or those
 * of the convolution TO (NULL: its own), and NAME/b [channels]. */
pal_var pal_conv_back(pal_model *m, const char *name, pal_var y, pal_image_size image, int64_t kernel, int64_t stride,
                      const char *to);
/* As pal_encode_layers and pal_decode_layers, but begun with convolutions by `channels`, `kernel`, `stride`; affine by
 * `layers`, none if `hidden` is 0. Codes are rows. Parameters encoder/K/W, encoder/K/b, decoder/K/W, decoder/K/b;
 * decoder/K undoes encoder/K. */
pal_var pal_encode_conv(pal_model *m, pal_var x);
pal_var pal_decode_conv(pal_model *m, pal_var h);
int64_t pal_convolved(int64_t size, int64_t kernel, int64_t stride); /* 0: the window does not fit */

/* x corrupted by option `corruption`, one of a table in corrupt.c; the streams are named after it. */
pal_var pal_corrupt(pal_model *m, pal_var x);
const char *pal_corruption_of(const char *option); /* which corruption `sigma` and its like are of; NULL: none */

/* pal_encode_layers whose code is of sigmoid units (others are refused) that begin at the mean activation rho. */
pal_var pal_encode_sparse(pal_model *m, pal_var x, double rho);
/* Of sigmoid units, from pre-activations a [n,k]: ln h and ln(1 - h) side by side [n,2k]; and sum_j KL(rho || rho_j) of
 * their log-mean-exp over samples [2k], for a variant's pooled term. */
pal_var pal_activation_logs(pal_var a);
pal_var pal_activation_divergence(pal_var log_mean, double rho);

/* The output recipe (option `output`): negative log-likelihood of x given the decoder's value, mean over samples. */
pal_var pal_nll(pal_model *m, pal_var decoded, pal_var x);
/* The same of the features alone that are known [features], 1 or 0 each; the others are integrated out. */
pal_var pal_nll_of_known(pal_model *m, pal_var decoded, pal_var x, pal_var known);
pal_var pal_log_likelihood(pal_model *m, pal_var decoded, pal_var x); /* ln p(x | decoded) of each sample, [n] */
pal_var pal_output_mean(pal_model *m, pal_var decoded);               /* in the space of x */
/* Of the decoder, a sample: a multiple of the features, but for a distribution over all of them at once. */
int64_t pal_output_numbers(const pal_model *m);

/* A distribution that a layer parametrises, a kind of models/distribution.c: of k numbers, by rows of `outputs`
 * parameters. All 0 is the prior. Draws are [n,S,k], S of each row; a discrete kind is drawn exactly at temperature 0,
 * else relaxed. Samples of continuous and of relaxed kinds are differentiable. In nats. */
const pal_distribution_kind *pal_distribution_at(size_t i);           /* NULL: no more */
const pal_distribution_kind *pal_distribution_find(const char *name); /* "normal"; NULL: none */
const char *pal_distribution_name(const pal_distribution_kind *kind);
/* What its numbers are: units that are drawn independently or together, or one choice, of which no number tells a part
 * alone. */
typedef enum pal_units { PAL_UNITS_INDEPENDENT, PAL_UNITS_DEPENDENT, PAL_UNITS_ONE_CHOICE } pal_units;
pal_units pal_distribution_units(const pal_distribution_kind *kind);
/* Parameters a sample; 0, and err says what to choose, where k is none or too many. */
int64_t pal_distribution_outputs(const pal_distribution_kind *kind, int64_t k, pal_error *err);
/* A layer on h [n,d] that gives them: NAME/W, NAME/b for the first k, the means or logits, and NAME/scale/W,
 * NAME/scale/b for the others, which begin near 0. With a draw for the next layer it is a stochastic one, anywhere in a
 * network (examples/hierarchical.c). */
pal_distribution pal_distribution_layer(pal_model *m, const char *name, pal_var h, const pal_distribution_kind *kind,
                                        int64_t k);
pal_var pal_distribution_mean(pal_distribution q); /* [n,k]: of discrete kinds probabilities */
pal_var pal_distribution_sample(pal_distribution q, const char *stream, int64_t samples, double temperature);
pal_var pal_distribution_log_density(pal_distribution q, pal_var z); /* [n,S]; of z [1,S,k] by each row of q, too */
pal_var pal_distribution_log_prior(pal_distribution q, pal_var z);   /* [n,S], of the prior of q's kind */
pal_var pal_distribution_entropy(pal_distribution q);                /* [n] */
pal_var pal_distribution_kl(pal_distribution q, pal_distribution p); /* KL(q || p) of one kind, [n] */
pal_var pal_distribution_kl_prior(pal_distribution q);               /* [n] */
/* Of A z for axes A [a,k]: A Sigma A' [n,a,a]. The unit matrix gives Sigma itself; of discrete kinds it is that of
 * exact draws. */
pal_var pal_distribution_covariance(pal_distribution q, pal_var axes);

/* The quantile of a number under the prior, u in (0,1); NAN: the kind is discrete. */
double pal_distribution_quantile(const pal_distribution_kind *kind, double u);
/* The kind that the model's code is drawn from, by option `code`; NULL: its code is not random. */
const pal_distribution_kind *pal_model_code(const pal_model *m);

/* Names a term of the loss while the loss is recorded, and returns it: a scalar as it stands in the sum, so
 *     return pal_add(pal_nll(m, a, x), pal_model_note(m, "sparsity", pal_scale(penalty, beta)));
 * is told apart by `evaluate`. What has no name is the reconstruction: penalties alone need one. The name is borrowed
 * for as long as the model; the same name again adds to it. */
pal_var pal_model_note(pal_model *m, const char *name, pal_var term);

/* ---- Models --------------------------------------------------------------------------------------------------- */

/* Creates and initialises every parameter. Settings are checked; one that is unknown or out of range is an error.
 * sample is the shape of one sample, such as [28,28]; seed keys the initial values. The variant and the context are
 * borrowed. NULL: err says why. */
pal_model *pal_model_new(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                         size_t n_settings, pal_shape sample, pal_dtype dtype, uint64_t seed, pal_error *err);
void pal_model_free(pal_model *model);
const pal_variant *pal_model_variant(const pal_model *model);
const char *pal_model_setting(const pal_model *model, const char *name); /* as text, defaults included; NULL: none */
/* Copies those trained weights of another model whose name, shape and type this one has too, such as a head of fewer
 * classes leaves its encoder. PAL_ERR_ARGUMENT, and nothing is copied: a weight of the encoder has another shape there,
 * or no matrix fits. */
pal_status pal_model_take(pal_model *model, const pal_model *from, pal_error *err);
/* Refuses settings that somebody gave and that have no effect beside the model's others, such as `sigma` where the
 * corruption is masking. */
pal_status pal_model_check_given(const pal_model *model, const pal_setting *given, size_t n, pal_error *err);
pal_shape pal_model_sample(const pal_model *model);
pal_dtype pal_model_dtype(const pal_model *model);
pal_context *pal_model_context(const pal_model *model);

size_t pal_model_parameter_count(const pal_model *model); /* tensors that are trained, in order of name */
size_t pal_model_statistic_count(const pal_model *model); /* tensors that are not; they follow the others */
pal_tensor *pal_model_parameter(const pal_model *model, size_t i, const char **name); /* NULL: no more of both kinds */
pal_tensor *pal_model_parameter_find(const pal_model *model, const char *name);       /* of either kind; NULL: none */
int64_t pal_model_weights(const pal_model *model);                                    /* numbers that are trained */
/* Phase i of its training; every model has at least one. False: no more. */
bool pal_model_phase(const pal_model *model, size_t i, int64_t epochs, pal_phase *phase);
/* Of the labels that its loss takes: option `classes`; 0: it takes none. */
int64_t pal_model_classes(const pal_model *model);
bool pal_phase_moves(const pal_model *model, const pal_phase *phase, const char *parameter);

/* Recording: between begin and end the calls below append to the tape, whose default type is the model's. begin, at the
 * root scope, makes every parameter a leaf under its full name. In EVALUATE the noise of a loss comes from streams
 * under "evaluate/". Corrupting the same x twice between begin and end gives the same value. */
void pal_model_begin(pal_model *model, pal_tape *tape, pal_mode mode);
void pal_model_end(pal_model *model);
/* A scalar, in scope "loss": the batch's phase's, or the variant's. In TRAIN with the penalties of l1 and l2, and a
 * variant's pooled term over the batch; in EVALUATE the terms that are separable over samples. */
pal_var pal_model_loss(pal_model *model, const pal_batch *batch);
/* The variant's pooled values [n, k], id 0 if it has none, and the term made of their log-mean-exp [k]. */
pal_var pal_model_pooled(pal_model *model, const pal_batch *batch);
pal_var pal_model_of_pooled(pal_model *model, pal_var log_mean);
pal_var pal_model_encode(pal_model *model, pal_var x);      /* [n, code] */
pal_var pal_model_decode(pal_model *model, pal_var h);      /* the mean, in the space of x */
pal_var pal_model_reconstruct(pal_model *model, pal_var x); /* decode(encode(x)), the mean */
/* [n, classes], the likeliest class the greatest; a null handle where the variant tells none. */
pal_var pal_model_classify(pal_model *model, pal_var x);
/* Labels for a recording that has no data: every class as likely as any; a null handle where the loss takes none. */
pal_var pal_model_labels(pal_model *model, int64_t n);
/* What the loss makes of x, binarised and corrupted; x itself where the variant corrupts nothing. */
pal_var pal_model_corrupt(pal_model *model, pal_var x);
/* Of the loss of a random code, recorded in EVALUATE: -E ln p(x | z) by the loss's own draws, and KL(q || p) in closed
 * form. Their sum is minus the evidence lower bound, whatever the loss weighs or estimates. False: there are none. */
bool pal_model_bound(const pal_model *model, pal_var *reconstruction, pal_var *divergence);
/* x as the loss aims at it: binarised by option `binarize`. */
pal_var pal_model_target(pal_model *m, pal_var x);
/* Of a model whose variant has a posterior, q(z | x) of rows as pal_model_target has them; and ln of
 * p(x | z) p(z) / q(z | x) for as many draws of each row, [n, draws], whose mean weight estimates p(x). The draws are
 * of the stream "posterior" in scope "importance"; nothing of a single row is copied for them. */
bool pal_model_has_posterior(const pal_model *m);
pal_distribution pal_model_posterior(pal_model *m, pal_var x);
pal_var pal_model_log_weights(pal_model *m, pal_distribution q, pal_var x, int64_t draws);
/* The terms that the loss named (pal_model_note), until the next begin; handles live as long as their tape. */
enum { PAL_MODEL_NOTES = 12 };
size_t pal_model_note_count(const pal_model *model);
pal_var pal_model_note_at(const pal_model *model, size_t i, const char **name);
/* The parameters that are trained as leaves of the tape, in order of name. */
pal_status pal_model_leaves(pal_model *model, pal_tape *tape, pal_var *leaves);

/* ---- Files ---------------------------------------------------------------------------------------------------- */

/* A safetensors file: parameters, and variant, settings, sample shape as metadata. Written to a temporary name in the
 * same folder and renamed. more: further tensors (optimiser state) under their names; may be NULL. */
typedef struct pal_named_tensor {
    const char *name;
    pal_tensor *tensor;
} pal_named_tensor;
pal_status pal_model_save(const pal_model *model, const char *path, const pal_named_tensor *more, size_t n_more,
                          pal_error *err);
/* Opens what save wrote, in float32 or float64 as it was. NULL: err says why. */
pal_model *pal_model_open(pal_context *context, const char *path, pal_error *err);

/* The format itself: 8 bytes of header length, a JSON header, the data. */
pal_status pal_safetensors_write(const char *path, const pal_named_tensor *tensors, size_t n,
                                 const pal_setting *metadata, size_t n_metadata, pal_error *err);
typedef struct pal_safetensors pal_safetensors;
pal_safetensors *pal_safetensors_open(pal_context *context, const char *path, pal_error *err);
void pal_safetensors_free(pal_safetensors *file);
pal_tensor *pal_safetensors_find(const pal_safetensors *file, const char *name); /* borrowed; NULL: none */
/* In order of their places. NULL: no more. */
pal_tensor *pal_safetensors_at(const pal_safetensors *file, size_t i, const char **name);
const char *pal_safetensors_metadata(const pal_safetensors *file, const char *key);

/* ---- Inference ---------------------------------------------------------------------------------------------------
 *
 * Buffers in, buffers out: rows of float32, whatever the model's type. A model that nobody changes serves many threads
 * at once, a workspace each; it and its variant must outlive the workspaces. The same rows in batches of the same size
 * give the same bits as a program of pal_model_encode and its like at the same lanes. */

typedef struct pal_workspace pal_workspace;

typedef struct pal_workspace_options {
    size_t struct_size;
    int64_t batch;                      /* rows that are computed at once; 0: 64 */
    unsigned lanes;                     /* 0: the threads of its context */
    const pal_context_options *context; /* of the context that it makes; NULL: one thread, unpinned */
} pal_workspace_options;

pal_workspace *pal_workspace_new(const pal_model *model, const pal_workspace_options *options, pal_error *err);
void pal_workspace_free(pal_workspace *workspace);
int64_t pal_workspace_code(const pal_workspace *workspace);      /* numbers in the code of a sample */
const char *pal_workspace_error(const pal_workspace *workspace); /* of the last call; NULL: none */

/* n rows: samples [n, features] to codes [n, code], codes to the means of samples, samples to those of their
 * reconstructions. in may be out. A call whose n, or whose remainder of n by the batch, is new compiles; the others
 * allocate nothing. On failure out is spoilt. */
pal_status pal_encode(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);
pal_status pal_decode(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);
pal_status pal_reconstruct(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);

#ifdef __cplusplus
}
#endif
#endif
