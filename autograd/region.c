/* region.c - operations that own a sub-tape: map_sum and recompute.
 *
 * In: a body, a function that records term k. Out: one map_sum entry, whose value is the sum of the terms in the order
 * of k; while running, one slice of memory serves all terms.
 *
 * A body is recorded on the same tape, between the region's index entry (which stands for k) and the map_sum entry.
 * Every entry of the body carries the index's id as its region, so that a use outside is an error. The operands of the
 * map_sum are the outer values that the body reads: its captures.
 *
 * The adjoint with respect to a capture is another map_sum. Its body is the first body recorded again, followed by its
 * vjp. So nothing of a term is kept between forward and backward; recompute is map_sum with one term.
 *
 * Relies on: grad.c (a vjp that stays within a region), rebuild.c (replay, captures). Leaves to compile/: a body is
 * planned by itself, and its arena is part of its parent's.
 *
 * Why not unroll: 1,000 rows of a Jacobian of 128 x 784 would hold 400 MB at once, and compile 1,000 times as much. */
#include "autograd/internal.h"

#include <string.h>

bool pal__of_this_region(pal_var v)
{
    return pal__live(v) && v.tape->region && pal__at(v.tape, v.id)->region == v.tape->region;
}

static uint32_t region_begin(pal_tape *t)
{
    const int64_t depth = 1 + (t->region ? pal__at(t, t->region)->params->i[0] : 0);
    /* The index hashes by depth alone: two regions that do the same hash the same. */
    pal__entry e = {.op = &pal__op_index,
                    .params = &(pal_params){.i[0] = depth},
                    .shape = &pal__scalar,
                    .dtype = PAL_I32,
                    .scope = t->scope,
                    .block = t->block,
                    .region = t->region,
                    .order = t->order,
                    .derived = t->derives};
    uint32_t index = pal__append(t, &e, NULL, 0);
    if (index) t->region = index;
    return index;
}

static pal_var region_end(pal_tape *t, uint32_t index, pal_var result, int64_t count)
{
    t->region = pal__at(t, index)->region;
    if (!pal__live(result) || result.tape != t)
        return pal_tape_fail(t, PAL_ERR_TAPE, "map_sum: the body gave a bad handle");
    if (!pal_dtype_real(pal_dtype_of(result)))
        return pal_tape_fail(t, PAL_ERR_TYPE, "map_sum: the body's value is %s, not real",
                             pal_dtype_name(pal_dtype_of(result)));
    /* A term always has storage of its own inside, whatever rewriting makes of the body. */
    t->region = index;
    result = pal__copy(result);
    t->region = pal__at(t, index)->region;
    if (!result.id) return result;
    uint32_t *ids;
    size_t n;
    pal_var v = {.tape = t};
    if (pal__captures(t, index, result.id, &ids, &n)) {
        pal__entry e = {.op = &pal__op_map_sum,
                        .params = &(pal_params){.i[0] = count},
                        .shape = pal__at(t, result.id)->shape,
                        .dtype = (uint8_t)pal_dtype_of(result),
                        .scope = t->scope,
                        .block = t->block,
                        .region = t->region,
                        .order = t->order,
                        .derived = t->derives,
                        .body = result.id,
                        .index = index};
        v = pal__var(t, pal__append(t, &e, ids, n));
        pal__free(t->context, ids);
    } else {
        pal__out_of_memory(t, "map_sum");
    }
    return v;
}

pal_var pal_map_sum(pal_tape *t, int64_t count, pal_body body, void *user)
{
    if (!t) return (pal_var){0};
    if (count < 1 || count > INT32_MAX || !body)
        return pal_tape_fail(t, PAL_ERR_ARGUMENT, "map_sum: needs a body and a count of at least 1, not %lld",
                             (long long)count);
    bool failed = t->status != PAL_OK;
    uint32_t index = region_begin(t), held = t->held;
    if (!index) return (pal_var){.tape = t};
    t->held = index + 1;
    pal_var result = body(t, pal__var(t, index), user);
    t->held = held;
    if (!failed && t->status != PAL_OK) result = (pal_var){.tape = t};
    return region_end(t, index, result, count);
}

pal_var pal_recompute(pal_tape *t, pal_body body, void *user) { return pal_map_sum(t, 1, body, user); }

static pal_var vjp_map_sum(const pal_rule *r, size_t k)
{
    pal_tape *t = r->tape;
    uint32_t from = pal__at(t, r->out.id)->index, result = pal__at(t, r->out.id)->body;
    int64_t count = r->params->i[0];
    uint32_t index = region_begin(t);
    if (!index) return (pal_var){.tape = t};
    pal_var y = pal__var(t, pal__replay(t, from, index, result)), adjoint = {.tape = t};
    if (y.id) pal__vjp(y, r->seed, &r->in[k], 1, index, &adjoint);
    return region_end(t, index, adjoint, count);
}

const pal_op pal__op_map_sum = {
    PAL_OP_HEAD("map_sum", "sum over k of body(k)", "a region run for each k, its terms summed"),
    .op_class = PAL_CLASS_REGION,
    .arity = -1,
    .n_ints = 1,
    .infer = pal__never,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_map_sum,
};
