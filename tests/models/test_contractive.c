/* test_contractive.c - tests the contraction penalty: its exact forms against each other and against the closed form,
 * its estimate, and its named term. */
#include <math.h>

#include "tests/models/recorded.h"

Suite *contractive_suite(void);

enum { SAMPLES = 4, MEANS = 4000 };
static const pal_shape sample = {.rank = 2, .dim = {2, 3}};

static pal_model *model_by(const char *jacobian, const pal_setting *settings)
{
    pal_setting all[8] = {{"jacobian", jacobian}, {"lambda", "0.7"}};
    for (size_t i = 2; settings->name; settings++) all[i++] = *settings;
    pal_model *m = model_of("contractive", all, sample);
    fill_parameters(m, 1);
    return m;
}

static values loss_and_gradients(pal_model *m)
{
    pal_tensor *x = batch_of(m, SAMPLES);
    values v = run_at(m, x, PAL_TRAIN, loss_of, true, (pal_noise){.seed = 4});
    pal_tensor_free(x);
    return v;
}

static void same_values(values a, values b)
{
    ck_assert_uint_eq(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) near(a.value[i], b.value[i], 1e-10);
    free_values(&a);
    free_values(&b);
}

/* -log p + lambda times the mean over samples of sum_j (h_j (1 - h_j))^2 ||W_j||^2: the loss of one sigmoid layer. */
static pal_var closed_form(pal_model *m, pal_var x)
{
    const int64_t d = pal_shape_count(sample), k = pal_option_int(m, "hidden");
    pal_var h = pal_encode_layers(m, x), w = pal_parameter(m, "encoder/W", PAL_SHAPE(d, k), PAL_INIT_GLOROT);
    pal_var slopes = pal_square(pal_mul(h, pal_one_minus(h))), squares = pal_sum(pal_square(w), 1, true);
    pal_var norm2 = pal_mean_over_samples(pal_mul(slopes, squares));
    return pal_add(pal_nll(m, pal_decode_layers(m, h), x), pal_scale(norm2, pal_option_real(m, "lambda")));
}

static values closed(pal_model *m)
{
    pal_tensor *x = batch_of(m, SAMPLES);
    values v = run_at(m, x, PAL_TRAIN, closed_form, true, (pal_noise){0});
    pal_tensor_free(x);
    return v;
}

/* For one sigmoid layer, `exact` and `rows` give the loss and gradients of the closed form. */
START_TEST(one_layer_is_the_closed_form)
{
    static const pal_setting tied[][3] = {{{"hidden", "5"}, {"tied", "yes"}, {0}},
                                          {{"hidden", "5"}, {"tied", "no"}, {0}}};
    for (int k = 0; k < 2; k++) {
        pal_model *exact = model_by("exact", tied[k]), *rows = model_by("rows", tied[k]);
        same_values(loss_and_gradients(exact), loss_and_gradients(rows));
        same_values(loss_and_gradients(exact), closed(exact));
        pal_model_free(exact);
        pal_model_free(rows);
    }
}
END_TEST

/* For one layer with any activation, `exact` and `rows` agree. */
START_TEST(any_activation_is_exact_by_rows)
{
    static const char *const activations[] = {"tanh", "relu", "softplus", "linear"};
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        const pal_setting settings[] = {{"hidden", "5"}, {"activation", activations[i]}, {0}};
        pal_model *exact = model_by("exact", settings), *rows = model_by("rows", settings);
        same_values(loss_and_gradients(exact), loss_and_gradients(rows));
        pal_model_free(exact);
        pal_model_free(rows);
    }
}
END_TEST

