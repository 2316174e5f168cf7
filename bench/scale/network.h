/* network.h - the constants of a network between two processes, measured through any communicator. */
#ifndef BENCH_SCALE_NETWORK_H
#define BENCH_SCALE_NETWORK_H

#include "autograd/communicator.h"

enum { NETWORK_SIZES = 13 };

typedef struct network_times {
    double latency;   /* seconds of an exchange of 8 bytes, both ways at once */
    double bandwidth; /* bytes a second in each direction: what 1 MiB takes longer than 8 bytes */
    double busy;      /* the same of 2 MiB while both processes compute and look every 100 us or so */
    double copy;      /* seconds that a byte of one direction then takes from a process's computation */
    double bytes[NETWORK_SIZES],
        seconds[NETWORK_SIZES]; /* exchanges of other sizes, to compare with the two constants */
} network_times;

/* All processes call it. Processes 0 and 1 measure and fill in *out. False: a transfer has failed: communicator->why.
 */
bool network_measure(const pal_communicator *c, network_times *out);

#endif
