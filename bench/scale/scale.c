/* scale.c - bench_scale: how a training step scales over processes, by a model of latency, bytes and arithmetic.
 *
 *     bench_scale --measure [--only NAME] [--seconds S] [--beside N]      measures, and prints the costs
 *     bench_scale COSTS [--only NAME] [--network NAME] [--latency US] [--bandwidth GBIT] [--copy NS] [--bucket KB]
 *                 [--halves KB] [--batch N] [--rows N] [--summary | --draw P]                prints what the model says
 *
 * --measure    what one process needs, on one thread: forward and backward for 1 to 512 rows, when each gradient is
 *              ready, the update, sums
 * --only       the workloads whose names begin with NAME
 * --seconds    so long for each figure (default: 0.3)
 * --beside     so many processes of this machine measure at a time (default: 1)
 * COSTS        a file that --measure has printed
 * --network    ethernet (default) or infiniband: see networks in model.c
 * --latency, --bandwidth  microseconds, and Gbit/s in each direction: a network without racks
 * --copy       nanoseconds of the processor for each byte that is sent and received (default: 0)
 * --bucket     KB: larger messages go alone, smaller ones together (default: 256)
 * --halves     KB: larger messages by halving and doubling, smaller ones by doubling (default: 64)
 * --batch      the fixed batch of strong scaling (default: 128)
 * --rows       the fixed rows of each process of weak scaling (default: 32)
 * --summary    one table of all workloads: where each stops scaling, and the batch that makes it scale
 * --draw       a picture of a step of the first of the workloads on so many processes, as SVG
 *
 * Strong scaling: a batch is cut into ever smaller parts. Speed-up is the time of one process over that of P,
 * efficiency the speed-up over P. Weak scaling: each process has the same rows, and the batch grows. Efficiency is the
 * time of one process with its rows over that of P with as many each. */
#include "bench/scale/measure.h"
#include "bench/scale/scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/restart.h"

#define GOOD 0.8 /* the efficiency that counts as scaling */
enum { MOST_ROWS_EACH = 1 << 16 };

typedef struct request {
    bool measure, summary;
    const char *only, *network, *costs;
    double seconds, beside, latency, bandwidth, copy, bucket, halves, batch, rows, draw;
} request;

/* ---- The model's tables ----------------------------------------------------------------------------------------- */

static double serial(const costs *c, const network *w, double batch) { return model_step(c, w, 1, batch).all; }

static double efficiency(const costs *c, const network *w, int processes, double batch)
{
    return serial(c, w, batch) / (processes * model_step(c, w, processes, batch / processes).all);
}

/* The fewest rows of each process, a power of two, with which so many are efficient. 0: none up to MOST_ROWS_EACH. */
static double rows_for(const costs *c, const network *w, int processes)
{
    for (double rows = 1; rows <= MOST_ROWS_EACH; rows *= 2)
        if (efficiency(c, w, processes, rows * processes) >= GOOD) return rows;
    return 0;
}

/* The processes with the shortest step at a fixed batch, and the most of them that are efficient. */
static void limits(const costs *c, const network *w, double batch, int *fastest, int *good)
{
    double least = INFINITY;
    for (int p = 1; p <= MOST_PROCESSES && p <= batch; p *= 2) {
        const double time = model_step(c, w, p, batch / p).all;
        if (time < least) *fastest = p;
        if (time < least) least = time;
        if (efficiency(c, w, p, batch) >= GOOD) *good = p;
    }
}

static void print_workload(const costs *c, const network *w, const request *r)
{
    const double alone = serial(c, w, r->batch), one = serial(c, w, r->rows);
    printf("\n%s: %.0f bytes of gradients in %zu messages; times in microseconds\n", c->name, costs_bytes(c),
           c->n_messages);
    printf("%9s | batch %-6.0f %9s %9s %8s %7s | %3.0f rows each %8s %7s | batch for %.1f\n", "processes", r->batch,
           "waiting", "all", "speed-up", "eff.", r->rows, "waiting", "eff.", GOOD);
    for (int p = 1; p <= MOST_PROCESSES; p *= 2) {
        printf("%9d | ", p);
        const step_time s = model_step(c, w, p, r->batch / p), weak = model_step(c, w, p, r->rows);
        if (p <= r->batch)
            printf("%12.0f %9.0f %9.0f %8.2f %7.2f | ", 1e6 * s.compute, 1e6 * s.waiting, 1e6 * s.all, alone / s.all,
                   alone / s.all / p);
        else
            printf("%12s %9s %9s %8s %7s | ", "-", "-", "-", "-", "-");
        printf("%12.0f %8.0f %7.2f | ", 1e6 * weak.all, 1e6 * weak.waiting, one / weak.all);
        const double rows = rows_for(c, w, p);
        if (rows > 0)
            printf("%9.0f\n", rows * p);
        else
            printf("%9s\n", "-");
    }
}

