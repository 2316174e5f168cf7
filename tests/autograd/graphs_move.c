/* graphs_move.c - nodes of random graphs that move elements (see graphs.h). w: the node's random words. */
#include "tests/autograd/graphs.h"

pal_var graph_broadcast(pal_var x, const uint32_t *w, const graph *g)
{
    pal_shape s = pal_shape_of(x), more = s;
    for (int a = 0; a < s.rank; a++)
        if (s.dim[a] == 1 && w[0] >> a & 1) more.dim[a] = g->dim[w[1] % 3];
    if (s.rank < 5 && w[2] % 2) {
        more.rank++;
        for (int a = s.rank; a; a--) more.dim[a] = more.dim[a - 1];
        more.dim[0] = 1 + w[3] % 3;
    }
    return pal_shape_count(more) <= GRAPH_MOST ? pal_broadcast_to(x, more) : x;
}

pal_var graph_sum_to(pal_var x, const uint32_t *w)
{
    pal_shape s = pal_shape_of(x), to = {0};
    int drop = s.rank ? (int)(w[0] % (uint32_t)(s.rank + 1)) : 0;
    for (int a = drop; a < s.rank; a++) to.dim[to.rank++] = w[1] >> a & 1 ? 1 : s.dim[a];
    return pal_sum_to(x, to);
}

pal_var graph_reshape(pal_var x, const uint32_t *w)
{
    int64_t n = pal_shape_count(pal_shape_of(x)), f = 1 + w[0] % 7;
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

pal_var graph_permute(pal_var x, uint32_t w)
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

pal_var graph_slice(pal_var x, const uint32_t *w)
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

pal_var graph_pad(pal_var x, const uint32_t *w)
{
    int64_t start[PAL_MAX_RANK], step[PAL_MAX_RANK];
    pal_shape s = pal_shape_of(x);
    for (int a = 0; a < s.rank; a++) {
        uint32_t r = w[a % 3] >> a;
        step[a] = r % 4 ? 1 : 2;
        start[a] = r / 4 % 3;
        s.dim[a] = start[a] + (s.dim[a] ? (s.dim[a] - 1) * step[a] + 1 : 0) + r / 16 % 2;
    }
    return pal_shape_count(s) <= GRAPH_MOST ? pal_pad(x, s, start, step) : x;
}
