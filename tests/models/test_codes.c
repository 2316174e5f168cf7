/* test_codes.c - tests the distributions that a layer parametrises, one kind at a time: densities against sums and
 * integrals; samples, entropies and divergences against each other; derivatives; errors. */
#include "tests/ops/distributions.h"
#include "models/models.h"

Suite *codes_suite(void);

enum { K = 3, DRAWS = MANY };

static int kinds(void)
{
    int n = 0;
    while (pal_distribution_at((size_t)n)) n++;
    return n;
}

/* Rows of parameters. The name is the seed. */
static pal_tensor *held[16];
static size_t n_held;

static pal_distribution made(size_t kind, int64_t k, int64_t rows, const char *name)
{
    pal_distribution q = {.kind = pal_distribution_at(kind), .k = k};
    const pal_shape shape = PAL_SHAPE(rows, pal_distribution_outputs(q.kind, k, NULL));
    held[n_held] = random_tensor(c, PAL_F64, shape, -0.7, 0.7, name);
    q.parameters = pal_leaf(t, held[n_held++], name);
    return q;
}

static void finish(void)
{
    while (n_held) pal_tensor_free(held[--n_held]);
    teardown();
}

static pal_distribution prior(size_t kind, int64_t k)
{
    const pal_distribution_kind *of = pal_distribution_at(kind);
    return (pal_distribution){of, k, pal_fill(t, PAL_F64, PAL_SHAPE(1, pal_distribution_outputs(of, k, NULL)), 0)};
}

/* ---- Densities ------------------------------------------------------------------------------------------------ */

/* z [1,S,k]: every value of a discrete code with k units, or a lattice over the plane. Returns the volume of each
 * value. */
static double plane(pal_tensor **z)
{
    enum { SIDE = 241 };
    const double step = 0.15;
    *z = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, SIDE * SIDE, 2));
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        pal_tensor_set(*z, 2 * i, step * ((double)(i / SIDE) - SIDE / 2));
        pal_tensor_set(*z, 2 * i + 1, step * ((double)(i % SIDE) - SIDE / 2));
    }
    return step * step;
}

static double corners(pal_tensor **z)
{
    *z = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, 1 << 2, 2));
    for (size_t i = 0; i < 8; i++) pal_tensor_set(*z, i, i / 2 >> i % 2 & 1);
    return 1;
}

static double classes(pal_tensor **z)
{
    *z = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, 2, 2));
    for (size_t i = 0; i < 4; i++) pal_tensor_set(*z, i, i / 2 == i % 2);
    return 1;
}

static const struct {
    const char *kind;
    double (*values)(pal_tensor **z);
    bool discrete;
} supports[] = {{"normal", plane, false},
                {"normal-full", plane, false},
                {"bernoulli", corners, true},
                {"categorical", classes, true}};

static size_t support(size_t kind)
{
    size_t i = 0;
    const char *name = pal_distribution_name(pal_distribution_at(kind));
    while (i < sizeof supports / sizeof *supports && strcmp(supports[i].kind, name) != 0) i++;
    ck_assert_msg(i < sizeof supports / sizeof *supports, "%s: say what values it has", name);
    return i;
}

/* The density of q and that of the prior sum (or integrate) to 1. The prior's density is that of parameters that are
 * all 0. */
START_TEST(densities_add_up_to_one)
{
    pal_tensor *z;
    const double volume = supports[support((size_t)_i)].values(&z);
    pal_distribution q = made((size_t)_i, 2, 1, "q");
    pal_var at = pal_leaf(t, z, "z");
    near(volume * value(pal_sum_all(pal_exp(pal_distribution_log_density(q, at)))), 1, 1e-12);
    near(volume * value(pal_sum_all(pal_exp(pal_distribution_log_prior(q, at)))), 1, 1e-12);
    double *same = values(pal_distribution_log_density(prior((size_t)_i, 2), at)),
           *own = values(pal_distribution_log_prior(q, at));
    for (size_t i = 0; i < pal_tensor_count(z) / 2; i++) near(same[i], own[i], 1e-12 * (1 + fabs(own[i])));
    free(same), free(own);
    pal_tensor_free(z);
}
END_TEST

