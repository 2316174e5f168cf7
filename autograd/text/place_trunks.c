/* place_trunks.c - the ways of values through boxes. Each wire goes step by step: out of the boxes around its source,
 * across the innermost box that holds both ends, and into the boxes around its reader. The steps of one value in one
 * box share a trunk, so a value with many readers leaves its box once.
 *
 * In place.h's words: fills in trunks and steps, with items in place of cells (0: a port). */
#include "autograd/text/place.h"

enum { DEEPEST = 128 };

typedef struct finding {
    pal__place *p;
    uint32_t *depth;
    uint32_t *net, *trunk; /* by box: the last net that was in it, and its trunk */
} finding;

/* Wires sorted by where they come from. */
static uint32_t *sort_wires(const pal__place *p)
{
    uint32_t *at = pal__alloc(p->context, (p->n_items + 1) * sizeof *at);
    uint32_t *sorted = pal__alloc(p->context, (p->n_wires + 1) * sizeof *sorted);
    if (at && sorted) {
        for (size_t i = 0; i < p->n_wires; i++) at[p->wires[i].from + 1]++;
        for (size_t i = 1; i <= p->n_items; i++) at[i] += at[i - 1];
        for (size_t i = 0; i < p->n_wires; i++) sorted[at[p->wires[i].from]++] = (uint32_t)i;
    }
    pal__free(p->context, at);
    if (at) return sorted;
    pal__free(p->context, sorted);
    return NULL;
}

static bool add_step(finding *f, uint32_t net, uint32_t box, uint32_t origin, uint32_t sink)
{
    pal__place *p = f->p;
    if (f->net[box] != net) {
        if (!pal__grow(p->context, (void **)&p->trunks, p->n_trunks, &p->cap_trunks, sizeof *p->trunks)) return false;
        f->net[box] = net;
        f->trunk[box] = (uint32_t)p->n_trunks;
        p->trunks[p->n_trunks++] = (pal__place_trunk){
            .box = box, .net = net, .origin = origin, .origin_port = PAL__NONE, .out = PAL__NONE, .track = PAL__NONE};
    }
    if (!sink) p->trunks[f->trunk[box]].out = 0;
    if (!pal__grow(p->context, (void **)&p->steps, p->n_steps, &p->cap_steps, sizeof *p->steps)) return false;
    p->steps[p->n_steps++] = (pal__place_step){f->trunk[box], sink, PAL__NONE};
    p->looked++;
    return true;
}

static bool add_wire(finding *f, pal__place_wire *w)
{
    pal__place *p = f->p;
    const pal__place_item *items = p->items;
    uint32_t x = w->from, y = w->to, path[DEEPEST], n = 0;
    w->first_step = (uint32_t)p->n_steps;
    while (f->depth[y] > f->depth[x] + 1 || items[y].parent != items[x].parent) {
        if (!x || !y || n == DEEPEST) break;
        if (f->depth[y] >= f->depth[x]) {
            path[n++] = y;
            y = items[y].parent;
        } else {
            x = items[x].parent;
        }
    }
    w->over |= !x || !y || x == y || items[x].parent != items[y].parent || !items[x].parent;
    if (w->over) return true;
    const uint32_t across = items[x].parent;
    for (x = w->from; items[x].parent != across; x = items[x].parent)
        if (!add_step(f, w->from, items[x].parent, x, 0)) return false;
    if (!add_step(f, w->from, across, x, y)) return false;
    while (n--)
        if (!add_step(f, w->from, items[path[n]].parent, 0, path[n])) return false;
    w->n_steps = (uint32_t)p->n_steps - w->first_step;
    return true;
}

bool pal__place_trunks(pal__place *p)
{
    const size_t bytes = p->n_items * sizeof(uint32_t);
    uint32_t *sorted = sort_wires(p);
    finding f = {p, pal__alloc(p->context, bytes), pal__alloc(p->context, bytes), pal__alloc(p->context, bytes)};
    bool ok = sorted && f.depth && f.net && f.trunk;
    for (size_t i = 0; i < p->n_items && ok; i++) {
        f.depth[i] = i ? f.depth[p->items[i].parent] + 1 : 0;
    }
    for (size_t i = 0; i < p->n_wires && ok; i++) ok = add_wire(&f, &p->wires[sorted[i]]);
    void *arrays[] = {sorted, f.depth, f.net, f.trunk};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(p->context, arrays[i]);
    return ok;
}
