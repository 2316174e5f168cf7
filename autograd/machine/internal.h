/* internal.h - what the files of machine/ share, and all above them use: memory, threads, BLAS.
 *
 * Nothing here knows of tapes. The kernels of the instruction sets are declared in kernels.h. */
#ifndef PAL_MACHINE_INTERNAL_H
#define PAL_MACHINE_INTERNAL_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

/* ---- Memory: always through the context, so that every failure can be provoked -------------------------------- */

void *pal__allocate(const pal_context_options *options, size_t size); /* pal__alloc, before there is a context */
void *pal__alloc(pal_context *context, size_t size);                  /* zeroed, 64-aligned; NULL: no memory */
void pal__free(pal_context *context, void *block);                    /* NULL is fine */
/* Makes room for one more element after count; *items may move. Returns false when there is no memory. */
bool pal__grow(pal_context *context, void **items, size_t count, size_t *capacity, size_t size);

/* ---- Threads and BLAS ----------------------------------------------------------------------------------------- */

typedef struct pal__workers pal__workers;
pal__workers *pal__workers_new(pal_context *context, unsigned threads, bool pinned);
void pal__workers_free(pal_context *context, pal__workers *pool);
unsigned pal__workers_threads(const pal__workers *pool);
void pal__workers_run(pal__workers *pool, size_t tasks, pal_task_fn task, void *argument);
/* Ties the calling thread to worker 0's processor; leave restores its own affinity. */
void pal__workers_enter(pal__workers *pool);
void pal__workers_leave(pal__workers *pool);

typedef struct pal__blas { /* found at run time, so that any CBLAS serves */
    void (*set_threads)(int);
    int (*get_threads)(void);
    int parallel;     /* 0 serial, 1 its own threads, 2 OpenMP */
    bool takes_turns; /* products exclude each other */
    char text[160];
    char core[32];
} pal__blas;
void pal__blas_find(pal__blas *blas);
int pal__blas_enter(const pal__blas *blas); /* one thread a product from here on; returns what leave needs */
void pal__blas_leave(const pal__blas *blas, int saved);
void pal__blas_worker(const pal__blas *blas); /* once in each worker */

struct pal_context {
    pal_context_options options;
    pal__workers *pool;
    pal__blas blas;
    pal_isa isa;
    char advice[256];
};

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

pal_shape pal__shape_clean(pal_shape shape);
void pal__strides(pal_shape shape, int64_t *stride); /* row-major, elements; PAL_MAX_RANK of them */

#endif
