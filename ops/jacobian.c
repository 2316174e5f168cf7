/* jacobian.c - Hessians, Jacobians, and the squared norm of a Jacobian, by rows and by Hutchinson's estimator.
 *
 * jacobian_layers.c computes the norm for layered encoders. Everything is recorded as operations, so the results can be
 * differentiated again. */
#include "autograd/wiring.h"
#include "ops/internal.h"

static pal_var nothing(pal_var y, pal_var x) { return (pal_var){.tape = y.tape ? y.tape : x.tape}; }

/* ---- Second derivatives --------------------------------------------------------------------------------------- */

/* The Hessian is symmetric, so H d = H^T d is the vjp of the gradient. The jvp would give the same numbers, but it is
 * composed of two vjps (pal_jvp) and records more operations. */
pal_var pal_hvp(pal_var y, pal_var x, pal_var direction)
{
    char a[96], b[96];
    pal_var g, out = nothing(y, x);
    if (!pal__function_of("hvp", y, x) || !pal__function_of("hvp: direction", x, direction) ||
        !pal__is_scalar("hvp", y))
        return out;
    if (!pal_shape_equal(pal_shape_of(x), pal_shape_of(direction)))
        return pal_tape_fail(out.tape, PAL_ERR_SHAPE, "hvp: the direction is %s, x is %s",
                             pal_shape_text(pal_shape_of(direction), a, sizeof a),
                             pal_shape_text(pal_shape_of(x), b, sizeof b));
    if (pal_dtype_of(x) != pal_dtype_of(direction))
        return pal_tape_fail(out.tape, PAL_ERR_TYPE, "hvp: the direction is %s, x is %s",
                             pal_dtype_name(pal_dtype_of(direction)), pal_dtype_name(pal_dtype_of(x)));
    if (pal_grad(y, &x, 1, &g) == PAL_OK) pal_vjp(g, direction, &x, 1, &out);
    return out;
}

typedef struct jacobian {
    pal_var y, x;
    int64_t rows, columns; /* elements of y and of x */
    bool each;             /* a norm for each sample */
} jacobian;

/* A matrix [lines, length] whose row k is `line`; all other rows are zeros. */
static pal_var place(pal_var line, pal_var k, int64_t length, int64_t lines)
{
    return pal_embed_at(pal_reshape(line, PAL_SHAPE(1, length)), k, 0, lines);
}

static pal_var unit_like(pal_var k, pal_var v)
{
    return pal_reshape(pal_one_hot(k, pal_shape_count(pal_shape_of(v)), pal_dtype_of(v)), pal_shape_of(v));
}

static pal_var one_row(pal_tape *t, pal_var k, void *user)
{
    const jacobian *j = user;
    pal_var row = {.tape = t};
    if (pal_vjp(j->y, unit_like(k, j->y), &j->x, 1, &row) != PAL_OK) return row;
    return place(row, k, j->columns, j->rows);
}

static pal_var one_column(pal_tape *t, pal_var k, void *user)
{
    const jacobian *j = user;
    (void)t;
    return place(pal_jvp(j->y, j->x, unit_like(k, j->x)), k, j->rows, j->columns);
}

/* Cost, if y has R elements and x has C: min(R, C) vjps (a jvp costs two). Where they are small, the compiler computes
 * all of them at once (autograd/compile/batch.c). If not, the sum of min(R, C) matrices [R, C] that are mostly zeros
 * comes on top: R C min(R, C) additions. */
static pal_var record_jacobian(const char *name, pal_var y, pal_var x)
{
    jacobian j = {
        .y = y, .x = x, .rows = pal_shape_count(pal_shape_of(y)), .columns = pal_shape_count(pal_shape_of(x))};
    pal_shape shape = pal_shape_of(y), tail = pal_shape_of(x);
    if (shape.rank + tail.rank > PAL_MAX_RANK) {
        char a[96], b[96];
        return pal_tape_fail(y.tape, PAL_ERR_SHAPE, "%s: y %s and x %s have more than %d axes in all", name,
                             pal_shape_text(shape, a, sizeof a), pal_shape_text(tail, b, sizeof b), PAL_MAX_RANK);
    }
    for (int a = 0; a < tail.rank; a++) shape.dim[shape.rank++] = tail.dim[a];
    if (!j.rows || !j.columns) return pal_fill(y.tape, pal_dtype_of(y), shape, 0);
    pal_var m = j.rows <= j.columns ? pal_map_sum(y.tape, j.rows, one_row, &j)
                                    : pal_transpose(pal_map_sum(y.tape, j.columns, one_column, &j));
    if (pal_ok(m) && pal_dtype_of(m) != pal_dtype_of(y)) m = pal_cast(m, pal_dtype_of(y));
    return pal_reshape(m, shape);
}

