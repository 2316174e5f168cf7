/* conv.c - two-dimensional convolution and its two adjoints. conv_run.c contains the kernels.
 *
 * Each of the three operations is the derivative of one trilinear form with respect to one of its arguments:
 *     sum over n, k, c, i, j, u, v of y[n,k,i,j] w[k,c,u,v] x[n, c, i stride + u dilation - padding, ...]
 * So the adjoint of each operation is another one of the three, and they suffice for derivatives of any order. */
#include "ops/conv_internal.h"

#include <string.h>

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

typedef enum form { FORWARD, TO_INPUT, TO_WEIGHTS } form;

/* The number of positions of a kernel of `kernel` elements along an axis; -1, with a reason in r: error. */
static int64_t positions(pal_infer *r, int axis, int64_t size, int64_t kernel)
{
    const int64_t *i = r->params->i;
    int64_t stride = i[PAL__STRIDE + axis], padding = i[PAL__PADDING + axis], dilation = i[PAL__DILATION + axis],
            extent, padded, n = -1;
    if (stride < 1 || dilation < 1 || padding < 0)
        pal_infer_fail(r, "strides and dilations must be at least 1, paddings at least 0");
    else if (size < 0 || kernel < 1)
        pal_infer_fail(r, kernel < 1 ? "the kernel is empty" : "the size of the images is negative");
    else if (__builtin_mul_overflow(kernel - 1, dilation, &extent) || __builtin_mul_overflow(padding, 2, &padded) ||
             __builtin_add_overflow(padded, size, &padded) || padded > INT64_MAX / 4 || extent > INT64_MAX / 4 ||
             stride > INT64_MAX / 4)
        pal_infer_fail(r, "too large");
    else if (extent >= padded)
        pal_infer_fail(r, "the kernel is larger than the padded images");
    else
        n = (padded - extent - 1) / stride + 1;
    return n;
}

/* BLAS counts in int, and the products that the kernels compute must not overflow. */
static bool in_range(pal_infer *r, const int64_t *factors, size_t n)
{
    int64_t product = 1;
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(product, factors[i], &product) || product > INT32_MAX)
            return pal_infer_fail(r, "an axis is too long for BLAS");
    return true;
}

/* Checks that images x, weights w and results y fit together. The shape that is not an operand comes from the
 * parameters; for FORWARD the shape of the results is computed. */
static bool infer(pal_infer *r, form f)
{
    const int64_t *i = r->params->i, groups = i[PAL__GROUPS];
    const pal_shape *a = &r->shapes[0], *b = &r->shapes[1];
    if (a->rank != 4 || b->rank != 4)
        return pal_infer_fail(r, f == FORWARD    ? "images and weights must have four axes"
                                 : f == TO_INPUT ? "results and weights must have four axes"
                                                 : "images and results must have four axes");
    if (r->dtypes[0] != r->dtypes[1] || !pal_dtype_real(r->dtypes[0]))
        return pal_infer_fail(r, "the operands must have one real type");
    if (groups < 1) return pal_infer_fail(r, "the number of groups must be at least 1");
    pal_shape x = *a, w = *b, y = f == FORWARD ? PAL_SHAPE(a->dim[0], b->dim[0], 0, 0) : f == TO_INPUT ? *a : *b;
    if (f == TO_INPUT) {
        x = PAL_SHAPE(a->dim[0], 0, i[PAL__SIZE], i[PAL__SIZE + 1]);
        if (__builtin_mul_overflow(w.dim[1], groups, &x.dim[1])) return pal_infer_fail(r, "too large");
    } else if (f == TO_WEIGHTS)
        w = PAL_SHAPE(y.dim[1], x.dim[1] / groups, i[PAL__SIZE], i[PAL__SIZE + 1]);
    if (x.dim[1] % groups || w.dim[0] % groups)
        return pal_infer_fail(r, "the number of groups does not divide the number of channels");
    if (x.dim[1] / groups != w.dim[1]) return pal_infer_fail(r, "the weights have another number of channels");
    if (y.dim[1] != w.dim[0]) return pal_infer_fail(r, "the weights have another number of output channels");
    if (x.dim[0] != y.dim[0]) return pal_infer_fail(r, "the numbers of images and results differ");
    for (int axis = 0; axis < 2; axis++) {
        int64_t n = positions(r, axis, x.dim[2 + axis], w.dim[2 + axis]);
        if (n < 0) return false;
        if (f == FORWARD)
            y.dim[2 + axis] = n;
        else if (y.dim[2 + axis] != n)
            return pal_infer_fail(r, f == TO_INPUT ? "images of that size do not give these results"
                                                   : "kernels of that size do not give these results");
    }
    r->dtype = r->dtypes[0];
    r->shape = f == FORWARD ? y : f == TO_INPUT ? x : w;
    return in_range(r, w.dim + 1, 3) && in_range(r, w.dim, 1) && in_range(r, x.dim + 2, 2) && in_range(r, y.dim + 2, 2);
}

