/* network.c - the constants of a network between two processes: latency, bandwidth, and the processor's part.
 *
 * An exchange sends and receives as many bytes at once, as the rounds of an all-reduce do. The processor's part is how
 * much longer a fixed computation takes while an exchange is on its way and the process looks at it now and then. */
#include "bench/scale/network.h"

#include <string.h>

#include "bench/clock.h"

enum { LARGE = 4 << 20, ROUNDS = 61, SLICE_US = 50, COMPUTING = 21 };

static char out_bytes[LARGE], in_bytes[LARGE];

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

/* A computation of fixed length in the caches. Looks at the transfer after each slice; *done says when it is through. */
static bool compute(const pal_communicator *c, int ticket, size_t slices, size_t turns, int *done)
{
    static volatile float sink;
    static float x[1024];
    for (size_t i = 0; i < slices; i++) {
        for (size_t k = 0; k < turns; k++)
            for (size_t j = 0; j < 1024; j++) x[j] = x[j] * 0.99F + 1;
        sink = x[i % 1024];
        if (ticket >= 0 && !*done && (*done = c->test(c->self, ticket)) < 0) return false;
    }
    (void)sink;
    return true;
}

static size_t turns_of_a_slice(void)
{
    int done = 1;
    const double began = now_us();
    compute(NULL, -1, 100, 100, &done);
    const double each = (now_us() - began) / 1e4;
    return 1 + (size_t)(SLICE_US / each);
}

static bool copy_time(const pal_communicator *c, double transfer, double *seconds)
{
    double alone[COMPUTING], beside[COMPUTING];
    const size_t turns = turns_of_a_slice(), slices = 1 + (size_t)(3e6 * transfer / SLICE_US);
    for (int i = 0; i < COMPUTING; i++) {
        int done = 0;
        double began = now_us();
        if (!compute(c, -1, slices, turns, &done)) return false;
        alone[i] = now_us() - began;
        if (!wait_for(c, begin(c, 8))) return false; /* both begin together */
        began = now_us();
        const int ticket = begin(c, LARGE);
        if (ticket < 0 || !compute(c, ticket, slices, turns, &done)) return false;
        beside[i] = now_us() - began;
        if (!done && !wait_for(c, ticket)) return false;
    }
    *seconds = 1e-6 * (median(beside, COMPUTING) - median(alone, COMPUTING)) / LARGE;
    if (*seconds < 0) *seconds = 0;
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
    return copy_time(c, large, &out->copy);
}
