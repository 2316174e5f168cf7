/* test_products.c - our own matrix products: each element has the bits of one chain of fused multiply-adds in the order
 * of the sum, for any sizes, strides, batches, instruction sets, threads and lanes. */
#include "tests/ops/fixture.h"

#include <math.h>
#include <stdio.h>

typedef struct sizes {
    int64_t batch, m, n, k;
} sizes;

/* Tiles that are whole and cut, each order, sums and parts longer than one piece. */
static const sizes all[] = {{1, 8, 16, 8},
                            {1, 9, 17, 9},
                            {1, 13, 47, 20},
                            {1, 16, 48, 33},
                            {1, 31, 49, 1025},
                            {1, 100, 64, 100},
                            {1, 257, 96, 30},
                            {1, 264, 500, 40},
                            {1, 300, 50, 400},
                            {1, 40, 600, 390},
                            {1, 290, 33, 803},
                            {3, 20, 33, 17},
                            {5, 8, 100, 16},
                            /* one row, short tiles, and two short ones at the end */
                            {1, 1, 100, 33},
                            {3, 1, 47, 2},
                            {1, 1, 500, 1030},
                            {7, 1, 16, 3},
                            {1, 2, 64, 40},
                            {4, 3, 97, 17},
                            {1, 4, 48, 1100},
                            {1, 5, 17, 2},
                            {1, 7, 33, 50},
                            {1, 12, 40, 9},
                            {1, 128, 50, 40},
                            {1, 302, 48, 20}};

/* Numbers of both signs whose products are rounded. random_tensor would take most of the time of these tests. */
static pal_tensor *mixed(pal_context *context, pal_dtype dtype, pal_shape shape, uint32_t seed)
{
    pal_tensor *x = pal_tensor_new(context, dtype, shape);
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        seed = seed * 1664525 + 1013904223;
        if (dtype == PAL_F32)
            ((float *)x->data)[i] = (float)(seed >> 8) / (1 << 23) - 1;
        else
            ((double *)x->data)[i] = (double)seed / (1u << 31) - 1;
    }
    return x;
}

static double chain(const pal_tensor *a, const pal_tensor *b, const sizes *s, const int *turned, size_t item, size_t i,
                    size_t j, double sum)
{
    const size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    for (size_t q = 0; q < k; q++) {
        const double x = pal_tensor_get(a, item * m * k + (turned[0] ? q * m + i : i * k + q)),
                     y = pal_tensor_get(b, turned[1] ? j * k + q : q * n + j); /* b broadcasts */
        sum = a->dtype == PAL_F32 ? (double)fmaf((float)x, (float)y, (float)sum) : fma(x, y, sum);
    }
    return sum;
}

static void check_product(pal_context *context, const sizes *s, pal_dtype dtype, const int *turned, unsigned lanes)
{
    pal_shape a_shape = PAL_SHAPE(s->batch, turned[0] ? s->k : s->m, turned[0] ? s->m : s->k),
              c_shape = PAL_SHAPE(s->batch, s->m, s->n);
    pal_tensor *a = mixed(context, dtype, a_shape, 1),
               *b = mixed(context, dtype, turned[1] ? PAL_SHAPE(s->n, s->k) : PAL_SHAPE(s->k, s->n), 2),
               *start = mixed(context, dtype, c_shape, 3);
    pal_tape *tape = pal_tape_new(context, dtype);
    const pal_var x = pal_leaf(tape, a, "a"), y = pal_leaf(tape, b, "b");
    const pal_var added[] = {pal_neg(pal_leaf(tape, start, "c")), x, y};
    const pal_params flags = {.i = {turned[0], turned[1]}};
    pal_var out[] = {pal_matmul_t(x, y, (bool)turned[0], (bool)turned[1]),
                     pal_record(tape, pal_op_find("addmm"), added, 3, &flags)};
    for (size_t sum = 0; sum < 2; sum++) {
        pal_program *p = pal_compile(
            tape, &out[sum], 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = lanes});
        ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
        ck_assert_int_eq(pal_run(p), PAL_OK);
        /* Some elements, with some of the last row and of the last column among them. */
        for (size_t e = 0, at = 0; e < pal_tensor_count(start); e++) {
            const size_t i = e / (size_t)s->n % (size_t)s->m, j = e % (size_t)s->n;
            if (at++ % 97 && (i + 1 < (size_t)s->m || j % 5) && (j + 1 < (size_t)s->n || i % 5)) continue;
            const double wanted =
                chain(a, b, s, turned, e / (size_t)(s->m * s->n), i, j, sum ? -pal_tensor_get(start, e) : 0);
            ck_assert_msg(pal_tensor_get(pal_output(p, 0), e) == wanted,
                          "%d x %d x %d, turned %d %d, row %zu, column %zu: %.17g, not %.17g", (int)s->m, (int)s->n,
                          (int)s->k, turned[0], turned[1], i, j, pal_tensor_get(pal_output(p, 0), e), wanted);
        }
        pal_program_free(p);
    }
    pal_tape_free(tape);
    pal_tensor_free(a);
    pal_tensor_free(b);
    pal_tensor_free(start);
}

