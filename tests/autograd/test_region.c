/* test_region.c - regions: map_sum and recompute compared with unrolled graphs, their derivatives to second order,
 * noise inside them, errors. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs, *ws;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(5, 4), -1, 1, "x");
    ws = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3), -1, 1, "w");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_context_free(c);
}

static pal_var square_row(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    return pal_square(pal_sigmoid(pal_take(*(pal_var *)user, k)));
}

START_TEST(sum_over_rows_is_the_sum)
{
    pal_var x = pal_leaf(t, xs, "x"), sum = pal_map_sum(t, 5, square_row, &x);
    ck_assert_tape_ok(t);
    double got[4], expected[4];
    ck_assert_int_eq(pal_eval(sum, got) | pal_eval(pal_sum(pal_square(pal_sigmoid(x)), 1, false), expected), PAL_OK);
    for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(got[i], expected[i], 1e-15);
}
END_TEST

/* The squared Jacobian norm of one sigmoid layer in closed form: sum_j (h_j (1 - h_j))^2 ||W_j||^2. */
static pal_var closed_form(pal_var x, pal_var w)
{
    pal_var h = pal_sigmoid(pal_matmul(x, w)), d = pal_mul(h, pal_one_minus(h));
    return pal_mean_over_samples(pal_mul(pal_square(d), pal_sum(pal_square(w), 1, true)));
}

START_TEST(row_by_row_jacobian_and_its_gradient)
{
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), v[] = {w, x}, g[2], e[2];
    pal_var rows = pal_jacobian_norm2_rows(pal_sigmoid(pal_matmul(x, w)), x), closed = closed_form(x, w);
    double a, b, ga[20], gb[20];
    ck_assert_int_eq(pal_eval(rows, &a) | pal_eval(closed, &b), PAL_OK);
    ck_assert_double_eq_tol(a, b, 1e-13 * b);
    ck_assert_int_eq(pal_grad(rows, v, 2, g) | pal_grad(closed, v, 2, e), PAL_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_eval(g[i], ga) | pal_eval(e[i], gb), PAL_OK);
        for (size_t k = 0; k < pal_tensor_count(i ? xs : ws); k++) ck_assert_double_eq_tol(ga[k], gb[k], 1e-13);
    }
    /* The derivative of the gradient passes through a region whose body contains an adjoint. */
    pal_var gg, ee;
    ck_assert_int_eq(pal_grad(pal_sum_squares(g[0]), &w, 1, &gg) | pal_grad(pal_sum_squares(e[0]), &w, 1, &ee), PAL_OK);
    ck_assert_int_eq(pal_eval(gg, ga) | pal_eval(ee, gb), PAL_OK);
    for (size_t k = 0; k < 12; k++) ck_assert_double_eq_tol(ga[k], gb[k], 1e-12);
}
END_TEST

/* A common mistake computes ||J' 1||^2 for ||J||^2. The two numbers differ. */
START_TEST(sum_of_rows_is_not_the_norm)
{
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), h = pal_sigmoid(pal_matmul(x, w)), wrong;
    pal_vjp(h, pal_fill(t, PAL_F64, pal_shape_of(h), 1), &x, 1, &wrong);
    double a, b;
    ck_assert_int_eq(pal_eval(pal_mean_over_samples(pal_square(wrong)), &a) | pal_eval(closed_form(x, w), &b), PAL_OK);
    ck_assert(fabs(a - b) > 0.05 * b);
}
END_TEST

/* The mean of 10000 estimates differs from the exact norm by less than four standard errors. */
START_TEST(hutchinson_is_unbiased)
{
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w");
    pal_var out[] = {pal_jacobian_norm2_hutchinson(pal_sigmoid(pal_matmul(x, w)), x, "probe"), closed_form(x, w)};
    pal_program *p = pal_compile(t, out, 2, NULL);
    ck_assert_ptr_nonnull(p);
    double sum = 0, squares = 0, exact = 0;
    enum { DRAWS = 10000 };
    for (uint64_t i = 0; i < DRAWS; i++) {
        pal_program_set_noise(p, (pal_noise){.seed = 5, .clock = i});
        ck_assert_int_eq(pal_run(p), PAL_OK);
        double v = pal_tensor_get(pal_output(p, 0), 0);
        sum += v, squares += v * v, exact = pal_tensor_get(pal_output(p, 1), 0);
    }
    double mean = sum / DRAWS, error = sqrt((squares / DRAWS - mean * mean) / DRAWS);
    ck_assert_msg(fabs(mean - exact) < 4 * error, "%g against %g +- %g", mean, exact, error);
    ck_assert(error < 0.05 * exact);
    pal_program_free(p);
}
END_TEST

