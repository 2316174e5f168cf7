/* products.c - our own matrix products beside those of BLAS: the products of networks' training steps, in turns.
 *
 * Usage: bench_products [ROUNDS] [THREADS] [ISA]. A row has m, n, k and which operand is transposed; then the least
 * time of a program with our product, the least time of BLAS at its best division among the threads, and the ratio.
 * Before each run other memory is read, as other layers do between two uses of a weight. */
#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/clock.h"
#include "bench/division.h"
#include "cli/restart.h"

enum { OTHER = 2 << 20, TRIALS = 5 }; /* floats of other memory: 8 MB */

static const product products[] = {
    {128, 1000, 784, 0, 0}, {128, 784, 1000, 0, 1},  {784, 1000, 128, 1, 0},  {128, 256, 784, 0, 0},
    {128, 784, 256, 0, 1},  {784, 256, 128, 1, 0},   {128, 1024, 784, 0, 0},  {128, 784, 1024, 0, 1},
    {784, 1024, 128, 1, 0}, {128, 500, 1000, 0, 0},  {128, 1000, 500, 0, 1},  {1000, 500, 128, 1, 0},
    {128, 250, 500, 0, 0},  {128, 500, 250, 0, 1},   {500, 250, 128, 1, 0},   {128, 30, 250, 0, 0},
    {128, 250, 30, 0, 1},   {250, 30, 128, 1, 0},    {128, 64, 784, 0, 0},    {128, 20, 400, 0, 0},
    {128, 400, 20, 0, 0},   {400, 20, 128, 1, 0},    {32, 32, 32, 0, 0},      {64, 64, 64, 0, 0},
    {100, 100, 100, 0, 0},  {10000, 784, 256, 0, 1}, {784, 256, 10000, 1, 0}, {1024, 1024, 1024, 0, 0},
    {128, 8192, 784, 0, 0}, {784, 8192, 128, 1, 0}};

static pal_tensor *filled(pal_context *context, int rows, int columns, unsigned step)
{
    pal_tensor *t = pal_tensor_new(context, PAL_F32, PAL_SHAPE(rows, columns));
    for (size_t i = 0; t && i < pal_tensor_count(t); i++)
        ((float *)t->data)[i] = (float)(i * step % 1000) / 1000 - 0.4f;
    return t;
}

static double displace(const pal_tensor *other)
{
    double sum = 0;
    for (size_t i = 0; i < OTHER; i += 16) sum += ((const float *)other->data)[i];
    return sum;
}

static double blas_once(pal_context *context, const division *d, const pal_tensor *other)
{
    const double sum = other ? displace(other) : 0, began = now_us();
    division_run(context, d);
    return now_us() - began + (sum == 0.5);
}

static division best_division(pal_context *context, const division *of)
{
    const int threads = (int)pal_context_threads(context);
    division best = *of;
    double least = 0;
    for (int way = 0; way < 4; way++) {
        division d = *of;
        d.by_rows = way & 1;
        d.parts = way & 2 ? 2 * threads : threads;
        for (int i = 0; i < TRIALS; i++) {
            const double time = blas_once(context, &d, NULL);
            if (least == 0 || time < least) least = time, best = d;
        }
    }
    return best;
}

static int bench(pal_context *context, product p, int rounds)
{
    pal_tensor *a = filled(context, p.ta ? p.k : p.m, p.ta ? p.m : p.k, 7919),
               *b = filled(context, p.tb ? p.n : p.k, p.tb ? p.k : p.n, 104729), *c = filled(context, p.m, p.n, 1),
               *other = filled(context, OTHER / 1024, 1024, 1);
    pal_tape *t = pal_tape_new(context, PAL_F32);
    pal_var y = pal_matmul_t(pal_leaf(t, a, "a"), pal_leaf(t, b, "b"), p.ta, p.tb);
    pal_program *program = pal_compile(t, &y, 1, NULL);
    if (!a || !b || !c || !other || !program) return fprintf(stderr, "products: %s\n", pal_tape_error(t)), 1;
    const division best = best_division(context, &(division){.p = p, .a = a->data, .b = b->data, .c = c->data});
    double ours = 0, blas = 0, sum = 0;
    for (int i = 0; i < rounds; i++) {
        sum += displace(other);
        const double began = now_us();
        pal_run(program);
        const double mine = now_us() - began, theirs = blas_once(context, &best, other);
        if (!i || mine < ours) ours = mine;
        if (!i || theirs < blas) blas = theirs;
    }
    printf("%5d %5d %5d %c%c  ours %9.1f us %6.1f GF/s  BLAS %9.1f us  ours / BLAS %.2f%s\n", p.m, p.n, p.k,
           p.ta ? 't' : 'n', p.tb ? 't' : 'n', ours, 2e-3 * p.m * p.n * p.k / ours, blas, ours / blas,
           sum == 0.5 ? " " : "");
    pal_program_free(program);
    pal_tape_free(t);
    pal_tensor *const tensors[] = {a, b, c, other};
    for (size_t i = 0; i < 4; i++) pal_tensor_free(tensors[i]);
    return 0;
}

int main(int argc, char **argv)
{
    pal_cli_take_kernels(argv);
    const int rounds = argc > 1 ? atoi(argv[1]) : 100, threads = argc > 2 ? atoi(argv[2]) : 0;
    pal_context *context = pal_context_new(&(pal_context_options){
        .struct_size = sizeof(pal_context_options), .threads = (unsigned)threads, .isa = argc > 3 ? argv[3] : NULL});
    if (!context || rounds < 1) return fprintf(stderr, "products: usage: bench_products [ROUNDS] [THREADS] [ISA]\n"), 2;
    printf("%u threads, %s, %s\n", pal_context_threads(context), pal_context_isa(context), pal_context_blas(context));
    /* BLAS is called here directly, with one thread per call, as programs do. */
    extern void openblas_set_num_threads(int) __attribute__((weak));
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    int failed = 0;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) failed |= bench(context, products[i], rounds);
    pal_context_free(context);
    return failed;
}
