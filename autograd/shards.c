/* shards.c - a tape of one shard of a batch: what it knows of the others, and the sum over all of them.
 *
 * In: how many shards there are, and who computes them (communicator.h). Out: leaves whose rows are divided among the
 * shards; the operation all_sum, which the compiler replaces by a pair (compile/share.c): all_sum_start hands a value
 * over, all_sum_wait takes the sum. What stands between the two runs while messages are under way.
 *
 * The adjoint. What is differentiated is the sum of y over all shards. A value v = all_sum(x) is read by all shards, so
 * the adjoint of x in each of them is the sum of the adjoints of v in all: all_sum again. A gradient by a leaf that all
 * shards share is a shard's part of it, and its all_sum the whole.
 *
 * Why an operation of the engine and not one of ops/: the compiler has to know it, as it knows assign. */
#include "autograd/internal.h"
#include "autograd/machine/communicator_internal.h"

#include <stdio.h>

/* ---- Operations ------------------------------------------------------------------------------------------------ */

static bool infer_real(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    return pal_dtype_real(r->dtype) || pal_infer_fail(r, "only reals are summed");
}

static pal_var record_outside(const pal_op *op, pal_var x)
{
    if (!x.tape->region) return pal_record(NULL, op, &x, 1, NULL);
    return pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "%s: not inside a region: take it before the region or after it",
                         op->name);
}

static pal_var vjp_all_sum(const pal_rule *r, size_t k)
{
    (void)k;
    return record_outside(r->op, r->seed);
}

static pal_status run_alone(const pal_call *c)
{
    (void)c;
    return PAL_ERR_ARGUMENT; /* the program runs these: compile/run_shards.c */
}

static pal_var case_all_sum(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_record(NULL, &pal__op_all_sum, in, 1, NULL);
}

static const pal_case all_sum_cases[] = {
    {.label = "one shard", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_all_sum}};

const pal_op pal__op_all_sum = {
    PAL_OP_HEAD("all_sum", "sum of x over the shards of a batch",
                "the same value in all shards, summed in a fixed order"),
    .op_class = PAL_CLASS_OPAQUE,
    .arity = 1,
    .infer = infer_real,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_all_sum,
    .run = run_alone,
    .cases = all_sum_cases,
    .n_cases = sizeof all_sum_cases / sizeof *all_sum_cases,
};

const pal_op pal__op_all_max = {
    PAL_OP_HEAD("all_max", "largest x over the shards of a batch",
                "the same value in all shards; it has no derivative"),
    .op_class = PAL_CLASS_OPAQUE,
    .arity = 1,
    .infer = infer_real,
    .run = run_alone,
};

/* Parameter 0 of the two: pal__combine. */
const pal_op pal__op_all_sum_start = {
    PAL_OP_HEAD("all_sum_start", "the sum over the shards of this process, under way", "begins an all_sum"),
    .op_class = PAL_CLASS_OPAQUE,
    .capabilities = PAL_OVERWRITES,
    .arity = 1,
    .n_ints = 1,
    .infer = infer_real,
    .run = run_alone,
};

const pal_op pal__op_all_sum_wait = {
    PAL_OP_HEAD("all_sum_wait", "the sum over all shards", "ends an all_sum"),
    .op_class = PAL_CLASS_OPAQUE,
    .capabilities = PAL_OVERWRITES,
    .arity = 1,
    .n_ints = 1,
    .infer = infer_real,
    .run = run_alone,
};

static pal_var over_shards(const pal_op *op, pal_var x)
{
    if (!pal_ok(x)) return pal_record(NULL, op, &x, 1, NULL); /* which refuses it */
    return pal_tape_shards(x.tape) == 1 ? x : record_outside(op, x);
}

pal_var pal_all_sum(pal_var x) { return over_shards(&pal__op_all_sum, x); }
pal_var pal_all_max(pal_var x) { return over_shards(&pal__op_all_max, x); }

/* ---- The tape -------------------------------------------------------------------------------------------------- */

int64_t pal_tape_shards(const pal_tape *t) { return t && t->shards.count > 1 ? t->shards.count : 1; }

pal_status pal_tape_share(pal_tape *t, const pal_shards *given)
{
    pal_shards s = {0};
    if (!t) return PAL_ERR_ARGUMENT;
    if (!pal_tape_options(t, &s, given, sizeof s, sizeof s, "shards")) return t->status;
    const pal_communicator *c = s.communicator;
    pal_error err = {0};
    if (pal__communicator_check(c, &err))
        pal_tape_fail(t, err.status, "shards: %s", err.text);
    else if (t->n_entries > 1)
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "shards: tell them before anything is recorded");
    else if (s.count < 1 || s.count > PAL_SHARDS_MOST || s.rows < 0)
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "shards: %lld of %lld rows: choose 1 to %d", (long long)s.count,
                      (long long)s.rows, PAL_SHARDS_MOST);
    else if (c && c->size > s.count)
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "shards: %lld for %d processes: each needs one", (long long)s.count,
                      c->size);
    if (t->status != PAL_OK) return t->status;
    t->shards = s;
    pal_shards_of(s.count, c ? c->size : 1, c ? c->rank : 0, &t->first_shard, &t->local_shards);
    return PAL_OK;
}

pal_var pal_leaf_rows(pal_tape *t, pal_tensor *rows, const char *name)
{
    if (pal_tape_shards(t) == 1) return pal_leaf(t, rows, name);
    if (!rows || !rows->data) return pal_tape_fail(t, PAL_ERR_ARGUMENT, "leaf: the tensor is NULL or has no data");
    if (rows->shape.rank < 1 || rows->shape.dim[0] % t->local_shards)
        return pal_tape_fail(t, PAL_ERR_SHAPE, "leaf %s: its rows cannot be divided among %lld shards",
                             name ? name : "(unnamed)", (long long)t->local_shards);
    char path[PAL__FULL_NAME];
    if (name && !pal__full_name(t, "leaf", name, path)) return (pal_var){.tape = t};
    return pal__leaf(t, rows, name ? path : NULL, true);
}
