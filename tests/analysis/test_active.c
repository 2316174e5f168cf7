/* test_active.c - tests the evidence lower bound as a figure of its own, the active units of a random code, and a code
 * that is defined by a variant from outside the library. */
#include "tests/analysis/random_codes.h"

Suite *active_suite(void);

/* ---- The bound, and the units of a random code ---------------------------------------------------------------- */

static pal_figures evaluate(pal_model *m, double **units)
{
    pal_error err = {0};
    pal_figures f;
    const pal_evaluate_options o = {
        .struct_size = sizeof o, .batch = 3, .seed = 3, .code = true, .jacobian_samples = -1, .unit_divergence = units};
    ck_assert_msg(!pal_evaluate(m, data, &o, &f, &err), "%s", err.text);
    return f;
}

/* An evaluation reports the bound for any loss: it is the same for every beta, estimate and form of the divergence. A
 * model without a random code has no bound. */
START_TEST(the_bound_stands_beside_any_loss)
{
    const pal_setting others[][2] = {{{"beta", "3"}, {0}},
                                     {{"beta", "0"}, {0}},
                                     {{"estimate", "importance"}, {0}},
                                     {{"estimate", "predictive"}, {0}},
                                     {{"divergence", "sampled"}, {0}}};
    take_binary();
    pal_model *plain = any_model(codes[_i], NULL);
    const pal_figures own = evaluate(plain, NULL);
    ck_assert_uint_eq(own.n_terms, 2);
    ck_assert_double_eq_tol(own.bound.value, -own.loss, 1e-12 * fabs(own.loss));
    ck_assert_double_eq_tol(own.bound.reconstruction, own.terms[0].value, 1e-12 * fabs(own.loss));
    ck_assert_double_eq_tol(own.bound.divergence, own.terms[1].value, 1e-12 * fabs(own.loss));
    ck_assert(own.bound.divergence > 0);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        pal_model *m = any_model(codes[_i], others[k]);
        const pal_bound_figures b = evaluate(m, NULL).bound;
        ck_assert(b.value == own.bound.value && b.divergence == own.bound.divergence);
        ck_assert(b.reconstruction == own.bound.reconstruction);
        pal_model_free(m);
    }
    ck_assert(weigh(plain, OPTIONS(.draws = 2000)).log_likelihood > own.bound.value - 0.5);
    pal_model_free(plain);
    pal_model *basic = model_of("basic", NULL, sample);
    ck_assert(isnan(evaluate(basic, NULL).bound.value));
    pal_model_free(basic);
}
END_TEST

/* The figures of a sample do not depend on the batch: five samples in threes and twos, or one by one. */
START_TEST(a_batch_of_one_is_like_any_other)
{
    static const char *const outputs[] = {"gaussian", "normal", "normal-full"};
    for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++) {
        pal_error err = {0};
        pal_figures one, three;
        pal_model *m = ANY("normal", {"output", outputs[k]}, {"samples", "4"});
        const pal_evaluate_options single = {.struct_size = sizeof single, .batch = 1, .seed = 3},
                                   triple = {.struct_size = sizeof triple, .batch = 3, .seed = 3};
        ck_assert_msg(!pal_evaluate(m, data, &single, &one, &err), "%s", err.text);
        ck_assert_msg(!pal_evaluate(m, data, &triple, &three, &err), "%s", err.text);
        ck_assert_double_eq_tol(one.loss, three.loss, 1e-12 * fabs(three.loss));
        pal_model_free(m);
    }
}
END_TEST

/* For a random code, the divergence is that of the bound. With independent units it is the sum over units. A
 * categorical code has no active or dead units. */
START_TEST(units_of_a_random_code_are_active_by_variance)
{
    double *units = NULL, total = 0;
    pal_model *m = ANY(codes[_i], {"output", "gaussian"});
    const pal_figures f = evaluate(m, &units);
    ck_assert(f.code.random && f.code.units == 2 && !f.code.collapsed);
    ck_assert_double_eq_tol(f.code.divergence, f.bound.divergence, 1e-12 * f.bound.divergence);
    ck_assert((f.code.active == -1) == (_i == 3) && (f.code.dead == -1) == (_i == 3));
    if (_i == 0 || _i == 2) {
        for (size_t j = 0; j < 2; j++) total += units[j];
        ck_assert(units[0] > 0 && units[1] > 0);
        ck_assert_double_eq_tol(total, f.bound.divergence, 1e-12 * total);
    } else {
        ck_assert_ptr_null(units);
    }
    free(units);
    pal_model_free(m);
}
END_TEST

