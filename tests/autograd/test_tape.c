/* test_tape.c - handles, the first error that stays, scopes, mark and rewind, effects. */
#include "tests/testing.h"

#include <float.h>
#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *x23, *w45;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F32);
    x23 = random_tensor(c, PAL_F32, PAL_SHAPE(2, 3), -1, 1, "x");
    w45 = random_tensor(c, PAL_F32, PAL_SHAPE(4, 5), -1, 1, "w");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(x23);
    pal_tensor_free(w45);
    pal_context_free(c);
}

/* A tape keeps its first error, with the scope. Later calls with the bad handle fail without replacing it. */
START_TEST(first_error_sticks_and_says_where)
{
    pal_var x = pal_leaf(t, x23, "x"), w = pal_leaf(t, w45, "w");
    pal_scope_begin(t, "encoder");
    pal_scope_begin(t, "fc1");
    pal_var bad = pal_matmul(x, w);
    pal_scope_end(t);
    pal_scope_end(t);
    ck_assert(!pal_ok(bad));
    ck_assert_ptr_eq(bad.tape, t);
    ck_assert_str_eq(pal_tape_error(t), "matmul: [2,3] x [4,5] in encoder/fc1");
    ck_assert_int_eq(pal_tape_status(t), PAL_ERR_SHAPE);
    pal_var worse = pal_add(bad, x);
    ck_assert(!pal_ok(worse));
    ck_assert_str_eq(pal_tape_error(t), "matmul: [2,3] x [4,5] in encoder/fc1");
    ck_assert_ptr_null(pal_compile(t, &x, 1, NULL));
    pal_var g;
    ck_assert_int_ne(pal_grad(worse, &x, 1, &g), PAL_OK);
    ck_assert(!pal_ok(g));
    float out;
    ck_assert_int_ne(pal_eval(worse, &out), PAL_OK);
}
END_TEST

START_TEST(every_call_survives_bad_handles)
{
    pal_var nothing = {0}, wild = {t, 12345, 1}, x = pal_leaf(t, x23, "x"), g;
    pal_shape s = PAL_SHAPE(2);
    int axes[6] = {0, 1, 2, 3, 4, 5};
    int64_t n[6] = {1, 1, 1, 1, 1, 1};
    pal_var vars[] = {nothing, wild};
    for (int i = 0; i < 2; i++) {
        pal_var v = vars[i];
        for (size_t k = 0; pal_op_at(k); k++) {
            int arity = pal_op_at(k)->arity;
            pal_var in[PAL_CASE_INPUTS] = {v, v, v, v};
            ck_assert_int_le(arity, PAL_CASE_INPUTS);
            ck_assert(arity < 1 || !pal_ok(pal_record(NULL, pal_op_at(k), in, (size_t)arity, NULL)));
            in[1] = x;
            ck_assert(arity < 1 || !pal_ok(pal_record(NULL, pal_op_at(k), in, (size_t)arity, NULL)));
        }
        pal_var results[] = {pal_add(v, x),
                             pal_add(x, v),
                             pal_matmul(v, v),
                             pal_sum(v, 1, false),
                             pal_mean(v, 1, true),
                             pal_sum_all(v),
                             pal_mean_all(v),
                             pal_mean_over_samples(v),
                             pal_reshape(v, s),
                             pal_transpose(v),
                             pal_permute(v, axes),
                             pal_slice(v, n, n, n),
                             pal_pad(v, s, n, n),
                             pal_take(v, v),
                             pal_scatter_add(v, v, 3),
                             pal_one_hot(v, 3, PAL_F32),
                             pal_broadcast_to(v, s),
                             pal_sum_to(v, s),
                             pal_stop_gradient(v),
                             pal_assign(v, x),
                             pal_assign(x, v),
                             pal_jvp(v, x, x),
                             pal_jvp(x, v, x),
                             pal_jvp(x, x, v),
                             pal_cast(v, PAL_F64),
                             pal_where(v, v, v),
                             pal_like(v, 1),
                             pal_scale(v, 2),
                             pal_affine(v, v, v),
                             pal_bernoulli_cross_entropy(v, v),
                             pal_jacobian_norm2_rows(v, v),
                             pal_jacobian_norm2_hutchinson(v, v, "s"),
                             pal_operand(v, 0),
                             pal_sum_squares(v)};
        for (size_t k = 0; k < sizeof results / sizeof *results; k++)
            ck_assert_msg(!pal_ok(results[k]) || i > 0, "call %zu", k);
        ck_assert_int_ne(pal_grad(v, &x, 1, &g), PAL_OK);
        ck_assert_int_ne(pal_vjp(v, x, &x, 1, &g), PAL_OK);
        ck_assert_int_ne(pal_vjp(x, v, &x, 1, &g), PAL_OK);
        ck_assert_int_ne(pal_vjp(x, x, &v, 1, &g), PAL_OK);
        float out[8];
        ck_assert_int_ne(pal_eval(v, out), PAL_OK);
        ck_assert_ptr_null(pal_op_of(v));
        ck_assert_ptr_null(pal_leaf_tensor(v));
        ck_assert_uint_eq(pal_operand_count(v), 0);
    }
    ck_assert(!pal_ok(pal_leaf(NULL, x23, "x")));
    ck_assert(!pal_ok(pal_fill(NULL, PAL_F32, s, 1)));
    ck_assert(!pal_ok(pal_constant(NULL, 1)));
    ck_assert(!pal_ok(pal_uniform(NULL, "u", s)));
    ck_assert(!pal_ok(pal_map_sum(NULL, 3, NULL, NULL)));
    ck_assert_ptr_null(pal_compile(NULL, NULL, 0, NULL));
    ck_assert_int_ne(pal_run(NULL), PAL_OK);
    ck_assert_ptr_null(pal_output(NULL, 0));
    ck_assert_ptr_null(pal_tape_new(NULL, PAL_F32));
    ck_assert_ptr_null(pal_tape_new(c, PAL_I32));
    pal_scope_begin(NULL, "x");
    pal_scope_end(NULL);
    pal_tape_rewind(NULL, pal_tape_mark(NULL));
    pal_program_free(NULL);
    pal_tape_free(NULL);
}
END_TEST

