/* place_ranks.c - the ranks of a box's children: the longest path to each, along wires that lead from an earlier
 * child to a later one in the order of keys (place_keys.c). A child that nothing in its box leads to stands right above
 * its first reader. Then the cells of each rank, and the links between the cells of neighbouring ranks. */
#include "autograd/text/place.h"

static bool leads(const pal__place *p, uint32_t from, uint32_t to) { return p->items[from].key < p->items[to].key; }

static void choose_ranks(pal__place *p, const pal__place_readers *r, uint8_t *led)
{
    pal__place_item *items = p->items;
    for (size_t i = 0; i < p->n_steps; i++) /* from a port */
        if (!p->trunks[p->steps[i].trunk].origin) led[p->steps[i].sink] = 1;
    for (size_t i = 1; i < p->n_items; i++) {
        items[i].rank = 1;
        if (items[i].kind != PAL__PLACE_NODE) p->n_rows[i] = 2; /* if it is empty */
    }
    for (size_t k = 0; k + 1 < p->n_items; k++) {
        const uint32_t a = p->by_key[k];
        for (uint32_t i = r->at[a]; i < r->at[a + 1]; i++, p->looked++) {
            const uint32_t b = r->of[i];
            if (!b || !leads(p, a, b)) continue;
            if (items[b].rank <= items[a].rank) items[b].rank = items[a].rank + 1;
            led[b] = 1;
        }
        uint32_t *rows = &p->n_rows[items[a].parent];
        if (*rows < items[a].rank + 2) *rows = items[a].rank + 2;
    }
    for (size_t k = p->n_items - 1; k--;) {
        const uint32_t a = p->by_key[k];
        uint32_t below = PAL__NONE;
        for (uint32_t i = r->at[a]; i < r->at[a + 1] && !led[a]; i++, p->looked++) {
            const uint32_t b = r->of[i], rank = b ? items[b].rank : p->n_rows[items[a].parent] - 1;
            if ((!b || leads(p, a, b)) && rank < below) below = rank;
        }
        if (below != PAL__NONE) items[a].rank = below - 1;
    }
}

/* ---- Cells ---------------------------------------------------------------------------------------------------- */

static uint32_t add_cell(pal__place *p, pal__place_cell cell)
{
    if (!pal__grow(p->context, (void **)&p->cells, p->n_cells, &p->cap_cells, sizeof *p->cells)) return PAL__NONE;
    p->cells[p->n_cells] = cell;
    p->looked++;
    return (uint32_t)p->n_cells++;
}

static uint32_t rank_of_origin(const pal__place *p, const pal__place_trunk *t)
{
    return t->origin ? p->items[t->origin].rank : 0;
}

static uint32_t rank_of_sink(const pal__place *p, const pal__place_step *s)
{
    return s->sink ? p->items[s->sink].rank : p->n_rows[p->trunks[s->trunk].box] - 1;
}

typedef struct span {
    uint32_t low, high; /* ranks of the far ways of a trunk */
} span;

/* The first free track; tracks are shared where all are taken. */
static void choose_track(pal__place_trunk *t, span far, uint32_t *taken)
{
    uint32_t *of_box = &taken[(size_t)t->box * PAL__PLACE_TRACKS], best = 0;
    for (uint32_t i = 0; i < PAL__PLACE_TRACKS; i++)
        if (of_box[i] < of_box[best]) best = i;
    for (uint32_t i = PAL__PLACE_TRACKS; i--;)
        if (of_box[i] <= far.low) best = i;
    if (of_box[best] < far.high) of_box[best] = far.high;
    t->track = best;
}

