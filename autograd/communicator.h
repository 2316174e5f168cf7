/* communicator.h - several processes that compute one thing together, with the bits of one process.
 *
 * A batch is cut into *shards*: equal parts of its rows, as many in a run as its setting says, whatever the number of
 * processes. A tape that knows its shards (pal_tape_share) records what one shard computes. Where a value has to be
 * that of the whole batch it is summed over the shards: pal_all_sum in autograd.h. Every process compiles the same
 * tape. Its program computes the shards of this process, one after the other, and sums them together with the other
 * processes.
 *
 * The sum is taken over one fixed binary tree of the shards: n shards are the largest power of two below n, and the
 * rest. Each process owns one whole subtree, sums it, and exchanges sums with the processes of the sibling subtree, up
 * to the root. a + b and b + a have the same bits, so all processes hold the same bits, and the number of processes
 * changes none. Why not MPI_Allreduce: it promises no order.
 *
 * A communicator is how processes reach each other: pal_communicator_threads below for threads of one process,
 * pal_mpi_open of mpi/mpi.h for MPI, or a struct of functions of your own. A training loop that is cut needs three
 * lines more than one that is not:
 *
 *     pal_communicator *c = pal_mpi_open(&err);                                        who takes part
 *     pal_tape_share(tape, &(pal_shards){sizeof(pal_shards), 8, 16, c});               8 shards of 16 rows
 *     pal_all_mean_grad(loss, weights, n, gradients);                                  instead of pal_grad
 *
 * and records its batch by pal_leaf_rows instead of pal_leaf.
 */
#ifndef PAL_COMMUNICATOR_H
#define PAL_COMMUNICATOR_H

#include "autograd/autograd.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Host: processes -------------------------------------------------------------------------------------------- */

/* Who implements one fills in all fields. One thread of a process uses it at a time. A struct may grow at its end:
 * struct_size says how far it goes. */
typedef struct pal_communicator {
    size_t struct_size;
    int rank, size; /* this process, from 0 on, and how many there are, at least 1 */
    void *self;     /* passed to each function */
    /* Starts to send `bytes` bytes of `out` to process `to`, and to receive as many into `in` from process `from`. Both
     * are other processes; -1 stands for none, and then `out` or `in` is not looked at. There is at least one byte. It
     * does not wait. Both buffers stay untouched until the transfer is finished. From one process to another, what has
     * the same tag (0 to 32767) arrives in the order in which it was started. Any number may be on its way. Returns a
     * ticket, 0 or more; -1: failed. */
    int (*start)(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag);
    /* 1: the transfer is finished, and its ticket is gone. 0: not yet. -1: failed, because a process has ended or the
     * network is broken: then every later call fails, too. It does not wait, and lets all transfers go on. */
    int (*test)(void *self, int ticket);
    /* Why a call has failed, one line that names the process: "process 2 of 4 (host node7, pid 4711) has ended". */
    const char *(*why)(void *self);
    /* This process makes no more use of the communicator, which is freed, with its struct. failed: others should not
     * wait for this process: they fail at their next call. */
    void (*close)(struct pal_communicator *communicator, bool failed);
} pal_communicator;

/* NULL-safe: communicator->close. */
void pal_communicator_close(pal_communicator *communicator, bool failed);

/* As many communicators as threads (1 to 1024), which belong together, in out[0 .. n-1]; each is closed by its thread.
 * What a thread sends is copied by the thread that receives it. */
pal_status pal_communicator_threads(int n, pal_communicator **out, pal_error *err);

/* Calls of all processes together, which wait for each other. A communicator that is NULL stands for one process alone.
 * They fail with PAL_ERR_PEER if a process has ended; the message names it. */

/* all[i]: the `bytes` bytes that process i gave as mine. */
pal_status pal_communicator_gather(const pal_communicator *communicator, const void *mine, size_t bytes, void *all,
                                   pal_error *err);
/* Gives the bytes of process `root` to all. */
pal_status pal_communicator_broadcast(const pal_communicator *communicator, int root, void *bytes, size_t n,
                                      pal_error *err);
/* Whether all can go on. mine: PAL_OK, or how this process has failed, with err filled in. If a process has failed,
 * every process returns the status of the first such process and its message, "process 2 of 4: ..." in front unless all
 * have failed with this message. */
pal_status pal_communicator_agree(const pal_communicator *communicator, pal_status mine, pal_error *err);

/* ---- Host: shards ----------------------------------------------------------------------------------------------- */

enum { PAL_SHARDS_MOST = 65536 };

typedef struct pal_shards {
    size_t struct_size;
    int64_t count; /* of a batch, in all processes: 1 to PAL_SHARDS_MOST; at least one for each process */
    int64_t rows;  /* of a shard: samples that its noise belongs to. Shard s has the noise of the rows s * rows .. */
    const pal_communicator *communicator; /* borrowed by the tape and its programs; NULL: this process alone */
} pal_shards;

/* The shards that a process owns: `local` of them from `first` on. Which they are follows from count, size and rank. */
void pal_shards_of(int64_t count, int size, int rank, int64_t *first, int64_t *local);

/* Says that the tape is what one shard computes. Before anything is recorded. A tape of one shard is as it was before.
 * PAL_ERR_ARGUMENT: the numbers do not fit, or something is recorded; the tape says which. */
pal_status pal_tape_share(pal_tape *tape, const pal_shards *shards);

/* A leaf whose rows belong to the shards of this process, one after the other. Its value on the tape is that of one
 * shard: the first axis is 1/local of the tensor's. Such a leaf differs between the shards, so nothing can be assigned
 * to it. pal_bind gives it other rows, of all shards of this process. In a tape of one shard it is pal_leaf. */
pal_var pal_leaf_rows(pal_tape *tape, pal_tensor *rows, const char *name);

/* Every value of a tape is *common* (the same in all shards: it comes from leaves, constants and pal_all_sum) or
 * differs. pal_compile refuses an assign of a value that differs, and says which leaf it is. An output that differs is
 * that of the first shard of this process. A program of several shards is run by all processes together: all call
 * pal_run, in the same order, for programs that were compiled in the same order. If a step fails in one process,
 * pal_run fails in all with that status, and no leaf has changed. */

/* Flags that this process raises with the next run of a program of several shards; any meaning but 0. After the run all
 * processes know the flags of all: those of any process, joined by `or`. Bits 0 to 15. Without shards these functions
 * hand the flags from the one to the other. */
void pal_program_raise(pal_program *program, uint32_t flags);
uint32_t pal_program_raised(const pal_program *program);
/* All processes together: makes those leaves whole again that a program compiled with .divide keeps in parts.
 * PAL_ERR_PEER; pal_program_error has the reason. */
pal_status pal_program_settle(pal_program *program);
/* Seconds of the last run in which this process waited for messages and had nothing else to do. */
double pal_program_waited(const pal_program *program);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
