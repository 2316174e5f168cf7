/* internal.h - what the files of train/ share. */
#ifndef PAL_TRAIN_INTERNAL_H
#define PAL_TRAIN_INTERNAL_H

#include "train/json_text.h"
#include "train/train.h"

static inline pal_status palt__no_memory(pal_error *err) { return pal_error_set(err, PAL_ERR_MEMORY, "out of memory"); }
double palt__seconds(void); /* of a monotonic clock */

/* ---- stage.c: one program over a batch of fixed size, with its input ------------------------------------------ */

/* Flags of pal_program_raise: a batch could not be made; a caller asks to stop; the time is over. */
enum { PALT__FAILED = 1, PALT__STOP = 2, PALT__TIME = 4 };

typedef struct palt__stage {
    pal_tensor *input; /* [rows, features], in the dtype of the model */
    pal_program *program;
    pal_halves halves; /* with options.moving: what the program does not compute each time; program is halves.again */
    bool renew;        /* run halves.once first */
    int64_t rows;
    pal_tensor *labels;    /* [rows, classes] one-hot, zero before row labelled_from; or NULL */
    pal_tensor *known;     /* [rows, features], 0 where a feature is missing; NULL: all are known */
    int64_t labelled_from; /* of a shard */
    int64_t local;         /* shards of the rows; 1: the batch is not cut */
    bool together;         /* other processes run the program, too */
    const double *shares;  /* [rows], factors of the labels; NULL: 1 */
    pal_tensor *corrupted; /* the input after the corruption of another model, computed by `corrupt`; or NULL */
    pal_program *corrupt;
    const pal_model *model, *corruptor; /* borrowed, for messages */
} palt__stage;

enum { PALT__STAGE_OUTPUTS = 7 + 2 * PAL_MODEL_NOTES };

typedef struct palt__inputs {
    pal_tape *tape;
    pal_var x, corrupted; /* corrupted has id 0 if no other model corrupts the input */
    pal_var labels;       /* id 0: no labels */
    pal_var known;        /* as in pal_batch */
    int64_t labelled_from;
} palt__inputs;

/* Records from the inputs on, fills outputs and returns their number; 0 after a failure, which is on the tape. */
typedef size_t (*palt__record_fn)(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user);

typedef struct palt__stage_options {
    int64_t rows;             /* with shards: of those of this process */
    const pal_shards *shards; /* how the batch is cut; NULL: it is not */
    unsigned lanes;
    bool effects;
    bool labels;           /* the data has labels that the model takes */
    bool known;            /* the data has missing features; a pass finds this out by itself */
    int64_t labelled_from; /* as in pal_batch */
    pal_model *corruptor;  /* another model; it gets its own tape to keep the parameters apart. NULL: none */
    palt__record_fn record;
    void *user;
    const uint32_t *which; /* the samples of a pass; NULL: the first ones of the data */
    bool check_nan;        /* as in pal_compile_options */
    bool profile;          /* the same */
    bool divide;           /* the same */
    bool record_only;      /* record, but make no program: it is only checked whether that works */
    size_t more;           /* outputs beyond PALT__STAGE_OUTPUTS, at most */
    const pal_tensor *const *moving; /* as in pal_compile_halves, n_moving of them; NULL: one program */
    size_t n_moving;
} palt__stage_options;

palt__stage *palt__stage_new(pal_model *model, const palt__stage_options *options, pal_error *err);
void palt__stage_free(palt__stage *stage);
/* Gathers these rows of the data and runs the program on them; with `moving` and stage->renew, halves.once first. */
pal_status palt__stage_run(palt__stage *stage, const pal_dataset *data, const uint32_t *rows, pal_noise noise,
                           pal_error *err);
/* Instead of that: the batch could not be made. Other processes that run this program hear of it. */
void palt__stage_skip(palt__stage *stage, pal_noise noise);

/* Between begin and end: the input after the corruption of the other model, or else of the model itself. id 0: neither
 * corrupts. */
pal_var palt__corrupted(pal_model *model, const palt__inputs *in);
/* Between begin and end: q(z | x) for rows as pal_model_target returns them. Fails on the tape if the numbers of rows
 * and units differ from those of the code. Kind and k come from the variant, whatever the settings of the model. */
pal_distribution palt__code_posterior(pal_model *model, pal_var target, pal_var code);

