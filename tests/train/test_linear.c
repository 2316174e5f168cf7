/* test_linear.c - tests the linear autoencoder against the singular value decomposition of the data, trained by descent
 * and solved in closed form. */
#include <math.h>

#include "tests/files.h"
#include "tests/testing.h"
#include "train/internal.h"

Suite *linear_suite(void);

enum { ALL = 120, T = 100, D = 9, K = 3 }; /* the training split is five sixths */

static pal_context *context;
static pal_dataset *data;

/* The samples are correlated, and their mean is not 0. */
static void set_up(void)
{
    pal_error err = {0};
    context = context_with(1);
    pal_tensor *z = random_tensor(context, PAL_F32, PAL_SHAPE(ALL, D), -1, 1, "z"),
               *mix = random_tensor(context, PAL_F32, PAL_SHAPE(D, D), -1, 1, "mix"),
               *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(ALL, D));
    for (size_t i = 0; i < ALL; i++)
        for (size_t j = 0; j < D; j++) {
            double sum = 0.3 * (double)j;
            for (size_t k = 0; k < D; k++)
                sum += pal_tensor_get(z, i * D + k) * pal_tensor_get(mix, k * D + j) / (double)(k + 1);
            pal_tensor_set(x, i * D + j, sum);
        }
    const char *path = path_of("linear.npy");
    ck_assert_int_eq(pal_npy_write(x, path, &err), PAL_OK);
    data = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data && data->count == T, "%s", err.text);
    pal_tensor_free(z);
    pal_tensor_free(mix);
    pal_tensor_free(x);
}

static void tear_down(void)
{
    pal_dataset_free(data);
    pal_context_free(context);
}

static pal_model *trained(const char *variant, const pal_setting *settings, size_t n, int64_t epochs, double rate)
{
    pal_error err = {0};
    pal_train_result result;
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, PAL_SHAPE(D), PAL_F64, 4, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "cosine", .learning_rate = rate, .final_rate = rate / 100};
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = epochs, .batch = T, .seed = 1, .optimizer = &adam, .schedule = &schedule};
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
    return m;
}

static double error_of(pal_model *m)
{
    pal_figures figures;
    pal_error err = {0};
    ck_assert_msg(!pal_evaluate(m, data, NULL, &figures, &err), "%s", err.text);
    return figures.squared_error;
}

/* The centred samples as doubles, and their mean. */
static void centred(double x[T * D], double mean[D])
{
    pal_error err = {0};
    ck_assert_int_eq(pal_dataset_mean(data, PAL_F64, mean, &err), PAL_OK);
    for (size_t i = 0; i < T; i++)
        for (size_t j = 0; j < D; j++) x[i * D + j] = pal_tensor_get(data->inputs, i * D + j) - mean[j];
}

/* The squared singular values of (x - mu) / sqrt(T) are the eigenvalues of the covariance, and the directions are the
 * same. */
START_TEST(samples_over_the_root_of_their_number_have_the_same_subspace)
{
    double x[T * D], mean[D], s[D], vt[D * D], variance[D], directions[D * D], sum[D] = {0};
    pal_error err = {0};
    centred(x, mean);
    for (size_t i = 0; i < T; i++)
        for (size_t j = 0; j < D; j++) sum[j] += x[i * D + j];
    for (size_t j = 0; j < D; j++) ck_assert_double_eq_tol(sum[j], 0, 1e-12);
    for (size_t i = 0; i < T * D; i++) x[i] /= sqrt(T);
    ck_assert_int_eq(palt__svd(context, T, D, x, s, vt, &err), PAL_OK);
    ck_assert_int_eq(palt__principal_directions(context, data, variance, directions, &err), PAL_OK);
    for (size_t k = 0; k < D; k++) {
        double cosine = 0;
        for (size_t j = 0; j < D; j++) cosine += vt[k * D + j] * directions[k * D + j];
        ck_assert_double_eq_tol(s[k] * s[k] / variance[k], 1, 1e-10);
        ck_assert_double_eq_tol(fabs(cosine), 1, 1e-10);
    }
}
END_TEST

