/* test_fisher.c - the Fisher information of a loss: gradients with drawn targets against the exact matrices, for every
 * output; the weights of likelihoods; and the layers that K-FAC finds, in every variant. */
#include "optim/kfac.h"
#include "tests/models/recorded.h"

Suite *fisher_suite(void);

enum { N = 3, FEATURES = 2, NUMBERS_MOST = 6, DRAWS = 20000 };

static const struct output {
    pal_setting settings[4];
} outputs[] = {
    {{{"output", "bernoulli"}}},
    {{{"output", "squared"}}},
    {{{"output", "squared"}, {"output-activation", "sigmoid"}}},
    {{{"output", "gaussian"}, {"output-sigma", "0.5"}}},
    {{{"tied", "no"}, {"output", "categorical"}, {"bins", "3"}}},
    {{{"tied", "no"}, {"output", "normal"}}},
    {{{"tied", "no"}, {"output", "normal-full"}}},
};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

/* The gradient of the sampled loss by the decoder's value has the mean 0 and the covariance J'HJ, where H is the
 * Hessian of the divergence by what the density takes. */
START_TEST(drawn_targets_have_the_exact_covariance)
{
    pal_model *m = model_of("basic", outputs[_i].settings, PAL_SHAPE(FEATURES));
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = batch_of(m, N);
    pal_var z[PAL_MODEL_LIKELIHOODS], divergence[PAL_MODEL_LIKELIHOODS], g, row[N * NUMBERS_MOST];
    size_t n;
    pal_model_begin(m, t, PAL_TRAIN);
    const int64_t numbers = pal_output_numbers(m);
    ck_assert_int_le(numbers, NUMBERS_MOST);
    pal_tensor *point = random_tensor(c, PAL_F64, PAL_SHAPE(N, numbers), -1, 1, "a");
    const pal_var a = pal_leaf(t, point, "a");
    const pal_var loss = pal_nll(m, a, pal_leaf(t, x, "x")), sampled = pal_model_fisher(m, loss, &n, z, divergence);
    pal_model_end(m);
    ck_assert_uint_eq(n, 1);
    pal_grad(sampled, &a, 1, &g);
    const size_t all = (size_t)(N * numbers);
    pal_tensor *unit[N * NUMBERS_MOST];
    for (size_t i = 0; i < all; i++) {
        char name[16];
        unit[i] = pal_tensor_new(c, PAL_F64, PAL_SHAPE(N, numbers));
        pal_tensor_set(unit[i], i, 1);
        snprintf(name, sizeof name, "unit%zu", i);
        const pal_var v = pal_leaf(t, unit[i], name);
        pal_gauss_newton_product(divergence[0], z[0], &a, &v, 1, &row[i]);
    }
    pal_program *exact = pal_compile(t, row, all, NULL), *drawn = pal_compile(t, &g, 1, NULL);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_run(exact), PAL_OK);
    static double mean[N * NUMBERS_MOST], covariance[N * NUMBERS_MOST][N * NUMBERS_MOST];
    memset(mean, 0, sizeof mean);
    memset(covariance, 0, sizeof covariance);
    for (uint64_t k = 0; k < DRAWS; k++) {
        pal_program_set_noise(drawn, (pal_noise){.seed = 3, .clock = k});
        ck_assert_int_eq(pal_run(drawn), PAL_OK);
        for (size_t i = 0; i < all; i++) {
            const double v = pal_tensor_get(pal_output(drawn, 0), i);
            mean[i] += v / DRAWS;
            for (size_t j = 0; j <= i; j++) covariance[i][j] += v * pal_tensor_get(pal_output(drawn, 0), j) / DRAWS;
        }
    }
    double largest = 0;
    for (size_t i = 0; i < all; i++) largest = fmax(largest, pal_tensor_get(pal_output(exact, i), i));
    ck_assert_double_gt(largest, 0.01);
    for (size_t i = 0; i < all; i++) {
        const double own = pal_tensor_get(pal_output(exact, i), i);
        ck_assert_double_le(fabs(mean[i]), 5 * sqrt(own / DRAWS) + 1e-12);
        for (size_t j = 0; j <= i; j++) {
            const double of = pal_tensor_get(pal_output(exact, i), j);
            const double other = pal_tensor_get(pal_output(exact, j), j);
            /* the variance of a product of nearly normal numbers is at most 2 a b, and larger for long tails */
            ck_assert_msg(fabs(covariance[i][j] - of) <= 0.06 * sqrt(own * other) + 1e-12, "%s: %zu, %zu: %g, not %g",
                          outputs[_i].settings[0].value, i, j, covariance[i][j], of);
        }
    }
    for (size_t i = 0; i < all; i++) pal_tensor_free(unit[i]);
    pal_program_free(exact);
    pal_program_free(drawn);
    pal_tape_free(t);
    pal_tensor_free(point);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* The loss is w times a likelihood plus a penalty: the Hessian of the divergence is w / n. */
