/* product_panels.c - products by panels of B, and of one row (product.c).
 *
 * In: a job. Out: tiles of C. A worker packs a panel, which only it reads, and goes through the blocks of A. If they
 * are few, the first tile packs the panel on its way, and a single short tile reads B where it is. */
#include "ops/product_job.h"

size_t pal__product_piece(size_t steps, size_t most)
{
    const size_t pieces = parts(steps, most);
    return pieces > 1 ? (parts(steps, pieces) + 7) / 8 * 8 : steps;
}

/* The part of the steps k0 .. k1-1 that term t has: its own steps *first .. *first + result - 1; *behind: steps of
 * earlier terms in the part. */
static size_t steps_of(const pal__product *p, size_t t, size_t k0, size_t k1, size_t *first, size_t *behind)
{
    size_t begin = 0;
    for (size_t i = 0; i < t; i++) begin += p->term[i].k;
    const size_t from = k0 > begin ? k0 : begin, to = least(k1, begin + p->term[t].k);
    *first = from - begin;
    *behind = from - k0;
    return from < to ? to - from : 0;
}

void pal__product_pack_a(const pal__product_job *j, const pal__product_item *item, size_t row, size_t rows, size_t k0,
                         size_t k1, char *out)
{
    for (size_t t = 0; t < j->p->n_terms; t++) {
        const pal__product_term *x = &j->p->term[t];
        size_t first, behind;
        const size_t steps = steps_of(j->p, t, k0, k1, &first, &behind);
        if (steps)
            j->kernels->pack_a(rows, steps,
                               at(item->a[t], (int64_t)row * x->a_row + (int64_t)first * x->a_step, j->size), x->a_row,
                               x->a_step, out + behind * j->kernels->rows * j->size);
    }
}

void pal__product_pack_b(const pal__product_job *j, const pal__product_item *item, size_t n0, size_t columns, size_t k0,
                         size_t k1, char *out)
{
    const size_t vectors = parts(columns, j->kernels->lanes);
    for (size_t t = 0; t < j->p->n_terms; t++) {
        const pal__product_term *x = &j->p->term[t];
        size_t first, behind;
        const size_t steps = steps_of(j->p, t, k0, k1, &first, &behind);
        if (steps)
            j->kernels->pack_b(columns, vectors, steps,
                               at(item->b[t], (int64_t)first * x->b_step + (int64_t)n0 * x->b_column, j->size),
                               x->b_step, x->b_column, out + behind * vectors * j->kernels->lanes * j->size);
    }
}

/* Tile `share` of `shares`. The rows of a panel have a few lines each: every some tiles ask for the next line of all
 * rows. The columns of a panel lie side by side. */
static ahead look_ahead(const pal__product_job *j, const char *next, size_t steps, size_t columns, size_t share,
                        size_t shares)
{
    const pal__product_term *p = &j->p->term[0];
    const int64_t size = (int64_t)j->size;
    if (p->b_column == 1) {
        const size_t lines = columns * j->size / PAL__LINE + 1, each = shares / lines + !(shares / lines);
        const size_t line = share / each;
        if (share % each || line >= lines) return (ahead){next, 0};
        return (ahead){next + line * PAL__LINE, p->b_step * size};
    }
    const int64_t bytes = (int64_t)columns * p->b_column * size / (int64_t)shares;
    return (ahead){next + (int64_t)share * bytes, bytes / (int64_t)steps + 1};
}

/* Where no panel follows: the next block of A. If there is one panel alone, A is read for the first time. */
static ahead next_block(const pal__product_job *j, pal__product_item item, size_t row, size_t k0, size_t steps)
{
    const pal__product_term *p = &j->p->term[0];
    const size_t rows = j->kernels->rows;
    if (row + 2 * rows > j->p->m || k0 >= p->k) return (ahead){item.a[0], 0};
    const int64_t apart = packs_a(j->p) ? p->a_step : p->a_row * (int64_t)rows / (int64_t)steps + 1;
    return (ahead){at(item.a[0], (int64_t)(row + rows) * p->a_row + (int64_t)k0 * p->a_step, j->size),
                   apart * (int64_t)j->size};
}

/* Whether the first tile of a panel can pack it: with few rows of A, packing is a large part of a product. */
static bool packs_on_its_way(const pal__product_job *j, size_t r0, size_t columns)
{
    const pal__product *p = j->p;
    return p->n_terms == 1 && p->term[0].b_column == 1 && columns == j->wide && rows_of(j, r0) == j->kernels->rows;
}

