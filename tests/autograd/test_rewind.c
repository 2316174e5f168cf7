/* test_rewind.c - mark and rewind inside regions and adjoint rules: what would break the recording is an error, after
 * which the tape is outside all regions and usable. */
#include "autograd/wiring.h"
#include "tests/testing.h"

#include <string.h>

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(5, 4), -1, 1, "x");
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_context_free(c);
}

/* What a body does with a mark before it returns sin x. */
typedef struct rewinder {
    pal_var x;
    pal_mark mark;
    enum { REWINDS, REWINDS_AND_RECORDS, MARKS, MARKS_AND_REWINDS, NESTS } does;
} rewinder;

static pal_var rewinding_body(pal_tape *tape, pal_var k, void *user)
{
    rewinder *r = user;
    (void)k;
    if (r->does == MARKS || r->does == MARKS_AND_REWINDS || r->does == NESTS) r->mark = pal_tape_mark(tape);
    if (r->does == NESTS) {
        rewinder inner = {r->x, r->mark, REWINDS};
        return pal_map_sum(tape, 2, rewinding_body, &inner);
    }
    if (r->does == MARKS_AND_REWINDS) pal_exp(r->x);
    if (r->does != MARKS) pal_tape_rewind(tape, r->mark);
    if (r->does == REWINDS_AND_RECORDS) pal_exp(r->x), pal_exp(r->x);
    return r->does == REWINDS ? r->x : pal_sin(r->x);
}

/* After an error: the tape is outside all regions, and what is recorded after a rewind has the right value. */
static void check_usable(pal_var x, pal_mark mark)
{
    pal_var g;
    double got[20], expected[20];
    ck_assert(!pal_compile(t, &x, 1, NULL));
    pal_tape_rewind(t, mark);
    ck_assert_tape_ok(t);
    ck_assert_uint_eq(pal_tape_length(t), 1);
    pal_var sum = pal_map_sum(t, 3, rewinding_body, &(rewinder){x, mark, MARKS});
    ck_assert_int_eq(pal_grad(pal_sum_all(sum), &x, 1, &g), PAL_OK);
    ck_assert_int_eq(pal_eval(g, got) | pal_eval(pal_scale(pal_cos(x), 3), expected), PAL_OK);
    for (int i = 0; i < 20; i++) ck_assert_double_eq_tol(got[i], expected[i], 1e-14);
    pal_tape_rewind(t, mark);
    ck_assert_tape_ok(t);
}

START_TEST(a_body_cannot_rewind_beyond_its_region)
{
    rewinder r = {.x = pal_leaf(t, xs, "x")};
    pal_var g;
    const pal_mark mark = pal_tape_mark(t);
    for (int does = REWINDS; does <= REWINDS_AND_RECORDS; does++) {
        r.mark = mark;
        r.does = does;
        pal_var v = pal_map_sum(t, 3, rewinding_body, &r);
        ck_assert(!pal_ok(v));
        ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "rewind: the mark is from before the region"));
        ck_assert(!pal_ok(pal_sum_all(v)));
        ck_assert_int_ne(pal_grad(pal_sum_all(pal_exp(r.x)), &r.x, 1, &g), PAL_OK);
        check_usable(r.x, mark);
    }
    r.does = NESTS; /* the mark of the outer body, in the inner body */
    ck_assert(!pal_ok(pal_map_sum(t, 3, rewinding_body, &r)));
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "rewind: the mark is from before the region"));
    check_usable(r.x, mark);
}
END_TEST

START_TEST(a_mark_of_a_body_ends_with_its_region)
{
    rewinder r = {.x = pal_leaf(t, xs, "x"), .does = MARKS};
    const pal_mark mark = pal_tape_mark(t);
    pal_var v = pal_map_sum(t, 3, rewinding_body, &r);
    ck_assert_tape_ok(t);
    size_t length = pal_tape_length(t);
    pal_tape_rewind(t, r.mark);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "rewind: the mark is from inside another region"));
    ck_assert_uint_eq(pal_tape_length(t), length);
    ck_assert(pal_ok(v));
    check_usable(r.x, mark);
}
END_TEST

START_TEST(a_body_may_rewind_to_a_mark_of_its_own)
{
    rewinder r = {.x = pal_leaf(t, xs, "x"), .does = MARKS_AND_REWINDS};
    double got[20], expected[20];
    pal_var sum = pal_map_sum(t, 3, rewinding_body, &r);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_eval(sum, got) | pal_eval(pal_scale(pal_sin(r.x), 3), expected), PAL_OK);
    for (int i = 0; i < 20; i++) ck_assert_double_eq_tol(got[i], expected[i], 1e-14);
}
END_TEST

static pal_mark before_rule;

static pal_var rewinding_rule(const pal_rule *r, size_t k)
{
    (void)k;
    pal_tape_rewind(r->tape, before_rule);
    return r->seed;
}

/* The walk of pal_grad holds entries by number, so a rule must not remove them. */
START_TEST(an_adjoint_rule_cannot_rewind_the_walk)
{
    pal_op op = pal__op_copy;
    op.name = "rewinder";
    op.vjp = rewinding_rule;
    pal_var x = pal_leaf(t, xs, "x"), g;
    before_rule = pal_tape_mark(t);
    pal_var y = pal_sum_all(pal_exp(pal_record(t, &op, (pal_var[]){pal_exp(x)}, 1, NULL)));
    ck_assert_tape_ok(t);
    ck_assert_int_ne(pal_grad(y, &x, 1, &g), PAL_OK);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "rewind: the mark is from before the region or rule"));
    check_usable(x, before_rule);
}
END_TEST

Suite *rewind_suite(void)
{
    Suite *suite = suite_create("rewind");
    add_case(suite, "rewind", setup, teardown,
             TESTS(a_body_cannot_rewind_beyond_its_region, a_mark_of_a_body_ends_with_its_region,
                   a_body_may_rewind_to_a_mark_of_its_own, an_adjoint_rule_cannot_rewind_the_walk));
    return suite;
}
