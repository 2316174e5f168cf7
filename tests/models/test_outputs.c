/* test_outputs.c - tests the output recipes: likelihoods and means against formulas, valid combinations of options, and
 * errors. */
#include <math.h>

#include "tests/models/recorded.h"

Suite *outputs_suite(void);

enum { SAMPLES = 3, FEATURES = 6, BINS = 5 };

static const pal_shape sample = {.rank = 2, .dim = {2, 3}};

/* The tests use only the output recipe of a model. `decoded` replaces the decoder's result. */
static pal_tensor *decoded;
static pal_var nll_of(pal_model *m, pal_var x) { return pal_nll(m, pal_leaf(x.tape, decoded, "decoded"), x); }
static pal_var mean_of(pal_model *m, pal_var x) { return pal_output_mean(m, pal_leaf(x.tape, decoded, "decoded")); }

typedef double (*density)(const double *a, double x, size_t feature);

/* Compares pal_nll with -log p computed by hand (the sum over features, averaged over samples), and pal_output_mean
 * with `mean`. */
static void agrees(pal_model *m, int64_t numbers, density nll, double (*mean)(const double *a), double low, double high)
{
    double want = 0;
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), low, high, "x");
    decoded = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES * numbers), -2, 2, "decoded");
    values v = run(m, x, PAL_TRAIN, nll_of), y = run(m, x, PAL_TRAIN, mean_of);
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
        const double *a = (const double *)decoded->data + i * (size_t)numbers;
        want += nll(a, pal_tensor_get(x, i), i % FEATURES) / SAMPLES;
        ck_assert_double_eq_tol(pal_tensor_get(y.value[0], i), mean(a), 1e-12);
    }
    ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0), want, 1e-11 * fabs(want));
    free_values(&v);
    free_values(&y);
    pal_tensor_free(x);
    pal_tensor_free(decoded);
    pal_model_free(m);
}

static double sigma[FEATURES] = {0.7, 0.7, 0.7, 0.7, 0.7, 0.7};
static double plain(const double *a) { return *a; }
static double rectified(const double *a) { return fmax(*a, 0); }
static double logistic(const double *a) { return 1 / (1 + exp(-*a)); }

static double normal(const double *a, double x, size_t i)
{
    return (x - *a) * (x - *a) / (2 * sigma[i] * sigma[i]) + log(sigma[i]) + 0.5 * log(2 * M_PI);
}

static double binary(const double *a, double x, size_t i)
{
    (void)i;
    return -x * log(logistic(a)) - (1 - x) * log(1 - logistic(a));
}

static double square(const double *a, double x, size_t i)
{
    (void)i;
    return (x - *a) * (x - *a) / 2;
}

static double of_logistic(const double *a, double x, size_t i)
{
    const double y = logistic(a);
    return square(&y, x, i);
}

static double of_rectified(const double *a, double x, size_t i)
{
    const double y = rectified(a);
    return square(&y, x, i);
}

static double levels(const double *a, double x, size_t i)
{
    double sum = 0;
    (void)i;
    for (int k = 0; k < BINS; k++) sum += exp(a[k]);
    return log(sum) - a[(int)fmin(fmax(nearbyint(x * (BINS - 1)), 0), BINS - 1)];
}

static double expected_level(const double *a)
{
    double sum = 0, mean = 0;
    for (int k = 0; k < BINS; k++) {
        sum += exp(a[k]);
        mean += exp(a[k]) * k / (BINS - 1);
    }
    return mean / sum;
}

START_TEST(recipes_are_their_formulas)
{
    agrees(model_of("basic", NULL, sample), 1, binary, logistic, 0, 1);
    agrees(model_of("basic", (pal_setting[]){{"output", "squared"}, {0}}, sample), 1, square, plain, -3, 3);
    agrees(model_of("basic", (pal_setting[]){{"output", "gaussian"}, {"output-sigma", "0.7"}, {0}}, sample), 1, normal,
           plain, -3, 3);
    /* Intensities below 0 and above 1 count as 0 and 1. */
    agrees(model_of("basic", (pal_setting[]){{"output", "categorical"}, {"bins", "5"}, {"tied", "no"}, {0}}, sample),
           BINS, levels, expected_level, -0.5, 1.5);
}
END_TEST

