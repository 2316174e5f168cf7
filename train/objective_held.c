/* objective_held.c - what products with a matrix of curvature have in common as long as x and the samples stay.
 *
 * In: the program of a chunk of products, as halves (pal_compile_halves). Out: the first half runs once for each point
 * and chunk, and not in every product. A minimiser makes ten to some hundred products at a point: then the forward
 * pass, and for the Hessian the backward pass, too, are computed once.
 *
 * What the halves keep is held for every chunk of a call, if that is not too much. The one program of all chunks is
 * bound to the memory of each in turn.
 *
 * Why x is compared with a copy: it is the caller's to change, and a comparison reads the weights once, which a product
 * does several times. */
#include <stdlib.h>
#include <string.h>

#include "train/objective.h"

enum { HELD_MOST = 256 << 20 }; /* bytes */

static int64_t calls_of(const palt__pass_of *p, int size)
{
    const int64_t rows = p->chunk[PALT__FULL].rows, chunks = rows ? p->count / rows : 0;
    return size == PALT__FULL ? chunks : 1;
}

static size_t bytes_of(const pal_halves *h)
{
    size_t bytes = 0;
    for (size_t i = 0; i < h->n_kept; i++) bytes += pal_tensor_bytes(h->kept[i]);
    return bytes;
}

size_t palt__held_bytes(const palt__pass_of *p, int size)
{
    const palt__stage *stage = p->chunk[size].stage;
    if (!stage || !stage->halves.once) return 0;
    return bytes_of(&stage->halves) * (size_t)calls_of(p, size) + pal_program_arena(stage->halves.once);
}

/* The first chunk has the tensors of the halves. */
static bool make_room(palt__pass_of *p, int size, const pal_halves *h)
{
    const int64_t n = calls_of(p, size);
    p->held[size] = calloc((size_t)n + 1, sizeof *p->held[size]);
    for (int64_t k = 1; p->held[size] && k < n; k++) {
        palt__held *held = &p->held[size][k];
        held->kept = calloc(h->n_kept + 1, sizeof(pal_tensor *));
        for (size_t i = 0; held->kept && i < h->n_kept; i++) {
            held->kept[i] = pal_tensor_new(h->context, h->kept[i]->dtype, h->kept[i]->shape);
            if (!held->kept[i]) return false;
        }
        if (!held->kept) return false;
    }
    return p->held[size] != NULL;
}

static void free_room(palt__pass_of *p, int size)
{
    const palt__stage *stage = p->chunk[size].stage;
    for (int64_t k = 0; p->held[size] && k < calls_of(p, size); k++) {
        palt__held *held = &p->held[size][k];
        for (size_t i = 0; held->kept && i < stage->halves.n_kept; i++) pal_tensor_free(held->kept[i]);
        free(held->kept);
    }
    free(p->held[size]);
    p->held[size] = NULL;
}

void palt__held_free(palt__pass_of *p)
{
    for (int i = 0; i < PALT__SIZES; i++) {
        free_room(p, i);
        palt__stage_free(p->chunk[i].stage);
        p->chunk[i].stage = NULL;
    }
}

palt__stage *palt__held_stage(pal_data_objective *o, palt__what kind, palt__pass_of *p, int size, pal_error *err)
{
    palt__chunk *c = &p->chunk[size];
    const bool cut = c->shards.count > 1;
    c->stage = palt__objective_stage(o, kind, p, c, cut ? NULL : o->v, NULL, NULL, false, err);
    if (!c->stage || cut) return c->stage;
    if (bytes_of(&c->stage->halves) <= HELD_MOST / (size_t)calls_of(p, size) && make_room(p, size, &c->stage->halves))
        return c->stage;
    free_room(p, size);
    palt__stage_free(c->stage);
    return c->stage = palt__objective_stage(o, kind, p, c, NULL, NULL, NULL, false, err);
}

pal_status palt__held_begin(pal_data_objective *o)
{
    const size_t bytes = pal_tensor_bytes(o->x->all);
    if (o->seen && !memcmp(o->seen, o->x->all->data, bytes)) return PAL_OK;
    if (!o->seen && !(o->seen = malloc(bytes))) return palt__no_memory(&o->err);
    memcpy(o->seen, o->x->all->data, bytes);
    o->moved++;
    return PAL_OK;
}

void palt__held_take(pal_data_objective *o, palt__pass_of *p, int size, int64_t k)
{
    palt__stage *stage = p->chunk[size].stage;
    if (!p->held[size]) return;
    const palt__held *held = &p->held[size][k];
    const pal_halves *h = &stage->halves;
    for (size_t i = 0; i < h->n_kept; i++) {
        void *data = (held->kept ? held->kept : h->kept)[i]->data;
        pal_bind(h->once, h->kept[i], data);
        pal_bind(h->again, h->kept[i], data);
    }
    stage->renew = held->moved != o->moved || held->taken != o->taken || held->group != o->group;
}

void palt__held_done(pal_data_objective *o, palt__pass_of *p, int size, int64_t k)
{
    if (!p->held[size]) return;
    palt__held *held = &p->held[size][k];
    held->moved = o->moved;
    held->taken = o->taken;
    held->group = o->group;
}
