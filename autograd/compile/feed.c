/* feed.c - the pass `feed`: a loop takes the result of a kernel piece by piece, while the piece is in the cache.
 *
 * In: a plan with a schedule. Out: p->fed, and a schedule without the loops that follow a kernel in this way. The
 * result of such a kernel is never stored. So the gradient of a weight is not written to memory and read again by the
 * update of the weight.
 *
 * A kernel feeds a loop if its operation can (descriptor, `feeds`), if the loop is the only reader and reads it at its
 * own index, if no other kernel feeds this loop, and if the result is no output of the program. If everything else that
 * the loop waits for has run before the kernel, the loop moves up to the kernel. Else the kernel moves down to the
 * loop, if what it reads is not written before; for example where the product for the layer below still reads the old
 * weight. Its operands are then needed longer, so they must be smaller than the result, which is not stored any more.
 * What the loop stores must not lie over what the kernel still reads: so the kernel reads nothing that the loop reads,
 * except leaves, and it is not among those that the loop's writes wait for.
 *
 * Relies on: schedule.c. Leaves to place: a result without a place, and a loop at the position of its kernel.
 *
 * Why after schedule: whether a loop can move depends on what stands between, and a schedule answers that at once. */
#include "autograd/compile/internal.h"

typedef struct feeding {
    pal__plan *plan;
    uint32_t *position; /* by group: in the schedule, plus 1; of a fence: that of the last group before it */
    bool *taken;        /* by group: a loop that follows a kernel */
    uint32_t *until;    /* by group: the first position of those with an edge from it; 0: there are none */
} feeding;

/* The loop that alone reads entry id, each time at its own index; PAL__NONE: there is none. */
static uint32_t only_reader(const pal__plan *p, uint32_t id)
{
    uint32_t reader = PAL__NONE;
    for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
        const uint32_t by = p->readers[r], group = p->group[by];
        if (reader != PAL__NONE && group != reader) return PAL__NONE;
        reader = group;
        const pal__entry *e = pal__at(p->tape, by);
        for (uint32_t k = 0; k < e->n; k++) {
            const uint32_t in = pal__arg(p->tape, by, k);
            if (p->view[in].base == id && !pal__identity(p, in, *e->shape)) return PAL__NONE;
        }
    }
    return reader != PAL__NONE && p->groups[reader].kind == PAL__GROUP_LOOP ? reader : PAL__NONE;
}

static bool reads(const pal__plan *p, uint32_t id, uint32_t base)
{
    for (uint32_t k = 0; k < pal__at(p->tape, id)->n; k++)
        if (p->view[pal__arg(p->tape, id, k)].base == base) return true;
    return false;
}

/* The loop writes nothing that the kernel still reads. */
static bool nothing_in_common(const pal__plan *p, uint32_t loop, uint32_t result)
{
    const pal__group *g = &p->groups[loop];
    for (size_t m = 0; m < g->n_members; m++) {
        const pal__entry *e = pal__at(p->tape, g->members[m]);
        if (e->op->op_class == PAL_CLASS_RANDOM) return false;
        for (uint32_t k = 0; k < e->n; k++) {
            const uint32_t base = p->view[pal__arg(p->tape, g->members[m], k)].base, from = pal__group_of(p, base);
            if (from != PAL__NONE && from != loop && base != result && reads(p, result, base)) return false;
        }
    }
    return true;
}

/* Whether the values that a loop reads are there before the kernel runs. */
static bool values_are_ready(const feeding *f, uint32_t loop, uint32_t kernel, uint32_t result)
{
    const pal__plan *p = f->plan;
    const pal__group *g = &p->groups[loop];
    for (size_t m = 0; m < g->n_members; m++) {
        const pal__entry *e = pal__at(p->tape, g->members[m]);
        for (uint32_t k = 0; k < e->n; k++) {
            const uint32_t base = p->view[pal__arg(p->tape, g->members[m], k)].base, from = pal__group_of(p, base);
            if (from == PAL__NONE || from == loop || base == result) continue;
            if (f->position[from] >= f->position[kernel]) return false;
        }
    }
    return true;
}

/* The same for what must have run before the loop writes. */
static bool others_have_run(const feeding *f, uint32_t group, uint32_t kernel)
{
    const pal__plan *p = f->plan;
    for (uint32_t i = p->groups[group].edges; i; i = p->edges[i - 1].next)
        if (f->position[p->edges[i - 1].from] >= f->position[kernel]) return false;
    return true;
}

