/* train.c - the training loop.
 *
 * One program is one step: forward, backward and update of a batch. The loop gathers the next batch into the program's
 * input, moves the clock of the noise and of the schedule, and runs. A checkpoint is written only where everything in
 * it is finite, so there is always a good one: the initial model, or the end of the last epoch. */
#include <math.h>
#include <stdio.h>
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
    pal__phases plan;
    pal__checkpoint from; /* of a run that is resumed */
    bool untouched;       /* its folder is as it was */

    /* Of the phase that is trained. */
    pal_phase phase;
    pal_optimizer *optimizer;
    pal__stage *stage;
    pal__evaluator *evaluator; /* NULL: no test data */
    int64_t before;            /* steps of the phases before it */

    uint32_t *order, *rows;  /* of the epoch; of the step, where there are labels: from both streams */
    pal__labelled *labelled; /* NULL: the model takes no labels */
    int64_t all, few;        /* samples a step, of all and of the labelled ones */
    pal_progress progress;
    int64_t step;                       /* taken in all */
    int64_t first;                      /* step of this epoch that was the first here: not 0 after an interruption */
    double started, training, reported; /* when; seconds in this epoch's steps; when last */
    double sum;                         /* of this epoch's losses */
} loop;

static pal_status no_memory(pal_error *err) { return pal_error_set(err, PAL_ERR_MEMORY, "out of memory"); }

/* The words for an optimiser and a schedule that nothing was said about. */
static void defaults(loop *l)
{
    const int64_t epochs = l->phase.epochs ? l->phase.epochs : l->o.epochs;
    l->schedule = l->o.schedule ? *l->o.schedule : (pal_schedule){.name = "constant", .learning_rate = 0.1};
    l->schedule.total = (uint64_t)(epochs * l->progress.steps);
    if (l->phase.learning_rate > 0) l->schedule.learning_rate = l->phase.learning_rate;
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
    pal_status status = pal__labels_check(l->model, l->data, err);
    if (!status) status = pal__fits(l->model, l->data, err);
    if (!status && o->test) status = pal__fits(l->model, o->test, err);
    return status ? status : check_range(l->model, l->data, err);
}

/* The rate of this step of the phase's. */
static double rate(const loop *l) { return pal_schedule_rate(&l->schedule, (uint64_t)(l->step - l->before)); }

static void end_phase(loop *l)
{
    pal__stage_free(l->stage);
    pal__evaluator_free(l->evaluator);
    pal_optimizer_free(l->optimizer);
    l->stage = NULL;
    l->evaluator = NULL;
    l->optimizer = NULL;
}

/* Labelled samples of a step. */
static int64_t labelled_batch(const loop *l)
{
    const char *own = pal_model_setting(l->model, "labelled-batch");
    const int64_t n = own ? strtoll(own, NULL, 10) : 0;
    return n > 0 ? n : l->o.batch;
}

/* Programs and the optimiser's state of phase i, which begins after so many epochs. */
static pal_status begin_phase(loop *l, size_t i, int64_t epochs, pal_error *err)
{
    end_phase(l);
    l->phase = l->plan.phase[i];
    l->before = epochs * l->progress.steps;
    l->progress.phase = l->phase.name;
    defaults(l);
    l->optimizer = pal__phase_optimizer(l->model, &l->phase, l->o.optimizer, err);
    if (!l->optimizer) return PAL_ERR_ARGUMENT;
    if (l->from.file && l->step > l->before && pal__checkpoint_optimizer(&l->from, l->optimizer, err))
        return PAL_ERR_FORMAT;
    pal__checkpoint_close(&l->from);
    pal__phase_step step = {&l->phase, l->optimizer};
    l->few = l->labelled && l->phase.stream != PAL_STREAM_ALL ? labelled_batch(l) : 0;
    l->all = l->few && l->phase.stream == PAL_STREAM_LABELLED ? 0 : l->o.batch;
    l->stage = pal__stage_new(l->model,
                              &(pal__stage_options){.rows = l->all + l->few,
                                                    .labels = l->few != 0,
                                                    .labelled_from = l->few ? l->all : 0,
                                                    .lanes = l->o.lanes,
                                                    .effects = true,
                                                    .record = pal__phase_record,
                                                    .user = &step},
                              err);
    if (!l->stage) return PAL_ERR_ARGUMENT;
    if (!l->o.test) return PAL_OK;
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = l->o.batch, .seed = l->o.seed, .lanes = l->o.lanes};
    l->evaluator = pal__evaluator_new(l->model, &l->phase, l->o.test, &o, err);
    return l->evaluator ? PAL_OK : PAL_ERR_ARGUMENT;
}

