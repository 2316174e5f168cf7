/* test_variational.c - tests the variants `variational` and `importance-weighted`: the estimates of ln p(x) against
 * each other and, where it is known, against ln p(x) itself; noise; codes; errors. */
#include "tests/models/linear_gaussian.h"

Suite *variational_suite(void);

enum { SAMPLES = 4, CLOCKS = 400 };

#define SMALL                                                                                                          \
    {"hidden", "2"}, { "layers", "5,2" }
static pal_setting *with(pal_setting *settings, const char *name, const char *value)
{
    size_t n = 0;
    while (settings[n].name) n++;
    settings[n] = (pal_setting){name, value};
    settings[n + 1] = (pal_setting){0};
    return settings;
}

/* Models with equal shapes have equal weights: only the options for code and layers have an influence on them. */
static pal_model *variational(pal_setting *settings)
{
    pal_setting all[16] = {SMALL, {0}};
    for (; settings && settings->name; settings++) with(all, settings->name, settings->value);
    pal_model *m = model_of("variational", all, sample);
    fill_parameters(m, 0.8);
    return m;
}
#define WITH(...) variational((pal_setting[]){__VA_ARGS__, {0}})

static double loss_in(pal_model *m, pal_tensor *x, pal_mode mode, uint64_t clock)
{
    values v = run_at(m, x, mode, loss_of, false, (pal_noise){.seed = 3, .clock = clock});
    const double loss = pal_tensor_get(v.value[0], 0);
    free_values(&v);
    return loss;
}

/* The loss at each clock. All models see the same noise at the same clock. */
static void losses(pal_model *m, pal_tensor *x, double *out)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var loss = loss_of(m, pal_leaf(t, x, "x"));
    pal_model_end(m);
    pal_program *p = pal_compile(t, &loss, 1, NULL);
    ck_assert_tape_ok(t);
    for (size_t i = 0; i < CLOCKS; i++) {
        pal_program_set_noise(p, (pal_noise){.seed = 3, .clock = i});
        ck_assert_int_eq(pal_run(p), PAL_OK);
        out[i] = pal_tensor_get(pal_output(p, 0), 0);
    }
    pal_program_free(p);
    pal_tape_free(t);
}

static double mean_of(const double *x, double *error)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < CLOCKS; i++) mean += x[i] / CLOCKS;
    for (size_t i = 0; i < CLOCKS; i++) square += (x[i] - mean) * (x[i] - mean);
    *error = sqrt(square) / CLOCKS;
    return mean;
}

static void estimates(const double *x, double expected)
{
    double error, mean = mean_of(x, &error);
    ck_assert_msg(fabs(mean - expected) <= 4 * error + 1e-12, "%g, not %g, with error %g", mean, expected, error);
}

static const char *const codes[] = {"normal", "normal-full", "bernoulli", "categorical"};
enum { CODES = sizeof codes / sizeof *codes };

/* ---- The estimates -------------------------------------------------------------------------------------------- */

/* The closed and the sampled form of the divergence have the same expectation, so both estimate the same bound. */
START_TEST(both_forms_of_the_bound_agree_in_expectation)
{
    static double closed[CLOCKS], sampled[CLOCKS];
    const pal_setting code = {"code", codes[_i]}, draws = {"samples", "20"};
    pal_model *a = WITH(code, draws), *b = WITH(code, draws, {"divergence", "sampled"});
    pal_tensor *x = batch_of(a, SAMPLES);
    losses(a, x, closed), losses(b, x, sampled);
    for (size_t i = 0; i < CLOCKS; i++) sampled[i] -= closed[i];
    estimates(sampled, 0);
    pal_tensor_free(x);
    pal_model_free(a), pal_model_free(b);
}
END_TEST

/* The loss is the reconstruction plus beta times the divergence. The divergence is a named term. */
START_TEST(beta_weighs_the_divergence)
{
    const pal_setting code = {"code", codes[_i]};
    const char *const beta[] = {"0", "1", "2.5"};
    double loss[3], divergence = 0;
    pal_tensor *x = NULL;
    for (size_t k = 0; k < 3; k++) {
        pal_model *m = WITH(code, {"beta", beta[k]});
        const char *name = "";
        if (!x) x = batch_of(m, SAMPLES);
        loss[k] = loss_in(m, x, PAL_TRAIN, 0);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_TRAIN);
        loss_of(m, pal_leaf(t, x, "x"));
        pal_model_end(m);
        ck_assert_uint_eq(pal_model_note_count(m), k > 0);
        if (k == 1) ck_assert_int_eq(pal_eval(pal_model_note_at(m, 0, &name), &divergence), PAL_OK);
        if (k == 1) ck_assert_str_eq(name, "divergence");
        pal_tape_free(t);
        pal_model_free(m);
    }
    ck_assert(divergence > 0);
    ck_assert_double_eq_tol(loss[1] - loss[0], divergence, 1e-12);
    ck_assert_double_eq_tol(loss[2] - loss[0], 2.5 * divergence, 1e-12);
    pal_tensor_free(x);
}
END_TEST