/* The squared error of the closed form is the sum of the variances that the code drops. */
START_TEST(the_closed_form_leaves_the_variance_of_what_it_drops)
{
    double variance[D], directions[D * D], left = 0;
    pal_error err = {0};
    ck_assert_int_eq(palt__principal_directions(context, data, variance, directions, &err), PAL_OK);
    for (size_t k = K; k < D; k++) left += variance[k];
    for (int tied = 0; tied < 2; tied++) {
        pal_model *m = trained(
            "linear", (pal_setting[]){{"hidden", "3"}, {"solve", "svd"}, {"tied", tied ? "yes" : "no"}}, 3, 1, 0.1);
        ck_assert_double_eq_tol(error_of(m) / left, 1, 1e-10);
        pal_model_free(m);
    }
    pal_model *whole = trained("linear", (pal_setting[]){{"hidden", "12"}, {"solve", "svd"}}, 2, 1, 0.1);
    ck_assert_double_eq_tol(error_of(whole), 0, 1e-20); /* more units than features */
    pal_model_free(whole);
}
END_TEST

/* With fewer samples than features the samples are decomposed, not their covariance: the same variances, and the same
 * projection onto the first k directions. n samples have n - 1 directions. */
START_TEST(few_samples_have_the_directions_of_their_covariance)
{
    enum { N = 6 };
    double mean[D], c[D * D] = {0}, full[D], all[D * D], variance[N], directions[N * D], left = 0;
    pal_error err = {0};
    ck_assert_int_eq(pal_dataset_limit(data, N), PAL_OK);
    ck_assert_int_eq(pal_dataset_mean(data, PAL_F64, mean, &err), PAL_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D * D; j++)
            c[j] += (pal_tensor_get(data->inputs, i * D + j / D) - mean[j / D]) *
                    (pal_tensor_get(data->inputs, i * D + j % D) - mean[j % D]) / N;
    ck_assert_int_eq(palt__svd(context, D, D, c, full, all, &err), PAL_OK);
    ck_assert_int_eq(palt__principal_directions(context, data, variance, directions, &err), PAL_OK);
    ck_assert_double_le(variance[N - 1], 1e-25 * variance[0]);
    double difference[D * D] = {0}; /* of the two projections onto the first k directions */
    for (size_t k = 0; k < N - 1; k++) {
        ck_assert_double_eq_tol(variance[k] / full[k], 1, 1e-10);
        for (size_t j = 0; j < D * D; j++) {
            difference[j] += directions[k * D + j / D] * directions[k * D + j % D];
            difference[j] -= all[k * D + j / D] * all[k * D + j % D];
            ck_assert_double_eq_tol(difference[j], 0, 1e-9);
        }
    }
    for (size_t k = K; k < N; k++) left += variance[k];
    for (int whole = 0; whole < 2; whole++) {
        const pal_setting settings[] = {{"hidden", whole ? "12" : "3"}, {"solve", "svd"}};
        pal_model *m = pal_model_new(context, pal_variant_find("linear"), settings, 2, PAL_SHAPE(D), PAL_F64, 4, &err);
        ck_assert(m && !palt__measure_statistics(m, data, &err) && !palt__solve(m, data, &err));
        ck_assert_double_eq_tol(error_of(m), whole ? 0 : left, 1e-10 * left);
        pal_model_free(m);
    }
}
END_TEST