START_TEST(elements_are_chains)
{
    static const char *const isas[] = {"avx2", "avx512"};
    for (unsigned i = 0; i < 4; i++) {
        pal_context *context = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1 + i, .isa = isas[i / 2]});
        if (!context) continue; /* the processor has no such instructions */
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            for (int flags = 0; flags < 4; flags++)
                for (int f32 = 0; f32 < 2; f32++)
                    check_product(context, &all[k], f32 ? PAL_F32 : PAL_F64, (const int[]){flags & 1, flags >> 1}, i);
        pal_context_free(context);
    }
}
END_TEST

/* X X' and X' X, of which half of the tiles are made, have all the bits of the product of X and a copy of it. */
START_TEST(a_matrix_times_itself_is_mirrored)
{
    static const int64_t shapes[][2] = {{257, 40}, {300, 803}, {40, 300}, {500, 500}, {9, 640}, {640, 9}, {271, 1030}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int kind = 0; kind < 8; kind++) {
            const pal_dtype dtype = kind & 1 ? PAL_F64 : PAL_F32;
            const bool turned = kind & 2;
            pal_context *context = context_with(kind & 4 ? 3 : 1);
            pal_tensor *x = mixed(context, dtype, PAL_SHAPE(shapes[s][0], shapes[s][1]), 4),
                       *copy = mixed(context, dtype, PAL_SHAPE(shapes[s][0], shapes[s][1]), 4);
            pal_tape *tape = pal_tape_new(context, dtype);
            const pal_var a = pal_leaf(tape, x, "x"), b = pal_leaf(tape, copy, "copy");
            const pal_var out[] = {pal_matmul_t(a, a, turned, !turned), pal_matmul_t(a, b, turned, !turned)};
            pal_program *p = pal_compile(tape, out, 2, NULL);
            ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
            ck_assert_int_eq(pal_run(p), PAL_OK);
            ck_assert_mem_eq(pal_output(p, 0)->data, pal_output(p, 1)->data, pal_tensor_bytes(pal_output(p, 0)));
            pal_program_free(p);
            pal_tape_free(tape);
            pal_tensor_free(x);
            pal_tensor_free(copy);
            pal_context_free(context);
        }
}
END_TEST

/* A B + A' B' + ... is one operation, and one chain: first the terms of A B, then those of A' B'. Every second A is
 * turned the other way. A third product joins if the chain is short. */
