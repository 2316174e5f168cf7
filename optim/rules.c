/* rules.c - the update rules: one table row and one short function per rule. States start at 0, unless the row says
 * that they start as the weights. Rules that PyTorch has are as it defines them; the other rows name the paper.
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

/* The momentum of this step or of the next, times v. */
static pal_var coast(const pal__update *u, pal_var v, pal__scalar which)
{
    return u->scalar[which].id ? pal_mul(v, u->scalar[which]) : pal_scale(v, u->options->momentum);
}

static pal_var momentum(pal__update *u)
{
    u->next[0] = pal_add(coast(u, u->state[0], PAL__MOMENTUM), u->g);
    return descend(u, u->next[0]);
}

static pal_var nesterov(pal__update *u)
{
    u->next[0] = pal_add(coast(u, u->state[0], PAL__MOMENTUM), u->g);
    return descend(u, pal_add(u->g, coast(u, u->next[0], PAL__MOMENTUM_NEXT)));
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

static pal_var adagrad(pal__update *u)
{
    u->next[0] = pal_add(u->state[0], pal_square(u->g));
    return descend(u, over_root(u, u->g, u->next[0]));
}

static pal_var adam_by(pal__update *u, pal__scalar rate)
{
    u->next[0] = pal_lerp(u->state[0], u->g, 1 - u->options->beta1);
    u->next[1] = second_moment(u, u->state[1], u->options->beta2);
    return pal_sub(u->w, pal_mul(u->scalar[rate], over_root(u, u->next[0], u->next[1])));
}

static pal_var adam(pal__update *u) { return adam_by(u, PAL__RATE); }
static pal_var adam_beside(pal__update *u) { return adam_by(u, PAL__PLAIN); }

static pal_var amsgrad(pal__update *u)
{
    u->next[0] = pal_lerp(u->state[0], u->g, 1 - u->options->beta1);
    u->next[1] = second_moment(u, u->state[1], u->options->beta2);
    u->next[2] = pal_max(u->state[2], u->next[1]);
    return descend(u, over_root(u, u->next[0], u->next[2]));
}

/* One of the two rates is 0. */
static pal_var radam(pal__update *u)
{
    u->next[0] = pal_lerp(u->state[0], u->g, 1 - u->options->beta1);
    u->next[1] = second_moment(u, u->state[1], u->options->beta2);
    const pal_var factor = pal_add(u->scalar[PAL__PLAIN], over_root(u, u->scalar[PAL__RATE], u->next[1]));
    return pal_sub(u->w, pal_mul(factor, u->next[0]));
}

static pal_var lion(pal__update *u)
{
    const pal_var direction = pal_sign(pal_lerp(u->state[0], u->g, 1 - u->options->beta1));
    u->next[0] = pal_lerp(u->state[0], u->g, 1 - u->options->beta2);
    return descend(u, direction);
}

/* w is the point y of the gradient. The states are z, v, and x, which is a mean of the points z. */
static pal_var schedule_free(pal__update *u)
{
    u->next[1] = second_moment(u, u->state[1], u->options->beta2);
    pal_var direction = over_root(u, u->g, u->next[1]);
    if (u->decays) direction = pal_add(direction, pal_scale(u->w, u->options->weight_decay));
    u->next[0] = pal_sub(u->state[0], pal_mul(u->scalar[PAL__RATE], direction));
    u->next[2] = pal_add(u->state[2], pal_mul(u->scalar[PAL__WEIGHT], pal_sub(u->next[0], u->state[2])));
    return pal_lerp(u->next[2], u->next[0], 1 - u->options->beta1);
}

/* u->g is the step that kfac_record.c has found, without its rate. */
static pal_var kfac(pal__update *u) { return pal_add(u->w, pal_mul(u->scalar[PAL__RATE], u->g)); }

/* ---- Scalars -------------------------------------------------------------------------------------------------- */

static void as_given(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS])
{
    (void)t;
    out[PAL__RATE] = rate;
    out[PAL__EPSILON] = o->epsilon;
}

