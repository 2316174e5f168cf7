/* place_drawing.c - the items and wires of a drawing: a lane for each order of derivative, so that the adjoint pass
 * reads upwards beside the forward pass; then the boxes; then the nodes. */
#include "autograd/text/place.h"

/* ---- Text ----------------------------------------------------------------------------------------------------- */

double pal__place_text(const char *text, bool bold)
{
    /* Thousandths of the font's size, of the characters from ' ' to '~'. */
    static const uint16_t widths[] = {278,  278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
                                      556,  556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
                                      1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
                                      667,  778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
                                      333,  556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
                                      556,  556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584};
    unsigned sum = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c >= ' ' && *c <= '~')
            sum += widths[*c - ' '];
        else if (*c < 0x80 || *c >= 0xc0) /* once for each character */
            sum += *c >= 0xe0 ? 800 : 600;
    return sum * (bold ? 1.06e-3 : 1e-3);
}

/* ---- Items ---------------------------------------------------------------------------------------------------- */

typedef struct making {
    const pal__drawing *d;
    pal__placed *to;
    pal__place_size size;
    void *user;
    uint32_t lanes[256];
    uint32_t *first; /* by box: the first entry that the closed box shows */
    bool *bare;      /* by box: drawn without a frame, so that its children are those of the box around it */
} making;

/* Whether a box is drawn, open or as a node: neither folded away nor in a closed box. */
static bool is_drawn(const pal__drawing *d, uint32_t box)
{
    if (!d->boxes[box].alike) return false;
    for (box = d->boxes[box].parent; box; box = d->boxes[box].parent)
        if (d->boxes[box].closed || !d->boxes[box].alike) return false;
    return true;
}

static uint8_t order_of(const pal__drawing *d, uint32_t node)
{
    if (node < d->n) return pal__at(d->graph.tape, node)->order;
    const pal__box *b = &d->boxes[node - d->n];
    return b->owner ? pal__at(d->graph.tape, b->owner)->order : b->order;
}

static uint32_t parent_of(const making *m, uint32_t node)
{
    uint32_t box = pal__draw_box(m->d, node);
    while (box && m->bare[box]) box = m->d->boxes[box].parent;
    return box ? m->to->item[m->d->n + box] : m->lanes[order_of(m->d, node)];
}

static pal__place_item *add_item(making *m, uint32_t node, pal__place_item like)
{
    pal__place *p = &m->to->place;
    const uint32_t i = (uint32_t)p->n_items++;
    m->to->node[i] = node;
    if (node != PAL__NONE) m->to->item[node] = i;
    if (node != PAL__NONE) m->to->order[i] = order_of(m->d, node);
    if (node != PAL__NONE) m->size(m->d, node, &like.own_w, &like.own_h, m->user);
    p->items[i] = like;
    return &p->items[i];
}

static void make_lanes(making *m)
{
    const pal__drawing *d = m->d;
    bool seen[256] = {false};
    for (uint32_t id = 1; id < d->n; id++)
        if (d->node[id] == id) seen[order_of(d, id)] = true;
    for (uint32_t i = 1; i < d->n_boxes; i++)
        if (is_drawn(d, i)) seen[order_of(d, (uint32_t)d->n + i)] = true;
    m->to->place.n_items = 1;
    m->to->node[0] = PAL__NONE;
    for (uint32_t o = 0; o < 256; o++) {
        if (!seen[o]) continue;
        m->lanes[o] = (uint32_t)m->to->place.n_items;
        m->to->order[m->lanes[o]] = (uint8_t)o;
        add_item(m, PAL__NONE, (pal__place_item){.kind = PAL__PLACE_LANE, .up = o % 2});
    }
}

static void make_items(making *m)
{
    const pal__drawing *d = m->d;
    make_lanes(m);
    for (uint32_t id = (uint32_t)d->n; id-- > 1;)
        if (d->node[id] >= d->n) m->first[d->node[id] - d->n] = id;
    for (uint32_t i = 1; i < d->n_boxes; i++) {
        const uint32_t node = (uint32_t)d->n + i;
        if (!is_drawn(d, i)) continue;
        m->bare[i] = !d->boxes[i].closed && pal__draw_frameless(d, i);
        if (m->bare[i]) continue;
        pal__place_item like = {.parent = parent_of(m, node), .kind = PAL__PLACE_BOX};
        if (d->boxes[i].closed) like.kind = PAL__PLACE_NODE;
        if (d->boxes[i].closed) like.key = m->first[i];
        add_item(m, node, like);
    }
    for (uint32_t id = 1; id < d->n; id++)
        if (d->node[id] == id)
            add_item(m, id,
                     (pal__place_item){.parent = parent_of(m, id),
                                       .key = id,
                                       .leaf = pal__at(d->graph.tape, id)->op->op_class == PAL_CLASS_LEAF});
}

/* Constants beside a reader, and what is drawn at an angle to the ranks, are no part of the placement. */
static void make_wires(making *m)
{
    const pal__drawing *d = m->d;
    pal__place *p = &m->to->place;
    const uint32_t *item = m->to->item;
    for (size_t i = 0; i < d->n_wires; i++) {
        const pal__wire *w = &d->wires[i];
        p->wires[i] = (pal__place_wire){.to = item[w->to], .from = w->constant ? item[w->to] : item[w->from]};
        p->wires[i].over = w->kept || w->effect || w->next || w->constant;
    }
    p->n_wires = d->n_wires;
    for (uint32_t id = 1; id < d->n; id++) {
        const pal__entry *e = pal__at(d->graph.tape, id);
        if (e->body && d->look[id] && d->same[id] == id && d->node[e->body] && d->node[e->body] != d->node[id])
            p->wires[p->n_wires++] = (pal__place_wire){.from = item[d->node[e->body]], .to = item[d->node[id]]};
    }
}

bool pal__place_drawing(const pal__drawing *d, pal__place_size size, void *user, pal__placed *to)
{
    pal_context *c = d->graph.tape->context;
    const size_t nodes = d->n + d->n_boxes, items = nodes + 257;
    making m = {.d = d,
                .to = to,
                .size = size,
                .user = user,
                .first = pal__alloc(c, d->n_boxes * sizeof *m.first),
                .bare = pal__alloc(c, d->n_boxes * sizeof *m.bare)};
    *to = (pal__placed){.place = {.context = c, .keys = d->n}};
    to->item = pal__alloc(c, nodes * sizeof *to->item);
    to->node = pal__alloc(c, items * sizeof *to->node);
    to->order = pal__alloc(c, items * sizeof *to->order);
    to->place.items = pal__alloc(c, items * sizeof *to->place.items);
    to->place.wires = pal__alloc(c, (d->n_wires + d->n) * sizeof *to->place.wires);
    bool ok = m.first && m.bare && to->item && to->node && to->order && to->place.items && to->place.wires;
    if (ok) {
        make_items(&m);
        make_wires(&m);
    }
    pal__free(c, m.first);
    pal__free(c, m.bare);
    return ok;
}

void pal__placed_free(pal__placed *to)
{
    pal_context *c = to->place.context;
    if (!c) return;
    pal__place_free(&to->place);
    pal__free(c, to->item);
    pal__free(c, to->node);
    pal__free(c, to->order);
    *to = (pal__placed){0};
}
