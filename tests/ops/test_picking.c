/* test_picking.c - running sums, sorting and picking: values compared with plain loops along every axis, the order of
 * equal values and NaN, derivatives that go to the elements which the values came from. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

static void fresh_tape(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

static const double inf = (double)INFINITY, nan_ = (double)NAN;

static pal_var values(pal_tensor **keep, pal_dtype type, pal_shape shape, const double *x)
{
    *keep = pal_tensor_new(c, type, shape);
    ck_assert_ptr_nonnull(*keep);
    for (size_t i = 0; i < pal_tensor_count(*keep); i++) pal_tensor_set(*keep, i, x[i]);
    return pal_leaf(t, *keep, NULL);
}

static void near(double a, double b, double tolerance)
{
    ck_assert_msg(a == b || (a != a && b != b) || fabs(a - b) <= tolerance * fmax(1, fabs(b)), "%.17g, not %.17g", a,
                  b);
}

static void eval(pal_var v, void *out)
{
    pal_status status = pal_eval(v, out);
    ck_assert_msg(status == PAL_OK, "%s", pal_tape_error(t));
}

/* ---- Running sums --------------------------------------------------------------------------------------------- */

START_TEST(running_sums)
{
    static const int64_t dims[] = {3, 4, 2};
    for (int f32 = 0; f32 < 2; f32++)
        for (int axis = -3; axis < 3; axis++)
            for (int flags = 0; flags < 4; flags++) {
                bool exclusive = flags & 1, reverse = flags >> 1;
                int a = axis < 0 ? axis + 3 : axis, n = (int)dims[a], stride = a == 0 ? 8 : a == 1 ? 2 : 1;
                pal_tensor *x = random_tensor(c, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(3, 4, 2), -1, 1, "x");
                double out[24];
                eval(pal_cast(pal_cumsum(pal_leaf(t, x, "x"), axis, exclusive, reverse), PAL_F64), out);
                for (int i = 0; i < 24; i++) {
                    int at = i / stride % n, first = i - at * stride;
                    double sum = 0;
                    for (int j = 0; j < n; j++)
                        if (j == at ? !exclusive : (j < at) != reverse)
                            sum += pal_tensor_get(x, (size_t)(first + j * stride));
                    near(out[i], sum, f32 ? 1e-7 : 1e-15);
                }
                pal_tensor_free(x);
                fresh_tape();
            }
    /* float32 sums are added in double, so the last of many is the correctly rounded sum. */
    enum { N = 100000 };
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(N), 0, 1, "x");
    float *out = malloc(N * sizeof *out);
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += pal_tensor_get(x, i);
    eval(pal_cumsum(pal_leaf(t, x, "x"), 0, false, false), out);
    ck_assert_float_eq(out[N - 1], (float)sum);
    free(out);
    pal_tensor_free(x);
}
END_TEST

/* ---- Order ---------------------------------------------------------------------------------------------------- */

/* Among equal values the first comes first, and -0 equals 0. arg_max and arg_min return the first NaN, if there is one.
 * Sorting puts NaN last, in either direction. */
