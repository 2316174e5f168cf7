/* fuse.c - the pass `fuse`: entries become groups, and each group becomes one step of the program.
 *
 * In: a plan without groups over a materialised tape. Out: every entry that computes something belongs to one group: a
 * loop (elementwise and random operations, assigns), a kernel (one operation of any other kind), or a region. Leaves,
 * constants and views belong to none; their readers load them.
 *
 * Loops. The entries are visited in order. Each elementwise entry begins as a loop of its own, and this merges into the
 * loops that compute its operands. Two loops merge if they run over equal shapes, if what one reads of the other it
 * reads at its own index, and if no group must run between them (order.c knows). A fused loop runs tile by tile, so its
 * intermediate values stay in the first-level cache. That works while they fit: hence the limits on loads, live values
 * and members (PAL__LOOP_..., compile/internal.h).
 *
 * Assigns. An assign joins the loop that computes its value (p->target) under these conditions: fusion is on; the value
 * is computed by a loop, is read as a whole at the loop's own index, and is not an assign itself; no other assign has
 * taken it; the loop reads the leaf only at its own index; and every other reader of the leaf, and every step that can
 * fail, can run before the loop. If not, the assign stays a loop of its own: a copy, which reads no leaf (materialise
 * made sure of it) and can always run last. Either way edges put all those readers and steps before the write. So a
 * failed run leaves every leaf unchanged. The steps that can fail stand before one fence, and the fence before the
 * writes: so many steps and many writes need few edges.
 *
 * Relies on: view.c (where elements lie), the readers that plan.c found, canonical order of the ids. Leaves to
 * schedule: groups and edges without a cycle: order.c is asked before each merge, and before an assign joins a loop.
 *
 * Sums and products are groups of their own here; collect.c and feed.c bring them together with loops. Why greedy, in
 * the order of entries: that order is canonical, so the same model fuses in the same way however it was recorded, and
 * the result can be predicted by reading the tape from the top. */
#include "autograd/compile/order.h"

#include <limits.h>
#include <string.h>

_Static_assert(PAL__LOOP_LIVE <= PAL__LOOP_MEMBERS, "what is alive was computed");
_Static_assert(PAL__LOOP_MEMBERS < UINT8_MAX, "a place among members is a byte");

typedef struct fusing {
    pal__plan *plan;
    pal__order order;
    uint32_t *others; /* groups that must run before a write */
    size_t n_others, cap_others;
    uint32_t fence; /* PAL__NONE: nothing can fail, or there are no writes */
} fusing;

static bool new_group(fusing *f, pal__group_kind kind, uint32_t id)
{
    pal__plan *p = f->plan;
    if (!pal__grow(p->context, (void **)&p->groups, p->n_groups, &p->cap_groups, sizeof *p->groups)) return false;
    const uint32_t group = (uint32_t)p->n_groups++;
    p->groups[group] = (pal__group){.kind = kind,
                                    .dead = kind == PAL__GROUP_FENCE,
                                    .first = id,
                                    .last = id,
                                    .n_members = id != 0,
                                    .loads = (int)pal__at(p->tape, id)->n,
                                    .live = 1};
    if (id) p->group[id] = group;
    pal__order_add(&f->order, group);
    return true;
}

/* ---- Loops ---------------------------------------------------------------------------------------------------- */

static pal_shape loop_shape(const pal__plan *p, uint32_t group)
{
    return *pal__at(p->tape, p->groups[group].first)->shape;
}

/* The members of both in order of id. */
static size_t join(const pal__plan *p, uint32_t a, uint32_t b, uint32_t *members)
{
    uint32_t i = p->groups[a].first, j = p->groups[b].first;
    size_t n = 0;
    while (i || j) {
        uint32_t *next = !j || (i && i < j) ? &i : &j;
        members[n++] = *next;
        *next = p->next[*next];
    }
    return n;
}

typedef struct pressure { /* of a loop: values that it reads from memory; results that a later member still reads */
    int loads, live;
} pressure;

static bool bearable(pressure x) { return x.loads <= PAL__LOOP_LOADS && x.live <= PAL__LOOP_LIVE; }

