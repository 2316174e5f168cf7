/* loop.h - the training loop: what it holds, and one phase and one epoch of it. */
#ifndef PAL_TRAIN_LOOP_H
#define PAL_TRAIN_LOOP_H

#include "train/internal.h"

typedef struct palt__loop {
    pal_model *model;
    const pal_dataset *data;
    pal_train_options o;
    pal_schedule schedule;
    palt__phases plan;
    palt__checkpoint from; /* of a run that is resumed */
    bool untouched;        /* its folder is as it was */

    /* Of the phase that is trained. */
    pal_phase phase;
    pal_optimizer *optimizer;
    palt__stage *stage;
    palt__evaluator *evaluator; /* NULL: no test data */
    int64_t before;             /* steps of the phases before it */

    uint32_t *order, *rows;   /* of the epoch; of the step, where there are labels: from both streams */
    palt__labelled *labelled; /* NULL: the model takes no labels */
    int64_t all, few;         /* samples a step, of all and of the labelled ones */
    pal_progress progress;
    int64_t step;                       /* taken in all */
    int64_t first;                      /* step of this epoch that was the first here: not 0 after an interruption */
    double started, training, reported; /* when; seconds in this epoch's steps; when last */
    double sum;                         /* of this epoch's losses */
} palt__loop;

/* The rate and the length of the schedule of the phase, where nothing is said the defaults. */
void palt__loop_schedule(palt__loop *l);
/* Labelled samples of a step. */
int64_t palt__loop_labelled_batch(const palt__loop *l);
/* Programs and the optimiser's state of phase i, which begins after so many epochs. */
pal_status palt__loop_begin(palt__loop *l, size_t i, int64_t epochs, pal_error *err);
void palt__loop_end(palt__loop *l);
/* The steps of one epoch, from the first that is to be taken. PAL_ERR_STOPPED: the caller asked for it. */
pal_status palt__loop_steps(palt__loop *l, pal_error *err);
/* Measures, and writes the line and the checkpoint. */
pal_status palt__loop_finish(palt__loop *l, pal_error *err);
/* The checkpoint, if all is finite; in the middle of an epoch with its losses so far. */
pal_status palt__loop_save(palt__loop *l, pal_error *err);

#endif
