/* pool.c - maximum and average pooling.
 *
 * Maximum pooling is two operations: the index of the maximum, which has no derivative, and a gather along the
 * flattened plane. Average pooling is linear, and its adjoint is an operation too. Every window contains at least one
 * pixel, because the padding is at most half the window. */
#include "ops/internal.h"

#include <math.h>
#include <string.h>

/* Indices into params.i: window, stride, padding; for the adjoint of the average also the size of the images. */
enum { WINDOW = 0, STRIDE = 2, PADDING = 4, SIZE = 6 };

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

/* The number of windows along an axis; -1, with a reason in r: error. */
static int64_t windows(pal_infer *r, int axis, int64_t size)
{
    const int64_t *i = r->params->i;
    int64_t window = i[WINDOW + axis], stride = i[STRIDE + axis], padding = i[PADDING + axis];
    if (window < 1 || stride < 1 || padding < 0)
        pal_infer_fail(r, "windows and strides must be at least 1, paddings at least 0");
    else if (padding > window / 2)
        pal_infer_fail(r, "the padding is more than half the window");
    else if (size < 1)
        pal_infer_fail(r, "the images have no pixels");
    else if (window > INT32_MAX || size > INT32_MAX)
        pal_infer_fail(r, "too large");
    else if (window > size + 2 * padding)
        pal_infer_fail(r, "the window is larger than the padded images");
    else
        return (size + 2 * padding - window) / stride + 1;
    return -1;
}

/* Computes the pooled shape from the shape of the images. */
static bool pooled(pal_infer *r, pal_shape images, pal_shape *out)
{
    *out = images;
    if (images.rank != 4) return pal_infer_fail(r, "the images must have four axes");
    if (!pal_dtype_real(r->dtypes[0])) return pal_infer_fail(r, "the images must have a real type");
    for (int a = 0; a < 2; a++) {
        out->dim[2 + a] = windows(r, a, images.dim[2 + a]);
        if (out->dim[2 + a] < 0) return false;
    }
    return images.dim[2] * images.dim[3] <= INT32_MAX || pal_infer_fail(r, "too large");
}

static bool infer_arg(pal_infer *r)
{
    r->dtype = PAL_I32;
    return pooled(r, r->shapes[0], &r->shape);
}

static bool infer_average(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    return pooled(r, r->shapes[0], &r->shape);
}

static bool infer_average_adjoint(pal_infer *r)
{
    pal_shape from, to = r->shapes[0];
    if (to.rank != 4) return pal_infer_fail(r, "the pooled images must have four axes");
    to.dim[2] = r->params->i[SIZE];
    to.dim[3] = r->params->i[SIZE + 1];
    r->dtype = r->dtypes[0];
    r->shape = to;
    return pooled(r, to, &from) && (pal_shape_equal(from, r->shapes[0]) ||
                                    pal_infer_fail(r, "images of that size do not give these pooled images"));
}

/* ---- Kernels: each task computes a few planes ----------------------------------------------------------------- */

typedef struct pooling { /* images of h by w, pooled to oh by ow; each: planes per task */
    const pal_call *call;
    int64_t planes, each, h, w, oh, ow;
    void (*plane)(const struct pooling *p, int64_t plane);
} pooling;

typedef struct range {
    int64_t begin, end;
} range;

/* The pixels of window i along an axis, without padding. */
static range window_at(const pooling *p, int axis, int64_t i)
{
    const int64_t *q = p->call->params->i;
    int64_t begin = i * q[STRIDE + axis] - q[PADDING + axis], end = begin + q[WINDOW + axis], size = axis ? p->w : p->h;
    return (range){begin < 0 ? 0 : begin, end > size ? size : end};
}

static void planes_task(void *argument, size_t task, unsigned worker)
{
    const pooling *p = argument;
    int64_t first = (int64_t)task * p->each, end = first + p->each < p->planes ? first + p->each : p->planes;
    (void)worker;
    for (int64_t plane = first; plane < end; plane++) p->plane(p, plane);
}

static pal_status run(const pal_call *call, const pal_shape *images, const pal_shape *out,
                      void (*plane)(const pooling *, int64_t))
{
    enum { WORTH = 1 << 14 }; /* pixels per task */
    pooling p = {.call = call, .planes = images->dim[0] * images->dim[1], .h = images->dim[2], .w = images->dim[3]};
    p.oh = out->dim[2];
    p.ow = out->dim[3];
    p.plane = plane;
    p.each = WORTH / (p.h * p.w) + p.planes / 4096 + 1;
    pal_parallel(call->context, (size_t)((p.planes + p.each - 1) / p.each), planes_task, &p);
    return PAL_OK;
}

#define T        float
#define FN(name) name##_f32
#include "ops/pool_type.h"
#undef T
#undef FN
#define T        double
#define FN(name) name##_f64
#include "ops/pool_type.h"

