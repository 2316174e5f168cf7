/* run.c - executes a program: loops tile by tile on every worker, kernels, regions term by term. Allocates nothing.
 *
 * In: a program of emit.c, with data in its leaves. Out: its outputs, and the leaves that its assigns write. On failure
 * no leaf has changed, since every step that can fail runs before the first write.
 *
 * Steps run one after the other. Within a loop the tiles are divided among the workers. A kernel divides itself
 * (pal_parallel). A region runs its body for k = 0, 1, ... and adds the terms up in that order. The bits do not depend
 * on the number of workers: a tile computes each element from its index alone, and who computes a tile does not matter.
 *
 * Memory that is not ours is never read or written beyond its end: a last tile that is shorter than the kernels'
 * padding is copied into registers first and out of them afterwards. */
#include "autograd/compile/internal.h"
#include "autograd/machine/kernels.h"
#include "autograd/machine/philox.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert(PAL__LOOP_REGISTERS >= PAL__LOOP_LOADS + PAL__LOOP_LIVE, "run_tile has an address for every register");
_Static_assert(PAL__LOOP_MEMBERS <= INT16_MAX, "an instruction names its store by 16 bits");

/* ---- Loads ---------------------------------------------------------------------------------------------------- */

static void gather_run(void *out, const void *in, size_t n, int64_t stride, size_t size)
{
    if (stride == 1) {
        memcpy(out, in, n * size);
    } else if (size == 4) {
        uint32_t *y = out;
        const uint32_t *x = in, first = *x;
        if (stride == 0)
            for (size_t i = 0; i < n; i++) y[i] = first;
        else
            for (size_t i = 0; i < n; i++) y[i] = x[(int64_t)i * stride];
    } else if (size == 8) {
        uint64_t *y = out;
        const uint64_t *x = in;
        for (size_t i = 0; i < n; i++) y[i] = x[(int64_t)i * stride];
    } else {
        uint8_t *y = out;
        const uint8_t *x = in;
        for (size_t i = 0; i < n; i++) y[i] = x[(int64_t)i * stride];
    }
}

/* Elements first .. first+n-1 of the loop, in its row-major order, of a load that does not lie so. */
static void gather(const pal__loop *l, const pal__load *load, size_t first, size_t n, char *out)
{
    int64_t index[PAL_MAX_RANK], offset = 0;
    size_t rest = first;
    for (int a = l->rank - 1; a >= 0; a--) {
        index[a] = (int64_t)(rest % (size_t)l->dim[a]);
        rest /= (size_t)l->dim[a];
        offset += index[a] * load->stride[a];
    }
    int last = l->rank - 1;
    if (last < 0) {
        memcpy(out, load->data, load->size);
        return;
    }
    while (n) {
        size_t run = (size_t)(l->dim[last] - index[last]);
        if (run > n) run = n;
        gather_run(out, (const char *)load->data + offset * (int64_t)load->size, run, load->stride[last], load->size);
        out += run * load->size;
        n -= run;
        offset -= index[last] * load->stride[last];
        index[last] = 0;
        for (int a = last - 1; a >= 0; a--) {
            offset += load->stride[a];
            if (++index[a] < l->dim[a]) break;
            offset -= l->dim[a] * load->stride[a];
            index[a] = 0;
        }
    }
}

/* n elements of each of `rows` rows, PAL__TURN_STEP bytes apart in out: they lie side by side in `in`, a row's elements
 * stride apart. */
static void turn(char *out, const void *in, size_t rows, size_t n, int64_t stride, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        int64_t at = (int64_t)i * stride;
        if (size == 4)
            for (size_t r = 0; r < rows; r++)
                ((uint32_t *)(void *)(out + r * PAL__TURN_STEP))[i] = ((const uint32_t *)in + at)[r];
        else if (size == 8)
            for (size_t r = 0; r < rows; r++)
                ((uint64_t *)(void *)(out + r * PAL__TURN_STEP))[i] = ((const uint64_t *)in + at)[r];
        else
            for (size_t r = 0; r < rows; r++)
                ((uint8_t *)(out + r * PAL__TURN_STEP))[i] = ((const uint8_t *)in + at)[r];
    }
}

/* ---- Loops ---------------------------------------------------------------------------------------------------- */

typedef struct loop_job {
    pal_program *program;
    const pal__loop *loop;
    size_t units, each; /* tiles, or blocks of tiles where loads are turned */
    size_t first, end;  /* a part of the elements alone; end 0: all */
} loop_job;

