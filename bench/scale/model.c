/* model.c - the time of a training step on several processes, from measured costs and the constants of a network.
 *
 * In: when the gradient of each weight is ready, and how long forward, backward and update take in one process. Out:
 * the time of a step. Every process does the same, so one is followed:
 *
 *  - a message begins when it is ready. It takes at least the latencies, bytes and sums of its exchanges. Several are
 * on the way at once, and share the link of the process and, to other racks, that of the rack: each of the two carries
 *    one byte after the other. Their latencies overlap;
 *  - sums and copies need the processor: forward and backward take so much longer;
 *  - the update of a weight begins when its sum is there and the updates before it are done. Of a message that goes
 *    alone a process has the sum of a part, updates that part, and then sends it to all.
 *
 * Left out: contention inside the network except for the link of a rack, processes that are late, and that a transfer
 * only goes on when the process looks at it, between the tasks of the steps of its program. */
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

exchanges model_exchanges(const network *w, double bytes, int processes)
{
    exchanges e = {.part = 1};
    const bool divided = !w->whole && bytes > w->bucket && bytes >= w->halves;
    const bool halves = bytes >= w->halves && processes > (divided ? 1 : 2);
    double part = bytes;
    for (int distance = 1; distance < processes; distance *= 2) { /* the nearest first, as the tree sums */
        if (halves) part /= 2;
        e.all[e.n++] = (exchange){distance, part, part};
    }
    const size_t sum = e.n;
    for (int distance = processes / 2; halves && distance >= 1; distance /= 2) {
        e.all[e.n++] = (exchange){distance, part, 0};
        part *= 2;
    }
    e.sum = divided ? sum : e.n;
    if (divided) e.part = 1.0 / processes;
    return e;
}

transfer_time model_transfer(const network *w, const exchanges *e, size_t from, size_t to)
{
    transfer_time t = {0};
    for (size_t i = from; i < to; i++) {
        const exchange x = e->all[i];
        const bool far = w->rack && x.distance >= w->rack;
        const double summing = x.summed * w->sum, link = x.bytes / w->bandwidth;
        t.all += (far ? w->far_latency : w->latency) + (far ? link / w->share : link) + summing;
        t.processor += summing + x.bytes * w->copy;
        t.link += link;
        if (far) t.uplink += link / w->share;
    }
    return t;
}

static double later(double a, double b) { return a > b ? a : b; }

typedef struct lines { /* until when the process's link and that of the rack are busy */
    double link, uplink;
} lines;

/* When exchanges that begin then are through. */
static double send(lines *l, const transfer_time *t, double begin)
{
    l->link = later(l->link, begin) + t->link;
    l->uplink = later(l->uplink, begin) + t->uplink;
    return t->all > 0 ? later(begin + t->all, later(l->link, l->uplink)) : begin;
}

step_time model_schedule(const costs *c, const network *w, int processes, double rows, schedule *out)
{
    sized s;
    lines l = {0};
    double stolen = 0;
    exchanges e[MOST_MESSAGES];
    costs_at(c, rows, &s);
    *out = (schedule){0};
    out->n = model_buckets(&s, c->n_messages, w->bucket, out->buckets);
    for (size_t i = 0; i < out->n; i++) {
        e[i] = model_exchanges(w, out->buckets[i].bytes, processes);
        const transfer_time t = model_transfer(w, &e[i], 0, e[i].sum);
        out->begin[i] = out->buckets[i].ready + stolen;
        out->end[i] = send(&l, &t, out->begin[i]);
        const double meanwhile = s.compute + stolen - out->begin[i], time = out->end[i] - out->begin[i];
        if (meanwhile > 0 && time > 0) stolen += t.processor * (meanwhile < time ? meanwhile / time : 1);
    }
    step_time t = {.compute = s.compute + stolen};
    double now = t.compute, last = 0;
    const double bytes = costs_bytes(c);
    for (size_t i = 0; i < out->n; i++) {
        const double update = e[i].part * c->update * out->buckets[i].bytes / bytes;
        const transfer_time rest = model_transfer(w, &e[i], e[i].sum, e[i].n);
        out->update[i] = later(out->end[i], now);
        out->updated[i] = now = out->update[i] + update;
        out->there[i] = send(&l, &rest, now);
        last = later(last, out->there[i]);
        t.update += update;
    }
    t.all = later(now, last);
    t.waiting = t.all - t.compute - t.update;
    return t;
}

step_time model_step(const costs *c, const network *w, int processes, double rows)
{
    schedule ignored;
    return model_schedule(c, w, processes, rows, &ignored);
}
