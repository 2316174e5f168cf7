/* resume.c - restores the state of an interrupted run from its checkpoint.
 *
 * The order of an epoch and all noise are functions of the seed and a clock. So the complete state is the weights, the
 * optimiser state, the step, and the sums of an unfinished epoch: of its losses and, with --gradient-sizes, of its
 * squared gradients. */
#include <math.h>
#include <string.h>

#include "train/rundir.h"

static pal_status malformed(const palt__checkpoint *c, const char *name, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s/" PALT__CHECKPOINT
                         ": cannot resume: %s is missing or invalid: restore the file from a copy of "
                         "the run",
                         palt__short_path(pal_rundir_path(c->dir)), name);
}

static pal_status copy_own(const palt__checkpoint *c, const char *name, pal_tensor *to, pal_error *err)
{
    const pal_tensor *from = pal_safetensors_find(c->file, name);
    if (!from || from->dtype != to->dtype || !pal_shape_equal(from->shape, to->shape)) return malformed(c, name, err);
    memcpy(to->data, from->data, pal_tensor_bytes(to));
    return PAL_OK;
}

/* Of several processes, the first reads. */
static pal_status copy(const palt__checkpoint *c, const char *name, pal_tensor *to, pal_error *err)
{
    pal_status status = palt__writes(c->together) ? copy_own(c, name, to, err) : PAL_OK;
    status = palt__agree(c->together, status, err);
    return status ? status : palt__share(c->together, to->data, pal_tensor_bytes(to), err);
}

static double number(const palt__checkpoint *c, const char *name, double otherwise)
{
    const pal_tensor *t = pal_safetensors_find(c->file, name);
    return t && pal_tensor_count(t) == 1 ? pal_tensor_get(t, 0) : otherwise;
}

/* Leaves c->file NULL without a checkpoint: the run ended before anything was saved (pal_rundir_resume). */
static pal_status open_file(palt__checkpoint *c, const pal_rundir *dir, pal_context *context, pal_error *err)
{
    pal_error own = {0};
    *c = (palt__checkpoint){.dir = dir};
    if (!pal_rundir_saved(dir)) return PAL_OK;
    c->file = pal_safetensors_open_at(context, dir->folder.descriptor, PALT__CHECKPOINT, &own);
    c->exists = c->file != NULL;
    return c->file ? PAL_OK : palt__folder_blame(&dir->folder, &own, err);
}

/* Of a run with so many steps. */
static pal_status read_numbers(palt__checkpoint *c, pal_context *context, int64_t steps, pal_error *err)
{
    const pal_status status = open_file(c, c->dir, context, err);
    if (status || !c->file) return status;
    const double step = number(c, "train/step", NAN);
    c->loss = number(c, "train/loss", 0);
    if (!(step >= 0) || step != floor(step) || step > (double)steps) return malformed(c, "train/step", err);
    if (!isfinite(c->loss)) return malformed(c, "train/loss", err);
    c->step = (int64_t)step;
    return PAL_OK;
}

pal_status palt__checkpoint_open(palt__checkpoint *c, const pal_rundir *dir, pal_model *model, int64_t steps,
                                 palt__together *together, pal_error *err)
{
    struct {
        int64_t exists, step;
        double loss;
    } known = {0};
    *c = (palt__checkpoint){.dir = dir};
    pal_status status = palt__writes(together) ? read_numbers(c, pal_model_context(model), steps, err) : PAL_OK;
    status = palt__agree(together, status, err);
    known.exists = c->exists;
    known.step = c->step;
    known.loss = c->loss;
    if (!status) status = palt__share(together, &known, sizeof known, err);
    c->together = together;
    c->exists = known.exists;
    c->step = known.step;
    c->loss = known.loss;
    if (status || !c->exists) return status;
    const char *name;
    pal_tensor *to;
    for (size_t i = 0; !status && (to = pal_model_parameter(model, i, &name)); i++) status = copy(c, name, to, err);
    return status;
}

pal_status palt__checkpoint_optimizer(const palt__checkpoint *c, pal_optimizer *optimizer, pal_error *err)
{
    pal_status status = PAL_OK;
    for (size_t i = 0; !status && i < pal_optimizer_state_count(optimizer); i++) {
        const char *name;
        pal_tensor *to = pal_optimizer_state(optimizer, i, &name);
        status = copy(c, name, to, err);
    }
    return status;
}

pal_status palt__checkpoint_gradients(const palt__checkpoint *c, palt__gradients *gradients, pal_error *err)
{
    pal_tensor *sums = palt__gradients_state(gradients);
    return sums ? copy(c, PALT__GRADIENTS, sums, err) : PAL_OK;
}

pal_status palt__checkpoint_minimiser(const palt__checkpoint *c, const pal_minimiser *minimiser, pal_error *err)
{
    pal_status status = PAL_OK;
    for (size_t i = 0; !status && i < pal_minimiser_state_count(minimiser); i++) {
        const char *name;
        pal_tensor *to = pal_minimiser_state(minimiser, i, &name);
        status = copy(c, name, to, err);
    }
    return status;
}

pal_status palt__checkpoint_step(const pal_rundir *dir, pal_context *context, int64_t *step, pal_error *err)
{
    palt__checkpoint c;
    *step = dir->reads && dir->step >= 0 ? dir->step : 0;
    if (dir->reads && dir->step >= 0) return PAL_OK;
    pal_status status = open_file(&c, dir, context, err);
    if (status || !c.file) return status;
    const double at = number(&c, "train/step", NAN);
    const bool good = at >= 0 && at < 0x1p53 && at == floor(at);
    if (good) *step = (int64_t)at;
    if (!good) status = malformed(&c, "train/step", err);
    palt__checkpoint_close(&c);
    return status;
}

void palt__checkpoint_close(palt__checkpoint *c)
{
    pal_safetensors_free(c->file);
    c->file = NULL;
    c->exists = false;
}
