/* test_model_passes.c - the compiler's passes change no model: the loss and all gradients of every variant, with passes
 * and without.
 *
 * Without PAL_PASS_ROUNDING every bit is the same. With it, values differ by at most 1e-6 (float32) or 1e-14 (float64)
 * of the largest magnitude of their tensor, and in float32 both programs are as near to those of float64. */
#include <math.h>

#include "models/models.h"
#include "tests/testing.h"

enum { ROWS = 16, SIDE = 8, MOST = 64 };
#define NEAR_F32 1e-6
#define NEAR_F64 1e-14
#define OF_WIDER 1e-5

static const struct {
    const char *variant;
    pal_setting settings[5];
} further[] = {
    {"basic", {{"hidden", "24"}, {"tied", "no"}, {"activation", "tanh"}, {"output", "squared"}}},
    {"basic", {{"hidden", "24"}, {"activation", "relu"}, {"l2", "0.01"}}},
    {"denoising", {{"channels", "4,8"}}},
    {"denoising", {{"corruption", "gaussian"}, {"hidden", "40"}}},
    {"contractive", {{"hidden", "24"}, {"jacobian", "exact"}, {"tied", "no"}}},
    {"contractive", {{"hidden", "24"}, {"jacobian", "hutchinson"}}},
    {"contractive", {{"hidden", "24"}, {"jacobian", "rows"}}},
    {"contractive", {{"layers", "24,12"}, {"jacobian", "rows"}}},
    {"sparse", {{"hidden", "24"}, {"sparsity", "l1"}}},
    {"deep", {{"layers", "40,20,9"}, {"activation", "softplus"}}},
    {"variational", {{"layers", "40,9"}, {"output", "gaussian"}}},
    {"variational", {{"layers", "40,9"}, {"code", "normal-full"}}},
    {"convolutional", {{"channels", "4,8"}, {"stride", "1"}}},
    {"importance-weighted", {{"layers", "30,9"}, {"samples", "3"}}},
};

typedef struct setup { /* one phase of a model, and its data */
    pal_model *model;
    pal_tensor *x, *labels;
    pal_tape *tape;
    pal_var out[1 + MOST]; /* the loss, then the gradients */
    size_t n;
    const char *names[MOST];
} setup;

static const pal_setting *fitting(const pal_variant *v, pal_setting *room, size_t *n)
{
    static const pal_setting small[] = {{"hidden", "24"}, {"layers", "32,24"}, {"channels", "4,8"}, {"k", "5"}};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const pal_option *o = pal_variant_option_find(v, small[i].name);
        if (o && *o->value && strcmp(o->value, "0") != 0) room[(*n)++] = small[i];
    }
    return room;
}

static void fill(pal_tensor *x, bool one_hot)
{
    const size_t classes = (size_t)x->shape.dim[1];
    for (size_t i = 0; i < pal_tensor_count(x); i++)
        pal_tensor_set(x, i,
                       one_hot ? i % classes == i / classes % classes : (double)((float)(i * 7919 % 1009) / 1009.0f));
}

/* False: the model has no such phase. */
static bool record(pal_context *context, setup *s, size_t phase_number)
{
    const pal_dtype dtype = pal_model_dtype(s->model);
    pal_var leaves[MOST], moving[MOST];
    pal_phase phase;
    if (!pal_model_phase(s->model, phase_number, 1, &phase)) return false;
    s->tape = pal_tape_new(context, dtype);
    s->x = pal_tensor_new(context, dtype, PAL_SHAPE(ROWS, SIDE * SIDE));
    s->labels = NULL;
    s->n = 0;
    fill(s->x, false);
    const int64_t classes = pal_model_classes(s->model);
    pal_batch batch = {.inputs = pal_leaf(s->tape, s->x, "inputs"), .phase = &phase};
    if (classes && phase.stream != PAL_STREAM_ALL) {
        s->labels = pal_tensor_new(context, dtype, PAL_SHAPE(ROWS, classes));
        fill(s->labels, true);
        batch.labels = pal_leaf(s->tape, s->labels, "labels");
        batch.labelled_from = phase.stream == PAL_STREAM_BOTH ? ROWS / 2 : 0;
    }
    pal_model_begin(s->model, s->tape, PAL_TRAIN);
    s->out[0] = pal_model_loss(s->model, &batch);
    ck_assert_msg(pal_model_leaves(s->model, s->tape, leaves) == PAL_OK, "%s", pal_tape_error(s->tape));
    pal_model_end(s->model);
    for (size_t k = 0; k < pal_model_parameter_count(s->model); k++) {
        const char *name;
        pal_model_parameter(s->model, k, &name);
        if (!pal_phase_moves(s->model, &phase, name)) continue;
        s->names[s->n] = name;
        moving[s->n++] = leaves[k];
    }
    ck_assert_int_eq(pal_grad(s->out[0], moving, s->n, s->out + 1), PAL_OK);
    return true;
}

static void forget(setup *s)
{
    pal_tape_free(s->tape);
    pal_tensor_free(s->x);
    pal_tensor_free(s->labels);
}

