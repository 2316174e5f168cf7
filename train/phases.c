/* phases.c - training as a list of phases, and the program of one step of a phase.
 *
 * What a phase does not set is taken from the run; plain training is one phase that sets nothing. A parameter that is
 * frozen in a phase is a leaf like the others, but has neither a gradient nor optimiser state. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/internal.h"

enum { MOST = 1 << 20 };

/* A checkpoint holds the step as a double, which is exact up to here. */
static const int64_t steps_most = (int64_t)1 << 53;

static pal_status too_long(int64_t epochs, int64_t steps, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "%lld epochs of %lld steps are more steps than can be counted: all phases together may have "
                         "%lld epochs",
                         (long long)epochs, (long long)steps, (long long)(steps_most / steps));
}

pal_status palt__phases_make(const pal_model *model, int64_t epochs, int64_t steps, palt__phases *plan, pal_error *err)
{
    const int64_t most = steps_most / steps;
    *plan = (palt__phases){0};
    if (epochs > most) return too_long(epochs, steps, err);
    for (pal_phase next; plan->n < MOST && pal_model_phase(model, plan->n, epochs, &next);) {
        pal_phase *more = realloc(plan->phase, (plan->n + 1) * sizeof *more);
        if (!more) return palt__no_memory(err);
        if (next.epochs < 1) next.epochs = epochs;
        if (next.epochs > most - plan->epochs) return too_long(next.epochs, steps, err);
        plan->phase = more;
        plan->phase[plan->n++] = next;
        plan->epochs += next.epochs;
    }
    if (plan->n && plan->n < MOST) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %zu training phases: too few or too many",
                         pal_model_variant(model)->name, plan->n);
}

/* Epochs of the phases from this one on. */
static int64_t epochs_from(const palt__phases *plan, size_t first)
{
    int64_t sum = 0;
    for (size_t i = first; i < plan->n; i++) sum += plan->phase[i].epochs;
    return sum;
}

/* The current phase is the first one that has not ended; the last one never has. */
pal_status palt__phases_extend(const pal_model *model, int64_t after, int64_t epochs, int64_t steps, palt__phases *plan,
                               pal_error *err)
{
    palt__phases next, more = {0};
    size_t now = 0;
    int64_t done = after; /* in the current phase */
    for (; now + 1 < plan->n && plan->phase[now].epochs <= done; now++) done -= plan->phase[now].epochs;
    pal_status status = palt__phases_make(model, epochs, steps, &next, err);
    if (!status) status = palt__phases_make(model, epochs + 1, steps, &more, err);
    const int64_t left = epochs_from(&next, now) - done;
    const bool fixed = epochs_from(&more, now) == epochs_from(&next, now);
    palt__phases_free(&more);
    if (!status && (left < 1 || next.phase[now].epochs < done)) {
        const char *name = plan->n > 1 ? plan->phase[now].name : "";
        status = fixed ? pal_error_set(err, PAL_ERR_ARGUMENT,
                                       "the last phase, %s, has a number of epochs of its own, so that --epochs does "
                                       "not lengthen it: start a new run",
                                       name)
                       : pal_error_set(err, PAL_ERR_ARGUMENT,
                                       "--epochs %lld: as many are done already%s%s: give a greater number",
                                       (long long)epochs, *name ? " in phase " : "", name);
    }
    if (status) {
        palt__phases_free(&next);
        return status;
    }
    memcpy(next.phase, plan->phase, now * sizeof *next.phase);
    next.epochs = epochs_from(&next, 0);
    palt__phases_free(plan);
    *plan = next;
    return PAL_OK;
}

pal_status palt__phases_rates(const pal_model *model, const pal_dataset *data, int64_t batch, palt__phases *plan,
                              pal_error *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        pal_phase *phase = &plan->phase[i];
        pal_train_defaults d;
        if (!phase->optimizer || phase->learning_rate > 0) continue;
        const pal_status status = pal_train_defaults_of(model, data, phase->optimizer, batch, &d, err);
        if (status) return status;
        phase->learning_rate = d.learning_rate;
    }
    return PAL_OK;
}

void palt__phases_cut(palt__phases *plan, size_t i, int64_t epochs)
{
    plan->phase[i].epochs = epochs;
    plan->epochs = epochs_from(plan, 0);
}

void palt__phases_free(palt__phases *plan)
{
    free(plan->phase);
    *plan = (palt__phases){0};
}

/* Writes the indices of the parameters that are trained, in the order of the model, and returns their number. */
static size_t moving(const pal_model *model, const pal_phase *phase, size_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const char *name;
        pal_model_parameter(model, i, &name);
        if (pal_phase_moves(model, phase, name)) out[n++] = i;
    }
    return n;
}

pal_status palt__optimizer_read(pal_optimizer_options *out, const pal_optimizer_options *given)
{
    return pal_options_read(out, given, sizeof *out, offsetof(pal_optimizer_options, momentum_schedule), "optimizer",
                            NULL);
}

const char *palt__phase_minimiser(const pal_phase *phase, const pal_optimizer_options *given)
{
    pal_optimizer_options of = {.struct_size = 0};
    if (phase->optimizer) return pal_train_minimises(phase->optimizer) ? phase->optimizer : NULL;
    if (!given || palt__optimizer_read(&of, given)) return NULL;
    return pal_train_minimises(of.name) ? of.name : NULL;
}

/* What a phase with an optimiser of its own takes from the run is the average. Without numbers of its own, an equal one
 * is that of the weights after each of the last quarter of the epochs. */
