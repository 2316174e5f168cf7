/* test_feed.c - a loop that takes the result of a product piece by piece: the same bits as without, for updates of
 * weights of many shapes, and nothing of the kind where something would be lost. */
#include "tests/ops/fixture.h"

#include <math.h>

#include "optim/optim.h"

#include <stdio.h>

enum { STEPS = 3 };

typedef struct net {
    int64_t batch, inputs, hidden;
    bool tied, decays; /* decays: the loss has the squares of the weights, too */
} net;

/* Whether a product feeds a loop; and no loop computes a value only for a product to begin with it. */
static bool feeds(pal_context *context, const pal_program *p)
{
    char *text = pal_program_text(p);
    const bool found = strstr(text, ", then loop") != NULL && !strstr(text, "addmm");
    pal_text_free(context, text);
    return found;
}

/* Trains a small net; the weights after some steps go to *w and *v. Returns whether a product fed a loop. */
static bool train(pal_context *context, const net *n, pal_dtype dtype, unsigned passes, pal_tensor **w, pal_tensor **v)
{
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, dtype, PAL_SHAPE(n->batch, n->inputs), 0, 1, "x");
    *w = random_tensor(context, dtype, PAL_SHAPE(n->inputs, n->hidden), -0.1, 0.1, "w");
    *v = random_tensor(context, dtype, PAL_SHAPE(n->hidden, n->inputs), -0.1, 0.1, "v");
    pal_tape *tape = pal_tape_new(context, dtype);
    pal_var in = pal_leaf(tape, x, "x"), leaves[] = {pal_leaf(tape, *w, "w"), pal_leaf(tape, *v, "v")}, grads[2];
    pal_var h = pal_sigmoid(pal_matmul(in, leaves[0]));
    pal_var out = pal_matmul(h, n->tied ? pal_transpose(leaves[0]) : leaves[1]);
    pal_var loss = pal_mean_over_samples(pal_bernoulli_cross_entropy(out, in));
    if (n->decays) loss = pal_add(loss, pal_scale(pal_sum_all(pal_square(leaves[0])), 0.05));
    const size_t moving = n->tied ? 1 : 2;
    pal_optimizer *adam = pal_optimizer_new(
        context, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"},
        (pal_tensor *[]){*w, *v}, (const char *[]){"w", "v"}, moving, &err);
    ck_assert_msg(adam != NULL, "%s", err.text);
    ck_assert_int_eq(pal_grad(loss, leaves, moving, grads), PAL_OK);
    ck_assert_int_eq(pal_optimizer_record(adam, tape, leaves, grads, moving), PAL_OK);
    pal_program *p = pal_compile(
        tape, &loss, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .passes = passes});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    const bool fed = feeds(context, p);
    for (uint64_t i = 1; i <= STEPS; i++) {
        pal_optimizer_set_step(adam, i, 0.01);
        ck_assert_int_eq(pal_run(p), PAL_OK);
    }
    pal_program_free(p);
    pal_tape_free(tape);
    pal_optimizer_free(adam);
    pal_tensor_free(x);
    return fed;
}

START_TEST(updates_have_the_same_bits)
{
    static const char *const isas[] = {"avx2", "avx512"};
    static const net nets[] = {{32, 64, 48, false, false},   {17, 61, 35, false, false},  {32, 64, 48, true, false},
                               {9, 100, 33, true, false},    {400, 40, 20, false, false}, {20, 24, 3000, false, false},
                               {300, 24, 700, false, false}, {150, 24, 700, true, false}, {32, 64, 48, true, true},
                               {32, 64, 48, false, true}};
    for (unsigned i = 0; i < 4; i++) {
        pal_context *context = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1 + i, .isa = isas[i / 2]});
        if (!context) continue; /* the processor has no such instructions */
        for (size_t k = 0; k < sizeof nets / sizeof *nets; k++)
            for (int f64 = 0; f64 < 2; f64++) {
                pal_tensor *w[2], *v[2];
                const unsigned exact = PAL_PASS_SIMPLIFY | PAL_PASS_ROUNDING; /* without fusion, and nothing in place */
                const bool fed = train(context, &nets[k], f64 ? PAL_F64 : PAL_F32, 0, &w[0], &v[0]);
                ck_assert(!train(context, &nets[k], f64 ? PAL_F64 : PAL_F32, exact, &w[1], &v[1]));
                ck_assert_msg(fed, "net %zu", k);
                ck_assert_mem_eq(w[0]->data, w[1]->data, pal_tensor_bytes(w[0]));
                ck_assert_mem_eq(v[0]->data, v[1]->data, pal_tensor_bytes(v[0]));
                for (int q = 0; q < 2; q++) pal_tensor_free(w[q]), pal_tensor_free(v[q]);
            }
        pal_context_free(context);
    }
}
END_TEST

/* Each reads a product of its own. Only where one loop alone reads it as it lies, and has waited for nothing later, the
 * product feeds it. */
