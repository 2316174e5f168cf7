/* test_lecture_losses.c - tests what losses make of a code with more units than features, which of them second-order
 * methods can minimise, and why the error is squared. docs/lectures.md has the claims. */
#include "optim/optim.h"
#include "tests/train/lectures.h"
#include "train/internal.h"

Suite *lecture_losses_suite(void);

enum { D = 6, N = 24, PARAMETERS = 400 };
static const pal_shape sample = {.rank = 2, .dim = {2, 3}};

/* ---- Codes with more units than features ---------------------------------------------------------------------- */

/* A loss with its gradients by every parameter, as a function of the parameters one after the other. */
typedef struct objective {
    pal_model *m;
    pal_tensor *x;
    pal_tape *tape;
    pal_program *program;
} objective;

static objective objective_of(pal_model *m, pal_tensor *x)
{
    objective o = {m, x, pal_tape_new(c, PAL_F64), NULL};
    pal_var leaves[VALUES], outputs[VALUES];
    const size_t n = pal_model_parameter_count(m);
    pal_model_begin(m, o.tape, PAL_TRAIN);
    outputs[0] = loss_of(m, pal_leaf(o.tape, x, "x"));
    pal_model_leaves(m, o.tape, leaves);
    pal_model_end(m);
    pal_grad(outputs[0], leaves, n, outputs + 1);
    o.program = pal_compile(o.tape, outputs, n + 1, NULL);
    ck_assert_tape_ok(o.tape);
    return o;
}

static void free_objective(objective *o)
{
    pal_program_free(o->program);
    pal_tape_free(o->tape);
    pal_tensor_free(o->x);
    pal_model_free(o->m);
}

/* pal_lbfgs_fn */
static pal_status value_and_gradient(const double *at, double *value, double *gradient, void *user)
{
    const objective *o = user;
    for (size_t i = 0; i < pal_model_parameter_count(o->m); i++) {
        pal_tensor *p = pal_model_parameter(o->m, i, NULL);
        memcpy(p->data, at, pal_tensor_bytes(p));
        at += pal_tensor_count(p);
    }
    if (pal_run(o->program)) return PAL_ERR_NUMERIC;
    *value = pal_tensor_get(pal_output(o->program, 0), 0);
    for (size_t i = 1; i <= pal_model_parameter_count(o->m); i++) {
        const pal_tensor *g = pal_output(o->program, i);
        memcpy(gradient, g->data, pal_tensor_bytes(g));
        gradient += pal_tensor_count(g);
    }
    return PAL_OK;
}

/* Starts at random parameters and takes at most this many iterations. The minimum that is found is in the model. */
static pal_lbfgs_result minimise(objective *o, int64_t iterations)
{
    double at[PARAMETERS], gradient[PARAMETERS], value;
    size_t n = 0;
    pal_lbfgs_result result;
    fill_parameters(o->m, 0.5);
    for (size_t i = 0; i < pal_model_parameter_count(o->m); i++) {
        const pal_tensor *p = pal_model_parameter(o->m, i, NULL);
        memcpy(at + n, p->data, pal_tensor_bytes(p));
        n += pal_tensor_count(p);
    }
    ck_assert_uint_le(n, PARAMETERS);
    const pal_lbfgs_options options = {.struct_size = sizeof options, .iterations = iterations, .gradient = 1e-9};
    ck_assert_int_eq(pal_lbfgs(at, n, value_and_gradient, o, &options, &result, NULL), PAL_OK);
    ck_assert_int_eq(value_and_gradient(at, &value, gradient, o), PAL_OK);
    ck_assert(value == result.value);
    return result;
}

/* N centred samples in whose covariance every pair of features is correlated. s [D] receives its eigenvalues,
 * descending, and u [D,D] its eigenvectors as rows. */
