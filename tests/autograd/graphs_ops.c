/* graphs_ops.c - nodes of random graphs that are drawn from the whole registry (see graphs.h).
 *
 * One kind is an elementwise operation whose operands are squeezed into its domain. The other is any gradient-check
 * case of any operation. Operations that are added to the registry are drawn too. */
#include <stdio.h>
#include <string.h>

#include "autograd/gradcheck.h"
#include "autograd/internal.h"
#include "tests/autograd/graphs.h"

/* ---- The planted operation ------------------------------------------------------------------------------------ */

static pal_var planted_vjp(const pal_rule *r, size_t k) { return pal_scale(r->seed, 2); }

/* A wrong rewrite: planted(tanh(y)), which is 2 tanh(y), becomes tanh(y). */
static pal_var planted_rewrite(const pal_rule *r, bool rounding)
{
    return strcmp(pal_op_of(r->in[0])->name, "tanh") ? (pal_var){0} : r->in[0];
}

static void planted_f32(size_t n, void *out, const void *const *in, const pal_tile *tile)
{
    for (size_t i = 0; i < n; i++) ((float *)out)[i] = 2 * ((const float *)in[0])[i];
}

static void planted_f64(size_t n, void *out, const void *const *in, const pal_tile *tile)
{
    for (size_t i = 0; i < n; i++) ((double *)out)[i] = 2 * ((const double *)in[0])[i];
}

const pal_op graph_planted = {PAL_OP_HEAD("planted", "2 x", "with a wrong rewrite"),
                              .op_class = PAL_CLASS_ELEMENTWISE,
                              .arity = 1,
                              .infer = pal_infer_same,
                              .derivative = {PAL_HAS_RULE},
                              .vjp = planted_vjp,
                              .rewrite = planted_rewrite,
                              .tile = {{[PAL_F32] = planted_f32, [PAL_F64] = planted_f64}},
                              .low = {-1},
                              .high = {1}};

const pal_op *graph_find(const char *name)
{
    return strcmp(name, graph_planted.name) ? pal_op_find(name) : &graph_planted;
}

/* ---- Smoothness ----------------------------------------------------------------------------------------------- */

/* Whether entry id computes something with a jump or a kink. */
static bool rough(pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    pal_var in[8], found = {0};
    for (uint32_t i = 0; i < e->n; i++) {
        pal_dtype type = (pal_dtype)pal__at(t, pal__arg(t, id, i))->dtype;
        pal_derivative d = e->op->derivative[i < 3 && e->op->arity >= 0 ? i : e->op->arity < 0 ? 0 : 2];
        if (d == PAL_ZERO_DERIVATIVE && pal_dtype_real(type) && e->op != &pal__op_stop_gradient) return true;
    }
    if (!e->op->decision || e->n > 8) return e->op->decision != NULL;
    for (uint32_t i = 0; i < e->n; i++) in[i] = pal__var(t, pal__arg(t, id, i));
    pal_mark mark = pal_tape_mark(t);
    found = e->op->decision(
        &(pal_rule){.tape = t, .op = e->op, .params = e->params, .in = in, .n = e->n, .out = pal__var(t, id)});
    bool live = pal__live(found);
    pal_tape_rewind(t, mark);
    return live;
}

static bool smooth_since(pal_tape *t, pal_mark mark)
{
    for (uint32_t id = mark.entries; id < t->n_entries; id++)
        if (rough(t, id)) return false;
    return true;
}

/* Returns v if it is acceptable. Else rewinds the tape to the mark and returns tanh(instead). */
static pal_var kept(const graph_builder *b, pal_mark mark, pal_var v, pal_var instead)
{
    /* Cases expect float64 and leaves. In a float32 graph a case may mix types, and some operands must be leaves. */
    bool refused = !pal_ok(v) && (b->g->real == PAL_F32 || pal_tape_status(b->tape) == PAL_ERR_ARGUMENT);
    if (!refused && pal_ok(v) && (!b->g->smooth || smooth_since(b->tape, mark))) return v;
    if (!refused && !pal_ok(v)) return v; /* an error that the caller reports */
    pal_tape_rewind(b->tape, mark);
    return pal_tanh(instead);
}

