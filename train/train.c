/* train.c - training a model: checks of the arguments, the plan of phases, resuming, and the result.
 *
 * The steps themselves are in loop.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"

enum { ACCUMULATED_MOST = 1 << 20 };

static pal_status check_shards(const palt__loop *l, pal_error *err)
{
    const int64_t n = l->o.shards ? l->o.shards : 1, batch = l->o.batch;
    const int processes = l->o.communicator ? l->o.communicator->size : 1;
    if (n < 1 || n > PAL_SHARDS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld shards: choose 1 to %d", (long long)n, PAL_SHARDS_MOST);
    const int64_t was = l->o.resume && l->o.folder ? pal_rundir_info(l->o.folder)->shards : n;
    if ((was ? was : 1) != n)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "the run has cut its batches into %lld shards, not into %lld: resume it with these",
                             (long long)(was ? was : 1), (long long)n);
    if (processes > n)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld shards for %d processes: give --shards %d or more",
                             (long long)n, processes, processes);
    for (int which = 0; which < 2; which++) {
        const int64_t rows = which ? pal_model_classes(l->model) ? palt__loop_labelled_batch(l) : 0 : batch;
        const int64_t below = rows / n * n;
        if (rows % n == 0) continue;
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%s of %lld samples cannot be cut into %lld equal shards: give --%s %lld",
                             which ? "the labelled part of a batch" : "a batch", (long long)rows, (long long)n,
                             which ? "labelled-batch" : "batch", (long long)(below ? below : n));
    }
    return PAL_OK;
}

static pal_status check_batch(const palt__loop *l, pal_error *err)
{
    const int64_t batch = l->o.batch, count = l->data->count;
    if (palt__has_closed_form(l->model)) return PAL_OK; /* it takes no steps */
    if (batch < 1)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a batch of %lld samples: choose 1 or more", (long long)batch);
    if (l->o.accumulate < 0 || l->o.accumulate > ACCUMULATED_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a step of %lld batches: choose 1 to %d",
                             (long long)l->o.accumulate, ACCUMULATED_MOST);
    if (l->parts > 1 && l->o.profile)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a step of %lld batches has several programs: profile one of them",
                             (long long)l->parts);
    if (l->parts > 1 && batch <= count && l->parts > count / batch)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "a step of %lld batches of %lld samples is larger than the training data, %lld samples of "
                             "%s: give --accumulate %lld or less",
                             (long long)l->parts, (long long)batch, (long long)count, l->data->name,
                             (long long)(count / batch));
    if (batch <= count) return check_shards(l, err);
    return pal_error_set(
        err, PAL_ERR_ARGUMENT,
        "a batch of %lld samples is larger than the training data, %lld samples of %s: give --batch %lld or less",
        (long long)batch, (long long)count, l->data->name, (long long)count);
}

/* The names in its options are those of the whole model, of which a phase may move a part. */
static pal_status check_optimizer(const palt__loop *l, pal_error *err)
{
    const size_t n = pal_model_parameter_count(l->model);
    const char **names = calloc(n + 1, sizeof *names);
    if (!names) return palt__no_memory(err);
    for (size_t i = 0; i < n; i++) pal_model_parameter(l->model, i, &names[i]);
    pal_optimizer_options of = {.struct_size = 0};
    const bool minimises = l->o.optimizer && !palt__optimizer_read(&of, l->o.optimizer) && pal_train_minimises(of.name);
    const pal_status status =
        minimises ? palt__minimise_check(l, err) : pal_optimizer_check(l->o.optimizer, names, n, err);
    free(names);
    return status;
}

static pal_status check(const palt__loop *l, pal_error *err)
{
    const pal_train_options *o = &l->o;
    const char *name = l->schedule.name ? l->schedule.name : "none";
    pal_status status = palt__labels_check(l->model, l->data, err);
    if (!status) status = pal_data_check(l->model, l->data, err);
    if (!status && o->test) status = pal_data_check(l->model, o->test, err);
    if (status) return status;
    if (o->epochs < 1)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld epochs: choose 1 or more", (long long)o->epochs);
    status = check_batch(l, err);
    if (!status) status = palt__stop_check(l, err);
    if (!status) status = check_optimizer(l, err);
    if (status) return status;
    if (!pal_schedule_known(name)) return pal_error_set(err, PAL_ERR_ARGUMENT, "unknown schedule %s", name);
    if (!(l->schedule.learning_rate > 0) || !isfinite(l->schedule.learning_rate))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a learning rate of %g: choose a positive number",
                             l->schedule.learning_rate);
    const int64_t classes = pal_model_classes(l->model);
    if (classes && o->test && o->test->classes > classes)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "the test samples of %s have %d classes, but the model has %lld: give --classes %d",
                             o->test->name, o->test->classes, (long long)classes, o->test->classes);
    return status;
}