static pal_status run_arg(const pal_call *c)
{
    return run(c, &c->in_shape[0], &c->shape, c->in_dtype[0] == PAL_F32 ? arg_f32 : arg_f64);
}

static pal_status run_average(const pal_call *c)
{
    return run(c, &c->in_shape[0], &c->shape, c->dtype == PAL_F32 ? average_f32 : average_f64);
}

static pal_status run_average_adjoint(const pal_call *c)
{
    return run(c, &c->shape, &c->in_shape[0], c->dtype == PAL_F32 ? average_adjoint_f32 : average_adjoint_f64);
}

/* ---- Rules ---------------------------------------------------------------------------------------------------- */

static const pal_op op_average, op_average_adjoint;

static pal_var vjp_average(const pal_rule *r, size_t k)
{
    pal_params p = *r->params;
    for (int a = 0; a < 2; a++) p.i[SIZE + a] = pal_shape_of(r->in[k]).dim[2 + a];
    return pal_record(r->tape, &op_average_adjoint, &r->seed, 1, &p);
}

static pal_var vjp_average_adjoint(const pal_rule *r, size_t k)
{
    pal_params p = *r->params;
    (void)k;
    p.i[SIZE] = p.i[SIZE + 1] = 0;
    return pal_record(r->tape, &op_average, &r->seed, 1, &p);
}

