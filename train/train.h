/* train.h - training a model, its figures on a data set, the folder that a run lives in, and sweeps of runs.
 *
 * Conventions of every function here:
 *   - The library never prints or exits. A function that can fail takes a pal_error, which may be NULL, sets it on
 *     failure and leaves it alone on success.
 *   - Option structs begin with struct_size and are written with designated initialisers.
 *   - What is given (model, data, texts) is borrowed for the call, unless it says that it is copied.
 *   - A figure is the mean over samples of the sum over features. Every sample counts exactly once, whatever the batch.
 *     A figure that is not known is NAN, and null in a file.
 */
#ifndef PAL_TRAIN_H
#define PAL_TRAIN_H

#include "autograd/autograd.h"
#include "data/data.h"
#include "models/models.h"
#include "optim/optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Figures -------------------------------------------------------------------------------------------------- */

typedef struct pal_term { /* of a loss */
    char name[32];
    double value;
} pal_term;
enum { PAL_TERMS = 1 + PAL_MODEL_NOTES };

/* Of codes of clean inputs. A unit's mean and standard deviation are over the samples. */
typedef struct pal_code_figures {
    int64_t units;       /* 0: nothing here was asked for */
    double mean;         /* over the units, of their means: over all activations */
    double quartiles[5]; /* of the units' means: least, quarter, median, three quarters, greatest */
    double rho;          /* the mean that a sparse model wants of each unit, NAN: none, and ... */
    double near_rho;     /* ... the share of units whose mean is within 20 % of it */
    bool random;         /* the code is drawn, and these are figures of its posterior's mean */
    double divergence;   /* of a random code: mean over the samples of KL(q || p), nats; else NAN */
    double information;  /* of a random code of one choice (pal_units), such as a categorical one: what it tells of */
                         /* the sample, H(mean q) - mean H(q), nats; its active and dead are -1; else NAN */
    bool collapsed;      /* a random code tells nothing: no unit is active, or information is below 0.01 */
    int64_t active;      /* units whose standard deviation (of a random code: variance, Burda, Grosse and */
                         /* Salakhutdinov, ICLR 2016) is above 0.01: what they say depends on the sample */
    int64_t dead;        /* units whose standard deviation is below 1e-4: they say the same of every sample */
    double saturated;    /* share of activations below 0.05 or above 0.95; NAN where some lie outside [0,1] */
    double zeros;        /* share of activations that are exactly 0 */
    int64_t jacobian_samples; /* the first ones, whose encoder's Jacobian J = dh/dx was taken, exactly */
    double jacobian_norm;     /* mean over these samples of the Frobenius norm ||J|| */
    double jacobian_norm2;    /* ... of ||J||^2 */
} pal_code_figures;

/* Of a random code, at beta 1 whatever the loss weighs: E ln p(x | z) - KL(q || p), in nats; a bound of ln p(x) where
 * the output is a density of the data (pal_density_check). */
typedef struct pal_bound_figures {
    double value; /* the evidence lower bound, minus the two others together; NAN: the code is not random */
    double reconstruction, divergence; /* -E ln p(x | z) by the loss's draws; KL(q || p) in closed form */
} pal_bound_figures;

typedef struct pal_figures {
    int64_t samples;
    double loss;                    /* the model's own; corruption and samples are drawn at clock 0 */
    double squared_error;           /* sum of (x - xhat)^2, reconstructed from the clean input */
    double squared_error_corrupted; /* the same, from the corrupted input; NAN where nothing corrupts */
    double error;                   /* share of the samples whose class the model tells wrongly; NAN: it tells none */
    size_t n_terms; /* at least 1: "reconstruction", all of the loss that has no name, unless that is nothing */
    pal_term terms[PAL_TERMS]; /* they add up to the loss */
    pal_code_figures code;
    pal_bound_figures bound;
} pal_figures;

