/* train.h - training a model, measuring it on a data set, the folder of a run, and sweeps of runs.
 *
 * Conventions for every function here:
 *   - The library never prints or exits. A function that can fail takes a pal_error, which may be NULL. It sets the
 *     error on failure and leaves it unchanged on success.
 *   - Option structs begin with struct_size and are written with designated initialisers.
 *   - Arguments (model, data, texts) are borrowed for the call, unless the function states that it copies them.
 *   - A figure is a measured value: the sum over features, averaged over samples. Every sample counts exactly once,
 *     whatever the batch size. An unknown figure is NAN, and null in a file.
 */
#ifndef PAL_TRAIN_H
#define PAL_TRAIN_H

#include "autograd/autograd.h"
#include "autograd/communicator.h"
#include "data/data.h"
#include "models/models.h"
#include "optim/minimise.h"
#include "optim/optim.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Whether data fit a model --------------------------------------------------------------------------------- */

/* Whether the model can take these samples: they have as many features as it takes, and pal_samples_check holds. Every
 * function that takes a model and a data set calls it. PAL_ERR_SHAPE, PAL_ERR_ARGUMENT. */
pal_status pal_data_check(const pal_model *model, const pal_dataset *data, pal_error *err);
/* Whether the model can take values of this range, as they are before conversion to its type; `name` is for the
 * message. PAL_ERR_ARGUMENT: the output needs values from 0 to 1, or the squared error of a sample overflows the type
 * of the model. Values that are not finite are ignored, and so are bytes, which are pixels and count as value / 255. */
pal_status pal_samples_check(const pal_model *model, const pal_tensor *samples, const char *name, pal_error *err);
/* The least and the greatest finite value of the samples, as a batch contains them; 0 and 0 without any. */
void pal_data_range(const pal_dataset *data, double *low, double *high);
#define PAL_DATA_LARGE 10.0 /* data with a greater value are likely not scaled, which is said where training fails */

/* ---- The mean sample as baseline ------------------------------------------------------------------------------ */

/* Computes the squared error of the mean sample of `train` as the reconstruction of every sample of `data`: the figure
 * that a model must fall below to have learned anything. At most PAL_BASELINE_ROWS samples of each are taken; of more,
 * one is drawn from each of as many equal parts, by the seed. PAL_ERR_SHAPE: the numbers of features differ. */
enum { PAL_BASELINE_ROWS = 100000 };
pal_status pal_baseline(const pal_dataset *train, const pal_dataset *data, uint64_t seed, double *squared_error,
                        pal_error *err);
/* Share of variance explained, 1 - squared_error / baseline. NAN if one of them is NAN or the baseline is 0. */
double pal_explained(double squared_error, double baseline);

/* ---- Figures -------------------------------------------------------------------------------------------------- */

typedef struct pal_term { /* one term of a loss */
    char name[32];
    double value; /* its part of the loss */
    double noted; /* what the variant noted (pal_model_note): equal, if it was noted with its weight; NAN in metrics */
} pal_term;
enum { PAL_TERMS = 1 + PAL_MODEL_NOTES };

/* Figures of the codes of clean inputs. The mean and standard deviation of a unit are taken over the samples. */
typedef struct pal_code_figures {
    int64_t units;       /* 0: these figures were not requested */
    double mean;         /* mean of all activations */
    double quartiles[5]; /* of the units' means: minimum, lower quartile, median, upper quartile, maximum */
    double rho;          /* target mean activation of a sparse model; NAN: no target */
    double near_rho;     /* share of units whose mean is within 20 % of rho */
    bool random;         /* the code is drawn; all figures here then describe the mean of its posterior */
    double divergence;   /* random code: KL(q || p) in nats, averaged over samples; else NAN */
    double information;  /* for a code that is one choice (categorical), NAN for others: its information about the */
                         /* sample, H(mean q) - mean H(q), in nats. active and dead are then -1 */
    bool collapsed;      /* the random code does not depend on the sample: no active unit, or information < 0.01 */
    int64_t active;      /* units whose standard deviation exceeds 0.01; for a random code, units whose posterior */
                         /* mean has a variance above 0.01 (Burda, Grosse and Salakhutdinov, ICLR 2016) */
    int64_t dead;        /* units whose standard deviation is below 1e-4: they are the same for every sample */
    double saturated;    /* share of activations below 0.05 or above 0.95; NAN if any is outside [0,1] */
    double zeros;        /* share of activations that are exactly 0 */
    int64_t jacobian_samples; /* first samples with an exactly computed Jacobian of the encoder, J = dh/dx */
    double jacobian_norm;     /* mean over these samples of the Frobenius norm ||J|| */
    double jacobian_norm2;    /* mean over these samples of ||J||^2 */
} pal_code_figures;

/* Evidence lower bound of a model with a random code: E ln p(x | z) - KL(q || p), in nats, with beta = 1 whatever the
 * loss uses. It bounds ln p(x) if the output is a density of the data (pal_density_check). */
typedef struct pal_bound_figures {
    double value; /* the bound: minus the sum of the two fields below; NAN: the code is not random */
    double reconstruction, divergence; /* -E ln p(x | z), with the samples of the loss; KL(q || p) in closed form */
} pal_bound_figures;

