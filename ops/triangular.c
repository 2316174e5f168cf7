/* triangular.c - lower triangles of matrices, and triangular systems of equations.
 *
 * The right-hand sides of a system are divided into panels; the division depends only on shape and lanes. A task is one
 * or more panels of the batch. Each panel is solved by one thread, so the bits depend neither on the number of threads
 * nor on their order. */
#include "ops/factor.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_A_TASK = 64, SMALL = 1024 };

typedef struct solve_job {
    const pal_call *call;
    int64_t n, k;
    bool transposed, small; /* small: solved without BLAS */
    size_t panels, size;    /* panels per system; bytes per element */
    size_t parts, grain;    /* panels in all; panels per task */
    pal_shape batch;
} solve_job;

#define T     float
#define FN(x) x##_f32
#define TRSM  cblas_strsm
#include "ops/triangular_type.h"
#undef T
#undef FN
#undef TRSM

#define T     double
#define FN(x) x##_f64
#define TRSM  cblas_dtrsm
#include "ops/triangular_type.h"
#undef T
#undef FN
#undef TRSM

/* ---- lower_part; params r[0], r[1]: the weights below the diagonal and on it ---------------------------------- */

static bool infer_lower_part(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    return r->shape.rank >= 2 || pal_infer_fail(r, "needs at least two axes");
}

static pal_var vjp_lower_part(const pal_rule *r, size_t k)
{
    (void)k;
    return pal__lower_part(r->seed, r->params->r[0], r->params->r[1]);
}

static void lower_task(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const pal_call *c = argument;
    int64_t m = c->shape.dim[c->shape.rank - 2], n = c->shape.dim[c->shape.rank - 1];
    size_t rows = (size_t)(pal_shape_count(c->shape) / n), bytes = (size_t)n * pal_dtype_size(c->dtype);
    for (size_t i = task * ROWS_A_TASK; i < rows && i < (task + 1) * ROWS_A_TASK; i++)
        (c->dtype == PAL_F32 ? lower_row_f32 : lower_row_f64)(
            (const char *)c->in[0] + i * bytes, (char *)c->out + i * bytes, (int64_t)i % m, n, c->params->r);
}

static pal_status run_lower_part(const pal_call *c)
{
    int64_t count = pal_shape_count(c->shape);
    if (!count) return PAL_OK;
    size_t rows = (size_t)(count / c->shape.dim[c->shape.rank - 1]);
    pal_parallel(c->context, (rows + ROWS_A_TASK - 1) / ROWS_A_TASK, lower_task, (void *)(uintptr_t)c);
    return PAL_OK;
}

static pal_var case_lower_part(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    const double *weight = user;
    return pal__lower_part(pal_mul(in[0], in[0]), weight[0], weight[1]);
}

static const double halved[] = {1, 0.5}, diagonal_alone[] = {0, 1};
static const pal_case cases_lower_part[] = {
    {.label = "square", .n = 1, .in = {{{2, {3, 3}}, -2, 2}}, .build = case_lower_part, .user = halved},
    {.label = "batch, wide", .n = 1, .in = {{{3, {2, 2, 4}}, -2, 2}}, .build = case_lower_part, .user = halved},
    {.label = "tall", .n = 1, .in = {{{2, {4, 2}}, -2, 2}}, .build = case_lower_part, .user = diagonal_alone},
    {.label = "size 1", .n = 1, .in = {{{2, {1, 1}}, -2, 2}}, .build = case_lower_part, .user = halved},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -2, 2}}, .build = case_lower_part, .user = halved},
};

/* clang-format off */
const pal_op pal__op_lower_part = {
    PAL_OP_HEAD("lower_part", "y[i,j] = s x[i,j] where j < i, d x[i,i] where j = i, else 0",
                "lower triangle, with weight s below the diagonal and d on it; used by adjoints of factors"),
    .op_class = PAL_CLASS_OPAQUE, .arity = 1, .capabilities = PAL_OVERWRITES, .n_reals = 2,
    .infer = infer_lower_part, .derivative = {PAL_HAS_RULE}, .vjp = vjp_lower_part, .run = run_lower_part,
    .cases = cases_lower_part, .n_cases = PAL_COUNT(cases_lower_part)};