START_TEST(first_of_equals_and_nan)
{
    static const double in[][5] = {{1, 3, 3, 0, 0},        {0, -0.0, 0, -0.0, 0},
                                   {2, nan_, 9, nan_, -9}, {-inf, -inf, -inf, -inf, -inf},
                                   {nan_, nan_, 1, 2, 3},  {inf, 5, inf, -inf, -inf}};
    static const int32_t high[] = {1, 0, 1, 0, 0, 0}, low[] = {3, 0, 1, 0, 0, 3};
    static const int32_t up[][5] = {{3, 4, 0, 1, 2}, {0, 1, 2, 3, 4}, {4, 0, 2, 1, 3},
                                    {0, 1, 2, 3, 4}, {2, 3, 4, 0, 1}, {3, 4, 1, 0, 2}};
    static const int32_t down[][5] = {{1, 2, 0, 3, 4}, {0, 1, 2, 3, 4}, {2, 0, 4, 1, 3},
                                      {0, 1, 2, 3, 4}, {4, 3, 2, 0, 1}, {0, 2, 1, 3, 4}};
    for (int f32 = 0; f32 < 2; f32++) {
        pal_tensor *x;
        pal_var v = values(&x, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(6, 5), &in[0][0]), w = pal_transpose(v);
        int32_t out[6], order[6][5];
        eval(pal_arg_max(v, 1), out);
        ck_assert_mem_eq(out, high, sizeof out);
        eval(pal_arg_max(w, 0), out);
        ck_assert_mem_eq(out, high, sizeof out);
        eval(pal_arg_min(v, -1), out);
        ck_assert_mem_eq(out, low, sizeof out);
        eval(pal_arg_sort(v, 1, false), order);
        ck_assert_mem_eq(order, up, sizeof order);
        eval(pal_arg_sort(v, 1, true), order);
        ck_assert_mem_eq(order, down, sizeof order);
        eval(pal_transpose(pal_arg_sort(w, 0, true)), order);
        ck_assert_mem_eq(order, down, sizeof order);
        for (int k = 0; k <= 5; k++) {
            int32_t top[6][5];
            eval(pal_arg_top_k(v, -1, k), top);
            for (int i = 0; i < 6; i++)
                for (int j = 0; j < k; j++) ck_assert_int_eq((&top[0][0])[i * k + j], down[i][j]);
        }
        pal_tensor_free(x);
        fresh_tape();
    }
}
END_TEST

static double pattern(int which, size_t i, size_t n)
{
    double u;
    pal_noise_uniform((pal_noise){.seed = 5}, "pattern", i, 1, &u);
    switch (which) {
    case 0:
        return u - 0.5;
    case 1:
        return (double)i;
    case 2:
        return (double)(n - i);
    case 3:
        return 7;
    case 4:
        return floor(10 * u) - 5;
    case 5:
        return u < 0.3 ? nan_ : u < 0.5 ? -inf : u - 0.6;
    default:
        return i % 2 ? (double)i : -(double)i;
    }
}

/* Whether x, element i, comes before y, element j, in descending order. */
static bool before(double x, size_t i, double y, size_t j)
{
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? i < j : isnan(y);
    return x > y || (x == y && i < j);
}

