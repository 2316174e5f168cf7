/* factor.c - Cholesky factors, triangular solves, what follows from them.
 *
 * A factor is computed by halves, with BLAS's triangular solve and symmetric update between them, so that any CBLAS
 * serves: LAPACK is not needed. The matrices of a batch, and panels of a system's right-hand sides (cut by shape and
 * lanes), are the tasks; each is single-threaded, so the bits depend on neither the number of threads nor their order.
 *
 * Derivatives: Murray 2016, "Differentiation of the Cholesky decomposition", equation 10. The rules are made of the
 * same operations, and of lower_part, which is linear and its own adjoint. */
#include "ops/internal.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEAF = 32, ROWS_A_TASK = 64, SMALL = 1024, WORTH = 1 << 14 };

/* Matrices a task, so that it is worth one; cost is the multiplications of each. */
static size_t grain(int64_t cost) { return 1 + (size_t)(WORTH / (cost + 1)); }

typedef struct solve_job {
    const pal_call *call;
    int64_t n, k;
    bool transposed, small; /* small: without BLAS */
    size_t panels, size;    /* panels of each system; bytes an element */
    size_t parts, grain;    /* panels in all, and a task */
    pal_shape batch;
} solve_job;

static float root_f32(float x) { return sqrtf(x); }
static double root_f64(double x) { return sqrt(x); }

#define T     float
#define FN(x) x##_f32
#define TRSM  cblas_strsm
#define SYRK  cblas_ssyrk
#include "ops/factor_type.h"
#undef T
#undef FN
#undef TRSM
#undef SYRK

#define T     double
#define FN(x) x##_f64
#define TRSM  cblas_dtrsm
#define SYRK  cblas_dsyrk
#include "ops/factor_type.h"
#undef T
#undef FN
#undef TRSM
#undef SYRK

/* ---- Shapes -------------------------------------------------------------------------------------------------------
 */

static bool is_square(const pal_shape *s) { return s->rank >= 2 && s->dim[s->rank - 1] == s->dim[s->rank - 2]; }

static pal_shape batch_of(pal_shape s)
{
    s.rank -= 2;
    return s;
}

static bool infer_square(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "only of reals");
    if (!is_square(&r->shape)) return pal_infer_fail(r, "the last two axes are to be equal");
    return r->shape.dim[r->shape.rank - 1] <= INT32_MAX || pal_infer_fail(r, "an axis beyond BLAS's range");
}

static bool infer_solve(pal_infer *r)
{
    const pal_shape *l = &r->shapes[0], *b = &r->shapes[1];
    r->dtype = r->dtypes[0];
    if (r->dtypes[1] != r->dtype || !pal_dtype_real(r->dtype))
        return pal_infer_fail(r, "operands are to be of one real type");
    if (!is_square(l)) return pal_infer_fail(r, "the factor's last two axes are to be equal");
    if (b->rank < 2) return pal_infer_fail(r, "the right-hand sides are to be the columns of a matrix");
    int64_t n = l->dim[l->rank - 1], k = b->dim[b->rank - 1];
    if (b->dim[b->rank - 2] != n) return pal_infer_fail(r, "the factor and the right-hand sides differ in rows");
    if (n > INT32_MAX || k > INT32_MAX) return pal_infer_fail(r, "an axis beyond BLAS's range");
    if (!pal_shape_broadcast(batch_of(*l), batch_of(*b), &r->shape))
        return pal_infer_fail(r, "the leading axes do not broadcast");
    r->shape.dim[r->shape.rank++] = n;
    r->shape.dim[r->shape.rank++] = k;
    return true;
}

