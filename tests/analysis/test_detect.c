/* test_detect.c - tests the detector: scores and contributions where they are known, and what is refused. */
#include <math.h>

#include "analysis/analysis.h"
#include "tests/models/recorded.h"
#include "train/train.h"

Suite *detect_suite(void);

enum { N = 40, D = 5, K = 2 };

static float x[N * D];

static void with_rows(void)
{
    set_up();
    pal_tensor *all = random_tensor(c, PAL_F32, PAL_SHAPE(N, D), 0.05, 0.95, "rows");
    memcpy(x, all->data, sizeof x);
    pal_tensor_free(all);
}

/* The rows as a data set. */
static pal_dataset *set_of(const float *rows, int64_t n)
{
    pal_dataset *set = calloc(1, sizeof *set);
    ck_assert_ptr_nonnull(set);
    *set = (pal_dataset){.sample = PAL_SHAPE(D), .count = n, .features = D, .scale = 1, .name = "rows"};
    set->inputs = pal_tensor_new(c, PAL_F32, PAL_SHAPE(n, D));
    memcpy(set->inputs->data, rows, (size_t)n * D * sizeof *rows);
    return set;
}

static pal_model *f32_model(const char *name, const pal_setting *settings, size_t n)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(c, pal_variant_find(name), settings, n, PAL_SHAPE(D), PAL_F32, 3, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static void put(pal_model *m, const char *name, const double *numbers)
{
    pal_tensor *t = pal_model_parameter_find(m, name);
    ck_assert_msg(t != NULL, "%s", name);
    for (size_t i = 0; i < pal_tensor_count(t); i++) pal_tensor_set(t, i, numbers[i]);
}

static const double mean[D] = {0.5, 0.25, 0.5, 0, 1};

/* A linear model whose code is 2 (x_0 - 0.5) and x_1 - 0.25 + 0.5 (x_2 - 0.5). The reconstruction of features 0 and 1
 * is the first unit halved and the second unit; the others get their mean. */
static pal_model *known_model(void)
{
    const pal_setting two = {"hidden", "2"};
    pal_model *m = f32_model("linear", &two, 1);
    put(m, "input/mean", mean);
    put(m, "encoder/W", (const double[D * K]){2, 0, 0, 1, 0, 0.5, 0, 0, 0, 0});
    put(m, "decoder/W", (const double[K * D]){0.5, 0, 0, 0, 0, 0, 1, 0, 0, 0});
    return m;
}

static pal_detector *detector_of(pal_model *m, pal_detect_options o)
{
    pal_error err = {0};
    o.struct_size = sizeof o;
    pal_detector *d = pal_detector_new(m, &o, &err);
    ck_assert_msg(d != NULL, "%s", err.text);
    return d;
}

static void score_all(pal_detector *d, size_t n, double *score, double *parts)
{
    pal_error err = {0};
    const pal_status status = pal_detector_rows(d, &(pal_detect_rows){.x = x, .n = n}, score, parts, &err);
    ck_assert_msg(!status, "%s", err.text);
}

/* ---- Scores ----------------------------------------------------------------------------------------------------- */

START_TEST(squared_errors_are_known)
{
    double score[N], parts[N * D];
    pal_model *m = known_model();
    pal_detector *d = detector_of(m, (pal_detect_options){.batch = 7});
    ck_assert_int_eq(pal_detector_score(d), PAL_SCORE_SQUARED_ERROR);
    score_all(d, N, score, parts);
    for (size_t i = 0; i < N; i++) {
        const float *r = x + i * D;
        const double two = r[2] - 0.5, three = r[3], four = r[4] - 1.0,
                     want[D] = {0, two * two / 4, two * two, three * three, four * four};
        double sum = 0;
        for (size_t k = 0; k < D; k++) {
            ck_assert_double_eq_tol(parts[i * D + k], want[k], 1e-6);
            sum += parts[i * D + k];
        }
        ck_assert_double_eq(score[i], sum);
    }
    pal_detector_free(d);
    pal_model_free(m);
}
END_TEST

/* The Mahalanobis distance with the inverse of a 2 x 2 covariance, shrunk by the share of the loop. */
START_TEST(latent_distances_are_known)
{
    const double shrink = _i * 0.5;
    double score[N], parts[N * D], h[N][K], m1[K] = {0}, s[3] = {0}, inputs[D] = {0};
    pal_dataset *set = set_of(x, N);
    pal_model *m = known_model();
    pal_detector *d =
        detector_of(m, (pal_detect_options){.score = PAL_SCORE_LATENT, .train = set, .shrink = shrink, .batch = 16});
    score_all(d, N, score, parts);
    for (size_t i = 0; i < N; i++) {
        const float *r = x + i * D;
        h[i][0] = 2 * (r[0] - 0.5), h[i][1] = r[1] - 0.25 + 0.5 * (r[2] - 0.5);
        for (size_t k = 0; k < K; k++) m1[k] += h[i][k] / N;
        for (size_t k = 0; k < D; k++) inputs[k] += (double)r[k] / N;
    }
    for (size_t i = 0; i < N; i++) {
        const double a = h[i][0] - m1[0], b = h[i][1] - m1[1];
        s[0] += a * a / N, s[1] += a * b / N, s[2] += b * b / N;
    }
    const double level = shrink * (s[0] + s[2]) / 2;
    for (int k = 0; k < 3; k++) s[k] *= 1 - shrink;
    s[0] += level, s[2] += level;
    const double det = s[0] * s[2] - s[1] * s[1];
    for (size_t i = 0; i < N; i++) {
        const double a = h[i][0] - m1[0], b = h[i][1] - m1[1], g0 = (s[2] * a - s[1] * b) / det,
                     g1 = (s[0] * b - s[1] * a) / det, want = a * g0 + b * g1;
        const float *r = x + i * D;
        const double each[D] = {2 * g0 * (r[0] - inputs[0]), g1 * (r[1] - inputs[1]), 0.5 * g1 * (r[2] - inputs[2]), 0,
                                0};
        double sum = 0;
        ck_assert_double_eq_tol(score[i], want, 1e-4 * (1 + want));
        for (size_t k = 0; k < D; k++) {
            ck_assert_double_eq_tol(parts[i * D + k], each[k], 1e-4 * (1 + want));
            sum += parts[i * D + k];
        }
        ck_assert_double_eq_tol(sum, score[i], 1e-4 * (1 + want)); /* the encoder is linear */
    }
    ck_assert_double_eq(pal_detector_ridge(d), 0);
    pal_detector_free(d);
    pal_model_free(m);
    pal_dataset_free(set);
}
END_TEST

/* Two units with the same weights: the covariance is singular. The distance is then that of one of them. */
START_TEST(a_singular_covariance_gets_a_ridge)
{
    double score[N], one[N];
    pal_dataset *set = set_of(x, N);
    pal_model *m = known_model();
    put(m, "encoder/W", (const double[D * K]){1, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    pal_detector *d = detector_of(m, (pal_detect_options){.score = PAL_SCORE_LATENT, .train = set});
    score_all(d, N, score, NULL);
    ck_assert_double_gt(pal_detector_ridge(d), 0);
    put(m, "encoder/W", (const double[D * K]){1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    pal_detector *e = detector_of(m, (pal_detect_options){.score = PAL_SCORE_LATENT, .train = set});
    score_all(e, N, one, NULL);
    for (size_t i = 0; i < N; i++) ck_assert_double_eq_tol(score[i], one[i], 1e-3 * (1 + one[i]));
    pal_detector_free(d);
    pal_detector_free(e);
    pal_model_free(m);
    pal_dataset_free(set);
}
END_TEST

static const struct {
    const char *model, *output;
    pal_setting more;
} likelihoods[] = {
    {"basic", "bernoulli", {"tied", "yes"}},        {"basic", "gaussian", {"output-sigma", "0.3"}},
    {"basic", "categorical", {"bins", "4"}},        {"basic", "normal", {"sigma-min", "0.1"}},
    {"basic", "normal-full", {"sigma-min", "0.1"}}, {"basic", "bernoulli", {"binarize", "threshold"}},
};

/* The mean over samples is the loss, and the parts add up to the score. */
START_TEST(likelihoods_add_up_to_the_loss)
{
    pal_error err = {0};
    pal_figures figures;
    double score[N], parts[N * D], total = 0;
    const pal_setting settings[] = {
        {"hidden", "3"}, {"output", likelihoods[_i].output}, {"tied", "no"}, likelihoods[_i].more};
    pal_model *m = f32_model(likelihoods[_i].model, settings, 4);
    pal_dataset *set = set_of(x, N);
    ck_assert_int_eq(pal_evaluate(m, set, NULL, &figures, &err), PAL_OK);
    pal_detector *d = detector_of(m, (pal_detect_options){.score = PAL_SCORE_LIKELIHOOD, .batch = 32});
    score_all(d, N, score, parts);
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t k = 0; k < D; k++) sum += parts[i * D + k];
        ck_assert_double_eq(sum, score[i]);
        total += score[i] / N;
    }
    ck_assert_double_eq_tol(total, figures.loss, 1e-4);
    pal_detector_free(d);
    pal_dataset_free(set);
    pal_model_free(m);
}
END_TEST

/* The joint normal distribution, split by r_j (P r)_j: with a diagonal factor it is the split of independent numbers.
 * Both have the decoder's mean 0 and scale 1 where all weights are 0. */
START_TEST(a_joint_distribution_is_split_as_an_independent_one)
{
    double score[2][N], parts[2][N * D];
    const char *const outputs[2] = {"normal", "normal-full"};
    for (size_t k = 0; k < 2; k++) {
        const pal_setting settings[] = {{"hidden", "3"}, {"output", outputs[k]}, {"tied", "no"}};
        pal_model *m = f32_model("basic", settings, 3);
        const char *name;
        for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
            pal_tensor *t = pal_model_parameter(m, i, &name);
            memset(t->data, 0, pal_tensor_bytes(t));
        }
        pal_detector *d = detector_of(m, (pal_detect_options){.score = PAL_SCORE_LIKELIHOOD});
        score_all(d, N, score[k], parts[k]);
        pal_detector_free(d);
        pal_model_free(m);
    }
    for (size_t i = 0; i < N * D; i++) ck_assert_double_eq_tol(parts[0][i], parts[1][i], 1e-5);
    for (size_t i = 0; i < N; i++) ck_assert_double_eq_tol(score[0][i], score[1][i], 1e-5);
}
END_TEST

/* Minus what pal_importance returns, also for rows that come in pieces; split by the squared error. */
START_TEST(bounds_are_those_of_importance_sampling)
{
    pal_error err = {0};
    pal_importance_result result;
    double each[N], score[N], parts[N * D], error[N], squares[N * D], piece[N];
    const pal_setting settings[] = {{"hidden", "2"}, {"layers", "2"}, {"output", "gaussian"}};
    pal_model *m = f32_model("variational", settings, 3);
    pal_dataset *set = set_of(x, N);
    const pal_importance_options o = {.struct_size = sizeof o, .draws = 20, .seed = 4, .each = each};
    ck_assert_msg(!pal_importance(m, set, &o, &result, &err), "%s", err.text);
    const pal_detect_options of = {.score = PAL_SCORE_BOUND, .draws = 20, .seed = 4};
    pal_detector *d = detector_of(m, of), *e = detector_of(m, (pal_detect_options){.score = PAL_SCORE_SQUARED_ERROR});
    score_all(d, N, score, parts);
    score_all(e, N, error, squares);
    for (size_t i = 0; i < N; i++) ck_assert_double_eq(score[i], -each[i]);
    for (size_t i = 0; i < N * D; i++) ck_assert_double_eq(parts[i], squares[i]);
    for (size_t i = 0; i < N; i += 13) {
        const size_t n = N - i < 13 ? N - i : 13;
        const pal_detect_rows rows = {.x = x + i * D, .n = n, .first = i};
        ck_assert_int_eq(pal_detector_rows(d, &rows, piece + i, NULL, &err), PAL_OK);
    }
    for (size_t i = 0; i < N; i++) ck_assert_double_eq(piece[i], score[i]);
    pal_detector_free(d);
    pal_detector_free(e);
    pal_dataset_free(set);
    pal_model_free(m);
}
END_TEST

/* A feature that is not known has no part: the squared error, and of a bound the sample is refused. */
START_TEST(missing_features_have_no_part)
{
    pal_error err = {0};
    float known[N * D];
    double score[N], parts[N * D], all[N], all_parts[N * D], of_set[N];
    for (size_t i = 0; i < N * D; i++) known[i] = i % 4 == 1 ? 0 : 1;
    pal_model *m = known_model();
    pal_dataset *set = set_of(x, N);
    set->known = pal_tensor_new(c, PAL_U8, PAL_SHAPE(N, D));
    for (size_t i = 0; i < N * D; i++) ((uint8_t *)set->known->data)[i] = known[i] > 0;
    pal_detector *d = detector_of(m, (pal_detect_options){.score = PAL_SCORE_SQUARED_ERROR, .batch = 7});
    const pal_detect_rows rows = {.x = x, .known = known, .n = N};
    ck_assert_int_eq(pal_detector_rows(d, &rows, score, parts, &err), PAL_OK);
    ck_assert_int_eq(pal_detector_data(d, set, of_set, NULL, NULL, &err), PAL_OK);
    score_all(d, N, all, all_parts);
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t k = i * D; k < (i + 1) * D; k++) {
            ck_assert_double_eq(parts[k], known[k] > 0 ? all_parts[k] : 0);
            sum += parts[k];
        }
        ck_assert_double_eq(score[i], sum);
        ck_assert_double_eq(of_set[i], sum);
    }
    pal_detector_free(d);
    pal_model_free(m);
    const pal_setting settings[] = {{"hidden", "2"}, {"layers", "2"}, {"output", "gaussian"}};
    m = f32_model("variational", settings, 3);
    d = detector_of(m, (pal_detect_options){.score = PAL_SCORE_BOUND, .draws = 2});
    ck_assert_int_eq(pal_detector_rows(d, &rows, score, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "sample 0 has a missing cell") != NULL, "%s", err.text);
    pal_detector_free(d);
    pal_dataset_free(set);
    pal_model_free(m);
}
END_TEST

