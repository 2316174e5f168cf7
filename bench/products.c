/* products.c - our own matrix products beside those of BLAS: the products of a network's training step, in turns.
 *
 * Usage: bench_products [ROUNDS] [THREADS]. A row has m, n, k and which operand is transposed; then the best time of a
 * program of ours, the best time of BLAS at its best division among the threads, both with operands that were not used
 * for some time, and the share of ours in the time of BLAS. */
#include "ops/ops.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct product {
    int m, n, k, ta, tb;
} product;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

typedef struct division { /* a product divided into parts along one axis */
    product p;
    int parts, by_rows;
    float *a, *b, *c;
} division;

static void part(void *argument, size_t i, unsigned worker)
{
    const division *d = argument;
    const product *p = &d->p;
    (void)worker;
    int length = d->by_rows ? p->m : p->n, units = (length + 15) / 16;
    int from = (int)i * units / d->parts * 16, to = ((int)i + 1) * units / d->parts * 16;
    if (to > length) to = length;
    if (from >= to) return;
    int lda = p->ta ? p->m : p->k, ldb = p->tb ? p->k : p->n;
    const float *a = d->a + (d->by_rows ? (p->ta ? from : from * lda) : 0);
    const float *b = d->b + (d->by_rows ? 0 : (p->tb ? from * ldb : from));
    float *c = d->c + (d->by_rows ? from * p->n : from);
    cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans,
                d->by_rows ? to - from : p->m, d->by_rows ? p->n : to - from, p->k, 1, a, lda, b, ldb, 0, c, p->n);
}

/* Reads 8 MB, as other layers do between two uses of a weight. */
static double displace(const float *other)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)2 << 20; i += 16) sum += other[i];
    return sum;
}

static void bench(pal_context *context, product p, int rounds)
{
    double sum = 0;
    pal_tensor *a = pal_tensor_new(context, PAL_F32, p.ta ? PAL_SHAPE(p.k, p.m) : PAL_SHAPE(p.m, p.k));
    pal_tensor *b = pal_tensor_new(context, PAL_F32, p.tb ? PAL_SHAPE(p.n, p.k) : PAL_SHAPE(p.k, p.n));
    pal_tensor *c = pal_tensor_new(context, PAL_F32, PAL_SHAPE(p.m, p.n));
    pal_tensor *other = pal_tensor_new(context, PAL_F32, PAL_SHAPE((int64_t)2 << 20));
    for (size_t i = 0; i < pal_tensor_count(a); i++) ((float *)a->data)[i] = (float)(i * 7919 % 1000) / 1000 - 0.4f;
    for (size_t i = 0; i < pal_tensor_count(b); i++) ((float *)b->data)[i] = (float)(i * 104729 % 1000) / 1000 - 0.5f;
    for (size_t i = 0; i < pal_tensor_count(other); i++) ((float *)other->data)[i] = 1;
    pal_tape *t = pal_tape_new(context, PAL_F32);
    pal_var y = pal_matmul_t(pal_leaf(t, a, "a"), pal_leaf(t, b, "b"), p.ta, p.tb);
    pal_program *program = pal_compile(t, &y, 1, NULL);
    if (!program) {
        fprintf(stderr, "products: %s\n", pal_tape_error(t));
        return;
    }
    const int threads = (int)pal_worker_count(context);
    division best = {0};
    double ours = 1e30, blas = 1e30, worst = 0;
    for (int by_rows = 0; by_rows < 2; by_rows++)
        for (int parts = threads; parts <= 2 * threads; parts += threads) {
            division d = {p, parts, by_rows, a->data, b->data, c->data};
            for (int i = 0; i < 5; i++) {
                double began = now_us();
                pal_parallel(context, (size_t)parts, part, &d);
                double took = now_us() - began;
                if (took < blas) blas = took, best = d;
            }
        }
    blas = 1e30;
    for (int i = 0; i < rounds; i++) {
        sum += displace(other->data);
        double began = now_us();
        pal_run(program);
        double took = now_us() - began;
        if (took < ours) ours = took;
        sum += displace(other->data);
        began = now_us();
        pal_parallel(context, (size_t)best.parts, part, &best);
        took = now_us() - began;
        if (took < blas) blas = took;
    }
    for (size_t i = 0; i < pal_tensor_count(c); i++) {
        double d = ((float *)c->data)[i] - ((float *)pal_output(program, 0)->data)[i];
        if (d < 0) d = -d;
        if (d > worst) worst = d;
    }
    printf("%5d %5d %5d %c%c  ours %8.1f us %6.1f GF/s  BLAS %8.1f us  ours / BLAS %.2f  largest difference %.1e\n",
           p.m, p.n, p.k, p.ta ? 't' : 'n', p.tb ? 't' : 'n', ours, 2e-3 * p.m * p.n * p.k / ours, blas, ours / blas,
           worst);
    if (sum < 0) printf("%g\n", sum);
    pal_program_free(program);
    pal_tape_free(t);
    pal_tensor_free(a);
    pal_tensor_free(b);
    pal_tensor_free(c);
    pal_tensor_free(other);
}

int main(int argc, char **argv)
{
    static const product products[] = {
        {128, 1000, 784, 0, 0},  {128, 784, 1000, 0, 1},  {784, 1000, 128, 1, 0},  {128, 256, 784, 0, 0},
        {128, 784, 256, 0, 1},   {784, 256, 128, 1, 0},   {128, 1024, 784, 0, 0},  {128, 784, 1024, 0, 1},
        {784, 1024, 128, 1, 0},  {128, 500, 1000, 0, 0},  {128, 1000, 500, 0, 1},  {1000, 500, 128, 1, 0},
        {128, 250, 500, 0, 0},   {128, 500, 250, 0, 1},   {500, 250, 128, 1, 0},   {128, 30, 250, 0, 0},
        {128, 250, 30, 0, 1},    {250, 30, 128, 1, 0},    {128, 64, 784, 0, 0},    {128, 20, 400, 0, 0},
        {128, 400, 20, 0, 0},    {400, 20, 128, 1, 0},    {128, 10, 8, 0, 0},      {16, 16, 16, 0, 0},
        {32, 32, 32, 0, 0},      {64, 64, 64, 0, 0},      {100, 100, 100, 0, 0},   {1, 1000, 784, 0, 0},
        {10000, 784, 256, 0, 1}, {10000, 256, 784, 0, 0}, {784, 256, 10000, 1, 0}, {1024, 1024, 1024, 0, 0},
        {128, 8192, 784, 0, 0},  {784, 8192, 128, 1, 0},
    };
    int rounds = argc > 1 ? atoi(argv[1]) : 100, threads = argc > 2 ? atoi(argv[2]) : 0;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = (unsigned)threads});
    if (!context || rounds < 1) return fprintf(stderr, "products: usage: bench_products [ROUNDS] [THREADS]\n"), 2;
    /* BLAS is called here directly, so set one thread per call, as the program does. */
    extern void openblas_set_num_threads(int) __attribute__((weak));
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    printf("%u threads, %s, %s\n", pal_context_threads(context), pal_context_isa(context), pal_context_blas(context));
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) bench(context, products[i], rounds);
    pal_context_free(context);
    return 0;
}
