/* ops.h - the operations.
 *
 * A call records an operation on the tape and computes nothing; autograd.h describes the conventions. Elementwise
 * operations broadcast their operands. Shapes are written in brackets: [n,d] means n rows of d elements. `palindrome
 * ops` and elementwise.def list the formulas and the conventions for derivatives. */
#ifndef PAL_OPS_H
#define PAL_OPS_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Elementwise: one prototype per row of elementwise.def ---------------------------------------------------- */

#define UNARY(name, ...)          pal_var pal_##name(pal_var x);
#define UNARY_P(name, P, ...)     pal_var pal_##name(pal_var x, double P);
#define UNARY_PQ(name, P, Q, ...) pal_var pal_##name(pal_var x, double P, double Q);
#define STEP(name, ...)           pal_var pal_##name(pal_var x);
#define PREDICATE(name, ...)      pal_var pal_##name(pal_var x);
#define NOT(name, ...)            pal_var pal_##name(pal_var x);
#define ROW(name)                 pal_var pal_##name(pal_var a, pal_var b);
#include "ops/elementwise.def"

pal_var pal_where(pal_var condition, pal_var a, pal_var b); /* a where the condition is true, else b */
pal_var pal_cast(pal_var x, pal_dtype dtype); /* to integers: truncates towards zero; to booleans: x != 0 */

pal_var pal_like(pal_var x, double value);        /* a scalar constant of x's type */
pal_var pal_scale(pal_var x, double factor);      /* factor x */
pal_var pal_shift(pal_var x, double addend);      /* x + addend */
pal_var pal_one_minus(pal_var x);                 /* 1 - x */
pal_var pal_lerp(pal_var a, pal_var b, double t); /* a + t (b - a) */

/* ---- Reductions -----------------------------------------------------------------------------------------------
 *
 * They reduce the axes whose bit is set in `axes` (bit a for axis a). keep: the reduced axes stay, with length 1. So
 * pal_variance(h, 1, false, 0) turns [n,k] into [k], over the samples; 2 in place of 1, into [n]; 3, into a scalar. */

pal_var pal_sum(pal_var x, unsigned axes, bool keep);  /* the sum; of no elements: 0 */
pal_var pal_mean(pal_var x, unsigned axes, bool keep); /* the mean; of no elements: NaN */
pal_var pal_prod(pal_var x, unsigned axes, bool keep); /* every order of derivative is exact at zeros too */
/* Equal extremes share the derivative equally. If an element is NaN, the result is NaN and the derivative is 0.
 * Reducing no elements is an error. */
pal_var pal_reduce_max(pal_var x, unsigned axes, bool keep);
pal_var pal_reduce_min(pal_var x, unsigned axes, bool keep);
/* If there are no elements, or all are -inf, logsumexp is -inf and its derivative is 0. Elements +inf share the
 * derivative equally. */
pal_var pal_logsumexp(pal_var x, unsigned axes, bool keep);  /* ln sum e^x, without overflow */
pal_var pal_logmeanexp(pal_var x, unsigned axes, bool keep); /* logsumexp - ln(number of terms) */
pal_var pal_norm(pal_var x, unsigned axes, bool keep); /* Euclidean, no overflow; first, second derivative 0 at 0 */
/* sum (x - mean)^2 / (terms - correction). correction: 0 for the population variance, 1 for the unbiased estimate. It
 * must be less than the number of terms. */
pal_var pal_variance(pal_var x, unsigned axes, bool keep, int correction);
/* The square root of the variance, without overflow. Its first and second derivative at 0 are 0. */
pal_var pal_std(pal_var x, unsigned axes, bool keep, int correction);
pal_var pal_sum_all(pal_var x);  /* to a scalar */
pal_var pal_mean_all(pal_var x); /* to a scalar */
/* The convention for losses: x [n, ...] -> scalar, the mean over samples of the sum over features. */
pal_var pal_mean_over_samples(pal_var x);
/* The mean of a value over the shards of a batch (pal_all_sum); x itself if the batch is not cut. A term of a loss that
 * is a function of a mean over the samples takes it so: pal_all_mean(pal_mean(h, 1, false)). Then it is that of the
 * whole batch. */
pal_var pal_all_mean(pal_var x);
/* The gradients of the loss of the whole batch, pal_all_mean(loss), the same in all shards: those of
 * pal_grad, and their mean over the shards. Arguments and errors are those of pal_grad. */
