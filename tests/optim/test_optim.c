/* test_optim.c - update rules compared with PyTorch (tests/reference), clipping, options, states, schedules, slabs. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/models.h"
#include "optim/optim.h"

Suite *optim_suite(void);

#ifndef PAL_REFERENCE_DIR
#define PAL_REFERENCE_DIR "tests/reference"
#endif

enum { FEATURES = 20, HIDDEN = 7, BATCH = 8, STEPS = 100 };

static pal_context *c;

static void set_up(void) { c = context_with(2); }
static void tear_down(void) { pal_context_free(c); }

/* ---- The reference curves ------------------------------------------------------------------------------------- */

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

/* ---- One step by hand ----------------------------------------------------------------------------------------- */

typedef struct stepper { /* parameters p and q with the loss <p, a> + <q, b>, whose gradients are a and b */
    pal_tensor *w[2], *g[2];
    pal_optimizer *optimizer;
    pal_program *program;
} stepper;

static void make_stepper(stepper *s, const pal_optimizer_options *o, pal_dtype dtype)
{
    static const char *const names[2] = {"p", "q"};
    const pal_shape shapes[2] = {PAL_SHAPE(2), PAL_SHAPE(3, 1)};
    pal_tape *tape = pal_tape_new(c, dtype);
    pal_var w[2], g[2];
    for (size_t i = 0; i < 2; i++) {
        s->w[i] = random_tensor(c, dtype, shapes[i], -1, 1, names[i]);
        s->g[i] = pal_tensor_new(c, dtype, shapes[i]);
        w[i] = pal_leaf(tape, s->w[i], names[i]);
        g[i] = pal_leaf(tape, s->g[i], i ? "b" : "a");
    }
    pal_error err = {0};
    s->optimizer = pal_optimizer_new(c, o, s->w, names, 2, &err);
    ck_assert_msg(s->optimizer != NULL, "%s", err.text);
    ck_assert_int_eq(pal_optimizer_record(s->optimizer, tape, w, g, 2), PAL_OK);
    s->program =
        pal_compile(tape, NULL, 0, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(tape);
    pal_tape_free(tape);
}

static void free_stepper(stepper *s)
{
    pal_program_free(s->program);
    pal_optimizer_free(s->optimizer);
    for (size_t i = 0; i < 2; i++) {
        pal_tensor_free(s->w[i]);
        pal_tensor_free(s->g[i]);
    }
}

/* The gradients (3, 0) and (0, 4, 0) have the global norm 5, and clipping scales both by the same factor. */
START_TEST(clipping_is_by_the_norm_of_all_gradients)
{
    const struct {
        double clip, scale;
        bool zero;
    } cases[] = {{2.5, 0.5, false}, {5, 1, false}, {8, 1, false}, {2.5, 1, true}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        stepper s;
        make_stepper(&s,
                     &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .clip_norm = cases[k].clip},
                     PAL_F64);
        const double before[2] = {pal_tensor_get(s.w[0], 0), pal_tensor_get(s.w[1], 1)};
        if (!cases[k].zero) {
            pal_tensor_set(s.g[0], 0, 3);
            pal_tensor_set(s.g[1], 1, 4);
        }
        pal_optimizer_set_step(s.optimizer, 1, 0.5);
        ck_assert_int_eq(pal_run(s.program), PAL_OK);
        double size = cases[k].zero ? 0 : cases[k].scale * 0.5;
        ck_assert(pal_tensor_get(s.w[0], 0) == before[0] - 3 * size);
        ck_assert(pal_tensor_get(s.w[1], 1) == before[1] - 4 * size);
        free_stepper(&s);
    }
}
END_TEST

