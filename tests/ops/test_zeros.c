/* test_zeros.c - known zeros, outer products, and the terms of regions at once: what each rewrite makes of its reader,
 * and that the values, with their first and second derivatives, are those of a program without passes. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>

typedef struct fixture {
    pal_context *context;
    pal_tape *tape;
    pal_tensor *data[4];
    pal_var x, y, v, cube; /* [3,4], [3,4], [4], [2,3,4] */
} fixture;
static fixture f;

static void begin(void)
{
    static const pal_shape shapes[] = {{2, {3, 4}}, {2, {3, 4}}, {1, {4}}, {3, {2, 3, 4}}};
    static const char *const names[] = {"x", "y", "v", "cube"};
    pal_var *vars[] = {&f.x, &f.y, &f.v, &f.cube};
    f = (fixture){.context = context_with(2)};
    f.tape = pal_tape_new(f.context, PAL_F64);
    for (int i = 0; i < 4; i++) {
        f.data[i] = random_tensor(f.context, PAL_F64, shapes[i], 0.2, 1.5, names[i]);
        *vars[i] = pal_leaf(f.tape, f.data[i], names[i]);
    }
}

static void end(void)
{
    pal_tape_free(f.tape);
    for (int i = 0; i < 4; i++) pal_tensor_free(f.data[i]);
    pal_context_free(f.context);
}

/* ---- What is left of a tape after simplification --------------------------------------------------------------- */

typedef struct rest {
    size_t regions, embeds, largest; /* largest: elements of a value that is no leaf */
} rest;

static void look(const pal_trace *made, void *user)
{
    rest *l = user;
    if (strcmp(made->pass, "simplify") != 0) return;
    char *text = pal_tape_text(made->tape, made->outputs, made->n);
    *l = (rest){0};
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        const char *op = strstr(line, "= "), *dims = op ? strchr(op, '[') : NULL;
        if (!dims || !strncmp(op, "= leaf", 6)) continue;
        l->regions += !strncmp(op, "= map_sum", 9);
        l->embeds += !strncmp(op, "= embed_at", 10);
        size_t count = 1;
        for (char *p = (char *)(uintptr_t)dims + 1; *p != ']' && p[-1] != ']'; p++) count *= strtoul(p, &p, 10);
        if (count > l->largest) l->largest = count;
    }
    pal_text_free(made->tape ? pal_tape_context(made->tape) : NULL, text);
}

static void run(const pal_var *out, size_t n, unsigned passes, rest *l, double *numbers, size_t *count)
{
    pal_program *p = pal_compile(
        f.tape, out, n,
        &(pal_compile_options){
            .struct_size = sizeof(pal_compile_options), .passes = passes, .trace = l ? look : NULL, .user = l});
    ck_assert_tape_ok(f.tape);
    ck_assert_msg(pal_run(p) == PAL_OK, "%s", pal_program_error(p));
    *count = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < pal_tensor_count(pal_output(p, k)); i++)
            numbers[(*count)++] = pal_tensor_get(pal_output(p, k), i);
    pal_program_free(p);
}

