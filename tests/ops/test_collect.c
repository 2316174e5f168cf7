/* test_collect.c - a loop that ends in sums: the same bits as with sums as steps of their own, for many shapes, types,
 * instruction sets and threads; and nothing of the kind where a sum goes another way through its operand. */
#include "tests/ops/fixture.h"

#include <math.h>
#include <stdio.h>

static const pal_compile_options apart = {.struct_size = sizeof apart, .passes = PAL_PASS_SIMPLIFY | PAL_PASS_ROUNDING};

/* How many sums loops make in this program. */
static int sums_of(pal_context *context, const pal_program *p)
{
    char *text = pal_program_text(p);
    int n = 0, all = 0;
    for (const char *at = text; at && (at = strstr(at, ", and ")); at++)
        if (sscanf(at, ", and %d sum", &n) == 1) all += n;
    pal_text_free(context, text);
    return all;
}

/* Compiles with and without the pass, runs both, compares bits; returns how many sums are inside loops. */
static int compare(pal_context *context, pal_tape *tape, const pal_var *out, size_t n)
{
    pal_program *p = pal_compile(tape, out, n, NULL), *q = pal_compile(tape, out, n, &apart);
    ck_assert_msg(p && q, "%s", pal_tape_error(tape));
    ck_assert_int_eq(sums_of(context, q), 0);
    for (int run = 0; run < 2; run++) {
        ck_assert_int_eq(pal_run(p) | pal_run(q), PAL_OK);
        for (size_t k = 0; k < n; k++)
            ck_assert_mem_eq(pal_output(p, k)->data, pal_output(q, k)->data, pal_tensor_bytes(pal_output(q, k)));
    }
    const int found = sums_of(context, p);
    pal_program_free(p);
    pal_program_free(q);
    return found;
}

START_TEST(sums_have_the_same_bits)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    /* dims, how many of the last axes are summed, whether the loop makes the sum */
    static const struct {
        int64_t dim[3];
        int summed;
        bool inside;
    } rows[] = {{{1, 1, 2}, 3, true},     {{1, 1, 511}, 3, true},   {{1, 1, 512}, 3, true},    {{1, 1, 513}, 3, true},
                {{7, 11, 13}, 3, true},   {{1, 9, 784}, 1, true},   {{1, 3, 1000}, 1, true},   {{5, 4, 256}, 1, true},
                {{5, 4, 255}, 1, false},  {{3, 16, 17}, 2, true},   {{3, 16, 15}, 2, false},   {{2, 300, 300}, 2, true},
                {{40, 1, 700}, 1, true},  {{128, 28, 28}, 2, true}, {{1, 1, 100352}, 3, true}, {{1, 1, 1}, 3, false},
                {{1, 2, 33000}, 1, true}, {{2, 1, 400}, 1, true}};
    for (unsigned i = 0; i < 6; i++) {
        pal_context *context = pal_context_new(&(pal_context_options){
            .struct_size = sizeof(pal_context_options), .threads = 1 + i % 2 * 2, .isa = isas[i / 2]});
        if (!context) continue; /* the processor has no such instructions */
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            for (int f64 = 0; f64 < 2; f64++) {
                const pal_shape in = {3, {rows[k].dim[0], rows[k].dim[1], rows[k].dim[2]}};
                pal_shape to = in;
                for (int a = 3 - rows[k].summed; a < 3; a++) to.dim[a] = 1;
                pal_tensor *x = random_tensor(context, f64 ? PAL_F64 : PAL_F32, in, -1, 1, "x");
                pal_tape *tape = pal_tape_new(context, f64 ? PAL_F64 : PAL_F32);
                pal_var v = pal_leaf(tape, x, "x");
                const pal_var out = pal_sum_to(pal_square(pal_add(pal_sin(v), v)), to);
                ck_assert_msg(compare(context, tape, &out, 1) == rows[k].inside, "row %zu", k);
                pal_tape_free(tape);
                pal_tensor_free(x);
            }
        pal_context_free(context);
    }
}
END_TEST

