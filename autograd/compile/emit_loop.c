/* emit_loop.c - the part of the pass `emit` that makes loops.
 *
 * In: a group of elementwise operations. Out: a loop: a list of instructions over registers of one tile, PAL_TILE
 * elements.
 *
 * Registers 0 .. n_loads-1 belong to the loads. The registers above hold results; one is used again when its last
 * reader has run. A result is written straight to memory unless a later instruction of the loop still reads what lies
 * there (an operand whose place it takes, a leaf that it assigns). Then the store is "late": a copy at the end of the
 * tile. Neighbouring axes through which all loads step alike are collapsed into one, so that most loops are flat.
 *
 * Sums (collect.c). The register of what is summed is kept to the end of the tile, where a block of the sum is made of
 * it.
 *
 * Superinstructions (super.c). Members that one kernel computes together become one instruction, where the last of them
 * is.
 *
 * Turned loads. A load whose neighbouring columns lie side by side in memory would take one element of each cache line
 * per row. Such loads are gathered for PAL__TURN_ROWS rows at once, into memory behind the registers. Not where a kernel
 * hands over its result: its pieces have any order and size.
 *
 * Why an interpreter of tiles and not generated code: compiling C at run time takes 50 to 110 ms per kernel and needs a
 * compiler on the user's machine. What would cost most, such as Adam's update, is a superinstruction. */
#include "autograd/compile/internal.h"

#include <string.h>

_Static_assert(PAL__LOOP_REGISTERS <= UINT8_MAX + 1, "an instruction names its registers by bytes");

typedef struct builder {
    pal_program *program;
    const pal__plan *plan;
    const pal__group *group;
    pal__loop *loop;
    pal_shape shape;
    uint32_t load_of[PAL__LOOP_REGISTERS]; /* the id each load reads */
    size_t last[PAL__LOOP_REGISTERS];      /* the instruction that reads a load last */
    bool busy[PAL__LOOP_REGISTERS];
    /* By member: */
    uint8_t reg[PAL__LOOP_MEMBERS];       /* its register */
    size_t ends[PAL__LOOP_MEMBERS];       /* the instruction that reads it last; n: a late store */
    size_t at[PAL__LOOP_MEMBERS];         /* the member where it runs: itself, or where its superinstruction does */
    pal__found *found[PAL__LOOP_MEMBERS]; /* the superinstruction that runs there; NULL: none */
} builder;

static size_t member_of(const builder *b, uint32_t id) { return pal__member_of(b->plan, b->group, id); }

static bool add_load(builder *b, uint32_t in, size_t reader)
{
    const pal__plan *p = b->plan;
    pal__loop *l = b->loop;
    const pal__entry *e = pal__at(p->tape, in), *base = pal__at(p->tape, p->view[in].base);
    for (size_t i = 0; i < l->n_loads; i++)
        if (b->load_of[i] == in) {
            if (b->last[i] < reader) b->last[i] = reader;
            return true;
        }
    pal__load *load = &l->loads[l->n_loads];
    b->load_of[l->n_loads] = in;
    b->last[l->n_loads++] = reader;
    load->size = pal_dtype_size((pal_dtype)e->dtype);
    if (base->op->op_class == PAL_CLASS_CONSTANT) {
        load->constant = true;
        load->data = pal__splat(b->program, (pal_dtype)e->dtype, base->params->r[0]);
        return load->data != NULL;
    }
    const uint32_t group = pal__group_of(p, p->view[in].base);
    load->fed = group != PAL__NONE && p->fed[group];
    if (load->fed) return true;
    load->direct = p->view[in].contiguous && pal_shape_equal(*e->shape, b->shape);
    load->uniform = !load->direct;
    for (int a = 0; a < b->shape.rank; a++) {
        int k = a - (b->shape.rank - e->shape->rank);
        load->stride[a] = k < 0 || e->shape->dim[k] == 1 ? 0 : p->view[in].stride[k];
        load->uniform &= load->stride[a] == 0;
    }
    return pal__resolve(b->program, p, in, &load->data);
}

