/* test_lectures.c - tests formulas that lectures on autoencoders often print with a mistake. Each test shows that the
 * library's result is right and that the printed formula is wrong. docs/lectures.md lists the formulas. */
#include "tests/train/lectures.h"
#include "train/internal.h"

Suite *lectures_suite(void);

enum { N = 4, D = 6, DRAWS = 100000 };
static const pal_shape sample = {.rank = 2, .dim = {2, 3}};

/* The loss as it is recorded in the given mode (value 0), then its gradients. */
static values loss_and_gradients(pal_model *m, pal_tensor *x, pal_mode mode)
{
    return run_at(m, x, mode, loss_of, true, (pal_noise){.seed = 3});
}

/* ---- The evidence lower bound --------------------------------------------------------------------------------- */

/* x = w z + b + sigma noise has one dimension. The encoder is the exact posterior, with the variance v = sigma^2 / (w^2
 * + sigma^2) and the mean m = (x - b) w / (w^2 + sigma^2). The loss then equals -ln p(x), for both forms of the
 * divergence. The same sum without E ln p(z) exceeds ln p(x) by (m^2 + v + ln 2 pi) / 2, so it is not a lower bound. */
START_TEST(the_bound_has_the_priors_term)
{
    const double w = 1.3, b = 0.4, sigma = 0.6, both = w * w + sigma * sigma, spread = sigma * sigma / both;
    static const double given[N] = {-2, 0.1, 0.9, 3};
    pal_tensor *x = tensor_of(PAL_SHAPE(N, 1), given);
    double log_p = 0, log_prior = 0;
    for (size_t i = 0; i < N; i++) {
        const double r = given[i] - b, posterior = r * w / both;
        log_p -= (r * r / both + log(both) + LN_2_PI) / 2 / N;
        log_prior -= (posterior * posterior + spread + LN_2_PI) / 2 / N;
    }
    static const char *const forms[] = {"closed", "sampled"};
    for (size_t k = 0; k < 2; k++) {
        const pal_setting settings[] = {{"hidden", "1"},
                                        {"layers", "1"},
                                        {"output", "gaussian"},
                                        {"output-sigma", "0.6"},
                                        {"samples", "100000"},
                                        {"divergence", forms[k]},
                                        {0}};
        pal_model *m = model_of("variational", settings, PAL_SHAPE(1));
        pal_tensor_set(pal_model_parameter_find(m, "decoder/W"), 0, w);
        pal_tensor_set(pal_model_parameter_find(m, "decoder/b"), 0, b);
        pal_tensor_set(pal_model_parameter_find(m, "encoder/W"), 0, w / both);
        pal_tensor_set(pal_model_parameter_find(m, "encoder/b"), 0, -b * w / both);
        pal_tensor_set(pal_model_parameter_find(m, "encoder/scale/W"), 0, 0);
        pal_tensor_set(pal_model_parameter_find(m, "encoder/scale/b"), 0, log(spread) / 2);
        values v = run(m, x, PAL_EVALUATE, loss_of);
        const double bound = -pal_tensor_get(v.value[0], 0), without = bound - log_prior;
        ck_assert_double_eq_tol(bound, log_p, 0.01); /* a mean over 400,000 draws */
        ck_assert_double_gt(without, log_p + 0.9);
        free_values(&v);
        pal_model_free(m);
    }
    pal_tensor_free(x);
}
END_TEST

/* KL(q || p) = E_q ln q/p, here as a sum over classes, is 0 where q = p. Without the logarithm, E_q q/p is 1 there.
 * With the logarithm outside, ln E_q q/p is too large. */