/* ---- Against samples ------------------------------------------------------------------------------------------ */

/* The mean of DRAWS numbers is within 4 standard errors of `expected`. */
static void estimates(const char *what, pal_var numbers, double expected)
{
    double mean, error, *x = values(numbers);
    mean_and_error(x, &mean, &error);
    ck_assert_msg(fabs(mean - expected) <= 4 * error + 1e-12, "%s: %g, not %g, with error %g", what, mean, expected,
                  error);
    free(x);
}

static pal_var column(pal_var z, int64_t j)
{
    return pal_slice(z, (int64_t[]){0, 0, j}, (int64_t[]){1, pal_shape_of(z).dim[1], 1}, (int64_t[]){1, 1, 1});
}

START_TEST(samples_have_the_mean)
{
    pal_distribution q = made((size_t)_i, K, 1, "q");
    pal_var z = pal_distribution_sample(q, "z", DRAWS, 0);
    double *mean = values(pal_distribution_mean(q));
    for (int64_t j = 0; j < K; j++) estimates("mean", column(z, j), mean[j]);
    free(mean);
}
END_TEST

/* Checks the covariance along two arbitrary axes, and along the unit vectors. */
START_TEST(samples_have_the_covariance)
{
    static const double axes[2][K] = {{0.5, -1, 2}, {1, 0.25, -0.75}};
    pal_distribution q = made((size_t)_i, K, 1, "q");
    pal_var z = pal_distribution_sample(q, "z", DRAWS, 0), along[2];
    double *mean = values(pal_distribution_mean(q)),
           *all = values(pal_distribution_covariance(q, pal_diagonal_matrix(pal_fill(t, PAL_F64, PAL_SHAPE(K), 1))));
    for (int64_t i = 0; i < K * K; i++) {
        pal_var a = pal_shift(column(z, i / K), -mean[i / K]), b = pal_shift(column(z, i % K), -mean[i % K]);
        estimates("covariance", pal_mul(a, b), all[i]);
    }
    held[n_held] = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2, K));
    for (size_t i = 0; i < 2 * K; i++) pal_tensor_set(held[n_held], i, axes[i / K][i % K]);
    double *projected = values(pal_distribution_covariance(q, pal_leaf(t, held[n_held++], "axes")));
    for (size_t i = 0; i < 2; i++) {
        double middle = 0;
        pal_var sum = pal_scale(column(z, 0), axes[i][0]);
        for (size_t j = 0; j < K; j++) middle += axes[i][j] * mean[j];
        for (int64_t j = 1; j < K; j++) sum = pal_add(sum, pal_scale(column(z, j), axes[i][j]));
        along[i] = pal_shift(sum, -middle);
    }
    for (size_t i = 0; i < 4; i++) {
        double exact = 0;
        for (size_t j = 0; j < K * K; j++) exact += axes[i / 2][j / K] * all[j] * axes[i % 2][j % K];
        estimates("covariance along axes", pal_mul(along[i / 2], along[i % 2]), projected[i]);
        near(projected[i], exact, 1e-14);
    }
    free(mean), free(all), free(projected);
}
END_TEST

/* The first and second moments of the samples are those of the density, summed over all values. */
START_TEST(samples_have_the_moments_of_the_density)
{
    pal_tensor *all;
    const double volume = supports[support((size_t)_i)].values(&all);
    pal_distribution q = made((size_t)_i, 2, 1, "q");
    pal_var at = pal_leaf(t, all, "z"), z = pal_distribution_sample(q, "z", DRAWS, 0);
    pal_var p = pal_expand(pal_scale(pal_exp(pal_distribution_log_density(q, at)), volume), 2);
    double *mean = values(pal_distribution_mean(q));
    for (int64_t i = 0; i < 2; i++) {
        const double first = value(pal_sum_all(pal_mul(p, column(at, i))));
        near(first, mean[i], 1e-12);
        estimates("mean", column(z, i), first);
        for (int64_t j = 0; j <= i; j++)
            estimates("second moment", pal_mul(column(z, i), column(z, j)),
                      value(pal_sum_all(pal_mul(p, pal_mul(column(at, i), column(at, j))))));
    }
    free(mean);
    pal_tensor_free(all);
}
END_TEST

