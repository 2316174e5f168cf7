/* loop_rate.c - the learning rate of a phase: its schedule, and the losses that a plateau waits for. */
#include <math.h>

#include "train/loop.h"

void palt__loop_schedule(palt__loop *l)
{
    const int64_t epochs = l->phase.epochs ? l->phase.epochs : l->o.epochs;
    l->schedule = l->o.schedule ? *l->o.schedule : (pal_schedule){.name = "constant", .learning_rate = 0.1};
    l->schedule.total = (uint64_t)epochs * (uint64_t)l->progress.steps; /* may wrap before the options are checked */
    if (l->phase.learning_rate > 0) l->schedule.learning_rate = l->phase.learning_rate;
}

/* Takes the loss of an epoch for a schedule that waits for a plateau: that of the test samples, or without them of the
 * training. It is rounded as in metrics.jsonl, so that a resumed run sees the same numbers. The last epoch of a phase
 * is always measured; it counts only if it would be measured in the middle, too, so that a longer run sees the same.
 * Patience counts the same losses (stop.c). */
void palt__loop_watch(palt__loop *l, const pal_epoch *epoch)
{
    palt__stop_watch(l, epoch);
    if (!palt__stop_counts(l, epoch)) return;
    pal_plateau_add(&l->plateau, &l->schedule, palt__ten_digits(l->o.test ? epoch->test_loss : epoch->train_loss));
    l->schedule.reductions = l->plateau.reductions;
}

/* The same, for the epochs of the phase that an earlier process has finished. */
void palt__loop_watch_again(palt__loop *l)
{
    const int64_t first = l->before / l->progress.steps, last = l->step / l->progress.steps;
    l->plateau = (pal_plateau){0};
    l->waiting = (palt__waiting){.lowest = NAN};
    for (size_t i = 0; l->o.folder && i < pal_rundir_epoch_count(l->o.folder); i++) {
        const pal_epoch *epoch = pal_rundir_epoch(l->o.folder, i);
        if (epoch->epoch > first && epoch->epoch <= last) palt__loop_watch(l, epoch);
    }
}

/* The learning rate of the current step, counted from the start of the phase. */
double palt__loop_rate(const palt__loop *l)
{
    if (l->minimised) return l->minimised->report.step;
    return pal_schedule_rate(&l->schedule, (uint64_t)(l->step - l->before));
}