pal_status pal_all_mean_grad(pal_var loss, const pal_var *wrt, size_t n, pal_var *grad);
pal_var pal_sum_squares(pal_var x); /* scalar */

/* ---- Along one axis; a negative axis counts from the end ------------------------------------------------------ */

pal_var pal_arg_max(pal_var x, int axis); /* i32, the axis removed; the first of equals; NaN counts as the largest */
pal_var pal_arg_min(pal_var x, int axis); /* NaN counts as the smallest */
/* exclusive: each sum leaves out its own element. reverse: the sums start at the end. Elements are added in order, in
 * double for float32 too. */
pal_var pal_cumsum(pal_var x, int axis, bool exclusive, bool reverse);
/* The indices that sort the axis, i32 [x's shape]. The sort is stable. NaN comes last in both directions. */
pal_var pal_arg_sort(pal_var x, int axis, bool descending);
pal_var pal_sort(pal_var x, int axis, bool descending); /* derivative: back to each value's place in x */
/* The first k indices of the stable descending order, so NaN comes last: i32, with k along the axis. */
pal_var pal_arg_top_k(pal_var x, int axis, int64_t k);
pal_var pal_top_k(pal_var x, int axis, int64_t k); /* the k largest, in descending order */
/* y[.., i, ..] = x[.., indices[.., i, ..], ..]. indices (i32) must have x's shape, except along the axis. */
pal_var pal_gather(pal_var x, pal_var indices, int axis);
/* The adjoint of gather: adds x into zeros that have length `size` along the axis. */
pal_var pal_gather_add(pal_var x, pal_var indices, int axis, int64_t size);

/* ---- Shape ----------------------------------------------------------------------------------------------------
 *
 * An array of axes, starts, sizes, steps or repeats has one number for each axis of x. It may be NULL only for a
 * scalar. */

pal_var pal_reshape(pal_var x, pal_shape shape); /* one dimension may be -1 */
pal_var pal_transpose(pal_var x);                /* the last two axes */
pal_var pal_permute(pal_var x, const int *axes); /* result axis a is operand axis axes[a]; axes: rank entries */
/* Elements start[a], start[a] + step[a], ..., size[a] of them along axis a. Steps are at least 1. */
pal_var pal_slice(pal_var x, const int64_t *start, const int64_t *size, const int64_t *step);
/* The adjoint of slice: zeros of the given shape, with x's elements at start[a] + i step[a]. */
pal_var pal_pad(pal_var x, pal_shape shape, const int64_t *start, const int64_t *step);
/* concat and stack of no value: a bad handle of no tape, since no tape could keep the error. */
pal_var pal_concat(const pal_var *x, size_t n, int axis); /* one type; one shape, except along the axis */
pal_var pal_stack(const pal_var *x, size_t n, int axis);  /* one type and shape; along a new axis */
/* Splits the axis into n parts of the given sizes, which must add up to its length. out receives n values. On failure
 * all of them are bad handles. */
void pal_split_axis(pal_var x, int axis, const int64_t *sizes, size_t n, pal_var *out);
pal_var pal_flip(pal_var x, unsigned axes);            /* reverses the axes whose bit is set */
pal_var pal_repeat(pal_var x, const int64_t *repeats); /* copies of the whole along each axis: rank entries */
pal_var pal_expand(pal_var x, int axis);               /* inserts an axis of length 1 */
pal_var pal_diagonal(pal_var x);                       /* [.., n, n] -> [.., n] */
pal_var pal_diagonal_matrix(pal_var x);                /* [.., n] -> [.., n, n], zeros off the diagonal */
pal_var pal_lower_triangle(pal_var x, int64_t offset); /* [.., m, n]: zeros where column > row + offset */
pal_var pal_upper_triangle(pal_var x, int64_t offset); /* zeros where column < row + offset */

/* ---- Indexing ------------------------------------------------------------------------------------------------- */

/* Rows of x [n, ...] at i32 indices of any shape: [indices..., ...]. If an index is out of range, pal_run fails. */
pal_var pal_take(pal_var x, pal_var indices);
/* The adjoint of take: adds rows of x into zeros [rows, ...], in order of the indices. */
pal_var pal_scatter_add(pal_var x, pal_var indices, int64_t rows);
/* indices (i32, any shape) -> [indices..., classes]: 1 at the index, else 0. */
pal_var pal_one_hot(pal_var indices, int64_t classes, pal_dtype dtype);
/* The slice of x at the index, as an axis of length 1. The index is an i32 scalar, or has one number for each element
 * of x's first axis, which then is not the axis. If it is out of range, pal_run fails. */
