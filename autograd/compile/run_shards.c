/* run_shards.c - runs a program of several shards, together with the other processes that have the same program.
 *
 * In: a program with the steps of each shard of this process (emit_shards.c). Out: as of run.c: its outputs, and the
 * leaves that it writes, the same in all processes.
 *
 * Step by step, each for all shards of this process. A start sums the values of these shards and hands the sum to the
 * other processes; a wait takes what came back. Between all steps the messages that are under way are helped along.
 *
 * Failure. All processes must go through the same starts and waits. So a process in which a step has failed computes
 * nothing more, but goes on with the messages. Behind the last step that can fail, the processes join their flags; the
 * first step that writes a leaf waits for them. Then all know, and all stop there with the same status. What cannot be
 * joined is the end of a process: then the run ends at once, and leaves may be half written.
 *
 * Why step by step and not shard by shard: then a sum in the middle of the forward pass needs no second thread. */
#include "autograd/compile/internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert(PAL_STATUS_COUNT <= 16, "each status has a bit beside the flags");

typedef struct running {
    pal_program *p;
    pal__shared *s;
    pal_status status;      /* of this process, then of all */
    size_t oldest, newest;  /* buckets before it are back; those from it on have not gone out */
    uint32_t flags;         /* what is joined */
    bool joins, came, lost; /* flags were sent, and are back; a process has ended */
    bool known;             /* how all processes fare: leaves may be written */
    size_t done;            /* steps that have run */
    bool inside;            /* a sum is being helped along */
} running;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void lose(running *r)
{
    const pal_communicator *c = r->s->communicator;
    r->lost = true;
    r->status = PAL_ERR_PEER;
    snprintf(r->p->error, sizeof r->p->error, "%s", c ? c->why(c->self) : pal_status_text(PAL_ERR_PEER));
}

/* Helps a sum along. True: it is there. */
static bool poll_one(running *r, pal__all *all, bool alone)
{
    r->inside = true;
    const int came = r->lost ? -1 : pal__all_poll(all, alone);
    r->inside = false;
    if (came < 0 && !r->lost) lose(r);
    return came == 1;
}

static void poll_all(running *r, bool alone)
{
    if (!r->s->communicator) return;
    for (size_t i = r->oldest; i < r->newest && !r->lost; i++) {
        pal__bucket *b = &r->s->buckets[i];
        if (b->under_way && poll_one(r, b->all, alone)) b->under_way = false;
        if (!b->under_way && i == r->oldest) r->oldest++;
    }
    if (r->joins && !r->came && !r->lost) r->came = poll_one(r, r->s->agreed, alone);
}

/* Between the tasks of a step: the workers have something else to do, so this thread adds alone. The tasks may be those
 * of an addition. */
static void poll_between(void *user)
{
    running *r = user;
    if (!r->inside) poll_all(r, true);
}

static void update_early(running *r, const pal__all *but);

static void wait_for(running *r, pal__all *all)
{
    if (poll_one(r, all, false) || r->lost) return;
    double began = now();
    for (unsigned tests = 1; !poll_one(r, all, false) && !r->lost; tests++) {
        poll_all(r, false);
        const double waited = now();
        if (r->known) update_early(r, all);
        began += now() - waited;
        pal__communicator_rest(tests);
    }
    r->s->waited += now() - began;
}

/* ---- Messages -------------------------------------------------------------------------------------------------- */

static char *values_of(const running *r, const pal__bucket *b, size_t step)
{
    const pal__message *m = &r->s->message[step];
    return b->values ? (char *)b->values + m->at * pal_dtype_size(b->dtype) : r->s->steps[0][b->first].call.out;
}

static void start(running *r, size_t i)
{
    pal__shared *s = r->s;
    pal__bucket *b = &s->buckets[s->message[i].bucket];
    for (int64_t k = 0; k < s->local; k++) s->values[k] = s->steps[k][i].call.in[0];
    pal__tree_sum(r->p->context, b->how, b->dtype, (size_t)s->local, s->values, values_of(r, b, i), s->message[i].n);
    if (i != b->last) return;
    pal__all_start(b->all, b->values ? b->values : s->steps[0][i].call.out);
    b->under_way = true;
    r->newest++;
}

static void wait(running *r, size_t i)
{
    pal__shared *s = r->s;
    pal__bucket *b = &s->buckets[s->message[i].bucket];
    if (b->updated) return;
    if (b->under_way) wait_for(r, b->all);
    b->under_way = false;
    if (r->lost) return;
    const char *from = values_of(r, b, i);
    const size_t width = pal_dtype_size(b->dtype);
    size_t first = 0, n = s->message[i].n;
    if (b->loop) pal__all_part(b->all, &first, &n);
    for (int64_t k = 0; k < (s->once[i] ? 1 : s->local); k++) {
        char *to = s->steps[k][i].call.out;
        if (to != from) memcpy(to + first * width, from + first * width, n * width);
    }
    if (r->p->check && !r->status) r->status = pal__find_nan(r->p, &s->steps[0][i]);
}

/* ---- Flags ----------------------------------------------------------------------------------------------------- */

