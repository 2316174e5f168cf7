/* plan.c - the plan that fuse, schedule and place fill in: which step computes which entry.
 *
 * In: a materialised tape. Out: a plan with the view of every entry and the list of who reads each storage (views seen
 * through), and with no groups yet. A region's body has a plan of its own, whose parent is the plan that runs the
 * region.
 *
 * Here is also the question that fuse asks before it merges two groups or adds an edge: must this group run before that
 * one (pal__before)? It is a depth-first search over readers and edges. The tape stays unchanged; all that the passes
 * decide is in arrays of the plan, by entry id or by group. */
#include "autograd/compile/internal.h"

#include <string.h>

bool pal__identity(const pal__plan *p, uint32_t id, pal_shape loop)
{
    return p->view[id].contiguous && p->view[id].offset == 0 &&
           pal_shape_count(pal__at(p->tape, id)->shape) == pal_shape_count(loop) &&
           pal_shape_count(pal__at(p->tape, p->view[id].base)->shape) == pal_shape_count(loop);
}

/* Who computes something and so reads: movement is seen through, a constant has nothing to read. */
static bool is_reader(const pal__plan *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    return e->region == p->region && e->op->op_class != PAL_CLASS_LEAF && e->op->op_class != PAL_CLASS_CONSTANT &&
           !(e->op->op_class == PAL_CLASS_MOVEMENT);
}

static bool find_readers(pal__plan *p)
{
    const pal_tape *t = p->tape;
    p->reader_first = pal__alloc(p->context, (p->n + 1) * sizeof *p->reader_first);
    if (!p->reader_first) return false;
    size_t total = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t id = 1; id < p->n; id++) {
            if (!is_reader(p, id)) continue;
            for (uint32_t i = 0; i < pal__at(t, id)->n; i++) {
                if (pal__at(t, id)->op->op_class == PAL_CLASS_EFFECT && i == 0) continue; /* written, not read */
                uint32_t base = p->view[pal__arg(t, id, i)].base;
                if (pass)
                    p->readers[p->reader_first[base]++] = id;
                else
                    p->reader_first[base + 1]++, total++;
            }
        }
        if (pass) break;
        for (size_t i = 0; i < p->n; i++) p->reader_first[i + 1] += p->reader_first[i];
        if (!(p->readers = pal__alloc(p->context, total * sizeof *p->readers))) return false;
    }
    /* Filling moved each start to the next one's. */
    memmove(p->reader_first + 1, p->reader_first, p->n * sizeof *p->reader_first);
    p->reader_first[0] = 0;
    return true;
}

pal__plan *pal__plan_new(pal__plan *parent, pal_tape *tape, uint32_t region, const uint32_t *outputs, size_t n_outputs,
                         const pal_compile_options *o)
{
    pal_context *c = tape->context;
    pal__plan *p = pal__alloc(c, sizeof *p);
    if (!p) return NULL;
    *p = (pal__plan){.context = c,
                     .tape = tape,
                     .parent = parent,
                     .region = region,
                     .outputs = outputs,
                     .n_outputs = n_outputs,
                     .passes = o->passes,
                     .lanes = o->lanes,
                     .check = o->check_nan,
                     .n = tape->n_entries};
    p->view = pal__alloc(c, p->n * sizeof *p->view);
    p->group = pal__alloc(c, p->n * sizeof *p->group);
    p->target = pal__alloc(c, p->n * sizeof *p->target);
    p->stored = pal__alloc(c, p->n * sizeof *p->stored);
    p->home = pal__alloc(c, p->n * sizeof *p->home);
    p->offset = pal__alloc(c, p->n * sizeof *p->offset);
    p->counters = pal__alloc(c, p->n * sizeof *p->counters);
    if (p->view && p->group && p->target && p->stored && p->home && p->offset && p->counters) {
        for (uint32_t id = 0; id < p->n; id++) p->group[id] = PAL__NONE;
        for (uint32_t id = 1; id < p->n; id++) p->view[id] = pal__view_of(tape, id);
        if (find_readers(p)) return p;
    }
    pal__plan_free(p);
    return NULL;
}

bool pal__plan_bodies(pal__plan *p)
{
    p->bodies = pal__alloc(p->context, p->n_groups * sizeof(pal__plan *));
    p->scratch = pal__alloc(p->context, p->n_groups * sizeof *p->scratch);
    return p->bodies && p->scratch;
}

void pal__plan_free(pal__plan *p)
{
    if (!p) return;
    pal_context *c = p->context;
    for (size_t g = 0; g < p->n_groups; g++) {
        pal__free(c, p->groups[g].members);
        if (p->bodies) pal__plan_free(p->bodies[g]);
    }
    void *arrays[] = {p->view,   p->group,    p->target,       p->stored,  p->home,
                      p->offset, p->counters, p->reader_first, p->readers, p->groups,
                      p->edges,  p->bodies,   p->scratch,      p->order,   p};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
}

/* Pushes `next` unless it was seen. Returns whether it is the one looked for. */
static bool reach(uint32_t next, uint32_t to, uint8_t *seen, uint32_t *stack, size_t *depth)
{
    if (next == to) return true;
    if (!seen[next]) stack[(*depth)++] = next;
    seen[next] = 1;
    return false;
}

/* Depth first over groups, each once; direct: not by the edge that leads from one to the other. */
static bool search(const pal__plan *p, uint32_t from, uint32_t to, bool direct, uint8_t *seen, uint32_t *stack)
{
    size_t depth = 0;
    for (stack[depth++] = from; depth;) {
        uint32_t at = stack[--depth];
        const pal__group *g = &p->groups[at];
        for (size_t m = 0; m < g->n_members; m++) {
            uint32_t id = g->members[m];
            for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
                uint32_t next = p->group[p->readers[r]];
                if (next == PAL__NONE || next == at || (direct && at == from && next == to)) continue;
                if (reach(next, to, seen, stack, &depth)) return true;
            }
        }
        for (size_t i = 0; i < p->n_edges; i++) {
            uint32_t next = p->edges[i].to;
            if (p->edges[i].from != at || next == at || (direct && at == from && next == to)) continue;
            if (reach(next, to, seen, stack, &depth)) return true;
        }
    }
    return false;
}

bool pal__before(const pal__plan *p, uint32_t from, uint32_t to, bool direct)
{
    uint8_t small_seen[1024], *seen = small_seen;
    uint32_t small_stack[1024], *stack = small_stack; /* a group is on it at most once */
    if (from == to) return false;
    bool large = p->n_groups > sizeof small_seen;
    if (large) {
        if (!(stack = pal__alloc(p->context, p->n_groups * (sizeof *stack + 1))))
            return true; /* the careful answer: no merging */
        seen = (uint8_t *)(stack + p->n_groups);
    } else {
        memset(small_seen, 0, p->n_groups);
    }
    seen[from] = 1;
    bool found = search(p, from, to, direct, seen, stack);
    if (large) pal__free(p->context, stack);
    return found;
}