/* ---- pass.c: such programs over samples of a data set, in order, each exactly once ----------------------------- */

/* One program computes the full batches, another one the remainder. The row of the noise is the index of the sample. */
typedef struct palt__pass palt__pass;
typedef void (*palt__after_fn)(const palt__stage *stage, void *user);

/* options->rows is the batch size, count the number of samples. data: whether features are missing; kept for the runs.
 */
palt__pass *palt__pass_new(pal_model *model, const pal_dataset *data, int64_t count, const palt__stage_options *options,
                           pal_error *err);
void palt__pass_free(palt__pass *pass);
/* Calls `after` after each batch. */
pal_status palt__pass_run(palt__pass *pass, uint64_t seed, palt__after_fn after, void *user, pal_error *err);

/* What is added up over the batches. */
typedef struct palt__sum {
    size_t n;                                                            /* numbers that a batch gives */
    void (*give)(const palt__stage *stage, double *numbers, void *user); /* after a batch */
    void (*add)(const double *numbers, int64_t rows, void *user);        /* rows: samples of the batch */
} palt__sum;
/* All processes call it together, for passes that were made alike. Each batch is computed by one of them, which calls
 * `give`. Each process calls `add` for all batches, in their order: so the sums have the bits of one process alone.
 * communicator: NULL: this process alone. A failure in one process is returned by all. */
pal_status palt__pass_add(palt__pass *pass, uint64_t seed, const pal_communicator *communicator, const palt__sum *sum,
                          void *user, pal_error *err);

/* ---- evaluate.c ----------------------------------------------------------------------------------------------- */

typedef struct palt__evaluator palt__evaluator; /* compiled once, run after each epoch */
/* phase: the phase whose loss is measured, borrowed; NULL: the loss of the model. */
palt__evaluator *palt__evaluator_new(pal_model *model, const pal_phase *phase, const pal_dataset *data,
                                     const pal_evaluate_options *options, pal_error *err);
void palt__evaluator_free(palt__evaluator *evaluator);
pal_status palt__evaluator_run(palt__evaluator *evaluator, pal_figures *figures, pal_error *err);

/* ---- phases.c ------------------------------------------------------------------------------------------------- */

typedef struct palt__phases { /* all phases, each with its number of epochs filled in */
    pal_phase *phase;
    size_t n;
    int64_t epochs; /* of all phases */
} palt__phases;
/* An epoch has `steps` steps, 1 or more. Fails if the plan has more steps than a checkpoint can hold, so that the
 * product of epochs and steps never overflows. The caller frees the plan, also after a failure. */
pal_status palt__phases_make(const pal_model *model, int64_t epochs, int64_t steps, palt__phases *plan, pal_error *err);
/* Changes the plan of a run with `after` finished epochs, which is to be trained longer: see pal_train. */
pal_status palt__phases_extend(const pal_model *model, int64_t after, int64_t epochs, int64_t steps, palt__phases *plan,
                               pal_error *err);
/* Gives phases with an optimiser of their own, but no rate, the default rate of that optimiser. A step takes `batch`
 * samples. */
pal_status palt__phases_rates(const pal_model *model, const pal_dataset *data, int64_t batch, palt__phases *plan,
                              pal_error *err);
void palt__phases_free(palt__phases *plan);
/* Ends phase i after so many epochs of its own. */
void palt__phases_cut(palt__phases *plan, size_t i, int64_t epochs);

/* Copies the options, which may be those of an older version. */
pal_status palt__optimizer_read(pal_optimizer_options *out, const pal_optimizer_options *given);
/* The optimiser of the parameters that are trained in this phase, of which an epoch has so many steps. */
pal_optimizer *palt__phase_optimizer(const pal_model *model, const pal_phase *phase, const pal_optimizer_options *given,
                                     int64_t steps, pal_error *err);
/* The sums for a step of several batches, of the same parameters. */
pal_accumulator *palt__phase_accumulator(const pal_model *model, const pal_phase *phase, pal_error *err);
typedef struct palt__phase_step {
    const pal_phase *phase;
    pal_optimizer *optimizer; /* NULL: a batch that is not the last of its step: its gradients are only added */
    pal_accumulator *sums;    /* NULL: a step takes one batch */
    int64_t parts;            /* batches per step */
    bool sizes;               /* with the optimizer: further outputs, the sum of squares of each gradient */
} palt__phase_step;
/* A palt__record_fn for loss, gradients and update; user is a palt__phase_step. */
size_t palt__phase_record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user);
/* The same for the loss alone, as it is in training. */
size_t palt__phase_loss(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user);

