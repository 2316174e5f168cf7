/* watch.c - who has ended?
 *
 * MPI does not say: a transport by shared memory waits for a dead process for ever. But the kernel closes the
 * connections of a process that ends, however it ends. So each process has a thread that sleeps until something happens
 * on its connections (meet.c). Process 0 hears from everybody and passes the first fault on to all; the others hear
 * from process 0. What remains is one number that the thread of the communicator reads.
 *
 * Why a thread: process 0 may be computing for long, and has to pass faults on meanwhile. It makes no call of MPI. */
#include "mpi/internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct note {
    int32_t how, rank; /* a palm__end, and whose */
} note;

struct palm__watch {
    int rank, n;          /* this process; connections */
    int *sockets;         /* [n] of meet.c. Of process 0, sockets[0] is -1 */
    struct pollfd *polls; /* [n + 1]: the sockets that still matter; at last `wake` */
    int wake;             /* ends the thread */
    pthread_t thread;
    atomic_int fault; /* 0: none; else rank * 4 + palm__end */
};

static void tell(int socket, note what)
{
    if (socket >= 0 && send(socket, &what, sizeof what, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* it has ended, too */
}

/* Something happened on connection i. Returns whether it is a fault. */
static bool hear(palm__watch *watch, int i)
{
    note heard;
    if (recv(watch->sockets[i], &heard, sizeof heard, MSG_WAITALL) != (ssize_t)sizeof heard)
        heard = (note){PALM_ENDED, i};
    if (heard.how == PALM_BYE) {
        watch->polls[i].fd = -1;
        return false;
    }
    for (int k = 0; watch->rank == 0 && k < watch->n; k++)
        if (k != heard.rank) tell(watch->sockets[k], heard);
    atomic_store(&watch->fault, heard.rank * 4 + heard.how);
    return true;
}

static void *sleep_and_hear(void *own)
{
    palm__watch *watch = own;
    const int n = watch->n;
    for (;;) {
        if (poll(watch->polls, (nfds_t)n + 1, -1) < 0) {
            if (errno == EINTR) continue;
            return NULL;
        }
        if (watch->polls[n].revents) return NULL;
        for (int i = 0; i < n; i++)
            if (watch->polls[i].fd >= 0 && watch->polls[i].revents && hear(watch, i)) return NULL;
    }
}

/* The signals of the process are for its other threads. */
static bool start_thread(palm__watch *watch)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    const bool good = pthread_create(&watch->thread, NULL, sleep_and_hear, watch) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

static void release(palm__watch *watch)
{
    if (!watch) return;
    for (int i = 0; watch->sockets && i < watch->n; i++)
        if (watch->sockets[i] >= 0) close(watch->sockets[i]);
    if (watch->wake >= 0) close(watch->wake);
    free(watch->sockets);
    free(watch->polls);
    free(watch);
}

static palm__watch *prepare(int rank, int size)
{
    palm__watch *watch = calloc(1, sizeof *watch);
    if (!watch) return NULL;
    watch->rank = rank;
    watch->n = rank == 0 ? size : 1;
    watch->wake = eventfd(0, EFD_CLOEXEC);
    watch->sockets = malloc((size_t)watch->n * sizeof *watch->sockets);
    watch->polls = calloc((size_t)watch->n + 1, sizeof *watch->polls);
    for (int i = 0; watch->sockets && i < watch->n; i++) watch->sockets[i] = -1;
    if (watch->wake >= 0 && watch->sockets && watch->polls) return watch;
    release(watch);
    return NULL;
}

/* All processes go on together or not at all. */
static bool all_have(MPI_Comm comm, bool mine)
{
    int given = mine, all = 0;
    return MPI_Allreduce(&given, &all, 1, MPI_INT, MPI_MIN, comm) == MPI_SUCCESS && all;
}

palm__watch *palm__watch_open(MPI_Comm comm, int rank, int size)
{
    if (size < 2) return NULL;
    palm__watch *watch = prepare(rank, size);
    if (all_have(comm, watch != NULL) && palm__meet(comm, rank, size, watch->sockets)) {
        for (int i = 0; i < watch->n; i++) watch->polls[i] = (struct pollfd){watch->sockets[i], POLLIN, 0};
        watch->polls[watch->n] = (struct pollfd){watch->wake, POLLIN, 0};
        const bool started = start_thread(watch);
        if (all_have(comm, started)) return watch;
        if (started) {
            palm__watch_close(watch, PALM_BYE);
            return NULL;
        }
    }
    release(watch);
    return NULL;
}

int palm__watch_fault(const palm__watch *watch, palm__end *how)
{
    const int fault = watch ? atomic_load_explicit(&watch->fault, memory_order_acquire) : 0;
    if (!fault) return -1;
    *how = (palm__end)(fault % 4);
    return fault / 4;
}

/* Returns when process 0 has closed or ended, or after some milliseconds. */
static void wait_for_first(int socket, int milliseconds)
{
    struct timespec begin, at;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int left = milliseconds; left > 0;) {
        struct pollfd p = {.fd = socket, .events = POLLIN};
        note heard;
        if (poll(&p, 1, left) > 0 &&
            (recv(socket, &heard, sizeof heard, MSG_WAITALL) != (ssize_t)sizeof heard || heard.rank == 0))
            return;
        clock_gettime(CLOCK_MONOTONIC, &at);
        left = milliseconds - (int)((at.tv_sec - begin.tv_sec) * 1000 + (at.tv_nsec - begin.tv_nsec) / 1000000);
    }
}

/* When a process ends with a fault, mpirun gives the others a second or two. When a second one ends, it kills the rest
 * at once. So those that have nothing to say let the first one that is left speak, and end after it. */
static void let_speak(const palm__watch *watch)
{
    enum { MOST = 5000, MOMENT = 500 };
    const struct timespec moment = {0, MOMENT * 1000000};
    palm__end how = PALM_BYE;
    const int who = palm__watch_fault(watch, &how);
    if (watch->rank == (who == 0 ? 1 : 0)) return;
    if (who == 0)
        nanosleep(&moment, NULL);
    else
        wait_for_first(watch->sockets[0], MOST);
}

void palm__watch_close(palm__watch *watch, palm__end how)
{
    if (!watch) return;
    const uint64_t one = 1;
    if (write(watch->wake, &one, sizeof one) == (ssize_t)sizeof one) pthread_join(watch->thread, NULL);
    for (int i = 0; i < watch->n; i++) tell(watch->sockets[i], (note){(int32_t)how, watch->rank});
    if (how == PALM_FAILED) let_speak(watch);
    release(watch);
}
