/* loop_rows.c - the rows of each step of an epoch.
 *
 * They come from the order of the epoch. Those of a mapped file are asked for some steps in advance, so that the disk
 * works while the steps compute: a single step is shorter than the time in which a disk answers. */
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"

enum { AHEAD = 4096 }; /* samples */

int64_t palt__loop_samples(const palt__loop *l) { return (l->all + l->few) * l->parts; }

static int64_t samples_of_step(const palt__loop *l) { return l->o.batch * l->parts; }

static int64_t steps_ahead(const palt__loop *l)
{
    const int64_t steps = samples_of_step(l) > 0 ? AHEAD / samples_of_step(l) : 0;
    return steps > 1 ? steps : 1;
}

size_t palt__loop_order_bytes(int64_t samples)
{
    const int64_t listed = 1 << 24; /* pal_order has no list of more */
    return samples > listed ? 0 : (size_t)samples * sizeof(uint32_t);
}

pal_status palt__loop_order(palt__loop *l, pal_error *err)
{
    const size_t n = samples_of_step(l) > 0 ? (size_t)samples_of_step(l) : 1;
    l->order = pal_order_new((size_t)l->data->count, err);
    l->batch = malloc(n * sizeof *l->batch);
    l->ahead = malloc(n * sizeof *l->ahead);
    if (!l->order) return PAL_ERR_MEMORY;
    return l->batch && l->ahead ? PAL_OK : palt__no_memory(err);
}

pal_status palt__loop_shuffle(palt__loop *l, int64_t epoch, pal_error *err)
{
    const pal_status status = pal_order_set(l->order, l->o.seed, "order", (uint64_t)epoch);
    if (!status) return PAL_OK;
    return pal_error_set(err, status, "cannot compute the order of the samples in epoch %lld", (long long)epoch);
}

/* Asks for the rows of a step, if there is one. */
static void want(palt__loop *l, int64_t step)
{
    const int64_t n = samples_of_step(l);
    if (step >= l->progress.steps || pal_order_rows(l->order, (size_t)(step * n), (size_t)n, l->ahead)) return;
    const int64_t shard = l->o.batch / l->shards.count; /* of each batch, the shards of this process */
    for (int64_t part = 0; part < l->parts; part++)
        pal_dataset_want(l->data, l->ahead + part * l->o.batch + l->first_shard * shard,
                         (size_t)(l->local_shards * shard));
}

pal_status palt__loop_join(palt__loop *l, const uint32_t *rows, int64_t number, const uint32_t **out, pal_error *err)
{
    const size_t n = (size_t)l->shards.count, all = (size_t)l->all / n, few = (size_t)l->few / n;
    uint32_t *drawn = l->rows + l->all + l->few;
    const pal_status status = palt__labelled_rows(l->labelled, number, drawn, err);
    for (size_t i = 0; !status && i < n; i++) {
        memcpy(l->rows + i * (all + few), rows + i * all, all * sizeof *rows);
        memcpy(l->rows + i * (all + few) + all, drawn + i * few, few * sizeof *rows);
    }
    *out = l->rows + l->first_shard * l->shards.rows;
    return status;
}

const uint32_t *palt__loop_rows(palt__loop *l, int64_t step)
{
    const int64_t n = samples_of_step(l), ahead = steps_ahead(l);
    const bool begins = step == l->first || !step;
    for (int64_t k = begins ? 0 : ahead; l->data->store && k <= ahead; k++) want(l, step + k);
    pal_order_rows(l->order, (size_t)(step * n), (size_t)n, l->batch); /* the places are those of the epoch */
    return l->batch;
}
