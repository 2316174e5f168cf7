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
 * Two orders. By panels, if there are few rows, whose elements are neighbours: a worker packs a panel, which only it
 * reads, and goes through the blocks. B is a large weight then, read once from memory. By blocks, if there are many
 * rows: the workers pack a part of B that fits into the second-level cache, and then each block goes through all its
 * panels. C is large then, and is written row by row. Why not always so: the workers would wait for each other after
 * every part of B.
 *
 * By blocks, the rows of C may go to a loop instead of memory (pal_call.follow): the update of a weight takes its
 * gradient while it is in the cache.
 *
 * X X' is symmetric, bit for bit. By blocks, only the tiles that reach the diagonal or are below it are made, and then
 * mirrored (product_mirror.c).
 *
 * Long sums are cut, so that what is packed stays in the cache. A sum goes on from the value in C, which loses nothing:
 * C and the sum have one type. A sum of products is one longer sum: their terms are packed one behind the other. So the
 * gradient of a tied weight, which has several uses, is made once and not added to. */
#include "ops/product_job.h"

enum {
    PART_BYTES = 768 << 10, /* of a part of B */
    FEW_ROWS = 256,         /* up to here by panels, unless blocks of A are packed */
    LEAST_WORK = 1 << 15,   /* multiplications for which a task is worth its claim */
    /* BLAS has kernels for few columns. A product of 2 rows leaves most of a tile empty, and is still faster than
     * BLAS's. The same on all processors, since who multiplies decides the bits. */
    LEAST_N = 16,
    LEAST_K = 2
};

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

static bool by_blocks(const pal__product *p) { return p->items == 1 && !is_row(p) && (packs_a(p) || p->m > FEW_ROWS); }

/* The columns of a part of B, a multiple of a panel's; the parts are as equal as can be. */
static size_t part_columns(const pal__product_job *j)
{
    const size_t steps = least(all_steps(j->p), PAL__PART_STEPS);
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

static pal__product_job make_job(const pal_context *context, const pal__product *p)
{
    pal__product_job j = {.context = context,
                          .p = p,
                          .kernels = pal__product_kernels_of(context, p->dtype),
                          .size = pal_dtype_size(p->dtype)};
    const pal__product_kernels *k = j.kernels;
    j.wide = k->vectors * k->lanes;
    j.panels = parts(p->n, j.wide);
    j.blocks = parts(p->m, k->rows);
    j.last_row = begin_of_last(k, p->m);
    j.block_bytes = (least(all_steps(p), PAL__PANEL_STEPS) * k->rows * j.size + PAL__LINE - 1) / PAL__LINE * PAL__LINE;
    const size_t panel = least(all_steps(p), PAL__PANEL_STEPS) * j.wide * j.size,
                 fed = p->follow ? k->rows * part_columns(&j) * j.size : 0;
    j.own_bytes = j.block_bytes + (by_blocks(p) ? fed : panel);
    j.own_bytes = (j.own_bytes + PAL__LINE - 1) / PAL__LINE * PAL__LINE + PAL__LINE; /* two workers share no line */
    return j;
}

size_t pal__product_own_bytes(const pal_context *context, const pal__product *p)
{
    const pal__product_job j = make_job(context, p);
    return j.block_bytes +
           (least(all_steps(p), PAL__PANEL_STEPS) * j.wide * j.size + PAL__LINE - 1) / PAL__LINE * PAL__LINE;
}

void pal__product_alone(const pal_context *context, const pal__product *p, pal__product_item item, void *own)
{
    const pal__product_job j = make_job(context, p);
    if (is_row(p)) {
        pal__product_row(&j, item, 0, p->n);
        return;
    }
    for (size_t n0 = 0; n0 < p->n; n0 += j.wide)
        pal__product_panel(&j, item, n0, least(p->n - n0, j.wide), 0, j.blocks, own, 1);
}

size_t pal__product_scratch(pal_context *context, const pal__product *p)
{
    const pal__product_job j = make_job(context, p);
    const size_t part = by_blocks(p) ? part_columns(&j) * least(all_steps(p), PAL__PART_STEPS) * j.size : 0;
    return part + pal_worker_count(context) * j.own_bytes;
}

bool pal__product_ours(const pal_context *context, const pal__product *p)
{
    return pal__product_kernels_of(context, p->dtype) && p->m && p->n >= LEAST_N && all_steps(p) >= LEAST_K;
}

/* One part of the sum, so that a block is finished when it has gone through the panels of a part of B. */
bool pal__product_feeds(const pal_context *context, const pal__product *p)
{
    return pal__product_ours(context, p) && by_blocks(p) && all_steps(p) <= PAL__PART_STEPS;
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
    pal__product_job j = make_job(context, p);
    const size_t workers = pal_worker_count(context);
    j.items = items;
    j.user = user;
    if (!by_blocks(p)) {
        j.own = scratch;
        j.units = p->items * j.panels * j.blocks;
        j.tasks = least(least(j.units, workers > 1 ? 2 * workers : 1),
                        parts(p->items * p->m * p->n * all_steps(p), LEAST_WORK));
        pal_parallel(context, j.tasks, is_row(p) ? pal__product_rows_task : pal__product_panels_task, &j);
        return;
    }
    const size_t columns = part_columns(&j), steps = pal__product_piece(all_steps(p), PAL__PART_STEPS);
    j.packed = scratch;
    j.own = j.packed + columns * steps * j.size;
    j.symmetric = is_symmetric(p, items(user, 0));
    j.tasks = least(j.blocks, workers > 1 ? (j.symmetric ? 16 : 4) * workers : 1);
    for (j.n0 = 0; j.n0 < p->n; j.n0 = j.n1) {
        j.n1 = least(p->n, j.n0 + columns);
        for (j.k0 = 0; j.k0 < all_steps(p); j.k0 = j.k1) {
            j.k1 = least(all_steps(p), j.k0 + steps);
            pal_parallel(context, parts(j.n1 - j.n0, j.wide), pal__product_pack_task, &j);
            pal_parallel(context, j.tasks, pal__product_blocks_task, &j);
        }
    }
    if (j.symmetric) pal__product_mirror(context, p, items(user, 0).c);
}
