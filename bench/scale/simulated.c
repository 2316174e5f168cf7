/* simulated.c - the messages of a training step as an MPI program without its computation: for SimGrid's SMPI, and with
 * -DREAL for MPI, where the process is busy for as long as it would compute.
 *
 *     smpirun ... simulated COSTS NETWORK [--only NAME] [--rows N | --batch N]
 *     mpirun ... real COSTS own LATENCY BANDWIDTH COPY [the same]     as bench_scale has them: us, Gbit/s, ns
 *
 * In: the costs that bench_scale --measure has printed, and the name of a network of model.c, whose description is
 * NETWORK.xml. Out, from process 0: a line for each workload with its name, processes, rows of each, bytes of its
 * gradients, the time of a step, the model's, and the first over the second. Times in microseconds.
 *
 * Unlike the model it has many messages on the way at once, which share links and switches. A transfer goes on when the
 * process looks at it: after each slice of its computation, as pal_run does between the steps of a program. There it
 * also updates its parts of weights whose sums are there. */
#include "bench/scale/scale.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define LOOK 5e-5 /* seconds of an update between two looks */
enum { SLICES = 48, MOST_BYTES = 8 << 20 };
#ifdef REAL
enum { STEPS = 31 }; /* the median of them counts */
#define IN_MPI              true
#define GET_MEMORY(bytes)   malloc(bytes)
#define FREE_MEMORY(memory) free(memory)
static void work(double seconds)
{
    for (const double began = MPI_Wtime(); MPI_Wtime() - began < seconds;) {
    }
}
#else
#include <smpi/smpi.h>
enum { STEPS = 1 };
#define IN_MPI              false
#define GET_MEMORY(bytes)   SMPI_SHARED_MALLOC(bytes)
#define FREE_MEMORY(memory) SMPI_SHARED_FREE(memory)
static void work(double seconds)
{
    if (seconds > 0) smpi_execute_flops(1e9 * seconds); /* the hosts of the platforms have 1 Gflop/s */
}
#endif

typedef struct transfer { /* one message */
    exchanges e;
    size_t n, at; /* at: the exchange that is on its way; n: so many can go until the update */
    bool begun, updated;
    int looks; /* until the exchange really begins */
    MPI_Request requests[2];
    int tag;
    double free; /* when, in the pass, nothing reads the old weight any more */
} transfer;

typedef struct process {
    int rank, size;
    const network *net;
    char *memory; /* no byte of it matters */
    transfer transfers[MOST_MESSAGES];
    message buckets[MOST_MESSAGES];
    size_t n;
    bool behind; /* forward and backward are done: it looks all the time */
} process;

static void begin(process *p, transfer *t)
{
    const int other = p->rank ^ t->e.all[t->at].distance, bytes = (int)t->e.all[t->at].bytes;
    MPI_Irecv(p->memory, bytes, MPI_BYTE, other, t->tag, MPI_COMM_WORLD, &t->requests[0]);
    MPI_Isend(p->memory, bytes, MPI_BYTE, other, t->tag, MPI_COMM_WORLD, &t->requests[1]);
    t->looks = 0;
}

/* SMPI sends a large message when both processes have called. MPI needs looks before. */
static void start(process *p, transfer *t)
{
    t->begun = true;
    t->looks = IN_MPI || p->behind ? 0 : (int)model_looks(p->net, t->e.all[t->at].bytes);
    if (!t->looks) begin(p, t);
}

static void go_on(process *p, transfer *t)
{
    work(p->net->sum * t->e.all[t->at].summed);
    if (++t->at < t->n) start(p, t);
}

static void look(process *p)
{
    for (size_t i = 0; i < p->n; i++) {
        transfer *t = &p->transfers[i];
        int done = 0;
        if (!t->begun || t->at == t->n) continue;
        if (t->looks) {
            if (p->behind || !--t->looks) begin(p, t);
            continue;
        }
        MPI_Testall(2, t->requests, &done, MPI_STATUSES_IGNORE);
        if (done) go_on(p, t);
    }
}

/* Waits for transfer i. Meanwhile the others go on, too. */
static void wait_for(process *p, size_t i)
{
    while (p->transfers[i].at < p->transfers[i].n) {
        MPI_Request all[2 * MOST_MESSAGES];
        size_t owner[2 * MOST_MESSAGES];
        int n = 0, which;
        for (size_t k = 0; k < p->n; k++)
            for (int r = 0; r < 2; r++)
                if (p->transfers[k].at < p->transfers[k].n && p->transfers[k].requests[r] != MPI_REQUEST_NULL)
                    owner[n] = 2 * k + (size_t)r, all[n++] = p->transfers[k].requests[r];
        MPI_Waitany(n, all, &which, MPI_STATUS_IGNORE);
        transfer *t = &p->transfers[owner[which] / 2];
        t->requests[owner[which] % 2] = MPI_REQUEST_NULL;
        if (t->requests[0] == MPI_REQUEST_NULL && t->requests[1] == MPI_REQUEST_NULL) go_on(p, t);
    }
}

static void update(process *p, const costs *c, size_t i);

