/* wiring.c - the operations that differentiation itself needs (add, fill, sum_to, broadcast_to), and two that belong to
 * the engine (stop_gradient, copy). Descriptors of entries that are not operations are in tape.c, assign in append.c,
 * map_sum in region.c. All other operations are in ops/. */
#include "autograd/internal.h"
#include "autograd/machine/kernels.h"

#include <stdio.h>
#include <string.h>

bool pal_infer_same(pal_infer *r)
{
    if (!r || !r->n || !r->shapes || !r->dtypes) return pal_infer_fail(r, "needs an operand");
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    for (size_t i = 0; i < r->n; i++) {
        if (r->dtypes[i] != r->dtype || !pal_dtype_real(r->dtype)) {
            snprintf(r->why, sizeof r->why, "operands must be of one real type, not %s and %s",
                     pal_dtype_name(r->dtype), pal_dtype_name(r->dtypes[i]));
            return false;
        }
        if (!pal_shape_broadcast(r->shape, r->shapes[i], &r->shape)) return false;
    }
    return true;
}

/* A shape is stored in params.i as its rank and its dimensions. */
static pal_params shape_params(pal_shape shape)
{
    pal_params p = {.i[0] = shape.rank};
    for (int a = 0; a < shape.rank && a < PAL_MAX_RANK; a++) p.i[1 + a] = shape.dim[a];
    return p;
}

static pal_shape params_shape(const pal_params *p)
{
    pal_shape s = {.rank = (int32_t)p->i[0]};
    for (int a = 0; a < s.rank && a < PAL_MAX_RANK; a++) s.dim[a] = p->i[1 + a];
    return s;
}

/* ---- add ------------------------------------------------------------------------------------------------------ */

static pal_var seed_rule(const pal_rule *r, size_t k)
{
    (void)k;
    return r->seed;
}

/* clang-format off */
#define ADD_TILES(name, isa) {[PAL_F32] = pal__##name##_f32_##isa, [PAL_F64] = pal__##name##_f64_##isa}
/* clang-format on */
const pal_op pal__op_add = {
    PAL_OP_HEAD("add", "a + b", "sum of two values"),
    .op_class = PAL_CLASS_ELEMENTWISE,
    .arity = 2,
    .capabilities = PAL_COMMUTATIVE,
    .infer = pal_infer_same,
    .derivative = {PAL_HAS_RULE, PAL_HAS_RULE},
    .vjp = seed_rule,
    .tile = PAL_EACH_ISA(ADD_TILES, add),
    .low = {-3, -3},
    .high = {3, 3},
};

pal_var pal_add(pal_var a, pal_var b) { return pal_record(NULL, &pal__op_add, (pal_var[]){a, b}, 2, NULL); }

/* ---- fill ----------------------------------------------------------------------------------------------------- */

static bool infer_fill(pal_infer *r)
{
    r->shape = params_shape(r->params);
    r->dtype = (pal_dtype)r->params->i[7];
    if (!pal_dtype_size(r->dtype) || r->dtype == PAL_BF16) return pal_infer_fail(r, "no such element type");
    if (!pal__holds(r->dtype, r->params->r[0]))
        return pal_infer_fail(r, "the element type does not hold this value: give a whole number in its range");
    return pal_shape_count(r->shape) >= 0 || pal_infer_fail(r, "not a shape");
}

const pal_op pal__op_fill = {
    PAL_OP_HEAD("fill", "c", "the same constant in every element"),
    .op_class = PAL_CLASS_CONSTANT,
    .n_ints = 8,
    .n_reals = 1,
    .infer = infer_fill,
};

pal_var pal_fill(pal_tape *tape, pal_dtype dtype, pal_shape shape, double value)
{
    if (pal_shape_count(shape) < 0) return pal_tape_fail(tape, PAL_ERR_SHAPE, "fill: not a shape");
    pal_params p = shape_params(shape);
    p.i[7] = (int64_t)dtype;
    p.r[0] = value;
    return pal_record(tape, &pal__op_fill, NULL, 0, &p);
}

pal_var pal_constant(pal_tape *tape, double value)
{
    return tape ? pal_fill(tape, tape->real, PAL_SCALAR, value) : (pal_var){0};
}

/* ---- range ---------------------------------------------------------------------------------------------------- */

static bool infer_range(pal_infer *r)
{
    r->dtype = PAL_I32;
    r->shape = PAL_SHAPE(r->params->i[0]);
    return (r->params->i[0] >= 0 && r->params->i[0] <= INT32_MAX) || pal_infer_fail(r, "needs 0 to 2147483647 numbers");
}

