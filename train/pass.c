/* pass.c - programs over all samples of a data set, in order, each exactly once; the batches may be divided among
 * processes.
 *
 * In: a model, what to record, samples. Out: a call after each batch, or sums over the batches.
 *
 * The batches are those of one process, whatever the number of processes, and so is the order in which their numbers
 * are added. A round takes some batches, the first ones for process 0, the next ones for process 1, and so on. Then all
 * processes exchange the numbers, and each adds up those of all. Why rounds: the memory does not grow with the data.
 * Why not one sum for each process: sums of sums have other bits, which would depend on the number of processes. */
#include <stdlib.h>

#include "train/internal.h"

enum {
    FULL,
    REMAINDER,
    STAGES,
    AHEAD = 16,         /* batches that are asked for at a time, and most of a process in a round */
    EXCHANGED = 1 << 24 /* bytes of a round, about; but at least one batch of each process */
};

struct palt__pass {
    const pal_dataset *data;
    int64_t count;
    uint32_t *rows; /* numbers of the samples; of some batches from `listed` on, if they are all in their order */
    bool in_order;
    int64_t listed; /* the first sample that is listed */
    int64_t batch, batches;
    palt__stage *stage[STAGES]; /* NULL: no such batch */
};

/* Samples whose rows are listed at a time: some whole batches, or all. */
static int64_t part_of(int64_t count, int64_t batch) { return batch > count / AHEAD ? count : AHEAD * batch; }

palt__pass *palt__pass_new(pal_model *model, const pal_dataset *data, int64_t count, const palt__stage_options *o,
                           pal_error *err)
{
    palt__pass *p = calloc(1, sizeof *p);
    if (p) p->rows = malloc((size_t)(o->which ? count : part_of(count, o->rows)) * sizeof *p->rows);
    if (!p || !p->rows) {
        palt__no_memory(err);
        palt__pass_free(p);
        return NULL;
    }
    p->in_order = !o->which;
    p->batch = o->rows;
    p->batches = count / o->rows + (count % o->rows != 0);
    for (int64_t i = 0; o->which && i < count; i++) p->rows[i] = o->which[i];
    p->data = data;
    p->count = count;
    const int64_t sizes[STAGES] = {count >= o->rows ? o->rows : 0, count % o->rows};
    for (int i = 0; i < STAGES; i++) {
        palt__stage_options options = *o;
        options.rows = sizes[i];
        options.known = data->known != NULL;
        if (!sizes[i] || (p->stage[i] = palt__stage_new(model, &options, err))) continue;
        palt__pass_free(p);
        return NULL;
    }
    return p;
}

void palt__pass_free(palt__pass *p)
{
    if (!p) return;
    for (int i = 0; i < STAGES; i++) palt__stage_free(p->stage[i]);
    free(p->rows);
    free(p);
}

static palt__stage *stage_of(const palt__pass *p, int64_t batch)
{
    return p->stage[batch < p->count / p->batch ? FULL : REMAINDER];
}

/* Lists the rows of some batches. Those of a mapped file are asked for in advance. */
static void list(palt__pass *p, int64_t first, int64_t batches)
{
    const int64_t from = first * p->batch, left = p->count - from,
                  n = batches <= left / p->batch ? batches * p->batch : left;
    if (p->in_order) p->listed = from;
    for (int64_t i = 0; p->in_order && i < n; i++) p->rows[i] = (uint32_t)(from + i);
    pal_dataset_want(p->data, p->rows + (from - p->listed), (size_t)n);
}

