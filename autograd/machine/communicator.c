/* communicator.c - what all processes call together, made of start and test of a communicator, and which shards belong
 * to which process.
 *
 * In: a communicator, or NULL for one process alone. Out: the bytes of all processes, those of one, or one decision.
 * Each call takes as many rounds as the number of processes has binary digits: in round k a process talks to the one
 * that is 2^k away. Nothing is allocated. Why not a ring: it takes as many rounds as there are processes. */
#include "autograd/machine/communicator_internal.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { TESTS_AT_ONCE = 16, TESTS_AWAKE = 4000, SLEEP_NS = 20000 };

void pal_communicator_close(pal_communicator *communicator, bool failed)
{
    if (communicator && communicator->close) communicator->close(communicator, failed);
}

pal_status pal__communicator_check(const pal_communicator *c, pal_error *err)
{
    if (!c) return PAL_OK;
    if (c->struct_size < offsetof(pal_communicator, close) + sizeof c->close)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "communicator: struct_size is %zu, not %zu or more: set it to sizeof of the struct",
                             c->struct_size, sizeof *c);
    if (c->size < 1 || c->rank < 0 || c->rank >= c->size)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "communicator: there is no process %d of %d: the ranks are 0 to %d",
                             c->rank, c->size, c->size - 1);
    if (!c->start || !c->test || !c->why || !c->close)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "communicator: start, test, why or close is NULL: set all four");
    return PAL_OK;
}

void pal__communicator_rest(unsigned tests)
{
    if (tests < TESTS_AWAKE && tests % TESTS_AT_ONCE == 0) sched_yield();
    if (tests >= TESTS_AWAKE) nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
}

bool pal__communicator_wait(const pal_communicator *c, int ticket)
{
    if (ticket < 0) return false;
    int finished = c->test(c->self, ticket);
    for (unsigned tests = 1; !finished; tests++) {
        pal__communicator_rest(tests);
        finished = c->test(c->self, ticket);
    }
    return finished > 0;
}

static bool exchange(const pal_communicator *c, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    return pal__communicator_wait(c, c->start(c->self, to, out, from, in, bytes, tag));
}

static pal_status ended(const pal_communicator *c, pal_error *err)
{
    const char *why = c->why(c->self);
    return pal_error_set(err, PAL_ERR_PEER, "%s", why ? why : pal_status_text(PAL_ERR_PEER));
}

/* ---- Gather ------------------------------------------------------------------------------------------------------ */

static void reverse(unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        const unsigned char byte = bytes[i];
        bytes[i] = bytes[n - 1 - i];
        bytes[n - 1 - i] = byte;
    }
}

/* Bruck and others, IEEE Transactions on Parallel and Distributed Systems 1997. Before the last line, block i is that
 * of process rank + i, modulo size. */
pal_status pal_communicator_gather(const pal_communicator *c, const void *mine, size_t bytes, void *all, pal_error *err)
{
    const pal_status good = pal__communicator_check(c, err);
    if (good) return good;
    if (bytes && (!mine || !all)) return pal_error_set(err, PAL_ERR_ARGUMENT, "gather: mine or all is NULL");
    if (!bytes) return PAL_OK;
    memmove(all, mine, bytes);
    if (!c) return PAL_OK;
    const size_t size = (size_t)c->size, rank = (size_t)c->rank;
    for (size_t have = 1; have < size; have *= 2) {
        const size_t more = size - have < have ? size - have : have;
        const int to = (int)((rank + size - have) % size), from = (int)((rank + have) % size);
        if (!exchange(c, to, all, from, (char *)all + have * bytes, more * bytes, PAL__TAG_GATHER))
            return ended(c, err);
    }
    reverse(all, size * bytes);
    reverse(all, rank * bytes);
    reverse((unsigned char *)all + rank * bytes, (size - rank) * bytes);
    return PAL_OK;
}

/* ---- Broadcast --------------------------------------------------------------------------------------------------- */

pal_status pal_communicator_broadcast(const pal_communicator *c, int root, void *bytes, size_t n, pal_error *err)
{
    const pal_status good = pal__communicator_check(c, err);
    if (good) return good;
    const int size = c ? c->size : 1;
    if (root < 0 || root >= size)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "broadcast: there is no process %d: the ranks are 0 to %d", root,
                             size - 1);
    if (n && !bytes) return pal_error_set(err, PAL_ERR_ARGUMENT, "broadcast: the bytes are NULL");
    if (!c || !n) return PAL_OK;
    /* Counted from the root, process i has the bytes from process i - 2^k, where 2^k is its highest digit. */
    const int mine = (c->rank - root + size) % size;
    for (int have = 1; have < size; have *= 2) {
        const int to = mine < have && size - mine > have ? (c->rank + have) % size : -1;
        const int from = mine >= have && mine - have < have ? (c->rank - have + size) % size : -1;
        if (to < 0 && from < 0) continue;
        if (!exchange(c, to, bytes, from, bytes, n, PAL__TAG_BROADCAST)) return ended(c, err);
    }
    return PAL_OK;
}

/* ---- Agree ------------------------------------------------------------------------------------------------------- */

typedef struct opinion { /* of some processes together */
    int32_t rank;        /* the first that has failed; -1: none */
    int32_t status;
    int32_t all; /* each of them has failed, with this status and this text */
    char text[sizeof((pal_error *)0)->text];
} opinion;

/* Some processes may be in both: that changes nothing. */
static void join(opinion *a, const opinion *b)
{
    const bool all = a->all && b->all && a->status == b->status && !strcmp(a->text, b->text);
    if (b->rank >= 0 && (a->rank < 0 || b->rank < a->rank)) *a = *b;
    a->all = all;
}

pal_status pal_communicator_agree(const pal_communicator *c, pal_status mine, pal_error *err)
{
    const pal_status good = pal__communicator_check(c, err);
    if (good) return good;
    if (!c || c->size == 1) return mine;
    opinion we = {.rank = mine ? c->rank : -1, .status = (int32_t)mine, .all = mine != PAL_OK}, they;
    if (mine) {
        const char *text = err ? err->text : pal_status_text(mine);
        memcpy(we.text, text, strnlen(text, sizeof we.text - 1));
    }
    for (int have = 1; have < c->size; have *= 2) {
        const int to = (c->rank + have) % c->size, from = (c->rank - have + c->size) % c->size;
        if (!exchange(c, to, &we, from, &they, sizeof we, PAL__TAG_AGREE)) return ended(c, err);
        they.text[sizeof they.text - 1] = 0;
        join(&we, &they);
    }
    if (we.rank < 0) return PAL_OK;
    if (we.all) return pal_error_set(err, (pal_status)we.status, "%s", we.text);
    return pal_error_set(err, (pal_status)we.status, "process %d of %d: %s", we.rank, c->size, we.text);
}
