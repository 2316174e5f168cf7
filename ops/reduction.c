/* reduction.c - sums and means over axes: all of them are sum_to (autograd/wiring.c) and a reshape. */
#include "ops/internal.h"

static pal_var reduce(pal_var x, unsigned axes, bool keep, int64_t *terms)
{
    pal_shape in = pal_shape_of(x), kept = in, dropped = {0};
    *terms = 1;
    if (axes >> in.rank) return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "sum: an axis beyond rank %d", in.rank);
    for (int a = 0; a < in.rank; a++) {
        if (axes >> a & 1) {
            *terms *= in.dim[a];
            kept.dim[a] = 1;
        } else {
            dropped.dim[dropped.rank++] = in.dim[a];
        }
    }
    pal_var sum = pal_sum_to(x, kept);
    return keep ? sum : pal_reshape(sum, dropped);
}

pal_var pal_sum(pal_var x, unsigned axes, bool keep)
{
    int64_t terms;
    return pal_ok(x) ? reduce(x, axes, keep, &terms) : pal_sum_to(x, PAL_SCALAR);
}

pal_var pal_mean(pal_var x, unsigned axes, bool keep)
{
    int64_t terms;
    if (!pal_ok(x)) return pal_sum_to(x, PAL_SCALAR);
    pal_var sum = reduce(x, axes, keep, &terms);
    return pal_scale(sum, 1.0 / (double)terms);
}

pal_var pal_sum_all(pal_var x) { return pal_sum_to(x, PAL_SCALAR); }
pal_var pal_mean_all(pal_var x) { return pal_mean(x, (1u << pal_shape_of(x).rank) - 1, false); }
pal_var pal_sum_squares(pal_var x) { return pal_sum_all(pal_square(x)); }

pal_var pal_mean_over_samples(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    return pal_scale(pal_sum_all(x), s.rank && s.dim[0] ? 1.0 / (double)s.dim[0] : 1.0);
}

const pal__family pal__family_reduction = {NULL, 0};
