/* test_layers.c - tests encoders and decoders with several layers: shapes, options, initial values, penalties,
 * statistics, and registering a variant. */
#include <math.h>
#include <unistd.h>

#include "tests/models/small_models.h"

Suite *layers_suite(void);

static pal_model *deep(const pal_setting *settings, size_t n)
{
    return make(pal_variant_find("deep"), settings, n, PAL_F64, 5);
}

static void refused(const char *variant, const pal_setting *settings, size_t n, const char *says)
{
    pal_error err = {0};
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find(variant), settings, n, PAL_SHAPE(2, 3), PAL_F32, 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

static void has(const pal_model *m, const char *name, pal_shape shape)
{
    const pal_tensor *t = pal_model_parameter_find(m, name);
    ck_assert_msg(t && pal_shape_equal(t->shape, shape), "%s", name);
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

/* The decoder mirrors the encoder's layers, or has the sizes of decoder-layers. Tied weights exist only once. */
START_TEST(layers_mirror_and_are_named)
{
    pal_model *m = deep((pal_setting[]){{"layers", "5,4,3"}}, 1);
    ck_assert_uint_eq(pal_model_parameter_count(m), 12);
    has(m, "encoder/1/W", PAL_SHAPE(6, 5));
    has(m, "encoder/2/W", PAL_SHAPE(5, 4));
    has(m, "encoder/3/W", PAL_SHAPE(4, 3));
    has(m, "decoder/3/W", PAL_SHAPE(3, 4));
    has(m, "decoder/2/W", PAL_SHAPE(4, 5));
    has(m, "decoder/1/W", PAL_SHAPE(5, 6));
    has(m, "decoder/1/b", PAL_SHAPE(6));
    ck_assert_str_eq(pal_model_setting(m, "hidden"), "3");
    pal_model_free(m);

    m = deep((pal_setting[]){{"layers", "5,3"}, {"tied", "yes"}}, 2);
    ck_assert_uint_eq(pal_model_parameter_count(m), 6);
    has(m, "decoder/2/b", PAL_SHAPE(5));
    ck_assert_ptr_null(pal_model_parameter_find(m, "decoder/2/W"));
    pal_model_free(m);

    m = deep((pal_setting[]){{"layers", "5,3"}, {"decoder-layers", "4,7"}}, 2);
    has(m, "decoder/3/W", PAL_SHAPE(3, 4));
    has(m, "decoder/2/W", PAL_SHAPE(4, 7));
    has(m, "decoder/1/W", PAL_SHAPE(7, 6));
    pal_model_free(m);
}
END_TEST

/* The last number of `layers` is `hidden`. Each of the two options sets the other; contradictions are errors. */
START_TEST(hidden_and_layers_say_one_code)
{
    pal_model *m = deep((pal_setting[]){{"hidden", "7"}}, 1);
    ck_assert_str_eq(pal_model_setting(m, "layers"), "1000,500,250,7");
    pal_model_free(m);
    m = make(pal_variant_find("basic"), (pal_setting[]){{"layers", "5,2"}}, 1, PAL_F32, 1);
    ck_assert_str_eq(pal_model_setting(m, "hidden"), "2");
    pal_model_free(m);
    m = make(pal_variant_find("basic"), (pal_setting[]){{"layers", "5,2"}, {"hidden", "2"}}, 2, PAL_F32, 1);
    pal_model_free(m);
    refused("basic", (pal_setting[]){{"layers", "5,2"}, {"hidden", "3"}}, 2, "give different sizes of the code");
    refused("basic", (pal_setting[]){{"layers", "5,,2"}}, 1, "is not whole numbers separated by commas");
    refused("basic", (pal_setting[]){{"layers", "5,"}}, 1, "is not whole numbers");
    refused("basic", (pal_setting[]){{"layers", "5,0"}}, 1, "is not in 1 .. 1000000");
    refused("basic", (pal_setting[]){{"layers", "5,2"}, {"decoder-layers", "4"}}, 2, "give --tied no");
    refused("basic", (pal_setting[]){{"dropout", "0.5,0.5,0.5"}}, 1, "3 rates: give one for all layers, or 2");
    refused("basic", (pal_setting[]){{"dropout", "1"}}, 1, "is not in 0 .. 0.99");
    refused("linear", (pal_setting[]){{"layers", "5,2"}}, 1, "linear has no option layers");
}
END_TEST

/* ---- Values --------------------------------------------------------------------------------------------------- */

/* Encodes and decodes one sample with two tied layers, by hand. */
static void by_hand(const pal_model *m, const double *x, double *h, double *mean)
{
    const double *w1 = pal_model_parameter_find(m, "encoder/1/W")->data,
                 *w2 = pal_model_parameter_find(m, "encoder/2/W")->data;
    double a[4], b[4];
    for (int j = 0; j < 4; j++) {
        a[j] = 0;
        for (int i = 0; i < 6; i++) a[j] += x[i] * w1[i * 4 + j];
        a[j] = tanh(a[j]);
    }
    for (int k = 0; k < 3; k++) {
        h[k] = 0;
        for (int j = 0; j < 4; j++) h[k] += a[j] * w2[j * 3 + k];
        h[k] = 1 / (1 + exp(-h[k]));
    }
    for (int j = 0; j < 4; j++) {
        b[j] = 0;
        for (int k = 0; k < 3; k++) b[j] += h[k] * w2[j * 3 + k];
        b[j] = tanh(b[j]);
    }
    for (int i = 0; i < 6; i++) {
        mean[i] = 0;
        for (int j = 0; j < 4; j++) mean[i] += b[j] * w1[i * 4 + j];
    }
}

START_TEST(a_tied_network_of_two_layers_is_what_the_formula_says)
{
    pal_model *m = deep((pal_setting[]){{"layers", "4,3"},
                                        {"activation", "tanh"},
                                        {"code-activation", "sigmoid"},
                                        {"tied", "yes"},
                                        {"output", "squared"}},
                        5);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(1, 6), 0, 1, "x");
    double h[3], mean[6], code[3], out[6];
    by_hand(m, x->data, h, mean);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var in = pal_leaf(t, x, "x");
    ck_assert_int_eq(pal_eval(pal_model_encode(m, in), code), PAL_OK);
    ck_assert_int_eq(pal_eval(pal_model_reconstruct(m, in), out), PAL_OK);
    pal_model_end(m);
    for (int k = 0; k < 3; k++) ck_assert_double_eq_tol(code[k], h[k], 1e-14);
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(out[i], mean[i], 1e-14);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* With dropout in a linear layer, each code unit is 0 or the plain value divided by the share that is kept. This
 * happens in training only. */
START_TEST(dropout_drops_and_scales_while_training)
{
    enum { N = 400 };
    pal_model *m = make(pal_variant_find("basic"),
                        (pal_setting[]){{"hidden", "4"}, {"activation", "linear"}, {"dropout", "0.25"}}, 3, PAL_F64, 5);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, 6), 0.5, 1, "x");
    double code[2][N * 4];
    size_t zeros = 0;
    for (int mode = 0; mode < 2; mode++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, mode ? PAL_EVALUATE : PAL_TRAIN);
        ck_assert_int_eq(pal_eval(pal_model_encode(m, pal_leaf(t, x, "x")), code[mode]), PAL_OK);
        pal_model_end(m);
        pal_tape_free(t);
    }
    for (size_t i = 0; i < N * 4; i++) {
        zeros += code[0][i] == 0;
        if (code[0][i] != 0) ck_assert_double_eq_tol(code[0][i] * 0.75, code[1][i], 1e-14);
        ck_assert(code[1][i] != 0);
    }
    ck_assert_uint_ge(zeros, N - 5 * 18); /* mean N, standard deviation 17.3 */
    ck_assert_uint_le(zeros, N + 5 * 18);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* The mean is 0 and the variance is that of the formula, for a weight [200, 100]. */
