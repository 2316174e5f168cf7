/* communicator_all.c - a sum over all processes, which goes on while other work is done.
 *
 * In: in each process, the sum over its shards. Out: in each process, the sum over all shards, with the same bits.
 * There are two ways; both add each element in the order of the tree, so they give the same bits.
 *
 * Rounds. From the lowest node above the shards of a process up to the root, the processes of both sides send each
 * other their sums, and all add. Process i of this side hears from process i of the other, modulo their number, so the
 * sides may have different numbers of processes. A small sum takes the fewest messages so.
 *
 * Halves. Where both sides always have equally many, a large sum goes through the nodes twice. On the way up a process
 * keeps one half of the elements of the last node, sends the other, and adds; so at the root each has a few elements of
 * the whole sum. On the way down they send each other what they have. A process sends 2 n elements at most, not n for
 * each node, and adds n (Rabenseifner, International Conference on Computational Science 2004). It can stop at the
 * root, so that the caller does something with the parts (compile/divide.c), and join any values of these parts later.
 */
#include "autograd/machine/communicator_internal.h"

/* From so many bytes on. Four threads on two cores: equal at 64 KiB (about 50 us), and at 1 MiB 270 us instead of 420.
 * Of two processes both ways send the same, and rounds take one step instead of two. */
enum { HALVES_FROM = 64 << 10, ALIGNED = 16 /* elements, at which parts begin */ };

struct pal__all {
    const pal_communicator *communicator; /* NULL: nothing to send */
    pal_context *context;
    pal__combine how;
    pal_dtype dtype;
    size_t n, width; /* elements of so many bytes */
    int tag;
    pal__level level[PAL__LEVELS_MOST];
    int levels;
    bool halves, parts, failed;
    char *values, *receive;
    int step, steps;
    int *ticket, tickets; /* of this step, not yet finished */
};

/* ---- Rounds ------------------------------------------------------------------------------------------------------ */

static void start(pal__all *all, int to, size_t out, int from, void *in, size_t n)
{
    if (all->failed) return;
    const pal_communicator *c = all->communicator;
    const int ticket = c->start(c->self, to, all->values + out * all->width, from, in, n * all->width, all->tag);
    if (ticket < 0)
        all->failed = true;
    else
        all->ticket[all->tickets++] = ticket;
}

static void begin_round(pal__all *all)
{
    const pal__level *l = &all->level[all->step];
    const int i = all->communicator->rank - l->mine, from = l->other + i % l->n_other;
    start(all, i < l->n_other ? l->other + i : -1, 0, from, all->receive, all->n);
    for (int to = i + l->n_mine; to < l->n_other; to += l->n_mine) start(all, l->other + to, 0, -1, NULL, all->n);
}

static void end_round(pal__all *all, bool alone)
{
    pal__plus(all->context, alone, all->how, all->dtype, all->n, all->values, all->values, all->receive);
}

/* ---- Halves ------------------------------------------------------------------------------------------------------ */

typedef struct range {
    size_t first, n; /* elements */
} range;

/* What a process has of the elements before it takes part in a node: `keep` of it afterwards, and not `give`. */
static void halves_at(const pal__all *all, int level, range *keep, range *give)
{
    *keep = (range){0, all->n};
    for (int i = 0; i <= level; i++) {
        const range first = {keep->first, keep->n / 2 / ALIGNED * ALIGNED},
                    second = {keep->first + first.n, keep->n - first.n};
        const bool is_left = all->level[i].mine < all->level[i].other;
        *keep = is_left ? first : second;
        *give = is_left ? second : first;
    }
}

static void begin_half(pal__all *all)
{
    const bool up = all->step < all->levels;
    const int level = up ? all->step : 2 * all->levels - 1 - all->step;
    const pal__level *l = &all->level[level];
    const int partner = l->other + all->communicator->rank - l->mine;
    range keep, give = {0, 0};
    halves_at(all, level, &keep, &give);
    const range out = up ? give : keep, in = up ? keep : give;
    start(all, -1, 0, partner, up ? all->receive : all->values + in.first * all->width, in.n);
    start(all, partner, out.first, -1, NULL, out.n);
}