static pal_tensor *centred_samples(double s[D], double u[D * D])
{
    pal_tensor *z = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), -1, 1, "z"),
               *mix = random_tensor(c, PAL_F64, PAL_SHAPE(D, D), -1, 1, "mix"),
               *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(N, D));
    double copy[N * D];
    for (size_t j = 0; j < D; j++) {
        double sum = 0;
        for (size_t i = 0; i < N; i++) {
            double at = 0;
            for (size_t k = 0; k < D; k++)
                at += pal_tensor_get(z, i * D + k) * pal_tensor_get(mix, k * D + j) / (double)(k + 1);
            pal_tensor_set(x, i * D + j, at);
            sum += at / N;
        }
        for (size_t i = 0; i < N; i++) pal_tensor_set(x, i * D + j, pal_tensor_get(x, i * D + j) - sum);
    }
    memcpy(copy, x->data, sizeof copy);
    ck_assert_int_eq(palt__svd(c, N, D, copy, s, u, NULL), PAL_OK);
    for (size_t k = 0; k < D; k++) s[k] = s[k] * s[k] / N;
    pal_tensor_free(z), pal_tensor_free(mix);
    return x;
}

#define LINEAR                                                                                                         \
    {"activation", "linear"}, { "output", "squared" }

/* The gain of the linear map x -> x^ along each eigenvector: u_k M u_k', where x^ = x M + constant. */
static void gains(pal_model *m, const double u[D * D], double gain[D])
{
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(D + 1, D));
    memcpy(x->data, u, D * D * sizeof *u);
    values y = run(m, x, PAL_EVALUATE, pal_model_reconstruct);
    for (size_t k = 0; k < D; k++) {
        gain[k] = 0;
        for (size_t i = 0; i < D; i++)
            gain[k] += u[k * D + i] * (pal_tensor_get(y.value[0], k * D + i) - pal_tensor_get(y.value[0], D * D + i));
    }
    free_values(&y);
    pal_tensor_free(x);
}

/* A linear autoencoder with 8 units for 6 features can copy: its least loss is 0, at gain 1. With lambda ||J||^2 and
 * tied weights, the loss of the gain m along a direction of variance s is s (1 - m)^2 / 2 + lambda m. So the best gain
 * is 1 - lambda / s, or 0 where s < lambda: it drops the directions in which the data hardly vary. L-BFGS finds both
 * minima, and its value falls in every iteration. */
START_TEST(a_contraction_ends_copying_and_lbfgs_finds_its_minimum)
{
    double s[D], u[D * D], gain[D], least = 0;
    pal_tensor *x = centred_samples(s, u), *again = centred_samples(s, u);
    objective plain = objective_of(model_of("basic", (pal_setting[]){{"hidden", "8"}, LINEAR, {0}}, sample), x),
              contracted = objective_of(
                  model_of("contractive", (pal_setting[]){{"hidden", "8"}, {"lambda", "0.05"}, LINEAR, {0}}, sample),
                  again);
    const double lambda = 0.05;
    ck_assert(s[D - 1] < 0.5 * lambda && s[0] > 5 * lambda);
    ck_assert_double_eq_tol(minimise(&plain, 1000).value, 0, 1e-12);
    gains(plain.m, u, gain);
    for (size_t k = 0; k < D; k++) ck_assert_double_eq_tol(gain[k], 1, 1e-5);

    double before = INFINITY;
    for (int64_t iterations = 1; iterations <= 25; iterations++) {
        const double value = minimise(&contracted, iterations).value;
        ck_assert_double_lt(value, before);
        before = value;
    }
    const double found = minimise(&contracted, 1000).value;
    gains(contracted.m, u, gain);
    for (size_t k = 0; k < D; k++) {
        const double best = fmax(0, 1 - lambda / s[k]);
        ck_assert_double_eq_tol(gain[k], best, 1e-5);
        least += s[k] * (1 - best) * (1 - best) / 2 + lambda * best;
    }
    ck_assert_double_eq_tol(found, least, 1e-9);
    free_objective(&plain), free_objective(&contracted);
}
END_TEST

/* Without tied weights a contraction does not end copying: with W / t and t V the reconstruction is the same, and the
 * penalty is divided by t^2. */