static bool find_loads(builder *b)
{
    const pal__plan *p = b->plan;
    for (size_t m = 0; m < b->group->n_members; m++) {
        uint32_t id = b->group->members[m];
        const pal__entry *e = pal__at(p->tape, id);
        if (e->op->op_class == PAL_CLASS_RANDOM) continue;
        for (uint32_t k = e->op->op_class == PAL_CLASS_EFFECT; k < e->n; k++) {
            uint32_t in = pal__arg(p->tape, id, k);
            size_t from = member_of(b, p->view[in].base);
            if (from == SIZE_MAX && !add_load(b, in, b->at[m])) return false;
            if (from != SIZE_MAX && b->ends[from] < b->at[m]) b->ends[from] = b->at[m];
        }
    }
    return true;
}

/* Joins neighbouring axes that every load steps through alike; axes of 1 go. */
static void collapse(builder *b)
{
    pal__loop *l = b->loop;
    l->rank = 0;
    for (int a = 0; a < b->shape.rank; a++) {
        if (b->shape.dim[a] == 1) continue;
        bool joins = l->rank > 0;
        for (size_t i = 0; i < l->n_loads && joins; i++)
            joins = l->loads[i].direct || l->loads[i].constant ||
                    l->loads[i].stride[l->rank - 1] == l->loads[i].stride[a] * b->shape.dim[a];
        int to = joins ? l->rank - 1 : l->rank++;
        l->dim[to] = joins ? l->dim[to] * b->shape.dim[a] : b->shape.dim[a];
        for (size_t i = 0; i < l->n_loads; i++) l->loads[i].stride[to] = l->loads[i].stride[a];
    }
}

/* Read along the loop's rows, a load whose columns lie side by side takes an element of each cache line and may find
 * the line gone when it comes back for the next. */
static void turn(builder *b)
{
    enum { LEAST_COLUMNS = 128, LEAST_ROWS = 4 };
    pal__loop *l = b->loop;
    int last = l->rank - 1;
    l->turn = -1;
    if (last < 1 || l->dim[last] < LEAST_COLUMNS) return;
    for (size_t i = 0; i < l->n_loads; i++) {
        pal__load *load = &l->loads[i];
        if (load->direct || load->constant || load->uniform || load->stride[last] <= 1) continue;
        for (int a = 0; a < last; a++)
            if (load->stride[a] == 1 && l->dim[a] >= LEAST_ROWS && (l->turn < 0 || l->turn == a)) {
                l->turn = a;
                load->turned = true;
                load->block = l->n_turned++;
            }
    }
}

/* What a kernel hands over piece by piece has no address. */
static bool overlap(const void *a, size_t a_size, const void *b, size_t b_size)
{
    return a && b && (const char *)a < (const char *)b + b_size && (const char *)b < (const char *)a + a_size;
}

/* Whether an instruction after m still reads the memory that a store of member m would overwrite. */
static bool read_later(const builder *b, const void *data, size_t bytes, size_t m)
{
    const pal__loop *l = b->loop;
    for (size_t i = 0; i < l->n_loads; i++)
        if (!l->loads[i].constant && b->last[i] > m &&
            overlap(data, bytes, l->loads[i].data, l->count * l->loads[i].size))
            return true;
    return false;
}

/* output: of the last instruction, which computes member m; -1: none, a load is stored. */
static bool add_store(builder *b, size_t m, uint32_t to, uint8_t reg, int output)
{
    pal__loop *l = b->loop;
    pal__store_to *s = &l->stores[l->n_stores];
    pal_dtype dtype = (pal_dtype)pal__at(b->plan->tape, to)->dtype;
    *s = (pal__store_to){.size = pal_dtype_size(dtype), .dtype = dtype, .reg = reg, .late = true};
    if (!pal__resolve(b->program, b->plan, to, (const void **)(void *)&s->data)) return false;
    int16_t *straight = output < 0 ? NULL : &l->instrs[l->n_instrs - 1].store[output];
    if (straight && *straight < 0 && !read_later(b, s->data, l->count * s->size, b->at[m])) {
        s->late = false;
        *straight = (int16_t)l->n_stores;
    }
    l->n_stores++;
    return true;
}

