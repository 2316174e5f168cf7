/* ops.h - the operations. Recording one computes nothing; see autograd.h for the conventions.
 *
 * Elementwise operations broadcast their operands. Shapes are given in brackets, [n,d] being n rows of d.
 * Formulas and conventions: `palindrome ops`, elementwise.def. */
#ifndef PAL_OPS_H
#define PAL_OPS_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Elementwise: one prototype a row of elementwise.def ------------------------------------------------------ */

#define UNARY(name, ...)          pal_var pal_##name(pal_var x);
#define UNARY_P(name, P, ...)     pal_var pal_##name(pal_var x, double P);
#define UNARY_PQ(name, P, Q, ...) pal_var pal_##name(pal_var x, double P, double Q);
#define STEP(name, ...)           pal_var pal_##name(pal_var x);
#define PREDICATE(name, ...)      pal_var pal_##name(pal_var x);
#define NOT(name, ...)            pal_var pal_##name(pal_var x);
#define ROW(name)                 pal_var pal_##name(pal_var a, pal_var b);
#include "ops/elementwise.def"

pal_var pal_where(pal_var condition, pal_var a, pal_var b); /* a where the boolean holds, else b */
pal_var pal_cast(pal_var x, pal_dtype dtype);               /* truncates towards zero; to bool: not zero */

pal_var pal_like(pal_var x, double value);        /* a scalar constant of x's type */
pal_var pal_scale(pal_var x, double factor);      /* factor x */
pal_var pal_shift(pal_var x, double addend);      /* x + addend */
pal_var pal_one_minus(pal_var x);                 /* 1 - x */
pal_var pal_lerp(pal_var a, pal_var b, double t); /* a + t (b - a) */

/* ---- Reductions: over the axes whose bit is set (bit a: axis a); keep leaves axes of 1 ------------------------ */

pal_var pal_sum(pal_var x, unsigned axes, bool keep);
pal_var pal_mean(pal_var x, unsigned axes, bool keep);
pal_var pal_prod(pal_var x, unsigned axes, bool keep); /* derivative right where elements are 0, at any order */
/* Ties share the derivative equally; NaN wins, and passes none on. Of no elements: an error. */
pal_var pal_reduce_max(pal_var x, unsigned axes, bool keep);
pal_var pal_reduce_min(pal_var x, unsigned axes, bool keep);
/* Of none, and of -inf alone, logsumexp is -inf with the derivative 0. */
pal_var pal_logsumexp(pal_var x, unsigned axes, bool keep);  /* ln sum e^x, for arguments of any size */
pal_var pal_logmeanexp(pal_var x, unsigned axes, bool keep); /* less the logarithm of the number of terms */
pal_var pal_norm(pal_var x, unsigned axes, bool keep);       /* Euclidean, without overflow; both derivatives 0 at 0 */
/* sum (x - mean)^2 / (terms - correction): 0 for the population's variance, 1 for the unbiased estimate. It leaves a
 * term at least. */
pal_var pal_variance(pal_var x, unsigned axes, bool keep, int correction);
pal_var pal_sum_all(pal_var x); /* to a scalar */
pal_var pal_mean_all(pal_var x);
/* The loss convention: x [n, ...] -> scalar, the mean over samples of the sum over features. */
pal_var pal_mean_over_samples(pal_var x);
pal_var pal_sum_squares(pal_var x); /* scalar */

/* ---- Along one axis, which counts from the end if negative ---------------------------------------------------- */

pal_var pal_arg_max(pal_var x, int axis); /* i32, without the axis; the first of equals; a NaN is the largest */
pal_var pal_arg_min(pal_var x, int axis); /* a NaN is the smallest */
/* exclusive: without the element itself; reverse: from the end. Added in order, in double also for float32. */
pal_var pal_cumsum(pal_var x, int axis, bool exclusive, bool reverse);
/* Stable; NaN last either way. i32 of x's shape. */
pal_var pal_arg_sort(pal_var x, int axis, bool descending);
pal_var pal_sort(pal_var x, int axis, bool descending); /* the derivative goes to where values came from */
/* The first k of the stable descending order (so NaN last): i32, k along the axis. */
pal_var pal_arg_top_k(pal_var x, int axis, int64_t k);
pal_var pal_top_k(pal_var x, int axis, int64_t k);
/* y[.., i, ..] = x[.., indices[.., i, ..], ..]: indices (i32) have x's shape but for the axis. */
pal_var pal_gather(pal_var x, pal_var indices, int axis);
/* The adjoint of gather: x added into zeros with size along the axis. */
pal_var pal_gather_add(pal_var x, pal_var indices, int axis, int64_t size);

/* ---- Shape ---------------------------------------------------------------------------------------------------- */