START_TEST(a_weight_is_that_of_the_loss)
{
    static const double weights[] = {1, 0.25, 3, 0, -2};
    for (size_t k = 0; k < sizeof weights / sizeof *weights; k++) {
        pal_model *m = model_of("basic", outputs[1].settings, PAL_SHAPE(FEATURES));
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_tensor *x = batch_of(m, N), *point = random_tensor(c, PAL_F64, PAL_SHAPE(N, FEATURES), -1, 1, "a");
        pal_var z[PAL_MODEL_LIKELIHOODS], divergence[PAL_MODEL_LIKELIHOODS], bent;
        double is[N * FEATURES];
        size_t n;
        pal_model_begin(m, t, PAL_TRAIN);
        const pal_var a = pal_leaf(t, point, "a"), nll = pal_nll(m, a, pal_leaf(t, x, "x"));
        const pal_var loss = pal_add(pal_scale(nll, weights[k]), pal_scale(pal_sum_squares(a), 7));
        pal_model_fisher(m, loss, &n, z, divergence);
        pal_model_end(m);
        pal_hessian_product(divergence[0], z, &a, 1, &bent);
        ck_assert_int_eq(pal_eval(bent, is), PAL_OK);
        for (size_t i = 0; i < N * FEATURES; i++)
            ck_assert_double_eq_tol(is[i], fmax(weights[k], 0) / N * pal_tensor_get(point, i), 1e-14);
        pal_tape_free(t);
        pal_tensor_free(point);
        pal_tensor_free(x);
        pal_model_free(m);
    }
}
END_TEST

/* Every variant, with the options that change its layers. Of each phase: all that moves and that the likelihood depends
 * on is in a block, but for what is named here. */
static const struct kind {
    const char *variant;
    pal_setting settings[6];
    const char *left; /* the parameter that is in no block; NULL: none */
} kinds[] = {
    {"linear", {{"hidden", "4"}}, NULL},
    {"linear", {{"hidden", "4"}, {"tied", "yes"}}, NULL},
    {"basic", {{"hidden", "4"}, {"tied", "yes"}}, NULL},
    {"basic", {{"hidden", "4"}, {"tied", "no"}, {"dropout", "0.5"}}, NULL},
    {"basic", {{"hidden", "4"}, {"output", "gaussian"}, {"sigma-of", "feature"}}, "output/log_sigma"},
    {"basic", {{"hidden", "4"}, {"output", "normal"}, {"tied", "no"}, {"l2", "0.1"}}, NULL},
    {"deep", {{"layers", "5,4,3"}}, NULL},
    {"deep", {{"layers", "5,4,3"}, {"tied", "yes"}}, NULL},
    {"denoising", {{"hidden", "4"}}, NULL},
    {"contractive", {{"hidden", "4"}}, NULL},
    {"contractive", {{"hidden", "4"}, {"jacobian", "rows"}}, NULL},
    {"sparse", {{"hidden", "4"}}, NULL},
    {"k-sparse", {{"hidden", "4"}, {"k", "2"}}, NULL},
    {"convolutional", {{"channels", "3,2"}, {"kernel", "3"}}, NULL},
    {"convolutional", {{"channels", "3"}, {"kernel", "2"}, {"tied", "yes"}}, NULL},
    {"convolutional", {{"channels", "3"}, {"kernel", "2"}, {"hidden", "0"}}, NULL},
    {"variational", {{"layers", "5,4"}}, NULL},
    {"variational", {{"layers", "5,4"}, {"samples", "3"}, {"code", "normal-full"}}, NULL},
    {"variational", {{"layers", "5,4"}, {"code", "bernoulli"}}, NULL},
    {"importance-weighted", {{"layers", "5,4"}}, NULL},
    {"semi-supervised", {{"hidden", "4"}, {"classes", "3"}}, NULL},
    {"semi-supervised", {{"hidden", "4"}, {"classes", "3"}, {"training", "sequential"}}, NULL},
    {"stacked", {{"layers", "5,4"}, {"classes", "3"}, {"fine-tuning", "both"}}, NULL},
    {"stacked", {{"layers", "5,4"}, {"classes", "3"}, {"activation", "relu"}}, NULL},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void check_phase(pal_model *m, const pal_phase *phase, const char *left)
{
    enum { MOST = 40 };
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = batch_of(m, N);
    pal_var leaves[MOST], z[PAL_MODEL_LIKELIHOODS], divergence[PAL_MODEL_LIKELIHOODS];
    size_t n, moved = 0;
    const char *names[MOST];
    pal_model_begin(m, t, PAL_TRAIN);
    const bool labelled = pal_model_classes(m) && phase->stream != PAL_STREAM_ALL;
    const pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x"),
                                                        .labels = labelled ? pal_model_labels(m, N) : (pal_var){0},
                                                        .phase = phase});
    pal_model_leaves(m, t, leaves);
    const pal_var sampled = pal_model_fisher(m, loss, &n, z, divergence);
    pal_model_end(m);
    ck_assert_tape_ok(t);
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        pal_model_parameter(m, i, &names[moved]);
        if (pal_phase_moves(m, phase, names[moved])) leaves[moved++] = leaves[i];
    }
    pal__layers l;
    ck_assert_int_eq(pal__layers_find(sampled, leaves, moved, &l), PAL_OK);
    ck_assert_uint_gt(l.n_blocks, 0);
    for (size_t i = 0; i < moved; i++)
        ck_assert_msg((l.left[i] != NULL) == (left && !strcmp(left, names[i])), "%s: phase %s: %s: %s",
                      pal_model_variant(m)->name, phase->name, names[i], l.left[i] ? l.left[i] : "in a block");
    size_t uses = 0, covered = 0;
    for (size_t b = 0; b < l.n_blocks; b++) {
        uses += l.block[b].uses;
        covered += 1 + (l.block[b].bias != PAL__NO_PARAMETER);
    }
    ck_assert_uint_ge(uses, l.n_blocks);
    ck_assert_uint_eq(covered, moved - (left != NULL)); /* each parameter is in one block */
    pal__layers_free(&l);
    pal_tensor_free(x);
    pal_tape_free(t);
}