/* Rows of many lengths and patterns are sorted; top-k returns the first k of that order. */
START_TEST(long_rows_are_ordered)
{
    static const size_t lengths[] = {1, 15, 16, 17, 33, 100, 257, 1000};
    for (int which = 0; which < 7; which++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (int f32 = 0; f32 < 2; f32++) {
                size_t n = lengths[l];
                pal_tensor *x = pal_tensor_new(c, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(2, (int64_t)n));
                for (size_t i = 0; i < 2 * n; i++) pal_tensor_set(x, i, pattern(which, i, 2 * n));
                pal_var v = pal_leaf(t, x, "x");
                int32_t *order = malloc(2 * n * sizeof *order), *top = malloc(2 * n * sizeof *top);
                eval(pal_arg_sort(v, 1, true), order);
                for (size_t row = 0; row < 2; row++) {
                    const int32_t *o = order + row * n;
                    for (size_t i = 0; i + 1 < n; i++)
                        ck_assert(before(pal_tensor_get(x, row * n + (size_t)o[i]), (size_t)o[i],
                                         pal_tensor_get(x, row * n + (size_t)o[i + 1]), (size_t)o[i + 1]));
                }
                for (size_t k = 1; k <= n; k = k * 3 + 1) {
                    eval(pal_arg_top_k(v, 1, (int64_t)k), top);
                    for (size_t row = 0; row < 2; row++)
                        ck_assert_mem_eq(top + row * k, order + row * n, k * sizeof *top);
                }
                free(order);
                free(top);
                pal_tensor_free(x);
                fresh_tape();
            }
}
END_TEST

/* Element i of n (even) of the order that makes each median of three a bad pivot (Musser, "Introspective sorting and
 * selection algorithms", 1997): choosing the n / 2 largest takes n / 4 rounds, which is where a search gives up. */
static double against_pivots(size_t i, size_t n)
{
    const size_t half = n / 2;
    if (i >= half) return -2.0 * (double)(i - half + 1);
    return i % 2 ? -(double)(half + i) : -(double)(i + 1);
}

START_TEST(bad_pivots_do_not_matter)
{
    enum { LONG = 600, K = LONG / 2 };
    for (int f32 = 0; f32 < 2; f32++) {
        int32_t order[LONG], top[K];
        pal_tensor *x = pal_tensor_new(c, f32 ? PAL_F32 : PAL_F64, PAL_SHAPE(LONG));
        for (size_t i = 0; i < LONG; i++) pal_tensor_set(x, i, against_pivots(i, LONG));
        pal_var v = pal_leaf(t, x, "x");
        eval(pal_arg_sort(v, 0, true), order);
        eval(pal_arg_top_k(v, 0, K), top);
        ck_assert_mem_eq(top, order, sizeof top);
        for (size_t i = 0; i + 1 < LONG; i++)
            ck_assert(pal_tensor_get(x, (size_t)order[i]) > pal_tensor_get(x, (size_t)order[i + 1]));
        pal_tensor_free(x);
        fresh_tape();
    }
}
END_TEST

/* The derivative of a sort or of top-k is scattered back by the permutation. */
START_TEST(derivatives_go_to_where_values_came_from)
{
    pal_tensor *x;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 4), (double[]){3, 1, 4, 1, -5, 9, 2, 6}), g[3];
    pal_var four = pal_reshape(pal_cumsum(pal_fill(t, PAL_F64, PAL_SHAPE(4), 1), 0, false, false), PAL_SHAPE(1, 4));
    pal_var seed = pal_broadcast_to(four, PAL_SHAPE(2, 4)); /* each row is 1 2 3 4 */
    pal_var y[] = {pal_sort(v, 1, false), pal_sort(v, 1, true), pal_top_k(v, 1, 2)};
    static const double sorted[][8] = {{1, 1, 3, 4, -5, 2, 6, 9}, {4, 3, 1, 1, 9, 6, 2, -5}, {4, 3, 9, 6}};
    static const double slopes[][8] = {{3, 1, 4, 2, 1, 4, 2, 3}, {2, 3, 1, 4, 4, 1, 3, 2}, {2, 0, 1, 0, 0, 1, 0, 2}};
    for (int k = 0; k < 3; k++) {
        double out[8] = {0}, slope[8];
        pal_var s =
            k < 2 ? seed : pal_slice(seed, (const int64_t[]){0, 0}, (const int64_t[]){2, 2}, (const int64_t[]){1, 1});
        ck_assert_int_eq(pal_vjp(y[k], s, &v, 1, &g[k]), PAL_OK);
        eval(y[k], out);
        eval(g[k], slope);
        ck_assert_mem_eq(out, sorted[k], (k < 2 ? 8 : 4) * sizeof *out);
        ck_assert_mem_eq(slope, slopes[k], sizeof slope);
    }
    pal_tensor_free(x);
}
END_TEST

static pal_var sort_build(pal_tape *tape, const pal_var *in, const void *user)
{
    (void)tape;
    switch (*(const int *)user) {
    case 0:
        return pal_square(pal_sort(in[0], 0, false));
    case 1:
        return pal_square(pal_top_k(in[0], 0, 2));
    case 2:
        return pal_square(pal_reduce_max(in[0], 1, false));
    case 3:
        return pal_square(pal_reduce_min(pal_neg(in[0]), 1, false));
    default:
        return pal_square(pal_gather(in[0], pal_expand(pal_arg_max(in[0], 0), 0), 0));
    }
}

/* Two values that are closer than any useful step change their order. The checker must report a kink, not a failure.
 * Where a shorter step keeps their order, the checker finds it. */
