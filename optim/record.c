/* record.c - records the update of every parameter, in the scope "update".
 *
 * In: the leaves of the parameters, and their gradients. Out: assigns to the parameters and to the states. What a rule
 * does with one parameter is its own function (rules.c); here is what all rules share: clipping, weight decay, groups
 * of rates, the average of the weights. */
#include "optim/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"

static const char *const scalar_names[PAL__SCALARS] = {
    [PAL__RATE] = "rate",   [PAL__EPSILON] = "epsilon",   [PAL__DECAY] = "decay",
    [PAL__PLAIN] = "plain", [PAL__WEIGHT] = "weight",     [PAL__KEEP] = "keep",
    [PAL__SHARE] = "share", [PAL__MOMENTUM] = "momentum", [PAL__MOMENTUM_NEXT] = "momentum-next"};

/* "adam/rate"; of a group with a prefix "adam/rate/encoder". */
static pal_var scalar_leaf(const pal_optimizer *o, pal_tape *tape, size_t group, pal__scalar which)
{
    char name[256];
    const char *prefix = o->groups.group[group].prefix;
    snprintf(name, sizeof name, "%s/%s%s%s", o->rule->name, scalar_names[which], *prefix ? "/" : "", prefix);
    return pal_leaf(tape, o->scalar[group][which], name);
}

static void scalar_leaves(const pal_optimizer *o, pal_tape *tape, size_t group, pal_var out[PAL__SCALARS])
{
    const bool scheduled = !strcmp(o->options.momentum_schedule, "sutskever");
    const unsigned average = pal__averages(&o->options) ? 1u << PAL__KEEP | 1u << PAL__SHARE : 0;
    const unsigned uses = o->rule->uses | average | (scheduled ? o->rule->scheduled : 0);
    for (int s = 0; s < PAL__SCALARS; s++)
        if (s <= PAL__DECAY || uses & 1u << s) out[s] = scalar_leaf(o, tape, group, (pal__scalar)s);
}

/* c / max(norm, c) equals min(1, c / norm), never divides by zero, and is exactly 1 if nothing is clipped. */
static pal_var clipping(double clip, const pal_var *gradients, size_t n)
{
    pal_var squares = pal_sum_squares(gradients[0]);
    for (size_t i = 1; i < n; i++) squares = pal_add(squares, pal_sum_squares(gradients[i]));
    return pal_div(pal_like(squares, clip), pal_max(pal_sqrt(squares), pal_like(squares, clip)));
}

static pal_var state_leaf(const pal_optimizer *o, pal_tape *tape, size_t kind, size_t i)
{
    return pal_leaf(tape, o->state[kind]->part[i], o->names[kind * o->n + i]);
}

static void update(const pal_optimizer *o, size_t i, pal__update *u)
{
    pal_var leaf = u->w;
    for (size_t k = 0; k < o->own; k++)
        if (o->names[k * o->n + i]) u->state[k] = state_leaf(o, leaf.tape, k, i);
    u->decays = o->options.weight_decay > 0 && !o->spared[i];
    if (u->decays && !o->rule->decays_by_rule) u->w = pal_mul(u->w, u->scalar[PAL__DECAY]);
    pal_var next = (o->rule->other && !o->matrix[i] ? o->rule->other : o->rule->update)(u);
    for (size_t k = 0; k < o->own; k++)
        if (u->next[k].id) pal_assign(u->state[k], u->next[k]);
    if (o->kinds > o->own) {
        const pal_var average = state_leaf(o, leaf.tape, o->own, i);
        pal_assign(average, pal__average(u, average, next));
    }
    pal_assign(leaf, next);
}

static bool check_recording(const pal_optimizer *o, pal_tape *tape, const pal_var *parameters, const pal_var *gradients,
                            size_t n, const pal_fisher *curvature)
{
    if (n != o->n)
        pal_tape_fail(tape, PAL_ERR_ARGUMENT, "optimizer: has %zu parameters, but %zu were given", o->n, n);
    else if (n && !parameters)
        pal_tape_fail(tape, PAL_ERR_ARGUMENT, "optimizer: parameters is NULL");
    else if (n && !gradients)
        pal_tape_fail(tape, PAL_ERR_ARGUMENT, "optimizer: gradients is NULL");
    for (size_t i = 0; i < n && n == o->n && parameters; i++)
        if (pal_leaf_tensor(parameters[i]) != o->parameters[i])
            pal_tape_fail(tape, PAL_ERR_ARGUMENT,
                          "optimizer: parameter %zu is not a leaf of the tensor that the optimizer was created with",
                          i + 1);
    if (n && o->kfac && !curvature)
        pal_tape_fail(tape, PAL_ERR_ARGUMENT,
                      "optimizer: %s needs the curvature of the loss: call pal_optimizer_record_curved", o->rule->name);
    else if (curvature)
        pal_tape_options(tape, NULL, curvature, sizeof *curvature, sizeof *curvature, "curvature");
    return !pal_tape_status(tape) && n;
}

pal_status pal_optimizer_record(pal_optimizer *o, pal_tape *tape, const pal_var *parameters, const pal_var *gradients,
                                size_t n)
{
    return pal_optimizer_record_curved(o, tape, parameters, gradients, n, NULL);
}

pal_status pal_optimizer_record_curved(pal_optimizer *o, pal_tape *tape, const pal_var *parameters,
                                       const pal_var *gradients, size_t n, const pal_fisher *curvature)
{
    if (!o || !tape) return PAL_ERR_ARGUMENT;
    if (!check_recording(o, tape, parameters, gradients, n, curvature)) return pal_tape_status(tape);
    pal_var scalars[PAL__GROUPS_MOST][PAL__SCALARS] = {{{0}}};
    for (size_t g = 0; g < o->groups.n; g++) scalar_leaves(o, tape, g, scalars[g]);
    for (size_t i = 0; i < o->listed; i++)
        state_leaf(o, tape, o->list[i] / n,
                   o->list[i] % n); /* before the scope begins, so that the names have no prefix */
    pal_var *g = calloc(2 * n, sizeof *g), *steps = g + n;
    if (!g) return pal_tape_fail(tape, PAL_ERR_MEMORY, "optimizer: out of memory"), PAL_ERR_MEMORY;
    memcpy(g, gradients, n * sizeof *g);
    pal_scope_begin(tape, "update");
    pal_var scale = o->options.clip_norm > 0 ? clipping(o->options.clip_norm, gradients, n) : (pal_var){0};
    for (size_t i = 0; scale.id && i < n; i++) g[i] = pal_mul(g[i], scale);
    if (o->kfac) { /* it has leaves of its own, whose names begin with no scope */
        pal_scope_end(tape);
        pal__kfac_record(o->kfac, tape, parameters, g, scalars[0][PAL__RATE], curvature, steps);
        pal_scope_begin(tape, "update");
    }
    for (size_t i = 0; i < n && !pal_tape_status(tape); i++) {
        pal__update u = {.options = &o->options, .w = parameters[i], .g = o->kfac ? steps[i] : g[i]};
        memcpy(u.scalar, scalars[o->group[i]], sizeof u.scalar);
        update(o, i, &u);
    }
    free(g);
    pal_scope_end(tape);
    return pal_tape_status(tape);
}
