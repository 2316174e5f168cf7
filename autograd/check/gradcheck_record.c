/* gradcheck_record.c - records and compiles the programs of a check.
 *
 * The value y is contracted with a random seed s: on the tape by the vjp, on the host for the differences of
 * f = <s, y>. At second order the function is the gradient itself. Its analytic derivative along d is the sum of the
 * vjps of the gradient's parts, with the parts of d as seeds. So the check needs no operations beyond the engine's. */
#include "autograd/check/internal.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DECISIONS = 4096 };

bool pal__check_fail(pal__check *c, const char *text)
{
    const bool no_memory = !text || pal_tape_status(c->tape) == PAL_ERR_MEMORY;
    c->status = no_memory ? PAL_ERR_MEMORY : PAL_ERR_ARGUMENT;
    c->r->verdict = PAL_CHECK_ERROR;
    snprintf(c->r->message, sizeof c->r->message, "%s", text ? text : "out of memory");
    return false;
}

/* A leaf of seeded random numbers with magnitudes from 0.5 to 1.5, so every term of a contraction counts. */
static pal_var seed_leaf(pal__check *c, pal_shape shape, const char *stream)
{
    pal_tensor *t = pal_tensor_new(c->context, PAL_F64, shape);
    if (!t) return pal_tape_fail(c->tape, PAL_ERR_MEMORY, "out of memory");
    c->owned[c->n_owned++] = t;
    double *x = t->data;
    pal_noise_uniform((pal_noise){.seed = c->o.seed}, stream, 0, pal_tensor_count(t), x);
    for (size_t i = 0; i < pal_tensor_count(t); i++) x[i] = x[i] < 0.5 ? -0.5 - 2 * x[i] : 2 * x[i] - 0.5;
    return pal_leaf(c->tape, t, stream);
}

/* Records the comparisons that select between smooth pieces, except inside regions, whose values cannot be read. */
static size_t find_decisions(pal__check *c, pal_var *found, size_t most)
{
    pal_tape *t = c->tape;
    size_t n = 0;
    for (uint32_t id = 1, end = (uint32_t)t->n_entries; id < end && n < most; id++) {
        const pal__entry *e = pal__at(t, id);
        if (!e->op->decision || e->region || e->n > 3) continue;
        pal_var in[3];
        for (uint32_t k = 0; k < e->n; k++) in[k] = pal__var(t, pal__arg(t, id, k));
        pal_rule rule = {.tape = t, .op = e->op, .params = e->params, .in = in, .n = e->n, .out = pal__var(t, id)};
        pal_var d = rule.op->decision(&rule);
        if (pal__live(d) && pal_dtype_of(d) == PAL_BOOL) found[n++] = d;
    }
    return n;
}

static pal_program *compile(pal__check *c, const pal_var *outputs, size_t n)
{
    pal_program *p = pal_compile(c->tape, outputs, n, NULL);
    if (!p) pal__check_fail(c, pal_tape_error(c->tape));
    return p;
}

/* Records J times the directions. A rule that cannot be differentiated again, or is not linear in its seed, has no jvp;
 * other checks report what is wrong with it. */
static bool record_tangent(pal__check *c, pal_var y, const pal_var *directions)
{
    pal_mark mark = pal_tape_mark(c->tape);
    pal_var sum = {.tape = c->tape};
    for (size_t i = 0; i < c->n; i++) {
        pal_var part = pal_jvp(y, c->at[i], directions[i]);
        sum = i ? pal_add(sum, part) : part;
    }
    if (pal_ok(sum)) c->tangent = pal_compile(c->tape, &sum, 1, NULL);
    if (pal_tape_status(c->tape) == PAL_ERR_MEMORY) return pal__check_fail(c, NULL);
    if (pal_tape_error(c->tape)) pal_tape_rewind(c->tape, mark);
    return true;
}

