/* test_place.c - the placement of a drawing: nothing overlaps, children are in their boxes, wires lead from rank to
 * rank and run through no node, whatever is closed; the same each time; work in proportion to the tape, counted and not
 * timed. */
#include "autograd/text/place.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

Suite *place_suite(void);

static pal_context *c;

static void setup(void) { c = context_with(1); }
static void teardown(void) { pal_context_free(c); }

/* ---- Random trees and wires ----------------------------------------------------------------------------------- */

static uint64_t state;
static uint32_t any(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % below;
}

/* Two lanes; boxes in boxes; nodes, which read recent nodes and now and then any earlier one. */
static pal__place make(uint64_t seed, uint32_t boxes, uint32_t nodes)
{
    state = seed;
    pal__place p = {.context = c, .keys = nodes + 1, .n_items = 3 + boxes + nodes};
    p.items = pal__alloc(c, p.n_items * sizeof *p.items);
    p.wires = pal__alloc(c, 4 * (size_t)nodes * sizeof *p.wires);
    ck_assert(p.items && p.wires);
    for (uint32_t i = 1; i < p.n_items; i++) {
        pal__place_item *x = &p.items[i];
        const uint32_t k = i - 3 - boxes; /* of a node */
        if (i < 3)
            *x = (pal__place_item){.kind = PAL__PLACE_LANE, .up = i == 2};
        else if (i < 3 + boxes)
            *x = (pal__place_item){
                .kind = PAL__PLACE_BOX, .parent = 1 + any(i < 10 ? i - 1 : 9), .own_w = 60, .own_h = 30};
        else
            *x = (pal__place_item){.parent = k && any(4) ? x[-1].parent : 1 + any(2 + boxes),
                                   .key = k + 1,
                                   .leaf = any(5) == 0,
                                   .own_w = 20 + any(100),
                                   .own_h = 20 + any(20)};
        for (uint32_t n = k < nodes && !x->leaf ? any(4) : 0; n && k; n--) {
            const uint32_t back = any(8) ? 1 + any(k < 6 ? k : 6) : 1 + any(k);
            p.wires[p.n_wires++] = (pal__place_wire){.from = i - back, .to = i, .over = any(12) == 0};
        }
    }
    return p;
}

static void close_some(pal__place *p, uint32_t of_ten)
{
    for (size_t i = 0; i < p->n_items; i++) p->items[i].closed = p->items[i].kind == PAL__PLACE_BOX && any(10) < of_ten;
}

/* ---- What holds for every placement --------------------------------------------------------------------------- */

static bool is_shown(const pal__place *p, uint32_t i) { return i && p->items[i].parent && p->items[i].shown == i; }

static bool apart(double a, double a_size, double b, double b_size)
{
    return a + a_size <= b + 1e-6 || b + b_size <= a + 1e-6;
}

static void check_items(const pal__place *p)
{
    for (uint32_t i = 1; i < p->n_items; i++) {
        const pal__place_item *x = &p->items[i], *above = &p->items[x->parent];
        if (!is_shown(p, i)) continue;
        ck_assert(x->w > 0 && x->h > 0);
        ck_assert_msg(x->x >= above->x - 1e-6 && x->x + x->w <= above->x + above->w + 1e-6 && x->y >= above->y - 1e-6 &&
                          x->y + x->h <= above->y + above->h + 1e-6,
                      "item %u is outside its parent %u", i, x->parent);
        for (uint32_t k = i + 1; k < p->n_items; k++) {
            const pal__place_item *y = &p->items[k];
            if (!is_shown(p, k) || y->parent != x->parent) continue;
            if (!apart(x->x, x->w, y->x, y->w) && !apart(x->y, x->h, y->y, y->h))
                ck_abort_msg("items %u and %u overlap", i, k);
            if (x->rank == y->rank && x->order == y->order) ck_abort_msg("items %u and %u share a place", i, k);
        }
    }
}

/* In the innermost box that has both ends, what is recorded earlier is in an earlier rank. */
static void check_ranks(const pal__place *p)
{
    for (size_t i = 0; i < p->n_wires; i++) {
        uint32_t a = p->wires[i].from, b = p->wires[i].to;
        if (p->wires[i].over) continue;
        uint8_t depth[2] = {0, 0};
        for (uint32_t x = a; x; x = p->items[x].parent) depth[0]++;
        for (uint32_t x = b; x; x = p->items[x].parent) depth[1]++;
        for (; depth[0] > depth[1]; depth[0]--) a = p->items[a].parent;
        for (; depth[1] > depth[0]; depth[1]--) b = p->items[b].parent;
        for (; p->items[a].parent != p->items[b].parent; b = p->items[b].parent) a = p->items[a].parent;
        if (p->items[a].key < p->items[b].key)
            ck_assert_msg(p->items[a].rank < p->items[b].rank, "wire %zu does not lead on", i);
    }
}

static bool holds(const pal__place *p, uint32_t box, uint32_t item)
{
    while (item && item != box) item = p->items[item].parent;
    return item == box;
}