START_TEST(mixing_tapes_marks_both)
{
    pal_tape *other = pal_tape_new(c, PAL_F32);
    pal_var a = pal_leaf(t, x23, "x"), b = pal_leaf(other, x23, "x");
    ck_assert(!pal_ok(pal_add(a, b)));
    ck_assert_str_eq(pal_tape_error(t), "add: operands of two tapes");
    ck_assert_str_eq(pal_tape_error(other), "add: operands of two tapes");
    pal_tape_free(other);
}
END_TEST

START_TEST(rewinding_makes_handles_bad_and_forgives)
{
    pal_var x = pal_leaf(t, x23, "x");
    pal_mark mark = pal_tape_mark(t);
    size_t length = pal_tape_length(t);
    pal_var y = pal_exp(x);
    pal_var noise = pal_uniform(t, "u", PAL_SHAPE(2));
    pal_assign(x, y);
    pal_add(x, pal_leaf(t, w45, "w")); /* the shapes do not fit: an error */
    ck_assert(pal_tape_error(t) != NULL);
    pal_tape_rewind(t, mark);
    ck_assert_tape_ok(t);
    ck_assert_uint_eq(pal_tape_length(t), length);
    ck_assert(pal_ok(x));
    ck_assert(!pal_ok(y) && !pal_ok(noise));
    /* A new entry gets the same id, but the old handle stays bad. */
    pal_var z = pal_neg(x);
    ck_assert_uint_eq(z.id, y.id);
    ck_assert(pal_ok(z) && !pal_ok(y));
    /* The name of the stream and the effect on the leaf may be used again. */
    ck_assert(pal_ok(pal_uniform(t, "u", PAL_SHAPE(2))));
    ck_assert(pal_ok(pal_assign(x, z)));
    /* A later mark becomes void if the tape is rewound to before it. */
    pal_mark late = pal_tape_mark(t);
    pal_tape_rewind(t, mark);
    ck_assert_tape_ok(t);
    pal_neg(x), pal_neg(x), pal_neg(x), pal_neg(x), pal_neg(x), pal_neg(x);
    pal_tape_rewind(t, late);
    ck_assert_str_eq(pal_tape_error(t), "rewind: the mark is no longer valid");
}
END_TEST

