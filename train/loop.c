/* loop.c - one phase of the training loop, and one epoch of a phase.
 *
 * One run of the program is one step: forward pass, backward pass and update for a batch. The loop gathers the next
 * batch into the input of the program, advances the clock of the noise and of the schedule, and runs the program. A
 * checkpoint is written only if all its weights are finite. So there is always a usable one: the initial model, the
 * end of the last epoch, or the step at which the caller stopped the run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/loop.h"

void palt__loop_end(palt__loop *l)
{
    if (l->o.profile && l->stage && l->taken)
        l->o.profile(&(pal_profile){l->stage->program, l->phase.name, l->taken, l->spent, l->waited},
                     l->o.profile_user);
    if (l->o.profile && l->minimised) palt__minimised_profile(l);
    l->taken = 0;
    l->spent = l->waited = 0;
    if (l->trains) pal_optimizer_swap(l->optimizer);
    l->trains = false;
    palt__stage_free(l->stage);
    palt__stage_free(l->adds);
    palt__stage_free(l->loss);
    pal_slab_free(l->kept);
    pal_accumulator_free(l->sums);
    palt__gradients_free(l->gradients);
    palt__evaluator_free(l->evaluator);
    pal_optimizer_free(l->optimizer);
    l->stage = l->adds = l->loss = NULL;
    l->kept = NULL;
    l->sums = NULL;
    l->gradients = NULL;
    palt__minimised_free(l->minimised);
    l->minimised = NULL;
    l->evaluator = NULL;
    l->optimizer = NULL;
}

int64_t palt__loop_labelled_batch(const palt__loop *l)
{
    const char *own = pal_model_setting(l->model, "labelled-batch");
    const int64_t n = own ? strtoll(own, NULL, 10) : 0;
    return n > 0 ? n : l->o.batch;
}

/* Samples of a batch, from both streams. */
static void set_streams(palt__loop *l)
{
    const bool labels = pal_model_classes(l->model) && l->phase.stream != PAL_STREAM_ALL;
    l->few = labels ? palt__loop_labelled_batch(l) : 0;
    l->all = l->few && l->phase.stream == PAL_STREAM_LABELLED ? 0 : l->o.batch;
    l->shards.rows = (l->all + l->few) / l->shards.count;
}

typedef enum program { ADDS, STEPS, MEASURES } program;

/* A program of the phase: of a batch that is not the last of a step, of the last one, of the loss alone. only: it is
 * recorded and not compiled. */
static palt__stage *make_stage(palt__loop *l, program which, bool only, pal_error *err)
{
    palt__phase_step step = {&l->phase, which == STEPS ? l->optimizer : NULL, l->sums, l->parts, l->o.gradient_sizes};
    const palt__stage_options o = {.rows = (l->all + l->few) / l->shards.count * l->local_shards,
                                   .shards = &l->shards,
                                   .labels = l->few != 0,
                                   .known = l->data->known != NULL,
                                   .labelled_from = l->few ? l->all / l->shards.count : 0,
                                   .lanes = l->o.lanes,
                                   .effects = which != MEASURES,
                                   .record = which == MEASURES ? palt__phase_loss : palt__phase_record,
                                   .user = &step,
                                   .check_nan = l->o.check_nan,
                                   .profile = l->o.profile != NULL,
                                   .divide = which == STEPS && l->parts == 1 && !pal_optimizer_is_curved(l->optimizer),
                                   .record_only = only,
                                   .more = l->o.gradient_sizes ? pal_model_parameter_count(l->model) : 0};
    return palt__stage_new(l->model, &o, err);
}