START_TEST(initial_weights_have_the_variance_that_they_should)
{
    const struct {
        const char *init;
        double variance;
    } rows[] = {
        {"glorot", 2.0 / 300}, {"he", 2.0 / 200}, {"lecun", 1.0 / 200}, {"normal", 1e-4}, {"uniform", 1.0 / 600}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        pal_error err = {0};
        pal_model *m =
            pal_model_new(c, pal_variant_find("basic"), (pal_setting[]){{"hidden", "100"}, {"init", rows[k].init}}, 2,
                          PAL_SHAPE(200), PAL_F64, 3, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
        double sum = 0, squares = 0, n = (double)pal_tensor_count(w);
        for (size_t i = 0; i < pal_tensor_count(w); i++) {
            sum += pal_tensor_get(w, i);
            squares += pal_tensor_get(w, i) * pal_tensor_get(w, i);
        }
        ck_assert_double_le(fabs(sum / n), 5 * sqrt(rows[k].variance / n));
        ck_assert_double_eq_tol(squares / n / rows[k].variance, 1, 5 * sqrt(2 / n));
        pal_model_free(m);
    }
}
END_TEST

static double training_loss(pal_model *m)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_TRAIN);
    double value;
    pal_var x = pal_fill(t, PAL_F64, PAL_SHAPE(3, 6), 0.5);
    ck_assert_int_eq(pal_eval(pal_model_loss(m, &(pal_batch){.inputs = x}), &value), PAL_OK);
    pal_model_end(m);
    pal_tape_free(t);
    return value;
}

/* l1 and l2 apply to the weights, and to biases only with regularize-biases. Tied weights count once. */
START_TEST(penalties_are_of_weights_and_of_biases_if_asked)
{
    const struct {
        const char *name;
        bool squared, biases;
    } rows[] = {{"l1", false, false}, {"l1", false, true}, {"l2", true, false}, {"l2", true, true}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double value[2], want = 0;
        for (int on = 0; on < 2; on++) {
            const pal_setting s[] = {{"layers", "4,3"},
                                     {"tied", "yes"},
                                     {"regularize-biases", rows[k].biases ? "yes" : "no"},
                                     {rows[k].name, on ? "0.5" : "0"}};
            pal_model *m = deep(s, 4);
            want = 0;
            for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
                const char *name;
                pal_tensor *p = pal_model_parameter(m, i, &name);
                const bool bias = name[strlen(name) - 1] == 'b';
                if (bias) pal_tensor_set(p, 0, -0.75);
                for (size_t e = 0; e < pal_tensor_count(p) && (!bias || rows[k].biases); e++) {
                    const double v = pal_tensor_get(p, e);
                    want += 0.5 * (rows[k].squared ? v * v : fabs(v));
                }
            }
            value[on] = training_loss(m);
            pal_model_free(m);
        }
        ck_assert_double_eq_tol(value[1] - value[0], want, 1e-12);
    }
}
END_TEST

