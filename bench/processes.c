/* processes.c - bench_processes: the time of a training step that several processes take together.
 *
 *     mpirun -n P bench_processes [--threads T] [--shards S] [--turns N] [--whole] [--profile] [WORKLOAD ...]
 *
 * Each of P processes has T threads (1). The batch of the workload is cut into S shards (P); with S = 1 and one process
 * the step is that of bench_workloads. --whole: every process updates all weights, and not a part of each large one.
 * Process 0 prints a line a workload: the median over the turns of the microseconds a step, and how many of these it
 * waited for messages. bench/scale/processes compares settings in turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/workloads.h"
#include "cli/restart.h"
#include "mpi/mpi.h"

enum { MOST_TURNS = 200 };

typedef struct settings {
    int64_t threads, shards, turns;
    bool whole, profile;
    pal_communicator *communicator;
} settings;

/* A turn is as many steps as take about 20 ms in process 0. */
static bool measure(const workload *w, const settings *o)
{
    const pal_context_options options = {.struct_size = sizeof options, .threads = (unsigned)o->threads};
    pal_context *context = pal_context_new(&options);
    pal_shards shards = {.struct_size = sizeof shards, .count = o->shards, .communicator = o->communicator};
    step *s = context ? step_new(context, w, o->shards > 1 ? &shards : NULL, o->whole, o->profile) : NULL;
    double time[MOST_TURNS], waited[MOST_TURNS];
    pal_error err = {0};
    bool good = s != NULL;
    uint64_t clock = 0;
    int64_t each = 0;
    for (; good && each < 10; each++) step_once(s, ++clock);
    if (good) each = 1 + (int64_t)(2e4 / step_once(s, ++clock));
    good = good && !pal_communicator_broadcast(o->communicator, 0, &each, sizeof each, &err);
    for (int64_t t = 0; good && t < o->turns; t++) {
        time[t] = waited[t] = 0;
        for (int64_t k = 0; k < each; k++) {
            time[t] += step_once(s, ++clock) / (double)each;
            waited[t] += step_waited(s) / (double)each;
        }
        good = step_good(s);
    }
    if (good && (!o->communicator || !o->communicator->rank)) {
        printf("%-24s %9.1f us a step, %8.1f of them waiting\n", w->name, median(time, (size_t)o->turns),
               median(waited, (size_t)o->turns));
        if (o->profile) step_print(s);
    }
    fflush(stdout);
    step_free(s);
    pal_context_free(context);
    return good;
}

static bool read_options(int argc, char **argv, settings *o, int *first)
{
    for (*first = 1; *first < argc && !strncmp(argv[*first], "--", 2); ++*first) {
        const char *name = argv[*first] + 2;
        if (!strcmp(name, "profile") || !strcmp(name, "whole")) {
            *(*name == 'w' ? &o->whole : &o->profile) = true;
            continue;
        }
        int64_t *to = !strcmp(name, "threads")  ? &o->threads
                      : !strcmp(name, "shards") ? &o->shards
                      : !strcmp(name, "turns")  ? &o->turns
                                                : NULL;
        if (!to || ++*first >= argc || (*to = strtoll(argv[*first], NULL, 10)) < 1) return false;
    }
    return o->turns <= MOST_TURNS;
}

int main(int argc, char **argv)
{
    settings o = {.threads = 1, .turns = 15};
    int first;
    bool good = true;
    pal_cli_take_kernels(argv);
    if (!read_options(argc, argv, &o, &first)) {
        fprintf(stderr,
                "usage: bench_processes [--threads T] [--shards S] [--turns N] [--whole] [--profile] [WORKLOAD ...]\n");
        return 2;
    }
    pal_error err = {0};
    if (getenv("OMPI_COMM_WORLD_SIZE") && !(o.communicator = pal_mpi_open(&err))) {
        fprintf(stderr, "bench_processes: %s\n", err.text);
        return 1;
    }
    if (!o.shards) o.shards = o.communicator ? o.communicator->size : 1;
    for (size_t i = 0; i < n_workloads; i++) {
        bool wanted = first == argc;
        for (int k = first; k < argc; k++) wanted |= !strcmp(argv[k], workloads[i].name);
        if (wanted) good = measure(&workloads[i], &o) && good;
    }
    pal_communicator_close(o.communicator, !good);
    return good ? 0 : 1;
}