typedef struct pal_figures {
    int64_t samples;
    double loss;                    /* the model's own loss; corruption and samples are drawn at clock 0 */
    double squared_error;           /* sum of (x - xhat)^2, reconstructed from the clean input */
    double squared_error_corrupted; /* the same, reconstructed from the corrupted input; NAN: no corruption */
    double error;                   /* share of misclassified samples; NAN: the model does not classify */
    size_t n_terms;                 /* at least 1 */
    pal_term terms[PAL_TERMS];      /* they add up to the loss; "reconstruction": what has no name, if not 0 */
    pal_code_figures code;
    pal_bound_figures bound;
    double baseline;  /* squared error of the mean training sample, by pal_baseline; NAN: not requested */
    double explained; /* share of variance explained, by pal_explained */
} pal_figures;

typedef struct pal_evaluate_options {
    size_t struct_size;
    int64_t batch;        /* samples per batch; 0: 128 */
    uint64_t seed;        /* for corruption and for samples of the loss; sample i gets the same noise in any batch */
    unsigned lanes;       /* 0: the context's threads */
    pal_model *corruptor; /* its corruption is applied, for a model without one; NULL: the model's own corruption */
    bool code;            /* also measure the code */
    int64_t jacobian_samples; /* at most; 0: all, or 256 if J must be computed row by row; -1: no Jacobian */
    double **unit_divergence; /* NULL: not requested. With `code`, *unit_divergence receives the mean KL of each unit of
                                 a random code: code.units values that the caller frees; NULL if units are dependent */
    const pal_dataset *train; /* the training samples, whose mean is the baseline; NULL: no baseline */
    const pal_communicator *communicator; /* the processes that measure together, with the same model, data and options;
                                             each reads its part of the batches, and all get the same figures, those of
                                             one process to the last bit. Borrowed; NULL: this process alone */
} pal_evaluate_options;

/* Measures a model on all samples of a data set. A term of the loss that is a function of a mean over samples is
 * computed from all of the data, whatever the batch size. */
pal_status pal_evaluate(pal_model *model, const pal_dataset *data, const pal_evaluate_options *options,
                        pal_figures *figures, pal_error *err);

/* Returns a new model with the same weights and other settings, such as another `masking` for a trained denoiser.
 * PAL_ERR_ARGUMENT: a setting changes the shape, the number or the meaning of the weights. NULL: failed, see err. */
bool pal_option_may_change(const char *name); /* whether pal_model_override can change this option */
pal_model *pal_model_override(const pal_model *model, const pal_setting *settings, size_t n, pal_error *err);

/* ---- The loss over a whole data set, as a function of the weights ---------------------------------------------- */

/* For minimisers and for the spectrum of the curvature (optim/minimise.h). The function is the training loss, as a mean
 * over all samples. They are taken in chunks, in a fixed order that the seed determines, and the sums over the chunks
 * have that order: the bits do not depend on the number of threads. Every sample counts once. A term that is a function
 * of a mean over the batch (pal_variant.pooled) is that of each chunk, averaged over the chunks; all other losses are
 * the same for every size of the chunks, but for rounding. With two streams (pal_batch.labelled_from) it is the sum of
 * the means over all samples and over the labelled ones; the loss must be linear in the labels.
 *
 * The Gauss-Newton matrix is the sum over the matching losses of the model (pal_model_match) of J'HJ. What no matching
 * loss covers, such as a contractive penalty, has a gradient, but no part in it. The diagonal is the mean over the
 * samples of the squared elements of their gradients, in the unit of the Gauss-Newton matrix: exact, but of the first
 * 256 samples of those of the products. There is none with two streams. */
typedef struct pal_data_objective pal_data_objective;

typedef struct pal_data_objective_options {
    size_t struct_size;
    const pal_phase *phase; /* which loss, and which parameters move; copied. NULL: the loss of the model, and all */
    int64_t batch;          /* samples per chunk; 0: 1000; at most all samples */
    uint64_t seed;          /* of the order and of the noise */
    unsigned lanes;         /* 0: the context's threads */
    bool frozen; /* each sample has the same noise whenever it is taken, a function of the seed and of its place in the
                  * order. false: a loss that draws noise is refused */
    int64_t curvature_samples; /* of the products and the diagonal; 0: all. See pal_data_objective_choose */
    bool check_nan, profile;   /* as in pal_compile_options */
    int (*stop)(void *user);   /* asked before each chunk; nonzero stops with PAL_ERR_STOPPED. NULL: never */
    void *user;
    int64_t shards; /* a chunk is cut into so many equal parts, as pal_train_options has it; 0: 1. `batch` must be a
                     * multiple of it, and if it is 0, it is the next one from 1000 on. A chunk that is no multiple, as
                     * the last one may be, is computed whole by every process */
    const pal_communicator *communicator; /* the processes that compute the function together: all make the same calls.
                                           * What fails in one of them alone, such as reading its data, the others may
                                           * not hear of: they wait until it closes its communicator, unless all ask
                                           * each other in `stop`. Borrowed. NULL: this process alone */
    int64_t fixed_batch; /* samples that the loss is over; 0: all. See pal_data_objective_take */
} pal_data_objective_options;

/* Model and data are borrowed; the model is not changed. PAL_ERR_ARGUMENT: the loss draws noise that is not frozen, or
 * it changes from step to step by an assign, such as that of --beta-warm-up. NULL: failed, see err. */
pal_data_objective *pal_data_objective_new(pal_model *model, const pal_dataset *data,
                                           const pal_data_objective_options *options, pal_error *err);
