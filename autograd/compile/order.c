/* order.c - an order of groups in which each stands after all that it needs, kept while groups are merged.
 *
 * In: groups, each added behind those that it reads; then questions of fuse.c: may these two become one? may these run
 * before that one? Out: yes or no, and an order in which the answer yes has been carried out.
 *
 * A path leads from a lower place to a higher one. So most questions are answered by comparing two places. Where the
 * places leave it open, a search goes from the higher group back over what it needs, and no further down than to the
 * lower group. It takes the lowest group first: a group of the way back reads values of the way there, so the search
 * comes down in a few steps if there is a path. If there is none, all that it found moves to before the lower group,
 * and the next question finds them in place (an order kept as Pearce and Kelly do, ACM JEA 2006, from one side).
 *
 * A search has FREE steps for nothing; what it takes beyond them, at most MOST, comes from a store that has EACH steps
 * for each entry of the plan. If the store is empty the answer is no, which is always safe: two steps of the program
 * instead of one. So the time is in proportion to the number of entries. No model comes near to that.
 *
 * Places are labels with room between them. Where there is none left, the labels around are spread evenly: over the
 * smallest surrounding range of labels that is not too full (Bender and others, Two simplified algorithms for
 * maintaining order in a list, 2002). */
#include "autograd/compile/order.h"

#include <stdlib.h>

enum { FREE = 64, MOST = 1 << 14, EACH = 256, SPACE = 62 };

bool pal__order_begin(pal__order *o, pal__plan *plan, size_t room)
{
    *o = (pal__order){.plan = plan, .room = room, .first = PAL__NONE, .last = PAL__NONE, .store = EACH * plan->n_ids};
    o->at = pal__alloc(plan->context, room * sizeof *o->at);
    return o->at != NULL;
}

void pal__order_end(pal__order *o)
{
    pal_context *c = o->plan->context;
    pal__free(c, o->at);
    pal__free(c, o->found);
    pal__heap_free(c, &o->queue);
}

/* ---- Places --------------------------------------------------------------------------------------------------- */

static void link_between(pal__order *o, uint32_t before, uint32_t group, uint32_t after)
{
    o->at[group].before = before;
    o->at[group].after = after;
    *(before == PAL__NONE ? &o->first : &o->at[before].after) = group;
    *(after == PAL__NONE ? &o->last : &o->at[after].before) = group;
}

void pal__order_remove(pal__order *o, uint32_t group)
{
    const pal__position p = o->at[group];
    *(p.before == PAL__NONE ? &o->first : &o->at[p.before].after) = p.after;
    *(p.after == PAL__NONE ? &o->last : &o->at[p.after].before) = p.before;
}

static void put_last(pal__order *o, uint32_t group)
{
    const uint64_t gap = (UINT64_C(1) << SPACE) / (2 * o->room + 1);
    o->at[group].label = (o->last == PAL__NONE ? 0 : o->at[o->last].label) + gap;
    link_between(o, o->last, group, PAL__NONE);
}

/* Makes room before a group: spreads the labels of the smallest range around it that has at most (4/3)^bits groups. */
static void spread(pal__order *o, uint32_t group)
{
    uint32_t low = group, high = group;
    size_t n = 1;
    double most = 1;
    for (int bits = 1; bits < SPACE + 2; bits++) {
        const uint64_t first = o->at[group].label >> bits << bits, last = first + ((UINT64_C(1) << bits) - 1);
        for (uint32_t g; (g = o->at[low].before) != PAL__NONE && o->at[g].label >= first; n++) low = g;
        for (uint32_t g; (g = o->at[high].after) != PAL__NONE && o->at[g].label <= last; n++) high = g;
        most *= 4.0 / 3;
        const uint64_t apart = (UINT64_C(1) << bits) / (n + 1);
        if ((double)n > most || apart < 4) continue;
        for (uint64_t label = first + apart;; label += apart, low = o->at[low].after) {
            o->at[low].label = label;
            o->plan->tape->looked++;
            if (low == high) return;
        }
    }
}

static void put_before(pal__order *o, uint32_t group, uint32_t other)
{
    for (int round = 0;; round++) {
        const uint32_t before = o->at[other].before;
        const uint64_t from = before == PAL__NONE ? 0 : o->at[before].label, gap = o->at[other].label - from;
        o->at[group].label = from + (gap >= 32 ? gap / 16 : gap / 2); /* more will come before the same group */
        if (gap > 1 || round) return link_between(o, before, group, other);
        spread(o, other);
    }
}

void pal__order_add(pal__order *o, uint32_t group)
{
    const pal__plan *p = o->plan;
    put_last(o, group);
    for (uint32_t id = p->groups[group].first; id; id = p->next[id]) {
        const pal__entry *e = pal__at(p->tape, id);
        for (uint32_t k = e->op->op_class == PAL_CLASS_EFFECT; k < e->n; k++) {
            const uint32_t from = pal__group_of(p, p->view[pal__arg(p->tape, id, k)].base);
            if (from != PAL__NONE) o->at[from].readers++;
        }
    }
}

