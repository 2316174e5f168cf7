/* test_one_class.c - tests one-class detection: the area under the ROC curve, and the errors of a linear autoencoder,
 * which are the residuals of principal components. */
#include <math.h>
#include <string.h>

#include "tests/testing.h"
#include "analysis/analysis.h"
#include "train/train.h"

Suite *one_class_suite(void);

/* ---- The area ------------------------------------------------------------------------------------------------- */

static double uniform(const char *stream, size_t i)
{
    double u;
    pal_noise_uniform((pal_noise){.seed = 5}, stream, i, 1, &u);
    return u;
}

/* Areas computed by hand, with ties and infinite scores. A NAN or an empty list gives NAN. */
START_TEST(area_of_known_scores)
{
    static const struct {
        double negative[4], positive[4], area;
        size_t n, m;
    } rows[] = {
        {{1, 2, 3}, {4, 5}, 1, 3, 2},
        {{4, 5}, {1, 2, 3}, 0, 2, 3},
        {{1, 1, 1}, {1, 1}, 0.5, 3, 2},
        {{0.1, 0.4, 0.35, 0.8}, {0.35, 0.9}, 0.6875, 4, 2}, /* 0.35 is above one and equal to one; 0.9 is above four */
        {{-INFINITY, 0}, {INFINITY, 0}, 0.875, 2, 2},
        {{3}, {2}, 0, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double negative[4], positive[4];
        memcpy(negative, rows[i].negative, sizeof negative);
        memcpy(positive, rows[i].positive, sizeof positive);
        ck_assert_double_eq(pal_auc(negative, rows[i].n, positive, rows[i].m), rows[i].area);
    }
    double a[] = {1, NAN}, b[] = {2};
    ck_assert(isnan(pal_auc(a, 2, b, 1)) && isnan(pal_auc(b, 1, a, 2)));
    ck_assert(isnan(pal_auc(NULL, 0, b, 1)) && isnan(pal_auc(b, 1, NULL, 0)));
}
END_TEST

/* Compares the area with a count over all pairs, with many ties and with none. A tie counts one half. */
START_TEST(area_is_the_share_of_pairs)
{
    enum { N = 173, M = 59 };
    for (int steps = 1; steps <= 1000000; steps *= 10) {
        double negative[N], positive[M], pairs = 0;
        for (size_t i = 0; i < N; i++) negative[i] = floor(uniform("negative", i) * steps);
        for (size_t i = 0; i < M; i++) positive[i] = floor(sqrt(uniform("positive", i)) * steps);
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < M; k++)
                pairs += positive[k] > negative[i] ? 1 : positive[k] == negative[i] ? 0.5 : 0;
        const double area = pal_auc(negative, N, positive, M);
        ck_assert_double_eq_tol(area, pairs / N / M, 1e-15);
        ck_assert_double_eq_tol(pal_auc(positive, M, negative, N), 1 - area, 1e-15);
    }
}
END_TEST

/* ---- The linear autoencoder ----------------------------------------------------------------------------------- */

enum { T = 240, D = 8, K = 3, TURNS = 60 };

/* Two classes in turn. Each is in a space of K dimensions of its own, with its own mean, and noise is added. */
static pal_dataset *make_set(pal_context *c)
{
    pal_dataset *set = calloc(1, sizeof *set);
    ck_assert_ptr_nonnull(set);
    *set = (pal_dataset){.sample = PAL_SHAPE(D), .count = T, .features = D, .classes = 2, .scale = 1, .name = "two"};
    set->inputs = pal_tensor_new(c, PAL_F32, PAL_SHAPE(T, D));
    set->labels = pal_tensor_new(c, PAL_U8, PAL_SHAPE(T));
    for (size_t i = 0; i < T; i++) {
        const size_t class = i % 2;
        ((uint8_t *)set->labels->data)[i] = (uint8_t) class;
        for (size_t j = 0; j < D; j++) {
            double x = 0.2 * (double)(j + class) + 0.1 * uniform("noise", i * D + j);
            for (size_t k = 0; k < K; k++)
                x += (uniform("code", i * K + k) - 0.5) * (uniform("directions", (class * K + k) * D + j) - 0.5);
            pal_tensor_set(set->inputs, i * D + j, x);
        }
    }
    return set;
}

