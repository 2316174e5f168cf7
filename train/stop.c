/* stop.c - when training ends before its last epoch: its patience has run out, or its time is over.
 *
 * Patience is a function of the lines of metrics.jsonl alone, whose losses are rounded. So a resumed run, which reads
 * them, ends at the same epoch and has the same best one as a run that was never interrupted. Time is none: where it
 * ends depends on the machine. */
#include <math.h>
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
