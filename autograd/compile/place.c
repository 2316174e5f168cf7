/* place.c - the pass `place`: which values are stored, and where in the arena.
 *
 * In: a plan with a schedule; the plans of its regions' bodies, already placed. Out: p->stored (a value that something
 * outside its loop reads, or that is an output), p->home and p->offset, scratch memory for kernels, the arena's size.
 *
 * The rule: walk through the schedule with the list of blocks in use, sorted by offset. A result takes the first gap
 * that is large enough. It takes the place of an operand instead if the operand dies at this step, has the same size,
 * and is read only at the index that is written (for kernels: if the operation declares PAL_OVERWRITES). After each
 * step the blocks that nobody reads any more are dropped. Scratch and the arena of a region's body are blocks that live
 * for one step. Offsets are multiples of 64 bytes, so that vector loads and cache lines are aligned.
 *
 * Relies on: schedule.c (positions), view.c (what shares storage). Leaves to emit: an offset for every stored value.
 *
 * Why first fit: a depth-first schedule nests lifetimes, so the gap that a dead value leaves is taken soon. Why a
 * result takes an operand's place only if the sizes are equal: an in-place write goes element by element over the same
 * addresses. */
#include "autograd/compile/internal.h"

#include <string.h>

typedef struct block {
    size_t offset, size, ends; /* ends: the position in the schedule after which it is free */
    uint32_t id;
} block;

typedef struct blocks { /* those in use, by offset */
    pal_context *context;
    block *at;
    size_t n, cap, top;
} blocks;

static bool take(blocks *b, size_t size, size_t ends, uint32_t id, size_t *offset)
{
    size_t from = 0, i = 0;
    for (; i < b->n && b->at[i].offset - from < size; i++)
        if (b->at[i].offset + b->at[i].size > from) from = b->at[i].offset + b->at[i].size;
    if (!pal__grow(b->context, (void **)&b->at, b->n, &b->cap, sizeof *b->at)) return false;
    memmove(&b->at[i + 1], &b->at[i], (b->n - i) * sizeof *b->at);
    b->at[i] = (block){from, size, ends, id};
    b->n++;
    *offset = from;
    if (from + size > b->top) b->top = from + size;
    return true;
}

static void drop(blocks *b, size_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->at[i].ends > now) b->at[kept++] = b->at[i];
    b->n = kept;
}

/* Where a value made by group g is last read: a position in the schedule; SIZE_MAX for an output. */
static void find_stored(pal__plan *p, const size_t *position, size_t *ends)
{
    const pal_tape *t = p->tape;
    for (uint32_t id = 1; id < p->n; id++) {
        if (p->group[id] == PAL__NONE || pal__at(t, id)->op->op_class == PAL_CLASS_EFFECT) continue;
        if (p->groups[p->group[id]].kind != PAL__GROUP_LOOP) p->stored[id] = true;
        for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
            uint32_t reader = p->group[p->readers[r]];
            if (reader == PAL__NONE || reader == p->group[id]) continue;
            p->stored[id] = true;
            if (position[reader] > ends[id]) ends[id] = position[reader];
        }
    }
    for (size_t i = 0; i < p->n_outputs; i++) {
        uint32_t base = p->view[p->outputs[i]].base;
        p->stored[base] = true;
        ends[base] = SIZE_MAX;
    }
}