/* ---- Distributions: the decoder gives the means, then the scales ---------------------------------------------- */

#define LEAST 0.2
static const pal_setting plain_normal[] = {{"output", "normal"}, {"sigma-min", "0.2"}, {"tied", "no"}, {0}},
                         full_normal[] = {{"output", "normal-full"}, {"sigma-min", "0.2"}, {"tied", "no"}, {0}};

/* -ln N(x; mean, L L'), by forward substitution. */
static double of_factor(const double *x, const double *mean, const double l[FEATURES][FEATURES])
{
    double z[FEATURES], sum = 0.5 * FEATURES * log(2 * M_PI);
    for (size_t i = 0; i < FEATURES; i++) {
        z[i] = x[i] - mean[i];
        for (size_t j = 0; j < i; j++) z[i] -= l[i][j] * z[j];
        z[i] /= l[i][i];
        sum += z[i] * z[i] / 2 + log(l[i][i]);
    }
    return sum;
}

/* The factor L from its packed numbers t: first t from index FEATURES on, then all of t backwards, row by row. */
static void factor_of(const double *t, double l[FEATURES][FEATURES])
{
    enum { ALL = FEATURES * (FEATURES + 1) / 2 };
    for (size_t i = 0; i < FEATURES; i++)
        for (size_t j = 0; j < FEATURES; j++) {
            const size_t at = i * FEATURES + j, first = ALL - FEATURES;
            const double number = at < first ? t[FEATURES + at] : t[ALL - 1 - (at - first)];
            l[i][j] = j < i ? number : j == i ? LEAST + exp(number) : 0;
        }
}

static void factor_of_scales(const double *s, double l[FEATURES][FEATURES])
{
    memset(l, 0, sizeof(double[FEATURES][FEATURES]));
    for (size_t i = 0; i < FEATURES; i++) l[i][i] = LEAST + exp(s[i]);
}

/* -ln p and the mean of the outputs `normal` and `normal-full` are those of the formulas. */
START_TEST(distributions_are_outputs)
{
    static const struct {
        const pal_setting *settings;
        int64_t numbers;
        void (*factor)(const double *s, double l[FEATURES][FEATURES]);
    } rows[] = {{plain_normal, 2 * FEATURES, factor_of_scales},
                {full_normal, FEATURES + FEATURES * (FEATURES + 1) / 2, factor_of}};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), -2, 2, "x");
    for (size_t k = 0; k < 2; k++) {
        const size_t numbers = (size_t)rows[k].numbers;
        double want = 0, l[FEATURES][FEATURES];
        pal_model *m = model_of("basic", rows[k].settings, sample);
        decoded = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, rows[k].numbers), -1, 1, "decoded");
        values v = run(m, x, PAL_TRAIN, nll_of), y = run(m, x, PAL_TRAIN, mean_of);
        for (size_t i = 0; i < SAMPLES; i++) {
            const double *a = (const double *)decoded->data + i * numbers;
            rows[k].factor(a + FEATURES, l);
            want += of_factor((const double *)x->data + i * FEATURES, a, l) / SAMPLES;
            for (size_t j = 0; j < FEATURES; j++)
                ck_assert_double_eq(pal_tensor_get(y.value[0], i * FEATURES + j), a[j]);
        }
        ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0), want, 1e-12 * fabs(want));
        free_values(&v);
        free_values(&y);
        pal_tensor_free(decoded);
        pal_model_free(m);
    }
    pal_tensor_free(x);
}
END_TEST

/* ---- The likelihood of the known features --------------------------------------------------------------------- */

static bool is_known[FEATURES];
static pal_var nll_of_known(pal_model *m, pal_var x)
{
    pal_var known[FEATURES];
    for (size_t i = 0; i < FEATURES; i++) known[i] = pal_fill(x.tape, PAL_F64, PAL_SCALAR, is_known[i]);
    return pal_nll_of_known(m, pal_leaf(x.tape, decoded, "decoded"), x, pal_stack(known, FEATURES, 0));
}

static double at(pal_model *m, pal_tensor *x, recording record)
{
    values v = run(m, x, PAL_TRAIN, record);
    const double value = pal_tensor_get(v.value[0], 0);
    free_values(&v);
    return value;
}

