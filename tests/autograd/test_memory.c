/* test_memory.c - every allocation may fail without harm, and a running program does not allocate. */
#include "autograd/internal.h"
#include "tests/failing.h"
#include "tests/testing.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct counter {
    long live, made, fails_at; /* fails_at: number of the allocation that fails; -1: none */
} counter;

static void *counting(size_t size, void *user)
{
    counter *n = user;
    if (n->made++ == n->fails_at) return NULL;
    void *block = malloc(size);
    n->live += block != NULL;
    return block;
}

static void releasing(void *block, void *user)
{
    ((counter *)user)->live--;
    free(block);
}

/* NULL: an allocation failed. */
static pal_context *counted(counter *n)
{
    return pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options),
                                                  .threads = 1,
                                                  .allocate = counting,
                                                  .release = releasing,
                                                  .user = n});
}

static pal_var body(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_square(pal_take(*(pal_var *)user, k));
}

/* Calls everything that can allocate: record, grad, region, compile, run, eval, text. Returns whether all succeeded. */
static bool scenario(counter *n)
{
    pal_context *c = counted(n);
    if (!c) return false;
    pal_tensor *xs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 4)), *ws = pal_tensor_new(c, PAL_F64, PAL_SHAPE(4, 2));
    pal_tape *t = pal_tape_new(c, PAL_F64);
    bool ok = false;
    if (xs && ws && t) {
        pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), g[2], v[] = {w, x};
        pal_scope_begin(t, "layer");
        pal_var h = pal_sigmoid(pal_matmul(pal_mul(x, pal_bernoulli(t, "mask", PAL_SHAPE(3, 4), 0.5)), w));
        pal_scope_end(t);
        pal_var y = pal_add(pal_sum_squares(h),
                            pal_add(pal_sum_all(pal_map_sum(t, 3, body, &x)), pal_jacobian_norm2_rows(h, x)));
        pal_status s = pal_grad(y, v, 2, g);
        pal_assign(w, pal_sub(w, pal_scale(g[0], 0.1)));
        pal_program *p = pal_compile(
            t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .lanes = 1});
        ok = s == PAL_OK && p && pal_run(p) == PAL_OK;
        char *text = p ? pal_program_text(p) : NULL;
        ok = ok && text;
        double out;
        ok = ok && pal_eval(y, &out) == PAL_OK;
        /* Every failure must be reported. */
        if (!ok && !pal_tape_error(t) && s == PAL_OK && p) ck_assert(text == NULL || pal_program_error(p));
        pal_text_free(c, text);
        pal_program_free(p);
    }
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_context_free(c);
    return ok;
}

/* Lists that are usually short are allocated if they are long: operands, contributions to a gradient, noise. */
static bool long_lists(counter *n)
{
    enum { MANY = 40 };
    pal_context *c = counted(n);
    if (!c) return false;
    pal_tensor *xs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2));
    pal_tape *t = pal_tape_new(c, PAL_F64);
    bool ok = false;
    if (xs && t) {
        pal_var x = pal_leaf(t, xs, "x"), in[MANY], g;
        for (size_t i = 0; i < MANY; i++) {
            char name[16];
            snprintf(name, sizeof name, "noise-%zu", i);
            in[i] = pal_add(pal_scale(x, (double)i), pal_normal(t, name, PAL_SHAPE(2)));
        }
        pal_var y = pal_sum_squares(pal_concat(in, MANY, 0));
        pal_status s = pal_grad(y, &x, 1, &g);
        pal_program *p =
            pal_compile(t, &g, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = 1});
        ok = s == PAL_OK && p && pal_run(p) == PAL_OK;
        if (!p) ck_assert_int_eq(pal_tape_status(t), PAL_ERR_MEMORY);
        pal_program_free(p);
    }
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_context_free(c);
    return ok;
}

