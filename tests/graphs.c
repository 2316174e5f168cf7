/* graphs.c - the generator of random graphs (see graphs.h). */
#include "graphs.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 4096 /* elements of a value */ };

/* ---- Making a graph ----------------------------------------------------------------------------------------------
 */

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
    return pal_shape_count(s) > MOST ? PAL_SHAPE(a) : s;
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
        n->kind = (uint8_t)(i < g.n_leaves ? GRAPH_LEAF
                            : i < g.n_main ? GRAPH_UNARY + r % (GRAPH_KINDS - GRAPH_UNARY)
                            : r % 8 < (g.alike ? 6 : 4) ? GRAPH_ASSIGN
                            : r % 8 < 7    ? GRAPH_GRAD
                                           : GRAPH_BINARY);
        if (g.alike && n->kind > GRAPH_WHERE && n->kind < GRAPH_KINDS && r / 1024 % 4)
            n->kind = r / 4096 % 3 ? GRAPH_BINARY : GRAPH_UNARY;
        n->inner = (uint8_t)(1 + r / 64 % GRAPH_INNER);
        for (int k = 0; k < 6; k++) n->word[k] = (uint32_t)graph_random(rng);
        for (int k = 0; k < 3; k++) { /* recent ones more often */
            size_t back = graph_random(rng) % (graph_random(rng) % 2 ? 3 : i + 1) + 1;
            n->in[k] = (uint16_t)(i < back ? 0 : i - back);
            /* There is no derivative through an assign: what it gives is read by the last nodes alone. */
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

/* ---- Recording a node --------------------------------------------------------------------------------------------
 */

typedef struct builder {
    const graph *g;
    pal_tape *tape;
    int depth; /* of regions */
} builder;

static int64_t count(pal_var v) { return pal_shape_count(pal_shape_of(v)); }
static pal_var real_as(pal_var v, pal_dtype dtype) { return pal_dtype_of(v) == dtype ? v : pal_cast(v, dtype); }
static pal_var real(const builder *b, pal_var v) { return real_as(v, b->g->real); }
static pal_var mean(pal_var v)
{
    if (!pal_dtype_real(pal_dtype_of(v))) v = pal_cast(v, PAL_F32);
    return count(v) ? pal_mean_all(v) : pal_sum_all(v);
}

/* b, or something of b that joins a. */
static pal_var joining(pal_var a, pal_var b)
{
    pal_shape s;
    return pal_shape_broadcast(pal_shape_of(a), pal_shape_of(b), &s) && pal_shape_count(s) <= MOST ? b : mean(b);
}

/* v in that shape. */
static pal_var conform(pal_var v, pal_shape to)
{
    pal_shape s;
    if (pal_shape_equal(pal_shape_of(v), to)) return v;
    if (count(v) == pal_shape_count(to)) return pal_reshape(v, to);
    if (pal_shape_broadcast(pal_shape_of(v), to, &s) && pal_shape_equal(s, to)) return pal_broadcast_to(v, to);
    return pal_broadcast_to(real_as(mean(v), pal_dtype_of(v)), to);
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
    bool fits = pal_shape_broadcast(s, pal_shape_of(condition), &q) && pal_shape_count(q) <= MOST;
    return pal_where(boolean(fits ? condition : mean(condition)), x, y);
}

/* i32 in 0 .. rows-1 (rows > 0). Smooth graphs take constant ones: differences do not see a jump. */
static pal_var indices(const builder *b, pal_var v, int64_t rows, uint32_t word)
{
    if (b->g->smooth) return pal_fill(b->tape, PAL_I32, PAL_SHAPE(1 + word % 3), (double)(word / 4 % rows));
    pal_var x = pal_tanh(pal_abs(real(b, count(v) > 64 ? pal_sum_all(real(b, v)) : v)));
    return pal_cast(pal_scale(x, 0.999 * (double)rows), PAL_I32);
}

static pal_var unary(const builder *b, pal_var x, uint32_t which)
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

static pal_var binary(const builder *b, pal_var x, pal_var y, uint32_t which)
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

static pal_var permute(pal_var x, uint32_t w)
{
    int axes[PAL_MAX_RANK] = {0, 1, 2, 3, 4, 5}, rank = pal_shape_of(x).rank;
    if (w % 3 == 0 && rank >= 2) return pal_transpose(x);
    for (int a = rank - 1; a > 0; a--, w /= 7) {
        int other = (int)(w % (uint32_t)(a + 1)), kept = axes[a];
        axes[a] = axes[other];
        axes[other] = kept;
    }
    return pal_permute(x, axes);
}

/* x with x at other indices: transposed if square, one row or column of it, its elements in another order. */
static pal_var self(const builder *b, pal_var x, const uint32_t *w)
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
    if (s.rank >= 2 && w[2] % 3 == 2) view = conform(permute(x, w[3]), s);
    return binary(b, x, view, w[4]);
}

