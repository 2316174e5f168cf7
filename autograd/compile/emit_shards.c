/* emit_shards.c - what a program of several shards needs besides its steps: which step is run how, and the buckets.
 *
 * In: the steps of all shards of this process, which are those of the plan's order. Out: program->shared. A bucket is a
 * row of messages that go out together, in the order of the schedule: as many as stay within PAL__BUCKET bytes and have
 * one type. It goes out with its last start, and at the latest before the first wait for one of them. A message that
 * alone is as large is a bucket of its own and is sent from where it lies.
 *
 * Every process makes the same buckets, since they follow from the schedule alone. An element is summed in the same
 * order wherever it lies, so buckets change no bit.
 *
 * Why buckets: a message costs a latency for each round of the sum, which for a bias is more than its bytes cost. */
#include "autograd/compile/internal.h"

#include <string.h>

enum { BUCKET = 256 * 1024, ALIGNED = 64 /* bytes between the messages of a bucket */ };

static void find_steps(pal_program *p, const pal__plan *plan)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        const uint32_t g = plan->order[i];
        p->shared->at[g] = i;
        if (plan->fed[g]) p->shared->at[plan->fed[g] - 1] = i;
        for (uint32_t sum = plan->sums[g]; sum; sum = plan->sums[sum - 1]) p->shared->at[sum - 1] = i;
    }
}

/* Puts the message of a start into the last bucket, if it fits, or into a new one. */
static void place_message(pal_program *p, size_t i, bool *open)
{
    pal__shared *s = p->shared;
    const pal_call *call = &s->steps[0][i].call;
    const size_t n = (size_t)pal_shape_count(call->shape), size = pal_dtype_size(call->dtype);
    pal__bucket *b = s->n_buckets ? &s->buckets[s->n_buckets - 1] : NULL;
    const size_t at = b ? (b->n * size + ALIGNED - 1) / ALIGNED * ALIGNED / size : 0;
    const pal__combine how = (pal__combine)call->params->i[0];
    if (!b || !*open || b->dtype != call->dtype || b->how != how || (at + n) * size > BUCKET) {
        b = &s->buckets[s->n_buckets++];
        *b = (pal__bucket){.how = how, .dtype = call->dtype, .first = i};
    }
    s->message[i] = (pal__message){(uint32_t)(b - s->buckets), b->n ? at : 0, n};
    b->n = s->message[i].at + n;
    b->last = i;
    *open = true;
}

static void place_messages(pal_program *p, const pal__plan *plan)
{
    pal__shared *s = p->shared;
    bool open = false;
    for (size_t i = 0; i < p->n_steps; i++) {
        if (s->part[i] == PAL__SHARE_START) place_message(p, i, &open);
        if (s->part[i] != PAL__SHARE_WAIT) continue;
        const uint32_t start = pal__arg(plan->tape, plan->groups[plan->order[i]].first, 0);
        const size_t from = s->at[plan->group[start]];
        s->message[i] = s->message[from];
        if (s->message[i].bucket + 1 == s->n_buckets) open = false;
    }
}

/* Rooms for the buckets, and what sums them over the processes. */
static bool open_buckets(pal_program *p, const pal__plan *plan)
{
    pal__shared *s = p->shared;
    const int64_t count = plan->tape->shards.count;
    for (size_t i = 0; i < s->n_buckets; i++) {
        pal__bucket *b = &s->buckets[i];
        if (b->first != b->last && !(b->values = pal__keep(p, b->n * pal_dtype_size(b->dtype)))) return false;
        b->all = pal__all_new(p->context, s->communicator, count, b->how, b->dtype, b->n, (int)(i % 31000) + 1,
                              b->loop != 0);
        if (!b->all) return false;
    }
    s->agreed = pal__all_new(p->context, s->communicator, count, PAL__OR, PAL_I32, 1, 0, false);
    return s->agreed != NULL;
}

/* Whether a group writes a leaf: it is an assign, or a loop whose result an assign takes. */
static bool group_writes(const pal__plan *plan, const pal__group *group)
{
    for (size_t m = 0; m < group->n_members; m++)
        if (pal__at(plan->tape, group->members[m])->op->op_class == PAL_CLASS_EFFECT || plan->target[group->members[m]])
            return true;
    return false;
}

/* How each step is run, and the first steps behind all that can fail and before all that write. */
static void describe_steps(pal_program *p, const pal__plan *plan)
{
    pal__shared *s = p->shared;
    s->effects = p->n_steps;
    for (size_t i = 0; i < p->n_steps; i++) {
        const uint32_t g = plan->order[i];
        const pal__group *group = &plan->groups[g], *fed = plan->fed[g] ? &plan->groups[plan->fed[g] - 1] : NULL;
        const pal_op *op = pal__at(plan->tape, group->first)->op;
        s->part[i] = (uint8_t)pal__share_part_of(plan, g);
        s->once[i] = plan->once[group->first];
        const bool writes = group_writes(plan, group) || (fed && group_writes(plan, fed));
        if (writes && s->effects == p->n_steps) s->effects = i;
        const bool kernel = group->kind == PAL__GROUP_KERNEL && op->capabilities & PAL_CAN_FAIL;
        if (!writes && (plan->check || group->kind == PAL__GROUP_REGION || kernel)) s->fence = i + 1;
    }
}

bool pal__emit_shared(pal_program *p, const pal__plan *plan)
{
    pal__shared *s = p->shared;
    const pal_tape *t = plan->tape;
    s->communicator = t->shards.communicator;
    s->first = t->first_shard;
    s->local = t->local_shards;
    s->rows = t->shards.rows;
    s->part = pal__keep(p, p->n_steps * sizeof *s->part);
    s->once = pal__keep(p, p->n_steps * sizeof *s->once);
    s->message = pal__keep(p, p->n_steps * sizeof *s->message);
    s->buckets = pal__keep(p, p->n_steps * sizeof *s->buckets);
    s->values = pal__keep(p, (size_t)s->local * sizeof *s->values);
    s->divided = pal__keep(p, p->n_steps * sizeof *s->divided);
    s->at = pal__alloc(p->context, plan->n_groups * sizeof *s->at);
    bool good = s->part && s->once && s->message && s->buckets && s->values && s->divided && s->at;
    if (good) {
        find_steps(p, plan);
        describe_steps(p, plan);
        place_messages(p, plan);
        good = pal__divide(p, plan) && open_buckets(p, plan);
    }
    pal__free(p->context, s->at);
    s->at = NULL;
    return good;
}

void pal__shared_free(pal_program *p)
{
    if (!p->shared) return;
    for (size_t i = 0; i < p->shared->n_buckets; i++) pal__all_free(p->context, p->shared->buckets[i].all);
    pal__all_free(p->context, p->shared->agreed);
}
