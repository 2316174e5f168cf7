/* test_plan_parts.c - tests the plan that the pass "place" tells as data: steps, and what lies where in the arena. */
#include <stdio.h>
#include <string.h>

#include "tests/autograd/graphs.h"
#include "tests/testing.h"

enum { MOST = 2048 };
typedef struct told { /* what a trace has told; the plan's own arrays are gone after the call */
    size_t times;
    pal_plan plan;
    pal_plan_step steps[MOST];
    pal_plan_place places[MOST];
    char words[MOST][120];
} told;
static told t;

static void take(const pal_trace *made, void *user)
{
    told *to = user;
    ck_assert_int_eq(made->plan != NULL, !strcmp(made->pass, "place"));
    if (!made->plan) return;
    ck_assert_ptr_nonnull(made->text);
    to->times++;
    to->plan = *made->plan;
    ck_assert_uint_lt(to->plan.n_steps, MOST);
    ck_assert_uint_lt(to->plan.n_places, MOST);
    for (size_t i = 0; i < to->plan.n_steps; i++) {
        const pal_plan_step *s = &to->plan.steps[i];
        to->steps[i] = *s;
        to->words[i][0] = 0;
        for (size_t k = 0; k < s->n_own + s->n_then + s->n_sums; k++)
            snprintf(to->words[i] + strlen(to->words[i]), sizeof to->words[i] - strlen(to->words[i]), "%s ",
                     s->ops[k]->name);
    }
    for (size_t i = 0; i < to->plan.n_places; i++) to->places[i] = to->plan.places[i];
    to->plan.steps = to->steps;
    to->plan.places = to->places;
}

static pal_program *compile(pal_tape *tape, const pal_var *outputs, size_t n)
{
    memset(&t, 0, sizeof t);
    return pal_compile(
        tape, outputs, n,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .trace = take, .user = &t});
}

static void check_place(size_t i, const char *op, size_t offset, size_t bytes, size_t first, size_t last, size_t over,
                        size_t output)
{
    const pal_plan_place *p = &t.places[i];
    ck_assert_str_eq(p->op->name, op);
    ck_assert_uint_eq(p->offset, offset);
    ck_assert_uint_eq(p->bytes, bytes);
    ck_assert_uint_eq(p->first, first);
    ck_assert_uint_eq(p->last, last);
    ck_assert_uint_eq(p->over, over);
    ck_assert_uint_eq(p->output, output);
}

/* The worked example of docs/design.md: one value is written over another, one is a sum that a loop makes. */
START_TEST(the_example_of_the_design_is_told)
{
    pal_context *c = context_with(1);
    pal_tape *tape = pal_tape_new(c, PAL_F32);
    pal_tensor *xs = random_tensor(c, PAL_F32, PAL_SHAPE(8, 4), -1, 1, "x"),
               *ws = random_tensor(c, PAL_F32, PAL_SHAPE(4, 3), -1, 1, "w");
    pal_var x = pal_leaf(tape, xs, "x"), w = pal_leaf(tape, ws, "W"), g;
    pal_var y = pal_sum_all(pal_sigmoid(pal_matmul(x, w)));
    pal_grad(y, &w, 1, &g);
    pal_program *p = compile(tape, (pal_var[]){y, g}, 2);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(t.times, 1);
    ck_assert_uint_eq(t.plan.n_steps, 3);
    size_t n = 0; /* the rest is memory of the products, which depends on the machine */
    for (size_t i = 0; i < t.plan.n_places; i++)
        if (t.places[i].op) t.places[n++] = t.places[i];
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(t.plan.arena, pal_program_arena(p));
    ck_assert_uint_eq(t.plan.least, pal_program_least(p));
    ck_assert_int_eq(t.steps[0].kind, PAL_PLAN_KERNEL);
    ck_assert_int_eq(t.steps[1].kind, PAL_PLAN_LOOP);
    ck_assert_str_eq(t.words[1], "sigmoid sub mul sum_to ");
    ck_assert_uint_eq(t.steps[1].n_own, 3);
    ck_assert_uint_eq(t.steps[1].n_sums, 1);
    ck_assert_uint_eq(t.steps[0].order, 0);
    ck_assert_uint_eq(t.steps[2].order, 1);
    check_place(0, "matmul", 0, 128, 0, 1, 0, 0);
    check_place(1, "mul", 0, 128, 1, 2, 1, 0);
    check_place(2, "sum_to", 128, 64, 1, 2, 0, 1);
    check_place(3, "matmul", 192, 64, 2, 2, 0, 2);
    pal_program_free(p);
    pal_tape_free(tape);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_context_free(c);
}
END_TEST