static char *turned_row(const pal__loop *l, const pal__load *load, char *registers, size_t row)
{
    return registers + l->n_regs * PAL__REGISTER + (load->block * PAL__TURN_ROWS + row) * PAL__TURN_STEP;
}

/* row: of turned loads' block; fed: the elements that a kernel hands over. */
static void run_tile(const pal_program *p, const pal__loop *l, char *registers, const uint64_t *keys, size_t first,
                     size_t n, size_t row, const char *fed)
{
    void *at[PAL__LOOP_REGISTERS];
    bool whole = n % PAL_TILE_PAD == 0;
    for (size_t i = 0; i < l->n_loads; i++) {
        const pal__load *load = &l->loads[i];
        at[i] = registers + i * PAL__REGISTER;
        if (load->constant) {
            at[i] = (void *)(uintptr_t)load->data;
        } else if (load->turned) {
            at[i] = turned_row(l, load, registers, row);
        } else if (!load->direct && !load->uniform && !load->fed) {
            gather(l, load, first, n, at[i]);
        } else if (load->direct || load->fed) {
            const char *data = load->fed ? fed : (const char *)load->data + first * load->size;
            if (whole)
                at[i] = (void *)(uintptr_t)data;
            else
                memcpy(at[i], data, n * load->size); /* memory that is not ours is never read beyond its end */
        }
    }
    for (size_t i = 0; i < l->n_instrs; i++) {
        const pal__instr *in = &l->instrs[i];
        const void *operands[PAL_SUPER_INPUTS];
        void *results[PAL_SUPER_OUTPUTS];
        for (size_t k = 0; k < in->n_in; k++) operands[k] = at[in->in[k]];
        for (size_t k = 0; k < in->n_out; k++) {
            const pal__store_to *s = in->store[k] >= 0 && whole ? &l->stores[in->store[k]] : NULL;
            results[k] = s ? (char *)s->data + first * s->size : registers + in->out[k] * PAL__REGISTER;
        }
        if (in->super) {
            in->super_fn(n, results, operands);
        } else {
            pal_tile tile = {.params = in->params, .index = first};
            if (in->stream) {
                tile.index = first + p->row * (uint64_t)in->row;
                tile.key = keys[i];
                tile.clock = p->noise.clock;
            }
            in->fn(n, results[0], operands, &tile);
        }
        for (size_t k = 0; k < in->n_out; k++) {
            at[in->out[k]] = results[k];
            const pal__store_to *s = in->store[k] >= 0 && !whole ? &l->stores[in->store[k]] : NULL;
            if (s) memcpy((char *)s->data + first * s->size, results[k], n * s->size);
        }
    }
    for (size_t i = 0; i < l->n_stores; i++) {
        const pal__store_to *s = &l->stores[i];
        if (s->late) memcpy((char *)s->data + first * s->size, at[s->reg], n * s->size);
    }
    const pal_isa isa = pal_kernel_isa(p->context);
    const size_t block = l->n_sums ? first / l->row * l->tiles + first % l->row / PAL_TILE : 0;
    for (size_t i = 0; i < l->n_sums; i++) {
        const pal__loop_sum *s = &l->sums[i];
        pal__sum_block(s->dtype, isa, at[s->reg], n, s->blocks + block * pal_dtype_size(s->dtype));
    }
}

/* Block u of turned loads: some neighbours along the axis `turn`, and of each a tile of its row. */
static void run_block(const pal_program *p, const pal__loop *l, char *registers, const uint64_t *keys, size_t u)
{
    int last = l->rank - 1;
    size_t columns = (size_t)l->dim[last], chunks = (columns + PAL_TILE - 1) / PAL_TILE, column = u % chunks * PAL_TILE;
    size_t all = (size_t)l->dim[l->turn], blocks = (all + PAL__TURN_ROWS - 1) / PAL__TURN_ROWS;
    size_t row = u / chunks % blocks * PAL__TURN_ROWS, rest = u / chunks / blocks;
    size_t n = columns - column < PAL_TILE ? columns - column : PAL_TILE;
    size_t rows = all - row < PAL__TURN_ROWS ? all - row : PAL__TURN_ROWS, first = 0, step = 1, apart = 0;
    size_t index[PAL_MAX_RANK];
    for (int a = last; a >= 0; a--) {
        index[a] = a == last ? column : a == l->turn ? row : rest % (size_t)l->dim[a];
        if (a != last && a != l->turn) rest /= (size_t)l->dim[a];
        if (a == l->turn) apart = step;
        first += index[a] * step;
        step *= (size_t)l->dim[a];
    }
    for (size_t i = 0; i < l->n_loads; i++) {
        const pal__load *load = &l->loads[i];
        if (!load->turned) continue;
        int64_t offset = 0;
        for (int a = 0; a <= last; a++) offset += (int64_t)index[a] * load->stride[a];
        turn(turned_row(l, load, registers, 0), (const char *)load->data + offset * (int64_t)load->size, rows, n,
             load->stride[last], load->size);
    }
    for (size_t r = 0; r < rows; r++) run_tile(p, l, registers, keys, first + r * apart, n, r, NULL);
}

