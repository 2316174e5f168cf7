/* place_wires.c - which wires are shown while some boxes are closed, which cells they need, and their points. */
#include "autograd/text/place.h"

bool pal__place_is_open(const pal__place *p, uint32_t item)
{
    const pal__place_item *x = &p->items[item];
    return x->shown == item && x->kind != PAL__PLACE_NODE && !x->closed && !x->hidden;
}

/* ---- What is shown -------------------------------------------------------------------------------------------- */

/* An item in a hidden lane is shown by that lane, which is not drawn. */
static void find_shown(pal__place *p)
{
    for (uint32_t i = 1; i < p->n_items; i++) {
        pal__place_item *x = &p->items[i];
        x->shown = i;
        if (x->parent && !pal__place_is_open(p, x->parent)) x->shown = p->items[x->parent].shown;
        p->cells[x->cell].on = x->shown == i;
    }
}

/* Whether no earlier wire joins the same two items in this way. slots: a table of 1 + wires, of a power of two. */
static bool is_first(const pal__place *p, uint32_t *slots, size_t room, uint32_t wire)
{
    const pal__place_wire *w = &p->wires[wire];
    uint64_t at = pal__mix(pal__mix(w->shown_from, w->shown_to), w->over);
    for (;; at++) {
        uint32_t *slot = &slots[at & (room - 1)];
        const pal__place_wire *has = *slot ? &p->wires[*slot - 1] : NULL;
        if (!has) *slot = wire + 1;
        if (!has) return true;
        if (has->shown_from == w->shown_from && has->shown_to == w->shown_to && has->over == w->over) return false;
    }
}

static uint32_t row_of(const pal__place *p, const pal__place_trunk *t, uint32_t cell)
{
    return p->first_row[t->box] + p->cells[cell].rank;
}

/* Switches the cells of a wire's step on. */
static void use_step(pal__place *p, const pal__place_step *s)
{
    pal__place_trunk *t = &p->trunks[s->trunk];
    const uint32_t from = row_of(p, t, t->origin), to = row_of(p, t, s->sink);
    p->cells[t->origin].on = p->cells[s->sink].on = true;
    if (pal__place_is_near(from, to)) {
        for (uint32_t k = 0; k < to - from - 1; k++) p->cells[p->ways[t->first + k]].on = true;
    } else {
        t->on = true;
        p->rows[from].turn = p->rows[to - 1].turn = true;
    }
}

bool pal__place_shown(pal__place *p)
{
    size_t room = 2;
    while (room < 2 * p->n_wires) room *= 2;
    uint32_t *slots = pal__alloc(p->context, room * sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < p->n_cells; i++) p->cells[i].on = false;
    for (size_t i = 0; i < p->n_trunks; i++) p->trunks[i].on = false;
    for (size_t i = 0; i < p->n_rows_all; i++) p->rows[i].turn = false;
    find_shown(p);
    for (uint32_t i = 0; i < p->n_wires; i++) {
        pal__place_wire *w = &p->wires[i];
        w->shown_from = p->items[w->from].shown;
        w->shown_to = p->items[w->to].shown;
        w->shown = w->shown_from != w->shown_to && !p->items[w->shown_from].hidden && !p->items[w->shown_to].hidden &&
                   is_first(p, slots, room, i);
        for (uint32_t k = 0; k < w->n_steps && w->shown; k++) {
            const pal__place_step *s = &p->steps[w->first_step + k];
            if (pal__place_is_open(p, p->trunks[s->trunk].box)) use_step(p, s);
        }
        p->looked += 1 + w->n_steps;
    }
    pal__free(p->context, slots);
    return true;
}

/* ---- Points --------------------------------------------------------------------------------------------------- */

typedef struct drawing {
    pal__place *p;
    uint32_t lane, box;
    uint32_t first; /* the wire's first point */
    bool failed;
} drawing;

