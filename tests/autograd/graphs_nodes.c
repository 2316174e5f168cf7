/* graphs_nodes.c - nodes of random graphs (see graphs.h). Each accepts operands of any shape and type. */
#include "tests/autograd/graphs.h"

#include <stdio.h>
#include <string.h>

enum { TERMS = 3 }; /* maximum number of terms of a region */

static int64_t count(pal_var v) { return pal_shape_count(pal_shape_of(v)); }
pal_var graph_real_as(pal_var v, pal_dtype dtype) { return pal_dtype_of(v) == dtype ? v : pal_cast(v, dtype); }
pal_var graph_real(const graph_builder *b, pal_var v) { return graph_real_as(v, b->g->real); }
static pal_var mean(pal_var v)
{
    if (!pal_dtype_real(pal_dtype_of(v))) v = pal_cast(v, PAL_F32);
    return count(v) ? pal_mean_all(v) : pal_sum_all(v);
}

/* b if it broadcasts with a to a small enough shape, else the mean of b. */
static pal_var joining(pal_var a, pal_var b)
{
    pal_shape s;
    return pal_shape_broadcast(pal_shape_of(a), pal_shape_of(b), &s) && pal_shape_count(s) <= GRAPH_MOST ? b : mean(b);
}

/* v reshaped or broadcast to the shape `to`, or its mean broadcast to it. */
pal_var graph_conform(pal_var v, pal_shape to)
{
    pal_shape s;
    if (pal_shape_equal(pal_shape_of(v), to)) return v;
    if (count(v) == pal_shape_count(to)) return pal_reshape(v, to);
    if (pal_shape_broadcast(pal_shape_of(v), to, &s) && pal_shape_equal(s, to)) return pal_broadcast_to(v, to);
    return pal_broadcast_to(graph_real_as(mean(v), pal_dtype_of(v)), to);
}

static pal_var boolean(pal_var v)
{
    if (pal_dtype_of(v) == PAL_BOOL) return v;
    return pal_dtype_real(pal_dtype_of(v)) ? pal_greater(v, pal_like(v, 0.1)) : pal_cast(v, PAL_BOOL);
}

static pal_var choice(pal_var x, pal_var y, pal_var condition)
{
    pal_shape s, q;
    pal_shape_broadcast(pal_shape_of(x), pal_shape_of(y), &s);
    bool fits = pal_shape_broadcast(s, pal_shape_of(condition), &q) && pal_shape_count(q) <= GRAPH_MOST;
    return pal_where(boolean(fits ? condition : mean(condition)), x, y);
}

/* i32 indices in 0 .. rows-1 (rows > 0). They are constant in smooth graphs, because computed ones would jump. */
static pal_var indices(const graph_builder *b, pal_var v, int64_t rows, uint32_t word)
{
    if (b->g->smooth) return pal_fill(b->tape, PAL_I32, PAL_SHAPE(1 + word % 3), (double)(word / 4 % rows));
    pal_var x = pal_tanh(pal_abs(graph_real(b, count(v) > 64 ? pal_sum_all(graph_real(b, v)) : v)));
    return pal_cast(pal_scale(x, 0.999 * (double)rows), PAL_I32);
}

static pal_var unary(const graph_builder *b, pal_var x, uint32_t which)
{
    switch (which % (b->g->smooth ? 14 : 17)) {
    case 0:
        return pal_neg(x);
    case 1:
        return pal_square(pal_tanh(x));
    case 2:
        return pal_sqrt(pal_shift(pal_sigmoid(x), 0.25));
    case 3:
        return pal_reciprocal(pal_shift(pal_sigmoid(x), 0.5));
    case 4:
        return pal_exp(pal_tanh(x));
    case 5:
        return pal_expm1(pal_tanh(x));
    case 6:
        return pal_log(pal_shift(pal_sigmoid(x), 0.5));
    case 7:
        return pal_log1p(pal_sigmoid(x));
    case 8:
        return pal_sin(pal_tanh(x));
    case 9:
        return pal_cos(pal_tanh(x));
    case 10:
        return pal_tanh(x);
    case 11:
        return pal_sigmoid(x);
    case 12:
        return pal_softplus(pal_tanh(x));
    case 13:
        return pal_log_sigmoid(pal_tanh(x));
    case 14:
        return pal_relu(x);
    case 15:
        return pal_sign(x);
    default:
        return pal_abs(x);
    }
}

