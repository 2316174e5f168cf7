/* graphs_shrink.c - makes a failing graph small (see graphs.h). */
#include "tests/autograd/graphs.h"

#include <string.h>

static bool still_fails(const graph *g, graph_contexts c, bool gradients)
{
    char why[200];
    graph_counts n = {0};
    return !graph_holds(g, c, gradients, &n, why, sizeof why);
}

typedef struct shrinking {
    graph g;
    graph_contexts c;
    bool gradients, smaller;
} shrinking;

static void attempt(shrinking *s, const graph *less)
{
    if (!memcmp(less, &s->g, sizeof *less) || !still_fails(less, s->c, s->gradients)) return;
    s->g = *less;
    s->smaller = true;
}

static void try_fewer(shrinking *s)
{
    for (size_t i = s->g.n_outputs; i-- > 0 && s->g.n_outputs > 1;) {
        graph less = s->g;
        memmove(&less.output[i], &less.output[i + 1], (--less.n_outputs - i) * sizeof *less.output);
        attempt(s, &less);
    }
    /* Drop all nodes at once, then halves, quarters, ... of them, then single nodes. */
    for (size_t length = s->g.n - s->g.n_leaves; length; length /= 2)
        for (size_t i = s->g.n; i > s->g.n_leaves; i -= i - s->g.n_leaves < length ? i - s->g.n_leaves : length) {
            graph less = s->g;
            for (size_t k = 0; k < length && i - k > s->g.n_leaves; k++) less.node[i - k - 1].dropped = true;
            attempt(s, &less);
        }
}

static void try_simpler(shrinking *s)
{
    for (int d = 0; d < 3; d++)
        for (int64_t to = 1; to < 4 && to < s->g.dim[d]; to++) {
            graph less = s->g;
            less.dim[d] = to;
            attempt(s, &less);
        }
    for (size_t i = s->g.n; i-- > s->g.n_leaves;) {
        graph less = s->g;
        if (s->g.node[i].dropped) continue;
        if (s->g.node[i].kind == GRAPH_REGION && s->g.node[i].inner) {
            less.node[i].inner--;
            attempt(s, &less);
        }
        less = s->g;
        less.node[i].word[5] |= 1; /* take it out of its scope */
        attempt(s, &less);
        for (int k = 0; k < 3; k++) { /* let it read a leaf instead */
            less = s->g;
            less.node[i].in[k] = 0;
            attempt(s, &less);
        }
    }
}

graph graph_shrink(graph g, graph_contexts c, bool gradients)
{
    shrinking s = {.g = g, .c = c, .gradients = gradients, .smaller = true};
    while (s.smaller) {
        s.smaller = false;
        try_fewer(&s);
        try_simpler(&s);
    }
    return s.g;
}

size_t graph_nodes_left(const graph *g)
{
    size_t left = 0;
    for (size_t i = g->n_leaves; i < g->n; i++) left += !g->node[i].dropped;
    return left;
}
