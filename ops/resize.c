/* resize.c - changes the size of images, by the nearest pixel or by bilinear interpolation.
 *
 * Both are linear, and their adjoints are operations too. Bilinear interpolation puts the centres of pixels at halves
 * and repeats the edges. Each axis has a table that contains, for each pixel of the result, the source pixels and their
 * shares. An adjoint adds in row-major order of the result's pixels. */
#include "ops/internal.h"

#include <math.h>
#include <string.h>

/* params.i[0], i[1]: rows and columns of the result. */

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

static bool infer(pal_infer *r)
{
    const int64_t *size = r->params->i;
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    if (r->shape.rank != 4) return pal_infer_fail(r, "the images must have four axes");
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the images must have a real type");
    for (int a = 0; a < 2; a++) {
        if (size[a] < 1) return pal_infer_fail(r, "rows and columns must be at least 1");
        if (r->shape.dim[2 + a] < 1) return pal_infer_fail(r, "the images have no pixels");
        if (size[a] > INT32_MAX || r->shape.dim[2 + a] > INT32_MAX) return pal_infer_fail(r, "too large");
        r->shape.dim[2 + a] = size[a];
    }
    return true;
}

/* ---- Kernels: each task computes a few planes ----------------------------------------------------------------- */

typedef struct place { /* the value: low (1 - share) + high share */
    int32_t low, high;
    double share;
} place;

typedef struct resizing { /* h by w to oh by ow in the forward direction; each: planes per task */
    const pal_call *call;
    int64_t planes, each, h, w, oh, ow;
    place *rows, *cols;
    void (*plane)(const struct resizing *z, int64_t plane);
} resizing;

static void fill_nearest(place *at, int64_t n, int64_t size)
{
    for (int64_t i = 0; i < n; i++) at[i].low = at[i].high = (int32_t)(i * size / n);
}

static void fill_bilinear(place *at, int64_t n, int64_t size)
{
    for (int64_t i = 0; i < n; i++) {
        double x = ((double)i + 0.5) * ((double)size / (double)n) - 0.5;
        if (x < 0) x = 0;
        int64_t low = (int64_t)x < size - 1 ? (int64_t)x : size - 1;
        at[i] = (place){(int32_t)low, (int32_t)(low < size - 1 ? low + 1 : low), x - (double)low};
    }
}

#define T        float
#define FN(name) name##_f32
#include "ops/resize_type.h"
#undef T
#undef FN
#define T        double
#define FN(name) name##_f64
#include "ops/resize_type.h"

typedef void (*plane_fn)(const resizing *z, int64_t plane);
typedef struct mode {
    void (*fill)(place *at, int64_t n, int64_t size);
    plane_fn plane[2][2]; /* [adjoint][f64] */
} mode;

static const mode nearest = {fill_nearest, {{nearest_f32, nearest_f64}, {nearest_adjoint_f32, nearest_adjoint_f64}}};
static const mode bilinear = {fill_bilinear,
                              {{bilinear_f32, bilinear_f64}, {bilinear_adjoint_f32, bilinear_adjoint_f64}}};

static void planes_task(void *argument, size_t task, unsigned worker)
{
    const resizing *z = argument;
    int64_t first = (int64_t)task * z->each, end = first + z->each < z->planes ? first + z->each : z->planes;
    (void)worker;
    for (int64_t plane = first; plane < end; plane++) z->plane(z, plane);
}

static size_t scratch_of(const pal_shape *large)
{
    return pal_shape_count(*large) ? (size_t)(large->dim[2] + large->dim[3]) * sizeof(place) : 0;
}

static size_t scratch(const pal_call *call) { return scratch_of(&call->shape); }
static size_t scratch_adjoint(const pal_call *call) { return scratch_of(&call->in_shape[0]); }

static pal_status run(const pal_call *call, const mode *m, bool adjoint)
{
    enum { WORTH = 1 << 14 }; /* pixels per task */
    const pal_shape *from = adjoint ? &call->shape : &call->in_shape[0],
                    *to = adjoint ? &call->in_shape[0] : &call->shape;
    resizing z = {.call = call, .planes = from->dim[0] * from->dim[1], .h = from->dim[2], .w = from->dim[3]};
    if (!z.planes) return PAL_OK;
    z.oh = to->dim[2];
    z.ow = to->dim[3];
    z.rows = call->scratch;
    z.cols = z.rows + z.oh;
    m->fill(z.rows, z.oh, z.h);
    m->fill(z.cols, z.ow, z.w);
    z.plane = m->plane[adjoint][call->dtype == PAL_F64];
    z.each = WORTH / (z.oh * z.ow) + z.planes / 4096 + 1;
    pal_parallel(call->context, (size_t)((z.planes + z.each - 1) / z.each), planes_task, &z);
    return PAL_OK;
}

