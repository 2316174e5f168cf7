/* place.c - the pass `place`: which values are stored, and where in the arena.
 *
 * In: a plan with a schedule; the plans of its regions' bodies, already placed. Out: p->stored (a value that something
 * outside its loop reads, or that is an output), p->home and p->offset, scratch memory for kernels, the arena's size.
 *
 * The rule: walk through the schedule with the gaps of the arena (ranges.c). A result takes the first gap that is large
 * enough; the last gap has no end. It takes the place of an operand instead if the operand dies at this step, has the
 * same size, and is read only at the index that is written (for kernels: if the operation declares PAL_OVERWRITES).
 * After each step the places that nobody reads any more become gaps. Scratch and the arena of a region's body have a
 * place for one step. Offsets are multiples of 64 bytes, so that vector loads and cache lines are aligned.
 *
 * Relies on: schedule.c (positions), view.c (what shares storage). Leaves to emit: an offset for every stored value.
 *
 * Why first fit: a depth-first schedule nests lifetimes, so the gap that a dead value leaves is taken soon. Where that
 * is not the best, pack.c moves the places afterwards: it does not change who shares one. Why a
 * result takes an operand's place only if the sizes are equal: an in-place write goes element by element over the same
 * addresses. */
#include "autograd/compile/internal.h"

#include <string.h>

#define WHOLE (UINT64_C(1) << 62)

typedef struct placing {
    pal__plan *plan;
    pal__ranges gaps;
    uint32_t *position; /* by group: in the schedule */
    uint32_t *free_at; /* by position: the first value whose place becomes free after it; pal__plan.next has the rest */
    size_t top;
    size_t live, most; /* bytes that are in use now; the most at any time */
    pal__block *blocks;
    size_t n_blocks, cap_blocks;
} placing;

/* Until all is placed, p->offset of a value and p->scratch of a group are the number of its block. */

/* p->ends of a value that has a place: the position in the schedule after which the place is free, plus 1. 0: it has
 * none, or another value took it. PAL__NONE: it is an output. */

static bool take(placing *b, size_t size, size_t now, size_t *block)
{
    pal_context *c = b->plan->context;
    const pal__range *gap = pal__ranges_fit(&b->gaps, size);
    if (!gap || !pal__grow(c, (void **)&b->blocks, b->n_blocks, &b->cap_blocks, sizeof *b->blocks)) return false;
    const uint64_t at = gap->at, left = gap->size - size;
    pal__ranges_remove(&b->gaps, at);
    *block = b->n_blocks;
    b->blocks[b->n_blocks++] = (pal__block){size, at, (uint32_t)now, (uint32_t)b->plan->n_order};
    if (at + size > b->top) b->top = at + size;
    b->live += size;
    if (b->live > b->most) b->most = b->live;
    return !left || pal__ranges_add(c, &b->gaps, at + size, left, 0);
}

static bool give_back(placing *b, size_t block, size_t now)
{
    uint64_t at = b->blocks[block].offset, size = b->blocks[block].size;
    b->blocks[block].to = (uint32_t)now;
    b->live -= size;
    const pal__range *next = pal__ranges_before(&b->gaps, at + size + 1);
    if (next && next->at == at + size) {
        size += next->size;
        pal__ranges_remove(&b->gaps, next->at);
    }
    const pal__range *last = pal__ranges_before(&b->gaps, at);
    if (last && last->at + last->size == at) {
        at = last->at;
        size += last->size;
        pal__ranges_remove(&b->gaps, at);
    }
    return pal__ranges_add(b->plan->context, &b->gaps, at, size, 0);
}

static size_t room_of(const pal__plan *p, uint32_t id) { return PAL__ALIGN(pal__entry_bytes(p->tape, id)); }

/* Frees the places that nobody reads after this position. */
static bool drop(placing *b, size_t now)
{
    pal__plan *p = b->plan;
    for (uint32_t id = b->free_at[now]; id; id = p->next[id]) {
        p->tape->looked++;
        if (p->ends[id] == now + 1 && !give_back(b, p->offset[id], now)) return false;
    }
    return true;
}

