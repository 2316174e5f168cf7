/* test_sparse.c - tests sparse codes: the divergence against its formula, dead units, the l1 norm, and codes with
 * exactly k units. */
#include <math.h>
#include <stdio.h>

#include "tests/models/small_models.h"

Suite *sparse_suite(void);

enum { N = 7, D = 6, K = 4 };

static pal_model *sparse(const pal_setting *more, size_t n)
{
    pal_setting settings[8] = {{"hidden", "4"}};
    for (size_t i = 0; i < n; i++) settings[i + 1] = more[i];
    return make(pal_variant_find("sparse"), settings, n + 1, PAL_F64, 5);
}

/* The loss of x in either mode; code: NULL or [N,K], receives the code. */
static double loss_of(pal_model *m, pal_tensor *x, pal_mode mode, double *code)
{
    double value;
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, mode);
    pal_var in = pal_leaf(t, x, "x");
    ck_assert_int_eq(pal_eval(pal_model_loss(m, &(pal_batch){.inputs = in}), &value), PAL_OK);
    if (code) ck_assert_int_eq(pal_eval(pal_model_encode(m, in), code), PAL_OK);
    pal_model_end(m);
    ck_assert_tape_ok(t);
    pal_tape_free(t);
    return value;
}

/* The divergence in the training loss is beta sum_j KL(rho || mean activation of unit j). */
START_TEST(the_divergence_is_that_of_the_mean_activations)
{
    const double rho = 0.2, beta = 2.5;
    pal_model *m = sparse((pal_setting[]){{"rho", "0.2"}, {"beta", "2.5"}}, 2);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), 0, 1, "x");
    double code[N * K], want = 0;
    const double whole = loss_of(m, x, PAL_TRAIN, code), separable = loss_of(m, x, PAL_EVALUATE, NULL);
    for (size_t j = 0; j < K; j++) {
        double mean = 0;
        for (size_t i = 0; i < N; i++) mean += code[i * K + j] / N;
        want += beta * (rho * log(rho / mean) + (1 - rho) * log((1 - rho) / (1 - mean)));
    }
    ck_assert_double_eq_tol(whole - separable, want, 1e-12);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* The divergence can be pooled: the logarithms that pal_model_pooled gives for each sample, averaged over the data,
 * give the same term as the whole batch. */
START_TEST(its_terms_over_parts_of_the_data_come_together)
{
    pal_model *m = sparse(NULL, 0);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), 0, 1, "x");
    double logs[N * 2 * K], term, sums[2 * K] = {0};
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var pooled = pal_model_pooled(m, &(pal_batch){.inputs = pal_leaf(t, x, "x")});
    ck_assert(pal_shape_equal(pal_shape_of(pooled), PAL_SHAPE(N, 2 * K)));
    ck_assert_int_eq(pal_eval(pooled, logs), PAL_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 2 * K; j++) sums[j] += exp(logs[i * 2 * K + j]);
    pal_tensor *mean = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2 * K));
    for (size_t j = 0; j < 2 * K; j++) pal_tensor_set(mean, j, log(sums[j] / N));
    ck_assert_int_eq(pal_eval(pal_model_of_pooled(m, pal_leaf(t, mean, "mean")), &term), PAL_OK);
    pal_model_end(m);
    ck_assert_double_eq_tol(term, loss_of(m, x, PAL_TRAIN, NULL) - loss_of(m, x, PAL_EVALUATE, NULL), 1e-12);
    pal_tensor_free(mean);
    pal_tensor_free(x);
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

/* In float32, the sigmoid of -200 is 0 and that of 200 is 1, which would make a logarithm infinite. The penalty must
 * stay finite, and its gradient must pull the unit back. */
START_TEST(a_dead_unit_costs_a_finite_amount)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        pal_error err = {0};
        pal_model *m = pal_model_new(c, pal_variant_find("sparse"), (pal_setting[]){{"hidden", "4"}}, 1, PAL_SHAPE(D),
                                     PAL_F32, 5, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        pal_tensor *b = pal_model_parameter_find(m, "encoder/b"),
                   *x = random_tensor(c, PAL_F32, PAL_SHAPE(N, D), 0, 1, "x");
        pal_tensor_set(b, 2, sign * 200);
        float value, slope[K];
        pal_tape *t = pal_tape_new(c, PAL_F32);
        pal_model_begin(m, t, PAL_TRAIN);
        pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x")}), leaves[4], g[4];
        ck_assert_int_eq(pal_model_leaves(m, t, leaves), PAL_OK);
        pal_model_end(m);
        ck_assert_int_eq(pal_grad(loss, leaves, 3, g), PAL_OK);
        ck_assert_int_eq(pal_eval(loss, &value), PAL_OK);
        ck_assert_int_eq(pal_eval(g[2], slope), PAL_OK); /* the order is decoder/b, encoder/W, encoder/b */
        ck_assert(isfinite(value) && value > 20);
        ck_assert_double_eq_tol((double)slope[2], sign < 0 ? -3 * 0.05 : 3 * 0.95,
                                1e-3); /* -beta rho, beta (1 - rho) */
        pal_tape_free(t);
        pal_tensor_free(x);
        pal_model_free(m);
    }
}
END_TEST

/* The encoder's biases start at the logit of rho, so that units start at the wanted activation. With l1 they start at
 * 0. */
