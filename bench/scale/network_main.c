/* network_main.c - bench_network: the constants of the network between the first two processes that mpirun has started.
 *
 *     mpirun -n 2 --map-by node bench_network
 *
 * Prints the options of bench_scale, and exchanges of other sizes beside what the constants say. */
#include "bench/scale/network.h"

#include <stdio.h>
#include <stdlib.h>

#include "mpi/mpi.h"

int main(void)
{
    pal_error err = {0};
    network_times t;
    pal_communicator *c = pal_mpi_open(&err);
    if (!c) return fprintf(stderr, "bench_network: %s\n", err.text), 1;
    const int rank = c->rank, size = c->size;
    const bool good = size > 1 && network_measure(c, &t);
    if (!good && rank == 0)
        fprintf(stderr, "bench_network: %s\n", size > 1 ? c->why(c->self) : "start two processes: mpirun -n 2");
    c->close(c, !good);
    if (!good) return 1;
    if (rank) return 0;
    printf("--latency %.1f --bandwidth %.3f --busy %.3f --copy %.3f\n", 1e6 * t.latency, 8e-9 * t.bandwidth,
           8e-9 * t.busy, 1e9 * t.copy);
    printf("%10s %12s %12s\n", "bytes", "measured, us", "constants");
    for (size_t i = 0; i < NETWORK_SIZES; i++)
        printf("%10.0f %12.1f %12.1f\n", t.bytes[i], 1e6 * t.seconds[i], 1e6 * (t.latency + t.bytes[i] / t.bandwidth));
    return 0;
}
