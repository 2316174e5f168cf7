/* internal.h - what the files of train/ share. */
#ifndef PAL_TRAIN_INTERNAL_H
#define PAL_TRAIN_INTERNAL_H

#include <jansson.h>

#include "train/train.h"

static inline pal_status palt__no_memory(pal_error *err) { return pal_error_set(err, PAL_ERR_MEMORY, "out of memory"); }
double palt__seconds(void); /* of a clock that only goes forward */

/* ---- stage.c: one program over a batch of a fixed size, with its input ---------------------------------------- */

typedef struct palt__stage {
    pal_tensor *input; /* [rows, features], of the model's type */
    pal_program *program;
    int64_t rows;
    pal_tensor *labels; /* [rows, classes] one-hot, of the rows from labelled_from on; or NULL */
    int64_t labelled_from;
    pal_tensor *corrupted; /* the input after another model's corruption, and what computes it; or NULL */
    pal_program *corrupt;
} palt__stage;

enum { PALT__STAGE_OUTPUTS = 7 + PAL_MODEL_NOTES };

typedef struct palt__inputs {
    pal_tape *tape;
    pal_var x, corrupted; /* corrupted has id 0 where no other model corrupts */
    pal_var labels;       /* id 0: none */
    int64_t labelled_from;
} palt__inputs;

/* Records from the inputs on; fills outputs and returns how many, 0 after a failure that the tape tells. */
typedef size_t (*palt__record_fn)(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user);

typedef struct palt__stage_options {
    int64_t rows;
    unsigned lanes;
    bool effects;
    bool labels;           /* the data have labels that the model takes */
    int64_t labelled_from; /* as in pal_batch */
    pal_model *corruptor;  /* another model, whose parameters would be in the way on one tape; NULL: none */
    palt__record_fn record;
    void *user;
} palt__stage_options;

palt__stage *palt__stage_new(pal_model *model, const palt__stage_options *options, pal_error *err);
void palt__stage_free(palt__stage *stage);
/* Gathers these rows of the data and runs. */
pal_status palt__stage_run(palt__stage *stage, const pal_dataset *data, const uint32_t *rows, pal_noise noise,
                           pal_error *err);

/* The first samples of a data set in order, each once: full batches by one program, the remainder by another. The
 * noise's row is the sample's number. */
typedef struct palt__pass palt__pass;
typedef void (*palt__after_fn)(const palt__stage *stage, void *user);

/* options->rows: the batch. count: of samples. */
palt__pass *palt__pass_new(pal_model *model, const pal_dataset *data, int64_t count, const palt__stage_options *options,
                           pal_error *err);
void palt__pass_free(palt__pass *pass);
/* after is called after each batch. */
pal_status palt__pass_run(palt__pass *pass, uint64_t seed, palt__after_fn after, void *user, pal_error *err);

/* Between begin and end: the input after the other model's corruption or the model's own. id 0: nothing corrupts. */
pal_var palt__corrupted(pal_model *model, const palt__inputs *in);
/* Likewise: q(z | x) of rows as pal_model_target has them; a failure on the tape where it is not of as many samples and
 * units as their code. Its kind and k are the variant's, whatever the model's settings. */
pal_distribution palt__code_posterior(pal_model *model, pal_var target, pal_var code);

/* ---- evaluate.c ----------------------------------------------------------------------------------------------- */

typedef struct palt__evaluator palt__evaluator; /* compiled once, run after each epoch */
/* phase: whose loss it is, borrowed; NULL: the model's. */
palt__evaluator *palt__evaluator_new(pal_model *model, const pal_phase *phase, const pal_dataset *data,
                                     const pal_evaluate_options *options, pal_error *err);
void palt__evaluator_free(palt__evaluator *evaluator);
pal_status palt__evaluator_run(palt__evaluator *evaluator, pal_figures *figures, pal_error *err);

/* ---- phases.c ------------------------------------------------------------------------------------------------- */

typedef struct palt__phases { /* all phases, each with its epochs */
    pal_phase *phase;
    size_t n;
    int64_t epochs; /* in all */
} palt__phases;
pal_status palt__phases_make(const pal_model *model, int64_t epochs, palt__phases *plan,
                             pal_error *err); /* then free it */
void palt__phases_free(palt__phases *plan);

/* Of what moves in this phase. */
pal_optimizer *palt__phase_optimizer(const pal_model *model, const pal_phase *phase, const pal_optimizer_options *given,
                                     pal_error *err);
typedef struct palt__phase_step {
    const pal_phase *phase;
    pal_optimizer *optimizer;
} palt__phase_step;
/* A palt__record_fn: loss, gradients, update; user is a palt__phase_step. */
size_t palt__phase_record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user);

/* ---- labelled.c: the labelled samples, and the stream of them ------------------------------------------------- */