/* No piece of the curve is inside a node or a closed box, nor inside a box that has neither of its ends. */
static void check_wire(const pal__place *p, const pal__place_wire *w)
{
    ck_assert_uint_ge(w->n_points, 2);
    const pal__place_point *at = &p->points[w->first_point];
    for (uint32_t k = 1; k < w->n_points; k++)
        for (int step = 0; step <= 8; step++) {
            const double t = step / 8.0, u = 1 - t, y0 = at[k - 1].y, y1 = at[k].y, y = (y0 + y1) / 2;
            const double px = (u * u * u + 3 * u * u * t) * at[k - 1].x + (3 * u * t * t + t * t * t) * at[k].x;
            const double py = u * u * u * y0 + 3 * u * t * (u + t) * y + t * t * t * y1;
            for (uint32_t i = 1; i < p->n_items; i++) {
                const pal__place_item *x = &p->items[i];
                const bool open = pal__place_is_open(p, i);
                if (!is_shown(p, i) || (open && (holds(p, i, w->from) || holds(p, i, w->to)))) continue;
                if (px > x->x + 1e-6 && px < x->x + x->w - 1e-6 && py > x->y + 1e-6 && py < x->y + x->h - 1e-6)
                    ck_abort_msg("the wire from %u to %u runs through item %u", w->from, w->to, i);
            }
        }
    const pal__place_item *from = &p->items[w->shown_from], *to = &p->items[w->shown_to];
    const pal__place_point *end = &at[w->n_points - 1];
    ck_assert(at->x > from->x && at->x < from->x + from->w && end->x > to->x && end->x < to->x + to->w);
    ck_assert(fabs(at->y - from->y) < 1e-6 || fabs(at->y - from->y - from->h) < 1e-6);
    ck_assert(fabs(end->y - to->y) < 1e-6 || fabs(end->y - to->y - to->h) < 1e-6);
}

static void check(const pal__place *p)
{
    check_items(p);
    check_ranks(p);
    for (size_t i = 0; i < p->n_wires; i++)
        if (p->wires[i].shown && !p->wires[i].over) check_wire(p, &p->wires[i]);
}

START_TEST(random_trees_are_placed_without_overlaps)
{
    pal__place p = make((uint64_t)_i + 1, (uint32_t)_i % 12, 20 + 5 * (uint32_t)_i);
    ck_assert(pal__place_order(&p));
    for (uint32_t closed = 0; closed < 10; closed += 3) {
        close_some(&p, closed);
        ck_assert(pal__place_move(&p));
        check(&p);
    }
    p.items[1].hidden = true;
    ck_assert(pal__place_move(&p));
    check(&p);
    pal__place_free(&p);
}
END_TEST

START_TEST(a_chain_is_straight_and_reads_down_or_up)
{
    for (int up = 0; up < 2; up++) {
        pal__place p = {.context = c, .keys = 12, .n_items = 12};
        p.items = pal__alloc(c, p.n_items * sizeof *p.items);
        p.wires = pal__alloc(c, 12 * sizeof *p.wires);
        p.items[1] = (pal__place_item){.kind = PAL__PLACE_LANE, .up = up};
        for (uint32_t i = 2; i < 12; i++) {
            p.items[i] = (pal__place_item){.parent = 1, .key = i, .own_w = 20 + 10 * i, .own_h = 20};
            if (i > 2) p.wires[p.n_wires++] = (pal__place_wire){.from = i - 1, .to = i};
        }
        ck_assert(pal__place_order(&p) && pal__place_move(&p));
        for (uint32_t i = 3; i < 12; i++) {
            ck_assert_double_eq_tol(p.items[i].x + p.items[i].w / 2, p.items[2].x + p.items[2].w / 2, 1e-6);
            ck_assert(up ? p.items[i].y < p.items[i - 1].y : p.items[i].y > p.items[i - 1].y);
        }
        pal__place_free(&p);
    }
}
END_TEST

START_TEST(a_placement_is_the_same_each_time)
{
    pal__place a = make(77, 9, 300), b = make(77, 9, 300);
    ck_assert(pal__place_order(&a) && pal__place_move(&a) && pal__place_order(&b));
    close_some(&b, 5);
    ck_assert(pal__place_move(&b));
    close_some(&b, 0);
    ck_assert(pal__place_move(&b));
    ck_assert_uint_eq(a.n_points, b.n_points);
    ck_assert_mem_eq(a.points, b.points, a.n_points * sizeof *a.points);
    for (size_t i = 1; i < a.n_items; i++)
        ck_assert(a.items[i].x == b.items[i].x && a.items[i].y == b.items[i].y && a.items[i].order == b.items[i].order);
    pal__place_free(&a);
    pal__place_free(&b);
}
END_TEST

START_TEST(work_is_in_proportion)
{
    uint64_t looked[2];
    for (int i = 0; i < 2; i++) {
        const uint32_t nodes = i ? 16000 : 2000;
        pal__place p = make(5, nodes / 20, nodes);
        ck_assert(pal__place_order(&p) && pal__place_move(&p));
        looked[i] = p.looked / nodes;
        pal__place_free(&p);
    }
    ck_assert_msg(looked[1] <= looked[0] * 3 / 2, "%llu for each node, then %llu", (unsigned long long)looked[0],
                  (unsigned long long)looked[1]);
}
END_TEST

Suite *place_suite(void)
{
    Suite *s = suite_create("place");
    TCase *t = tcase_create("placement");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, random_trees_are_placed_without_overlaps, 0, 24);
    tcase_add_test(t, a_chain_is_straight_and_reads_down_or_up);
    tcase_add_test(t, a_placement_is_the_same_each_time);
    tcase_add_test(t, work_is_in_proportion);
    suite_add_tcase(s, t);
    return s;
}