typedef struct layer {
    pal_var x, w;
} layer;

static pal_var layer_body(pal_tape *tape, pal_var k, void *user)
{
    const layer *l = user;
    (void)tape, (void)k;
    return pal_tanh(pal_matmul(l->x, l->w));
}

/* A recomputed layer has the same gradient, bit for bit. */
START_TEST(recomputing_changes_nothing)
{
    layer l = {pal_leaf(t, xs, "x"), pal_leaf(t, ws, "w")};
    pal_var v[] = {l.x, l.w}, g[2], e[2];
    pal_var again = pal_recompute(t, layer_body, &l), plain = layer_body(t, l.x, &l);
    ck_assert_int_eq(pal_grad(pal_sum_squares(again), v, 2, g) | pal_grad(pal_sum_squares(plain), v, 2, e), PAL_OK);
    double a[20], b[20];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_eval(g[i], a) | pal_eval(e[i], b), PAL_OK);
        ck_assert_mem_eq(a, b, pal_tensor_bytes(i ? ws : xs));
    }
}
END_TEST

/* ---- Checkpointing: a deep chain whose layers are recomputed, two at a time, in the backward pass -------------- */

enum { DEPTH = 6, WIDTH = 16, ROWS = 64 };

typedef struct chain {
    pal_var v, w[DEPTH], b[DEPTH];
    int at;
} chain;

static pal_var two_layers(pal_tape *tape, pal_var k, void *user)
{
    const chain *m = user;
    pal_var v = m->v;
    (void)tape, (void)k;
    for (int l = m->at; l < m->at + 2; l++)
        v = pal_mul(pal_tanh(pal_add(pal_matmul(v, m->w[l]), m->b[l])), pal_sigmoid(v));
    return v;
}

/* Outputs: the loss; its gradient by all weights and biases; for order 2 the gradient of that one's squared norm. */
static pal_program *train_chain(pal_tape *tape, pal_tensor *const *tensors, bool recompute, int order)
{
    chain m = {.v = pal_leaf(tape, tensors[2 * DEPTH], "x")};
    pal_var by[2 * DEPTH], out[4 * DEPTH + 1];
    for (int l = 0; l < DEPTH; l++) {
        char name[2][3] = {{'w', (char)('0' + l)}, {'b', (char)('0' + l)}};
        by[2 * l] = m.w[l] = pal_leaf(tape, tensors[2 * l], name[0]);
        by[2 * l + 1] = m.b[l] = pal_leaf(tape, tensors[2 * l + 1], name[1]);
    }
    for (m.at = 0; m.at < DEPTH; m.at += 2)
        m.v = recompute ? pal_recompute(tape, two_layers, &m) : two_layers(tape, m.v, &m);
    size_t n = 0;
    out[n++] = pal_mean_over_samples(pal_square(m.v));
    ck_assert_int_eq(pal_grad(out[0], by, 2 * DEPTH, out + n), PAL_OK);
    n += 2 * DEPTH;
    if (order == 2) {
        pal_var length = pal_sum_squares(out[1]);
        for (size_t i = 2; i < n; i++) length = pal_add(length, pal_sum_squares(out[i]));
        ck_assert_int_eq(pal_grad(length, by, 2 * DEPTH, out + n), PAL_OK);
        n += 2 * DEPTH;
    }
    pal_program *p = pal_compile(tape, out, n, NULL);
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    return p;
}

/* Values and first gradients agree bit for bit, and the arena becomes smaller. Second derivatives agree up to rounding
 * only: the terms of a recomputed body are added within the body first. */