pal_var pal_slice_at(pal_var x, pal_var index, int axis);
/* The adjoint of slice_at: x, whose axis has length 1, at the index of an axis of that length; zeros elsewhere. */
pal_var pal_embed_at(pal_var x, pal_var index, int axis, int64_t length);

/* ---- Linear algebra ------------------------------------------------------------------------------------------- */

/* a [.., m, k] x b [.., k, n] -> [.., m, n]; leading axes broadcast. For _t, a flag says that the operand is given
 * transposed. */
pal_var pal_matmul(pal_var a, pal_var b);
pal_var pal_matmul_t(pal_var a, pal_var b, bool a_transposed, bool b_transposed);
pal_var pal_outer(pal_var a, pal_var b); /* [m], [n] -> [m, n] */
pal_var pal_dot(pal_var a, pal_var b);   /* [n], [n] -> scalar */
/* The Einstein sum of two operands, such as "nij,jk->nik". Each letter names an axis; axes that the result does not
 * name are summed. It is recorded as sums, permutations and one product. An operand must not have a letter twice. */
pal_var pal_einsum(const char *spec, pal_var a, pal_var b);

/* The lower factor L with a = L L^T, for symmetric positive definite a [.., n, n]. Only the lower triangle of a is
 * read. If a is not positive definite, pal_run fails. The derivative is symmetric (Murray 2016, "Differentiation of the
 * Cholesky decomposition"). */
pal_var pal_cholesky(pal_var a);
/* The X with L X = B, or with L^T X = B if transposed. L is [.., n, n], and only its lower triangle is read; B is
 * [.., n, k]; leading axes broadcast. If the diagonal contains a zero or NaN, pal_run fails. */
pal_var pal_triangular_solve(pal_var l, pal_var b, bool transposed);
/* From the factor L of A = L L^T: the X with A X = B; the inverse of A; ln det A ([..]). */
pal_var pal_cholesky_solve(pal_var l, pal_var b);
pal_var pal_cholesky_inverse(pal_var l);
pal_var pal_cholesky_log_det(pal_var l);

/* ---- Convolution and pooling of images [n, channels, height, width] ------------------------------------------- */

typedef struct pal_conv2d_options { /* pairs: rows, columns; 0: the default */
    size_t struct_size;
    int64_t stride[2];         /* default 1 */
    int64_t padding[2];        /* zeros on each side; default 0 */
    int64_t dilation[2];       /* default 1 */
    int64_t groups;            /* default 1 */
    int64_t output_padding[2]; /* conv_transpose2d only: extra rows and columns at the end; less than the stride */
} pal_conv2d_options;

/* Cross-correlation, which the field calls convolution: x [n, c, h, w], weights [k, c/groups, kh, kw] -> [n, k, h', w']
 * with h' = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down. options NULL: the defaults. */
pal_var pal_conv2d(pal_var x, pal_var weights, const pal_conv2d_options *options);
/* The options with which a recorded conv2d was made, defaults filled in; options may be NULL. False: v is no
 * conv2d. */
bool pal_conv2d_options_of(pal_var v, pal_conv2d_options *options);
/* Its two adjoints: y [n, k, h', w'] and weights to images of h by w; images and y to weights of kh by kw. */
pal_var pal_conv2d_to_input(pal_var y, pal_var weights, int64_t h, int64_t w, const pal_conv2d_options *options);
pal_var pal_conv2d_to_weights(pal_var x, pal_var y, int64_t kh, int64_t kw, const pal_conv2d_options *options);
/* x [n, k, h, w], weights [k, c/groups, kh, kw] -> [n, c, h', w'] with
 * h' = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1. */
pal_var pal_conv_transpose2d(pal_var x, pal_var weights, const pal_conv2d_options *options);

typedef struct pal_pool2d_options {
    size_t struct_size;
    int64_t window[2];
    int64_t stride[2];  /* 0: the size of the window */
    int64_t padding[2]; /* at most half the window; never the maximum; the average does not count it */
} pal_pool2d_options;

pal_var pal_max_pool2d(pal_var x, const pal_pool2d_options *options); /* the derivative goes to the first of equals */
pal_var pal_arg_pool2d(pal_var x, const pal_pool2d_options *options); /* i32: index in the flattened plane [h w] */
pal_var pal_average_pool2d(pal_var x, const pal_pool2d_options *options); /* the mean of each window */
pal_var pal_resize_nearest(pal_var x, int64_t h, int64_t w);              /* reads element floor(i old / new) */
pal_var pal_resize_bilinear(pal_var x, int64_t h, int64_t w); /* pixel centres at halves; edge pixels repeat */