/* Both programs of a step of several batches, or the one of a step of one. */
static pal_status make_stages(palt__loop *l, bool only, pal_error *err)
{
    if (l->parts > 1) {
        l->sums = palt__phase_accumulator(l->model, &l->phase, err);
        if (l->sums) l->adds = make_stage(l, ADDS, only, err);
        if (!l->adds) return PAL_ERR_ARGUMENT;
    }
    l->stage = make_stage(l, STEPS, only, err);
    if (l->stage && pal_optimizer_compares(l->optimizer)) {
        l->loss = make_stage(l, MEASURES, only, err);
        return l->loss ? palt__loop_keeps(l, err) : PAL_ERR_ARGUMENT;
    }
    return l->stage ? PAL_OK : PAL_ERR_ARGUMENT;
}

pal_status palt__loop_try(palt__loop *l, size_t i, pal_error *err)
{
    l->phase = l->plan.phase[i];
    const char *method = palt__phase_minimiser(&l->phase, l->o.optimizer);
    if (method) {
        l->minimised = palt__minimised_new(l, method, true, err);
        const bool good = l->minimised != NULL;
        palt__loop_end(l);
        return good ? PAL_OK : PAL_ERR_ARGUMENT;
    }
    palt__loop_schedule(l);
    set_streams(l);
    l->optimizer = palt__phase_optimizer(l->model, &l->phase, l->o.optimizer, l->progress.steps, err);
    const pal_status status = l->optimizer ? make_stages(l, true, err) : PAL_ERR_ARGUMENT;
    palt__loop_end(l);
    return status;
}

static pal_status begin_optimizer(palt__loop *l, pal_error *err)
{
    l->optimizer = palt__phase_optimizer(l->model, &l->phase, l->o.optimizer, l->progress.steps, err);
    if (!l->optimizer) return PAL_ERR_ARGUMENT;
    if (make_stages(l, false, err)) return PAL_ERR_ARGUMENT; /* before the states are read: some begin there */
    if (l->from.exists && l->step > l->before && palt__checkpoint_optimizer(&l->from, l->optimizer, err))
        return PAL_ERR_FORMAT;
    if (l->step > l->before)
        pal_optimizer_swap(l->optimizer); /* the checkpoint has the weights of evaluation in the model */
    else
        pal_optimizer_set_step(l->optimizer, 1, 0); /* what starts as the weights */
    l->trains = true;
    if (l->o.gradient_sizes && !(l->gradients = palt__gradients_new(l->model, &l->phase, err))) return PAL_ERR_MEMORY;
    if (l->from.exists && l->first && palt__checkpoint_gradients(&l->from, l->gradients, err)) return PAL_ERR_FORMAT;
    return PAL_OK;
}

static pal_status begin_minimiser(palt__loop *l, const char *method, pal_error *err)
{
    pal_progress *p = &l->progress;
    l->minimised = palt__minimised_new(l, method, l->planned, err);
    if (!l->minimised) return PAL_ERR_ARGUMENT;
    if (l->o.gradient_sizes && !(l->gradients = palt__gradients_new(l->model, &l->phase, err))) return PAL_ERR_MEMORY;
    if (l->from.exists && l->step > l->before) {
        if (palt__checkpoint_minimiser(&l->from, l->minimised->minimiser, err)) return PAL_ERR_FORMAT;
        const size_t lines = pal_rundir_epoch_count(l->o.folder);
        l->minimised->report = p->iteration = pal_rundir_epoch(l->o.folder, lines - 1)->iteration;
    }
    p->minimises = true;
    return PAL_OK;
}

