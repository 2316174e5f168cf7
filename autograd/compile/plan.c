/* plan.c - the plan that fuse, schedule, feed, collect and place fill in: which step computes which entry.
 *
 * In: a materialised tape. Out: a plan with the view of every entry and the list of who reads each storage (views seen
 * through), and with no groups yet. A region's body has a plan of its own, whose parent is the plan that runs the
 * region.
 *
 * An entry belongs to one region, so what is kept by entry is kept once, in the outermost plan, and all plans within it
 * share it. A plan goes through the entries of its own region only. So a thousand regions cost what their entries cost.
 *
 * The tape stays unchanged; all that the passes decide is in arrays of the plan, by entry id or by group. */
#include "autograd/compile/internal.h"

#include <string.h>

bool pal__identity(const pal__plan *p, uint32_t id, pal_shape loop)
{
    return p->view[id].contiguous && p->view[id].offset == 0 &&
           pal_shape_count(*pal__at(p->tape, id)->shape) == pal_shape_count(loop) &&
           pal_shape_count(*pal__at(p->tape, p->view[id].base)->shape) == pal_shape_count(loop);
}

/* Who computes something and so reads: movement is seen through, a constant has nothing to read. */
static bool is_reader(const pal__entry *e)
{
    return e->op->op_class != PAL_CLASS_LEAF && e->op->op_class != PAL_CLASS_CONSTANT &&
           e->op->op_class != PAL_CLASS_MOVEMENT;
}

/* Calls `with` for each storage that an entry reads in its own region, and the entry. */
static void each_read(pal__plan *p, void (*with)(pal__plan *p, uint32_t base, uint32_t reader))
{
    const pal_tape *t = p->tape;
    for (uint32_t id = 1; id < p->n; id++) {
        const pal__entry *e = pal__at(t, id);
        if (!is_reader(e)) continue;
        for (uint32_t i = e->op->op_class == PAL_CLASS_EFFECT; i < e->n; i++) { /* a leaf is written, not read */
            const uint32_t base = p->view[pal__arg(t, id, i)].base;
            if (pal__at(t, base)->region == e->region) with(p, base, id);
        }
    }
}

static void count_reader(pal__plan *p, uint32_t base, uint32_t reader)
{
    (void)reader;
    p->reader_first[base + 1]++;
}

static void add_reader(pal__plan *p, uint32_t base, uint32_t reader) { p->readers[p->reader_first[base]++] = reader; }

static bool find_readers(pal__plan *p)
{
    p->reader_first = pal__alloc(p->context, (p->n + 1) * sizeof *p->reader_first);
    if (!p->reader_first) return false;
    each_read(p, count_reader);
    for (size_t i = 0; i < p->n; i++) p->reader_first[i + 1] += p->reader_first[i];
    if (!(p->readers = pal__alloc(p->context, p->reader_first[p->n] * sizeof *p->readers))) return false;
    each_read(p, add_reader);
    /* Filling moved each start to the next one's. */
    memmove(p->reader_first + 1, p->reader_first, p->n * sizeof *p->reader_first);
    p->reader_first[0] = 0;
    return true;
}

/* The entries by region, and within a region by id. */
static bool sort_by_region(pal__plan *p)
{
    const pal_tape *t = p->tape;
    p->region_first = pal__alloc(p->context, (p->n + 2) * sizeof *p->region_first);
    p->sorted = pal__alloc(p->context, p->n * sizeof *p->sorted);
    if (!p->region_first || !p->sorted) return false;
    for (uint32_t id = 1; id < p->n; id++) p->region_first[pal__at(t, id)->region + 2]++;
    for (size_t r = 0; r < p->n; r++) p->region_first[r + 2] += p->region_first[r + 1];
    for (uint32_t id = 1; id < p->n; id++) p->sorted[p->region_first[pal__at(t, id)->region + 1]++] = id;
    return true;
}

