/* communicator_internal.h - what the engine shares with the files of the communicators: the tree of the shards, and
 * sums over it that go on while other work is done. */
#ifndef PAL_MACHINE_COMMUNICATOR_INTERNAL_H
#define PAL_MACHINE_COMMUNICATOR_INTERNAL_H

#include "autograd/communicator.h"
#include "autograd/machine/internal.h"

/* Tags below are those of programs, from here on those of the calls of all processes together. */
enum { PAL__TAG_GATHER = 32000, PAL__TAG_BROADCAST, PAL__TAG_AGREE };

/* Whether all fields are there and fit each other. NULL is one process, and fits. */
pal_status pal__communicator_check(const pal_communicator *communicator, pal_error *err);
/* Between two tests of something that is not there yet, after so many: lets other processes run, if there are more than
 * processors, and sleeps for a moment when it takes long. */
void pal__communicator_rest(unsigned tests);
/* Waits until the transfer is finished. False: it has failed. */
bool pal__communicator_wait(const pal_communicator *communicator, int ticket);

/* ---- The tree --------------------------------------------------------------------------------------------------- */

enum { PAL__LEVELS_MOST = 20 };
int64_t pal__tree_left(int64_t n); /* of n shards, 2 or more: those of the left subtree */

typedef struct pal__level { /* a node of the tree with processes on both sides; this process is on one of them */
    int mine, n_mine;       /* the processes of this side: so many from `mine` on */
    int other, n_other;
} pal__level;
/* The nodes above the shards of a process, from the lowest up to the root. Returns how many there are. */
int pal__levels(int64_t count, int size, int rank, pal__level level[PAL__LEVELS_MOST]);

/* ---- Sums over the tree ------------------------------------------------------------------------------------------ */

/* How two values become one. PAL__OR takes PAL_I32, the others PAL_F32 and PAL_F64. */
typedef enum pal__combine { PAL__SUM, PAL__LARGEST, PAL__OR } pal__combine;

/* "Sum" below stands for each of them. Whether subnormal numbers are
 * zeros is that of the calling thread and of the workers: so these are called between pal__workers_enter and _leave, if
 * the other values of a program are. Large sums are divided among the context's workers; a context that is NULL has
 * none. */

/* out = a + b; out may be a or b. alone: the workers have something else to do. */
void pal__plus(pal_context *context, bool alone, pal__combine how, pal_dtype dtype, size_t n, void *out, const void *a,
               const void *b);
/* The sum of k values of n elements over the tree of k shards, k from 1 to PAL_SHARDS_MOST; out may be in[0]. */
void pal__tree_sum(pal_context *context, pal__combine how, pal_dtype dtype, size_t k, const void *const *in, void *out,
                   size_t n);

typedef struct pal__all pal__all; /* a sum over all processes, that can be run again and again */
/* For so many shards in all processes, and n elements of this type. parts: it may stop when each process has a part of
 * the sum (pal__all_part). Allocates all that it needs. What runs at the same
 * time needs different tags, below PAL__TAG_GATHER. The communicator is borrowed; NULL: one process. NULL:
 * no memory. */
pal__all *pal__all_new(pal_context *context, const pal_communicator *communicator, int64_t count, pal__combine how,
                       pal_dtype dtype, size_t n, int tag, bool parts);
/* Whether it stops with parts: then it is done when this process has the whole sum of n elements from `first` on, and
 * pal__all_join sends these parts of any `values` of as many elements to all. It is polled in the same way. */
bool pal__all_part(const pal__all *all, size_t *first, size_t *n);
void pal__all_join(pal__all *all, void *values);
/* NULL-safe. Not while it runs, unless it has failed and the communicator has been closed. */
void pal__all_free(pal_context *context, pal__all *all);
/* values: the sum over the shards of this process. It becomes, in place, that over all shards, and stays untouched by
 * the caller until then. It must not run already. */
void pal__all_start(pal__all *all, void *values);
/* Goes on as far as it can without waiting. 1: done; 0: not yet; -1: failed, from now on. alone: it adds without the
 * other workers of the context, which have something else to do. */
int pal__all_poll(pal__all *all, bool alone);

#endif