/* Reports for a composite what the rule of the operation that it is made of has to say. */
static bool fits(const char *name, bool (*infer)(pal_infer *), const pal_var *in, size_t n)
{
    static const pal_params none;
    pal_shape shapes[2];
    pal_dtype dtypes[2];
    char text[2][96] = {"", ""};
    pal_tape *t = in[0].tape;
    for (size_t i = 0; i < n; i++) {
        t = t ? t : in[i].tape;
        shapes[i] = pal_shape_of(in[i]);
        dtypes[i] = pal_dtype_of(in[i]);
        pal_shape_text(shapes[i], text[i], sizeof text[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (!pal_ok(in[i])) {
            pal_tape_fail(t, PAL_ERR_TAPE, "%s: operand %zu is a bad handle", name, i + 1);
            return false;
        }
    pal_infer r = {.n = n, .shapes = shapes, .dtypes = dtypes, .params = &none};
    if (infer(&r)) return true;
    pal_tape_fail(t, PAL_ERR_SHAPE, "%s: %s%s%s: %s", name, text[0], n > 1 ? " x " : "", text[1], r.why);
    return false;
}

/* ---- lower_part: params r[0] weighs what is below the diagonal, r[1] what is on it --------------------------------
 */

static bool infer_lower_part(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "only of reals");
    return r->shape.rank >= 2 || pal_infer_fail(r, "needs two axes");
}

static pal_var lower_part(pal_var x, double below, double on);

static pal_var vjp_lower_part(const pal_rule *r, size_t k)
{
    (void)k;
    return lower_part(r->seed, r->params->r[0], r->params->r[1]);
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
    return lower_part(pal_mul(in[0], in[0]), weight[0], weight[1]);
}

static const double halved[] = {1, 0.5}, diagonal_alone[] = {0, 1};
static const pal_case cases_lower_part[] = {
    {.label = "square", .n = 1, .in = {{{2, {3, 3}}, -2, 2}}, .build = case_lower_part, .user = halved},
    {.label = "batch, wide", .n = 1, .in = {{{3, {2, 2, 4}}, -2, 2}}, .build = case_lower_part, .user = halved},
    {.label = "tall", .n = 1, .in = {{{2, {4, 2}}, -2, 2}}, .build = case_lower_part, .user = diagonal_alone},
    {.label = "of one", .n = 1, .in = {{{2, {1, 1}}, -2, 2}}, .build = case_lower_part, .user = halved},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -2, 2}}, .build = case_lower_part, .user = halved},
};

static const pal_op op_lower_part = {
    PAL_OP_HEAD("lower_part", "y[i,j] = s x[i,j] where j < i, d x[i,i] where j = i, else 0",
                "the lower triangle, weighed below the diagonal and on it; the adjoints of factors use it"),
    .op_class = PAL_CLASS_OPAQUE,
    .arity = 1,
    .capabilities = PAL_OVERWRITES,
    .n_reals = 2,
    .infer = infer_lower_part,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_lower_part,
    .run = run_lower_part,
    .cases = cases_lower_part,
    .n_cases = PAL_COUNT(cases_lower_part)};

static pal_var lower_part(pal_var x, double below, double on)
{
    pal_params p = {.r = {below, on}};
    return pal_record(x.tape, &op_lower_part, &x, 1, &p);
}

static pal_var identity_like(pal_var square)
{
    pal_shape s = pal_shape_of(square);
    int64_t n = s.dim[s.rank - 1];
    return lower_part(pal_fill(square.tape, pal_dtype_of(square), PAL_SHAPE(n, n), 1), 0, 1);
}

/* ---- cholesky -----------------------------------------------------------------------------------------------------
 */

/* A-bar = sym(L^-T P L^-1) with P = Phi(L^T L-bar); Phi takes the lower triangle and halves the diagonal. */
static pal_var vjp_cholesky(const pal_rule *r, size_t k)
{
    (void)k;
    pal_var l = r->out, p = lower_part(pal_matmul_t(l, r->seed, true, false), 1, 0.5);
    pal_var left = pal_triangular_solve(l, p, true), both = pal_triangular_solve(l, pal_transpose(left), true);
    return pal_scale(pal_add(both, pal_transpose(both)), 0.5);
}

static size_t matrices(const pal_call *c) { return (size_t)pal_shape_count(batch_of(c->shape)); }

static int64_t cholesky_cost(const pal_call *c)
{
    double n = (double)c->shape.dim[c->shape.rank - 1];
    return (int64_t)fmin(n * n * n / 3, WORTH);
}

static void cholesky_task(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const pal_call *c = argument;
    int64_t n = c->shape.dim[c->shape.rank - 1];
    size_t count = grain(cholesky_cost(c)), size = (size_t)(n * n) * pal_dtype_size(c->dtype);
    for (size_t i = task * count; i < matrices(c) && i < (task + 1) * count; i++)
        ((int64_t *)c->scratch)[i] = (c->dtype == PAL_F32 ? cholesky_f32 : cholesky_f64)(
            c->context, (const char *)c->in[0] + i * size, (char *)c->out + i * size, n);
}

