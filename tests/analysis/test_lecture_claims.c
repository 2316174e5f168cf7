/* test_lecture_claims.c - tests what lectures on autoencoders claim without a formula that could be printed wrong:
 * which input excites a unit most, where the sparsity penalty is least, what the bound lacks, what dropout keeps. Also
 * the entropy of a normal distribution. docs/lectures.md lists all of them. */
#include "analysis/analysis.h"
#include "tests/models/linear_gaussian.h"
#include "tests/train/lectures.h"

Suite *lecture_claims_suite(void);

enum { D = FEATURES, ROWS = 20000 };

/* ---- The input that excites a unit most ----------------------------------------------------------------------- */

/* Among the x with ||x|| = 1, a unit s(x w + b) has its maximum at w / ||w||, because x w <= ||w|| (Cauchy and
 * Schwarz). There its gradient by x has the direction of x, so that no step along the sphere helps. All other unit
 * vectors give less, -w / ||w|| least. Longer vectors give more: without ||x|| = 1 there is no maximum. */
START_TEST(the_weights_over_their_norm_excite_a_unit_most)
{
    enum { UNITS = 4, PROBES = 2000 };
    pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "4"}, {0}}, sample);
    fill_parameters(m, 1);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3 + PROBES, D)),
               *best = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, D));
    for (size_t j = 0; j < UNITS; j++) {
        double length = 0, along = 0, g2 = 0, z[D];
        for (size_t i = 0; i < D; i++) length += pal_tensor_get(w, i * UNITS + j) * pal_tensor_get(w, i * UNITS + j);
        for (size_t i = 0; i < D; i++) {
            const double at = pal_tensor_get(w, i * UNITS + j) / sqrt(length);
            pal_tensor_set(best, i, at);
            pal_tensor_set(x, i, at), pal_tensor_set(x, D + i, -at), pal_tensor_set(x, 2 * D + i, 1.01 * at);
        }
        for (size_t r = 3; r < 3 + PROBES; r++) {
            double norm2 = 0;
            pal_noise_normal((pal_noise){.seed = 7}, "probe", r * D, D, z);
            for (size_t i = 0; i < D; i++) norm2 += z[i] * z[i];
            for (size_t i = 0; i < D; i++) pal_tensor_set(x, r * D + i, z[i] / sqrt(norm2));
        }
        values h = run(m, x, PAL_EVALUATE, pal_model_encode);
        const double most = pal_tensor_get(h.value[0], j), least = pal_tensor_get(h.value[0], UNITS + j);
        ck_assert_double_gt(pal_tensor_get(h.value[0], 2 * UNITS + j), most);
        for (size_t r = 3; r < 3 + PROBES; r++) {
            ck_assert_double_lt(pal_tensor_get(h.value[0], r * UNITS + j), most);
            ck_assert_double_gt(pal_tensor_get(h.value[0], r * UNITS + j), least);
        }
        free_values(&h);

        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_EVALUATE);
        pal_var at = pal_leaf(t, best, "x"), slope, code = pal_model_encode(m, at);
        pal_model_end(m);
        double only[UNITS] = {0};
        only[j] = 1;
        pal_tensor *seed = tensor_of(PAL_SHAPE(1, UNITS), only);
        ck_assert_int_eq(pal_vjp(code, pal_leaf(t, seed, "unit"), &at, 1, &slope), PAL_OK);
        double *g = elements(slope);
        for (size_t i = 0; i < D; i++) along += g[i] * pal_tensor_get(best, i), g2 += g[i] * g[i];
        ck_assert_double_eq_tol(along * along, g2, 1e-14 * g2);
        ck_assert_double_gt(along, 0);
        free(g);
        pal_tape_free(t);
        pal_tensor_free(seed);

        float found[D];
        double value;
        ck_assert_int_eq(pal_filter_maximal(m, 1, (int64_t)j, found, &value, NULL), PAL_OK);
        ck_assert_double_eq_tol(1 / (1 + exp(-value)), most, 1e-6);
        for (size_t i = 0; i < D; i++) ck_assert_double_eq_tol((double)found[i], pal_tensor_get(best, i), 1e-6);
    }
    pal_tensor_free(x), pal_tensor_free(best);
    pal_model_free(m);
}
END_TEST

/* ---- What the evidence lower bound lacks ---------------------------------------------------------------------- */

static pal_var posterior_parameters(pal_model *m, pal_var x) { return pal_encode_layers_to(m, x, 5); }

/* The mean of ln p(x | z) over z = mu + L e, e ~ N(0, I), of two units. ln p(x | z) is quadratic in z, so the mean of
 * its values at mu + sqrt 2 and mu - sqrt 2 times each column of L is exact. */
