/* network.c - the constants of a network between two processes: latency, bandwidth, and the processor's part.
 *
 * An exchange sends and receives as many bytes at once, as the rounds of an all-reduce do. The processor's part is its
 * time in the calls of an exchange, while the process computes and looks at the exchange now and then. What the system
 * does outside of these calls is not in it. */
#include "bench/scale/network.h"

#include <time.h>

#include "bench/clock.h"

enum { LARGE = 1 << 20, MOST = 1024 << (NETWORK_SIZES - 1), ROUNDS = 61, SLICE_US = 50 };

static char out_bytes[MOST], in_bytes[MOST];

static bool wait_for(const pal_communicator *c, int ticket)
{
    int done = 0;
    while (ticket >= 0 && done == 0) done = c->test(c->self, ticket);
    return ticket >= 0 && done == 1;
}

static int begin(const pal_communicator *c, size_t bytes)
{
    const int other = 1 - c->rank;
    return c->start(c->self, other, out_bytes, other, in_bytes, bytes, 0);
}

/* Microseconds of the processor: other programs do not change it. */
static double processor_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* Median seconds of an exchange. */
static bool exchange_time(const pal_communicator *c, size_t bytes, double *seconds)
{
    double times[ROUNDS];
    for (int i = -3; i < ROUNDS; i++) {
        const double began = now_us();
        if (!wait_for(c, begin(c, bytes))) return false;
        if (i >= 0) times[i] = now_us() - began;
    }
    *seconds = 1e-6 * median(times, ROUNDS);
    return true;
}

/* Computes for a while, as the steps of a program between two looks. */
static void compute(void)
{
    const double began = processor_us();
    while (processor_us() - began < SLICE_US) {
    }
}

/* Median of the processor's seconds in the calls of an exchange, for each byte. */
static bool copy_time(const pal_communicator *c, double *seconds)
{
    double times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        if (!wait_for(c, begin(c, 8))) return false; /* both begin together */
        double before = processor_us();
        const int ticket = begin(c, LARGE);
        times[i] = processor_us() - before;
        int done = ticket < 0 ? -1 : 0;
        while (done == 0) {
            compute();
            before = processor_us();
            done = c->test(c->self, ticket);
            times[i] += processor_us() - before;
        }
        if (done < 0) return false;
    }
    *seconds = 1e-6 * median(times, ROUNDS) / LARGE;
    return true;
}

bool network_measure(const pal_communicator *c, network_times *out)
{
    *out = (network_times){0};
    if (c->rank > 1 || c->size < 2) return true;
    double large;
    if (!exchange_time(c, 8, &out->latency) || !exchange_time(c, LARGE, &large)) return false;
    out->bandwidth = LARGE / (large - out->latency);
    for (size_t i = 0; i < NETWORK_SIZES; i++) {
        out->bytes[i] = (double)((size_t)1024 << i);
        if (!exchange_time(c, (size_t)out->bytes[i], &out->seconds[i])) return false;
    }
    return copy_time(c, &out->copy);
}
