/* emit.c - the pass `emit`: groups in their order become steps with fixed addresses.
 *
 * In: a plan that is placed, and an empty program. Out: the program's steps, its arena, its leaves, its outputs. After
 * this the tape and the plan are no longer needed: every name, shape and parameter that a step uses is copied.
 *
 * Addresses. An address is a leaf's data plus an offset, a region's counter, or the arena plus an offset. Addresses in
 * leaves are recorded as references (pal__ref), so that pal_bind can set them again. Where a process computes several
 * shards of a batch, there are steps for each, with an arena of its own.
 *
 * Relies on: fuse.c (limits of one loop), place.c (offsets), emit_loop.c (loops). Leaves to run.c: straight lists
 * without decisions. */
#include "autograd/compile/internal.h"

#include <string.h>

/* ---- Addresses ------------------------------------------------------------------------------------------------ */

/* Sets *where to the address of entry id's elements, and remembers it if it lies in a leaf. */
bool pal__resolve(pal_program *p, const pal__plan *plan, uint32_t id, const void **where)
{
    const pal_tape *t = plan->tape;
    uint32_t base = plan->view[id].base;
    const pal__entry *e = pal__at(t, base);
    size_t bytes = (size_t)plan->view[id].offset * pal_dtype_size((pal_dtype)e->dtype);
    if (e->rows) bytes += (size_t)p->emitted * pal__entry_bytes(t, base);
    if (e->op == &pal__op_leaf) return pal__refer(p, e->tensor, e->params->name, bytes, where);
    if (e->op == &pal__op_index) {
        while (plan->parent && !plan->counters[base]) plan = plan->parent;
        *where = plan->counters[base];
        return true;
    }
    while (plan->region != e->region) plan = plan->parent;
    *where = p->arena + plan->base + plan->offset[base] + bytes;
    return true;
}

/* ---- Kernels and regions -------------------------------------------------------------------------------------- */

static bool emit_kernel(pal_program *program, const pal__plan *plan, uint32_t g, pal__step *step)
{
    const pal_tape *t = plan->tape;
    uint32_t id = plan->groups[g].members[0];
    const pal__entry *e = pal__at(t, id);
    const void **in = pal__keep(program, e->n * sizeof *in);
    const pal_params *params = pal__keep_numbers(program, e->params);
    const void *out = NULL;
    pal__types types;
    if (!in || !params || !pal__types_of(t, pal__operands(t, e), e->n, &types)) return false;
    const pal_shape *shapes = pal__keep_once(program, types.shapes, e->n * sizeof *shapes);
    const pal_dtype *dtypes = pal__keep_once(program, types.dtypes, e->n * sizeof *dtypes);
    pal__types_free(t, &types);
    if (!shapes || !dtypes) return false;
    for (uint32_t k = 0; k < e->n; k++)
        if (!pal__resolve(program, plan, pal__arg(t, id, k), &in[k])) return false;
    if (!plan->fed[g] && !pal__resolve(program, plan, id, &out)) return false;
    step->run = e->op->run;
    step->call = (pal_call){.context = plan->context,
                            .params = params,
                            .n = e->n,
                            .in = in,
                            .in_shape = shapes,
                            .in_dtype = dtypes,
                            .out = (void *)(uintptr_t)out,
                            .shape = *e->shape,
                            .dtype = (pal_dtype)e->dtype,
                            .scratch = program->arena + plan->base + plan->scratch[g],
                            .lanes = program->lanes,
                            .why = program->why};
    if (step->run) return true;
    pal_tape_fail(plan->tape, PAL_ERR_ARGUMENT, "%s: cannot run%s", e->op->name,
                  e->op == &pal__op_placeholder ? ": a placeholder was left in the program" : "");
    return false;
}

static bool emit_steps(pal_program *program, pal__plan *plan, pal__step **steps, size_t *n);

static bool emit_region(pal_program *program, pal__plan *plan, uint32_t g, pal__step *step)
{
    pal__plan *body = plan->bodies[g];
    uint32_t id = plan->groups[g].members[0];
    const pal__entry *e = pal__at(plan->tape, id);
    step->counter = pal__keep(program, sizeof *step->counter);
    if (!step->counter) return false;
    step->count = e->params->i[0];
    body->base = plan->base + plan->scratch[g];
    body->counters[e->index] = step->counter;
    const void *out;
    if (!emit_steps(program, body, &step->body, &step->n_body) || !pal__resolve(program, body, e->body, &step->term) ||
        !pal__resolve(program, plan, id, &out))
        return false;
    step->call = (pal_call){
        .context = plan->context, .out = (void *)(uintptr_t)out, .shape = *e->shape, .dtype = (pal_dtype)e->dtype};
    return true;
}

