/* reductions.h - helpers shared by the suites of reductions. */
#ifndef PAL_REDUCTIONS_H
#define PAL_REDUCTIONS_H

#include "tests/ops/fixture.h"

#include <math.h>

static inline void fresh_tape(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

static const double inf = (double)INFINITY, nan_ = (double)NAN;

static inline pal_var values(pal_tensor **keep, pal_dtype type, pal_shape shape, const double *x)
{
    *keep = pal_tensor_new(c, type, shape);
    ck_assert_ptr_nonnull(*keep);
    for (size_t i = 0; i < pal_tensor_count(*keep); i++) pal_tensor_set(*keep, i, x[i]);
    return pal_leaf(t, *keep, NULL);
}

static inline void near(double a, double b, double tolerance)
{
    ck_assert_msg(a == b || (a != a && b != b) || fabs(a - b) <= tolerance * fmax(1, fabs(b)), "%.17g, not %.17g", a,
                  b);
}

static inline void eval(pal_var v, void *out)
{
    pal_status status = pal_eval(v, out);
    ck_assert_msg(status == PAL_OK, "%s", pal_tape_error(t));
}

#endif
