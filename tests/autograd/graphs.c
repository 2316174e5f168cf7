/* graphs.c - generates and records random graphs (see graphs.h). */
#include "tests/autograd/graphs.h"

#include <stdio.h>
#include <string.h>

/* ---- Making a graph ------------------------------------------------------------------------------------------- */

static int64_t draw_dim(uint64_t *rng, bool small)
{
    static const int64_t dims[] = {1, 2, 3, 4, 5, 7, 16, 17, 31, 33}, rare[] = {0, 64, 513, 1030};
    uint64_t r = graph_random(rng);
    if (small) return 1 + (int64_t)(r % 3);
    return r % 16 == 0 ? rare[r / 16 % 4] : dims[r / 16 % 10];
}

pal_shape graph_leaf_shape(const graph *g, size_t leaf, pal_dtype *dtype)
{
    const uint32_t *w = g->node[leaf].word;
    int64_t a = g->dim[0], b = g->dim[1], c = g->dim[2];
    const pal_shape shapes[] = {PAL_SCALAR,         PAL_SHAPE(1),    PAL_SHAPE(a),       PAL_SHAPE(b),
                                PAL_SHAPE(a, b),    PAL_SHAPE(a, b), PAL_SHAPE(a, b),    PAL_SHAPE(b, a),
                                PAL_SHAPE(1, b),    PAL_SHAPE(a, 1), PAL_SHAPE(c, a, b), PAL_SHAPE(2, c, 1, b),
                                PAL_SHAPE(c, 1, a), PAL_SHAPE(1030)};
    pal_shape s = shapes[g->alike && w[0] % 4 ? 4 : w[0] % (g->small ? 13 : 14)];
    *dtype = g->smooth || w[1] % 8 ? g->real : (pal_dtype[]){PAL_I32, PAL_U8, PAL_BOOL, PAL_F32}[w[2] % 4];
    return pal_shape_count(s) > GRAPH_MOST ? PAL_SHAPE(a) : s;
}

graph graph_of(uint64_t seed, bool small)
{
    uint64_t state = seed * 2 + small, *rng = &state;
    graph g = {.seed = seed, .small = small, .smooth = small || graph_random(rng) % 3 == 0};
    g.real = small || graph_random(rng) % 2 ? PAL_F64 : PAL_F32;
    g.alike = graph_random(rng) % 3 == 0;
    for (int i = 0; i < 3; i++) g.dim[i] = draw_dim(rng, small);
    if (graph_random(rng) % 3 == 0 && g.dim[0] < 64) g.dim[1] = g.dim[0];
    g.n_leaves = 2 + graph_random(rng) % 4;
    g.n_main = g.n_leaves + 2 + graph_random(rng) % (small ? 8 : 20);
    g.n = g.n_main + graph_random(rng) % 7;
    for (size_t i = 0; i < g.n; i++) {
        graph_node *n = &g.node[i];
        uint64_t r = graph_random(rng);
        n->kind = (uint8_t)(i < g.n_leaves              ? GRAPH_LEAF
                            : i < g.n_main              ? GRAPH_UNARY + r % (GRAPH_KINDS - GRAPH_UNARY)
                            : r % 8 < (g.alike ? 6 : 4) ? GRAPH_ASSIGN
                            : r % 8 < 7                 ? GRAPH_GRAD
                                                        : GRAPH_BINARY);
        if (g.alike && n->kind > GRAPH_WHERE && n->kind < GRAPH_KINDS && r / 1024 % 4)
            n->kind = (uint8_t[]){GRAPH_BINARY, GRAPH_UNARY, GRAPH_ELEMENTWISE}[r / 4096 % 3];
        else if (i >= g.n_leaves && i < g.n_main && r / 65536 % 5 == 0) /* these two kinds cover many operations */
            n->kind = r / 524288 % 2 ? GRAPH_CASE : GRAPH_ELEMENTWISE;
        n->inner = (uint8_t)(1 + r / 64 % GRAPH_INNER);
        for (int k = 0; k < 6; k++) n->word[k] = (uint32_t)graph_random(rng);
        for (int k = 0; k < 3; k++) { /* recent nodes are read more often */
            size_t back = graph_random(rng) % (graph_random(rng) % 2 ? 3 : i + 1) + 1;
            n->in[k] = (uint16_t)(i < back ? 0 : i - back);
            /* An assign has no derivative, so gradients read only main nodes. */
            if (n->kind == GRAPH_GRAD && n->in[k] >= g.n_main) n->in[k] = (uint16_t)(g.n_main - 1);
        }
    }
    g.n_outputs = 1 + graph_random(rng) % (GRAPH_OUTPUTS - 1);
    for (size_t i = 0; i < g.n_outputs; i++) {
        size_t back = graph_random(rng) % (graph_random(rng) % 2 ? 4 : g.n) + 1;
        g.output[i] = (uint16_t)(g.n < back ? 0 : g.n - back);
    }
    return g;
}