START_TEST(near_ties_are_kinks)
{
    static const double apart[] = {1e-14, 0.01};
    for (int k = 0; k < 10; k++) {
        const bool tie = k % 2 == 0;
        const int function = k / 2;
        double x[] = {1, 3, 3 + apart[k % 2], -2};
        pal_tensor *in = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(4), x);
        for (int order = 1; order < 3; order++) {
            pal_gradcheck_report r;
            ck_assert_int_eq(pal_gradcheck(c, "near ties", sort_build, &function, &in, 1,
                                           &(pal_gradcheck_options){
                                               .struct_size = sizeof(pal_gradcheck_options), .order = order, .seed = 3},
                                           &r),
                             PAL_OK);
            ck_assert_msg((r.kinks > 0) == tie && r.verdict != PAL_CHECK_FAIL && (tie || r.verdict == PAL_CHECK_PASS),
                          "function %d order %d: %s, %zu kinks, error %g", function, order, pal_verdict_text(r.verdict),
                          r.kinks, r.error);
        }
        pal_tensor_free(in);
    }
}
END_TEST

/* ---- Picking -------------------------------------------------------------------------------------------------- */

START_TEST(gather_picks_along_any_axis)
{
    static const pal_dtype types[] = {PAL_F32, PAL_F64, PAL_I32, PAL_U8, PAL_BOOL};
    static const int64_t dims[] = {3, 4, 2};
    for (size_t d = 0; d < 5; d++)
        for (int axis = -3; axis < 3; axis++) {
            int a = axis < 0 ? axis + 3 : axis;
            pal_shape s = PAL_SHAPE(3, 4, 2), k = s;
            k.dim[a] = 5;
            pal_tensor *x = pal_tensor_new(c, types[d], s), *at = pal_tensor_new(c, PAL_I32, k),
                       *y = random_tensor(c, PAL_F64, k, -1, 1, "y");
            for (size_t i = 0; i < 24; i++) pal_tensor_set(x, i, (double)(types[d] == PAL_BOOL ? i % 3 == 0 : i));
            for (size_t i = 0; i < pal_tensor_count(at); i++)
                pal_tensor_set(at, i, (double)(i * i * 7 % (size_t)dims[a]));
            pal_var v = pal_leaf(t, x, "x"), w = pal_leaf(t, y, "y"), indices = pal_leaf(t, at, "at");
            pal_var picked = pal_gather(v, indices, axis);
            ck_assert_int_eq(pal_dtype_of(picked), types[d]);
            double out[60], back[24];
            eval(pal_cast(picked, PAL_F64), out);
            eval(pal_gather_add(w, indices, axis, dims[a]), back);
            double left = 0, right = 0;
            for (int i = 0; i < (int)pal_tensor_count(at); i++) {
                int64_t index[3] = {i / (k.dim[1] * k.dim[2]), i / k.dim[2] % k.dim[1], i % k.dim[2]};
                index[a] = (int64_t)pal_tensor_get(at, (size_t)i);
                ck_assert_double_eq(out[i], pal_tensor_get(x, (size_t)((index[0] * 4 + index[1]) * 2 + index[2])));
                left += out[i] * pal_tensor_get(y, (size_t)i);
            }
            for (size_t i = 0; i < 24; i++) right += pal_tensor_get(x, i) * back[i];
            near(left, right, 1e-13); /* <gather(x), y> = <x, gather_add(y)> */
            pal_tensor_free(x);
            pal_tensor_free(y);
            pal_tensor_free(at);
            fresh_tape();
        }
}
END_TEST

START_TEST(indices_out_of_range_fail_the_run)
{
    for (int k = 0; k < 4; k++) {
        pal_tensor *x, *at;
        pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 2), (double[]){1, 2, 3, 4});
        pal_var i = values(&at, PAL_I32, PAL_SHAPE(2, 2), (double[]){0, 1, k & 1 ? -1 : 2, 0});
        pal_var y = k < 2 ? pal_gather(v, i, 1) : pal_gather_add(v, i, 1, 2);
        pal_program *p = pal_compile(t, &y, 1, NULL);
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(pal_run(p), PAL_ERR_ARGUMENT);
        char text[80];
        snprintf(text, sizeof text, "%s: index %d at position 2 is not in 0 .. 1", k < 2 ? "gather" : "gather_add",
                 k & 1 ? -1 : 2);
        ck_assert_str_eq(pal_program_error(p), text);
        pal_program_free(p);
        pal_tensor_free(x);
        pal_tensor_free(at);
        fresh_tape();
    }
}
END_TEST

