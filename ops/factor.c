/* factor.c - Cholesky factors, and solutions, inverses and determinants from them.
 *
 * A matrix is factored recursively in two halves, with the triangular solve and the symmetric update of BLAS between
 * them. So any CBLAS suffices, and LAPACK is not needed. The matrices of a batch are divided into tasks, and each
 * matrix is factored by one thread. So the bits depend neither on the number of threads nor on their order.
 *
 * Derivatives: Murray 2016, "Differentiation of the Cholesky decomposition", equation 10. The rules use the same
 * operations and lower_part, which is linear and its own adjoint. */
#include "ops/factor.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEAF = 32 };

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

/* ---- cholesky ------------------------------------------------------------------------------------------------- */

static bool infer_square(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    if (!pal__is_square(&r->shape)) return pal_infer_fail(r, "the last two axes must be equal");
    return r->shape.dim[r->shape.rank - 1] <= INT32_MAX || pal_infer_fail(r, "an axis is too long for BLAS");
}

/* A-bar = sym(L^-T P L^-1) with P = Phi(L^T L-bar). Phi keeps the lower triangle and halves the diagonal. */
static pal_var vjp_cholesky(const pal_rule *r, size_t k)
{
    (void)k;
    pal_var l = r->out, p = pal__lower_part(pal_matmul_t(l, r->seed, true, false), 1, 0.5);
    pal_var left = pal_triangular_solve(l, p, true), both = pal_triangular_solve(l, pal_transpose(left), true);
    return pal_scale(pal_add(both, pal_transpose(both)), 0.5);
}

static size_t matrices(const pal_call *c) { return (size_t)pal_shape_count(pal__batch_of(c->shape)); }

static int64_t cholesky_cost(const pal_call *c)
{
    double n = (double)c->shape.dim[c->shape.rank - 1];
    return (int64_t)fmin(n * n * n / 3, PAL__FACTOR_WORTH);
}

static void cholesky_task(void *argument, size_t task, unsigned worker)
{
    (void)worker;
    const pal_call *c = argument;
    int64_t n = c->shape.dim[c->shape.rank - 1];
    size_t count = pal__factor_grain(cholesky_cost(c)), size = (size_t)(n * n) * pal_dtype_size(c->dtype);
    for (size_t i = task * count; i < matrices(c) && i < (task + 1) * count; i++)
        ((int64_t *)c->scratch)[i] = (c->dtype == PAL_F32 ? cholesky_f32 : cholesky_f64)(
            c->context, (const char *)c->in[0] + i * size, (char *)c->out + i * size, n);
}

static size_t scratch_cholesky(const pal_call *c) { return matrices(c) * sizeof(int64_t); }

static pal_status run_cholesky(const pal_call *c)
{
    if (!pal_shape_count(c->shape)) return PAL_OK;
    size_t items = matrices(c), count = pal__factor_grain(cholesky_cost(c));
    const int64_t *failed = c->scratch;
    pal_parallel(c->context, (items + count - 1) / count, cholesky_task, (void *)(uintptr_t)c);
    for (size_t i = 0; i < items; i++)
        if (failed[i]) {
            snprintf(c->why, 120, "not positive definite: leading minor %lld of matrix %zu", (long long)failed[i], i);
            return PAL_ERR_NUMERIC;
        }
    return PAL_OK;
}

/* x x^T + I stays symmetric and positive definite when the gradient check perturbs x. */
static pal_var definite(pal_var x) { return pal_add(pal_matmul_t(x, x, false, true), pal__identity_like(x)); }

static pal_var case_cholesky(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return pal_cholesky(definite(in[0]));
}

static const pal_case cases_cholesky[] = {
    {.label = "x x' + 1", .n = 1, .in = {{{2, {4, 4}}, -1, 1}}, .build = case_cholesky},
    {.label = "batch", .n = 1, .in = {{{3, {2, 3, 3}}, -1, 1}}, .build = case_cholesky},
    {.label = "size 1", .n = 1, .in = {{{2, {1, 1}}, -1, 1}}, .build = case_cholesky},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -1, 1}}, .build = case_cholesky},
};

/* clang-format off */
static const pal_op op_cholesky = {
    PAL_OP_HEAD("cholesky", "L with L L' = a, L[i,j] = 0 where j > i",
                "lower factor; reads only a's lower triangle; fails if not positive definite; symmetric derivative"),
    .op_class = PAL_CLASS_OPAQUE, .arity = 1, .capabilities = PAL_CAN_FAIL,
    .infer = infer_square, .derivative = {PAL_HAS_RULE}, .vjp = vjp_cholesky,
    .run = run_cholesky, .scratch = scratch_cholesky,
    .cases = cases_cholesky, .n_cases = PAL_COUNT(cases_cholesky)};
/* clang-format on */

pal_var pal_cholesky(pal_var a) { return pal_record(a.tape, &op_cholesky, &a, 1, NULL); }

/* ---- Composites of a factor ----------------------------------------------------------------------------------- */

/* Applies the shape rule of an operation to the operands of a composite. The error begins with the composite's name. */
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

pal_var pal_cholesky_solve(pal_var l, pal_var b)
{
    if (!fits("cholesky_solve", pal__op_triangular_solve.infer, (pal_var[]){l, b}, 2))
        return (pal_var){.tape = l.tape ? l.tape : b.tape};
    return pal_triangular_solve(l, pal_triangular_solve(l, b, false), true);
}

/* L^-T L^-1 */
pal_var pal_cholesky_inverse(pal_var l)
{
    if (!fits("cholesky_inverse", infer_square, &l, 1)) return (pal_var){.tape = l.tape};
    pal_var inverse = pal_triangular_solve(l, pal__identity_like(l), false);
    return pal_matmul_t(inverse, inverse, true, false);
}

/* 2 sum_i ln L[i,i]. The diagonal is every (n+1)-th element of the flattened matrix. */
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
    return pal_cholesky_inverse(pal_add(in[0], pal_scale(pal__identity_like(in[0]), 2)));
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
    {.label = "size 1", .n = 1, .in = {{{2, {1, 1}}, -1, 1}}, .build = case_cholesky_log_det},
    {.label = "empty", .n = 1, .in = {{{2, {0, 0}}, -1, 1}}, .build = case_cholesky_log_det},
};

#define COMPOSITE(name) .op_class = PAL_CLASS_COMPOSITE, .cases = cases_##name, .n_cases = PAL_COUNT(cases_##name)
/* clang-format off */
static const pal_op op_cholesky_solve = {
    PAL_OP_HEAD("cholesky_solve", "X with L L' X = B", "solves a linear system, given the factor of its matrix"),
    COMPOSITE(cholesky_solve)};
/* clang-format on */
static const pal_op op_cholesky_inverse = {
    PAL_OP_HEAD("cholesky_inverse", "(L L')^-1", "inverse of the matrix that has the factor L"),
    COMPOSITE(cholesky_inverse)};
static const pal_op op_cholesky_log_det = {
    PAL_OP_HEAD("cholesky_log_det", "ln det(L L') = 2 sum_i ln L[i,i]",
                "logarithm of the determinant of the matrix that has the factor L"),
    COMPOSITE(cholesky_log_det)};
#undef COMPOSITE

/* clang-format off */
static const pal_op *const ops[] = {
    &pal__op_lower_part, &op_cholesky, &pal__op_triangular_solve,
    &op_cholesky_solve, &op_cholesky_inverse, &op_cholesky_log_det};
/* clang-format on */
const pal__family pal__family_factor = {ops, PAL_COUNT(ops)};
