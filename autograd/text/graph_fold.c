/* graph_fold.c - simplifies a drawing so that it stays readable: scopes with the same structure are drawn once, and
 * deeply nested scopes become one node each.
 *
 * Two sibling boxes are alike if their entries, in canonical order, are the same operations in the same inner boxes
 * with the same wiring inside. Values from outside may come from anywhere, and shapes may differ (edges list them).
 *
 * Invariants. An entry and the entry that stands for it have the same look, operation and order. Boxes of different
 * orders are never folded together. The box of a node is drawn: neither it nor a box around it is folded away or
 * closed. */
#include "autograd/text/internal.h"

#include <stdlib.h>
#include <string.h>

bool pal__draw_within(const pal__drawing *d, uint32_t box, uint32_t of)
{
    while (box != of && box) box = d->boxes[box].parent;
    return box == of;
}

const char *pal__last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* ---- Alike ---------------------------------------------------------------------------------------------------- */

typedef struct pair { /* two boxes that are compared */
    const pal__drawing *d;
    uint32_t a, b;
    uint32_t *place;       /* by id: its position among the members of its box, from 1 */
    uint32_t *in_a, *in_b; /* members, ordered by their hashes */
    uint64_t *hash;        /* by id */
    size_t n_a, n_b;
} pair;

/* The next entry in the box after id, or the next entry or plumbing; 0: no more. */
static uint32_t next_in(const pal__drawing *d, uint32_t box, uint32_t id, bool plumbing)
{
    while (++id < d->n)
        if ((d->look[id] || (plumbing && d->through[id])) && pal__draw_within(d, d->box[id], box)) return id;
    return 0;
}

static bool same_inner_box(const pair *p, uint32_t x, uint32_t y)
{
    const pal__box *boxes = p->d->boxes;
    while (x != p->a && y != p->b) {
        if (!boxes[x].owner != !boxes[y].owner || boxes[x].order != boxes[y].order ||
            strcmp(pal__last_name(boxes[x].path), pal__last_name(boxes[y].path)) != 0)
            return false;
        x = boxes[x].parent;
        y = boxes[y].parent;
    }
    return x == p->a && y == p->b;
}

/* Of two entries of one operation, which either has names or has not. */
static bool same_params(const pal__entry *x, const pal__entry *y)
{
    if (x->params->name && strcmp(pal__last_name(x->params->name), pal__last_name(y->params->name)) != 0) return false;
    if (pal__shape_only(x)) return true;
    return !memcmp(x->params->i, y->params->i, sizeof x->params->i) &&
           !memcmp(x->params->r, y->params->r, sizeof x->params->r);
}

static bool same_operand(const pair *p, uint32_t x, uint32_t y)
{
    const pal_tape *t = p->d->graph.tape;
    double u = 0, v = 0;
    bool one = pal__constant_value(t, x, &u), other = pal__constant_value(t, y, &v);
    if (one || other) return one && other && !memcmp(&u, &v, sizeof u);
    bool in_a = pal__draw_within(p->d, p->d->box[x], p->a), in_b = pal__draw_within(p->d, p->d->box[y], p->b);
    return in_a == in_b && (!in_a || p->place[x] == p->place[y]);
}

static bool same_entry(const pair *p, uint32_t x, uint32_t y)
{
    const pal__drawing *d = p->d;
    const pal__entry *e = pal__at(d->graph.tape, x), *f = pal__at(d->graph.tape, y);
    if (e->op != f->op || d->look[x] != d->look[y] || e->order != f->order || e->dtype != f->dtype || e->n != f->n ||
        e->shape->rank != f->shape->rank || !same_inner_box(p, d->box[x], d->box[y]) || !same_params(e, f))
        return false;
    for (uint32_t i = 0; i < e->n && !e->body; i++)
        if (!same_operand(p, pal__arg(d->graph.tape, x, i), pal__arg(d->graph.tape, y, i))) return false;
    return true;
}

static uint64_t hash_operand(const pair *p, uint32_t box, uint32_t id)
{
    double value;
    if (pal__constant_value(p->d->graph.tape, id, &value)) return pal__hash_bytes(2, &value, sizeof value);
    return pal__draw_within(p->d, p->d->box[id], box) ? p->hash[id] : 1;
}

