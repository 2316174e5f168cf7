/* sum_type.h - the tree of a sum and its division among workers, for one real type T; included by sum.c. */

typedef T (*FN(block_fn))(const T *, size_t);
typedef void (*FN(columns_fn))(const T *, int64_t, size_t, size_t, T *);

static const FN(block_fn) FN(blocks)[PAL_ISA_COUNT] = KERNEL(sum_block);

/* Adds neighbours of equal size, like the carries of a binary counter. Each value has `width` numbers. */
typedef struct FN(tree) {
    size_t width;
    uint64_t count;
    T level[LEVELS][PAL__SUM_COLUMNS];
} FN(tree);

static void FN(tree_push)(FN(tree) * t, const T *value)
{
    uint64_t bits = t->count++;
    int at = 0;
    if (t->width == 1) {
        T sum = *value;
        for (; bits & 1; bits >>= 1, at++) sum = t->level[at][0] + sum;
        t->level[at][0] = sum;
        return;
    }
    T carry[PAL__SUM_COLUMNS];
    memcpy(carry, value, t->width * sizeof(T));
    for (; bits & 1; bits >>= 1, at++)
        for (size_t c = 0; c < t->width; c++) carry[c] = t->level[at][c] + carry[c];
    memcpy(t->level[at], carry, t->width * sizeof(T));
}

static void FN(tree_end)(const FN(tree) * t, T *out)
{
    bool any = false;
    for (size_t c = 0; c < t->width; c++) out[c] = 0;
    for (int at = 0; t->count >> at; at++) {
        if (!(t->count >> at & 1)) continue;
        for (size_t c = 0; c < t->width; c++) out[c] = any ? t->level[at][c] + out[c] : t->level[at][c];
        any = true;
    }
}

typedef struct FN(job) {
    const sum_layout *l;
    const T *x;
    T *out; /* units x outputs */
    size_t units, chunks, columns_a_chunk, outer;
    FN(block_fn) block;
    FN(columns_fn) columns;
} FN(job);

/* Terms first .. first+n-1 of the `width` neighbouring results at base, one row per term, copied to buffer run by run
 * if the rows do not lie at one distance. *stride: from row to row. */
static const T *FN(gather)(const sum_layout *l, const T *base, size_t first, size_t n, size_t width, T *buffer,
                           int64_t *stride)
{
    const int last = l->n_reduced - 1;
    const int64_t length = l->reduced[last], step = l->reduced_stride[last];
    int64_t at = (int64_t)first % length;
    *stride = step;
    if (at + (int64_t)n <= length && (width > 1 || step == 1)) return base + term_offset(l, first);
    *stride = (int64_t)width;
    for (T *to = buffer; n; at = 0) {
        const T *from = base + term_offset(l, first);
        size_t run = (size_t)(length - at) < n ? (size_t)(length - at) : n;
        first += run;
        n -= run;
        if (step == (int64_t)width) {
            /* The processor does not see runs that lie far apart come, so a later one is asked for here. */
            const uintptr_t later =
                (uintptr_t)from + (last ? AHEAD * (uintptr_t)l->reduced_stride[last - 1] : 0) * sizeof(T);
            for (size_t b = 0; b < run * width * sizeof(T); b += 64) __builtin_prefetch((const void *)(later + b));
            memcpy(to, from, run * width * sizeof(T));
            to += run * width;
            continue;
        }
        for (size_t r = 0; r < run; r++, from += step)
            for (size_t c = 0; c < width; c++) *to++ = from[c];
    }
    return buffer;
}

/* A task: one unit of terms for one chunk of neighbouring results, or for one result if columns is 1. */
static void FN(sum_task)(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const FN(job) *j = argument;
    const sum_layout *l = j->l;
    size_t unit = task % j->units, rest = task / j->units, chunk = rest % j->chunks, outer = rest / j->chunks;
    size_t first = unit * UNIT_TERMS, end = first + UNIT_TERMS < l->terms ? first + UNIT_TERMS : l->terms;
    size_t column = chunk * j->columns_a_chunk;
    size_t width = l->columns - column < j->columns_a_chunk ? l->columns - column : j->columns_a_chunk;
    const T *base = j->x + offset_of(outer, l->n_kept, l->kept, l->kept_stride) + column;
    FN(tree) tree;
    tree.width = width;
    tree.count = 0;
    T sums[PAL__SUM_COLUMNS], buffer[PAL__SUM_BLOCK * GATHERED];
    for (size_t at = first; at < end; at += PAL__SUM_BLOCK) {
        size_t n = end - at < PAL__SUM_BLOCK ? end - at : PAL__SUM_BLOCK;
        int64_t stride;
        const T *rows = FN(gather)(l, base, at, n, width, buffer, &stride);
        if (width == 1)
            sums[0] = j->block(rows, n);
        else
            j->columns(rows, stride, n, width, sums);
        FN(tree_push)(&tree, sums);
    }
    FN(tree_end)(&tree, j->out + unit * l->outputs + outer * l->columns + column);
}

/* Tasks run in ranges, a single one for a small sum, else at most 16, so that each range is worth its barrier. */
typedef struct FN(range) {
    FN(job) * job;
    size_t tasks, each;
} FN(range);

static void FN(range_task)(void *argument, size_t i, unsigned worker)
{
    const FN(range) *r = argument;
    size_t end = (i + 1) * r->each < r->tasks ? (i + 1) * r->each : r->tasks;
    for (size_t task = i * r->each; task < end; task++) FN(sum_task)(r->job, task, worker);
}

/* Each of n results from `parts` sums, `apart` from each other; those of the next result begin `next` further. */
static void FN(add_parts)(const T *sums, size_t parts, size_t apart, size_t n, size_t next, T *out)
{
    for (size_t o = 0; o < n; o++) {
        FN(tree) tree;
        tree.width = 1;
        tree.count = 0;
        for (size_t u = 0; u < parts; u++) FN(tree_push)(&tree, sums + u * apart + o * next);
        FN(tree_end)(&tree, out + o);
    }
}

static void FN(sum)(const pal_call *call, const sum_layout *l, pal_isa isa)
{
    static const FN(columns_fn) columns[PAL_ISA_COUNT] = KERNEL(sum_columns);
    if (!l->outputs) return;
    if (!l->terms) {
        memset(call->out, 0, l->outputs * sizeof(T));
        return;
    }
    size_t units = (l->terms + UNIT_TERMS - 1) / UNIT_TERMS;
    FN(job)
    job = {.l = l,
           .x = call->in[0],
           .units = units,
           .columns_a_chunk = l->n_reduced > 1 ? GATHERED : PAL__SUM_COLUMNS,
           .block = FN(blocks)[isa],
           .columns = columns[isa],
           .outer = l->outputs / l->columns};
    job.out = units > 1 ? call->scratch : call->out;
    job.chunks = (l->columns + job.columns_a_chunk - 1) / job.columns_a_chunk;
    size_t tasks = units * job.chunks * job.outer, terms = l->outputs * l->terms;
    FN(range) range = {&job, tasks, terms < 16384 ? tasks : (tasks + 15) / 16};
    pal_parallel(call->context, (tasks + range.each - 1) / range.each, FN(range_task), &range);
    if (units > 1) FN(add_parts)(call->scratch, units, l->outputs, l->outputs, 1, call->out);
}
