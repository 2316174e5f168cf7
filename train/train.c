/* train.c - the training loop.
 *
 * One program is one step: forward, backward and update of a batch. The loop gathers the next batch into the program's
 * input, moves the clock of the noise and of the schedule, and runs. A checkpoint is written only where everything in
 * it is finite, so there is always a good one: the initial model, or the end of the last epoch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "train/internal.h"

#define BETWEEN_CALLS 0.1 /* seconds */

typedef struct loop {
    pal_model *model;
    const pal_dataset *data;
    pal_train_options o;
    pal_schedule schedule;
    pal_optimizer *optimizer;
    pal__stage *stage;
    pal__evaluator *evaluator; /* NULL: no test data */
    uint32_t *order;
    pal_progress progress;
    int64_t step;                       /* taken in all */
    double started, training, reported; /* when; seconds in this epoch's steps; when last */
    double sum;                         /* of this epoch's losses */
} loop;

static pal_status no_memory(pal_error *err) { return pal_error_set(err, PAL_ERR_MEMORY, "out of memory"); }

/* The words for an optimiser and a schedule that nothing was said about. */
static void defaults(loop *l)
{
    l->schedule = l->o.schedule ? *l->o.schedule : (pal_schedule){.name = "constant", .learning_rate = 0.1};
    l->schedule.total = (uint64_t)(l->o.epochs * l->progress.steps);
}

/* Cross-entropy of something that is no probability has no minimum: training would run away. */
static pal_status check_range(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    const char *output = pal_model_setting(model, "output");
    if (!output || strcmp(output, "bernoulli") != 0 || data->inputs->dtype == PAL_U8) return PAL_OK;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < pal_tensor_count(data->inputs); i++) {
        low = fmin(low, pal_tensor_get(data->inputs, i));
        high = fmax(high, pal_tensor_get(data->inputs, i));
    }
    if (!(low < 0) && !(high > 1)) return PAL_OK;
    return pal_error_set(
        err, PAL_ERR_ARGUMENT,
        "%s: values from %g to %g, but --output bernoulli wants 0 to 1: scale them, or use --output squared",
        data->name, low, high);
}

static pal_status check(const loop *l, pal_error *err)
{
    const pal_train_options *o = &l->o;
    const char *name = l->schedule.name ? l->schedule.name : "none";
    if (o->epochs < 1) return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld epochs", (long long)o->epochs);
    if (o->batch < 1) return pal_error_set(err, PAL_ERR_ARGUMENT, "a batch of %lld samples", (long long)o->batch);
    if (o->batch > l->data->count)
        return pal_error_set(
            err, PAL_ERR_ARGUMENT,
            "a batch of %lld samples is larger than the training data, %lld samples of %s: give --batch %lld or "
            "less",
            (long long)o->batch, (long long)l->data->count, l->data->name, (long long)l->data->count);
    if (!pal_schedule_known(name)) return pal_error_set(err, PAL_ERR_ARGUMENT, "no schedule is called %s", name);
    if (!(l->schedule.learning_rate > 0) || !isfinite(l->schedule.learning_rate))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "a learning rate of %g", l->schedule.learning_rate);
    pal_status status = pal__fits(l->model, l->data, err);
    if (!status && o->test) status = pal__fits(l->model, o->test, err);
    return status ? status : check_range(l->model, l->data, err);
}

/* Parameters and their names, in the model's order. */
static pal_optimizer *new_optimizer(const loop *l, pal_error *err)
{
    size_t n = pal_model_parameter_count(l->model);
    pal_tensor **parameters = calloc(n + 1, sizeof *parameters);
    const char **names = calloc(n + 1, sizeof *names);
    pal_optimizer *optimizer = NULL;
    pal_optimizer_options plain = {.struct_size = sizeof plain, .name = "gd"};
    if (parameters && names) {
        for (size_t i = 0; i < n; i++) parameters[i] = pal_model_parameter(l->model, i, &names[i]);
        optimizer = pal_optimizer_new(pal_model_context(l->model), l->o.optimizer ? l->o.optimizer : &plain, parameters,
                                      names, n, err);
    } else {
        no_memory(err);
    }
    free(parameters);
    free(names);
    return optimizer;
}

static size_t record_step(pal_model *model, const pal__inputs *in, pal_var *outputs, void *user)
{
    size_t n = pal_model_parameter_count(model);
    pal_var *leaves = calloc(2 * n + 1, sizeof *leaves);
    if (!leaves) return 0;
    pal_var *gradients = leaves + n;
    pal_tape *tape = in->tape;
    pal_model_begin(model, tape, PAL_TRAIN);
    outputs[0] = pal_model_loss(model, &(pal_batch){.inputs = in->x});
    pal_status status = pal_model_leaves(model, tape, leaves);
    pal_model_end(model);
    if (!status) status = pal_grad(outputs[0], leaves, n, gradients);
    if (!status) status = pal_optimizer_record(user, tape, leaves, gradients, n);
    free(leaves);
    return status ? 0 : 1;
}

