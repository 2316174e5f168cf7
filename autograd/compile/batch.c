/* batch.c - the pass `batch`: the terms of a region are computed at once, where they are small.
 *
 * In: a simplified tape. Out: the same, but each map_sum whose body allows it is replaced by the body recorded once,
 * with one more axis for the terms, and a sum over this axis. An operation is recorded so by its rule `batch`;
 * elementwise operations need none, since shapes are broadcast. Replaced are regions
 *     - of at least two terms: one term is a recomputation, made to hold less,
 *     - whose every operation has the rule, so no noise and no region inside,
 *     - whose values for all terms are no larger than the largest value that the region reads, or than 1 MiB: they
 *       stay in the second-level cache, and memory does not grow.
 *
 * Relies on: simplify, which made the values of a term small where zeros are known (ops/zeros.c). Leaves behind: what
 * another simplify removes.
 *
 * Why not run the terms one by one, as others are: a step takes about a microsecond however little it computes, and a
 * row of a Jacobian has ten steps, of which each may compute some hundred numbers. With PAL_PASS_ROUNDING only, since
 * the terms are added up in the order of a sum over an axis. */
#include "autograd/compile/internal.h"

enum { LARGEST_BODY = 1024, CACHE = 1 << 20 };

typedef struct value { /* what stands for an entry of the body */
    pal_var var;
    bool batched;
} value;

typedef struct region {
    const pal_tape *from;
    pal_tape *to;
    const pal__entry *entry; /* the map_sum */
    const pal_var *captured; /* its operands on the other tape */
    value *values;           /* of the entries from the index on */
    int rank;                /* the most axes that a value of the body has */
    size_t most;             /* bytes of a value of all terms */
} region;

static size_t bytes_of(pal_shape shape, pal_dtype dtype)
{
    return (size_t)pal_shape_count(shape) * pal_dtype_size(dtype);
}

static value value_of(const region *r, uint32_t id)
{
    if (id == r->entry->index) return r->values[0];
    if (id > r->entry->index && pal__inside(r->from, pal__at(r->from, id)->region, r->entry->index))
        return r->values[id - r->entry->index];
    for (uint32_t k = 0; k < r->entry->n; k++)
        if (pal__operands(r->from, r->entry)[k] == id) return (value){.var = r->captured[k]};
    return (value){0};
}

/* Records the operation of an entry of the body. A bad handle in the result: it has no rule. */
static value record(const region *r, const pal__entry *e)
{
    pal_var in[3];
    unsigned which = 0;
    bool full = true; /* no index among the operands */
    if (e->n > sizeof in / sizeof *in) return (value){0};
    for (uint32_t k = 0; k < e->n; k++) {
        const value v = value_of(r, pal__operands(r->from, e)[k]);
        if (!pal__live(v.var)) return (value){0};
        in[k] = v.var;
        which |= (unsigned)v.batched << k;
        full &= !v.batched || pal_shape_of(v.var).rank == r->rank + 1;
    }
    const bool elementwise = e->op->op_class == PAL_CLASS_ELEMENTWISE;
    if (!elementwise && !e->op->batch && e->op->op_class != PAL_CLASS_CONSTANT) return (value){0};
    if (!which || (elementwise && full)) return (value){pal_record(r->to, e->op, in, e->n, e->params), which != 0};
    if (elementwise) return (value){0};
    const pal_rule rule = {.tape = r->to, .op = e->op, .params = e->params, .in = in, .n = e->n};
    pal_shape all = {.rank = r->rank + 1, .dim = {r->entry->params->i[0]}};
    for (int a = 1; a < all.rank; a++) {
        const int of_term = a - (all.rank - e->shape->rank);
        all.dim[a] = of_term < 0 ? 1 : e->shape->dim[of_term];
    }
    return (value){e->op->batch(&rule, which, *e->shape, all), true};
}

/* The value of all terms. A bad handle: not possible. */
static pal_var record_body(region *r)
{
    const uint32_t index = r->entry->index,
                   result = pal__arg(r->from, r->entry->body, 0); /* the body's value is a copy */
    for (uint32_t id = index + 1; id < r->entry->body; id++) {
        const pal__entry *e = pal__at(r->from, id);
        if (pal__inside(r->from, e->region, index) && e->shape->rank > r->rank) r->rank = e->shape->rank;
    }
    if (r->rank == PAL_MAX_RANK || result <= index) return (pal_var){0};
    r->values[0] = (value){pal_range(r->to, r->entry->params->i[0]), true};
    for (uint32_t id = index + 1; id < r->entry->body; id++) {
        const pal__entry *e = pal__at(r->from, id);
        if (!pal__inside(r->from, e->region, index)) continue;
        const value v = record(r, e);
        if (!pal__live(v.var)) return (pal_var){0};
        const bool absorbed =
            id == result && e->uses == 1 && e->op->batch && e->op->capabilities & PAL_ABSORBS_EACH; /* by the sum */
        if (v.batched && !absorbed && bytes_of(pal_shape_of(v.var), pal_dtype_of(v.var)) > r->most) return (pal_var){0};
        r->values[id - index] = v;
    }
    const value all = r->values[result - index];
    return all.batched ? all.var : (pal_var){0};
}

static pal_var visit(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *changed)
{
    const pal__entry *e = pal__at(from, id);
    if (e->op != &pal__op_map_sum || e->params->i[0] < 2 || e->body - e->index > LARGEST_BODY) return (pal_var){0};
    region r = {.from = from, .to = to, .entry = e, .captured = in, .most = CACHE};
    for (uint32_t k = 0; k < e->n; k++) {
        const size_t bytes = bytes_of(pal_shape_of(in[k]), pal_dtype_of(in[k]));
        if (bytes > r.most) r.most = bytes;
    }
    r.values = pal__alloc(to->context, (e->body - e->index + 1) * sizeof *r.values);
    if (!r.values) return pal__out_of_memory(to, "compile");
    const pal_var all = record_body(&r);
    const pal_var sum = pal__live(all) ? pal_sum_to(all, *e->shape) : (pal_var){0};
    *(bool *)changed |= pal__live(sum);
    pal__free(to->context, r.values);
    return sum;
}

bool pal__batch(pal__graph *g, bool *changed)
{
    pal__graph next;
    *changed = false;
    bool regions = false;
    for (uint32_t id = 1; id < g->tape->n_entries; id++) regions |= pal__at(g->tape, id)->body != 0;
    if (!regions) return true;
    if (!pal__rebuild(g->tape, g->outputs, g->n_outputs, true, visit, changed, &next)) return false;
    if (*changed)
        pal__graph_replace(g, &next);
    else
        pal__graph_free(next.tape->context, &next); /* what was tried lies on it */
    return true;
}
