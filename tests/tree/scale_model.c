/* scale_model.c COSTS SCRATCH - the model of bench/scale against the formulas of docs/scale.md, and the file of costs.
 * SCRATCH is a file that it may write. Its last line is "N passed, N failed". */
#include "bench/scale/scale.h"

#include <math.h>
#include <string.h>

typedef struct count {
    int passed, failed;
} count;

static void judge(count *n, bool good, const char *what)
{
    if (good) {
        n->passed++;
    } else {
        n->failed++;
        printf("FAILED: %s\n", what);
    }
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 + 1e-9 * fabs(b); }

static const network even = {
    .latency = 1e-5, .bandwidth = 1e9, .copy = 1e-10, .sum = 5e-11, .bucket = 256 << 10, .halves = 64 << 10};
/* Three weights, the last of which is ready first, and the loss. */
static const costs made = {
    .name = "made",
    .batch = 64,
    .update = 4e-4,
    .n_messages = 4,
    .n_sizes = 2,
    .sizes = {{.rows = 1, .compute = 1e-3, .messages = {{1e6, 9e-4}, {4e3, 1e-3}, {8e3, 6e-4}, {4, 5e-4}}},
              {.rows = 11, .compute = 2e-3, .messages = {{1e6, 19e-4}, {4e3, 2e-3}, {8e3, 12e-4}, {4, 10e-4}}}}};

/* Of a message that is updated as a whole: the exchanges of an all-reduce. */
static transfer_time sum_of(network w, double bytes, int processes)
{
    w.whole = true;
    const exchanges e = model_exchanges(&w, bytes, processes);
    return model_transfer(&w, &e, 0, e.n);
}

static void check_sums(count *n)
{
    transfer_time t = sum_of(even, 8000, 16); /* doubling */
    judge(n, near(t.all, 4 * (1e-5 + 8e-6 + 4e-7)), "doubling: log2 P (L + n/W + g n)");
    judge(n, near(t.processor, 4 * (4e-7 + 8e-7)), "doubling: sums and copies");
    t = sum_of(even, 1e6, 16); /* halves */
    judge(n, near(t.all, 8 * 1e-5 + 2 * 1e-3 * 15 / 16 + 5e-5 * 15 / 16), "halves: 2 log2 P L + (2 n/W + g n)(P-1)/P");
    t = sum_of(even, 1e6, 2);
    judge(n, near(t.all, 1e-5 + 1e-3 + 5e-5), "two processes: doubling");
    network racks = even;
    racks.rack = 4, racks.far_latency = 3e-5, racks.share = 0.5;
    t = sum_of(racks, 8000, 16); /* two rounds in the rack, two to others */
    judge(n, near(t.all, 2 * (1e-5 + 8e-6) + 2 * (3e-5 + 16e-6) + 4 * 4e-7), "racks: far rounds have their share");
    judge(n, near(t.uplink, 2 * 16e-6) && near(t.link, 4 * 8e-6), "racks: what each link carries");
}

static void check_buckets(count *n)
{
    message b[MOST_MESSAGES];
    sized s;
    costs_at(&made, 1, &s);
    const size_t found = model_buckets(&s, made.n_messages, even.bucket, b);
    judge(n, found == 3 && b[1].bytes == 1e6 && near(b[1].ready, 9e-4), "a large message goes alone");
    judge(n, found == 3 && b[0].bytes == 8004 && near(b[0].ready, 6e-4) && b[2].bytes == 4e3,
          "small ones between go together, with the last of them");
    judge(n,
          model_buckets(&s, made.n_messages, 5e3, b) == 4 && b[0].bytes == 4 && b[1].bytes == 8e3 && b[3].bytes == 4e3,
          "a bucket that is full goes");
    costs_at(&made, 6, &s);
    judge(n, near(s.compute, 1.5e-3) && near(s.messages[0].ready, 14e-4), "between two sizes");
    costs_at(&made, 21, &s);
    judge(n, near(s.compute, 3e-3), "beyond the last size");
}

static void check_step(count *n)
{
    network free_sums = even;
    free_sums.sum = free_sums.copy = 0;
    step_time t = model_step(&made, &even, 1, 1);
    judge(n, near(t.all, 1.4e-3) && t.waiting == 0, "one process: computes and updates");
    t = model_step(&made, &free_sums, 2, 1);
    /* Two parts: 900 us + 10 + 500 for the sum, half of the update, and 10 + 500 for the weights. The small ones are
     * there before. */
    const double update = 4e-4 * 1e6 / 1012004;
    judge(n, near(t.all, 1410e-6 + update / 2 + 510e-6), "two processes: until all have the weights");
    free_sums.whole = true;
    t = model_step(&made, &free_sums, 2, 1);
    /* 900 us + 10 + 1000. The first small ones are updated meanwhile, and the bytes of the last pass behind: 1904 us.
     */
    const double small = 4e-4 * 8004 / 1012004;
    judge(n, near(t.waiting, 910e-6 - small), "two processes, whole updates: they wait for the large message");
    judge(n, near(t.all, 1910e-6 + 4e-4 - small), "two processes, whole updates: the end of the last update");
    costs two = made;
    two.sizes[0].messages[1].bytes = two.sizes[1].messages[1].bytes = 1e6;
    t = model_step(&two, &free_sums, 2, 1); /* ready at 1000 us, and behind the other, which has the link until 1900 */
    judge(n, near(t.all, 2900e-6 + 4e-4 * 1e6 / costs_bytes(&two)),
          "two large messages: one after the other on the link");
    free_sums.whole = false;
    const step_time slow = model_step(&made, &even, 2, 1);
    judge(n, slow.compute > t.compute, "sums and copies take time from forward and backward");
}

