/* test_losses.c - tests the losses of the models, their gradients, and how corruption enters them. */
#include <math.h>

#include "tests/models/small_models.h"

Suite *losses_suite(void);

/* The value of a scalar output under the given noise. */
static double scalar(pal_var v, pal_noise noise)
{
    pal_program *p = pal_compile(v.tape, &v, 1, NULL);
    ck_assert_tape_ok(v.tape);
    ck_assert_ptr_nonnull(p);
    pal_program_set_noise(p, noise);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    double value = pal_tensor_get(pal_output(p, 0), 0);
    pal_program_free(p);
    return value;
}

/* The gradient of the loss with respect to the decoder's value is (mean - x) (1/n), equal in every bit, for any n. */
START_TEST(the_gradient_at_the_decoders_value_is_mean_less_input)
{
    static const char *const outputs[] = {"bernoulli", "squared"};
    for (int k = 0; k < 8; k++) {
        const int64_t n = k & 4 ? 7 : 8;
        pal_dtype dtype = k & 2 ? PAL_F32 : PAL_F64;
        pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"output", outputs[k & 1]}}, 1, dtype, 1);
        pal_tensor *a = random_tensor(c, dtype, PAL_SHAPE(n, 6), -40, 40, "a"),
                   *x = random_tensor(c, dtype, PAL_SHAPE(n, 6), 0, 1, "x"),
                   *mean = pal_tensor_new(c, dtype, PAL_SHAPE(n, 6));
        pal_tape *t = pal_tape_new(c, dtype);
        pal_model_begin(m, t, PAL_TRAIN);
        pal_var va = pal_leaf(t, a, "a"), gradient, loss = pal_nll(m, va, pal_leaf(t, x, "x"));
        ck_assert_int_eq(pal_grad(loss, &va, 1, &gradient), PAL_OK);
        ck_assert_int_eq(pal_eval(pal_output_mean(m, va), mean->data), PAL_OK);
        pal_model_end(m);
        pal_program *p = pal_compile(t, (pal_var[]){loss, gradient}, 2, NULL);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        for (size_t i = 0; i < (size_t)n * 6; i++) {
            double m64 = pal_tensor_get(mean, i), x64 = pal_tensor_get(x, i), n64 = (double)n;
            double expected =
                dtype == PAL_F32 ? (double)(((float)m64 - (float)x64) * (float)(1 / n64)) : (m64 - x64) * (1 / n64);
            ck_assert(pal_tensor_get(pal_output(p, 1), i) == expected);
        }
        pal_program_free(p);
        pal_tape_free(t);
        pal_tensor_free(a);
        pal_tensor_free(x);
        pal_tensor_free(mean);
        pal_model_free(m);
    }
}
END_TEST

/* out[i] is the gradient of parameter i, in order of name. */
static void gradients(pal_model *m, pal_tensor *x, double out[4][32])
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var leaves[4], g[4];
    size_t n = pal_model_parameter_count(m);
    ck_assert_uint_le(n, 4);
    pal_model_begin(m, t, PAL_TRAIN);
    pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x")});
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    ck_assert_int_eq(pal_grad(loss, leaves, n, g), PAL_OK);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(pal_eval(g[i], out[i]), PAL_OK);
    pal_tape_free(t);
}

/* The parameters in order of name are decoder/W (untied only), decoder/b, encoder/W, encoder/b. */
START_TEST(a_tied_gradient_is_the_sum_of_both_uses)
{
    enum { D = 6, K = 4 };
    pal_model *tied = make_named("basic", PAL_F64),
              *untied =
                  make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}, {"tied", "no"}}, 2, PAL_F64, 5);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, D), 0, 1, "x"),
               *v = pal_model_parameter_find(untied, "decoder/W");
    const pal_tensor *w = pal_model_parameter_find(untied, "encoder/W");
    ck_assert_mem_eq(w->data, pal_model_parameter_find(tied, "encoder/W")->data, pal_tensor_bytes(w));
    ck_assert_ptr_null(pal_model_parameter_find(tied, "decoder/W"));
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < K; j++) pal_tensor_set(v, j * D + i, pal_tensor_get(w, i * K + j));
    double one[4][32], two[4][32];
    gradients(tied, x, one);
    gradients(untied, x, two);
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < K; j++)
            ck_assert_double_eq_tol(one[1][i * K + j], two[2][i * K + j] + two[0][j * D + i], 1e-14);
    for (size_t i = 0; i < D; i++) ck_assert_double_eq_tol(one[0][i], two[1][i], 1e-14);
    pal_tensor_free(x);
    pal_model_free(tied);
    pal_model_free(untied);
}
END_TEST

/* The l2 penalty is in the training loss only, and does not contain the biases. */
START_TEST(l2_is_of_weights_while_training)
{
    double loss[2], squares = 0;
    pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}, {"l2", "0.5"}}, 2, PAL_F64, 5);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    pal_tensor_set(pal_model_parameter_find(m, "encoder/b"), 0, 3);
    for (size_t i = 0; i < pal_tensor_count(w); i++) squares += pal_tensor_get(w, i) * pal_tensor_get(w, i);
    for (int k = 0; k < 2; k++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, k ? PAL_EVALUATE : PAL_TRAIN);
        loss[k] = scalar(pal_model_loss(m, &(pal_batch){.inputs = pal_fill(t, PAL_F64, PAL_SHAPE(3, 6), 0.5)}),
                         (pal_noise){0});
        pal_model_end(m);
        pal_tape_free(t);
    }
    ck_assert_double_eq_tol(loss[0] - loss[1], 0.5 * squares, 1e-13);
    pal_model_free(m);
}
END_TEST

