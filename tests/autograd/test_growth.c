/* test_growth.c - recording, differentiating and compiling take work and memory in proportion to the tape, counted and
 * not timed, and no deep stack; what comes out is right, and the same each time. */
#include "autograd/internal.h"
#include "tests/autograd/growing.h"
#include "tests/testing.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pal_context *c;

static void setup(void) { c = context_with(1); }
static void teardown(void) { pal_context_free(c); }

typedef struct cost {
    uint64_t recorded, compiled; /* what was looked at until the gradient was recorded, and while it was compiled */
    size_t entries, steps;
    size_t memory; /* bytes at most in use, and not by tensors */
} cost;

/* A step is a line of the program's text, but its head. */
static size_t count_steps(const pal_program *p)
{
    char *text = pal_program_text(p);
    size_t lines = 0;
    for (char *at = text; (at = strchr(at, '\n')); at++) lines++;
    pal_text_free(c, text);
    return lines - 1;
}

static pal_program *compile(pal_tape *t, const grown *it, unsigned passes)
{
    pal_var outputs[] = {it->y, it->gradient};
    pal_program *p = pal_compile(
        t, outputs, 2,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .passes = passes});
    ck_assert_msg(p, "%s", pal_tape_error(t));
    return p;
}

static cost cost_of(const growing *g, int n)
{
    cost k;
    pal_context *own = context_with(1), *before = c;
    c = own;
    pal_tape *t = pal_tape_new(c, PAL_F64);
    grown it = grow(g, t, n);
    ck_assert_int_eq(pal_grad(it.y, &it.x, 1, &it.gradient), PAL_OK);
    k.recorded = looked_at(t);
    k.entries = pal_tape_length(t);
    pal_program *p = compile(t, &it, 0);
    k.compiled = looked_at(t) - k.recorded;
    k.steps = count_steps(p);
    pal_context_memory(c, &k.memory);
    pal_program_free(p);
    pal_tape_free(t);
    grown_free(&it);
    pal_context_free(own);
    c = before;
    return k;
}

#define ck_assert_grows(name, small, large, times)                                                                     \
    ck_assert_msg((large) <= (times) * (small), "%s: " #small " %zu, " #large " %zu", name, (size_t)(small),           \
                  (size_t)(large))

/* Eight times the size costs at most twelve times the work: leaves, queues and places of groups are found in a
 * logarithm of their number. Arrays double, so the memory may double once more. */
START_TEST(costs_grow_with_the_tape)
{
    enum { N = 300 };
    const growing *g = &growings[_i];
    const cost small = cost_of(g, N), large = cost_of(g, 8 * N);
    ck_assert_grows(g->name, small.entries, large.entries, 8);
    ck_assert_grows(g->name, small.recorded, large.recorded, 12);
    ck_assert_grows(g->name, small.compiled, large.compiled, 12);
    ck_assert_grows(g->name, small.memory, large.memory, 16);
    ck_assert_grows(g->name, small.steps + 5, large.steps, 8); /* fusion gets no worse */
    ck_assert_uint_le(large.compiled, 64 * large.entries);
}
END_TEST

/* The number of entries is quadratic in the depth, and the work is in proportion to them. */
START_TEST(nested_regions_grow_with_the_square_of_their_depth)
{
    const cost small = cost_of(&nested, 25), large = cost_of(&nested, 50);
    ck_assert_grows(nested.name, small.entries, large.entries, 4);
    ck_assert_grows(nested.name, small.recorded, large.recorded, 5);
    ck_assert_grows(nested.name, small.compiled, large.compiled, 5);
    ck_assert_grows(nested.name, small.memory, large.memory, 8);
}
END_TEST

/* ---- What comes out ------------------------------------------------------------------------------------------- */

/* y = x (1 + s) (1 + s') ..., and its derivative is y / x. Compiled twice, and without any pass. */
START_TEST(a_long_chain_has_the_right_value_each_time)
{
    enum { LONG = 5000 };
    pal_tape *t = pal_tape_new(c, PAL_F64);
    grown it = grow(&growings[0], t, LONG);
    ck_assert_int_eq(pal_grad(it.y, &it.x, 1, &it.gradient), PAL_OK);
    double expected = 1;
    for (int i = 0; i < LONG; i++) expected *= 1 + 1e-6 * (1 + i % 3);
    char *text[2];
    for (int i = 0; i < 3; i++) {
        pal_program *p = compile(t, &it, i == 2 ? PAL_PASS_NONE : 0);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        const double y = pal_tensor_get(pal_output(p, 0), 0), g = pal_tensor_get(pal_output(p, 1), 0);
        ck_assert_double_eq_tol(g, expected, 1e-12);
        ck_assert_double_eq_tol(y, expected * pal_tensor_get(it.tensors[0], 0), 1e-12);
        if (i < 2) text[i] = pal_program_text(p);
        if (i == 0) ck_assert_uint_le(count_steps(p), 2 * LONG * 2 / 60 + 4); /* loops are full */
        pal_program_free(p);
    }
    ck_assert_str_eq(text[0], text[1]);
    for (int i = 0; i < 2; i++) pal_text_free(c, text[i]);
    pal_tape_free(t);
    grown_free(&it);
}
END_TEST

