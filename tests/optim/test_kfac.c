/* test_kfac.c - K-FAC against explicit matrices: its factors, the direction and the length of a step, and a
 * least-squares problem in one step. */
#include "tests/optim/kfac_problem.h"

Suite *kfac_suite(void);

static double at(const pal_tensor *a, int64_t i, int64_t j)
{
    return pal_tensor_get(a, (size_t)(i * a->shape.dim[1] + j));
}

/* The gradient of a scalar by a parameter, and by its bias as a last row (side 0) or column (side 1): [r,c] in memory
 * that the caller frees. */
static double *gradient_matrix(problem *p, pal_var y, size_t w, size_t b, int side, int64_t r, int64_t k)
{
    pal_var g[2];
    const pal_var of[2] = {p->leaf[w], p->leaf[b]};
    const size_t all = (size_t)(r * k);
    double *out = calloc(all, sizeof *out), *weight = calloc(all, sizeof *weight), *bias = calloc(all, sizeof *bias);
    pal_grad(y, of, 2, g);
    ck_assert_int_eq(pal_eval(g[0], weight), PAL_OK);
    ck_assert_int_eq(pal_eval(g[1], bias), PAL_OK);
    const int64_t rows = r - (side == 0 && w != b), columns = k - (side == 1 && w != b);
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < k; j++)
            out[i * k + j] = i < rows && j < columns ? weight[i * columns + j] : side == 0 ? bias[j] : bias[i];
    free(weight);
    free(bias);
    return out;
}

/* ---- Factors -------------------------------------------------------------------------------------------------- */

/* With one sample, and one position, the gradient of the sampled loss is one outer product: the Kronecker product of
 * the factors is that of the gradient with itself, exactly. */
static void check_exact(problem *p, const char *weight, size_t w, size_t b, int side)
{
    trained t = train(p, 1);
    char name[64];
    pal_mark mark = pal_tape_mark(p->tape);
    snprintf(name, sizeof name, "kfac/rows/%s", weight);
    const pal_tensor *rows = state(&t, name);
    snprintf(name, sizeof name, "kfac/columns/%s", weight);
    const pal_tensor *columns = state(&t, name);
    const int64_t r = rows->shape.dim[0], k = columns->shape.dim[0];
    double *g = gradient_matrix(p, p->sampled, w, b, side, r, k);
    pal_tape_rewind(p->tape, mark);
    step(&t, 1);
    double most = 0;
    for (int64_t i = 0; i < r * k; i++) most = fmax(most, fabs(g[i]));
    ck_assert_double_gt(most, 1e-3);
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < r; j++)
            for (int64_t u = 0; u < k; u++)
                for (int64_t v = 0; v < k; v++)
                    ck_assert_msg(
                        fabs(at(rows, i, j) * at(columns, u, v) - g[i * k + u] * g[j * k + v]) <= 1e-12 * most * most,
                        "%s: %lld %lld, %lld %lld", weight, (long long)i, (long long)j, (long long)u, (long long)v);
    free(g);
    finish(p, &t);
}

