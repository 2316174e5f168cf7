/* loop.h - the state of the training loop, and the functions for one phase and one epoch. */
#ifndef PAL_TRAIN_LOOP_H
#define PAL_TRAIN_LOOP_H

#include "train/internal.h"

typedef struct palt__minimised { /* of a phase that a minimiser trains: minimised.c */
    pal_data_objective *objective;
    pal_minimiser *minimiser;
    pal_minimise_report report; /* of the last iteration */
    pal_minimise_end end;
    int64_t evaluations, products; /* calls of the objective before this iteration */
    size_t vectors;                /* their bytes */
    bool damps;                    /* the method has a damping */
    bool unchanged;                /* the iteration that was stopped has left the state as it was */
    double *numbers;               /* of the state before the iteration */
} palt__minimised;

typedef struct palt__waiting { /* stop.c: of the measured losses of a phase */
    int64_t seen, poor;        /* measurements that count for patience; those in a row that were no improvement */
    double good;               /* the last improvement */
    int64_t epoch;             /* with the lowest loss of all measurements; 0: none */
    double lowest;
    bool out; /* patience has run out: the phase ends */
} palt__waiting;

typedef struct palt__loop {
    pal_model *model;
    const pal_dataset *data;
    pal_train_options o;
    pal_schedule schedule;
    palt__phases plan;
    size_t at;                         /* which phase of it is the current one */
    palt__checkpoint from;             /* of a resumed run */
    bool untouched;                    /* resumed, and its folder not yet changed */
    bool planned;                      /* only the memory is counted */
    pal_shards shards;                 /* of a batch; count 1: it is not cut */
    int64_t first_shard, local_shards; /* of this process */

    /* The current phase. */
    pal_phase phase;
    pal_optimizer *optimizer;
    palt__stage *stage;
    palt__stage *adds;          /* a batch that is not the last of its step; NULL: a step takes one batch */
    pal_accumulator *sums;      /* of their gradients */
    palt__gradients *gradients; /* their sizes; NULL: not measured */
    palt__stage *loss;          /* the loss of a batch alone; NULL: the optimiser does not ask for it */
    pal_slab *kept;             /* the statistics of the model before a step, for that; NULL: it has none */
    palt__evaluator *evaluator; /* NULL: no test data */
    palt__minimised *minimised; /* NULL: an optimiser trains the phase, and `optimizer` is one */
    int64_t before;             /* steps of the earlier phases */
    pal_plateau plateau;        /* of the losses of the phase */
    palt__waiting waiting;      /* for a better one */
    bool trains;                /* the model has the weights of training, where the optimiser has others to evaluate */

    pal_order *order;         /* of the epoch */
    uint32_t *batch, *ahead;  /* the rows of the step; those of a later one, which are asked for */
    uint32_t *rows;           /* of the step, from both streams, if the model takes labels */
    palt__labelled *labelled; /* NULL: the model takes no labels */
    int64_t all, few;         /* samples per batch from the stream of all, and from that of labelled samples */
    int64_t parts;            /* batches per step */
    pal_progress progress;
    int64_t step;                       /* steps taken in all epochs */
    int64_t first;                      /* steps of this epoch that an earlier process took: 0 unless resumed */
    double started, training, reported; /* start time; seconds in the steps of this epoch; time of the last report */
    int64_t saved;                      /* the step of the checkpoint */
    double saved_at, saving;            /* when it was written, and the seconds that took */
    double sum;                         /* of the losses of this epoch */
    int64_t taken;                      /* by this process, in this phase: steps and, in `spent`, their seconds */
    double spent, waited;
    double seen;                /* samples of this epoch, each as often as a minimiser has taken it */
    double baseline, explained; /* as in pal_train_result */
    int64_t measured;           /* the step at which the test data was measured last */
    bool out_of_time;           /* training ends because its time is over */
    palt__together together;    /* the processes that train */
    uint32_t wish;              /* with others: why this process wants to stop, or has heard that one does: flags */
    pal_error trouble;          /* how another process has failed, while a minimiser was at work */
} palt__loop;

/* The state before the first step. */
void palt__loop_start(palt__loop *l, pal_model *model, const pal_dataset *data, const pal_train_options *o);
/* Checks everything that can be checked in advance, then makes the plan of phases. */
pal_status palt__loop_plan(palt__loop *l, pal_error *err);
/* plan.c: makes the plan of a new run, or of one that was or is to be extended. */
pal_status palt__loop_phases(palt__loop *l, pal_error *err);
/* Allocates what all phases share, restores a resumed run, or gives the model what it needs from the data. */
pal_status palt__loop_prepare(palt__loop *l, pal_error *err);
/* loop_go_on.c: restores a resumed run from its folder. */
pal_status palt__loop_go_on(palt__loop *l, pal_error *err);
/* loop_meet.c: whether all processes have the same arguments; what they know of the folder. Before the plan. */
pal_status palt__loop_meet(palt__loop *l, pal_error *err);
void palt__loop_close(palt__loop *l); /* frees everything */
/* Sets the schedule of the phase, with its learning rate and length; defaults apply to what is not given. */
void palt__loop_schedule(palt__loop *l);
/* plan.c: ends the phase with the current epoch. */
void palt__loop_cut(palt__loop *l);
/* Takes the loss of an epoch, and those of the epochs of the phase that an earlier process has finished. */
void palt__loop_watch(palt__loop *l, const pal_epoch *epoch);
void palt__loop_watch_again(palt__loop *l);
/* loop_compare.c: makes room for the statistics of the model, and keeps them before a step; then measures the loss of
 * its batch once more, and tells the optimiser. */