typedef struct pal_evaluate_options {
    size_t struct_size;
    int64_t batch;        /* 0: 128 */
    uint64_t seed;        /* of the corruption and of the loss's samples; sample i has the same noise in any batch */
    unsigned lanes;       /* 0: the context's threads */
    pal_model *corruptor; /* whose corruption is applied to a model that has none; NULL: the model's own */
    bool code;            /* also the figures of the code */
    int64_t jacobian_samples; /* at most; 0: all, but 256 where J goes row by row; -1: none */
    double **unit_divergence; /* with code: gets the mean KL of each unit of a random code, code.units of them, to be
                                 freed; NULL where units are not independent. NULL: not wanted */
} pal_evaluate_options;

/* A term of the loss that is not separable over samples is that of the whole data, whatever the batch. */

pal_status pal_evaluate(pal_model *model, const pal_dataset *data, const pal_evaluate_options *options,
                        pal_figures *figures, pal_error *err);

/* A new model with the same weights under other settings: `masking` of a trained denoiser, for example. A setting that
 * changes the shape or the number of the weights is PAL_ERR_ARGUMENT. NULL: err says why. */
pal_model *pal_model_override(const pal_model *model, const pal_setting *settings, size_t n, pal_error *err);

/* ---- The run folder ------------------------------------------------------------------------------------------- */

typedef struct pal_epoch { /* a line of metrics.jsonl */
    int64_t epoch, step;   /* both from 1; step counts on through all epochs */
    double train_loss;     /* the mean over the epoch's steps, each before its update */
    double test_loss, squared_error, squared_error_corrupted;
    double learning_rate; /* of the last step */
    double seconds;       /* of training so far */
    size_t n_terms;       /* of test_loss, as in pal_figures; 0: reconstruction is all */
    pal_term terms[PAL_TERMS];
    char phase[32]; /* "": training is one phase */
    double error;   /* of the test data, as in pal_figures; NAN, where the phase takes no labels, is left out */
} pal_epoch;

typedef struct pal_train_result {
    int64_t epochs, steps;                                    /* epochs that were finished; steps that were taken */
    double train_loss;                                        /* of the last epoch, finished or not */
    double test_loss, squared_error, squared_error_corrupted; /* of the last epoch measured */
    double seconds, samples_per_second;
    int64_t planned; /* epochs of all phases */
    double error;    /* of the test data, as in pal_figures; NAN where the last phase takes no labels */
} pal_train_result;

typedef struct pal_run_info { /* run.json: all that is needed to repeat a run, and how it went */
    const char *version, *command;
    const char *status;             /* "running", "done", "interrupted", "failed" */
    const char *error;              /* of a failed one, else NULL */
    const char *started, *finished; /* UTC, as 2026-01-31T12:00:00Z; finished may be NULL */
    const char *model;              /* the variant's name */
    const pal_setting *settings;    /* all of the variant's options */
    size_t n_settings;
    const char *data; /* the path */
    int64_t limit;    /* of the training samples; 0: none */
    int64_t hold_out; /* training samples, the last ones, that were measured in place of the test samples; 0: none */
    const char *from; /* the run whose weights it began with; NULL: none */
    int64_t train_samples, test_samples;
    int64_t batch, epochs, seed, test_every;
    pal_optimizer_options optimizer; /* as it was given: -1 is a true 0 */
    pal_schedule schedule;
    int64_t lanes, threads;
    const char *isa, *blas;
    pal_train_result result;
    int64_t resumed;     /* how often */
    const char *changed; /* what was not as before when it was resumed: the bits may not be those of one run; or NULL */
} pal_run_info;

typedef struct pal_rundir pal_rundir;

/* What the bits of a run depend on besides its settings, and is not here as it was there: the instruction set of the
 * kernels, the BLAS. Fills in what was and what is; how many. What is not known of the run counts as the same. */
enum { PAL_RUN_CHANGES = 2 };
size_t pal_run_changes(const pal_run_info *info, const pal_context *context, const char *was[PAL_RUN_CHANGES],
                       const char *is[PAL_RUN_CHANGES]);

