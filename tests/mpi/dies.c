/* dies.c CASE WHO NOTES - one process of several comes to an end while the others wait; they have to notice and say
 * who.
 *
 * Each survivor appends a line "RANK SECONDS WHY" to the file NOTES: the seconds since the end. The lowest survivor
 * also prints WHY on standard error, as a program does where one process speaks. dies.sh judges. */
#include "mpi/mpi.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 20 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void append(const char *path, const char *line)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file < 0 || write(file, line, strlen(line)) != (ssize_t)strlen(line)) _exit(9);
    close(file);
}

/* ---- How the one ends ------------------------------------------------------------------------------------------- */

static void by_signal(pal_communicator *c)
{
    (void)c;
    kill(getpid(), SIGKILL);
}

static void by_exit(pal_communicator *c)
{
    (void)c;
    _exit(4);
}

static void by_failure(pal_communicator *c)
{
    c->close(c, true);
    _exit(4);
}

/* ---- What the others do meanwhile ------------------------------------------------------------------------------- */

/* Waits for a message that never comes, from a process that is alive if there is one. */
static void wait_for(pal_communicator *c, int who)
{
    static char in[8];
    int from = (c->rank + 1) % c->size;
    if (from == who && c->size > 2) from = (from + 1) % c->size;
    const int ticket = c->start(c->self, -1, NULL, from, in, sizeof in, 7);
    int done = ticket < 0 ? -1 : 0;
    for (const double end = now() + PATIENCE; done == 0 && now() < end; done = c->test(c->self, ticket)) usleep(200);
}

/* Begins again and again to send to all, and waits for nothing. */
static void send_on(pal_communicator *c, int who)
{
    (void)who;
    for (const double end = now() + PATIENCE; now() < end; usleep(1000))
        if (c->start(c->self, -1, NULL, -1, NULL, 0, 0) < 0) return;
}

/* Process 0 is busy for half a second, so that the others hear nothing from it in time unless its thread speaks. */
static void wait_for_busy(pal_communicator *c, int who)
{
    if (c->rank == 0) usleep(600000);
    wait_for(c, who);
}

static void nothing(pal_communicator *c, int who)
{
    (void)c;
    (void)who;
}

static const struct {
    const char *name;
    void (*end)(pal_communicator *c);
    void (*meanwhile)(pal_communicator *c, int who);
} cases[] = {{"killed", by_signal, wait_for}, {"exits", by_exit, wait_for},       {"fails", by_failure, wait_for},
             {"starts", by_signal, send_on},  {"busy", by_signal, wait_for_busy}, {"closing", by_signal, nothing}};

/* All have to be there before one ends: around a circle, each waits for each. */
static void gather(pal_communicator *c)
{
    char out[8] = "here", in[8];
    for (int step = 1; step < c->size; step++) {
        const int to = (c->rank + step) % c->size, from = (c->rank + c->size - step) % c->size;
        const int ticket = c->start(c->self, to, out, from, in, sizeof in, step);
        while (c->test(c->self, ticket) == 0) usleep(100);
    }
}

/* What a survivor has to say. The beginning is the time at which the file of the other one was written. */
static int report(pal_communicator *c, int who, const char *notes, double began)
{
    char line[700];
    snprintf(line, sizeof line, "%d %.3f %s\n", c->rank, now() - began, c->why(c->self));
    append(notes, line);
    if (c->rank == (who == 0 ? 1 : 0)) {
        fprintf(stderr, "%s\n", c->why(c->self));
        usleep(400000); /* mpirun kills the rest once this one has ended: they shall have noticed by then */
    }
    c->close(c, true);
    return 3;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    const int who = atoi(argv[2]);
    size_t which = 0;
    while (which < sizeof cases / sizeof *cases && strcmp(cases[which].name, argv[1]) != 0) which++;
    if (which == sizeof cases / sizeof *cases) return 2;
    signal(SIGTERM, SIG_IGN); /* mpirun sends it at once */

    pal_error err = {0};
    pal_communicator *c = pal_mpi_open(&err);
    if (!c) return 2;
    gather(c);
    if (c->rank == who) {
        char line[64];
        usleep(200000); /* the others are waiting by then */
        snprintf(line, sizeof line, "victim %d\n", (int)getpid());
        append(argv[3], line);
        cases[which].end(c);
        return 2;
    }
    const double began = now() + 0.2;
    cases[which].meanwhile(c, who);
    if (cases[which].meanwhile != nothing) return report(c, who, argv[3], began);
    const int rank = c->rank;
    c->close(c, false); /* must not wait for the dead */
    char line[64];
    snprintf(line, sizeof line, "%d %.3f closed\n", rank, now() - began);
    append(argv[3], line);
    usleep(900000); /* once one has ended, mpirun kills the rest */
    return 3;
}