static void print_summary_row(const costs *c, const network *w, const request *r)
{
    static const int processes[] = {4, 16, 64, 1024};
    int fastest = 1, good = 1;
    limits(c, w, r->batch, &fastest, &good);
    printf("| %s | %.2f | %.0f | %d | %d | %.1f |", c->name, 1e-6 * costs_bytes(c), 1e6 * serial(c, w, r->batch), good,
           fastest, serial(c, w, r->batch) / model_step(c, w, fastest, r->batch / fastest).all);
    for (size_t i = 0; i < sizeof processes / sizeof *processes; i++) {
        const double rows = rows_for(c, w, processes[i]);
        if (rows > 0)
            printf(" %.0f |", rows * processes[i]);
        else
            printf(" - |");
    }
    printf("\n");
}

static void print_summary_head(const network *w, const request *r)
{
    printf("%s, batch %.0f\n\n", w->name, r->batch);
    printf(
        "| workload | MB of gradients | one process, us | efficient up to | fastest at | speed-up there | batch for 4 "
        "| for 16 | for 64 | for 1024 |\n|---|---|---|---|---|---|---|---|---|---|\n");
}

static bool chosen(const char *name, const request *r) { return !r->only || !strncmp(name, r->only, strlen(r->only)); }

static int print_model(const request *r)
{
    static machine m;
    size_t at = 0;
    if (!costs_read(r->costs, &m)) return 1;
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
    if (r->bucket >= 0) w.bucket = 1024 * r->bucket;
    if (r->halves >= 0) w.halves = 1024 * r->halves;
    w.copy = 1e-9 * r->copy;
    w.sum = m.sum;
    at = 0;
    while (r->draw >= 1 && at < m.n && !chosen(m.workloads[at].name, r)) at++;
    if (r->draw >= 1 && at < m.n) {
        draw_step(stdout, &m.workloads[at], &w, (int)r->draw, r->rows);
        return 0;
    }
    printf("network %s: %.1f us, %.3f GB/s, copies %.2f ns a byte, sums %.3f ns a byte", w.name, 1e6 * w.latency,
           1e-9 * w.bandwidth, 1e9 * w.copy, 1e9 * w.sum);
    if (w.rack)
        printf("; from %d processes on %.1f us and %.2f of the bandwidth", w.rack + 1, 1e6 * w.far_latency, w.share);
    printf("\n");
    if (r->summary) print_summary_head(&w, r);
    for (size_t i = 0; i < m.n; i++) {
        if (!chosen(m.workloads[i].name, r)) continue;
        if (r->summary)
            print_summary_row(&m.workloads[i], &w, r);
        else
            print_workload(&m.workloads[i], &w, r);
    }
    return 0;
}

/* ---- Measuring -------------------------------------------------------------------------------------------------- */

static int print_measured(const request *r)
{
    const measuring how = {.seconds = r->seconds, .beside = (int)r->beside};
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
                   {"--halves", NULL, &r->halves, NULL},   {"--draw", NULL, &r->draw, NULL}};
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
    return r->measure != !!r->costs && r->batch >= 1 && r->rows >= 1 && r->beside >= 1 && r->beside <= 64;
}

int main(int argc, char **argv)
{
    request r = {
        .network = "ethernet", .seconds = 0.3, .beside = 1, .bucket = -1, .halves = -1, .batch = 128, .rows = 32};
    if (!read_request(argc, argv, &r)) {
        fprintf(stderr, "usage: bench_scale --measure [--only NAME] [--seconds S] [--beside N]\n"
                        "       bench_scale COSTS [--only NAME] [--network ethernet|infiniband] [--latency US] "
                        "[--bandwidth GBIT] [--copy NS]\n"
                        "                   [--bucket KB] [--halves KB] [--batch N] [--rows N] [--summary | --draw P]\n"
                        "COSTS is a file that --measure has printed. Numbers are at least 0; batch, rows and beside at "
                        "least 1; P is a power of two up to 1024.\n");
        return 2;
    }
    if (!r.measure) return print_model(&r);
    pal_cli_take_kernels(argv);
    return print_measured(&r);
}
