/* memory.c - how many bytes a training needs, before anything is allocated.
 *
 * In: what pal_model_new and pal_train take. Out: the bytes, by kind. The estimate makes the model, the optimiser and
 * the programs of each phase with the functions that training uses, but in a dry context, where large blocks take no
 * memory. So it follows every change of the compiler. Nothing is run. */
#include <string.h>

#include "train/loop.h"
#include "train/objective.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Some rules have states only when they are recorded. */
static size_t states_of(const pal_optimizer *o)
{
    size_t sum = 0;
    for (size_t i = 0; i < pal_optimizer_state_count(o); i++) sum += pal_tensor_bytes(pal_optimizer_state(o, i, NULL));
    return sum;
}

static pal_status try_phases(palt__loop *l, pal_train_memory *out, pal_error *err)
{
    for (size_t i = 0; i < l->plan.n; i++) {
        const char *method = palt__phase_minimiser(&l->plan.phase[i], l->o.optimizer);
        if (method) {
            size_t arena = 0;
            l->step = 0;
            if (palt__loop_begin(l, i, 0, err)) return PAL_ERR_ARGUMENT;
            if (palt__objective_plan(l->minimised->objective, method, &arena, err)) return PAL_ERR_ARGUMENT;
            out->moments = larger(out->moments, l->minimised->vectors);
            out->arena = larger(out->arena, arena);
            continue;
        }
        l->step = 0;
        if (palt__loop_begin(l, i, 0, err)) return PAL_ERR_ARGUMENT;
        out->moments = larger(out->moments, states_of(l->optimizer));
        const size_t adds =
            (l->adds ? pal_program_arena(l->adds->program) : 0) + (l->loss ? pal_program_arena(l->loss->program) : 0);
        out->arena = larger(out->arena, pal_program_arena(l->stage->program) + adds);
    }
    return PAL_OK;
}

static size_t held(const pal_dataset *data)
{
    if (!data) return 0;
    const size_t samples = data->store ? 0 : pal_tensor_bytes(data->inputs); /* those of a mapped file are not ours */
    const size_t list = data->index ? (size_t)data->count * sizeof *data->index : 0;
    return samples + list + (data->labels ? pal_tensor_bytes(data->labels) : 0) +
           (data->known ? pal_tensor_bytes(data->known) : 0);
}

static pal_status estimate(pal_model *model, const pal_context *c, const pal_dataset *data, pal_train_options *o,
                           pal_train_memory *out, pal_error *err)
{
    palt__loop l;
    pal_error own = {0};
    pal_train_defaults d;
    if (pal_train_defaults_of(model, data, o->optimizer ? o->optimizer->name : NULL, o->batch, &d, err))
        return PAL_ERR_MEMORY;
    pal_optimizer_options chosen = {.struct_size = sizeof chosen};
    if (o->optimizer && palt__optimizer_read(&chosen, o->optimizer)) chosen.struct_size = 0;
    if (!chosen.name) chosen.name = d.optimizer;
    o->optimizer = &chosen;
    if (!o->batch && o->shards > 1) o->batch = d.batch > o->shards ? d.batch / o->shards * o->shards : o->shards;
    if (!o->batch) o->batch = d.batch;
    out->batch = o->batch;
    if (o->epochs < 1) o->epochs = 1;
    out->weights = pal_context_memory(c, NULL);
    palt__loop_start(&l, model, data, o);
    l.planned = true;
    if (!palt__loop_plan(&l, &own)) try_phases(&l, out, &own);
    palt__loop_end(&l);
    palt__phases_free(&l.plan);
    return own.status ? pal_error_set(err, own.status, "%s", own.text) : PAL_OK;
}

/* An estimate is of one process, which asks no other: what it would hear from them is what it says. */
static int echo(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    (void)self, (void)to, (void)from, (void)tag;
    if (in && out) memcpy(in, out, bytes);
    if (in && !out) memset(in, 0, bytes);
    return 0;
}

static int heard(void *self, int ticket)
{
    (void)self, (void)ticket;
    return 1;
}

static const char *no_reason(void *self)
{
    (void)self;
    return "";
}

static void nothing(pal_communicator *self, bool failed) { (void)self, (void)failed; }

pal_status pal_train_memory_of(const pal_variant *variant, const pal_setting *settings, size_t n, pal_dtype dtype,
                               const pal_dataset *data, const pal_train_options *options, pal_train_memory *out,
                               pal_error *err)
{
    pal_train_options o = {0};
    pal_error own = {0};
    size_t peak;
    pal_train_memory m = {0};
    if (!variant || !data || !out)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "memory of a training: needs a variant, data and a result");
    if (pal_options_read(&o, options, sizeof o, offsetof(pal_train_options, check_nan), "train", err))
        return PAL_ERR_ARGUMENT;
    pal_context *like = data->inputs->context;
    if (!o.lanes) o.lanes = pal_context_threads(like);
    o.folder = NULL;
    o.resume = false;
    o.extend = NULL;
    pal_communicator planned = {
        .struct_size = sizeof planned, .start = echo, .test = heard, .why = no_reason, .close = nothing};
    if (o.communicator) {
        planned.rank = o.communicator->rank;
        planned.size = o.communicator->size;
        o.communicator = &planned;
    }
    pal_context *c = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options),
                                                            .threads = pal_context_threads(like),
                                                            .unpinned = true,
                                                            .isa = pal_context_isa(like),
                                                            .dry = true});
    if (!c) return palt__no_memory(err);
    pal_model *model = pal_model_new_for(c, variant, settings, n, data->schema, data->sample, dtype, 0, &own);
    if (model) estimate(model, c, data, &o, &m, &own);
    pal_model_free(model);
    pal_context_memory(c, &peak);
    pal_context_free(c);
    if (own.status) return pal_error_set(err, own.status, "%s", own.text);
    m.data = held(data) + held(o.test) + palt__loop_order_bytes(data->count);
    size_t read; /* reading may have taken more than the samples that were kept */
    pal_context_memory(like, &read);
    m.total = m.data + peak > read ? m.data + peak : read;
    const size_t named = m.weights + m.moments + m.arena;
    m.buffers = peak > named ? peak - named : 0;
    *out = m;
    return PAL_OK;
}
