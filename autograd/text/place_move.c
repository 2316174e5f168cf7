/* place_move.c - coordinates, from the inside to the outside. In a rank, each cell would like to be where its
 * neighbours are; the row of places that is nearest to these wishes, without overlaps, is found exactly by merging
 * neighbours that would overlap into blocks (isotonic regression). So chains become straight. page_place.js has the
 * same rule. */
#include "autograd/text/place.h"

#include <math.h>

enum { SWEEPS = 7 };
#define WAY_WIDTH 6.0

typedef struct block { /* of cells that touch each other */
    double sum, weight;
    uint32_t n;
} block;

typedef struct moving {
    pal__place *p;
    uint32_t box;
    const pal__place_row *rows;
    uint32_t n_rows;
    double *offset, *wish, *weight;
    uint32_t *cells;     /* of a row, those that are on */
    uint32_t *tracks_on; /* by item: how many tracks are in use */
    bool up;             /* the box is in a lane that is read upwards */
    block *blocks;
} moving;

static uint32_t cells_on(const moving *m, uint32_t row)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->rows[row].n; i++)
        if (m->p->cells[m->rows[row].first + i].on) m->cells[n++] = m->rows[row].first + i;
    m->p->looked += m->rows[row].n;
    return n;
}

/* The distance between the centres of neighbours. */
static double apart(const pal__place_cell *a, const pal__place_cell *b)
{
    return (a->w + b->w) / 2 + (a->item && b->item ? PAL__PLACE_GAP : PAL__PLACE_GAP / 2);
}

/* Gives the cells their places: sum of weight (x - wish)^2 is least, and neighbours are apart. */
static void fit(const moving *m, uint32_t n)
{
    pal__place_cell *cells = m->p->cells;
    uint32_t top = 0, at = 0;
    for (uint32_t i = 0; i < n; i++) {
        m->offset[i] = i ? m->offset[i - 1] + apart(&cells[m->cells[i - 1]], &cells[m->cells[i]]) : 0;
        m->blocks[top++] = (block){m->weight[i] * (m->wish[i] - m->offset[i]), m->weight[i], 1};
        for (; top > 1; top--) {
            block *a = &m->blocks[top - 2], *b = &m->blocks[top - 1];
            if (a->sum * b->weight <= b->sum * a->weight) break;
            *a = (block){a->sum + b->sum, a->weight + b->weight, a->n + b->n};
        }
    }
    for (uint32_t k = 0; k < top; k++)
        for (uint32_t i = 0; i < m->blocks[k].n; i++, at++)
            cells[m->cells[at]].x = m->blocks[k].sum / m->blocks[k].weight + m->offset[at];
}

/* Adds where the neighbours in the rank before (or after) would have the cell. */
static void ask(const moving *m, uint32_t cell, bool before, double *sum, double *n)
{
    const pal__place *p = m->p;
    const uint32_t *first = before ? p->up_first : p->down_first, *of = before ? p->up : p->down;
    for (uint32_t i = first[cell]; i < first[cell + 1]; i++) {
        const pal__place_link *l = &p->links[of[i]];
        if (!p->cells[l->a].on || !p->cells[l->b].on) continue;
        const double a = pal__place_end(p, l->a, l->a_port), b = pal__place_end(p, l->b, l->b_port);
        *sum += p->cells[cell].x + (before ? a - b : b - a);
        *n += 1;
    }
    m->p->looked += first[cell + 1] - first[cell];
}

static void move_row(const moving *m, uint32_t row, bool before, bool after)
{
    const uint32_t n = cells_on(m, row);
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0, count = 0;
        if (before) ask(m, m->cells[i], true, &sum, &count);
        if (after) ask(m, m->cells[i], false, &sum, &count);
        m->wish[i] = count > 0 ? sum / count : m->p->cells[m->cells[i]].x;
        m->weight[i] = count > 0 ? (m->p->cells[m->cells[i]].item ? count : 4 * count) : 0.05;
    }
    fit(m, n);
}