pal_status palt__loop_prepare(palt__loop *l, pal_error *err)
{
    if (palt__loop_order(l, err)) return PAL_ERR_MEMORY;
    if (pal_model_classes(l->model)) {
        l->labelled = palt__labelled_new(l->model, l->data, palt__loop_labelled_batch(l), l->o.seed, err);
        l->rows = malloc((size_t)(l->o.batch + 2 * palt__loop_labelled_batch(l)) * sizeof *l->rows);
        if (!l->labelled) return PAL_ERR_ARGUMENT;
        if (!l->rows) return palt__no_memory(err);
    }
    const pal_dataset *measured = l->o.test ? l->o.test : l->data;
    if (pal_baseline(l->data, measured, l->o.seed, &l->baseline, err)) return PAL_ERR_MEMORY;
    if (l->o.resume && palt__loop_go_on(l, err)) return err->status;
    if (l->step) return PAL_OK;
    const pal_status status = palt__measure_statistics(l->model, l->data, err);
    return status ? status : palt__agreed(&l->together, palt__start_output(l->model, l->data, &l->o, err));
}

/* Whether a random code tells nothing about the test samples at the end; in the middle of training it may not yet. */
static pal_status find_collapse(palt__loop *l, pal_train_result *result, pal_error *err)
{
    pal_code_figures code;
    const pal_evaluate_options o = palt__loop_measuring(l);
    if (!l->o.test || !pal_model_has_posterior(l->model)) return PAL_OK;
    const pal_status status = palt__agreed(&l->together, palt__code_figures(l->model, l->o.test, &o, &code, err));
    result->collapsed = !status && code.collapsed;
    return status;
}

static pal_status run_epochs(palt__loop *l, pal_train_result *result, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_status status = PAL_OK;
    double training = 0, samples = 0;
    int64_t begin = 0;
    result->epochs = p->epoch;
    result->train_loss = p->train_loss;
    for (size_t i = 0; !status && i < l->plan.n; begin += l->plan.phase[i++].epochs) {
        if (p->epoch >= begin + l->plan.phase[i].epochs) continue; /* finished before the run was resumed */
        status = palt__agree(&l->together, palt__loop_begin(l, i, begin, err), err);
        if (!status && !l->step) status = palt__loop_save(l, err);
        while (!status && p->epoch < begin + l->plan.phase[i].epochs) { /* the phase may end early */
            p->epoch++;
            status = palt__loop_steps(l, err);
            const bool saves = !l->minimised || (l->minimised->unchanged && l->saved < l->step);
            if (status == PAL_ERR_STOPPED && saves && palt__loop_save(l, err)) status = PAL_ERR_IO;
            if (!status && l->minimised && l->minimised->end != PAL_MINIMISE_RUNNING) palt__loop_cut(l);
            if (!status) status = palt__loop_finish(l, err);
            training += l->training;
            samples += l->minimised ? l->seen : (double)((p->step - l->first) * palt__loop_samples(l));
            l->first = 0;
            result->epochs += p->finished;
            if (p->step || !l->minimised) result->train_loss = p->step ? l->sum / (double)p->step : (double)NAN;
        }
    }
    if (status == PAL_ERR_STOPPED && l->out_of_time) {
        if (err) *err = (pal_error){0}; /* no failure */
        status = palt__loop_measure(l, err);
    }
    if (!status) result->ended = l->out_of_time ? "time" : l->waiting.out ? "patience" : NULL;
    result->best_epoch = l->waiting.epoch;
    result->best_loss = l->waiting.lowest;
    result->steps = l->step;
    result->saved = l->saved / p->steps;
    result->test_loss = p->test_loss;
    result->squared_error = p->squared_error;
    result->squared_error_corrupted = p->squared_error_corrupted;
    result->error = p->error;
    result->explained = l->explained;
    result->samples_per_second = training > 0 ? samples / training : (double)NAN;
    palt__loop_end(l);
    return status ? status : find_collapse(l, result, err);
}