/* The states of one kind are parts of one slab, aligned to 64 bytes. Until a step is set, an update changes nothing. */
START_TEST(states_are_named_slabs_and_rest_until_a_step)
{
    stepper s;
    make_stepper(&s, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"}, PAL_F32);
    static const char *const names[] = {"adam/m/p", "adam/m/q", "adam/v/p", "adam/v/q"};
    ck_assert_uint_eq(pal_optimizer_state_count(s.optimizer), 4);
    for (size_t i = 0; i < 4; i++) {
        const char *name;
        pal_tensor *t = pal_optimizer_state(s.optimizer, i, &name);
        ck_assert_str_eq(name, names[i]);
        ck_assert(pal_shape_equal(t->shape, s.w[i % 2]->shape));
        ck_assert_uint_eq((uintptr_t)t->data % 64, 0);
    }
    ck_assert_ptr_eq((char *)pal_optimizer_state(s.optimizer, 0, NULL)->data + 64,
                     pal_optimizer_state(s.optimizer, 1, NULL)->data);
    ck_assert_ptr_null(pal_optimizer_state(s.optimizer, 4, NULL));
    double before = pal_tensor_get(s.w[0], 0);
    pal_tensor_set(s.g[0], 0, 1);
    ck_assert_int_eq(pal_run(s.program), PAL_OK);
    ck_assert(pal_tensor_get(s.w[0], 0) == before); /* before a step is set, the rate is 0 */
    free_stepper(&s);
}
END_TEST

/* The update of Adam is one elementwise loop per parameter, so it passes over memory once. */
START_TEST(adam_is_one_loop_a_parameter)
{
    stepper s;
    make_stepper(&s, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adamw"}, PAL_F32);
    char *text = pal_program_text(s.program);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, "program of 2 steps") != NULL, "%s", text);
    pal_text_free(c, text);
    free_stepper(&s);
}
END_TEST

/* The other rules with one state or several are one loop each, too. */
START_TEST(every_rule_is_one_loop_a_parameter)
{
    for (size_t k = 0; k < pal_optimizer_kinds(); k++) {
        stepper s;
        const pal_optimizer_options o = {.struct_size = sizeof o, .name = pal_optimizer_name(k), .weight_decay = 0.1};
        make_stepper(&s, &o, PAL_F32);
        char *text = pal_program_text(s.program);
        ck_assert_ptr_nonnull(text);
        ck_assert_msg(strstr(text, "program of 2 steps") != NULL, "%s: %s", o.name, text);
        pal_text_free(c, text);
        free_stepper(&s);
    }
}
END_TEST

/* Schedule-free: both sets of weights start as the weights; a swap brings the mean of the points z, and a second one
 * the same bits as before. A step that is set twice counts once. */
START_TEST(two_sets_of_weights_are_exchanged)
{
    stepper s;
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = "schedule-free", .beta1 = 0.75, .epsilon = -1};
    make_stepper(&s, &o, PAL_F64);
    pal_tensor_set(s.w[0], 0, 5); /* after the optimiser was made */
    pal_tensor_set(s.g[0], 0, 2);
    pal_tensor_set(s.g[0], 1, 1);
    pal_tensor_set(s.g[1], 0, 1);
    pal_tensor_set(s.g[1], 1, 1);
    pal_tensor_set(s.g[1], 2, 1);
    const double rates[] = {0.5, 0.25};
    double z = 5, x = 5, v = 0, sum = 0, y = 5;
    for (uint64_t t = 1; t <= 2; t++) {
        pal_optimizer_set_step(s.optimizer, t, rates[t - 1]);
        pal_optimizer_set_step(s.optimizer, t, rates[t - 1]);
        ck_assert_int_eq(pal_run(s.program), PAL_OK);
        const double rate = rates[t - 1] * sqrt(1 - pow(0.999, (double)t));
        v = 0.999 * v + 0.001 * 4;
        z -= rate * 2 / sqrt(v);
        sum += rate * rate;
        x += rate * rate / sum * (z - x);
        y = 0.25 * z + 0.75 * x;
        ck_assert_double_eq_tol(pal_tensor_get(s.w[0], 0), y, 1e-14);
    }
    const double before[2] = {pal_tensor_get(s.w[0], 0), pal_tensor_get(s.w[1], 2)};
    ck_assert(pal_optimizer_swap(s.optimizer));
    ck_assert_double_eq_tol(pal_tensor_get(s.w[0], 0), x, 1e-14);
    ck_assert_double_ne(pal_tensor_get(s.w[1], 2), before[1]);
    ck_assert(pal_optimizer_swap(s.optimizer));
    ck_assert(pal_tensor_get(s.w[0], 0) == before[0] && pal_tensor_get(s.w[1], 2) == before[1]);
    const char *name;
    ck_assert_uint_eq(pal_optimizer_state_count(s.optimizer), 7);
    pal_optimizer_state(s.optimizer, 4, &name);
    ck_assert_str_eq(name, "schedule-free/training/p");
    pal_tensor *rates_so_far = pal_optimizer_state(s.optimizer, 6, &name);
    ck_assert_str_eq(name, "schedule-free/rates");
    ck_assert_double_eq_tol(pal_tensor_get(rates_so_far, 1) + pal_tensor_get(rates_so_far, 2), sum, 1e-15);
    free_stepper(&s);
    make_stepper(&s, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"}, PAL_F64);
    ck_assert(!pal_optimizer_swap(s.optimizer) && !pal_optimizer_swap(NULL));
    free_stepper(&s);
}
END_TEST

