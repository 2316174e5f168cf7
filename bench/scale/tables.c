/* tables.c - what the model says of one workload as a table, and the tables of docs/scale.md. */
#include "bench/scale/scale.h"

#include <math.h>

#define GOOD 0.8 /* the efficiency that counts as scaling */
enum { MOST_ROWS_EACH = 1 << 16 };

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

void table_of(const costs *c, const network *w, double batch, double each)
{
    const double alone = serial(c, w, batch), one = serial(c, w, each);
    printf("\n%s: %.0f bytes of gradients in %zu messages; times in microseconds\n", c->name, costs_bytes(c),
           c->n_messages);
    printf("%9s | batch %-6.0f %9s %9s %8s %7s | %3.0f rows each %8s %7s | batch for %.1f\n", "processes", batch,
           "waiting", "all", "speed-up", "eff.", each, "waiting", "eff.", GOOD);
    for (int p = 1; p <= MOST_PROCESSES; p *= 2) {
        printf("%9d | ", p);
        const step_time s = model_step(c, w, p, batch / p), weak = model_step(c, w, p, each);
        if (p <= batch)
            printf("%12.0f %9.0f %9.0f %8.2f %7.2f | ", 1e6 * s.compute, 1e6 * s.waiting, 1e6 * s.all, alone / s.all,
                   alone / s.all / p);
        else
            printf("%12s %9s %9s %8s %7s | ", "-", "-", "-", "-", "-");
        printf("%12.0f %8.0f %7.2f | ", 1e6 * weak.all, 1e6 * weak.waiting, one / weak.all);
        const double needed = rows_for(c, w, p);
        if (needed > 0)
            printf("%9.0f\n", needed * p);
        else
            printf("%9s\n", "-");
    }
}

/* ---- docs/scale.md ---------------------------------------------------------------------------------------------- */

static void print_costs(const machine *m)
{
    static const double rows[] = {1, 8, 32, 128, 512};
    printf(
        "Summing takes %.3f ns a byte.\n\n| workload | MB of gradients | U | C(1) | C(8) | C(32) | C(128) | C(512) |\n"
        "|---|---|---|---|---|---|---|---|\n",
        1e9 * m->sum);
    for (size_t i = 0; i < m->n; i++) {
        const costs *c = &m->workloads[i];
        printf("| `%s` | %.2f | %.0f |", c->name, 1e-6 * costs_bytes(c), 1e6 * c->update);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            sized s;
            costs_at(c, rows[k], &s);
            printf(" %.0f |", 1e6 * s.compute);
        }
        printf("\n");
    }
}

static void print_limits(const costs *c, const network *w, double batch)
{
    static const int processes[] = {4, 16, 64, 1024};
    int fastest = 1, good = 1;
    limits(c, w, batch, &fastest, &good);
    printf("| %s, `%s` | %.0f | %d | %d | %.1f |", w->name, c->name, 1e6 * serial(c, w, batch), good, fastest,
           serial(c, w, batch) / model_step(c, w, fastest, batch / fastest).all);
    for (size_t i = 0; i < sizeof processes / sizeof *processes; i++) {
        const double rows = rows_for(c, w, processes[i]);
        if (rows > 0)
            printf(" %.0f |", rows * processes[i]);
        else
            printf(" - |");
    }
    printf("\n");
}

static void print_weak(const costs *c, const network *w, double rows)
{
    static const int processes[] = {2, 4, 16, 64, 1024};
    printf("| %s, `%s` |", w->name, c->name);
    for (size_t i = 0; i < sizeof processes / sizeof *processes; i++)
        printf(" %.2f |", serial(c, w, rows) / model_step(c, w, processes[i], rows).all);
    printf("\n");
}

void tables_of_page(const machine *m, double batch, double rows)
{
    print_costs(m);
    printf("\nA batch of %.0f.\n\n| network and workload | one process, us | efficient up to | fastest at | speed-up "
           "there "
           "| batch for 4 | for 16 | for 64 | for 1024 |\n|---|---|---|---|---|---|---|---|---|\n",
           batch);
    for (int part = 0; part < 2; part++) {
        if (part)
            printf(
                "\n%.0f rows for each process.\n\n| network and workload | 2 processes | 4 processes | 16 processes | "
                "64 processes | 1024 processes |\n|---|---|---|---|---|---|\n",
                rows);
        for (const network *n = networks; n->name; n++) {
            network w = *n;
            w.sum = m->sum;
            for (size_t i = 0; i < m->n; i++)
                if (part)
                    print_weak(&m->workloads[i], &w, rows);
                else
                    print_limits(&m->workloads[i], &w, batch);
        }
    }
}
