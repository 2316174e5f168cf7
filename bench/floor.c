/* floor.c - a lower bound of the time of a workload's step: its matrix products alone by OpenBLAS, plus the memory
 * traffic of its update.
 *
 * In: a workload's layers. Out: a time. A layer needs three products: its value, the gradient of its weight, and the
 * adjoint of its input, which the first layer does not need. Each product is divided among the threads as it is
 * fastest; timing decides. The workers are those of the step. Everything between the products is left out. */
#include "bench/workloads.h"

#include <string.h>
#include <unistd.h>

#include "autograd/operation.h"
#include "bench/clock.h"
#include "bench/division.h"

enum { MOST_PRODUCTS = 3 * MOST_LAYERS, TRIALS = 21, LEAST_TRIALS = 3, ALIGN = 16 };
#define TRIAL_US  3e4 /* for the trials of one division */
#define MOST_POOL ((size_t)256 << 20)

typedef struct traffic { /* an update from g: of p, and for Adam also of m and v */
    float *p, *m, *v, *g;
    size_t n, parts;
} traffic;

typedef struct pool {
    pal_tensor *memory;
    size_t room, at; /* in floats: its size, and where the next cold operand begins */
} pool;

struct floor_plan {
    pal_context *context;
    division products[MOST_PRODUCTS];
    size_t n, weights;
    bool adam;
    pool read, written; /* the operands of the products; their results, and what the update reads and writes */
};

/* ---- Work of one thread --------------------------------------------------------------------------------------- */

static void move(void *argument, size_t i, unsigned worker)
{
    const traffic *t = argument;
    (void)worker;
    const size_t from = i * t->n / t->parts, to = (i + 1) * t->n / t->parts;
    if (t->m) {
#pragma omp simd
        for (size_t k = from; k < to; k++) {
            t->m[k] += t->g[k];
            t->v[k] += t->g[k];
            t->p[k] += t->m[k];
        }
    } else {
#pragma omp simd
        for (size_t k = from; k < to; k++) t->p[k] += t->g[k];
    }
}

/* ---- Memory --------------------------------------------------------------------------------------------------- */

static size_t rounded(size_t floats) { return (floats + ALIGN - 1) / ALIGN * ALIGN; }
static size_t area(int rows, int columns) { return rounded((size_t)rows * (size_t)columns); }
static size_t operands(const product *p) { return area(p->m, p->k) + area(p->k, p->n); }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* Room for so many floats. What is cold moves through the whole pool, so that nobody has used it for long. */
static float *take(pool *from, size_t floats, bool cold)
{
    float *data = from->memory->data;
    if (!cold) return data;
    if (from->at + floats > from->room) from->at = 0;
    from->at += floats;
    return data + from->at - floats;
}

static void lay(floor_plan *f, division *d, bool cold)
{
    float *a = take(&f->read, operands(&d->p), cold);
    d->a = a;
    d->b = a + area(d->p.m, d->p.k);
    d->c = take(&f->written, area(d->p.m, d->p.n), cold);
}

/* Each pool is as large as the last cache, but at most 256 MiB unless a product or the update needs more. */
static bool make_pools(floor_plan *f)
{
    size_t cache = 32 << 20;
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long size = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (size > 0) cache = (size_t)size < MOST_POOL ? (size_t)size : MOST_POOL;
#endif
    f->read.room = f->written.room = cache / sizeof(float);
    for (size_t i = 0; i < f->n; i++) {
        const product *p = &f->products[i].p;
        f->read.room = most(f->read.room, operands(p));
        f->written.room = most(f->written.room, area(p->m, p->n));
    }
    f->written.room = most(f->written.room, 4 * f->weights);
    pool *const pools[] = {&f->read, &f->written};
    for (size_t k = 0; k < 2; k++) {
        pools[k]->memory = pal_tensor_new(f->context, PAL_F32, PAL_SHAPE((int64_t)pools[k]->room));
        for (size_t i = 0; pools[k]->memory && i < pools[k]->room; i++)
            ((float *)pools[k]->memory->data)[i] = (float)(i % 97) / 97;
    }
    return f->read.memory && f->written.memory;
}

/* ---- The plan ------------------------------------------------------------------------------------------------- */

static void add_layer(floor_plan *f, const workload *w, const layer *l, bool first)
{
    const int n = w->batch, in = l->inputs == CODE ? w->hidden : l->inputs,
              out = l->outputs == CODE ? w->hidden : l->outputs;
    const product value = {n, out, in, false, l->tied}, input = {n, in, out, false, !l->tied},
                  weight = {l->tied ? out : in, l->tied ? in : out, n, true, false};
    f->products[f->n++].p = value;
    f->products[f->n++].p = weight;
    if (!first) f->products[f->n++].p = input;
    if (!l->tied) f->weights += rounded((size_t)in * (size_t)out);
}

static double time_of(floor_plan *f, division *d)
{
    double times[TRIALS];
    size_t n = 0;
    lay(f, d, false);
    for (double start = now_us(); n < TRIALS && (n < LEAST_TRIALS || now_us() - start < TRIAL_US); n++) {
        const double began = now_us();
        division_run(f->context, d);
        times[n] = now_us() - began;
    }
    return median(times, n);
}

static void divide(floor_plan *f, division *best)
{
    const int threads = (int)pal_worker_count(f->context), parts[] = {1, threads, 2 * threads};
    const product p = best->p;
    double least = 0;
    for (int way = 0; way < (p.m == 1 ? 3 : 2); way++)
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            division d = {.p = p, .parts = parts[i], .by_rows = way == 1, .vector = way == 2};
            const double time = time_of(f, &d);
            if (least == 0 || time < least) {
                least = time;
                *best = d;
            }
        }
}

floor_plan *floor_new(pal_context *context, const workload *w)
{
    floor_plan *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->context = context;
    f->adam = !strcmp(w->optimizer, "adam");
    for (size_t i = 0; i < MOST_LAYERS && w->layers[i].inputs; i++) add_layer(f, w, &w->layers[i], i == 0);
    const int entered = make_pools(f) ? pal_blas_enter(context) : -1;
    if (entered < 0) {
        floor_free(f);
        return NULL;
    }
    for (size_t i = 0; i < f->n; i++) divide(f, &f->products[i]);
    pal_blas_leave(context, entered);
    return f;
}

void floor_free(floor_plan *f)
{
    if (!f) return;
    pal_tensor_free(f->read.memory);
    pal_tensor_free(f->written.memory);
    free(f);
}

double floor_once(floor_plan *f, bool cold)
{
    const int entered = pal_blas_enter(f->context);
    const double began = now_us();
    for (size_t i = 0; i < f->n; i++) {
        lay(f, &f->products[i], cold);
        division_run(f->context, &f->products[i]);
    }
    float *p = take(&f->written, 4 * f->weights, cold);
    traffic update = {.p = p, .g = p + f->weights, .n = f->weights, .parts = pal_worker_count(f->context)};
    if (f->adam) {
        update.m = p + 2 * f->weights;
        update.v = p + 3 * f->weights;
    }
    pal_parallel(f->context, update.parts, move, &update);
    const double time = now_us() - began;
    if (entered >= 0) pal_blas_leave(f->context, entered);
    return time;
}
