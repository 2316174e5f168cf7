/* ops.c - measures the times of single operations in float32, each compiled alone. torch_ops.py has rows with the same
 * names, and compare_ops runs both in turns.
 *
 * Usage: bench_ops [THREADS] [MILLISECONDS] [NAME...]. Each row runs again and again for at least MILLISECONDS. NAMEs
 * choose the rows whose names begin with one of them. The result is the median time of a run in microseconds. */
#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/restart.h"

enum { MOST_RUNS = 2000, LEAST_RUNS = 11 };

/* NUMBERS: uniform in [-2, 2). DEFINITE: positive definite matrices, for Cholesky factors and triangular solves. */
typedef enum fill { NUMBERS, INDICES, DEFINITE } fill;

typedef struct operand {
    pal_shape shape;
    fill fill;
} operand;

typedef struct row {
    const char *name;
    operand in[3];
    size_t (*build)(const pal_var *in, pal_var *out, const void *user); /* returns the number of outputs, at most 2 */
    const void *user;
} row;

/* ---- Recording ------------------------------------------------------------------------------------------------ */

/* user points to a pointer to a function of one of these types. */
typedef pal_var (*unary)(pal_var);
typedef pal_var (*binary)(pal_var, pal_var);
typedef pal_var (*reduction)(pal_var, unsigned, bool);
typedef pal_var (*along)(pal_var, int);

static size_t by_one(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const unary *)user)(in[0]);
    return 1;
}

static size_t by_two(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const binary *)user)(in[0], in[1]);
    return 1;
}

static size_t over_columns(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const reduction *)user)(in[0], 2, false);
    return 1;
}

static size_t over_rows(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const reduction *)user)(in[0], 1, false);
    return 1;
}

static size_t over_all(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const reduction *)user)(in[0], 3, false);
    return 1;
}

static size_t along_last(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const along *)user)(in[0], 1);
    return 1;
}

static size_t along_first(const pal_var *in, pal_var *out, const void *user)
{
    *out = (*(const along *)user)(in[0], 0);
    return 1;
}

static size_t einsum(const pal_var *in, pal_var *out, const void *user)
{
    *out = pal_einsum(user, in[0], in[1]);
    return 1;
}

typedef struct filter {
    int64_t size, stride, padding;
} filter;

static pal_conv2d_options options_of(const filter *f)
{
    return (pal_conv2d_options){.struct_size = sizeof(pal_conv2d_options),
                                .stride = {f->stride, f->stride},
                                .padding = {f->padding, f->padding}};
}

static size_t convolve(const pal_var *in, pal_var *out, const void *user)
{
    pal_conv2d_options o = options_of(user);
    *out = pal_conv2d(in[0], in[1], &o);
    return 1;
}

/* The third operand is the adjoint of the result. */
static size_t convolve_back(const pal_var *in, pal_var *out, const void *user)
{
    pal_conv2d_options o = options_of(user);
    pal_shape x = pal_shape_of(in[0]), w = pal_shape_of(in[1]);
    out[0] = pal_conv2d_to_input(in[2], in[1], x.dim[2], x.dim[3], &o);
    out[1] = pal_conv2d_to_weights(in[0], in[2], w.dim[2], w.dim[3], &o);
    return 2;
}

static pal_var variance(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 1); }
static pal_var cumsum(pal_var x, int axis) { return pal_cumsum(x, axis, false, false); }
static pal_var sort(pal_var x, int axis) { return pal_sort(x, axis, false); }
static pal_var top_ten(pal_var x, int axis) { return pal_top_k(x, axis, 10); }
static pal_var scatter_add(pal_var x, pal_var indices) { return pal_scatter_add(x, indices, 10000); }
static pal_var solve(pal_var l, pal_var b) { return pal_triangular_solve(l, b, false); }
static pal_var layer_norm(pal_var x) { return pal_layer_norm(x, 2, (pal_var){0}, (pal_var){0}, 1e-5); }
static pal_var halves(pal_var x) { return pal_resize_bilinear(x, 56, 56); }

static pal_var max_pool(pal_var x)
{
    return pal_max_pool2d(x, &(pal_pool2d_options){.struct_size = sizeof(pal_pool2d_options), .window = {2, 2}});
}