/* Updates of parts that are there. pass: how far forward and backward are. */
static void update_early(process *p, const costs *c, double pass)
{
    for (size_t i = 0; i < p->n; i++) {
        const transfer *t = &p->transfers[i];
        if (t->begun && !t->updated && t->e.part < 1 && t->at == t->e.sum && pass >= t->free) update(p, c, i);
    }
}

/* In it the process looks as pal_run does between the tasks of a step. Then the new weights go out. */
static void update(process *p, const costs *c, size_t i)
{
    transfer *t = &p->transfers[i];
    const double seconds = t->e.part * c->update * p->buckets[i].bytes / costs_bytes(c);
    t->updated = true;
    for (double now = 0; now < seconds; now += LOOK) {
        work(seconds - now < LOOK ? seconds - now : LOOK);
        look(p);
    }
    t->n = t->e.n;
    if (t->at < t->n) start(p, t);
}

static void prepare(process *p, const costs *c, const sized *s)
{
    p->n = model_buckets(s, c->n_messages, p->net->bucket, p->buckets);
    for (size_t i = 0; i < p->n; i++) {
        transfer *t = &p->transfers[i];
        *t = (transfer){.tag = (int)i, .requests = {MPI_REQUEST_NULL, MPI_REQUEST_NULL}};
        t->e = model_exchanges(p->net, p->buckets[i].bytes, p->size);
        t->n = t->e.sum;
        t->free = model_free(s, c->n_messages, &p->buckets[i]);
    }
}

static void step(process *p, const costs *c, double rows)
{
    sized s;
    costs_at(c, rows, &s);
    prepare(p, c, &s);
    p->behind = false;
    const double slice = s.look > 0 ? s.look : s.compute / SLICES;
    double now = 0;
    for (size_t next = 0; now < s.compute;) {
        double until = now + slice;
        if (until > s.compute) until = s.compute;
        if (next < p->n && p->buckets[next].ready < until) until = p->buckets[next].ready;
        work(until - now);
        now = until;
        for (; next < p->n && p->buckets[next].ready <= now; next++)
            if (p->transfers[next].n) start(p, &p->transfers[next]);
        look(p);
        update_early(p, c, now);
        if (now >= s.compute * (1 - 1e-9)) break;
    }
    p->behind = true;
    look(p);
    for (size_t i = 0; i < p->n; i++) {
        transfer *t = &p->transfers[i];
        if (t->updated) continue;
        if (!t->begun && t->n) start(p, t);
        wait_for(p, i);
        update(p, c, i);
        look(p);
        update_early(p, c, s.compute);
    }
    for (size_t i = 0; i < p->n; i++) wait_for(p, i);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of the process that is last. */
static double time_of(process *p, const costs *c, double rows)
{
    double times[STEPS];
    for (int i = 0; i < STEPS; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double began = MPI_Wtime();
        step(p, c, rows);
        const double time = MPI_Wtime() - began;
        MPI_Allreduce(&time, &times[i], 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    }
    qsort(times, STEPS, sizeof *times, by_value);
    return times[STEPS / 2];
}

/* Returns the number of arguments that it has used. 0: there is no such network. */
static int read_network(int n, char **arguments, network *out)
{
    size_t at = 0;
    if (n > 3 && !strcmp(arguments[0], "own")) {
        *out = networks[0];
        out->rack = 0;
        out->latency = 1e-6 * atof(arguments[1]);
        out->bandwidth = 1e9 / 8 * atof(arguments[2]);
        out->copy = 1e-9 * atof(arguments[3]);
        return 4;
    }
    while (n > 0 && networks[at].name && strcmp(networks[at].name, arguments[0]) != 0) at++;
    *out = networks[at];
    return n > 0 && out->name;
}

int main(int argc, char **argv)
{
    static machine m;
    process p = {0};
    network net;
    double rows = 32;
    const char *only = "";
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &p.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &p.size);
    const int used = read_network(argc - 2, argv + 2, &net);
    for (int i = 2 + used; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--only")) only = argv[i + 1];
        if (!strcmp(argv[i], "--rows")) rows = atof(argv[i + 1]);
        if (!strcmp(argv[i], "--batch")) rows = atof(argv[i + 1]) / p.size;
    }
    p.memory = GET_MEMORY(MOST_BYTES);
    if (!used || rows < 1 || !p.memory || !costs_read(argv[1], &m)) {
        if (p.rank == 0) fprintf(stderr, "simulated: no such network, no costs, or less than a row for each process\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    net.sum = m.sum;
    p.net = &net;
    for (size_t i = 0; i < m.n; i++) {
        const costs *c = &m.workloads[i];
        if (strncmp(c->name, only, strlen(only)) != 0) continue;
        const double time = time_of(&p, c, rows), model = model_step(c, &net, p.size, rows).all;
        if (p.rank == 0)
            printf("%-24s %5d %6.0f %10.0f %10.0f %10.0f %6.2f\n", c->name, p.size, rows, costs_bytes(c), 1e6 * time,
                   1e6 * model, time / model);
    }
    FREE_MEMORY(p.memory);
    MPI_Finalize();
    return 0;
}