static pal_var expected_fit(pal_model *m, pal_var x, const pal_tensor *q, pal_tensor *z[4])
{
    pal_var sum = pal_constant(x.tape, 0);
    for (size_t s = 0; s < 4; s++) {
        z[s] = pal_tensor_new(c, PAL_F64, PAL_SHAPE(q->shape.dim[0], 2));
        for (size_t n = 0; n < (size_t)q->shape.dim[0]; n++) {
            const double *of = (const double *)q->data + 5 * n, sign = s < 2 ? M_SQRT2 : -M_SQRT2;
            const double column[2][2] = {{exp(of[4]), of[3]}, {0, exp(of[2])}}; /* see the layout in make_exact */
            for (size_t k = 0; k < 2; k++) pal_tensor_set(z[s], 2 * n + k, of[k] + sign * column[s % 2][k]);
        }
        pal_var at = pal_decode_layers(m, pal_leaf(x.tape, z[s], NULL));
        sum = pal_add(sum, pal_scale(pal_log_likelihood(m, at, x), 0.25));
    }
    return sum;
}

/* ELBO = ln p(x) - KL(q || p(z | x)), for any q: an encoder with arbitrary parameters, three times, and the exact one.
 * Everything is known for the linear-Gaussian model. The library's loss is minus this bound. */
START_TEST(the_bound_lacks_the_divergence_from_the_posterior)
{
    const pal_setting draws[] = {{"samples", "20000"}, {0}};
    pal_model *m = linear_gaussian(draws), *exact = linear_gaussian(NULL);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(4, D), -2, 2, "x"), *z[4];
    make_exact(exact); /* both have the same decoder */
    values p = run(exact, x, PAL_EVALUATE, posterior_parameters);
    double log_p[4], bound = 0;
    log_densities(m, x, log_p);
    for (int k = 0; k < 4; k++) {
        static const char *const own[] = {"encoder/W", "encoder/b", "encoder/scale/W", "encoder/scale/b"};
        for (size_t i = 0; i < 4 && k; i++) {
            pal_tensor *parameter = pal_model_parameter_find(m, own[i]);
            for (size_t e = 0; e < pal_tensor_count(parameter); e++)
                pal_tensor_set(parameter, e, 0.6 * pal_tensor_get(parameter, e));
        }
        if (k == 3) make_exact(m);
        values q = run(m, x, PAL_EVALUATE, posterior_parameters);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_EVALUATE);
        const pal_distribution_kind *kind = pal_distribution_find("normal-full");
        const pal_distribution approximate = {kind, 2, pal_leaf(t, q.value[0], "q")},
                               posterior = {kind, 2, pal_leaf(t, p.value[0], "p")};
        pal_var fit = expected_fit(m, pal_leaf(t, x, "x"), q.value[0], z);
        pal_var elbo = pal_sub(fit, pal_distribution_kl_prior(approximate));
        pal_model_end(m);
        double *of = elements(elbo), *gap = elements(pal_distribution_kl(approximate, posterior));
        for (size_t n = 0; n < 4; n++) {
            ck_assert_double_eq_tol(of[n], log_p[n] - gap[n], 1e-10 * (1 + fabs(log_p[n])));
            if (k < 3) ck_assert_double_gt(gap[n], 0.01);
            if (k == 3) ck_assert_double_eq_tol(gap[n], 0, 1e-10);
        }
        bound = mean(of, 4);
        values sampled = run(m, x, PAL_EVALUATE, loss_of);
        ck_assert_double_eq_tol(-pal_tensor_get(sampled.value[0], 0), bound, 0.02 * (1 + fabs(bound)));
        free(of), free(gap);
        free_values(&q), free_values(&sampled);
        pal_tape_free(t);
        for (size_t s = 0; s < 4; s++) pal_tensor_free(z[s]);
    }
    free_values(&p);
    pal_tensor_free(x);
    pal_model_free(m), pal_model_free(exact);
}
END_TEST

/* The same for discrete codes, by a sum over all values z: the bound is sum q(z) ln p(x | z) - KL(q || p), and p(z | x)
 * is p(x | z) / sum_z p(x | z), as all z have the same prior probability. */