pal_var pal_reshape(pal_var x, pal_shape shape); /* one dimension may be -1 */
pal_var pal_transpose(pal_var x);                /* the last two axes */
pal_var pal_permute(pal_var x, const int *axes); /* result axis a is operand axis axes[a]; rank of them */
/* Elements start[a], start[a] + step[a], ... (size[a] of them); steps at least 1. */
pal_var pal_slice(pal_var x, const int64_t *start, const int64_t *size, const int64_t *step);
/* The adjoint of slice: zeros of the given shape with x's elements at start[a] + i step[a]. */
pal_var pal_pad(pal_var x, pal_shape shape, const int64_t *start, const int64_t *step);
pal_var pal_concat(const pal_var *x, size_t n, int axis); /* of one type, and one shape but for the axis */
pal_var pal_stack(const pal_var *x, size_t n, int axis);  /* of one shape; the axis is new */
/* Parts of the given sizes, which add up to the axis; out: n of them. On failure all are bad. */
void pal_split_axis(pal_var x, int axis, const int64_t *sizes, size_t n, pal_var *out);
pal_var pal_flip(pal_var x, unsigned axes);            /* reversed along the axes whose bit is set */
pal_var pal_repeat(pal_var x, const int64_t *repeats); /* rank of them: the whole, tiled so often along each axis */
pal_var pal_expand(pal_var x, int axis);               /* a new axis of 1 */
pal_var pal_diagonal(pal_var x);                       /* [.., n, n] -> [.., n] */
pal_var pal_diagonal_matrix(pal_var x);                /* [.., n] -> [.., n, n], zeros beside it */
pal_var pal_lower_triangle(pal_var x, int64_t offset); /* [.., m, n]: zeros where column > row + offset */
pal_var pal_upper_triangle(pal_var x, int64_t offset); /* zeros where column < row + offset */

/* ---- Indexing ------------------------------------------------------------------------------------------------- */

/* Rows of x [n, ...] by i32 indices of any shape: the result is [indices..., ...]. Out of range: pal_run fails. */
pal_var pal_take(pal_var x, pal_var indices);
/* The adjoint of take: rows of x added into zeros [rows, ...]; in order of the indices. */
pal_var pal_scatter_add(pal_var x, pal_var indices, int64_t rows);
/* 1 at the index, else 0: indices (i32, any shape) -> [indices..., classes]. */
pal_var pal_one_hot(pal_var indices, int64_t classes, pal_dtype dtype);

/* ---- Linear algebra ------------------------------------------------------------------------------------------- */

/* a [.., m, k] x b [.., k, n] -> [.., m, n], leading axes broadcast. _t: the operand is given transposed. */
pal_var pal_matmul(pal_var a, pal_var b);
pal_var pal_matmul_t(pal_var a, pal_var b, bool a_transposed, bool b_transposed);
pal_var pal_outer(pal_var a, pal_var b); /* [m], [n] -> [m, n] */
pal_var pal_dot(pal_var a, pal_var b);   /* [n], [n] -> scalar */
/* Einstein's sum of two operands, such as "nij,jk->nik": a letter an axis; what the result lacks is summed. Compiled to
 * sums, permutations and one product. A letter twice in one operand is refused. */
pal_var pal_einsum(const char *spec, pal_var a, pal_var b);

/* The lower factor L of a = L L^T, symmetric positive definite [.., n, n]; only the lower triangle of a is read. Not
 * positive definite: pal_run fails. The derivative is symmetric (Murray 2016, "Differentiation of the Cholesky
 * decomposition"). */
pal_var pal_cholesky(pal_var a);
/* X with L X = B, or L^T X = B if transposed: L [.., n, n] of which the lower triangle is read, B [.., n, k], leading
 * axes broadcast. A zero on the diagonal: pal_run fails. */
pal_var pal_triangular_solve(pal_var l, pal_var b, bool transposed);
/* With the factor L of A = L L^T: X with A X = B; the inverse of A; ln det A ([..]). */
pal_var pal_cholesky_solve(pal_var l, pal_var b);
pal_var pal_cholesky_inverse(pal_var l);
pal_var pal_cholesky_log_det(pal_var l);

/* ---- Convolution and pooling of images [n, channels, height, width] ------------------------------------------- */

typedef struct pal_conv2d_options { /* rows, columns; 0: the default */
    size_t struct_size;
    int64_t stride[2];         /* 1 */
    int64_t padding[2];        /* zeros on either side; 0 */
    int64_t dilation[2];       /* 1 */
    int64_t groups;            /* 1 */
    int64_t output_padding[2]; /* of conv_transpose2d alone: rows and columns more at the end; below the stride */
} pal_conv2d_options;

/* The cross-correlation that the field calls convolution: x [n, c, h, w], weights [k, c/groups, kh, kw] ->
 * [n, k, h', w'] with h' = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down. NULL: the defaults. */
