/* discover.c - finds the parameters of a model by recording it on temporary tapes.
 *
 * A variant does not declare its parameters: it requests them where it uses them. Recording the training loss of every
 * phase and the reconstruction on temporary tapes makes every request happen. Nothing is compiled or run. A variant
 * that fails in training or in an evaluation, or whose loss is not one number, fails here, with its name. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 2 };

static pal_var loss(pal_model *m, pal_var x, const pal_phase *phase)
{
    return pal_model_loss(m, &(pal_batch){.inputs = x, .labels = pal_model_labels(m, SAMPLES), .phase = phase});
}

/* Also what the other functions of the variant return, so that a failure there is found here. */
static pal_var reconstruction(pal_model *m, pal_var x, const pal_phase *phase)
{
    (void)phase;
    pal_model_classify(m, x);
    if (pal_model_has_posterior(m)) pal_model_posterior(m, x);
    return pal_model_reconstruct(m, x);
}

/* A variant that keeps a handle from one call to the next has a value of an older tape. dry_run keeps the older tapes
 * until all are recorded, so that such a handle is known for what it is. */
static bool is_of(pal_tape *tape, const char *what, pal_var v)
{
    if (!v.tape || v.tape == tape) return true;
    pal_tape_fail(tape, PAL_ERR_TAPE, "%s is a value of another tape: record it anew in each call, and keep no pal_var",
                  what);
    return false;
}

/* The loss is one real number, and training needs its gradient. */
static void check_loss(pal_tape *tape, pal_var loss)
{
    char shape[96];
    const pal_shape s = pal_shape_of(loss);
    if (!is_of(tape, "the loss", loss)) return;
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
    if (!is_of(tape, "the reconstruction", mean)) return;
    if (!pal_ok(mean))
        pal_tape_fail(tape, PAL_ERR_TAPE, "the reconstruction is a bad handle: let decode return a value");
    else if (s.rank != 2 || s.dim[0] != SAMPLES || s.dim[1] != features)
        pal_tape_fail(tape, PAL_ERR_SHAPE, "the reconstruction of %d samples is %s, not [%d,%lld]", (int)SAMPLES,
                      pal_shape_text(s, shape, sizeof shape), (int)SAMPLES, (long long)features);
}

/* *keep: receives the tape, for the caller to free. keep NULL: the tape is freed here. */
static pal_status dry_run(pal_model *m, pal_mode mode, pal_var (*record)(pal_model *, pal_var, const pal_phase *),
                          const pal_phase *phase, pal_tape **keep, pal_error *err)
{
    pal_tape *tape = pal_tape_new(m->context, m->dtype);
    if (keep) *keep = tape;
    if (!tape) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", m->variant->name);
    pal_model_begin(m, tape, mode);
    const pal_var made = record(m, pal_fill(tape, m->dtype, PAL_SHAPE(SAMPLES, pal_model_features(m)), 0.5), phase);
    if (record == loss && !pal_tape_status(tape)) check_loss(tape, made);
    if (record == reconstruction && !pal_tape_status(tape)) check_reconstruction(tape, made, pal_model_features(m));
    pal_model_end(m);
    pal_status status = pal_tape_status(tape);
    if (status) pal_error_set(err, status, "%s: %s", m->variant->name, pal_tape_error(tape));
    if (!keep) pal_tape_free(tape);
    return status;
}

enum { PHASES = 10000 }; /* more than any training has */

static int by_kind_and_name(const void *a, const void *b)
{
    const pal__parameter *p = a, *q = b;
    return p->fixed != q->fixed ? p->fixed - q->fixed : strcmp(p->name, q->name);
}

pal_status pal__model_discover(pal_model *m, pal_error *err)
{
    m->discovering = true;
    pal_phase phase;
    pal_tape *tapes[4] = {NULL};
    pal_status status = dry_run(m, PAL_TRAIN, loss, NULL, &tapes[0], err);
    for (size_t i = 0; !status && pal_model_phase(m, i, 1, &phase); i++)
        if (i == PHASES)
            status =
                pal_error_set(err, PAL_ERR_ARGUMENT, "%s: more than %d phases: let .phase return false after the last",
                              m->variant->name, (int)PHASES);
        else if (phase.loss)
            status = dry_run(m, PAL_TRAIN, loss, &phase, NULL, err);
    if (!status) status = dry_run(m, PAL_EVALUATE, loss, NULL, &tapes[1], err);
    /* Twice: the second time, what a function kept from the first is noticed. */
    if (!status) status = dry_run(m, PAL_EVALUATE, reconstruction, NULL, &tapes[2], err);
    if (!status) status = dry_run(m, PAL_EVALUATE, reconstruction, NULL, &tapes[3], err);
    for (size_t i = 0; i < 4; i++) pal_tape_free(tapes[i]);
    m->discovering = false;
    if (m->n_parameters) qsort(m->parameters, m->n_parameters, sizeof *m->parameters, by_kind_and_name);
    for (size_t i = 0; i < m->n_parameters; i++) m->n_fixed += m->parameters[i].fixed;
    return status;
}
