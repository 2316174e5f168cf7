/* product.c - our own matrix products, for processors with fused multiply-adds.
 *
 * In: matrices with any strides. Out: C, where each element is one chain of fused multiply-adds in the order of k. So
 * its bits depend neither on how the product is divided nor on the processor: AVX2 and AVX-512, any number of threads
 * and any lanes give the same ones. BLAS promises none of this, and is slower at the sizes of a network's layers.
 *
 * A product is divided into panels of B (some vectors wide) and blocks of A (some rows high). A panel and a block make
 * a tile of C (product_kernels.c). A panel is packed first: the kernel reads it once per block, and packed it lies in
 * the cache in one piece, whatever B's strides are.
 *
 * Two orders. By panels, if there are few rows: a worker packs a panel, which only it reads, and goes through the
 * blocks. B is a large weight then, read once from memory. By blocks, if there are many rows: the workers pack a part
 * of B that fits into the second-level cache, and then each block goes through all its panels. C is large then, and is
 * written row by row. Why not always so: the workers would wait for each other after every part of B.
 *
 * By blocks, the rows of C may go to a loop instead of memory (pal_call.follow): the update of a weight takes its
 * gradient while it is in the cache.
 *
 * X X' is symmetric, bit for bit. By blocks, only the tiles that reach the diagonal or are below it are made, and then
 * mirrored (product_mirror.c).
 *
 * Long sums are cut, so that what is packed stays in the cache. A sum goes on from the value in C, which loses nothing:
 * C and the sum have one type. A sum of two products is one longer sum: its terms are packed one behind the other. So
 * the gradient of a tied weight, which has two uses, is made once and not added to. */
#include "ops/product.h"

#include <string.h>

enum {
    PANEL_STEPS = 1024,     /* of the sum, in a panel: 192 KB */
    PART_STEPS = 400,       /* of the sum, in a part of B */
    PART_BYTES = 768 << 10, /* of a part of B */
    FEW_ROWS = 256,         /* up to here by panels */
    LEAST_WORK = 1 << 15,   /* multiplications for which a task is worth its claim */
    LINE = 64,
    /* BLAS has kernels for few columns. A product of 2 rows leaves most of a tile empty, and is still faster than
     * BLAS's. The same on all processors, since who multiplies decides the bits. */
    LEAST_N = 16,
    LEAST_K = 2
};

typedef struct job {
    const pal_context *context;
    const pal__product *p;
    const pal__product_kernels *kernels;
    pal__product_items items;
    const void *user;
    size_t size, wide, panels, blocks; /* bytes of an element; columns of a panel; panels and blocks of an item */
    size_t last_row;                   /* where the last block begins */
    size_t units, tasks;               /* what is divided, and into how many parts */
    char *packed, *own;                /* the part of B; room of own_bytes for each worker */
    size_t own_bytes, block_bytes;
    size_t k0, k1, n0, n1; /* by blocks: the part of B */
    bool symmetric;
} job;