/* ---- gradients.c: the sizes of the gradients over an epoch. g NULL: nothing happens ----------------------------- */

typedef struct palt__gradients palt__gradients;
palt__gradients *palt__gradients_new(const pal_model *model, const pal_phase *phase, pal_error *err);
void palt__gradients_free(palt__gradients *g);
void palt__gradients_clear(palt__gradients *g);
/* Adds those of a step: the outputs of the program from `first` on, as palt__phase_record makes them. */
void palt__gradients_add(palt__gradients *g, const pal_program *program, size_t first);
/* The same for a minimiser: the sums are those of its gradient, which has the layout of x, alone. */
void palt__gradients_take(palt__gradients *gradients, const pal_slab *x, const pal_tensor *gradient);
pal_tensor *palt__gradients_state(palt__gradients *g); /* the sums; NULL without g */
/* After so many steps. Returns their number; they are valid until the next call. */
size_t palt__gradients_sizes(palt__gradients *g, int64_t steps, const pal_gradient_size **sizes);

/* ---- labelled.c: the labelled samples, and the stream of them ------------------------------------------------- */

typedef struct palt__labelled palt__labelled;
/* Checks that the data has the labels that the loss of this model takes. */
pal_status palt__labels_check(const pal_model *model, const pal_dataset *data, pal_error *err);
/* Draws as many labelled samples as the option `labels` of the model says. A step takes `batch` of them. NULL: failed,
 * see err. */
palt__labelled *palt__labelled_new(const pal_model *model, const pal_dataset *data, int64_t batch, uint64_t seed,
                                   pal_error *err);
void palt__labelled_free(palt__labelled *labelled);
/* The samples that were drawn, *n of them; borrowed. */
const uint32_t *palt__labelled_all(const palt__labelled *labelled, int64_t *n);
pal_status palt__labelled_rows(palt__labelled *labelled, int64_t step, uint32_t *out, pal_error *err); /* [batch] */

/* ---- together.c: processes that train together ---------------------------------------------------------------- */

#define PALT__ELSEWHERE "in another process: " /* an error that another process can explain */

typedef struct palt__together {
    const pal_communicator *communicator; /* NULL: this process is alone */
    bool failed;                          /* all know that the call has failed: none calls the others any more */
} palt__together;
palt__together palt__together_of(const pal_communicator *communicator);
bool palt__writes(const palt__together *t); /* process 0, or one alone */
/* Tells all how this process fares, and returns how all do: the status and the message of the first that has failed.
 * err is not NULL, and has the reason if `mine` is a failure. PAL_ERR_STOPPED of all is no failure. */
pal_status palt__agree(palt__together *t, pal_status mine, pal_error *err);
/* Takes note of the status of a call that all make and that has agreed by itself, such as those of evaluate.c. */
pal_status palt__agreed(palt__together *t, pal_status of_all);
/* Gives the bytes of process 0 to all. */
pal_status palt__share(palt__together *t, void *bytes, size_t n, pal_error *err);
/* rundir_together.c: whether the folder was opened by these processes together; all get to know its checkpoint. One
 * process alone needs no context. */
pal_status palt__rundir_meet(pal_rundir *dir, palt__together *t, pal_context *context, pal_error *err);

/* ---- resume.c ------------------------------------------------------------------------------------------------- */

typedef struct palt__checkpoint {
    const pal_rundir *dir;
    palt__together *together;
    pal_safetensors *file; /* NULL: no checkpoint, or process 0 reads it */
    bool exists;           /* false: no checkpoint, and step is 0 */
    int64_t step;
    double loss; /* sum over the steps of an unfinished epoch */
} palt__checkpoint;
/* Copies the weights into the model. steps is the number of steps of the whole run. The caller closes the checkpoint in
 * every case. */
pal_status palt__checkpoint_open(palt__checkpoint *c, const pal_rundir *dir, pal_model *model, int64_t steps,
                                 palt__together *together, pal_error *err);