static pal_status run_range(const pal_call *c)
{
    int32_t *y = c->out;
    for (int32_t i = 0; i < c->shape.dim[0]; i++) y[i] = i;
    return PAL_OK;
}

const pal_op pal__op_range = {
    PAL_OP_HEAD("range", "y[i] = i", "the integers 0, 1, 2, ..."),
    .op_class = PAL_CLASS_OPAQUE,
    .n_ints = 1,
    .infer = infer_range,
    .run = run_range,
};

pal_var pal_range(pal_tape *tape, int64_t n)
{
    return pal_record(tape, &pal__op_range, NULL, 0, &(pal_params){.i = {n}});
}

bool pal__is_scalar(const char *name, pal_var y)
{
    char shape[96];
    if (pal_shape_count(pal_shape_of(y)) == 1) return true;
    pal_tape_fail(y.tape, PAL_ERR_SHAPE, "%s: y is %s, not a scalar", name,
                  pal_shape_text(pal_shape_of(y), shape, sizeof shape));
    return false;
}

/* ---- broadcast_to and sum_to ---------------------------------------------------------------------------------- */

static bool infer_broadcast(pal_infer *r)
{
    pal_shape joined;
    r->shape = params_shape(r->params);
    r->dtype = r->dtypes[0];
    return (pal_shape_count(r->shape) >= 0 && pal_shape_broadcast(r->shapes[0], r->shape, &joined) &&
            pal_shape_equal(joined, r->shape)) ||
           pal_infer_fail(r, "does not broadcast to the requested shape");
}

static bool view_broadcast(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                           int64_t *out_stride, int64_t *offset)
{
    (void)p;
    *offset = 0;
    for (int a = 0; a < out->rank; a++) {
        int b = a - (out->rank - in->rank);
        out_stride[a] = b < 0 || in->dim[b] == 1 ? 0 : in_stride[b];
    }
    return true;
}

/* A broadcast constant is a constant of the new shape. A change to the same shape is removed. */
static pal_var rewrite_reshaping(const pal_rule *r, bool rounding)
{
    (void)rounding;
    pal_shape to = params_shape(r->params), from = pal_shape_of(r->in[0]);
    if (pal_shape_equal(from, to)) return r->in[0];
    if (r->op == &pal__op_broadcast_to && pal_op_of(r->in[0])->op_class == PAL_CLASS_CONSTANT)
        return pal_fill(r->tape, pal_dtype_of(r->in[0]), to, pal_params_of(r->in[0])->r[0]);
    return (pal_var){0};
}

static pal_var batch_reshaping(const pal_rule *r, unsigned which, pal_shape term, pal_shape all)
{
    (void)which, (void)term;
    return r->op == &pal__op_sum_to ? pal_sum_to(r->in[0], all) : pal_broadcast_to(r->in[0], all);
}

static pal_var case_broadcast(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_broadcast_to(in[0], PAL_SHAPE(2, 3, 4));
}

static pal_var case_sum_to(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_sum_to(in[0], *(const pal_shape *)user);
}

static const pal_case broadcast_cases[] = {
    {.label = "row", .n = 1, .in = {{{1, {4}}, -2, 2}}, .build = case_broadcast},
    {.label = "middle", .n = 1, .in = {{{3, {2, 1, 4}}, -2, 2}}, .build = case_broadcast},
    {.label = "scalar", .n = 1, .in = {{{0, {0}}, -2, 2}}, .build = case_broadcast},
};

const pal_op pal__op_broadcast_to = {
    PAL_OP_HEAD("broadcast_to", "x repeated over new axes and axes of 1", "repeats values to a larger shape"),
    .op_class = PAL_CLASS_MOVEMENT,
    .capabilities = PAL_PLUMBING,
    .arity = 1,
    .n_ints = 7,
    .infer = infer_broadcast,
    .derivative = {PAL_HAS_RULE},
    .vjp = seed_rule, /* the engine sums over the axes that were broadcast */
    .rewrite = rewrite_reshaping,
    .batch = batch_reshaping,
    .view = view_broadcast,
    .cases = broadcast_cases,
    .n_cases = sizeof broadcast_cases / sizeof *broadcast_cases,
};

pal_var pal_broadcast_to(pal_var x, pal_shape shape)
{
    pal_params p = shape_params(shape);
    return pal_record(x.tape, &pal__op_broadcast_to, &x, 1, &p);
}

