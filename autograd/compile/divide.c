/* divide.c - updates that the processes divide among themselves.
 *
 * In: the steps and buckets of a program of several shards. Out: b->loop of those buckets whose sum one update takes,
 * element by element. Each process then needs only a part of the sum: it updates that part of the leaves, and the parts
 * of those leaves that others read are sent to all. The bytes are those of the sum: an all-reduce is a sum that leaves
 * each process a part, and the exchange of parts. What is divided is the update (ZeRO, stage 1: Rajbhandari et al.,
 * SC 2020). Each element is computed by the same instructions, so no bit changes.
 *
 * An update can be divided if it is one loop that reads everything at its own index or as one number, and writes leaves
 * alone. Of the leaves that it writes, at most one is read by other steps, as a weight is. The
 * others, such as Adam's moments, are kept in parts from run to run: pal_program_settle makes them whole.
 *
 * A divided update needs no turn: it runs between any two steps behind the last reader of the old weight (b->early),
 * when its part of the sum is there. So the parts are on their way while the backward pass goes on.
 *
 * Relies on: emit_loop.c. Why here and not on the plan: what a loop reads, and how, is decided there. */
#include "autograd/compile/internal.h"

/* The one group that reads entry id; PAL__NONE: there are several, or none. */
static uint32_t only_reader(const pal__plan *p, uint32_t id)
{
    uint32_t group = PAL__NONE;
    for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
        if (group != PAL__NONE && p->group[p->readers[r]] != group) return PAL__NONE;
        group = p->group[p->readers[r]];
    }
    return group;
}

/* Whether the loop is one of a part of its elements as well as of all. */
static bool by_element(const pal__loop *l, size_t n)
{
    if (l->count != n || l->n_sums || l->n_turned) return false;
    for (size_t i = 0; i < l->n_loads; i++)
        if (!l->loads[i].direct && !l->loads[i].uniform && !l->loads[i].constant) return false;
    for (size_t i = 0; i < l->n_instrs; i++)
        if (l->instrs[i].stream) return false;
    return true;
}

static bool read_by_others(const pal__plan *p, uint32_t leaf, uint32_t group)
{
    for (uint32_t r = p->reader_first[leaf]; r < p->reader_first[leaf + 1]; r++)
        if (p->group[p->readers[r]] != group) return true;
    return false;
}

/* Where the loop has the address of a leaf that it writes. */
static void **address_in(const pal__loop *l, const pal_tensor *leaf)
{
    for (size_t i = 0; i < l->n_stores; i++)
        if (l->stores[i].data == leaf->data) return &l->stores[i].data;
    return NULL;
}

/* After how many steps the update may run: what it reads is there, but for the sum, and nobody reads any more what it
 * writes. 0: not before its turn, since the sum is copied then. */
static size_t after(const pal_program *p, const pal__plan *plan, uint32_t g, uint32_t wait)
{
    const pal__shared *s = p->shared;
    const uint32_t start = pal__arg(plan->tape, wait, 0);
    size_t last = 0;
    if (s->steps[0][s->at[plan->group[wait]]].call.out != s->steps[0][s->at[plan->group[start]]].call.out) return 0;
    for (uint32_t e = plan->groups[g].edges; e; e = plan->edges[e - 1].next) {
        const uint32_t from = plan->edges[e - 1].from;
        if (plan->groups[from].kind != PAL__GROUP_FENCE && s->at[from] > last) last = s->at[from];
    }
    for (size_t m = 0; m < plan->groups[g].n_members; m++) {
        const pal__entry *e = pal__at(plan->tape, plan->groups[g].members[m]);
        for (uint32_t k = 0; k < e->n; k++) {
            const uint32_t base = plan->view[plan->tape->operands[e->first + k]].base, from = plan->group[base];
            if (from != PAL__NONE && from != g && base != wait && s->at[from] > last) last = s->at[from];
        }
    }
    return last + 1;
}

/* Divides the update of a group, if that is possible. wait: the entry that has the sum of the bucket. */
static void divide(pal_program *p, const pal__plan *plan, uint32_t bucket, uint32_t wait)
{
    pal__shared *s = p->shared;
    pal__bucket *b = &s->buckets[bucket];
    const uint32_t g = only_reader(plan, wait);
    if (g == PAL__NONE || plan->groups[g].kind != PAL__GROUP_LOOP || !plan->once[plan->groups[g].first]) return;
    const size_t at = s->at[g], parts = s->n_parts;
    const pal__group *group = &plan->groups[g];
    const pal__loop *l = plan->order[at] == g ? s->steps[0][at].loop : NULL; /* it follows no kernel */
    if (!l || s->divided[at] || !by_element(l, b->n)) return;
    void **whole = NULL;
    bool good = true;
    for (size_t m = 0; m < group->n_members && good; m++) {
        const uint32_t id = group->members[m];
        const bool is_effect = pal__at(plan->tape, id)->op->op_class == PAL_CLASS_EFFECT;
        const uint32_t effect = is_effect ? id : plan->target[id];
        good = !plan->stored[id];
        if (!effect || !good) continue;
        const pal__entry *leaf = pal__at(plan->tape, pal__arg(plan->tape, effect, 0));
        void **address = address_in(l, leaf->tensor);
        const bool others = read_by_others(plan, pal__arg(plan->tape, effect, 0), g);
        good = address && leaf->dtype == b->dtype && !(others && whole);
        if (good && others) whole = address;
        if (good && !others) s->parts[s->n_parts++] = (pal__part){bucket, address};
    }
    if (!good) s->n_parts = parts;
    if (!good) return;
    b->loop = at;
    b->whole = whole;
    b->early = after(p, plan, g, wait);
    s->divided[at] = bucket + 1;
    s->n_divided++;
}

bool pal__divide(pal_program *p, const pal__plan *plan)
{
    pal__shared *s = p->shared;
    size_t stores = 0;
    if (!plan->divide || plan->check || !s->communicator) return true;
    for (size_t i = 0; i < p->n_steps; i++) stores += s->steps[0][i].loop ? s->steps[0][i].loop->n_stores : 0;
    s->parts = pal__keep(p, stores * sizeof *s->parts);
    if (!s->parts) return false;
    for (size_t i = 0; i < p->n_steps; i++) {
        const uint32_t bucket = s->message[i].bucket;
        if (s->part[i] != PAL__SHARE_WAIT || !s->once[i]) continue;
        if (s->buckets[bucket].first == s->buckets[bucket].last)
            divide(p, plan, bucket, plan->groups[plan->order[i]].first);
    }
    return true;
}