/* The first places: each rank side by side, centred. */
static void begin_rows(const moving *m)
{
    pal__place *p = m->p;
    for (uint32_t r = 0; r < m->n_rows; r++) {
        const uint32_t n = cells_on(m, r);
        for (uint32_t i = 0; i < n; i++) {
            pal__place_cell *c = &p->cells[m->cells[i]];
            c->w = c->item ? p->items[c->item].w : WAY_WIDTH;
            c->x = i ? p->cells[m->cells[i - 1]].x + apart(&p->cells[m->cells[i - 1]], c) : 0;
        }
        const double half = n ? p->cells[m->cells[n - 1]].x / 2 : 0;
        for (uint32_t i = 0; i < n; i++) p->cells[m->cells[i]].x -= half;
    }
}

/* Moves all to the right of the box's padding; sets the box's width. */
static void find_width(const moving *m)
{
    pal__place *p = m->p;
    pal__place_item *box = &p->items[m->box];
    const double tracks = m->tracks_on[m->box] * PAL__PLACE_TRACK;
    const double head = p->right && box->kind == PAL__PLACE_BOX ? PAL__PLACE_HEAD - PAL__PLACE_PAD : 0;
    double left = INFINITY, right = -INFINITY;
    for (uint32_t r = 0; r < m->n_rows; r++)
        for (uint32_t i = 0, n = cells_on(m, r); i < n; i++) {
            const pal__place_cell *c = &p->cells[m->cells[i]];
            if (c->x - c->w / 2 < left) left = c->x - c->w / 2;
            if (c->x + c->w / 2 > right) right = c->x + c->w / 2;
        }
    if (left > right) left = right = 0;
    const double inner = right - left + 2 * PAL__PLACE_PAD + head;
    const double more = box->own_w > inner + tracks ? (box->own_w - inner - tracks) / 2 : 0;
    box->w = inner + tracks + 2 * more;
    for (uint32_t r = 0; r < m->n_rows; r++)
        for (uint32_t i = 0, n = cells_on(m, r); i < n; i++)
            p->cells[m->cells[i]].x += PAL__PLACE_PAD + head + more - left;
}

/* Wires that go far to the side have a higher channel, so that they are not flat. */
static double channel(const moving *m, uint32_t row)
{
    const pal__place *p = m->p;
    double widest = 0;
    bool any = m->rows[row].turn;
    for (uint32_t i = 0, n = cells_on(m, row); i < n; i++)
        for (uint32_t k = p->down_first[m->cells[i]]; k < p->down_first[m->cells[i] + 1]; k++) {
            const pal__place_link *l = &p->links[p->down[k]];
            if (!p->cells[l->b].on) continue;
            const double far = fabs(pal__place_end(p, l->a, l->a_port) - pal__place_end(p, l->b, l->b_port));
            if (far > widest) widest = far;
            any = true;
        }
    if (!any && (row == 0 || row + 2 == m->n_rows)) return 0;
    const double room = (widest < 600 ? widest : 600) / 20;
    return p->right ? PAL__PLACE_NARROW + room / 2 : PAL__PLACE_CHANNEL + room;
}

static void find_height(const moving *m)
{
    pal__place *p = m->p;
    pal__place_item *box = &p->items[m->box];
    double y = 0;
    for (uint32_t r = 0; r < m->n_rows; r++) {
        pal__place_row *row = &p->rows[p->first_row[m->box] + r];
        const bool end = r == 0 || r + 1 == m->n_rows;
        row->y = y;
        row->h = !end ? 0 : p->right ? PAL__PLACE_PAD / 3 : (r == 0) == !m->up ? PAL__PLACE_HEAD : PAL__PLACE_PAD;
        for (uint32_t i = 0, n = cells_on(m, r); i < n; i++) {
            const uint32_t item = p->cells[m->cells[i]].item;
            if (item && p->items[item].h > row->h) row->h = p->items[item].h;
        }
        y += row->h + (r + 1 < m->n_rows ? channel(m, r) : 0);
    }
    box->h = p->right && box->own_h > y ? box->own_h : y;
}

