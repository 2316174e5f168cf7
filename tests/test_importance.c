/* test_importance.c - ln p(x) by importance sampling against ln p(x) where it is known; that it depends on no chunk;
 * the evidence lower bound beside any loss; which units of a random code are active. */
#include "files.h"
#include "linear_gaussian.h"
#include "train/train.h"

Suite *importance_suite(void);

enum { SAMPLES = 5, SEEDS = 300, DRAWS = 23 };

static const char *const codes[] = {"normal", "normal-full", "bernoulli", "categorical"};
enum { CODES = sizeof codes / sizeof *codes };

static pal_dataset *data;

/* The training samples of a file; what it wants as a test split is more of the same. */
static pal_dataset *open_samples(int64_t n, double low, double high, bool binary)
{
    pal_error err = {0};
    const char *path = path_of("data.npy");
    pal_tensor *all = random_tensor(c, PAL_F64, PAL_SHAPE(n + n / 5, FEATURES), low, high, "x");
    for (size_t i = 0; binary && i < pal_tensor_count(all); i++)
        pal_tensor_set(all, i, pal_tensor_get(all, i) < 0.5 ? 0 : 1);
    ck_assert_msg(!pal_npy_write(all, path, &err), "%s", err.text);
    pal_tensor_free(all);
    pal_dataset *opened = pal_dataset_open(c, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(opened && opened->count == n, "%s", err.text);
    return opened;
}

static void with_data(void)
{
    set_up();
    data = open_samples(SAMPLES, -2, 2, false);
}

static void without_data(void)
{
    pal_dataset_free(data);
    tear_down();
}

/* Of 0 and 1 in place of the numbers. */
static void take_binary(void)
{
    pal_dataset_free(data);
    data = open_samples(SAMPLES, 0, 1, true);
}

static pal_importance_result weigh(pal_model *m, const pal_importance_options *o)
{
    pal_error err = {0};
    pal_importance_result r;
    ck_assert_msg(!pal_importance(m, data, o, &r, &err), "%s", err.text);
    ck_assert_int_eq(r.samples, data->count);
    ck_assert_int_eq(r.draws, o->draws);
    return r;
}

#define OPTIONS(...) (&(pal_importance_options){.struct_size = sizeof(pal_importance_options), __VA_ARGS__})

/* ---- Where ln p(x) is known ----------------------------------------------------------------------------------------
 */

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

/* Whose mean is a little beside the exact one, and whose scales are wider: weights are bounded. */
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

/* Over the seeds: the mean ratio of estimate and p(x) is 1, and the mean of its logarithm below 0. */
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

static pal_model *any_model(const char *code, const pal_setting *more)
{
    pal_setting settings[16] = {{"hidden", "2"}, {"layers", "5,2"}, {"code", code}};
    for (size_t n = 3; more && more->name; more++) settings[n++] = *more;
    pal_model *m = model_of("variational", settings, sample);
    fill_parameters(m, 0.8);
    return m;
}
#define ANY(code, ...) any_model(code, (pal_setting[]){__VA_ARGS__, {0}})

/* ln p(x) of each row, by all values of a discrete code of two. */
static pal_var enumerated(pal_model *m, pal_var x)
{
    const bool coins = !strcmp(pal_option_enum(m, "code"), "bernoulli");
    const int64_t count = coins ? 4 : 2, n = pal_shape_of(x).dim[0];
    pal_var all[4];
    for (int64_t i = 0; i < count; i++) {
        pal_var bit[] = {pal_fill(x.tape, PAL_F64, PAL_SHAPE(n, 1), (double)(i & 1)),
                         pal_fill(x.tape, PAL_F64, PAL_SHAPE(n, 1), (double)(coins ? i >> 1 : !i))};
        all[i] = pal_log_likelihood(m, pal_decode_layers(m, pal_concat(bit, 2, 1)), x);
    }
    return pal_logmeanexp(pal_stack(all, (size_t)count, 0), 1, false);
}

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

/* ---- Chunks, noise, memory -----------------------------------------------------------------------------------------
 */

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
    pal_dataset_limit(data, 2); /* nor how many samples follow */
    weigh(m, OPTIONS(.draws = DRAWS, .seed = 4, .each = each));
    ck_assert(each[0] == first[0] && each[1] == first[1]);
    ck_assert(each[0] != each[1]);
    pal_model_free(m);
}
END_TEST

/* p(x) <= 1 of binary data, so one weight far above the others must not be lost, nor one that is 0. */
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

/* ---- What is refused -----------------------------------------------------------------------------------------------
 */

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

