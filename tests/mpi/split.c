/* split.c - a program that has started MPI itself opens communicators for a part of its processes, several at a time,
 * and MPI is still there when they are closed. Also what is refused. Started with 4 processes. */
#include "mpi/mpi.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int passed, failed;

static void check(bool good, const char *what)
{
    if (good)
        passed++;
    else {
        failed++;
        printf("FAILED: %s\n", what);
    }
}

static bool send_around(pal_communicator *c, int value)
{
    int in = -1, done = 0;
    const int from = (c->rank + c->size - 1) % c->size;
    const int out = value * 100 + c->rank;
    const int ticket = c->start(c->self, (c->rank + 1) % c->size, &out, from, &in, sizeof in, 0);
    while ((done = c->test(c->self, ticket)) == 0) {
    }
    return done == 1 && in == value * 100 + from;
}

/* After a wrong argument every call fails, and says why. A communicator of this process alone, so that nobody waits. */
static void refuse(int to, int from, int tag, int ticket, const char *word)
{
    char out = 0, in = 0;
    pal_communicator *c = pal_mpi_open_on(MPI_Comm_c2f(MPI_COMM_SELF), NULL);
    check(c && c->rank == 0 && c->size == 1, "a process alone is process 0 of 1");
    if (!c) return;
    if (ticket >= 0)
        check(c->test(c->self, ticket) == -1, "a ticket that nobody has got is taken");
    else
        check(c->start(c->self, to, &out, from, &in, 1, tag) == -1, "a wrong argument is taken");
    check(strstr(c->why(c->self), word) != NULL, c->why(c->self));
    check(c->start(c->self, -1, NULL, -1, NULL, 0, 0) == -1, "a call after a failure does not fail");
    c->close(c, true);
}

int main(void)
{
    pal_error err = {0};
    int rank, ended = 0;
    check(!pal_mpi_open_on(0, &err) && strstr(err.text, "MPI_Init"), "it is opened before MPI is started");
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm half;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);

    pal_communicator *all = pal_mpi_open(&err), *part = pal_mpi_open_on(MPI_Comm_c2f(half), &err);
    MPI_Comm_free(&half);
    check(all && part, err.text);
    if (!all || !part) return 1;
    check(all->size == 4 && all->rank == rank && part->size == 2 && part->rank == rank / 2, "wrong numbers");
    check(send_around(all, 1) && send_around(part, 2 + rank % 2) && send_around(all, 4), "a message goes astray");
    part->close(part, false);
    check(send_around(all, 5), "a communicator does not work after another one was closed");
    all->close(all, false);
    MPI_Finalized(&ended);
    check(!ended, "MPI was finalised by somebody who had not started it");

    check(!pal_mpi_open_on(MPI_Comm_c2f(MPI_COMM_NULL), &err) && strstr(err.text, "MPI_COMM_NULL"), "NULL is opened");
    refuse(1, -1, 0, -1, "no process 1 of 1");
    refuse(0, -2, 0, -1, "no process -2 of 1");
    refuse(0, 0, 32768, -1, "tag 32768");
    refuse(0, 0, 0, 3, "ticket 3");
    MPI_Finalize();
    if (rank == 0) printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
