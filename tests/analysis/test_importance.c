/* test_importance.c - tests ln p(x) by importance sampling: against ln p(x) where it is known, and that chunks do not
 * matter. */
#include "tests/analysis/random_codes.h"

Suite *importance_suite(void);

enum { SEEDS = 300, DRAWS = 23 };

/* ---- Where ln p(x) is known ----------------------------------------------------------------------------------- */

/* At the exact posterior, every draw has the weight p(x), so any number of draws gives ln p(x). */
START_TEST(at_the_exact_posterior_every_draw_tells_log_p)
{
    const int64_t draws[] = {1, 2, 50};
    double log_p[SAMPLES], each[SAMPLES], mean = 0, spread = 0;
    pal_model *m = linear_gaussian(NULL);
    make_exact(m);
    log_densities(m, data->inputs, log_p);
    for (size_t i = 0; i < SAMPLES; i++) mean += log_p[i] / SAMPLES;
    for (size_t i = 0; i < SAMPLES; i++) spread += (log_p[i] - mean) * (log_p[i] - mean);
    for (size_t k = 0; k < 3; k++) {
        const pal_importance_result r = weigh(m, OPTIONS(.draws = draws[k], .seed = 2, .each = each));
        for (size_t i = 0; i < SAMPLES; i++) ck_assert_double_eq_tol(each[i], log_p[i], 1e-9);
        ck_assert_double_eq_tol(r.log_likelihood, mean, 1e-9);
        ck_assert_double_eq_tol(r.standard_error, sqrt(spread / (SAMPLES - 1) / SAMPLES), 1e-9);
        ck_assert_double_eq_tol(r.effective, (double)draws[k], 1e-6);
    }
    pal_dataset_limit(data, 1);
    ck_assert(isnan(weigh(m, OPTIONS(.draws = 3)).standard_error));
    pal_model_free(m);
}
END_TEST

/* A posterior whose mean is slightly wrong and whose scales are wider than the exact ones, so that the weights are
 * bounded. */
static pal_model *nearly_exact(void)
{
    pal_model *m = linear_gaussian(NULL);
    make_exact(m);
    pal_tensor *shift = pal_model_parameter_find(m, "encoder/b"),
               *scales = pal_model_parameter_find(m, "encoder/scale/b");
    pal_tensor_set(shift, 0, pal_tensor_get(shift, 0) + 0.2);
    for (size_t j = 0; j < 3; j += 2) pal_tensor_set(scales, j, pal_tensor_get(scales, j) + 0.4);
    return m;
}

/* Over the seeds, the mean of estimate / p(x) must be 1. *mean_log is the mean of its logarithm. */
static void ratios(pal_model *m, int64_t draws, const double *log_p, double *mean_log)
{
    double sum[SAMPLES] = {0}, squares[SAMPLES] = {0}, each[SAMPLES];
    *mean_log = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        weigh(m, OPTIONS(.draws = draws, .seed = seed, .each = each));
        for (size_t i = 0; i < SAMPLES; i++) {
            const double ratio = exp(each[i] - log_p[i]);
            sum[i] += ratio;
            squares[i] += ratio * ratio;
            *mean_log += log(ratio) / SAMPLES / SEEDS;
        }
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        const double mean = sum[i] / SEEDS, error = sqrt((squares[i] / SEEDS - mean * mean) / SEEDS);
        ck_assert_msg(fabs(mean - 1) <= 4 * error, "%lld draws: %g with error %g", (long long)draws, mean, error);
    }
}

/* The estimate of p(x) is unbiased. By Jensen's inequality its logarithm is too small, and grows with the draws. */
START_TEST(the_mean_weight_is_p_and_its_logarithm_grows_with_the_draws)
{
    double log_p[SAMPLES], few, more, many;
    pal_model *m = nearly_exact();
    log_densities(m, data->inputs, log_p);
    ratios(m, 1, log_p, &few), ratios(m, 4, log_p, &more), ratios(m, 40, log_p, &many);
    ck_assert(few < more - 0.01 && more < many - 0.01 && many < 0 && many > -0.02);
    pal_model_free(m);
}
END_TEST

/* The draws of discrete codes are exact, not relaxed: the estimate of p(x) is unbiased at any temperature. */
START_TEST(discrete_codes_are_drawn_exactly)
{
    double mean_log;
    take_binary();
    pal_model *m = ANY(codes[2 + _i], {"temperature", "0.7"});
    values v = run(m, data->inputs, PAL_EVALUATE, enumerated);
    ratios(m, 3, v.value[0]->data, &mean_log);
    free_values(&v);
    pal_model_free(m);
}
END_TEST

