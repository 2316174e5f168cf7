/* derivatives.c - measures the times of gradients and of second derivatives of single functions in float32.
 *
 * Usage: bench_derivatives [THREADS] [MILLISECONDS] [NAME...]. Each row runs again and again for at least MILLISECONDS.
 * NAMEs choose the rows whose names begin with one of them. A line has the median times in microseconds: of the
 * gradient of the sum of the function's results, and of the gradient of half the sum of that gradient's squares. */
#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/restart.h"

enum { MOST_RUNS = 2000, LEAST_RUNS = 11, SIDE = 512 };

typedef pal_var (*function)(const pal_var *in);

/* ---- Functions of two matrices whose elements are between 0.1 and 0.9 ----------------------------------------- */

#define FUNCTION(name, value)                                                                                          \
    static pal_var name##_of(const pal_var *in) { return value; }
static const pal_var none = {0};
/* The statistics stay until the program ends. */
static pal_var batch_norm(const pal_var *in, pal_var x)
{
    const int64_t channels = pal_shape_of(x).dim[1];
    static pal_tensor *kept[2][SIDE + 1];
    pal_var leaf[2];
    for (int i = 0; i < 2; i++) {
        if (!kept[i][channels])
            kept[i][channels] = pal_tensor_new(pal_tape_context(in[0].tape), PAL_F32, PAL_SHAPE(channels));
        leaf[i] = pal_leaf(in[0].tape, kept[i][channels], i ? "variance" : "mean");
    }
    return pal_batch_norm(x, none, none, leaf[0], leaf[1], NULL);
}

FUNCTION(sqrt, pal_sqrt(in[0]))
FUNCTION(log, pal_log(in[0]))
FUNCTION(asin, pal_asin(in[0]))
FUNCTION(acos, pal_acos(in[0]))
FUNCTION(hypot, pal_hypot(in[0], in[1]))
FUNCTION(atan2, pal_atan2(in[0], in[1]))
FUNCTION(pow, pal_pow(in[0], in[1]))
FUNCTION(xlogy, pal_xlogy(in[0], in[1]))
FUNCTION(logaddexp, pal_logaddexp(in[0], in[1]))
FUNCTION(bernoulli, pal_bernoulli_cross_entropy(in[0], in[1]))
FUNCTION(norm, pal_norm(in[0], 2, false))
FUNCTION(logsumexp, pal_logsumexp(in[0], 2, false))
FUNCTION(softmax, pal_square(pal_softmax(in[0], 1)))
FUNCTION(variance, pal_variance(in[0], 2, false, 1))
FUNCTION(variance_rows, pal_variance(in[0], 1, false, 1))
FUNCTION(variance_all, pal_variance(in[0], 3, false, 1))
FUNCTION(layer_norm, pal_mul(in[1], pal_layer_norm(in[0], 2, none, none, 1e-5)))
FUNCTION(batch_norm, pal_mul(in[1], batch_norm(in, in[0])))
FUNCTION(batch_norm_planes, pal_square(batch_norm(in, pal_reshape(in[0], PAL_SHAPE(32, 32, 16, 16)))))
#undef FUNCTION

static const struct {
    const char *name;
    function f;
    int operands;
} rows[] = {{"sqrt", sqrt_of, 1},
            {"log", log_of, 1},
            {"asin", asin_of, 1},
            {"acos", acos_of, 1},
            {"hypot", hypot_of, 2},
            {"atan2", atan2_of, 2},
            {"pow", pow_of, 2},
            {"xlogy", xlogy_of, 2},
            {"logaddexp", logaddexp_of, 2},
            {"bernoulli cross-entropy", bernoulli_of, 1},
            {"norm, last axis", norm_of, 1},
            {"logsumexp, last axis", logsumexp_of, 1},
            {"softmax, last axis", softmax_of, 1},
            {"variance, last axis", variance_of, 1},
            {"variance, first axis", variance_rows_of, 1},
            {"variance, all", variance_all_of, 1},
            {"layer norm", layer_norm_of, 1},
            {"batch norm", batch_norm_of, 1},
            {"batch norm of planes", batch_norm_planes_of, 1}};

/* ---- Timing --------------------------------------------------------------------------------------------------- */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_of_runs(pal_program *program, double milliseconds)
{
    static double times[MOST_RUNS];
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        if (pal_run(program) != PAL_OK) return -1;
    for (double began = now_us(); n < MOST_RUNS && (n < LEAST_RUNS || now_us() - began < 1e3 * milliseconds); n++) {
        const double start = now_us();
        pal_run(program);
        times[n] = now_us() - start;
    }
    qsort(times, n, sizeof *times, by_value);
    return times[n / 2];
}

/* order 1: the gradients of the sum of f. order 2: those of half the sum of their squares. */
static double measure(pal_tape *tape, const pal_var *in, size_t i, int order, double milliseconds)
{
    pal_var y = pal_sum_all(rows[i].f(in)), g[2];
    const size_t n = (size_t)rows[i].operands;
    pal_grad(y, in, n, g);
    if (order == 2) {
        y = pal_sum_squares(g[0]);
        for (size_t k = 1; k < n; k++) y = pal_add(y, pal_sum_squares(g[k]));
        pal_grad(pal_scale(y, 0.5), in, n, g);
    }
    pal_program *program = pal_compile(tape, g, n, NULL);
    const double time = program ? median_of_runs(program, milliseconds) : -1;
    pal_program_free(program);
    return time;
}

static bool bench(pal_context *context, size_t i, double milliseconds)
{
    double time[2];
    for (int order = 1; order <= 2; order++) {
        pal_tape *tape = pal_tape_new(context, PAL_F32);
        pal_tensor *tensor[2];
        pal_var in[2];
        for (int k = 0; k < 2; k++) {
            tensor[k] = pal_tensor_new(context, PAL_F32, PAL_SHAPE(SIDE, SIDE));
            for (size_t e = 0; e < pal_tensor_count(tensor[k]); e++) {
                double u;
                pal_noise_uniform((pal_noise){.seed = 1}, k ? "b" : "a", e, 1, &u);
                pal_tensor_set(tensor[k], e, 0.1 + 0.8 * u);
            }
            in[k] = pal_leaf(tape, tensor[k], k ? "b" : "a");
        }
        time[order - 1] = measure(tape, in, i, order, milliseconds);
        if (pal_tape_error(tape)) fprintf(stderr, "derivatives: %s: %s\n", rows[i].name, pal_tape_error(tape));
        pal_tape_free(tape);
        for (int k = 0; k < 2; k++) pal_tensor_free(tensor[k]);
    }
    printf("%s | %.1f | %.1f\n", rows[i].name, time[0], time[1]);
    fflush(stdout);
    return time[0] > 0 && time[1] > 0;
}

static bool chosen(const char *name, int n, char **prefixes)
{
    for (int i = 0; i < n; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) return true;
    return n <= 0;
}

int main(int argc, char **argv)
{
    pal_cli_take_kernels(argv);
    const int threads = argc > 1 ? atoi(argv[1]) : 0;
    const double milliseconds = argc > 2 ? atof(argv[2]) : 40;
    bool good = true;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = (unsigned)threads});
    if (!context || milliseconds <= 0)
        return fprintf(stderr, "derivatives: usage: bench_derivatives [THREADS] [MILLISECONDS] [NAME...]\n"), 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (chosen(rows[i].name, argc - 3, argv + 3)) good &= bench(context, i, milliseconds);
    pal_context_free(context);
    return !good;
}
