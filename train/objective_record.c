/* objective_record.c - the program of a chunk of a data set: the loss, and what is added to the vector of the result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/operation.h"
#include "ops/ops.h"
#include "train/objective.h"

typedef struct recording {
    pal_data_objective *o;
    palt__what kind;
    double share;         /* of a chunk */
    const char **trouble; /* receives why the loss is no function of the weights alone; NULL: it is not looked at */
    bool *matches;        /* receives whether there is a Gauss-Newton matrix */
} recording;

/* Products with J'HJ, over all matching losses. factor: of the matching loss in the loss. */
static pal_status gauss_newton(pal_model *model, pal_var loss, const pal_var *x, const pal_var *v, size_t n,
                               pal_var *out, pal_var *part)
{
    pal_status status = PAL_OK;
    for (size_t k = 0; !status && k < pal_model_match_count(model); k++) {
        pal_var z, term = pal_model_match_at(model, k, &z), factor, product;
        pal_var moved = pal_stop_gradient(pal_jvps(z, x, v, n));
        status = pal_grad(loss, &term, 1, &factor);
        if (!status) status = pal_hessian_product(term, &z, &moved, 1, &product);
        if (!status) status = pal_vjp(z, pal_mul(product, factor), x, n, part);
        for (size_t i = 0; i < n; i++) out[i] = k ? pal_add(out[i], part[i]) : part[i];
    }
    return status;
}

static bool draws(const char *text)
{
    char name[64];
    bool found = false;
    for (const char *at = text; at && !found && (at = strstr(at, " = "));) {
        at += 3;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " \n"), at);
        const pal_op *op = pal_op_find(name);
        found = op && op->op_class == PAL_CLASS_RANDOM;
    }
    return found;
}

/* An effect, such as a counter of the steps, is on the tape, but no part of the loss. */
static const char *trouble_of(pal_tape *tape, pal_var loss, pal_context *context)
{
    char *all = pal_tape_text(tape, NULL, 0), *text = pal_tape_text(tape, &loss, 1);
    const bool counts = all && strstr(all, " = assign "), noise = draws(text);
    pal_text_free(context, all);
    pal_text_free(context, text);
    return counts ? "counts" : noise ? "noise" : NULL;
}

static pal_status record_kind(const recording *r, pal_tape *tape, pal_var loss, const pal_var *x, pal_var *room)
{
    pal_data_objective *o = r->o;
    pal_var *g = room, *v = room + o->n;
    pal_status status = PAL_OK;
    if (r->kind == PALT__VALUE) return pal_tape_status(tape);
    for (size_t i = 0; i < o->n && (r->kind == PALT__HESSIAN || r->kind == PALT__GAUSS_NEWTON); i++)
        v[i] = pal_leaf(tape, o->v->part[i], NULL);
    if (r->kind == PALT__HESSIAN)
        status = pal_hessian_product(loss, x, v, o->n, g);
    else if (r->kind == PALT__GAUSS_NEWTON)
        status = gauss_newton(o->model, loss, x, v, o->n, g, v + o->n);
    else
        status = pal_grad(loss, x, o->n, g);
    for (size_t i = 0; i < o->n && !status; i++) {
        const pal_var sum = pal_leaf(tape, o->sums->part[i], NULL);
        const pal_var add = pal_all_mean(r->kind == PALT__DIAGONAL ? pal_square(g[i]) : g[i]);
        pal_assign(sum, pal_add(sum, r->share == 1 ? add : pal_scale(add, r->share)));
    }
    return pal_tape_status(tape);
}

/* A palt__record_fn. The loss is the only output. */
static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    const recording *r = user;
    pal_data_objective *o = r->o;
    const size_t all = pal_model_parameter_count(model);
    pal_var *leaves = calloc(all + 4 * o->n + 1, sizeof *leaves), *x = leaves + all;
    if (!leaves) {
        pal_tape_fail(in->tape, PAL_ERR_MEMORY, "out of memory");
        return 0;
    }
    pal_model_begin(model, in->tape, PAL_TRAIN);
    outputs[0] = pal_model_loss(model, &(pal_batch){.inputs = in->x,
                                                    .labels = in->labels,
                                                    .known = in->known,
                                                    .labelled_from = in->labelled_from,
                                                    .phase = o->whole ? NULL : &o->phase});
    pal_status status = pal_model_leaves(model, in->tape, leaves);
    pal_model_end(model);
    for (size_t i = 0; i < o->n; i++) x[i] = leaves[o->at[i]];
    for (size_t k = 0; r->matches && k < pal_model_match_count(model); k++) {
        pal_var z;
        size_t i = 0;
        pal_model_match_at(model, k, &z);
        while (i < all && leaves[i].id != z.id) i++;
        *r->matches |= i == all; /* not only of a penalty */
    }
    if (!status && r->trouble) *r->trouble = trouble_of(in->tape, outputs[0], pal_model_context(model));
    if (!status) status = record_kind(r, in->tape, outputs[0], x, x + o->n);
    outputs[0] = pal_all_mean(outputs[0]);
    free(leaves);
    return status || pal_tape_status(in->tape) ? 0 : 1;
}

palt__stage *palt__objective_stage(pal_data_objective *o, palt__what kind, const palt__pass_of *p,
                                   const palt__chunk *chunk, const pal_slab *moving, const char **trouble,
                                   bool *matches, bool record_only, pal_error *err)
{
    const bool labels =
        pal_model_classes(o->model) && o->data->labels && (o->whole || o->phase.stream != PAL_STREAM_ALL);
    recording r = {o, kind, (double)chunk->rows / (double)p->count, trouble, matches};
    const palt__stage_options options = {.rows = chunk->shards.rows * chunk->local,
                                         .shards = &chunk->shards,
                                         .lanes = o->o.lanes,
                                         .effects = true,
                                         .labels = labels,
                                         .known = o->data->known != NULL,
                                         .labelled_from = p->each ? chunk->rows / chunk->shards.count : 0,
                                         .record = record,
                                         .user = &r,
                                         .check_nan = o->o.check_nan,
                                         .profile = o->o.profile && kind == PALT__GRADIENT,
                                         .record_only = record_only,
                                         .moving = moving ? (const pal_tensor *const *)moving->part : NULL,
                                         .n_moving = moving ? moving->n : 0};
    return palt__stage_new(o->model, &options, err);
}
