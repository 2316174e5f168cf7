/* collect.c - the pass `collect`: a loop ends in the sums of what it computes.
 *
 * In: a plan with a schedule, after feed. Out: p->sums, and a schedule without the sums that loops make on their way.
 * What only such a sum reads is never stored, and what is stored is not read again for the sum.
 *
 * A loop makes a sum if it computes what is summed, if that is summed in the order in which the loop computes it (over
 * the last axes), and if the sums are long: a loop goes from the beginning of each sum in tiles, and a tile is a block
 * of a sum (machine/sum.c). So a sum has the same bits inside a loop and as a step of its own.
 *
 * Relies on: feed.c, since a loop that takes pieces from a kernel gets them in any order and size, and makes no sums.
 * Leaves to place: groups of the kind PAL__GROUP_SUM at the positions of their loops.
 *
 * Why not sums over the first axes, such as the gradient of a bias: a worker has some of the rows, and the sixteen
 * partial sums of a block take rows from everywhere. Why after schedule: a sum reads nothing but its loop's result, so
 * it can always move up to the loop; before, it would only be in the way of fuse. */
#include "autograd/compile/internal.h"
#include "autograd/machine/kernels.h"

_Static_assert(PAL_TILE == PAL__SUM_BLOCK, "a tile is a block of a sum");

enum { LEAST_TERMS = PAL_TILE / 2 }; /* shorter sums, if there are several, would leave tiles too empty */

/* The terms of each result, if a sum takes its operand from the beginning to the end; 0: it does not. */
static size_t terms_of(pal_shape in, pal_shape out)
{
    int64_t outer = 1, terms = 1;
    for (int a = 0; a < in.rank; a++) {
        const int b = a - (in.rank - out.rank);
        const bool kept = b >= 0 && out.dim[b] == in.dim[a];
        if (in.dim[a] == 1) continue;
        if (kept && terms > 1) return 0;
        *(kept ? &outer : &terms) *= in.dim[a];
    }
    return terms > 1 && outer && (outer == 1 || terms >= LEAST_TERMS) ? (size_t)terms : 0;
}

/* A loop that reads along rows what lies in columns is run in another order. */
static bool runs_in_order(const pal__plan *p, const pal__group *loop)
{
    for (size_t m = 0; m < loop->n_members; m++) {
        const pal__entry *e = pal__at(p->tape, loop->members[m]);
        for (uint32_t k = 0; k < e->n; k++) {
            const uint32_t in = pal__arg(p->tape, loop->members[m], k);
            const int rank = pal__at(p->tape, in)->shape->rank;
            if (!p->view[in].contiguous && rank && p->view[in].stride[rank - 1] > 1) return false;
        }
    }
    return true;
}

/* The loop that makes this sum on its way; PAL__NONE: it stays a step. *terms: of each of its results. */
static uint32_t loop_of(const pal__plan *p, uint32_t sum, const bool *step, size_t *terms)
{
    const uint32_t id = p->groups[sum].members[0];
    const pal__entry *e = pal__at(p->tape, id);
    if (p->groups[sum].kind != PAL__GROUP_KERNEL || e->op != &pal__op_sum_to || e->dtype > PAL_F64) return PAL__NONE;
    const uint32_t in = pal__arg(p->tape, id, 0), base = p->view[in].base, loop = pal__group_of(p, base);
    if (loop == PAL__NONE || !step[loop] || p->groups[loop].kind != PAL__GROUP_LOOP) return PAL__NONE;
    *terms = terms_of(*pal__at(p->tape, in)->shape, *e->shape);
    const bool whole = pal__identity(p, in, *pal__at(p->tape, p->groups[loop].members[0])->shape);
    return *terms && whole && runs_in_order(p, &p->groups[loop]) ? loop : PAL__NONE;
}

size_t pal__sum_room(const pal__plan *p, uint32_t loop, uint32_t sum)
{
    const size_t terms = p->terms[loop],
                 count = (size_t)pal_shape_count(*pal__at(p->tape, p->groups[loop].first)->shape);
    const pal_dtype dtype = (pal_dtype)pal__at(p->tape, p->groups[sum].members[0])->dtype;
    return count / terms * ((terms + PAL_TILE - 1) / PAL_TILE) * pal_dtype_size(dtype);
}

bool pal__collect(pal__plan *p)
{
    pal_context *c = p->context;
    bool *step = pal__alloc(c, p->n_groups * sizeof *step);
    p->sums = pal__alloc(c, p->n_groups * sizeof *p->sums);
    p->terms = pal__alloc(c, p->n_groups * sizeof *p->terms);
    const bool ok = step && p->sums && p->terms;
    for (size_t i = 0; i < p->n_order && ok; i++) step[p->order[i]] = true;
    size_t n = 0;
    for (size_t i = 0; i < p->n_order && ok; i++) {
        const uint32_t g = p->order[i];
        size_t terms = 0;
        const uint32_t loop = p->passes & PAL_PASS_FUSE ? loop_of(p, g, step, &terms) : PAL__NONE;
        if (loop == PAL__NONE || (p->sums[loop] && p->terms[loop] != terms)) {
            p->order[n++] = g;
            continue;
        }
        p->groups[g].kind = PAL__GROUP_SUM;
        p->summed[p->view[pal__arg(p->tape, p->groups[g].members[0], 0)].base] = true;
        p->sums[g] = p->sums[loop];
        p->sums[loop] = g + 1;
        p->terms[loop] = terms;
    }
    if (ok) p->n_order = n;
    pal__free(c, step);
    return ok;
}