/* What messages and texts say of a step. */
static bool name_step(pal_program *program, const pal__plan *plan, uint32_t g, pal__step *step)
{
    const pal__group *group = &plan->groups[g];
    const pal__entry *e = pal__at(plan->tape, group->members[group->n_members - 1]);
    const char *path = pal__scope_path(plan->tape, e->scope);
    step->op = e->op;
    step->origin = e->origin;
    step->scope = pal__keep_once(program, path, strlen(path) + 1);
    return step->scope != NULL;
}

/* What a loop reads or writes at its own index, apart from what it is fed. */
static void note_beside(const pal__loop *l, pal_follow *follow)
{
    for (size_t i = 0; i < l->n_loads && follow->n_beside < PAL_FOLLOW_BESIDE; i++)
        if (l->loads[i].direct && !l->loads[i].fed && !l->loads[i].constant)
            follow->beside[follow->n_beside++] =
                (struct pal_follow_beside){.data = &l->loads[i].data, .size = l->loads[i].size};
}

/* The loop that takes the result of this kernel. */
static bool emit_fed(pal_program *program, const pal__plan *plan, uint32_t g, pal__step *step)
{
    step->next = pal__keep(program, sizeof *step->next);
    if (!step->next || !name_step(program, plan, g, step->next)) return false;
    step->next->program = program;
    step->follow = (pal_follow){.take = pal__run_fed, .user = step->next};
    step->call.follow = &step->follow;
    if (!pal__emit_loop(program, plan, g, step->next)) return false;
    note_beside(step->next->loop, &step->follow);
    return true;
}

static bool emit_steps(pal_program *program, pal__plan *plan, pal__step **steps, size_t *n)
{
    *steps = pal__keep(program, plan->n_order * sizeof **steps);
    *n = plan->n_order;
    if (!*steps) return false;
    for (size_t i = 0; i < plan->n_order; i++) {
        uint32_t g = plan->order[i];
        const pal__group_kind kind = plan->groups[g].kind;
        pal__step *step = &(*steps)[i];
        bool ok =
            name_step(program, plan, g, step) && (kind == PAL__GROUP_LOOP     ? pal__emit_loop(program, plan, g, step)
                                                  : kind == PAL__GROUP_KERNEL ? emit_kernel(program, plan, g, step)
                                                                              : emit_region(program, plan, g, step));
        if (!ok || (plan->fed[g] && !emit_fed(program, plan, plan->fed[g] - 1, step))) return false;
    }
    return true;
}

/* The steps of every shard of this process, each with an arena of its own. The first one's are those of the program. */
static bool emit_shards(pal_program *program, pal__plan *plan)
{
    const int64_t local = plan->once ? plan->tape->local_shards : 1;
    pal__step **steps = pal__keep(program, (size_t)local * sizeof *steps);
    if (!steps) return false;
    for (int64_t i = local; i-- > 0;) {
        program->emitted = i;
        program->arena = pal__keep(program, plan->arena);
        if (!program->arena || !emit_steps(program, plan, &steps[i], &program->n_steps)) return false;
    }
    program->steps = steps[0];
    if (!plan->once) return true;
    program->shared = pal__keep(program, sizeof *program->shared);
    if (program->shared) program->shared->steps = steps;
    return program->shared && pal__emit_shared(program, plan);
}

bool pal__emit(pal_program *program, pal__plan *plan)
{
    const size_t local = plan->once ? (size_t)plan->tape->local_shards : 1;
    program->arena_size = plan->arena * local;
    program->arena_least = plan->least * local;
    if (!emit_shards(program, plan)) goto failed;
    program->registers = pal__keep(program, program->register_bytes * pal_worker_count(program->context));
    program->outputs = pal__keep(program, plan->n_outputs * sizeof *program->outputs);
    if (!program->registers || !program->outputs) goto failed;
    program->n_outputs = plan->n_outputs;
    for (size_t i = 0; i < plan->n_outputs; i++) {
        const pal__entry *e = pal__at(plan->tape, plan->outputs[i]);
        program->outputs[i] = (pal_tensor){.shape = *e->shape, .dtype = (pal_dtype)e->dtype, .context = plan->context};
        if (!pal__resolve(program, plan, plan->outputs[i], (const void **)(void *)&program->outputs[i].data))
            goto failed;
    }
    return true;
failed:
    pal__out_of_memory(plan->tape, "compile");
    return false;
}