static bool take_register(builder *b, uint8_t *reg)
{
    for (size_t r = b->loop->n_loads; r < PAL__LOOP_REGISTERS; r++)
        if (!b->busy[r]) {
            b->busy[r] = true;
            *reg = (uint8_t)r;
            if (r + 1 > b->loop->n_regs) b->loop->n_regs = r + 1;
            return true;
        }
    return false;
}

static void free_registers(builder *b, size_t m, size_t size, bool equal)
{
    for (size_t q = 0; q < m; q++) {
        const pal__entry *e = pal__at(b->plan->tape, b->group->members[q]);
        if (b->ends[q] == m && b->at[q] < m && (pal_dtype_size((pal_dtype)e->dtype) == size) == equal)
            b->busy[b->reg[q]] = false;
    }
}

/* The register of an operand: of a load, or of the member that computed it. */
static uint8_t operand(const builder *b, uint32_t id)
{
    const size_t from = member_of(b, b->plan->view[id].base);
    uint8_t reg = 0;
    for (size_t i = 0; i < b->loop->n_loads && from == SIZE_MAX; i++)
        if (b->load_of[i] == id) reg = (uint8_t)i;
    return from == SIZE_MAX ? reg : b->reg[from];
}

/* Stores the result of member m, the output of the last instruction, where it is wanted. */
static bool add_stores(builder *b, size_t m, int output)
{
    const pal__plan *p = b->plan;
    const uint32_t id = b->group->members[m];
    if (p->stored[id] && !add_store(b, m, id, b->reg[m], output)) return false;
    if (p->target[id] && !add_store(b, m, pal__arg(p->tape, p->target[id], 0), b->reg[m], output)) return false;
    for (size_t s = 0; s < b->loop->n_stores; s++)
        if (b->loop->stores[s].late && b->loop->stores[s].reg == b->reg[m] && (p->stored[id] || p->target[id]))
            b->ends[m] = SIZE_MAX; /* kept to the end of the tile */
    if (p->summed[id]) b->ends[m] = SIZE_MAX;
    if (b->ends[m] <= b->at[m]) b->busy[b->reg[m]] = false; /* nobody reads it later */
    return true;
}

static bool random_stream(builder *b, const pal__entry *e, uint32_t id, pal__instr *in)
{
    const pal__plan *p = b->plan;
    if (e->n > PAL__NEST) {
        pal_tape_fail(p->tape, PAL_ERR_ARGUMENT, "%s: stream %s is inside more than %d regions", e->op->name,
                      e->params->name, PAL__NEST);
        return false;
    }
    size_t length = strlen(e->params->name);
    char *stream = pal__keep(b->program, length + 1);
    if (!stream) return false;
    in->stream = memcpy(stream, e->params->name, length);
    const int64_t first = e->shape->rank && e->shape->dim[0] ? e->shape->dim[0] : 1, rows = p->tape->shards.rows;
    in->row = e->shape->rank ? pal_shape_count(*e->shape) / first : 1;
    if (rows > 0) in->row *= (first + rows - 1) / rows; /* draws of a sample may lie side by side in the first axis */
    for (uint32_t k = 0; k < e->n; k++)
        if (!pal__resolve(b->program, p, pal__arg(p->tape, id, k), (const void **)&in->k[k])) return false;
    return true;
}

