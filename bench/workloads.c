/* workloads.c - bench_workloads: the time of each workload's training step beside its floor, in turns in one process.
 *
 *     bench_workloads [--only NAME] [--rounds N] [--threads N] [--sizes] [--least] [--text] [--json]
 *                     [--disturbed] [--names] [--isa NAME]
 *
 * --only       the workloads whose names begin with NAME
 * --rounds     so many steps and floors (default: 200), but no new one after three seconds of a workload
 * --sizes      the same workloads with a batch of 1 and of 10,000, and with a code of 8 and of 8192 units
 * --least      the least times instead of medians: what to look at while other programs run
 * --text       print each program with the times of its steps
 * --json       print JSON: an object a line, times in microseconds
 * --disturbed  measure the tied step beside a busy core and with subnormal numbers instead
 * --names      print the names of the workloads instead
 * --isa        our kernels for these instructions: baseline, avx2, avx512. OPENBLAS_CORETYPE=Haswell goes with avx2
 *
 * A round runs the step twice and the floor twice, and counts the second of each: in training a step follows a step.
 * All figures are medians over the rounds; the ratio to the hot floor is the median of the ratios of the rounds. */
#include "bench/workloads.h"

#include <stdio.h>
#include <string.h>

#include "bench/clock.h"
#include "cli/restart.h"

enum { MOST_ROUNDS = 10000, LEAST_ROUNDS = 5, SPARE_COLD = 8 };
#define MOST_US 3e6

typedef struct request {
    const char *only, *isa;
    int rounds, threads;
    bool sizes, least, text, json, disturbed, names;
} request;

typedef struct figures { /* without a floor only `step` */
    double step, hot, cold, of_hot;
    int rounds;
} figures;

static double figure(double *times, size_t n, bool least)
{
    const double middle = median(times, n); /* which sorts them */
    return least ? times[0] : middle;
}

static bool measure(pal_context *context, const workload *w, const request *r, figures *out)
{
    static double steps[MOST_ROUNDS], floors[MOST_ROUNDS], ratios[MOST_ROUNDS];
    step *s = step_new(context, w, NULL, false, false);
    const bool has_floor = w->layers[0].inputs != 0;
    floor_plan *f = s && has_floor ? floor_new(context, w) : NULL;
    if (!s || (has_floor && !f)) {
        step_free(s);
        return false;
    }
    uint64_t clock = 0;
    size_t n = 0;
    *out = (figures){0};
    step_once(s, ++clock);
    for (double began = now_us(); n < (size_t)r->rounds && (n < LEAST_ROUNDS || now_us() - began < MOST_US); n++) {
        for (int k = 0; f && k < 2; k++) floors[n] = floor_once(f, false);
        for (int k = 0; k < 2; k++) steps[n] = step_once(s, ++clock);
        ratios[n] = f ? steps[n] / floors[n] : 0;
    }
    const bool good = step_good(s);
    if (!good) fprintf(stderr, "bench_workloads: %s: the loss is not finite\n", w->name);
    *out = (figures){.step = figure(steps, n, r->least), .rounds = (int)n};
    if (f) {
        out->hot = figure(floors, n, r->least);
        out->of_hot = r->least ? out->step / out->hot : median(ratios, n);
        const size_t few = n / SPARE_COLD < LEAST_ROUNDS ? LEAST_ROUNDS : n / SPARE_COLD;
        for (size_t i = 0; i < few; i++) floors[i] = floor_once(f, true);
        out->cold = figure(floors, few, r->least);
    }
    floor_free(f);
    step_free(s);
    return good;
}

static void print_head(const pal_context *context, bool json)
{
    const unsigned threads = pal_context_threads(context);
    const char *isa = pal_context_isa(context), *blas = pal_context_blas(context);
    if (json) {
        printf("{\"threads\": %u, \"isa\": \"%s\", \"blas\": \"%s\", \"workloads\": [", threads, isa, blas);
        return;
    }
    printf("%u threads, %s, %s\n", threads, isa, blas);
    printf("%-24s %6s %6s %11s %11s %11s %10s %10s %5s\n", "microseconds", "batch", "hidden", "step", "floor, hot",
           "cold", "step/hot", "step/cold", "goal");
}

static void print_goal(const char *key, double goal)
{
    if (goal > 0)
        printf(", \"%s\": %.2f", key, goal);
    else
        printf(", \"%s\": null", key);
}

static void print_json(const workload *w, const figures *g, bool first)
{
    printf("%s\n{\"name\": \"%s\", \"batch\": %d, \"hidden\": %d, \"rounds\": %d, \"step\": %.1f, \"floor\": ",
           first ? "" : ",", w->name, w->batch, w->hidden, g->rounds, g->step);
    if (g->hot > 0)
        printf("%.1f, \"floor_cold\": %.1f, \"of_floor\": %.3f", g->hot, g->cold, g->of_hot);
    else
        printf("null, \"floor_cold\": null, \"of_floor\": null");
    print_goal("goal_of_floor", w->goal_of_floor);
    print_goal("goal_of_peer", w->goal_of_peer);
    printf("}");
}