/* Solves in closed form instead of training; the result counts as one epoch. */
static pal_status solve(palt__loop *l, pal_train_result *result, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_figures figures;
    const pal_evaluate_options o = palt__loop_measuring(l);
    pal_status status = palt__loop_begin(l, 0, 0, err);
    if (!status) status = palt__solve(l->model, l->data, err);
    if (!status) pal_optimizer_set_step(l->optimizer, 1, 0); /* it evaluates what was solved */
    if (!status) status = palt__agreed(&l->together, pal_evaluate(l->model, l->data, &o, &figures, err));
    if (status) return status;
    p->epoch = p->epochs = 1;
    p->step = p->steps;
    l->sum = figures.loss * (double)p->steps;
    status = palt__loop_finish(l, err);
    if (status) return status;
    result->epochs = 1;
    result->train_loss = figures.loss;
    result->test_loss = p->test_loss;
    result->squared_error = p->squared_error;
    result->explained = l->explained;
    return PAL_OK;
}

void palt__loop_start(palt__loop *l, pal_model *model, const pal_dataset *data, const pal_train_options *o)
{
    const bool solved = palt__has_closed_form(model);
    *l = (palt__loop){.model = model, .data = data, .o = *o};
    if (solved && l->o.batch < 1) l->o.batch = 128; /* only for measuring */
    l->together = palt__together_of(o->communicator);
    if (o->resume && o->folder && !o->shards) l->o.shards = pal_rundir_info(o->folder)->shards;
    l->parts = l->o.accumulate > 1 && !solved ? l->o.accumulate : 1;
    const pal_communicator *c = l->o.communicator;
    /* What is solved in closed form is computed by each process wholly. */
    const pal_communicator *cut = solved ? NULL : c;
    l->shards = (pal_shards){
        .struct_size = sizeof l->shards, .count = l->o.shards > 1 && !solved ? l->o.shards : 1, .communicator = cut};
    pal_shards_of(l->shards.count, cut ? cut->size : 1, cut ? cut->rank : 0, &l->first_shard, &l->local_shards);
    l->progress = (pal_progress){.epochs = l->o.epochs,
                                 .steps = solved           ? 1
                                          : l->o.batch > 0 ? data->count / l->o.batch / l->parts
                                                           : 0,
                                 .phase = "",
                                 .train_loss = NAN,
                                 .test_loss = NAN,
                                 .squared_error = NAN,
                                 .squared_error_corrupted = NAN,
                                 .error = NAN};
    l->baseline = l->explained = l->waiting.lowest = NAN;
    l->measured = -1;
    l->o.gradient_sizes = l->o.gradient_sizes && !solved;
    l->untouched = l->o.resume;
    palt__loop_schedule(l);
    l->started = l->reported = palt__seconds();
}

/* The rest of a run must see the data that its beginning saw. */
static pal_status check_same_data(const palt__loop *l, pal_error *err)
{
    const pal_run_info *info = pal_rundir_info(l->o.folder);
    const char *changed = pal_run_data_changed(info, l->data, l->o.test);
    if (!changed) return PAL_OK;
    return pal_error_set(
        err, PAL_ERR_ARGUMENT,
        "%s: its %s are not those that the run started with: restore the original data, or train a new "
        "run that begins with these weights (--from)",
        palt__short_path(info->data ? info->data : l->data->name), changed);
}