/* ---- Denoising ------------------------------------------------------------------------------------------------ */

/* Within one recording, every call of pal_model_corrupt returns the same node. The noise of the loss depends on the
 * step and on the mode, but not on an earlier call. */
START_TEST(corruption_is_shared_and_met_under_one_name)
{
    pal_model *m = make_named("dae", PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(50, 6), 0.5, 1, "x");
    double value[2][2], masked[2][300];
    for (int mode = 0; mode < 2; mode++)
        for (int order = 0; order < 2; order++) { /* order 1 corrupts before the loss */
            pal_tape *t = pal_tape_new(c, PAL_F64);
            pal_var in = pal_leaf(t, x, "x"), corrupted = {0};
            pal_model_begin(m, t, mode ? PAL_EVALUATE : PAL_TRAIN);
            if (order) corrupted = pal_model_corrupt(m, in);
            pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = in});
            pal_var again = pal_model_corrupt(m, in);
            ck_assert(!order || again.id == corrupted.id);
            ck_assert_tape_ok(t);
            value[mode][order] = scalar(loss, (pal_noise){.seed = 3});
            ck_assert(value[mode][order] != scalar(loss, (pal_noise){.seed = 3, .clock = 1}));
            ck_assert_int_eq(pal_eval(again, masked[mode]), PAL_OK);
            pal_model_end(m);
            pal_tape_free(t);
        }
    ck_assert(value[0][0] == value[0][1] && value[1][0] == value[1][1]);
    ck_assert(value[0][0] != value[1][0]); /* an evaluation has noise of its own */
    for (int mode = 0; mode < 2; mode++) {
        int zeros = 0;
        for (size_t i = 0; i < 300; i++) {
            ck_assert(masked[mode][i] == 0 || masked[mode][i] == pal_tensor_get(x, i));
            zeros += masked[mode][i] == 0;
        }
        ck_assert_int_ge(zeros, 40); /* 75 expected, standard deviation 7.5 */
        ck_assert_int_le(zeros, 110);
    }
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* A denoising model encodes and reconstructs the clean input, like the basic autoencoder with the same weights. */
START_TEST(evaluation_is_deterministic_on_clean_inputs)
{
    pal_model *m[2] = {make_named("basic", PAL_F64), make_named("denoising", PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, 6), 0, 1, "x");
    double code[2][20], mean[2][30];
    same_parameters(m[0], m[1]);
    for (int k = 0; k < 2; k++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m[k], t, PAL_EVALUATE);
        pal_var in = pal_leaf(t, x, "x");
        ck_assert_int_eq(pal_eval(pal_model_encode(m[k], in), code[k]), PAL_OK);
        ck_assert_int_eq(pal_eval(pal_model_reconstruct(m[k], in), mean[k]), PAL_OK);
        ck_assert(k || pal_model_corrupt(m[k], in).id == in.id);
        pal_model_end(m[k]);
        pal_tape_free(t);
    }
    ck_assert_mem_eq(code[0], code[1], sizeof code[0]);
    ck_assert_mem_eq(mean[0], mean[1], sizeof mean[0]);
    for (size_t i = 0; i < 30; i++) ck_assert(mean[0][i] > 0 && mean[0][i] < 1);
    pal_tensor_free(x);
    pal_model_free(m[0]);
    pal_model_free(m[1]);
}
END_TEST

/* Every choice of these options gives a gradient of the encoder's weights that is finite and not 0. */
START_TEST(every_setting_has_a_gradient)
{
    static const char *const names[] = {"activation", "output", "corruption"};
    static const char *const values[][6] = {
        {"sigmoid", "tanh", "relu", "linear", "softplus"}, {"bernoulli", "squared"}, {"masking", "gaussian"}};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, 6), 0, 1, "x");
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; values[i][k]; k++) {
            double g[4][32], largest = 0;
            pal_model *m = make(pal_variant_find("dae"), (pal_setting[]){{"hidden", "4"}, {names[i], values[i][k]}}, 2,
                                PAL_F64, 5);
            gradients(m, x, g);
            for (size_t e = 0; e < 24; e++) {
                ck_assert(isfinite(g[1][e]));
                largest = fmax(largest, fabs(g[1][e]));
            }
            ck_assert(largest > 1e-6);
            pal_model_free(m);
        }
    pal_tensor_free(x);
}
END_TEST

Suite *losses_suite(void)
{
    Suite *suite = suite_create("losses");
    add_case(suite, "losses", set_up, tear_down,
             TESTS(the_gradient_at_the_decoders_value_is_mean_less_input, a_tied_gradient_is_the_sum_of_both_uses,
                   l2_is_of_weights_while_training, corruption_is_shared_and_met_under_one_name,
                   evaluation_is_deterministic_on_clean_inputs, every_setting_has_a_gradient));
    return suite;
}
