/* scan.c - running sums along an axis. Each row is added in order, in double for float32 too, so that the error of a
 * sum does not grow with its index. */
#include "ops/axes.h"

enum { EXCLUSIVE, REVERSE }; /* params.i */

static bool infer_cumsum(pal_infer *r)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    return r->shape.rank > 0 || pal_infer_fail(r, "a scalar has no axis");
}

static inline double read(const void *x, int64_t i, bool wide)
{
    return wide ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static inline void write(void *y, int64_t i, double value, bool wide)
{
    if (wide)
        ((double *)y)[i] = value;
    else
        ((float *)y)[i] = (float)value;
}

static inline void scan(const pal_call *c, size_t from, size_t end, bool wide)
{
    int64_t n = (int64_t)pal__last(c->shape), step = c->params->i[REVERSE] ? -1 : 1;
    bool exclusive = c->params->i[EXCLUSIVE];
    for (int64_t row = (int64_t)from; row < (int64_t)end; row++) {
        int64_t at = row * n + (step > 0 ? 0 : n - 1);
        double sum = 0;
        for (int64_t i = 0; i < n; i++, at += step) {
            double value = read(c->in[0], at, wide);
            if (exclusive) write(c->out, at, sum, wide);
            sum = i || exclusive ? sum + value : value; /* the first element is not added to 0: -0 stays -0 */
            if (!exclusive) write(c->out, at, sum, wide);
        }
    }
}

static void scan_rows(const pal_call *c, size_t from, size_t end, void *scratch)
{
    (void)scratch;
    if (c->dtype == PAL_F64)
        scan(c, from, end, true);
    else
        scan(c, from, end, false);
}

static pal_status run_cumsum(const pal_call *c)
{
    pal__each_row(c, pal__rows(c->shape), (size_t)pal_shape_count(c->shape), 0, scan_rows);
    return PAL_OK;
}

static pal_var vjp_cumsum(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_cumsum(r->seed, -1, r->params->i[EXCLUSIVE], !r->params->i[REVERSE]);
}

typedef struct run { /* the arguments of a test case */
    int axis;
    bool exclusive, reverse;
} run;

static pal_var case_cumsum(pal_tape *t, const pal_var *in, const void *user)
{
    const run *o = user;
    (void)t;
    return pal_square(pal_cumsum(in[0], o->axis, o->exclusive, o->reverse));
}

/* clang-format off */
#define CASE(axis, exclusive, reverse) .build = case_cumsum, .user = &(const run){axis, exclusive, reverse}
/* clang-format on */
static const pal_case cases_cumsum[] = {
    {.label = "last axis", .n = 1, .in = {{{2, {2, 5}}, -2, 2}}, CASE(-1, false, false)},
    {.label = "first axis, exclusive", .n = 1, .in = {{{2, {4, 2}}, -2, 2}}, CASE(0, true, false)},
    {.label = "middle axis, reverse", .n = 1, .in = {{{3, {2, 3, 2}}, -2, 2}}, CASE(1, false, true)},
    {.label = "both", .n = 1, .in = {{{1, {5}}, -2, 2}}, CASE(0, true, true)},
    {.label = "size 1", .n = 1, .in = {{{2, {2, 1}}, -2, 2}}, CASE(1, false, false)},
    {.label = "size 0", .n = 1, .in = {{{2, {2, 0}}, -2, 2}}, CASE(1, false, false)},
};

/* clang-format off */
static const pal_op op_cumsum = {
    PAL_OP_HEAD("cumsum", "y[i] = sum of x[j], j <= i",
                "running sum along an axis; exclusive: j < i; reverse: starts at the end; float32 is added in double"),
    .op_class = PAL_CLASS_OPAQUE, .arity = 1, .n_ints = 2,
    .infer = infer_cumsum, .derivative = {PAL_HAS_RULE}, .vjp = vjp_cumsum, .run = run_cumsum,
    .cases = cases_cumsum, .n_cases = PAL_COUNT(cases_cumsum)};
/* clang-format on */

pal_var pal_cumsum(pal_var x, int axis, bool exclusive, bool reverse)
{
    pal_params p = {.i = {[EXCLUSIVE] = exclusive, [REVERSE] = reverse}};
    if (!pal__given("cumsum", x) || !pal__axis_of("cumsum", x, pal_shape_of(x).rank, &axis))
        return (pal_var){.tape = x.tape};
    pal_var rows = pal__axis_to_end(x, axis);
    return pal__axis_from_end(pal_record(NULL, &op_cumsum, &rows, 1, &p), axis);
}

static const pal_op *const ops[] = {&op_cumsum};
const pal__family pal__family_scan = {ops, PAL_COUNT(ops)};
