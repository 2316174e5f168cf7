/* minimised.c - a phase that a minimiser trains (optim/minimise.h). An epoch is one iteration of its method.
 *
 * An iteration may evaluate the loss several times, and multiply with its curvature. The model gets the new weights
 * when the iteration is complete. One that is stopped in the middle is abandoned, and the checkpoint stays that of the
 * iteration before; a resumed run takes it again, with the same bits. The step of the run counts on by the steps of an
 * epoch, so that epochs and steps fit together in a run whose phases have different optimisers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"
#include "train/objective.h"

enum { FIXED_FOR = 3 }; /* iterations on a fixed batch, as of Hinton and Salakhutdinov (2006) */

/* Between two evaluations the caller is told, and may stop. */
static int stop(void *user)
{
    palt__loop *l = user;
    palt__minimised *m = l->minimised;
    const double now = palt__seconds();
    pal_minimise_report *r = &l->progress.iteration;
    if (!m) return 0;
    if (!palt__loop_is_due(l, now)) return palt__loop_agree_stop(l);
    r->evaluations = m->report.evaluations + palt__objective_evaluations(m->objective) - m->evaluations;
    r->products = m->report.products + palt__objective_products(m->objective) - m->products;
    if (palt__loop_report(l, now)) l->wish |= PALT__STOP;
    return palt__loop_agree_stop(l);
}

void palt__minimised_free(palt__minimised *m)
{
    if (!m) return;
    pal_minimiser_free(m->minimiser);
    pal_data_objective_free(m->objective);
    free(m->numbers);
    free(m);
}

static bool needs_products(const char *method) { return !strcmp(method, "hessian-free"); }

static pal_minimiser *make_minimiser(const palt__loop *l, const pal_data_objective *objective, const char *method,
                                     pal_error *err)
{
    const pal_train_minimise *o = &l->o.minimise;
    const pal_objective *f = pal_data_objective_get(objective);
    if (needs_products(method) && !f->gauss_newton) {
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "%s needs a Gauss-Newton matrix, but the loss of %s%s%s has no part that is convex in an output: "
                      "give --optimizer newton-cg or lbfgs",
                      method, pal_model_variant(l->model)->name, *l->phase.name ? " in phase " : "", l->phase.name);
        return NULL;
    }
    const pal_minimise_options options = {.struct_size = sizeof options,
                                          .method = method,
                                          .gradient = o->gradient,
                                          .memory = (size_t)o->memory,
                                          .restart = o->restart,
                                          .products = o->products,
                                          .damping = o->damping};
    return pal_minimiser_new(f, &options, err);
}

palt__minimised *palt__minimised_new(palt__loop *l, const char *method, bool planned, pal_error *err)
{
    const pal_train_minimise *o = &l->o.minimise;
    const pal_data_objective_options options = {.struct_size = sizeof options,
                                                .phase = &l->phase,
                                                .batch = l->o.batch,
                                                .seed = l->o.seed,
                                                .lanes = l->o.lanes,
                                                .frozen = o->frozen_noise,
                                                .curvature_samples = o->curvature_samples,
                                                .check_nan = l->o.check_nan,
                                                .profile = l->o.profile != NULL,
                                                .stop = stop,
                                                .user = l,
                                                .shards = l->shards.count,
                                                .fixed_batch = o->fixed_batch,
                                                .communicator = l->shards.communicator};
    const pal_context *c = pal_model_context(l->model);
    const size_t before = pal_context_memory(c, NULL);
    palt__minimised *m = calloc(1, sizeof *m);
    if (!m) {
        palt__no_memory(err);
        return NULL;
    }
    m->objective = palt__objective_new(l->model, l->data, &options, planned, err);
    if (m->objective) m->minimiser = make_minimiser(l, m->objective, method, err);
    m->damps = !strcmp(method, "hessian-free");
    if (m->minimiser) m->vectors = pal_context_memory(c, NULL) - before;
    if (m->minimiser) m->numbers = calloc(pal_minimiser_state_count(m->minimiser), sizeof *m->numbers);
    if (m->numbers) return m;
    if (m->minimiser) palt__no_memory(err);
    palt__minimised_free(m);
    return NULL;
}

/* Keeps the numbers of the state, or tells whether they are still the same. Its vectors change only with them. */
static bool same_numbers(palt__minimised *m, bool keep)
{
    bool same = true;
    for (size_t i = 0; i < pal_minimiser_state_count(m->minimiser); i++) {
        const pal_tensor *t = pal_minimiser_state(m->minimiser, i, NULL);
        if (pal_tensor_count(t) != 1) continue;
        const double now = pal_tensor_get(t, 0);
        if (keep) m->numbers[i] = now;
        same &= now == m->numbers[i];
    }
    return same;
}