START_TEST(one_sample_has_an_exact_factorisation)
{
    enum { D = 3, K = 2, SIDE = 2 };
    static const char *const of[] = {"W", "W'", "W permuted", "filters", "filters back", "filters turned", "b alone"};
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    const bool maps = _i >= 3 && _i <= 5;
    const pal_shape in = maps ? PAL_SHAPE(1, D, _i == 3 ? SIDE : 1, _i == 3 ? SIDE : 1) : PAL_SHAPE(1, D);
    pal_tensor *x = random_tensor(c, PAL_F64, in, 0.2, 1, "x");
    const pal_var input = pal_leaf(p.tape, x, "x");
    pal_var s = {0};
    const pal_shape filter = _i == 4 ? PAL_SHAPE(D, K, SIDE, SIDE) : PAL_SHAPE(K, D, SIDE, SIDE);
    if (_i == 0) s = pal_matmul(input, parameter(&p, "W", PAL_SHAPE(D, K)));
    if (_i == 1) s = pal_matmul_t(input, parameter(&p, "W", PAL_SHAPE(K, D)), false, true);
    if (_i == 2) s = pal_matmul(input, pal_transpose(parameter(&p, "W", PAL_SHAPE(K, D))));
    if (_i == 3) s = pal_conv2d(input, parameter(&p, "W", filter), NULL);
    if (_i == 4) s = pal_conv_transpose2d(input, parameter(&p, "W", filter), NULL);
    if (_i == 5) s = pal_conv_transpose2d(input, pal_permute(parameter(&p, "W", filter), (int[]){1, 0, 2, 3}), NULL);
    if (_i == 6) s = input;
    pal_var b = parameter(&p, "b", PAL_SHAPE(_i == 6 ? D : K));
    s = pal_add(s, maps ? pal_reshape(b, PAL_SHAPE(K, 1, 1)) : b);
    if (maps) s = pal_reshape(s, PAL_SHAPE(1, -1));
    pal_var z = pal_tanh(s);
    pal_tensor *target = random_tensor(c, PAL_F64, pal_shape_of(z), -1, 1, "target");
    pal_tensor *noise = random_tensor(c, PAL_F64, pal_shape_of(z), 0.5, 2, "noise");
    likelihood(&p, z, target, noise);
    if (_i == 6)
        check_exact(&p, "b", 0, 0, 0);
    else if (_i < 4)
        check_exact(&p, "W", 0, 1, _i > 0);
    else if (_i == 4)
        check_exact(&p, "W", 0, 0, 0);
    else { /* the matrix of turned filters is that of the exchanged ones: only its products with itself are compared */
        trained t = train(&p, 1);
        step(&t, 1);
        ck_assert_int_eq(state(&t, "kfac/rows/W")->shape.dim[0], D);
        ck_assert_int_eq(state(&t, "kfac/columns/W")->shape.dim[0], K * SIDE * SIDE);
        ck_assert(has_state(&t, "kfac/rows/b"));
        finish(&p, &t);
    }
    ck_assert_ptr_nonnull(of[_i]);
    pal_tensor_free(x);
    pal_tensor_free(target);
    pal_tensor_free(noise);
}
END_TEST

/* x W + b, then tanh, then a second layer with the transposed weight. One sample: each use is exact, and the factors of
 * the block are those of the two uses, balanced. Twice their product is at least the sum of both. */
START_TEST(a_tied_weight_covers_both_uses)
{
    enum { D = 3, K = 2 };
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(1, D), 0.2, 1, "x");
    const pal_var w = parameter(&p, "W", PAL_SHAPE(D, K)), b = parameter(&p, "b", PAL_SHAPE(K)),
                  e = parameter(&p, "c", PAL_SHAPE(D)), in = pal_leaf(p.tape, x, "x");
    const pal_var s = pal_add(pal_matmul(in, w), b), h = pal_tanh(s), z = pal_add(pal_matmul_t(h, w, false, true), e);
    pal_tensor *target = random_tensor(c, PAL_F64, PAL_SHAPE(1, D), -1, 1, "target");
    pal_tensor *noise = random_tensor(c, PAL_F64, PAL_SHAPE(1, D), 0.5, 2, "noise");
    likelihood(&p, z, target, noise);
    trained t = train(&p, 1);
    pal_var g[2];
    double a1[D], g1[K], a2[K], g2[D];
    const pal_mark mark = pal_tape_mark(p.tape);
    pal_grad(p.sampled, (pal_var[]){s, z}, 2, g);
    pal_eval(in, a1), pal_eval(g[0], g1), pal_eval(h, a2), pal_eval(g[1], g2);
    pal_tape_rewind(p.tape, mark);
    step(&t, 1);
    const pal_tensor *rows = state(&t, "kfac/rows/W"), *columns = state(&t, "kfac/columns/W");
    ck_assert_int_eq(rows->shape.dim[0], D);
    ck_assert_int_eq(columns->shape.dim[0], K);
    double size[4] = {0}, least = INFINITY;
    for (int i = 0; i < D; i++) size[0] += a1[i] * a1[i] / D, size[3] += g2[i] * g2[i] / D;
    for (int i = 0; i < K; i++) size[1] += g1[i] * g1[i] / K, size[2] += a2[i] * a2[i] / K;
    const double r1 = sqrt(size[1] / size[0]), r2 = sqrt(size[2] / size[3]);
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            ck_assert_double_eq_tol(at(rows, i, j), (a1[i] * a1[j] * r1 + g2[i] * g2[j] * r2) / 2, 1e-12);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++)
            ck_assert_double_eq_tol(at(columns, i, j), g1[i] * g1[j] / r1 + a2[i] * a2[j] / r2, 1e-12);
    for (int trial = 0; trial < 200; trial++) {
        double v[D * K], product = 0, sum1 = 0, sum2 = 0;
        pal_noise_normal((pal_noise){.seed = 5, .clock = (uint64_t)trial}, "v", 0, D * K, v);
        for (int i = 0; i < D; i++)
            for (int u = 0; u < K; u++) {
                sum1 += v[i * K + u] * a1[i] * g1[u];
                sum2 += v[i * K + u] * g2[i] * a2[u];
                for (int j = 0; j < D; j++)
                    for (int m = 0; m < K; m++)
                        product += v[i * K + u] * v[j * K + m] * at(rows, i, j) * at(columns, u, m);
            }
        least = fmin(least, 2 * product - sum1 * sum1 - sum2 * sum2);
    }
    ck_assert_double_ge(least, -1e-12);
    ck_assert(has_state(&t, "kfac/rows/b") && has_state(&t, "kfac/rows/c"));
    finish(&p, &t);
    pal_tensor_free(x);
    pal_tensor_free(target);
    pal_tensor_free(noise);
}
END_TEST