static bool infer_conv2d(pal_infer *r) { return infer(r, FORWARD); }
static bool infer_to_input(pal_infer *r) { return infer(r, TO_INPUT); }
static bool infer_to_weights(pal_infer *r) { return infer(r, TO_WEIGHTS); }

/* ---- Rules ---------------------------------------------------------------------------------------------------- */

static const pal_op op_conv2d, op_to_input, op_to_weights;

/* Records one of the three with the options of the operation in r. An adjoint gets the size of `like`. */
static pal_var record(const pal_rule *r, const pal_op *op, pal_var a, pal_var b, const pal_var *like)
{
    pal_params p = *r->params;
    for (int axis = 0; axis < 2; axis++) p.i[PAL__SIZE + axis] = like ? pal_shape_of(*like).dim[2 + axis] : 0;
    return pal_record(r->tape, op, (pal_var[]){a, b}, 2, &p);
}

static pal_var vjp_conv2d(const pal_rule *r, size_t k)
{
    return k == 0 ? record(r, &op_to_input, r->seed, r->in[1], &r->in[0])
                  : record(r, &op_to_weights, r->in[0], r->seed, &r->in[1]);
}

static pal_var vjp_to_input(const pal_rule *r, size_t k)
{
    return k == 0 ? record(r, &op_conv2d, r->seed, r->in[1], NULL)
                  : record(r, &op_to_weights, r->seed, r->in[0], &r->in[1]);
}