/* What is kept by entry; in the outermost plan. */
static bool begin(pal__plan *p)
{
    pal_context *c = p->context;
    pal__views views = {.tape = p->tape};
    const bool ok = pal__views_reach(&views, (uint32_t)p->n - 1);
    p->view = views.of;
    p->group = pal__alloc(c, p->n * sizeof *p->group);
    p->target = pal__alloc(c, p->n * sizeof *p->target);
    p->stored = pal__alloc(c, p->n * sizeof *p->stored);
    p->summed = pal__alloc(c, p->n * sizeof *p->summed);
    p->home = pal__alloc(c, p->n * sizeof *p->home);
    p->offset = pal__alloc(c, p->n * sizeof *p->offset);
    p->ends = pal__alloc(c, p->n * sizeof *p->ends);
    p->next = pal__alloc(c, p->n * sizeof *p->next);
    p->slot = pal__alloc(c, p->n * sizeof *p->slot);
    p->counters = pal__alloc(c, p->n * sizeof *p->counters);
    if (!ok || !p->group || !p->target || !p->stored || !p->summed || !p->home || !p->offset || !p->ends || !p->next ||
        !p->slot || !p->counters)
        return false;
    for (uint32_t id = 0; id < p->n; id++) p->group[id] = PAL__NONE;
    return find_readers(p) && sort_by_region(p) && pal__share_once(p);
}

pal__plan *pal__plan_new(pal__plan *parent, pal_tape *tape, uint32_t region, const uint32_t *outputs, size_t n_outputs,
                         const pal_compile_options *o)
{
    pal__plan *p = pal__alloc(tape->context, sizeof *p);
    if (!p) return NULL;
    if (parent)
        *p = (pal__plan){.n = parent->n,
                         .view = parent->view,
                         .group = parent->group,
                         .target = parent->target,
                         .stored = parent->stored,
                         .summed = parent->summed,
                         .once = parent->once,
                         .home = parent->home,
                         .offset = parent->offset,
                         .ends = parent->ends,
                         .next = parent->next,
                         .slot = parent->slot,
                         .reader_first = parent->reader_first,
                         .readers = parent->readers,
                         .region_first = parent->region_first,
                         .sorted = parent->sorted,
                         .counters = parent->counters};
    p->context = tape->context;
    p->tape = tape;
    p->parent = parent;
    p->region = region;
    p->outputs = outputs;
    p->n_outputs = n_outputs;
    p->passes = o->passes;
    p->lanes = o->lanes;
    p->check = o->check_nan;
    p->divide = o->divide;
    p->n = tape->n_entries;
    if (!parent && !begin(p)) {
        pal__plan_free(p);
        return NULL;
    }
    p->ids = p->sorted + p->region_first[region];
    p->n_ids = p->region_first[region + 1] - p->region_first[region];
    return p;
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
    void *by_entry[] = {p->view,         p->group,   p->target,       p->stored, p->summed, p->once,
                        p->home,         p->offset,  p->ends,         p->next,   p->slot,   p->counters,
                        p->reader_first, p->readers, p->region_first, p->sorted};
    for (size_t i = 0; i < sizeof by_entry / sizeof *by_entry; i++) pal__free(c, by_entry[i]);
    for (pal__plan *after; p; p = after) {
        void *own[] = {p->groups, p->edges, p->members, p->bodies, p->scratch, p->order, p->fed, p->sums, p->terms, p};
        after = p->after;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) pal__free(c, own[i]);
    }
}

bool pal__call_open(const pal__plan *p, uint32_t id, pal__types *types, pal_call *call)
{
    const pal__entry *e = pal__at(p->tape, id);
    if (!pal__types_of(p->tape, pal__operands(p->tape, e), e->n, types)) return false;
    *call = (pal_call){.context = p->context,
                       .params = e->params,
                       .n = e->n,
                       .in_shape = types->shapes,
                       .in_dtype = types->dtypes,
                       .shape = *e->shape,
                       .dtype = (pal_dtype)e->dtype,
                       .lanes = p->lanes};
    return true;
}