/* For encoders with several layers, `exact` and `rows` agree. */
START_TEST(deep_encoders_are_exact_by_rows)
{
    static const pal_setting deep[][5] = {
        {{"layers", "5,4"}, {"activation", "tanh"}, {0}},
        {{"layers", "5,4"}, {"activation", "relu"}, {0}},
        {{"layers", "6,5,4"}, {"activation", "relu"}, {"code-activation", "tanh"}, {0}},
        {{"layers", "6,5,4"}, {"activation", "tanh"}, {"code-activation", "linear"}, {"tied", "no"}, {0}},
        {{"layers", "7,5,3"}, {"activation", "sigmoid"}, {"dropout", "0.3"}, {0}},
        {{"layers", "5,4"}, {"binarize", "dynamic"}, {"output", "gaussian"}, {"sigma-of", "feature"}, {0}},
    };
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        pal_model *exact = model_by("exact", deep[i]), *rows = model_by("rows", deep[i]);
        same_values(loss_and_gradients(exact), loss_and_gradients(rows));
        encode_then_decode(exact);
        fill_parameters(exact, 0.5); /* with less curvature, finite differences are accurate enough */
        check_gradients("deep", exact);
        pal_model_free(exact);
        pal_model_free(rows);
    }
}
END_TEST

/* The mean of the estimates over many steps is within four standard errors of the exact loss. The estimates must also
 * vary. */
START_TEST(hutchinson_is_unbiased)
{
    const pal_setting settings[] = {{"hidden", "5"}, {0}};
    pal_model *exact = model_by("exact", settings), *estimate = model_by("hutchinson", settings);
    pal_tensor *x = batch_of(exact, SAMPLES);
    const double want = loss(exact, x);
    double sum = 0, squares = 0;
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(estimate, t, PAL_TRAIN);
    pal_var y = loss_of(estimate, pal_leaf(t, x, "x"));
    pal_model_end(estimate);
    pal_program *p = pal_compile(t, &y, 1, NULL);
    ck_assert_tape_ok(t);
    for (uint64_t i = 0; i < MEANS; i++) {
        pal_program_set_noise(p, (pal_noise){.seed = 3, .clock = i});
        ck_assert_int_eq(pal_run(p), PAL_OK);
        const double value = pal_tensor_get(pal_output(p, 0), 0);
        sum += value / MEANS;
        squares += value * value / MEANS;
    }
    const double error = sqrt((squares - sum * sum) / MEANS);
    ck_assert_double_gt(error, 0);
    ck_assert_double_eq_tol(sum, want, 4 * error);
    ck_assert_double_lt(error, 0.05 * want);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_model_free(exact);
    pal_model_free(estimate);
}
END_TEST

static pal_var contraction(pal_model *m, pal_var x)
{
    const char *name = NULL;
    loss_of(m, x);
    ck_assert_uint_eq(pal_model_note_count(m), 1);
    pal_var term = pal_model_note_at(m, 0, &name);
    ck_assert_str_eq(name, "contraction");
    return term;
}

/* The term is recorded under the name "contraction". Its value is the loss minus the loss with lambda 0. */
START_TEST(the_term_has_its_name)
{
    pal_model *m = model_by("exact", (pal_setting[]){{"hidden", "5"}, {0}}),
              *none = model_of("contractive", (pal_setting[]){{"hidden", "5"}, {"lambda", "0"}, {0}}, sample);
    fill_parameters(none, 1);
    pal_tensor *x = batch_of(m, SAMPLES);
    values v = run(m, x, PAL_TRAIN, contraction);
    ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0), loss(m, x) - loss(none, x), 1e-12);
    free_values(&v);
    pal_tensor_free(x);
    pal_model_free(m);
    pal_model_free(none);
}
END_TEST

START_TEST(derivatives_are_right)
{
    static const char *const jacobians[] = {"exact", "rows", "hutchinson"};
    for (size_t i = 0; i < 3; i++) {
        pal_model *m = model_by(jacobians[i], (pal_setting[]){{"hidden", "4"}, {0}});
        check_gradients(jacobians[i], m);
        encode_then_decode(m);
        pal_model_free(m);
    }
}
END_TEST

Suite *contractive_suite(void)
{
    Suite *suite = suite_create("contractive");
    add_case(suite, "norm", set_up, tear_down,
             TESTS(one_layer_is_the_closed_form, any_activation_is_exact_by_rows, deep_encoders_are_exact_by_rows,
                   hutchinson_is_unbiased));
    add_case(suite, "loss", set_up, tear_down, TESTS(the_term_has_its_name, derivatives_are_right));
    return suite;
}
