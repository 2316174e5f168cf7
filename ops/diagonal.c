/* diagonal.c - operations on matrices in the last two axes: the diagonal (a view), a matrix from a diagonal, and the
 * lower and upper triangle. Zeros are written, not computed by multiplication: they replace infinities and NaN too, and
 * are never -0. */
#include "ops/axes.h"

#include <string.h>

/* ---- diagonal and diagonal_matrix ----------------------------------------------------------------------------- */

static bool infer_diagonal(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    int rank = r->shape.rank;
    if (rank < 2 || r->shape.dim[rank - 1] != r->shape.dim[rank - 2])
        return pal_infer_fail(r, "the last two axes must be equal");
    r->shape.dim[--r->shape.rank] = 0;
    return true;
}

static pal_var vjp_diagonal(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_diagonal_matrix(r->seed);
}

static bool view_diagonal(const pal_shape *in, const pal_shape *out, const pal_params *p, const int64_t *in_stride,
                          int64_t *out_stride, int64_t *offset)
{
    (void)p;
    *offset = 0;
    for (int a = 0; a < out->rank; a++) out_stride[a] = in_stride[a];
    out_stride[out->rank - 1] = in_stride[in->rank - 2] + in_stride[in->rank - 1];
    return true;
}

static pal_var rewrite_diagonal(const pal_rule *r, bool rounding)
{
    pal_var x = r->in[0];
    (void)rounding;
    if (pal_op_of(x)->op_class != PAL_CLASS_CONSTANT) return (pal_var){0};
    pal_shape s = pal_shape_of(x);
    s.rank--;
    return pal_fill(r->tape, pal_dtype_of(x), s, pal_params_of(x)->r[0]);
}

static pal_var case_diagonal(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_square(pal_diagonal(in[0]));
}

static const pal_case cases_diagonal[] = {
    {.label = "matrix", .n = 1, .in = {{{2, {3, 3}}, -2, 2}}, .build = case_diagonal},
    {.label = "matrices", .n = 1, .in = {{{3, {2, 3, 3}}, -2, 2}}, .build = case_diagonal},
    {.label = "size 1", .n = 1, .in = {{{3, {2, 1, 1}}, -2, 2}}, .build = case_diagonal},
    {.label = "size 0", .n = 1, .in = {{{3, {2, 0, 0}}, -2, 2}}, .build = case_diagonal},
};

/* clang-format off */
const pal_op pal__op_diagonal = {
    PAL_OP_HEAD("diagonal", "y[i] = x[i,i]", "diagonal of the last two axes"),
    .op_class = PAL_CLASS_MOVEMENT, .arity = 1,
    .infer = infer_diagonal, .derivative = {PAL_HAS_RULE}, .vjp = vjp_diagonal,
    .rewrite = rewrite_diagonal, .view = view_diagonal,
    .cases = cases_diagonal, .n_cases = PAL_COUNT(cases_diagonal)};
/* clang-format on */

pal_var pal_diagonal(pal_var x) { return pal_record(x.tape, &pal__op_diagonal, &x, 1, NULL); }

static bool infer_matrix(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    int rank = r->shape.rank;
    if (rank < 1) return pal_infer_fail(r, "a scalar has no axis");
    if (rank == PAL_MAX_RANK) return pal_infer_fail(r, "the result has more than 6 axes");
    r->shape.dim[r->shape.rank++] = r->shape.dim[rank - 1];
    return true;
}

static pal_var vjp_matrix(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_diagonal(r->seed);
}

static pal_status run_matrix(const pal_call *c)
{
    size_t size = pal_dtype_size(c->dtype), n = pal__last(c->shape), rows = pal__rows(c->shape);
    memset(c->out, 0, rows * n * size);
    for (size_t row = 0; row < rows; row++)
        memcpy((char *)c->out + (row * n + row % n) * size, (const char *)c->in[0] + row * size, size);
    return PAL_OK;
}

static pal_var case_matrix(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_square(pal_diagonal_matrix(in[0]));
}

static const pal_case cases_matrix[] = {
    {.label = "vector", .n = 1, .in = {{{1, {3}}, -2, 2}}, .build = case_matrix},
    {.label = "vectors", .n = 1, .in = {{{2, {2, 3}}, -2, 2}}, .build = case_matrix},
    {.label = "size 1", .n = 1, .in = {{{2, {2, 1}}, -2, 2}}, .build = case_matrix},
    {.label = "size 0", .n = 1, .in = {{{2, {2, 0}}, -2, 2}}, .build = case_matrix},
};

