/* test_dropout.c - tests option `dropout` in every variant: with every choice of every option a step of training works
 * or is refused with a reason; values that use one layer have masks of their own. */
#include <stdio.h>

#include "tests/models/recorded.h"

Suite *dropout_suite(void);

static const pal_setting small[] = {{"hidden", "4"},   {"layers", "5,4"}, {"k", "2"},
                                    {"channels", "2"}, {"classes", "3"},  {"tied", "no"}};
enum { SMALL = sizeof small / sizeof *small, ROWS = 6, LABELLED_FROM = 4 };

/* The loss of a phase and its gradients are finite, with one stream of samples and with two. */
static void take_step(pal_model *m, const pal_phase *phase, bool two, const char *what)
{
    const int64_t n = ROWS, classes = pal_model_classes(m);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = batch_of(m, n), *y = classes ? pal_tensor_new(c, PAL_F64, PAL_SHAPE(n, classes)) : NULL;
    for (int64_t i = 0; i < n * classes; i += classes) pal_tensor_set(y, (size_t)(i + i % classes), 1);
    pal_var leaves[VALUES], out[VALUES];
    const size_t count = pal_model_parameter_count(m);
    ck_assert_uint_lt(count, VALUES);
    pal_model_begin(m, t, PAL_TRAIN);
    pal_batch b = {.inputs = pal_leaf(t, x, "x"), .phase = phase, .labelled_from = two ? LABELLED_FROM : 0};
    if (y) b.labels = pal_leaf(t, y, "y");
    out[0] = pal_model_loss(m, &b);
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    pal_grad(out[0], leaves, count, out + 1);
    pal_program *p = pal_compile(t, out, 1 + count, NULL);
    ck_assert_msg(p != NULL, "%s: %s", what, pal_tape_error(t));
    ck_assert_msg(pal_run(p) == PAL_OK, "%s: %s", what, pal_program_error(p));
    for (size_t i = 0; i <= count; i++)
        for (size_t e = 0; e < pal_tensor_count(pal_output(p, i)); e++)
            ck_assert_msg(isfinite(pal_tensor_get(pal_output(p, i), e)), "%s: value %zu", what, i);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_tensor_free(y);
}

/* The reason of a refusal says what to choose; a name of a stream or a parameter is no reason. */
static bool is_reason(const char *text)
{
    static const char *const remedies[] = {"choose", "give", "set ", "needs", "leave out"};
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (strstr(text, remedies[i])) return !strstr(text, "stream") && !strchr(text, '\n');
    return false;
}

/* What a choice needs beside it. */
static const struct {
    const char *choice;
    pal_setting more;
} with[] = {{"categorical", {"bins", "4"}}, {"blocks", {"block-size", "2"}}};

/* Returns whether the model was made. */
static bool try_setting(const pal_variant *v, const char *dropout, const char *option, const char *choice)
{
    pal_setting settings[SMALL + 4] = {{"dropout", dropout}};
    pal_error err = {0};
    char what[160];
    size_t n = 1;
    for (size_t i = 0; i < SMALL; i++) {
        const pal_option *o = pal_variant_option_find(v, small[i].name);
        if (o && (*o->value || !strcmp(o->name, "layers"))) settings[n++] = small[i];
    }
    if (*option) settings[n++] = (pal_setting){option, choice};
    for (size_t i = 0; *option && i < sizeof with / sizeof *with; i++)
        if (!strcmp(choice, with[i].choice) && pal_variant_option_find(v, with[i].more.name))
            settings[n++] = with[i].more;
    snprintf(what, sizeof what, "%s --dropout %s --%s %s", v->name, dropout, option, choice);
    pal_model *m = pal_model_new(c, v, settings, n, PAL_SHAPE(4, 4), PAL_F64, 5, &err);
    if (!m) {
        ck_assert_msg(is_reason(err.text), "%s: %s", what, err.text);
        return false;
    }
    pal_phase phase;
    for (size_t i = 0; i < 9 && pal_model_phase(m, i, 2, &phase); i++)
        for (int two = 0; two <= (pal_model_classes(m) && phase.stream == PAL_STREAM_BOTH); two++)
            take_step(m, &phase, two, what);
    pal_model_free(m);
    return true;
}

/* Of the lists of rates, a variant takes the one that is as long as its network is deep. */
START_TEST(a_step_works_or_is_refused_with_a_reason)
{
    static const char *const rates[] = {"0.2", "0.1,0.2", "0.1,0.2,0.3", "0.1,0.2,0.3,0.1"};
    const pal_variant *v = pal_variant_at((size_t)_i);
    const pal_option *o;
    int lists = 0;
    for (int r = 0; r < 4; r++) {
        if (!try_setting(v, rates[r], "", "")) continue;
        lists += r > 0;
        for (size_t k = 0; (o = pal_variant_option(v, k)); k++) {
            char choices[256];
            if (o->type != PAL_OPTION_ENUM && o->type != PAL_OPTION_BOOL) continue;
            snprintf(choices, sizeof choices, "%s", o->choices ? o->choices : "yes|no");
            for (char *rest = NULL, *one = strtok_r(choices, "|", &rest); one; one = strtok_r(NULL, "|", &rest))
                try_setting(v, rates[r], o->name, one);
        }
    }
    ck_assert_msg(lists == 1, "%s takes %d of the lists", v->name, lists);
}
END_TEST