/* A worker's registers, with those loads in them that are one element. */
static char *spread_uniform(const pal_program *p, const pal__loop *l, unsigned worker)
{
    char *registers = (char *)p->registers + worker * p->register_bytes;
    for (size_t i = 0; i < l->n_loads; i++)
        if (l->loads[i].uniform)
            gather_run(registers + i * PAL__REGISTER, l->loads[i].data, PAL_TILE, 0, l->loads[i].size);
    return registers;
}

void pal__run_fed(void *user, size_t first, size_t n, const void *values, unsigned worker)
{
    const pal__step *step = user;
    const pal__loop *l = step->loop;
    size_t size = 0;
    for (size_t i = 0; i < l->n_loads; i++)
        if (l->loads[i].fed) size = l->loads[i].size;
    char *registers = spread_uniform(step->program, l, worker);
    for (size_t at = 0; at < n; at += PAL_TILE)
        run_tile(step->program, l, registers, NULL, first + at, n - at < PAL_TILE ? n - at : PAL_TILE, 0,
                 (const char *)values + at * size);
}

static void loop_task(void *argument, size_t task, unsigned worker)
{
    const loop_job *j = argument;
    const pal__loop *l = j->loop;
    uint64_t keys[PAL__LOOP_MEMBERS];
    for (size_t i = 0; i < l->n_instrs; i++) {
        const pal__instr *in = &l->instrs[i];
        if (!in->stream) continue;
        keys[i] = pal__noise_key(j->program->noise.seed, in->stream);
        for (size_t k = 0; k < PAL__NEST && in->k[k]; k++) keys[i] = pal__mix(keys[i], (uint64_t)*in->k[k] + 1);
    }
    char *registers = spread_uniform(j->program, l, worker);
    size_t end = (task + 1) * j->each < j->units ? (task + 1) * j->each : j->units;
    for (size_t u = task * j->each; u < end && j->end; u++) {
        const size_t first = j->first + u * PAL_TILE, n = j->end - first < PAL_TILE ? j->end - first : PAL_TILE;
        run_tile(j->program, l, registers, keys, first, n, 0, NULL);
    }
    for (size_t u = task * j->each; u < end && !j->end; u++) {
        const size_t in_row = u % l->tiles * PAL_TILE, first = u / l->tiles * l->row + in_row;
        const size_t n = l->row - in_row < PAL_TILE ? l->row - in_row : PAL_TILE;
        if (l->n_turned)
            run_block(j->program, l, registers, keys, u);
        else
            run_tile(j->program, l, registers, keys, first, n, 0, NULL);
    }
}

static size_t count_blocks(const pal__loop *l)
{
    size_t rows = (size_t)l->dim[l->turn], columns = (size_t)l->dim[l->rank - 1];
    if (!l->count) return 0;
    return l->count / rows / columns * ((rows + PAL__TURN_ROWS - 1) / PAL__TURN_ROWS) *
           ((columns + PAL_TILE - 1) / PAL_TILE);
}

static size_t count_tiles(const pal__loop *l) { return l->count ? l->count / l->row * l->tiles : 0; }

void pal__run_loop(pal_program *program, const pal__step *step)
{
    /* A task is worth its claim (about 100 ns) from a few microseconds of work on. */
    enum { TASK_WORK = 8 * 8 };
    const pal__loop *l = step->loop;
    loop_job job = {program, l, l->n_turned ? count_blocks(l) : count_tiles(l), 0, 0, 0};
    size_t cost = l->n_instrs + l->n_loads + 1, workers = pal_worker_count(program->context);
    job.each = l->n_turned ? 1 : TASK_WORK / cost + 1;
    size_t even = (job.units + 4 * workers - 1) / (4 * workers);
    if (even > job.each) job.each = even;
    if (!job.units) return;
    pal_parallel(program->context, (job.units + job.each - 1) / job.each, loop_task, &job);
    for (size_t i = 0; i < l->n_sums; i++)
        pal__sum_blocks(l->sums[i].dtype, l->sums[i].blocks, l->count / l->row, l->tiles, l->sums[i].out);
}

