/* internal.h - declarations of machine/ for its own files and for all other folders: memory, threads, BLAS, strides.
 *
 * Nothing here depends on tapes. kernels.h declares the kernels of each instruction set. */
#ifndef PAL_MACHINE_INTERNAL_H
#define PAL_MACHINE_INTERNAL_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

/* ---- Memory: always from the context's allocator, so that tests can provoke every failure --------------------- */

void *pal__allocate(const pal_context_options *options, size_t size); /* pal__alloc before the context exists */
void *pal__alloc(pal_context *context, size_t size);                  /* zeroed, 64-byte aligned; NULL: out of memory */
void pal__free(pal_context *context, void *block);                    /* block may be NULL */
/* Makes room for one more element after `count` elements of `size` bytes. *items may move. False: out of memory. */
bool pal__grow(pal_context *context, void **items, size_t count, size_t *capacity, size_t size);

/* ---- Finding: by hash, by address, by key --------------------------------------------------------------------- */

uint64_t pal__mix(uint64_t hash, uint64_t value);
uint64_t pal__hash_bytes(uint64_t hash, const void *bytes, size_t n);
uint64_t pal__hash_words(uint64_t hash, const void *words, size_t n); /* pal__hash_bytes of n numbers of 8 bytes each */
uint64_t pal__hash_zeros(uint64_t hash, size_t n);                    /* the same of n zeros, at most 16 */

typedef struct pal__table { /* table.c: numbers above 0 by hash; all zeros: empty */
    uint64_t *slots;
    size_t size, n, looked; /* looked: slots that searches have looked at; tests bound it */
} pal__table;
bool pal__table_add(pal_context *context, pal__table *table, uint64_t hash, uint32_t number); /* false: no memory */
bool pal__table_reserve(pal_context *context, pal__table *table, size_t n); /* room for n; the table must be empty */
/* The numbers that have this hash, and perhaps others, one after another; 0: no more. The caller compares. Between the
 * two calls the table must not change. */
uint32_t pal__table_first(pal__table *table, uint64_t hash, size_t *at);
uint32_t pal__table_next(pal__table *table, uint64_t hash, size_t *at);
void pal__table_expect(const pal__table *table, uint64_t hash); /* a search comes soon: the memory is on its way */
void pal__table_remove(pal__table *table, uint64_t hash, uint32_t number); /* it must be there */
void pal__table_free(pal_context *context, pal__table *table);

typedef struct pal__range { /* `size` addresses from `at` on */
    uint64_t at, size, most;
    uint32_t left, right, number;
} pal__range;
typedef struct pal__ranges { /* ranges.c: ranges that do not overlap; all zeros: none */
    pal__range *nodes;
    size_t n, cap, looked;
    uint32_t root, spare;
} pal__ranges;
bool pal__ranges_add(pal_context *context, pal__ranges *ranges, uint64_t at, uint64_t size, uint32_t number);
void pal__ranges_remove(pal__ranges *ranges, uint64_t at); /* the one that begins there, if there is one */
/* The last that begins before this address; the first of at least this size, which is above 0. NULL: none. Valid until
 * the ranges change. */
const pal__range *pal__ranges_before(pal__ranges *ranges, uint64_t at);
const pal__range *pal__ranges_fit(pal__ranges *ranges, uint64_t size);
void pal__ranges_free(pal_context *context, pal__ranges *ranges);

typedef struct pal__keyed {
    uint64_t key;
    uint32_t number;
} pal__keyed;
typedef struct pal__heap { /* heap.c: a queue by key; all zeros: empty */
    pal__keyed *of;
    size_t n, cap;
} pal__heap;
bool pal__heap_add(pal_context *context, pal__heap *heap, uint64_t key, uint32_t number);
uint32_t pal__heap_take(pal__heap *heap); /* the number with the lowest key; the heap must not be empty */
void pal__heap_free(pal_context *context, pal__heap *heap);

/* ---- Threads and BLAS ----------------------------------------------------------------------------------------- */

typedef struct pal__workers pal__workers;
pal__workers *pal__workers_new(pal_context *context, unsigned threads, bool pinned);
void pal__workers_free(pal_context *context, pal__workers *pool);
unsigned pal__workers_threads(const pal__workers *pool);
uint64_t pal__workers_jobs(const pal__workers *pool); /* that were divided among several threads so far */
void pal__workers_run(pal__workers *pool, size_t tasks, pal_task_fn task, void *argument);
/* From now on the calling thread calls this between the tasks that it runs, inside long ones (pal__workers_look), and
 * while it waits for the others' tasks, about every 20 us. It must not run tasks itself. NULL: no more. */
void pal__workers_between(pal__workers *pool, void (*call)(void *argument), void *argument);
void pal__workers_look(pal__workers *pool);
/* The same for tasks of 2 or 3 us, some of which it lets pass: to read the clock takes 40 ns. */
void pal__workers_glance(pal__workers *pool);
/* enter ties the calling thread to the processor of worker 0 and, if flush is true, makes subnormal numbers zeros on
 * all workers. leave restores the calling thread; before is what enter returned. */
uint64_t pal__workers_enter(pal__workers *pool, bool flush);
void pal__workers_leave(pal__workers *pool, uint64_t before);

typedef struct pal__blas { /* filled in at run time, so that any CBLAS can be used */
    void (*set_threads)(int);
    int (*get_threads)(void);
    int parallel;     /* 0: serial; 1: its own threads; 2: OpenMP */
    bool takes_turns; /* only one product may run at a time */
    char text[160];
    char core[32];
} pal__blas;
void pal__blas_find(pal__blas *blas);
int pal__blas_enter(const pal__blas *blas); /* from now on one thread per product; returns what leave needs */
void pal__blas_leave(const pal__blas *blas, int saved);
/* Gets the memory that OpenBLAS needs for products on so many threads at once. NULL; or why there is none. */
const char *pal__blas_reserve(unsigned threads);
void pal__blas_worker(const pal__blas *blas); /* call once in each worker */

struct pal_context {
    pal_context_options options;
    _Atomic size_t used, peak; /* bytes of pal__alloc */
    pal__workers *pool;
    pal__blas blas;
    pal_isa isa;
    char advice[256];
};

/* ---- Files ---------------------------------------------------------------------------------------------------- */

const char *pal__short_path(const char *path); /* for messages: of a long path only the end; NULL, "": "(no path)" */

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

pal_shape pal__shape_clean(pal_shape shape);
void pal__strides(pal_shape shape, int64_t *stride); /* row-major, in elements; PAL_MAX_RANK numbers */

#endif
