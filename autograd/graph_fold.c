/* graph_fold.c - what a drawing leaves out so that it stays readable: scopes of one structure are drawn once, and
 * scopes that lie deep become one node each.
 *
 * Two sibling boxes are alike if their entries, in canonical order, are the same operations in the same inner boxes,
 * wired alike inside; what comes from outside may come from anywhere, and shapes may differ (edges list them).
 *
 * Invariants. An entry's stand-in has the same look, operation and order. Boxes of different orders never fold into
 * each other. A node's box is drawn: neither it nor a box around it is folded away or closed. */
#include "autograd/graph_internal.h"

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

/* ---- Alike ----------------------------------------------------------------------------------------------------- */

typedef struct pair { /* two boxes under comparison */
    const pal__drawing *d;
    uint32_t a, b;
    uint32_t *place; /* by id: its place in its box, from 1; 0: in neither */
} pair;

/* The next entry in the box after id; 0: no more. */
static uint32_t next_in(const pal__drawing *d, uint32_t box, uint32_t id)
{
    while (++id < d->n)
        if (d->look[id] && pal__draw_within(d, d->box[id], box)) return id;
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

static bool same_params(const pal__entry *x, const pal__entry *y)
{
    if (!x->params.name != !y->params.name) return false;
    if (x->params.name && strcmp(pal__last_name(x->params.name), pal__last_name(y->params.name)) != 0) return false;
    if (pal__shape_only(x) && pal__shape_only(y)) return true;
    return !memcmp(x->params.i, y->params.i, sizeof x->params.i) &&
           !memcmp(x->params.r, y->params.r, sizeof x->params.r);
}

static bool same_operand(const pair *p, uint32_t x, uint32_t y)
{
    const pal_tape *t = p->d->graph.tape;
    double u = 0, v = 0;
    bool one = pal__constant_value(t, x, &u), other = pal__constant_value(t, y, &v);
    if (one || other) return one && other && !memcmp(&u, &v, sizeof u);
    bool in_a = p->d->look[x] && pal__draw_within(p->d, p->d->box[x], p->a);
    bool in_b = p->d->look[y] && pal__draw_within(p->d, p->d->box[y], p->b);
    return in_a == in_b && (!in_a || p->place[x] == p->place[y]);
}

static bool same_entry(const pair *p, uint32_t x, uint32_t y)
{
    const pal__drawing *d = p->d;
    const pal__entry *e = pal__at(d->graph.tape, x), *f = pal__at(d->graph.tape, y);
    if (e->op != f->op || d->look[x] != d->look[y] || e->order != f->order || e->dtype != f->dtype || e->n != f->n ||
        e->shape.rank != f->shape.rank || !same_inner_box(p, d->box[x], d->box[y]) || !same_params(e, f))
        return false;
    for (uint32_t i = 0; i < e->n && !e->body; i++)
        if (!same_operand(p, pal__arg(d->graph.tape, x, i), pal__arg(d->graph.tape, y, i))) return false;
    return true;
}

static bool alike(const pair *p)
{
    const pal__drawing *d = p->d;
    uint32_t x = next_in(d, p->a, 0), y = next_in(d, p->b, 0), place = 1;
    if (!x) return false;
    for (; x && y; x = next_in(d, p->a, x), y = next_in(d, p->b, y)) {
        p->place[x] = p->place[y] = place++;
        if (!same_entry(p, x, y)) return false;
    }
    return !x && !y;
}

/* ---- Folding --------------------------------------------------------------------------------------------------- */

static bool gone(const pal__drawing *d, uint32_t box)
{
    for (; box; box = d->boxes[box].parent)
        if (!d->boxes[box].alike) return true;
    return false;
}

/* Boxes come before what is inside them: a box that is folded away takes all of that along. */
static void fold(pal__drawing *d, uint32_t *place)
{
    for (uint32_t a = 1; a < d->n_boxes; a++) {
        if (d->boxes[a].owner || gone(d, a)) continue;
        for (uint32_t b = a + 1; b < d->n_boxes; b++) {
            const pal__box *x = &d->boxes[a], *y = &d->boxes[b];
            pair p = {d, a, b, place};
            if (!y->alike || y->owner || x->parent != y->parent || x->region != y->region || x->order != y->order ||
                !alike(&p))
                continue;
            for (uint32_t i = next_in(d, a, 0), k = next_in(d, b, 0); i && k;
                 i = next_in(d, a, i), k = next_in(d, b, k))
                d->same[k] = i;
            d->boxes[a].alike++;
            d->boxes[a].last = b;
            d->boxes[b].alike = 0;
        }
    }
}

/* The outermost closed box around; 0: none. */
static uint32_t closed_around(const pal__drawing *d, uint32_t box)
{
    uint32_t found = 0;
    for (; box; box = d->boxes[box].parent)
        if (d->boxes[box].closed) found = box;
    return found;
}

/* A box with one entry in it says less than the entry does. */
static void close_boxes(pal__drawing *d)
{
    for (uint32_t i = 1; i < d->n_boxes && d->options.depth; i++)
        if (!d->boxes[i].owner && d->boxes[i].level > d->options.depth)
            d->boxes[i].closed = next_in(d, i, next_in(d, i, 0)) != 0;
}

bool pal__draw_fold(pal__drawing *d)
{
    pal_context *c = d->graph.tape->context;
    for (uint32_t id = 1; id < d->n; id++) d->same[id] = id;
    if (d->options.fold) {
        uint32_t *place = pal__alloc(c, d->n * sizeof *place);
        if (!place) return false;
        fold(d, place);
        pal__free(c, place);
    }
    close_boxes(d);
    for (uint32_t id = 1; id < d->n; id++) {
        while (d->same[d->same[id]] != d->same[id]) d->same[id] = d->same[d->same[id]];
        uint32_t box = d->look[id] ? closed_around(d, d->box[d->same[id]]) : 0;
        d->node[id] = !d->look[id] ? 0 : box ? (uint32_t)d->n + box : d->same[id];
    }
    return true;
}