/* ---- Directions and steps ------------------------------------------------------------------------------------- */

/* Solves A x = b [n] by elimination. */
static void solve(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert_double_gt(fabs(a[i * n + i]), 0); /* positive definite: no exchange is needed */
        for (size_t r = 0; r < n; r++) {
            const double f = a[r * n + i] / a[i * n + i];
            if (r == i) continue;
            for (size_t k = 0; k < n; k++) a[r * n + k] -= f * a[i * n + k];
            b[r] -= f * b[i];
        }
    }
    for (size_t i = 0; i < n; i++) b[i] /= a[i * n + i];
}

/* The second step is along the direction of the damped Kronecker product as a whole matrix, and as long as the exact
 * quadratic model says. */
START_TEST(the_step_is_that_of_the_explicit_matrix)
{
    enum { N = 5, D = 3, K = 2, R = D + 1, ALL = R * K };
    static const double dampings[] = {1e-6, 0.01, 1, 100};
    const double lambda = dampings[_i], gamma = sqrt(lambda);
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), -1, 1, "x");
    const pal_var in = pal_leaf(p.tape, x, "x");
    const pal_var w = parameter(&p, "W", PAL_SHAPE(D, K)), b0 = parameter(&p, "b", PAL_SHAPE(K));
    const pal_var z = pal_tanh(pal_affine(in, w, b0));
    pal_tensor *target = random_tensor(c, PAL_F64, PAL_SHAPE(N, K), -1, 1, "target");
    pal_tensor *noise = random_tensor(c, PAL_F64, PAL_SHAPE(N, K), -2, 2, "noise");
    likelihood(&p, z, target, noise);
    trained t = train(&p, lambda);
    const pal_mark mark = pal_tape_mark(p.tape);
    double *g = gradient_matrix(&p, p.loss, 0, 1, 0, R, K), fisher[ALL * ALL] = {0};
    for (int row = 0; row < N; row++) /* the exact Fisher matrix: sum over rows and outputs of J'J / N */
        for (int k = 0; k < K; k++) {
            pal_var one = pal_slice(p.z, (int64_t[]){row, k}, (int64_t[]){1, 1}, (int64_t[]){1, 1});
            double *j = gradient_matrix(&p, pal_reshape(one, PAL_SCALAR), 0, 1, 0, R, K);
            for (int a = 0; a < ALL; a++)
                for (int b = 0; b < ALL; b++) fisher[a * ALL + b] += j[a] * j[b] / N;
            free(j);
        }
    pal_tape_rewind(p.tape, mark);
    double before[ALL], full[ALL * ALL], direction[ALL];
    step(&t, 1);
    for (int i = 0; i < ALL; i++) before[i] = pal_tensor_get(p.parameter[i / K == D], (size_t)(i / K == D ? i % K : i));
    const pal_tensor *rows = state(&t, "kfac/rows/W"), *columns = state(&t, "kfac/columns/W");
    double means[2] = {0};
    for (int i = 0; i < R; i++) means[0] += at(rows, i, i) / R;
    for (int i = 0; i < K; i++) means[1] += at(columns, i, i) / K;
    const double pi = sqrt(means[0] / means[1]);
    for (int a = 0; a < ALL; a++) {
        direction[a] = -g[a];
        for (int b = 0; b < ALL; b++) {
            const int i = a / K, u = a % K, j = b / K, v = b % K;
            full[a * ALL + b] = (at(rows, i, j) + (i == j) * pi * gamma) * (at(columns, u, v) + (u == v) * gamma / pi);
        }
    }
    solve(full, direction, ALL);
    double slope = 0, bend = 0;
    for (int a = 0; a < ALL; a++) {
        slope += g[a] * direction[a];
        for (int b = 0; b < ALL; b++) bend += direction[a] * (fisher[a * ALL + b] + (a == b) * lambda) * direction[b];
    }
    step(&t, 2);
    double largest = 0;
    for (int a = 0; a < ALL; a++) largest = fmax(largest, fabs(slope / bend * direction[a]));
    for (int i = 0; i < ALL; i++) {
        const double now = pal_tensor_get(p.parameter[i / K == D], (size_t)(i / K == D ? i % K : i));
        ck_assert_double_eq_tol(now - before[i], -slope / bend * direction[i], 1e-8 * largest);
    }
    ck_assert_double_eq_tol(pal_tensor_get(state(&t, "kfac/promised"), 0), -0.5 * slope * slope / bend,
                            1e-8 * slope * slope / bend);
    free(g);
    finish(&p, &t);
    pal_tensor_free(x);
    pal_tensor_free(target);
    pal_tensor_free(noise);
}
END_TEST