/* One computation as two programs. */
static bool halves(counter *n)
{
    pal_context *c = counted(n);
    if (!c) return false;
    pal_tensor *xs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 4)), *vs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 4));
    pal_tape *t = pal_tape_new(c, PAL_F64);
    bool ok = false;
    if (xs && vs && t) {
        const pal_tensor *const moving = vs;
        pal_var x = pal_leaf(t, xs, "x"), v = pal_leaf(t, vs, "v");
        pal_var y = pal_mul(pal_matmul(pal_exp(x), pal_transpose(x)), pal_matmul(v, pal_transpose(pal_exp(x))));
        pal_halves h;
        const pal_status status = pal_compile_halves(t, &y, 1, &moving, 1, NULL, &h);
        ok = !status && !pal_run(h.once) && !pal_run(h.again);
        if (status) ck_assert_int_eq(pal_tape_status(t), PAL_ERR_MEMORY);
        pal_halves_free(&h);
    }
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(vs);
    pal_context_free(c);
    return ok;
}

START_TEST(every_allocation_may_fail)
{
    bool (*const scenarios[])(counter *) = {scenario, long_lists, halves};
    bool (*run)(counter *) = scenarios[_i];
    counter n = {.fails_at = -1};
    ck_assert(run(&n));
    ck_assert_int_eq(n.live, 0);
    long all = n.made;
    ck_assert_int_gt(all, 100);
    for (long i = 0; i < all; i++) {
        n = (counter){.fails_at = i};
        ck_assert_msg(!run(&n), "failure %ld of %ld went unnoticed", i, all);
        ck_assert_msg(n.live == 0, "failure %ld of %ld left %ld blocks", i, all, n.live);
    }
}
END_TEST

/* The matrices are large on purpose. For small ones, OpenBLAS 0.3.21 with AVX-512 uses kernels that call malloc for a
 * buffer in every product. */
START_TEST(a_run_allocates_nothing)
{
    counter n = {.fails_at = -1};
    pal_context *c = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options),
                                                            .threads = 2,
                                                            .allocate = counting,
                                                            .release = releasing,
                                                            .user = &n});
    pal_tensor *xs = random_tensor(c, PAL_F32, PAL_SHAPE(256, 400), 0, 1, "x"),
               *ws = random_tensor(c, PAL_F32, PAL_SHAPE(400, 300), -0.1, 0.1, "w");
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), g;
    pal_var h = pal_sigmoid(pal_matmul(pal_mul(x, pal_bernoulli(t, "mask", PAL_SHAPE(256, 400), 0.5)), w));
    pal_var loss = pal_add(pal_mean_over_samples(pal_bernoulli_cross_entropy(pal_matmul(h, pal_transpose(w)), x)),
                           pal_scale(pal_jacobian_norm2_hutchinson(h, x, "probe"), 1e-3));
    ck_assert_int_eq(pal_grad(loss, &w, 1, &g), PAL_OK);
    pal_assign(w, pal_sub(w, pal_scale(g, 0.01)));
    pal_program *p =
        pal_compile(t, &loss, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(pal_run(p), PAL_OK); /* BLAS allocates its buffers in the first product */
    long made = n.made, system = failing_mallocs();
    for (uint64_t i = 0; i < 20; i++) {
        pal_program_set_noise(p, (pal_noise){.clock = i});
        if (pal_run(p) != PAL_OK) break;
    }
    long made_after = n.made, system_after = failing_mallocs(); /* read before Check allocates */
    ck_assert_int_eq(made_after, made);
    ck_assert_int_eq(system_after, system);
    if (failing_can) ck_assert_int_gt(failing_mallocs(), 0);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_context_free(c);
}
END_TEST