/* Which values are stored, and where a value is last read: p->ends, as a position plus 1; PAL__NONE for an output. */
static void find_stored(placing *b)
{
    pal__plan *p = b->plan;
    for (size_t i = 0; i < p->n_ids; i++) {
        const uint32_t id = p->ids[i];
        if (p->group[id] == PAL__NONE || pal__at(p->tape, id)->op->op_class == PAL_CLASS_EFFECT) continue;
        if (p->fed[p->group[id]]) continue; /* handed over piece by piece */
        if (p->groups[p->group[id]].kind != PAL__GROUP_LOOP) p->stored[id] = true;
        for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
            const uint32_t reader = p->group[p->readers[r]];
            if (reader == p->group[id]) continue;
            if (p->groups[reader].kind == PAL__GROUP_SUM) continue; /* made while the value is in a register */
            p->stored[id] = true;
            if (b->position[reader] + 1 > p->ends[id]) p->ends[id] = b->position[reader] + 1;
        }
    }
    for (size_t i = 0; i < p->n_outputs; i++) {
        uint32_t base = p->view[p->outputs[i]].base;
        p->stored[base] = true;
        p->ends[base] = PAL__NONE;
    }
}

/* Whether the result may take the place of this operand, which the group reads. */
static bool replaces(const pal__plan *p, uint32_t g, uint32_t id, uint32_t operand, size_t now)
{
    const pal_tape *t = p->tape;
    const pal__group *group = &p->groups[g];
    const uint32_t from = pal__group_of(p, operand);
    if (from == PAL__NONE || from == g || p->ends[operand] != now + 1 || room_of(p, operand) != room_of(p, id) ||
        pal_dtype_size((pal_dtype)pal__at(t, operand)->dtype) != pal_dtype_size((pal_dtype)pal__at(t, id)->dtype))
        return false;
    for (size_t m = 0; m < group->n_members; m++)
        for (uint32_t k = 0; k < pal__at(t, group->members[m])->n; k++) {
            const uint32_t in = pal__arg(t, group->members[m], k);
            if (p->view[in].base != operand) continue;
            if (!pal__identity(p, in, *pal__at(t, id)->shape) || (group->kind == PAL__GROUP_KERNEL && k)) return false;
        }
    return true;
}

/* Of the operands whose place the result may take, the one with the lowest; 0: there is none. */
static uint32_t dying_operand(const placing *b, uint32_t g, uint32_t id, size_t now)
{
    const pal__plan *p = b->plan;
    const pal_tape *t = p->tape;
    const pal__group *group = &p->groups[g];
    const bool kernel = group->kind == PAL__GROUP_KERNEL;
    uint32_t best = 0;
    if (!(p->passes & PAL_PASS_INPLACE) || group->kind == PAL__GROUP_REGION) return 0;
    if (kernel && !(pal__at(t, id)->op->capabilities & PAL_OVERWRITES)) return 0;
    for (size_t m = 0; m < group->n_members; m++)
        for (uint32_t k = 0; k < pal__at(t, group->members[m])->n && !(kernel && k); k++) {
            const uint32_t operand = p->view[pal__arg(t, group->members[m], k)].base;
            if (operand == best || !replaces(p, g, id, operand, now)) continue;
            if (!best || b->blocks[p->offset[operand]].offset < b->blocks[p->offset[best]].offset) best = operand;
        }
    return best;
}

static bool place_member(placing *b, uint32_t g, uint32_t id, size_t now)
{
    pal__plan *p = b->plan;
    p->home[id] = PAL__ARENA;
    if (p->ends[id] < now + 1) p->ends[id] = (uint32_t)now + 1;
    const size_t size = room_of(p, id);
    const uint32_t old = size ? dying_operand(b, g, id, now) : 0;
    if (!size) {
        p->ends[id] = 0;
        return true;
    }
    if (p->ends[id] != PAL__NONE) {
        p->next[id] = b->free_at[p->ends[id] - 1];
        b->free_at[p->ends[id] - 1] = id;
    }
    if (!old) return take(b, size, now, &p->offset[id]);
    p->offset[id] = p->offset[old];
    p->ends[old] = 0;
    return true;
}

/* What a kernel's operation asks for; *size in bytes. */
static bool scratch_of(const pal__plan *p, uint32_t g, size_t *size)
{
    static const pal_follow fed;
    const uint32_t id = p->groups[g].members[0];
    const pal_op *op = pal__at(p->tape, id)->op;
    pal__types types;
    pal_call call;
    if (!op->scratch) return true;
    if (!pal__call_open(p, id, &types, &call)) return false;
    if (p->fed[g]) call.follow = &fed;
    *size = op->scratch(&call);
    pal__types_free(p->tape, &types);
    return true;
}