/* The value, its derivatives by x and y, and those of their squares, with all passes and with none. */
static rest same(const char *what, pal_var value)
{
    static double with[20000], without[20000];
    pal_var in[] = {f.x, f.y}, out[5] = {value};
    size_t n, m;
    rest l = {0};
    pal_grad(pal_sum_all(pal_square(value)), in, 2, out + 1);
    pal_grad(pal_add(pal_sum_squares(out[1]), pal_sum_squares(out[2])), in, 2, out + 3);
    ck_assert_msg(!pal_tape_error(f.tape), "%s: %s", what, pal_tape_error(f.tape));
    run(out, 5, PAL_PASS_NONE, NULL, without, &m);
    run(out, 5, PAL_PASS_ALL, NULL, with, &n);
    ck_assert_uint_eq(n, m);
    double largest = 1;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(without[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(with[i] - without[i]) <= 1e-13 * largest, "%s: number %zu is %.17g, without passes %.17g",
                      what, i, with[i], without[i]);
    run(out, 1, PAL_PASS_ALL, &l, with, &n);
    return l;
}

/* ---- Readers of zeros ----------------------------------------------------------------------------------------- */

/* A body of a region of three terms: e is x [3,4] at row k among zeros. */
typedef pal_var (*reader)(pal_var e, pal_var k);

static pal_var broadcast(pal_var e, pal_var k) { return (void)k, pal_broadcast_to(e, PAL_SHAPE(2, 3, 4)); }
static pal_var sum_other(pal_var e, pal_var k) { return (void)k, pal_sum(e, 2, true); }
static pal_var sum_same(pal_var e, pal_var k) { return (void)k, pal_sum(e, 1, false); }
static pal_var sum_both(pal_var e, pal_var k) { return (void)k, pal_sum_all(e); }
static pal_var unary(pal_var e, pal_var k) { return (void)k, pal_neg(pal_tanh(pal_square(e))); }
static pal_var not_zero(pal_var e, pal_var k) { return (void)k, pal_exp(e); }
static pal_var at_half(pal_var e, pal_var k) { return (void)k, pal_sigmoid(e); }
static pal_var product(pal_var e, pal_var k) { return (void)k, pal_mul(pal_mul(f.y, e), f.v); }
static pal_var quotient(pal_var e, pal_var k) { return (void)k, pal_div(e, f.y); }
static pal_var divisor(pal_var e, pal_var k) { return (void)k, pal_div(f.y, pal_shift(e, 1)); }
static pal_var added(pal_var e, pal_var k) { return (void)k, pal_add(pal_mul(e, f.y), pal_square(e)); }
static pal_var added_dense(pal_var e, pal_var k) { return (void)k, pal_add(e, f.y); }
static pal_var chosen(pal_var e, pal_var k) { return (void)k, pal_where(pal_greater(e, f.y), e, f.y); }
static pal_var reshaped(pal_var e, pal_var k) { return (void)k, pal_reshape(e, PAL_SHAPE(1, 3, 2, 2)); }
static pal_var flattened(pal_var e, pal_var k) { return (void)k, pal_square(pal_reshape(e, PAL_SHAPE(12))); }
static pal_var permuted(pal_var e, pal_var k) { return (void)k, pal_mul(pal_transpose(e), pal_transpose(f.y)); }
static pal_var left_free(pal_var e, pal_var k) { return (void)k, pal_matmul_t(e, f.y, false, true); }
static pal_var left_summed(pal_var e, pal_var k) { return (void)k, pal_matmul_t(e, f.y, true, false); }
static pal_var right_free(pal_var e, pal_var k) { return (void)k, pal_matmul_t(f.y, e, false, true); }
static pal_var right_summed(pal_var e, pal_var k) { return (void)k, pal_matmul_t(f.y, e, true, false); }
static pal_var both_sides(pal_var e, pal_var k) { return (void)k, pal_matmul_t(e, e, true, false); }
static pal_var both_free(pal_var e, pal_var k) { return (void)k, pal_matmul_t(e, e, false, true); }
static pal_var added_product(pal_var e, pal_var k)
{
    (void)k;
    return pal_add(pal_tanh(pal_matmul_t(f.x, f.y, true, false)), pal_matmul_t(e, f.y, true, false));
}
static pal_var of_batch(pal_var e, pal_var k) { return (void)k, pal_matmul_t(e, f.cube, false, true); }
static pal_var sliced_same(pal_var e, pal_var k) { return pal_slice_at(e, k, 0); }
static pal_var sliced_other(pal_var e, pal_var k) { return pal_slice_at(e, k, 1); }
static pal_var sliced_elsewhere(pal_var e, pal_var k)
{
    (void)k;
    return pal_slice_at(e, pal_fill(e.tape, PAL_I32, PAL_SCALAR, 1), 0);
}
static pal_var narrowed(pal_var e, pal_var k) { return (void)k, pal_cast(pal_cast(e, PAL_F32), PAL_F64); }
static pal_var embedded(pal_var e, pal_var k) { return pal_embed_at(pal_expand(e, 1), k, 1, 5); }
static pal_var one_hot(pal_var e, pal_var k)
{
    return pal_mul(pal_mul(e, pal_one_hot(k, 4, PAL_F64)), pal_reshape(pal_one_hot(k, 3, PAL_F64), PAL_SHAPE(3, 1)));
}
static pal_var of_slices(pal_var e, pal_var k)
{
    pal_var inner = pal_tanh(pal_matmul_t(pal_transpose(pal_mul(f.x, pal_scale(e, 2))), f.y, false, false));
    return pal_mul(pal_slice_at(inner, k, 0), pal_slice_at(inner, k, 1));
}
static pal_var slice_of_sum(pal_var e, pal_var k)
{
    return pal_slice_at(pal_sum(pal_exp(pal_add(pal_broadcast_to(e, PAL_SHAPE(2, 3, 4)), f.cube)), 1, false), k, 1);
}

static const struct {
    const char *name;
    reader body;
    int embeds; /* left in the program: 0, 1, or -1: any number */
} readers[] = {{"broadcast", broadcast, 0},
               {"sum of the other axis", sum_other, 0},
               {"sum of the axis", sum_same, 0},
               {"sum of all", sum_both, 0},
               {"unary", unary, 0},
               {"exp", not_zero, 1},
               {"sigmoid", at_half, 1},
               {"product", product, 0},
               {"quotient", quotient, 0},
               {"divisor", divisor, 1},
               {"sum of two", added, 0},
               {"sum with another", added_dense, 1},
               {"choice", chosen, -1},
               {"reshape", reshaped, 0},
               {"flattened", flattened, 1},
               {"permute", permuted, 0},
               {"A, free", left_free, 0},
               {"A, summed", left_summed, 0},
               {"B, free", right_free, 0},
               {"B, summed", right_summed, 0},
               {"A and B, summed", both_sides, 0},
               {"A and B, free", both_free, -1},
               {"C + A B", added_product, 0},
               {"batch", of_batch, 0},
               {"slice", sliced_same, 0},
               {"slice of the other axis", sliced_other, 1},
               {"slice elsewhere", sliced_elsewhere, -1},
               {"cast", narrowed, 0},
               {"embedded again", embedded, -1},
               {"unit vectors", one_hot, -1},
               {"slices of a chain", of_slices, -1},
               {"slice of a sum", slice_of_sum, -1}};

static pal_var read_row(pal_tape *t, pal_var k, void *user)
{
    const size_t *i = user;
    (void)t;
    return readers[*i].body(pal_embed_at(pal_slice_at(f.x, k, 0), k, 0, 3), k);
}

START_TEST(each_reader_keeps_its_value)
{
    size_t i = (size_t)_i;
    const rest l = same(readers[i].name, pal_map_sum(f.tape, 3, read_row, &i));
    if (readers[i].embeds >= 0)
        ck_assert_msg((l.embeds > 0) == (readers[i].embeds > 0), "%s: %zu embed_at are left", readers[i].name,
                      l.embeds);
}
END_TEST

/* Outside of a region a slice is read from the value that is there anyway. An index out of range still fails. */
START_TEST(values_that_are_there_are_not_computed_again)
{
    pal_var y = pal_exp(pal_mul(f.x, f.y)), zero = pal_fill(f.tape, PAL_I32, PAL_SCALAR, 2);
    same("slice outside", pal_add(pal_slice_at(y, zero, 0), y));
    pal_var out = pal_slice_at(f.x, pal_fill(f.tape, PAL_I32, PAL_SCALAR, 3), 0);
    pal_program *p = pal_compile(f.tape, &out, 1, NULL);
    ck_assert_int_eq(pal_run(p), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(pal_program_error(p), "index 3 at position 0 is not in 0 .. 2"), "%s", pal_program_error(p));
    pal_program_free(p);
}
END_TEST

/* ---- Outer products ------------------------------------------------------------------------------------------- */

static pal_var column(void) { return pal_slice_at(f.x, pal_fill(f.tape, PAL_I32, PAL_SCALAR, 1), 1); } /* [3,1] */
static pal_var row(void) { return pal_slice_at(f.y, pal_fill(f.tape, PAL_I32, PAL_SCALAR, 2), 0); }    /* [1,4] */
static pal_var outer(void) { return pal_mul(column(), row()); }
static pal_var half(void) { return pal_fill(f.tape, PAL_F64, PAL_SHAPE(3, 4), 0.5); }

static pal_var squared(void) { return pal_sum_squares(outer()); }
static pal_var rows_summed(void) { return pal_sum(outer(), 1, true); }
static pal_var columns_summed(void) { return pal_sum(outer(), 2, false); }
static pal_var scaled(void) { return pal_sum_all(pal_mul(half(), pal_scale(outer(), 3))); }
static pal_var by_row(void) { return pal_sum_all(pal_mul(pal_mul(f.v, outer()), row())); }
static pal_var by_all(void) { return pal_sum_all(pal_mul(outer(), f.x)); }
static pal_var left(void) { return pal_matmul_t(outer(), f.y, false, true); }
static pal_var left_turned(void) { return pal_matmul_t(outer(), f.y, true, false); }
static pal_var right(void) { return pal_matmul(pal_transpose(f.y), outer()); }
static pal_var right_turned(void) { return pal_matmul_t(f.x, outer(), false, true); }
static pal_var three(void) { return pal_sum_squares(pal_matmul_t(outer(), outer(), false, true)); }
static pal_var own_square(void)
{
    pal_var o = outer();
    return pal_sum_all(pal_mul(o, o));
}
static pal_var in_batch(void) { return pal_matmul_t(f.cube, outer(), false, true); }

static const struct {
    const char *name;
    pal_var (*build)(void);
    size_t largest; /* elements of the largest value that is computed */
} outers[] = {{"norm", squared, 4},
              {"sum of rows", rows_summed, 4},
              {"sum of columns", columns_summed, 4},
              {"constant factors", scaled, 4},
              {"factors of rows", by_row, 4},
              {"a full factor", by_all, 12},
              {"A", left, 9},
              {"A transposed", left_turned, 16},
              {"B", right, 16},
              {"B transposed", right_turned, 9},
              {"three matrices", three, 4},
              {"its own square", own_square, 4},
              {"batch", in_batch, 18}};

START_TEST(outer_products_are_not_filled)
{
    const rest l = same(outers[_i].name, outers[_i].build());
    ck_assert_msg(l.largest <= outers[_i].largest, "%s: a value of %zu elements", outers[_i].name, l.largest);
}
END_TEST

/* ---- Terms at once -------------------------------------------------------------------------------------------- */

static pal_var sum_of(pal_tape *t, int64_t terms, pal_body body) { return pal_map_sum(t, terms, body, NULL); }
static pal_var vector(pal_var k) { return pal_slice_at(f.x, k, 1); } /* [3,1] of four terms */

static pal_var plain(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_mul(pal_tanh(vector(k)), pal_sum_all(pal_square(vector(k))));
}
static pal_var ranks(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_add(pal_sum(pal_mul(f.cube, vector(k)), 6, true), pal_sum(vector(k), 3, false));
}
static pal_var products(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_matmul_t(f.cube, pal_mul(vector(k), f.y), false, true);
}
static pal_var embedding(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_embed_at(pal_exp(vector(k)), k, 1, 4);
}
static pal_var longer(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_embed_at(pal_exp(vector(k)), k, 1, 6);
}
static pal_var noisy(pal_tape *t, pal_var k, void *user)
{
    (void)user;
    return pal_mul(vector(k), pal_normal(t, "z", PAL_SHAPE(3, 1)));
}
static pal_var inner(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)k, (void)user;
    return pal_square(f.v);
}
static pal_var nested(pal_tape *t, pal_var k, void *user)
{
    (void)user;
    return pal_mul(vector(k), pal_sum_all(pal_map_sum(t, 2, inner, NULL)));
}
static pal_var sorted(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_sort(vector(k), 0, false);
}
static pal_var index_as_number(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_mul(vector(k), pal_cast(k, PAL_F64));
}
static pal_var constant(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)k, (void)user;
    return pal_square(f.v);
}

