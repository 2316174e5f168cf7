/* loop_stop.c - reports to the caller, and whether training stops here.
 *
 * In: the callback, the clock. Out: PAL_ERR_STOPPED where training stops because the caller asks for it or the time is
 * over. Processes that train together stop at the same place. */
#include <math.h>
#include <stdlib.h>

#include "train/loop.h"

#define BETWEEN_CALLS 0.1 /* seconds */

bool palt__loop_is_due(const palt__loop *l, double now) { return now - l->reported >= BETWEEN_CALLS; }

bool palt__loop_report(palt__loop *l, double now)
{
    pal_progress *p = &l->progress;
    l->reported = now;
    if (p->step) p->train_loss = l->sum / (double)p->step;
    if (!p->step && !l->minimised) p->train_loss = NAN;
    p->seconds = now - l->started;
    const double seen = l->minimised ? l->seen : (double)((p->step - l->first) * palt__loop_samples(l));
    p->samples_per_second = l->training > 0 ? seen / l->training : 0;
    double left = (double)(p->epochs * p->steps - l->step);
    p->seconds_left = l->step ? p->seconds / (double)l->step * left : (double)NAN;
    if (l->o.time_limit > 0 && p->seconds_left > l->o.time_limit - p->seconds)
        p->seconds_left = fmax(l->o.time_limit - p->seconds, 0);
    return l->o.progress && l->o.progress(p, l->o.user);
}

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