START_TEST(only_where_nothing_is_lost)
{
    if (!strcmp(pal_context_isa(c), "baseline")) return; /* BLAS multiplies */
    pal_tensor *a = random_tensor(c, PAL_F64, PAL_SHAPE(32, 64), -1, 1, "a"),
               *b = random_tensor(c, PAL_F64, PAL_SHAPE(32, 64), -1, 1, "b");
    pal_var x = pal_leaf(t, a, "a"), y = pal_leaf(t, b, "b");
    pal_var p = pal_matmul_t(x, y, true, false), e = pal_exp(p);
    const struct {
        pal_var out[2];
        size_t n;
        bool fed;
    } cases[] = {
        {{e}, 1, true},
        {{e, p}, 2, false},                                                /* the product is an output */
        {{e, pal_sum_all(p)}, 2, false},                                   /* a sum reads it, too */
        {{pal_exp(pal_transpose(p))}, 1, true},                            /* a product of the transposed operands */
        {{pal_add(pal_sin(p), pal_matmul_t(e, e, true, false))}, 1, true}, /* the sine is part of the loop behind it */
        {{pal_mul(pal_matmul_t(pal_square(x), y, true, false), p)}, 1, true}, /* one of the two products feeds */
        {{pal_mul(pal_mul(pal_matmul_t(pal_square(x), y, true, false), p), pal_matmul_t(y, y, true, false))}, 1, true},
        {{pal_add(p, pal_sum(p, 1, true))}, 1, false},
        {{pal_mul(pal_sum(x, 1, false), e)}, 1, true}, /* the sum has run before the product */
        {{pal_mul(e, pal_sum(x, 1, false))}, 1, true}, /* it has not, so the product runs later */
        {{pal_mul(pal_exp(pal_matmul_t(pal_square(x), y, true, false)), pal_sum(x, 1, false))}, 1, true},
        {{pal_mul(pal_exp(pal_matmul_t(pal_square(x),
                                       pal_slice(pal_square(y), (const int64_t[]){0, 0}, (const int64_t[]){32, 24},
                                                 (const int64_t[]){1, 1}),
                                       true, false)),
                  pal_sum_all(x))},
         1,
         false}, /* what it reads, 32 x 64 twice, is more than it makes, 64 x 24 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_program *q = pal_compile(t, cases[i].out, cases[i].n, NULL),
                    *plain = pal_compile(t, cases[i].out, cases[i].n,
                                         &(pal_compile_options){.struct_size = sizeof(pal_compile_options),
                                                                .passes = PAL_PASS_SIMPLIFY | PAL_PASS_ROUNDING});
        ck_assert_msg(q && plain, "%s", pal_tape_error(t));
        ck_assert_int_eq(pal_run(q) | pal_run(plain), PAL_OK);
        for (size_t k = 0; k < cases[i].n; k++)
            ck_assert_mem_eq(pal_output(q, k)->data, pal_output(plain, k)->data, pal_tensor_bytes(pal_output(q, k)));
        ck_assert_msg(feeds(c, q) == cases[i].fed, "case %zu", i);
        pal_program_free(q);
        pal_program_free(plain);
    }
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

/* Runs the effects of a tape some times, with all passes or with none, and frees the tape. */
static void run_steps(pal_tape *tape, bool fused)
{
    pal_program *p = pal_compile(tape, NULL, 0,
                                 &(pal_compile_options){.struct_size = sizeof(pal_compile_options),
                                                        .effects = true,
                                                        .passes = fused ? 0 : PAL_PASS_NONE});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    for (int i = 0; i < STEPS; i++) ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_program_free(p);
    pal_tape_free(tape);
}

/* A weight that its own gradient's product reads: the update may not begin while the product runs. */
START_TEST(a_product_reads_what_the_loop_writes)
{
    pal_tensor *w[2];
    for (int fused = 0; fused < 2; fused++) {
        w[fused] = random_tensor(c, PAL_F64, PAL_SHAPE(64, 64), -1, 1, "w");
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        pal_var v = pal_leaf(tape, w[fused], "w");
        pal_assign(v, pal_sub(v, pal_scale(pal_matmul_t(v, v, true, false), 0.01)));
        run_steps(tape, fused);
    }
    ck_assert_mem_eq(w[0]->data, w[1]->data, pal_tensor_bytes(w[0]));
    pal_tensor_free(w[0]);
    pal_tensor_free(w[1]);
}
END_TEST

/* The leaf that a product reads is written as soon as its readers have run: then the product may not run later. */
START_TEST(a_product_runs_before_what_it_reads_is_written)
{
    pal_tensor *w[2], *out[2];
    for (int fused = 0; fused < 2; fused++) {
        w[fused] = random_tensor(c, PAL_F64, PAL_SHAPE(40, 64), -1, 1, "w");
        out[fused] = pal_tensor_new(c, PAL_F64, PAL_SHAPE(64, 64));
        pal_tape *tape = pal_tape_new(c, PAL_F64);
        pal_var v = pal_leaf(tape, w[fused], "w"), to = pal_leaf(tape, out[fused], "out");
        pal_assign(v, pal_scale(v, 0.5));
        pal_assign(to, pal_mul(pal_matmul_t(v, v, true, false), pal_sum(pal_exp(pal_sin(to)), 1, true)));
        run_steps(tape, fused);
    }
    ck_assert_mem_eq(w[0]->data, w[1]->data, pal_tensor_bytes(w[0]));
    for (size_t i = 0; i < pal_tensor_count(out[0]); i++)
        ck_assert_double_eq_tol(pal_tensor_get(out[0], i), pal_tensor_get(out[1], i),
                                1e-9 * fabs(pal_tensor_get(out[1], i)));
    for (int i = 0; i < 2; i++) pal_tensor_free(w[i]), pal_tensor_free(out[i]);
}
END_TEST

Suite *feed_suite(void)
{
    Suite *s = suite_create("feed");
    add_case(s, "feed", setup, teardown,
             TESTS(updates_have_the_same_bits, only_where_nothing_is_lost, a_product_reads_what_the_loop_writes,
                   a_product_runs_before_what_it_reads_is_written));
    return s;
}
