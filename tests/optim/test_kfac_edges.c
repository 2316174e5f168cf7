/* test_kfac_edges.c - K-FAC: parameters that are in no layer, edges, the damping, refusals, and failing allocations. */
#include "tests/failing.h"
#include "tests/optim/kfac_problem.h"

Suite *kfac_edges_suite(void);

/* ---- Layers --------------------------------------------------------------------------------------------------- */

START_TEST(other_uses_are_left_out)
{
    enum { D = 3, K = 2 };
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(4, D), -1, 1, "x");
    const pal_var in = pal_leaf(p.tape, x, "x"), scale = parameter(&p, "scale", PAL_SHAPE(K)),
                  unused = parameter(&p, "unused", PAL_SHAPE(K)), both = parameter(&p, "both", PAL_SHAPE(D, K)),
                  w = parameter(&p, "W", PAL_SHAPE(D, K)), b = parameter(&p, "b", PAL_SHAPE(K));
    pal_var z = pal_add(pal_matmul(in, w), b);
    z = pal_mul(z, pal_exp(scale));
    z = pal_add(z, pal_matmul(in, pal_square(both)));
    z = pal_add(z, pal_mul(pal_stop_gradient(pal_matmul(in, w)), pal_like(z, 0.5))); /* no use: no derivative */
    pal_tensor *target = random_tensor(c, PAL_F64, PAL_SHAPE(4, K), -1, 1, "target");
    pal_tensor *noise = random_tensor(c, PAL_F64, PAL_SHAPE(4, K), -2, 2, "noise");
    likelihood(&p, z, target, noise);
    p.loss = pal_add(p.loss, pal_add(pal_sum_squares(unused), pal_sum_squares(w))); /* penalties are no uses */
    pal__layers l;
    ck_assert_int_eq(pal__layers_find(p.sampled, p.leaf, p.n, &l), PAL_OK);
    ck_assert_uint_eq(l.n_blocks, 1);
    ck_assert_uint_eq(l.block[0].weight, 3);
    ck_assert_uint_eq(l.block[0].bias, 4);
    for (size_t i = 0; i < p.n; i++) ck_assert_int_eq(l.left[i] != NULL, i < 3);
    ck_assert_ptr_nonnull(strstr(l.left[1], "does not depend"));
    pal__layers_free(&l);
    trained t = train(&p, 1);
    double losses[40];
    for (uint64_t k = 1; k <= 40; k++) losses[k - 1] = step(&t, k);
    ck_assert_double_lt(losses[39], losses[1]);
    ck_assert(has_state(&t, "kfac/mean/scale") && has_state(&t, "kfac/square/unused") && has_state(&t, "kfac/step/W"));
    ck_assert(!has_state(&t, "kfac/mean/W"));
    (void)b;
    finish(&p, &t);
    pal_tensor_free(x);
    pal_tensor_free(target);
    pal_tensor_free(noise);
}
END_TEST

/* ---- Edges ---------------------------------------------------------------------------------------------------- */

typedef struct net {
    int64_t n, d, k;
    bool dead, nan; /* units that never answer; a value of the input that is not a number */
} net;

static problem relu_net(const net *of, pal_tensor *tensors[3])
{
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    tensors[0] = random_tensor(c, PAL_F64, PAL_SHAPE(of->n, of->d), 0, 1, "x");
    if (of->nan) pal_tensor_set(tensors[0], 0, (double)NAN);
    const pal_var in = pal_leaf(p.tape, tensors[0], "x");
    const pal_var b = parameter(&p, "b", PAL_SHAPE(of->k));
    if (of->dead)
        for (size_t i = 0; i < pal_tensor_count(p.parameter[0]); i++) pal_tensor_set(p.parameter[0], i, -100);
    const pal_var h = pal_relu(pal_affine(in, parameter(&p, "W", PAL_SHAPE(of->d, of->k)), b));
    const pal_var v = parameter(&p, "V", PAL_SHAPE(of->k, of->d)),
                  z = pal_affine(h, v, parameter(&p, "c", PAL_SHAPE(of->d)));
    tensors[1] = random_tensor(c, PAL_F64, PAL_SHAPE(of->n, of->d), 0, 1, "target");
    tensors[2] = random_tensor(c, PAL_F64, PAL_SHAPE(of->n, of->d), -2, 2, "noise");
    likelihood(&p, z, tensors[1], tensors[2]);
    return p;
}