static pal_var average_pool(pal_var x)
{
    return pal_average_pool2d(x, &(pal_pool2d_options){.struct_size = sizeof(pal_pool2d_options), .window = {2, 2}});
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

/* clang-format off */
#define OF(type, f)  (&(const type){f})
#define MATRIX(m, n) {{2, {m, n}}, NUMBERS}
#define STACK(...)   {{3, {__VA_ARGS__}}, NUMBERS}
#define IMAGES(...)  {{4, {__VA_ARGS__}}, NUMBERS}
#define VECTOR(n)    {{1, {n}}, INDICES}
#define MILLION      {MATRIX(1024, 1024)}
#define FILTER(...)  (&(const filter){__VA_ARGS__})

static const row rows[] = {
    {"add", {MATRIX(1024, 1024), MATRIX(1024, 1024)}, by_two, OF(binary, pal_add)},
    {"exp", MILLION, by_one, OF(unary, pal_exp)},
    {"tanh", MILLION, by_one, OF(unary, pal_tanh)},
    {"sigmoid", MILLION, by_one, OF(unary, pal_sigmoid)},
    {"softplus", MILLION, by_one, OF(unary, pal_softplus)},
    {"gelu", MILLION, by_one, OF(unary, pal_gelu)},
    {"sin", MILLION, by_one, OF(unary, pal_sin)},
    {"sum, all", MILLION, over_all, OF(reduction, pal_sum)},
    {"sum, last axis", MILLION, over_columns, OF(reduction, pal_sum)},
    {"sum, first axis", MILLION, over_rows, OF(reduction, pal_sum)},
    {"max, last axis", MILLION, over_columns, OF(reduction, pal_reduce_max)},
    {"max, first axis", MILLION, over_rows, OF(reduction, pal_reduce_max)},
    {"argmax, last axis", MILLION, along_last, OF(along, pal_arg_max)},
    {"logsumexp, last axis", MILLION, over_columns, OF(reduction, pal_logsumexp)},
    {"logsumexp, first axis", MILLION, over_rows, OF(reduction, pal_logsumexp)},
    {"norm, last axis", MILLION, over_columns, OF(reduction, pal_norm)},
    {"norm, all", MILLION, over_all, OF(reduction, pal_norm)},
    {"variance, last axis", MILLION, over_columns, OF(reduction, variance)},
    {"softmax, last axis", MILLION, along_last, OF(along, pal_softmax)},
    {"softmax of 10 classes", {MATRIX(16384, 10)}, along_last, OF(along, pal_softmax)},
    {"layer norm", MILLION, by_one, OF(unary, layer_norm)},
    {"cumsum, last axis", MILLION, along_last, OF(along, cumsum)},
    {"cumsum, first axis", MILLION, along_first, OF(along, cumsum)},
    {"sort, last axis", {MATRIX(256, 1024)}, along_last, OF(along, sort)},
    {"top 10, last axis", {MATRIX(256, 1024)}, along_last, OF(along, top_ten)},
    {"take 4096 rows of 128", {MATRIX(10000, 128), VECTOR(4096)}, by_two, OF(binary, pal_take)},
    {"scatter_add 4096 rows of 128", {MATRIX(4096, 128), VECTOR(4096)}, by_two, OF(binary, scatter_add)},
    {"transpose, copied", MILLION, by_one, OF(unary, pal_transpose)},
    {"matmul 512", {MATRIX(512, 512), MATRIX(512, 512)}, by_two, OF(binary, pal_matmul)},
    {"matmul 32 of 128", {STACK(32, 128, 128), STACK(32, 128, 128)}, by_two, OF(binary, pal_matmul)},
    {"matmul 1024 of 8", {STACK(1024, 8, 8), STACK(1024, 8, 8)}, by_two, OF(binary, pal_matmul)},
    {"einsum nij,jk->nik", {STACK(32, 64, 128), MATRIX(128, 64)}, einsum, "nij,jk->nik"},
    {"einsum nij,njk->kni", {STACK(32, 64, 128), STACK(32, 128, 64)}, einsum, "nij,njk->kni"},
    {"conv 1x28x28 to 16, 3x3", {IMAGES(32, 1, 28, 28), IMAGES(16, 1, 3, 3)}, convolve, FILTER(3, 1, 1)},
    {"conv 1x28x28 to 16, 3x3: gradients",
     {IMAGES(32, 1, 28, 28), IMAGES(16, 1, 3, 3), IMAGES(32, 16, 28, 28)}, convolve_back, FILTER(3, 1, 1)},
    {"conv 16x28x28 to 32, 3x3 by 2", {IMAGES(32, 16, 28, 28), IMAGES(32, 16, 3, 3)}, convolve, FILTER(3, 2, 1)},
    {"conv 16x28x28 to 32, 3x3 by 2: gradients",
     {IMAGES(32, 16, 28, 28), IMAGES(32, 16, 3, 3), IMAGES(32, 32, 14, 14)}, convolve_back, FILTER(3, 2, 1)},
    {"conv 32x14x14 to 64, 3x3", {IMAGES(32, 32, 14, 14), IMAGES(64, 32, 3, 3)}, convolve, FILTER(3, 1, 1)},
    {"conv 32x14x14 to 64, 3x3: gradients",
     {IMAGES(32, 32, 14, 14), IMAGES(64, 32, 3, 3), IMAGES(32, 64, 14, 14)}, convolve_back, FILTER(3, 1, 1)},
    {"conv 64x14x14 to 128, 1x1", {IMAGES(32, 64, 14, 14), IMAGES(128, 64, 1, 1)}, convolve, FILTER(1, 1, 0)},
    {"conv 64x14x14 to 128, 1x1: gradients",
     {IMAGES(32, 64, 14, 14), IMAGES(128, 64, 1, 1), IMAGES(32, 128, 14, 14)}, convolve_back, FILTER(1, 1, 0)},
    {"max pool 2x2", {IMAGES(32, 16, 28, 28)}, by_one, OF(unary, max_pool)},
    {"average pool 2x2", {IMAGES(32, 16, 28, 28)}, by_one, OF(unary, average_pool)},
    {"bilinear, twice as large", {IMAGES(32, 16, 28, 28)}, by_one, OF(unary, halves)},
    {"Cholesky 512", {{{2, {512, 512}}, DEFINITE}}, by_one, OF(unary, pal_cholesky)},
    {"Cholesky 256 of 32", {{{3, {256, 32, 32}}, DEFINITE}}, by_one, OF(unary, pal_cholesky)},
    {"solve 512, 64 sides", {{{2, {512, 512}}, DEFINITE}, MATRIX(512, 64)}, by_two, OF(binary, solve)},
    {"solve 256 of 32, a side", {{{3, {256, 32, 32}}, DEFINITE}, STACK(256, 32, 1)}, by_two, OF(binary, solve)},
};
/* clang-format on */

/* ---- Timing --------------------------------------------------------------------------------------------------- */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static pal_tensor *fill_in(pal_context *context, const operand *o, const char *stream)
{
    pal_tensor *t = pal_tensor_new(context, o->fill == INDICES ? PAL_I32 : PAL_F32, o->shape);
    size_t n = (size_t)o->shape.dim[o->shape.rank - 1];
    for (size_t i = 0; i < pal_tensor_count(t); i++) {
        double u = 0, apart = (double)(i % n) - (double)(i / n % n);
        pal_noise_uniform((pal_noise){.seed = 1}, stream, i, 1, &u);
        pal_tensor_set(t, i,
                       o->fill == NUMBERS   ? 4 * u - 2
                       : o->fill == INDICES ? (double)(int)(10000 * u)
                                            : 1 / (1 + (apart < 0 ? -apart : apart)) + (apart == 0));
    }
    return t;
}

static double median_of_runs(pal_program *program, double milliseconds)
{
    static double times[MOST_RUNS];
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        if (pal_run(program) != PAL_OK) return -1;
    for (double began = now_us(); n < MOST_RUNS && (n < LEAST_RUNS || now_us() - began < 1e3 * milliseconds); n++) {
        double start = now_us();
        pal_run(program);
        times[n] = now_us() - start;
    }
    qsort(times, n, sizeof *times, by_value);
    return times[n / 2];
}

static int bench(pal_context *context, const row *r, const char *name, double milliseconds)
{
    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_tensor *tensors[3] = {0};
    pal_var in[3], out[2];
    const char *streams[] = {"a", "b", "c"};
    for (int i = 0; i < 3 && r->in[i].shape.rank; i++)
        in[i] = pal_leaf(tape, tensors[i] = fill_in(context, &r->in[i], streams[i]), streams[i]);
    size_t n = r->build(in, out, r->user);
    pal_program *program = pal_compile(tape, out, n, NULL);
    double time = program ? median_of_runs(program, milliseconds) : -1;
    const char *why = program ? pal_program_error(program) : pal_tape_error(tape);
    if (time < 0)
        fprintf(stderr, "ops: %s: %s\n", name, why);
    else
        printf("%s | palindrome %.1f\n", name, time);
    fflush(stdout);
    pal_program_free(program);
    pal_tape_free(tape);
    for (int i = 0; i < 3; i++) pal_tensor_free(tensors[i]);
    return time < 0;
}

static int chosen(const char *name, int n, char **prefixes)
{
    for (int i = 0; i < n; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) return 1;
    return n <= 0;
}

int main(int argc, char **argv)
{
    pal_cli_take_kernels(argv);
    int threads = argc > 1 ? atoi(argv[1]) : 0, failed = 0;
    double milliseconds = argc > 2 ? atof(argv[2]) : 40;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = (unsigned)threads});
    if (!context || milliseconds <= 0)
        return fprintf(stderr, "ops: usage: bench_ops [THREADS] [MILLISECONDS] [NAME...]\n"), 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (chosen(rows[i].name, argc - 3, argv + 3)) failed |= bench(context, &rows[i], rows[i].name, milliseconds);
    pal_context_free(context);
    return failed;
}