/* Step k of a warm-up of N steps has the weight beta k / N. An evaluation uses beta. */
START_TEST(warm_up_counts_the_steps_of_training)
{
    pal_model *plain = WITH({"beta", "2"}), *m = WITH({"beta", "2"}, {"beta-warm-up", "4"}),
              *none = WITH({"beta", "0"});
    pal_tensor *x = batch_of(m, SAMPLES);
    const double fit = loss_in(none, x, PAL_TRAIN, 0), divergence = loss_in(plain, x, PAL_TRAIN, 0) - fit;
    ck_assert(loss_in(m, x, PAL_EVALUATE, 0) == loss_in(plain, x, PAL_EVALUATE, 0));
    ck_assert_uint_eq(pal_model_statistic_count(plain), 0);
    ck_assert_uint_eq(pal_model_statistic_count(m), 1);
    const pal_setting others[][2] = {{{"estimate", "predictive"}}, {{"beta", "0"}}, {{"estimate", "importance"}}};
    /* These have the step counter too, so that an evaluation can override a run's settings with them. */
    for (size_t i = 0; i < 3; i++) {
        pal_model *other = WITH({"beta-warm-up", "4"}, others[i][0]);
        ck_assert_uint_eq(pal_model_statistic_count(other), 1);
        pal_model_free(other);
    }
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_TRAIN);
    pal_var loss = loss_of(m, pal_leaf(t, x, "x"));
    pal_model_end(m);
    pal_program *p =
        pal_compile(t, &loss, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(t);
    pal_program_set_noise(p, (pal_noise){.seed = 3});
    for (int step = 1; step <= 6; step++) {
        ck_assert_int_eq(pal_run(p), PAL_OK);
        ck_assert_double_eq_tol(pal_tensor_get(pal_output(p, 0), 0), fit + fmin(step / 4.0, 1) * divergence, 1e-12);
    }
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_model_free(plain), pal_model_free(m), pal_model_free(none);
}
END_TEST

/* The three estimates differ. On average: importance < bound, more draws lower importance, predictive < the
 * reconstruction term. */
START_TEST(the_estimates_are_three_numbers_in_their_order)
{
    static double bound[CLOCKS], importance[CLOCKS], predictive[CLOCKS], fit[CLOCKS], more[CLOCKS], one[CLOCKS];
    const pal_setting code = {"code", codes[_i]}, draws = {"samples", "5"};
    pal_model *models[] = {WITH(code, draws),
                           WITH(code, draws, {"estimate", "importance"}),
                           WITH(code, draws, {"estimate", "predictive"}),
                           WITH(code, draws, {"beta", "0"}),
                           WITH(code, {"samples", "50"}, {"estimate", "importance"}),
                           WITH(code, {"estimate", "importance"})};
    double *const out[] = {bound, importance, predictive, fit, more, one};
    pal_tensor *x = batch_of(models[0], SAMPLES);
    double error;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) losses(models[i], x, out[i]);
    /* Jensen's inequality holds for each set of draws. */
    for (size_t i = 0; i < CLOCKS; i++) ck_assert(predictive[i] < fit[i]);
    const double tight = mean_of(importance, &error);
    ck_assert(mean_of(more, &error) < tight && tight < mean_of(bound, &error));
    for (size_t i = 0; i < CLOCKS; i++) one[i] -= bound[i];
    estimates(one, 0); /* with one draw, the expectation of both is E ln w */
    ck_assert(fabs(predictive[0] - importance[0]) > 1e-3 && fabs(bound[0] - importance[0]) > 1e-3);
    pal_tensor_free(x);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) pal_model_free(models[i]);
}
END_TEST

/* ---- Where ln p(x) is known ----------------------------------------------------------------------------------- */