/* With independent features, the loss of the known features is the sum over single features. */
START_TEST(known_features_of_recipes_add_up)
{
    static const pal_setting recipes[][4] = {{{"output", "bernoulli"}},
                                             {{"output", "squared"}},
                                             {{"output", "gaussian"}, {"sigma-of", "feature"}},
                                             {{"output", "categorical"}, {"bins", "5"}, {"tied", "no"}},
                                             {{"output", "normal"}, {"tied", "no"}}};
    for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++) {
        pal_model *m = model_of("basic", recipes[k], sample);
        pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), 0, 1, "x");
        decoded = random_tensor(c, PAL_F64,
                                PAL_SHAPE(SAMPLES, FEATURES * (k == 3   ? 5
                                                               : k == 4 ? 2
                                                                        : 1)),
                                -1, 1, "decoded");
        double sum = 0;
        for (size_t i = 0; i < FEATURES; i++) {
            for (size_t j = 0; j < FEATURES; j++) is_known[j] = i == j;
            sum += at(m, x, nll_of_known);
        }
        ck_assert_double_eq_tol(sum, at(m, x, nll_of), 1e-12 * fabs(sum));
        pal_tensor_free(decoded);
        pal_tensor_free(x);
        pal_model_free(m);
    }
}
END_TEST

/* The Cholesky factor of the rows and columns of L L' that belong to known features. Returns their number. */
static size_t factor_of_known(const double l[FEATURES][FEATURES], double own[FEATURES][FEATURES])
{
    size_t n = 0, which[FEATURES];
    for (size_t i = 0; i < FEATURES; i++)
        if (is_known[i]) which[n++] = i;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < FEATURES; k++) sum += l[which[i]][k] * l[which[j]][k];
            for (size_t k = 0; k < j; k++) sum -= own[i][k] * own[j][k];
            own[i][j] = i == j ? sqrt(sum) : sum / own[j][j];
        }
    return n;
}

/* With a full covariance, the known features have the marginal distribution: the matching rows and columns of L L'. */
START_TEST(known_features_have_a_part_of_the_covariance)
{
    enum { NUMBERS = FEATURES + FEATURES * (FEATURES + 1) / 2 };
    pal_model *m = model_of("basic", full_normal, sample);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), -2, 2, "x");
    decoded = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, NUMBERS), -1, 1, "decoded");
    for (unsigned subset = 0; subset < 1u << FEATURES; subset += 7) {
        double want = 0;
        for (size_t i = 0; i < FEATURES; i++) is_known[i] = subset >> i & 1;
        for (size_t s = 0; s < SAMPLES; s++) {
            const double *a = (const double *)decoded->data + s * NUMBERS;
            double l[FEATURES][FEATURES], own[FEATURES][FEATURES] = {{0}}, y[FEATURES] = {0}, mean[FEATURES] = {0};
            factor_of(a + FEATURES, l);
            const size_t n = factor_of_known(l, own);
            for (size_t i = 0, j = 0; i < FEATURES; i++) {
                if (!is_known[i]) continue;
                y[j] = pal_tensor_get(x, s * FEATURES + i);
                mean[j++] = a[i];
            }
            for (size_t i = n; i < FEATURES; i++) own[i][i] = 1 / sqrt(2 * M_PI); /* density 1 for the unused rows */
            want += of_factor(y, mean, own) / SAMPLES;
        }
        ck_assert_double_eq_tol(at(m, x, nll_of_known), want, 1e-12 * (1 + fabs(want)));
    }
    pal_tensor_free(decoded);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* A scale does not fall below sigma-min, even where the decoder's number for it is -1000. */
START_TEST(a_sigma_stops_at_its_least)
{
    pal_model *m = model_of("basic", plain_normal, sample);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, FEATURES), -2, 2, "x");
    decoded = pal_tensor_new(c, PAL_F64, PAL_SHAPE(SAMPLES, 2 * FEATURES));
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) { /* the means are the data */
        pal_tensor_set(decoded, i / FEATURES * 2 * FEATURES + i % FEATURES, pal_tensor_get(x, i));
        pal_tensor_set(decoded, i / FEATURES * 2 * FEATURES + FEATURES + i % FEATURES, -1000);
    }
    values v = run(m, x, PAL_TRAIN, nll_of);
    ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0), FEATURES * (log(LEAST) + 0.5 * log(2 * M_PI)), 1e-12);
    free_values(&v);
    pal_tensor_free(decoded);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* Each mean has the place of its pixel. All log sigmas follow after all means. */
