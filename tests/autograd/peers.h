/* peers.h - threads that compute one thing together, for tests: they run one function, each with its communicator; if
 * wanted, with transfers that begin and end late, in a random order. */
#ifndef PAL_TESTS_PEERS_H
#define PAL_TESTS_PEERS_H

#include "autograd/communicator.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* What a peer does. It closes its communicator itself. Returns what was wrong, or NULL: Check's assertions belong to
 * the thread of the test. */
typedef const char *peer_function(pal_communicator *c, void *user);
#define peer_require(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) return #condition;                                                                           \
    } while (0)

/* Numbers of a fixed sequence for each seed (splitmix64). */
static inline uint64_t peer_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* ---- A communicator that delays ---------------------------------------------------------------------------------- */

enum { PEER_LATE_MOST = 4096 };

typedef struct peer_transfer {
    const void *out;
    void *in;
    size_t bytes;
    int to, from, tag, begin, end; /* begin, end: how many tests from now on it is held back before that */
    int inner;                     /* the ticket; -1: not yet started; -2: finished; -3: not in use */
} peer_transfer;

typedef struct peer_late {
    pal_communicator outer, *inner;
    uint64_t seed;
    bool failed;
    int n;
    peer_transfer of[PEER_LATE_MOST];
} peer_late;

static inline int peer_late_start(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    peer_late *l = self;
    if (l->n == PEER_LATE_MOST) abort();
    if (l->failed) return -1;
    l->of[l->n] = (peer_transfer){
        out, in, bytes, to, from, tag, (int)(peer_random(&l->seed) % 4), (int)(peer_random(&l->seed) % 4), -1};
    return l->n++;
}

/* What has the same tag and goes between the same two must be started in its order. */
static inline bool peer_late_waits(const peer_late *l, int i)
{
    for (int k = 0; k < i; k++)
        if (l->of[k].inner == -1 && l->of[k].tag == l->of[i].tag &&
            ((l->of[k].to == l->of[i].to && l->of[i].to >= 0) ||
             (l->of[k].from == l->of[i].from && l->of[i].from >= 0)))
            return true;
    return false;
}

/* Lets all transfers go on. False: one has failed. */
static inline bool peer_late_go(peer_late *l)
{
    const pal_communicator *c = l->inner;
    for (int i = 0; i < l->n; i++) {
        peer_transfer *t = &l->of[i];
        if (t->inner == -1 && t->begin-- <= 0 && !peer_late_waits(l, i)) {
            t->inner = c->start(c->self, t->to, t->out, t->from, t->in, t->bytes, t->tag);
            if (t->inner < 0) return false;
        } else if (t->inner >= 0) {
            const int finished = c->test(c->self, t->inner);
            if (finished < 0) return false;
            if (finished) t->inner = -2;
        }
    }
    return true;
}

static inline int peer_late_test(void *self, int ticket)
{
    peer_late *l = self;
    l->failed = l->failed || !peer_late_go(l);
    if (l->failed) return -1;
    peer_transfer *t = &l->of[ticket];
    if (t->inner != -2 || t->end-- > 0) return 0;
    t->inner = -3;
    while (l->n && l->of[l->n - 1].inner == -3) l->n--;
    return 1;
}

static inline const char *peer_late_why(void *self)
{
    return ((peer_late *)self)->inner->why(((peer_late *)self)->inner->self);
}

static inline void peer_late_close(pal_communicator *c, bool failed)
{
    peer_late *l = c->self;
    pal_communicator_close(l->inner, failed);
    free(l);
}

/* Takes over c. */
static inline pal_communicator *peer_late_new(pal_communicator *c, uint64_t seed)
{
    peer_late *l = calloc(1, sizeof *l);
    if (!l) abort();
    l->inner = c;
    l->seed = seed + (uint64_t)c->rank * 1000003;
    l->outer = (pal_communicator){sizeof l->outer, c->rank,        c->size,       l,
                                  peer_late_start, peer_late_test, peer_late_why, peer_late_close};
    return &l->outer;
}

/* ---- Peers ------------------------------------------------------------------------------------------------------- */

typedef struct peer {
    pthread_t thread;
    pal_communicator *c;
    peer_function *run;
    void *user;
    const char *wrong;
} peer;

static inline void *peer_main(void *argument)
{
    peer *p = argument;
    p->wrong = p->run(p->c, p->user);
    return NULL;
}

/* Runs the function on n threads. late: the seed of the delays; 0: none. Returns what was wrong. */
static inline const char *peers_run(int n, uint64_t late, peer_function *run, void *user)
{
    pal_communicator **all = calloc((size_t)n, sizeof *all);
    peer *peers = calloc((size_t)n, sizeof *peers);
    const char *wrong = "no communicators";
    if (all && peers && pal_communicator_threads(n, all, NULL) == PAL_OK) {
        wrong = NULL;
        for (int i = 0; i < n; i++) {
            peers[i] = (peer){.c = late ? peer_late_new(all[i], late) : all[i], .run = run, .user = user};
            if (pthread_create(&peers[i].thread, NULL, peer_main, &peers[i])) abort();
        }
        for (int i = 0; i < n; i++) {
            pthread_join(peers[i].thread, NULL);
            if (peers[i].wrong && !wrong) wrong = peers[i].wrong;
        }
    }
    free(all);
    free(peers);
    return wrong;
}

#define ck_assert_peers(n, late, run, user)                                                                            \
    do {                                                                                                               \
        const char *wrong_ = peers_run(n, late, run, user);                                                            \
        ck_assert_msg(!wrong_, "%d peers: %s", n, wrong_);                                                             \
    } while (0)

#endif
