/* keep.c - what lives as long as the tape, each kept once: strings, shapes, parameters.
 *
 * In: a string, a shape or the parameters of an entry. Out: the tape's copy. An equal shape, and equal parameters, have
 * one copy on a tape, so entries point to it: most entries of a tape have one of a few shapes, and no parameters at
 * all. An entry is then a third as large, and comparing two is comparing pointers. Copies do not move, and rewinding
 * leaves them. */
#include "autograd/internal.h"

#include <string.h>

struct pal__block {
    struct pal__block *next;
    size_t used, size;
    char bytes[];
};

/* Room for `size` bytes, aligned to 8 if `whole` is true. */
static void *room(pal_tape *t, size_t size, bool whole)
{
    struct pal__block *b = t->arena.blocks;
    if (b && whole) b->used = (b->used + 7) & ~(size_t)7;
    if (!b || b->used > b->size || b->size - b->used < size) {
        const size_t all = size > 4000 ? size : 4000;
        b = pal__alloc(t->context, sizeof *b + all);
        if (!b) return NULL;
        b->size = all;
        b->next = t->arena.blocks;
        t->arena.blocks = b;
    }
    char *at = b->bytes + b->used;
    b->used += size;
    return at;
}

void pal__keep_end(pal_tape *t)
{
    for (struct pal__block *b = t->arena.blocks, *next; b; b = next) {
        next = b->next;
        pal__free(t->context, b);
    }
    pal__free(t->context, t->shapes);
    pal__free(t->context, t->params);
}

char *pal__intern(pal_tape *t, const char *text, size_t length)
{
    char *at = room(t, length + 1, false);
    if (!at) return NULL;
    memcpy(at, text, length);
    at[length] = 0;
    return at;
}

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

const pal_shape pal__scalar = {0};

static bool same_shape(const pal_shape *a, const pal_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, sizeof a->dim);
}

const pal_shape *pal__keep_shape(pal_tape *t, const pal_shape *shape)
{
    if (t->n_shapes && same_shape(t->shapes[t->last_shape], shape)) return t->shapes[t->last_shape];
    uint64_t hash = (uint64_t)shape->rank;
    for (int a = 0; a < PAL_MAX_RANK; a++) hash = hash * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)shape->dim[a];
    hash = pal__mix(0, hash);
    size_t at;
    for (uint32_t i = pal__table_first(&t->by_shape, hash, &at); i; i = pal__table_next(&t->by_shape, hash, &at))
        if (same_shape(t->shapes[i - 1], shape)) return t->shapes[t->last_shape = i - 1];
    pal_shape *kept = room(t, sizeof *kept, true);
    if (!kept || !pal__grow(t->context, (void **)&t->shapes, t->n_shapes, &t->cap_shapes, sizeof *t->shapes) ||
        !pal__table_add(t->context, &t->by_shape, hash, (uint32_t)t->n_shapes + 1))
        return NULL;
    kept->rank = shape->rank; /* not what lies between the members: programs compare shapes as bytes */
    memcpy(kept->dim, shape->dim, sizeof kept->dim);
    t->last_shape = (uint32_t)t->n_shapes;
    return t->shapes[t->n_shapes++] = kept;
}

/* ---- Parameters ----------------------------------------------------------------------------------------------- */

const pal_params pal__no_params = {0};

static bool same_params(const pal_params *a, const pal_params *b)
{
    return !memcmp(a->i, b->i, sizeof a->i) && !memcmp(a->r, b->r, sizeof a->r) &&
           (a->name == b->name || (a->name && b->name && !strcmp(a->name, b->name)));
}

const pal_params *pal__keep_params(pal_tape *t, const pal_params *params)
{
    if (!params || params == &pal__no_params || same_params(params, &pal__no_params)) return &pal__no_params;
    uint64_t hash = pal__hash_words(pal__hash_words(0, params->i, PAL_PARAM_INTS), params->r, 2);
    if (params->name) hash = pal__hash_bytes(hash, params->name, strlen(params->name));
    size_t at;
    for (uint32_t i = pal__table_first(&t->by_params, hash, &at); i; i = pal__table_next(&t->by_params, hash, &at))
        if (same_params(t->params[i - 1], params)) return t->params[i - 1];
    pal_params *kept = room(t, sizeof *kept, true);
    const char *name = params->name ? pal__intern(t, params->name, strlen(params->name)) : NULL;
    if (!kept || !name != !params->name ||
        !pal__grow(t->context, (void **)&t->params, t->n_params, &t->cap_params, sizeof *t->params) ||
        !pal__table_add(t->context, &t->by_params, hash, (uint32_t)t->n_params + 1))
        return NULL;
    *kept = *params;
    kept->name = name;
    return t->params[t->n_params++] = kept;
}