pal_status palt__loop_begin(palt__loop *l, size_t i, int64_t epochs, pal_error *err)
{
    palt__loop_end(l);
    l->phase = l->plan.phase[i];
    l->at = i;
    l->before = epochs * l->progress.steps;
    pal_progress *p = &l->progress;
    p->phase = l->phase.name;
    if (l->step == l->before) /* the figures of another phase belong to another loss */
        p->test_loss = p->squared_error = p->squared_error_corrupted = p->error = l->explained = NAN;
    palt__loop_schedule(l);
    palt__loop_watch_again(l);
    if (l->step == l->before) pal_phase_start(l->model, &l->phase);
    const char *method = palt__phase_minimiser(&l->phase, l->o.optimizer);
    p->minimises = false;
    p->end = PAL_MINIMISE_RUNNING;
    p->iteration = (pal_minimise_report){0};
    set_streams(l);
    const pal_status status = method ? begin_minimiser(l, method, err) : begin_optimizer(l, err);
    palt__checkpoint_close(&l->from);
    if (status || !l->o.test) return status;
    const pal_evaluate_options o = palt__loop_measuring(l);
    l->evaluator = palt__evaluator_new(l->model, &l->phase, l->o.test, &o, err);
    return palt__agreed(&l->together, l->evaluator ? PAL_OK : PAL_ERR_ARGUMENT);
}

/* Says which figure is not finite, and the likeliest remedy: the scale of the data if their values are large. */
static pal_status not_finite(const palt__loop *l, const char *what, pal_error *err)
{
    double low, high;
    char scale[96] = "";
    pal_data_range(l->data, &low, &high);
    const bool large = fmax(fabs(low), fabs(high)) > PAL_DATA_LARGE;
    if (large && l->step == 1 && !strcmp(what, "the loss"))
        return pal_error_set(err, PAL_ERR_NUMERIC,
                             "%s is not finite before the first update: scale the data (values from %g to %g)", what,
                             low, high);
    if (large) snprintf(scale, sizeof scale, "scale the data (values from %g to %g), or ", low, high);
    if (l->minimised)
        return pal_error_set(err, PAL_ERR_NUMERIC, "%s is not finite at epoch %lld: %schoose another --optimizer", what,
                             (long long)l->progress.epoch, scale);
    return pal_error_set(err, PAL_ERR_NUMERIC,
                         "%s is not finite at epoch %lld, step %lld: %slower --learning-rate "
                         "(now %g)",
                         what, (long long)l->progress.epoch, (long long)l->progress.step, scale, palt__loop_rate(l));
}

static pal_status check_finite(palt__loop *l, pal_error *err)
{
    for (size_t i = 0; i < pal_model_parameter_count(l->model); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(l->model, i, &name);
        if (pal_tensor_finite(t) < pal_tensor_count(t)) return not_finite(l, name, err);
    }
    return PAL_OK;
}

/* Weights that were checked. The file has the weights of evaluation as the model. */
static pal_status save(palt__loop *l, pal_error *err)
{
    const bool middle = l->step % l->progress.steps != 0;
    if (!l->o.folder) return PAL_OK;
    if (middle && !isfinite(l->sum)) return not_finite(l, "the loss", err);
    const double began = palt__seconds();
    pal_optimizer_swap(l->optimizer);
    const pal_minimiser *minimiser = l->minimised ? l->minimised->minimiser : NULL;
    const pal_status status =
        palt__rundir_save(l->o.folder, l->model, l->optimizer, minimiser, l->step, middle ? l->sum : 0,
                          middle ? palt__gradients_state(l->gradients) : NULL, err);
    l->saved = l->step;
    l->saved_at = palt__seconds();
    l->saving = l->saved_at - began;
    pal_optimizer_swap(l->optimizer);
    return palt__agree(&l->together, status, err);
}

/* Not before all are known to be there: a process that has ended may have sent its last messages in part. */
pal_status palt__loop_save(palt__loop *l, pal_error *err)
{
    const pal_status status = palt__agree(&l->together, check_finite(l, err), err);
    return status ? status : save(l, err);
}