/* What is not as it was for the steps that are left, since the bits depend on it; NULL: nothing. */
static const char *changes(const loop *l, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(l->o.folder);
    const pal_context *context = pal_model_context(l->model);
    const char *const was[] = {info->isa, info->blas};
    const char *const is[] = {pal_context_isa(context), pal_context_blas(context)};
    size_t length = 0;
    for (int i = 0; i < 2 && l->step < l->progress.epochs * l->progress.steps; i++)
        if (was[i] && strcmp(was[i], is[i]) != 0 && length < size)
            length +=
                (size_t)snprintf(out + length, size - length, "%s%s instead of %s", length ? ", " : "", is[i], was[i]);
    if (length && length < size) snprintf(out + length, size - length, " from step %lld on", (long long)l->step + 1);
    return length ? out : NULL;
}

/* Puts back what the folder holds: the loop stands where the run was saved. */
static pal_status go_on(loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_rundir *folder = l->o.folder;
    const bool solved = pal__has_closed_form(l->model);
    pal_status status = pal__checkpoint_open(&l->from, folder, l->model, solved ? 0 : p->epochs * p->steps, err);
    if (status) return status;
    l->untouched = false;
    l->step = l->from.step;
    p->epoch = l->step / p->steps;
    l->first = l->step % p->steps;
    l->sum = l->from.loss;
    char changed[256];
    const double seconds = pal_rundir_info(folder)->result.seconds;
    status = pal__rundir_go_on(folder, solved ? -1 : l->step, changes(l, changed, sizeof changed), err);
    if (status) return status;
    const size_t lines = pal_rundir_epoch_count(folder);
    const pal_epoch *last = lines ? pal_rundir_epoch(folder, lines - 1) : NULL;
    l->started -= fmax(seconds, last ? last->seconds : 0);
    if (!last) return PAL_OK;
    p->train_loss = last->train_loss;
    p->test_loss = last->test_loss;
    p->squared_error = last->squared_error;
    p->squared_error_corrupted = last->squared_error_corrupted;
    p->error = last->error;
    return PAL_OK;
}

static pal_status prepare(loop *l, pal_error *err)
{
    l->order = malloc((size_t)l->data->count * sizeof *l->order);
    if (!l->order) return no_memory(err);
    if (pal_model_classes(l->model)) {
        l->labelled = pal__labelled_new(l->model, l->data, labelled_batch(l), l->o.seed, err);
        l->rows = malloc((size_t)(l->o.batch + labelled_batch(l)) * sizeof *l->rows);
        if (!l->labelled) return PAL_ERR_ARGUMENT;
        if (!l->rows) return no_memory(err);
    }
    if (l->o.resume && go_on(l, err)) return PAL_ERR_ARGUMENT;
    return l->step ? PAL_OK : pal__measure_statistics(l->model, l->data, err);
}

static pal_status not_finite(const loop *l, const char *what, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_NUMERIC,
                         "%s is not finite at epoch %lld, step %lld: lower --learning-rate (now %g)", what,
                         (long long)l->progress.epoch, (long long)l->progress.step, rate(l));
}

static pal_status check_finite(loop *l, pal_error *err)
{
    for (size_t i = 0; i < pal_model_parameter_count(l->model); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(l->model, i, &name);
        double sum = 0;
        for (size_t k = 0; k < pal_tensor_count(t); k++) sum += 0 * pal_tensor_get(t, k); /* 0, or not a number */
        if (!isfinite(sum)) return not_finite(l, name, err);
    }
    return PAL_OK;
}