/* Up to AHEAD batches. */
static pal_status run_some(palt__pass *p, int64_t first, int64_t batches, uint64_t seed, palt__after_fn after,
                           void *user, pal_error *err)
{
    if (batches > 0) list(p, first, batches);
    for (int64_t b = first; b < first + batches; b++) {
        palt__stage *stage = stage_of(p, b);
        const int64_t at = b * p->batch;
        const pal_noise noise = {.seed = seed, .row = (uint64_t)at};
        const pal_status status = palt__stage_run(stage, p->data, p->rows + (at - p->listed), noise, err);
        if (status) return status;
        after(stage, user);
    }
    return PAL_OK;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

pal_status palt__pass_run(palt__pass *p, uint64_t seed, palt__after_fn after, void *user, pal_error *err)
{
    pal_status status = PAL_OK;
    for (int64_t first = 0; first < p->batches && !status; first += AHEAD)
        status = run_some(p, first, least(AHEAD, p->batches - first), seed, after, user, err);
    return status;
}

/* ---- Divided among processes ------------------------------------------------------------------------------------ */

typedef struct division {
    palt__pass *pass;
    const palt__sum *sum;
    void *user;
    const pal_communicator *communicator;
    int64_t size, rank;
    int64_t each; /* batches of a process in a round, at most */
    size_t part;  /* numbers of a process in a round: its status, then those of its batches */
    double *mine, *all, *next;
} division;

/* As equal rounds as possible, so that no process waits long for another one. */
static int64_t batches_each(int64_t batches, int64_t size, size_t n)
{
    const int64_t room = (int64_t)(EXCHANGED / (sizeof(double) * (n ? n : 1))) / size;
    const int64_t most = size * (room > AHEAD ? AHEAD : room > 1 ? room : 1);
    const int64_t rounds = batches ? (batches + most - 1) / most : 1;
    return (batches + rounds * size - 1) / (rounds * size);
}

static void give(const palt__stage *stage, void *user)
{
    division *d = user;
    d->sum->give(stage, d->next, d->user);
    d->next += d->sum->n;
}

/* Of process `rank` in the round that begins at batch `first`. */
static int64_t batches_of(const division *d, int64_t first, int64_t rank)
{
    const int64_t left = d->pass->batches - first - rank * d->each;
    return left < 0 ? 0 : least(left, d->each);
}

/* In the order of the batches. Not 0: a process has failed, and nothing is added. */
static int add_all(const division *d, int64_t first)
{
    for (int64_t r = 0; r < d->size; r++)
        if (d->all[(size_t)r * d->part] != PAL_OK) return -1;
    for (int64_t r = 0; r < d->size; r++) {
        const double *numbers = d->all + (size_t)r * d->part + 1;
        for (int64_t i = 0; i < batches_of(d, first, r); i++, numbers += d->sum->n)
            d->sum->add(numbers, stage_of(d->pass, first + r * d->each + i)->rows, d->user);
    }
    return 0;
}

static pal_status run_round(division *d, int64_t first, uint64_t seed, pal_error *err)
{
    pal_error own = {0};
    d->next = d->mine + 1;
    const pal_status mine =
        run_some(d->pass, first + d->rank * d->each, batches_of(d, first, d->rank), seed, give, d, &own);
    d->mine[0] = mine;
    pal_status status =
        pal_communicator_gather(d->communicator, d->mine, d->part * sizeof *d->mine, d->all, mine ? NULL : &own);
    if (status && mine) status = mine; /* which matters more */
    if (!status && add_all(d, first)) status = pal_communicator_agree(d->communicator, mine, &own);
    return status ? pal_error_set(err, status, "%s", own.text) : PAL_OK;
}

pal_status palt__pass_add(palt__pass *p, uint64_t seed, const pal_communicator *c, const palt__sum *sum, void *user,
                          pal_error *err)
{
    division d = {.pass = p, .sum = sum, .user = user, .communicator = c, .size = c ? c->size : 1};
    d.rank = c ? c->rank : 0;
    d.each = batches_each(p->batches, d.size, sum->n);
    d.part = 1 + (size_t)d.each * sum->n;
    d.mine = calloc((size_t)(1 + d.size) * d.part, sizeof *d.mine); /* what is not filled in is sent all the same */
    d.all = d.mine ? d.mine + d.part : NULL;
    pal_error own = {0};
    pal_status status = pal_communicator_agree(c, d.mine ? PAL_OK : palt__no_memory(&own), &own);
    for (int64_t first = 0; first < p->batches && !status; first += d.size * d.each)
        status = run_round(&d, first, seed, &own);
    free(d.mine);
    return status ? pal_error_set(err, status, "%s", own.text) : PAL_OK;
}
