/* scale.c - bench_scale: how a training step scales over processes, by a model of latency, bytes and arithmetic.
 *
 *     bench_scale --measure [--only NAME] [--rows N] [--seconds S] [--beside N]      measures, and prints the costs
 *     bench_scale COSTS [--only NAME] [--network NAME] [--latency US] [--bandwidth GBIT] [--busy GBIT] [--copy NS]
 *                 [--bucket KB] [--halves KB] [--whole] [--batch N] [--rows N] [--summary | --draw P]
 *                                                                          prints what the model says
 *
 * --measure    what one process needs, on one thread: forward and backward for 1 to 512 rows, when each gradient is
 *              ready, the update, sums; with --rows only for N and 2 N rows
 * --only       the workloads whose names begin with NAME
 * --seconds    so long for each figure (default: 0.3)
 * --beside     so many processes of this machine measure at a time (default: 1)
 * COSTS        a file that --measure has printed
 * --network    ethernet (default) or infiniband: see networks in model.c
 * --latency, --bandwidth  microseconds, and Gbit/s in each direction: a network without racks
 * --busy       Gbit/s in each direction while the process computes (default: as --bandwidth)
 * --copy       nanoseconds of the processor for each byte that is sent and received (default: 0)
 * --bucket     KB: larger messages go alone, smaller ones together (default: 256)
 * --halves     KB: larger messages by halving and doubling, smaller ones by doubling (default: 64)
 * --whole      every process updates all weights; without it each updates a part of the large ones
 * --batch      the fixed batch of strong scaling (default: 128)
 * --rows       the fixed rows of each process of weak scaling (default: 32)
 * --summary    the tables of docs/scale.md: the costs, where each workload stops scaling on both networks, and the
 * batch that makes it scale
 * --draw       a picture of a step of the first of the workloads on so many processes, as SVG
 *
 * Strong scaling: a batch is cut into ever smaller parts. Speed-up is the time of one process over that of P,
 * efficiency the speed-up over P. Weak scaling: each process has the same rows, and the batch grows. Efficiency is the
 * time of one process with its rows over that of P with as many each. */
#include "bench/scale/measure.h"
#include "bench/scale/scale.h"

#include <stdlib.h>
#include <string.h>

#include "cli/restart.h"

typedef struct request {
    bool measure, summary, whole;
    const char *only, *network, *costs;
    double seconds, beside, latency, bandwidth, busy, copy, bucket, halves, batch, rows, draw;
} request;

/* ---- The model ----------------------------------------------------------------------------------------- */

static bool chosen(const char *name, const request *r) { return !r->only || !strncmp(name, r->only, strlen(r->only)); }

static int print_model(const request *r)
{
    static machine m;
    size_t at = 0;
    if (!costs_read(r->costs, &m)) return 1;
    if (r->summary) {
        tables_of_page(&m, r->batch, r->rows);
        return 0;
    }
    while (networks[at].name && strcmp(networks[at].name, r->network) != 0) at++;
    if (!networks[at].name) {
        fprintf(stderr, "bench_scale: --network %s: choose ethernet or infiniband, or give --latency and --bandwidth\n",
                r->network);
        return 2;
    }
    network w = networks[at];
    if (r->latency > 0 || r->bandwidth > 0) w.name = "own", w.rack = 0;
    if (r->latency > 0) w.latency = 1e-6 * r->latency;
    if (r->bandwidth > 0) w.bandwidth = 1e9 / 8 * r->bandwidth;
    if (r->busy > 0) w.busy = 1e9 / 8 * r->busy;
    if (r->bucket >= 0) w.bucket = 1024 * r->bucket;
    if (r->halves >= 0) w.halves = 1024 * r->halves;
    w.copy = 1e-9 * r->copy;
    w.sum = m.sum;
    w.whole = r->whole;
    at = 0;
    while (r->draw >= 1 && at < m.n && !chosen(m.workloads[at].name, r)) at++;
    if (r->draw >= 1 && at < m.n) {
        draw_step(stdout, &m.workloads[at], &w, (int)r->draw, r->rows);
        return 0;
    }
    printf("network %s: %.1f us, %.3f GB/s (%.3f while it computes), copies %.2f ns a byte, sums %.3f ns a byte",
           w.name, 1e6 * w.latency, 1e-9 * w.bandwidth, 1e-9 * (w.busy > 0 ? w.busy : w.bandwidth), 1e9 * w.copy,
           1e9 * w.sum);
    if (w.rack)
        printf("; from %d processes on %.1f us and %.2f of the bandwidth", w.rack + 1, 1e6 * w.far_latency, w.share);
    printf("\n");
    for (size_t i = 0; i < m.n; i++) {
        if (chosen(m.workloads[i].name, r)) table_of(&m.workloads[i], &w, r->batch, r->rows);
    }
    return 0;
}

