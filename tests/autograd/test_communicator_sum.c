/* test_communicator_sum.c - sums over shards have the bits of one plain recursive tree, on any number of processes,
 * whatever arrives first; and a process that ends makes them fail. */
#include "autograd/machine/communicator_internal.h"
#include "tests/autograd/peers.h"
#include "tests/failing.h"
#include "tests/testing.h"

#include <math.h>
#include <sched.h>
#include <string.h>

enum { MANY = 100000, TYPES = 3 };
static const pal_dtype types[TYPES] = {PAL_F32, PAL_F64, PAL_I32};
static const int sizes[] = {1, 2, 3, 4, 5, 7, 8};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* ---- What is right ------------------------------------------------------------------------------------------------
 */

/* Numbers of very different magnitudes, so that another order of the additions gives other bits. */
static void fill(pal_dtype dtype, void *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = peer_random(&seed);
        const double value = ldexp((double)(int64_t)bits, (int)(bits % 60) - 90);
        if (dtype == PAL_F32)
            ((float *)x)[i] = (float)value;
        else if (dtype == PAL_F64)
            ((double *)x)[i] = value;
        else
            ((uint32_t *)x)[i] = 1u << bits % 32;
    }
}

static void *at(pal_dtype dtype, void *x, size_t i) { return (char *)x + i * pal_dtype_size(dtype); }

/* The tree as communicator.h says it: of n shards, the largest power of two below n, and the rest. */
#define TREE(NAME, TYPE, OPERATOR)                                                                                     \
    static TYPE NAME(const TYPE *x, size_t stride, int64_t n)                                                          \
    {                                                                                                                  \
        if (n == 1) return *x;                                                                                         \
        int64_t left = 1;                                                                                              \
        while (2 * left < n) left *= 2;                                                                                \
        return NAME(x, stride, left) OPERATOR NAME(x + (size_t)left * stride, stride, n - left);                       \
    }
TREE(tree_f32, float, +)
TREE(tree_f64, double, +)
TREE(tree_i32, uint32_t, |)
#undef TREE

static void sum_plainly(pal_dtype dtype, const void *x, int64_t count, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++)
        if (dtype == PAL_F32)
            ((float *)out)[i] = tree_f32((const float *)x + i, n, count);
        else if (dtype == PAL_F64)
            ((double *)out)[i] = tree_f64((const double *)x + i, n, count);
        else
            ((uint32_t *)out)[i] = tree_i32((const uint32_t *)x + i, n, count);
}

/* ---- One process --------------------------------------------------------------------------------------------------
 */

typedef struct job {
    pal_dtype dtype;
    int64_t count;
    size_t n;
    char *x, *right;
} job;

static job new_job(pal_dtype dtype, int64_t count, size_t n)
{
    const size_t bytes = n * pal_dtype_size(dtype);
    job j = {dtype, count, n, malloc((size_t)count * bytes + 1), malloc(bytes + 1)};
    fill(dtype, j.x, (size_t)count * n, (uint64_t)count * 1000 + n);
    sum_plainly(dtype, j.x, count, n, j.right);
    return j;
}

static void free_job(job *j)
{
    free(j->x);
    free(j->right);
}

/* The sum over so many shards from `first` on. */
static void sum_local(pal_context *c, const job *j, int64_t first, int64_t local, void *out)
{
    const void *in[64];
    for (int64_t k = 0; k < local; k++) in[k] = at(j->dtype, j->x, (size_t)(first + k) * j->n);
    pal__tree_sum(c, j->dtype == PAL_I32 ? PAL__OR : PAL__SUM, j->dtype, (size_t)local, in, out, j->n);
}

static void check_local(unsigned threads, int64_t most, size_t n)
{
    pal_context *c = context_with(threads);
    for (int64_t count = 1; count <= most; count += 1 + count / 17)
        for (int d = 0; d < TYPES; d++) {
            job j = new_job(types[d], count, n);
            const size_t bytes = n * pal_dtype_size(j.dtype);
            char *out = malloc(bytes + 1);
            out[bytes] = 77;
            sum_local(c, &j, 0, count, out);
            ck_assert_msg(!memcmp(out, j.right, bytes) && out[bytes] == 77, "%lld shards, type %d", (long long)count,
                          d);
            sum_local(NULL, &j, 0, count, out);
            ck_assert(!memcmp(out, j.right, bytes));
            sum_local(c, &j, 0, count, j.x); /* over the first of them */
            ck_assert(!memcmp(j.x, j.right, bytes));
            free(out);
            free_job(&j);
        }
    pal_context_free(c);
}

