/* measure.c - what one process needs for its shard, from the programs that it would run.
 *
 * Two programs of the workload's model: one whose outputs are the loss and all gradients, and one that updates the
 * weights from gradients that lie in memory, as they do after they were summed. The pass "place" says which step writes
 * which output, and the profile says when that step ends. One thread, because a process of a cluster can have any
 * number and the model is the same. */
#include "bench/scale/measure.h"

#include <stdio.h>
#include <string.h>

#include "autograd/machine/internal.h" /* pal__workers_between */
#include "autograd/operation.h"
#include "bench/clock.h"
#include "bench/scale/beside.h"

enum { MOST_TIMES = 10000, LEAST_TIMES = 5, MOST_ROWS = 512 };

typedef struct shard {
    pal_context *context;
    pal_model *model;
    pal_tensor *inputs, *gradients[MOST_MESSAGES];
    pal_optimizer *optimizer;
    pal_program *program;
    size_t n;                   /* parameters; output i + 1 is gradient i */
    size_t step[MOST_MESSAGES]; /* of the program, that writes output i; 0 is the first */
    double rate;
    double looked, gaps, squares; /* when the worker last looked; sums of the times between two looks */
} shard;

/* ---- Programs --------------------------------------------------------------------------------------------------- */

static void note_places(const pal_trace *made, void *user)
{
    shard *s = user;
    if (!made->plan) return;
    for (size_t i = 0; i < made->plan->n_places; i++) {
        const pal_plan_place *place = &made->plan->places[i];
        if (!place->output || place->output > s->n + 1) continue;
        size_t at = place->first; /* a region's body follows it in the program */
        for (size_t k = 0; k <= place->first; k++) at += made->plan->steps[k].n_body;
        s->step[place->output - 1] = at;
    }
}

static void shard_free(shard *s)
{
    pal_program_free(s->program);
    pal_optimizer_free(s->optimizer);
    for (size_t i = 0; i < s->n; i++) pal_tensor_free(s->gradients[i]);
    pal_tensor_free(s->inputs);
    pal_model_free(s->model);
    pal_context_free(s->context);
}

static bool shard_model(shard *s, const workload *w, int rows, pal_error *err)
{
    pal_setting settings[MOST_SETTINGS + 1];
    char hidden[16];
    size_t n = 0;
    while (n < MOST_SETTINGS && w->settings[n].name) settings[n] = w->settings[n], n++;
    snprintf(hidden, sizeof hidden, "%d", w->hidden);
    if (w->hidden) settings[n++] = (pal_setting){"hidden", hidden};
    const pal_context_options o = {.struct_size = sizeof o, .threads = 1};
    s->context = pal_context_new(&o);
    if (!s->context) return false;
    s->rate = w->rate;
    s->model = pal_model_new(s->context, pal_variant_find(w->variant), settings, n, PAL_SHAPE(28, 28), PAL_F32, 1, err);
    s->inputs = pal_tensor_new(s->context, PAL_F32, PAL_SHAPE(rows, INPUTS));
    if (!s->model || !s->inputs) return false;
    s->n = pal_model_parameter_count(s->model);
    for (size_t i = 0; i < (size_t)rows * INPUTS; i++) ((float *)s->inputs->data)[i] = (float)(i * 7919 % 1000) / 1000;
    return s->n < MOST_MESSAGES;
}

static bool record_gradients(shard *s, pal_tape *tape)
{
    pal_var leaves[MOST_MESSAGES], outputs[MOST_MESSAGES + 1];
    pal_phase phase;
    if (!pal_model_phase(s->model, 0, 1, &phase)) return false;
    pal_model_begin(s->model, tape, PAL_TRAIN);
    const pal_batch batch = {.inputs = pal_leaf(tape, s->inputs, "inputs"), .phase = &phase};
    outputs[0] = pal_model_loss(s->model, &batch);
    pal_status status = pal_model_leaves(s->model, tape, leaves);
    pal_model_end(s->model);
    if (!status) status = pal_grad(outputs[0], leaves, s->n, outputs + 1);
    const pal_compile_options o = {.struct_size = sizeof o, .profile = true, .trace = note_places, .user = s};
    if (!status) s->program = pal_compile(tape, outputs, s->n + 1, &o);
    return s->program;
}