typedef struct palt__labelled palt__labelled;
/* Whether the data have what the loss of this model takes. */
pal_status palt__labels_check(const pal_model *model, const pal_dataset *data, pal_error *err);
/* Draws the model's `labels` samples; a step has `batch` of them. NULL: err says why. */
palt__labelled *palt__labelled_new(const pal_model *model, const pal_dataset *data, int64_t batch, uint64_t seed,
                                   pal_error *err);
void palt__labelled_free(palt__labelled *labelled);
pal_status palt__labelled_rows(palt__labelled *labelled, int64_t step, uint32_t *out, pal_error *err); /* [batch] */

/* ---- resume.c ------------------------------------------------------------------------------------------------- */

typedef struct palt__checkpoint {
    const pal_rundir *dir;
    pal_safetensors *file; /* NULL: there is none, and step is 0 */
    int64_t step;
    double loss; /* sum over the steps of an epoch that is not finished */
} palt__checkpoint;
/* Puts the weights into the model. steps: of the whole run. To be closed in every case. */
pal_status palt__checkpoint_open(palt__checkpoint *c, const pal_rundir *dir, pal_model *model, int64_t steps,
                                 pal_error *err);
pal_status palt__checkpoint_optimizer(const palt__checkpoint *c, pal_optimizer *optimizer, pal_error *err);
void palt__checkpoint_close(palt__checkpoint *c);

/* rundir.c: the run is running again from this step on; epochs that end later are dropped. changed: what is not as it
 * was, or NULL. */
pal_status palt__rundir_go_on(pal_rundir *dir, int64_t step, const char *changed, pal_error *err);

/* figures.c: those of the code. */
pal_status palt__code_figures(pal_model *model, const pal_dataset *data, const pal_evaluate_options *options,
                              pal_code_figures *figures, pal_error *err);

/* Whether samples of this data have as many features as the model takes. */
pal_status palt__fits(const pal_model *model, const pal_dataset *data, pal_error *err);
int64_t palt__features(const pal_model *model);

/* ---- json.c: structs and JSON objects, by a table of fields --------------------------------------------------- */

typedef enum palt__kind {
    PALT__TEXT,   /* const char *, NULL is left out */
    PALT__COUNT,  /* int64_t or uint64_t */
    PALT__REAL,   /* double, read back exactly; one that is not finite is null */
    PALT__FIGURE, /* the same, rounded to ten digits */
} palt__kind;

typedef struct palt__field {
    const char *name; /* "schedule.name" is in the object "schedule" */
    palt__kind kind;
    size_t offset;
} palt__field;

json_t *palt__json_figure(double value);
bool palt__json_set(json_t *object, const palt__field *fields, size_t n, const void *from); /* false: no memory */
/* What is missing or of another type becomes NULL, 0 and NAN. Texts belong to the object. */
void palt__json_get(const json_t *object, const palt__field *fields, size_t n, void *to);
/* As few digits as read back the same; malloc. flags as for json_dumps. */
char *palt__json_text(const json_t *value, size_t flags);
/* The shortest decimal that reads back the same. */
void palt__real_text(double value, char *out, size_t size);

/* ---- info.c: run.json ----------------------------------------------------------------------------------------- */

json_t *palt__info_write(const pal_run_info *info); /* NULL: no memory */
/* settings is an array for info->settings; its texts are in buffer. Both malloc, for the caller. */
bool palt__info_read(const json_t *object, pal_run_info *info, pal_setting **settings);
void palt__settings_free(pal_setting *settings, size_t n);

/* ---- file.c --------------------------------------------------------------------------------------------------- */

/* Under a temporary name in the same folder, then renamed. */
pal_status palt__file_write(const char *path, const char *text, size_t size, pal_error *err);
char *palt__file_read(const char *path, size_t *size, pal_error *err); /* with a zero after it; malloc */
/* The folder and those above it; one that exists must be empty. */
pal_status palt__folder_make(const char *path, pal_error *err);

/* ---- svd.c ---------------------------------------------------------------------------------------------------- */

/* a [rows, columns], row-major, is overwritten. s: r = min(rows, columns) singular values, descending. vt [r, columns]:
 * the right singular vectors as rows, orthonormal; NULL: not wanted. */
pal_status palt__svd(pal_context *context, size_t rows, size_t columns, double *a, double *s, double *vt,
                     pal_error *err);

/* ---- statistics.c, closed_form.c ------------------------------------------------------------------------------ */

/* Fills the statistics of the model that are known by name, such as "input/mean". */
pal_status palt__measure_statistics(pal_model *model, const pal_dataset *data, pal_error *err);
/* Of the centred samples' covariance: variance [features] descending, directions [features, features], a row each. */
pal_status palt__principal_directions(pal_context *context, const pal_dataset *data, double *variance,
                                      double *directions, pal_error *err);
bool palt__has_closed_form(const pal_model *model); /* and its settings ask for it */
pal_status palt__solve(pal_model *model, const pal_dataset *data, pal_error *err);

#endif
