/* conv_direct.c - convolutions by our own kernels, without copies of patches.
 *
 * In: a call of one of the three operations (conv.c). Out: its result; or false: conv_run.c computes it.
 *
 * Each is a product C = A B whose A is read where the pixels are: row r and step q of A are from[r] + steps[q] elements
 * into a copy of the image that has zeros around it. This is the indirect convolution (Dukhan 2019, arXiv:1907.02129)
 * with sums of two offsets in place of a pointer for each element.
 *
 *                    rows of A                            steps of the sum                      columns of B
 *   conv2d           positions of the results             channel, kernel row, kernel column    channels of the results
 *   to_input         pixels of the images, by phases      the same, those that reach the phase  channels of the images
 *   to_weights       channel, kernel row, kernel column   positions of the results              channels of the results
 *
 * A phase: with a stride of s, pixels whose coordinates plus the padding leave the same rest modulo s are reached by
 * the same elements of the kernel. So to_input is a convolution of stride 1 for each phase, and no sum is scattered.
 *
 * C has its channels side by side. At the end of a block it is turned to planes of channels, while it is in the cache.
 *
 * Why: columns of patches are kh kw times as large as the image. If a row has 7 pixels, to copy them takes as long as
 * to multiply. Why not always: a vector of fewer than LEAST channels is mostly empty; a long row is not cut, so that a
 * block of it leaves the caches and its worker's memory grows; each of many phases is a product of few terms.
 *
 * Invariants: an element is one chain of fused multiply-adds in the order of its steps. Only to_weights depends on the
 * number of lanes: each has a part of the images, and their sums are added in order. So bits depend neither on threads,
 * nor on blocks, nor on the processor. */
#include "ops/conv_direct.h"

enum {
    LEAST = 8,             /* columns */
    POSITIONS = 256,       /* about so many in a block */
    BLOCK = 1 << 16,       /* elements of a block, if one row of one image has no more: it stays in the cache */
    LONG_ROW = 1 << 20,    /* elements of a block of one row: longer ones are not for us */
    MAX_PHASES = 64,       /* nor are strides above 8 where they make phases */
    EVEN = 8,              /* at least so many blocks, if there are as many images */
    MAX_TASKS = 1 << 12,   /* maximum of tasks; if there are more units, each task runs several */
    MAX_PARTIAL = 1 << 22, /* elements of the sums of all lanes */
    MAX_COPY = 1 << 24     /* elements of the copy of a block, pixels along its axes: no paddings of thousands */
};

static size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }
static size_t lines_of(const pal__conv_job *j, int64_t elements) { return lines((size_t)elements * j->size); }

/* How many images, or rows of one, a block has: few, since the weights stay in the cache in any case. */
static void choose_blocks(pal__conv_job *j)
{
    const int64_t rows = j->y.end - j->y.first, across = j->x.end - j->x.first;
    const int64_t fixed = j->inner * j->width * (j->y.span + 1),
                  row = j->inner * j->width * j->y.in + j->padded * j->x.target * j->y.phases;
    j->samples = least(ceiling(POSITIONS, rows * across), ceiling(j->c.n, EVEN));
    j->rows = least(rows, most(1, (BLOCK - fixed) / row));
    if (j->rows < rows) j->samples = 1;
    j->per_sample = ceiling(rows, j->rows);
    j->blocks = ceiling(j->c.n, j->samples) * j->per_sample;
    j->window = pal__conv_pixels(&j->y, 0, j->rows) * j->width;
}

static void choose_scratch(pal__conv_job *j)
{
    const int64_t written_rows = j->rows * j->y.phases, positions = j->samples * j->rows * (j->x.end - j->x.first);
    const int64_t spare = (int64_t)j->kernels->rows;
    j->copy_bytes = lines_of(j, j->samples * j->inner * j->window);
    if (j->role == PAL__TO_WEIGHTS) {
        j->panel_bytes = lines_of(j, positions * j->padded);
        j->value_bytes = lines_of(j, (j->inner * j->taps + 1) * j->padded);
        j->offset_bytes = lines((size_t)(2 * (j->inner * j->taps + spare) + positions) * sizeof(int32_t));
    } else {
        j->value_bytes = lines_of(j, (j->samples * written_rows * j->x.target + 1) * j->padded);
        j->offset_bytes = lines((size_t)(positions + spare) * sizeof(int32_t));
    }
    j->own_bytes = j->copy_bytes + j->panel_bytes + j->value_bytes + 2 * j->offset_bytes + 64;
}

static void divide(pal__conv_job *j)
{
    const int64_t lanes = (int64_t)j->call->lanes;
    if (j->role == PAL__TO_WEIGHTS) { /* lanes first; if their sums need too much memory, the channels too */
        const int64_t wanted = ceiling(lanes, j->c.groups), all = j->c.k * j->inner * j->taps;
        j->lanes = least(wanted, least(j->c.n, most(MAX_PARTIAL / all, 2)));
        j->parts = least(ceiling(wanted, j->lanes), j->inner);
        j->units = j->lanes * j->c.groups * j->parts;
    } else {
        const int64_t panels = ceiling(j->padded, (int64_t)(j->kernels->vectors * j->kernels->lanes));
        j->parts = most(1, least(panels, lanes / (j->blocks * j->c.groups)));
        j->units = j->blocks * j->c.groups * j->parts;
    }
    j->each = ceiling(j->units, MAX_TASKS);
}

/* Whether the numbers below can be computed at all, in 64 bits; and whether the layer is one for us. Not by `padded`,
 * which depends on the processor. */
