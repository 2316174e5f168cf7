/* test_merging.c - the order of groups against a plain search over all paths; the fence before writes. */
#include "autograd/compile/order.h"
#include "tests/testing.h"

#include <string.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "x");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_context_free(c);
}

static uint64_t state;
static uint32_t below(uint32_t n) { return (uint32_t)(pal__mix(9, state++) % n); }

/* ---- A plan of single groups, and what a plain search says of it ---------------------------------------------- */

/* Random operations of two values each, mostly recent ones. */
static void record(int n)
{
    pal_var v[400];
    int count = 0;
    v[count++] = pal_leaf(t, xs, "x");
    while (count < n) {
        const int window = below(3) ? count < 8 ? count : 8 : count;
        pal_var a = v[count - 1 - (int)below((uint32_t)window)], b = v[count - 1 - (int)below((uint32_t)window)];
        v[count++] = below(3) ? pal_add(a, b) : pal_matmul(a, b);
    }
    ck_assert_tape_ok(t);
}

static pal__plan *new_plan(void)
{
    return pal__plan_new(NULL, t, 0, NULL, 0, &(pal_compile_options){.passes = PAL_PASS_ALL, .lanes = 1});
}

static void add_group(pal__plan *p, pal__order *o, uint32_t id)
{
    ck_assert(pal__grow(c, (void **)&p->groups, p->n_groups, &p->cap_groups, sizeof *p->groups));
    p->groups[p->n_groups] = (pal__group){.first = id, .last = id, .n_members = 1};
    p->group[id] = (uint32_t)p->n_groups++;
    pal__order_add(o, p->group[id]);
}

/* Whether a reads or must follow what b computes, on a way that is not one direct read if `direct` is false. */
static bool needs(const pal__plan *p, uint32_t a, uint32_t b, bool direct, bool *seen)
{
    for (uint32_t id = p->groups[a].first; id; id = p->next[id])
        for (uint32_t k = 0; k < pal__at(t, id)->n; k++) {
            const uint32_t g = p->group[p->view[pal__arg(t, id, k)].base];
            if (g == PAL__NONE || g == a || seen[g] || (g == b && !direct)) continue;
            if (g == b) return true;
            seen[g] = true;
            if (needs(p, g, b, true, seen)) return true;
        }
    for (uint32_t i = p->groups[a].edges; i; i = p->edges[i - 1].next) {
        const uint32_t g = p->edges[i - 1].from;
        if (g == b) return true;
        if (seen[g]) continue;
        seen[g] = true;
        if (needs(p, g, b, true, seen)) return true;
    }
    return false;
}

static bool plainly_needs(const pal__plan *p, uint32_t a, uint32_t b, bool direct)
{
    bool seen[512] = {false};
    return needs(p, a, b, direct, seen);
}

/* Every group is in the order once, behind all that it needs; neighbours know each other. */
static void check_order(const pal__plan *p, const pal__order *o, size_t alive)
{
    size_t n = 0;
    for (uint32_t g = o->first, before = PAL__NONE; g != PAL__NONE; before = g, g = o->at[g].after, n++) {
        ck_assert_uint_eq(o->at[g].before, before);
        ck_assert(before == PAL__NONE || o->at[before].label < o->at[g].label);
        for (uint32_t id = p->groups[g].first; id; id = p->next[id])
            for (uint32_t k = 0; k < pal__at(t, id)->n; k++) {
                const uint32_t from = p->group[p->view[pal__arg(t, id, k)].base];
                ck_assert(from == PAL__NONE || from == g || o->at[from].label < o->at[g].label);
            }
        for (uint32_t i = p->groups[g].edges; i; i = p->edges[i - 1].next)
            ck_assert_uint_lt(o->at[p->edges[i - 1].from].label, o->at[g].label);
    }
    ck_assert_uint_eq(n, alive);
}

