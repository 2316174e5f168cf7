/* plan_parts.c - a plan as data that others can read: its steps, and which part of the arena holds which value when.
 *
 * In: a plan that is placed. Out: a pal_plan (operation.h), whose texts belong to the tape of the plan. Lifetimes are
 * found anew from who reads what, since place.c forgets that of a value once another takes its place. A place over
 * which another is written ends at the step that does it, and at the same offset; that is how such pairs are found. */
#include "autograd/compile/internal.h"

typedef struct making {
    const pal__plan *plan;
    pal_plan_step *steps;
    pal_plan_place *places;
    const pal_op **ops;
    size_t *position; /* by group: in the schedule */
    size_t *ending;   /* by step: the last place, from 1 on, that ends there; 0: none */
    size_t *before;   /* by place: the one before it in such a list */
    size_t n_ops, n_places;
} making;

/* The steps of a region's body, with those of the regions inside. As deep as the regions are nested, like run.c. */
static size_t steps_of(const pal__plan *p)
{
    size_t n = p->n_order;
    for (size_t g = 0; g < p->n_groups; g++)
        if (p->bodies[g]) n += steps_of(p->bodies[g]);
    return n;
}

static size_t add_ops(making *m, pal_plan_step *step, uint32_t g)
{
    const pal__group *group = &m->plan->groups[g];
    for (size_t i = 0; i < group->n_members; i++) {
        const pal__entry *e = pal__at(m->plan->tape, group->members[i]);
        if (e->order > step->order) step->order = e->order;
        m->ops[m->n_ops++] = e->op;
    }
    return group->n_members;
}

static void add_step(making *m, size_t now)
{
    static const pal_plan_kind kinds[] = {[PAL__GROUP_LOOP] = PAL_PLAN_LOOP,
                                          [PAL__GROUP_KERNEL] = PAL_PLAN_KERNEL,
                                          [PAL__GROUP_REGION] = PAL_PLAN_REGION};
    const pal__plan *p = m->plan;
    const uint32_t g = p->order[now];
    const pal__entry *last = pal__at(p->tape, p->groups[g].members[p->groups[g].n_members - 1]);
    pal_plan_step *step = &m->steps[now];
    *step = (pal_plan_step){
        .kind = kinds[p->groups[g].kind], .ops = m->ops + m->n_ops, .scope = pal__scope_path(p->tape, last->scope)};
    step->n_own = add_ops(m, step, g);
    if (p->fed[g]) step->n_then = add_ops(m, step, p->fed[g] - 1);
    for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1]) step->n_sums += add_ops(m, step, s - 1);
    if (p->groups[g].kind != PAL__GROUP_REGION) return;
    step->terms = last->params->i[0];
    step->n_body = steps_of(p->bodies[g]);
}

/* The step that reads a value last, not before the one that writes it. */
static size_t last_reader(const making *m, uint32_t id, size_t written)
{
    const pal__plan *p = m->plan;
    size_t last = written;
    for (uint32_t r = p->reader_first[id]; r < p->reader_first[id + 1]; r++) {
        const size_t at = m->position[p->group[p->readers[r]]];
        if (at > last) last = at;
    }
    return last;
}

static void add_place(making *m, pal_plan_place place)
{
    for (size_t i = m->ending[place.first]; i && place.op; i = m->before[i - 1])
        if (m->places[i - 1].offset == place.offset) place.over = i;
    m->places[m->n_places] = place;
    m->before[m->n_places] = m->ending[place.last];
    m->ending[place.last] = ++m->n_places;
}

static void add_values(making *m, uint32_t g)
{
    const pal__plan *p = m->plan;
    for (size_t i = 0; i < p->groups[g].n_members; i++) {
        const uint32_t id = p->groups[g].members[i];
        const size_t bytes = pal__entry_bytes(p->tape, id), now = m->position[g];
        if (!p->stored[id] || p->home[id] != PAL__ARENA || !bytes) continue;
        pal_plan_place place = {.op = pal__at(p->tape, id)->op,
                                .number = id,
                                .order = pal__at(p->tape, id)->order,
                                .offset = p->offset[id],
                                .bytes = PAL__ALIGN(bytes),
                                .first = now};
        for (size_t k = p->n_outputs; k-- > 0;)
            if (p->view[p->outputs[k]].base == id) place.output = k + 1;
        place.last = place.output ? p->n_order - 1 : last_reader(m, id, now);
        add_place(m, place);
    }
}

/* What the step needs for itself alone, as place.c has counted it. */
static void add_scratch(making *m, size_t now)
{
    const uint32_t g = m->plan->order[now];
    size_t bytes = 0;
    if (!pal__step_needs(m->plan, g, &bytes) || !bytes) return;
    add_place(m, (pal_plan_place){.order = m->steps[now].order,
                                  .offset = m->plan->scratch[g],
                                  .bytes = PAL__ALIGN(bytes),
                                  .first = now,
                                  .last = now});
}

static void fill_in(making *m)
{
    const pal__plan *p = m->plan;
    for (size_t i = 0; i < p->n_order; i++) {
        const uint32_t g = p->order[i];
        m->position[g] = i;
        if (p->fed[g]) m->position[p->fed[g] - 1] = i;
        for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1]) m->position[s - 1] = i;
    }
    for (size_t i = 0; i < p->n_order; i++) {
        const uint32_t g = p->order[i];
        add_step(m, i);
        add_values(m, g);
        if (p->fed[g]) add_values(m, p->fed[g] - 1);
        for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1]) add_values(m, s - 1);
        add_scratch(m, i);
    }
}

bool pal__plan_parts(const pal__plan *p, pal_plan *out)
{
    pal_context *c = p->context;
    const size_t most = p->n_ids + p->n_order; /* places: one a value, and one a step */
    making m = {.plan = p,
                .steps = pal__alloc(c, p->n_order * sizeof *m.steps),
                .places = pal__alloc(c, most * sizeof *m.places),
                .ops = pal__alloc(c, p->n_ids * sizeof *m.ops),
                .position = pal__alloc(c, p->n_groups * sizeof *m.position),
                .ending = pal__alloc(c, p->n_order * sizeof *m.ending),
                .before = pal__alloc(c, most * sizeof *m.before)};
    const bool ok = m.steps && m.places && m.ops && m.position && m.ending && m.before;
    if (ok) fill_in(&m);
    *out = (pal_plan){.steps = m.steps,
                      .n_steps = p->n_order,
                      .places = m.places,
                      .n_places = m.n_places,
                      .ops = m.ops,
                      .arena = p->arena,
                      .least = p->least};
    pal__free(c, m.position);
    pal__free(c, m.ending);
    pal__free(c, m.before);
    if (!ok) pal__plan_parts_free(c, out);
    return ok;
}

void pal__plan_parts_free(pal_context *c, pal_plan *parts)
{
    pal__free(c, (void *)(uintptr_t)parts->steps);
    pal__free(c, (void *)(uintptr_t)parts->places);
    pal__free(c, (void *)(uintptr_t)parts->ops);
    *parts = (pal_plan){0};
}