/* The indices as unit vectors: they change exactly when the maximum moves to another pixel. */
static pal_var decision_arg(const pal_rule *r)
{
    pal_shape x = pal_shape_of(r->in[0]);
    return pal_greater(pal_one_hot(r->out, x.dim[2] * x.dim[3], PAL_F32), pal_fill(r->tape, PAL_F32, PAL_SCALAR, 0.5));
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

#define OPTIONS(...) (&(const pal_pool2d_options){.struct_size = sizeof(pal_pool2d_options), __VA_ARGS__})
#define EACH_SETTING(X)                                                                                                \
    X("window of 2", 1, 2, 4, 2, OPTIONS(.window = {2, 2}))                                                            \
    X("overlapping", 1, 1, 5, 4, OPTIONS(.window = {3, 2}, .stride = {1, 2}))                                          \
    X("padded", 2, 1, 3, 4, OPTIONS(.window = {2, 3}, .stride = {2, 1}, .padding = {1, 1}))                            \
    X("pixels outside every window", 1, 1, 4, 5, OPTIONS(.window = {1, 2}, .stride = {3, 3}))                          \
    X("size 1", 1, 1, 1, 1, OPTIONS(.window = {1, 1}))                                                                 \
    X("no images", 0, 2, 2, 2, OPTIONS(.window = {2, 2}))

static pal_var case_max(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_max_pool2d(in[0], user);
}

static pal_var case_average(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_average_pool2d(in[0], user);
}

/* Indices have no derivative, so the case uses the pixels that they select. The square gives a second derivative. */
static pal_var case_arg(pal_tape *t, const pal_var *in, const void *user)
{
    pal_shape x = pal_shape_of(in[0]);
    (void)t;
    pal_var places = pal_one_hot(pal_arg_pool2d(in[0], user), x.dim[2] * x.dim[3], PAL_F64);
    pal_var planes = pal_reshape(pal_square(in[0]), PAL_SHAPE(x.dim[0], x.dim[1], 1, 1, x.dim[2] * x.dim[3]));
    return pal_sum(pal_mul(places, planes), 1u << 4, false);
}

static pal_var case_average_adjoint(pal_tape *t, const pal_var *in, const void *user)
{
    return pal_record(t, &op_average_adjoint, in, 1, user);
}

#define CASE(LABEL, BUILD, N, C, H, W, ...)                                                                            \
    {.label = LABEL, .n = 1, .in = {{{4, {N, C, H, W}}, -4, 4}}, .build = BUILD, .user = __VA_ARGS__},
#define CASE_MAX(...)                        CASE_(case_max, __VA_ARGS__)
#define CASE_AVERAGE(...)                    CASE_(case_average, __VA_ARGS__)
#define CASE_ARG(...)                        CASE_(case_arg, __VA_ARGS__)
#define CASE_(BUILD, LABEL, N, C, H, W, ...) CASE(LABEL, BUILD, N, C, H, W, __VA_ARGS__)
#define PARAMS(...)                          (&(const pal_params){.i = {__VA_ARGS__}})

static const pal_case cases_max[] = {EACH_SETTING(CASE_MAX)};
static const pal_case cases_average[] = {EACH_SETTING(CASE_AVERAGE)};
static const pal_case cases_arg[] = {EACH_SETTING(CASE_ARG)};
/* clang-format off */
static const pal_case cases_average_adjoint[] = {
    CASE("window of 2", case_average_adjoint, 1, 2, 2, 1, PARAMS(2, 2, 2, 2, 0, 0, 4, 2))
    CASE("overlapping", case_average_adjoint, 1, 1, 3, 2, PARAMS(3, 2, 1, 2, 0, 0, 5, 4))
    CASE("padded", case_average_adjoint, 2, 1, 2, 4, PARAMS(2, 3, 2, 1, 1, 1, 3, 4))
    CASE("no images", case_average_adjoint, 0, 2, 1, 1, PARAMS(2, 2, 2, 2, 0, 0, 2, 2))
};
/* clang-format on */

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

/* clang-format off */
static const pal_op op_arg = {
    PAL_OP_HEAD("arg_pool2d", "y[n,c,i,j] = argmax over the window of x[n,c], in the plane",
                "index of each window's maximum; the first of equals, NaN counts as the largest, never padding"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = SIZE,
    .infer = infer_arg, .derivative = {PAL_ZERO_DERIVATIVE}, .decision = decision_arg, .run = run_arg,
    .cases = cases_arg, .n_cases = PAL_COUNT(cases_arg)};

static const pal_op op_max_pool2d = {
    PAL_OP_HEAD("max_pool2d", "y[n,c,i,j] = max over the window of x[n,c]",
                "maximum of each window; the derivative goes to the first of equals"),
    .op_class = PAL_CLASS_COMPOSITE, .cases = cases_max, .n_cases = PAL_COUNT(cases_max)};

static const pal_op op_average = {
    PAL_OP_HEAD("average_pool2d", "y[n,c,i,j] = mean over the window of x[n,c]",
                "mean of each window, without padding"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = SIZE,
    .infer = infer_average, .derivative = {PAL_HAS_RULE}, .vjp = vjp_average, .run = run_average,
    .cases = cases_average, .n_cases = PAL_COUNT(cases_average)};

static const pal_op op_average_adjoint = {
    PAL_OP_HEAD("average_pool2d_adjoint", "y[n,c] += x[n,c,i,j] / pixels, over the window",
                "spreads values evenly over their windows: the adjoint of average_pool2d"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = SIZE + 2,
    .infer = infer_average_adjoint, .derivative = {PAL_HAS_RULE}, .vjp = vjp_average_adjoint,
    .run = run_average_adjoint, .cases = cases_average_adjoint, .n_cases = PAL_COUNT(cases_average_adjoint)};
/* clang-format on */

/* ---- Functions ------------------------------------------------------------------------------------------------ */

static bool read_options(pal_tape *t, const char *name, const pal_pool2d_options *options, pal_params *p)
{
    pal_pool2d_options o = {0};
    *p = (pal_params){0};
    if (!options) pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: the options are missing: set a window", name);
    if (!options || !pal_tape_options(t, &o, options, sizeof o, sizeof o, name)) return false;
    for (int a = 0; a < 2; a++) {
        p->i[WINDOW + a] = o.window[a];
        p->i[STRIDE + a] = o.stride[a] ? o.stride[a] : o.window[a];
        p->i[PADDING + a] = o.padding[a];
    }
    return true;
}

static pal_var pool(const pal_op *op, pal_var x, const pal_pool2d_options *options)
{
    pal_params p;
    if (!read_options(x.tape, op->name, options, &p)) return (pal_var){.tape = x.tape};
    return pal_record(x.tape, op, &x, 1, &p);
}

pal_var pal_arg_pool2d(pal_var x, const pal_pool2d_options *options) { return pool(&op_arg, x, options); }
pal_var pal_average_pool2d(pal_var x, const pal_pool2d_options *options) { return pool(&op_average, x, options); }

pal_var pal_max_pool2d(pal_var x, const pal_pool2d_options *options)
{
    pal_shape s = pal_shape_of(x), shape;
    pal_dtype dtype = pal_dtype_of(x);
    char text[96];
    pal_params p;
    if (!read_options(x.tape, "max_pool2d", options, &p)) return (pal_var){.tape = x.tape};
    if (!pal_ok(x)) return pal_tape_fail(x.tape, PAL_ERR_TAPE, "max_pool2d: operand 1 is a bad handle");
    pal_infer r = {.n = 1, .shapes = &s, .dtypes = &dtype, .params = &p};
    if (!pooled(&r, s, &shape))
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "max_pool2d: %s: %s", pal_shape_text(s, text, sizeof text), r.why);
    pal_var places = pal_record(x.tape, &op_arg, &x, 1, &p);
    pal_var planes = pal_reshape(x, PAL_SHAPE(s.dim[0], s.dim[1], s.dim[2] * s.dim[3]));
    pal_var at = pal_reshape(places, PAL_SHAPE(s.dim[0], s.dim[1], shape.dim[2] * shape.dim[3]));
    return pal_reshape(pal_gather(planes, at, 2), shape);
}

static const pal_op *const ops[] = {&op_arg, &op_max_pool2d, &op_average, &op_average_adjoint};
const pal__family pal__family_pool = {ops, PAL_COUNT(ops)};
