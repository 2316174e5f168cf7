/* optim.c - an optimiser: its states, and its scalars. record.c records its update.
 *
 * Each kind of state is one slab, in the order of the parameters. Every number that changes from step to step is a
 * scalar leaf that the host writes before the run. So one program serves all steps, and no step counter is a float. */
#include "optim/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/machine/internal.h"

/* What `memory` holds: the last step; of a rule that weighs, the sum of the squared rates before it, and the square of
 * its own rate. So a step may be set twice. */
enum { LAST, BEFORE, OWN, WEIGHED };

size_t pal_optimizer_kinds(void)
{
    size_t n = 0;
    while (pal__update_rule_at(n)) n++;
    return n;
}

const char *pal_optimizer_name(size_t i) { return pal__update_rule_at(i) ? pal__update_rule_at(i)->name : NULL; }
const char *pal_optimizer_formula(size_t i) { return pal__update_rule_at(i) ? pal__update_rule_at(i)->formula : NULL; }

/* ---- Life ----------------------------------------------------------------------------------------------------- */

static pal_status check(pal_tensor *const *parameters, const char *const *names, size_t n, pal_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!parameters || !names || !parameters[i] || !names[i])
            return pal_error_set(err, PAL_ERR_ARGUMENT, "optimizer: parameter %zu is missing or has no name", i + 1);
        if (!pal_dtype_real(parameters[i]->dtype) || parameters[i]->dtype != parameters[0]->dtype)
            return pal_error_set(err, PAL_ERR_TYPE, "optimizer: %s is %s: all parameters must have one real type",
                                 names[i], pal_dtype_name(parameters[i]->dtype));
    }
    return PAL_OK;
}

/* A state is called after what it is in a checkpoint, where the parameters are the weights of evaluation. */
static const char *state_name(const pal_optimizer *o, size_t kind)
{
    return kind < o->own ? o->rule->states[kind] : "training";
}

static bool is_apart(const pal_optimizer *o, size_t kind)
{
    return kind == o->own || (o->rule->apart && !strcmp(o->rule->apart, o->rule->states[kind]));
}

static bool starts_as_weights(const pal_optimizer *o, size_t kind)
{
    return kind == o->own || o->rule->from & 1u << kind;
}

/* Whether the parameter has the state; and its shape. */
static bool has_state(const pal_optimizer *o, size_t kind, size_t i, pal_shape *out)
{
    *out = o->parameters[i]->shape;
    if (!o->rule->shape || kind >= o->own) return true;
    return o->rule->shape(&o->options, o->parameters[i]->shape, o->matrix[i], kind, out);
}

static pal__between between(const pal_optimizer *o, size_t i, uint64_t step)
{
    pal__between b = {.context = o->context, .options = &o->options, .step = step, .shape = o->parameters[i]->shape};
    for (size_t k = 0; k < o->own; k++) b.state[k] = o->names[k * o->n + i] ? o->state[k]->part[i] : NULL;
    return b;
}

static bool make_states(pal_optimizer *o, pal_context *context, const char *const *names, pal_dtype dtype)
{
    pal_shape *shapes = calloc(o->n + 1, sizeof *shapes);
    bool ok = shapes != NULL;
    for (size_t k = 0; ok && k < o->kinds; k++) {
        for (size_t i = 0; ok && i < o->n; i++) {
            char **name = &o->names[k * o->n + i];
            if (!has_state(o, k, i, &shapes[i])) {
                shapes[i] = PAL_SHAPE(0);
                continue;
            }
            o->list[o->listed++] = k * o->n + i;
            ok = asprintf(name, "%s/%s/%s", o->rule->name, state_name(o, k), names[i]) >= 0;
            if (!ok) *name = NULL;
        }
        if (ok) ok = (o->state[k] = pal_slab_new(context, dtype, shapes, o->n)) != NULL;
    }
    for (size_t k = 0; ok && k < o->kinds; k++)
        if (is_apart(o, k)) o->apart = o->state[k];
    if (ok && (o->rule->weighs || o->rule->between)) {
        o->memory = pal_tensor_new(context, PAL_F64, PAL_SHAPE(o->rule->weighs ? WEIGHED : 1));
        ok = o->memory &&
             asprintf(&o->memory_name, "%s/%s", o->rule->name, o->rule->weighs ? "rates" : "refreshed") >= 0;
        if (!ok) o->memory_name = NULL;
    }
    size_t most = 0;
    for (size_t i = 0; ok && o->dry && o->rule->room && i < o->n; i++) {
        const pal__between b = between(o, i, 0);
        const size_t room = o->rule->room(&b);
        if (room > most) most = room;
    }
    if (most) ok = (o->reserve = pal_tensor_new(context, PAL_BOOL, PAL_SHAPE((int64_t)most))) != NULL;
    free(shapes);
    return ok;
}

