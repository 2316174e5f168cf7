/* muon.c - Muon: momentum whose matrix is made orthogonal before each step.
 *
 * In: the gradient G [rows, columns] of a weight, and the mean M of the gradients. Out:
 *
 *     M' = mu M + (1-mu) G,  B = (1-mu) G + mu M' (Nesterov),  w' = w - rate 0.2 sqrt(max(rows, columns)) O(B).
 *
 * O(B) is about U V' where B = U S V': all directions of the update have about the same length, also those that the
 * gradient hardly shows (Jordan et al. 2024). The factor gives an element of the update the root mean square 0.2, which
 * is that of Adam's (Liu et al. 2025, section 2.2: U V' of rank r = min(rows, columns) has r / (rows columns) as its
 * mean square). So one learning rate and one weight decay are right for the matrices and for the biases, which take
 * AdamW.
 *
 * O is five iterations of Newton and Schulz, X' = a X + (b A + c A A) X with A = X X', from X = B / |B|. With these
 * coefficients they do not converge: they bring every singular value from 0.01 to 1 to between 0.68 and 1.14, which
 * is near enough, in the fewest products. The smaller of X X' and X' X is taken: with p <= q the sides, an iteration is
 * two products of p by p by q and one of p by p by p. A is symmetric, so that A A' is A A: the kernels make half of
 * both. */
#include "ops/ops.h"
#include "optim/internal.h"

#include <math.h>

enum { M, V, ITERATIONS = 5 };
static const double a = 3.4445, b = -4.7750, c = 2.0315;
static const double least = 1e-7; /* a shorter gradient keeps its direction, and its update is shorter: 0 gives 0 */

pal_var pal__orthogonalised(pal_var x)
{
    const pal_shape shape = pal_shape_of(x);
    const bool tall = shape.dim[0] > shape.dim[1];
    x = pal_div(x, pal_max(pal_norm(x, 3, true), pal_like(x, least)));
    for (int i = 0; i < ITERATIONS; i++) {
        const pal_var gram = pal_matmul_t(x, x, tall, !tall);
        const pal_var p = pal_add(pal_scale(gram, b), pal_scale(pal_matmul_t(gram, gram, false, true), c));
        x = pal_add(pal_scale(x, a), tall ? pal_matmul(x, p) : pal_matmul(p, x));
    }
    return x;
}

pal_var pal__muon(pal__update *u)
{
    const double mu = u->options->momentum;
    int64_t rows, columns;
    pal__sides(pal_shape_of(u->g), &rows, &columns);
    u->next[M] = pal_lerp(u->state[M], u->g, 1 - mu);
    const pal_var ahead = pal_reshape(pal_lerp(u->g, u->next[M], mu), PAL_SHAPE(rows, columns));
    const double factor = 0.2 * sqrt((double)(rows > columns ? rows : columns));
    const pal_var step = pal_reshape(pal__orthogonalised(ahead), pal_shape_of(u->g));
    return pal_sub(u->w, pal_mul(u->scalar[PAL__RATE], pal_scale(step, factor)));
}

/* The mean square is that of parameters that are no matrices. */
bool pal__muon_shape(const pal_optimizer_options *o, pal_shape of, bool matrix, size_t state, pal_shape *out)
{
    (void)o;
    *out = of;
    return !matrix || state == M;
}
