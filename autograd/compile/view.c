/* view.c - where the elements of an entry lie, and the pass `materialise`, which puts copies where a view does not do.
 *
 * Views. The value of a movement operation (reshape, permute, slice, broadcast, ...) needs no storage of its own: it is
 * a base entry's storage read with an offset and strides. pal__views_reach composes such views, in the order of the
 * tape, so that a long row of movements costs one step each. If strides cannot express a movement of this operand,
 * materialise copies the operand first.
 *
 * The pass. In: a simplified tape. Out: the same tape with copies added, such that
 *     - operands of whole-operation kernels are contiguous and have storage (not views with gaps, not constants),
 *     - the value of an assign, and every output, is computed by a step: neither a leaf's own storage nor a constant.
 * Loops take any view and any constant: their loads know strides. The second point makes a write safe to schedule last:
 * the copy it may become reads a temporary and no leaf.
 *
 * Relies on: the view rule of each movement's descriptor. Leaves to fuse: operands that every step can take as they
 * are.
 *
 * Why not materialise every movement: transposes, slices and broadcasts are frequent in gradients, and each copy would
 * be one more pass over memory. */
#include "autograd/compile/internal.h"

#include <string.h>

bool pal__loop_class(const pal_op *op)
{
    return op->op_class == PAL_CLASS_ELEMENTWISE || op->op_class == PAL_CLASS_RANDOM;
}

static bool contiguous(pal_shape shape, const int64_t *stride)
{
    int64_t expected = 1;
    for (int a = shape.rank - 1; a >= 0; a--) {
        if (shape.dim[a] == 0) return true;
        if (shape.dim[a] != 1 && stride[a] != expected) return false;
        expected *= shape.dim[a];
    }
    return true;
}

static bool movement_view(const pal_tape *t, uint32_t id, const pal__view *operand, pal__view *v)
{
    const pal__entry *e = pal__at(t, id);
    const pal__entry *in = pal__at(t, pal__arg(t, id, 0));
    int64_t stride[PAL_MAX_RANK] = {0}, offset = 0;
    if (!e->op->view(in->shape, e->shape, e->params, operand->stride, stride, &offset)) {
        /* Strides cannot say it, but of contiguous elements in row-major order they could. */
        if (!operand->contiguous) return false;
        int64_t plain[PAL_MAX_RANK];
        pal__strides(*in->shape, plain);
        if (!e->op->view(in->shape, e->shape, e->params, plain, stride, &offset)) return false;
    }
    v->base = operand->base;
    v->offset = operand->offset + offset;
    for (int a = 0; a < PAL_MAX_RANK; a++) v->stride[a] = a < e->shape->rank ? stride[a] : 0;
    v->contiguous = contiguous(*e->shape, v->stride);
    return true;
}

/* Operands come first, so their views are known. */
static pal__view view_of(const pal__views *views, uint32_t id)
{
    const pal_tape *t = views->tape;
    const pal__entry *e = pal__at(t, id);
    pal__view v = {.base = id, .contiguous = true};
    if (e->op->op_class == PAL_CLASS_EFFECT) return views->of[pal__arg(t, id, 1)];
    if (e->op->op_class == PAL_CLASS_MOVEMENT && movement_view(t, id, &views->of[pal__arg(t, id, 0)], &v)) return v;
    pal__strides(*e->shape, v.stride);
    return v;
}

bool pal__views_reach(pal__views *views, uint32_t id)
{
    pal_context *c = views->tape->context;
    if (!views->of) {
        views->cap = views->tape->n_entries;
        views->of = pal__alloc(c, views->cap * sizeof *views->of);
        if (!views->of) return false;
        views->n = 1;
    }
    for (; views->n <= id; views->n++) {
        if (!pal__grow(c, (void **)&views->of, views->n, &views->cap, sizeof *views->of)) return false;
        views->of[views->n] = view_of(views, (uint32_t)views->n);
    }
    return true;
}

void pal__views_free(pal__views *views)
{
    pal__free(views->tape->context, views->of);
    views->of = NULL;
}

static pal_op_class class_of_base(const pal__views *views, uint32_t id)
{
    return pal__at(views->tape, views->of[id].base)->op->op_class;
}

