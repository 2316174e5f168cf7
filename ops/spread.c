/* spread.c - variance, standard deviation, and the differences from a mean, plain or divided by the deviation.
 *
 * The operations take x [a, c, b] and reduce its first and last axis; n = a b. The five are a closed set: the
 * derivative of each is a formula in their own values. The seed is g.
 *
 *   C  centred         x - mean                      its adjoint is C too
 *   V  spread          mean of C^2                   2/n g C
 *   S  deviation       sqrt(V + epsilon)             1/n g Y
 *   R  deviation_rate  1 / S                         -1/n g R^2 Y
 *   Y  standardised    C / S                         R (g - mean g - Y mean(g Y))
 *
 * At the edges. A row is computed from elements that are scaled by a power of 2 if squares would overflow or vanish.
 * Equal elements have the differences 0 exactly; if epsilon is 0 too, Y and R are 0 for them, as the derivatives of a
 * norm are at 0. If some elements are infinite, C, V and S are infinite too, and R is 0. Y is then what the limit is,
 * if all infinite elements grow at the same rate: the standardised row that has 1 or -1 in their places and 0 in all
 * others. A row of infinite elements with one sign counts as a row of equal elements. A NaN makes the whole row NaN. */
#include "ops/axes.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- A row ---------------------------------------------------------------------------------------------------- */