static void end_half(pal__all *all, bool alone)
{
    if (all->step >= all->levels) return;
    range keep, give = {0, 0};
    halves_at(all, all->step, &keep, &give);
    char *at = all->values + keep.first * all->width;
    pal__plus(all->context, alone, all->how, all->dtype, keep.n, at, at, all->receive);
}

/* Whether all nodes above the processes have equally many on both sides. */
static bool is_even(int64_t count, int size)
{
    pal__level level[PAL__LEVELS_MOST];
    for (int rank = 0; rank < size; rank++) {
        const int levels = pal__levels(count, size, rank, level);
        for (int i = 0; i < levels; i++)
            if (level[i].n_mine != level[i].n_other) return false;
    }
    return true;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static size_t tickets_most(const pal__all *all)
{
    size_t most = 2;
    for (int i = 0; i < all->levels; i++) {
        const size_t n = (size_t)(all->level[i].n_other / all->level[i].n_mine) + 2;
        if (n > most) most = n;
    }
    return most;
}

pal__all *pal__all_new(pal_context *context, const pal_communicator *c, int64_t count, pal__combine how,
                       pal_dtype dtype, size_t n, int tag, bool parts)
{
    pal__all *all = pal__alloc(context, sizeof *all);
    if (!all) return NULL;
    all->context = context;
    all->communicator = c;
    all->how = how;
    all->dtype = dtype;
    all->n = n;
    all->width = pal_dtype_size(dtype);
    all->tag = tag;
    if (!c || !n) return all;
    all->levels = pal__levels(count, c->size, c->rank, all->level);
    all->halves = all->levels > !parts && n * all->width >= HALVES_FROM && is_even(count, c->size);
    all->parts = all->halves && parts;
    all->step = all->steps = all->halves && !parts ? 2 * all->levels : all->levels;
    if (!all->levels) return all;
    all->receive = pal__alloc(context, (all->halves ? n - n / 2 + ALIGNED : n) * all->width);
    all->ticket = pal__alloc(context, tickets_most(all) * sizeof *all->ticket);
    if (all->receive && all->ticket) return all;
    pal__all_free(context, all);
    return NULL;
}

void pal__all_free(pal_context *context, pal__all *all)
{
    if (!all) return;
    pal__free(context, all->receive);
    pal__free(context, all->ticket);
    pal__free(context, all);
}

/* ---- Run --------------------------------------------------------------------------------------------------------- */

static void begin(pal__all *all)
{
    if (all->step == all->steps) return;
    if (all->halves)
        begin_half(all);
    else
        begin_round(all);
}

void pal__all_start(pal__all *all, void *values)
{
    all->values = values;
    all->step = 0;
    if (all->parts) all->steps = all->levels;
    begin(all);
}

bool pal__all_part(const pal__all *all, size_t *first, size_t *n)
{
    range keep = {0, all->n}, give;
    if (all->parts) halves_at(all, all->levels - 1, &keep, &give);
    *first = keep.first;
    *n = keep.n;
    return all->parts;
}

void pal__all_join(pal__all *all, void *values)
{
    all->values = values;
    all->step = all->levels;
    all->steps = 2 * all->levels;
    begin(all);
}

/* Whether all transfers of this step are finished. */
static bool finished(pal__all *all)
{
    const pal_communicator *c = all->communicator;
    int left = 0;
    for (int i = 0; i < all->tickets && !all->failed; i++) {
        const int one = c->test(c->self, all->ticket[i]);
        if (one < 0) all->failed = true;
        if (!one) all->ticket[left++] = all->ticket[i];
    }
    all->tickets = left;
    return !left && !all->failed;
}

int pal__all_poll(pal__all *all, bool alone)
{
    while (all->step < all->steps && !all->failed) {
        if (!finished(all)) break;
        if (all->halves)
            end_half(all, alone);
        else
            end_round(all, alone);
        all->step++;
        begin(all);
    }
    return all->failed ? -1 : all->step == all->steps;
}
