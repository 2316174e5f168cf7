/* test_threads.c - at equal lanes a program gives the same bits on any number of threads, and a run restores the state
 * of the caller's thread. */
#include "autograd/machine/internal.h"
#include "tests/failing.h"
#include "tests/testing.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Trains a tied denoising autoencoder for ten steps and returns its weights. */
static void train(unsigned threads, unsigned lanes, float *weights, size_t bytes)
{
    pal_context *c = context_with(threads);
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_tensor *xs = random_tensor(c, PAL_F32, PAL_SHAPE(40, 300), 0, 1, "x"),
               *ws = random_tensor(c, PAL_F32, PAL_SHAPE(300, 70), -0.1, 0.1, "w");
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w"), g, none = {0};
    pal_var noisy = pal_add(pal_mul(x, pal_bernoulli(t, "mask", PAL_SHAPE(40, 300), 0.5)),
                            pal_scale(pal_normal(t, "noise", PAL_SHAPE(40, 300)), 0.1));
    pal_var h = pal_sigmoid(pal_affine(noisy, w, none));
    pal_var loss = pal_mean_over_samples(pal_bernoulli_cross_entropy(pal_matmul(h, pal_transpose(w)), x));
    ck_assert_int_eq(pal_grad(loss, &w, 1, &g), PAL_OK);
    pal_assign(w, pal_sub(w, pal_scale(g, 0.1)));
    pal_program *p = pal_compile(
        t, &loss, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .lanes = lanes});
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(pal_program_lanes(p), lanes);
    for (uint64_t i = 0; i < 10; i++) {
        pal_program_set_noise(p, (pal_noise){.seed = 1, .clock = i});
        ck_assert_int_eq(pal_run(p), PAL_OK);
    }
    ck_assert_uint_eq(bytes, pal_tensor_bytes(ws));
    memcpy(weights, ws->data, bytes);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_context_free(c);
}

START_TEST(bits_do_not_depend_on_threads)
{
    enum { BYTES = 300 * 70 * sizeof(float) };
    float *one = malloc(BYTES), *other = malloc(BYTES);
    train(1, 2, one, BYTES);
    for (unsigned threads = 1; threads <= 4; threads++) {
        train(threads, 2, other, BYTES);
        ck_assert_msg(!memcmp(one, other, BYTES), "%u threads", threads);
    }
    free(one);
    free(other);
}
END_TEST

static void bump(void *argument, size_t i, unsigned worker)
{
    (void)worker;
    ((unsigned char *)argument)[i]++;
}

START_TEST(every_task_runs_once)
{
    pal_context *c = context_with(3);
    static unsigned char seen[5000];
    for (int round = 0; round < 400; round++) {
        memset(seen, 0, sizeof seen);
        size_t n = (size_t)(round * 37 % 5000) + 1;
        pal_parallel(c, n, bump, seen);
        size_t wrong = 0;
        for (size_t i = 0; i < sizeof seen; i++) wrong += seen[i] != (i < n);
        ck_assert_uint_eq(wrong, 0);
    }
    pal_context_free(c);
}
END_TEST

/* More tasks than a ticket counts run one after the other. */
START_TEST(very_many_tasks)
{
    enum { MANY = 1 << 20 };
    pal_context *c = context_with(2);
    unsigned char *seen = calloc(MANY, 1);
    pal_parallel(c, MANY, bump, seen);
    size_t wrong = 0;
    for (size_t i = 0; i < MANY; i++) wrong += seen[i] != 1;
    ck_assert_uint_eq(wrong, 0);
    free(seen);
    pal_context_free(c);
}
END_TEST

/* Threads whose stacks find no room: there is no context, and those that began have ended. */
START_TEST(threads_that_cannot_start)
{
    if (!failing_can) return; /* a sanitizer needs more addresses than any limit allows */
    size_t pages = 0;
    struct rlimit before;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert(f != NULL && fscanf(f, "%zu", &pages) == 1);
    fclose(f);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    const rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (1 << 26);
    const pal_context_options o = {.struct_size = sizeof o, .threads = 1000};
    setrlimit(RLIMIT_AS, &(struct rlimit){most, before.rlim_max});
    pal_context *c = pal_context_new(&o);
    setrlimit(RLIMIT_AS, &before);
    ck_assert_ptr_null(c);
    c = context_with(2);
    ck_assert_uint_eq(pal_context_threads(c), 2);
    pal_context_free(c);
}
END_TEST