static pal_var summed(const builder *b, pal_var x, const uint32_t *w)
{
    unsigned axes = w[0] & ((1u << pal_shape_of(x).rank) - 1);
    pal_var y = w[1] % 2   ? pal_sum(x, axes, w[2] % 2)
                : w[1] % 3 ? pal_sum_all(x)
                           : pal_mean(x, count(x) ? axes : 0, true);
    return b->g->smooth ? pal_tanh(y) : y;
}

static pal_var broadcast(pal_var x, const uint32_t *w, const graph *g)
{
    pal_shape s = pal_shape_of(x), more = s;
    for (int a = 0; a < s.rank; a++)
        if (s.dim[a] == 1 && w[0] >> a & 1) more.dim[a] = g->dim[w[1] % 3];
    if (s.rank < 5 && w[2] % 2) {
        more.rank++;
        for (int a = s.rank; a; a--) more.dim[a] = more.dim[a - 1];
        more.dim[0] = 1 + w[3] % 3;
    }
    return pal_shape_count(more) <= MOST ? pal_broadcast_to(x, more) : x;
}

static pal_var sum_to(pal_var x, const uint32_t *w)
{
    pal_shape s = pal_shape_of(x), to = {0};
    int drop = s.rank ? (int)(w[0] % (uint32_t)(s.rank + 1)) : 0;
    for (int a = drop; a < s.rank; a++) to.dim[to.rank++] = w[1] >> a & 1 ? 1 : s.dim[a];
    return pal_sum_to(x, to);
}

static pal_var reshape(pal_var x, const uint32_t *w)
{
    int64_t n = count(x), f = 1 + w[0] % 7;
    if (n % f) f = 1;
    switch (w[1] % 4) {
    case 0:
        return pal_reshape(x, PAL_SHAPE(n));
    case 1:
        return pal_reshape(x, n ? PAL_SHAPE(f, -1) : PAL_SHAPE(f, 0));
    case 2:
        return pal_reshape(x, PAL_SHAPE(n / f, 1, f));
    default:
        return pal_reshape(x, PAL_SHAPE(1, n / f, f));
    }
}

static pal_var slice(pal_var x, const uint32_t *w)
{
    int64_t start[PAL_MAX_RANK], size[PAL_MAX_RANK], step[PAL_MAX_RANK];
    pal_shape s = pal_shape_of(x);
    for (int a = 0; a < s.rank; a++) {
        uint32_t r = w[a % 3] >> a;
        step[a] = r % 4 ? 1 : 1 + r / 4 % 3;
        start[a] = s.dim[a] && r % 3 ? r / 16 % s.dim[a] : 0;
        size[a] = (s.dim[a] - start[a] + step[a] - 1) / step[a];
        if (r % 5 == 0 && size[a]) size[a] -= r / 64 % size[a];
    }
    return pal_slice(x, start, size, step);
}

static pal_var pad(pal_var x, const uint32_t *w)
{
    int64_t start[PAL_MAX_RANK], step[PAL_MAX_RANK];
    pal_shape s = pal_shape_of(x);
    for (int a = 0; a < s.rank; a++) {
        uint32_t r = w[a % 3] >> a;
        step[a] = r % 4 ? 1 : 2;
        start[a] = r / 4 % 3;
        s.dim[a] = start[a] + (s.dim[a] ? (s.dim[a] - 1) * step[a] + 1 : 0) + r / 16 % 2;
    }
    return pal_shape_count(s) <= MOST ? pal_pad(x, s, start, step) : x;
}

/* The product of x and y where their shapes allow one, else of x and a part of itself. */
static pal_var matmul(const builder *b, pal_var x, pal_var y, const uint32_t *w)
{
    pal_shape s = pal_shape_of(x), q = pal_shape_of(y);
    if (s.rank < 2) x = pal_reshape(x, w[0] % 2 ? PAL_SHAPE(1, count(x)) : PAL_SHAPE(count(x), 1));
    s = pal_shape_of(x);
    bool ta = w[1] % 2, tb = w[2] % 2;
    int64_t k = s.dim[s.rank - (ta ? 2 : 1)], m = s.dim[s.rank - (ta ? 1 : 2)],
            items = m * k > 0 ? count(x) / (m * k) : 1;
    if (q.rank == 2 && q.dim[tb ? 0 : 1] * m * items <= MOST && q.dim[tb ? 1 : 0] != k && q.dim[tb ? 0 : 1] == k)
        tb = !tb;
    bool fits = q.rank == 2 && q.dim[tb ? 1 : 0] == k;
    if (!fits && k && count(y) && count(y) % k == 0) {
        y = pal_reshape(y, tb ? PAL_SHAPE(count(y) / k, k) : PAL_SHAPE(k, count(y) / k));
        fits = true;
    }
    if (!fits) y = x, tb = !ta;
    q = pal_shape_of(y);
    int64_t n = q.dim[q.rank - (tb ? 2 : 1)];
    if (m * n * items > MOST || m * n * k * items > 1 << 20 || s.rank > 4) return x;
    pal_var c = pal_matmul_t(x, y, ta, tb);
    if (w[3] % 3 == 0 && pal_shape_of(c).rank >= 2) c = pal_transpose(c);
    return b->g->smooth || w[4] % 2 ? pal_tanh(pal_scale(c, 0.25)) : c;
}