/* In the middle of an epoch with its losses so far. */
static pal_status save(loop *l, pal_error *err)
{
    pal_status status = check_finite(l, err);
    if (status || !l->o.folder) return status;
    const bool middle = l->step % l->progress.steps != 0;
    return pal_rundir_save(l->o.folder, l->model, l->optimizer, l->step, middle ? l->sum : 0, err);
}

/* Tells the caller; true: it wants to stop. */
static bool report(loop *l, double now)
{
    pal_progress *p = &l->progress;
    l->reported = now;
    p->train_loss = p->step ? l->sum / (double)p->step : (double)NAN;
    p->seconds = now - l->started;
    p->samples_per_second = l->training > 0 ? (double)((p->step - l->first) * l->o.batch) / l->training : 0;
    double left = (double)(p->epochs * p->steps - l->step);
    p->seconds_left = l->step ? p->seconds / (double)l->step * left : (double)NAN;
    return l->o.progress && l->o.progress(p, l->o.user);
}

/* The steps of one epoch, from the first that is to be taken. PAL_ERR_STOPPED: the caller asked for it. */
static pal_status run_steps(loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    l->training = 0;
    if (!l->first) l->sum = 0;
    p->finished = false;
    p->step = l->first;
    pal_status status = pal_epoch_order(l->o.seed, "order", (uint64_t)p->epoch, l->order, (size_t)l->data->count);
    if (status) return pal_error_set(err, status, "the order of epoch %lld failed", (long long)p->epoch);
    double began = pal__seconds();
    while (p->step < p->steps) {
        uint64_t clock = (uint64_t)++l->step;
        pal_optimizer_set_step(l->optimizer, clock - (uint64_t)l->before, rate(l));
        const uint32_t *rows = l->order + p->step * l->o.batch;
        if (l->few) {
            memcpy(l->rows, rows, (size_t)l->all * sizeof *rows);
            rows = l->rows;
            status = pal__labelled_rows(l->labelled, l->step, l->rows + l->all, err);
            if (status) return status;
        }
        status = pal__stage_run(l->stage, l->data, rows, (pal_noise){.seed = l->o.seed, .clock = clock}, err);
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

/* Whether this epoch's end is one that measures the test data: every so many, and the phase's last. */
static bool measures(const loop *l)
{
    const int64_t epoch = l->step / l->progress.steps, last = l->before / l->progress.steps + l->phase.epochs;
    return l->evaluator && (l->o.test_every < 2 || epoch % l->o.test_every == 0 || epoch == last || !l->phase.epochs);
}

static pal_status finish_epoch(loop *l, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_figures figures = {.loss = NAN, .squared_error = NAN, .squared_error_corrupted = NAN, .error = NAN};
    const bool measured = measures(l);
    pal_status status = measured ? pal__evaluator_run(l->evaluator, &figures, err) : PAL_OK;
    if (status) return status;
    if (measured && !isfinite(figures.loss)) return not_finite(l, "the loss of the test data", err);
    if (measured || !l->evaluator) {
        p->test_loss = figures.loss;
        p->squared_error = figures.squared_error;
        p->squared_error_corrupted = figures.squared_error_corrupted;
        p->error = l->few ? figures.error : (double)NAN;
    }
    pal_epoch epoch = {.epoch = p->epoch,
                       .step = l->step,
                       .train_loss = l->sum / (double)p->steps,
                       .test_loss = figures.loss,
                       .squared_error = figures.squared_error,
                       .squared_error_corrupted = figures.squared_error_corrupted,
                       .learning_rate = rate(l),
                       .seconds = pal__seconds() - l->started,
                       .n_terms = figures.n_terms > 1 ? figures.n_terms : 0};
    memcpy(epoch.terms, figures.terms, sizeof epoch.terms);
    epoch.error = figures.error;
    memcpy(epoch.phase, l->phase.name, sizeof epoch.phase);
    /* The line first: a run that ends in between takes the epoch again, and the line with it. */
    status = check_finite(l, err);
    if (!status && l->o.folder) status = pal_rundir_add(l->o.folder, &epoch, err);
    if (!status) status = save(l, err);
    if (status) return status;
    p->finished = true;
    bool stop = report(l, pal__seconds()) && p->epoch < p->epochs;
    return stop ? pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller") : PAL_OK;
}

static pal_status run_epochs(loop *l, pal_train_result *result, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_status status = PAL_OK;
    double training = 0, samples = 0;
    int64_t begin = 0, end = 0;
    result->epochs = p->epoch;
    result->train_loss = p->train_loss;
    for (size_t i = 0; !status && i < l->plan.n; i++, begin = end) {
        end += l->plan.phase[i].epochs;
        if (p->epoch >= end) continue; /* it was trained before the run was resumed */
        status = begin_phase(l, i, begin, err);
        if (!status && !l->step) status = save(l, err);
        while (!status && p->epoch < end) {
            p->epoch++;
            status = run_steps(l, err);
            if (status == PAL_ERR_STOPPED && save(l, err)) status = PAL_ERR_IO;
            if (!status) status = finish_epoch(l, err);
            training += l->training;
            samples += (double)((p->step - l->first) * l->o.batch);
            l->first = 0;
            result->epochs += p->finished;
            result->train_loss = p->step ? l->sum / (double)p->step : (double)NAN;
        }
    }
    result->steps = l->step;
    result->test_loss = p->test_loss;
    result->squared_error = p->squared_error;
    result->squared_error_corrupted = p->squared_error_corrupted;
    result->error = p->error;
    result->samples_per_second = training > 0 ? samples / training : (double)NAN;
    return status;
}

/* In place of all epochs; the figures are those of one. */
static pal_status solve(loop *l, pal_train_result *result, pal_error *err)
{
    pal_progress *p = &l->progress;
    pal_figures figures;
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = l->o.batch, .seed = l->o.seed, .lanes = l->o.lanes};
    pal_status status = begin_phase(l, 0, 0, err);
    if (!status) status = pal__solve(l->model, l->data, err);
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
                                 .phase = "",
                                 .train_loss = NAN,
                                 .test_loss = NAN,
                                 .squared_error = NAN,
                                 .squared_error_corrupted = NAN,
                                 .error = NAN};
    l->untouched = l->o.resume;
    defaults(l);
    l->started = l->reported = pal__seconds();
}