/* With one layer, the mean of unit j is x W_j + b_j. A unit is active if its mean has a variance above 0.01. One that
 * ignores x is dead. */
START_TEST(silent_units_are_told)
{
    pal_model *m = linear_gaussian(NULL);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    double variance = 0, mean = 0;
    for (size_t d = 0; d < FEATURES; d++) pal_tensor_set(w, 2 * d + 1, 0), pal_tensor_set(w, 2 * d, d ? 0 : 1);
    for (size_t i = 0; i < SAMPLES; i++) mean += pal_tensor_get(data->inputs, i * FEATURES) / SAMPLES;
    for (size_t i = 0; i < SAMPLES; i++)
        variance += pow(pal_tensor_get(data->inputs, i * FEATURES) - mean, 2) / SAMPLES;
    const double scale[] = {sqrt(0.011 / variance), sqrt(0.009 / variance)}; /* above and below 0.01 */
    for (size_t k = 0; k < 2; k++) {
        pal_tensor_set(w, 0, scale[k]);
        const pal_code_figures f = evaluate(m, NULL).code;
        ck_assert_int_eq(f.active, k ? 0 : 1);
        ck_assert_int_eq(f.dead, 1);
    }
    pal_model_free(m);
}
END_TEST

/* A categorical code with one class per sample: with many classes no unit varies by 0.01, however much information the
 * code has. A code with the same class for every sample has no information, however far it is from the prior. So the
 * information decides whether the code collapsed. */
START_TEST(one_choice_collapses_by_its_information)
{
    enum { CLASSES = 150, MANY = CLASSES };
    char hidden[8];
    snprintf(hidden, sizeof hidden, "%d", CLASSES);
    pal_dataset_free(data);
    data = open_samples(MANY, 0, 1, false);
    pal_model *m = model_of(
        "variational", (pal_setting[]){{"hidden", hidden}, {"layers", hidden}, {"code", "categorical"}, {0}}, sample);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W"), *b = pal_model_parameter_find(m, "encoder/b");
    /* The code is the nearest sample's class, a little of it, nothing, and always the first class. */
    for (size_t k = 0; k < 4; k++) {
        const double scale = k == 0 ? 3000 : k == 1 ? 0.1 : 0;
        for (size_t j = 0; j < CLASSES; j++) {
            double norm2 = 0;
            for (size_t d = 0; d < FEATURES; d++) {
                const double x = pal_tensor_get(data->inputs, j * FEATURES + d);
                pal_tensor_set(w, d * CLASSES + j, scale * x);
                norm2 += x * x;
            }
            pal_tensor_set(b, j, k == 3 ? (j ? 0 : 100) : -scale * norm2 / 2);
        }
        const pal_code_figures f = evaluate(m, NULL).code;
        ck_assert_int_eq(f.units, CLASSES);
        ck_assert(f.active == -1 && f.dead == -1);
        ck_assert_msg(f.collapsed == (k > 0), "%g nats", f.information);
        ck_assert(k % 3 ? f.divergence < 0.01 && (f.divergence == 0) == (k == 2) : f.divergence > log(CLASSES) - 0.5);
        ck_assert(k ? f.information < 0.01 : f.information > log(CLASSES) - 0.5);
    }
    pal_model_free(m);
}
END_TEST

/* ---- A variant from outside: its posterior defines the code, not the options `hidden` and `code` -------------- */

static pal_distribution posterior_of(pal_model *m, pal_var x)
{
    return pal_distribution_layer(m, "encoder", x, pal_distribution_find("normal"), 2 * pal_option_int(m, "hidden"));
}
static pal_distribution half_of(pal_model *m, pal_var x)
{
    return pal_distribution_layer(m, "half", x, pal_distribution_find("normal"), pal_option_int(m, "hidden"));
}
static pal_distribution one_of(pal_model *m, pal_var x)
{
    pal_distribution q = posterior_of(m, x);
    q.parameters = pal_mean(q.parameters, 1, true);
    return q;
}
static pal_var mean_of(pal_model *m, pal_var x) { return pal_distribution_mean(posterior_of(m, x)); }
static pal_var decode(pal_model *m, pal_var h) { return pal_dense(m, "decoder", h, pal_output_numbers(m)); }
static pal_var own_loss(pal_model *m, const pal_batch *b)
{
    const pal_distribution q = half_of(m, b->inputs);
    return pal_add(pal_nll(m, decode(m, mean_of(m, b->inputs)), b->inputs), pal_mean_all(pal_distribution_kl_prior(q)));
}