void pal_data_objective_free(pal_data_objective *objective);
/* Valid as long as the objective. Its x has the parameters that move, in the order of the model, and starts as they
 * are. gauss_newton is NULL if the loss has no matching loss. Programs are made at the first call that needs them. */
const pal_objective *pal_data_objective_get(const pal_data_objective *objective);
/* Copies the parameters of the model into x, and x into the model. Products at one x share what does not depend on their
 * vector, for as long as the samples are the same: after a change of the model call pal_data_objective_read. */
void pal_data_objective_read(pal_data_objective *objective);
void pal_data_objective_write(const pal_data_objective *objective);
/* The loss from now on is that of fixed batch number `batch` in the order, modulo as many as there are. Samples that fill
 * no batch are left out. Products take their samples among those of the batch. It is another function, so a minimiser
 * has to know (pal_minimiser_restart). */
void pal_data_objective_take(pal_data_objective *objective, int64_t batch);
/* Products from now on are those of samples number `iteration` in the order, modulo as many groups as there are. */
void pal_data_objective_choose(pal_data_objective *objective, int64_t iteration);
/* Why the last call failed; "": it did not. */
const char *pal_data_objective_error(const pal_data_objective *objective);
/* The program of value and gradient of a chunk, for its profile, how often it ran, and the seconds of all calls; NULL
 * before the first. */
const pal_program *pal_data_objective_program(const pal_data_objective *objective, int64_t *runs, double *seconds);

/* ---- The run folder ------------------------------------------------------------------------------------------- */

/* Paths and command lines are bytes, and JSON holds UTF-8 only. In run.json and metrics.jsonl, a byte of a text that is
 * no part of valid UTF-8 is written as \xHH, with two capital hexadecimal digits, and a backslash before an x as \x5C.
 * Any other text is written as it is. Writes the text to out, truncated to size, and returns the length that it needs.
 */
size_t pal_text_escape(const char *bytes, char *out, size_t size);
void pal_text_unescape(char *text); /* the reverse, in place; any other text stays as it is */

typedef struct pal_gradient_size { /* of one parameter: the root mean square over its elements and the steps */
    const char *parameter;
    double size;
} pal_gradient_size;

/* How a minimiser trains: the options of pal_minimise_options with these names, and those of
 * pal_data_objective_options. */
typedef struct pal_train_minimise {
    double gradient, damping;
    int64_t memory, restart, products;
    int64_t curvature_samples;
    bool frozen_noise;
    int64_t fixed_batch; /* samples that the loss of an iteration is over; 0: all */
    int64_t fixed_for;   /* iterations until the next ones are taken; 0: 3 */
} pal_train_minimise;
/* Whether the optimiser of this name is a minimiser (pal_minimise_name). */
bool pal_train_minimises(const char *optimizer);

typedef struct pal_epoch { /* one line of metrics.jsonl */
    int64_t epoch, step;   /* both from 1; step counts on through all epochs */
    double train_loss;     /* mean over the steps of the epoch, each loss taken before its update */
    double test_loss, squared_error, squared_error_corrupted;
    double learning_rate; /* of the last step */
    double seconds;       /* of training so far */
    size_t n_terms;       /* terms of test_loss, as in pal_figures; 0: there is only one */
    pal_term terms[PAL_TERMS];
    char phase[32]; /* "": training has one phase */
    double error;   /* on the test data, as in pal_figures; NAN, and not written, if the phase takes no labels */
    double baseline, explained; /* as in pal_figures; NAN in a file of an older version */
    /* The gradients of the training loss by the parameters that the phase moves, in order of depth. Borrowed; those of
     * an epoch of a run folder belong to the folder. n_gradients 0: not measured. */
    const pal_gradient_size *gradients;
    size_t n_gradients;
    /* Whether the epoch is an iteration of a minimiser, which iteration.value is not read back: it is train_loss, the
     * loss after the iteration. learning_rate is then the length of the step. */
    bool minimised;
    pal_minimise_report iteration;
    pal_minimise_end end; /* the phase ends with this epoch, unless it is running */
    bool stopped;         /* the phase ends with this epoch because of `patience` (pal_train_options) */
} pal_epoch;

typedef struct pal_train_result {
    int64_t epochs, steps;                                    /* finished epochs; steps taken */
    double train_loss;                                        /* of the last epoch, finished or not */
    double test_loss, squared_error, squared_error_corrupted; /* of the last measured epoch */
    double seconds, samples_per_second; /* seconds in all; samples per second of training, without measuring */
    int64_t planned;                    /* epochs of all phases */
    double error;                       /* on the test data, as in pal_figures; NAN if the last phase takes no labels */
    double baseline;   /* squared error of the mean training sample on the test data, or without them on the training */
                       /* data; NAN in a file of an older version */
    double explained;  /* of the last measured epoch, as in pal_figures */
    bool collapsed;    /* training has ended with a random code that tells nothing about the test samples, as in */
                       /* pal_code_figures; not in a file */
    int64_t saved;     /* finished epochs of the checkpoint; not in a file */
    const char *ended; /* why training ended before its last epoch: "patience", "time"; NULL: it did not */
    int64_t best_epoch; /* of the last phase: the epoch with the lowest measured loss; 0: none was measured */
    double best_loss;   /* this loss */
} pal_train_result;