/* Counts the pressure of a loop of both, as far as it is bearable. */
static pressure count(const fusing *f, uint32_t a, uint32_t b)
{
    const pal__plan *p = f->plan;
    uint32_t members[PAL__LOOP_MEMBERS], loads[PAL__LOOP_LOADS];
    size_t last[PAL__LOOP_MEMBERS] = {0}, n_loads = 0;
    int dies[PAL__LOOP_MEMBERS] = {0}, live = 0, most = 0;
    const size_t n = join(p, a, b, members);
    p->tape->looked += n;
    for (size_t m = 0; m < n; m++) {
        const pal__entry *e = pal__at(p->tape, members[m]);
        p->slot[members[m]] = (uint8_t)m;
        for (uint32_t k = 0; k < e->n; k++) {
            const uint32_t in = pal__arg(p->tape, members[m], k), base = p->view[in].base;
            const size_t at = p->slot[base];
            if (at < m && members[at] == base) {
                last[at] = m;
                continue;
            }
            size_t q = 0;
            while (q < n_loads && loads[q] != in) q++;
            if (q < n_loads) continue;
            if (n_loads == PAL__LOOP_LOADS) return (pressure){PAL__LOOP_LOADS + 1, 0};
            loads[n_loads++] = in;
        }
    }
    for (size_t m = 0; m < n; m++) dies[last[m] ? last[m] : m]++;
    for (size_t m = 0; m < n; m++) {
        if (++live > most) most = live;
        live -= dies[m];
    }
    return (pressure){(int)n_loads, most};
}

/* What the pressure of both is at most. A result of a that b reads lives longer, unless it is the last one of a: if b
 * is one entry, later than all of a, that result is alive at this place anyway. */
static pressure estimate(const fusing *f, uint32_t a, uint32_t b)
{
    const pal__plan *p = f->plan;
    const pal__group *ga = &p->groups[a], *gb = &p->groups[b];
    int outside = 0, inside = 0, longer = 0;
    if (gb->n_members > 1) return (pressure){INT_MAX, INT_MAX};
    const pal__entry *e = pal__at(p->tape, gb->first);
    for (uint32_t k = 0; k < e->n; k++) {
        const uint32_t base = p->view[pal__arg(p->tape, gb->first, k)].base;
        if (pal__group_of(p, base) != a)
            outside++;
        else
            inside++, longer += base != ga->last;
    }
    const int live = ga->live + longer;
    return (pressure){ga->loads + outside, live > inside + 1 ? live : inside + 1};
}

/* Whether a loop of both keeps to the limits; *both: its pressure, at most. */
static bool fits(const fusing *f, uint32_t a, uint32_t b, pressure *both)
{
    const pal__plan *p = f->plan;
    if (p->groups[a].n_members + p->groups[b].n_members > PAL__LOOP_MEMBERS) return false;
    *both = estimate(f, a, b);
    if (!bearable(*both)) *both = count(f, a, b);
    return bearable(*both);
}

static void merge(pal__plan *p, uint32_t into, uint32_t gone, pressure both)
{
    uint32_t members[PAL__LOOP_MEMBERS];
    pal__group *g = &p->groups[into], *from = &p->groups[gone];
    if (from->first > g->last) {
        for (uint32_t id = from->first; id; id = p->next[id]) p->group[id] = into;
        p->next[g->last] = from->first;
        g->last = from->last;
    } else {
        const size_t n = join(p, into, gone, members);
        for (size_t m = 0; m < n; m++) {
            p->group[members[m]] = into;
            p->next[members[m]] = m + 1 < n ? members[m + 1] : 0;
        }
        g->first = members[0];
        g->last = members[n - 1];
    }
    g->n_members += from->n_members;
    g->loads = both.loads;
    g->live = both.live;
    *from = (pal__group){.dead = true};
}

/* Whether what b reads of a, it reads at its own index. */
static bool reads_at_index(const pal__plan *p, uint32_t a, uint32_t b)
{
    for (uint32_t id = p->groups[b].first; id; id = p->next[id])
        for (uint32_t k = 0; k < pal__at(p->tape, id)->n; k++) {
            const uint32_t in = pal__arg(p->tape, id, k);
            if (pal__group_of(p, p->view[in].base) == a && !pal__identity(p, in, loop_shape(p, b))) return false;
        }
    return true;
}