static void check_sum(pal_context *context, const sizes *s, int64_t more, int n, pal_dtype dtype, const int *turned)
{
    pal_tape *tape = pal_tape_new(context, dtype);
    pal_tensor *a[4], *b[4], *x = pal_tensor_new(context, dtype, PAL_SHAPE(s->batch, s->m, s->n));
    pal_var out = {0};
    sizes of[] = {*s, *s, *s, *s};
    of[1].k = more;
    for (int i = 0; i < n; i++) {
        const bool ta = turned[0] ^ (i & 1), tb = turned[1];
        a[i] = mixed(context, dtype, PAL_SHAPE(s->batch, ta ? of[i].k : s->m, ta ? s->m : of[i].k), 1 + (uint32_t)i);
        b[i] = mixed(context, dtype, tb ? PAL_SHAPE(s->n, of[i].k) : PAL_SHAPE(of[i].k, s->n), 5 + (uint32_t)i);
        const pal_var product = pal_matmul_t(pal_leaf(tape, a[i], (const char *[]){"a0", "a1", "a2", "a3"}[i]),
                                             pal_leaf(tape, b[i], (const char *[]){"b0", "b1", "b2", "b3"}[i]), ta, tb);
        out = i ? pal_add(product, out) : product;
    }
    pal_program *p = pal_compile(tape, &out, 1, NULL);
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    char *text = pal_program_text(p);
    const bool joins = n < 3 || (n - 1) * s->k + more <= 400;
    ck_assert_msg(strstr(text, "matmul_sum") && (!joins || !strstr(text, "addmm")), "%s", text);
    pal_text_free(context, text);
    for (size_t e = 0; e < pal_tensor_count(x); e += 53) {
        const size_t item = e / (size_t)(s->m * s->n), row = e / (size_t)s->n % (size_t)s->m, j = e % (size_t)s->n;
        double wanted = 0;
        for (int i = 0; i < n; i++)
            wanted = chain(a[i], b[i], &of[i], (const int[]){turned[0] ^ (i & 1), turned[1]}, item, row, j, wanted);
        ck_assert_msg(pal_tensor_get(pal_output(p, 0), e) == wanted, "%d x %d x (%d + %d), element %zu", (int)s->m,
                      (int)s->n, (int)s->k, (int)more, e);
    }
    pal_program_free(p);
    pal_tape_free(tape);
    for (int i = 0; i < n; i++) pal_tensor_free(a[i]), pal_tensor_free(b[i]);
    pal_tensor_free(x);
}

START_TEST(a_sum_of_products_is_one_chain)
{
    static const char *const isas[] = {"avx2", "avx512"};
    for (unsigned i = 0; i < 4; i++) {
        pal_context *context = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1 + i, .isa = isas[i / 2]});
        if (!context) continue;
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            for (int flags = 0; flags < 4; flags++)
                for (int n = 2; n <= 4; n++)
                    check_sum(context, &all[k],
                              n == 3      ? 1
                              : flags % 2 ? 8
                                          : 1030,
                              n, flags % 2 ? PAL_F32 : PAL_F64, (const int[]){flags & 1, flags >> 1});
        pal_context_free(context);
    }
}
END_TEST