typedef struct pal_extension { /* a run that was trained longer than planned */
    const char *command;
    int64_t after;    /* epochs of all phases that were finished by then */
    int64_t from, to; /* `epochs` of the run: before, and from then on */
} pal_extension;

/* Hashes of what a run is trained on: the training samples, their labels, the test samples, their labels. */
enum { PAL_FINGERPRINT = 4, PAL_HASH_TEXT = 24 };
typedef struct pal_fingerprint {
    char text[PAL_FINGERPRINT][PAL_HASH_TEXT]; /* "": there are none */
} pal_fingerprint;

typedef struct pal_run_info { /* run.json: everything needed to repeat a run, and its outcome */
    const char *version, *command;
    const char *status;             /* "running", "done", "interrupted", "failed" */
    const char *error;              /* why the run failed, or NULL */
    const char *started, *finished; /* UTC, as 2026-01-31T12:00:00Z; finished may be NULL */
    const char *model;              /* name of the variant */
    const pal_setting *settings;    /* all options of the variant */
    size_t n_settings;
    const char *data;      /* the path */
    const char *data_note; /* how the file was read (pal_note), or NULL */
    int64_t limit;         /* maximum number of training samples; 0: no limit */
    int64_t hold_out;      /* number of last training samples, measured instead of the test samples; 0: none */
    const char *from;      /* the run that the initial weights come from; NULL: none */
    int64_t train_samples, test_samples;
    int64_t batch, epochs, seed, test_every;
    int64_t accumulate;              /* batches per step; 0: 1 */
    pal_optimizer_options optimizer; /* as given: -1 means a true 0 */
    pal_schedule schedule;
    int64_t lanes, threads;
    const char *isa, *blas, *subnormals; /* subnormals: "flushed" or "kept" (pal_context_options); NULL: not known */
    const char *libc; /* the C library, whose functions such as pow are in the bits: "glibc 2.36"; NULL: not known */
    bool portable;    /* trained so that any x86-64 processor gives the same bits (docs/reproducible.md) */
    pal_train_result result;
    int64_t resumed;     /* how many times */
    const char *changed; /* what differed when the run was resumed, so that the bits may differ; NULL: nothing */
    const pal_extension *extensions; /* in the order of time */
    size_t n_extensions;
    const char *fingerprint[PAL_FINGERPRINT]; /* as in pal_fingerprint; NULL: by a version that did not write them */
    const char *from_weights; /* a hash of the weights of `from`; NULL: none, or by a version that did not write it */
    bool gradient_sizes;      /* as in pal_train_options */
    pal_train_minimise minimise;
    const pal_setting *data_options; /* of data/options.def, as given */
    size_t n_data_options;
    bool draws;                 /* test and validation samples are drawn; a run of an older version: the last ones */
    int64_t validation_samples; /* training is measured on so many of them, and not on the test samples; 0: there are
                                   none */
    int64_t patience;           /* this field and the following ones as in pal_train_options */
    double min_improvement;
    bool keep_best;
    double time_limit;
    /* A variant that was compiled from a file (the program's `train ./mine.c`): where that was, and its pal_sha256.
     * NULL: the variant is of the library, or of a loaded object. source_text is its text. pal_rundir_new writes it
     * into the folder, as variant.c; a run that is opened has it there, see pal_rundir_source. */
    const char *source, *source_hash, *source_text;
    int64_t shards; /* as in pal_train_options; 0: the batch is not cut */
} pal_run_info;

/* The SHA-256 of the bytes, as 64 hexadecimal digits (FIPS 180-4). */
enum { PAL_SHA256_TEXT = 65 };
void pal_sha256(const void *bytes, size_t size, char out[PAL_SHA256_TEXT]);

/* Every value counts, with type, shape and order; not the path, the format of the file and its compression. Either may
 * be NULL. */
void pal_fingerprint_of(const pal_dataset *train, const pal_dataset *test, pal_fingerprint *out);
bool pal_run_has_fingerprint(const pal_run_info *info); /* false: the functions below cannot tell */
/* The first part of the data that is not what the run was trained on, such as "test labels"; NULL: none. Either may be
 * NULL and is then not compared. Of more samples than the run took, the first ones are compared. */
const char *pal_run_data_changed(const pal_run_info *info, const pal_dataset *train, const pal_dataset *test);

typedef struct pal_rundir pal_rundir;

/* Compares the recorded run with this context in what its bits depend on besides the settings: the instruction set of
 * the kernels, the BLAS, and whether subnormal numbers are kept. Fills was and is with each pair that differs, and
 * returns the number of pairs. A value that the run did not record counts as equal. */
enum { PAL_RUN_CHANGES = 3 };
size_t pal_run_changes(const pal_run_info *info, const pal_context *context, const char *was[PAL_RUN_CHANGES],
                       const char *is[PAL_RUN_CHANGES]);

/* A folder is opened once, and its files are read and written through that descriptor. A folder that is renamed keeps
 * its run, and another folder that gets its name is not touched. */

/* Creates the folder (and its parents) with run.json, status "running". path NULL: runs/MODEL-NNN, with the first free
 * NNN. An existing folder is refused (PAL_ERR_EXISTS) and left unchanged, unless it is empty; temporary files of a
 * process that was killed do not count, and are removed. PAL_ERR_ARGUMENT: another process trains into it. info is
 * copied; this function sets status, started, finished, error and result. NULL: failed, see err. */