static bool meet(const pal_plan_place *a, const pal_plan_place *b)
{
    return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

static void check_places(void)
{
    for (size_t i = 0; i < t.plan.n_places; i++) {
        const pal_plan_place *a = &t.places[i];
        ck_assert_uint_le(a->first, a->last);
        ck_assert_uint_lt(a->last, t.plan.n_steps);
        ck_assert_uint_le(a->offset + a->bytes, t.plan.arena);
        if (a->output) ck_assert_uint_eq(a->last, t.plan.n_steps - 1);
        if (a->over) ck_assert_uint_eq(t.places[a->over - 1].last, a->first);
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(!meet(a, &t.places[k]) || a->over == k + 1, "places %zu and %zu meet", k, i);
    }
}

/* The most bytes that are in use at one step; a value and the one that is written over it count once. */
static size_t most_in_use(void)
{
    size_t most = 0;
    for (size_t now = 0; now < t.plan.n_steps; now++) {
        size_t used = 0;
        for (size_t i = 0; i < t.plan.n_places; i++) {
            const pal_plan_place *a = &t.places[i];
            if (a->first <= now && now <= a->last && !(a->over && a->first == now)) used += a->bytes;
        }
        if (used > most) most = used;
    }
    return most;
}

/* No two values that live at the same time share bytes, unless one is written over the other; what they need together
 * is what the program says. Its steps are those of the plan. */
START_TEST(places_of_random_graphs_hold)
{
    pal_context *c = context_with(1);
    size_t over = 0, regions = 0, sums = 0, scratch = 0;
    for (uint64_t seed = 0; seed < 150; seed++) {
        const graph g = graph_of(seed, seed % 4 == 0);
        pal_tensor *leaves[GRAPH_NODES] = {0};
        pal_tape *tape = pal_tape_new(c, g.real);
        graph_values values;
        for (size_t i = 0; i < g.n_leaves; i++) {
            pal_dtype dtype;
            const pal_shape shape = graph_leaf_shape(&g, i, &dtype);
            leaves[i] = pal_tensor_new(c, dtype, shape);
        }
        graph_record(&g, tape, leaves, 0, &values);
        pal_program *p = compile(tape, values.outputs, g.n_outputs);
        ck_assert_msg(p != NULL, "seed %llu: %s", (unsigned long long)seed, pal_tape_error(tape));
        check_places();
        size_t inside = 0, steps = 0;
        for (size_t i = 0; i < t.plan.n_steps; i++) inside += t.steps[i].n_body, sums += t.steps[i].n_sums;
        for (size_t i = 0; i < t.plan.n_places; i++) over += t.places[i].over > 0, scratch += !t.places[i].op;
        for (pal_program_step s; pal_program_step_at(p, steps, &s);) steps++;
        ck_assert_uint_eq(steps, t.plan.n_steps + inside);
        regions += inside > 0;
        if (inside)
            ck_assert_uint_ge(most_in_use(), t.plan.least);
        else
            ck_assert_uint_eq(most_in_use(), t.plan.least);
        pal_program_free(p);
        pal_tape_free(tape);
        for (size_t i = 0; i < g.n_leaves; i++) pal_tensor_free(leaves[i]);
    }
    ck_assert(over > 10 && regions > 5 && sums > 5 && scratch > 5);
    pal_context_free(c);
}
END_TEST

Suite *plan_parts_suite(void);
Suite *plan_parts_suite(void)
{
    Suite *s = suite_create("plan_parts");
    TCase *tc = tcase_create("plan_parts");
    tcase_add_test(tc, the_example_of_the_design_is_told);
    tcase_add_test(tc, places_of_random_graphs_hold);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    return s;
}
