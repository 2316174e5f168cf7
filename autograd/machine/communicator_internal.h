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

#endif
