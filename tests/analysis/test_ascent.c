/* test_ascent.c - tests the input of norm 1 that activates a unit most. For one layer and for linear layers it is the
 * direction of the weights. For other networks no input may be better. Also tests which layers an encoder has. */
#include <math.h>
#include <string.h>

#include "tests/models/small_models.h"
#include "analysis/internal.h"

enum { FEATURES = 6 };

static pal_model *with(const char *variant, const char *layers, const char *activation, pal_dtype dtype)
{
    const pal_setting settings[] = {{"layers", layers}, {"activation", activation}};
    return make(pal_variant_find(variant), settings, 2, dtype, 3);
}

static double norm(const double *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += v[i] * v[i];
    return sqrt(sum);
}

/* The input that is found must be direction / ||direction||. */
static void points_along(pal_model *m, int64_t layer, int64_t unit, const double *direction, double tolerance)
{
    float out[FEATURES];
    double value, length = norm(direction, FEATURES);
    pal_error err = {0};
    ck_assert_msg(!pal_filter_maximal(m, layer, unit, out, &value, &err), "%s", err.text);
    for (int i = 0; i < FEATURES; i++) ck_assert_double_eq_tol((double)out[i], direction[i] / length, tolerance);
}

static const pal_dtype types[] = {PAL_F32, PAL_F64};

/* For one layer, the input is the column of the weights. Layer 0 is the code. */
START_TEST(one_layer)
{
    for (size_t i = 0; i < 2; i++) {
        pal_model *m = make_named("basic", types[i]);
        const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
        for (int64_t j = 0; j < 4; j++) {
            double column[FEATURES];
            for (int64_t f = 0; f < FEATURES; f++) column[f] = pal_tensor_get(w, (size_t)(f * 4 + j));
            points_along(m, 0, j, column, 1e-6);
            points_along(m, 1, j, column, 1e-6);
        }
        pal_model_free(m);
    }
}
END_TEST

/* The mean that a linear model subtracts does not change the direction. */
START_TEST(centred_and_linear)
{
    pal_model *m = make(pal_variant_find("linear"), (pal_setting[]){{"hidden", "2"}}, 1, PAL_F64, 3);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    double column[FEATURES];
    for (int64_t f = 0; f < FEATURES; f++) column[f] = pal_tensor_get(w, (size_t)(f * 2 + 1));
    points_along(m, 0, 1, column, 1e-6);
    pal_model_free(m);
}
END_TEST

/* For linear layers, the direction is the column of the product of the weights. */
START_TEST(linear_layers_multiply)
{
    pal_model *m = with("deep", "5,3", "linear", PAL_F64);
    const pal_tensor *v = pal_model_parameter_find(m, "encoder/1/W"), *w = pal_model_parameter_find(m, "encoder/2/W");
    for (int64_t j = 0; j < 3; j++) {
        double column[FEATURES] = {0};
        for (int64_t f = 0; f < FEATURES; f++)
            for (int64_t k = 0; k < 5; k++)
                column[f] += pal_tensor_get(v, (size_t)(f * 5 + k)) * pal_tensor_get(w, (size_t)(k * 3 + j));
        points_along(m, 0, j, column, 1e-6);
    }
    pal_model_free(m);
}
END_TEST

static double active(const pal_model *m, const char *activation, const double *x, int64_t unit)
{
    const pal_tensor *v = pal_model_parameter_find(m, "encoder/1/W"), *w = pal_model_parameter_find(m, "encoder/2/W");
    double sum = 0;
    for (int64_t k = 0; k < 5; k++) {
        double a = 0;
        for (int64_t f = 0; f < FEATURES; f++) a += x[f] * pal_tensor_get(v, (size_t)(f * 5 + k));
        double h = !strcmp(activation, "relu") ? fmax(a, 0) : !strcmp(activation, "tanh") ? tanh(a) : 1 / (1 + exp(-a));
        sum += h * pal_tensor_get(w, (size_t)(k * 3 + unit));
    }
    return sum;
}