static pal_program *run(const setup *s, unsigned passes, uint64_t clock)
{
    pal_program *p = pal_compile(s->tape, s->out, 1 + s->n,
                                 &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = passes});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(s->tape));
    pal_program_set_noise(p, (pal_noise){.seed = 3, .clock = clock});
    ck_assert_msg(pal_run(p) == PAL_OK, "%s", pal_program_error(p));
    return p;
}

/* The largest difference of two tensors, as a share of the largest magnitude of the second. */
static double difference(const pal_tensor *a, const pal_tensor *b)
{
    double most = 0, scale = 0;
    for (size_t i = 0; i < pal_tensor_count(a); i++) {
        most = fmax(most, fabs(pal_tensor_get(a, i) - pal_tensor_get(b, i)));
        scale = fmax(scale, fabs(pal_tensor_get(b, i)));
    }
    return most > 0 ? most / scale : 0;
}

static void near(const setup *s, const pal_program *p, const pal_program *q, double bound, const char *what)
{
    for (size_t i = 0; i <= s->n; i++) {
        const double d = difference(pal_output(p, i), pal_output(q, i));
        ck_assert_msg(d <= bound, "%s: %s of %s: %.3g", pal_model_variant(s->model)->name, what,
                      i ? s->names[i - 1] : "the loss", d);
    }
}

static void copy_parameters(const pal_model *from, pal_model *to)
{
    for (size_t i = 0; i < pal_model_parameter_count(from); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(from, i, &name);
        pal_tensor *u = pal_model_parameter_find(to, name);
        for (size_t k = 0; k < pal_tensor_count(t); k++) pal_tensor_set(u, k, pal_tensor_get(t, k));
    }
}

/* Noise is drawn with the precision of its type: only a loss without noise has the same value in a wider one. */
static bool draws_noise(const setup *s, const pal_program *p)
{
    pal_program *later = run(s, PAL_PASS_NONE, 2);
    const bool differs = difference(pal_output(later, 0), pal_output(p, 0)) > 0;
    pal_program_free(later);
    return differs;
}

static void check_phase(pal_context *context, const setup *s, pal_model *wider, size_t phase)
{
    const double bound = pal_model_dtype(s->model) == PAL_F32 ? NEAR_F32 : NEAR_F64;
    pal_program *none = run(s, PAL_PASS_NONE, 1), *exact = run(s, PAL_PASS_ALL & ~(unsigned)PAL_PASS_ROUNDING, 1),
                *all = run(s, PAL_PASS_ALL, 1);
    for (size_t i = 0; i <= s->n; i++)
        ck_assert_msg(
            !memcmp(pal_output(none, i)->data, pal_output(exact, i)->data, pal_tensor_bytes(pal_output(none, i))),
            "%s: %s has other bits", pal_model_variant(s->model)->name, i ? s->names[i - 1] : "the loss");
    near(s, all, none, bound, "passes");
    if (wider && !draws_noise(s, none)) {
        setup w = {.model = wider};
        record(context, &w, phase);
        pal_program *reference = run(&w, PAL_PASS_NONE, 1);
        near(s, none, reference, OF_WIDER, "float32");
        near(s, all, reference, OF_WIDER, "float32 with passes");
        pal_program_free(reference);
        forget(&w);
    }
    pal_program_free(none);
    pal_program_free(exact);
    pal_program_free(all);
}

static void check(pal_context *context, const char *variant, const pal_setting *settings, size_t n)
{
    pal_error err = {0};
    const pal_variant *v = pal_variant_find(variant);
    const pal_shape sample = PAL_SHAPE(SIDE, SIDE);
    pal_model *narrow = pal_model_new(context, v, settings, n, sample, PAL_F32, 1, &err),
              *wide = pal_model_new(context, v, settings, n, sample, PAL_F64, 1, &err);
    ck_assert_msg(narrow && wide, "%s: %s", variant, err.text);
    copy_parameters(narrow, wide);
    for (size_t phase = 0; phase < 8; phase++) {
        setup a = {.model = narrow}, b = {.model = wide};
        if (!record(context, &a, phase)) break;
        check_phase(context, &a, wide, phase);
        forget(&a);
        record(context, &b, phase);
        check_phase(context, &b, NULL, phase);
        forget(&b);
    }
    pal_model_free(narrow);
    pal_model_free(wide);
}

START_TEST(every_variant)
{
    pal_context *context = context_with(2);
    pal_setting room[4];
    size_t n = 0;
    const pal_variant *v = pal_variant_at((size_t)_i);
    const pal_setting *settings = fitting(v, room, &n);
    check(context, v->name, settings, n);
    pal_context_free(context);
}
END_TEST

START_TEST(further_settings)
{
    pal_context *context = context_with(2);
    size_t n = 0;
    while (n < 5 && further[_i].settings[n].name) n++;
    check(context, further[_i].variant, further[_i].settings, n);
    pal_context_free(context);
}
END_TEST

Suite *model_passes_suite(void)
{
    Suite *s = suite_create("model_passes");
    TCase *t = tcase_create("model_passes");
    int n = 0;
    while (pal_variant_at((size_t)n)) n++;
    tcase_add_loop_test(t, every_variant, 0, n);
    tcase_add_loop_test(t, further_settings, 0, (int)(sizeof further / sizeof *further));
    suite_add_tcase(s, t);
    return s;
}