/* Some states start as the weights are. */
static void start(pal_optimizer *o)
{
    for (size_t k = 0; k < o->kinds; k++)
        for (size_t i = 0; i < o->n && !o->dry && starts_as_weights(o, k); i++)
            memcpy(o->state[k]->part[i]->data, o->parameters[i]->data, pal_tensor_bytes(o->parameters[i]));
    if (o->memory) memset(o->memory->data, 0, pal_tensor_bytes(o->memory));
}

static bool make(pal_optimizer *o, pal_context *context, pal_tensor *const *parameters, const char *const *names,
                 size_t n)
{
    pal_dtype dtype = n ? parameters[0]->dtype : PAL_F32;
    o->n = n;
    while (o->own < PAL__STATES && o->rule->states[o->own]) o->own++;
    o->kinds = o->own + pal__averages(&o->options);
    o->parameters = calloc(n + 1, sizeof *o->parameters);
    o->names = calloc(n * o->kinds + 1, sizeof *o->names);
    o->list = calloc(n * o->kinds + 1, sizeof *o->list);
    if (!o->parameters || !o->names || !o->list) return false;
    if (n) memcpy(o->parameters, parameters, n * sizeof *parameters);
    o->scalar = calloc(o->groups.n, sizeof *o->scalar);
    o->group = calloc(n + 1, sizeof *o->group);
    o->spared = calloc(n + 1, sizeof *o->spared);
    o->matrix = calloc(n + 1, sizeof *o->matrix);
    if (!o->scalar || !o->group || !o->spared || !o->matrix) return false;
    for (size_t i = 0; i < n; i++) {
        o->group[i] = pal__groups_find(&o->groups, names[i]);
        o->spared[i] = o->options.spare_biases && pal__is_bias(names[i], parameters[i]->shape);
        o->matrix[i] = pal__is_matrix(&o->options, names[i], parameters[i]->shape);
    }
    for (size_t g = 0; g < o->groups.n; g++)
        for (size_t i = 0; i < PAL__SCALARS; i++)
            if (!(o->scalar[g][i] = pal_tensor_new(context, dtype, PAL_SCALAR))) return false;
    if (!make_states(o, context, names, dtype)) return false;
    if (o->rule->curved && !(o->kfac = pal__kfac_new(context, &o->options, parameters, names, n))) return false;
    if (o->rule->curved && !pal__back_make(o, context, dtype)) return false;
    pal_optimizer_set_step(o, 1, 0);
    return true;
}

pal_optimizer *pal_optimizer_new(pal_context *context, const pal_optimizer_options *options,
                                 pal_tensor *const *parameters, const char *const *names, size_t n, pal_error *err)
{
    pal_optimizer_options filled;
    const pal__update_rule *rule;
    if (!context) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "optimizer: no context");
        return NULL;
    }
    if (pal__optimizer_options(options, &filled, &rule, err) || check(parameters, names, n, err)) return NULL;
    pal_optimizer *o = calloc(1, sizeof *o);
    if (o && pal__groups_read(filled.rates, &o->groups, err)) {
        free(o);
        return NULL;
    }
    if (o) {
        o->options = filled;
        o->rule = rule;
        o->dry = context->options.dry;
        o->context = context;
        const bool made = make(o, context, parameters, names, n);
        o->options.rates = o->options.elementwise = NULL; /* the caller's */
        if (made) return o;
    }
    pal_optimizer_free(o);
    pal_error_set(err, PAL_ERR_MEMORY, "optimizer: out of memory for the states of %zu parameters", n);
    return NULL;
}

void pal_optimizer_free(pal_optimizer *o)
{
    if (!o) return;
    for (size_t i = 0; o->names && i < o->n * o->kinds; i++) free(o->names[i]);
    for (size_t i = 0; i <= PAL__STATES; i++) pal_slab_free(o->state[i]);
    for (size_t g = 0; o->scalar && g < o->groups.n; g++)
        for (size_t i = 0; i < PAL__SCALARS; i++) pal_tensor_free(o->scalar[g][i]);
    free(o->scalar);
    free(o->group);
    free(o->spared);
    free(o->matrix);
    free(o->list);
    pal_tensor_free(o->memory);
    pal_tensor_free(o->reserve);
    pal_slab_free(o->before);
    pal_slab_free(o->average_before);
    free(o->memory_name);
    pal__kfac_free(o->kfac);
    free(o->names);
    free(o->parameters);
    free(o);
}

