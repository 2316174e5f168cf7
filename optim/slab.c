/* slab.c - many tensors in one aligned block, so that an operation on all of them is one loop and one write. */
#include "optim/optim.h"

#include <stdlib.h>

enum { ALIGN = 64 };

/* Elements from the start of a part to the start of the next one; -1: too many. */
static int64_t stride(pal_shape shape, pal_dtype dtype)
{
    int64_t unit = ALIGN / (int64_t)pal_dtype_size(dtype), count = pal_shape_count(shape);
    return count < 0 || count > INT64_MAX / 2 ? -1 : (count + unit - 1) / unit * unit;
}

static bool fill(pal_slab *slab, pal_context *context, pal_dtype dtype, const pal_shape *shapes, size_t n)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t size = stride(shapes[i], dtype);
        if (size < 0 || size > INT64_MAX / 2 - total) return false;
        total += size;
    }
    slab->part = calloc(n + 1, sizeof *slab->part);
    slab->all = pal_tensor_new(context, dtype, PAL_SHAPE(total));
    if (!slab->part || !slab->all) return false;
    char *at = slab->all->data;
    for (; slab->n < n; slab->n++) {
        slab->part[slab->n] = pal_tensor_wrap(context, dtype, shapes[slab->n], at);
        if (!slab->part[slab->n]) return false;
        at += (size_t)stride(shapes[slab->n], dtype) * pal_dtype_size(dtype);
    }
    return true;
}

pal_slab *pal_slab_new(pal_context *context, pal_dtype dtype, const pal_shape *shapes, size_t n)
{
    pal_slab *slab = context && pal_dtype_size(dtype) && (shapes || !n) ? calloc(1, sizeof *slab) : NULL;
    if (!slab || fill(slab, context, dtype, shapes, n)) return slab;
    pal_slab_free(slab);
    return NULL;
}

void pal_slab_free(pal_slab *slab)
{
    if (!slab) return;
    for (size_t i = 0; i < slab->n; i++) pal_tensor_free(slab->part[i]);
    pal_tensor_free(slab->all);
    free(slab->part);
    free(slab);
}