/* ---- Statistics ----------------------------------------------------------------------------------------------- */

/* The input mean of `linear` is a statistic: it is saved and opened with the model, but is not a parameter to train. */
START_TEST(a_statistic_is_saved_and_not_trained)
{
    pal_model *m = make(pal_variant_find("linear"), (pal_setting[]){{"hidden", "2"}}, 1, PAL_F32, 5);
    char path[] = "statistic-XXXXXX";
    pal_error err = {0};
    const char *name;
    ck_assert_uint_eq(pal_model_parameter_count(m), 4);
    ck_assert_uint_eq(pal_model_statistic_count(m), 1);
    pal_tensor *mean = pal_model_parameter(m, 4, &name);
    ck_assert_str_eq(name, "input/mean");
    ck_assert_ptr_eq(mean, pal_model_parameter_find(m, "input/mean"));
    ck_assert_ptr_null(pal_model_parameter(m, 5, NULL));
    ck_assert_int_eq(pal_model_weights(m), 12 + 2 + 12 + 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert(pal_tensor_get(mean, i) == 0);
        pal_tensor_set(mean, i, 0.125 * (double)i);
    }
    close(mkstemp(path));
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, &err), PAL_OK);
    pal_model *again = pal_model_open(c, path, &err);
    ck_assert_msg(again != NULL, "%s", err.text);
    same_parameters(m, again);
    ck_assert_mem_eq(pal_model_parameter_find(again, "input/mean")->data, mean->data, pal_tensor_bytes(mean));
    unlink(path);
    pal_model_free(again);
    pal_model_free(m);
}
END_TEST

/* ---- Registering ---------------------------------------------------------------------------------------------- */

static pal_var no_loss(pal_model *m, const pal_batch *b)
{
    return pal_mean_over_samples(pal_square(pal_encode_layers(m, b->inputs)));
}

/* A valid variant can be registered once and is then found by name. Invalid ones and taken names are errors. */
START_TEST(a_variant_registers_once_and_is_found)
{
    static const pal_option wrong[] = {{"size", PAL_OPTION_INT, "many", 0, 9, NULL, ""}, {0}};
    static pal_variant good = {.struct_size = sizeof(pal_variant),
                               .name = "of-a-test",
                               .summary = "a test's",
                               .encode = pal_encode_layers,
                               .decode = pal_decode_layers,
                               .loss = no_loss};
    pal_variant bad[5];
    for (size_t i = 0; i < 5; i++) bad[i] = good;
    bad[0].name = "Of a test";
    bad[1].options = wrong;
    bad[2].loss = NULL;
    bad[3].struct_size--;
    bad[4].name = "basic";
    const pal_status status[] = {PAL_ERR_ARGUMENT, PAL_ERR_ARGUMENT, PAL_ERR_ARGUMENT, PAL_ERR_ARGUMENT,
                                 PAL_ERR_EXISTS};
    size_t before = 0, after = 0;
    while (pal_variant_at(before)) before++;
    for (size_t i = 0; i < 5; i++) {
        pal_error err = {0};
        ck_assert_int_eq(pal_variant_register(&bad[i], &err), status[i]);
        ck_assert(*err.text);
    }
    ck_assert_int_eq(pal_variant_register(&good, NULL), PAL_OK);
    ck_assert_int_eq(pal_variant_register(&good, NULL), PAL_ERR_EXISTS);
    while (pal_variant_at(after)) after++;
    ck_assert_uint_eq(after, before + 1);
    ck_assert_ptr_eq(pal_variant_find("of-a-test"), &good);
    ck_assert_ptr_eq(pal_variant_at(before), &good);
    pal_model_free(make(&good, NULL, 0, PAL_F32, 1));
}
END_TEST

Suite *layers_suite(void)
{
    Suite *s = suite_create("layers");
    TCase *t = tcase_create("layers");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, layers_mirror_and_are_named);
    tcase_add_test(t, hidden_and_layers_say_one_code);
    tcase_add_test(t, a_tied_network_of_two_layers_is_what_the_formula_says);
    tcase_add_test(t, dropout_drops_and_scales_while_training);
    tcase_add_test(t, initial_weights_have_the_variance_that_they_should);
    tcase_add_test(t, penalties_are_of_weights_and_of_biases_if_asked);
    tcase_add_test(t, a_statistic_is_saved_and_not_trained);
    tcase_add_test(t, a_variant_registers_once_and_is_found);
    suite_add_tcase(s, t);
    return s;
}