/* Entropies and divergences in closed form equal the means over samples. Divergences are positive, and 0 between equal
 * distributions. */
START_TEST(entropy_and_divergences_are_those_of_samples)
{
    pal_distribution q = made((size_t)_i, K, 1, "q"), p = made((size_t)_i, K, 1, "p");
    pal_var z = pal_distribution_sample(q, "z", DRAWS, 0), log_q = pal_distribution_log_density(q, z);
    estimates("entropy", pal_neg(log_q), value(pal_distribution_entropy(q)));
    estimates("divergence", pal_sub(log_q, pal_distribution_log_density(p, z)), value(pal_distribution_kl(q, p)));
    estimates("from the prior", pal_sub(log_q, pal_distribution_log_prior(q, z)), value(pal_distribution_kl_prior(q)));
    near(value(pal_distribution_kl(q, prior((size_t)_i, K))), value(pal_distribution_kl_prior(q)), 1e-13);
    near(value(pal_distribution_kl(q, q)), 0, 1e-13);
    ck_assert(value(pal_distribution_kl(q, p)) > 0 && value(pal_distribution_kl_prior(q)) > 0);
    near(value(pal_distribution_kl_prior(prior((size_t)_i, K))), 0, 1e-15);
}
END_TEST

/* The results of each row are those of the row computed alone. */
START_TEST(rows_are_apart)
{
    enum { ROWS = 3, EACH = 4 };
    pal_distribution q = made((size_t)_i, K, ROWS, "q"), p = made((size_t)_i, K, ROWS, "p");
    pal_var z = pal_distribution_sample(q, "z", EACH, 0),
            unit = pal_diagonal_matrix(pal_fill(t, PAL_F64, PAL_SHAPE(K), 1));
    double *all = values(pal_distribution_log_density(q, z)), *kl = values(pal_distribution_kl(q, p)),
           *entropy = values(pal_distribution_entropy(q)), *covariance = values(pal_distribution_covariance(q, unit));
    for (int64_t r = 0; r < ROWS; r++) {
        const int64_t outputs = pal_shape_of(q.parameters).dim[1];
        pal_distribution one = q, other = p;
        one.parameters = pal_slice(q.parameters, (int64_t[]){r, 0}, (int64_t[]){1, outputs}, (int64_t[]){1, 1});
        other.parameters = pal_slice(p.parameters, (int64_t[]){r, 0}, (int64_t[]){1, outputs}, (int64_t[]){1, 1});
        pal_var own = pal_slice(z, (int64_t[]){r, 0, 0}, (int64_t[]){1, EACH, K}, (int64_t[]){1, 1, 1});
        double *alone = values(pal_distribution_log_density(one, own));
        for (size_t s = 0; s < EACH; s++) near(alone[s], all[(size_t)r * EACH + s], 1e-13);
        near(value(pal_distribution_kl(one, other)), kl[r], 1e-13);
        near(value(pal_distribution_entropy(one)), entropy[r], 1e-13);
        near(value(pal_distribution_covariance(one, unit)), covariance[r * K * K], 1e-13);
        free(alone);
    }
    free(all), free(kl), free(entropy), free(covariance);
}
END_TEST

/* An output has one sample and many draws of its code: q has ROWS rows, and the draws have one. The result must be that
 * of copied draws, without a copy. */