/* The scope of a mark is the one that was open, whatever was rewound and begun since. */
START_TEST(a_mark_keeps_its_scope)
{
    pal_var x = pal_leaf(t, x23, "x");
    pal_mark before = pal_tape_mark(t);
    pal_scope_begin(t, "a");
    pal_mark inside = pal_tape_mark(t);
    pal_tape_rewind(t, before);
    ck_assert_str_eq(pal_scope_of(pal_exp(x)), "");
    pal_tape_rewind(t, before);
    pal_scope_begin(t, "b");
    pal_tape_rewind(t, inside);
    ck_assert_tape_ok(t);
    ck_assert_str_eq(pal_scope_of(pal_exp(x)), "a");
}
END_TEST

/* Names are not cut: two long names that differ in their last letter are two streams, or an error. */
START_TEST(long_names_are_refused)
{
    char name[601], scope[201];
    memset(name, 'a', 600), memset(scope, 's', 200);
    name[600] = scope[200] = 0;
    pal_mark mark = pal_tape_mark(t);
    ck_assert(!pal_ok(pal_uniform(t, name, PAL_SHAPE(3))));
    ck_assert_str_eq(pal_tape_error(t), "uniform: the name with its scopes has 600 bytes: use at most 511");
    pal_tape_rewind(t, mark);
    ck_assert(!pal_ok(pal_leaf(t, x23, name)));
    ck_assert_str_eq(pal_tape_error(t), "leaf: the name with its scopes has 600 bytes: use at most 511");
    pal_tape_rewind(t, mark);
    pal_scope_begin(t, scope);
    name[311] = 0; /* 200 + 1 + 311 */
    ck_assert(!pal_ok(pal_leaf(t, x23, name)));
    pal_tape_rewind(t, mark);
    pal_scope_begin(t, scope);
    ck_assert(pal_ok(pal_leaf(t, x23, name + 1)));
    ck_assert(pal_ok(pal_uniform(t, name + 1, PAL_SHAPE(3))));
    name[310] = 'b';
    ck_assert(pal_ok(pal_leaf(t, w45, name + 1)));
    ck_assert(pal_ok(pal_uniform(t, name + 1, PAL_SHAPE(3))));
}
END_TEST

START_TEST(data_that_is_not_aligned_is_no_leaf)
{
    _Alignas(8) char room[40];
    pal_tensor *crooked = pal_tensor_wrap(c, PAL_F32, PAL_SHAPE(4), room + 2);
    ck_assert(!pal_ok(pal_leaf(t, crooked, "x")));
    ck_assert_str_eq(pal_tape_error(t), "leaf x: its data is not aligned: f32 needs an address divisible by 4");
    pal_tensor_free(crooked);
}
END_TEST

START_TEST(stale_handle_is_named)
{
    pal_var x = pal_leaf(t, x23, "x");
    pal_mark mark = pal_tape_mark(t);
    pal_var y = pal_exp(x);
    pal_tape_rewind(t, mark);
    pal_add(x, y);
    ck_assert_str_eq(pal_tape_error(t), "add: operand 2 is a stale handle");
}
END_TEST

/* The same tensor always gives the same leaf. Another tensor that overlaps its memory is refused. */
START_TEST(one_tensor_is_one_leaf)
{
    pal_var a = pal_leaf(t, x23, "x"), b = pal_leaf(t, x23, "again");
    ck_assert_uint_eq(a.id, b.id);
    pal_tensor *part = pal_tensor_wrap(c, PAL_F32, PAL_SHAPE(2), (float *)x23->data + 1);
    ck_assert(!pal_ok(pal_leaf(t, part, "part")));
    ck_assert_str_eq(pal_tape_error(t), "leaf part: its memory overlaps that of leaf x");
    pal_tensor_free(part);
}
END_TEST

START_TEST(names_are_unique_within_their_scope)
{
    pal_leaf(t, x23, "x");
    pal_scope_begin(t, "a");
    ck_assert(pal_ok(pal_leaf(t, w45, "x")));
    pal_scope_end(t);
    ck_assert_tape_ok(t);
    pal_tensor *third = pal_tensor_new(c, PAL_F32, PAL_SHAPE(1));
    pal_leaf(t, third, "x");
    ck_assert_str_eq(pal_tape_error(t), "leaf: the name x is taken by another tensor");
    pal_tensor_free(third);
}
END_TEST