/* What can be told before anything is made; then the plan is. */
static pal_status plan(loop *l, pal_error *err)
{
    pal_status status = check(l, err);
    if (!status && l->o.resume && !l->o.folder) status = pal_error_set(err, PAL_ERR_ARGUMENT, "resume: no folder");
    if (!status) status = pal__phases_make(l->model, l->o.epochs, &l->plan, err);
    l->progress.epochs = l->plan.epochs;
    for (size_t i = 0; !status && i < l->plan.n; i++) {
        pal_optimizer *optimizer = pal__phase_optimizer(l->model, &l->plan.phase[i], l->o.optimizer, err);
        if (!optimizer) status = PAL_ERR_ARGUMENT;
        pal_optimizer_free(optimizer);
    }
    return status;
}

pal_status pal_train_check(const pal_model *model, const pal_dataset *data, const pal_train_options *options,
                           pal_error *err)
{
    loop l;
    pal_error own = {0};
    start(&l, (pal_model *)(uintptr_t)model, data, options);
    plan(&l, &own);
    pal__phases_free(&l.plan);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
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
                                 .error = NAN,
                                 .samples_per_second = NAN};
    if (!plan(&l, &own) && !prepare(&l, &own)) {
        if (pal__has_closed_form(model))
            solve(&l, result, &own);
        else
            run_epochs(&l, result, &own);
    }
    result->planned = pal__has_closed_form(model) ? 1 : l.plan.epochs;
    result->seconds = pal__seconds() - l.started;
    if (l.o.folder && !l.untouched) {
        const char *word = !own.status ? "done" : own.status == PAL_ERR_STOPPED ? "interrupted" : "failed";
        pal_error last = {0};
        pal_rundir_finish(l.o.folder, word, *word == 'f' ? own.text : NULL, result, &last);
        if (last.status && !own.status) own = last;
    }
    end_phase(&l);
    pal__checkpoint_close(&l.from);
    pal__phases_free(&l.plan);
    pal__labelled_free(l.labelled);
    free(l.rows);
    free(l.order);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}