static pal_model *exact(const char *estimate, const char *draws, pal_tensor *x, double *trace, double *nll)
{
    double log_p[SAMPLES];
    pal_model *m = linear_gaussian((pal_setting[]){{"samples", draws}, {"estimate", estimate}, {0}});
    *trace = make_exact(m);
    log_densities(m, x, log_p);
    *nll = 0;
    for (size_t n = 0; n < SAMPLES; n++) *nll -= log_p[n] / SAMPLES;
    return m;
}

/* -<ln p(x | mean of z)> + KL: the negative bound without the trace term, which the spread of z adds. */
static pal_var at_the_mean(pal_model *m, pal_var x)
{
    pal_distribution q = {pal_distribution_find("normal-full"), 2, pal_encode_layers_to(m, x, 5)};
    pal_var nll = pal_nll(m, pal_decode_layers(m, pal_distribution_mean(q)), x);
    return pal_add(nll, pal_mean_all(pal_distribution_kl_prior(q)));
}

/* At the exact posterior, the bound equals ln p(x), both analytically and on average over draws. */
START_TEST(the_analytic_bound_at_the_exact_posterior_is_log_p)
{
    double trace, nll;
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), -2, 2, "x");
    pal_model *m = exact("bound", "1", x, &trace, &nll);
    values v = run(m, x, PAL_EVALUATE, at_the_mean);
    ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0) + trace, nll, 1e-9);
    free_values(&v);
    static double sampled[CLOCKS];
    losses(m, x, sampled);
    estimates(sampled, nll);
    pal_model_free(m);
    pal_tensor_free(x);
}
END_TEST

/* At the exact posterior, every weight equals p(x), whatever is drawn. The predictive estimate uses a posterior that
 * has seen x, so it is better. */
START_TEST(importance_at_the_exact_posterior_is_log_p_for_every_draw)
{
    double trace, nll;
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), -2, 2, "x");
    const char *const draws[] = {"1", "3"};
    for (size_t k = 0; k < 2; k++) {
        pal_model *m = exact("importance", draws[k], x, &trace, &nll);
        for (uint64_t clock = 0; clock < 4; clock++)
            ck_assert_double_eq_tol(loss_in(m, x, PAL_TRAIN, clock), nll, 1e-9);
        pal_model_free(m);
    }
    pal_model *m = exact("predictive", "3", x, &trace, &nll);
    ck_assert(loss_in(m, x, PAL_TRAIN, 0) < nll - 0.1);
    pal_model_free(m);
    pal_tensor_free(x);
}
END_TEST

/* For small discrete codes ln p(x) is a sum over all values. The bound is below it, and importance with many draws
 * approaches it. */
START_TEST(discrete_codes_against_the_sum_over_all_of_them)
{
    static double bound[CLOCKS], importance[CLOCKS];
    const pal_setting code = {"code", codes[2 + _i]};
    pal_model *m = WITH(code), *many = WITH(code, {"samples", "2000"}, {"estimate", "importance"});
    pal_tensor *x = batch_of(m, SAMPLES);
    values v = run(m, x, PAL_EVALUATE, enumerated);
    double error, nll = 0;
    for (size_t i = 0; i < SAMPLES; i++) nll -= pal_tensor_get(v.value[0], i) / SAMPLES;
    losses(m, x, bound), losses(many, x, importance);
    ck_assert(mean_of(bound, &error) > nll);
    ck_assert_double_eq_tol(mean_of(importance, &error), nll, 4 * error + 1e-3);
    free_values(&v);
    pal_tensor_free(x);
    pal_model_free(m), pal_model_free(many);
}
END_TEST

/* ---- Noise ---------------------------------------------------------------------------------------------------- */

/* The noise of an evaluation differs from that of training and changes with the clock. It belongs to the sample: the
 * mean over two halves of a batch is the loss of the whole batch. */
START_TEST(evaluation_has_its_own_noise_for_each_sample)
{
    pal_model *m = WITH({"code", codes[_i]}, {"samples", "3"});
    pal_tensor *x = batch_of(m, SAMPLES);
    ck_assert(loss_in(m, x, PAL_EVALUATE, 0) == loss_in(m, x, PAL_EVALUATE, 0));
    ck_assert(loss_in(m, x, PAL_EVALUATE, 0) != loss_in(m, x, PAL_EVALUATE, 1));
    ck_assert(loss_in(m, x, PAL_EVALUATE, 0) != loss_in(m, x, PAL_TRAIN, 0));
    double halves = 0;
    for (uint64_t half = 0; half < 2; half++) {
        pal_tensor *part = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(SAMPLES / 2, FEATURES),
                                           (double *)x->data + half * SAMPLES / 2 * FEATURES);
        values v = run_at(m, part, PAL_EVALUATE, loss_of, false, (pal_noise){.seed = 3, .row = half * SAMPLES / 2});
        halves += pal_tensor_get(v.value[0], 0) / 2;
        free_values(&v);
        pal_tensor_free(part);
    }
    ck_assert_double_eq_tol(loss_in(m, x, PAL_EVALUATE, 0), halves, 1e-12);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* The temperature changes the training loss of discrete codes, but not their evaluation. */
