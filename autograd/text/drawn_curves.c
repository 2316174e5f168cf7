/* drawn_curves.c - the curves of a drawing with places: the ways of the placement (place.h) as cubic curves with
 * control points, from the edge of a node, along the labels beside it, to the edge of another. */
#include "autograd/text/drawn.h"

/* Where a wire meets a node: its end in the placement is at the edge of the item, which has room for labels. */
static pal__place_point meets(const pal__drawn_making *m, const pal__place_wire *wire, bool end)
{
    const pal__place *p = &m->placed.place;
    const uint32_t item = end ? wire->shown_to : wire->shown_from;
    const pal__place_item *outer = &p->items[item], node = pal__drawn_inner(m, item);
    pal__place_point at = p->points[wire->first_point + (end ? wire->n_points - 1 : 0)];
    if (wire->over)
        at = (pal__place_point){at.x > outer->x + outer->w / 2 ? node.x + node.w : node.x, node.y + node.h / 2};
    else
        at.y = at.y > outer->y + outer->h / 2 ? node.y + node.h : node.y;
    return at;
}

/* A curve from a to b by the rule of place.h: tangents along the flow, as long as half of the way. */
static size_t add_piece(const pal__drawn_making *m, pal__place_point a, pal__place_point b, bool line,
                        pal_graph_point *to)
{
    const double middle = (a.y + b.y) / 2, way = line ? (b.x - a.x) / 3 : 0;
    to[0] = pal__drawn_turned(m, a.x + way, line ? a.y + (b.y - a.y) / 3 : middle);
    to[1] = pal__drawn_turned(m, b.x - way, line ? b.y - (b.y - a.y) / 3 : middle);
    to[2] = pal__drawn_turned(m, b.x, b.y);
    return 3;
}

/* Straight along the labels, then as the placement has it. */
static size_t make_points(const pal__drawn_making *m, const pal__place_wire *wire, pal_graph_point *to)
{
    const pal__place_point *at = &m->placed.place.points[wire->first_point];
    const pal__place_point begin = meets(m, wire, false), end = meets(m, wire, true);
    const double turn = m->right ? PAL__PLACE_NARROW : PAL__PLACE_CHANNEL;
    size_t n = 1;
    to[0] = pal__drawn_turned(m, begin.x, begin.y);
    if (wire->over) return n + add_piece(m, begin, end, true, to + n);
    if (begin.y != at[0].y) n += add_piece(m, begin, at[0], true, to + n);
    for (uint32_t i = 1; i < wire->n_points; i++) {
        n += add_piece(m, at[i - 1], at[i], false, to + n);
        if (at[i].y != at[i - 1].y || at[i].x == at[i - 1].x) continue;
        const double on = i + 1 < wire->n_points ? at[i + 1].y - at[i].y : 0,
                     before = i > 1 ? at[i - 2].y - at[i].y : 0;
        const double beyond = (on != 0 ? on : before) > 0 ? -turn : turn; /* it turns back */
        to[n - 3] = pal__drawn_turned(m, at[i - 1].x, at[i].y + beyond);
        to[n - 2] = pal__drawn_turned(m, at[i].x, at[i].y + beyond);
    }
    if (end.y != at[wire->n_points - 1].y) n += add_piece(m, at[wire->n_points - 1], end, true, to + n);
    return n;
}

void pal__drawn_curves(pal__drawn_making *m)
{
    const pal__drawing *d = &m->d;
    const pal__place *p = &m->placed.place;
    size_t n = 0, points = 0;
    for (size_t i = 0; i < p->n_wires; i++) {
        const pal__place_wire *place = &p->wires[i];
        const pal__wire none = {0}, *w = i < d->n_wires ? &d->wires[i] : &none;
        if (!place->shown || !place->n_points || w->constant || (w->reader && pal__drawn_is_stub(d, w))) continue;
        const uint8_t order = w->reader ? pal__at(d->graph.tape, w->reader)->order : 0;
        pal_graph_curve *to = &m->w->curves[n++];
        *to = (pal_graph_curve){.order = order < 2 ? order : 2,
                                .kept = w->kept || place->over,
                                .effect = w->effect,
                                .captured = w->captured,
                                .points = m->w->points + points};
        to->n_points = make_points(m, place, m->w->points + points);
        points += to->n_points;
    }
    m->w->drawn.curves = m->w->curves;
    m->w->drawn.n_curves = n;
}