/* A point in the box, as it is before a lane is turned upwards. */
static void add(drawing *d, double x, double y)
{
    pal__place *p = d->p;
    const pal__place_item *lane = &p->items[d->lane], *box = &p->items[d->box];
    if (d->box != d->lane) {
        x += box->x;
        y += box->y;
    }
    x += lane->x;
    y = lane->y + (lane->up ? lane->h - y : y);
    const pal__place_point *last = p->n_points > d->first ? &p->points[p->n_points - 1] : NULL;
    if (last && last->x == x && last->y == y) return;
    if (!pal__grow(p->context, (void **)&p->points, p->n_points, &p->cap_points, sizeof *p->points)) d->failed = true;
    if (!d->failed) p->points[p->n_points++] = (pal__place_point){x, y};
}

double pal__place_end(const pal__place *p, uint32_t cell, uint32_t port)
{
    const pal__place_cell *c = &p->cells[cell];
    if (port == PAL__NONE || !pal__place_is_open(p, c->item)) return c->x;
    return c->x - p->items[c->item].w / 2 + p->cells[port].x;
}

/* The lower edge of a child, or of its rank if it is a port. */
static double lower(const pal__place *p, uint32_t cell, const pal__place_row *row)
{
    const uint32_t item = p->cells[cell].item;
    return item ? row->y + row->h / 2 + p->items[item].h / 2 : row->y;
}

static double upper(const pal__place *p, uint32_t cell, const pal__place_row *row)
{
    const uint32_t item = p->cells[cell].item;
    return item ? row->y + row->h / 2 - p->items[item].h / 2 : row->y + row->h;
}

static void add_step(drawing *d, const pal__place_step *s)
{
    const pal__place *p = d->p;
    const pal__place_trunk *t = &p->trunks[s->trunk];
    const uint32_t from = row_of(p, t, t->origin), to = row_of(p, t, s->sink);
    const pal__place_row *rows = p->rows;
    const double x = pal__place_end(p, t->origin, t->origin_port), end = pal__place_end(p, s->sink, s->sink_port);
    d->box = t->box;
    add(d, x, lower(p, t->origin, &rows[from]));
    add(d, x, rows[from].y + rows[from].h);
    if (pal__place_is_near(from, to)) {
        for (uint32_t r = from + 1; r < to; r++) {
            const double way = p->cells[p->ways[t->first + r - from - 1]].x;
            add(d, way, rows[r].y);
            add(d, way, rows[r].y + rows[r].h);
        }
    } else {
        const double track = p->items[t->box].w - PAL__PLACE_PAD - t->track * PAL__PLACE_TRACK;
        const bool back = to <= from; /* then it turns below the one row and above the other */
        add(d, track, back ? rows[from].y + rows[from].h : rows[from + 1].y);
        add(d, track, back ? rows[to].y : rows[to - 1].y + rows[to - 1].h);
    }
    add(d, end, rows[to].y);
    add(d, end, upper(p, s->sink, &rows[to]));
}

static uint32_t lane_of(const pal__place *p, uint32_t item)
{
    while (p->items[item].parent) item = p->items[item].parent;
    return item;
}

/* From the side of an item to the nearer side of another. */
static void add_over(drawing *d, const pal__place_wire *w)
{
    const uint32_t ends[2] = {w->shown_from, w->shown_to};
    double middle[2];
    for (int i = 0; i < 2; i++) {
        const pal__place_item *x = &d->p->items[ends[i]];
        middle[i] = d->p->items[lane_of(d->p, ends[i])].x + x->x + x->w / 2;
    }
    for (int i = 0; i < 2; i++) {
        const pal__place_item *x = &d->p->items[ends[i]];
        d->lane = d->box = lane_of(d->p, ends[i]);
        add(d, x->x + (middle[!i] < middle[i] ? 0 : x->w), x->y + x->h / 2);
    }
}

bool pal__place_points(pal__place *p)
{
    drawing d = {.p = p};
    p->n_points = 0;
    for (size_t i = 0; i < p->n_wires && !d.failed; i++) {
        pal__place_wire *w = &p->wires[i];
        w->first_point = d.first = (uint32_t)p->n_points;
        if (w->shown && w->over) add_over(&d, w);
        d.lane = lane_of(p, w->from);
        for (uint32_t k = 0; k < w->n_steps && w->shown; k++) {
            const pal__place_step *s = &p->steps[w->first_step + k];
            if (pal__place_is_open(p, p->trunks[s->trunk].box)) add_step(&d, s);
        }
        w->n_points = (uint32_t)p->n_points - w->first_point;
    }
    return !d.failed;
}