static pal_status run_nearest(const pal_call *c) { return run(c, &nearest, false); }
static pal_status run_nearest_adjoint(const pal_call *c) { return run(c, &nearest, true); }
static pal_status run_bilinear(const pal_call *c) { return run(c, &bilinear, false); }
static pal_status run_bilinear_adjoint(const pal_call *c) { return run(c, &bilinear, true); }

/* ---- Rules ---------------------------------------------------------------------------------------------------- */

static const pal_op op_nearest, op_nearest_adjoint, op_bilinear, op_bilinear_adjoint;

static pal_var resize(const pal_op *op, pal_var x, int64_t h, int64_t w)
{
    pal_params p = {.i = {h, w}};
    return pal_record(x.tape, op, &x, 1, &p);
}

/* The two operations of a pair are adjoints of each other. */
static pal_var vjp(const pal_rule *r, size_t k)
{
    static const pal_op *const pairs[][2] = {{&op_nearest, &op_nearest_adjoint}, {&op_bilinear, &op_bilinear_adjoint}};
    pal_shape x = pal_shape_of(r->in[k]);
    const pal_op *other = NULL;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            if (r->op == pairs[i][j]) other = pairs[i][1 - j];
    return resize(other, r->seed, x.dim[2], x.dim[3]);
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

typedef struct setting {
    const pal_op *op;
    int64_t h, w;
} setting;

static pal_var case_resize(pal_tape *t, const pal_var *in, const void *user)
{
    const setting *s = user;
    (void)t;
    return resize(s->op, in[0], s->h, s->w);
}

/* clang-format off */
#define CASE(LABEL, OP, N, C, H, W, OH, OW) \
    {.label = LABEL, .n = 1, .in = {{{4, {N, C, H, W}}, -2, 2}}, \
     .build = case_resize, .user = &(const setting){&OP, OH, OW}},
/* clang-format on */
#define CASES(OP)                                                                                                      \
    CASE("doubled", OP, 1, 2, 2, 3, 4, 6)                                                                              \
    CASE("halved", OP, 1, 1, 4, 6, 2, 3)                                                                               \
    CASE("odd", OP, 2, 1, 3, 4, 5, 3)                                                                                  \
    CASE("same size", OP, 1, 1, 3, 2, 3, 2)                                                                            \
    CASE("from one pixel", OP, 1, 1, 1, 1, 3, 2)                                                                       \
    CASE("to one pixel", OP, 1, 1, 3, 4, 1, 1)                                                                         \
    CASE("no images", OP, 0, 2, 2, 2, 3, 3)

static const pal_case cases_nearest[] = {CASES(op_nearest)};
static const pal_case cases_nearest_adjoint[] = {CASES(op_nearest_adjoint)};
static const pal_case cases_bilinear[] = {CASES(op_bilinear)};
static const pal_case cases_bilinear_adjoint[] = {CASES(op_bilinear_adjoint)};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define COMMON(NAME)                                                                                                   \
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = 2, .infer = infer, .derivative = {PAL_HAS_RULE}, .vjp = vjp,    \
    .run = run_##NAME, .cases = cases_##NAME, .n_cases = PAL_COUNT(cases_##NAME)

/* clang-format off */
static const pal_op op_nearest = {
    PAL_OP_HEAD("resize_nearest", "y[n,c,i,j] = x[n,c, floor(i h/h'), floor(j w/w')]", "takes the nearest pixel"),
    COMMON(nearest), .scratch = scratch};
static const pal_op op_nearest_adjoint = {
    PAL_OP_HEAD("resize_nearest_adjoint", "y[n,c, floor(i h/h'), floor(j w/w')] += x[n,c,i,j]",
                "adds each pixel to the nearest one: the adjoint of resize_nearest"),
    COMMON(nearest_adjoint), .scratch = scratch_adjoint};
static const pal_op op_bilinear = {
    PAL_OP_HEAD("resize_bilinear", "y[n,c,i,j] = x[n,c] at ((i+1/2) h/h' - 1/2, (j+1/2) w/w' - 1/2)",
                "bilinear interpolation; pixel centres at halves, edges repeat"),
    COMMON(bilinear), .scratch = scratch};
static const pal_op op_bilinear_adjoint = {
    PAL_OP_HEAD("resize_bilinear_adjoint", "y[n,c] += x[n,c,i,j] in bilinear shares",
                "distributes each pixel over its four neighbours: the adjoint of resize_bilinear"),
    COMMON(bilinear_adjoint), .scratch = scratch_adjoint};
/* clang-format on */

/* ---- Functions ------------------------------------------------------------------------------------------------ */

pal_var pal_resize_nearest(pal_var x, int64_t h, int64_t w) { return resize(&op_nearest, x, h, w); }
pal_var pal_resize_bilinear(pal_var x, int64_t h, int64_t w) { return resize(&op_bilinear, x, h, w); }

static const pal_op *const ops[] = {&op_nearest, &op_nearest_adjoint, &op_bilinear, &op_bilinear_adjoint};
const pal__family pal__family_resize = {ops, PAL_COUNT(ops)};