/* ---- Masks ---------------------------------------------------------------------------------------------------- */

static pal_var same_rows(pal_model *m, pal_var x)
{
    pal_var h = pal_encode_layers(m, x);
    return pal_sub(h, pal_encode_layers(m, x));
}

static pal_var copied_rows(pal_model *m, pal_var x)
{
    pal_var h = pal_encode_layers(m, x);
    return pal_sub(h, pal_encode_layers(m, pal_neg(pal_neg(x))));
}

static double difference(const char *layers, recording record)
{
    pal_model *m = model_of("deep", (pal_setting[]){{"layers", layers}, {"dropout", "0.5"}, {0}}, PAL_SHAPE(6));
    pal_tensor *x = batch_of(m, 20);
    values v = run(m, x, PAL_TRAIN, record);
    double most = 0;
    for (size_t i = 0; i < pal_tensor_count(v.value[0]); i++) most = fmax(most, fabs(pal_tensor_get(v.value[0], i)));
    free_values(&v);
    pal_tensor_free(x);
    pal_model_free(m);
    return most;
}

START_TEST(another_value_has_another_mask)
{
    static const char *const layers[] = {"5", "5,4", "6,5,4"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_double_eq(difference(layers[i], same_rows), 0);
        ck_assert_double_gt(difference(layers[i], copied_rows), 0);
    }
}
END_TEST

/* The first mask keeps the name that the noise of a run has. */
static pal_var first_alone(pal_model *m, pal_var x) { return pal_encode_layers(m, x); }
static pal_var first_of_two(pal_model *m, pal_var x)
{
    pal_var h = pal_encode_layers(m, x);
    pal_encode_layers(m, pal_neg(pal_neg(x)));
    return h;
}

START_TEST(the_first_mask_does_not_depend_on_later_ones)
{
    pal_model *m = model_of("deep", (pal_setting[]){{"layers", "5,4"}, {"dropout", "0.5"}, {0}}, PAL_SHAPE(6));
    pal_tensor *x = batch_of(m, 20);
    values a = run(m, x, PAL_TRAIN, first_alone), b = run(m, x, PAL_TRAIN, first_of_two);
    ck_assert_mem_eq(a.value[0]->data, b.value[0]->data, pal_tensor_bytes(a.value[0]));
    free_values(&a);
    free_values(&b);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* ---- Derivatives ---------------------------------------------------------------------------------------------- */

typedef struct labelled {
    pal_model *model;
    pal_tensor *x, *y;
} labelled;

static pal_var both_losses(pal_tape *t, const pal_var *inputs, const void *user)
{
    const labelled *l = user;
    (void)inputs; /* the same tensors: the model finds them as leaves */
    pal_model_begin(l->model, t, PAL_TRAIN);
    pal_batch b = {.inputs = pal_leaf(t, l->x, "x"), .labels = pal_leaf(t, l->y, "y"), .labelled_from = LABELLED_FROM};
    pal_var y = pal_model_loss(l->model, &b);
    pal_model_end(l->model);
    return y;
}

START_TEST(derivatives_of_two_losses_with_masks)
{
    pal_model *m = model_of(
        "semi-supervised", (pal_setting[]){{"layers", "5,4"}, {"classes", "3"}, {"dropout", "0.3"}, {0}}, PAL_SHAPE(6));
    const labelled l = {m, batch_of(m, ROWS), random_tensor(c, PAL_F64, PAL_SHAPE(ROWS, 3), 0, 1, "labels")};
    pal_tensor *parameters[VALUES];
    const size_t n = pal_model_parameter_count(m);
    ck_assert_uint_le(n, VALUES);
    for (size_t i = 0; i < n; i++) parameters[i] = pal_model_parameter(m, i, NULL);
    for (int order = 1; order <= 2; order++) {
        pal_gradcheck_report report;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 3, .max_elements = 40};
        ck_assert_int_eq(pal_gradcheck(c, "loss", both_losses, &l, parameters, n, &o, &report), PAL_OK);
        ck_assert_msg(report.verdict == PAL_CHECK_PASS, "order %d: error %g: %s", order, report.error, report.message);
    }
    pal_tensor_free(l.x);
    pal_tensor_free(l.y);
    pal_model_free(m);
}
END_TEST

Suite *dropout_suite(void)
{
    Suite *s = suite_create("dropout");
    TCase *k = add_case(s, "dropout", set_up, tear_down,
                        TESTS(another_value_has_another_mask, the_first_mask_does_not_depend_on_later_ones,
                              derivatives_of_two_losses_with_masks));
    int n = 0;
    while (pal_variant_at((size_t)n)) n++;
    tcase_add_loop_test(k, a_step_works_or_is_refused_with_a_reason, 0, n);
    return s;
}