static bool add_instr(builder *b, size_t m)
{
    const pal__plan *p = b->plan;
    uint32_t id = b->group->members[m];
    const pal__entry *e = pal__at(p->tape, id);
    pal_isa isa = pal_kernel_isa(p->context);
    bool random = e->op->op_class == PAL_CLASS_RANDOM;
    const pal_params *params = pal__keep_numbers(b->program, e->params);
    if (!params) return false;
    pal__instr *in = &b->loop->instrs[b->loop->n_instrs++];
    pal_dtype key =
        random || !e->n ? (pal_dtype)e->dtype : (pal_dtype)pal__at(p->tape, pal__arg(p->tape, id, e->n - 1))->dtype;
    *in = (pal__instr){.fn = e->op->tile[isa][key] ? e->op->tile[isa][key] : e->op->tile[PAL_ISA_BASELINE][key],
                       .params = params,
                       .n_in = (uint8_t)(random ? 0 : e->n),
                       .n_out = 1,
                       .store = {-1, -1, -1}};
    if (random && !random_stream(b, e, id, in)) return false;
    if (!in->fn || in->n_in > 3) {
        pal_tape_fail(p->tape, PAL_ERR_TYPE, "%s: no kernel for %s", e->op->name, pal_dtype_name(key));
        return false;
    }
    for (uint32_t k = 0; k < in->n_in; k++) in->in[k] = operand(b, pal__arg(p->tape, id, k));
    size_t size = pal_dtype_size((pal_dtype)e->dtype);
    free_registers(b, m, size, true);
    if (!take_register(b, &in->out[0])) return false;
    free_registers(b, m, size, false);
    b->reg[m] = in->out[0];
    return add_stores(b, m, 0);
}

/* The superinstruction that ends in member m. */
static bool add_super(builder *b, size_t m)
{
    const pal__found *f = b->found[m];
    const pal_super *super = f->super;
    const pal_dtype dtype = (pal_dtype)pal__at(b->plan->tape, b->group->members[m])->dtype;
    pal__instr *in = &b->loop->instrs[b->loop->n_instrs++];
    *in = (pal__instr){.super = super,
                       .super_fn = super->tile[pal_kernel_isa(b->plan->context)][dtype],
                       .n_in = (uint8_t)super->n_in,
                       .n_out = (uint8_t)super->n_out,
                       .store = {-1, -1, -1}};
    for (size_t k = 0; k < super->n_in; k++) in->in[k] = operand(b, f->input[k]);
    free_registers(b, m, pal_dtype_size(dtype), true); /* all values have one type */
    for (size_t k = 0; k < super->n_out; k++) {
        if (!take_register(b, &in->out[k])) return false;
        b->reg[f->member[super->out[k] - super->n_in]] = in->out[k];
    }
    free_registers(b, m, pal_dtype_size(dtype), false);
    for (size_t k = 0; k < super->n_out; k++)
        if (!add_stores(b, f->member[super->out[k] - super->n_in], (int)k)) return false;
    return true;
}

static bool find_supers(builder *b)
{
    const size_t n = b->group->n_members;
    for (size_t m = 0; m < n; m++) b->at[m] = m;
    for (size_t m = 0; m < n; m++) {
        pal__found found;
        if (!pal__find_super(b->plan, b->group, b->at, m, &found)) continue;
        pal__found **to = &b->found[found.last];
        *to = pal__keep(b->program, sizeof found);
        if (!*to) return false;
        **to = found;
        for (size_t k = 0; k < found.super->n_steps; k++) b->at[found.member[k]] = found.last;
    }
    return true;
}