START_TEST(convolutions_give_means_and_then_scales)
{
    pal_model *m = model_of("convolutional",
                            (pal_setting[]){{"channels", "2"}, {"kernel", "3"}, {"output", "normal"}, {0}}, sample);
    fill_parameters(m, 0.8);
    encode_then_decode(m);
    pal_tensor *b = pal_model_parameter_find(m, "decoder/1/b"), *w = pal_model_parameter_find(m, "decoder/1/W");
    ck_assert(pal_shape_equal(b->shape, PAL_SHAPE(2)));
    memset(w->data, 0, pal_tensor_bytes(w));
    pal_tensor_set(b, 0, 0.3), pal_tensor_set(b, 1, -0.4);
    pal_tensor *x = batch_of(m, SAMPLES);
    values v = run(m, x, PAL_TRAIN, loss_of), y = run(m, x, PAL_EVALUATE, pal_model_reconstruct);
    double want = 0, l = 0.01 + exp(-0.4);
    for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
        const double z = (pal_tensor_get(x, i) - 0.3) / l;
        want += (z * z / 2 + log(l) + 0.5 * log(2 * M_PI)) / SAMPLES;
        ck_assert_double_eq_tol(pal_tensor_get(y.value[0], i), 0.3, 1e-15);
    }
    ck_assert_double_eq_tol(pal_tensor_get(v.value[0], 0), want, 1e-12 * want);
    free_values(&v);
    free_values(&y);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* An output activation is applied before the loss and before the mean. */
START_TEST(output_activations_come_first)
{
    agrees(model_of("basic", (pal_setting[]){{"output", "squared"}, {"output-activation", "sigmoid"}, {0}}, sample), 1,
           of_logistic, logistic, 0, 1);
    agrees(model_of("basic", (pal_setting[]){{"output", "squared"}, {"output-activation", "relu"}, {0}}, sample), 1,
           of_rectified, rectified, 0, 1);
    agrees(model_of("basic", (pal_setting[]){{"output-activation", "sigmoid"}, {0}}, sample), 1, binary, logistic, 0,
           1);
}
END_TEST

/* sigma is a parameter, one for all or one per feature, and starts at output-sigma. */
START_TEST(sigma_is_learnt)
{
    static const char *const of[] = {"one", "feature"};
    for (int k = 0; k < 2; k++) {
        const pal_setting settings[] = {{"output", "gaussian"}, {"output-sigma", "0.5"}, {"sigma-of", of[k]}, {0}};
        pal_model *m = model_of("basic", settings, sample);
        pal_tensor *s = pal_model_parameter_find(m, "output/log_sigma");
        ck_assert_ptr_nonnull(s);
        ck_assert_uint_eq(pal_tensor_count(s), k ? FEATURES : 1);
        for (size_t i = 0; i < FEATURES; i++) {
            ck_assert_double_eq(pal_tensor_get(s, k ? i : 0), 0); /* starts at output-sigma */
            sigma[i] = 0.5 * exp(k ? 0.1 * (double)i : 0.3);
        }
        for (size_t i = 0; i < pal_tensor_count(s); i++) pal_tensor_set(s, i, k ? 0.1 * (double)i : 0.3);
        agrees(m, 1, normal, plain, -1, 1);
    }
}
END_TEST