/* clang-format on */

pal_var pal__lower_part(pal_var x, double below, double on)
{
    pal_params p = {.r = {below, on}};
    return pal_record(x.tape, &pal__op_lower_part, &x, 1, &p);
}

pal_var pal__identity_like(pal_var square)
{
    pal_shape s = pal_shape_of(square);
    int64_t n = s.dim[s.rank - 1];
    return pal__lower_part(pal_fill(square.tape, pal_dtype_of(square), PAL_SHAPE(n, n), 1), 0, 1);
}

/* ---- triangular_solve; params i[0]: whether L is transposed --------------------------------------------------- */

static bool infer_solve(pal_infer *r)
{
    const pal_shape *l = &r->shapes[0], *b = &r->shapes[1];
    r->dtype = r->dtypes[0];
    if (r->dtypes[1] != r->dtype || !pal_dtype_real(r->dtype))
        return pal_infer_fail(r, "the operands must have one real type");
    if (!pal__is_square(l)) return pal_infer_fail(r, "the last two axes of the factor must be equal");
    if (b->rank < 2) return pal_infer_fail(r, "the right-hand sides must be the columns of a matrix");
    int64_t n = l->dim[l->rank - 1], k = b->dim[b->rank - 1];
    if (b->dim[b->rank - 2] != n)
        return pal_infer_fail(r, "the factor and the right-hand sides have different numbers of rows");
    if (n > INT32_MAX || k > INT32_MAX) return pal_infer_fail(r, "an axis is too long for BLAS");
    if (!pal_shape_broadcast(pal__batch_of(*l), pal__batch_of(*b), &r->shape))
        return pal_infer_fail(r, "the leading axes do not broadcast");
    r->shape.dim[r->shape.rank++] = n;
    r->shape.dim[r->shape.rank++] = k;
    return true;
}

/* X = L^-1 B: B-bar = L^-T G, L-bar = -lower(B-bar X^T). Transposed: B-bar = L^-1 G, L-bar = -lower(X B-bar^T). */
static pal_var vjp_solve(const pal_rule *r, size_t k)
{
    bool transposed = r->params->i[0];
    pal_var x = r->out, b = pal_triangular_solve(r->in[0], r->seed, !transposed);
    if (k == 1) return b;
    return pal__lower_part(transposed ? pal_matmul_t(x, b, false, true) : pal_matmul_t(b, x, false, true), -1, -1);
}

static void solve_part(const solve_job *j, size_t part)
{
    const pal_call *c = j->call;
    size_t item = part / j->panels, panel = part % j->panels, units = ((size_t)j->k + 15) / 16;
    int64_t first = (int64_t)(panel * units / j->panels * 16), end = (int64_t)((panel + 1) * units / j->panels * 16);
    if (end > j->k) end = j->k;
    size_t square = (size_t)(j->n * j->n) * j->size, sides = (size_t)(j->n * j->k) * j->size;
    (c->dtype == PAL_F32 ? solve_f32 : solve_f64)(
        j, (const char *)c->in[0] + pal__batch_item(&j->batch, &c->in_shape[0], item) * square,
        (const char *)c->in[1] + pal__batch_item(&j->batch, &c->in_shape[1], item) * sides,
        (char *)c->out + item * sides, first, end - first);
}

static void solve_task(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const solve_job *j = argument;
    for (size_t i = task * j->grain; i < j->parts && i < (task + 1) * j->grain; i++) solve_part(j, i);
}

static pal_status check_diagonals(const pal_call *c, int64_t n)
{
    size_t items = (size_t)pal_shape_count(pal__batch_of(c->in_shape[0])), size = (size_t)n;
    for (size_t i = 0; i < items * size; i++) {
        size_t at = (i / size * size + i % size) * size + i % size;
        double d = c->dtype == PAL_F32 ? (double)((const float *)c->in[0])[at] : ((const double *)c->in[0])[at];
        if (d != 0 && d == d) continue;
        snprintf(c->why, 120, "singular: %s on the diagonal, row %zu of matrix %zu", d == d ? "0" : "NaN", i % size,
                 i / size);
        return PAL_ERR_NUMERIC;
    }
    return PAL_OK;
}