/* What the host computes before a step, which may fail in one process alone. */
static pal_status prepare_step(palt__loop *l, uint64_t number, double learning_rate, pal_error *err)
{
    const pal_status status = pal_optimizer_set_step(l->optimizer, number, learning_rate);
    const char *why = pal_optimizer_error(l->optimizer);
    double low, high;
    if (status != PAL_ERR_NUMERIC) return status ? pal_error_set(err, status, "%s", why) : PAL_OK;
    pal_data_range(l->data, &low, &high);
    /* What the host computes before step 2 comes from the first gradient, before any weight has moved. */
    const bool rate = number > 2 && !pal_optimizer_is_curved(l->optimizer);
    if (fmax(fabs(low), fabs(high)) > PAL_DATA_LARGE)
        return pal_error_set(err, status, "%s: scale the data (values from %g to %g)", why, low, high);
    return rate ? pal_error_set(err, status, "%s: lower --learning-rate (now %g)", why, learning_rate)
                : pal_error_set(err, status, "%s: choose another --optimizer", why);
}

pal_status palt__loop_step(palt__loop *l, const uint32_t *rows, uint64_t number, double learning_rate, double *loss,
                           pal_error *err)
{
    pal_status status = prepare_step(l, number, learning_rate, err);
    pal_accumulator_clear(l->sums);
    palt__loop_keep(l);
    *loss = 0;
    for (int64_t part = 0; part < l->parts; part++, rows += l->o.batch) {
        palt__stage *stage = part + 1 < l->parts ? l->adds : l->stage;
        const uint32_t *of = rows + l->first_shard * l->shards.rows;
        if (!status && l->few) status = palt__loop_join(l, rows, (l->step - 1) * l->parts + part + 1, &of, err);
        const pal_noise noise = {
            .seed = l->o.seed, .clock = (uint64_t)l->step, .row = (uint64_t)(part * (l->all + l->few))};
        if (status) palt__stage_skip(stage, noise);
        if (!status) status = palt__stage_run(stage, l->data, of, noise, err);
        if (status) return status;
        *loss += pal_tensor_get(pal_output(stage->program, 0), 0);
        if (l->loss) status = palt__loop_compare(l, of, noise, number, *loss, err);
        if (status) return status;
    }
    *loss /= (double)l->parts;
    palt__gradients_add(l->gradients, l->stage->program, 1);
    return PAL_OK;
}

/* With check_nan, a loss that overflows does not end the epoch: a later step makes a NaN of it and names the operation.
 */
static pal_status take_steps(palt__loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    l->training = 0;
    if (!l->first) l->sum = 0;
    if (!l->first) palt__gradients_clear(l->gradients);
    p->finished = false;
    p->step = l->first;
    pal_status status = palt__agree(&l->together, palt__loop_shuffle(l, p->epoch, err), err);
    if (status) return status;
    double began = palt__seconds();
    while (p->step < p->steps) {
        double loss;
        pal_error why = {0};
        l->step++;
        palt__stop_raise(l);
        status = palt__loop_step(l, palt__loop_rows(l, p->step), (uint64_t)(l->step - l->before), palt__loop_rate(l),
                                 &loss, &why);
        p->step++;
        if (status)
            return pal_error_set(err, status, "%s (epoch %lld, step %lld)", why.text, (long long)p->epoch,
                                 (long long)p->step);
        const double now = palt__seconds();
        if (!isfinite(loss) && !l->o.check_nan) return not_finite(l, "the loss", err);
        l->sum += loss;
        if (!isfinite(l->sum) && p->step == p->steps) return not_finite(l, "the loss", err);
        l->spent += now - began - l->training;
        l->training = now - began;
        l->taken++;
        l->waited += pal_program_waited(l->stage->program);
        status = palt__stop_step(l, now, err);
        if (status) return status;
    }
    return PAL_OK;
}

/* A step fails in all processes, an iteration of a minimiser maybe in one. What the processes keep in parts is made
 * whole for those who look at it now. */
pal_status palt__loop_steps(palt__loop *l, pal_error *err)
{
    const pal_status status = l->minimised ? palt__minimised_epoch(l, err) : take_steps(l, err);
    if (l->minimised || (status && status != PAL_ERR_STOPPED)) return palt__agree(&l->together, status, err);
    if (!pal_program_settle(l->stage->program)) return status;
    pal_error_set(err, PAL_ERR_PEER, "%s", pal_program_error(l->stage->program));
    return palt__agree(&l->together, PAL_ERR_PEER, err);
}

