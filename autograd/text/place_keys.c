/* place_keys.c - the order of the children of a box, along which wires should lead. Values may go in circles between
 * boxes: out of one, through a node, into the same one again. Children that are no part of a circle are ordered so that
 * every wire leads on (Tarjan's strongly connected components, without recursion). In a circle, children are ordered by
 * their depth: the number of operations on the longest path to a node, and the mean of its nodes for a box. */
#include "autograd/text/place.h"

#include <stdlib.h>

static bool find_readers(const pal__place *p, pal__place_readers *r)
{
    r->at = pal__alloc(p->context, (p->n_items + 2) * sizeof *r->at);
    r->of = pal__alloc(p->context, (p->n_steps + 1) * sizeof *r->of);
    if (!r->at || !r->of) return false;
    for (size_t i = 0; i < p->n_steps; i++) r->at[p->trunks[p->steps[i].trunk].origin + 2]++;
    for (size_t i = 2; i < p->n_items + 2; i++) r->at[i] += r->at[i - 1];
    for (size_t i = 0; i < p->n_steps; i++)
        r->of[r->at[p->trunks[p->steps[i].trunk].origin + 1]++] = p->steps[i].sink; /* at[i + 1] ends as the end of i */
    return true;
}

/* ---- Depth ---------------------------------------------------------------------------------------------------- */

typedef struct place_of {
    double depth;
    uint32_t component, key, item;
} place_of;

/* Wires in the order in which their readers were recorded. */
static bool find_depths(const pal__place *p, place_of *of)
{
    const pal__place_item *items = p->items;
    uint32_t *at = pal__alloc(p->context, (p->keys + 2) * sizeof *at);
    uint32_t *sorted = pal__alloc(p->context, (p->n_wires + 1) * sizeof *sorted);
    double *count = pal__alloc(p->context, p->n_items * sizeof *count);
    bool ok = at && sorted && count;
    for (size_t i = 0; i < p->n_wires && ok; i++) at[items[p->wires[i].to].key + 1]++;
    for (size_t i = 1; i <= p->keys && ok; i++) at[i] += at[i - 1];
    for (size_t i = 0; i < p->n_wires && ok; i++) sorted[at[items[p->wires[i].to].key]++] = (uint32_t)i;
    for (size_t i = 0; i < p->n_wires && ok; i++) {
        const pal__place_wire *w = &p->wires[sorted[i]];
        if (!w->over && of[w->to].depth < of[w->from].depth + 1) of[w->to].depth = of[w->from].depth + 1;
    }
    for (size_t i = p->n_items; i-- > 1 && ok;) {
        const uint32_t above = items[i].parent;
        const bool node = items[i].kind == PAL__PLACE_NODE;
        if (!node && count[i] > 0) of[i].depth /= count[i];
        if (items[i].leaf) continue;
        of[above].depth += of[i].depth * (node ? 1 : count[i]);
        count[above] += node ? 1 : count[i];
    }
    void *arrays[] = {at, sorted, count};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(p->context, arrays[i]);
    return ok;
}

/* ---- Circles -------------------------------------------------------------------------------------------------- */

typedef struct search {
    pal__place *p;
    const pal__place_readers *r;
    place_of *of;
    uint32_t *found, *low, *next; /* by item: when it was found, from 1; the earliest item that it leads back to */
    uint32_t *path, *open;        /* stacks */
    uint32_t n_path, n_open, n_found, n_components;
} search;

static void enter(search *s, uint32_t item)
{
    s->found[item] = s->low[item] = ++s->n_found;
    s->next[item] = s->r->at[item];
    s->path[s->n_path++] = s->open[s->n_open++] = item;
}

static void leave(search *s, uint32_t item)
{
    if (--s->n_path && s->low[item] < s->low[s->path[s->n_path - 1]]) s->low[s->path[s->n_path - 1]] = s->low[item];
    if (s->low[item] != s->found[item]) return;
    s->n_components++;
    for (uint32_t top = 0; top != item;) {
        top = s->open[--s->n_open];
        s->of[top].component = s->n_components;
    }
}

/* A component is complete after all that it leads to, so its number is above theirs. */
static void find_components(search *s)
{
    for (uint32_t root = 1; root < s->p->n_items; root++) {
        if (s->found[root]) continue;
        enter(s, root);
        while (s->n_path) {
            const uint32_t item = s->path[s->n_path - 1];
            if (s->next[item] == s->r->at[item + 1]) {
                leave(s, item);
                continue;
            }
            const uint32_t reader = s->r->of[s->next[item]++];
            s->p->looked++;
            if (!reader) continue;
            if (!s->found[reader])
                enter(s, reader);
            else if (!s->of[reader].component && s->found[reader] < s->low[item])
                s->low[item] = s->found[reader];
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const place_of *x = a, *y = b;
    if (x->component != y->component) return x->component > y->component ? -1 : 1;
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

bool pal__place_keys(pal__place *p, pal__place_readers *r)
{
    pal_context *c = p->context;
    const size_t bytes = p->n_items * sizeof(uint32_t);
    search s = {.p = p,
                .r = r,
                .of = pal__alloc(c, p->n_items * sizeof *s.of),
                .found = pal__alloc(c, bytes),
                .low = pal__alloc(c, bytes),
                .next = pal__alloc(c, bytes),
                .path = pal__alloc(c, bytes),
                .open = pal__alloc(c, bytes)};
    p->by_key = pal__alloc(c, bytes);
    bool ok = s.of && s.found && s.low && s.next && s.path && s.open && p->by_key && find_readers(p, r) &&
              find_depths(p, s.of);
    if (ok) {
        find_components(&s);
        for (uint32_t i = 1; i < p->n_items; i++) {
            s.of[i].key = p->items[i].key;
            s.of[i].item = i;
        }
        qsort(s.of + 1, p->n_items - 1, sizeof *s.of, by_place);
        for (uint32_t i = 1; i < p->n_items; i++) {
            p->by_key[i - 1] = s.of[i].item;
            p->items[s.of[i].item].key = i;
        }
    }
    void *arrays[] = {s.of, s.found, s.low, s.next, s.path, s.open};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
    return ok;
}
