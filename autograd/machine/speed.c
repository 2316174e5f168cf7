/* speed.c - measures what the workers of a context can do at most: the two bounds of a roofline.
 *
 * In: a context. Out: operations and bytes a second. All workers compute or copy at once, as in a program. The best of
 * some trials counts, because other programs can only make one slower. The copies stay within one block as large as the
 * caller says: a block that fits a cache is copied faster, and so is what a small program reads and writes. */
#include "autograd/machine/kernels.h"

#include <string.h>
#include <time.h>

enum { TRIALS = 12, ROUNDS = 20000, PARTS = 4, LEAST = 1 << 20 };

typedef struct trial {
    const pal_context *context;
    float *sums; /* by part: keeps the compiler from leaving the work out */
    char *from, *to;
    size_t parts, bytes, flops;
} trial;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void compute(void *argument, size_t part, unsigned worker)
{
#define ROW(name, isa) pal__##name##_##isa
    static float (*const functions[PAL_ISA_COUNT])(size_t, size_t *) = PAL_EACH_ISA(ROW, multiply_add);
#undef ROW
    trial *t = argument;
    size_t flops;
    (void)worker;
    t->sums[part] = functions[pal_kernel_isa(t->context)](ROUNDS, &flops);
    if (!part) t->flops = flops * t->parts;
}

static void copy(void *argument, size_t part, unsigned worker)
{
    const trial *t = argument;
    const size_t first = t->bytes * part / t->parts, end = t->bytes * (part + 1) / t->parts;
    (void)worker;
    memcpy(t->to + first, t->from + first, end - first);
}

/* The least time of a task on all workers, in seconds. */
static double least(pal_context *c, pal_task_fn task, trial *t)
{
    double best = 0;
    for (int i = 0; i < TRIALS; i++) {
        const double began = now();
        pal__workers_run(c->pool, t->parts, task, t);
        const double time = now() - began;
        if (!i || time < best) best = time;
    }
    return best > 0 ? best : 1e-9;
}

pal_status pal_context_speed(pal_context *c, size_t bytes, pal_speed *out)
{
    if (!c || !out || bytes < LEAST || c->options.dry) return PAL_ERR_ARGUMENT;
    trial t = {.context = c, .parts = (size_t)PARTS * pal__workers_threads(c->pool), .bytes = bytes / 2};
    char *block = pal__alloc(c, bytes);
    t.sums = pal__alloc(c, t.parts * sizeof *t.sums);
    const bool good = block && t.sums;
    if (good) {
        t.from = block;
        t.to = block + t.bytes;
        const uint64_t before = pal__workers_enter(c->pool, true);
        const double computing = least(c, compute, &t), copying = least(c, copy, &t);
        pal__workers_leave(c->pool, before);
        *out = (pal_speed){.flops = (double)t.flops / computing, .bytes = 2 * (double)t.bytes / copying};
    }
    pal__free(c, t.sums);
    pal__free(c, block);
    return good ? PAL_OK : PAL_ERR_MEMORY;
}
