/* measure.h - what one process needs for the shards of a workload, measured on this machine. */
#ifndef BENCH_SCALE_MEASURE_H
#define BENCH_SCALE_MEASURE_H

#include "bench/scale/scale.h"
#include "bench/workloads.h"

typedef struct measuring {
    double seconds; /* for each figure */
    int rows;       /* only a shard of so many rows, and of twice as many; 0: 1 to 512 */
    int beside;     /* so many processes measure at a time, each on a processor of its own */
} measuring;

/* Forward and backward with 1, 2, 4 ... 512 rows on one thread, when each gradient is ready, and the update. False: the
 * reason has been printed. */
bool measure_costs(const workload *w, const measuring *how, costs *out);
/* Seconds for each byte that another process sends and this one adds to its own: the median of sums of 4 MiB. */
double measure_sum(const measuring *how);

#endif
