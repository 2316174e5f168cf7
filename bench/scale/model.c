/* model.c - the time of a training step on several processes, from measured costs and the constants of a network.
 *
 * In: when the gradient of each weight is ready, and how long forward, backward and update take in one process. Out:
 * the time of a step. Every process does the same, so one is followed:
 *
 *  - a message begins when it is ready. It takes at least the latencies, bytes and sums of its exchanges. Several are
 * on the way at once, and share the link of the process and, to other racks, that of the rack: each of the two carries
 *    one byte after the other. Their latencies overlap;
 *  - sums and copies need the processor: forward and backward take so much longer;
 *  - the update of a weight begins when its sum is there and the updates before it are done. Meanwhile transfers that
 *    are on the way stand still: the process does not look at them.
 *
 * Left out: contention inside the network except for the link of a rack, processes that are late, and that in the
 * backward pass, too, a transfer only goes on when the process looks at it between two steps of its program. */
#include "bench/scale/scale.h"

#include <stdlib.h>

/* Bandwidths are what is left for the bytes of a program: 94 % of Ethernet with TCP and frames of 1500 bytes, and 96 %
 * of InfiniBand. Latencies are those of a message between two programs: 6 us and 0.5 us for each link on its way. */
enum { RACK = 32, BUCKET = 256 << 10, HALVES = 64 << 10 };
const network networks[] = {{.name = "ethernet",
                             .latency = 12e-6,
                             .bandwidth = 1.175e9,
                             .rack = RACK,
                             .far_latency = 24e-6,
                             .share = 0.25,
                             .bucket = BUCKET,
                             .halves = HALVES},
                            {.name = "infiniband",
                             .latency = 1e-6,
                             .bandwidth = 12e9,
                             .rack = RACK,
                             .far_latency = 2e-6,
                             .share = 1,
                             .bucket = BUCKET,
                             .halves = HALVES},
                            {0}};

static int by_ready(const void *a, const void *b)
{
    const message *x = a, *y = b;
    return x->ready < y->ready ? -1 : x->ready > y->ready;
}

size_t model_buckets(const sized *s, size_t n, double most, message out[MOST_MESSAGES])
{
    message sorted[MOST_MESSAGES];
    for (size_t i = 0; i < n; i++) sorted[i] = s->messages[i];
    qsort(sorted, n, sizeof *sorted, by_ready);
    message open = {0};
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        if (sorted[i].bytes > most) {
            out[made++] = sorted[i];
            continue;
        }
        if (open.bytes + sorted[i].bytes > most) {
            out[made++] = open;
            open = (message){0};
        }
        open.bytes += sorted[i].bytes;
        open.ready = sorted[i].ready;
    }
    if (open.bytes > 0) out[made++] = open;
    qsort(out, made, sizeof *out, by_ready);
    return made;
}

size_t model_exchanges(const network *w, double bytes, int processes, exchange out[MOST_EXCHANGES])
{
    size_t n = 0;
    const bool halves = processes > 2 && bytes >= w->halves;
    double part = bytes;
    for (int distance = 1; distance < processes; distance *= 2) { /* the nearest first, as the tree sums */
        if (halves) part /= 2;
        out[n++] = (exchange){distance, part, part};
    }
    for (int distance = processes / 2; halves && distance >= 1; distance /= 2) {
        out[n++] = (exchange){distance, part, 0};
        part *= 2;
    }
    return n;
}

all_sum_time model_all_sum(const network *w, double bytes, int processes)
{
    exchange exchanges[MOST_EXCHANGES];
    const size_t n = model_exchanges(w, bytes, processes, exchanges);
    all_sum_time t = {0};
    for (size_t i = 0; i < n; i++) {
        const bool far = w->rack && exchanges[i].distance >= w->rack;
        const double summing = exchanges[i].summed * w->sum, link = exchanges[i].bytes / w->bandwidth;
        t.all += (far ? w->far_latency : w->latency) + (far ? link / w->share : link) + summing;
        t.processor += summing + exchanges[i].bytes * w->copy;
        t.link += link;
        if (far) t.uplink += link / w->share;
    }
    return t;
}

static double later(double a, double b) { return a > b ? a : b; }

step_time model_schedule(const costs *c, const network *w, int processes, double rows, schedule *out)
{
    sized s;
    double stolen = 0, link = 0, uplink = 0;
    costs_at(c, rows, &s);
    *out = (schedule){0};
    out->n = model_buckets(&s, c->n_messages, w->bucket, out->buckets);
    for (size_t i = 0; processes > 1 && i < out->n; i++) {
        const all_sum_time a = model_all_sum(w, out->buckets[i].bytes, processes);
        const double begin = out->buckets[i].ready + stolen;
        link = later(link, begin) + a.link;
        uplink = later(uplink, begin) + a.uplink;
        out->begin[i] = begin;
        out->end[i] = later(begin + a.all, later(link, uplink));
        const double meanwhile = s.compute + stolen - begin, time = out->end[i] - begin;
        if (meanwhile > 0) stolen += a.processor * (meanwhile < time ? meanwhile / time : 1);
    }
    step_time t = {.compute = s.compute + stolen, .update = c->update};
    const double bytes = costs_bytes(c);
    t.all = t.compute;
    double stalled = 0;
    for (size_t i = 0; i < out->n; i++) {
        const double update = c->update * out->buckets[i].bytes / bytes;
        if (processes > 1 && out->end[i] > t.compute) out->end[i] += stalled;
        t.waiting += later(out->end[i] - t.all, 0);
        out->update[i] = later(out->end[i], t.all);
        t.all = out->update[i] + update;
        stalled += update;
    }
    return t;
}

step_time model_step(const costs *c, const network *w, int processes, double rows)
{
    schedule ignored;
    return model_schedule(c, w, processes, rows, &ignored);
}
