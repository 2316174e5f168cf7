/* network.c - the constants of a network between two processes: latency, bandwidth, and the processor's part.
 *
 * An exchange sends and receives as many bytes at once, as the rounds of an all-reduce do. The processor's part is
 * measured as it is felt: a process computes, and looks at an exchange now and then. What it takes longer than the same
 * computation without the exchange is the part. So all that the system does for TCP is in it, in the calls and outside
 * of them, for both processes, and what data in the caches are lost to it. How long the exchange takes then gives the
 * bandwidth while a process computes. */
#include "bench/scale/network.h"

#include "bench/clock.h"

enum { LARGE = 1 << 20, MOST = 1024 << (NETWORK_SIZES - 1), MORE = 2 << 20, ROUNDS = 61 };

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

/* Computes for a while, as a program between two looks: about 25 us, on data that fit the second cache. */
static void compute(void)
{
    enum { FLOATS = 1 << 16, TIMES = 4 };
    static float a[FLOATS], b[FLOATS];
    for (int k = 0; k < TIMES; k++)
#pragma omp simd
        for (size_t i = 0; i < FLOATS; i++) a[i] = a[i] * 0.5F + b[i];
    __asm__ volatile("" ::: "memory");
}

/* Median seconds of compute() while the other process does the same. */
static bool compute_time(const pal_communicator *c, double *seconds)
{
    enum { TIMES = 1000 };
    double times[TIMES];
    if (!wait_for(c, begin(c, 8))) return false;
    for (int i = -TIMES; i < TIMES; i++) {
        const double began = now_us();
        compute();
        if (i >= 0) times[i] = now_us() - began;
    }
    *seconds = 1e-6 * median(times, TIMES);
    return true;
}

/* An exchange of MORE bytes while both processes compute. */
static bool exchange_busy(const pal_communicator *c, network_times *out)
{
    double parts[ROUNDS], times[ROUNDS], unit;
    if (!compute_time(c, &unit)) return false;
    for (int i = -3; i < ROUNDS; i++) {
        if (!wait_for(c, begin(c, 8))) return false; /* both begin together */
        const double began = now_us();
        const int ticket = begin(c, MORE);
        int done = ticket < 0 ? -1 : 0, units = 0;
        for (; done == 0; units++) {
            compute();
            done = c->test(c->self, ticket);
        }
        if (done < 0) return false;
        if (i < 0) continue;
        times[i] = 1e-6 * (now_us() - began);
        parts[i] = times[i] - units * unit;
    }
    out->busy = MORE / (median(times, ROUNDS) - out->latency);
    out->copy = median(parts, ROUNDS) / MORE;
    if (out->copy < 0) out->copy = 0; /* less than the clock can tell */
    if (out->busy > out->bandwidth) out->busy = out->bandwidth;
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
    return exchange_busy(c, out);
}