bool pal__step_needs(const pal__plan *p, uint32_t g, size_t *size)
{
    *size = 0;
    if (p->groups[g].kind == PAL__GROUP_KERNEL) return scratch_of(p, g, size);
    if (p->groups[g].kind == PAL__GROUP_REGION) *size = p->bodies[g]->arena;
    for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1]) *size += pal__sum_room(p, g, s - 1);
    return true;
}

static bool place_members(placing *b, uint32_t g, size_t now)
{
    const pal__plan *p = b->plan;
    for (size_t m = 0; m < p->groups[g].n_members; m++) {
        const uint32_t id = p->groups[g].members[m];
        if (p->stored[id] && !place_member(b, g, id, now)) return false;
    }
    return true;
}

static bool place_step(placing *b, size_t now)
{
    pal__plan *p = b->plan;
    const uint32_t g = p->order[now];
    size_t scratch, block = SIZE_MAX;
    if (!place_members(b, g, now) || (p->fed[g] && !place_members(b, p->fed[g] - 1, now))) return false;
    for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1])
        if (!place_members(b, s - 1, now)) return false;
    if (!pal__step_needs(p, g, &scratch)) return false;
    scratch = PAL__ALIGN(scratch);
    /* A region's body is counted by what it needs, though it gets the arena that was made for it. */
    const size_t excess = p->groups[g].kind == PAL__GROUP_REGION ? p->bodies[g]->arena - p->bodies[g]->least : 0;
    b->live -= excess;
    if (scratch && !take(b, scratch, now, &block)) return false;
    p->scratch[g] = block;
    if (scratch && !give_back(b, block, now)) return false;
    b->live += excess;
    return drop(b, now);
}

/* Sets the offsets of values and scratch, from those of their blocks. */
static void set_offsets(placing *b)
{
    pal__plan *p = b->plan;
    for (size_t i = 0; i < p->n_ids; i++) {
        const uint32_t id = p->ids[i];
        if (p->home[id] == PAL__ARENA && room_of(p, id)) p->offset[id] = b->blocks[p->offset[id]].offset;
    }
    for (size_t i = 0; i < p->n_order; i++) {
        size_t *scratch = &p->scratch[p->order[i]];
        *scratch = *scratch == SIZE_MAX ? 0 : b->blocks[*scratch].offset;
    }
}

/* False: a group is not in the schedule, which no pass may cause: a program without it would compute something else. */
static bool find_positions(placing *b)
{
    const pal__plan *p = b->plan;
    size_t alive = 0, found = 0;
    for (uint32_t g = 0; g < p->n_groups; g++) alive += !p->groups[g].dead;
    for (size_t i = 0; i < p->n_order; i++) {
        const uint32_t g = p->order[i];
        b->position[g] = (uint32_t)i;
        if (p->fed[g]) b->position[p->fed[g] - 1] = (uint32_t)i;
        found += p->fed[g] ? 2 : 1;
        for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1], found++) b->position[s - 1] = (uint32_t)i;
    }
    return found == alive;
}

bool pal__place(pal__plan *p)
{
    pal_context *c = p->context;
    placing b = {.plan = p,
                 .position = pal__alloc(c, p->n_groups * sizeof *b.position),
                 .free_at = pal__alloc(c, p->n_order * sizeof *b.free_at)};
    bool ok = b.position && b.free_at && pal__ranges_add(c, &b.gaps, 0, WHOLE, 0);
    ok = ok && find_positions(&b);
    if (ok) find_stored(&b);
    for (size_t i = 0; i < p->n_ids && ok; i++) {
        const pal_op *op = pal__at(p->tape, p->ids[i])->op;
        if (op == &pal__op_leaf) p->home[p->ids[i]] = PAL__LEAF;
        if (op == &pal__op_index) p->home[p->ids[i]] = PAL__COUNTER;
    }
    for (size_t i = 0; i < p->n_order && ok; i++) ok = place_step(&b, i);
    ok = ok && pal__pack(c, b.blocks, b.n_blocks, b.most, &b.top);
    if (ok) set_offsets(&b);
    p->arena = b.top;
    p->least = b.most;
    pal__free(c, b.blocks);
    pal__free(c, b.position);
    pal__free(c, b.free_at);
    pal__ranges_free(c, &b.gaps);
    return ok;
}
