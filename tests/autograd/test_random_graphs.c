/* test_random_graphs.c - checks the properties of graphs.h for some random graphs (slow_graphs.c checks many more), and
 * tests the faults that random graphs have found. */
#include <math.h>
#include <string.h>

#include "tests/autograd/graphs.h"
#include "tests/testing.h"

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs;
static pal_var x;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), -1, 1, "x");
    x = pal_leaf(t, xs, "x");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_context_free(c);
}

START_TEST(random_graphs_hold)
{
    graph_contexts contexts = {context_with(1), context_with(3)};
    graph_counts n = {0};
    for (uint64_t seed = (uint64_t)_i * 100; seed < (uint64_t)(_i + 1) * 100; seed++) {
        char why[400];
        graph g = graph_of(seed, seed % 4 == 0);
        ck_assert_msg(graph_holds(&g, contexts, true, &n, why, sizeof why), "seed %llu: %s (slow_graphs 1 %llu)",
                      (unsigned long long)seed, why, (unsigned long long)seed);
    }
    pal_context_free(contexts.one);
    pal_context_free(contexts.three);
}
END_TEST

/* A wrong rewrite is found. The failing graph shrinks to at most 3 nodes and 16 lines, which name the operation. */
START_TEST(a_planted_fault_is_found_and_made_small)
{
    graph_contexts contexts = {context_with(1), context_with(3)};
    graph_counts n = {0};
    size_t found = 0;
    for (uint64_t seed = 1; found < 3; seed++) {
        char why[400];
        graph g = graph_of(seed, false);
        g.planted = true;
        ck_assert_uint_lt(seed, 500);
        if (graph_holds(&g, contexts, false, &n, why, sizeof why)) continue;
        found++;
        graph less = graph_shrink(g, contexts, false);
        ck_assert(!graph_holds(&less, contexts, false, &n, why, sizeof why));
        char *text = graph_text(&less, contexts.one);
        size_t lines = 0;
        for (const char *p = text; *p; p++) lines += *p == '\n';
        ck_assert_ptr_nonnull(strstr(text, "planted"));
        ck_assert_msg(graph_nodes_left(&less) <= 3 && lines <= 16, "%zu nodes are left:\n%s", graph_nodes_left(&less),
                      text);
        pal_text_free(contexts.one, text);
    }
    pal_context_free(contexts.one);
    pal_context_free(contexts.three);
}
END_TEST

/* The simplify pass replaces such a sum by its term, so the bits must be the same with and without it: -0 stays -0. */
START_TEST(a_sum_of_one_term_keeps_the_sign_of_zero)
{
    for (size_t i = 0; i < 12; i++) pal_tensor_set(xs, i, -0.0);
    pal_var sums[] = {pal_sum_to(x, PAL_SHAPE(3, 4)), pal_sum(pal_reshape(x, PAL_SHAPE(3, 1, 4)), 2, false)};
    for (unsigned passes = PAL_PASS_SIMPLIFY; passes <= PAL_PASS_NONE; passes += PAL_PASS_NONE - PAL_PASS_SIMPLIFY) {
        pal_program *p = pal_compile(
            t, sums, 2, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = passes});
        ck_assert_int_eq(pal_run(p), PAL_OK);
        for (size_t i = 0; i < 24; i++) ck_assert(signbit(pal_tensor_get(pal_output(p, i / 12), i % 12)));
        pal_program_free(p);
    }
}
END_TEST

/* pal_eval of an assigned value, or of its reader, does not carry out the assign. */
START_TEST(reading_an_assigned_value_is_no_effect)
{
    double before = pal_tensor_get(xs, 0), out[12];
    pal_var assigned = pal_assign(x, pal_neg(x)), reader = pal_scale(assigned, 2);
    ck_assert_int_eq(pal_eval(assigned, out), PAL_OK);
    ck_assert_double_eq(out[0], -before);
    ck_assert_int_eq(pal_eval(reader, out), PAL_OK);
    ck_assert_double_eq(out[0], -2 * before);
    ck_assert_double_eq(pal_tensor_get(xs, 0), before);
}
END_TEST