START_TEST(edges_stay_finite)
{
    static const net rows[] = {{1, 3, 2, 0, 0}, {4, 1, 1, 0, 0}, {4, 3, 5, 1, 0}, {1, 1, 1, 1, 0}, {6, 3, 4, 0, 0}};
    pal_tensor *tensors[3];
    problem p = relu_net(&rows[_i], tensors);
    trained t = train(&p, 1);
    const double first = step(&t, 1);
    double last = first;
    for (uint64_t k = 2; k <= 60; k++) {
        const double loss = step(&t, k);
        ck_assert_msg(isfinite(loss), "step %llu", (unsigned long long)k);
        (void)last;
        last = loss;
    }
    ck_assert_double_lt(last, first);
    for (size_t i = 0; i < pal_optimizer_state_count(t.optimizer); i++) {
        const pal_tensor *s = pal_optimizer_state(t.optimizer, i, NULL);
        ck_assert_uint_eq(pal_tensor_finite(s), pal_tensor_count(s));
    }
    finish(&p, &t);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

START_TEST(a_nan_is_reported)
{
    pal_tensor *tensors[3];
    problem p = relu_net(&(net){4, 3, 2, false, true}, tensors);
    trained t = train(&p, 1);
    ck_assert(isnan(step(&t, 1)));
    ck_assert_int_eq(pal_optimizer_set_step(t.optimizer, 2, 1), PAL_ERR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(pal_optimizer_error(t.optimizer), "of W: "));
    finish(&p, &t);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

/* At every fifth step, rho above 3/4 lowers the damping and below 1/4 raises it. A step that raised the loss, or made a
 * NaN of it, is taken back. */
START_TEST(the_damping_follows_the_model)
{
    pal_tensor *tensors[3];
    problem p = relu_net(&(net){6, 3, 4, false, false}, tensors);
    trained t = train(&p, 2);
    for (uint64_t k = 1; k <= 3; k++) step(&t, k);
    const double promised = pal_tensor_get(state(&t, "kfac/promised"), 0);
    const pal_tensor *lambda = state(&t, "kfac/damping");
    ck_assert(pal_optimizer_compares(t.optimizer));
    ck_assert_double_lt(promised, 0);
    static const struct {
        double rho;
        uint64_t step;
        int turns;
    } rows[] = {{1, 5, 1}, {0.5, 5, 0}, {0.1, 10, -1}, {0.8, 20, 1}, {0.74, 5, 0}, {1, 6, 0}, {0.1, 4, 0}};
    double expected = 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_optimizer_compare(t.optimizer, rows[i].step, 10, 10 + rows[i].rho * promised);
        expected *= pow(0.95, 5 * rows[i].turns);
        ck_assert_double_eq_tol(pal_tensor_get(lambda, 0), expected, 1e-14);
    }
    for (int i = 0; i < 4; i++) { /* whatever the model promised */
        double before[64];
        const size_t n = pal_tensor_count(p.parameter[1]);
        ck_assert_uint_le(n, 64);
        for (size_t k = 0; k < n; k++) before[k] = pal_tensor_get(p.parameter[1], k);
        step(&t, 4);
        if (i >= 2) pal_tensor_set(state(&t, "kfac/promised"), 0, i == 2 ? 1 : (double)NAN);
        ck_assert_double_ne(pal_tensor_get(p.parameter[1], 0), before[0]);
        pal_optimizer_compare(t.optimizer, 4, 10, i % 2 ? (double)NAN : 10.5);
        for (size_t k = 0; k < n; k++) ck_assert_double_eq_tol(pal_tensor_get(p.parameter[1], k), before[k], 1e-14);
        expected *= 4;
        ck_assert_double_eq_tol(pal_tensor_get(lambda, 0), expected, 1e-12);
        ck_assert_double_eq(pal_tensor_get(state(&t, "kfac/step/W"), 0), 0);
    }
    finish(&p, &t);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

/* A factor that rounding has made indefinite: the damping rises until all factors have inverses. */
START_TEST(an_indefinite_factor_raises_the_damping)
{
    pal_tensor *tensors[3];
    problem p = relu_net(&(net){6, 3, 4, false, false}, tensors);
    trained t = train(&p, 1e-8);
    const pal_tensor *lambda = state(&t, "kfac/damping");
    step(&t, 1);
    pal_tensor *factor = state(&t, "kfac/rows/W");
    const double before = pal_tensor_get(factor, 0);
    pal_tensor_set(factor, 0, -0.05);
    ck_assert_int_eq(pal_optimizer_set_step(t.optimizer, 2, 1), PAL_OK);
    ck_assert_double_ge(pal_tensor_get(lambda, 0), 1e-6);
    pal_tensor_set(factor, 0, -1e9); /* no damping helps: it stays what it was */
    const double now = pal_tensor_get(lambda, 0);
    ck_assert_int_eq(pal_optimizer_set_step(t.optimizer, 2, 1), PAL_ERR_NUMERIC);
    ck_assert_double_eq(pal_tensor_get(lambda, 0), now);
    pal_tensor_set(factor, 0, before);
    finish(&p, &t);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

START_TEST(the_curvature_is_needed)
{
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    const pal_var w = parameter(&p, "W", PAL_SHAPE(2, 2));
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = "kfac"};
    pal_optimizer *optimizer = pal_optimizer_new(c, &o, p.parameter, p.name, p.n, NULL);
    ck_assert(pal_optimizer_is_curved(optimizer));
    pal_var g;
    pal_grad(pal_sum_squares(w), &w, 1, &g);
    ck_assert_int_eq(pal_optimizer_record(optimizer, p.tape, &w, &g, 1), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(p.tape), "pal_optimizer_record_curved"));
    trained t = {optimizer, NULL};
    finish(&p, &t);
    pal_error err = {0};
    const pal_optimizer_options clips = {.struct_size = sizeof clips, .name = "kfac", .clip_norm = 1};
    ck_assert_ptr_null(pal_optimizer_new(c, &clips, NULL, NULL, 0, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "leave out the limit"));
}
END_TEST

/* ---- Failing allocations -------------------------------------------------------------------------------------- */

static bool records_and_steps(void *user)
{
    pal_tensor *const *tensors = user;
    static const char *const names[] = {"W", "b"};
    pal_tape *tape = pal_tape_new(c, PAL_F64);
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = "kfac"};
    pal_optimizer *optimizer = pal_optimizer_new(c, &o, tensors, names, 2, NULL);
    pal_program *program = NULL;
    bool good = tape && optimizer;
    if (good) {
        const pal_var x = pal_leaf(tape, tensors[2], "x"),
                      leaf[] = {pal_leaf(tape, tensors[0], "W"), pal_leaf(tape, tensors[1], "b")};
        const pal_var z = pal_affine(x, leaf[0], leaf[1]), loss = pal_scale(pal_sum_squares(z), 0.5);
        const pal_var sampled = pal_sum_all(z), divergence = pal_sum_squares(pal_sub(z, pal_stop_gradient(z)));
        pal_var g[2];
        const pal_fisher curvature = {sizeof curvature, sampled, &z, &divergence, 1};
        good = !pal_grad(loss, leaf, 2, g) && !pal_optimizer_record_curved(optimizer, tape, leaf, g, 2, &curvature) &&
               (program = pal_compile(
                    tape, &loss, 1,
                    &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true})) != NULL;
    }
    for (uint64_t k = 1; good && k <= 2; k++) {
        good = !pal_optimizer_set_step(optimizer, k, 1) && !pal_run(program);
    }
    if (good) failing_require(pal_optimizer_state_count(optimizer) == 8);
    pal_program_free(program);
    pal_optimizer_free(optimizer);
    pal_tape_free(tape);
    return good;
}