/* ---- Recording a graph ---------------------------------------------------------------------------------------- */

typedef struct recording {
    graph_builder b;
    pal_tensor *const *leaves;
    uint64_t rng; /* 0: record in the order of the list */
    pal_var *value;
    bool done[GRAPH_NODES];
} recording;

static pal_var assign(recording *r, const graph_node *n)
{
    const graph *g = r->b.g;
    size_t leaf = n->word[0] % g->n_leaves;
    pal_var v = r->value[n->in[0]], x = r->value[leaf];
    if (n->word[1] % 4 == 0) v = r->value[n->word[2] % g->n_leaves]; /* another leaf, or a view of one */
    if (n->word[1] % 8 == 4) v = graph_permute(v, n->word[3]);
    pal_var fits = graph_conform(n->word[4] % 2 ? v : graph_real(&r->b, v), pal_shape_of(x));
    if (n->word[5] % 3 == 0) fits = pal_lerp(graph_real(&r->b, x), graph_real(&r->b, fits), 0.5);
    if (n->word[5] % 3 == 1) { /* computed from two leaves: two such assigns can be updated together in one loop */
        pal_var other = graph_real(&r->b, graph_conform(r->value[n->word[3] % g->n_leaves], pal_shape_of(x)));
        fits = graph_binary(&r->b, graph_real(&r->b, x), other, n->word[4] / 2);
    }
    return pal_assign(x, graph_real_as(fits, pal_dtype_of(x)));
}

/* Two assigns to one leaf are an error, so the first assign in the list keeps the leaf. */
static bool assigned_before(const graph *g, size_t i)
{
    for (size_t k = g->n_main; k < i; k++)
        if (g->node[k].kind == GRAPH_ASSIGN && !g->node[k].dropped &&
            g->node[k].word[0] % g->n_leaves == g->node[i].word[0] % g->n_leaves)
            return true;
    return false;
}

static void visit(recording *r, size_t i)
{
    const graph *g = r->b.g;
    const graph_node *n = &g->node[i];
    if (r->done[i]) return;
    r->done[i] = true;
    if (i < g->n_leaves) {
        char name[32];
        snprintf(name, sizeof name, "leaf%zu", i);
        r->value[i] = pal_leaf(r->b.tape, r->leaves[i], name);
        return;
    }
    int first = r->rng ? (int)(graph_random(&r->rng) % 3) : 0;
    for (int k = 0; k < 3; k++) visit(r, n->in[(first + k) % 3]);
    if (i >= g->n_main)
        for (size_t leaf = 0; leaf < g->n_leaves; leaf++) visit(r, leaf);
    bool scoped = n->kind != GRAPH_NOISE && n->word[5] % 4 == 0;
    if (scoped) pal_scope_begin(r->b.tape, n->word[5] % 8 ? "inner" : "outer");
    if (n->dropped || (n->kind == GRAPH_ASSIGN && assigned_before(g, i)))
        r->value[i] = r->value[n->in[0]];
    else if (n->kind == GRAPH_ASSIGN)
        r->value[i] = assign(r, n);
    else if (n->kind == GRAPH_GRAD)
        r->value[i] = graph_gradient(&r->b, graph_real(&r->b, r->value[n->in[0]]),
                                     r->value[n->word[0] % 2 ? n->in[1] : n->in[1] % g->n_leaves], r->value[n->in[2]],
                                     n->word[1]);
    else
        r->value[i] = graph_node_value(&r->b, n, r->value, i);
    if (scoped) pal_scope_end(r->b.tape);
}

void graph_record(const graph *g, pal_tape *tape, pal_tensor *const *leaves, uint64_t order, graph_values *out)
{
    *out = (graph_values){0};
    recording r = {.b = {.g = g, .tape = tape}, .leaves = leaves, .rng = order, .value = out->node};
    size_t list[GRAPH_NODES];
    for (size_t i = 0; i < g->n; i++) list[i] = i;
    for (size_t i = g->n; order && i > 1; i--) {
        size_t k = graph_random(&r.rng) % i, kept = list[k];
        list[k] = list[i - 1];
        list[i - 1] = kept;
    }
    for (size_t i = 0; i < g->n; i++) visit(&r, list[i]);
    for (size_t i = 0; i < g->n_outputs; i++) out->outputs[i] = out->node[g->output[i]];
}

pal_var graph_scalar(const graph *g, pal_tape *tape, const pal_var *leaves)
{
    pal_var value[GRAPH_NODES] = {0};
    recording r = {.b = {.g = g, .tape = tape}, .value = value};
    memcpy(value, leaves, g->n_leaves * sizeof *value);
    for (size_t i = 0; i < g->n_leaves; i++) r.done[i] = true;
    for (size_t i = 0; i < g->n_main; i++) visit(&r, i);
    return pal_sum_all(pal_tanh(graph_real(&r.b, value[g->n_main - 1])));
}