static bool infer_sum_to(pal_infer *r)
{
    pal_shape joined;
    r->shape = params_shape(r->params);
    r->dtype = r->dtypes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "only reals are summed");
    return (pal_shape_count(r->shape) >= 0 && pal_shape_broadcast(r->shapes[0], r->shape, &joined) &&
            pal_shape_equal(joined, r->shapes[0])) ||
           pal_infer_fail(r, "does not sum to the requested shape");
}

static pal_var vjp_sum_to(const pal_rule *r, size_t k) { return pal_broadcast_to(r->seed, pal_shape_of(r->in[k])); }

static const pal_shape to_scalar = {0}, to_row = {1, {4}}, to_column = {2, {3, 1}}, to_middle = {3, {1, 3, 1}},
                       to_ends = {3, {2, 1, 4}}, to_one = {3, {1, 1, 1}};
static const pal_case sum_to_cases[] = {
    {.label = "all", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_sum_to, .user = &to_scalar},
    {.label = "rows", .n = 1, .in = {{{2, {3, 4}}, -2, 2}}, .build = case_sum_to, .user = &to_row},
    {.label = "columns", .n = 1, .in = {{{3, {2, 3, 4}}, -2, 2}}, .build = case_sum_to, .user = &to_column},
    {.label = "ends", .n = 1, .in = {{{3, {2, 3, 4}}, -2, 2}}, .build = case_sum_to, .user = &to_middle},
    {.label = "middle", .n = 1, .in = {{{3, {2, 3, 4}}, -2, 2}}, .build = case_sum_to, .user = &to_ends},
    {.label = "kept", .n = 1, .in = {{{3, {2, 3, 4}}, -2, 2}}, .build = case_sum_to, .user = &to_one},
};

const pal_op pal__op_sum_to = {
    PAL_OP_HEAD("sum_to", "sum over the axes that shrink", "sums to a smaller shape: the adjoint of broadcast_to"),
    .op_class = PAL_CLASS_REDUCTION,
    .capabilities = PAL_PLUMBING,
    .arity = 1,
    .n_ints = 7,
    .infer = infer_sum_to,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_sum_to,
    .rewrite = rewrite_reshaping,
    .batch = batch_reshaping,
    .run = pal__sum_run,
    .scratch = pal__sum_scratch,
    .cases = sum_to_cases,
    .n_cases = sizeof sum_to_cases / sizeof *sum_to_cases,
};

pal_var pal_sum_to(pal_var x, pal_shape shape)
{
    pal_params p = shape_params(shape);
    return pal_record(x.tape, &pal__op_sum_to, &x, 1, &p);
}

/* ---- stop_gradient and copy ----------------------------------------------------------------------------------- */

static bool infer_first(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    return true;
}

static bool view_same(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                      int64_t *out_stride, int64_t *offset)
{
    (void)out, (void)p;
    *offset = 0;
    for (int a = 0; a < in->rank; a++) out_stride[a] = in_stride[a];
    return true;
}

static pal_var rewrite_to_operand(const pal_rule *r, bool rounding)
{
    (void)rounding;
    return r->in[0];
}

const pal_op pal__op_stop_gradient = {
    PAL_OP_HEAD("stop_gradient", "x", "the identity, with derivative zero"),
    .op_class = PAL_CLASS_MOVEMENT,
    .arity = 1,
    .infer = infer_first,
    .derivative = {PAL_ZERO_DERIVATIVE},
    .rewrite = rewrite_to_operand,
    .view = view_same,
};

pal_var pal_stop_gradient(pal_var x) { return pal_record(x.tape, &pal__op_stop_gradient, &x, 1, NULL); }

#define COPY(bits)                                                                                                     \
    static void copy##bits(size_t n, void *out, const void *const *in, const pal_tile *tile)                           \
    {                                                                                                                  \
        (void)tile, memmove(out, in[0], n *(bits / 8));                                                                \
    }
COPY(8)
COPY(32)
COPY(64)
#undef COPY

const pal_op pal__op_copy = {
    PAL_OP_HEAD("copy", "x", "the same values in separate storage"),
    .op_class = PAL_CLASS_ELEMENTWISE,
    .capabilities = PAL_PLUMBING,
    .arity = 1,
    .infer = infer_first,
    .derivative = {PAL_HAS_RULE},
    .vjp = seed_rule,
    .tile = {[PAL_ISA_BASELINE] =
                 {[PAL_F32] = copy32, [PAL_F64] = copy64, [PAL_I32] = copy32, [PAL_U8] = copy8, [PAL_BOOL] = copy8}},
    .low = {-2},
    .high = {2},
};

pal_var pal__copy(pal_var x) { return pal_record(x.tape, &pal__op_copy, &x, 1, NULL); }