static void debiased(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS])
{
    const double root = sqrt(1 - pow(o->beta2, t));
    out[PAL__RATE] = rate * root / (1 - pow(o->beta1, t));
    out[PAL__EPSILON] = o->epsilon * root;
}

/* rho is the length of the mean of squares. Where it is at most 5 (PyTorch; the paper has 4), the variance of the
 * divisor is not bounded, and the step goes without it. */
static void rectified(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS])
{
    const double power = pow(o->beta2, t), most = 2 / (1 - o->beta2) - 1, rho = most - 2 * t * power / (1 - power);
    const double mean = rate / (1 - pow(o->beta1, t));
    out[PAL__EPSILON] = o->epsilon;
    if (rho > 5)
        out[PAL__RATE] = mean * sqrt(1 - power) * sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho));
    else
        out[PAL__PLAIN] = mean;
}

static void square_debiased(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS])
{
    out[PAL__RATE] = rate * sqrt(1 - pow(o->beta2, t));
    out[PAL__EPSILON] = o->epsilon;
}

/* Of matrices as given, of all else Adam's. */
static void both(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS])
{
    debiased(o, t, rate, out);
    out[PAL__PLAIN] = out[PAL__RATE];
    out[PAL__RATE] = rate;
}

/* The first step moves nothing and does not count. */
static void from_the_second(const pal_optimizer_options *o, double t, double rate, double out[PAL__SCALARS])
{
    if (t > 1) {
        debiased(o, t - 1, rate, out);
        return;
    }
    out[PAL__DECAY] = out[PAL__EPSILON] = 1;
}

