/* step.c - a workload's training step: a model of the variant, its loss, gradients and update as one program. These are
 * the calls with which `palindrome train` makes its program, so it is the same program. */
#include "bench/workloads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/clock.h"
#include "ops/ops.h"

enum { MOST_PARAMETERS = 64, DEAD = 300 };

struct step {
    pal_context *context;
    pal_model *model;
    pal_tensor *inputs;
    pal_optimizer *optimizer;
    pal_program *program;
    double rate;
};

static size_t settings_of(const workload *w, char hidden[16], pal_setting *out)
{
    size_t n = 0;
    while (n < MOST_SETTINGS && w->settings[n].name) out[n] = w->settings[n], n++;
    snprintf(hidden, 16, "%d", w->hidden);
    if (w->hidden) out[n++] = (pal_setting){"hidden", hidden};
    return n;
}

/* Numbers from 0 to 1. A dead input is 0 and its output's bias is -90: exp(-90) is subnormal in float32. */
static void fill(step *s, const workload *w)
{
    float *x = s->inputs->data;
    for (size_t i = 0; i < pal_tensor_count(s->inputs); i++)
        x[i] = w->dead && i % INPUTS < DEAD ? 0 : (float)(i * 7919 % 1000) / 1000;
    pal_tensor *bias = w->dead ? pal_model_parameter_find(s->model, "decoder/b") : NULL;
    for (size_t k = 0; bias && k < DEAD; k++) pal_tensor_set(bias, k, -90);
}

/* Records and compiles. False: the tape has the reason. */
static bool compile(step *s, pal_tape *tape, const char *optimizer, const pal_shards *shards, bool whole, bool profile,
                    pal_error *err)
{
    pal_var leaves[MOST_PARAMETERS], gradients[MOST_PARAMETERS];
    pal_tensor *tensors[MOST_PARAMETERS];
    const char *names[MOST_PARAMETERS];
    const size_t n = pal_model_parameter_count(s->model);
    for (size_t i = 0; i < n; i++) tensors[i] = pal_model_parameter(s->model, i, &names[i]);
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = optimizer};
    s->optimizer = pal_optimizer_new(s->context, &o, tensors, names, n, err);
    pal_phase phase;
    if (!s->optimizer || !pal_model_phase(s->model, 0, 1, &phase)) return false;
    if (shards) pal_tape_share(tape, shards);
    pal_model_begin(s->model, tape, PAL_TRAIN);
    const pal_batch batch = {.inputs = pal_leaf_rows(tape, s->inputs, "inputs"), .phase = &phase};
    pal_var loss = pal_model_loss(s->model, &batch);
    pal_status status = pal_model_leaves(s->model, tape, leaves);
    pal_model_end(s->model);
    if (!status) status = pal_all_mean_grad(loss, leaves, n, gradients);
    loss = pal_all_mean(loss);
    if (!status) status = pal_optimizer_record(s->optimizer, tape, leaves, gradients, n);
    const pal_compile_options options = {
        .struct_size = sizeof options, .effects = true, .profile = profile, .divide = !whole};
    if (!status) s->program = pal_compile(tape, &loss, 1, &options);
    return s->program != NULL;
}

/* The rows of a batch that this process computes. */
static int rows_of(const workload *w, pal_shards *shards)
{
    int64_t first, local;
    if (!shards) return w->batch;
    const pal_communicator *c = shards->communicator;
    shards->rows = w->batch / shards->count;
    pal_shards_of(shards->count, c ? c->size : 1, c ? c->rank : 0, &first, &local);
    return (int)(local * shards->rows);
}

step *step_new(pal_context *context, const workload *w, pal_shards *shards, bool whole, bool profile)
{
    pal_setting settings[MOST_SETTINGS + 1];
    char hidden[16];
    const size_t n = settings_of(w, hidden, settings);
    pal_error err = {0};
    step *s = calloc(1, sizeof *s);
    pal_tape *tape = pal_tape_new(context, PAL_F32);
    bool good = s && tape;
    if (good) {
        *s = (step){.context = context, .rate = w->rate};
        s->model =
            pal_model_new(context, pal_variant_find(w->variant), settings, n, PAL_SHAPE(28, 28), PAL_F32, 1, &err);
        s->inputs = pal_tensor_new(context, PAL_F32, PAL_SHAPE(rows_of(w, shards), INPUTS));
        good = s->model && s->inputs && pal_model_parameter_count(s->model) <= MOST_PARAMETERS;
    }
    if (good) {
        fill(s, w);
        good = compile(s, tape, w->optimizer, shards, whole, profile, &err);
    }
    if (!good) {
        const char *why = tape ? pal_tape_error(tape) : NULL;
        fprintf(stderr, "bench_workloads: %s: %s\n", w->name, *err.text ? err.text : why ? why : "out of memory");
        step_free(s);
        s = NULL;
    }
    pal_tape_free(tape);
    return s;
}

void step_free(step *s)
{
    if (!s) return;
    pal_program_free(s->program);
    pal_optimizer_free(s->optimizer);
    pal_tensor_free(s->inputs);
    pal_model_free(s->model);
    free(s);
}

double step_once(step *s, uint64_t clock)
{
    const double began = now_us();
    pal_optimizer_set_step(s->optimizer, clock, s->rate);
    pal_program_set_noise(s->program, (pal_noise){.seed = 1, .clock = clock});
    pal_run(s->program);
    return now_us() - began;
}

bool step_good(const step *s)
{
    return !pal_program_error(s->program) && isfinite(pal_tensor_get(pal_output(s->program, 0), 0));
}

double step_waited(const step *s) { return 1e6 * pal_program_waited(s->program); }

void step_print(const step *s)
{
    char *text = pal_program_text(s->program);
    if (text) printf("%s\n", text);
    pal_text_free(s->context, text);
}