START_TEST(what_is_no_density_is_refused)
{
    pal_error err = {0};
    declined(model_of("basic", NULL, sample), 5, "choose a run of variational");
    declined(ANY("normal", {"output", "gaussian"}), 0, "zero samples");
    declined(ANY("normal", {"output", "gaussian"}), -1, "-1 samples");
    declined(ANY("normal", {"output", "squared"}), 5, "choose a run with --output gaussian");
    declined(any_model("normal", NULL), 5, "choose a run with --binarize dynamic");
    pal_model *basic = model_of("basic", NULL, sample);
    ck_assert_int_eq(pal_density_check(basic, data, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(!strncmp(err.text, "output bernoulli is a density of 0 and 1 alone", 40), "%s", err.text);
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

/* ---- The bound, and the units of a random code ---------------------------------------------------------------------
 */

static pal_figures evaluate(pal_model *m, double **units)
{
    pal_error err = {0};
    pal_figures f;
    const pal_evaluate_options o = {
        .struct_size = sizeof o, .batch = 3, .seed = 3, .code = true, .jacobian_samples = -1, .unit_divergence = units};
    ck_assert_msg(!pal_evaluate(m, data, &o, &f, &err), "%s", err.text);
    return f;
}

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

/* Five samples in threes and twos, or one by one: a sample's figures are its own. */
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

START_TEST(units_of_a_random_code_are_active_by_variance)
{
    double *units = NULL, total = 0;
    pal_model *m = any_model(codes[_i], NULL);
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

/* One layer, so that the mean of unit j is x W_j + b_j. */
START_TEST(silent_units_are_told)
{
    pal_model *m = linear_gaussian(NULL);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    double variance = 0, mean = 0;
    for (size_t d = 0; d < FEATURES; d++) pal_tensor_set(w, 2 * d + 1, 0), pal_tensor_set(w, 2 * d, d ? 0 : 1);
    for (size_t i = 0; i < SAMPLES; i++) mean += pal_tensor_get(data->inputs, i * FEATURES) / SAMPLES;
    for (size_t i = 0; i < SAMPLES; i++)
        variance += pow(pal_tensor_get(data->inputs, i * FEATURES) - mean, 2) / SAMPLES;
    const double scale[] = {sqrt(0.011 / variance), sqrt(0.009 / variance)}; /* either side of 0.01 */
    for (size_t k = 0; k < 2; k++) {
        pal_tensor_set(w, 0, scale[k]);
        const pal_code_figures f = evaluate(m, NULL).code;
        ck_assert_int_eq(f.active, k ? 0 : 1);
        ck_assert_int_eq(f.dead, 1);
    }
    pal_model_free(m);
}
END_TEST

/* A class a sample: of many classes no unit varies by 0.01, however much the code tells. And one that is sure of the
 * same class for every sample tells nothing, however far it is from the prior. */
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
    for (size_t k = 0; k < 4; k++) { /* the nearest sample's class; a little of it; nothing; the first class */
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

/* ---- A variant from elsewhere, whose code is as it says and not as options `hidden` and `code` do ------------------
 */

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

START_TEST(a_posterior_of_another_size_than_the_code_is_refused)
{
    static const char *const says[] = {"3 rows of 1 numbers, of 3 codes of 2 units",
                                       "1 rows of 2 numbers, of 3 codes of 2 units"};
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

Suite *importance_suite(void)
{
    Suite *suite = suite_create("importance");
    TCase *group = add_case(suite, "importance", with_data, without_data,
                            TESTS(at_the_exact_posterior_every_draw_tells_log_p,
                                  the_mean_weight_is_p_and_its_logarithm_grows_with_the_draws,
                                  weights_of_any_size_are_added, memory_does_not_grow_with_the_draws,
                                  progress_is_told_after_each_chunk_and_stops, what_is_no_density_is_refused,
                                  recordings_that_do_not_fit_are_refused, a_batch_of_one_is_like_any_other,
                                  one_choice_collapses_by_its_information, the_posterior_says_its_kind_and_size,
                                  a_posterior_of_another_size_than_the_code_is_refused, silent_units_are_told));
    tcase_add_loop_test(group, discrete_codes_are_drawn_exactly, 0, 2);
    tcase_add_loop_test(group, no_chunk_matters, 0, CODES);
    tcase_add_loop_test(group, the_bound_stands_beside_any_loss, 0, CODES);
    tcase_add_loop_test(group, units_of_a_random_code_are_active_by_variance, 0, CODES);
    in_own_folder(group);
    return suite;
}