START_TEST(a_contraction_without_tied_weights_can_be_evaded)
{
    enum { UNITS = 8 };
    const pal_setting settings[] = {{"hidden", "8"}, {"lambda", "0.05"}, LINEAR, {"tied", "no"}, {0}};
    pal_model *m = model_of("contractive", settings, sample);
    pal_tensor *x = batch_of(m, N), *w = pal_model_parameter_find(m, "encoder/W"),
               *v = pal_model_parameter_find(m, "decoder/W");
    fill_parameters(m, 0);
    for (double t = 1; t < 1e4; t *= 10) {
        for (size_t i = 0; i < D; i++) pal_tensor_set(w, i * UNITS + i, 1 / t), pal_tensor_set(v, i * D + i, t);
        ck_assert_double_eq_tol(loss(m, x) * t * t, 0.05 * D, 1e-12);
    }
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* With noise of variance sigma^2 on the inputs, the best linear map is S (S + sigma^2)^-1, the filter of Wiener: the
 * gain is s / (s + sigma^2) and not 1. There the mean of the gradient over the noise is 0. At the identity the mean of
 * the gradient by the decoder is sigma^2 times the identity. The means are over 400 noisy copies of the data. */
START_TEST(noise_ends_copying)
{
    enum { UNITS = 8, CLOCKS = 400 };
    double s[D], u[D * D];
    pal_tensor *x = centred_samples(s, u);
    objective o = objective_of(
        model_of(
            "denoising",
            (pal_setting[]){{"hidden", "8"}, LINEAR, {"tied", "no"}, {"corruption", "gaussian"}, {"sigma", "0.5"}, {0}},
            sample),
        x);
    pal_tensor *w = pal_model_parameter_find(o.m, "encoder/W"), *v = pal_model_parameter_find(o.m, "decoder/W");
    size_t at = 0;
    while (pal_model_parameter(o.m, at, NULL) != v) at++;
    for (size_t i = 0; i < pal_model_parameter_count(o.m); i++) {
        pal_tensor *p = pal_model_parameter(o.m, i, NULL);
        memset(p->data, 0, pal_tensor_bytes(p));
    }
    for (size_t i = 0; i < D; i++) pal_tensor_set(w, i * UNITS + i, 1);
    for (int wiener = 0; wiener < 2; wiener++) {
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j < D; j++) {
                double filter = 0;
                for (size_t k = 0; k < D; k++) filter += u[k * D + i] * u[k * D + j] * s[k] / (s[k] + 0.25);
                pal_tensor_set(v, i * D + j, wiener ? filter : i == j);
            }
        double gradient[D * D] = {0};
        for (uint64_t clock = 0; clock < CLOCKS; clock++) {
            pal_program_set_noise(o.program, (pal_noise){.seed = 2, .clock = clock});
            ck_assert_int_eq(pal_run(o.program), PAL_OK);
            for (size_t i = 0; i < D * D; i++) gradient[i] += pal_tensor_get(pal_output(o.program, at + 1), i) / CLOCKS;
        }
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j < D; j++)
                ck_assert_double_eq_tol(gradient[i * D + j], !wiener && i == j ? 0.25 : 0, 0.03);
    }
    free_objective(&o);
}
END_TEST

/* Of the units x and -x, the k largest are the k largest |x_i|. With k = 6 a k-sparse autoencoder copies its input of
 * 6 features. With a smaller k it loses the other features, whatever the number of units. */
START_TEST(few_active_units_end_copying)
{
    for (int k = 1; k <= D; k++) {
        const char text[] = {(char)('0' + k), 0};
        pal_model *m = model_of("k-sparse", (pal_setting[]){{"hidden", "12"}, {"k", text}, LINEAR, {0}}, sample);
        static const double given[D] = {0.5, -2, 0.1, 1, -0.7, 0.3}, squares[D] = {0.01, 0.09, 0.25, 0.49, 1, 4};
        double lost = 0;
        for (int i = 0; i < D - k; i++) lost += squares[i] / 2;
        fill_parameters(m, 0);
        pal_tensor *w = pal_model_parameter_find(m, "encoder/W"), *x = tensor_of(PAL_SHAPE(1, D), given);
        for (size_t i = 0; i < D; i++) pal_tensor_set(w, i * 13, 1), pal_tensor_set(w, i * 13 + 6, -1);
        ck_assert_double_eq_tol(loss(m, x), lost, 1e-15);
        pal_tensor_free(x);
        pal_model_free(m);
    }
}
END_TEST

/* At a copy by tied weights W the error is 0, and so is its gradient. What remains along W is the slope of the penalty
 * lambda ||h||_1: the mean of lambda ||x||_1. So a smaller W has a smaller loss, and the copy is no minimum. */