pal_rundir *pal_rundir_new(const char *path, const pal_run_info *info, pal_error *err);
/* Opens a run to continue its training from where it stopped, for whatever reason. Nothing is written before pal_train.
 * PAL_ERR_ARGUMENT: the run is done, or another process is training it. PAL_ERR_IO: it has taken steps, but its
 * checkpoint is missing. A resumed or new folder stays locked until it is freed. */
pal_rundir *pal_rundir_resume(const char *path, pal_error *err);
/* The same, for a run that is to be trained longer (option `extend` of pal_train): it may also be done. */
pal_rundir *pal_rundir_extend(const char *path, pal_error *err);
/* The same three for processes that train together (pal_train_options.communicator). All call it together, with equal
 * arguments; if it fails in one process, it fails in all, with the message of that process. Process 0 makes and locks
 * the folder, and is the only one that writes. The handles of the others keep in memory what they are given to write,
 * so that pal_rundir_info and pal_rundir_epoch tell all processes the same, but for times. info: only that of process 0
 * is read. A folder that is resumed has to be seen by all processes, on a file system that they share, because
 * pal_rundir_model and pal_rundir_source read it; a new one only by process 0, and the other handles then have no
 * files. communicator is borrowed, until pal_train has returned; NULL: this process alone. */
pal_rundir *pal_rundir_new_together(const char *path, const pal_run_info *info, const pal_communicator *communicator,
                                    pal_error *err);
pal_rundir *pal_rundir_resume_together(const char *path, const pal_communicator *communicator, pal_error *err);
pal_rundir *pal_rundir_extend_together(const char *path, const pal_communicator *communicator, pal_error *err);
/* Opens a run for reading. PAL_ERR_IO: the folder or its run.json is missing. PAL_ERR_FORMAT: a file is malformed, no
 * regular file, or larger than any that is written: 16 MiB for run.json, 256 MiB for metrics.jsonl. */
pal_rundir *pal_rundir_open(const char *path, pal_error *err);
/* The same for a caller that needs only the model: metrics.jsonl is not read. */
pal_rundir *pal_rundir_open_model(const char *path, pal_error *err);
void pal_rundir_free(pal_rundir *dir);
const char *pal_rundir_path(const pal_rundir *dir); /* as it was given */
/* Whether there is a checkpoint. A run that ended before its first save has none, and begins at the start. */
bool pal_rundir_saved(const pal_rundir *dir);
/* Where the folder is now, if it is no longer at its path; "" if that is not known. NULL: it is there. */
const char *pal_rundir_moved(const pal_rundir *dir, char *out, size_t size);
const pal_run_info *pal_rundir_info(const pal_rundir *dir); /* valid until the next call that changes the folder */
const char *pal_rundir_text(const pal_rundir *dir);         /* run.json; valid as long */
/* The lines of metrics.jsonl. */
size_t pal_rundir_epoch_count(const pal_rundir *dir);
const pal_epoch *pal_rundir_epoch(const pal_rundir *dir, size_t i);
/* Writes DIR/NAME to out, truncated to size (4096 holds any path that can be opened), and returns out. */
const char *pal_rundir_file(const pal_rundir *dir, const char *name, char *out, size_t size);

/* The text of the variant's source, variant.c, which the caller frees. It is code of whoever made the folder. PAL_OK
 * and *text NULL: run.json names no source. PAL_ERR_IO: the file is missing. PAL_ERR_FORMAT: its hash is not that of
 * run.json, so it was changed; or it is larger than PAL_SOURCE_MOST. */
enum { PAL_SOURCE_MOST = 1 << 20 };
pal_status pal_rundir_source(const pal_rundir *dir, char **text, pal_error *err);

/* The data of a run that is resumed are at another path. It is recorded when the run goes on. PAL_ERR_MEMORY. */
pal_status pal_rundir_set_data(pal_rundir *dir, const char *path, pal_error *err);

/* Appends a line to metrics.jsonl. */
pal_status pal_rundir_add(pal_rundir *dir, const pal_epoch *epoch, pal_error *err);
/* Writes checkpoint.safetensors: the model, the state of the optimiser (may be NULL), and the step as "train/step". In
 * the middle of an epoch it also contains the sum of the losses so far as "train/loss" (left out if 0). */
pal_status pal_rundir_save(pal_rundir *dir, const pal_model *model, const pal_optimizer *optimizer, int64_t step,
                           double loss, pal_error *err);
/* Writes run.json again, with the result. error is the reason for status "failed", else NULL. */
pal_status pal_rundir_finish(pal_rundir *dir, const char *status, const char *error, const pal_train_result *result,
                             pal_error *err);
/* Loads the model of the checkpoint. */
pal_model *pal_rundir_model(const pal_rundir *dir, pal_context *context, pal_error *err);
/* best.safetensors: the model as it was after the epoch with the lowest measured loss of its phase, with the epoch and
 * the loss as "best/epoch" and "best/loss". pal_train writes it if `patience` or `keep_best` asks for it. */
bool pal_rundir_has_best(const pal_rundir *dir);
/* Loads it. Of epoch and loss, each may be NULL. PAL_ERR_IO: there is none. */
pal_model *pal_rundir_model_best(const pal_rundir *dir, pal_context *context, int64_t *epoch, double *loss,
                                 pal_error *err);