START_TEST(only_training_relaxes_discrete_codes)
{
    const pal_setting code = {"code", codes[2 + _i]};
    pal_model *warm = WITH(code, {"temperature", "0.9"}), *cold = WITH(code, {"temperature", "0.2"});
    pal_tensor *x = batch_of(warm, SAMPLES);
    ck_assert(loss_in(warm, x, PAL_EVALUATE, 0) == loss_in(cold, x, PAL_EVALUATE, 0));
    ck_assert(loss_in(warm, x, PAL_TRAIN, 0) != loss_in(cold, x, PAL_TRAIN, 0));
    pal_tensor_free(x);
    pal_model_free(warm), pal_model_free(cold);
}
END_TEST

/* ---- Codes and outputs ---------------------------------------------------------------------------------------- */

/* encode gives the mean of the posterior; for discrete codes these are probabilities. */
START_TEST(the_code_is_the_posterior_mean)
{
    pal_model *m = WITH({"code", codes[_i]});
    encode_then_decode(m);
    pal_tensor *x = batch_of(m, SAMPLES);
    values h = run(m, x, PAL_EVALUATE, pal_model_encode);
    ck_assert(pal_shape_equal(h.value[0]->shape, PAL_SHAPE(SAMPLES, 2)));
    for (size_t i = 0; i < SAMPLES && _i >= 2; i++) {
        const double p = pal_tensor_get(h.value[0], 2 * i), q = pal_tensor_get(h.value[0], 2 * i + 1);
        ck_assert(p > 0 && p < 1 && q > 0 && q < 1);
        if (_i == 3) ck_assert_double_eq_tol(p + q, 1, 1e-12);
    }
    free_values(&h);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

static pal_tensor *decoded;
static pal_var each(pal_model *m, pal_var x) { return pal_log_likelihood(m, pal_leaf(x.tape, decoded, "a"), x); }
static pal_var all(pal_model *m, pal_var x) { return pal_nll(m, pal_leaf(x.tape, decoded, "a"), x); }

/* pal_log_likelihood has one value per sample, and minus their mean is pal_nll. */
START_TEST(the_likelihood_of_each_sample)
{
    static const struct {
        pal_setting settings[3];
        int64_t numbers;
    } recipes[] = {{{{"output", "bernoulli"}}, 1},
                   {{{"output", "squared"}}, 1},
                   {{{"output", "gaussian"}, {"sigma-of", "feature"}}, 1},
                   {{{"output", "categorical"}, {"bins", "5"}}, 5},
                   {{{"output", "normal"}, {"sigma-min", "0.2"}}, 2}};
    for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++) {
        pal_setting settings[4] = {{0}};
        memcpy(settings, recipes[k].settings, sizeof recipes[k].settings);
        pal_model *m = variational(settings);
        pal_tensor *x = batch_of(m, SAMPLES);
        decoded = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES * recipes[k].numbers), -2, 2, "decoded");
        values v = run(m, x, PAL_EVALUATE, each), w = run(m, x, PAL_EVALUATE, all);
        ck_assert(pal_shape_equal(v.value[0]->shape, PAL_SHAPE(SAMPLES)));
        double mean = 0;
        for (size_t i = 0; i < SAMPLES; i++) mean -= pal_tensor_get(v.value[0], i) / SAMPLES;
        ck_assert_double_eq_tol(mean, pal_tensor_get(w.value[0], 0), 1e-12);
        free_values(&v);
        free_values(&w);
        pal_tensor_free(decoded);
        pal_tensor_free(x);
        pal_model_free(m);
    }
}
END_TEST

