/* loop_go_on.c - a resumed run: the loop continues where the run was saved.
 *
 * In: the folder. Out: the weights of its checkpoint in the model, the step, the figures of the last epoch, and the
 * folder marked as running again. Lines of metrics beyond the checkpoint are dropped: the steps are taken again. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/loop.h"

/* Describes what differs for the remaining steps and affects their bits; NULL: nothing differs. */
static const char *changes(const palt__loop *l, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(l->o.folder);
    const char *was[PAL_RUN_CHANGES], *is[PAL_RUN_CHANGES];
    const bool left = l->step < l->progress.epochs * l->progress.steps;
    const size_t n = left ? pal_run_changes(info, pal_model_context(l->model), was, is) : 0;
    size_t length = 0;
    for (size_t i = 0; i < n && length < size; i++)
        length +=
            (size_t)snprintf(out + length, size - length, "%s%s instead of %s", length ? ", " : "", is[i], was[i]);
    if (length && length < size) snprintf(out + length, size - length, " from step %lld on", (long long)l->step + 1);
    return length ? out : NULL;
}

/* Every epoch that the checkpoint has finished has a line of metrics: it is written first. */
static pal_status check_metrics(const palt__loop *l, int64_t epochs, pal_error *err)
{
    const pal_rundir *folder = l->o.folder;
    const size_t lines = pal_rundir_epoch_count(folder);
    const int64_t last = lines ? pal_rundir_epoch(folder, lines - 1)->epoch : 0;
    if (last >= epochs) return PAL_OK;
    return pal_error_set(
        err, PAL_ERR_FORMAT,
        "%s/metrics.jsonl ends with epoch %lld, but the checkpoint has finished epoch %lld: restore the "
        "file from a copy of the run, or train a new run that begins with these weights (--from)",
        palt__short_path(pal_rundir_path(folder)), (long long)last, (long long)epochs);
}

pal_status palt__loop_go_on(palt__loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_rundir *folder = l->o.folder;
    const bool solved = palt__has_closed_form(l->model);
    pal_status status =
        palt__checkpoint_open(&l->from, folder, l->model, solved ? 0 : p->epochs * p->steps, &l->together, err);
    if (!status && !solved) status = check_metrics(l, l->from.step / p->steps, err);
    if (status) return status;
    l->untouched = false;
    l->step = l->saved = l->from.step;
    p->epoch = l->step / p->steps;
    l->first = l->step % p->steps;
    l->sum = l->from.loss;
    char changed[256];
    const double seconds = pal_rundir_info(folder)->result.seconds;
    const pal_extension longer = {l->o.extend, p->epoch, pal_rundir_info(folder)->epochs, l->o.epochs};
    status = palt__rundir_go_on(folder, solved ? -1 : l->step, changes(l, changed, sizeof changed),
                                l->o.extend ? &longer : NULL, l->o.time_limit, err);
    status = palt__agree(&l->together, status, err);
    if (status) return status;
    const size_t lines = pal_rundir_epoch_count(folder);
    const pal_epoch *last = lines ? pal_rundir_epoch(folder, lines - 1) : NULL;
    l->started -= fmax(seconds, last ? last->seconds : 0);
    if (!last) return PAL_OK;
    palt__stop_recall(l);
    p->train_loss = last->train_loss;
    for (size_t i = lines; i-- > 0 && !isfinite(last->test_loss);) /* the last measured epoch of the phase */
        if (!strcmp(pal_rundir_epoch(folder, i)->phase, last->phase)) last = pal_rundir_epoch(folder, i);
    p->test_loss = last->test_loss;
    p->squared_error = last->squared_error;
    p->squared_error_corrupted = last->squared_error_corrupted;
    p->error = last->error;
    /* The figures of a line are rounded, so a share computed from them could differ in its last digit. */
    l->explained = isfinite(last->explained) ? last->explained : pal_explained(last->squared_error, l->baseline);
    return PAL_OK;
}
