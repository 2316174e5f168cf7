/* matmul_rewrite.c - what simplify makes of products of matrices.
 *
 * In: a reader of a product, or a product of a transposed value. Out: an operation that does both at once.
 *   - x + A B accumulates onto x, and A B + C D + ... is one longer sum: a value is not written and read again.
 *   - A transposed operand, or a transposed product, becomes a flag of the product, but not of a sum of products.
 *   - The sum of A_i B_i over leading axes i is [A_1 A_2 ...] [B_1; B_2; ...]: the products are not stored. Such are
 *     the gradient of a dense layer's weight for each step of a sequence, and a sum of outer products over samples.
 *
 * With PAL_PASS_ROUNDING only: each adds in another order, or with one rounding less. Why the last one only where a
 * reshape is enough: to bring the axes into another order costs a pass over an operand, often as much as it saves. */
#include "autograd/wiring.h"
#include "ops/product.h"

#include <string.h>

/* ---- Sums over a batch ---------------------------------------------------------------------------------------- */

static pal_var none(void) { return (pal_var){0}; }

/* The number of matrices in an operand. */
static int64_t batch_of(pal_shape s)
{
    int64_t n = 1;
    for (int a = 0; a + 2 < s.rank; a++) n *= s.dim[a];
    return n;
}

static int64_t rows_of(pal_shape s) { return s.dim[s.rank - 2]; }
static int64_t columns_of(pal_shape s) { return s.dim[s.rank - 1]; }

/* All matrices below each other, as one. */
static pal_var stacked(pal_var x)
{
    const pal_shape s = pal_shape_of(x);
    return pal_reshape(x, PAL_SHAPE(batch_of(s) * rows_of(s), columns_of(s)));
}

/* Whether a sum to this shape leaves of a batch of m x n matrices their sum. */
static bool sums_batch(pal_shape of, pal_shape to)
{
    for (int a = 0; a + 2 < to.rank; a++)
        if (to.dim[a] != 1) return false;
    return to.rank >= 2 && rows_of(of) == rows_of(to) && columns_of(of) == columns_of(to);
}

static pal_var sum_of_batch(const pal_rule *c, size_t k)
{
    const pal_var product = c->in[k], a = pal_operand(product, 0), b = pal_operand(product, 1);
    const pal_params *p = pal_params_of(product);
    const pal_shape x = pal_shape_of(a), y = pal_shape_of(b), of = pal_shape_of(product);
    const int64_t n = batch_of(of);
    pal_shape to = {.rank = (int32_t)c->params->i[0]};
    memcpy(to.dim, c->params->i + 1, (size_t)to.rank * sizeof *to.dim);
    /* Stacked, the left operand must have the summed axis below each other, too, and so the right one. A matrix with a
     * summed axis of length 1 lies in memory as its transpose does. */
    const bool one = (p->i[0] ? rows_of(x) : columns_of(x)) == 1;
    const bool fits = (p->i[0] || one) && (!p->i[1] || one);
    if (n < 2 || batch_of(x) != n || batch_of(y) != n || !fits || !sums_batch(of, to)) return none();
    const pal_var left = p->i[0] ? stacked(a) : pal_reshape(a, PAL_SHAPE(n, rows_of(x)));
    const pal_var right = p->i[1] ? pal_reshape(b, PAL_SHAPE(n, rows_of(y))) : stacked(b);
    return pal_reshape(pal_matmul_t(left, right, true, false), to);
}

/* ---- Readers -------------------------------------------------------------------------------------------------- */

/* Rewrites x + A B to a product that accumulates onto x, which saves one pass over memory. The rounding changes,
 * because the last addition of each element happens inside the product. Not if a loop computes x: the loop behind the
 * product computes it as well, and then x is not stored at all. */
