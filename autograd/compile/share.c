/* share.c - the pass `share`: sums over the shards of a batch become a start and a wait, and who computes what is
 * found.
 *
 * In: a tape of one shard (pal_tape_share) and, later, a plan over it. Out: in the place of each all_sum, all_sum_start
 * and all_sum_wait; a refusal if a leaf would get a value that differs between the shards; p->once, the values that one
 * shard computes for all.
 *
 * A value differs if it is computed from rows of the batch or from noise, other than by an all_sum. A process runs the
 * steps of a program for each of its shards (run_shards.c). What no all_sum needs is computed once: the updates, and
 * what is an output. Everything else is computed for each shard, also where it is the same in all: that is little.
 *
 * Why a pair: messages are under way between start and wait. schedule.c lets starts run early, and waits late. */
#include "autograd/compile/internal.h"

#include <string.h>

/* ---- Over tapes ------------------------------------------------------------------------------------------------ */

static bool combines(const pal_op *op) { return op == &pal__op_all_sum || op == &pal__op_all_max; }

static pal_var in_two(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    (void)to, (void)user;
    if (!combines(pal__at(from, id)->op)) return (pal_var){0};
    if (pal_tape_shards(from) == 1) return in[0];
    const pal_params how = {.i[0] = pal__at(from, id)->op == &pal__op_all_max ? PAL__LARGEST : PAL__SUM};
    const pal_var start = pal_record(NULL, &pal__op_all_sum_start, in, 1, &how);
    return pal_record(NULL, &pal__op_all_sum_wait, &start, 1, &how);
}

static bool sums(const pal_tape *t)
{
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (combines(pal__at(t, id)->op)) return true;
    return false;
}

bool pal__share(pal__graph *g)
{
    pal__graph next;
    if (!sums(g->tape)) return true;
    if (!pal__rebuild(g->tape, g->outputs, g->n_outputs, false, in_two, NULL, &next)) return false;
    pal__graph_replace(g, &next);
    return true;
}

/* By entry: whether its value differs between the shards. */
static void find_differing(const pal_tape *t, bool *differs)
{
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        differs[id] = e->rows || e->op->op_class == PAL_CLASS_RANDOM || (e->body && differs[e->body]);
        for (uint32_t i = 0; i < e->n; i++) differs[id] |= differs[pal__arg(t, id, i)];
        if (e->op == &pal__op_all_sum_wait) differs[id] = false;
    }
}

static void refuse_assign(pal_tape *t, const pal__entry *leaf)
{
    if (leaf->rows)
        pal_tape_fail(
            t, PAL_ERR_ARGUMENT,
            "compile: leaf %s has rows of the batch, which differ between its shards: nothing can be assigned "
            "to it",
            leaf->params->name);
    else
        pal_tape_fail(t, PAL_ERR_ARGUMENT,
                      "compile: what is assigned to %s differs between the shards of the batch: take pal_all_mean or "
                      "pal_all_sum of it; of gradients, pal_all_mean_grad",
                      leaf->params->name);
}

bool pal__share_check(pal_tape *t)
{
    if (pal_tape_shards(t) == 1) return true;
    bool *differs = pal__alloc(t->context, t->n_entries * sizeof *differs);
    if (!differs) return pal__out_of_memory(t, "compile"), false;
    find_differing(t, differs);
    for (uint32_t id = 1; id < t->n_entries && t->status == PAL_OK; id++) {
        const pal__entry *e = pal__at(t, id);
        if (e->op->op_class == PAL_CLASS_EFFECT && differs[id]) refuse_assign(t, pal__at(t, pal__arg(t, id, 0)));
        if (e->op->op_class == PAL_CLASS_RANDOM && !t->shards.rows)
            pal_tape_fail(t, PAL_ERR_ARGUMENT,
                          "compile: noise %s would be the same in all shards: tell pal_tape_share the rows of a shard",
                          e->params->name);
    }
    pal__free(t->context, differs);
    return t->status == PAL_OK;
}

/* ---- Over plans ------------------------------------------------------------------------------------------------ */

bool pal__share_once(pal__plan *p)
{
    pal_tape *t = p->tape;
    if (pal_tape_shards(t) == 1) return true;
    p->once = pal__alloc(p->context, p->n * sizeof *p->once);
    if (!p->once) return false;
    memset(p->once, true, p->n * sizeof *p->once);
    for (uint32_t id = (uint32_t)p->n; --id;) {
        const pal__entry *e = pal__at(t, id);
        const bool start = e->op == &pal__op_all_sum_start;
        if (p->once[id] && !start) continue;
        if (e->op == &pal__op_all_sum_wait) continue; /* the sum is there without its start */
        for (uint32_t i = e->op->op_class == PAL_CLASS_EFFECT; i < e->n; i++) p->once[pal__arg(t, id, i)] = false;
        if (e->body) p->once[e->body] = false;
        if (e->op->op_class == PAL_CLASS_EFFECT) p->once[id] = true; /* its readers read its value */
    }
    return true;
}

pal__share_part pal__share_part_of(const pal__plan *p, uint32_t group)
{
    if (!p->once || p->groups[group].kind != PAL__GROUP_KERNEL) return PAL__SHARE_NONE;
    const pal_op *op = pal__at(p->tape, p->groups[group].first)->op;
    return op == &pal__op_all_sum_start  ? PAL__SHARE_START
           : op == &pal__op_all_sum_wait ? PAL__SHARE_WAIT
                                         : PAL__SHARE_NONE;
}

/* Starts first, then what a start waits for; then all else; waits in the order of their starts. */
uint64_t pal__share_rank(const pal__plan *p, uint32_t group)
{
    if (!p->once) return 0;
    const pal__share_part part = pal__share_part_of(p, group);
    if (part != PAL__SHARE_NONE) return part == PAL__SHARE_START ? 0 : 3;
    for (size_t m = 0; m < p->groups[group].n_members; m++) {
        const uint32_t id = p->groups[group].members[m];
        for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++)
            if (pal__at(p->tape, p->readers[r])->op == &pal__op_all_sum_start) return 1;
    }
    return 2;
}
