/* test_growth.c - recording and differentiating take work in proportion to the tape, counted and not timed; what is
 * recorded is the same for large tapes as for small ones. */
#include "autograd/internal.h"
#include "tests/autograd/growing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static pal_context *c;

static void setup(void) { c = context_with(1); }
static void teardown(void) { pal_context_free(c); }

enum { SMALL = 300, LARGE = 8 * SMALL };

/* Eight times the size and at most twelve times the work: leaves are found in a logarithm of their number. */

/* What recording and pal_grad looked at for a tape of this size. */
static uint64_t recorded(const growing *g, int n)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    grown it = grow(g, t, n);
    ck_assert_int_eq(pal_grad(it.y, &it.x, 1, &it.gradient), PAL_OK);
    const uint64_t looked = looked_at(t);
    pal_tape_free(t);
    grown_free(&it);
    return looked;
}

START_TEST(recording_and_grad_grow_with_the_tape)
{
    const growing *g = &growings[_i];
    const uint64_t small = recorded(g, SMALL), large = recorded(g, LARGE);
    ck_assert_msg(large <= 12 * small, "%s: %llu for %d, %llu for %d", g->name, (unsigned long long)small, SMALL,
                  (unsigned long long)large, LARGE);
}
END_TEST

/* The number of entries is quadratic in the depth, and the work is in proportion to them. */
START_TEST(nested_regions_grow_with_the_square_of_their_depth)
{
    uint64_t looked[2];
    size_t entries[2];
    for (int i = 0; i < 2; i++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        grown it = grow(&nested, t, 30 << i);
        ck_assert_int_eq(pal_grad(it.y, &it.x, 1, &it.gradient), PAL_OK);
        looked[i] = looked_at(t);
        entries[i] = pal_tape_length(t);
        pal_tape_free(t);
        grown_free(&it);
    }
    ck_assert_uint_le(entries[1], 4 * entries[0]);
    ck_assert_uint_le(looked[1], 5 * looked[0]);
}
END_TEST

/* ---- The sum of many contributions ---------------------------------------------------------------------------- */

/* The terms of a sum are added by hash, whatever the order in which they were recorded. */
START_TEST(contributions_are_sorted)
{
    enum { USES = 200 };
    double gradient[2][2];
    for (int order = 0; order < 2; order++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(2), -1, 1, "x");
        pal_var leaf = pal_leaf(t, x, "x"), y[USES], sum, g;
        for (int i = 0; i < USES; i++) {
            const int k = order ? USES - 1 - i : i;
            y[k] = pal_sin(pal_scale(leaf, 1 + 0.1 * k));
        }
        sum = y[0];
        for (int k = 1; k < USES; k++) sum = pal_add(sum, y[k]);
        ck_assert_int_eq(pal_grad(pal_sum_all(sum), &leaf, 1, &g), PAL_OK);
        size_t terms = 1;
        for (pal_var at = g; pal_op_of(at) == &pal__op_add; terms++) {
            const uint32_t left = pal_operand(at, 0).id, right = pal_operand(at, 1).id;
            if (pal_op_of(pal_operand(at, 0)) == &pal__op_add)
                ck_assert_int_le(pal__compare(t, pal_operand(pal_operand(at, 0), 1).id, right), 0);
            else
                ck_assert_int_le(pal__compare(t, left, right), 0);
            at = pal_operand(at, 0);
        }
        ck_assert_uint_eq(terms, USES);
        ck_assert_int_eq(pal_eval(g, gradient[order]), PAL_OK);
        for (int e = 0; e < 2; e++) {
            double expected = 0;
            for (int k = 0; k < USES; k++) {
                const double s = 1 + 0.1 * k;
                expected += s * cos(s * pal_tensor_get(x, (size_t)e));
            }
            ck_assert_double_eq_tol(gradient[order][e], expected, 1e-9);
        }
        pal_tape_free(t);
        pal_tensor_free(x);
    }
    ck_assert_mem_eq(gradient[0], gradient[1], sizeof gradient[0]);
}
END_TEST

/* The gradient of one small value on a large tape, again and again, and of values inside a region. */
START_TEST(grad_looks_only_at_what_the_value_depends_on)
{
    enum { MANY = 400 };
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(2), -1, 1, "x");
    pal_var leaf = pal_leaf(t, x, "x"), g;
    uint64_t first = 0;
    for (int i = 0; i < MANY; i++) {
        const uint64_t before = t->looked;
        pal_var y = pal_sum_all(pal_sin(pal_scale(leaf, i)));
        ck_assert_int_eq(pal_grad(y, &leaf, 1, &g), PAL_OK);
        if (!i) first = t->looked - before;
        ck_assert_uint_eq(t->looked - before, first);
    }
    pal_tape_free(t);
    pal_tensor_free(x);
}
END_TEST

Suite *growth_suite(void)
{
    Suite *s = suite_create("growth");
    TCase *growth = add_case(s, "growth", setup, teardown,
                             TESTS(nested_regions_grow_with_the_square_of_their_depth, contributions_are_sorted,
                                   grad_looks_only_at_what_the_value_depends_on));
    tcase_add_loop_test(growth, recording_and_grad_grow_with_the_tape, 0, (int)n_growings);
    return s;
}