START_TEST(local_sums_follow_the_tree)
{
    static const size_t n[] = {0, 1, 17, 511, 512, 1025, 20000};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) check_local(1, 40, n[i]);
    check_local(3, 9, MANY);
}
END_TEST

/* Otherwise a wrong order would not be seen. */
START_TEST(the_order_of_the_numbers_matters)
{
    job j = new_job(PAL_F32, 8, 1000);
    size_t different = 0;
    for (size_t i = 0; i < j.n; i++) {
        float sum = 0;
        for (size_t k = 0; k < 8; k++) sum += ((float *)j.x)[k * j.n + i];
        different += sum != ((float *)j.right)[i];
    }
    ck_assert_uint_gt(different, 100);
    free_job(&j);
}
END_TEST

/* ---- Several processes --------------------------------------------------------------------------------------------
 */

enum { JOBS_MOST = 9, TIMES = 2 };

typedef struct jobs { /* sums that run at the same time */
    size_t n;
    job of[JOBS_MOST];
    unsigned threads; /* of each context */
} jobs;

typedef struct running {
    pal__all *all;
    void *values;
    bool done;
} running;

static void begin(pal_context *context, const pal_communicator *c, const job *j, running *r)
{
    int64_t first, local;
    pal_shards_of(j->count, c ? c->size : 1, c ? c->rank : 0, &first, &local);
    sum_local(context, j, first, local, r->values);
    pal__all_start(r->all, r->values);
    r->done = false;
}

/* Asks one after the other; each process in another order. */
static bool finish(running *r, size_t n, int rank)
{
    size_t left = n;
    for (size_t i = (size_t)rank; left; i++) {
        running *one = &r[i % n];
        const int now = one->done ? 0 : pal__all_poll(one->all, false);
        if (now < 0) return false;
        one->done = one->done || now;
        left -= (size_t)now;
        if (i % 64 == 0) sched_yield();
    }
    return true;
}

static const char *run_jobs(pal_context *context, pal_communicator *c, const jobs *js)
{
    running r[JOBS_MOST];
    for (size_t i = 0; i < js->n; i++) {
        const job *j = &js->of[i];
        r[i].values = malloc(j->n * pal_dtype_size(j->dtype) + 1);
        r[i].all = pal__all_new(context, c, j->count, j->dtype == PAL_I32 ? PAL__OR : PAL__SUM, j->dtype, j->n,
                                7 + (int)i, false);
        peer_require(r[i].values && r[i].all);
    }
    for (int time = 0; time < TIMES; time++) {
        for (size_t i = 0; i < js->n; i++) begin(context, c, &js->of[i], &r[i]);
        peer_require(finish(r, js->n, c ? c->rank : 0));
        for (size_t i = 0; i < js->n; i++) {
            peer_require(pal__all_poll(r[i].all, false) == 1);
            peer_require(!memcmp(r[i].values, js->of[i].right, js->of[i].n * pal_dtype_size(js->of[i].dtype)));
        }
    }
    for (size_t i = 0; i < js->n; i++) {
        pal__all_free(context, r[i].all);
        free(r[i].values);
    }
    return NULL;
}

static pal_context *quiet_context(unsigned threads)
{
    return pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .unpinned = true});
}

static const char *sum_all(pal_communicator *c, void *user)
{
    const jobs *js = user;
    pal_context *context = quiet_context(js->threads);
    peer_require(context);
    const size_t before = pal_context_memory(context, NULL);
    const char *wrong = run_jobs(context, c, js);
    if (!wrong && pal_context_memory(context, NULL) != before) wrong = "it leaks";
    pal_communicator_close(c, wrong);
    pal_context_free(context);
    return wrong;
}