pal_var pal_conv2d(pal_var x, pal_var weights, const pal_conv2d_options *options);
/* Its adjoints: y [n, k, h', w'] back to images of h by w; images and y to weights of kh by kw. */
pal_var pal_conv2d_to_input(pal_var y, pal_var weights, int64_t h, int64_t w, const pal_conv2d_options *options);
pal_var pal_conv2d_to_weights(pal_var x, pal_var y, int64_t kh, int64_t kw, const pal_conv2d_options *options);
/* x [n, k, h, w], weights [k, c/groups, kh, kw] -> [n, c, h', w'], h' = (h - 1) stride - 2 padding + dilation (kh - 1)
 * + output_padding + 1. */
pal_var pal_conv_transpose2d(pal_var x, pal_var weights, const pal_conv2d_options *options);

typedef struct pal_pool2d_options {
    size_t struct_size;
    int64_t window[2];
    int64_t stride[2];  /* 0: the window's */
    int64_t padding[2]; /* at most half the window; never the maximum, and not counted by the average */
} pal_pool2d_options;

pal_var pal_max_pool2d(pal_var x, const pal_pool2d_options *options); /* the first of equals takes the derivative */
pal_var pal_arg_pool2d(pal_var x, const pal_pool2d_options *options); /* i32: where in the plane of h w */
pal_var pal_average_pool2d(pal_var x, const pal_pool2d_options *options);
pal_var pal_resize_nearest(pal_var x, int64_t h, int64_t w);  /* element floor(i old / new) */
pal_var pal_resize_bilinear(pal_var x, int64_t h, int64_t w); /* pixel centres at halves; edges repeat */

/* ---- Random: a named stream each (autograd.h, pal_noise) ------------------------------------------------------ */

pal_var pal_uniform(pal_tape *tape, const char *stream, pal_shape shape); /* [0,1), of the tape's type */
pal_var pal_normal(pal_tape *tape, const char *stream, pal_shape shape);
pal_var pal_bernoulli(pal_tape *tape, const char *stream, pal_shape shape, double probability); /* 0 or 1 */
pal_var pal_exponential(pal_tape *tape, const char *stream, pal_shape shape);                   /* rate 1 */
pal_var pal_gumbel(pal_tape *tape, const char *stream, pal_shape shape); /* location 0, scale 1 */

/* Samples of distributions whose parameters are values, in their type. Not differentiable: */
pal_var pal_sample_bernoulli(const char *stream, pal_var logits);   /* 0 or 1 */
pal_var pal_sample_categorical(const char *stream, pal_var logits); /* [.., classes] -> i32 [..]; the Gumbel maximum */
/* Reparametrised: the derivative by the parameters goes through the sample (Kingma and Welling 2014). */
pal_var pal_sample_normal(const char *stream, pal_var mean, pal_var log_variance);
pal_var pal_sample_normal_full(const char *stream, pal_var mean, pal_var factor); /* mean [.., d] + L z, L [.., d, d] */
pal_var pal_sample_laplace(const char *stream, pal_var location, pal_var log_scale);
pal_var pal_sample_logistic(const char *stream, pal_var location, pal_var log_scale);
/* softmax((logits + Gumbel) / temperature) over the last axis (Maddison et al. 2017; Jang et al. 2017), and its binary
 * form, sigmoid((logits + logistic) / temperature). */
pal_var pal_sample_concrete(const char *stream, pal_var logits, double temperature);
pal_var pal_sample_binary_concrete(const char *stream, pal_var logits, double temperature);
/* x with a share rate of its elements 0 and the others divided by 1 - rate (Srivastava et al. 2014). */
pal_var pal_dropout(const char *stream, pal_var x, double rate);

/* ---- Layers --------------------------------------------------------------------------------------------------- */

/* x [n,d] w [d,k] + b [k]. b may have id 0 for none. */
pal_var pal_affine(pal_var x, pal_var w, pal_var b);
pal_var pal_bilinear(pal_var a, pal_var w, pal_var b); /* a [n,p], w [k,p,q], b [n,q] -> [n,k], a_n W_k b_n */
/* Right for arguments of any size; -inf has probability 0 and passes no derivative; where all are -inf, NaN. */
pal_var pal_softmax(pal_var x, int axis);
pal_var pal_log_softmax(pal_var x, int axis);
/* Over the axes whose bit is set: (x - mean) / sqrt(variance + epsilon) gain + shift (Ba et al. 2016). gain and shift
 * broadcast to x; id 0: none. */
pal_var pal_layer_norm(pal_var x, unsigned axes, pal_var gain, pal_var shift, double epsilon);

