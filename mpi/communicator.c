/* communicator.c - the functions of a pal_communicator over MPI.
 *
 * A ticket is an index into a table of transfers. A transfer has the MPI requests of its pieces: MPI counts in int, so
 * what is longer than PALM_PIECE goes in several messages, which arrive in order. The table and its rows grow and never
 * shrink: once every kind of transfer has been seen, nothing is allocated. */
#include "mpi/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef PALM_PIECE /* bytes of a message; the tests make it small */
#define PALM_PIECE ((size_t)1 << 30)
#endif

enum { NONE = -1, TAKEN = -2 };

typedef struct peer {
    char host[PALM_HOST];
    int pid;
} peer;

typedef struct transfer {
    MPI_Request *requests; /* [most], of which n are in use */
    int n, most;
    int next; /* the next one that is free, or NONE; TAKEN: on its way */
} transfer;

typedef struct processes {
    pal_communicator face;
    MPI_Comm comm;
    bool ours; /* we have initialised MPI */
    peer *peers;
    palm__watch *watch;
    transfer *transfers;
    int most, vacant; /* how many; the first one that is free, or NONE */
    bool broken;
    char text[512]; /* why */
} processes;

/* ---- Failures --------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static int fails(processes *p, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(p->text, sizeof p->text, format, list);
    va_end(list);
    p->broken = true;
    return -1;
}

static bool has_failed(processes *p)
{
    palm__end how;
    if (p->broken) return true;
    const int who = palm__watch_fault(p->watch, &how);
    if (who < 0) return false;
    fails(p, "process %d of %d (host %s, pid %d) has %s", who, p->face.size, p->peers[who].host, p->peers[who].pid,
          how == PALM_FAILED ? "failed" : "ended");
    return true;
}

/* MPI may see that a process is gone before the watch knows which it is. */
static int network_fails(processes *p, int code)
{
    const struct timespec moment = {0, 10000000};
    for (int i = 0; i < 100 && p->watch; i++) {
        if (has_failed(p)) return -1;
        nanosleep(&moment, NULL);
    }
    char said[MPI_MAX_ERROR_STRING] = "an unknown error";
    int length;
    MPI_Error_string(code, said, &length);
    for (char *c = said; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    return fails(p, "process %d of %d cannot reach another process: %.400s", p->face.rank, p->face.size, said);
}

static const char *why(void *self) { return ((processes *)self)->text; }

/* ---- Transfers -------------------------------------------------------------------------------------------------- */

/* Returns a free transfer with room for so many requests; NONE: out of memory. */
static int take(processes *p, int requests)
{
    if (p->vacant == NONE) {
        const int most = p->most ? 2 * p->most : 16;
        transfer *more = realloc(p->transfers, (size_t)most * sizeof *more);
        if (!more) return NONE;
        for (int i = p->most; i < most; i++) more[i] = (transfer){.next = i + 1 < most ? i + 1 : NONE};
        p->vacant = p->most;
        p->transfers = more;
        p->most = most;
    }
    const int ticket = p->vacant;
    transfer *t = &p->transfers[ticket];
    if (t->most < requests) {
        MPI_Request *more = realloc(t->requests, (size_t)requests * sizeof(MPI_Request));
        if (!more) return NONE;
        t->requests = more;
        t->most = requests;
    }
    p->vacant = t->next;
    t->next = TAKEN;
    t->n = 0;
    return ticket;
}

static int start(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    processes *p = self;
    if (has_failed(p)) return -1;
    if (to < -1 || to >= p->face.size) return fails(p, "there is no process %d of %d", to, p->face.size);
    if (from < -1 || from >= p->face.size) return fails(p, "there is no process %d of %d", from, p->face.size);
    if (tag < 0 || tag > 32767) return fails(p, "the tag %d is not in 0 to 32767", tag);
    const size_t pieces = bytes ? (bytes - 1) / PALM_PIECE + 1 : 1;
    const int ticket = pieces > INT32_MAX / 2 ? NONE : take(p, 2 * (int)pieces);
    if (ticket == NONE) return fails(p, "out of memory");

    transfer *t = &p->transfers[ticket];
    for (size_t i = 0; i < pieces; i++) {
        const size_t at = i * PALM_PIECE, n = bytes - at < PALM_PIECE ? bytes - at : PALM_PIECE;
        int code = MPI_SUCCESS;
        if (from >= 0)
            code = MPI_Irecv(n ? (char *)in + at : in, (int)n, MPI_BYTE, from, tag, p->comm, &t->requests[t->n++]);
        if (to >= 0 && code == MPI_SUCCESS)
            code =
                MPI_Isend(n ? (const char *)out + at : out, (int)n, MPI_BYTE, to, tag, p->comm, &t->requests[t->n++]);
        if (code != MPI_SUCCESS) return network_fails(p, code);
    }
    return ticket;
}

static int test(void *self, int ticket)
{
    processes *p = self;
    if (has_failed(p)) return -1;
    if (ticket < 0 || ticket >= p->most || p->transfers[ticket].next != TAKEN)
        return fails(p, "no transfer has the ticket %d", ticket);
    transfer *t = &p->transfers[ticket];
    int finished = 1;
    const int code = t->n ? MPI_Testall(t->n, t->requests, &finished, MPI_STATUSES_IGNORE) : MPI_SUCCESS;
    if (code != MPI_SUCCESS) return network_fails(p, code);
    if (!finished) return 0;
    t->next = p->vacant;
    p->vacant = ticket;
    return 1;
}

/* ---- Open and close --------------------------------------------------------------------------------------------- */

/* Waits for all others to close too, as long as all are there. */
static bool all_close(processes *p)
{
    const struct timespec moment = {0, 100000};
    MPI_Request request;
    int finished = 0;
    if (has_failed(p) || MPI_Ibarrier(p->comm, &request) != MPI_SUCCESS) return false;
    while (MPI_Test(&request, &finished, MPI_STATUS_IGNORE) == MPI_SUCCESS) {
        if (finished) return true;
        if (has_failed(p)) return false;
        nanosleep(&moment, NULL);
    }
    return false;
}

static void release(processes *p)
{
    for (int i = 0; i < p->most; i++) free(p->transfers[i].requests);
    free(p->transfers);
    free(p->peers);
    free(p);
}

/* Who is left behind with a dead process would wait for ever in a call that all processes make: so no such call. */
static void close_all(pal_communicator *communicator, bool failed)
{
    processes *p = communicator->self;
    const bool together = !failed && all_close(p);
    const bool ours = p->ours;
    palm__watch_close(p->watch, together ? PALM_BYE : PALM_FAILED);
    if (together) MPI_Comm_free(&p->comm);
    release(p);
    if (together && ours) MPI_Finalize();
}

/* Everybody's host and pid. */
static bool introduce(processes *p)
{
    peer mine = {.pid = (int)getpid()};
    if (gethostname(mine.host, sizeof mine.host - 1) != 0 || !mine.host[0]) strcpy(mine.host, "unknown");
    return MPI_Allgather(&mine, (int)sizeof mine, MPI_BYTE, p->peers, (int)sizeof mine, MPI_BYTE, p->comm) ==
           MPI_SUCCESS;
}

static pal_communicator *refuse(pal_error *err, pal_status status, const char *message)
{
    if (err) {
        err->status = status;
        snprintf(err->text, sizeof err->text, "%s", message);
    }
    return NULL;
}

static pal_communicator *open_copy(MPI_Comm given, bool ours, pal_error *err)
{
    MPI_Comm comm;
    int rank = 0, size = 1, mine, all = 0;
    if (MPI_Comm_dup(given, &comm) != MPI_SUCCESS || MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN) != MPI_SUCCESS)
        return refuse(err, PAL_ERR_IO, "MPI cannot duplicate the communicator");
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    processes *p = calloc(1, sizeof *p);
    peer *peers = calloc((size_t)size, sizeof *peers);
    mine = p && peers;
    const bool reached = MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, comm) == MPI_SUCCESS;
    if (!p || !all) {
        free(p);
        free(peers);
        return reached ? refuse(err, PAL_ERR_MEMORY, mine ? "another process is out of memory" : "out of memory")
                       : refuse(err, PAL_ERR_IO, "MPI cannot reach the other processes");
    }
    *p = (processes){.comm = comm, .ours = ours, .peers = peers, .vacant = NONE, .text = "no call has failed"};
    p->face = (pal_communicator){sizeof p->face, rank, size, p, start, test, why, close_all};
    if (!introduce(p)) {
        release(p);
        return refuse(err, PAL_ERR_IO, "MPI cannot reach the other processes");
    }
    p->watch = palm__watch_open(comm, rank, size);
    return &p->face;
}