/* ---- Random numbers: each call draws from a stream with a name of its own (autograd.h, pal_noise) ------------- */

pal_var pal_uniform(pal_tape *tape, const char *stream, pal_shape shape); /* [0,1), of the tape's type */
pal_var pal_normal(pal_tape *tape, const char *stream, pal_shape shape);  /* mean 0, variance 1 */
pal_var pal_bernoulli(pal_tape *tape, const char *stream, pal_shape shape, double probability); /* 0 or 1 */
pal_var pal_exponential(pal_tape *tape, const char *stream, pal_shape shape);                   /* rate 1 */
pal_var pal_gumbel(pal_tape *tape, const char *stream, pal_shape shape); /* location 0, scale 1 */

/* Samples from distributions whose parameters are values. A real sample has the type of its parameters. Not
 * differentiable: */
pal_var pal_sample_bernoulli(const char *stream, pal_var logits);   /* 0 or 1 */
pal_var pal_sample_categorical(const char *stream, pal_var logits); /* [.., classes] -> i32 [..]; Gumbel-max */
/* Reparametrised: derivatives with respect to the parameters pass through the sample (Kingma and Welling 2014). */
pal_var pal_sample_normal(const char *stream, pal_var mean, pal_var log_variance);
pal_var pal_sample_laplace(const char *stream, pal_var location, pal_var log_scale);
pal_var pal_sample_logistic(const char *stream, pal_var location, pal_var log_scale);
pal_var pal_sample_normal_full(const char *stream, pal_var mean, pal_var factor); /* mean [.., d] + L z, L [.., d, d] */
/* softmax((logits + Gumbel) / temperature) over the last axis (Maddison et al. 2017; Jang et al. 2017), and its binary
 * form, sigmoid((logits + logistic) / temperature). */
pal_var pal_sample_concrete(const char *stream, pal_var logits, double temperature);
pal_var pal_sample_binary_concrete(const char *stream, pal_var logits, double temperature);
/* Each element of x becomes 0 with probability rate; the others are divided by 1 - rate (Srivastava et al. 2014). */
pal_var pal_dropout(const char *stream, pal_var x, double rate);

/* ---- Layers --------------------------------------------------------------------------------------------------- */

/* x [n,d] w [d,k] + b [k]. A b with id 0: no bias. */
pal_var pal_affine(pal_var x, pal_var w, pal_var b);
pal_var pal_bilinear(pal_var a, pal_var w, pal_var b); /* a [n,p], w [k,p,q], b [n,q] -> [n,k], a_n W_k b_n */
/* No overflow for large arguments. A logit of -inf has probability 0 and derivative 0. If all of several are -inf, the
 * result is NaN; one class alone has probability 1. Logits of +inf share the probability equally. */
pal_var pal_softmax(pal_var x, int axis);
pal_var pal_log_softmax(pal_var x, int axis);
/* (x - mean) / sqrt(variance + epsilon) gain + shift, with mean and variance over the axes whose bit is set (Ba et al.
 * 2016). gain and shift broadcast to x. Either may have id 0: no gain, no shift. */
pal_var pal_layer_norm(pal_var x, unsigned axes, pal_var gain, pal_var shift, double epsilon);

typedef struct pal_batch_norm_options {
    size_t struct_size;
    bool evaluate;   /* normalise by the running statistics and do not update them */
    double momentum; /* running += momentum (batch - running); 0: 0.1 */
    double epsilon;  /* 0: 1e-5 */
} pal_batch_norm_options;

/* Normalises each channel over the samples (and the plane) (Ioffe and Szegedy 2015). x is [n, c] or [n, c, h, w]. gain,
 * shift and the running statistics are [c]. gain or shift may have id 0: not used. In training, the running statistics
 * must be leaves. Their updates are recorded as assigns, with the unbiased variance; a program includes them only if
 * asked to. Training needs at least two values per channel. On a tape of a shard (communicator.h), the statistics are
 * those of the whole batch, which all shards wait for. options NULL: train, with the defaults. */
pal_var pal_batch_norm(pal_var x, pal_var gain, pal_var shift, pal_var running_mean, pal_var running_variance,
                       const pal_batch_norm_options *options);

