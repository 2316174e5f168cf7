/* discover.c - finds the parameters of a model by recording it on temporary tapes.
 *
 * A variant does not declare its parameters: it requests them where it uses them. Recording the training loss of every
 * phase and the reconstruction on temporary tapes makes every request happen. Nothing is compiled or run. A variant
 * that fails in training or in an evaluation, or whose loss is not one number, fails here, with its name. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

static pal_var loss(pal_model *m, pal_var x, const pal_phase *phase)
{
    return pal_model_loss(m, &(pal_batch){.inputs = x, .labels = pal_model_labels(m, 2), .phase = phase});
}

static pal_var reconstruction(pal_model *m, pal_var x, const pal_phase *phase)
{
    (void)phase;
    return pal_model_reconstruct(m, x);
}

/* The loss is one real number, and training needs its gradient. */
static void check_loss(pal_tape *tape, pal_var loss)
{
    char shape[96];
    const pal_shape s = pal_shape_of(loss);
    if (!pal_ok(loss))
        pal_tape_fail(tape, PAL_ERR_TAPE, "the loss is a bad handle: return a value of the model's tape");
    else if (s.rank)
        pal_tape_fail(tape, PAL_ERR_SHAPE, "the loss is %s, not one number: take its mean over the samples",
                      pal_shape_text(s, shape, sizeof shape));
    else if (!pal_dtype_real(pal_dtype_of(loss)))
        pal_tape_fail(tape, PAL_ERR_TYPE, "the loss is %s, not real", pal_dtype_name(pal_dtype_of(loss)));
}

static void check_reconstruction(pal_tape *tape, pal_var mean, int64_t features)
{
    char shape[96];
    const pal_shape s = pal_shape_of(mean);
    if (!pal_ok(mean))
        pal_tape_fail(tape, PAL_ERR_TAPE, "the reconstruction is a bad handle: let decode return a value");
    else if (s.rank != 2 || s.dim[1] != features)
        pal_tape_fail(tape, PAL_ERR_SHAPE, "the reconstruction is %s, not rows of %lld",
                      pal_shape_text(s, shape, sizeof shape), (long long)features);
}

static pal_status dry_run(pal_model *m, pal_mode mode, pal_var (*record)(pal_model *, pal_var, const pal_phase *),
                          const pal_phase *phase, pal_error *err)
{
    pal_tape *tape = pal_tape_new(m->context, m->dtype);
    if (!tape) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", m->variant->name);
    pal_model_begin(m, tape, mode);
    const pal_var made = record(m, pal_fill(tape, m->dtype, PAL_SHAPE(2, pal_model_features(m)), 0.5), phase);
    if (record == loss && !pal_tape_status(tape)) check_loss(tape, made);
    if (record == reconstruction && !pal_tape_status(tape)) check_reconstruction(tape, made, pal_model_features(m));
    pal_model_end(m);
    pal_status status = pal_tape_status(tape);
    if (status) pal_error_set(err, status, "%s: %s", m->variant->name, pal_tape_error(tape));
    pal_tape_free(tape);
    return status;
}

static int by_kind_and_name(const void *a, const void *b)
{
    const pal__parameter *p = a, *q = b;
    return p->fixed != q->fixed ? p->fixed - q->fixed : strcmp(p->name, q->name);
}

pal_status pal__model_discover(pal_model *m, pal_error *err)
{
    m->discovering = true;
    pal_phase phase;
    pal_status status = dry_run(m, PAL_TRAIN, loss, NULL, err);
    for (size_t i = 0; !status && pal_model_phase(m, i, 1, &phase); i++)
        if (phase.loss) status = dry_run(m, PAL_TRAIN, loss, &phase, err);
    if (!status) status = dry_run(m, PAL_EVALUATE, loss, NULL, err);
    if (!status) status = dry_run(m, PAL_EVALUATE, reconstruction, NULL, err);
    m->discovering = false;
    if (m->n_parameters) qsort(m->parameters, m->n_parameters, sizeof *m->parameters, by_kind_and_name);
    for (size_t i = 0; i < m->n_parameters; i++) m->n_fixed += m->parameters[i].fixed;
    return status;
}