/* Linear least squares. With noise whose columns are orthogonal the factors are exact, and so is the quadratic model:
 * the first step with inverses ends at the minimum. */
START_TEST(least_squares_takes_one_step)
{
    enum { N = 8, D = 3, K = 2 };
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), -1, 1, "x");
    const pal_var in = pal_leaf(p.tape, x, "x");
    const pal_var w = parameter(&p, "W", PAL_SHAPE(D, K)), z = pal_affine(in, w, parameter(&p, "b", PAL_SHAPE(K)));
    pal_tensor *target = random_tensor(c, PAL_F64, PAL_SHAPE(N, K), -1, 1, "target");
    pal_tensor *noise = pal_tensor_new(c, PAL_F64, PAL_SHAPE(N, K));
    for (size_t i = 0; i < N; i++) {
        pal_tensor_set(noise, i * K, 1);
        pal_tensor_set(noise, i * K + 1, i % 2 ? 1 : -1);
    }
    likelihood(&p, z, target, noise);
    pal_var g[2];
    double of[D * K], bias[K];
    trained t = train(&p, 1e-13);
    const double at_start = step(&t, 1);
    ck_assert_double_eq(step(&t, 2), at_start); /* the first step only measures */
    const double at_end = step(&t, 3);
    ck_assert_double_lt(at_end, at_start);
    pal_grad(p.loss, p.leaf, 2, g);
    pal_eval(g[0], of), pal_eval(g[1], bias);
    for (int i = 0; i < D * K; i++) ck_assert_double_le(fabs(of[i]), 1e-5);
    for (int i = 0; i < K; i++) ck_assert_double_le(fabs(bias[i]), 1e-5);
    finish(&p, &t);
    pal_tensor_free(x);
    pal_tensor_free(target);
    pal_tensor_free(noise);
}
END_TEST

Suite *kfac_suite(void)
{
    Suite *s = suite_create("kfac");
    TCase *t = tcase_create("kfac");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, one_sample_has_an_exact_factorisation, 0, 7);
    tcase_add_test(t, a_tied_weight_covers_both_uses);
    tcase_add_loop_test(t, the_step_is_that_of_the_explicit_matrix, 0, 4);
    tcase_add_test(t, least_squares_takes_one_step);
    suite_add_tcase(s, t);
    return s;
}
