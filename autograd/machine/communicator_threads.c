/* communicator_threads.c - communicators between threads of one process.
 *
 * In: how many threads. Out: one communicator for each. Every thread has a mailbox with a mutex. A send puts a message
 * into the mailbox of the receiver: it holds the address of the bytes, no copy of them. The receiver takes messages out
 * when it tests a transfer, and copies the bytes itself. So large transfers go on side by side, and the sender's
 * transfer is finished when the receiver has the bytes.
 *
 * Invariants. Only its own thread touches a transfer, except for the message in it: whoever takes that out of the
 * mailbox owns it until it stores COPIED. Before a call fails, and before a thread closes, it takes its messages back.
 * So nobody reads the bytes of a thread that has been told to wait no longer. A thread's `gone` is stored after that:
 * who sees it and then finds no message knows that none will come. */
#include "autograd/machine/communicator_internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MOST = 1024, TAGS = 32768 };

typedef enum message_state { WAITS, COPIED } message_state;

typedef struct message {
    struct message *next; /* in the mailbox */
    const void *out;
    size_t bytes;
    int from, tag;
    uint64_t number; /* in the order in which they came into the mailbox, from 1 on */
    _Atomic message_state state;
} message;

typedef struct transfer {
    int ticket;
    bool used, sends, receives; /* receives: and has not yet received */
    int to, from, tag;
    size_t bytes;
    void *in;
    message message;
    struct transfer *next; /* of those that receive, in the order of their start; of those that are unused */
} transfer;

typedef struct mailbox {
    pthread_mutex_t mutex;
    message *first, **last;
    atomic_size_t n;           /* messages; lets the owner see that there is none without the mutex */
    atomic_uint_least64_t put; /* messages so far */
    atomic_bool gone;
} mailbox;

typedef struct team { /* what the threads share; freed by the last of them */
    int size;
    atomic_int open;
    atomic_int broken; /* the first process that has ended too early, from 1 on; 0: none */
    mailbox box[];
} team;

typedef struct member {
    pal_communicator communicator;
    team *team;
    transfer **of; /* by ticket */
    int n, cap;
    transfer *unused, *receiving, **last;
    char why[160];
} member;

/* ---- Mailboxes --------------------------------------------------------------------------------------------------- */

static void put(mailbox *box, message *m)
{
    pthread_mutex_lock(&box->mutex);
    m->next = NULL;
    m->number = atomic_load(&box->put) + 1;
    *box->last = m;
    box->last = &m->next;
    atomic_fetch_add(&box->n, 1);
    atomic_store(&box->put, m->number); /* last: who knows of this number finds the message */
    pthread_mutex_unlock(&box->mutex);
}

static bool is_from(const message *m, int from, int tag, uint64_t most)
{
    return m->from == from && m->tag == tag && m->number <= most;
}

/* Takes out this message; or, if it is NULL, the first with this sender and this tag, and a number up to `most`. NULL:
 * it is not there. */
static message *take(mailbox *box, const message *wanted, int from, int tag, uint64_t most)
{
    if (!atomic_load(&box->n)) return NULL;
    pthread_mutex_lock(&box->mutex);
    message **at = &box->first;
    while (*at && !(wanted ? *at == wanted : is_from(*at, from, tag, most))) at = &(*at)->next;
    message *m = *at;
    if (m) {
        *at = m->next;
        if (box->last == &m->next) box->last = at;
        atomic_fetch_sub(&box->n, 1);
    }
    pthread_mutex_unlock(&box->mutex);
    return m;
}

