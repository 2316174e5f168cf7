/* objective_chunks.c - which rows a call of an objective takes: its chunks, and how each is cut into shards.
 *
 * A chunk takes consecutive samples in the order of the objective.
 *
 * A loss with two streams is a mean over the rows of all samples plus a mean over rows of labelled ones. A chunk takes
 * its part of the labelled samples; rows that are left over have the label 0 everywhere, and the other labels are
 * scaled so that each counts as 1 / (number of labelled samples) in the sum over the chunks.
 *
 * Shards. A chunk whose rows can be divided among them is cut as a batch is (loop.c). One that cannot, such as most
 * remainders, is computed whole by every process. So the chunks, and the terms of a loss that are functions of a mean
 * over a chunk, are the same for any number of shards. For the diagonal, which needs the gradient of each sample, a
 * shard has one row; what is left over is computed one by one by every process. */
#include "train/objective.h"

enum { DIAGONAL_MOST = 256 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t palt__objective_samples(const pal_data_objective *o)
{
    return o->o.fixed_batch ? least(o->o.fixed_batch, o->count) : o->count;
}

/* Samples of a call of products; 0: those of the loss. */
static int64_t some_of(const pal_data_objective *o, palt__what kind)
{
    return kind >= PALT__HESSIAN ? least(o->o.curvature_samples, palt__objective_samples(o)) : 0;
}

int64_t palt__objective_first(const pal_data_objective *o, palt__what kind)
{
    const int64_t all = palt__objective_samples(o), some = some_of(o, kind);
    const int64_t first = o->taken % (o->count / all) * all;
    return some ? first + o->group % (all / some) * some : first;
}

/* Which part of the labelled samples a call takes, of as many as its part of all samples is. */
static int64_t labelled_part(const pal_data_objective *o, palt__what kind)
{
    const int64_t some = some_of(o, kind);
    if (!some) return o->taken;
    const int64_t parts = palt__objective_samples(o) / some;
    return o->o.fixed_batch ? o->taken * parts + o->group % parts : o->group;
}

/* How a chunk of so many samples is cut. */
static palt__chunk cut(const pal_data_objective *o, int64_t rows, int64_t each)
{
    const pal_communicator *c = o->o.communicator;
    palt__chunk chunk = {.rows = rows, .local = 1, .shards = {.struct_size = sizeof chunk.shards, .count = 1}};
    if (rows && rows % o->o.shards == 0) {
        chunk.shards.count = o->o.shards;
        chunk.shards.communicator = c;
        pal_shards_of(o->o.shards, c ? c->size : 1, c ? c->rank : 0, &chunk.first, &chunk.local);
    }
    chunk.shards.rows = (rows + each) / chunk.shards.count;
    return chunk;
}

void palt__objective_chunks(const pal_data_objective *o, palt__what kind, palt__pass_of *p)
{
    const int64_t some = some_of(o, kind), of = some ? some : palt__objective_samples(o);
    const bool alone = kind == PALT__DIAGONAL;
    p->count = alone ? least(of, DIAGONAL_MOST) : of;
    const int64_t rows = !alone                   ? least(o->o.batch, p->count)
                         : p->count < o->o.shards ? 1
                                                  : o->o.shards,
                  chunks = (p->count + rows - 1) / rows, left = p->count % rows;
    p->few = o->few ? (int64_t)((double)o->few * (double)p->count / (double)o->count + 0.5) : 0;
    if (o->few && !p->few) p->few = 1;
    p->each = (p->few + chunks - 1) / chunks;
    p->each = (p->each + o->o.shards - 1) / o->o.shards * o->o.shards;
    p->chunk[PALT__FULL] = cut(o, rows, p->each);
    p->chunk[PALT__REMAINDER] = cut(o, alone && left ? 1 : left, p->each);
}

/* Labelled sample k of a call becomes row `to` of a chunk, with the factor of its label. */
static void take_labelled(const pal_data_objective *o, const palt__pass_of *p, int64_t k, double share, int64_t to)
{
    const int64_t part = labelled_part(o, (palt__what)(p - o->pass));
    o->rows[to] = o->labelled[(part * p->few + least(k, p->few - 1)) % o->few];
    o->shares[to] = k < p->few ? share : 0;
}

const uint32_t *palt__objective_rows(pal_data_objective *o, const palt__pass_of *p, const palt__chunk *c, int64_t first,
                                     int64_t at)
{
    const int64_t all = c->rows / c->shards.count, few = p->each / c->shards.count, begin = c->first * c->shards.rows;
    const uint32_t *order = o->order + first + at;
    if (!p->each) return order + begin;
    const double share = (double)p->each * (double)p->count / ((double)p->few * (double)c->rows);
    int64_t k = at / p->chunk[PALT__FULL].rows * p->each, to = 0;
    for (int64_t s = 0; s < c->shards.count; s++) {
        for (int64_t i = 0; i < all; i++, to++) {
            o->rows[to] = *order++;
            o->shares[to] = 0;
        }
        for (int64_t i = 0; i < few; i++) take_labelled(o, p, k++, share, to++);
    }
    c->stage->shares = o->shares + begin;
    return o->rows + begin;
}
