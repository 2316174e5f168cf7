/* model.c - the time of a training step on several processes, from measured costs and the constants of a network.
 *
 * In: when the gradient of each weight is ready, and how long forward, backward and update take in one process. Out:
 * the time of a step. Every process does the same, so one is followed:
 *
 *  - a message begins when it is ready. It takes at least the latencies, bytes and sums of its exchanges. Several are
 * on the way at once, and share the link of the process and, to other racks, that of the rack: each of the two carries
 *    one byte after the other. Their latencies overlap;
 *  - of a message that goes alone a process has the sum of a part, updates that part, and then sends it to all. It does
 *    so when the part is there and nothing reads the old weight any more, in the middle of the backward pass, too. Then
 *    these weights follow what is on the link already;
 *  - other updates come behind the backward pass, each when its sum is there and those before it are done;
 *  - sums, copies and early updates need the processor: forward and backward take so much longer;
 *  - while the process computes, its link carries what `busy` says, and what is to be done for a message waits until
 *    the process looks, between two steps of its program.
 *
 * The old weight is taken for read when the gradient that is ready next is: the product that reads it comes between.
 *
 * Left out: contention inside the network except for the link of a rack, processes that are late, and that an update
 * begins between two steps of the program and not in one. */
#include "bench/scale/scale.h"

#include <stdlib.h>

/* Bandwidths are what is left for the bytes of a program: 94 % of Ethernet with TCP and frames of 1500 bytes, and 96 %
 * of InfiniBand. Latencies are those of a message between two programs: 6 us and 0.5 us for each link on its way. */
enum { RACK = 32, BUCKET = 256 << 10, HALVES = 64 << 10, AGREED = 64 << 10 };
const network networks[] = {{.name = "ethernet",
                             .latency = 12e-6,
                             .bandwidth = 1.175e9,
                             .rack = RACK,
                             .far_latency = 24e-6,
                             .share = 0.25,
                             .agreed = AGREED,
                             .bucket = BUCKET,
                             .halves = HALVES},
                            {.name = "infiniband",
                             .latency = 1e-6,
                             .bandwidth = 12e9,
                             .rack = RACK,
                             .far_latency = 2e-6,
                             .share = 1,
                             .agreed = AGREED,
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
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        if (!made || out[made - 1].bytes + sorted[i].bytes > most) {
            out[made++] = sorted[i];
            continue;
        }
        out[made - 1].bytes += sorted[i].bytes;
        out[made - 1].ready = sorted[i].ready;
    }
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

double model_free(const sized *s, size_t n, const message *bucket)
{
    double next = s->compute;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        const double ready = s->messages[i].ready;
        if (ready <= bucket->ready || ready > next) continue;
        next = ready;
        found = true;
    }
    return found ? next : bucket->ready;
}

/* One process says that it wants to send, the other that it is ready to receive. The first is seen when the step is
 * over that comes now, the second soon after: short steps lie between long ones. The end comes in the middle of a step.
 */
double model_looks(const network *w, double bytes) { return bytes > w->agreed ? 1.5 : 0.5; }

static double later(double a, double b) { return a > b ? a : b; }

typedef struct following { /* one process, as far as it has been followed */
    const network *w;
    const costs *c;
    schedule *to;
    exchanges e[MOST_MESSAGES];
    double free[MOST_MESSAGES]; /* when, in the pass, nothing reads the old weight any more */
    bool updated[MOST_MESSAGES];
    double look;
    double pass, stolen, now; /* forward and backward alone; what was added to it so far; now: behind it */
    double link, uplink;      /* until when the process's link and that of the rack are busy */
    size_t begun;
} following;

/* When so many seconds of sending are over. While the process computes, it sends more slowly. */
static double carried(const following *f, double from, double seconds)
{
    const double slower = f->w->busy > 0 ? f->w->bandwidth / f->w->busy : 1, left = f->pass + f->stolen - from;
    if (left <= 0) return from + seconds;
    return seconds * slower <= left ? from + seconds * slower : from + left + seconds - left / slower;
}

/* How much longer the pass takes for a transfer of so many seconds of the processor, if so much of the pass is left
 * when it begins. What makes the pass longer makes more of the transfer fall into it. */
static double stolen(double processor, double left, double transfer)
{
    return transfer - processor <= left ? processor : processor * left / (transfer - processor);
}

/* When exchanges that begin then are through. What of them falls into the pass makes it longer. Behind the pass a
 * process looks all the time. */