static pal_status run_solve(const pal_call *c)
{
    solve_job j = {.call = c,
                   .n = c->shape.dim[c->shape.rank - 2],
                   .k = c->shape.dim[c->shape.rank - 1],
                   .transposed = c->params->i[0],
                   .size = pal_dtype_size(c->dtype),
                   .batch = pal__batch_of(c->shape)};
    pal_status status = check_diagonals(c, j.n);
    if (status != PAL_OK || !pal_shape_count(c->shape)) return status;
    size_t units = ((size_t)j.k + 15) / 16;
    double cost = (double)j.n * (double)j.n * (double)j.k / 2;
    j.small = cost <= SMALL;
    j.panels = j.small ? 1 : c->lanes < units ? c->lanes : units;
    j.parts = (size_t)pal_shape_count(j.batch) * j.panels;
    j.grain = pal__factor_grain((int64_t)fmin(cost, PAL__FACTOR_WORTH));
    pal_parallel(c->context, (j.parts + j.grain - 1) / j.grain, solve_task, &j);
    return PAL_OK;
}

/* Adds 2 to the diagonal, so that it is not near 0. */
static pal_var regular(pal_var x) { return pal_add(x, pal_scale(pal__identity_like(x), 2)); }

static const bool plain = false, turned = true;

static pal_var case_solve(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_triangular_solve(regular(in[0]), in[1], *(const bool *)user);
}

/* clang-format off */
#define SOLVE(text, flag, ...) {.label = text, .n = 2, .in = {__VA_ARGS__}, .build = case_solve, .user = &flag}
static const pal_case cases_solve[] = {
    SOLVE("L x = b", plain, {{2, {4, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}),
    SOLVE("L' x = b", turned, {{2, {4, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}),
    SOLVE("batch", turned, {{3, {2, 3, 3}}, -1, 1}, {{3, {2, 3, 1}}, -1, 1}),
    SOLVE("one factor", plain, {{2, {3, 3}}, -1, 1}, {{3, {2, 3, 2}}, -1, 1}),
    SOLVE("one side", turned, {{3, {2, 3, 3}}, -1, 1}, {{2, {3, 2}}, -1, 1}),
    SOLVE("batches that broadcast", plain, {{4, {2, 1, 2, 2}}, -1, 1}, {{3, {2, 2, 1}}, -1, 1}),
    SOLVE("size 1", plain, {{2, {1, 1}}, -1, 1}, {{2, {1, 3}}, -1, 1}),
    SOLVE("no sides", plain, {{2, {2, 2}}, -1, 1}, {{2, {2, 0}}, -1, 1}),
    SOLVE("empty", plain, {{2, {0, 0}}, -1, 1}, {{2, {0, 2}}, -1, 1}),
};
#undef SOLVE

const pal_op pal__op_triangular_solve = {
    PAL_OP_HEAD("triangular_solve", "X with L X = B, or L' X = B",
                "solves a triangular system; reads only the lower triangle of L; fails if its diagonal has a 0 or NaN"),
    .op_class = PAL_CLASS_OPAQUE, .arity = 2, .capabilities = PAL_CAN_FAIL, .n_ints = 1,
    .infer = infer_solve, .derivative = {PAL_HAS_RULE, PAL_HAS_RULE}, .vjp = vjp_solve, .run = run_solve,
    .cases = cases_solve, .n_cases = PAL_COUNT(cases_solve)};
/* clang-format on */

pal_var pal_triangular_solve(pal_var l, pal_var b, bool transposed)
{
    pal_params p = {.i = {transposed}};
    return pal_record(NULL, &pal__op_triangular_solve, (pal_var[]){l, b}, 2, &p);
}