/* Room for as many loads, instructions and stores as the loop will have. */
static bool make_room(builder *b)
{
    const pal__plan *p = b->plan;
    size_t n_loads = 0, n_instrs = 0, n_stores = 0;
    for (size_t m = 0; m < b->group->n_members; m++) {
        const uint32_t id = b->group->members[m];
        const pal__entry *e = pal__at(p->tape, id);
        const bool effect = e->op->op_class == PAL_CLASS_EFFECT;
        n_instrs += !effect && b->at[m] == m;
        n_stores += (size_t)effect + p->stored[id] + (p->target[id] != 0);
        for (uint32_t k = effect; k < e->n && e->op->op_class != PAL_CLASS_RANDOM; k++) {
            const uint32_t in = pal__arg(p->tape, id, k);
            bool new = member_of(b, p->view[in].base) == SIZE_MAX;
            for (size_t i = 0; i < n_loads && new; i++) new = b->load_of[i] != in;
            if (new) b->load_of[n_loads++] = in; /* find_loads fills them in, in the same order */
        }
    }
    pal__loop *l = b->loop;
    l->loads = pal__keep(b->program, n_loads * sizeof *l->loads);
    l->instrs = pal__keep(b->program, n_instrs * sizeof *l->instrs);
    l->stores = pal__keep(b->program, n_stores * sizeof *l->stores);
    return l->loads && l->instrs && l->stores;
}

/* The sums that the loop makes. Their blocks lie in the scratch of its group. */
static bool add_sums(builder *b, uint32_t g)
{
    const pal__plan *p = b->plan;
    pal__loop *l = b->loop;
    char *room = (char *)b->program->arena + p->base + p->scratch[g];
    for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1]) l->n_sums++;
    l->sums = pal__keep(b->program, l->n_sums * sizeof *l->sums);
    if (!l->sums) return false;
    size_t i = 0;
    for (uint32_t s = p->sums[g]; s; s = p->sums[s - 1], i++) {
        const uint32_t id = p->groups[s - 1].members[0];
        const size_t m = member_of(b, p->view[pal__arg(p->tape, id, 0)].base);
        l->sums[i] = (pal__loop_sum){.reg = b->reg[m], .dtype = (pal_dtype)pal__at(p->tape, id)->dtype, .blocks = room};
        room += pal__sum_room(p, g, s - 1);
        if (!pal__resolve(b->program, p, id, (const void **)(void *)&l->sums[i].out)) return false;
    }
    return true;
}

bool pal__emit_loop(pal_program *program, const pal__plan *plan, uint32_t g, pal__step *step)
{
    const pal__group *group = &plan->groups[g];
    size_t n = group->n_members;
    builder b = {.program = program, .plan = plan, .group = group};
    b.shape = *pal__at(plan->tape, group->members[0])->shape;
    b.loop = pal__keep(program, sizeof *b.loop);
    if (!b.loop) return false;
    step->loop = b.loop;
    step->call.shape = b.shape;
    b.loop->count = (size_t)pal_shape_count(b.shape);
    for (size_t m = 0; m < n; m++) plan->slot[group->members[m]] = (uint8_t)m;
    b.loop->row = plan->sums[g] ? plan->terms[g] : b.loop->count;
    b.loop->tiles = (b.loop->row + PAL_TILE - 1) / PAL_TILE;
    if (!find_supers(&b) || !make_room(&b) || !find_loads(&b)) return false;
    collapse(&b);
    if (!plan->sums[g] && !step->program) turn(&b);
    b.loop->n_regs = b.loop->n_loads;
    for (size_t m = 0; m < n; m++) {
        bool effect = pal__at(plan->tape, group->members[m])->op->op_class == PAL_CLASS_EFFECT;
        if (effect && !add_store(&b, m, pal__arg(plan->tape, group->members[m], 0), 0, -1)) return false;
        if (effect || b.at[m] != m) continue;
        if (!(b.found[m] ? add_super(&b, m) : add_instr(&b, m))) return false;
    }
    if (!add_sums(&b, g)) return false;
    size_t bytes = b.loop->n_regs * PAL__REGISTER + b.loop->n_turned * PAL__TURN_ROWS * PAL__TURN_STEP;
    if (bytes > program->register_bytes) program->register_bytes = bytes;
    return true;
}
