/* spread_axes.c - variance, standard deviation and standardisation over any set of axes, by the operations of spread.c.
 */
#include "ops/axes.h"

#include <math.h>

typedef struct layout {
    pal_shape shape; /* of x with its axes in `order` */
    int order[PAL_MAX_RANK], back[PAL_MAX_RANK];
    pal_shape rows; /* [a, c, b] */
    bool moved;
} layout;

/* The reduced axes are the first ones, the last ones, or both; others are moved to the end. */
static layout lay_out(pal_shape s, unsigned axes)
{
    layout l = {.rows = PAL_SHAPE(1, 1, 1)};
    int n = 0, last = s.rank, first = 0;
    while (last > 0 && axes >> (last - 1) & 1) last--;
    while (first < last && axes >> first & 1) first++;
    for (int a = first; a < last; a++) l.moved |= axes >> a & 1;
    for (int reduced = 0; reduced < 2; reduced++)
        for (int a = 0; a < s.rank; a++)
            if (!l.moved ? !reduced : (int)(axes >> a & 1) == reduced) l.order[n++] = a;
    l.shape.rank = s.rank;
    for (int i = 0; i < s.rank; i++) {
        const int a = l.order[i];
        l.back[a] = i;
        l.shape.dim[i] = s.dim[a];
        l.rows.dim[!(axes >> a & 1) ? 1 : l.moved || a >= last ? 2 : 0] *= s.dim[a];
    }
    return l;
}

static pal_var in_rows(const pal_op *op, pal_var x, const layout *l, double epsilon)
{
    pal_var rows = pal_reshape(l->moved ? pal_permute(x, l->order) : x, l->rows);
    return pal_record(NULL, op, &rows, 1, &(const pal_params){.r = {epsilon}});
}

pal_var pal__standardised(pal_var x, unsigned axes, double epsilon)
{
    const layout l = lay_out(pal_shape_of(x), axes);
    if (!pal_shape_count(l.rows)) return x;
    pal_var y = pal_reshape(in_rows(&pal__op_standardised, x, &l, epsilon), l.shape);
    return l.moved ? pal_permute(y, l.back) : y;
}

/* The operation's number for each row, times scale(terms / (terms - correction)). */
static pal_var reduced(const char *name, const pal_op *op, pal_var x, unsigned axes, bool keep, int correction,
                       double (*scale)(double))
{
    if (!pal__reducible(name, x, axes)) return (pal_var){.tape = x.tape};
    pal_shape kept = pal_shape_of(x);
    const int64_t n = pal__terms(kept, axes);
    if (correction < 0 || n - correction < 1)
        return pal_tape_fail(x.tape, PAL_ERR_ARGUMENT,
                             "%s: the correction must be at least 0 and less than the %lld terms, not %d", name,
                             (long long)n, correction);
    const layout l = lay_out(kept, axes);
    for (int a = 0; a < kept.rank; a++)
        if (axes >> a & 1) kept.dim[a] = 1;
    pal_var y = pal_reshape(in_rows(op, x, &l, 0), kept);
    return pal__drop_axes(pal_scale(y, scale((double)n / (double)(n - correction))), axes, keep);
}

static double same(double x) { return x; }

pal_var pal_variance(pal_var x, unsigned axes, bool keep, int correction)
{
    return reduced("variance", &pal__op_spread, x, axes, keep, correction, same);
}

pal_var pal_std(pal_var x, unsigned axes, bool keep, int correction)
{
    return reduced("std", &pal__op_deviation, x, axes, keep, correction, sqrt);
}