static const struct {
    const char *name;
    pal_body body;
    int64_t terms;
    size_t regions; /* that are left */
} regions[] = {{"plain", plain, 4, 0},
               {"fewer terms than the axis has", plain, 3, 1},
               {"one term", plain, 1, 1},
               {"several ranks", ranks, 4, 0},
               {"products", products, 4, 0},
               {"embedding", embedding, 4, 0},
               {"embedding in a longer axis", longer, 4, 0},
               {"noise", noisy, 4, 1},
               {"a region inside", nested, 4, 2},
               {"no rule", sorted, 4, 1},
               {"the index as a number", index_as_number, 4, 1},
               {"equal terms", constant, 4, 1}};

START_TEST(terms_at_once_have_the_same_sum)
{
    const rest l = same(regions[_i].name, sum_of(f.tape, regions[_i].terms, regions[_i].body));
    ck_assert_msg(l.regions == regions[_i].regions, "%s: %zu regions are left", regions[_i].name, l.regions);
}
END_TEST

static pal_var large(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_sum_squares(pal_tanh(pal_mul(pal_slice_at(*(pal_var *)user, k, 0), pal_reshape(f.v, PAL_SHAPE(4, 1)))));
}

/* A product of two small values is large: it is not the sum of terms that takes it along. */
static pal_var spread(pal_tape *t, pal_var k, void *user)
{
    const pal_var *wide = user;
    (void)t;
    return pal_mul(pal_tanh(pal_slice_at(wide[0], k, 0)), pal_tanh(pal_slice_at(wide[1], k, 1)));
}

