/* view.c - where the elements of an entry lie, and the pass `materialise`, which puts copies where a view does not do.
 *
 * Views. The value of a movement operation (reshape, permute, slice, broadcast, ...) needs no storage of its own: it is
 * a base entry's storage read with an offset and strides. pal__view_of composes such views. If strides
 * cannot express a movement of this operand, materialise copies the operand first.
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
    if (!e->op->view(&in->shape, &e->shape, &e->params, operand->stride, stride, &offset)) {
        /* Strides cannot say it, but of contiguous elements in row-major order they could. */
        if (!operand->contiguous) return false;
        int64_t plain[PAL_MAX_RANK];
        pal__strides(in->shape, plain);
        if (!e->op->view(&in->shape, &e->shape, &e->params, plain, stride, &offset)) return false;
    }
    v->base = operand->base;
    v->offset = operand->offset + offset;
    for (int a = 0; a < PAL_MAX_RANK; a++) v->stride[a] = a < e->shape.rank ? stride[a] : 0;
    v->contiguous = contiguous(e->shape, v->stride);
    return true;
}

pal__view pal__view_of(const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    pal__view v = {.base = id, .contiguous = true}, operand;
    if (e->op->op_class == PAL_CLASS_EFFECT) return pal__view_of(t, pal__arg(t, id, 1));
    if (e->op->op_class == PAL_CLASS_MOVEMENT) {
        operand = pal__view_of(t, pal__arg(t, id, 0));
        if (movement_view(t, id, &operand, &v)) return v;
    }
    pal__strides(e->shape, v.stride);
    return v;
}

bool pal__computed(const pal_tape *t, uint32_t id)
{
    pal__view v = pal__view_of(t, id);
    pal_op_class c = pal__at(t, v.base)->op->op_class;
    return v.contiguous && c != PAL_CLASS_LEAF && c != PAL_CLASS_CONSTANT;
}

static bool has_storage(const pal_tape *t, uint32_t id)
{
    pal__view v = pal__view_of(t, id);
    return v.contiguous && pal__at(t, v.base)->op->op_class != PAL_CLASS_CONSTANT;
}

/* Whether the reader `e` can take its operand k, now `id` in tape t, as it is. */
static bool takes(const pal_tape *t, const pal__entry *e, uint32_t k, uint32_t id)
{
    if (e->op->op_class == PAL_CLASS_EFFECT) return k == 0 || pal__computed(t, id);
    if (pal__loop_class(e->op)) return true; /* loads know strides and constants */
    if (e->op->op_class != PAL_CLASS_MOVEMENT) return has_storage(t, id);
    pal__view v = pal__view_of(t, id);
    int64_t stride[PAL_MAX_RANK], offset;
    return pal__at(t, v.base)->op->op_class != PAL_CLASS_CONSTANT &&
           (v.contiguous || e->op->view(&pal__at(t, id)->shape, &e->shape, &e->params, v.stride, stride, &offset));
}

static pal_var visit(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    const pal__entry *e = pal__at(from, id);
    bool changed = false;
    (void)user;
    if (e->op->op_class == PAL_CLASS_REGION) return (pal_var){0}; /* its body's values are visited one by one */
    for (uint32_t k = 0; k < e->n && !changed; k++) changed = !takes(to, e, k, in[k].id);
    if (!changed) return (pal_var){0};
    uint32_t *ids = pal__alloc(to->context, e->n * sizeof *ids);
    pal_var made = {.tape = to};
    if (!ids) return pal__out_of_memory(to, "compile");
    for (uint32_t k = 0; k < e->n; k++) ids[k] = takes(to, e, k, in[k].id) ? in[k].id : pal__copy(in[k]).id;
    pal__entry like = *e;
    like.scope = to->scope;
    like.region = to->region;
    if (like.params.name) like.params.name = pal__intern(to, like.params.name, strlen(like.params.name));
    if (to->status == PAL_OK) made = pal__var(to, pal__append(to, &like, ids, e->n));
    pal__free(to->context, ids);
    return made;
}

bool pal__materialise(pal__graph *g, bool merge)
{
    pal__graph next;
    if (!pal__rebuild(g->tape, g->outputs, g->n_outputs, merge, visit, NULL, &next)) return false;
    pal__graph_replace(g, &next);
    for (size_t i = 0; i < g->n_outputs; i++) {
        uint32_t id = g->outputs[i];
        if (pal__at(g->tape, id)->op->op_class == PAL_CLASS_EFFECT || pal__computed(g->tape, id)) continue;
        g->tape->region = 0;
        g->outputs[i] = pal__copy(pal__var(g->tape, id)).id;
        if (!g->outputs[i]) return false;
    }
    return true;
}
