/* fuse.c - the pass `fuse`: entries become groups, and each group becomes one step of the program.
 *
 * In: a plan without groups over a materialised tape. Out: every entry that computes something belongs to one group: a
 * loop (elementwise and random operations, assigns), a kernel (one operation of any other kind), or a region. Leaves,
 * constants and views belong to none; their readers load them.
 *
 * Loops. At first each elementwise entry is a loop of its own. Then the entries are visited in order, and the loop of
 * an entry merges into the loop that computes one of its operands. Two loops merge if they run over equal shapes, if
 * each reads the other's values at its own index, and if no group must run between them (pal__before looks for a path).
 * A fused loop runs tile by tile, so its intermediate values stay in the first-level cache. That works while they fit:
 * hence the limits on loads, live values and members (PAL__LOOP_..., compile/internal.h).
 *
 * Assigns. An assign joins the loop that computes its value (p->target) under these conditions: fusion is on; the value
 * is computed by a loop, is read as a whole at the loop's own index, and is not an assign itself; no other assign has
 * taken it; the loop reads the leaf only at its own index; and every other reader of the leaf, and every step that can
 * fail, can run before the loop. If not, the assign stays a loop of its own: a copy, which reads no leaf (materialise
 * made sure of it) and can always run last. Either way edges put all those readers and steps before the write. So a
 * failed run leaves every leaf unchanged.
 *
 * Relies on: view.c (where elements lie), the readers that plan.c found, canonical order of the ids. Leaves to
 * schedule: groups and edges without a cycle: pal__before is asked before each merge, and before an assign joins a
 * loop.
 *
 * Sums and products are steps of their own: a loop does not yet end in a sum, and a product does not yet take its bias
 * and activation along. Why greedy, in the order of entries: that order is canonical, so the same model fuses in the
 * same way however it was recorded, and the result can be predicted by reading the tape from the top. */
#include "autograd/compile/internal.h"

#include <string.h>

_Static_assert(PAL__LOOP_LIVE <= PAL__LOOP_MEMBERS, "what is alive was computed");

static bool add_member(pal__plan *p, uint32_t group, uint32_t id)
{
    pal__group *g = &p->groups[group];
    if (!pal__grow(p->context, (void **)&g->members, g->n_members, &g->cap_members, sizeof *g->members)) return false;
    size_t at = g->n_members++;
    for (; at && g->members[at - 1] > id; at--) g->members[at] = g->members[at - 1];
    g->members[at] = id;
    p->group[id] = group;
    return true;
}

static bool new_group(pal__plan *p, pal__group_kind kind, uint32_t id)
{
    if (!pal__grow(p->context, (void **)&p->groups, p->n_groups, &p->cap_groups, sizeof *p->groups)) return false;
    p->groups[p->n_groups] = (pal__group){.kind = kind};
    return add_member(p, (uint32_t)p->n_groups++, id);
}

static pal_shape loop_shape(const pal__plan *p, uint32_t group)
{
    return pal__at(p->tape, p->groups[group].members[0])->shape;
}

/* Members of both in order of id, for the pressure of their union. */
static bool fits(const pal__plan *p, uint32_t a, uint32_t b)
{
    const pal__group *ga = &p->groups[a], *gb = &p->groups[b];
    uint32_t members[PAL__LOOP_MEMBERS], loads[PAL__LOOP_LOADS];
    size_t n = 0, i = 0, j = 0, n_loads = 0;
    if (ga->n_members + gb->n_members > PAL__LOOP_MEMBERS) return false;
    while (i < ga->n_members || j < gb->n_members)
        members[n++] = j == gb->n_members || (i < ga->n_members && ga->members[i] < gb->members[j]) ? ga->members[i++]
                                                                                                    : gb->members[j++];
    int live = 0, most = 0;
    size_t last[PAL__LOOP_MEMBERS] = {0};
    for (size_t m = 0; m < n; m++) {
        for (uint32_t k = 0; k < pal__at(p->tape, members[m])->n; k++) {
            uint32_t in = pal__arg(p->tape, members[m], k);
            uint32_t from = p->group[p->view[in].base];
            if (from == a || from == b) {
                for (size_t q = 0; q < m; q++)
                    if (members[q] == p->view[in].base) last[q] = m;
                continue;
            }
            bool known = false;
            for (size_t q = 0; q < n_loads; q++) known |= loads[q] == in;
            if (!known && n_loads == PAL__LOOP_LOADS) return false;
            if (!known) loads[n_loads++] = in;
        }
    }
    for (size_t m = 0; m < n; m++) {
        live++;
        most = live > most ? live : most;
        for (size_t q = 0; q <= m; q++)
            if (last[q] == m || (q == m && !last[q])) live--;
    }
    return most <= PAL__LOOP_LIVE;
}

static bool merge(pal__plan *p, uint32_t into, uint32_t gone)
{
    for (size_t m = 0; m < p->groups[gone].n_members; m++)
        if (!add_member(p, into, p->groups[gone].members[m])) return false;
    pal__free(p->context, p->groups[gone].members);
    p->groups[gone] = (pal__group){.dead = true};
    for (size_t i = 0; i < p->n_edges; i++) {
        if (p->edges[i].from == gone) p->edges[i].from = into;
        if (p->edges[i].to == gone) p->edges[i].to = into;
    }
    return true;
}

/* Whether what b reads of a, it reads at its own index. */
static bool reads_at_index(const pal__plan *p, uint32_t a, uint32_t b)
{
    const pal__group *g = &p->groups[b];
    for (size_t m = 0; m < g->n_members; m++)
        for (uint32_t k = 0; k < pal__at(p->tape, g->members[m])->n; k++) {
            uint32_t in = pal__arg(p->tape, g->members[m], k);
            if (p->group[p->view[in].base] == a && !pal__identity(p, in, loop_shape(p, b))) return false;
        }
    return true;
}