pal_var pal_jacobian(pal_var y, pal_var x)
{
    return pal__function_of("jacobian", y, x) ? record_jacobian("jacobian", y, x) : nothing(y, x);
}

pal_var pal_hessian(pal_var y, pal_var x)
{
    pal_var g;
    if (!pal__function_of("hessian", y, x) || !pal__is_scalar("hessian", y) || pal_grad(y, &x, 1, &g) != PAL_OK)
        return nothing(y, x);
    return record_jacobian("hessian", g, x);
}

/* ---- Norms ---------------------------------------------------------------------------------------------------- */

/* All axes except the first, which is the sample. */
static unsigned features(pal_var v)
{
    int rank = pal_shape_of(v).rank;
    return rank > 0 ? (1u << rank) - 2 : 0;
}

/* The code has one row per sample, and the code of a sample depends only on that sample. So one seed gives the row for
 * all samples at once. */
static pal_var code_row(pal_tape *t, pal_var k, void *user)
{
    const jacobian *j = user;
    pal_var unit = pal_one_hot(k, pal_shape_of(j->y).dim[1], pal_dtype_of(j->y)), row = {.tape = t};
    pal_var seed = pal_broadcast_to(unit, pal_shape_of(j->y));
    if (pal_vjp(j->y, seed, &j->x, 1, &row) != PAL_OK) return row;
    return j->each ? pal_sum(pal_square(row), features(row), false) : pal_sum_squares(row);
}

pal_var pal_jacobian_norm2_rows(pal_var h, pal_var x)
{
    jacobian j = {.y = h, .x = x};
    if (!pal__is_code("jacobian_norm2_rows", h, x)) return nothing(h, x);
    pal_shape code = pal_shape_of(h);
    return pal_scale(pal_map_sum(h.tape, code.dim[1], code_row, &j), 1.0 / (double)code.dim[0]);
}

pal_var pal_jacobian_norm2_rows_each(pal_var h, pal_var x)
{
    jacobian j = {.y = h, .x = x, .each = true};
    if (!pal__is_code("jacobian_norm2_rows_each", h, x)) return nothing(h, x);
    return pal_map_sum(h.tape, pal_shape_of(h).dim[1], code_row, &j);
}