START_TEST(wrong_options_and_parameters_are_named)
{
    const struct {
        pal_optimizer_options o;
        const char *says;
    } cases[] = {{{.struct_size = sizeof(pal_optimizer_options), .name = "adadelta"}, "adadelta"},
                 {{.struct_size = sizeof(pal_optimizer_options), .name = "adam", .beta1 = 1},
                  "adam: beta1 1 must be at least 0 and less than 1"},
                 {{.struct_size = sizeof(pal_optimizer_options), .name = "adam", .epsilon = (double)NAN}, "epsilon"},
                 {{.struct_size = sizeof(pal_optimizer_options), .clip_norm = -2}, "clip_norm -2"},
                 {{.name = "gd"}, "struct_size"}};
    pal_tensor *w = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2)), *i = pal_tensor_new(c, PAL_I32, PAL_SHAPE(2));
    const char *name = "w";
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        pal_error err = {0};
        ck_assert_ptr_null(pal_optimizer_new(c, &cases[k].o, &w, &name, 1, &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[k].says) != NULL, "%s", err.text);
    }
    pal_error err = {0};
    ck_assert_ptr_null(pal_optimizer_new(c, NULL, &i, &name, 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_TYPE);
    /* The leaf has another tensor than the optimizer was created for. */
    pal_optimizer *o = pal_optimizer_new(c, NULL, &w, &name, 1, NULL);
    pal_tensor *other = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2));
    pal_tape *tape = pal_tape_new(c, PAL_F32);
    pal_var leaf = pal_leaf(tape, other, "other");
    ck_assert_int_eq(pal_optimizer_record(o, tape, &leaf, &leaf, 1), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(tape), "parameter 1"));
    pal_tape_free(tape);
    pal_optimizer_free(o);
    pal_optimizer_free(NULL);
    pal_tensor_free(w);
    pal_tensor_free(i);
    pal_tensor_free(other);
    for (size_t k = 0; k < pal_optimizer_kinds(); k++) ck_assert(pal_optimizer_name(k) && pal_optimizer_formula(k));
    ck_assert_ptr_null(pal_optimizer_name(pal_optimizer_kinds()));
}
END_TEST

/* ---- Schedules ------------------------------------------------------------------------------------------------ */