pal_status palt__loop_plan(palt__loop *l, pal_error *err)
{
    pal_status status = check(l, err);
    if (!status && l->o.resume && !l->o.folder)
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "resume: the folder of the run is missing");
    if (!status && l->o.resume) status = check_same_data(l, err);
    if (!status && l->o.extend && !l->o.resume)
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "extend: only a run that is resumed can be extended");
    if (!status && l->o.extend && palt__has_closed_form(l->model))
        status =
            pal_error_set(err, PAL_ERR_ARGUMENT, "extend: the model is solved in closed form, which has no epochs");
    if (!status) status = palt__loop_phases(l, err);
    if (!status) status = palt__phases_rates(l->model, l->data, l->o.batch * l->parts, &l->plan, err);
    l->progress.epochs = l->plan.epochs;
    for (size_t i = 0; !status && i < l->plan.n; i++) {
        const pal_phase *phase = &l->plan.phase[i];
        if (palt__phase_minimiser(phase, l->o.optimizer)) continue;
        pal_optimizer *optimizer = palt__phase_optimizer(l->model, phase, l->o.optimizer, l->progress.steps, err);
        if (!optimizer) status = PAL_ERR_ARGUMENT;
        if (l->parts > 1 && pal_optimizer_is_curved(optimizer))
            status = pal_error_set(err, PAL_ERR_ARGUMENT,
                                   "%s measures the curvature on one batch, not on %lld: give a larger --batch, and "
                                   "--accumulate 1",
                                   phase->optimizer ? phase->optimizer : l->o.optimizer->name, (long long)l->parts);
        pal_optimizer_free(optimizer);
    }
    return status;
}

static pal_status read_options(pal_train_options *o, const pal_train_options *given, pal_error *err)
{
    return pal_options_read(o, given, sizeof *o, offsetof(pal_train_options, check_nan), "train", err);
}

pal_status pal_train_check(const pal_model *model, const pal_dataset *data, const pal_train_options *options,
                           pal_error *err)
{
    palt__loop l;
    pal_error own = {0};
    pal_train_options o = {0};
    if (read_options(&o, options, err)) return PAL_ERR_ARGUMENT;
    palt__loop_start(&l, (pal_model *)(uintptr_t)model, data, &o);
    palt__loop_plan(&l, &own);
    for (size_t i = 0; !own.status && i < l.plan.n && !palt__has_closed_form(model); i++) palt__loop_try(&l, i, &own);
    palt__phases_free(&l.plan);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

void palt__loop_close(palt__loop *l)
{
    palt__loop_end(l);
    palt__checkpoint_close(&l->from);
    palt__phases_free(&l->plan);
    palt__labelled_free(l->labelled);
    free(l->rows);
    pal_order_free(l->order);
    free(l->batch);
    free(l->ahead);
}

/* The end of a run could not be written into run.json. What it has learned is saved all the same. */
static void blame_end(pal_error *own, const pal_error *last, const pal_train_result *result)
{
    if (own->status && own->status != PAL_ERR_STOPPED) return; /* it failed for another reason, which matters more */
    pal_error_set(own, last->status, "%s step %lld, which is saved, but %.300s: resume the run when this is mended",
                  own->status ? "stopped after" : "ended with", (long long)result->steps, last->text);
}

static pal_status begin(palt__loop *l, pal_error *err)
{
    palt__together *t = &l->together;
    pal_status status = palt__loop_meet(l, err);
    if (!status) status = palt__agree(t, palt__loop_plan(l, err), err);
    return status ? status : palt__agree(t, palt__loop_prepare(l, err), err);
}

pal_status pal_train(pal_model *model, const pal_dataset *data, const pal_train_options *options,
                     pal_train_result *result, pal_error *err)
{
    palt__loop l;
    pal_error own = {0};
    pal_train_options o = {0};
    *result = palt__no_result;
    if (read_options(&o, options, err)) return PAL_ERR_ARGUMENT;
    palt__loop_start(&l, model, data, &o);
    if (!begin(&l, &own)) {
        if (palt__has_closed_form(model))
            solve(&l, result, &own);
        else
            run_epochs(&l, result, &own);
    }
    palt__agree(&l.together, own.status, &own);
    result->planned = palt__has_closed_form(model) ? 1 : l.plan.epochs;
    result->baseline = l.baseline;
    result->seconds = palt__seconds() - l.started;
    if (l.o.folder && !l.untouched) {
        const char *word = !own.status ? "done" : own.status == PAL_ERR_STOPPED ? "interrupted" : "failed";
        pal_error last = {0};
        pal_rundir_finish(l.o.folder, word, *word == 'f' ? own.text : NULL, result, &last);
        palt__agree(&l.together, last.status, &last);
        if (last.status) blame_end(&own, &last, result);
    }
    palt__loop_close(&l);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
