/* test_communicator.c - transfers between threads, and the calls of all processes together: what arrives, in which
 * order, and what happens when a process ends. */
#include "autograd/machine/communicator_internal.h"
#include "tests/autograd/peers.h"
#include "tests/failing.h"
#include "tests/testing.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 13};
enum { SIZES = sizeof sizes / sizeof *sizes, ROUNDS = 5 };

/* ---- Transfers ----------------------------------------------------------------------------------------------------
 */

enum { MESSAGES = 40, TAGS = 3 };

/* Everyone sends many messages with several tags to everyone, itself included, and receives them the other way round.
 */
static const char *all_to_all(pal_communicator *c, void *user)
{
    (void)user;
    const int n = c->size * TAGS * MESSAGES;
    int64_t *out = calloc((size_t)n, sizeof *out), *in = calloc((size_t)n, sizeof *in);
    int *ticket = calloc((size_t)n, sizeof *ticket);
    bool right = true;
    for (int i = 0; i < n; i++) {
        const int k = i / (c->size * TAGS), tag = i / c->size % TAGS, partner = i % c->size;
        out[i] = (k * TAGS + tag) * 1000 + c->rank;
        ticket[i] = c->start(c->self, partner, &out[i], c->size - 1 - partner, &in[i], sizeof *in, tag);
        right = right && ticket[i] >= 0;
    }
    for (int i = n - 1; i >= 0 && right; i--) right = pal__communicator_wait(c, ticket[i]);
    for (int i = 0; i < n && right; i++) {
        const int k = i / (c->size * TAGS), tag = i / c->size % TAGS, partner = i % c->size;
        right = in[i] == (k * TAGS + tag) * 1000 + c->size - 1 - partner;
    }
    free(out);
    free(in);
    free(ticket);
    peer_require(pal_communicator_agree(c, right ? PAL_OK : PAL_ERR_IO, NULL) == PAL_OK);
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(messages_arrive_in_order)
{
    ck_assert_peers(sizes[_i], 0, all_to_all, NULL);
    ck_assert_peers(sizes[_i], 5, all_to_all, NULL);
}
END_TEST

/* In the steady state a transfer allocates nothing. */
static const char *again_and_again(pal_communicator *c, void *user)
{
    long *mallocs = user;
    for (int i = 0; i < 300; i++) {
        int64_t mine = i, all[8];
        peer_require(pal_communicator_gather(c, &mine, sizeof mine, all, NULL) == PAL_OK);
        peer_require(all[c->size - 1 - c->rank] == i);
        if (i == 100 && c->rank == 0) mallocs[0] = failing_mallocs();
        if (i == 290 && c->rank == 0) mallocs[1] = failing_mallocs();
    }
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(transfers_allocate_nothing)
{
    long mallocs[2] = {0, 0};
    ck_assert_peers(4, 0, again_and_again, mallocs);
    ck_assert_int_eq(mallocs[1] - mallocs[0], 0);
}
END_TEST

/* ---- Calls of all -------------------------------------------------------------------------------------------------
 */

static const char *gather_all(pal_communicator *c, void *user)
{
    const size_t bytes = *(size_t *)user, size = (size_t)c->size;
    unsigned char *mine = malloc(bytes + 1), *all = malloc(size * bytes + 1);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < bytes; i++) mine[i] = (unsigned char)(c->rank * 31 + (int)i + round);
        all[size * bytes] = 99;
        peer_require(pal_communicator_gather(c, mine, bytes, all, NULL) == PAL_OK);
        for (size_t i = 0; i < size * bytes; i++)
            peer_require(all[i] == (unsigned char)((int)(i / bytes) * 31 + (int)(i % bytes) + round));
        peer_require(all[size * bytes] == 99);
    }
    free(mine);
    free(all);
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(gather_gives_all_to_all)
{
    for (size_t bytes = 0; bytes < 40; bytes += 1 + bytes / 2) {
        ck_assert_peers(sizes[_i], 0, gather_all, &bytes);
        ck_assert_peers(sizes[_i], 1 + bytes, gather_all, &bytes);
    }
}
END_TEST

static const char *broadcast_all(pal_communicator *c, void *user)
{
    (void)user;
    for (int round = 0; round < ROUNDS; round++) {
        const int root = round % c->size;
        char text[32];
        snprintf(text, sizeof text, c->rank == root ? "from %d" : "nothing", root);
        peer_require(pal_communicator_broadcast(c, root, text, sizeof text, NULL) == PAL_OK);
        char right[32];
        snprintf(right, sizeof right, "from %d", root);
        peer_require(!strcmp(text, right));
    }
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(broadcast_gives_the_bytes_of_one)
{
    ck_assert_peers(sizes[_i], 0, broadcast_all, NULL);
    ck_assert_peers(sizes[_i], 3, broadcast_all, NULL);
}
END_TEST

/* bit r of `failing`: process r fails. One text for all: they fail alike. */
typedef struct opinions {
    unsigned failing;
    bool one_text;
} opinions;

static const char *agree_all(pal_communicator *c, void *user)
{
    const opinions *o = user;
    pal_error err = {0};
    pal_status mine = PAL_OK;
    if (o->failing >> c->rank & 1)
        mine = o->one_text ? pal_error_set(&err, PAL_ERR_IO, "no file")
                           : pal_error_set(&err, c->rank % 2 ? PAL_ERR_FORMAT : PAL_ERR_IO, "bad line %d", c->rank);
    const pal_status all = pal_communicator_agree(c, mine, &err);
    int first = 0;
    while (first < c->size && !(o->failing >> first & 1)) first++;
    char right[64] = "";
    if (first < c->size && o->one_text && (o->failing == (1u << c->size) - 1))
        snprintf(right, sizeof right, "no file");
    else if (first < c->size && c->size == 1)
        snprintf(right, sizeof right, "bad line %d", first);
    else if (first < c->size && o->one_text)
        snprintf(right, sizeof right, "process %d of %d: no file", first, c->size);
    else if (first < c->size)
        snprintf(right, sizeof right, "process %d of %d: bad line %d", first, c->size, first);
    peer_require(!strcmp(err.text, right));
    peer_require(all == (first == c->size ? PAL_OK : !o->one_text && first % 2 ? PAL_ERR_FORMAT : PAL_ERR_IO));
    peer_require(all == PAL_OK || err.status == all);
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(the_first_failure_is_that_of_all)
{
    const int n = sizes[_i];
    for (int one_text = 0; one_text < 2; one_text++)
        for (unsigned failing = 0; failing < 1u << n; failing += 1 + failing / 3) {
            ck_assert_peers(n, failing % 3, agree_all, (&(opinions){failing, one_text}));
            ck_assert_peers(n, 0, agree_all, (&(opinions){(1u << n) - 1 - failing, one_text}));
        }
}
END_TEST

static const char *agree_without_error(pal_communicator *c, void *user)
{
    (void)user;
    const pal_status mine = c->rank == 1 ? PAL_ERR_STOPPED : PAL_OK;
    peer_require(pal_communicator_agree(c, mine, NULL) == PAL_ERR_STOPPED);
    pal_error err = {0};
    peer_require(pal_communicator_agree(c, mine, c->rank ? NULL : &err) == PAL_ERR_STOPPED);
    peer_require(c->rank || !strcmp(err.text, "process 1 of 3: stopped by the caller"));
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(agree_works_without_an_error) { ck_assert_peers(3, 0, agree_without_error, NULL); }
END_TEST

/* ---- Ends ---------------------------------------------------------------------------------------------------------
 */

typedef struct ending {
    int rank, after; /* this process closes after so many calls */
    bool failed;
    int call; /* 0: gather, 1: broadcast, 2: agree */
} ending;

/* All others fail sooner or later, and name the process that has ended first. */
static const char *one_ends(pal_communicator *c, void *user)
{
    const ending *e = user;
    pal_error err = {0};
    pal_status status = PAL_OK;
    for (int i = 0; i < 1000 && !status && !(c->rank == e->rank && i == e->after); i++) {
        char all[16] = {0}, mine = 1;
        status = e->call == 0   ? pal_communicator_gather(c, &mine, 1, all, &err)
                 : e->call == 1 ? pal_communicator_broadcast(c, i % c->size, all, 1, &err)
                                : pal_communicator_agree(c, PAL_OK, &err);
    }
    if (c->rank == e->rank) {
        peer_require(status == PAL_OK);
        pal_communicator_close(c, e->failed);
        return NULL;
    }
    char right[64];
    snprintf(right, sizeof right, "process %d of %d (a thread) has ended", e->rank, c->size);
    peer_require(status == PAL_ERR_PEER && err.status == PAL_ERR_PEER);
    peer_require(!strcmp(err.text, right));
    peer_require(pal_communicator_agree(c, PAL_OK, &err) == PAL_ERR_PEER);
    peer_require(!strcmp(err.text, right));
    peer_require(c->start(c->self, -1, NULL, -1, NULL, 0, 0) == -1);
    pal_communicator_close(c, true);
    return NULL;
}

START_TEST(one_that_ends_is_named)
{
    const int n = sizes[_i];
    for (int rank = 0; rank < n && n > 1; rank++)
        for (int kind = 0; kind < 12; kind += n < 4 ? 1 : 5) {
            ending e = {rank, kind / 6 * 5, kind % 2, kind / 2 % 3};
            ck_assert_peers(n, 0, one_ends, &e);
            ck_assert_peers(n, 7, one_ends, &e);
        }
}
END_TEST

/* What a thread does not want of one that has closed goes on. */
static const char *one_is_early(pal_communicator *c, void *user)
{
    (void)user;
    if (c->rank < 2) {
        int mine = c->rank, other = -1;
        peer_require(
            pal__communicator_wait(c, c->start(c->self, 1 - c->rank, &mine, 1 - c->rank, &other, sizeof mine, 9)));
        peer_require(other == 1 - c->rank);
    }
    pal_communicator_close(c, false);
    return NULL;
}

START_TEST(one_that_nobody_needs_may_end)
{
    for (int i = 0; i < 20; i++) ck_assert_peers(5, 0, one_is_early, NULL);
}
END_TEST

/* A message with another size than is expected is a mistake that both would compute with. */
static const char *sizes_differ(pal_communicator *c, void *user)
{
    (void)user;
    char bytes[8] = {0};
    const size_t n = c->rank ? 4 : 8;
    const int ticket =
        c->rank ? c->start(c->self, 0, bytes, -1, NULL, n, 0) : c->start(c->self, -1, NULL, 1, bytes, n, 0);
    const bool good = pal__communicator_wait(c, ticket);
    peer_require(c->rank || !good);
    peer_require(c->rank || strstr(c->why(c->self), "another size"));
    pal_communicator_close(c, c->rank == 0);
    return NULL;
}

START_TEST(sizes_have_to_fit) { ck_assert_peers(2, 0, sizes_differ, NULL); }
END_TEST

/* ---- Bad arguments, no memory -------------------------------------------------------------------------------------
 */

START_TEST(without_a_communicator_there_is_one_process)
{
    int mine = 3, all = 0;
    pal_error err = {0};
    ck_assert_int_eq(pal_communicator_gather(NULL, &mine, sizeof mine, &all, &err), PAL_OK);
    ck_assert_int_eq(all, 3);
    ck_assert_int_eq(pal_communicator_broadcast(NULL, 0, &mine, sizeof mine, &err), PAL_OK);
    ck_assert_int_eq(pal_communicator_broadcast(NULL, 1, &mine, sizeof mine, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "broadcast: there is no process 1: the ranks are 0 to 0");
    ck_assert_int_eq(pal_communicator_agree(NULL, PAL_OK, NULL), PAL_OK);
    pal_error_set(&err, PAL_ERR_IO, "no file");
    ck_assert_int_eq(pal_communicator_agree(NULL, PAL_ERR_IO, &err), PAL_ERR_IO);
    ck_assert_str_eq(err.text, "no file");
    pal_communicator_close(NULL, true);
}
END_TEST

START_TEST(bad_transfers_fail)
{
    static const struct {
        int to, from, tag;
        const char *why;
    } bad[] = {{1, -1, 0, "process 0 of 1 (a thread) names a process that is not there"},
               {-2, 0, 0, "process 0 of 1 (a thread) names a process that is not there"},
               {0, 1, 0, "process 0 of 1 (a thread) names a process that is not there"},
               {0, 0, -1, "process 0 of 1 (a thread) uses a tag that is not 0 to 32767"},
               {0, 0, 32768, "process 0 of 1 (a thread) uses a tag that is not 0 to 32767"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pal_communicator *c;
        ck_assert_int_eq(pal_communicator_threads(1, &c, NULL), PAL_OK);
        char byte = 1;
        ck_assert_str_eq(c->why(c->self), "no process has ended");
        ck_assert_int_eq(c->start(c->self, bad[i].to, &byte, bad[i].from, &byte, 1, bad[i].tag), -1);
        ck_assert_str_eq(c->why(c->self), bad[i].why);
        pal_communicator_close(c, false);
    }
    pal_communicator *c;
    ck_assert_int_eq(pal_communicator_threads(1, &c, NULL), PAL_OK);
    ck_assert_int_eq(c->test(c->self, 0), -1);
    ck_assert_str_eq(c->why(c->self), "process 0 of 1 (a thread) tests a ticket that is not there");
    pal_communicator_close(c, false);
}
END_TEST

static bool make_and_use(void *user)
{
    (void)user;
    pal_communicator *c[3];
    pal_error err = {0};
    if (pal_communicator_threads(3, c, &err)) {
        failing_require(err.status == PAL_ERR_MEMORY && !c[0] && !c[1] && !c[2]);
        return false;
    }
    bool good = true;
    int values[20], ticket[20];
    for (int i = 0; i < 20 && good; i++) {
        values[i] = i;
        ticket[i] = c[0]->start(c[0]->self, i ? -1 : 1, &values[i], -1, NULL, sizeof(int), 0);
        good = ticket[i] >= 0;
    }
    if (!good) failing_require(strstr(c[0]->why(c[0]->self), "is out of memory"));
    for (int i = 0; i < 3; i++) pal_communicator_close(c[i], false);
    return good;
}

START_TEST(memory_may_fail) { ck_assert(failing_each(make_and_use, NULL, false) > 0 || !failing_can); }
END_TEST

Suite *communicator_suite(void)
{
    Suite *s = suite_create("communicator");
    TCase *each = tcase_create("each number of processes");
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, messages_arrive_in_order, 0, SIZES);
    tcase_add_loop_test(each, gather_gives_all_to_all, 0, SIZES);
    tcase_add_loop_test(each, broadcast_gives_the_bytes_of_one, 0, SIZES);
    tcase_add_loop_test(each, the_first_failure_is_that_of_all, 0, SIZES - 1);
    tcase_add_loop_test(each, one_that_ends_is_named, 0, SIZES - 1);
    suite_add_tcase(s, each);
    add_case(s, "communicator", NULL, NULL,
             TESTS(transfers_allocate_nothing, agree_works_without_an_error, one_that_nobody_needs_may_end,
                   sizes_have_to_fit, without_a_communicator_there_is_one_process, bad_transfers_fail,
                   memory_may_fail));
    return s;
}
