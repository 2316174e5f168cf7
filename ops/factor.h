/* factor.h - shared by the files of Cholesky factors and of triangular solves. */
#ifndef PAL_OPS_FACTOR_H
#define PAL_OPS_FACTOR_H

#include "ops/axes.h"

/* Matrices per task, so that a task has enough work; cost: multiplications per matrix. */
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

/* Defined in triangular.c, listed in the family of factor.c. */
extern const pal_op pal__op_lower_part, pal__op_triangular_solve;

/* x times `below` below the diagonal, x times `on` on it, and 0 above. It is linear and its own adjoint. */
pal_var pal__lower_part(pal_var x, double below, double on);
pal_var pal__identity_like(pal_var square);

#endif