static pal_var part(pal_tape *tape, pal_var v, const char *scope)
{
    pal_scope_begin(tape, scope);
    pal_var y = pal_sum_all(pal_tanh(v));
    pal_scope_end(tape);
    return y;
}

/* Two equal contributions to one adjoint differ only by their scopes. Their order must not depend on recording. */
START_TEST(equal_terms_of_two_scopes_have_an_order)
{
    char *text[2];
    for (int swapped = 0; swapped < 2; swapped++) {
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        pal_var v = pal_leaf(tape, xs, "x"), part_of[2], g;
        for (int i = 0; i < 2; i++) part_of[i ^ swapped] = part(tape, v, i ^ swapped ? "b" : "a");
        ck_assert_int_eq(pal_grad(pal_add(part_of[0], part_of[1]), &v, 1, &g), PAL_OK);
        text[swapped] = pal_tape_text(tape, &g, 1);
        pal_tape_free(tape);
    }
    ck_assert_str_eq(text[0], text[1]);
    for (int i = 0; i < 2; i++) pal_text_free(c, text[i]);
}
END_TEST

START_TEST(an_integer_has_no_gradient)
{
    pal_var g;
    ck_assert_int_eq(pal_grad(pal_cast(pal_sum_all(x), PAL_I32), &x, 1, &g), PAL_ERR_TYPE);
    ck_assert_str_eq(pal_tape_error(t), "grad: y is i32, not real");
}
END_TEST

/* An empty slice may start at most one past the end. */
START_TEST(an_empty_slice_begins_inside)
{
    ck_assert(pal_ok(pal_slice(x, (int64_t[]){3, 0}, (int64_t[]){0, 4}, (int64_t[]){1, 1})));
    ck_assert(!pal_ok(pal_slice(x, (int64_t[]){4, 0}, (int64_t[]){0, 4}, (int64_t[]){1, 1})));
}
END_TEST

typedef struct nest {
    int depth, deepest;
    pal_var outermost;
} nest;

/* The sum over all indices of one_hot(outermost index) * noise. */
static pal_var nested(pal_tape *tape, pal_var k, void *user)
{
    nest n = *(nest *)user;
    if (!n.depth++) n.outermost = k;
    if (n.depth < n.deepest) return pal_map_sum(tape, 2, nested, &n);
    return pal_mul(pal_one_hot(n.outermost, 2, PAL_F64), pal_uniform(tape, "u", PAL_SHAPE(1)));
}

/* Noise differs for each index of up to four nested regions. Five are an error. */
START_TEST(noise_inside_four_regions_and_no_more)
{
    double out[2];
    ck_assert_int_eq(pal_eval(pal_map_sum(t, 2, nested, &(nest){.deepest = 4}), out), PAL_OK);
    ck_assert(out[0] != out[1]);
    pal_scope_begin(t, "deeper");
    ck_assert_int_ne(pal_eval(pal_map_sum(t, 2, nested, &(nest){.deepest = 5}), out), PAL_OK);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "uniform: stream deeper/u is inside more than 4 regions"));
}
END_TEST

Suite *random_graphs_suite(void)
{
    Suite *s = suite_create("random_graphs");
    TCase *k = tcase_create("random_graphs");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_loop_test(k, random_graphs_hold, 0, 6);
    tcase_add_test(k, a_planted_fault_is_found_and_made_small);
    tcase_add_test(k, a_sum_of_one_term_keeps_the_sign_of_zero);
    tcase_add_test(k, reading_an_assigned_value_is_no_effect);
    tcase_add_test(k, equal_terms_of_two_scopes_have_an_order);
    tcase_add_test(k, an_integer_has_no_gradient);
    tcase_add_test(k, an_empty_slice_begins_inside);
    tcase_add_test(k, noise_inside_four_regions_and_no_more);
    tcase_set_timeout(k, 60);
    suite_add_tcase(s, k);
    return s;
}