START_TEST(failing_allocations_are_reported)
{
    pal_tensor *tensors[] = {random_tensor(c, PAL_F64, PAL_SHAPE(3, 2), -1, 1, "W"),
                             random_tensor(c, PAL_F64, PAL_SHAPE(2), -1, 1, "b"),
                             random_tensor(c, PAL_F64, PAL_SHAPE(4, 3), -1, 1, "x")};
    ck_assert(records_and_steps(tensors));
    if (failing_can) ck_assert_int_gt(failing_each(records_and_steps, tensors, false), 20);
    for (size_t i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

/* The average that is evaluated, too, forgets a step that is taken back; before it begins, it is the weights. */
START_TEST(an_average_forgets_what_is_taken_back)
{
    pal_tensor *tensors[3];
    problem p = relu_net(&(net){6, 3, 4, false, false}, tensors);
    const pal_optimizer_options o = {.struct_size = sizeof o,
                                     .name = "kfac",
                                     .average = _i ? "exponential" : "equal",
                                     .average_decay = 0.5,
                                     .average_start = 100};
    trained t = train_by(&p, &o);
    double before[2];
    for (uint64_t k = 1; k <= 4; k++) step(&t, k);
    const pal_tensor *average = state(&t, "kfac/training/W"), *w = p.parameter[1];
    for (int i = 0; i < 2; i++) before[i] = pal_tensor_get(i ? w : average, 0);
    const double loss = step(&t, 5);
    ck_assert_double_ne(pal_tensor_get(w, 0), before[1]);
    pal_optimizer_compare(t.optimizer, 5, loss, loss + 1);
    ck_assert_double_eq_tol(pal_tensor_get(w, 0), before[1], 1e-12);
    const double share = _i ? 0.5 / (1 - pow(0.5, 5)) : 1;
    ck_assert_double_eq_tol(pal_tensor_get(average, 0), before[0] + share * (before[1] - before[0]), 1e-12);
    finish(&p, &t);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

/* Weight decay and the step of a parameter that is in no layer are taken back, too; and so are weights that have become
 * NaN: every weight is what it was, bit for bit. */
START_TEST(a_step_is_taken_back_as_a_whole)
{
    enum { N = 4, D = 3, K = 2 };
    problem p = {.tape = pal_tape_new(c, PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(N, D), -1, 1, "x"),
               *target = random_tensor(c, PAL_F64, PAL_SHAPE(N, K), -1, 1, "target"),
               *noise = random_tensor(c, PAL_F64, PAL_SHAPE(N, K), -2, 2, "noise");
    const pal_var w = parameter(&p, "W", PAL_SHAPE(D, K)), b = parameter(&p, "b", PAL_SHAPE(K)),
                  scale = parameter(&p, "scale", PAL_SHAPE(K));
    likelihood(&p, pal_mul(pal_affine(pal_leaf(p.tape, x, "x"), w, b), pal_exp(scale)), target, noise);
    const pal_optimizer_options o = {.struct_size = sizeof o,
                                     .name = "kfac",
                                     .weight_decay = 0.1,
                                     .average = _i ? "exponential" : NULL,
                                     .average_decay = 0.5};
    trained t = train_by(&p, &o);
    uint64_t k = 1;
    for (; k <= 4; k++) step(&t, k);
    for (int nan = 0; nan < 2; nan++, k++) {
        double before[3][D * K], average[D * K] = {0};
        for (size_t i = 0; i < p.n; i++) memcpy(before[i], p.parameter[i]->data, pal_tensor_bytes(p.parameter[i]));
        if (_i) memcpy(average, state(&t, "kfac/training/W")->data, sizeof average);
        const double loss = step(&t, k);
        for (size_t i = 0; i < p.n; i++) ck_assert_double_ne(pal_tensor_get(p.parameter[i], 0), before[i][0]);
        for (size_t i = 0; nan && i < p.n; i++) pal_tensor_set(p.parameter[i], 0, (double)NAN);
        if (nan && _i) pal_tensor_set(state(&t, "kfac/training/W"), 0, (double)NAN);
        pal_optimizer_compare(t.optimizer, k, loss, nan ? (double)NAN : loss + 1);
        for (size_t i = 0; i < p.n; i++)
            ck_assert_mem_eq(p.parameter[i]->data, before[i], pal_tensor_bytes(p.parameter[i]));
        const double share = 0.5 / (1 - pow(0.5, (double)k));
        for (size_t e = 0; _i && e < D * K; e++)
            ck_assert_double_eq_tol(pal_tensor_get(state(&t, "kfac/training/W"), e),
                                    average[e] + share * (before[0][e] - average[e]), 1e-15);
    }
    finish(&p, &t);
    pal_tensor_free(x);
    pal_tensor_free(target);
    pal_tensor_free(noise);
}
END_TEST

/* Where rounding hides the change of the loss, nothing can be said of the damping. */
START_TEST(rounding_is_no_change)
{
    pal_tensor *tensors[3];
    problem p = relu_net(&(net){6, 3, 4, false, false}, tensors);
    trained t = train(&p, 2);
    const pal_tensor *lambda = state(&t, "kfac/damping");
    for (uint64_t k = 1; k <= 3; k++) step(&t, k);
    pal_tensor_set(state(&t, "kfac/promised"), 0, -1e-17);
    for (int i = -1; i <= 1; i++) {
        pal_optimizer_compare(t.optimizer, 5, 1, 1 + i * 2.3e-16);
        ck_assert_double_eq(pal_tensor_get(lambda, 0), 2);
    }
    pal_optimizer_compare(t.optimizer, 5, 1, 1 + 1e-12);
    ck_assert_double_eq(pal_tensor_get(lambda, 0), 8);
    finish(&p, &t);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
}
END_TEST

Suite *kfac_edges_suite(void)
{
    Suite *s = suite_create("kfac_edges");
    TCase *t = tcase_create("kfac_edges");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, other_uses_are_left_out);
    tcase_add_loop_test(t, edges_stay_finite, 0, 5);
    tcase_add_test(t, a_nan_is_reported);
    tcase_add_test(t, the_damping_follows_the_model);
    tcase_add_test(t, the_curvature_is_needed);
    tcase_add_loop_test(t, an_average_forgets_what_is_taken_back, 0, 2);
    tcase_add_loop_test(t, a_step_is_taken_back_as_a_whole, 0, 2);
    tcase_add_test(t, an_indefinite_factor_raises_the_damping);
    tcase_add_test(t, rounding_is_no_change);
    tcase_add_test(t, failing_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}