START_TEST(a_row_of_draws_goes_with_every_row)
{
    enum { ROWS = 3, EACH = 2 };
    pal_distribution q = made((size_t)_i, K, ROWS, "q"), one = q;
    one.parameters = pal_slice(q.parameters, (int64_t[]){0, 0}, (int64_t[]){1, pal_shape_of(q.parameters).dim[1]},
                               (int64_t[]){1, 1});
    pal_var z = pal_distribution_sample(one, "z", EACH, 0), again = pal_broadcast_to(z, PAL_SHAPE(ROWS, EACH, K));
    pal_var log_p = pal_distribution_log_density(q, z);
    ck_assert(pal_shape_equal(pal_shape_of(log_p), PAL_SHAPE(ROWS, EACH)));
    double *all = values(log_p), *copied = values(pal_distribution_log_density(q, again));
    for (size_t i = 0; i < ROWS * EACH; i++) near(all[i], copied[i], 1e-13);
    free(all), free(copied);
}
END_TEST

/* Exact draws are 0 or 1. Relaxed draws are between 0 and 1; they come closer to 0 and 1 as the temperature falls. */
START_TEST(discrete_draws_are_exact_or_relaxed)
{
    if (!supports[support((size_t)_i)].discrete) return;
    pal_distribution q = made((size_t)_i, K, 1, "q");
    double *exact = values(pal_distribution_sample(q, "z", DRAWS, 0)),
           *warm = values(pal_distribution_sample(q, "w", DRAWS, 0.5)),
           *cold = values(pal_distribution_sample(q, "c", DRAWS, 1e-3));
    size_t between = 0, beside = 0;
    for (size_t i = 0; i < DRAWS * K; i++) {
        ck_assert(exact[i] == 0 || exact[i] == 1);
        ck_assert(warm[i] >= 0 && warm[i] <= 1);
        between += warm[i] > 0.1 && warm[i] < 0.9;
        beside += cold[i] > 0.1 && cold[i] < 0.9;
    }
    ck_assert(between > DRAWS / 4 && beside < DRAWS / 50);
    free(exact), free(warm), free(cold);
}
END_TEST

/* At any temperature, the value that is nearest to a relaxed draw has its exact probability (Maddison, Mnih and Teh
 * 2017, proposition 1). The distance to it approaches 0 with the temperature. */
START_TEST(relaxed_draws_round_to_the_exact_distribution)
{
    static const double temperatures[] = {2, 0.5, 0.1, 1e-3};
    static const char *const streams[] = {"a", "b", "c", "d"};
    enum { T = sizeof temperatures / sizeof *temperatures };
    if (!supports[support((size_t)_i)].discrete) return;
    pal_tensor *all;
    supports[support((size_t)_i)].values(&all);
    pal_distribution q = made((size_t)_i, 2, 1, "q");
    double *log_p = values(pal_distribution_log_density(q, pal_leaf(t, all, "z"))), before = INFINITY;
    const size_t n = pal_tensor_count(all) / 2;
    for (size_t k = 0; k < T; k++) {
        double *z = values(pal_distribution_sample(q, streams[k], DRAWS, temperatures[k])), far = 0, count[4] = {0};
        for (size_t s = 0; s < DRAWS; s++) {
            double nearest = INFINITY;
            size_t which = 0;
            for (size_t v = 0; v < n; v++) {
                const double a = z[2 * s] - pal_tensor_get(all, 2 * v),
                             b = z[2 * s + 1] - pal_tensor_get(all, 2 * v + 1);
                if (hypot(a, b) < nearest) nearest = hypot(a, b), which = v;
            }
            count[which]++;
            far += nearest / DRAWS;
        }
        for (size_t v = 0; v < n; v++) happens("a value", count[v], exp(log_p[v]));
        ck_assert_msg(far < before / 2, "%g at temperature %g", far, temperatures[k]);
        before = far;
        free(z);
    }
    ck_assert_double_lt(before, 1e-2);
    free(log_p);
    pal_tensor_free(all);
}
END_TEST

/* ---- As choices ----------------------------------------------------------------------------------------------- */

static bool is_choice(const char *option, const char *name)
{
    return !pal_option_check(pal_variant_option_find(pal_variant_find("variational"), option), name, NULL);
}

/* Every kind is a choice of `code`. A continuous kind that is also a choice of `output` is a density of the data: it
 * integrates to 1, and its mean is the output's mean. Discrete outputs have recipes of their own. */