static void print_row(const workload *w, const figures *g)
{
    char hidden[16] = "-";
    if (w->hidden) snprintf(hidden, sizeof hidden, "%d", w->hidden);
    printf("%-24s %6d %6s %11.1f ", w->name, w->batch, hidden, g->step);
    if (g->hot > 0)
        printf("%11.1f %11.1f %10.3f %10.3f", g->hot, g->cold, g->of_hot, g->step / g->cold);
    else
        printf("%11s %11s %10s %10s", "-", "-", "-", "-");
    if (w->goal_of_floor > 0)
        printf(" %5.2f\n", w->goal_of_floor);
    else
        printf(" %5s\n", "-");
}

static int print_text(pal_context *context, const workload *w, const request *r)
{
    step *s = step_new(context, w, NULL, false, true);
    if (!s) return 1;
    const double began = now_us();
    for (int i = 1; i <= r->rounds && (i < LEAST_ROUNDS || now_us() - began < MOST_US); i++) step_once(s, (uint64_t)i);
    printf("%s\n", w->name);
    step_print(s);
    step_free(s);
    return 0;
}

static int one(pal_context *context, const workload *w, const request *r, bool *first)
{
    figures g;
    if (r->text) return print_text(context, w, r);
    if (!measure(context, w, r, &g)) return 1;
    if (r->json)
        print_json(w, &g, *first);
    else
        print_row(w, &g);
    *first = false;
    fflush(stdout);
    return 0;
}

static bool chosen(const workload *w, const request *r)
{
    return !r->only || !strncmp(w->name, r->only, strlen(r->only));
}

static int all(pal_context *context, const request *r)
{
    static const int batches[] = {1, 10000}, codes[] = {8, 8192};
    int failed = 0;
    bool first = true;
    for (size_t i = 0; i < n_workloads && !failed; i++) {
        if (!chosen(&workloads[i], r)) continue;
        workload w = workloads[i];
        if (r->sizes) w.goal_of_floor = w.goal_of_peer = 0; /* the goals are for the row's own sizes */
        for (size_t k = 0; k < 2 && r->sizes && !failed; k++) {
            w.batch = batches[k];
            failed = one(context, &w, r, &first);
        }
        w.batch = workloads[i].batch;
        for (size_t k = 0; k < 2 && r->sizes && w.hidden && !failed; k++) {
            w.hidden = codes[k];
            failed = one(context, &w, r, &first);
        }
        if (!r->sizes) failed = one(context, &w, r, &first);
    }
    return failed;
}

/* False: wrong use. */
static bool read_request(int argc, char **argv, request *r)
{
    const struct {
        const char *name;
        bool *flag;
        int *number;
        const char **text;
    } options[] = {{"--only", NULL, NULL, &r->only},       {"--rounds", NULL, &r->rounds, NULL},
                   {"--threads", NULL, &r->threads, NULL}, {"--sizes", &r->sizes, NULL, NULL},
                   {"--least", &r->least, NULL, NULL},     {"--text", &r->text, NULL, NULL},
                   {"--json", &r->json, NULL, NULL},       {"--disturbed", &r->disturbed, NULL, NULL},
                   {"--names", &r->names, NULL, NULL},     {"--isa", NULL, NULL, &r->isa}};
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        const size_t n = sizeof options / sizeof *options;
        while (k < n && strcmp(argv[i], options[k].name) != 0) k++;
        if (k == n || (!options[k].flag && ++i == argc)) return false;
        if (options[k].flag) *options[k].flag = true;
        if (options[k].number && (*options[k].number = atoi(argv[i])) < 1) return false;
        if (options[k].text) *options[k].text = argv[i];
    }
    bool known = false;
    for (size_t i = 0; i < n_workloads; i++) known = known || chosen(&workloads[i], r);
    return known && r->rounds <= MOST_ROUNDS;
}

int main(int argc, char **argv)
{
    request r = {.rounds = 200};
    if (!read_request(argc, argv, &r)) {
        fprintf(stderr,
                "usage: bench_workloads [--only NAME] [--rounds N] [--threads N] [--sizes] [--least] [--text] [--json] "
                "[--disturbed] [--names] [--isa NAME]\nN is at least 1, and at most %d rounds. Workloads:",
                MOST_ROUNDS);
        for (size_t i = 0; i < n_workloads; i++) fprintf(stderr, " %s", workloads[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    for (size_t i = 0; r.names && i < n_workloads; i++)
        if (chosen(&workloads[i], &r)) printf("%s\n", workloads[i].name);
    if (r.names) return 0;
    pal_cli_take_kernels(argv);
    const pal_context_options o = {.struct_size = sizeof o, .threads = (unsigned)r.threads, .isa = r.isa};
    pal_context *context = pal_context_new(&o);
    if (!context)
        return fprintf(stderr, "bench_workloads: no context: out of memory or of threads, or this processor has no "
                               "such instructions: baseline, avx2, avx512\n"),
               1;
    if (pal_context_advice(context)) fprintf(stderr, "bench_workloads: %s\n", pal_context_advice(context));
    if (!r.disturbed && !r.text) print_head(context, r.json);
    const int failed = r.disturbed ? print_disturbed(context, r.rounds) : all(context, &r);
    if (r.json && !r.disturbed && !r.text) printf("\n]}\n");
    pal_context_free(context);
    return failed;
}
