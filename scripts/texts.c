/* texts.c - prints what every variant compiles to, and the bits of its first steps: for scripts/compare.
 *
 * For each variant and each of its phases: the tape of a training step, the program that it becomes (with all passes,
 * and with none), the drawing of its loss, and after three steps on made-up samples the loss and the weights, as bits.
 * Only the public interface is used, so that one source serves two trees. */
#include "palindrome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6, SIDE = 12, MOST = 64, STEPS = 3 };

static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "texts: %s: %s\n", what, why ? why : "failed");
    exit(1);
}

static void print_text(pal_context *context, const char *title, char *text)
{
    if (!text) fail(title, "no text");
    printf("== %s\n%s\n", title, text);
    pal_text_free(context, text);
}

static void print_program(pal_context *context, const char *title, const pal_program *p)
{
    print_text(context, title, pal_program_text(p));
}

/* A training step of one phase, compiled with the given passes, run a few times. */
static void step(pal_context *context, pal_model *model, const pal_phase *phase, const char *title, unsigned passes)
{
    pal_error err = {0};
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(model));
    pal_tensor *x = pal_tensor_new(context, pal_model_dtype(model), PAL_SHAPE(ROWS, SIDE * SIDE));
    if (!tape || !x) fail(title, "out of memory");
    for (size_t i = 0; i < pal_tensor_count(x); i++) pal_tensor_set(x, i, (double)(i * 37 % 101) / 101);

    pal_var weights[MOST], gradients[MOST], moved[MOST];
    pal_tensor *tensors[MOST];
    const char *names[MOST], *name;
    size_t n = pal_model_parameter_count(model), n_moved = 0;
    if (n > MOST) fail(title, "too many parameters");
    pal_model_begin(model, tape, PAL_TRAIN);
    pal_batch batch = {.inputs = pal_leaf(tape, x, "x"), .labels = pal_model_labels(model, ROWS), .phase = phase};
    if (phase->stream == PAL_STREAM_BOTH && batch.labels.id) batch.labelled_from = ROWS / 2;
    pal_var loss = pal_model_loss(model, &batch);
    pal_model_leaves(model, tape, weights);
    for (size_t i = 0; i < n; i++) {
        pal_tensor *t = pal_model_parameter(model, i, &name);
        if (!pal_phase_moves(model, phase, name)) continue;
        tensors[n_moved] = t, names[n_moved] = name, moved[n_moved++] = weights[i];
    }
    pal_optimizer *adam = pal_optimizer_new(
        context, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"}, tensors, names,
        n_moved, &err);
    if (!adam) fail(title, err.text);
    pal_grad(loss, moved, n_moved, gradients);
    pal_optimizer_record(adam, tape, moved, gradients, n_moved);
    pal_model_end(model);
    print_text(context, title, pal_tape_text(tape, NULL, 0));
    pal_program *p =
        pal_compile(tape, &loss, 1,
                    &(pal_compile_options){
                        .struct_size = sizeof(pal_compile_options), .lanes = 2, .effects = true, .passes = passes});
    if (!p) fail(title, pal_tape_error(tape));
    print_program(context, title, p);
    for (uint64_t i = 1; i <= STEPS; i++) {
        pal_program_set_noise(p, (pal_noise){.seed = 7, .clock = i});
        pal_optimizer_set_step(adam, i, 0.01);
        if (pal_run(p) != PAL_OK) fail(title, pal_program_error(p));
        printf("loss %a\n", pal_tensor_get(pal_output(p, 0), 0));
    }
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) {
        const pal_tensor *t = pal_model_parameter(model, i, &name);
        h = hash(h, t->data, pal_tensor_bytes(t));
    }
    printf("weights %016" PRIx64 "\n", h);
    pal_program_free(p);
    pal_optimizer_free(adam);
    pal_tape_free(tape);
    pal_tensor_free(x);
}