/* ---- Training ------------------------------------------------------------------------------------------------- */

typedef struct pal_progress {
    int64_t epoch, epochs; /* epoch from 1 */
    int64_t step, steps;   /* steps taken in this epoch; steps per epoch */
    const char *phase;     /* name of the phase; "": training has one phase */
    bool finished;     /* the epoch is finished: step equals steps. If it was measured, the test figures are its own */
    double train_loss; /* mean over the steps of this epoch so far */
    double test_loss, squared_error, squared_error_corrupted; /* of the last measured epoch; NAN before the first */
    double error; /* of the last measured epoch, as in pal_figures; NAN if the phase takes no labels */
    double samples_per_second, seconds, seconds_left;
    bool minimises;                /* a minimiser trains the phase: the epoch is an iteration, and has no steps */
    pal_minimise_report iteration; /* of the last one, with the evaluations and products of this one so far */
    pal_minimise_end end;          /* why the phase ends with this epoch */
} pal_progress;

typedef struct pal_profile {    /* of the steps of one phase */
    const pal_program *program; /* that of a step, with the times of its steps: see pal_program_step_at */
    const char *phase;          /* as in pal_progress */
    int64_t steps;              /* that this process has taken */
    double seconds;             /* of these, with the batches and all else, but without measuring and saving */
    double waited;              /* seconds of these in which this process waited for messages of others */
} pal_profile;
typedef void (*pal_profile_fn)(const pal_profile *profile, void *user);

/* Returns nonzero to stop after this step and save. */
typedef int (*pal_progress_fn)(const pal_progress *progress, void *user);

typedef struct pal_train_options {
    size_t struct_size;
    const pal_dataset *test; /* NULL: no test data */
    int64_t epochs, batch;   /* a model that is solved in closed form uses neither, and accepts a batch of 0 */
    uint64_t seed;           /* for the order of the samples and for all noise */
    unsigned lanes;          /* 0: the context's threads */
    const pal_optimizer_options *optimizer; /* NULL: plain gradient descent. average_start 0: after three quarters of
                                             * the epochs of a phase; average_every 0: each epoch */
    const pal_schedule *schedule;           /* its total is ignored and computed here */
    pal_rundir *folder;                     /* receives metrics, checkpoints and the result; NULL: no folder */
    pal_progress_fn progress;               /* called about ten times a second and after each epoch; NULL: not called */
    void *user;
    bool resume; /* continue from the folder's checkpoint and its weights, or from the start without one. The data
                  * must be those that the run recorded (pal_run_data_changed) */
    int64_t test_every; /* measure on `test` every so many epochs; 0: 1. The figures of the other epochs are NAN. The
                         * last epoch of a phase is always measured */
    bool check_nan;     /* compile the steps with check_nan, which is slow; the error then names operation, scope and
                         * step. Nothing is fused, so that the last bits may differ */
    const char
        *extend; /* with resume: train until `epochs`, which replaces the number of epochs that the run was planned
                  * for. This is the command that asks for it, for run.json. NULL: the run goes on as planned */
    pal_profile_fn profile; /* called at the end of each phase that has taken steps, also if it was stopped; the steps
                             * are then compiled with .profile. NULL: not called */
    void *profile_user;
    int64_t accumulate;  /* a step takes so many batches, one after the other, and updates once with the mean of their
                          * gradients: as a batch so many times as large, but for terms of the loss that are functions of
                          * a mean over the batch; 0: 1. The noise of a sample is the same as in the large batch. Not
                          * with profile */
    bool gradient_sizes; /* each epoch of the folder gets pal_epoch.gradients. A step then takes about a fifth longer,
                          * because the update can no longer be fused with the product that makes the gradient */
    pal_train_minimise minimise; /* if the name of the optimiser is that of a minimiser */
    int64_t patience; /* a phase ends when so many measurements in a row have not improved the loss on `test`. The same
                       * measurements count as for a plateau schedule: those of each test_every-th epoch. A loss that is
                       * not finite is no improvement, and then no failure. 0: off. The next phase goes on from the last
                       * weights, not from the best */
    double min_improvement; /* with patience: a loss is an improvement if it is below the last one that was, by this
                             * share of it; 0: by anything */
    bool keep_best;         /* write best.safetensors into the folder (pal_rundir_model_best); patience does so, too */
    double time_limit; /* seconds of pal_epoch.seconds, over all parts of a resumed run, after which training ends: at
                        * the end of a step, or of an iteration of a minimiser. The run is then done; the schedule stays
                        * that of all epochs. To go on, resume it with a greater limit. 0: none */
    int64_t shards;    /* a batch is cut into so many equal parts, which are computed one by one and summed over a fixed
                        * tree (communicator.h): the bits depend on it. 0: 1, the batch is not cut; with resume, as
                        * the run has recorded it */
    const pal_communicator *communicator; /* the processes that train together, at most one for each shard; all call
                                           * pal_train with equal arguments, see there. Borrowed. NULL: this process
                                           * alone */
} pal_train_options;

/* The samples per step if nobody chooses them: `most` (0: 128), but at most an eighth of the samples, so that an epoch
 * has at least eight steps. Then it is a power of two, and at least 1. */
int64_t pal_train_default_batch(int64_t samples, int64_t most);