START_TEST(the_bound_of_a_discrete_code_lacks_the_same)
{
    static const char *const codes[] = {"bernoulli", "categorical"};
    const bool coins = !_i;
    const int64_t count = coins ? 4 : 2;
    pal_model *m = model_of(
        "variational",
        (pal_setting[]){{"hidden", "2"}, {"layers", "2"}, {"code", codes[_i]}, {"samples", "20000"}, {0}}, sample);
    fill_parameters(m, 0.8);
    pal_tensor *x = batch_of(m, 4);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var in = pal_leaf(t, x, "x"), fit[4], mass[4];
    pal_distribution q = {pal_distribution_find(codes[_i]), 2, pal_encode_layers_to(m, in, 2)};
    for (int64_t i = 0; i < count; i++) {
        pal_var bit[] = {pal_fill(t, PAL_F64, PAL_SHAPE(4, 1), (double)(i & 1)),
                         pal_fill(t, PAL_F64, PAL_SHAPE(4, 1), (double)(coins ? i >> 1 : !i))};
        pal_var z = pal_concat(bit, 2, 1);
        fit[i] = pal_log_likelihood(m, pal_decode_layers(m, z), in);
        mass[i] = pal_reshape(pal_distribution_log_density(q, pal_expand(z, 1)), PAL_SHAPE(4));
    }
    pal_var divergence = pal_distribution_kl_prior(q), whole = enumerated(m, in);
    pal_model_end(m);
    double *kl = elements(divergence), *log_p = elements(whole), bound = 0;
    double *l[4], *log_q[4];
    for (int64_t i = 0; i < count; i++) l[i] = elements(fit[i]), log_q[i] = elements(mass[i]);
    for (size_t n = 0; n < 4; n++) {
        double elbo = -kl[n], gap = 0;
        for (int64_t i = 0; i < count; i++) {
            const double log_posterior = l[i][n] - log((double)count) - log_p[n];
            elbo += exp(log_q[i][n]) * l[i][n];
            gap += exp(log_q[i][n]) * (log_q[i][n] - log_posterior);
        }
        ck_assert_double_eq_tol(elbo, log_p[n] - gap, 1e-12 * (1 + fabs(log_p[n])));
        ck_assert_double_gt(gap, 1e-3);
        bound += elbo / 4;
    }
    values sampled = run(m, x, PAL_EVALUATE, loss_of);
    ck_assert_double_eq_tol(-pal_tensor_get(sampled.value[0], 0), bound, 0.02);
    for (int64_t i = 0; i < count; i++) free(l[i]), free(log_q[i]);
    free(kl), free(log_p);
    free_values(&sampled);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* ---- Dropout -------------------------------------------------------------------------------------------------- */

/* The reconstructions of one sample, ROWS times in training with dropout 1/2 of 8 units, and once in an evaluation. How
 * many standard errors their mean is away, at the feature where it is the most; *spread is the variance of the first
 * feature, over the sum of (h_j V_j1)^2. */
static double away(const char *output, double *spread)
{
    enum { UNITS = 8 };
    pal_model *m = model_of(
        "basic", (pal_setting[]){{"hidden", "8"}, {"output", output}, {"dropout", "0.5"}, {"tied", "no"}, {0}}, sample);
    fill_parameters(m, 2);
    pal_tensor *one = batch_of(m, 1), *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(ROWS, D));
    for (size_t i = 0; i < ROWS * D; i++) pal_tensor_set(x, i, pal_tensor_get(one, i % D));
    values drawn = run(m, x, PAL_TRAIN, pal_model_reconstruct),
           plain = run(m, one, PAL_EVALUATE, pal_model_reconstruct), h = run(m, one, PAL_EVALUATE, pal_model_encode);
    double most = 0, squares = 0;
    for (size_t j = 0; j < UNITS; j++) {
        const double part =
            pal_tensor_get(h.value[0], j) * pal_tensor_get(pal_model_parameter_find(m, "decoder/W"), j * D);
        squares += part * part;
    }
    for (size_t i = 0; i < D; i++) {
        double sum = 0, square = 0;
        for (size_t r = 0; r < ROWS; r++) {
            const double e = pal_tensor_get(drawn.value[0], r * D + i) - pal_tensor_get(plain.value[0], i);
            sum += e / ROWS, square += e * e / ROWS;
        }
        if (!i) *spread = (square - sum * sum) / squares;
        most = fmax(most, fabs(sum) / sqrt((square - sum * sum) / ROWS));
    }
    free_values(&drawn), free_values(&plain), free_values(&h);
    pal_tensor_free(one), pal_tensor_free(x);
    pal_model_free(m);
    return most;
}

/* A unit that is kept is divided by the share 1 - p that is kept, so that its mean is the plain unit, and its variance
 * h^2 p / (1 - p). A linear function of the units has the plain units' value on average. A sigmoid of them has not:
 * there the network without dropout is an approximation of the average. */
START_TEST(dropout_keeps_the_mean_of_what_is_linear_in_the_units)
{
    double spread;
    ck_assert_double_lt(away("squared", &spread), 4);
    ck_assert_double_eq_tol(spread, 1, 0.05); /* p / (1 - p) = 1 */
    ck_assert_double_gt(away("bernoulli", &spread), 20);
}
END_TEST

/* ---- Where the sparsity penalty is least ---------------------------------------------------------------------- */