static double send(following *f, const exchanges *e, size_t from, size_t to, double begin)
{
    const transfer_time t = model_transfer(f->w, e, from, to);
    const double meanwhile = f->pass + f->stolen - begin;
    double looks = 0;
    for (size_t i = from; i < to; i++) looks += f->look * model_looks(f->w, e->all[i].bytes);
    if (looks > meanwhile) looks = later(meanwhile, 0);
    f->link = carried(f, later(f->link, begin), t.link);
    f->uplink = carried(f, later(f->uplink, begin), t.uplink);
    if (t.all <= 0) return begin;
    const double end = later(carried(f, begin + looks, t.all), later(f->link, f->uplink));
    if (meanwhile > 0) f->stolen += stolen(t.processor, meanwhile, end - begin);
    return end;
}

static bool divided(const following *f, size_t i) { return f->e[i].part < 1; }

/* How much longer something takes behind the pass, because the process sends and receives meanwhile. */
static double disturbed(const following *f, double begin, double time)
{
    const double share = f->w->copy * (f->w->busy > 0 ? f->w->busy : f->w->bandwidth);
    const double most = share * later(f->link - begin, 0), longer = share < 1 ? time * share / (1 - share) : most;
    return longer < most ? longer : most;
}

/* Returns how long it takes. */
static double update(following *f, size_t i, double begin)
{
    schedule *s = f->to;
    double time = f->e[i].part * f->c->update * s->buckets[i].bytes / costs_bytes(f->c);
    f->updated[i] = true;
    if (begin < f->pass + f->stolen)
        f->stolen += time;
    else
        time += disturbed(f, begin, time);
    s->update[i] = begin;
    s->updated[i] = begin + time;
    s->there[i] = send(f, &f->e[i], f->e[i].sum, f->e[i].n, s->updated[i]);
    return time;
}

/* The next thing that happens in the pass: a message begins, or a part is updated. Returns the time of an update. */
static bool go_on(following *f, double *updating)
{
    schedule *s = f->to;
    size_t next = s->n;
    double when = f->pass + f->stolen;
    for (size_t i = 0; i < f->begun; i++) {
        const double ready = later(s->end[i], f->free[i] + f->stolen);
        if (f->updated[i] || !divided(f, i) || ready >= when) continue;
        next = i;
        when = ready;
    }
    const size_t i = f->begun;
    if (i < s->n && s->buckets[i].ready + f->stolen <= when) {
        s->begin[i] = s->buckets[i].ready + f->stolen;
        s->end[i] = send(f, &f->e[i], 0, f->e[i].sum, s->begin[i]);
        f->begun++;
        return true;
    }
    if (next < s->n) *updating += update(f, next, when);
    return next < s->n;
}

/* Behind the pass: waits for one message after the other. Divided ones that are there do not wait for their turn. */
static double finish(following *f)
{
    schedule *s = f->to;
    double time = 0, now = f->pass + f->stolen;
    for (size_t i = 0; i < s->n; i++) {
        if (f->updated[i]) continue;
        update(f, i, later(now, s->end[i]));
        time += s->updated[i] - s->update[i];
        now = s->updated[i];
        for (size_t k = i + 1; k < s->n; k++) {
            if (f->updated[k] || !divided(f, k) || s->end[k] > now) continue;
            update(f, k, now);
            time += s->updated[k] - s->update[k];
            now = s->updated[k];
        }
    }
    f->now = now;
    return time;
}

step_time model_schedule(const costs *c, const network *w, int processes, double rows, schedule *out)
{
    sized s;
    following f = {.w = w, .c = c, .to = out};
    costs_at(c, rows, &s);
    f.pass = s.compute;
    f.look = s.look;
    *out = (schedule){0};
    out->n = model_buckets(&s, c->n_messages, w->bucket, out->buckets);
    for (size_t i = 0; i < out->n; i++) {
        f.e[i] = model_exchanges(w, out->buckets[i].bytes, processes);
        f.free[i] = model_free(&s, c->n_messages, &out->buckets[i]);
    }
    double early = 0, last = 0;
    while (go_on(&f, &early)) {
    }
    step_time t = {.compute = f.pass + f.stolen - early};
    out->pass = f.pass + f.stolen;
    t.update = early + finish(&f);
    for (size_t i = 0; i < out->n; i++) last = later(last, out->there[i]);
    t.all = later(f.now, last);
    t.waiting = t.all - t.compute - t.update;
    return t;
}

step_time model_step(const costs *c, const network *w, int processes, double rows)
{
    schedule ignored;
    return model_schedule(c, w, processes, rows, &ignored);
}