static int stop(double done, void *user)
{
    *(double *)user = done;
    return done > 0.5;
}

START_TEST(a_data_set_has_the_scores_of_its_rows)
{
    pal_error err = {0};
    double score[N], all[N], done = 0;
    pal_model *m = known_model();
    pal_dataset *set = set_of(x, N), *one = set_of(x, 1);
    pal_detector *d = detector_of(m, (pal_detect_options){.batch = 8});
    score_all(d, N, score, NULL);
    ck_assert_int_eq(pal_detector_data(d, set, all, NULL, NULL, &err), PAL_OK);
    for (size_t i = 0; i < N; i++) ck_assert_double_eq(all[i], score[i]);
    ck_assert_int_eq(pal_detector_data(d, one, all, NULL, NULL, &err), PAL_OK);
    ck_assert_double_eq(all[0], score[0]);
    ck_assert_int_eq(pal_detector_data(d, set, all, stop, &done, &err), PAL_ERR_STOPPED);
    ck_assert_double_eq(done, 1);
    ck_assert_int_eq(pal_detector_rows(d, &(pal_detect_rows){.x = x}, all, NULL, &err), PAL_OK);
    pal_detector_free(d);
    pal_dataset_free(set);
    pal_dataset_free(one);
    pal_model_free(m);
}
END_TEST