pal_communicator *pal_mpi_open(pal_error *err)
{
    int started = 0, ended = 0, level;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    if (ended)
        return refuse(err, PAL_ERR_ARGUMENT, "MPI was finalised in this process, and starts only once in a process");
    /* By its default, Open MPI over TCP asks for the data of a long message, and the question waits behind the data of
     * the other direction: an exchange of 128 KB takes twice as long at 1 Gbit/s. With 1 it sends them at once. */
    if (!started) setenv("OMPI_MCA_btl_tcp_flags", "1", 0);
    /* One thread calls MPI, others exist. An MPI that grants less has no threads of its own, and works as well. */
    if (!started && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return refuse(err, PAL_ERR_IO, "MPI cannot start");
    return open_copy(MPI_COMM_WORLD, !started, err);
}

pal_communicator *pal_mpi_open_on(int comm, pal_error *err)
{
    int started = 0, ended = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    if (!started || ended) return refuse(err, PAL_ERR_ARGUMENT, "MPI is not running: call MPI_Init first");
    const MPI_Comm given = MPI_Comm_f2c((MPI_Fint)comm);
    if (given == MPI_COMM_NULL) return refuse(err, PAL_ERR_ARGUMENT, "the communicator is MPI_COMM_NULL");
    return open_copy(given, false, err);
}