bool pal_optimizer_is_curved(const pal_optimizer *o) { return o && o->kfac; }
bool pal_optimizer_compares(const pal_optimizer *o) { return o && o->kfac; }

void pal_optimizer_compare(pal_optimizer *o, uint64_t step, double before, double after)
{
    if (o && o->kfac && !pal__kfac_compare(o->kfac, step, before, after)) pal__back_take(o);
}

/* The share of this step in the sum of the squared rates up to it. */
static double weigh(pal_tensor *weighed, uint64_t step, double rate)
{
    double *w = weighed->data;
    if (w[LAST] != (double)step) w[BEFORE] += w[OWN];
    w[LAST] = (double)step;
    w[OWN] = rate * rate;
    return w[OWN] > 0 ? w[OWN] / (w[BEFORE] + w[OWN]) : 0;
}

/* The host's part of the step, once. Every parameter has its turn, also after a failure, of which the first is kept. */
static pal_status refresh(pal_optimizer *o, uint64_t step)
{
    o->error = (pal_error){0};
    if (!o->rule->between || o->dry || pal_tensor_get(o->memory, LAST) == (double)step) return PAL_OK;
    pal_tensor_set(o->memory, LAST, (double)step);
    for (size_t i = 0; i < o->n; i++) {
        const pal__between b = between(o, i, step);
        pal_error why = {0};
        if (o->rule->between(&b, &why) && !o->error.status)
            pal_error_set(&o->error, why.status, "%s: %s: %s", o->rule->name,
                          o->names[i] + strlen(o->rule->name) + strlen(o->rule->states[0]) + 2, why.text);
    }
    return o->error.status;
}

const char *pal_optimizer_error(const pal_optimizer *o) { return o ? o->error.text : ""; }

pal_status pal_optimizer_set_step(pal_optimizer *o, uint64_t step, double learning_rate)
{
    double values[PAL__SCALARS];
    if (!o) return PAL_ERR_ARGUMENT;
    if (step <= 1) start(o);
    pal__scalars(o->rule, &o->options, step, learning_rate, values);
    const double weight = o->rule->weighs ? weigh(o->memory, step, values[PAL__RATE]) : 0;
    for (size_t g = 0; g < o->groups.n; g++) {
        pal__scalars(o->rule, &o->options, step, learning_rate * o->groups.group[g].factor, values);
        values[PAL__WEIGHT] = weight;
        for (size_t i = 0; i < PAL__SCALARS; i++) pal_tensor_set(o->scalar[g][i], 0, values[i]);
    }
    const pal_status status = refresh(o, step);
    if (o->before) pal__back_keep(o);
    return status || !o->kfac ? status : pal__kfac_prepare(o->kfac, step, &o->error);
}

/* ---- States --------------------------------------------------------------------------------------------------- */

/* The states of the table, then those of a curved rule. */
static size_t own_states(const pal_optimizer *o) { return o->listed + (o->memory != NULL); }

size_t pal_optimizer_state_count(const pal_optimizer *o)
{
    return o ? own_states(o) + (o->kfac ? o->kfac->n_states : 0) : 0;
}

pal_tensor *pal_optimizer_state(const pal_optimizer *o, size_t i, const char **name)
{
    if (i >= pal_optimizer_state_count(o)) return NULL;
    if (i >= own_states(o)) {
        const pal__kfac_state *s = &o->kfac->state[i - own_states(o)];
        if (name) *name = s->name;
        return s->tensor;
    }
    const bool last = i == o->listed;
    if (name) *name = last ? o->memory_name : o->names[o->list[i]];
    return last ? o->memory : o->state[o->list[i] / o->n]->part[o->list[i] % o->n];
}

bool pal_optimizer_swap(pal_optimizer *o)
{
    enum { AT_ONCE = 4096 };
    char kept[AT_ONCE];
    if (!o || !o->apart) return false;
    for (size_t i = 0; i < o->n && !o->dry; i++) {
        char *a = o->parameters[i]->data, *b = o->apart->part[i]->data;
        for (size_t left = pal_tensor_bytes(o->parameters[i]), n; left; left -= n, a += n, b += n) {
            n = left < AT_ONCE ? left : AT_ONCE;
            memcpy(kept, a, n);
            memcpy(a, b, n);
            memcpy(b, kept, n);
        }
    }
    return true;
}