START_TEST(an_overflow_is_an_infinite_score)
{
    double score[N];
    pal_model *m = known_model();
    put(m, "encoder/W", (const double[D * K]){3e38, 3e38, 0, 0, 0, 0, 0, 0, 0, 0});
    put(m, "decoder/W", (const double[K * D]){3e38, 0, 0, 0, 0, -3e38, 1, 0, 0, 0});
    pal_detector *d = detector_of(m, (pal_detect_options){.batch = 8});
    score_all(d, N, score, NULL);
    for (size_t i = 0; i < N; i++) ck_assert(isinf(score[i]) && score[i] > 0);
    pal_detector_free(d);
    pal_model_free(m);
}
END_TEST

START_TEST(the_score_fits_the_model)
{
    const pal_setting small[] = {{"hidden", "2"}}, wide[] = {{"hidden", "5"}}, layers[] = {{"layers", "9,4"}},
                      random[] = {{"hidden", "2"}, {"output", "gaussian"}};
    const struct {
        const char *model;
        const pal_setting *settings;
        size_t n;
        pal_score score;
    } rows[] = {{"linear", small, 1, PAL_SCORE_SQUARED_ERROR}, {"linear", wide, 1, PAL_SCORE_LATENT},
                {"basic", small, 1, PAL_SCORE_SQUARED_ERROR},  {"basic", wide, 1, PAL_SCORE_LATENT},
                {"deep", layers, 1, PAL_SCORE_SQUARED_ERROR},  {"variational", random, 2, PAL_SCORE_LIKELIHOOD}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_model *m = f32_model(rows[i].model, rows[i].settings, rows[i].n);
        ck_assert_int_eq(pal_score_of(m), rows[i].score);
        pal_model_free(m);
    }
    for (int k = PAL_SCORE_SQUARED_ERROR; k < PAL_SCORES; k++) {
        ck_assert_int_eq(pal_score_find(pal_score_name((pal_score)k)), k);
        ck_assert_ptr_nonnull(pal_score_parts((pal_score)k));
    }
    ck_assert(!pal_score_name(PAL_SCORES) && !pal_score_parts(PAL_SCORES));
    ck_assert_int_eq(pal_score_find("other"), PAL_SCORES);
    ck_assert_int_eq(pal_score_find(NULL), PAL_SCORES);
}
END_TEST