pal_var graph_binary(const graph_builder *b, pal_var x, pal_var y, uint32_t which)
{
    y = joining(x, y);
    switch (which % (b->g->smooth ? 6 : 8)) {
    case 0:
        return pal_add(x, y);
    case 1:
        return pal_sub(y, x);
    case 2:
        return pal_mul(pal_tanh(x), y);
    case 3:
        return pal_div(x, pal_shift(pal_sigmoid(y), 0.5));
    case 4:
        return pal_bernoulli_cross_entropy(pal_tanh(x), pal_sigmoid(y));
    case 5:
        return pal_lerp(x, y, 0.125);
    case 6:
        return pal_max(x, y);
    default:
        return pal_min(y, x);
    }
}

static pal_var neutral(pal_var x, uint32_t which)
{
    switch (which % 9) {
    case 0:
        return pal_mul(x, pal_like(x, 1));
    case 1:
        return pal_sub(x, pal_fill(x.tape, pal_dtype_of(x), pal_shape_of(x), 0));
    case 2:
        return pal_neg(pal_neg(x));
    case 3:
        return pal_div(x, pal_like(x, 1));
    case 4:
        return pal_reshape(pal_reshape(x, PAL_SHAPE(count(x))), pal_shape_of(x));
    case 5:
        return pal_sum_to(x, pal_shape_of(x));
    case 6:
        return pal_mul(pal_fill(x.tape, pal_dtype_of(x), PAL_SHAPE(1), 1), x);
    case 7:
        return pal_add(x, pal_mul(pal_like(x, 0.5), pal_like(x, -0.0)));
    default:
        return pal_add(pal_tanh(x), pal_tanh(x));
    }
}

/* Combines x with a view of x: one slice along an axis, its transpose, or its elements in another order. */
static pal_var self(const graph_builder *b, pal_var x, const uint32_t *w)
{
    pal_shape s = pal_shape_of(x);
    int64_t start[PAL_MAX_RANK] = {0}, size[PAL_MAX_RANK], step[PAL_MAX_RANK];
    int axis = s.rank ? (int)(w[0] % (uint32_t)s.rank) : 0;
    pal_var view = x;
    for (int a = 0; a < s.rank; a++) {
        step[a] = 1;
        size[a] = a == axis && s.dim[a] ? 1 : s.dim[a];
    }
    if (s.rank && s.dim[axis]) start[axis] = w[1] % s.dim[axis];
    if (s.rank && w[2] % 3 == 0) view = pal_slice(x, start, size, step);
    if (s.rank >= 2 && w[2] % 3 == 1) view = pal_reshape(pal_transpose(x), s);
    if (s.rank >= 2 && w[2] % 3 == 2) view = graph_conform(graph_permute(x, w[3]), s);
    return graph_binary(b, x, view, w[4]);
}

static pal_var summed(const graph_builder *b, pal_var x, const uint32_t *w)
{
    unsigned axes = w[0] & ((1u << pal_shape_of(x).rank) - 1);
    pal_var y = w[1] % 2   ? pal_sum(x, axes, w[2] % 2)
                : w[1] % 3 ? pal_sum_all(x)
                           : pal_mean(x, count(x) ? axes : 0, true);
    return b->g->smooth ? pal_tanh(y) : y;
}

