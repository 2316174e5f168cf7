/* product_blocks.c - products by blocks of A (product.c).
 *
 * In: a job with a part of B. Out: rows of C, in memory or handed to a loop (pal_call.follow). The workers pack the
 * part of B together, and then each block goes through all its panels. */
#include "ops/product_job.h"

void pal__product_pack_task(void *argument, size_t panel, unsigned worker)
{
    const pal__product_job *j = argument;
    const size_t n0 = j->n0 + panel * j->wide, columns = least(j->n1 - n0, j->wide), steps = j->k1 - j->k0;
    const pal__product_item item = j->items(j->user, 0);
    (void)worker;
    pal__product_pack_b(j, &item, n0, columns, j->k0, j->k1, j->packed + panel * j->wide * steps * j->size);
}

/* What tile t of `tiles` of a block asks for: the first one for the rows of A that follow, the others for what the loop
 * behind the product reads and writes beside these rows of C. So memory works while the processor multiplies: an update
 * of a weight reads and writes three times as many bytes as the weight has. */
static ahead block_ahead(const pal__product_job *j, const char *next, size_t row, size_t rows, size_t t, size_t tiles)
{
    const pal__product *p = j->p;
    const pal_follow *f = p->follow;
    const ahead of_a = {next, p->term[0].a_step * (int64_t)j->size};
    const size_t columns = j->n1 - j->n0, steps = j->k1 - j->k0;
    if (!t || !f || !f->n_beside || columns != p->n) return of_a;
    const size_t at = (t - 1) * f->n_beside, each = tiles - 1, first = at / each;
    const struct pal_follow_beside *b = &f->beside[first];
    const size_t bytes = rows * columns * b->size, share = bytes * f->n_beside / each;
    const size_t within = bytes * (at - first * each) / each;
    return (ahead){(const char *)*b->data + row * columns * b->size + within, (int64_t)(share / steps + 1)};
}

/* Some rows of C from c on, as far as the part of B reaches, but not to column `end`. a: packed or not; next: the rows
 * of A that follow. */
static void run_block(const pal__product_job *j, const char *a, const char *next, char *c, size_t row, size_t rows,
                      size_t end)
{
    const pal__product *p = j->p;
    const pal__product_kernels *k = j->kernels;
    const size_t steps = j->k1 - j->k0, tiles = parts(end - j->n0, j->wide);
    const bool packed = packs_a(p);
    for (size_t t = 0; t < tiles; t++) {
        const size_t n0 = j->n0 + t * j->wide, columns = least(j->n1 - n0, j->wide);
        const ahead soon = block_ahead(j, next, row, rows, t, tiles);
        k->tile(rows, columns, parts(columns, k->lanes), steps, a, packed ? 1 : p->term[0].a_row,
                packed ? (int64_t)k->rows : 1, j->packed + (n0 - j->n0) * steps * j->size, 0,
                c + (n0 - j->n0) * j->size, p->follow ? (int64_t)(j->n1 - j->n0) : p->c_row, p->add || j->k0, soon.from,
                soon.step);
    }
}

/* With `follow` the part of B's columns in some rows of C is in `fed`, row by row. */
static void take_over(const pal__product_job *j, const char *c, char *fed, size_t rows)
{
    const size_t bytes = (j->n1 - j->n0) * j->size;
    for (size_t i = 0; i < rows; i++) memcpy(fed + i * bytes, c + ((size_t)j->p->c_row * i + j->n0) * j->size, bytes);
}

static void hand_over(const pal__product_job *j, size_t row, size_t rows, const char *fed, unsigned worker)
{
    const pal_follow *f = j->p->follow;
    const size_t n = j->p->n, columns = j->n1 - j->n0;
    if (columns == n) {
        f->take(f->user, row * n, rows * n, fed, worker);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        f->take(f->user, (row + i) * n + j->n0, columns, fed + i * columns * j->size, worker);
}

void pal__product_blocks_task(void *argument, size_t task, unsigned worker)
{
    const pal__product_job *j = argument;
    const pal__product *p = j->p;
    const pal__product_term *x = &p->term[0];
    const pal__product_item item = j->items(j->user, 0);
    const int64_t k0 = j->k0 < x->k ? (int64_t)j->k0 : 0;
    char *own = j->own + worker * j->own_bytes, *fed = own + j->block_bytes;
    for (size_t r = task * j->blocks / j->tasks; r < (task + 1) * j->blocks / j->tasks; r++) {
        const size_t row = row_of(j, r), rows = rows_of(j, r);
        const char *a = at(item.a[0], (int64_t)row * x->a_row + k0 * x->a_step, j->size);
        const char *next = a + (int64_t)rows * x->a_row * (int64_t)j->size;
        char *c = (char *)item.c + (int64_t)row * p->c_row * (int64_t)j->size;
        const size_t end = j->symmetric ? least(j->n1, row + rows) : j->n1;
        if (end <= j->n0) continue;
        if (packs_a(p)) {
            pal__product_pack_a(j, &item, row, rows, j->k0, j->k1, own);
            a = own;
        }
        if (p->follow && p->add) take_over(j, c, fed, rows);
        run_block(j, a, next, p->follow ? fed : c + j->n0 * j->size, row, rows, end);
        if (p->follow) hand_over(j, row, rows, fed, worker);
        pal_parallel_look(j->context, worker);
    }
}