static pal_model *own_variant(const char *code, pal_distribution (*posterior)(pal_model *m, pal_var x))
{
    const pal_option options[] = {{"code", PAL_OPTION_ENUM, code, 0, 0, "normal|bernoulli", "of the code"},
                                  {.name = "tied", .type = PAL_OPTION_NONE},
                                  {0}};
    static pal_option kept[3];
    static pal_variant wide;
    memcpy(kept, options, sizeof kept);
    wide = (pal_variant){.struct_size = sizeof wide,
                         .name = "wide",
                         .summary = "twice as many units as hidden",
                         .options = kept,
                         .encode = mean_of,
                         .decode = decode,
                         .loss = own_loss,
                         .posterior = posterior};
    pal_error err = {0};
    const pal_setting settings[] = {{"hidden", "1"}, {"output", "gaussian"}, {"output-sigma", "0.6"}};
    pal_model *m = pal_model_new(c, &wide, settings, 3, sample, PAL_F64, 5, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    fill_parameters(m, 0.8);
    return m;
}

/* The kind and the number of units come from the posterior: a code with twice `hidden` normal units, even where the
 * option `code` says bernoulli, gives the same results as a plain normal code. */
START_TEST(the_posterior_says_its_kind_and_size)
{
    double own[SAMPLES], like[SAMPLES], *units = NULL, total = 0;
    pal_model *plain = linear_gaussian((pal_setting[]){{"code", "normal"}, {0}});
    weigh(plain, OPTIONS(.draws = 9, .each = like));
    for (int k = 0; k < 2; k++) {
        pal_model *m = own_variant(k ? "bernoulli" : "normal", posterior_of);
        weigh(m, OPTIONS(.draws = 9, .each = own));
        for (size_t i = 0; i < SAMPLES; i++) ck_assert_double_eq_tol(own[i], like[i], 1e-12 * fabs(like[i]));
        const pal_figures f = evaluate(m, &units);
        ck_assert(f.code.units == 2 && units);
        total = units[0] + units[1];
        ck_assert_double_eq_tol(total, f.code.divergence, 1e-12 * total);
        ck_assert_double_eq_tol(total, evaluate(plain, NULL).code.divergence, 1e-12 * total);
        free(units);
        pal_model_free(m);
    }
    pal_model_free(plain);
}
END_TEST

/* A posterior whose shape does not fit the code is refused. */
START_TEST(a_posterior_of_another_size_than_the_code_is_refused)
{
    static const char *const says[] = {"3 rows of 1 numbers do not match 3 codes of 2 units",
                                       "1 rows of 2 numbers do not match 3 codes of 2 units"};
    for (int k = 0; k < 2; k++) {
        pal_error err = {0};
        pal_figures f;
        pal_importance_result r;
        pal_model *m = own_variant("normal", k ? one_of : half_of);
        double *units = NULL;
        const pal_evaluate_options o = {
            .struct_size = sizeof o, .batch = 3, .code = true, .jacobian_samples = -1, .unit_divergence = &units};
        ck_assert_int_ne(pal_evaluate(m, data, &o, &f, &err), PAL_OK);
        ck_assert_msg(strstr(err.text, says[k]) && !strchr(err.text, '\n'), "%s", err.text);
        ck_assert_ptr_null(units);
        if (!k) ck_assert_int_ne(pal_importance(m, data, OPTIONS(.draws = 9), &r, NULL), PAL_OK);
        pal_model_free(m);
    }
}
END_TEST

Suite *active_suite(void)
{
    Suite *suite = suite_create("active");
    TCase *group =
        add_case(suite, "active", with_data, without_data,
                 TESTS(a_batch_of_one_is_like_any_other, silent_units_are_told, one_choice_collapses_by_its_information,
                       the_posterior_says_its_kind_and_size, a_posterior_of_another_size_than_the_code_is_refused));
    tcase_add_loop_test(group, the_bound_stands_beside_any_loss, 0, CODES);
    tcase_add_loop_test(group, units_of_a_random_code_are_active_by_variance, 0, CODES);
    in_own_folder(group);
    return suite;
}