#define F32(name, isa) pal__##name##_f32_##isa
#define F64(name, isa) pal__##name##_f64_##isa
#define SUM(name)                                                                                                      \
    static double name(const pal_call *c, const void *x, size_t n, double factor, double shift)                        \
    {                                                                                                                  \
        static float (*const f32[])(const float *, size_t, float, float) = PAL_EACH_ISA(F32, row_##name);              \
        static double (*const f64[])(const double *, size_t, double, double) = PAL_EACH_ISA(F64, row_##name);          \
        const pal_isa isa = pal_kernel_isa(c->context);                                                                \
        return c->dtype == PAL_F32 ? (double)f32[isa](x, n, (float)factor, (float)shift)                               \
                                   : f64[isa](x, n, factor, shift);                                                    \
    }
SUM(total)
SUM(spread)
#undef SUM

static void affine(const pal_call *c, const void *x, size_t n, double factor, double shift, double scale, void *out)
{
    static void (*const f32[])(const float *, size_t, float, float, float, float *) = PAL_EACH_ISA(F32, row_affine);
    static void (*const f64[])(const double *, size_t, double, double, double, double *) =
        PAL_EACH_ISA(F64, row_affine);
    const pal_isa isa = pal_kernel_isa(c->context);
    if (c->dtype == PAL_F32)
        f32[isa](x, n, (float)factor, (float)shift, (float)scale, out);
    else
        f64[isa](x, n, factor, shift, scale, out);
}

static double at(const pal_call *c, const void *x, size_t i)
{
    return c->dtype == PAL_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(const pal_call *c, void *out, size_t i, double value)
{
    if (c->dtype == PAL_F32)
        ((float *)out)[i] = (float)value;
    else
        ((double *)out)[i] = value;
}

typedef struct moments {
    double factor, shift; /* element x is scaled to x factor, whose mean is the shift */
    double square;        /* mean of (x factor - shift)^2 */
    double deviation;     /* sqrt(square + epsilon factor^2) */
    size_t up, down;      /* how many elements are +inf and -inf; without any, the other members are valid */
    bool nan;
} moments;

static void count_infinite(const pal_call *c, const void *x, size_t n, moments *m)
{
    for (size_t i = 0; i < n; i++) {
        const double v = at(c, x, i);
        m->up += v == (double)INFINITY;
        m->down += v == -(double)INFINITY;
        m->nan |= v != v;
    }
}

/* Finds whether all elements are equal. If not, and the squares have left the range, scales the largest difference (or
 * the root of epsilon, if it is larger) to between 1/2 and 1. */
static void rescale(const pal_call *c, const void *x, size_t n, double root, bool outside, moments *m)
{
    static const pal__fold least = {PAL_EACH_ISA(F32, row_min), PAL_EACH_ISA(F64, row_min)},
                           greatest = {PAL_EACH_ISA(F32, row_max), PAL_EACH_ISA(F64, row_max)};
    const pal_isa isa = pal_kernel_isa(c->context);
    const bool narrow = c->dtype == PAL_F32;
    const double low = narrow ? (double)least.f32[isa](x, n) : least.f64[isa](x, n),
                 high = narrow ? (double)greatest.f32[isa](x, n) : greatest.f64[isa](x, n);
    if (low == high) {
        m->shift = high * m->factor;
        m->square = 0;
    } else if (outside) {
        const double far = fmax(fmax(high * m->factor - m->shift, m->shift - low * m->factor), root * m->factor);
        const int most = (narrow ? 126 : 1022) - ilogb(m->factor), wanted = far > 0 ? -1 - ilogb(far) : most;
        const double step = ldexp(1, wanted < most ? wanted : most);
        m->factor *= step;
        m->shift *= step;
        m->square = spread(c, x, n, m->factor, m->shift) / (double)n;
    }
}

static moments moments_of(const pal_call *c, const void *x, size_t n)
{
    const bool narrow = c->dtype == PAL_F32;
    const double least = narrow ? 0x1p-90 : 0x1p-900, most = narrow ? (double)FLT_MAX : DBL_MAX,
                 noise = 64 * (narrow ? (double)FLT_EPSILON : DBL_EPSILON), root = sqrt(c->params->r[0]);
    moments m = {.factor = 1};
    double mean = total(c, x, n, 1, 0) / (double)n;
    if (!isfinite(mean)) {
        count_infinite(c, x, n, &m);
        if (m.nan || m.up || m.down) return m;
        m.factor = 0x1p-40; /* only the sum was too large */
        mean = total(c, x, n, m.factor, 0) / (double)n;
    }
    m.shift = narrow ? (double)(float)mean : mean;
    m.square = spread(c, x, n, m.factor, m.shift) / (double)n;
    const bool outside = !(m.square >= least && m.square <= most);
    if (outside || m.square <= noise * m.shift * noise * m.shift) rescale(c, x, n, root, outside, &m);
    m.deviation = sqrt(m.square + root * m.factor * root * m.factor);
    return m;
}

/* Infinite elements have the places 1 or -1, all others 0. */
static void infinite_row(const pal_call *c, const void *x, size_t n, const moments *m, bool divided, void *out)
{
    const double mean = ((double)m->up - (double)m->down) / (double)n,
                 square = (double)(m->up + m->down) / (double)n - mean * mean;
    const bool tie = m->up == n || m->down == n;
    for (size_t i = 0; i < n; i++) {
        const double v = at(c, x, i), place = isinf(v) ? copysign(1, v) : 0,
                     away = isinf(v) ? place : -(double)(m->up > 0) + (double)(m->down > 0);
        double y = divided ? (place - mean) / sqrt(square) : away == 0 ? 0 : away * (double)INFINITY;
        put(c, out, i, m->nan ? (double)NAN : tie ? 0 : y);
    }
}

/* ---- Kinds of results ----------------------------------------------------------------------------------------- */

typedef struct kind {
    bool elements;                                            /* one result per element; false: one per row */
    bool divided;                                             /* of elements: by the deviation */
    double (*of)(const moments *m, bool tie, double epsilon); /* one per row; tie: all elements are one infinity */
} kind;

static bool endless(const moments *m) { return m->up || m->down; }

static double spread_of(const moments *m, bool tie, double epsilon)
{
    (void)epsilon;
    return endless(m) ? (tie ? 0 : (double)INFINITY) : m->square / m->factor / m->factor;
}

static double deviation_of(const moments *m, bool tie, double epsilon)
{
    return endless(m) ? (tie ? sqrt(epsilon) : (double)INFINITY) : m->deviation / m->factor;
}

static double rate_of(const moments *m, bool tie, double epsilon)
{
    (void)tie, (void)epsilon;
    return endless(m) || m->deviation == 0 ? 0 : m->factor / m->deviation;
}

static void elements_of(const pal_call *c, const kind *k, const void *x, size_t n, void *out)
{
    const moments m = moments_of(c, x, n);
    const double divisor = k->divided ? m.deviation : m.factor;
    if (m.nan || endless(&m))
        infinite_row(c, x, n, &m, k->divided, out);
    else
        affine(c, x, n, m.factor, m.shift, divisor == 0 ? 0 : 1 / divisor, out);
}

static double number_of(const pal_call *c, const kind *k, const void *x, size_t n)
{
    const moments m = moments_of(c, x, n);
    return m.nan ? (double)NAN : k->of(&m, m.up == n || m.down == n, c->params->r[0]);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

/* If a > 1 the elements of a row are apart. A group of neighbouring rows is then gathered into scratch, and the results
 * are scattered from there. If b is 1 too, the rows of a group are columns of one cache line. In scratch the rows are a
 * cache line more apart than their length, which is often a power of 2: then they would fall into one set of the cache.
 */
enum { GROUP = 16, GAP = 16 };

static size_t group_of(pal_shape s) { return s.dim[0] > 1 && s.dim[2] < GROUP ? GROUP : 1; }
static size_t groups_of(pal_shape s) { return ((size_t)s.dim[1] + group_of(s) - 1) / group_of(s); }
static size_t row_length(pal_shape s) { return (size_t)(s.dim[0] * s.dim[2]); }
static size_t pitch_of(pal_shape s) { return (row_length(s) + 15) / 16 * 16 + GAP; }
static size_t scratch_of_task(const pal_call *c)
{
    const pal_shape s = c->in_shape[0];
    return s.dim[0] > 1 ? group_of(s) * pitch_of(s) * pal_dtype_size(c->in_dtype[0]) : 0;
}

static size_t spread_scratch(const pal_call *c)
{
    const pal_shape s = c->in_shape[0];
    return pal__row_tasks(groups_of(s), (size_t)pal_shape_count(s)) * scratch_of_task(c);
}

/* Between rows `first` .. `first + count` of x [a, c, b] and `count` rows in scratch. */
static void move(const pal_call *c, size_t first, size_t count, void *apart, char *rows, bool gather)
{
    const pal_shape s = c->in_shape[0];
    const size_t size = pal_dtype_size(c->dtype), b = (size_t)s.dim[2], pitch = pitch_of(s);
    for (size_t i = 0; i < (size_t)s.dim[0]; i++) {
        char *here = (char *)apart + (i * (size_t)s.dim[1] + first) * b * size, *there = rows + i * b * size;
        for (size_t j = 0; j < count; j++, here += b * size, there += pitch * size)
            if (b == 1 && size == sizeof(float))
                *(float *)(gather ? there : here) = *(const float *)(gather ? here : there);
            else
                memcpy(gather ? there : here, gather ? here : there, b * size);
    }
}

static void run_groups(const pal_call *c, const kind *k, size_t from, size_t end, char *scratch)
{
    const pal_shape s = c->in_shape[0];
    const size_t n = row_length(s), size = pal_dtype_size(c->dtype), group = group_of(s), all = (size_t)s.dim[1];
    const bool apart = s.dim[0] > 1;
    for (size_t g = from; g < end; g++) {
        const size_t first = g * group, count = first + group < all ? group : all - first;
        if (apart) move(c, first, count, (void *)(uintptr_t)c->in[0], scratch, true);
        for (size_t j = 0; j < count; j++) {
            char *row = scratch + j * pitch_of(s) * size;
            const char *x = apart ? row : (const char *)c->in[0] + first * n * size;
            if (k->elements)
                elements_of(c, k, x, n, apart ? row : (char *)c->out + first * n * size);
            else
                put(c, c->out, first + j, number_of(c, k, x, n));
        }
        if (apart && k->elements) move(c, first, count, c->out, scratch, false);
    }
}

static bool infer_spread(pal_infer *r, bool elements)
{
    r->dtype = r->dtypes[0];
    r->shape = r->shapes[0];
    if (!pal_dtype_real(r->dtype)) return pal_infer_fail(r, "the operand must be real");
    if (r->shape.rank != 3) return pal_infer_fail(r, "the operand must have three axes");
    if (!(r->params->r[0] >= 0)) return pal_infer_fail(r, "epsilon must be at least 0");
    if (r->shape.dim[1] && !row_length(r->shape)) return pal_infer_fail(r, "there are no elements to reduce");
    if (!elements) r->shape.dim[0] = r->shape.dim[2] = 1;
    return true;
}

static bool infer_elements(pal_infer *r) { return infer_spread(r, true); }
static bool infer_numbers(pal_infer *r) { return infer_spread(r, false); }

#define KIND(name, ...)                                                                                                \
    static void name##_rows(const pal_call *c, size_t first, size_t end, void *scratch)                                \
    {                                                                                                                  \
        run_groups(c, &(const kind)__VA_ARGS__, first, end, scratch);                                                  \
    }                                                                                                                  \
    static pal_status run_##name(const pal_call *c)                                                                    \
    {                                                                                                                  \
        const pal_shape s = c->in_shape[0];                                                                            \
        pal__each_row(c, groups_of(s), (size_t)pal_shape_count(s), scratch_of_task(c), name##_rows);                   \
        return PAL_OK;                                                                                                 \
    }
/* clang-format off */
KIND(centred,        {.elements = true})
KIND(standardised,   {.elements = true, .divided = true})
KIND(spread,         {.of = spread_of})
KIND(deviation,      {.of = deviation_of})
KIND(deviation_rate, {.of = rate_of})
/* clang-format on */
#undef KIND

/* ---- Derivatives ---------------------------------------------------------------------------------------------- */

static pal_var record(const pal_op *op, pal_var x, double epsilon)
{
    return pal_record(NULL, op, &x, 1, &(const pal_params){.r = {epsilon}});
}

static double terms(const pal_rule *r)
{
    const double n = (double)row_length(pal_shape_of(r->in[0]));
    return n > 0 ? n : 1;
}

static pal_var standard(const pal_rule *r) { return record(&pal__op_standardised, r->in[0], r->params->r[0]); }

static pal_var vjp_centred(const pal_rule *r, size_t k)
{
    (void)k;
    return record(&pal__op_centred, r->seed, 0);
}

static pal_var vjp_spread(const pal_rule *r, size_t k)
{
    return pal_mul(pal_scale(r->seed, 2 / terms(r)), record(&pal__op_centred, r->in[k], 0));
}

static pal_var vjp_deviation(const pal_rule *r, size_t k)
{
    (void)k;
    return pal_mul(pal_scale(r->seed, 1 / terms(r)), standard(r));
}

/* (g R) (R Y), because R^2 may overflow where g or Y is 0. */
static pal_var vjp_rate(const pal_rule *r, size_t k)
{
    (void)k;
    pal_var seed = pal_mul(pal_scale(r->seed, -1 / terms(r)), r->out);
    return pal_mul(seed, pal_mul(r->out, standard(r)));
}

static pal_var mean(const pal_rule *r, pal_var x)
{
    return pal_scale(pal_sum_to(x, PAL_SHAPE(1, pal_shape_of(x).dim[1], 1)), 1 / terms(r));
}

static pal_var vjp_standardised(const pal_rule *r, size_t k)
{
    pal_var along = mean(r, pal_mul(r->seed, r->out));
    pal_var across = pal_sub(pal_sub(r->seed, mean(r, r->seed)), pal_mul(r->out, along));
    return pal_mul(record(&pal__op_deviation_rate, r->in[k], r->params->r[0]), across);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static pal_var case_of(pal_tape *t, const pal_var *in, const void *user)
{
    const pal_op *const *op = user;
    (void)t;
    return record(*op, in[0], (*op)->n_reals ? 0.25 : 0);
}

#define CASES(name)                                                                                                    \
    static const pal_op *const the_##name = &pal__op_##name;                                                           \
    static const pal_case cases_##name[] = {{"rows", 1, {{{3, {1, 2, 4}}, -2, 2}}, case_of, &the_##name},              \
                                            {"columns", 1, {{{3, {3, 2, 1}}, -2, 2}}, case_of, &the_##name},           \
                                            {"both ends", 1, {{{3, {2, 3, 2}}, -2, 2}}, case_of, &the_##name},         \
                                            {"size 1", 1, {{{3, {1, 3, 1}}, -2, 2}}, case_of, &the_##name},            \
                                            {"no rows", 1, {{{3, {2, 0, 2}}, -2, 2}}, case_of, &the_##name}};
#define SPREAD_OP(name, reals, shape, rule, formula, summary)                                                          \
    CASES(name)                                                                                                        \
    const pal_op pal__op_##name = {PAL_OP_HEAD(#name, formula, summary),                                               \
                                   .op_class = PAL_CLASS_REDUCTION,                                                    \
                                   .arity = 1,                                                                         \
                                   .n_reals = reals,                                                                   \
                                   .infer = shape,                                                                     \
                                   .derivative = {PAL_HAS_RULE},                                                       \
                                   .vjp = rule,                                                                        \
                                   .run = run_##name,                                                                  \
                                   .scratch = spread_scratch,                                                          \
                                   .cases = cases_##name,                                                              \
                                   .n_cases = PAL_COUNT(cases_##name)};
SPREAD_OP(centred, 0, infer_elements, vjp_centred, "x - mean", "difference from the mean over the first and last axis")
SPREAD_OP(spread, 0, infer_numbers, vjp_spread, "mean of (x - mean)^2", "kernel of variance")
SPREAD_OP(deviation, 1, infer_numbers, vjp_deviation, "sqrt(spread + epsilon)", "kernel of std, without overflow")
SPREAD_OP(deviation_rate, 1, infer_numbers, vjp_rate, "1 / deviation",
          "0 if elements are infinite, or if all are equal and epsilon is 0")
SPREAD_OP(standardised, 1, infer_elements, vjp_standardised, "centred / deviation",
          "kernel of normalisations, without overflow; 0 if all elements are equal")