/* ---- Chunks, noise, memory ------------------------------------------------------------------------------------ */

/* The size of the chunks does not change the result. */
START_TEST(no_chunk_matters)
{
    const int64_t chunks[] = {1, 4, 7, DRAWS, 1000};
    double first[SAMPLES], each[SAMPLES];
    take_binary();
    pal_model *m = ANY(codes[_i], {"binarize", "dynamic"});
    const double value = weigh(m, OPTIONS(.draws = DRAWS, .seed = 4, .each = first)).log_likelihood;
    for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
        const pal_importance_result r = weigh(m, OPTIONS(.draws = DRAWS, .seed = 4, .chunk = chunks[k], .each = each));
        ck_assert_double_eq_tol(r.log_likelihood, value, 1e-10);
        for (size_t i = 0; i < SAMPLES; i++) ck_assert_double_eq_tol(each[i], first[i], 1e-10);
    }
    ck_assert(weigh(m, OPTIONS(.draws = DRAWS, .seed = 5)).log_likelihood != value);
    pal_dataset_limit(data, 2); /* the number of samples does not matter either */
    weigh(m, OPTIONS(.draws = DRAWS, .seed = 4, .each = each));
    ck_assert(each[0] == first[0] && each[1] == first[1]);
    ck_assert(each[0] != each[1]);
    pal_model_free(m);
}
END_TEST

/* A density may be very small, so that all weights underflow as numbers. Their logarithms must be added without
 * loss. */
START_TEST(weights_of_any_size_are_added)
{
    double log_p[SAMPLES], each[SAMPLES];
    pal_model *m = nearly_exact();
    pal_tensor *b = pal_model_parameter_find(m, "decoder/b");
    for (size_t d = 0; d < FEATURES; d++) pal_tensor_set(b, d, pal_tensor_get(b, d) + 100); /* ln p(x) about -4e4 */
    make_exact(m);
    log_densities(m, data->inputs, log_p);
    weigh(m, OPTIONS(.draws = 30, .chunk = 7, .each = each));
    for (size_t i = 0; i < SAMPLES; i++) {
        ck_assert(log_p[i] < -2000);
        ck_assert_double_eq_tol(each[i], log_p[i], 1e-9 * fabs(log_p[i]));
    }
    pal_model_free(m);
}
END_TEST

/* The largest allocation is the same for ten times as many draws. */
START_TEST(memory_does_not_grow_with_the_draws)
{
    size_t largest[2];
    const int64_t draws[] = {8192, 81920};
    for (size_t k = 0; k < 2; k++) {
        meter memory = {.left = 1000000};
        pal_context *whole = c;
        c = metered_context(&memory);
        pal_model *m = nearly_exact();
        weigh(m, OPTIONS(.draws = draws[k]));
        largest[k] = memory.largest;
        pal_model_free(m);
        pal_context_free(c);
        ck_assert_int_eq(memory.held, 0);
        c = whole;
    }
    ck_assert_uint_eq(largest[0], largest[1]);
}
END_TEST

typedef struct watch {
    int64_t calls, last, stop;
} watch;

static int stop_at(int64_t done, int64_t all, void *user)
{
    watch *w = user;
    ck_assert_int_eq(all, SAMPLES);
    ck_assert(done >= w->last && done <= all);
    w->last = done;
    return ++w->calls == w->stop;
}

