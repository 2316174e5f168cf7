/* simplify.c - the pass `simplify`: a tape is copied with fewer and cheaper entries.
 *
 * In: a live tape in canonical order. Out: another one with the same outputs. For each entry, in this order:
 *   - rewrite: the operation's own rewrites. x * 1 is x, a permute of a permute is one permute, ...
 *   - absorb: an operand's operation takes its reader along. A transposed operand becomes a flag of the product; a
 *     product and the addition that reads it become one operation (C + A B).
 *   - fold: an elementwise operation of constants is computed here, by its own kernel: the same bits as at run time.
 * While entries are copied, equal ones become one (rebuild.c, merge). A rewrite can make room for another one, so the
 * pass repeats until the outputs have the same hash as before.
 *
 * Relies on: rebuild.c visits operands before readers; descriptors give rewrites. The engine itself knows no algebra,
 * so an operation brings its rewrites along in its own file. Leaves to materialise: what no rule applies to.
 *
 * Rounding. Without PAL_PASS_ROUNDING only rewrites that keep every bit are applied. Folding a transposition into a
 * product is one that does not: some OpenBLAS kernels for small sizes sum a transposed operand in another order.
 *
 * Why not a search over all rewrites (equality saturation): the rewrites here only shrink or cheapen, so their order
 * hardly matters, and a result that follows from fixed rules in fixed order is the same on every machine. */
#include "autograd/compile/internal.h"
#include "autograd/machine/flush.h"

#include <string.h>

typedef struct simplifying {
    bool rounding;
    bool changed; /* something was recorded that is no copy */
} simplifying;

/* An elementwise operation of constants, computed by its own kernel: the same bits as at run time. */
static pal_var fold(pal_tape *to, const pal__entry *e, const pal_var *in)
{
    _Alignas(64) double memory[4][PAL_TILE_PAD];
    const void *pointers[3];
    if (e->op->op_class != PAL_CLASS_ELEMENTWISE || e->op == &pal__op_copy || e->n < 1 || e->n > 3) return (pal_var){0};
    for (uint32_t k = 0; k < e->n; k++) {
        if (pal_op_of(in[k])->op_class != PAL_CLASS_CONSTANT) return (pal_var){0};
        const size_t size = pal_dtype_size(pal_dtype_of(in[k]));
        pal__store(pal_dtype_of(in[k]), memory[k], 0, pal_params_of(in[k])->r[0]);
        for (size_t n = 1; n < PAL_TILE_PAD; n *= 2) memcpy((char *)memory[k] + n * size, memory[k], n * size);
        pointers[k] = memory[k];
    }
    pal_isa isa = pal_kernel_isa(to->context);
    pal_dtype key = pal_dtype_of(in[e->n - 1]);
    pal_tile_fn fn = e->op->tile[isa][key] ? e->op->tile[isa][key] : e->op->tile[PAL_ISA_BASELINE][key];
    if (!fn) return (pal_var){0};
    pal_tile tile = {.params = e->params};
    uint64_t before = pal__flush(!to->context->options.subnormals);
    fn(1, memory[3], pointers, &tile);
    pal__flush_restore(before);
    pal_tensor one = {.data = memory[3], .dtype = (pal_dtype)e->dtype};
    return pal_fill(to, (pal_dtype)e->dtype, *e->shape, pal_tensor_get(&one, 0));
}

static pal_var rewritten(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, bool rounding)
{
    const pal__entry *e = pal__at(from, id);
    pal_rule rule = {.tape = to, .op = e->op, .params = e->params, .in = in, .n = e->n};
    pal_var v = {0};
    if (e->op->op_class == PAL_CLASS_REGION || e->op->op_class == PAL_CLASS_EFFECT) return v;
    if (e->op->rewrite && pal__live(v = e->op->rewrite(&rule, rounding))) return v;
    for (uint32_t k = 0; k < e->n; k++) {
        const pal_op *op = pal_op_of(in[k]);
        bool only = pal__at(from, pal__arg(from, id, k))->uses == 1 || op->op_class == PAL_CLASS_MOVEMENT ||
                    op->capabilities & PAL_ABSORBS_EACH;
        if (op->absorb && only && pal__live(v = op->absorb(&rule, k, rounding))) return v;
    }
    return fold(to, e, in);
}

static pal_var visit(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    simplifying *s = user;
    const size_t before = to->n_entries;
    const pal_var v = rewritten(from, id, to, in, s->rounding);
    s->changed |= pal__live(v) || to->n_entries != before;
    return v;
}

bool pal__simplify(pal__graph *g, bool rounding)
{
    /* A rewrite can make room for another; each pass shrinks or ends, and the bound only guards against a table that
     * undoes itself. */
    for (int pass = 0; pass < 16; pass++) {
        pal__graph next;
        simplifying s = {rounding, false};
        uint64_t before = 0, after = 0;
        if (!pal__rebuild(g->tape, g->outputs, g->n_outputs, true, visit, &s, &next)) return false;
        for (size_t i = 0; i < g->n_outputs; i++) {
            before = pal__mix(before, pal__at(g->tape, g->outputs[i])->hash);
            after = pal__mix(after, pal__at(next.tape, next.outputs[i])->hash);
        }
        pal__graph_replace(g, &next);
        if (!s.changed) return true; /* copied as it was: nothing is left behind, and the order is canonical */
        if (before == after) break;
    }
    /* What the rewrites left behind. */
    pal__graph live;
    if (!pal__rebuild(g->tape, g->outputs, g->n_outputs, true, NULL, NULL, &live)) return false;
    pal__graph_replace(g, &live);
    return true;
}