void pal__run_elements(pal_program *program, const pal__step *step, size_t first, size_t n)
{
    enum { TILES = 16 };
    loop_job job = {program, step->loop, (n + PAL_TILE - 1) / PAL_TILE, TILES, first, first + n};
    if (n) pal_parallel(program->context, (job.units + TILES - 1) / TILES, loop_task, &job);
}

/* ---- Regions -------------------------------------------------------------------------------------------------- */

typedef struct sum_job {
    const pal__step *step;
    pal_tile_fn add;
    size_t count, size;
} sum_job;

static void accumulate_task(void *argument, size_t tile, unsigned worker)
{
    (void)worker;
    const sum_job *j = argument;
    _Alignas(64) char a[PAL_TILE_PAD * sizeof(double)], b[sizeof a];
    size_t first = tile * PAL_TILE, n = j->count - first < PAL_TILE ? j->count - first : PAL_TILE;
    size_t whole = n / PAL_TILE_PAD * PAL_TILE_PAD, rest = n - whole;
    char *out = (char *)j->step->call.out + first * j->size;
    const char *term = (const char *)j->step->term + first * j->size;
    pal_tile none = {0};
    if (whole) j->add(whole, out, (const void *[]){out, term}, &none);
    if (!rest) return;
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    memcpy(a, out + whole * j->size, rest * j->size);
    memcpy(b, term + whole * j->size, rest * j->size);
    j->add(rest, a, (const void *[]){a, b}, &none);
    memcpy(out + whole * j->size, a, rest * j->size);
}

static pal_status run_steps(pal_program *p, pal__step *steps, size_t n);

static pal_status run_region(pal_program *p, pal__step *s)
{
    sum_job job = {.step = s,
                   .count = (size_t)pal_shape_count(s->call.shape),
                   .size = pal_dtype_size(s->call.dtype),
                   .add = pal__op_add.tile[pal_kernel_isa(p->context)][s->call.dtype]};
    for (int64_t k = 0; k < s->count; k++) {
        *s->counter = (int32_t)k;
        pal_status status = run_steps(p, s->body, s->n_body);
        if (status != PAL_OK) return status;
        if (k == 0)
            memcpy(s->call.out, s->term, job.count * job.size);
        else
            pal_parallel(p->context, (job.count + PAL_TILE - 1) / PAL_TILE, accumulate_task, &job);
    }
    return PAL_OK;
}

/* ---- Programs ------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

pal_status pal__run_step(pal_program *p, pal__step *s)
{
    double began = p->profile ? now() : 0;
    pal_status status = PAL_OK;
    if (s->loop)
        pal__run_loop(p, s);
    else if (s->run)
        status = s->run(&s->call);
    else
        status = run_region(p, s);
    if (p->profile) {
        s->seconds += now() - began;
        s->runs++;
    }
    if (status == PAL_OK && p->check) status = pal__find_nan(p, s);
    if (status != PAL_OK && !p->error[0])
        snprintf(p->error, sizeof p->error, "%s%s%s: %s", s->op->name, *s->scope ? " in " : "", s->scope,
                 s->call.why && *s->call.why ? s->call.why : pal_status_text(status));
    return status;
}

static pal_status run_steps(pal_program *p, pal__step *steps, size_t n)
{
    pal_status status = PAL_OK;
    for (size_t i = 0; i < n && status == PAL_OK; i++) status = pal__run_step(p, &steps[i]);
    return status;
}

pal_status pal_run(pal_program *p)
{
    if (!p) return PAL_ERR_ARGUMENT;
    p->error[0] = p->why[0] = 0;
    const char *why = pal__blas_reserve(pal__workers_threads(p->context->pool));
    if (why) snprintf(p->error, sizeof p->error, "%s", why);
    if (why && !p->shared) return PAL_ERR_MEMORY;
    uint64_t before = pal__workers_enter(p->context->pool, !p->context->options.subnormals);
    int saved = pal__blas_enter(&p->context->blas);
    const uint64_t jobs = pal__workers_jobs(p->context->pool);
    p->row = p->noise.row;
    p->told = p->flags;
    p->flags = 0;
    pal_status status =
        p->shared ? pal__run_shared(p, why ? PAL_ERR_MEMORY : PAL_OK) : run_steps(p, p->steps, p->n_steps);
    p->barriers = pal__workers_jobs(p->context->pool) - jobs;
    pal__blas_leave(&p->context->blas, saved);
    pal__workers_leave(p->context->pool, before);
    return status;
}
