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

/* ---- Elementwise: one prototype a row of elementwise.def ----------------------------------------------------------
 */

#define UNARY(name, ...)   pal_var pal_##name(pal_var x);
#define STEP(name, ...)    pal_var pal_##name(pal_var x);
#define BINARY(name, ...)  pal_var pal_##name(pal_var a, pal_var b);
#define COMPARE(name, ...) pal_var pal_##name(pal_var a, pal_var b);
#include "ops/elementwise.def"
#undef UNARY
#undef STEP
#undef BINARY
#undef COMPARE

pal_var pal_where(pal_var condition, pal_var a, pal_var b); /* a where the boolean holds, else b */
pal_var pal_cast(pal_var x, pal_dtype dtype);               /* truncates towards zero; to bool: not zero */

pal_var pal_like(pal_var x, double value);        /* a scalar constant of x's type */
pal_var pal_scale(pal_var x, double factor);      /* factor x */
pal_var pal_shift(pal_var x, double addend);      /* x + addend */
pal_var pal_one_minus(pal_var x);                 /* 1 - x */
pal_var pal_lerp(pal_var a, pal_var b, double t); /* a + t (b - a) */

/* ---- Reductions ---------------------------------------------------------------------------------------------------
 */

/* Sum over the axes whose bit is set (bit a: axis a); keep leaves axes of 1. */
pal_var pal_sum(pal_var x, unsigned axes, bool keep);
pal_var pal_mean(pal_var x, unsigned axes, bool keep);
pal_var pal_sum_all(pal_var x); /* to a scalar */
pal_var pal_mean_all(pal_var x);
/* The loss convention: x [n, ...] -> scalar, the mean over samples of the sum over features. */
pal_var pal_mean_over_samples(pal_var x);
pal_var pal_sum_squares(pal_var x); /* scalar */

/* ---- Shape --------------------------------------------------------------------------------------------------------
 */

pal_var pal_reshape(pal_var x, pal_shape shape); /* one dimension may be -1 */
pal_var pal_transpose(pal_var x);                /* the last two axes */
pal_var pal_permute(pal_var x, const int *axes); /* result axis a is operand axis axes[a]; rank of them */
/* Elements start[a], start[a] + step[a], ... (size[a] of them); steps at least 1. */
pal_var pal_slice(pal_var x, const int64_t *start, const int64_t *size, const int64_t *step);
/* The adjoint of slice: zeros of the given shape with x's elements at start[a] + i step[a]. */
pal_var pal_pad(pal_var x, pal_shape shape, const int64_t *start, const int64_t *step);

/* ---- Indexing -----------------------------------------------------------------------------------------------------
 */

/* Rows of x [n, ...] by i32 indices of any shape: the result is [indices..., ...]. Out of range: pal_run fails. */
pal_var pal_take(pal_var x, pal_var indices);
/* The adjoint of take: rows of x added into zeros [rows, ...]; in order of the indices. */
pal_var pal_scatter_add(pal_var x, pal_var indices, int64_t rows);
/* 1 at the index, else 0: indices (i32, any shape) -> [indices..., classes]. */
pal_var pal_one_hot(pal_var indices, int64_t classes, pal_dtype dtype);

/* ---- Linear algebra -----------------------------------------------------------------------------------------------
 */

/* a [.., m, k] x b [.., k, n] -> [.., m, n], leading axes broadcast. _t: the operand is given transposed. */
pal_var pal_matmul(pal_var a, pal_var b);
pal_var pal_matmul_t(pal_var a, pal_var b, bool a_transposed, bool b_transposed);

/* ---- Random: a named stream each (autograd.h, pal_noise) ----------------------------------------------------------
 */

pal_var pal_uniform(pal_tape *tape, const char *stream, pal_shape shape); /* [0,1), of the tape's type */
pal_var pal_normal(pal_tape *tape, const char *stream, pal_shape shape);
pal_var pal_bernoulli(pal_tape *tape, const char *stream, pal_shape shape, double probability); /* 0 or 1 */

/* ---- Composites ---------------------------------------------------------------------------------------------------
 */

/* x [n,d] w [d,k] + b [k]. b may have id 0 for none. */
pal_var pal_affine(pal_var x, pal_var w, pal_var b);
/* Per-batch sum of squares of the Jacobian d h / d x, h [n,k], x [n,d], samples independent: a scalar, the mean over
 * samples. rows: exact, row by row through double backward, in a region. hutchinson: unbiased, one standard normal
 * projection a sample from the named stream (Hutchinson 1990). */
pal_var pal_jacobian_norm2_rows(pal_var h, pal_var x);
pal_var pal_jacobian_norm2_hutchinson(pal_var h, pal_var x, const char *stream);

/* ---- The registry -------------------------------------------------------------------------------------------------
 */

const pal_op *pal_op_at(size_t i);           /* all of them, by family; NULL: no more */
const pal_op *pal_op_find(const char *name); /* NULL: none of that name */

#ifdef __cplusplus
}
#endif
#endif