static size_t bytes_of(const pal__plan *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    return (size_t)pal_shape_count(*e->shape) * pal_dtype_size((pal_dtype)e->dtype);
}

/* Whether the kernel may run as late as the loop: nothing that waits for it runs earlier, and what it reads is less
 * than what it makes. */
static bool can_sink(const feeding *f, uint32_t loop, uint32_t kernel, uint32_t id)
{
    const pal__plan *p = f->plan;
    size_t read = 0;
    for (uint32_t k = 0; k < pal__at(p->tape, id)->n; k++) {
        const uint32_t base = p->view[pal__arg(p->tape, id, k)].base;
        if (pal__group_of(p, base) != PAL__NONE) read += bytes_of(p, base);
    }
    return read < bytes_of(p, id) && (!f->until[kernel] || f->until[kernel] > f->position[loop]);
}

static void moved_up(feeding *f, uint32_t loop)
{
    const pal__plan *p = f->plan;
    for (uint32_t i = p->groups[loop].edges; i; i = p->edges[i - 1].next) {
        uint32_t *until = &f->until[p->edges[i - 1].from];
        if (f->position[loop] < *until) *until = f->position[loop];
    }
}

static bool can_feed(const pal__plan *p, uint32_t id, bool *can)
{
    const pal_op *op = pal__at(p->tape, id)->op;
    pal__types types;
    pal_call call;
    *can = false;
    if (!op->feeds) return true;
    if (!pal__call_open(p, id, &types, &call)) return false;
    *can = op->feeds(&call);
    pal__types_free(p->tape, &types);
    return true;
}

/* Whether this group feeds a loop: sets p->fed. False: no memory. */
static bool feed(feeding *f, uint32_t kernel)
{
    pal__plan *p = f->plan;
    if (p->groups[kernel].kind != PAL__GROUP_KERNEL) return true;
    const uint32_t id = p->groups[kernel].members[0], loop = only_reader(p, id);
    bool can;
    if (loop == PAL__NONE || p->fed[kernel] || p->stored[id]) return true; /* so far only outputs are stored */
    if (f->taken[loop]) return true;
    if (!can_feed(p, id, &can)) return false;
    if (!can || !nothing_in_common(p, loop, id)) return true;
    if (values_are_ready(f, loop, kernel, id) && others_have_run(f, loop, kernel)) {
        f->position[loop] = f->position[kernel];
        moved_up(f, loop);
    } else if (can_sink(f, loop, kernel, id)) {
        f->position[kernel] = f->position[loop];
        p->order[f->position[loop] - 1] = kernel;
    } else {
        return true;
    }
    p->fed[kernel] = loop + 1;
    f->taken[loop] = true;
    return true;
}

bool pal__feed(pal__plan *p)
{
    pal_context *c = p->context;
    feeding f = {.plan = p,
                 .position = pal__alloc(c, p->n_groups * sizeof *f.position),
                 .taken = pal__alloc(c, p->n_groups * sizeof *f.taken),
                 .until = pal__alloc(c, p->n_groups * sizeof *f.until)};
    p->fed = pal__alloc(c, p->n_groups * sizeof *p->fed);
    bool ok = f.position && f.taken && f.until && p->fed;
    for (size_t i = 0; i < p->n_order && ok; i++) f.position[p->order[i]] = (uint32_t)i + 1;
    for (size_t i = 0; i < p->n_edges && ok; i++) {
        const uint32_t from = p->edges[i].from, to = p->edges[i].to;
        if (p->groups[to].kind == PAL__GROUP_FENCE && f.position[from] > f.position[to])
            f.position[to] = f.position[from];
    }
    for (size_t i = 0; i < p->n_edges && ok; i++) {
        uint32_t *until = &f.until[p->edges[i].from];
        if (!*until || f.position[p->edges[i].to] < *until) *until = f.position[p->edges[i].to];
    }
    for (size_t i = 0; i < p->n_outputs; i++) p->stored[p->view[p->outputs[i]].base] = true;
    for (size_t i = 0; i < p->n_order && ok && p->passes & PAL_PASS_FUSE; i++) ok = feed(&f, p->order[i]);
    size_t n = 0;
    for (size_t i = 0; i < p->n_order && ok; i++)
        if (f.position[p->order[i]] == i + 1) p->order[n++] = p->order[i]; /* the others have moved up */
    if (ok) p->n_order = n;
    pal__free(c, f.position);
    pal__free(c, f.taken);
    pal__free(c, f.until);
    return ok;
}
