/* super.c - finds superinstructions: operations of one loop that a descriptor offers a common kernel for (pal_super).
 *
 * In: the members of a loop. Out: for a member, the superinstruction that ends in it, if there is one, with the members
 * that it replaces and the values that it reads. It runs where the last of them did.
 *
 * A superinstruction fits if its steps are found among the members, from the last one backwards; if all values have its
 * type; if only its outputs are read or stored outside of it; and if nothing that runs before it reads them.
 *
 * Why: an interpreted loop goes through its registers once per instruction, and it asks for one array after the other.
 * A kernel of its own keeps everything in the processor's registers and has all arrays on their way at once. Why after
 * fuse, and not as an operation of the tape: so nothing else, from derivatives to texts, has to know of it. */
#include "autograd/compile/internal.h"

#include <string.h>

typedef struct search {
    const pal__plan *plan;
    const pal__group *group;
    const size_t *at; /* by member: where it runs */
    pal_dtype dtype;
    pal__found *found;
    bool bound[PAL_SUPER_INPUTS];
} search;

static size_t member_of(const search *s, uint32_t id) { return pal__member_of(s->plan, s->group, id); }

static bool is_step(const pal__found *f, size_t m)
{
    for (size_t k = 0; k < f->super->n_steps; k++)
        if (f->member[k] == m) return true;
    return false;
}

static bool is_output(const pal__found *f, size_t m)
{
    for (size_t k = 0; k < f->super->n_out; k++)
        if (f->member[f->super->out[k] - f->super->n_in] == m) return true;
    return false;
}

static bool bind_input(search *s, size_t k, uint32_t id)
{
    if (s->bound[k]) return s->found->input[k] == id;
    s->found->input[k] = id;
    return s->bound[k] = (pal_dtype)pal__at(s->plan->tape, id)->dtype == s->dtype;
}

static bool bind_step(search *s, size_t k, uint32_t id);

/* Binds what step k reads. turned: the operands of a commutative operation the other way round. */
static bool bind_operands(search *s, size_t k, uint32_t id, bool turned)
{
    const pal_super *super = s->found->super;
    const uint32_t n = pal__at(s->plan->tape, id)->n;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t in = pal__arg(s->plan->tape, id, turned ? n - 1 - i : i);
        const size_t from = super->step[k].in[i];
        if (!(from < super->n_in ? bind_input(s, from, in) : bind_step(s, from - super->n_in, in))) return false;
    }
    return true;
}

/* Binds step k to the member of entry id, and what it reads to inputs and earlier steps. */
static bool bind_step(search *s, size_t k, uint32_t id)
{
    const pal__entry *e = pal__at(s->plan->tape, id);
    const size_t m = member_of(s, id);
    if (s->found->member[k] != SIZE_MAX) return s->found->member[k] == m;
    if (m == SIZE_MAX || s->at[m] != m || (pal_dtype)e->dtype != s->dtype ||
        strcmp(e->op->name, s->found->super->step[k].op) != 0)
        return false;
    s->found->member[k] = m;
    const pal__found found = *s->found;
    const search before = *s;
    if (bind_operands(s, k, id, false)) return true;
    *s = before;
    *s->found = found;
    return e->op->capabilities & PAL_COMMUTATIVE && bind_operands(s, k, id, true);
}

/* A step that the last one does not depend on, such as a loss beside its gradient. */
static bool bind_beside(search *s, size_t k)
{
    const pal__found found = *s->found;
    const search before = *s;
    for (size_t m = 0; m < s->group->n_members; m++) {
        if (bind_step(s, k, s->group->members[m])) return true;
        *s = before;
        *s->found = found;
    }
    return false;
}

static bool bind_all(search *s, size_t root)
{
    const size_t n = s->found->super->n_steps;
    if (!bind_step(s, n - 1, s->group->members[root])) return false;
    for (size_t k = n - 1; k-- > 0;)
        if (s->found->member[k] == SIZE_MAX && !bind_beside(s, k)) return false;
    for (size_t k = 0; k < n; k++)
        if (s->found->member[k] > s->found->last) s->found->last = s->found->member[k];
    return true;
}

/* Whether nothing that it reads is a step of it, as in x - x where x is a product. */
static bool reads_no_step(const search *s)
{
    for (size_t k = 0; k < s->found->super->n_in; k++) {
        const size_t m = member_of(s, s->plan->view[s->found->input[k]].base);
        if (m != SIZE_MAX && is_step(s->found, m)) return false;
    }
    return true;
}

/* Whether the rest of the loop, and what is outside of it, can do without the values that are no outputs. */
static bool stands_alone(const search *s)
{
    const pal__found *f = s->found;
    const pal__plan *p = s->plan;
    for (size_t k = 0; k < f->super->n_steps; k++) {
        const uint32_t id = s->group->members[f->member[k]];
        if ((p->stored[id] || p->target[id] || p->summed[id]) && !is_output(f, f->member[k])) return false;
    }
    for (size_t q = 0; q < s->group->n_members; q++) {
        const pal__entry *e = pal__at(p->tape, s->group->members[q]);
        for (uint32_t i = 0; i < e->n && !is_step(f, q); i++) {
            const size_t from = member_of(s, p->view[pal__arg(p->tape, s->group->members[q], i)].base);
            if (from != SIZE_MAX && is_step(f, from) && (!is_output(f, from) || s->at[q] < f->last)) return false;
        }
    }
    return true;
}

bool pal__find_super(const pal__plan *plan, const pal__group *group, const size_t *at, size_t root, pal__found *found)
{
    const uint32_t id = group->members[root];
    const pal__entry *e = pal__at(plan->tape, id);
    for (const pal_super *const *row = e->op->super; row && *row; row++) {
        const pal_dtype dtype = (pal_dtype)e->dtype;
        search s = {.plan = plan, .group = group, .at = at, .dtype = dtype, .found = found};
        if (dtype > PAL_F64 || !(*row)->tile[pal_kernel_isa(plan->context)][dtype]) continue;
        *found = (pal__found){.super = *row};
        for (size_t k = 0; k < (*row)->n_steps; k++) found->member[k] = SIZE_MAX;
        if (bind_all(&s, root) && reads_no_step(&s) && stands_alone(&s)) return true;
    }
    return false;
}