/* Creates the folder (and those above it) with run.json, status "running". path NULL: runs/MODEL-NNN, the first NNN
 * that is free. One that exists is refused (PAL_ERR_EXISTS) and left as it is, unless it is an empty folder. info is
 * copied; status, started, finished, error and result are set here. NULL: err says why. */
pal_rundir *pal_rundir_new(const char *path, const pal_run_info *info, pal_error *err);
/* Opens one to train on where it stopped, however it did; nothing is written until pal_train. PAL_ERR_ARGUMENT: it is
 * done, or another process trains it. Such a folder, and one that is new, is locked until it is freed. */
pal_rundir *pal_rundir_resume(const char *path, pal_error *err);
/* Opens one for reading. PAL_ERR_IO: no such folder, or no run.json in it; PAL_ERR_FORMAT. */
pal_rundir *pal_rundir_open(const char *path, pal_error *err);
/* The same for who wants its model and not its epochs: metrics.jsonl is not read. */
pal_rundir *pal_rundir_open_model(const char *path, pal_error *err);
void pal_rundir_free(pal_rundir *dir);
const char *pal_rundir_path(const pal_rundir *dir);
const pal_run_info *pal_rundir_info(const pal_rundir *dir); /* valid until the next call that changes the folder */
/* What metrics.jsonl holds. */
size_t pal_rundir_epoch_count(const pal_rundir *dir);
const pal_epoch *pal_rundir_epoch(const pal_rundir *dir, size_t i);
/* DIR/NAME in out, cut at size (4096 holds any path that can be opened); returns out. */
const char *pal_rundir_file(const pal_rundir *dir, const char *name, char *out, size_t size);

/* Adds a line to metrics.jsonl. */
pal_status pal_rundir_add(pal_rundir *dir, const pal_epoch *epoch, pal_error *err);
/* checkpoint.safetensors: the model, the optimiser's state (may be NULL), the step as "train/step", and in the middle
 * of an epoch the sum of its losses so far as "train/loss" (0: left out). */
pal_status pal_rundir_save(pal_rundir *dir, const pal_model *model, const pal_optimizer *optimizer, int64_t step,
                           double loss, pal_error *err);
/* run.json again, with the result; error is for status "failed", else NULL. */
pal_status pal_rundir_finish(pal_rundir *dir, const char *status, const char *error, const pal_train_result *result,
                             pal_error *err);
/* The checkpoint's model. */
pal_model *pal_rundir_model(const pal_rundir *dir, pal_context *context, pal_error *err);

/* ---- Training ------------------------------------------------------------------------------------------------- */

typedef struct pal_progress {
    int64_t epoch, epochs; /* epoch from 1 */
    int64_t step, steps;   /* taken in this epoch; in every epoch */
    const char *phase;     /* its name; "": training is one phase */
    bool finished;     /* the epoch is: step equals steps; where it was measured the figures of the test data are its */
    double train_loss; /* the mean over this epoch's steps so far */
    double test_loss, squared_error, squared_error_corrupted; /* of the last epoch that was measured; NAN before it */
    double error; /* likewise, as in pal_figures; NAN where the phase takes no labels */
    double samples_per_second, seconds, seconds_left;
} pal_progress;

/* Not zero: stop after this step, and save. */
typedef int (*pal_progress_fn)(const pal_progress *progress, void *user);

typedef struct pal_train_options {
    size_t struct_size;
    const pal_dataset *test; /* NULL: none */
    int64_t epochs, batch;
    uint64_t seed;                          /* of the order of samples and of all noise */
    unsigned lanes;                         /* 0: the context's threads */
    const pal_optimizer_options *optimizer; /* NULL: plain gradient descent */
    const pal_schedule *schedule;           /* total is set here */
    pal_rundir *folder;                     /* gets metrics, checkpoints and the result; NULL: none */
    pal_progress_fn progress;               /* about ten times a second, and when an epoch is finished; NULL: none */
    void *user;
    bool resume; /* go on from the folder's checkpoint, its weights included; from the start where there is none */
    int64_t test_every; /* epochs between two passes over `test`, whose figures are NAN between; 0: 1. The last of a
                         * phase is always measured */
} pal_train_options;

