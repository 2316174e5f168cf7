/* graph_plumbing.c - plumbing: operations that only move, repeat, negate or convert values. A drawing shows them as
 * marks on the edges from the value to its readers, as one would draw it by hand.
 *
 * In: the looks and boxes of all entries. Out: plumbing is hidden, and `through` leads to its operand. What is plumbing
 * its descriptor says (PAL_PLUMBING); what the mark is follows from its class: T where the strides of its view are not
 * in descending order, the sign of its formula, S for a sum. A new shape needs no mark, because the edge has the shape.
 *
 * Not hidden: an output, the result of a region's body, a forward sum, what reads a constant, and what a block
 * contains, since the block hides it already, unless it is open. */
#include "autograd/text/internal.h"

#include <string.h>

static bool is_body(const pal__drawing *d, uint32_t id)
{
    const uint32_t region = pal__at(d->graph.tape, id)->region;
    return region && pal__at(d->graph.tape, d->owner[region])->body == id;
}

static bool is_plumbing(const pal__drawing *d, uint32_t id)
{
    const pal_tape *t = d->graph.tape;
    const pal__entry *e = pal__at(t, id);
    double value;
    if (d->look[id] != PAL__LOOK_OPERATION || !(e->op->capabilities & PAL_PLUMBING) || e->n != 1) return false;
    if (e->op->op_class == PAL_CLASS_REDUCTION && !e->order) return false;
    return !d->output[id] && !is_body(d, id) && (!d->boxes[d->box[id]].block || d->opens) &&
           !pal__constant_value(t, pal__arg(t, id, 0), &value);
}

void pal__draw_plumbing(pal__drawing *d)
{
    if (d->options.plumbing || d->options.times) return;
    for (uint32_t id = 1; id < d->n; id++) {
        if (!is_plumbing(d, id)) continue;
        d->through[id] = pal__arg(d->graph.tape, id, 0);
        d->look[id] = PAL__LOOK_HIDDEN;
    }
}

/* Whether the view walks through its operand in another order of the axes. */
static bool turns(const pal_tape *t, const pal__entry *e)
{
    const pal_shape *in = pal__at(t, pal__operands(t, e)[0])->shape;
    int64_t stride[PAL_MAX_RANK] = {0}, made[PAL_MAX_RANK] = {0}, offset = 0, before = 0;
    int64_t step = 1;
    for (int a = in->rank; a-- > 0; step *= in->dim[a]) stride[a] = step;
    if (!e->op->view || !e->op->view(in, e->shape, e->params, stride, made, &offset)) return false;
    for (int a = 0; a < e->shape->rank; a++) {
        if (e->shape->dim[a] == 1 || !made[a]) continue;
        if (before && made[a] > before) return true;
        before = made[a];
    }
    return false;
}

static const char *mark_of(const pal_tape *t, const pal__entry *e)
{
    if (e->op->op_class == PAL_CLASS_REDUCTION) return "&#931;";
    if (e->op->formula && e->op->formula[0] == '-') return "&#8722;";
    return turns(t, e) ? "&#7488;" : "";
}

bool pal__draw_moves(const pal__drawing *d, uint32_t id)
{
    for (; d->through[id]; id = d->through[id])
        if (*mark_of(d->graph.tape, pal__at(d->graph.tape, id))) return true;
    return false;
}

bool pal__draw_marks(FILE *f, const pal__drawing *d, uint32_t id)
{
    bool any = false;
    for (; d->through[id]; id = d->through[id]) {
        const char *mark = mark_of(d->graph.tape, pal__at(d->graph.tape, id));
        fputs(mark, f);
        any |= *mark != 0;
    }
    return any;
}