/* A stream is identified by scope and name, and may be drawn only once. */
START_TEST(streams_are_drawn_once)
{
    pal_scope_begin(t, "a");
    ck_assert(pal_ok(pal_normal(t, "noise", PAL_SHAPE(3))));
    pal_scope_end(t);
    ck_assert(pal_ok(pal_normal(t, "noise", PAL_SHAPE(3))));
    pal_scope_begin(t, "a");
    ck_assert(!pal_ok(pal_uniform(t, "noise", PAL_SHAPE(3))));
    ck_assert_str_eq(pal_tape_error(t), "uniform: stream a/noise is already in use: share its value in a");
}
END_TEST

START_TEST(assigning_twice_is_an_error)
{
    pal_var x = pal_leaf(t, x23, "x");
    pal_assign(x, pal_neg(x));
    pal_assign(x, x);
    ck_assert_str_eq(pal_tape_error(t), "assign: leaf x is assigned twice");
}
END_TEST

START_TEST(assign_checks_its_operands)
{
    pal_var x = pal_leaf(t, x23, "x");
    pal_mark m = pal_tape_mark(t);
    pal_assign(pal_neg(x), x);
    ck_assert_str_eq(pal_tape_error(t), "assign: neg is not a leaf");
    pal_tape_rewind(t, m);
    pal_assign(x, pal_leaf(t, w45, "w"));
    ck_assert_str_eq(pal_tape_error(t), "assign: [2,3] x [4,5]");
    pal_tape_rewind(t, m);
    pal_assign(x, pal_cast(x, PAL_F64));
    ck_assert_int_eq(pal_tape_status(t), PAL_ERR_SHAPE);
}
END_TEST

START_TEST(scopes_balance)
{
    pal_scope_end(t);
    ck_assert_str_eq(pal_tape_error(t), "scope: pal_scope_end without pal_scope_begin");
}
END_TEST

START_TEST(types_do_not_mix)
{
    pal_var x = pal_leaf(t, x23, "x");
    ck_assert(!pal_ok(pal_add(x, pal_cast(x, PAL_F64))));
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "one real type"));
}
END_TEST

/* What the element types hold, at the edges of their ranges. */
static const struct {
    pal_dtype dtype;
    double value;
    bool held;
} held[] = {
    {PAL_I32, 2147483647, true},
    {PAL_I32, 2147483648, false},
    {PAL_I32, -2147483648.0, true},
    {PAL_I32, -2147483649.0, false},
    {PAL_I32, 1e300, false},
    {PAL_I32, -1e300, false},
    {PAL_I32, INFINITY, false},
    {PAL_I32, NAN, false},
    {PAL_I32, 0.5, false},
    {PAL_I32, -0.0, true},
    {PAL_U8, 255, true},
    {PAL_U8, 256, false},
    {PAL_U8, -1, false},
    {PAL_U8, NAN, false},
    {PAL_U8, 1.5, false},
    {PAL_BOOL, NAN, true},
    {PAL_BOOL, -1e300, true},
    {PAL_F32, 1e300, true},
    {PAL_F32, NAN, true},
    {PAL_F64, INFINITY, true},
};

START_TEST(a_fill_is_a_value_of_its_type)
{
    pal_tape_free(t);
    t = pal_tape_new(c, held[_i].dtype == PAL_F64 ? PAL_F64 : PAL_F32);
    pal_var filled = pal_fill(t, held[_i].dtype, PAL_SHAPE(2), held[_i].value);
    ck_assert_int_eq(pal_ok(filled), held[_i].held);
    if (!held[_i].held) ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "whole number in its range"));
}
END_TEST

START_TEST(an_element_is_a_value_of_its_type)
{
    pal_tensor *x = pal_tensor_new(c, held[_i].dtype, PAL_SHAPE(2));
    ck_assert(pal_tensor_set(x, 1, 1));
    ck_assert_int_eq(pal_tensor_set(x, 1, held[_i].value), held[_i].held);
    if (!held[_i].held) ck_assert_double_eq(pal_tensor_get(x, 1), 1);
    ck_assert(!pal_tensor_set(x, 2, 1));
    ck_assert(!pal_tensor_set(NULL, 0, 1));
    pal_tensor_free(x);
}
END_TEST

