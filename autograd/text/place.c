/* place.c - the order of the cells in each rank, by a fixed number of barycentre sweeps: a cell goes where the mean of
 * its neighbours in the rank before (in every other sweep: in the rank after) is. Then the cells are stored in that
 * order, so that a rank is a run of them. */
#include "autograd/text/place.h"

#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 8 };

/* ---- Runs of cells -------------------------------------------------------------------------------------------- */

static uint32_t row_of(const pal__place *p, uint32_t cell)
{
    return p->first_row[p->cells[cell].box] + p->cells[cell].rank;
}

/* The cells of each row, one after the other. */
static bool fill_rows(pal__place *p, uint32_t *order)
{
    p->rows = pal__alloc(p->context, (p->n_rows_all + 1) * sizeof *p->rows);
    if (!p->rows) return false;
    for (uint32_t i = 0; i < p->n_cells; i++) p->rows[row_of(p, i)].n++;
    for (size_t i = 1; i < p->n_rows_all; i++) p->rows[i].first = p->rows[i - 1].first + p->rows[i - 1].n;
    for (size_t i = 0; i < p->n_rows_all; i++) p->rows[i].n = 0;
    for (uint32_t i = 0; i < p->n_cells; i++) {
        pal__place_row *row = &p->rows[row_of(p, i)];
        order[row->first + row->n++] = i;
    }
    return true;
}

static bool list_links(pal__place *p)
{
    const size_t bytes = (p->n_cells + 2) * sizeof(uint32_t), links = (p->n_links + 1) * sizeof(uint32_t);
    p->down = pal__alloc(p->context, links);
    p->up = pal__alloc(p->context, links);
    p->down_first = pal__alloc(p->context, bytes);
    p->up_first = pal__alloc(p->context, bytes);
    if (!p->down || !p->up || !p->down_first || !p->up_first) return false;
    for (size_t i = 0; i < p->n_links; i++) {
        p->down_first[p->links[i].a + 2]++;
        p->up_first[p->links[i].b + 2]++;
    }
    for (size_t i = 2; i < p->n_cells + 2; i++) {
        p->down_first[i] += p->down_first[i - 1];
        p->up_first[i] += p->up_first[i - 1];
    }
    for (uint32_t i = 0; i < p->n_links; i++) {
        p->down[p->down_first[p->links[i].a + 1]++] = i;
        p->up[p->up_first[p->links[i].b + 1]++] = i;
    }
    return true;
}

/* ---- Sweeps --------------------------------------------------------------------------------------------------- */

typedef struct wish {
    double at;
    uint32_t cell, now;
} wish;

static int by_wish(const void *a, const void *b)
{
    const wish *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at ? 1 : (x->now > y->now) - (x->now < y->now);
}

static double mean_of(pal__place *p, const double *at, uint32_t cell, bool before)
{
    const uint32_t *first = before ? p->up_first : p->down_first, *of = before ? p->up : p->down;
    double sum = 0;
    for (uint32_t i = first[cell]; i < first[cell + 1]; i++, p->looked++)
        sum += at[before ? p->links[of[i]].a : p->links[of[i]].b];
    return first[cell] < first[cell + 1] ? sum / (first[cell + 1] - first[cell]) : at[cell];
}

static void place_row(const pal__place_row *row, uint32_t *order, double *at)
{
    for (uint32_t i = 0; i < row->n; i++) at[order[row->first + i]] = (i + 0.5) / row->n;
}

/* at: where each cell is in its row, from 0 to 1. */
static void sweep(pal__place *p, uint32_t *order, double *at, wish *wishes, bool downwards)
{
    for (size_t k = 0; k < p->n_rows_all; k++) {
        const pal__place_row *row = &p->rows[downwards ? k : p->n_rows_all - 1 - k];
        for (uint32_t i = 0; i < row->n; i++) {
            const uint32_t cell = order[row->first + i];
            wishes[i] = (wish){mean_of(p, at, cell, downwards), cell, i};
        }
        qsort(wishes, row->n, sizeof *wishes, by_wish);
        for (uint32_t i = 0; i < row->n; i++) order[row->first + i] = wishes[i].cell;
        place_row(row, order, at);
        p->looked += row->n;
    }
}

/* ---- Storing -------------------------------------------------------------------------------------------------- */

static void move(uint32_t *cell, const uint32_t *to)
{
    if (*cell != PAL__NONE) *cell = to[*cell];
}

/* to: by cell: its new number. */
static bool store(pal__place *p, const uint32_t *order, uint32_t *to)
{
    pal__place_cell *sorted = pal__alloc(p->context, (p->n_cells + 1) * sizeof *sorted);
    if (!sorted) return false;
    for (uint32_t i = 0; i < p->n_cells; i++) {
        sorted[i] = p->cells[order[i]];
        to[order[i]] = i;
    }
    for (size_t i = 0; i < p->n_rows_all; i++)
        for (uint32_t k = 0; k < p->rows[i].n; k++) {
            const uint32_t item = sorted[p->rows[i].first + k].item;
            if (item) p->items[item].order = k;
        }
    pal__free(p->context, p->cells);
    p->cells = sorted;
    for (size_t i = 1; i < p->n_items; i++) move(&p->items[i].cell, to);
    for (size_t i = 0; i < p->n_trunks; i++) {
        move(&p->trunks[i].origin, to);
        move(&p->trunks[i].origin_port, to);
        move(&p->trunks[i].out, to);
    }
    for (size_t i = 0; i < p->n_steps; i++) {
        move(&p->steps[i].sink, to);
        move(&p->steps[i].sink_port, to);
    }
    for (size_t i = 0; i < p->n_links; i++) {
        move(&p->links[i].a, to);
        move(&p->links[i].b, to);
        move(&p->links[i].a_port, to);
        move(&p->links[i].b_port, to);
    }
    for (size_t i = 0; i < p->n_ways; i++) move(&p->ways[i], to);
    return true;
}

bool pal__place_order(pal__place *p)
{
    if (!pal__place_trunks(p) || !pal__place_ranks(p)) return false;
    pal_context *c = p->context;
    uint32_t *order = pal__alloc(c, (p->n_cells + 1) * sizeof *order),
             *to = pal__alloc(c, (p->n_cells + 1) * sizeof *to);
    double *at = pal__alloc(c, (p->n_cells + 1) * sizeof *at);
    wish *wishes = pal__alloc(c, (p->n_cells + 1) * sizeof *wishes);
    bool ok = order && to && at && wishes && fill_rows(p, order) && list_links(p);
    for (size_t i = 0; i < p->n_rows_all && ok; i++) place_row(&p->rows[i], order, at);
    for (int i = 0; i < SWEEPS && ok; i++) sweep(p, order, at, wishes, i % 2 == 0);
    ok = ok && store(p, order, to);
    pal__free(c, p->down);
    pal__free(c, p->up);
    pal__free(c, p->down_first);
    pal__free(c, p->up_first);
    p->down = p->up = p->down_first = p->up_first = NULL; /* freed once, also where the next line does not run */
    ok = ok && list_links(p);
    void *arrays[] = {order, to, at, wishes};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
    return ok;
}

void pal__place_free(pal__place *p)
{
    void *arrays[] = {p->items, p->wires,     p->cells,  p->trunks, p->steps, p->links,      p->rows,     p->points,
                      p->ways,  p->first_row, p->n_rows, p->down,   p->up,    p->down_first, p->up_first, p->by_key};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(p->context, arrays[i]);
    *p = (pal__place){0};
}