/* The sums of an unfinished epoch. */
pal_status palt__checkpoint_gradients(const palt__checkpoint *c, palt__gradients *gradients, pal_error *err);
pal_status palt__checkpoint_optimizer(const palt__checkpoint *c, pal_optimizer *optimizer, pal_error *err);
/* The same for a minimiser; its x is not read. */
pal_status palt__checkpoint_minimiser(const palt__checkpoint *c, const pal_minimiser *minimiser, pal_error *err);
void palt__checkpoint_close(palt__checkpoint *c);
/* The step of the checkpoint; 0 without one. */
pal_status palt__checkpoint_step(const pal_rundir *dir, pal_context *context, int64_t *step, pal_error *err);

/* rundir.c: marks the run as running again from this step on, and drops epochs that end later. changed: what differs
 * from the recorded run, or NULL. longer: an extension that is new, or NULL. time_limit: from now on. */
pal_status palt__rundir_go_on(pal_rundir *dir, int64_t step, const char *changed, const pal_extension *longer,
                              double time_limit, pal_error *err);

/* best.c: writes best.safetensors, the model after this epoch with this measured loss. */
pal_status palt__rundir_save_best(pal_rundir *dir, const pal_model *model, int64_t epoch, double loss, pal_error *err);

/* pal_rundir_save, with the state of a minimiser instead of an optimiser, and the sums of the gradients of an
 * unfinished epoch; each may be NULL. */
pal_status palt__rundir_save(pal_rundir *dir, const pal_model *model, const pal_optimizer *optimizer,
                             const pal_minimiser *minimiser, int64_t step, double loss, pal_tensor *gradients,
                             pal_error *err);

/* figures.c: the figures of the code. */
pal_status palt__code_figures(pal_model *model, const pal_dataset *data, const pal_evaluate_options *options,
                              pal_code_figures *figures, pal_error *err);

int64_t palt__features(const pal_model *model);

/* ---- json.c: structs and JSON objects, by a table of fields --------------------------------------------------- */

typedef enum palt__kind {
    PALT__TEXT,   /* const char *; NULL is left out */
    PALT__FLAG,   /* bool */
    PALT__COUNT,  /* int64_t or uint64_t */
    PALT__REAL,   /* double, exact after reading back; null if not finite */
    PALT__FIGURE, /* the same, rounded to ten digits */
    /* Settings that were added later: left out where they are 0 or false, which is also what a missing one becomes. */
    PALT__FLAG_IF,
    PALT__COUNT_IF,
    PALT__REAL_IF,
} palt__kind;

typedef struct palt__field {
    const char *name; /* "schedule.name" is the member "name" of the object "schedule" */
    palt__kind kind;
    size_t offset;
} palt__field;

json_t *palt__json_figure(double value);
double palt__ten_digits(double value); /* as a figure is rounded */
/* Text that may be any bytes (pal_text_escape). NULL: out of memory. */
json_t *palt__json_string(const char *bytes);
/* Turns a string that was read into these bytes again; other values stay as they are. false: out of memory. */
bool palt__json_bytes(json_t *value);
bool palt__json_set(json_t *object, const palt__field *fields, size_t n, const void *from); /* false: out of memory */
/* A missing value, or one of another type, becomes NULL, 0 or NAN. The texts belong to the object. false: out of
 * memory.
 */
bool palt__json_get(json_t *object, const palt__field *fields, size_t n, void *to);
/* The value as text, with as few digits as read back the same. The caller frees it. flags as for json_dumps. */
char *palt__json_text(const json_t *value, size_t flags);

/* ---- info.c: run.json ----------------------------------------------------------------------------------------- */

extern const pal_train_result palt__no_result;      /* of a run that has done nothing yet */
json_t *palt__info_write(const pal_run_info *info); /* NULL: out of memory */
/* The texts of info belong to the object, and its arrays to info: palt__info_clear frees them, also after a failure.
 * Changes the texts of the object, so that it can be read once. */
bool palt__info_read(json_t *object, pal_run_info *info);
/* The name of a number that no run has, such as a negative number of samples; NULL: there is none. */
const char *palt__info_wrong(const pal_run_info *info);
void palt__info_clear(pal_run_info *info);

/* ---- folder.c: a folder by its descriptor --------------------------------------------------------------------- */