/* The product of x and y if the shape of y allows it (perhaps reshaped), else the product of x and x. */
static pal_var matmul(const graph_builder *b, pal_var x, pal_var y, const uint32_t *w)
{
    pal_shape s = pal_shape_of(x), q = pal_shape_of(y);
    if (s.rank < 2) x = pal_reshape(x, w[0] % 2 ? PAL_SHAPE(1, count(x)) : PAL_SHAPE(count(x), 1));
    s = pal_shape_of(x);
    bool ta = w[1] % 2, tb = w[2] % 2;
    int64_t k = s.dim[s.rank - (ta ? 2 : 1)], m = s.dim[s.rank - (ta ? 1 : 2)],
            items = m * k > 0 ? count(x) / (m * k) : 1;
    if (q.rank == 2 && q.dim[tb ? 0 : 1] * m * items <= GRAPH_MOST && q.dim[tb ? 1 : 0] != k && q.dim[tb ? 0 : 1] == k)
        tb = !tb;
    bool fits = q.rank == 2 && q.dim[tb ? 1 : 0] == k;
    if (!fits && k && count(y) && count(y) % k == 0) {
        y = pal_reshape(y, tb ? PAL_SHAPE(count(y) / k, k) : PAL_SHAPE(k, count(y) / k));
        fits = true;
    }
    if (!fits) y = x, tb = !ta;
    q = pal_shape_of(y);
    int64_t n = q.dim[q.rank - (tb ? 2 : 1)];
    if (m * n * items > GRAPH_MOST || m * n * k * items > 1 << 20 || s.rank > 4) return x;
    pal_var c = pal_matmul_t(x, y, ta, tb);
    if (w[3] % 3 == 0 && pal_shape_of(c).rank >= 2) c = pal_transpose(c);
    return b->g->smooth || w[4] % 2 ? pal_tanh(pal_scale(c, 0.25)) : c;
}

/* The index of the region, if its axis is long enough for all terms; otherwise a constant. */
static pal_var index_below(const graph_builder *b, int64_t length, uint32_t word)
{
    return b->depth && length >= TERMS && word % 4 ? b->index
                                                   : pal_fill(b->tape, PAL_I32, PAL_SCALAR, (double)(word % length));
}

static pal_var slice_at(const graph_builder *b, pal_var x, const uint32_t *w)
{
    const pal_shape s = pal_shape_of(x);
    const int axis = s.rank ? (int)(w[0] % (uint32_t)s.rank) : 0;
    if (!s.rank || !s.dim[axis]) return x;
    if (w[2] % 4 == 0 && s.rank > 1 && axis && s.dim[0] && s.dim[0] <= s.dim[axis])
        return pal_slice_at(x, pal_range(b->tape, s.dim[0]), axis);
    return pal_slice_at(x, index_below(b, s.dim[axis], w[1]), axis);
}

static pal_var embed_at(const graph_builder *b, pal_var x, const uint32_t *w)
{
    const pal_shape s = pal_shape_of(x);
    const int64_t length = 1 + w[1] % (2 * TERMS);
    const int axis = (int)(w[0] % (uint32_t)(s.rank + 1));
    if (s.rank > 4 || count(x) * length > GRAPH_MOST) return pal_tanh(x);
    x = pal_expand(x, axis);
    if (w[2] % 4 == 0 && axis && s.dim[0] && s.dim[0] <= length)
        return pal_embed_at(x, pal_range(b->tape, s.dim[0]), axis, length);
    return pal_embed_at(x, index_below(b, length, w[3]), axis, length);
}

typedef struct body {
    graph_builder *b;
    const graph_node *n;
    pal_var captured[5];
} body;

static pal_var record_body(pal_tape *t, pal_var k, void *user)
{
    const body *o = user;
    graph_builder *b = o->b;
    uint64_t state = o->n->word[4];
    pal_var pool[6 + GRAPH_INNER];
    memcpy(pool, o->captured, sizeof o->captured);
    pool[5] = graph_real(b, k); /* the index as a real number; pool[0] may become a row at it */
    if (pal_shape_of(pool[0]).rank && pal_shape_of(pool[0]).dim[0] > 3) pool[0] = pal_take(pool[0], k);
    const pal_var outer = b->index;
    b->index = k;
    b->depth++;
    for (size_t i = 0; i < o->n->inner && i < GRAPH_INNER; i++) {
        uint64_t r = graph_random(&state);
        graph_node n = {.kind = (uint8_t)(GRAPH_UNARY + r % (GRAPH_KINDS - GRAPH_UNARY)),
                        .inner = (uint8_t)(r / 64 % 3)};
        if (n.kind == GRAPH_REGION && b->depth > 2) n.kind = GRAPH_UNARY;
        for (int j = 0; j < 6; j++) n.word[j] = (uint32_t)graph_random(&state);
        for (int j = 0; j < 3; j++) n.in[j] = (uint16_t)(graph_random(&state) % (6 + i));
        n.in[0] = (uint16_t)(graph_random(&state) % 2 ? 5 + i : n.in[0]);
        pool[6 + i] = graph_node_value(b, &n, pool, i);
    }
    b->depth--;
    b->index = outer;
    (void)t;
    return graph_real(b, pool[5 + (o->n->inner < GRAPH_INNER ? o->n->inner : GRAPH_INNER)]);
}

