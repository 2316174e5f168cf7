/* verify.c - the grammar of a tape, checked after every pass in debug builds. */
#include "autograd/internal.h"

#include <stddef.h>

static const char *check_entry(const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    if (!e->op) return "an entry without an operation";
    if (!pal_dtype_size((pal_dtype)e->dtype)) return "an entry without an element type";
    if (pal_shape_count(e->shape) < 0) return "an entry without a shape";
    if ((size_t)e->first + e->n > t->n_operands) return "operands beyond the end";
    if (e->op->arity >= 0 && e->op->op_class != PAL_CLASS_LEAF && e->op->op_class != PAL_CLASS_RANDOM &&
        e->n != (uint32_t)e->op->arity)
        return "a wrong number of operands";
    for (uint32_t i = 0; i < e->n; i++) {
        uint32_t in = pal__arg(t, id, i);
        if (in == 0 || in >= id) return "an operand that does not come before its reader";
        if (!pal__inside(t, e->region, pal__at(t, in)->region)) return "an operand inside a region that has ended";
    }
    if (e->op == &pal__op_leaf && (!e->tensor || !e->params.name)) return "a leaf without a tensor";
    if ((e->op == &pal__op_map_sum) != (e->body != 0)) return "a body without its map_sum";
    if (e->body && (!pal__inside(t, pal__at(t, e->body)->region, e->index) || e->body >= id)) return "a body elsewhere";
    return NULL;
}

/* What the shape rule says now is what was recorded. */
static const char *check_shape(const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    pal_shape shapes[8];
    pal_dtype dtypes[8];
    if (e->n > 8 || e->op->op_class == PAL_CLASS_LEAF || e->op->op_class == PAL_CLASS_REGION) return NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        shapes[i] = pal__at(t, pal__arg(t, id, i))->shape;
        dtypes[i] = (pal_dtype)pal__at(t, pal__arg(t, id, i))->dtype;
    }
    pal_infer r = {.n = e->n, .shapes = shapes, .dtypes = dtypes, .params = &e->params};
    if (!e->op->infer(&r)) return "operands that do not fit";
    return pal_shape_equal(r.shape, e->shape) && r.dtype == (pal_dtype)e->dtype ? NULL
                                                                                : "a shape that is not its rule's";
}

const char *pal__verify(const pal_tape *t)
{
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const char *wrong = check_entry(t, id);
        if (!wrong) wrong = check_shape(t, id);
        if (wrong) return wrong;
    }
    return NULL;
}
