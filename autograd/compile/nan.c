/* nan.c - finds the operation that made the first NaN, in programs compiled with check_nan.
 *
 * In: a step that has just run. Out: PAL_OK, or PAL_ERR_NUMERIC and a message that names the operation, its scope and
 * the element; or the leaf, if the NaN was in a leaf from the start. Every step before this one was looked through and
 * was clean, so the first NaN that is found was made here or was read from a leaf.
 *
 * Relies on: such programs are not fused, so that each result is in memory and belongs to one operation. Why not look
 * inside fused loops: their values never reach memory, and looking at each tile would slow every program. */
#include "autograd/compile/internal.h"

#include <math.h>
#include <stdio.h>

/* The first NaN among n elements; n: none. */
static size_t find(pal_dtype dtype, const void *data, size_t n)
{
    size_t i = 0;
    if (dtype == PAL_F32)
        while (i < n && !isnan(((const float *)data)[i])) i++;
    else if (dtype == PAL_F64)
        while (i < n && !isnan(((const double *)data)[i])) i++;
    else
        i = n;
    return i;
}

/* The name of a leaf with a NaN whose memory the address lies in; NULL: none. */
static const char *leaf_at(const pal_program *p, const void *address)
{
    for (size_t i = 0; i < p->n_leaves; i++) {
        const pal_tensor *t = p->leaves[i].leaf;
        const char *data = p->leaves[i].data;
        size_t n = pal_tensor_count(t);
        if ((const char *)address >= data && (const char *)address < data + pal_tensor_bytes(t) &&
            find(t->dtype, data, n) < n)
            return p->leaves[i].name;
    }
    return NULL;
}

static const char *guilty_leaf(const pal_program *p, const pal__step *s)
{
    const char *name = NULL;
    for (size_t i = 0; s->loop && i < s->loop->n_loads && !name; i++) name = leaf_at(p, s->loop->loads[i].data);
    for (size_t i = 0; !s->loop && i < s->call.n && !name; i++) name = leaf_at(p, s->call.in[i]);
    return name;
}

static void index_text(pal_shape shape, size_t i, char *text, size_t size)
{
    int64_t index[PAL_MAX_RANK];
    for (int a = shape.rank - 1; a >= 0; a--) {
        index[a] = (int64_t)(i % (size_t)shape.dim[a]);
        i /= (size_t)shape.dim[a];
    }
    size_t at = 0;
    text[0] = 0;
    for (int a = 0; a < shape.rank && at < size; a++)
        at += (size_t)snprintf(text + at, size - at, "%s%lld", a ? "," : " at element [", (long long)index[a]);
    if (shape.rank && at < size) snprintf(text + at, size - at, "]");
}

static pal_status tell(pal_program *p, const pal__step *s, size_t i)
{
    char where[160];
    index_text(s->call.shape, i, where, sizeof where);
    const char *leaf = guilty_leaf(p, s);
    snprintf(p->error, sizeof p->error, "%s%s%s: %s a NaN%s%s%s", s->op->name, *s->scope ? " in " : "", s->scope,
             leaf ? "passed on" : "made", where, leaf ? ", from leaf " : "", leaf ? leaf : "");
    return PAL_ERR_NUMERIC;
}

pal_status pal__find_nan(pal_program *p, const pal__step *s)
{
    if (!s->loop) {
        size_t n = (size_t)pal_shape_count(s->call.shape), i = find(s->call.dtype, s->call.out, n);
        return i < n ? tell(p, s, i) : PAL_OK;
    }
    for (size_t k = 0; k < s->loop->n_stores; k++) {
        size_t n = s->loop->count, i = find(s->loop->stores[k].dtype, s->loop->stores[k].data, n);
        if (i < n) return tell(p, s, i);
    }
    return PAL_OK;
}