START_TEST(a_divergence_averages_a_log_ratio)
{
    enum { CLASSES = 4 };
    static const double at[2][CLASSES] = {{0.3, -1, 0.8, 0}, {-0.5, 0.2, 0.4, 1.1}};
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *logits[2];
    pal_distribution d[2];
    double *p[2];
    for (size_t k = 0; k < 2; k++) {
        logits[k] = tensor_of(PAL_SHAPE(1, CLASSES), at[k]);
        d[k] = (pal_distribution){pal_distribution_find("categorical"), CLASSES, pal_leaf(t, logits[k], k ? "p" : "q")};
        p[k] = elements(pal_distribution_mean(d[k]));
    }
    double log_ratio = 0, ratio = 0, own = 0;
    for (size_t i = 0; i < CLASSES; i++) {
        log_ratio += p[0][i] * log(p[0][i] / p[1][i]);
        ratio += p[0][i] * (p[0][i] / p[1][i]);
        own += p[0][i] * (p[0][i] / p[0][i]);
    }
    const double kl = number(pal_distribution_kl(d[0], d[1]));
    ck_assert_double_eq_tol(kl, log_ratio, 1e-14);
    ck_assert_double_eq_tol(number(pal_distribution_kl(d[0], d[0])), 0, 1e-15);
    ck_assert_double_eq_tol(own, 1, 1e-15); /* q would have the distance 1 from itself */
    ck_assert(kl > 0.1 && ratio > 1 && log(ratio) > kl + 0.01);
    for (size_t k = 0; k < 2; k++) {
        free(p[k]);
        pal_tensor_free(logits[k]);
    }
    pal_tape_free(t);
}
END_TEST

/* ---- Densities ------------------------------------------------------------------------------------------------ */

/* Without the half in the exponent, the function integrates to 1 / sqrt 2. The most likely sigma is then sqrt 2 times
 * the root of the mean square, instead of the root itself. */
START_TEST(the_normal_density_has_its_half)
{
    enum { SIDE = 4001 };
    const double m = 0.3, sigma = 0.7, step = 0.005;
    double sum = 0, wrong = 0;
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(SIDE));
    for (size_t i = 0; i < SIDE; i++) pal_tensor_set(x, i, step * ((double)i - SIDE / 2));
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var at = pal_leaf(t, x, "x");
    double *log_p = elements(pal_normal_log_density(at, pal_constant(t, m), pal_constant(t, 2 * log(sigma))));
    for (size_t i = 0; i < SIDE; i++) {
        const double z = (pal_tensor_get(x, i) - m) / sigma;
        sum += step * exp(log_p[i]);
        wrong += step * exp(-z * z) / (sigma * sqrt(2 * M_PI));
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12);
    ck_assert_double_eq_tol(wrong, sqrt(0.5), 1e-12);

    static const double given[] = {0.5, -2, 1, 0.25, -0.75};
    pal_tensor *r = tensor_of(PAL_SHAPE(5), given), *s = pal_tensor_new(c, PAL_F64, PAL_SCALAR);
    double square = 0;
    for (size_t i = 0; i < 5; i++) square += given[i] * given[i] / 5;
    pal_tensor_set(s, 0, log(square));
    pal_var log_variance = pal_leaf(t, s, "s"), slope[2];
    pal_var right = pal_mean_all(pal_normal_log_density(pal_leaf(t, r, "r"), pal_constant(t, 0), log_variance));
    pal_var z2 = pal_mul(pal_square(pal_leaf(t, r, "r")), pal_exp(pal_neg(log_variance)));
    pal_var printed = pal_neg(pal_mean_all(pal_add(z2, pal_scale(log_variance, 0.5))));
    ck_assert_int_eq(pal_grad(right, &log_variance, 1, slope), PAL_OK);
    ck_assert_int_eq(pal_grad(printed, &log_variance, 1, slope + 1), PAL_OK);
    ck_assert_double_eq_tol(number(slope[0]), 0, 1e-15);
    ck_assert_double_gt(number(slope[1]), 0.4);
    pal_tensor_set(s, 0, log(2 * square));
    ck_assert_double_eq_tol(number(slope[1]), 0, 1e-15);
    free(log_p);
    pal_tape_free(t);
    pal_tensor_free(r), pal_tensor_free(s), pal_tensor_free(x);
}
END_TEST

/* On {0,1}, z p + (1 - z)(1 - p) sums to 1 and equals the library's mass. Over [0,1] it integrates to 1/2 for any p, so
 * it is not a density of grey levels. Neither is p^z (1 - p)^(1 - z), whose logarithm is minus the cross-entropy. */