bool pal__computed(const pal__views *views, uint32_t id)
{
    pal_op_class c = class_of_base(views, id);
    return views->of[id].contiguous && c != PAL_CLASS_LEAF && c != PAL_CLASS_CONSTANT;
}

bool pal__has_storage(const pal__views *views, uint32_t id)
{
    return views->of[id].contiguous && class_of_base(views, id) != PAL_CLASS_CONSTANT;
}

/* Whether the reader `e` can take its operand k, now `id` in the tape of the views, as it is. */
static bool takes(const pal__views *views, const pal__entry *e, uint32_t k, uint32_t id)
{
    const pal__view *v = &views->of[id];
    int64_t stride[PAL_MAX_RANK], offset;
    if (e->op->op_class == PAL_CLASS_EFFECT) return k == 0 || pal__computed(views, id);
    if (pal__loop_class(e->op)) return true; /* loads know strides and constants */
    if (e->op->op_class != PAL_CLASS_MOVEMENT) return pal__has_storage(views, id);
    return class_of_base(views, id) != PAL_CLASS_CONSTANT &&
           (v->contiguous ||
            e->op->view(pal__at(views->tape, id)->shape, e->shape, e->params, v->stride, stride, &offset));
}

/* Whether the reader can take all of its operands. What a region reads, its body's entries take one by one. */
static bool takes_all(const pal__views *views, const pal__entry *e, const uint32_t *in)
{
    for (uint32_t k = 0; k < e->n && e->op->op_class != PAL_CLASS_REGION; k++)
        if (!takes(views, e, k, in[k])) return false;
    return true;
}

static pal_var visit(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    pal__views *views = user;
    const pal__entry *e = pal__at(from, id);
    pal_var made = {.tape = to};
    uint32_t few[8], *ids = e->n > 8 ? pal__alloc(to->context, e->n * sizeof *ids) : few;
    views->tape = to;
    if (!ids || (to->n_entries > 1 && !pal__views_reach(views, (uint32_t)to->n_entries - 1))) {
        if (ids != few) pal__free(to->context, ids);
        return pal__out_of_memory(to, "compile");
    }
    for (uint32_t k = 0; k < e->n; k++) ids[k] = in[k].id;
    if (!takes_all(views, e, ids)) {
        for (uint32_t k = 0; k < e->n; k++)
            if (!takes(views, e, k, ids[k])) ids[k] = pal__copy(in[k]).id;
        pal__entry like = *e;
        like.scope = to->scope;
        like.block = to->block;
        like.region = to->region;
        if (to->status == PAL_OK) made = pal__var(to, pal__append(to, &like, ids, e->n));
    }
    if (ids != few) pal__free(to->context, ids);
    return made;
}

/* Whether every reader on the tape can take its operands as they are. */
static bool settled(const pal__views *views)
{
    const pal_tape *t = views->tape;
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (!takes_all(views, pal__at(t, id), pal__operands(t, pal__at(t, id)))) return false;
    return true;
}

bool pal__materialise(pal__graph *g, bool merge)
{
    pal__views views = {.tape = g->tape};
    if (!pal__views_reach(&views, (uint32_t)g->tape->n_entries - 1)) return false;
    if (!settled(&views)) {
        pal__graph next;
        pal__views_free(&views);
        bool ok = pal__rebuild(g->tape, g->outputs, g->n_outputs, merge, visit, &views, &next);
        if (ok) pal__graph_replace(g, &next);
        views.tape = g->tape;
        ok = ok && pal__views_reach(&views, (uint32_t)g->tape->n_entries - 1);
        if (!ok) return pal__views_free(&views), false;
    }
    g->tape->region = 0;
    bool ok = true;
    for (size_t i = 0; i < g->n_outputs && ok; i++) {
        uint32_t id = g->outputs[i];
        if (pal__at(g->tape, id)->op->op_class == PAL_CLASS_EFFECT || pal__computed(&views, id)) continue;
        g->outputs[i] = pal__copy(pal__var(g->tape, id)).id;
        ok = g->outputs[i] != 0;
    }
    pal__views_free(&views);
    return ok;
}
