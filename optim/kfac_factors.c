/* kfac_factors.c - records the two Kronecker factors of a block: the second moments of activations and of gradients.
 *
 * In: the uses of the block, and the gradient of the sampled loss by the pre-activation s of each. Out: a matrix for
 * each side of the weight, such that the Fisher matrix of the block is about their Kronecker product.
 *
 * Let a_r be the rows of activations with a 1 at the end for the bias, d_r those of the gradients. The gradient of the
 * weight is sum_r a_r d_r', and the covariance of that is the Fisher matrix (the sampled loss has the weights of the
 * rows in it). If activations and gradients are independent, and the gradients of different rows uncorrelated, it is
 *     (1/R sum_r a_r a_r')  kron  (sum_r d_r d_r')          (Martens and Grosse 2015, section 3)
 * A convolution has a row for each position of each image: its patch of pixels, and its gradients of all maps. The
 * formula is then that of Grosse and Martens 2016, theorem 1. A transposed convolution is the same with the two
 * exchanged: a row of activations, and the patch of gradients that it reaches.
 *
 * Several uses of one weight. If all have the activations on one side, their rows are rows of one sum: the uses are
 * taken as independent. A tied weight has the activations of one use on the side of the gradients of the other. Its
 * Fisher matrix is then about F_1 + F_2, F_u = A_u kron B_u, and a sum of Kronecker products has no cheap inverse. It
 * is replaced by the product of the mean factors, each use scaled first so that both its factors have the same mean
 * diagonal element. This is exact if the factors of the uses are proportional. For U uses, U times it is F_1 + ... +
 * F_U plus products of factors of different uses, which are positive semidefinite, so that it is at least 1/U of the
 * sum.
 *
 * If the batch is cut into shards, R counts the rows of all shards, and both sums are over all of them. The sampled
 * loss on the tape is a shard's part of a sum, so that the gradients d_r are those of the whole. */
#include "optim/kfac.h"

#include "autograd/operation.h"
#include "ops/conv_internal.h"

/* [.., d] -> [rows, d]; of maps [n,c,h,w] -> [n h w, c] */
static pal_var as_rows(pal_var v)
{
    const pal_shape s = pal_shape_of(v);
    if (s.rank == 4) return as_rows(pal_reshape(pal_permute(v, (int[]){0, 2, 3, 1}), PAL_SHAPE(-1, s.dim[1])));
    return s.rank == 2 ? v : pal_reshape(v, PAL_SHAPE(-1, s.dim[s.rank - 1]));
}

/* The patches of images [n,c,h,w] that a convolution of kh by kw multiplies at each of its positions, as rows in the
 * order of its filters: [n h' w', c kh kw]. It is the convolution of each channel with the unit filters. */
static pal_var patches(pal_var images, pal_var product, int64_t kh, int64_t kw)
{
    const pal_shape s = pal_shape_of(images);
    const pal_var unit = pal_diagonal_matrix(pal_fill(images.tape, pal_dtype_of(images), PAL_SHAPE(kh * kw), 1));
    const pal_var each = pal_reshape(images, PAL_SHAPE(s.dim[0] * s.dim[1], 1, s.dim[2], s.dim[3]));
    pal_params p = *pal_params_of(product);
    p.i[PAL__SIZE] = p.i[PAL__SIZE + 1] = 0;
    const pal_var filters = pal_reshape(unit, PAL_SHAPE(kh * kw, 1, kh, kw));
    const pal_var all = pal_record(images.tape, pal_op_find("conv2d"), (pal_var[]){each, filters}, 2, &p);
    const pal_shape t = pal_shape_of(all);
    return as_rows(pal_reshape(all, PAL_SHAPE(s.dim[0], s.dim[1] * kh * kw, t.dim[2], t.dim[3])));
}

static pal_var with_ones(pal_var rows)
{
    const pal_var one = pal_fill(rows.tape, pal_dtype_of(rows), PAL_SHAPE(pal_shape_of(rows).dim[0], 1), 1);
    return pal_concat((pal_var[]){rows, one}, 2, 1);
}

/* The rows of activations and of gradients of a use. */
static void rows_of(const pal__use *use, const pal__block *b, pal_var gradient, pal_var *in, pal_var *out)
{
    const bool shift = use->kind == PAL__SHIFT || use->weight != b->weight;
    const pal_shape w = shift ? (pal_shape){.rank = 0} : pal_shape_of(pal_operand(use->product, 1));
    if (!shift && use->kind == PAL__FILTER_BACK) {
        *in = as_rows(use->in);
        *out = patches(gradient, use->product, w.dim[2], w.dim[3]);
        return;
    }
    *out = as_rows(gradient);
    if (shift)
        *in = pal_fill(gradient.tape, pal_dtype_of(gradient), PAL_SHAPE(pal_shape_of(*out).dim[0], 1), 1);
    else
        *in = use->kind == PAL__FILTER ? patches(use->in, use->product, w.dim[2], w.dim[3]) : as_rows(use->in);
    if (b->bias != PAL__NO_PARAMETER) *in = with_ones(*in);
}

/* Over the rows of one shard. */
static pal_var moment(pal_var rows) { return pal_matmul_t(rows, rows, true, false); }

static pal_var mean_diagonal(pal_var a) { return pal_mean_all(pal_diagonal(a)); }

/* How much larger b is than a, so that a times the root is as large as b over the root. */
static pal_var ratio(pal_var a, pal_var b)
{
    const pal_var least = pal_like(a, 1e-30);
    return pal_sqrt(pal_div(pal_add(mean_diagonal(b), least), pal_add(mean_diagonal(a), least)));
}

static pal_var plus(pal_var sum, pal_var term) { return sum.id ? pal_add(sum, term) : term; }

void pal__factors(const pal__layers *l, const pal__block *b, const pal_var *gradients, pal_var sides[2])
{
    int64_t rows = 0;
    sides[0] = sides[1] = (pal_var){0};
    for (size_t u = 0; u < l->n_uses; u++) {
        if (!pal__uses(l, u, b)) continue;
        pal_var in, out, side[2];
        rows_of(&l->use[u], b, gradients[u], &in, &out);
        const int64_t n = pal_shape_of(in).dim[0];
        const int at = l->use[u].weight == b->weight ? l->use[u].side : 0;
        rows += n;
        side[at] = moment(in);
        side[!at] = moment(out);
        if (b->side < 0) {
            side[at] = pal_all_mean(pal_scale(side[at], 1 / (double)n));
            side[!at] = pal_all_sum(side[!at]);
            const pal_var root = ratio(side[0], side[1]);
            side[0] = pal_mul(side[0], root);
            side[1] = pal_div(side[1], root);
        }
        for (int s = 0; s < 2; s++) sides[s] = plus(sides[s], side[s]);
    }
    const double mean = 1 / (double)b->uses;
    if (b->side >= 0) {
        sides[b->side] = pal_all_mean(pal_scale(sides[b->side], 1 / (double)rows));
        sides[!b->side] = pal_all_sum(sides[!b->side]);
    } else { /* 1/U of the product of the sums, shared by the two sides */
        sides[0] = pal_scale(sides[0], mean);
    }
}