START_TEST(a_bernoulli_mass_is_on_0_and_1_alone)
{
    enum { STEPS = 2000 };
    pal_tensor *z = pal_tensor_new(c, PAL_F64, PAL_SHAPE(STEPS + 1));
    for (size_t i = 0; i <= STEPS; i++) pal_tensor_set(z, i, (double)i / STEPS);
    for (double logit = -2; logit <= 2; logit += 0.5) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        const double p = 1 / (1 + exp(-logit));
        double *of = elements(pal_exp(pal_bernoulli_log_density(pal_leaf(t, z, "z"), pal_constant(t, logit))));
        double linear = 0, geometric = 0;
        for (size_t i = 0; i <= STEPS; i++) {
            const double at = (double)i / STEPS, weight = (i % STEPS ? 1.0 : 0.5) / STEPS;
            linear += weight * (at * p + (1 - at) * (1 - p));
            geometric += weight * of[i];
            ck_assert_double_le(of[i], at * p + (1 - at) * (1 - p) + 1e-15); /* equal at both ends */
        }
        ck_assert_double_eq_tol(of[0], 1 - p, 1e-15);
        ck_assert_double_eq_tol(of[STEPS], p, 1e-15);
        ck_assert_double_eq_tol(of[0] + of[STEPS], 1, 1e-15);
        ck_assert_double_eq_tol(linear, 0.5, 1e-12);
        ck_assert_double_le(geometric, 0.5 + 1e-12);
        free(of);
        pal_tape_free(t);
    }
    pal_tensor_free(z);
}
END_TEST

/* ---- The full covariance -------------------------------------------------------------------------------------- */

/* The quadratic form of the vector (a, b) with the inverse of the symmetric matrix s. */
static double form(const double s[2][2], double a, double b)
{
    return (s[1][1] * a * a - 2 * s[0][1] * a * b + s[0][0] * b * b) / (s[0][0] * s[1][1] - s[0][1] * s[0][1]);
}

/* z = mu + L eps has the covariance L L'. L' L has the same determinant. If the density uses L' L (Sigma = A' A
 * together with z = mu + A eps), the draws do not follow the density: -E ln q(z) is not the entropy. */
START_TEST(the_covariance_of_mu_and_L_eps_is_L_L_transposed)
{
    static const double given[] = {0.5, -1, -0.2, 0.9, 0.3}; /* mu; L = [e^0.3 0; 0.9 e^-0.2] */
    const double a = exp(0.3), b = 0.9, d = exp(-0.2);
    const double right[2][2] = {{a * a, a * b}, {a * b, b * b + d * d}};
    const double wrong[2][2] = {{a * a + b * b, b * d}, {b * d, d * d}};
    pal_tensor *parameters = tensor_of(PAL_SHAPE(1, 5), given);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_distribution q = {pal_distribution_find("normal-full"), 2, pal_leaf(t, parameters, "q")};
    pal_var z = pal_distribution_sample(q, "z", DRAWS, 0);
    pal_program *p = pal_compile(t, (pal_var[]){z, pal_distribution_log_density(q, z)}, 2, NULL);
    ck_assert_tape_ok(t);
    pal_program_set_noise(p, (pal_noise){.seed = 3});
    ck_assert_int_eq(pal_run(p), PAL_OK);
    const double *draws = pal_output(p, 0)->data, *log_q = pal_output(p, 1)->data;
    const double constant = LN_2_PI + log(a * d), entropy = number(pal_distribution_entropy(q));
    double moments[3] = {0}, surprise[2] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        const double u = draws[2 * i] - given[0], v = draws[2 * i + 1] - given[1];
        moments[0] += u * u / DRAWS, moments[1] += u * v / DRAWS, moments[2] += v * v / DRAWS;
        surprise[0] += (constant + form(right, u, v) / 2) / DRAWS;
        surprise[1] += (constant + form(wrong, u, v) / 2) / DRAWS;
        ck_assert_double_eq_tol(log_q[i], -constant - form(right, u, v) / 2, 1e-10 * (1 + fabs(log_q[i])));
    }
    ck_assert_double_eq_tol(moments[0], right[0][0], 0.05);
    ck_assert_double_eq_tol(moments[1], right[0][1], 0.05);
    ck_assert_double_eq_tol(moments[2], right[1][1], 0.05);
    ck_assert_double_gt(fabs(moments[0] - wrong[0][0]), 0.5);
    ck_assert_double_eq_tol(surprise[0], entropy, 0.02);
    ck_assert_double_gt(surprise[1], entropy + 0.3);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(parameters);
}
END_TEST