static void join(pal__plan *p, uint32_t a, uint32_t b)
{
    for (uint32_t id = p->groups[b].first, next; id; id = next) {
        next = p->next[id];
        p->group[id] = a;
        p->next[id] = p->groups[a].first; /* in any order: only fuse needs them sorted */
        p->groups[a].first = id;
    }
    p->groups[b].first = 0;
}

/* ---- Tests ---------------------------------------------------------------------------------------------------- */

typedef struct asked {
    size_t yes, no, careful; /* careful: no, where the search over all paths says yes */
} asked;

/* Groups are merged as fuse merges them, but of any size. */
static pal__plan *merge_at_random(pal__order *o, int n, bool stores, asked *count, size_t *alive)
{
    record(n);
    pal__plan *p = new_plan();
    ck_assert(pal__order_begin(o, p, p->n_ids + 1));
    *alive = 0;
    for (size_t i = 0; i < p->n_ids; i++) {
        const uint32_t id = p->ids[i];
        if (pal__at(t, id)->op->op_class == PAL_CLASS_LEAF) continue;
        add_group(p, o, id);
        ++*alive;
        for (uint32_t k = 0; k < 2; k++) {
            const uint32_t a = p->group[pal__arg(t, id, k)], b = p->group[id];
            if (a == PAL__NONE || a == b || below(4) == 0) continue;
            if (!stores) o->store = 0;
            const bool free = !plainly_needs(p, b, a, false), merged = pal__order_merge(o, a, b);
            ck_assert(free || !merged);
            ck_assert(merged || !free || !stores);
            if (merged) join(p, a, b);
            *alive -= merged;
            *(merged ? &count->yes : free ? &count->careful : &count->no) += 1;
        }
        if (i % 16 == 0) check_order(p, o, *alive);
    }
    check_order(p, o, *alive);
    return p;
}