START_TEST(schedules_meet_their_ends)
{
    const pal_schedule constant = {.name = "constant", .learning_rate = 0.5},
                       warm = {.name = "constant", .learning_rate = 0.5, .warmup = 4},
                       step = {.name = "step", .learning_rate = 0.5, .factor = 0.5, .every = 10},
                       cosine = {.name = "cosine", .learning_rate = 0.5, .final_rate = 0.1, .total = 101},
                       line = {.name = "polynomial", .learning_rate = 0.5, .final_rate = 0.1, .total = 101},
                       square = {.name = "polynomial",
                                 .learning_rate = 0.5,
                                 .final_rate = 0.1,
                                 .total = 101,
                                 .power = 2},
                       both = {.name = "cosine", .learning_rate = 0.5, .warmup = 10, .total = 110};
    const struct {
        const pal_schedule *schedule;
        uint64_t step;
        double rate;
    } cases[] = {{&constant, 1, 0.5}, {&constant, 1000000, 0.5}, {&warm, 1, 0.125},  {&warm, 3, 0.375},
                 {&warm, 4, 0.5},     {&warm, 5, 0.5},           {&step, 1, 0.5},    {&step, 10, 0.5},
                 {&step, 11, 0.25},   {&step, 31, 0.0625},       {&cosine, 1, 0.5},  {&cosine, 51, 0.3},
                 {&cosine, 101, 0.1}, {&cosine, 999, 0.1},       {&both, 1, 0.05},   {&both, 10, 0.5},
                 {&both, 60, 0.25},   {&both, 110, 0},           {&line, 1, 0.5},    {&line, 51, 0.3},
                 {&line, 101, 0.1},   {&line, 999, 0.1},         {&square, 51, 0.2}, {&square, 76, 0.125}};
    ck_assert(pal_schedule_uses_total("polynomial") && pal_schedule_uses_total("one-cycle"));
    ck_assert(!pal_schedule_uses_total("plateau") && !pal_schedule_uses_total("linear"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_double_eq_tol(pal_schedule_rate(cases[i].schedule, cases[i].step), cases[i].rate, 1e-15);
    ck_assert(pal_schedule_known("cosine") && !pal_schedule_known("linear") && !pal_schedule_known(NULL));
    ck_assert(isnan(pal_schedule_rate(&(pal_schedule){.name = "linear"}, 1)));
}
END_TEST

static size_t numbers(char *at, double *out, size_t most)
{
    size_t n = 0;
    for (char *end; n < most; at = end, n++) {
        out[n] = strtod(at, &end);
        if (end == at) break;
    }
    return n;
}

/* One-cycle and plateau are PyTorch's: the same rate at every step, and after every loss. */
START_TEST(schedules_agree_with_pytorch)
{
    static char line[8192];
    static double x[256];
    int cases = 0;
    FILE *file = fopen(PAL_REFERENCE_DIR "/schedules.txt", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        char *at = strstr(line, " rates ");
        pal_schedule s = {.learning_rate = 1};
        unsigned long long total, patience;
        if (*line == '#' || !at) continue;
        const size_t n = numbers(at + 7, x, 256);
        if (sscanf(line, "one-cycle %llu %lf %lf %lf", &total, &s.rise, &s.learning_rate, &s.final_rate) == 4) {
            s.name = "one-cycle";
            s.total = total;
            ck_assert_uint_eq(n, total);
            for (size_t i = 0; i < n; i++) ck_assert_double_eq_tol(pal_schedule_rate(&s, i + 1), x[i], 1e-14);
        } else {
            pal_plateau p = {0};
            ck_assert_int_eq(sscanf(line, "plateau %llu %lf %lf", &patience, &s.factor, &s.final_rate), 3);
            s.name = "plateau";
            s.patience = patience;
            ck_assert_uint_eq(n, 120);
            for (size_t i = 0; i < n; i += 2) {
                const uint64_t before = s.reductions;
                const bool falls = pal_plateau_add(&p, &s, x[i]);
                ck_assert(!pal_plateau_add(&p, &s, (double)NAN));
                s.reductions = p.reductions;
                ck_assert_uint_eq(s.reductions, before + falls);
                ck_assert_double_eq_tol(pal_schedule_rate(&s, i + 1), x[i + 1], 1e-15);
            }
            ck_assert_uint_gt(s.reductions, 2);
        }
        cases++;
    }
    fclose(file);
    ck_assert_int_eq(cases, 6);
}
END_TEST

/* Losses below 0 get better downwards, too. */
START_TEST(a_plateau_of_negative_losses)
{
    const pal_schedule s = {.name = "plateau", .learning_rate = 1, .factor = 0.5, .patience = 1};
    pal_plateau p = {0};
    const double losses[] = {-1, -2, -2.0001, -2.0001, -3, -3, -3};
    for (size_t i = 0; i < 7; i++) ck_assert(pal_plateau_add(&p, &s, losses[i]) == (i == 3 || i == 6));
}
END_TEST

/* Sutskever et al. 2013: equation 3 by its own variables, v and theta, with the momentum of equation 5. The weights are
 * theta + mu v, where the gradient is taken. Classical momentum (equations 1 and 2) has theta itself. */
START_TEST(a_scheduled_momentum_is_that_of_the_paper)
{
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        const pal_optimizer_options o = {.struct_size = sizeof o,
                                         .name = nesterov ? "nesterov" : "momentum",
                                         .momentum = 0.8,
                                         .momentum_schedule = "sutskever"};
        stepper s;
        make_stepper(&s, &o, PAL_F64);
        double theta[5], v[5] = {0};
        for (size_t i = 0; i < 5; i++) theta[i] = pal_tensor_get(s.w[i / 2 ? 1 : 0], i < 2 ? i : i - 2);
        for (uint64_t t = 1; t <= 1100; t++) {
            const double mu = fmin(1 - pow(2, -1 - log2(floor((double)t / 250) + 1)), 0.8);
            const double next = fmin(1 - pow(2, -1 - log2(floor((double)(t + 1) / 250) + 1)), 0.8);
            for (size_t i = 0; i < 5; i++) { /* the loss is the sum of (i + 1) w^2 / 2 */
                pal_tensor *w = s.w[i < 2 ? 0 : 1], *g = s.g[i < 2 ? 0 : 1];
                const size_t at = i < 2 ? i : i - 2;
                pal_tensor_set(g, at, (double)(i + 1) * pal_tensor_get(w, at));
                v[i] = mu * v[i] - 1e-3 * (double)(i + 1) * (theta[i] + (nesterov ? mu * v[i] : 0));
                theta[i] += v[i];
            }
            pal_optimizer_set_step(s.optimizer, t, 1e-3);
            ck_assert_int_eq(pal_run(s.program), PAL_OK);
            for (size_t i = 0; i < 5; i++)
                ck_assert_double_eq_tol(pal_tensor_get(s.w[i < 2 ? 0 : 1], i < 2 ? i : i - 2),
                                        theta[i] + (nesterov ? next * v[i] : 0), 1e-13);
        }
        free_stepper(&s);
    }
    pal_error err = {0};
    const pal_optimizer_options wrong = {.struct_size = sizeof wrong, .momentum_schedule = "cosine"};
    ck_assert_ptr_null(pal_optimizer_new(c, &wrong, NULL, NULL, 0, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "unknown schedule of the momentum cosine"));
}
END_TEST

/* Each part of a slab starts at a multiple of 64 bytes. */
START_TEST(slabs_align_their_parts)
{
    const pal_shape shapes[] = {PAL_SHAPE(3), PAL_SCALAR, PAL_SHAPE(4, 5)}, large[] = {PAL_SHAPE(INT64_MAX)};
    pal_slab *slab = pal_slab_new(c, PAL_F64, shapes, 3);
    ck_assert_ptr_nonnull(slab);
    const char *base = slab->all->data;
    const size_t at[] = {0, 64, 128};
    for (size_t i = 0; i < 3; i++) ck_assert_ptr_eq(slab->part[i]->data, base + at[i]);
    ck_assert_uint_eq(pal_tensor_bytes(slab->all), 128 + 192);
    pal_slab_free(slab);
    pal_slab_free(NULL);
    ck_assert_ptr_null(pal_slab_new(c, PAL_F64, large, 1));
    slab = pal_slab_new(c, PAL_F32, NULL, 0);
    ck_assert_ptr_nonnull(slab);
    pal_slab_free(slab);
}
END_TEST

Suite *optim_suite(void)
{
    const TTest *const tests[] = {training_agrees_with_pytorch,
                                  newer_rules_agree_with_their_papers,
                                  clipping_is_by_the_norm_of_all_gradients,
                                  states_are_named_slabs_and_rest_until_a_step,
                                  adam_is_one_loop_a_parameter,
                                  every_rule_is_one_loop_a_parameter,
                                  two_sets_of_weights_are_exchanged,
                                  wrong_options_and_parameters_are_named,
                                  schedules_meet_their_ends,
                                  schedules_agree_with_pytorch,
                                  a_plateau_of_negative_losses,
                                  a_scheduled_momentum_is_that_of_the_paper,
                                  slabs_align_their_parts};
    Suite *suite = suite_create("optim");
    TCase *group = tcase_create("optim");
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_set_timeout(group, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    return suite;
}