/* KL(rho || r) is 0 at r = rho. Its derivative is 0 there, and its second derivative 1 / (rho (1 - rho)). The second
 * derivative is positive everywhere, so that this is the only minimum. */
START_TEST(the_sparsity_penalty_is_least_at_rho)
{
    static const double rhos[] = {0.05, 0.2, 0.5, 0.9};
    for (size_t k = 0; k < sizeof rhos / sizeof *rhos; k++) {
        const double rho = rhos[k];
        pal_tensor *at = tensor_of(PAL_SHAPE(1), &rho);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_var r = pal_leaf(t, at, "r"), slope, curvature;
        pal_var logs = pal_concat((pal_var[]){pal_log(r), pal_log1p(pal_neg(r))}, 2, 0);
        pal_var penalty = pal_activation_divergence(logs, rho);
        ck_assert_int_eq(pal_grad(penalty, &r, 1, &slope), PAL_OK);
        ck_assert_int_eq(pal_grad(pal_sum_all(slope), &r, 1, &curvature), PAL_OK);
        ck_assert_double_eq_tol(number(penalty), 0, 1e-14);
        ck_assert_double_eq_tol(number(slope), 0, 1e-14);
        ck_assert_double_eq_tol(number(curvature) * rho * (1 - rho), 1, 1e-14);
        for (double other = 0.01; other < 0.995; other += 0.03) {
            pal_tensor_set(at, 0, other);
            ck_assert_double_gt(number(curvature), 0);
            ck_assert(number(slope) * (other - rho) > 0 || fabs(other - rho) < 1e-12);
        }
        pal_tape_free(t);
        pal_tensor_free(at);
    }
}
END_TEST

/* ---- The entropy of a normal distribution --------------------------------------------------------------------- */

/* Numbers e times as far apart need 1 nat more. So the entropy of K independent normal numbers is (sum ln sigma) plus a
 * constant. With 2 sum ln sigma, which is ln |Sigma|, they would need 2 nats more, and the mean of -ln q over draws
 * would not be the entropy. In a full covariance, sum ln L_kk = ln |Sigma| / 2 takes the place of sum ln sigma. */
START_TEST(the_entropy_of_a_normal_has_the_logarithm_of_sigma_once)
{
    static const struct {
        const char *kind;
        double parameters[5]; /* two means, and two ln sigma; or two means, and the triangle ln L_22, L_21, ln L_11 */
        size_t n, scale[2];
    } rows[] = {{"normal", {0.3, -1, 0.7, -0.4}, 4, {2, 3}}, {"normal-full", {0.3, -1, -0.4, 0.9, 0.7}, 5, {2, 4}}};
    for (size_t i = 0; i < 2; i++) {
        const pal_distribution_kind *kind = pal_distribution_find(rows[i].kind);
        pal_tensor *at = tensor_of(PAL_SHAPE(1, (int64_t)rows[i].n), rows[i].parameters);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_var parameters = pal_leaf(t, at, "q"), slope;
        const pal_distribution q = {kind, 2, parameters};
        pal_var entropy = pal_sum_all(pal_distribution_entropy(q)), z = pal_distribution_sample(q, "z", 400000, 0);
        pal_var surprise = pal_neg(pal_mean_all(pal_distribution_log_density(q, z)));
        ck_assert_int_eq(pal_grad(entropy, &parameters, 1, &slope), PAL_OK);
        const double once = 0.7 - 0.4, constant = 1 + LN_2_PI;
        ck_assert_double_eq_tol(number(entropy), once + constant, 1e-14);
        ck_assert_double_eq_tol(number(surprise), once + constant, 0.01);
        ck_assert_double_gt(fabs(number(surprise) - (2 * once + constant)), 0.2);
        double *by = elements(slope);
        for (size_t k = 0; k < rows[i].n; k++)
            ck_assert_double_eq_tol(by[k], k == rows[i].scale[0] || k == rows[i].scale[1], 1e-15);
        free(by);
        pal_tape_free(t);
        pal_tensor_free(at);
    }
}
END_TEST

Suite *lecture_claims_suite(void)
{
    Suite *suite = suite_create("lecture_claims");
    add_case(suite, "claims", set_up, tear_down,
             TESTS(the_weights_over_their_norm_excite_a_unit_most, the_bound_lacks_the_divergence_from_the_posterior,
                   dropout_keeps_the_mean_of_what_is_linear_in_the_units, the_sparsity_penalty_is_least_at_rho,
                   the_entropy_of_a_normal_has_the_logarithm_of_sigma_once));
    TCase *codes = add_case(suite, "discrete codes", set_up, tear_down, TESTS(NULL));
    tcase_add_loop_test(codes, the_bound_of_a_discrete_code_lacks_the_same, 0, 2);
    return suite;
}
