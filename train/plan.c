/* plan.c - the phases of a run and their epochs: as the model asks for them, as the run was extended, and as minimisers
 * or patience have ended them. */
#include "train/loop.h"

/* Whether the phase ends with this epoch, whatever number of epochs was planned. */
static bool ends(const pal_epoch *e) { return e->end != PAL_MINIMISE_RUNNING || e->stopped; }

/* Ends the phases that have ended early, among the first `done` epochs. */
static void cut_ended(palt__loop *l, int64_t done)
{
    int64_t begin = 0;
    for (size_t i = 0; i < l->plan.n; begin += l->plan.phase[i++].epochs)
        for (size_t k = 0; k < pal_rundir_epoch_count(l->o.folder); k++) {
            const pal_epoch *e = pal_rundir_epoch(l->o.folder, k);
            if (ends(e) && e->epoch > begin && e->epoch <= done && e->epoch < begin + l->plan.phase[i].epochs)
                palt__phases_cut(&l->plan, i, e->epoch - begin);
        }
}

/* A minimiser that has ended would not move any further, and patience that has run out would end training again. */
static pal_status check_ended(const palt__loop *l, int64_t done, pal_error *err)
{
    const size_t n = pal_rundir_epoch_count(l->o.folder);
    for (size_t k = 0; k < n; k++) {
        const pal_epoch *e = pal_rundir_epoch(l->o.folder, k);
        if (e->epoch != done || done != l->plan.epochs) continue;
        if (e->stopped)
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "training has ended after epoch %lld because %lld measurements in a row were no "
                                 "improvement (--patience): to train these weights further, start a new run with "
                                 "--from",
                                 (long long)done, (long long)l->o.patience);
        if (e->end != PAL_MINIMISE_RUNNING)
            return pal_error_set(
                err, PAL_ERR_ARGUMENT,
                "training has ended by itself after epoch %lld: %s; more epochs would change nothing", (long long)done,
                e->end == PAL_MINIMISE_CONVERGED ? "it has converged" : "no step decreases the loss any further");
    }
    return PAL_OK;
}

void palt__loop_cut(palt__loop *l)
{
    pal_progress *p = &l->progress;
    const int64_t epochs = p->epoch - l->before / p->steps;
    palt__phases_cut(&l->plan, l->at, epochs);
    l->phase.epochs = epochs;
    p->epochs = l->plan.epochs;
}

pal_status palt__loop_phases(palt__loop *l, pal_error *err)
{
    const pal_run_info *info = l->o.resume ? pal_rundir_info(l->o.folder) : NULL;
    const size_t n = info ? info->n_extensions : 0;
    const int64_t first = n ? info->extensions[0].from : l->o.extend ? info->epochs : l->o.epochs;
    if (first < 1 || (l->o.extend && info->epochs < 1))
        return pal_error_set(err, PAL_ERR_FORMAT, "%s/run.json: the number of epochs is missing or invalid",
                             pal_rundir_path(l->o.folder));
    pal_status status = palt__phases_make(l->model, first, l->progress.steps, &l->plan, err);
    for (size_t i = 0; !status && i < n; i++) {
        const pal_extension *e = &info->extensions[i];
        if (e->after < 0 || e->after > l->plan.epochs || e->to < 1)
            return pal_error_set(err, PAL_ERR_FORMAT,
                                 "%s/run.json: extension %zu is invalid: correct its \"after\" and \"to\"",
                                 pal_rundir_path(l->o.folder), i + 1);
        cut_ended(l, e->after);
        status = palt__phases_extend(l->model, e->after, e->to, l->progress.steps, &l->plan, err);
    }
    bool ended = false;
    for (size_t i = 0; info && i < pal_rundir_epoch_count(l->o.folder); i++)
        ended |= ends(pal_rundir_epoch(l->o.folder, i));
    if (status || (!ended && !l->o.extend)) return status;
    int64_t step;
    status = palt__checkpoint_step(l->o.folder, pal_model_context(l->model), &step, err);
    if (status) return status;
    cut_ended(l, step / l->progress.steps);
    if (!l->o.extend) return PAL_OK;
    status = check_ended(l, step / l->progress.steps, err);
    if (!status)
        status = palt__phases_extend(l->model, step / l->progress.steps, l->o.epochs, l->progress.steps, &l->plan, err);
    return status;
}