START_TEST(recomputing_a_deep_chain_keeps_the_numbers_and_not_the_values)
{
    pal_tensor *tensors[2 * DEPTH + 1] = {[2 * DEPTH] = random_tensor(c, PAL_F64, PAL_SHAPE(ROWS, WIDTH), -1, 1, "x")};
    for (int i = 0; i < 2 * DEPTH; i++) {
        pal_shape shape = i % 2 ? PAL_SHAPE(WIDTH) : PAL_SHAPE(WIDTH, WIDTH);
        char name[] = {'t', (char)('a' + i), 0};
        tensors[i] = random_tensor(c, PAL_F64, shape, -0.5, 0.5, name);
    }
    for (int order = 1; order <= 2; order++) {
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        pal_program *plain = train_chain(t, tensors, false, order), *again = train_chain(tape, tensors, true, order);
        for (size_t i = 0; i < 1 + (size_t)order * 2 * DEPTH; i++) {
            const pal_tensor *a = pal_output(plain, i), *b = pal_output(again, i);
            double largest = 0;
            for (size_t k = 0; k < pal_tensor_count(a); k++) largest = fmax(largest, fabs(pal_tensor_get(a, k)));
            ck_assert_double_gt(largest, 0);
            for (size_t k = 0; k < pal_tensor_count(a); k++)
                ck_assert_double_le(fabs(pal_tensor_get(a, k) - pal_tensor_get(b, k)),
                                    i > 2 * DEPTH ? 1e-13 * largest : 0);
        }
        ck_assert_uint_lt(pal_program_arena(again), pal_program_arena(plain) * 3 / 4);
        pal_program_free(plain);
        pal_program_free(again);
        pal_tape_free(tape);
        pal_tape_free(t);
        t = pal_tape_new(c, PAL_F64);
    }
    for (int i = 0; i <= 2 * DEPTH; i++) pal_tensor_free(tensors[i]);
}
END_TEST

static pal_var noisy(pal_tape *tape, pal_var k, void *user)
{
    pal_var u = pal_uniform(tape, "u", PAL_SHAPE(4));
    (void)user;
    return pal_mul(pal_one_hot(k, 3, PAL_F64),
                   pal_reshape(pal_slice(u, (int64_t[]){0}, (int64_t[]){1}, (int64_t[]){1}), PAL_SHAPE(1)));
}

START_TEST(noise_differs_from_term_to_term)
{
    double a[3], b[3];
    pal_var v = pal_map_sum(t, 3, noisy, NULL);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_eval(v, a) | pal_eval(v, b), PAL_OK);
    ck_assert_mem_eq(a, b, sizeof a);
    ck_assert(a[0] != a[1] && a[1] != a[2] && a[0] != a[2]);
}
END_TEST

static pal_var nested_inner(pal_tape *tape, pal_var k, void *user)
{
    const pal_var *v = user; /* v[0]: x, v[1]: the outer index */
    (void)tape;
    pal_var row = pal_take(v[0], v[1]), at = pal_one_hot(k, 4, PAL_F64);
    return pal_mul(pal_sum_all(pal_mul(row, at)), pal_sum_all(pal_square(row)));
}

static pal_var nested_outer(pal_tape *tape, pal_var k, void *user)
{
    pal_var v[] = {*(pal_var *)user, k};
    return pal_map_sum(tape, 4, nested_inner, v);
}

START_TEST(regions_nest)
{
    pal_var x = pal_leaf(t, xs, "x"), y = pal_map_sum(t, 5, nested_outer, &x), g, e;
    pal_var plain = pal_sum_all(pal_mul(pal_sum(x, 2, true), pal_sum(pal_square(x), 2, true)));
    double a, b, ga[20], gb[20];
    ck_assert_int_eq(pal_eval(y, &a) | pal_eval(plain, &b), PAL_OK);
    ck_assert_double_eq_tol(a, b, 1e-13);
    ck_assert_int_eq(pal_grad(y, &x, 1, &g) | pal_grad(plain, &x, 1, &e), PAL_OK);
    ck_assert_int_eq(pal_eval(g, ga) | pal_eval(e, gb), PAL_OK);
    for (int i = 0; i < 20; i++) ck_assert_double_eq_tol(ga[i], gb[i], 1e-13);
}
END_TEST

static pal_var inner_wave(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    return pal_tanh(pal_mul(*(pal_var *)user, pal_shift(pal_cast(k, PAL_F64), 1)));
}

static pal_var outer_wave(pal_tape *tape, pal_var k, void *user)
{
    (void)k;
    return pal_sin(pal_map_sum(tape, 2, inner_wave, user));
}

/* Rows of a Jacobian are a region, too, in which the others lie one level deeper. */
START_TEST(nested_regions_have_a_jacobian)
{
    pal_var x = pal_slice(pal_leaf(t, xs, "x"), (int64_t[]){0, 0}, (int64_t[]){1, 3}, (int64_t[]){1, 1});
    x = pal_reshape(x, PAL_SHAPE(3));
    pal_var jacobian = pal_jacobian(pal_map_sum(t, 2, outer_wave, &x), x);
    double j[9];
    ck_assert_int_eq(pal_eval(jacobian, j), PAL_OK);
    for (int i = 0; i < 9; i++) {
        const double v = pal_tensor_get(xs, (size_t)i / 3), a = tanh(v), b = tanh(2 * v);
        const double want = 2 * cos(a + b) * (1 - a * a + 2 * (1 - b * b));
        ck_assert_double_eq_tol(j[i], i % 4 ? 0 : want, 1e-12);
    }
    char *text = pal_tape_text(t, &jacobian, 1);
    ck_assert_ptr_nonnull(text);
    pal_text_free(c, text);
}
END_TEST

