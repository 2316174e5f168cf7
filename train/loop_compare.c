/* loop_compare.c - the loss of a batch once more, after its step, for an optimiser that asks how far it fell.
 *
 * The two losses are of one function only if all is as it was but the weights: the noise, and the statistics of the
 * model. A step counts in them (--beta-warm-up). So they are kept before the step, and the program that measures reads
 * these copies. */
#include <stdlib.h>
#include <string.h>

#include "train/loop.h"

/* The statistics come after the parameters. */
static pal_tensor *statistic(const palt__loop *l, size_t i)
{
    return pal_model_parameter(l->model, pal_model_parameter_count(l->model) + i, NULL);
}

pal_status palt__loop_keeps(palt__loop *l, pal_error *err)
{
    const size_t n = pal_model_statistic_count(l->model);
    if (!n) return PAL_OK;
    pal_shape *shapes = calloc(n, sizeof *shapes);
    for (size_t i = 0; shapes && i < n; i++) shapes[i] = statistic(l, i)->shape;
    if (shapes) l->kept = pal_slab_new(pal_model_context(l->model), pal_model_dtype(l->model), shapes, n);
    free(shapes);
    return l->kept ? PAL_OK : palt__no_memory(err);
}

void palt__loop_keep(palt__loop *l)
{
    for (size_t i = 0; l->kept && i < l->kept->n; i++)
        memcpy(l->kept->part[i]->data, statistic(l, i)->data, pal_tensor_bytes(l->kept->part[i]));
}

/* Statistics that the loss does not read need no place. */
pal_status palt__loop_compare(palt__loop *l, const uint32_t *rows, pal_noise noise, uint64_t step, double before,
                              pal_error *err)
{
    for (size_t i = 0; l->kept && i < l->kept->n; i++)
        pal_bind(l->loss->program, statistic(l, i), l->kept->part[i]->data);
    const pal_status status = palt__stage_run(l->loss, l->data, rows, noise, err);
    if (status) return status;
    pal_optimizer_compare(l->optimizer, step, before, pal_tensor_get(pal_output(l->loss->program, 0), 0));
    return PAL_OK;
}