/* Operands and bodies have smaller ids, so their hashes are already computed. */
static uint64_t hash_entry(const pair *p, uint32_t box, uint32_t id)
{
    const pal_tape *t = p->d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    const char *name = e->params->name ? pal__last_name(e->params->name) : "";
    uint64_t h = pal__hash_bytes(pal__mix(e->order, e->n), e->op->name, strlen(e->op->name));
    h = pal__hash_bytes(h, name, strlen(name));
    if (!pal__shape_only(e)) h = pal__hash_bytes(h, e->params->i, sizeof e->params->i);
    if (e->body) return pal__mix(h, hash_operand(p, box, e->body));
    for (uint32_t i = 0; i < e->n; i++) h = pal__mix(h, hash_operand(p, box, pal__arg(t, id, i)));
    return h;
}

static int by_hash(const void *a, const void *b, void *hash)
{
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    uint64_t x = ((const uint64_t *)hash)[i], y = ((const uint64_t *)hash)[k];
    return x != y ? (x < y ? -1 : 1) : (i > k) - (i < k);
}

static size_t gather(const pair *p, uint32_t box, uint32_t *members)
{
    size_t n = 0;
    for (uint32_t id = next_in(p->d, box, 0, true); id; id = next_in(p->d, box, id, true)) {
        p->hash[id] = hash_entry(p, box, id);
        members[n++] = id;
    }
    qsort_r(members, n, sizeof *members, by_hash, p->hash);
    for (size_t i = 0; i < n; i++) p->place[members[i]] = (uint32_t)i + 1;
    return n;
}

static bool alike(const pair *p)
{
    if (p->n_a != p->n_b) return false;
    for (size_t i = 0; i < p->n_a; i++)
        if (!same_entry(p, p->in_a[i], p->in_b[i])) return false;
    return true;
}

/* ---- Folding -------------------------------------------------------------------------------------------------- */

static bool gone(const pal__drawing *d, uint32_t box)
{
    for (; box; box = d->boxes[box].parent)
        if (!d->boxes[box].alike) return true;
    return false;
}

/* A box comes before the boxes inside it, so a box that is folded away takes all of them along. */
static void fold(pal__drawing *d, pair *p)
{
    for (uint32_t a = p->a = 1; a < d->n_boxes; p->a = ++a) {
        if (d->boxes[a].owner || gone(d, a)) continue;
        p->n_a = gather(p, a, p->in_a);
        for (uint32_t b = a + 1; b < d->n_boxes; b++) {
            const pal__box *x = &d->boxes[a], *y = &d->boxes[b];
            if (!y->alike || y->owner || x->parent != y->parent || x->region != y->region || x->order != y->order)
                continue;
            p->b = b;
            p->n_b = gather(p, b, p->in_b);
            if (!alike(p)) continue;
            for (size_t i = 0; i < p->n_a; i++) d->same[p->in_b[i]] = p->in_a[i];
            d->boxes[a].alike++;
            d->boxes[a].last = b;
            d->boxes[b].alike = 0;
        }
    }
}

/* The outermost closed box around this box, or the box itself; 0: none is closed. */
static uint32_t closed_around(const pal__drawing *d, uint32_t box)
{
    uint32_t found = 0;
    for (; box; box = d->boxes[box].parent)
        if (d->boxes[box].closed) found = box;
    return found;
}

/* Closes the boxes beyond the depth, but not a box with a single entry, because the entry itself shows more. */
static void close_boxes(pal__drawing *d)
{
    for (uint32_t i = 1; i < d->n_boxes && d->options.depth; i++)
        if (!d->boxes[i].owner && d->boxes[i].level > d->options.depth)
            d->boxes[i].closed = next_in(d, i, next_in(d, i, 0, false), false) != 0;
}

bool pal__draw_fold(pal__drawing *d)
{
    pal_context *c = d->graph.tape->context;
    for (uint32_t id = 1; id < d->n; id++) d->same[id] = id;
    if (d->options.fold) {
        pair p = {.d = d,
                  .place = pal__alloc(c, d->n * sizeof *p.place),
                  .in_a = pal__alloc(c, d->n * sizeof *p.in_a),
                  .in_b = pal__alloc(c, d->n * sizeof *p.in_b),
                  .hash = pal__alloc(c, d->n * sizeof *p.hash)};
        bool ok = p.place && p.in_a && p.in_b && p.hash;
        if (ok) fold(d, &p);
        void *arrays[] = {p.place, p.in_a, p.in_b, p.hash};
        for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
        if (!ok) return false;
    }
    close_boxes(d);
    for (uint32_t id = 1; id < d->n; id++) {
        while (d->same[d->same[id]] != d->same[id]) d->same[id] = d->same[d->same[id]];
        uint32_t box = d->look[id] ? closed_around(d, d->box[d->same[id]]) : 0;
        d->node[id] = !d->look[id] ? 0 : box ? (uint32_t)d->n + box : d->same[id];
    }
    return true;
}