/* A large message that is ready early, and a small one whose gradient comes next; a large one that comes late. */
static void check_early(count *n)
{
    static const costs late = {
        .name = "late",
        .batch = 64,
        .update = 4e-4,
        .n_messages = 3,
        .n_sizes = 2,
        .sizes = {{.rows = 1, .compute = 4e-3, .messages = {{1e6, 1e-4}, {4, 5e-4}, {1e6, 3e-3}}},
                  {.rows = 2, .compute = 8e-3, .messages = {{1e6, 2e-4}, {4, 10e-4}, {1e6, 6e-3}}}}};
    network w = even;
    schedule s;
    w.sum = w.copy = 0;
    const double part = 2e-4 * 1e6 / costs_bytes(&late);
    step_time t = model_schedule(&late, &w, 2, 1, &s); /* 100 us + 10 + 500 for a half of the sum */
    judge(n, near(s.update[0], 610e-6), "an update begins in the pass, when its part of the sum is there");
    judge(n, near(s.there[0], 610e-6 + part + 510e-6), "the weights go out behind it");
    judge(n, near(s.begin[2], 3e-3 + part) && near(t.compute, 4e-3), "the pass goes on so much later");
    judge(n, near(s.update[2], 3510e-6 + part), "the second one, too, begins in the pass");
    judge(n, near(t.all, 4020e-6 + 2 * part) && near(t.update, 2 * part + 4e-4 * 4 / costs_bytes(&late)),
          "the step: until the second weights are there");
    w.latency = 1e-7, w.bandwidth = 1e11;
    model_schedule(&late, &w, 2, 1, &s);
    judge(n, near(s.update[0], 5e-4), "not before the old weight has been read");
    w = even;
    w.sum = w.copy = 0;
    w.busy = 0.5e9;
    model_schedule(&late, &w, 2, 1, &s);
    judge(n, near(s.end[0], 100e-6 + 2 * 510e-6), "sums take longer while the process computes");
    w.busy = 0;
    w.whole = true;
    t = model_schedule(&late, &w, 2, 1, &s);
    judge(n, s.update[0] >= 4e-3 && near(t.all, 4e-3 + 4e-4), "whole updates come behind the pass");
    w.bandwidth =
        0.5e9; /* 2010 us, of which 500 need the processor; of the second message's, 1000 us of the pass are left */
    w.copy = 5e-10;
    t = model_schedule(&late, &w, 2, 1, &s);
    judge(n, near(s.begin[2], 3500e-6 + 4 * w.copy) && near(t.compute, 4500e-6 + 4 * w.copy + 500e-6 * 1000 / 1510),
          "what makes the pass longer makes more of a transfer fall into it");
    costs seldom = late;
    seldom.sizes[0].look = 1e-4;
    w = even;
    w.sum = w.copy = 0;
    model_schedule(&seldom, &w, 2, 1, &s);
    judge(n, near(s.end[0], 100e-6 + 150e-6 + 510e-6), "one look and a half for a large message");
    w.agreed = 1e6;
    model_schedule(&seldom, &w, 2, 1, &s);
    judge(n, near(s.end[0], 100e-6 + 50e-6 + 510e-6), "half a one for a small message");
}

static void check_costs(count *n, const char *path)
{
    static machine m;
    judge(n, costs_read(path, &m) && m.n == 8, "the costs that were measured: eight workloads");
    for (size_t i = 0; i < m.n; i++) {
        const costs *c = &m.workloads[i];
        bool good = c->n_sizes == 10 && c->update > 0;
        for (size_t k = 0; k < c->n_sizes; k++)
            for (size_t j = 0; j < c->n_messages; j++)
                good = good && c->sizes[k].messages[j].bytes == c->sizes[0].messages[j].bytes &&
                       c->sizes[k].messages[j].ready > 0 &&
                       c->sizes[k].messages[j].ready <= c->sizes[k].compute * (1 + 1e-3);
        judge(n, good, c->name);
    }
}

/* What is written is read again. */
static void check_file(count *n, const char *path)
{
    static machine m;
    costs written = made;
    written.sizes[1].look = 2e-4;
    FILE *file = fopen(path, "w");
    if (file) {
        costs_write_head(file, 5e-11);
        costs_write(file, &written);
        fclose(file);
    }
    judge(n, costs_read(path, &m) && m.n == 1 && m.sum == 5e-11, "costs that were written are read");
    judge(n, !memcmp(&m.workloads[0], &written, sizeof written), "they are the same");
    remove(path);
}

int main(int argc, char **argv)
{
    count n = {0};
    if (argc != 3) return fprintf(stderr, "usage: scale_model COSTS SCRATCH\n"), 2;
    check_sums(&n);
    check_buckets(&n);
    check_step(&n);
    check_early(&n);
    check_costs(&n, argv[1]);
    check_file(&n, argv[2]);
    printf("%d passed, %d failed\n", n.passed, n.failed);
    return n.failed != 0;
}