/* b has just got the entry that reads a, so a reads nothing of b. */
static bool mergeable(fusing *f, uint32_t a, uint32_t b, pressure *both)
{
    const pal__plan *p = f->plan;
    if (a == b || a == PAL__NONE || p->groups[a].kind != PAL__GROUP_LOOP) return false;
    if (p->once && p->once[p->groups[a].first] != p->once[p->groups[b].first]) return false;
    return pal_shape_equal(loop_shape(p, a), loop_shape(p, b)) && fits(f, a, b, both) && reads_at_index(p, a, b) &&
           pal__order_merge(&f->order, a, b);
}

/* Merges the loop of a new entry into those of its operands. */
static void fuse_entry(fusing *f, uint32_t id)
{
    pal__plan *p = f->plan;
    const pal__entry *e = pal__at(p->tape, id);
    for (uint32_t k = 0; k < e->n; k++) {
        const uint32_t in = pal__arg(p->tape, id, k), from = pal__group_of(p, in), mine = p->group[id];
        pressure both;
        if (p->view[in].base == in && pal__identity(p, in, *e->shape) && mergeable(f, from, mine, &both))
            merge(p, from, mine, both);
    }
}

static bool make_groups(fusing *f)
{
    pal__plan *p = f->plan;
    for (size_t i = 0; i < p->n_ids; i++) {
        const uint32_t id = p->ids[i];
        const pal_op *op = pal__at(p->tape, id)->op;
        const pal_op_class c = op->op_class;
        if (c == PAL_CLASS_LEAF || c == PAL_CLASS_CONSTANT || c == PAL_CLASS_MOVEMENT) continue;
        const bool loop = pal__loop_class(op);
        if (!new_group(f,
                       c == PAL_CLASS_REGION           ? PAL__GROUP_REGION
                       : loop || c == PAL_CLASS_EFFECT ? PAL__GROUP_LOOP
                                                       : PAL__GROUP_KERNEL,
                       id))
            return false;
        if (loop && p->passes & PAL_PASS_FUSE) fuse_entry(f, id);
    }
    return !f->order.starved;
}

/* ---- Assigns -------------------------------------------------------------------------------------------------- */

static bool add_edge(pal__plan *p, uint32_t from, uint32_t to)
{
    if (!pal__grow(p->context, (void **)&p->edges, p->n_edges, &p->cap_edges, sizeof *p->edges)) return false;
    p->edges[p->n_edges++] = (pal__edge){from, to, p->groups[to].edges};
    p->groups[to].edges = (uint32_t)p->n_edges;
    return true;
}

/* A region may hold an operation that fails. A loop cannot fail. Where NaN are looked for, all but an effect can. */
static bool can_fail(const pal__plan *p, const pal__group *g)
{
    const pal_op *op = pal__at(p->tape, g->first)->op;
    return (g->kind == PAL__GROUP_KERNEL && op->capabilities & PAL_CAN_FAIL) || g->kind == PAL__GROUP_REGION ||
           (p->check && op->op_class != PAL_CLASS_EFFECT);
}

/* Puts the fence behind all steps that can fail. */
static bool set_fence(fusing *f)
{
    pal__plan *p = f->plan;
    const size_t n = p->n_groups;
    f->fence = PAL__NONE;
    for (uint32_t g = 0; g < n; g++) {
        if (p->groups[g].dead || !can_fail(p, &p->groups[g])) continue;
        if (f->fence == PAL__NONE) {
            f->fence = (uint32_t)p->n_groups;
            if (!new_group(f, PAL__GROUP_FENCE, 0)) return false;
        }
        if (!add_edge(p, g, f->fence)) return false;
    }
    return true;
}

static bool add_other(fusing *f, uint32_t group)
{
    pal__plan *p = f->plan;
    if (f->n_others && f->others[f->n_others - 1] == group) return true;
    if (!pal__grow(p->context, (void **)&f->others, f->n_others, &f->cap_others, sizeof *f->others)) return false;
    f->others[f->n_others++] = group;
    return true;
}

/* Who must run before a write to this leaf, but the group that writes: its readers, and what can fail. */
static bool find_others(fusing *f, uint32_t leaf, uint32_t writer)
{
    const pal__plan *p = f->plan;
    f->n_others = 0;
    for (uint32_t r = p->reader_first[leaf]; r < p->reader_first[leaf + 1]; r++) {
        const uint32_t group = p->group[p->readers[r]];
        if (group != writer && !add_other(f, group)) return false;
    }
    return f->fence == PAL__NONE || add_other(f, f->fence);
}

