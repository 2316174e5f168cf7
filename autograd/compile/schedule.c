/* schedule.c - the pass `schedule`: the order in which the groups run.
 *
 * In: a plan with groups, the readers of each value, and edges (writes after reads, steps that can fail before
 * effects). Out: p->order, all living groups, each after everything that it needs.
 *
 * The rule: of the groups that are ready, run the one whose last entry has the smallest id. Ids are in canonical order,
 * depth first with operands from the left, so a subtree is finished before its sibling begins and temporaries die
 * young. The order depends on the structure of the tape alone: two recordings of one computation get the same schedule.
 *
 * Relies on: fuse.c made no cycle. If none of the remaining groups is ready, the pass fails. Leaves to place:
 * positions, from which lifetimes follow.
 *
 * Why not minimise memory exactly: that problem is NP-hard, and most of the arena of a training step is activations
 * that the backward pass needs in any order. Why no priority queue: a training step has at most some hundred groups. */
#include "autograd/compile/internal.h"

static uint32_t last_member(const pal__group *g) { return g->members[g->n_members - 1]; }

/* Counts, for each group, the edges into it (a reader counts once an operand, and is released as often). */
static void count(const pal__plan *p, uint32_t *waits)
{
    for (uint32_t id = 1; id < p->n; id++) {
        if (p->group[id] == PAL__NONE) continue;
        for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
            uint32_t reader = p->group[p->readers[r]];
            if (reader != PAL__NONE && reader != p->group[id]) waits[reader]++;
        }
    }
    for (size_t i = 0; i < p->n_edges; i++)
        if (p->edges[i].from != p->edges[i].to) waits[p->edges[i].to]++;
}

static void release(const pal__plan *p, uint32_t g, uint32_t *waits)
{
    for (size_t m = 0; m < p->groups[g].n_members; m++) {
        uint32_t id = p->groups[g].members[m];
        for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
            uint32_t reader = p->group[p->readers[r]];
            if (reader != PAL__NONE && reader != g) waits[reader]--;
        }
    }
    for (size_t i = 0; i < p->n_edges; i++)
        if (p->edges[i].from == g && p->edges[i].to != g) waits[p->edges[i].to]--;
}

bool pal__schedule(pal__plan *p)
{
    uint32_t *waits = pal__alloc(p->context, p->n_groups * sizeof *waits);
    bool *done = pal__alloc(p->context, p->n_groups * sizeof *done);
    p->order = pal__alloc(p->context, p->n_groups * sizeof *p->order);
    size_t alive = 0;
    if (waits && done && p->order) {
        count(p, waits);
        for (uint32_t g = 0; g < p->n_groups; g++) alive += !p->groups[g].dead;
        while (p->n_order < alive) {
            uint32_t best = PAL__NONE;
            for (uint32_t g = 0; g < p->n_groups; g++)
                if (!done[g] && !p->groups[g].dead && !waits[g] &&
                    (best == PAL__NONE || last_member(&p->groups[g]) < last_member(&p->groups[best])))
                    best = g;
            if (best == PAL__NONE) break; /* a circle: fuse never makes one */
            done[best] = true;
            p->order[p->n_order++] = best;
            release(p, best, waits);
        }
    }
    bool ok = p->order && p->n_order == alive && waits && done;
    pal__free(p->context, waits);
    pal__free(p->context, done);
    return ok;
}