typedef struct pal_batch_norm_options {
    size_t struct_size;
    bool evaluate;   /* normalise by the running statistics, and leave them alone */
    double momentum; /* running += momentum (batch - running); 0: 0.1 */
    double epsilon;  /* 0: 1e-5 */
} pal_batch_norm_options;

/* Over the samples (and the plane) for each channel: x [n, c] or [n, c, h, w]; gain, shift (id 0: none) and the running
 * statistics, which are leaves, [c] (Ioffe and Szegedy 2015). In training their updates are recorded as assigns, with
 * the unbiased variance; a program includes them when asked; fewer than two values a channel are an error. NULL: train,
 * with the defaults. */
pal_var pal_batch_norm(pal_var x, pal_var gain, pal_var shift, pal_var running_mean, pal_var running_variance,
                       const pal_batch_norm_options *options);

/* ---- Densities, entropies, divergences, in nats --------------------------------------------------------------------
 *
 * Element by element, parameters broadcasting, but for the categorical and the full normal, which reduce their last
 * axis. A full covariance is given by its lower Cholesky factor [.., d, d], whose diagonal is positive. Logits of
 * classes may be -inf: impossible. Divergences of near distributions cancel; how far, divergence.c tells. */

pal_var pal_normal_log_density(pal_var x, pal_var mean, pal_var log_variance);
pal_var pal_normal_full_log_density(pal_var x, pal_var mean, pal_var factor); /* [.., d] -> [..] */
pal_var pal_bernoulli_log_density(pal_var x, pal_var logits);                 /* x in [0,1] */
pal_var pal_categorical_log_density(pal_var x, pal_var logits);               /* x one-hot [.., classes] -> [..] */
pal_var pal_laplace_log_density(pal_var x, pal_var location, pal_var log_scale);
pal_var pal_logistic_log_density(pal_var x, pal_var location, pal_var log_scale);
pal_var pal_poisson_log_density(pal_var x, pal_var log_rate);

pal_var pal_normal_entropy(pal_var log_variance);
pal_var pal_normal_full_entropy(pal_var factor);
pal_var pal_bernoulli_entropy(pal_var logits);
pal_var pal_categorical_entropy(pal_var logits);
pal_var pal_laplace_entropy(pal_var log_scale);

/* KL(p || q) */
pal_var pal_normal_kl(pal_var mean_p, pal_var log_variance_p, pal_var mean_q, pal_var log_variance_q);
pal_var pal_normal_kl_standard(pal_var mean, pal_var log_variance); /* q = N(0, 1) */
pal_var pal_normal_full_kl(pal_var mean_p, pal_var factor_p, pal_var mean_q, pal_var factor_q);
pal_var pal_bernoulli_kl(pal_var logits_p, pal_var logits_q);
pal_var pal_categorical_kl(pal_var logits_p, pal_var logits_q);
pal_var pal_laplace_kl(pal_var location_p, pal_var log_scale_p, pal_var location_q, pal_var log_scale_q);
pal_var pal_poisson_kl(pal_var log_rate_p, pal_var log_rate_q);

/* ---- Second derivatives and Jacobians ------------------------------------------------------------------------- */

pal_var pal_hvp(pal_var y, pal_var x, pal_var direction); /* Hessian of the scalar y times direction, of x's shape */
/* d y / d x as [y's axes..., x's axes...], 6 at most: by rows (vjp) or by columns (jvp), whichever are fewer, in a
 * region. Of y's type. */
pal_var pal_jacobian(pal_var y, pal_var x);
pal_var pal_hessian(pal_var y, pal_var x); /* of a scalar: [x's axes..., x's axes...] */

/* The squared Frobenius norm of the Jacobian d h / d x, h [n,k], x [n,...], samples independent: a scalar, the mean
 * over samples (the penalty of Rifai et al. 2011, "Contractive auto-encoders"). rows: exact, row by row through double
 * backward, in a region: k backward passes. layers: exact, for an encoder of affine layers, elementwise activations and
 * elementwise factors, by propagating the Jacobian through it: a few products; x may be flattened first. A tape error
 * names what else stands between. hutchinson: unbiased, one standard normal projection a sample from the named stream
 * (Hutchinson 1990): one backward pass. */
pal_var pal_jacobian_norm2_rows(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_layers(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_hutchinson(pal_var h, pal_var x, const char *stream);
/* The exact ones for each sample, [n]. */
pal_var pal_jacobian_norm2_rows_each(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_layers_each(pal_var h, pal_var x);

/* ---- The registry --------------------------------------------------------------------------------------------- */

const pal_op *pal_op_at(size_t i);           /* all of them, by family; NULL: no more */
const pal_op *pal_op_find(const char *name); /* NULL: none of that name */
const char *pal_op_family(size_t i);         /* "elementwise", ...: that of pal_op_at(i) */

#ifdef __cplusplus
}
#endif
#endif