/* Each place of each type, also of data that are not aligned; blocks end within the 5000 elements. */
START_TEST(what_is_not_finite_is_found)
{
    enum { N = 5000 };
    static const double bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    static const double good[] = {0, -0.0, DBL_TRUE_MIN, FLT_TRUE_MIN, FLT_MAX, -FLT_MAX};
    static const int64_t places[] = {0, 1, 63, 4094, 4095, 4096, 4097, N - 1};
    static char room[N * sizeof(double) + 1];
    for (pal_dtype dtype = PAL_F32; dtype <= PAL_F64; dtype++) {
        pal_tensor *x = pal_tensor_wrap(c, dtype, PAL_SHAPE(N), room + 1);
        for (size_t i = 0; i < N; i++) ck_assert(pal_tensor_set(x, i, good[i % 6]));
        ck_assert_uint_eq(pal_tensor_finite(x), N);
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            for (size_t k = 0; k < 4; k++) {
                pal_tensor_set(x, N - 1, k % 2 ? NAN : 1); /* the first one counts */
                pal_tensor_set(x, (size_t)places[i], bad[k]);
                ck_assert_uint_eq(pal_tensor_finite(x), places[i]);
                pal_tensor_set(x, (size_t)places[i], 1);
            }
        pal_tensor_free(x);
    }
    pal_tensor *whole = pal_tensor_wrap(c, PAL_I32, PAL_SHAPE(1), &(int32_t){0x7f800000}); /* as f32: infinite */
    ck_assert_uint_eq(pal_tensor_finite(whole), 1);
    ck_assert_uint_eq(pal_tensor_finite(NULL), 0);
    pal_tensor_free(whole);
}
END_TEST

START_TEST(no_value_has_the_reserved_type)
{
    pal_tensor *x = pal_tensor_new(c, PAL_BF16, PAL_SHAPE(2));
    ck_assert(!pal_tensor_set(x, 0, 1));
    ck_assert(!pal_ok(pal_fill(t, PAL_BF16, PAL_SHAPE(2), 1)));
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "no such element type"));
    pal_tensor_free(x);
}
END_TEST

START_TEST(a_missing_rule_names_the_operation)
{
    pal_var x = pal_leaf(t, x23, "x"), g;
    pal_var y = pal_sum_all(pal_assign(x, pal_neg(x)));
    ck_assert_int_eq(pal_grad(y, &x, 1, &g), PAL_ERR_DERIVATIVE);
    ck_assert_str_eq(pal_tape_error(t), "grad: assign has no derivative by operand 1");
}
END_TEST

START_TEST(grad_wants_a_scalar)
{
    pal_var x = pal_leaf(t, x23, "x"), g;
    ck_assert_int_eq(pal_grad(pal_neg(x), &x, 1, &g), PAL_ERR_SHAPE);
    ck_assert_str_eq(pal_tape_error(t), "grad: y is [2,3], not a scalar: use pal_vjp with a seed");
}
END_TEST

Suite *tape_suite(void)
{
    Suite *s = suite_create("tape");
    TCase *k = tcase_create("tape");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_test(k, first_error_sticks_and_says_where);
    tcase_add_test(k, every_call_survives_bad_handles);
    tcase_add_test(k, mixing_tapes_marks_both);
    tcase_add_test(k, rewinding_makes_handles_bad_and_forgives);
    tcase_add_test(k, a_mark_keeps_its_scope);
    tcase_add_test(k, long_names_are_refused);
    tcase_add_test(k, data_that_is_not_aligned_is_no_leaf);
    tcase_add_test(k, stale_handle_is_named);
    tcase_add_test(k, one_tensor_is_one_leaf);
    tcase_add_test(k, names_are_unique_within_their_scope);
    tcase_add_test(k, streams_are_drawn_once);
    tcase_add_test(k, assigning_twice_is_an_error);
    tcase_add_test(k, assign_checks_its_operands);
    tcase_add_test(k, scopes_balance);
    tcase_add_test(k, types_do_not_mix);
    tcase_add_loop_test(k, a_fill_is_a_value_of_its_type, 0, sizeof held / sizeof *held);
    tcase_add_loop_test(k, an_element_is_a_value_of_its_type, 0, sizeof held / sizeof *held);
    tcase_add_test(k, what_is_not_finite_is_found);
    tcase_add_test(k, no_value_has_the_reserved_type);
    tcase_add_test(k, a_missing_rule_names_the_operation);
    tcase_add_test(k, grad_wants_a_scalar);
    suite_add_tcase(s, k);
    return s;
}