/* Records y and its gradient; at second order also the derivative of the gradient along a direction. */
bool pal__check_record(pal__check *c, pal_build build, const void *user)
{
    pal_tape *t = c->tape;
    size_t n = c->n;
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "input%zu", i);
        c->at[i] = pal_leaf(t, c->inputs[i], name);
    }
    pal_var y = build(t, c->at, user);
    if (!pal__live(y) || t->status != PAL_OK)
        return pal__check_fail(c, pal_tape_error(t) ? pal_tape_error(t) : "build returned a bad handle");
    if (pal_dtype_of(y) != PAL_F64) return pal__check_fail(c, "build returned a value that is not float64");
    pal_var *g = c->at + n, *along = g + n, *part = along + n, *directions = part + n, *outputs = directions + n;
    pal_var s = seed_leaf(c, pal_shape_of(y), "check:seed");
    if (pal_vjp(y, s, c->at, n, g) != PAL_OK) return pal__check_fail(c, pal_tape_error(t));
    bool first = c->o.order == 1;
    for (size_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "check:direction%zu", i);
        directions[i] = seed_leaf(c, pal_shape_of(c->at[i]), name);
        if (first) continue;
        if (pal_vjp(g[i], directions[i], c->at, n, part) != PAL_OK) return pal__check_fail(c, pal_tape_error(t));
        for (size_t k = 0; k < n; k++) along[k] = i ? pal_add(along[k], part[k]) : part[k];
    }
    if (t->status != PAL_OK) return pal__check_fail(c, pal_tape_error(t));
    c->n_outputs = first ? 1 : n + 1;
    c->value = c->n_outputs - 1;
    c->n_decisions = find_decisions(c, outputs + c->n_outputs, MAX_DECISIONS);
    if (!first) memcpy(outputs, g, n * sizeof *outputs);
    outputs[c->value] = y;
    c->gradient = compile(c, first ? g : along, n);
    if (c->gradient) c->function = compile(c, outputs, c->n_outputs + c->n_decisions);
    if (!c->function) return false;
    if (first && !record_tangent(c, y, directions)) return false;
    size_t bytes = 0;
    for (size_t i = 0; i < c->n_decisions; i++) bytes += pal_tensor_bytes(pal_output(c->function, c->n_outputs + i));
    c->below = pal__alloc(c->context, bytes);
    size_t count = pal_tensor_count(c->owned[0]), room = (count > c->total ? count : c->total) + 1;
    c->value0 = pal__alloc(c->context, 5 * room * sizeof *c->value0);
    if (!c->below || !c->value0) return pal__check_fail(c, NULL);
    c->value_below = c->value0 + room;
    c->value_above = c->value_below + room;
    c->noise = c->value_above + room;
    c->fresh = c->noise + room;
    return true;
}

bool pal__check_prepare(pal__check *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!c->inputs[i] || c->inputs[i]->dtype != PAL_F64)
            return pal__check_fail(c, "the inputs must be float64 tensors");
        c->total += pal_tensor_count(c->inputs[i]);
    }
    c->tape = pal_tape_new(c->context, PAL_F64);
    c->owned = pal__alloc(c->context, (c->n + 1) * sizeof *c->owned);
    c->at = pal__alloc(c->context, (6 * c->n + 1 + MAX_DECISIONS) * sizeof *c->at);
    c->scratch = pal__alloc(c->context, (c->total + 1) * 8 * sizeof *c->scratch);
    c->estimates = pal__alloc(c->context, (c->total + 1) * sizeof *c->estimates);
    c->open = pal__alloc(c->context, c->total + 1);
    return (c->tape && c->owned && c->at && c->scratch && c->estimates && c->open) || pal__check_fail(c, NULL);
}

void pal__check_free(pal__check *c)
{
    pal_program_free(c->function);
    pal_program_free(c->gradient);
    pal_program_free(c->tangent);
    pal_tape_free(c->tape);
    for (size_t i = 0; i < c->n_owned; i++) pal_tensor_free(c->owned[i]);
    void *arrays[] = {c->owned, c->at, c->scratch, c->below, c->value0, c->estimates, c->open};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c->context, arrays[i]);
}
