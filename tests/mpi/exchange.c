/* exchange.c - what processes send through the communicator of MPI arrives whole, in order, where it should.
 *
 * Started by mpirun with any number of processes. All of them draw the same random numbers, so that each knows what the
 * others send. It uses the struct alone, as somebody else's program would. The last line is "N passed, N failed". */
#include "mpi/mpi.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 12, TAGS = 3, MOST = 40000 };

static pal_communicator *c;
static int passed, failed;
static uint64_t state = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void check(bool good, const char *what)
{
    if (good)
        passed++;
    else {
        failed++;
        printf("FAILED: process %d of %d: %s\n", c->rank, c->size, what);
    }
}

/* A transfer that fails would let the others wait. */
static void stop(const char *what)
{
    fprintf(stderr, "FAILED: process %d: %s: %s\n", c->rank, what, c->why(c->self));
    exit(1);
}

static void finish(int ticket)
{
    if (ticket < 0) stop("start");
    for (int tries = 0;; tries++) {
        const int done = c->test(c->self, ticket);
        if (done < 0) stop("test");
        if (done > 0) return;
        if (tries > 50) usleep(20); /* sched_yield alone takes minutes where others compute, too */
    }
}

/* The bytes of message number `which` from one process. */
static void fill(unsigned char *bytes, size_t n, int from, int which)
{
    uint32_t x = (uint32_t)(from * 7919 + which * 104729 + 1);
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)((x = x * 1664525u + 1013904223u) >> 24);
}

static bool holds(const unsigned char *bytes, size_t n, int from, int which)
{
    uint32_t x = (uint32_t)(from * 7919 + which * 104729 + 1);
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != (unsigned char)((x = x * 1664525u + 1013904223u) >> 24)) return false;
    return true;
}

static unsigned char *room(size_t n)
{
    unsigned char *bytes = malloc(n + 1);
    if (!bytes) exit(1);
    memset(bytes, 0xee, n + 1);
    return bytes;
}

/* MANY transfers at a time around a circle, with few tags, so that several share one; they are finished in any order.
 */
static void circle(void)
{
    unsigned char *out[MANY], *in[MANY];
    size_t sizes[MANY];
    int tickets[MANY], order[MANY];
    const int step = 1 + (int)draw((uint64_t)c->size);
    const int to = (c->rank + step) % c->size, from = (c->rank + c->size * 2 - step) % c->size;
    for (int i = 0; i < MANY; i++) {
        sizes[i] = i % 4 == 0 ? 0 : draw(i % 3 ? 300 : MOST);
        out[i] = room(sizes[i]);
        in[i] = room(sizes[i]);
        fill(out[i], sizes[i], c->rank, i);
        const int tag = i % TAGS == 2 ? 32767 : i % TAGS;
        if ((tickets[i] = c->start(c->self, to, out[i], from, in[i], sizes[i], tag)) < 0) stop("start");
        order[i] = i;
    }
    for (int i = MANY - 1; i > 0; i--) {
        const int k = (int)draw((uint64_t)i + 1), other = order[k];
        order[k] = order[i];
        order[i] = other;
    }
    bool good = true;
    for (int i = 0; i < MANY; i++) {
        const int k = order[i];
        finish(tickets[k]);
        good = good && holds(in[k], sizes[k], from, k) && in[k][sizes[k]] == 0xee;
    }
    check(good, "a message of a circle is not what was sent");
    for (int i = 0; i < MANY; i++) {
        free(out[i]);
        free(in[i]);
    }
}

