/* test_parity.c - update rules compared with PyTorch, and with the formulas of their papers (tests/reference). */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/models.h"
#include "optim/optim.h"

Suite *parity_suite(void);

#ifndef PAL_REFERENCE_DIR
#define PAL_REFERENCE_DIR "tests/reference"
#endif

enum { FEATURES = 20, HIDDEN = 7, BATCH = 8, STEPS = 100 };

static pal_context *c;

static void set_up(void) { c = context_with(2); }
static void tear_down(void) { pal_context_free(c); }

/* The random generator that tests/reference/README.md defines: 21 bits per draw. */
static double draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 43) * 0x1p-21;
}

typedef struct start { /* the initial weights and the batches of every case */
    double w[FEATURES * HIDDEN], b[HIDDEN], c[FEATURES], x[STEPS][BATCH * FEATURES];
} start;

static void make_start(start *s, uint64_t seed, uint64_t final)
{
    uint64_t state = seed;
    for (size_t i = 0; i < FEATURES * HIDDEN; i++) s->w[i] = draw(&state) - 0.5;
    for (size_t i = 0; i < HIDDEN; i++) s->b[i] = (draw(&state) - 0.5) / 8;
    for (size_t i = 0; i < FEATURES; i++) s->c[i] = (draw(&state) - 0.5) / 8;
    for (size_t k = 0; k < STEPS; k++)
        for (size_t i = 0; i < BATCH * FEATURES; i++) s->x[k][i] = fmin(1, fmax(0, 1.25 * draw(&state) - 0.125));
    ck_assert_uint_eq(state, final);
}

typedef struct training {
    pal_model *model;
    pal_tensor *x;
    pal_optimizer *optimizer;
    pal_program *program;
    double rate;
} training;

/* Starts the case of a line "case NAME optimizer OPT output OUT lr X [KEY X]...". */
static void begin_case(training *t, char *line, const start *s)
{
    char *word = strtok(line, " "), *name = strtok(NULL, " "), output[16] = "";
    pal_optimizer_options o = {.struct_size = sizeof o};
    const struct {
        const char *key;
        double *to;
    } keys[] = {{"lr", &t->rate},
                {"momentum", &o.momentum},
                {"alpha", &o.alpha},
                {"beta1", &o.beta1},
                {"beta2", &o.beta2},
                {"eps", &o.epsilon},
                {"weight_decay", &o.weight_decay}};
    ck_assert_ptr_nonnull(word);
    ck_assert_ptr_nonnull(name);
    for (char *key, *value; (key = strtok(NULL, " \n")) && (value = strtok(NULL, " \n"));) {
        bool known = true;
        if (!strcmp(key, "optimizer"))
            o.name = value;
        else if (!strcmp(key, "output"))
            snprintf(output, sizeof output, "%s", value);
        else
            known = false;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (!strcmp(key, keys[i].key)) {
                *keys[i].to = strtod(value, NULL);
                known = true;
            }
        ck_assert_msg(known, "%s: %s", name, key);
    }
    pal_error err = {0};
    const pal_setting settings[] = {{"hidden", "7"}, {"output", output}};
    t->model = pal_model_new(c, pal_variant_find("basic"), settings, 2, PAL_SHAPE(FEATURES), PAL_F64, 1, &err);
    ck_assert_msg(t->model != NULL, "%s", err.text);
    ck_assert_uint_eq(pal_model_parameter_count(t->model), 3);
    memcpy(pal_model_parameter_find(t->model, "encoder/W")->data, s->w, sizeof s->w);
    memcpy(pal_model_parameter_find(t->model, "encoder/b")->data, s->b, sizeof s->b);
    memcpy(pal_model_parameter_find(t->model, "decoder/b")->data, s->c, sizeof s->c);
    pal_tensor *parameters[3];
    const char *names[3];
    for (size_t i = 0; i < 3; i++) parameters[i] = pal_model_parameter(t->model, i, &names[i]);
    t->optimizer = pal_optimizer_new(c, &o, parameters, names, 3, &err);
    ck_assert_msg(t->optimizer != NULL, "%s", err.text);

    pal_tape *tape = pal_tape_new(c, PAL_F64);
    pal_var leaves[3], gradients[3];
    t->x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(BATCH, FEATURES));
    pal_model_begin(t->model, tape, PAL_TRAIN);
    pal_var loss = pal_model_loss(t->model, &(pal_batch){.inputs = pal_leaf(tape, t->x, "x")});
    pal_model_leaves(t->model, tape, leaves);
    pal_model_end(t->model);
    pal_grad(loss, leaves, 3, gradients);
    ck_assert_int_eq(pal_optimizer_record(t->optimizer, tape, leaves, gradients, 3), PAL_OK);
    t->program = pal_compile(tape, &loss, 1,
                             &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(tape);
    pal_tape_free(tape);
}