/* clang-format off */
static const pal__update_rule rules[] = {
    {.name = "gd", .alias = "sgd", .update = gd, .scalars = as_given,
     .formula = "w -= rate g"},
    {.name = "momentum", .states = {"v"}, .update = momentum, .scalars = as_given, .scheduled = 1u << PAL__MOMENTUM,
     .formula = "v = momentum v + g;  w -= rate v"},
    {.name = "nesterov", .states = {"v"}, .update = nesterov, .scalars = as_given,
     .scheduled = 1u << PAL__MOMENTUM | 1u << PAL__MOMENTUM_NEXT,
     .formula = "v = momentum v + g;  w -= rate (g + momentum v)"},
    {.name = "rmsprop", .states = {"v"}, .update = rmsprop, .scalars = as_given,
     .formula = "v = alpha v + (1-alpha) g^2;  w -= rate g / (sqrt(v) + eps)"},
    {.name = "adam", .states = {"m", "v"}, .update = adam, .scalars = debiased,
     .formula = "m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= rate (m/(1-b1^t)) / (sqrt(v/(1-b2^t)) + eps)"},
    {.name = "adamw", .states = {"m", "v"}, .update = adam, .scalars = debiased, .weight_decay = 0.01,
     .formula = "w *= 1 - rate decay;  then as adam"},
    /* Duchi, Hazan and Singer, JMLR 2011: equation 1 with a diagonal matrix. */
    {.name = "adagrad", .states = {"v"}, .update = adagrad, .scalars = as_given,
     .formula = "v += g^2;  w -= rate g / (sqrt(v) + eps)"},
    /* Reddi, Kale and Kumar, ICLR 2018: algorithm 2, with Adam's bias corrections, as in PyTorch. */
    {.name = "amsgrad", .states = {"m", "v", "most"}, .update = amsgrad, .scalars = debiased,
     .formula = "m, v as adam;  most = max(most, v);  w -= rate (m/(1-b1^t)) / (sqrt(most/(1-b2^t)) + eps)"},
    /* Liu, Jiang, He, Chen, Liu, Gao and Han, ICLR 2020: algorithm 2. */
    {.name = "radam", .states = {"m", "v"}, .update = radam, .scalars = rectified, .uses = 1u << PAL__PLAIN,
     .formula = "m, v as adam;  s = 2/(1-b2) - 1;  p = s - 2 t b2^t/(1-b2^t);  if p > 5: "
                "w -= rate (m/(1-b1^t)) sqrt(1-b2^t) sqrt((p-4)(p-2)s/((s-4)(s-2)p)) / (sqrt(v) + eps);  "
                "else: w -= rate m/(1-b1^t)"},
    /* Chen, Liang, Huang, Real et al., NeurIPS 2023: algorithm 2. */
    {.name = "lion", .states = {"m"}, .update = lion, .scalars = as_given, .beta2 = 0.99,
     .formula = "w -= rate sign(b1 m + (1-b1) g);  m = b2 m + (1-b2) g"},
    /* Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky, NeurIPS 2024: algorithm 1. */
    {.name = "schedule-free", .states = {"z", "v", "training"}, .update = schedule_free, .scalars = square_debiased,
     .uses = 1u << PAL__WEIGHT, .from = 1u << 0 | 1u << 2, .apart = "training", .decays_by_rule = true, .weighs = true,
     .formula = "g at y = b1 x + (1-b1) z;  v as adam;  r = rate sqrt(1-b2^t);  "
                "z -= r (g / (sqrt(v) + eps) + decay y);  x += (z - x) r^2 / (sum of r^2 so far);  x is evaluated"},
    /* Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the factor is that of Liu et al.
     * 2025, "Muon is scalable for LLM training", section 2.2. */
    {.name = "muon", .states = {"m", "v"}, .update = pal__muon, .other = adam_beside, .scalars = both,
     .uses = 1u << PAL__PLAIN, .weight_decay = 0.01, .momentum = 0.95, .shape = pal__muon_shape,
     .formula = "matrix: w *= 1 - rate decay;  m = momentum m + (1-momentum) g;  "
                "w -= rate 0.2 sqrt(max(rows, columns)) orthogonal((1-momentum) g + momentum m);  other: as adamw"},
    /* Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson and Kakade, ICLR 2025: algorithms 3 and 4. */
    {.name = "soap", .states = {"m", "v", "left", "right", "left-basis", "right-basis"}, .update = pal__soap,
     .other = adam, .scalars = from_the_second, .weight_decay = 0.01, .beta1 = 0.95, .beta2 = 0.95,
     .shape = pal__soap_shape, .between = pal__soap_between, .room = pal__soap_room,
     .formula = "matrix: m as adam;  l = b2 l + (1-b2) g g';  r = b2 r + (1-b2) g' g;  a, b: eigenvectors of l, r;  "
                "v = b2 v + (1-b2) (a' g b)^2;  w *= 1 - rate decay;  w -= rate a (c a' m b / (sqrt(v) + eps)) b', "
                "c as adam;  other: as adamw"},
    /* Martens and Grosse, ICML 2015; Grosse and Martens, ICML 2016: kfac.h. */
    {.name = "kfac", .update = kfac, .scalars = as_given, .curved = true,
     .formula = "d = -(A + damping)^-1 g (G + damping)^-1 for each layer, A = E[a a'], G = E[g~ g~'], targets sampled;  "
                "s = p d + q s, p, q minimise the quadratic model of the loss;  w += rate s"},
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

static double scheduled(const pal_optimizer_options *o, uint64_t step)
{
    return fmin(1 - 0.5 / (double)(step / 250 + 1), o->momentum);
}

void pal__scalars(const pal__update_rule *rule, const pal_optimizer_options *o, uint64_t step, double rate,
                  double out[PAL__SCALARS])
{
    memset(out, 0, PAL__SCALARS * sizeof *out);
    pal__average_scalars(o, step, out);
    out[PAL__MOMENTUM] = scheduled(o, step);
    out[PAL__MOMENTUM_NEXT] = scheduled(o, step + 1);
    out[PAL__DECAY] = 1 - rate * o->weight_decay;
    rule->scalars(o, (double)(step ? step : 1), rate, out);
}