static pal_var node_value(builder *b, const graph_node *n, const pal_var *pool, size_t serial);

typedef struct body {
    builder *b;
    const graph_node *n;
    pal_var captured[3];
} body;

static pal_var record_body(pal_tape *t, pal_var k, void *user)
{
    const body *o = user;
    builder *b = o->b;
    uint64_t state = o->n->word[4];
    pal_var pool[4 + GRAPH_INNER];
    memcpy(pool, o->captured, sizeof o->captured);
    pool[3] = real(b, k); /* the index as a number, and a row by the index */
    if (pal_shape_of(pool[0]).rank && pal_shape_of(pool[0]).dim[0] > 3) pool[0] = pal_take(pool[0], k);
    b->depth++;
    for (size_t i = 0; i < o->n->inner && i < GRAPH_INNER; i++) {
        uint64_t r = graph_random(&state);
        graph_node n = {.kind = (uint8_t)(GRAPH_UNARY + r % (GRAPH_KINDS - GRAPH_UNARY)),
                        .inner = (uint8_t)(r / 64 % 3)};
        if (n.kind == GRAPH_REGION && b->depth > 2) n.kind = GRAPH_UNARY;
        for (int j = 0; j < 6; j++) n.word[j] = (uint32_t)graph_random(&state);
        for (int j = 0; j < 3; j++) n.in[j] = (uint16_t)(graph_random(&state) % (4 + i));
        n.in[0] = (uint16_t)(graph_random(&state) % 2 ? 3 + i : n.in[0]);
        pool[4 + i] = node_value(b, &n, pool, i);
    }
    b->depth--;
    (void)t;
    return real(b, pool[3 + (o->n->inner < GRAPH_INNER ? o->n->inner : GRAPH_INNER)]);
}

static pal_var region(builder *b, const graph_node *n, const pal_var *pool, size_t serial)
{
    char name[32];
    body o = {b, n, {pool[n->in[0]], pool[n->in[1]], pool[n->in[2]]}};
    snprintf(name, sizeof name, "region%zu", serial); /* streams inside have names of their own */
    pal_scope_begin(b->tape, name);
    pal_var v = n->word[0] % 4 ? pal_map_sum(b->tape, 1 + n->word[1] % 3, record_body, &o)
                               : pal_recompute(b->tape, record_body, &o);
    pal_scope_end(b->tape);
    return b->g->smooth ? pal_tanh(v) : v;
}

static pal_var noise(builder *b, pal_var x, const uint32_t *w, size_t serial)
{
    char name[32];
    snprintf(name, sizeof name, "noise%zu", serial);
    pal_shape s = w[0] % 2 ? pal_shape_of(x) : PAL_SHAPE(b->g->dim[0], b->g->dim[1]);
    if (pal_shape_count(s) > MOST) s = PAL_SCALAR;
    return w[1] % 4 == 0   ? pal_bernoulli(b->tape, name, s, 0.3)
           : w[1] % 4 == 1 ? pal_uniform(b->tape, name, s)
                           : pal_normal(b->tape, name, s);
}

/* The gradient of a scalar made of y by x, perhaps differentiated once more. */
static pal_var gradient(const builder *b, pal_var y, pal_var x, pal_var z, uint32_t word)
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

