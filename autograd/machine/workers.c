/* workers.c - the worker pool: fork and join over numbered tasks.
 *
 * Invariants. The caller is worker 0 and runs tasks, too. A job's tasks are divided into one range for each worker, in
 * order. A job is published by storing a ticket for each range, and then its number. A ticket packs the number of the
 * job, and the first and the end of the tasks that nobody has claimed. A worker claims the first of its own, or else
 * the last one of another worker's, with one compare-and-swap. So a worker that slept through a job cannot take one of
 * its tasks, and cannot call the function of another job. Each task writes to its own memory, so results do not depend
 * on which worker runs which task.
 *
 * Why not one range for all: task i would be run by another worker each time. A weight and its moments, which one step
 * writes and the next one reads, would move from cache to cache. Where two processors share no cache, as in a processor
 * of several dies, the update of a weight took twice as long.
 *
 * Workers spin for at most SPIN_NS before they sleep: barriers inside a step are microseconds apart, but a core must
 * not be kept busy between steps. */
#include "autograd/machine/flush.h"
#include "autograd/machine/internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { SPIN_NS = 50000, BETWEEN_NS = 20000, BRIEF_NS = 200000, TASK_BITS = 20, GLANCES = 4 };
#define TASK_MASK ((UINT64_C(1) << TASK_BITS) - 1)
/* job << 40 | end << 20 | first */
static size_t first_of(uint64_t ticket) { return (size_t)(ticket & TASK_MASK); }
static size_t end_of(uint64_t ticket) { return (size_t)(ticket >> TASK_BITS & TASK_MASK); }

typedef struct worker {
    pthread_t thread;
    pal__workers *pool;
    unsigned number;
    _Alignas(64) atomic_uint_least64_t ticket; /* of its range */
} worker;

struct pal__workers {
    pal_context *context;
    unsigned threads, started;
    bool pinned;
    cpu_set_t allowed;               /* affinity of the thread that made the pool */
    cpu_set_t caller;                /* affinity of the thread that called pal__workers_enter */
    bool tied;                       /* that thread was tied to its processor, and has to be released */
    int64_t entered;                 /* when */
    bool brief;                      /* the last time was shorter than BRIEF_NS */
    void (*between)(void *argument); /* called by the caller, between tasks; NULL: nothing */
    void *between_argument;
    unsigned glances;
    int64_t asked;   /* when it was called */
    worker *workers; /* [0] is the caller and has no thread */
    pthread_mutex_t mutex;
    pthread_cond_t work, done_work;
    atomic_uint sleeping, caller_sleeps;
    atomic_bool stop;
    atomic_bool flush;                      /* inside pal__workers_enter: subnormal numbers are zeros */
    _Alignas(64) atomic_uint_least64_t job; /* how many were published */
    _Alignas(64) atomic_size_t done;
    atomic_size_t tasks;
    _Atomic(pal_task_fn) task;
    _Atomic(void *) argument;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void pal__workers_between(pal__workers *p, void (*call)(void *argument), void *argument)
{
    p->between = call;
    p->between_argument = argument;
}

void pal__workers_look(pal__workers *p)
{
    const int64_t now = p->between ? now_ns() : 0;
    if (!p->between || now - p->asked < BETWEEN_NS) return;
    p->asked = now;
    p->between(p->between_argument);
}

void pal__workers_glance(pal__workers *p)
{
    if (p->between && ++p->glances % GLANCES == 0) pal__workers_look(p);
}

/* Claims and runs tasks of the range of worker `whose`, until none is left. */
static void work_on(pal__workers *p, unsigned whose, unsigned number)
{
    atomic_uint_least64_t *range = &p->workers[whose].ticket;
    uint64_t ticket = atomic_load_explicit(range, memory_order_acquire);
    while (first_of(ticket) < end_of(ticket)) {
        const bool own = whose == number;
        const size_t i = own ? first_of(ticket) : end_of(ticket) - 1;
        const uint64_t rest = own ? ticket + 1 : ticket - (UINT64_C(1) << TASK_BITS);
        pal_task_fn task = atomic_load_explicit(&p->task, memory_order_relaxed);
        void *argument = atomic_load_explicit(&p->argument, memory_order_relaxed);
        const size_t tasks = atomic_load_explicit(&p->tasks, memory_order_relaxed);
        if (!atomic_compare_exchange_weak_explicit(range, &ticket, rest, memory_order_acq_rel, memory_order_acquire))
            continue;
        if (number) pal__flush(atomic_load_explicit(&p->flush, memory_order_relaxed));
        task(argument, i, number);
        if (!number) pal__workers_look(p);
        size_t finished = atomic_fetch_add(&p->done, 1) + 1;
        if (finished == tasks && atomic_load(&p->caller_sleeps)) {
            pthread_mutex_lock(&p->mutex);
            pthread_cond_signal(&p->done_work);
            pthread_mutex_unlock(&p->mutex);
        }
        ticket = atomic_load_explicit(range, memory_order_acquire);
    }
}

/* Its own tasks first, then those of the others. */
static void work(pal__workers *p, unsigned number)
{
    for (unsigned i = 0; i < p->threads; i++) work_on(p, (number + i) % p->threads, number);
}

static size_t processor_of(const pal__workers *p, unsigned number)
{
    unsigned seen = 0, wanted = number % (unsigned)CPU_COUNT(&p->allowed);
    size_t cpu = 0;
    while (cpu < CPU_SETSIZE - 1 && !(CPU_ISSET(cpu, &p->allowed) && seen++ == wanted)) cpu++;
    return cpu;
}

static void pin(const pal__workers *p, unsigned number)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor_of(p, number), &one);
    (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one); /* a failure costs only speed */
}