void pal__order_to_end(pal__order *o, uint32_t group)
{
    if (o->last == group) return;
    pal__order_remove(o, group);
    put_last(o, group);
}

/* ---- Searching ------------------------------------------------------------------------------------------------ */

/* Notes that a group is needed. Returns whether it is the one looked for. */
static bool need(pal__order *o, uint32_t group, uint32_t wanted)
{
    if (group == PAL__NONE) return false;
    if (group == wanted) return true;
    pal__position *p = &o->at[group];
    if (p->label < o->at[wanted].label || p->seen == o->searches) return false;
    p->seen = o->searches;
    if (!pal__heap_add(o->plan->context, &o->queue, p->label, group)) o->starved = true;
    return false;
}

/* Notes what a group needs, but for the direct way from `wanted` if that is allowed. */
static bool need_all_of(pal__order *o, uint32_t group, uint32_t wanted, bool direct, size_t *steps)
{
    const pal__plan *p = o->plan;
    for (uint32_t id = p->groups[group].first; id; id = p->next[id]) {
        const pal__entry *e = pal__at(p->tape, id);
        for (uint32_t k = e->op->op_class == PAL_CLASS_EFFECT; k < e->n; k++, ++*steps) {
            const uint32_t from = pal__group_of(p, p->view[pal__arg(p->tape, id, k)].base);
            if (from == group || (direct && from == wanted)) continue;
            if (need(o, from, wanted)) return true;
        }
    }
    for (uint32_t i = p->groups[group].edges; i; i = p->edges[i - 1].next, ++*steps)
        if (need(o, p->edges[i - 1].from, wanted)) return true;
    return false;
}

static void begin_search(pal__order *o)
{
    o->searches++;
    o->queue.n = o->n_found = 0;
}

/* Goes on with a search that has begun. Returns whether it found no way to `wanted`, and found all of it. */
static bool none_leads_to(pal__order *o, uint32_t wanted, size_t most, size_t steps)
{
    pal_context *c = o->plan->context;
    bool found = false;
    const size_t limit = FREE + (o->store < most ? o->store : most);
    while (o->queue.n && !found && steps <= limit && !o->starved) {
        const uint32_t group = pal__heap_take(&o->queue);
        if (!pal__grow(c, (void **)&o->found, o->n_found, &o->cap_found, sizeof *o->found)) o->starved = true;
        if (o->starved) break;
        o->found[o->n_found++] = (pal__keyed){o->at[group].label, group};
        found = need_all_of(o, group, wanted, false, &steps);
    }
    o->plan->tape->looked += steps;
    const size_t spent = steps > FREE ? steps - FREE : 0;
    o->store -= spent < o->store ? spent : o->store;
    return !found && !o->queue.n && steps <= limit && !o->starved;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = ((const pal__keyed *)a)->key, y = ((const pal__keyed *)b)->key;
    return (x > y) - (x < y);
}

/* What the search found moves to before the group, in the order that it has. */
static void move_before(pal__order *o, uint32_t group)
{
    if (o->n_found > 1) qsort(o->found, o->n_found, sizeof *o->found, by_key);
    for (size_t i = 0; i < o->n_found; i++) {
        pal__order_remove(o, o->found[i].number);
        put_before(o, o->found[i].number, group);
    }
}

/* ---- Questions ------------------------------------------------------------------------------------------------ */

/* How often b reads what a computes. */
static uint32_t reads(const pal__plan *p, uint32_t b, uint32_t a)
{
    uint32_t n = 0;
    for (uint32_t id = p->groups[b].first; id; id = p->next[id]) {
        const pal__entry *e = pal__at(p->tape, id);
        for (uint32_t k = 0; k < e->n; k++) n += pal__group_of(p, p->view[pal__arg(p->tape, id, k)].base) == a;
    }
    return n;
}

bool pal__order_merge(pal__order *o, uint32_t a, uint32_t b)
{
    pal__position *pa = &o->at[a], *pb = &o->at[b];
    const uint32_t direct = reads(o->plan, b, a);
    if (pa->readers == direct) {
        /* Nobody else needs a, so it can wait until b runs. */
        pal__order_remove(o, a);
        pa->label = pb->label;
        link_between(o, pb->before, a, b);
    } else {
        size_t steps = 0;
        begin_search(o);
        if (need_all_of(o, b, a, true, &steps) || !none_leads_to(o, a, MOST, steps)) return false;
        move_before(o, a);
    }
    pal__order_remove(o, b);
    pa->readers += pb->readers - direct;
    return true;
}

bool pal__order_all_before(pal__order *o, const uint32_t *groups, size_t n, uint32_t group)
{
    bool found = false;
    begin_search(o);
    for (size_t i = 0; i < n && !found; i++) found = need(o, groups[i], group);
    if (found || !none_leads_to(o, group, o->store / 2, 0)) return false;
    move_before(o, group);
    return true;
}