static pal_var leak;
static pal_var leaking(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    return leak = pal_square(pal_take(*(pal_var *)user, k));
}

/* A value that a body stores outside is not usable after the region has ended. */
START_TEST(inner_values_do_not_leave)
{
    pal_var x = pal_leaf(t, xs, "x");
    pal_map_sum(t, 5, leaking, &x);
    ck_assert_tape_ok(t);
    ck_assert(!pal_ok(pal_neg(leak)));
    ck_assert_str_eq(pal_tape_error(t), "neg: operand 1 belongs to a region that has ended");
}
END_TEST

START_TEST(an_index_out_of_range_fails_the_run)
{
    pal_var x = pal_leaf(t, xs, "x");
    pal_scope_begin(t, "penalty");
    pal_var y = pal_map_sum(t, 6, square_row, &x); /* x has only 5 rows */
    pal_scope_end(t);
    pal_assign(x, pal_neg(x));
    pal_program *p =
        pal_compile(t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    double before = pal_tensor_get(xs, 0);
    ck_assert_int_ne(pal_run(p), PAL_OK);
    ck_assert_str_eq(pal_program_error(p), "take in penalty: index 5 at position 0 is not in 0 .. 4");
    ck_assert_double_eq(pal_tensor_get(xs, 0), before); /* no leaf has changed */
    pal_program_free(p);
}
END_TEST

static pal_var nothing_body(pal_tape *tape, pal_var k, void *user)
{
    (void)tape, (void)k, (void)user;
    return (pal_var){0};
}

START_TEST(bad_bodies_are_errors)
{
    ck_assert(!pal_ok(pal_map_sum(t, 3, nothing_body, NULL)));
    ck_assert_str_eq(pal_tape_error(t), "map_sum: the body gave a bad handle");
    pal_tape *other = pal_tape_new(c, PAL_F64);
    ck_assert(!pal_ok(pal_map_sum(other, 0, nothing_body, NULL)));
    ck_assert_ptr_nonnull(strstr(pal_tape_error(other), "a count of at least 1"));
    pal_tape_free(other);
}
END_TEST

/* ---- Noise in nested regions ---------------------------------------------------------------------------------- */

static pal_var nested_noise(pal_tape *tape, pal_var k, void *user)
{
    int *depth = user;
    (void)k;
    if (--*depth > 0) return pal_map_sum(tape, 1, nested_noise, depth);
    return pal_normal(tape, "z", PAL_SHAPE(2));
}

/* A draw that would have the same noise in each term of the outermost region is refused when it is recorded. */
START_TEST(noise_in_deeper_regions_is_refused)
{
    const pal_mark mark = pal_tape_mark(t);
    for (int deepest = 5; deepest <= 20; deepest += 3) {
        int depth = deepest;
        ck_assert(!pal_ok(pal_map_sum(t, 2, nested_noise, &depth)));
        ck_assert_str_eq(pal_tape_error(t), "normal: stream z is inside more than 4 regions: draw it outside");
        pal_tape_rewind(t, mark);
        ck_assert_tape_ok(t);
    }
}
END_TEST

Suite *region_suite(void)
{
    Suite *s = suite_create("region");
    TCase *k = tcase_create("region");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_test(k, sum_over_rows_is_the_sum);
    tcase_add_test(k, row_by_row_jacobian_and_its_gradient);
    tcase_add_test(k, sum_of_rows_is_not_the_norm);
    tcase_add_test(k, hutchinson_is_unbiased);
    tcase_add_test(k, recomputing_changes_nothing);
    tcase_add_test(k, recomputing_a_deep_chain_keeps_the_numbers_and_not_the_values);
    tcase_add_test(k, noise_differs_from_term_to_term);
    tcase_add_test(k, regions_nest);
    tcase_add_test(k, nested_regions_have_a_jacobian);
    tcase_add_test(k, inner_values_do_not_leave);
    tcase_add_test(k, an_index_out_of_range_fails_the_run);
    tcase_add_test(k, bad_bodies_are_errors);
    tcase_add_test(k, noise_in_deeper_regions_is_refused);
    tcase_set_timeout(k, 60);
    suite_add_tcase(s, k);
    return s;
}
