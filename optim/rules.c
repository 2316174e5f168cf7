/* rules.c - the update rules as PyTorch defines them: one table row and one short function per rule. States start at 0.
 *
 * Adam: m' = m + (1-b1)(g - m), v' = b2 v + (1-b2) g^2, and with the bias corrections c1 = 1 - b1^t, c2 = 1 - b2^t
 *
 *     w' = w - rate (m'/c1) / (sqrt(v'/c2) + eps)  =  w - (rate sqrt(c2)/c1) m' / (sqrt(v') + eps sqrt(c2)).
 *
 * In the second form the corrections cost nothing per element: they are part of two scalars that the host computes in
 * double. Every operation is elementwise, so the update of a parameter is one fused loop. */
#include "optim/internal.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"

static pal_var descend(const pal__update *u, pal_var direction)
{
    return pal_sub(u->w, pal_mul(u->scalar[PAL__RATE], direction));
}

static pal_var gd(pal__update *u) { return descend(u, u->g); }

static pal_var momentum(pal__update *u)
{
    u->next[0] = pal_add(pal_scale(u->state[0], u->options->momentum), u->g);
    return descend(u, u->next[0]);
}

static pal_var nesterov(pal__update *u)
{
    u->next[0] = pal_add(pal_scale(u->state[0], u->options->momentum), u->g);
    return descend(u, pal_add(u->g, pal_scale(u->next[0], u->options->momentum)));
}

/* decay v + (1 - decay) g^2 */
static pal_var second_moment(const pal__update *u, pal_var v, double decay)
{
    return pal_add(pal_scale(v, decay), pal_scale(pal_square(u->g), 1 - decay));
}

static pal_var over_root(const pal__update *u, pal_var direction, pal_var v)
{
    return pal_div(direction, pal_add(pal_sqrt(v), u->scalar[PAL__EPSILON]));
}

static pal_var rmsprop(pal__update *u)
{
    u->next[0] = second_moment(u, u->state[0], u->options->alpha);
    return descend(u, over_root(u, u->g, u->next[0]));
}

static pal_var adam(pal__update *u)
{
    u->next[0] = pal_lerp(u->state[0], u->g, 1 - u->options->beta1);
    u->next[1] = second_moment(u, u->state[1], u->options->beta2);
    return descend(u, over_root(u, u->next[0], u->next[1]));
}

/* clang-format off */
static const pal__update_rule rules[] = {
    {.name = "gd", .alias = "sgd", .update = gd,
     .formula = "w -= rate g"},
    {.name = "momentum", .states = {"v"}, .update = momentum,
     .formula = "v = momentum v + g;  w -= rate v"},
    {.name = "nesterov", .states = {"v"}, .update = nesterov,
     .formula = "v = momentum v + g;  w -= rate (g + momentum v)"},
    {.name = "rmsprop", .states = {"v"}, .update = rmsprop,
     .formula = "v = alpha v + (1-alpha) g^2;  w -= rate g / (sqrt(v) + eps)"},
    {.name = "adam", .states = {"m", "v"}, .update = adam, .debias = true,
     .formula = "m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= rate (m/(1-b1^t)) / (sqrt(v/(1-b2^t)) + eps)"},
    {.name = "adamw", .states = {"m", "v"}, .update = adam, .debias = true, .weight_decay = 0.01,
     .formula = "w *= 1 - rate decay;  then as adam"},
};
/* clang-format on */

const pal__update_rule *pal__update_rule_at(size_t i) { return i < sizeof rules / sizeof *rules ? &rules[i] : NULL; }

const pal__update_rule *pal__update_rule_find(const char *name)
{
    const pal__update_rule *rule;
    for (size_t i = 0; name && (rule = pal__update_rule_at(i)); i++)
        if (!strcmp(rule->name, name) || (rule->alias && !strcmp(rule->alias, name))) return rule;
    return NULL;
}

void pal__scalars(const pal__update_rule *rule, const pal_optimizer_options *o, uint64_t step, double rate,
                  double out[PAL__SCALARS])
{
    double t = (double)(step ? step : 1), root = 1, correction = 1;
    if (rule->debias) {
        correction = 1 - pow(o->beta1, t);
        root = sqrt(1 - pow(o->beta2, t));
    }
    out[PAL__RATE] = rate * root / correction;
    out[PAL__EPSILON] = o->epsilon * root;
    out[PAL__DECAY] = 1 - rate * o->weight_decay;
}