static void renew(pal__plan *p, pal__order *o)
{
    pal__order_end(o);
    pal__plan_free(p);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

START_TEST(merges_where_no_path_leads_through_another)
{
    asked count = {0};
    for (int round = 0; round < 60; round++) {
        pal__order o;
        size_t alive;
        state = (uint64_t)round << 20;
        pal__plan *p = merge_at_random(&o, 60 + 4 * round, true, &count, &alive);
        renew(p, &o);
    }
    ck_assert_uint_gt(count.yes, 1000);
    ck_assert_uint_gt(count.no, 1000);
}
END_TEST

/* Where there are no steps left to search, the answer is no more often, and yes never where it must be no. */
START_TEST(a_search_that_ends_early_says_no)
{
    asked count = {0};
    for (int round = 0; round < 20; round++) {
        pal__order o;
        size_t alive;
        state = (uint64_t)round << 20;
        pal__plan *p = merge_at_random(&o, 390, false, &count, &alive);
        renew(p, &o);
    }
    ck_assert_uint_gt(count.yes, 1000);
    ck_assert_uint_gt(count.careful, 10);
}
END_TEST

START_TEST(groups_go_before_another_where_none_needs_it)
{
    asked merges = {0}, count = {0};
    for (int round = 0; round < 60; round++) {
        pal__order o;
        size_t alive;
        state = (uint64_t)round << 20;
        pal__plan *p = merge_at_random(&o, 100 + 4 * round, true, &merges, &alive);
        for (int ask = 0; ask < 20; ask++) {
            uint32_t groups[5], writer = below((uint32_t)p->n_groups), n = 0;
            bool free = true;
            while (!p->groups[writer].first) writer = below((uint32_t)p->n_groups);
            for (int i = 0; i < 5; i++) {
                const uint32_t g = below((uint32_t)p->n_groups);
                if (g == writer || !p->groups[g].first) continue;
                groups[n++] = g;
                free = free && !plainly_needs(p, g, writer, true);
            }
            ck_assert_int_eq(pal__order_all_before(&o, groups, n, writer), free);
            for (uint32_t i = 0; free && i < n; i++) {
                ck_assert(pal__grow(c, (void **)&p->edges, p->n_edges, &p->cap_edges, sizeof *p->edges));
                p->edges[p->n_edges++] = (pal__edge){groups[i], writer, p->groups[writer].edges};
                p->groups[writer].edges = (uint32_t)p->n_edges;
            }
            *(free ? &count.yes : &count.no) += 1;
            check_order(p, &o, alive);
        }
        renew(p, &o);
    }
    ck_assert_uint_gt(count.yes, 100);
    ck_assert_uint_gt(count.no, 100);
}
END_TEST

/* Again and again to the front, and again and again before the same group: labels run out, and are spread. */
START_TEST(labels_are_spread_where_there_is_no_room)
{
    enum { MANY = 3000 };
    pal_var x = pal_leaf(t, xs, "x");
    for (int i = 0; i < MANY; i++) pal_sin(x);
    pal__plan *p = new_plan();
    pal__order o;
    ck_assert(pal__order_begin(&o, p, p->n_ids + 1));
    for (uint32_t g = 0; g < MANY; g++) add_group(p, &o, x.id + 1 + g);
    for (uint32_t g = 1; g < MANY; g++) ck_assert(pal__order_all_before(&o, &g, 1, g - 1));
    check_order(p, &o, MANY);
    uint32_t at = MANY - 1; /* now they stand backward */
    for (uint32_t g = o.first; g != PAL__NONE; g = o.at[g].after) ck_assert_uint_eq(g, at--);
    for (uint32_t g = MANY - 1; g-- > 1;) ck_assert(pal__order_all_before(&o, &g, 1, MANY - 1));
    check_order(p, &o, MANY);
    ck_assert_uint_eq(o.at[o.last].before, MANY - 1); /* with group 0 behind it, and the others before it */
    ck_assert_uint_lt(t->looked, 40 * MANY);
    pal__order_end(&o);
    pal__plan_free(p);
}
END_TEST

/* Steps that can fail run before every write, whatever stands between them: a region, a factorisation. */
START_TEST(what_can_fail_runs_before_the_writes)
{
    pal_tensor *w[3];
    pal_var x = pal_leaf(t, xs, "x"), leaf[3], failing[3];
    for (int i = 0; i < 3; i++) {
        w[i] = random_tensor(c, PAL_F64, PAL_SHAPE(3, 3), -1, 1, "w");
        leaf[i] = pal_leaf(t, w[i], (const char *[]){"a", "b", "c"}[i]);
    }
    for (int i = 0; i < 3; i++) {
        pal_assign(leaf[i], pal_sub(leaf[i], pal_scale(x, 0.1)));
        failing[i] = pal_cholesky(pal_matmul_t(pal_add(leaf[i], x), pal_add(leaf[i], x), false, true));
    }
    pal_program *p =
        pal_compile(t, failing, 3, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_msg(p, "%s", pal_tape_error(t));
    char *text = pal_program_text(p), *last_failing = NULL, *first_write = NULL;
    for (char *at = text; (at = strstr(at, "cholesky")); at++) last_failing = at;
    first_write = strstr(text, "ends in sub");
    ck_assert_msg(last_failing && first_write && last_failing < first_write, "%s", text);
    ck_assert_ptr_null(strstr(text, "ends in assign")); /* each write is part of its loop */
    pal_text_free(c, text);
    pal_program_free(p);
    for (int i = 0; i < 3; i++) pal_tensor_free(w[i]);
}
END_TEST

Suite *merging_suite(void)
{
    Suite *s = suite_create("merging");
    add_case(s, "merging", setup, teardown,
             TESTS(merges_where_no_path_leads_through_another, a_search_that_ends_early_says_no,
                   groups_go_before_another_where_none_needs_it, labels_are_spread_where_there_is_no_room,
                   what_can_fail_runs_before_the_writes));
    return s;
}