/* clang-format off */
const pal_op pal__op_diagonal_matrix = {
    PAL_OP_HEAD("diagonal_matrix", "y[i,i] = x[i], else 0",
                "matrices with the given diagonals: the adjoint of diagonal"),
    .op_class = PAL_CLASS_INDEX, .arity = 1,
    .infer = infer_matrix, .derivative = {PAL_HAS_RULE}, .vjp = vjp_matrix, .run = run_matrix,
    .cases = cases_matrix, .n_cases = PAL_COUNT(cases_matrix)};
/* clang-format on */

pal_var pal_diagonal_matrix(pal_var x) { return pal_record(x.tape, &pal__op_diagonal_matrix, &x, 1, NULL); }

/* ---- lower_triangle and upper_triangle; params i[0]: the offset ----------------------------------------------- */

static bool infer_triangle(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    return r->shape.rank >= 2 || pal_infer_fail(r, "needs at least two axes");
}

/* Each of the two is its own adjoint. */
static pal_var vjp_triangle(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_record(NULL, r->op, &r->seed, 1, r->params);
}

/* lower: keeps the columns before the edge; otherwise keeps the columns from the edge on. */
static pal_status triangle(const pal_call *c, bool lower)
{
    size_t size = pal_dtype_size(c->dtype);
    int64_t n = (int64_t)pal__last(c->shape), rows = (int64_t)pal__rows(c->shape), m = c->shape.dim[c->shape.rank - 2],
            offset = c->params->i[0];
    offset = offset > n ? n : offset < -m - 1 ? -m - 1 : offset;
    for (int64_t row = 0; row < rows; row++) {
        int64_t edge = row % m + offset + lower;
        edge = edge < 0 ? 0 : edge > n ? n : edge;
        size_t before = (size_t)edge * size, behind = (size_t)(n - edge) * size, at = (size_t)(row * n) * size;
        char *y = (char *)c->out + at;
        const char *x = (const char *)c->in[0] + at;
        if (lower) {
            memcpy(y, x, before);
            memset(y + before, 0, behind);
        } else {
            memset(y, 0, before);
            memcpy(y + before, x + before, behind);
        }
    }
    return PAL_OK;
}

static pal_status run_lower(const pal_call *c) { return pal_shape_count(c->shape) ? triangle(c, true) : PAL_OK; }
static pal_status run_upper(const pal_call *c) { return pal_shape_count(c->shape) ? triangle(c, false) : PAL_OK; }

static pal_var case_lower(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_square(pal_lower_triangle(in[0], *(const int64_t *)user));
}

static pal_var case_upper(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_square(pal_upper_triangle(in[0], *(const int64_t *)user));
}

static const int64_t zero = 0, above = 1, below = -1;
/* clang-format off */
#define CASES(build_) \
    {.label = "square",      .n = 1, .in = {{{2, {3, 3}}, -2, 2}},    .build = build_, .user = &zero}, \
    {.label = "wide, above", .n = 1, .in = {{{2, {2, 4}}, -2, 2}},    .build = build_, .user = &above}, \
    {.label = "tall, below", .n = 1, .in = {{{3, {2, 4, 2}}, -2, 2}}, .build = build_, .user = &below}, \
    {.label = "size 0",      .n = 1, .in = {{{2, {0, 2}}, -2, 2}},    .build = build_, .user = &zero}
/* clang-format on */
static const pal_case cases_lower[] = {CASES(case_lower)};
static const pal_case cases_upper[] = {CASES(case_upper)};

/* clang-format off */
const pal_op pal__op_lower_triangle = {
    PAL_OP_HEAD("lower_triangle", "x[i,j] if j <= i + offset, else 0", "zeros above a diagonal"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = 1,
    .infer = infer_triangle, .derivative = {PAL_HAS_RULE}, .vjp = vjp_triangle, .run = run_lower,
    .cases = cases_lower, .n_cases = PAL_COUNT(cases_lower)};

const pal_op pal__op_upper_triangle = {
    PAL_OP_HEAD("upper_triangle", "x[i,j] if j >= i + offset, else 0", "zeros below a diagonal"),
    .op_class = PAL_CLASS_INDEX, .arity = 1, .n_ints = 1,
    .infer = infer_triangle, .derivative = {PAL_HAS_RULE}, .vjp = vjp_triangle, .run = run_upper,
    .cases = cases_upper, .n_cases = PAL_COUNT(cases_upper)};
/* clang-format on */

pal_var pal_lower_triangle(pal_var x, int64_t offset)
{
    return pal_record(x.tape, &pal__op_lower_triangle, &x, 1, &(pal_params){.i[0] = offset});
}

pal_var pal_upper_triangle(pal_var x, int64_t offset)
{
    return pal_record(x.tape, &pal__op_upper_triangle, &x, 1, &(pal_params){.i[0] = offset});
}
