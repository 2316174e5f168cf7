/* test_nan.c - the NaN check of a program. It names the operation that made a NaN, or the leaf that contained it, and a
 * failed run writes to no leaf. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *x, *w;

static void setup(void)
{
    c = context_with(2);
    t = pal_tape_new(c, PAL_F64);
    x = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), 0.5, 1, "x");
    w = random_tensor(c, PAL_F64, PAL_SHAPE(4, 2), 0.5, 1, "w");
}

static void teardown(void)
{
    pal_tensor_free(x);
    pal_tensor_free(w);
    pal_tape_free(t);
    pal_context_free(c);
}

static pal_program *looked_at(pal_var y)
{
    pal_program *p = pal_compile(
        t, &y, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .check_nan = true});
    ck_assert_tape_ok(t);
    return p;
}

static void fails_with(pal_program *p, const char *text)
{
    ck_assert_int_eq(pal_run(p), PAL_ERR_NUMERIC);
    ck_assert_str_eq(pal_program_error(p), text);
}

START_TEST(the_operation_that_made_it_is_named)
{
    pal_scope_begin(t, "encoder");
    pal_var v = pal_leaf(t, x, "x"), l = pal_log(pal_sub(v, pal_like(v, 0.25)));
    pal_scope_end(t);
    pal_program *p = looked_at(pal_sum_squares(pal_exp(pal_matmul(l, pal_leaf(t, w, "w")))));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_tensor_set(x, 6, 0.1);
    fails_with(p, "log in encoder: made a NaN at element [1,2]");
    pal_tensor_set(x, 6, 1);
    ck_assert_int_eq(pal_run(p), PAL_OK); /* a program can run again after a failure */
    ck_assert_ptr_null(pal_program_error(p));
    pal_program_free(p);
}
END_TEST

START_TEST(the_leaf_that_brought_it_is_named)
{
    pal_program *p = looked_at(pal_matmul(pal_leaf(t, x, "x"), pal_leaf(t, w, "w")));
    pal_tensor_set(w, 3, NAN);
    fails_with(p, "matmul: passed on a NaN at element [0,1], from leaf w");
    pal_tensor *other = random_tensor(c, PAL_F64, PAL_SHAPE(4, 2), 0, 1, "other");
    pal_bind(p, w, other->data);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_program_free(p);
    pal_tensor_free(other);
}
END_TEST

/* If a run fails, an assign is not carried out even if its own value was computed correctly before the failure. */
START_TEST(leaves_stay_as_they_were)
{
    pal_var a = pal_leaf(t, x, "x"), b = pal_leaf(t, w, "w");
    pal_var moved = pal_assign(a, pal_scale(a, 2));
    pal_var bad = pal_sum_all(pal_matmul(pal_log(pal_neg(moved)), b));
    pal_assign(b, pal_scale(b, 3));
    double before = pal_tensor_get(x, 0), beside = pal_tensor_get(w, 0);
    pal_program *p = looked_at(bad);
    fails_with(p, "log: made a NaN at element [0,0]");
    ck_assert_double_eq(pal_tensor_get(x, 0), before);
    ck_assert_double_eq(pal_tensor_get(w, 0), beside);
    pal_program_free(p);
}
END_TEST

static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    const pal_var *v = user;
    pal_scope_begin(tape, "body");
    pal_var row = pal_take(*v, k), l = pal_sqrt(pal_sub(row, pal_like(row, 0.25)));
    pal_scope_end(tape);
    return l;
}

START_TEST(also_inside_a_region)
{
    pal_var v = pal_leaf(t, x, "x");
    pal_program *p = looked_at(pal_map_sum(t, 3, body, &v));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_tensor_set(x, 11, 0.2);
    fails_with(p, "sqrt in body: made a NaN at element [3]");
    pal_program_free(p);
}
END_TEST

/* The check does not change values: the bits are the same as those of the fused program. */
START_TEST(the_bits_are_the_same)
{
    pal_var y = pal_tanh(pal_matmul(pal_sigmoid(pal_leaf(t, x, "x")), pal_leaf(t, w, "w")));
    pal_program *p = looked_at(y), *q = pal_compile(t, &y, 1, NULL);
    ck_assert_int_eq(pal_run(p) | pal_run(q), PAL_OK);
    ck_assert_mem_eq(pal_output(p, 0)->data, pal_output(q, 0)->data, pal_tensor_bytes(pal_output(q, 0)));
    pal_program_free(p);
    pal_program_free(q);
}
END_TEST

Suite *nan_suite(void)
{
    Suite *s = suite_create("nan");
    add_case(s, "nan", setup, teardown,
             TESTS(the_operation_that_made_it_is_named, the_leaf_that_brought_it_is_named, leaves_stay_as_they_were,
                   also_inside_a_region, the_bits_are_the_same));
    return s;
}