/* The leading K principal directions of centred rows x [n,D], by orthogonal iteration. */
static void principal(const double *x, size_t n, double u[K * D])
{
    for (size_t i = 0; i < K * D; i++) u[i] = uniform("start", i) - 0.5;
    for (int turn = 0; turn < TURNS; turn++) {
        double next[K * D] = {0};
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < K; k++) {
                double h = 0;
                for (size_t j = 0; j < D; j++) h += x[i * D + j] * u[k * D + j];
                for (size_t j = 0; j < D; j++) next[k * D + j] += h * x[i * D + j];
            }
        for (size_t k = 0; k < K; k++) { /* Gram-Schmidt */
            double norm = 0;
            for (size_t l = 0; l < k; l++) {
                double h = 0;
                for (size_t j = 0; j < D; j++) h += next[k * D + j] * u[l * D + j];
                for (size_t j = 0; j < D; j++) next[k * D + j] -= h * u[l * D + j];
            }
            for (size_t j = 0; j < D; j++) norm += next[k * D + j] * next[k * D + j];
            for (size_t j = 0; j < D; j++) u[k * D + j] = next[k * D + j] / sqrt(norm);
        }
    }
}

/* out[i] is the squared residual of sample i after projection onto the principal directions of the class. */
static void residuals(const pal_dataset *one, const pal_dataset *set, double out[T])
{
    double x[T * D], mean[D] = {0}, u[K * D];
    const size_t n = (size_t)one->count;
    for (size_t i = 0; i < n * D; i++) mean[i % D] += pal_tensor_get(one->inputs, i) / (double)n;
    for (size_t i = 0; i < n * D; i++) x[i] = pal_tensor_get(one->inputs, i) - mean[i % D];
    principal(x, n, u);
    for (size_t i = 0; i < T; i++) {
        double r[D];
        for (size_t j = 0; j < D; j++) r[j] = pal_tensor_get(set->inputs, i * D + j) - mean[j];
        for (size_t k = 0; k < K; k++) {
            double h = 0;
            for (size_t j = 0; j < D; j++) h += r[j] * u[k * D + j];
            for (size_t j = 0; j < D; j++) r[j] -= h * u[k * D + j];
        }
        out[i] = 0;
        for (size_t j = 0; j < D; j++) out[i] += r[j] * r[j];
    }
}

static pal_model *trained(pal_context *c, const pal_dataset *one)
{
    pal_error err = {0};
    pal_train_result result;
    const pal_setting settings[] = {{"hidden", "3"}, {"solve", "svd"}};
    pal_model *m = pal_model_new(c, pal_variant_find("linear"), settings, 2, one->sample, PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const pal_train_options o = {.struct_size = sizeof o, .epochs = 1, .batch = 16, .seed = 1};
    ck_assert_msg(!pal_train(m, one, &o, &result, &err), "%s", err.text);
    return m;
}

static double area(const double score[T], size_t class)
{
    double own[T], others[T];
    size_t n = 0, m = 0;
    for (size_t i = 0; i < T; i++) *(i % 2 == class ? &own[n++] : &others[m++]) = score[i];
    return pal_auc(own, n, others, m);
}

START_TEST(linear_scores_are_the_residuals_of_principal_components)
{
    const size_t class = (size_t)_i;
    pal_error err = {0};
    pal_context *c = context_with(1);
    pal_dataset *set = make_set(c);
    uint32_t rows[T / 4]; /* half of the class; the other half is not seen in training */
    for (uint32_t i = 0; i < T / 4; i++) rows[i] = 2 * i + (uint32_t) class;
    pal_dataset *one = pal_dataset_select(set, rows, T / 4, &err);
    ck_assert_msg(one != NULL, "%s", err.text);
    pal_model *m = trained(c, one);
    pal_workspace *workspace = pal_workspace_new(m, NULL, &err);
    ck_assert_msg(workspace != NULL, "%s", err.text);
    const float *x = set->inputs->data;
    float y[T * D];
    double score[T] = {0}, want[T];
    ck_assert_int_eq(pal_reconstruct(m, workspace, x, T, y), PAL_OK);
    for (size_t i = 0; i < T * D; i++) score[i / D] += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
    residuals(one, set, want);
    for (size_t i = 0; i < T; i++) ck_assert_double_eq_tol(score[i] / want[i], 1, 1e-4);
    ck_assert_double_eq_tol(area(score, class), area(want, class), 1e-3);
    ck_assert_double_gt(area(score, class), 0.95);
    pal_workspace_free(workspace);
    pal_model_free(m);
    pal_dataset_free(one);
    pal_dataset_free(set);
    pal_context_free(c);
}
END_TEST

Suite *one_class_suite(void)
{
    Suite *s = suite_create("one_class");
    TCase *t = tcase_create("one_class");
    tcase_add_test(t, area_of_known_scores);
    tcase_add_test(t, area_is_the_share_of_pairs);
    tcase_add_loop_test(t, linear_scores_are_the_residuals_of_principal_components, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