static pal_var vjp_to_weights(const pal_rule *r, size_t k)
{
    return k == 0 ? record(r, &op_to_input, r->in[1], r->seed, &r->in[0])
                  : record(r, &op_conv2d, r->in[0], r->seed, NULL);
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

#define OPTIONS(...) (&(const pal_conv2d_options){.struct_size = sizeof(pal_conv2d_options), __VA_ARGS__})

/* One table for the three operations. Columns: label; images N, C, H, W; weights K, C/groups, KH, KW; result plane OH,
 * OW; options. */
#define EACH_SETTING(X)                                                                                                \
    X("defaults", 2, 1, 3, 4, 2, 1, 2, 2, 2, 3, NULL)                                                                  \
    X("rows unlike columns", 1, 2, 4, 3, 2, 2, 3, 2, 2, 4, OPTIONS(.stride = {2, 1}, .padding = {1, 1}))               \
    X("dilation", 1, 1, 5, 4, 2, 1, 2, 3, 3, 2, OPTIONS(.dilation = {2, 1}))                                           \
    X("two groups", 1, 4, 2, 3, 4, 2, 2, 1, 1, 2, OPTIONS(.groups = 2, .stride = {1, 2}))                              \
    X("one group per channel", 1, 2, 3, 3, 2, 1, 3, 3, 3, 3, OPTIONS(.groups = 2, .padding = {1, 1}))                  \
    X("kernel of 1 x 1", 1, 3, 2, 3, 2, 3, 1, 1, 2, 3, NULL)                                                           \
    X("pixels that no kernel covers", 1, 1, 4, 5, 2, 1, 1, 2, 2, 2, OPTIONS(.stride = {3, 3}))                         \
    X("size 1", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, NULL)                                                                    \
    X("no images", 0, 2, 3, 3, 2, 2, 2, 2, 2, 2, NULL)

typedef struct setting {
    int64_t size[2], kernel[2];
    const pal_conv2d_options *options;
} setting;

static pal_var case_conv2d(pal_tape *t, const pal_var *in, const void *user)
{
    const setting *s = user;
    (void)t;
    return pal_conv2d(in[0], in[1], s->options);
}

static pal_var case_to_input(pal_tape *t, const pal_var *in, const void *user)
{
    const setting *s = user;
    (void)t;
    return pal_conv2d_to_input(in[0], in[1], s->size[0], s->size[1], s->options);
}

static pal_var case_to_weights(pal_tape *t, const pal_var *in, const void *user)
{
    const setting *s = user;
    (void)t;
    return pal_conv2d_to_weights(in[0], in[1], s->kernel[0], s->kernel[1], s->options);
}

static pal_var case_transpose(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_conv_transpose2d(in[0], in[1], user);
}

#define USER(H, W, KH, KW, ...) (&(const setting){{H, W}, {KH, KW}, __VA_ARGS__})
/* clang-format off */
#define CASE(LABEL, BUILD, USER_, A, B, C, D, E, F, G, H) \
    {.label = LABEL, .n = 2, .in = {{{4, {A, B, C, D}}, -1, 1}, {{4, {E, F, G, H}}, -1, 1}}, \
     .build = BUILD, .user = USER_},
/* clang-format on */
#define CASE_CONV2D(LABEL, N, C, H, W, K, D, KH, KW, OH, OW, ...)                                                      \
    CASE(LABEL, case_conv2d, USER(H, W, KH, KW, __VA_ARGS__), N, C, H, W, K, D, KH, KW)
#define CASE_TO_INPUT(LABEL, N, C, H, W, K, D, KH, KW, OH, OW, ...)                                                    \
    CASE(LABEL, case_to_input, USER(H, W, KH, KW, __VA_ARGS__), N, K, OH, OW, K, D, KH, KW)
#define CASE_TO_WEIGHTS(LABEL, N, C, H, W, K, D, KH, KW, OH, OW, ...)                                                  \
    CASE(LABEL, case_to_weights, USER(H, W, KH, KW, __VA_ARGS__), N, C, H, W, N, K, OH, OW)

static const pal_case cases_conv2d[] = {EACH_SETTING(CASE_CONV2D)};
static const pal_case cases_to_input[] = {EACH_SETTING(CASE_TO_INPUT)};
static const pal_case cases_to_weights[] = {EACH_SETTING(CASE_TO_WEIGHTS)};
/* clang-format off */
static const pal_case cases_transpose[] = {
    CASE("defaults", case_transpose, NULL, 2, 2, 2, 2, 2, 1, 2, 2)
    CASE("doubles the plane", case_transpose, OPTIONS(.stride = {2, 2}, .padding = {1, 1}, .output_padding = {1, 1}),
         1, 2, 2, 2, 2, 1, 3, 3)
    CASE("rows unlike columns", case_transpose, OPTIONS(.stride = {1, 3}, .dilation = {2, 1}, .output_padding = {0, 1}),
         1, 1, 2, 3, 1, 2, 2, 1)
    CASE("two groups", case_transpose, OPTIONS(.groups = 2, .stride = {2, 1}), 1, 4, 2, 1, 4, 1, 1, 2)
    CASE("no images", case_transpose, NULL, 0, 2, 2, 2, 2, 1, 2, 2)
};
/* clang-format on */

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

/* clang-format off */
static const pal_op op_conv2d = {
    PAL_OP_HEAD("conv2d", "y[n,k,i,j] = sum_cuv w[k,c,u,v] x[n,c,si+du-p,sj+dv-p]",
                "cross-correlation of images with kernels; stride s, dilation d, padding p, groups"),
    .op_class = PAL_CLASS_PRODUCT, .arity = 2, .n_ints = PAL__GROUPS + 1,
    .infer = infer_conv2d, .derivative = {PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_conv2d,
    .run = pal__run_conv2d, .scratch = pal__scratch_conv2d,
    .cases = cases_conv2d, .n_cases = PAL_COUNT(cases_conv2d)};

static const pal_op op_to_input = {
    PAL_OP_HEAD("conv2d_to_input", "x[n,c,si+du-p,sj+dv-p] += sum_k w[k,c,u,v] y[n,k,i,j]",
                "from results to images: the adjoint of conv2d with respect to its images"),
    .op_class = PAL_CLASS_PRODUCT, .arity = 2, .n_ints = PAL__CONV_INTS,
    .infer = infer_to_input, .derivative = {PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_to_input,
    .run = pal__run_conv2d_to_input, .scratch = pal__scratch_conv2d_to_input,
    .cases = cases_to_input, .n_cases = PAL_COUNT(cases_to_input)};

static const pal_op op_to_weights = {
    PAL_OP_HEAD("conv2d_to_weights", "w[k,c,u,v] = sum_nij y[n,k,i,j] x[n,c,si+du-p,sj+dv-p]",
                "from images and results to weights: the adjoint of conv2d with respect to its weights"),
    .op_class = PAL_CLASS_PRODUCT, .arity = 2, .n_ints = PAL__CONV_INTS,
    .infer = infer_to_weights, .derivative = {PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_to_weights,
    .run = pal__run_conv2d_to_weights, .scratch = pal__scratch_conv2d_to_weights,
    .cases = cases_to_weights, .n_cases = PAL_COUNT(cases_to_weights)};
/* clang-format on */

/* clang-format off */
static const pal_op op_conv_transpose2d = {
    PAL_OP_HEAD("conv_transpose2d",
                "conv2d_to_input with images of size (h-1) s - 2 p + d (kh-1) + output_padding + 1",
                "transposed convolution: each pixel adds a scaled kernel to the result"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_transpose, .n_cases = PAL_COUNT(cases_transpose)};
/* clang-format on */

/* ---- Functions ------------------------------------------------------------------------------------------------ */

/* Converts options to parameters. output_padding receives that of a transposed convolution; NULL for the others, which
 * reject it. */
static bool read_options(pal_tape *t, const char *name, const pal_conv2d_options *options, pal_params *p,
                         int64_t *output_padding)
{
    pal_conv2d_options o = {0};
    *p = (pal_params){0};
    if (!pal_tape_options(t, &o, options, sizeof o, sizeof o, name)) return false;
    for (int a = 0; a < 2; a++) {
        p->i[PAL__STRIDE + a] = o.stride[a] ? o.stride[a] : 1;
        p->i[PAL__PADDING + a] = o.padding[a];
        p->i[PAL__DILATION + a] = o.dilation[a] ? o.dilation[a] : 1;
        if (output_padding) {
            output_padding[a] = o.output_padding[a];
        } else if (o.output_padding[a]) {
            pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: output_padding applies only to conv_transpose2d", name);
            return false;
        }
    }
    p->i[PAL__GROUPS] = o.groups ? o.groups : 1;
    return true;
}

static pal_var convolve(const pal_op *op, pal_var a, pal_var b, int64_t rows, int64_t columns,
                        const pal_conv2d_options *options)
{
    pal_tape *t = a.tape ? a.tape : b.tape;
    pal_params p;
    if (!read_options(t, op->name, options, &p, NULL)) return (pal_var){.tape = t};
    p.i[PAL__SIZE] = rows;
    p.i[PAL__SIZE + 1] = columns;
    return pal_record(t, op, (pal_var[]){a, b}, 2, &p);
}

pal_var pal_conv2d(pal_var x, pal_var weights, const pal_conv2d_options *options)
{
    return convolve(&op_conv2d, x, weights, 0, 0, options);
}

pal_var pal_conv2d_to_input(pal_var y, pal_var weights, int64_t h, int64_t w, const pal_conv2d_options *options)
{
    return convolve(&op_to_input, y, weights, h, w, options);
}

pal_var pal_conv2d_to_weights(pal_var x, pal_var y, int64_t kh, int64_t kw, const pal_conv2d_options *options)
{
    return convolve(&op_to_weights, x, y, kh, kw, options);
}

bool pal_conv2d_options_of(pal_var v, pal_conv2d_options *options)
{
    if (pal_op_of(v) != &op_conv2d) return false;
    const int64_t *i = pal_params_of(v)->i;
    *options = (pal_conv2d_options){.struct_size = sizeof *options, .groups = i[PAL__GROUPS]};
    for (int a = 0; a < 2; a++) {
        options->stride[a] = i[PAL__STRIDE + a];
        options->padding[a] = i[PAL__PADDING + a];
        options->dilation[a] = i[PAL__DILATION + a];
    }
    return true;
}

/* The size of the images that a transposed convolution computes, along an axis; -1: overflow. */
static int64_t transposed_size(const pal_params *p, int axis, int64_t size, int64_t kernel, int64_t output_padding)
{
    int64_t stride = p->i[PAL__STRIDE + axis], padding = p->i[PAL__PADDING + axis],
            dilation = p->i[PAL__DILATION + axis], steps, extent, twice, n;
    if (__builtin_mul_overflow(size - 1, stride, &steps) || __builtin_mul_overflow(kernel - 1, dilation, &extent) ||
        __builtin_mul_overflow(padding, 2, &twice) || __builtin_sub_overflow(steps, twice, &n) ||
        __builtin_add_overflow(n, extent, &n) || __builtin_add_overflow(n, output_padding + 1, &n))
        return -1;
    return n;
}

pal_var pal_conv_transpose2d(pal_var x, pal_var weights, const pal_conv2d_options *options)
{
    static const char name[] = "conv_transpose2d";
    pal_tape *t = x.tape ? x.tape : weights.tape;
    pal_shape shapes[] = {pal_shape_of(x), pal_shape_of(weights)};
    pal_dtype dtypes[] = {pal_dtype_of(x), pal_dtype_of(weights)};
    pal_params p;
    int64_t extra[2];
    if (!read_options(t, name, options, &p, extra)) return (pal_var){.tape = t};
    if (!pal_ok(x) || !pal_ok(weights))
        return pal_tape_fail(t, PAL_ERR_TAPE, "%s: operand %d is a bad handle", name, pal_ok(x) ? 2 : 1);
    pal_infer r = {.n = 2, .shapes = shapes, .dtypes = dtypes, .params = &p};
    bool ok = true;
    for (int a = 0; a < 2 && ok && shapes[0].rank == 4 && shapes[1].rank == 4; a++) {
        int64_t size = shapes[0].dim[2 + a], kernel = shapes[1].dim[2 + a], stride = p.i[PAL__STRIDE + a];
        if (stride < 1 || p.i[PAL__DILATION + a] < 1) break; /* infer_to_input reports it */
        if (extra[a] < 0 || extra[a] >= stride)
            ok = pal_infer_fail(&r, "the output padding must be at least 0 and less than the stride");
        else if (!size)
            ok = pal_infer_fail(&r, "the images have no pixels");
        else
            p.i[PAL__SIZE + a] = transposed_size(&p, a, size, kernel, extra[a]);
        if (ok && p.i[PAL__SIZE + a] < 1 && kernel)
            ok = pal_infer_fail(&r, "the padding leaves no pixels of the images");
    }
    char a[96], b[96];
    if (!ok || !infer_to_input(&r))
        return pal_tape_fail(t, PAL_ERR_SHAPE, "%s: %s x %s: %s", name, pal_shape_text(shapes[0], a, sizeof a),
                             pal_shape_text(shapes[1], b, sizeof b), r.why);
    return pal_record(t, &op_to_input, (pal_var[]){x, weights}, 2, &p);
}

static const pal_op *const ops[] = {&op_conv2d, &op_to_input, &op_to_weights, &op_conv_transpose2d};
const pal__family pal__family_conv = {ops, PAL_COUNT(ops)};