START_TEST(affinity_and_thread_counts_are_restored)
{
    cpu_set_t before, after;
    sched_getaffinity(0, sizeof before, &before);
    void (*omp_set)(int) = NULL;
    int (*omp_get)(void) = NULL, (*blas_get)(void) = NULL;
    *(void **)&omp_set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    *(void **)&omp_get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    *(void **)&blas_get = dlsym(RTLD_DEFAULT, "openblas_get_num_threads");
    if (omp_set) omp_set(5);
    int blas = blas_get ? blas_get() : 0;
    float w[300 * 70];
    train(2, 2, w, sizeof w);
    sched_getaffinity(0, sizeof after, &after);
    ck_assert(CPU_EQUAL(&before, &after));
    if (omp_get) ck_assert_int_eq(omp_get(), 5);
    if (blas_get) ck_assert_int_eq(blas_get(), blas);
}
END_TEST

/* Two threads of the caller may use two contexts at the same time. */
static void *other_thread(void *argument)
{
    train(1, 2, argument, 300 * 70 * sizeof(float));
    return NULL;
}

START_TEST(contexts_are_independent)
{
    float *a = malloc(300 * 70 * sizeof *a), *b = malloc(300 * 70 * sizeof *b);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, a), 0);
    train(1, 2, b, 300 * 70 * sizeof(float));
    pthread_join(thread, NULL);
    ck_assert_mem_eq(a, b, 300 * 70 * sizeof *a);
    free(a);
    free(b);
}
END_TEST

static void count_look(void *argument) { ++*(int *)argument; }

/* A product of one thread is one task and takes milliseconds. Messages of other processes must not wait for so long. */
START_TEST(a_product_lets_its_worker_look)
{
    pal_context *c = context_with(1);
    pal_tape *t = pal_tape_new(c, PAL_F32);
    const bool turned = _i; /* by panels, or by blocks */
    pal_tensor *as = random_tensor(c, PAL_F32, turned ? PAL_SHAPE(128, 800) : PAL_SHAPE(128, 1000), 0, 1, "a"),
               *bs = random_tensor(c, PAL_F32, turned ? PAL_SHAPE(128, 1000) : PAL_SHAPE(1000, 800), 0, 1, "b");
    const pal_var a = pal_leaf(t, as, "a"), b = pal_leaf(t, bs, "b");
    const pal_var product = pal_matmul(turned ? pal_transpose(a) : a, b);
    pal_program *p = pal_compile(t, &product, 1, NULL);
    ck_assert_ptr_nonnull(p);
    int looks = 0;
    pal__workers_between(c->pool, count_look, &looks);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    pal__workers_between(c->pool, NULL, NULL);
    /* The baseline has no product of its own: it is BLAS's, which knows nothing of messages. */
    if (pal_kernel_isa(c) != PAL_ISA_BASELINE) ck_assert_int_gt(looks, 5);
    pal_program_free(p);
    pal_tape_free(t);
    pal_tensor_free(as);
    pal_tensor_free(bs);
    pal_context_free(c);
}
END_TEST

Suite *threads_suite(void)
{
    Suite *s = suite_create("threads");
    TCase *k = tcase_create("threads");
    tcase_add_test(k, bits_do_not_depend_on_threads);
    tcase_add_test(k, every_task_runs_once);
    tcase_add_test(k, very_many_tasks);
    tcase_add_test(k, threads_that_cannot_start);
    tcase_add_test(k, affinity_and_thread_counts_are_restored);
    tcase_add_test(k, contexts_are_independent);
    tcase_add_loop_test(k, a_product_lets_its_worker_look, 0, 2);
    tcase_set_timeout(k, 60);
    suite_add_tcase(s, k);
    return s;
}
