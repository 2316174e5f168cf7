/* soap.c - SOAP: Adam in the eigenbases of Shampoo's two factors.
 *
 * In: the gradient G [m, n] of a weight, its mean M, the factors L [m, m] and R [n, n], which are moving averages of G
 * G' and G' G, and their eigenvectors, the rows of A and B. Out (Vyas et al. 2025, algorithm 3):
 *
 *     M' = b1 M + (1-b1) G,                   V' = b2 V + (1-b2) (A G B')^2,
 *     N  = (A M' B') / (sqrt(V') + eps),      w' = w - rate A' N B,
 *     L' = b2 L + (1-b2) G G',                R' = b2 R + (1-b2) G' G,
 *
 * with Adam's corrections for the start, and decoupled weight decay. A and B rotate G so that its directions of the
 * most and the least curvature are axes, where Adam's divisor fits them. A side that is longer than max_dimension has
 * no factor, and its A is 1: without both this is AdamW.
 *
 * M is kept as it is and rotated anew (6 products of a rotation and 2 of a factor in a step). V cannot be, and keeps
 * the axes that it has. The host makes A and B (soap_basis.c) between two runs, from gradients before the next one. The
 * first step therefore only measures: A and B are 0, so is its rate, and what it leaves in M and V is cleared. */
#include "ops/ops.h"
#include "optim/internal.h"

enum { M = PAL__SOAP_M, V, LEFT, RIGHT, A, B };

/* A x B', or A' x B. */
static pal_var turned(const pal__update *u, pal_var x, bool back)
{
    if (u->state[A].id) x = pal_matmul_t(u->state[A], x, back, false);
    return u->state[B].id ? pal_matmul_t(x, u->state[B], false, !back) : x;
}

static void average(pal__update *u, size_t which, pal_var product)
{
    u->next[which] = pal_lerp(u->state[which], product, 1 - u->options->beta2);
}

pal_var pal__soap(pal__update *u)
{
    const pal_shape shape = pal_shape_of(u->g);
    pal_shape sides = {.rank = 2};
    pal__sides(shape, &sides.dim[0], &sides.dim[1]);
    const pal_var g = pal_reshape(u->g, sides), v = pal_reshape(u->state[V], sides);
    const double b2 = u->options->beta2;
    u->next[M] = pal_lerp(u->state[M], u->g, 1 - u->options->beta1);
    const pal_var squares = pal_square(turned(u, g, false));
    const pal_var next = pal_add(pal_scale(v, b2), pal_scale(squares, 1 - b2));
    u->next[V] = pal_reshape(next, shape);
    const pal_var divisor = pal_add(pal_sqrt(next), u->scalar[PAL__EPSILON]);
    const pal_var step = turned(u, pal_div(turned(u, pal_reshape(u->next[M], sides), false), divisor), true);
    if (u->state[LEFT].id) average(u, LEFT, pal_matmul_t(g, g, false, true));
    if (u->state[RIGHT].id) average(u, RIGHT, pal_matmul_t(g, g, true, false));
    return pal_sub(u->w, pal_mul(u->scalar[PAL__RATE], pal_reshape(step, shape)));
}

bool pal__soap_shape(const pal_optimizer_options *o, pal_shape of, bool matrix, size_t state, pal_shape *out)
{
    *out = of;
    if (state == M || state == V) return true;
    int64_t rows, columns;
    pal__sides(of, &rows, &columns);
    const int64_t side = state == LEFT || state == A ? rows : columns;
    *out = PAL_SHAPE(side, side);
    return matrix && side <= o->max_dimension;
}