/* ---- Measuring -------------------------------------------------------------------------------------------------- */

static int print_measured(const request *r)
{
    const measuring how = {.seconds = r->seconds, .rows = (int)r->rows, .beside = (int)r->beside};
    costs_write_head(stdout, measure_sum(&how));
    for (size_t i = 0; i < n_workloads; i++) {
        static costs c;
        if (!chosen(workloads[i].name, r)) continue;
        fprintf(stderr, "bench_scale: measuring %s\n", workloads[i].name);
        if (!measure_costs(&workloads[i], &how, &c)) return 1;
        costs_write(stdout, &c);
    }
    return 0;
}

/* False: wrong use. */
static bool read_request(int argc, char **argv, request *r)
{
    const struct {
        const char *name;
        bool *flag;
        double *number;
        const char **text;
    } options[] = {{"--measure", &r->measure, NULL, NULL}, {"--summary", &r->summary, NULL, NULL},
                   {"--only", NULL, NULL, &r->only},       {"--network", NULL, NULL, &r->network},
                   {"--seconds", NULL, &r->seconds, NULL}, {"--beside", NULL, &r->beside, NULL},
                   {"--latency", NULL, &r->latency, NULL}, {"--bandwidth", NULL, &r->bandwidth, NULL},
                   {"--copy", NULL, &r->copy, NULL},       {"--bucket", NULL, &r->bucket, NULL},
                   {"--batch", NULL, &r->batch, NULL},     {"--rows", NULL, &r->rows, NULL},
                   {"--halves", NULL, &r->halves, NULL},   {"--draw", NULL, &r->draw, NULL},
                   {"--whole", &r->whole, NULL, NULL},     {"--busy", NULL, &r->busy, NULL}};
    const size_t n = sizeof options / sizeof *options;
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        char *end = "";
        while (k < n && strcmp(argv[i], options[k].name) != 0) k++;
        if (k == n && (*argv[i] == '-' || r->costs)) return false;
        if (k == n) {
            r->costs = argv[i];
            continue;
        }
        if (!options[k].flag && ++i == argc) return false;
        if (options[k].flag) *options[k].flag = true;
        if (options[k].number) *options[k].number = strtod(argv[i], &end);
        if (options[k].number && (end == argv[i] || *end || !(*options[k].number >= 0))) return false;
        if (options[k].text) *options[k].text = argv[i];
    }
    const int draw = (int)r->draw;
    if (draw > MOST_PROCESSES || draw & (draw - 1)) return false;
    return r->measure != !!r->costs && r->batch >= 1 && (!r->rows || r->rows >= 1) && r->beside >= 1 && r->beside <= 64;
}

int main(int argc, char **argv)
{
    request r = {.network = "ethernet", .seconds = 0.3, .beside = 1, .bucket = -1, .halves = -1, .batch = 128};
    if (!read_request(argc, argv, &r)) {
        fprintf(stderr, "usage: bench_scale --measure [--only NAME] [--rows N] [--seconds S] [--beside N]\n"
                        "       bench_scale COSTS [--only NAME] [--network ethernet|infiniband] [--latency US] "
                        "[--bandwidth GBIT] [--busy GBIT]\n"
                        "                   [--copy NS] [--bucket KB] [--halves KB] [--whole] [--batch N] [--rows N] "
                        "[--summary | --draw P]\n"
                        "COSTS is a file that --measure has printed. Numbers are at least 0; batch, rows and beside at "
                        "least 1; P is a power of two up to 1024.\n");
        return 2;
    }
    if (!r.rows && !r.measure) r.rows = 32;
    if (!r.measure) return print_model(&r);
    pal_cli_take_kernels(argv);
    return print_measured(&r);
}