static bool mergeable(const pal__plan *p, uint32_t a, uint32_t b)
{
    if (a == b || a == PAL__NONE || b == PAL__NONE) return false;
    if (p->groups[a].kind != PAL__GROUP_LOOP || p->groups[b].kind != PAL__GROUP_LOOP) return false;
    return pal_shape_equal(loop_shape(p, a), loop_shape(p, b)) && reads_at_index(p, a, b) && reads_at_index(p, b, a) &&
           fits(p, a, b) && !pal__before(p, a, b, true) && !pal__before(p, b, a, true);
}

static bool fuse_loops(pal__plan *p)
{
    const pal_tape *t = p->tape;
    for (uint32_t id = 1; id < p->n; id++) {
        uint32_t mine = p->group[id];
        if (mine == PAL__NONE || p->groups[mine].kind != PAL__GROUP_LOOP ||
            pal__at(t, id)->op->op_class == PAL_CLASS_EFFECT)
            continue;
        for (uint32_t k = 0; k < pal__at(t, id)->n; k++) {
            uint32_t in = pal__arg(t, id, k), from = p->group[p->view[in].base];
            mine = p->group[id];
            if (p->view[in].base != in || !pal__identity(p, in, pal__at(t, id)->shape) || !mergeable(p, from, mine))
                continue;
            if (!merge(p, from, mine)) return false;
        }
    }
    return true;
}

static bool add_edge(pal__plan *p, uint32_t from, uint32_t to)
{
    if (from == to || from == PAL__NONE) return true;
    if (!pal__grow(p->context, (void **)&p->edges, p->n_edges, &p->cap_edges, sizeof *p->edges)) return false;
    p->edges[p->n_edges++] = (pal__edge){from, to};
    return true;
}

/* A region may hold an operation that fails. Where NaN are looked for, all but an effect can. */
static bool can_fail(const pal__plan *p, const pal__group *g)
{
    const pal_op *op = pal__at(p->tape, g->members[0])->op;
    return op->capabilities & PAL_CAN_FAIL || g->kind == PAL__GROUP_REGION ||
           (p->check && op->op_class != PAL_CLASS_EFFECT);
}

/* Every reader of the leaf (and every step that can fail) but the group itself. */
static bool each_before(pal__plan *p, uint32_t leaf, uint32_t group, bool (*ask)(pal__plan *, uint32_t, uint32_t))
{
    for (uint32_t r = p->reader_first[leaf]; r < p->reader_first[leaf + 1]; r++) {
        uint32_t other = p->group[p->readers[r]];
        if (other != PAL__NONE && other != group && !ask(p, other, group)) return false;
    }
    for (uint32_t g = 0; g < p->n_groups; g++)
        if (!p->groups[g].dead && g != group && can_fail(p, &p->groups[g]) && !ask(p, g, group)) return false;
    return true;
}

static bool may_precede(pal__plan *p, uint32_t other, uint32_t group) { return !pal__before(p, group, other, false); }

static bool reads_leaf_only_in_place(const pal__plan *p, uint32_t leaf, uint32_t group)
{
    const pal__group *g = &p->groups[group];
    for (size_t m = 0; m < g->n_members; m++)
        for (uint32_t k = 0; k < pal__at(p->tape, g->members[m])->n; k++) {
            uint32_t in = pal__arg(p->tape, g->members[m], k);
            if (p->view[in].base == leaf && !pal__identity(p, in, loop_shape(p, group))) return false;
        }
    return true;
}

static bool fuse_assigns(pal__plan *p)
{
    const pal_tape *t = p->tape;
    for (uint32_t id = 1; id < p->n; id++) {
        const pal__entry *e = pal__at(t, id);
        if (e->op->op_class != PAL_CLASS_EFFECT || e->region != p->region) continue;
        uint32_t leaf = pal__arg(t, id, 0), value = pal__arg(t, id, 1), source = p->view[value].base;
        uint32_t group = p->group[source], own = p->group[id];
        bool joins = p->passes & PAL_PASS_FUSE && group != PAL__NONE && p->groups[group].kind == PAL__GROUP_LOOP &&
                     pal__at(t, source)->op->op_class != PAL_CLASS_EFFECT && !p->target[source] &&
                     pal__identity(p, value, loop_shape(p, group)) && reads_leaf_only_in_place(p, leaf, group) &&
                     each_before(p, leaf, group, may_precede);
        if (joins) {
            p->target[source] = id;
            p->group[id] = group;
            p->groups[own].dead = true;
            own = group;
        }
        if (!each_before(p, leaf, own, add_edge)) return false;
    }
    return true;
}

bool pal__fuse(pal__plan *p)
{
    const pal_tape *t = p->tape;
    for (uint32_t id = 1; id < p->n; id++) {
        const pal__entry *e = pal__at(t, id);
        if (e->region != p->region) continue;
        pal_op_class c = e->op->op_class;
        if (c == PAL_CLASS_LEAF || c == PAL_CLASS_CONSTANT || (c == PAL_CLASS_MOVEMENT)) continue;
        pal__group_kind kind = c == PAL_CLASS_REGION                             ? PAL__GROUP_REGION
                               : pal__loop_class(e->op) || c == PAL_CLASS_EFFECT ? PAL__GROUP_LOOP
                                                                                 : PAL__GROUP_KERNEL;
        if (!new_group(p, kind, id)) return false;
    }
    if (p->passes & PAL_PASS_FUSE && !fuse_loops(p)) return false;
    return fuse_assigns(p);
}