/* What pal_train would refuse before its first step: sizes that do not fit, an unknown schedule or optimiser. */
pal_status pal_train_check(const pal_model *model, const pal_dataset *data, const pal_train_options *options,
                           pal_error *err);

/* Trains in place, phase after phase (pal_phase); `epochs` is for each phase that has no number of its own. Each epoch
 * goes through the samples in the order of pal_epoch_order(seed, "order", epoch) and drops the last partial batch;
 * noise is drawn at the clock of the step. Equal bits for equal model, data, options, lanes, instruction set and BLAS
 * kernels, whatever the threads, and whether it was interrupted and resumed.
 *
 * PAL_ERR_STOPPED: the callback asked for it; the model is as after the last step and was saved. PAL_ERR_NUMERIC: a
 * loss or a weight was not finite; the checkpoint is that of the last finished epoch (or the initial one), the model
 * itself is spoilt. result is set in every case. */
pal_status pal_train(pal_model *model, const pal_dataset *data, const pal_train_options *options,
                     pal_train_result *result, pal_error *err);

/* ---- Sweeps --------------------------------------------------------------------------------------------------- */

enum { PAL_SWEEP_AXES = 2, PAL_SWEEP_RUNS = 4096 };

typedef struct pal_sweep_axis { /* an option and its values */
    const char *name;
    const char *const *values;
    size_t count;
} pal_sweep_axis;

typedef struct pal_sweep_run {   /* one run that is to be made */
    const pal_setting *settings; /* one of each axis */
    size_t n_settings, row;      /* row: which settings, from 0 */
    uint64_t seed;               /* of all that is random: equal seeds pair the runs of different settings */
    size_t number, runs;         /* from 1; of so many */
    double *figures;             /* to be filled in; NAN: not known */
} pal_sweep_run;

/* Trains and measures. Not PAL_OK, with err set: the sweep ends. */
typedef pal_status (*pal_sweep_fn)(const pal_sweep_run *run, void *user, pal_error *err);

typedef struct pal_sweep_options {
    size_t struct_size;
    const pal_sweep_axis *axes;
    size_t n_axes;
    uint64_t seed; /* the first one */
    int64_t seeds;
    const char *const *figures; /* their names */
    size_t n_figures;
    pal_sweep_fn run;
    void *user;
} pal_sweep_options;

typedef struct pal_sweep pal_sweep;

typedef struct pal_sweep_summary {
    int64_t seeds;                       /* that have the figure */
    double mean, error;                  /* over seeds; its standard error, NAN for a single one */
    double difference, difference_error; /* to the first row, seed by seed */
} pal_sweep_summary;

/* Calls run for every combination of values, for one seed after another. What failed or stopped leaves err set and what
 * was found until then; NULL: not even that. */
pal_sweep *pal_sweep_new(const pal_sweep_options *options, pal_error *err);
void pal_sweep_free(pal_sweep *sweep);
size_t pal_sweep_rows(const pal_sweep *sweep); /* combinations; of two options, the second changes fastest */
size_t pal_sweep_seeds(const pal_sweep *sweep);
size_t pal_sweep_done(const pal_sweep *sweep); /* runs that were finished */
const char *pal_sweep_setting(const pal_sweep *sweep, size_t row, size_t axis);
double pal_sweep_found(const pal_sweep *sweep, size_t row, size_t seed, size_t figure);
pal_sweep_summary pal_sweep_of(const pal_sweep *sweep, size_t row, size_t figure);
/* A heading and a line a row: settings, and of each figure mean, error, difference, difference_error. CSV. */
pal_status pal_sweep_write(const pal_sweep *sweep, const char *path, pal_error *err);

#ifdef __cplusplus
}
#endif
#endif