START_TEST(kinds_are_codes_and_outputs)
{
    const pal_distribution_kind *kind = pal_distribution_at((size_t)_i);
    const char *name = pal_distribution_name(kind);
    ck_assert_msg(is_choice("code", name), "%s: not among the choices of code", name);
    if (!is_choice("output", name) || supports[support((size_t)_i)].discrete) return;
    pal_error err = {0};
    const pal_setting settings[] = {{"output", name}, {"layers", "2"}, {"sigma-min", "0.25"}};
    pal_model *m = pal_model_new(c, pal_variant_find("variational"), settings, 3, PAL_SHAPE(2), PAL_F64, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_tensor *all;
    const double volume = plane(&all);
    const int64_t n = (int64_t)pal_tensor_count(all) / 2;
    pal_distribution q = made((size_t)_i, 2, 1, "q");
    pal_model_begin(m, t, PAL_EVALUATE);
    ck_assert_int_eq(pal_output_numbers(m), pal_shape_of(q.parameters).dim[1]);
    pal_var decoded = pal_broadcast_to(q.parameters, PAL_SHAPE(n, pal_output_numbers(m)));
    pal_var x = pal_reshape(pal_leaf(t, all, "all"), PAL_SHAPE(n, 2)), log_p = pal_log_likelihood(m, decoded, x);
    pal_var mean = pal_output_mean(m, q.parameters);
    pal_model_end(m);
    near(volume * value(pal_sum_all(pal_exp(log_p))), 1, 1e-12);
    double *at = values(mean), *p = values(pal_exp(log_p)), sum[2] = {0};
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t j = 0; j < 2; j++) sum[j] += volume * p[i] * pal_tensor_get(all, 2 * i + j);
    for (size_t j = 0; j < 2; j++) near(at[j], sum[j], 1e-12);
    free(at), free(p);
    pal_tensor_free(all);
    pal_model_free(m);
}
END_TEST

/* The triangle of a code of two has three numbers t: L = [[e^t2, 0], [t1, e^t0]], Sigma = L L^T. */
START_TEST(full_covariance_is_of_the_factor)
{
    const double given[] = {0.5, -1, -0.2, 0.9, 0.3};
    pal_distribution q = {.kind = pal_distribution_find("normal-full"), .k = 2};
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, 5));
    for (size_t i = 0; i < 5; i++) pal_tensor_set(x, i, given[i]);
    q.parameters = pal_leaf(t, x, "q");
    pal_var z = pal_distribution_sample(q, "z", DRAWS, 0);
    pal_var a = pal_shift(column(z, 0), -0.5), b = pal_shift(column(z, 1), 1);
    estimates("variance", pal_square(a), exp(0.6));
    estimates("covariance", pal_mul(a, b), 0.9 * exp(0.3));
    estimates("variance", pal_square(b), 0.81 + exp(-0.4));
    near(value(pal_distribution_entropy(q)), 0.3 - 0.2 + 1 + log(2 * M_PI), 1e-14);
    pal_tensor_free(x);
}
END_TEST

/* With 0 below the diagonal of L, `normal-full` gives the same results as `normal`. */
START_TEST(full_covariance_without_correlation_is_independent)
{
    pal_distribution full = {.kind = pal_distribution_find("normal-full"), .k = K},
                     plain = {.kind = pal_distribution_find("normal"), .k = K};
    pal_tensor *f = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, K + K * (K + 1) / 2)),
               *p = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1, 2 * K));
    static const size_t diagonal[] = {3, 4, 0}; /* positions in [t3 t4 t5; t5 t4 t3; t2 t1 t0] */
    for (size_t i = 0; i < K; i++) {
        pal_tensor_set(f, i, 0.3 - (double)i);
        pal_tensor_set(p, i, 0.3 - (double)i);
        pal_tensor_set(f, K + diagonal[i], 0.2 * (double)i - 0.1);
        pal_tensor_set(p, K + i, 0.2 * (double)i - 0.1);
    }
    full.parameters = pal_leaf(t, f, "f"), plain.parameters = pal_leaf(t, p, "p");
    near(value(pal_distribution_kl_prior(full)), value(pal_distribution_kl_prior(plain)), 1e-14);
    near(value(pal_distribution_entropy(full)), value(pal_distribution_entropy(plain)), 1e-14);
    pal_var z = pal_distribution_sample(plain, "z", 5, 0);
    double *a = values(pal_distribution_log_density(full, z)), *b = values(pal_distribution_log_density(plain, z));
    for (size_t i = 0; i < 5; i++) near(a[i], b[i], 1e-13);
    free(a), free(b);
    pal_tensor_free(f);
    pal_tensor_free(p);
}
END_TEST