/* Whether a panel has one short tile, which reads B where it is. */
static bool is_read_once(const pal__product_job *j, size_t r0, size_t r1, size_t columns)
{
    const pal__product *p = j->p;
    return r0 + 1 == r1 && rows_of(j, r0) <= j->kernels->few && p->n_terms == 1 && p->term[0].b_column == 1 &&
           columns == j->wide;
}

void pal__product_panel(const pal__product_job *j, pal__product_item item, size_t n0, size_t columns, size_t r0,
                        size_t r1, char *own, unsigned worker)
{
    const pal__product *p = j->p;
    const pal__product_kernels *k = j->kernels;
    const size_t vectors = parts(columns, k->lanes), all = all_steps(p);
    const bool packed = packs_a(p);
    const size_t each = pal__product_piece(all, PAL__PANEL_STEPS);
    char *panel = own + j->block_bytes;
    for (size_t k0 = 0; k0 < all; k0 += each) {
        const size_t steps = least(all - k0, each);
        const bool last = k0 + steps == all;
        const int64_t column = (int64_t)(last ? n0 + columns : n0), step = last ? 0 : (int64_t)(k0 + steps);
        const size_t coming = p->n_terms > 1 ? 0 : !last ? columns : least(p->n - n0 - columns, j->wide);
        const char *next = at(item.b[0], column * p->term[0].b_column + step * p->term[0].b_step, j->size);
        const bool packs = packs_on_its_way(j, r0, columns), in_place = is_read_once(j, r0, r1, columns);
        const char *b = at(item.b[0], (int64_t)k0 * p->term[0].b_step + (int64_t)n0, j->size);
        if (!packs && !in_place) pal__product_pack_b(j, &item, n0, columns, k0, k0 + steps, panel);
        for (size_t r = r0; r < r1; r++) {
            const size_t row = row_of(j, r), rows = rows_of(j, r);
            const char *a = own;
            const ahead soon =
                coming ? look_ahead(j, next, steps, coming, r - r0, r1 - r0) : next_block(j, item, row, k0, steps);
            if (packed)
                pal__product_pack_a(j, &item, row, rows, k0, k0 + steps, own);
            else
                a = at(item.a[0], (int64_t)row * p->term[0].a_row + (int64_t)k0, j->size);
            const int64_t a_row = packed ? 1 : p->term[0].a_row, a_step = packed ? (int64_t)k->rows : 1;
            char *c = (char *)item.c + ((int64_t)row * p->c_row + (int64_t)n0) * (int64_t)j->size;
            if (packs && r == r0)
                k->tile_packing(steps, a, a_row, a_step, b, p->term[0].b_step, panel, c, p->c_row, p->add || k0,
                                soon.from, soon.step);
            else
                k->tile(rows, columns, vectors, steps, a, a_row, a_step, in_place ? b : panel,
                        in_place ? p->term[0].b_step : 0, c, p->c_row, p->add || k0, soon.from, soon.step);
            pal_parallel_look(j->context, worker);
        }
    }
}

/* The unit is a tile. Those of a panel follow each other. */
void pal__product_panels_task(void *argument, size_t task, unsigned worker)
{
    const pal__product_job *j = argument;
    char *own = j->own + worker * j->own_bytes;
    size_t unit = task * j->units / j->tasks;
    const size_t end = (task + 1) * j->units / j->tasks;
    while (unit < end) {
        const size_t item = unit / (j->panels * j->blocks), panel = unit / j->blocks % j->panels;
        const size_t r0 = unit % j->blocks, r1 = least(j->blocks, r0 + end - unit);
        const size_t n0 = least(panel * j->wide, j->p->n);
        pal__product_panel(j, j->items(j->user, item), n0, least(j->p->n - n0, j->wide), r0, r1, own, worker);
        unit += r1 - r0;
    }
}

/* ---- One row ---------------------------------------------------------------------------------------------------- */

void pal__product_row(const pal__product_job *j, pal__product_item item, size_t n0, size_t n1)
{
    const pal__product_term *x = &j->p->term[0];
    j->kernels->row(n1 - n0, x->k, item.a[0], x->a_step, at(item.b[0], (int64_t)n0, j->size), x->b_step,
                    (char *)item.c + n0 * j->size, j->p->add);
}

/* Whole panels of each row. */
void pal__product_rows_task(void *argument, size_t task, unsigned worker)
{
    const pal__product_job *j = argument;
    (void)worker;
    for (size_t unit = task * j->units / j->tasks; unit < (task + 1) * j->units / j->tasks;) {
        const size_t item = unit / j->panels, first = unit % j->panels;
        const size_t end = least(j->panels, first + (task + 1) * j->units / j->tasks - unit);
        pal__product_row(j, j->items(j->user, item), first * j->wide, least(end * j->wide, j->p->n));
        unit += end - first;
    }
}