/* The variant `importance-weighted` is `variational` with the estimate `importance` and 5 draws. */
START_TEST(importance_weighted_is_variational_by_another_estimate)
{
    pal_model *a = WITH({"samples", "5"}, {"estimate", "importance"});
    pal_model *b = model_of("iwae", (pal_setting[]){SMALL, {0}}, sample);
    fill_parameters(b, 0.8);
    pal_tensor *x = batch_of(a, SAMPLES);
    ck_assert(loss_in(a, x, PAL_TRAIN, 0) == loss_in(b, x, PAL_TRAIN, 0));
    pal_tensor_free(x);
    pal_model_free(a), pal_model_free(b);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    refused("vae", (pal_setting[]){{"hidden", "2000"}, {"code", "normal-full"}, {0}}, sample,
            "2003000 outputs of the encoder, a mean and a triangle: choose --code normal");
    refused("vae", (pal_setting[]){{"samples", "0"}, {0}}, sample, "samples: 0 is not in 1 .. 100000");
    refused("vae", (pal_setting[]){{"temperature", "0"}, {0}}, sample, "temperature: 0 is not in 0.001 .. 1000");
    refused("vae", (pal_setting[]){{"beta", "-1"}, {0}}, sample, "beta: -1 is not in 0 .. 1000000");
    refused("vae", (pal_setting[]){{"code", "gamma"}, {0}}, sample,
            "is not one of normal|normal-full|bernoulli|categorical");
    refused("iwae", (pal_setting[]){{"tied", "yes"}, {0}}, sample, "importance-weighted has no option tied");
}
END_TEST

/* A setting without effect is refused only if the user gave it, not if it is a default or belongs to the run that is
 * evaluated. */
START_TEST(what_has_no_effect_is_refused)
{
    static const struct {
        const char *variant;
        pal_setting settings[3];
        const char *says; /* expected for the last setting; NULL: it has an effect */
    } cases[] = {
        {"vae",
         {{"temperature", "0.3"}},
         "--temperature has an effect only with --code bernoulli|categorical, not normal"},
        {"iwae", {{"code", "normal-full"}, {"temperature", "0.3"}}, "--temperature has an effect only with --code"},
        {"vae", {{"code", "bernoulli"}, {"temperature", "0.3"}}, NULL},
        {"iwae", {{"code", "categorical"}, {"temperature", "0.3"}}, NULL},
        {"vae",
         {{"estimate", "predictive"}, {"beta-warm-up", "9"}},
         "--beta-warm-up has an effect only with --estimate bound|importance"},
        {"vae",
         {{"estimate", "predictive"}, {"beta", "2"}},
         "--beta has an effect only with --estimate bound|importance"},
        {"vae",
         {{"estimate", "predictive"}, {"divergence", "sampled"}},
         "--divergence has an effect only with --estimate bound"},
        {"iwae", {{"divergence", "sampled"}}, "--divergence has an effect only with --estimate bound, not importance"},
        {"vae", {{"divergence", "sampled"}}, NULL},
        {"vae", {{"beta-warm-up", "9"}}, NULL},
        {"iwae", {{"beta", "2"}}, NULL},
        {"iwae", {{"beta-warm-up", "9"}}, NULL},
        {"vae", {{"beta-warm-up", "9"}, {"estimate", "predictive"}}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        const pal_setting *last = cases[i].settings;
        pal_model *m = model_of(cases[i].variant, cases[i].settings, sample);
        while (last[1].name) last++;
        ck_assert_int_eq(pal_model_check_given(m, last, 1, &err), cases[i].says ? PAL_ERR_ARGUMENT : PAL_OK);
        ck_assert_msg(!cases[i].says || strstr(err.text, cases[i].says), "%s", err.text);
        pal_model_free(m);
    }
}
END_TEST

Suite *variational_suite(void)
{
    Suite *suite = suite_create("variational");
    TCase *group =
        add_case(suite, "variational", set_up, tear_down,
                 TESTS(warm_up_counts_the_steps_of_training, the_analytic_bound_at_the_exact_posterior_is_log_p,
                       importance_at_the_exact_posterior_is_log_p_for_every_draw, the_likelihood_of_each_sample,
                       importance_weighted_is_variational_by_another_estimate, what_does_not_fit_is_refused,
                       what_has_no_effect_is_refused));
    const TTest *const of_codes[] = {both_forms_of_the_bound_agree_in_expectation, beta_weighs_the_divergence,
                                     the_estimates_are_three_numbers_in_their_order,
                                     evaluation_has_its_own_noise_for_each_sample, the_code_is_the_posterior_mean};
    for (size_t i = 0; i < sizeof of_codes / sizeof *of_codes; i++) tcase_add_loop_test(group, of_codes[i], 0, CODES);
    tcase_add_loop_test(group, discrete_codes_against_the_sum_over_all_of_them, 0, 2);
    tcase_add_loop_test(group, only_training_relaxes_discrete_codes, 0, 2);
    return suite;
}
