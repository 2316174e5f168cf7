/* schedule.c - the pass `schedule`: the order in which the groups run.
 *
 * In: a plan with groups, the readers of each value, and edges (writes after reads, steps that can fail before
 * effects). Out: p->order, all living groups, each after everything that it needs.
 *
 * The rule: of the groups that are ready, run the one whose last entry has the smallest id. Ids are in canonical order,
 * depth first with operands from the left, so a subtree is finished before its sibling begins and temporaries die
 * young. The order depends on the structure of the tape alone: two recordings of one computation get the same schedule.
 * The groups that are ready wait in a queue by that id. In a batch that is cut, starts of sums over the shards come
 * first, and waits last (share.c). A fence is no step; it lets go of the writes as soon as all before it have run.
 *
 * Relies on: fuse.c made no cycle. If none of the remaining groups is ready, the pass fails. Leaves to place:
 * positions, from which lifetimes follow.
 *
 * Why not minimise memory exactly: that problem is NP-hard, and most of the arena of a training step is activations
 * that the backward pass needs in any order. */
#include "autograd/compile/internal.h"

#include <string.h>

typedef struct scheduling {
    pal__plan *plan;
    uint32_t *waits;      /* by group: the edges into it whose groups have not run (a reader counts once an operand) */
    uint32_t *first, *to; /* by group: where its edges lead */
    pal__heap ready;
    bool starved;
} scheduling;

/* Calls `with` for each edge from a group to another. */
static void each_edge(scheduling *s, uint32_t g, void (*with)(scheduling *s, uint32_t to))
{
    const pal__plan *p = s->plan;
    for (size_t m = 0; m < p->groups[g].n_members; m++) {
        const uint32_t id = p->groups[g].members[m];
        for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++)
            if (p->group[p->readers[r]] != g) with(s, p->group[p->readers[r]]);
    }
    for (uint32_t i = s->first[g]; i < s->first[g + 1]; i++) with(s, s->to[i]);
    p->tape->looked++;
}

static void wait_for(scheduling *s, uint32_t to) { s->waits[to]++; }

/* The edges that are no readers, by the group from which they lead. */
static bool sort_edges(scheduling *s)
{
    const pal__plan *p = s->plan;
    pal_context *c = p->context;
    s->first = pal__alloc(c, (p->n_groups + 2) * sizeof *s->first);
    s->to = pal__alloc(c, p->n_edges * sizeof *s->to);
    if (!s->first || !s->to) return false;
    for (size_t i = 0; i < p->n_edges; i++) s->first[p->edges[i].from + 2]++;
    for (size_t g = 0; g < p->n_groups; g++) s->first[g + 2] += s->first[g + 1];
    for (size_t i = 0; i < p->n_edges; i++) s->to[s->first[p->edges[i].from + 1]++] = p->edges[i].to;
    return true;
}

static void release(scheduling *s, uint32_t to);

/* Waits are ready in the order of their starts, and so they run. */
static uint64_t key_of(const pal__plan *p, uint32_t g)
{
    const uint64_t rank = pal__share_rank(p, g) << 32;
    return pal__share_part_of(p, g) == PAL__SHARE_WAIT ? rank + p->n_order : rank + p->groups[g].last;
}

/* A group that waits for nothing: the queue takes it; a fence lets go of those behind it, which are no fences. */
static void make_ready(scheduling *s, uint32_t g)
{
    const pal__group *group = &s->plan->groups[g];
    if (group->kind == PAL__GROUP_FENCE)
        each_edge(s, g, release);
    else if (!pal__heap_add(s->plan->context, &s->ready, key_of(s->plan, g), g))
        s->starved = true;
}

static void release(scheduling *s, uint32_t to)
{
    if (!--s->waits[to]) make_ready(s, to);
}

bool pal__schedule(pal__plan *p)
{
    pal_context *c = p->context;
    scheduling s = {.plan = p, .waits = pal__alloc(c, p->n_groups * sizeof *s.waits)};
    p->order = pal__alloc(c, p->n_groups * sizeof *p->order);
    bool ok = s.waits && p->order && sort_edges(&s);
    size_t alive = 0;
    for (uint32_t g = 0; g < p->n_groups && ok; g++) {
        alive += !p->groups[g].dead;
        each_edge(&s, g, wait_for);
    }
    for (uint32_t g = 0; g < p->n_groups && ok; g++)
        if (!s.waits[g] && p->groups[g].kind != PAL__GROUP_FENCE) make_ready(&s, g);
    while (ok && s.ready.n && !s.starved) {
        p->order[p->n_order++] = pal__heap_take(&s.ready);
        each_edge(&s, p->order[p->n_order - 1], release);
    }
    pal__free(c, s.waits);
    pal__free(c, s.first);
    pal__free(c, s.to);
    pal__heap_free(c, &s.ready);
    return ok && !s.starved && p->n_order == alive; /* fewer: a circle, which fuse never makes */
}