/* 100 terms of 4 x 400 doubles are 1.28 MB: more than 1 MiB and than what the region reads. 80 terms are less. */
START_TEST(memory_does_not_grow)
{
    static const pal_body bodies[] = {large, spread};
    for (int i = 0; i < 4; i++) {
        const int64_t terms = i / 2 ? 100 : 80;
        pal_tape *tape = pal_tape_new(f.context, PAL_F64);
        pal_tensor *data[] = {random_tensor(f.context, PAL_F64, PAL_SHAPE(terms, 400), 0, 1, "wide"),
                              random_tensor(f.context, PAL_F64, PAL_SHAPE(4, terms), 0, 1, "tall")};
        const fixture before = f;
        f.tape = tape;
        f.v = pal_leaf(tape, before.data[2], "v");
        pal_var wide[] = {pal_leaf(tape, data[0], "wide"), pal_leaf(tape, data[1], "tall")};
        rest l;
        static double with[1600], without[1600];
        size_t n;
        pal_var out = pal_map_sum(tape, terms, bodies[i % 2], wide);
        run(&out, 1, PAL_PASS_ALL & ~PAL_PASS_ROUNDING, NULL, without, &n);
        run(&out, 1, PAL_PASS_ALL, &l, with, &n);
        ck_assert_msg(l.regions == (terms == 100), "body %d, %lld terms: %zu regions", i % 2, (long long)terms,
                      l.regions);
        for (size_t e = 0; e < n; e++) ck_assert_double_eq_tol(with[e], without[e], 1e-12 * without[e]);
        f = before;
        pal_tape_free(tape);
        pal_tensor_free(data[0]);
        pal_tensor_free(data[1]);
    }
}
END_TEST