static void end_case(training *t)
{
    pal_program_free(t->program);
    pal_optimizer_free(t->optimizer);
    pal_model_free(t->model);
    pal_tensor_free(t->x);
    *t = (training){0};
}

/* The worst relative error of the tensor's elements first .. first + n - 1, compared with the n numbers in text. */
static double compare(const char *text, const pal_tensor *tensor, size_t first, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        char *end;
        double want = strtod(text, &end);
        ck_assert_ptr_ne(end, text);
        text = end;
        worst = fmax(worst, fabs(pal_tensor_get(tensor, first + i) - want) / fabs(want));
    }
    return worst;
}

/* Every loss and every recorded weight of the reference curves is reproduced. */
static void agrees_with(const char *path, double losses, double weights)
{
    static start s;
    char line[512], name[64] = "";
    training t = {0};
    double worst_loss = 0, worst_weight = 0;
    int cases = 0, wanted = -1;
    unsigned long long seed = 0, final;
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        int step, row, at;
        sscanf(line, "sizes features 20 hidden 7 batch 8 steps 100 seed %llu cases %d", &seed, &wanted);
        if (sscanf(line, "final-state %llu", &final) == 1) make_start(&s, seed, final);
        if (sscanf(line, "case %63s", name) == 1) begin_case(&t, line, &s);
        if (sscanf(line, "loss %d %n", &step, &at) == 1) {
            memcpy(t.x->data, s.x[step - 1], sizeof s.x[0]);
            pal_optimizer_set_step(t.optimizer, (uint64_t)step, t.rate);
            ck_assert_int_eq(pal_run(t.program), PAL_OK);
            worst_loss = fmax(worst_loss, compare(line + at, pal_output(t.program, 0), 0, 1));
        }
        double error = 0;
        pal_optimizer_swap(t.optimizer); /* the file has the weights of evaluation */
        if (sscanf(line, "W %d %d %n", &step, &row, &at) == 2)
            error = compare(line + at, pal_model_parameter_find(t.model, "encoder/W"), (size_t)row * HIDDEN, HIDDEN);
        else if (sscanf(line, "b %d %n", &step, &at) == 1)
            error = compare(line + at, pal_model_parameter_find(t.model, "encoder/b"), 0, HIDDEN);
        else if (sscanf(line, "c %d %n", &step, &at) == 1)
            error = compare(line + at, pal_model_parameter_find(t.model, "decoder/b"), 0, FEATURES);
        pal_optimizer_swap(t.optimizer);
        worst_weight = fmax(worst_weight, error);
        if (strcmp(line, "end\n") != 0) continue;
        if (getenv("PAL_TEST_FIGURES")) printf("%-24s loss %.1e weights %.1e\n", name, worst_loss, worst_weight);
        ck_assert_msg(worst_loss < losses, "%s: loss %g", name, worst_loss);
        ck_assert_msg(worst_weight < weights, "%s: weights %g", name, worst_weight);
        worst_loss = worst_weight = 0;
        end_case(&t);
        cases++;
    }
    fclose(file);
    ck_assert_int_eq(cases, wanted);
}

START_TEST(training_agrees_with_pytorch) { agrees_with(PAL_REFERENCE_DIR "/parity.txt", 1e-12, 1e-11); }
END_TEST

/* 30 steps of the rules of this file, from PyTorch or from the formulas of the papers in NumPy. */
START_TEST(newer_rules_agree_with_their_papers) { agrees_with(PAL_REFERENCE_DIR "/optimizers.txt", 1e-12, 1e-11); }
END_TEST

Suite *parity_suite(void)
{
    Suite *suite = suite_create("parity");
    add_case(suite, "parity", set_up, tear_down,
             TESTS(training_agrees_with_pytorch, newer_rules_agree_with_their_papers));
    return suite;
}