/* Operand whose place the result may take: it dies here, is as large, and is read only at the index written. */
static block *dying_operand(pal__plan *p, blocks *b, uint32_t g, uint32_t id, size_t now)
{
    const pal_tape *t = p->tape;
    const pal__group *group = &p->groups[g];
    size_t size = PAL__ALIGN(pal__entry_bytes(t, id));
    bool kernel = group->kind == PAL__GROUP_KERNEL;
    if (!(p->passes & PAL_PASS_INPLACE) || group->kind == PAL__GROUP_REGION) return NULL;
    if (kernel && !(pal__at(t, id)->op->capabilities & PAL_OVERWRITES)) return NULL;
    for (size_t i = 0; i < b->n; i++) {
        block *candidate = &b->at[i];
        if (candidate->ends != now || !candidate->id || candidate->size != size) continue;
        if (p->group[candidate->id] == g) continue;
        if (pal_dtype_size((pal_dtype)pal__at(t, candidate->id)->dtype) !=
            pal_dtype_size((pal_dtype)pal__at(t, id)->dtype))
            continue;
        bool fine = true, read = false;
        for (size_t m = 0; m < group->n_members; m++)
            for (uint32_t k = 0; k < pal__at(t, group->members[m])->n; k++) {
                uint32_t in = pal__arg(t, group->members[m], k);
                if (p->view[in].base != candidate->id) continue;
                read = true;
                fine &= pal__identity(p, in, pal__at(t, id)->shape) && (!kernel || k == 0);
            }
        if (fine && read) return candidate;
    }
    return NULL;
}

static bool place_member(pal__plan *p, blocks *b, uint32_t g, uint32_t id, size_t now, size_t ends)
{
    size_t size = PAL__ALIGN(pal__entry_bytes(p->tape, id));
    p->home[id] = PAL__ARENA;
    if (!size) return true;
    block *old = dying_operand(p, b, g, id, now);
    if (!old) return take(b, size, ends, id, &p->offset[id]);
    p->offset[id] = old->offset;
    *old = (block){old->offset, size, ends, id};
    return true;
}

/* What a kernel's operation asks for; *size in bytes. */
static bool scratch_of(const pal__plan *p, uint32_t id, size_t *size)
{
    const pal__entry *e = pal__at(p->tape, id);
    *size = 0;
    if (!e->op->scratch) return true;
    pal__types types;
    if (!pal__types_of(p->tape, pal__operands(p->tape, e), e->n, &types)) return false;
    pal_call call = {.context = p->context,
                     .params = &e->params,
                     .n = e->n,
                     .in_shape = types.shapes,
                     .in_dtype = types.dtypes,
                     .shape = e->shape,
                     .dtype = (pal_dtype)e->dtype,
                     .lanes = p->lanes};
    *size = e->op->scratch(&call);
    pal__types_free(p->tape, &types);
    return true;
}

bool pal__place(pal__plan *p)
{
    pal_context *c = p->context;
    size_t *position = pal__alloc(c, p->n_groups * sizeof *position);
    size_t *ends = pal__alloc(c, p->n * sizeof *ends);
    blocks b = {.context = c};
    bool ok = position && ends;
    for (size_t i = 0; i < p->n_order && ok; i++) position[p->order[i]] = i;
    if (ok) find_stored(p, position, ends);
    for (uint32_t id = 1; id < p->n; id++)
        if (pal__at(p->tape, id)->op == &pal__op_leaf)
            p->home[id] = PAL__LEAF;
        else if (pal__at(p->tape, id)->op == &pal__op_index)
            p->home[id] = PAL__COUNTER;
    for (size_t i = 0; i < p->n_order && ok; i++) {
        uint32_t g = p->order[i];
        for (size_t m = 0; m < p->groups[g].n_members && ok; m++) {
            uint32_t id = p->groups[g].members[m];
            if (p->stored[id]) ok = place_member(p, &b, g, id, i, ends[id] > i ? ends[id] : i);
        }
        /* Scratch and bodies live for this step only; their blocks carry no id. */
        size_t scratch = 0, offset = 0;
        if (p->groups[g].kind == PAL__GROUP_REGION)
            scratch = p->bodies[g]->arena;
        else if (p->groups[g].kind == PAL__GROUP_KERNEL)
            ok = ok && scratch_of(p, p->groups[g].members[0], &scratch);
        if (ok && scratch) {
            ok = take(&b, PAL__ALIGN(scratch), i, 0, &offset);
            if (ok) p->scratch[g] = offset;
        }
        drop(&b, i);
    }
    p->arena = b.top;
    pal__free(c, position);
    pal__free(c, ends);
    pal__free(c, b.at);
    return ok;
}