static pal_optimizer_options options_of(const pal_phase *phase, const pal_optimizer_options *given, uint64_t steps)
{
    pal_optimizer_options own = {.struct_size = sizeof own, .name = phase->optimizer ? phase->optimizer : "gd"};
    pal_optimizer_options of = {.struct_size = 0};
    if (!given) return own;
    if (palt__optimizer_read(&of, given)) return of; /* pal_optimizer_new refuses the size */
    if (phase->optimizer) {
        own.average = of.average;
        own.average_decay = of.average_decay;
        own.average_start = of.average_start;
        own.average_every = of.average_every;
        of = own;
    }
    if (!of.average_every) of.average_every = steps;
    if (!of.average_start) of.average_start = ((uint64_t)phase->epochs * 3 / 4 + 1) * steps;
    return of;
}

typedef struct moved { /* the parameters that are trained */
    size_t n, *at;
    pal_tensor **parameters;
    const char **names;
} moved;

static void free_moved(moved *m)
{
    free(m->at);
    free(m->parameters);
    free(m->names);
}

static pal_status find_moved(const pal_model *model, const pal_phase *phase, moved *m, pal_error *err)
{
    const size_t all = pal_model_parameter_count(model) + 1;
    *m = (moved){.at = calloc(all, sizeof *m->at),
                 .parameters = calloc(all, sizeof *m->parameters),
                 .names = calloc(all, sizeof *m->names)};
    if (!m->at || !m->parameters || !m->names) return palt__no_memory(err);
    m->n = moving(model, phase, m->at);
    for (size_t i = 0; i < m->n; i++) m->parameters[i] = pal_model_parameter(model, m->at[i], &m->names[i]);
    if (m->n || all == 1) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: phase %s trains no parameter", pal_model_variant(model)->name,
                         phase->name);
}

pal_optimizer *palt__phase_optimizer(const pal_model *model, const pal_phase *phase, const pal_optimizer_options *given,
                                     int64_t steps, pal_error *err)
{
    const pal_optimizer_options own = options_of(phase, given, (uint64_t)steps);
    moved m;
    pal_optimizer *optimizer = NULL;
    if (!find_moved(model, phase, &m, err))
        optimizer = pal_optimizer_new(pal_model_context(model), &own, m.parameters, m.names, m.n, err);
    free_moved(&m);
    return optimizer;
}

pal_accumulator *palt__phase_accumulator(const pal_model *model, const pal_phase *phase, pal_error *err)
{
    moved m;
    pal_accumulator *sums = NULL;
    if (!find_moved(model, phase, &m, err))
        sums = pal_accumulator_new(pal_model_context(model), m.parameters, m.names, m.n, err);
    free_moved(&m);
    return sums;
}

static pal_var loss_of(pal_model *model, const palt__inputs *in, const pal_phase *phase)
{
    return pal_model_loss(model, &(pal_batch){.inputs = in->x,
                                              .labels = in->labels,
                                              .known = in->known,
                                              .labelled_from = in->labelled_from,
                                              .phase = phase});
}

size_t palt__phase_record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    const palt__phase_step *step = user;
    const size_t all = pal_model_parameter_count(model) + 1;
    size_t *at = calloc(all, sizeof *at);
    pal_var *leaves = calloc(2 * all, sizeof *leaves);
    pal_status status = at && leaves ? PAL_OK : PAL_ERR_MEMORY;
    size_t made = 1;
    if (!status) {
        const size_t n = moving(model, step->phase, at);
        pal_var *gradients = leaves + all, z[PAL_MODEL_LIKELIHOODS], divergence[PAL_MODEL_LIKELIHOODS];
        pal_fisher curvature = {.struct_size = sizeof curvature};
        pal_model_begin(model, in->tape, PAL_TRAIN);
        outputs[0] = loss_of(model, in, step->phase);
        status = pal_model_leaves(model, in->tape, leaves);
        if (!status && pal_optimizer_is_curved(step->optimizer))
            curvature.sampled = pal_model_fisher(model, outputs[0], &curvature.n, z, divergence);
        pal_model_end(model);
        for (size_t i = 0; i < n; i++) leaves[i] = leaves[at[i]];
        if (!status) status = pal_all_mean_grad(outputs[0], leaves, n, gradients);
        outputs[0] = pal_all_mean(outputs[0]);
        if (!status && step->sums && step->optimizer)
            status = pal_accumulator_mean(step->sums, in->tape, gradients, step->parts, gradients);
        if (!status && !step->optimizer) status = pal_accumulator_add(step->sums, in->tape, gradients);
        if (!status && step->optimizer) {
            curvature.z = z;
            curvature.divergence = divergence;
            status = pal_optimizer_record_curved(step->optimizer, in->tape, leaves, gradients, n,
                                                 pal_optimizer_is_curved(step->optimizer) ? &curvature : NULL);
        }
        for (size_t i = 0; !status && step->optimizer && step->sizes && i < n; i++)
            outputs[made++] = pal_sum_squares(gradients[i]);
    }
    free(at);
    free(leaves);
    return status ? 0 : made;
}

size_t palt__phase_loss(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    const palt__phase_step *step = user;
    pal_model_begin(model, in->tape, PAL_TRAIN);
    outputs[0] = pal_all_mean(loss_of(model, in, step->phase));
    pal_model_end(model);
    return pal_ok(outputs[0]);
}