/* Writes best.safetensors if this epoch is the best one so far. The weights were checked. */
static pal_status save_best(palt__loop *l, int64_t epoch, pal_error *err)
{
    if (!palt__stop_keeps(l) || l->waiting.epoch != epoch) return PAL_OK;
    pal_optimizer_swap(l->optimizer);
    const pal_status status = palt__rundir_save_best(l->o.folder, l->model, epoch, l->waiting.lowest, err);
    pal_optimizer_swap(l->optimizer);
    return status;
}

/* The state of a minimiser can be many times as large as the model. Its iterations are saved so rarely that this takes
 * a twentieth of the time; the last one of a phase always is. */
static bool may_wait(const palt__loop *l)
{
    enum { SHARE = 20 };
    const int64_t epoch = l->step / l->progress.steps, last = l->before / l->progress.steps + l->phase.epochs;
    return l->minimised && epoch < last && palt__seconds() - l->saved_at < SHARE * l->saving;
}

pal_status palt__loop_finish(palt__loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_figures figures = {.loss = NAN, .squared_error = NAN, .squared_error_corrupted = NAN, .error = NAN};
    const bool measured = palt__loop_measures(l);
    pal_status status = measured ? palt__loop_figures(l, &figures, err) : PAL_OK;
    status = palt__agree(&l->together, status, err);
    if (status) return status;
    if (measured && !isfinite(figures.loss) && l->o.patience < 1)
        return not_finite(l, "the loss of the test data", err);
    if (measured || !l->evaluator) palt__loop_take(l, &figures);
    pal_epoch epoch = {.epoch = p->epoch,
                       .step = l->step,
                       .train_loss = l->sum / (double)p->steps,
                       .test_loss = figures.loss,
                       .squared_error = figures.squared_error,
                       .squared_error_corrupted = figures.squared_error_corrupted,
                       .learning_rate = palt__loop_rate(l),
                       .seconds = palt__seconds() - l->started,
                       .n_terms = figures.n_terms > 1 ? figures.n_terms : 0};
    memcpy(epoch.terms, figures.terms, sizeof epoch.terms);
    epoch.baseline = l->baseline;
    epoch.explained = pal_explained(figures.squared_error, l->baseline);
    epoch.error = l->few ? figures.error : (double)NAN;
    memcpy(epoch.phase, l->phase.name, sizeof epoch.phase);
    epoch.n_gradients = palt__gradients_sizes(l->gradients, l->minimised ? 1 : p->steps, &epoch.gradients);
    epoch.minimised = l->minimised != NULL;
    if (l->minimised) epoch.iteration = l->minimised->report;
    if (l->minimised) epoch.end = l->minimised->end;
    palt__loop_watch(l, &epoch);
    epoch.stopped = l->waiting.out;
    if (l->waiting.out) palt__loop_cut(l);
    /* The best model and the line are written before the checkpoint: a run killed in between repeats the epoch, and
     * writes them again. */
    status = check_finite(l, err);
    if (!status) status = save_best(l, epoch.epoch, err);
    if (!status && l->o.folder) status = pal_rundir_add(l->o.folder, &epoch, err);
    status = palt__agree(&l->together, status, err);
    bool later = may_wait(l), stop, over;
    if (!status && l->minimised) status = palt__share(&l->together, &later, sizeof later, err);
    if (!status && !later) status = save(l, err);
    if (status) return status;
    p->finished = true;
    status = palt__stop_epoch(l, &stop, &over, err);
    if (status) return status;
    if ((stop || over) && later && save(l, err)) return PAL_ERR_IO;
    if (over) return pal_error_set(err, PAL_ERR_STOPPED, "out of time");
    return stop ? pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller") : PAL_OK;
}