/* The first rows of a product do not depend on how many follow. */
START_TEST(rows_do_not_depend_on_each_other)
{
    if (!strcmp(pal_context_isa(c), "baseline")) return; /* BLAS multiplies */
    pal_tensor *a = random_tensor(c, PAL_F32, PAL_SHAPE(600, 70), -1, 1, "a"),
               *b = random_tensor(c, PAL_F32, PAL_SHAPE(70, 90), -1, 1, "b");
    pal_var x = pal_leaf(t, a, "a"), w = pal_leaf(t, b, "b");
    float *whole = calloc(600 * 90, sizeof *whole), *part = calloc(600 * 90, sizeof *part);
    ck_assert_int_eq(pal_eval(pal_matmul(x, w), whole), PAL_OK);
    for (int64_t rows = 1; rows <= 600; rows = rows * 2 + 1) {
        ck_assert_int_eq(pal_eval(pal_matmul(pal_slice(x, (const int64_t[]){0, 0}, (const int64_t[]){rows, 70},
                                                       (const int64_t[]){1, 1}),
                                             w),
                                  part),
                         PAL_OK);
        ck_assert_mem_eq(whole, part, (size_t)rows * 90 * sizeof *part);
    }
    free(whole);
    free(part);
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

/* A dense layer on each step of a sequence: the gradient of its weight is one product, and so are sums of outer
 * products. The terms are not stored. */
START_TEST(the_sum_of_a_batch_is_one_product)
{
    pal_tensor *a = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3, 7, 24), -1, 1, "a"),
               *b = random_tensor(c, PAL_F64, PAL_SHAPE(24, 33), -1, 1, "b"),
               *g = random_tensor(c, PAL_F64, PAL_SHAPE(4, 3, 7, 33), -1, 1, "g");
    pal_var x = pal_leaf(t, a, "a"), w = pal_leaf(t, b, "b"), s = pal_leaf(t, g, "g"), gradient;
    pal_var each = pal_matmul(x, w), y = pal_sum_all(pal_mul(each, s));
    ck_assert_int_eq(pal_grad(y, &w, 1, &gradient), PAL_OK);
    pal_var rows = pal_reshape(x, PAL_SHAPE(84, 24)), right = pal_reshape(s, PAL_SHAPE(84, 33));
    pal_var column = pal_reshape(rows, PAL_SHAPE(84, 24, 1)), row = pal_reshape(right, PAL_SHAPE(84, 1, 33)),
            outer = pal_matmul(column, row),
            turned = pal_matmul_t(pal_reshape(rows, PAL_SHAPE(84, 1, 24)), pal_reshape(right, PAL_SHAPE(84, 33, 1)),
                                  true, true);
    const pal_var same = pal_matmul_t(rows, right, true, false);
    const struct {
        pal_var sum;
        bool joins;
    } cases[] = {
        {gradient, true},
        {pal_sum(outer, 1, false), true},
        {pal_sum(outer, 1, true), true},
        {pal_sum(turned, 1, false), true},
        {pal_sum(outer, 3, false), false},                           /* over rows, too */
        {pal_sum(pal_matmul_t(x, s, true, false), 1, false), false}, /* over a part of the batch */
        {pal_sum(pal_matmul(pal_reshape(x, PAL_SHAPE(4, 24, 21)), pal_reshape(s, PAL_SHAPE(4, 21, 33))), 1, false),
         false}}; /* the rows of A would have to be brought together */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pal_var out[] = {cases[i].sum, same};
        pal_program *p = pal_compile(t, out, 2, NULL),
                    *q = pal_compile(
                        t, out, 1,
                        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = PAL_PASS_NONE});
        ck_assert_msg(p && q, "%s", pal_tape_error(t));
        ck_assert_int_eq(pal_run(p) | pal_run(q), PAL_OK);
        char *text = pal_program_text(p);
        ck_assert_msg(!strstr(text, "sum_to") == cases[i].joins, "case %zu: %s", i, text);
        pal_text_free(c, text);
        for (size_t e = 0; e < pal_tensor_count(pal_output(p, 0)); e++)
            ck_assert_double_eq_tol(pal_tensor_get(pal_output(p, 0), e), pal_tensor_get(pal_output(q, 0), e), 1e-13);
        if (cases[i].joins)
            ck_assert_mem_eq(pal_output(p, 0)->data, pal_output(p, 1)->data, pal_tensor_bytes(pal_output(p, 0)));
        pal_program_free(p);
        pal_program_free(q);
    }
    for (int i = 0; i < 3; i++) pal_tensor_free((pal_tensor *[]){a, b, g}[i]);
}
END_TEST

/* A column of B that is not there is packed as 0, and 0 times infinity is NaN: it stays out of the result. */
START_TEST(infinities_stay_where_they_are)
{
    pal_tensor *a = random_tensor(c, PAL_F32, PAL_SHAPE(11, 9), 1, 2, "a"),
               *b = random_tensor(c, PAL_F32, PAL_SHAPE(9, 19), 1, 2, "b");
    pal_tensor_set(a, 4 * 9 + 3, INFINITY);
    pal_tensor_set(b, 5 * 19 + 18, NAN);
    float out[11 * 19];
    ck_assert_int_eq(pal_eval(pal_matmul(pal_leaf(t, a, "a"), pal_leaf(t, b, "b")), out), PAL_OK);
    for (int i = 0; i < 11; i++)
        for (int j = 0; j < 19; j++)
            if (j == 18)
                ck_assert(isnan(out[i * 19 + j]));
            else if (i == 4)
                ck_assert(isinf(out[i * 19 + j]));
            else
                ck_assert(isfinite(out[i * 19 + j]));
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

Suite *products_suite(void)
{
    Suite *s = suite_create("products");
    add_case(s, "products", setup, teardown,
             TESTS(elements_are_chains, a_matrix_times_itself_is_mirrored, a_sum_of_products_is_one_chain,
                   rows_do_not_depend_on_each_other, the_sum_of_a_batch_is_one_product,
                   infinities_stay_where_they_are));
    return s;
}
