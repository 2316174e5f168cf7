/* back.c - takes a step back as a whole, for a rule that is told whether the step has raised the loss.
 *
 * In: the weights before the step, and their average, of which set_step makes a copy. Out: the weights as they were,
 * bit for bit, whatever has moved them: the step of the rule, weight decay, the step of a parameter that is in no
 * layer. The average is then that of a step that moves nothing. What the rule has learnt of the gradient of the batch
 * stays: the factors, and Adam's means. The last step is 0, because it was no good direction.
 *
 * Why not subtract the step again: that rounds, needs the inverse of all that moves a weight, and cannot bring back a
 * weight that has become NaN. The copy is one number more for each weight. */
#include <stdlib.h>
#include <string.h>

#include "optim/optimizer.h"

bool pal__back_make(pal_optimizer *o, pal_context *context, pal_dtype dtype)
{
    pal_shape *shapes = calloc(o->n + 1, sizeof *shapes);
    if (!shapes) return false;
    for (size_t i = 0; i < o->n; i++) shapes[i] = o->parameters[i]->shape;
    o->before = pal_slab_new(context, dtype, shapes, o->n);
    if (o->kinds > o->own) o->average_before = pal_slab_new(context, dtype, shapes, o->n);
    free(shapes);
    return o->before && (o->average_before || o->kinds == o->own);
}

void pal__back_keep(pal_optimizer *o)
{
    if (o->dry) return;
    for (size_t i = 0; i < o->n; i++)
        memcpy(o->before->part[i]->data, o->parameters[i]->data, pal_tensor_bytes(o->parameters[i]));
    if (o->average_before)
        memcpy(o->average_before->all->data, o->state[o->own]->all->data, pal_tensor_bytes(o->average_before->all));
}

/* The formula of average.c, for the weights before the step. */
static void average_again(pal_optimizer *o, size_t i)
{
    const pal_tensor *w = o->parameters[i], *was = o->average_before->part[i];
    const double keep = pal_tensor_get(o->scalar[o->group[i]][PAL__KEEP], 0),
                 share = pal_tensor_get(o->scalar[o->group[i]][PAL__SHARE], 0);
    for (size_t e = 0; e < pal_tensor_count(w); e++) {
        const double kept = keep * pal_tensor_get(was, e);
        pal_tensor_set(o->state[o->own]->part[i], e, kept + (pal_tensor_get(w, e) - kept) * share);
    }
}

void pal__back_take(pal_optimizer *o)
{
    for (size_t i = 0; i < o->n; i++) {
        pal_tensor *step = o->kfac->moment[i][PAL__KFAC_STEP], *w = o->parameters[i];
        memcpy(w->data, o->before->part[i]->data, pal_tensor_bytes(w));
        if (o->average_before) average_again(o, i);
        if (step) memset(step->data, 0, pal_tensor_bytes(step));
    }
}
