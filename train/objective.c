/* objective.c - the training loss over a whole data set as a pal_objective: value, gradient and products with the
 * curvature.
 *
 * One program computes a chunk of the samples, another one the remainder. Each ends in effects that add what it has
 * computed, times its share of the samples, to the vector of the result. Their leaves are bound to the vectors of the
 * caller, and the parameters to the slab x, so that nothing is copied. The order of the samples is fixed, and the
 * noise of a sample follows from its place in it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/objective.h"

enum { CHUNK = 1000 };

/* Leaves that a program does not use need no place. */
static void bind(const pal_data_objective *o, const palt__stage *stage, const pal_slab *v, const pal_slab *sums)
{
    for (size_t i = 0; i < o->n; i++) {
        pal_bind(stage->program, o->parameters[i], o->x->part[i]->data);
        if (stage->halves.once) pal_bind(stage->halves.once, o->parameters[i], o->x->part[i]->data);
        if (v) pal_bind(stage->program, o->v->part[i], v->part[i]->data);
        if (sums) pal_bind(stage->program, o->sums->part[i], sums->part[i]->data);
    }
}

static bool is_product(palt__what kind) { return kind == PALT__HESSIAN || kind == PALT__GAUSS_NEWTON; }

static pal_status make_pass(pal_data_objective *o, palt__what kind)
{
    palt__pass_of *p = &o->pass[kind];
    if (p->chunk[PALT__FULL].stage) return PAL_OK;
    palt__objective_chunks(o, kind, p);
    for (int i = 0; i < PALT__SIZES; i++) {
        palt__chunk *c = &p->chunk[i];
        if (!c->rows) continue;
        c->stage = is_product(kind) ? palt__held_stage(o, kind, p, i, &o->err)
                                    : palt__objective_stage(o, kind, p, c, NULL, NULL, NULL, false, &o->err);
        if (c->stage) continue;
        palt__held_free(p);
        return o->err.status ? o->err.status : PAL_ERR_MEMORY;
    }
    return PAL_OK;
}

/* All chunks of a call; sums: NULL for the value alone. */
static pal_status run(pal_data_objective *o, palt__what kind, const pal_slab *v, pal_slab *sums, double *value)
{
    palt__pass_of *p = &o->pass[kind];
    o->err = (pal_error){0};
    pal_status status = make_pass(o, kind);
    const double began = palt__seconds();
    o->calls[kind]++;
    const int64_t first = palt__objective_first(o, kind);
    int64_t at = 0;
    *value = 0;
    if (!status && is_product(kind)) status = palt__held_begin(o);
    if (!status && sums) memset(sums->all->data, 0, pal_tensor_bytes(sums->all));
    for (int i = 0; i < PALT__SIZES && !status; i++) {
        const palt__chunk *c = &p->chunk[i];
        if (!c->stage) continue;
        bind(o, c->stage, v, sums);
        for (int64_t k = 0; at + c->rows <= p->count && !status; at += c->rows, k++) {
            if (o->o.stop && o->o.stop(o->o.user)) return PAL_ERR_STOPPED;
            const pal_noise noise = {.seed = o->o.seed, .row = (uint64_t)(first + at)};
            palt__held_take(o, p, i, k);
            status = palt__stage_run(c->stage, o->data, palt__objective_rows(o, p, c, first, at), noise, &o->err);
            if (!status) palt__held_done(o, p, i, k);
            *value += pal_tensor_get(pal_output(c->stage->program, 0), 0) * ((double)c->rows / (double)p->count);
            o->runs += kind == PALT__GRADIENT && i == PALT__FULL;
        }
    }
    if (kind == PALT__GRADIENT) o->seconds += palt__seconds() - began;
    return status;
}

static pal_status evaluate(double *value, pal_slab *gradient, void *user)
{
    const pal_status status = run(user, gradient ? PALT__GRADIENT : PALT__VALUE, NULL, gradient, value);
    if (status != PAL_ERR_NUMERIC) return status;
    *value = NAN; /* such as a trial step that is too long: the minimiser takes a shorter one */
    return PAL_OK;
}

static pal_status product(palt__what kind, const pal_slab *v, pal_slab *out, void *user)
{
    double value;
    const pal_status status = run(user, kind, v, out, &value);
    if (status != PAL_ERR_NUMERIC) return status;
    memset(out->all->data, 0xff, pal_tensor_bytes(out->all)); /* every element a NaN */
    return PAL_OK;
}
static pal_status hessian(const pal_slab *v, pal_slab *out, void *user) { return product(PALT__HESSIAN, v, out, user); }
static pal_status matrix(const pal_slab *v, pal_slab *out, void *user)
{
    return product(PALT__GAUSS_NEWTON, v, out, user);
}
static pal_status diagonal(pal_slab *out, void *user) { return product(PALT__DIAGONAL, NULL, out, user); }

static int stop(void *user)
{
    const pal_data_objective *o = user;
    return o->o.stop ? o->o.stop(o->o.user) : 0;
}

/* ---- Life ----------------------------------------------------------------------------------------------------- */

