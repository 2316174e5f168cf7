/* test_text.c - reads a tape back from its text. The tape has the same text, and its program gives the same bits. */
#include "models/models.h"
#include "optim/optim.h"
#include "tests/autograd/text_graphs.h"

START_TEST(a_graph_comes_back)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    outputs o = {0};
    graphs[_i].record(t, &o);
    check_round(t, o.v, o.n, true);
    check_round(t, NULL, 0, false);
    pal_tape_free(t);
}
END_TEST

START_TEST(a_training_step_comes_back)
{
    pal_error err = {0};
    const char *const settings[] = {"basic", "denoising"};
    for (size_t s = 0; s < 2; s++) {
        const pal_variant *variant = pal_variant_find(settings[s]);
        pal_model *m =
            pal_model_new(c, variant, (pal_setting[]){{"hidden", "3"}}, 1, PAL_SHAPE(COLUMNS), PAL_F64, 5, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        size_t n = pal_model_parameter_count(m);
        pal_tensor *parameter[MOST_LEAVES];
        const char *name[MOST_LEAVES];
        pal_var leaf[MOST_LEAVES], gradient[MOST_LEAVES];
        for (size_t i = 0; i < n; i++) parameter[i] = pal_model_parameter(m, i, &name[i]);
        pal_optimizer_options o = {.struct_size = sizeof o, .name = "adam", .clip_norm = 1};
        pal_optimizer *adam = pal_optimizer_new(c, &o, parameter, name, n, &err);
        ck_assert_msg(adam != NULL, "%s", err.text);
        pal_optimizer_set_step(adam, 3, 0.01);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_TRAIN);
        pal_batch batch = {.inputs = pal_sigmoid(pal_leaf(t, xs, "inputs"))};
        pal_var loss = pal_model_loss(m, &batch);
        ck_assert_int_eq(pal_model_leaves(m, t, leaf), PAL_OK);
        ck_assert_int_eq(pal_grad(loss, leaf, n, gradient), PAL_OK);
        ck_assert_int_eq(pal_optimizer_record(adam, t, leaf, gradient, n), PAL_OK);
        pal_model_end(m);
        ck_assert_tape_ok(t);
        check_round(t, &loss, 1, false);
        /* The text of the whole tape includes all effects, so they are read back too. */
        char *text = pal_tape_text(t, NULL, 0);
        pal_var found[OUTPUTS];
        size_t n_found = OUTPUTS;
        pal_tape *again = parsed(t, text, found, &n_found);
        char *second = pal_tape_text(again, found, n_found);
        ck_assert_str_eq(text, second);
        ck_assert_uint_eq(again->n_effects, t->n_effects);
        kept before = keep(t);
        pal_program_free(ran(t, &loss, 1));
        kept after = keep(t);
        restore(&before, false);
        pal_program_free(ran(again, NULL, 0));
        for (size_t i = 0; i < after.n; i++)
            ck_assert_mem_eq(after.leaf[i]->data, after.data[i], pal_tensor_bytes(after.leaf[i]));
        restore(&after, true);
        restore(&before, true);
        pal_text_free(c, text);
        pal_text_free(c, second);
        pal_tape_free(again);
        pal_tape_free(t);
        pal_optimizer_free(adam);
        pal_model_free(m);
    }
}
END_TEST

/* The numbers of the lines may have gaps if they ascend. */
START_TEST(other_numbers)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var v;
    size_t n = 1;
    ck_assert_int_eq(pal_tape_parse(t, "%7 = fill f64[] {2}\n%4000000000 = add f64[] (%7, %7)\nreturn %4000000000",
                                    NULL, &v, &n, NULL),
                     PAL_OK);
    double value;
    ck_assert_int_eq(pal_eval(v, &value), PAL_OK);
    ck_assert_double_eq(value, 4);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    n = 1;
    ck_assert_int_eq(pal_tape_parse(t, "", NULL, &v, &n, NULL), PAL_OK);
    ck_assert_uint_eq(n, 0);
    pal_tape_free(t);
}
END_TEST

Suite *text_suite(void)
{
    Suite *s = suite_create("text");
    TCase *k = tcase_create("text");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_set_timeout(k, 120);
    tcase_add_loop_test(k, a_graph_comes_back, 0, GRAPHS);
    tcase_add_test(k, a_training_step_comes_back);
    tcase_add_test(k, other_numbers);
    suite_add_tcase(s, k);
    return s;
}