START_TEST(layers_are_found_in_every_variant)
{
    size_t n = 0;
    while (n < 6 && kinds[_i].settings[n].name) n++;
    pal_model *m = model_of(kinds[_i].variant, kinds[_i].settings, PAL_SHAPE(6, 6));
    pal_phase phase;
    for (size_t i = 0; memset(&phase, 0, sizeof phase), pal_model_phase(m, i, 1, &phase); i++)
        check_phase(m, &phase, kinds[_i].left);
    pal_model_free(m);
}
END_TEST

START_TEST(every_variant_is_in_the_list)
{
    for (size_t i = 0; pal_variant_at(i); i++) {
        size_t k = 0;
        while (k < KINDS && strcmp(kinds[k].variant, pal_variant_at(i)->name) != 0) k++;
        ck_assert_msg(k < KINDS, "%s", pal_variant_at(i)->name);
    }
}
END_TEST

static pal_var code(pal_model *m, pal_var x) { return pal_dense(m, "encoder", x, 2); }
static pal_var back(pal_model *m, pal_var h) { return pal_dense(m, "decoder", h, pal_model_features(m)); }
static pal_var own_loss(pal_model *m, const pal_batch *b)
{
    return pal_mean_over_samples(pal_square(pal_sub(back(m, code(m, b->inputs)), b->inputs)));
}

START_TEST(a_loss_without_likelihood_is_refused)
{
    static const pal_option none[] = {{0}};
    static const pal_variant plain = {.struct_size = sizeof plain,
                                      .name = "plain-squares",
                                      .alias = "psq",
                                      .summary = "of squares",
                                      .formula = "f",
                                      .source = "none",
                                      .options = none,
                                      .encode = code,
                                      .decode = back,
                                      .loss = own_loss};
    pal_error err = {0};
    pal_model *m = pal_model_new(c, &plain, NULL, 0, PAL_SHAPE(FEATURES), PAL_F64, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = batch_of(m, N);
    pal_var z[PAL_MODEL_LIKELIHOODS], divergence[PAL_MODEL_LIKELIHOODS];
    size_t n;
    pal_model_begin(m, t, PAL_TRAIN);
    const pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x")});
    ck_assert(!pal_ok(pal_model_fisher(m, loss, &n, z, divergence)));
    pal_model_end(m);
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "plain-squares: its loss takes no likelihood"));
    pal_tensor_free(x);
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

Suite *fisher_suite(void)
{
    Suite *s = suite_create("fisher");
    TCase *t = tcase_create("fisher");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, drawn_targets_have_the_exact_covariance, 0, OUTPUTS);
    tcase_add_test(t, a_weight_is_that_of_the_loss);
    tcase_add_loop_test(t, layers_are_found_in_every_variant, 0, KINDS);
    tcase_add_test(t, every_variant_is_in_the_list);
    tcase_add_test(t, a_loss_without_likelihood_is_refused);
    suite_add_tcase(s, t);
    return s;
}
