/* loop_measure.c - when the test data are measured, and what becomes of their figures. */
#include <math.h>

#include "train/loop.h"

pal_evaluate_options palt__loop_measuring(const palt__loop *l)
{
    return (pal_evaluate_options){.struct_size = sizeof(pal_evaluate_options),
                                  .batch = l->o.batch,
                                  .seed = l->o.seed,
                                  .lanes = l->o.lanes,
                                  .jacobian_samples = -1,
                                  .communicator = l->o.communicator};
}

bool palt__loop_measures(const palt__loop *l)
{
    const int64_t epoch = l->step / l->progress.steps, last = l->before / l->progress.steps + l->phase.epochs;
    return l->evaluator && (l->o.test_every < 2 || epoch % l->o.test_every == 0 || epoch == last);
}

pal_status palt__loop_figures(palt__loop *l, pal_figures *figures, pal_error *err)
{
    pal_optimizer_swap(l->optimizer);
    const pal_status status = palt__agreed(&l->together, palt__evaluator_run(l->evaluator, figures, err));
    pal_optimizer_swap(l->optimizer);
    l->measured = l->step;
    return status;
}

void palt__loop_take(palt__loop *l, const pal_figures *figures)
{
    pal_progress *p = &l->progress;
    p->test_loss = figures->loss;
    p->squared_error = figures->squared_error;
    p->squared_error_corrupted = figures->squared_error_corrupted;
    p->error = l->few ? figures->error : (double)NAN;
    l->explained = pal_explained(figures->squared_error, l->baseline);
}

pal_status palt__loop_measure(palt__loop *l, pal_error *err)
{
    pal_figures figures;
    if (!l->evaluator || l->measured == l->step) return PAL_OK;
    const pal_status status = palt__loop_figures(l, &figures, err);
    if (!status) palt__loop_take(l, &figures);
    return status;
}