static size_t scratch_cholesky(const pal_call *c) { return matrices(c) * sizeof(int64_t); }

static pal_status run_cholesky(const pal_call *c)
{
    if (!pal_shape_count(c->shape)) return PAL_OK;
    size_t items = matrices(c), count = grain(cholesky_cost(c));
    const int64_t *failed = c->scratch;
    pal_parallel(c->context, (items + count - 1) / count, cholesky_task, (void *)(uintptr_t)c);
    for (size_t i = 0; i < items; i++)
        if (failed[i]) {
            snprintf(c->why, 120, "not positive definite: leading minor %lld of matrix %zu", (long long)failed[i], i);
            return PAL_ERR_NUMERIC;
        }
    return PAL_OK;
}

/* x x^T + I: what perturbs x keeps it symmetric and positive definite. */
static pal_var definite(pal_var x) { return pal_add(pal_matmul_t(x, x, false, true), identity_like(x)); }

static pal_var case_cholesky(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cholesky(definite(in[0]));
}

static const pal_case cases_cholesky[] = {
    {.label = "x x' + 1", .n = 1, .in = {{{2, {4, 4}}, -1, 1}}, .build = case_cholesky},
    {.label = "batch", .n = 1, .in = {{{3, {2, 3, 3}}, -1, 1}}, .build = case_cholesky},
    {.label = "of one", .n = 1, .in = {{{2, {1, 1}}, -1, 1}}, .build = case_cholesky},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -1, 1}}, .build = case_cholesky},
};

static const pal_op op_cholesky = {
    PAL_OP_HEAD("cholesky", "L with L L' = a, L[i,j] = 0 where j > i",
                "lower factor; reads a's lower triangle; fails if not positive definite; its derivative is symmetric"),
    .op_class = PAL_CLASS_OPAQUE,
    .arity = 1,
    .capabilities = PAL_CAN_FAIL,
    .infer = infer_square,
    .derivative = {PAL_HAS_RULE},
    .vjp = vjp_cholesky,
    .run = run_cholesky,
    .scratch = scratch_cholesky,
    .cases = cases_cholesky,
    .n_cases = PAL_COUNT(cases_cholesky)};

pal_var pal_cholesky(pal_var a) { return pal_record(a.tape, &op_cholesky, &a, 1, NULL); }

/* ---- triangular_solve: params i[0] transposed ---------------------------------------------------------------------
 */

/* X = L^-1 B: B-bar = L^-T G, L-bar = -lower(B-bar X^T); transposed, B-bar = L^-1 G and L-bar = -lower(X B-bar^T). */
static pal_var vjp_solve(const pal_rule *r, size_t k)
{
    bool transposed = r->params->i[0];
    pal_var x = r->out, b = pal_triangular_solve(r->in[0], r->seed, !transposed);
    if (k == 1) return b;
    return lower_part(transposed ? pal_matmul_t(x, b, false, true) : pal_matmul_t(b, x, false, true), -1, -1);
}

/* Offset, in matrices, of batch item i of the result within an operand whose batch axes broadcast. */
static size_t batch_item(const pal_shape *batch, const pal_shape *operand, size_t i)
{
    size_t offset = 0, step = 1;
    for (int a = batch->rank - 1, o = operand->rank - 3; a >= 0 && o >= 0; a--, o--) {
        size_t at = i % (size_t)batch->dim[a];
        i /= (size_t)batch->dim[a];
        offset += operand->dim[o] == 1 ? 0 : at * step;
        step *= (size_t)operand->dim[o];
    }
    return offset;
}