pal_status palt__loop_keeps(palt__loop *l, pal_error *err);
void palt__loop_keep(palt__loop *l);
pal_status palt__loop_compare(palt__loop *l, const uint32_t *rows, pal_noise noise, uint64_t step, double before,
                              pal_error *err);
/* The learning rate of the current step, counted from the start of the phase; of a minimiser the length of its step. */
double palt__loop_rate(const palt__loop *l);
/* Labelled samples per batch. */
int64_t palt__loop_labelled_batch(const palt__loop *l);
/* Makes the programs and the optimiser of phase i, which starts after `epochs` epochs. */
pal_status palt__loop_begin(palt__loop *l, size_t i, int64_t epochs, pal_error *err);
/* Ends the phase. The model keeps the weights of evaluation. */
void palt__loop_end(palt__loop *l);
/* Records a step of phase i and throws it away: PAL_OK if that works. */
pal_status palt__loop_try(palt__loop *l, size_t i, pal_error *err);
/* Takes step `step` of the run, whose batches begin at `rows` of the order; *loss is their mean loss. `number` is the
 * number of the step in the phase, from 1, for the optimiser. */
pal_status palt__loop_step(palt__loop *l, const uint32_t *rows, uint64_t number, double learning_rate, double *loss,
                           pal_error *err);
/* loop_rows.c: makes room for the order of an epoch, and computes one. Then the rows of a step of it, from 0. */
pal_status palt__loop_order(palt__loop *l, pal_error *err);
pal_status palt__loop_shuffle(palt__loop *l, int64_t epoch, pal_error *err);
const uint32_t *palt__loop_rows(palt__loop *l, int64_t step);
/* The rows of batch `number`, from 1 on, of this process: `rows` of all samples, joined with labelled ones in each
 * shard. *out is valid until the next call. */
pal_status palt__loop_join(palt__loop *l, const uint32_t *rows, int64_t number, const uint32_t **out, pal_error *err);
size_t palt__loop_order_bytes(int64_t samples); /* what the order takes */
/* Samples of a step. */
int64_t palt__loop_samples(const palt__loop *l);
/* Takes the remaining steps of one epoch. PAL_ERR_STOPPED: the caller asked to stop, or out_of_time. */
pal_status palt__loop_steps(palt__loop *l, pal_error *err);
/* Ends an epoch: measures, then writes the metrics line and the checkpoint. PAL_ERR_STOPPED as above. */
pal_status palt__loop_finish(palt__loop *l, pal_error *err);
/* loop_measure.c: whether the test data is measured after this epoch: every test_every epochs, and after the last of
 * the phase. Then its figures; those that are taken are reported and become those of the result. */
bool palt__loop_measures(const palt__loop *l);
pal_status palt__loop_figures(palt__loop *l, pal_figures *figures, pal_error *err);
void palt__loop_take(palt__loop *l, const pal_figures *figures);
/* The options of each measurement, without a Jacobian. */
pal_evaluate_options palt__loop_measuring(const palt__loop *l);
/* Measures the test data now, for the result, if the weights have changed since. */
pal_status palt__loop_measure(palt__loop *l, pal_error *err);
/* Writes the checkpoint if all weights are finite; in the middle of an epoch, with its losses so far. */
pal_status palt__loop_save(palt__loop *l, pal_error *err);

/* ---- stop.c ---------------------------------------------------------------------------------------------------- */

/* Refuses numbers that make no sense. */
pal_status palt__stop_check(const palt__loop *l, pal_error *err);
/* Whether the measurement after this epoch counts for a plateau and for patience. */
bool palt__stop_counts(const palt__loop *l, const pal_epoch *epoch);
/* Takes the loss of an epoch of the phase. */
void palt__stop_watch(palt__loop *l, const pal_epoch *epoch);
/* The same for all epochs of the last phase of a resumed run, which may have finished it. */
void palt__stop_recall(palt__loop *l);
bool palt__stop_keeps(const palt__loop *l); /* whether best.safetensors is written */

/* ---- loop_stop.c ----------------------------------------------------------------------------------------------- */

/* Reports to the caller. True: the caller asks to stop. It is due about ten times a second. */
bool palt__loop_report(palt__loop *l, double now);
bool palt__loop_is_due(const palt__loop *l, double now);
/* After a step: reports if that is due. PAL_ERR_STOPPED: training ends here, because a caller asks for it or because
 * the time is over, which sets out_of_time. In the middle of an epoch only. */
pal_status palt__stop_step(palt__loop *l, double now, pal_error *err);
/* After an epoch: reports, and agrees whether training ends here. One of the two is set at most. */
pal_status palt__stop_epoch(palt__loop *l, bool *stop, bool *over, pal_error *err);
/* Between two evaluations of a minimiser, at the same ones in all processes. Nonzero: all stop, because one wants to or
 * has failed. */
int palt__loop_agree_stop(palt__loop *l);
/* Raises what this process wants for the next step. */
void palt__stop_raise(const palt__loop *l);

/* ---- minimised.c ---------------------------------------------------------------------------------------------- */

/* The method of the minimiser that trains the phase; NULL: an optimiser trains it. */
const char *palt__phase_minimiser(const pal_phase *phase, const pal_optimizer_options *given);
/* Whether the options of the run fit a minimiser, which is its optimiser. */
pal_status palt__minimise_check(const palt__loop *l, pal_error *err);
/* For the phase of the loop, at the weights of the model. planned as in palt__objective_new. */
palt__minimised *palt__minimised_new(palt__loop *l, const char *method, bool planned, pal_error *err);
void palt__minimised_free(palt__minimised *m);
/* One iteration, which is an epoch. PAL_ERR_STOPPED: it is abandoned, and the model is as before. */
pal_status palt__minimised_epoch(palt__loop *l, pal_error *err);
void palt__minimised_profile(const palt__loop *l);

#endif