static bool record_update(shard *s, const workload *w, pal_tape *tape, pal_error *err)
{
    pal_var leaves[MOST_MESSAGES], gradients[MOST_MESSAGES];
    pal_tensor *tensors[MOST_MESSAGES];
    const char *names[MOST_MESSAGES];
    for (size_t i = 0; i < s->n; i++) {
        char name[32];
        snprintf(name, sizeof name, "gradient%zu", i);
        tensors[i] = pal_model_parameter(s->model, i, &names[i]);
        s->gradients[i] = pal_tensor_new(s->context, PAL_F32, tensors[i]->shape);
        if (!s->gradients[i]) return false;
        for (size_t k = 0; k < pal_tensor_count(s->gradients[i]); k++)
            ((float *)s->gradients[i]->data)[k] = 1e-3F * (float)(k % 13);
        leaves[i] = pal_leaf(tape, tensors[i], names[i]);
        gradients[i] = pal_leaf(tape, s->gradients[i], name);
    }
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = w->optimizer};
    s->optimizer = pal_optimizer_new(s->context, &o, tensors, names, s->n, err);
    if (!s->optimizer || pal_optimizer_record(s->optimizer, tape, leaves, gradients, s->n)) return false;
    const pal_compile_options options = {.struct_size = sizeof options, .effects = true};
    s->program = pal_compile(tape, NULL, 0, &options);
    return s->program;
}

/* update: the program of the update instead of that of the gradients. */
static bool shard_new(shard *s, const workload *w, int rows, bool update)
{
    pal_error err = {0};
    *s = (shard){0};
    pal_tape *tape = NULL;
    bool good = shard_model(s, w, rows, &err) && (tape = pal_tape_new(s->context, PAL_F32));
    good = good && (update ? record_update(s, w, tape, &err) : record_gradients(s, tape));
    if (!good) {
        const char *why = tape ? pal_tape_error(tape) : NULL;
        fprintf(stderr, "bench_scale: %s: %s\n", w->name, *err.text ? err.text : why ? why : "out of memory");
        shard_free(s);
    }
    pal_tape_free(tape);
    return good;
}

/* ---- Times ------------------------------------------------------------------------------------------------------ */

static void run_once(shard *s, uint64_t clock)
{
    if (s->optimizer) pal_optimizer_set_step(s->optimizer, clock, s->rate);
    pal_program_set_noise(s->program, (pal_noise){.seed = 1, .clock = clock});
    pal_run(s->program);
}

/* Median seconds of a run. */
static double time_of(shard *s, double most)
{
    static double times[MOST_TIMES];
    uint64_t clock = 0;
    for (int i = 0; i < LEAST_TIMES; i++) run_once(s, ++clock);
    size_t n = 0;
    for (double began = now_us(); n < MOST_TIMES && (n < LEAST_TIMES || now_us() - began < 1e6 * most); n++) {
        const double start = now_us();
        run_once(s, ++clock);
        times[n] = now_us() - start;
    }
    return 1e-6 * median(times, n);
}

static void note_look(void *argument)
{
    shard *s = argument;
    const double now = now_us(), gap = now - s->looked;
    s->looked = now;
    s->gaps += gap;
    s->squares += gap * gap;
}

/* From one look to the next, at any moment: the mean of a run's gaps, each counted by its length. The median of the
 * runs, because a run in which the system took the processor away has one gap that is longer than all others. */
static double time_between_looks(shard *s)
{
    enum { RUNS = 21 };
    double times[RUNS];
    pal__workers_between(s->context->pool, note_look, s);
    for (uint64_t k = 0; k < RUNS; k++) {
        s->gaps = s->squares = 0;
        s->looked = now_us();
        run_once(s, k + 1);
        note_look(s);
        times[k] = s->gaps > 0 ? s->squares / s->gaps : 0;
    }
    pal__workers_between(s->context->pool, NULL, NULL);
    return 1e-6 * median(times, RUNS);
}