static pal_status prepare(loop *l, pal_error *err)
{
    l->order = malloc((size_t)l->data->count * sizeof *l->order);
    if (!l->order) return no_memory(err);
    if (pal__measure_statistics(l->model, l->data, err)) return PAL_ERR_ARGUMENT;
    l->optimizer = new_optimizer(l, err);
    if (!l->optimizer) return PAL_ERR_ARGUMENT;
    l->stage = pal__stage_new(
        l->model,
        &(pal__stage_options){
            .rows = l->o.batch, .lanes = l->o.lanes, .effects = true, .record = record_step, .user = l->optimizer},
        err);
    if (!l->stage) return PAL_ERR_ARGUMENT;
    if (!l->o.test) return PAL_OK;
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = l->o.batch, .seed = l->o.seed, .lanes = l->o.lanes};
    l->evaluator = pal__evaluator_new(l->model, l->o.test, &o, err);
    return l->evaluator ? PAL_OK : PAL_ERR_ARGUMENT;
}

static pal_status not_finite(const loop *l, const char *what, pal_error *err)
{
    return pal_error_set(
        err, PAL_ERR_NUMERIC, "%s is not finite at epoch %lld, step %lld: lower --learning-rate (now %g)", what,
        (long long)l->progress.epoch, (long long)l->progress.step, pal_schedule_rate(&l->schedule, (uint64_t)l->step));
}

static pal_status save(loop *l, pal_error *err)
{
    for (size_t i = 0; i < pal_model_parameter_count(l->model); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(l->model, i, &name);
        double sum = 0;
        for (size_t k = 0; k < pal_tensor_count(t); k++) sum += 0 * pal_tensor_get(t, k); /* 0, or not a number */
        if (!isfinite(sum)) return not_finite(l, name, err);
    }
    return l->o.folder ? pal_rundir_save(l->o.folder, l->model, l->optimizer, l->step, err) : PAL_OK;
}

/* Tells the caller; true: it wants to stop. */
static bool report(loop *l, double now)
{
    pal_progress *p = &l->progress;
    l->reported = now;
    p->train_loss = p->step ? l->sum / (double)p->step : (double)NAN;
    p->seconds = now - l->started;
    p->samples_per_second = l->training > 0 ? (double)(p->step * l->o.batch) / l->training : 0;
    double left = (double)(p->epochs * p->steps - l->step);
    p->seconds_left = l->step ? p->seconds / (double)l->step * left : (double)NAN;
    return l->o.progress && l->o.progress(p, l->o.user);
}

/* The steps of one epoch. PAL_ERR_STOPPED: the caller asked for it. */
static pal_status run_steps(loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    l->sum = l->training = 0;
    p->finished = false;
    p->step = 0;
    pal_status status = pal_epoch_order(l->o.seed, "order", (uint64_t)p->epoch, l->order, (size_t)l->data->count);
    if (status) return pal_error_set(err, status, "the order of epoch %lld failed", (long long)p->epoch);
    double began = pal__seconds();
    while (p->step < p->steps) {
        uint64_t clock = (uint64_t)++l->step;
        pal_optimizer_set_step(l->optimizer, clock, pal_schedule_rate(&l->schedule, clock));
        status = pal__stage_run(l->stage, l->data, l->order + p->step * l->o.batch,
                                (pal_noise){.seed = l->o.seed, .clock = clock}, err);
        p->step++;
        if (status) return status;
        double loss = pal_tensor_get(pal_output(l->stage->program, 0), 0), now = pal__seconds();
        if (!isfinite(loss)) return not_finite(l, "the loss", err);
        l->sum += loss;
        l->training = now - began;
        if (now - l->reported >= BETWEEN_CALLS && p->step < p->steps && report(l, now))
            return pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller");
    }
    return PAL_OK;
}