static void move_box(moving *m, uint32_t box)
{
    pal__place *p = m->p;
    m->box = box;
    m->rows = &p->rows[p->first_row[box]];
    m->n_rows = p->n_rows[box];
    begin_rows(m);
    for (uint32_t i = 0; i < SWEEPS; i++) {
        const bool downwards = i % 2 == 0, both = i == SWEEPS - 2; /* the last one makes chains straight */
        for (uint32_t k = 0; k < m->n_rows; k++)
            move_row(m, downwards ? k : m->n_rows - 1 - k, downwards || both, !downwards || both);
    }
    find_width(m);
    find_height(m);
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

/* A lane that is read upwards ends where the one before it ends below; one that is read downwards begins where that one
 * begins. */
static void place_lanes(pal__place *p)
{
    double x = 0, top = 0, bottom = 0, least = 0, most = 0;
    bool any = false;
    for (size_t i = 1; i < p->n_items; i++) {
        pal__place_item *lane = &p->items[i];
        if (lane->parent || lane->hidden) continue;
        lane->x = x;
        lane->y = any && lane->up ? bottom - lane->h : top;
        x += lane->w + PAL__PLACE_LANES;
        top = lane->y;
        bottom = lane->y + lane->h;
        if (top < least) least = top;
        if (bottom > most) most = bottom;
        any = true;
    }
    for (size_t i = 1; i < p->n_items; i++)
        if (!p->items[i].parent) p->items[i].y -= least;
    p->width = any ? x - PAL__PLACE_LANES : 0;
    p->height = most - least;
}

/* Within their lane, as it is before it is turned. */
static void place_items(pal__place *p)
{
    for (uint32_t i = 1; i < p->n_items; i++) {
        pal__place_item *x = &p->items[i];
        const pal__place_item *above = &p->items[x->parent];
        if (!x->parent || x->shown != i) continue;
        const pal__place_cell *c = &p->cells[x->cell];
        const pal__place_row *row = &p->rows[p->first_row[x->parent] + c->rank];
        x->x = c->x - x->w / 2 + (above->kind == PAL__PLACE_LANE ? 0 : above->x);
        x->y = row->y + row->h / 2 - x->h / 2 + (above->kind == PAL__PLACE_LANE ? 0 : above->y);
    }
}

static void turn_items(pal__place *p, uint32_t *lane)
{
    for (uint32_t i = 1; i < p->n_items; i++) {
        pal__place_item *x = &p->items[i];
        lane[i] = x->parent ? lane[x->parent] : i;
        if (!x->parent || x->shown != i) continue;
        const pal__place_item *l = &p->items[lane[i]];
        x->x += l->x;
        x->y = l->y + (l->up ? l->h - x->y - x->h : x->y);
    }
}

static bool is_up(const pal__place *p, uint32_t item)
{
    while (p->items[item].parent) item = p->items[item].parent;
    return p->items[item].up;
}

bool pal__place_move(pal__place *p)
{
    pal_context *c = p->context;
    const size_t n = p->n_cells + p->n_items + 1;
    moving m = {.p = p,
                .offset = pal__alloc(c, n * sizeof *m.offset),
                .wish = pal__alloc(c, n * sizeof *m.wish),
                .weight = pal__alloc(c, n * sizeof *m.weight),
                .cells = pal__alloc(c, n * sizeof *m.cells),
                .tracks_on = pal__alloc(c, n * sizeof *m.tracks_on),
                .blocks = pal__alloc(c, n * sizeof *m.blocks)};
    bool ok = m.offset && m.wish && m.weight && m.cells && m.tracks_on && m.blocks && pal__place_shown(p);
    for (size_t i = 0; i < p->n_trunks && ok; i++) {
        const pal__place_trunk *t = &p->trunks[i];
        if (t->on && m.tracks_on[t->box] <= t->track) m.tracks_on[t->box] = t->track + 1;
    }
    for (uint32_t i = (uint32_t)p->n_items; i-- > 1 && ok;) {
        pal__place_item *x = &p->items[i];
        m.up = is_up(p, i);
        x->w = x->own_w;
        x->h = x->own_h;
        if (pal__place_is_open(p, i)) move_box(&m, i);
    }
    if (ok) {
        place_lanes(p);
        place_items(p);
        ok = pal__place_points(p);
        turn_items(p, m.cells);
    }
    void *arrays[] = {m.offset, m.wish, m.weight, m.cells, m.tracks_on, m.blocks};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
    return ok;
}
