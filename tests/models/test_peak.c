/* test_peak.c - the memory of a training step: the arena is at most 1.15 times the bytes that are in use at one of its
 * steps, for every variant and for the workloads of bench/workload_table.c. Nothing is run, so that sizes are real. */
#include "models/models.h"
#include "optim/optim.h"
#include "tests/testing.h"

enum { BATCH = 128, MOST = 64 };
#define BOUND 1.15

static const struct {
    const char *variant;
    pal_setting settings[4];
} further[] = {
    {"basic", {{"hidden", "256"}}},
    {"denoising", {{"corruption", "masking"}, {"masking", "0.25"}, {"hidden", "1024"}}},
    {"denoising", {{"channels", "16,32"}}},
    {"contractive", {{"jacobian", "exact"}, {"hidden", "256"}}},
    {"contractive", {{"jacobian", "hutchinson"}, {"hidden", "256"}}},
    {"contractive", {{"jacobian", "rows"}, {"hidden", "64"}}},
    {"deep", {{"layers", "1000,500,250,30"}, {"activation", "relu"}}},
    {"variational", {{"layers", "400,20"}, {"activation", "relu"}}},
    {"convolutional", {{"channels", "16,32"}, {"kernel", "3"}, {"stride", "2"}, {"hidden", "0"}}},
    {"importance-weighted", {{"layers", "200,20"}}},
};

/* The program of a step of the phase. NULL: the variant has no such phase. */
static pal_program *step(pal_context *context, pal_model *model, size_t i)
{
    pal_var leaves[MOST], moving[MOST], gradients[MOST];
    pal_tensor *tensors[MOST];
    const char *names[MOST];
    pal_error err = {0};
    pal_phase phase;
    size_t n = 0;
    if (!pal_model_phase(model, i, 1, &phase)) return NULL;
    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(BATCH, 784)), *y = NULL;
    const int64_t classes = pal_model_classes(model);
    pal_batch batch = {.inputs = pal_leaf(tape, x, "inputs"), .phase = &phase};
    if (classes && phase.stream != PAL_STREAM_ALL) {
        y = pal_tensor_new(context, PAL_F32, PAL_SHAPE(BATCH, classes));
        batch.labels = pal_leaf(tape, y, "labels");
        batch.labelled_from = phase.stream == PAL_STREAM_BOTH ? BATCH / 2 : 0;
    }
    pal_model_begin(model, tape, PAL_TRAIN);
    pal_var loss = pal_model_loss(model, &batch);
    ck_assert_int_eq(pal_model_leaves(model, tape, leaves), PAL_OK);
    pal_model_end(model);
    ck_assert_uint_le(pal_model_parameter_count(model), MOST);
    for (size_t k = 0; k < pal_model_parameter_count(model); k++) {
        const char *name;
        pal_tensor *t = pal_model_parameter(model, k, &name);
        if (!pal_phase_moves(model, &phase, name)) continue;
        tensors[n] = t;
        names[n] = name;
        moving[n++] = leaves[k];
    }
    pal_optimizer *adam = pal_optimizer_new(
        context, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"}, tensors, names,
        n, &err);
    ck_assert_msg(adam != NULL, "%s", err.text);
    pal_grad(loss, moving, n, gradients);
    pal_optimizer_record(adam, tape, moving, gradients, n);
    pal_program *p =
        pal_compile(tape, &loss, 1,
                    &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .lanes = 2});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    pal_tape_free(tape);
    pal_optimizer_free(adam);
    pal_tensor_free(x);
    pal_tensor_free(y);
    return p;
}

/* The greatest ratio of a model's phases. */
static void check(pal_context *context, const char *variant, const pal_setting *settings)
{
    pal_error err = {0};
    size_t n = 0;
    while (settings && n < 4 && settings[n].name) n++;
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, PAL_SHAPE(28, 28), PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s: %s", variant, err.text);
    pal_program *p;
    for (size_t i = 0; i < 8 && (p = step(context, m, i)); i++) {
        const double arena = (double)pal_program_arena(p), least = (double)pal_program_least(p);
        ck_assert_msg(least > 0 && arena >= least && arena <= BOUND * least,
                      "%s (%s), phase %zu: %.0f bytes for %.0f: %.3f", variant, n ? settings[0].value : "defaults", i,
                      arena, least, arena / least);
        pal_program_free(p);
    }
    pal_model_free(m);
}

START_TEST(steps_take_little_more_than_what_is_alive)
{
    pal_context *context =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 2, .dry = true});
    const pal_variant *v;
    for (size_t i = 0; (v = pal_variant_at(i)); i++) check(context, v->name, NULL);
    for (size_t i = 0; i < sizeof further / sizeof *further; i++)
        check(context, further[i].variant, further[i].settings);
    pal_context_free(context);
}
END_TEST

Suite *peak_suite(void)
{
    Suite *s = suite_create("peak");
    add_case(s, "peak", NULL, NULL, TESTS(steps_take_little_more_than_what_is_alive));
    return s;
}