static pal_var region(graph_builder *b, const graph_node *n, const pal_var *pool, size_t serial)
{
    char name[32];
    body o = {b, n, {pool[n->in[0]], pool[n->in[1]], pool[n->in[2]]}};
    o.captured[3] = pal_tanh(graph_real(b, o.captured[0]));
    o.captured[4] = pal_square(o.captured[3]);
    snprintf(name, sizeof name, "region%zu", serial); /* streams inside need unique names */
    pal_scope_begin(b->tape, name);
    pal_var v = n->word[0] % 4 ? pal_map_sum(b->tape, 1 + n->word[1] % TERMS, record_body, &o)
                               : pal_recompute(b->tape, record_body, &o);
    pal_scope_end(b->tape);
    return b->g->smooth ? pal_tanh(v) : v;
}

static pal_var noise(graph_builder *b, pal_var x, const uint32_t *w, size_t serial)
{
    char name[32];
    snprintf(name, sizeof name, "noise%zu", serial);
    pal_shape s = w[0] % 2 ? pal_shape_of(x) : PAL_SHAPE(b->g->dim[0], b->g->dim[1]);
    if (pal_shape_count(s) > GRAPH_MOST) s = PAL_SCALAR;
    return w[1] % 4 == 0   ? pal_bernoulli(b->tape, name, s, 0.3)
           : w[1] % 4 == 1 ? pal_uniform(b->tape, name, s)
                           : pal_normal(b->tape, name, s);
}

pal_var graph_gradient(const graph_builder *b, pal_var y, pal_var x, pal_var z, uint32_t word)
{
    pal_var g, scalar = pal_sum_all(pal_tanh(y));
    if (!pal_dtype_real(pal_dtype_of(x))) return y;
    if (word % 5 == 4) return pal_jvp(pal_tanh(y), x, pal_fill(b->tape, pal_dtype_of(x), pal_shape_of(x), 0.5));
    pal_grad(scalar, &x, 1, &g);
    if (word % 3 || !pal_dtype_real(pal_dtype_of(z))) return g;
    pal_var again = pal_sum_all(pal_square(pal_tanh(g)));
    pal_grad(again, word % 2 ? &x : &z, 1, &g);
    return g;
}