/* ---- Densities, entropies, divergences, in nats ---------------------------------------------------------------
 *
 * They work element by element, and their parameters broadcast. The categorical and the full normal distribution
 * reduce their last axis instead. A full covariance is given by its lower Cholesky factor [.., d, d], which must have a
 * positive diagonal. The logit of a class may be -inf: the class is impossible. The divergence of two similar
 * distributions is a small difference of larger terms; divergence.c states how accurate it is. */

/* ln p(x) */
pal_var pal_normal_log_density(pal_var x, pal_var mean, pal_var log_variance);
pal_var pal_laplace_log_density(pal_var x, pal_var location, pal_var log_scale);
pal_var pal_logistic_log_density(pal_var x, pal_var location, pal_var log_scale);
pal_var pal_poisson_log_density(pal_var x, pal_var log_rate);
pal_var pal_normal_full_log_density(pal_var x, pal_var mean, pal_var factor); /* [.., d] -> [..] */
pal_var pal_bernoulli_log_density(pal_var x, pal_var logits);                 /* x in [0,1] */
pal_var pal_categorical_log_density(pal_var x, pal_var logits);               /* x one-hot [.., classes] -> [..] */

/* -E ln p(x) */
pal_var pal_normal_entropy(pal_var log_variance);
pal_var pal_normal_full_entropy(pal_var factor);
pal_var pal_bernoulli_entropy(pal_var logits);
pal_var pal_categorical_entropy(pal_var logits);
pal_var pal_laplace_entropy(pal_var log_scale);

/* KL(p || q) */
pal_var pal_normal_kl(pal_var mean_p, pal_var log_variance_p, pal_var mean_q, pal_var log_variance_q);
pal_var pal_normal_full_kl(pal_var mean_p, pal_var factor_p, pal_var mean_q, pal_var factor_q);
pal_var pal_bernoulli_kl(pal_var logits_p, pal_var logits_q);
pal_var pal_categorical_kl(pal_var logits_p, pal_var logits_q);
pal_var pal_laplace_kl(pal_var location_p, pal_var log_scale_p, pal_var location_q, pal_var log_scale_q);
pal_var pal_poisson_kl(pal_var log_rate_p, pal_var log_rate_q);
pal_var pal_normal_kl_standard(pal_var mean, pal_var log_variance); /* KL(N(mean, variance) || N(0, 1)) */

/* ---- Second derivatives and Jacobians ------------------------------------------------------------------------- */

pal_var pal_hvp(pal_var y, pal_var x, pal_var direction); /* Hessian of the scalar y, times direction [x's shape] */
/* d y / d x as [y's axes..., x's axes...], at most 6 axes, in y's type. A region computes it by rows (vjp) or by
 * columns (jvp), whichever are fewer. */
pal_var pal_jacobian(pal_var y, pal_var x);
pal_var pal_hessian(pal_var y, pal_var x); /* y scalar -> [x's axes..., x's axes...] */

/* The squared Frobenius norm of the Jacobian d h / d x, for h [n,k] and x [n,...]: a scalar, the mean over samples (the
 * penalty of Rifai et al. 2011, "Contractive auto-encoders"). The samples must be independent of each other.
 *
 *   rows        exact; row by row through double backward, in a region: k backward passes
 *   layers      exact; propagates the Jacobian through the encoder: a few products. The encoder must be made of affine
 *               layers, elementwise activations and elementwise factors; x may be flattened first. If there is another
 *               operation between x and h, a tape error names it.
 *   hutchinson  unbiased estimate; one standard normal projection per sample from the named stream (Hutchinson 1990):
 *               one backward pass */
pal_var pal_jacobian_norm2_rows(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_layers(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_hutchinson(pal_var h, pal_var x, const char *stream);
/* The exact norms for each sample: [n]. */
pal_var pal_jacobian_norm2_rows_each(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_layers_each(pal_var h, pal_var x);

/* ---- Host: the registry --------------------------------------------------------------------------------------- */

const pal_op *pal_op_at(size_t i);           /* all operations, family by family; NULL: no more */
const pal_op *pal_op_find(const char *name); /* NULL: no operation of that name */
/* Operations of a product with these operands and this result, where a multiply-add is two. 0: it is no product. */
double pal_op_flops(const pal_op *op, const pal_params *params, const pal_shape *in, size_t n, pal_shape out);
const char *pal_op_family(size_t i); /* the family of pal_op_at(i): "elementwise", ... */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