/* No random input of norm 1 gives a larger activation, and neither does one near the input that was found. */
START_TEST(nothing_gives_more)
{
    static const char *const activations[] = {"relu", "tanh", "sigmoid"};
    pal_model *m = with("deep", "5,3", activations[_i], PAL_F64);
    for (int64_t j = 0; j < 3; j++) {
        float out[FEATURES];
        double best[FEATURES], value, z[FEATURES];
        pal_error err = {0};
        ck_assert_msg(!pal_filter_maximal(m, 2, j, out, &value, &err), "%s", err.text);
        for (int i = 0; i < FEATURES; i++) best[i] = (double)out[i];
        ck_assert_double_eq_tol(norm(best, FEATURES), 1, 1e-6);
        ck_assert_double_eq_tol(active(m, activations[_i], best, j), value, 1e-6);
        for (uint64_t r = 0; r < 4000; r++) {
            pal_noise_normal((pal_noise){.seed = 5}, "probe", r * FEATURES, FEATURES, z);
            double scale = r % 2 ? 1 : 0.01, length;
            for (int i = 0; i < FEATURES; i++) z[i] = r % 2 ? z[i] : best[i] + scale * z[i];
            length = norm(z, FEATURES);
            for (int i = 0; i < FEATURES; i++) z[i] /= length;
            ck_assert_double_le(active(m, activations[_i], z, j), value + 1e-3 * fabs(value));
        }
    }
    pal_model_free(m);
}
END_TEST

/* The layers of an encoder and their units. A layer that does not exist is an error. */
START_TEST(layers_of_an_encoder)
{
    static const struct {
        const char *variant, *layers;
        int64_t n, units[3];
    } rows[] = {{"basic", "", 1, {256}},
                {"deep", "5,4,3", 3, {5, 4, 3}},
                {"denoising", "7,2", 2, {7, 2}},
                {"k-sparse", "5,40", 2, {5, 40}},
                {"sparse", "", 1, {1000}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        palt__layer layer;
        pal_model *m =
            make(pal_variant_find(rows[i].variant), (pal_setting[]){{"layers", rows[i].layers}}, 1, PAL_F32, 1);
        for (int64_t k = 1; k <= rows[i].n; k++) {
            ck_assert_msg(!palt__layer_find(m, k, &layer, &err), "%s: %s", rows[i].variant, err.text);
            ck_assert_int_eq(layer.layers, rows[i].n);
            ck_assert_int_eq(layer.units, rows[i].units[k - 1]);
            ck_assert_int_eq(layer.plane, 1);
        }
        ck_assert_int_eq(palt__layer_find(m, rows[i].n + 1, &layer, &err), PAL_ERR_ARGUMENT);
        const char *says = strstr(err.text, ": layer ");
        ck_assert(says && strstr(says, "does not exist"));
        pal_model_free(m);
    }
}
END_TEST

START_TEST(refused)
{
    float out[FEATURES];
    pal_error err = {0};
    pal_model *m = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_filter_maximal(m, 1, 4, out, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "unit 4 does not exist"));
    ck_assert_int_eq(pal_filter_maximal(m, -1, 0, out, NULL, &err), PAL_ERR_ARGUMENT);
    pal_model_free(m);
}
END_TEST

/* If the weights of a unit are zero, no input changes it. The result is then 0. */
START_TEST(dead_unit)
{
    float out[FEATURES];
    double value;
    pal_model *m = with("deep", "5,3", "relu", PAL_F32);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/2/W");
    for (size_t k = 0; k < 5; k++) pal_tensor_set(w, k * 3, 0);
    ck_assert(!pal_filter_maximal(m, 0, 0, out, &value, NULL));
    for (int i = 0; i < FEATURES; i++) ck_assert_double_eq((double)out[i], 0);
    ck_assert_double_eq(value, 0);
    pal_model_free(m);
}
END_TEST

Suite *ascent_suite(void)
{
    Suite *suite = suite_create("ascent");
    TCase *group = add_case(
        suite, "ascent", set_up, tear_down,
        TESTS(one_layer, centred_and_linear, linear_layers_multiply, layers_of_an_encoder, refused, dead_unit));
    tcase_add_loop_test(group, nothing_gives_more, 0, 3);
    return suite;
}
