/* factor.h - what the files of factors and of triangular solves share. */
#ifndef PAL_OPS_FACTOR_H
#define PAL_OPS_FACTOR_H

#include "ops/axes.h"

/* Matrices a task, so that it is worth one; cost is the multiplications of each. */
enum { PAL__FACTOR_WORTH = 1 << 14 };
static inline size_t pal__factor_grain(int64_t cost) { return 1 + (size_t)(PAL__FACTOR_WORTH / (cost + 1)); }

static inline bool pal__is_square(const pal_shape *s)
{
    return s->rank >= 2 && s->dim[s->rank - 1] == s->dim[s->rank - 2];
}

static inline pal_shape pal__batch_of(pal_shape s)
{
    s.rank -= 2;
    return s;
}

/* triangular.c; factor.c lists them in its family. */
extern const pal_op pal__op_lower_part, pal__op_triangular_solve;

/* x below the diagonal, weighed, x on it, weighed, and 0 above; linear, and its own adjoint. */
pal_var pal__lower_part(pal_var x, double below, double on);
pal_var pal__identity_like(pal_var square);

#endif
