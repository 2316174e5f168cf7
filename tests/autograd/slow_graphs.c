/* slow_graphs.c - checks the properties of graphs.h for many random graphs: slow_graphs [count [first seed]].
 *
 * Every fourth graph is small and its gradients are checked. A failing graph is made small and printed, and the exit
 * status is 1. */
#include "tests/autograd/graphs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_failure(const graph *g, graph_contexts c, bool small, const char *why)
{
    char now[400] = "";
    graph_counts n = {0};
    graph less = graph_shrink(*g, c, small);
    graph_holds(&less, c, small, &n, now, sizeof now);
    bool derivative = !strncmp(now, "order ", 6) || !strncmp(now, "gradient", 8);
    char *text = derivative ? graph_scalar_text(&less, c.one) : graph_text(&less, c.one);
    printf("seed %llu%s: %s\nmade small: %s\noutputs:", (unsigned long long)g->seed, small ? " small" : "", why, now);
    for (size_t i = 0; i < less.n_outputs; i++) printf(" node %d", less.output[i]);
    printf("\n%s\n", text ? text : "(no text)");
    pal_text_free(c.one, text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t many = argc > 1 ? strtoull(argv[1], NULL, 0) : 10000, failed = 0;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    bool verbose = getenv("GRAPH_VERBOSE") != NULL;
    graph_counts n = {0};
    graph_contexts c = {
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1}),
        pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 3, .unpinned = true})};
    for (uint64_t seed = first; seed < first + many && failed < 20; seed++) {
        bool small = seed % 4 == 0;
        char why[400] = "";
        graph g = graph_of(seed, small);
        if (verbose) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        if (graph_holds(&g, c, small, &n, why, sizeof why)) continue;
        failed++;
        print_failure(&g, c, small, why);
    }
    printf("%zu graphs: %zu subsets of passes, %zu within rounding, %zu with threads, %zu again, %zu without effects, "
           "%zu in another order, %zu texts, %zu read back, %zu in halves with %zu values between, %zu gradients and "
           "%zu of second order (%zu kinks, %zu "
           "errors), "
           "%zu that fail alike; %zu failed\n",
           n.graphs, n.subsets, n.rounding, n.threads, n.again, n.effects, n.order, n.texts, n.read_back, n.halves,
           n.kept, n.gradients, n.second, n.kinks, n.errors, n.numeric, failed);
    size_t recorded = 0, all = 0;
    for (size_t i = 0; i < GRAPH_OPERATIONS && pal_op_at(i); i++) {
        if (pal_op_at(i)->op_class == PAL_CLASS_COMPOSITE) continue;
        recorded += n.seen[i] > 0;
        if (!n.seen[i]) printf("never recorded: %s\n", pal_op_at(i)->name);
        all++;
    }
    printf("%zu of %zu operations were recorded\n", recorded, all);
    pal_context_free(c.one);
    pal_context_free(c.three);
    return failed != 0;
}