static pal_var node_value(builder *b, const graph_node *n, const pal_var *pool, size_t serial)
{
    const uint32_t *w = n->word;
    pal_var raw = pool[n->in[0]], x = real(b, raw), y = real(b, pool[n->in[1]]);
    bool smooth = b->g->smooth;
    switch (n->kind) {
    case GRAPH_UNARY:
        return unary(b, x, w[0]);
    case GRAPH_BINARY:
        return binary(b, x, y, w[0]);
    case GRAPH_NEUTRAL:
        return neutral(x, w[0]);
    case GRAPH_SELF:
        return self(b, x, w);
    case GRAPH_CONSTANT:
        return pal_fill(b->tape, b->g->real, w[0] % 2 ? PAL_SCALAR : pal_shape_of(x),
                        (const double[]){0, -0.0, 1, -1, 0.5, 2}[w[1] % 6]);
    case GRAPH_COMPARE:
        if (smooth) return unary(b, x, w[0]);
        y = joining(x, y);
        return w[0] % 3 == 0 ? pal_less(x, y) : w[0] % 3 == 1 ? pal_greater_equal(x, y) : pal_equal(x, y);
    case GRAPH_WHERE:
        if (smooth) return binary(b, x, y, w[0]);
        return choice(x, joining(x, y), pool[n->in[2]]);
    case GRAPH_CAST:
        if (smooth) return pal_cast(pal_cast(x, PAL_F64), w[0] % 2 ? PAL_F64 : b->g->real);
        return pal_cast(raw, (pal_dtype[]){PAL_F32, PAL_F64, PAL_I32, PAL_U8, PAL_BOOL}[w[0] % 5]);
    case GRAPH_SUM:
        return summed(b, x, w);
    case GRAPH_BROADCAST:
        return broadcast(raw, w, b->g);
    case GRAPH_SUM_TO:
        return sum_to(x, w);
    case GRAPH_RESHAPE:
        return reshape(raw, w);
    case GRAPH_PERMUTE:
        return permute(raw, w[0]);
    case GRAPH_SLICE:
        return slice(raw, w);
    case GRAPH_PAD:
        return pad(raw, w);
    case GRAPH_TAKE: {
        pal_shape s = pal_shape_of(raw);
        if (!s.rank || !s.dim[0]) return pal_tanh(x);
        pal_var i = indices(b, pool[n->in[1]], s.dim[0], w[0]);
        return s.rank + pal_shape_of(i).rank > 5 || count(i) * count(raw) / s.dim[0] > MOST ? raw : pal_take(raw, i);
    }
    case GRAPH_SCATTER: {
        pal_shape s = pal_shape_of(x);
        if (!s.rank || !s.dim[0]) return pal_tanh(x);
        int64_t rows = 1 + w[0] % 5;
        if (rows * count(x) / s.dim[0] > MOST) return pal_tanh(x);
        pal_var first = pal_slice(pal_reshape(x, PAL_SHAPE(s.dim[0], count(x) / s.dim[0])), (int64_t[]){0, 0},
                                  (int64_t[]){s.dim[0], count(x) > 0}, (int64_t[]){1, 1});
        pal_var i =
            smooth || !count(x)
                ? pal_fill(b->tape, PAL_I32, PAL_SHAPE(s.dim[0]), (double)(w[1] % rows))
                : pal_cast(pal_scale(pal_tanh(pal_abs(pal_reshape(first, PAL_SHAPE(s.dim[0])))), 0.999 * (double)rows),
                           PAL_I32);
        return pal_scatter_add(x, i, rows);
    }
    case GRAPH_ONE_HOT: {
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
    case GRAPH_INNER_GRAD:
        if (w[0] % 2) return pal_mul(unary(b, x, w[1]), pal_tanh(x));
        return gradient(b, y, raw, pool[n->in[2]], w[1]);
    default:
        return raw;
    }
}

/* ---- Recording a graph -------------------------------------------------------------------------------------------
 */

typedef struct recording {
    builder b;
    pal_tensor *const *leaves;
    uint64_t rng; /* 0: as listed */
    pal_var *value;
    bool done[GRAPH_NODES];
} recording;

static pal_var assign(recording *r, const graph_node *n)
{
    const graph *g = r->b.g;
    size_t leaf = n->word[0] % g->n_leaves;
    pal_var v = r->value[n->in[0]], x = r->value[leaf];
    if (n->word[1] % 4 == 0) v = r->value[n->word[2] % g->n_leaves]; /* another leaf, or a view of one */
    if (n->word[1] % 8 == 4) v = permute(v, n->word[3]);
    pal_var fits = conform(n->word[4] % 2 ? v : real(&r->b, v), pal_shape_of(x));
    if (n->word[5] % 3 == 0) fits = pal_lerp(real(&r->b, x), real(&r->b, fits), 0.5);
    if (n->word[5] % 3 == 1) { /* of two leaves: with another such assign a pair that is updated together */
        pal_var other = real(&r->b, conform(r->value[n->word[3] % g->n_leaves], pal_shape_of(x)));
        fits = binary(&r->b, real(&r->b, x), other, n->word[4] / 2);
    }
    return pal_assign(x, real_as(fits, pal_dtype_of(x)));
}

/* Two assigns to one leaf are an error: the first in the list has it. */
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
        r->value[i] =
            gradient(&r->b, real(&r->b, r->value[n->in[0]]),
                     r->value[n->word[0] % 2 ? n->in[1] : n->in[1] % g->n_leaves], r->value[n->in[2]], n->word[1]);
    else
        r->value[i] = node_value(&r->b, n, r->value, i);
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
    return pal_sum_all(pal_tanh(real(&r.b, value[g->n_main - 1])));
}