/* Afterwards nobody reads what this thread has sent. */
static void take_back(member *me)
{
    for (int i = 0; i < me->n; i++) {
        transfer *t = me->of[i];
        if (!t->used || !t->sends || atomic_load(&t->message.state) == COPIED) continue;
        if (!take(&me->team->box[t->to], &t->message, 0, 0, 0))
            while (atomic_load(&t->message.state) != COPIED) sched_yield(); /* it is being copied */
        t->sends = false;
    }
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

/* This and every later call fail. rank: the process that the others are told of. */
static int fail(member *me, int rank)
{
    int none = 0;
    atomic_compare_exchange_strong(&me->team->broken, &none, rank + 1);
    take_back(me);
    return -1;
}

static int fail_saying(member *me, const char *what)
{
    if (!me->why[0])
        snprintf(me->why, sizeof me->why, "process %d of %d (a thread) %s", me->communicator.rank, me->team->size,
                 what);
    return fail(me, me->communicator.rank);
}

static bool is_broken(const member *me) { return me->why[0] || atomic_load(&me->team->broken); }

static const char *why(void *self)
{
    member *me = self;
    const int broken = atomic_load(&me->team->broken);
    if (!me->why[0] && broken)
        snprintf(me->why, sizeof me->why, "process %d of %d (a thread) has ended", broken - 1, me->team->size);
    return me->why[0] ? me->why : "no process has ended";
}

/* ---- Transfers --------------------------------------------------------------------------------------------------- */

static transfer *new_transfer(member *me)
{
    transfer *t = me->unused;
    if (t) {
        me->unused = t->next;
        return t;
    }
    if (me->n == me->cap) {
        const int cap = me->cap ? 2 * me->cap : 16;
        transfer **moved = realloc(me->of, (size_t)cap * sizeof *moved);
        if (!moved) return NULL;
        me->of = moved;
        me->cap = cap;
    }
    t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->ticket = me->n;
    return me->of[me->n++] = t;
}

static int start(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    member *me = self;
    const int size = me->team->size;
    if (is_broken(me)) return fail(me, me->communicator.rank);
    if (to < -1 || to >= size || from < -1 || from >= size) return fail_saying(me, "names a process that is not there");
    if (tag < 0 || tag >= TAGS) return fail_saying(me, "uses a tag that is not 0 to 32767");
    transfer *t = new_transfer(me);
    if (!t) return fail_saying(me, "is out of memory");
    t->used = true;
    t->sends = to >= 0;
    t->receives = from >= 0;
    t->to = to;
    t->from = from;
    t->tag = tag;
    t->bytes = bytes;
    t->in = in;
    t->next = NULL;
    if (t->receives) {
        *me->last = t;
        me->last = &t->next;
    }
    if (t->sends) {
        t->message.out = out;
        t->message.bytes = bytes;
        t->message.from = me->communicator.rank;
        t->message.tag = tag;
        atomic_store(&t->message.state, WAITS);
        put(&me->team->box[to], &t->message);
    }
    return t->ticket;
}

/* Receives what has come. What comes meanwhile has to wait: a later transfer must not get what an earlier one, which
 * has been looked at, is waiting for. False: it has another size than what is expected. */
static bool receive(member *me)
{
    mailbox *box = &me->team->box[me->communicator.rank];
    const uint64_t most = atomic_load(&box->put);
    for (transfer **at = &me->receiving; *at && atomic_load(&box->n);) {
        transfer *t = *at;
        message *m = take(box, NULL, t->from, t->tag, most);
        if (!m) {
            at = &t->next;
            continue;
        }
        const bool fits = m->bytes == t->bytes;
        if (fits && t->bytes) memcpy(t->in, m->out, t->bytes);
        atomic_store(&m->state, COPIED); /* from here on it is the sender's */
        if (!fits) return false;
        t->receives = false;
        *at = t->next;
        if (me->last == &t->next) me->last = at;
    }
    return true;
}

/* `gone` is read before the state and the mailbox: what a thread did before it went is seen. */
static int test(void *self, int ticket)
{
    member *me = self;
    if (is_broken(me)) return fail(me, me->communicator.rank);
    if (ticket < 0 || ticket >= me->n || !me->of[ticket]->used)
        return fail_saying(me, "tests a ticket that is not there");
    transfer *t = me->of[ticket];
    const bool no_reader = t->sends && atomic_load(&me->team->box[t->to].gone);
    const bool no_writer = t->receives && atomic_load(&me->team->box[t->from].gone);
    if (!receive(me)) return fail_saying(me, "has received a message of another size than it expects");
    const bool sending = t->sends && atomic_load(&t->message.state) != COPIED;
    if (!sending && !t->receives) {
        t->used = false;
        t->next = me->unused;
        me->unused = t;
        return 1;
    }
    if (sending && no_reader) return fail(me, t->to);
    if (t->receives && no_writer) return fail(me, t->from);
    return 0;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void free_team(team *all)
{
    for (int i = 0; i < all->size; i++) pthread_mutex_destroy(&all->box[i].mutex);
    free(all);
}

static void leave(pal_communicator *communicator, bool failed)
{
    member *me = communicator->self;
    team *all = me->team;
    int none = 0;
    if (failed) atomic_compare_exchange_strong(&all->broken, &none, communicator->rank + 1);
    take_back(me);
    atomic_store(&all->box[communicator->rank].gone, true);
    if (atomic_fetch_sub(&all->open, 1) == 1) free_team(all);
    for (int i = 0; i < me->n; i++) free(me->of[i]);
    free(me->of);
    free(me);
}

static team *new_team(int n)
{
    team *all = calloc(1, sizeof *all + (size_t)n * sizeof *all->box);
    if (!all) return NULL;
    all->size = n;
    atomic_init(&all->open, n);
    for (int i = 0; i < n; i++) {
        pthread_mutex_init(&all->box[i].mutex, NULL);
        all->box[i].last = &all->box[i].first;
    }
    return all;
}

pal_status pal_communicator_threads(int n, pal_communicator **out, pal_error *err)
{
    if (!out) return pal_error_set(err, PAL_ERR_ARGUMENT, "communicator of threads: out is NULL");
    if (n < 1 || n > THREADS_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "communicator of threads: %d threads, not 1 to %d", n,
                             THREADS_MOST);
    team *all = new_team(n);
    bool good = all;
    for (int i = 0; i < n; i++) {
        member *me = good ? calloc(1, sizeof *me) : NULL;
        out[i] = me ? &me->communicator : NULL;
        good = me;
        if (!me) continue;
        me->communicator = (pal_communicator){sizeof me->communicator, i, n, me, start, test, why, leave};
        me->team = all;
        me->last = &me->receiving;
    }
    if (good) return PAL_OK;
    for (int i = 0; i < n; i++) {
        if (out[i]) free(out[i]->self);
        out[i] = NULL;
    }
    if (all) free_team(all);
    return pal_error_set(err, PAL_ERR_MEMORY, "communicator of threads: out of memory for %d threads", n);
}