/* A layer may give 0, for example when its weights start at 0. A 0 on the diagonal of L makes Sigma singular: there is
 * no density, and the run reports it. The exponential of 0 is 1, which is the prior, and it is positive for any
 * output. */
START_TEST(a_zero_diagonal_is_singular_and_its_exponential_is_not)
{
    pal_tape *bare = pal_tape_new(c, PAL_F64), *t = pal_tape_new(c, PAL_F64);
    double out;
    pal_var mu = pal_fill(bare, PAL_F64, PAL_SHAPE(2), 0), none = pal_fill(bare, PAL_F64, PAL_SHAPE(2, 2), 0);
    ck_assert_int_eq(pal_eval(pal_normal_full_log_density(pal_shift(mu, 0.5), mu, none), &out), PAL_ERR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(bare), "singular: 0 on the diagonal"));
    pal_tape_free(bare);
    pal_var x = pal_fill(t, PAL_F64, PAL_SHAPE(1, 1, 2), 0.5), zero = pal_fill(t, PAL_F64, PAL_SHAPE(1, 5), 0);
    pal_distribution q = {pal_distribution_find("normal-full"), 2, zero};
    ck_assert_double_eq_tol(number(pal_distribution_log_density(q, x)), -LN_2_PI - 0.25, 1e-15);
    ck_assert(number(pal_distribution_kl_prior(q)) == 0);
    pal_tensor *parameters = tensor_of(PAL_SHAPE(1, 5), (const double[]){0, 0, 0, 1, 0});
    q.parameters = pal_leaf(t, parameters, "q");
    for (double at = -60; at <= 60; at += 15) { /* the same number on the diagonal, and 1 below it */
        pal_tensor_set(parameters, 2, at), pal_tensor_set(parameters, 4, at);
        ck_assert(isfinite(number(pal_distribution_log_density(q, x))));
        ck_assert(isfinite(number(pal_distribution_kl_prior(q))));
        ck_assert_double_eq_tol(number(pal_distribution_entropy(q)), 2 * at + 1 + LN_2_PI, 1e-12);
    }
    pal_tensor_free(parameters);
    pal_tape_free(t);
}
END_TEST

/* The number of directions of the parameters [1,n] that change ln q at POINTS places: the rank of the Jacobian
 * [POINTS,n]. */
enum { POINTS = 40 };
static int rank_of(pal_var log_q, pal_var parameters)
{
    const size_t n = (size_t)pal_shape_of(parameters).dim[1];
    pal_error err = {0};
    double *jacobian = elements(pal_jacobian(log_q, parameters)), *s = calloc(n, sizeof *s);
    int rank = 0;
    ck_assert_int_eq(palt__svd(c, POINTS, n, jacobian, s, NULL, &err), PAL_OK);
    for (size_t i = 0; i < n; i++) rank += s[i] > 1e-9 * s[0];
    free(jacobian), free(s);
    return rank;
}

/* K means and the K (K + 1) / 2 numbers of a triangle are as many as a normal distribution has degrees of freedom, and
 * each one matters. A whole matrix A of K^2 numbers has K (K - 1) / 2 too many, because A and a rotated A give the same
 * Sigma = A A'. */
