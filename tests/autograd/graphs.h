/* graphs.h - random graphs built with the public API, and the properties that every one of them must have.
 *
 * A graph is a flat list of nodes. Each node has random words of its own, and its operands come before it in the list.
 * A node computes something valid from operands of any shape and type. So any node may be dropped: its readers then
 * read its first operand, and the rest is still a valid graph. This is how a failing graph is made small. */
#ifndef PAL_TESTS_GRAPHS_H
#define PAL_TESTS_GRAPHS_H

#include "ops/ops.h"

#define GRAPH_NODES      40
#define GRAPH_OUTPUTS    8
#define GRAPH_OPERATIONS 512
#define GRAPH_INNER      5 /* maximum number of nodes in the body of a region */

typedef enum graph_kind {
    GRAPH_LEAF,
    GRAPH_UNARY,
    GRAPH_BINARY,
    GRAPH_NEUTRAL, /* patterns that the rewrites simplify, such as x * 1 */
    GRAPH_SELF,    /* combines a value with a view of it: one loop reads it at two indices */
    GRAPH_CONSTANT,
    GRAPH_ELEMENTWISE, /* any elementwise operation that has a domain */
    GRAPH_COMPARE,
    GRAPH_WHERE,
    GRAPH_CAST,
    GRAPH_SUM,
    GRAPH_BROADCAST,
    GRAPH_SUM_TO,
    GRAPH_RESHAPE,
    GRAPH_PERMUTE,
    GRAPH_SLICE,
    GRAPH_PAD,
    GRAPH_TAKE,
    GRAPH_SCATTER,
    GRAPH_ONE_HOT,
    GRAPH_SLICE_AT, /* inside a region at its index, with which zeros.c and batch.c work */
    GRAPH_EMBED_AT,
    GRAPH_MATMUL,
    GRAPH_STOP,
    GRAPH_NOISE,
    GRAPH_REGION,
    GRAPH_CASE, /* any gradient-check case of any operation */
    GRAPH_INNER_GRAD,
    GRAPH_KINDS,
    GRAPH_ASSIGN = GRAPH_KINDS, /* this and the next only after all other nodes */
    GRAPH_GRAD
} graph_kind;

typedef struct graph_node {
    uint8_t kind, inner;
    bool dropped;
    uint16_t in[3];
    uint32_t word[6];
} graph_node;

typedef struct graph {
    uint64_t seed;
    bool smooth; /* no jumps and no kinks, so that tolerances and gradient checks apply */
    bool small;
    bool alike;   /* leaves of one shape and mostly elementwise nodes, which fuse into loops */
    bool planted; /* use graph_planted among the elementwise operations */
    pal_dtype real;
    int64_t dim[3];
    /* Nodes: first n_leaves leaves, then main nodes up to n_main - 1, then assigns, gradients and their readers. */
    size_t n_leaves, n_main, n, n_outputs;
    graph_node node[GRAPH_NODES];
    uint16_t output[GRAPH_OUTPUTS];
} graph;

/* The graph of this seed. small: few elements, smooth, float64. */
graph graph_of(uint64_t seed, bool small);
pal_shape graph_leaf_shape(const graph *g, size_t leaf, pal_dtype *dtype);

typedef struct graph_values {
    pal_var node[GRAPH_NODES];
    pal_var outputs[GRAPH_OUTPUTS];
} graph_values;
/* Records g. The leaves belong to the tape's context. order: 0 records the nodes in the order of the list; any other
 * value seeds another order of independent nodes. */
void graph_record(const graph *g, pal_tape *tape, pal_tensor *const *leaves, uint64_t order, graph_values *out);
/* A smooth scalar, computed from leaves that are given as values. The gradient checker differentiates it. */
pal_var graph_scalar(const graph *g, pal_tape *tape, const pal_var *leaves);

/* Helpers for recording (graphs_nodes.c). */
#define GRAPH_MOST 4096 /* maximum number of elements of a value */
typedef struct graph_builder {
    const graph *g;
    pal_tape *tape;
    int depth;     /* number of open regions */
    pal_var index; /* of the innermost one */
} graph_builder;
pal_var graph_node_value(graph_builder *b, const graph_node *n, const pal_var *pool, size_t serial);
pal_var graph_real_as(pal_var v, pal_dtype dtype);
pal_var graph_real(const graph_builder *b, pal_var v); /* cast to the graph's type */
pal_var graph_conform(pal_var v, pal_shape to);        /* v, or a value made from v, in the shape `to` */
/* graphs_ops.c: operations drawn from the whole registry, without naming any. The operands are made from x, y, z. */
pal_var graph_elementwise(const graph_builder *b, pal_var x, pal_var y, pal_var z, const uint32_t *w);
pal_var graph_case(const graph_builder *b, pal_var x, pal_var y, pal_var z, const uint32_t *w, size_t serial);
/* An operation with a wrong rewrite. It shows that a fault is found and that the failing graph becomes small. */
extern const pal_op graph_planted;
const pal_op *graph_find(const char *name); /* searches the registry and graph_planted */
/* graphs_move.c */
pal_var graph_broadcast(pal_var x, const uint32_t *w, const graph *g);
pal_var graph_sum_to(pal_var x, const uint32_t *w);
pal_var graph_reshape(pal_var x, const uint32_t *w);
pal_var graph_permute(pal_var x, uint32_t w);
pal_var graph_slice(pal_var x, const uint32_t *w);
pal_var graph_pad(pal_var x, const uint32_t *w);
pal_var graph_binary(const graph_builder *b, pal_var x, pal_var y, uint32_t which);
/* The gradient, with respect to x, of a scalar made from y. It may be differentiated once more, by x or z. */
pal_var graph_gradient(const graph_builder *b, pal_var y, pal_var x, pal_var z, uint32_t word);

typedef struct graph_counts {
    size_t graphs, subsets, rounding, threads, again, effects, order, gradients, second, texts, read_back;
    size_t halves, kept;           /* compared as two programs; values that passed between them */
    size_t errors, kinks;          /* gradient checks that could not run, or met a kink */
    size_t numeric;                /* graphs whose unoptimised program failed while running */
    size_t seen[GRAPH_OPERATIONS]; /* recorded entries, per operation of the registry */
} graph_counts;
typedef struct graph_contexts {
    pal_context *one, *three;
} graph_contexts;
/* Whether every property holds. If not, `why` (size bytes) describes the failure. gradients: check gradients too. */
bool graph_holds(const graph *g, graph_contexts c, bool gradients, graph_counts *counts, char *why, size_t size);
/* Makes a failing graph small: drops and simplifies nodes while it still fails. */
graph graph_shrink(graph g, graph_contexts c, bool gradients);
/* The part of the tape that the outputs and effects need, as text. The caller frees it with pal_text_free(c, text). */
char *graph_text(const graph *g, pal_context *c);
char *graph_scalar_text(const graph *g, pal_context *c); /* text of graph_scalar */
size_t graph_nodes_left(const graph *g);                 /* nodes that are neither leaves nor dropped */

/* SplitMix64 (Steele, Lea, Flood: OOPSLA 2014). */
static inline uint64_t graph_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