/* At the most likely sigma, which is the root of the mean squared error, the gradient of sigma is 0. */
START_TEST(the_best_sigma_is_the_root_of_the_mean_square)
{
    pal_model *m =
        model_of("basic", (pal_setting[]){{"output", "gaussian"}, {"sigma-of", "one"}, {"hidden", "4"}, {0}}, sample);
    pal_tensor *x = batch_of(m, SAMPLES), *s = pal_model_parameter_find(m, "output/log_sigma");
    values y = run(m, x, PAL_TRAIN, pal_model_reconstruct);
    double squares = 0;
    for (size_t i = 0; i < SAMPLES * FEATURES; i++)
        squares += pow(pal_tensor_get(x, i) - pal_tensor_get(y.value[0], i), 2);
    pal_tensor_set(s, 0, 0.5 * log(squares / (SAMPLES * FEATURES)));
    values g = run_at(m, x, PAL_TRAIN, loss_of, true, (pal_noise){0});
    for (size_t i = 0; i < pal_model_parameter_count(m); i++)
        if (pal_model_parameter(m, i, NULL) == s)
            ck_assert_double_eq_tol(pal_tensor_get(g.value[i + 1], 0), 0, 1e-12);
        else
            ck_assert_double_gt(fabs(pal_tensor_get(g.value[i + 1], 0)), 1e-6);
    free_values(&g);
    free_values(&y);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

static const pal_setting choices[][6] = {
    {{"output", "gaussian"}, {"output-sigma", "0.8"}},
    {{"output", "gaussian"}, {"sigma-of", "one"}},
    {{"output", "gaussian"}, {"sigma-of", "feature"}},
    {{"output", "squared"}, {"output-activation", "sigmoid"}},
    {{"output", "categorical"}, {"bins", "3"}, {"tied", "no"}},
    {{"output", "categorical"}, {"bins", "2"}, {"tied", "no"}, {"binarize", "threshold"}},
    {{"binarize", "dynamic"}},
    {{"output", "normal"}, {"tied", "no"}},
    {{"output", "normal-full"}, {"tied", "no"}, {"sigma-min", "0.3"}},
};

START_TEST(derivatives_are_right)
{
    static const char *const variants[] = {"basic", "denoising", "contractive"};
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++)
        for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
            pal_setting settings[8] = {{"hidden", "4"}};
            memcpy(settings + 1, choices[i], sizeof choices[i]);
            pal_model *m = model_of(variants[v], settings, sample);
            fill_parameters(m, 0.8);
            check_gradients(variants[v], m);
            encode_then_decode(m);
            pal_model_free(m);
        }
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    refused("basic", (pal_setting[]){{"output", "categorical"}, {"tied", "no"}, {0}}, sample, "choose --bins");
    refused("basic", (pal_setting[]){{"output", "categorical"}, {"bins", "1"}, {"tied", "no"}, {0}}, sample,
            "choose --bins");
    refused("basic", (pal_setting[]){{"output", "categorical"}, {"bins", "16"}, {0}}, sample, "choose --tied no");
    refused("basic", (pal_setting[]){{"output-activation", "relu"}, {0}}, sample, "choose canonical");
    refused("basic", (pal_setting[]){{"output", "gaussian"}, {"output-sigma", "0"}, {0}}, sample, "output-sigma");
    refused("basic", (pal_setting[]){{"output", "normal"}, {0}}, sample, "needs 12: choose --tied no");
    refused("basic", (pal_setting[]){{"output", "normal-full"}, {0}}, sample, "needs 27: choose --tied no");
    refused("basic", (pal_setting[]){{"output", "normal-full"}, {"tied", "no"}, {0}}, PAL_SHAPE(28, 28),
            "output normal-full is for up to 500 features, not 784: choose --output normal");
    refused("basic", (pal_setting[]){{"output", "normal"}, {"output-activation", "sigmoid"}, {"tied", "no"}, {0}},
            sample,
            "output-activation sigmoid needs one number per feature, but output normal has more: choose canonical");
    refused(
        "convolutional", (pal_setting[]){{"channels", "2"}, {"output", "normal-full"}, {0}}, PAL_SHAPE(4, 4),
        "is a joint distribution of all features, but convolutions give numbers per feature: choose --output normal");
    refused("basic", (pal_setting[]){{"output", "normal"}, {"sigma-min", "0"}, {"tied", "no"}, {0}}, sample,
            "sigma-min: 0 is not in");
}
END_TEST

Suite *outputs_suite(void)
{
    Suite *suite = suite_create("outputs");
    add_case(suite, "outputs", set_up, tear_down,
             TESTS(recipes_are_their_formulas, distributions_are_outputs, a_sigma_stops_at_its_least,
                   known_features_of_recipes_add_up, known_features_have_a_part_of_the_covariance,
                   convolutions_give_means_and_then_scales, output_activations_come_first, sigma_is_learnt,
                   the_best_sigma_is_the_root_of_the_mean_square, derivatives_are_right, what_does_not_fit_is_refused));
    return suite;
}