/* ---- Nodes ---------------------------------------------------------------------------------------------------- */

/* x mapped into (low, high). */
static pal_var squeezed(pal_var x, double low, double high)
{
    return pal_shift(pal_scale(pal_sigmoid(x), high - low), low);
}

static bool has_domain(const pal_op *op)
{
    bool has = op->op_class == PAL_CLASS_ELEMENTWISE && !op->n_cases && op->arity >= 1 && op->arity <= 3 &&
               (op->sample || (!op->n_ints && !op->n_reals));
    for (int k = 0; k < op->arity && has; k++) has = op->low[k] < op->high[k];
    return has;
}

static size_t registry_size(void)
{
    size_t n = 0;
    while (pal_op_at(n)) n++;
    return n;
}

pal_var graph_elementwise(const graph_builder *b, pal_var x, pal_var y, pal_var z, const uint32_t *w)
{
    size_t n = registry_size(), at = w[0] % n;
    while (!has_domain(pal_op_at(at))) at = (at + 1) % n;
    const pal_op *op = b->g->planted && w[1] % 2 ? &graph_planted : pal_op_at(at);
    pal_var in[3] = {x, y, z};
    pal_shape joined = pal_shape_of(x);
    pal_mark mark = pal_tape_mark(b->tape);
    for (int k = 0; k < op->arity; k++) {
        pal_shape s;
        if (!pal_shape_broadcast(joined, pal_shape_of(in[k]), &s) || pal_shape_count(s) > GRAPH_MOST)
            in[k] = graph_conform(in[k], joined);
        else
            joined = s;
        /* Some operands stay outside the domain, at poles and overflows: the bits must agree there too. */
        if (b->g->smooth || w[2] % 8) in[k] = squeezed(in[k], op->low[k], op->high[k]);
    }
    if (op == &graph_planted) in[0] = pal_tanh(in[0]);
    pal_var v = pal_record(b->tape, op, in, (size_t)op->arity, op->sample);
    if (pal_ok(v) && !pal_dtype_real(pal_dtype_of(v))) return b->g->smooth ? kept(b, mark, v, x) : v;
    return kept(b, mark, b->g->smooth && pal_ok(v) ? pal_tanh(v) : v, x);
}

pal_var graph_case(const graph_builder *b, pal_var x, pal_var y, pal_var z, const uint32_t *w, size_t serial)
{
    size_t n = registry_size(), at = w[0] % n;
    while (!pal_gradcheck_op_cases(pal_op_at(at))) at = (at + 1) % n;
    const pal_op *op = pal_op_at(at);
    pal_case it;
    pal_gradcheck_op_case(op, w[1] % pal_gradcheck_op_cases(op), &it);
    pal_var from[3] = {x, y, z}, in[PAL_CASE_INPUTS];
    char name[32];
    snprintf(name, sizeof name, "case%zu", serial); /* streams inside need unique names */
    pal_mark mark = pal_tape_mark(b->tape);
    pal_scope_begin(b->tape, name);
    for (size_t k = 0; k < it.n; k++) {
        /* Noise makes the elements differ: graph_conform may return one value everywhere. */
        snprintf(name, sizeof name, "input%zu", k);
        pal_var v = graph_conform(from[k % 3], it.in[k].shape);
        v = pal_add(pal_tanh(v), pal_scale(pal_normal(b->tape, name, it.in[k].shape), 1.5));
        in[k] = squeezed(v, it.in[k].low, it.in[k].high);
    }
    pal_var v = it.build(b->tape, in, it.user);
    if (pal_ok(v) && pal_shape_count(pal_shape_of(v)) > GRAPH_MOST) v = x;
    if (pal_ok(v) && b->g->smooth && pal_dtype_real(pal_dtype_of(v))) v = pal_tanh(v);
    if (pal_ok(v)) pal_scope_end(b->tape);
    return kept(b, mark, v, x);
}
