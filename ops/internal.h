/* internal.h - shared by the files of ops/. */
#ifndef PAL_OPS_INTERNAL_H
#define PAL_OPS_INTERNAL_H

#include "autograd/machine/isa.h"
#include "ops/ops.h"

#define PAL_DECLARE_TILE(name, isa)                                                                                    \
    void pal__##name##_f32_##isa(size_t n, void *out, const void *const *in, const pal_tile *tile);                    \
    void pal__##name##_f64_##isa(size_t n, void *out, const void *const *in, const pal_tile *tile);
/* clang-format off */
#define PAL_REAL_TILES(name, isa) {[PAL_F32] = pal__##name##_f32_##isa, [PAL_F64] = pal__##name##_f64_##isa}
/* clang-format on */

extern const pal_op pal__op_permute, pal__op_reshape, pal__op_addmm;
/* matmul_rewrite.c: what a product takes along of its reader, and a transposed value of the product that reads it. */
pal_var pal__absorb_matmul(const pal_rule *consumer, size_t k, bool rounding);
pal_var pal__absorb_sum(const pal_rule *consumer, size_t k, bool rounding);
pal_var pal__absorb_transpose(const pal_rule *consumer, size_t k, bool rounding);
/* matmul.c: whether the operands of product t of a sum of products are transposed. */
pal_params pal__product_params(const pal_params *sum, size_t terms, size_t t);

/* batch.c. For products of matrices (the last two axes) with broadcast leading axes: the index of the operand's matrix
 * that belongs to item i of the batch. */
size_t pal__batch_item(const pal_shape *batch, const pal_shape *operand, size_t i);

extern const pal_op *const pal__mul, *const pal__div;
extern const pal_op pal__op_matmul, pal__op_matmul_sum, pal__op_slice_at, pal__op_embed_at;
/* zeros.c: the rewrites of slice_at and embed_at, and their rules for many terms of a region at once. */
pal_var pal__carry_zeros(const pal_rule *consumer, size_t k, bool rounding);
pal_var pal__slice_at_earlier(const pal_rule *rule, bool rounding);
pal_var pal__slice_at_batch(const pal_rule *rule, unsigned which, pal_shape term, pal_shape all);
pal_var pal__embed_at_batch(const pal_rule *rule, unsigned which, pal_shape term, pal_shape all);
/* outer.c: the rewrites of a product of two values that are both smaller than it; square: the operation x^2. */
pal_var pal__carry_outer(const pal_rule *consumer, size_t k, bool rounding, const pal_op *square);

extern const pal_op pal__op_jacobian_norm2_layers, pal__op_jacobian_norm2_layers_each;

#define PAL_COUNT(array) (sizeof(array) / sizeof *(array))

/* operands.c: checks of the operands of composites. If a check fails, the tape's error begins with name.
 *
 * pal__handles: all are valid handles of one tape; those whose bit in `optional` is set may have id 0. Every tape gets
 * the error.
 * pal__operands: all are valid handles of one tape and one real type, and broadcast to *shape.
 * pal__classes: in addition, the last axis of each has the same number of classes.
 * pal__function_of: y and x are valid handles of one tape and have real types.
 * pal__is_code: in addition, h is a code [n,k] and x are inputs [n,...].
 * pal__array: an argument with one number for each axis of x is not NULL, unless x has no axes. */
bool pal__handles(const char *name, const pal_var *in, size_t n, unsigned optional);
bool pal__operands(const char *name, const pal_var *in, size_t n, pal_shape *shape);
bool pal__classes(const char *name, const pal_var *in, size_t n, pal_shape *shape);
bool pal__function_of(const char *name, pal_var y, pal_var x);
bool pal__is_code(const char *name, pal_var h, pal_var x);
bool pal__array(const char *name, const char *argument, pal_var x, const void *array);

/* random.c: noise of a given type. draw_open: uniform in (0,1), so that its logarithm is finite. */
pal_var pal__draw_uniform(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype);
pal_var pal__draw_open(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype);
pal_var pal__draw_normal(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype);
pal_var pal__draw_gumbel(pal_tape *tape, const char *stream, pal_shape shape, pal_dtype dtype);

/* The list of each family's operations; registry.c joins them. */
typedef struct pal__family {
    const pal_op *const *ops;
    size_t n;
} pal__family;
#define PAL__EACH_FAMILY(X)                                                                                            \
    X(elementwise)                                                                                                     \
    X(shape)                                                                                                           \
    X(arrange)                                                                                                         \
    X(index)                                                                                                           \
    X(order)                                                                                                           \
    X(reduction)                                                                                                       \
    X(scan)                                                                                                            \
    X(linear)                                                                                                          \
    X(einsum)                                                                                                          \
    X(factor)                                                                                                          \
    X(conv)                                                                                                            \
    X(pool)                                                                                                            \
    X(resize)                                                                                                          \
    X(random)                                                                                                          \
    X(sample)                                                                                                          \
    X(layer)                                                                                                           \
    X(normalise)                                                                                                       \
    X(density)                                                                                                         \
    X(divergence)                                                                                                      \
    X(full_normal)                                                                                                     \
    X(jacobian)
#define PAL__FAMILY(name) extern const pal__family pal__family_##name;
PAL__EACH_FAMILY(PAL__FAMILY)
#undef PAL__FAMILY

#endif