static void solve_part(const solve_job *j, size_t part)
{
    const pal_call *c = j->call;
    size_t item = part / j->panels, panel = part % j->panels, units = ((size_t)j->k + 15) / 16;
    int64_t first = (int64_t)(panel * units / j->panels * 16), end = (int64_t)((panel + 1) * units / j->panels * 16);
    if (end > j->k) end = j->k;
    size_t square = (size_t)(j->n * j->n) * j->size, sides = (size_t)(j->n * j->k) * j->size;
    (c->dtype == PAL_F32 ? solve_f32
                         : solve_f64)(j, (const char *)c->in[0] + batch_item(&j->batch, &c->in_shape[0], item) * square,
                                      (const char *)c->in[1] + batch_item(&j->batch, &c->in_shape[1], item) * sides,
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
    size_t items = (size_t)pal_shape_count(batch_of(c->in_shape[0])), size = (size_t)n;
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
                   .batch = batch_of(c->shape)};
    pal_status status = check_diagonals(c, j.n);
    if (status != PAL_OK || !pal_shape_count(c->shape)) return status;
    size_t units = ((size_t)j.k + 15) / 16;
    double cost = (double)j.n * (double)j.n * (double)j.k / 2;
    j.small = cost <= SMALL;
    j.panels = j.small ? 1 : c->lanes < units ? c->lanes : units;
    j.parts = (size_t)pal_shape_count(j.batch) * j.panels;
    j.grain = grain((int64_t)fmin(cost, WORTH));
    pal_parallel(c->context, (j.parts + j.grain - 1) / j.grain, solve_task, &j);
    return PAL_OK;
}

/* Off the diagonal any number, on it around 2. */
static pal_var regular(pal_var x) { return pal_add(x, pal_scale(identity_like(x), 2)); }

static const bool plain = false, turned = true;

static pal_var case_solve(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t;
    return pal_triangular_solve(regular(in[0]), in[1], *(const bool *)user);
}

#define SOLVE(text, flag, ...)                                                                                         \
    {                                                                                                                  \
        .label = text, .n = 2, .in = {__VA_ARGS__}, .build = case_solve, .user = &flag                                 \
    }