/* How a model is trained on these data where nobody chooses. optimizer and batch: as chosen; NULL and 0: not chosen. A
 * default of the variant (pal_variant.training) comes first. There is one exception: a variant that asks for gradient
 * descent without a learning rate gets adam where gradient descent would hardly learn. The rules are in defaults.c.
 * optimizer is borrowed, from the argument or from the variant. PAL_ERR_MEMORY. */
typedef struct pal_train_defaults {
    const char *optimizer;
    double learning_rate;
    int64_t batch;
    int64_t epochs; /* as many as make 2000 steps, or more */
    double clip;    /* largest norm of the gradient; 0: no limit */
} pal_train_defaults;
pal_status pal_train_defaults_of(const pal_model *model, const pal_dataset *data, const char *optimizer, int64_t batch,
                                 pal_train_defaults *out, pal_error *err);

/* Settings of a model that follow the data where they are not given: `classes` is that of the labels, and a weight in
 * pal_variant.of_variance is its default times v/50 if the samples have a variance v below 50 (summed over features;
 * MNIST: 53). Append them to the given ones for pal_model_new. PAL_ERR_MEMORY. */
enum { PAL_TRAIN_SETTINGS = 8 };
typedef struct pal_train_settings {
    size_t n;
    pal_setting list[PAL_TRAIN_SETTINGS]; /* names are borrowed from the variant, values point into `values` */
    char values[PAL_TRAIN_SETTINGS][24];
} pal_train_settings;
pal_status pal_train_settings_of(const pal_variant *variant, const pal_dataset *data, const pal_setting *given,
                                 size_t n, pal_train_settings *out, pal_error *err);

/* Bytes that a training needs, known before its model is made. */
typedef struct pal_train_memory {
    size_t weights; /* and statistics */
    size_t moments; /* what the optimiser keeps for each weight */
    size_t arena;   /* the values of a step */
    size_t data;    /* both data sets, which the caller has opened, and the order of the samples */
    size_t buffers; /* all else: batches, the program that measures the test data, tapes, what the compiler needs */
    size_t total;   /* the most at any time */
    int64_t batch;  /* as given, or the default */
} pal_train_memory;
/* Makes and plans everything that pal_train would make, in a dry context (pal_context_options), and counts. Takes the
 * arguments of pal_model_new and of pal_train; in options, a batch of 0 and an optimizer of NULL mean the defaults
 * (pal_train_defaults_of), and folder and progress are not used. What BLAS and the C library take is not counted, and
 * neither is a principal component analysis. Fails as those two functions do. */
pal_status pal_train_memory_of(const pal_variant *variant, const pal_setting *settings, size_t n, pal_dtype dtype,
                               const pal_dataset *data, const pal_train_options *options, pal_train_memory *out,
                               pal_error *err);

/* Calls no other process. Reports what pal_train would refuse before its first step: mismatched sizes, data that the
 * model cannot take, an unknown schedule or optimiser, a step that cannot be recorded, such as one with a loss that has
 * no gradient. */
pal_status pal_train_check(const pal_model *model, const pal_dataset *data, const pal_train_options *options,
                           pal_error *err);

/* If the name in `optimizer` is that of a minimiser (pal_train_minimises), the phases without an optimiser of their own
 * minimise the loss over all samples (pal_data_objective), in chunks of `batch`; the schedule is not used. An epoch is
 * an iteration: at least one evaluation, and more in its line search, and products if the method needs them. A phase
 * ends early if the minimiser does. Checkpoints are written so rarely that they take a twentieth of the time: a run
 * that is killed repeats some iterations, with the same bits. PAL_ERR_STOPPED abandons the iteration: the model has the
 * weights before it.
 *
 * Trains the model in place, one phase after the other (pal_phase). `epochs` applies to each phase without a number of
 * epochs of its own. Each epoch visits the samples in the order of a pal_order (seed, "order", epoch) and drops the
 * last partial batch. Noise is drawn at the clock of the step. The bits of the result depend on the model, the data,
 * the options, the lanes, the instruction set and the BLAS kernels. They do not depend on the number of threads, or on
 * whether the run was interrupted and resumed.
 *
 * With `extend`, a phase that has ended keeps its epochs, except the last one; the others get those of the new number.
 * So a run with one phase ends with the bits of a run that had the new number from the start. A schedule that depends
 * on the number of steps (pal_schedule_uses_total) is the exception: it is planned anew, so that the steps from here on
 * have the rates that they have in such a run, while the earlier steps had others. PAL_ERR_ARGUMENT: the number is not
 * greater than what is done, or the last phase has a number of its own, or the model is solved in closed form.
 *
 * Before the first step it fills the statistics of the model, such as "input/mean", and gives the bias of the output
 * its start (pal_output_starts), from a sample of the data as pal_baseline takes it. Weights that are not 0 keep their
 * value.
 *
 * Training that ends early because of `patience` or `time_limit` is PAL_OK; result->ended says why. If the time is over
 * in the middle of an epoch, the checkpoint is that of the step, the figures of the result are measured there, and
 * metrics.jsonl has the finished epochs. A run that has ended by patience cannot be extended. Where it ends, and its
 * best.safetensors, do not depend on interruptions either.
 *
 * With a communicator, all processes call this function together, and it returns in all with the same status, message
 * and weights. `folder` is opened by pal_rundir_new_together and its like, in all processes or in none. First the
 * processes compare their version, options, data, kernels and weights: PAL_ERR_ARGUMENT names the process and what is
 * different. `progress` is called in each process; all stop if one asks for it, at the next step. The clock of process
 * 0 decides about time_limit. The bits follow from the shards: a run may be resumed by another number of processes. If
 * something fails in one process, such as writing in process 0, it fails in all, with its message. PAL_ERR_PEER: a
 * process has ended; nothing more is saved, and the run can be resumed from its last checkpoint. Then no call of all
 * processes works any more.
 *
 * PAL_ERR_STOPPED: the callback asked to stop; the model is in its state after the last step and was saved.
 * PAL_ERR_NUMERIC: a loss or a weight was not finite; the checkpoint is that of the last finished epoch (or the initial
 * one), and the model itself is unusable. result is set in every case. */