/* E ||J^T z||^2 = ||J||^2 for z with E z z^T = I. */
pal_var pal_jacobian_norm2_hutchinson(pal_var h, pal_var x, const char *stream)
{
    if (!pal__is_code("jacobian_norm2_hutchinson", h, x)) return nothing(h, x);
    pal_var row, seed = pal_normal(h.tape, stream, pal_shape_of(h));
    if (pal_ok(seed) && pal_dtype_of(seed) != pal_dtype_of(h)) seed = pal_cast(seed, pal_dtype_of(h));
    if (pal_vjp(h, seed, &x, 1, &row) != PAL_OK) return row;
    return pal_mean_over_samples(pal_square(row));
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

static pal_var encode(const pal_var *in) /* x, W */ { return pal_tanh(pal_matmul(in[0], in[1])); }

static pal_var case_hvp(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_hvp(pal_sum_squares(encode(in)), in[1], in[2]);
}

static pal_var case_hvp_vector(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_hvp(pal_sum_all(pal_exp(pal_mul(in[0], in[1]))), in[0], in[1]);
}

/* clang-format off */
static const pal_case cases_hvp[] = {
    {.label = "by a weight", .n = 3, .in = {{{2, {2, 3}}, -0.7, 0.7}, {{2, {3, 2}}, -0.7, 0.7}, {{2, {3, 2}}, -1, 1}},
     .build = case_hvp},
    {.label = "vector", .n = 2, .in = {{{1, {5}}, -1, 1}, {{1, {5}}, -1, 1}}, .build = case_hvp_vector},
    {.label = "empty", .n = 2, .in = {{{1, {0}}, -1, 1}, {{1, {0}}, -1, 1}}, .build = case_hvp_vector},
};
/* clang-format on */

static pal_var case_jacobian(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian(encode(in), in[0]);
}

static pal_var case_jacobian_scalar(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian(pal_sum_all(pal_sin(in[0])), in[0]);
}

static pal_var case_jacobian_by_scalar(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian(pal_sin(pal_mul(in[0], in[1])), in[1]);
}

static const pal_case cases_jacobian[] = {
    {.label = "by rows", .n = 2, .in = {{{2, {2, 3}}, -1, 1}, {{2, {3, 2}}, -1, 1}}, .build = case_jacobian},
    {.label = "by columns", .n = 2, .in = {{{2, {2, 2}}, -1, 1}, {{2, {2, 3}}, -1, 1}}, .build = case_jacobian},
    {.label = "of a scalar", .n = 1, .in = {{{2, {2, 3}}, -1, 1}}, .build = case_jacobian_scalar},
    {.label = "by a scalar", .n = 2, .in = {{{1, {4}}, -1, 1}, {{0, {0}}, 0.5, 1}}, .build = case_jacobian_by_scalar},
    {.label = "empty", .n = 2, .in = {{{2, {0, 3}}, -1, 1}, {{2, {3, 2}}, -1, 1}}, .build = case_jacobian},
};

static pal_var case_hessian(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_hessian(pal_sum_squares(encode(in)), in[1]);
}

static pal_var case_hessian_scalar(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_hessian(pal_sin(in[0]), in[0]);
}

static const pal_case cases_hessian[] = {
    {.label = "by a weight", .n = 2, .in = {{{2, {2, 3}}, -1, 1}, {{2, {3, 2}}, -1, 1}}, .build = case_hessian},
    {.label = "scalar", .n = 1, .in = {{{0, {0}}, 0.5, 1}}, .build = case_hessian_scalar},
};

static pal_var case_norm2(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian_norm2_rows(encode(in), in[0]);
}

static pal_var case_norm2_each(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian_norm2_rows_each(encode(in), in[0]);
}

static pal_var case_norm2_hutchinson(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_jacobian_norm2_hutchinson(encode(in), in[0], "probe");
}

static const pal_case cases_rows[] = {
    {.label = "tanh layer", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_norm2},
    {.label = "size 1", .n = 2, .in = {{{2, {1, 1}}, 0.5, 1}, {{2, {1, 1}}, 0.5, 1}}, .build = case_norm2}};
static const pal_case cases_rows_each[] = {
    {.label = "tanh layer", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_norm2_each}};
/* clang-format off */
static const pal_case cases_hutchinson[] = {
    {.label = "tanh layer", .n = 2, .in = {{{2, {3, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}}, .build = case_norm2_hutchinson},
};
/* clang-format on */

/* clang-format off */
#define DESCRIBE(op, list, name, formula, summary) \
    static const pal_op op = {PAL_OP_HEAD(name, formula, summary), \
                              .op_class = PAL_CLASS_COMPOSITE, .cases = list, .n_cases = PAL_COUNT(list)};
DESCRIBE(op_hvp, cases_hvp, "hvp", "(d^2 y / d x^2) v", "Hessian of a scalar times a direction")
DESCRIBE(op_jacobian, cases_jacobian, "jacobian", "J[i,j] = d y[i] / d x[j]",
         "Jacobian, by rows or by columns, whichever are fewer")
DESCRIBE(op_hessian, cases_hessian, "hessian", "H[i,j] = d^2 y / d x[i] d x[j]", "all second derivatives of a scalar")
DESCRIBE(op_rows, cases_rows, "jacobian_norm2_rows", "mean_n sum_jd (d h[n,j] / d x[n,d])^2",
         "squared Frobenius norm of a code's Jacobian, row by row")
DESCRIBE(op_rows_each, cases_rows_each, "jacobian_norm2_rows_each", "sum_jd (d h[n,j] / d x[n,d])^2",
         "jacobian_norm2_rows for each sample")
DESCRIBE(op_hutchinson, cases_hutchinson, "jacobian_norm2_hutchinson", "mean_n ||J_n^T z_n||^2, z ~ N(0,1)",
         "unbiased estimate of jacobian_norm2_rows from one projection per sample")
#undef DESCRIBE

static const pal_op *const ops[] = {
    &op_hvp, &op_jacobian, &op_hessian, &op_rows, &op_rows_each,
    &pal__op_jacobian_norm2_layers, &pal__op_jacobian_norm2_layers_each, &op_hutchinson};
/* clang-format on */
const pal__family pal__family_jacobian = {ops, PAL_COUNT(ops)};