START_TEST(a_full_covariance_takes_a_mean_and_a_triangle)
{
    const pal_distribution_kind *kind = pal_distribution_find("normal-full");
    ck_assert_int_eq(pal_distribution_outputs(kind, 3, NULL), 9);
    for (int64_t k = 1; k <= 4; k++) {
        const int64_t outputs = pal_distribution_outputs(kind, k, NULL), whole = k + k * k;
        ck_assert_int_eq(outputs, k + k * (k + 1) / 2);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_tensor *z = random_tensor(c, PAL_F64, PAL_SHAPE(1, POINTS, k), -2, 2, "z"),
                   *q = random_tensor(c, PAL_F64, PAL_SHAPE(1, outputs), -0.7, 0.7, "q"),
                   *a = random_tensor(c, PAL_F64, PAL_SHAPE(1, whole), 0.2, 1.4, "a");
        pal_var points = pal_leaf(t, z, "z"), own = pal_leaf(t, q, "q"), other = pal_leaf(t, a, "a"), part[2];
        ck_assert_int_eq(rank_of(pal_distribution_log_density((pal_distribution){kind, k, own}, points), own), outputs);
        pal_split_axis(other, 1, (const int64_t[]){k, k * k}, 2, part);
        pal_var matrix = pal_reshape(part[1], PAL_SHAPE(1, k, k));
        pal_var factor = pal_cholesky(pal_matmul_t(matrix, matrix, false, true));
        ck_assert_int_eq(
            rank_of(pal_normal_full_log_density(points, part[0],
                                                pal_broadcast_to(pal_expand(factor, 1), PAL_SHAPE(1, POINTS, k, k))),
                    other),
            outputs);
        ck_assert(whole - outputs == k * (k - 1) / 2);
        pal_tensor_free(z), pal_tensor_free(q), pal_tensor_free(a);
        pal_tape_free(t);
    }
}
END_TEST

/* ---- Penalties and their gradients ---------------------------------------------------------------------------- */

/* ||A||_F is the root of the sum of squares, so that ||2 A|| = 2 ||A|| and ||A + B|| <= ||A|| + ||B||. The sum itself
 * is not a norm. The contraction penalty is the square of a norm. */
START_TEST(the_frobenius_norm_is_a_root)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(3, 5), -1, 1, "a"), *w;
    pal_var a = pal_leaf(t, x, "a"), twice = pal_scale(a, 2);
    double squares = 0;
    for (size_t i = 0; i < 15; i++) squares += pal_tensor_get(x, i) * pal_tensor_get(x, i);
    const double norm = number(pal_norm(a, 3, false)), sum = number(pal_sum_squares(a));
    ck_assert_double_eq_tol(norm, sqrt(squares), 1e-14);
    ck_assert_double_eq_tol(number(pal_norm(twice, 3, false)), 2 * norm, 1e-14);
    ck_assert_double_eq_tol(number(pal_sum_squares(twice)), 4 * sum, 1e-13); /* a norm would give sum + sum at most */
    w = random_tensor(c, PAL_F64, PAL_SHAPE(5, 4), -1, 1, "w"); /* h = x W has the Jacobian W' at each row */
    pal_var weights = pal_leaf(t, w, "w"), h = pal_matmul(a, weights);
    const double jacobian = number(pal_norm(weights, 3, false));
    ck_assert_double_eq_tol(number(pal_jacobian_norm2_layers(h, a)), jacobian * jacobian, 1e-12);
    ck_assert_double_eq_tol(number(pal_jacobian_norm2_rows(h, a)), jacobian * jacobian, 1e-12);
    pal_tensor_free(x), pal_tensor_free(w);
    pal_tape_free(t);
}
END_TEST

/* The gradient by W of the training loss with lambda ||W||^2, minus that of the loss without it, is 2 lambda W. Finite
 * differences confirm it. */