START_TEST(wrong_uses_are_refused)
{
    pal_tensor *x, *y;
    pal_var v = values(&x, PAL_F64, PAL_SHAPE(2, 3), (double[6]){0}),
            u = values(&y, PAL_I32, PAL_SHAPE(2, 3), (double[6]){0});
    pal_var scalar = pal_sum_all(v), none = {.tape = t}, nothing = {0};
    ck_assert_refused_saying(t, pal_cumsum(v, 2, false, false), "cumsum: axis 2 is out of range for rank 2");
    ck_assert_refused_saying(t, pal_cumsum(scalar, 0, false, false), "cumsum: axis 0 is out of range for rank 0");
    ck_assert_refused_saying(t, pal_cumsum(u, 0, false, false), "the operand must be real");
    ck_assert_refused_saying(t, pal_cumsum(none, 0, false, false), "cumsum: the operand is a bad handle");
    ck_assert_refused_saying(t, pal_arg_max(v, -3), "arg_max: axis -3 is out of range for rank 2");
    ck_assert_refused_saying(t, pal_arg_min(scalar, 0), "arg_min: axis 0 is out of range for rank 0");
    ck_assert_refused_saying(t, pal_arg_max(u, 0), "arg_max: [3,2]: the operand must be real");
    ck_assert_refused_saying(t, pal_arg_min(pal_fill(t, PAL_F64, PAL_SHAPE(3, 0), 0), 1),
                             "arg_min: [3,0]: the axis has no elements");
    ck_assert_refused_saying(t, pal_arg_sort(v, 2, false), "arg_sort: axis 2 is out of range for rank 2");
    ck_assert_refused_saying(t, pal_sort(u, 0, false), "sort: the operand must be real, not i32");
    ck_assert_refused_saying(t, pal_sort(none, 0, false), "sort: the operand is a bad handle");
    ck_assert_refused_saying(t, pal_top_k(v, 1, 4), "top_k: k is 4 and must be 0 to 3, the length of the axis");
    ck_assert_refused_saying(t, pal_arg_top_k(v, 1, -1),
                             "arg_top_k: k is -1 and must be 0 to 3, the length of the axis");
    ck_assert_refused_saying(t, pal_top_k(v, 5, 1), "top_k: axis 5 is out of range for rank 2");
    ck_assert_refused_saying(t, pal_gather(v, v, 0), "the indices must be i32");
    ck_assert_refused_saying(t, pal_gather(v, u, 2), "gather: axis 2 is out of range for rank 2");
    ck_assert_refused_saying(t, pal_gather(v, pal_transpose(u), 0), "equal, except along the axis");
    ck_assert_refused_saying(t, pal_gather(v, pal_reshape(u, PAL_SHAPE(6)), 0), "equal, except along the axis");
    ck_assert_refused_saying(t, pal_gather(v, none, 0), "gather: operand 2 is a bad handle");
    ck_assert_refused_saying(t, pal_gather_add(u, u, 0, 2), "gather_add: [3,2] x [3,2]: the values must be real");
    ck_assert_refused_saying(t, pal_gather_add(v, u, 0, -1), "the size is negative");
    ck_assert_refused_saying(t, pal_gather_add(none, u, 0, 1), "gather_add: operand 1 is a bad handle");
    ck_assert(!pal_cumsum(nothing, 0, false, false).id && !pal_arg_max(nothing, 0).id &&
              !pal_sort(nothing, 0, true).id);
    ck_assert(!pal_top_k(nothing, 0, 1).id && !pal_gather(nothing, nothing, 0).id);
    pal_tensor_free(x);
    pal_tensor_free(y);
}
END_TEST

Suite *picking_suite(void)
{
    Suite *s = suite_create("picking");
    add_case(s, "picking", setup, teardown,
             TESTS(running_sums, first_of_equals_and_nan, long_rows_are_ordered, bad_pivots_do_not_matter,
                   derivatives_go_to_where_values_came_from, near_ties_are_kinks, gather_picks_along_any_axis,
                   indices_out_of_range_fail_the_run, wrong_uses_are_refused));
    return s;
}