/* ---- Derivatives ---------------------------------------------------------------------------------------------- */

enum { ROWS = 2, EACH = 2 };
typedef pal_var (*quantity)(pal_distribution q, pal_distribution p);

static pal_var of_mean(pal_distribution q, pal_distribution p) { return (void)p, pal_distribution_mean(q); }
static pal_var of_entropy(pal_distribution q, pal_distribution p) { return (void)p, pal_distribution_entropy(q); }
static pal_var of_covariance(pal_distribution q, pal_distribution p)
{
    return pal_distribution_covariance(
        q, pal_slice(p.parameters, (int64_t[]){0, 0}, (int64_t[]){ROWS, K}, (int64_t[]){1, 1}));
}
static pal_var of_prior(pal_distribution q, pal_distribution p) { return (void)p, pal_distribution_kl_prior(q); }
static pal_var of_sample(pal_distribution q, pal_distribution p)
{
    return (void)p, pal_distribution_sample(q, "z", EACH, 0.5);
}
static pal_var of_density(pal_distribution q, pal_distribution p)
{
    return pal_distribution_log_density(q, of_sample(p, q));
}
/* The density of q at exact draws of the prior. */
static pal_var of_density_elsewhere(pal_distribution q, pal_distribution p)
{
    p.parameters = pal_fill(q.parameters.tape, PAL_F64, pal_shape_of(q.parameters), 0);
    return pal_distribution_log_density(q, pal_distribution_sample(p, "z", EACH, 0));
}
static pal_var of_log_prior(pal_distribution q, pal_distribution p)
{
    return pal_distribution_log_prior(q, of_sample(p, q));
}

static const struct {
    const char *name;
    quantity of;
} quantities[] = {{"mean", of_mean},
                  {"covariance", of_covariance},
                  {"entropy", of_entropy},
                  {"prior", of_prior},
                  {"sample", of_sample},
                  {"log-density", of_density},
                  {"log-density elsewhere", of_density_elsewhere},
                  {"log-prior", of_log_prior},
                  {"divergence", pal_distribution_kl}};

typedef struct checked {
    size_t kind, quantity;
} checked;

static pal_var build(pal_tape *tape, const pal_var *in, const void *user)
{
    const checked *of = user;
    pal_distribution q = {.kind = pal_distribution_at(of->kind), .k = K, .parameters = in[0]}, p = q;
    (void)tape;
    p.parameters = in[1];
    return quantities[of->quantity].of(q, p);
}

START_TEST(derivatives_are_right)
{
    made((size_t)_i, K, ROWS, "q"), made((size_t)_i, K, ROWS, "p");
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++)
        for (int order = 1; order <= 2; order++) {
            const checked of = {(size_t)_i, i};
            pal_gradcheck_report report;
            const pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 2};
            ck_assert_int_eq(pal_gradcheck(c, quantities[i].name, build, &of, held, 2, &o, &report), PAL_OK);
            ck_assert_msg(report.verdict == PAL_CHECK_PASS, "%s %s, order %d: %s",
                          pal_distribution_name(pal_distribution_at((size_t)_i)), quantities[i].name, order,
                          report.message);
        }
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------------------------ */