START_TEST(the_gradient_of_lambda_W_squared_is_2_lambda_W)
{
    const double lambda = 0.25, step = 0x1p-10;
    pal_model *with = model_of("basic", (pal_setting[]){{"hidden", "3"}, {"l2", "0.25"}, {0}}, sample),
              *without = model_of("basic", (pal_setting[]){{"hidden", "3"}, {0}}, sample);
    fill_parameters(with, 1), fill_parameters(without, 1);
    pal_tensor *x = batch_of(with, N), *w = pal_model_parameter_find(with, "encoder/W"),
               *same = pal_model_parameter_find(without, "encoder/W");
    values a = loss_and_gradients(with, x, PAL_TRAIN), b = loss_and_gradients(without, x, PAL_TRAIN);
    for (size_t e = 0; e < pal_tensor_count(w); e++) { /* the order is decoder/b, encoder/W, encoder/b */
        const double at = pal_tensor_get(w, e), slope = pal_tensor_get(a.value[2], e) - pal_tensor_get(b.value[2], e);
        double penalty[2];
        for (int side = 0; side < 2; side++) {
            pal_tensor_set(w, e, at + (side ? step : -step));
            pal_tensor_set(same, e, at + (side ? step : -step));
            penalty[side] = loss(with, x) - loss(without, x);
        }
        pal_tensor_set(w, e, at), pal_tensor_set(same, e, at);
        ck_assert_double_eq_tol(slope, 2 * lambda * at, 1e-13);
        ck_assert_double_eq_tol((penalty[1] - penalty[0]) / (2 * step), 2 * lambda * at, 1e-9);
        ck_assert(fabs(at) < 0.01 || fabs(slope - lambda * at) > 1e-3);
    }
    free_values(&a), free_values(&b);
    pal_tensor_free(x);
    pal_model_free(with), pal_model_free(without);
}
END_TEST

/* rho_j = (1/n) sum_i h_ij, so beta sum_j KL(rho || rho_j) has the derivative
 *     beta ((1 - rho) / (1 - rho_j) - rho / rho_j) (1/n) sum_i h_ij (1 - h_ij)
 * with respect to the bias of unit j. The 1/n is often forgotten. Without it, a data set with every sample twice would
 * have twice the gradient. */
START_TEST(the_derivative_of_a_mean_activation_is_a_mean)
{
    enum { K = 3 };
    const double rho = 0.2, beta = 2.5;
    pal_model *m = model_of("sparse", (pal_setting[]){{"hidden", "3"}, {"rho", "0.2"}, {"beta", "2.5"}, {0}}, sample);
    fill_parameters(m, 1);
    pal_tensor *x = batch_of(m, N), *twice = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2 * N, D));
    for (size_t i = 0; i < 2 * N * D; i++) pal_tensor_set(twice, i, pal_tensor_get(x, i % (N * D)));
    pal_tensor *data[] = {x, twice};
    values h = run(m, x, PAL_EVALUATE, pal_model_encode);
    for (size_t k = 0; k < 2; k++) { /* the pooled term is in the training loss only */
        values a = loss_and_gradients(m, data[k], PAL_TRAIN), b = loss_and_gradients(m, data[k], PAL_EVALUATE);
        for (size_t j = 0; j < K; j++) {
            double unit[N], slope[N];
            for (size_t i = 0; i < N; i++) {
                unit[i] = pal_tensor_get(h.value[0], i * K + j);
                slope[i] = unit[i] * (1 - unit[i]);
            }
            const double of = mean(unit, N), outer = beta * ((1 - rho) / (1 - of) - rho / of);
            const double found = pal_tensor_get(a.value[3], j) - pal_tensor_get(b.value[3], j);
            ck_assert_double_eq_tol(found, outer * mean(slope, N), 1e-13);
            ck_assert_double_gt(fabs(found - outer * N * mean(slope, N)), 0.05);
        }
        free_values(&a), free_values(&b);
    }
    free_values(&h);
    pal_tensor_free(x), pal_tensor_free(twice);
    pal_model_free(m);
}
END_TEST

Suite *lectures_suite(void)
{
    Suite *suite = suite_create("lectures");
    add_case(suite, "corrections", set_up, tear_down,
             TESTS(the_bound_has_the_priors_term, the_normal_density_has_its_half,
                   the_covariance_of_mu_and_L_eps_is_L_L_transposed,
                   a_zero_diagonal_is_singular_and_its_exponential_is_not,
                   a_full_covariance_takes_a_mean_and_a_triangle, the_frobenius_norm_is_a_root,
                   a_divergence_averages_a_log_ratio, the_gradient_of_lambda_W_squared_is_2_lambda_W,
                   the_derivative_of_a_mean_activation_is_a_mean, a_bernoulli_mass_is_on_0_and_1_alone));
    return suite;
}