static bool reads_leaf_only_in_place(const pal__plan *p, uint32_t leaf, uint32_t group)
{
    for (uint32_t id = p->groups[group].first; id; id = p->next[id])
        for (uint32_t k = 0; k < pal__at(p->tape, id)->n; k++) {
            const uint32_t in = pal__arg(p->tape, id, k);
            if (p->view[in].base == leaf && !pal__identity(p, in, loop_shape(p, group))) return false;
        }
    return true;
}

/* Whether the assign may join the group of its value, as far as the two alone decide. */
static bool joinable(const pal__plan *p, uint32_t assign)
{
    const uint32_t leaf = pal__arg(p->tape, assign, 0), value = pal__arg(p->tape, assign, 1);
    const uint32_t source = p->view[value].base, group = pal__group_of(p, source);
    return p->passes & PAL_PASS_FUSE && group != PAL__NONE && p->groups[group].kind == PAL__GROUP_LOOP &&
           pal__at(p->tape, source)->op->op_class != PAL_CLASS_EFFECT && !p->target[source] &&
           (!p->once || p->once[source]) && /* each shard runs the loop, but one of them writes */
           pal__identity(p, value, loop_shape(p, group)) && reads_leaf_only_in_place(p, leaf, group);
}

static bool fuse_assign(fusing *f, uint32_t assign)
{
    pal__plan *p = f->plan;
    const uint32_t leaf = pal__arg(p->tape, assign, 0), source = p->view[pal__arg(p->tape, assign, 1)].base;
    const uint32_t own = p->group[assign];
    uint32_t writer = own;
    if (joinable(p, assign)) {
        const uint32_t group = p->group[source];
        if (!find_others(f, leaf, group)) return false;
        if (pal__order_all_before(&f->order, f->others, f->n_others, group)) writer = group;
    }
    if (writer != own) {
        p->target[source] = assign;
        p->group[assign] = writer;
        p->groups[own].dead = true;
        pal__order_remove(&f->order, own);
    } else {
        pal__order_to_end(&f->order, own);
        if (!find_others(f, leaf, own)) return false;
    }
    for (size_t i = 0; i < f->n_others; i++)
        if (!add_edge(p, f->others[i], writer)) return false;
    return !f->order.starved;
}

static bool fuse_assigns(fusing *f)
{
    const pal__plan *p = f->plan;
    bool fenced = false;
    for (size_t i = 0; i < p->n_ids; i++) {
        if (pal__at(p->tape, p->ids[i])->op->op_class != PAL_CLASS_EFFECT) continue;
        if (!fenced && !set_fence(f)) return false;
        fenced = true;
        if (!fuse_assign(f, p->ids[i])) return false;
    }
    return true;
}

/* ---- The pass ------------------------------------------------------------------------------------------------- */

/* Drops the groups that are gone, and lists the members of the others. */
static bool settle(pal__plan *p)
{
    uint32_t *number = pal__alloc(p->context, p->n_groups * sizeof *number);
    p->members = pal__alloc(p->context, p->n_ids * sizeof *p->members);
    if (!number || !p->members) {
        pal__free(p->context, number);
        return false;
    }
    size_t n = 0, at = 0;
    for (size_t g = 0; g < p->n_groups; g++) {
        pal__group *group = &p->groups[g];
        if (group->dead && group->kind != PAL__GROUP_FENCE) continue;
        number[g] = (uint32_t)n;
        group->members = p->members + at;
        for (uint32_t id = group->first; id; id = p->next[id]) p->members[at++] = id;
        p->groups[n++] = *group;
    }
    p->n_groups = n;
    for (size_t i = 0; i < p->n_ids; i++)
        if (p->group[p->ids[i]] != PAL__NONE) p->group[p->ids[i]] = number[p->group[p->ids[i]]];
    for (size_t i = 0; i < p->n_edges; i++) {
        p->edges[i].from = number[p->edges[i].from];
        p->edges[i].to = number[p->edges[i].to];
    }
    pal__free(p->context, number);
    return true;
}

bool pal__fuse(pal__plan *p)
{
    fusing f = {.plan = p};
    const bool ok = pal__order_begin(&f.order, p, p->n_ids + 1) && make_groups(&f) && fuse_assigns(&f) && settle(p);
    pal__order_end(&f.order);
    pal__free(p->context, f.others);
    return ok;
}