/* A full covariance has a limit on the number of outputs. The error names a remedy. */
START_TEST(too_many_numbers)
{
    pal_error err = {0};
    const pal_distribution_kind *full = pal_distribution_find("normal-full");
    ck_assert_int_eq(pal_distribution_outputs(full, 20, &err), 20 + 210);
    ck_assert_int_eq(pal_distribution_outputs(full, 2000, &err), 0);
    ck_assert_str_eq(err.text, "code normal-full of 2000 units needs 2003000 outputs of the encoder, a mean and a "
                               "triangle: choose --code normal (4000 outputs), or --hidden up to 500");
    ck_assert_int_eq(pal_distribution_outputs(full, 0, NULL), 0);
    ck_assert_int_eq(pal_distribution_outputs(NULL, 1, NULL), 0);
    ck_assert_int_eq(pal_distribution_outputs(pal_distribution_find("normal"), INT64_MAX, NULL), 0);
    ck_assert_ptr_null(pal_distribution_find("gamma"));
    ck_assert_ptr_null(pal_distribution_name(NULL));
}
END_TEST

static void says(pal_var v, const char *text)
{
    ck_assert(!pal_ok(v));
    ck_assert_msg(pal_tape_error(t) && strstr(pal_tape_error(t), text), "%s", pal_tape_error(t));
    ck_assert(!strchr(pal_tape_error(t), '\n'));
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

/* Each misuse gives one line on the tape, and an invalid result instead of a crash. */
START_TEST(misuse_is_told_in_one_line)
{
    const size_t k = (size_t)_i;
    says(pal_distribution_sample(made(k, K, 2, "q"), "z", 0, 0), "at least 1 draw");
    says(pal_distribution_sample(made(k, K, 2, "q"), "z", 1, -1), "temperature");
    says(pal_distribution_sample(made(k, K, 2, "q"), "z", 1, (double)NAN), "temperature");
    says(pal_distribution_log_density(made(k, K, 2, "q"), pal_constant(t, 1)), "expects draws");
    says(pal_distribution_log_density(made(k, K, 2, "q"), pal_fill(t, PAL_F64, PAL_SHAPE(3, 1, K), 0)),
         "expects draws");
    says(pal_distribution_log_prior(made(k, K, 2, "q"), pal_fill(t, PAL_F64, PAL_SHAPE(1, 1, K), 0)), "expects draws");
    says(pal_distribution_covariance(made(k, K, 2, "q"), pal_fill(t, PAL_F64, PAL_SHAPE(2, K + 1), 0)), "expects axes");
    pal_distribution wrong = made(k, K, 2, "q");
    wrong.k = K + 1;
    says(pal_distribution_entropy(wrong), "parameters for 4 numbers");
    says(pal_distribution_kl(made(k, K, 2, "q"), made(k, 2, 2, "p")), "the same kind and size");
    for (int i = 0; i < 2; i++) {
        pal_distribution none = {.kind = i ? pal_distribution_at(k) : NULL, .k = K, .parameters = {0}};
        ck_assert(!pal_ok(pal_distribution_mean(none)) && !pal_ok(pal_distribution_sample(none, "z", 1, 0)));
        ck_assert(!pal_ok(pal_distribution_covariance(none, none.parameters)));
        ck_assert(!pal_ok(pal_distribution_kl(none, none)) && !pal_ok(pal_distribution_kl_prior(none)));
        ck_assert(!pal_ok(pal_distribution_log_prior(none, none.parameters)));
    }
}
END_TEST

Suite *codes_suite(void)
{
    Suite *suite = suite_create("codes");
    TCase *group = add_case(
        suite, "codes", setup, finish,
        TESTS(full_covariance_is_of_the_factor, full_covariance_without_correlation_is_independent, too_many_numbers));
    const TTest *const each[] = {densities_add_up_to_one,
                                 samples_have_the_mean,
                                 samples_have_the_moments_of_the_density,
                                 samples_have_the_covariance,
                                 entropy_and_divergences_are_those_of_samples,
                                 rows_are_apart,
                                 a_row_of_draws_goes_with_every_row,
                                 discrete_draws_are_exact_or_relaxed,
                                 relaxed_draws_round_to_the_exact_distribution,
                                 kinds_are_codes_and_outputs,
                                 derivatives_are_right,
                                 misuse_is_told_in_one_line};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) tcase_add_loop_test(group, each[i], 0, kinds());
    return suite;
}