static pal_var accumulate(const pal_rule *c, size_t k)
{
    pal_var product = c->in[k], other = c->in[1 - k];
    pal_op_class class = pal_op_of(other)->op_class;
    if (!pal_shape_equal(pal_shape_of(other), pal_shape_of(product)) || class == PAL_CLASS_LEAF ||
        class == PAL_CLASS_CONSTANT || class == PAL_CLASS_ELEMENTWISE)
        return none();
    pal_params p = *pal_params_of(product);
    pal_var in[] = {other, pal_operand(product, 0), pal_operand(product, 1)};
    return pal_record(c->tape, &pal__op_addmm, in, 3, &p);
}

static bool swaps_last_two(const pal_params *p, int rank)
{
    for (int a = 0; a < rank; a++)
        if (p->i[a] != (a == rank - 1 ? rank - 2 : a == rank - 2 ? rank - 1 : a)) return false;
    return rank >= 2;
}

/* The terms of the sum that a product has. */
static int64_t steps_of(pal_var a, bool transposed)
{
    return transposed ? rows_of(pal_shape_of(a)) : columns_of(pal_shape_of(a));
}

/* A B + A' B' + ... is one sum: C is not written and read again between the products. A third one joins only if the sum
 * stays short enough to feed the loop behind it: that saves more than joining. */
static pal_var join(const pal_rule *c)
{
    const pal_var sum = c->in[0];
    const size_t n = pal_operand_count(sum), terms = n / 2;
    pal_params all = {.i = {c->params->i[0], c->params->i[1]}};
    pal_var in[2 * PAL__PRODUCT_TERMS];
    int64_t steps = steps_of(c->in[1], all.i[0]);
    if (terms == PAL__PRODUCT_TERMS) return none();
    for (size_t t = 0; t < terms; t++) {
        const pal_params p = pal__product_params(pal_params_of(sum), terms, t);
        memcpy(all.i + 2 * t + 2, p.i, 2 * sizeof *p.i);
        for (size_t k = 2 * t; k < 2 * t + 2; k++) in[k] = pal_operand(sum, k);
        steps += steps_of(in[2 * t], p.i[0]);
    }
    if (terms > 1 && steps > PAL__PART_STEPS) return none();
    in[n] = c->in[1];
    in[n + 1] = c->in[2];
    return pal_record(c->tape, &pal__op_matmul_sum, in, n + 2, &all);
}

pal_var pal__absorb_sum(const pal_rule *c, size_t k, bool rounding)
{
    return rounding && c->op == &pal__op_addmm && k == 0 ? join(c) : none();
}

pal_var pal__absorb_matmul(const pal_rule *c, size_t k, bool rounding)
{
    if (!rounding) return (pal_var){0};
    if (c->op == &pal__op_addmm && k == 0) return join(c);
    if (c->op == &pal__op_add) return accumulate(c, k);
    if (c->op == &pal__op_sum_to) return sum_of_batch(c, k);
    /* (A B)' = B' A' */
    const pal_params *p = pal_params_of(c->in[k]);
    if (c->op == &pal__op_permute && swaps_last_two(c->params, pal_shape_of(c->in[k]).rank))
        return pal_matmul_t(pal_operand(c->in[k], 1), pal_operand(c->in[k], 0), !p->i[1], !p->i[0]);
    return (pal_var){0};
}

pal_var pal__absorb_transpose(const pal_rule *c, size_t k, bool rounding)
{
    /* BLAS may sum in another order if an operand is transposed; some of its kernels for small sizes do. */
    if (!rounding) return (pal_var){0};
    size_t first = c->op == &pal__op_addmm;
    if ((c->op != &pal__op_matmul && c->op != &pal__op_addmm) || k < first) return (pal_var){0};
    if (!swaps_last_two(pal_params_of(c->in[k]), pal_shape_of(c->in[k]).rank)) return (pal_var){0};
    pal_params p = *c->params;
    p.i[k - first] = !p.i[k - first];
    pal_var in[3];
    for (size_t i = 0; i < c->n; i++) in[i] = i == k ? pal_operand(c->in[k], 0) : c->in[i];
    return pal_record(c->tape, c->op, in, c->n, &p);
}