static void refuse(pal_model *m, pal_detect_options o, const char *says)
{
    pal_error err = {0};
    o.struct_size = sizeof o;
    ck_assert_ptr_null(pal_detector_new(m, &o, &err));
    ck_assert_msg(err.status && strstr(err.text, says), "%s, not %s", err.text, says);
}

START_TEST(what_does_not_fit_is_refused)
{
    float same[N * D];
    for (size_t i = 0; i < N * D; i++) same[i] = 0.5F;
    pal_dataset *set = set_of(x, N), *constant = set_of(same, N);
    pal_model *m = known_model();
    refuse(m, (pal_detect_options){.score = PAL_SCORE_LIKELIHOOD}, "choose the score squared-error");
    refuse(m, (pal_detect_options){.score = PAL_SCORE_BOUND}, "is not random");
    refuse(m, (pal_detect_options){.score = PAL_SCORE_LATENT}, "training samples");
    refuse(m, (pal_detect_options){.score = PAL_SCORE_LATENT, .train = set, .shrink = 1.5}, "0 to 1");
    refuse(m, (pal_detect_options){.score = PAL_SCORE_LATENT, .train = set, .shrink = NAN}, "0 to 1");
    refuse(m, (pal_detect_options){.score = PAL_SCORE_LATENT, .train = constant}, "the same code");
    refuse(m, (pal_detect_options){.score = PAL_SCORES}, "no score");
    refuse(m, (pal_detect_options){.batch = -1}, "1 or more");
    pal_dataset_free(set);
    pal_dataset_free(constant);
    pal_model_free(m);
}
END_TEST

Suite *detect_suite(void)
{
    Suite *s = suite_create("detect");
    TCase *t =
        add_case(s, "scores", with_rows, tear_down,
                 TESTS(squared_errors_are_known, a_singular_covariance_gets_a_ridge,
                       a_joint_distribution_is_split_as_an_independent_one, bounds_are_those_of_importance_sampling,
                       missing_features_have_no_part, a_data_set_has_the_scores_of_its_rows,
                       an_overflow_is_an_infinite_score, the_score_fits_the_model, what_does_not_fit_is_refused));
    tcase_add_loop_test(t, latent_distances_are_known, 0, 3);
    tcase_add_loop_test(t, likelihoods_add_up_to_the_loss, 0, (int)(sizeof likelihoods / sizeof *likelihoods));
    return s;
}