static pal_status permute(const pal_data_objective *o, const char *stream, const uint32_t *of, int64_t n,
                          uint32_t **out, pal_error *err)
{
    *out = malloc((size_t)n * sizeof **out);
    if (!*out) return palt__no_memory(err);
    const pal_status status = pal_epoch_order(o->o.seed, stream, 0, *out, (size_t)n);
    for (int64_t i = 0; of && !status && i < n; i++) (*out)[i] = of[(*out)[i]];
    return status ? pal_error_set(err, status, "cannot compute the order of the samples") : PAL_OK;
}

static pal_status find_samples(pal_data_objective *o, pal_error *err)
{
    const bool streams = !o->whole && pal_model_classes(o->model) && o->phase.stream != PAL_STREAM_ALL;
    o->count = o->data->count;
    if (!streams) return permute(o, "objective", NULL, o->count, &o->order, err);
    palt__labelled *labelled = palt__labelled_new(o->model, o->data, 1, o->o.seed, err);
    if (!labelled) return PAL_ERR_ARGUMENT;
    int64_t n;
    const uint32_t *rows = palt__labelled_all(labelled, &n);
    pal_status status = permute(o, "objective/labelled", rows, n, &o->labelled, err);
    palt__labelled_free(labelled);
    if (status) return status;
    if (o->phase.stream == PAL_STREAM_BOTH) {
        o->few = n;
        return permute(o, "objective", NULL, o->count, &o->order, err);
    }
    o->count = n;
    o->order = o->labelled;
    o->labelled = NULL;
    return PAL_OK;
}

static pal_status find_parameters(pal_data_objective *o, pal_error *err)
{
    const size_t all = pal_model_parameter_count(o->model);
    pal_shape *shapes = calloc(all + 1, sizeof *shapes);
    o->parameters = calloc(all + 1, sizeof(pal_tensor *));
    o->at = calloc(all + 1, sizeof *o->at);
    for (size_t i = 0; shapes && o->parameters && o->at && i < all; i++) {
        const char *name;
        pal_tensor *t = pal_model_parameter(o->model, i, &name);
        if (!o->whole && !pal_phase_moves(o->model, &o->phase, name)) continue;
        shapes[o->n] = t->shape;
        o->at[o->n] = i;
        o->parameters[o->n++] = t;
    }
    pal_context *c = pal_model_context(o->model);
    const pal_dtype dtype = pal_model_dtype(o->model);
    if (o->n) {
        o->x = pal_slab_new(c, dtype, shapes, o->n);
        o->v = pal_slab_new(c, dtype, shapes, o->n);
        o->sums = pal_slab_new(c, dtype, shapes, o->n);
    }
    const bool made = shapes && o->parameters && o->at;
    free(shapes);
    if (made && !o->n)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: phase %s trains no parameter",
                             pal_model_variant(o->model)->name, o->phase.name);
    return o->x && o->v && o->sums ? PAL_OK : palt__no_memory(err);
}

/* Records the gradient and throws it away, to see what kind of function the loss is. */
static pal_status look(pal_data_objective *o, pal_error *err)
{
    const char *trouble = NULL;
    bool matches = false;
    palt__pass_of p;
    palt__objective_chunks(o, PALT__GRADIENT, &p);
    palt__stage *stage =
        palt__objective_stage(o, PALT__GRADIENT, &p, &p.chunk[PALT__FULL], NULL, &trouble, &matches, true, err);
    if (!stage) return PAL_ERR_ARGUMENT;
    palt__stage_free(stage);
    if (!matches) o->f.gauss_newton = NULL;
    const char *name = pal_model_variant(o->model)->name;
    if (trouble && *trouble == 'c')
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "the loss of %s changes from step to step, such as by --beta-warm-up: a minimiser needs "
                             "the same function throughout",
                             name);
    if (trouble && !o->o.frozen)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "the loss of %s draws noise, so that it has another value each time, and a minimiser "
                             "needs the same one: give --noise frozen, or another --optimizer",
                             name);
    return PAL_OK;
}

static pal_status make(pal_data_objective *o, pal_error *err)
{
    pal_status status = find_parameters(o, err);
    if (!status) status = find_samples(o, err);
    if (status) return status;
    if (o->few) {
        palt__pass_of p;
        int64_t most = 1;
        for (palt__what kind = PALT__VALUE; kind < PALT__WHATS; kind++) {
            palt__objective_chunks(o, kind, &p);
            const int64_t rows = p.chunk[PALT__FULL].rows + p.each;
            most = rows > most ? rows : most;
        }
        o->rows = malloc((size_t)most * sizeof *o->rows);
        o->shares = malloc((size_t)most * sizeof *o->shares);
        if (!o->rows || !o->shares) return palt__no_memory(err);
    }
    o->f = (pal_objective){.struct_size = sizeof o->f,
                           .x = o->x,
                           .evaluate = evaluate,
                           .hessian = hessian,
                           .gauss_newton = matrix,
                           .diagonal = o->few ? NULL : diagonal,
                           .stop = stop,
                           .user = o};
    return look(o, err);
}