pal_status pal_train(pal_model *model, const pal_dataset *data, const pal_train_options *options,
                     pal_train_result *result, pal_error *err);

/* ---- A range test of the learning rate ------------------------------------------------------------------------ */

typedef struct pal_find_rate_options {
    size_t struct_size;
    int64_t batch, accumulate; /* as in pal_train_options */
    uint64_t seed;
    unsigned lanes;
    const pal_optimizer_options *optimizer; /* NULL: plain gradient descent */
    double from, to;                        /* the rates of the first and the last step; 0: 1e-7 and 10 */
    int64_t steps;                          /* 0: 200; at least 10 */
    int (*progress)(int64_t done, int64_t all,
                    void *user); /* called after each step; nonzero stops. NULL: not called */
    void *user;
} pal_find_rate_options;

typedef struct pal_rate_curve {
    int64_t steps; /* taken: fewer than asked for if the loss ran away */
    bool ran_away;
    double *rate, *loss, *smooth; /* [steps], of each step; smooth: averaged over the steps before it */
    double steepest, lowest;      /* the rates at which the smoothed loss fell fastest, and was lowest */
    double suggested; /* for training with a constant rate: a tenth of lowest, or steepest if that is more */
} pal_rate_curve;

/* Takes training steps of the first phase with a learning rate that grows from step to step, and reads from the losses
 * which rate to train with (Smith, "Cyclical learning rates for training neural networks", WACV 2017). The model is
 * useless afterwards. The bits depend on what those of pal_train depend on. PAL_ERR_NUMERIC: the loss falls at no rate.
 * The caller frees the curve, which then has the steps that were taken, in every case. */
pal_status pal_find_rate(pal_model *model, const pal_dataset *data, const pal_find_rate_options *options,
                         pal_rate_curve *out, pal_error *err);
void pal_rate_curve_free(pal_rate_curve *curve);

/* ---- Sweeps --------------------------------------------------------------------------------------------------- */

enum { PAL_SWEEP_AXES = 2, PAL_SWEEP_RUNS = 4096 };

typedef struct pal_sweep_axis { /* an option and its values */
    const char *name;
    const char *const *values;
    size_t count;
} pal_sweep_axis;

typedef struct pal_sweep_run {   /* one run that the callback makes */
    const pal_setting *settings; /* one setting per axis */
    size_t n_settings, row;      /* row: index of this combination of settings, from 0 */
    uint64_t seed;               /* for everything random: equal seeds pair the runs of different settings */
    size_t number, runs;         /* number of this run, from 1; number of all runs */
    double *figures;             /* to be filled in by the callback; NAN: unknown */
} pal_sweep_run;

/* Trains and measures one run. Any result other than PAL_OK, with err set, ends the sweep. */
typedef pal_status (*pal_sweep_fn)(const pal_sweep_run *run, void *user, pal_error *err);

typedef struct pal_sweep_options {
    size_t struct_size;
    const pal_sweep_axis *axes;
    size_t n_axes;
    uint64_t seed; /* the first seed */
    int64_t seeds;
    const char *const *figures; /* names of the figures */
    size_t n_figures;
    pal_sweep_fn run;
    void *user;
} pal_sweep_options;

typedef struct pal_sweep pal_sweep;

typedef struct pal_sweep_summary {
    int64_t seeds;                       /* number of seeds with this figure */
    double mean, error;                  /* mean over seeds and its standard error, NAN for a single seed */
    double difference, difference_error; /* the same for the difference from the first row, paired by seed */
} pal_sweep_summary;

/* Calls `run` for every combination of values, one seed after the other. If a run fails or stops, err is set and the
 * returned sweep contains the results so far. NULL: no sweep could be created, see err. */
pal_sweep *pal_sweep_new(const pal_sweep_options *options, pal_error *err);
void pal_sweep_free(pal_sweep *sweep);
size_t pal_sweep_rows(const pal_sweep *sweep); /* combinations; of two options, the second changes fastest */
size_t pal_sweep_seeds(const pal_sweep *sweep);
size_t pal_sweep_done(const pal_sweep *sweep); /* finished runs */
const char *pal_sweep_setting(const pal_sweep *sweep, size_t row, size_t axis);
double pal_sweep_found(const pal_sweep *sweep, size_t row, size_t seed, size_t figure);
pal_sweep_summary pal_sweep_of(const pal_sweep *sweep, size_t row, size_t figure);
/* Writes a CSV file with a heading and one line per row: the settings, the number of seeds, and for each figure its
 * mean, error, difference and difference_error. */
pal_status pal_sweep_write(const pal_sweep *sweep, const char *path, pal_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