#define PALT__RUN_JSON   "run.json"
#define PALT__METRICS    "metrics.jsonl"
#define PALT__CHECKPOINT "checkpoint.safetensors"
#define PALT__BEST       "best.safetensors"
#define PALT__SOURCE     "variant.c"
#define PALT__GRADIENTS  "train/gradients" /* a tensor of the checkpoint */

typedef struct palt__folder {
    char *path;     /* as it was given, for messages */
    int descriptor; /* -1: not open */
    bool locked;    /* no other process trains into it */
    bool made;      /* palt__folder_make has created it */
} palt__folder;

/* The caller closes the folder, also after a failure of these two. */
pal_status palt__folder_open(palt__folder *f, const char *path, pal_error *err);
/* Makes the folder and its parents, opens and locks it. A folder that exists is taken if it is empty but for temporary
 * files, which are removed, and for a PALT__SOURCE that is just `source`, the text that the caller writes next (NULL:
 * it writes none): a process that was killed when it began leaves such a folder. PAL_ERR_EXISTS: it is not empty, or no
 * folder. PAL_ERR_ARGUMENT: another process has locked it. */
pal_status palt__folder_make(palt__folder *f, const char *path, const char *source, pal_error *err);
/* Removes it again with its PALT__SOURCE, if palt__folder_make has created it and there is nothing else in it. */
void palt__folder_undo(palt__folder *f);
void palt__folder_close(palt__folder *f);
/* The lock is released when the folder is closed or the process ends, in whatever way. On a file system without locks
 * the folder is not locked. PAL_ERR_ARGUMENT: another process has locked it. */
pal_status palt__folder_lock(palt__folder *f, pal_error *err);
bool palt__folder_has(const palt__folder *f, const char *name); /* false: there is certainly no such file */
void palt__folder_sweep(const palt__folder *f);                 /* removes the temporary files of a killed process */
/* Where the folder is now, if it is no longer at its path: "" if that is not known. NULL: it is there. */
const char *palt__folder_now(const palt__folder *f, char *out, size_t size);
/* The contents of a regular file of at most `most` bytes, with a zero after them. The caller frees them. NULL: there is
 * no such file. */
pal_status palt__folder_read(const palt__folder *f, const char *name, size_t most, char **text, size_t *size,
                             pal_error *err);
pal_status palt__folder_write(const palt__folder *f, const char *name, const char *text, size_t size, pal_error *err);
/* Sets err to an error that begins with the name of a file in the folder. */
pal_status palt__folder_blame(const palt__folder *f, const pal_error *own, pal_error *err);
const char *palt__short_path(const char *path); /* for messages: of a long path only the end */

/* ---- svd.c ---------------------------------------------------------------------------------------------------- */

/* a [rows, columns], row-major, is overwritten. s receives r = min(rows, columns) singular values, descending. vt
 * [r, columns] receives the right singular vectors as orthonormal rows; NULL: not requested. */
pal_status palt__svd(pal_context *context, size_t rows, size_t columns, double *a, double *s, double *vt,
                     pal_error *err);

/* ---- baseline.c, statistics.c, output_bias.c, closed_form.c ---------------------------------------------------- */

/* The rows of a sample of the data, of which *n is the number. NULL: the sample is all of the data, or there is no
 * memory, which sets err. The caller frees them. */
uint32_t *palt__sample_rows(const pal_dataset *data, uint64_t seed, size_t *n, pal_error *err);
/* Gives the bias of the output its start, if it waits for one (pal_output_starts). */
pal_status palt__start_output(pal_model *model, const pal_dataset *data, const pal_train_options *options,
                              pal_error *err);
/* Fills those statistics of the model that have a known name, such as "input/mean". */
pal_status palt__measure_statistics(pal_model *model, const pal_dataset *data, pal_error *err);
/* Principal components of the samples: the eigenvalues of their covariance, variance [r] descending, and its
 * eigenvectors as rows, directions [r, features], with r the smaller of the numbers of samples and of features. */
pal_status palt__principal_directions(pal_context *context, const pal_dataset *data, double *variance,
                                      double *directions, pal_error *err);
bool palt__has_closed_form(const pal_model *model); /* the settings of the model request it */
pal_status palt__solve(pal_model *model, const pal_dataset *data, pal_error *err);

#endif