static void join(running *r)
{
    r->flags = r->s->raises | (r->status ? UINT32_C(0x10000) << r->status : 0);
    r->s->raises = 0;
    r->joins = true;
    pal__all_start(r->s->agreed, &r->flags);
}

static void joined(running *r)
{
    if (!r->came) wait_for(r, r->s->agreed);
    r->joins = false;
    r->known = !r->lost;
    r->s->raised = r->lost ? 0 : r->flags;
    if (r->lost || r->flags <= PAL__FLAGS) return;
    int status = 0;
    while (!(r->flags >> (16 + status) & 1)) status++;
    if (!r->status)
        snprintf(r->p->error, sizeof r->p->error, "in another process: %s", pal_status_text((pal_status)status));
    r->status = (pal_status)status;
}

/* ---- The run --------------------------------------------------------------------------------------------------- */

/* The part of this process, and then that of all. */
static bool update_part(running *r, size_t i)
{
    pal__shared *s = r->s;
    pal__bucket *b = s->divided[i] ? &s->buckets[s->divided[i] - 1] : NULL;
    size_t first, n;
    if (!b || !pal__all_part(b->all, &first, &n)) return false;
    if (b->updated) return true;
    b->updated = true;
    pal__step *step = &s->steps[0][i];
    const double began = r->p->profile ? now() : 0;
    pal__run_elements(r->p, step, first, n);
    if (b->whole) pal__all_join(b->all, *b->whole);
    b->under_way = b->whole != NULL;
    if (b->under_way && (size_t)(b - s->buckets) < r->oldest) r->oldest = (size_t)(b - s->buckets);
    if (r->p->profile) step->seconds += now() - began;
    if (r->p->profile) step->runs++;
    return true;
}

static void compute(running *r, size_t i)
{
    pal__shared *s = r->s;
    if (r->status || update_part(r, i)) return;
    for (int64_t k = 0; k < (s->once[i] ? 1 : s->local) && !r->status; k++) {
        r->p->row = r->p->noise.row + (uint64_t)((s->first + k) * s->rows);
        r->status = pal__run_step(r->p, &s->steps[k][i]);
    }
}

/* Divided updates whose part of the sum is there; but: not that of this sum, for which somebody waits. */
static void update_early(running *r, const pal__all *but)
{
    size_t first, n;
    for (size_t i = 0; i < r->newest && r->known && !r->status; i++) {
        const pal__bucket *b = &r->s->buckets[i];
        if (b->early && b->all != but && r->done >= b->early && !b->under_way && !b->updated &&
            pal__all_part(b->all, &first, &n))
            update_part(r, b->loop);
    }
}

static void run_one(running *r, size_t i)
{
    pal__step *step = &r->s->steps[0][i];
    const double began = r->p->profile ? now() : 0;
    if (r->s->part[i] == PAL__SHARE_NONE) {
        compute(r, i);
        return;
    }
    if (r->s->part[i] == PAL__SHARE_START)
        start(r, i);
    else
        wait(r, i);
    if (!r->p->profile) return;
    step->seconds += now() - began;
    step->runs++;
}

pal_status pal_program_settle(pal_program *p)
{
    if (!p) return PAL_ERR_ARGUMENT;
    if (!p->shared) return PAL_OK;
    running r = {.p = p, .s = p->shared};
    for (size_t i = 0; i < r.s->n_parts && !r.lost; i++) {
        pal__all *all = r.s->buckets[r.s->parts[i].bucket].all;
        size_t first, n;
        if (!pal__all_part(all, &first, &n)) continue;
        pal__all_join(all, *r.s->parts[i].data);
        wait_for(&r, all);
    }
    return r.status;
}

/* A step's time is that of all shards. */
static void add_times(pal__step *to, pal__step *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i].seconds += from[i].seconds;
        from[i].seconds = 0;
        if (to[i].body) add_times(to[i].body, from[i].body, to[i].n_body);
    }
}

/* status: how the run has failed before its first step, so that the others learn of it. */
pal_status pal__run_shared(pal_program *p, pal_status status)
{
    running r = {.p = p, .s = p->shared, .status = status};
    pal__shared *s = p->shared;
    s->waited = 0;
    for (size_t i = 0; i < s->n_buckets; i++) s->buckets[i].updated = false;
    if (s->communicator) pal__workers_between(p->context->pool, poll_between, &r);
    for (size_t i = 0; i <= p->n_steps && !r.lost; i++) {
        if (i == s->fence) join(&r);
        if (i == s->effects || i == p->n_steps) {
            if (r.joins) joined(&r);
            if (r.status) break;
        }
        if (i == p->n_steps) break;
        run_one(&r, i);
        poll_all(&r, false);
        r.done = i + 1;
        if (r.joins && r.came) joined(&r);
        if (s->n_divided) update_early(&r, NULL);
    }
    pal__workers_between(p->context->pool, NULL, NULL);
    for (size_t i = 0; i < s->n_buckets && !r.lost; i++) {
        if (s->buckets[i].under_way) wait_for(&r, s->buckets[i].all);
        s->buckets[i].under_way = false;
    }
    for (size_t i = 0; i < s->n_buckets; i++) s->buckets[i].under_way = false;
    for (int64_t k = 1; k < s->local && p->profile; k++) add_times(p->steps, s->steps[k], p->n_steps);
    return r.status;
}