/* What surrounds a sum. */
START_TEST(only_where_nothing_is_lost)
{
    pal_tensor *a = random_tensor(c, PAL_F64, PAL_SHAPE(20, 600), -1, 1, "a"),
               *b = random_tensor(c, PAL_F64, PAL_SHAPE(600, 20), -1, 1, "b"),
               *none = pal_tensor_new(c, PAL_F64, PAL_SHAPE(0, 600));
    pal_var x = pal_leaf(t, a, "a"), y = pal_leaf(t, b, "b"), z = pal_leaf(t, none, "none");
    pal_var e = pal_exp(x), s = pal_sin(e), rows = pal_sum(e, 2, true), all = pal_sum_all(e);
    pal_var shared = pal_sum_all(pal_mul(s, e)); /* beside what is stored */
    const struct {
        const char *what;
        pal_var out[3];
        size_t n;
        int inside;
    } cases[] = {
        {"inside what else would be a superinstruction",
         {pal_sum_all(pal_add(e, x)), pal_sub(pal_like(x, 1), pal_square(pal_tanh(pal_add(e, x))))},
         2,
         1},
        {"of a leaf", {pal_sum_all(x)}, 1, 0},
        {"of a loop that stores it, too", {all, e}, 2, 1},
        {"two of one value, along rows", {rows, pal_sum(pal_mul(e, e), 2, false)}, 2, 2},
        {"two of one loop", {all, pal_sum_all(s)}, 2, 2},
        {"with other rows", {all, rows}, 2, 1},
        {"over the first axis", {pal_sum(e, 1, false)}, 1, 0},
        {"with other axes before it", {pal_sum_all(pal_reshape(e, PAL_SHAPE(30, 20, 20)))}, 1, 1},
        {"of a transposed value", {pal_sum(pal_transpose(e), 2, false)}, 1, 0},
        {"of a loop that reads down columns", {pal_sum_all(pal_mul(x, pal_transpose(y)))}, 1, 0},
        {"that the next loop spreads", {pal_div(e, rows)}, 1, 1},
        {"of a product's result", {pal_sum_all(pal_matmul(x, y))}, 1, 0},
        {"of a comparison", {pal_sum_all(pal_cast(pal_greater(x, pal_like(x, 0)), PAL_F64))}, 1, 1},
        {"beside another value that is kept", {shared, s}, 2, 1},
        {"of nothing", {pal_sum_all(pal_exp(z))}, 1, 0},
        {"of no rows", {pal_sum(pal_exp(z), 2, false)}, 1, 0},
        {"of a part, which alone is computed",
         {pal_sum_all(pal_slice(e, (const int64_t[]){0, 0}, (const int64_t[]){20, 300}, (const int64_t[]){1, 1}))},
         1,
         1},
        {"of a loop over a part",
         {pal_sum_all(
             pal_exp(pal_slice(x, (const int64_t[]){0, 3}, (const int64_t[]){20, 597}, (const int64_t[]){1, 1})))},
         1,
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(!pal_tape_status(t), "%s", pal_tape_error(t));
        const int inside = compare(c, t, cases[i].out, cases[i].n);
        ck_assert_msg(inside == cases[i].inside, "%s: %d", cases[i].what, inside);
    }
    pal_tensor_free(a);
    pal_tensor_free(b);
    pal_tensor_free(none);
}
END_TEST

/* A loop that writes what it reads, and a sum of what it writes. */
START_TEST(a_sum_of_what_is_assigned)
{
    pal_tensor *w[2];
    double sum[2];
    for (int together = 0; together < 2; together++) {
        w[together] = random_tensor(c, PAL_F64, PAL_SHAPE(70, 50), -1, 1, "w");
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        pal_var v = pal_leaf(tape, w[together], "w"), next = pal_sub(v, pal_scale(pal_sin(v), 0.1));
        const pal_var norm = pal_sum_all(pal_square(next)), written = pal_assign(v, next);
        (void)written;
        pal_program *p = pal_compile(tape, &norm, 1,
                                     &(pal_compile_options){.struct_size = sizeof(pal_compile_options),
                                                            .effects = true,
                                                            .passes = together ? 0 : PAL_PASS_NONE});
        ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
        ck_assert_int_eq(sums_of(c, p), together);
        for (int i = 0; i < 3; i++) ck_assert_int_eq(pal_run(p), PAL_OK);
        sum[together] = pal_tensor_get(pal_output(p, 0), 0);
        pal_program_free(p);
        pal_tape_free(tape);
    }
    ck_assert_mem_eq(&sum[0], &sum[1], sizeof sum[0]);
    ck_assert_mem_eq(w[0]->data, w[1]->data, pal_tensor_bytes(w[0]));
    pal_tensor_free(w[0]);
    pal_tensor_free(w[1]);
}
END_TEST

/* A region's body has loops of its own, which run once for each term. */
static pal_var term(pal_tape *tape, pal_var k, void *user)
{
    const pal_var *x = user;
    return pal_sum_all(pal_exp(pal_mul(*x, pal_sin(pal_cast(k, PAL_F64)))));
}

START_TEST(in_a_region)
{
    pal_tensor *a = random_tensor(c, PAL_F64, PAL_SHAPE(9, 300), -1, 1, "a");
    pal_var x = pal_leaf(t, a, "a");
    const pal_var y = pal_map_sum(t, 40, term, &x);
    ck_assert_int_eq(compare(c, t, &y, 1), 1);
    pal_tensor_free(a);
}
END_TEST

/* Where NaN are looked for, each value is in memory, and the operation that made it is found. */
START_TEST(nan_are_found_before_the_sum)
{
    pal_tensor *a = pal_tensor_new(c, PAL_F64, PAL_SHAPE(1000));
    pal_tensor_set(a, 700, -1);
    const pal_var y = pal_sum_all(pal_sqrt(pal_leaf(t, a, "a")));
    pal_program *p =
        pal_compile(t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .check_nan = true});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(t));
    ck_assert_int_eq(pal_run(p), PAL_ERR_NUMERIC);
    ck_assert_msg(strstr(pal_program_error(p), "sqrt") && strstr(pal_program_error(p), "700"), "%s",
                  pal_program_error(p));
    pal_program_free(p);
    pal_tensor_free(a);
}
END_TEST

Suite *collect_suite(void)
{
    Suite *s = suite_create("collect");
    add_case(s, "collect", setup, teardown,
             TESTS(sums_have_the_same_bits, only_where_nothing_is_lost, a_sum_of_what_is_assigned, in_a_region,
                   nan_are_found_before_the_sum));
    return s;
}