/* The profile's times, scaled to the time of a run. */
static void read_profile(const shard *s, sized *out)
{
    double total = 0, until = 0;
    pal_program_step one;
    for (size_t i = 0; pal_program_step_at(s->program, i, &one); i++) total += one.seconds;
    for (size_t i = 0; pal_program_step_at(s->program, i, &one); i++) {
        until += one.seconds;
        for (size_t k = 0; k <= s->n; k++)
            if (s->step[k] == i) out->messages[k ? k - 1 : s->n].ready = out->compute * until / total;
    }
    for (size_t k = 0; k <= s->n; k++)
        out->messages[k ? k - 1 : s->n].bytes = (double)pal_tensor_bytes(pal_output(s->program, k));
}

typedef struct endless { /* what a process beside runs */
    const workload *w;
    int rows;
    bool update;
} endless;

static void run_endless(void *argument, void (*ready)(void *), void *user)
{
    const endless *e = argument;
    shard s;
    if (!shard_new(&s, e->w, e->rows, e->update)) return;
    ready(user);
    for (uint64_t clock = 1;; clock++) run_once(&s, clock);
}

static bool measure_one(const workload *w, const measuring *how, int rows, sized *out, double *update)
{
    shard s;
    endless e = {w, rows, update != NULL};
    beside others;
    if (!beside_begin(&others, how->beside - 1, run_endless, &e)) return false;
    bool good = shard_new(&s, w, rows, update != NULL);
    if (good) {
        const double time = time_of(&s, how->seconds);
        good = !pal_program_error(s.program);
        if (!good) fprintf(stderr, "bench_scale: %s: %s\n", w->name, pal_program_error(s.program));
        if (update) {
            *update = time;
        } else {
            *out = (sized){.rows = rows, .compute = time};
            if (good) read_profile(&s, out);
            if (good) out->look = time_between_looks(&s);
        }
        shard_free(&s);
    }
    beside_end(&others);
    return good;
}

bool measure_costs(const workload *w, const measuring *how, costs *out)
{
    *out = (costs){.batch = w->batch};
    snprintf(out->name, sizeof out->name, "%s", w->name);
    if (!measure_one(w, how, 1, NULL, &out->update)) return false;
    for (int rows = how->rows ? how->rows : 1; rows <= (how->rows ? 2 * how->rows : MOST_ROWS); rows *= 2)
        if (!measure_one(w, how, rows, &out->sizes[out->n_sizes++], NULL)) return false;
    for (size_t k = 0; k < MOST_MESSAGES && out->sizes[0].messages[k].bytes > 0; k++) out->n_messages = k + 1;
    return true;
}

/* ---- Sums ------------------------------------------------------------------------------------------------------- */

enum { FLOATS = 1 << 20 };

static void sum_once(void)
{
    static float a[FLOATS], b[FLOATS];
    if (!b[1])
        for (size_t i = 0; i < FLOATS; i++) b[i] = (float)(i % 7);
#pragma omp simd
    for (size_t i = 0; i < FLOATS; i++) a[i] += b[i];
    __asm__ volatile("" ::: "memory");
}

static void sum_endless(void *argument, void (*ready)(void *), void *user)
{
    (void)argument;
    sum_once();
    ready(user);
    for (;;) sum_once();
}

double measure_sum(const measuring *how)
{
    enum { TIMES = 100 };
    double times[TIMES];
    beside others;
    if (!beside_begin(&others, how->beside - 1, sum_endless, NULL)) return 0;
    sum_once();
    for (size_t k = 0; k < TIMES; k++) {
        const double began = now_us();
        sum_once();
        times[k] = now_us() - began;
    }
    beside_end(&others);
    return 1e-6 * median(times, TIMES) / (FLOATS * sizeof(float));
}