/* From each process to the next one; the first has none to receive from, and the last none to send to. */
static void line(void)
{
    unsigned char out[100], in[100];
    memset(in, 0xee, sizeof in);
    fill(out, sizeof out, c->rank, 5);
    const int to = c->rank + 1 < c->size ? c->rank + 1 : -1;
    finish(c->start(c->self, to, to < 0 ? NULL : out, c->rank - 1, c->rank ? in : NULL, sizeof out, 9));
    check(c->rank ? holds(in, sizeof in, c->rank - 1, 5) : in[0] == 0xee, "a message of a line is not what was sent");
    finish(c->start(c->self, -1, NULL, -1, NULL, 0, 0));
    finish(c->start(c->self, -1, NULL, -1, NULL, 17, 0));
    finish(c->start(c->self, (c->rank + 1) % c->size, NULL, (c->rank + c->size - 1) % c->size, NULL, 0, 0));
    check(true, "nothing is sent to nobody");
}

/* Both ways at once between partners, as the engine does it; too long to be sent before somebody receives. */
static void partners(size_t n)
{
    for (int distance = 1; distance < c->size; distance *= 2) {
        const int other = c->rank ^ distance;
        if (other >= c->size) continue;
        unsigned char *out = room(n), *in = room(n);
        fill(out, n, c->rank, distance);
        finish(c->start(c->self, other, out, other, in, n, 3));
        check(holds(in, n, other, distance) && in[n] == 0xee, "a long message is not what was sent");
        free(out);
        free(in);
    }
}

/* The receiver is ready long after the sender, and long before. */
static void late(void)
{
    unsigned char bytes[64];
    if (c->size < 2 || c->rank > 1) return;
    for (int turn = 0; turn < 2; turn++) {
        const bool sends = c->rank == turn;
        if (sends) fill(bytes, sizeof bytes, turn, 1);
        if (sends == (turn == 0)) usleep(5000);
        finish(c->start(c->self, sends ? 1 - c->rank : -1, bytes, sends ? -1 : 1 - c->rank, bytes, sizeof bytes, 1));
        check(holds(bytes, sizeof bytes, turn, 1), "a message that one side started late is not what was sent");
    }
}

static void small(int n)
{
    const int to = (c->rank + 1) % c->size, from = (c->rank + c->size - 1) % c->size;
    int wrong = 0, tickets[8], in[8], out[8];
    for (int i = 0; i < n; i++) {
        const int k = i % 8;
        out[k] = c->rank + i;
        tickets[k] = c->start(c->self, to, &out[k], from, &in[k], sizeof out[k], k / 4);
        if (k < 7) continue;
        for (int j = 0; j < 8; j++) {
            finish(tickets[j]);
            wrong += in[j] != from + i - 7 + j;
        }
    }
    check(wrong == 0, "a small message is not what was sent");
}

static void steady(void)
{
    small(8000);
    const size_t before = mallinfo2().uordblks;
    small(16000);
    const size_t after = mallinfo2().uordblks;
    if (after > before + 16384) printf("process %d: %zu bytes before, %zu after\n", c->rank, before, after);
    check(after <= before + 16384, "memory grows with the number of messages");
}

int main(int argc, char **argv)
{
    pal_error err = {0};
    c = pal_mpi_open(&err);
    if (!c) {
        fprintf(stderr, "FAILED: %s\n", err.text);
        return 1;
    }
    const int expected = argc > 1 ? atoi(argv[1]) : 1;
    const size_t long_one = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000001;
    check(c->size == expected && c->rank >= 0 && c->rank < expected, "the number of processes is not that of mpirun");
    check(c->struct_size == sizeof *c, "struct_size is not that of the struct");
    for (int i = 0; i < 40; i++) circle();
    line();
    partners(long_one);
    late();
    steady();
    for (int i = 0; i < 10; i++) circle();
    const int bad = failed, rank = c->rank;
    c->close(c, false);
    if (pal_mpi_open(&err) || err.status != PAL_ERR_ARGUMENT || !strstr(err.text, "finalised")) {
        printf("FAILED: MPI is opened after it was finalised: '%s'\n", err.text);
        failed++;
    } else
        passed++;
    if (rank == 0) printf("%d passed, %d failed\n", passed, failed);
    return bad || failed ? 1 : 0;
}