/* ---- Rows of a Jacobian --------------------------------------------------------------------------------------- */

START_TEST(rows_of_a_layer_fill_no_matrix)
{
    pal_var h = pal_sigmoid(pal_matmul_t(f.x, f.y, false, true)); /* [3,3] of 4 inputs, 3 units */
    const rest l = same("one layer", pal_jacobian_norm2_rows(h, f.x));
    ck_assert_uint_eq(l.regions, 0);
    ck_assert_uint_le(l.largest, 12);
    same("two layers", pal_jacobian_norm2_rows(pal_tanh(pal_matmul(h, f.y)), f.x));
    same("each", pal_jacobian_norm2_rows_each(pal_tanh(pal_matmul(h, f.y)), f.x));
    same("jacobian", pal_jacobian(pal_sum(h, 1, false), f.x));
    same("hessian", pal_hessian(pal_sum_squares(h), f.y));
}
END_TEST

/* ---- Slices ---------------------------------------------------------------------------------------------------- */

static pal_var row_of_a_sum(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)user;
    return pal_slice_at(pal_sum(pal_mul(pal_tanh(f.x), pal_shift(pal_cast(k, PAL_F64), 2)), 1, true), k, 0);
}

/* The sum has one row, what is summed has three. */
START_TEST(a_slice_of_a_sum_along_it_is_the_sum) { same("one row", pal_recompute(f.tape, row_of_a_sum, NULL)); }
END_TEST

static pal_var row_of_a_chain(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    pal_var y = pal_mul(f.x, pal_shift(pal_cast(k, PAL_F64), 1));
    for (int i = 0; i < *(int *)user; i++) y = pal_mul(y, pal_sigmoid(y));
    return pal_slice_at(y, k, 0);
}

/* Each value is read twice, so that there are 2^200 ways back. */
START_TEST(a_slice_goes_through_a_value_once)
{
    int depth = 200;
    pal_var y = pal_map_sum(f.tape, 3, row_of_a_chain, &depth);
    pal_program *p = pal_compile(f.tape, &y, 1, NULL);
    ck_assert_ptr_nonnull(p);
    pal_program_free(p);
    depth = 5;
    same("a short chain", pal_map_sum(f.tape, 3, row_of_a_chain, &depth));
}
END_TEST

Suite *zeros_suite(void)
{
    Suite *s = suite_create("zeros");
    TCase *group = add_case(s, "zeros", begin, end,
                            TESTS(values_that_are_there_are_not_computed_again, memory_does_not_grow,
                                  rows_of_a_layer_fill_no_matrix, a_slice_of_a_sum_along_it_is_the_sum,
                                  a_slice_goes_through_a_value_once));
    tcase_add_loop_test(group, each_reader_keeps_its_value, 0, (int)(sizeof readers / sizeof *readers));
    tcase_add_loop_test(group, outer_products_are_not_filled, 0, (int)(sizeof outers / sizeof *outers));
    tcase_add_loop_test(group, terms_at_once_have_the_same_sum, 0, (int)(sizeof regions / sizeof *regions));
    return s;
}
