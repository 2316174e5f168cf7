/* stop.c - when training ends before its last epoch: its patience has run out, or its time is over.
 *
 * Patience is a function of the lines of metrics.jsonl alone, whose losses are rounded. So a resumed run, which reads
 * them, ends at the same epoch and has the same best one as a run that was never interrupted. Time is none: where it
 * ends depends on the machine. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"

pal_status palt__stop_check(const palt__loop *l, pal_error *err)
{
    const pal_train_options *o = &l->o;
    if (o->patience < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a patience of %lld measurements: choose 0 or more",
                             (long long)o->patience);
    if (!(o->min_improvement >= 0) || o->min_improvement >= 1)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a least improvement of %g: choose a share from 0 to below 1",
                             o->min_improvement);
    if (!(o->time_limit >= 0))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a time of %g seconds: choose 0 or more", o->time_limit);
    if (o->patience && !o->test)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "patience needs samples that are measured, and there are none: give test or validation "
                             "samples");
    if (o->keep_best && !o->test)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "the best epoch is that of the samples that are measured, and there are none: give test "
                             "or validation samples");
    return PAL_OK;
}

bool palt__stop_counts(const palt__loop *l, const pal_epoch *epoch)
{
    return !l->o.test || l->o.test_every < 2 || epoch->epoch % l->o.test_every == 0;
}

/* The best epoch is that of all that were measured, so the last one of a phase, too. */
static void find_lowest(palt__waiting *w, int64_t epoch, double loss)
{
    if (!isfinite(loss) || (w->epoch && !(loss < w->lowest))) return;
    w->epoch = epoch;
    w->lowest = loss;
}

void palt__stop_watch(palt__loop *l, const pal_epoch *epoch)
{
    palt__waiting *w = &l->waiting;
    const double loss = palt__ten_digits(epoch->test_loss);
    if (!l->o.test) return;
    find_lowest(w, epoch->epoch, loss);
    if (!palt__stop_counts(l, epoch)) return;
    const bool better = isfinite(loss) && (!w->seen || loss < w->good - l->o.min_improvement * fabs(w->good));
    w->poor = better ? 0 : w->poor + 1;
    if (better) w->good = loss;
    if (isfinite(loss)) w->seen++;
    w->out = l->o.patience > 0 && w->poor >= l->o.patience;
}

void palt__stop_recall(palt__loop *l)
{
    const size_t n = pal_rundir_epoch_count(l->o.folder);
    const pal_epoch *last = n ? pal_rundir_epoch(l->o.folder, n - 1) : NULL;
    l->waiting = (palt__waiting){.lowest = NAN};
    size_t first = n; /* of the last phase; an earlier one may have the same name */
    while (first && !strcmp(pal_rundir_epoch(l->o.folder, first - 1)->phase, last->phase)) first--;
    for (size_t i = first; i < n; i++) palt__stop_watch(l, pal_rundir_epoch(l->o.folder, i));
}

bool palt__stop_keeps(const palt__loop *l) { return l->o.folder && l->o.test && (l->o.keep_best || l->o.patience > 0); }

static bool is_over(const palt__loop *l, double now)
{
    return l->o.time_limit > 0 && now - l->started >= l->o.time_limit;
}

/* ---- Together ----------------------------------------------------------------------------------------------------
 *
 * Each process has a clock and a caller of its own. What it wants it raises with the next step; after that step all
 * have heard it, and all stop there. The clock of process 0 counts. */

void palt__stop_raise(const palt__loop *l)
{
    if (l->together.communicator) pal_program_raise(l->stage->program, l->wish);
}

static void want(palt__loop *l, bool stop, double now)
{
    if (stop) l->wish |= PALT__STOP;
    if (palt__writes(&l->together) && is_over(l, now)) l->wish |= PALT__TIME;
}

static pal_status ends(palt__loop *l, bool stop, bool over, pal_error *err)
{
    l->out_of_time = over && !stop;
    if (stop) return pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller");
    return over ? pal_error_set(err, PAL_ERR_STOPPED, "out of time") : PAL_OK;
}

pal_status palt__stop_step(palt__loop *l, double now, pal_error *err)
{
    const pal_progress *p = &l->progress;
    const bool middle = p->step < p->steps, due = middle && palt__loop_is_due(l, now);
    const bool stop = due && palt__loop_report(l, now);
    if (!l->together.communicator) return ends(l, stop, middle && is_over(l, now), err);
    const uint32_t heard = pal_program_raised(l->stage->program);
    want(l, stop, now);
    l->wish |= heard;
    return middle ? ends(l, heard & PALT__STOP, heard & PALT__TIME, err) : PAL_OK;
}

/* Joins what all processes want. */
static pal_status hear(palt__loop *l, pal_error *err)
{
    palt__together *t = &l->together;
    uint32_t *all = t->communicator ? calloc((size_t)t->communicator->size, sizeof *all) : NULL;
    if (!t->communicator) return PAL_OK;
    pal_status status = palt__agree(t, all ? PAL_OK : palt__no_memory(err), err);
    if (!status) {
        status = pal_communicator_gather(t->communicator, &l->wish, sizeof l->wish, all, err);
        t->failed |= status != PAL_OK;
    }
    for (int i = 0; !status && i < t->communicator->size; i++) l->wish |= all[i];
    free(all);
    return status;
}

pal_status palt__stop_epoch(palt__loop *l, bool *stop, bool *over, pal_error *err)
{
    const pal_progress *p = &l->progress;
    const bool more = p->epoch < p->epochs, asked = palt__loop_report(l, palt__seconds());
    want(l, asked, palt__seconds());
    const pal_status status = hear(l, err);
    *stop = more && l->wish & PALT__STOP;
    *over = more && !*stop && l->wish & PALT__TIME;
    l->out_of_time = *over;
    return status;
}

int palt__loop_agree_stop(palt__loop *l)
{
    palt__together *t = &l->together;
    pal_error all = {0};
    const bool stop = l->wish & PALT__STOP;
    if (!t->communicator || t->failed) return t->failed || stop;
    if (stop) pal_error_set(&all, PAL_ERR_STOPPED, "stopped by the caller");
    const pal_status status = palt__agree(t, stop ? PAL_ERR_STOPPED : PAL_OK, &all);
    if (t->failed) l->trouble = all;
    return status != PAL_OK;
}