static const pal_case cases_solve[] = {
    SOLVE("L x = b", plain, {{2, {4, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}),
    SOLVE("L' x = b", turned, {{2, {4, 4}}, -1, 1}, {{2, {4, 2}}, -1, 1}),
    SOLVE("batch", turned, {{3, {2, 3, 3}}, -1, 1}, {{3, {2, 3, 1}}, -1, 1}),
    SOLVE("one factor", plain, {{2, {3, 3}}, -1, 1}, {{3, {2, 3, 2}}, -1, 1}),
    SOLVE("one side", turned, {{3, {2, 3, 3}}, -1, 1}, {{2, {3, 2}}, -1, 1}),
    SOLVE("batches that broadcast", plain, {{4, {2, 1, 2, 2}}, -1, 1}, {{3, {2, 2, 1}}, -1, 1}),
    SOLVE("of one", plain, {{2, {1, 1}}, -1, 1}, {{2, {1, 3}}, -1, 1}),
    SOLVE("no sides", plain, {{2, {2, 2}}, -1, 1}, {{2, {2, 0}}, -1, 1}),
    SOLVE("empty", plain, {{2, {0, 0}}, -1, 1}, {{2, {0, 2}}, -1, 1}),
};
#undef SOLVE

static const pal_op op_triangular_solve = {
    PAL_OP_HEAD("triangular_solve", "X with L X = B, or L' X = B",
                "reads the lower triangle of L; leading axes broadcast; fails if the diagonal has a 0 or NaN"),
    .op_class = PAL_CLASS_OPAQUE,
    .arity = 2,
    .capabilities = PAL_CAN_FAIL,
    .n_ints = 1,
    .infer = infer_solve,
    .derivative = {PAL_HAS_RULE, PAL_HAS_RULE},
    .vjp = vjp_solve,
    .run = run_solve,
    .cases = cases_solve,
    .n_cases = PAL_COUNT(cases_solve)};

pal_var pal_triangular_solve(pal_var l, pal_var b, bool transposed)
{
    pal_params p = {.i = {transposed}};
    return pal_record(NULL, &op_triangular_solve, (pal_var[]){l, b}, 2, &p);
}

/* ---- What a factor is good for ------------------------------------------------------------------------------------
 */

pal_var pal_cholesky_solve(pal_var l, pal_var b)
{
    if (!fits("cholesky_solve", infer_solve, (pal_var[]){l, b}, 2)) return (pal_var){.tape = l.tape ? l.tape : b.tape};
    return pal_triangular_solve(l, pal_triangular_solve(l, b, false), true);
}

/* L^-T L^-1 */
pal_var pal_cholesky_inverse(pal_var l)
{
    if (!fits("cholesky_inverse", infer_square, &l, 1)) return (pal_var){.tape = l.tape};
    pal_var inverse = pal_triangular_solve(l, identity_like(l), false);
    return pal_matmul_t(inverse, inverse, true, false);
}

/* 2 sum_i ln L[i,i]; the diagonal is every (n+1)-th element of a matrix. */
pal_var pal_cholesky_log_det(pal_var l)
{
    if (!fits("cholesky_log_det", infer_square, &l, 1)) return (pal_var){.tape = l.tape};
    pal_shape s = pal_shape_of(l);
    int64_t n = s.dim[s.rank - 1], start[PAL_MAX_RANK] = {0}, step[PAL_MAX_RANK];
    int last = --s.rank - 1;
    s.dim[last] = n * n;
    pal_var rows = pal_reshape(l, s);
    for (int a = 0; a <= last; a++) step[a] = a == last ? n + 1 : 1;
    s.dim[last] = n;
    pal_var logs = pal_log(pal_slice(rows, start, s.dim, step));
    return pal_scale(pal_sum(logs, 1u << last, false), 2);
}

static pal_var case_cholesky_solve(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cholesky_solve(pal_cholesky(definite(in[0])), in[1]);
}

static pal_var case_cholesky_inverse(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cholesky_inverse(pal_cholesky(definite(in[0])));
}

static pal_var case_cholesky_log_det(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cholesky_log_det(pal_cholesky(definite(in[0])));
}

static pal_var case_inverse_of_factor(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cholesky_inverse(regular(in[0]));
}

static const pal_case cases_cholesky_solve[] = {
    {.label = "two sides", .n = 2, .in = {{{2, {3, 3}}, -1, 1}, {{2, {3, 2}}, -1, 1}}, .build = case_cholesky_solve},
    {.label = "batch", .n = 2, .in = {{{3, {2, 2, 2}}, -1, 1}, {{2, {2, 1}}, -1, 1}}, .build = case_cholesky_solve},
    {.label = "empty", .n = 2, .in = {{{2, {0, 0}}, -1, 1}, {{2, {0, 1}}, -1, 1}}, .build = case_cholesky_solve},
};
static const pal_case cases_cholesky_inverse[] = {
    {.label = "x x' + 1", .n = 1, .in = {{{2, {3, 3}}, -1, 1}}, .build = case_cholesky_inverse},
    {.label = "batch", .n = 1, .in = {{{3, {2, 2, 2}}, -1, 1}}, .build = case_cholesky_inverse},
    {.label = "by the factor", .n = 1, .in = {{{2, {3, 3}}, -1, 1}}, .build = case_inverse_of_factor},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -1, 1}}, .build = case_cholesky_inverse},
};
static const pal_case cases_cholesky_log_det[] = {
    {.label = "x x' + 1", .n = 1, .in = {{{2, {4, 4}}, -1, 1}}, .build = case_cholesky_log_det},
    {.label = "batch", .n = 1, .in = {{{3, {2, 3, 3}}, -1, 1}}, .build = case_cholesky_log_det},
    {.label = "of one", .n = 1, .in = {{{2, {1, 1}}, -1, 1}}, .build = case_cholesky_log_det},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -1, 1}}, .build = case_cholesky_log_det},
};

#define COMPOSITE(name) .op_class = PAL_CLASS_COMPOSITE, .cases = cases_##name, .n_cases = PAL_COUNT(cases_##name)
static const pal_op op_cholesky_solve = {PAL_OP_HEAD("cholesky_solve", "X with L L' X = B", "solves by the factor"),
                                         COMPOSITE(cholesky_solve)};
static const pal_op op_cholesky_inverse = {
    PAL_OP_HEAD("cholesky_inverse", "(L L')^-1", "the inverse of the matrix of which L is the factor"),
    COMPOSITE(cholesky_inverse)};
static const pal_op op_cholesky_log_det = {
    PAL_OP_HEAD("cholesky_log_det", "ln det(L L') = 2 sum_i ln L[i,i]",
                "the logarithm of the determinant of the matrix of which L is the factor"),
    COMPOSITE(cholesky_log_det)};
#undef COMPOSITE

static const pal_op *const ops[] = {&op_lower_part,     &op_cholesky,         &op_triangular_solve,
                                    &op_cholesky_solve, &op_cholesky_inverse, &op_cholesky_log_det};
const pal__family pal__family_factor = {ops, PAL_COUNT(ops)};