/* Progress is reported after each chunk. The callback can stop, and the result is then not written. */
START_TEST(progress_is_told_after_each_chunk_and_stops)
{
    pal_error err = {0};
    pal_model *m = nearly_exact();
    watch w = {.stop = -1}, early = {.stop = 4};
    weigh(m, OPTIONS(.draws = 9, .chunk = 3, .progress = stop_at, .user = &w));
    ck_assert_int_eq(w.calls, 3 * SAMPLES);
    ck_assert_int_eq(w.last, SAMPLES);
    pal_importance_result r = {.draws = -7};
    ck_assert_int_eq(
        pal_importance(m, data, OPTIONS(.draws = 9, .chunk = 3, .progress = stop_at, .user = &early), &r, &err),
        PAL_ERR_STOPPED);
    ck_assert_int_eq(early.calls, 4);
    ck_assert_int_eq(early.last, 1);
    ck_assert_int_eq(r.draws, -7);
    pal_model_free(m);
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------------------------ */

static void declined(pal_model *m, int64_t draws, const char *says)
{
    pal_error err = {0};
    pal_importance_result r;
    ck_assert_int_eq(pal_importance_check(m, data, OPTIONS(.draws = draws), &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, says) && !strchr(err.text, '\n'), "%s", err.text);
    err = (pal_error){0};
    ck_assert_int_eq(pal_importance(m, data, OPTIONS(.draws = draws), &r, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
    pal_model_free(m);
}

/* A loss that is not the logarithm of a density is refused, with a remedy. Outputs that are densities are accepted. */
START_TEST(what_is_no_density_is_refused)
{
    pal_error err = {0};
    take_grey();
    declined(model_of("basic", NULL, sample), 5, "choose a run of variational");
    declined(ANY("normal", {"output", "gaussian"}), 0, "zero samples");
    declined(ANY("normal", {"output", "gaussian"}), -1, "-1 samples");
    declined(ANY("normal", {"output", "squared"}), 5, "choose a run with --output gaussian");
    declined(any_model("normal", NULL), 5, "choose a run with --binarize dynamic");
    pal_model *basic = model_of("basic", NULL, sample);
    ck_assert_int_eq(pal_density_check(basic, data, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(!strncmp(err.text, "output bernoulli is a density of 0 and 1 only", 40), "%s", err.text);
    pal_model_free(basic);
    const char *const binarize[] = {"none", "threshold", "dynamic"};
    const pal_setting outputs[][3] = {{{"output", "gaussian"}, {"output-sigma", "4"}},
                                      {{"output", "categorical"}, {"bins", "4"}},
                                      {{"output", "normal"}},
                                      {{"output", "normal-full"}}};
    for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++) {
        pal_model *m = any_model("normal", outputs[k]);
        ck_assert_msg(!pal_importance_check(m, data, OPTIONS(.draws = 5), &err), "%s", err.text);
        ck_assert(isfinite(weigh(m, OPTIONS(.draws = 5)).log_likelihood));
        pal_model_free(m);
    }
    for (size_t k = 0; k < 3; k++) {
        if (!k) take_binary();
        pal_model *m = ANY("normal", {"binarize", binarize[k]});
        ck_assert_int_eq(pal_density_check(m, data, NULL), PAL_OK);
        ck_assert_msg(!pal_importance_check(m, data, OPTIONS(.draws = 5), &err), "%s", err.text);
        pal_model_free(m);
    }
}
END_TEST

/* Zero draws, no posterior, a posterior of other rows, and a model without one are errors of the tape. */
START_TEST(recordings_that_do_not_fit_are_refused)
{
    for (int k = 0; k < 4; k++) {
        pal_model *m = k == 3 ? model_of("basic", NULL, sample) : any_model("normal", NULL);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_EVALUATE);
        pal_var x = pal_fill(t, PAL_F64, PAL_SHAPE(3, FEATURES), 0.5), one = pal_fill(t, PAL_F64, PAL_SHAPE(1, 6), 0.5);
        const pal_distribution q = pal_model_posterior(m, k == 2 ? one : x);
        ck_assert(k == 3 || pal_ok(q.parameters));
        pal_var w = pal_model_log_weights(m, k == 1 ? (pal_distribution){0} : q, x, k ? 2 : 0);
        ck_assert(!pal_ok(w) && pal_tape_error(t) != NULL);
        pal_model_end(m);
        pal_tape_free(t);
        pal_model_free(m);
    }
}
END_TEST

Suite *importance_suite(void)
{
    Suite *suite = suite_create("importance");
    TCase *group =
        add_case(suite, "importance", with_data, without_data,
                 TESTS(at_the_exact_posterior_every_draw_tells_log_p,
                       the_mean_weight_is_p_and_its_logarithm_grows_with_the_draws, weights_of_any_size_are_added,
                       memory_does_not_grow_with_the_draws, progress_is_told_after_each_chunk_and_stops,
                       what_is_no_density_is_refused, recordings_that_do_not_fit_are_refused));
    tcase_add_loop_test(group, discrete_codes_are_drawn_exactly, 0, 2);
    tcase_add_loop_test(group, no_chunk_matters, 0, CODES);
    in_own_folder(group);
    return suite;
}
