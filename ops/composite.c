/* composite.c - plain functions over operations: layers, likelihoods, norms of Jacobians. */
#include "ops/internal.h"

pal_var pal_affine(pal_var x, pal_var w, pal_var b)
{
    pal_var y = pal_matmul(x, w);
    return b.id ? pal_add(y, b) : y;
}

/* The code has one row a sample, and a sample's code depends on that sample alone: one seed serves all samples at once.
 */
typedef struct rows {
    pal_var h, x;
} rows;

static pal_var one_row(pal_tape *t, pal_var k, void *user)
{
    const rows *r = user;
    (void)t;
    pal_var unit = pal_one_hot(k, pal_shape_of(r->h).dim[1], pal_dtype_of(r->h)), row;
    pal_var seed = pal_broadcast_to(unit, pal_shape_of(r->h));
    if (pal_vjp(r->h, seed, &r->x, 1, &row) != PAL_OK) return row;
    return pal_sum_squares(row);
}

static bool is_code(pal_var h, pal_var x)
{
    pal_shape a = pal_shape_of(h), b = pal_shape_of(x);
    if (!pal_ok(h) || !pal_ok(x) ||
        (a.rank == 2 && b.rank >= 1 && a.dim[0] == b.dim[0] && a.dim[0] > 0 && a.dim[1] > 0))
        return true;
    pal_tape_fail(h.tape, PAL_ERR_SHAPE, "jacobian_norm2: wants a code [n,k] and inputs [n,...]");
    return false;
}

pal_var pal_jacobian_norm2_rows(pal_var h, pal_var x)
{
    rows r = {h, x};
    if (!is_code(h, x)) return (pal_var){.tape = h.tape};
    pal_var sum = pal_map_sum(h.tape, pal_ok(h) ? pal_shape_of(h).dim[1] : 1, one_row, &r);
    return pal_scale(sum, 1.0 / (double)(pal_ok(h) ? pal_shape_of(h).dim[0] : 1));
}

pal_var pal_jacobian_norm2_hutchinson(pal_var h, pal_var x, const char *stream)
{
    if (!is_code(h, x)) return (pal_var){.tape = h.tape};
    pal_var row, seed = pal_normal(h.tape, stream, pal_shape_of(h));
    pal_vjp(h, seed, &x, 1, &row);
    return pal_mean_over_samples(pal_square(row));
}

const pal__family pal__family_composite = {NULL, 0};
