/* test_groups.c - parameters that train differently: factors of the learning rate, and biases without weight decay. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "optim/optim.h"

Suite *groups_suite(void);

static pal_context *c;

static void set_up(void) { c = context_with(2); }
static void tear_down(void) { pal_context_free(c); }

/* Each parameter moves as it would alone with an optimiser of its own rate and decay. */
START_TEST(groups_train_as_if_alone)
{
    static const char *const names[] = {"encoder/W", "encoder/b", "decoder/fc1/W", "decoder/fc10/W", "scale"};
    static const double factor[] = {0.5, 0, 3, 2, 1};
    const pal_shape shapes[] = {PAL_SHAPE(2, 3), PAL_SHAPE(3), PAL_SHAPE(3, 2), PAL_SHAPE(2, 1), PAL_SHAPE(2)};
    const char *rates = "encoder=0.5,decoder/fc1=3,encoder/b=0,decoder=2";
    for (size_t k = 0; k < pal_optimizer_kinds(); k++) {
        if (!strcmp(pal_optimizer_name(k), "kfac")) continue; /* it needs the curvature: test_kfac.c */
        const pal_optimizer_options o = {.struct_size = sizeof o,
                                         .name = pal_optimizer_name(k),
                                         .weight_decay = 0.1,
                                         .spare_biases = true,
                                         .rates = rates};
        pal_tensor *w[5], *alone[5];
        pal_optimizer *own[6];
        pal_program *p[6];
        for (size_t i = 0; i < 5; i++) {
            w[i] = random_tensor(c, PAL_F64, shapes[i], -1, 1, names[i]);
            alone[i] = random_tensor(c, PAL_F64, shapes[i], -1, 1, names[i]);
            memcpy(alone[i]->data, w[i]->data, pal_tensor_bytes(w[i]));
        }
        for (size_t i = 0; i < 6; i++) { /* the last one has all of them */
            pal_tape *tape = pal_tape_new(c, PAL_F64);
            pal_tensor *const *of = i < 5 ? &alone[i] : w;
            const char *const *called = i < 5 ? &names[i] : names;
            const size_t n = i < 5 ? 1 : 5;
            pal_optimizer_options mine = {.struct_size = sizeof mine, .name = o.name, .weight_decay = 0.1};
            if (i == 1 || i == 4) mine.weight_decay = -1;
            pal_error err = {0};
            own[i] = pal_optimizer_new(c, i < 5 ? &mine : &o, of, called, n, &err);
            ck_assert_msg(own[i] != NULL, "%s", err.text);
            pal_var leaf[5], g[5], y = {0};
            for (size_t j = 0; j < n; j++) {
                leaf[j] = pal_leaf(tape, of[j], called[j]);
                y = j ? pal_add(y, pal_sum_squares(leaf[j])) : pal_sum_squares(leaf[j]);
            }
            pal_grad(y, leaf, n, g);
            ck_assert_int_eq(pal_optimizer_record(own[i], tape, leaf, g, n), PAL_OK);
            p[i] = pal_compile(tape, &y, 1,
                               &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
            ck_assert_tape_ok(tape);
            pal_tape_free(tape);
        }
        for (uint64_t t = 1; t <= 4; t++)
            for (size_t i = 0; i < 6; i++) {
                pal_optimizer_set_step(own[i], t, 0.01 * (i < 5 ? factor[i] : 1));
                ck_assert_int_eq(pal_run(p[i]), PAL_OK);
            }
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < pal_tensor_count(w[i]); j++)
                ck_assert_msg(fabs(pal_tensor_get(w[i], j) - pal_tensor_get(alone[i], j)) <= 1e-15, "%s: %s", o.name,
                              names[i]);
        for (size_t i = 0; i < 6; i++) {
            pal_program_free(p[i]);
            pal_optimizer_free(own[i]);
        }
        for (size_t i = 0; i < 5; i++) {
            pal_tensor_free(w[i]);
            pal_tensor_free(alone[i]);
        }
    }
}
END_TEST

START_TEST(wrong_rates_are_named)
{
    static const struct {
        const char *rates, *says;
    } rows[] = {
        {"encoder", "rates: encoder is not PREFIX=FACTOR"},
        {"=2", "=2 is not PREFIX=FACTOR"},
        {"encoder=", "encoder= is not"},
        {"encoder=-1", "encoder=-1 is not"},
        {"encoder=nan", "encoder=nan is not"},
        {"encoder=1x", "encoder=1x is not"},
        {"encoder=1,", "encoder=1, is not"},
        {"encoder=1,,decoder=1", ",decoder=1 is not"},
        {"encoder=1,encoder=2", "encoder appears twice"},
        {"enc=1", "rates: no parameter is called enc or enc/...: the first is encoder/W"},
        {"encoder/W/x=1", "no parameter is called encoder/W/x"},
    };
    static const char *const names[] = {"encoder/W", "decoder/W"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        const pal_optimizer_options o = {.struct_size = sizeof o, .name = "adam", .rates = rows[i].rates};
        ck_assert_int_eq(pal_optimizer_check(&o, names, 2, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s", err.text);
    }
    char many[4096] = "";
    for (int i = 0; i < 65; i++) sprintf(many + strlen(many), "%sp%d=1", i ? "," : "", i);
    pal_error err = {0};
    pal_optimizer_options o = {.struct_size = sizeof o, .rates = many};
    ck_assert_ptr_null(pal_optimizer_new(c, &o, NULL, NULL, 0, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "at most 64 prefixes"));
    memset(many, 'x', 4001);
    many[4001] = 0;
    ck_assert_int_eq(pal_optimizer_check(&o, names, 2, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "more than 4000 bytes"));
    o.rates = "encoder=1,decoder/W=0";
    ck_assert_int_eq(pal_optimizer_check(&o, names, 2, NULL), PAL_OK);
    ck_assert_int_eq(pal_optimizer_check(NULL, names, 2, NULL), PAL_OK);
}
END_TEST

Suite *groups_suite(void)
{
    Suite *suite = suite_create("groups");
    add_case(suite, "groups", set_up, tear_down, TESTS(groups_train_as_if_alone, wrong_rates_are_named));
    return suite;
}