/* The gradient at the point of the minimiser, which is one of its states. */
static const pal_tensor *gradient_of(const pal_minimiser *minimiser)
{
    for (size_t i = 0; i < pal_minimiser_state_count(minimiser); i++) {
        const char *name;
        const pal_tensor *t = pal_minimiser_state(minimiser, i, &name);
        if (!strcmp(strrchr(name, '/'), "/gradient")) return t;
    }
    return NULL; /* not reached: every method has it */
}

/* The loss or its gradient at the weights that the phase begins with. */
static pal_status no_start(const palt__loop *l, pal_error *err)
{
    double low, high;
    pal_data_range(l->data, &low, &high);
    return pal_error_set(err, PAL_ERR_NUMERIC,
                         "the loss or its gradient is not finite before the first step: scale the data (values from %g "
                         "to %g), or choose another --init",
                         low, high);
}

/* The batch of an iteration follows from its number alone, so that a resumed run takes the same. */
static void take_batch(const palt__loop *l, int64_t iteration)
{
    const int64_t each = l->o.minimise.fixed_for ? l->o.minimise.fixed_for : FIXED_FOR;
    pal_data_objective_take(l->minimised->objective, iteration / each);
    if (iteration % each == 0) pal_minimiser_restart(l->minimised->minimiser);
}

pal_status palt__minimised_epoch(palt__loop *l, pal_error *err)
{
    palt__minimised *m = l->minimised;
    pal_progress *p = &l->progress;
    pal_error why = {0};
    const double began = palt__seconds();
    p->finished = false;
    p->step = 0;
    m->evaluations = palt__objective_evaluations(m->objective);
    m->products = palt__objective_products(m->objective);
    const int64_t iteration = l->step / p->steps - l->before / p->steps;
    pal_data_objective_choose(m->objective, iteration);
    if (l->o.minimise.fixed_batch) take_batch(l, iteration);
    pal_minimise_report report;
    same_numbers(m, true);
    pal_status status = pal_minimiser_step(m->minimiser, &m->end, &report, &why);
    m->unchanged = status && same_numbers(m, false);
    if (status == PAL_ERR_STOPPED && l->together.failed)
        return pal_error_set(err, l->trouble.status, "%s", l->trouble.text);
    if (status == PAL_ERR_STOPPED) return pal_error_set(err, status, "stopped by the caller");
    if (status == PAL_ERR_NUMERIC && !*pal_data_objective_error(m->objective)) return no_start(l, err);
    if (status) {
        const char *text = pal_data_objective_error(m->objective);
        return pal_error_set(err, status, "%s (epoch %lld)", *text ? text : why.text, (long long)p->epoch);
    }
    if (l->o.minimise.fixed_batch) m->end = PAL_MINIMISE_RUNNING; /* the next batch is another function */
    if (!m->damps) report.damping = 0;
    m->report = p->iteration = report;
    p->end = m->end;
    l->training = palt__seconds() - began;
    l->seen = (double)(palt__objective_evaluations(m->objective) - m->evaluations) *
              (double)palt__objective_samples(m->objective);
    l->step += p->steps;
    p->step = p->steps;
    l->sum = report.value * (double)p->steps;
    pal_data_objective_write(m->objective);
    if (l->gradients)
        palt__gradients_take(l->gradients, pal_data_objective_get(m->objective)->x, gradient_of(m->minimiser));
    return PAL_OK;
}

void palt__minimised_profile(const palt__loop *l)
{
    int64_t runs;
    double seconds;
    const pal_program *program = pal_data_objective_program(l->minimised->objective, &runs, &seconds);
    if (program && runs) l->o.profile(&(pal_profile){program, l->phase.name, runs, seconds, 0}, l->o.profile_user);
}

pal_status palt__minimise_check(const palt__loop *l, pal_error *err)
{
    pal_optimizer_options of = {.struct_size = 0};
    const pal_train_minimise *o = &l->o.minimise;
    if (palt__optimizer_read(&of, l->o.optimizer)) return PAL_ERR_ARGUMENT;
    const bool rates = of.rates && *of.rates, averages = of.average && strcmp(of.average, "none") != 0;
    const char *has = l->parts > 1          ? "accumulation"
                      : of.weight_decay > 0 ? "weight decay"
                      : of.clip_norm > 0    ? "limit of the gradient's norm"
                      : rates               ? "rates by layer"
                      : averages            ? "average of the weights"
                                            : NULL;
    if (has) return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: it has no %s: leave that out", of.name, has);
    if (o->memory < 0 || o->restart < 0 || o->products < 0 || o->curvature_samples < 0 || o->fixed_batch < 0 ||
        o->fixed_for < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: a number is negative: choose 0 or more", of.name);
    return PAL_OK;
}