static void drawing(pal_context *context, pal_model *model)
{
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(model));
    pal_tensor *x = pal_tensor_new(context, pal_model_dtype(model), PAL_SHAPE(ROWS, SIDE * SIDE));
    pal_var weights[MOST], gradients[MOST];
    pal_model_begin(model, tape, PAL_EVALUATE);
    pal_var loss =
        pal_model_loss(model, &(pal_batch){.inputs = pal_leaf(tape, x, "x"), .labels = pal_model_labels(model, ROWS)});
    pal_model_leaves(model, tape, weights);
    pal_grad(loss, weights, pal_model_parameter_count(model), gradients);
    pal_model_end(model);
    print_text(context, "drawing", pal_graph_text(tape, &loss, 1, NULL));
    print_text(context, "drawing of the gradient", pal_graph_text(tape, NULL, 0, NULL));
    pal_tape_free(tape);
    pal_tensor_free(x);
}

typedef struct extra { /* settings that lead to code that the defaults leave out */
    const char *variant;
    pal_setting settings[4];
} extra;

static const extra extras[] = {
    {"basic", {{"output", "gaussian"}, {"sigma-of", "feature"}, {"activation", "tanh"}}},
    {"basic", {{"output", "categorical"}, {"bins", "4"}, {"tied", "no"}}},
    {"basic", {{"output", "normal"}, {"tied", "no"}, {"dropout", "0.1,0.25"}}},
    {"deep", {{"layers", "20,10"}, {"activation", "relu"}, {"init", "he"}, {"binarize", "dynamic"}}},
    {"denoising", {{"corruption", "gaussian"}, {"sigma", "0.3"}}},
    {"denoising", {{"corruption", "blocks"}, {"block-size", "4"}, {"channels", "3,4"}}},
    {"contractive", {{"jacobian", "rows"}}},
    {"contractive", {{"jacobian", "hutchinson"}, {"layers", "20,10"}}},
    {"contractive", {{"jacobian", "exact"}, {"layers", "20,10"}}},
    {"sparse", {{"sparsity", "l1"}}},
    {"variational", {{"code", "normal-full"}, {"estimate", "importance"}, {"samples", "3"}}},
    {"variational", {{"code", "bernoulli"}, {"beta", "0.5"}, {"beta-warm-up", "10"}}},
    {"variational", {{"code", "categorical"}, {"divergence", "sampled"}}},
    {"semi-supervised", {{"autoencoder", "contractive"}, {"training", "sequential"}}},
    {"stacked", {{"layers", "20,10"}, {"fine-tuning", "both"}}},
};

static void all_of(pal_context *context, const pal_variant *variant, const pal_setting *settings, size_t n,
                   pal_dtype dtype)
{
    pal_error err = {0};
    pal_phase phase = {0};
    pal_model *model = pal_model_new(context, variant, settings, n, PAL_SHAPE(SIDE, SIDE), dtype, 3, &err);
    if (!model) fail(variant->name, err.text);
    printf("==== %s %s", variant->name, pal_dtype_name(dtype));
    for (size_t i = 0; i < n; i++) printf(" --%s %s", settings[i].name, settings[i].value);
    printf("\n");
    for (size_t i = 0; pal_model_phase(model, i, 10, &phase); i++, phase = (pal_phase){0}) {
        char title[200];
        snprintf(title, sizeof title, "%s, phase %zu %s", variant->name, i, phase.name);
        step(context, model, &phase, title, PAL_PASS_ALL);
        step(context, model, &phase, title, PAL_PASS_NONE);
    }
    drawing(context, model);
    pal_model_free(model);
}

int main(void)
{
    const pal_setting plain[] = {{"hidden", "30"}, {"l1", "0.001"}, {"l2", "0.01"}};
    pal_context *context =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 2});
    if (!context) fail("context", "out of memory");
    const pal_variant *variant;
    for (size_t v = 0; (variant = pal_variant_at(v)); v++)
        for (int wide = 0; wide < 2; wide++) all_of(context, variant, plain, wide ? 3 : 1, wide ? PAL_F64 : PAL_F32);
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
        size_t n = 0;
        while (n < 4 && extras[i].settings[n].name) n++;
        all_of(context, pal_variant_find(extras[i].variant), extras[i].settings, n, PAL_F32);
    }
    pal_context_free(context);
    return 0;
}