static bool is_for_us(const pal__conv_job *j)
{
    const double high = (double)pal__conv_pixels(&j->y, j->y.first, j->y.end), wide = (double)j->width;
    const double stride = (double)j->y.in, phases = (double)j->y.phases * (double)j->x.phases;
    if (high > MAX_COPY || wide > MAX_COPY || stride > MAX_COPY || phases > MAX_PHASES) return false;
    return (double)j->inner * wide * ((double)j->y.span + 1) +
               (double)j->outer * (double)j->x.target * (double)j->y.phases <=
           LONG_ROW;
}

/* Whether an offset fits into 32 bits, wherever it points. */
static bool is_small(const pal__conv_job *j)
{
    const double copy = (double)j->samples * (double)j->inner * (double)j->window,
                 values = (double)j->own_bytes / (double)j->size,
                 weights = (double)j->c.k / (double)j->c.groups * (double)j->c.c * (double)j->taps;
    return copy < MAX_COPY && values < INT32_MAX && weights < INT32_MAX;
}

static bool begin(pal__conv_job *j, const pal_call *call, pal__conv_role role, const pal__conv *c)
{
    const int64_t channels = c->c / c->groups, rows = c->k / c->groups;
    const bool back = role == PAL__TO_INPUT;
    *j = (pal__conv_job){.call = call,
                         .kernels = pal__product_kernels_of(call->context, call->dtype),
                         .c = *c,
                         .role = role,
                         .size = pal_dtype_size(call->dtype),
                         .taps = c->kh * c->kw,
                         .inner = back ? rows : channels,
                         .outer = back ? channels : rows,
                         .sources = back ? c->k : c->c,
                         .targets = back ? c->c : c->k};
    const bool empty = !c->n || !c->h || !c->w || !c->oh || !c->ow || !c->kh || !c->kw || !channels || !rows;
    if (!j->kernels || empty || j->outer < LEAST) return false;
    const int64_t vector = (int64_t)j->kernels->lanes;
    j->padded = ceiling(j->outer, vector) * vector;
    j->y = pal__conv_axis_of(c, false, back);
    j->x = pal__conv_axis_of(c, true, back);
    j->width = pal__conv_pixels(&j->x, j->x.first, j->x.end);
    if (!is_for_us(j)) return false;
    choose_blocks(j);
    choose_scratch(j);
    divide(j);
    return is_small(j);
}

static size_t table_bytes(const pal__conv_job *j)
{
    return j->role == PAL__TO_WEIGHTS ? 0 : lines((size_t)(j->inner * j->taps) * sizeof(int32_t));
}

static size_t weight_bytes(const pal__conv_job *j)
{
    return j->role == PAL__TO_WEIGHTS ? 0 : lines_of(j, j->c.groups * j->inner * j->taps * j->padded);
}

size_t pal__conv_direct_scratch(const pal_call *call, pal__conv_role role, const pal__conv *c)
{
    pal__conv_job j;
    if (!begin(&j, call, role, c)) return 0;
    const int64_t partials = role == PAL__TO_WEIGHTS ? (j.lanes - 1) * j.c.k * j.inner * j.taps : 0;
    return 2 * table_bytes(&j) + weight_bytes(&j) + pal_worker_count(call->context) * j.own_bytes +
           lines_of(&j, partials);
}

static void run_task(void *argument, size_t task, unsigned worker)
{
    const pal__conv_job *j = argument;
    const int64_t first = (int64_t)task * j->each, end = least(first + j->each, j->units);
    for (int64_t unit = first; unit < end; unit++)
        (j->role == PAL__TO_WEIGHTS ? pal__conv_run_lane : pal__conv_run_block)(j, unit,
                                                                                j->own + worker * j->own_bytes);
}

static void add_lanes(const pal__conv_job *j)
{
    const int64_t n = j->c.k * j->inner * j->taps;
    for (int64_t lane = 1; lane < j->lanes; lane++) {
        const char *from = j->partial + (size_t)((lane - 1) * n) * j->size;
        if (j->size == sizeof(float))
            for (int64_t i = 0; i < n; i++) ((float *)(void *)j->target)[i] += ((const float *)(const void *)from)[i];
        else
            for (int64_t i = 0; i < n; i++) ((double *)(void *)j->target)[i] += ((const double *)(const void *)from)[i];
    }
}

bool pal__conv_direct(const pal_call *call, pal__conv_role role, const pal__conv *c, const void *source,
                      const void *other, void *target)
{
    pal__conv_job j;
    if (!begin(&j, call, role, c)) return false;
    j.source = source;
    j.other = other;
    j.target = target;
    j.steps = (int32_t *)call->scratch;
    j.weights = (int32_t *)(void *)((char *)call->scratch + table_bytes(&j));
    j.panels = (char *)call->scratch + 2 * table_bytes(&j);
    j.own = j.panels + weight_bytes(&j);
    j.partial = j.own + pal_worker_count(call->context) * j.own_bytes;
    if (role != PAL__TO_WEIGHTS) {
        const int64_t wide = (int64_t)(j.kernels->vectors * j.kernels->lanes);
        pal__conv_list_steps(&j);
        pal_parallel(call->context, (size_t)(j.c.groups * ceiling(j.padded, wide)), pal__conv_pack, &j);
    }
    pal_parallel(call->context, (size_t)ceiling(j.units, j.each), run_task, &j);
    if (role == PAL__TO_WEIGHTS) add_lanes(&j);
    return true;
}