START_TEST(a_sparsity_penalty_ends_copying)
{
    enum { UNITS = 8 };
    const pal_setting settings[] = {{"hidden", "8"}, {"sparsity", "l1"}, {"lambda", "0.3"}, LINEAR, {0}};
    pal_model *m = model_of("sparse", settings, sample);
    pal_tensor *x = batch_of(m, N), *w = pal_model_parameter_find(m, "encoder/W");
    double along = 0, size = 0;
    size_t at = 0;
    while (pal_model_parameter(m, at, NULL) != w) at++;
    fill_parameters(m, 0);
    for (size_t i = 0; i < D; i++) pal_tensor_set(w, i * UNITS + i, 1);
    for (size_t i = 0; i < N * D; i++) size += fabs(pal_tensor_get(x, i)) / N;
    values v = run_at(m, x, PAL_TRAIN, loss_of, true, (pal_noise){0});
    for (size_t i = 0; i < D; i++) along += pal_tensor_get(v.value[at + 1], i * UNITS + i);
    ck_assert_double_eq_tol(along, 0.3 * size, 1e-12);
    const double copied = loss(m, x);
    ck_assert_double_eq_tol(copied, 0.3 * size, 1e-12);
    for (size_t i = 0; i < D; i++) pal_tensor_set(w, i * UNITS + i, 0.99);
    ck_assert_double_lt(loss(m, x), copied);
    free_values(&v);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* ---- Second-order methods ------------------------------------------------------------------------------------- */

/* Whether loss and gradients have the same bits in two steps of training. */
static bool deterministic(const char *variant, const pal_setting *settings)
{
    pal_model *m = model_of(variant, settings, sample);
    fill_parameters(m, 1);
    objective o = objective_of(m, batch_of(m, N));
    double first[PARAMETERS] = {0}, second[PARAMETERS] = {0}, *const out[] = {first, second};
    for (uint64_t clock = 0; clock < 2; clock++) {
        pal_program_set_noise(o.program, (pal_noise){.seed = 1, .clock = clock});
        ck_assert_int_eq(pal_run(o.program), PAL_OK);
        size_t n = 0;
        for (size_t i = 0; i <= pal_model_parameter_count(m); i++) {
            const pal_tensor *value = pal_output(o.program, i);
            memcpy(out[clock] + n, value->data, pal_tensor_bytes(value));
            n += pal_tensor_count(value);
        }
        ck_assert(n > 1 && n <= PARAMETERS);
    }
    free_objective(&o);
    return !memcmp(first, second, sizeof first);
}

/* The gradient of a contraction is a function of parameters and data, for all data at once. So a line search may
 * compare two values of the loss. That of a corruption depends on the noise of the step, too, and so does an estimated
 * norm. */
START_TEST(a_contraction_has_a_deterministic_gradient_and_a_corruption_has_not)
{
    ck_assert(deterministic("contractive", (pal_setting[]){{"hidden", "8"}, {0}}));
    ck_assert(deterministic("contractive", (pal_setting[]){{"layers", "7,5"}, {"jacobian", "rows"}, {0}}));
    ck_assert(deterministic("sparse", (pal_setting[]){{"hidden", "8"}, {0}}));
    ck_assert(!deterministic("contractive", (pal_setting[]){{"hidden", "8"}, {"jacobian", "hutchinson"}, {0}}));
    ck_assert(!deterministic("denoising", (pal_setting[]){{"hidden", "8"}, {"masking", "0.5"}, {0}}));
    ck_assert(!deterministic("basic", (pal_setting[]){{"hidden", "8"}, {"dropout", "0.5"}, {0}}));
}
END_TEST

/* ---- Why the error is squared --------------------------------------------------------------------------------- */

/* ||x - x^||^2 is smooth at 0, and the constant x^ that is best for it is the mean: the library's loss of a model whose
 * weights are 0 has the gradient 0 there. ||x - x^|| has a gradient of length 1 on all sides of 0, and its best
 * constant is a median: four equal points outweigh one, wherever that is. */
START_TEST(squares_have_the_mean_and_norms_have_a_median)
{
    enum { POINTS = 5 };
    double given[POINTS * D] = {0}, centre[D] = {0};
    for (size_t i = 0; i < D; i++) given[(POINTS - 1) * D + i] = 10, centre[i] = 10.0 / POINTS;
    pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "2"}, LINEAR, {0}}, sample);
    fill_parameters(m, 0);
    pal_tensor *x = tensor_of(PAL_SHAPE(POINTS, D), given), *at = pal_model_parameter_find(m, "decoder/b");
    memcpy(at->data, centre, sizeof centre);
    values v = run_at(m, x, PAL_TRAIN, loss_of, true, (pal_noise){0});
    for (size_t k = 1; k < v.n; k++)
        for (size_t i = 0; i < pal_tensor_count(v.value[k]); i++)
            ck_assert_double_eq_tol(pal_tensor_get(v.value[k], i), 0, 1e-14);
    free_values(&v);

    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var b = pal_leaf(t, at, "b"), residual = pal_sub(pal_leaf(t, x, "x"), b), slope[2];
    pal_var square = pal_sum_squares(residual), length = pal_sum_all(pal_norm(residual, 1 << 1, false));
    ck_assert_int_eq(pal_grad(length, &b, 1, slope), PAL_OK);
    ck_assert_int_eq(pal_grad(square, &b, 1, slope + 1), PAL_OK);
    ck_assert_double_gt(number(pal_norm(slope[0], 1, false)),
                        2.9); /* at the mean: 4 pull to one side, 1 to the other */
    const double of_mean[] = {number(length), number(square)};
    for (size_t i = 0; i < D; i++) pal_tensor_set(at, i, 0);
    ck_assert_double_lt(number(length), of_mean[0] - 1);
    ck_assert_double_gt(number(square), of_mean[1] + 1);

    pal_var one = pal_leaf(t, tensor_of(PAL_SHAPE(1), (const double[]){0}), "one"), of_one[2];
    ck_assert_int_eq(pal_grad(pal_norm(one, 1, false), &one, 1, of_one), PAL_OK);
    ck_assert_int_eq(pal_grad(pal_sum_squares(one), &one, 1, of_one + 1), PAL_OK);
    for (int side = -1; side <= 1; side += 2) {
        pal_tensor_set(pal_leaf_tensor(one), 0, side * 1e-9);
        ck_assert_double_eq(number(of_one[0]), side);
        ck_assert_double_eq(number(of_one[1]), side * 2e-9);
    }
    pal_tensor_free(pal_leaf_tensor(one));
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* Sums over the samples of the squared distance, and of the distance, to the line through 0 at this angle. */
static void distances(const double (*points)[2], size_t n, double angle, double out[2])
{
    out[0] = out[1] = 0;
    for (size_t i = 0; i < n; i++) {
        const double off = points[i][1] * cos(angle) - points[i][0] * sin(angle);
        out[0] += off * off, out[1] += fabs(off);
    }
}