START_TEST(units_begin_at_the_activation_they_are_to_have)
{
    pal_model *m = sparse((pal_setting[]){{"rho", "0.05"}}, 1);
    const pal_tensor *b = pal_model_parameter_find(m, "encoder/b");
    for (size_t j = 0; j < K; j++) ck_assert_double_eq_tol(pal_tensor_get(b, j), log(0.05 / 0.95), 1e-15);
    pal_model_free(m);
    m = sparse((pal_setting[]){{"sparsity", "l1"}}, 1);
    b = pal_model_parameter_find(m, "encoder/b");
    for (size_t j = 0; j < K; j++) ck_assert(pal_tensor_get(b, j) == 0);
    pal_model_free(m);
}
END_TEST

/* The divergence needs codes between 0 and 1; l1 does not. */
START_TEST(codes_outside_0_and_1_are_refused)
{
    static const char *const wrong[] = {"tanh", "relu", "linear", "softplus"};
    for (size_t i = 0; i < 4; i++) {
        pal_error err = {0};
        const pal_setting s[] = {{"code-activation", wrong[i]}};
        ck_assert_ptr_null(pal_model_new(c, pal_variant_find("sparse"), s, 1, PAL_SHAPE(D), PAL_F32, 1, &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, "choose --code-activation sigmoid, or --sparsity l1") != NULL, "%s", err.text);
    }
    pal_model_free(sparse((pal_setting[]){{"code-activation", "relu"}, {"sparsity", "l1"}}, 2));
}
END_TEST

/* The l1 penalty is lambda times the sum of |code|, averaged over samples. */
START_TEST(the_l1_norm_is_of_the_code)
{
    pal_model *none = sparse((pal_setting[]){{"sparsity", "l1"}, {"lambda", "0"}, {"activation", "tanh"}}, 3),
              *some = sparse((pal_setting[]){{"sparsity", "l1"}, {"lambda", "0.5"}, {"activation", "tanh"}}, 3);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), -1, 1, "x");
    double code[N * K], want = 0;
    const double without = loss_of(none, x, PAL_EVALUATE, code);
    for (size_t i = 0; i < N * K; i++) want += 0.5 * fabs(code[i]) / N;
    ck_assert_double_eq_tol(loss_of(some, x, PAL_EVALUATE, NULL) - without, want, 1e-13);
    pal_tensor_free(x);
    pal_model_free(none);
    pal_model_free(some);
}
END_TEST

/* Exactly k units of the plain code stay, and they are its largest. This also holds for units with equal values. */
START_TEST(a_k_sparse_code_has_exactly_k)
{
    enum { UNITS = 9 };
    for (int k = 1; k <= UNITS; k++)
        for (int equal = 0; equal < 2; equal++) {
            char text[8];
            snprintf(text, sizeof text, "%d", k);
            pal_model *m =
                make(pal_variant_find("k-sparse"), (pal_setting[]){{"hidden", "9"}, {"k", text}}, 2, PAL_F64, 5);
            pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), 0, 1, "x"),
                       *w = pal_model_parameter_find(m, "encoder/W"), *b = pal_model_parameter_find(m, "encoder/b");
            for (size_t i = 0; equal && i < pal_tensor_count(w); i++) pal_tensor_set(w, i, 0.25);
            for (size_t j = 0; j < UNITS; j++) pal_tensor_set(b, j, 0.125);
            double code[N * UNITS], plain[UNITS];
            loss_of(m, x, PAL_EVALUATE, code);
            for (size_t i = 0; i < N; i++) {
                int kept = 0;
                double least = INFINITY, most_dropped = -INFINITY;
                for (size_t j = 0; j < UNITS; j++) {
                    plain[j] = pal_tensor_get(b, j);
                    for (size_t d = 0; d < D; d++)
                        plain[j] += pal_tensor_get(x, i * D + d) * pal_tensor_get(w, d * UNITS + j);
                    if (code[i * UNITS + j] != 0) {
                        kept++;
                        ck_assert_double_eq_tol(code[i * UNITS + j], plain[j], 1e-14);
                        least = fmin(least, plain[j]);
                    } else {
                        most_dropped = fmax(most_dropped, plain[j]);
                    }
                }
                ck_assert_int_eq(kept, k);
                ck_assert(most_dropped <= least + 1e-14);
            }
            pal_tensor_free(x);
            pal_model_free(m);
        }
    pal_error err = {0};
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find("k-sparse"), (pal_setting[]){{"hidden", "9"}, {"k", "10"}}, 2,
                                     PAL_SHAPE(D), PAL_F32, 1, &err));
    ck_assert_msg(strstr(err.text, "choose a smaller --k or a larger --hidden") != NULL, "%s", err.text);
}
END_TEST

Suite *sparse_suite(void)
{
    Suite *s = suite_create("sparse");
    TCase *t = tcase_create("sparse");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, the_divergence_is_that_of_the_mean_activations);
    tcase_add_test(t, its_terms_over_parts_of_the_data_come_together);
    tcase_add_test(t, a_dead_unit_costs_a_finite_amount);
    tcase_add_test(t, units_begin_at_the_activation_they_are_to_have);
    tcase_add_test(t, codes_outside_0_and_1_are_refused);
    tcase_add_test(t, the_l1_norm_is_of_the_code);
    tcase_add_test(t, a_k_sparse_code_has_exactly_k);
    suite_add_tcase(s, t);
    return s;
}