static pal_status check(const pal_data_objective_options *o, pal_error *err)
{
    const int64_t shards = o->shards ? o->shards : 1;
    if (o->batch < 0 || o->curvature_samples < 0 || o->fixed_batch < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "objective: a number of samples is negative: choose 0 or more");
    if (shards < 1 || shards > PAL_SHARDS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "objective: %lld shards: choose 1 to %d", (long long)shards,
                             PAL_SHARDS_MOST);
    if (o->communicator && o->communicator->size > shards)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "objective: %lld shards for %d processes: choose %d or more",
                             (long long)shards, o->communicator->size, o->communicator->size);
    if (o->batch % shards)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "objective: a chunk of %lld samples cannot be cut into %lld equal shards: choose a "
                             "multiple of %lld",
                             (long long)o->batch, (long long)shards, (long long)shards);
    return PAL_OK;
}

pal_data_objective *pal_data_objective_new(pal_model *model, const pal_dataset *data,
                                           const pal_data_objective_options *options, pal_error *err)
{
    return palt__objective_new(model, data, options, false, err);
}

pal_data_objective *palt__objective_new(pal_model *model, const pal_dataset *data,
                                        const pal_data_objective_options *options, bool planned, pal_error *err)
{
    pal_data_objective_options given = {0};
    if (pal_options_read(&given, options, sizeof given, sizeof given, "objective", err)) return NULL;
    if (check(&given, err) || pal_data_check(model, data, err)) return NULL;
    pal_data_objective *o = calloc(1, sizeof *o);
    if (!o) {
        palt__no_memory(err);
        return NULL;
    }
    o->model = model;
    o->data = data;
    o->o = given;
    if (!o->o.shards) o->o.shards = 1;
    if (!o->o.batch) o->o.batch = (CHUNK + o->o.shards - 1) / o->o.shards * o->o.shards;
    o->whole = !given.phase;
    if (given.phase) o->phase = *given.phase;
    o->o.phase = NULL;
    if (!make(o, err)) {
        if (!planned) pal_data_objective_read(o);
        return o;
    }
    pal_data_objective_free(o);
    return NULL;
}

void pal_data_objective_free(pal_data_objective *o)
{
    if (!o) return;
    for (size_t k = 0; k < PALT__WHATS; k++) palt__held_free(&o->pass[k]);
    free(o->seen);
    pal_slab_free(o->sums);
    pal_slab_free(o->v);
    pal_slab_free(o->x);
    free(o->shares);
    free(o->rows);
    free(o->labelled);
    free(o->order);
    free(o->at);
    free(o->parameters);
    free(o);
}

const pal_objective *pal_data_objective_get(const pal_data_objective *o) { return &o->f; }

void pal_data_objective_read(pal_data_objective *o)
{
    o->moved++; /* a parameter that does not move may have changed, too */
    for (size_t i = 0; i < o->n; i++)
        if (o->x->part[i]->data)
            memcpy(o->x->part[i]->data, o->parameters[i]->data, pal_tensor_bytes(o->parameters[i]));
}

void pal_data_objective_write(const pal_data_objective *o)
{
    for (size_t i = 0; i < o->n; i++)
        memcpy(o->parameters[i]->data, o->x->part[i]->data, pal_tensor_bytes(o->parameters[i]));
}

void pal_data_objective_take(pal_data_objective *o, int64_t batch) { o->taken = batch; }
void pal_data_objective_choose(pal_data_objective *o, int64_t iteration) { o->group = iteration; }

pal_status palt__objective_plan(pal_data_objective *o, const char *method, size_t *arena, pal_error *err)
{
    const bool newton = !strcmp(method, "newton-cg"), free = !strcmp(method, "hessian-free");
    const bool needed[PALT__WHATS] = {[PALT__GRADIENT] = true,
                                      [PALT__VALUE] = free,
                                      [PALT__HESSIAN] = newton,
                                      [PALT__GAUSS_NEWTON] = free,
                                      [PALT__DIAGONAL] = free && o->f.diagonal};
    for (palt__what k = PALT__VALUE; k < PALT__WHATS; k++) {
        if (needed[k] && make_pass(o, k)) return pal_error_set(err, o->err.status, "%s", o->err.text);
        for (int i = 0; i < PALT__SIZES; i++)
            if (o->pass[k].chunk[i].stage)
                *arena += pal_program_arena(o->pass[k].chunk[i].stage->program) + palt__held_bytes(&o->pass[k], i);
    }
    return PAL_OK;
}

int64_t palt__objective_evaluations(const pal_data_objective *o)
{
    return o->calls[PALT__VALUE] + o->calls[PALT__GRADIENT];
}

int64_t palt__objective_products(const pal_data_objective *o)
{
    return o->calls[PALT__HESSIAN] + o->calls[PALT__GAUSS_NEWTON];
}

const char *pal_data_objective_error(const pal_data_objective *o) { return o->err.text; }

const pal_program *pal_data_objective_program(const pal_data_objective *o, int64_t *runs, double *seconds)
{
    *runs = o->runs;
    *seconds = o->seconds;
    const palt__stage *stage = o->pass[PALT__GRADIENT].chunk[PALT__FULL].stage;
    return stage ? stage->program : NULL;
}