/* The program of each tape computes the same bits as one in which every operation is a step of its own. */
START_TEST(fused_and_single_steps_agree)
{
    const growing *g = &growings[_i];
    double value[2], gradient[2][9];
    for (int i = 0; i < 2; i++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        grown it = grow(g, t, 150);
        ck_assert_int_eq(pal_grad(it.y, &it.x, 1, &it.gradient), PAL_OK);
        pal_program *p = compile(t, &it, i ? PAL_PASS_SIMPLIFY : PAL_PASS_ALL & ~(unsigned)PAL_PASS_ROUNDING);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        value[i] = pal_tensor_get(pal_output(p, 0), 0);
        memset(gradient[i], 0, sizeof gradient[i]);
        memcpy(gradient[i], pal_output(p, 1)->data, pal_tensor_bytes(pal_output(p, 1)));
        pal_program_free(p);
        pal_tape_free(t);
        grown_free(&it);
    }
    ck_assert_mem_eq(&value[0], &value[1], sizeof value[0]);
    ck_assert_mem_eq(gradient[0], gradient[1], sizeof gradient[0]);
}
END_TEST

/* ---- Deep tapes ----------------------------------------------------------------------------------------------- */

typedef struct deep {
    double y[6], g[6];
} deep;

/* A long chain, and a long row of views that no rewrite shortens, there and back. */
static void *record_deep(void *user)
{
    enum { DEEP = 30000 };
    deep *d = user;
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3), 0.1, 0.9, "x");
    pal_var leaf = pal_leaf(t, x, "x"), y = leaf;
    for (int i = 0; i < DEEP; i++) y = pal_add(y, pal_scale(y, 1e-6));
    for (int i = 0; i < DEEP; i++) y = pal_transpose(y);
    grown it = {.y = y, .x = leaf};
    if (pal_grad(pal_sum_squares(y), &leaf, 1, &it.gradient) == PAL_OK) {
        pal_program *p = compile(t, &it, PAL_PASS_ALL & ~(unsigned)PAL_PASS_SIMPLIFY);
        if (pal_run(p) == PAL_OK) {
            memcpy(d->y, pal_output(p, 0)->data, sizeof d->y);
            memcpy(d->g, pal_output(p, 1)->data, sizeof d->g);
        }
        pal_program_free(p);
    }
    pal_tape_free(t);
    pal_tensor_free(x);
    return NULL;
}

START_TEST(deep_tapes_need_no_deep_stack)
{
    pthread_t thread;
    pthread_attr_t attributes;
    deep d = {{0}, {0}};
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, record_deep, &d), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    double f = 1, sum_y = 0, sum_g = 0;
    for (int i = 0; i < 30000; i++) f *= 1 + 1e-6;
    for (int i = 0; i < 6; i++) {
        double u;
        pal_noise_uniform((pal_noise){.seed = 11}, "x", (uint64_t)i, 1, &u);
        sum_y += f * (0.1 + 0.8 * u);
        sum_g += 2 * f * f * (0.1 + 0.8 * u);
    }
    for (int i = 0; i < 6; i++) {
        sum_y -= d.y[i];
        sum_g -= d.g[i];
    }
    ck_assert_double_eq_tol(sum_y, 0, 1e-10);
    ck_assert_double_eq_tol(sum_g, 0, 1e-10);
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
                             TESTS(nested_regions_grow_with_the_square_of_their_depth,
                                   a_long_chain_has_the_right_value_each_time, deep_tapes_need_no_deep_stack,
                                   contributions_are_sorted, grad_looks_only_at_what_the_value_depends_on));
    tcase_add_loop_test(growth, costs_grow_with_the_tape, 0, (int)n_growings);
    tcase_add_loop_test(growth, fused_and_single_steps_agree, 0, (int)n_growings);
    return s;
}