static bool make_cells(pal__place *p, span *far, uint32_t *taken)
{
    for (size_t k = 0; k + 1 < p->n_items; k++) {
        pal__place_item *x = &p->items[p->by_key[k]];
        x->cell = add_cell(p, (pal__place_cell){.box = x->parent, .rank = x->rank, .item = p->by_key[k]});
        if (x->cell == PAL__NONE) return false;
    }
    for (size_t i = 0; i < p->n_steps; i++) {
        pal__place_trunk *t = &p->trunks[p->steps[i].trunk];
        span *f = &far[p->steps[i].trunk];
        const uint32_t from = rank_of_origin(p, t), to = rank_of_sink(p, &p->steps[i]);
        if (pal__place_is_near(from, to)) {
            if (t->n < to - from - 1) t->n = to - from - 1;
            continue;
        }
        const uint32_t low = from < to ? from : to, high = from < to ? to : from;
        if (!f->high || low < f->low) f->low = low;
        if (high >= f->high) f->high = high + 1;
    }
    for (uint32_t i = 0; i < p->n_trunks; i++) {
        pal__place_trunk *t = &p->trunks[i];
        const uint32_t from = rank_of_origin(p, t), last = p->n_rows[t->box] - 1;
        t->first = (uint32_t)p->n_ways;
        for (uint32_t k = 0; k < t->n; k++) {
            if (!pal__grow(p->context, (void **)&p->ways, p->n_ways, &p->cap_ways, sizeof *p->ways)) return false;
            p->ways[p->n_ways] = add_cell(p, (pal__place_cell){.box = t->box, .rank = from + 1 + k, .trunk = i});
            if (p->ways[p->n_ways++] == PAL__NONE) return false;
        }
        if (far[i].high) choose_track(t, far[i], taken);
        t->origin = t->origin ? p->items[t->origin].cell : add_cell(p, (pal__place_cell){.box = t->box, .trunk = i});
        if (t->origin == PAL__NONE) return false;
        if (t->out == PAL__NONE) continue;
        t->out = add_cell(p, (pal__place_cell){.box = t->box, .rank = last, .trunk = i});
        if (t->out == PAL__NONE) return false;
    }
    return true;
}

/* ---- Links ---------------------------------------------------------------------------------------------------- */

static void find_ends(pal__place *p)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        pal__place_step *s = &p->steps[i];
        s->sink = s->sink ? p->items[s->sink].cell : p->trunks[s->trunk].out;
    }
    for (size_t i = 0; i < p->n_wires; i++)
        for (uint32_t k = 1; k < p->wires[i].n_steps; k++) {
            pal__place_step *s = &p->steps[p->wires[i].first_step + k];
            pal__place_trunk *before = &p->trunks[s[-1].trunk], *t = &p->trunks[s->trunk];
            if (s[-1].sink == before->out)
                t->origin_port = before->out;
            else
                s[-1].sink_port = t->origin;
        }
}

static bool add_link(pal__place *p, uint32_t a, uint32_t b, uint32_t a_port, uint32_t b_port)
{
    if (!pal__grow(p->context, (void **)&p->links, p->n_links, &p->cap_links, sizeof *p->links)) return false;
    p->links[p->n_links++] = (pal__place_link){a, b, a_port, b_port};
    return true;
}

static bool make_links(pal__place *p)
{
    for (size_t i = 0; i < p->n_trunks; i++) {
        const pal__place_trunk *t = &p->trunks[i];
        for (uint32_t k = 0; k < t->n; k++)
            if (!add_link(p, k ? p->ways[t->first + k - 1] : t->origin, p->ways[t->first + k],
                          k ? PAL__NONE : t->origin_port, PAL__NONE))
                return false;
    }
    for (size_t i = 0; i < p->n_steps; i++) {
        const pal__place_step *s = &p->steps[i];
        const pal__place_trunk *t = &p->trunks[s->trunk];
        const uint32_t from = p->cells[t->origin].rank, to = p->cells[s->sink].rank;
        if (!pal__place_is_near(from, to)) continue;
        const bool at_once = to == from + 1;
        if (!add_link(p, at_once ? t->origin : p->ways[t->first + to - from - 2], s->sink,
                      at_once ? t->origin_port : PAL__NONE, s->sink_port))
            return false;
    }
    return true;
}

bool pal__place_ranks(pal__place *p)
{
    pal_context *c = p->context;
    pal__place_readers r = {0};
    p->n_rows = pal__alloc(c, p->n_items * sizeof *p->n_rows);
    p->first_row = pal__alloc(c, p->n_items * sizeof *p->first_row);
    uint8_t *led = pal__alloc(c, p->n_items);
    span *far = pal__alloc(c, (p->n_trunks + 1) * sizeof *far);
    uint32_t *taken = pal__alloc(c, p->n_items * PAL__PLACE_TRACKS * sizeof *taken);
    bool ok = p->n_rows && p->first_row && led && far && taken && pal__place_keys(p, &r);
    if (ok) choose_ranks(p, &r, led);
    for (size_t i = 0; i < p->n_items && ok; i++) {
        p->first_row[i] = (uint32_t)p->n_rows_all;
        p->n_rows_all += p->n_rows[i];
    }
    ok = ok && make_cells(p, far, taken);
    if (ok) find_ends(p);
    ok = ok && make_links(p);
    void *arrays[] = {r.at, r.of, led, far, taken};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
    return ok;
}
