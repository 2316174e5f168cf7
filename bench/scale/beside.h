/* beside.h - other processes that do the same while something is measured, each on a processor of its own. */
#ifndef BENCH_SCALE_BESIDE_H
#define BENCH_SCALE_BESIDE_H

#include <stdbool.h>
#include <sys/types.h>

enum { MOST_BESIDE = 64 };

typedef struct beside {
    pid_t processes[MOST_BESIDE];
    int n;
} beside;

/* Starts n processes, 0 to MOST_BESIDE, each of which calls work, and waits until all have called ready(user). This
 * process moves to the first processor. work does not return; where it does, it has failed. False: it has, and what was
 * started has ended. */
bool beside_begin(beside *b, int n, void (*work)(void *argument, void (*ready)(void *), void *user), void *argument);
void beside_end(beside *b);

#endif