/* The covariance of 4000 features would take minutes and 128 MB. */
START_TEST(few_samples_of_many_features_take_no_time)
{
    enum { N = 5, WIDE = 4000 };
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, PAL_F64, PAL_SHAPE(N + 1, WIDE), -1, 1, "wide");
    ck_assert_int_eq(pal_npy_write(x, path_of("wide.npy"), &err), PAL_OK);
    pal_dataset *wide = pal_dataset_open(context, path_of("wide.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert(wide && wide->count == N);
    const pal_setting settings[] = {{"hidden", "4"}, {"solve", "svd"}};
    pal_model *m = pal_model_new(context, pal_variant_find("linear"), settings, 2, wide->sample, PAL_F64, 4, &err);
    pal_figures figures;
    ck_assert(m && !palt__measure_statistics(m, wide, &err) && !palt__solve(m, wide, &err));
    ck_assert_msg(!pal_evaluate(m, wide, NULL, &figures, &err), "%s", err.text);
    ck_assert_double_le(figures.squared_error, 1e-20 * WIDE); /* 4 directions hold 5 samples */
    pal_model_free(m);
    pal_dataset_free(wide);
    pal_tensor_free(x);
}
END_TEST

/* With W = U S^-1, the units of the code have variance 1 and are not correlated. */
START_TEST(the_closed_form_has_a_white_code)
{
    double x[T * D], mean[D];
    pal_model *m = trained("linear", (pal_setting[]){{"hidden", "3"}, {"solve", "svd"}}, 2, 1, 0.1);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    const double *stored = pal_model_parameter_find(m, "input/mean")->data;
    centred(x, mean);
    for (size_t j = 0; j < D; j++) ck_assert_double_eq_tol(stored[j], mean[j], 1e-15);
    for (size_t a = 0; a < K; a++)
        for (size_t b = 0; b < K; b++) {
            double covariance = 0;
            for (size_t i = 0; i < T; i++) {
                double p = 0, q = 0;
                for (size_t j = 0; j < D; j++) {
                    p += x[i * D + j] * pal_tensor_get(w, j * K + a);
                    q += x[i * D + j] * pal_tensor_get(w, j * K + b);
                }
                covariance += p * q / T;
            }
            ck_assert_double_eq_tol(covariance, a == b, 1e-10);
        }
    pal_model_free(m);
}
END_TEST

/* Gradient descent reaches the error of the closed form, and never a smaller one. */
START_TEST(descent_comes_to_the_closed_form)
{
    pal_model *solved = trained("linear", (pal_setting[]){{"hidden", "3"}, {"solve", "svd"}}, 2, 1, 0.1),
              *descended = trained("linear", (pal_setting[]){{"hidden", "3"}}, 1, 4000, 0.02);
    const double best = error_of(solved), come = error_of(descended);
    ck_assert_double_ge(come, best * (1 - 1e-12));
    ck_assert_double_le(come, best * 1.001);
    pal_model_free(solved);
    pal_model_free(descended);
}
END_TEST

/* With a linear decoder, k numbers span k dimensions (plus a mean), whatever the encoder is. So no encoder can be
 * better. */
START_TEST(no_encoder_with_a_linear_decoder_beats_it)
{
    /* Three rectified units need the push of the mean to stay above 0 for every sample. */
    static const struct {
        const char *name, *bias;
    } activations[] = {{"sigmoid", "mean"}, {"tanh", "mean"}, {"relu", "zero"}, {"softplus", "mean"}};
    pal_model *solved = trained("linear", (pal_setting[]){{"hidden", "3"}, {"solve", "svd"}}, 2, 1, 0.1);
    const double best = error_of(solved);
    for (size_t a = 0; a < sizeof activations / sizeof *activations; a++) {
        const pal_setting settings[] = {{"hidden", "3"},
                                        {"activation", activations[a].name},
                                        {"output", "squared"},
                                        {"tied", "no"},
                                        {"output-bias", activations[a].bias}};
        pal_model *m = trained("basic", settings, 5, 400, 0.05);
        ck_assert_double_ge(error_of(m), best * (1 - 1e-9));
        ck_assert_double_le(error_of(m), 8 * best); /* it has learnt something */
        pal_model_free(m);
    }
    pal_model_free(solved);
}
END_TEST

/* The steps of the proof in docs/lectures.md. For K orthonormal rows q of a decoder, with the encoder q', the squared
 * error is the sum of all variances minus sum_i variance_i p_i, where p_i = ||q u_i||^2 is the share of direction i
 * that the code keeps. The shares are from 0 to 1 and add up to K, so the K leading variances are the most that it
 * keeps. */
START_TEST(a_code_of_k_numbers_keeps_k_shares_of_the_directions)
{
    double variance[D], directions[D * D], all = 0, leading = 0, q[K][D];
    pal_error err = {0};
    ck_assert_int_eq(palt__principal_directions(context, data, variance, directions, &err), PAL_OK);
    for (size_t i = 0; i < D; i++) all += variance[i], leading += i < K ? variance[i] : 0;
    pal_model *m = trained("linear", (pal_setting[]){{"hidden", "3"}, {"solve", "svd"}, {"tied", "yes"}}, 3, 1, 0.1);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    for (uint64_t draw = 0; draw < 20; draw++) {
        pal_noise_normal((pal_noise){.seed = draw}, "q", 0, K * D, q[0]);
        for (size_t a = 0; a < K; a++)
            for (size_t b = 0; b <= a; b++) { /* Gram and Schmidt; b = a normalises */
                double dot = 0;
                for (size_t j = 0; j < D; j++) dot += q[a][j] * q[b][j];
                for (size_t j = 0; j < D; j++) q[a][j] = a == b ? q[a][j] / sqrt(dot) : q[a][j] - dot * q[b][j];
            }
        for (size_t a = 0; a < K; a++)
            for (size_t j = 0; j < D; j++) pal_tensor_set(w, j * K + a, q[a][j]);
        double kept = 0, shares = 0;
        for (size_t i = 0; i < D; i++) {
            double share = 0;
            for (size_t a = 0; a < K; a++) {
                double dot = 0;
                for (size_t j = 0; j < D; j++) dot += q[a][j] * directions[i * D + j];
                share += dot * dot;
            }
            ck_assert_double_le(share, 1 + 1e-12);
            shares += share, kept += variance[i] * share;
        }
        ck_assert_double_eq_tol(shares, K, 1e-12);
        ck_assert_double_eq_tol(error_of(m), all - kept, 1e-9 * all);
        ck_assert_double_lt(kept, leading);
    }
    pal_model_free(m);
}
END_TEST

/* The rank of the Gram matrix of the first n samples, less their mean: X X' [n,n], or X' X [D,D]. g receives the
 * matrix, s its singular values and v its right singular vectors; each has room for [T,T]. */
static size_t rank_of_gram(const double *samples, size_t n, bool of_samples, double *g, double *s, double *v)
{
    const size_t side = of_samples ? n : D;
    double x[T * D], mean[D] = {0};
    pal_error err = {0};
    size_t rank = 0;
    for (size_t i = 0; i < n * D; i++) mean[i % D] += samples[i] / (double)n;
    for (size_t i = 0; i < n * D; i++) x[i] = samples[i] - mean[i % D];
    for (size_t a = 0; a < side; a++)
        for (size_t b = 0; b < side; b++) {
            g[a * side + b] = 0;
            for (size_t k = 0; k < (of_samples ? D : n); k++)
                g[a * side + b] += of_samples ? x[a * D + k] * x[b * D + k] : x[k * D + a] * x[k * D + b];
        }
    ck_assert_int_eq(palt__svd(context, side, side, g, s, v, &err), PAL_OK);
    for (size_t k = 0; k < side; k++) rank += s[k] > 1e-10 * s[0];
    return rank;
}

/* Which Gram matrix of n centred samples X [n,d] is singular. The rank of X is at most n - 1 and at most d. So X X'
 * [n,n] is singular for every n, and X' X [d,d] is singular for n <= d. The proof that the best codes P_k are linear in
 * X multiplies them by (X X') (X X')^-1, which does not exist. The pseudo-inverse exists: X X' (X X')+ P_k = P_k, and
 * so P_k = X A with A = X' (X X')+ P_k, which is Q_k S_k^-1. The encoder of the closed form is sqrt n A. */
START_TEST(the_best_codes_are_linear_by_the_pseudo_inverse)
{
    static double x[T * D], g[T * T], s[T], v[T * T], copy[T * D], p[T * K];
    double mean[D], own[D], q[D * D];
    pal_error err = {0};
    centred(x, mean);
    for (size_t n = 2; n <= D + 3; n++)
        for (int of_samples = 0; of_samples < 2; of_samples++)
            ck_assert_uint_eq(rank_of_gram(x, n, of_samples, g, s, v), n <= D ? n - 1 : D);
    ck_assert_uint_eq(rank_of_gram(x, T, false, g, s, v), D);
    ck_assert_uint_eq(rank_of_gram(x, T, true, g, s, v), D); /* of a matrix [100,100] */
    memcpy(copy, x, sizeof x);
    ck_assert_int_eq(palt__svd(context, T, D, copy, own, q, &err), PAL_OK);
    for (size_t i = 0; i < T; i++)
        for (size_t k = 0; k < K; k++) { /* P = X Q S^-1 */
            p[i * K + k] = 0;
            for (size_t j = 0; j < D; j++) p[i * K + k] += x[i * D + j] * q[k * D + j] / own[k];
        }
    pal_model *m = trained("linear", (pal_setting[]){{"hidden", "3"}, {"solve", "svd"}}, 2, 1, 0.1);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    for (size_t k = 0; k < K; k++) {
        double inverse[T] = {0}, a[D] = {0}, sign = 0;
        for (size_t e = 0; e < D; e++) { /* (X X')+ p_k, from the nonzero eigenvalues */
            double dot = 0;
            for (size_t i = 0; i < T; i++) dot += v[e * T + i] * p[i * K + k];
            for (size_t i = 0; i < T; i++) inverse[i] += v[e * T + i] * dot / s[e];
        }
        for (size_t i = 0; i < T; i++)
            for (size_t j = 0; j < D; j++) a[j] += x[i * D + j] * inverse[i];
        for (size_t i = 0; i < T; i++) {
            double code = 0;
            for (size_t j = 0; j < D; j++) code += x[i * D + j] * a[j];
            ck_assert_double_eq_tol(code, p[i * K + k], 1e-10);
        }
        for (size_t j = 0; j < D; j++) sign += a[j] * pal_tensor_get(w, j * K + k);
        for (size_t j = 0; j < D; j++) {
            ck_assert_double_eq_tol(a[j], q[k * D + j] / own[k], 1e-10);
            ck_assert_double_eq_tol(copysign(sqrt(T), sign) * a[j], pal_tensor_get(w, j * K + k), 1e-9);
        }
    }
    pal_model_free(m);
}
END_TEST

Suite *linear_suite(void)
{
    Suite *s = suite_create("linear");
    TCase *t = tcase_create("linear");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, samples_over_the_root_of_their_number_have_the_same_subspace);
    tcase_add_test(t, the_closed_form_leaves_the_variance_of_what_it_drops);
    tcase_add_test(t, few_samples_have_the_directions_of_their_covariance);
    tcase_add_test(t, few_samples_of_many_features_take_no_time);
    tcase_add_test(t, the_closed_form_has_a_white_code);
    tcase_add_test(t, descent_comes_to_the_closed_form);
    tcase_add_test(t, no_encoder_with_a_linear_decoder_beats_it);
    tcase_add_test(t, a_code_of_k_numbers_keeps_k_shares_of_the_directions);
    tcase_add_test(t, the_best_codes_are_linear_by_the_pseudo_inverse);
    suite_add_tcase(s, in_own_folder(t));
    return s;
}