static pal_status finish_epoch(loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_figures figures = {.loss = NAN, .squared_error = NAN, .squared_error_corrupted = NAN};
    pal_status status = l->evaluator ? pal__evaluator_run(l->evaluator, &figures, err) : PAL_OK;
    if (status) return status;
    if (l->evaluator && !isfinite(figures.loss)) return not_finite(l, "the loss of the test data", err);
    p->test_loss = figures.loss;
    p->squared_error = figures.squared_error;
    p->squared_error_corrupted = figures.squared_error_corrupted;
    pal_epoch epoch = {.epoch = p->epoch,
                       .step = l->step,
                       .train_loss = l->sum / (double)p->steps,
                       .test_loss = figures.loss,
                       .squared_error = figures.squared_error,
                       .squared_error_corrupted = figures.squared_error_corrupted,
                       .learning_rate = pal_schedule_rate(&l->schedule, (uint64_t)l->step),
                       .seconds = pal__seconds() - l->started,
                       .n_terms = figures.n_terms > 1 ? figures.n_terms : 0};
    memcpy(epoch.terms, figures.terms, sizeof epoch.terms);
    status = save(l, err);
    if (!status && l->o.folder) status = pal_rundir_add(l->o.folder, &epoch, err);
    if (status) return status;
    p->finished = true;
    bool stop = report(l, pal__seconds()) && p->epoch < p->epochs;
    return stop ? pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller") : PAL_OK;
}

static pal_status run_epochs(loop *l, pal_train_result *result, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_status status = save(l, err);
    double training = 0, samples = 0;
    while (!status && p->epoch < p->epochs) {
        p->epoch++;
        status = run_steps(l, err);
        if (status == PAL_ERR_STOPPED && save(l, err)) status = PAL_ERR_IO;
        if (!status) status = finish_epoch(l, err);
        training += l->training;
        samples += (double)(p->step * l->o.batch);
        result->epochs += p->finished;
        result->train_loss = p->step ? l->sum / (double)p->step : (double)NAN;
    }
    result->steps = l->step;
    result->test_loss = p->test_loss;
    result->squared_error = p->squared_error;
    result->squared_error_corrupted = p->squared_error_corrupted;
    result->samples_per_second = training > 0 ? samples / training : (double)NAN;
    return status;
}

/* In place of all epochs; the figures are those of one. */
static pal_status solve(loop *l, pal_train_result *result, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_figures figures;
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = l->o.batch, .seed = l->o.seed, .lanes = l->o.lanes};
    pal_status status = pal__solve(l->model, l->data, err);
    if (!status) status = pal_evaluate(l->model, l->data, &o, &figures, err);
    if (status) return status;
    p->epoch = p->epochs = 1;
    p->step = p->steps;
    l->sum = figures.loss * (double)p->steps;
    status = finish_epoch(l, err);
    if (status) return status;
    result->epochs = 1;
    result->train_loss = figures.loss;
    result->test_loss = p->test_loss;
    result->squared_error = p->squared_error;
    return PAL_OK;
}

static void start(loop *l, pal_model *model, const pal_dataset *data, const pal_train_options *given)
{
    *l = (loop){.model = model, .data = data};
    PAL__OPTIONS(l->o, given);
    l->progress = (pal_progress){.epochs = l->o.epochs,
                                 .steps = l->o.batch > 0 ? data->count / l->o.batch : 0,
                                 .train_loss = NAN,
                                 .test_loss = NAN,
                                 .squared_error = NAN,
                                 .squared_error_corrupted = NAN};
    defaults(l);
    l->started = l->reported = pal__seconds();
}

pal_status pal_train_check(const pal_model *model, const pal_dataset *data, const pal_train_options *options,
                           pal_error *err)
{
    loop l;
    start(&l, (pal_model *)(uintptr_t)model, data, options);
    pal_status status = check(&l, err);
    if (status) return status;
    pal_error own = {0};
    pal_optimizer *optimizer = new_optimizer(&l, &own);
    pal_optimizer_free(optimizer);
    return optimizer ? PAL_OK : pal_error_set(err, own.status, "%s", own.text);
}

pal_status pal_train(pal_model *model, const pal_dataset *data, const pal_train_options *options,
                     pal_train_result *result, pal_error *err)
{
    loop l;
    pal_error own = {0};
    start(&l, model, data, options);
    *result = (pal_train_result){.train_loss = NAN,
                                 .test_loss = NAN,
                                 .squared_error = NAN,
                                 .squared_error_corrupted = NAN,
                                 .samples_per_second = NAN};
    if (!check(&l, &own) && !prepare(&l, &own)) {
        if (pal__has_closed_form(model))
            solve(&l, result, &own);
        else
            run_epochs(&l, result, &own);
    }
    result->seconds = pal__seconds() - l.started;
    if (l.o.folder) {
        const char *word = !own.status ? "done" : own.status == PAL_ERR_STOPPED ? "interrupted" : "failed";
        pal_error last = {0};
        pal_rundir_finish(l.o.folder, word, *word == 'f' ? own.text : NULL, result, &last);
        if (last.status && !own.status) own = last;
    }
    pal__stage_free(l.stage);
    pal__evaluator_free(l.evaluator);
    pal_optimizer_free(l.optimizer);
    free(l.order);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
