/* test_optim.c - update rules: one step by hand, clipping, options, states, slabs. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/models.h"
#include "optim/optim.h"

Suite *optim_suite(void);

static pal_context *c;

static void set_up(void) { c = context_with(2); }
static void tear_down(void) { pal_context_free(c); }

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

/* The other rules with one state or several are one loop each, too; but for those that multiply matrices. */
START_TEST(every_rule_is_one_loop_a_parameter)
{
    for (size_t k = 0; k < pal_optimizer_kinds(); k++) {
        stepper s;
        if (!strcmp(pal_optimizer_name(k), "kfac")) continue; /* it needs the curvature: test_kfac.c */
        pal_optimizer_options o = {.struct_size = sizeof o, .name = pal_optimizer_name(k), .weight_decay = 0.1};
        if (!strcmp(o.name, "muon") || !strcmp(o.name, "soap")) o.elementwise = "q";
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
    const TTest *const tests[] = {clipping_is_by_the_norm_of_all_gradients,
                                  states_are_named_slabs_and_rest_until_a_step,
                                  adam_is_one_loop_a_parameter,
                                  every_rule_is_one_loop_a_parameter,
                                  two_sets_of_weights_are_exchanged,
                                  wrong_options_and_parameters_are_named,
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