/* Eckart and Young's theorem is about squares. The line with the least sum of squared distances is the leading singular
 * vector. The line with the least sum of distances is another one, which goes through most of the points. */
START_TEST(the_principal_direction_is_best_for_squares_only)
{
    static const double points[][2] = {{1, 0}, {-1, 0}, {2, 0}, {-2, 0}, {0.5, 2}, {-0.5, -2}};
    enum { POINTS = sizeof points / sizeof *points, STEPS = 3142 };
    double copy[POINTS * 2], s[2], vt[4], least[2] = {INFINITY, INFINITY}, at[2] = {0};
    memcpy(copy, points, sizeof copy);
    ck_assert_int_eq(palt__svd(c, POINTS, 2, copy, s, vt, NULL), PAL_OK);
    for (int i = 0; i < STEPS; i++) {
        double sum[2];
        distances(points, POINTS, i * 1e-3, sum);
        for (int k = 0; k < 2; k++)
            if (sum[k] < least[k]) least[k] = sum[k], at[k] = i * 1e-3;
    }
    ck_assert_double_eq_tol(fabs(cos(at[0]) * vt[0] + sin(at[0]) * vt[1]), 1, 1e-6);
    ck_assert_double_eq_tol(least[0], s[1] * s[1], 1e-5);
    ck_assert_double_eq(at[1], 0);
    ck_assert_double_gt(fabs(at[0] - at[1]), 0.2);
}
END_TEST

Suite *lecture_losses_suite(void)
{
    Suite *suite = suite_create("lecture_losses");
    add_case(suite, "losses", set_up, tear_down,
             TESTS(a_contraction_ends_copying_and_lbfgs_finds_its_minimum,
                   a_contraction_without_tied_weights_can_be_evaded, noise_ends_copying, few_active_units_end_copying,
                   a_sparsity_penalty_ends_copying, a_contraction_has_a_deterministic_gradient_and_a_corruption_has_not,
                   squares_have_the_mean_and_norms_have_a_median, the_principal_direction_is_best_for_squares_only));
    return suite;
}