/* A block that is read over at once would otherwise be written twice. With a sanitizer calloc is another one. */
START_TEST(a_large_block_is_zeros_that_were_not_written)
{
    enum { SIZE = 1 << 26, HUGE = 2 << 20 };
    static unsigned char resident[SIZE / 4096 + 1];
    if (failing_can) mallopt(M_PERTURB, 0); /* Meson sets it, to other bytes than zeros */
    pal_context *c = pal_context_new(NULL);
    pal_tensor *t = pal_tensor_new(c, PAL_U8, PAL_SHAPE(SIZE));
    ck_assert_ptr_nonnull(t);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = SIZE / page;
    char *first = (char *)(((uintptr_t)t->data + page - 1) & ~(uintptr_t)(page - 1));
    ck_assert_uint_eq((uintptr_t)t->data % 64, 0);
    ck_assert_int_eq(mincore(first, (n - 1) * page, resident), 0);
    size_t written = 0, others = 0;
    for (size_t i = 0; i < n - 1; i++) written += resident[i] & 1;
    if (failing_can) ck_assert_uint_le(written, HUGE / 4096); /* the page with the head of the block */
    for (size_t i = 0; i < SIZE; i++) others += ((const char *)t->data)[i] != 0;
    ck_assert_uint_eq(others, 0);
    pal_tensor_free(t);
    pal_context_free(c);
}
END_TEST

/* A limit holds for everything that is in use at a time. What no machine has is refused without asking for it. */
START_TEST(a_limit_holds)
{
    enum { MOST = 1 << 20 };
    counter n = {.fails_at = -1};
    const pal_context_options o = {.struct_size = sizeof o,
                                   .threads = 1,
                                   .max_memory = MOST,
                                   .allocate = counting,
                                   .release = releasing,
                                   .user = &n};
    pal_context *c = pal_context_new(&o), *unlimited = context_with(1);
    size_t peak;
    ck_assert_uint_eq(pal_context_room(NULL), SIZE_MAX);
    ck_assert_uint_eq(pal_context_room(unlimited), SIZE_MAX);
    const size_t used = pal_context_memory(c, NULL);
    ck_assert_uint_eq(pal_context_room(c), MOST - used);
    pal_tensor *half = pal_tensor_new(c, PAL_U8, PAL_SHAPE(MOST / 2));
    ck_assert_ptr_nonnull(half);
    ck_assert_uint_lt(pal_context_room(c), MOST / 2);
    const long made = n.made;
    ck_assert_ptr_null(pal_tensor_new(c, PAL_U8, PAL_SHAPE(MOST / 2)));
    ck_assert_int_le(n.made, made + 1); /* the tensor, but not its elements */
    pal_tensor_free(half);
    ck_assert_uint_eq(pal_context_memory(c, &peak), used);
    ck_assert_uint_gt(peak, MOST / 2);
    pal_tensor *all = pal_tensor_new(c, PAL_U8, PAL_SHAPE(MOST / 2));
    ck_assert_ptr_nonnull(all); /* there is room again */
    pal_tensor_free(all);
    pal_context_free(c);
    ck_assert_int_eq(n.live, 0);
    ck_assert_ptr_null(pal__alloc(unlimited, SIZE_MAX / 2 + 1));
    ck_assert_ptr_null(pal__alloc(unlimited, SIZE_MAX));
    ck_assert_uint_lt(pal_context_memory(unlimited, NULL), 1 << 20); /* what failed is not counted */
    pal_context_free(unlimited);
}
END_TEST

/* Half an allocator is none: the context takes malloc. */
START_TEST(half_an_allocator)
{
    counter n = {.fails_at = 0};
    pal_context_options o = {.struct_size = sizeof o, .threads = 1, .allocate = counting, .user = &n};
    pal_context *c = pal_context_new(&o);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(n.made, 0);
    pal_context_free(c);
    o.lanes = 4097;
    ck_assert_ptr_null(pal_context_new(&o));
    o.lanes = 0;
    o.threads = 1025;
    ck_assert_ptr_null(pal_context_new(&o));
    o.threads = 1;
    o.isa = "avx1024";
    ck_assert_ptr_null(pal_context_new(&o));
}
END_TEST

Suite *memory_suite(void)
{
    Suite *s = suite_create("memory");
    TCase *k = tcase_create("memory");
    tcase_add_loop_test(k, every_allocation_may_fail, 0, 2);
    tcase_add_test(k, a_run_allocates_nothing);
    tcase_add_test(k, a_large_block_is_zeros_that_were_not_written);
    tcase_add_test(k, a_limit_holds);
    tcase_add_test(k, half_an_allocator);
    tcase_set_timeout(k, 120);
    suite_add_tcase(s, k);
    return s;
}