/* Whether nothing was published since that job. */
static bool idle(pal__workers *p, uint64_t job) { return atomic_load(&p->job) == job && !atomic_load(&p->stop); }

static void *worker_main(void *argument)
{
    worker *w = argument;
    pal__workers *p = w->pool;
    if (p->pinned) pin(p, w->number);
    pal__blas_worker(&p->context->blas);
    for (uint64_t seen = 0; !atomic_load(&p->stop);) {
        const uint64_t job = atomic_load(&p->job);
        if (job != seen) work(p, w->number);
        seen = job;
        int64_t until = now_ns() + SPIN_NS;
        while (idle(p, seen) && now_ns() < until)
            for (int i = 0; i < 16 && idle(p, seen); i++) relax();
        if (!idle(p, seen)) continue;
        pthread_mutex_lock(&p->mutex);
        atomic_fetch_add(&p->sleeping, 1);
        while (idle(p, seen)) pthread_cond_wait(&p->work, &p->mutex);
        atomic_fetch_sub(&p->sleeping, 1);
        pthread_mutex_unlock(&p->mutex);
    }
    return NULL;
}

void pal__workers_run(pal__workers *p, size_t tasks, pal_task_fn task, void *argument)
{
    if (tasks <= 1 || p->threads == 1 || tasks > TASK_MASK) {
        for (size_t i = 0; i < tasks; i++) {
            task(argument, i, 0);
            pal__workers_look(p);
        }
        return;
    }
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store_explicit(&p->task, task, memory_order_relaxed);
    atomic_store_explicit(&p->argument, argument, memory_order_relaxed);
    atomic_store_explicit(&p->tasks, tasks, memory_order_relaxed);
    const uint64_t job = atomic_load(&p->job) + 1;
    for (unsigned i = 0; i < p->threads; i++) {
        const uint64_t first = (i * tasks + p->threads - 1) / p->threads,
                       end = ((i + 1) * tasks + p->threads - 1) / p->threads;
        atomic_store(&p->workers[i].ticket, job << (2 * TASK_BITS) | end << TASK_BITS | first);
    }
    atomic_store(&p->job, job);
    if (atomic_load(&p->sleeping)) {
        pthread_mutex_lock(&p->mutex);
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->mutex);
    }
    work(p, 0);
    int64_t until = now_ns() + SPIN_NS;
    while (atomic_load_explicit(&p->done, memory_order_acquire) < tasks) {
        for (int i = 0; i < 16; i++) relax();
        pal__workers_look(p);
        if (now_ns() < until) continue;
        if (p->between) { /* which nobody would call in its sleep, so it sleeps for a moment at a time */
            nanosleep(&(struct timespec){.tv_nsec = BETWEEN_NS}, NULL);
            continue;
        }
        pthread_mutex_lock(&p->mutex);
        atomic_store(&p->caller_sleeps, 1);
        while (atomic_load(&p->done) < tasks) pthread_cond_wait(&p->done_work, &p->mutex);
        atomic_store(&p->caller_sleeps, 0);
        pthread_mutex_unlock(&p->mutex);
    }
}

unsigned pal__workers_threads(const pal__workers *p) { return p->threads; }

uint64_t pal__workers_jobs(const pal__workers *p) { return atomic_load(&p->job); }

uint64_t pal__workers_enter(pal__workers *p, bool flush)
{
    atomic_store_explicit(&p->flush, flush, memory_order_relaxed); /* published with the next ticket */
    /* The three calls of the system take 2 us. So a thread that is on its processor already is not tied for a short
     * run, such as encoding one sample: it will hardly be moved. In a long one it would be, where other programs run.
     */
    const bool wanted = p->pinned && p->threads > 1;
    p->tied = wanted && !(p->brief && sched_getcpu() == (int)processor_of(p, 0));
    p->entered = wanted ? now_ns() : 0;
    if (p->tied) {
        if (pthread_getaffinity_np(pthread_self(), sizeof p->caller, &p->caller)) CPU_ZERO(&p->caller);
        pin(p, 0);
    }
    return pal__flush(flush);
}

void pal__workers_leave(pal__workers *p, uint64_t before)
{
    pal__flush_restore(before);
    atomic_store_explicit(&p->flush, false, memory_order_relaxed);
    p->brief = p->entered && now_ns() - p->entered < BRIEF_NS;
    if (p->tied && CPU_COUNT(&p->caller) > 0)
        (void)pthread_setaffinity_np(pthread_self(), sizeof p->caller, &p->caller);
}

pal__workers *pal__workers_new(pal_context *context, unsigned threads, bool pinned)
{
    pal__workers *p = pal__alloc(context, sizeof *p);
    if (!p) return NULL;
    p->context = context;
    p->threads = threads;
    p->pinned = pinned && sched_getaffinity(0, sizeof p->allowed, &p->allowed) == 0;
    /* With more workers than processors, several would be tied to one processor: let the system place them instead. */
    if (p->pinned && threads > (unsigned)CPU_COUNT(&p->allowed)) p->pinned = false;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done_work, NULL);
    p->workers = pal__alloc(context, threads * sizeof *p->workers);
    bool ok = p->workers != NULL;
    for (unsigned i = 0; ok && i < threads; i++) p->workers[i] = (worker){.pool = p, .number = i};
    for (p->started = 1; ok && p->started < threads; p->started++) {
        ok = pthread_create(&p->workers[p->started].thread, NULL, worker_main, &p->workers[p->started]) == 0;
        if (!ok) break;
    }
    if (ok) return p;
    pal__workers_free(context, p);
    return NULL;
}

void pal__workers_free(pal_context *context, pal__workers *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    for (unsigned i = 1; i < p->started; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done_work);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->mutex);
    pal__free(context, p->workers);
    pal__free(context, p);
}