const pal__product_kernels *pal__product_kernels_of(const pal_context *context, pal_dtype dtype)
{
#ifdef PAL_X86
    static const pal__product_kernels *const f32[PAL_ISA_COUNT] = {NULL, &pal__product_f32_avx2,
                                                                   &pal__product_f32_avx512};
    static const pal__product_kernels *const f64[PAL_ISA_COUNT] = {NULL, &pal__product_f64_avx2,
                                                                   &pal__product_f64_avx512};
    return (dtype == PAL_F32 ? f32 : f64)[pal_kernel_isa(context)];
#else
    (void)context, (void)dtype;
    return NULL;
#endif
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t parts(size_t n, size_t each) { return (n + each - 1) / each; }

/* The steps of a piece if a sum is cut into equal pieces of at most `most`, a multiple of 8: a short piece would read
 * and write C for little. */
static size_t piece(size_t steps, size_t most)
{
    const size_t pieces = parts(steps, most);
    return pieces > 1 ? (parts(steps, pieces) + 7) / 8 * 8 : steps;
}

static size_t all_steps(const pal__product *p)
{
    size_t k = 0;
    for (size_t t = 0; t < p->n_terms; t++) k += p->term[t].k;
    return k;
}

/* Whether blocks of A are packed: the kernel reads one term, and rows whose elements are neighbours. */
static bool packs_a(const pal__product *p) { return p->n_terms > 1 || p->term[0].a_step != 1; }
/* One row of A: no element of B is read twice, so nothing is packed. */
static bool is_row(const pal__product *p) { return p->m == 1 && p->n_terms == 1 && p->term[0].b_column == 1; }
static bool by_blocks(const pal__product *p)
{
    return p->items == 1 && !is_row(p) && (packs_a(p) || p->m > FEW_ROWS);
}

/* Where block r of A begins. */
static size_t row_of(const job *j, size_t r)
{
    return r + 1 < j->blocks ? r * j->kernels->rows : r < j->blocks ? j->last_row : j->p->m;
}
static size_t rows_of(const job *j, size_t r) { return row_of(j, r + 1) - row_of(j, r); }

/* ---- By panels ------------------------------------------------------------------------------------------------ */

static const char *at(const void *matrix, int64_t offset, size_t size)
{
    return (const char *)matrix + offset * (int64_t)size;
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

static void pack_a(const job *j, const pal__product_item *item, size_t row, size_t rows, size_t k0, size_t k1,
                   char *out)
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

static void pack_b(const job *j, const pal__product_item *item, size_t n0, size_t columns, size_t k0, size_t k1,
                   char *out)
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

/* What a tile asks for meanwhile: its share of what is packed next. */
typedef struct ahead {
    const char *from;
    int64_t step;
} ahead;

/* Tile `share` of `shares`. The rows of a panel have a few lines each: every some tiles ask for the next line of all
 * rows. The columns of a panel lie side by side. */
static ahead look_ahead(const job *j, const char *next, size_t steps, size_t columns, size_t share, size_t shares)
{
    const pal__product_term *p = &j->p->term[0];
    const int64_t size = (int64_t)j->size;
    if (p->b_column == 1) {
        const size_t lines = columns * j->size / LINE + 1, each = shares / lines + !(shares / lines);
        const size_t line = share / each;
        if (share % each || line >= lines) return (ahead){next, 0};
        return (ahead){next + line * LINE, p->b_step * size};
    }
    const int64_t bytes = (int64_t)columns * p->b_column * size / (int64_t)shares;
    return (ahead){next + (int64_t)share * bytes, bytes / (int64_t)steps + 1};
}

/* Where no panel follows: the next block of A. If there is one panel alone, A is read for the first time. */
static ahead next_block(const job *j, pal__product_item item, size_t row, size_t k0, size_t steps)
{
    const pal__product_term *p = &j->p->term[0];
    const size_t rows = j->kernels->rows;
    if (row + 2 * rows > j->p->m || k0 >= p->k) return (ahead){item.a[0], 0};
    const int64_t apart = packs_a(j->p) ? p->a_step : p->a_row * (int64_t)rows / (int64_t)steps + 1;
    return (ahead){at(item.a[0], (int64_t)(row + rows) * p->a_row + (int64_t)k0 * p->a_step, j->size),
                   apart * (int64_t)j->size};
}

/* Whether the first tile of a panel can pack it: with few rows of A, packing is a large part of a product. */
static bool packs_on_its_way(const job *j, size_t r0, size_t columns)
{
    const pal__product *p = j->p;
    return p->n_terms == 1 && p->term[0].b_column == 1 && columns == j->wide && rows_of(j, r0) == j->kernels->rows;
}

/* Whether a panel has one short tile, which reads B where it is. */
static bool is_read_once(const job *j, size_t r0, size_t r1, size_t columns)
{
    const pal__product *p = j->p;
    return r0 + 1 == r1 && rows_of(j, r0) <= j->kernels->few && p->n_terms == 1 && p->term[0].b_column == 1 &&
           columns == j->wide;
}

/* Blocks r0 .. r1-1 of the panel at column n0. */
static void run_panel(const job *j, pal__product_item item, size_t n0, size_t columns, size_t r0, size_t r1, char *own,
                      unsigned worker)
{
    const pal__product *p = j->p;
    const pal__product_kernels *k = j->kernels;
    const size_t vectors = parts(columns, k->lanes), all = all_steps(p);
    const bool packed = packs_a(p);
    const size_t each = piece(all, PANEL_STEPS);
    char *panel = own + j->block_bytes;
    for (size_t k0 = 0; k0 < all; k0 += each) {
        const size_t steps = least(all - k0, each);
        const bool last = k0 + steps == all;
        const int64_t column = (int64_t)(last ? n0 + columns : n0), step = last ? 0 : (int64_t)(k0 + steps);
        const size_t coming = p->n_terms > 1 ? 0 : !last ? columns : least(p->n - n0 - columns, j->wide);
        const char *next = at(item.b[0], column * p->term[0].b_column + step * p->term[0].b_step, j->size);
        const bool packs = packs_on_its_way(j, r0, columns), in_place = is_read_once(j, r0, r1, columns);
        const char *b = at(item.b[0], (int64_t)k0 * p->term[0].b_step + (int64_t)n0, j->size);
        if (!packs && !in_place) pack_b(j, &item, n0, columns, k0, k0 + steps, panel);
        for (size_t r = r0; r < r1; r++) {
            const size_t row = row_of(j, r), rows = rows_of(j, r);
            const char *a = own;
            const ahead soon =
                coming ? look_ahead(j, next, steps, coming, r - r0, r1 - r0) : next_block(j, item, row, k0, steps);
            if (packed)
                pack_a(j, &item, row, rows, k0, k0 + steps, own);
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
static void panels_task(void *argument, size_t task, unsigned worker)
{
    const job *j = argument;
    char *own = j->own + worker * j->own_bytes;
    size_t unit = task * j->units / j->tasks;
    const size_t end = (task + 1) * j->units / j->tasks;
    while (unit < end) {
        const size_t item = unit / (j->panels * j->blocks), panel = unit / j->blocks % j->panels;
        const size_t r0 = unit % j->blocks, r1 = least(j->blocks, r0 + end - unit);
        const size_t n0 = least(panel * j->wide, j->p->n);
        run_panel(j, j->items(j->user, item), n0, least(j->p->n - n0, j->wide), r0, r1, own, worker);
        unit += r1 - r0;
    }
}

/* ---- One row ---------------------------------------------------------------------------------------------------- */

static void run_row(const job *j, pal__product_item item, size_t n0, size_t n1)
{
    const pal__product_term *x = &j->p->term[0];
    j->kernels->row(n1 - n0, x->k, item.a[0], x->a_step, at(item.b[0], (int64_t)n0, j->size), x->b_step,
                    (char *)item.c + n0 * j->size, j->p->add);
}

/* Whole panels of each row. */
static void rows_task(void *argument, size_t task, unsigned worker)
{
    const job *j = argument;
    (void)worker;
    for (size_t unit = task * j->units / j->tasks; unit < (task + 1) * j->units / j->tasks;) {
        const size_t item = unit / j->panels, first = unit % j->panels;
        const size_t end = least(j->panels, first + (task + 1) * j->units / j->tasks - unit);
        run_row(j, j->items(j->user, item), first * j->wide, least(end * j->wide, j->p->n));
        unit += end - first;
    }
}

/* ---- By blocks ------------------------------------------------------------------------------------------------ */

static void pack_task(void *argument, size_t panel, unsigned worker)
{
    const job *j = argument;
    const size_t n0 = j->n0 + panel * j->wide, columns = least(j->n1 - n0, j->wide), steps = j->k1 - j->k0;
    const pal__product_item item = j->items(j->user, 0);
    (void)worker;
    pack_b(j, &item, n0, columns, j->k0, j->k1, j->packed + panel * j->wide * steps * j->size);
}

/* What tile t of `tiles` of a block asks for: the first one for the rows of A that follow, the others for what the loop
 * behind the product reads and writes beside these rows of C. So memory works while the processor multiplies: an update
 * of a weight reads and writes three times as many bytes as the weight has. */
static ahead block_ahead(const job *j, const char *next, size_t row, size_t rows, size_t t, size_t tiles)
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
static void run_block(const job *j, const char *a, const char *next, char *c, size_t row, size_t rows, size_t end)
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
static void take_over(const job *j, const char *c, char *fed, size_t rows)
{
    const size_t bytes = (j->n1 - j->n0) * j->size;
    for (size_t i = 0; i < rows; i++) memcpy(fed + i * bytes, c + ((size_t)j->p->c_row * i + j->n0) * j->size, bytes);
}

static void hand_over(const job *j, size_t row, size_t rows, const char *fed, unsigned worker)
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

static void blocks_task(void *argument, size_t task, unsigned worker)
{
    const job *j = argument;
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
            pack_a(j, &item, row, rows, j->k0, j->k1, own);
            a = own;
        }
        if (p->follow && p->add) take_over(j, c, fed, rows);
        run_block(j, a, next, p->follow ? fed : c + j->n0 * j->size, row, rows, end);
        if (p->follow) hand_over(j, row, rows, fed, worker);
        pal_parallel_look(j->context, worker);
    }
}

/* ---- A product ------------------------------------------------------------------------------------------------ */

/* The columns of a part of B, a multiple of a panel's; the parts are as equal as can be. */
static size_t part_columns(const job *j)
{
    const size_t steps = least(all_steps(j->p), PART_STEPS);
    const size_t most = PART_BYTES / j->size / (steps ? steps : 1) / j->wide;
    return parts(j->panels, parts(j->panels, most)) * j->wide;
}

/* The last rows have a short tile. If two short ones take them together with the block before, they do: 128 rows are
 * 20 tiles of 6 and 2 of 4, not 21 of 6 and one for 2. */
static size_t begin_of_last(const pal__product_kernels *k, size_t m)
{
    const size_t rest = m % k->rows, first = m - (rest ? rest : least(m, k->rows));
    return rest && first && k->rows + rest <= 2 * k->few ? first - k->rows + k->few : first;
}

static job make_job(const pal_context *context, const pal__product *p)
{
    job j = {.context = context,
             .p = p,
             .kernels = pal__product_kernels_of(context, p->dtype),
             .size = pal_dtype_size(p->dtype)};
    const pal__product_kernels *k = j.kernels;
    j.wide = k->vectors * k->lanes;
    j.panels = parts(p->n, j.wide);
    j.blocks = parts(p->m, k->rows);
    j.last_row = begin_of_last(k, p->m);
    j.block_bytes = (least(all_steps(p), PANEL_STEPS) * k->rows * j.size + LINE - 1) / LINE * LINE;
    const size_t panel = least(all_steps(p), PANEL_STEPS) * j.wide * j.size,
                 fed = p->follow ? k->rows * part_columns(&j) * j.size : 0;
    j.own_bytes = j.block_bytes + (by_blocks(p) ? fed : panel);
    j.own_bytes = (j.own_bytes + LINE - 1) / LINE * LINE + LINE; /* two workers share no line */
    return j;
}

size_t pal__product_own_bytes(const pal_context *context, const pal__product *p)
{
    const job j = make_job(context, p);
    return j.block_bytes + (least(all_steps(p), PANEL_STEPS) * j.wide * j.size + LINE - 1) / LINE * LINE;
}

void pal__product_alone(const pal_context *context, const pal__product *p, pal__product_item item, void *own)
{
    const job j = make_job(context, p);
    if (is_row(p)) {
        run_row(&j, item, 0, p->n);
        return;
    }
    for (size_t n0 = 0; n0 < p->n; n0 += j.wide) run_panel(&j, item, n0, least(p->n - n0, j.wide), 0, j.blocks, own, 1);
}

size_t pal__product_scratch(pal_context *context, const pal__product *p)
{
    const job j = make_job(context, p);
    const size_t part = by_blocks(p) ? part_columns(&j) * least(all_steps(p), PART_STEPS) * j.size : 0;
    return part + pal_worker_count(context) * j.own_bytes;
}

bool pal__product_ours(const pal_context *context, const pal__product *p)
{
    bool long_enough = true;
    for (size_t t = 0; t < p->n_terms; t++) long_enough &= p->term[t].k >= LEAST_K;
    return pal__product_kernels_of(context, p->dtype) && p->m && p->n >= LEAST_N && long_enough;
}

/* One part of the sum, so that a block is finished when it has gone through the panels of a part of B. */
bool pal__product_feeds(const pal_context *context, const pal__product *p)
{
    return pal__product_ours(context, p) && by_blocks(p) && all_steps(p) <= PART_STEPS;
}

/* Whether B is A'. */
static bool is_symmetric(const pal__product *p, pal__product_item item)
{
    const pal__product_term *x = &p->term[0];
    return p->n_terms == 1 && !p->add && !p->follow && p->m == p->n && item.a[0] == item.b[0] &&
           x->a_row == x->b_column && x->a_step == x->b_step;
}

void pal__product_run(pal_context *context, const pal__product *p, pal__product_items items, const void *user,
                      void *scratch)
{
    job j = make_job(context, p);
    const size_t workers = pal_worker_count(context);
    j.items = items;
    j.user = user;
    if (!by_blocks(p)) {
        j.own = scratch;
        j.units = p->items * j.panels * j.blocks;
        j.tasks = least(least(j.units, workers > 1 ? 2 * workers : 1),
                        parts(p->items * p->m * p->n * all_steps(p), LEAST_WORK));
        pal_parallel(context, j.tasks, is_row(p) ? rows_task : panels_task, &j);
        return;
    }
    const size_t columns = part_columns(&j), steps = piece(all_steps(p), PART_STEPS);
    j.packed = scratch;
    j.own = j.packed + columns * steps * j.size;
    j.symmetric = is_symmetric(p, items(user, 0));
    j.tasks = least(j.blocks, workers > 1 ? (j.symmetric ? 16 : 4) * workers : 1);
    for (j.n0 = 0; j.n0 < p->n; j.n0 = j.n1) {
        j.n1 = least(p->n, j.n0 + columns);
        for (j.k0 = 0; j.k0 < all_steps(p); j.k0 = j.k1) {
            j.k1 = least(all_steps(p), j.k0 + steps);
            pal_parallel(context, parts(j.n1 - j.n0, j.wide), pack_task, &j);
            pal_parallel(context, j.tasks, blocks_task, &j);
        }
    }
    if (j.symmetric) pal__product_mirror(context, p, items(user, 0).c);
}