pal_var graph_node_value(graph_builder *b, const graph_node *n, const pal_var *pool, size_t serial)
{
    const uint32_t *w = n->word;
    pal_var raw = pool[n->in[0]], x = graph_real(b, raw), y = graph_real(b, pool[n->in[1]]);
    bool smooth = b->g->smooth;
    switch (n->kind) {
    case GRAPH_UNARY:
        return unary(b, x, w[0]);
    case GRAPH_BINARY:
        return graph_binary(b, x, y, w[0]);
    case GRAPH_NEUTRAL:
        return neutral(x, w[0]);
    case GRAPH_SELF:
        return self(b, x, w);
    case GRAPH_CONSTANT:
        return pal_fill(b->tape, b->g->real, w[0] % 2 ? PAL_SCALAR : pal_shape_of(x),
                        (const double[]){0, -0.0, 1, -1, 0.5, 2}[w[1] % 6]);
    case GRAPH_ELEMENTWISE:
        return graph_elementwise(b, x, y, graph_real(b, pool[n->in[2]]), w);
    case GRAPH_COMPARE:
        if (smooth) return unary(b, x, w[0]);
        y = joining(x, y);
        return w[0] % 3 == 0 ? pal_less(x, y) : w[0] % 3 == 1 ? pal_greater_equal(x, y) : pal_equal(x, y);
    case GRAPH_WHERE:
        if (smooth) return graph_binary(b, x, y, w[0]);
        return choice(x, joining(x, y), pool[n->in[2]]);
    case GRAPH_CAST:
        if (smooth) return pal_cast(pal_cast(x, PAL_F64), w[0] % 2 ? PAL_F64 : b->g->real);
        return pal_cast(raw, (pal_dtype[]){PAL_F32, PAL_F64, PAL_I32, PAL_U8, PAL_BOOL}[w[0] % 5]);
    case GRAPH_SUM:
        return summed(b, x, w);
    case GRAPH_BROADCAST:
        return graph_broadcast(raw, w, b->g);
    case GRAPH_SUM_TO:
        return graph_sum_to(x, w);
    case GRAPH_RESHAPE:
        return graph_reshape(raw, w);
    case GRAPH_PERMUTE:
        return graph_permute(raw, w[0]);
    case GRAPH_SLICE:
        return graph_slice(raw, w);
    case GRAPH_PAD:
        return graph_pad(raw, w);
    case GRAPH_TAKE: {
        pal_shape s = pal_shape_of(raw);
        if (!s.rank || !s.dim[0]) return pal_tanh(x);
        pal_var i = indices(b, pool[n->in[1]], s.dim[0], w[0]);
        return s.rank + pal_shape_of(i).rank > 5 || count(i) * count(raw) / s.dim[0] > GRAPH_MOST ? raw
                                                                                                  : pal_take(raw, i);
    }
    case GRAPH_SCATTER: {
        pal_shape s = pal_shape_of(x);
        if (!s.rank || !s.dim[0]) return pal_tanh(x);
        int64_t rows = 1 + w[0] % 5;
        if (rows * count(x) / s.dim[0] > GRAPH_MOST) return pal_tanh(x);
        pal_var first = pal_slice(pal_reshape(x, PAL_SHAPE(s.dim[0], count(x) / s.dim[0])), (int64_t[]){0, 0},
                                  (int64_t[]){s.dim[0], count(x) > 0}, (int64_t[]){1, 1});
        pal_var i =
            smooth || !count(x)
                ? pal_fill(b->tape, PAL_I32, PAL_SHAPE(s.dim[0]), (double)(w[1] % rows))
                : pal_cast(pal_scale(pal_tanh(pal_abs(pal_reshape(first, PAL_SHAPE(s.dim[0])))), 0.999 * (double)rows),
                           PAL_I32);
        return pal_scatter_add(x, i, rows);
    }
    case GRAPH_SLICE_AT:
        return slice_at(b, raw, w);
    case GRAPH_EMBED_AT:
        return embed_at(b, x, w);
    case GRAPH_ONE_HOT: {
        if (b->depth && w[2] % 2) return pal_one_hot(b->index, TERMS + w[0] % 4, b->g->real);
        pal_var i = indices(b, raw, 1 + w[0] % 4, w[1]);
        return pal_shape_of(i).rank > 4 ? x : pal_one_hot(i, 1 + w[0] % 4, b->g->real);
    }
    case GRAPH_MATMUL:
        return matmul(b, x, y, w);
    case GRAPH_STOP:
        return smooth && b->g->small ? pal_tanh(x) : pal_stop_gradient(raw);
    case GRAPH_NOISE:
        return noise(b, x, w, serial);
    case GRAPH_REGION:
        return region(b, n, pool, serial);
    case GRAPH_CASE:
        return graph_case(b, x, y, graph_real(b, pool[n->in[2]]), w, serial);
    case GRAPH_INNER_GRAD:
        if (w[0] % 2) return pal_mul(unary(b, x, w[1]), pal_tanh(x));
        return graph_gradient(b, y, raw, pool[n->in[2]], w[1]);
    default:
        return raw;
    }
}