/* All types, and each of these numbers of elements, at the same time. */
static void check_jobs(int size, int64_t count, const size_t *n, size_t ns, unsigned threads)
{
    jobs js = {.threads = threads};
    for (int d = 0; d < TYPES; d++)
        for (size_t i = 0; i < ns; i++) js.of[js.n++] = new_job(types[d], count, n[i]);
    for (uint64_t late = 0; late < 2; late++) {
        const char *wrong = peers_run(size, late * (uint64_t)(count + size), sum_all, &js);
        ck_assert_msg(!wrong, "%d processes, %lld shards%s: %s", size, (long long)count, late ? ", late" : "", wrong);
    }
    for (size_t i = 0; i < js.n; i++) free_job(&js.of[i]);
}

static const size_t few[] = {0, 1, 17}, many[] = {MANY};

START_TEST(all_processes_have_the_bits_of_the_tree)
{
    for (int64_t count = sizes[_i]; count <= 33; count += count < 16 ? 1 : 17) check_jobs(sizes[_i], count, few, 3, 1);
}
END_TEST

START_TEST(large_sums_have_the_bits_of_the_tree)
{
    static const int64_t counts[] = {8, 13, 33};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        check_jobs(sizes[_i], counts[i], (const size_t[]){MANY + i}, 1, 1 + (unsigned)i % 2);
}
END_TEST

/* As many processes as shards, one side of the root with a single one: it sends to many. */
START_TEST(sides_may_be_unequal)
{
    check_jobs(33, 33, few, 3, 1);
    check_jobs(17, 17, many, 1, 1);
}
END_TEST

START_TEST(one_process_is_done_at_once)
{
    pal_context *c = context_with(1);
    jobs js = {.n = 1, .of = {new_job(PAL_F64, 6, 17)}};
    const char *wrong = run_jobs(c, NULL, &js);
    ck_assert_msg(!wrong, "%s", wrong);
    pal__all_free(c, NULL);
    free_job(&js.of[0]);
    pal_context_free(c);
}
END_TEST

/* ---- Failures -----------------------------------------------------------------------------------------------------
 */

/* The last process ends without taking part. */
static const char *last_ends(pal_communicator *c, void *user)
{
    const size_t n = *(size_t *)user;
    if (c->rank == c->size - 1) {
        pal_communicator_close(c, false);
        return NULL;
    }
    pal_context *context = quiet_context(1);
    float *values = calloc(n, sizeof *values);
    pal__all *all = pal__all_new(context, c, 8, PAL__SUM, PAL_F32, n, 0, false);
    peer_require(context && values && all);
    pal__all_start(all, values);
    int now;
    while (!(now = pal__all_poll(all, false))) sched_yield();
    peer_require(now == -1);
    peer_require(pal__all_poll(all, false) == -1);
    pal_communicator_close(c, true);
    pal__all_free(context, all);
    pal_context_free(context);
    free(values);
    return NULL;
}

START_TEST(a_sum_fails_when_a_process_ends)
{
    for (int i = 1; i < SIZES; i++)
        for (int late = 0; late < 2; late++) {
            size_t n = i % 2 ? 100 : MANY;
            ck_assert_peers(sizes[i], late, last_ends, &n);
        }
}
END_TEST

static bool make_one(void *user)
{
    pal_context *context = user;
    pal_communicator c = {.struct_size = sizeof c, .rank = 1, .size = 4};
    pal__all *all = pal__all_new(context, &c, 4, PAL__SUM, PAL_F32, 1000, 0, false);
    pal__all_free(context, all);
    return all;
}

START_TEST(memory_may_fail)
{
    pal_context *context = context_with(1);
    const size_t before = pal_context_memory(context, NULL);
    ck_assert(failing_each(make_one, context, false) >= 3 || !failing_can);
    ck_assert_uint_eq(pal_context_memory(context, NULL), before);
    pal_context_free(context);
}
END_TEST

Suite *communicator_sum_suite(void)
{
    Suite *s = suite_create("communicator_sum");
    TCase *each = tcase_create("each number of processes");
    tcase_set_timeout(each, 240);
    tcase_add_loop_test(each, all_processes_have_the_bits_of_the_tree, 0, SIZES);
    tcase_add_loop_test(each, large_sums_have_the_bits_of_the_tree, 0, SIZES);
    suite_add_tcase(s, each);
    add_case(s, "sums", NULL, NULL,
             TESTS(local_sums_follow_the_tree, the_order_of_the_numbers_matters, sides_may_be_unequal,
                   one_process_is_done_at_once, a_sum_fails_when_a_process_ends, memory_may_fail));
    return s;
}
